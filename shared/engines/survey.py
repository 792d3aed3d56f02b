"""Where snapshot and live tenant differ, object by object and link by link, as far as planning needs it.

Reading only; nothing is decided here. What is kept in memory follows the number of differences, not the size
of the tenant. An object counts as missing only where the live listing is complete.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field

from shared.catalog.registry import Catalog
from shared.catalog.spec import MatchKey, ObjectType, Relationship, Strength
from shared.domain.errors import Unusable
from shared.domain.objects import Json, JsonObject, Link, ObjectKey
from shared.domain.plan import Scope, Word
from shared.domain.snapshot import Completeness, IndexEntry
from shared.engines.bins import Bins
from shared.engines.canonical import TYPE_TAG, is_annotation
from shared.engines.choices import spelled, spoken
from shared.engines.compare import Form
from shared.engines.conditions import holds, member_at
from shared.engines.merge import both_indexes, both_links, completeness_of
from shared.engines.natures import Told, told_of
from shared.engines.opening import Pair, each, read_objects, read_pairs
from shared.engines.view import View

KeyValue = tuple[str, tuple[str, ...], str, tuple[Json, ...]]  # type, properties, parent, values


@dataclass(frozen=True, slots=True)
class Missing:
    """An object of the snapshot that is not live. `item` without annotations, and without nulls unless the bin
    holds it."""

    key: ObjectKey
    entry: IndexEntry
    item: JsonObject
    in_scope: bool

    @property
    def parent(self) -> str:
        return self.entry.parent


@dataclass(frozen=True, slots=True)
class Holder:
    """A live object that holds a unique key. `content`: what it says, for telling a twin from a stranger. `known`:
    it is in the snapshot, too, where it held something else."""

    id: str
    content: bytes
    type: str
    entry: IndexEntry
    known: bool


@dataclass(slots=True)
class TypeSurvey:
    spec: ObjectType
    snapshot: Completeness
    live: Completeness
    missing: dict[str, Missing] = field(default_factory=dict)
    added: list[IndexEntry] = field(default_factory=list)
    told: Told | None = None  # of the missing objects, where another type's objects tell what they were


@dataclass(slots=True)
class LinkSurvey:
    """Links of one relationship: source → links. Empty unless both sides are complete."""

    spec: ObjectType
    relationship: Relationship
    snapshot: Completeness
    live: Completeness
    missing: dict[str, list[Link]] = field(default_factory=dict)
    added: dict[str, list[Link]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.spec.name}.{self.relationship.name}"

    @property
    def both_complete(self) -> bool:
        return self.snapshot.is_complete and self.live.is_complete


def _only_ways_out_of_a_bin(scope: Scope) -> None:
    """A rescue writes nothing to a live object but a name that it gives up."""
    if told := [spelled(one) for one in spoken(scope) if one.word in (Word.ADOPT, Word.TAKE)]:
        raise Unusable(
            f"a rescue takes things from recycle bins, and neither adopts nor overwrites: {', '.join(told)}",
            hint="say skip, keep or rename, or plan without --rescue",
        )


class Reach:
    """Which objects, and what of them, a request asked for. Contained objects follow their parents."""

    def __init__(self, scope: Scope, catalog: Catalog) -> None:
        """Raises `Unusable` for a scope that names what isn't in the catalog, contradicts itself, or asks of
        another tenant what only the snapshot's own can be asked."""
        _check_into(scope)
        for name in scope.types:
            catalog.get(name)
        if scope.dependencies and not scope.ids:
            raise Unusable("only named objects have dependencies", hint="name objects, or leave it out")
        if scope.contain and (scope.types or scope.members or scope.prune or scope.dependencies):
            raise Unusable("containment is a plan of its own", hint="ask for nothing else but accounts to shut")
        if scope.rescue and (scope.members or scope.prune or scope.contain):
            raise Unusable("a rescue takes things from recycle bins as they are, and nothing else")
        if scope.rescue:
            _only_ways_out_of_a_bin(scope)
        # Of containment, `ids` are accounts to shut: they may have been added since.
        self._types = frozenset(scope.types)
        self._ids = frozenset(() if scope.contain else scope.ids)
        self._members: dict[str, set[str]] = {}
        self.contain = scope.contain
        if scope.contain:
            self._members = {one.name: set(one.contain.members) if one.contain else set() for one in catalog.types}
        for named in scope.members:
            name, member = _member(catalog, named)
            self._members.setdefault(name, set()).add(member)
        self.prune = scope.prune
        self.rescue = scope.rescue
        self.seen: set[str] = set()

    @property
    def everything(self) -> bool:
        """Whether no object is left out of the types asked for."""
        return not self._ids

    def whole(self, spec: ObjectType) -> bool:
        """Whether objects of the type come back, and all of them, not only members that were named."""
        if self.contain:
            return False
        return not self._members or spec.parent_relationship in self._members.get(spec.parent, ())

    def member(self, spec: ObjectType, name: str) -> bool:
        """Whether this property or relationship was asked for."""
        return self.whole(spec) or name in self._members.get(spec.name, ())

    def of(self, spec: ObjectType, item: JsonObject) -> JsonObject:
        """The object with what was asked for of it, and what says what it is."""
        if self.whole(spec):
            return item
        return {name: value for name, value in item.items() if is_annotation(name) or self.member(spec, name)}

    def type(self, spec: ObjectType) -> bool:
        asked = not self._members or spec.name in self._members or self.whole(spec)
        return asked and (not self._types or spec.name in self._types or spec.parent in self._types)

    def object(self, spec: ObjectType, object_id: str, parent: str = "") -> bool:
        return self.type(spec) and (
            not self._ids or object_id in self._ids or (parent != "" and parent in self._ids)
        )

    def named(self, entry: IndexEntry) -> bool:
        """Whether the object itself was asked for by its id."""
        return entry.id in self._ids

    def note(self, entry: IndexEntry) -> None:
        if entry.id in self._ids:
            self.seen.add(entry.id)

    def check(self) -> None:
        """Raises `Unusable` for ids that the snapshot doesn't hold."""
        if unknown := sorted(self._ids - self.seen):
            raise Unusable(
                f"{len(unknown)} of the ids asked for are not in the snapshot: {', '.join(unknown[:5])}",
                hint="look the ids up with `holdfast show`",
            )


def _check_into(scope: Scope) -> None:
    """Into another tenant things only come: what is to be shut, taken away or emptied is in the one that was
    damaged."""
    if not scope.into:
        return
    for asked, flag, why in (
        (
            scope.contain,
            "--contain",
            "who has to be kept out is in the tenant that was damaged, with what they hold",
        ),
        (
            scope.prune,
            "--prune",
            "what the other tenant has beside the snapshot is its own, and wasn't added to it",
        ),
        (scope.rescue, "--rescue", "what was deleted is in the recycle bins of the tenant that it was deleted in"),
    ):
        if asked:
            raise Unusable(
                f"{flag} is not for another tenant: {why}",
                saved="nothing was planned",
                hint=f"signed in to the damaged tenant: holdfast plan SNAPSHOT {flag} (without --into); "
                f"here: the same command without {flag}",
            )


def _member(catalog: Catalog, named: str) -> tuple[str, str]:
    """Type and member of `users.department`. Raises `Unusable` where a restore could never write that."""
    name, dot, member = named.partition(".")
    spec = catalog.get(name)
    if not dot or not member:
        raise Unusable(f"{named!r} is no member", hint="name the type, too: users.department, groups.members")
    known = {*spec.restorable, *(one.name for one in spec.relationships)}
    if member not in spec.restorable_in([member]) | known:
        raise Unusable(f"{name} has no {member} that a restore writes", hint=f"known: {', '.join(sorted(known))}")
    return name, member


async def survey_types(
    snapshot: View, live: View, bins: Bins, catalog: Catalog, reach: Reach
) -> dict[str, TypeSurvey]:
    surveys = {}
    for spec in catalog.compared:
        surveys[spec.name] = await _survey_type(snapshot, live, bins.get(spec.name, {}), spec, reach)
    reach.check()
    return surveys


async def _survey_type(
    snapshot: View, live: View, binned: Mapping[str, JsonObject], spec: ObjectType, reach: Reach
) -> TypeSurvey:
    survey = TypeSurvey(spec, completeness_of(snapshot, spec), completeness_of(live, spec))
    gone: list[IndexEntry] = []
    async for old, new in both_indexes(snapshot, live, spec.name):
        if old is not None:
            reach.note(old)
        if old is not None and new is None:
            gone.append(old)
        elif new is not None and old is None:
            survey.added.append(new)
    if not survey.live.is_complete:
        return survey
    # Objects that others know by a server-made value (appId) are opened even out of scope: references to
    # them have to be told from references to another tenant's.
    opened = [entry for entry in gone if spec.keys_besides_id or reach.object(spec, entry.id, entry.parent)]
    closed = {entry.id: entry for entry in gone}
    async for entry, item in read_objects(snapshot, spec.name, each(opened)):
        closed.pop(entry.id)
        asked = reach.whole(spec) and reach.object(spec, entry.id, entry.parent)
        told = _told(item, nulls=entry.id in binned)
        survey.missing[entry.id] = Missing(ObjectKey(spec.name, entry.id), entry, told, asked)
    for entry in closed.values():
        survey.missing[entry.id] = Missing(ObjectKey(spec.name, entry.id), entry, {}, in_scope=False)
    if spec.nature is not None:
        items = {key: missing.item for key, missing in survey.missing.items()}
        survey.told = await told_of(snapshot, spec, items)
    return survey


def _told(item: JsonObject, *, nulls: bool) -> JsonObject:
    """Without annotations, and, where it is to be made anew, without nulls: half of an object otherwise."""
    return {
        name: value
        for name, value in item.items()
        if (nulls or value is not None) and (name == TYPE_TAG or not is_annotation(name))
    }


async def pairs(
    snapshot: View, live: View, type_name: str, *, unchanged: bool
) -> AsyncIterator[tuple[IndexEntry, JsonObject, JsonObject]]:
    """Objects that are in both, as the snapshot and as the live tenant hold them, in id order. Those of equal
    content only if `unchanged`."""

    async def both() -> AsyncIterator[Pair]:
        async for old, new in both_indexes(snapshot, live, type_name):
            if old is not None and new is not None and (old.hash != new.hash or unchanged):
                yield old, new

    async for (old, _), old_item, new_item in read_pairs(snapshot, live, type_name, both()):
        yield old, old_item, new_item


# --- unique keys


def unique_keys(spec: ObjectType) -> tuple[MatchKey, ...]:
    return tuple(key for key in spec.match_keys if key.strength is Strength.UNIQUE)


def key_values(spec: ObjectType, key: MatchKey, item: JsonObject, parent: str) -> list[KeyValue]:
    """The values by which an object holds a unique key: none where a part is missing, several for a list. A
    contained object's key is unique within its parent. The directory doesn't tell upper from lower case."""
    if key.when is not None and not holds(key.when, item):
        return []
    space, parent = (key.space, "") if key.space else (spec.name, parent)
    parts: list[Json] = []
    for name in key.properties:
        value = member_at(item, name)
        if value is None or value == "" or value == []:
            if name not in key.optional:
                return []
            value = ""
        parts.append(value)
    if len(parts) == 1 and isinstance(parts[0], list):
        return [(space, key.properties, parent, (folded(one),)) for one in parts[0]]
    return [(space, key.properties, parent, tuple(folded(one) for one in parts))]


def folded(value: Json) -> Json:
    """As the directory compares it."""
    if isinstance(value, list):
        return " ".join(sorted(str(folded(one)) for one in value))
    return value.casefold() if isinstance(value, str) else str(value)


async def live_holders(live: View, snapshot: View, surveys: dict[str, TypeSurvey]) -> dict[KeyValue, Holder]:
    """Who holds unique keys, among live objects that are not as in the snapshot: an object that is as it was
    holds what it held then."""
    holders: dict[KeyValue, Holder] = {}
    wanted = _computed(surveys)
    for survey in surveys.values():
        spec = survey.spec
        keys = unique_keys(spec)
        if not keys:
            continue
        form = Form(spec)
        added = {entry.id for entry in survey.added}
        changed = (
            new
            async for old, new in both_indexes(snapshot, live, spec.name)
            if new is not None and (old is None or old.hash != new.hash)
        )
        async for entry, item in read_objects(live, spec.name, changed):
            content = form.content(item, spec.content) if spec.by_content else b""
            holder = Holder(entry.id, content, spec.name, entry, entry.id not in added)
            for key in keys:
                for value in key_values(spec, key, item, entry.parent):
                    if key.written or value in wanted:
                        holders[value] = holder
    return holders


def _computed(surveys: dict[str, TypeSurvey]) -> set[KeyValue]:
    """Values that missing objects have and nothing writes: only who holds one of these is in anybody's way."""
    return {
        value
        for survey in surveys.values()
        for key in unique_keys(survey.spec)
        if not key.written
        for missing in survey.missing.values()
        for value in key_values(survey.spec, key, missing.item, missing.parent)
    }


# --- links


async def survey_links(snapshot: View, live: View, catalog: Catalog) -> list[LinkSurvey]:
    surveys = []
    for spec, relationship in catalog.relationships:
        if relationship.contains:
            continue
        name = f"{spec.name}.{relationship.name}"
        survey = LinkSurvey(spec, relationship, snapshot.completeness(name), live.completeness(name))
        surveys.append(survey)
        if not survey.both_complete:
            continue
        async for old, new in both_links(snapshot, live, spec.name, relationship.name):
            if old is not None and new is None:
                survey.missing.setdefault(old.source, []).append(old)
            elif new is not None and old is None:
                survey.added.setdefault(new.source, []).append(new)
    return surveys


# --- who is there


async def entries_of(view: View, type_name: str, ids: Iterable[str]) -> dict[str, IndexEntry]:
    """Index entries of these ids, as far as the view has them."""
    wanted = set(ids)
    if not wanted:
        return {}
    return {entry.id: entry async for entry in view.index(type_name) if entry.id in wanted}


async def objects_of(
    view: View, type_name: str, ids: Iterable[str]
) -> AsyncIterator[tuple[IndexEntry, JsonObject]]:
    """Objects of these ids with their entries, as far as the view has them, sorted by id."""
    entries = await entries_of(view, type_name, ids)
    async for one in read_objects(view, type_name, each(entries[key] for key in sorted(entries))):
        yield one


async def holders_of(view: View, spec: ObjectType, member: str, values: set[str]) -> set[str]:
    """Which of these values some object of the view holds in a member. Opens every object of the type."""
    found: set[str] = set()
    async for _, item in read_objects(view, spec.name, view.index(spec.name)):
        value = item.get(member)
        if isinstance(value, str) and value in values:
            found.add(value)
    return found

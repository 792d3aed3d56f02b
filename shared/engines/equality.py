"""Whether the live tenant says what a snapshot says, seen through the id map of a restore.

Every restorable property of every object, every link, and every reference: an object that got a new id is
looked for under it, and whatever named the old one must name the new one. Differences come out one by one;
nothing is judged here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType, Relationship, ValueReference
from shared.domain.objects import Json, JsonObject, Link
from shared.domain.snapshot import Completeness, IndexEntry
from shared.engines.canonical import is_annotation
from shared.engines.compare import Form
from shared.engines.conditions import holds
from shared.engines.markers import Bindings, resolve
from shared.engines.member_groups import unread, without
from shared.engines.merge import both_indexes, both_links, completeness_of, left_off
from shared.engines.opening import TOGETHER, Pair, each, open_pairs, read_objects
from shared.engines.references import find, may_name, renamed, rewrite
from shared.engines.report import Kind
from shared.engines.view import View


@dataclass(frozen=True, slots=True)
class Difference:
    """`target`: id in the snapshot (of what is only live: its id there). `parent` likewise. `computed`: the
    service makes these links itself. `added`: the object is only live."""

    kind: Kind
    type: str
    target: str
    live: str = ""
    name: str = ""
    member: str = ""
    other: str = ""
    parent: str = ""
    computed: bool = False
    added: bool = False
    why: str = ""


class Comparison:
    """`ids`: old id (or appId) → new, for everything that the restore brought back. `counts` fills while the
    differences are read."""

    def __init__(self, snapshot: View, live: View, catalog: Catalog, ids: Mapping[str, str]) -> None:
        self._snapshot = snapshot
        self._live = live
        self._catalog = catalog
        self._ids = {old: new for old, new in ids.items() if old != new}
        self._olds = {new: old for old, new in self._ids.items()}
        self._known: Callable[[JsonObject], JsonObject] = lambda item: item
        self.counts = {"objects": 0, "links": 0, "properties": 0}

    async def differences(self) -> AsyncIterator[Difference]:
        for spec in self._catalog.compared:
            async for one in self._objects(spec):
                yield one
        for spec, relationship in self._catalog.relationships:
            if not relationship.contains:
                async for one in self._links(spec, relationship):
                    yield one

    # objects

    async def _objects(self, spec: ObjectType) -> AsyncIterator[Difference]:
        states = completeness_of(self._snapshot, spec), completeness_of(self._live, spec)
        whole = all(state.is_complete for state in states)
        for why in self._not_compared(states, evidence_only=bool(spec.only_read)):
            yield Difference(Kind.NOT_COMPARED, spec.name, "", why=why)
        renewed = await self._entries(self._live, spec, self._olds.keys())
        reads_all = bool(self._ids) and may_name(spec.references, self._ids)
        left_out = unread(spec, self._snapshot, self._live)
        for group, why in sorted(left_out.items()):
            yield Difference(Kind.NOT_COMPARED, spec.name, "", member=group, why=why)
        self._known = without(spec, left_out)
        # What needs no look inside is told at once, the rest pack by pack afterwards.
        pairs: list[Pair] = []
        unknown: list[IndexEntry] = []
        async for old, new in both_indexes(self._snapshot, self._live, spec.name):
            if old is not None:
                self.counts["objects"] += 1
            if old is not None and new is not None:
                if old.hash != new.hash or reads_all or old.parent != new.parent:
                    pairs.append((old, new))
            elif old is not None:
                found = renewed.get(self._ids.get(old.id, ""))
                if found is not None:
                    pairs.append((old, found))
                elif whole:
                    yield Difference(Kind.MISSING, spec.name, old.id, name=old.name, parent=old.parent)
            elif new is not None and new.id not in self._olds:
                if whole:
                    yield Difference(Kind.ADDED, spec.name, new.id, new.id, new.name, parent=self._old(new.parent))
                if reads_all:
                    unknown.append(new)
            if len(pairs) >= TOGETHER or len(unknown) >= TOGETHER:
                async for one in self._opened(spec, pairs, unknown):
                    yield one
                pairs, unknown = [], []
        async for one in self._opened(spec, pairs, unknown):
            yield one

    async def _opened(
        self, spec: ObjectType, pairs: Sequence[Pair], unknown: Sequence[IndexEntry]
    ) -> AsyncIterator[Difference]:
        """What differs inside of objects, and replaced ids in objects that the snapshot doesn't know."""
        async for (old, new), then, now in open_pairs(self._snapshot, self._live, spec.name, pairs):
            for one in self._pair(spec, old, new, self._known(then), now):
                yield one
        async for new, item in read_objects(self._live, spec.name, each(unknown)):
            for one in self._old_references(spec, item, new.id, new, added=True):
                yield one

    def _pair(
        self, spec: ObjectType, old: IndexEntry, new: IndexEntry, then: JsonObject, now: JsonObject
    ) -> Iterator[Difference]:
        members = spec.restorable_in(then)
        if old.id != new.id:
            members |= frozenset(spec.create_only)
        expected = self._rewritten(spec, then)
        called = renamed(spec.references, members, lambda name: self._ids.get(name, name))
        form = Form(spec)
        for member in sorted(members):
            if member in spec.volatile or is_annotation(member) or member not in expected:
                continue
            self.counts["properties"] += 1
            if not form.same(member, now.get(called[member]), expected[member]):
                yield Difference(Kind.CHANGED, spec.name, old.id, new.id, old.name, member, parent=old.parent)
        if self._ids.get(old.parent, old.parent) != new.parent:
            yield Difference(Kind.CHANGED, spec.name, old.id, new.id, old.name, "parent", parent=old.parent)
        yield from self._old_references(spec, now, old.id, new)

    def _old_references(
        self, spec: ObjectType, now: JsonObject, target: str, new: IndexEntry, *, added: bool = False
    ) -> Iterable[Difference]:
        """Ids that were replaced and still stand in a live object."""
        for found in find(spec.references, now):
            if found.value in self._ids:
                yield Difference(
                    Kind.OLD_REFERENCE,
                    spec.name,
                    target,
                    new.id,
                    new.name,
                    found.member,
                    found.value,
                    parent=self._old(new.parent),
                    added=added,
                )

    def _rewritten(self, spec: ObjectType, item: JsonObject) -> JsonObject:
        if not self._ids or not spec.references:
            return item

        def new(reference: ValueReference, value: str) -> Json:
            return self._ids.get(value, value)

        rewritten = resolve(rewrite(spec.references, item, new), Bindings())
        assert isinstance(rewritten, dict)
        return rewritten

    def _not_compared(
        self, states: tuple[Completeness, Completeness], *, evidence_only: bool = False
    ) -> Iterator[str]:
        """Why either side can't be compared whole; nothing is said of what is off on purpose."""
        if left_off(states, evidence_only=evidence_only):
            return
        for view, state in zip((self._snapshot, self._live), states, strict=True):
            if not state.is_complete:
                yield f"{view.label}: {state}"

    # links

    async def _links(self, spec: ObjectType, relationship: Relationship) -> AsyncIterator[Difference]:
        name = f"{spec.name}.{relationship.name}"
        states = self._snapshot.completeness(name), self._live.completeness(name)
        whole = all(state.is_complete for state in states)
        for why in self._not_compared(states):
            yield Difference(Kind.NOT_COMPARED, spec.name, "", member=relationship.name, why=why)
        missing: dict[tuple[str, str], Link] = {}  # by how it should read now
        surplus: dict[tuple[str, str], Link] = {}
        async for old, new in both_links(self._snapshot, self._live, spec.name, relationship.name):
            if old is not None:
                self.counts["links"] += 1
            if old is not None and new is None:
                missing[self._ids.get(old.source, old.source), self._ids.get(old.target, old.target)] = old
            elif new is not None and old is None:
                surplus[new.source, new.target] = new
            elif new is not None and {new.source, new.target} & self._ids.keys():
                yield self._link(Kind.OLD_REFERENCE, spec, relationship, new, "", computed=False)
        for key in list(missing):
            if surplus.pop(key, None) is not None:
                del missing[key]
        if not whole:
            return
        names = await self._sources(spec, [*missing.values(), *surplus.values()], relationship)
        for one in missing.values():
            text, computed = names(one.source)
            yield self._link(Kind.LINK_MISSING, spec, relationship, one, text, computed=computed)
        for one in surplus.values():
            text, computed = names(one.source)
            yield self._link(Kind.LINK_ADDED, spec, relationship, one, text, computed=computed)

    def _link(
        self, kind: Kind, spec: ObjectType, relationship: Relationship, link: Link, name: str, *, computed: bool
    ) -> Difference:
        return Difference(
            kind,
            spec.name,
            self._old(link.source),
            self._ids.get(link.source, link.source),
            name,
            relationship.name,
            self._old(link.target),
            computed=computed,
        )

    async def _sources(
        self, spec: ObjectType, links: list[Link], relationship: Relationship
    ) -> Callable[[str], tuple[str, bool]]:
        """Name of a source, and whether the service makes its links."""
        wanted = {end for link in links for end in (link.source, self._old(link.source))}
        known: dict[str, tuple[str, bool]] = {}
        condition = relationship.computed_when
        for view in (self._snapshot, self._live):
            entries = await self._entries(view, spec, wanted)
            made: set[str] = set()
            if condition is not None:
                opened = read_objects(view, spec.name, each(entries.values()))
                made = {entry.id async for entry, item in opened if holds(condition, item)}
            for key, entry in entries.items():
                held = known.get(key)
                known[key] = (entry.name, key in made or (held is not None and held[1]))
        return lambda source: known.get(source) or known.get(self._old(source)) or ("", False)

    async def _entries(self, view: View, spec: ObjectType, ids: Iterable[str]) -> dict[str, IndexEntry]:
        wanted = frozenset(ids)
        if not wanted:
            return {}
        return {entry.id: entry async for entry in view.index(spec.name) if entry.id in wanted}

    def _old(self, live_id: str) -> str:
        return self._olds.get(live_id, live_id)

"""Who gains and who loses access by a plan: through groups and groups in them, roles, applications, policies.

Worked out from the snapshot, the live tenant and the plan's operations alone. What is there before and after is
compared for what the plan touches: groups whose members change and groups that hold those, grants that come and go
or whose holder is such a group, policies that are written or name such a group. Everything is called by the ids
that the plan uses, so that what gets a new id goes by its old one.

What nobody can tell from that is said: members of dynamic groups, and what was not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from shared.catalog.registry import Catalog
from shared.catalog.spec import Gives, ObjectType, Relationship
from shared.domain.objects import Json, JsonObject, ObjectKey
from shared.domain.plan import Access, AccessKind, BlastRadius, Mechanism, Operation, Step
from shared.domain.snapshot import State
from shared.engines.conditions import holds, member_at
from shared.engines.markers import Bindings, resolve
from shared.engines.opening import read_objects
from shared.engines.references import find, values_at
from shared.engines.survey import entries_of, objects_of
from shared.engines.view import View

MENTIONS: Final = 200_000  # of principals, in all lists together: a plan must stay one that can be read
_EVERYBODY: Final = "All"
_NOWHERE: Final = frozenset[str]()


async def blast_radius(
    steps: Iterable[Step], catalog: Catalog, snapshot: View, live: View
) -> tuple[BlastRadius, tuple[str, ...]]:
    """Whose access changes, and what could not be told of it."""
    asked = _Asked(catalog)
    for step in steps:
        for operation in step.operations:
            asked.note(operation)
    told: set[str] = set()
    found: list[Access] = []
    if asked.touches_access:
        groups = [
            await _Groups.read(spec, relationship, asked, live, snapshot, told)
            for spec, relationship in catalog.relationships
            if relationship.membership
        ]
        grants = [
            await _Grants.read(spec, spec.gives, asked, groups, snapshot, live, told)
            for spec in catalog.compared
            if spec.gives is not None
        ]
        for one in groups:
            found += await one.access(live, snapshot)
        found += await _grants_access(grants, catalog, live, snapshot)
        for spec in catalog.compared:
            if spec.enabling is not None:
                found += await _policies(spec, asked, groups, grants, live, snapshot, told)
    for spec, relationship in catalog.relationships:
        if relationship.membership and asked.changed & {spec.name, *relationship.target_types}:
            await _rules(spec, relationship, live, told)
    for name, ids in sorted(asked.brought.items()):
        if unknown := len(ids - (await entries_of(snapshot, name, ids)).keys()):
            told.add(
                f"{name}: {unknown:,} come back that the snapshot doesn't hold; what they hold and "
                "who is in them is not counted"
            )
    found += _accounts(asked)
    return await _summed(found, asked, live, told), tuple(sorted(told))


@dataclass(slots=True)
class _Asked:
    """What the plan does that may change access. `added` and `taken`: links by relationship and source; `brought`,
    `gone`: ids by type; `opened`, `shut`: accounts; `written`: operations on policies, by target."""

    catalog: Catalog
    added: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    taken: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    brought: dict[str, set[str]] = field(default_factory=dict)
    gone: dict[str, set[str]] = field(default_factory=dict)
    opened: dict[ObjectKey, str] = field(default_factory=dict)
    shut: dict[ObjectKey, str] = field(default_factory=dict)
    written: dict[str, dict[str, list[Operation]]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)  # types of which any object is written
    names: dict[str, str] = field(default_factory=dict)  # of what comes back

    @property
    def all_gone(self) -> set[str]:
        return set().union(*self.gone.values())

    @property
    def touches_access(self) -> bool:
        spec = self.catalog.get
        given = any(spec(name).gives is not None for name in (*self.brought, *self.gone))
        return bool(self.added or self.taken or self.written or self.gone or given)

    def note(self, operation: Operation) -> None:
        spec, mechanism = self.catalog.get(operation.type), operation.mechanism
        self.changed.add(operation.type)
        key = ObjectKey(operation.type, operation.target)
        if mechanism.links:
            if spec.relationship(operation.relationship).membership:
                makes = mechanism is Mechanism.LINK
                name = f"{operation.type}.{operation.relationship}"
                links = (self.added if makes else self.taken).setdefault(name, {})
                links.setdefault(operation.target, set()).update(operation.coming if makes else operation.going)
            return
        if spec.enabling is not None:
            self.written.setdefault(operation.type, {}).setdefault(operation.target, []).append(operation)
        elif mechanism.brings:
            self.names[operation.target] = operation.name
            self.brought.setdefault(operation.type, set()).add(operation.target)
        elif mechanism is Mechanism.REMOVE:
            self.gone.setdefault(operation.type, set()).add(operation.target)
        if spec.contain is not None and spec.contain.off:
            self._account(key, operation, spec.contain.off)

    def _account(self, key: ObjectKey, operation: Operation, off: Mapping[str, bool]) -> None:
        if operation.mechanism.brings:
            self.opened[key] = operation.name
        elif operation.mechanism is Mechanism.REMOVE:
            self.shut[key] = operation.name
        for name, value in off.items():
            if operation.mechanism is Mechanism.PATCH and name in operation.wanted:
                into = self.shut if operation.wanted[name] == value else self.opened
                into[key] = operation.name


# --- groups


@dataclass(slots=True)
class _Groups:
    """Who is in which group, before and after. `before`, `after`: direct members of the groups that matter;
    `changed`: groups whose members change, directly or through groups in them."""

    spec: ObjectType
    relationship: Relationship
    ids: set[str] = field(default_factory=set)
    before: dict[str, set[str]] = field(default_factory=dict)
    after: dict[str, set[str]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    @classmethod
    async def read(
        cls,
        spec: ObjectType,
        relationship: Relationship,
        asked: _Asked,
        live: View,
        snapshot: View,
        told: set[str],
    ) -> _Groups:
        one = cls(spec, relationship)
        name = f"{spec.name}.{relationship.name}"
        completeness = live.completeness(name)
        if not completeness.is_complete:
            told.add(f"{name}: {completeness.state.value}, so members that were not read are not counted")
        for view in (live, snapshot):
            async for entry in view.index(spec.name):
                one.ids.add(entry.id)
        held: dict[str, set[str]] = {}
        same: dict[str, str] = {}  # one text for all links to a principal: there may be hundreds of each
        async for batch in live.links(spec.name, relationship.name).batches:
            for link in batch:
                held.setdefault(link.source, set()).add(same.setdefault(link.target, link.target))
        one.before = held
        one.after = dict(held)
        gone = asked.all_gone
        added, taken = asked.added.get(name, {}), asked.taken.get(name, {})
        for source in {*added, *taken}:
            one.after[source] = (held.get(source, set()) - taken.get(source, set())) | added.get(source, set())
        if gone:
            for source, members in list(one.after.items()):
                if source in gone:
                    one.after[source] = set()
                elif not members.isdisjoint(gone):
                    one.after[source] = members - gone
        direct = {source for source, members in one.after.items() if members != held.get(source, set())}
        one.changed = one._upwards(direct)
        return one

    def _upwards(self, groups: set[str]) -> set[str]:
        """The groups, and those that hold them before or after."""
        holders: dict[str, set[str]] = {}
        after = {source: self.after[source] for source in groups}
        for held in (self.before, after):
            for source, members in held.items():
                for inner in members & self.ids:
                    holders.setdefault(inner, set()).add(source)
        todo, found = list(groups), set(groups)
        while todo:
            for holder in holders.get(todo.pop(), ()):
                if holder not in found:
                    found.add(holder)
                    todo.append(holder)
        return found

    def members(self, group: str, *, after: bool, nested: bool = True) -> set[str]:
        """Who is in the group, groups left out."""
        held = self.after if after else self.before
        direct = held.get(group, _NOWHERE)
        if not nested or direct.isdisjoint(self.ids):
            return {one for one in direct if one not in self.ids}
        found: set[str] = set()
        todo, seen = [group], {group}
        while todo:
            for one in held.get(todo.pop(), _NOWHERE):
                if one not in self.ids:
                    found.add(one)
                elif one not in seen:
                    seen.add(one)
                    todo.append(one)
        return found

    async def access(self, live: View, snapshot: View) -> list[Access]:
        names = await _names_of(self.spec.name, self.changed, live, snapshot)
        found: list[Access] = []
        for group in sorted(self.changed):
            before, after = self.members(group, after=False), self.members(group, after=True)
            found += _differing(AccessKind.GROUPS, self.spec.name, group, names.get(group, ""), before, after)
        return found


async def _rules(spec: ObjectType, relationship: Relationship, live: View, told: set[str]) -> None:
    """Tells how many groups have members by a rule, which looks at what the plan writes."""
    number = 0
    if relationship.computed_when is not None:
        async for _, item in read_objects(live, spec.name, live.index(spec.name)):
            number += holds(relationship.computed_when, item)
    if number:
        told.add(
            f"{spec.name}.{relationship.name}: {number:,} have members by a rule; whom it takes in once this plan "
            "has run is not foretold"
        )


def _expanded(holder: str, groups: Sequence[_Groups], *, after: bool, nested: bool) -> set[str]:
    """Whoever a grant to this holder reaches."""
    for one in groups:
        if holder in one.ids:
            return one.members(holder, after=after, nested=nested)
    return {holder}


# --- grants


@dataclass(slots=True)
class _Grants:
    """Who holds what by objects of one type: thing → holders, before and after. `changed`: things for which that
    may be different."""

    spec: ObjectType
    gives: Gives
    groups: Sequence[_Groups]
    before: dict[str, set[str]] = field(default_factory=dict)
    after: dict[str, set[str]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    @classmethod
    async def read(
        cls,
        spec: ObjectType,
        gives: Gives,
        asked: _Asked,
        groups: Sequence[_Groups],
        snapshot: View,
        live: View,
        told: set[str],
    ) -> _Grants:
        one = cls(spec, gives, groups)
        state = live.completeness(spec.name).state
        if state not in (State.COMPLETE, State.NOT_LICENSED):
            told.add(f"{spec.name}: {state.value}, so who holds any is not counted")
        gone = asked.all_gone
        moved: set[str] = set().union(*(group.changed for group in groups))
        async for entry, item in read_objects(live, spec.name, live.index(spec.name)):
            if (pair := one._pair(item)) is None:
                continue
            holder, thing = pair
            one.before.setdefault(thing, set()).add(holder)
            if entry.id in gone or holder in gone or thing in gone:
                one.changed.add(thing)
            else:
                one.after.setdefault(thing, set()).add(holder)
                if holder in moved:
                    one.changed.add(thing)
        async for _, item in objects_of(snapshot, spec.name, asked.brought.get(spec.name, ())):
            if (pair := one._pair(item)) is not None:
                one.after.setdefault(pair[1], set()).add(pair[0])
                one.changed.add(pair[1])
        return one

    def _pair(self, item: JsonObject) -> tuple[str, str] | None:
        holder, thing = member_at(item, self.gives.holder), member_at(item, self.gives.to)
        return (holder, thing) if isinstance(holder, str) and isinstance(thing, str) else None

    def holders(self, thing: str, *, after: bool) -> set[str]:
        held = (self.after if after else self.before).get(thing, ())
        found: set[str] = set()
        for holder in held:
            found |= _expanded(holder, self.groups, after=after, nested=self.gives.nested)
        return found


async def _grants_access(grants: Sequence[_Grants], catalog: Catalog, live: View, snapshot: View) -> list[Access]:
    """By kind and thing; what two types of objects give of one thing is held as long as one of them gives it."""
    changed: dict[tuple[AccessKind, str], list[_Grants]] = {}
    for one in grants:
        for thing in one.changed:
            changed.setdefault((one.gives.kind, thing), [])
    for (kind, thing), givers in changed.items():
        givers += [one for one in grants if one.gives.kind is kind and (thing in one.before or thing in one.after)]
    found: list[Access] = []
    for (kind, thing), givers in sorted(changed.items()):
        before = set().union(*(one.holders(thing, after=False) for one in givers))
        after = set().union(*(one.holders(thing, after=True) for one in givers))
        types = {name for one in givers for name in _types_at(one.spec, one.gives.to)}
        names = {}
        for name in sorted(types) if before != after else ():
            names.update(await _names_of(name, {thing}, live, snapshot))
        found += _differing(kind, min(types, default=""), thing, names.get(thing, ""), before, after)
    return found


def _types_at(spec: ObjectType, path: str) -> tuple[str, ...]:
    return next((one.to for one in spec.references if one.path == path), ())


# --- policies


@dataclass(frozen=True, slots=True)
class _Covered:
    """Whom a policy is about: everybody or `within`, but not `without`."""

    everybody: bool
    within: frozenset[str]
    without: frozenset[str]

    def holds(self, one: str) -> bool:
        return (self.everybody or one in self.within) and one not in self.without


_NOBODY: Final = _Covered(False, frozenset(), frozenset())


async def _policies(
    spec: ObjectType,
    asked: _Asked,
    groups: Sequence[_Groups],
    grants: Sequence[_Grants],
    live: View,
    snapshot: View,
    told: set[str],
) -> list[Access]:
    written = asked.written.get(spec.name, {})
    moved: set[str] = set().union(*(one.changed for one in groups), *(one.changed for one in grants))
    items: dict[str, tuple[str, JsonObject]] = {}
    async for entry, item in read_objects(live, spec.name, live.index(spec.name)):
        if entry.id in written or any(one.value in moved for one in find(spec.references, item)):
            items[entry.id] = entry.name, item
    back = objects_of(snapshot, spec.name, written.keys() - items.keys())
    binned: dict[str, JsonObject] = {entry.id: item async for entry, item in back}
    found: list[Access] = []
    for key in sorted({*items, *written}):
        name, before = items.get(key, ("", {}))
        after: JsonObject | None = dict(before)
        for operation in written.get(key, ()):
            name = name or operation.name
            if operation.mechanism is Mechanism.REMOVE:
                after = None
            elif after is not None:
                base: JsonObject = {}
                if operation.mechanism is Mechanism.BIN and spec.enabling is not None:
                    # Only what is off is taken from a bin.
                    base = {**binned.get(key, {}), spec.enabling.property: spec.enabling.off}
                wanted = resolve(operation.wanted, Bindings())
                assert isinstance(wanted, dict)
                after = {**after, **base, **wanted}
        was = _covered(spec, before, groups, grants, told, after=False)
        will = _covered(spec, after or {}, groups, grants, told, after=True)
        found += _coverage(spec, key, name, was, will)
    return found


def _covered(
    spec: ObjectType,
    item: Mapping[str, Json],
    groups: Sequence[_Groups],
    grants: Sequence[_Grants],
    told: set[str],
    *,
    after: bool,
) -> _Covered:
    """Nobody, for a policy that doesn't act."""
    if spec.enabling is None or item.get(spec.enabling.property) not in spec.enabling.acting:
        return _NOBODY
    receiving = {name for one in grants for name in _types_at(one.spec, one.gives.holder)}
    roles = {
        name for one in grants if one.gives.kind is AccessKind.ROLES for name in _types_at(one.spec, one.gives.to)
    }
    everybody, within, without = False, set[str](), set[str]()
    for reference in spec.references:
        if not (reference.include or reference.exclude) or not set(reference.to) <= receiving | roles:
            continue
        into = within if reference.include else without
        for value in values_at(reference, item):
            if value == _EVERYBODY and reference.include:
                everybody = True
            elif isinstance(value, str) and value in reference.literals and value != "None":
                told.add(f"{spec.name} {item.get('id', '')} is about {value}: who that is, is not counted")
        for one in find([reference], item):
            if set(reference.to) & roles:
                for grant in grants:
                    if grant.gives.kind is AccessKind.ROLES:
                        into |= grant.holders(one.value, after=after)
            else:
                into |= _expanded(one.value, groups, after=after, nested=True)
    return _Covered(everybody, frozenset(within), frozenset(without))


def _coverage(spec: ObjectType, key: str, name: str, was: _Covered, will: _Covered) -> Iterator[Access]:
    if was.everybody != will.everybody:
        # All but those who were in the narrower one already, or are left out of the wider one.
        wide, narrow = (will, was) if will.everybody else (was, will)
        yield Access(
            AccessKind.POLICIES,
            spec.name,
            key,
            name,
            all_gain=will.everybody,
            all_lose=was.everybody,
            spared=tuple(sorted(wide.without | {one for one in narrow.within if narrow.holds(one)})),
        )
        return
    candidates = was.within | was.without | will.within | will.without
    before = {one for one in candidates if was.holds(one)}
    after = {one for one in candidates if will.holds(one)}
    yield from _differing(AccessKind.POLICIES, spec.name, key, name, before, after)


# --- accounts, and all together


def _accounts(asked: _Asked) -> Iterator[Access]:
    types = sorted({key.type for key in (*asked.opened, *asked.shut)})
    for name in types:
        gains = tuple(sorted(key.id for key in asked.opened if key.type == name and key not in asked.shut))
        loses = tuple(sorted(key.id for key in asked.shut if key.type == name))
        title = asked.catalog.get(name).title
        yield Access(AccessKind.ACCOUNTS, name, "", title, gains, loses, len(gains), len(loses))


def _differing(
    kind: AccessKind, type_name: str, target: str, name: str, before: set[str], after: set[str]
) -> Iterator[Access]:
    gains, loses = tuple(sorted(after - before)), tuple(sorted(before - after))
    if gains or loses:
        yield Access(kind, type_name, target, name, gains, loses, len(gains), len(loses))


async def _summed(found: list[Access], asked: _Asked, live: View, told: set[str]) -> BlastRadius:
    """Names are told of who is live or comes back: a plan outlives snapshots, and must not keep those of others,
    who may have to be forgotten."""
    gaining = {one for access in found for one in access.gains}
    losing = {one for access in found for one in access.loses}
    order = list(AccessKind)
    listed: list[Access] = []
    left = MENTIONS
    for access in sorted(found, key=lambda one: (order.index(one.kind), one.type, one.target)):
        cut = _cut(access, left)
        left -= _mentions(cut)
        listed.append(cut)
    if left <= 0:
        told.add(f"more than {MENTIONS:,} names would be listed of who gains or loses what: the lists are cut")
    named = {one for access in listed for one in (*access.gains, *access.loses, *access.spared)}
    names = {one: name for one, name in asked.names.items() if one in named}
    types = {
        name
        for spec in asked.catalog.compared
        if spec.gives is not None
        for name in _types_at(spec, spec.gives.holder)
    }
    for type_name in sorted(types) if named else ():
        names.update({one: entry.name for one, entry in (await entries_of(live, type_name, named)).items()})
    return BlastRadius(len(gaining), len(losing), tuple(listed), {one: name for one, name in names.items() if name})


def _mentions(access: Access) -> int:
    return len(access.gains) + len(access.loses) + len(access.spared)


def _cut(access: Access, left: int) -> Access:
    if _mentions(access) <= left:
        return access
    gains = access.gains[:left]
    loses = access.loses[: left - len(gains)]
    return replace(access, gains=gains, loses=loses, spared=access.spared[: left - len(gains) - len(loses)])


async def _names_of(type_name: str, ids: set[str], live: View, snapshot: View) -> dict[str, str]:
    found: dict[str, str] = {}
    for view in (snapshot, live):
        found.update({one: entry.name for one, entry in (await entries_of(view, type_name, ids)).items()})
    return found

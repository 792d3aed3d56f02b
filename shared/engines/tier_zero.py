"""Which operations of a plan give power over the whole tenant, and to whom.

The catalog says what does (`spec.TierZero`). An object may hold such power by the snapshot or by the live tenant:
either counts, because a plan may bring the one back and build on the other. What passes on an object's power
counts only where the object has any: its members, its owners, its credentials, and its return from a recycle bin,
which gives back what it had. Where neither was read, all that could pass on power counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.catalog.registry import Catalog
from shared.catalog.spec import Condition, ObjectType, TierZero
from shared.domain.objects import Json, JsonObject
from shared.domain.plan import Mechanism, Operation, Step, TierZeroGrant
from shared.domain.snapshot import State
from shared.engines.conditions import holds, member_at
from shared.engines.opening import read_objects
from shared.engines.survey import entries_of, objects_of
from shared.engines.view import View

_RETURN: Final = "what it held before, which comes back with it from the recycle bin"
_KEY: Final = 8


async def tier_zero_grants(
    steps: Iterable[Step], catalog: Catalog, views: Sequence[View]
) -> tuple[TierZeroGrant, ...]:
    """In the order of the steps. `views`: the snapshot, if it is at hand, and the live tenant, likewise; they call
    objects as the plan does."""
    asked = _Asked(catalog, not views)
    for step in steps:
        for operation in step.operations:
            asked.note(step.wave, operation)
    if not asked.candidates:
        return ()
    await _open_items(asked, views)
    held = await _holders(asked, views)
    found: list[tuple[int, Operation, str, str]] = []
    for wave, operation in asked.candidates:
        if given := _given(asked, operation, held):
            found.append((wave, operation, *given))
    names = await _names(views, catalog, {(operation.type, to) for _, operation, _, to in found})
    keys = _keys([operation for _, operation, _, _ in found])
    return tuple(
        TierZeroGrant(
            key=keys[operation.id],
            operation=operation.id,
            wave=wave,
            type=operation.type,
            target=operation.target,
            name=operation.name,
            to=to,
            to_name=names.get(to, operation.name if to == operation.target else ""),
            why=why,
        )
        for wave, operation, why, to in found
    )


def unread_powers(catalog: Catalog, views: Sequence[View]) -> tuple[str, ...]:
    """Types that tell who holds power and that no view has read, each in words."""
    told = []
    for spec in catalog.compared:
        if spec.tier_zero is None or not spec.tier_zero.holder:
            continue
        states = [view.completeness(spec.name) for view in views]
        if not any(one.state in (State.COMPLETE, State.NOT_LICENSED) for one in states):
            how = states[-1].state.value if states else "not at hand"
            told.append(f"{spec.title} ({spec.name}): {how}, so who holds power by them is not known")
    return tuple(told)


@dataclass(slots=True)
class _Asked:
    """Operations that may give power. `passing`: objects that pass on what they hold, by type; `binned`: ids of
    what comes back with what it had; `parents`: of objects that let somebody in; `items`: the objects as the plan
    brings them."""

    catalog: Catalog
    blind: bool
    candidates: list[tuple[int, Operation]] = field(default_factory=list)
    passing: dict[str, set[str]] = field(default_factory=dict)
    binned: set[str] = field(default_factory=set)
    letting_in: dict[str, set[str]] = field(default_factory=dict)
    brought: dict[str, set[str]] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    items: dict[str, JsonObject] = field(default_factory=dict)
    receiving: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.receiving = _receiving(self.catalog)

    def note(self, wave: int, operation: Operation) -> None:
        rule = self.catalog.get(operation.type).tier_zero
        mechanism, concerned = operation.mechanism, False
        if mechanism is Mechanism.BIN and operation.type in self.receiving:
            self.passing.setdefault(operation.type, set()).add(operation.target)
            self.binned.add(operation.target)
            concerned = True
        if rule is not None and mechanism is Mechanism.LINK and operation.relationship in rule.links:
            self.passing.setdefault(operation.type, set()).add(operation.target)
            concerned = True
        elif rule is not None and rule.lets_in and (mechanism.brings or mechanism.changes):
            self.letting_in.setdefault(operation.type, set()).add(operation.target)
            concerned = True
        elif rule is not None and rule.holder and (mechanism.brings or mechanism.changes):
            self.brought.setdefault(operation.type, set()).add(operation.target)
            concerned = True
        elif rule is not None and mechanism.changes and operation.wanted.keys() & set(rule.members):
            concerned = True
        if concerned:
            self.candidates.append((wave, operation))


def _receiving(catalog: Catalog) -> frozenset[str]:
    """Types whose objects may hold power, or have any to pass on."""
    found: set[str] = set()
    for spec in catalog.compared:
        rule = spec.tier_zero
        if rule is None:
            continue
        if rule.links:
            found.add(spec.name)
        found.update(name for one in spec.references if one.path == rule.holder for name in one.to)
        found.update(name for link in rule.links for name in spec.relationship(link).target_types)
    return frozenset(found)


async def _open_items(asked: _Asked, views: Sequence[View]) -> None:
    """What the operations bring, as the first view that has it shows it; and parents of what lets somebody in."""
    for view in views:
        for name, ids in sorted(asked.brought.items()):
            async for entry, item in objects_of(view, name, ids - asked.items.keys()):
                asked.items.setdefault(entry.id, item)
        for name, ids in sorted(asked.letting_in.items()):
            for one, entry in (await entries_of(view, name, ids)).items():
                if entry.parent:
                    asked.parents.setdefault(one, entry.parent)
    for name, ids in asked.letting_in.items():
        parent = asked.catalog.get(name).parent
        asked.passing.setdefault(parent, set()).update(asked.parents[one] for one in ids if one in asked.parents)


async def _holders(asked: _Asked, views: Sequence[View]) -> set[str]:
    """Which of the objects that pass something on have power to pass on."""
    if not any(asked.passing.values()):
        return set()
    given = await _granted(asked.catalog, views)
    names = given | await _other_names(asked.catalog, views, given)
    through = await _placed_in(asked, views)
    held = given & asked.binned
    for view in views:
        for type_name, ids in sorted(asked.passing.items()):
            spec = asked.catalog.get(type_name)
            async for entry, item in objects_of(view, type_name, ids):
                known = {entry.id, *(str(item.get(name)) for name in spec.known_by)}
                if known & names or _by_itself(spec, item):
                    held.add(entry.id)
    return held.union(*(targets for source, targets in through.items() if source in held))


async def _granted(catalog: Catalog, views: Sequence[View]) -> set[str]:
    """Ids of all who hold power by an object of their own."""
    found: set[str] = set()
    for view in views:
        for spec in catalog.compared:
            rule = spec.tier_zero
            if rule is None or not rule.holder:
                continue
            async for _, item in read_objects(view, spec.name, view.index(spec.name)):
                holder = member_at(item, rule.holder)
                if isinstance(holder, str) and _grants(rule, item):
                    found.add(holder)
    return found


async def _other_names(catalog: Catalog, views: Sequence[View], ids: set[str]) -> set[str]:
    """What the holders go by besides their ids, such as the appId that an application shares with them."""
    found: set[str] = set()
    for view in views:
        for spec in catalog.compared:
            if not spec.known_by:
                continue
            async for _, item in objects_of(view, spec.name, ids):
                found.update(value for name in spec.known_by if isinstance(value := item.get(name), str))
    return found


async def _placed_in(asked: _Asked, views: Sequence[View]) -> dict[str, set[str]]:
    """What comes back from a bin, by the object in which it had a place: those pass on their power, too."""
    through: dict[str, set[str]] = {}
    for view in views if asked.binned else ():
        for spec in asked.catalog.compared:
            for name in spec.tier_zero.links if spec.tier_zero is not None else ():
                async for link in view.links(spec.name, name):
                    if link.target in asked.binned:
                        through.setdefault(link.source, set()).add(link.target)
                        asked.passing.setdefault(spec.name, set()).add(link.source)
    return through


def _given(asked: _Asked, operation: Operation, held: set[str]) -> tuple[str, str] | None:
    """What the operation gives, and the id of whom it gives it to; None for one that gives no such power."""
    rule = asked.catalog.get(operation.type).tier_zero
    if operation.target in asked.binned and operation.mechanism is Mechanism.BIN:
        return (_RETURN, operation.target) if asked.blind or operation.target in held else None
    if rule is None:
        return None
    if operation.mechanism is Mechanism.LINK:
        if asked.blind or operation.target in held:
            return f"{rule.why} ({operation.relationship})", ", ".join(operation.coming)
        return None
    if rule.lets_in:
        parent = asked.parents.get(operation.target)
        return (rule.why, parent or operation.target) if parent is None or parent in held else None
    if operation.mechanism.changes and operation.wanted.keys() & set(rule.members):
        return rule.why, operation.target
    item: JsonObject = {**asked.items.get(operation.target, {}), **operation.wanted}
    if operation.mechanism.changes:
        told = rule.when or rule.harmless
        if told is None or told.member not in operation.wanted or not _widened(told, operation):
            return None
    holder = member_at(asked.items.get(operation.target, item), rule.holder)
    if not _grants(rule, item):
        return None
    return f"{rule.why} ({_which(rule, item)})", holder if isinstance(holder, str) else operation.target


def _grants(rule: TierZero, item: Mapping[str, Json]) -> bool:
    if rule.harmless is not None and holds(rule.harmless, item):
        return False
    return rule.when is None or holds(rule.when, item)


def _by_itself(spec: ObjectType, item: Mapping[str, Json]) -> bool:
    rule = spec.tier_zero
    return rule is not None and rule.holds is not None and holds(rule.holds, item)


def _widened(condition: Condition, operation: Operation) -> bool:
    """Whether what is wanted meets the condition in a way in which what is there does not."""
    if not condition.within:
        return True
    before, wanted = (str(member_at(one, condition.path)) for one in (operation.before, operation.wanted))
    return any(str(part) in wanted and str(part) not in before for part in condition.values)


def _which(rule: TierZero, item: Mapping[str, Json]) -> str:
    """The role, permission or group that is given, as the object names it."""
    told = rule.when or rule.harmless
    return str(member_at(item, told.path if told is not None else rule.given))[:200]


async def _names(views: Sequence[View], catalog: Catalog, given: set[tuple[str, str]]) -> dict[str, str]:
    """Names of those who get power, by id."""
    by_type: dict[str, set[str]] = {}
    for type_name, to in given:
        spec = catalog.get(type_name)
        assert spec.tier_zero is not None or spec.bin is not None
        rule = spec.tier_zero
        types = {type_name, spec.parent} - {""}
        if rule is not None:
            types.update(name for one in spec.references if one.path == rule.holder for name in one.to)
            types.update(name for link in rule.links for name in spec.relationship(link).target_types)
        for name in types:
            by_type.setdefault(name, set()).add(to)
    found: dict[str, str] = {}
    for view in views:
        for name, ids in sorted(by_type.items()):
            for one, entry in (await entries_of(view, name, ids)).items():
                found.setdefault(one, entry.name)
    return found


def _keys(operations: Sequence[Operation]) -> dict[str, str]:
    """Short keys by operation: of what is done and not of the plan that does it. Two that would be alike are
    spelled longer."""
    whole = {one.id: _digest(one) for one in operations}
    length = _KEY
    while len({text[:length] for text in whole.values()}) < len(whole) and length < 64:
        length += 4
    return {name: text[:length] for name, text in whole.items()}


def _digest(operation: Operation) -> str:
    parts = (operation.mechanism.value, operation.type, operation.target, operation.relationship)
    members = sorted(operation.wanted) if not operation.relationship else operation.coming
    text = "\x00".join((*parts, *members))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

"""How many units of each licence a plan takes, and how many are free.

A unit is taken by a user who doesn't hold the licence now and does once the plan has run: by coming into a group
that gives it to its members, or by coming back from a recycle bin with it. Units that the plan frees are not
counted as free, because what takes them comes first. Licences of users and groups that are made anew are not
assigned by any plan: what these would take is told apart, because somebody will do it by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from shared.catalog.registry import Catalog
from shared.catalog.spec import Licensed, ObjectType
from shared.domain.objects import Json
from shared.domain.plan import LicenceUnits, Mechanism, Operation, Step
from shared.engines.conditions import member_at
from shared.engines.opening import read_objects
from shared.engines.survey import objects_of
from shared.engines.view import View


async def licence_units(
    steps: Iterable[Step], catalog: Catalog, snapshot: View, live: View
) -> tuple[tuple[LicenceUnits, ...], tuple[str, ...]]:
    """By licence, those that run short first; and what could not be told."""
    asked = _Asked(catalog)
    for step in steps:
        for operation in step.operations:
            asked.note(operation)
    if not asked.anything:
        return (), ()
    counted = _Counted(asked, snapshot, live)
    licensed = [(spec, spec.licensed) for spec in catalog.compared if spec.licensed is not None]
    for spec, declared in licensed:
        if declared.through:
            await counted.through_groups(spec, declared)
    for spec, declared in licensed:
        if not declared.through:
            await counted.of_holders(spec, declared)
    taken, by_hand = counted.taken, counted.by_hand
    stock, untold = await _stock(catalog, live)
    found = []
    for sku in sorted({*taken.holders, *by_hand.holders}):
        needed = taken.holders.get(sku, set())
        hand = by_hand.holders.get(sku, set()) - needed
        if needed or hand:
            name, free = stock.get(sku, ("", None if untold else 0))
            found.append(LicenceUnits(sku, name, len(needed), free, len(hand)))
    return tuple(sorted(found, key=lambda one: (not one.short, one.name, one.sku))), untold if found else ()


@dataclass(slots=True)
class _Units:
    """Licence → who takes a unit of it."""

    holders: dict[str, set[str]] = field(default_factory=dict)

    def add(self, sku: str, holders: Iterable[str]) -> None:
        self.holders.setdefault(sku, set()).update(holders)


@dataclass(slots=True)
class _Asked:
    """`joined`: who comes into which group, by type; `binned`, `made`: ids of what comes back, by type."""

    catalog: Catalog
    joined: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    binned: dict[str, set[str]] = field(default_factory=dict)
    made: dict[str, set[str]] = field(default_factory=dict)

    @property
    def anything(self) -> bool:
        return bool(self.joined or self.binned or self.made)

    def note(self, operation: Operation) -> None:
        licensed = self.catalog.get(operation.type).licensed
        if licensed is None:
            return
        if operation.mechanism is Mechanism.LINK and operation.relationship == licensed.through:
            joined = self.joined.setdefault(operation.type, {}).setdefault(operation.target, set())
            joined.update(operation.coming)
        elif operation.mechanism is Mechanism.BIN:
            self.binned.setdefault(operation.type, set()).add(operation.target)
        elif operation.mechanism is Mechanism.CREATE:
            self.made.setdefault(operation.type, set()).add(operation.target)


@dataclass(slots=True)
class _Counted:
    """`taken`: by the plan; `by_hand`: what will be, once somebody assigns it."""

    asked: _Asked
    snapshot: View
    live: View
    taken: _Units = field(default_factory=_Units)
    by_hand: _Units = field(default_factory=_Units)

    async def through_groups(self, spec: ObjectType, licensed: Licensed) -> None:
        joined, made = self.asked.joined.get(spec.name, {}), self.asked.made.get(spec.name, set())
        left = {*joined}
        for view in (self.live, self.snapshot):
            async for entry, item in objects_of(view, spec.name, {*left}):
                left.discard(entry.id)
                for sku in _skus(licensed, item):
                    (self.by_hand if entry.id in made else self.taken).add(sku, joined[entry.id])

    async def of_holders(self, spec: ObjectType, licensed: Licensed) -> None:
        """Adds what comes back with its holder, and leaves out who holds a licence already, or can't hold any."""
        binned, made = self.asked.binned.get(spec.name, set()), self.asked.made.get(spec.name, set())
        async for entry, item in objects_of(self.snapshot, spec.name, binned | made):
            for sku in _skus(licensed, item):
                (self.taken if entry.id in binned else self.by_hand).add(sku, (entry.id,))
        ids = set().union(*self.taken.holders.values(), *self.by_hand.holders.values())
        holds: dict[str, set[str]] = {}
        able = binned | made
        async for entry, item in objects_of(self.live, spec.name, ids):
            able.add(entry.id)
            for sku in _skus(licensed, item):
                holds.setdefault(sku, set()).add(entry.id)
        for units in (self.taken, self.by_hand):
            for sku, holders in units.holders.items():
                units.holders[sku] = (holders & able) - holds.get(sku, set())


async def _stock(catalog: Catalog, live: View) -> tuple[dict[str, tuple[str, int | None]], tuple[str, ...]]:
    """Name and free units by licence; and why it isn't known, where it isn't."""
    found: dict[str, tuple[str, int | None]] = {}
    untold = []
    for spec in catalog.compared:
        if spec.stock is None:
            continue
        completeness = live.completeness(spec.name)
        if not completeness.is_complete:
            untold.append(f"{spec.name}: {completeness.state.value}, so how many licences are free is not known")
            continue
        async for entry, item in read_objects(live, spec.name, live.index(spec.name)):
            sku = item.get(spec.stock.sku)
            bought, used = member_at(item, spec.stock.bought), member_at(item, spec.stock.used)
            if isinstance(sku, str):
                free = max(0, bought - used) if isinstance(bought, int) and isinstance(used, int) else None
                name, more = found.get(sku, (entry.name, 0))
                found[sku] = name, None if more is None or free is None else more + free
    return found, tuple(untold)


def _skus(licensed: Licensed, item: Mapping[str, Json]) -> Iterator[str]:
    held = item.get(licensed.member)
    for one in held if isinstance(held, list) else ():
        if isinstance(one, dict) and isinstance(sku := one.get(licensed.sku), str):
            yield sku

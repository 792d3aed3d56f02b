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
from shared.engines.opening import each, read_objects
from shared.engines.survey import entries_of
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
    taken, by_hand = _Units(), _Units()
    for spec in catalog.compared:
        if spec.licensed is not None and spec.licensed.through:
            await _through_groups(spec, spec.licensed, asked, snapshot, live, taken, by_hand)
    for spec in catalog.compared:
        if spec.licensed is not None and not spec.licensed.through:
            await _of_holders(spec, spec.licensed, asked, snapshot, live, taken, by_hand)
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
            ends = operation.wanted.get(operation.relationship)
            joined = self.joined.setdefault(operation.type, {}).setdefault(operation.target, set())
            joined.update(one for one in (ends if isinstance(ends, list) else ()) if isinstance(one, str))
        elif operation.mechanism is Mechanism.BIN:
            self.binned.setdefault(operation.type, set()).add(operation.target)
        elif operation.mechanism is Mechanism.CREATE:
            self.made.setdefault(operation.type, set()).add(operation.target)


async def _through_groups(
    spec: ObjectType,
    licensed: Licensed,
    asked: _Asked,
    snapshot: View,
    live: View,
    taken: _Units,
    by_hand: _Units,
) -> None:
    joined, made = asked.joined.get(spec.name, {}), asked.made.get(spec.name, set())
    here = await entries_of(live, spec.name, joined)
    back = await entries_of(snapshot, spec.name, joined.keys() - here.keys())
    for view, entries in ((live, here), (snapshot, back)):
        async for entry, item in read_objects(view, spec.name, each(entries[one] for one in sorted(entries))):
            for sku in _skus(licensed, item):
                (by_hand if entry.id in made else taken).add(sku, joined[entry.id])


async def _of_holders(
    spec: ObjectType,
    licensed: Licensed,
    asked: _Asked,
    snapshot: View,
    live: View,
    taken: _Units,
    by_hand: _Units,
) -> None:
    """Adds what comes back with its holder, and leaves out who holds a licence already, or can't hold any."""
    coming = asked.binned.get(spec.name, set()) | asked.made.get(spec.name, set())
    back = await entries_of(snapshot, spec.name, coming)
    async for entry, item in read_objects(snapshot, spec.name, each(back[one] for one in sorted(back))):
        for sku in _skus(licensed, item):
            (taken if entry.id in asked.binned.get(spec.name, ()) else by_hand).add(sku, (entry.id,))
    ids = set().union(*taken.holders.values(), *by_hand.holders.values())
    here = await entries_of(live, spec.name, ids)
    holds: dict[str, set[str]] = {}
    async for entry, item in read_objects(live, spec.name, each(here[one] for one in sorted(here))):
        for sku in _skus(licensed, item):
            holds.setdefault(sku, set()).add(entry.id)
    able = here.keys() | coming
    for units in (taken, by_hand):
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
                known = isinstance(bought, int) and isinstance(used, int)
                free = max(0, bought - used) if isinstance(bought, int) and isinstance(used, int) else None
                name, more = found.get(sku, (entry.name, 0))
                found[sku] = name, None if not known or more is None or free is None else more + free
    return found, tuple(untold)


def _skus(licensed: Licensed, item: Mapping[str, Json]) -> Iterator[str]:
    held = item.get(licensed.member)
    for one in held if isinstance(held, list) else ():
        if isinstance(one, dict) and isinstance(sku := one.get(licensed.sku), str):
            yield sku

"""What about a plan makes a yes not enough: an approval must acknowledge it by name.

A plan that changes much, takes away much, or touches what everybody's sign-in or this program's own access rests
on. Flags are asked for by the waves that contribute to them (`Wave.asks`), so that the rule that counts approvals
is one and the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.catalog.registry import Catalog
from shared.domain.objects import Json, ObjectKey
from shared.domain.plan import Flag, Mechanism, Operation, Step, Thresholds
from shared.engines.references import texts_within
from shared.engines.view import View

MANY_OBJECTS: Final = "manyObjects"
MANY_OF: Final = "manyOf."  # and the type's name behind it
MANY_REMOVALS: Final = "manyRemovals"
OWN_ACCESS: Final = "ownAccess"
_TAKES: Final = frozenset({Mechanism.REMOVE, Mechanism.UNLINK, Mechanism.REVOKE})


@dataclass(slots=True)
class _Tally:
    """What counts towards one flag, and the waves it is in."""

    count: int = 0
    waves: set[int] = field(default_factory=set)

    def add(self, wave: int, number: int = 1) -> None:
        self.count += number
        self.waves.add(wave)


async def flags_of(
    steps: Iterable[Step],
    catalog: Catalog,
    views: Sequence[View],
    thresholds: Thresholds,
    ours: Iterable[str] = (),
) -> tuple[tuple[Flag, ...], dict[int, tuple[str, ...]]]:
    """The flags, sorted by name, and the names by wave. `views`: to count how many objects of a type there are, by
    the one that has most. `ours`: ids of what this program signs in by."""
    objects: dict[ObjectKey, set[int]] = {}
    others: set[str] = set()
    looks: dict[str, _Tally] = {}
    takes, own, every = _Tally(), _Tally(), set()
    pattern = re.compile("|".join(map(re.escape, sorted(ours)))) if ours else None
    for step in steps:
        for operation in step.operations:
            every.add(step.wave)
            objects.setdefault(ObjectKey(operation.type, operation.target), set()).add(step.wave)
            linked = _linked(operation)
            others.update(linked)
            if operation.mechanism in _TAKES:
                takes.add(step.wave, max(1, len(linked)))
            if name := catalog.get(operation.type).second_look:
                looks.setdefault(name, _Tally()).add(step.wave)
            if pattern is not None and any(pattern.search(text) for text in _said(operation)):
                own.add(step.wave)
    found: dict[str, tuple[str, set[int]]] = {}
    touched = len(others | {key.id for key in objects})
    if touched > thresholds.objects:
        why = f"{touched:,} objects change, come back or get or lose a link; more than {thresholds.objects:,}"
        found[MANY_OBJECTS] = (why, every)
    found |= await _shares(objects, catalog, views, thresholds)
    if takes.count > thresholds.removals:
        why = f"{takes.count:,} objects, links and credentials go; more than {thresholds.removals:,}"
        found[MANY_REMOVALS] = (why, takes.waves)
    for name, tally in looks.items():
        found[name] = (f"{_times(tally.count)} {_LOOKS.get(name, 'what is watched under this name')}", tally.waves)
    if own.count:
        found[OWN_ACCESS] = (f"{_times(own.count)} what this program signs in by, or may do", own.waves)
    asks: dict[int, set[str]] = {}
    for name, (_, waves) in found.items():
        for wave in waves:
            asks.setdefault(wave, set()).add(name)
    flags = tuple(Flag(name, why) for name, (why, _) in sorted(found.items()))
    return flags, {wave: tuple(sorted(names)) for wave, names in asks.items()}


_LOOKS: Final = {
    "conditionalAccess": "conditional access, or what policies rest on",
    "federation": "where sign-ins are sent, or whose are believed",
}


def _times(number: int) -> str:
    return f"{number:,} {'operation touches' if number == 1 else 'operations touch'}"


async def _shares(
    objects: Mapping[ObjectKey, set[int]], catalog: Catalog, views: Sequence[View], thresholds: Thresholds
) -> dict[str, tuple[str, set[int]]]:
    by_type: dict[str, _Tally] = {}
    for key, waves in objects.items():
        tally = by_type.setdefault(key.type, _Tally())
        tally.count += 1
        tally.waves |= waves
    found: dict[str, tuple[str, set[int]]] = {}
    for name, tally in sorted(by_type.items()):
        if tally.count < thresholds.share_from:
            continue
        there = max([await _count(view, name) for view in views], default=0)
        if there and tally.count > there * thresholds.share:
            why = f"{tally.count:,} of {there:,} {catalog.get(name).title[0].lower()}{catalog.get(name).title[1:]}"
            found[f"{MANY_OF}{name}"] = (f"{why}; more than {thresholds.share:.0%}", tally.waves)
    return found


async def _count(view: View, type_name: str) -> int:
    number = 0
    async for _ in view.index(type_name):
        number += 1
    return number


def _linked(operation: Operation) -> list[str]:
    """The other ends of the links that are made or go."""
    if not operation.mechanism.links:
        return []
    return operation.coming if operation.mechanism is Mechanism.LINK else operation.going


def _said(operation: Operation) -> Iterable[str]:
    """Every text in what an operation asks for, and the id of its target."""
    yield operation.target
    values: list[Json] = [operation.request.path, operation.request.body, operation.before, operation.wanted]
    yield from texts_within(values)

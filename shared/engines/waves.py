"""Waves of a plan: what each is called, what it costs, and what its approval must say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from shared.catalog.registry import Catalog
from shared.catalog.spec import WaveNumber
from shared.domain.plan import CONTAINS, REMOVES, RENAMES, Mechanism, Step, Wave
from shared.engines.forecast import forecast

WAVES: Final = {
    0: "Rescue",
    1: "Containment",
    2: "Locations and policies",
    3: "Applications and other tier-0 objects",
    4: "Users, groups and memberships",
    5: "The rest",
    6: "What was added goes",
}


def waves_of(steps: Sequence[Step], catalog: Catalog, asks: Mapping[int, tuple[str, ...]]) -> tuple[Wave, ...]:
    """`asks`: what an approval of a wave must acknowledge besides what its mechanisms ask for."""
    by_wave: dict[int, list[Step]] = {}
    for step in steps:
        by_wave.setdefault(step.wave, []).append(step)
    return tuple(
        Wave(
            number,
            WAVES[number],
            forecast(by_wave[number], catalog),
            (*_asks(by_wave[number], number), *asks.get(number, ())),
        )
        for number in sorted(by_wave)
    )


def _asks(steps: Iterable[Step], wave: int) -> tuple[str, ...]:
    if wave == WaveNumber.CONTAIN:
        return (CONTAINS,)
    mechanisms = {operation.mechanism for step in steps for operation in step.operations}
    removes = (REMOVES,) if mechanisms & {Mechanism.REMOVE, Mechanism.UNLINK} else ()
    return (*removes, RENAMES) if Mechanism.RENAME in mechanisms else removes

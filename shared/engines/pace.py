"""How far a restore has come, how fast it writes and how long it still takes, by its signed journal.

Reading and reckoning are apart: `read_journaled` reads the evidence, `standing` is pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.catalog.registry import Catalog
from shared.domain.plan import Operation, OutcomeState, RestorePlan
from shared.engines.evidence import Evidence, StoredPlan, WaveStart, wave_blob
from shared.engines.forecast import PER_SECOND, forecast
from shared.engines.journal import Journal
from shared.engines.jws import Purpose

WINDOW: Final = timedelta(seconds=150)  # in which Graph counts writes: its throttling limits, identity and access


@dataclass(frozen=True, slots=True)
class Stand:
    """How an operation stands: ended with its step (`final`), or as its last attempt left it. `good` None: not
    settled, because what was written is still to be read back, or the operation is tried again."""

    state: OutcomeState
    final: bool
    good: bool | None
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Journaled:
    """What the journal says: `done`: steps; `stands`: operations that were tried; `starts`: of waves."""

    done: set[str]
    stands: Mapping[str, Stand]
    starts: Mapping[int, datetime]


@dataclass(frozen=True, slots=True)
class WaveStanding:
    number: int
    title: str
    steps: int
    steps_done: int
    operations: int
    operations_done: int
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rate:
    """Writes of one limiter class in the last `WINDOW`, a second, and what Graph allows of them."""

    throttle: str
    per_second: float
    allowed: float


@dataclass(frozen=True, slots=True)
class Trouble:
    operation: Operation
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """`left`: seconds until the last operation has ended; what was forecast of the rest, slower by as much as what
    is done took longer than its forecast. Waiting for approvals and the comparison at the end aren't in it."""

    waves: tuple[WaveStanding, ...]
    operations: int
    operations_done: int
    steps_done: int
    rates: tuple[Rate, ...]
    left: int
    failed: tuple[Trouble, ...]
    waiting: tuple[Trouble, ...]


async def read_journaled(stored: StoredPlan, journal: Journal, evidence: Evidence) -> Journaled:
    """Raises `IntegrityError`."""
    done, stands = await _read_ends(stored, journal)
    return Journaled(done, stands, await _read_starts(stored, evidence))


async def _read_ends(stored: StoredPlan, journal: Journal) -> tuple[set[str], dict[str, Stand]]:
    """Steps that are done, and how every operation stands that was tried so far."""
    plan = stored.plan
    begun = await journal.begun_names(plan.id)
    done: set[str] = set()
    stands: dict[str, Stand] = {}
    for step in plan.steps:
        if step.id not in begun:
            continue
        ended = await journal.done(plan.id, stored.digest, step.id)
        if ended is not None:
            done.add(step.id)
            for end in ended.ends:
                stands[end.operation] = Stand(end.state, True, end.good, end.why, end.at)
            continue
        for name, last in (await journal.step(plan.id, step.id)).last.items():
            # What was written is good only once it reads back.
            good = None if last.state.good or not last.state.final else False
            stands[name] = Stand(last.state, False, good, last.why, last.at)
    return done, stands


async def _read_starts(stored: StoredPlan, evidence: Evidence) -> dict[int, datetime]:
    """When each wave that was started began."""
    found = {}
    for wave in stored.plan.waves:
        name = wave_blob(evidence.tenant, stored.plan.id, wave.number)
        start = await evidence.find_signed(WaveStart, name, Purpose.EXECUTION)
        if start is not None:
            found[wave.number] = start.at
    return found


def standing(plan: RestorePlan, catalog: Catalog, journaled: Journaled, now: datetime) -> Standing:
    done, stands, starts = journaled.done, journaled.stands, journaled.starts
    settled = {name for name, stand in stands.items() if stand.state.final}
    waves = tuple(
        WaveStanding(
            wave.number,
            wave.title,
            len(steps := [step for step in plan.steps if step.wave == wave.number]),
            sum(step.id in done for step in steps),
            sum(len(step.operations) for step in steps),
            sum(operation.id in settled for step in steps for operation in step.operations),
            starts.get(wave.number),
        )
        for wave in plan.waves
    )
    failed, waiting = [], []
    for operation in plan.operations:
        stand = stands.get(operation.id)
        if stand is None:
            continue
        state = "notReadBack" if stand.final and stand.state.good else stand.state.value
        if stand.good is False:
            failed.append(Trouble(operation, state, stand.why))
        elif stand.good is None and not stand.state.final:
            waiting.append(Trouble(operation, state, stand.why))
    return Standing(
        waves,
        len(plan.operations),
        len(settled),
        len(done),
        _rates(plan, stands, now),
        _left(plan, catalog, journaled, now),
        tuple(failed),
        tuple(waiting),
    )


def _rates(plan: RestorePlan, stands: Mapping[str, Stand], now: datetime) -> tuple[Rate, ...]:
    writes: dict[str, int] = {}
    for operation in plan.operations:
        stand = stands.get(operation.id)
        # Already as wanted, changed or blocked: nothing was sent.
        if stand is not None and stand.state is OutcomeState.DONE and now - stand.at < WINDOW:
            throttle = operation.request.throttle
            writes[throttle] = writes.get(throttle, 0) + 1
    seconds = WINDOW.total_seconds()
    return tuple(Rate(name, number / seconds, PER_SECOND[name]) for name, number in sorted(writes.items()))


def _left(plan: RestorePlan, catalog: Catalog, journaled: Journaled, now: datetime) -> int:
    ahead = forecast([step for step in plan.steps if step.id not in journaled.done], catalog).seconds
    behind = forecast([step for step in plan.steps if step.id in journaled.done], catalog).seconds
    took = sum(_took(plan, wave, journaled, now) for wave in journaled.starts)
    return round(ahead * max(1.0, took / behind)) if behind else ahead


def _took(plan: RestorePlan, wave: int, journaled: Journaled, now: datetime) -> float:
    """Seconds that a wave has run. A finished one ended with its last operation."""
    own = [step for step in plan.steps if step.wave == wave]
    start, last, stands = journaled.starts[wave], now, journaled.stands
    if all(step.id in journaled.done for step in own):
        ends = [stands[one.id].at for step in own for one in step.operations if one.id in stands]
        last = max(ends, default=start)
    return max(0.0, (last - start).total_seconds())

"""What becomes of a work item that fails: for a while, or for good.

A reason that passes (Graph or storage away, throttling, a token that is refused) must not use up the tries that
the queue gives a message that nobody can work on: the item is sent again, later, under a new message, until the
run's time budget is over. Then it is given up, with the gap and its reason on record. Everything else is raised,
and the queue counts the tries.

Why an item fails stands in a row of its run, for people. Rows are hints: one that is forged, lost or stale can
repeat work or delay it by at most `LONGEST` seconds at a time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.domain.errors import GraphUnauthorized, HoldfastError, Retryable, Unusable
from shared.domain.ports import Clock, Row, TableStore
from shared.engines import paths
from shared.engines.export import Ended, ExportPorts, ItemResult, Work, encode_work, fail_item, run_item
from shared.engines.item import Limits, Progress

RUN_BUDGET: Final = 20 * 3600.0  # over before the next night's run begins
SHORTEST: Final = 30.0
LONGEST: Final = 600.0
_SHARE: Final = 1 / 8  # of the run's age: waits grow as those of an exponential back-off, and nothing is counted
_WHY_LENGTH: Final = 300
_PASSES: Final = (Retryable, GraphUnauthorized)


@dataclass(frozen=True, slots=True)
class Postponing:
    """`run_budget`: seconds from a run's start in which its items may be sent again. `queue_delay` turns seconds
    of the clock into the queue's."""

    rows: TableStore
    run_budget: float = RUN_BUDGET
    queue_delay: Callable[[float], float] = float


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an item failed last. `until`: when it is tried again; None where the queue decides that."""

    item: str
    why: str
    at: datetime
    until: datetime | None


async def run_or_postpone(
    ports: ExportPorts, postponing: Postponing, work: Work, limits: Limits, *, progress: Progress | None = None
) -> ItemResult:
    """`run_item`; where it fails for a reason that passes, the item is sent again, or given up at the end of the
    run's time budget. Raises what `run_item` raises otherwise, and `Retryable` where the state account is away."""
    if await _is_waiting(postponing.rows, ports.clock, work):
        return ItemResult(Ended.POSTPONED, None, False)
    try:
        return await run_item(ports, work, limits, progress=progress)
    except _PASSES as failed:
        age = (ports.clock.now() - paths.snapshot_time(work.snapshot)).total_seconds()
        if age >= postponing.run_budget:
            return replace(await fail_item(ports, work, type(failed).__name__), failed=failed)
        advised = (failed.after or 0.0) if isinstance(failed, Retryable) else 0.0
        delay = min(LONGEST, max(SHORTEST, age * _SHARE, advised))
        # The row first: a message that was sent and then reported as failed would come twice, each time.
        await _note(postponing.rows, ports.clock, work, failed, delay)
        await ports.export_queue.send(encode_work(work), delay=postponing.queue_delay(delay))
        return ItemResult(Ended.POSTPONED, None, False, failed)
    except Unusable:
        raise  # a message that names no item of a run leaves no row
    except HoldfastError as failed:
        await _note(postponing.rows, ports.clock, work, failed, None)
        raise


async def troubles(rows: TableStore, snapshot: str) -> AsyncIterator[Trouble]:
    """Why items of a run failed last, by item. An item that has a receipt since then may be among them."""
    async for row in rows.query(_partition(snapshot)):
        why, at, until = row.values.get("why"), row.values.get("updatedAt"), row.values.get("until")
        if isinstance(why, str) and isinstance(at, datetime):
            yield Trouble(row.key, why, at, until if isinstance(until, datetime) else None)


async def _is_waiting(rows: TableStore, clock: Clock, work: Work) -> bool:
    """Whether another message of this item is under way for later. Without this the sweeper would add one with
    each of its rounds. A message is taken for that one from half of its delay on, as clocks differ."""
    row = await rows.get(_partition(work.snapshot), work.item)
    if row is None:
        return False
    at, until = row.values.get("updatedAt"), row.values.get("until")
    if not isinstance(at, datetime) or not isinstance(until, datetime):
        return False
    delay = min(until - at, timedelta(seconds=LONGEST))
    return at <= clock.now() < at + delay / 2


async def _note(rows: TableStore, clock: Clock, work: Work, failed: HoldfastError, delay: float | None) -> None:
    now = clock.now()
    values: dict[str, object] = {"why": f"{type(failed).__name__}: {failed.what}"[:_WHY_LENGTH], "updatedAt": now}
    if delay is not None:
        values["until"] = now + timedelta(seconds=delay)
    await rows.replace(Row(_partition(work.snapshot), work.item, values))


def _partition(snapshot: str) -> str:
    return f"run-{snapshot}"

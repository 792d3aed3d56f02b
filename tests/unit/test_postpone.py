"""An item that fails for a reason that passes waits; one that nobody can read uses up the queue's tries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import (
    GraphDown,
    GraphError,
    GraphUnauthorized,
    HoldfastError,
    StorageDown,
    Unusable,
)
from shared.domain.ports import GraphRequest, Row
from shared.domain.snapshot import Completeness, State
from shared.engines.export import Ended, Work, decode_work, encode_work
from shared.engines.postpone import LONGEST, SHORTEST, Trouble, troubles
from shared.engines.seal import seal_run
from shared.engines.sweeping import sweep
from tests.backup import TENANT, Backup, small_tenant

HOUR = 3600.0
COMPLETE = Completeness(State.COMPLETE)
PASSING: dict[str, Callable[[], HoldfastError]] = {
    "no answer": lambda: GraphDown("no whole answer from Graph: Graph answered 503, 40 times"),
    "throttled": lambda: GraphDown("Graph answered 429", after=120.0),
    "token": lambda: GraphUnauthorized("Graph answered 401", status=401, code="InvalidAuthenticationToken"),
    "storage": lambda: StorageDown("writing failed: no space left on device"),
}


def failing(backup: Backup, error: Callable[[], HoldfastError], *, hours: float) -> None:
    """Reading users fails so long from now on."""
    end = backup.clock.now() + timedelta(hours=hours)

    def hook(request: GraphRequest) -> None:
        if request.path.startswith("/v1.0/users") and backup.clock.now() < end:
            raise error()

    backup.directory.before.append(hook)


def new_backup(**more: Any) -> Backup:
    backup = Backup(**more)
    small_tenant(backup.directory)
    return backup


async def deliver_like_the_platform(backup: Backup, *, tries: int = 8) -> list[str]:
    """Delivers until nothing is left. A message whose handling raised comes again until its tries are used up;
    returns the bodies of those that were."""
    poisoned = []
    for _ in range(10_000):
        message, queue = backup._receive()
        if message is None:
            return poisoned
        if queue is backup.seals:
            await seal_run(backup.seal_ports(), decode_work(message.body))
            queue.delete(message)
            continue
        try:
            await backup.work(message.body)
        except HoldfastError:
            if message.dequeue_count >= tries:
                poisoned.append(message.body)
                queue.delete(message)
            else:
                queue.hide(message, 60.0)
            continue
        queue.delete(message)
    raise AssertionError("messages never come to an end")


async def state(backup: Backup, name: str) -> Completeness:
    return (await backup.repository().open()).completeness(name)


async def reasons(backup: Backup, snapshot: str) -> list[Trouble]:
    return [one async for one in troubles(backup.rows, snapshot)]


@pytest.mark.parametrize("kind", PASSING)
async def test_what_passes_within_the_run_s_budget_costs_time_and_no_object(kind: str) -> None:
    backup = new_backup()
    await backup.start()
    failing(backup, PASSING[kind], hours=10)
    assert await deliver_like_the_platform(backup) == []
    assert await state(backup, "users") == COMPLETE
    assert backup.clock.monotonic() <= 10 * HOUR + LONGEST + 60


async def test_waits_grow_with_the_run_and_stay_within_bounds() -> None:
    backup = new_backup()
    run = await backup.start()
    failing(backup, PASSING["no answer"], hours=1000)
    body = encode_work(Work(TENANT, "vault-35d", run.snapshot, "users"))
    waits = []
    for _ in range(60):
        await backup.work(body)
        [trouble] = await reasons(backup, run.snapshot)
        assert trouble.until is not None
        waits.append((trouble.until - trouble.at).total_seconds())
        backup.clock.advance(waits[-1])
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (SHORTEST, LONGEST)
    assert backup.clock.monotonic() > 5 * HOUR


async def test_at_the_end_of_the_budget_the_item_is_given_up_with_its_reason() -> None:
    backup = new_backup(run_budget=2 * HOUR)
    failing(backup, PASSING["token"], hours=1000)
    await backup.start()
    assert await deliver_like_the_platform(backup) == []
    assert await state(backup, "users") == Completeness(State.PARTIAL, "failed:GraphUnauthorized")
    assert await state(backup, "groups") == COMPLETE
    assert backup.clock.monotonic() <= 2 * HOUR + LONGEST + 60


async def test_what_will_never_work_uses_up_the_tries_of_the_queue() -> None:
    backup = new_backup()
    run = await backup.start()
    failing(backup, lambda: GraphError("Graph answered 400", status=400, code="BadRequest"), hours=1000)
    poisoned = await deliver_like_the_platform(backup)
    assert encode_work(Work(TENANT, "vault-35d", run.snapshot, "users")) in poisoned
    assert backup.clock.monotonic() < HOUR
    assert {one.item: (one.why, one.until) for one in await reasons(backup, run.snapshot)}["users"] == (
        "GraphError: Graph answered 400",
        None,
    )


async def test_the_last_reason_stands_in_the_rows_of_the_run() -> None:
    backup = new_backup()
    failing(backup, PASSING["no answer"], hours=1)
    run = await backup.start()
    result = await backup.work(encode_work(Work(TENANT, "vault-35d", run.snapshot, "users")))
    assert result.ended is Ended.POSTPONED
    [trouble] = await reasons(backup, run.snapshot)
    assert trouble.item == "users"
    assert trouble.why == "GraphDown: no whole answer from Graph: Graph answered 503, 40 times"
    assert trouble.until is not None
    assert trouble.until - trouble.at == timedelta(seconds=SHORTEST)


async def test_the_sweeper_adds_no_second_message_that_lives_on() -> None:
    backup = new_backup()
    failing(backup, PASSING["no answer"], hours=6)
    run = await backup.start()
    end = backup.clock.now() + timedelta(hours=5)
    longest = 0
    while backup.clock.now() < end:
        for message in backup.exports.receive(limit=1000):
            await backup.work(message.body)
            backup.exports.delete(message)
        longest = max(longest, len(backup.exports.bodies))
        backup.clock.advance(300)
        await sweep(backup.ports(), backup.rows, TENANT, backup.keys)
    assert longest <= 2 * len(run.items)


async def test_a_forged_row_delays_an_item_by_no_more_than_the_longest_wait() -> None:
    backup = new_backup()
    run = await backup.start()
    far = backup.clock.now() + timedelta(days=400)
    for at in (backup.clock.now(), far):
        await backup.rows.replace(
            Row(f"run-{run.snapshot}", "users", {"why": "x", "updatedAt": at, "until": far + timedelta(days=1)})
        )
        backup.clock.advance(LONGEST)
        result = await backup.work(encode_work(Work(TENANT, "vault-35d", run.snapshot, "users")))
        assert result.ended is Ended.DONE


async def test_a_message_that_names_nothing_leaves_no_row() -> None:
    backup = new_backup()
    await backup.start()
    with pytest.raises(Unusable):
        await backup.work(encode_work(Work(TENANT, "vault-35d", "20261122T000000Z-other", "users")))
    assert await reasons(backup, "20261122T000000Z-other") == []


async def test_a_state_account_that_is_away_sends_nothing_twice() -> None:
    backup = new_backup()
    failing(backup, PASSING["no answer"], hours=1)
    run = await backup.start()
    sent = len(backup.exports.bodies)

    async def away(row: Row) -> Row:
        raise StorageDown("the state account does not answer")

    backup.rows.replace = away  # type: ignore[method-assign]
    with pytest.raises(StorageDown):
        await backup.work(encode_work(Work(TENANT, "vault-35d", run.snapshot, "users")))
    assert len(backup.exports.bodies) == sent

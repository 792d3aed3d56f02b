"""Messages that come twice and workers at once: a backup and a restore end as if each message had come once."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from shared.domain.errors import Retryable
from shared.engines.export import decode_work, run_item
from shared.engines.seal import seal_run
from tests.backup import Backup, small_tenant
from tests.faults import Faults, Interleaved
from tests.scenario.crash_points import REQUEST, nothing_half, recover, reference, undisturbed_restore
from tests.seeds import chance

WORKERS = pytest.mark.parametrize("workers", [2, 4])
DRAWS = pytest.mark.parametrize("draw", range(3))


# --- a backup ------------------------------------------------------------------------------------------


async def _backup() -> Backup:
    backup = Backup()
    small_tenant(backup.directory)
    await backup.start(REQUEST)
    return backup


async def _ends_well(backup: Backup) -> None:
    await recover(backup)
    expected, _, _ = await reference()
    assert await nothing_half(backup, expected)
    assert len(backup.chain.blobs) == 1


async def test_a_backup_whose_messages_come_twice_at_once() -> None:
    backup = await _backup()
    await backup.deliver(twice=True)
    await _ends_well(backup)


async def test_a_backup_whose_messages_come_again_at_its_end() -> None:
    backup = await _backup()
    await backup.deliver()
    before = dict(backup.vault.blobs), dict(backup.chain.blobs)
    for queue, body in list(backup.delivered):
        await (backup.exports if queue == "export" else backup.seals).send(body)
    await backup.deliver()
    assert (backup.vault.blobs, backup.chain.blobs) == before
    await _ends_well(backup)


async def _serve(backup: Backup, faults: Faults, bodies: list[tuple[str, str]]) -> None:
    """One worker on these messages; what fails for now is left to the sweeper."""
    for queue, body in bodies:
        try:
            if queue == "export":
                await run_item(backup.ports(faults), decode_work(body), backup.limits)
            else:
                await seal_run(backup.seal_ports(faults), decode_work(body))
        except Retryable:
            continue


def _taken(backup: Backup) -> list[tuple[str, str]]:
    """All messages, out of their queues."""
    taken = []
    for queue in (backup.exports, backup.seals):
        for message in queue.receive(limit=1000):
            queue.delete(message)
            taken.append((queue.name, message.body))
    return taken


@WORKERS
@DRAWS
async def test_workers_on_the_same_items_and_on_the_same_seal(workers: int, draw: int) -> None:
    """Each message is with every worker at once, in an order of its own."""
    backup = await _backup()
    rng = chance("backup", workers, draw)
    for _ in range(20):
        bodies = _taken(backup)
        if not bodies:
            break
        orders = [rng.sample(bodies, len(bodies)) for _ in range(workers)]
        await asyncio.gather(
            *(_serve(backup, Interleaved(chance("backup", rng.random())), order) for order in orders)
        )
    await _ends_well(backup)


# --- a restore -----------------------------------------------------------------------------------------


async def test_a_restore_whose_messages_come_twice_at_once() -> None:
    calm = await undisturbed_restore()
    story = calm.begin.copy()
    await story.drain(times=2)
    assert await story.outcome() == calm.outcome


async def test_messages_that_come_twice_send_what_follows_once() -> None:
    """Or copies would multiply with every step that waits for several. Only what asks for the start of the plan
    comes twice before anything is on record, and sends the first steps twice."""
    calm = await undisturbed_restore()
    again = Faults()
    await calm.begin.copy().drain(again, times=2)
    steps = calm.story.world.plan.steps
    first = sum(not step.depends_on for step in steps)
    sent = {"send restore-steps": len(steps), "send restore-verify": 1}
    assert _sent(calm.log) == sent
    assert _sent(again) == {**sent, "send restore-steps": sent["send restore-steps"] + first}


def _sent(log: Faults) -> dict[str, int]:
    return dict(Counter(call.what for call in log.writes if call.port == "queue"))


async def test_a_restore_whose_messages_come_again_at_its_end() -> None:
    calm = await undisturbed_restore()
    story = calm.story.copy()
    before = story.world.service.store.seq, dict(story.world.evidence.blobs)
    await story.repeat_all()
    assert (story.world.service.store.seq, story.world.evidence.blobs) == before
    assert await story.outcome() == calm.outcome


@WORKERS
@DRAWS
async def test_workers_on_the_same_messages_of_a_restore(workers: int, draw: int) -> None:
    """Each message that people cause is there twice, and each takes whatever comes."""
    calm = await undisturbed_restore()
    rng = chance("restore", workers, draw)
    processes: list[Faults] = [Interleaved(chance("restore", rng.random())) for _ in range(workers)]
    story = calm.begin.copy()
    await story.together(processes, copies=2)
    assert await story.outcome() == calm.outcome

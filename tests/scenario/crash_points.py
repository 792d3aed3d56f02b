"""`python -m tests.scenario.crash_points`: a crash before and after every write of a backup and of a restore.

The points are those of the write log of an undisturbed run: whatever the run writes (to Graph, blobs, tables,
queues, the secret store) is in the list, so that the list grows with the tenant and the plan. For each
point the world is taken as it was when the message came in which the point lies, a new process serves it
and dies there, further processes do what is left, and the end is compared with that of the undisturbed run.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.domain.errors import Unusable
from shared.engines.export import sweep
from tests.backup import TENANT, Backup, content, small_tenant
from tests.faults import Call, Faults, crash_at, run_until_crash
from tests.restore_story import Story
from tests.seeds import VARIABLE, current_seed

REQUEST = Backup().request()
PORTS = frozenset({"graph", "blob", "table", "queue", "secret"})


@dataclass(frozen=True, slots=True)
class Point:
    """Where a process dies: `before` the write is sent, or after it is stored and before its answer is seen."""

    run: str
    number: int
    port: str
    operation: str
    name: str
    before: bool

    @classmethod
    def of(cls, run: str, call: Call, *, before: bool) -> Point:
        operation, _, name = call.what.partition(" ")
        return cls(run, call.number, call.port, operation, name, before)

    def __str__(self) -> str:
        side = "before" if self.before else "after"
        return f"{self.run:7} {self.number:4} {side:6} {self.port:6} {self.operation:7} {self.name}"


@dataclass(frozen=True, slots=True)
class Tried:
    """`error`: what was wrong at the end, "" where nothing was."""

    point: Point
    error: str

    def __str__(self) -> str:
        return f"{self.point}  {'FAILED: ' + self.error if self.error else 'passed'}"


async def _tried(point: Point, ends_well: Awaitable[None]) -> Tried:
    """Goes on to the next point, whatever this one died of: the list is to be whole, and its readers fail."""
    try:
        await ends_well
    except Exception as error:  # noqa: BLE001  reported in the list, on which test and command fail
        return Tried(point, "".join(traceback.format_exception_only(error)).strip() or repr(error))
    return Tried(point, "")


# --- a backup ------------------------------------------------------------------------------------------


async def reference() -> tuple[dict[str, Any], Faults, list[tuple[int, Backup]]]:
    """What an undisturbed run brings, its log, and the deployment before each message, with the number of writes
    until then."""
    backup = Backup()
    small_tenant(backup.directory)
    faults = Faults()
    kept = [(0, backup.copy())]
    await backup.start(REQUEST, faults)
    await backup.deliver(faults=faults, looking=lambda now: kept.append((len(faults.writes), now.copy())))
    return await content(await backup.repository().open()), faults, kept


async def nothing_half(backup: Backup, expected: dict[str, Any]) -> bool:
    """Readers see no snapshot, or a whole one that verifies. Returns whether there is one."""
    repository = backup.repository()
    if not await repository.entries():
        try:
            await repository.open()
        except Unusable:
            return False
        raise AssertionError("a snapshot without a chain entry can be opened")
    assert await content(await repository.open()) == expected
    assert (await backup.verify()).findings == []
    return True


async def recover(backup: Backup) -> None:
    """What happens after a crash, without anybody's help: messages come again, the timer's function is tried
    again if it had not begun, and the sweeper looks after the rest."""
    await backup.deliver()
    if not backup.vault.blobs:
        await backup.start(REQUEST)
    else:
        await sweep(backup.ports(), TENANT, backup.keys, older_than=timedelta(0))
    await backup.deliver()


async def backup_points() -> AsyncIterator[Tried]:
    expected, log, kept = await reference()

    async def check(call: Call, before: bool) -> None:
        done, held = [one for one in kept if one[0] < call.number][-1]
        backup = held.copy()
        faults = Faults(crash_at(call.number - done, before=before))

        async def process() -> None:
            if done == 0:
                await backup.start(REQUEST, faults)
            await backup.deliver(faults=faults)

        assert await run_until_crash(process()), "the point was not reached"
        assert faults.writes[call.number - done - 1].what == call.what, "another write has its number"
        await nothing_half(backup, expected)
        await recover(backup)
        assert await nothing_half(backup, expected), "no snapshot"
        assert len(backup.chain.blobs) == 1, "two entries of one run"

    for call in log.writes:
        for before in (True, False):
            yield await _tried(Point.of("backup", call, before=before), check(call, before))


# --- a restore -----------------------------------------------------------------------------------------


async def undisturbed_restore(begin: Story) -> tuple[Story, Faults, list[tuple[int, Story]]]:
    """A story at its end, its log, and the story before each message, with the number of writes until then."""
    story, faults = begin.copy(), Faults()
    kept: list[tuple[int, Story]] = []
    await story.drain(faults, looking=lambda now: kept.append((len(faults.writes), now.copy())))
    return story, faults, kept


async def restore_points() -> AsyncIterator[Tried]:
    story, log, kept = await undisturbed_restore(await Story.begin())
    expected = await story.outcome()

    async def check(call: Call, before: bool) -> None:
        done, held = [one for one in kept if one[0] < call.number][-1]
        one = held.copy()
        faults = Faults(crash_at(call.number - done, before=before))
        assert await run_until_crash(one.drain(faults)), "the point was not reached"
        assert faults.writes[call.number - done - 1].what == call.what, "another write has its number"
        await one.drain()
        assert await one.outcome() == expected

    for call in log.writes:
        for before in (True, False):
            yield await _tried(Point.of("restore", call, before=before), check(call, before))


RUNS: dict[str, Callable[[], AsyncIterator[Tried]]] = {"backup": backup_points, "restore": restore_points}


async def _main(names: list[str]) -> int:
    print(f"seed {current_seed()} ({VARIABLE})")
    failed = 0
    for name in names:
        tried = []
        async for one in RUNS[name]():
            print(one, flush=True)
            tried.append(one)
        by_port = Counter(one.point.port for one in tried)
        bad = sum(bool(one.error) for one in tried)
        failed += bad
        ports = ", ".join(f"{port} {number}" for port, number in sorted(by_port.items()))
        print(f"{name}: {len(tried)} crash points ({ports}), {len(tried) - bad} passed, {bad} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(sys.argv[1:] or list(RUNS))))

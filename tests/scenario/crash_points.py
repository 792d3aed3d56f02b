"""`python -m tests.scenario.crash_points`: a crash before and after every write of a backup and of a restore.

The points are those of the write log of an undisturbed run: whatever the run writes (to Graph, blobs, tables,
queues, the secret store) is in the list, so that the list grows with the tenant and the plan. For each
point the world is taken as it was when the message came in which the point lies, a new process serves it
and dies there, further processes do what is left, and the end is compared with that of the undisturbed run.
"""

from __future__ import annotations

import asyncio
import gc
import pickle
import sys
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from shared.adapters.memory import MemoryBlobStore, MemoryQueue
from shared.domain.errors import Unusable
from shared.engines.sweeping import sweep
from tests.backup import TENANT, Backup, content, small_tenant
from tests.faults import Call, Faults, crash_at, run_until_crash
from tests.restore_story import Outcome, Story
from tests.seeds import VARIABLE, current_seed

W = TypeVar("W")
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
    """`error`: what was wrong at the end, "" where nothing was. `same`: the dead process left exactly what the one
    of the point before left, and how that is recovered from was seen there."""

    point: Point
    error: str
    same: bool = False

    def __str__(self) -> str:
        end = f"FAILED: {self.error}" if self.error else "passed"
        return f"{self.point}  {end}{' (as the one before)' if self.same else ''}"


class Enumerated(Protocol[W]):
    """A run that processes die in. `W`: all that outlives them."""

    async def die(self, call: Call, *, before: bool) -> W:
        """A world as it was when the message came in which the point lies, and a process that dies there."""
        ...

    def left(self, world: W) -> str:
        """What is there after a process died. Two that are equal can't end differently."""
        ...

    async def recover(self, world: W) -> None:
        """Goes on without anybody's help; raises unless it ends as the undisturbed run did."""
        ...


async def _enumerate(run: str, writes: Sequence[Call], of: Enumerated[W]) -> AsyncIterator[Tried]:
    """Goes on to the next point, whatever this one died of: the list is to be whole, and its readers fail.

    A process that dies after a write and one that dies before the next often leave the same: then one of them
    recovers for both."""
    known: tuple[str, str] | None = None
    for call in writes:
        for before in (True, False):
            point = Point.of(run, call, before=before)
            try:
                world = await of.die(call, before=before)
                left = of.left(world)
                if known is not None and known[0] == left:
                    yield Tried(point, known[1], same=True)
                    continue
                known = None
                await of.recover(world)
            except Exception as error:  # noqa: BLE001  reported in the list, on which test and command fail
                yield Tried(point, "".join(traceback.format_exception_only(error)).strip() or repr(error))
            else:
                known = (left, "")
                yield Tried(point, "")


def _stored(stores: Iterable[MemoryBlobStore]) -> object:
    """Names and lengths: what is in a blob differs by its signature."""
    return [(store.container, sorted((name, len(data)) for name, data in store.blobs.items())) for store in stores]


def _waiting(queues: Iterable[MemoryQueue]) -> object:
    return [(queue.name, queue._messages) for queue in queues]


# --- a backup ------------------------------------------------------------------------------------------


_REFERENCE: list[tuple[dict[str, Any], Faults, list[tuple[int, Backup]]]] = []


async def reference() -> tuple[dict[str, Any], Faults, list[tuple[int, Backup]]]:
    """What an undisturbed run brings, its log, and the deployment before each message, with the number of writes
    until then. Made once in a process, and read only."""
    if not _REFERENCE:
        _REFERENCE.append(await _undisturbed_backup())
        _keep()
    return _REFERENCE[0]


def _keep() -> None:
    """What is there now is never garbage; searched for some again and again, it costs a fifth of the time."""
    gc.collect()
    gc.freeze()


async def _undisturbed_backup() -> tuple[dict[str, Any], Faults, list[tuple[int, Backup]]]:
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
        await sweep(backup.ports(), backup.rows, TENANT, backup.keys, idle=timedelta(0))
    await backup.deliver()


@dataclass
class _Backups:
    expected: dict[str, Any]
    kept: list[tuple[int, Backup]]

    async def die(self, call: Call, *, before: bool) -> Backup:
        done, held = [one for one in self.kept if one[0] < call.number][-1]
        backup = held.copy()
        faults = Faults(crash_at(call.number - done, before=before))

        async def process() -> None:
            if done == 0:
                await backup.start(REQUEST, faults)
            await backup.deliver(faults=faults)

        await _died_at(call, process(), faults, done)
        return backup

    def left(self, world: Backup) -> str:
        queues = _waiting((world.exports, world.seals))
        return repr((_stored((world.vault, world.chain)), queues, world.rows._rows, world.clock.now()))

    async def recover(self, world: Backup) -> None:
        await nothing_half(world, self.expected)
        await recover(world)
        assert await nothing_half(world, self.expected), "no snapshot"
        assert len(world.chain.blobs) == 1, "two entries of one run"


async def _died_at(call: Call, process: Coroutine[Any, Any, Any], faults: Faults, done: int) -> None:
    assert await run_until_crash(process), "the point was not reached"
    assert faults.writes[call.number - done - 1].what == call.what, "another write has its number"


async def backup_points(every: int = 1) -> AsyncIterator[Tried]:
    """`every`: 1 for all writes of a backup, n for each nth."""
    expected, log, kept = await reference()
    async for tried in _enumerate("backup", log.writes[::every], _Backups(expected, kept)):
        yield tried


# --- a restore -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A restore that nothing happens to. `begin`: the story before it; `kept`: the story before each message,
    pickled, with the number of writes until then. Read only; who plays on plays on a copy."""

    begin: Story
    story: Story
    log: Faults
    kept: list[tuple[int, bytes]]
    outcome: Outcome


_UNDISTURBED: list[Undisturbed] = []


async def undisturbed_restore() -> Undisturbed:
    """Made once in a process: it is the same whoever asks."""
    if not _UNDISTURBED:
        begin = await Story.begin()
        story, log = begin.copy(), Faults()
        kept: list[tuple[int, bytes]] = []
        await story.drain(log, looking=lambda now: kept.append((len(log.writes), pickle.dumps(now))))
        _UNDISTURBED.append(Undisturbed(begin, story, log, kept, await story.outcome()))
        _keep()
    return _UNDISTURBED[0]


@dataclass
class Restores:
    expected: Outcome
    kept: list[tuple[int, bytes]]

    async def die(self, call: Call, *, before: bool) -> Story:
        done, held = [one for one in self.kept if one[0] < call.number][-1]
        story: Story = pickle.loads(held)
        faults = Faults(crash_at(call.number - done, before=before))
        await _died_at(call, story.drain(faults), faults, done)
        return story

    def left(self, world: Story) -> str:
        inner = world.world
        secrets = {name: len(held) for name, held in inner.secrets.versions.items()}
        tenant = [(txn.method, txn.path) for txn in inner.service.store.log]
        queues = _waiting(world.queues.values())
        return repr((_stored([inner.evidence]), queues, inner.rows._rows, secrets, tenant, inner.clock.now()))

    async def recover(self, world: Story) -> None:
        await world.drain()
        assert await world.outcome() == self.expected


async def restore_points() -> AsyncIterator[Tried]:
    calm = await undisturbed_restore()
    async for tried in _enumerate("restore", calm.log.writes, Restores(calm.outcome, calm.kept)):
        yield tried


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
        same = sum(one.same for one in tried)
        print(f"{name}: {len(tried)} crash points ({ports}), {len(tried) - bad} passed, {bad} failed; ", end="")
        print(f"{same} left what the point before left and were recovered from with it")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(sys.argv[1:] or list(RUNS))))

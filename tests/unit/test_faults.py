"""The fault wrappers themselves: crashes fall where they should, and a dead process touches nothing."""

from __future__ import annotations

import asyncio

import pytest

from shared.adapters.memory import MemoryBlobStore, MemoryQueue, MemoryTableStore
from shared.domain.errors import StorageDown
from shared.domain.ports import Row
from tests.faults import (
    Crash,
    Faults,
    FaultyBlobStore,
    FaultyQueue,
    FaultyTableStore,
    crash_at,
    crash_points,
    fail,
    run_until_crash,
)


async def work(blobs: FaultyBlobStore, table: FaultyTableStore, queue: FaultyQueue) -> None:
    await blobs.put_new("a", b"x")
    await blobs.get("a")
    await table.insert(Row("p", "k", {}))
    await queue.send("{}")


async def test_every_crash_point_leaves_exactly_the_writes_before_it() -> None:
    ends = []
    for rule in crash_points(3):
        blobs, table, queue, faults = MemoryBlobStore(), MemoryTableStore(), MemoryQueue("q"), Faults(rule)
        wrapped = FaultyBlobStore(blobs, faults), FaultyTableStore(table, faults), FaultyQueue(queue, faults)
        assert await run_until_crash(work(*wrapped)) is True
        stored = len(blobs.blobs) + (await table.get("p", "k") is not None) + len(queue.bodies)
        assert len(faults.written) == stored
        ends.append(stored)
    assert ends == [0, 1, 1, 2, 2, 3]


async def test_a_clean_run_has_as_many_writes_as_its_log() -> None:
    faults = Faults()
    wrapped = (
        FaultyBlobStore(MemoryBlobStore(), faults),
        FaultyTableStore(MemoryTableStore(), faults),
        FaultyQueue(MemoryQueue("q"), faults),
    )
    assert await run_until_crash(work(*wrapped)) is False
    assert faults.written == ["put vault/a", "insert table/p/k", "send q"]
    assert [call.what for call in faults.calls if not call.write] == ["get vault/a"]


async def test_a_dead_process_can_touch_nothing_any_more() -> None:
    inner, faults = MemoryBlobStore(), Faults(crash_at(1, before=True))
    store = FaultyBlobStore(inner, faults)
    for _ in range(3):
        with pytest.raises(Crash):
            await store.put_new("a", b"x")
    with pytest.raises(Crash):
        await store.get("a")
    with pytest.raises(Crash):
        _ = [stat async for stat in store.list()]
    assert inner.blobs == {}


async def test_a_crash_in_a_task_group_is_a_crash() -> None:
    store = FaultyBlobStore(MemoryBlobStore(), Faults(crash_at(2, before=True)))

    async def group() -> None:
        async with asyncio.TaskGroup() as tasks:
            for name in ("a", "b", "c"):
                tasks.create_task(store.put_new(name, b""))

    assert await run_until_crash(group()) is True


async def test_other_errors_are_no_crash_and_are_passed_on() -> None:
    inner = MemoryBlobStore()
    store = FaultyBlobStore(inner, Faults(fail("put vault/a", lambda: StorageDown("x"), skip=1, times=2)))
    await store.put_new("a1", b"")
    for name in ("a2", "a3"):
        with pytest.raises(StorageDown):
            await run_until_crash(store.put_new(name, b""))
    await store.put_new("a4", b"")
    assert list(inner.blobs) == ["a1", "a4"]


async def test_a_listing_can_break_off_in_the_middle() -> None:
    inner = MemoryBlobStore()
    inner.blobs = dict.fromkeys("abc", b"")
    store = FaultyBlobStore(inner, Faults(fail("list", lambda: StorageDown("x"), skip=2)))
    seen = []
    listing = store.list()
    for _ in range(2):
        seen.append((await anext(listing)).name)
    with pytest.raises(StorageDown):
        await anext(listing)
    assert seen == ["a", "b"]
    assert [stat.name async for stat in store.list()] == ["a", "b", "c"]

"""A backup run that dies anywhere ends, after its messages came again, as the snapshot it would have been."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from shared.catalog.registry import CATALOG
from shared.domain.errors import StorageDown
from shared.domain.ports import BlobStat, BlobStore, Directory, GraphRequest, GraphResponse, Page
from shared.domain.snapshot import State
from shared.engines.export import Work, run_item, start_run
from tests.backup import TENANT, Backup, content, small_tenant, with_limits
from tests.faults import Call, Fault, Faults, crash_at, run_until_crash
from tests.scenario.crash_points import REQUEST, backup_points, nothing_half, recover, reference


async def test_a_run_reads_everything_and_the_snapshot_gives_it_back() -> None:
    backup = Backup()
    small_tenant(backup.directory)
    await backup.back_up()
    snapshot = await backup.repository().open()
    held = await content(snapshot)
    manifest = snapshot.manifest
    assert {entry.completeness.state for entry in manifest.types.values()} == {State.COMPLETE}
    assert {entry.completeness.state for entry in manifest.relationships.values()} == {State.COMPLETE}
    for name, objects in backup.directory.objects.items():
        if name in manifest.not_read:
            assert not objects
            continue
        # What has a path of its own stands behind what was received: there is none of it here.
        apart = b"".join(b',"%b":null' % one.member.encode() for one in CATALOG.get(name).apart)
        expected_lines = {key: raw[:-1] + apart + b"}" for key, raw in objects.items()}
        assert {key: raw for key, (raw, _, _) in held[name].items()} == expected_lines
    for (type_name, relationship), sources in backup.directory.links.items():
        expected = {source for source, targets in sources.items() for _ in targets}
        links = held[f"{type_name}.{relationship}"]
        assert {link.source for link in links} == expected
        assert len(links) == sum(len(targets) for targets in sources.values())


async def _reference() -> tuple[dict[str, Any], int]:
    """What an undisturbed run brings, and how many writes it tries."""
    expected, log, _ = await reference()
    return expected, len(log.writes)


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.full), 13])
async def test_a_crash_before_or_after_any_write_leaves_no_half_snapshot_and_the_run_completes(every: int) -> None:
    tried = [one async for one in backup_points(every)]
    assert not [str(one) for one in tried if one.error]
    assert len(tried) * every > 600
    assert {one.point.port for one in tried} == {"blob", "queue"}


async def test_nothing_of_a_backup_is_written_past_the_ports_that_fail() -> None:
    """What is different outside after a run is what its log has, and nothing else."""
    backup, faults = Backup(), Faults()
    small_tenant(backup.directory)
    await backup.start(REQUEST, faults)
    await backup.deliver(faults=faults)
    stored = [f"put {store.container}/{name}" for store in (backup.vault, backup.chain) for name in store.blobs]
    assert set(stored) == {call.what for call in faults.writes if call.port == "blob"}
    sent = Counter(f"send {queue}" for queue, _ in backup.delivered)
    assert sent == Counter(call.what for call in faults.writes if call.port == "queue")


@pytest.mark.full
async def test_two_crashes_in_a_row_are_survived_as_well() -> None:
    expected, writes = await _reference()
    for first in range(2, writes, 5):
        backup = Backup()
        small_tenant(backup.directory)
        for rule in (crash_at(first, before=False), crash_at(3, before=True), crash_at(2, before=False)):
            faults = Faults(rule)

            async def process(backup: Backup = backup, faults: Faults = faults) -> None:
                await start_run(backup.ports(faults), REQUEST)
                await backup.deliver(faults=faults)

            await run_until_crash(process())
            await nothing_half(backup, expected)
        await recover(backup)
        assert await nothing_half(backup, expected)


async def test_every_message_twice_changes_nothing() -> None:
    expected, _ = await _reference()
    backup = Backup()
    small_tenant(backup.directory)
    await backup.start(REQUEST)
    await backup.start(REQUEST)
    await backup.deliver(twice=True)
    assert await nothing_half(backup, expected)
    assert len(backup.chain.blobs) == 1


@pytest.mark.full
async def test_storage_whose_answers_get_lost_makes_no_difference() -> None:
    """Every write of the run is carried out and answered with an error once."""
    expected, log, kept = await reference()
    for write in log.writes:
        done, held = [one for one in kept if one[0] < write.number][-1]
        backup = held.copy()

        def lose(call: Call, number: int = write.number - done) -> Fault | None:
            lost = call.write and call.number == number
            return Fault(lambda: StorageDown("no answer"), before=False) if lost else None

        faults = Faults(lose)
        try:
            if done == 0:
                await backup.start(REQUEST, faults)
        except StorageDown:
            await backup.start(REQUEST)
        await backup.deliver(faults=faults)
        assert [call.what for call in faults.writes if call.number == write.number - done] == [write.what]
        assert await nothing_half(backup, expected)


@pytest.mark.parametrize(
    "seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.full) for seed in range(8, 25))]
)
async def test_two_workers_on_one_item_end_with_one_receipt_and_every_object_once(seed: int) -> None:
    """The tenant changes with every request, so that the two see different objects and write different packs."""
    chance = random.Random(seed)
    backup = Backup(limits=with_limits(pack_bytes=300))
    small_tenant(backup.directory, users=12)
    counter = itertools.count()

    def change(_: GraphRequest) -> None:
        if (number := next(counter)) < 40:
            backup.directory.put("users", id="user-003", displayName=f"Renamed {number}", accountEnabled=True)

    run = await backup.start()
    backup.directory.before.append(change)
    stores = [Wandering(backup.vault, chance), Wandering(backup.vault, chance)]
    workers = [
        replace(backup.ports(), vault=store, directory=Strolling(backup.directory, chance)) for store in stores
    ]
    for item in run.items:
        if item.type not in ("users", "groups"):
            continue
        work = Work(TENANT, "vault-35d", run.snapshot, item.id)
        one, other = await asyncio.gather(*(run_item(ports, work, backup.limits) for ports in workers))
        assert one.receipt == other.receipt
    backup.directory.before.clear()
    await backup.deliver()
    snapshot = await backup.repository().open()
    assert (await backup.verify()).findings == []
    users = [entry.id async for entry in snapshot.index("users")]
    assert users == sorted(backup.directory.objects["users"])
    assert snapshot.completeness("users").is_complete
    links = [link async for link in snapshot.links("groups", "members")]
    assert len(links) == len(set(links)) == 26


class Wandering:
    """A store whose calls take a while, so that tasks take turns in every order."""

    def __init__(self, inner: BlobStore, chance: random.Random) -> None:
        self._inner = inner
        self._chance = chance

    @property
    def container(self) -> str:
        return self._inner.container

    async def put_new(self, name: str, data: bytes) -> None:
        await _wander(self._chance)
        await self._inner.put_new(name, data)
        await _wander(self._chance)

    async def get(self, name: str) -> bytes:
        await _wander(self._chance)
        return await self._inner.get(name)

    async def list(self, prefix: str = "") -> AsyncIterator[BlobStat]:
        await _wander(self._chance)
        async for stat in self._inner.list(prefix):
            yield stat


class Strolling:
    """A directory whose calls take a while."""

    def __init__(self, inner: Directory, chance: random.Random) -> None:
        self._inner = inner
        self._chance = chance

    async def page(self, request: GraphRequest) -> Page:
        await _wander(self._chance)
        return await self._inner.page(request)

    async def send(self, request: GraphRequest) -> GraphResponse:
        await _wander(self._chance)
        return await self._inner.send(request)

    async def batch(self, requests: Sequence[GraphRequest]) -> list[GraphResponse]:
        await _wander(self._chance)
        return await self._inner.batch(requests)

    def page_of(self, request: GraphRequest, response: GraphResponse) -> Page:
        return self._inner.page_of(request, response)

    async def roles(self) -> frozenset[str] | None:
        return await self._inner.roles()


async def _wander(chance: random.Random) -> None:
    for _ in range(chance.randrange(4)):
        await asyncio.sleep(0)

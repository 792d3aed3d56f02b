"""A copy is what verifies, whole or not at all, and the copier can add and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.adapters.memory import MemoryBlobStore
from shared.domain.errors import StorageDown
from shared.domain.ports import BlobStore
from shared.engines import paths
from shared.engines.copying import CopyReport, CopyState, Source, copy_blobs, copy_vault
from shared.engines.repository import Repository
from shared.engines.verify import verify_snapshot
from tests.backup import TENANT, Backup, content, small_tenant
from tests.faults import Faults, FaultyBlobStore, crash_at, fail, run_until_crash


class Pair:
    """A vault with three snapshots, and an empty place for its copy."""

    def __init__(self, backup: Backup, snapshots: list[str]) -> None:
        self.backup = backup
        self.snapshots = snapshots
        self.stores = {"vault-35d": MemoryBlobStore("vault-35d"), "chain": MemoryBlobStore("chain")}

    def source(self) -> Source:
        backup = self.backup
        vaults: dict[str, BlobStore] = {"vault-35d": backup.vault}
        return Source(vaults, backup.chain, TENANT, backup.keys, backup.catalog, backup.clock)

    async def copy(self, faults: Faults | None = None, snapshots: tuple[str, ...] = ()) -> CopyReport:
        def target(name: str) -> BlobStore:
            return self.stores[name] if faults is None else FaultyBlobStore(self.stores[name], faults)

        return await copy_vault(self.source(), target, snapshots=snapshots)

    def repository(self) -> Repository:
        backup = self.backup
        return Repository(
            {"vault-35d": self.stores["vault-35d"]}, self.stores["chain"], TENANT, backup.keys, backup.clock
        )

    async def findings(self, snapshot: str) -> list[str]:
        backup = self.backup
        vaults: dict[str, BlobStore] = {"vault-35d": self.stores["vault-35d"]}
        report = await verify_snapshot(
            vaults, self.stores["chain"], TENANT, backup.keys, backup.catalog, backup.clock, snapshot
        )
        return [one.name for one in report.findings]


@pytest.fixture
async def pair() -> Pair:
    backup = Backup()
    small_tenant(backup.directory)
    snapshots = []
    for number in range(3):
        backup.directory.put("users", id=f"late-{number}", displayName=f"Late {number}")
        snapshots.append((await backup.back_up()).snapshot)
        backup.clock.advance(86400)
    return Pair(backup, snapshots)


def states(report: CopyReport) -> list[CopyState]:
    return [one.state for one in report.snapshots]


async def test_a_copy_verifies_and_holds_what_the_vault_holds(pair: Pair) -> None:
    report = await pair.copy()
    assert report.good
    assert states(report) == [CopyState.COPIED] * 3
    assert report.head == await pair.backup.repository().head()
    for snapshot in pair.snapshots:
        assert await pair.findings(snapshot) == []
        there = await content(await pair.repository().open(snapshot))
        assert there == await content(await pair.backup.repository().open(snapshot))
    again = await pair.copy()
    assert states(again) == [CopyState.HELD] * 3
    assert again.head == report.head


async def test_what_is_damaged_is_told_and_not_copied_and_comes_once_it_is_whole(pair: Pair) -> None:
    vault = pair.backup.vault.blobs
    name = next(one for one in vault if pair.snapshots[1] in one and "/objects/users/" in one)
    whole = vault[name]
    vault[name] = whole[:-1] + b"\0"
    report = await pair.copy()
    assert not report.good
    assert states(report) == [CopyState.COPIED, CopyState.DAMAGED, CopyState.COPIED]
    assert [one.name for one in report.snapshots[1].findings] == [name.split(pair.snapshots[1] + "/")[1]]
    assert not any(pair.snapshots[1] in one for one in pair.stores["vault-35d"].blobs)
    assert await pair.findings(pair.snapshots[2]) == []  # the copy's chain has no gap
    vault[name] = whole
    assert states(await pair.copy()) == [CopyState.HELD, CopyState.COPIED, CopyState.HELD]
    assert await pair.findings(pair.snapshots[1]) == []


@pytest.mark.full
async def test_a_copy_that_dies_before_or_after_any_write_goes_on_and_is_never_half_readable(pair: Pair) -> None:
    whole = await _copied(pair)
    writes = sum(len(blobs) for blobs in whole.values())
    assert writes > 100
    for before in (False, True):
        for number in range(1, writes + 1, 17):
            fresh = Pair(pair.backup, pair.snapshots)
            assert await run_until_crash(fresh.copy(Faults(crash_at(number, before=before))))
            for one in await fresh.repository().entries():
                assert await fresh.findings(one.entry.snapshot) == []
            assert (await fresh.copy()).good
            assert {name: store.blobs for name, store in fresh.stores.items()} == whole


async def _copied(pair: Pair) -> dict[str, dict[str, bytes]]:
    fresh = Pair(pair.backup, pair.snapshots)
    await fresh.copy()
    return {name: store.blobs for name, store in fresh.stores.items()}


async def test_storage_that_is_down_ends_the_copy_and_is_no_finding(pair: Pair) -> None:
    with pytest.raises(StorageDown):
        await pair.copy(Faults(fail("put ", lambda: StorageDown("away"), skip=3)))
    await pair.copy(Faults(fail("put ", lambda: StorageDown("away"), skip=3, before=False)))  # an answer is lost
    assert (await pair.copy()).good


async def test_a_name_that_is_taken_by_something_else_is_told_and_keeps_nothing_else_from_being_copied(
    pair: Pair,
) -> None:
    manifest = (await pair.backup.repository().open(pair.snapshots[0])).manifest
    name = paths.folder_of(TENANT, pair.snapshots[0]).path(manifest.blobs[0].name)
    pair.stores["vault-35d"].blobs[name] = b"planted"
    report = await pair.copy()
    assert states(report) == [CopyState.TAKEN, CopyState.COPIED, CopyState.COPIED]
    assert [one.name for one in report.snapshots[0].findings] == [manifest.blobs[0].name]
    assert not report.good
    assert pair.stores["vault-35d"].blobs[name] == b"planted"


async def test_an_expired_snapshot_leaves_its_entry_and_an_unknown_container_is_told(pair: Pair) -> None:
    pair.backup.clock.advance(33.5 * 86400)  # the first two are over
    report = await pair.copy()
    assert states(report) == [CopyState.EXPIRED, CopyState.EXPIRED, CopyState.COPIED]
    assert report.good
    assert len(pair.stores["chain"].blobs) == 3
    assert await pair.findings(pair.snapshots[2]) == []
    source = replace(pair.source(), vaults={})
    fresh = Pair(pair.backup, pair.snapshots)
    report = await copy_vault(source, lambda name: fresh.stores[name])
    assert states(report)[-1] is CopyState.NOT_AT_HAND
    assert not report.good


async def test_one_snapshot_is_copied_with_the_whole_chain(pair: Pair) -> None:
    report = await pair.copy(snapshots=(pair.snapshots[1],))
    assert [one.snapshot for one in report.snapshots] == [pair.snapshots[1]]
    assert await pair.findings(pair.snapshots[1]) == []
    assert await pair.findings(pair.snapshots[0]) != []
    assert states(await pair.copy()) == [CopyState.COPIED, CopyState.HELD, CopyState.COPIED]


async def test_evidence_is_copied_blob_by_blob() -> None:
    source, target = MemoryBlobStore("evidence-400d"), MemoryBlobStore("evidence-400d")
    for number in range(3):
        await source.put_new(f"v1/t/{number}", b"%d" % number)
    told: list[tuple[str, int]] = []
    copied = await copy_blobs(source, target, lambda name, count: told.append((name, count)))
    assert (copied.held, copied.copied, copied.findings) == (3, 3, [])
    assert target.blobs == source.blobs
    assert told[-1] == ("evidence-400d", 3)
    again = await copy_blobs(source, target)
    assert (again.held, again.copied) == (3, 0)
    target.blobs["v1/t/1"] = b"x"
    assert [one.name for one in (await copy_blobs(source, target)).findings] == ["v1/t/1"]

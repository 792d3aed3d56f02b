"""The chain: one entry a snapshot, in an order that nobody can rewrite unseen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.keys import LocalSigner
from shared.adapters.memory import MemoryBlobStore
from shared.domain.errors import IntegrityError, StorageDown
from shared.domain.ports import BlobStat
from shared.domain.snapshot import ChainEntry
from shared.engines import paths
from shared.engines.chain import Chain, Committed
from shared.engines.jws import Purpose, sign
from shared.engines.wire import encode
from tests.faults import Faults, FaultyBlobStore, fail

TENANT = "t1"
START = datetime(2026, 11, 1, tzinfo=UTC)
SIGNER = LocalSigner.generate()


def draft(day: int, suffix: str = "full", manifest: str = "m") -> ChainEntry:
    at = START + timedelta(days=day)
    snapshot = paths.snapshot_id(at, suffix)
    return ChainEntry(
        seq=0,
        tenant=TENANT,
        snapshot=snapshot,
        folder=paths.folder(TENANT, snapshot),
        container="vault-35d",
        manifest_sha256=manifest,
        commit_sha256="c",
        previous="",
        retain_until=at + timedelta(days=35),
        kept_until=at + timedelta(days=400),
    )


@pytest.fixture
def store() -> MemoryBlobStore:
    return MemoryBlobStore("chain")


def chain_on(store: MemoryBlobStore) -> Chain:
    return Chain(store, TENANT, SIGNER.public_keys)


async def test_entries_number_from_one_and_name_the_one_before(store: MemoryBlobStore) -> None:
    chain = chain_on(store)
    entries = [await chain.append(SIGNER, draft(day)) for day in range(3)]
    assert [one.entry.seq for one in entries] == [1, 2, 3]
    assert [one.entry.previous for one in entries] == ["", entries[0].sha256, entries[1].sha256]
    assert await chain.head() == entries[2]
    assert entries[2].head == f"3:{entries[2].sha256}"


async def test_appending_again_changes_nothing(store: MemoryBlobStore) -> None:
    chain = chain_on(store)
    first = await chain.append(SIGNER, draft(0))
    await chain.append(SIGNER, draft(1))
    stored = dict(store.blobs)
    # The token of a repeated commit differs, because ES256 is randomised; the manifest may not.
    assert await chain.append(SIGNER, replace(draft(0), commit_sha256="another")) == first
    assert store.blobs == stored


async def test_a_snapshot_is_not_committed_twice_with_other_contents(store: MemoryBlobStore) -> None:
    chain = chain_on(store)
    await chain.append(SIGNER, draft(0))
    with pytest.raises(IntegrityError):
        await chain.append(SIGNER, draft(0, manifest="other"))


async def test_a_lost_claim_means_the_next_number(store: MemoryBlobStore) -> None:
    class Late(MemoryBlobStore):
        """Another seal takes the number between our listing and our write."""

        async def put_new(self, name: str, data: bytes) -> None:
            if not store.blobs:
                await chain_on(store).append(SIGNER, draft(0, "other"))
            await super().put_new(name, data)

    late = Late("chain")
    late.blobs = store.blobs
    ours = await chain_on(late).append(SIGNER, draft(0))
    assert ours.entry.seq == 2
    assert [name[-14:] for name in store.blobs] == ["0000000001.jws", "0000000002.jws"]


async def test_an_entry_whose_answer_was_lost_is_not_written_again(store: MemoryBlobStore) -> None:
    faults = Faults(fail("put chain", lambda: StorageDown("no answer"), before=False))
    chain = Chain(FaultyBlobStore(store, faults), TENANT, SIGNER.public_keys)
    assert (await chain.append(SIGNER, draft(0))).entry.seq == 1
    assert len(store.blobs) == 1


async def test_many_at_once_get_a_number_each(store: MemoryBlobStore) -> None:
    appended = await asyncio.gather(
        *(chain_on(store).append(SIGNER, draft(0, f"s{number % 10}")) for number in range(20))
    )
    assert {one.entry.seq for one in appended} == set(range(1, 11))
    assert len(store.blobs) == 10


@pytest.mark.parametrize("skip", range(4))
async def test_another_worker_that_appends_the_same_snapshot_meanwhile_leaves_one_entry(
    store: MemoryBlobStore, skip: int
) -> None:
    """Whatever lies between looking for the entry and claiming a number for it."""
    await chain_on(store).append(SIGNER, draft(0, "older"))

    class Meanwhile(MemoryBlobStore):
        calls = 0

        async def list(self, prefix: str = "") -> AsyncIterator[BlobStat]:
            if Meanwhile.calls == skip:
                await chain_on(store).append(SIGNER, draft(1))
                await chain_on(store).append(SIGNER, draft(2))
            Meanwhile.calls += 1
            async for stat in MemoryBlobStore.list(self, prefix):
                yield stat

    late = Meanwhile(store.container)
    late.blobs = store.blobs
    entry = (await chain_on(late).append(SIGNER, draft(1))).entry
    chain = chain_on(store)
    held = [(await chain.load(seq)).entry for seq in await chain.numbers()]
    assert [one for one in held if one.snapshot == entry.snapshot] == [entry]


@pytest.mark.parametrize("data", [b"", b"{}", b"a.b.c"])
async def test_nothing_is_appended_behind_an_entry_that_does_not_verify(
    store: MemoryBlobStore, data: bytes
) -> None:
    chain = chain_on(store)
    await chain.append(SIGNER, draft(0))
    store.blobs[paths.chain_entry(TENANT, 2)] = data
    with pytest.raises(IntegrityError):
        await chain.append(SIGNER, draft(1))
    assert len(store.blobs) == 2


async def test_an_entry_signed_by_another_key_or_for_another_purpose_does_not_verify(
    store: MemoryBlobStore,
) -> None:
    entry = replace(draft(0), seq=1)
    chain = chain_on(store)
    for token in (
        await sign(LocalSigner.generate(), Purpose.CHAIN, encode(entry)),
        await sign(SIGNER, Purpose.SNAPSHOT, encode(entry)),
    ):
        with pytest.raises(IntegrityError):
            chain.check(token, 1)
    good = await sign(SIGNER, Purpose.CHAIN, encode(entry))
    assert isinstance(chain.check(good, 1), Committed)


@pytest.mark.parametrize(
    "changes",
    [{"seq": 2}, {"tenant": "t2"}, {"folder": "v1/t1/elsewhere/"}, {"snapshot": "latest"}],
)
async def test_a_signed_entry_in_the_wrong_place_is_refused(
    store: MemoryBlobStore, changes: dict[str, object]
) -> None:
    entry = replace(replace(draft(0), seq=1), **changes)  # type: ignore[arg-type]
    token = await sign(SIGNER, Purpose.CHAIN, encode(entry))
    with pytest.raises(IntegrityError):
        chain_on(store).check(token, 1)


async def test_what_readers_could_not_verify_takes_no_number(store: MemoryBlobStore) -> None:
    with pytest.raises(IntegrityError):
        await chain_on(store).append(LocalSigner.generate(), draft(0))
    assert store.blobs == {}


async def test_a_run_that_commits_after_a_younger_one_is_found(store: MemoryBlobStore) -> None:
    chain = chain_on(store)
    for day in (1, 0, 2, 3, 4, 5):
        await chain.append(SIGNER, draft(day))
    for day in range(6):
        found = await chain.find(draft(day).snapshot)
        assert found is not None
        assert found.entry.snapshot == draft(day).snapshot
    assert await chain.find(draft(0, "missing").snapshot) is None

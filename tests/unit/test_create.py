"""Create-only writes whose end is unclear: what is stored decides, never the answer."""

from __future__ import annotations

import pytest

from shared.adapters.memory import MemoryBlobStore
from shared.domain.errors import BlobExists, IntegrityError, StorageDenied, StorageDown
from shared.engines.create import create_once, create_or_adopt
from tests.faults import Faults, FaultyBlobStore, fail


def down() -> StorageDown:
    return StorageDown("no answer")


def exists() -> BlobExists:
    return BlobExists("403")


async def test_a_write_that_went_through_was_created() -> None:
    store = MemoryBlobStore()
    assert await create_once(store, "a", b"x") is True
    assert store.blobs == {"a": b"x"}


async def test_an_equal_blob_is_success_and_another_is_never_overwritten() -> None:
    store = MemoryBlobStore()
    store.blobs["a"] = b"x"
    assert await create_once(store, "a", b"x") is False
    with pytest.raises(IntegrityError) as fault:
        await create_once(store, "a", b"y")
    assert "a exists in vault with other contents" in str(fault.value)
    assert store.blobs == {"a": b"x"}


async def test_a_lost_answer_to_a_write_that_went_through_is_success() -> None:
    store = MemoryBlobStore()
    faulty = FaultyBlobStore(store, Faults(fail("put", down, before=False)))
    assert await create_once(faulty, "a", b"x") is False
    assert store.blobs == {"a": b"x"}


async def test_a_lost_answer_to_a_write_that_did_not_go_through_is_raised_again() -> None:
    store = MemoryBlobStore()
    error = down()
    faulty = FaultyBlobStore(store, Faults(fail("put", lambda: error, before=True)))
    with pytest.raises(StorageDown) as raised:
        await create_once(faulty, "a", b"x")
    assert raised.value is error
    assert store.blobs == {}


async def test_a_lost_answer_where_another_writer_won_is_found_out() -> None:
    store = MemoryBlobStore()
    store.blobs["a"] = b"theirs"
    faulty = FaultyBlobStore(store, Faults(fail("put", down, before=True, times=9)))
    with pytest.raises(IntegrityError):
        await create_once(faulty, "a", b"ours")
    assert await create_or_adopt(faulty, "a", b"ours") == b"theirs"


async def test_a_refusal_without_a_blob_means_no_right() -> None:
    store = MemoryBlobStore()
    faulty = FaultyBlobStore(store, Faults(fail("put", exists, times=9)))
    with pytest.raises(StorageDenied, match="a in vault"):
        await create_once(faulty, "a", b"x")
    with pytest.raises(StorageDenied):
        await create_or_adopt(faulty, "a", b"x")


async def test_a_refusal_that_hides_our_own_earlier_success_is_success() -> None:
    store = MemoryBlobStore()
    faulty = FaultyBlobStore(store, Faults(fail("put", exists, before=False)))
    assert await create_once(faulty, "a", b"x") is False


async def test_a_reading_back_that_fails_leaves_the_end_open() -> None:
    store = MemoryBlobStore()
    faulty = FaultyBlobStore(store, Faults(fail("put", down, before=False), fail("get", down)))
    with pytest.raises(StorageDown):
        await create_once(faulty, "a", b"x")
    assert await create_once(faulty, "a", b"x") is False


async def test_a_claim_gives_the_winners_bytes_to_every_claimant() -> None:
    store = MemoryBlobStore()
    assert await create_or_adopt(store, "a", b"first") == b"first"
    assert await create_or_adopt(store, "a", b"second") == b"first"
    faulty = FaultyBlobStore(store, Faults(fail("put", down, before=False)))
    assert await create_or_adopt(faulty, "b", b"mine") == b"mine"

"""Create-only writes whose end may be unclear.

`BlobExists` can be our own write of a moment ago, repeated by a retry; `StorageDown` may hide a success; a
create-only role gets 403 where a name is taken. What is stored decides, never the answer: the blob is read
back and compared. Nothing is ever overwritten.
"""

from __future__ import annotations

from shared.domain.errors import BlobExists, BlobMissing, IntegrityError, StorageDenied, StorageDown
from shared.domain.ports import BlobStore


async def create_once(store: BlobStore, name: str, data: bytes) -> bool:
    """Makes sure that exactly `data` is stored under `name`. True: this call created it; False: it was there.

    After an unclear answer the blob may be this call's own: that is reported as False, too. Raises
    `IntegrityError` where other bytes hold the name.
    """
    held = await _put_or_read(store, name, data)
    if held is None:
        return True
    if held == data:
        return False
    raise IntegrityError(
        f"the blob {name} exists in {store.container} with other contents",
        saved="the blob that is there, unchanged",
        hint="do not remove it; find out who wrote it",
    )


async def create_or_adopt(store: BlobStore, name: str, data: bytes) -> bytes:
    """Claims `name` with `data`. Returns what holds the name now: `data`, or an earlier winner's bytes."""
    held = await _put_or_read(store, name, data)
    return data if held is None else held


async def _put_or_read(store: BlobStore, name: str, data: bytes) -> bytes | None:
    """None: created. Otherwise what is stored under the name."""
    try:
        await store.put_new(name, data)
    except BlobExists as refusal:
        try:
            return await store.get(name)
        except BlobMissing:
            raise StorageDenied(
                f"creating {name} in {store.container} was refused, and there is no such blob",
                hint="the identity in use lacks the right to add blobs, or the network rules refuse it",
            ) from refusal
    except StorageDown as outage:
        try:
            return await store.get(name)
        except BlobMissing:
            raise outage from None
    return None

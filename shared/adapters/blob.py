"""`BlobStore` in Azure Blob Storage.

A blob is one Put Blob with `If-None-Match: *`: an identity with `blobs/add` and no `blobs/write` can send it,
and there is never a staged block that a retry could commit. A retry of the SDK can meet its own success as
409: that is `BlobExists`, and `engines.create` reads back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from shared.adapters.azure_connection import RETRIES, check_account_url, check_emulator
from shared.adapters.azure_errors import translated
from shared.adapters.limits import MAX_BLOB, check_blob, check_blob_name, check_prefix
from shared.domain.errors import IntegrityError, StorageDown
from shared.domain.ports import BlobStat

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.storage.blob.aio import ContainerClient

CLIENT_OPTIONS: dict[str, Any] = {"max_single_put_size": MAX_BLOB, **RETRIES}


class AzureBlobStore:
    """One container, which has to exist."""

    def __init__(self, client: ContainerClient, *, page: int | None = None) -> None:
        """`page`: entries of one page of a listing; None leaves it to the service (5,000)."""
        self._client = client
        self._page = page
        self.container: str = client.container_name

    @classmethod
    def from_connection_string(cls, connection_string: str, container: str) -> AzureBlobStore:
        """For emulators on this machine only."""
        from azure.storage.blob.aio import ContainerClient

        check_emulator(connection_string)
        return cls(ContainerClient.from_connection_string(connection_string, container, **CLIENT_OPTIONS))

    @classmethod
    def from_account(cls, account_url: str, container: str, credential: AsyncTokenCredential) -> AzureBlobStore:
        from azure.storage.blob.aio import ContainerClient

        check_account_url(account_url)
        return cls(ContainerClient(account_url, container, credential=credential, **CLIENT_OPTIONS))

    async def close(self) -> None:
        await self._client.close()

    async def put_new(self, name: str, data: bytes) -> None:
        check_blob(name, data)
        with translated(f"creating {name} in {self.container}", creating=True):
            # No other condition may be given here: the SDK would then leave If-None-Match out.
            await self._client.upload_blob(name, data, length=len(data), overwrite=False, max_concurrency=1)

    async def get(self, name: str) -> bytes:
        check_blob_name(name)
        what = f"reading {name} from {self.container}"
        with translated(what):
            stream = await self._client.download_blob(name, max_concurrency=1)
            data: bytes = await stream.readall()
        if len(data) != stream.size:
            raise StorageDown(f"{what}: {len(data)} of {stream.size} bytes arrived")
        return data

    async def list(self, prefix: str = "") -> AsyncIterator[BlobStat]:
        check_prefix(prefix)
        last = ""
        with translated(f"listing {self.container}"):
            async for found in self._client.list_blobs(
                name_starts_with=prefix or None, results_per_page=self._page
            ):
                if found.name <= last:
                    raise IntegrityError(f"the storage service listed {self.container} out of order")
                last = found.name
                yield BlobStat(found.name, found.size)

"""`StoreInspector`: whether a container's retention lock holds.

Only a lock that was seen counts. The data plane says that a policy exists, not whether it is locked, so what it
says is never enough for "protected"; the lock state itself is a matter of the management plane.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.adapters.azure_connection import check_account_url
from shared.adapters.azure_errors import translated
from shared.adapters.blob import CLIENT_OPTIONS
from shared.domain.ports import Protection

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.storage.blob.aio import BlobServiceClient

EMULATOR = Protection(locked=False, why="an emulator or a folder has no retention lock")
NO_POLICY = Protection(locked=False, why="the container has no retention policy")
NOT_SEEN = Protection(
    locked=False,
    why="the container has a retention policy, but its lock state is not readable through the data plane",
)


class EmulatorInspector:
    """For emulators and folders."""

    async def protection(self, container: str) -> Protection:
        return EMULATOR


class AzureInspector:
    """What the data plane tells: never more than that a policy exists."""

    def __init__(self, client: BlobServiceClient) -> None:
        self._client = client

    @classmethod
    def from_account(cls, account_url: str, credential: AsyncTokenCredential) -> AzureInspector:
        from azure.storage.blob.aio import BlobServiceClient

        check_account_url(account_url)
        return cls(BlobServiceClient(account_url, credential=credential, **CLIENT_OPTIONS))

    async def close(self) -> None:
        await self._client.close()

    async def protection(self, container: str) -> Protection:
        with translated(f"reading the properties of {container}"):
            properties = await self._client.get_container_client(container).get_container_properties()
        return NOT_SEEN if properties.has_immutability_policy else NO_POLICY

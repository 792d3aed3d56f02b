"""`StoreInspector`: whether a container's retention lock holds.

Only a lock that was seen counts, on both planes: the data plane says that a policy exists, the management plane
which one and whether it is locked. Where either can't be read, the container is not protected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from shared.adapters.azure_connection import check_account_url, check_emulator
from shared.adapters.azure_errors import translated
from shared.adapters.blob import CLIENT_OPTIONS
from shared.domain.ports import Protection, VaultControl
from shared.domain.regions import Residency
from shared.domain.vault import AccountState
from shared.engines.protection import protection_of

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.storage.blob.aio import BlobServiceClient

EMULATOR = Protection(locked=False, why="an emulator or a folder has no retention lock")
NO_POLICY = Protection(locked=False, why="the container has no retention policy")
NOT_SEEN = Protection(
    locked=False,
    why="the container has a retention policy, but nobody looked whether it is locked: HOLDFAST_VAULT_RESOURCE_ID "
    "is not set",
)


class EmulatorInspector:
    """For emulators and folders."""

    async def protections(self, containers: Sequence[str]) -> Mapping[str, Protection]:
        return dict.fromkeys(containers, EMULATOR)


class AzureInspector:
    """Both planes. `days`: what each container has to keep its blobs for; without `control`, the data plane alone,
    which is never enough."""

    def __init__(
        self,
        client: BlobServiceClient,
        control: VaultControl | None = None,
        days: Mapping[str, int] | None = None,
        residency: Residency = Residency.EU,
    ) -> None:
        self._client = client
        self._control = control
        self._days = days or {}
        self._residency = residency

    @classmethod
    def from_account(
        cls,
        account_url: str,
        credential: AsyncTokenCredential,
        control: VaultControl | None = None,
        days: Mapping[str, int] | None = None,
        residency: Residency = Residency.EU,
    ) -> AzureInspector:
        from azure.storage.blob.aio import BlobServiceClient

        check_account_url(account_url)
        client = BlobServiceClient(account_url, credential=credential, **CLIENT_OPTIONS)
        return cls(client, control, days, residency)

    @classmethod
    def from_connection_string(
        cls,
        connection_string: str,
        control: VaultControl,
        days: Mapping[str, int],
        residency: Residency = Residency.EU,
    ) -> AzureInspector:
        """For an emulator behind a gateway that enforces policies, with a simulated management plane."""
        from azure.storage.blob.aio import BlobServiceClient

        check_emulator(connection_string)
        client = BlobServiceClient.from_connection_string(connection_string, **CLIENT_OPTIONS)
        return cls(client, control, days, residency)

    async def close(self) -> None:
        await self._client.close()

    async def protections(self, containers: Sequence[str]) -> Mapping[str, Protection]:
        found: dict[str, Protection] = {}
        account: AccountState | None = None
        for name in containers:
            unseen = await self._unseen(name)
            if unseen is not None or self._control is None:
                found[name] = unseen or NOT_SEEN
                continue
            account = account or await self._control.account()
            found[name] = protection_of(
                await self._control.container(name), account, self._days[name], self._residency
            )
        return found

    async def _unseen(self, container: str) -> Protection | None:
        """Why the management plane needn't be asked; None where it has to say."""
        with translated(f"reading the properties of {container}"):
            properties = await self._client.get_container_client(container).get_container_properties()
        if not properties.has_immutability_policy:
            return NO_POLICY
        if self._control is not None and container not in self._days:
            return Protection(locked=False, why="nobody said how long the container has to keep its blobs")
        return None

"""`WorkQueue` in Azure Queue Storage.

Bodies are base64, as the platform's queue trigger expects by default, and never expire: a message that nobody
could handle for a week must not vanish.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from shared.adapters.azure_connection import RETRIES, check_account_url, check_emulator
from shared.adapters.azure_errors import translated
from shared.adapters.limits import check_message

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.storage.queue.aio import QueueClient

_FOREVER = -1


class AzureQueue:
    """One queue, which has to exist."""

    def __init__(self, client: QueueClient) -> None:
        """`client` has to encode messages as base64 (`client_options`)."""
        self._client = client
        self.name: str = client.queue_name

    @classmethod
    def from_connection_string(cls, connection_string: str, name: str) -> AzureQueue:
        """For emulators on this machine only."""
        from azure.storage.queue.aio import QueueClient

        check_emulator(connection_string)
        return cls(QueueClient.from_connection_string(connection_string, name, **client_options()))

    @classmethod
    def from_account(cls, account_url: str, name: str, credential: AsyncTokenCredential) -> AzureQueue:
        from azure.storage.queue.aio import QueueClient

        check_account_url(account_url)
        return cls(QueueClient(account_url, name, credential=credential, **client_options()))

    async def close(self) -> None:
        await self._client.close()

    async def send(self, body: str, *, delay: float = 0.0) -> None:
        check_message(body, delay)
        with translated(f"sending to the queue {self.name}"):
            await self._client.send_message(body, visibility_timeout=math.ceil(delay), time_to_live=_FOREVER)


def client_options() -> dict[str, Any]:
    from azure.storage.queue import TextBase64DecodePolicy, TextBase64EncodePolicy

    return {
        "message_encode_policy": TextBase64EncodePolicy(),
        "message_decode_policy": TextBase64DecodePolicy(),
        **RETRIES,
    }

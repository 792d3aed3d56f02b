"""How storage is reached: https with an identity, or a connection string for an emulator on this machine.

Connection strings hold account keys, which bypass every role; so they are taken for loopback addresses only.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from shared.domain.errors import Unusable

# Of the storage SDKs' clients. Waits between tries are about 1, 3, 5 and 9 seconds; their own begin at 15.
RETRIES: dict[str, Any] = {
    "initial_backoff": 1,
    "increment_base": 2,
    "retry_total": 4,
    "random_jitter_range": 1,
    "connection_timeout": 20,
    "read_timeout": 60,
}

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def check_emulator(connection_string: str) -> str:
    """The connection string, if all its endpoints are on this machine. The message never shows it."""
    parts = dict(part.split("=", 1) for part in connection_string.split(";") if "=" in part)
    endpoints = [value for name, value in parts.items() if name.lower().endswith("endpoint")]
    development = parts.get("UseDevelopmentStorage", "").lower() == "true" and not endpoints
    if development and "DevelopmentStorageProxyUri" not in parts:
        return connection_string
    if not endpoints or any(urlsplit(endpoint).hostname not in _LOOPBACK for endpoint in endpoints):
        raise Unusable(
            "a connection string is for an emulator on this machine only",
            hint="give the account's https address; the app's own identity is used there",
        )
    return connection_string


def check_account_url(url: str) -> str:
    """The address of a storage account or vault, if it is https without anything secret in it."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.username or parts.password:
        raise Unusable("an Azure address has to be https, without a query or password")
    return url

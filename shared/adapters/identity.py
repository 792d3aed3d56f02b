"""Identities: the app's managed identity, the app registration that it stands for, and a person at a laptop.

Nothing here holds a secret but the certificate that a laptop was given for bad days. Graph is reached through an
app registration whose federated credential is the managed identity, because a changed permission then shows in the
next token (a managed identity's own token for Graph may be a day old).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from shared.domain.errors import Unusable

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.identity import DeviceCodeCredential, InteractiveBrowserCredential

# The audience of Microsoft Entra workload identity federation.
_EXCHANGE = "api://AzureADTokenExchange/.default"


def own_identity(client_id: str) -> AsyncTokenCredential:
    """The managed identity of that client id; without one, whoever is signed in (an operator's laptop)."""
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

    if client_id:
        return ManagedIdentityCredential(client_id=client_id)
    return DefaultAzureCredential()


def federated(tenant: str, app: str, identity: str) -> AsyncTokenCredential:
    """The app registration `app` as it is known in `tenant`, proved by the managed identity."""
    from azure.identity import ManagedIdentityCredential
    from azure.identity.aio import ClientAssertionCredential

    # The SDK calls for the assertion from synchronous code, once per token.
    managed = ManagedIdentityCredential(client_id=identity)
    return ClientAssertionCredential(tenant, app, lambda: managed.get_token(_EXCHANGE).token)


def by_certificate(tenant: str, app: str, file: str) -> AsyncTokenCredential:
    """The app registration `app`, proved by a certificate with its key, in PEM or PKCS #12."""
    from azure.identity.aio import CertificateCredential

    try:
        return CertificateCredential(tenant, app, file)
    except OSError as error:
        raise Unusable(f"the certificate can't be read: {error.strerror}: {file}") from None
    except ValueError:
        raise Unusable(f"{file} holds no certificate with an unencrypted private key") from None


def by_azure_cli(tenant: str) -> AsyncTokenCredential:
    """Who is signed in with the Azure CLI, in that tenant."""
    from azure.identity.aio import AzureCliCredential

    return AzureCliCredential(tenant_id=tenant)


def by_device_code(tenant: str, app: str, tell: Callable[[str], None]) -> AsyncTokenCredential:
    """A person who signs in to `app` on any device; `tell` shows the address and the code. The token holds the
    delegated permissions that `app` was consented to, as far as the person has them."""
    from azure.identity import DeviceCodeCredential

    def prompt(address: str, code: str, until: object) -> None:
        tell(f"sign in at {address} with the code {code}")

    return _Threaded(DeviceCodeCredential(app, tenant_id=tenant, prompt_callback=prompt))


def by_browser(tenant: str, app: str) -> AsyncTokenCredential:
    """A person who signs in to `app` in this machine's browser; the application needs the redirect URI
    `http://localhost` (Azure Identity: InteractiveBrowserCredential)."""
    from azure.identity import InteractiveBrowserCredential

    return _Threaded(InteractiveBrowserCredential(client_id=app, tenant_id=tenant))


class _Threaded:
    """The SDK has no asynchronous credential for a person: waiting for them is a thread's work."""

    def __init__(self, inner: DeviceCodeCredential | InteractiveBrowserCredential) -> None:
        self._inner = inner

    async def get_token(self, *scopes: str, **asked: Any) -> AccessToken:
        return await asyncio.to_thread(self._inner.get_token, *scopes, **asked)

    async def close(self) -> None:
        await asyncio.to_thread(self._inner.close)

    async def __aenter__(self) -> _Threaded:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self.close()

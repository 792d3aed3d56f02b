"""Identities in Azure: the app's managed identity, and the app registration that it stands for.

Nothing here holds a secret. Graph is reached through an app registration whose federated credential is the
managed identity, because a changed permission then shows in the next token (a managed identity's own token for
Graph may be a day old).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

# The audience of Microsoft Entra workload identity federation.
_EXCHANGE = "api://AzureADTokenExchange/.default"


def own_identity(client_id: str) -> AsyncTokenCredential:
    """The managed identity of that client id; without one, whoever is signed in (an operator's laptop)."""
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

    if client_id:
        return ManagedIdentityCredential(client_id=client_id)
    return DefaultAzureCredential()


def federated(tenant: str, app: str, identity: str) -> AsyncTokenCredential:
    """The app registration `app` of the protected tenant, proved by the managed identity."""
    from azure.identity import ManagedIdentityCredential
    from azure.identity.aio import ClientAssertionCredential

    # The SDK calls for the assertion from synchronous code, once per token.
    managed = ManagedIdentityCredential(client_id=identity)
    return ClientAssertionCredential(tenant, app, lambda: managed.get_token(_EXCHANGE).token)

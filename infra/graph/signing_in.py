"""How the person who registers signs in to a tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from azure.core.credentials_async import AsyncTokenCredential

from shared.adapters.clock import RandomIds, SystemClock
from shared.adapters.graph.auth import FixedToken
from shared.adapters.graph.client import GraphDirectory
from shared.adapters.graph.limits import Limits
from shared.adapters.identity import by_azure_cli, by_device_code

MICROSOFT_GRAPH = "https://graph.microsoft.com"


def credential(tenant: str, app: str, tell: Callable[[str], None]) -> AsyncTokenCredential:
    """Who is signed in with the Azure CLI; with `app`, a person who signs in to that application by device code."""
    if app:
        return by_device_code(tenant, app, tell)
    return by_azure_cli(tenant)


@asynccontextmanager
async def signed_in(
    tenant: str, app: str, environment: Mapping[str, str], tell: Callable[[str], None]
) -> AsyncIterator[GraphDirectory]:
    """Microsoft Graph of a tenant. `HOLDFAST_GRAPH_URL` and `HOLDFAST_GRAPH_TOKEN` name a server on this machine
    instead. Raises `Unusable` for a fixed token to any other."""
    clock = SystemClock()
    url = environment.get("HOLDFAST_GRAPH_URL", MICROSOFT_GRAPH)
    fixed = environment.get("HOLDFAST_GRAPH_TOKEN", "")
    used = FixedToken(fixed) if fixed else credential(tenant, app, tell)
    try:
        directory = GraphDirectory.open(url, used, clock=clock, ids=RandomIds(), limits=Limits(clock))
        try:
            yield directory
        finally:
            await directory.close()
    finally:
        if not isinstance(used, FixedToken):
            await used.close()

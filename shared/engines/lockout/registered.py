"""What the break-glass accounts have registered, asked for them alone: one request each."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from shared.catalog.registry import Catalog
from shared.domain.errors import GraphError
from shared.domain.objects import Json
from shared.domain.ports import Clock, Directory
from shared.engines.lockout.viewed import REGISTERED
from shared.engines.targets import Targets


async def registered_now(
    directory: Directory, catalog: Catalog, clock: Clock, accounts: tuple[str, ...]
) -> Mapping[str, Json] | None:
    """Methods by account; an account that isn't there has none. None where they may not be read, which is never to
    anybody's advantage. Raises `Retryable` while Graph is down."""
    spec = catalog.get(REGISTERED)
    assert spec.facet is not None
    paths = [f"{spec.list_path}/{quote(one, safe='')}/{spec.facet.collection}" for one in accounts]
    try:
        found = await Targets(directory, clock).lookups(spec, paths)
    except GraphError:
        return None
    return {account: [*methods] for account, methods in zip(accounts, found, strict=True) if methods is not None}

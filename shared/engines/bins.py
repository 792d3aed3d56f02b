"""What the recycle bins hold, read completely or not at all: an object that a cut listing hid would be made
anew, and get a new id for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType
from shared.domain.errors import Fault, GraphNotLicensed, GraphNotPermitted, PageTokenExpired, Unusable
from shared.domain.objects import JsonObject
from shared.domain.ports import Directory, GraphRequest
from shared.engines.wire import parse

Bins: TypeAlias = "Mapping[str, Mapping[str, JsonObject]]"  # type → id → object as the bin shows it

_RESTARTS: Final = 3


async def read_bins(
    directory: Directory, catalog: Catalog, types: Iterable[str] = ()
) -> dict[str, dict[str, JsonObject]]:
    """The bins of these types (of all that have one, if none is named). Raises `GraphNotPermitted` naming the
    type, and whatever else a listing that can't be finished raises."""
    wanted = frozenset(types)
    bins = {}
    for spec in catalog.types:
        if spec.bin is not None and (not wanted or spec.name in wanted):
            bins[spec.name] = await _read_bin(directory, spec)
    return bins


async def _read_bin(directory: Directory, spec: ObjectType) -> dict[str, JsonObject]:
    for _ in range(_RESTARTS):
        try:
            return await _read_once(directory, spec)
        except PageTokenExpired:
            continue
        except GraphNotLicensed:
            if spec.licence is None or not spec.licence.plans:
                raise
            return {}  # a tenant without the plan has no such objects, in the bin or out of it
        except GraphNotPermitted as error:
            raise GraphNotPermitted(
                f"the recycle bin of {spec.name} can't be read",
                status=error.status,
                code=error.code,
                object_type=spec.name,
                request_id=error.request_id,
                hint="grant the permissions that `holdfast catalog` lists for reading this type",
            ) from error
    raise Fault(f"the recycle bin of {spec.name} could not be read to its end", object_type=spec.name)


async def _read_once(directory: Directory, spec: ObjectType) -> dict[str, JsonObject]:
    found: dict[str, JsonObject] = {}
    seen: set[str] = set()
    link: str | None = _first_page(spec)
    while link is not None:
        if link in seen:
            raise Fault(f"the recycle bin of {spec.name} links back to a page already read", object_type=spec.name)
        seen.add(link)
        page = await directory.page(GraphRequest("GET", link, throttle=spec.throttle.value, cost=spec.list_cost))
        for raw in page.items:
            try:
                item = parse(raw)
            except Unusable as error:
                raise Fault(
                    f"the recycle bin holds an item that can't be read: {error.what}", object_type=spec.name
                ) from None
            key = item.get("id") if isinstance(item, dict) else None
            if not isinstance(key, str) or not key:
                raise Fault("the recycle bin holds an item without an id", object_type=spec.name)
            found[key] = item
        link = page.next_link
    return found


def _first_page(spec: ObjectType) -> str:
    assert spec.bin is not None
    query = []
    if spec.select:
        # Without it the answer holds a few members only, and what differs in the others would go unseen.
        query.append(f"$select={','.join(spec.select)}")
    if spec.page_size:
        query.append(f"$top={spec.page_size}")
    return f"/{spec.bin.version}{spec.bin.list}" + (f"?{'&'.join(query)}" if query else "")

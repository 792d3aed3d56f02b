"""What a full backup will ask of Graph: worked out from the declarations and the size of the tenant alone. Pure.

The same requests are counted that a run sends where nothing changes meanwhile and nothing is refused: pages, both
readings of what has no delta feed, the feeds, and the parents whose links `$expand` may have cut, by shares that
the catalog assumes. Costs are those of the requests themselves; quotas are half of a large tenant's (Microsoft
Graph service-specific throttling limits, identity and access), as the adapter paces itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Final

from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType, Relationship, Throttle
from shared.domain.ports import GraphRequest
from shared.engines import reading
from shared.engines.export import items_of

FEW: Final = 5  # objects of a type that doesn't grow with the tenant
PAGE: Final = 100  # objects of a page where none is asked for
WAITS: Final = 600.0  # seconds that the replicas are given before the listing and before the replay
# Units a second, requests where the limit counts those.
RATES: Final = {
    Throttle.DIRECTORY: 400.0,
    Throttle.CONDITIONAL_ACCESS: 1 / 1.05,
    Throttle.AUDIT: 5 / 10.5,
}
_BY_REQUEST: Final = (Throttle.CONDITIONAL_ACCESS, Throttle.AUDIT)


@dataclass(frozen=True, slots=True)
class Load:
    """Of one work item, of one type or relationship. `operations`: with those in batches, each of which is one
    request; `seconds` at the quota of its class."""

    item: str
    throttle: Throttle
    requests: int
    operations: int
    units: int

    @property
    def seconds(self) -> float:
        return (self.operations if self.throttle in _BY_REQUEST else self.units) / RATES[self.throttle]


@dataclass(frozen=True, slots=True)
class Reckoning:
    loads: tuple[Load, ...]

    @property
    def requests(self) -> int:
        return sum(load.requests for load in self.loads)

    @property
    def operations(self) -> int:
        return sum(load.operations for load in self.loads)

    @property
    def units(self) -> int:
        return sum(load.units for load in self.loads)

    @property
    def seconds(self) -> float:
        """Classes go on beside each other, so the slowest counts, after the waits."""
        spent = dict.fromkeys(Throttle, 0.0)
        for load in self.loads:
            spent[load.throttle] += load.seconds
        return WAITS + max(spent.values())


def reckon(
    catalog: Catalog, sizes: dict[str, int], opt_in: tuple[str, ...] = (), *, first: bool = True
) -> Reckoning:
    """`sizes`: numbers of objects by type, for those that others are declared to grow with. `first`: a run that no
    earlier one helps; else what rolls is asked of its share of the parents."""
    items, _ = items_of(catalog, (), opt_in)
    loads = []
    fed: set[str] = set()
    for item in items:
        spec = catalog.get(item.type)
        relationship = spec.relationship(item.relationship) if item.relationship else None
        asked = list(_item(catalog, spec, relationship, sizes, first))
        if spec.name not in fed and (spec.delta or any(one.delta for one in spec.relationships)):
            fed.add(spec.name)
            asked.append((1, 1, reading.delta_request(spec)))
        loads.append(
            Load(
                item.id,
                spec.throttle,
                sum(requests for requests, _, _ in asked),
                sum(operations for _, operations, _ in asked),
                sum(operations * request.cost for _, operations, request in asked),
            )
        )
    return Reckoning(tuple(loads))


def count_of(catalog: Catalog, spec: ObjectType, sizes: dict[str, int]) -> int:
    if spec.name in sizes:
        return sizes[spec.name]
    if spec.facet is not None:
        return count_of(catalog, catalog.get(spec.facet.of), sizes)
    if spec.grows_with:
        return ceil(count_of(catalog, catalog.get(spec.grows_with), sizes) * spec.grows_by)
    return spec.number or FEW


def _apart(
    catalog: Catalog, spec: ObjectType, sizes: dict[str, int], pages: int, readings: int
) -> Iterator[_Asked]:
    """Members that have paths of their own."""
    count = count_of(catalog, spec, sizes)
    asked = sum(ceil(count * one.share) for one in spec.apart)
    if asked:
        yield *_one_by_one(spec, asked, pages, readings), reading.apart_request(spec, spec.apart[0], "")


_Asked = tuple[int, int, GraphRequest]  # requests, operations, each of which costs as much as this one


def _item(
    catalog: Catalog, spec: ObjectType, relationship: Relationship | None, sizes: dict[str, int], first_run: bool
) -> Iterator[_Asked]:
    count = count_of(catalog, spec, sizes)
    pages = max(1, ceil(count / (spec.page_size or PAGE)))
    has_delta = spec.delta if relationship is None else relationship.delta
    if has_delta:
        yield 1, 1, reading.replay_request(spec, "")
    apart = relationship is not None and not (relationship.expands and relationship.crowded == 0)
    apart = apart or spec.scoped is not None or spec.singly or (spec.facet is not None and spec.facet.each)
    once = pages == 1 and not apart  # what came whole in one answer isn't read again
    readings = 1 if has_delta or spec.singleton or spec.series or once else 2
    if relationship is not None:
        child = catalog.get(relationship.contains) if relationship.contains else None
        expand = relationship.expands and (child is None or child.version == spec.version)
        first = reading.parents_request(spec, relationship, expand=expand)
        yield readings * pages, readings * pages, first
        if relationship.asked_while is not None:
            target = reading.list_request(catalog.get(relationship.target_types[0]))
            yield readings, readings, target
        crowded = ceil(count * (relationship.crowded if expand else relationship.share))
        if relationship.rolling_days and not first_run:
            crowded = ceil(crowded / relationship.rolling_days)
        if crowded:
            yield *_one_by_one(spec, crowded, pages, readings), reading.links_request(spec, relationship, child, "")
        if relationship.further:
            targets = count_of(catalog, catalog.get(relationship.target_types[0]), sizes)
            further = readings * int(targets * relationship.further)
            yield further, further, reading.links_page_request(spec, relationship, "")
        if child is not None:
            yield from _apart(catalog, child, sizes, pages, readings)
    elif spec.facet is not None and spec.facet.each:
        yield readings * pages, readings * pages, reading.owners_request(spec, spec.facet.when)
        having = ceil(count * spec.facet.share)
        yield *_one_by_one(spec, having, pages, readings), reading.facet_request(spec, spec.facet, "")
    elif spec.scoped is not None:
        owner = catalog.get(spec.scoped.of)
        owners = count_of(catalog, owner, sizes)
        pages = max(1, ceil(owners / reading.LINK_PAGE))
        yield readings * pages, readings * pages, reading.owners_request(owner, spec.scoped.when)
        asked = ceil(owners * spec.scoped.share)
        yield *_one_by_one(spec, asked, pages, readings), reading.scoped_request(spec, "")
    else:
        yield readings * pages, readings * pages, reading.list_request(spec)
        yield from _apart(catalog, spec, sizes, pages, readings)
        if spec.singly:
            yield *_one_by_one(spec, count, pages, readings), reading.object_request(spec, "")


def _one_by_one(spec: ObjectType, objects: int, pages: int, readings: int) -> tuple[int, int]:
    """Requests and operations for objects that are asked for one by one, in batches that a page begins anew."""
    batches = pages * ceil(objects / pages / reading.BATCH) if spec.batchable else objects
    return readings * batches, readings * objects

"""What a few objects need to be whole again: what is missing that they name, sit in or hold, and so on from there.

Only what is missing is followed: an object that is live is there to be named, whatever else was changed on it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType
from shared.domain.snapshot import IndexEntry
from shared.engines.merge import both_indexes, completeness_of
from shared.engines.opening import read_objects
from shared.engines.references import find
from shared.engines.stream import Stream
from shared.engines.view import View


async def with_dependencies(snapshot: View, live: View, catalog: Catalog, ids: Iterable[str]) -> tuple[str, ...]:
    """The ids with those of every missing object that they depend on, sorted."""
    gone = {spec.name: await _gone(snapshot, live, spec) for spec in catalog.compared}
    names: dict[tuple[str, str], dict[str, str]] = {}  # type and member → value → id, of what is gone
    found, frontier = set(ids), set(ids)
    while frontier:
        values: dict[tuple[str, str], set[str]] = {}  # type and member by which it is named → values
        for spec in catalog.compared:
            async for entry, item in read_objects(snapshot, spec.name, _among(snapshot.index(spec.name), frontier)):
                if spec.parent:
                    values.setdefault((spec.parent, "id"), set()).add(entry.parent)
                for one in find(spec.references, item):
                    for name in one.reference.to:
                        values.setdefault((name, one.reference.key), set()).add(one.value)
        for spec, relationship in catalog.relationships:
            if not relationship.contains:
                async for link in snapshot.links(spec.name, relationship.name):
                    if link.source in frontier:
                        for name in (link.target_type,) if link.target_type else relationship.target_types:
                            values.setdefault((name, "id"), set()).add(link.target)
        frontier = set()
        for (name, member), wanted in values.items():
            missing = gone.get(name, {})
            if member == "id":
                frontier |= wanted & missing.keys()
                continue
            if (name, member) not in names:
                names[(name, member)] = await _by_value(snapshot, name, member, missing)
            frontier |= {names[(name, member)][value] for value in wanted & names[(name, member)].keys()}
        frontier -= found
        found |= frontier
    return tuple(sorted(found))


async def _gone(snapshot: View, live: View, spec: ObjectType) -> dict[str, IndexEntry]:
    if not completeness_of(live, spec).is_complete:
        return {}
    return {old.id: old async for old, new in both_indexes(snapshot, live, spec.name) if old and new is None}


async def _among(entries: Stream[IndexEntry], ids: set[str]) -> AsyncIterator[IndexEntry]:
    async for entry in entries:
        if entry.id in ids:
            yield entry


async def _by_value(snapshot: View, name: str, member: str, missing: dict[str, IndexEntry]) -> dict[str, str]:
    found: dict[str, str] = {}
    async for entry, item in read_objects(snapshot, name, _among(snapshot.index(name), set(missing))):
        value = item.get(member)
        if isinstance(value, str):
            found[value] = entry.id
    return found

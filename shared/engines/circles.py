"""Circles among objects that are made anew: A's creation names B, B's names A, and neither id exists yet.

They are cut by leaving a member out of the creation and setting it once both exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from shared.catalog.registry import Catalog
from shared.domain.objects import ObjectKey
from shared.engines.fates import Fates, Way
from shared.engines.references import find, of_members

Edges: TypeAlias = "dict[ObjectKey, dict[str, set[ObjectKey]]]"  # object → member → objects named in it


def circular_members(catalog: Catalog, fates: Fates) -> frozenset[tuple[ObjectKey, str]]:
    """Members that have to wait until the object exists, because what they name waits for the object."""
    edges = _edges(catalog, fates)
    component = _components({key: set().union(*members.values()) for key, members in edges.items()})
    return frozenset(
        (key, member)
        for key, members in edges.items()
        for member, named in members.items()
        if member in catalog.get(key.type).restorable
        and any(other == key or component.get(other) == component[key] for other in named)
    )


def _edges(catalog: Catalog, fates: Fates) -> Edges:
    edges: Edges = {}
    for key, fate in fates.by_key.items():
        spec = catalog.get(key.type)
        if fate.way is not Way.CREATE:
            continue
        parent = ObjectKey(spec.parent, fate.missing.parent)
        if spec.parent and parent in fates.by_key:
            edges.setdefault(key, {})[""] = {parent}
        if not spec.references:
            continue
        for found in find(of_members(spec, {*spec.writable, *spec.create_only}), fate.missing.item):
            named = set(fates.coming(found.reference, found.value))
            if named:
                edges.setdefault(key, {}).setdefault(found.member, set()).update(named)
    return edges


def _components(edges: Mapping[ObjectKey, set[ObjectKey]]) -> dict[ObjectKey, int]:
    """Strongly connected components (Tarjan), without recursion: chains may be as long as the tenant is large."""
    index: dict[ObjectKey, int] = {}
    low: dict[ObjectKey, int] = {}
    component: dict[ObjectKey, int] = {}
    path: list[ObjectKey] = []
    on_path: set[ObjectKey] = set()
    for root in edges:
        if root in index:
            continue
        work = [(root, iter(sorted(edges[root])))]
        index[root] = low[root] = len(index)
        path.append(root)
        on_path.add(root)
        while work:
            node, rest = work[-1]
            for other in rest:
                if other not in index:
                    index[other] = low[other] = len(index)
                    path.append(other)
                    on_path.add(other)
                    work.append((other, iter(sorted(edges.get(other, ())))))
                    break
                if other in on_path:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    while True:
                        member = path.pop()
                        on_path.discard(member)
                        component[member] = index[node]
                        if member == node:
                            break
    return component

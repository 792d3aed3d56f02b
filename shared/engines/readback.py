"""Reading back: what an operation wanted is believed only when several reads in a row show it.

Graph's replicas lag behind each other, so one good read proves little, and one bad read proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType
from shared.domain.objects import Json, JsonObject
from shared.domain.plan import AnchorKind, Mechanism, Operation
from shared.engines.compare import same
from shared.engines.markers import Bindings, resolve_path
from shared.engines.preconditions import Preconditions, is_over, link_targets, still_held, unlinked
from shared.engines.targets import Found, Targets


async def unheld(
    catalog: Catalog,
    targets: Targets,
    judge: Preconditions,
    operations: Sequence[tuple[Operation, Bindings]],
) -> dict[str, str]:
    """One reading of each operation: those that don't hold (yet), with what is missing."""
    missing: dict[str, str] = {}
    objects: dict[str, list[tuple[Operation, Bindings]]] = {}
    links: dict[tuple[str, str, str], set[str] | None] = {}
    lists: set[str] = set()
    for operation, bindings in operations:
        if not operation.mechanism.links:
            objects.setdefault(operation.type, []).append((operation, bindings))
            continue
        spec = catalog.get(operation.type)
        key = (operation.type, bindings.id(operation.target), operation.relationship)
        if key not in links:
            links[key] = await targets.linked(spec, key[1], key[2])
        if operation.mechanism is Mechanism.UNLINK:
            if still := unlinked(operation, bindings) & (links[key] or set()):
                missing[operation.id] = f"{len(still)} of its links are still there"
            continue
        if absent := link_targets(operation, bindings) - (links[key] or set()):
            missing[operation.id] = f"{len(absent)} of its links"
    for name, group in objects.items():
        spec = catalog.get(name)
        for (operation, bindings), found in zip(group, await _read(spec, targets, group, lists), strict=True):
            if operation.mechanism is Mechanism.REMOVE:
                if found.body is not None and not is_over(spec, found.body):
                    missing[operation.id] = "it is still there"
            elif operation.mechanism is Mechanism.REVOKE:
                if still_held(operation, found.body or {}):
                    missing[operation.id] = "the credential is still there"
            elif found.body is None:
                missing[operation.id] = "the object"
            elif members := _not_as_wanted(spec, judge, operation, bindings, found.body):
                missing[operation.id] = ", ".join(sorted(members))
    return missing


async def _read(
    spec: ObjectType, targets: Targets, group: Sequence[tuple[Operation, Bindings]], fresh: set[str]
) -> list[Found]:
    """Objects by GET, or, where single reads prove little, all by one fresh list."""
    if not (spec.read_back_by_list or group[0][0].read_list):
        return await targets.objects(spec, [resolve_path(operation.read, bound) for operation, bound in group])
    path = group[0][0].read_list or spec.list_path
    if path not in fresh:
        targets.forget(path)
        fresh.add(path)
    items, at = await targets.listed(spec, path, max_age=float("inf"))
    by_id: dict[Json, JsonObject] = {}
    for item in items:
        key = item.get(spec.identity)
        if isinstance(key, str):
            by_id[key] = item
    return [Found(by_id.get(bound.id(operation.target)), at) for operation, bound in group]


def _not_as_wanted(
    spec: ObjectType, judge: Preconditions, operation: Operation, bindings: Bindings, live: JsonObject
) -> list[str]:
    anchor = operation.anchor
    marked = anchor.property if anchor is not None and anchor.kind is AnchorKind.MARKER else ""
    bad = []
    for member, value in judge.resolved(operation.wanted, bindings).items():
        if same(spec, member, live.get(member), value):
            continue
        if member == marked and anchor is not None and live.get(member) == anchor.value:
            continue  # the marker comes off by a later operation
        bad.append(member)
    return bad

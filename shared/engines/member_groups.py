"""Members that are asked for beside those that the catalog names: which ones a token may read, and those whose
names only the tenant knows.

Nothing is left out in silence: each group of members has a completeness of its own.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable

from shared.catalog.registry import Catalog
from shared.catalog.spec import Found, ObjectType
from shared.domain.errors import GraphNotPermitted
from shared.domain.objects import Json
from shared.domain.ports import Directory, GraphRequest
from shared.domain.snapshot import Asked, Completeness, State, Why
from shared.engines.reading import Position, Stage, reader_for
from shared.engines.view import View
from shared.engines.wire import parse

_COMPLETE = Completeness(State.COMPLETE)


def lacks(needs: tuple[tuple[str, ...], ...], roles: frozenset[str] | None) -> str:
    """What is missing of `needs` (all of: any of) as text, "" if nothing is or the token is opaque."""
    if roles is None:
        return ""
    missing = dict.fromkeys(" or ".join(any_of) for any_of in needs if not roles & set(any_of))
    return ", ".join(missing)


async def choose(directory: Directory, catalog: Catalog, spec: ObjectType) -> Asked:
    """What a reading of the type asks for beside its `select`. Raises `GraphDown` and `GraphUnauthorized`."""
    roles = await directory.roles()
    members: list[str] = []
    groups: dict[str, Completeness] = {}
    for group in spec.member_groups:
        if roles is None:
            groups[group.name] = Completeness(State.NOT_PERMITTED, Why.PERMISSIONS_UNKNOWN)
        elif lacking := lacks(group.needs_to_read, roles):
            groups[group.name] = Completeness(State.NOT_PERMITTED, lacking)
        elif group.found is None:
            members += group.members
            groups[group.name] = _COMPLETE
        else:
            names, groups[group.name] = await _names(directory, catalog, group.found, roles)
            members += names
    return Asked(tuple(members), groups)


async def _names(
    directory: Directory, catalog: Catalog, found: Found, roles: frozenset[str]
) -> tuple[list[str], Completeness]:
    """Names that the tenant's own objects declare, and those that are known to Graph beside them."""
    declared = catalog.get(found.declared_by)
    try:
        own = {name async for name in _own(directory, catalog, declared, found)}
    except GraphNotPermitted as refused:
        return [], Completeness(State.NOT_PERMITTED, refused.code or "Graph answered 403")
    if lacking := lacks(found.also_needs, roles):
        return sorted(own), Completeness(State.PARTIAL, f"{Why.MISSING_PERMISSION}:{lacking}")
    request = GraphRequest("POST", f"/{declared.version}{found.also}", {}, throttle=declared.throttle)
    page = await directory.page(request)
    told = [name for item in page.items for name in _name(declared, found, item)]
    # In a tenant that is too large for it, the call answers with nothing at all, and with no word of it.
    cut = page.next_link is not None or (bool(own) and not page.items)
    return sorted(own | set(told)), Completeness(State.PARTIAL, Why.LEFT_OUT) if cut else _COMPLETE


async def _own(directory: Directory, catalog: Catalog, declared: ObjectType, found: Found) -> AsyncIterator[str]:
    parent = catalog.get(declared.parent)
    reader = reader_for(directory, catalog, parent, declared.parent_relationship)
    async for part in reader.listing(Position(Stage.LIST)):
        for line in part.objects:
            for name in _name(declared, found, line):
                yield name


def _name(declared: ObjectType, found: Found, line: bytes) -> list[str]:
    """The name that an object declares for this kind; none where it declares none that could be asked for."""
    item = parse(line)
    if not isinstance(item, dict):
        return []
    name, kinds = item.get(declared.name_property), item.get(found.kinds)
    fits = isinstance(kinds, list) and found.kind in kinds
    return [name] if fits and isinstance(name, str) and re.fullmatch(found.pattern, name) else []


def unread(spec: ObjectType, *views: View) -> dict[str, str]:
    """Groups of members that one of the views doesn't hold at all: name → which view, and why."""
    missing = {}
    for group in spec.member_groups:
        for view in views:
            state = view.completeness(f"{spec.name}.{group.name}")
            if state.state not in (State.COMPLETE, State.PARTIAL):
                missing[group.name] = f"{view.label}: {state}"
                break
    return missing


def without(spec: ObjectType, groups: dict[str, str]) -> Callable[[dict[str, Json]], dict[str, Json]]:
    """Takes the members of these groups out of objects."""
    left = [group for group in spec.member_groups if group.name in groups]
    if not left:
        return lambda item: item
    return lambda item: {
        name: value for name, value in item.items() if not any(group.holds(name) for group in left)
    }

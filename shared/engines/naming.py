"""From what people call an object to its id in a snapshot."""

from __future__ import annotations

from collections.abc import Iterable

from shared.catalog.registry import Catalog
from shared.domain.errors import Unusable
from shared.engines.opening import read_objects
from shared.engines.survey import unique_keys
from shared.engines.view import View

_TOLD = 5


async def named(view: View, catalog: Catalog, types: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """One id for each name: that of the only object, among these types (all, if none are given), that is displayed
    by it or holds it as a unique key such as a user principal name. Raises `Unusable` for a name of none, or of
    several."""
    wanted = {name.casefold(): name for name in names}
    if not wanted:
        return ()
    chosen = frozenset(types)
    specs = [spec for spec in catalog.compared if not chosen or spec.name in chosen]
    found: dict[str, dict[str, str]] = {name: {} for name in wanted}  # name → id → what it is
    for spec in specs:
        async for entry in view.index(spec.name):
            if (name := entry.name.casefold()) in wanted:
                found[name][entry.id] = spec.name
    left = {name for name, ids in found.items() if not ids}
    for spec in specs if left else ():
        keys = [key.properties[0] for key in unique_keys(spec) if len(key.properties) == 1]
        if not keys:
            continue
        async for entry, item in read_objects(view, spec.name, view.index(spec.name)):
            for member in keys:
                value = item.get(member)
                if isinstance(value, str) and value.casefold() in left:
                    found[value.casefold()][entry.id] = spec.name
    for name, ids in found.items():
        if not ids:
            raise Unusable(f"nothing in the snapshot is called {wanted[name]!r}", hint="look: holdfast show")
        if len(ids) > 1:
            some = ", ".join(f"{kind} {one}" for one, kind in sorted(ids.items())[:_TOLD])
            raise Unusable(f"{len(ids)} objects are called {wanted[name]!r}: {some}", hint="name one by --id")
    return tuple(next(iter(found[name])) for name in wanted)

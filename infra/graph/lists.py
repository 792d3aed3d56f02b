"""Which Graph permissions each app holds, worked out from the catalog.

The catalog says what a type or relationship needs as groups, each of which is met by any of its members. A list
holds what no other choice is left for, and of a group that this leaves open its first member, which the catalog
puts before the broader ones. Pure: the same catalog gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.graph.ids import APP_ROLES, GRAPH_APP_ID, SOURCE
from shared.catalog.registry import Catalog

FILE: Final = Path(__file__).with_name("permissions.json")
BACKUP, RESTORE, UNLOCK = APPS = ("backup", "restore", "unlock")
# What locks a tenant's owner out, and all that the unlock app may change.
UNLOCKS: Final = ("conditionalAccessPolicies",)


@dataclass(frozen=True, slots=True)
class Need:
    """Any of `permissions`; `by` names the type, or type and relationship, that needs one."""

    permissions: tuple[str, ...]
    by: str


@dataclass(frozen=True, slots=True)
class Permission:
    """One entry of a list. `app_role_id` is Graph's id of it, `needed_by` every need that it meets, sorted."""

    name: str
    app_role_id: str
    needed_by: tuple[str, ...]


def needs(catalog: Catalog, app: str) -> tuple[Need, ...]:
    """Everything that `app` needs, sorted. The backup app reads; the restore app and the unlock app write.

    What a type calls its owner's choice (`write_by_choice`) is in no list."""
    found = _reading(catalog) if app == BACKUP else _writing(catalog, UNLOCKS if app == UNLOCK else None)
    return tuple(sorted(found, key=lambda need: (need.by, need.permissions)))


def _reading(catalog: Catalog) -> Iterator[Need]:
    """Without what nobody reads unless it is asked for."""
    return (need for need in _all_reading(catalog) if need.by not in catalog.opt_ins)


def opted(catalog: Catalog) -> tuple[Need, ...]:
    """What reading the opt-ins needs on top."""
    return tuple(need for need in _all_reading(catalog) if need.by in catalog.opt_ins)


def _all_reading(catalog: Catalog) -> Iterator[Need]:
    for spec in catalog.types:
        yield from (Need(group, spec.name) for group in spec.needs_to_read)
    for spec, part in catalog.parts:
        yield from (Need(group, f"{spec.name}.{part.name}") for group in part.needs_to_read)


def _writing(catalog: Catalog, only: Iterable[str] | None) -> Iterator[Need]:
    names = {spec.name for spec in catalog.types} if only is None else set(only)
    written = {
        spec.name
        for spec in catalog.types
        if spec.name in names and not (spec.evidence_only or spec.write_by_choice)
    }
    for spec in (one for one in catalog.types if one.name in written):
        yield from (Need(group, spec.name) for group in spec.needs_to_write)
        for extra in spec.needs_to_write_also:
            yield Need(extra.permissions, f"{spec.name} with {extra.when.path}")
    for spec, part in catalog.parts:
        off = part.write_by_choice or f"{spec.name}.{part.name}" in catalog.opt_ins
        if spec.name in written and not off:
            yield from (Need(group, f"{spec.name}.{part.name}") for group in part.needs_to_write)


def chosen(needs: Iterable[Need]) -> tuple[Permission, ...]:
    """The fewest names that this rule finds, sorted; taking any of them away leaves a need unmet. Raises
    `LookupError` for a permission without an id in `ids`."""
    needs = tuple(needs)
    groups = sorted({need.permissions for need in needs}, key=lambda group: (len(group), group))
    names: set[str] = set()
    for group in groups:
        if not names.intersection(group):
            names.add(group[0])
    for name in sorted(names):
        if all((names - {name}).intersection(group) for group in groups):
            names.remove(name)
    if missing := sorted(names - set(APP_ROLES)):
        raise LookupError(f"no id is known for {', '.join(missing)}: add it to infra/graph/ids.py from its source")
    return tuple(
        Permission(name, APP_ROLES[name], tuple(sorted({need.by for need in needs if name in need.permissions})))
        for name in sorted(names)
    )


def document(catalog: Catalog) -> str:
    """The text of `permissions.json`."""
    lists = {
        app: [
            {"permission": one.name, "appRoleId": one.app_role_id, "neededBy": list(one.needed_by)}
            for one in chosen(needs(catalog, app))
        ]
        for app in APPS
    }
    whole = {"resourceAppId": GRAPH_APP_ID, "source": SOURCE, "lists": lists}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def stored(file: Path = FILE) -> dict[str, tuple[Permission, ...]]:
    """The lists as they were generated, by app."""
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return {
        app: tuple(Permission(one["permission"], one["appRoleId"], tuple(one["neededBy"])) for one in entries)
        for app, entries in document["lists"].items()
    }

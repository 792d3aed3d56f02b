"""Values of directory extensions on the objects they are for: which names there are, and what they take.

A name is known while its definition is, and that is while its application is live; values stay where they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .errors import bad_request
from .service import Service
from .store import View

Obj = dict[str, Any]
NAME = re.compile(r"extension_[0-9a-f]{32}_\w+", re.ASCII)
KINDS = {
    "users": "User",
    "groups": "Group",
    "administrativeUnits": "AdministrativeUnit",
    "applications": "Application",
    "organization": "Organization",
}
PARENT = "applications.extensionProperties"
FOREIGN = "foreignExtensions"  # definitions of applications of other tenants
_INT32 = 2**31


def _integer(size: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and -size <= value < size


def _text(limit: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and len(value) <= limit


# extensionProperty resource type, dataType.
DATA_TYPES: dict[str, Callable[[Any], bool]] = {
    "Binary": _text(344),
    "Boolean": lambda value: isinstance(value, bool),
    "DateTime": _text(40),
    "Integer": _integer(_INT32),
    "LargeInteger": _integer(2**63),
    "String": _text(256),
}


def live(view: View, definition: Obj) -> bool:
    parents = view.sources(PARENT, definition["id"])
    return any(view.get("applications", parent) is not None for parent in parents)


def declared(service: Service, view: View, table: str, name: str) -> Obj | None:
    """The definition by which objects of a table may hold a member of this name."""
    if NAME.fullmatch(name) is None:
        return None
    key = service.store.find("extensionProperties", "name", name)
    found = None if key is None else view.get("extensionProperties", key)
    if found is not None and not live(view, found):
        found = None
    if found is None:
        found = next((one for one in service.info.get(FOREIGN, ()) if one["name"] == name), None)
    return found if found is not None and KINDS.get(table) in found["targetObjects"] else None


def columns(service: Service, view: View, table: str, names: tuple[str, ...]) -> tuple[tuple[str, bool], ...]:
    """Those of selected names that are extensions: name, is a collection."""
    found = []
    for name in names:
        definition = declared(service, view, table, name)
        if definition is not None:
            found.append((name, bool(definition["isMultiValued"])))
    return tuple(found)


def checked(service: Service, view: View, table: str, body: Obj) -> Obj:
    """Those of a body's members that are values of extensions, after their rules."""
    values: Obj = {}
    for name, value in body.items():
        definition = declared(service, view, table, name)
        if definition is None:
            continue
        many = definition["isMultiValued"]
        if value is not None and many != isinstance(value, list):
            raise bad_request(f"Invalid value specified for property '{name}': single or collection.")
        fits = DATA_TYPES[definition["dataType"]]
        if value is not None and not all(fits(one) for one in (value if many else [value])):
            raise bad_request(f"Invalid value specified for property '{name}': not {definition['dataType']}.")
        service.rules.lean("extension.values")
        values[name] = value
    return values

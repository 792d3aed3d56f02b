"""What the guard judges: Graph JSON by kind, each of them None where it could not be read.

Names are those of the file that `holdfast guard` takes, in camelCase there. Only the outermost shapes are settled
here; within an object nothing is believed, and whoever looks into it says what another shape means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, TypeAlias

from shared.domain.errors import Unusable
from shared.domain.objects import Json, JsonObject
from shared.domain.wire import camel
from shared.engines.lockout.shapes import objects, text, texts

Objects: TypeAlias = tuple[JsonObject, ...]

_HINT: Final = "docs/guard.md shows the members of the file and their shapes"


@dataclass(frozen=True, slots=True)
class Facts:
    """`groups` hold `members`: ids of direct members. `registered_methods`: what accounts have registered, by their
    id. `uncounted`: ids of groups that a plan makes, brings back, prunes or turns dynamic. No file says so,
    nor what stands below it."""

    break_glass_ids: tuple[str, ...]
    users: Objects | None = None
    groups: Objects | None = None
    role_assignments: Objects | None = None
    domains: Objects | None = None
    conditional_access_policies: Objects | None = None
    named_locations: Objects | None = None
    authentication_strength_policies: Objects | None = None
    authentication_methods_policy: JsonObject | None = None
    identity_security_defaults_enforcement_policy: JsonObject | None = None
    registered_methods: Mapping[str, Json] | None = None
    holdfast_service_principal_ids: tuple[str, ...] | None = None
    uncounted: frozenset[str] = frozenset()
    # Of a whole tenant: what is missing then was not read. Policies hold `appliesTo`, ids of service principals, of
    # which those that are known stand beside them.
    whole: bool = False
    home_realm_discovery_policies: Objects | None = None
    service_principals: Objects | None = None
    cross_tenant_access_default: JsonObject | None = None
    cross_tenant_access_partners: Objects | None = None


# Members of the file by their shape. `breakGlassIds` is the only one that has to be there.
_IDS: Final = ("break_glass_ids", "holdfast_service_principal_ids")
_OBJECTS: Final = (
    "authentication_methods_policy",
    "identity_security_defaults_enforcement_policy",
    "registered_methods",
)
_NOT_IN_FILES: Final = (
    "uncounted",
    "whole",
    "home_realm_discovery_policies",
    "service_principals",
    "cross_tenant_access_default",
    "cross_tenant_access_partners",
)
_LISTS: Final = tuple(one.name for one in fields(Facts) if one.name not in (*_IDS, *_OBJECTS, *_NOT_IN_FILES))
_LOOKED_UP: Final = (
    "users",
    "groups",
    "domains",
    "authentication_strength_policies",
)  # by id, so that one is enough


def read_facts(document: Json) -> Facts:
    """The facts of a parsed file. Raises `Unusable` for what has another shape, names an object twice, or names no
    break-glass account: a guard that has nobody to guard must not say that all is well."""
    if not isinstance(document, dict):
        raise Unusable("the file holds no JSON object", hint=_HINT)
    ids = {name: _ids(document, name) for name in _IDS}
    if not ids["break_glass_ids"]:
        raise Unusable("breakGlassIds is missing or empty, so there is nobody to check for", hint=_HINT)
    members: dict[str, Any] = {
        **ids,
        **{name: _list(document, name) for name in _LISTS},
        **{name: _object(document, name) for name in _OBJECTS},
    }
    return Facts(**members)


def distinct(ids: tuple[str, ...]) -> tuple[str, ...]:
    """Each id once, in the spelling that came first, sorted."""
    found: dict[str, str] = {}
    for one in ids:
        found.setdefault(text(one), one)
    return tuple(sorted(found.values()))


def _ids(document: JsonObject, name: str) -> tuple[str, ...] | None:
    value = document.get(camel(name))
    found = texts(value)
    if found is None or not all(found):
        raise Unusable(f"{camel(name)} is no list of ids", hint=_HINT)
    return None if value is None else distinct(found)


def _list(document: JsonObject, name: str) -> Objects | None:
    value = document.get(camel(name))
    found = objects(value)
    if found is None:
        raise Unusable(f"{camel(name)} is no list of objects", hint=_HINT)
    ids = [one for item in found if (one := text(item.get("id")))]
    if name in _LOOKED_UP and len(ids) != len(set(ids)):
        raise Unusable(f"{camel(name)} holds an id twice, and which of the two counts can't be told", hint=_HINT)
    return None if value is None else found


def _object(document: JsonObject, name: str) -> JsonObject | None:
    value = document.get(camel(name))
    if value is not None and not isinstance(value, dict):
        raise Unusable(f"{camel(name)} is no object", hint=_HINT)
    return value

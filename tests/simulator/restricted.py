"""Restricted management: members of such an administrative unit are out of reach of tenant-wide permissions.

What must stay true: `isManagementRestricted` of a user or group says whether a restricted unit holds it.
"""

from __future__ import annotations

from typing import Any

from . import dependents
from .errors import denied
from .service import Request, Service, guard

Obj = dict[str, Any]
MEMBERS = "administrativeUnits.members"


def restricting_units(service: Service, key: str) -> list[str]:
    store = service.store
    held = ((unit, store.get("administrativeUnits", unit)) for unit in store.sources(MEMBERS, key))
    return [unit for unit, obj in held if obj is not None and obj.get("isMemberManagementRestricted")]


def mark(service: Service, key: str) -> None:
    """Write down on a member whether it is restricted now."""
    for table in ("users", "groups"):
        obj = service.store.get(table, key)
        if obj is None:
            continue
        wanted = bool(restricting_units(service, key))
        if wanted != bool(obj.get("isManagementRestricted")):
            kept = {k: v for k, v in obj.items() if k != "isManagementRestricted"}
            service.store.put(table, key, {**kept, "isManagementRestricted": True} if wanted else kept)


def _addressed(service: Service, request: Request) -> str | None:
    key = request.params.get("id", "")
    if request.template.startswith("/users/") and "@" in key:
        return service.store.find("users", "userPrincipalName", key.removeprefix("userPrincipalName="))
    return key


def check(service: Service, request: Request) -> None:
    """A write to a member of a restricted unit needs a role of the caller's that is scoped to that unit."""
    if (
        request.method == "GET"
        or request.scripted
        or not request.template.startswith(("/users/{id}", "/groups/{id}"))
    ):
        return
    key = _addressed(service, request)
    units = [] if key is None else restricting_units(service, key)
    if not units:
        return
    service.rules.lean("unit.restricted")
    roles = dependents.naming(service, request.principal.object_id, "roleAssignments")
    scopes = {one["directoryScopeId"] for one in roles if one["principalId"] == request.principal.object_id}
    if not all(f"/administrativeUnits/{unit}" in scopes for unit in units):
        raise denied()


guard(check)

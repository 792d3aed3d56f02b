"""Administrative units: creating, changing, members by reference."""

from __future__ import annotations

from typing import Any

from . import audit, restricted
from .errors import bad_request, denied, not_found
from .groups import already_there, reevaluate_dynamic_groups
from .links import added_target, check_visible
from .rules.types import UNITS
from .service import Request, Response, Service, route
from .writing import checked, created, existing, merge, new_id, store_new, update

Obj = dict[str, Any]


def _check_unit(service: Service, values: Obj, current: Obj | None) -> None:
    merged = {**(current or {}), **values}
    dynamic = merged.get("membershipType") == "Dynamic"
    if merged.get("membershipType") not in (None, "Assigned", "Dynamic"):
        raise bad_request("Invalid value specified for property 'membershipType' of resource 'AdministrativeUnit'.")
    if dynamic != bool(merged.get("membershipRule")):
        service.rules.lean("unit.dynamic-rule")
        raise bad_request("membershipRule and the membershipType Dynamic need each other.")
    if merged.get("membershipRuleProcessingState") not in (None, "On", "Paused"):
        raise bad_request("Invalid value specified for property 'membershipRuleProcessingState'.")
    if merged.get("visibility") not in (None, "Public", "HiddenMembership"):
        raise bad_request("Invalid value specified for property 'visibility' of resource 'AdministrativeUnit'.")


def create_unit(service: Service, request: Request) -> Response:
    values = checked(service, request, UNITS, request.json(), create=True)
    _check_unit(service, values, None)
    obj: Obj = {**values, "id": new_id(service)}
    if obj.get("membershipType") == "Dynamic" and obj.get("membershipRuleProcessingState") is None:
        obj["membershipRuleProcessingState"] = "On"
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        store_new(service, request, UNITS, obj)
        reevaluate_dynamic_groups(service)
    return created(service, request, UNITS.table, obj)


def patch_unit(service: Service, request: Request) -> Response:
    body = request.json()
    values = checked(service, request, UNITS, body, create=False)
    _, before = existing(service, request, UNITS.table)
    _check_unit(service, values, before)
    after = merge(service, UNITS, before, values)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, UNITS, before, after)
        reevaluate_dynamic_groups(service)
    return Response(204)


def _check_members_writable(service: Service, unit: Obj) -> None:
    if unit.get("membershipType") == "Dynamic":
        service.rules.lean("unit.dynamic-members")
        raise denied()


def add_member(service: Service, request: Request) -> Response:
    target = added_target(service, request)
    key, unit = existing(service, request, UNITS.table)
    _check_members_writable(service, unit)
    check_visible(service, request, target, UNITS.links[0].targets)
    if target in service.store.targets(restricted.MEMBERS, key):
        raise already_there("members")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.link(restricted.MEMBERS, key, target)
        restricted.mark(service, target)
        audit.record_link(service, request, "Add member to administrative unit", unit, target, UNITS)
    return Response(204)


def remove_member(service: Service, request: Request) -> Response:
    key, unit = existing(service, request, UNITS.table)
    _check_members_writable(service, unit)
    target = request.params["child"]
    if target not in service.store.targets(restricted.MEMBERS, key):
        raise not_found(target)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.link(restricted.MEMBERS, key, target, present=False)
        restricted.mark(service, target)
        audit.record_link(service, request, "Remove member from administrative unit", unit, target, UNITS)
    return Response(204)


route("POST", UNITS.root, create_unit)
route("PATCH", f"{UNITS.root}/{{id}}", patch_unit)
route("POST", f"{UNITS.root}/{{id}}/members/$ref", add_member)
route("DELETE", f"{UNITS.root}/{{id}}/members/{{child}}/$ref", remove_member)

"""Service principals and app role assignments."""

from __future__ import annotations

import copy
from typing import Any

from . import audit
from .applications import APPLICATION_DEFAULTS, from_application
from .errors import bad_request, conflict, not_found
from .reading import find_child
from .rendering import default_columns, render
from .rules.types import APP_ROLE_ASSIGNMENTS, TYPES
from .service import Request, Response, Service, route
from .writing import (
    MAX_BIND,
    ZERO,
    binds,
    checked,
    created,
    existing,
    merge,
    new_id,
    store_new,
    update,
    visible_target,
)

Obj = dict[str, Any]


def create_service_principal(service: Service, request: Request) -> Response:
    rule = TYPES["servicePrincipals"]
    body = request.json()
    values = checked(service, request, rule, body, create=True, bindable=("owners",))
    app_id = values["appId"]
    if service.store.find("servicePrincipals", "appId", app_id) is not None:
        service.rules.lean("sp.one-per-app")
        raise conflict(
            "servicePrincipalNames",
            f"The service principal cannot be created, updated, or restored because the service principal name "
            f"{app_id} is already in use.",
        )
    base = _base_of(service, request, app_id)
    owners = binds(body, "owners")
    if len(owners) > MAX_BIND:
        raise bad_request(f"A request can add at most {MAX_BIND} references.")
    view = service.view(request)
    for key in owners:
        visible_target(service, request, view, key, ("users", "servicePrincipals"))
    obj: Obj = {
        "accountEnabled": True,
        "appRoleAssignmentRequired": False,
        "servicePrincipalType": "Application",
        "info": copy.deepcopy(APPLICATION_DEFAULTS["info"]),
        "keyCredentials": [],
        "passwordCredentials": [],
        **base,
        **values,
        "id": new_id(service),
        "createdByAppId": request.principal.app_id,
    }
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        store_new(service, request, rule, obj)
        for key in dict.fromkeys(owners):
            service.store.link("servicePrincipals.owners", obj["id"], key)
    return created(service, request, "servicePrincipals", obj)


def _base_of(service: Service, request: Request, app_id: str) -> Obj:
    """What the application gives its service principal; 400 where it is unknown or not yet replicated."""
    known = service.store.find("applications", "appId", app_id)
    if known is not None:
        app = service.view(request).get("applications", known)
        if app is None:
            service.rules.lean("sp.app-lag")
        else:
            return from_application(service, app)
    first_party = service.info["firstParty"].get(app_id)
    if first_party is not None:
        return copy.deepcopy(first_party)
    service.rules.lean("sp.unknown-app")
    raise bad_request(
        f"The appId '{app_id}' of the service principal does not reference a valid application object.",
        "NoBackingApplicationObject",
    )


def patch_service_principal(service: Service, request: Request) -> Response:
    rule = TYPES["servicePrincipals"]
    values = checked(service, request, rule, request.json(), create=False)
    _, before = existing(service, request, "servicePrincipals")
    if "servicePrincipalNames" in values and before["appId"] not in (values["servicePrincipalNames"] or []):
        raise bad_request("servicePrincipalNames must keep the appId.")
    after = merge(service, rule, before, values)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, rule, before, after)
    return Response(204)


# --- app role assignments


def create_assignment(service: Service, request: Request) -> Response:
    values = checked(service, request, APP_ROLE_ASSIGNMENTS, request.json(), create=True)
    side = "resourceId" if request.template.endswith("appRoleAssignedTo") else "principalId"
    parent, _ = existing(service, request, "servicePrincipals")
    if values[side] != parent:
        raise bad_request(f"The {side} must be the service principal that the request is addressed to.")
    view = service.view(request)
    table = visible_target(service, request, view, values["principalId"], ("users", "groups", "servicePrincipals"))
    visible_target(service, request, view, values["resourceId"], ("servicePrincipals",))
    principal = service.store.get(table, values["principalId"])
    resource = service.store.get("servicePrincipals", values["resourceId"])
    if principal is None or resource is None:
        raise bad_request(not_found(values["principalId"]).message)
    _check_role(service, resource, values["appRoleId"])
    for key in service.store.targets("assignments.resource", values["resourceId"]):
        other = service.store.get("appRoleAssignments", key)
        if other is not None and (other["principalId"], other["appRoleId"]) == (
            values["principalId"],
            values["appRoleId"],
        ):
            service.rules.lean("assignment.unique")
            raise bad_request("Permission being assigned already exists on the object")
    obj: Obj = {
        **values,
        "id": new_id(service),
        "createdDateTime": service.now_iso(),
        "principalDisplayName": principal["displayName"],
        "principalType": {"users": "User", "groups": "Group", "servicePrincipals": "ServicePrincipal"}[table],
        "resourceDisplayName": resource["displayName"],
    }
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put("appRoleAssignments", obj["id"], obj)
        service.store.link("assignments.resource", obj["resourceId"], obj["id"])
        service.store.link("assignments.principal", obj["principalId"], obj["id"])
        audit.record(
            service,
            request,
            "Add app role assignment to",
            TYPES["servicePrincipals"],
            resource,
            extra=("AppRole.Id",),
        )
    body = {
        "@odata.context": service.context(request, "appRoleAssignments/$entity"),
        **render(obj, default_columns("appRoleAssignments", request.beta)),
    }
    return Response(201, body)


def _check_role(service: Service, resource: Obj, role: str) -> None:
    if role == ZERO:
        service.rules.lean("assignment.default-access")
        return
    if not any(r["id"] == role and r.get("isEnabled") for r in resource.get("appRoles") or []):
        raise bad_request("Permission being assigned was not found on application")


def delete_assignment(service: Service, request: Request) -> Response:
    name = request.template.split("/")[3]
    parent, resource = existing(service, request, "servicePrincipals")
    view = service.view(request)
    obj = find_child(service, request, view, "servicePrincipals", parent, name, request.params["child"])
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        remove_assignment(service, obj)
        audit.record(service, request, "Remove app role assignment from", TYPES["servicePrincipals"], resource)
    return Response(204)


def remove_assignment(service: Service, obj: Obj) -> None:
    service.store.link("assignments.resource", obj["resourceId"], obj["id"], present=False)
    service.store.link("assignments.principal", obj["principalId"], obj["id"], present=False)
    if service.store.get("appRoleAssignments", obj["id"]) is not None:
        service.store.put("appRoleAssignments", obj["id"], None)


route("POST", "/servicePrincipals", create_service_principal)
route("PATCH", "/servicePrincipals/{id}", patch_service_principal)
for _name in ("appRoleAssignedTo", "appRoleAssignments"):
    route("POST", f"/servicePrincipals/{{id}}/{_name}", create_assignment)
    route("DELETE", f"/servicePrincipals/{{id}}/{_name}/{{child}}", delete_assignment)

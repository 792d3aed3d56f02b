"""Role definitions: the built-in ones, which never change, and custom ones."""

from __future__ import annotations

from typing import Any

from . import audit, dependents, role_settings
from .errors import GraphError, bad_request, denied
from .reading import get_object, list_objects
from .rules.types import ROLE_DEFINITIONS
from .service import Request, Response, Service, route
from .writing import check_unique, checked, created, existing, new_id, store_new, update

Obj = dict[str, Any]


def _check_licence(service: Service, request: Request) -> None:
    if not service.settings.premium and not request.scripted:
        service.rules.lean("role.custom-licence")
        raise GraphError(403, "Authorization_RequestDenied", "Custom roles need a Microsoft Entra ID P1 license.")


def _check_permissions(service: Service, values: Obj) -> None:
    if "rolePermissions" not in values:
        return
    actions = [a for one in values["rolePermissions"] for a in one.get("allowedResourceActions") or []]
    if not actions or not all(a.startswith("microsoft.directory/") for a in actions):
        service.rules.lean("role.actions")
        raise bad_request("rolePermissions must allow actions, and only ones that a custom role can hold.")


def create_definition(service: Service, request: Request) -> Response:
    _check_licence(service, request)
    values = checked(service, request, ROLE_DEFINITIONS, request.json(), create=True)
    _check_permissions(service, values)
    check_unique(service, ROLE_DEFINITIONS, values, None)
    key = new_id(service)
    if values.get("templateId") is not None:
        service.rules.lean("role.template-id")
    obj: Obj = {"templateId": key, **{k: v for k, v in values.items() if v is not None}}
    obj.update(id=key, isBuiltIn=False, resourceScopes=["/"])
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        store_new(service, request, ROLE_DEFINITIONS, obj)
        role_settings.add(service, key)
    return created(service, request, ROLE_DEFINITIONS.table, obj)


def _custom(service: Service, request: Request) -> Obj:
    _, obj = existing(service, request, ROLE_DEFINITIONS.table)
    if obj["isBuiltIn"]:
        service.rules.lean("role.built-in")
        raise denied()
    return obj


def patch_definition(service: Service, request: Request) -> Response:
    _check_licence(service, request)
    values = checked(service, request, ROLE_DEFINITIONS, request.json(), create=False)
    before = _custom(service, request)
    _check_permissions(service, values)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, ROLE_DEFINITIONS, before, {**before, **values})
    return Response(204)


def delete_definition(service: Service, request: Request) -> Response:
    obj = _custom(service, request)
    if dependents.naming(service, obj["id"], "roleAssignments"):
        service.rules.lean("role.delete-assigned")
        raise bad_request("The role definition has assignments and can't be deleted.")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        role_settings.remove(service, obj["id"])
        service.store.put(ROLE_DEFINITIONS.table, obj["id"], None)
        audit.record(service, request, "Delete", ROLE_DEFINITIONS, obj)
    return Response(204)


route("GET", ROLE_DEFINITIONS.root, list_objects)
route("POST", ROLE_DEFINITIONS.root, create_definition)
route("GET", f"{ROLE_DEFINITIONS.root}/{{id}}", get_object)
route("PATCH", f"{ROLE_DEFINITIONS.root}/{{id}}", patch_definition)
route("DELETE", f"{ROLE_DEFINITIONS.root}/{{id}}", delete_definition)

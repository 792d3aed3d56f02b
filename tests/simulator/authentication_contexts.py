"""Authentication contexts: labels c1 to c99 that policies and applications name; PATCH creates them."""

from __future__ import annotations

import re
from typing import Any

from . import audit, small
from .errors import GraphError, bad_request, not_found
from .rendering import all_columns, default_columns, render
from .rules.types import CONTEXTS
from .service import Request, Response, Service, route
from .writing import checked, store_new, update

Obj = dict[str, Any]
TABLE = CONTEXTS.table
_ID = re.compile(r"c[1-9][0-9]?")


def _names(request: Request) -> frozenset[str]:
    return frozenset(all_columns(TABLE, request.beta))


def list_contexts(service: Service, request: Request) -> Response:
    view = service.view(request)
    columns = default_columns(TABLE, request.beta)
    found = (view.get(TABLE, key) for key in view.ids(TABLE))
    items = [render(obj, columns) for obj in found if obj is not None]
    return small.page(service, request, items, _names(request))


def get_context(service: Service, request: Request) -> Response:
    obj = service.view(request).get(TABLE, request.params["id"])
    if obj is None:
        raise not_found(request.params["id"])
    return small.single(service, request, render(obj, default_columns(TABLE, request.beta)), _names(request))


def _check_id(service: Service, key: object) -> str:
    if not isinstance(key, str) or _ID.fullmatch(key) is None:
        service.rules.lean("context.ids")
        raise bad_request("The id of an authentication context must be c1 to c99.", "BadRequest")
    return key


def create_context(service: Service, request: Request) -> Response:
    values = checked(service, request, CONTEXTS, request.json(), create=True)
    key = _check_id(service, values.get("id"))
    if service.store.get(TABLE, key) is not None:
        raise GraphError(409, "Conflict", f"The authentication context {key} exists.")
    obj = _added(service, request, key, values)
    context = service.context(request, f"{request.path.strip('/')}/$entity")
    return Response(201, {"@odata.context": context, **render(obj, default_columns(TABLE, request.beta))})


def _added(service: Service, request: Request, key: str, values: Obj) -> Obj:
    obj = {"isAvailable": False, **values, "id": key}
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        store_new(service, request, CONTEXTS, obj)
    return obj


def patch_context(service: Service, request: Request) -> Response:
    key = _check_id(service, request.params["id"])
    before = service.store.get(TABLE, key)
    values = checked(service, request, CONTEXTS, request.json(), create=before is None)
    if values.get("id", key) != key:
        raise bad_request("The id of an authentication context can't be changed.", "BadRequest")
    if before is None:
        service.rules.lean("context.patch-creates")
        _added(service, request, key, values)
        return Response(204)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, CONTEXTS, before, {**before, **values})
    return Response(204)


def delete_context(service: Service, request: Request) -> Response:
    key = request.params["id"]
    obj = service.store.get(TABLE, key)
    if obj is None:
        raise not_found(key)
    if obj.get("isAvailable") or _named_by_policy(service, key):
        service.rules.lean("context.delete-in-use")
        raise bad_request("A published authentication context, or one that a policy names, can't be deleted.")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put(TABLE, key, None)
        audit.record(service, request, "Delete", CONTEXTS, obj)
    return Response(204)


def _named_by_policy(service: Service, key: str) -> bool:
    policies = service.store.tables["conditionalAccessPolicies"].values()
    apps = ((p.get("conditions") or {}).get("applications") or {} for p in policies)
    return any(key in (one.get("includeAuthenticationContextClassReferences") or []) for one in apps)


route("GET", CONTEXTS.root, list_contexts)
route("POST", CONTEXTS.root, create_context)
route("GET", f"{CONTEXTS.root}/{{id}}", get_context)
route("PATCH", f"{CONTEXTS.root}/{{id}}", patch_context)
route("DELETE", f"{CONTEXTS.root}/{{id}}", delete_context)

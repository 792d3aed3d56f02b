"""Delegated permission grants: what a client may do on a resource for one user or for all."""

from __future__ import annotations

import base64
from typing import Any

from . import audit, dependents
from .errors import GraphError, bad_request
from .reading import get_object, list_objects
from .rules.types import GRANTS
from .service import Request, Response, Service, route
from .store import View
from .writing import checked, created, existing, update, visible_target

Obj = dict[str, Any]
_KEY = ("clientId", "resourceId", "consentType", "principalId")
_LONGEST_SCOPE = 3850


def opaque_id(number: int) -> str:
    """Ids that are no GUIDs: base64url, where case matters."""
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()


def create_grant(service: Service, request: Request) -> Response:
    values = checked(service, request, GRANTS, request.json(), create=True)
    _check_ends(service, request, service.view(request), values)
    _check_scope(service, values)
    for other in dependents.naming(service, values["clientId"], GRANTS.table):
        if all(other.get(name) == values.get(name) for name in _KEY):
            service.rules.lean("grant.unique")
            raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists.")
    obj: Obj = {**values, "id": opaque_id(service.rng.getrandbits(256))}
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        dependents.attach(service, GRANTS.table, obj)
        audit.record(service, request, "Add", GRANTS, obj, after=obj)
    return created(service, request, GRANTS.table, obj)


def _check_ends(service: Service, request: Request, view: View, values: Obj) -> None:
    kind, principal = values["consentType"], values.get("principalId")
    if kind not in ("AllPrincipals", "Principal"):
        raise bad_request("Invalid value specified for property 'consentType'.")
    if (kind == "Principal") != bool(principal):
        service.rules.lean("grant.principal")
        raise bad_request("principalId is required for consentType Principal, and must be null for AllPrincipals.")
    for name in ("clientId", "resourceId"):
        visible_target(service, request, view, values[name], ("servicePrincipals",))
    if principal:
        visible_target(service, request, view, principal, ("users",))


def _check_scope(service: Service, values: Obj) -> None:
    if "scope" in values and len(values["scope"] or "") > _LONGEST_SCOPE:
        service.rules.lean("grant.scope")
        raise bad_request(f"The scope is longer than {_LONGEST_SCOPE} characters.")


def patch_grant(service: Service, request: Request) -> Response:
    values = checked(service, request, GRANTS, request.json(), create=False)
    _, before = existing(service, request, GRANTS.table)
    _check_scope(service, values)
    service.rules.lean("grant.scope-replaced")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, GRANTS, before, {**before, **values})
    return Response(204)


def delete_grant(service: Service, request: Request) -> Response:
    key, obj = existing(service, request, GRANTS.table)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        dependents.detach(service, GRANTS.table, key)
        audit.record(service, request, "Remove", GRANTS, obj)
    return Response(204)


route("GET", GRANTS.root, list_objects)
route("GET", f"{GRANTS.root}/{{id}}", get_object)
route("POST", GRANTS.root, create_grant)
route("PATCH", f"{GRANTS.root}/{{id}}", patch_grant)
route("DELETE", f"{GRANTS.root}/{{id}}", delete_grant)

"""Singletons: the organization, its domains and the authorization policy."""

from __future__ import annotations

from typing import Any

from . import odata
from .errors import GraphError, bad_request, not_found
from .rendering import default_columns, render, selected_columns
from .rules.types import AUTHORIZATION_POLICY, DOMAINS, ORGANIZATION
from .service import Request, Response, Service, route
from .writing import checked, merge, update

Obj = dict[str, Any]

P1 = "41781fb2-bc02-4b7c-bd55-b576c07bb09d"
P2 = "eec0eb4f-6444-4f95-aba0-50c24d67f998"
GOVERNANCE = "e866a266-3cff-43a3-acca-0c90a7e00c8b"


def _columns(request: Request, table: str) -> tuple[tuple[str, bool], ...]:
    select = odata.parse_select(request.query.get("$select"))
    return (
        default_columns(table, request.beta)
        if select is None
        else selected_columns(table, select, request.beta, True)
    )


def list_organization(service: Service, request: Request) -> Response:
    obj = service.view(request).get("organization", service.tenant_id)
    assert obj is not None
    value = [render(_with_plans(service, obj), _columns(request, "organization"))]
    return Response(200, {"@odata.context": service.context(request, "organization"), "value": value})


def _with_plans(service: Service, obj: Obj) -> Obj:
    """The tenant as its licences are set now: P1 and P2 are plans of one service; governance goes with P2 here."""
    both = service.settings.premium and service.settings.premium_p2
    kept = {P1: service.settings.premium, P2: both, GOVERNANCE: both}
    plans = [one for one in obj.get("assignedPlans") or [] if kept.get(one["servicePlanId"], True)]
    return {**obj, "assignedPlans": plans}


def get_organization(service: Service, request: Request) -> Response:
    obj = service.view(request).get("organization", request.params["id"])
    if obj is None:
        raise not_found(request.params["id"])
    context = service.context(request, "organization/$entity")
    return Response(
        200, {"@odata.context": context, **render(_with_plans(service, obj), _columns(request, "organization"))}
    )


def patch_organization(service: Service, request: Request) -> Response:
    values = checked(service, request, ORGANIZATION, request.json(), create=False)
    before = service.store.get("organization", request.params["id"])
    if before is None:
        raise not_found(request.params["id"])
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, ORGANIZATION, before, merge(service, ORGANIZATION, before, values))
    return Response(204)


def list_domains(service: Service, request: Request) -> Response:
    view = service.view(request)
    columns = _columns(request, DOMAINS.table)
    value = [render(obj, columns) for i in view.ids("domains") if (obj := view.get("domains", i)) is not None]
    return Response(200, {"@odata.context": service.context(request, "domains"), "value": value})


def get_domain(service: Service, request: Request) -> Response:
    obj = service.view(request).get("domains", request.params["id"].lower())
    if obj is None:
        raise not_found(request.params["id"])
    context = service.context(request, "domains/$entity")
    return Response(200, {"@odata.context": context, **render(obj, _columns(request, DOMAINS.table))})


def get_authorization_policy(service: Service, request: Request) -> Response:
    obj = service.view(request).get("authorizationPolicy", "authorizationPolicy")
    assert obj is not None
    shown = render(obj, _columns(request, "authorizationPolicy"))
    if "id" in request.params:
        if not request.beta or request.params["id"] != "authorizationPolicy":
            raise not_found(request.params["id"])
        context = service.context(request, "policies/authorizationPolicy/$entity")
        return Response(200, {"@odata.context": context, **shown})
    if request.beta:  # a collection of one item there
        context = service.context(request, "policies/authorizationPolicy")
        return Response(200, {"@odata.context": context, "value": [shown]})
    context = service.context(request, "policies/authorizationPolicy/$entity")
    return Response(200, {"@odata.context": context, **shown})


def patch_authorization_policy(service: Service, request: Request) -> Response:
    if request.beta != ("id" in request.params):
        raise GraphError(405, "Request_BadRequest", "beta takes the policy by its id, v1.0 as a singleton.")
    values = checked(service, request, AUTHORIZATION_POLICY, request.json(), create=False)
    before = service.store.get("authorizationPolicy", "authorizationPolicy")
    assert before is not None
    role = values.get("defaultUserRolePermissions")
    if isinstance(role, dict):
        service.rules.lean("write.replace-default-role")
        empty: Obj = {
            k: ([] if isinstance(v, list) else False) for k, v in before["defaultUserRolePermissions"].items()
        }
        values = {**values, "defaultUserRolePermissions": {**empty, **role}}
    elif "defaultUserRolePermissions" in values:
        raise bad_request("Invalid value specified for property 'defaultUserRolePermissions'.")
    after = {**before, **values}
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, AUTHORIZATION_POLICY, before, after)
    return Response(204)


route("GET", "/organization", list_organization)
route("GET", "/organization/{id}", get_organization)
route("PATCH", "/organization/{id}", patch_organization)
route("GET", "/domains", list_domains)
route("GET", "/domains/{id}", get_domain)
route("GET", "/policies/authorizationPolicy", get_authorization_policy)
route("GET", "/policies/authorizationPolicy/{id}", get_authorization_policy)
route("PATCH", "/policies/authorizationPolicy", patch_authorization_policy)
route("PATCH", "/policies/authorizationPolicy/{id}", patch_authorization_policy)

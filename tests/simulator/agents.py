"""What agents have beside other applications and service principals: sponsors, and what is inherited from them."""

from __future__ import annotations

import functools
from typing import Any

from . import audit, odata, schema, small
from .errors import bad_request, not_found
from .groups import already_there
from .links import added_target, check_visible
from .reading import check_options, page_of_related
from .rendering import derived, render
from .rules.agents import (
    BLUEPRINT,
    IDENTITIES,
    IDENTITY,
    INHERITED,
    MOST_GROUPS,
    MOST_ON_A_PAGE,
    MOST_SPONSORS,
    SPONSORED,
    Sponsored,
)
from .rules.types import TYPES
from .service import Request, Response, Service, route
from .writing import existing

Obj = dict[str, Any]


def agent(service: Service, request: Request, table: str, odata_type: str) -> tuple[str, Obj]:
    """The object that the path leads to, which must be of the type in it."""
    key, obj = existing(service, request, table)
    if obj.get("@odata.type") != odata_type:
        service.rules.lean("agent.cast")
        raise not_found(key)
    return key, obj


def list_sponsors(kind: Sponsored, service: Service, request: Request) -> Response:
    check_options(request)
    key, _ = agent(service, request, kind.table, kind.odata_type)
    view = service.view(request)
    select = odata.parse_select(request.query.get("$select"))
    held = sorted(view.targets(f"{kind.table}.sponsors", key))
    return page_of_related(service, request, view, held, select, "sponsors", None)


def add_sponsor(kind: Sponsored, service: Service, request: Request) -> Response:
    target = added_target(service, request)
    key, obj = agent(service, request, kind.table, kind.odata_type)
    check_visible(service, request, target, kind.by)
    held = service.store.targets(f"{kind.table}.sponsors", key)
    if target in held:
        raise already_there("sponsors")
    groups = service.store.tables["groups"]
    group = groups.get(target)
    many = len(held) >= MOST_SPONSORS or (group and sum(one in groups for one in held) >= MOST_GROUPS)
    if many or (group and not _may_sponsor(group)):
        service.rules.lean("agent.sponsors")
        raise bad_request(f"'{target}' can't be added to the sponsors.")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.link(f"{kind.table}.sponsors", key, target)
        audit.record(service, request, "Add sponsor to", TYPES[kind.table], obj, extra=("Sponsor",))
    return Response(204)


def _may_sponsor(group: Obj) -> bool:
    return bool({"Unified", "DynamicMembership"} & set(group["groupTypes"])) and not group.get("isAssignableToRole")


def remove_sponsor(kind: Sponsored, service: Service, request: Request) -> Response:
    key, obj = agent(service, request, kind.table, kind.odata_type)
    target = request.params["child"]
    held = service.store.targets(f"{kind.table}.sponsors", key)
    if target not in held:
        raise not_found(target)
    if kind.keeps_last and len(held) == 1:
        service.rules.lean("agent.last-sponsor")
        raise bad_request("An agent identity needs a sponsor, and this is its last one.")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.link(f"{kind.table}.sponsors", key, target, present=False)
        audit.record(service, request, "Remove sponsor from", TYPES[kind.table], obj, extra=("Sponsor",))
    return Response(204)


def list_inherited(service: Service, request: Request) -> Response:
    key, _ = agent(service, request, "applications", BLUEPRINT)
    blueprint = service.view(request).get("applications", key) or {}
    items = sorted(blueprint.get("inheritablePermissions") or [], key=small.key_of)
    return small.page(service, request, items, frozenset(("resourceAppId", "inheritableScopes")))


def list_identities(service: Service, request: Request) -> Response:
    top = request.query.get("$top", "")
    if top.isdigit() and int(top) > MOST_ON_A_PAGE:
        service.rules.lean("agent.page")
        raise bad_request(
            f"Invalid page size specified: '{top}'. Must be between 1 and {MOST_ON_A_PAGE} inclusive."
        )
    known = schema.shape(schema.load("agent_identity.AgentIdentity")).properties
    columns = tuple((name, one.collection) for name, one in known.items())
    view = service.view(request)
    held = (view.get("servicePrincipals", key) for key in view.ids("servicePrincipals"))
    items = [{**derived(one), **render(one, columns)} for one in held if one and one.get("@odata.type") == IDENTITY]
    return small.page(service, request, items, frozenset(known))


route("GET", INHERITED, list_inherited)
route("GET", IDENTITIES, list_identities)
for _kind in SPONSORED:
    route("GET", _kind.path, functools.partial(list_sponsors, _kind))
    route("POST", f"{_kind.path}/$ref", functools.partial(add_sponsor, _kind))
    route("DELETE", f"{_kind.path}/{{child}}/$ref", functools.partial(remove_sponsor, _kind))

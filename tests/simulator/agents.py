"""What agents have beside other applications and service principals: sponsors."""

from __future__ import annotations

import functools
from typing import Any

from . import audit, odata
from .errors import bad_request, not_found
from .groups import already_there
from .links import added_target, check_visible
from .reading import check_options, page_of_related
from .rules.agents import MOST_GROUPS, MOST_SPONSORS, SPONSORED, Sponsored
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


for _kind in SPONSORED:
    route("GET", _kind.path, functools.partial(list_sponsors, _kind))
    route("POST", f"{_kind.path}/$ref", functools.partial(add_sponsor, _kind))
    route("DELETE", f"{_kind.path}/{{child}}/$ref", functools.partial(remove_sponsor, _kind))

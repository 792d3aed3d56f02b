"""Collections of few items that are listed whole objects: paging, $filter, $select over ready-made items."""

from __future__ import annotations

from typing import Any

from . import odata
from .errors import bad_request
from .reading import top_of
from .service import Request, Response, Service

Obj = dict[str, Any]
_OPTIONS = frozenset(("$filter", "$top", "$skiptoken", "$select", "$count", "$expand"))


def selected(request: Request, item: Obj, model_names: frozenset[str]) -> Obj:
    """What $select asks for; @odata members stay."""
    select = odata.parse_select(request.query.get("$select"))
    if select is None:
        return item
    unknown = [name for name in select if name not in model_names]
    if unknown:
        raise bad_request(f"Could not find a property named '{unknown[0]}'.", "BadRequest")
    expanded = request.query.get("$expand", "")
    return {k: v for k, v in item.items() if k in select or k in ("@odata.type", expanded)}


def key_of(item: Obj) -> str:
    """The id, or what stands for it in types that have none."""
    return str(next(item[name] for name in ("id", "tenantId", "resourceAppId") if name in item))


def page(service: Service, request: Request, items: list[Obj], model_names: frozenset[str]) -> Response:
    """Items come sorted by id."""
    for name in request.query:
        if name.startswith("$") and name not in _OPTIONS:
            raise bad_request(f"Query option '{name}' is not supported.", "BadRequest")
    test = odata.parse_filter(request.query["$filter"]).predicate if "$filter" in request.query else None
    after = service.recall(request.query["$skiptoken"], request)["after"] if "$skiptoken" in request.query else ""
    found = [one for one in items if key_of(one) > after and (test is None or test(one))]
    some = found[: top_of(request, service)]
    body: Obj = {
        "@odata.context": service.context(request, request.path.strip("/")),
        "value": [selected(request, one, model_names) for one in some],
    }
    if len(some) < len(found):
        query = {k: v for k, v in request.query.items() if k != "$skiptoken"}
        token = service.remember({"after": key_of(some[-1])})
        body["@odata.nextLink"] = service.link(request, {**query, "$skiptoken": token})
    return Response(200, body)


def single(service: Service, request: Request, item: Obj, model_names: frozenset[str]) -> Response:
    for name in request.query:
        if name.startswith("$") and name not in ("$select", "$expand"):
            raise bad_request(f"Query option '{name}' is not supported.", "BadRequest")
    place = request.path.strip("/").rsplit("/", 1)[0]
    context = service.context(request, f"{place}/$entity")
    return Response(200, {"@odata.context": context, **selected(request, item, model_names)})

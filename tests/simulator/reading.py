"""Lists, single objects and relationships: paging, $select, $filter, $expand, $count."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from typing import Any

from . import directory_extensions, odata, schema, security_attributes
from .errors import GraphError, bad_request, denied, not_found
from .rendering import (
    Columns,
    default_columns,
    derived,
    render,
    selected_columns,
    without_keys,
)
from .rules.permissions import LEAVES, READ_LEAVES, RELATED_READ, WRITE_LEAVES, allowed
from .rules.plain_rows import PLAIN
from .rules.registry import words
from .rules.types import DIRECTORY_TABLES, TYPES, TypeRule, place_of
from .service import Request, Response, Service, route
from .store import View

Obj = dict[str, Any]
_LIST_OPTIONS = frozenset(words("$select $top $filter $expand $count $skiptoken $orderby $format"))
_EXPAND_LIMIT = 20

# Where a relationship lives in the store: name -> (relationship, read from its target's side)
RELATIONS: dict[tuple[str, str], tuple[str, bool]] = {
    ("users", "manager"): ("users.manager", False),
    ("users", "sponsors"): ("users.sponsors", False),
    ("users", "directReports"): ("users.manager", True),
    ("users", "memberOf"): ("groups.members", True),
    ("groups", "members"): ("groups.members", False),
    ("groups", "owners"): ("groups.owners", False),
    ("groups", "memberOf"): ("groups.members", True),
    ("applications", "owners"): ("applications.owners", False),
    ("applications", "federatedIdentityCredentials"): ("applications.federatedIdentityCredentials", False),
    ("applications", "extensionProperties"): ("applications.extensionProperties", False),
    ("administrativeUnits", "members"): ("administrativeUnits.members", False),
    ("devices", "registeredOwners"): ("devices.registeredOwners", False),
    ("devices", "registeredUsers"): ("devices.registeredUsers", False),
    ("devices", "memberOf"): ("groups.members", True),
    ("orgContacts", "manager"): ("orgContacts.manager", False),
    ("orgContacts", "memberOf"): ("groups.members", True),
    ("servicePrincipals", "owners"): ("servicePrincipals.owners", False),
    ("servicePrincipals", "memberOf"): ("groups.members", True),
    ("servicePrincipals", "appRoleAssignedTo"): ("assignments.resource", False),
    ("servicePrincipals", "appRoleAssignments"): ("assignments.principal", False),
    ("users", "appRoleAssignments"): ("assignments.principal", False),
    ("groups", "appRoleAssignments"): ("assignments.principal", False),
}
# What plain types directory objects contain.
_PLAIN_CHILDREN = {(row.parent, row.rule.path.rsplit("/", 1)[-1]): row.table for row in PLAIN if row.parent}
# What of a table is there now, for tables where a stored row alone doesn't say so.
VISIBLE: dict[str, Callable[[Service, View, Obj], bool]] = {}
_OWNED = ("groups.owners", "applications.owners", "servicePrincipals.owners")


def check_options(request: Request, allowed_options: frozenset[str] = _LIST_OPTIONS) -> None:
    for name in request.query:
        if name.startswith("$") and name not in allowed_options:
            raise bad_request(f"Query option '{name}' is not allowed or not supported.", "BadRequest")


def advanced(request: Request) -> bool:
    return request.headers.get("consistencylevel", "").lower() == "eventual"


def top_of(request: Request, service: Service) -> int:
    text = request.query.get("$top")
    if text is None:
        return service.settings.list_page_default
    if not text.isdigit() or not 1 <= int(text) <= 999:
        raise bad_request(f"Invalid page size specified: '{text}'. Must be between 1 and 999 inclusive.")
    return min(int(text), service.settings.list_page_cap)


def resolve(service: Service, view: View, table: str, key: str) -> str:
    """An id or an alternate key -> the id, if the replica has it; 404 otherwise."""
    name, _, value = key.partition("=")
    rule = TYPES[table]
    found: str | None = key
    if name in rule.alternate_keys and value:
        found = service.store.find(table, name, value)
    elif table == "users" and not schema.is_guid(key):
        found = service.store.find("users", "userPrincipalName", key)
    obj = None if found is None else view.get(table, found)
    if found is None or obj is None or not is_visible(service, view, table, obj):
        raise not_found(key)
    return found


def is_visible(service: Service, view: View, table: str, obj: Obj) -> bool:
    test = VISIBLE.get(table)
    return test is None or test(service, view, obj)


def table_of(view: View, object_id: str) -> str | None:
    for table in DIRECTORY_TABLES:
        if view.get(table, object_id) is not None:
            return table
    return None


# --- lists


def list_objects(service: Service, request: Request) -> Response:
    rule, _ = place_of(request.template)
    table = rule.table
    check_options(request)
    view = service.view(request)
    cursor = service.recall(request.query["$skiptoken"], request) if "$skiptoken" in request.query else None
    columns, expand, test = _query(service, request, rule)
    ids, start = _candidates(service, request, view, table, cursor, test)
    body: Obj = {"@odata.context": service.context(request, rule.root.strip("/"))}
    if request.query.get("$count") == "true" and advanced(request) and cursor is None:
        body["@odata.count"] = _count(service, request, table, test)
    if _empty_page(service, request, cursor):
        again = {**(cursor or {"after": ""}), "emptied": True}
        body["@odata.nextLink"] = _next_link(service, request, again, again.get("ordered"))
        return Response(200, {**body, "value": []})
    top = top_of(request, service)
    page: list[Obj] = []
    position = start
    while position < len(ids) and len(page) < top:
        obj = view.get(table, ids[position])
        position += 1
        if obj is not None and not is_visible(service, view, table, obj):
            continue
        if obj is not None and (test is None or test.predicate(obj)):
            page.append(obj)
    if position < len(ids):
        body["@odata.nextLink"] = _next_link(
            service,
            request,
            {"after": ids[position - 1], "position": position},
            None if "$orderby" not in request.query else ids,
        )
    body["value"] = [_item(service, request, view, rule, obj, columns, expand) for obj in page]
    return Response(200, body)


def _next_link(service: Service, request: Request, cursor: Obj, keep_order: list[str] | None) -> str:
    cursor = {**cursor, "ordered": keep_order}
    query = {k: v for k, v in request.query.items() if k != "$skiptoken"}
    return service.link(request, {**query, "$skiptoken": service.remember(cursor)})


def _empty_page(service: Service, request: Request, cursor: Obj | None) -> bool:
    if cursor is not None and cursor.get("emptied"):
        return False
    chance = service.rng.random() < service.settings.list_empty_pages and cursor is not None
    if chance or request.effects.get("emptyPage"):
        service.rules.lean("list.empty-page")
        return True
    return False


def _query(
    service: Service, request: Request, rule: TypeRule
) -> tuple[Columns, odata.Expand | None, odata.Filter | None]:
    select = odata.parse_select(request.query.get("$select"))
    columns = columns_for(service, request, rule, select, single=False)
    expand = _expand_of(service, request, rule)
    test = odata.parse_filter(request.query["$filter"]) if "$filter" in request.query else None
    is_advanced = advanced(request) and request.query.get("$count") == "true"
    if not is_advanced and (
        (test is not None and (test.advanced or "$orderby" in request.query)) or "$search" in request.query
    ):
        service.rules.lean("query.advanced")
        raise bad_request("Unsupported Query.", "Request_UnsupportedQuery")
    return columns, expand, test


def columns_for(
    service: Service, request: Request, rule: TypeRule, select: tuple[str, ...] | None, *, single: bool
) -> Columns:
    if select is None:
        if rule.default_select is not None:
            service.rules.lean("list.user-default")
        return default_columns(rule.table, request.beta)
    if rule.table == "users" and "signInActivity" in select and not service.may(request, "AuditLog.Read.All"):
        service.rules.lean("auth.sign-in-activity")
        raise denied()
    if rule.table == "users" and LEAVES in select and not _may_see_who_leaves(service, request):
        service.rules.lean("auth.employee-leave")
        raise denied()
    if not single and set(select) & rule.only_on_single_get:
        service.rules.lean("list.single-get-only")
    extended = directory_extensions.columns(service, service.view(request), rule.table, select)
    if extended:
        service.rules.lean("extension.select")
    names = {name for name, _ in extended}
    plain = tuple(name for name in select if name not in names)
    return (*selected_columns(rule.table, plain, request.beta, single), *extended)


def _may_see_who_leaves(service: Service, request: Request) -> bool:
    return any(service.may(request, name) for name in (READ_LEAVES, WRITE_LEAVES))


def _expand_of(service: Service, request: Request, rule: TypeRule) -> odata.Expand | None:
    text = request.query.get("$expand")
    if text is None:
        return None
    try:
        expand = odata.parse_expand(text)
    except GraphError:
        service.rules.lean("list.expand-one")
        raise
    if expand.name not in rule.expandable:
        raise bad_request(
            f"Could not find a property named '{expand.name}' to expand on type '{rule.odata_type}'.", "BadRequest"
        )
    return expand


def _candidates(
    service: Service,
    request: Request,
    view: View,
    table: str,
    cursor: Obj | None,
    test: odata.Filter | None,
) -> tuple[list[str], int]:
    """Ids in listing order and where this page starts."""
    if cursor is not None and cursor.get("ordered") is not None:
        return cursor["ordered"], cursor.get("position", 0)
    ids = view.ids(table)
    if test is not None and test.equals is not None:
        ids = _by_index(service, view, table, test.equals, ids)
    order = request.query.get("$orderby")
    if order:
        ids = _ordered(view, table, ids, order)
    if cursor is None or cursor["after"] == "":
        return ids, 0
    return ids, bisect.bisect_right(ids, cursor["after"])


def _by_index(
    service: Service, view: View, table: str, equals: tuple[str, tuple[str, ...]], ids: list[str]
) -> list[str]:
    name, values = equals
    if name == "id":
        return sorted({v for v in values if view.get(table, v) is not None})
    index = service.store.unique[table].get(name)
    if index is None or service.settings.lag > 0:
        return ids
    return sorted({found for v in values if (found := index.get(v.casefold())) is not None})


def _ordered(view: View, table: str, ids: list[str], order: str) -> list[str]:
    name, _, direction = order.partition(" ")
    if name not in ("displayName", "userPrincipalName", "createdDateTime", "appId"):
        raise bad_request(f"Sorting by '{name}' is not supported.", "Request_UnsupportedQuery")
    return sorted(
        ids,
        key=lambda i: str((view.get(table, i) or {}).get(name) or "").casefold(),
        reverse=direction.strip() == "desc",
    )


def _count(service: Service, request: Request, table: str, test: odata.Filter | None) -> int:
    service.rules.lean("query.count-lags")
    view = service.view(request, lag_factor=2.0)
    ids = view.ids(table)
    found = len(ids) if test is None else sum(1 for i in ids if test.predicate(view.get(table, i) or {}))
    return max(0, found + service.settings.count_skew)


def count_objects(service: Service, request: Request) -> Response:
    if not advanced(request):
        service.rules.lean("query.advanced")
        raise bad_request("$count is not currently supported.", "Request_BadRequest")
    text = request.query.get("$filter")
    table = place_of(request.template)[0].table
    total = _count(service, request, table, odata.parse_filter(text) if text else None)
    return Response(200, {"#text": str(total)})


def _item(
    service: Service,
    request: Request,
    view: View,
    rule: TypeRule,
    obj: Obj,
    columns: Columns,
    expand: odata.Expand | None,
    single: bool = False,
) -> Obj:
    explicit_keys = single and request.query.get("$select") is not None
    out = {**derived(obj), **render(obj if explicit_keys else without_keys(obj), columns)}
    if security_attributes.MEMBER in out:
        out[security_attributes.MEMBER] = security_attributes.shown(
            service, request, obj.get(security_attributes.MEMBER)
        )
    if "passwordProfile" in out:
        service.rules.lean("secret.password")
        out["passwordProfile"] = None
    if expand is not None:
        _add_expanded(service, request, view, rule, obj, expand, out)
    return out


def _plain_children(
    service: Service, request: Request, view: View, table: str, key: str, expand: odata.Expand
) -> list[Obj]:
    child = _PLAIN_CHILDREN[(table, expand.name)]
    place = f"{child}/"
    held = view.targets("plain.children", key)
    ids = sorted(one.removeprefix(place) for one in held if one.startswith(place))
    if len(ids) > _EXPAND_LIMIT:
        service.rules.lean("list.expand-20")
    found = (view.get(child, one) for one in ids[:_EXPAND_LIMIT])
    columns = _child_columns(child, expand.select, request)
    return [render(one, columns) for one in found if one is not None]


def _add_expanded(
    service: Service, request: Request, view: View, rule: TypeRule, obj: Obj, expand: odata.Expand, out: Obj
) -> None:
    if (rule.table, expand.name) in _PLAIN_CHILDREN:
        out[expand.name] = _plain_children(service, request, view, rule.table, obj["id"], expand)
        return
    ids = related_ids(service, request, view, rule.table, obj["id"], expand.name)
    single = expand.name == "manager"
    if single and not ids:
        service.rules.lean("list.expand-manager-absent")
        return
    if len(ids) > _EXPAND_LIMIT:
        service.rules.lean("list.expand-20")
        ids = ids[:_EXPAND_LIMIT]
    items = [_related(service, request, view, i, expand.select, expand.name) for i in ids]
    found = [item for item in items if item is not None]
    out[expand.name] = found[0] if single and found else found


# --- one object


def get_object(service: Service, request: Request) -> Response:
    rule, _ = place_of(request.template)
    table = rule.table
    check_options(request, frozenset(("$select", "$expand")))
    view = service.view(request)
    key = resolve(service, view, table, request.params["id"])
    obj = view.get(table, key)
    assert obj is not None
    select = odata.parse_select(request.query.get("$select"))
    columns = columns_for(service, request, rule, select, single=True)
    if (
        table == "groups"
        and select
        and set(select) & rule.only_on_single_get
        and "Unified" not in obj["groupTypes"]
    ):
        service.rules.lean("get.exchange-404")
        raise not_found(key)
    expand = _expand_of(service, request, rule)
    body = {"@odata.context": service.context(request, f"{rule.root.strip('/')}/$entity")}
    body.update(_item(service, request, view, rule, obj, columns, expand, single=True))
    return Response(200, body)


# --- relationships


def related_ids(service: Service, request: Request, view: View, table: str, key: str, name: str) -> list[str]:
    """Live related ids, sorted; empty for hidden membership that the token may not see."""
    if name == "ownedObjects":
        return sorted({s for rel in _OWNED for s in view.sources(rel, key)})
    rel, backwards = RELATIONS[(table, name)]
    if name == "members" and hides_members(service, request, view, key):
        return []
    ids = view.sources(rel, key) if backwards else view.targets(rel, key)
    if name == "memberOf":
        ids = [*ids, *view.sources("administrativeUnits.members", key)]
    if rel.startswith("assignments."):
        ids = [i for i in ids if assignment_is_visible(service, view, i)]
    return sorted(ids)


def hides_members(service: Service, request: Request, view: View, key: str) -> bool:
    group = view.get("groups", key) or view.get("administrativeUnits", key) or {}
    if group.get("visibility") == "HiddenMembership" and not service.may(request, "Member.Read.Hidden"):
        service.rules.lean("auth.hidden-membership")
        return True
    return False


def assignment_is_visible(service: Service, view: View, key: str) -> bool:
    one = view.get("appRoleAssignments", key)
    if one is None:
        return False
    live = table_of(view, one["principalId"]) is not None
    if live and view.get("servicePrincipals", one["resourceId"]) is not None:
        return True
    service.rules.lean("sp.assignments-hidden")
    return False


def _related(
    service: Service, request: Request, view: View, key: str, select: tuple[str, ...] | None, name: str
) -> Obj | None:
    child = _CHILD_TABLES.get(name)
    if child is not None:
        obj = view.get(child, key)
        return None if obj is None else render(obj, _child_columns(child, select, request))
    table = table_of(view, key)
    if table is None:
        return None
    rule = TYPES[table]
    obj = view.get(table, key)
    assert obj is not None
    out: Obj = {"@odata.type": rule.odata_type, **derived(obj)}
    readable = request.scripted or allowed(RELATED_READ[table], service.granted(request))
    if not readable:
        service.rules.lean("auth.limited-members")
        return {**out, "id": key}
    if select is None:
        columns = default_columns(table, request.beta)
    else:
        # A select over mixed types shows the properties that the type has.
        known = dict(default_columns(table, request.beta))
        every = {n: known.get(n, False) for n in select if n in _every_name(table, request.beta)}
        columns = tuple(every.items())
        if "id" not in every:
            out["id"] = key
    out.update(render(without_keys(obj), columns))
    if "passwordProfile" in out:
        out["passwordProfile"] = None
    return out


_CHILD_TABLES = {
    "federatedIdentityCredentials": "federatedIdentityCredentials",
    "extensionProperties": "extensionProperties",
    "appRoleAssignedTo": "appRoleAssignments",
    "appRoleAssignments": "appRoleAssignments",
}


def _every_name(table: str, beta: bool) -> frozenset[str]:
    return frozenset(schema.names(schema.load(TYPES[table].model), preview=beta))


def _child_columns(table: str, select: tuple[str, ...] | None, request: Request) -> Columns:
    if select is None:
        return default_columns(table, request.beta)
    return selected_columns(table, select, request.beta, True)


def list_related(service: Service, request: Request) -> Response:
    rule, segments = place_of(request.template)
    table, name = rule.table, segments[1]
    check_options(request)
    view = service.view(request)
    key = resolve(service, view, table, request.params["id"])
    select = odata.parse_select(request.query.get("$select"))
    if name in _CHILD_TABLES:
        _child_columns(_CHILD_TABLES[name], select, request)  # refuses unknown names on empty lists too
    if "$filter" in request.query:
        if not advanced(request) and name not in _CHILD_TABLES:
            service.rules.lean("query.advanced")
            raise bad_request("Unsupported Query.", "Request_UnsupportedQuery")
        test: Callable[[Obj], bool] | None = odata.parse_filter(request.query["$filter"]).predicate
    else:
        test = None
    ids = related_ids(service, request, view, table, key, name)
    return page_of_related(service, request, view, ids, select, name, test)


def list_transitive(service: Service, request: Request) -> Response:
    parts = request.template.split("/")
    table, name = parts[1], parts[3]
    check_options(request)
    view = service.view(request)
    key = resolve(service, view, table, request.params["id"])
    found: dict[str, None] = {}
    queue = [key]
    while queue:
        here = queue.pop()
        direct = (
            view.targets("groups.members", here)
            if name == "transitiveMembers"
            else view.sources("groups.members", here)
        )
        if name == "transitiveMembers" and hides_members(service, request, view, here):
            continue
        for other in direct:
            if other not in found:
                found[other] = None
                queue.append(other)
    select = odata.parse_select(request.query.get("$select"))
    return page_of_related(service, request, view, sorted(found), select, name, None)


def page_of_related(
    service: Service,
    request: Request,
    view: View,
    ids: list[str],
    select: tuple[str, ...] | None,
    name: str,
    test: Callable[[Obj], bool] | None,
) -> Response:
    cursor = service.recall(request.query["$skiptoken"], request) if "$skiptoken" in request.query else None
    fragment = "directoryObjects" if name not in _CHILD_TABLES else name
    body: Obj = {"@odata.context": service.context(request, fragment)}
    if request.query.get("$count") == "true" and advanced(request) and cursor is None:
        body["@odata.count"] = len(ids)
    if _empty_page(service, request, cursor):
        body["@odata.nextLink"] = _next_link(
            service, request, {"after": "" if cursor is None else cursor["after"], "emptied": True}, None
        )
        return Response(200, {**body, "value": []})
    start = 0 if cursor is None or cursor["after"] == "" else bisect.bisect_right(ids, cursor["after"])
    top = top_of(request, service)
    page: list[Obj] = []
    position = start
    while position < len(ids) and len(page) < top:
        item = _related(service, request, view, ids[position], select, name)
        position += 1
        if item is not None and (test is None or test(item)):
            page.append(item)
    if position < len(ids):
        body["@odata.nextLink"] = _next_link(service, request, {"after": ids[position - 1]}, None)
    body["value"] = page
    return Response(200, body)


def list_cast(service: Service, request: Request) -> Response:
    """`members/microsoft.graph.user`, `members/$count`, `members/$ref`."""
    rule, segments = place_of(request.template)
    table, name, cast = rule.table, segments[1], request.params["cast"]
    check_options(request)
    view = service.view(request)
    key = resolve(service, view, table, request.params["id"])
    ids = related_ids(service, request, view, table, key, name)
    if cast == "$count":
        if not advanced(request):
            service.rules.lean("query.advanced")
            raise bad_request("$count is not currently supported.", "Request_BadRequest")
        return Response(200, {"#text": str(len(ids))})
    wanted = next((t for t in DIRECTORY_TABLES if TYPES[t].odata_type == f"#{cast}"), None)
    if wanted is None:
        raise bad_request(f"Resource not found for the segment '{cast}'.", "BadRequest")
    ids = [i for i in ids if view.get(wanted, i) is not None]
    select = odata.parse_select(request.query.get("$select"))
    return page_of_related(service, request, view, ids, select, name, None)


def get_manager(service: Service, request: Request) -> Response:
    view = service.view(request)
    table = place_of(request.template)[0].table
    key = resolve(service, view, table, request.params["id"])
    ids = related_ids(service, request, view, table, key, "manager")
    select = odata.parse_select(request.query.get("$select"))
    found = _related(service, request, view, ids[0], select, "manager") if ids else None
    if found is None:
        raise GraphError(
            404,
            "Request_ResourceNotFound",
            "Resource 'manager' does not exist or one of its queried reference-property objects are not present.",
        )
    return Response(200, {"@odata.context": service.context(request, "directoryObjects/$entity"), **found})


def get_child(service: Service, request: Request) -> Response:
    parts = request.template.split("/")
    table, name = parts[1], parts[3]
    view = service.view(request)
    parent = resolve(service, view, table, request.params["id"])
    obj = find_child(service, request, view, table, parent, name, request.params["child"])
    columns = _child_columns(_CHILD_TABLES[name], odata.parse_select(request.query.get("$select")), request)
    return Response(200, {"@odata.context": service.context(request, f"{name}/$entity"), **render(obj, columns)})


def find_child(service: Service, request: Request, view: View, table: str, parent: str, name: str, key: str) -> Obj:
    """A contained object by id or, for federated credentials, by name."""
    wanted = key.removeprefix("name=")
    for child in related_ids(service, request, view, table, parent, name):
        obj = view.get(_CHILD_TABLES[name], child)
        if obj is not None and (child == key or obj.get("name") == wanted):
            return obj
    raise not_found(key)


# --- directory objects of any type


def get_directory_object(service: Service, request: Request) -> Response:
    view = service.view(request)
    found = _related(service, request, view, request.params["id"], None, "directoryObjects")
    if found is None:
        raise not_found(request.params["id"])
    return Response(200, {"@odata.context": service.context(request, "directoryObjects/$entity"), **found})


def get_by_ids(service: Service, request: Request) -> Response:
    body = request.json()
    ids, types = body.get("ids"), body.get("types")
    if not isinstance(ids, list) or not ids or len(ids) > 1000 or not all(schema.is_guid(i) for i in ids):
        raise bad_request("The ids must be a collection of 1 to 1000 object ids.")
    view = service.view(request)
    found = [_related(service, request, view, i, None, "directoryObjects") for i in dict.fromkeys(ids)]
    wanted = None if not types else {f"#microsoft.graph.{t}" for t in types}
    value = [f for f in found if f is not None and (wanted is None or f["@odata.type"] in wanted)]
    return Response(200, {"@odata.context": service.context(request, "directoryObjects"), "value": value})


for _table in DIRECTORY_TABLES:
    route("GET", TYPES[_table].root, list_objects)
    route("GET", f"{TYPES[_table].root}/$count", count_objects)
    route("GET", f"{TYPES[_table].root}/{{id}}", get_object)
for (_table, _name), _ in RELATIONS.items():
    if _name == "manager":
        route("GET", f"{TYPES[_table].root}/{{id}}/manager", get_manager)
        continue
    route("GET", f"{TYPES[_table].root}/{{id}}/{_name}", list_related)
    if _name in _CHILD_TABLES and _table in ("applications", "servicePrincipals"):
        route("GET", f"/{_table}/{{id}}/{_name}/{{child}}", get_child)
route("GET", "/groups/{id}/members/{cast}", list_cast)
route("GET", "/directory/administrativeUnits/{id}/members/{cast}", list_cast)
route("GET", "/groups/{id}/owners/{cast}", list_cast)
route("GET", "/users/{id}/ownedObjects", list_related)
route("GET", "/users/{id}/transitiveMemberOf", list_transitive)
route("GET", "/groups/{id}/transitiveMemberOf", list_transitive)
route("GET", "/groups/{id}/transitiveMembers", list_transitive)
route("GET", "/directoryObjects/{id}", get_directory_object)
route("POST", "/directoryObjects/getByIds", get_by_ids)

"""Deleting, the recycle bin of directory objects, restoring and purging.

A deleted object's links are cut and kept with it in the bin; they are made again when it comes back, as far as
the other end is live. Contained children (federated credentials) and app role assignments stay in place, out of
sight, and go with a purge.
"""

from __future__ import annotations

from typing import Any

from . import audit, dependents, open_extensions, plain, restricted, role_settings
from .apart import STAMP
from .clock import parse_iso
from .errors import bad_request, conflict, denied, not_found
from .groups import reevaluate_dynamic_groups
from .odata import parse_select
from .reading import check_options, resolve, table_of, top_of
from .rendering import Columns, default_columns, derived, render, selected_columns, without_keys
from .rules.apart import HELD, PHOTO
from .rules.permissions import BIN_PURGE, BIN_READ, BIN_RESTORE, NO_APP_ONLY_PURGE, Alternatives, allowed
from .rules.types import BINNED_TABLES, TYPES, TypeRule, place_of
from .service import Request, Response, Service, route
from .service_principals import remove_assignment

Obj = dict[str, Any]
LINKS = (
    "users.manager",
    "users.sponsors",
    "groups.members",
    "groups.owners",
    "applications.owners",
    "servicePrincipals.owners",
    "applications.sponsors",
    "servicePrincipals.sponsors",
    restricted.MEMBERS,
    "devices.registeredOwners",
    "devices.registeredUsers",
    "orgContacts.manager",
    *plain.LINKS,
)
BIN_LIFE = 30 * 86400.0
_CASTS = {
    "microsoft.graph.user": "users",
    "microsoft.graph.group": "groups",
    "microsoft.graph.application": "applications",
    "microsoft.graph.servicePrincipal": "servicePrincipals",
    "microsoft.graph.administrativeUnit": "administrativeUnits",
}


def delete_object(service: Service, request: Request) -> Response:
    rule, _ = place_of(request.template)
    table = rule.table
    view = service.view(request)
    key = resolve(service, view, table, request.params["id"])
    obj = service.store.get(table, key)
    if obj is None:
        raise not_found(key)
    if obj.get("isAssignableToRole") and not service.may(request, "RoleManagement.ReadWrite.Directory"):
        service.rules.lean("auth.role-assignable")
        raise denied()
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        soft_delete(service, request, rule, key)
    return Response(204)


def soft_delete(service: Service, request: Request, rule: TypeRule, key: str) -> None:
    store = service.store
    obj = store.get(rule.table, key)
    assert obj is not None
    links = [(rel, key, t) for rel in LINKS for t in store.targets(rel, key)]
    links += [(rel, s, key) for rel in LINKS for s in store.sources(rel, key)]
    for rel, source, target in links:
        store.link(rel, source, target, present=False)
    store.put(rule.table, key, None)
    if rule.table == "administrativeUnits":
        _remark(service, links)
    rows = dependents.take_out(service, key)
    if rows:
        service.rules.lean("dependents.bin")
    audit.record(service, request, "Delete", rule, obj)
    if not rule.has_bin or (rule.table == "groups" and not _group_has_bin(service, obj)):
        _forget_children(service, rule.table, key)
        return
    binned = {**obj, "deletedDateTime": service.now_iso(), "_links": links}
    if rows:
        binned["_dependents"] = rows
    if rule.table == "users":
        service.rules.lean("user.bin-renames")
        binned["_userPrincipalName"] = obj["userPrincipalName"]
        binned["userPrincipalName"] = key.replace("-", "") + obj["userPrincipalName"]
    if rule.table == "groups" and "Unified" not in obj["groupTypes"]:
        service.rules.lean("bin.security-groups")
        binned["_securityEnabled"] = obj["securityEnabled"]
        binned["securityEnabled"] = False
    store.put(f"bin:{rule.table}", key, binned)
    if rule.table == "applications":
        principal = store.find("servicePrincipals", "appId", obj["appId"])
        if principal is not None:
            service.rules.lean("app.delete-takes-sp")
            soft_delete(service, request, TYPES["servicePrincipals"], principal)


def _remark(service: Service, links: list[tuple[str, str, str]]) -> None:
    for rel, _, target in links:
        if rel == restricted.MEMBERS:
            restricted.mark(service, target)


def _group_has_bin(service: Service, group: Obj) -> bool:
    if "Unified" in group["groupTypes"]:
        return True
    if group.get("mailEnabled"):
        service.rules.lean("bin.no-distribution")
        return False
    return service.settings.security_groups_in_bin


def _expire(service: Service) -> None:
    """What has been in the bin for 30 days is gone."""
    limit = service.clock.now() - BIN_LIFE
    old = [
        (table, key)
        for table in BINNED_TABLES
        for key, obj in service.store.tables[f"bin:{table}"].items()
        if parse_iso(obj["deletedDateTime"]) < limit
    ]
    if not old:
        return
    service.rules.lean("bin.thirty-days")
    with service.store.transaction("EXPIRE", "/directory/deletedItems", "directory"):
        for table, key in old:
            purge(service, table, key)


def _binned_table(service: Service, key: str) -> str:
    for table in BINNED_TABLES:
        if service.store.get(f"bin:{table}", key) is not None:
            return table
    raise not_found(key)


def _permit(service: Service, request: Request, needed: Alternatives) -> None:
    if not request.scripted and not allowed(needed, service.granted(request)):
        service.rules.lean("auth.permission")
        raise denied()


def _columns(table: str, request: Request, *, single: bool) -> Columns:
    select = parse_select(request.query.get("$select"))
    if select is not None:
        return selected_columns(table, select, request.beta, single)
    columns = default_columns(table, request.beta)
    # deletedDateTime is what a reader of the bin comes for; users' default set lacks it.
    return columns if any(n == "deletedDateTime" for n, _ in columns) else (*columns, ("deletedDateTime", False))


def _shown(obj: Obj, columns: Columns) -> Obj:
    out = {**derived(obj), **render(without_keys(obj), columns)}
    if "passwordProfile" in out:
        out["passwordProfile"] = None
    return out


def list_bin(service: Service, request: Request) -> Response:
    table = _CASTS.get(request.params["cast"])
    if table is None:
        return get_binned(service, request, request.params["cast"])
    check_options(request, frozenset(("$select", "$top", "$skiptoken")))
    _permit(service, request, BIN_READ[table])
    _expire(service)
    view = service.view(request)
    ids = view.ids(f"bin:{table}")
    after = service.recall(request.query["$skiptoken"], request)["after"] if "$skiptoken" in request.query else ""
    ids = [i for i in ids if i > after]
    page = ids[: top_of(request, service)]
    columns = _columns(table, request, single=False)
    body: Obj = {
        "@odata.context": service.context(request, f"directory/deletedItems/{request.params['cast']}"),
        "value": [_shown(obj, columns) for i in page if (obj := view.get(f"bin:{table}", i)) is not None],
    }
    if len(page) < len(ids):
        query = {k: v for k, v in request.query.items() if k != "$skiptoken"}
        body["@odata.nextLink"] = service.link(
            request, {**query, "$skiptoken": service.remember({"after": page[-1]})}
        )
    return Response(200, body)


def get_binned(service: Service, request: Request, key: str | None = None) -> Response:
    key = key or request.params["id"]
    _expire(service)
    view = service.view(request)
    for table in BINNED_TABLES:
        obj = view.get(f"bin:{table}", key)
        if obj is None:
            continue
        _permit(service, request, BIN_READ[table])
        kind = TYPES[table].odata_type
        return Response(
            200,
            {
                "@odata.context": service.context(request, "directoryObjects/$entity"),
                "@odata.type": kind,
                **_shown(obj, _columns(table, request, single=True)),
            },
        )
    raise not_found(key)


def restore(service: Service, request: Request) -> Response:
    key = request.params["id"]
    _expire(service)
    table = _binned_table(service, key)
    _permit(service, request, BIN_RESTORE[table])
    body = request.body if isinstance(request.body, dict) else {}
    unknown = set(body) - {"newUserPrincipalName", "autoReconcileProxyConflict", "@odata.type"}
    if unknown:
        raise bad_request(f"Unknown parameters: {sorted(unknown)}.", "BadRequest")
    obj = restored_form(service, table, key, body)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        bring_back(service, table, key, obj)
        audit.record(service, request, "Restore", TYPES[table], obj)
        if table in ("users", "groups"):
            reevaluate_dynamic_groups(service, key if table == "users" else None)
    return Response(
        200,
        {
            "@odata.context": service.context(request, "directoryObjects/$entity"),
            "@odata.type": TYPES[table].odata_type,
            **_shown(obj, default_columns(table, request.beta)),
        },
    )


def restored_form(service: Service, table: str, key: str, body: Obj) -> Obj:
    """The object as it will be live again, or the conflict that keeps it in the bin."""
    binned = service.store.get(f"bin:{table}", key)
    assert binned is not None
    own = (HELD, PHOTO, STAMP)
    obj = {k: v for k, v in binned.items() if (k in own or not k.startswith("_")) and k != "deletedDateTime"}
    if table == "users":
        return _restored_user(service, binned, obj, body)
    if table == "groups" and "_securityEnabled" in binned:
        obj["securityEnabled"] = binned["_securityEnabled"]
    if table == "servicePrincipals" and service.store.find(table, "appId", obj["appId"]) is not None:
        service.rules.lean("sp.restore-conflict")
        raise conflict("servicePrincipalNames")
    if table == "applications":
        service.rules.lean("app.restore-leaves-sp")
    return obj


def _restored_user(service: Service, binned: Obj, obj: Obj, body: Obj) -> Obj:
    name = body.get("newUserPrincipalName") or binned["_userPrincipalName"]
    if service.store.find("users", "userPrincipalName", name) is not None:
        service.rules.lean("bin.user-conflict")
        raise conflict("userPrincipalName")
    obj["userPrincipalName"] = name
    taken = {
        address.casefold()
        for user in service.store.tables["users"].values()
        for address in user.get("proxyAddresses") or []
    }
    clash = [a for a in obj.get("proxyAddresses") or [] if a.casefold() in taken]
    if clash:
        service.rules.lean("bin.proxy-conflict")
        if not body.get("autoReconcileProxyConflict"):
            raise conflict("proxyAddresses")
        obj["proxyAddresses"] = [a for a in obj["proxyAddresses"] if a not in clash]
    return obj


def bring_back(service: Service, table: str, key: str, obj: Obj) -> None:
    store = service.store
    binned = store.get(f"bin:{table}", key)
    assert binned is not None
    store.put(f"bin:{table}", key, None)
    store.put(table, key, obj)
    service.rules.lean("bin.keeps")
    live = store.view()
    dependents.put_back(service, binned.get("_dependents", []))
    for rel, source, target in binned["_links"]:
        other = target if source == key else source
        if table_of(live, other) is not None:
            store.link(rel, source, target)
            continue
        for name in BINNED_TABLES:  # the other end is in the bin too: it brings the link back later
            waiting = store.get(f"bin:{name}", other)
            if waiting is not None:
                store.put(f"bin:{name}", other, {**waiting, "_links": [*waiting["_links"], (rel, source, target)]})
    _remark(service, binned["_links"])


def delete_binned(service: Service, request: Request) -> Response:
    key = request.params["id"]
    table = _binned_table(service, key)
    _permit(service, request, BIN_PURGE[table])
    if table in NO_APP_ONLY_PURGE and not request.principal.delegated and not request.scripted:
        service.rules.lean("auth.purge-app-only")
        raise denied()
    if table == "administrativeUnits":
        service.rules.lean("unit.no-purge")
        raise bad_request("Administrative units can't be removed from the bin; they leave it after 30 days.")
    obj = service.store.get(f"bin:{table}", key)
    assert obj is not None
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        purge(service, table, key)
        audit.record(service, request, "Hard Delete", TYPES[table], obj)
    return Response(204)


def purge(service: Service, table: str, key: str) -> None:
    """Take an object out of the bin for good, with what it contained."""
    service.store.put(f"bin:{table}", key, None)
    _forget_children(service, table, key)
    plain.remove(service, table, key)


def _forget_children(service: Service, table: str, key: str) -> None:
    store = service.store
    open_extensions.forget(service, key)
    if table == "groups":
        role_settings.forget_group(service, key)
    if table == "applications":
        for name in ("federatedIdentityCredentials", "extensionProperties"):
            for child in list(store.targets(f"applications.{name}", key)):
                store.link(f"applications.{name}", key, child, present=False)
                store.put(name, child, None)
    for rel in ("assignments.resource", "assignments.principal"):
        for child in list(store.targets(rel, key)):
            one = store.get("appRoleAssignments", child)
            if one is not None:
                remove_assignment(service, one)


for _table in BINNED_TABLES:
    route("DELETE", f"{TYPES[_table].root}/{{id}}", delete_object)
route("GET", "/directory/deletedItems/{cast}", list_bin)
route("GET", "/directory/deletedItems/{cast}/{id}", get_binned)
route("POST", "/directory/deletedItems/{id}/restore", restore)
route("DELETE", "/directory/deletedItems/{id}", delete_binned)

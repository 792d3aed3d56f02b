"""References between directory objects: adding and removing members, owners, managers and sponsors."""

from __future__ import annotations

from typing import Any

from . import audit
from .bins import soft_delete
from .errors import GraphError, bad_request, not_found
from .groups import MEMBER_TABLES, already_there, check_member, check_members_writable
from .reading import resolve, table_of
from .rules.types import TYPES
from .service import Request, Response, Service, route
from .writing import (
    existing,
    reference_id,
    visible_target,
)

Obj = dict[str, Any]
_MOST_SPONSORS = 5
_OWNER_TABLES = ("groups", "applications", "servicePrincipals")


def added_target(service: Service, request: Request) -> str:
    body = request.json()
    unknown = [k for k in body if k != "@odata.id" and not k.startswith("@odata.")]
    if unknown or "@odata.id" not in body:
        raise bad_request("The request body must be a single reference: @odata.id.")
    return reference_id(body["@odata.id"])


def check_visible(service: Service, request: Request, key: str, tables: tuple[str, ...]) -> None:
    """A single reference to something that isn't there answers 404, a bind answers 400."""
    view = service.view(request)
    if table_of(view, key) is None:
        service.rules.lean("lag.writes")
        raise not_found(key)
    visible_target(service, request, view, key, tables)


def add_member(service: Service, request: Request) -> Response:
    target = added_target(service, request)
    key, group = existing(service, request, "groups")
    check_members_writable(service, request, group)
    check_visible(service, request, target, MEMBER_TABLES)
    check_member(service, request, service.store.view(), group, target)
    if target in service.store.targets("groups.members", key):
        raise already_there("members")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.link("groups.members", key, target)
        audit.record_link(service, request, "Add member to group", group, target)
    return Response(204)


def remove_member(service: Service, request: Request) -> Response:
    key, group = existing(service, request, "groups")
    check_members_writable(service, request, group)
    target = request.params["child"]
    if target not in service.store.targets("groups.members", key):
        raise not_found(target)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.link("groups.members", key, target, present=False)
        audit.record_link(service, request, "Remove member from group", group, target)
    return Response(204)


def delete_member_object(service: Service, request: Request) -> Response:
    """DELETE without `$ref`: the member itself goes, which is the trap."""
    view = service.view(request)
    key = resolve(service, view, "groups", request.params["id"])
    target = request.params["child"]
    if target not in service.store.targets("groups.members", key):
        raise not_found(target)
    table = table_of(view, target)
    if table is None:
        raise not_found(target)
    service.rules.lean("group.member-delete")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        soft_delete(service, request, TYPES[table], target)
    return Response(204)


def add_owner(service: Service, request: Request) -> Response:
    table = request.template.split("/")[1]
    target = added_target(service, request)
    key, obj = existing(service, request, table)
    check_visible(service, request, target, ("users", "servicePrincipals"))
    if target in service.store.targets(f"{table}.owners", key):
        raise already_there("owners")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.link(f"{table}.owners", key, target)
        audit.record(service, request, "Add owner to", TYPES[table], obj, extra=("Owner",))
    return Response(204)


def remove_owner(service: Service, request: Request) -> Response:
    table = request.template.split("/")[1]
    key, obj = existing(service, request, table)
    target = request.params["child"]
    owners = service.store.targets(f"{table}.owners", key)
    if target not in owners:
        raise not_found(target)
    if table == "groups":
        _keep_last_owner(service, owners, target)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.link(f"{table}.owners", key, target, present=False)
        audit.record(service, request, "Remove owner from", TYPES[table], obj, extra=("Owner",))
    return Response(204)


def _keep_last_owner(service: Service, owners: dict[str, None], target: str) -> None:
    users = [o for o in owners if service.store.get("users", o) is not None]
    if users == [target]:
        service.rules.lean("group.last-owner")
        raise bad_request("The group must have at least one owner, hence this owner cannot be removed.")


def set_manager(service: Service, request: Request) -> Response:
    target = added_target(service, request)
    key, user = existing(service, request, "users")
    check_visible(service, request, target, ("users",))
    if target == key:
        raise bad_request("A user can't be their own manager.")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        for old in list(service.store.targets("users.manager", key)):
            service.store.link("users.manager", key, old, present=False)
        service.store.link("users.manager", key, target)
        audit.record(service, request, "Set manager of", TYPES["users"], user, extra=("Manager",))
    return Response(204)


def remove_manager(service: Service, request: Request) -> Response:
    key, user = existing(service, request, "users")
    held = list(service.store.targets("users.manager", key))
    if not held:
        raise GraphError(404, "Request_ResourceNotFound", "Resource 'manager' does not exist.")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        for old in held:
            service.store.link("users.manager", key, old, present=False)
        audit.record(service, request, "Remove manager of", TYPES["users"], user, extra=("Manager",))
    return Response(204)


def add_sponsor(service: Service, request: Request) -> Response:
    target = added_target(service, request)
    key, user = existing(service, request, "users")
    check_visible(service, request, target, ("users", "groups"))
    held = service.store.targets("users.sponsors", key)
    if target in held:
        raise already_there("sponsors")
    if len(held) >= _MOST_SPONSORS:
        service.rules.lean("user.sponsors-5")
        raise bad_request("A user can't have more than five sponsors.")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.link("users.sponsors", key, target)
        audit.record(service, request, "Add sponsor to", TYPES["users"], user, extra=("Sponsor",))
    return Response(204)


def remove_sponsor(service: Service, request: Request) -> Response:
    key, user = existing(service, request, "users")
    target = request.params["child"]
    if target not in service.store.targets("users.sponsors", key):
        raise not_found(target)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.link("users.sponsors", key, target, present=False)
        audit.record(service, request, "Remove sponsor from", TYPES["users"], user, extra=("Sponsor",))
    return Response(204)


route("POST", "/groups/{id}/members/$ref", add_member)
route("DELETE", "/groups/{id}/members/{child}/$ref", remove_member)
route("DELETE", "/groups/{id}/members/{child}", delete_member_object)
for _table in _OWNER_TABLES:
    route("POST", f"/{_table}/{{id}}/owners/$ref", add_owner)
    route("DELETE", f"/{_table}/{{id}}/owners/{{child}}/$ref", remove_owner)
route("PUT", "/users/{id}/manager/$ref", set_manager)
route("DELETE", "/users/{id}/manager/$ref", remove_manager)
route("POST", "/users/{id}/sponsors/$ref", add_sponsor)
route("DELETE", "/users/{id}/sponsors/{child}/$ref", remove_sponsor)

"""Groups: kinds, members by bind, dynamic membership."""

from __future__ import annotations

from typing import Any

from . import audit, restricted
from .dynamic import members_of
from .errors import GraphError, bad_request, conflict, denied
from .rules.types import TYPES
from .service import Request, Response, Service, route
from .store import View
from .writing import (
    MAX_BIND,
    binds,
    caller_object,
    check_unique,
    checked,
    created,
    existing,
    merge,
    new_id,
    security_identifier,
    store_new,
    update,
    visible_target,
)

Obj = dict[str, Any]


def _check_group(service: Service, request: Request, values: Obj, current: Obj | None) -> None:
    merged = {**(current or {}), **values}
    kinds = merged.get("groupTypes") or []
    dynamic, unified = "DynamicMembership" in kinds, "Unified" in kinds
    if set(kinds) - {"Unified", "DynamicMembership"}:
        raise bad_request("Invalid value specified for property 'groupTypes' of resource 'Group'.")
    if merged["mailEnabled"] != unified or (not unified and not merged["securityEnabled"]):
        service.rules.lean("group.kinds")
        raise bad_request(
            "The service does not currently support writes of mail-enabled groups. Please ensure that the "
            "mail-enablement property is unset and the security-enablement property is set."
        )
    if dynamic != bool(merged.get("membershipRule")):
        raise bad_request("membershipRule and the group type DynamicMembership need each other.")
    if dynamic and merged.get("isAssignableToRole"):
        raise bad_request("A role-assignable group can't have dynamic membership.")
    if merged.get("membershipRuleProcessingState") not in (None, "On", "Paused"):
        raise bad_request(
            "Invalid value specified for property 'membershipRuleProcessingState' of resource 'Group'."
        )
    if merged.get("visibility") not in (None, "Public", "Private", "HiddenMembership"):
        raise bad_request("Invalid value specified for property 'visibility' of resource 'Group'.")
    if values.get("visibility") == "HiddenMembership" and (current is not None or not unified):
        raise bad_request("HiddenMembership can be set only for Microsoft 365 groups when they are created.")
    if merged.get("isAssignableToRole") and not service.may(request, "RoleManagement.ReadWrite.Directory"):
        service.rules.lean("auth.role-assignable")
        raise denied()
    if unified:
        _check_nickname(service, merged)


def _check_nickname(service: Service, group: Obj) -> None:
    for table in ("groups", "bin:groups"):
        for key, other in service.store.tables[table].items():
            same = str(other.get("mailNickname")).casefold() == str(group["mailNickname"]).casefold()
            if same and "Unified" in other["groupTypes"] and key != group.get("id"):
                service.rules.lean("group.nickname-unique")
                raise conflict("mailNickname")


def create_group(service: Service, request: Request) -> Response:
    rule = TYPES["groups"]
    body = request.json()
    values = checked(service, request, rule, body, create=True, bindable=("members", "owners"))
    _check_group(service, request, values, None)
    check_unique(service, rule, values, None)
    members, owners = binds(body, "members"), binds(body, "owners")
    if len(members) + len(owners) > MAX_BIND:
        service.rules.lean("group.bind-20")
        raise bad_request(f"A request can add at most {MAX_BIND} references.")
    kinds = values.get("groupTypes") or []
    if members and "DynamicMembership" in kinds:
        service.rules.lean("group.dynamic-members")
        raise bad_request("Insufficient privileges: the members of a dynamic group can't be written.")
    view = service.view(request)
    for key in members:
        check_member(service, request, view, values, key)
    for key in owners:
        visible_target(service, request, view, key, ("users", "servicePrincipals"))
    if not owners and service.settings.group_caller_becomes_owner and not request.scripted:
        caller = caller_object(service, request)
        if caller is not None:
            service.rules.lean("group.caller-owner")
            owners = [caller]
    now = service.now_iso()
    obj: Obj = {
        **values,
        "groupTypes": kinds,
        "id": new_id(service),
        "createdDateTime": now,
        "renewedDateTime": now,
        "createdByAppId": request.principal.app_id,
        "organizationId": service.tenant_id,
        "proxyAddresses": [],
    }
    obj["securityIdentifier"] = security_identifier(obj["id"])
    if "Unified" in kinds:
        obj["mail"] = f"{values['mailNickname']}@{service.info['initialDomain']}"
        obj["proxyAddresses"] = [f"SMTP:{obj['mail']}"]
        obj.setdefault("visibility", "Public")
    if "DynamicMembership" in kinds:
        obj.setdefault("membershipRuleProcessingState", "On")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        store_new(service, request, rule, obj)
        for key in dict.fromkeys(members):
            service.store.link("groups.members", obj["id"], key)
        for key in dict.fromkeys(owners):
            service.store.link("groups.owners", obj["id"], key)
        reevaluate_dynamic_groups(service)
    return created(service, request, "groups", obj)


# Source: Add members, learn.microsoft.com/graph/api/group-post-members, Supported member types.
MEMBER_TABLES = ("users", "groups", "servicePrincipals", "devices", "orgContacts")


def check_member(service: Service, request: Request, view: View, group: Obj, key: str) -> None:
    table = visible_target(service, request, view, key, MEMBER_TABLES)
    if table == "groups" and "Unified" in (group.get("groupTypes") or []):
        service.rules.lean("group.m365-members")
        raise bad_request("Microsoft 365 groups can't have groups as members.")
    if key == group.get("id"):
        raise bad_request("A group can't be a member of itself.")


def patch_group(service: Service, request: Request) -> Response:
    rule = TYPES["groups"]
    body = request.json()
    values = checked(service, request, rule, body, create=False, bindable=("members",))
    _, before = existing(service, request, "groups")
    members = binds(body, "members")
    if members:
        if values:
            raise bad_request("members@odata.bind can't be combined with other properties.")
        return _bind_members(service, request, before, members)
    if set(values) & rule.only_on_single_get and len(values) > 1:
        raise bad_request("Exchange-side properties of a group each need a PATCH of their own.")
    _check_group(service, request, values, before)
    after = merge(service, rule, before, values)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, rule, before, after)
        reevaluate_dynamic_groups(service)
    return Response(204)


def _bind_members(service: Service, request: Request, group: Obj, members: list[str]) -> Response:
    """All or nothing: one that is there already, or is missing, refuses the lot."""
    if len(members) > MAX_BIND:
        service.rules.lean("group.bind-20")
        raise bad_request(f"The number of references in 'members' exceeds the limit of {MAX_BIND}.")
    check_members_writable(service, request, group)
    view = service.view(request)
    service.rules.lean("group.bind-atomic")
    if len(set(members)) != len(members):
        raise already_there("members")
    for key in members:
        check_member(service, request, view, group, key)
        if key in service.store.targets("groups.members", group["id"]):
            raise already_there("members")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        for key in members:
            service.store.link("groups.members", group["id"], key)
            audit.record_link(service, request, "Add member to group", group, key)
    return Response(204)


def already_there(name: str) -> GraphError:
    return bad_request(
        f"One or more added object references already exist for the following modified properties: '{name}'."
    )


def check_members_writable(service: Service, request: Request, group: Obj) -> None:
    if "DynamicMembership" in group["groupTypes"]:
        service.rules.lean("group.dynamic-members")
        raise GraphError(403, "Authorization_RequestDenied", "The members of a dynamic group can't be written.")
    if group.get("onPremisesSyncEnabled"):
        raise bad_request(
            "Unable to update the specified properties for on-premises mastered Directory Sync objects."
        )
    if group.get("isAssignableToRole") and not service.may(request, "RoleManagement.ReadWrite.Directory"):
        service.rules.lean("auth.role-assignable")
        raise denied()


def _dynamic_rules(service: Service) -> list[tuple[str, str, str]]:
    """(relationship, id, rule) of every group and administrative unit whose members follow a rule now."""
    tables = service.store.tables
    groups = [g for g in tables["groups"].values() if "DynamicMembership" in g["groupTypes"]]
    units = [u for u in tables["administrativeUnits"].values() if u.get("membershipType") == "Dynamic"]
    kinds = [("groups.members", g) for g in groups] + [(restricted.MEMBERS, u) for u in units]
    return [(r, o["id"], o["membershipRule"]) for r, o in kinds if o.get("membershipRuleProcessingState") == "On"]


def reevaluate_dynamic_groups(service: Service, user: str | None = None) -> None:
    """Members of dynamic groups and units follow their rule, as far as the simulator reads rules (see dynamic.py).

    With `user` only that user's membership is looked at.
    """
    users = service.store.tables["users"]
    some = users if user is None else {k: users[k] for k in (user,) if k in users}
    for rel, key, rule in _dynamic_rules(service):
        wanted = members_of(rule, some)
        if wanted is None:
            continue
        held = set(service.store.targets(rel, key))
        if user is not None:
            held &= {user}
        if held != wanted:
            service.rules.lean("group.dynamic-evaluation")
        for one in sorted(wanted - held):
            service.store.link(rel, key, one)
        for one in sorted(held - wanted):
            service.store.link(rel, key, one, present=False)
        if rel == restricted.MEMBERS:
            for one in sorted(held ^ wanted):
                restricted.mark(service, one)


route("POST", "/groups", create_group)
route("PATCH", "/groups/{id}", patch_group)

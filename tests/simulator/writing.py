"""Creating, changing and deleting directory objects: the checks that every type shares, then the type's own.

What must stay true: everything is validated before anything is stored, and a write is one transaction with its
audit event.
"""

from __future__ import annotations

import copy
import uuid
from typing import Any

from . import audit, schema
from .dynamic import members_of
from .errors import GraphError, bad_request, conflict, denied, not_found
from .reading import find_child, resolve, table_of
from .rendering import all_columns, default_columns, render, without_keys
from .rules.permissions import NARROW_USER_WRITES
from .rules.types import APP_ROLE_ASSIGNMENTS, FEDERATED_CREDENTIALS, TYPES, TypeRule
from .service import Request, Response, Service, route
from .store import View

Obj = dict[str, Any]
ZERO = "00000000-0000-0000-0000-000000000000"
MAX_BIND = 20


def new_id(service: Service) -> str:
    return str(uuid.UUID(int=service.rng.getrandbits(128), version=4))


# --- checks shared by all types


def checked(service: Service, request: Request, rule: TypeRule, body: Obj, *, create: bool) -> Obj:
    """The body's own values after the property rules; annotations and binds left out."""
    for name in body:
        if name.startswith("#"):
            service.rules.lean("write.annotations")
            raise bad_request(f"The action advertisement '{name}' can't be written.", "BadRequest")
    values = {k: v for k, v in body.items() if "@odata." not in k}
    if len(values) != len(body):
        service.rules.lean("write.annotations")
    schema.check(values, schema.load(rule.model), preview=request.beta)
    for name in values:
        if name in rule.read_only:
            service.rules.lean("write.read-only")
            raise bad_request(f"Property '{name}' is read-only and cannot be set.")
        if not create and name in rule.write_once:
            service.rules.lean("write.once")
            raise bad_request(f"Property '{name}' cannot be changed after creation.")
    if create:
        for name in rule.required:
            if values.get(name) is None:
                service.rules.lean("write.required")
                raise bad_request(f"A value is required for property '{name}' of resource.")
    elif any(values.get(name, "") is None for name in rule.required):
        service.rules.lean("write.required")
        raise bad_request("Invalid value specified for a required property of resource: null.")
    return values


def check_unique(service: Service, rule: TypeRule, values: Obj, own_id: str | None) -> None:
    for name in rule.unique:
        held = values.get(name)
        for value in held if isinstance(held, list) else [held]:
            if value is None:
                continue
            holder = service.store.find(rule.table, name, value)
            if holder is None and name in rule.reserved_in_bin:
                holder = service.store.find(f"bin:{rule.table}", name, value)
                if holder is not None:
                    service.rules.lean("app.names-kept-in-bin")
            if holder is not None and holder != own_id:
                raise conflict(name)


def merge(service: Service, rule: TypeRule, obj: Obj, values: Obj) -> Obj:
    """The object after a PATCH. Complex members merge or are replaced, as the type does."""
    out = dict(obj)
    shape = schema.shape(schema.load(rule.model)).properties
    for name, value in values.items():
        prop = shape.get(name)
        nested = prop is not None and prop.kind == "complex" and not prop.collection
        if nested and rule.merges_nested and isinstance(value, dict) and isinstance(obj.get(name), dict):
            service.rules.lean("write.merge-nested")
            out[name] = {**obj[name], **value}
        else:
            out[name] = value
    return out


def reference_id(value: Any) -> str:
    """`https://graph.microsoft.com/v1.0/directoryObjects/{id}` -> the id."""
    if not isinstance(value, str) or "://" not in value:
        raise bad_request("A resource reference must be an absolute URI ending in an object id.")
    found = value.rstrip("/").rsplit("/", 1)[-1].rstrip("')").split("('")[-1]
    if not schema.is_guid(found):
        raise bad_request(f"Invalid object identifier '{found}'.")
    return found


def binds(body: Obj, name: str) -> list[str]:
    value = body.get(f"{name}@odata.bind")
    if value is None:
        return []
    return [reference_id(v) for v in (value if isinstance(value, list) else [value])]


def visible_target(service: Service, request: Request, view: View, key: str, tables: tuple[str, ...]) -> str:
    """The table of an object that a write refers to; 400 if it isn't there (yet)."""
    table = table_of(view, key)
    if table is None:
        if table_of(service.store.view(), key) is not None:
            service.rules.lean("lag.writes")
        missing = not_found(key)
        raise bad_request(missing.message)
    if table not in tables:
        raise bad_request(f"The object '{key}' is of a type that this relationship doesn't take.")
    return table


def caller_object(service: Service, request: Request) -> str | None:
    """The service principal that calls, if the tenant has one."""
    found = service.store.find("servicePrincipals", "appId", request.principal.app_id)
    return None if request.principal.delegated else found


def created(service: Service, request: Request, table: str, obj: Obj) -> Response:
    columns = default_columns(table, request.beta)
    if TYPES[table].default_select is not None:
        columns = tuple(all_columns(table, request.beta).items())
    body: Obj = {
        "@odata.context": service.context(request, f"{table}/$entity"),
        **render(without_keys(obj), columns),
    }
    body.pop("passwordProfile", None)
    return Response(201, body)


def existing(service: Service, request: Request, table: str) -> tuple[str, Obj]:
    """The object that a write is addressed to: visible on the replica, values from the truth."""
    view = service.view(request)
    try:
        key = resolve(service, view, table, request.params["id"])
    except GraphError:
        service.rules.lean("lag.writes")
        raise
    obj = service.store.get(table, key)
    if obj is None:
        raise not_found(key)
    return key, obj


def store_new(service: Service, request: Request, rule: TypeRule, obj: Obj) -> None:
    service.store.put(rule.table, obj["id"], obj)
    audit.record(service, request, "Add", rule, obj, after=obj)


def update(service: Service, request: Request, rule: TypeRule, before: Obj, after: Obj) -> None:
    if after == before:
        return
    service.store.put(rule.table, after["id"], after)
    audit.record(service, request, "Update", rule, after, before=before, after=after)


# --- users


def _check_upn(service: Service, upn: Any) -> None:
    name, at, domain = str(upn).rpartition("@")
    verified = service.store.get("domains", domain.lower())
    if not at or not name or verified is None or not verified.get("isVerified"):
        service.rules.lean("user.upn-domain")
        raise bad_request(
            "The domain portion of the userPrincipalName property is invalid. You must use one of the verified "
            "domain names in your organization."
        )


def _check_upn_free(service: Service, upn: str, own_id: str | None) -> None:
    holder = service.store.find("users", "userPrincipalName", upn)
    if holder is not None and holder != own_id:
        service.rules.lean("user.upn-unique")
        raise conflict(
            "userPrincipalName",
            "Another object with the same value for property userPrincipalName already exists.",
        )


def _check_password(service: Service, values: Obj) -> None:
    profile = values.get("passwordProfile")
    if not isinstance(profile, dict) or not profile.get("password"):
        service.rules.lean("user.password-required")
        raise bad_request("A password must be specified to create a new user.")
    if len(profile["password"]) < 8:
        raise bad_request("The specified password does not comply with password complexity requirements.")


def create_user(service: Service, request: Request) -> Response:
    rule = TYPES["users"]
    values = checked(service, request, rule, request.json(), create=True)
    if any("@odata.bind" in k for k in request.json()):
        raise bad_request("Relationships can't be set when a user is created.")
    _check_upn(service, values["userPrincipalName"])
    _check_password(service, values)
    _check_upn_free(service, values["userPrincipalName"], None)
    key, now = new_id(service), service.now_iso()
    domain = values["userPrincipalName"].rpartition("@")[2]
    obj: Obj = {
        "userType": "Member",
        "identities": [
            {"signInType": "userPrincipalName", "issuer": domain, "issuerAssignedId": values["userPrincipalName"]}
        ],
        "onPremisesExtensionAttributes": {f"extensionAttribute{n}": None for n in range(1, 16)},
        **{k: v for k, v in values.items() if k not in rule.secret},
        "id": key,
        "createdDateTime": now,
        "lastPasswordChangeDateTime": now,
        "signInSessionsValidFromDateTime": now,
        "securityIdentifier": security_identifier(key),
    }
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        store_new(service, request, rule, obj)
        reevaluate_dynamic_groups(service, key)
    return created(service, request, "users", obj)


def patch_user(service: Service, request: Request) -> Response:
    rule = TYPES["users"]
    values = checked(service, request, rule, request.json(), create=False)
    key, before = existing(service, request, "users")
    _check_narrow_permission(service, request, values)
    if "userPrincipalName" in values:
        _check_upn(service, values["userPrincipalName"])
        _check_upn_free(service, values["userPrincipalName"], key)
    if before.get("onPremisesSyncEnabled"):
        raise bad_request(
            "Unable to update the specified properties for on-premises mastered Directory Sync objects."
        )
    kept = {k: v for k, v in values.items() if k not in rule.secret}
    after = merge(service, rule, before, kept)
    if "passwordProfile" in values:
        after["lastPasswordChangeDateTime"] = service.now_iso()
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, rule, before, after)
        reevaluate_dynamic_groups(service, key)
    return Response(204)


def _check_narrow_permission(service: Service, request: Request, values: Obj) -> None:
    if request.scripted:
        return
    granted = service.granted(request)
    wide = {"User.ReadWrite.All", "Directory.ReadWrite.All"} & granted
    reach: set[str] = set()
    for permission, names in NARROW_USER_WRITES.items():
        if permission in granted:
            reach |= names
    if not wide and not set(values) <= reach:
        raise denied()
    if "passwordProfile" in values and "passwordProfile" not in reach and "Directory.ReadWrite.All" not in granted:
        raise denied()


def security_identifier(key: str) -> str:
    raw = uuid.UUID(key).bytes_le
    parts = (int.from_bytes(raw[i : i + 4], "little") for i in range(0, 16, 4))
    return "S-1-12-1-" + "-".join(str(p) for p in parts)


# --- groups


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
    values = checked(service, request, rule, body, create=True)
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


def check_member(service: Service, request: Request, view: View, group: Obj, key: str) -> None:
    table = visible_target(service, request, view, key, ("users", "groups", "servicePrincipals"))
    if table == "groups" and "Unified" in (group.get("groupTypes") or []):
        service.rules.lean("group.m365-members")
        raise bad_request("Microsoft 365 groups can't have groups as members.")
    if key == group.get("id"):
        raise bad_request("A group can't be a member of itself.")


def patch_group(service: Service, request: Request) -> Response:
    rule = TYPES["groups"]
    body = request.json()
    values = checked(service, request, rule, body, create=False)
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


def reevaluate_dynamic_groups(service: Service, user: str | None = None) -> None:
    """Members of dynamic groups follow their rule, as far as the simulator reads rules (see dynamic.py).

    With `user` only that user's membership is looked at.
    """
    users = service.store.tables["users"]
    some = users if user is None else {k: users[k] for k in (user,) if k in users}
    for key, group in list(service.store.tables["groups"].items()):
        if "DynamicMembership" not in group["groupTypes"] or group.get("membershipRuleProcessingState") != "On":
            continue
        wanted = members_of(group["membershipRule"], some)
        if wanted is None:
            continue
        held = set(service.store.targets("groups.members", key))
        if user is not None:
            held &= {user}
        if held != wanted:
            service.rules.lean("group.dynamic-evaluation")
        for one in sorted(wanted - held):
            service.store.link("groups.members", key, one)
        for one in sorted(held - wanted):
            service.store.link("groups.members", key, one, present=False)


# --- applications

APPLICATION_DEFAULTS: Obj = {
    "signInAudience": "AzureADMyOrg",
    "api": {
        "acceptMappedClaims": None,
        "knownClientApplications": [],
        "requestedAccessTokenVersion": None,
        "oauth2PermissionScopes": [],
        "preAuthorizedApplications": [],
    },
    "web": {
        "homePageUrl": None,
        "logoutUrl": None,
        "redirectUris": [],
        "implicitGrantSettings": {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": False},
        "redirectUriSettings": [],
    },
    "spa": {"redirectUris": []},
    "publicClient": {"redirectUris": []},
    "info": {
        "termsOfServiceUrl": None,
        "supportUrl": None,
        "privacyStatementUrl": None,
        "marketingUrl": None,
        "logoUrl": None,
    },
    "parentalControlSettings": {"countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow"},
    "appRoles": [],
    "identifierUris": [],
    "requiredResourceAccess": [],
    "tags": [],
    "keyCredentials": [],
    "passwordCredentials": [],
}


def with_defaults(defaults: Obj, values: Obj) -> Obj:
    out = copy.deepcopy(defaults)
    for name, value in values.items():
        if isinstance(value, dict) and isinstance(out.get(name), dict):
            out[name] = with_defaults(out[name], value)
        else:
            out[name] = value
    return out


def create_application(service: Service, request: Request) -> Response:
    rule = TYPES["applications"]
    body = request.json()
    values = checked(service, request, rule, body, create=True)
    _check_application(service, values, None)
    owners = binds(body, "owners")
    if len(owners) > MAX_BIND:
        raise bad_request(f"A request can add at most {MAX_BIND} references.")
    view = service.view(request)
    for key in owners:
        visible_target(service, request, view, key, ("users", "servicePrincipals"))
    if not owners and not request.scripted:
        caller = caller_object(service, request)
        owners = [] if caller is None else [caller]
        service.rules.lean("app.caller-owner")
    obj = with_defaults(APPLICATION_DEFAULTS, values)
    obj.update(
        id=new_id(service),
        appId=new_id(service),
        createdDateTime=service.now_iso(),
        createdByAppId=request.principal.app_id,
        publisherDomain=service.info["initialDomain"],
    )
    service.rules.lean("app.new-ids")
    _check_own_uris(obj)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        store_new(service, request, rule, obj)
        for key in dict.fromkeys(owners):
            service.store.link("applications.owners", obj["id"], key)
    return created(service, request, "applications", obj)


def _check_own_uris(obj: Obj) -> None:
    """`api://{appId}` must name the application's own appId, which a creating caller can't know."""
    for uri in obj["identifierUris"]:
        name = uri.removeprefix("api://").split("/")[0]
        if uri.startswith("api://") and schema.is_guid(name) and name != obj.get("appId"):
            raise bad_request(
                f"The identifierUri '{uri}' must use the application's own appId.",
                details=[
                    {"code": "InvalidValue", "message": "Not the application's appId.", "target": "identifierUris"}
                ],
            )


def _check_application(service: Service, values: Obj, current: Obj | None) -> None:
    check_unique(service, TYPES["applications"], values, None if current is None else current["id"])
    for name in ("appRoles",):
        if values.get(name) is None and name in values:
            raise bad_request(f"Invalid value specified for property '{name}' of resource 'Application'.")
    scopes = (values.get("api") or {}).get("oauth2PermissionScopes")
    for name, fresh in (("appRoles", values.get("appRoles")), ("oauth2PermissionScopes", scopes)):
        if fresh is None:
            continue
        if any("id" not in one for one in fresh):
            raise bad_request(f"Each of '{name}' needs an id.")
        if len({one["id"] for one in fresh}) != len(fresh):
            raise bad_request(f"Request contains a property with duplicate values: '{name}'.")
        held = current if name == "appRoles" else (current or {}).get("api")
        for old in (held or {}).get(name) or []:
            if old["id"] not in {one["id"] for one in fresh} and old.get("isEnabled"):
                service.rules.lean("app.role-disable-first")
                raise bad_request(
                    "Permission (scope or role) cannot be deleted or updated unless disabled first.",
                    "CannotDeleteOrUpdateEnabledEntitlement",
                )


def patch_application(service: Service, request: Request) -> Response:
    rule = TYPES["applications"]
    values = checked(service, request, rule, request.json(), create=False)
    _, before = existing(service, request, "applications")
    _check_application(service, values, before)
    after = merge(service, rule, before, values)
    _check_own_uris(after)
    if "keyCredentials" in values:
        after["keyCredentials"] = _keys_kept(before, values["keyCredentials"])
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, rule, before, after)
        _propagate(service, after)
    return Response(204)


def _keys_kept(before: Obj, fresh: list[Obj]) -> list[Obj]:
    """A key that is named by keyId without its bytes keeps them; a new one needs bytes."""
    held = {k["keyId"]: k for k in before.get("keyCredentials") or []}
    out = []
    for key in fresh:
        known = held.get(key.get("keyId", ""))
        if known is None and not key.get("key"):
            raise bad_request("A new key credential needs its key.", "KeyCredentialsInvalid")
        out.append({**(known or {}), **{n: v for n, v in key.items() if v is not None}})
    return out


def _propagate(service: Service, app: Obj) -> None:
    """What a home-tenant service principal takes over from its application."""
    key = service.store.find("servicePrincipals", "appId", app["appId"])
    if key is None:
        return
    before = service.store.get("servicePrincipals", key)
    assert before is not None
    after = {**before, **_from_application(service, app)}
    if after != before:
        service.store.put("servicePrincipals", key, after)


def _from_application(service: Service, app: Obj) -> Obj:
    return {
        "appDisplayName": app["displayName"],
        "displayName": app["displayName"],
        "appDescription": app.get("description"),
        "appRoles": app["appRoles"],
        "oauth2PermissionScopes": app["api"]["oauth2PermissionScopes"],
        "signInAudience": app["signInAudience"],
        "appOwnerOrganizationId": service.tenant_id,
        "servicePrincipalNames": [app["appId"], *app["identifierUris"]],
        "replyUrls": [*app["web"]["redirectUris"], *app["spa"]["redirectUris"]],
    }


# --- service principals


def create_service_principal(service: Service, request: Request) -> Response:
    rule = TYPES["servicePrincipals"]
    body = request.json()
    values = checked(service, request, rule, body, create=True)
    app_id = values["appId"]
    if service.store.find("servicePrincipals", "appId", app_id) is not None:
        service.rules.lean("sp.one-per-app")
        raise conflict(
            "servicePrincipalNames",
            f"The service principal cannot be created, updated, or restored because the service principal name "
            f"{app_id} is already in use.",
        )
    base = _base_of(service, request, app_id)
    owners = binds(body, "owners")
    if len(owners) > MAX_BIND:
        raise bad_request(f"A request can add at most {MAX_BIND} references.")
    view = service.view(request)
    for key in owners:
        visible_target(service, request, view, key, ("users", "servicePrincipals"))
    obj: Obj = {
        "accountEnabled": True,
        "appRoleAssignmentRequired": False,
        "servicePrincipalType": "Application",
        "info": copy.deepcopy(APPLICATION_DEFAULTS["info"]),
        "keyCredentials": [],
        "passwordCredentials": [],
        **base,
        **values,
        "id": new_id(service),
        "createdByAppId": request.principal.app_id,
    }
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        store_new(service, request, rule, obj)
        for key in dict.fromkeys(owners):
            service.store.link("servicePrincipals.owners", obj["id"], key)
    return created(service, request, "servicePrincipals", obj)


def _base_of(service: Service, request: Request, app_id: str) -> Obj:
    """What the application gives its service principal; 400 where it is unknown or not yet replicated."""
    known = service.store.find("applications", "appId", app_id)
    if known is not None:
        app = service.view(request).get("applications", known)
        if app is None:
            service.rules.lean("sp.app-lag")
        else:
            return _from_application(service, app)
    first_party = service.info["firstParty"].get(app_id)
    if first_party is not None:
        return copy.deepcopy(first_party)
    service.rules.lean("sp.unknown-app")
    raise bad_request(
        f"The appId '{app_id}' of the service principal does not reference a valid application object.",
        "NoBackingApplicationObject",
    )


def patch_service_principal(service: Service, request: Request) -> Response:
    rule = TYPES["servicePrincipals"]
    values = checked(service, request, rule, request.json(), create=False)
    _, before = existing(service, request, "servicePrincipals")
    if "servicePrincipalNames" in values and before["appId"] not in (values["servicePrincipalNames"] or []):
        raise bad_request("servicePrincipalNames must keep the appId.")
    after = merge(service, rule, before, values)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, rule, before, after)
    return Response(204)


# --- passwords of applications and service principals


def add_password(service: Service, request: Request) -> Response:
    table = request.template.split("/")[1]
    _, before = existing(service, request, table)
    asked = (request.body or {}).get("passwordCredential") or {}
    secret = f"sim~{service.rng.getrandbits(160):040x}"
    credential = {
        "customKeyIdentifier": None,
        "displayName": asked.get("displayName"),
        "startDateTime": asked.get("startDateTime") or service.now_iso(),
        "endDateTime": asked.get("endDateTime") or "2299-12-31T00:00:00Z",
        "keyId": new_id(service),
        "hint": secret[:3],
        "secretText": None,
    }
    after = {**before, "passwordCredentials": [*before["passwordCredentials"], credential]}
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, TYPES[table], before, after)
    return Response(
        200,
        {
            "@odata.context": service.context(request, "microsoft.graph.passwordCredential"),
            **credential,
            "secretText": secret,
        },
    )


def remove_password(service: Service, request: Request) -> Response:
    table = request.template.split("/")[1]
    _, before = existing(service, request, table)
    key = request.json().get("keyId")
    kept = [c for c in before["passwordCredentials"] if c["keyId"] != key]
    if len(kept) == len(before["passwordCredentials"]):
        raise bad_request(f"No password credential found with keyId '{key}'.")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, TYPES[table], before, {**before, "passwordCredentials": kept})
    return Response(204)


# --- federated identity credentials

_FIC_LIMIT = 20


def create_credential(service: Service, request: Request) -> Response:
    rule = FEDERATED_CREDENTIALS
    values = checked(service, request, rule, request.json(), create=True)
    parent, app = existing(service, request, "applications")
    held = _credentials(service, parent)
    if len(held) >= _FIC_LIMIT:
        service.rules.lean("fic.limit")
        raise bad_request(f"An application can have at most {_FIC_LIMIT} federated identity credentials.")
    _check_credential(service, values, held)
    obj = {**values, "id": new_id(service)}
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put(rule.table, obj["id"], obj)
        service.store.link("applications.federatedIdentityCredentials", parent, obj["id"])
        audit.record(
            service, request, "Update", TYPES["applications"], app, extra=("FederatedIdentityCredentials",)
        )
    context = service.context(request, f"applications('{parent}')/federatedIdentityCredentials/$entity")
    body = {"@odata.context": context, **render(obj, default_columns(rule.table, request.beta))}
    return Response(201, body)


def _credentials(service: Service, parent: str) -> list[Obj]:
    keys = service.store.targets("applications.federatedIdentityCredentials", parent)
    found = (service.store.get("federatedIdentityCredentials", k) for k in keys)
    return [obj for obj in found if obj is not None]


def _check_credential(service: Service, values: Obj, others: list[Obj]) -> None:
    if values.get("audiences") is not None and len(values["audiences"]) != 1:
        raise bad_request("A federated identity credential takes exactly one audience.")
    for other in others:
        same_pair = (other["issuer"], other["subject"]) == (values.get("issuer"), values.get("subject"))
        if other["name"] == values.get("name") or same_pair:
            service.rules.lean("fic.unique")
            raise GraphError(
                409,
                "Request_MultipleObjectsWithSameKeyValue",
                "FederatedIdentityCredential with this name, or issuer and subject, already exists.",
            )


def patch_credential(service: Service, request: Request) -> Response:
    values = checked(service, request, FEDERATED_CREDENTIALS, request.json(), create=False)
    parent, app, before = _addressed_credential(service, request)
    after = {**before, **values}
    _check_credential(service, after, [o for o in _credentials(service, parent) if o["id"] != before["id"]])
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put("federatedIdentityCredentials", before["id"], after)
        audit.record(
            service, request, "Update", TYPES["applications"], app, extra=("FederatedIdentityCredentials",)
        )
    return Response(204)


def delete_credential(service: Service, request: Request) -> Response:
    parent, app, before = _addressed_credential(service, request)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.link("applications.federatedIdentityCredentials", parent, before["id"], present=False)
        service.store.put("federatedIdentityCredentials", before["id"], None)
        audit.record(
            service, request, "Update", TYPES["applications"], app, extra=("FederatedIdentityCredentials",)
        )
    return Response(204)


def _addressed_credential(service: Service, request: Request) -> tuple[str, Obj, Obj]:
    parent, app = existing(service, request, "applications")
    view = service.view(request)
    obj = find_child(
        service, request, view, "applications", parent, "federatedIdentityCredentials", request.params["child"]
    )
    current = service.store.get("federatedIdentityCredentials", obj["id"])
    if current is None:
        raise not_found(request.params["child"])
    return parent, app, current


# --- app role assignments


def create_assignment(service: Service, request: Request) -> Response:
    values = checked(service, request, APP_ROLE_ASSIGNMENTS, request.json(), create=True)
    side = "resourceId" if request.template.endswith("appRoleAssignedTo") else "principalId"
    parent, _ = existing(service, request, "servicePrincipals")
    if values[side] != parent:
        raise bad_request(f"The {side} must be the service principal that the request is addressed to.")
    view = service.view(request)
    table = visible_target(service, request, view, values["principalId"], ("users", "groups", "servicePrincipals"))
    visible_target(service, request, view, values["resourceId"], ("servicePrincipals",))
    principal = service.store.get(table, values["principalId"])
    resource = service.store.get("servicePrincipals", values["resourceId"])
    if principal is None or resource is None:
        raise bad_request(not_found(values["principalId"]).message)
    _check_role(service, resource, values["appRoleId"])
    for key in service.store.targets("assignments.resource", values["resourceId"]):
        other = service.store.get("appRoleAssignments", key)
        if other is not None and (other["principalId"], other["appRoleId"]) == (
            values["principalId"],
            values["appRoleId"],
        ):
            service.rules.lean("assignment.unique")
            raise bad_request("Permission being assigned already exists on the object")
    obj: Obj = {
        **values,
        "id": new_id(service),
        "createdDateTime": service.now_iso(),
        "principalDisplayName": principal["displayName"],
        "principalType": {"users": "User", "groups": "Group", "servicePrincipals": "ServicePrincipal"}[table],
        "resourceDisplayName": resource["displayName"],
    }
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put("appRoleAssignments", obj["id"], obj)
        service.store.link("assignments.resource", obj["resourceId"], obj["id"])
        service.store.link("assignments.principal", obj["principalId"], obj["id"])
        audit.record(
            service,
            request,
            "Add app role assignment to",
            TYPES["servicePrincipals"],
            resource,
            extra=("AppRole.Id",),
        )
    body = {
        "@odata.context": service.context(request, "appRoleAssignments/$entity"),
        **render(obj, default_columns("appRoleAssignments", request.beta)),
    }
    return Response(201, body)


def _check_role(service: Service, resource: Obj, role: str) -> None:
    if role == ZERO:
        service.rules.lean("assignment.default-access")
        return
    if not any(r["id"] == role and r.get("isEnabled") for r in resource.get("appRoles") or []):
        raise bad_request("Permission being assigned was not found on application")


def delete_assignment(service: Service, request: Request) -> Response:
    name = request.template.split("/")[3]
    parent, resource = existing(service, request, "servicePrincipals")
    view = service.view(request)
    obj = find_child(service, request, view, "servicePrincipals", parent, name, request.params["child"])
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        remove_assignment(service, obj)
        audit.record(service, request, "Remove app role assignment from", TYPES["servicePrincipals"], resource)
    return Response(204)


def remove_assignment(service: Service, obj: Obj) -> None:
    service.store.link("assignments.resource", obj["resourceId"], obj["id"], present=False)
    service.store.link("assignments.principal", obj["principalId"], obj["id"], present=False)
    if service.store.get("appRoleAssignments", obj["id"]) is not None:
        service.store.put("appRoleAssignments", obj["id"], None)


route("POST", "/users", create_user)
route("PATCH", "/users/{id}", patch_user)
route("POST", "/groups", create_group)
route("PATCH", "/groups/{id}", patch_group)
route("POST", "/applications", create_application)
route("PATCH", "/applications/{id}", patch_application)
route("POST", "/servicePrincipals", create_service_principal)
route("PATCH", "/servicePrincipals/{id}", patch_service_principal)
for _table in ("applications", "servicePrincipals"):
    route("POST", f"/{_table}/{{id}}/addPassword", add_password)
    route("POST", f"/{_table}/{{id}}/removePassword", remove_password)
route("POST", "/applications/{id}/federatedIdentityCredentials", create_credential)
route("PATCH", "/applications/{id}/federatedIdentityCredentials/{child}", patch_credential)
route("DELETE", "/applications/{id}/federatedIdentityCredentials/{child}", delete_credential)
for _name in ("appRoleAssignedTo", "appRoleAssignments"):
    route("POST", f"/servicePrincipals/{{id}}/{_name}", create_assignment)
    route("DELETE", f"/servicePrincipals/{{id}}/{_name}/{{child}}", delete_assignment)

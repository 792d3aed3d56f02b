"""Users: creating and changing them."""

from __future__ import annotations

from typing import Any

from .errors import bad_request, conflict, denied
from .groups import reevaluate_dynamic_groups
from .rules.permissions import LEAVES, NARROW_USER_WRITES, WRITE_LEAVES
from .rules.types import TYPES
from .service import Request, Response, Service, route
from .writing import checked, created, existing, merge, new_id, security_identifier, store_new, update

Obj = dict[str, Any]


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
    _check_leaving(service, request, values)
    _check_upn(service, values["userPrincipalName"])
    _check_password(service, values)
    _check_upn_free(service, values["userPrincipalName"], None)
    key, now = new_id(service), service.now_iso()
    upn = values["userPrincipalName"]
    obj: Obj = {
        "userType": "Member",
        "identities": [
            {"signInType": "userPrincipalName", "issuer": service.info["initialDomain"], "issuerAssignedId": upn}
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
    _check_leaving(service, request, values)
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


def _check_leaving(service: Service, request: Request, values: Obj) -> None:
    if LEAVES in values and not service.may(request, WRITE_LEAVES):
        service.rules.lean("auth.employee-leave")
        raise denied()


def _check_narrow_permission(service: Service, request: Request, values: Obj) -> None:
    if request.scripted:
        return
    granted = service.granted(request)
    wide = {"User.ReadWrite.All", "Directory.ReadWrite.All"} & granted
    reach: set[str] = {LEAVES} if {WRITE_LEAVES, "User.Read.All"} <= granted else set()
    for permission, names in NARROW_USER_WRITES.items():
        if permission in granted:
            reach |= names
    if not wide and not set(values) <= reach:
        raise denied()
    if "passwordProfile" in values and "passwordProfile" not in reach and "Directory.ReadWrite.All" not in granted:
        raise denied()


def revoke_sessions(service: Service, request: Request) -> Response:
    """Sessions from before this moment end (user: revokeSignInSessions)."""
    _, before = existing(service, request, "users")
    after = {**before, "signInSessionsValidFromDateTime": service.now_iso()}
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, TYPES["users"], before, after)
    return Response(200, {"value": True})


route("POST", "/users", create_user)
route("POST", "/users/{id}/revokeSignInSessions", revoke_sessions)
route("PATCH", "/users/{id}", patch_user)

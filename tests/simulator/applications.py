"""Applications, their passwords and their federated identity credentials."""

from __future__ import annotations

import copy
from typing import Any

from . import audit
from .errors import GraphError, bad_request, not_found
from .reading import find_child
from .rendering import default_columns, render
from .rules.types import FEDERATED_CREDENTIALS, TYPES
from .service import Request, Response, Service, route
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
    store_new,
    update,
    visible_target,
)

Obj = dict[str, Any]


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
    values = checked(service, request, rule, body, create=True, bindable=("owners",))
    _check_application(service, values, None)
    if "authenticationBehaviors" in values:
        service.rules.lean("app.behaviors-after")
        raise bad_request(
            "Invalid value specified for property 'authenticationBehaviors' of resource 'Application'."
        )
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
    obj["keyCredentials"] = _keys_kept({}, obj["keyCredentials"])
    service.rules.lean("app.new-ids")
    _check_uris(service, obj)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        store_new(service, request, rule, obj)
        for key in dict.fromkeys(owners):
            service.store.link("applications.owners", obj["id"], key)
    return created(service, request, "applications", obj)


def _check_uris(service: Service, obj: Obj) -> None:
    """`api://` with the application's own appId, which a creating caller can't know, or a verified domain."""
    for uri in obj["identifierUris"]:
        scheme, _, rest = uri.partition("://")
        host = rest.split("/")[0]
        own = scheme == "api" and host in (obj["appId"], service.tenant_id)
        verified = any(host == d or host.endswith(f".{d}") for d in service.store.tables["domains"])
        if not own and not verified:
            service.rules.lean("app.uri-policy")
            message = "Values of identifierUris property must use a verified domain of the organization."
            detail = {"code": "InvalidValue", "message": message, "target": "identifierUris"}
            raise bad_request(message, details=[detail])


def _check_application(service: Service, values: Obj, current: Obj | None) -> None:
    check_unique(service, TYPES["applications"], values, None if current is None else current["id"])
    for name, default in APPLICATION_DEFAULTS.items():
        if name in values and values[name] is None and default is not None:
            raise bad_request(f"Invalid value specified for property '{name}' of resource 'Application'.")
    if (values.get("info") or {}).get("logoUrl") is not None:
        service.rules.lean("write.read-only")
        raise bad_request("Property 'info.logoUrl' is read-only and cannot be set.")
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
    key, _, name = request.params["id"].partition("=")
    if key == "uniqueName" and "create-if-missing" in request.headers.get("prefer", ""):
        service.rules.lean("app.upsert")
        if service.store.find(rule.table, "uniqueName", name) is None:
            request.body = {**request.json(), "uniqueName": name}
            return create_application(service, request)
    values = checked(service, request, rule, request.json(), create=False)
    _, before = existing(service, request, "applications")
    _check_application(service, values, before)
    after = merge(service, rule, before, values)
    _check_uris(service, after)
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
    after = {**before, **from_application(service, app)}
    if after != before:
        service.store.put("servicePrincipals", key, after)


def from_application(service: Service, app: Obj) -> Obj:
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


route("POST", "/applications", create_application)
route("PATCH", "/applications/{id}", patch_application)
for _table in ("applications", "servicePrincipals"):
    route("POST", f"/{_table}/{{id}}/addPassword", add_password)
    route("POST", f"/{_table}/{{id}}/removePassword", remove_password)
route("POST", "/applications/{id}/federatedIdentityCredentials", create_credential)
route("PATCH", "/applications/{id}/federatedIdentityCredentials/{child}", patch_credential)
route("DELETE", "/applications/{id}/federatedIdentityCredentials/{child}", delete_credential)

"""Applications, service principals, federated credentials and app role assignments of a seed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from .apart import with_file
from .applications import APPLICATION_DEFAULTS, with_defaults
from .rules.apart import image
from .service import Service
from .writing import ZERO

if TYPE_CHECKING:
    from .seeds import Planter

Obj = dict[str, Any]
_SPACE = uuid.UUID("2f6d1d2e-0a0c-4b52-9a3c-5b4ff0a1c9d3")
MICROSOFT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
_PAST = "2024-03-01T08:00:00Z"
HOLDFAST_APPS = {
    "backup": ("Holdfast Backup", "b0a1d000-0000-4000-8000-000000000001"),
    "restore": ("Holdfast Restore", "b0a1d000-0000-4000-8000-000000000002"),
}
_GRAPH_APP = "00000003-0000-0000-c000-000000000000"
# Names and ids of well-known first-party applications and Graph app roles are public: "Verify first-party
# Microsoft applications in sign-in reports" and "Microsoft Graph permissions reference" on learn.microsoft.com.
_FIRST_PARTY = {
    _GRAPH_APP: "Microsoft Graph",
    "00000002-0000-0ff1-ce00-000000000000": "Office 365 Exchange Online",
    "00000003-0000-0ff1-ce00-000000000000": "Office 365 SharePoint Online",
    "797f4846-ba00-4fd7-ba43-dac1f8f63013": "Windows Azure Service Management API",
    "0000000a-0000-0000-c000-000000000000": "Microsoft Intune",
    "d4ebce55-015a-49b5-a083-c84d1797ae8c": "Microsoft Intune Enrollment",
    "2793995e-0a7d-40d7-bd35-6968ba142197": "My Apps",
}
_GRAPH_ROLES = {
    "df021288-bdef-4463-88db-98f22de89214": "User.Read.All",
    "5b567255-7703-4780-807c-7be8301ae99b": "Group.Read.All",
    "7ab1d382-f21e-4acd-a863-ba3e13f7da61": "Directory.Read.All",
    "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30": "Application.Read.All",
}


def _id(kind: str, number: int | str) -> str:
    return str(uuid.uuid5(_SPACE, f"{kind}:{number}"))


def plant_applications(planter: Planter) -> None:
    first = _plant_first_party(planter)
    apps = _plant_own(planter)
    principals = [*first, *apps]
    external = 0
    while len(principals) < planter.plan.service_principals:
        principals.append(_plant_external(planter, external))
        external += 1
    _plant_assignments(planter, principals, apps)


def _role(key: str, value: str) -> Obj:
    return {
        "allowedMemberTypes": ["Application"],
        "description": value,
        "displayName": value,
        "id": key,
        "isEnabled": True,
        "origin": "Application",
        "value": value,
    }


def _first_party(app_id: str, name: str) -> Obj:
    roles = [_role(k, v) for k, v in _GRAPH_ROLES.items()] if app_id == _GRAPH_APP else []
    return {
        "appId": app_id,
        "appDisplayName": name,
        "displayName": name,
        "appOwnerOrganizationId": MICROSOFT,
        "servicePrincipalNames": [app_id],
        "servicePrincipalType": "Application",
        "signInAudience": "AzureADMultipleOrgs",
        "appRoles": roles,
        "oauth2PermissionScopes": [],
    }


def know_first_party(service: Service, app_id: str, name: str) -> None:
    """An application of another tenant that a service principal may be created for."""
    service.info["firstParty"].setdefault(app_id, _first_party(app_id, name))


def _plant_first_party(planter: Planter) -> list[str]:
    for app_id, name in _FIRST_PARTY.items():
        know_first_party(planter.service, app_id, name)
    keys = []
    for app_id, base in planter.service.info["firstParty"].items():
        keys.append(_plant_principal(planter, _id("service principal of", app_id), base))
    return keys


def _plant_principal(planter: Planter, key: str, base: Obj, **more: Any) -> str:
    return planter.put(
        "servicePrincipals",
        {
            "accountEnabled": True,
            "appRoleAssignmentRequired": False,
            "servicePrincipalType": "Application",
            "info": dict(APPLICATION_DEFAULTS["info"]),
            "keyCredentials": [],
            "passwordCredentials": [],
            "replyUrls": [],
            "tags": [],
            **base,
            "id": key,
            **more,
        },
    )


def _plant_external(planter: Planter, number: int) -> str:
    app_id = _id("external app", number)
    name = f"SaaS app {number} – Größe <{number}>"
    base = {
        **_first_party(app_id, name),
        "appOwnerOrganizationId": _id("other tenant", number % 9),
        "homepage": f"https://saas{number}.example",
    }
    if number % 20 == 7:  # of the gallery
        base["applicationTemplateId"] = _id("template", number % 3)
    planter.service.info["firstParty"].setdefault(app_id, base)
    more: Obj = {"tags": ["WindowsAzureActiveDirectoryIntegratedApp"]}
    if number % 4 == 0:
        more["appRoleAssignmentRequired"] = True
    if number % 10 == 3:
        more["notes"] = "Owner: <it@contoso-sim.example>"
    return _plant_principal(planter, _id("external sp", number), base, **more)


def _application(planter: Planter, number: int) -> Obj:
    app_id = _id("app id", number)
    name = f"App {number}" if number % 9 else f"App {number} <img src=x onerror=alert(1)> ‘näme’"
    roles = [
        {
            "allowedMemberTypes": ["User", "Application"],
            "description": "Read everything",
            "displayName": "Reader",
            "id": _id("role", number),
            "isEnabled": True,
            "origin": "Application",
            "value": "Data.Read",
        }
    ]
    scope = {
        "adminConsentDescription": "Use it",
        "adminConsentDisplayName": "Use",
        "id": _id("scope", number),
        "isEnabled": True,
        "type": "User",
        "userConsentDescription": None,
        "userConsentDisplayName": None,
        "value": "access_as_user",
    }
    access = [{"id": "df021288-bdef-4463-88db-98f22de89214", "type": "Role"}]
    values: Obj = {
        "id": _id("application", number),
        "appId": app_id,
        "displayName": name,
        "createdDateTime": _PAST,
        "publisherDomain": planter.service.info["initialDomain"],
        "identifierUris": [f"api://{app_id}"] if number % 2 == 0 else [],
        "appRoles": roles if number % 2 == 0 else [],
        "api": {"oauth2PermissionScopes": [scope] if number % 3 == 0 else []},
        "web": {"redirectUris": [f"https://app{number}.contoso-sim.example/cb"]},
        "requiredResourceAccess": [{"resourceAppId": _GRAPH_APP, "resourceAccess": access}],
        "tags": ["HideApp"] if number % 8 == 7 else [],
    }
    if number % 3 == 1:
        values["passwordCredentials"] = [
            {
                "customKeyIdentifier": None,
                "displayName": "old secret",
                "endDateTime": "2027-01-01T00:00:00Z",
                "hint": "Ab1",
                "keyId": _id("password", number),
                "secretText": None,
                "startDateTime": _PAST,
            }
        ]
    if number % 4 == 2:
        values["keyCredentials"] = [
            {
                "customKeyIdentifier": "3q2+7w==",
                "displayName": "CN=app",
                "endDateTime": "2027-01-01T00:00:00Z",
                "key": "MIIBszCCAVmgAwIBAgIUSimulatedCertificate",
                "keyId": _id("key", number),
                "startDateTime": _PAST,
                "type": "AsymmetricX509Cert",
                "usage": "Verify",
            }
        ]
    made = with_defaults(APPLICATION_DEFAULTS, values)
    return with_file("applications", made, "logo", image(name)) if number % 20 == 4 else made


def _plant_own(planter: Planter) -> list[str]:
    """Applications of this tenant, each with its service principal."""
    principals = []
    for number in range(planter.plan.applications):
        obj = _application(planter, number)
        if number < len(HOLDFAST_APPS):
            role = list(HOLDFAST_APPS)[number]
            name, app_id = HOLDFAST_APPS[role]
            obj.update(displayName=name, appId=app_id, identifierUris=[], keyCredentials=[], passwordCredentials=[])
        key = planter.put("applications", obj)
        for owner in planter.rng.sample(planter.user_ids, min(len(planter.user_ids), number % 3)):
            planter.store.link("applications.owners", key, owner)
        for child in range((0, 1, 2)[number % 3]):
            _plant_credential(planter, key, number, child)
        base = {
            "appId": obj["appId"],
            "appDisplayName": obj["displayName"],
            "displayName": obj["displayName"],
            "appRoles": obj["appRoles"],
            "oauth2PermissionScopes": obj["api"]["oauth2PermissionScopes"],
            "signInAudience": obj["signInAudience"],
            "appOwnerOrganizationId": planter.tenant_id,
            "servicePrincipalNames": [obj["appId"], *obj["identifierUris"]],
            "replyUrls": obj["web"]["redirectUris"],
        }
        principal = _plant_principal(
            planter, _id("sp", number), base, tags=["WindowsAzureActiveDirectoryIntegratedApp"]
        )
        principals.append(principal)
        if number % 5 == 3:
            planter.store.link("servicePrincipals.owners", principal, planter.rng.choice(planter.user_ids))
    return principals


def _plant_credential(planter: Planter, parent: str, number: int, child: int) -> None:
    key = planter.put(
        "federatedIdentityCredentials",
        {
            "id": _id("fic", f"{number}/{child}"),
            "name": f"github-{child}",
            "issuer": "https://token.actions.githubusercontent.com",
            "subject": f"repo:contoso/app{number}:environment:prod{child}",
            "audiences": ["api://AzureADTokenExchange"],
            "description": "Deploys “app”",
        },
    )
    planter.store.link("applications.federatedIdentityCredentials", parent, key)


def _plant_assignments(planter: Planter, principals: list[str], own: list[str]) -> None:
    rng = planter.rng
    graph = _id("service principal of", _GRAPH_APP)
    for number, principal in enumerate(own):
        _assign(
            planter, number, principal, "ServicePrincipal", graph, list(_GRAPH_ROLES)[number % len(_GRAPH_ROLES)]
        )
    for number, resource in enumerate(one for one in principals if one != graph):
        roles = planter.store.tables["servicePrincipals"][resource].get("appRoles") or []
        role = roles[0]["id"] if roles else ZERO
        for user in rng.sample(planter.user_ids, min(len(planter.user_ids), number % 4)):
            _assign(planter, f"{number}/{user}", user, "User", resource, role)
        if number % 3 == 0 and planter.group_ids:
            group = planter.group_ids[number % len(planter.group_ids)]
            _assign(planter, f"{number}/group", group, "Group", resource, role)


def _assign(planter: Planter, number: int | str, principal: str, kind: str, resource: str, role: str) -> None:
    tables = {"User": "users", "Group": "groups", "ServicePrincipal": "servicePrincipals"}
    store = planter.store
    key = planter.put(
        "appRoleAssignments",
        {
            "id": _id("assignment", f"{number}:{resource}"),
            "appRoleId": role,
            "createdDateTime": _PAST,
            "principalId": principal,
            "principalType": kind,
            "principalDisplayName": store.tables[tables[kind]][principal]["displayName"],
            "resourceId": resource,
            "resourceDisplayName": store.tables["servicePrincipals"][resource]["displayName"],
        },
    )
    store.link("assignments.resource", resource, key)
    store.link("assignments.principal", principal, key)

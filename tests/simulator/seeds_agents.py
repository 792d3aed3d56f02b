"""Agents of a seed: two blueprints with their principals, and three agent identities made from them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from .applications import APPLICATION_DEFAULTS, from_application, with_defaults
from .rules.agents import BLUEPRINT, IDENTITY, PRINCIPAL

if TYPE_CHECKING:
    from .seeds import Planter

Obj = dict[str, Any]
_SPACE = uuid.UUID("c4a1f0b7-3d0e-4f54-8a7e-6d1b2f9c0e55")
_PAST = "2026-03-02T09:00:00Z"
# Both blueprints have one for Microsoft Graph: they are told apart within their blueprint only.
_INHERITED = [
    {
        "resourceAppId": "00000003-0000-0000-c000-000000000000",
        "inheritableScopes": {
            "@odata.type": "#microsoft.graph.enumeratedScopes",
            "kind": "enumerated",
            "scopes": ["User.Read", "Mail.Read"],
        },
    },
    {
        "resourceAppId": "00000003-0000-0ff1-ce00-000000000000",
        "inheritableScopes": {"@odata.type": "#microsoft.graph.allAllowedScopes", "kind": "allAllowed"},
    },
]
_BLUEPRINTS = (("Ticket agents – Größe <1>", 2), ("Travel agents", 1))


def _id(kind: str, number: int | str) -> str:
    return str(uuid.uuid5(_SPACE, f"{kind}:{number}"))


def plant_agents(planter: Planter) -> None:
    for number, (name, identities) in enumerate(_BLUEPRINTS):
        app = _plant_blueprint(planter, number, name)
        principal = {"@odata.type": PRINCIPAL, **from_application(planter.service, app), "appId": app["appId"]}
        principal["appOwnerOrganizationId"] = planter.tenant_id
        key = _plant_principal(planter, _id("principal", number), principal)
        people = planter.rng.sample(planter.user_ids, 2)
        _sponsor(planter, "applications", app["id"], [*people, *_group(planter)])
        _sponsor(planter, "servicePrincipals", key, people[:1])
        for one in range(identities):
            identity = _plant_identity(planter, app, f"{number}/{one}", f"{name} {one}")
            _sponsor(planter, "servicePrincipals", identity, people[: one + 1])


def _group(planter: Planter) -> list[str]:
    """A Microsoft 365 group, which may be a sponsor."""
    groups = planter.store.tables["groups"]
    return [key for key in planter.group_ids if "Unified" in groups[key]["groupTypes"]][:1]


def _sponsor(planter: Planter, table: str, key: str, by: list[str]) -> None:
    for one in by:
        planter.store.link(f"{table}.sponsors", key, one)


def _plant_blueprint(planter: Planter, number: int, name: str) -> Obj:
    values: Obj = {
        "@odata.type": BLUEPRINT,
        "id": _id("blueprint", number),
        "appId": _id("blueprint app id", number),
        "displayName": name,
        "createdDateTime": _PAST,
        "publisherDomain": planter.service.info["initialDomain"],
        "inheritablePermissions": _INHERITED[: number + 1],
    }
    app = with_defaults(APPLICATION_DEFAULTS, values)
    planter.put("applications", app)
    return app


def _plant_identity(planter: Planter, blueprint: Obj, number: str, name: str) -> str:
    key = _id("identity", number)
    values = {
        "@odata.type": IDENTITY,
        "agentIdentityBlueprintId": blueprint["appId"],
        "createdDateTime": _PAST,
        "appId": key,
        "displayName": name,
        "appOwnerOrganizationId": planter.tenant_id,
        "servicePrincipalNames": [key],
        "servicePrincipalType": "ServiceIdentity",
    }
    return _plant_principal(planter, key, values)


def _plant_principal(planter: Planter, key: str, values: Obj) -> str:
    defaults: Obj = {
        "accountEnabled": True,
        "appRoleAssignmentRequired": False,
        "servicePrincipalType": "Application",
        "info": dict(APPLICATION_DEFAULTS["info"]),
        "keyCredentials": [],
        "passwordCredentials": [],
        "replyUrls": [],
        "tags": [],
    }
    return planter.put("servicePrincipals", {**defaults, **values, "id": key})

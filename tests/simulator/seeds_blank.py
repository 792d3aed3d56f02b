"""A second tenant as it is on its first day: `blank`.

It has what every tenant has and nothing else: its own domains, two break-glass accounts, built-in roles and
policies, most of Microsoft's service principals, Holdfast's two apps. Whatever a service makes has other ids than
in the other seeds, as two tenants never share one; what Microsoft gives the same id everywhere keeps it."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator
from typing import Any

import msgspec

from . import state
from .clock import SimClock
from .rules.roles import BUILT_IN_ROLES, STRENGTHS
from .seeds import INITIAL_DOMAIN, MAIN_DOMAIN, plan_of, plant
from .seeds_apps import HOLDFAST_APPS, MICROSOFT
from .service import Service

Obj = dict[str, Any]
BLANK = "blank"
BLANK_INITIAL, BLANK_MAIN = "holdfastother.onmicrosoft.com", "fabrikam-sim.example"
INTUNE = "0000000a-0000-0000-c000-000000000000"  # nobody there has used it yet
_SPACE = uuid.UUID("6a3b1c52-8f0e-4d7e-9a55-2b1f4e0d7c11")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EVERYBODY = {"targetType": "group", "id": "all_users", "isRegistrationRequired": False}
_OPAQUE = ("roleAssignments", "roleAssignmentScheduleInstances")


def plant_blank(service: Service) -> None:
    other = Service(SimClock(1.0, None))
    plant(other, plan_of("small"))
    content = state.content_of(other)
    seeded = {table: set(held) for table, held in content["tables"].items()}
    tables = content["tables"] = {table: dict(_kept(other, table)) for table in content["tables"]}
    for method in tables["authenticationMethodConfigurations"].values():
        method["includeTargets"] = [_EVERYBODY]
        method.pop("excludeTargets", None)
    names = {key for held in tables.values() for key in held}
    names |= {f"{table}/{key}" for table, held in tables.items() for key in held}
    content["links"] = {
        rel: {
            source: [one for one in targets if one in names] for source, targets in held.items() if source in names
        }
        for rel, held in content["links"].items()
        if rel != "users.manager"
    }
    content["audits"] = []
    content["info"] = {
        **content["info"],
        "seed": BLANK,
        "breakGlassGroupId": "",
        "holdfastApps": {role: app_id for role, (_, app_id) in HOLDFAST_APPS.items()},
    }
    state.put(service, msgspec.json.decode(_of_its_own(content, seeded)))


def _kept(other: Service, table: str) -> Iterator[tuple[str, Obj]]:
    """What of a seed's table every tenant has."""
    store = other.store
    accounts, roles = set(other.info["breakGlassIds"]), set(BUILT_IN_ROLES)
    ours = {app_id for _, app_id in HOLDFAST_APPS.values()}
    for key, one in store.tables[table].items():
        if table == "organization" or key == table:
            yield key, one
        elif table == "domains":
            if key in (INITIAL_DOMAIN, MAIN_DOMAIN):
                yield key, one
        elif table == "users":
            if key in accounts:
                yield key, one
        elif table == "applications":
            if one["appId"] in ours:
                yield key, {**one, "requiredResourceAccess": []}
        elif table == "servicePrincipals":
            microsofts = one["appOwnerOrganizationId"] == MICROSOFT and one["appId"] != INTUNE
            if microsofts or one["appId"] in ours:
                yield key, one
        elif table in _OPAQUE:
            if one["principalId"] in accounts:
                yield key, one
        elif table in ("roleManagementPolicies", "roleManagementPolicyAssignments"):
            held = store.tables["roleManagementPolicyAssignments"].values()
            if key in {
                one[name] for one in held if one["roleDefinitionId"] in roles for name in ("id", "policyId")
            }:
                yield key, one
        elif key in _EVERYWHERE.get(table, {}) or (
            table == "permissionGrantPolicies" and key.startswith("microsoft-")
        ):
            yield key, one
        elif table == "authenticationMethodConfigurations":
            yield key, dict(one)


_EVERYWHERE: dict[str, Any] = {
    "roleDefinitions": BUILT_IN_ROLES,
    "authenticationStrengthPolicies": STRENGTHS,
    "userFlowAttributes": ("city",),
}


def _of_its_own(content: Obj, seeded: dict[str, set[str]]) -> bytes:
    """The same with other ids and domains; what is left out is named by other ids, too."""
    new = {content["tenantId"]: _another(content["tenantId"])}
    text = msgspec.json.encode(content).decode()
    for table, held in seeded.items():
        for key in sorted(held):
            if key in _EVERYWHERE.get(table, {}):
                continue
            if table in _OPAQUE:
                text = text.replace(key, hashlib.sha256(key.encode()).hexdigest()[:43])
            elif _GUID.fullmatch(key):
                new[key] = _another(key)
    new |= {app_id: _another(app_id) for _, app_id in HOLDFAST_APPS.values()}
    text = _GUID.sub(lambda found: new.get(found[0], found[0]), text)
    return text.replace(INITIAL_DOMAIN, BLANK_INITIAL).replace(MAIN_DOMAIN, BLANK_MAIN).encode()


def _another(key: str) -> str:
    return str(uuid.uuid5(_SPACE, key))

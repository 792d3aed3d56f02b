"""A tenant as a small model, and `View`s of it: what the pure engines are tested with."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared.catalog.registry import CATALOG, Catalog
from shared.domain.erasure import Erased
from shared.domain.objects import JsonObject, Link, ObjectKey
from shared.domain.plan import USUAL, RestorePlan, Scope, Thresholds
from shared.domain.snapshot import Completeness, IndexEntry, State
from shared.engines.canonical import content_hash
from shared.engines.planner import plan_restore
from shared.engines.stream import Stream

AT = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
COMPLETE = Completeness(State.COMPLETE)
TENANT = "11111111-1111-4111-8111-111111111111"


def guid(name: str) -> str:
    """A fixed id for a short name, so that tests read well."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


@dataclass
class Tenant:
    """Objects by type and id, parents of contained objects, links by relationship."""

    objects: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    links: dict[str, dict[tuple[str, str], str]] = field(default_factory=dict)

    def copy(self) -> Tenant:
        return copy.deepcopy(self)

    def add(self, type_name: str, object_id: str, *, parent: str = "", **members: Any) -> str:
        self.objects.setdefault(type_name, {})[object_id] = {"id": object_id, **members}
        if parent:
            self.parents[object_id] = parent
        return object_id

    def get(self, type_name: str, object_id: str) -> dict[str, Any]:
        return self.objects[type_name][object_id]

    def link(self, relationship: str, source: str, target: str, target_type: str = "users") -> None:
        self.links.setdefault(relationship, {})[(source, target)] = target_type

    def unlink(self, relationship: str, source: str, target: str) -> None:
        del self.links[relationship][(source, target)]

    def remove(self, type_name: str, object_id: str) -> dict[str, Any]:
        """As a deletion does it: the object's links and contained objects are no longer listed."""
        item = self.objects[type_name].pop(object_id)
        for held in self.links.values():
            for pair in [pair for pair in held if object_id in pair]:
                del held[pair]
        for child in [child for child, parent in self.parents.items() if parent == object_id]:
            for objects in self.objects.values():
                objects.pop(child, None)
        for key, one in list(self.objects.get("appRoleAssignments", {}).items()):
            if one.get("principalId") == object_id:
                self.objects["appRoleAssignments"].pop(key)
        return item


class TenantView:
    """A `View` of a tenant. `states`: what is not complete. Counts the objects it handed out."""

    def __init__(self, tenant: Tenant, label: str = "live", states: dict[str, Completeness] | None = None) -> None:
        self.tenant = tenant
        self.label = label
        self.as_of = AT
        self.states = states or {}
        self.opened: list[str] = []

    def completeness(self, name: str) -> Completeness:
        return self.states.get(name, COMPLETE)

    def index(self, type_name: str) -> Stream[IndexEntry]:
        return Stream.of(self._index(type_name))

    async def _index(self, type_name: str) -> AsyncIterator[IndexEntry]:
        spec = CATALOG.get(type_name)
        for line, (object_id, item) in enumerate(sorted(self.tenant.objects.get(type_name, {}).items())):
            name = item.get(spec.name_property)
            yield IndexEntry(
                object_id,
                name if isinstance(name, str) else "",
                content_hash(json.dumps(item).encode(), frozenset(spec.volatile), frozenset(spec.sets)),
                line % 3,
                line,
                self.tenant.parents.get(object_id, ""),
            )

    def links(self, type_name: str, relationship: str) -> Stream[Link]:
        return Stream.of(self._links(type_name, relationship))

    async def _links(self, type_name: str, relationship: str) -> AsyncIterator[Link]:
        held = self.tenant.links.get(f"{type_name}.{relationship}", {})
        for (source, target), target_type in sorted(held.items()):
            yield Link(source, target, target_type)

    async def get(self, type_name: str, entry: IndexEntry) -> bytes:
        self.opened.append(entry.id)
        return json.dumps(self.tenant.get(type_name, entry.id)).encode()


def bins(**held: Iterable[dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Every bin of the catalog, with these objects in it."""
    found: dict[str, dict[str, dict[str, Any]]] = {spec.name: {} for spec in CATALOG.types if spec.bin}
    for type_name, items in held.items():
        found[type_name] = {item["id"]: item for item in items}
    return found


class Asked:
    """The audit log: says who, and remembers about whom it was asked."""

    def __init__(self) -> None:
        self.about: list[str] = []

    async def __call__(self, object_id: str) -> str:
        self.about.append(object_id)
        return f"mallory made {object_id}"


async def make_plan(
    before: Tenant,
    after: Tenant,
    *,
    held: dict[str, dict[str, dict[str, Any]]] | None = None,
    accounts: Iterable[str] = (),
    scope: Scope | None = None,
    before_states: dict[str, Completeness] | None = None,
    after_states: dict[str, Completeness] | None = None,
    created_by: Asked | None = None,
    known_ids: dict[str, str] | None = None,
    erased: Iterable[str] = (),
    despite_erasure: Iterable[str] = (),
    own_apps: Iterable[str] = (),
    vouched: Mapping[str, str] | None = None,
    seen: Mapping[ObjectKey, JsonObject] | None = None,
    catalog: Catalog = CATALOG,
    thresholds: Thresholds = USUAL,
    plan_id: str = "p1",
) -> RestorePlan:
    async def vouch(asked: Mapping[str, Iterable[str]]) -> dict[str, str]:
        return dict(vouched or {})

    return await plan_restore(
        TenantView(before, "20261122T013000Z-full", before_states),
        TenantView(after, "live", after_states),
        held if held is not None else bins(),
        catalog,
        scope=scope or Scope(),
        break_glass_ids=accounts,
        created_by=created_by or Asked(),
        plan_id=plan_id,
        tenant=TENANT,
        manifest_sha256="ab" * 32,
        created_at=AT,
        known_ids=known_ids,
        erased=Erased.of(erased),
        despite_erasure=despite_erasure,
        own_apps=own_apps,
        vouched=vouch,
        seen=seen,
        thresholds=thresholds,
    )


# --- objects as Graph gives them


def user(tenant: Tenant, name: str, **members: Any) -> str:
    return tenant.add(
        "users",
        guid(name),
        **{
            "accountEnabled": True,
            "displayName": name,
            "mailNickname": name,
            "userPrincipalName": f"{name}@contoso.example",
            "userType": "Member",
            "creationType": None,
            "department": None,
            "onPremisesSyncEnabled": None,
            "onPremisesExtensionAttributes": {"extensionAttribute1": None},
            "passwordProfile": None,
            "businessPhones": [],
            "assignedLicenses": [],
            **members,
        },
    )


def group(tenant: Tenant, name: str, members: Iterable[str] = (), **values: Any) -> str:
    key = tenant.add(
        "groups",
        guid(name),
        **{
            "displayName": name,
            "mailNickname": name.replace(" ", ""),
            "mailEnabled": False,
            "securityEnabled": True,
            "groupTypes": [],
            "membershipRule": None,
            "membershipRuleProcessingState": None,
            "description": None,
            "uniqueName": None,
            "isAssignableToRole": None,
            **values,
        },
    )
    for member in members:
        kind = "groups" if member in tenant.objects.get("groups", {}) else "users"
        tenant.link("groups.members", key, member, kind)
    return key


def application(tenant: Tenant, name: str, **members: Any) -> tuple[str, str]:
    key, app_id = guid(name), guid(f"appId of {name}")
    tenant.add(
        "applications",
        key,
        **{
            "appId": app_id,
            "displayName": name,
            "identifierUris": [f"api://{app_id}"],
            "signInAudience": "AzureADMyOrg",
            "requiredResourceAccess": [],
            "passwordCredentials": [],
            "keyCredentials": [],
            "appRoles": [],
            "api": {"knownClientApplications": [], "preAuthorizedApplications": []},
            "uniqueName": None,
            **members,
        },
    )
    return key, app_id


def service_principal(tenant: Tenant, name: str, app_id: str, **members: Any) -> str:
    return tenant.add(
        "servicePrincipals",
        guid(f"sp of {name}"),
        **{
            "appId": app_id,
            "displayName": name,
            "accountEnabled": True,
            "servicePrincipalType": "Application",
            "servicePrincipalNames": [app_id, f"api://{app_id}"],
            "tags": [],
            **members,
        },
    )


def policy(tenant: Tenant, name: str, *, state: str = "enabled", **parts: Any) -> str:
    """`parts`: members of `conditions.users`, or `applications`, `locations`, … of `conditions`."""
    conditions: dict[str, Any] = {
        "clientAppTypes": ["all"],
        "platforms": None,
        "locations": None,
        "agents": None,
        "applications": {"includeApplications": ["All"], "excludeApplications": []},
        "users": {
            "includeUsers": ["All"],
            "excludeUsers": [],
            "includeGroups": [],
            "excludeGroups": [],
            "includeRoles": [],
            "excludeRoles": [],
        },
    }
    for part, value in parts.items():
        if part in conditions["users"]:
            conditions["users"][part] = value
        else:
            conditions[part] = value
    return tenant.add(
        "conditionalAccessPolicies",
        guid(name),
        displayName=name,
        state=state,
        modifiedDateTime="2026-01-01T00:00:00Z",
        conditions=conditions,
        grantControls={
            "operator": "OR",
            "builtInControls": ["mfa"],
            "termsOfUse": [],
            "authenticationStrength": None,
        },
        sessionControls=None,
    )


def location(tenant: Tenant, name: str, **members: Any) -> str:
    return tenant.add(
        "namedLocations",
        guid(name),
        **{
            "@odata.type": "#microsoft.graph.ipNamedLocation",
            "displayName": name,
            "isTrusted": True,
            "ipRanges": [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "192.0.2.0/24"}],
            **members,
        },
    )


def break_glass(tenant: Tenant) -> tuple[str, str]:
    """Two accounts in the group that policies exclude: the accounts' ids come from `guid("glass1")`, …"""
    accounts = user(tenant, "glass1"), user(tenant, "glass2")
    group(tenant, "glass", accounts)
    let_sign_in(tenant, accounts[0])
    return accounts


def let_sign_in(tenant: Tenant, administrator: str) -> None:
    """What break-glass accounts need beside a policy that excludes them."""
    role = "62e90394-69f5-4237-9190-012177145e10"
    tenant.add("domains", "contoso.example", authenticationType="Managed", isVerified=True)
    tenant.add("roleDefinitions", role, displayName="Global Administrator", isBuiltIn=True)
    tenant.add(
        "roleAssignments",
        f"{administrator} is Global Administrator",
        principalId=administrator,
        roleDefinitionId=role,
        directoryScopeId="/",
    )
    tenant.add(
        "identitySecurityDefaultsEnforcementPolicy", "identitySecurityDefaultsEnforcementPolicy", isEnabled=False
    )

"""A second opinion on a restore: the simulated tenant's own tables before and after, compared without Holdfast.

Owns the comparison. What must stay true: it uses neither the catalog nor any engine; it is told the id map and what
the service itself computes, and everything else has to be equal.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulator.apart import STAMP
from tests.simulator.client import SimulatorProcess

Obj = dict[str, Any]
TABLES = (
    "users",
    "groups",
    "applications",
    "servicePrincipals",
    "federatedIdentityCredentials",
    "appRoleAssignments",
    "conditionalAccessPolicies",
    "namedLocations",
    "organization",
    "authorizationPolicy",
    "oauth2PermissionGrants",
    "administrativeUnits",
    "roleDefinitions",
    "roleAssignments",
    "roleEligibilitySchedules",
    "authenticationMethodsPolicy",
    "authenticationMethodConfigurations",
    "authenticationStrengthPolicies",
    "combinationConfigurations",
    "authenticationContextClassReferences",
    "groupSettings",
    "adminConsentRequestPolicy",
)
# Made by the service for a new object, or moved by any write.
_COMPUTED = frozenset(
    {
        "id",
        "createdDateTime",
        "modifiedDateTime",
        "deletedDateTime",
        "renewedDateTime",
        "securityIdentifier",
        "lastPasswordChangeDateTime",
        "signInSessionsValidFromDateTime",
        "creationType",
        "createdByAppId",
        "passwordProfile",
        "resourceDisplayName",
        "principalDisplayName",
        "lastModifiedDateTime",
        "principalOrganizationId",
        "createdUsing",
        STAMP,
    }
)
# A period that is asked for again begins when it is.
_BEGINS = "startDateTime"
_PERIODS = ("roleEligibilitySchedules",)

State = dict[str, dict[str, Obj]]


@dataclass(frozen=True, slots=True)
class Difference:
    table: str
    old_id: str
    what: str  # "missing", "added", or a member's name
    before: Any = None
    after: Any = None


def take(tenant: SimulatorProcess) -> State:
    """Everything the tenant holds, by table and id."""
    return {table: {one["id"]: one for one in tenant.objects(table)} for table in TABLES}


def compare(before: State, after: State, id_map: Mapping[str, str]) -> list[Difference]:
    """What is not as before, with every id of the map taken for its successor."""
    found: list[Difference] = []
    for table in TABLES:
        left = dict(after[table])
        for old_id, old in before[table].items():
            new = left.pop(id_map.get(old_id, old_id), None)
            if new is None:
                found.append(Difference(table, old_id, "missing", before=old))
                continue
            found += _members(table, old_id, _mapped(old, id_map), new)
        found += [Difference(table, new_id, "added", after=new) for new_id, new in left.items()]
    again = _again(found, id_map)
    return [one for one in found if one not in again]


def _again(differences: Collection[Difference], ids: Mapping[str, str]) -> list[Difference]:
    """Assignments of roles that say the same under another id. Those that have yet to begin are no objects that
    Graph shows, so that no report names them."""

    def says(row: Obj) -> tuple[str, ...]:
        scope = str(row["directoryScopeId"])
        head, slash, key = scope.rpartition("/")
        who, role = (str(row[name]) for name in ("principalId", "roleDefinitionId"))
        return ids.get(who, who), ids.get(role, role), f"{head}{slash}{ids.get(key, key)}"

    of_roles = [one for one in differences if one.table == "roleAssignments"]
    missing = {says(one.before): one for one in of_roles if one.what == "missing"}
    added = {says(one.after): one for one in of_roles if one.what == "added"}
    both = missing.keys() & added.keys()
    return [held[key] for held in (missing, added) for key in both]


def _members(table: str, old_id: str, old: Obj, new: Obj) -> list[Difference]:
    found = []
    for name in sorted((old.keys() | new.keys()) - _COMPUTED):
        if name == "_links":
            pairs = _links(old.get("_links", {}), new.get("_links", {}))
            found += [Difference(table, old_id, f"links {link}", was, now) for link, was, now in pairs]
        elif _plain(_period(table, old.get(name))) != _plain(_period(table, new.get(name))):
            found.append(Difference(table, old_id, name, old.get(name), new.get(name)))
    return found


def _period(table: str, value: Any) -> Any:
    if table not in _PERIODS or not isinstance(value, dict):
        return value
    return {name: member for name, member in value.items() if name != _BEGINS}


def _links(old: Obj, new: Obj) -> list[tuple[str, list[str], list[str]]]:
    """Per relationship: targets that are gone, targets that came."""
    changed = []
    for name in sorted(old.keys() | new.keys()):
        was, now = set(_listed(old.get(name))), set(_listed(new.get(name)))
        if was != now:
            changed.append((name, sorted(was - now), sorted(now - was)))
    return changed


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _mapped(value: Obj, id_map: Mapping[str, str]) -> Obj:
    text = json.dumps(value)
    for old, new in id_map.items():
        text = text.replace(old, new)
    mapped: Obj = json.loads(text)
    return mapped


def _plain(value: Any) -> Any:
    """Without annotations; null, an empty list and an absent member are the same to Graph's readers."""
    if isinstance(value, dict):
        plain = {name: _plain(member) for name, member in value.items() if "@odata" not in name}
        return {name: member for name, member in plain.items() if member is not None} or None
    if isinstance(value, list):
        return sorted(map(_plain, value), key=lambda item: json.dumps(item, sort_keys=True)) or None
    return value

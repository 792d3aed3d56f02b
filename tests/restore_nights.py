"""Bad nights: what somebody does to a small tenant, one function a night. Each is one page in `docs/runbooks`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.restore_damage import prepare
from tests.restore_planned import cloud_users, delete
from tests.restore_world import objects
from tests.simdirectory import scripted
from tests.simulator.service import Service

Obj = dict[str, Any]
REPORT_ONLY = "enabledForReportingButNotEnforced"
CA = "/beta/identity/conditionalAccess/policies"


def named(service: Service, table: str, name: str) -> str:
    """Id of the one object whose display name holds this."""
    (found,) = [key for key, one in service.store.tables[table].items() if name in str(one["displayName"])]
    return found


def block_everybody(service: Service) -> None:
    """A policy that blocks all, one that lost its exclusions, and the group that excluded the accounts emptied."""
    scripted(
        service,
        "POST",
        CA,
        {
            "displayName": "Temporary maintenance",
            "state": "enabled",
            "conditions": {
                "users": {"includeUsers": ["All"]},
                "applications": {"includeApplications": ["All"]},
                "clientAppTypes": ["all"],
            },
            "grantControls": {"operator": "OR", "builtInControls": ["block"]},
        },
    )
    policy = named(service, "conditionalAccessPolicies", "Require MFA for all")
    conditions = service.store.tables["conditionalAccessPolicies"][policy]["conditions"]
    scripted(
        service,
        "PATCH",
        f"{CA}/{policy}",
        {"conditions": {**conditions, "users": {"includeUsers": ["All"]}}},
    )


# --- groups that policies point at ---------------------------------------------------------------------------


def purge_groups(service: Service) -> None:
    """Every security group that can be deleted, out of the bin, too; policies go on naming them."""
    for group in [one for one in objects(service, "groups") if one.get("securityEnabled")]:
        delete(service, "groups", str(group["id"]), purge=True)


# --- applications ----------------------------------------------------------------------------------------------


def strip_permissions(service: Service) -> None:
    """Every delegated grant, and of each of our applications what it was assigned and what it asks for."""
    for grant in list(service.store.tables["oauth2PermissionGrants"]):
        scripted(service, "DELETE", f"/v1.0/oauth2PermissionGrants/{grant}")
    ours = {str(one["appId"]) for one in objects(service, "applications")}
    principals = {str(one["id"]) for one in objects(service, "servicePrincipals") if one["appId"] in ours}
    for assigned in objects(service, "appRoleAssignments"):
        if assigned["principalId"] in principals:
            path = f"/v1.0/servicePrincipals/{assigned['principalId']}/appRoleAssignments/{assigned['id']}"
            scripted(service, "DELETE", path)
    for application in objects(service, "applications"):
        scripted(service, "PATCH", f"/v1.0/applications/{application['id']}", {"requiredResourceAccess": []})


# --- people ----------------------------------------------------------------------------------------------------


def bend_attributes(service: Service) -> None:
    """A script that went over everybody; what it did to one of them a person has put right since, otherwise."""
    people = cloud_users(service)
    for user in people:
        scripted(
            service, "PATCH", f"/v1.0/users/{user['id']}", {"department": "undefined", "jobTitle": "undefined"}
        )
    scripted(service, "PATCH", f"/v1.0/users/{people[0]['id']}", {"city": "Utrecht"})


def sync_some(service: Service) -> None:
    """Two people of the small tenant come from on premises."""
    prepare(service)
    for number, user in enumerate(cloud_users(service)[:2]):
        value: Obj = {
            **user,
            "onPremisesSyncEnabled": True,
            "onPremisesImmutableId": f"{number:022d}==",
            "onPremisesLastSyncDateTime": "2024-03-01T08:00:00Z",
            "onPremisesDomainName": "ad.contoso-sim.example",
            "onPremisesSamAccountName": user["mailNickname"],
            "usageLocation": "NL",
        }
        put(service, "users", str(user["id"]), value)


def put(service: Service, table: str, key: str, value: Obj | None) -> None:
    """What the service itself does, by the sync or by time."""
    with service.store.transaction("PUT", "", "the service"):
        service.store.put(table, key, value)


def hybrid_people(service: Service) -> list[Obj]:
    return [one for one in objects(service, "users") if one.get("onPremisesSyncEnabled")]


def bend_hybrid_people(service: Service) -> None:
    """They lost a cloud group, and where they work (for licences) was bent; what comes from on premises changed
    there, as it should."""
    staff = named(service, "groups", "All staff")
    for user in hybrid_people(service):
        key = str(user["id"])
        scripted(service, "DELETE", f"/v1.0/groups/{staff}/members/{key}/$ref")
        put(service, "users", key, {**user, "usageLocation": "KP", "department": "Moved on premises"})


def take_a_name(service: Service) -> None:
    """Somebody is purged, and somebody else takes the name."""
    user = cloud_users(service)[0]
    delete(service, "users", str(user["id"]), purge=True)
    scripted(
        service,
        "POST",
        "/v1.0/users",
        {
            "accountEnabled": True,
            "displayName": user["displayName"],
            "mailNickname": user["mailNickname"],
            "userPrincipalName": user["userPrincipalName"],
            "passwordProfile": {"password": "Attack3r!xyz"},
        },
    )


def purged(service: Service, before: Iterable[str]) -> str:
    """The one user who was there and is nowhere now."""
    (found,) = [key for key in before if key not in service.store.tables["users"]]
    return found


# --- roles -----------------------------------------------------------------------------------------------------


ENABLEMENT = "Enablement_EndUser_Assignment"  # the rule that says what activating a role asks for


def custom_role(service: Service) -> str:
    return next(key for key, one in service.store.tables["roleDefinitions"].items() if not one["isBuiltIn"])


def settings_of(service: Service, role: str) -> Obj:
    assigned = objects(service, "roleManagementPolicyAssignments")
    (policy,) = [one["policyId"] for one in assigned if one["roleDefinitionId"] == role]
    return service.store.tables["roleManagementPolicies"][str(policy)]


def loosen_roles_and_policies(service: Service) -> None:
    """Activating the role asks for nothing any more, and every policy is off."""
    policy = settings_of(service, custom_role(service))
    for rule in policy["rules"]:
        if rule["id"] == ENABLEMENT:
            path = f"/v1.0/policies/roleManagementPolicies/{policy['id']}/rules/{rule['id']}"
            body = {
                "@odata.type": rule["@odata.type"],
                "id": rule["id"],
                "target": rule["target"],
                "enabledRules": [],
            }
            scripted(service, "PATCH", path, body)
    for key in list(service.store.tables["conditionalAccessPolicies"]):
        scripted(service, "PATCH", f"{CA}/{key}", {"state": "disabled"})


def activated(service: Service) -> list[Obj]:
    return [
        one for one in objects(service, "roleAssignmentScheduleInstances") if one["assignmentType"] == "Activated"
    ]


def end_activations_and_unassign(service: Service) -> None:
    """Activated roles ended by themselves; and somebody took a role away that was given for good."""
    for one in activated(service):
        for table in ("roleAssignmentScheduleInstances", "roleAssignments"):
            put(service, table, str(one["id"]), None)
    instances = objects(service, "roleAssignmentScheduleInstances")
    lasting = next(
        one
        for one in instances
        if one["assignmentType"] == "Assigned"
        and one["endDateTime"] is None
        and one["principalId"] not in service.info["breakGlassIds"]
    )
    scripted(service, "DELETE", f"/v1.0/roleManagement/directory/roleAssignments/{lasting['id']}")

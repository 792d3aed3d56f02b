"""Damage to a small tenant: one of each that comes back in a way of its own; a test proves that none is missing."""

from __future__ import annotations

from typing import Any

from tests.restore_planned import delete, purge
from tests.restore_world import ORIGIN
from tests.simdirectory import scripted
from tests.simulator.service import Service

Obj = dict[str, Any]
_LOGO = "data:image/png;base64,iVBORw0KGgo="


def prepare(service: Service) -> None:
    """What a small tenant lacks: a manager, and owners where a link has to be written one by one."""
    tables = service.store.tables
    people = _people(service)
    reference = {"@odata.id": f"{ORIGIN}/v1.0/directoryObjects/{people[3]}"}
    scripted(service, "PUT", f"/v1.0/users/{people[1]}/manager/$ref", reference)
    application = _application(service)
    if people[3] not in service.store.targets("applications.owners", application):
        scripted(service, "POST", f"/v1.0/applications/{application}/owners/$ref", reference)
    scripted(service, "PUT", f"/v1.0/applications/{application}/logo", _LOGO)
    staff = next(key for key, one in tables["groups"].items() if one["displayName"] == "All staff")
    for person in people[:4]:
        if person not in service.store.targets("groups.members", staff):
            address = {"@odata.id": f"{ORIGIN}/v1.0/directoryObjects/{person}"}
            scripted(service, "POST", f"/v1.0/groups/{staff}/members/$ref", address)


def one_of_each(service: Service) -> None:
    """Deleted, purged, changed, turned off and unlinked: at least one of whatever comes back in its own way."""
    tables = service.store.tables
    people = _people(service)
    groups = {str(one["displayName"]): key for key, one in tables["groups"].items()}
    policies = {str(one["displayName"]): key for key, one in tables["conditionalAccessPolicies"].items()}
    locations = {str(one["displayName"]): key for key, one in tables["namedLocations"].items()}
    application = _application(service)
    app_id = tables["applications"][application]["appId"]
    principal = next(key for key, one in tables["servicePrincipals"].items() if one["appId"] == app_id)
    conditional_access = "/beta/identity/conditionalAccess"
    delete(service, "users", people[0])
    delete(service, "users", people[1], purge=True)
    scripted(service, "PATCH", f"/v1.0/users/{people[2]}", {"department": "Changed by the attacker"})
    delete(service, "groups", groups["All staff"], purge=True)
    tier_zero = groups["Tier-0 administrators"]
    for member in sorted(service.store.targets("groups.members", tier_zero))[:2]:
        scripted(service, "DELETE", f"/v1.0/groups/{tier_zero}/members/{member}/$ref")
    delete(service, "servicePrincipals", principal, purge=True)
    delete(service, "applications", application, purge=True)
    for name, key in sorted(policies.items()):
        scripted(service, "PATCH", f"{conditional_access}/policies/{key}", {"state": "disabled"})
        if "Block outside home countries" in name:
            scripted(service, "DELETE", f"{conditional_access}/policies/{key}")
            scripted(service, "DELETE", f"{conditional_access}/deletedItems/policies/{key}")
    location = next(key for name, key in locations.items() if name.startswith("Guest Wi-Fi"))
    scripted(service, "DELETE", f"{conditional_access}/namedLocations/{location}")
    scripted(service, "DELETE", f"{conditional_access}/deletedItems/namedLocations/{location}")
    scripted(service, "PATCH", "/v1.0/policies/authorizationPolicy", {"allowInvitesFrom": "everyone"})
    (organization,) = tables["organization"]
    scripted(
        service, "PATCH", f"/v1.0/organization/{organization}", {"technicalNotificationMails": ["x@evil.example"]}
    )
    governance(service)


def _people(service: Service) -> list[str]:
    return [
        key
        for key, one in sorted(
            service.store.tables["users"].items(), key=lambda item: str(item[1]["userPrincipalName"])
        )
        if str(one["userPrincipalName"]).startswith("user") and "#EXT#" not in str(one["userPrincipalName"])
    ]


def _application(service: Service) -> str:
    ours = set(service.info["holdfastApps"].values())
    return next(key for key, one in service.store.tables["applications"].items() if one["appId"] not in ours)


# --- what governs: units, grants, roles, strengths, contexts, methods, settings -------------------------------


def governance(service: Service) -> None:
    """Of each type something changed, and of those that can be made anew something purged."""
    access = "/v1.0/identity/conditionalAccess/authenticationContextClassReferences"
    strengths = "/v1.0/policies/authenticationStrengthPolicies"
    methods = "/v1.0/policies/authenticationMethodsPolicy"
    changed = {"description": "Changed by the attacker"}
    # A PATCH refuses combinations: they go back by an action.
    strength = _the(service, "authenticationStrengthPolicies", displayName="Partners’ methods")
    weak = {"allowedCombinations": ["password,sms", "password,voice"]}
    scripted(service, "POST", f"{strengths}/{strength}/updateAllowedCombinations", weak)
    ours = _the(service, "authenticationStrengthPolicies", displayName="Keys of ours only")
    purge(service, "authenticationStrengthPolicies", ours)
    # The creator chooses a context's id.
    scripted(service, "PATCH", f"{access}/c1", changed)
    purge(service, "authenticationContextClassReferences", "c2")
    # One that ends is made by a request.
    assignments = service.store.tables["roleAssignmentScheduleInstances"]
    ending = next(
        key for key, one in assignments.items() if one["assignmentType"] == "Assigned" and one["endDateTime"]
    )
    purge(service, "roleAssignments", ending)
    role = _the(service, "roleDefinitions", isBuiltIn=False, isEnabled=False)
    scripted(service, "PATCH", f"/v1.0/roleManagement/directory/roleDefinitions/{role}", changed)
    purge(service, "roleDefinitions", _the(service, "roleDefinitions", isBuiltIn=False, isEnabled=True))
    unit = _the(service, "administrativeUnits", visibility="Public")
    scripted(service, "PATCH", f"/v1.0/directory/administrativeUnits/{unit}", changed)
    purge(service, "administrativeUnits", _the(service, "administrativeUnits", isMemberManagementRestricted=True))
    grants = sorted(service.store.tables["oauth2PermissionGrants"])
    scripted(service, "PATCH", f"/v1.0/oauth2PermissionGrants/{grants[0]}", {"scope": "Directory.AccessAsUser.All"})
    purge(service, "oauth2PermissionGrants", grants[1])
    fido = "#microsoft.graph.fido2AuthenticationMethodConfiguration"
    scripted(
        service,
        "PATCH",
        f"{methods}/authenticationMethodConfigurations/Fido2",
        {"@odata.type": fido, "state": "disabled"},
    )
    campaign = {"snoozeDurationInDays": 14, "state": "disabled", "excludeTargets": [], "includeTargets": []}
    registration = {"authenticationMethodsRegistrationCampaign": campaign}
    scripted(service, "PATCH", methods, {"registrationEnforcement": registration})
    settings = sorted(service.store.tables["groupSettings"].items())
    flip = {"true": "false", "false": "true"}
    values = [{**one, "value": flip.get(one["value"], one["value"])} for one in settings[0][1]["values"]]
    scripted(service, "PATCH", f"/v1.0/groupSettings/{settings[0][0]}", {"values": values})
    purge(service, "groupSettings", settings[1][0])
    # A change of this one is a PUT, which resets what it leaves out.
    (consent,) = service.store.tables["adminConsentRequestPolicy"].values()
    members = ("isEnabled", "notifyReviewers", "remindersEnabled", "requestDurationInDays", "reviewers")
    asked = {**{name: consent[name] for name in members}, "isEnabled": False, "reviewers": []}
    scripted(service, "PUT", "/v1.0/policies/adminConsentRequestPolicy", asked)
    # An enabled app role is disabled before it goes.
    backup = service.info["holdfastApps"]["backup"]
    (application,) = (key for key, one in service.store.tables["applications"].items() if one["appId"] == backup)
    held = service.store.tables["applications"][application].get("appRoles") or []
    role_id = "3f9a1c52-6c1e-4d0b-9a55-0d8a4cf0b0ab"
    added = {"id": role_id, "value": "Evil", "displayName": "Evil", "description": "Evil", "isEnabled": True}
    added["allowedMemberTypes"] = ["Application"]
    scripted(service, "PATCH", f"/v1.0/applications/{application}", {"appRoles": [*held, added]})
    # What a policy of expiry manages is added to it by an action.
    (expiry,) = service.store.tables["groupLifecyclePolicies"]
    managed = next(iter(service.store.sources("groups.groupLifecyclePolicies", expiry)))
    scripted(service, "POST", f"/v1.0/groupLifecyclePolicies/{expiry}/removeGroup", {"groupId": managed})
    # A file is put and taken away at a path of its own.
    scripted(service, "PUT", f"/v1.0/applications/{application}/logo", _LOGO)


def _the(service: Service, table: str, **wanted: object) -> str:
    """The id of the one object that reads so."""
    (key,) = (
        key
        for key, one in service.store.tables[table].items()
        if all(one.get(name) == value for name, value in wanted.items())
    )
    return key

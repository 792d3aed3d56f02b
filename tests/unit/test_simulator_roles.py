"""Roles of the simulated tenant: definitions, assignments, activations, schedules, licences."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.clock import iso
from tests.simulator.inprocess import InProcessTenant, code_of, message_of, reference

ROOT = "/roleManagement/directory"
DEFINITIONS = f"{ROOT}/roleDefinitions"
ASSIGNMENTS = f"{ROOT}/roleAssignments"
INSTANCES = f"{ROOT}/roleAssignmentScheduleInstances"
REQUESTS = f"{ROOT}/roleAssignmentScheduleRequests"
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
GLOBAL_READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"


@pytest.fixture
def tenant() -> InProcessTenant:
    return InProcessTenant.planted("small")


def definition(**changes: Any) -> dict[str, Any]:
    permission = {"allowedResourceActions": ["microsoft.directory/applications/basic/update"]}
    return {"displayName": "Custom", "isEnabled": True, "rolePermissions": [permission], **changes}


def user_without_role(tenant: InProcessTenant) -> str:
    held = {a["principalId"] for a in tenant.store.tables["roleAssignments"].values()}
    held |= {m for group in held for m in tenant.store.targets("groups.members", group)}
    free = [k for k in tenant.store.order["users"] if k not in held]
    return next(k for k in free if not tenant.store.tables["users"][k].get("isManagementRestricted"))


def assignment(tenant: InProcessTenant, **changes: Any) -> dict[str, Any]:
    body = {"principalId": user_without_role(tenant), "roleDefinitionId": GLOBAL_READER, "directoryScopeId": "/"}
    return {**body, **changes}


def request_for(tenant: InProcessTenant, **changes: Any) -> dict[str, Any]:
    hours = {"expiration": {"type": "afterDuration", "duration": "PT8H"}}
    body = {"action": "adminAssign", "justification": "restored", "scheduleInfo": hours}
    return {**assignment(tenant), **body, **changes}


# --- definitions


async def test_built_in_roles_are_listed_and_never_change(tenant: InProcessTenant) -> None:
    shown = {d["id"]: d for d in await tenant.everything(DEFINITIONS)}
    assert shown[GLOBAL_ADMINISTRATOR]["isBuiltIn"] is True
    path = f"{DEFINITIONS}/{GLOBAL_ADMINISTRATOR}"
    assert (await tenant.patch(path, {"displayName": "x"})).status_code == 403
    assert (await tenant.delete(path)).status_code == 403


async def test_a_custom_role_lives_and_keeps_the_template_id_it_is_given(tenant: InProcessTenant) -> None:
    template = "11111111-2222-4333-8444-555555555555"
    made = (await tenant.post(DEFINITIONS, definition(templateId=template))).json()
    assert (made["templateId"], made["isBuiltIn"]) == (template, False)
    assert made["id"] != template
    assert (await tenant.post(DEFINITIONS, definition(templateId=template))).status_code == 400
    path = f"{DEFINITIONS}/{made['id']}"
    assert (await tenant.patch(path, {"isEnabled": False})).status_code == 204
    assert (await tenant.patch(path, {"templateId": made["id"]})).status_code == 400
    plain = (await tenant.post(DEFINITIONS, definition())).json()
    assert plain["templateId"] == plain["id"]


@pytest.mark.parametrize(
    "changes",
    [
        {"rolePermissions": []},
        {"rolePermissions": [{"allowedResourceActions": ["microsoft.office365/x"]}]},
        {"isBuiltIn": True},
        {"isEnabled": None},
        {"resourceScopes": ["/"]},
    ],
)
async def test_refused_definitions(tenant: InProcessTenant, changes: dict[str, Any]) -> None:
    assert (await tenant.post(DEFINITIONS, definition(**changes))).status_code == 400


async def test_a_custom_role_that_is_assigned_can_not_be_deleted(tenant: InProcessTenant) -> None:
    role = (await tenant.post(DEFINITIONS, definition())).json()["id"]
    made = (await tenant.post(ASSIGNMENTS, assignment(tenant, roleDefinitionId=role))).json()
    assert (await tenant.delete(f"{DEFINITIONS}/{role}")).status_code == 400
    assert (await tenant.delete(f"{ASSIGNMENTS}/{made['id']}")).status_code == 204
    assert (await tenant.delete(f"{DEFINITIONS}/{role}")).status_code == 204


async def test_custom_roles_need_a_licence(tenant: InProcessTenant) -> None:
    tenant.service.settings.premium = False
    assert (await tenant.post(DEFINITIONS, definition())).status_code == 403
    assert (await tenant.get(DEFINITIONS)).status_code == 200


async def test_a_purged_role_takes_its_assignments(tenant: InProcessTenant) -> None:
    custom = tenant.first("roleDefinitions", isBuiltIn=False, isEnabled=True)["id"]
    held = [a["id"] for a in tenant.store.tables["roleAssignments"].values() if a["roleDefinitionId"] == custom]
    assert held
    await tenant.post("/_sim/incident", {"requests": [{"op": "purge", "type": "roleDefinitions", "id": custom}]})
    assert (await tenant.get(f"{DEFINITIONS}/{custom}")).status_code == 404
    assert (await tenant.get(f"{ASSIGNMENTS}/{held[0]}")).status_code == 404


# --- assignments


async def test_an_assignment_is_unique_and_has_no_patch(tenant: InProcessTenant) -> None:
    body = assignment(tenant)
    made = await tenant.post(ASSIGNMENTS, body)
    assert made.status_code == 201
    again = await tenant.post(ASSIGNMENTS, body)
    assert again.status_code == 400
    assert "conflicting object" in message_of(again)
    assert (await tenant.patch(f"{ASSIGNMENTS}/{made.json()['id']}", {"condition": "x"})).status_code == 405
    unit = tenant.store.order["administrativeUnits"][0]
    scoped = {**body, "directoryScopeId": f"/administrativeUnits/{unit}"}
    assert (await tenant.post(ASSIGNMENTS, scoped)).status_code == 201


async def test_ids_of_assignments_are_not_guids(tenant: InProcessTenant) -> None:
    made = (await tenant.post(ASSIGNMENTS, assignment(tenant))).json()
    assert len(made["id"]) == 45
    found = await tenant.everything(f"{ASSIGNMENTS}?$filter=principalId eq '{made['principalId']}'")
    assert [a["id"] for a in found] == [made["id"]]


@pytest.mark.parametrize(
    "changes",
    [
        {"principalId": "00000000-0000-4000-8000-00000000dead"},
        {"roleDefinitionId": "00000000-0000-4000-8000-00000000dead"},
        {"directoryScopeId": "/administrativeUnits/00000000-0000-4000-8000-00000000dead"},
        {"directoryScopeId": None},
        {"appScopeId": "/"},
        {"principalOrganizationId": "00000000-0000-4000-8000-00000000dead"},
    ],
)
async def test_refused_assignments(tenant: InProcessTenant, changes: dict[str, Any]) -> None:
    assert (await tenant.post(ASSIGNMENTS, assignment(tenant, **changes))).status_code == 400


async def test_only_role_assignable_groups_hold_roles(tenant: InProcessTenant) -> None:
    plain = next(k for k, g in tenant.store.tables["groups"].items() if not g.get("isAssignableToRole"))
    fit = tenant.first("groups", isAssignableToRole=True)["id"]
    assert (await tenant.post(ASSIGNMENTS, assignment(tenant, principalId=plain))).status_code == 400
    assert (await tenant.post(ASSIGNMENTS, assignment(tenant, principalId=fit))).status_code == 201


async def test_break_glass_accounts_are_permanent_global_administrators(tenant: InProcessTenant) -> None:
    found = await tenant.everything(f"{INSTANCES}?$filter=roleDefinitionId eq '{GLOBAL_ADMINISTRATOR}'")
    assert {i["principalId"] for i in found} == set(tenant.service.info["breakGlassIds"])
    assert {(i["assignmentType"], i["memberType"], i["endDateTime"]) for i in found} == {
        ("Assigned", "Direct", None)
    }


async def test_the_last_global_administrator_keeps_the_role(tenant: InProcessTenant) -> None:
    held = tenant.store.tables["roleAssignments"].values()
    first, second = (a["id"] for a in held if a["roleDefinitionId"] == GLOBAL_ADMINISTRATOR)
    assert (await tenant.delete(f"{ASSIGNMENTS}/{first}")).status_code == 204
    assert (await tenant.delete(f"{ASSIGNMENTS}/{second}")).status_code == 400
    body = assignment(tenant, roleDefinitionId=GLOBAL_ADMINISTRATOR)
    assert (await tenant.post(ASSIGNMENTS, body)).status_code == 201
    assert (await tenant.delete(f"{ASSIGNMENTS}/{second}")).status_code == 204


async def test_roles_vanish_with_their_principal_and_come_back_with_it(tenant: InProcessTenant) -> None:
    body = assignment(tenant)
    made = (await tenant.post(ASSIGNMENTS, body)).json()
    await tenant.delete(f"/users/{body['principalId']}")
    assert (await tenant.get(f"{ASSIGNMENTS}/{made['id']}")).status_code == 404
    assert made["id"] not in {i["id"] for i in await tenant.everything(INSTANCES)}
    await tenant.post(f"/directory/deletedItems/{body['principalId']}/restore")
    assert (await tenant.get(f"{ASSIGNMENTS}/{made['id']}")).status_code == 200
    assert made["id"] in {i["id"] for i in await tenant.everything(INSTANCES)}
    purge = {"requests": [{"op": "purge", "type": "users", "id": body["principalId"]}]}
    await tenant.post("/_sim/incident", purge)
    truth = (await tenant.get("/_sim/objects/roleAssignments")).json()["value"]
    assert body["principalId"] not in {a["principalId"] for a in truth}


# --- activations and schedules


async def test_the_list_includes_activations_and_only_the_instance_tells(tenant: InProcessTenant) -> None:
    assignments = {a["id"] for a in await tenant.everything(ASSIGNMENTS)}
    instances = await tenant.everything(INSTANCES)
    activated = [i for i in instances if i["assignmentType"] == "Activated"]
    assert len(activated) == 1
    assert activated[0]["endDateTime"] is not None
    assert activated[0]["roleAssignmentOriginId"] in assignments
    direct = {i["id"] for i in instances if i["memberType"] == "Direct"}
    assert direct == assignments


async def test_members_of_a_group_that_holds_a_role_have_instances_of_their_own(tenant: InProcessTenant) -> None:
    group = tenant.first("groups", isAssignableToRole=True)["id"]
    user = user_without_role(tenant)
    tenant_members = set(tenant.store.targets("groups.members", group))
    if user not in tenant_members:
        assert (await tenant.post(f"/groups/{group}/members/$ref", reference(user))).status_code == 204
    found = [i for i in await tenant.everything(INSTANCES) if i["memberType"] == "Group"]
    assert {i["principalId"] for i in found} == tenant_members | {user}
    assert not {i["id"] for i in found} & {a["id"] for a in await tenant.everything(ASSIGNMENTS)}


@pytest.mark.parametrize("status", [400, 403])
async def test_without_p2_the_schedules_name_the_licence_and_nothing_is_activated(
    tenant: InProcessTenant, status: int
) -> None:
    before = await tenant.everything(ASSIGNMENTS)
    await tenant.post("/_sim/settings", {"premiumP2": False, "premiumRefusal": status})
    for path in (INSTANCES, REQUESTS):
        assert code_of(await tenant.get(path)) == (status, "AadPremiumLicenseRequired")
    answer = await tenant.post(REQUESTS, request_for(tenant))
    assert code_of(answer) == (status, "AadPremiumLicenseRequired")
    assert len(await tenant.everything(ASSIGNMENTS)) == len(before) - 1
    assert (await tenant.post(ASSIGNMENTS, assignment(tenant))).status_code == 201


async def test_a_time_bound_assignment_ends(tenant: InProcessTenant) -> None:
    body = request_for(tenant)
    made = await tenant.post(REQUESTS, body)
    assert (made.status_code, made.json()["status"]) == (201, "Provisioned")
    query = f"{INSTANCES}?$filter=principalId eq '{body['principalId']}'"
    (instance,) = await tenant.everything(query)
    assert instance["assignmentType"] == "Assigned"
    assert instance["roleAssignmentScheduleId"] == made.json()["targetScheduleId"]
    assert code_of(await tenant.post(REQUESTS, body)) == (400, "RoleAssignmentExists")
    tenant.service.clock.advance(9 * 3600)
    assert await tenant.everything(query) == []
    assert (await tenant.get(f"{ASSIGNMENTS}/{instance['id']}")).status_code == 404


async def test_an_assignment_in_the_future_is_not_there_yet(tenant: InProcessTenant) -> None:
    now = tenant.service.clock.now()
    when = {"startDateTime": iso(now + 3600), "expiration": {"type": "noExpiration"}}
    body = request_for(tenant, scheduleInfo=when)
    assert (await tenant.post(REQUESTS, body)).status_code == 201
    query = f"{ASSIGNMENTS}?$filter=principalId eq '{body['principalId']}'"
    assert await tenant.everything(query) == []
    tenant.service.clock.advance(3700)
    assert len(await tenant.everything(query)) == 1


async def test_a_dry_run_changes_nothing_and_a_removal_does(tenant: InProcessTenant) -> None:
    body = request_for(tenant, isValidationOnly=True)
    before = tenant.store.seq
    assert (await tenant.post(REQUESTS, body)).status_code == 201
    assert tenant.store.seq == before
    await tenant.post(REQUESTS, {**body, "isValidationOnly": False})
    gone = {**assignment(tenant, principalId=body["principalId"]), "action": "adminRemove"}
    assert (await tenant.post(REQUESTS, gone)).json()["status"] == "Revoked"
    assert code_of(await tenant.post(REQUESTS, gone)) == (400, "RoleAssignmentDoesNotExist")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"justification": None}, "RoleAssignmentRequestPolicyValidationFailed"),
        ({"scheduleInfo": None}, "BadRequest"),
        ({"scheduleInfo": {"expiration": {"type": "afterDuration", "duration": "soon"}}}, "BadRequest"),
        (
            {"scheduleInfo": {"expiration": {"type": "afterDateTime", "endDateTime": "2020-01-01T00:00:00Z"}}},
            "InvalidScheduleEnd",
        ),
        (
            {"scheduleInfo": {"startDateTime": "2020-01-01T00:00:00Z", "expiration": {"type": "noExpiration"}}},
            "InvalidScheduleStart",
        ),
        ({"action": "selfActivate"}, "BadRequest"),
    ],
)
async def test_refused_requests(tenant: InProcessTenant, changes: dict[str, Any], code: str) -> None:
    assert code_of(await tenant.post(REQUESTS, request_for(tenant, **changes))) == (400, code)


async def test_permissions(tenant: InProcessTenant) -> None:
    reader = tenant.with_roles("RoleManagement.Read.Directory")
    for path in (DEFINITIONS, ASSIGNMENTS, INSTANCES):
        assert (await reader.get(path)).status_code == 200
        assert (await tenant.with_roles("User.Read.All").get(path)).status_code == 403
    assert (await reader.post(ASSIGNMENTS, assignment(tenant))).status_code == 403
    assert (await tenant.with_roles("Directory.ReadWrite.All").post(ASSIGNMENTS, {})).status_code == 403


# --- eligibility

ELIGIBLE = f"{ROOT}/roleEligibilitySchedules"
ELIGIBLE_REQUESTS = f"{ROOT}/roleEligibilityScheduleRequests"


async def test_eligibility_is_given_and_taken_by_requests_and_gives_no_role(tenant: InProcessTenant) -> None:
    body = request_for(tenant)
    made = await tenant.post(ELIGIBLE_REQUESTS, body)
    assert made.status_code == 201
    schedule = (await tenant.get(f"{ELIGIBLE}/{made.json()['targetScheduleId']}")).json()
    assert schedule["scheduleInfo"]["expiration"]["type"] == "afterDateTime"
    assert await tenant.everything(f"{ASSIGNMENTS}?$filter=principalId eq '{body['principalId']}'") == []
    assert code_of(await tenant.post(ELIGIBLE_REQUESTS, body)) == (400, "RoleAssignmentExists")
    tenant.service.clock.advance(8 * 3600 + 1)
    assert (await tenant.get(f"{ELIGIBLE}/{schedule['id']}")).status_code == 404
    assert (await tenant.post(ELIGIBLE_REQUESTS, body)).status_code == 201
    assert (await tenant.post(ELIGIBLE_REQUESTS, {**body, "action": "adminRemove"})).status_code == 201
    assert await tenant.everything(f"{ELIGIBLE}?$filter=principalId eq '{body['principalId']}'") == []


async def test_members_of_an_eligible_group_show_schedules_of_their_own(tenant: InProcessTenant) -> None:
    shown = await tenant.everything(ELIGIBLE)
    stored = {one["id"] for one in tenant.store.tables["roleEligibilitySchedules"].values()}
    through = [one for one in shown if one["id"] not in stored]
    assert through
    assert {one["memberType"] for one in through} == {"Group"}


async def test_eligibility_needs_the_licence(tenant: InProcessTenant) -> None:
    tenant.service.settings.premium_p2 = False
    assert code_of(await tenant.get(ELIGIBLE)) == (400, "AadPremiumLicenseRequired")


# --- settings

POLICIES = "/policies/roleManagementPolicies"
POLICY_ASSIGNMENTS = "/policies/roleManagementPolicyAssignments"
OF_ROLES = "$filter=scopeId eq '/' and scopeType eq 'DirectoryRole'"


async def rules_of(tenant: InProcessTenant, role: str) -> dict[str, Any]:
    query = f"{POLICY_ASSIGNMENTS}?{OF_ROLES} and roleDefinitionId eq '{role}'&$expand=policy($expand=rules)"
    (held,) = await tenant.everything(query)
    return dict(held["policy"])


async def test_every_role_has_settings_of_seventeen_rules_and_a_new_role_gets_its_own(
    tenant: InProcessTenant,
) -> None:
    assert (await tenant.get(POLICIES)).status_code == 400
    roles = {one["id"] for one in await tenant.everything(DEFINITIONS)}
    held = await tenant.everything(f"{POLICY_ASSIGNMENTS}?{OF_ROLES}")
    assert {one["roleDefinitionId"] for one in held} == roles
    made = (await tenant.post(DEFINITIONS, definition())).json()["id"]
    policy = await rules_of(tenant, made)
    assert len(policy["rules"]) == 17
    path = f"{POLICIES}/{policy['id']}"
    assert (await tenant.get(f"{path}/rules")).json()["value"] == policy["rules"]
    assert (await tenant.get(f"{path}?$expand=rules")).json()["rules"] == policy["rules"]
    assert (await tenant.delete(f"{DEFINITIONS}/{made}")).status_code == 204
    assert (await tenant.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("name", "changes", "status"),
    [
        ("Expiration_Admin_Eligibility", {"maximumDuration": "P30D"}, 200),
        ("Expiration_Admin_Eligibility", {"maximumDuration": "for long"}, 400),
        ("Expiration_Admin_Eligibility", {"target": None}, 400),
        ("Expiration_Admin_Eligibility", {"@odata.type": None}, 400),
        ("Expiration_Admin_Eligibility", {"claimValue": "c1"}, 400),
        ("Enablement_EndUser_Assignment", {"enabledRules": ["Anything"]}, 400),
        ("AuthenticationContext_EndUser_Assignment", {"isEnabled": True, "claimValue": "c1"}, 200),
        ("AuthenticationContext_EndUser_Assignment", {"isEnabled": True, "claimValue": "c77"}, 400),
        ("Approval_EndUser_Assignment", {"setting": {"approvalStages": [{"primaryApprovers": [{}]}]}}, 400),
        ("Nothing_EndUser_Assignment", {}, 404),
    ],
)
async def test_a_rule_is_changed_alone_with_its_type_and_target(
    tenant: InProcessTenant, name: str, changes: dict[str, Any], status: int
) -> None:
    policy = await rules_of(tenant, GLOBAL_READER)
    rule = next((one for one in policy["rules"] if one["id"] == name), policy["rules"][0])
    body = {"@odata.type": rule["@odata.type"], "target": rule["target"], **changes}
    assert (await tenant.patch(f"{POLICIES}/{policy['id']}/rules/{name}", body)).status_code == status
    after = await rules_of(tenant, GLOBAL_READER)
    changed = [new["id"] for old, new in zip(policy["rules"], after["rules"], strict=True) if old != new]
    assert changed == ([name] if status == 200 else [])


async def test_eligibility_for_longer_than_the_rule_allows_is_refused(tenant: InProcessTenant) -> None:
    policy = await rules_of(tenant, GLOBAL_READER)
    rule = next(one for one in policy["rules"] if one["id"] == "Expiration_Admin_Eligibility")
    strict = {**rule, "isExpirationRequired": True, "maximumDuration": "PT8H"}
    assert (await tenant.patch(f"{POLICIES}/{policy['id']}/rules/{rule['id']}", strict)).status_code == 200
    always = request_for(tenant, scheduleInfo={"expiration": {"type": "noExpiration"}})
    answer = await tenant.post(ELIGIBLE_REQUESTS, always)
    assert (answer.status_code, "ExpirationRule" in message_of(answer)) == (400, True)
    assert (await tenant.post(ELIGIBLE_REQUESTS, request_for(tenant))).status_code == 201

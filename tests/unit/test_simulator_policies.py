"""Strengths, contexts, methods and group settings of the simulated tenant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.inprocess import InProcessTenant, message_of
from tests.simulator.rules.registry import words
from tests.unit.test_simulator_bad_values import VALUES
from tests.unit.test_simulator_conditional_access import POLICIES, policy

STRENGTHS = "/policies/authenticationStrengthPolicies"
CONTEXTS = "/identity/conditionalAccess/authenticationContextClassReferences"
METHODS = "/policies/authenticationMethodsPolicy"
CONFIGURATIONS = f"{METHODS}/authenticationMethodConfigurations"
SETTINGS = "/groupSettings"
MEMBERS = words(
    "id displayName description members membershipRule membershipType visibility clientId resourceId "
    "principalId consentType scope allowedCombinations isAvailable state includeTargets excludeTargets "
    "keyRestrictions policyMigrationState registrationEnforcement rolePermissions templateId "
    "roleDefinitionId directoryScopeId scheduleInfo justification action values "
    "isMemberManagementRestricted @odata.type nonsense"
)
UNIFIED = "62375ab9-6b52-47ed-826b-58e47e0e304b"


@pytest.fixture
def tenant() -> InProcessTenant:
    return InProcessTenant.planted("small")


def strength(**changes: Any) -> dict[str, Any]:
    return {"displayName": "Ours", "allowedCombinations": ["fido2", "password, sms"], **changes}


def fido(**changes: Any) -> dict[str, Any]:
    kind = "#microsoft.graph.fido2CombinationConfiguration"
    keys = ["de1e552d-db1d-4423-a619-566b625cdc84"]
    return {"@odata.type": kind, "appliesToCombinations": ["fido2"], "allowedAAGUIDs": keys, **changes}


def with_strength(key: str) -> dict[str, Any]:
    return policy(grantControls={"operator": "OR", "builtInControls": [], "authenticationStrength": {"id": key}})


# --- strengths


async def test_built_in_strengths_are_read_only(tenant: InProcessTenant) -> None:
    shown = await tenant.everything(STRENGTHS)
    built_in = [s for s in shown if s["policyType"] == "builtIn"]
    assert len(built_in) == 3
    path = f"{STRENGTHS}/{built_in[0]['id']}"
    assert (await tenant.patch(path, {"displayName": "x"})).status_code == 403
    assert (await tenant.delete(path)).status_code == 403
    answer = await tenant.post(f"{path}/updateAllowedCombinations", {"allowedCombinations": ["fido2"]})
    assert answer.status_code == 403
    assert (await tenant.post(f"{path}/combinationConfigurations", fido())).status_code == 403


async def test_combinations_change_by_their_action_only(tenant: InProcessTenant) -> None:
    made = (await tenant.post(STRENGTHS, strength())).json()
    assert made["allowedCombinations"] == ["fido2", "password,sms"]
    assert (made["policyType"], made["requirementsSatisfied"]) == ("custom", "mfa")
    path = f"{STRENGTHS}/{made['id']}"
    assert (await tenant.patch(path, {"displayName": "New", "description": None})).status_code == 204
    answer = await tenant.patch(path, {"allowedCombinations": ["fido2"]})
    assert "updateAllowedCombinations" in message_of(answer)
    action = await tenant.post(f"{path}/updateAllowedCombinations", {"allowedCombinations": ["fido2"]})
    assert action.status_code == 200
    assert action.json()["previousCombinations"] == ["fido2", "password,sms"]
    assert action.json()["currentCombinations"] == ["fido2"]
    now = (await tenant.get(path)).json()
    assert (now["displayName"], now["allowedCombinations"]) == ("New", ["fido2"])


@pytest.mark.parametrize(
    "changes",
    [
        {"allowedCombinations": []},
        {"allowedCombinations": ["fido2", "fido2"]},
        {"allowedCombinations": ["fido2,sms"]},
        {"allowedCombinations": ["magic"]},
        {"allowedCombinations": None},
        {"policyType": "custom"},
        {"requirementsSatisfied": "mfa"},
        {"combinationConfigurations": []},
    ],
)
async def test_refused_strengths(tenant: InProcessTenant, changes: dict[str, Any]) -> None:
    assert (await tenant.post(STRENGTHS, strength(**changes))).status_code == 400


async def test_combination_configurations_belong_to_their_policy(tenant: InProcessTenant) -> None:
    made = (await tenant.post(STRENGTHS, strength())).json()
    path = f"{STRENGTHS}/{made['id']}"
    parts = f"{path}/combinationConfigurations"
    assert (await tenant.post(parts, fido(**{"@odata.type": None}))).status_code == 400
    assert (await tenant.post(parts, fido(appliesToCombinations=["password,sms"]))).status_code == 400
    child = (await tenant.post(parts, fido())).json()
    assert (await tenant.get(path)).json()["combinationConfigurations"] == [
        {k: v for k, v in child.items() if k != "@odata.context"}
    ]
    left_out = await tenant.post(f"{path}/updateAllowedCombinations", {"allowedCombinations": ["password,sms"]})
    assert left_out.status_code == 400
    assert (await tenant.patch(f"{parts}/{child['id']}", fido(allowedAAGUIDs=[]))).status_code == 204
    assert (await tenant.get(f"{parts}/{child['id']}")).json()["allowedAAGUIDs"] == []
    other = (await tenant.post(STRENGTHS, strength())).json()["id"]
    wrong = f"{STRENGTHS}/{other}/combinationConfigurations/{child['id']}"
    assert (await tenant.delete(wrong)).status_code == 404
    assert (await tenant.delete(path)).status_code == 204
    assert child["id"] not in tenant.store.tables["combinationConfigurations"]


async def test_a_policy_names_only_strengths_that_exist(tenant: InProcessTenant) -> None:
    made = (await tenant.post(STRENGTHS, strength())).json()["id"]
    used = await tenant.post(f"/beta{POLICIES}", with_strength(made))
    assert used.status_code == 201
    assert used.json()["grantControls"]["authenticationStrength"]["displayName"] == "Ours"
    assert (await tenant.delete(f"{STRENGTHS}/{made}")).status_code == 400
    assert (await tenant.delete(f"{POLICIES}/{used.json()['id']}")).status_code == 204
    assert (await tenant.delete(f"{STRENGTHS}/{made}")).status_code == 204
    assert (await tenant.post(f"/beta{POLICIES}", with_strength(made))).status_code == 400


async def test_a_purged_strength_takes_its_configurations_and_leaves_the_policy_dangling(
    tenant: InProcessTenant,
) -> None:
    held = tenant.first("conditionalAccessPolicies", displayName="SEED09 Strong methods for admins")
    key = held["grantControls"]["authenticationStrength"]["id"]
    request = {"op": "purge", "type": "authenticationStrengthPolicies", "id": key}
    assert (await tenant.post("/_sim/incident", {"requests": [request]})).json()["failed"] == 0
    assert tenant.store.tables["combinationConfigurations"] == {}
    shown = (await tenant.get(f"/beta{POLICIES}/{held['id']}")).json()
    assert shown["grantControls"]["authenticationStrength"] == {"id": key}


async def test_selecting_leaves_configurations_out_unless_they_are_expanded(tenant: InProcessTenant) -> None:
    plain = await tenant.everything(f"{STRENGTHS}?$select=id,displayName")
    assert {frozenset(s) for s in plain} == {frozenset(("id", "displayName"))}
    whole = await tenant.everything(f"{STRENGTHS}?$select=id&$expand=combinationConfigurations")
    assert sum(len(s["combinationConfigurations"]) for s in whole) == 2


# --- contexts


@pytest.mark.parametrize("key", ["c0", "c100", "C1", "x1", "c01"])
async def test_ids_of_contexts_are_c1_to_c99(tenant: InProcessTenant, key: str) -> None:
    assert (await tenant.patch(f"{CONTEXTS}/{key}", {"displayName": "x"})).status_code == 400
    assert (await tenant.post(CONTEXTS, {"id": key, "displayName": "x"})).status_code == 400


async def test_patch_creates_a_context(tenant: InProcessTenant) -> None:
    body = {"id": "c99", "displayName": "New", "description": "d", "isAvailable": True}
    assert (await tenant.patch(f"{CONTEXTS}/c99", {"isAvailable": True})).status_code == 400
    assert (await tenant.patch(f"{CONTEXTS}/c99", body)).status_code == 204
    shown = (await tenant.get(f"{CONTEXTS}/c99")).json()
    assert {k: shown[k] for k in body} == body
    assert (await tenant.post(CONTEXTS, body)).status_code == 409
    assert (await tenant.patch(f"{CONTEXTS}/c99", {"id": "c98"})).status_code == 400


async def test_a_context_in_use_can_not_be_deleted_and_policies_name_existing_ones(tenant: InProcessTenant) -> None:
    def naming(key: str) -> dict[str, Any]:
        whole = policy()
        whole["conditions"] = {
            **whole["conditions"],
            "applications": {"includeAuthenticationContextClassReferences": [key]},
        }
        return whole

    assert (await tenant.post(f"/beta{POLICIES}", naming("c42"))).status_code == 400
    assert (await tenant.post(f"/beta{POLICIES}", naming("c2"))).status_code == 201
    assert (await tenant.delete(f"{CONTEXTS}/c1")).status_code == 400
    assert (await tenant.delete(f"{CONTEXTS}/c2")).status_code == 400
    await tenant.patch(f"{CONTEXTS}/c1", {"isAvailable": False})
    assert (await tenant.delete(f"{CONTEXTS}/c1")).status_code == 204
    assert (await tenant.get(f"{CONTEXTS}/c1")).status_code == 404


async def test_contexts_share_the_slow_lane_and_the_licence_of_conditional_access() -> None:
    tenant = InProcessTenant.planted("small", throttling=True)
    answers = [await tenant.get(CONTEXTS) for _ in range(4)]
    refused = [a for a in answers if a.status_code == 429]
    assert refused
    assert "retry-after" not in refused[0].headers
    await tenant.post("/_sim/settings", {"throttling": False, "premium": False})
    assert (await tenant.get(CONTEXTS)).status_code == 403


# --- methods


async def test_the_methods_policy_shows_every_configuration(tenant: InProcessTenant) -> None:
    shown = (await tenant.get(METHODS)).json()
    found = {c["id"]: c for c in shown["authenticationMethodConfigurations"]}
    assert {"Fido2", "MicrosoftAuthenticator", "Sms", "X509Certificate", "QRCodePin"} <= set(found)
    assert found["Fido2"]["@odata.type"] == "#microsoft.graph.fido2AuthenticationMethodConfiguration"
    assert found["Sms"]["includeTargets"][0]["id"] == "all_users"
    assert (await tenant.patch(METHODS, {"authenticationMethodConfigurations": []})).status_code == 400
    assert (await tenant.patch(METHODS, {"displayName": "x"})).status_code == 400
    assert (await tenant.patch(METHODS, {"reconfirmationInDays": 7})).status_code == 204


async def test_a_configuration_is_written_alone_with_its_type(tenant: InProcessTenant) -> None:
    path = f"{CONFIGURATIONS}/sms"
    kind = "#microsoft.graph.smsAuthenticationMethodConfiguration"
    assert (await tenant.patch(path, {"state": "enabled"})).status_code == 400
    wrong = {"@odata.type": "#microsoft.graph.voiceAuthenticationMethodConfiguration", "state": "enabled"}
    assert (await tenant.patch(path, wrong)).status_code == 400
    group = tenant.store.order["groups"][0]
    target = {"targetType": "group", "id": group, "isRegistrationRequired": False, "isUsableForSignIn": True}
    body = {"@odata.type": kind, "state": "enabled", "includeTargets": [target]}
    assert (await tenant.patch(path, body)).status_code == 204
    shown = (await tenant.get(path)).json()
    assert (shown["id"], shown["state"], shown["includeTargets"]) == ("Sms", "enabled", [target])
    missing = {**target, "id": "00000000-0000-4000-8000-00000000dead"}
    assert (await tenant.patch(path, {**body, "includeTargets": [missing]})).status_code == 400
    assert (await tenant.patch(path, {**body, "includeTargets": [{**target, "nonsense": 1}]})).status_code == 400
    assert (await tenant.get(f"{CONFIGURATIONS}/Magic")).status_code == 404
    assert (await tenant.delete(path)).status_code == 405
    assert (await tenant.post(CONFIGURATIONS, body)).status_code == 405


async def test_every_configuration_can_be_written_back_as_it_is_shown(tenant: InProcessTenant) -> None:
    before = (await tenant.get(METHODS)).json()["authenticationMethodConfigurations"]
    for one in before:
        body = {k: v for k, v in one.items() if v is not None}
        answer = await tenant.patch(f"{CONFIGURATIONS}/{one['id']}", body)
        assert answer.status_code == 204, answer.text
    assert (await tenant.get(METHODS)).json()["authenticationMethodConfigurations"] == before


async def test_a_completed_migration_stays(tenant: InProcessTenant) -> None:
    assert (await tenant.patch(METHODS, {"policyMigrationState": "migrationComplete"})).status_code == 204
    assert (await tenant.patch(METHODS, {"policyMigrationState": "preMigration"})).status_code == 400


# --- group settings


async def setting_of(tenant: InProcessTenant, template: str, **changes: str) -> dict[str, Any]:
    shown = (await tenant.get(f"/groupSettingTemplates/{template}")).json()
    values = {v["name"]: changes.get(v["name"], v["defaultValue"]) for v in shown["values"]}
    return {"templateId": template, "values": [{"name": n, "value": v} for n, v in values.items()]}


async def test_one_setting_per_template_with_every_value(tenant: InProcessTenant) -> None:
    held = tenant.first("groupSettings", templateId=UNIFIED)["id"]
    body = await setting_of(tenant, UNIFIED, EnableGroupCreation="false")
    assert (await tenant.post(SETTINGS, body)).status_code == 400
    assert (await tenant.delete(f"{SETTINGS}/{held}")).status_code == 204
    some = {**body, "values": body["values"][:3]}
    assert (await tenant.post(SETTINGS, some)).status_code == 400
    made = await tenant.post(SETTINGS, body)
    assert (made.status_code, made.json()["displayName"]) == (201, "Group.Unified")
    path = f"{SETTINGS}/{made.json()['id']}"
    assert (await tenant.patch(path, {"values": body["values"][:3]})).status_code == 400
    assert (await tenant.patch(path, {"templateId": UNIFIED})).status_code == 400
    again = await setting_of(tenant, UNIFIED, EnableGroupCreation="true")
    assert (await tenant.patch(path, {"values": again["values"]})).status_code == 204
    assert (await tenant.get(path)).json()["values"] == again["values"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("EnableGroupCreation", "maybe"), ("GroupCreationAllowedGroupId", "x"), ("EnableGroupCreation", None)],
)
async def test_values_are_strings_of_the_templates_type(tenant: InProcessTenant, name: str, value: Any) -> None:
    held = tenant.first("groupSettings", templateId=UNIFIED)["id"]
    body = await setting_of(tenant, UNIFIED, **{name: value})
    assert (await tenant.patch(f"{SETTINGS}/{held}", {"values": body["values"]})).status_code == 400


@pytest.mark.parametrize("key", ["08d542b9-071f-4e16-94b0-74abb372e3d9", "00000000-0000-4000-8000-00000000dead"])
async def test_only_templates_of_tenant_wide_settings(tenant: InProcessTenant, key: str) -> None:
    body = {"templateId": key, "values": [{"name": "AllowToAddGuests", "value": "true"}]}
    assert (await tenant.post(SETTINGS, body)).status_code == 400


async def test_the_beta_names_settings_otherwise(tenant: InProcessTenant) -> None:
    assert (await tenant.get(f"/beta{SETTINGS}")).status_code == 400
    assert (await tenant.get("/beta/groupSettingTemplates")).status_code == 400


async def test_permissions(tenant: InProcessTenant) -> None:
    reads = {
        STRENGTHS: "Policy.Read.AuthenticationMethod",
        CONTEXTS: "AuthenticationContext.Read.All",
        METHODS: "Policy.Read.AuthenticationMethod",
        SETTINGS: "GroupSettings.Read.All",
        "/groupSettingTemplates": "GroupSettings.Read.All",
    }
    for path, permission in reads.items():
        reader = tenant.with_roles(permission)
        assert (await reader.get(path)).status_code == 200
        assert (await tenant.with_roles("User.Read.All").get(path)).status_code == 403
        assert (await reader.post(path, {})).status_code in (403, 405)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/directory/administrativeUnits", {"displayName": "x"}),
        (
            "/oauth2PermissionGrants",
            {"clientId": "<client>", "resourceId": "<resource>", "consentType": "AllPrincipals", "scope": "x"},
        ),
        (STRENGTHS, strength()),
        (CONTEXTS, {"id": "c50", "displayName": "x"}),
        (METHODS, {}),
        (f"{CONFIGURATIONS}/Fido2", {"@odata.type": "#microsoft.graph.fido2AuthenticationMethodConfiguration"}),
        (
            "/roleManagement/directory/roleDefinitions",
            {"displayName": "x", "isEnabled": True, "rolePermissions": []},
        ),
        (
            "/roleManagement/directory/roleAssignments",
            {"principalId": "<user>", "roleDefinitionId": "<role>", "directoryScopeId": "/"},
        ),
        (
            "/roleManagement/directory/roleAssignmentScheduleRequests",
            {
                "action": "adminAssign",
                "principalId": "<user>",
                "roleDefinitionId": "<role>",
                "directoryScopeId": "/",
                "justification": "x",
                "scheduleInfo": {"expiration": {"type": "noExpiration"}},
            },
        ),
        (
            "/roleManagement/directory/roleEligibilityScheduleRequests",
            {
                "action": "adminAssign",
                "principalId": "<user>",
                "roleDefinitionId": "<role>",
                "directoryScopeId": "/",
                "justification": "x",
                "scheduleInfo": {"expiration": {"type": "noExpiration"}},
            },
        ),
        (SETTINGS, {"templateId": UNIFIED}),
    ],
)
async def test_nothing_that_a_client_sends_makes_the_tenant_fail(
    tenant: InProcessTenant, path: str, body: dict[str, Any]
) -> None:
    known = {
        "<client>": tenant.store.order["servicePrincipals"][0],
        "<resource>": tenant.store.order["servicePrincipals"][1],
        "<user>": tenant.first("users", userType="Member")["id"],
        "<role>": tenant.store.order["roleDefinitions"][0],
    }
    body = {k: known.get(v, v) if isinstance(v, str) else v for k, v in body.items()}
    shown = await tenant.get(path)
    held = shown.json().get("value")
    target = f"{path}/{held[0]['id']}" if held else path
    for name in MEMBERS:
        for value in VALUES:
            for answer in (
                await tenant.post(path, {**body, name: value}),
                await tenant.patch(target, {**body, name: value}),
            ):
                assert answer.status_code < 500, (name, value)
    assert (await tenant.get(path)).status_code == 200

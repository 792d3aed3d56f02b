"""The simulated tenant's conditional access: validation, references, preview members, and the bin of its own."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.reference import ABSENT
from tests.simulator.inprocess import InProcessTenant, code_of, message_of
from tests.simulator.schema import is_derived
from tests.simulator.seeds_real import reference_folder

ROOT = "/identity/conditionalAccess"
POLICIES = f"{ROOT}/policies"
LOCATIONS = f"{ROOT}/namedLocations"
BIN = f"{ROOT}/deletedItems"
NOBODY = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture
def tenant() -> InProcessTenant:
    return InProcessTenant.planted("small")


def policy(**more: Any) -> dict[str, Any]:
    return {
        "displayName": "New",
        "state": "disabled",
        "conditions": {
            "clientAppTypes": ["all"],
            "applications": {"includeApplications": ["All"]},
            "users": {"includeUsers": ["All"]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
        **more,
    }


def with_condition(**conditions: Any) -> dict[str, Any]:
    body = policy()
    body["conditions"].update(conditions)
    return body


def ip_location(**more: Any) -> dict[str, Any]:
    ranges = [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "203.0.113.0/24"}]
    return {"@odata.type": "#microsoft.graph.ipNamedLocation", "displayName": "L", "ipRanges": ranges, **more}


async def test_a_policy_is_created_shown_and_changed(tenant: InProcessTenant) -> None:
    made = await tenant.post(POLICIES, policy())
    assert made.status_code == 201
    path = f"{POLICIES}/{made.json()['id']}"
    assert (await tenant.patch(path, {"state": "enabled"})).status_code == 204
    assert (await tenant.get(path)).json()["state"] == "enabled"
    assert (await tenant.delete(path)).status_code == 204
    assert (await tenant.get(path)).status_code == 404


@pytest.mark.parametrize(
    "more",
    [
        {"state": "on"},
        {"conditions": {}},
        {"grantControls": None},
        {"id": NOBODY},
        {"createdDateTime": "2024-01-01T00:00:00Z"},
        {"templateId": None},
        {"nonsense": 1},
        {"sessionControls": {}},
        {"#microsoft.graph.restore": {}},
        {"grantControls": {"operator": "OR", "builtInControls": []}},
        {"grantControls": {"operator": "OR", "builtInControls": ["laserScan"]}},
        {"grantControls": {"operator": "OR", "builtInControls": ["block", "mfa"]}},
        {"grantControls": {"operator": "OR", "authenticationStrength": {"id": NOBODY}}},
        {"sessionControls": {"signInFrequency": {"isEnabled": True}}},
    ],
)
async def test_malformed_policies_are_refused(tenant: InProcessTenant, more: dict[str, Any]) -> None:
    assert (await tenant.post(POLICIES, policy(**more))).status_code == 400


@pytest.mark.parametrize(
    "conditions",
    [
        {"users": {"includeUsers": [NOBODY]}},
        {"users": {"includeUsers": ["All"], "excludeUsers": [NOBODY]}},
        {"users": {"includeUsers": ["All"], "excludeGroups": [NOBODY]}},
        {"users": {"includeRoles": [NOBODY]}},
        {"locations": {"includeLocations": [NOBODY]}},
        {"applications": {"includeApplications": [NOBODY]}},
        {"clientApplications": {"includeServicePrincipals": [NOBODY]}},
        {"users": {}},
        {"applications": {}},
        {"clientAppTypes": []},
    ],
)
async def test_policies_that_name_what_does_not_exist_are_refused(
    tenant: InProcessTenant, conditions: dict[str, Any]
) -> None:
    assert (await tenant.post(POLICIES, with_condition(**conditions))).status_code == 400
    existing = tenant.store.order["conditionalAccessPolicies"][0]
    whole = with_condition(**conditions)["conditions"]
    assert (await tenant.patch(f"{POLICIES}/{existing}", {"conditions": whole})).status_code == 400


async def test_a_strength_is_written_by_id_and_shown_whole(tenant: InProcessTenant) -> None:
    strength = {"id": "00000000-0000-0000-0000-000000000004"}
    grant = {"operator": "OR", "builtInControls": [], "authenticationStrength": strength}
    made = (await tenant.post(POLICIES, policy(grantControls=grant))).json()
    shown = made["grantControls"]["authenticationStrength"]
    assert shown["displayName"] == "Phishing-resistant MFA"
    grant["authenticationStrength"] = shown
    assert (await tenant.post(POLICIES, policy(grantControls=grant))).status_code == 400


async def test_nested_objects_are_replaced_whole(tenant: InProcessTenant) -> None:
    group = tenant.service.info["breakGlassGroupId"]
    users = {"includeUsers": ["All"], "excludeGroups": [group]}
    made = (await tenant.post(POLICIES, with_condition(users=users))).json()
    fresh = with_condition()["conditions"]
    await tenant.patch(f"{POLICIES}/{made['id']}", {"conditions": fresh})
    assert (await tenant.get(f"{POLICIES}/{made['id']}")).json()["conditions"]["users"]["excludeGroups"] == []


async def test_a_deleted_group_dangles_in_the_policy_and_blocks_the_next_write_of_conditions(
    tenant: InProcessTenant,
) -> None:
    group = tenant.service.info["breakGlassGroupId"]
    held = next(
        p
        for p in tenant.store.tables["conditionalAccessPolicies"].values()
        if group in p["conditions"]["users"]["excludeGroups"]
    )
    await tenant.delete(f"/groups/{group}")
    shown = (await tenant.get(f"{POLICIES}/{held['id']}")).json()
    assert group in shown["conditions"]["users"]["excludeGroups"]
    assert (await tenant.patch(f"{POLICIES}/{held['id']}", {"state": "disabled"})).status_code == 204
    again = await tenant.patch(f"{POLICIES}/{held['id']}", {"conditions": shown["conditions"]})
    assert again.status_code == 400
    assert group in message_of(again)


async def test_writing_policies_needs_both_permissions(tenant: InProcessTenant) -> None:
    assert (
        await tenant.with_roles("Policy.ReadWrite.ConditionalAccess").post(POLICIES, policy())
    ).status_code == 403
    assert (await tenant.with_roles("Policy.Read.All").post(POLICIES, policy())).status_code == 403


async def test_preview_members_belong_to_beta_alone(tenant: InProcessTenant) -> None:
    session = {"continuousAccessEvaluation": {"mode": "strictLocation"}}
    body = policy(sessionControls=session)
    refused = await tenant.post(POLICIES, body)
    assert (refused.status_code, message_of(refused)[:4]) == (400, "1038")
    made = await tenant.post(f"/beta{POLICIES}", body)
    assert made.status_code == 201
    path = f"{POLICIES}/{made.json()['id']}"
    for address in (path, POLICIES):
        answer = await tenant.get(address)
        assert (answer.status_code, message_of(answer)[:4]) == (400, "1037")
    assert (await tenant.patch(path, {"state": "enabled"})).status_code == 400
    assert (await tenant.patch(f"/beta{path}", {"state": "enabled"})).status_code == 204
    assert (await tenant.get(f"/beta{path}")).json()["sessionControls"]["continuousAccessEvaluation"] is not None


async def test_values_of_abstract_types_must_say_what_they_are(tenant: InProcessTenant) -> None:
    external = {"membershipKind": "all"}
    users = {
        "includeGuestsOrExternalUsers": {"guestOrExternalUserTypes": "serviceProvider", "externalTenants": external}
    }
    assert (await tenant.post(POLICIES, with_condition(users=users))).status_code == 400
    external["@odata.type"] = "#microsoft.graph.conditionalAccessAllExternalTenants"
    assert (await tenant.post(POLICIES, with_condition(users=users))).status_code == 201


async def test_without_the_licence_the_paths_are_refused(tenant: InProcessTenant) -> None:
    tenant.service.settings.premium = False
    assert code_of(await tenant.get(POLICIES)) == (403, "AccessDenied")
    assert (await tenant.get("/users")).status_code == 200


# --- locations


async def test_a_location_needs_its_type_on_every_write(tenant: InProcessTenant) -> None:
    made = (await tenant.post(LOCATIONS, ip_location())).json()
    path = f"{LOCATIONS}/{made['id']}"
    assert made["ipRanges"][0]["cidrAddress"] == "203.0.113.0/24"
    assert (await tenant.patch(path, {"displayName": "M"})).status_code == 400
    kind = {"@odata.type": "#microsoft.graph.ipNamedLocation"}
    assert (await tenant.patch(path, {**kind, "isTrusted": True})).status_code == 204
    other = {"@odata.type": "#microsoft.graph.countryNamedLocation"}
    assert (await tenant.patch(path, {**other, "displayName": "M"})).status_code == 400
    body = ip_location()
    del body["@odata.type"]
    assert (await tenant.post(LOCATIONS, body)).status_code == 400


async def test_a_location_that_is_named_or_trusted_stays(tenant: InProcessTenant) -> None:
    trusted = (await tenant.post(LOCATIONS, ip_location(isTrusted=True))).json()["id"]
    assert (await tenant.delete(f"{LOCATIONS}/{trusted}")).status_code == 400
    named = (await tenant.post(LOCATIONS, ip_location())).json()["id"]
    body = with_condition(locations={"includeLocations": ["All"], "excludeLocations": [named]})
    held = (await tenant.post(POLICIES, body)).json()["id"]
    assert (await tenant.delete(f"{LOCATIONS}/{named}")).status_code == 400
    await tenant.delete(f"{POLICIES}/{held}")
    assert (await tenant.delete(f"{LOCATIONS}/{named}")).status_code == 204


# --- the bin


async def test_a_policy_comes_back_as_it_was_enabled_included(tenant: InProcessTenant) -> None:
    made = (await tenant.post(POLICIES, policy(state="enabled"))).json()
    await tenant.delete(f"{POLICIES}/{made['id']}")
    binned = await tenant.everything(f"{BIN}/policies")
    assert [p["id"] for p in binned] == [made["id"]]
    assert binned[0]["deletedDateTime"]
    assert (await tenant.get(f"{BIN}/policies/{made['id']}")).status_code == 200
    assert (await tenant.post(f"{BIN}/policies/{made['id']}/restore")).status_code == 200
    back = (await tenant.get(f"{POLICIES}/{made['id']}")).json()
    assert (back["state"], back["deletedDateTime"]) == ("enabled", None)


async def test_a_location_comes_back_untrusted(tenant: InProcessTenant) -> None:
    kind = {"@odata.type": "#microsoft.graph.ipNamedLocation"}
    made = (await tenant.post(LOCATIONS, ip_location(isTrusted=True))).json()["id"]
    await tenant.patch(f"{LOCATIONS}/{made}", {**kind, "isTrusted": False})
    await tenant.delete(f"{LOCATIONS}/{made}")
    tenant.store.tables["bin:namedLocations"][made]["isTrusted"] = True  # as if it had been trusted
    await tenant.post(f"{BIN}/namedLocations/{made}/restore")
    assert (await tenant.get(f"{LOCATIONS}/{made}")).json()["isTrusted"] is False


async def test_a_purged_policy_is_gone(tenant: InProcessTenant) -> None:
    made = (await tenant.post(POLICIES, policy())).json()["id"]
    await tenant.delete(f"{POLICIES}/{made}")
    assert (await tenant.delete(f"{BIN}/policies/{made}")).status_code == 204
    assert (await tenant.post(f"{BIN}/policies/{made}/restore")).status_code == 404


# --- the real policies


@pytest.fixture
def real() -> InProcessTenant:
    if reference_folder() is None:
        pytest.skip(ABSENT)
    return InProcessTenant.planted("real")


def _writable(shown: dict[str, Any]) -> dict[str, Any]:
    """What is left of a shown policy when annotations and read-only members are taken off."""

    def clean(value: Any) -> Any:
        if isinstance(value, list):
            return [clean(v) for v in value]
        if isinstance(value, dict):
            kept = {k: v for k, v in value.items() if "@odata." not in k and not k.startswith("#")}
            if is_derived(value.get("@odata.type")):
                kept["@odata.type"] = value["@odata.type"]
            return {k: clean(v) for k, v in kept.items()}
        return value

    body: dict[str, Any] = clean(copy.deepcopy(shown))
    for name in ("id", "createdDateTime", "modifiedDateTime", "deletedDateTime", "templateId"):
        body.pop(name, None)
    grant = body.get("grantControls")
    if grant and grant.get("authenticationStrength"):
        grant["authenticationStrength"] = {"id": grant["authenticationStrength"]["id"]}
    return {k: v for k, v in body.items() if v is not None}


async def test_each_real_policy_can_be_created_anew_from_what_is_shown(real: InProcessTenant) -> None:
    shown = await real.everything(f"/beta{POLICIES}")
    theirs = [p for p in shown if not p["displayName"].startswith("SEED")]
    assert len(theirs) == 36
    for one in theirs:
        answer = await real.post(f"/beta{POLICIES}", _writable(one))
        assert answer.status_code == 201, (one["displayName"], answer.text)


async def test_real_policies_carry_annotations_and_v1_fails_as_a_whole(real: InProcessTenant) -> None:
    shown = await real.everything(f"/beta{POLICIES}")
    assert all("#microsoft.graph.restore" in p and "state@odata.type" in p for p in shown)
    assert code_of(await real.get(POLICIES)) == (400, "BadRequest")
    preview = [p for p in shown if (await real.get(f"{POLICIES}/{p['id']}")).status_code == 400]
    assert sorted(p["displayName"][:5] for p in preview) == [
        "CA104", "CA209", "CA501", "CA502", "CA503", "CA504", "CA505",
    ]  # fmt: skip


async def test_everything_that_a_real_policy_names_is_in_the_tenant(real: InProcessTenant) -> None:
    tables = real.store.tables
    for held in tables["conditionalAccessPolicies"].values():
        users = held["conditions"]["users"]
        for name in ("includeGroups", "excludeGroups"):
            assert set(users.get(name) or []) <= set(tables["groups"]), held["displayName"]
    group = real.service.info["breakGlassGroupId"]
    assert tables["groups"][group]["displayName"] == "CA-BreakGlassAccounts - Exclude"
    assert set(real.store.targets("groups.members", group)) == set(real.service.info["breakGlassIds"])

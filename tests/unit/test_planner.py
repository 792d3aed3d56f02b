"""What a plan does and doesn't do, one claim a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.catalog.registry import CATALOG, Catalog
from shared.domain.errors import Refused, Unusable
from shared.domain.plan import ExpectedId, Mechanism, Operation, Reason, RestorePlan, Scope
from shared.domain.snapshot import Completeness, State
from shared.engines.markers import ids_in
from shared.engines.wire import decode, encode
from tests.reference import ABSENT, reference
from tests.unit.views import (
    Asked,
    Tenant,
    application,
    bins,
    break_glass,
    group,
    guid,
    let_sign_in,
    location,
    make_plan,
    policy,
    service_principal,
    user,
)

PARTIAL = Completeness(State.PARTIAL, "countMismatch")


def only(plan: RestorePlan, mechanism: Mechanism, target: str = "") -> Operation:
    found = [
        operation
        for operation in plan.operations
        if operation.mechanism is mechanism and target in ("", operation.target)
    ]
    assert len(found) == 1, [(one.mechanism, one.type, one.name) for one in plan.operations]
    return found[0]


def mechanisms(plan: RestorePlan, target: str = "") -> list[Mechanism]:
    return [one.mechanism for one in plan.operations if target in ("", one.target)]


def reasons(plan: RestorePlan, target: str = "") -> list[tuple[str, Reason]]:
    return [(one.member, one.reason) for one in plan.exclusions if target in ("", one.target)]


def body(operation: Operation) -> dict[str, Any]:
    assert isinstance(operation.request.body, dict)
    return operation.request.body


def before_in_order(plan: RestorePlan, first: Operation, second: Operation) -> bool:
    order = [operation.id for operation in plan.operations]
    return order.index(first.id) < order.index(second.id)


# --- nothing to do, determinism


async def test_a_tenant_that_is_as_it_was_needs_nothing() -> None:
    tenant = Tenant()
    accounts = break_glass(tenant)
    policy(tenant, "P", excludeGroups=[guid("glass")])
    plan = await make_plan(tenant, tenant.copy(), accounts=accounts)
    assert (plan.steps, plan.conflicts, plan.exclusions, plan.new_ids) == ((), (), (), {})
    assert plan.forecast.operations == 0


async def test_the_same_inputs_give_the_same_bytes_and_the_plan_can_be_read_back() -> None:
    before, after = _incident()
    accounts = guid("glass1"), guid("glass2")
    one = await make_plan(before, after, accounts=accounts)
    other = await make_plan(before.copy(), after.copy(), accounts=reversed(accounts))
    assert encode(one) == encode(other)
    assert decode(RestorePlan, encode(one)) == one
    assert one.operations


def test_the_plan_does_not_depend_on_the_order_of_sets() -> None:
    code = (
        "import asyncio, hashlib, tests.unit.test_planner as t\n"
        "from shared.engines.wire import encode\n"
        "before, after = t._incident()\n"
        "plan = asyncio.run(t.make_plan(before, after, accounts=[t.guid('glass1'), t.guid('glass2')]))\n"
        "print(hashlib.sha256(encode(plan)).hexdigest())"
    )
    root = Path(__file__).parents[2]
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(digests) == 1


def _incident() -> tuple[Tenant, Tenant]:
    before = Tenant()
    break_glass(before)
    people = [user(before, f"user{number}") for number in range(50)]
    staff = group(before, "staff", people)
    group(before, "excluded", people[:3])
    _, app_id = application(before, "portal")
    service_principal(before, "portal", app_id)
    policy(before, "P1", excludeGroups=[guid("glass"), guid("excluded")])
    after = before.copy()
    for person in people[:30]:
        after.remove("users", person)
    after.remove("groups", guid("excluded"))
    for person in people[30:45]:
        after.unlink("groups.members", staff, person)
    after.remove("applications", guid("portal"))
    after.remove("servicePrincipals", guid("sp of portal"))
    after.get("conditionalAccessPolicies", guid("P1"))["state"] = "disabled"
    return before, after


# --- objects that are gone


async def test_an_object_in_the_bin_comes_back_from_it_and_keeps_its_id() -> None:
    before = Tenant()
    anna = user(before, "anna")
    staff = group(before, "staff", [anna])
    after = before.copy()
    binned = after.remove("users", anna)
    plan = await make_plan(before, after, held=bins(users=[binned]))
    operation = only(plan, Mechanism.BIN)
    assert operation.request.method == "POST"
    assert operation.request.path == f"/v1.0/directory/deletedItems/{anna}/restore"
    assert operation.ids == {"id": anna}
    assert operation.expected_id is ExpectedId.KEPT
    assert plan.new_ids == {}
    link = only(plan, Mechanism.LINK, staff)
    assert link.after == (operation.id,)
    assert link.wanted == {"members": [anna]}


async def test_a_purged_user_is_made_anew_with_a_password_that_the_plan_does_not_hold() -> None:
    before = Tenant()
    anna = user(before, "anna", department="Sales", passwordPolicies=None)
    plan = await make_plan(before, Tenant())
    operation = only(plan, Mechanism.CREATE)
    sent = body(operation)
    assert sent["passwordProfile"] == {"forceChangePasswordNextSignIn": True, "password": {"$password": anna}}
    assert operation.secret_for == f"initial-password-{anna}"
    assert "passwordProfile" not in operation.wanted
    assert sent["department"] == "Sales"
    assert "passwordPolicies" not in sent
    assert "onPremisesExtensionAttributes" not in sent
    assert "id" not in sent
    assert operation.anchor is not None
    assert operation.anchor.lookup == (
        "/v1.0/users?$filter=userPrincipalName%20eq%20'anna%40contoso.example'&$select=id,userPrincipalName"
    )
    assert plan.new_ids == {anna: "users"}
    assert list(ids_in(operation.read)) == [anna]


async def test_a_quote_in_a_key_cannot_end_the_filter() -> None:
    before = Tenant()
    user(before, "o", userPrincipalName="o'neil&$top=1@contoso.example")
    plan = await make_plan(before, Tenant())
    anchor = only(plan, Mechanism.CREATE).anchor
    assert anchor is not None
    assert "o%27%27neil%26%24top%3D1%40contoso.example" in str(anchor.lookup)


async def test_a_group_made_anew_carries_a_marker_until_it_is_finished() -> None:
    before = Tenant()
    staff = group(before, "staff")
    plan = await make_plan(before, Tenant())
    create, finish = only(plan, Mechanism.CREATE), only(plan, Mechanism.FINISH)
    marked = f"staff [hf:{create.id}]"
    assert body(create)["displayName"] == marked
    assert create.wanted["displayName"] == marked
    assert create.anchor is not None
    assert create.anchor.value == marked
    assert finish.before == {"displayName": marked}
    assert finish.wanted == {"displayName": "staff"}
    assert finish.after == (create.id,)
    assert finish.request.path == {"$join": ["/v1.0/groups/", {"$id": staff}]}


async def test_where_a_change_is_a_put_what_finishes_an_object_names_all_that_was_set_before() -> None:
    before = Tenant()
    group(before, "staff", description="All of them")
    changed = {"put": True, "put_names": ("mailEnabled",), "member_groups": ()}
    types = (replace(spec, **changed) if spec.name == "groups" else spec for spec in CATALOG.types)
    catalog = Catalog(tuple(types))
    plan = await make_plan(before, Tenant(), catalog=catalog)
    create, finish = only(plan, Mechanism.CREATE), only(plan, Mechanism.FINISH)
    set_before = {name: value for name, value in body(create).items() if name in catalog.get("groups").named_in_put}
    assert "mailEnabled" in set_before  # set once, and named in a PUT all the same
    assert finish.request.method == "PUT"
    assert body(finish) == finish.wanted == {**set_before, "displayName": "staff"}
    assert body(finish)["description"] == "All of them"
    assert finish.before == set_before
    assert finish.why == "Takes the marker off displayName."


async def test_a_long_name_leaves_room_for_the_marker_and_comes_back_in_full() -> None:
    before = Tenant()
    group(before, "x" * 250)
    plan = await make_plan(before, Tenant())
    assert len(str(body(only(plan, Mechanism.CREATE))["displayName"])) <= 128
    assert only(plan, Mechanism.FINISH).wanted == {"displayName": "x" * 250}


async def test_a_dynamic_group_starts_paused_and_gets_no_members() -> None:
    before = Tenant()
    anna = user(before, "anna")
    dynamic = group(
        before,
        "dynamic",
        [anna],
        groupTypes=["DynamicMembership"],
        membershipRule="user.city -eq 'Ghent'",
        membershipRuleProcessingState="On",
    )
    after = before.copy()
    after.remove("groups", dynamic)
    plan = await make_plan(before, after)
    assert body(only(plan, Mechanism.CREATE))["membershipRuleProcessingState"] == "Paused"
    finish = only(plan, Mechanism.FINISH)
    assert finish.wanted["membershipRuleProcessingState"] == "On"
    assert finish.before["membershipRuleProcessingState"] == "Paused"
    assert Mechanism.LINK not in mechanisms(plan)
    assert ("members", Reason.DYNAMIC) in reasons(plan, dynamic)


async def test_guests_synced_objects_and_singletons_are_listed_not_made() -> None:
    before = Tenant()
    guest = user(before, "guest", userPrincipalName="g_b.example#EXT#@contoso.example", userType="Guest")
    synced = user(before, "synced", onPremisesSyncEnabled=True)
    before.add("authorizationPolicy", "authorizationPolicy", displayName="Authorization Policy")
    plan = await make_plan(before, Tenant())
    assert plan.operations == ()
    assert reasons(plan, guest) == [("", Reason.NEEDS_ACTION)]
    assert reasons(plan, synced) == [("", Reason.SYNCED)]
    assert reasons(plan, "authorizationPolicy") == [("", Reason.NEEDS_ACTION)]


async def test_a_guest_in_the_bin_comes_back() -> None:
    before = Tenant()
    guest = user(before, "guest", userPrincipalName="g_b.example#EXT#@contoso.example", userType="Guest")
    plan = await make_plan(before, Tenant(), held=bins(users=[before.get("users", guest)]))
    assert mechanisms(plan) == [Mechanism.BIN]


async def test_nothing_is_concluded_from_a_live_listing_that_is_not_complete() -> None:
    before = Tenant()
    anna = user(before, "anna")
    group(before, "staff", [anna])
    after = before.copy()
    after.remove("users", anna)
    plan = await make_plan(before, after, after_states={"users": PARTIAL, "groups.members": PARTIAL})
    assert plan.operations == ()
    assert {(one.type, one.member, one.reason) for one in plan.exclusions} == {
        ("users", "", Reason.NOT_COMPLETE),
        ("groups", "members", Reason.NOT_COMPLETE),
    }


async def test_a_bin_that_was_not_read_stops_the_plan() -> None:
    before = Tenant()
    user(before, "anna")
    with pytest.raises(Unusable, match="recycle bin was not read"):
        await make_plan(before, Tenant(), held={})


async def test_the_bin_copy_of_an_enabled_policy_is_left_and_the_policy_made_anew_off() -> None:
    before = Tenant()
    accounts = break_glass(before)
    key = policy(before, "P", excludeGroups=[guid("glass")])
    after = before.copy()
    binned = after.remove("conditionalAccessPolicies", key)
    plan = await make_plan(before, after, held=bins(conditionalAccessPolicies=[binned]), accounts=accounts)
    assert mechanisms(plan) == [Mechanism.CREATE, Mechanism.FINISH, Mechanism.PATCH, Mechanism.ENABLE]
    create = only(plan, Mechanism.CREATE)
    assert body(create)["state"] == "disabled"
    assert "left" in create.why
    assert create.read_list == "/beta/identity/conditionalAccess/policies"
    enable = only(plan, Mechanism.ENABLE)
    assert enable.guarded
    tried = only(plan, Mechanism.PATCH)
    report_only = {"state": "enabledForReportingButNotEnforced"}
    assert (body(tried), tried.before, tried.guarded) == (report_only, {"state": "disabled"}, False)
    assert (body(enable), enable.before) == ({"state": "enabled"}, report_only)
    assert set(tried.after) == {create.id, only(plan, Mechanism.FINISH).id}
    assert set(enable.after) == {*tried.after, tried.id}
    assert plan.guard_groups == (guid("glass"),)


async def test_a_report_only_policy_comes_from_the_bin_and_is_no_transition_to_enabled() -> None:
    before = Tenant()
    accounts = break_glass(before)
    key = policy(before, "P", state="enabledForReportingButNotEnforced")
    after = before.copy()
    binned = after.remove("conditionalAccessPolicies", key)
    plan = await make_plan(before, after, held=bins(conditionalAccessPolicies=[binned]), accounts=accounts)
    assert mechanisms(plan) == [Mechanism.BIN]
    plan = await make_plan(before, after, accounts=accounts)
    assert mechanisms(plan) == [Mechanism.CREATE, Mechanism.FINISH]
    assert only(plan, Mechanism.FINISH).wanted["state"] == "enabledForReportingButNotEnforced"


async def test_a_location_from_the_bin_is_trusted_again_before_a_policy_that_uses_it_comes_back() -> None:
    before = Tenant()
    accounts = break_glass(before)
    office = location(before, "office")
    key = policy(
        before,
        "P",
        state="disabled",
        locations={"includeLocations": ["All"], "excludeLocations": [office]},
    )
    after = before.copy()
    held = bins(
        namedLocations=[after.remove("namedLocations", office)],
        conditionalAccessPolicies=[after.remove("conditionalAccessPolicies", key)],
    )
    plan = await make_plan(before, after, held=held, accounts=accounts)
    trust = only(plan, Mechanism.PATCH, office)
    assert trust.before == {"isTrusted": False}
    assert body(trust) == {"@odata.type": "#microsoft.graph.ipNamedLocation", "isTrusted": True}
    assert set(only(plan, Mechanism.BIN, key).after) == {only(plan, Mechanism.BIN, office).id, trust.id}


async def test_a_location_made_anew_keeps_the_types_of_its_ranges() -> None:
    before = Tenant()
    location(before, "office")
    plan = await make_plan(before, Tenant())
    sent = body(only(plan, Mechanism.CREATE))
    assert sent["@odata.type"] == "#microsoft.graph.ipNamedLocation"
    assert sent["ipRanges"] == [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "192.0.2.0/24"}]
    network = Tenant()
    kind = "#microsoft.graph.compliantNetworkNamedLocation"
    location(network, "network", **{"@odata.type": kind, "ipRanges": None})
    assert reasons(await make_plan(network, Tenant())) == [("", Reason.NEEDS_ACTION)]


async def test_what_differs_in_the_bin_is_patched_after_but_not_what_the_bin_misreports() -> None:
    before = Tenant()
    staff = group(before, "staff", description="All staff")
    anna = user(before, "anna", department=None)
    after = before.copy()
    binned = {**after.remove("groups", staff), "securityEnabled": False, "description": "pwned"}
    gone = {**after.remove("users", anna), "userPrincipalName": f"{anna}anna@contoso.example", "department": "X"}
    plan = await make_plan(before, after, held=bins(groups=[binned], users=[gone]))
    patch = only(plan, Mechanism.PATCH, staff)
    assert (patch.before, patch.wanted) == ({"description": "pwned"}, {"description": "All staff"})
    assert patch.after == (only(plan, Mechanism.BIN, staff).id,)
    assert only(plan, Mechanism.PATCH, anna).wanted == {"department": None}


# --- conflicts


async def test_a_live_object_with_the_same_name_is_a_conflict_and_never_a_target() -> None:
    before = Tenant()
    anna, boss = user(before, "anna"), user(before, "boss")
    group(before, "staff", [anna, boss])
    before.link("users.manager", boss, anna)
    after = before.copy()
    after.remove("users", anna)
    after.unlink("groups.members", guid("staff"), boss)
    evil = after.add(
        "users", guid("evil"), **{**before.get("users", anna), "id": guid("evil"), "displayName": "Anna"}
    )
    after.get("users", evil)["userPrincipalName"] = "ANNA@contoso.example"
    asked = Asked()
    plan = await make_plan(before, after, created_by=asked)
    (conflict,) = plan.conflicts
    assert (conflict.target, conflict.live, conflict.key) == (anna, evil, "userPrincipalName")
    assert conflict.created_by == f"mallory made {evil}"
    assert asked.about == [evil]
    assert conflict.affects == (
        f"groups/{guid('staff')} members loses users/{anna}",
        f"users/{boss} manager loses users/{anna}",
    )
    assert all(evil not in json.dumps(encode(operation).decode()) for operation in plan.operations)
    assert only(plan, Mechanism.LINK).wanted == {"members": [boss]}
    assert ("members", Reason.CONFLICT) in reasons(plan, guid("staff"))
    assert reasons(plan, evil) == []
    held = bins(users=[before.get("users", anna)])
    assert len((await make_plan(before, after, held=held)).conflicts) == 1


async def test_a_patch_to_a_unique_value_that_another_holds_is_a_conflict() -> None:
    before = Tenant()
    anna = user(before, "anna", department="Sales")
    after = before.copy()
    after.get("users", anna).update(userPrincipalName="renamed@contoso.example", department="None")
    user(after, "evil", userPrincipalName="anna@contoso.example")
    plan = await make_plan(before, after)
    assert only(plan, Mechanism.PATCH).wanted == {"department": "Sales"}
    assert [conflict.target for conflict in plan.conflicts] == [anna]


@pytest.mark.parametrize("in_bin", ["applications", "servicePrincipals"])
async def test_one_part_of_a_pair_in_the_bin_and_the_other_purged_is_a_conflict(in_bin: str) -> None:
    before = Tenant()
    app, app_id = application(before, "portal")
    principal = service_principal(before, "portal", app_id)
    item = before.get(in_bin, app if in_bin == "applications" else principal)
    asked = Asked()
    plan = await make_plan(before, Tenant(), held=bins(**{in_bin: [item]}), created_by=asked)
    assert plan.operations == ()
    assert [conflict.type for conflict in plan.conflicts] == ["servicePrincipals"]
    assert plan.conflicts[0].affects == (f"applications/{app} stays out",)
    assert asked.about == []
    assert plan.new_ids == {}


async def test_a_pair_from_the_bin_comes_back_application_first() -> None:
    before = Tenant()
    app, app_id = application(before, "portal")
    principal = service_principal(before, "portal", app_id)
    held = bins(
        applications=[before.get("applications", app)],
        servicePrincipals=[before.get("servicePrincipals", principal)],
    )
    plan = await make_plan(before, Tenant(), held=held)
    assert only(plan, Mechanism.BIN, principal).after == (only(plan, Mechanism.BIN, app).id,)
    assert plan.new_ids == {}


async def test_a_purged_pair_is_made_anew_and_every_appid_rewritten() -> None:
    before = Tenant()
    app, app_id = application(before, "portal", passwordCredentials=[{"keyId": "k1", "displayName": "s"}])
    principal = service_principal(before, "portal", app_id)
    client, _ = application(
        before, "client", requiredResourceAccess=[{"resourceAppId": app_id, "resourceAccess": []}]
    )
    after = before.copy()
    after.remove("applications", app)
    after.remove("servicePrincipals", principal)
    plan = await make_plan(before, after)
    create = only(plan, Mechanism.CREATE, app)
    assert create.ids == {"id": app, "appId": app_id}
    assert "identifierUris" not in body(create)
    finish = only(plan, Mechanism.FINISH, app)
    assert body(finish)["identifierUris"] == [{"$join": ["api://", {"$id": app_id}]}]
    made = only(plan, Mechanism.CREATE, principal)
    assert body(made)["appId"] == {"$id": app_id}
    assert set(made.after) == {create.id, finish.id}
    assert made.anchor is not None
    assert list(ids_in(made.anchor.lookup)) == [app_id]
    assert body(only(plan, Mechanism.FINISH, principal))["servicePrincipalNames"] == [
        {"$id": app_id},
        {"$join": ["api://", {"$id": app_id}]},
    ]
    patch = only(plan, Mechanism.PATCH, client)
    assert body(patch) == {"requiredResourceAccess": [{"resourceAppId": {"$id": app_id}, "resourceAccess": []}]}
    assert patch.before == {"requiredResourceAccess": [{"resourceAppId": app_id, "resourceAccess": []}]}
    assert ("passwordCredentials", Reason.SECRET) in reasons(plan, app)
    assert plan.new_ids == {app: "applications", app_id: "applications", principal: "servicePrincipals"}


async def test_applications_that_name_each_other_are_made_first_and_joined_after() -> None:
    before = Tenant()
    ids = {name: guid(f"appId of {name}") for name in ("one", "two")}
    one, _ = application(before, "one", api={"knownClientApplications": [ids["two"], ids["one"]]})
    two, _ = application(before, "two", requiredResourceAccess=[{"resourceAppId": ids["one"]}])
    plan = await make_plan(before, Tenant())
    assert "api" not in body(only(plan, Mechanism.CREATE, one))
    assert "requiredResourceAccess" not in body(only(plan, Mechanism.CREATE, two))
    finish = only(plan, Mechanism.FINISH, one)
    assert body(finish)["api"] == {"knownClientApplications": [{"$id": ids["two"]}, {"$id": ids["one"]}]}
    assert set(finish.after) == {only(plan, Mechanism.CREATE, one).id, only(plan, Mechanism.CREATE, two).id}


# --- contained objects


def _with_credential(before: Tenant) -> tuple[str, str]:
    app, _ = application(before, "portal")
    credential = before.add(
        "federatedIdentityCredentials",
        guid("fic"),
        parent=app,
        name="deploy",
        issuer="https://issuer.example",
        subject="repo:main",
        audiences=["api://AzureADTokenExchange"],
        description=None,
    )
    return app, credential


async def test_contained_objects_come_back_with_what_holds_them() -> None:
    before = Tenant()
    app, credential = _with_credential(before)
    plan = await make_plan(before, Tenant(), held=bins(applications=[before.get("applications", app)]))
    create = only(plan, Mechanism.CREATE, credential)
    assert create.after == (only(plan, Mechanism.BIN, app).id,)
    assert create.expected_id is ExpectedId.KEPT
    assert plan.new_ids == {}
    plan = await make_plan(before, Tenant())
    create = only(plan, Mechanism.CREATE, credential)
    assert create.request.path == {"$join": ["/v1.0/applications/", {"$id": app}, "/federatedIdentityCredentials"]}
    assert create.expected_id is ExpectedId.NEW
    assert plan.new_ids[credential] == "federatedIdentityCredentials"


async def test_a_lost_credential_of_a_live_application_is_made_anew_and_a_changed_one_patched() -> None:
    before = Tenant()
    app, credential = _with_credential(before)
    after = before.copy()
    after.objects["federatedIdentityCredentials"].clear()
    plan = await make_plan(before, after)
    assert only(plan, Mechanism.CREATE).request.path == f"/v1.0/applications/{app}/federatedIdentityCredentials"
    after = before.copy()
    after.get("federatedIdentityCredentials", credential)["subject"] = "repo:evil"
    patch = only(await make_plan(before, after), Mechanism.PATCH)
    assert patch.wanted == {"subject": "repo:main"}
    assert patch.request.path == f"/v1.0/applications/{app}/federatedIdentityCredentials/{credential}"


async def test_a_twin_of_a_contained_object_is_told_and_a_stranger_of_its_name_is_a_conflict() -> None:
    before = Tenant()
    app, credential = _with_credential(before)
    after = before.copy()
    twin = after.objects["federatedIdentityCredentials"].pop(credential)
    after.add("federatedIdentityCredentials", guid("twin"), parent=app, **{**twin, "id": guid("twin")})
    plan = await make_plan(before, after)
    assert plan.operations == ()
    assert reasons(plan) == [("", Reason.NEW_ID)]
    after.get("federatedIdentityCredentials", guid("twin"))["subject"] = "repo:evil"
    plan = await make_plan(before, after)
    assert plan.operations == ()
    assert [conflict.live for conflict in plan.conflicts] == [guid("twin")]


async def test_assignments_of_one_resource_travel_apart_and_name_new_ids() -> None:
    before = Tenant()
    _, app_id = application(before, "portal")
    resource = service_principal(before, "portal", app_id)
    anna, ben = user(before, "anna"), user(before, "ben")
    for number, principal in enumerate((anna, ben)):
        before.add(
            "appRoleAssignments",
            f"assignment-{number}",
            parent=resource,
            principalId=principal,
            resourceId=resource,
            appRoleId=guid("role"),
            principalDisplayName="x",
        )
    after = before.copy()
    after.remove("users", anna)
    after.objects["appRoleAssignments"].clear()
    plan = await make_plan(before, after)
    made = [one for one in plan.operations if one.type == "appRoleAssignments"]
    assert len(made) == 2
    assert all(sum(one in made for one in step.operations) <= 1 for step in plan.steps)
    first = next(one for one in made if one.target == "assignment-0")
    assert body(first)["principalId"] == {"$id": anna}
    assert first.after == (only(plan, Mechanism.CREATE, anna).id,)
    held = bins(users=[before.get("users", anna)])
    again = only(await make_plan(before, after, held=held), Mechanism.CREATE, "assignment-0")
    assert again.expected_id is ExpectedId.KEPT
    assert body(again)["principalId"] == anna


# --- objects that changed


async def test_only_what_differs_is_written_and_before_values_are_the_live_ones() -> None:
    before = Tenant()
    anna = user(before, "anna", department="Sales", city="Ghent", businessPhones=["1", "2"])
    after = before.copy()
    after.get("users", anna).update(
        department="Evil", businessPhones=["2", "1"], onPremisesExtensionAttributes={"extensionAttribute1": "x"}
    )
    patch = only(await make_plan(before, after), Mechanism.PATCH)
    assert body(patch) == {
        "department": "Sales",
        # Null is sent where something has to be cleared: this member is merged by a PATCH.
        "onPremisesExtensionAttributes": {"extensionAttribute1": None},
    }
    assert patch.before == {
        "department": "Evil",
        "onPremisesExtensionAttributes": {"extensionAttribute1": "x"},
    }
    assert patch.read == f"/v1.0/users/{anna}?$select=department,id,onPremisesExtensionAttributes"


async def test_differences_that_no_patch_mends_are_listed_with_their_reason() -> None:
    before = Tenant()
    anna = user(before, "anna", assignedLicenses=[{"skuId": "a"}], mail="anna@contoso.example")
    staff = group(before, "staff", isAssignableToRole=True)
    app, _ = application(before, "portal", passwordCredentials=[{"keyId": "k1"}])
    after = before.copy()
    after.get("users", anna).update(assignedLicenses=[], mail=None)
    after.get("groups", staff)["isAssignableToRole"] = False
    after.get("applications", app)["passwordCredentials"] = [{"keyId": "k2"}]
    plan = await make_plan(before, after)
    assert plan.operations == ()
    assert reasons(plan) == [
        ("passwordCredentials", Reason.SECRET),
        ("isAssignableToRole", Reason.WRITE_ONCE),
        ("assignedLicenses", Reason.NEEDS_ACTION),
        ("mail", Reason.COMPUTED),
    ]
    assert "k2" in plan.exclusions[0].why


async def test_members_that_graph_replaces_whole_are_sent_whole_without_annotations_and_nulls() -> None:
    before = Tenant()
    accounts = break_glass(before)
    key = policy(before, "P", state="disabled")
    item = before.get("conditionalAccessPolicies", key)
    item["conditions"]["clientAppTypes@odata.type"] = "#Collection(x)"
    item["grantControls"]["authenticationStrength"] = {
        "id": "00000000-0000-0000-0000-000000000004",
        "displayName": "Strong",
        "#microsoft.graph.usage": {"title": "x"},
    }
    after = before.copy()
    live = after.get("conditionalAccessPolicies", key)
    live["grantControls"]["authenticationStrength"] = None
    live["conditions"]["clientAppTypes"] = ["browser"]
    patch = only(await make_plan(before, after, accounts=accounts), Mechanism.PATCH)
    assert body(patch)["grantControls"] == {
        "operator": "OR",
        "builtInControls": ["mfa"],
        "termsOfUse": [],
        "authenticationStrength": {"id": "00000000-0000-0000-0000-000000000004"},
    }
    assert body(patch)["conditions"] == {
        "clientAppTypes": ["all"],
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
    assert patch.before["conditions"]["clientAppTypes"] == ["browser"]  # type: ignore[index,call-overload]
    assert not patch.guarded


async def test_session_controls_are_cleared_by_null_as_a_whole() -> None:
    before = Tenant()
    accounts = break_glass(before)
    key = policy(before, "P", state="disabled")
    after = before.copy()
    after.get("conditionalAccessPolicies", key)["sessionControls"] = {"signInFrequency": {"value": 1}}
    assert body(only(await make_plan(before, after, accounts=accounts), Mechanism.PATCH)) == {
        "sessionControls": None
    }


async def test_a_copy_of_another_object_that_changed_is_listed_not_written() -> None:
    before = Tenant()
    accounts = break_glass(before)
    key = policy(before, "P", state="disabled")
    strength = {"id": guid("strength"), "allowedCombinations": ["fido2"]}
    before.get("conditionalAccessPolicies", key)["grantControls"]["authenticationStrength"] = strength
    after = before.copy()
    grant = after.get("conditionalAccessPolicies", key)["grantControls"]
    grant["authenticationStrength"]["allowedCombinations"] = ["password"]
    plan = await make_plan(before, after, accounts=accounts)
    assert plan.operations == ()
    assert reasons(plan) == [("grantControls", Reason.COMPUTED)]


async def test_names_that_look_like_markers_are_refused() -> None:
    before = Tenant()
    app, _ = application(before, "portal", web={"$id": guid("x")}, displayName="old")
    after = before.copy()
    after.get("applications", app).update(web=None, displayName="new")
    plan = await make_plan(before, after)
    assert only(plan, Mechanism.PATCH).wanted == {"displayName": "old"}
    assert ("web", Reason.NEEDS_ACTION) in reasons(plan)
    assert (await make_plan(before, Tenant())).operations == ()


async def test_what_was_added_stays_and_is_listed() -> None:
    before = Tenant()
    anna = user(before, "anna")
    staff = group(before, "staff")
    after = before.copy()
    mallory = user(after, "mallory")
    after.link("groups.members", staff, mallory)
    after.link("groups.members", staff, anna)
    group(after, "new", [anna])
    plan = await make_plan(before, after)
    assert plan.operations == ()
    assert {(one.target, one.member) for one in plan.exclusions} == {
        (mallory, ""),
        (guid("new"), ""),
        (staff, "members"),
    }
    assert all(one.reason is Reason.ADDED_SINCE for one in plan.exclusions)


async def test_what_was_added_inside_a_member_is_cleared_lists_by_an_empty_list() -> None:
    before = Tenant()
    app, _ = application(before, "portal", web={"homePageUrl": "https://x"}, notes=None, tags=None)
    after = before.copy()
    evil = {"homePageUrl": "https://x", "redirectUris": ["https://evil"], "logoutUrl": "https://evil"}
    after.get("applications", app).update(web=evil, notes="evil", tags=["evil"])
    assert body(only(await make_plan(before, after), Mechanism.PATCH)) == {
        "notes": None,
        "tags": [],
        "web": {"homePageUrl": "https://x", "redirectUris": [], "logoutUrl": None},
    }


# --- links


async def test_memberships_travel_twenty_to_a_patch_and_one_group_at_a_time() -> None:
    before = Tenant()
    people = [user(before, f"user{number}") for number in range(45)]
    one, other = group(before, "one", people), group(before, "other", people)
    after = before.copy()
    after.links.clear()
    plan = await make_plan(before, after)
    assert [len(operation.wanted["members"]) for operation in plan.operations if operation.target == one] == [  # type: ignore[arg-type]
        20,
        20,
        5,
    ]
    sent = body(plan.operations[0])["members@odata.bind"]
    assert sent[0]["$join"][:2] == [{"$origin": True}, "/v1.0/directoryObjects/"]
    for step in plan.steps:
        targets = [operation.target for operation in step.operations]
        assert len(targets) == len(set(targets))
    assert {operation.target for operation in plan.operations} == {one, other}


async def test_links_to_what_comes_back_travel_apart_from_those_to_what_is_live() -> None:
    before = Tenant()
    people = [user(before, f"user{number}") for number in range(6)]
    group(before, "staff", people)
    after = before.copy()
    after.remove("users", people[0])
    after.links.clear()
    plan = await make_plan(before, after)
    links = [operation for operation in plan.operations if operation.mechanism is Mechanism.LINK]
    assert sorted(len(link.wanted["members"]) for link in links) == [1, 5]  # type: ignore[arg-type]
    waiting = next(link for link in links if link.after)
    assert waiting.wanted == {"members": [people[0]]}


async def test_a_changed_manager_is_replaced_only_while_it_is_what_the_plan_saw() -> None:
    before = Tenant()
    anna, ben, eve = user(before, "anna"), user(before, "ben"), user(before, "eve")
    before.link("users.manager", anna, ben)
    after = before.copy()
    after.links.clear()
    after.link("users.manager", anna, eve)
    plan = await make_plan(before, after)
    link = only(plan, Mechanism.LINK)
    assert (link.request.method, link.request.path) == ("PUT", f"/v1.0/users/{anna}/manager/$ref")
    assert (link.before, link.wanted) == ({"manager": [eve]}, {"manager": [ben]})
    assert plan.exclusions == ()


async def test_a_link_to_a_type_that_the_catalog_does_not_know_travels_alone() -> None:
    before = Tenant()
    staff = group(before, "staff", [user(before, "anna")])
    before.link("groups.members", staff, guid("laptop"), "#microsoft.graph.device")
    after = before.copy()
    after.links.clear()
    plan = await make_plan(before, after)
    assert sorted(one.wanted["members"] for one in plan.operations) == sorted(  # type: ignore[type-var]
        [[guid("anna")], [guid("laptop")]]
    )


async def test_a_link_whose_target_is_gone_is_listed() -> None:
    before = Tenant()
    synced = user(before, "synced", onPremisesSyncEnabled=True)
    staff = group(before, "staff", [synced])
    before.link("groups.owners", staff, guid("never existed"))
    after = before.copy()
    after.remove("users", synced)
    after.links.clear()
    plan = await make_plan(before, after)
    assert plan.operations == ()
    assert set(reasons(plan, staff)) == {("members", Reason.SYNCED), ("owners", Reason.DEAD_REFERENCE)}


# --- policies and what they name


async def test_a_live_unchanged_policy_that_names_a_purged_group_is_rewritten() -> None:
    before = Tenant()
    accounts = break_glass(before)
    excluded = group(before, "excluded")
    off = policy(before, "off", state="disabled", excludeGroups=[excluded])
    on = policy(before, "on", excludeGroups=[guid("glass"), excluded])
    after = before.copy()
    after.remove("groups", excluded)
    plan = await make_plan(before, after, accounts=accounts)
    create = only(plan, Mechanism.CREATE, excluded)
    patch = only(plan, Mechanism.PATCH, off)
    assert body(patch)["conditions"]["users"]["excludeGroups"] == [{"$id": excluded}]
    assert patch.before["conditions"]["users"]["excludeGroups"] == [excluded]  # type: ignore[index,call-overload]
    assert not patch.guarded
    assert patch.after == (create.id,)
    live = only(plan, Mechanism.PATCH, on)
    assert live.guarded
    assert create.id in live.after
    assert only(plan, Mechanism.FINISH, excluded).id in live.after
    waves = {operation.id: step.wave for step in plan.steps for operation in step.operations}
    assert waves[create.id] == 2  # pulled from its own wave into that of the policies


async def test_a_policy_is_enabled_only_after_the_memberships_of_what_it_names() -> None:
    before = Tenant()
    accounts = break_glass(before)
    people = [user(before, f"user{number}") for number in range(3)]
    excluded = group(before, "excluded", people)
    key = policy(before, "P", excludeGroups=[guid("glass"), excluded])
    after = before.copy()
    after.get("conditionalAccessPolicies", key)["state"] = "disabled"
    after.links["groups.members"] = {
        pair: kind for pair, kind in after.links["groups.members"].items() if pair[0] != excluded
    }
    plan = await make_plan(before, after, accounts=accounts)
    link, enable = only(plan, Mechanism.LINK), only(plan, Mechanism.ENABLE)
    assert link.id in enable.after
    assert before_in_order(plan, link, enable)
    waves = {operation.id: step.wave for step in plan.steps for operation in step.operations}
    assert waves[enable.id] == waves[link.id] == 4  # it closes the wave that has all it depends on


async def test_a_policy_waits_for_members_of_inner_groups_but_not_for_managers_and_owners() -> None:
    before = Tenant()
    accounts = break_glass(before)
    anna, ben = user(before, "anna"), user(before, "ben")
    inner = group(before, "inner", [anna])
    outer = group(before, "outer", [inner])
    before.link("groups.owners", outer, ben)
    before.link("users.manager", accounts[0], ben)
    key = policy(before, "P", excludeUsers=list(accounts), excludeGroups=[outer])
    after = before.copy()
    after.get("conditionalAccessPolicies", key)["state"] = "disabled"
    after.unlink("groups.members", inner, anna)
    after.unlink("groups.owners", outer, ben)
    after.unlink("users.manager", accounts[0], ben)
    plan = await make_plan(before, after, accounts=accounts)
    waits = only(plan, Mechanism.ENABLE).after
    assert set(waits) == {only(plan, Mechanism.LINK, inner).id, only(plan, Mechanism.PATCH, key).id}


async def test_policies_without_break_glass_accounts_are_refused() -> None:
    before = Tenant()
    key = policy(before, "P", state="disabled")
    after = before.copy()
    after.get("conditionalAccessPolicies", key)["displayName"] = "other"
    with pytest.raises(Refused, match="no break-glass accounts"):
        await make_plan(before, after)
    with pytest.raises(Refused, match="not live"):
        await make_plan(before, after, accounts=[guid("nobody")])
    plan = await make_plan(before, after, scope=Scope(types=("users",)))
    assert plan.operations == ()


async def test_a_policy_that_excludes_no_break_glass_account_is_left_off_with_the_reason() -> None:
    before = Tenant()
    accounts = break_glass(before)
    key = policy(before, "P", excludeUsers=[accounts[0]])
    plan = await make_plan(before, _without(before, key), accounts=accounts)
    assert mechanisms(plan) == [Mechanism.CREATE, Mechanism.FINISH]
    (left,) = [one for one in plan.exclusions if one.reason is Reason.LOCK_OUT_GUARD]
    assert (left.target, left.member) == (key, "state")
    assert accounts[1] in left.why
    assert accounts[0] not in left.why


async def test_an_exclusion_by_a_group_that_this_plan_makes_does_not_count() -> None:
    before = Tenant()
    accounts = break_glass(before)
    key = policy(before, "P", excludeGroups=[guid("glass")])
    after = before.copy()
    binned = after.remove("groups", guid("glass"))
    after.get("conditionalAccessPolicies", key)["state"] = "disabled"
    for held in (bins(), bins(groups=[binned])):
        plan = await make_plan(before, after, accounts=accounts, held=held)
        assert Mechanism.ENABLE not in mechanisms(plan)
        assert ("state", Reason.LOCK_OUT_GUARD) in reasons(plan, key)
        assert plan.guard_groups == ()


def _without(tenant: Tenant, key: str) -> Tenant:
    after = tenant.copy()
    after.remove("conditionalAccessPolicies", key)
    return after


async def test_a_policy_that_acts_is_switched_off_without_asking_the_guard() -> None:
    before = Tenant()
    accounts = break_glass(before)
    key = policy(before, "P", state="disabled")
    after = before.copy()
    after.get("conditionalAccessPolicies", key)["state"] = "enabled"
    patch = only(await make_plan(before, after, accounts=accounts), Mechanism.PATCH)
    assert body(patch) == {"state": "disabled"}
    assert not patch.guarded


async def test_a_dead_include_is_dropped_and_told() -> None:
    before = Tenant()
    accounts = break_glass(before)
    anna = user(before, "anna", onPremisesSyncEnabled=True)
    key = policy(before, "P", state="disabled", includeUsers=[anna, accounts[0]])
    after = before.copy()
    after.remove("users", anna)
    after.get("conditionalAccessPolicies", key)["conditions"]["clientAppTypes"] = ["browser"]
    plan = await make_plan(before, after, accounts=accounts)
    patch = only(plan, Mechanism.PATCH, key)
    assert body(patch)["conditions"]["users"]["includeUsers"] == [accounts[0]]
    assert ("conditions", Reason.DEAD_REFERENCE) in reasons(plan, key)


async def test_an_include_emptied_by_what_is_dead_is_not_written_and_never_widened() -> None:
    before = Tenant()
    accounts = break_glass(before)
    anna = user(before, "anna", onPremisesSyncEnabled=True)
    key = policy(before, "P", state="disabled", includeUsers=[anna])
    after = before.copy()
    after.remove("users", anna)
    after.get("conditionalAccessPolicies", key).update(displayName="other")
    after.get("conditionalAccessPolicies", key)["conditions"]["users"]["includeUsers"] = ["None"]
    plan = await make_plan(before, after, accounts=accounts)
    assert body(only(plan, Mechanism.PATCH, key)) == {"displayName": "P"}
    assert ("conditions", Reason.DEAD_REFERENCE) in reasons(plan, key)
    plan = await make_plan(before, _without(after, key), accounts=accounts)
    assert mechanisms(plan, key) == []
    assert reasons(plan, key) == [("", Reason.DEAD_REFERENCE)]


async def test_a_dead_exclude_stops_the_policy() -> None:
    before = Tenant()
    accounts = break_glass(before)
    anna = user(before, "anna", onPremisesSyncEnabled=True)
    key = policy(before, "P", excludeUsers=[*accounts, anna])
    after = before.copy()
    after.remove("users", anna)
    after.get("conditionalAccessPolicies", key).update(state="disabled", displayName="other")
    plan = await make_plan(before, after, accounts=accounts)
    assert mechanisms(plan, key) == []
    assert ("conditions", Reason.DEAD_REFERENCE) in reasons(plan, key)


async def test_an_exclude_that_was_dead_in_the_snapshot_does_not_stop_the_switching_on() -> None:
    before = Tenant()
    accounts = break_glass(before)
    key = policy(before, "P", excludeUsers=[*accounts, guid("long gone")])
    after = before.copy()
    after.get("conditionalAccessPolicies", key)["state"] = "disabled"
    plan = await make_plan(before, after, accounts=accounts)
    assert mechanisms(plan) == [Mechanism.PATCH, Mechanism.ENABLE], "tried, and then switched on"
    after.get("conditionalAccessPolicies", key)["conditions"]["clientAppTypes"] = ["browser"]
    plan = await make_plan(before, after, accounts=accounts)
    assert plan.operations == ()
    assert reasons(plan, key) == [("conditions", Reason.DEAD_REFERENCE)]


async def test_words_and_foreign_appids_are_not_taken_for_dead() -> None:
    before = Tenant()
    accounts = break_glass(before)
    applications = {"includeApplications": ["All"], "excludeApplications": [guid("microsoft"), "Office365"]}
    locations = {"includeLocations": ["AllTrusted", "00000000-0000-0000-0000-000000000000"]}
    key = policy(
        before,
        "P",
        includeUsers=["SomeWordOfTomorrow"],
        excludeUsers=list(accounts),
        excludeRoles=[guid("role template")],
        applications=applications,
        locations=locations,
    )
    plan = await make_plan(before, _without(before, key), accounts=accounts)
    assert mechanisms(plan) == [Mechanism.CREATE, Mechanism.FINISH, Mechanism.PATCH, Mechanism.ENABLE]
    sent = body(only(plan, Mechanism.CREATE))["conditions"]
    assert sent["applications"] == applications
    assert sent["users"]["excludeRoles"] == [guid("role template")]
    assert plan.exclusions == ()


# --- scope


async def test_a_scope_of_one_object_brings_back_that_object_its_links_and_what_names_it() -> None:
    before = Tenant()
    accounts = break_glass(before)
    anna, ben = user(before, "anna"), user(before, "ben")
    staff = group(before, "staff", [anna, ben])
    key = policy(before, "P", state="disabled", excludeUsers=[anna])
    after = before.copy()
    after.remove("users", anna)
    after.remove("users", ben)
    after.get("conditionalAccessPolicies", key)["displayName"] = "other"
    plan = await make_plan(before, after, accounts=accounts, scope=Scope(ids=(anna,)))
    assert only(plan, Mechanism.CREATE).target == anna
    assert only(plan, Mechanism.LINK, staff).wanted == {"members": [anna]}
    assert list(only(plan, Mechanism.PATCH, key).wanted) == ["conditions"]
    assert plan.exclusions == ()


async def test_a_policy_in_scope_is_not_written_without_what_is_out_of_scope() -> None:
    before = Tenant()
    accounts = break_glass(before)
    target = group(before, "target")
    key = policy(before, "P", state="disabled", includeUsers=[], includeGroups=[target, guid("glass")])
    after = before.copy()
    after.remove("groups", target)
    after.remove("conditionalAccessPolicies", key)
    plan = await make_plan(before, after, accounts=accounts, scope=Scope(ids=(key,)))
    assert plan.operations == ()
    assert reasons(plan, key) == [("", Reason.OUT_OF_SCOPE)]


async def test_an_unknown_id_or_type_in_the_scope_is_an_error() -> None:
    tenant = Tenant()
    user(tenant, "anna")
    with pytest.raises(Unusable, match="not in the snapshot"):
        await make_plan(tenant, tenant, scope=Scope(ids=("nobody",)))
    with pytest.raises(Unusable, match="no object type"):
        await make_plan(tenant, tenant, scope=Scope(types=("people",)))


# --- real policies


def _real() -> Tenant:
    folder = reference("real-data", "conditional-access-baseline")
    if folder is None:
        pytest.skip(ABSENT)
    tenant = Tenant()
    for name in ("conditionalAccessPolicies", "groups", "namedLocations"):
        for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines():
            item = json.loads(line)
            tenant.objects.setdefault(name, {})[item["id"]] = item
    return tenant


async def test_real_policies_come_back_rewritten_and_clean_and_are_enabled_only_if_the_guard_lets_them() -> None:
    before = _real()
    accounts = user(before, "glass1"), user(before, "glass2")
    let_sign_in(before, accounts[0])
    glass = next(key for key, one in before.objects["groups"].items() if "BreakGlass" in str(one["displayName"]))
    for account in accounts:
        before.link("groups.members", glass, account)
    policies = before.objects["conditionalAccessPolicies"]
    named = [key for item in policies.values() for key in item["conditions"]["users"]["excludeGroups"]]
    lost = next(key for key in named if key != glass)
    after = before.copy()
    after.remove("groups", lost)
    purged = sorted(policies)[:2]
    for key in purged:
        after.remove("conditionalAccessPolicies", key)
    for item in after.objects["conditionalAccessPolicies"].values():
        item["state"] = "disabled"
    for item in [*after.objects["conditionalAccessPolicies"].values()]:
        item["modifiedDateTime"] = "2027-01-01T00:00:00Z"
    plan = await make_plan(before, after, accounts=accounts)
    assert plan.conflicts == ()
    assert {key for key, kind in plan.new_ids.items() if kind != "groups"} == set(purged)
    enabled = {one.target for one in plan.operations if one.mechanism is Mechanism.ENABLE}
    left = {one.target for one in plan.exclusions if one.reason is Reason.LOCK_OUT_GUARD}
    acting = {key for key, item in policies.items() if item["state"] == "enabled"}
    excluding = {key for key, item in policies.items() if glass in item["conditions"]["users"]["excludeGroups"]}
    # Of those that don't exclude them, these ask for nothing, are about a group without them, and about agents.
    harmless = {key for key, item in policies.items() if item["displayName"][:5] in ("CA006", "CA301", "CA501")}
    assert len(harmless) == 3
    assert enabled == acting & (excluding | harmless)
    assert left == acting - excluding - harmless
    for operation in plan.operations:
        text = encode(operation.request).decode()
        assert "@odata.context" not in text
        assert "#microsoft.graph.restore" not in text
        assert ":null" not in text.replace('"body":null', "")
        if operation.wanted == {"state": "enabledForReportingButNotEnforced"}:
            # Only what will be switched on is tried before, and the rest was in that mode.
            assert operation.target in enabled or policies[operation.target]["state"] != "enabled"
            continue
        if operation.mechanism in (Mechanism.CREATE, Mechanism.PATCH) and operation.type != "groups":
            users = policies[operation.target]["conditions"]["users"]
            sent = body(operation).get("conditions")
            assert (lost in users["excludeGroups"] + users["includeGroups"]) <= (sent is not None)
            assert sent is None or json.dumps(sent).count(lost) == json.dumps(sent).count(f'{{"$id": "{lost}"}}')


# --- a second plan from the same snapshot


async def test_what_an_earlier_restore_made_anew_is_not_made_again() -> None:
    before = Tenant()
    accounts = break_glass(before)
    anna = user(before, "anna", department="Sales")
    staff = group(before, "staff", [anna], description="then")
    policy(before, "P", state="disabled", excludeGroups=[staff])
    new_anna, new_staff = guid("anna again"), guid("staff again")
    after = before.copy()
    after.remove("users", anna)
    after.remove("groups", staff)
    ids = {anna: guid("anna in between"), guid("anna in between"): new_anna, staff: new_staff}
    after.add("users", new_anna, **{**before.get("users", anna), "id": new_anna})
    after.add("groups", new_staff, **{**before.get("groups", staff), "id": new_staff})
    plan = await make_plan(before, after, accounts=accounts)
    assert only(plan, Mechanism.CREATE).target == staff  # without knowing, there would soon be two
    after.link("groups.members", new_staff, new_anna)
    after.get("conditionalAccessPolicies", guid("P"))["conditions"]["users"]["excludeGroups"] = [new_staff]
    plan = await make_plan(before, after, accounts=accounts, known_ids=ids)
    assert (plan.operations, plan.conflicts, plan.exclusions) == ((), (), ())
    after.get("groups", new_staff)["description"] = "now"
    after.unlink("groups.members", new_staff, new_anna)
    scope = Scope(ids=(staff,))
    plan = await make_plan(before, after, accounts=accounts, known_ids=ids, scope=scope)
    assert only(plan, Mechanism.PATCH).wanted == {"description": "then"}
    assert only(plan, Mechanism.PATCH).target == new_staff
    assert only(plan, Mechanism.LINK).wanted == {"members": [new_anna]}


# --- steps, waves, forecast


async def test_steps_are_small_uniform_and_wait_for_what_they_need() -> None:
    before, after = _incident()
    plan = await make_plan(before, after, accounts=[guid("glass1"), guid("glass2")])
    place = {operation.id: number for number, step in enumerate(plan.steps) for operation in step.operations}
    number_of = {step.id: number for number, step in enumerate(plan.steps)}
    waits = _all_waits(plan)
    for step in plan.steps:
        assert len(step.operations) <= 20
        assert len({operation.request.throttle for operation in step.operations}) <= 1
        assert all(number_of[other] < number_of[step.id] for other in step.depends_on)
        for operation in step.operations:
            for other in operation.after:
                assert plan.steps[place[other]].id in waits[step.id]
    assert [wave.number for wave in plan.waves] == sorted({step.wave for step in plan.steps})
    assert plan.forecast.operations == len(plan.operations)
    assert sum(len(step.depends_on) for step in plan.steps) < 6 * len(plan.steps)


def _all_waits(plan: RestorePlan) -> dict[str, set[str]]:
    waits: dict[str, set[str]] = {}
    for step in plan.steps:
        waits[step.id] = {*step.depends_on}.union(*(waits[other] for other in step.depends_on))
    return waits


async def test_every_declared_type_can_be_forecast() -> None:
    assert {spec.wave for spec in CATALOG.types} <= {0, 1, 2, 3, 4, 5}


@pytest.mark.full
async def test_twenty_thousand_operations_are_planned() -> None:
    before = Tenant()
    people = [user(before, f"user{number}") for number in range(10_000)]
    for first in range(0, 10_000, 1_000):
        group(before, f"group{first}", people[first : first + 1_000])
    for person in people[1:]:
        before.link("users.manager", person, people[0])
    plan = await make_plan(before, Tenant())
    assert plan.forecast.operations == 10_000 + 2 * 10 + 10 * 50 + 9_999
    assert len(plan.steps) < 2_000


# --- what Graph takes in a certain order or at a certain time only


def _role(name: str, **members: Any) -> dict[str, Any]:
    return {"id": guid(name), "value": name, "description": name, "isEnabled": True, **members}


async def test_an_enabled_app_role_is_disabled_before_it_goes() -> None:
    before = Tenant()
    stays, goes, changes = _role("Stays"), _role("Goes"), _role("Changes")
    key, _ = application(before, "shop", appRoles=[stays, {**changes, "description": "as it was"}])
    after = before.copy()
    after.get("applications", key).update(appRoles=[stays, changes, goes], description="bent")
    plan = await make_plan(before, after)
    first, second = (one for one in plan.operations if one.target == key)
    off = [stays, {**changes, "isEnabled": False}, {**goes, "isEnabled": False}]
    assert body(first) == {"appRoles": off}
    assert second.before["appRoles"] == off
    assert body(second)["appRoles"] == [stays, {**changes, "description": "as it was"}]
    assert first.id in second.after


async def test_scopes_that_only_come_or_are_disabled_need_no_operation_of_their_own() -> None:
    before = Tenant()
    came, off = _role("came"), _role("off", isEnabled=False)
    key, _ = application(before, "shop", api={"oauth2PermissionScopes": [came]})
    after = before.copy()
    after.get("applications", key)["api"] = {"oauth2PermissionScopes": [off]}
    plan = await make_plan(before, after)
    assert body(only(plan, Mechanism.PATCH, key)) == {"api": {"oauth2PermissionScopes": [came]}}


async def test_a_value_that_only_a_creation_sets_is_left_out_and_the_rest_is_written() -> None:
    before = Tenant()
    key = group(before, "secret", groupTypes=["Unified"], visibility="HiddenMembership", description="then")
    after = before.copy()
    after.get("groups", key).update(visibility="Public", description="now")
    plan = await make_plan(before, after)
    assert body(only(plan, Mechanism.PATCH, key)) == {"description": "then"}
    assert reasons(plan, key) == [("visibility", Reason.WRITE_ONCE)]


async def test_an_assignment_is_made_once_its_principal_has_its_own_name_again() -> None:
    before = Tenant()
    members = group(before, "readers")
    resource = service_principal(before, "shop", guid("appId of shop"))
    assignment = before.add(
        "appRoleAssignments",
        "assignment-1",
        parent=resource,
        principalId=members,
        resourceId=resource,
        appRoleId=guid("role"),
        principalDisplayName="readers",
    )
    after = before.copy()
    after.remove("groups", members)
    plan = await make_plan(before, after)
    finished = only(plan, Mechanism.FINISH, members)
    made = only(plan, Mechanism.CREATE, assignment)
    assert finished.id in made.after


async def test_a_change_by_put_names_every_member_and_checks_every_one() -> None:
    before = Tenant()
    members = {
        "isEnabled": True,
        "notifyReviewers": True,
        "remindersEnabled": False,
        "requestDurationInDays": 14,
        "reviewers": [],
        "version": 3,
    }
    before.add("adminConsentRequestPolicy", "adminConsentRequestPolicy", **members)
    after = before.copy()
    after.get("adminConsentRequestPolicy", "adminConsentRequestPolicy").update(isEnabled=False, version=4)
    plan = await make_plan(before, after)
    changed = only(plan, Mechanism.PATCH)
    assert changed.request.method == "PUT"
    assert body(changed) == {name: value for name, value in members.items() if name != "version"}
    assert changed.before == {**body(changed), "isEnabled": False}

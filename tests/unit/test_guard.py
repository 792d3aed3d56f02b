"""The lock-out guard around a plan: what counts in the state that it leads to, and that doubt is never a pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.objects import JsonObject
from shared.domain.plan import Mechanism, Reason, RestorePlan, Scope
from shared.domain.snapshot import Completeness, State
from shared.engines.lockout.facts import Facts, read_facts
from shared.engines.lockout.verdict import against, told
from shared.engines.plan_guard import missing_accounts
from tests.unit import lockout_cases as table
from tests.unit.lockout_cases import BREAK_GLASS, INNER, ONE, RULED, TWO, UNREAD
from tests.unit.views import (
    Tenant,
    TenantView,
    application,
    break_glass,
    group,
    guid,
    make_plan,
    policy,
    service_principal,
    user,
)


def facts(**changes: Any) -> Facts:
    return replace(read_facts(table.sound()), **changes)


def blocking(users: list[Any] | None = None, groups: list[Any] | None = None) -> JsonObject:
    return table.for_users(includeUsers=["All"], excludeUsers=users or [], excludeGroups=groups or [])


def rules(policy: JsonObject, known: Facts | None = None) -> list[tuple[str, str]]:
    return [(account, finding.rule.value) for account, finding in against(policy, known or facts())]


# --- one policy


def test_every_account_excluded_by_id_passes() -> None:
    assert rules(blocking([ONE, TWO])) == []


def test_one_account_that_is_not_excluded_is_told() -> None:
    found = against(blocking([ONE]), facts())
    assert [(account, finding.rule.value, finding.policy_id) for account, finding in found] == [
        (TWO, "block", table.POLICY)
    ]
    assert TWO in told(found)
    assert ONE not in told(found)


def test_a_reason_that_is_every_accounts_is_told_once() -> None:
    assert told(against(blocking(), facts())).startswith(f"break-glass accounts {ONE}, {TWO}: it blocks")


def test_a_static_group_that_was_there_and_holds_the_account_counts() -> None:
    assert rules(blocking(groups=[INNER])) == []
    assert rules(blocking([ONE], [table.ADMINS])) == [(TWO, "block")]


@pytest.mark.parametrize("group", [table.GONE, RULED, UNREAD], ids=["unknown", "dynamic", "unreadable"])
def test_a_group_that_is_in_doubt_proves_nothing(group: str) -> None:
    assert rules(blocking(groups=[group])) == [(ONE, "block"), (TWO, "block")]


def test_a_group_that_a_plan_changes_proves_nothing_wherever_it_is_on_the_way() -> None:
    for changed in (INNER, BREAK_GLASS):
        assert len(rules(blocking(groups=[INNER]), facts(uncounted=frozenset({changed})))) == 2
    # It still holds whom it holds.
    included = table.for_users(includeGroups=[INNER])
    assert len(rules(included, facts(uncounted=frozenset({INNER})))) == 2


def test_what_another_policy_does_wrong_keeps_none_from_being_mended() -> None:
    other = facts(conditional_access_policies=(blocking(),))
    assert rules(blocking([ONE, TWO]), other) == []


def test_the_state_around_the_accounts_is_judged_with_the_policy() -> None:
    assert rules(blocking([ONE, TWO]), facts(role_assignments=())) == [
        (account, "noPermanentGlobalAdministrator") for account in (ONE, TWO)
    ]
    on = facts(identity_security_defaults_enforcement_policy={"isEnabled": True})
    assert {rule for _, rule in rules(blocking([ONE, TWO]), on)} == {"securityDefaultsWithPolicies"}


# --- a plan


def _enabled(plan: RestorePlan) -> set[str]:
    return {one.target for one in plan.operations if one.mechanism is Mechanism.ENABLE}


def _why(plan: RestorePlan) -> str:
    (left,) = [one for one in plan.exclusions if one.reason is Reason.LOCK_OUT_GUARD]
    return left.why


def switched_off(before: Tenant, **parts: Any) -> tuple[Tenant, str]:
    """A policy that was on and is off now, and the tenant with it."""
    key = policy(before, "P", **parts)
    after = before.copy()
    after.get("conditionalAccessPolicies", key)["state"] = "disabled"
    return after, key


async def test_a_group_that_was_not_there_before_excludes_nobody() -> None:
    before = Tenant()
    accounts = break_glass(before)
    after, _ = switched_off(before, excludeGroups=[guid("glass")])
    assert _enabled(await make_plan(before, after, accounts=accounts))
    before.remove("groups", guid("glass"))
    plan = await make_plan(before, after, accounts=accounts)
    assert not _enabled(plan)


async def test_a_group_that_the_plan_turns_dynamic_excludes_nobody() -> None:
    before = Tenant()
    accounts = break_glass(before)
    dynamic = {"groupTypes": ["DynamicMembership"], "membershipRule": "x", "membershipRuleProcessingState": "On"}
    after, key = switched_off(before, excludeGroups=[guid("glass")])
    before.get("groups", guid("glass")).update(dynamic)
    assert key not in _enabled(await make_plan(before, after, accounts=accounts))


async def test_a_group_that_comes_back_may_hold_an_account_that_it_catches() -> None:
    before = Tenant()
    accounts = break_glass(before)
    staff = group(before, "staff", [user(before, "anna")])
    after, _ = switched_off(before, includeUsers=[], includeGroups=[staff])
    assert _enabled(await make_plan(before, after, accounts=accounts))
    after.remove("groups", staff)
    plan = await make_plan(before, after, accounts=accounts)
    assert not _enabled(plan)
    assert "multifactor authentication" in _why(plan)


async def test_members_that_could_not_be_read_prove_nothing() -> None:
    before = Tenant()
    accounts = break_glass(before)
    after, _ = switched_off(before, excludeGroups=[guid("glass")])
    partial = {"groups.members": Completeness(State.PARTIAL, "countMismatch")}
    assert not _enabled(await make_plan(before, after, accounts=accounts, after_states=partial))


async def test_a_policy_that_the_accounts_meet_needs_no_exclusion() -> None:
    before = Tenant()
    accounts = break_glass(before)
    after, _ = switched_off(before)
    assert "wasn't read" in _why(await make_plan(before, after, accounts=accounts))
    methods = table.sound()["authenticationMethodsPolicy"]
    for tenant in (before, after):
        tenant.add("authenticationMethodsPolicy", methods["id"])
        for config in methods["authenticationMethodConfigurations"]:
            rest = {name: value for name, value in config.items() if name != "id"}
            tenant.add("authenticationMethodConfigurations", config["id"], **rest)
        for account in accounts:
            tenant.add("userAuthenticationMethods", account, methods=[table.KEY])
    assert _enabled(await make_plan(before, after, accounts=accounts))


async def test_what_the_plan_makes_of_accounts_counts() -> None:
    before = Tenant()
    accounts = break_glass(before)
    after, _ = switched_off(before, excludeUsers=list(accounts))
    after.get("users", accounts[1])["accountEnabled"] = False
    assert _enabled(await make_plan(before, after, accounts=accounts)), "it is enabled again by this plan"
    before.get("users", accounts[1])["accountEnabled"] = False
    plan = await make_plan(before, after, accounts=accounts)
    assert not _enabled(plan)
    assert "enabled" in _why(plan)


async def test_an_administrator_that_the_plan_brings_back_counts() -> None:
    before = Tenant()
    accounts = break_glass(before)
    after, _ = switched_off(before, excludeUsers=list(accounts))
    assignment = f"{accounts[0]} is Global Administrator"
    before.add(
        "roleAssignmentScheduleInstances",
        "instance",
        **{**before.get("roleAssignments", assignment), "id": "instance"},
        roleAssignmentOriginId=assignment,
        assignmentType="Assigned",
        memberType="Direct",
        endDateTime=None,
    )
    after.remove("roleAssignments", assignment)
    plan = await make_plan(before, after, accounts=accounts)
    assert any(one.type == "roleAssignments" for one in plan.operations)
    assert _enabled(plan)
    before.remove("roleAssignments", assignment)
    assert "Global Administrator" in _why(await make_plan(before, after, accounts=accounts))


async def test_a_policy_for_workload_identities_leaves_holdfast_its_way_in() -> None:
    before = Tenant()
    accounts = break_glass(before)
    _, app_id = application(before, "Holdfast")
    service_principal(before, "Holdfast", app_id)
    everyone = {"includeServicePrincipals": ["ServicePrincipalsInMyTenant"], "excludeServicePrincipals": []}
    after, key = switched_off(before, includeUsers=["None"], clientApplications=everyone)
    assert _enabled(await make_plan(before, after, accounts=accounts)) == {key}
    plan = await make_plan(before, after, accounts=accounts, own_apps=[app_id])
    assert not _enabled(plan)
    assert "Holdfast's own service principal" in _why(plan)


# --- the states on the way


def _kept_back(plan: RestorePlan) -> set[tuple[str, str]]:
    return {(one.target, one.member) for one in plan.exclusions if one.reason is Reason.LOCK_OUT_GUARD}


def _written(plan: RestorePlan) -> set[str]:
    return {one.target for one in plan.operations}


async def test_no_account_is_disabled_by_a_restore() -> None:
    before = Tenant()
    accounts = break_glass(before)
    anna = user(before, "anna", accountEnabled=False)
    after = before.copy()
    for one in (accounts[0], anna):
        before.get("users", one)["accountEnabled"] = False
        after.get("users", one)["accountEnabled"] = True
    after.get("users", accounts[1])["department"] = "other"
    plan = await make_plan(before, after, accounts=accounts)
    assert _kept_back(plan) == {(accounts[0], "accountEnabled")}
    assert _written(plan) == {anna, accounts[1]}
    assert {one.target for one in plan.operations if one.guarded} == {accounts[1]}, "asked again before it is sent"
    assert "because of what is on now" in _why(plan)


async def test_a_group_that_excludes_them_from_what_is_on_stays_static() -> None:
    before = Tenant()
    accounts = break_glass(before)
    policy(before, "P", excludeGroups=[guid("glass")])
    other = group(before, "other", accounts)
    after = before.copy()
    dynamic = {"groupTypes": ["DynamicMembership"], "membershipRule": "x", "membershipRuleProcessingState": "On"}
    for one in (guid("glass"), other):
        before.get("groups", one).update(dynamic)
    plan = await make_plan(before, after, accounts=accounts)
    assert {target for target, _ in _kept_back(plan)} == {guid("glass")}
    assert other in _written(plan)


async def test_nobody_is_linked_into_a_group_that_is_shut_out_now() -> None:
    before = Tenant()
    accounts = break_glass(before)
    anna = user(before, "anna")
    caught = group(before, "caught", [anna, accounts[0]])
    policy(before, "P", includeUsers=[], includeGroups=[caught])
    after = before.copy()
    after.unlink("groups.members", caught, accounts[0])
    plan = await make_plan(before, after, accounts=accounts)
    assert _kept_back(plan) == {(caught, "members")}
    after = before.copy()
    after.unlink("groups.members", caught, anna)
    assert not _kept_back(await make_plan(before, after, accounts=accounts))


async def test_nobody_gets_into_a_group_that_is_shut_out_by_way_of_another_one() -> None:
    before = Tenant()
    accounts = break_glass(before)
    holding = group(before, "holding", [accounts[0]])
    caught = group(before, "caught", [holding])
    policy(before, "P", includeUsers=[], includeGroups=[caught])
    after = before.copy()
    after.unlink("groups.members", caught, holding)
    plan = await make_plan(before, after, accounts=accounts)
    assert _kept_back(plan) == {(caught, "members")}


async def test_what_two_operations_do_together_is_judged_together() -> None:
    before = Tenant()
    accounts = break_glass(before)
    policy(before, "P", excludeGroups=[guid("glass"), guid("second")])
    group(before, "second", accounts)
    after = before.copy()
    for one in ("glass", "second"):
        before.unlink("groups.members", guid(one), accounts[1])
    plan = await make_plan(before, after, accounts=accounts, scope=Scope(prune=True))
    assert len(_kept_back(plan)) == 1, "one of them lets the account out still"
    assert [one.guarded for one in plan.operations] == [True]


async def test_memberships_and_roles_of_the_accounts_are_asked_about_again() -> None:
    before = Tenant()
    accounts = break_glass(before)
    anna = user(before, "anna")
    inner = group(before, "inner", [anna])
    around = group(before, "around", [accounts[0], anna, inner])
    before.add(
        "roleAssignments",
        "another",
        principalId=accounts[1],
        roleDefinitionId="x",
        directoryScopeId="/",
    )
    before.add("roleAssignments", "annas", principalId=anna, roleDefinitionId="x", directoryScopeId="/")
    after = before.copy()
    for one in (accounts[0], anna, inner):
        after.unlink("groups.members", around, one)
    after.unlink("groups.members", inner, anna)
    for one in ("another", "annas"):
        after.remove("roleAssignments", one)
    for one in ("another", "annas"):
        before.add(
            "roleAssignmentScheduleInstances",
            f"of {one}",
            **{**before.get("roleAssignments", one), "id": f"of {one}"},
            roleAssignmentOriginId=one,
            assignmentType="Assigned",
            memberType="Direct",
            endDateTime=None,
        )
    plan = await make_plan(before, after, accounts=accounts)
    asked = {(one.target, one.guarded) for one in plan.operations}
    assert asked == {(around, True), (inner, False), ("another", True), ("annas", False)}


async def test_nobody_is_taken_out_of_a_group_that_lets_them_out_now() -> None:
    before = Tenant()
    accounts = break_glass(before)
    policy(before, "P", excludeGroups=[guid("glass")])
    after = before.copy()
    before.unlink("groups.members", guid("glass"), accounts[1])
    plan = await make_plan(before, after, accounts=accounts, scope=Scope(prune=True))
    assert _kept_back(plan) == {(guid("glass"), "members")}
    assert not plan.operations


async def test_security_defaults_are_not_put_beside_policies_that_are_on() -> None:
    before = Tenant()
    accounts = break_glass(before)
    policy(before, "P", excludeGroups=[guid("glass")])
    after = before.copy()
    defaults = "identitySecurityDefaultsEnforcementPolicy"
    before.get(defaults, defaults)["isEnabled"] = True
    plan = await make_plan(before, after, accounts=accounts)
    assert _kept_back(plan) == {(defaults, "isEnabled")}
    assert "security defaults" in _why(plan)


def realm(tenant: Tenant, **members: Any) -> str:
    definition = '{"HomeRealmDiscoveryPolicy": {"AccelerateToFederatedDomain": true}}'
    tenant.add("domains", "federated.example", authenticationType="Federated", isVerified=True)
    values = {"displayName": "R", "definition": [definition], "isOrganizationDefault": True, **members}
    return tenant.add("homeRealmDiscoveryPolicies", guid("R"), **values)


async def test_nothing_is_enabled_or_made_that_sends_them_elsewhere() -> None:
    before = Tenant()
    accounts = break_glass(before)
    key = realm(before)
    after, _ = switched_off(before, excludeUsers=list(accounts))
    plan = await make_plan(before, after, accounts=accounts)
    assert not _enabled(plan)
    assert "federated domain" in _why(plan)
    after.remove("homeRealmDiscoveryPolicies", key)
    plan = await make_plan(before, after, accounts=accounts)
    assert {target for target, _ in _kept_back(plan)} == {key}
    assert len(_enabled(plan)) == 1, "what isn't made keeps nothing from being enabled"
    after = before.copy()
    after.get("homeRealmDiscoveryPolicies", key)["isOrganizationDefault"] = False
    assert _kept_back(await make_plan(before, after, accounts=accounts)) == {(key, "isOrganizationDefault")}


async def test_a_policy_of_home_realms_is_not_put_on_what_they_need() -> None:
    before = Tenant()
    accounts = break_glass(before)
    key = realm(before, isOrganizationDefault=False)
    portal = service_principal(before, "portal", table.AZURE_MANAGEMENT)
    other = service_principal(before, "other", guid("other app"))
    for one in (portal, other):
        before.link("homeRealmDiscoveryPolicies.appliesTo", key, one, "servicePrincipals")
    after = before.copy()
    for one in (portal, other):
        after.unlink("homeRealmDiscoveryPolicies.appliesTo", key, one)
    plan = await make_plan(before, after, accounts=accounts)
    assert _kept_back(plan) == {(key, "appliesTo")}
    assert [(one.wanted, one.guarded) for one in plan.operations] == [({"appliesTo": [other]}, True)]


async def test_a_domain_of_theirs_is_not_federated() -> None:
    before = Tenant()
    accounts = break_glass(before)
    domain = "contoso.example"
    values = {"issuerUri": "urn:idp", "displayName": "idp", "passiveSignInUri": "https://idp.example"}
    before.add("domainFederations", "f1", parent=domain, **values)
    before.get("domains", domain)["authenticationType"] = "Federated"
    after = before.copy()
    after.remove("domainFederations", "f1")
    after.get("domains", domain)["authenticationType"] = "Managed"
    plan = await make_plan(before, after, accounts=accounts)
    assert {target for target, _ in _kept_back(plan)} == {"f1"}
    assert not plan.operations


async def test_accounts_that_are_not_live_are_named() -> None:
    tenant = Tenant()
    one = user(tenant, "one")
    assert await missing_accounts(TenantView(tenant), [one, guid("gone")]) == [guid("gone")]

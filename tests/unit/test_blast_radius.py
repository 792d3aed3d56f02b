"""Who gains and who loses access by a plan is told, through groups in groups, roles, applications and policies."""

from __future__ import annotations

from shared.domain.plan import Access, AccessKind, RestorePlan, Scope
from shared.domain.snapshot import Completeness, State
from shared.engines import blast_radius
from shared.engines.wire import decode, encode
from tests.unit.test_tier_zero import GLOBAL, PLAIN, assigned, permitted, role
from tests.unit.views import Tenant, break_glass, group, guid, make_plan, policy, service_principal, user


def told(plan: RestorePlan, kind: AccessKind) -> dict[str, tuple[set[str], set[str]]]:
    """Name of the thing → names of who gains and of who loses it."""
    assert plan.blast_radius is not None
    names = plan.blast_radius.names
    return {
        one.name: ({names.get(who, who) for who in one.gains}, {names.get(who, who) for who in one.loses})
        for one in plan.blast_radius.access
        if one.kind is kind
    }


async def test_members_of_groups_in_groups_gain_what_the_outer_group_holds() -> None:
    before = Tenant()
    anna, bert, carla = (user(before, name) for name in ("anna", "bert", "carla"))
    inner = group(before, "inner", [anna, bert])
    outer = group(before, "outer", [inner, bert, carla])
    app = service_principal(before, "app", guid("appId of app"))
    admins = group(before, "admins", isAssignableToRole=True)
    role(before, GLOBAL)
    assigned(before, admins, GLOBAL)
    permitted(before, outer, app, guid("reader"))
    after = before.copy()
    after.unlink("groups.members", outer, inner)
    before.link("groups.members", admins, anna)
    after.link("groups.members", inner, carla)
    plan = await make_plan(before, after, scope=Scope(prune=True), before_states=PLAIN, after_states=PLAIN)
    assert told(plan, AccessKind.GROUPS) == {
        "outer": ({"anna"}, set()),
        "inner": (set(), {"carla"}),
        "admins": ({"anna"}, set()),
    }
    # A group in a group that holds a role of an application passes nothing on.
    assert not told(plan, AccessKind.APPS)
    assert told(plan, AccessKind.ROLES) == {f"role {GLOBAL[:4]}": ({"anna"}, set())}
    assert plan.blast_radius is not None
    assert (plan.blast_radius.gaining, plan.blast_radius.losing) == (1, 1)
    assert decode(RestorePlan, encode(plan)) == plan


async def test_grants_that_come_and_accounts_that_are_shut_or_come_back() -> None:
    before = Tenant()
    anna, bert = user(before, "anna"), user(before, "bert")
    people = group(before, "people", [anna, bert])
    role(before, GLOBAL)
    app = service_principal(before, "app", guid("appId of app"))
    after = before.copy()
    assigned(before, anna, GLOBAL)
    permitted(before, people, app, guid("reader"))
    after.remove("users", bert)
    after.get("users", anna)["accountEnabled"] = False
    plan = await make_plan(before, after, before_states=PLAIN, after_states=PLAIN)
    assert told(plan, AccessKind.ACCOUNTS) == {"Users": ({"anna", "bert"}, set())}
    assert told(plan, AccessKind.ROLES) == {f"role {GLOBAL[:4]}": ({"anna"}, set())}
    assert told(plan, AccessKind.APPS) == {"app": ({"anna", "bert"}, set())}
    assert told(plan, AccessKind.GROUPS) == {"people": ({"bert"}, set())}


async def test_policies_that_are_on_are_told_for_whom_they_apply_or_no_longer_do() -> None:
    before = Tenant()
    accounts = break_glass(before)
    anna, bert = user(before, "anna"), user(before, "bert")
    spared = group(before, "spared", [anna])
    few = policy(before, "few", includeUsers=[], includeGroups=[spared], excludeUsers=list(accounts))
    rest = policy(before, "rest", excludeUsers=list(accounts), excludeGroups=[spared])
    off = policy(before, "off", state="disabled", includeUsers=[], includeGroups=[spared])
    after = before.copy()
    before.link("groups.members", spared, bert)
    after.get("conditionalAccessPolicies", off)["displayName"] = "bent"
    plan = await make_plan(before, after, accounts=accounts)
    assert told(plan, AccessKind.POLICIES) == {"few": ({"bert"}, set()), "rest": (set(), {"bert"})}
    after.get("conditionalAccessPolicies", rest)["state"] = "disabled"
    after.get("conditionalAccessPolicies", few)["state"] = "disabled"
    plan = await make_plan(before, after, accounts=accounts)
    assert plan.blast_radius is not None
    held = {one.name: one for one in plan.blast_radius.access if one.kind is AccessKind.POLICIES}
    assert told(plan, AccessKind.POLICIES)["few"] == ({"anna", "bert"}, set())
    assert (held["rest"].all_gain, held["rest"].all_lose) == (True, False)
    assert set(held["rest"].spared) == {anna, bert, *accounts}


RULES = "groups.members: 1 have members by a rule; whom it takes in once this plan has run is not foretold"


async def test_what_nobody_can_tell_is_said_and_a_plan_without_any_change_of_access_tells_nothing() -> None:
    before = Tenant()
    anna = user(before, "anna")
    here = group(before, "here")
    group(before, "rule", groupTypes=["DynamicMembership"], membershipRule="user.department -eq 'HR'")
    after = before.copy()
    before.get("users", anna)["department"] = "HR"
    calm = await make_plan(before, after)
    assert calm.blast_radius is not None
    assert not calm.blast_radius.access
    assert calm.untold == (RULES,)
    before.link("groups.members", here, anna)
    part = {"roleAssignments": Completeness(State.NOT_PERMITTED, "no")}
    plan = await make_plan(before, after, after_states=part)
    assert RULES in plan.untold
    assert any("roleAssignments: notPermitted" in one for one in plan.untold)


async def test_lists_are_cut_and_numbers_are_not() -> None:
    access = Access(AccessKind.GROUPS, "groups", "g", "g", ("a", "b", "c"), ("d",), 3, 1)
    cut = blast_radius._cut(access, 2)
    assert (cut.gains, cut.loses, cut.gained_by, cut.lost_by) == (("a", "b"), (), 3, 1)


async def test_who_is_gone_and_stays_gone_is_not_named() -> None:
    before = Tenant()
    accounts = break_glass(before)
    gone = user(before, "gone")
    one = policy(before, "spares", state="disabled", excludeUsers=[*accounts, gone])
    after = before.copy()
    after.remove("users", gone)
    after.get("conditionalAccessPolicies", one)["state"] = "enabled"
    plan = await make_plan(before, after, accounts=accounts, scope=Scope(types=("conditionalAccessPolicies",)))
    assert plan.blast_radius is not None
    (told,) = plan.blast_radius.access
    assert told.all_lose
    assert gone in told.spared
    assert set(plan.blast_radius.names) == set(accounts)

"""Power over the tenant is told operation by operation, and done only where enough approvers named it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.catalog.tier_zero import HARMLESS_ROLES, TAKEOVER
from shared.domain.errors import Refused
from shared.domain.plan import Decision, TierZeroGrant
from shared.domain.snapshot import Completeness, State
from shared.engines.evidence import WaveStart
from shared.engines.wire import decode, dump, encode, parse
from tests.restore_world import APPROVERS, EXECUTION_KEY, PLAN_KEY, World, start, world
from tests.unit.test_overrides import WAIT, executor, recorder, signed
from tests.unit.views import Tenant, application, bins, group, guid, make_plan, service_principal, user

ONE, TWO, THREE = APPROVERS
GLOBAL = "62e90394-69f5-4237-9190-012177145e10"
READERS = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"
TAKES_OVER = next(key for key, name in TAKEOVER.items() if name == "RoleManagement.ReadWrite.Directory")

# A tenant without privileged identity management: each assignment is one.
PLAIN = {"roleAssignmentScheduleInstances": Completeness(State.NOT_LICENSED, "no plan")}


def assigned(at: Tenant, principal: str, role: str, table: str = "roleAssignments") -> str:
    members = {"principalId": principal, "roleDefinitionId": role, "directoryScopeId": "/"}
    if table == "roleEligibilitySchedules":
        members["scheduleInfo"] = {"startDateTime": None, "expiration": {"type": "noExpiration"}}
    return at.add(table, guid(f"{principal} {role} {table}"), **members)


def role(at: Tenant, key: str, *, built_in: bool = True) -> str:
    return at.add("roleDefinitions", key, displayName=f"role {key[:4]}", templateId=key, isBuiltIn=built_in)


def permitted(at: Tenant, principal: str, resource: str, app_role: str) -> str:
    key = guid(f"{principal} may {app_role}")
    return at.add(
        "appRoleAssignments",
        key,
        parent=resource,
        principalId=principal,
        resourceId=resource,
        appRoleId=app_role,
        principalDisplayName="",
    )


async def test_assignments_of_roles_are_told_unless_the_role_is_known_as_harmless() -> None:
    before = Tenant()
    anna, bert, carla = (user(before, name) for name in ("anna", "bert", "carla"))
    custom = guid("custom role")
    for key in (GLOBAL, READERS):
        role(before, key)
    role(before, custom, built_in=False)
    after = before.copy()
    assigned(before, anna, GLOBAL)
    assigned(before, bert, READERS)
    assigned(before, carla, custom)
    assigned(before, bert, GLOBAL, "roleEligibilitySchedules")
    plan = await make_plan(before, after, before_states=PLAIN)
    assert {(one.type, one.to) for one in plan.tier_zero} == {
        ("roleAssignments", anna),
        ("roleAssignments", carla),
        ("roleEligibilitySchedules", bert),
    }
    assert READERS in HARMLESS_ROLES
    assert all(GLOBAL in one.why or custom in one.why for one in plan.tier_zero)


async def test_members_and_owners_of_a_role_assignable_group_come_one_by_one_and_those_of_others_together() -> None:
    before = Tenant()
    people = [user(before, f"user{number}") for number in range(5)]
    powerful = group(before, "admins", isAssignableToRole=True)
    plain = group(before, "plain")
    after = before.copy()
    for one in people:
        before.link("groups.members", powerful, one)
        before.link("groups.members", plain, one)
    before.link("groups.owners", powerful, people[0])
    before.link("groups.owners", plain, people[0])
    plan = await make_plan(before, after)
    links = [one for one in plan.operations if one.relationship == "members"]
    assert sorted(len(one.wanted["members"]) for one in links) == [1, 1, 1, 1, 1, 5]  # type: ignore[arg-type]
    assert {one.target for one in plan.tier_zero} == {powerful}
    assert sorted(one.to_name for one in plan.tier_zero) == ["user0", *(f"user{number}" for number in range(5))]
    assert len({one.key for one in plan.tier_zero}) == 6


async def test_what_leads_to_an_application_with_power_counts_and_to_others_not() -> None:
    before = Tenant()
    anna = user(before, "anna")
    graph = service_principal(before, "graph", guid("appId of graph"))
    keys: dict[str, tuple[str, str]] = {}
    for name in ("mighty", "meek"):
        app, app_id = application(before, name)
        keys[name] = app, service_principal(before, name, app_id)
    permitted(before, keys["mighty"][1], graph, TAKES_OVER)
    permitted(before, keys["meek"][1], graph, guid("User.Read.All"))
    after = before.copy()
    for name, (app, principal) in keys.items():
        before.link("applications.owners", app, anna)
        before.link("servicePrincipals.owners", principal, anna)
        before.add(
            "federatedIdentityCredentials",
            guid(f"way into {name}"),
            parent=app,
            name=f"ci of {name}",
            issuer="https://token.example",
            subject="repo",
            audiences=["api://x"],
        )
        before.link("applications.federatedIdentityCredentials", app, guid(f"way into {name}"), "federated")
    plan = await make_plan(before, after)
    assert {(one.type, one.name) for one in plan.tier_zero} == {
        ("applications", "mighty"),
        ("servicePrincipals", "mighty"),
        ("federatedIdentityCredentials", "ci of mighty"),
    }


async def test_the_permission_itself_consent_and_a_return_from_the_bin_are_told() -> None:
    before = Tenant()
    anna, bert = user(before, "anna"), user(before, "bert")
    role(before, GLOBAL)
    graph = service_principal(before, "graph", guid("appId of graph"))
    app = service_principal(before, "app", guid("appId of app"))
    grant = before.add(
        "oauth2PermissionGrants",
        guid("consent"),
        clientId=app,
        resourceId=graph,
        consentType="AllPrincipals",
        principalId=None,
        scope="User.Read",
    )
    assigned(before, anna, GLOBAL)
    after = before.copy()
    before.get("oauth2PermissionGrants", grant)["scope"] = "User.Read Application.ReadWrite.All"
    permission = permitted(before, app, graph, TAKES_OVER)
    gone = [after.remove("users", one) for one in (anna, bert)]
    plan = await make_plan(before, after, held=bins(users=gone))
    assert {(one.type, one.target, one.to) for one in plan.tier_zero} == {
        ("users", anna, anna),
        ("oauth2PermissionGrants", grant, app),
        ("appRoleAssignments", permission, app),
    }


async def test_keys_are_those_of_what_is_done_and_not_of_the_plan_that_does_it() -> None:
    before = Tenant()
    anna = user(before, "anna")
    role(before, GLOBAL)
    after = before.copy()
    assigned(before, anna, GLOBAL)
    first = await make_plan(before, after, before_states=PLAIN)
    second = await make_plan(before, after, before_states=PLAIN, plan_id="p2")
    assert first.tier_zero[0].key == second.tier_zero[0].key
    assert first.tier_zero[0].operation != second.tier_zero[0].operation
    assert encode(await make_plan(before, after, before_states=PLAIN)) == encode(first)


async def test_what_could_not_be_read_is_said() -> None:
    before = Tenant()
    user(before, "anna")
    after = before.copy()
    before.get("users", guid("anna"))["department"] = "HR"
    barred = {"roleAssignments": Completeness(State.NOT_PERMITTED, "no")}
    plan = await make_plan(before, after, before_states=barred, after_states=barred)
    assert any("roleAssignments" in one and "notPermitted" in one for one in plan.untold)
    assert not (await make_plan(before, after, after_states=barred)).untold


async def test_plans_approvals_and_starts_of_earlier_releases_decode() -> None:
    plan = await make_plan(Tenant(), Tenant())
    for value, new in (
        (plan, ("tierZero", "flags", "untold")),
        (WaveStart("p", "d", 1, plan.created_at, (), ()), ("tierZero",)),
    ):
        tree = parse(encode(value))
        for name in new:
            del tree[name]
        assert decode(type(value), dump(tree)) == value


# --- approvals ---------------------------------------------------------------------------------------------


def powerful(made: dict[str, Any], *names: str) -> tuple[TierZeroGrant, ...]:
    return tuple(
        TierZeroGrant(f"key-{name}", name, 3, made[name].type, made[name].target, "x", "who", "", "power")
        for name in names
    )


async def powered(*names: str) -> World:
    """A world whose plan holds these operations as grants of power; nothing is approved yet."""
    first = await world(approve=False)
    made = {one.id: one for one in first.plan.operations}
    first.plan = replace(first.plan, id="ppower", tier_zero=powerful(made, *names))
    await first.view().store_plan(first.plan, PLAN_KEY)
    return first


async def test_a_grant_goes_through_only_if_as_many_named_it_as_are_needed() -> None:
    one = await powered("create-fic", "link-manager")
    for key, named in ((ONE, ("key-create-fic", "key-link-manager")), (TWO, ("key-create-fic",))):
        await one.desk().record(await one.approval(key, tier_zero=named))
    stored = await one.stored()
    quorum = await one.desk().quorum(stored, 3)
    assert (quorum.reached, quorum.tier_zero) == (True, ("key-create-fic",))
    with pytest.raises(Refused, match="has not started"):
        await one.desk().not_named(stored, 3)
    assert not await one.desk().start_wave(stored, 3, EXECUTION_KEY)
    assert await one.desk().not_named(stored, 3) == {"link-manager"}
    # What is named after the wave has started changes nothing about it.
    more = await one.approval(THREE, tier_zero=("key-link-manager",), nonce="nonce-late-0")
    await one.desk().record(more)
    assert await one.desk().not_named(stored, 3) == {"link-manager"}


async def test_one_approver_who_signs_twice_names_once_and_a_key_that_is_not_there_is_refused() -> None:
    one = await powered("create-fic")
    for nonce in ("nonce-a-00", "nonce-b-00"):
        await one.desk().record(await one.approval(ONE, tier_zero=("key-create-fic",), nonce=nonce))
    await one.desk().record(await one.approval(TWO, tier_zero=()))
    assert not (await one.desk().quorum(await one.stored(), 3)).tier_zero
    with pytest.raises(Refused, match="tier-0 grants that the plan doesn't have"):
        await one.desk().record(await one.approval(THREE, tier_zero=("key-other",)))


async def test_what_one_approver_names_in_several_approvals_counts_together() -> None:
    one = await powered("create-fic", "link-manager")
    for number, key in enumerate(("key-create-fic", "key-link-manager")):
        await one.desk().record(await one.approval(ONE, tier_zero=(key,), nonce=f"nonce-{number}-00"))
    await one.desk().record(await one.approval(TWO))
    assert (await one.desk().quorum(await one.stored(), 3)).tier_zero == ("key-create-fic", "key-link-manager")


async def test_an_override_lets_through_what_it_names_once_it_holds() -> None:
    one = await powered("create-fic", "link-manager")
    await recorder(one).record(await signed(one, ONE, Decision.OVERRIDE, tier_zero=("key-create-fic",)))
    stored = await one.stored()
    assert (await executor(one).quorum(stored, 3)).tier_zero == ()
    one.clock.advance(WAIT)
    quorum = await executor(one).quorum(stored, 3)
    assert (quorum.reached, quorum.tier_zero) == (True, ("key-create-fic",))
    assert not await executor(one).start_wave(stored, 3, EXECUTION_KEY)
    assert await executor(one).not_named(stored, 3) == {"link-manager"}


async def test_an_approval_that_leaves_a_flag_unsaid_is_refused_with_its_name() -> None:
    one = await powered()
    waves = tuple(replace(wave, asks=("conditionalAccess",) if wave.number == 5 else ()) for wave in one.plan.waves)
    one.plan = replace(one.plan, id="pflagged", waves=waves)
    await one.view().store_plan(one.plan, PLAN_KEY)
    with pytest.raises(Refused, match="doesn't acknowledge conditionalAccess"):
        await one.desk().record(await one.approval(ONE, acknowledged=()))
    await one.desk().record(await one.approval(ONE, acknowledged=(), waves=(3,)))
    await one.desk().record(await one.approval(TWO))


async def test_the_executor_leaves_out_what_was_not_named_and_what_rests_on_it() -> None:
    one = await powered("create-fic", "link-members", "link-manager")
    for key in (ONE, TWO):
        await one.desk().record(await one.approval(key, tier_zero=("key-link-manager",)))
    await start(one)
    await one.process().drain(twice=True)
    ends = await one.ends()
    assert {name for name, state in ends.items() if state == "notApproved"} == {"create-fic", "link-members"}
    assert ends["enable-policy"] == "dependencyNotDone"
    assert ends["link-manager"] == ends["create-app"] == "done"
    end = await (await one.progress()).end("create-fic")
    assert end is not None
    assert "too few approvers named it" in end.why
    blocked = await (await one.progress()).end("enable-policy")
    assert blocked is not None
    assert "link-members, which it needs, ended as notApproved" in blocked.why
    held = one.service.store.tables["federatedIdentityCredentials"].values()
    assert "https://token.example" not in {item["issuer"] for item in held}

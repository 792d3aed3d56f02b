"""A plan that does much, or touches what everybody's access rests on, asks for more than a yes."""

from __future__ import annotations

from shared.domain.plan import RestorePlan, Scope, Thresholds
from tests.unit.views import (
    Tenant,
    application,
    bins,
    break_glass,
    group,
    guid,
    make_plan,
    policy,
    service_principal,
)
from tests.unit.views import user as person

SMALL = Thresholds(objects=5, share=0.5, share_from=3, removals=2)


def flags(plan: RestorePlan) -> dict[str, str]:
    return {one.name: one.why for one in plan.flags}


def asks(plan: RestorePlan) -> dict[int, tuple[str, ...]]:
    return {wave.number: wave.asks for wave in plan.waves}


async def test_many_objects_a_share_of_a_type_and_many_removals_are_flagged_and_fewer_are_not() -> None:
    before = Tenant()
    people = [person(before, f"user{number}") for number in range(6)]
    crowd = group(before, "crowd")
    after = before.copy()
    for one in people:
        after.get("users", one)["department"] = "mallory's"
    for one in people[:3]:
        after.link("groups.members", crowd, one)
    plan = await make_plan(before, after, scope=Scope(prune=True), thresholds=SMALL)
    assert flags(plan) == {
        "manyObjects": "7 objects change, come back or get or lose a link; more than 5",
        "manyOf.users": "6 of 6 users; more than 50%",
        "manyRemovals": "3 objects, links and credentials go; more than 2",
    }
    assert asks(plan) == {4: ("manyObjects", "manyOf.users"), 6: ("removes", "manyObjects", "manyRemovals")}
    just = Thresholds(objects=7, share=1.0, share_from=3, removals=3)
    assert not flags(await make_plan(before, after, scope=Scope(prune=True), thresholds=just))
    assert not flags(await make_plan(before, after, scope=Scope(prune=True)))


async def test_any_change_to_conditional_access_or_federation_is_flagged_in_its_wave_only() -> None:
    before = Tenant()
    accounts = break_glass(before)
    one = policy(before, "all", state="disabled")
    before.add("domains", "other.example", authenticationType="Managed", isVerified=True)
    after = before.copy()
    after.get("conditionalAccessPolicies", one)["displayName"] = "renamed"
    before.add("domainFederations", guid("fed"), parent="other.example", issuerUri="urn:us", displayName="us")
    before.link("domains.federationConfiguration", "other.example", guid("fed"), "domainFederations")
    plan = await make_plan(before, after, accounts=accounts)
    assert flags(plan) == {
        "conditionalAccess": "1 operation touches conditional access, or what policies rest on",
        "federation": "1 operation touches where sign-ins are sent, or whose are believed",
    }
    assert asks(plan) == {2: ("conditionalAccess",), 5: ("federation",)}


async def test_what_this_program_signs_in_by_is_flagged_also_where_it_comes_back() -> None:
    before = Tenant()
    graph = service_principal(before, "graph", guid("appId of graph"))
    key, app_id = application(before, "holdfast")
    ours = service_principal(before, "holdfast", app_id)
    other = service_principal(before, "other", guid("appId of other"))
    after = before.copy()
    for who in (ours, other):
        before.add(
            "appRoleAssignments",
            guid(f"{who} may"),
            parent=graph,
            principalId=who,
            resourceId=graph,
            appRoleId=guid("User.Read.All"),
        )
    plan = await make_plan(before, after, own_apps=[app_id])
    assert flags(plan) == {"ownAccess": "1 operation touches what this program signs in by, or may do"}
    held = bins(applications=[after.remove("applications", key)])
    held["servicePrincipals"][ours] = after.remove("servicePrincipals", ours)
    plan = await make_plan(before, after, held=held, own_apps=[app_id])
    assert "ownAccess" in flags(plan)

"""Power over the tenant comes back only as far as enough approvers named it; all else of the plan is done."""

from __future__ import annotations

from dataclasses import replace

from shared.engines.report import Verdict
from tests.restore_planned import cloud_users, planned
from tests.restore_world import APPROVERS, PLAN_KEY, objects
from tests.simdirectory import scripted
from tests.simulator.service import Service

GLOBAL = "62e90394-69f5-4237-9190-012177145e10"


async def test_what_was_not_named_stays_out_with_that_reason_and_the_rest_comes_back() -> None:
    powerful: list[str] = []
    people: list[str] = []

    def prepare(service: Service) -> None:
        group = next(one for one in objects(service, "groups") if one.get("isAssignableToRole"))
        powerful.append(str(group["id"]))
        people.extend(str(one["id"]) for one in cloud_users(service)[:3])
        with service.store.transaction("POST", "/groups", "prepare"):
            for one in people:
                service.store.link("groups.members", powerful[0], one)
        held = {"principalId": people[2], "roleDefinitionId": GLOBAL, "directoryScopeId": "/"}
        scripted(service, "POST", "/v1.0/roleManagement/directory/roleAssignments", held)

    def damage(service: Service) -> None:
        for one in people[:2]:
            scripted(service, "DELETE", f"/v1.0/groups/{powerful[0]}/members/{one}/$ref")
        for one in objects(service, "roleAssignments"):
            if one["principalId"] == people[2] and one["roleDefinitionId"] == GLOBAL:
                scripted(service, "DELETE", f"/v1.0/roleManagement/directory/roleAssignments/{one['id']}")
        scripted(service, "PATCH", f"/v1.0/users/{people[0]}", {"department": "Bent"})

    case = await planned(damage, prepare=prepare)
    world = case.world
    grants = {(one.type, one.to): one for one in world.plan.tier_zero}
    assert set(grants) == {("groups", people[0]), ("groups", people[1]), ("roleAssignments", people[2])}
    world.plan = replace(world.plan, id="pnamed")
    await world.view().store_plan(world.plan, PLAN_KEY)
    first, role = grants["groups", people[0]].key, grants["roleAssignments", people[2]].key
    for key, named in zip(APPROVERS[:2], ((first, role), (first,)), strict=True):
        await world.desk().record(await world.approval(key, tier_zero=named))
    await case.run()
    members = world.service.store.targets("groups.members", powerful[0])
    assert people[0] in members
    assert people[1] not in members
    assert (people[2], GLOBAL) not in {
        (one["principalId"], one["roleDefinitionId"]) for one in objects(world.service, "roleAssignments")
    }
    assert world.service.store.tables["users"][people[0]]["department"] != "Bent"
    report = await case.report()
    assert report.verdict is Verdict.EQUAL_EXCEPT_LISTED
    assert not report.unexpected
    assert {one.state for one in report.not_done} == {"notApproved"}
    assert report.outcomes["notApproved"] == 2
    assert report.by_reason["notApproved"] == 2

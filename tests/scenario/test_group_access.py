"""Privileged identity management for groups. What must stay true: one request for each group that may hold roles,
and none for others; no eligibility lasts longer than it did, or becomes somebody's own that came with a group."""

from __future__ import annotations

from typing import Any

from shared.adapters.memory import ManualClock, MemoryBlobStore
from shared.catalog.registry import CATALOG
from shared.domain.plan import Reason, Scope
from shared.domain.ports import GraphRequest, GraphResponse
from shared.domain.snapshot import State
from shared.engines.live import read_live
from shared.engines.opening import read_objects
from tests.restore_planned import Planned, add_member, cloud_users, directory, planned, purge, read_as
from tests.restore_world import WRITER, objects, tenant
from tests.simulator import dependents, group_access
from tests.simulator.clock import iso
from tests.simulator.service import Service

Obj = dict[str, Any]
TABLE = "groupEligibilitySchedules"
PATH = "/identityGovernance/privilegedAccess/group/eligibilitySchedules"


def held(service: Service) -> dict[tuple[str, str, str], Obj]:
    found = [dict(one) for one in objects(service, TABLE)]
    return {(str(one["principalId"]), str(one["groupId"]), str(one["accessId"])): one for one in found}


def able(service: Service) -> list[str]:
    return [str(one["id"]) for one in objects(service, "groups") if one.get("isAssignableToRole")]


def end_of(one: Obj) -> Any:
    return one["scheduleInfo"]["expiration"]["endDateTime"]


async def test_each_group_that_may_hold_roles_is_asked_for_and_no_other() -> None:
    clock = ManualClock()
    service = tenant(clock)
    graph = directory(service, clock)
    asked: list[str] = []
    send = graph.send

    async def counted(request: GraphRequest) -> GraphResponse:
        asked.append(request.path)
        return await send(request)

    graph.send = counted  # type: ignore[method-assign]
    view = await read_live(graph, CATALOG, MemoryBlobStore("scratch"), clock, tenant=service.tenant_id)
    found = [item async for _, item in read_objects(view, TABLE, view.index(TABLE))]
    assert {str(item["id"]) for item in found} == {str(one["id"]) for one in held(service).values()}
    lists = [path for path in asked if f"{PATH}?" in path]
    assert sorted({path.partition("'")[2].strip("'") for path in lists}) == sorted(able(service))
    assert len(lists) == len(able(service))


async def test_it_comes_back_by_requests_with_its_end_and_names_those_made_anew() -> None:
    before: dict[tuple[str, str, str], Obj] = {}

    def damage(service: Service) -> None:
        before.update(held(service))
        for group in able(service):
            purge(service, "groups", group)
        person = min(key[0] for key in before)
        purge(service, "users", person)

    case = await planned(damage)
    await case.run()
    report = await case.report()
    assert report.unexpected == ()
    ids = {one.old: one.new for one in report.new_ids}
    after = held(case.world.service)
    assert {(ids.get(p, p), ids.get(g, g), a): end_of(one) for (p, g, a), one in before.items()} == {
        key: end_of(one) for key, one in after.items()
    }


async def test_what_comes_with_a_group_stays_with_it_and_what_has_ended_stays_out() -> None:
    def nested(service: Service) -> None:
        group = able(service)[0]
        other = next(str(one["id"]) for one in objects(service, "groups") if one["id"] != group)
        whole, ending = sorted(held(service).values(), key=lambda one: str(end_of(one) or ""))
        soon = {"type": "afterDateTime", "endDateTime": iso(service.clock.now() + 3600)}
        period = {**ending["scheduleInfo"], "expiration": soon}
        with service.store.transaction("POST", "", "somebody"):
            dependents.attach(service, TABLE, {**whole, "id": f"{whole['id']}-nested", "principalId": other})
            service.store.put(TABLE, ending["id"], {**ending, "scheduleInfo": period})
        add_member(service, other, str(objects(service, "users")[9]["id"]))

    def damage(service: Service) -> None:
        for one in held(service).values():
            purge(service, TABLE, str(one["id"]))

    case = await planned(damage, prepare=nested)
    told = reasons(case)
    assert Reason.PASSING in told
    assert Reason.ENDED in told
    await case.run()
    assert {end_of(one) for one in held(case.world.service).values()} == {None}


async def test_an_activation_is_no_membership_and_one_with_an_end_comes_back_with_it() -> None:
    people: list[str] = []

    def given(service: Service) -> None:
        group, end = able(service)[0], iso(service.clock.now() + 30 * 86400)
        members = service.store.targets("groups.members", group)
        people.extend([str(one["id"]) for one in cloud_users(service) if one["id"] not in members][-3:])
        lasting, activated, timed = people
        add_member(service, group, lasting)
        with service.store.transaction("POST", "", "somebody"):
            for person, kind in ((activated, "activated"), (timed, "assigned")):
                values = {"groupId": group, "principalId": person, "accessId": "member"}
                group_access.add(
                    service, group_access.ASSIGNED, values, person, service.clock.now(), end, assignmentType=kind
                )

    case = await planned(lambda service: purge(service, "groups", able(service)[0]), prepare=given)
    told = [one for one in case.world.plan.exclusions if one.type == "groups" and one.other == people[1]]
    assert [one.reason for one in told] == [Reason.PASSING]
    await case.run()
    assert (await case.report()).unexpected == ()
    service = case.world.service
    members = set(service.store.targets("groups.members", able(service)[0]))
    assert members & set(people) == {people[0], people[2]}
    (timed,) = [one for one in objects(service, "groupAssignmentSchedules") if one["principalId"] == people[2]]
    assert end_of(timed) is not None
    assert not [one for one in objects(service, "groupAssignmentSchedules") if one["principalId"] == people[1]]


async def test_a_time_bound_membership_alone_is_told_where_its_schedule_was_not_asked_for() -> None:
    def cut(service: Service) -> None:
        for one in list(objects(service, "groupAssignmentSchedules")):
            with service.store.transaction("DELETE", "", "somebody"):
                group_access.remove(service, group_access.ASSIGNED, one)

    case = await planned(cut, scope=Scope(types=("groups",)))
    (told,) = [one for one in case.world.plan.exclusions if one.type == "groups" and one.member == "owners"]
    assert told.reason is Reason.NEEDS_ACTION
    assert "given for a time" in told.why
    assert not [one for one in case.world.plan.operations if one.type == "groups"]


async def test_rules_of_a_group_go_back_and_follow_it_when_it_is_made_anew() -> None:
    def rules(service: Service, access: str) -> Obj:
        (one,) = [
            row
            for row in objects(service, "groupManagementPolicyAssignments")
            if (row["roleDefinitionId"], row["scopeId"]) == (access, able(service)[0])
        ]
        policy = service.store.tables["roleManagementPolicies"][str(one["policyId"])]
        return {rule["id"]: rule for rule in policy["rules"]}

    before: list[Obj] = []

    def damage(service: Service) -> None:
        before.extend(rules(service, access) for access in ("member", "owner"))
        purge(service, "groups", able(service)[0])

    case = await planned(damage)
    await case.run()
    report = await case.report()
    assert report.unexpected == ()
    assert report.not_done == ()
    service = case.world.service
    assert [rules(service, access) for access in ("member", "owner")] == before
    assert before[0]["Expiration_EndUser_Assignment"]["maximumDuration"] == "PT1H"


def reasons(case: Planned) -> set[Reason]:
    return {one.reason for one in case.world.plan.exclusions if one.type == TABLE}


async def test_without_the_permission_it_is_not_permitted_and_the_rest_is_read() -> None:
    clock = ManualClock()
    roles = frozenset(one for one in WRITER if "PrivilegedEligibility" not in one)
    assert roles < WRITER
    view = await read_as(tenant(clock), clock, roles)
    assert view.completeness(TABLE).state is State.NOT_PERMITTED
    assert view.completeness("groups").state is State.COMPLETE

"""Privileged identity management for groups. What must stay true: one request for each group that may hold roles,
and none for others; no eligibility lasts longer than it did, or becomes somebody's own that came with a group."""

from __future__ import annotations

from typing import Any

from shared.adapters.memory import ManualClock, MemoryBlobStore
from shared.catalog.registry import CATALOG
from shared.domain.plan import Reason
from shared.domain.ports import GraphRequest, GraphResponse
from shared.domain.snapshot import State
from shared.engines.live import read_live
from shared.engines.opening import read_objects
from tests.restore_planned import Planned, add_member, directory, planned, purge, read_as
from tests.restore_world import WRITER, objects, tenant
from tests.simulator import dependents
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


def reasons(case: Planned) -> set[Reason]:
    return {one.reason for one in case.world.plan.exclusions if one.type == TABLE}


async def test_without_the_permission_it_is_not_permitted_and_the_rest_is_read() -> None:
    clock = ManualClock()
    roles = frozenset(one for one in WRITER if "PrivilegedEligibility" not in one)
    assert roles < WRITER
    view = await read_as(tenant(clock), clock, roles)
    assert view.completeness(TABLE).state is State.NOT_PERMITTED
    assert view.completeness("groups").state is State.COMPLETE

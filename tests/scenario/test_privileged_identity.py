"""Eligibility for roles: gone and back through requests. What must stay true: none lasts longer than it did, none
begins earlier, and none that came with a group's membership comes back as somebody's own."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.plan import Reason
from shared.engines.report import Kind
from tests.restore_planned import planned, purge
from tests.scenario.test_governance_types import first, restored, rows
from tests.simdirectory import scripted
from tests.simulator.clock import iso
from tests.simulator.service import Service

Obj = dict[str, Any]
TABLE = "roleEligibilitySchedules"
REQUESTS = "/v1.0/roleManagement/directory/roleEligibilityScheduleRequests"


def purge_all(service: Service) -> None:
    for key in rows(service, TABLE):
        purge(service, TABLE, key)


def facts(found: dict[str, Obj]) -> set[tuple[str, ...]]:
    return {
        tuple(
            str(part)
            for part in (
                one["principalId"],
                one["roleDefinitionId"],
                one["directoryScopeId"],
                one["scheduleInfo"]["expiration"],
            )
        )
        for one in found.values()
    }


def given(service: Service, whole: Obj, start: float, expiration: Obj) -> None:
    """Takes one away, as if it had been given for another period, and gives that."""
    purge(service, TABLE, str(whole["id"]))
    body = {name: whole[name] for name in ("principalId", "roleDefinitionId", "directoryScopeId")}
    period = {"startDateTime": iso(start), "expiration": expiration}
    scripted(
        service, "POST", REQUESTS, {**body, "action": "adminAssign", "justification": "x", "scheduleInfo": period}
    )


@pytest.mark.parametrize("lag", [0.0, 40.0])
async def test_eligibility_comes_back_by_requests_and_ends_when_it_would_have(lag: float) -> None:
    before: dict[str, Obj] = {}

    def damage(service: Service) -> None:
        before.update(rows(service, TABLE))
        purge_all(service)

    case = await planned(damage, lag=lag)
    made = [one for one in case.world.plan.operations if one.type == TABLE]
    assert len(made) == len(before)
    assert {one.request.path for one in made} == {REQUESTS}
    report = await restored(case)
    assert report.not_done == ()
    case.world.service.settings.lag = 0
    after = rows(case.world.service, TABLE)
    # What the members of a group have through it is shown under new ids, and nothing else is told.
    assert {one.kind for one in report.listed} == {Kind.ADDED, Kind.MISSING}
    assert not {one.live or one.target for one in report.listed} & (after.keys() | before.keys())
    assert facts(after) == facts(before)
    assert not after.keys() & before.keys()
    # What a group's members have by their membership was in the snapshot, and is nobody's own now.
    assert {one["memberType"] for one in after.values()} == {"Direct"}
    told = [one for one in case.world.plan.exclusions if one.type == TABLE]
    assert {one.reason for one in told} <= {Reason.PASSING}


async def test_eligibility_for_a_role_and_a_person_who_are_made_anew_names_the_new_ones() -> None:
    old: Obj = {}

    def damage(service: Service) -> None:
        role = first(service, "roleDefinitions", isBuiltIn=False, isEnabled=True)["id"]
        old.update(first(service, TABLE, roleDefinitionId=role))
        purge(service, "roleDefinitions", str(role))
        purge(service, "users", str(old["principalId"]))

    case = await planned(damage)
    report = await restored(case)
    assert report.not_done == ()
    ids = {one.old: one.new for one in report.new_ids}
    wanted = {name: ids[str(old[name])] for name in ("principalId", "roleDefinitionId")}
    assert first(case.world.service, TABLE, **wanted)["scheduleInfo"]["expiration"]["type"] == "noExpiration"


async def test_the_same_given_by_somebody_else_for_another_period_is_a_conflict() -> None:
    held: list[Obj] = []

    def damage(service: Service) -> None:
        whole = first(service, TABLE, principalId=_lasting(service)["principalId"])
        held.append(whole)
        ends = {"type": "afterDateTime", "endDateTime": iso(service.clock.now() + 86400)}
        given(service, whole, service.clock.now(), ends)

    case = await planned(damage)
    (conflict,) = (one for one in case.world.plan.conflicts if one.type == TABLE)
    assert conflict.target == held[0]["id"]


def _lasting(service: Service) -> Obj:
    return next(
        one for one in rows(service, TABLE).values() if one["scheduleInfo"]["expiration"]["type"] == "noExpiration"
    )


async def test_one_that_has_yet_to_begin_begins_when_it_would_have() -> None:
    starts: list[float] = []

    def prepare(service: Service) -> None:
        starts.append(service.clock.now() + 30 * 86400)
        given(service, _lasting(service), starts[0], {"type": "afterDuration", "duration": "P10D"})

    case = await planned(purge_all, prepare=prepare)
    report = await restored(case)
    assert report.not_done == ()
    begun = [one["scheduleInfo"] for one in rows(case.world.service, TABLE).values()]
    (later,) = (one for one in begun if one["startDateTime"] == iso(starts[0]))
    assert later["expiration"]["endDateTime"] == iso(starts[0] + 10 * 86400)


async def test_one_that_ended_meanwhile_stays_out_and_is_told() -> None:
    old: list[Obj] = []

    def prepare(service: Service) -> None:
        whole = _lasting(service)
        old.append(whole)
        ends = {"type": "afterDateTime", "endDateTime": iso(service.clock.now() + 5400)}
        given(service, whole, service.clock.now(), ends)

    case = await planned(lambda service: None, prepare=prepare)
    (told,) = (one for one in case.world.plan.exclusions if one.reason is Reason.ENDED)
    assert (told.type, told.name) == (TABLE, old[0]["principalId"])
    assert not [one for one in case.world.plan.operations if one.type == TABLE]

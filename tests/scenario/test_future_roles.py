"""Role assignments that have yet to begin. What must stay true: none begins earlier than it would have, or is
written beside the role assignment that it came to be; activations stay evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.catalog.roles import ROLE_ASSIGNMENT_SCHEDULES
from shared.domain.plan import Mechanism, Operation, Reason
from shared.domain.snapshot import Completeness, State
from shared.engines.natures import Told, Verdict, verdict
from tests.restore_planned import Planned, planned, purge, undo_of
from tests.scenario.round_trips import _yet_to_begin
from tests.scenario.test_governance_types import restored, rows
from tests.simdirectory import scripted
from tests.simulator.clock import iso
from tests.simulator.service import Service

Obj = dict[str, Any]
SCHEDULES, ASSIGNMENTS = "roleAssignmentSchedules", "roleAssignments"
REQUESTS = "/v1.0/roleManagement/directory/roleAssignmentScheduleRequests"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
PAST, FUTURE = "2026-10-01T00:00:00Z", "2026-12-01T00:00:00Z"
LASTING = {"type": "noExpiration", "endDateTime": None, "duration": None}


def judged(start: str | None, told: Told) -> Verdict:
    nature = ROLE_ASSIGNMENT_SCHEDULES.nature
    assert nature is not None
    item: Obj = {"assignmentType": "Assigned", "memberType": "Direct"}
    item["scheduleInfo"] = {"startDateTime": start, "expiration": LASTING}
    return verdict(nature, replace(told, by_id={"x": item}), "x", NOW)


ALL = Told(Completeness(State.COMPLETE))


@pytest.mark.parametrize(
    ("start", "told", "expected"),
    [
        (FUTURE, ALL, Verdict(start=FUTURE)),
        (FUTURE, replace(ALL, of_begun=Completeness(State.PARTIAL, "moving")), Verdict(start=FUTURE)),
        # The plan is made after the start: the snapshot's role assignments tell which of the two it was.
        (PAST, ALL, Verdict()),
        (PAST, replace(ALL, begun=frozenset("x")), Reason.COMPUTED),
        (None, replace(ALL, begun=frozenset("x")), Reason.COMPUTED),
        (PAST, replace(ALL, of_begun=Completeness(State.PARTIAL, "moving")), Reason.UNCLASSIFIED),
    ],
)
def test_what_had_begun_is_the_role_assignments_to_bring_back(
    start: str | None, told: Told, expected: Verdict | Reason
) -> None:
    found = judged(start, told)
    assert found == expected if isinstance(expected, Verdict) else found.reason is expected


def made(case: Planned, kind: str) -> list[Operation]:
    operations = [one for step in case.world.plan.steps for one in step.operations]
    return [one for one in operations if one.type == kind and one.mechanism is Mechanism.CREATE]


def periods(service: Service) -> set[tuple[str, str, str]]:
    return {
        (one["principalId"], one["scheduleInfo"]["startDateTime"], str(one["scheduleInfo"]["expiration"]))
        for one in _yet_to_begin(service)
    }


@pytest.mark.parametrize("lag", [0.0, pytest.param(40.0, marks=pytest.mark.full)])
async def test_one_that_was_withdrawn_begins_and_ends_when_it_would_have(lag: float) -> None:
    before: set[tuple[str, str, str]] = set()

    def damage(service: Service) -> None:
        before.update(periods(service))
        for one in _yet_to_begin(service):
            purge(service, SCHEDULES, str(one["id"]))

    case = await planned(damage, lag=lag)
    assert {one.request.path for one in made(case, SCHEDULES)} == {REQUESTS}
    assert made(case, ASSIGNMENTS) == []
    assert (await restored(case)).not_done == ()
    case.world.service.settings.lag = 0
    assert periods(case.world.service) == before
    assert len(before) == 2
    case.world.clock.advance(3600)
    plan = await undo_of(case)
    await case.go_on(plan)
    assert periods(case.world.service) == set()


async def test_one_that_was_to_begin_meanwhile_begins_now_and_one_that_had_begun_is_written_once() -> None:
    soon: list[Obj] = []
    had: list[Obj] = []

    def prepare(service: Service) -> None:
        late = _yet_to_begin(service)[0]
        purge(service, SCHEDULES, str(late["id"]))
        body = {name: late[name] for name in ("principalId", "roleDefinitionId", "directoryScopeId")}
        info = {"startDateTime": iso(service.clock.now() + 1800), "expiration": {"type": "noExpiration"}}
        asked = {**body, "action": "adminAssign", "justification": "x", "scheduleInfo": info}
        scripted(service, "POST", REQUESTS, asked)
        soon.append(late)

    def damage(service: Service) -> None:
        for one in list(rows(service, SCHEDULES).values()):
            begun = one["assignmentType"] == "Assigned" and one["scheduleInfo"]["expiration"]["endDateTime"]
            if one["principalId"] == soon[0]["principalId"] and one["scheduleInfo"]["startDateTime"]:
                purge(service, SCHEDULES, str(one["id"]))
            elif begun and one not in _yet_to_begin(service):
                had.append(one)
                purge(service, SCHEDULES, str(one["id"]))

    case = await planned(damage, prepare=prepare)
    (now,) = made(case, SCHEDULES)
    assert now.wanted["principalId"] == soon[0]["principalId"]
    (again,) = made(case, ASSIGNMENTS)
    assert again.wanted["principalId"] == had[0]["principalId"]
    told = [one for one in case.world.plan.exclusions if one.target == had[0]["id"]]
    assert [one.reason for one in told] == [Reason.COMPUTED]
    assert (await restored(case)).not_done == ()
    held = [one["principalId"] for one in rows(case.world.service, ASSIGNMENTS).values()]
    assert held.count(soon[0]["principalId"]) == held.count(had[0]["principalId"]) == 1


async def test_an_activation_that_is_over_is_told_and_not_written() -> None:
    over: list[str] = []

    def damage(service: Service) -> None:
        (one,) = (one for one in rows(service, SCHEDULES).values() if one["assignmentType"] == "Activated")
        over.append(str(one["id"]))
        purge(service, SCHEDULES, over[0])

    case = await planned(damage)
    assert made(case, SCHEDULES) == made(case, ASSIGNMENTS) == []
    (told,) = (one for one in case.world.plan.exclusions if one.target == over[0])
    assert told.reason is Reason.PASSING

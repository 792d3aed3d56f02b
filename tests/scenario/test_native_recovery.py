"""Beside a job of the tenant's native backup no step runs: it waits, says why, and goes on afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from shared.catalog.rivals import RECOVERY_JOBS
from shared.domain.errors import GraphDown, GraphError
from shared.domain.ports import GraphRequest, Page
from shared.engines.executor import StepEnd
from shared.engines.rivals import rivalry
from tests.restore_planned import Planned, cloud_users, planned
from tests.restore_world import WRITER
from tests.simdirectory import SimDirectory, scripted
from tests.simulator.auth import Principal
from tests.simulator.recovery import begin
from tests.simulator.service import Service


async def _changed_user() -> tuple[Planned, str]:
    users: list[str] = []

    def damage(service: Service) -> None:
        users.append(str(cloud_users(service)[0]["id"]))
        scripted(service, "PATCH", f"/v1.0/users/{users[0]}", {"department": "Bent"})

    return await planned(damage), users[0]


def _process(case: Planned, *roles: str) -> Any:
    process = case.world.process()
    who = Principal("holdfast-restore", "holdfast-restore", WRITER | {*roles})
    process.executor._directory = SimDirectory(case.world.service, case.world.clock, who)
    return process


def _department(case: Planned, user: str) -> Any:
    return case.world.service.store.tables["users"][user]["department"]


async def test_a_step_waits_while_a_job_runs_and_goes_on_when_it_is_over() -> None:
    case, user = await _changed_user()
    begin(case.world.service, "job-1")
    process = _process(case, "EntraBackup.Read.All")
    (step,) = case.world.plan.steps
    for _ in range(2):
        result = await process.executor.run_step(case.world.plan.id, step.id)
        assert result.end is StepEnd.REQUEUE
        assert result.delay >= 30
        assert "Backup and Recovery" in result.why
        assert "job-1" in result.why
    assert _department(case, user) == "Bent"
    begin(case.world.service, "job-1", "successful")
    await case.begin()
    await process.drain()
    assert _department(case, user) != "Bent"
    assert (await case.report()).untold == ()


async def test_where_jobs_may_not_be_read_the_restore_goes_on_and_says_so() -> None:
    case, user = await _changed_user()
    begin(case.world.service, "job-1")
    await case.begin()
    await _process(case).drain()
    assert _department(case, user) != "Bent"
    (told,) = (await case.report()).untold
    assert "couldn't be read" in told


@pytest.mark.parametrize(
    ("status", "kind", "members", "waits"),
    [
        ("initialized", "recoveryJob", {}, True),
        ("calculating", "recoveryJob", {}, True),
        ("loadingData", "recoveryJob", {}, True),
        ("running", "recoveryJob", {}, True),
        ("aWordOfTomorrow", "recoveryJob", {}, True),
        ("running", "aKindOfTomorrow", {}, True),
        ("running", "recoveryPreviewJob", {}, False),
        ("successful", "recoveryJob", {}, False),
        ("failed", "recoveryJob", {}, False),
        ("abandoned", "recoveryJob", {}, False),
        ("aWordOfTomorrow", "recoveryJob", {"jobCompletionDateTime": "2026-11-22T00:00:00Z"}, False),
    ],
)
async def test_which_jobs_are_waited_for(status: str, kind: str, members: dict[str, str], waits: bool) -> None:
    case, _ = await _changed_user()
    begin(case.world.service, "over", "successful")
    begin(case.world.service, "this", status, kind, **members)
    case.world.clock.advance(60)
    found = await rivalry(_process(case, "EntraBackup.Read.All").executor._directory, RECOVERY_JOBS)
    assert (bool(found.running), found.untold) == (waits, "")


class Failing:
    def __init__(self, *answers: Page | Exception) -> None:
        self._answers = list(answers)

    async def page(self, request: GraphRequest) -> Page:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_what_cannot_be_read_stops_nothing_and_every_page_counts() -> None:
    running = b'{"id": "second", "status": "running"}'
    pages: Any = Failing(Page((), "/v1.0/next", None), Page((running,), None, None))
    assert "second" in (await rivalry(pages, RECOVERY_JOBS)).running
    for failure in (GraphDown("no answer"), GraphError("not found", status=404), GraphError("none", status=501)):
        found = await rivalry(Failing(failure), RECOVERY_JOBS)  # type: ignore[arg-type]
        assert not found.running
        assert "couldn't be read" in found.untold

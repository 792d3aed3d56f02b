"""Lifecycle workflows: read one by one, changed by a new version, back from their own bin, made anew idle."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from shared.adapters.memory import ManualClock
from shared.domain.plan import Mechanism, Operation
from shared.engines.opening import read_objects
from shared.engines.view import View
from tests.restore_planned import Planned, planned, purge, read
from tests.restore_world import tenant
from tests.simdirectory import scripted
from tests.simulator.service import Service

Obj = dict[str, Any]
TABLE = "lifecycleWorkflows"
ROOT = "/v1.0/identityGovernance/lifecycleWorkflows/workflows"
WELCOME, LEAVING = "Welcome, with groups", "Leaving"


def workflows(service: Service) -> dict[str, Obj]:
    return {str(one["displayName"]): dict(one) for one in service.store.tables[TABLE].values()}


async def every(view: View) -> AsyncIterator[Obj]:
    async for _, item in read_objects(view, TABLE, view.index(TABLE)):
        yield item


def operations(case: Planned, mechanism: Mechanism) -> list[Operation]:
    found = [one for step in case.world.plan.steps for one in step.operations]
    return [one for one in found if one.type == TABLE and one.mechanism is mechanism]


async def test_a_snapshot_holds_what_no_list_shows() -> None:
    clock = ManualClock()
    service = tenant(clock)
    view = await read(service, clock)
    listed = scripted(service, "GET", ROOT)
    assert "tasks" not in str(listed)
    found = {item["displayName"]: item async for item in every(view)}
    assert [task["displayName"] for task in found[LEAVING]["tasks"]] == [
        "Disable user account",
        "Run a custom task extension",
    ]
    assert found[WELCOME]["executionConditions"]["trigger"]["timeBasedAttribute"] == "employeeHireDate"


async def test_tasks_go_back_in_one_new_version_and_a_name_alone_without_one() -> None:
    def damage(service: Service) -> None:
        before.update(workflows(service))
        changed = {**before[WELCOME], "displayName": "Hijacked", "tasks": before[WELCOME]["tasks"][:1]}
        with service.store.transaction("POST", "", "somebody"):
            service.store.put(TABLE, changed["id"], changed)
        scripted(service, "PATCH", f"{ROOT}/{before[LEAVING]['id']}", {"description": "x"})

    before: dict[str, Obj] = {}
    case = await planned(damage)
    sent = {one.name: one.request for one in operations(case, Mechanism.PATCH)}
    assert {name: request.method for name, request in sent.items()} == {WELCOME: "POST", LEAVING: "PATCH"}
    body: Any = sent[WELCOME].body
    assert body["workflow"]["category"] == "joiner"
    assert body["workflow"]["administrationScopeTargets"]
    assert sent[LEAVING].body == {"description": "After the last day"}
    await case.run()
    assert (await case.report()).unexpected == ()
    after = workflows(case.world.service)
    assert after[WELCOME]["tasks"] == before[WELCOME]["tasks"]
    assert after[WELCOME]["version"] == before[WELCOME]["version"] + 1
    assert after[LEAVING]["version"] == before[LEAVING]["version"]


async def test_a_deleted_one_comes_from_the_bin_and_a_purged_one_is_idle_first() -> None:
    def damage(service: Service) -> None:
        before.update(workflows(service))
        scripted(service, "DELETE", f"{ROOT}/{before[LEAVING]['id']}")
        purge(service, TABLE, before[WELCOME]["id"])

    before: dict[str, Obj] = {}
    case = await planned(damage)
    assert [one.name for one in operations(case, Mechanism.BIN)] == [LEAVING]
    (create,), (finish,) = operations(case, Mechanism.CREATE), operations(case, Mechanism.FINISH)
    made: Any = create.request.body
    assert (made["isEnabled"], made["isSchedulingEnabled"]) == (False, False)
    switched: Any = finish.request.body
    assert (switched["isEnabled"], switched["isSchedulingEnabled"]) == (True, True)
    await case.run()
    assert (await case.report()).unexpected == ()
    after = workflows(case.world.service)
    assert after[LEAVING]["id"] == before[LEAVING]["id"]
    assert after[LEAVING]["tasks"] == before[LEAVING]["tasks"]
    assert after[WELCOME]["tasks"] == before[WELCOME]["tasks"]
    assert after[WELCOME]["id"] != before[WELCOME]["id"]

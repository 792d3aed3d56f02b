"""Custom security attributes that are assigned: told where they can't be read, and written back value by value."""

from __future__ import annotations

from typing import Any

import pytest

from shared.adapters.memory import ManualClock
from shared.catalog.registry import CATALOG
from shared.domain.plan import Mechanism, Reason
from shared.domain.snapshot import Completeness, State
from shared.engines.diff import diff
from tests.restore_planned import Planned, Snapshot, cloud_users, delete, make_plan, planned, read_as
from tests.restore_world import WRITER, objects, tenant
from tests.scenario.test_governance_types import restored
from tests.simdirectory import scripted
from tests.simulator.service import Service

Obj = dict[str, Any]
TAG = {"@odata.type": "#microsoft.graph.customSecurityAttributeValue"}
READ = "CustomSecAttributeAssignment.Read.All"
ALL = {"Projects": ["Project 01", "Project 23"], "Level": 4, "Cleared": True, "Badge": "Ä-7"}


def assign(service: Service, path: str, values: Obj) -> None:
    told: Obj = dict(TAG)
    for name, value in values.items():
        if isinstance(value, list):
            told[f"{name}@odata.type"] = "#Collection(String)"
        elif type(value) is int:
            told[f"{name}@odata.type"] = "#Int32"
        told[name] = value
    scripted(service, "PATCH", path, {"customSecurityAttributes": {"Engineering": told}})


def held(service: Service, table: str, key: str) -> Obj:
    found = service.store.get(table, key)
    assert found is not None
    return (found.get("customSecurityAttributes") or {}).get("Engineering") or {}


class Assigned:
    def __init__(self) -> None:
        self.users: list[str] = []
        self.principal = ""

    def prepare(self, service: Service) -> None:
        self.users = [str(user["id"]) for user in cloud_users(service)[:3]]
        own = (
            one
            for one in objects(service, "servicePrincipals")
            if one["appOwnerOrganizationId"] == service.tenant_id
        )
        self.principal = str(next(own)["id"])
        for key in self.users:
            assign(service, f"/v1.0/users/{key}", ALL)
        assign(service, f"/v1.0/servicePrincipals/{self.principal}", {"Level": 1, "Badge": "x"})


async def test_values_go_back_one_by_one_and_what_was_added_goes_away() -> None:
    assigned = Assigned()

    def damage(service: Service) -> None:
        first, second, third = assigned.users
        assign(service, f"/v1.0/users/{first}", {"Projects": [], "Level": None, "Cleared": None, "Badge": None})
        assign(service, f"/v1.0/users/{second}", {"Projects": ["Project 02"], "Level": 9, "Cleared": False})
        delete(service, "users", third, purge=True)
        scripted(service, "PATCH", f"/v1.0/users/{second}", {"department": "Changed"})
        assign(
            service,
            f"/v1.0/servicePrincipals/{assigned.principal}",
            {"Level": 2, "Cleared": True, "Projects": ["Project 03"]},
        )

    case = await planned(damage, prepare=assigned.prepare)
    report = await restored(case)
    assert report.not_done == ()
    service = case.world.service
    third = next(one.new for one in report.new_ids if one.old == assigned.users[2])
    for key in (*assigned.users[:2], third):
        assert held(service, "users", key) == ALL
    assert held(service, "servicePrincipals", assigned.principal) == {"Level": 1, "Badge": "x"}
    # They need a permission of their own, so nothing else hangs on their request.
    for one in case.world.plan.operations:
        if "customSecurityAttributes" in one.wanted:
            assert one.wanted.keys() == {"customSecurityAttributes": 0}.keys()
            assert one.mechanism in (Mechanism.PATCH, Mechanism.FINISH)


async def without_permission(service: Service, clock: ManualClock) -> Snapshot:
    return Snapshot.of(await read_as(service, clock, WRITER - {READ}))


async def test_without_the_permission_the_manifest_tells_and_nothing_is_changed() -> None:
    assigned = Assigned()
    clock = ManualClock()
    service = tenant(clock)
    assigned.prepare(service)
    whole, blind = Snapshot.of(await read_as(service, clock, WRITER)), await without_permission(service, clock)
    for table in ("users", "servicePrincipals"):
        name = f"{table}.customSecurityAttributes"
        assert whole.completeness(name).is_complete
        assert blind.completeness(name) == Completeness(State.NOT_PERMITTED, READ)
        assert blind.completeness(table).is_complete
    # Nothing is said to have changed, in either direction, but that it can't be told.
    for before, after in ((whole, blind), (blind, whole)):
        changes = await diff(before, after, CATALOG)
        assert [change async for change in changes] == []
        assert {gap.name for gap in changes.gaps} >= {"users.customSecurityAttributes"}
    assign(service, f"/v1.0/users/{assigned.users[0]}", {"Level": 5})
    plan = await make_plan(service, blind, clock)
    assert plan.steps == ()
    told = [(one.type, one.member, one.reason) for one in plan.exclusions if one.member]
    assert ("users", "customSecurityAttributes", Reason.NOT_COMPLETE) in told


@pytest.mark.parametrize("lag", [pytest.param(40.0, marks=pytest.mark.full)])
async def test_values_come_back_while_replicas_lag(lag: float) -> None:
    assigned = Assigned()
    case: Planned = await planned(
        lambda service: assign(service, f"/v1.0/users/{assigned.users[0]}", {"Level": None}),
        prepare=assigned.prepare,
        lag=lag,
    )
    await restored(case)
    assert held(case.world.service, "users", assigned.users[0]) == ALL

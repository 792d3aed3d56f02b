"""What an object is told once, when it is made: where that names an application made anew, the plan says so."""

from __future__ import annotations

from typing import Any

from shared.domain.plan import Reason, Scope
from tests.restore_planned import make_plan, planned, purge
from tests.scenario.round_trips import purge_pairs
from tests.simulator.service import Service

TABLE = "permissionGrantIncludes"


def own_sets(service: Service) -> list[dict[str, Any]]:
    return [one for one in service.store.tables[TABLE].values() if one["_parent"] == "contoso-own"]


async def test_a_condition_set_that_names_an_application_made_anew_is_told_and_left() -> None:
    gone: list[str] = []
    ids: list[str] = []

    def damage(service: Service) -> None:
        gone.extend(set.union(*(set(one["clientApplicationIds"]) for one in own_sets(service))))
        named = [one for one in service.store.tables["applications"].values() if one["appId"] in gone]
        ids.extend(str(one["id"]) for one in named)
        purge_pairs(service, named)
        for one in named:
            purge(service, "applications", one["id"])

    case = await planned(damage)
    told = [one for one in case.world.plan.exclusions if one.type == TABLE]
    assert {(one.member, one.reason) for one in told} == {("clientApplicationIds", Reason.WRITE_ONCE)}
    # The same where nothing but the applications was asked for.
    scope = Scope(ids=tuple(ids))
    alone = await make_plan(case.world.service, case.snapshot, case.world.clock, scope=scope)
    assert [one for one in alone.exclusions if one.type == TABLE] == told
    before = own_sets(case.world.service)
    assert {one.target for one in told} == {one["id"] for one in before}
    await case.run()
    assert own_sets(case.world.service) == before
    assert (await case.report()).unexpected == ()

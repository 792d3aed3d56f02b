"""Which groups a policy of expiry manages comes back, and is asked only while it manages selected ones."""

from __future__ import annotations

from typing import Any

import pytest

from shared.adapters.memory import ManualClock, MemoryBlobStore
from shared.catalog.registry import CATALOG
from shared.domain.plan import Mechanism, OutcomeState, Scope
from shared.domain.ports import GraphResponse
from shared.domain.snapshot import State
from shared.engines.answers import read_answer
from shared.engines.live import read_live
from tests.restore_planned import delete, directory, planned, undo_of
from tests.restore_world import WRITER, tenant
from tests.simdirectory import SimDirectory, scripted
from tests.simulator.rules.plain_policies import MANAGED
from tests.simulator.service import Service

POLICIES = "groupLifecyclePolicies"
PATH = f"/v1.0/{POLICIES}"


def policy(service: Service) -> str:
    (found,) = service.store.tables[POLICIES]
    return found


def managed(service: Service) -> set[str]:
    return set(service.store.sources(MANAGED, policy(service)))


def manage(service: Service, kinds: str) -> None:
    scripted(service, "PATCH", f"{PATH}/{policy(service)}", {"managedGroupTypes": kinds})


async def read_links(service: Service, clock: ManualClock, roles: frozenset[str] = WRITER) -> State:
    """How complete the links are, as an app with these permissions reads them."""
    store = MemoryBlobStore("scratch")
    tenant_id = service.tenant_id
    view = await read_live(
        directory(service, clock, roles), CATALOG, store, clock, tenant=tenant_id, types=("groups",)
    )
    return view.manifest.relationships[MANAGED].completeness.state


async def test_no_group_is_asked_while_the_policy_manages_all_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    reading = SimDirectory._read

    async def told(self: SimDirectory, request: Any) -> Any:
        asked.append(request.path)
        return await reading(self, request)

    monkeypatch.setattr(SimDirectory, "_read", told)
    clock = ManualClock()
    service = tenant(clock)
    for kinds, are_asked in (("All", False), ("None", False), ("Selected", True)):
        asked.clear()
        manage(service, kinds)
        clock.advance(60)
        assert await read_links(service, clock) is State.COMPLETE
        assert any(f"/{POLICIES}?" in path and "/groups/" in path for path in asked) is are_asked


async def test_groups_taken_from_the_policy_are_managed_again_and_an_undo_lets_them_go() -> None:
    before: list[set[str]] = []

    def damage(service: Service) -> None:
        before.append(managed(service))
        assert len(before[0]) == 2
        lost, gone = sorted(before[0])
        scripted(service, "POST", f"{PATH}/{policy(service)}/removeGroup", {"groupId": lost})
        delete(service, "groups", gone, purge=True)

    case = await planned(damage)
    service = case.world.service
    await case.run()
    new = {one.old: one.new for one in (await case.report()).new_ids}
    assert managed(service) == {new.get(group, group) for group in before[0]}
    assert len(managed(service)) == 2
    case.world.clock.advance(3600)
    plan = await undo_of(case)
    await case.go_on(plan)
    assert managed(service) == set()


async def test_groups_are_added_to_a_policy_that_manages_selected_ones_again_while_replicas_lag() -> None:
    before: list[set[str]] = []

    def damage(service: Service) -> None:
        before.append(managed(service))
        manage(service, "All")
        assert managed(service) == set()

    case = await planned(damage, lag=40.0)
    await case.run()
    assert managed(case.world.service) == before[0]


async def test_a_refusal_is_final_where_nothing_was_written_that_it_builds_on() -> None:
    case = await planned(lambda service: manage(service, "All"))
    links = [one for step in case.world.plan.steps for one in step.operations if one.mechanism is Mechanism.LINK]
    assert all(one.after for one in links)
    refused = GraphResponse(400, b'{"error":{"code":"Request_BadRequest","message":"No."}}')
    assert read_answer(links[0], refused).state is OutcomeState.REFUSED
    assert read_answer(links[0], refused, behind=True).state is OutcomeState.WAITING


async def test_a_group_added_to_the_policy_goes_from_it_where_a_plan_prunes() -> None:
    kept: list[set[str]] = []

    def damage(service: Service) -> None:
        kept.append(managed(service))
        others = sorted(
            key
            for key, group in service.store.tables["groups"].items()
            if "Unified" in group["groupTypes"] and key not in kept[0]
        )
        scripted(service, "POST", f"{PATH}/{policy(service)}/addGroup", {"groupId": others[0]})
        assert len(managed(service)) == 3

    case = await planned(damage, scope=Scope(prune=True))
    (gone,) = (one for step in case.world.plan.steps for one in step.operations if one.relationship)
    assert (gone.mechanism, gone.request.method) == (Mechanism.UNLINK, "POST")
    await case.run()
    assert managed(case.world.service) == kept[0]


async def test_who_may_not_read_the_policies_is_told_so_for_the_groups() -> None:
    clock = ManualClock()
    roles = WRITER - {"Directory.Read.All", "Directory.ReadWrite.All"} | {"Group.Read.All"}
    assert await read_links(tenant(clock), clock, roles) is State.NOT_PERMITTED

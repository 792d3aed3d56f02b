"""Objects of which there is one at most: made by a PUT whose answer is lost, or not there at all."""

from __future__ import annotations

import pytest

from shared.adapters.memory import ManualClock, MemoryBlobStore
from shared.catalog.registry import CATALOG
from shared.domain.plan import Reason
from shared.domain.snapshot import Completeness, State, Why
from shared.engines.diff import diff
from shared.engines.live import read_live
from tests.faults import Call, Fault, Faults
from tests.restore_planned import Planned, Snapshot, directory, make_plan, planned, purge, read
from tests.restore_world import start, tenant
from tests.simdirectory import scripted
from tests.simulator.rules.plain_cross_tenant import FABRIKAM
from tests.simulator.service import Service

SYNCHRONIZATION = "crossTenantIdentitySynchronization"
PATH = f"/v1.0/policies/crossTenantAccessPolicy/partners/{FABRIKAM}/identitySynchronization"
ORGANIZATION = "multiTenantOrganization"
FLOWS = "authenticationFlowsPolicy"
THEIRS = {"displayName": "Somebody else's", "userSyncInbound": {"isSyncAllowed": False}}


async def lost(*, committed: bool) -> Planned:
    """A plan that makes the singleton again, and whose first PUT gets no answer."""
    case = await planned(lambda service: purge(service, SYNCHRONIZATION, FABRIKAM))
    effect = "dropConnectionAfterCommit" if committed else "dropConnectionBeforeCommit"
    match = {"pathRegex": "/identitySynchronization$", "method": "PUT", "times": 1}
    case.world.service.faults.install([{"match": match, "effect": {effect: True}}])
    return case


async def writes_of(case: Planned, faults: Faults | None = None) -> list[str]:
    """What one process sends until nothing is left to do."""
    for step in case.world.plan.steps:
        if not step.depends_on:
            await start(case.world, step.id)
    process = case.world.process(faults)
    await process.drain(most=100)
    return process.sim.writes


def told(service: Service) -> tuple[str, bool]:
    held = service.store.get(SYNCHRONIZATION, FABRIKAM)
    assert held is not None
    return held["displayName"], held["userSyncInbound"]["isSyncAllowed"]


@pytest.mark.parametrize(("committed", "sent"), [(True, 1), (False, 2)])
async def test_a_put_without_an_answer_is_sent_again_only_where_nothing_was_made(
    committed: bool, sent: int
) -> None:
    case = await lost(committed=committed)
    assert await writes_of(case) == [f"PUT {PATH}"] * sent
    assert told(case.world.service) == ("Fabrikam", True)
    assert set((await case.world.ends()).values()) == {"done"}
    report = await case.report()
    assert (report.unexpected, report.not_done) == ((), ())


async def test_what_somebody_else_made_after_a_put_without_an_answer_is_not_written_over() -> None:
    case = await lost(committed=False)
    service = case.world.service
    seen: list[str] = []

    def rival(call: Call) -> Fault | None:
        if call.write and "PUT" in call.what:
            seen.append(call.what)
        elif seen and service.store.get(SYNCHRONIZATION, FABRIKAM) is None:
            scripted(service, "PUT", PATH, THEIRS)
        return None

    assert await writes_of(case, Faults(rival)) == [f"PUT {PATH}"]
    assert told(service) == ("Somebody else's", False)
    assert set((await case.world.ends()).values()) == {"changedSincePlan"}


# --- a tenant without


def without(service: Service) -> None:
    purge(service, ORGANIZATION, ORGANIZATION)


async def seen(service: Service, clock: ManualClock, kind: str) -> Snapshot:
    """What a reading of this one type finds."""
    scratch = MemoryBlobStore("scratch")
    reader = directory(service, clock)
    return Snapshot.of(await read_live(reader, CATALOG, scratch, clock, tenant=service.tenant_id, types=(kind,)))


async def test_a_singleton_that_a_tenant_may_be_without_is_read_in_full_and_told_either_way() -> None:
    clock = ManualClock()
    service = tenant(clock)
    had = await seen(service, clock, ORGANIZATION)
    without(service)
    lacks = await seen(service, clock, ORGANIZATION)
    assert had.completeness(ORGANIZATION) == lacks.completeness(ORGANIZATION) == Completeness(State.COMPLETE)
    for before, after, kind in ((had, lacks, "removed"), (lacks, had, "added")):
        changes = await diff(before, after, CATALOG, types=(ORGANIZATION,))
        assert changes.gaps == ()
        assert [change.kind.value async for change in changes if change.type == ORGANIZATION] == [kind]


async def test_a_404_for_what_every_tenant_has_is_a_gap_and_nothing_is_said_to_be_deleted() -> None:
    clock = ManualClock()
    service = tenant(clock)
    whole = await seen(service, clock, FLOWS)
    purge(service, FLOWS, FLOWS)
    blind = await seen(service, clock, FLOWS)
    assert not CATALOG.get(FLOWS).absent
    assert blind.completeness(FLOWS) == Completeness(State.PARTIAL, Why.NOT_PRESENT)
    for before, after in ((whole, blind), (blind, whole)):
        changes = await diff(before, after, CATALOG, types=(FLOWS,))
        assert [change async for change in changes] == []
        assert [gap.name for gap in changes.gaps] == [FLOWS]


@pytest.mark.full
async def test_a_singleton_that_nothing_can_make_is_left_out_of_the_plan_and_one_that_came_since_stays() -> None:
    clock = ManualClock()
    service, other = tenant(clock), tenant(clock)
    without(other)
    had, lacks = Snapshot.of(await read(service, clock)), Snapshot.of(await read(other, clock))
    for snapshot, live, reason in ((had, other, Reason.NEEDS_ACTION), (lacks, service, Reason.ADDED_SINCE)):
        plan = await make_plan(live, snapshot, clock)
        assert plan.operations == ()
        assert [one.reason for one in plan.exclusions if one.type == ORGANIZATION] == [reason]

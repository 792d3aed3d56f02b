"""What Graph leaves out without a word is told by the manifest, and never called complete."""

from __future__ import annotations

from typing import Any

import pytest

from shared.adapters.memory import ManualClock
from shared.domain.snapshot import Completeness, State, Why
from shared.engines.view import PackedView
from tests.backup import Backup, small_tenant
from tests.fakes import FakeDirectory
from tests.restore_planned import make_plan, planned, purge
from tests.restore_world import WRITER, objects, tenant
from tests.simdirectory import SimDirectory
from tests.simulator.auth import Principal
from tests.simulator.service import Service

PREMIUM = ("conditionalAccessPolicies", "namedLocations", "authenticationContextClassReferences")
P2 = ("roleAssignmentScheduleInstances", "roleEligibilitySchedules")


async def backed_up(service: Service, clock: ManualClock, roles: frozenset[str] = WRITER) -> PackedView:
    directory: Any = SimDirectory(service, clock, Principal("holdfast-backup", "holdfast-backup", roles))
    backup = Backup(directory=directory, clock=clock)
    await backup.back_up()
    return await backup.repository().open()


async def test_hidden_members_are_missing_and_named_without_their_permission() -> None:
    clock = ManualClock()
    service = tenant(clock)
    hidden = {str(one["id"]) for one in objects(service, "groups") if one.get("visibility") == "HiddenMembership"}
    assert any(service.store.targets("groups.members", group) for group in hidden)
    view = await backed_up(service, clock, WRITER - {"Member.Read.Hidden"})
    told = view.completeness("groups.members")
    assert (told.state, told.reason) == (State.PARTIAL, f"{Why.MISSING_PERMISSION}:Member.Read.Hidden")
    assert not [link async for link in view.links("groups", "members") if link.source in hidden]
    assert view.completeness("administrativeUnits.members").state is State.PARTIAL


async def test_members_of_whom_only_the_id_is_shown_are_links_all_the_same() -> None:
    directory = FakeDirectory()
    small_tenant(directory)
    directory.links["groups", "members"]["group-1"] = [
        b'{"@odata.type":"#microsoft.graph.futureThing","id":"thing-1"}',
        b'{"@odata.type":"#microsoft.graph.user","id":"user-005","displayName":null}',
    ]
    backup = Backup(directory=directory)
    await backup.back_up()
    view = await backup.repository().open()
    assert view.completeness("groups.members").state is State.COMPLETE
    found = {
        (link.target, link.target_type)
        async for link in view.links("groups", "members")
        if link.source == "group-1"
    }
    assert found == {("thing-1", "microsoft.graph.futureThing"), ("user-005", "users")}


@pytest.mark.parametrize("refusal", [200, 400])
async def test_an_empty_or_refused_list_for_want_of_a_licence_is_not_licensed(refusal: int) -> None:
    clock = ManualClock()
    service = tenant(clock)
    service.settings.premium = service.settings.premium_p2 = False
    service.settings.premium_refusal = refusal
    view = await backed_up(service, clock)
    for name in (*PREMIUM, *P2):
        assert view.completeness(name).state is State.NOT_LICENSED, (name, view.completeness(name))
    assert view.completeness("users").state is State.COMPLETE


async def test_p1_alone_has_policies_and_no_schedules() -> None:
    clock = ManualClock()
    service = tenant(clock)
    service.settings.premium_p2 = False
    service.settings.premium_refusal = 200
    view = await backed_up(service, clock)
    assert all(view.completeness(name).state is State.COMPLETE for name in PREMIUM)
    for name in P2:
        assert view.completeness(name) == Completeness(
            State.NOT_LICENSED, "the tenant has no plan for it: Entra ID P2 or ID Governance"
        )


def without_policies(plans: Any) -> FakeDirectory:
    directory = FakeDirectory()
    small_tenant(directory)
    directory.remove("conditionalAccessPolicies", "policy-1")
    directory.put("organization", id="org-1", displayName="Contoso", assignedPlans=plans)
    return directory


@pytest.mark.parametrize(
    ("plans", "expected"),
    [
        ([{"service": "AADPremiumService", "capabilityStatus": "Enabled"}], Completeness(State.COMPLETE)),
        ([{"service": "AADPremiumService", "capabilityStatus": "Warning"}], Completeness(State.COMPLETE)),
        ([{"service": "AADPremiumService", "capabilityStatus": "Deleted"}], State.NOT_LICENSED),
        ([], State.NOT_LICENSED),
        (None, Completeness(State.PARTIAL, Why.LICENCE_UNKNOWN)),
    ],
)
async def test_an_empty_list_is_believed_where_the_tenant_has_the_plan(plans: Any, expected: Any) -> None:
    backup = Backup(directory=without_policies(plans))
    await backup.back_up()
    told = (await backup.repository().open()).completeness("conditionalAccessPolicies")
    assert (told if isinstance(expected, Completeness) else told.state) == expected


async def test_policies_that_were_all_deleted_come_back_where_the_tenant_has_the_plan() -> None:
    """An empty list of a licensed type is the very damage that a restore is for."""

    case = await planned(lambda service: None)
    service = case.world.service
    held = {str(one["id"]) for one in objects(service, "conditionalAccessPolicies")}
    for key in held:
        purge(service, "conditionalAccessPolicies", key)
    plan = await make_plan(service, case.snapshot, case.world.clock)
    anew = [one for step in plan.steps for one in step.operations if one.type == "conditionalAccessPolicies"]
    assert {one.target for one in anew} >= held

"""What is only recorded: devices, contacts, subscriptions, schema extensions, and what the recycle bins hold."""

from __future__ import annotations

import pytest

from shared.adapters.memory import ManualClock
from shared.catalog.registry import CATALOG
from shared.domain.plan import Mechanism, Reason
from shared.domain.snapshot import State
from tests.restore_planned import cloud_users, delete, planned, purge, read
from tests.restore_world import tenant
from tests.simdirectory import scripted
from tests.simulator.plain import started
from tests.simulator.service import Service

RECORDED = ("devices", "orgContacts", "subscribedSkus", "schemaExtensions", "verifiedIdProfiles")
METHOD = "/v1.0/policies/authenticationMethodsPolicy/authenticationMethodConfigurations/VerifiableCredentials"
PROFILE = started("verifiedIdProfiles", 0)


async def test_the_inventory_is_in_the_snapshot_and_its_manifest() -> None:
    clock = ManualClock()
    service = tenant(clock)
    user = str(cloud_users(service)[0]["id"])
    delete(service, "users", user)
    clock.advance(60)
    view = await read(service, clock)
    for name in RECORDED:
        assert {entry.id async for entry in view.index(name)} == service.store.tables[name].keys()
        assert view.completeness(name).state is State.COMPLETE
    for spec in (one for one in CATALOG.types if one.bin_of):
        assert view.completeness(spec.name).state is State.COMPLETE
    assert [entry.id async for entry in view.index("deletedUsers")] == [user]
    links = {(one.source, one.target) async for one in view.links("devices", "registeredOwners")}
    assert links == {
        (device, owner)
        for device, owners in service.store.forward["devices.registeredOwners"].items()
        for owner in owners
    }


async def test_what_nobody_can_put_back_is_told_and_the_bin_is_no_addition() -> None:
    gone: list[str] = []

    def damage(service: Service) -> None:
        gone.append(min(service.store.tables["devices"]))
        purge(service, "devices", gone[0])
        gone.append(str(cloud_users(service)[0]["id"]))
        delete(service, "users", gone[1])

    case = await planned(damage)
    told = [one for one in case.world.plan.exclusions if one.type in (*RECORDED, "deletedUsers")]
    assert [(one.type, one.target, one.reason) for one in told if not one.member] == [
        ("devices", gone[0], Reason.NEEDS_ACTION)
    ]
    back = [one for step in case.world.plan.steps for one in step.operations if one.target == gone[1]]
    assert Mechanism.BIN in {one.mechanism for one in back}
    await case.run()
    report = await case.report()
    assert gone[1] in case.world.service.store.tables["users"]
    assert not [one for one in report.unexpected if one.type != "devices"]


@pytest.mark.parametrize("gone", [False, True], ids=["there", "gone"])
async def test_a_method_gets_its_targets_back_as_far_as_the_profiles_that_they_name_are_there(gone: bool) -> None:
    kind = "#microsoft.graph.verifiableCredentialsAuthenticationMethodConfiguration"
    target = {"targetType": "group", "id": "all_users", "isRegistrationRequired": False}

    def targets(service: Service, *profiles: str) -> None:
        body = {"@odata.type": kind, "includeTargets": [{**target, "verifiedIdProfiles": list(profiles)}]}
        scripted(service, "PATCH", METHOD, body)

    def damage(service: Service) -> None:
        targets(service)
        if gone:
            purge(service, "verifiedIdProfiles", PROFILE)

    case = await planned(damage, prepare=lambda service: targets(service, PROFILE))
    told = {(one.type, one.member, one.reason) for one in case.world.plan.exclusions}
    lost = {
        ("verifiedIdProfiles", "", Reason.NEEDS_ACTION),
        ("authenticationMethodConfigurations", "includeTargets", Reason.DEAD_REFERENCE),
    }
    assert told & lost == (lost if gone else set())
    await case.run()
    assert not (await case.report()).not_done
    methods = case.world.service.store.tables["authenticationMethodConfigurations"]
    (held,) = methods["VerifiableCredentials"]["includeTargets"]
    assert held["verifiedIdProfiles"] == ([] if gone else [PROFILE])

"""A restore that is taken back leaves the tenant as it was before it, by the tenant's own tables."""

from __future__ import annotations

import copy

import pytest

from shared.adapters.memory import ManualClock
from shared.domain.errors import Unusable
from shared.domain.plan import REMOVES, AccessKind, Mechanism, Scope
from shared.engines.choices import choosing
from tests.faults import Faults, crash_at, run_until_crash
from tests.localrun import truth
from tests.restore_damage import one_of_each, prepare
from tests.restore_planned import attack, cloud_groups, cloud_users, delete, planned, undo_of
from tests.restore_story import state
from tests.restore_world import World
from tests.simdirectory import scripted
from tests.simulator.service import Service


def _settle(clock: ManualClock) -> None:
    clock.advance(3600)


@pytest.mark.parametrize("damage", ["attack", "oneOfEach"])
async def test_an_undone_restore_leaves_the_damage(damage: str) -> None:
    damaged: list[truth.State] = []

    def harm(service: Service) -> None:
        (attack if damage == "attack" else one_of_each)(service)
        damaged.append(state(service))

    ready = prepare if damage == "oneOfEach" else lambda service: None
    case = await planned(harm, prepare=ready)
    service = case.world.service
    await case.run()
    _settle(case.world.clock)
    restored = state(service)
    assert truth.compare(damaged[0], restored, {})
    restore = case.world.plan
    plan = await undo_of(case)
    assert plan.undo_of == restore.id
    assert REMOVES in {name for wave in plan.waves for name in wave.asks}
    told = {(one.type, one.target) for one in plan.exclusions}
    await case.go_on(plan)
    _settle(case.world.clock)
    report = await case.report()
    assert not report.unexpected
    # What a policy names that was purged by force names the new one now, which Graph doesn't let go; and what was
    # dropped because it named what is gone can't be written again.
    refusals = ("is used by a policy", "which does not exist")
    told |= {(one.type, one.target) for one in report.not_done if any(text in one.why for text in refusals)}
    assert not [one for one in report.not_done if (one.type, one.target) not in told]
    ids = await (await case.progress_of(restore)).all_ids()
    left = [one for one in truth.compare(damaged[0], state(service), ids) if (one.table, one.old_id) not in told]
    assert not left, left


async def test_what_changed_after_the_restore_is_not_taken_back() -> None:
    users: list[str] = []

    def damage(service: Service) -> None:
        users.extend(str(one["id"]) for one in cloud_users(service)[:2])
        for user in users:
            scripted(service, "PATCH", f"/v1.0/users/{user}", {"department": "Bent"})

    case = await planned(damage)
    service = case.world.service
    await case.run()
    scripted(service, "PATCH", f"/v1.0/users/{users[0]}", {"department": "Moved on"})
    _settle(case.world.clock)
    plan = await undo_of(case)
    await case.go_on(plan)
    departments = [service.store.tables["users"][user]["department"] for user in users]
    assert departments == ["Moved on", "Bent"]
    _settle(case.world.clock)
    (left,) = (await case.report()).not_done
    assert left.target == users[0]
    assert "department" in left.why


async def test_a_prune_is_taken_back() -> None:
    kept: dict[str, str] = {}

    def damage(service: Service) -> None:
        group = cloud_groups(service)[0]
        made = scripted(service, "POST", "/v1.0/applications", {"displayName": "Added"})
        kept.update(app=str(made["id"]), group=str(group["id"]))
        inside = service.store.targets("groups.members", kept["group"])
        kept["user"] = next(str(one["id"]) for one in cloud_users(service) if str(one["id"]) not in inside)
        address = {"@odata.id": f"http://127.0.0.1/v1.0/directoryObjects/{kept['user']}"}
        scripted(service, "POST", f"/v1.0/groups/{kept['group']}/members/$ref", address)

    case = await planned(damage, scope=Scope(prune=True))
    service = case.world.service
    await case.run()
    assert kept["app"] not in service.store.tables["applications"]
    _settle(case.world.clock)
    plan = await undo_of(case)
    assert {one.mechanism for one in plan.operations} == {Mechanism.BIN, Mechanism.LINK}
    assert plan.blast_radius is not None
    groups = [one for one in plan.blast_radius.access if one.target == kept["group"]]
    assert [one.gains for one in groups] == [(kept["user"],)]
    assert any("applications: 1 come back that the snapshot doesn't hold" in one for one in plan.untold)
    await case.go_on(plan)
    assert kept["app"] in service.store.tables["applications"]
    assert kept["user"] in service.store.targets("groups.members", kept["group"])


@pytest.mark.parametrize("offered", [True, False])
async def test_an_undo_tells_whose_access_it_changes(offered: bool) -> None:
    """A group that the restore made anew goes, and so does a member that it put back."""
    kept: dict[str, str] = {}

    def damage(service: Service) -> None:
        gone, less = [
            one for one in cloud_groups(service) if service.store.targets("groups.members", str(one["id"]))
        ][:2]
        kept.update(gone=str(gone["id"]), name=str(gone["displayName"]), less=str(less["id"]))
        kept["inside"] = sorted(map(str, service.store.targets("groups.members", kept["gone"])))[0]
        kept["member"] = sorted(map(str, service.store.targets("groups.members", kept["less"])))[0]
        delete(service, "groups", kept["gone"], purge=True)
        scripted(service, "DELETE", f"/v1.0/groups/{kept['less']}/members/{kept['member']}/$ref")

    case = await planned(damage)
    restored = case.world.plan
    await case.run()
    _settle(case.world.clock)
    plan = await undo_of(case, offered=offered)
    new = (await (await case.progress_of(restored)).all_ids())[kept["gone"]]
    assert plan.blast_radius is not None
    told = {one.target: one for one in plan.blast_radius.access if one.kind is AccessKind.GROUPS}
    assert kept["inside"] in told[new].loses
    assert told[new].name == kept["name"]
    assert told[kept["less"]].loses == (kept["member"],)
    assert not any(one.gains for one in told.values())
    assert plan.live_as_of > restored.live_as_of
    assert any("no longer offered" in one for one in plan.untold) is not offered


async def test_what_did_nothing_or_is_not_done_is_refused() -> None:
    def damage(service: Service) -> None:
        scripted(service, "PATCH", f"/v1.0/users/{cloud_users(service)[0]['id']}", {"department": "Bent"})

    case = await planned(damage)
    with pytest.raises(Unusable, match="has changed nothing"):
        await undo_of(case)
    with pytest.raises(Unusable, match="nothing is to be said of u1=skip"):
        await undo_of(case, scope=Scope(choices=(choosing("users/u1=skip"),)))
    with pytest.raises(Unusable, match="and nothing else"):
        await undo_of(case, scope=Scope(prune=True))
    await case.begin()
    one = case.world
    died = await run_until_crash(one.process(Faults(crash_at(3, before=True))).drain())
    assert died
    with pytest.raises(Unusable, match="is not done"):
        await undo_of(case)


def _again(one: World) -> World:
    return copy.deepcopy(one, {id(same): same for same in (one.plan,)})


@pytest.mark.full
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_an_undo_killed_at_any_write_ends_as_one_that_was_not(before: bool) -> None:
    case = await planned(attack)
    await case.run()
    _settle(case.world.clock)
    case.world.plan = await undo_of(case)
    await case.world.approve()
    await case.begin()
    log, whole = Faults(), _again(case.world)
    await whole.process(log).drain()
    expected = state(whole.service)
    for number in range(1, len(log.written) + 1, 3):
        one = _again(case.world)
        assert await run_until_crash(one.process(Faults(crash_at(number, before=before))).drain()), number
        await one.process().drain(twice=True)
        assert not truth.compare(expected, state(one.service), {})


async def test_a_policy_taken_from_a_service_principal_is_given_to_it_again() -> None:
    """It may be assigned to an application as well, so what was done tells where the link is written."""
    kept: dict[str, str] = {}

    def damage(service: Service) -> None:
        tables = service.store.tables
        policy = next(
            key
            for key in tables["tokenLifetimePolicies"]
            if not service.store.targets("tokenLifetimePolicies.appliesTo", key)
        )
        kept.update(policy=policy, principal=sorted(tables["servicePrincipals"])[0])
        address = {"@odata.id": f"http://127.0.0.1/v1.0/policies/tokenLifetimePolicies/{policy}"}
        path = f"/v1.0/servicePrincipals/{kept['principal']}/tokenLifetimePolicies/$ref"
        scripted(service, "POST", path, address)

    case = await planned(damage, scope=Scope(prune=True))
    service = case.world.service
    await case.run()
    assert kept["principal"] not in service.store.targets("tokenLifetimePolicies.appliesTo", kept["policy"])
    _settle(case.world.clock)
    await case.go_on(await undo_of(case))
    assert not (await case.report()).not_done
    assert kept["principal"] in service.store.targets("tokenLifetimePolicies.appliesTo", kept["policy"])

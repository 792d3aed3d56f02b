"""What a restore was asked for comes back, and nothing else is written: members, objects with what they depend on,
and what was added, where that was to go."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from shared.catalog.spec import WaveNumber
from shared.domain.errors import Unusable
from shared.domain.plan import REMOVES, Mechanism, Reason, Scope, Word
from shared.engines.choices import adopting
from tests.faults import Faults, crash_at, run_until_crash
from tests.restore_planned import Planned, add_member, cloud_groups, cloud_users, delete, make_plan, planned
from tests.restore_world import ORIGIN, World
from tests.simdirectory import scripted
from tests.simulator.service import Service


def _patch(service: Service, path: str, body: dict[str, Any]) -> None:
    scripted(service, "PATCH", f"/v1.0/{path}", body)


async def test_one_property_comes_back_and_nothing_else_is_written() -> None:
    users: list[str] = []

    def damage(service: Service) -> None:
        users.extend(str(one["id"]) for one in cloud_users(service)[:4])
        for user in users[:3]:
            _patch(service, f"users/{user}", {"department": "Bent", "jobTitle": "Bent"})
        delete(service, "users", users[3])
        _patch(service, f"groups/{cloud_groups(service)[0]['id']}", {"description": "Bent"})

    case = await planned(damage, scope=Scope(members=("users.department",)))
    service = case.world.service
    written = {(one.type, *one.wanted) for one in case.world.plan.operations}
    assert written == {("users", "department")}
    assert {one.target for one in case.world.plan.operations} == set(users[:3])
    await case.run()
    report = await case.report()
    for user in users[:3]:
        assert service.store.tables["users"][user]["department"] != "Bent"
        assert service.store.tables["users"][user]["jobTitle"] == "Bent"
    assert users[3] not in service.store.tables["users"]
    assert not report.unexpected


async def test_a_relationship_alone_comes_back() -> None:
    held: dict[str, Any] = {}

    def damage(service: Service) -> None:
        group = next(
            one for one in cloud_groups(service) if service.store.targets("groups.members", str(one["id"]))
        )
        held["group"] = str(group["id"])
        held["members"] = set(service.store.targets("groups.members", held["group"]))
        for member in held["members"]:
            scripted(service, "DELETE", f"/v1.0/groups/{held['group']}/members/{member}/$ref")
        _patch(service, f"groups/{held['group']}", {"description": "Bent"})

    case = await planned(damage, scope=Scope(members=("groups.members",), ids=()))
    assert {one.mechanism for one in case.world.plan.operations} == {Mechanism.LINK}
    await case.run()
    service = case.world.service
    assert set(service.store.targets("groups.members", held["group"])) == held["members"]
    assert service.store.tables["groups"][held["group"]]["description"] == "Bent"
    assert not (await case.report()).unexpected


async def test_a_named_object_that_is_missing_is_told_where_only_members_were_asked_for() -> None:
    gone: list[str] = []

    def damage(service: Service) -> None:
        gone.append(str(cloud_users(service)[0]["id"]))
        delete(service, "users", gone[0])

    # An id is known only once the tenant is made; made again, it is the same.
    await planned(damage)
    case = await planned(damage, scope=Scope(ids=(gone[0],), members=("users.department",)))
    told = [(one.target, one.reason) for one in case.world.plan.exclusions]
    assert told == [(gone[0], Reason.OUT_OF_SCOPE)]
    assert not case.world.plan.operations


@pytest.mark.parametrize(
    ("scope", "why"),
    [
        (Scope(members=("users",)), "is no member"),
        (Scope(members=("users.nothing",)), "has no nothing"),
        (Scope(members=("users.passwordProfile",)), "has no passwordProfile"),
        (Scope(members=("nothing.department",)), "no object type"),
        (Scope(dependencies=True), "only named objects"),
    ],
)
async def test_a_scope_that_can_not_be_meant_is_refused(scope: Scope, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        await planned(lambda service: None, scope=scope)


async def test_a_group_comes_back_with_the_people_and_the_unit_that_it_needs() -> None:
    ids: dict[str, str] = {}

    def prepare(service: Service) -> None:
        users = [str(one["id"]) for one in cloud_users(service)]
        group = str(cloud_groups(service)[0]["id"])
        members = service.store.targets("groups.members", group)
        stranger = next(one for one in users[3:] if one not in members)
        ids.update(group=group, member=users[0], stranger=stranger, boss=users[2])
        scripted(
            service,
            "PUT",
            f"/v1.0/users/{users[0]}/manager/$ref",
            {"@odata.id": f"{ORIGIN}/v1.0/users/{users[2]}"},
        )
        if users[0] not in service.store.targets("groups.members", group):
            add_member(service, group, users[0])

    def damage(service: Service) -> None:
        for user in (ids["member"], ids["boss"], ids["stranger"]):
            delete(service, "users", user)
        delete(service, "groups", ids["group"], purge=True)

    await planned(damage, prepare=prepare)
    alone = await planned(damage, prepare=prepare, scope=Scope(ids=(ids["group"],)))
    assert ids["member"] not in {one.target for one in alone.world.plan.operations}
    case = await planned(damage, prepare=prepare, scope=Scope(ids=(ids["group"],), dependencies=True))
    targets = {one.target for one in case.world.plan.operations}
    assert {ids["group"], ids["member"], ids["boss"]} <= targets
    assert ids["stranger"] not in targets
    await case.run()
    report = await case.report()
    assert ids["member"] in case.world.service.store.tables["users"]
    assert ids["stranger"] not in case.world.service.store.tables["users"]
    assert not report.unexpected


# --- what was added goes


def _intrude(service: Service, added: dict[str, str]) -> None:
    """A user, a group and an application that were not there, and members and owners of what was."""
    groups, users = cloud_groups(service), cloud_users(service)
    user = scripted(
        service,
        "POST",
        "/v1.0/users",
        {
            "accountEnabled": True,
            "displayName": "Intruder",
            "mailNickname": "intruder",
            "userPrincipalName": f"intruder@{str(users[0]['userPrincipalName']).partition('@')[2]}",
            "passwordProfile": {"password": "Attack3r!xyz"},
        },
    )
    added["user"] = str(user["id"])
    added["group"] = str(groups[0]["id"])
    old = next(
        str(one["id"])
        for one in users
        if str(one["id"]) not in service.store.targets("groups.members", added["group"])
    )
    add_member(service, added["group"], added["user"])
    add_member(service, added["group"], old)
    added["member"] = old
    app = scripted(service, "POST", "/v1.0/applications", {"displayName": "Intruding app"})
    added["app"], added["appId"] = str(app["id"]), str(app["appId"])
    owner = {"@odata.id": f"{ORIGIN}/v1.0/directoryObjects/{added['user']}"}
    scripted(service, "POST", f"/v1.0/groups/{added['group']}/owners/$ref", owner)


async def test_what_was_added_goes_where_that_was_asked_for() -> None:
    added: dict[str, str] = {}
    case = await planned(lambda service: _intrude(service, added), scope=Scope(prune=True))
    plan, service = case.world.plan, case.world.service
    last = plan.waves[-1]
    assert (last.number, last.asks) == (WaveNumber.PRUNE, (REMOVES,))
    removals = [one for one in plan.operations if one.mechanism in (Mechanism.REMOVE, Mechanism.UNLINK)]
    assert {added["user"], added["app"]} <= {one.target for one in removals if one.mechanism is Mechanism.REMOVE}
    assert {step.wave for step in plan.steps for one in step.operations if one in removals} == {WaveNumber.PRUNE}
    await case.run()
    assert added["user"] in service.store.tables["bin:users"]
    assert added["app"] in service.store.tables["bin:applications"]
    members = set(service.store.targets("groups.members", added["group"]))
    assert not {added["user"], added["member"]} & members
    report = await case.report()
    assert not report.unexpected
    still = [one for one in report.listed if one.target in (added["user"], added["app"])]
    assert {one.type for one in still} == {"deletedUsers", "deletedApplications"}


async def test_nothing_goes_where_it_was_not_asked_for() -> None:
    added: dict[str, str] = {}
    case = await planned(lambda service: _intrude(service, added))
    mechanisms = {one.mechanism for one in case.world.plan.operations}
    assert not mechanisms & {Mechanism.REMOVE, Mechanism.UNLINK}
    assert not case.world.plan.steps


async def test_a_removal_whose_object_changed_since_the_plan_is_left_off() -> None:
    added: dict[str, str] = {}
    case = await planned(lambda service: _intrude(service, added), scope=Scope(prune=True))
    service = case.world.service
    _patch(service, f"users/{added['user']}", {"jobTitle": "Somebody needs this one"})
    await case.run()
    assert added["user"] in service.store.tables["users"]
    assert added["app"] in service.store.tables["bin:applications"]
    report = await case.report()
    left = [one for one in report.not_done if one.target == added["user"]]
    assert len(left) == 1
    assert "jobTitle" in left[0].why


async def test_what_this_program_and_its_owner_need_never_goes() -> None:
    added: dict[str, str] = {}
    case = await planned(lambda service: _intrude(service, added), scope=Scope(prune=True))
    service, clock = case.world.service, case.world.clock
    service.info["breakGlassIds"].append(added["user"])
    plan = await make_plan(
        service, case.snapshot, clock, scope=Scope(prune=True), own_apps=(added["appId"],), plan_id="p2"
    )
    kept = {one.target for one in plan.operations if one.mechanism is Mechanism.REMOVE}
    assert not kept & {added["user"], added["app"]}
    told = {one.target for one in plan.exclusions if "what this program is" in one.why}
    assert {added["user"], added["app"]} <= told


async def test_the_executor_takes_nothing_away_that_it_signs_in_by() -> None:
    case, added = await _pruned()
    case.world.own_apps = (added["appId"],)
    await case.run()
    tables = case.world.service.store.tables
    assert added["app"] in tables["applications"]
    assert added["user"] in tables["bin:users"]
    (left,) = [one for one in (await case.report()).not_done if one.target == added["app"]]
    assert left.why == "this program signs in by it"


async def test_what_has_no_recycle_bin_is_told_and_stays() -> None:
    def damage(service: Service) -> None:
        path = "/v1.0/identity/conditionalAccess/authenticationContextClassReferences/c7"
        scripted(service, "PATCH", path, {"displayName": "Added", "description": "x", "isAvailable": True})

    case = await planned(damage, scope=Scope(prune=True))
    (told,) = [one for one in case.world.plan.exclusions if one.target == "c7"]
    assert told.reason is Reason.ADDED_SINCE
    assert "no recycle bin" in told.why


async def _pruned() -> tuple[Planned, dict[str, str]]:
    added: dict[str, str] = {}
    return await planned(lambda service: _intrude(service, added), scope=Scope(prune=True)), added


async def _ends_well(one: World, added: dict[str, str]) -> None:
    assert set((await one.ends()).values()) <= {"done", "alreadyAsWanted"}, await one.ends()
    assert added["user"] in one.service.store.tables["bin:users"]
    assert added["app"] in one.service.store.tables["bin:applications"]
    members = set(one.service.store.targets("groups.members", added["group"]))
    assert not {added["user"], added["member"]} & members


def _again(one: World) -> World:
    return copy.deepcopy(one, {id(same): same for same in (one.plan,)})


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_killed_at_each_write_of_a_removal(before: bool) -> None:
    case, added = await _pruned()
    await case.begin()
    log = Faults()
    await _again(case.world).process(log).drain()
    assert len(log.written) > 10
    for number in range(1, len(log.written) + 1, 2):
        one = _again(case.world)
        assert await run_until_crash(one.process(Faults(crash_at(number, before=before))).drain()), number
        await one.process().drain(twice=True)
        await _ends_well(one, added)


@pytest.mark.parametrize("committed", [True, False])
async def test_every_answer_to_a_removal_is_lost_once(committed: bool) -> None:
    case, added = await _pruned()
    await case.begin()
    one = case.world
    one.service.settings.lag = 40.0
    effect = "dropConnectionAfterCommit" if committed else "dropConnectionBeforeCommit"
    paths = ("^/v1.0/users/[^/]+$", "^/v1.0/applications/[^/]+$", r"/members/[^/]+/\$ref$", r"/owners/[^/]+/\$ref$")
    one.service.faults.install(
        [
            {"match": {"pathRegex": path, "method": ["DELETE"], "times": 1}, "effect": {effect: True}}
            for path in paths
        ]
    )
    await one.process().drain()
    await _ends_well(one, added)
    assert all(fault["fired"] == 1 for fault in one.service.faults.report())


# --- what recycle bins hold, and what became of somebody


async def test_a_rescue_empties_the_bins_first_and_changes_nothing_else() -> None:
    gone: dict[str, str] = {}

    def damage(service: Service) -> None:
        users, groups = cloud_users(service), cloud_groups(service)
        gone.update(user=str(users[0]["id"]), group=str(groups[0]["id"]), purged=str(users[1]["id"]))
        delete(service, "users", gone["user"])
        delete(service, "groups", gone["group"])
        delete(service, "users", gone["purged"], purge=True)
        _patch(service, f"users/{users[2]['id']}", {"department": "Bent"})

    case = await planned(damage, scope=Scope(rescue=True))
    plan = case.world.plan
    assert {(one.target, one.mechanism) for one in plan.operations} == {
        (gone["user"], Mechanism.BIN),
        (gone["group"], Mechanism.BIN),
    }
    assert [wave.number for wave in plan.waves] == [WaveNumber.RESCUE]
    assert {one.target for one in plan.leaving} == {gone["user"], gone["group"]}
    assert all((one.at - plan.created_at).days == 29 for one in plan.leaving)
    assert gone["purged"] in {one.target for one in plan.exclusions}
    await case.run()
    assert gone["user"] in case.world.service.store.tables["users"]
    assert not (await case.report()).unexpected


async def test_somebody_who_took_a_name_over_is_taken_for_the_missing_one_by_the_operators_word() -> None:
    ids: dict[str, str] = {}

    def damage(service: Service) -> None:
        user = cloud_users(service)[0]
        ids["old"] = str(user["id"])
        delete(service, "users", ids["old"], purge=True)
        again = {
            "accountEnabled": True,
            "displayName": "Made again by hand",
            "mailNickname": user["mailNickname"],
            "userPrincipalName": user["userPrincipalName"],
            "passwordProfile": {"password": "Made4again!xyz"},
        }
        ids["new"] = str(scripted(service, "POST", "/v1.0/users", again)["id"])

    case = await planned(damage)
    (conflict,) = case.world.plan.conflicts
    assert (conflict.target, conflict.live) == (ids["old"], ids["new"])
    service, clock = case.world.service, case.world.clock
    scope = Scope(choices=(adopting(f"{ids['old']}={ids['new']}"),))
    stranger = await make_plan(service, case.snapshot, clock, scope=scope, plan_id="p2")
    assert [one.live for one in stranger.conflicts] == [ids["new"]]
    assert [(one.done, "nothing says what it is" in one.why) for one in stranger.chosen] == [(False, True)]
    known = frozenset({ids["new"]})
    await case.instead(await make_plan(service, case.snapshot, clock, scope=scope, known=known))
    plan = case.world.plan
    assert not plan.conflicts
    assert [(one.word, one.live, one.done) for one in plan.chosen] == [(Word.ADOPT, ids["new"], True)]
    old = await make_plan(
        service, case.snapshot, clock, scope=Scope(adopt=(f"{ids['old']}={ids['new']}",)), known=known
    )
    assert [one.request for one in old.operations] == [one.request for one in plan.operations]
    await case.run()
    assert service.store.tables["users"][ids["new"]]["displayName"] != "Made again by hand"
    assert not [one for one in plan.operations if one.mechanism is Mechanism.CREATE and one.type == "users"]
    for wrong in (f"{ids['old']}=", f"{ids['new']}={ids['old']}", "nothing=at-all"):
        with pytest.raises(Unusable, match=r"pair of its own|not a missing and an added"):
            await make_plan(service, case.snapshot, clock, scope=Scope(choices=(adopting(wrong),)))


async def test_what_writes_to_the_tenant_by_itself_is_told() -> None:
    def damage(service: Service) -> None:
        _patch(service, f"users/{cloud_users(service)[0]['id']}", {"department": "Bent"})

    case = await planned(damage)
    told = {one.type: one for one in case.world.plan.fighting}
    tables = case.world.service.store.tables
    scheduled = sorted(key for key, one in tables["lifecycleWorkflows"].items() if one["isSchedulingEnabled"])
    assert scheduled
    assert sorted(one.target for one in case.world.plan.fighting if one.type == "lifecycleWorkflows") == scheduled
    assert "by schedule" in told["lifecycleWorkflows"].why
    nothing = await planned(lambda service: None)
    assert not nothing.world.plan.fighting

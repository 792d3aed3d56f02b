"""An attacker purges somebody and takes the name: what the restore does by each of the operator's words, from plan
to comparison, and what a crash or a lost answer makes of it."""

from __future__ import annotations

import copy
import shlex
from pathlib import Path
from typing import Any

import pytest

from shared.catalog.registry import CATALOG
from shared.catalog.spec import WaveNumber
from shared.domain.errors import Unusable
from shared.domain.plan import RENAMES, Choice, ConflictKind, Mechanism, RestorePlan, Scope, Word
from shared.engines.choices import adopting, choosing, choosing_all
from shared.engines.known_ids import earlier
from tests.faults import Faults, crash_at, run_until_crash
from tests.laptop import begun
from tests.restore_planned import (
    Planned,
    Snapshot,
    add_member,
    cloud_groups,
    cloud_users,
    delete,
    make_plan,
    planned,
    read,
    undo_of,
)
from tests.restore_world import PLAN_KEY, World
from tests.simdirectory import scripted
from tests.simulator.service import Service

Ids = dict[str, Any]


def _impersonate(service: Service, ids: Ids, *, purge: bool = True, which: int = 5) -> None:
    """Somebody who is in a group goes, and somebody else takes the name."""
    user = cloud_users(service)[which]
    group = str(cloud_groups(service)[0]["id"])
    ids.update(old=str(user["id"]), name=str(user["userPrincipalName"]), group=group)
    delete(service, "users", ids["old"], purge=purge)
    again = {
        "accountEnabled": True,
        "displayName": "Made by the attacker",
        "mailNickname": user["mailNickname"],
        "userPrincipalName": ids["name"],
        "passwordProfile": {"password": "Attack3r!xyz"},
    }
    ids["new"] = str(scripted(service, "POST", "/v1.0/users", again)["id"])
    ids["users"] = len(service.store.tables["users"]) + 1


def _join(service: Service) -> None:
    group, user = str(cloud_groups(service)[0]["id"]), str(cloud_users(service)[5]["id"])
    if user not in service.store.targets("groups.members", group):
        add_member(service, group, user)


async def _case(word: str = "", *, purge: bool = True, only: bool = False, **asked: Any) -> tuple[Planned, Ids]:
    """The damage, and a plan with that word on it. `only`: of nobody else."""
    ids: Ids = {}
    case = await planned(lambda service: _impersonate(service, ids, purge=purge), prepare=_join)
    if word:
        one = (ids["old"],) if only else ()
        scope = Scope(ids=one, choices=(choosing(f"users/{ids['old']}={word}"),), **asked)
        service, clock = case.world.service, case.world.clock
        await case.instead(await make_plan(service, case.snapshot, clock, scope=scope))
    return case, ids


def _users(case: Planned | World) -> Any:
    service = case.world.service if isinstance(case, Planned) else case.service
    return service.store.tables["users"]


def _by_name(case: Planned | World, name: str) -> list[str]:
    return [key for key, one in _users(case).items() if one["userPrincipalName"] == name]


def _members(case: Planned | World, ids: Ids) -> set[str]:
    service = case.world.service if isinstance(case, Planned) else case.service
    return set(service.store.targets("groups.members", ids["group"]))


def _done(plan: RestorePlan) -> list[tuple[Word, bool]]:
    return [(one.word, one.done) for one in plan.chosen]


async def test_without_a_word_nothing_is_done_and_the_plan_says_what_may_be_said() -> None:
    case, ids = await _case()
    plan = case.world.plan
    (conflict,) = plan.conflicts
    assert (conflict.target, conflict.live, conflict.live_name) == (ids["old"], ids["new"], "Made by the attacker")
    assert conflict.live_created_at == _users(case)[ids["new"]]["createdDateTime"]
    assert conflict.created_by == f"somebody made {ids['new']}"
    assert conflict.words == (Word.SKIP, Word.KEEP, Word.RENAME)
    assert set(conflict.closed) == {"take", "adopt"}
    await case.run()
    assert _by_name(case, ids["name"]) == [ids["new"]]
    assert _members(case, ids).isdisjoint({ids["old"], ids["new"]})
    assert not (await case.report()).unexpected


async def test_skip_leaves_both_and_asks_no_more() -> None:
    case, ids = await _case("skip")
    plan = case.world.plan
    assert (plan.conflicts, plan.operations, _done(plan)) == ((), (), [(Word.SKIP, True)])
    await case.run()
    assert _by_name(case, ids["name"]) == [ids["new"]]
    assert not (await case.report()).unexpected


@pytest.mark.parametrize("purge", [True, False], ids=["purged", "in the bin"])
async def test_rename_gives_the_name_back_and_leaves_the_impostor_what_it_is(purge: bool) -> None:
    case, ids = await _case("rename", purge=purge)
    plan, impostor = case.world.plan, copy.deepcopy(_users(case)[ids["new"]])
    assert (plan.conflicts, _done(plan)) == ((), [(Word.RENAME, True)])
    assert any(RENAMES in wave.asks for wave in plan.waves)
    (rename,) = [one for one in plan.operations if one.mechanism is Mechanism.RENAME]
    assert (rename.target, rename.before) == (ids["new"], {"userPrincipalName": ids["name"]})
    await case.run()
    (back,) = _by_name(case, ids["name"])
    assert back not in (ids["new"], *([ids["old"]] if purge else []))
    assert _members(case, ids) & {back, ids["new"]} == {back}
    after = _users(case)[ids["new"]]
    changed = {name for name in after if after[name] != impostor.get(name)}
    assert changed <= {"userPrincipalName", "identities"}
    assert ".hf-" in after["userPrincipalName"]
    report = await case.report()
    assert not report.unexpected
    assert not report.not_done


@pytest.mark.parametrize("purge", [True, False], ids=["purged", "in the bin"])
async def test_keep_brings_the_missing_one_back_under_another_name(purge: bool) -> None:
    case, ids = await _case("keep", purge=purge)
    assert _done(case.world.plan) == [(Word.KEEP, True)]
    await case.run()
    assert _by_name(case, ids["name"]) == [ids["new"]]
    (back,) = [key for key, one in _users(case).items() if ".hf-" in one["userPrincipalName"]]
    assert (back == ids["old"]) is not purge
    assert _members(case, ids) & {back, ids["new"]} == {back}
    report = await case.report()
    assert not report.unexpected
    assert {one.member for one in report.listed if one.reason == "leftByChoice"} == {"userPrincipalName"}


@pytest.mark.parametrize("word", ["skip", "keep", "rename"])
async def test_a_rescue_hears_the_words_that_let_a_bin_give_back_what_it_holds(word: str) -> None:
    case, ids = await _case(word, purge=False, rescue=True)
    plan, impostor = case.world.plan, copy.deepcopy(_users(case)[ids["new"]])
    assert (plan.conflicts, _done(plan)) == ((), [(Word(word), True)])
    writes = {"skip": [], "keep": [Mechanism.BIN], "rename": [Mechanism.RENAME, Mechanism.BIN]}[word]
    assert [one.mechanism for one in plan.operations] == writes
    assert {wave.number for wave in plan.waves} == ({WaveNumber.RESCUE} if writes else set())
    await case.run()
    assert (ids["old"] in _users(case)) is bool(writes)
    assert _by_name(case, ids["name"]) == [ids["old"] if word == "rename" else ids["new"]]
    assert (_users(case)[ids["new"]] == impostor) is (word != "rename")
    report = await case.report()
    assert not report.unexpected
    assert not report.not_done


@pytest.mark.parametrize("word", ["keep", "rename"])
async def test_a_rescue_renames_nobody_for_what_no_bin_gives_back(word: str) -> None:
    case, ids = await _case(word, rescue=True)
    assert not case.world.plan.operations
    assert ids["old"] in {one.target for one in case.world.plan.exclusions}
    (told,) = case.world.plan.chosen
    assert not told.done
    assert "stays out all the same" in told.why


async def test_a_rescue_refuses_words_that_write_to_what_is_live_and_names_them() -> None:
    case, ids = await _case()
    service, clock = case.world.service, case.world.clock
    for choice, named in (
        (choosing(f"users/{ids['old']}=take"), f"{ids['old']}=take"),
        (choosing_all("users=adopt"), "users=adopt"),
        (adopting(f"{ids['old']}={ids['new']}"), f"{ids['old']}={ids['new']}"),
    ):
        with pytest.raises(Unusable, match=f"neither adopts nor overwrites: {named}"):
            await make_plan(service, case.snapshot, clock, scope=Scope(rescue=True, choices=(choice,)))


async def test_adoption_takes_a_name_and_somebody_who_knows_the_one_who_bears_it() -> None:
    case, ids = await _case("adopt")
    service, clock = case.world.service, case.world.clock
    assert [one.live for one in case.world.plan.conflicts] == [ids["new"]]
    known = frozenset({ids["new"]})
    one_name = Scope(choices=(choosing(f"users/{ids['old']}=adopt"),))
    told = await make_plan(service, case.snapshot, clock, scope=one_name, known=known, plan_id="p2")
    assert [(one.done, "name both" in one.why) for one in told.chosen] == [(False, True)]
    assert not told.operations
    both = Scope(choices=(adopting(f"{ids['old']}={ids['new']}"),))
    await case.instead(await make_plan(service, case.snapshot, clock, scope=both, known=known))
    await case.run()
    assert _users(case)[ids["new"]]["displayName"] != "Made by the attacker"
    assert ids["new"] in _members(case, ids)
    assert not (await case.report()).unexpected


async def test_take_and_words_on_nothing_are_refused_with_why() -> None:
    case, ids = await _case("take")
    (told,) = case.world.plan.chosen
    assert (told.word, told.done) == (Word.TAKE, False)
    assert "have that renamed" in told.why
    assert [one.live for one in case.world.plan.conflicts] == [ids["new"]]
    service, clock = case.world.service, case.world.clock
    scope = Scope(choices=(choosing("groups/nobody=skip"), choosing_all("pairSplit=skip")))
    plan = await make_plan(service, case.snapshot, clock, scope=scope, plan_id="p2")
    assert [(one.target, one.by, one.done) for one in plan.chosen] == [
        ("", "pairSplit", False),
        ("nobody", "", False),
    ]


async def test_a_class_is_decided_at_once_and_one_object_otherwise() -> None:
    ids: list[Ids] = [{}, {}]

    def damage(service: Service) -> None:
        for one in ids:
            _impersonate(service, one)

    case = await planned(damage)
    one, other = ids
    scope = Scope(choices=(choosing_all("users=rename"), choosing(f"users/{other['old']}=skip")))
    service, clock = case.world.service, case.world.clock
    await case.instead(await make_plan(service, case.snapshot, clock, scope=scope))
    assert {(told.target, told.word, told.by) for told in case.world.plan.chosen} == {
        (one["old"], Word.RENAME, "users"),
        (other["old"], Word.SKIP, ""),
    }
    await case.run()
    assert _by_name(case, one["name"]) != [one["new"]]
    assert _by_name(case, other["name"]) == [other["new"]]
    assert not (await case.report()).unexpected


async def test_an_impostor_that_was_renamed_meanwhile_is_left_and_so_is_the_missing_one() -> None:
    case, ids = await _case("rename")
    other = f"other.{ids['name']}"
    scripted(case.world.service, "PATCH", f"/v1.0/users/{ids['new']}", {"userPrincipalName": other})
    await case.run()
    assert _users(case)[ids["new"]]["userPrincipalName"] == other
    assert _by_name(case, ids["name"]) == []
    states = {one.mechanism: one.state for one in (await case.report()).not_done}
    assert states["rename"] == "changedSincePlan"
    assert states["create"] == "dependencyNotDone"


@pytest.mark.full
async def test_who_prunes_leaves_the_impostor_that_a_word_is_about() -> None:
    case, ids = await _case("skip", prune=True)
    await case.run()
    assert _by_name(case, ids["name"]) == [ids["new"]]
    assert not (await case.report()).unexpected


@pytest.mark.parametrize("purge", [True, pytest.param(False, marks=pytest.mark.full)], ids=["purged", "in the bin"])
async def test_undone_the_impostor_has_its_name_again(purge: bool) -> None:
    case, ids = await _case("rename", purge=purge)
    await case.run()
    plan = await undo_of(case)
    await case.go_on(plan)
    assert _by_name(case, ids["name"]) == [ids["new"]]
    assert not {one.state for one in (await case.report()).not_done}


@pytest.mark.full
def test_from_a_copy_the_printed_command_decides_it_and_the_restore_does_so(tmp_path: Path) -> None:
    laptop, ids = begun(tmp_path / "laptop"), Ids()
    _impersonate(laptop.service, ids, which=-1)
    first = laptop.plan("--id", ids["old"])
    (told,) = first["document"]["conflicts"]
    assert (told["live"], told["liveName"]) == (ids["new"], "Made by the attacker")
    assert told["createdBy"]
    (conflict,) = first["conflicts"]["open"]
    assert "no snapshot that can be read holds it" in conflict["closed"]["adopt"]
    command = shlex.split(f"{first['conflicts']['again']} {conflict['options']['rename']} --json")
    ran = laptop(*command[1:])
    assert ran.code == 0, ran.err
    plan = ran.document
    assert [(one["word"], one["done"]) for one in plan["document"]["chosen"]] == [("rename", True)]
    assert plan["document"]["chosen"][0]["createdBy"] == told["createdBy"]
    keys = ",".join(one["key"] for one in plan["document"]["tierZero"])
    asked = shlex.split(plan["next"].replace("--key FILE", "").replace("KEY", keys))[2:]
    for number in (0, 1):
        key = str(laptop.root / f"approver-{number}.pem")
        ran = laptop("approve", *asked, "--key", key, "--yes", "--json")
        assert ran.code == 0, ran.err
    ran = laptop.restore(plan)
    assert (ran.code, ran.document["unexpected"], ran.document["notDone"]) == (0, [], [])
    users = laptop.service.store.tables["users"]
    (back,) = [key for key, one in users.items() if one["userPrincipalName"] == ids["name"]]
    assert back not in (ids["old"], ids["new"])
    assert ".hf-" in users[ids["new"]]["userPrincipalName"]


# --- what was changed while a restore waited


async def _changed() -> tuple[Planned, str]:
    """Somebody was moved by an attacker, a restore was planned, and then somebody else moved them once more."""
    ids: Ids = {}

    def damage(service: Service) -> None:
        ids["user"] = str(cloud_users(service)[0]["id"])
        scripted(service, "PATCH", f"/v1.0/users/{ids['user']}", {"department": "Bent", "jobTitle": "Bent"})

    case = await planned(damage)
    path = f"/v1.0/users/{ids['user']}"
    scripted(case.world.service, "PATCH", path, {"department": "Moved by the registrar"})
    await case.run()
    assert [one.why for one in (await case.report()).not_done] == ["no longer what the plan saw: department"]
    return case, str(ids["user"])


async def _after(case: Planned, number: int, *choices: Choice) -> RestorePlan:
    """The next plan of the same tenant, with what the journal knows."""
    told = await earlier(case.world.view(), since=case.snapshot.as_of)
    plan = await make_plan(
        case.world.service,
        case.snapshot,
        case.world.clock,
        plan_id=f"{case.world.plan.id[:-1]}{'abc'[number]}",
        scope=Scope(choices=choices),
        known_ids=told.ids,
        seen=told.seen,
    )
    await case.world.view().store_plan(plan, PLAN_KEY)
    return plan


async def test_what_was_changed_behind_a_plans_back_is_asked_about_before_it_is_written() -> None:
    case, user = await _changed()
    plan = await _after(case, 0)
    (conflict,) = plan.conflicts
    assert (conflict.kind, conflict.target, conflict.key) == (ConflictKind.CHANGED_SINCE, user, "department")
    assert conflict.words == (Word.SKIP, Word.KEEP, Word.TAKE)
    assert [one.wanted.keys() for one in plan.operations] == [{"jobTitle"}]
    await case.go_on(plan)
    report = await case.report()
    assert not report.unexpected
    assert _users(case)[user]["department"] == "Moved by the registrar"
    kept = await _after(case, 1, choosing(f"users/{user}=keep"))
    assert (kept.conflicts, kept.operations, _done(kept)) == ((), (), [(Word.KEEP, True)])
    take = await _after(case, 2, choosing_all("changedSince=take"))
    assert _done(take) == [(Word.TAKE, True)]
    await case.go_on(take)
    assert _users(case)[user]["department"] not in ("Bent", "Moved by the registrar")
    assert not (await earlier(case.world.view(), since=case.snapshot.as_of)).seen


async def test_a_newer_snapshot_knows_what_was_changed_and_asks_nothing() -> None:
    case, user = await _changed()
    case.snapshot = Snapshot.of(await read(case.world.service, case.world.clock))
    scripted(case.world.service, "PATCH", f"/v1.0/users/{user}", {"department": "Bent again"})
    plan = await _after(case, 0)
    assert not plan.conflicts
    assert [one.wanted.keys() for one in plan.operations] == [{"department"}]


# --- crashes, answers that are lost


def _again(one: World) -> World:
    return copy.deepcopy(one, {id(same): same for same in (one.plan,)})


async def _ends_well(one: World, ids: Ids) -> None:
    ends = await one.ends()
    # What hangs on somebody who comes back from the bin comes back with them, which a replica may not know yet.
    own = {ends[op.id] for op in one.plan.operations if not CATALOG.get(op.type).by_content}
    assert own <= {"done", "alreadyAsWanted"}, ends
    (back,) = _by_name(one, ids["name"])
    assert back != ids["new"]
    assert ".hf-" in _users(one)[ids["new"]]["userPrincipalName"]
    assert _members(one, ids) & {back, ids["new"]} == {back}
    assert len(_users(one)) == ids["users"]


@pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.full)])
@pytest.mark.parametrize("purge", [True, False], ids=["purged", "in the bin"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_killed_at_each_write_of_a_rename(before: bool, purge: bool, stride: int) -> None:
    case, ids = await _case("rename", purge=purge, only=True)
    await case.begin()
    log = Faults()
    await _again(case.world).process(log).drain()
    assert len(log.written) > 5
    for number in range(1, len(log.written) + 1, stride):
        one = _again(case.world)
        assert await run_until_crash(one.process(Faults(crash_at(number, before=before))).drain()), number
        await one.process().drain()
        await _ends_well(one, ids)


@pytest.mark.parametrize("purge", [True, False], ids=["purged", "in the bin"])
@pytest.mark.parametrize("committed", [True, pytest.param(False, marks=pytest.mark.full)])
async def test_every_answer_to_a_rename_is_lost_once(committed: bool, purge: bool) -> None:
    case, ids = await _case("rename", purge=purge, only=True)
    await case.begin()
    one = case.world
    one.service.settings.lag = 40.0
    effect = "dropConnectionAfterCommit" if committed else "dropConnectionBeforeCommit"
    creates = "^/v1.0/users$" if purge else "^/v1.0/directory/deletedItems/[^/]+/restore$"
    matches = [
        {"pathRegex": f"^/v1.0/users/{ids['new']}$", "method": ["PATCH"], "times": 1},
        {"pathRegex": creates, "method": ["POST"], "times": 1},
    ]
    one.service.faults.install([{"match": match, "effect": {effect: True}} for match in matches])
    await one.process().drain()
    await _ends_well(one, ids)
    assert all(fault["fired"] == 1 for fault in one.service.faults.report())


async def test_every_message_twice() -> None:
    case, ids = await _case("rename", only=True)
    await case.begin()
    await case.world.process().drain(twice=True)
    await _ends_well(case.world, ids)

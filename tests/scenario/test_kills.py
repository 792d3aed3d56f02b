"""Ten SIGKILLs of the local host, each between two writes of one item: four while a snapshot is made, six while a
tenant is brought back from it. The end is that of runs which nobody disturbed.

One story for the whole module, with one operator who waits through all of it; the tests look at what it left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from tests.localrun import truth
from tests.localrun.stack import HostProcess
from tests.localrun.world import World
from tests.scenario.kill_points import Killer, KillPoint, Write, around, timeline
from tests.scenario.wreckage import Restored, wreck

Obj = dict[str, Any]
pytestmark = pytest.mark.azurite

# Small enough that every type of the tenant fills several packs, each with a checkpoint.
PACKS = {"HOLDFAST_PACK_BYTES": "4096"}
PAGE = 15
# A dead host's messages are seen again after a second.
HIDDEN = ("--visibility", "1", "--renew", "0.3")
PHASES = ["export", "export", "seal", "seal", "create", "create", "link", "link", "enable", "enable"]

BACKUP_POINTS = (
    KillPoint(
        "a pack of users is there, its checkpoint is not",
        "export",
        "backup",
        "export_item",
        "holdAfter",
        path=r"/objects/users/00001-",
        item=r"/objects/users/|/parts/users\.(\d+\.)?json$",
        last=r"/objects/users/00001-",
        first=r"/objects/users/|/parts/users\.1\.json$",
    ),
    KillPoint(
        "all links of groups.members are there, the receipt is not",
        "export",
        "backup",
        "export_item",
        "holdBefore",
        path=r"/parts/groups\.members\.json$",
        item=r"/links/groups\.members/|/parts/groups\.members\.",
        last=r"/links/groups\.members/|/parts/groups\.members\.\d+\.json$",
        first=r"/parts/groups\.members\.json$",
    ),
    KillPoint(
        "the manifest is there, its signature is not",
        "seal",
        "backup",
        "seal",
        "holdAfter",
        path=r"/manifest\.json$",
        item=r"/index/|/manifest\.json$|/commit\.jws$|^chain/",
        last=r"/manifest\.json$",
        first=r"/commit\.jws$",
    ),
    KillPoint(
        "the signature is there, the chain entry is not",
        "seal",
        "backup",
        "seal",
        "holdAfter",
        path=r"/commit\.jws$",
        item=r"/index/|/manifest\.json$|/commit\.jws$|^chain/",
        last=r"/commit\.jws$",
        first=r"^chain/",
    ),
)


@dataclass(slots=True)
class Story:
    """What happened, for the tests to look at."""

    world: World
    killer: Killer
    writes: list[Write]
    restored: Restored
    undisturbed: str  # snapshots
    killed: str
    difference: Obj  # what `holdfast diff` says of the two


@pytest.fixture(scope="module")
def story(world: World) -> Iterator[Story]:
    killer = Killer(world)
    world.simulator.settings(listPageCap=PAGE)
    before = truth.take(world.simulator)
    host = world.start_host("backup", *HIDDEN, **PACKS)
    undisturbed = world.holdfast_json("backup", "--timeout", "2")["snapshot"]
    # Where the first run's log ends; its packs and checkpoints have the names of the second one's.
    seen = len(timeline(world))
    killed = _backup_with_kills(world, killer, host)
    difference = world.holdfast_json("diff", undisturbed, killed)
    damage = wreck(world).damage
    plan = world.holdfast_json("plan", killed)
    for name in ("maria", "jonas"):
        world.holdfast("approve", plan["plan"], "--key", world.approver_key(name), "--yes")
    _restore_with_kills(world, killer, plan)
    restored = Restored.look(world, before, damage, plan)
    return Story(world, killer, timeline(world)[seen:], restored, undisturbed, killed, difference)


def _backup_with_kills(world: World, killer: Killer, host: HostProcess) -> str:
    """Each point is armed before the message comes that reaches it."""
    rules = [point.arm(world) for point in BACKUP_POINTS]
    with _waiting(lambda: world.holdfast_json("backup", "--timeout", "3")) as backup:
        for point, rule in zip(BACKUP_POINTS, rules, strict=True):
            killer.kill(host, point, rule, look=True)
            host = world.start_host("backup", *HIDDEN, **PACKS)
    return str(backup.result()["snapshot"])


def _restore_with_kills(world: World, killer: Killer, plan: Obj) -> None:
    """One point at a time: the steps of the later ones are kept from their first write until it is their turn,
    or one kill might hit two."""
    control = world.stack.control
    points = _restore_points(plan)
    gates = {
        point.name: control.add_fault(
            "holdBefore",
            role="restore",
            operation="PutBlob",
            path=_step_of(point) + r"/0001\.intent",
            times=0,
            seconds=600.0,
        )
        for point in points[1:]
    }
    rule = points[0].arm(world)
    host = world.start_host("restore", *HIDDEN)
    restore = ("restore", plan["plan"], "--digest", plan["digest"], "--timeout", "3")
    with _waiting(lambda: world.holdfast(*restore)) as end:
        for number, point in enumerate(points):
            killer.kill(host, point, rule, look=False)
            if number + 1 < len(points):
                following = points[number + 1]
                control.release(gates[following.name])
                rule = following.arm(world)
            host = world.start_host("restore", *HIDDEN)
    assert "equalExceptListed" in end.result()


@contextmanager
def _waiting(command: Callable[[], Any]) -> Iterator[Future[Any]]:
    """A person at a shell who waits for the end of a command, whatever happens to the apps."""
    with ThreadPoolExecutor(1) as shell:
        yield shell.submit(command)


def _restore_points(plan: Obj) -> list[KillPoint]:
    """Two of each phase: the intent is there and nothing is sent; Graph has it and the outcome isn't written. In an
    order in which no step waits for one of a later point."""
    steps = plan["document"]["steps"]
    waits = _ancestors(steps)
    chosen: list[tuple[int, KillPoint]] = []
    for phase, choices in (
        ("create", [_steps(steps, "create", "users"), _steps(steps, "create", "applications")]),
        ("link", [_steps(steps, "link", "groups"), _steps(steps, "link", "applications")]),
        ("enable", [_steps(steps, "enable", "conditionalAccessPolicies")] * 2),
    ):
        taken: set[str] = set()
        for sent, candidates in zip((False, True), choices, strict=True):
            step = next(one for one in candidates if one["id"] not in taken)
            taken.add(step["id"])
            chosen.append((len(waits[step["id"]]), _restore_point(phase, step, sent=sent)))
    return [point for _, point in sorted(chosen, key=lambda one: one[0])]


def _restore_point(phase: str, step: Obj, *, sent: bool) -> KillPoint:
    folder = f"/steps/{step['id']}/"
    tenant = r"^(POST|PUT|PATCH) /"
    return KillPoint(
        f"{step['id']} ({step['title']}): "
        + ("Graph has it, the outcome is not written" if sent else "the intent is there, Graph has not been asked"),
        phase,
        "restore",
        "restore_step",
        "holdBefore" if sent else "holdAfter",
        path=folder + (r"0001\.outcome\.jws$" if sent else r"0001\.intent\.json$"),
        item=folder,
        last=tenant if sent else folder + r"0001\.intent\.json$",
        first=folder + r"0001\.outcome\.jws$",
        requests=tuple((one["request"]["method"], one["request"]["path"]) for one in step["operations"]),
    )


def _step_of(point: KillPoint) -> str:
    return point.item.rstrip("/")


def _steps(steps: list[Obj], mechanism: str, type_name: str) -> list[Obj]:
    """Steps that do this, those first that do it to an object of this type: two types may share a step."""
    found = [step for step in steps if any(one["mechanism"] == mechanism for one in step["operations"])]

    def of_another_type(step: Obj) -> bool:
        return all((one["mechanism"], one["type"]) != (mechanism, type_name) for one in step["operations"])

    return sorted(found, key=of_another_type)


def _ancestors(steps: list[Obj]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    parents = {step["id"]: step["dependsOn"] for step in steps}

    def of(name: str) -> set[str]:
        if name not in found:
            found[name] = {name for parent in parents[name] for name in (parent, *of(parent))}
        return found[name]

    for step in steps:
        of(step["id"])
    return found


# --- what it left ------------------------------------------------------------------------------------------


def test_ten_kills_two_in_each_phase(story: Story) -> None:
    assert sorted(kill.point.phase for kill in story.killer.kills) == sorted(PHASES)
    assert len({kill.pid for kill in story.killer.kills}) == 10
    assert all(one.at < other.at for one, other in pairwise(story.killer.kills))


@pytest.mark.parametrize("number", range(10))
def test_the_kill_fell_between_two_writes_of_one_item(
    story: Story, number: int, record_property: Callable[[str, object], None]
) -> None:
    """By the logs of gateway, tenant and host: the last write before, the first one after, a function under way."""
    kill = story.killer.kills[number]
    last, first = around(kill, story.writes, story.restored.ids)
    assert re.search(kill.point.last, last), last
    assert re.search(kill.point.first, first), first
    assert kill.point.function in kill.running
    record_property(
        "kill", f"{number + 1:2} {kill.point.phase:6} {kill.point.name}: {_short(last)} | killed | {_short(first)}"
    )


def _short(name: str) -> str:
    return name if " " in name else "/".join(name.rsplit("/", 2)[1:])


def test_no_half_snapshot_was_readable_after_any_kill(story: Story) -> None:
    seen = [kill.readable for kill in story.killer.kills if kill.point.role == "backup"]
    assert seen == [(story.undisturbed,)] * 4
    assert sorted(story.killer.readable()) == sorted([story.undisturbed, story.killed])


def test_the_killed_run_made_the_snapshot_that_an_undisturbed_one_makes(story: Story) -> None:
    assert story.difference["changes"] == []
    assert story.difference["gaps"] == []
    shown = story.world.holdfast_json("show", story.killed)
    assert shown["complete"] is True
    story.world.holdfast("verify", story.killed)


def test_the_killed_restore_ended_as_an_undisturbed_one(story: Story) -> None:
    story.restored.check()

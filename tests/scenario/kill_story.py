"""A tenant backed up and brought back while hosts are killed: one operator waits through all of it.

Owns the order of things: an undisturbed backup, one with kills, the damage, a restore with kills, and what is
looked at meanwhile and afterwards. Which moments are killed is chosen by whoever tells the story, from what the
undisturbed run wrote and from the plan. What must stay true: a host waits at one moment at a time; the writers of
the later ones are kept back until it is their turn, or one kill might hit two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.localrun import truth
from tests.localrun.stack import HostProcess
from tests.localrun.world import Ended, World
from tests.reviewing import reviewed
from tests.scenario.kill_points import Killer, KillPoint, Write, around, timeline
from tests.scenario.wreckage import Restored, wreck

Obj = dict[str, Any]
BackupPoints = Callable[[Sequence[Write]], Sequence[KillPoint]]
RestorePoints = Callable[[Obj], Sequence[KillPoint]]

# Small enough that every type of the tenant fills several packs, each with a checkpoint.
PACKS = {"HOLDFAST_PACK_BYTES": "4096"}
PAGE = 15
# A dead host's messages are seen again after a second.
HIDDEN = ("--visibility", "1", "--renew", "0.3")
# The queue gives up a message that came eight times, and with each kill everything under way comes once more.
MOST_KILLS = 7
PHASES = ("export", "seal", "create", "link", "enable")


@dataclass(slots=True)
class Story:
    """What happened, for tests to look at. `writes`: those since the undisturbed snapshot."""

    killer: Killer
    writes: list[Write]
    restored: Restored
    undisturbed: str  # snapshots
    killed: str
    readable: list[str]  # snapshots listed at the end
    difference: Obj  # what `holdfast diff` says of the two
    shown: Obj  # `holdfast show` and `verify` of the killed run's
    verified: Ended

    def check_backup(self) -> None:
        """No half snapshot was there to be read, and the whole one is that of a run which nobody disturbed."""
        seen = [kill.readable for kill in self.killer.kills if kill.point.role == "backup"]
        assert seen == [(self.undisturbed,)] * len(seen)
        assert sorted(self.readable) == sorted([self.undisturbed, self.killed])
        assert self.difference["changes"] == []
        assert self.difference["gaps"] == []
        assert self.shown["complete"] is True
        assert self.verified.code == 0, self.verified.out + self.verified.err

    def check_order(self) -> None:
        """Every host died once, one after the other."""
        kills = self.killer.kills
        assert len({kill.pid for kill in kills}) == len(kills)
        assert all(one.at < other.at for one, other in pairwise(kills))

    def check_kill(self, number: int) -> str:
        """The kill fell between two writes of one item, by the logs of gateway, tenant and host: the last write
        before, the first one after, a function under way. Returns a line that says so."""
        kill = self.killer.kills[number]
        last, first = around(kill, self.writes, self.restored.ids)
        assert re.search(kill.point.last, last), (kill.point.name, last)
        assert re.search(kill.point.first, first), (kill.point.name, first)
        assert kill.point.function in kill.running, (kill.point.name, kill.running)
        return f"{kill.point.phase:6} {kill.point.name}: {_short(last)} | killed | {_short(first)}"


def _short(name: str) -> str:
    return name if " " in name else "/".join(name.rsplit("/", 2)[1:])


def tell(world: World, backup_points: BackupPoints, restore_points: RestorePoints) -> Story:
    """Plays the whole story in a world without any app running."""
    killer = Killer(world)
    world.simulator.settings(listPageCap=PAGE)
    before = truth.take(world.simulator)
    host = world.start_host("backup", *HIDDEN, **PACKS)
    undisturbed = world.holdfast_json("backup", "--timeout", "6")["snapshot"]
    # Where the first run's log ends; its packs and checkpoints have the names of the second one's.
    first = timeline(world)
    killed = _backup_with_kills(world, killer, host, backup_points(first))
    difference = world.holdfast_json("diff", undisturbed, killed)
    damage = wreck(world).damage
    plan = world.holdfast_json("plan", killed)
    for name in ("maria", "jonas"):
        world.holdfast("approve", plan["plan"], "--key", world.approver_key(name), *reviewed(plan), "--yes")
    _restore_with_kills(world, killer, plan, restore_points(plan))
    return Story(
        killer,
        timeline(world)[len(first) :],
        Restored.look(world, before, damage, plan),
        undisturbed,
        killed,
        killer.readable(),
        difference,
        world.holdfast_json("show", killed),
        world.shell("verify", killed),
    )


def _backup_with_kills(world: World, killer: Killer, host: HostProcess, points: Sequence[KillPoint]) -> str:
    turns = _Turns(world, points)
    with _waiting(lambda: world.holdfast_json("backup", "--timeout", "6")) as backup:
        for point in points:
            killer.kill(host, point, turns.armed, look=True)
            turns.next()
            host = world.start_host("backup", *HIDDEN, **PACKS)
    return str(backup.result()["snapshot"])


def _restore_with_kills(world: World, killer: Killer, plan: Obj, points: Sequence[KillPoint]) -> None:
    turns = _Turns(world, points)
    host = world.start_host("restore", *HIDDEN)
    restore = ("restore", plan["plan"], "--digest", plan["digest"], "--timeout", "6")
    with _waiting(lambda: world.holdfast(*restore)) as end:
        for point in points:
            killer.kill(host, point, turns.armed, look=False)
            turns.next()
            host = world.start_host("restore", *HIDDEN)
    assert "equalExceptListed" in end.result()


class _Turns:
    """One point is armed, and the later ones are kept back, until `next`; call that while no host runs, because a
    request that was kept back goes on past the point when it is let go."""

    def __init__(self, world: World, points: Sequence[KillPoint]) -> None:
        assert len(points) <= MOST_KILLS
        self._world = world
        self._left = list(points)
        self._gates = [point.keep_back(world) for point in points]
        self.next()

    def next(self) -> None:
        if self._left:
            self._world.stack.control.release(self._gates.pop(0))
            self.armed = self._left.pop(0).arm(self._world)


@contextmanager
def _waiting(command: Callable[[], Any]) -> Iterator[Future[Any]]:
    """A person at a shell who waits for the end of a command, whatever happens to the apps."""
    with ThreadPoolExecutor(1) as shell:
        yield shell.submit(command)


# --- moments of a restore ----------------------------------------------------------------------------------


def restore_point(phase: str, plan: Obj, step: Obj, *, sent: bool) -> KillPoint:
    """`sent`: Graph has it and the outcome isn't written; else the intent is there and nothing is sent."""
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
        requests=tuple(_requests(step) if sent else _its_own(plan, step)),
        begins=folder + r"0001\.intent",
    )


def _its_own(plan: Obj, step: Obj) -> list[tuple[str, Any]]:
    """What no other step sends: of a request that two send, nobody could say whose it was, and the other step may
    run right after the kill."""
    others = [_requests(one) for one in plan["document"]["steps"] if one["id"] != step["id"]]
    return [one for one in _requests(step) if not any(one in requests for requests in others)]


def _requests(step: Obj) -> list[tuple[str, Any]]:
    return [(one["request"]["method"], one["request"]["path"]) for one in step["operations"]]


def in_turn(plan: Obj, chosen: Sequence[tuple[Obj, KillPoint]]) -> list[KillPoint]:
    """An order in which no step waits for one of a later point."""
    waits = _ancestors(plan["document"]["steps"])
    return [point for step, point in sorted(chosen, key=lambda one: len(waits[one[0]["id"]]))]


def steps_that(plan: Obj, mechanism: str) -> list[Obj]:
    steps: list[Obj] = plan["document"]["steps"]
    return [step for step in steps if any(one["mechanism"] == mechanism for one in step["operations"])]


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

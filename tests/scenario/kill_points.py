"""Killing a host between two writes of one item, and showing by the logs that it was there.

Owns the moments, the kills and the proof. A moment is chosen by holding one request at the gateway: after the
store has it (the writer never learns so), or before (it is never written). What must stay true: the logs that
prove it are the gateway's, the tenant's and the host's own, none of them written by Holdfast.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.localrun.stack import HostProcess
from tests.localrun.world import World

Obj = dict[str, Any]
_HOLD_SECONDS = 600.0
_GONE_SECONDS = 0.3  # real time in which the gateway notices that a sender is dead


@dataclass(frozen=True, slots=True)
class KillPoint:
    """Where a host dies. `item`, `last` and `first` are regular expressions over the names of writes: those that
    belong to the item, its last one before the kill, and its first one afterwards. `requests`: the paths of the
    item's writes to the tenant, as the plan has them. `begins`: the blob by which a writer is kept back until it is
    this point's turn; "": the one that is held."""

    name: str
    phase: str
    role: str
    function: str
    hold: str  # holdAfter or holdBefore
    path: str  # of the blob that is held
    item: str
    last: str
    first: str
    requests: tuple[tuple[str, Any], ...] = ()
    begins: str = ""

    def keep_back(self, world: World) -> int:
        return world.stack.control.add_fault(
            "holdBefore",
            role=self.role,
            operation="PutBlob",
            path=self.begins or self.path,
            times=0,
            seconds=_HOLD_SECONDS,
        )

    def arm(self, world: World) -> int:
        return world.stack.control.add_fault(
            self.hold, role=self.role, operation="PutBlob", path=self.path, seconds=_HOLD_SECONDS
        )


@dataclass(frozen=True, slots=True)
class Write:
    """One write as a log has it. `name`: container and blob, or method and path."""

    time: float
    name: str


@dataclass(frozen=True, slots=True)
class Kill:
    """One SIGKILL: when, of whom, and which functions had begun and not ended in the host's own log."""

    point: KillPoint
    at: float
    pid: int
    running: tuple[str, ...]
    readable: tuple[str, ...] = ()  # snapshots that were listed while the host was dead


@dataclass(slots=True)
class Killer:
    """Kills, and remembers."""

    world: World
    kills: list[Kill] = field(default_factory=list)

    def kill(self, host: HostProcess, point: KillPoint, rule: int, *, look: bool) -> None:
        """Waits for the moment, kills the host, and looks what can be read meanwhile."""
        control = self.world.stack.control
        control.wait_until_held(rule, seconds=60)
        host.kill()
        at = time.time()
        time.sleep(_GONE_SECONDS)
        readable = tuple(self.readable()) if look else ()
        self.kills.append(Kill(point, at, host.pid, _running(host), readable))
        control.release(rule)

    def readable(self) -> list[str]:
        listed = self.world.holdfast_json("snapshots")["snapshots"]
        return [one["id"] for one in listed]


def timeline(world: World) -> list[Write]:
    """Every blob created and every commit of the tenant, in the order in which they happened."""
    writes = [
        Write(datetime.fromisoformat(one["time"]).timestamp(), one["path"])
        for one in world.stack.control.log()
        if one["operation"] == "PutBlob" and one["status"] == 201
    ]
    clock = world.stack.clock
    writes += [
        Write(clock.epoch + (one["time"] - clock.epoch) / clock.factor, f"{one['method']} {one['path']}")
        for one in world.simulator.log()
    ]
    return sorted(writes, key=lambda write: write.time)


def around(kill: Kill, writes: Sequence[Write], ids: dict[str, str]) -> tuple[str, str]:
    """The item's last write before the kill and its first one after it."""
    requests = {f"{method} {resolved(path, ids)}" for method, path in kill.point.requests}
    own = [one for one in writes if re.search(kill.point.item, one.name) or one.name in requests]
    before = [one.name for one in own if one.time < kill.at]
    after = [one.name for one in own if one.time >= kill.at]
    assert before, f"{kill.point.name}: the item had not begun"
    assert after, f"{kill.point.name}: the item had ended"
    return before[-1], after[0]


def resolved(path: Any, ids: dict[str, str]) -> str:
    """A plan's path with new ids in place of markers, without the API version, as the tenant's log has it."""
    parts = path["$join"] if isinstance(path, dict) else [path]
    text = "".join(ids.get(part["$id"], part["$id"]) if isinstance(part, dict) else part for part in parts)
    return re.sub(r"^/(v1\.0|beta)/", "/", text)


def _running(host: HostProcess) -> tuple[str, ...]:
    """Functions whose start the host wrote down and whose end it did not."""
    begun: dict[str, str] = {}
    for event in host.events():
        if event["event"] == "invocationStart":
            begun[event["invocation"]] = event["function"]
        elif event["event"] == "invocationEnd":
            begun.pop(event["invocation"])
    return tuple(sorted(begun.values()))

"""Both apps of a deployment, and what tests of bad input ask of what they answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from shared.catalog.registry import CATALOG
from tests.instances import ids_of
from tests.localrun.stack import HostProcess
from tests.localrun.world import Ended, World

Obj = dict[str, Any]

FACTOR = 240.0  # after 15 minutes without an answer a try at Graph ends: 3.75 s
SETTINGS = {"HOLDFAST_CLAIM_SECONDS": "1200"}  # a claim still lasts for 5 s


@dataclass
class Apps:
    """The two apps of a module's deployment. A test may need one of them with other settings for a while."""

    world: World
    hosts: dict[str, HostProcess] = field(default_factory=dict)

    def start(self, role: str, **env: str) -> HostProcess:
        if role in self.hosts:
            self.hosts[role].stop()
        # With Graph away its functions wait for a quarter of an hour: they are not waited for at the end.
        self.hosts[role] = self.world.start_host(role, "--grace", "1", **env)
        return self.hosts[role]


def says(ended: Ended, code: int, *parts: str) -> None:
    """The exit code, and that both forms of the error, for people and for programs, say all this."""
    assert ended.code == code, ended
    text = json.dumps(json.loads(ended.out), ensure_ascii=False)
    for part in parts:
        assert part in ended.err, (part, ended.err)
        assert part in text, (part, text)


def holds_all(world: World, snapshot: Obj) -> None:
    """The snapshot is complete, and has as many objects of each type as the tenant's own tables."""
    assert snapshot["complete"] is True
    counts = {name: one["count"] for name, one in snapshot["types"].items()}
    assert counts == {name: len(ids_of(CATALOG.get(name), world.simulator.objects)) for name in counts}

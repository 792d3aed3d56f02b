"""`python -m tests.scenario.many_kills`: fifty SIGKILLs of real hosts, drawn by the seed, each line one of them.

Five stories of ten kills, each in a world of its own. What may be drawn for the backup is every gap between two
writes of one work item, or of the sealing, that the log of an undisturbed run shows, with the host dying after the
first write (stored, the answer never seen) or before the second (never stored). For the restore it is every step of
the plan that creates, links or enables, dying with the intent written and Graph not asked, or with Graph asked and
the outcome not written.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from shared.catalog.registry import CATALOG
from tests.localrun.world import World
from tests.scenario.conftest import FACTOR
from tests.scenario.kill_points import KillPoint, Write
from tests.scenario.kill_story import PHASES, Story, in_turn, restore_point, steps_that, tell
from tests.seeds import VARIABLE, chance, current_seed

Obj = dict[str, Any]
ROUNDS = 5
OF_A_PHASE = 2  # in each round

_SEAL = r"/index/|/manifest\.json$|/commit\.jws$|^chain/"
_NAME = re.compile(r"/(?P<folder>objects|links|parts)/(?P<rest>.+)$")
# A child's objects are read with the relationship that holds them, and are that item's.
_HELD_BY = {one.contains: f"{spec.name}.{one.name}" for spec, one in CATALOG.relationships if one.contains}


# --- what may be killed ------------------------------------------------------------------------------------


def backup_candidates(writes: Sequence[Write]) -> dict[str, list[KillPoint]]:
    """Every gap of an undisturbed run's log, from both sides, by phase."""
    items: dict[str, list[str]] = {}
    for write in writes:
        if (item := _item(write.name)) is not None:
            items.setdefault(item, []).append(_pattern(write.name))
    found: dict[str, list[KillPoint]] = {"export": [], "seal": []}
    for item, patterns in items.items():
        for last, first in pairwise(patterns):
            found["seal" if item == "seal" else "export"] += _gap(item, last, first)
    return found


def _gap(item: str, last: str, first: str) -> Iterator[KillPoint]:
    phase, function, own = ("seal", "seal", _SEAL) if item == "seal" else ("export", "export_item", _own(item))
    for hold, path in (("holdAfter", last), ("holdBefore", first)):
        died = "dead after" if hold == "holdAfter" else "dead before"
        name = f"{item}, {died} {_plain(path)}"
        yield KillPoint(name, phase, "backup", function, hold, path, item=own, last=last, first=own)


def _item(name: str) -> str | None:
    """The work item that a write belongs to, "seal" for the sealing's, None for what nobody's is."""
    if re.search(_SEAL, name):
        return "seal"
    found = _NAME.search(name)
    if found is None:
        return None
    first = found["rest"].split("/")[0]
    if found["folder"] == "objects":
        return _HELD_BY.get(first, first)
    if found["folder"] == "links":
        return first
    return re.sub(r"(\.\d+)?\.json$", "", first)


def _own(item: str) -> str:
    """All writes of a work item."""
    children = [child for child, held_by in _HELD_BY.items() if held_by == item]
    objects = "|".join(map(re.escape, [item, *children]))
    return rf"/objects/({objects})/|/links/{re.escape(item)}/|/parts/{re.escape(item)}\.(\d+\.)?json$"


def _pattern(name: str) -> str:
    """A write of any run by one of one run: without the snapshot, without the hash in a pack's name."""
    if name.startswith("chain/"):
        return "^chain/"
    tail = re.sub(r"^.*?/\d{8}T\d{6}Z-[0-9a-z]+(?=/)", "", name)
    return re.sub(r"/(\d{5})-[^/]+$", r"/\1-", re.escape(tail).replace(r"\-", "-")) + ("" if "-" in tail else "$")


def _plain(pattern: str) -> str:
    return pattern.replace("\\", "").strip("^/$-")


def restore_candidates(plan: Obj) -> dict[str, list[tuple[Obj, KillPoint]]]:
    """Every step of a phase, from both sides."""
    return {
        phase: [
            (step, restore_point(phase, plan, step, sent=sent))
            for step in steps_that(plan, phase)
            for sent in (False, True)
        ]
        for phase in ("create", "link", "enable")
    }


# --- what is drawn -----------------------------------------------------------------------------------------


class Draw:
    """What the seed draws, never the same moment in two rounds while others are left."""

    def __init__(self) -> None:
        self._rng = chance("kills")
        self._drawn: set[str] = set()
        self.candidates: Counter[str] = Counter()

    def backup(self, writes: Sequence[Write]) -> list[KillPoint]:
        """In the order in which an undisturbed run comes to them."""
        chosen = []
        for phase, candidates in backup_candidates(writes).items():
            self.candidates[phase] = max(self.candidates[phase], len(candidates))
            drawn = self._sample(phase, candidates, lambda point: point.path, lambda point: point.name)
            chosen += sorted(drawn, key=candidates.index)
        return chosen

    def restore(self, plan: Obj) -> list[KillPoint]:
        chosen: list[tuple[Obj, KillPoint]] = []
        for phase, candidates in restore_candidates(plan).items():
            self.candidates[phase] = max(self.candidates[phase], len(candidates))
            taken = {step["id"] for step, _ in chosen}
            free = [one for one in candidates if one[0]["id"] not in taken]
            chosen += self._sample(phase, free, lambda one: one[0]["id"], lambda one: one[1].name)
        return in_turn(plan, chosen)

    def _sample(
        self, phase: str, candidates: list[Any], one_of: Callable[[Any], str], name: Callable[[Any], str]
    ) -> list[Any]:
        """`one_of`: what is killed once in a round only."""
        order = self._rng.sample(candidates, len(candidates))
        order.sort(key=lambda one: f"{phase} {name(one)}" in self._drawn)
        chosen: dict[str, Any] = {}
        for one in order:
            if len(chosen) < OF_A_PHASE:
                chosen.setdefault(one_of(one), one)
        self._drawn |= {f"{phase} {name(one)}" for one in chosen.values()}
        return list(chosen.values())


# --- the rounds --------------------------------------------------------------------------------------------


def rounds(folder: Path, draw: Draw) -> Iterator[Story]:
    for number in range(ROUNDS):
        with World.start(folder / str(number), seed="60", clock_factor=FACTOR) as world:
            yield tell(world, draw.backup, draw.restore)


def main() -> int:
    print(f"seed {current_seed()} ({VARIABLE})", flush=True)
    draw, phases, began = Draw(), Counter[str](), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="holdfast-kills-") as folder:
        for number, story in enumerate(rounds(Path(folder), draw)):
            for kill in range(len(story.killer.kills)):
                print(f"{number + 1}.{kill + 1:<2} {story.check_kill(kill)}", flush=True)
            story.check_order()
            story.check_backup()
            story.restored.check()
            print(f"round {number + 1}: the snapshot equals the undisturbed one; the restore equalExceptListed")
            phases += Counter(kill.point.phase for kill in story.killer.kills)
    counts = ", ".join(f"{phase} {phases[phase]} of {draw.candidates[phase]}" for phase in PHASES)
    print(f"{phases.total()} SIGKILLs ({counts} candidates), {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())

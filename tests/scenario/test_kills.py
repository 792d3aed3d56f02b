"""Ten SIGKILLs of the local host, each between two writes of one item: four while a snapshot is made, six while a
tenant is brought back from it. The end is that of runs which nobody disturbed.

One story for the whole module, with one operator who waits through all of it; the tests look at what it left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.localrun.world import World
from tests.scenario.kill_points import KillPoint, Write
from tests.scenario.kill_story import PHASES, Story, in_turn, restore_point, steps_that, tell

Obj = dict[str, Any]
pytestmark = [pytest.mark.azurite, pytest.mark.full]

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


@pytest.fixture(scope="module")
def story(world: World) -> Story:
    return tell(world, _backup_points, _restore_points)


def _backup_points(writes: Sequence[Write]) -> Sequence[KillPoint]:
    return BACKUP_POINTS


def _restore_points(plan: Obj) -> list[KillPoint]:
    """Two of each phase: the intent is there and nothing is sent; Graph has it and the outcome isn't written."""
    chosen: list[tuple[Obj, KillPoint]] = []
    for phase, choices in (
        ("create", [_steps(plan, "create", "users"), _steps(plan, "create", "applications")]),
        ("link", [_steps(plan, "link", "groups"), _steps(plan, "link", "applications")]),
        ("enable", [_steps(plan, "enable", "conditionalAccessPolicies")] * 2),
    ):
        taken: set[str] = set()
        for sent, candidates in zip((False, True), choices, strict=True):
            step = next(one for one in candidates if one["id"] not in taken)
            taken.add(step["id"])
            chosen.append((step, restore_point(phase, plan, step, sent=sent)))
    return in_turn(plan, chosen)


def _steps(plan: Obj, mechanism: str, type_name: str) -> list[Obj]:
    """Steps that do this, those first that do it to an object of this type: two types may share a step."""

    def of_another_type(step: Obj) -> bool:
        return all((one["mechanism"], one["type"]) != (mechanism, type_name) for one in step["operations"])

    return sorted(steps_that(plan, mechanism), key=of_another_type)


# --- what it left ------------------------------------------------------------------------------------------


def test_ten_kills_two_in_each_phase(story: Story) -> None:
    assert sorted(kill.point.phase for kill in story.killer.kills) == sorted(PHASES * 2)
    story.check_order()


@pytest.mark.parametrize("number", range(10))
def test_the_kill_fell_between_two_writes_of_one_item(
    story: Story, number: int, record_property: Callable[[str, object], None]
) -> None:
    record_property("kill", f"{number + 1:2} {story.check_kill(number)}")


def test_the_killed_run_made_the_snapshot_that_an_undisturbed_one_makes(story: Story) -> None:
    story.check_backup()


def test_the_killed_restore_ended_as_an_undisturbed_one(story: Story) -> None:
    story.restored.check()

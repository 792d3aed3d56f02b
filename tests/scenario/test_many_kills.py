"""Fifty SIGKILLs of real hosts at moments that the seed draws: ten in each phase of a backup and of a restore.

`make test` has ten at fixed moments (`test_kills.py`); what can be drawn here is told in `many_kills.py`, which is
a command, too, that prints one line a kill.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.scenario.kill_story import PHASES, Story
from tests.scenario.many_kills import OF_A_PHASE, ROUNDS, Draw, rounds

pytestmark = [pytest.mark.full, pytest.mark.azurite]
ROUND = pytest.mark.parametrize("number", range(ROUNDS))


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> list[Story]:
    return list(rounds(tmp_path_factory.mktemp("kills"), Draw()))


def test_fifty_kills_at_least_eight_in_each_phase(stories: list[Story]) -> None:
    phases = Counter(kill.point.phase for story in stories for kill in story.killer.kills)
    assert phases.total() >= 50
    assert set(phases) == set(PHASES)
    assert min(phases.values()) >= 8
    for story in stories:
        story.check_order()


@ROUND
@pytest.mark.parametrize("kill", range(OF_A_PHASE * len(PHASES)))
def test_the_kill_fell_between_two_writes_of_one_item(
    stories: list[Story], number: int, kill: int, record_property: Callable[[str, object], None]
) -> None:
    record_property("kill", f"{number + 1}.{kill + 1:<2} {stories[number].check_kill(kill)}")


@ROUND
def test_no_half_snapshot_was_readable_and_the_whole_one_is_that_of_an_undisturbed_run(
    stories: list[Story], number: int
) -> None:
    stories[number].check_backup()


@ROUND
def test_the_killed_restore_ended_as_an_undisturbed_one(stories: list[Story], number: int) -> None:
    stories[number].restored.check()

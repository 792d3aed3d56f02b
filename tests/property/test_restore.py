"""Random damage to random types is gone after a restore, and back after its undo.

What has to come back is what the hand-written list says (`tests/must_come_back.py`), never what a plan says of
itself. Truth is the simulated tenant's own tables and links.
"""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.must_come_back import MUST, Must
from tests.restore_planned import Planned, cloud_groups, cloud_users, planned, undo_of
from tests.scenario.round_trips import (
    Truth,
    change_all,
    changing,
    differences,
    purge_all,
    renewing,
    rows,
    truth,
)
from tests.simdirectory import scripted
from tests.simulator.service import Service

_SOME = st.sets(st.sampled_from([must.table for must in changing()]), min_size=1, max_size=12)
_GONE = st.sets(st.sampled_from([must.table for must in renewing()]), max_size=8)


# By the list: what can't be changed goes on naming what was made anew under another id.
SET_ONCE = {must.table for must in MUST if not must.changed}


def _table_of(line: str) -> str:
    return line.partition(":")[0].rpartition(" ")[2].partition(".")[0]


def _goes_on_naming(line: str) -> bool:
    return _table_of(line) in SET_ONCE or any(f"/<{table} " in line for table in SET_ONCE)


async def _damaged(changed: set[str], gone: set[str], seed: int) -> tuple[Planned, list[Truth], tuple[Must, ...]]:
    """A restored tenant; the truth before the damage, after it and now; the types that were made anew."""
    told: list[Truth] = []
    purged = tuple(must for must in renewing() if must.table in gone)

    def damage(service: Service) -> None:
        told.append(truth(service, purged))
        for must in changing():
            if must.table in changed - gone:
                change_all(service, must)
        _unlink_some(service, random.Random(seed), bool(gone & {"users", "groups"}))
        for must in purged:
            if rows(service, must):
                purge_all(service, must)
        told.append(truth(service, purged))

    case = await planned(damage)
    await case.run()
    told.append(truth(case.world.service, purged))
    return case, told, purged


def _unlink_some(service: Service, rng: random.Random, purged: bool) -> None:
    """Members that were taken out of groups, and managers that are others now."""
    groups = [str(one["id"]) for one in cloud_groups(service)]
    for group in rng.sample(groups, min(3, len(groups))):
        held = sorted(service.store.targets("groups.members", group))
        for member in rng.sample(held, min(2, len(held))):
            scripted(service, "DELETE", f"/v1.0/groups/{group}/members/{member}/$ref")
    users = [str(one["id"]) for one in cloud_users(service)]
    if purged:
        return  # a manager who is purged takes the link along
    for user in rng.sample(users, 2):
        if service.store.targets("users.manager", user):
            scripted(service, "DELETE", f"/v1.0/users/{user}/manager/$ref")


async def _comes_back(changed: set[str], gone: set[str], seed: int) -> None:
    case, (before, damaged, restored), _ = await _damaged(changed, gone, seed)
    lines = differences(before, damaged)
    left = differences(before, restored)
    assert len(left) <= len(lines) * 0.05, f"{len(left)} of {len(lines)}: {left[:5]}"
    assert [one for one in left if not (gone and _goes_on_naming(one))] == []
    assert not (await case.report()).unexpected


async def _goes_and_comes(changed: set[str], seed: int) -> None:
    """Without what was made anew: a purge can't be taken back to."""
    case, (before, damaged, restored), _ = await _damaged(changed, set(), seed)
    assert differences(before, restored) == []
    case.world.clock.advance(3600)
    plan = await undo_of(case)
    await case.go_on(plan)
    told = {one.type for one in plan.exclusions}
    left = differences(damaged, truth(case.world.service, ()))
    assert [one for one in left if _table_of(one) not in told] == []


@pytest.mark.full
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(_SOME, _GONE, st.integers(0, 10_000))
def test_random_damage_comes_back(changed: set[str], gone: set[str], seed: int) -> None:
    asyncio.run(_comes_back(changed, gone, seed))


@pytest.mark.full
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(_SOME, st.integers(0, 10_000))
def test_random_damage_is_back_after_an_undo(changed: set[str], seed: int) -> None:
    asyncio.run(_goes_and_comes(changed, seed))


def test_some_damage_comes_back_and_is_back_after_an_undo() -> None:
    some = {"users", "groups", "conditionalAccessPolicies", "namedLocations", "roleDefinitions"}
    asyncio.run(_comes_back(some, {"applications"}, 1))
    asyncio.run(_goes_and_comes(some, 2))

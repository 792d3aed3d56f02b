"""A whole attack, planned by the real planner, restored by processes that die, and verified by reading."""

from __future__ import annotations

import random

import pytest

from shared.engines.report import Verdict
from tests.faults import Faults, crash_at, run_until_crash
from tests.restore_planned import Planned, attack, planned
from tests.restore_world import objects, start

CREATIONS = ("/users", "/groups", "/applications", "/servicePrincipals")


def creations(case: Planned) -> list[str]:
    return [
        txn.path
        for txn in case.world.service.store.log
        if txn.method == "POST" and txn.app == "holdfast-restore" and txn.path in CREATIONS
    ]


async def begin(case: Planned) -> None:
    for step in case.world.plan.steps:
        if not step.depends_on:
            await start(case.world, step.id)


async def undisturbed() -> tuple[list[str], dict[str, int]]:
    case = await planned(attack)
    await case.run()
    report = (await case.confirm()).report
    assert report is not None
    assert report.unexpected == ()
    return sorted(creations(case)), report.by_reason


@pytest.mark.parametrize(
    "seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.full) for seed in range(3, 12))]
)
async def test_processes_that_die_and_answers_that_are_lost_change_nothing_of_the_outcome(seed: int) -> None:
    rng = random.Random(seed)
    case = await planned(attack, lag=rng.choice([0.0, 0.0, 90.0]))
    case.world.service.faults.install(
        [
            {
                "match": {"method": ["POST", "PATCH", "PUT"], "probability": 0.15, "seed": seed, "times": 12},
                "effect": {rng.choice(["dropConnectionAfterCommit", "dropConnectionBeforeCommit"]): True},
            }
        ]
    )
    await begin(case)
    for _ in range(4):
        faults = Faults(crash_at(rng.randrange(1, 40), before=rng.random() < 0.5))
        await run_until_crash(case.world.process(faults).drain())
    await case.world.process().drain()
    report = await case.report()  # what follows from memberships is shown once the replicas agree
    assert (report.unexpected, report.not_done) == ((), ())
    assert report.verdict is Verdict.EQUAL_EXCEPT_LISTED
    assert (sorted(creations(case)), report.by_reason) == await undisturbed()
    assert not [group for group in objects(case.world.service, "groups") if "[hf:" in str(group["displayName"])]

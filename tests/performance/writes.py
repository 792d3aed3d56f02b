"""Row 6: how much of the write quota the Graph adapter uses, and how often it is told to stop.

The adapter with its limiter writes to the simulated tenant in this process, on a clock that moves in sleeps and by
a latency for each round trip. One batch of 20 at a time, as a step of a restore has it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from shared.adapters.memory import ManualClock
from shared.domain.ports import GraphRequest
from tests.performance.row import Row
from tests.performance.simulated import LATENCY, open_directory
from tests.simdirectory import TestTime
from tests.simulator.rendering import warm
from tests.simulator.rules.costs import DIRECTORY_WRITES_PER_150S
from tests.simulator.seeds import plan_of, plant
from tests.simulator.service import Service

WINDOW = 150.0  # seconds
_BATCH = 20
_RATE = DIRECTORY_WRITES_PER_150S / WINDOW
_SHARE, _REFUSED = 0.9, 0.01
_PROTECTED = ("onPremisesSyncEnabled", "isManagementRestricted")  # users that an app may not change


@dataclass(frozen=True, slots=True)
class Written:
    writes: int
    seconds: float
    refused: int
    requests: int


def row(windows: float) -> Row:
    made = asyncio.run(_write(int(windows * WINDOW * _RATE)))
    share = made.writes / made.seconds / _RATE
    refused = made.refused / made.writes
    return Row(
        "6",
        f"{made.writes:,} writes in batches of {_BATCH} through the Graph adapter, simulated clock",
        f"{made.writes / made.seconds:.1f} a second over {made.seconds / WINDOW:.1f} quota windows, "
        f"{made.refused} answers 429",
        f"{_RATE:g} a second: the tenant's quota for an app, enforced by the simulated tenant",
        f"{share:.3f} of the quota, {refused:.2%} refused",
        f"≥ {_SHARE:.0%} of the quota, ≤ {_REFUSED:.0%} answers 429, over ≥ 10 windows",
        share >= _SHARE and refused <= _REFUSED and made.seconds >= 10 * WINDOW if windows >= 10 else None,
        (
            f"{made.requests:,} round trips of {LATENCY:g} s; the executor's reads before and after each write "
            "are not in this row",
        ),
    )


async def _write(count: int) -> Written:
    clock = ManualClock()
    service = Service(TestTime(clock))
    plant(service, plan_of("500"))
    warm()
    users = [key for key, one in service.store.tables["users"].items() if not any(map(one.get, _PROTECTED))]
    directory = open_directory(service, clock, ["User.ReadWrite.All"])
    start = clock.monotonic()
    try:
        for first in range(0, count, _BATCH):
            batch = [_patch(users[number % len(users)], number) for number in range(first, first + _BATCH)]
            answers = await directory.batch(batch)
            if bad := [one for one in answers if one.status != 204]:
                raise RuntimeError(f"a write was not carried out: {bad[0].status} {bad[0].body[:200]!r}")
    finally:
        await directory.close()
    return Written(count, clock.monotonic() - start, service.stats.throttled, service.stats.requests)


def _patch(user: str, number: int) -> GraphRequest:
    return GraphRequest("PATCH", f"/v1.0/users/{user}", {"jobTitle": f"Title {number}"})

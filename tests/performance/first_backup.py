"""Row 5: what a first full backup asks of Graph, counted by the simulated tenant itself, type by type.

Two tenants of the same make give a line: what is asked once, and what grows with the users. The budget is for a
tenant of 100,000 users, 20,000 groups, 3,000 apps and 6,000 service principals, which is what this seed makes of
100,000 users.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from shared.adapters.clock import RandomIds, SystemClock
from shared.adapters.graph.auth import FixedToken
from shared.adapters.graph.client import GraphDirectory
from shared.adapters.graph.limits import Limits as Pacing
from shared.catalog.registry import CATALOG
from shared.engines.export import Work, run_item
from shared.engines.item import Limits
from shared.engines.seal import seal_run
from tests.backup import Backup
from tests.performance.row import Row
from tests.simulator.client import SimulatorProcess

_ROLES = sorted({name for group in CATALOG.needs(write=False) for name in group})
_FACTOR = 200.0  # pacing waits are not what is measured here
_LARGE = 100_000
_BUDGET = {"requests": 2_700, "operations": 21_000, "resourceUnits": 25_000}
_SMALL_BUDGET = {"requests": 250, "operations": 1_800}
_NAMES = ("requests", "operations", "resourceUnits")

Count = dict[str, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """Counts by work item; "start" is what the run asks before the first."""

    users: int
    objects: int
    items: dict[str, Count]
    throttled: int

    @property
    def total(self) -> Count:
        return {name: sum(count[name] for count in self.items.values()) for name in _NAMES}


def rows(users: int) -> list[Row]:
    small = asyncio.run(_backup("small"))
    one, two = asyncio.run(_backup(str(users // 2))), asyncio.run(_backup(str(users)))
    return [_small(small), _large(one, two)]


async def _backup(seed: str) -> Asked:
    with SimulatorProcess.start(seed=seed, clock_factor=_FACTOR) as tenant:
        clock = SystemClock(_FACTOR)
        directory = GraphDirectory.open(
            tenant.url, FixedToken(tenant.token(_ROLES)), clock=clock, ids=RandomIds(), limits=Pacing(clock)
        )
        try:
            items, objects = await _count(tenant, directory, clock)
        finally:
            await directory.close()
        return Asked(tenant.ready["counts"]["users"], objects, items, tenant.stats()["throttled"])


async def _count(
    tenant: SimulatorProcess, directory: GraphDirectory, clock: SystemClock
) -> tuple[dict[str, Count], int]:
    limits = Limits(replication_wait=0.0, time_budget=1e9)
    backup = Backup(directory=directory, clock=clock, limits=limits)  # type: ignore[arg-type]
    found: dict[str, Count] = {}
    last = _stats(tenant)
    run = await backup.start()
    found["start"], last = _since(tenant, last)
    for item in run.items:
        work = Work(run.tenant, backup.vault.container, run.snapshot, item.id)
        done = await run_item(backup.ports(), work, limits)
        if done.receipt is None or not done.receipt.completeness.is_complete:
            raise RuntimeError(f"{item.id} is not complete: a cheap backup is no measure")
        found[item.id], last = _since(tenant, last)
    committed = await seal_run(backup.seal_ports(), Work(run.tenant, backup.vault.container, run.snapshot))
    snapshot = await backup.repository().open(committed.entry.snapshot)
    return found, sum(entry.count for entry in snapshot.manifest.types.values())


def _stats(tenant: SimulatorProcess) -> Count:
    stats = tenant.stats()
    return {name: stats[name] for name in _NAMES}


def _since(tenant: SimulatorProcess, last: Count) -> tuple[Count, Count]:
    now = _stats(tenant)
    return {name: now[name] - last[name] for name in _NAMES}, now


def _small(asked: Asked) -> Row:
    total = asked.total
    return Row(
        "5a",
        f"first full backup of the small tenant: {asked.users} users, {asked.objects} objects, the catalog's types",
        _told(total),
        f"one request an object would be {asked.objects} requests",
        f"{total['requests'] / asked.objects:.2f} requests an object",
        f"≤ {_SMALL_BUDGET['requests']} requests, ≤ {_SMALL_BUDGET['operations']:,} operations",
        all(total[name] <= most for name, most in _SMALL_BUDGET.items()),
        (f"throttled: {asked.throttled}",),
    )


def _large(one: Asked, two: Asked) -> Row:
    ahead = {name: round(_line(one, two, one.total[name], two.total[name])) for name in _NAMES}
    return Row(
        "5b",
        f"first full backup of a tenant of {two.users:,} users, {two.objects:,} objects",
        _told(two.total),
        f"{_told(one.total)} for {one.users:,} users; by that line {_told(ahead)} for {_LARGE:,}",
        f"{two.total['requests'] / two.objects:.3f} requests an object",
        f"for {_LARGE:,} users: ≤ {_BUDGET['requests']:,} requests, ≤ {_BUDGET['operations']:,} operations, "
        f"≤ {_BUDGET['resourceUnits']:,} RU",
        all(ahead[name] <= most for name, most in _BUDGET.items()),
        (
            "requests / operations / RU by work item, and by the line:",
            *(
                f"  {name:<42} {count['requests']:>6} {count['operations']:>7} {count['resourceUnits']:>7}   "
                + " ".join(f"{round(_line(one, two, one.items[name][key], count[key])):>7,}" for key in _NAMES)
                for name, count in two.items.items()
            ),
            f"throttled: {one.throttled} and {two.throttled}",
        ),
    )


def _line(one: Asked, two: Asked, first: int, second: int) -> float:
    """The value at the budget's size, on the line through both measurements."""
    return second + (second - first) / (two.users - one.users) * (_LARGE - two.users)


def _told(count: Count) -> str:
    return f"{count['requests']:,} requests, {count['operations']:,} operations, {count['resourceUnits']:,} RU"

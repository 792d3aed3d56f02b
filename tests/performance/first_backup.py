"""Row 5: what a first full backup asks of Graph, counted by the simulated tenant itself, type by type.

The backup speaks HTTP to a tenant in a process of its own, through the Graph adapter. Two tenants of the same make,
one ten times the other, show what grows and how fast. The budget is for the sixteen types that every restore builds
on, and for 100,000 users with 20,000 groups, 600,000 memberships, 40,000 owners, 3,000 apps, 6,000 service
principals and 30,000 grants, which is what the seed makes of 100,000 users; at any other size the totals are not
judged, only how they grow. What the whole catalog asks is told beside.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from shared.adapters.clock import RandomIds, SystemClock
from shared.adapters.graph.auth import FixedToken
from shared.adapters.graph.client import GraphDirectory
from shared.adapters.graph.limits import Limits as Pacing
from shared.catalog.registry import CATALOG
from shared.engines.export import Work, run_item
from shared.engines.item import Limits
from shared.engines.seal import seal_run
from shared.engines.view import PackedView
from tests.backup import Backup
from tests.instances import ASSIGNMENTS, BY_MEMBERS, HELD
from tests.performance.row import Row
from tests.simulator.client import SimulatorProcess

_ROLES = sorted({name for group in CATALOG.needs(write=False) for name in group})
_FACTOR = 200.0  # pacing waits are not what is measured here
_LARGE = 100_000
_TIMES = 10  # the larger tenant against the smaller
_EXPANDED = 20  # links that `$expand` may leave off: a group with as many is read on its own
_BUDGET = {"requests": 2_700, "operations": 21_000, "resourceUnits": 25_000}
_FIRST = frozenset(
    (
        "organization",
        "users",
        "groups",
        "applications",
        "federatedIdentityCredentials",
        "servicePrincipals",
        "appRoleAssignments",
        "oauth2PermissionGrants",
        "administrativeUnits",
        "roleDefinitions",
        "roleAssignments",
        "authenticationMethodsPolicy",
        "authenticationStrengthPolicies",
        "namedLocations",
        "conditionalAccessPolicies",
        "authorizationPolicy",
    )
)
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
    held: dict[str, int]  # objects by type and links by relationship, as the snapshot has them
    large_groups: int

    @property
    def total(self) -> Count:
        return {name: sum(count[name] for count in self.items.values()) for name in _NAMES}

    @property
    def first(self) -> Count:
        """Of the first sixteen types, with their relationships as far as they lead among them."""
        counts = [count for item, count in self.items.items() if item == "start" or _is_first(item)]
        return {name: sum(count[name] for count in counts) for name in _NAMES}


def _is_first(item: str) -> bool:
    name, _, relationship = item.partition(".")
    if not relationship:
        return name in _FIRST
    led = CATALOG.get(name).relationship(relationship)
    return name in _FIRST and not _FIRST.isdisjoint((led.contains,) if led.contains else led.target_types)


def rows(users: int) -> list[Row]:
    small = asyncio.run(_backup("small"))
    one, two = asyncio.run(_backup(str(users // _TIMES))), asyncio.run(_backup(str(users)))
    return [_small(small), _large(one, two)]


async def _backup(seed: str) -> Asked:
    with SimulatorProcess.start(seed=seed, clock_factor=_FACTOR) as tenant:
        clock = SystemClock(_FACTOR)
        directory = GraphDirectory.open(
            tenant.url, FixedToken(tenant.token(_ROLES)), clock=clock, ids=RandomIds(), limits=Pacing(clock)
        )
        try:
            items, view = await _count(tenant, directory, clock)
        finally:
            await directory.close()
        held = {name: entry.count for name, entry in view.manifest.types.items()}
        objects = sum(held.values())
        held |= {name: entry.count for name, entry in view.manifest.relationships.items()}
        # What a list shows for the members of a group, too, is made when it is read, so that no number was planted;
        # assignments of access packages that are over were planted, but are asked for by nobody, and role
        # assignments that have yet to begin are schedules only.
        uncounted = {name: held[name] for name in (*BY_MEMBERS, ASSIGNMENTS, HELD)}
        for name, planted in (tenant.ready["counts"] | uncounted).items():
            if held.get(name, planted) != planted:
                raise RuntimeError(f"{planted} {name} in the tenant, {held[name]} in the snapshot")
        members = Counter([link.source async for link in view.links("groups", "members")])
        large = sum(count >= _EXPANDED for count in members.values())
        return Asked(held["users"], objects, items, tenant.stats()["throttled"], held, large)


async def _count(
    tenant: SimulatorProcess, directory: GraphDirectory, clock: SystemClock
) -> tuple[dict[str, Count], PackedView]:
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
    return found, await backup.repository().open(committed.entry.snapshot)


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
    grown = two.users / one.users
    # What came whole in one answer was read once; a page that is begun counts whole, in each of two readings.
    faster = [f"{name} {key}" for name, key, before, now in _figures(one, two) if now > max(before, 2) * grown + 2]
    kept = all(two.first[name] <= most for name, most in _BUDGET.items())
    return Row(
        "5b",
        f"first full backup of a tenant of {two.users:,} users, {two.objects:,} objects, over HTTP",
        f"{_told(two.first)} for the first {len(_FIRST)} types; {_told(two.total)} for all {len(CATALOG.types)}",
        f"{_told(one.total)} for {one.users:,} users, {one.objects:,} objects",
        f"{' / '.join(_factor(one.total[name], two.total[name]) for name in _NAMES)} times as much for "
        f"{grown:g} times the users; {two.total['requests'] / two.objects:.3f} requests an object",
        f"for {_LARGE:,} users: ≤ {_BUDGET['requests']:,} requests, ≤ {_BUDGET['operations']:,} operations, "
        f"≤ {_BUDGET['resourceUnits']:,} RU; nothing grows faster than the tenant",
        kept and not faster if two.users == _LARGE else False if faster else None,
        (
            f"faster than the tenant: {', '.join(faster) or 'nothing'}",
            f"groups with {_EXPANDED} members or more: {_share(one)}; {_share(two)}",
            f"requests / operations / RU: {one.users:,} users, {two.users:,} users, growth",
            *(_line(name, one.items[name], count) for name, count in two.items.items()),
            _line("all", one.total, two.total),
            "objects and links in the snapshots, growth:",
            *(
                f"  {name:<42} {one.held[name]:>8,} {count:>8,}   {_factor(one.held[name], count)}"
                for name, count in two.held.items()
            ),
            f"throttled: {one.throttled} and {two.throttled}",
        ),
    )


def _figures(one: Asked, two: Asked) -> Iterator[tuple[str, str, int, int]]:
    for name, count in two.items.items():
        for key in _NAMES:
            yield name, key, one.items[name][key], count[key]


def _line(name: str, before: Count, now: Count) -> str:
    counts = "   ".join(" ".join(f"{count[key]:>7,}" for key in _NAMES) for count in (before, now))
    return f"  {name:<42} {counts}   " + " ".join(f"{_factor(before[key], now[key]):>5}" for key in _NAMES)


def _factor(before: int, now: int) -> str:
    return f"{now / before:.1f}" if before else "-" if not now else "new"


def _share(asked: Asked) -> str:
    groups = asked.held["groups"]
    return f"{asked.large_groups:,} of {groups:,} ({asked.large_groups / groups:.1%})"


def _told(count: Count) -> str:
    return f"{count['requests']:,} requests, {count['operations']:,} operations, {count['resourceUnits']:,} RU"

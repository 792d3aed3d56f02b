"""Rows 7 and 8: what a restore writes for 10,000 memberships, and how long one policy takes.

Planner and executor as they are deployed, the Graph adapter on a simulated tenant and clock, evidence and queues in
memory. A message is served when it is visible: what a queue waits between polls is not in these rows.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from shared.adapters.graph.client import GraphDirectory
from shared.adapters.memory import MemoryBlobStore
from shared.catalog.registry import CATALOG
from shared.domain.plan import Scope
from shared.engines.live import read_live
from shared.engines.report import Report
from shared.engines.view import View
from tests.performance.row import Row
from tests.performance.simulated import LATENCY, open_directory
from tests.restore_planned import Planned, cloud_groups, cloud_users, planned
from tests.restore_world import WRITER, World, objects, start
from tests.simdirectory import scripted
from tests.simulator.service import Service

_GROUP_SIZE = 40  # of the many groups: a plan's operation binds 20
_BIND = 20
_WRITES_OF = 510 / 10_000  # a membership
_FULL = 10_000  # memberships that the budget is for
_LAG = 60.0
_POLICY_BUDGET = {0.0: 10.0, _LAG: _LAG + 30.0}
_WITH = ("onPremisesSyncEnabled", "isManagementRestricted", "isAssignableToRole", "membershipRule", "uniqueName")


@dataclass(frozen=True, slots=True)
class Restored:
    writes: int
    operations: int
    requests: int
    throttled: int
    seconds: float
    steps: int
    planned: int  # operations of the plan


# --- memberships


def memberships(count: int) -> list[Row]:
    many = f"{count // _GROUP_SIZE} groups of {_GROUP_SIZE}"
    return [
        _memberships("7a", "one group", count, groups=1),
        _memberships("7b", many, count, groups=count // _GROUP_SIZE),
    ]


def _memberships(key: str, what: str, count: int, *, groups: int) -> Row:
    made = asyncio.run(_add(count, groups))
    size = count // groups
    fewest = groups * -(-size // _BIND)
    most = round(count * _WRITES_OF)
    return Row(
        key,
        f"{count:,} memberships of {what} brought back, from the first message to the last step's end",
        f"{made.writes:,} writes, {made.operations - made.writes:,} reads in all {made.requests:,} requests, "
        f"{made.throttled} answers 429; {made.seconds:,.0f} s of the simulated clock",
        f"{fewest:,} writes with {_BIND} members in each",
        f"{made.writes / fewest:.2f} of the fewest writes; {made.writes / made.seconds:.1f} writes a second",
        f"≤ {most} writes",
        made.writes <= most if count == _FULL else None,
        (f"{made.planned:,} operations in {made.steps:,} steps, one worker, {LATENCY:g} s a round trip",),
    )


async def _add(count: int, groups: int) -> Restored:
    held: dict[str, list[str]] = {}

    def prepare(service: Service) -> None:
        held.update(_grow(service, count // groups, groups))

    def damage(service: Service) -> None:
        with service.store.transaction("DELETE", "/groups", "incident"):
            for group, members in held.items():
                for member in members:
                    service.store.link("groups.members", group, member, present=False)

    case = await planned(damage, prepare=prepare, scope=Scope(types=("groups",)))
    restored = await _run(case)
    for group, members in held.items():
        if missing := set(members) - set(case.world.service.store.targets("groups.members", group)):
            raise RuntimeError(f"{len(missing)} members of {group} did not come back")
    return restored


def _grow(service: Service, size: int, groups: int) -> dict[str, list[str]]:
    """Users and groups beside those of the small tenant; members by group."""
    user = {name: value for name, value in cloud_users(service)[0].items() if name not in _WITH}
    group = next(one for one in cloud_groups(service) if not one.get("groupTypes") and not any(map(one.get, _WITH)))
    people = [_another("user", number) for number in range(max(size, 100))]
    held: dict[str, list[str]] = {}
    with service.store.seeding():
        for number, key in enumerate(people):
            name = f"many{number}@contoso-sim.example"
            same: dict[str, Any] = {"mail": name, "userPrincipalName": name, "proxyAddresses": [f"SMTP:{name}"]}
            service.store.put("users", key, {**user, **same, "id": key, "mailNickname": f"many{number}"})
        for number in range(groups):
            key = _another("group", number)
            service.store.put("groups", key, {**group, "id": key, "mailNickname": f"holds{number}"})
            held[key] = [people[(number * 7 + place) % len(people)] for place in range(size)]
            for member in held[key]:
                service.store.link("groups.members", key, member)
    service.throttle.size = "L"
    return held


def _another(kind: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}/{number}"))


# --- one policy


def policies() -> list[Row]:
    return [_policy("8a", 0.0), _policy("8b", _LAG)]


def _policy(key: str, lag: float) -> Row:
    step, report = asyncio.run(_turn_on(lag))
    most = _POLICY_BUDGET[lag]
    return Row(
        key,
        f"one policy that was turned off, from the step's message until it reads back, {lag:g} s of lag",
        f"{step.seconds:.1f} s, {step.requests} requests ({step.writes} write), simulated clock",
        f"{lag:g} s of lag and {step.requests} round trips of {LATENCY:g} s: {lag + step.requests * LATENCY:.1f} s",
        f"{step.seconds / (lag + step.requests * LATENCY):.2f} of that",
        f"≤ {most:g} s",
        step.seconds <= most,
        (
            f"until the whole tenant is read, compared and the report stored: {report:.1f} s; "
            "not judged, because it grows with the tenant",
        ),
    )


async def _turn_on(lag: float) -> tuple[Restored, float]:
    def damage(service: Service) -> None:
        policy = next(one for one in objects(service, "conditionalAccessPolicies") if one["state"] == "enabled")
        path = f"/beta/identity/conditionalAccess/policies/{policy['id']}"
        scripted(service, "PATCH", path, {"state": "disabled"})

    case = await planned(damage, lag=lag)
    began = case.world.clock.monotonic()
    restored = await _run(case)
    if [one for one in (await case.world.ends()).values() if one != "done"]:
        raise RuntimeError(f"the policy did not come back: {await case.world.ends()}")
    report = await _confirmed(case)
    if report is None or report.unexpected_count:
        raise RuntimeError("the verification does not find the tenant as it was")
    return restored, case.world.clock.monotonic() - began


async def _confirmed(case: Planned) -> Report | None:
    """The report, the live tenant read through the adapter."""
    world = case.world
    directory = open_directory(world.service, world.clock, WRITER)

    @asynccontextmanager
    async def open_live() -> AsyncIterator[View]:
        store = MemoryBlobStore("scratch")
        yield await read_live(directory, CATALOG, store, world.clock, tenant=world.tenant)

    confirmation = case.confirmation(open_live=open_live)
    try:
        while True:
            confirmed = await confirmation.confirm(world.plan.id)
            if confirmed.report is not None or not confirmed.delay:
                return confirmed.report
            world.clock.advance(confirmed.delay)
    finally:
        await directory.close()


# --- running a plan


async def _run(case: Planned) -> Restored:
    world = case.world
    directory = open_directory(world.service, world.clock, WRITER)
    process = _on(world, directory)
    world.service.stats = type(world.service.stats)()
    began = world.clock.monotonic()
    try:
        for step in world.plan.steps:
            if not step.depends_on:
                await start(world, step.id)
        await process.drain()
    finally:
        await directory.close()
    stats = world.service.stats
    return Restored(
        stats.writes,
        stats.operations,
        stats.requests,
        stats.throttled,
        world.clock.monotonic() - began,
        len(world.plan.steps),
        len(world.plan.operations),
    )


def _on(world: World, directory: GraphDirectory) -> Any:
    """The restore app, with this directory in place of the one that knows no HTTP."""
    opened: Callable[[], Any] = world.directory
    try:
        world.directory = lambda: directory  # type: ignore[method-assign, assignment, return-value]
        return world.process()
    finally:
        world.directory = opened  # type: ignore[method-assign]

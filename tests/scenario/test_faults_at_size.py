"""A tenant of 1,600 objects in bad weather: the snapshot equals the tenant's own tables where it says
`complete`, and names every lack with its reason. In this process, through the whole Graph adapter, on the
simulated clock. What is compared follows the catalog, so that a new type is under test as soon as it is declared.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from shared.catalog.registry import CATALOG
from shared.domain.snapshot import Completeness, State
from shared.engines.repository import Snapshot
from tests.backup import Backup, with_limits
from tests.graph_inside import InsideTenant, inside
from tests.instances import INSTANCES, instance_ids
from tests.scenario.test_export_http import ROLES, TenantClock
from tests.simulator.__main__ import build

Rule = dict[str, Any]


def rule(effect: Rule, path: str = "^/v1.0/|^/beta/", **match: Any) -> Rule:
    return {"match": {"method": "GET", "pathRegex": path, **match}, "effect": effect}


WEATHER: dict[str, list[Rule]] = {
    "429 storm": [rule({"status": 429}, probability=0.3)],
    "429 storm with Retry-After": [rule({"status": 429, "headers": {"Retry-After": "17"}}, probability=0.3)],
    "a minute of 401": [rule({"status": 401}, nth=9, times=12)],
    "503s": [rule({"status": 503}, probability=0.3)],
    "truncated bodies": [rule({"truncateBody": 300}, probability=0.05)],
    "connections reset": [rule({"dropConnectionAfterCommit": True}, probability=0.2)],
    "next links expire": [rule({"expirePageToken": True}, "/(users|groups|servicePrincipals)$", nth=2)],
    "delta tokens expire": [rule({"expireDeltaToken": True}, "/delta$", queryRegex="deltatoken=(?!latest)", nth=1)],
    "all of it": [
        rule({"status": 429}, probability=0.1),
        rule({"status": 503}, probability=0.1, seed=11),
        rule({"truncateBody": 99}, probability=0.1, seed=12),
        rule({"dropConnectionBeforeCommit": True}, probability=0.1, seed=13),
        rule({"status": 401}, probability=0.02, seed=14),
        rule({"expirePageToken": True}, "/users$", nth=3),
    ],
}


@pytest.fixture
def tenant() -> InsideTenant:
    running = InsideTenant(build("1000"))
    running.settings(listEmptyPages=0.1, listPageCap=200)
    return running


@asynccontextmanager
async def backup_of(tenant: InsideTenant) -> AsyncIterator[Backup]:
    clock = TenantClock(tenant)  # type: ignore[arg-type]  # it only moves the time on
    async with inside(tenant.service, tenant.token(ROLES, expires_in=30 * 86400), clock) as directory:
        limits = with_limits(pack_bytes=200_000, replication_wait=60.0)
        yield Backup(directory=directory, clock=clock, limits=limits)  # type: ignore[arg-type]


async def lacks_of(tenant: InsideTenant, snapshot: Snapshot) -> dict[str, Completeness]:
    """What the snapshot says it lacks. Asserts that everything else equals the tenant's tables."""
    manifest = snapshot.manifest
    said = {name: entry.completeness for name, entry in {**manifest.types, **manifest.relationships}.items()}
    principals = {one["id"] for name in ("users", "groups", "servicePrincipals") for one in tenant.objects(name)}
    for spec in CATALOG.types:
        truth = tenant.objects(spec.name)
        if spec.name == "appRoleAssignments":  # those of what is in the recycle bin are kept and not shown
            truth = [one for one in truth if one["principalId"] in principals]
        if said[spec.name].is_complete:
            held = [entry.id async for entry in snapshot.index(spec.name)]
            ids = instance_ids(tenant.objects) if spec.name == INSTANCES else [one["id"] for one in truth]
            assert sorted(held) == sorted(ids), spec.name
        for relationship in spec.relationships:
            name = f"{spec.name}.{relationship.name}"
            if not said[name].is_complete:
                continue
            links = {(link.source, link.target) async for link in snapshot.links(spec.name, relationship.name)}
            expected = {(one["id"], to) for one in truth for to in one["_links"].get(relationship.name, ())}
            if relationship.name == "appRoleAssignedTo":
                held_by = [one for one in tenant.objects("appRoleAssignments") if one["principalId"] in principals]
                expected = {(one["resourceId"], one["id"]) for one in held_by}
            assert links == expected, name
    return {name: one for name, one in said.items() if not one.is_complete}


@pytest.mark.parametrize("weather", WEATHER)
async def test_bad_weather_costs_time_and_no_object(weather: str, tenant: InsideTenant) -> None:
    async with backup_of(tenant) as backup:
        tenant.faults(WEATHER[weather])
        await backup.back_up()
        snapshot = await backup.repository().open()
        assert await lacks_of(tenant, snapshot) == {}
        assert all(one["fired"] for one in tenant.fault_report())
        assert (await backup.verify()).good


async def test_a_licence_that_is_missing_for_one_type_is_named_and_costs_only_that_type(
    tenant: InsideTenant,
) -> None:
    body = {"error": {"code": "AadPremiumLicenseRequired", "message": "A license is needed."}}
    tenant.faults([rule({"status": 403, "body": body}, "conditionalAccess/policies")])
    async with backup_of(tenant) as backup:
        await backup.back_up()
        snapshot = await backup.repository().open()
        lacks = await lacks_of(tenant, snapshot)
    assert {name.partition(".")[0] for name in lacks} == {"conditionalAccessPolicies"}
    assert {(one.state, one.reason) for one in lacks.values()} == {
        (State.NOT_LICENSED, "AadPremiumLicenseRequired")
    }

"""A tenant of 1,600 objects in bad weather: the snapshot equals the tenant's own tables where it says
`complete`, and names every lack with its reason. In this process, through the whole Graph adapter, on the
simulated clock. What is compared follows the catalog, so that a new type is under test as soon as it is declared.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from shared.catalog.registry import CATALOG
from shared.domain.snapshot import Completeness, State
from shared.engines.repository import Snapshot
from tests.backup import Backup, with_limits
from tests.graph_inside import InProcess, InsideTenant, Slow, inside
from tests.instances import ids_of, links_of, table_of
from tests.scenario.test_export_http import ROLES, TenantClock
from tests.simulator.__main__ import build
from tests.simulator.client import ControlClient
from tests.token_service import SimulatedIdentity

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
async def backup_of(
    tenant: InsideTenant,
    *,
    clock: TenantClock | None = None,
    identity: SimulatedIdentity | None = None,
    network: Slow | None = None,
) -> AsyncIterator[Backup]:
    clock = clock or TenantClock(tenant)
    token = identity or tenant.token(ROLES, expires_in=30 * 86400)
    async with inside(tenant.service, token, clock, network=network) as directory:
        limits = with_limits(pack_bytes=200_000, replication_wait=60.0)
        yield Backup(directory=directory, clock=clock, limits=limits)  # type: ignore[arg-type]


async def lacks_of(tenant: ControlClient, snapshot: Snapshot) -> dict[str, Completeness]:
    """What the snapshot says it lacks. Asserts that everything else equals the tenant's tables."""
    manifest = snapshot.manifest
    said = {name: Completeness(State.NOT_READ, why) for name, why in manifest.not_read.items()}
    for name, entry in {**manifest.types, **manifest.relationships}.items():
        said[name] = entry.completeness
    principals = {one["id"] for name in ("users", "groups", "servicePrincipals") for one in tenant.objects(name)}
    for spec in CATALOG.types:
        if spec.series is not None or not (table := table_of(spec)):
            continue
        truth = tenant.objects(table)
        if spec.name == "appRoleAssignments":  # those of what is in the recycle bin are kept and not shown
            truth = [one for one in truth if one["principalId"] in principals]
        if said[spec.name].is_complete:
            held = {entry.id: entry.name async for entry in snapshot.index(spec.name)}
            assert sorted(held) == sorted(ids_of(spec, tenant.objects, truth)), spec.name
            names = {one["id"]: one.get(spec.name_property) or "" for one in truth if one["id"] in held}
            assert {key: name for key, name in names.items() if held[key] != name} == {}, spec.name
        for relationship in spec.relationships:
            name = f"{spec.name}.{relationship.name}"
            if not said[name].is_complete:
                continue
            links = {(link.source, link.target) async for link in snapshot.links(spec.name, relationship.name)}
            expected = links_of(relationship, truth, tenant.objects)
            if relationship.name == "appRoleAssignedTo":
                held_by = [one for one in tenant.objects("appRoleAssignments") if one["principalId"] in principals]
                expected = {(one["resourceId"], one["id"]) for one in held_by}
            assert links == expected, name
    return {name: one for name, one in said.items() if not (one.is_complete or one.is_off)}


# Each kind of weather by itself is fast; all of it together is one of the long proofs.
@pytest.mark.parametrize(
    "weather", [pytest.param(one, marks=pytest.mark.full) if one == "all of it" else one for one in WEATHER]
)
async def test_bad_weather_costs_time_and_no_object(weather: str, tenant: InsideTenant) -> None:
    async with backup_of(tenant) as backup:
        tenant.faults(WEATHER[weather])
        await backup.back_up()
        snapshot = await backup.repository().open()
        assert await lacks_of(tenant, snapshot) == {}
        assert all(one["fired"] for one in tenant.fault_report())
        assert (await backup.verify()).good


@pytest.mark.parametrize("answering", ["late and never", "tokens that end", "tokens that end before their time"])
async def test_waiting_costs_no_object(answering: str, tenant: InsideTenant) -> None:
    """Answers that take up to two minutes, tokens that live for seven, and tokens that are refused after 45 seconds
    of the hour that the token service promised; it is silent at times, too. The tenant's clock goes on."""
    clock = TenantClock(tenant)
    said = 3600.0 if answering == "tokens that end before their time" else None
    life = {"late and never": 86400.0, "tokens that end": 420.0}.get(answering, 45.0)
    identity = SimulatedIdentity(tenant, ROLES, clock, life=life, said=said, silent=5)
    network = Slow(InProcess(tenant.service), clock, share=0.3, shortest=5.0, longest=120.0)
    async with backup_of(tenant, clock=clock, identity=identity, network=network) as backup:
        await backup.back_up()
        assert await lacks_of(tenant, await backup.repository().open()) == {}
        assert (await backup.verify()).good
    assert network.given_up > 3
    if answering != "late and never":
        assert identity.issued >= 5
    assert (_refusals(tenant) > 5) is (said is not None)


def _refusals(tenant: InsideTenant) -> int:
    """How many answers 401 the tenant gave."""
    return int(tenant.stats()["statuses"].get("401", 0))


async def test_replicas_that_lag_show_what_was_committed_before_the_run(tenant: InsideTenant) -> None:
    """Just before the run somebody is at work everywhere, and each answer comes from a replica that lags by
    another share of 50 seconds: less than the minute that the run allows for."""
    tenant.settings(lag=50.0)
    changed = unrest(tenant)
    async with backup_of(tenant) as backup:
        await backup.back_up()
        assert await lacks_of(tenant, await backup.repository().open()) == {}
    assert changed > 20


@pytest.mark.parametrize(
    "name",
    ["namedLocations", "conditionalAccessPolicies", "roleDefinitions", "roleAssignments", "administrativeUnits"],
)
async def test_what_is_read_at_once_is_not_read_from_a_replica_that_lags(name: str, tenant: InsideTenant) -> None:
    """Other items wait for a replica behind the delta link; this one's worker begins in the run's first second."""
    tenant.settings(lag=50.0, replicas=[1.0])
    unrest(tenant)
    async with backup_of(tenant) as backup:
        await backup.start(replace(backup.request(), types=(name,)))
        await backup.deliver()
        lacks = await lacks_of(tenant, await backup.repository().open())
    assert {one.state for one in lacks.values()} == {State.NOT_READ}
    assert not [one for one in lacks if one.partition(".")[0] == name]


RENAMED = {
    "users": "users",
    "groups": "groups",
    "applications": "applications",
    "servicePrincipals": "servicePrincipals",
    "administrativeUnits": "directory/administrativeUnits",
    "namedLocations": "identity/conditionalAccess/namedLocations",
    "conditionalAccessPolicies": "identity/conditionalAccess/policies",
    "authenticationContextClassReferences": "identity/conditionalAccess/authenticationContextClassReferences",
    "roleDefinitions": "roleManagement/directory/roleDefinitions",
}


def unrest(tenant: InsideTenant) -> int:
    """Renames some objects of each of these types, and deletes users, members and role assignments. Gives how many
    requests that took."""
    requests: list[dict[str, Any]] = []
    for table, path in RENAMED.items():
        plain = [one for one in tenant.objects(table) if not one.get("isBuiltIn")][:3]
        requests += [_renamed(path, one) for one in plain]
    spared = set(tenant.service.info["breakGlassIds"])
    people = [one["id"] for one in tenant.objects("users") if one["id"] not in spared]
    requests += [_request("DELETE", f"users/{key}") for key in people[-5:]]
    for group in tenant.objects("groups"):
        if not group.get("membershipRule"):
            kept = [one for one in group["_links"].get("members", ()) if one not in people[-5:]]
            requests += [_request("DELETE", f"groups/{group['id']}/members/{one}/$ref") for one in kept[:1]]
    assigned = [one["id"] for one in tenant.objects("roleAssignments") if one["principalId"] not in people[-5:]]
    requests.append(_request("DELETE", f"roleManagement/directory/roleAssignments/{assigned[-1]}"))
    answers = tenant.incident(requests)
    assert not answers["failed"], [one for one in answers["responses"] if one["status"] >= 400]
    return len(requests)


def _renamed(path: str, one: dict[str, Any]) -> dict[str, Any]:
    kind = {"@odata.type": one["@odata.type"]} if path.endswith("namedLocations") else {}
    return _request("PATCH", f"{path}/{one['id']}", {"displayName": f"Renamed {one['id']}", **kind})


def _request(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"method": method, "url": f"/v1.0/{path}", **({"body": body} if body else {})}


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

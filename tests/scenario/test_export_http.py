"""A whole backup of the simulated tenant over HTTP, through the real Graph adapter: what is committed there is
what the snapshot holds, in good weather and in bad."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.adapters.clock import RandomIds
from shared.adapters.graph.auth import FixedToken
from shared.adapters.graph.client import GraphDirectory
from shared.adapters.graph.limits import Limits as Pacing
from shared.catalog.registry import CATALOG
from shared.domain.ports import Directory, GraphRequest, GraphResponse, Page
from shared.domain.snapshot import State
from shared.engines.repository import Snapshot
from tests.backup import Backup, with_limits
from tests.instances import ids_of, links_of, table_of
from tests.simulator.client import ControlClient, SimulatorProcess

ROLES = sorted({name for group in CATALOG.needs(write=False) for name in group})


class TenantClock:
    """The simulated tenant's clock: who sleeps moves it on."""

    def __init__(self, tenant: ControlClient) -> None:
        self._tenant = tenant
        self._start = datetime(2026, 11, 22, tzinfo=UTC)
        self._slept = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._slept)

    def monotonic(self) -> float:
        return self._slept

    def advance(self, seconds: float) -> None:
        self._slept += seconds
        self._tenant.advance(seconds)

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def tenant() -> Iterator[SimulatorProcess]:
    with SimulatorProcess.start(seed="small") as running:
        yield running


@asynccontextmanager
async def backup_of(tenant: SimulatorProcess, **limits: Any) -> AsyncIterator[Backup]:
    clock = TenantClock(tenant)
    directory = GraphDirectory.open(
        tenant.url, FixedToken(tenant.token(ROLES)), clock=clock, ids=RandomIds(), limits=Pacing(clock)
    )
    try:
        yield Backup(directory=directory, clock=clock, limits=with_limits(**limits))  # type: ignore[arg-type]
    finally:
        await directory.close()


async def check_against_truth(tenant: SimulatorProcess, snapshot: Snapshot) -> None:
    """Objects and links of the snapshot against the tenant's commit log."""
    assert (snapshot.manifest.metadata_unread, snapshot.manifest.undeclared) == ("", ())
    principals = {one["id"] for name in ("users", "groups", "servicePrincipals") for one in tenant.objects(name)}
    # Assignments of what is in the recycle bin are kept there and not shown.
    assignments = [one for one in tenant.objects("appRoleAssignments") if one["principalId"] in principals]
    for spec in (one for one in CATALOG.compared if one.name not in CATALOG.opt_ins):
        held = [entry.id async for entry in snapshot.index(spec.name)]
        if not (table := table_of(spec)):
            continue
        truth = assignments if spec.name == "appRoleAssignments" else tenant.objects(table)
        assert sorted(held) == sorted(ids_of(spec, tenant.objects, truth)), spec.name
        for relationship in spec.relationships:
            links = {(link.source, link.target) async for link in snapshot.links(spec.name, relationship.name)}
            expected = links_of(relationship, truth, tenant.objects)
            if relationship.name == "appRoleAssignedTo":
                expected = {(one["resourceId"], one["id"]) for one in assignments}
            assert links == expected, f"{spec.name}.{relationship.name}"


def not_complete(snapshot: Snapshot) -> dict[str, Any]:
    manifest = snapshot.manifest
    entries = {**manifest.types, **manifest.relationships}
    return {
        name: entry.completeness
        for name, entry in entries.items()
        if entry.completeness.state is not State.COMPLETE
    }


async def test_a_backup_over_http_holds_what_the_tenant_committed(tenant: SimulatorProcess) -> None:
    async with backup_of(tenant) as backup:
        await backup.back_up()
        snapshot = await backup.repository().open()
        assert not_complete(snapshot) == {}
        await check_against_truth(tenant, snapshot)
        assert (await backup.verify()).good
        stats = tenant.stats()
        # Design §11, small tenant, full catalogue: at most 250 requests and 1,800 operations.
        assert stats["requests"] <= 250
        assert stats["operations"] <= 1800
        print({name: stats[name] for name in ("requests", "operations", "resourceUnits", "throttled")})


class Watched:
    """The directory, with `looking` called before each page."""

    def __init__(self, inner: Directory, looking: Callable[[GraphRequest], None]) -> None:
        self._inner = inner
        self._looking = looking

    async def page(self, request: GraphRequest) -> Page:
        self._looking(request)
        return await self._inner.page(request)

    async def send(self, request: GraphRequest) -> GraphResponse:
        return await self._inner.send(request)

    async def batch(self, requests: Sequence[GraphRequest]) -> list[GraphResponse]:
        return await self._inner.batch(requests)

    def page_of(self, request: GraphRequest, response: GraphResponse) -> Page:
        return self._inner.page_of(request, response)

    async def roles(self) -> frozenset[str] | None:
        return await self._inner.roles()


class Meddling(Watched):
    """The directory, with somebody at work in the tenant at the n-th page whose path holds a fragment."""

    def __init__(self, inner: Directory, tenant: ControlClient) -> None:
        super().__init__(inner, self._meddle)
        self._tenant = tenant
        self.plans: list[tuple[str, int, list[dict[str, Any]]]] = []
        self._seen: dict[str, int] = {}

    def _meddle(self, request: GraphRequest) -> None:
        for fragment, nth, requests in self.plans:
            if fragment in request.path:
                self._seen[fragment] = self._seen.get(fragment, 0) + 1
                if self._seen[fragment] == nth:
                    assert self._tenant.incident(requests)["failed"] == 0


def _ref(key: str) -> dict[str, str]:
    return {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{key}"}


async def test_changes_lag_and_faults_while_it_is_read_leave_a_complete_and_true_snapshot(
    tenant: SimulatorProcess,
) -> None:
    tenant.settings(
        lag=60.0, listPageCap=12, deltaPageObjects=5, deltaPageLinks=5, listEmptyPages=0.2, deltaEmptyPages=0.2,
        deltaReplays=0.3,
    )  # fmt: skip
    users = sorted(one["id"] for one in tenant.objects("users"))
    groups = [one for one in tenant.objects("groups") if "DynamicMembership" not in one.get("groupTypes", [])]
    groups.sort(key=lambda one: one["id"])
    full = next(one for one in groups if len(one["_links"].get("members", ())) > 2)
    tenant.faults(
        [
            {"match": {"pathRegex": "/users$", "nth": 3}, "effect": {"truncateBody": 200}},
            {"match": {"pathRegex": "/groups$", "nth": 2}, "effect": {"expirePageToken": True}},
            {"match": {"pathRegex": "/servicePrincipals$", "nth": 4}, "effect": {"status": 503}},
            {"match": {"pathRegex": "/members$", "nth": 1, "times": 2}, "effect": {"status": 429}},
        ]
    )
    async with backup_of(tenant, replication_wait=300.0, pack_bytes=20_000) as backup:
        meddling = Meddling(backup.directory, tenant)
        backup.directory = meddling  # type: ignore[assignment]
        spare = [key for key in users if key not in full["_links"]["members"]]
        meddling.plans = [
            (
                "/users?$select=accountEnabled",
                3,
                [
                    {"method": "PATCH", "url": f"/users/{users[0]}", "body": {"displayName": "Renamed meanwhile"}},
                    {"method": "PATCH", "url": f"/users/{users[-1]}", "body": {"jobTitle": "New"}},
                    {"method": "DELETE", "url": f"/users/{spare[1]}"},
                ],
            ),
            (
                "$expand=members",
                3,
                [
                    {
                        "method": "DELETE",
                        "url": f"/groups/{full['id']}/members/{full['_links']['members'][0]}/$ref",
                    },
                    {"method": "POST", "url": f"/groups/{full['id']}/members/$ref", "body": _ref(spare[2])},
                    {"method": "POST", "url": f"/groups/{groups[0]['id']}/members/$ref", "body": _ref(spare[3])},
                ],
            ),
        ]
        await backup.back_up()
        snapshot = await backup.repository().open()
        assert not_complete(snapshot) == {}
        renamed = await snapshot.find("users", users[0])
        assert renamed is not None
        assert renamed.name == "Renamed meanwhile"
        await check_against_truth(tenant, snapshot)
        assert (await backup.verify()).good
    assert {rule["fired"] for rule in tenant.fault_report()} == {1, 2}

"""What is foretold of a backup from the declarations alone is what a run asks of the simulated tenant, which counts
and charges by rules of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from shared.adapters.graph.limits import quotas
from shared.adapters.memory import ManualClock
from shared.catalog.registry import CATALOG
from shared.catalog.spec import Throttle
from shared.domain.ports import GraphRequest, GraphResponse, Page
from shared.engines.item import Limits
from shared.engines.reading_forecast import RATES, WAITS, reckon
from tests.backup import Backup
from tests.restore_world import WRITER, tenant
from tests.simdirectory import SimDirectory
from tests.simulator.auth import Principal
from tests.unit.cli_runner import run

SIZED = ("users", "groups", "applications", "servicePrincipals")
# Their parts are asked for one by one; the command takes a few of them for granted.
IN_PARTS = ("accessPackageCatalogs", "accessPackages")


class Counting(SimDirectory):
    """Counts what goes over the wire: a batch is one request."""

    requests = 0

    async def page(self, request: GraphRequest) -> Page:
        self.requests += 1
        return await super().page(request)

    async def send(self, request: GraphRequest) -> GraphResponse:
        self.requests += 1
        return await super().send(request)

    async def batch(self, requests: Sequence[GraphRequest]) -> list[GraphResponse]:
        self.requests += 1
        return await super().batch(requests)


@pytest.mark.parametrize("seed", ["2000", pytest.param("10000", marks=pytest.mark.full)])
async def test_a_measured_run_is_within_a_tenth_of_its_forecast(seed: str) -> None:
    clock = ManualClock()
    service = tenant(clock, seed)
    service.throttle.enabled = False
    directory: Any = Counting(service, clock, Principal("holdfast-backup", "holdfast-backup", WRITER))
    backup = Backup(directory=directory, clock=clock, limits=Limits())
    await backup.back_up()
    foretold = reckon(CATALOG, {name: len(service.store.tables[name]) for name in (*SIZED, *IN_PARTS)})
    units = sum(load.units for load in foretold.loads if load.throttle is Throttle.DIRECTORY)
    measured = directory.requests, service.stats.operations, service.stats.units
    assert measured == pytest.approx((foretold.requests, foretold.operations, units), rel=0.1)


def test_minutes_rest_on_the_pace_that_the_adapter_keeps_and_the_waits_that_a_run_keeps() -> None:
    assert {throttle.value: rate for throttle, rate in RATES.items()} == pytest.approx(
        {name: quota.rate for name, quota in quotas().items() if name in set(Throttle)}
    )
    assert 2 * Limits().replication_wait == WAITS
    large = reckon(CATALOG, dict.fromkeys(SIZED, 100_000))
    busiest = sum(load.seconds for load in large.loads if load.throttle is Throttle.DIRECTORY)
    assert large.seconds == WAITS + busiest


def test_what_is_off_by_itself_costs_only_who_asks_for_it() -> None:
    sizes = dict(zip(SIZED, (10_000, 2_000, 300, 500), strict=True))
    plain, dear = reckon(CATALOG, sizes), reckon(CATALOG, sizes, ("userProfiles",))
    assert dear.operations - plain.operations == pytest.approx(10_000, rel=0.01)
    assert dear.requests - plain.requests == pytest.approx(500, rel=0.1)


def test_the_command_prints_it_for_each_type_and_refuses_what_is_no_size() -> None:
    ran = run("catalog", "--forecast", "2000,400,60,120", "--json")
    assert ran.code == 0, ran.err
    items = {one["item"]: one for one in ran.document["items"]}
    assert items["users.manager"]["requests"] == 4
    assert ran.document["resourceUnits"] == sum(one["resourceUnits"] for one in items.values())
    assert "groups.members" in run("catalog", "--forecast", "2000,400,60,120").out
    for wrong in ("2000", "a,b,c,d", "1,2,3,-4"):
        refused = run("catalog", "--forecast", wrong)
        assert refused.code == 2
        assert "no size of a tenant" in refused.err

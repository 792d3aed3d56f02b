"""Open extensions: kept by owner, shown in a difference, and told where a restore leaves them as they are."""

from __future__ import annotations

import json

from shared.adapters.memory import ManualClock, MemoryBlobStore
from shared.catalog.registry import CATALOG
from shared.domain.plan import Reason
from shared.domain.snapshot import State
from shared.engines.live import read_live
from tests.restore_planned import directory, planned
from tests.restore_world import WRITER, tenant
from tests.simdirectory import scripted
from tests.simulator.service import Service

TYPE = "microsoft.graph.openTypeExtension"
NAME = "com.contoso.inventory"
UNITS = "administrativeUnitOpenExtensions"


def put(service: Service, path: str, **values: object) -> None:
    scripted(service, "POST", f"/v1.0{path}/extensions", {"@odata.type": TYPE, "extensionName": NAME, **values})


async def test_owners_with_extensions_of_one_name_keep_each_their_own() -> None:
    clock = ManualClock()
    service = tenant(clock)
    units = sorted(service.store.tables["administrativeUnits"])
    for number, unit in enumerate(units[:2]):
        put(service, f"/directory/administrativeUnits/{unit}", floor=number, rooms=["a", "b"])
    store, who = MemoryBlobStore("scratch"), service.tenant_id
    view = await read_live(
        directory(service, clock, WRITER),
        CATALOG,
        store,
        clock,
        tenant=who,
        types=(UNITS, "organizationOpenExtensions"),
    )
    assert view.manifest.completeness(UNITS).state is State.COMPLETE
    found = {}
    async for entry in view.index(UNITS):
        found[entry.id] = json.loads(await view.get(UNITS, entry))["extensions"]
    assert found.keys() == set(units)
    assert [found[unit][0]["floor"] for unit in units[:2]] == [0, 1]
    assert {one["id"] for unit in units[:2] for one in found[unit]} == {f"{TYPE}.{NAME}"}
    (whole,) = [entry async for entry in view.index("organizationOpenExtensions")]
    assert json.loads(await view.get("organizationOpenExtensions", whole))["extensions"][0]["asset"] == 4711


async def test_a_plan_tells_which_differ_and_writes_none() -> None:
    def damage(service: Service) -> None:
        path = f"/v1.0/organization/{service.tenant_id}/extensions/{NAME}"
        scripted(service, "PATCH", path, {"@odata.type": TYPE, "extensionName": NAME, "asset": 1})

    case = await planned(damage)
    assert case.world.plan.steps == ()
    (told,) = (one for one in case.world.plan.exclusions if one.type == "organizationOpenExtensions")
    assert (told.member, told.reason) == ("extensions", Reason.NEEDS_ACTION)

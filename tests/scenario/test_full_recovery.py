"""The worst day: nearly everything in the tenant is deleted, or deleted and purged; one plan brings it back, and a
second plan from the same snapshot finds nothing left to do and makes nothing twice.
"""

from __future__ import annotations

import pytest

from shared.catalog.registry import CATALOG
from shared.domain.plan import Mechanism, RestorePlan, Scope
from shared.engines.bins import read_bins
from shared.engines.known_ids import known_ids
from shared.engines.planner import plan_restore
from tests.restore_planned import MANIFEST, Planned, delete, directory, planned, read
from tests.restore_world import objects
from tests.simdirectory import scripted
from tests.simulator.service import Service

_ACCESS = "/beta/identity/conditionalAccess"


def wipe(service: Service, *, purge: bool) -> None:
    """All that can be deleted but the break-glass accounts and their group, policies first."""
    kept = {service.info["breakGlassGroupId"], *service.info["breakGlassIds"]}
    for item in objects(service, "namedLocations"):
        if item.get("isTrusted"):
            body = {"@odata.type": item["@odata.type"], "isTrusted": False}
            scripted(service, "PATCH", f"{_ACCESS}/namedLocations/{item['id']}", body)
    for table, kind in (("conditionalAccessPolicies", "policies"), ("namedLocations", "namedLocations")):
        for item in objects(service, table):
            if "compliantNetwork" in str(item.get("@odata.type")):
                continue
            scripted(service, "DELETE", f"{_ACCESS}/{kind}/{item['id']}")
            if purge:
                scripted(service, "DELETE", f"{_ACCESS}/deletedItems/{kind}/{item['id']}")
    for kind in ("groups", "applications", "users"):
        for item in objects(service, kind):
            exchange = item.get("mailEnabled") and "Unified" not in (item.get("groupTypes") or [])  # type: ignore[operator]
            if item["id"] not in kept and not exchange and not item.get("onPremisesSyncEnabled"):
                delete(service, kind, str(item["id"]), purge=purge)
    if purge:
        for key in list(service.store.tables["bin:servicePrincipals"]):
            scripted(service, "DELETE", f"/v1.0/directory/deletedItems/{key}")


async def second_plan(case: Planned) -> RestorePlan:
    """What is left to do, by the ids that the journal of the first gives."""
    service, clock = case.world.service, case.world.clock
    ids = await known_ids(case.world.view())
    ended = await (await case.world.progress()).all_ids()
    assert ids == {old: new for old, new in ended.items() if old != new}

    async def nobody(object_id: str) -> str:
        raise AssertionError(f"a conflict with {object_id}")

    return await plan_restore(
        case.snapshot,
        await read(service, clock),
        await read_bins(directory(service, clock), CATALOG),
        CATALOG,
        scope=Scope(),
        break_glass_ids=service.info["breakGlassIds"],
        created_by=nobody,
        plan_id="second",
        tenant=case.world.tenant,
        manifest_sha256=MANIFEST,
        created_at=clock.now(),
        known_ids=ids,
    )


@pytest.mark.parametrize("purge", [False, True], ids=["deleted", "purged"])
async def test_a_wiped_tenant_comes_back_whole_and_nothing_twice(*, purge: bool) -> None:
    case = await planned(lambda service: wipe(service, purge=purge))
    mechanisms = {operation.mechanism for operation in case.world.plan.operations}
    assert (Mechanism.BIN in mechanisms) is not purge
    assert {Mechanism.CREATE, Mechanism.LINK, Mechanism.FINISH, Mechanism.ENABLE} <= mechanisms
    await case.run()
    report = (await case.confirm()).report
    assert report is not None
    assert report.unexpected == ()
    assert report.not_done == ()
    again = await second_plan(case)
    assert (again.operations, again.conflicts, again.new_ids) == ((), (), {})

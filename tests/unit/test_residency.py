"""Backups are where it was promised, or they aren't written."""

from __future__ import annotations

import pytest

from shared.adapters.management import ArmVaultControl, LoopbackToken
from shared.domain.errors import Refused
from shared.domain.regions import EU_REGIONS, Residency, outside
from shared.domain.snapshot import Manifest, Run
from shared.engines.residency import check_residence
from shared.engines.wire import decode, encode
from tests.backup import TENANT, Backup, small_tenant
from tests.localrun.arm import RESOURCE_ID, ManagementPlane


@pytest.mark.parametrize("region", ["norwayeast", "norwaywest", "switzerlandnorth", "switzerlandwest"])
def test_efta_is_in_the_boundary_and_not_in_the_eu(region: str) -> None:
    assert list(outside(Residency.EU, region, "")) == [f"the primary location {region} is not in the EU"]
    assert list(outside(Residency.EU_DATA_BOUNDARY, "swedencentral", region)) == []


@pytest.mark.parametrize("region", ["uksouth", "ukwest", "eastus", "eastus2euap", "westeurope2", "global"])
def test_everything_else_is_in_neither(region: str) -> None:
    for residency in Residency:
        assert list(outside(residency, "westeurope", region)) == [
            f"the secondary location {region} is not in {residency.place}"
        ]


def test_the_eu_is_in_the_boundary() -> None:
    assert Residency.EU.regions == EU_REGIONS < Residency.EU_DATA_BOUNDARY.regions


async def test_a_writer_stops_at_an_account_outside_and_not_at_one_that_cannot_be_read() -> None:
    async with ManagementPlane() as plane:
        control = ArmVaultControl.open(RESOURCE_ID, LoopbackToken(), plane.url)
        try:
            await check_residence(control, Residency.EU)
            plane.account["properties"]["secondaryLocation"] = "uksouth"
            with pytest.raises(Refused, match="secondary location uksouth"):
                await check_residence(control, Residency.EU)
            plane.account["properties"]["secondaryLocation"] = "norwayeast"
            await check_residence(control, Residency.EU_DATA_BOUNDARY)
            plane.actions = {"containers/read"}
            await check_residence(control, Residency.EU)
        finally:
            await control.close()
    await check_residence(None, Residency.EU)


async def test_run_and_manifest_say_by_which_promise_the_region_was_checked() -> None:
    backup = Backup(residency=Residency.EU_DATA_BOUNDARY)
    small_tenant(backup.directory)
    run = await backup.back_up()
    manifest = (await backup.repository().open(run.snapshot)).manifest
    assert (run.residency, manifest.residency) == (Residency.EU_DATA_BOUNDARY, Residency.EU_DATA_BOUNDARY)
    assert b'"residency":"eu-data-boundary"' in encode(manifest)
    assert (await backup.verify()).findings == []


async def test_what_was_written_before_there_was_a_choice_was_checked_against_the_eu() -> None:
    backup = Backup()
    small_tenant(backup.directory)
    run = await backup.back_up()
    assert run.tenant == TENANT
    manifest = (await backup.repository().open(run.snapshot)).manifest
    for kind, value in ((Run, run), (Manifest, manifest)):
        earlier = encode(value).replace(b'"residency":"eu",', b"")
        assert b"residency" not in earlier
        assert decode(kind, earlier) == value

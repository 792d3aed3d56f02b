"""Evidence by the real entry points: the monthly timer, the queue behind it, and the command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.localrun.arm import RESOURCE_ID, ManagementPlane
from tests.localrun.log_analytics import WORKSPACE, Workspace
from tests.localrun.stack import HostProcess
from tests.localrun.world import World
from tests.scenario.outside import said, until
from tests.simulator.seeds_apps import HOLDFAST_APPS

pytestmark = pytest.mark.azurite

TARGETS = [{"function": "Sign-in", "rpoHours": 26, "rtoHours": 8, "owner": "<b>IT</b>", "setOn": "2026-01-15"}]
CONTAINERS = {"vault-35d": 42, "evidence-400d": 400, "chain": 400}


def stored(world: World) -> list[str]:
    """Folders of evidence in the container that are complete."""
    from azure.storage.blob import BlobServiceClient

    with BlobServiceClient.from_connection_string(world.stack.settings("reader")["VaultStorage"]) as service:
        container = service.get_container_client("evidence-400d")
        names = list(container.list_blob_names(name_starts_with=f"v1/{world.simulator.tenant_id}/evidence/"))
    return sorted(name.removesuffix("evidence.json") for name in names if name.endswith("/evidence.json"))


def worked_off(host: HostProcess) -> list[Any]:
    """Ends of requests for evidence."""
    ended = [one for one in host.events() if one["event"] == "invocationEnd"]
    return [one for one in ended if one["function"] == "evidence_request"]


def month_before(world: World) -> tuple[str, str]:
    last = datetime.fromtimestamp(world.stack.clock.epoch, UTC).replace(day=1) - timedelta(days=1)
    return f"{last:%Y-%m}-01", f"{last:%Y-%m-%d}"


@pytest.mark.full
def test_the_timer_makes_one_document_a_month_however_often_it_fires(world: World, tmp_path: Path) -> None:
    host = world.start_host("backup", "--fire", "evidence_timer", "--fire", "evidence_timer")
    done = until(lambda: worked_off(host)[1:], "both requests' ends", seconds=60)
    assert [one["ok"] for one in worked_off(host)] == [True, *(True for _ in done)]
    assert said(world, "backup", "evidence.not_met")
    (monthly,) = stored(world)

    # The month before this world holds no backup, and the document says so. It is fetched by its request's id.
    first, last = month_before(world)
    request = ("--from", first, "--to", last, "--request-id", f"monthly-{first[:7]}")
    fetched = world.holdfast_json("evidence", str(tmp_path / "month"), *request, check=(3,))
    assert fetched["folder"] == monthly
    facts = fetched["document"]["facts"]
    assert (facts["period"]["start"], facts["snapshots"]["taken"]) == (f"{first}T00:00:00Z", [])
    assert set(facts["away"]) >= {"retention", "access", "reads", "package"}


@dataclass
class Case:
    world: World
    plane: ManagementPlane
    workspace: Workspace

    async def holdfast(self, *arguments: str, code: int = 0) -> Any:
        """A command, while the simulated services go on answering."""
        return await asyncio.to_thread(self.world.holdfast_json, *arguments, check=(code,))


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Case]:
    async with ManagementPlane() as plane, Workspace() as workspace:
        for name, days in CONTAINERS.items():
            plane.add(name, days, locked=True)
        plane.assign("a1", "Storage Blob Data Reader")
        workspace.rows = [["someone", "OAuth", "GetBlob", 3, 0, "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"]]
        settings = {
            "HOLDFAST_VAULT_RESOURCE_ID": RESOURCE_ID,
            "HOLDFAST_MANAGEMENT_URL": plane.url,
            "HOLDFAST_LOG_URL": workspace.url,
            "HOLDFAST_LOG_WORKSPACE_ID": WORKSPACE,
            "HOLDFAST_RECOVERY_TARGETS": json.dumps(TARGETS),
            "HOLDFAST_RESTORE_CLIENT_ID": HOLDFAST_APPS["restore"][1],
        }
        world = await asyncio.to_thread(World.start, tmp_path / "run", seed="small", clock_factor=60.0, **settings)
        yield Case(world, plane, workspace)
        await asyncio.to_thread(world.stop)


@pytest.mark.full
async def test_a_person_gets_the_evidence_of_any_period_from_every_source(case: Case, tmp_path: Path) -> None:
    world = case.world
    await asyncio.to_thread(world.start_host, "backup")
    await case.holdfast("backup")
    before = await case.holdfast("evidence", str(tmp_path / "before"), code=3)
    today = f"{datetime.fromtimestamp(world.stack.clock.epoch, UTC):%Y-%m-%d}"
    told = await case.holdfast("evidence", str(tmp_path / "now"), "--from", today, "--to", today)
    facts = told["document"]["facts"]
    assert set(facts["away"]) == {"package"}, "the sources run, no package"
    (taken,) = facts["snapshots"]["taken"]
    assert (taken["protected"], taken["gaps"]) == (True, {})
    assert facts["verification"]["findings"] == []
    assert facts["access"]["comparedWith"] == before["folder"]
    assert facts["reads"]["counts"][0]["count"] == 3
    assert list(facts["arming"]["principals"].values()) == ["restore app"]
    assert (facts["arming"]["spans"], facts["arming"]["unread"]) == ([], {})
    assert len(stored(world)) == 2
    (page,) = (tmp_path / "now").glob("page-*.html")
    assert "&lt;b&gt;IT&lt;/b&gt;" in page.read_text(encoding="utf-8")
    keys = str(world.folder / "keys" / "operator")
    assert (await case.holdfast("evidence", "--check", str(tmp_path / "now"), "--key", keys))["findings"] == []

    case.plane.down = True  # ends nothing
    told = await case.holdfast("evidence", str(tmp_path / "away"), "--from", today, "--to", today)
    assert set(told["document"]["facts"]["away"]) == {"package", "retention", "residency", "segregation", "access"}

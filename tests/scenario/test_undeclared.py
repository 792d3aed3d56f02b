"""A backup compares what Graph declares with what this release knows, and says what it finds."""

from __future__ import annotations

from typing import Any

import pytest

from shared.adapters.memory import ManualClock
from shared.catalog.registry import CATALOG
from shared.domain.errors import GraphDown
from shared.domain.snapshot import Manifest
from shared.engines.export import _UNDECLARED
from tests.backup import Backup
from tests.fakes import FakeDirectory, refuse
from tests.restore_world import WRITER, tenant
from tests.simdirectory import SimDirectory
from tests.simulator.auth import Principal
from tests.simulator.service import Service
from tests.unit.cli_world import Cli, Deployment


async def backed_up(service: Service, clock: ManualClock) -> Manifest:
    directory: Any = SimDirectory(service, clock, Principal("holdfast-backup", "holdfast-backup", WRITER))
    backup = Backup(directory=directory, clock=clock)
    await backup.back_up()
    return (await backup.repository().open()).manifest


async def test_a_property_that_is_new_to_the_service_is_recorded_in_the_manifest() -> None:
    clock = ManualClock()
    service = tenant(clock)
    service.settings.new_properties = {"users": ["shoeSize"], "groups": ["motto"]}
    manifest = await backed_up(service, clock)
    assert manifest.undeclared == ("groups/motto (property)", "users/shoeSize (property)")
    assert (manifest.undeclared_count, manifest.metadata_unread) == (2, "")


async def test_of_very_many_the_first_are_named_and_all_counted() -> None:
    clock = ManualClock()
    service = tenant(clock)
    service.settings.new_properties = {"users": [f"x{number:03}" for number in range(300)]}
    manifest = await backed_up(service, clock)
    assert len(manifest.undeclared) == _UNDECLARED
    assert manifest.undeclared_count == 300


async def test_nothing_new_is_no_finding() -> None:
    clock = ManualClock()
    manifest = await backed_up(tenant(clock), clock)
    assert (manifest.undeclared, manifest.metadata_unread) == ((), "")


def away() -> GraphDown:
    return GraphDown("away")


@pytest.mark.parametrize("hook", [None, refuse("$metadata", away)])
async def test_metadata_that_cannot_be_read_ends_no_run_and_is_told(hook: Any) -> None:
    directory = FakeDirectory()  # which has no such document
    if hook is not None:
        directory.before.append(hook)
    backup = Backup(directory=directory)
    await backup.back_up()
    manifest = (await backup.repository().open()).manifest
    assert manifest.metadata_unread in ("GraphError", "GraphDown")
    assert manifest.types.keys() >= {spec.name for spec in CATALOG.types if spec.name == "users"}


def test_a_reader_is_shown_why() -> None:
    cli = Cli(Deployment())
    cli.back_up()
    for command in (("show", "latest"), ("status",)):
        assert "metadata was not compared with the catalog: GraphError" in cli(*command).out
    assert cli("status", "--json").document["newest"]["metadataUnread"] == "GraphError"

"""Worlds for the scenario tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.localrun.world import World
from tests.scenario.apps import Apps

FACTOR = 60.0  # the executor's claims of 120 s expire after 2 s


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("world") / "run"


@pytest.fixture(scope="module")
def world(folder: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """A deployment of its own for each module, without any app running. A module may set a FACTOR and SETTINGS."""
    factor = getattr(request.module, "FACTOR", FACTOR)
    settings: dict[str, str] = getattr(request.module, "SETTINGS", {})
    with World.start(folder, seed="60", clock_factor=factor, **settings) as made:
        yield made


@pytest.fixture(scope="module")
def apps(world: World) -> Apps:
    """Both apps, running."""
    made = Apps(world)
    made.start("backup")
    made.start("restore")
    return made


@pytest.fixture(scope="module")
def taken(world: World, apps: Apps) -> str:
    """A snapshot of the tenant as it was planted."""
    return str(world.holdfast_json("backup", "--timeout", "6")["snapshot"])


@pytest.fixture
def faults_end(world: World) -> Iterator[None]:
    yield
    world.simulator.clear_faults()
    world.simulator.settings(listPageCap=999)
    world.stack.control.clear_faults()

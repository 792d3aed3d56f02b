"""Worlds for the scenario tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.localrun.world import World

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

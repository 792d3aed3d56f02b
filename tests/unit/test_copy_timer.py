"""What the copier logs: an alarm for each thing that somebody has to look at, and one line for each run."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from functions import copy_timer
from shared.domain.errors import StorageDown
from shared.engines import paths
from shared.engines.second_copy import SecondCopy
from tests.backup import TENANT
from tests.fakes import FakeInspector
from tests.faults import Faults, fail
from tests.unit.test_second_copy import Accounts, accounts

__all__ = ["accounts"]  # a fixture


class Told:
    """Runs a timer's function over ports in memory and reads the log."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
        self._monkeypatch = monkeypatch
        self._caplog = caplog

    async def __call__(self, timer: Any, ports: SecondCopy) -> dict[str, dict[str, Any]]:
        settings = SimpleNamespace(work_budget=480.0, copy_lag=93_600.0)
        parts = SimpleNamespace(settings=settings, clock=ports.source.clock, ports=ports)

        async def opened() -> Any:
            return parts

        self._monkeypatch.setattr(copy_timer, "copy_parts", opened)
        self._caplog.clear()
        with self._caplog.at_level(logging.INFO, logger="holdfast"):
            await timer.build().get_user_function()(None)
        found = {}
        for record in self._caplog.records:
            name, _, fields = record.getMessage().partition(" ")
            found[f"{'!' if record.levelno >= logging.ERROR else ''}{name}"] = json.loads(fields)
        return found


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Told:
    return Told(monkeypatch, caplog)


async def test_a_run_that_copies_says_what_and_alarms_nothing(accounts: Accounts, told: Told) -> None:
    found = await told(copy_timer.copy_timer, accounts.ports())
    assert set(found) == {"copy.copied", "copy.pulled"}
    assert (found["copy.pulled"]["state"], found["copy.pulled"]["count"]) == ("done", 2)
    found = await told(copy_timer.copy_status_timer, accounts.ports())
    assert set(found) == {"copy.checked"}
    assert (found["copy.checked"]["seconds"], found["copy.checked"]["count"]) == (0, 2)


async def test_each_thing_that_is_wrong_has_its_alarm(accounts: Accounts, told: Told) -> None:
    await accounts.pull()
    accounts.backup.chain.blobs.pop(paths.chain_entry(TENANT, 2))
    damaged = await accounts.another_day()  # takes number 2: another entry than the copy holds
    accounts.evidence.blobs[f"v1/{TENANT}/plans/p1/plan.json"] = b"another plan"
    accounts.inspector = FakeInspector(locked=False, why="not locked")
    found = await told(copy_timer.copy_timer, accounts.ports())
    assert set(found) == {"!copy.chain", "!copy.evidence", "!copy.unprotected", "copy.pulled"}
    assert "another entry" in found["!copy.chain"]["reason"]
    accounts.backup.clock.advance(27 * 3600)
    found = await told(copy_timer.copy_status_timer, accounts.ports())
    assert set(found) == {"!copy.chain", "!copy.lag", "!copy.unprotected", "copy.checked"}
    assert (found["!copy.lag"]["snapshot"], found["!copy.lag"]["seconds"]) == (damaged, 27 * 3600)


async def test_a_snapshot_that_does_not_verify_and_a_vault_that_is_away(accounts: Accounts, told: Told) -> None:
    vault = accounts.backup.vault.blobs
    name = next(one for one in vault if accounts.snapshots[1] in one and "/objects/users/" in one)
    vault[name] = b"damaged"
    found = await told(copy_timer.copy_timer, accounts.ports())
    assert found["!copy.refused"]["snapshot"] == accounts.snapshots[1]
    assert name.rpartition("/")[2] in found["!copy.refused"]["reason"]
    own = len(accounts.copies["chain"].blobs) + 1
    away = Faults(fail("list chain", lambda: StorageDown("gone"), skip=own))
    accounts.backup.clock.advance(60 * 3600)
    found = await told(copy_timer.copy_status_timer, accounts.ports(away))
    assert set(found) == {"!copy.away", "!copy.lag", "copy.checked"}
    assert found["!copy.lag"]["snapshot"] == accounts.snapshots[0]


async def test_storage_that_is_down_fails_the_run_and_is_no_alarm(
    accounts: Accounts, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StorageDown):
        await told(copy_timer.copy_timer, accounts.ports(Faults(fail("put ", lambda: StorageDown("away")))))
    assert [record.levelname for record in caplog.records] == ["WARNING"]

"""The `VaultLog` contract, against a simulated Log Analytics workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from shared.adapters.management import LoopbackToken
from shared.adapters.vault_log import LogAnalyticsVaultLog
from shared.domain.errors import StorageDenied, StorageDown, Unusable
from shared.domain.ports import VaultLog
from shared.domain.vault import ReadCount, VaultReads
from tests.contract.suite import Suite
from tests.localrun.arm import ACCOUNT, RESOURCE_ID
from tests.localrun.log_analytics import WORKSPACE, Workspace

SUITE = Suite(VaultLog, {"logAnalytics": LogAnalyticsVaultLog})
START, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
FIRST, LAST = "2026-10-02T01:00:00.1234567Z", "2026-10-30T01:00:00Z"
READ = ReadCount(
    "someone",
    "OAuth",
    "GetBlob",
    12,
    1,
    datetime(2026, 10, 2, 1, 0, 0, 123456, UTC),
    datetime(2026, 10, 30, 1, tzinfo=UTC),
)


@dataclass
class Case:
    log: VaultLog
    workspace: Workspace


@pytest.fixture(params=SUITE.params())
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with Workspace() as workspace:
        log = LogAnalyticsVaultLog.open(
            WORKSPACE, RESOURCE_ID, LoopbackToken(), workspace.url, retry_backoff_factor=0
        )
        yield Case(SUITE.made(request.param, log), workspace)
        await log.close()


async def test_reads_are_told_whatever_the_order_of_columns(case: Case) -> None:
    case.workspace.rows = [["someone", "OAuth", "GetBlob", 12, 1, FIRST, LAST]]
    assert await case.log.reads(START, END) == VaultReads((READ,), 0)
    case.workspace.columns.reverse()
    assert await case.log.reads(START, END) == VaultReads((READ,), 0)


async def test_only_this_account_and_this_period_are_asked_for(case: Case) -> None:
    assert await case.log.reads(START, END) == VaultReads((), 0)
    (asked,) = case.workspace.asked
    assert f'AccountName == "{ACCOUNT}"' in asked["query"]
    assert "datetime(2026-10-01T00:00:00Z)" in asked["query"]
    assert "< datetime(2026-11-01T00:00:00Z)" in asked["query"]
    assert asked["timespan"] == "2026-10-01T00:00:00Z/2026-11-01T00:00:00Z"


async def test_an_identity_that_the_log_does_not_hold_is_empty_and_long_logs_are_cut(case: Case) -> None:
    case.workspace.rows = [[None, "SAS", "GetBlob", 600 - number, 0, FIRST, LAST] for number in range(503)]
    found = await case.log.reads(START, END)
    assert (len(found.counts), found.more, found.counts[0].identity) == (500, 3, "")


async def test_a_partial_or_strange_answer_is_none(case: Case) -> None:
    case.workspace.rows = [["someone", "OAuth", "GetBlob", 12, 1, FIRST, LAST]]
    case.workspace.partial = True
    with pytest.raises(StorageDown, match="partial"):
        await case.log.reads(START, END)
    case.workspace.partial = False
    case.workspace.columns[0] = "Somebody"
    with pytest.raises(StorageDown):
        await case.log.reads(START, END)
    case.workspace.columns[0] = "Identity"
    case.workspace.rows = [["someone", "OAuth", "GetBlob", "many", 1, FIRST, LAST]]
    with pytest.raises(StorageDown):
        await case.log.reads(START, END)


async def test_without_the_right_or_the_service_nothing_is_concluded(case: Case) -> None:
    case.workspace.allowed = False
    with pytest.raises(StorageDenied):
        await case.log.reads(START, END)
    case.workspace.down = True
    with pytest.raises(StorageDown):
        await case.log.reads(START, END)


@pytest.mark.parametrize("workspace", ["", "mine", f"{WORKSPACE}/../x"])
def test_only_the_id_of_a_workspace_is_taken(workspace: str) -> None:
    with pytest.raises(Unusable):
        LogAnalyticsVaultLog.open(workspace, RESOURCE_ID, LoopbackToken())

"""The `TableStore` contract, on memory, an SQLite file, Azurite, and (opt-in, `suite.py`) a table in Azure."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from azure.data.tables.aio import TableClient

from shared.adapters.files import FolderTableStore
from shared.adapters.memory import MemoryTableStore
from shared.adapters.tables import AzureTableStore
from shared.domain.errors import RowChanged, StorageDenied, StorageDown, Unusable
from shared.domain.ports import Row, TableStore
from shared.domain.snapshot import State
from tests.contract.suite import AZURE, Suite, azure_account
from tests.localrun.shared import fresh, shared_azurite

SUITE = Suite(
    TableStore,
    {
        "memory": MemoryTableStore,
        "sqlite": FolderTableStore,
        "azurite": AzureTableStore,
        AZURE: AzureTableStore,
    },
)


@pytest.fixture(params=SUITE.params())
async def table(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TableStore]:
    kind: str = request.param
    if kind == "memory":
        yield SUITE.made(kind, MemoryTableStore())
    elif kind == "sqlite":
        yield SUITE.made(kind, FolderTableStore(tmp_path / "state" / "rows.sqlite", "runs"))
    elif kind == AZURE:
        from azure.identity.aio import DefaultAzureCredential

        account, prefix = azure_account("table")
        name = f"{prefix[:31]}{uuid.uuid4().hex}"
        async with (
            DefaultAzureCredential() as credential,
            TableClient(account, name, credential=credential) as client,
        ):
            await client.create_table()
            real = AzureTableStore.from_account(account, name, credential)
            try:
                yield SUITE.made(kind, real)
            finally:
                await real.close()
                await client.delete_table()
    else:
        text = shared_azurite().connection_string("backupstate")
        name = fresh("T").replace("-", "")
        async with TableClient.from_connection_string(text, name) as client:
            await client.create_table()
        store = AzureTableStore.from_connection_string(text, name)
        yield SUITE.made(kind, store)
        await store.close()


VALUES: dict[str, Any] = {
    "text": "two\nlines, é, 日本, \N{BUSTS IN SILHOUETTE}, 'quotes' and \"more\"",
    "empty": "",
    "small": -1,
    "zero": 0,
    "large": 2**63 - 1,
    "negative": -(2**63),
    "yes": True,
    "no": False,
    "at": datetime(2026, 11, 22, 1, 2, 3, 456789, tzinfo=UTC),
    "whole": datetime(2026, 11, 22, tzinfo=UTC),
    "longest": "é" * (32 * 1024),
}


async def test_values_come_back_as_they_were_with_their_types(table: TableStore) -> None:
    assert await table.insert(Row("p", "k", VALUES)) is True
    row = await table.get("p", "k")
    assert row is not None
    assert dict(row.values) == VALUES
    assert {name: type(value) for name, value in row.values.items()} == {
        name: type(value) for name, value in VALUES.items()
    }
    assert (row.partition, row.key) == ("p", "k")
    assert row.etag


async def test_times_come_back_in_utc_and_enums_as_text(table: TableStore) -> None:
    east = datetime(2026, 11, 22, 3, 2, 3, tzinfo=timezone(timedelta(hours=2)))
    written = await table.replace(Row("p", "k", {"at": east, "state": State.PARTIAL}))
    read = await table.get("p", "k")
    assert read is not None
    for row in (written, read):
        assert row.values["at"].isoformat() == "2026-11-22T01:02:03+00:00"
        assert row.values["state"] == "partial"
        assert type(row.values["state"]) is str


async def test_a_row_that_is_not_there_is_none(table: TableStore) -> None:
    await table.insert(Row("p", "k", {}))
    assert await table.get("p", "other") is None
    assert await table.get("other", "k") is None


async def test_an_insert_never_replaces(table: TableStore) -> None:
    assert await table.insert(Row("p", "k", {"n": 1})) is True
    assert await table.insert(Row("p", "k", {"n": 2})) is False
    row = await table.get("p", "k")
    assert row is not None
    assert row.values == {"n": 1}


async def test_of_inserts_at_the_same_time_exactly_one_wins(table: TableStore) -> None:
    results = await asyncio.gather(*(table.insert(Row("p", "k", {"n": number})) for number in range(6)))
    assert sorted(results) == [False] * 5 + [True]
    row = await table.get("p", "k")
    assert row is not None
    assert row.values == {"n": results.index(True)}


async def test_a_replace_needs_the_version_that_is_stored(table: TableStore) -> None:
    await table.insert(Row("p", "k", {"n": 1, "gone": "x"}))
    first = await table.get("p", "k")
    assert first is not None
    second = await table.replace(Row("p", "k", {"n": 2}, first.etag))
    assert second.etag not in ("", first.etag)
    assert await table.get("p", "k") == second
    assert second.values == {"n": 2}
    with pytest.raises(RowChanged):
        await table.replace(Row("p", "k", {"n": 3}, first.etag))
    assert await table.get("p", "k") == second


async def test_of_replaces_from_one_version_exactly_one_wins(table: TableStore) -> None:
    await table.insert(Row("p", "k", {"n": -1}))
    seen = await table.get("p", "k")
    assert seen is not None
    results = await asyncio.gather(
        *(table.replace(Row("p", "k", {"n": number}, seen.etag)) for number in range(6)),
        return_exceptions=True,
    )
    won = [result for result in results if isinstance(result, Row)]
    assert len(won) == 1
    assert sum(isinstance(result, RowChanged) for result in results) == 5
    assert await table.get("p", "k") == won[0]


async def test_a_row_that_was_never_there_can_not_be_replaced_by_version(table: TableStore) -> None:
    await table.insert(Row("p", "k", {}))
    row = await table.get("p", "k")
    assert row is not None
    with pytest.raises(RowChanged):
        await table.replace(Row("p", "other", {}, row.etag))
    assert await table.get("p", "other") is None


async def test_without_a_version_a_replace_inserts_or_replaces(table: TableStore) -> None:
    first = await table.replace(Row("p", "k", {"n": 1}))
    second = await table.replace(Row("p", "k", {"m": 2}))
    assert first.etag != second.etag
    assert await table.get("p", "k") == second


async def test_a_query_gives_one_partition_in_key_order(table: TableStore) -> None:
    keys = ["b", "a", "B", "a.b", "a-b", "a_b", "a0", "10", "2", "users", "groups.members"]
    for key in keys:
        await table.insert(Row("p", key, {"key": key}))
    await table.insert(Row("p2", "a", {}))
    await table.insert(Row("o", "z", {}))
    rows = [row async for row in table.query("p")]
    assert [row.key for row in rows] == sorted(keys)
    assert all(row.values == {"key": row.key} and row.partition == "p" and row.etag for row in rows)
    assert [row async for row in table.query("none")] == []


async def test_a_query_gives_more_rows_than_one_page_holds(table: TableStore) -> None:
    keys = [f"{number:05}" for number in range(1100)]
    for start in range(0, len(keys), 50):
        await asyncio.gather(*(table.insert(Row("p", key, {})) for key in keys[start : start + 50]))
    assert [row.key async for row in table.query("p")] == keys


@pytest.mark.parametrize("key", ["a/b", "a\\b", "a#b", "a?b", "a%2Fb", "a=3Db", "it's", " a ", "a\tb", "+", "$x"])
async def test_keys_may_hold_what_the_service_forbids(table: TableStore, key: str) -> None:
    await table.insert(Row(key, key, {"n": 1}))
    row = await table.get(key, key)
    assert row is not None
    assert (row.partition, row.key) == (key, key)
    assert (await table.replace(Row(key, key, {"n": 2}, row.etag))).values == {"n": 2}
    assert [(row.partition, row.key) async for row in table.query(key)] == [(key, key)]


@pytest.mark.parametrize(
    "values",
    [
        {"a": None},
        {"a": 1.5},
        {"a": b"x"},
        {"a": [1]},
        {"a": 2**63},
        {"a": datetime(2026, 1, 1)},
        {"a": "\ud800"},
        {"a": "x" * (32 * 1024 + 1)},
        {f"a{number}": "x" * 32_000 for number in range(20)},
        {"PartitionKey": "x"},
        {"Timestamp": "x"},
        {"a b": "x"},
        {"": "x"},
        {f"a{number}": 1 for number in range(300)},
    ],
    ids=lambda values: ascii(values)[:20],
)
async def test_values_that_no_row_can_hold_are_refused(table: TableStore, values: dict[str, Any]) -> None:
    with pytest.raises(Unusable):
        await table.insert(Row("p", "k", values))
    with pytest.raises(Unusable):
        await table.replace(Row("p", "k", values))
    assert await table.get("p", "k") is None


@pytest.mark.parametrize("key", ["", "é", "x" * 301])
async def test_keys_that_no_row_can_have_are_refused(table: TableStore, key: str) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: table.get("p", key),
        lambda: table.get(key, "k"),
        lambda: table.insert(Row("p", key, {})),
        lambda: table.replace(Row(key, "k", {})),
    ]
    for call in calls:
        with pytest.raises(Unusable):
            await call()


# --- one implementation only -----------------------------------------------------------------------------


async def test_two_openings_of_one_file_are_one_store(tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"
    one, other = FolderTableStore(path, "runs"), FolderTableStore(path, "runs")
    assert await one.insert(Row("p", "k", {"n": 1})) is True
    assert await other.insert(Row("p", "k", {"n": 2})) is False
    assert await FolderTableStore(path, "other").get("p", "k") is None


async def test_a_file_that_is_no_state_file_is_denied(tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StorageDenied):
        await FolderTableStore(path, "runs").get("p", "k")


@pytest.mark.azurite
async def test_a_table_that_is_not_there_is_denied_and_not_empty() -> None:
    text = shared_azurite().connection_string("backupstate")
    table = AzureTableStore.from_connection_string(text, "missing")
    try:
        with pytest.raises(StorageDenied, match="TableNotFound"):
            await table.get("p", "k")
        with pytest.raises(StorageDenied):
            await table.insert(Row("p", "k", {}))
        with pytest.raises(StorageDenied):
            await table.replace(Row("p", "k", {}))
        with pytest.raises(StorageDenied):
            await table.replace(Row("p", "k", {}, 'W/"x"'))
        with pytest.raises(StorageDenied):
            _ = [row async for row in table.query("p")]
    finally:
        await table.close()


async def test_nobody_listening_is_down() -> None:
    text = "AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:9/a"
    table = AzureTableStore(TableClient.from_connection_string(text, "runs", retry_total=0))
    try:
        with pytest.raises(StorageDown):
            await table.get("p", "k")
        with pytest.raises(StorageDown):
            await table.insert(Row("p", "k", {}))
    finally:
        await table.close()

"""`TableStore` in Azure Table Storage.

Keys are escaped, because the service forbids some characters in them and mistreats others. Whole numbers are
always stored as 64 bits: left to itself, the SDK refuses those above 32.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.adapters.azure_connection import check_account_url, check_emulator
from shared.adapters.azure_errors import error_code, translated
from shared.adapters.limits import accepted_values, check_key
from shared.domain.errors import RowChanged
from shared.domain.ports import Row

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.core.exceptions import HttpResponseError
    from azure.data.tables.aio import TableClient

_PLAIN = re.compile(r"[A-Za-z0-9._-]")
_ESCAPED = re.compile(r"=([0-9A-F]{2})")
_OPTIONS: dict[str, Any] = {
    "retry_total": 4,
    "retry_backoff_factor": 0.8,
    "connection_timeout": 20,
    "read_timeout": 60,
}


class AzureTableStore:
    """One table, which has to exist."""

    def __init__(self, client: TableClient) -> None:
        self._client = client
        self._table: str = client.table_name

    @classmethod
    def from_connection_string(cls, connection_string: str, table: str) -> AzureTableStore:
        """For emulators on this machine only."""
        from azure.data.tables.aio import TableClient

        check_emulator(connection_string)
        return cls(TableClient.from_connection_string(connection_string, table, **_OPTIONS))

    @classmethod
    def from_account(cls, account_url: str, table: str, credential: AsyncTokenCredential) -> AzureTableStore:
        from azure.data.tables.aio import TableClient

        check_account_url(account_url)
        return cls(TableClient(account_url, table, credential=credential, **_OPTIONS))

    async def close(self) -> None:
        await self._client.close()

    async def get(self, partition: str, key: str) -> Row | None:
        from azure.core.exceptions import ResourceNotFoundError

        check_key(partition)
        check_key(key)
        with translated(f"reading a row of {self._table}"):
            try:
                entity = await self._client.get_entity(_escape(partition), _escape(key))
            except ResourceNotFoundError as error:
                if _table_is_there(error):
                    return None
                raise
        return _row(entity)

    async def insert(self, row: Row) -> bool:
        from azure.core.exceptions import ResourceExistsError

        entity = _entity(row)
        with translated(f"adding a row to {self._table}"):
            try:
                await self._client.create_entity(entity)
            except ResourceExistsError as error:
                if error_code(error) == "EntityAlreadyExists":
                    return False
                raise
        return True

    async def replace(self, row: Row) -> Row:
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
        from azure.data.tables import UpdateMode

        entity = _entity(row)
        with translated(f"changing a row of {self._table}"):
            try:
                if row.etag:
                    answer = await self._client.update_entity(
                        entity,
                        mode=UpdateMode.REPLACE,
                        etag=row.etag,
                        match_condition=MatchConditions.IfNotModified,
                    )
                else:
                    answer = await self._client.upsert_entity(entity, mode=UpdateMode.REPLACE)
            except ResourceModifiedError:
                raise RowChanged("the row was changed meanwhile") from None
            except ResourceNotFoundError as error:
                if _table_is_there(error):
                    raise RowChanged("the row was removed meanwhile") from None
                raise
        return replace(row, values=accepted_values(row.values), etag=str(answer["etag"]))

    async def query(self, partition: str) -> AsyncIterator[Row]:
        check_key(partition)
        with translated(f"listing rows of {self._table}"):
            async for entity in self._client.query_entities(
                "PartitionKey eq @partition", parameters={"partition": _escape(partition)}
            ):
                yield _row(entity)


def _table_is_there(error: HttpResponseError) -> bool:
    return error_code(error) in ("ResourceNotFound", "EntityNotFound")


def _escape(key: str) -> str:
    return "".join(one if _PLAIN.fullmatch(one) else f"={ord(one):02X}" for one in key)


def _unescape(key: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), key)


def _entity(row: Row) -> dict[str, Any]:
    from azure.data.tables import EdmType, EntityProperty

    check_key(row.partition)
    check_key(row.key)
    entity: dict[str, Any] = {"PartitionKey": _escape(row.partition), "RowKey": _escape(row.key)}
    for name, value in accepted_values(row.values).items():
        whole = isinstance(value, int) and not isinstance(value, bool)
        entity[name] = EntityProperty(value, EdmType.INT64) if whole else value
    return entity


def _row(entity: Mapping[str, Any]) -> Row:
    metadata: Mapping[str, Any] = entity.metadata  # type: ignore[attr-defined]  # TableEntity, untyped here
    values = {name: _value(value) for name, value in entity.items() if name not in ("PartitionKey", "RowKey")}
    return Row(_unescape(entity["PartitionKey"]), _unescape(entity["RowKey"]), values, str(metadata["etag"]))


def _value(stored: Any) -> Any:
    if isinstance(stored, tuple):  # EntityProperty: (value, type)
        return stored[0]
    if isinstance(stored, datetime):  # the SDK's own subclass, which remembers the service's spelling
        return datetime.fromtimestamp(0, UTC) + (stored - datetime.fromtimestamp(0, UTC))
    return stored

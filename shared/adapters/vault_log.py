"""`VaultLog` over a Log Analytics workspace that the account's diagnostic setting sends its read log to.

The identity needs Log Analytics Reader on the workspace. Table and columns: learn.microsoft.com, "StorageBlobLogs";
request and answer: "Query - Execute" and "Azure Monitor Log Analytics API response format". An answer that the
service itself calls partial is no answer here: reads that are left out would look like reads that never were.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from shared.adapters.azure_json import JsonReader, text
from shared.adapters.management import account_parts
from shared.domain.errors import StorageDown, Unusable
from shared.domain.vault import ReadCount, VaultReads

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

LOG_ANALYTICS: Final = "https://api.loganalytics.io"
_WORKSPACE: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_LINES: Final = 500
_QUERY: Final = """StorageBlobLogs
| where AccountName == "{account}" and Category == "StorageRead"
| where TimeGenerated >= datetime({start}) and TimeGenerated < datetime({end})
| summarize Count=count(), Refused=countif(toint(StatusCode) >= 400), First=min(TimeGenerated),
    Last=max(TimeGenerated)
    by Identity=tostring(RequesterObjectId), Authentication=AuthenticationType, Operation=OperationName
| order by Count desc, Identity asc, Operation asc"""
_COLUMNS: Final = ("Identity", "Authentication", "Operation", "Count", "Refused", "First", "Last")


class LogAnalyticsVaultLog:
    """The read log of one storage account in one workspace."""

    def __init__(self, reader: JsonReader, workspace_id: str, resource_id: str) -> None:
        if not _WORKSPACE.fullmatch(workspace_id):
            raise Unusable("that is not the id of a Log Analytics workspace (a GUID)")
        self._reader = reader
        self._path = f"/v1/workspaces/{workspace_id}/query"
        self._account = account_parts(resource_id)["account"].lower()

    @classmethod
    def open(
        cls,
        workspace_id: str,
        resource_id: str,
        credential: AsyncTokenCredential,
        url: str = LOG_ANALYTICS,
        **options: Any,
    ) -> LogAnalyticsVaultLog:
        return cls(JsonReader(url, credential, f"{LOG_ANALYTICS}/.default", **options), workspace_id, resource_id)

    async def close(self) -> None:
        await self._reader.close()

    async def reads(self, start: datetime, end: datetime) -> VaultReads:
        what = "asking Log Analytics for reads of the vault"
        first, last = (f"{one.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for one in (start, end))
        asked = {
            "query": _QUERY.format(account=self._account, start=first, end=last),
            "timespan": f"{first}/{last}",
        }
        answer = await self._reader.post(what, self._path, asked)
        if answer.get("error"):
            raise StorageDown(f"{what}: the answer is partial")
        try:
            rows = _rows(answer)
        except (KeyError, IndexError, TypeError, ValueError):
            raise StorageDown(f"{what}: the answer is no table of the columns asked for") from None
        return VaultReads(tuple(rows[:_LINES]), max(0, len(rows) - _LINES))


def _rows(answer: dict[str, Any]) -> list[ReadCount]:
    table = answer["tables"][0]
    places = {column["name"]: place for place, column in enumerate(table["columns"])}
    order = [places[name] for name in _COLUMNS]
    return [_count(*(row[place] for place in order)) for row in table["rows"]]


def _count(
    identity: Any, authentication: Any, operation: Any, count: Any, refused: Any, first: Any, last: Any
) -> ReadCount:
    return ReadCount(
        identity=text(identity),
        authentication=text(authentication),
        operation=text(operation),
        count=int(count),
        refused=int(refused),
        first=datetime.fromisoformat(first).astimezone(UTC),
        last=datetime.fromisoformat(last).astimezone(UTC),
    )

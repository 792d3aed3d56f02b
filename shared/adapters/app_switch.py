"""`AppSwitch` over Azure Resource Manager: one function app, by its resource id.

The identity needs `Microsoft.Web/sites/read`, `sites/start/action` and `sites/stop/action`: the role *app-switch*
of the deployment. (learn.microsoft.com: "Web Apps - Get", "Web Apps - Start", "Web Apps - Stop".)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from shared.adapters.azure_json import JsonReader, text
from shared.adapters.management import ARM
from shared.domain.errors import StorageDown, Unusable
from shared.domain.ports import AppState

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_SITES: Final = {"api-version": "2025-03-01"}
_ID: Final = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourceGroups/[-\w.()]{1,90}"
    r"/providers/Microsoft\.Web/sites/[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]",
    re.IGNORECASE | re.ASCII,
)


class ArmAppSwitch:
    """Whether the app runs, and what starts and stops it."""

    def __init__(self, reader: JsonReader, resource_id: str) -> None:
        self._reader = reader
        self._app = resource_id

    @classmethod
    def open(
        cls, resource_id: str, credential: AsyncTokenCredential, url: str = ARM, **options: Any
    ) -> ArmAppSwitch:
        """`url` is another one for a simulated management plane on loopback only (`Settings` sees to that). Raises
        `Unusable` for the id of anything else than an app."""
        if not _ID.fullmatch(resource_id):
            raise Unusable(
                "that is not the resource id of a function app",
                hint="/subscriptions/…/resourceGroups/…/providers/Microsoft.Web/sites/…",
            )
        return cls(JsonReader(url, credential, f"{ARM}/.default", **options), resource_id)

    async def close(self) -> None:
        await self._reader.close()

    async def state(self) -> AppState:
        what = "reading the restore app"
        of = (await self._reader.get(what, self._app, _SITES)).get("properties")
        if not isinstance(of, dict) or not text(of.get("state")):
            raise StorageDown(f"{what}: the answer names no state")
        return AppState(running=text(of["state"]).lower() == "running", enabled=of.get("enabled") is not False)

    async def start(self) -> None:
        await self._reader.act("starting the restore app", f"{self._app}/start", _SITES)

    async def stop(self) -> None:
        await self._reader.act("stopping the restore app", f"{self._app}/stop", _SITES)

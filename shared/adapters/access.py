"""`VaultAccess` over Azure Resource Manager.

The identity needs `Microsoft.Authorization/roleAssignments/read` and `roleDefinitions/read` at the account and read
on its subscription; the built-in role Reader at the subscription has all three. (learn.microsoft.com: "List Azure
role assignments using the REST API", "Role Definitions - Get By Id", "Subscriptions - Get".)
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from shared.adapters.azure_json import JsonReader, text
from shared.adapters.management import ARM, account_parts
from shared.domain.errors import StorageDenied, StorageDown
from shared.domain.vault import RoleAssignment

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_AUTHORIZATION: Final = "/providers/Microsoft.Authorization"
_ROLES: Final = {"api-version": "2022-04-01"}
_SUBSCRIPTIONS: Final = {"api-version": "2022-12-01"}
_DEFINITION: Final = re.compile(
    r"(?:/subscriptions/[0-9a-f-]{36})?/providers/Microsoft\.Authorization/roleDefinitions/[0-9a-f-]{36}",
    re.IGNORECASE | re.ASCII,
)


class ArmVaultAccess:
    """One storage account, by its resource id."""

    def __init__(self, reader: JsonReader, resource_id: str) -> None:
        self._reader = reader
        self._account = resource_id
        self._subscription = account_parts(resource_id)["subscription"]

    @classmethod
    def open(
        cls, resource_id: str, credential: AsyncTokenCredential, url: str = ARM, **options: Any
    ) -> ArmVaultAccess:
        return cls(JsonReader(url, credential, f"{ARM}/.default", **options), resource_id)

    async def close(self) -> None:
        await self._reader.close()

    async def home(self) -> str:
        what = "reading the vault's subscription"
        found = text(
            (await self._reader.get(what, f"/subscriptions/{self._subscription}", _SUBSCRIPTIONS)).get("tenantId")
        )
        if not found:
            raise StorageDown(f"{what}: the answer names no tenant")
        return found.lower()

    async def assignments(self) -> tuple[RoleAssignment, ...]:
        """Without a filter the service lists what is at the account and below, with `atScope()` what is at it and
        above: both are asked for."""
        what = "reading the role assignments of the vault"
        path = f"{self._account}{_AUTHORIZATION}/roleAssignments"
        found: dict[str, dict[str, Any]] = {}
        for query in (_ROLES, {**_ROLES, "$filter": "atScope()"}):
            async for item in self._reader.listed(what, path, query):
                found[text(item.get("id")).lower()] = item
        names: dict[str, str] = {}
        made = []
        for key in sorted(found):
            of = found[key].get("properties") or {}
            definition = text(of.get("roleDefinitionId"))
            if definition not in names:
                names[definition] = await self._role(definition)
            made.append(_assignment(key, of, names[definition]))
        return tuple(made)

    async def _role(self, definition: str) -> str:
        """The role's name; its id where the name can't be read, for a custom role may have been deleted."""
        if not _DEFINITION.fullmatch(definition):
            return definition
        try:
            found = await self._reader.get("reading a role", definition, _ROLES)
        except StorageDenied:
            return definition
        return text((found.get("properties") or {}).get("roleName")) or definition


def _assignment(key: str, of: dict[str, Any], role: str) -> RoleAssignment:
    return RoleAssignment(
        id=key,
        principal=text(of.get("principalId")),
        principal_type=text(of.get("principalType")),
        role=role,
        scope=text(of.get("scope")) or "/",
        condition=text(of.get("condition")),
        created_at=_time(of.get("createdOn")),
        created_by=text(of.get("createdBy")),
        updated_at=_time(of.get("updatedOn")),
    )


def _time(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(text(value))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None

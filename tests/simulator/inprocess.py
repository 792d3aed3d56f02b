"""A simulated tenant inside the test's own process, spoken to over ASGI: for tests of the simulator's rules."""

from __future__ import annotations

import json
from typing import Any

import httpx

from .__main__ import build
from .control import change_settings, issue_token
from .rules.registry import words
from .server import Application
from .service import Service

EVERYTHING = list(
    words(
        "User.ReadWrite.All User.DeleteRestore.All User-PasswordProfile.ReadWrite.All Group.ReadWrite.All "
        "GroupMember.ReadWrite.All Member.Read.Hidden Application.ReadWrite.All AppRoleAssignment.ReadWrite.All "
        "Directory.Read.All Policy.Read.All Policy.ReadWrite.ConditionalAccess Policy.ReadWrite.Authorization "
        "Organization.ReadWrite.All Domain.Read.All AuditLog.Read.All RoleManagement.ReadWrite.Directory "
        "AdministrativeUnit.ReadWrite.All DelegatedPermissionGrant.ReadWrite.All GroupSettings.ReadWrite.All "
        "AuthenticationContext.ReadWrite.All Policy.ReadWrite.AuthenticationMethod User-LifeCycleInfo.ReadWrite.All"
    )
)


class InProcessTenant:
    """Calls with an all-permission token unless another is given; raises on nothing, answers the response."""

    def __init__(
        self,
        service: Service,
        roles: list[str] | None = None,
        upn: str | None = None,
        appid: str | None = None,
    ) -> None:
        self.service = service
        self.store = service.store
        asked = {"roles": EVERYTHING if roles is None else roles, "upn": upn, "appid": appid}
        self._token = issue_token(service, asked)["token"]

    @classmethod
    def planted(cls, seed: str = "small", **settings: Any) -> InProcessTenant:
        service = build(seed)
        change_settings(
            service,
            {"deltaEmptyPages": 0.0, "listEmptyPages": 0.0, "deltaReplays": 0.0, "throttling": False, **settings},
        )
        return cls(service)

    def with_roles(self, *roles: str, upn: str | None = None) -> InProcessTenant:
        return InProcessTenant(self.service, list(roles), upn)

    async def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        transport = httpx.ASGITransport(Application(self.service))
        address = (
            path if "://" in path else f"http://127.0.0.1{path if path.startswith('/_') else _versioned(path)}"
        )
        given = {"authorization": f"Bearer {self._token}", **(headers or {})}
        content = None if body is None else json.dumps(body)
        if content is not None:
            given["content-type"] = "application/json"
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.request(method, address, content=content, headers=given)

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.call("GET", path, **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self.call("POST", path, {} if body is None else body, **more)

    async def patch(self, path: str, body: Any, **more: Any) -> httpx.Response:
        return await self.call("PATCH", path, body, **more)

    async def delete(self, path: str, **more: Any) -> httpx.Response:
        return await self.call("DELETE", path, **more)

    async def everything(self, path: str) -> list[dict[str, Any]]:
        """All items of a listing, following every nextLink."""
        items: list[dict[str, Any]] = []
        following: str | None = path
        while following is not None:
            answer = await self.get(following)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            items += page["value"]
            following = page.get("@odata.nextLink")
        return items

    def first(self, table: str, **wanted: Any) -> dict[str, Any]:
        """The first stored object with these values."""
        for key in self.store.order[table]:
            obj = self.store.tables[table][key]
            if all(obj.get(name) == value for name, value in wanted.items()):
                return obj
        raise LookupError(f"no {table} with {wanted}")


def _versioned(path: str) -> str:
    return path if path.startswith(("/v1.0", "/beta", "/_sim")) else f"/v1.0{path}"


def reference(object_id: str) -> dict[str, str]:
    return {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{object_id}"}


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def message_of(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["message"])

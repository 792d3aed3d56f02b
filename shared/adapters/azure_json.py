"""JSON over Azure Core's own pipeline, for services of which one or two calls are needed and no SDK.

A token goes to the one origin that the reader was made for: addresses are put together from it and a path,
redirects are not followed, and a next link to elsewhere is refused.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from shared.adapters.azure_errors import translated
from shared.domain.errors import StorageDown

if TYPE_CHECKING:
    from azure.core import AsyncPipelineClient
    from azure.core.credentials_async import AsyncTokenCredential

_OPTIONS: Final[dict[str, Any]] = {
    "retry_total": 4,
    "retry_backoff_factor": 0.8,
    "connection_timeout": 20,
    "read_timeout": 180,
}
_PAGES: Final = 1000


class JsonReader:
    """`scope`: of the token. A plain `http` origin is for loopback only (`Settings` sees to that)."""

    def __init__(self, origin: str, credential: AsyncTokenCredential, scope: str, **options: Any) -> None:
        from azure.core import AsyncPipelineClient
        from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy, AsyncRetryPolicy

        self._origin = origin.rstrip("/")
        self._options = {**_OPTIONS, **options}
        secure = self._origin.startswith("https://")
        self._client: AsyncPipelineClient[Any, Any] = AsyncPipelineClient(
            self._origin,
            policies=[
                AsyncRetryPolicy(**self._options),
                AsyncBearerTokenCredentialPolicy(credential, scope, enforce_https=secure),
            ],
            **self._options,
        )
        self._sent = {} if secure else {"enforce_https": False}

    async def close(self) -> None:
        await self._client.close()

    async def get(self, what: str, path: str, query: dict[str, str]) -> dict[str, Any]:
        return await self._send(what, "GET", f"{self._origin}{path}?{urlencode(query)}")

    async def post(self, what: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._send(what, "POST", f"{self._origin}{path}", body)

    async def act(self, what: str, path: str, query: dict[str, str]) -> None:
        """A POST without a body, whose answer has none either. Only for what may be done twice."""
        from azure.core.rest import HttpRequest

        with translated(what):
            response = await self._client.send_request(
                HttpRequest("POST", f"{self._origin}{path}?{urlencode(query)}"), **self._sent
            )
            response.raise_for_status()
        if response.status_code >= 300:
            raise StorageDown(f"{what}: the answer leads elsewhere")

    async def listed(self, what: str, path: str, query: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
        """Items of every page of a list of Azure Resource Manager."""
        url = f"{self._origin}{path}?{urlencode(query)}"
        for _ in range(_PAGES):
            page = await self._send(what, "GET", url)
            items = page.get("value")
            if not isinstance(items, list):
                raise StorageDown(f"{what}: the answer is no list")
            for item in items:
                yield item
            url = page.get("nextLink") or ""
            if not url:
                return
            if not url.startswith(f"{self._origin}/"):
                raise StorageDown(f"{what}: the list goes on at another address, which gets no token")
        raise StorageDown(f"{what}: the list has no end")

    async def _send(self, what: str, method: str, url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        from azure.core.exceptions import DecodeError
        from azure.core.rest import HttpRequest

        with translated(what):
            response = await self._client.send_request(HttpRequest(method, url, json=body), **self._sent)
            response.raise_for_status()
            try:
                answer = response.json()
            except (ValueError, DecodeError):
                answer = None
        if response.status_code >= 300 or not isinstance(answer, dict):
            raise StorageDown(f"{what}: the answer is no JSON object")
        return answer


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""

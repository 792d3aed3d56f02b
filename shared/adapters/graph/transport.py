"""One HTTP exchange with Graph, on msgraph-sdk's adapter and middleware.

Owns the SDK: this is the only module that imports it, and it is imported when a directory is opened. What
must stay true: every hop passes `_Guard`, which knows one origin; nothing in the SDK retries, redirects or
rewrites (a 302 after a POST would become a GET that looks like success); bodies are bytes as received and
whole; URLs, which may hold names of people, reach neither logs nor traces.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from kiota_abstractions.authentication import (
    AccessTokenProvider,
    AllowedHostsValidator,
    BaseBearerTokenAuthenticationProvider,
)
from kiota_abstractions.method import Method
from kiota_abstractions.native_response_handler import NativeResponseHandler
from kiota_abstractions.request_information import RequestInformation
from kiota_http.middleware.options import (
    ParametersNameDecodingHandlerOption,
    RedirectHandlerOption,
    ResponseHandlerOption,
    RetryHandlerOption,
    UrlReplaceHandlerOption,
    UserAgentHandlerOption,
)
from kiota_http.observability_options import ObservabilityOptions
from msgraph import GraphRequestAdapter  # type: ignore[attr-defined]  # exported lazily
from msgraph._version import VERSION as SDK_VERSION
from msgraph_core import APIVersion, GraphClientFactory  # type: ignore[import-untyped]
from msgraph_core.middleware.options import GraphTelemetryHandlerOption  # type: ignore[import-untyped]

from shared.adapters.graph.auth import TokenSource, challenge, sign_in_error
from shared.adapters.graph.origin import Origin
from shared.adapters.graph.reply import NoReply, Reply
from shared.domain.errors import Unusable

USER_AGENT = "holdfast/0.1.0"
_REDIRECTS = 5
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class _Guard(httpx.AsyncBaseTransport):
    """The last gate before the network: one origin, and a count of what passes."""

    def __init__(self, inner: httpx.AsyncBaseTransport, origin: Origin) -> None:
        self._inner = inner
        self._origin = origin
        self.requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._origin.path_of(str(request.url))
        self.requests += 1
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _network() -> httpx.AsyncBaseTransport:
    return httpx.AsyncHTTPTransport(
        http2=True,
        # Shorter than servers keep idle connections: a write on a dying one has an unknown end.
        limits=httpx.Limits(max_connections=16, max_keepalive_connections=16, keepalive_expiry=4),
    )


class _Tokens(AccessTokenProvider):
    """Hands our tokens to the SDK. An origin that is not ours is an error, not a call without a token."""

    def __init__(self, source: TokenSource, origin: Origin) -> None:
        self._source = source
        self._hosts = AllowedHostsValidator([origin.host])

    async def get_authorization_token(
        self, uri: str, additional_authentication_context: dict[str, Any] | None = None
    ) -> str:
        claims = (additional_authentication_context or {}).get("claims", "")
        return await self._source.token(uri, challenge(claims) if claims else "")

    def get_allowed_hosts_validator(self) -> AllowedHostsValidator:
        return self._hosts


class GraphWire:
    """Sends one request and says what became of it. Retries, limits and meaning are the caller's."""

    def __init__(
        self, origin: Origin, tokens: TokenSource, network: httpx.AsyncBaseTransport | None = None
    ) -> None:
        # These log whole URLs at INFO, and headers at DEBUG.
        for name in ("httpx", "httpcore", "hpack"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._origin = origin
        self._tokens = tokens
        self._guard = _Guard(network or _network(), origin)
        client = httpx.AsyncClient(transport=self._guard, timeout=httpx.Timeout(100, connect=30), trust_env=False)
        options = {
            RetryHandlerOption.get_key(): RetryHandlerOption(should_retry=False),
            RedirectHandlerOption.get_key(): RedirectHandlerOption(should_redirect=False),
            UrlReplaceHandlerOption.get_key(): UrlReplaceHandlerOption(enabled=False),
            ParametersNameDecodingHandlerOption.get_key(): ParametersNameDecodingHandlerOption(enable=False),
            UserAgentHandlerOption.get_key(): UserAgentHandlerOption(enabled=False),
            GraphTelemetryHandlerOption.get_key(): GraphTelemetryHandlerOption(
                api_version=APIVersion.v1, sdk_version=SDK_VERSION
            ),
        }
        self._client: httpx.AsyncClient = GraphClientFactory.create_with_default_middleware(
            client=client, options=options
        )
        self._adapter = GraphRequestAdapter(
            BaseBearerTokenAuthenticationProvider(_Tokens(tokens, origin)), self._client
        )
        self._adapter.base_url = f"{origin.url}/v1.0"
        self._adapter.observability_options = ObservabilityOptions(include_euii_attributes=False)

    @property
    def requests(self) -> int:
        """Round trips so far, whatever became of them."""
        return self._guard.requests

    async def close(self) -> None:
        # The SDK's transport does not pass a close on to the one it wraps.
        await self._client.aclose()
        await self._guard.aclose()

    async def token(self) -> str | NoReply:
        """The token in use, or a new one."""
        try:
            return await self._tokens.token(self._origin.url)
        except AzureError as error:
            return _no_token(error)

    async def exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, *, follow: bool
    ) -> Reply | NoReply:
        """`follow`: redirects within our origin are followed (reads); a redirect elsewhere is `ForeignLink`."""
        for _ in range(_REDIRECTS):
            token = await self.token()
            if isinstance(token, NoReply):
                return token
            generation = self._tokens.generation
            reply = await self._once(method, path, headers, body)
            if isinstance(reply, Reply):
                reply = replace(reply, generation=generation)
            location = reply.headers.get("location") if isinstance(reply, Reply) else None
            if isinstance(reply, NoReply) or location is None or not 300 <= reply.status < 400:
                return reply
            path = self._origin.path_of(location, base=path)
            if not follow:
                return reply
        return NoReply(sent=True, why="redirected in circles")

    async def _once(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply | NoReply:
        try:
            asked = RequestInformation(Method(method))
        except ValueError:
            raise Unusable(f"{method[:16]!r} is not an HTTP method") from None
        asked.url = self._origin.url + path
        asked.content = body
        asked.headers.add("User-Agent", USER_AGENT)
        for name, value in headers.items():
            asked.headers.add(name, value)
        asked.add_request_options([ResponseHandlerOption(NativeResponseHandler())])
        try:
            response = await self._adapter.send_primitive_async(asked, "bytes", {})
        except _NOT_SENT as error:
            return NoReply(sent=False, why=f"no connection ({type(error).__name__})")
        except (httpx.UnsupportedProtocol, httpx.InvalidURL):
            raise Unusable("a Graph request path does not make a URL") from None
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            return NoReply(sent=True, why=f"connection lost ({type(error).__name__})")
        except AzureError as error:
            return _no_token(error)
        assert isinstance(response, httpx.Response)
        return _whole(response)


def _no_token(error: AzureError) -> NoReply:
    """A refused sign-in is raised; one that got no answer, or was told to come back, is worth another try."""
    status = error.status_code if isinstance(error, HttpResponseError) else None
    if isinstance(error, ClientAuthenticationError) and (status is None or (status < 500 and status != 429)):
        raise sign_in_error(str(error)) from None
    return NoReply(sent=False, why=f"no answer from the token service ({type(error).__name__})")


def _whole(response: httpx.Response) -> Reply | NoReply:
    """A body of another length than announced is no answer, whoever cut it."""
    announced = response.headers.get("content-length", "")
    bodiless = response.request.method == "HEAD" or response.status_code in (204, 304)
    if announced.isdigit() and not bodiless and int(announced) != response.num_bytes_downloaded:
        return NoReply(sent=True, why="the body is not as long as announced")
    return Reply(response.status_code, dict(response.headers), response.content)

"""Where tokens come from, where they may go, and what opening a directory costs."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.graph.auth import FixedToken, TokenSource, permissions_in
from shared.adapters.graph.client import GraphDirectory
from shared.adapters.graph.limits import Limits
from shared.adapters.graph.origin import CLOUD_HOSTS, Origin
from shared.adapters.graph.reply import NoReply, Reply
from shared.adapters.graph.transport import GraphWire
from shared.domain.errors import ForeignLink, GraphDown, GraphUnauthorized, Unusable
from shared.domain.ports import GraphRequest

from .graph_wire import CountedIds, FakeClock, Say, error, graph, jwt, page, say

LIST = GraphRequest("GET", "/v1.0/users")
POST = GraphRequest("POST", "/v1.0/users", body={})


class Credential:
    """A credential that hands out what it is given, one after the other, and keeps what it was asked."""

    def __init__(self, *answers: str | Exception, lives: float = 3600, clock: FakeClock | None = None) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.clock = clock
        self.lives = lives

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.asked.append({"scopes": scopes, **options})
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        now = self.clock.now() if self.clock else FakeClock().now()
        return AccessToken(answer, int(now.timestamp() + self.lives))


# --- what a token says -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "permissions"),
    [
        (jwt(roles=["User.Read.All", "Group.Read.All"]), {"User.Read.All", "Group.Read.All"}),
        (jwt(scp="User.Read Group.Read.All"), {"User.Read", "Group.Read.All"}),
        (jwt(oid="x"), set()),
        (jwt(roles="no list"), None),
        (jwt(roles=[1]), None),
        ("opaque", None),
        ("", None),
        ("a.b.c", None),
        ("a.W10.c", None),
        (f"a.{'W' * 200_000}.c", None),
    ],
)
async def test_permissions_are_read_or_unknown(token: str, permissions: set[str] | None) -> None:
    assert permissions_in(token) == permissions
    async with graph([], credential=FixedToken(token)) as (directory, _, _):
        assert await directory.roles() == permissions


@given(st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    permissions_in(text)
    permissions_in(f"a.{text}.c")
    permissions_in(f"a.{base64.urlsafe_b64encode(text.encode('utf-8', 'surrogatepass')).decode()}.c")


# --- where it goes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:5000",
        "http://localhost/",
        "http://[::1]:1",
        "https://127.0.0.2",
        *(f"https://{h}" for h in sorted(CLOUD_HOSTS)),
    ],
)
def test_urls_that_get_credentials(url: str) -> None:
    Origin.configured(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://graph.microsoft.com",
        "https://graph.microsoft.com:8443",
        "https://graph.microsoft.com/v1.0",
        "https://graph.microsoft.com?x",
        "https://graph.microsoft.com.evil.example",
        "https://evil.example",
        "https://x@graph.microsoft.com",
        "http://192.168.0.1:5000",
        "http://localhost.evil.example",
        "graph.microsoft.com",
        "ftp://127.0.0.1",
        "http://127.0.0.1:99999",
        "",
    ],
)
def test_urls_that_do_not(url: str) -> None:
    with pytest.raises(Unusable):
        GraphDirectory.open(url, FixedToken("t"), clock=FakeClock(), ids=CountedIds(), limits=Limits(FakeClock()))


def test_a_fixed_token_stays_on_this_machine() -> None:
    with pytest.raises(Unusable) as caught:
        TokenSource(FixedToken("secret"), Origin.configured("https://graph.microsoft.com"), FakeClock())
    assert "secret" not in str(caught.value) + repr(FixedToken("secret"))


async def test_no_token_for_another_origin() -> None:
    source = TokenSource(FixedToken("t"), Origin.configured("http://127.0.0.1:5000"), FakeClock())
    assert await source.token("http://127.0.0.1:5000/v1.0/users") == "t"
    for url in ("http://127.0.0.1:5001/", "https://127.0.0.1:5000/", "https://evil.example/", "/v1.0/users", ""):
        with pytest.raises(ForeignLink):
            await source.token(url)


@pytest.mark.parametrize("host", sorted(CLOUD_HOSTS))
async def test_the_scope_is_the_clouds_own(host: str) -> None:
    credential = Credential("t")
    source = TokenSource(credential, Origin.configured(f"https://{host}"), FakeClock())  # type: ignore[arg-type]
    await source.token(f"https://{host}/v1.0/users")
    assert credential.asked == [{"scopes": (f"https://{host}/.default",), "enable_cae": False}]


# --- how long it lasts -----------------------------------------------------------------------------------


async def test_one_token_serves_until_shortly_before_its_end() -> None:
    clock = FakeClock()
    credential = Credential("one", "two", clock=clock)
    source = TokenSource(credential, Origin.configured("http://127.0.0.1"), clock)  # type: ignore[arg-type]
    url = "http://127.0.0.1/v1.0"
    assert [await source.token(url) for _ in range(3)] == ["one"] * 3
    clock.passed = 3300
    assert await source.token(url) == "two"


async def test_a_refused_token_is_replaced_past_the_credentials_cache() -> None:
    credential = Credential("one", "two")
    async with graph([error(401), page()], credential=credential) as (directory, server, _):
        await directory.page(LIST)
        assert [heard.headers["authorization"] for heard in server.heard] == ["Bearer one", "Bearer two"]
        assert "claims" not in credential.asked[0]
        assert "nbf" in json.loads(credential.asked[1]["claims"])["access_token"]


async def test_a_token_refused_to_many_at_once_is_replaced_once() -> None:
    credential = Credential("one", "two", "three")
    source = TokenSource(credential, Origin.configured("http://127.0.0.1"), FakeClock())  # type: ignore[arg-type]
    await source.token("http://127.0.0.1/")
    refused = source.generation
    for _ in range(3):
        source.refuse(refused)
        assert await source.token("http://127.0.0.1/") == "two"
    assert len(credential.asked) == 2


async def test_a_claims_challenge_is_answered() -> None:
    claims = '{"access_token":{"nbf":{"essential":true,"value":"1"}}}'
    header = f'Bearer realm="", claims="{base64.b64encode(claims.encode()).decode()}"'
    credential = Credential("one", "two")
    async with graph([error(401, WWW_Authenticate=header), say({}, 201)], credential=credential) as (
        directory,
        server,
        _,
    ):
        assert (await directory.send(POST)).status == 201
        assert credential.asked[1]["claims"] == claims
        assert server.heard[1].headers["authorization"] == "Bearer two"


async def test_an_unreadable_challenge_is_an_error_of_ours() -> None:
    async with graph([error(401, WWW_Authenticate='Bearer claims="/w=="')]) as (directory, _, _):
        with pytest.raises(GraphUnauthorized):
            await directory.page(LIST)


async def test_a_refused_sign_in_is_an_error_without_names() -> None:
    failure = ClientAuthenticationError("AADSTS700016: Application alice@contoso.com was not found")
    async with graph([], credential=Credential(failure)) as (directory, server, _):
        for call in (directory.send(POST), directory.page(LIST), directory.batch([POST]), directory.roles()):
            with pytest.raises(GraphUnauthorized) as caught:
                await call
            assert caught.value.code == "AADSTS700016"
            assert "alice" not in str(caught.value)
        assert server.heard == []


async def test_a_token_service_that_is_away_is_waited_for() -> None:
    away = ServiceRequestError("no route")
    async with graph([say({}, 201)], credential=Credential(away, away, jwt(roles=["R"]))) as (directory, _, clock):
        assert (await directory.send(POST)).status == 201
        assert clock.passed >= 6
    async with graph([], credential=Credential(away, away, jwt(roles=["R"]))) as (directory, _, clock):
        assert await directory.roles() == {"R"}
    async with graph([], credential=Credential(away), patience=60) as (directory, _, _):
        for call in (directory.send(POST), directory.page(LIST), directory.batch([POST]), directory.roles()):
            with pytest.raises(GraphDown):
                await call


async def test_redirects_carry_the_token_home_only() -> None:
    async with graph([Say(307, headers={"location": "/v1.0/groups"}), page()]) as (directory, server, _):
        await directory.page(LIST)
        assert all(heard.headers["authorization"].startswith("Bearer ") for heard in server.heard)


def _lost_sign_in(status: int) -> ClientAuthenticationError:
    failure = ClientAuthenticationError("temporarily_unavailable")
    failure.status_code = status
    return failure


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_sign_in_that_is_told_to_come_back_comes_back(status: int) -> None:
    credential = Credential(_lost_sign_in(status), jwt(roles=[]))
    async with graph([say({}, 201)], credential=credential) as (directory, _, _):
        assert (await directory.send(POST)).status == 201


# --- at Microsoft's own addresses, as far as that goes without them --------------------------------------


async def _exchange(url: str, answer: Callable[[httpx.Request], httpx.Response]) -> Reply | NoReply:
    origin = Origin.configured(url)
    tokens = TokenSource(Credential("t"), origin, FakeClock())  # type: ignore[arg-type]
    wire = GraphWire(origin, tokens, httpx.MockTransport(answer))
    try:
        return await wire.exchange("GET", "/v1.0/users?$top=1", {"client-request-id": "abc"}, None, follow=True)
    finally:
        await wire.close()


@pytest.mark.parametrize("host", sorted(CLOUD_HOSTS))
async def test_the_sdks_middleware_leaves_requests_to_the_clouds_as_they_are(host: str) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(503, headers={"Retry-After": "1"})

    reply = await _exchange(f"https://{host}", answer)
    assert isinstance(reply, Reply)
    assert reply.status == 503
    (request,) = seen  # and not retried
    assert str(request.url) == f"https://{host}/v1.0/users?$top=1"
    assert request.headers["authorization"] == "Bearer t"
    assert request.headers["client-request-id"] == "abc"
    assert request.headers["user-agent"] == "holdfast/0.1.0"


@pytest.mark.parametrize(
    "location",
    ["https://graph.microsoft.us/v1.0/users", "http://graph.microsoft.com/v1.0/users", "//evil.example/"],
)
async def test_a_redirect_to_another_cloud_is_refused(location: str) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return httpx.Response(302, headers={"Location": location})

    with pytest.raises(ForeignLink):
        await _exchange("https://graph.microsoft.com", answer)
    assert seen == ["graph.microsoft.com"]


@pytest.mark.parametrize(("announced", "whole"), [(11, True), (10, False), (12, False)])
async def test_a_body_of_another_length_than_announced_is_no_answer(announced: int, whole: bool) -> None:
    """HTTP/1.1 ends such a connection by itself; other transports may hand the body on."""

    async def body() -> AsyncIterator[bytes]:
        yield b'{"a":'
        yield b'"bcd"}'

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Length": str(announced)}, content=body())

    assert isinstance(await _exchange("https://graph.microsoft.com", answer), Reply) is whole


async def test_the_last_gate_refuses_what_the_rest_let_through() -> None:
    origin = Origin.configured("https://graph.microsoft.com")
    tokens = TokenSource(Credential("t"), origin, FakeClock())  # type: ignore[arg-type]
    wire = GraphWire(origin, tokens, httpx.MockTransport(lambda _: httpx.Response(200)))
    for url in ("https://evil.example/v1.0/users", "http://graph.microsoft.com/", "https://graph.microsoft.us/"):
        with pytest.raises(ForeignLink):
            await wire._client.get(url)
    assert wire.requests == 0
    await wire.close()


# --- what it costs ---------------------------------------------------------------------------------------


def test_importing_the_adapter_does_not_import_the_sdk() -> None:
    code = (
        "import sys, shared.adapters.graph.client; "
        "print([m for m in ('msgraph', 'kiota_http', 'httpx', 'azure', 'opentelemetry') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"

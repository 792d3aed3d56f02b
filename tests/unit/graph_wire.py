"""A server that speaks just enough HTTP/1.1 to misbehave on purpose, a clock that never waits, and ids.

The server answers from a script: a list of `Say`, one each request, or a function. What it was sent is kept."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapters.graph.auth import FixedToken
from shared.adapters.graph.client import GraphDirectory
from shared.adapters.graph.limits import Limits


@dataclass(frozen=True)
class Heard:
    """A request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Say:
    """An answer. `announce`: a content-length of our choice. `chunked`: without the closing chunk. `drop`: hang
    up instead of answering."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    announce: int | None = None
    chunked: bool = False
    drop: bool = False


def say(value: Any, status: int = 200, **headers: str) -> Say:
    return Say(status, json.dumps(value).encode(), {k.replace("_", "-"): v for k, v in headers.items()})


def error(status: int, code: str = "someCode", message: str = "", **headers: str) -> Say:
    inner = {"request-id": "inner-id"}
    return say({"error": {"code": code, "message": message, "innerError": inner}}, status, **headers)


def page(*items: Any, next_link: str | None = None, delta_link: str | None = None) -> Say:
    body: dict[str, Any] = {"value": list(items)}
    if next_link is not None:
        body["@odata.nextLink"] = next_link
    if delta_link is not None:
        body["@odata.deltaLink"] = delta_link
    return say(body)


DROP = Say(drop=True)
Script = Sequence[Say] | Callable[[Heard], Say]


class FakeClock:
    """Time passes in sleeps only."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.passed += seconds
        await asyncio.sleep(0)


class CountedIds:
    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def new(self) -> str:
        return f"{next(self._numbers):012x}"

    def password(self) -> str:
        return "not used here"


class WireServer:
    def __init__(self, script: Script, clock: FakeClock) -> None:
        self._script = script
        self._clock = clock
        self.heard: list[Heard] = []
        self.url = ""
        self.connections: set[asyncio.Task[None]] = set()

    def __call__(self, script: Script) -> None:
        """A new script from here on."""
        self._script = script
        self.heard.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections.add(task)
        try:
            while (heard := await self._hear(reader)) is not None:
                self.heard.append(heard)
                answer = self._answer(heard)
                if answer.drop:
                    break
                writer.write(_bytes(answer))
                await writer.drain()
                if answer.announce is not None or answer.chunked:
                    break
        finally:
            writer.close()

    def _answer(self, heard: Heard) -> Say:
        if callable(self._script):
            return self._script(heard)
        number = len(self.heard) - 1
        assert number < len(self._script), f"nobody expected {heard.method} {heard.path}"
        return self._script[number]

    async def _hear(self, reader: asyncio.StreamReader) -> Heard | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *lines = head.strip().split("\r\n")
        headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = first.split(" ")
        return Heard(method, path, headers, body, self._clock.passed)


def _bytes(answer: Say) -> bytes:
    headers = {"content-type": "application/json", "request-id": "outer-id", **answer.headers}
    body = answer.body
    if answer.chunked:  # ends without the closing chunk
        headers["transfer-encoding"] = "chunked"
        body = f"{len(body):x}\r\n".encode() + body + b"\r\n"
    elif answer.status != 204:
        headers["content-length"] = str(len(body) if answer.announce is None else answer.announce)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {answer.status} X\r\n{head}\r\n".encode() + (b"" if answer.status == 204 else body)


@asynccontextmanager
async def wire(script: Script, clock: FakeClock | None = None) -> AsyncIterator[WireServer]:
    server = WireServer(script, clock or FakeClock())
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()
        # A client that was closed hangs up; one that leaks its connections fails here.
        if server.connections:
            _, open_still = await asyncio.wait(server.connections, timeout=5)
            assert not open_still, "a connection was left open"


def jwt(**claims: Any) -> str:
    """A token in the form of a JWT, signed by nobody."""
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{middle}.c2ln"


@asynccontextmanager
async def opened(
    url: str, clock: FakeClock, credential: Any = None, **options: Any
) -> AsyncIterator[GraphDirectory]:
    options = {"limits": Limits(clock), "ids": CountedIds(), "random": lambda: 0.0, **options}
    directory = GraphDirectory.open(
        url, credential or FixedToken(jwt(roles=["User.Read.All"])), clock=clock, **options
    )
    try:
        yield directory
    finally:
        await directory.close()


@asynccontextmanager
async def graph(script: Script, **options: Any) -> AsyncIterator[tuple[GraphDirectory, WireServer, FakeClock]]:
    """A directory on a scripted server, on one fake clock."""
    clock = FakeClock()
    async with wire(script, clock) as server, opened(server.url, clock, **options) as directory:
        yield directory, server, clock

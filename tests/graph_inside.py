"""The real Graph adapter on a simulated tenant in this process: the whole client, and no socket under it.

For proofs that send tens of thousands of requests, and to show that what is proved over HTTP holds here too. What
a socket would do when a connection dies, `InProcess` does in httpx's words.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from shared.adapters.clock import RandomIds
from shared.adapters.graph.auth import Credential, FixedToken, TokenSource
from shared.adapters.graph.caller import Caller
from shared.adapters.graph.client import GraphDirectory
from shared.adapters.graph.limits import Limits
from shared.adapters.graph.origin import Origin
from shared.adapters.graph.transport import GraphWire
from shared.domain.ports import Clock
from tests.simulator import control
from tests.simulator.client import ControlClient
from tests.simulator.errors import DropConnection, GraphError
from tests.simulator.server import Application
from tests.simulator.service import Service

URL = "http://127.0.0.1"


class InProcess(httpx.AsyncBaseTransport):
    """The network, as far as the adapter can tell."""

    def __init__(self, service: Service) -> None:
        self._inner = httpx.ASGITransport(app=Application(service))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._inner.handle_async_request(request)
        except DropConnection:
            raise httpx.ReadError("the simulated tenant hung up", request=request) from None


class Slow(httpx.AsyncBaseTransport):
    """The network on a bad day: this share of the requests takes between `shortest` and `longest` seconds of the
    clock. Who waits longer than its timeout has no answer, and the request was carried out all the same."""

    def __init__(
        self, inner: httpx.AsyncBaseTransport, clock: Clock, *, share: float, shortest: float, longest: float
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._share = share
        self._between = (shortest, longest)
        self._chance = random.Random(3)
        self.slow = self.given_up = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        if self._chance.random() < self._share:
            seconds = self._chance.uniform(*self._between)
            patience = float(request.extensions["timeout"]["read"])
            self.slow += 1
            await self._clock.sleep(min(seconds, patience))
            if seconds > patience:
                self.given_up += 1
                raise httpx.ReadTimeout("no answer in time", request=request)
        return answer


class InsideTenant(ControlClient):
    """The control plane without HTTP."""

    def __init__(self, service: Service) -> None:
        super().__init__(URL)
        self.service = service
        service.origin = URL

    def _call(self, method: str, path: str, **more: Any) -> Any:
        query = {name: str(value) for name, value in more.get("params", {}).items()}
        return control.run(self.service, method, f"/_sim/{path}", query, more.get("json")).body

    def object(self, table: str, key: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._call("GET", f"objects/{table}/{key}")
        except GraphError as refused:
            if refused.status == 404:
                return None
            raise
        return found


@asynccontextmanager
async def inside(
    service: Service,
    token: str | Credential,
    clock: Clock,
    *,
    patience: float = 900.0,
    network: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[GraphDirectory]:
    """A directory on the tenant, closed at the end. `network` stands between, where given."""
    origin = Origin.configured(URL)
    tokens = TokenSource(FixedToken(token) if isinstance(token, str) else token, origin, clock)
    wire = GraphWire(origin, tokens, network or InProcess(service))
    chance = random.Random(7).random
    limits = Limits(clock)
    caller = Caller(wire, tokens, limits, clock, RandomIds(), low_priority=False, patience=patience, random=chance)
    directory = GraphDirectory(origin, caller)
    try:
        yield directory
    finally:
        await directory.close()

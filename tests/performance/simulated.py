"""The Graph adapter on a simulated tenant in this process, on a clock that moves in sleeps and round trips.

The tenant's ASGI application counts a request as its server does: it is the same code, without the socket.
"""

from __future__ import annotations

from collections.abc import Iterable

import httpx

from shared.adapters.graph.auth import FixedToken, TokenSource
from shared.adapters.graph.caller import Caller
from shared.adapters.graph.client import GraphDirectory
from shared.adapters.graph.limits import Limits
from shared.adapters.graph.origin import Origin
from shared.adapters.memory import ManualClock, SeededIds
from tests.simulator.control import issue_token
from tests.simulator.server import Application
from tests.simulator.service import Service

LATENCY = 0.3  # seconds of a round trip
_URL = "http://127.0.0.1"


class Wire(httpx.AsyncBaseTransport):
    """The tenant's ASGI application; each round trip takes its time on the clock."""

    def __init__(self, service: Service, clock: ManualClock) -> None:
        self._inner = httpx.ASGITransport(Application(service))
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._clock.advance(LATENCY)
        return await self._inner.handle_async_request(request)


def open_directory(service: Service, clock: ManualClock, roles: Iterable[str]) -> GraphDirectory:
    """As the adapter opens itself, with this wire. For the caller to close."""
    # Here and not above, as the adapter does: the SDK takes longer to import than the rest.
    from shared.adapters.graph.transport import GraphWire

    token = issue_token(service, {"roles": sorted(roles), "expiresIn": 1e7})["token"]
    origin = Origin.configured(_URL)
    tokens = TokenSource(FixedToken(token), origin, clock)
    wire = GraphWire(origin, tokens, Wire(service, clock))
    caller = Caller(
        wire, tokens, Limits(clock), clock, SeededIds(), low_priority=False, patience=900.0, random=lambda: 0.5
    )
    return GraphDirectory(origin, caller)

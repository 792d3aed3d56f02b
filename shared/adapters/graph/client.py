"""The port `Directory` on Microsoft Graph.

Owns putting the parts together; what they do is theirs. What must stay true: opening checks where credentials
may go before anything is imported or sent; the SDK is imported on opening, not with this module.
"""

from __future__ import annotations

import random as randomness
from collections.abc import Callable, Sequence

from shared.adapters.graph.auth import Credential, TokenSource
from shared.adapters.graph.batch import BatchRun
from shared.adapters.graph.caller import Caller, Tally, whole_response
from shared.adapters.graph.errors import graph_error
from shared.adapters.graph.limits import Limits
from shared.adapters.graph.origin import Origin
from shared.adapters.graph.pages import slice_page
from shared.adapters.graph.reply import Reply
from shared.adapters.graph.retry import is_write
from shared.domain.errors import GraphDown, Unusable
from shared.domain.ports import Clock, GraphRequest, GraphResponse, Ids, Page
from shared.engines.rawjson import BrokenBody


class GraphDirectory:
    """One tenant, one identity. Made by `open`, ended by `close`; for one event loop."""

    def __init__(self, origin: Origin, caller: Caller) -> None:
        self._origin = origin
        self._caller = caller

    @classmethod
    def open(
        cls,
        url: str,
        credential: Credential,
        *,
        clock: Clock,
        ids: Ids,
        limits: Limits,
        low_priority: bool = False,
        patience: float = 900.0,
        random: Callable[[], float] = randomness.random,
    ) -> GraphDirectory:
        """`low_priority`: reads give way to others when the tenant is busy. `patience`: seconds from the first
        failure of an operation after which it raises `GraphDown`. Raises `Unusable` for a URL that must not get
        the credential. The credential stays the caller's to close."""
        origin = Origin.configured(url)
        tokens = TokenSource(credential, origin, clock)
        # Here and not above: the SDK takes longer to import than the rest of the program.
        from shared.adapters.graph.transport import GraphWire

        wire = GraphWire(origin, tokens)
        caller = Caller(
            wire, tokens, limits, clock, ids, low_priority=low_priority, patience=patience, random=random
        )
        return cls(origin, caller)

    async def close(self) -> None:
        await self._caller.close()

    @property
    def tally(self) -> Tally:
        """What this directory has asked of Graph so far."""
        return self._caller.tally

    async def page(self, request: GraphRequest) -> Page:
        if is_write(request):
            raise Unusable("a page is read, not written")

        def read(reply: Reply) -> Page:
            response = GraphResponse(reply.status, reply.body, reply.request_id, reply.headers)
            return self._slice(request, response)

        return await self._caller.ask(request, read)

    async def send(self, request: GraphRequest) -> GraphResponse:
        return await self._caller.ask(request, whole_response(request))

    async def batch(self, requests: Sequence[GraphRequest]) -> list[GraphResponse]:
        return await BatchRun(self._caller, requests).answers()

    async def roles(self) -> frozenset[str] | None:
        return await self._caller.roles()

    def page_of(self, request: GraphRequest, response: GraphResponse) -> Page:
        """The page in a batch's answer to a listing, checked as `page` checks it. Raises `GraphError` and its
        kinds, `ForeignLink`, and `GraphDown` where the page is not whole (then read it with `page`)."""
        try:
            return self._slice(request, response)
        except BrokenBody as broken:
            raise GraphDown(str(broken), request_id=response.request_id) from None

    def _slice(self, request: GraphRequest, response: GraphResponse) -> Page:
        if response.status != 200:
            raise graph_error(request.method, request.path, response.status, response.body, response.request_id)
        return slice_page(response.body, path=request.path, origin=self._origin, request_id=response.request_id)

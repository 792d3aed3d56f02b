"""From one request to its clear answer: pacing, retries, a refused token, and the count of it all.

What must stay true: nothing is sent that was not taken from the limits; a write is sent again only after an
answer that says it was not carried out (429, 401) or when no connection came about; every other unclear end
of a write is `AnswerLost`, at once; a read has its whole answer or raises.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from shared.adapters.graph.auth import TokenSource, permissions_in
from shared.adapters.graph.errors import graph_error, safe_path
from shared.adapters.graph.limits import WRITES, Limits
from shared.adapters.graph.origin import version_of
from shared.adapters.graph.reply import NoReply, Reply
from shared.adapters.graph.retry import Patience, is_unclear, is_write, retry_after
from shared.domain import data_uri
from shared.domain.errors import AnswerLost, GraphDown, Unusable
from shared.domain.ports import Clock, GraphRequest, GraphResponse, Ids
from shared.engines import rawjson
from shared.engines.rawjson import BrokenBody

if TYPE_CHECKING:
    from shared.adapters.graph.transport import GraphWire

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Tally:
    """What was asked of Graph so far. `requests`: round trips, retries included. `operations`: single requests
    and inner requests of batches, `resource_units`: their declared cost, both each time they were sent.
    `retries`: operations sent again. `throttled`: answers 429, inner ones included."""

    requests: int = 0
    operations: int = 0
    resource_units: int = 0
    retries: int = 0
    throttled: int = 0


class Caller:
    """One identity's way to Graph."""

    def __init__(
        self,
        wire: GraphWire,
        tokens: TokenSource,
        limits: Limits,
        clock: Clock,
        ids: Ids,
        *,
        low_priority: bool,
        patience: float,
        random: Callable[[], float],
    ) -> None:
        self.limits = limits
        self._wire = wire
        self._tokens = tokens
        self._clock = clock
        self._ids = ids
        self._low_priority = low_priority
        self._patience = patience
        self._random = random
        self._operations = 0
        self._units = 0
        self._retries = 0
        self._throttled = 0

    async def close(self) -> None:
        await self._wire.close()

    @property
    def tally(self) -> Tally:
        return Tally(self._wire.requests, self._operations, self._units, self._retries, self._throttled)

    async def roles(self) -> frozenset[str] | None:
        patience = self.patience()
        while True:
            token = await self._wire.token()
            if isinstance(token, str):
                return permissions_in(token)
            await self.sleep(self.delay(patience, token.why))

    async def ask(
        self,
        request: GraphRequest,
        read: Callable[[Reply], _T],
        *,
        inner: Sequence[GraphRequest] = (),
    ) -> _T:
        """Sends until a clear answer and returns what `read` makes of it; `read` raises `BrokenBody` for one
        that is not whole. `inner`: the requests of a batch, which are paid for instead of it, and which make
        it a write if one of them is."""
        version_of(request.path)
        paid = inner or (request,)
        charge = self.limits.charge(paid)
        writes = any(is_write(each) for each in paid)
        body = _body(request)
        patience = self.patience()
        refused = again = False
        while True:
            await self.limits.take(charge, patience.left)
            self._operations += len(paid)
            self._units += sum(each.cost for each in paid)
            self._retries += len(paid) if again else 0
            again = True
            reply = await self._wire.exchange(
                request.method, request.path, self._outer(request, writes), body, follow=not writes
            )
            advised = None
            if isinstance(reply, NoReply):
                if reply.sent and writes:
                    raise _lost(request, reply.why)
                why = reply.why
            else:
                self.heed(charge, reply)
                advised = self.advice(reply)
                if reply.status == 401 and not refused:
                    refused = True
                    self._tokens.refuse(reply.generation)
                    continue
                if reply.status == 429:
                    delay = self.delay(patience, "Graph answered 429", request, reply.request_id, advised)
                    self.throttle(charge, reply, delay)
                    continue
                if is_unclear(reply.status):
                    why = f"Graph answered {reply.status}"
                else:
                    try:
                        return read(reply)
                    except BrokenBody as broken:
                        why = str(broken)
                if writes:
                    raise _lost(request, why, reply.request_id)
            request_id = reply.request_id if isinstance(reply, Reply) else ""
            await self.sleep(self.delay(patience, why, request, request_id, advised))

    # --- also for the parts of a batch ---------------------------------------------------------------

    def patience(self) -> Patience:
        return Patience(self._clock, self._patience, self._random)

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    def delay(
        self,
        patience: Patience,
        why: str,
        request: GraphRequest | None = None,
        request_id: str = "",
        advised: float | None = None,
    ) -> float:
        """How long to wait before the next try. Raises `GraphDown` where patience is over."""
        delay = patience.next_delay(advised)
        if delay is None:
            raise GraphDown(
                f"no whole answer from Graph: {why}, {patience.failures} times",
                after=advised,
                object_type=safe_path(request.path) if request else "",
                request_id=request_id,
                hint="look whether Graph is well and can be reached from here, then do it again",
            )
        return delay

    def advice(self, answer: Reply | GraphResponse) -> float | None:
        """Seconds to stay away, if the answer says so."""
        return retry_after(answer.headers, self._clock.now())

    def throttle(self, charge: Iterable[str], answer: Reply | GraphResponse, seconds: float) -> None:
        """After a 429: the classes it speaks of stay silent for that long, for everyone in the process."""
        self._throttled += 1
        classes = set(charge)
        if "WriteLimitExceeded" in answer.headers.get("x-ms-throttle-information", "") and WRITES in classes:
            classes = {WRITES}  # reads may go on
        self.limits.pause(classes, seconds)

    def heed(self, charge: Iterable[str], answer: Reply | GraphResponse) -> None:
        """Slows down where the answer warns that a limit is near."""
        percentage = answer.headers.get("x-ms-throttle-limit-percentage")
        if percentage:
            try:
                self.limits.slow(charge, float(percentage))
            except ValueError:
                return  # not a number: no advice

    def refuse_token(self, generation: int) -> None:
        self._tokens.refuse(generation)

    def headers(self, request: GraphRequest) -> dict[str, str]:
        """Headers of one operation, single or inside a batch."""
        headers = dict(request.headers)
        if request.file and request.body is not None:
            headers["Content-Type"], _ = _file(request)
        elif request.body is not None and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
        if self._low_priority and not is_write(request):
            headers.setdefault("x-ms-throttle-priority", "low")
        return headers

    def count_retries(self, operations: int) -> None:
        self._retries += operations

    # --- inside --------------------------------------------------------------------------------------

    def _outer(self, request: GraphRequest, writes: bool) -> dict[str, str]:
        headers = {"Accept": "*/*" if request.file else "application/json", **self.headers(request)}
        # Documented as a GUID; made of our ids, so that a log line finds Microsoft's.
        headers["client-request-id"] = str(uuid.UUID(hex=self._ids.new()[-32:].rjust(32, "0")))
        if self._low_priority and not writes:
            headers["x-ms-throttle-priority"] = "low"
        return headers


def _body(request: GraphRequest) -> bytes | None:
    if request.body is None:
        return None
    if request.file:
        return _file(request)[1]
    try:
        return rawjson.encode(request.body)
    except BrokenBody as broken:
        raise Unusable(f"the request body is {broken}", object_type=safe_path(request.path)) from None


def _file(request: GraphRequest) -> tuple[str, bytes]:
    """Media type and bytes of the file that a request sends."""
    if not isinstance(request.body, str):
        raise Unusable("the request's file is not a data URI", object_type=safe_path(request.path))
    return data_uri.decode(request.body)


def _lost(request: GraphRequest, why: str, request_id: str = "") -> AnswerLost:
    return AnswerLost(
        f"{why}: the {request.method} may or may not have been carried out",
        object_type=safe_path(request.path),
        request_id=request_id,
        hint="look whether it happened before sending it again",
    )


def whole_response(request: GraphRequest) -> Callable[[Reply], GraphResponse]:
    """Reads a clear answer as it is, except 401. An answer that promises JSON and doesn't keep it is broken."""

    def read(reply: Reply) -> GraphResponse:
        if reply.status == 401:
            raise graph_error(request.method, request.path, reply.status, reply.body, reply.request_id)
        if 200 <= reply.status < 300 and reply.status != 204:
            if reply.body and not request.file and "json" in reply.headers.get("content-type", ""):
                rawjson.check(reply.body)
            if not reply.body and request.method == "GET":
                raise BrokenBody("the body is empty")
            if request.file and request.method == "GET":
                file = data_uri.encode(reply.headers.get("content-type", ""), reply.body)
                return GraphResponse(reply.status, rawjson.encode(file), reply.request_id, reply.headers)
        return GraphResponse(reply.status, reply.body, reply.request_id, reply.headers)

    return read

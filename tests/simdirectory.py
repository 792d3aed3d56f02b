"""The simulated tenant as a `Directory`, in this process and on a test's own clock.

For enumerations of crashes: no HTTP and no waiting in real time, but the same strict rules. What the Graph
adapter promises (writes with an unclear end, 429s sent again) is done here in the simplest way.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from shared.domain import data_uri
from shared.domain.errors import (
    AnswerLost,
    GraphDown,
    GraphError,
    GraphNotFound,
    GraphNotLicensed,
    GraphNotPermitted,
)
from shared.domain.ports import Clock, GraphRequest, GraphResponse, Page
from tests.simulator.auth import Principal
from tests.simulator.clock import SimClock
from tests.simulator.errors import DropConnection
from tests.simulator.service import Request, Response, Service


class TestTime(SimClock):
    """The simulator's clock, led by the test's."""

    __test__ = False

    def __init__(self, clock: Clock) -> None:
        super().__init__(1.0, clock.now().timestamp())
        self._lead = clock

    def now(self) -> float:
        return self._lead.now().timestamp()


class SimDirectory:
    """`principal` holds the permissions of the app that calls."""

    def __init__(self, service: Service, clock: Clock, principal: Principal) -> None:
        self.service = service
        self._clock = clock
        self._principal = principal
        self.writes: list[str] = []

    async def page(self, request: GraphRequest) -> Page:
        return self.page_of(request, await self._read(request))

    def page_of(self, request: GraphRequest, response: GraphResponse) -> Page:
        body = json.loads(response.body or b"{}")
        if response.status != 200:
            error = body.get("error", {})
            kinds: dict[int, type[GraphError]] = {403: GraphNotPermitted, 404: GraphNotFound}
            kind = kinds.get(response.status, GraphError)
            if error.get("code") == "AadPremiumLicenseRequired":
                kind = GraphNotLicensed
            raise kind(error.get("message", ""), status=response.status, code=error.get("code", ""))
        items = tuple(json.dumps(item).encode() for item in body["value"])
        return Page(items, _relative(body.get("@odata.nextLink")), _relative(body.get("@odata.deltaLink")))

    async def send(self, request: GraphRequest) -> GraphResponse:
        if request.method == "GET":
            return await self._read(request)
        answer = await self._write(request)
        if answer.status == 0:
            raise AnswerLost("the answer to a write was lost")
        return answer

    async def batch(self, requests: Sequence[GraphRequest]) -> list[GraphResponse]:
        return [
            await self._read(one) if one.method == "GET" else await self._write(one, in_batch=True)
            for one in requests
        ]

    async def roles(self) -> frozenset[str] | None:
        return self._principal.permissions

    async def _read(self, request: GraphRequest) -> GraphResponse:
        for _ in range(5):
            answer = self._once(request)
            if 0 < answer.status < 500 and answer.status != 429:
                return answer
            await self._clock.sleep(2.0)
        raise GraphDown("no answer")

    async def _write(self, request: GraphRequest, *, in_batch: bool = False) -> GraphResponse:
        if not request.path.endswith("/evaluate"):  # asks, and changes nothing
            self.writes.append(f"{request.method} {request.path}")
        while True:
            answer = self._once(request, in_batch=in_batch)
            if answer.status != 429:
                clear = 0 < answer.status < 500 or answer.status == 501
                return answer if clear else GraphResponse(0, b"")
            await self._clock.sleep(float(answer.headers.get("Retry-After", 2)))

    def _once(self, request: GraphRequest, *, in_batch: bool = False) -> GraphResponse:
        parts = urlsplit(request.path)
        _, version, rest = parts.path.split("/", 2)
        body = json.loads(json.dumps(request.body)) if request.body is not None else None
        headers = {name.lower(): value for name, value in request.headers.items()}
        if request.file and body is not None:
            headers["content-type"], body = data_uri.decode(body)
        one = Request(
            request.method,
            version,
            "/" + rest,
            dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers,
            body,
            self._principal,
            in_batch=in_batch,
        )
        try:
            answer: Response = self.service.handle(one)
        except DropConnection:
            return GraphResponse(0, b"")
        if answer.drop or answer.truncate is not None:
            return GraphResponse(0, b"")
        text = (answer.body or {}).get("#text")
        if answer.body is not None and "#file" in answer.body:
            text = json.dumps(data_uri.encode(answer.body["#type"], answer.body["#file"]))
        raw = (
            json.dumps(answer.body).encode()
            if answer.body is not None and text is None
            else str(text or "").encode()
        )
        return GraphResponse(answer.status, raw, answer.headers.get("request-id", ""), answer.headers)


def scripted(service: Service, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """A request without permissions, throttling, faults or lag: what an attacker or an administrator does."""
    parts = urlsplit(path)
    _, version, rest = parts.path.split("/", 2)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    headers: dict[str, str] = {}
    if data_uri.is_one(body):
        headers["content-type"], body = data_uri.decode(body)
    who = Principal("incident", "incident", frozenset())
    answer = service.handle(Request(method, version, "/" + rest, query, headers, body, who, scripted=True))
    assert answer.status < 400, f"{method} {path}: {answer.status} {answer.body}"
    return answer.body or {}


def _relative(link: str | None) -> str | None:
    if link is None:
        return None
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"

"""HTTP: the ASGI application in front of the service. Bearer tokens, bodies, `$batch`, cut connections.

What must stay true: a fault that loses an answer does so after the commit, and one that drops the connection
before the commit leaves the tenant untouched.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from . import (
    administrative_units,
    agents,
    apart,
    applications,
    audit,
    authentication_contexts,
    authentication_methods,
    batch,
    bins,
    conditional_access,
    control,
    delta,
    entitlement,
    evaluation,
    extension_properties,
    grants,
    group_access,
    group_expiry,
    group_settings,
    groups,
    links,
    metadata,
    open_extensions,
    plain,
    provisioning_templates,
    reading,
    recovery,
    restricted,
    role_assignments,
    role_definitions,
    role_eligibility,
    role_requests,
    role_settings,
    service_principals,
    strengths,
    sync_behavior,
    tenant,
    user_methods,
    users,
)
from .errors import DropConnection, GraphError, bad_request
from .service import InjectedError, Request, Response, Service

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Importing these registers their routes.
OPERATIONS = (
    administrative_units,
    agents,
    apart,
    applications,
    audit,
    authentication_contexts,
    authentication_methods,
    bins,
    conditional_access,
    delta,
    entitlement,
    evaluation,
    extension_properties,
    grants,
    group_expiry,
    group_settings,
    groups,
    links,
    metadata,
    open_extensions,
    plain,
    provisioning_templates,
    reading,
    recovery,
    restricted,
    role_assignments,
    role_definitions,
    role_eligibility,
    group_access,
    role_requests,
    role_settings,
    service_principals,
    strengths,
    sync_behavior,
    tenant,
    user_methods,
    users,
)
_encode = msgspec.json.Encoder().encode


class Application:
    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        body = await _body(receive)
        try:
            response = self._answer(scope, body)
        except DropConnection:
            await _cut(send)
            return
        if response.delay:
            await asyncio.sleep(self.service.clock.real_seconds(response.delay))
        if response.drop:
            await _cut(send)
            return
        await self._send(response, send)

    def _answer(self, scope: Scope, raw: bytes) -> Response:
        service = self.service
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True))
        raw_path = scope.get("raw_path") or scope["path"].encode()
        path = raw_path.split(b"?")[0].decode("latin-1")
        try:
            if path.startswith("/_sim"):
                return control.run(service, scope["method"], path, query, _parse(raw))
            service.stats.requests += 1
            response = self._graph(scope["method"], path, query, headers, raw)
        except GraphError as error:
            response = service.refusal(error, None)
        service.stats.statuses[str(response.status)] += 1
        return response

    def _graph(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], raw: bytes
    ) -> Response:
        service = self.service
        version, _, rest = path.lstrip("/").partition("/")
        if version not in ("v1.0", "beta"):
            raise bad_request(f"Invalid version: {version}.", "BadRequest")
        try:
            principal = service.tokens.read(headers.get("authorization"))
        except GraphError:
            service.rules.lean("auth.bearer")
            raise
        plain_json = "json" in headers.get("content-type", "") or not headers.get("content-type", "")
        body = _parse(raw) if plain_json or not raw else raw
        if raw and not headers.get("content-type", ""):
            raise bad_request("A body needs the Content-Type application/json.", "BadRequest")
        if rest.strip("/") == "$batch":
            return self._batch(method, version, body, headers, principal)
        return service.handle(Request(method, version, f"/{rest}", query, headers, body, principal))

    def _batch(self, method: str, version: str, body: Any, headers: dict[str, str], principal: Any) -> Response:
        if method != "POST":
            raise GraphError(405, "BadRequest", "Batches are posted.")
        effects = self.service.faults.effects("POST", f"/{version}/$batch", principal.app_id, in_batch=False)
        if effects.get("dropConnectionBeforeCommit"):
            raise DropConnection
        if "status" in effects and not effects.get("afterCommit"):
            raise InjectedError(effects)
        response = batch.run(self.service, version, body, headers, principal)
        outer = Request(method, version, "/$batch", {}, headers, None, principal, effects=effects)
        inner = (response.drop, response.truncate, response.delay)
        response = self.service.finish(outer, response)
        response.drop = response.drop or inner[0]
        response.truncate = inner[1] if response.truncate is None else response.truncate
        response.delay = max(response.delay, inner[2])
        return response

    async def _send(self, response: Response, send: Send) -> None:
        kind = b"application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
        if response.body is None:
            content = b""
        elif "#text" in response.body:
            content, kind = str(response.body["#text"]).encode(), b"text/plain"
        elif "#file" in response.body:
            content, kind = response.body["#file"], response.body["#type"].encode()
        else:
            content = _encode(response.body)
        headers = [(b"content-length", str(len(content)).encode())]
        if content:
            headers.append((b"content-type", kind))
        given = {"request-id": str(uuid.UUID(int=self.service.rng.getrandbits(128))), **response.headers}
        headers += [(k.lower().encode(), str(v).encode()) for k, v in given.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if response.truncate is not None and response.truncate < len(content):
            await send({"type": "http.response.body", "body": content[: response.truncate], "more_body": True})
            await asyncio.sleep(0.02)  # let the bytes leave before the connection is cut
            await _cut(send)
            return
        await send({"type": "http.response.body", "body": content})


def _parse(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise bad_request("Unable to read JSON request payload.", "BadRequest") from error


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _cut(send: Send) -> None:
    """Close the connection under the answer. uvicorn hands its request cycle's bound method to the application."""
    cycle = getattr(send, "__self__", None)
    transport = getattr(cycle, "transport", None)
    if transport is None:
        raise DropConnection
    transport.abort()
    await asyncio.sleep(0.01)  # until uvicorn has seen the connection go; else it logs an unfinished answer


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return

"""The WORM gateway: stands before Azurite's blob service and answers as Azure would by role, policy and hold.

One loopback port per role, so that an identity is a port; a control port of its own, which no role reaches,
serves `/_gateway/faults`, `/_gateway/log` and `/_gateway/clock`; a further one is the management plane (`arm.py`).
What must stay true:

* there is one lock state: what the management plane holds is what the gateway enforces, from the next request on;
* what a role may not do never reaches the store; what the rules don't know is refused (`worm.py`);
* looking whether a name exists and creating it happen under one lock per name, for all roles together: two
  concurrent creates can't both win;
* an allowed request is forwarded byte for byte (signatures cover the raw path, headers and query);
* a write is in the log before its answer is sent, so that a log read after a crash shows all that was committed.

`python -m tests.localrun.gateway --config FILE` prints one JSON line when it is ready.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import signal
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import IO, Any, Self

from aiohttp import (
    ClientConnectionError,
    ClientError,
    ClientPayloadError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    web,
)
from aiohttp.client import _RequestContextManager
from multidict import CIMultiDict
from yarl import URL

from tests.localrun import worm
from tests.localrun.arm import ManagementPlane
from tests.localrun.children import watch_parent
from tests.localrun.faults import FaultAction, FaultRule, FaultTable, SetRule
from tests.localrun.worm import Effect, Existing, LockedPolicy, Operation, Refusal, Role

_HOP_HEADERS = frozenset(
    ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "host")
)
_AUTO_HEADERS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_PROBE_VERSION = "2021-12-02"
_CHUNK = 1 << 16
_UPSTREAM_LOST = Refusal(503, "ServerBusy", "The storage behind the gateway can't be reached.")


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """`upstream`: root of Azurite's blob service; `accounts`: name → key, to look a blob up."""

    upstream: str
    accounts: Mapping[str, str]
    roles: Sequence[Role]
    policies: Sequence[LockedPolicy] = ()
    existing: Existing = Existing.CONFLICT
    log_file: Path | None = None
    ports: Mapping[str, int] = field(default_factory=dict)  # role → port; 0 or absent: any free one

    @classmethod
    def from_json(cls, spec: Mapping[str, Any]) -> Self:
        return cls(
            upstream=spec["upstream"],
            accounts=spec["accounts"],
            roles=[Role.from_json(name, role) for name, role in spec["roles"].items()],
            policies=[LockedPolicy(item["container"], item["days"]) for item in spec.get("policies", [])],
            existing=Existing(spec.get("existing", Existing.CONFLICT)),
            log_file=Path(spec["logFile"]) if spec.get("logFile") else None,
            ports=spec.get("ports", {}),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "upstream": self.upstream,
            "accounts": dict(self.accounts),
            "roles": {role.name: role.to_json() for role in self.roles},
            "policies": [{"container": item.container, "days": item.days} for item in self.policies],
            "existing": self.existing.value,
            "logFile": str(self.log_file) if self.log_file else None,
            "ports": dict(self.ports),
        }


class Gateway:
    """The gateway in this process; `async with Gateway(config) as gateway: gateway.urls["backup"]`."""

    def __init__(self, config: GatewayConfig, *, clock: Callable[[], float] = time.time) -> None:
        self._config = config
        self._clock = clock
        self.ahead = 0.0  # seconds by which the gateway's clock goes before that one
        self._born: dict[str, float] = {}  # path → when it was created by that clock; the store knows its own only
        self.plane = ManagementPlane(
            clock=lambda: datetime.fromtimestamp(self.now(), UTC), policies=config.policies, store=self
        )
        self._locks = _NameLocks()
        self._session: ClientSession | None = None
        self._runners: list[web.ServerRunner | web.AppRunner] = []
        self._file: IO[str] | None = None
        self._seq = 0
        self.faults = FaultTable()
        self.log: list[dict[str, Any]] = []
        self.urls: dict[str, str] = {}
        self.control_url = ""

    def now(self) -> float:
        """Seconds since 1970 by the gateway's clock, which retention goes by."""
        return self._clock() + self.ahead

    async def start(self) -> None:
        await self.plane.start()
        if self._config.log_file is not None:
            self._config.log_file.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._config.log_file.open("a", encoding="utf-8")
        self._session = ClientSession(
            auto_decompress=False,
            # Shorter than Azurite keeps an idle connection, so that it never closes one that we just chose.
            connector=TCPConnector(limit=0, keepalive_timeout=2),
            timeout=ClientTimeout(total=None),
            cookie_jar=DummyCookieJar(),
            skip_auto_headers=_AUTO_HEADERS,
        )
        # aiohttp sends an idempotent request again by itself when the connection breaks; a body that is being
        # streamed through can't be sent again, and a second create would turn a success into a conflict.
        self._session._retry_connection = False
        for role in self._config.roles:
            runner = web.ServerRunner(web.Server(self._serve(role), access_log=None), shutdown_timeout=2)
            self.urls[role.name] = await self._listen(runner, self._config.ports.get(role.name, 0))
        application = web.Application()
        application.add_routes(
            [
                web.get("/_gateway/faults", self._list_faults),
                web.post("/_gateway/faults", self._add_fault),
                web.delete("/_gateway/faults", self._remove_fault),
                web.delete("/_gateway/faults/{id}", self._remove_fault),
                web.get("/_gateway/log", self._read_log),
                web.post("/_gateway/clock", self._advance),
            ]
        )
        self.control_url = await self._listen(web.AppRunner(application, access_log=None, shutdown_timeout=2), 0)

    async def stop(self) -> None:
        self.faults.remove()
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()
        await self.plane.stop()
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._file is not None:
            self._file.close()
            self._file = None

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _listen(self, runner: web.ServerRunner | web.AppRunner, port: int) -> str:
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    # -- one request ------------------------------------------------------------------------------------------

    def _serve(self, role: Role) -> Callable[[web.BaseRequest], Any]:
        async def serve(request: web.BaseRequest) -> web.StreamResponse:
            operation = worm.read_request(request.method, request.raw_path, request.headers)
            fault = self.faults.take(role.name, request.method, operation.name, operation.path)
            action = fault.rule.action if fault else None
            exchange = _Exchange(role, operation, request, request_id=str(uuid.uuid4()), started=time.monotonic())
            if fault is not None and action is FaultAction.HOLD_BEFORE:
                await fault.hold()
                if _gone(request):  # its sender died while it was held: it was never sent
                    self._note(exchange, 0, "droppedWhileHeld")
                    return web.Response()
            if fault is not None and action is FaultAction.STATUS:
                injected = Refusal(fault.rule.status, fault.rule.code, "Injected by a fault rule.")
                return await self._refuse(exchange, injected, "fault", headers=fault.rule.headers)
            if action is FaultAction.DROP_BEFORE:
                self._note(exchange, 0, "dropBefore")
                return _drop(request)
            refusal = self._authorize(role, operation)
            if refusal is not None:
                return await self._refuse(exchange, refusal, "refused")
            return await self._answer(exchange, fault)

        return serve

    def _authorize(self, role: Role, operation: Operation) -> Refusal | None:
        if operation.account not in self._config.accounts:
            return worm.NO_ACCOUNT
        refusal = worm.authorize(role, operation)
        return refusal or worm.judge_container(operation, self.plane.guard(operation.container))

    async def _answer(self, exchange: _Exchange, fault: SetRule | None) -> web.StreamResponse:
        """Forward what the rules allow; the lock is held until the store has answered."""
        operation = exchange.operation
        if operation.effect is Effect.NONE:
            return await self._forward(exchange, fault)
        async with self._locks.hold(f"{operation.account}/{operation.path}"):
            guard = self.plane.guard(operation.container)
            if worm.must_look(exchange.role, operation, guard):
                try:
                    age = await self._age(operation)
                except ClientError:
                    return await self._refuse(exchange, _UPSTREAM_LOST, "upstreamLost")
                if age is not None:
                    refusal = worm.judge_existing(exchange.role, operation, guard, age)
                    if refusal is not None:
                        return await self._refuse(exchange, refusal, "refused")
            return await self._forward(exchange, fault)

    async def _forward(self, exchange: _Exchange, fault: SetRule | None) -> web.StreamResponse:
        request, operation = exchange.request, exchange.operation
        assert self._session is not None
        headers = CIMultiDict((k, v) for k, v in request.headers.items() if k.lower() not in _HOP_HEADERS)
        try:
            async with self._session.request(
                request.method,
                URL(self._config.upstream + request.raw_path, encoded=True),
                headers=headers,
                data=request.content if request.can_read_body else None,
                allow_redirects=False,
            ) as upstream:
                code = upstream.headers.get("x-ms-error-code", "")
                if upstream.status == 409 and code == worm.EXISTS.code and operation.effect is Effect.CREATE:
                    other = worm.judge_conflict(exchange.role, operation, self._config.existing)
                    if other is not None:
                        return await self._refuse(exchange, other, "refused")
                self._remember(operation, upstream.status)
                self._note(exchange, upstream.status, "forwarded", code)
                if fault is not None and fault.rule.action is FaultAction.DROP_AFTER:
                    return _drop(request)
                if fault is not None and fault.rule.action is FaultAction.HOLD_AFTER:
                    await fault.hold()
                response = web.StreamResponse(status=upstream.status, reason=upstream.reason)
                for name, value in upstream.headers.items():
                    if name.lower() not in _HOP_HEADERS:
                        response.headers.add(name, value)
                if operation.name == "GetContainerProperties":
                    guard = self.plane.guard(operation.container)
                    response.headers["x-ms-has-immutability-policy"] = str(guard.days > 0).lower()
                    response.headers["x-ms-has-legal-hold"] = str(guard.held).lower()
                try:
                    await response.prepare(request)
                    async for chunk in upstream.content.iter_chunked(_CHUNK):
                        await response.write(chunk)
                    await response.write_eof()
                except ConnectionError:
                    # The client left; what it asked for is done and in the log.
                    return _drop(request)
                return response
        except ClientPayloadError:
            # The store broke off in the middle: the client must see a broken answer, not a short one.
            self._note(exchange, 0, "upstreamLost")
            return _drop(request)
        except ClientConnectionError:
            if _gone(request):
                self._note(exchange, 0, "clientLost")
                return _drop(request)
            return await self._refuse(exchange, _UPSTREAM_LOST, "upstreamLost")

    def _remember(self, operation: Operation, status: int) -> None:
        if operation.name == "DeleteContainer" and status == 202:
            self.plane.containers.pop(operation.container, None)
        if operation.effect is Effect.CREATE and status == 201 and (self.ahead or self._clock is not time.time):
            self._born[f"{operation.account}/{operation.path}"] = self.now()

    async def _refuse(
        self, exchange: _Exchange, refusal: Refusal, decision: str, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        request = exchange.request
        try:
            # Read what the client still sends: closing early would show it a broken pipe instead of the answer.
            async for _ in request.content.iter_chunked(_CHUNK):
                pass
        except ConnectionError:
            self._note(exchange, 0, "clientLost")
            return web.Response()
        self._note(exchange, refusal.status, decision, refusal.code)
        response = web.Response(status=refusal.status)
        response.headers.update(
            {
                "x-ms-error-code": refusal.code,
                "x-ms-request-id": exchange.request_id,
                "x-ms-version": request.headers.get("x-ms-version", _PROBE_VERSION),
                "Server": "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0",
                **(headers or {}),
            }
        )
        client_id = request.headers.get("x-ms-client-request-id")
        if client_id:
            response.headers["x-ms-client-request-id"] = client_id
        if request.method != "HEAD":
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
            response.content_type = "application/xml"
            response.body = (
                '\ufeff<?xml version="1.0" encoding="utf-8"?>'
                f"<Error><Code>{refusal.code}</Code><Message>{refusal.message}\n"
                f"RequestId:{exchange.request_id}\nTime:{now}</Message></Error>"
            ).encode()
        return response

    async def _age(self, operation: Operation) -> float | None:
        """How many seconds old the blob is by the gateway's clock; `None` if there is none."""
        async with self._ask("HEAD", operation.account, operation.path) as found:
            if found.status == 404:
                return None
            if found.status != 200:
                raise ClientError(f"looking up a blob was answered with {found.status}")
            created = found.headers.get("x-ms-creation-time") or found.headers["Last-Modified"]
        born = self._born.get(f"{operation.account}/{operation.path}")
        return self.now() - (parsedate_to_datetime(created).timestamp() if born is None else born)

    def _ask(self, method: str, account: str, path: str, **query: str) -> _RequestContextManager:
        """A request of the gateway's own, with the account's key."""
        assert self._session is not None
        raw = URL.build(path=f"/{account}/{path}").raw_path
        headers = _signed(method, account, self._config.accounts[account], raw, query)
        url = URL(self._config.upstream + raw, encoded=True).with_query(query)
        return self._session.request(method, url, headers=headers)

    # -- the store, as the management plane sees it ------------------------------------------------------------

    async def holds_blobs(self, container: str) -> bool:
        (account,) = self._config.accounts
        async with self._ask("GET", account, container, restype="container", comp="list", maxresults="1") as found:
            return found.status == 200 and b"<Blob>" in await found.read()

    async def remove_container(self, container: str) -> None:
        (account,) = self._config.accounts
        async with self._ask("DELETE", account, container, restype="container") as answer:
            if answer.status not in (202, 404):
                raise ClientError(f"deleting a container was answered with {answer.status}")

    def _note(self, exchange: _Exchange, status: int, decision: str, code: str = "") -> None:
        self._seq += 1
        operation = exchange.operation
        entry = {
            "seq": self._seq,
            "time": datetime.now(UTC).isoformat(timespec="microseconds"),
            "role": exchange.role.name,
            "method": exchange.request.method,
            "operation": operation.name,
            "path": operation.path,
            "status": status,
            "code": code,
            "decision": decision,
            "ms": round((time.monotonic() - exchange.started) * 1000, 1),
        }
        self.log.append(entry)
        if self._file is not None:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()

    # -- control ----------------------------------------------------------------------------------------------

    async def _list_faults(self, _request: web.Request) -> web.Response:
        return web.json_response([rule.to_json() for rule in self.faults.all()])

    async def _add_fault(self, request: web.Request) -> web.Response:
        try:
            rule = FaultRule.from_json(await request.json())
        except (ValueError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(self.faults.add(rule).to_json(), status=201)

    async def _remove_fault(self, request: web.Request) -> web.Response:
        text = request.match_info.get("id")
        found = self.faults.remove(int(text) if text else None)
        return web.Response(status=204 if found or text is None else 404)

    async def _advance(self, request: web.Request) -> web.Response:
        self.ahead += float((await request.json())["seconds"])
        return web.json_response({"now": self.now()})

    async def _read_log(self, request: web.Request) -> web.Response:
        since = int(request.query.get("since", "0"))
        return web.json_response(self.log[max(since, 0) :])


@dataclass(frozen=True, slots=True)
class _Exchange:
    role: Role
    operation: Operation
    request: web.BaseRequest
    request_id: str
    started: float


class _NameLocks:
    """One lock per blob name, kept only while somebody wants it."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: Counter[str] = Counter()

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        lock = self._locks.setdefault(name, asyncio.Lock())
        self._users[name] += 1
        try:
            async with lock:
                yield
        finally:
            self._users[name] -= 1
            if not self._users[name]:
                del self._users[name], self._locks[name]


def _gone(request: web.BaseRequest) -> bool:
    return request.transport is None or request.transport.is_closing()


def _drop(request: web.BaseRequest) -> web.Response:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _signed(method: str, account: str, key: str, path: str, query: Mapping[str, str]) -> dict[str, str]:
    """Headers of a request without body, by the Shared Key scheme ("Authorize with Shared Key",
    learn.microsoft.com)."""
    date = formatdate(usegmt=True)
    resource = "".join([f"/{account}{path}", *(f"\n{name}:{query[name]}" for name in sorted(query))])
    text = method + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{_PROBE_VERSION}\n{resource}"
    mac = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    signature = base64.b64encode(mac).decode()
    return {
        "x-ms-date": date,
        "x-ms-version": _PROBE_VERSION,
        "Authorization": f"SharedKey {account}:{signature}",
    }


async def _run(config: GatewayConfig) -> None:
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, done.set)
    async with Gateway(config) as gateway:
        ready = {
            "ready": True,
            "roles": gateway.urls,
            "control": gateway.control_url,
            "management": gateway.plane.url,
        }
        print(json.dumps(ready), flush=True)
        await done.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tests.localrun.gateway", description="WORM gateway before Azurite")
    parser.add_argument("--config", required=True, help="JSON file, or - for standard input's first line")
    options = parser.parse_args(arguments)
    text = Path(options.config).read_text(encoding="utf-8") if options.config != "-" else sys.stdin.readline()
    config = GatewayConfig.from_json(json.loads(text))
    watch_parent()
    asyncio.run(_run(config))
    return 0


if __name__ == "__main__":
    sys.exit(main())

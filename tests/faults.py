"""Faults at the ports, for tests that run in one process.

Every wrapper is the port it wraps. All wrappers of one simulated process share one `Faults`: it numbers their
calls, keeps the write log, and decides where one goes wrong. After a `Crash` the process is dead: whatever
task of it is still running can touch nothing outside any more, just as after a SIGKILL.

A full enumeration:

    for crash in crash_points(writes_of_a_clean_run):
        with_new_ports…; run_until_crash(worker(faulty ports)); then the same again without faults; check
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from shared.domain.ports import (
    AppState,
    AppSwitch,
    BlobStat,
    BlobStore,
    Directory,
    GraphRequest,
    GraphResponse,
    Page,
    Row,
    SecretStore,
    Signer,
    TableStore,
    VaultControl,
    WorkQueue,
)
from shared.domain.vault import AccountState, ContainerState, RetentionPolicy

T = TypeVar("T")


class Crash(BaseException):
    """The process is gone. No `except Exception` may hold it up."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call at a port. `number` counts from 1, writes and reads apart; `what` is like `put vault/run.json`."""

    number: int
    what: str
    write: bool
    port: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """`before`: the call never gets through. Otherwise it is carried out, and its answer is lost."""

    error: Callable[[], BaseException]
    before: bool


Rule = Callable[[Call], Fault | None]


class Faults:
    """What one simulated process suffers, and a log of the writes that got through."""

    def __init__(self, *rules: Rule) -> None:
        self._rules = list(rules)
        self._writes = 0
        self._reads = 0
        self.dead = False
        self.calls: list[Call] = []
        self.written: list[str] = []

    def add(self, rule: Rule) -> None:
        self._rules.append(rule)

    async def around(self, what: str, call: Callable[[], Awaitable[T]], *, write: bool, port: str) -> T:
        fault = self._next(what, write=write, port=port)
        if fault is not None and fault.before:
            raise self._raised(fault)
        try:
            result = await call()
        except Exception:
            if self.dead:
                raise Crash from None
            if fault is not None:
                raise self._raised(fault) from None  # a refusal is an answer, too: it is lost
            raise
        if write:
            self.written.append(what)
        if self.dead:
            raise Crash  # another task of this process crashed while the call was under way
        if fault is not None:
            raise self._raised(fault)
        return result

    def _next(self, what: str, *, write: bool, port: str) -> Fault | None:
        if self.dead:
            raise Crash
        if write:
            self._writes += 1
        else:
            self._reads += 1
        call = Call(self._writes if write else self._reads, what, write, port)
        self.calls.append(call)
        for rule in self._rules:
            fault = rule(call)
            if fault is not None:
                return fault
        return None

    @property
    def writes(self) -> list[Call]:
        """The writes that were tried, in order."""
        return [call for call in self.calls if call.write]

    def _raised(self, fault: Fault) -> BaseException:
        error = fault.error()
        if isinstance(error, Crash):
            self.dead = True
        return error


class Interleaved(Faults):
    """Lets other tasks run between a process's calls, in an order that the seed decides."""

    def __init__(self, rng: random.Random, *rules: Rule) -> None:
        super().__init__(*rules)
        self._rng = rng

    async def around(self, what: str, call: Callable[[], Awaitable[T]], *, write: bool, port: str) -> T:
        for _ in range(self._rng.randrange(6)):
            await asyncio.sleep(0)
        return await super().around(what, call, write=write, port=port)


def crash_at(number: int, *, before: bool) -> Rule:
    """Dies at the n-th write: before it is sent, or after it is stored and before its answer is seen."""
    return lambda call: Fault(Crash, before) if call.write and call.number == number else None


def crash_points(writes: int) -> Iterator[Rule]:
    """A crash before and after each of so many writes."""
    for number in range(1, writes + 1):
        yield crash_at(number, before=True)
        yield crash_at(number, before=False)


def fail(
    part: str, error: Callable[[], BaseException], *, before: bool = True, times: int = 1, skip: int = 0
) -> Rule:
    """Raises `error` at calls whose name contains `part`: `times` times, after letting `skip` of them pass."""
    seen = 0

    def rule(call: Call) -> Fault | None:
        nonlocal seen
        if part not in call.what:
            return None
        seen += 1
        return Fault(error, before) if skip < seen <= skip + times else None

    return rule


async def run_until_crash(work: Awaitable[Any]) -> bool:
    """True if the simulated process died, False if it came to its end. Other errors are passed on."""
    try:
        await work
    except Crash:
        return True
    except BaseExceptionGroup as group:  # a task group reports what its tasks died of
        if group.subgroup(Crash) is None:
            raise
        return True
    return False


# --- wrappers ------------------------------------------------------------------------------------------


class FaultyBlobStore:
    def __init__(self, inner: BlobStore, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    @property
    def container(self) -> str:
        return self._inner.container

    async def put_new(self, name: str, data: bytes) -> None:
        what = f"put {self.container}/{name}"
        await self._faults.around(what, lambda: self._inner.put_new(name, data), write=True, port="blob")

    async def get(self, name: str) -> bytes:
        what = f"get {self.container}/{name}"
        return await self._faults.around(what, lambda: self._inner.get(name), write=False, port="blob")

    async def list(self, prefix: str = "") -> AsyncIterator[BlobStat]:
        what = f"list {self.container}/{prefix}"
        async for stat in _listed(self._faults, what, self._inner.list(prefix), port="blob"):
            yield stat


class FaultyTableStore:
    def __init__(self, inner: TableStore, faults: Faults, name: str = "table") -> None:
        self._inner = inner
        self._faults = faults
        self._name = name

    async def get(self, partition: str, key: str) -> Row | None:
        what = f"row {self._name}/{partition}/{key}"
        return await self._faults.around(what, lambda: self._inner.get(partition, key), write=False, port="table")

    async def insert(self, row: Row) -> bool:
        what = f"insert {self._name}/{row.partition}/{row.key}"
        return await self._faults.around(what, lambda: self._inner.insert(row), write=True, port="table")

    async def replace(self, row: Row) -> Row:
        what = f"replace {self._name}/{row.partition}/{row.key}"
        return await self._faults.around(what, lambda: self._inner.replace(row), write=True, port="table")

    async def query(self, partition: str) -> AsyncIterator[Row]:
        what = f"rows {self._name}/{partition}"
        async for row in _listed(self._faults, what, self._inner.query(partition), port="table"):
            yield row


class FaultyQueue:
    def __init__(self, inner: WorkQueue, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    @property
    def name(self) -> str:
        return self._inner.name

    async def send(self, body: str, *, delay: float = 0.0) -> None:
        what = f"send {self.name}"
        await self._faults.around(what, lambda: self._inner.send(body, delay=delay), write=True, port="queue")


class FaultySecretStore:
    def __init__(self, inner: SecretStore, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    async def put(self, name: str, value: str) -> str:
        return await self._faults.around(
            f"secret {name}", lambda: self._inner.put(name, value), write=True, port="secret"
        )

    async def get(self, name: str) -> str | None:
        return await self._faults.around(
            f"read secret {name}", lambda: self._inner.get(name), write=False, port="secret"
        )


class FaultyVaultControl:
    def __init__(self, inner: VaultControl, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    async def account(self) -> AccountState:
        return await self._faults.around("account", self._inner.account, write=False, port="control")

    async def container(self, name: str) -> ContainerState:
        return await self._around("container", name, lambda: self._inner.container(name), write=False)

    async def lock(self, name: str, etag: str) -> RetentionPolicy:
        return await self._around("lock", name, lambda: self._inner.lock(name, etag))

    async def extend(self, name: str, days: int, etag: str) -> RetentionPolicy:
        return await self._around("extend", name, lambda: self._inner.extend(name, days, etag))

    async def hold(self, name: str, tag: str) -> None:
        await self._around("hold", f"{name}/{tag}", lambda: self._inner.hold(name, tag))

    async def release(self, name: str, tag: str) -> None:
        await self._around("release", f"{name}/{tag}", lambda: self._inner.release(name, tag))

    async def _around(self, verb: str, name: str, call: Callable[[], Awaitable[T]], *, write: bool = True) -> T:
        return await self._faults.around(f"{verb} {name}", call, write=write, port="control")


class FaultyAppSwitch:
    def __init__(self, inner: AppSwitch, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    async def state(self) -> AppState:
        return await self._faults.around("app state", self._inner.state, write=False, port="switch")

    async def start(self) -> None:
        await self._faults.around("start", self._inner.start, write=True, port="switch")

    async def stop(self) -> None:
        await self._faults.around("stop", self._inner.stop, write=True, port="switch")


class FaultySigner:
    """Signing changes nothing outside, so it counts as a read."""

    def __init__(self, inner: Signer, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    @property
    def key_id(self) -> str:
        return self._inner.key_id

    async def sign(self, signing_input: bytes) -> bytes:
        return await self._faults.around("sign", lambda: self._inner.sign(signing_input), write=False, port="key")


class FaultyDirectory:
    """A batch that holds a write counts as one write: the process can die before or after it, not inside."""

    def __init__(self, inner: Directory, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    async def page(self, request: GraphRequest) -> Page:
        return await self._faults.around(
            _named(request), lambda: self._inner.page(request), write=False, port="graph"
        )

    async def send(self, request: GraphRequest) -> GraphResponse:
        write = request.method != "GET"
        return await self._faults.around(
            _named(request), lambda: self._inner.send(request), write=write, port="graph"
        )

    async def batch(self, requests: Sequence[GraphRequest]) -> list[GraphResponse]:
        what = "batch " + ", ".join(_named(request) for request in requests)
        write = any(request.method != "GET" for request in requests)
        return await self._faults.around(what, lambda: self._inner.batch(requests), write=write, port="graph")

    def page_of(self, request: GraphRequest, response: GraphResponse) -> Page:
        return self._inner.page_of(request, response)

    async def roles(self) -> frozenset[str] | None:
        return await self._faults.around("roles", self._inner.roles, write=False, port="graph")


def _named(request: GraphRequest) -> str:
    return f"{request.method} {request.path}"


async def _listed(faults: Faults, what: str, inner: AsyncIterator[T], *, port: str) -> AsyncIterator[T]:
    """Each entry is a read of its own, so that a listing can break off in the middle."""
    entries = aiter(inner)
    while True:
        try:
            entry = await faults.around(what, lambda: anext(entries), write=False, port=port)
        except StopAsyncIteration:
            return
        yield entry

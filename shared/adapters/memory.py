"""The ports in memory: for tests that run in one process, for full enumerations of crashes, and the queues of a
restore from a folder copy, whose messages need not outlive it.

They pass the same contract suites as the real ones. Nothing survives the object; two "processes" of a test
share state by sharing these objects.
"""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left, insort
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapters.clock import make_password
from shared.adapters.limits import (
    accepted_values,
    check_blob,
    check_blob_name,
    check_key,
    check_message,
    check_prefix,
    check_secret_name,
)
from shared.domain.errors import BlobExists, BlobMissing, RowChanged
from shared.domain.ports import BlobStat, Clock, Row


class MemoryBlobStore:
    """One container. `blobs` may be looked at, and changed by a test that plays an attacker."""

    def __init__(self, container: str = "vault") -> None:
        self.container = container
        self.blobs: dict[str, bytes] = {}

    async def put_new(self, name: str, data: bytes) -> None:
        check_blob(name, data)
        if name in self.blobs:
            raise BlobExists(f"{name} exists in {self.container}")
        self.blobs[name] = bytes(data)

    async def get(self, name: str) -> bytes:
        check_blob_name(name)
        if name not in self.blobs:
            raise BlobMissing(f"there is no {name} in {self.container}")
        return self.blobs[name]

    async def list(self, prefix: str = "") -> AsyncIterator[BlobStat]:
        check_prefix(prefix)
        for name in sorted(self.blobs):
            if name.startswith(prefix):
                yield BlobStat(name, len(self.blobs[name]))


class MemoryTableStore:
    """One table."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Row] = {}
        self._keys: list[tuple[str, str]] = []
        self._version = 0

    async def get(self, partition: str, key: str) -> Row | None:
        check_key(partition)
        check_key(key)
        return self._rows.get((partition, key))

    async def insert(self, row: Row) -> bool:
        _check_keys(row)
        values = accepted_values(row.values)
        if (row.partition, row.key) in self._rows:
            return False
        self._store(row, values)
        return True

    async def replace(self, row: Row) -> Row:
        _check_keys(row)
        values = accepted_values(row.values)
        stored = self._rows.get((row.partition, row.key))
        if row.etag and (stored is None or stored.etag != row.etag):
            raise RowChanged("the row was changed or removed meanwhile")
        return self._store(row, values)

    async def query(self, partition: str) -> AsyncIterator[Row]:
        check_key(partition)
        at = bisect_left(self._keys, (partition, ""))
        while at < len(self._keys) and self._keys[at][0] == partition:
            key = self._keys[at]
            yield self._rows[key]
            at = bisect_left(self._keys, (key[0], key[1] + "\0"))

    def _store(self, row: Row, values: dict[str, Any]) -> Row:
        self._version += 1
        stored = replace(row, values=values, etag=f"v{self._version}")
        name = (row.partition, row.key)
        if name not in self._rows:
            insort(self._keys, name)
        self._rows[name] = stored
        return stored


def _check_keys(row: Row) -> None:
    check_key(row.partition)
    check_key(row.key)


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A received message. `receipt` is good until the message is received again or hidden anew."""

    id: str
    body: str
    dequeue_count: int
    receipt: str


@dataclass(slots=True)
class _Queued:
    id: str
    body: str
    visible_at: float
    dequeue_count: int = 0
    receipt: str = ""


class MemoryQueue:
    """One queue. A test host drives it with `receive`, `delete` and `hide`; time is the clock's."""

    def __init__(self, name: str, clock: Clock | None = None) -> None:
        self.name = name
        self._clock = clock if clock is not None else ManualClock()
        self._messages: list[_Queued] = []
        self._counter = 0

    async def send(self, body: str, *, delay: float = 0.0) -> None:
        check_message(body, delay)
        self._counter += 1
        self._messages.append(_Queued(f"m{self._counter}", body, self._clock.monotonic() + delay))

    def receive(self, *, limit: int = 1, visibility: float = 30.0) -> list[QueueMessage]:
        """Visible messages, hidden from others for `visibility` seconds."""
        now = self._clock.monotonic()
        received = []
        for message in [one for one in self._messages if one.visible_at <= now][:limit]:
            self._counter += 1
            message.dequeue_count += 1
            message.visible_at = now + visibility
            message.receipt = f"r{self._counter}"
            received.append(QueueMessage(message.id, message.body, message.dequeue_count, message.receipt))
        return received

    def delete(self, message: QueueMessage) -> bool:
        """False if the receipt is stale: somebody else has the message now."""
        found = self._held(message)
        if found is not None:
            self._messages.remove(found)
        return found is not None

    def hide(self, message: QueueMessage, seconds: float) -> bool:
        """Makes it visible again after `seconds` (0: at once). False if the receipt is stale."""
        found = self._held(message)
        if found is not None:
            found.visible_at = self._clock.monotonic() + seconds
        return found is not None

    def repeat(self, message: QueueMessage) -> None:
        """Plays at-least-once delivery: the same message comes again, whether deleted or not."""
        self._counter += 1
        self._messages.append(_Queued(message.id, message.body, self._clock.monotonic(), message.dequeue_count))

    @property
    def bodies(self) -> list[str]:
        """All messages, hidden ones too."""
        return [message.body for message in self._messages]

    @property
    def next_visible(self) -> float | None:
        """Seconds until a message can be received; None: the queue is empty."""
        if not self._messages:
            return None
        return max(0.0, min(one.visible_at for one in self._messages) - self._clock.monotonic())

    def _held(self, message: QueueMessage) -> _Queued | None:
        for one in self._messages:
            if one.id == message.id and one.receipt == message.receipt:
                return one
        return None


class MemorySecretStore:
    """Versions by name; the last one counts, until it expires."""

    def __init__(self, clock: Clock, lifetime: timedelta = timedelta(days=7)) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self.versions: dict[str, list[str]] = {}
        self.expires: dict[str, datetime] = {}  # of the last version

    async def put(self, name: str, value: str) -> str:
        check_secret_name(name)
        versions = self.versions.setdefault(name, [])
        versions.append(value)
        self.expires[name] = self._clock.now() + self._lifetime
        return f"memory:{name}/{len(versions)}"

    async def get(self, name: str) -> str | None:
        check_secret_name(name)
        versions = self.versions.get(name)
        return versions[-1] if versions and self._clock.now() < self.expires[name] else None


class ManualClock:
    """A clock that moves only when somebody sleeps or calls `advance`. Sleepers wake in order of their times,
    and two that sleep together take as long as the longer one."""

    def __init__(self, start: datetime = datetime(2026, 11, 22, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleepers: list[float] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    def advance(self, seconds: float) -> None:
        self._elapsed += seconds

    async def sleep(self, seconds: float) -> None:
        until = self._elapsed + max(0.0, seconds)
        insort(self._sleepers, until)
        try:
            await asyncio.sleep(0)
            while self._sleepers[0] < until and self._elapsed < until:  # noqa: ASYNC110 (they wake in order)
                await asyncio.sleep(0)
            self._elapsed = max(self._elapsed, until)
        finally:
            self._sleepers.remove(until)


class SeededIds:
    """Ids that repeat from run to run: one seed for each simulated process, or they collide."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 (tests want the same ids every time)

    def new(self) -> str:
        return f"{self._random.getrandbits(64):016x}"

    def password(self) -> str:
        return make_password(self._random.choice, self._random.shuffle)

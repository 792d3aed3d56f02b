"""Pacing: one token bucket per throttle class, in resource units, shared by everyone in the process.

Owns how fast we may ask. What must stay true: everything sent to Graph was taken from its class first, a
batch with the sum of its inner requests; after Retry-After the class is silent until that time; waits are
first come, first served. Numbers: learn.microsoft.com, "Microsoft Graph service-specific throttling limits",
identity and access (large tenant: 8,000 units per 10 s and 3,000 writes per 150 s for an app in a tenant).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shared.domain.errors import GraphDown, Unusable
from shared.domain.ports import Clock, GraphRequest

WRITES = "directoryWrite"
_TICK = 0.001  # shortest wait, so that rounding can never make a loop that does not advance time
_SLACK = 1.0  # rounding must not make a pause longer than the patience that allowed it
_SLOW_SECONDS = 10.0  # one quota window: how long a warning counts
_WARNING = 0.8


@dataclass(frozen=True, slots=True)
class Quota:
    """`units` per `seconds`, at most `burst` at once.

    `by_request`: the limit counts requests and is small; such requests go out one by one, never in a batch,
    because a batch would spend many of them in the same moment.
    """

    units: float
    seconds: float
    burst: float
    by_request: bool = False

    @property
    def rate(self) -> float:
        return self.units / self.seconds


def quotas(read_share: float = 0.5, write_share: float = 1.0) -> Mapping[str, Quota]:
    """The classes, at a share of a large tenant's quota.

    Bursts are small, so that burst and rate together stay inside any window the service may count by: reads
    under 4,800 of 8,000 (and of a medium tenant's 5,000), writes at 19.6 a second under 2,960 of 3,000.
    """
    return MappingProxyType(
        {
            "directory": Quota(8000 * read_share, 10, burst=max(40.0, 1600 * read_share)),
            WRITES: Quota(2940 * write_share, 150, burst=20),
            # One request a second for all apps of the tenant; a little slower, because answers jitter.
            "conditionalAccess": Quota(1, 1.05, burst=1, by_request=True),
            "audit": Quota(5, 10.5, burst=1, by_request=True),
        }
    )


class _Bucket:
    def __init__(self, name: str, quota: Quota, clock: Clock) -> None:
        self.name = name
        self.quota = quota
        self._clock = clock
        self._level = quota.burst
        self._stamp = clock.monotonic()  # up to when the level is counted; in the future while paused
        self._slow_until = self._stamp
        self._slow_factor = 1.0
        self._turn = asyncio.Lock()

    async def take(self, units: float, patience: float) -> None:
        # More than a burst at once (a batch of dear requests) waits for a full bucket and leaves a debt.
        need = min(units, self.quota.burst)
        async with self._turn:
            while True:
                wait = self._wait_for(need, patience)
                if wait <= 0:
                    break
                await self._clock.sleep(max(wait, _TICK))
            self._level -= units

    def _wait_for(self, need: float, patience: float) -> float:
        now = self._clock.monotonic()
        pause = self._stamp - now
        if pause > patience + _SLACK:
            raise GraphDown(f"Graph asked for a pause of {pause:.0f} s in class {self.name}", after=pause)
        if pause > 0:
            return pause
        slow = max(0.0, min(now, self._slow_until) - self._stamp)
        counted = (now - self._stamp - slow) + slow * self._slow_factor
        self._level = min(self.quota.burst, self._level + counted * self.quota.rate)
        self._stamp = now
        missing = need - self._level
        if missing <= 1e-9:
            return 0.0
        return missing / (self.quota.rate * (self._slow_factor if now < self._slow_until else 1.0))

    def pause(self, seconds: float) -> None:
        """Silence until then, and an empty bucket after it: no burst of everyone who waited."""
        self._stamp = max(self._stamp, self._clock.monotonic() + seconds)
        self._level = min(self._level, 0.0)

    def slow(self, percentage: float) -> None:
        """Gently below the limit, where our own pacing at nearly all of a quota brings us; hard above it."""
        over = percentage - _WARNING
        self._slow_factor = 1 - over / 4 if percentage < 1.0 else 0.5 if percentage < 1.2 else 0.25
        self._slow_until = max(self._clock.monotonic(), self._stamp) + _SLOW_SECONDS


class Limits:
    """All buckets of the process. Make one, on the loop that uses it, and pass it to every `GraphDirectory`."""

    def __init__(self, clock: Clock, quotas: Mapping[str, Quota] = quotas()) -> None:
        if WRITES not in quotas:
            raise Unusable(f"the quotas lack the class {WRITES}")
        self._buckets = {name: _Bucket(name, quota, clock) for name, quota in quotas.items()}

    def quota(self, throttle: str) -> Quota:
        return self._bucket(throttle).quota

    def _bucket(self, throttle: str) -> _Bucket:
        try:
            return self._buckets[throttle]
        except KeyError:
            raise Unusable(f"no throttle class is called {throttle!r}") from None

    def charge(self, requests: Iterable[GraphRequest]) -> dict[str, float]:
        """What requests take from each class: their cost, and a write each if they are not GET."""
        total: dict[str, float] = {}
        for request in requests:
            units = 1.0 if self.quota(request.throttle).by_request else float(request.cost)
            total[request.throttle] = total.get(request.throttle, 0.0) + units
            if request.method != "GET":
                total[WRITES] = total.get(WRITES, 0.0) + 1.0
        return total

    async def take(self, charge: Mapping[str, float], patience: float) -> None:
        """Waits until the charge may be spent. Raises `GraphDown` where a class is silent for longer than
        `patience`; then nothing was sent."""
        for throttle, units in charge.items():
            await self._bucket(throttle).take(units, patience)

    def pause(self, charge: Iterable[str], seconds: float) -> None:
        for throttle in charge:
            self._bucket(throttle).pause(seconds)

    def slow(self, charge: Iterable[str], percentage: float) -> None:
        """`x-ms-throttle-limit-percentage`: above 0.8 the service is about to answer 429. After a write it is
        the writes that are slowed; if units are short, the reads' own answers say so."""
        if percentage > _WARNING:
            classes = set(charge)
            for throttle in {WRITES} if WRITES in classes else classes:
                self._bucket(throttle).slow(percentage)

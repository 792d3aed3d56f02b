"""Throttling: sliding windows of resource units, writes and requests, on the simulated clock.

Every request is counted, refused ones too. Conditional access is an island of its own: one request a second for
the whole tenant, and its refusal carries no Retry-After.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from .clock import SimClock
from .errors import GraphError
from .rules import costs
from .rules.costs import Charge
from .rules.registry import RuleBook


class Window:
    """A sliding window: what was spent in the last `seconds`."""

    def __init__(self, limit: float, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._spent: deque[tuple[float, int]] = deque()
        self._sum = 0

    def _forget(self, now: float) -> None:
        while self._spent and self._spent[0][0] <= now - self.seconds:
            self._sum -= self._spent.popleft()[1]

    def used(self, now: float) -> float:
        self._forget(now)
        return self._sum / self.limit

    def would_exceed(self, now: float, units: int) -> bool:
        self._forget(now)
        return self._sum + units > self.limit

    def spend(self, now: float, units: int) -> None:
        self._spent.append((now, units))
        self._sum += units

    def wait(self, now: float, units: int) -> float:
        """Seconds until `units` fit, if nothing else is spent."""
        self._forget(now)
        over = self._sum + units - self.limit
        for moment, spent in self._spent:
            over -= spent
            if over <= 0:
                return moment + self.seconds - now
        return self.seconds


class Bucket:
    """A token bucket: `burst` at once, refilled at `rate` a second; refusals run up a small debt."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.limit = burst
        self._level = burst
        self._at: float | None = None

    def _fill(self, now: float) -> None:
        if self._at is not None:
            self._level = min(self.limit, self._level + (now - self._at) * self.rate)
        self._at = now

    def used(self, now: float) -> float:
        self._fill(now)
        return 1 - self._level / self.limit

    def would_exceed(self, now: float, units: int) -> bool:
        self._fill(now)
        return self._level < units

    def spend(self, now: float, units: int) -> None:
        self._fill(now)
        self._level = max(-1.0, self._level - units)

    def wait(self, now: float, units: int) -> float:
        self._fill(now)
        return max(0.0, (units - self._level) / self.rate)


@dataclass(frozen=True, slots=True)
class Limit:
    scope: str
    name: str  # CPULimitExceeded, WriteLimitExceeded, ResourceUnitLimitExceeded
    window: Window | Bucket
    units: int
    retry_after: bool
    rule: str


class Throttle:
    def __init__(self, clock: SimClock, rules: RuleBook, tenant_id: str) -> None:
        self._clock = clock
        self._rules = rules
        self._tenant_id = tenant_id
        self._windows: dict[tuple[str, str], Window] = {}
        self.enabled = True
        self.size = "M"
        # One a second on average; a burst of two, so that jitter on the wire isn't punished.
        self.conditional_access_burst = 2.0
        self._bucket: Bucket | None = None

    def reset(self) -> None:
        self._windows.clear()
        self._bucket = None

    def _window(self, name: str, app: str, limit: float, seconds: float) -> Window:
        key = (name, app)
        window = self._windows.get(key)
        if window is None or window.limit != limit:
            window = self._windows[key] = Window(limit, seconds)
        return window

    def _limits(self, app: str, charge: Charge) -> list[Limit]:
        if charge.island == "conditionalAccess":
            if self._bucket is None or self._bucket.limit != self.conditional_access_burst:
                self._bucket = Bucket(costs.CONDITIONAL_ACCESS_PER_S, self.conditional_access_burst)
            return [
                Limit("Tenant", "ResourceUnitLimitExceeded", self._bucket, 1, False, "throttle.conditional-access")
            ]
        if charge.island == "audit":
            window = self._window("audit", app, costs.AUDIT_REQUESTS_PER_10S, 10)
            return [Limit("Application_Tenant", "ResourceUnitLimitExceeded", window, 1, True, "throttle.audit")]
        units = self._window("units", app, costs.DIRECTORY_RU_PER_10S[self.size], 10)
        limits = [
            Limit("Tenant_Application", "ResourceUnitLimitExceeded", units, charge.units, True, "throttle.units")
        ]
        if charge.write:
            writes = self._window("writes", app, costs.DIRECTORY_WRITES_PER_150S, 150)
            limits.append(Limit("Tenant_Application", "WriteLimitExceeded", writes, 1, True, "throttle.writes"))
            tenant = self._window("tenantWrites", "*", costs.TENANT_WRITES_PER_300S, 300)
            limits.append(Limit("Tenant", "WriteLimitExceeded", tenant, 1, True, "throttle.writes"))
        return limits

    def take(self, app: str, charge: Charge) -> dict[str, str]:
        """Charge one request; headers for the answer. Raises the 429."""
        headers = {"x-ms-resource-unit": str(charge.units)} if charge.island == "directory" else {}
        if not self.enabled:
            return headers
        now = self._clock.now()
        limits = self._limits(app, charge)
        exceeded = next((one for one in limits if one.window.would_exceed(now, one.units)), None)
        for one in limits:
            one.window.spend(now, one.units)
        if exceeded is not None:
            self._refuse(app, exceeded, now, headers)
        worst = max(one.window.used(now) for one in limits)
        if worst > 0.8 and charge.island == "directory":
            headers["x-ms-throttle-limit-percentage"] = f"{min(worst, 1.8):.2f}"
        return headers

    def _refuse(self, app: str, limit: Limit, now: float, headers: dict[str, str]) -> None:
        self._rules.lean(limit.rule)
        self._rules.lean("throttle.counts-refused")
        if limit.retry_after:
            headers["Retry-After"] = str(max(1, math.ceil(limit.window.wait(now, limit.units))))
        headers["x-ms-throttle-scope"] = f"{limit.scope}/ReadWrite/{app}/{self._tenant_id}"
        headers["x-ms-throttle-information"] = limit.name
        raise GraphError(429, "TooManyRequests", "Too Many Requests", headers=headers)

"""The one clock of the simulated tenant.

Simulated time runs `factor` times as fast as real time from `epoch` on, so that two processes that are told
the same epoch and factor agree on the time. It never goes back. Everything else in the simulator (lag,
throttle windows, token lives, audit times) reads this clock and nothing else.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SimClock:
    def __init__(self, factor: float = 1.0, epoch: float | None = None) -> None:
        if factor <= 0:
            raise ValueError("the clock factor must be greater than zero")
        self.factor = factor
        self.epoch = time.time() if epoch is None else epoch
        self._skipped = 0.0
        self._last = 0.0

    def now(self) -> float:
        """Simulated seconds since 1970."""
        value = self.epoch + (time.time() - self.epoch) * self.factor + self._skipped
        self._last = max(self._last, value)
        return self._last

    def advance(self, seconds: float) -> None:
        """Skip ahead, as a test does to reach the end of a token's life."""
        if seconds < 0:
            raise ValueError("the clock can't go back")
        self._skipped += seconds

    def real_seconds(self, simulated: float) -> float:
        return simulated / self.factor


def iso(seconds: float) -> str:
    """Graph's form of a time: UTC, ends in Z."""
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text.rstrip("0").rstrip(".") + "Z"


def parse_iso(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()

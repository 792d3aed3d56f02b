"""What is sent again, when, and for how long.

Owns the decisions, not the sending. What must stay true: a write is only ever sent again where it was
certainly not carried out; all waiting goes through the clock; patience counts from the first failure of one
operation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from shared.domain.ports import Clock, GraphRequest

_DELAYS = (2.0, 4.0, 8.0, 16.0, 30.0)
_JITTER = 0.25  # share of the delay added at most, so that workers don't come back in step

# POSTs that only read; sending them twice changes nothing.
_READING_ACTIONS = frozenset(
    {
        "getAvailableExtensionProperties",
        "getByIds",
        "getMemberGroups",
        "getMemberObjects",
        "checkMemberGroups",
        "checkMemberObjects",
        "isMemberOf",
        "validateProperties",
        "evaluate",
    }
)


def is_write(request: GraphRequest) -> bool:
    """Whether carrying the request out twice could do harm."""
    if request.method in ("GET", "HEAD"):
        return False
    action = request.path.partition("?")[0].rstrip("/").rpartition("/")[2].rpartition(".")[2]
    return not (request.method == "POST" and action in _READING_ACTIONS)


def is_unclear(status: int) -> bool:
    """Answers after which a write may or may not have happened, and a read is worth another try.

    501 is a plain refusal; a redirect of a write names another place without saying what happened here.
    """
    return status == 408 or (status >= 500 and status != 501) or 300 <= status < 400


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds of a Retry-After header (lower-case names), as a number or a date; None without a usable one."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            when = parsedate_to_datetime(text)
        except ValueError:
            return None
        seconds = ((when if when.tzinfo else when.replace(tzinfo=UTC)) - now).total_seconds()
    # Zero is no advice: asking again at once is what brought the 429.
    return seconds if math.isfinite(seconds) and seconds > 0 else None


class Patience:
    """The retries of one operation."""

    def __init__(self, clock: Clock, seconds: float, random: Callable[[], float]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._random = random
        self._since: float | None = None
        self.failures = 0

    @property
    def left(self) -> float:
        if self._since is None:
            return self._seconds
        return max(0.0, self._seconds - (self._clock.monotonic() - self._since))

    def next_delay(self, advised: float | None = None) -> float | None:
        """Counts a failure; how long to wait before the next try, None when patience is over."""
        if self._since is None:
            self._since = self._clock.monotonic()
        base = _DELAYS[min(self.failures, len(_DELAYS) - 1)]
        self.failures += 1
        if advised is not None:
            return advised if advised <= self.left else None
        delay = base * (1 + _JITTER * self._random())
        return delay if delay <= self.left else None

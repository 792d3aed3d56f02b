"""Timer schedules and the clock they follow.

Owns: six-field NCRONTAB (second, minute, hour, day, month, day of week; UTC) and the local run's faster clock.
What must stay true: day and day of week both have to match, as NCRONTAB has it (a plain cron takes either); all
processes of a run that get the same factor and epoch agree on the time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from croniter import CroniterError, croniter


class NcronSchedule:
    """A timer trigger's schedule."""

    def __init__(self, expression: str) -> None:
        if len(expression.split()) != 6:
            raise ValueError(f"not a six-field NCRONTAB expression: {expression!r}")
        self.expression = expression
        try:
            self.next_after(datetime(2026, 1, 1, tzinfo=UTC))
        except (CroniterError, ValueError) as error:
            raise ValueError(f"not a six-field NCRONTAB expression: {expression!r} ({error})") from error

    def next_after(self, moment: datetime) -> datetime:
        """The first time strictly after `moment`."""
        entries = croniter(self.expression, moment, second_at_beginning=True, day_or=False)
        found: datetime = entries.get_next(datetime)
        return found


@dataclass(frozen=True, slots=True)
class RunClock:
    """Time that runs `factor` times as fast since `epoch` (seconds since 1970)."""

    factor: float
    epoch: float

    @classmethod
    def read(cls, settings: Mapping[str, str]) -> Self:
        """From `HOLDFAST_CLOCK_FACTOR` and `HOLDFAST_CLOCK_EPOCH` (seconds, or an ISO time)."""
        factor = float(settings.get("HOLDFAST_CLOCK_FACTOR") or 1)
        if factor <= 0:
            raise ValueError("HOLDFAST_CLOCK_FACTOR must be greater than zero")
        text = settings.get("HOLDFAST_CLOCK_EPOCH") or ""
        if not text:
            return cls(factor, time.time())
        try:
            return cls(factor, float(text))
        except ValueError:
            return cls(factor, datetime.fromisoformat(text).timestamp())

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.epoch + (time.time() - self.epoch) * self.factor, UTC)

    def real_seconds(self, simulated: float) -> float:
        return simulated / self.factor

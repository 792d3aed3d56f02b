"""Waiting for what the apps do, and the forms in which people give times and lists."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from shared.domain.errors import NotYet, StorageDown, Unusable

T = TypeVar("T")
Pause = Callable[[float], Awaitable[None]]

POLL_SECONDS = 1.0
GOES_ON = "the request was posted and goes on without this terminal"
_UNITS = {"m": 60, "h": 3600, "d": 86400}


async def wait_for(
    look: Callable[[], Awaitable[T | None]],
    *,
    pause: Pause,
    minutes: float,
    what: str,
    hint: str,
    saved: str = GOES_ON,
) -> T:
    """Looks until something is there. Raises `NotYet` after `minutes`, by the machine's own clock: `saved` says
    what becomes of what was asked for. A storage account that doesn't answer for a moment doesn't end the wait."""
    deadline = time.monotonic() + minutes * 60
    trouble: StorageDown | None = None
    while True:
        try:
            found = await look()
            trouble = None
        except StorageDown as outage:
            found, trouble = None, outage
        if found is not None:
            return found
        if time.monotonic() >= deadline:
            if trouble is not None:
                raise trouble
            raise NotYet(
                f"{what} is not there after {minutes:g} minutes",
                saved=saved,
                hint=hint,
            )
        await pause(POLL_SECONDS)


def span(text: str) -> timedelta:
    """`45m`, `8h`, `2d`."""
    match = re.fullmatch(r"(\d{1,4})([mhd])", text, re.ASCII)
    if match is None or int(match[1]) == 0:
        raise Unusable(f"{text!r} is not a span of time", hint="write it as 45m, 8h or 2d")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def numbers(text: str) -> tuple[int, ...]:
    """`2,3,4`, sorted and once each."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(re.fullmatch(r"\d{1,2}", part, re.ASCII) for part in parts):
        raise Unusable(f"{text!r} is not a list of wave numbers", hint="write it as 2,3,4")
    return tuple(sorted({int(part) for part in parts}))

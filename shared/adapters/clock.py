"""Time and randomness of the machine.

A clock factor makes a local run fast: pacing, lag and retry waits shrink alike. All processes of one run must
get the same factor and the same epoch, or their clocks drift apart.
"""

from __future__ import annotations

import asyncio
import secrets
import string
import time
from collections.abc import Callable, MutableSequence, Sequence
from datetime import UTC, datetime

from shared.domain.errors import Unusable

_LOWER = "".join(letter for letter in string.ascii_lowercase if letter not in "lo")
_UPPER = "".join(letter for letter in string.ascii_uppercase if letter not in "IO")
_DIGITS = "23456789"
_SYMBOLS = "!#%+-=?@_"
_PASSWORD_LENGTH = 24


class SystemClock:
    """`now()` runs `factor` times as fast as the machine's clock since `epoch`; `sleep` takes 1/`factor`."""

    def __init__(self, factor: float = 1.0, epoch: datetime | None = None) -> None:
        if not 1.0 <= factor <= 10_000.0:
            raise Unusable("the clock factor has to lie between 1 and 10000")
        if epoch is not None and epoch.tzinfo is None:
            raise Unusable("the clock's epoch has no zone")
        self.factor = factor
        self._epoch = epoch if epoch is not None else datetime.now(UTC)

    def now(self) -> datetime:
        real = datetime.now(UTC)
        if self.factor == 1.0:
            return real
        return self._epoch + (real - self._epoch) * self.factor

    def monotonic(self) -> float:
        return time.monotonic() * self.factor

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self.factor)


class RandomIds:
    """Ids and passwords from the operating system's randomness."""

    def new(self) -> str:
        return secrets.token_hex(8)

    def password(self) -> str:
        return make_password(secrets.choice, secrets.SystemRandom().shuffle)


def make_password(choose: Callable[[Sequence[str]], str], shuffle: Callable[[MutableSequence[str]], None]) -> str:
    """All four kinds of characters, so that it passes every complexity rule of the directory; none that are
    mistaken for each other when a person types it."""
    kinds = (_LOWER, _UPPER, _DIGITS, _SYMBOLS)
    letters = [choose(kind) for kind in kinds]
    letters += [choose("".join(kinds)) for _ in range(_PASSWORD_LENGTH - len(letters))]
    shuffle(letters)
    return "".join(letters)

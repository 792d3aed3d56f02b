"""The `Clock` contract: the machine's clock, the same run fast, and the one that tests move."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.adapters.clock import SystemClock
from shared.adapters.memory import ManualClock
from shared.domain.ports import Clock
from tests.contract.suite import Suite

_FAST = 1000
SUITE = Suite(Clock, {"machine": SystemClock, "machine, 1000 times as fast": SystemClock, "manual": ManualClock})
_MAKE: dict[str, Callable[[], Clock]] = {
    "machine": SystemClock,
    "machine, 1000 times as fast": lambda: SystemClock(_FAST),
    "manual": ManualClock,
}


@pytest.fixture(params=SUITE.params())
def clock(request: pytest.FixtureRequest) -> Clock:
    return SUITE.made(request.param, _MAKE[request.param]())


def test_now_is_aware_and_in_utc(clock: Clock) -> None:
    assert clock.now().utcoffset() == timedelta(0)


async def test_a_sleep_moves_both_readings_on_by_at_least_as_much(clock: Clock) -> None:
    wall, own = clock.now(), clock.monotonic()
    await clock.sleep(0.02)
    assert clock.monotonic() - own >= 0.019
    assert clock.now() - wall >= timedelta(seconds=0.019)


async def test_no_reading_goes_back(clock: Clock) -> None:
    readings = []
    for _ in range(20):
        readings.append((clock.now(), clock.monotonic()))
        await clock.sleep(0.0)
    assert readings == sorted(readings)


async def test_a_sleep_of_nothing_or_less_gives_others_a_turn_and_ends(clock: Clock) -> None:
    seen: list[int] = []

    async def other() -> None:
        seen.append(1)

    waiting = asyncio.create_task(other())
    for seconds in (0.0, -5.0):
        await clock.sleep(seconds)
    assert seen == [1]
    await waiting


async def test_two_that_sleep_together_take_as_long_as_the_longer(
    clock: Clock, request: pytest.FixtureRequest
) -> None:
    ends: list[str] = []
    pace = _FAST if "fast" in request.node.name else 1  # so far apart that a busy machine wakes them in turn

    async def nap(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        ends.append(name)

    await asyncio.gather(nap("long", 0.2 * pace), nap("short", 0.02 * pace))
    assert ends == ["short", "long"]


async def test_a_sleeper_that_is_cancelled_holds_nobody_up(clock: Clock) -> None:
    sleeper = asyncio.create_task(clock.sleep(10_000.0))
    await asyncio.sleep(0)
    sleeper.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeper
    own = clock.monotonic()
    await clock.sleep(0.01)
    assert clock.monotonic() - own < 10_000.0

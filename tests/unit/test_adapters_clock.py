"""Clocks, ids and passwords."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.clock import RandomIds, SystemClock
from shared.adapters.memory import ManualClock, SeededIds
from shared.domain.errors import Unusable
from shared.domain.ports import Ids


def test_without_a_factor_the_clock_is_the_machines() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert before <= now <= datetime.now(UTC)
    assert now.utcoffset() == timedelta(0)


def test_processes_with_one_factor_and_epoch_agree_on_the_time() -> None:
    epoch = datetime.now(UTC) - timedelta(seconds=100)
    one, other = SystemClock(50, epoch), SystemClock(50, epoch)
    first, second, third = one.now(), other.now(), one.now()
    assert first <= second <= third
    assert first - epoch >= timedelta(seconds=100 * 50)


async def test_a_sleep_passes_as_much_of_the_clocks_own_time() -> None:
    clock = SystemClock(100)
    wall, own = clock.now(), clock.monotonic()
    await clock.sleep(2)
    assert clock.now() - wall >= timedelta(seconds=1.9)
    assert clock.monotonic() - own >= 1.9
    await clock.sleep(-1)


@pytest.mark.parametrize("factor", [0.0, 0.5, -1.0, 1e9, float("nan")])
def test_a_factor_that_makes_no_sense_is_refused(factor: float) -> None:
    with pytest.raises(Unusable):
        SystemClock(factor)
    with pytest.raises(Unusable):
        SystemClock(2, datetime(2026, 1, 1))


async def test_the_manual_clock_moves_with_sleepers_and_only_with_them() -> None:
    clock = ManualClock()
    start = clock.now()
    await asyncio.sleep(0)
    assert clock.now() == start
    await clock.sleep(90)
    assert clock.now() - start == timedelta(seconds=90)
    clock.advance(10)
    assert clock.monotonic() == 100


async def test_sleepers_wake_in_order_and_the_longest_decides_how_long_it_took() -> None:
    clock = ManualClock()
    woken: list[tuple[int, float]] = []

    async def sleeper(seconds: int) -> None:
        await clock.sleep(seconds)
        woken.append((seconds, clock.monotonic()))

    await asyncio.gather(*(sleeper(seconds) for seconds in (30, 10, 20, 10)))
    assert woken == [(10, 10), (10, 10), (20, 20), (30, 30)]


async def test_a_cancelled_sleeper_holds_nobody_up() -> None:
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(5))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await clock.sleep(10)
    assert clock.monotonic() == 10


@pytest.mark.parametrize("ids", [RandomIds(), SeededIds(1)], ids=["random", "seeded"])
def test_ids_are_hexadecimal_and_do_not_repeat(ids: Ids) -> None:
    made = [ids.new() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(re.fullmatch(r"[0-9a-f]{8,}", one) for one in made)


@pytest.mark.parametrize("ids", [RandomIds(), SeededIds(1)], ids=["random", "seeded"])
def test_passwords_have_all_four_kinds_of_characters_and_do_not_repeat(ids: Ids) -> None:
    made = [ids.password() for _ in range(200)]
    assert len(set(made)) == 200
    for password in made:
        assert 16 <= len(password) <= 256
        for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]"):
            assert re.search(kind, password)
        assert password.isascii()
        assert " " not in password


def test_seeded_ids_repeat_with_their_seed() -> None:
    assert [SeededIds(7).new() for _ in range(3)] == [SeededIds(7).new() for _ in range(3)]
    assert SeededIds(7).new() != SeededIds(8).new()

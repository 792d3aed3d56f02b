"""Pacing and patience, on a clock that never waits."""

from __future__ import annotations

import asyncio
import bisect
from datetime import UTC, datetime

import pytest

from shared.adapters.graph.limits import WRITES, Limits, quotas
from shared.adapters.graph.retry import Patience, is_unclear, is_write, retry_after
from shared.domain.errors import GraphDown, Unusable
from shared.domain.ports import GraphRequest

from .graph_wire import FakeClock

GET = GraphRequest("GET", "/v1.0/users", cost=2)
POST = GraphRequest("POST", "/v1.0/users", body={})


async def _spend(limits: Limits, clock: FakeClock, request: GraphRequest, times: int) -> list[float]:
    charge = limits.charge([request])
    moments = []
    for _ in range(times):
        await limits.take(charge, 900)
        moments.append(clock.passed)
    return moments


def _most_in(moments: list[float], window: float) -> int:
    """The largest number of moments in any window."""
    return max(bisect.bisect_left(moments, start + window) - i for i, start in enumerate(moments))


async def test_writes_use_nearly_all_of_the_quota_and_never_more() -> None:
    clock = FakeClock()
    moments = await _spend(Limits(clock), clock, POST, 12_000)
    assert _most_in(moments, 150) <= 3000
    assert 12_000 / clock.passed >= 0.9 * 20


async def test_reads_start_at_half_the_quota_and_fit_a_medium_tenant() -> None:
    clock = FakeClock()
    moments = await _spend(Limits(clock), clock, GET, 20_000)
    assert 2 * _most_in(moments, 10) <= 5000
    assert 2 * 20_000 / clock.passed >= 390


@pytest.mark.parametrize(("throttle", "most", "window"), [("conditionalAccess", 1, 1.0), ("audit", 5, 10.0)])
async def test_islands_are_paced_by_request_whatever_it_costs(throttle: str, most: int, window: float) -> None:
    clock = FakeClock()
    request = GraphRequest("GET", "/beta/x", cost=7, throttle=throttle)
    assert _most_in(await _spend(Limits(clock), clock, request, 30), window) <= most


def test_a_batch_pays_the_sum_and_each_write_once_more() -> None:
    limits = Limits(FakeClock())
    assert limits.charge([GET, GET, POST]) == {"directory": 5.0, WRITES: 1.0}


async def test_a_batch_dearer_than_a_burst_is_paid_off_afterwards() -> None:
    clock = FakeClock()
    limits = Limits(clock)
    await limits.take({WRITES: 60.0}, 900)
    assert clock.passed == 0
    await limits.take({WRITES: 20.0}, 900)
    assert clock.passed == pytest.approx(60 / 19.6)


async def test_a_pause_silences_the_class_for_everyone_and_ends_without_a_burst() -> None:
    clock = FakeClock()
    limits = Limits(clock)
    limits.pause(["directory"], 300)
    moments: list[float] = []

    async def one() -> None:
        await limits.take({"directory": 40.0}, 900)
        moments.append(clock.passed)

    await asyncio.gather(*(one() for _ in range(20)))
    assert min(moments) >= 300
    assert max(moments) >= 300 + 20 * 40 / 400 - 0.01


async def test_a_pause_leaves_other_classes_alone() -> None:
    clock = FakeClock()
    limits = Limits(clock)
    limits.pause([WRITES], 300)
    await limits.take({"directory": 1.0}, 900)
    assert clock.passed == 0


async def test_a_pause_longer_than_patience_says_how_long() -> None:
    limits = Limits(FakeClock())
    limits.pause(["directory"], 3600)
    with pytest.raises(GraphDown) as caught:
        await limits.take({"directory": 1.0}, 900)
    assert caught.value.after == pytest.approx(3600)


@pytest.mark.parametrize(("percentage", "at_most"), [("1.3", 0.26), ("1.0", 0.51), ("0.9", 0.99)])
async def test_a_warning_slows_the_class_down(percentage: str, at_most: float) -> None:
    clock = FakeClock()
    limits = Limits(clock)
    await limits.take({"directory": 800.0}, 900)  # the burst
    limits.slow({"directory": 1.0}, float(percentage))
    start = clock.passed
    for _ in range(10):
        await limits.take({"directory": 40.0}, 900)
    assert 400 / (clock.passed - start) <= 400 * at_most


async def test_no_warning_changes_nothing() -> None:
    clock = FakeClock()
    limits = Limits(clock)
    limits.slow({"directory": 1.0}, 0.8)
    await limits.take({"directory": 800.0}, 900)
    await limits.take({"directory": 400.0}, 900)
    assert clock.passed == pytest.approx(1.0)


async def test_the_warnings_of_our_own_full_speed_keep_nine_tenths_of_it() -> None:
    clock = FakeClock()
    limits = Limits(clock)
    moments: list[float] = []
    charge = limits.charge([POST])
    for _ in range(9_000):
        await limits.take(charge, 900)
        moments.append(clock.passed)
        used = (len(moments) - bisect.bisect_left(moments, clock.passed - 150)) / 3000
        limits.slow(charge, used)
    assert 9_000 / clock.passed >= 0.9 * 20


def test_unknown_classes_are_refused() -> None:
    with pytest.raises(Unusable):
        Limits(FakeClock()).charge([GraphRequest("GET", "/v1.0/users", throttle="direktory")])
    with pytest.raises(Unusable):
        Limits(FakeClock(), {"directory": quotas()["directory"]})


# --- retry -----------------------------------------------------------------------------------------------


def test_delays_grow_to_thirty_seconds_and_end_with_patience() -> None:
    clock = FakeClock()
    patience = Patience(clock, 100, lambda: 0.0)
    delays = []
    while (delay := patience.next_delay()) is not None:
        delays.append(delay)
        clock.passed += delay
    assert delays == [2, 4, 8, 16, 30, 30]


def test_jitter_only_adds() -> None:
    assert Patience(FakeClock(), 900, lambda: 1.0).next_delay() == 2.5


def test_patience_counts_from_the_first_failure() -> None:
    clock = FakeClock()
    patience = Patience(clock, 10, lambda: 0.0)
    clock.passed = 1000
    assert patience.next_delay() == 2
    clock.passed += 9
    assert patience.next_delay() is None


def test_advice_is_followed_to_the_second_or_not_at_all() -> None:
    assert Patience(FakeClock(), 900, lambda: 1.0).next_delay(300) == 300
    assert Patience(FakeClock(), 900, lambda: 0.0).next_delay(901) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("300", 300.0),
        ("0.5", 0.5),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60.0),
        ("0", None),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        ("Wed, 01 Jan 2025 00:00:00 GMT", None),
    ],
)
def test_retry_after_in_all_its_forms(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}, datetime(2026, 1, 1, tzinfo=UTC)) == seconds


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 509, 302])
def test_statuses_that_say_nothing_about_a_write(status: int) -> None:
    assert is_unclear(status)


@pytest.mark.parametrize("status", [200, 201, 204, 400, 401, 403, 404, 409, 429, 501])
def test_statuses_that_are_clear(status: int) -> None:
    assert not is_unclear(status)


@pytest.mark.parametrize(
    ("method", "path", "write"),
    [
        ("GET", "/v1.0/users", False),
        ("POST", "/v1.0/directoryObjects/getByIds", False),
        ("POST", "/v1.0/users/1/microsoft.graph.getMemberGroups?$top=1", False),
        ("POST", "/v1.0/identity/conditionalAccess/evaluate", False),
        ("POST", "/v1.0/users", True),
        ("POST", "/v1.0/directory/deletedItems/1/restore", True),
        ("PATCH", "/v1.0/users/getByIds", True),
        ("DELETE", "/v1.0/users/1", True),
    ],
)
def test_what_counts_as_a_write(method: str, path: str, write: bool) -> None:
    assert is_write(GraphRequest(method, path)) is write

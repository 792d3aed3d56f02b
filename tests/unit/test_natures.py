"""What a missing object was: for good, for a period, passing, or not to be told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.catalog.roles import ROLE_ELIGIBILITIES
from shared.domain.plan import Reason
from shared.domain.snapshot import Completeness, State
from shared.engines.natures import Told, Verdict, verdict

NOW = datetime(2026, 11, 1, tzinfo=UTC)
PAST, FUTURE = "2026-10-01T00:00:00Z", "2026-12-01T00:00:00Z"


def judged(start: Any, expiration: Any, member: str = "Direct") -> Verdict:
    nature = ROLE_ELIGIBILITIES.nature
    assert nature is not None
    schedule = {"startDateTime": start, "expiration": expiration}
    item = {"memberType": member, "scheduleInfo": schedule}
    return verdict(nature, Told(Completeness(State.COMPLETE), {"x": item}), "x", NOW)


LASTING = {"type": "noExpiration", "endDateTime": None, "duration": None}


@pytest.mark.parametrize(
    ("start", "expiration", "expected"),
    [
        (PAST, LASTING, Verdict()),
        (FUTURE, LASTING, Verdict(start=FUTURE)),
        (None, LASTING, Verdict()),
        (PAST, {"type": "afterDateTime", "endDateTime": FUTURE}, Verdict(end=FUTURE)),
        (PAST, {"type": "afterDuration", "duration": "P61D"}, Verdict(end=FUTURE)),
        (PAST, {"type": "afterDuration", "duration": "P60DT23H59M60S"}, Verdict(end=FUTURE)),
        (FUTURE, {"type": "afterDuration", "duration": "PT1H"}, Verdict(start=FUTURE, end="2026-12-01T01:00:00Z")),
    ],
)
def test_a_period_comes_back_as_what_is_left_of_it(start: Any, expiration: Any, expected: Verdict) -> None:
    assert judged(start, expiration) == expected


@pytest.mark.parametrize(
    ("start", "expiration", "reason"),
    [
        (PAST, {"type": "afterDateTime", "endDateTime": "2026-10-31T23:59:59Z"}, Reason.ENDED),
        (PAST, {"type": "afterDuration", "duration": "P31D"}, Reason.ENDED),
        (PAST, {"type": "afterDuration", "duration": "P1Y"}, Reason.UNCLASSIFIED),
        (PAST, {"type": "afterDuration", "duration": "P99999999999D"}, Reason.UNCLASSIFIED),
        (PAST, {"type": "afterDuration"}, Reason.UNCLASSIFIED),
        (PAST, {"type": "notSpecified"}, Reason.UNCLASSIFIED),
        (PAST, None, Reason.UNCLASSIFIED),
        ("soon", LASTING, Reason.UNCLASSIFIED),
        (None, {"type": "afterDuration", "duration": "P1D"}, Reason.UNCLASSIFIED),
    ],
)
def test_what_ended_or_cannot_be_told_stays_out(start: Any, expiration: Any, reason: Reason) -> None:
    """Nothing that had an end may come back without one, whatever form the end had."""
    assert judged(start, expiration).reason is reason


def test_what_came_with_a_group_is_nobodys_own() -> None:
    assert judged(PAST, LASTING, "Group").reason is Reason.PASSING

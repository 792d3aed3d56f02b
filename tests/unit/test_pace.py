"""How far a restore is, how fast and how long: reckoned from what its journal says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.catalog.registry import CATALOG
from shared.domain.plan import OutcomeState, RestorePlan
from shared.engines.forecast import forecast
from shared.engines.pace import Journaled, Stand, standing
from tests.unit.cli_samples import NOW, operation, plan


def two_waves() -> RestorePlan:
    made = plan(operations=40)
    policy = replace(
        operation(90, name="policy"),
        type="conditionalAccessPolicies",
        request=replace(operation(90).request, throttle="conditionalAccess"),
    )
    late = replace(made.steps[1], id="s2", wave=5, depends_on=("s1",), operations=(policy,))
    return replace(
        made,
        waves=(*made.waves, replace(made.waves[0], number=5, title="policies")),
        steps=(*made.steps, late),
    )


def ended(state: OutcomeState, at: datetime, *, good: bool = True, why: str = "") -> Stand:
    return Stand(state, True, good, why, at)


def test_nothing_begun_leaves_the_forecast() -> None:
    made = two_waves()
    now = standing(made, CATALOG, Journaled(set(), {}, {}), NOW)
    assert (now.operations, now.operations_done, now.steps_done, now.rates) == (41, 0, 0, ())
    assert now.left == forecast(made.steps, CATALOG).seconds > 2
    assert [(one.number, one.steps, one.started_at) for one in now.waves] == [(4, 2, None), (5, 1, None)]


def test_rates_count_what_was_written_in_the_last_window_by_class() -> None:
    made = two_waves()
    stands = {f"op{number}": ended(OutcomeState.DONE, NOW) for number in range(30)}
    stands["op30"] = ended(OutcomeState.ALREADY, NOW)  # nothing was sent
    stands["op31"] = ended(OutcomeState.DONE, NOW - timedelta(seconds=150))  # too long ago
    stands["op90"] = ended(OutcomeState.DONE, NOW - timedelta(seconds=149))
    now = standing(made, CATALOG, Journaled({"s0"}, stands, {4: NOW - timedelta(minutes=9)}), NOW)
    assert [(rate.throttle, round(rate.per_second * 150), rate.allowed) for rate in now.rates] == [
        ("conditionalAccess", 1, 1.0),
        ("directory", 30, 20.0),
    ]
    assert now.operations_done == 33


@pytest.mark.parametrize(("factor", "expected"), [(0.2, 1.0), (1.0, 1.0), (5.0, 5.0)])
def test_the_rest_takes_as_much_longer_as_the_beginning_did(factor: float, expected: float) -> None:
    made = two_waves()
    behind = forecast(made.steps[:2], CATALOG).seconds
    ahead = forecast(made.steps[2:], CATALOG).seconds
    stands = {one.id: ended(OutcomeState.DONE, NOW) for one in made.steps[1].operations}
    start = NOW - timedelta(seconds=behind * factor)
    # The wave ended at NOW; what passed since, while the next one waits for approvals, doesn't count.
    now = standing(made, CATALOG, Journaled({"s0", "s1"}, stands, {4: start}), NOW + timedelta(hours=3))
    assert now.left == round(ahead * expected)


def test_failures_and_what_is_tried_again_are_told_apart() -> None:
    made = two_waves()
    stands = {
        "op0": ended(OutcomeState.REFUSED, NOW, good=False, why="no such department"),
        "op1": ended(OutcomeState.DONE, NOW, good=False),
        "op2": Stand(OutcomeState.WAITING, False, None, "not there yet", NOW),
        "op3": Stand(OutcomeState.DONE, False, None, "", NOW),  # written, still to be read back
        "op4": Stand(OutcomeState.CHANGED, False, False, "changed", NOW),
    }
    now = standing(made, CATALOG, Journaled(set(), stands, {}), NOW)
    assert [(one.operation.id, one.state, one.why) for one in now.failed] == [
        ("op0", "refusedByGraph", "no such department"),
        ("op1", "notReadBack", ""),
        ("op4", "changedSincePlan", "changed"),
    ]
    assert [(one.operation.id, one.state) for one in now.waiting] == [("op2", "waiting")]
    assert now.operations_done == 4

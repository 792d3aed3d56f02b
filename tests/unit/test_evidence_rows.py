"""What facts mean for controls: each rule, each source away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.domain.controls import CONTROLS, NOT_MAPPED
from shared.domain.evidence import (
    Access,
    Drills,
    Facts,
    Period,
    Residency,
    Restores,
    Retention,
    Segregation,
    Status,
    Targets,
    Topic,
    Verification,
    WaveFact,
)
from shared.domain.snapshot import Completeness, State
from shared.engines.evidence_rows import document_of, judge, rows
from shared.engines.wire import decode, encode
from tests.unit.cli_samples import HOSTILE
from tests.unit.evidence_samples import (
    KEY,
    MADE,
    START,
    TARGET,
    TENANT,
    assignment,
    container,
    document,
    facts,
    restore,
    snapshot,
    snapshots,
    troubled,
)

PARTIAL = {"groups.members": Completeness(State.PARTIAL, "moving")}


def test_in_a_good_month_only_drills_are_left_to_the_customer() -> None:
    judged = {topic: judge(topic, facts()).status for topic in Topic}
    assert {topic for topic, status in judged.items() if status is not Status.SUPPORTS} == {Topic.DRILLS}
    assert judged[Topic.DRILLS] is Status.DUTY
    assert "none run" in judge(Topic.DRILLS, facts()).why


AGAINST: dict[str, tuple[Topic, dict[str, Any], str]] = {
    "missed": (Topic.SNAPSHOTS, {"snapshots": snapshots(missed=(START,))}, "missed: 1 of 31"),
    "failed": (Topic.SNAPSHOTS, {"snapshots": troubled().snapshots}, "failed runs: 1"),
    "unprotected": (Topic.SNAPSHOTS, {"snapshots": snapshots(snapshot(1, protected=False))}, "unprotected: 1"),
    "none taken": (Topic.SNAPSHOTS, {"snapshots": replace(snapshots(), taken=())}, "snapshots taken: 0"),
    "damaged": (Topic.SNAPSHOTS, {"snapshots": snapshots(damaged=("entry 4",))}, "damaged chain entries: 1"),
    "partial": (Topic.COMPLETENESS, {"snapshots": snapshots(snapshot(1, gaps=PARTIAL))}, "groups.members"),
    "unreadable": (Topic.COMPLETENESS, {"snapshots": snapshots(snapshot(1, gaps=None))}, "could be read"),
    "not locked": (
        Topic.RETENTION,
        {"retention": Retention((container(), container("chain", 400, locked=False, breaks=("not locked",))))},
        "chain: not locked",
    ),
    "abroad": (
        Topic.RESIDENCY,
        {"residency": Residency("the EU", "westeurope", "westeurope", "uksouth", ("uksouth",))},
        "uksouth",
    ),
    "nowhere": (Topic.RESIDENCY, {"residency": Residency("the EU", "westeurope", "", "", ())}, "unknown"),
    "same tenant": (Topic.SEGREGATION, {"segregation": Segregation(TENANT, TENANT)}, "protected tenant itself"),
    "tampered": (
        Topic.VERIFICATION,
        {"verification": Verification("s", MADE, 1, 1, 1, ("x: has other contents",), ())},
        "findings: 1",
    ),
    "differs": (Topic.RESTORES, {"restores": Restores(2, (restore(verdict="differs"),), {})}, "differences: 1"),
    "unexplained": (Topic.RESTORES, {"restores": Restores(2, (restore(unexplained=2),), {})}, "differences: 1"),
    "not compared": (Topic.RESTORES, {"restores": Restores(2, (restore(verdict=""),), {})}, "not compared"),
    "forged": (Topic.RESTORES, {"restores": Restores(2, (), {"p1": "unknown key"})}, "not as it was signed: 1"),
    "alone": (Topic.RESTORES, {"restores": Restores(1, (), {})}, "one approval"),
    "overridden": (
        Topic.RESTORES,
        {"restores": Restores(2, (restore(waves=(WaveFact(1, START, {KEY: "maria"}, "nonce-1"),)),), {})},
        "fewer than 2 approvals: 1",
    ),
    "too old": (Topic.TARGETS, {"targets": Targets((TARGET,), 27 * 3600, None)}, "recovery point 27.0 h"),
    "too slow": (Topic.TARGETS, {"targets": Targets((TARGET,), 3600, 9 * 3600)}, "recovery time 9.0 h"),
    "strange key": (
        Topic.KEYS,
        {"keys": replace(facts().keys, keys=(replace(facts().keys.keys[0], trusted=False),))},  # type: ignore[union-attr]
        "trusted ones: 1",
    ),
}


@pytest.mark.parametrize("case", AGAINST)
def test_what_speaks_against_a_control_makes_it_not_met(case: str) -> None:
    topic, changes, told = AGAINST[case]
    changed = facts(**changes)
    judged = judge(topic, changed)
    assert judged.status is Status.NOT_MET
    assert told in judged.why
    concerned = [row for row in rows(changed) if topic in row.rests_on]
    assert concerned
    assert {row.status for row in concerned} == {Status.NOT_MET}


DUTIES: dict[str, tuple[Topic, dict[str, Any]]] = {
    "no targets": (Topic.TARGETS, {"targets": Targets((), 3600, 3600)}),
    "nothing restored": (Topic.TARGETS, {"targets": Targets((TARGET,), 3600, None)}),
    "no approvers": (Topic.RESTORES, {"restores": Restores(0, (), {}, "no approvers are set")}),
    "no drill": (Topic.DRILLS, {"drills": Drills()}),
}


@pytest.mark.parametrize("case", DUTIES)
def test_what_a_program_cannot_show_is_the_customers_duty(case: str) -> None:
    topic, changes = DUTIES[case]
    assert judge(topic, facts(**changes)).status is Status.DUTY


SUPPORTED: dict[str, tuple[Topic, dict[str, Any]]] = {
    "nothing restored": (Topic.RESTORES, {"restores": Restores(2, (), {})}),
    "a drill": (Topic.DRILLS, {"drills": Drills(("d1",))}),
    "a cancelled plan": (Topic.RESTORES, {"restores": Restores(2, (restore(verdict="", cancelled=True),), {})}),
    "changed roles are told": (Topic.ACCESS, {"access": Access((assignment(),), (assignment().id,), (), "")}),
    "a run under way": (
        Topic.SNAPSHOTS,
        {"snapshots": snapshots(open=(replace(troubled().snapshots.open[0], failed=False),))},  # type: ignore[union-attr]
    ),
}


@pytest.mark.parametrize("case", SUPPORTED)
def test_what_is_in_order_supports(case: str) -> None:
    topic, changes = SUPPORTED[case]
    assert judge(topic, facts(**changes)).status is Status.SUPPORTS


@pytest.mark.parametrize("topic", Topic)
def test_a_source_that_is_away_ends_nothing_and_its_rows_say_so(topic: Topic) -> None:
    absent = {} if topic is Topic.COMPLETENESS else {topic.value: None}
    away = {topic} if topic is not Topic.SNAPSHOTS else {topic, Topic.COMPLETENESS}
    without = facts(away=dict.fromkeys(away, "HTTP 503 ServerBusy"), **absent)
    assert judge(topic, without).why == "source unavailable: HTTP 503 ServerBusy"
    for row in rows(without):
        if away.intersection(row.rests_on):
            assert row.status is Status.UNAVAILABLE
            assert "source unavailable: HTTP 503 ServerBusy" in row.why
        else:
            assert row.status is not Status.UNAVAILABLE


def test_with_every_source_away_there_is_still_a_document() -> None:
    bare = Facts(TENANT, facts().period, MADE, "holdfast/0.1.0", "", dict.fromkeys(Topic, "away"))
    made = document_of(bare)
    assert {row.status for row in made.rows} == {Status.UNAVAILABLE, Status.DUTY}
    assert decode(type(made), encode(made)) == made


def test_not_met_outweighs_a_source_that_is_away_which_outweighs_a_duty() -> None:
    both = facts(segregation=Segregation(TENANT, TENANT), access=None, away={Topic.ACCESS: "denied"})
    of = {row.control: row.status for row in rows(both)}
    assert of["Art. 12(3)"] is Status.NOT_MET  # segregation, retention, access
    assert of["Art. 12(2)"] is Status.UNAVAILABLE  # restores, access, drills
    assert of["4.2.6"] is Status.DUTY


def test_every_control_is_a_row_in_order_and_says_what_it_rests_on() -> None:
    made = rows(facts())
    assert [(row.rule, row.control) for row in made] == [(one.rule, one.control) for one in CONTROLS]
    assert len({(row.rule, row.control) for row in made}) == len(made)
    assert all(len(row.why) == len(row.rests_on) for row in made)
    assert {topic for row in made for topic in row.rests_on} == set(Topic)
    erasure = next(row for row in made if row.control == "Art. 17(3), 18")
    assert (erasure.status, erasure.rests_on) == (Status.DUTY, ())
    assert erasure.duty


def test_a_rule_is_left_out_once_it_has_ended() -> None:
    later = Period(datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC))
    ended = {row.rule for row in rows(facts())} - {row.rule for row in rows(facts(period=later))}
    assert [rule[:4] for rule in ended] == ["BAIT"]


def test_nobody_is_called_compliant() -> None:
    text = encode(document(troubled())).decode().lower()
    assert "complian" not in text
    assert document().not_mapped == NOT_MAPPED


def test_a_document_comes_back_from_its_text_with_whatever_stands_in_it() -> None:
    made = document(troubled(HOSTILE))
    assert decode(type(made), encode(made)) == made

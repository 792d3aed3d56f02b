"""The lock-out guard against its truth table, and the truth table against the guard's own rules."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from shared.domain.errors import Unusable
from shared.engines.lockout.facts import read_facts
from shared.engines.lockout.outside import outside
from shared.engines.lockout.rules import Rule
from shared.engines.lockout.scenarios import SCENARIOS
from shared.engines.lockout.verdict import judge
from tests.unit import lockout_cases as table
from tests.unit.lockout_cases import CASES, ONE, TWO, Case
from tests.unit.lockout_mutants import MUTANTS, Mutant, answers, case_of


def found(file: dict[str, Any]) -> dict[str, frozenset[str]]:
    return {
        account.id: frozenset(finding.rule.value for finding in account.findings)
        for account in judge(read_facts(file)).accounts
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}: {case.name}")
def test_the_guard_answers_as_people_worked_out(case: Case) -> None:
    answer = judge(case.facts(read_facts)).document()
    rules = {one["id"]: frozenset(finding["rule"] for finding in one["findings"]) for one in answer["accounts"]}
    expected = dict(zip(sorted(case.file["breakGlassIds"]), case.expected.values(), strict=True))
    assert rules == expected
    verdicts = {one["id"]: one["verdict"] for one in answer["accounts"]}
    assert verdicts == {account: "fail" if rules else "pass" for account, rules in expected.items()}
    assert answer["verdict"] == ("fail" if any(expected.values()) else "pass")


def test_the_table_names_every_rule_and_each_case_once() -> None:
    assert len(CASES) >= 60
    assert {rule for case in CASES for rules in case.expected.values() for rule in rules} == {*Rule}
    names = [(case.group, case.name) for case in CASES]
    assert len(names) == len(set(names))


def test_the_scenarios_are_those_of_the_declaration() -> None:
    assert len(SCENARIOS) == 5 * 3 * 2


def _a_tenth_at_once() -> Iterator[Any]:
    """The others in `make test-full`: each loads the guard anew."""
    for number, mutant in enumerate(MUTANTS):
        yield pytest.param(mutant, marks=() if number % 10 == 0 else pytest.mark.full, id=str(mutant))


@pytest.mark.parametrize("mutant", [*_a_tenth_at_once()])
def test_without_any_single_rule_a_named_case_fails(mutant: Mutant) -> None:
    assert answers(mutant) != [*case_of(mutant).expected.values()]


def test_the_order_of_what_was_read_changes_nothing() -> None:
    for case in CASES:
        before = judge(read_facts(case.file)).document()
        shuffled = copy.deepcopy(case.file)
        for value in shuffled.values():
            if isinstance(value, list):
                random.Random(7).shuffle(value)
        assert json.dumps(judge(read_facts(shuffled)).document()) == json.dumps(before), case.name


def test_a_finding_says_which_policy_and_in_which_scenario() -> None:
    file = table.sound()
    file["conditionalAccessPolicies"] = [
        table.policy("block", platforms={"includePlatforms": ["linux"]}, clientAppTypes=["browser"])
    ]
    (one, _) = judge(read_facts(file)).document()["accounts"]
    assert one["findings"] == [
        {
            "rule": "block",
            "policyId": table.POLICY,
            "scenario": "Azure portal, unmanaged linux, browser",
            "why": "it blocks (in this and 4 more of 30 scenarios)",
        }
    ]


def test_every_unmet_control_is_told() -> None:
    file = table.sound()
    file["conditionalAccessPolicies"] = [table.policy("compliantDevice", "passwordChange", operator="AND")]
    assert found(file)[ONE] == {"managedDevice", "passwordChange"}


# --- what can't be used


@pytest.mark.parametrize("document", [None, [], "x", 1, True], ids=repr)
def test_a_file_that_is_no_object_is_refused(document: Any) -> None:
    with pytest.raises(Unusable, match="no JSON object"):
        read_facts(document)


@pytest.mark.parametrize("ids", [None, [], "x", [1], [""], {"a": 1}, [ONE, None]], ids=repr)
def test_without_accounts_there_is_nothing_to_say(ids: Any) -> None:
    with pytest.raises(Unusable, match="breakGlassIds"):
        read_facts({**table.sound(), "breakGlassIds": ids})
    with pytest.raises(Unusable, match="breakGlassIds"):
        read_facts({})


_SINGLE = ("authenticationMethodsPolicy", "identitySecurityDefaultsEnforcementPolicy", "registeredMethods")
_MEMBERS = sorted({*table.sound()} - {"breakGlassIds"})


@pytest.mark.parametrize("member", _MEMBERS)
@pytest.mark.parametrize("value", ["x", 1, True, ["x"], [None], {"value": []}], ids=repr)
def test_a_member_of_another_shape_is_refused_or_found(member: str, value: Any) -> None:
    """Never a traceback, never a pass of what a policy would depend on."""
    file = {**table.sound(), "conditionalAccessPolicies": [table.policy("mfa")], member: value}
    if isinstance(value, dict) and member in _SINGLE:
        assert not judge(read_facts(file)).passed
    else:
        with pytest.raises(Unusable, match=member):
            read_facts(file)


@pytest.mark.parametrize("member", ["users", "groups", "domains", "authenticationStrengthPolicies"])
def test_what_is_named_twice_is_refused(member: str) -> None:
    file = table.sound()
    file[member].append(copy.deepcopy(file[member][0]))
    with pytest.raises(Unusable, match="twice"):
        read_facts(file)


def test_an_account_that_is_named_twice_is_one_account() -> None:
    file = table.sound()
    file["breakGlassIds"] = [TWO, ONE, ONE.upper()]
    assert list(found(file)) == [ONE, TWO]


# --- what is outside


@pytest.mark.parametrize(
    ("policy", "word"),
    [
        (table.on_applications("Office365"), "Office 365"),
        (table.on_applications(table.EXCHANGE), "single applications"),
        (
            table.policy("block", applications={"includeAuthenticationContextClassReferences": ["c1"]}),
            "authentication context",
        ),
        (table.policy("mfa", applications={"includeUserActions": ["urn:user:registerdevice"]}), "devices"),
        (table.policy("block", authenticationFlows={"transferMethods": "deviceCodeFlow"}), "device code flow"),
        (table.policy("block", clientApplications={"includeServicePrincipals": ["x"]}), "workload"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_scenario_meets_is_listed(policy: dict[str, Any], word: str) -> None:
    file = {**table.sound(), "conditionalAccessPolicies": [policy]}
    (one,) = outside(read_facts(file))
    assert one.policy_id == table.POLICY
    assert word in one.why
    assert outside(read_facts({**file, "conditionalAccessPolicies": [{**policy, "state": "disabled"}]})) == ()
    assert outside(read_facts({**file, "conditionalAccessPolicies": [table.policy("block")]})) == ()

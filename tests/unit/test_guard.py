"""The lock-out guard: who counts as excluded, and that doubt is never a pass."""

from __future__ import annotations

import pytest

from shared.catalog.registry import CATALOG
from shared.domain.objects import JsonObject
from shared.domain.snapshot import Completeness, State
from shared.engines.guard import GroupFact, GroupFacts, Rule, check_policy, excluded_groups, told
from shared.engines.guard_facts import group_facts, missing_accounts
from tests.unit.views import Tenant, TenantView, group, guid, user

ONE, TWO = "account-1", "account-2"


def policy(users: list[object] | None = None, groups: list[object] | None = None) -> JsonObject:
    return {
        "id": "P",
        "conditions": {"users": {"excludeUsers": users or [], "excludeGroups": groups or []}},  # type: ignore[dict-item]
    }


def fact(*members: str, static: bool = True, before: bool = True, readable: bool = True) -> GroupFact:
    return GroupFact(static, before, frozenset(members) if readable else None)


def rules(item: JsonObject, facts: GroupFacts | None = None) -> list[tuple[str, Rule]]:
    return [(one.account, one.rule) for one in check_policy(item, (ONE, TWO), facts or GroupFacts())]


def test_every_account_excluded_by_id_passes() -> None:
    assert rules(policy([ONE, TWO])) == []


def test_one_account_that_is_not_excluded_fails() -> None:
    findings = check_policy(policy([ONE]), (ONE, TWO), GroupFacts())
    assert [(one.account, one.rule, one.policy_id) for one in findings] == [(TWO, Rule.NOT_EXCLUDED, "P")]
    assert TWO in told(findings)


def test_no_accounts_at_all_is_never_a_pass() -> None:
    assert [one.rule for one in check_policy(policy([ONE]), (), GroupFacts())] == [Rule.NO_ACCOUNTS]


def test_a_static_group_that_was_there_and_holds_the_account_counts() -> None:
    facts = GroupFacts({"G": fact(ONE), "H": fact(TWO)})
    assert rules(policy(groups=["G", "H"]), facts) == []
    assert rules(policy([ONE], ["H"]), facts) == []
    assert rules(policy(groups=["G"]), facts) == [(TWO, Rule.NOT_EXCLUDED)]


@pytest.mark.parametrize(
    "doubtful",
    [
        GroupFacts(),
        GroupFacts({"G": fact(ONE, TWO, static=False)}),
        GroupFacts({"G": fact(ONE, TWO, before=False)}),
        GroupFacts({"G": fact(readable=False)}),
    ],
    ids=["unknown", "dynamic", "made by the plan", "unreadable"],
)
def test_a_group_that_is_in_doubt_proves_nothing(doubtful: GroupFacts) -> None:
    assert rules(policy(groups=["G"]), doubtful) == [(ONE, Rule.NOT_PROVED), (TWO, Rule.NOT_PROVED)]


def test_membership_is_transitive_through_groups_that_count_themselves() -> None:
    nested = {"G": fact("H"), "H": fact("I", "G"), "I": fact(ONE, TWO)}
    assert rules(policy(groups=["G"]), GroupFacts(nested)) == []
    for broken in (
        {**nested, "H": fact("I", static=False)},
        {**nested, "I": fact(ONE, TWO, before=False)},
        {"G": fact("H"), "H": fact("G")},
        {"G": fact("H"), "I": fact(ONE, TWO)},
    ):
        assert len(rules(policy(groups=["G"]), GroupFacts(broken))) == 2


def test_ids_that_are_not_there_yet_exclude_nobody() -> None:
    assert excluded_groups(policy(groups=[{"$id": "G"}, "H"])) == ("H",)
    assert len(rules(policy([{"$id": ONE}, TWO]))) == 1


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"conditions": None},
        {"conditions": {"users": None}},
        {"conditions": {"users": {"excludeUsers": "account-1 account-2"}}},
        {"conditions": {"users": {"excludeUsers": {"account-1": True}}}},
    ],
)
def test_a_policy_of_another_shape_excludes_nobody(odd: JsonObject) -> None:
    assert len(rules(odd)) == 2


# --- facts from views


async def test_facts_come_from_both_sides() -> None:
    before = Tenant()
    one, two = user(before, "one"), user(before, "two")
    inner = group(before, "inner", [two])
    outer = group(before, "outer", [one, inner, user(before, "other")])
    lost = group(before, "lost", [one])
    after = before.copy()
    after.remove("groups", lost)
    new = group(after, "new", [one])
    rule = group(after, "rule", [one], groupTypes=["DynamicMembership"])
    before.add("groups", rule, **after.get("groups", rule))
    accounts = (one, two)
    facts = await group_facts(TenantView(before), TenantView(after), CATALOG, [outer, lost, new, rule], accounts)
    assert facts.groups == {
        outer: GroupFact(True, True, frozenset({one, inner})),
        inner: GroupFact(True, True, frozenset({two})),
        new: GroupFact(True, False, frozenset({one})),
        rule: GroupFact(False, True, frozenset({one})),
    }
    assert facts.holds(outer, two)
    partial = {"groups.members": Completeness(State.PARTIAL, "countMismatch")}
    facts = await group_facts(TenantView(before), TenantView(after, "live", partial), CATALOG, [outer], accounts)
    assert not facts.holds(outer, one)


async def test_accounts_that_are_not_live_are_named() -> None:
    tenant = Tenant()
    one = user(tenant, "one")
    assert await missing_accounts(TenantView(tenant), [one, guid("gone")]) == [guid("gone")]

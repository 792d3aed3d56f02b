"""The lock-out guard: whether a policy may act on sign-ins.

First form: a policy may be on only if it excludes every break-glass account, by id, or by a static group that
was there before this plan and holds the account live. What can't be read proves nothing. Pure: the planner
asks with the facts it has, the executor with fresh reads right before it sends, `GroupFacts` in both cases.
The verdict is "checked against this rule", never "cannot lock out".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from shared.domain.objects import Json, JsonObject
from shared.domain.wire import Wire

ACCOUNTS: Final = "users"  # catalog names of what `excludeUsers` and `excludeGroups` hold
GROUPS: Final = "groups"
MEMBERS: Final = "members"


class Rule(StrEnum):
    """What a finding is about. A closed list, part of the output."""

    NO_ACCOUNTS = "noBreakGlassAccounts"
    NOT_EXCLUDED = "notExcluded"
    NOT_PROVED = "exclusionNotProved"


@dataclass(frozen=True, slots=True)
class Finding(Wire):
    """Why a policy may not act, for one account."""

    rule: Rule
    account: str
    why: str
    policy_id: str = ""


@dataclass(frozen=True, slots=True)
class GroupFact:
    """What is known of one group. `existed_before`: in the snapshot and live under this id, neither made nor
    brought back by this plan. `members`: direct members (users and groups), None where they can't be read."""

    static: bool
    existed_before: bool
    members: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """Groups by id; one that is not in here could not be read, or doesn't exist."""

    groups: Mapping[str, GroupFact] = field(default_factory=dict)

    def why_not(self, group: str) -> str:
        """Why membership in this group proves nothing; "" where it may."""
        fact = self.groups.get(group)
        if fact is None:
            return "does not exist or can't be read"
        if not fact.existed_before:
            return "was not there before this restore"
        if not fact.static:
            return "is dynamic"
        if fact.members is None:
            return "has members that can't be read"
        return ""

    def holds(self, group: str, account: str) -> bool:
        """Whether the account is a member, directly or through groups that all count themselves."""
        seen = {group}
        queue = deque([group])
        while queue:
            at = queue.popleft()
            if self.why_not(at):
                continue
            fact = self.groups[at]
            assert fact.members is not None
            if account in fact.members:
                return True
            for inner in fact.members:
                if inner in self.groups and inner not in seen:
                    seen.add(inner)
                    queue.append(inner)
        return False


def excluded_groups(policy: Mapping[str, Json]) -> tuple[str, ...]:
    """Ids of the groups that a policy excludes. Markers (groups made by this plan) are not among them."""
    return _excluded(policy, "excludeGroups")


def check_policy(policy: JsonObject, break_glass_ids: Iterable[str], groups: GroupFacts) -> list[Finding]:
    """Why the policy, as it will be, may not act; an empty list means that it may. `policy` is Graph JSON."""
    accounts = sorted(set(break_glass_ids))
    found = policy.get("id")
    policy_id = found if isinstance(found, str) else ""
    if not accounts:
        return [Finding(Rule.NO_ACCOUNTS, "", "no break-glass accounts are configured", policy_id)]
    users, named = frozenset(_excluded(policy, "excludeUsers")), excluded_groups(policy)
    findings = []
    for account in accounts:
        if account in users or any(groups.holds(group, account) for group in named):
            continue
        doubts = [f"group {group} {why}" for group in named if (why := groups.why_not(group))]
        if doubts:
            why = f"break-glass account {account} is not provably excluded: {_few(doubts)}"
            findings.append(Finding(Rule.NOT_PROVED, account, why, policy_id))
        else:
            why = f"break-glass account {account} is excluded neither by id nor by a group that holds it"
            findings.append(Finding(Rule.NOT_EXCLUDED, account, why, policy_id))
    return findings


def told(findings: Iterable[Finding]) -> str:
    """Findings as one line for people."""
    return "; ".join(finding.why for finding in findings)


def _excluded(policy: Mapping[str, Json], member: str) -> tuple[str, ...]:
    value: Json = dict(policy)
    for name in ("conditions", "users", member):
        value = value.get(name) if isinstance(value, dict) else None
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _few(texts: list[str]) -> str:
    return ", ".join(texts[:5]) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")

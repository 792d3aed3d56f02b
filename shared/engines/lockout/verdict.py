"""The verdict: every account against every rule and every policy.

An account passes if in every scenario no policy that may be on and may apply demands what the account can't be
proved to meet, and the state around it holds. The verdict passes if every account does. It speaks of what was
checked, these scenarios, and never says that nobody can be locked out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from shared.domain.objects import JsonObject
from shared.engines.lockout.accounts import Account
from shared.engines.lockout.conditions import applies, concerns, concerns_principal, may_be_on, principals, risks
from shared.engines.lockout.controls import session, unmet
from shared.engines.lockout.facts import Facts
from shared.engines.lockout.rules import Rule
from shared.engines.lockout.scenarios import SCENARIOS
from shared.engines.lockout.shapes import says_nothing
from shared.engines.lockout.spelling import misspelt
from shared.engines.lockout.state import CHECKS, accounts_of


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Why an account doesn't pass. `policy_id` and `scenario` are "" where the rule is about neither."""

    rule: Rule
    policy_id: str
    scenario: str
    why: str


@dataclass(frozen=True, slots=True)
class Judged:
    """One account; it passes where there is no finding."""

    id: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return not self.findings


@dataclass(frozen=True, slots=True)
class Verdict:
    accounts: tuple[Judged, ...]

    @property
    def passed(self) -> bool:
        return bool(self.accounts) and all(account.passed for account in self.accounts)

    def document(self) -> dict[str, Any]:
        """The answer as JSON: the members and words of `holdfast guard`."""
        return {
            "verdict": _word(self.passed),
            "accounts": [
                {
                    "id": one.id,
                    "verdict": _word(one.passed),
                    "findings": [_told(finding) for finding in one.findings],
                }
                for one in self.accounts
            ],
        }


def judge(facts: Facts) -> Verdict:
    """The same facts, in whatever order, give the same verdict."""
    return Verdict(
        tuple(
            Judged(account.id, tuple(sorted({*state_findings(account), *_all_policies(account)})))
            for account in accounts_of(facts)
        )
    )


def state_findings(account: Account) -> Iterator[Finding]:
    for rule, check in CHECKS.items():
        if why := check(account):
            yield Finding(rule, "", "", why)


def _all_policies(account: Account) -> Iterator[Finding]:
    for policy in account.facts.conditional_access_policies or ():
        yield from policy_findings(policy, account)


def policy_findings(policy: JsonObject, account: Account) -> Iterator[Finding]:
    """What one policy does to an account, and to Holdfast itself."""
    if not may_be_on(policy):
        return
    found = policy.get("id")
    policy_id = found if isinstance(found, str) else ""
    for principal in account.facts.holdfast_service_principal_ids or ():
        for why in _against_principal(policy, principal):
            yield Finding(Rule.WORKLOAD, policy_id, f"workload identity {principal}", why)
    if concerns(policy, account) is False:
        return
    if named := risks(policy):
        why = f"it depends on {', '.join(named)} and does not exclude the account"
        yield Finding(Rule.RISK, policy_id, "", why)
        return
    caught = [scenario for scenario in SCENARIOS if applies(policy, scenario) is not False]
    if not caught:
        return
    others = f" (in this and {len(caught) - 1} more of {len(SCENARIOS)} scenarios)" if len(caught) > 1 else ""
    for rule, why in (*misspelt(policy), *unmet(policy, account)):
        yield Finding(rule, policy_id, str(caught[0]), why + others)


def _against_principal(policy: JsonObject, principal: str) -> Iterator[str]:
    """Whether the policy may keep a service principal out: it can meet no control at all."""
    if principals(policy) is None or concerns_principal(policy, principal) is False:
        return
    controls = not says_nothing(policy.get("grantControls")) or any(session(policy))
    if controls or risks(policy) or any(misspelt(policy)):
        yield "it may apply to Holdfast's own service principal, which can meet none of its controls"


def _word(passed: bool) -> str:
    return "pass" if passed else "fail"


def _told(finding: Finding) -> dict[str, str]:
    members = {
        "rule": finding.rule.value,
        "policyId": finding.policy_id,
        "scenario": finding.scenario,
        "why": finding.why,
    }
    return {name: told for name, told in members.items() if told}


def against(policy: JsonObject, facts: Facts) -> tuple[tuple[str, Finding], ...]:
    """What stands against this policy acting: account and finding, sorted. It is judged with the state around it,
    and without other policies: what one of them does wrong must keep no other from being mended."""
    alone = replace(facts, conditional_access_policies=(policy,))
    return tuple(
        (account.id, finding)
        for account in accounts_of(alone)
        for finding in sorted({*state_findings(account), *policy_findings(policy, account)})
    )


def added(before: Facts, after: Facts) -> list[tuple[str, Finding]]:
    """What is found after a change and wasn't before it: account and finding, by rule and policy."""
    here = set(_by_subject(before))
    return [(subject[0], finding) for subject, finding in _by_subject(after).items() if subject not in here]


def _by_subject(facts: Facts) -> dict[tuple[str, ...], Finding]:
    return {
        (account.id, finding.rule.value, finding.policy_id): finding
        for account in judge(facts).accounts
        for finding in account.findings
    }


def told(found: Iterable[tuple[str, Finding]]) -> str:
    """Findings as one line for people, each reason once with the accounts that it is about."""
    reasons: dict[str, dict[str, None]] = {}
    for account, finding in found:
        reasons.setdefault(finding.why, {})[account] = None
    return "; ".join(
        f"break-glass account{'s' if len(accounts) > 1 else ''} {', '.join(accounts)}: {why}"
        for why, accounts in reasons.items()
    )

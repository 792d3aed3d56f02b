"""What the service itself says of a policy in report-only mode, asked before the policy is turned on.

The lock-out guard's own word comes first, and a second one is asked for only where it matters: of accounts that
couldn't meet the policy, so that everything hangs on its not applying to them. Where the service says that it does
apply, the two disagree, and the policy stays off.

What comes of it where nobody answers: a refusal (403), or an answer that isn't understood, stops the enabling,
because its owner can mend that. A service that hasn't got the evaluation (404, 405, 501) never will have it; then
the guard's own word stands, and the journal and the report say that it stands alone. A policy that isn't in the
answer, or is said to be off, hasn't reached every replica: it is waited for.

Source: Microsoft Graph, "conditionalAccessRoot: evaluate"; "whatIfAnalysisResult resource type".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.catalog.spec import Enabling, ObjectType
from shared.domain.errors import GraphDown, Unusable
from shared.domain.objects import JsonObject
from shared.domain.ports import Directory, GraphRequest, GraphResponse
from shared.engines.lockout.accounts import Account
from shared.engines.lockout.conditions import CONDITIONS, conditions_of, risks
from shared.engines.lockout.controls import unmet
from shared.engines.lockout.facts import Facts
from shared.engines.lockout.scenarios import SCENARIOS, Scenario
from shared.engines.lockout.shapes import says_nothing, text
from shared.engines.lockout.state import accounts_of
from shared.engines.wire import parse

ALONE: Final = "no second opinion: "  # begins what is told where the guard's word stands alone
_ABSENT: Final = (404, 405, 501)
_OFF: Final = "policynotenabled"
_PLATFORMS: Final = {"ios": "iOS"}
_CLIENTS: Final = {"browser": "browser", "mobileappsanddesktopclients": "mobileAppsAndDesktopClients"}
_ACTIONS: Final = {"urn:user:registersecurityinfo": "registerSecurityInformation"}


@dataclass(frozen=True, slots=True)
class Opinion:
    """`against`: why the policy may not be turned on; `wait`: what has to be waited for; `told`: what whoever reads
    the journal has to know. All "" where the service agrees, or nothing had to be asked."""

    against: str = ""
    wait: str = ""
    told: str = ""


AGREED: Final = Opinion()


class SecondOpinion:
    """Over the directory. Raises `Retryable` while Graph is down."""

    def __init__(self, directory: Directory, spec: ObjectType) -> None:
        assert spec.enabling is not None
        self._directory = directory
        self._spec = spec
        self._enabling: Enabling = spec.enabling

    async def of(self, policy: JsonObject, before: JsonObject, facts: Facts) -> Opinion:
        """`policy`: as it will be; `before`: of it, what is there now and will be replaced; `facts`: by which the
        guard let it pass."""
        accounts = [one for one in accounts_of(facts) if _hangs_on_not_applying(policy, one)]
        if not accounts or not self._enabling.evaluate:
            return AGREED
        if before.get(self._enabling.property) != self._enabling.trial:
            return Opinion(told=f"{ALONE}it wasn't in report-only mode before")
        for account in accounts:
            for scenario in _asked(policy):
                opinion = await self._one(policy, account, scenario)
                if opinion is not AGREED:
                    return opinion
        return AGREED

    async def _one(self, policy: JsonObject, account: Account, scenario: Scenario) -> Opinion:
        path = f"/{self._spec.version}{self._enabling.evaluate}"
        body = _question(account.id, scenario)
        answer = await self._directory.send(GraphRequest("POST", path, body, throttle=str(self._spec.throttle)))
        if not answer.ok:
            return _unanswered(answer)
        found = _said_of(answer.body, str(policy.get("id")))
        if isinstance(found, Opinion):
            return found
        if found.get("policyApplies") is not True:
            return AGREED
        why = "; ".join(dict.fromkeys(why for _, why in unmet(policy, account))) or "it depends on a risk"
        return Opinion(
            against=f"the service's own evaluation says that it applies to break-glass account {account.id} "
            f"({scenario}), and the guard had found that it doesn't: {why}"
        )


def _hangs_on_not_applying(policy: JsonObject, account: Account) -> bool:
    return bool(risks(policy)) or any(True for _ in unmet(policy, account))


def _asked(policy: JsonObject) -> Iterator[Scenario]:
    """Scenarios that the policy can tell apart: one for all that differ in nothing it asks about."""
    conditions = conditions_of(policy)
    seen: set[tuple[Any, ...]] = set()
    for scenario in SCENARIOS:
        kind = (
            *(condition(conditions.get(name), scenario) for name, condition in CONDITIONS.items()),
            bool(scenario.target.action),
        )
        if kind not in seen:
            seen.add(kind)
            yield scenario


def _question(account: str, scenario: Scenario) -> JsonObject:
    """Nothing is said of a country and an address, which no scenario knows."""
    target = scenario.target
    context: JsonObject = {
        "@odata.type": "#microsoft.graph.applicationContext",
        "includeApplications": [target.asked_as],
    }
    if target.action:
        context = {
            "@odata.type": "#microsoft.graph.userActionContext",
            "userAction": _ACTIONS[target.action],
        }
    return {
        "signInIdentity": {"@odata.type": "#microsoft.graph.userSignIn", "userId": account},
        "signInContext": context,
        "signInConditions": {
            "devicePlatform": _PLATFORMS.get(scenario.platform, scenario.platform),
            "clientAppType": _CLIENTS[scenario.client],
            "signInRiskLevel": "none",
            "userRiskLevel": "none",
            "deviceInfo": {"isCompliant": False},
        },
        "appliedPoliciesOnly": False,
    }


def _unanswered(answer: GraphResponse) -> Opinion:
    if answer.status in _ABSENT:
        return Opinion(told=f"{ALONE}the service has no evaluation here (status {answer.status})")
    if answer.status in (0, 429) or answer.status >= 500:
        raise GraphDown(f"the evaluation of policies failed with status {answer.status}")
    return Opinion(against=f"the service refused to evaluate the policy (status {answer.status})")


def _said_of(body: bytes, policy_id: str) -> JsonObject | Opinion:
    try:
        value = parse(body)
    except Unusable:
        value = None
    items: Sequence[Any] = value.get("value", ()) if isinstance(value, dict) else ()
    if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
        return Opinion(against="the service's evaluation of the policy is not understood")
    found = next((one for one in items if text(one.get("id")) == text(policy_id)), None)
    if found is None or _OFF in text(found.get("analysisReasons")).split(","):
        return Opinion(wait="the service's evaluation doesn't know yet that the policy is in report-only mode")
    if says_nothing(found.get("policyApplies")) and found.get("policyApplies") is not False:
        return Opinion(against="the service's evaluation of the policy is not understood")
    return dict(found)

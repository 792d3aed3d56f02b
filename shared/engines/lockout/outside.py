"""What the verdict says nothing about: policies, or parts of them, that none of the scenarios meets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shared.domain.objects import JsonObject
from shared.engines.lockout.conditions import (
    OTHER_ACTIONS,
    conditions_of,
    flows_alone,
    may_be_on,
    other_applications,
    principals,
)
from shared.engines.lockout.facts import Facts
from shared.engines.lockout.shapes import at, says_nothing, text, texts

# Of every file and snapshot: what no member of it tells.
NOT_IN_FACTS: Final = (
    "home realm discovery, certificate-based and cross-tenant access policies are not looked at",
    "when a role or a membership was activated, or whether an assignment has begun, is believed as it was read",
)


@dataclass(frozen=True, slots=True, order=True)
class Outside:
    policy_id: str
    why: str


def outside(facts: Facts) -> tuple[Outside, ...]:
    """For each policy that may be on: what of it lies outside the scenarios. Sorted."""
    found: set[Outside] = set()
    for policy in facts.conditional_access_policies or ():
        if may_be_on(policy):
            named = policy.get("id")
            policy_id = named if isinstance(named, str) else ""
            found.update(Outside(policy_id, why) for why in _of(policy, facts))
    return tuple(sorted(found))


def _of(policy: JsonObject, facts: Facts) -> Iterator[str]:
    applications = at(conditions_of(policy), "applications")
    if other_applications(policy):
        yield "names Office 365 or single applications: parts of the admin portals may break where they are refused"
    if not says_nothing(at(applications, "includeAuthenticationContextClassReferences")):
        yield "asks for an authentication context, which somebody meets only where an application asks for it"
    actions = texts(at(applications, "includeUserActions")) or ()
    if any(text(one) in OTHER_ACTIONS for one in actions):
        yield "is about registering or joining devices"
    if flows_alone(policy):
        yield "is about device code flow or authentication transfer alone"
    if principals(policy) is not None and not facts.holdfast_service_principal_ids:
        yield "is about workload identities, and which of them are Holdfast's isn't given"

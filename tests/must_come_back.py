"""What must come back, by hand from Microsoft Graph's reference: the measure that Holdfast is held to.

Nothing here is taken from the catalog. Each row names a collection or singleton of Graph (by the simulated
tenant's table of it), every property that its "Update" page takes, and whether its "Create" page lets one that was
purged be made anew. `tests/scenario/test_round_trips.py` changes every one of these properties and purges every
such object, restores, and compares.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_API = "learn.microsoft.com/graph/api/"


@dataclass(frozen=True, slots=True)
class Must:
    """One type.

    `changed`: properties that must go back to what they were; `values`: what a test changes some of them to, where
    any other value of the type would be refused. `anew`: one that was purged must come back. `by`: properties that
    tell one from another whatever its id. `only`: of the seed's objects, those with these values.
    `not_changed`, `not_anew`: why not, where that is so."""

    table: str
    source: str
    changed: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    anew: bool = False
    by: tuple[str, ...] = ("displayName",)
    only: dict[str, Any] = field(default_factory=dict)
    not_changed: str = ""
    not_anew: str = ""

    def __post_init__(self) -> None:
        if bool(self.changed) == bool(self.not_changed) or self.anew == bool(self.not_anew):
            raise ValueError(f"{self.table}: each of changed and anew holds, or says why not")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ONE = "there is one in every tenant, which can't be deleted"

MUST: tuple[Must, ...] = (
    Must(
        "identitySecurityDefaultsEnforcementPolicy",
        _API + "identitysecuritydefaultsenforcementpolicy-update",
        changed=("isEnabled",),
        not_anew=_ONE,
    ),
    Must(
        "adminConsentRequestPolicy",
        _API + "adminconsentrequestpolicy-update",
        changed=_words("isEnabled notifyReviewers remindersEnabled requestDurationInDays reviewers"),
        not_anew=_ONE,
    ),
    Must(
        "authenticationFlowsPolicy",
        _API + "authenticationflowspolicy-update",
        changed=("selfServiceSignUp",),
        not_anew=_ONE,
    ),
    Must(
        "groupLifecyclePolicies",
        _API + "grouplifecyclepolicy-update",
        changed=_words("alternateNotificationEmails groupLifetimeInDays managedGroupTypes"),
        values={"managedGroupTypes": "Selected"},
        anew=True,
        by=(),
    ),
)

"""To which sign-ins a policy may apply: each condition is True, False, or None where it can't be decided.

A policy applies where none of its conditions is False. Conditions that no table here names, locations among them,
are undecided where only the scenario is known, so they never keep a policy away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from shared.domain.objects import Json, JsonObject
from shared.engines.lockout.accounts import Account
from shared.engines.lockout.devices import matches_unmanaged
from shared.engines.lockout.scenarios import SCENARIOS, TARGETS, Scenario
from shared.engines.lockout.shapes import EMPTY, at, saying, says_nothing, text, texts, unknown_members
from shared.engines.lockout.ternary import Ternary, all_of, any_of, inverse

OFF: Final = ("disabled", "enabledForReportingButNotEnforced")
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Condition = Callable[[Json, Scenario], Ternary]


def may_be_on(policy: JsonObject) -> bool:
    """Only a state that is known to do nothing does nothing."""
    return policy.get("state") not in OFF


def conditions_of(policy: JsonObject) -> JsonObject:
    found = policy.get("conditions")
    return found if isinstance(found, dict) else EMPTY


def applies(policy: JsonObject, scenario: Scenario) -> Ternary:
    """Whether the policy applies to the sign-in, whoever it is."""
    conditions = conditions_of(policy)
    return all_of(condition(conditions.get(name), scenario) for name, condition in CONDITIONS.items())


# --- what is reached


_APPLICATIONS: Final = frozenset(
    {
        "includeApplications",
        "excludeApplications",
        "includeUserActions",
        "includeAuthenticationContextClassReferences",
        "applicationFilter",
    }
)
# What a policy may name as an application and means no target of a scenario, or more than one.
SUITE: Final = "office365"
_NOTHING: Final = "none"
_EVERYTHING: Final = "all"
OTHER_ACTIONS: Final = ("urn:user:registerdevice",)


def _applications(value: Json, scenario: Scenario) -> Ternary:
    if not isinstance(value, dict) or _silent(value):
        return None
    return all_of((_named(value, scenario), inverse(_freed(value, scenario))))


def _named(value: JsonObject, scenario: Scenario) -> Ternary:
    return any_of(
        (
            *_each(value.get("includeApplications"), lambda name: _application(name, scenario)),
            *_each(value.get("includeUserActions"), lambda name: _action(name, scenario)),
            *_each(value.get("includeAuthenticationContextClassReferences"), lambda name: False),
            # A filter asks for attributes of the applications, and they aren't read.
            *(None for name in ("applicationFilter",) if not says_nothing(value.get(name))),
            *(None for _ in unknown_members(value, _APPLICATIONS)),
        )
    )


def _application(name: str, scenario: Scenario) -> Ternary:
    if name == _EVERYTHING:
        return True  # the page on which methods are registered is an application, too
    if name in (_NOTHING, SUITE):
        return False
    if name in scenario.target.named_by:
        return True
    known = _GUID.fullmatch(name) or any(name in target.named_by for target in TARGETS)
    return False if known else None


def _action(name: str, scenario: Scenario) -> Ternary:
    if any(name == target.action for target in TARGETS):
        return name == scenario.target.action
    return False if name in OTHER_ACTIONS else None


def other_applications(policy: JsonObject) -> bool:
    """Whether it names an application that no scenario reaches."""
    names = texts(at(conditions_of(policy), "applications", "includeApplications")) or ()
    return any(
        text(name) not in (_NOTHING, _EVERYTHING) and not any(text(name) in target.named_by for target in TARGETS)
        for name in names
    )


def _freed(value: JsonObject, scenario: Scenario) -> bool:
    """Whether the target is excluded by name; a filter that excludes saves nobody."""
    excluded = texts(value.get("excludeApplications")) or ()
    return any(text(name) in scenario.target.freed_by for name in excluded)


# --- from what


def _platforms(value: Json, scenario: Scenario) -> Ternary:
    if value is None:
        return True
    if not isinstance(value, dict):
        return None
    excluded = texts(value.get("excludePlatforms")) or ()
    if any(text(name) == scenario.platform for name in excluded):
        return False
    included = value.get("includePlatforms")
    return any_of(_each(included, lambda name: _platform(name, scenario))) if included else None


_PLATFORMS: Final = ("android", "ios", "windows", "windowsphone", "macos", "linux")


def _platform(name: str, scenario: Scenario) -> Ternary:
    if name in (_EVERYTHING, scenario.platform):
        return True
    return False if name in _PLATFORMS else None


_OTHER_CLIENTS: Final = ("exchangeactivesync", "eassupported", "other")


def _clients(value: Json, scenario: Scenario) -> Ternary:
    return any_of(_each(value, lambda name: _client(name, scenario))) if value else True


def _client(name: str, scenario: Scenario) -> Ternary:
    if name in (_EVERYTHING, scenario.client):
        return True
    known = name in _OTHER_CLIENTS or name in ("browser", "mobileappsanddesktopclients")
    return False if known else None


def _devices(value: Json, scenario: Scenario) -> Ternary:
    rule = at(value, "deviceFilter")
    if rule is None:
        return True  # states of devices in the old spelling keep no unmanaged device out
    mode, matched = text(at(rule, "mode")), None
    if isinstance(rule, dict):
        matched = matches_unmanaged(rule.get("rule"))
    return {"include": matched, "exclude": inverse(matched)}.get(mode)


# --- how


_OTHER_FLOWS: Final = ("devicecodeflow", "authenticationtransfer")


def _flows(value: Json, scenario: Scenario) -> Ternary:
    """Flows that no scenario uses; a policy that names only such is about them alone."""
    asked = at(value, "transferMethods")
    if value is None or says_nothing(asked):
        return True
    names = [one.strip() for one in text(asked).split(",")]
    return False if all(name in _OTHER_FLOWS for name in names) else None


def flows_alone(policy: JsonObject) -> bool:
    return _flows(conditions_of(policy).get("authenticationFlows"), SCENARIOS[0]) is False


CONDITIONS: Final[Mapping[str, Condition]] = {
    "applications": _applications,
    "platforms": _platforms,
    "clientAppTypes": _clients,
    "devices": _devices,
    "authenticationFlows": _flows,
}


# --- who


_USERS: Final = frozenset(
    {
        "includeUsers",
        "excludeUsers",
        "includeGroups",
        "excludeGroups",
        "includeRoles",
        "excludeRoles",
        "includeGuestsOrExternalUsers",
        "excludeGuestsOrExternalUsers",
    }
)


def concerns(policy: JsonObject, account: Account) -> Ternary:
    """Whether the policy's users include the account, and nothing that counts excludes it."""
    users = conditions_of(policy).get("users")
    if _silent(users) and _names_principals(policy):
        return False  # it is about service principals alone
    if not isinstance(users, dict):
        return None
    return False if _excluded(users, account) else _included(users, account)


def _included(users: JsonObject, account: Account) -> Ternary:
    if not any(name.startswith("include") for name in saying(users)):
        return None
    guests = (account.external for name in ("includeGuestsOrExternalUsers",) if not says_nothing(users.get(name)))
    return any_of(
        (
            *_each(users.get("includeUsers"), lambda name: _user(name, account)),
            *_each(users.get("includeGroups"), lambda name: account.groups.may_hold(name, account.id)),
            *_each(users.get("includeRoles"), account.has_role),
            *guests,
            *(None for _ in unknown_members(users, _USERS)),
        )
    )


def _user(name: str, account: Account) -> Ternary:
    if name in (_EVERYTHING, text(account.id)):
        return True
    if name == _NOTHING:
        return False
    if name == "guestsorexternalusers":
        return account.external
    known = _GUID.fullmatch(name) or any(text(user.get("id")) == name for user in account.facts.users or ())
    return False if known else None


def _excluded(users: JsonObject, account: Account) -> bool:
    """By id, or by a group that certainly holds the account. Roles and kinds of users exclude nobody."""
    by_id = {text(name) for name in texts(users.get("excludeUsers")) or ()}
    groups = texts(users.get("excludeGroups")) or ()
    return text(account.id) in by_id or any(account.groups.proves(name, account.id) for name in groups)


def included_groups(policy: JsonObject) -> tuple[str, ...]:
    return texts(at(conditions_of(policy), "users", "includeGroups")) or ()


def excluded_groups(policy: JsonObject) -> tuple[str, ...]:
    return texts(at(conditions_of(policy), "users", "excludeGroups")) or ()


# --- service principals


_PRINCIPALS: Final = frozenset(
    {
        "includeServicePrincipals",
        "excludeServicePrincipals",
        "servicePrincipalFilter",
        # These name identities of agents, and Holdfast is none.
        "includeAgentIdServicePrincipals",
        "excludeAgentIdServicePrincipals",
        "agentIdServicePrincipalFilter",
    }
)


def principals(policy: JsonObject) -> JsonObject | None:
    """The condition on service principals; None where the policy has none."""
    found = conditions_of(policy).get("clientApplications")
    if says_nothing(found):
        return None
    if not isinstance(found, dict):
        return EMPTY
    return None if _silent(found) else found


def _names_principals(policy: JsonObject) -> bool:
    found = principals(policy) or EMPTY
    return any(not says_nothing(found.get(name)) for name in _PRINCIPALS if not name.startswith("exclude"))


def concerns_principal(policy: JsonObject, principal: str) -> Ternary:
    """Whether a policy for workload identities may apply to the service principal."""
    found = principals(policy)
    if found is None:
        return False
    if not found:
        return None
    if text(principal) in (text(one) for one in texts(found.get("excludeServicePrincipals")) or ()):
        return False
    return any_of(
        (
            *_each(found.get("includeServicePrincipals"), lambda name: _principal(name, principal)),
            *(None for name in ("servicePrincipalFilter",) if not says_nothing(found.get(name))),
            *(None for _ in unknown_members(found, _PRINCIPALS)),
        )
    )


def _principal(name: str, principal: str) -> Ternary:
    if name in ("serviceprincipalsinmytenant", text(principal)):
        return True
    return False if name == _NOTHING or _GUID.fullmatch(name) else None


# --- risk


def risks(policy: JsonObject) -> tuple[str, ...]:
    """Members by which the policy depends on a risk, which no scenario has and anybody may come to have."""
    conditions = conditions_of(policy)
    return tuple(sorted(name for name in saying(conditions) if name.endswith("RiskLevels")))


def _silent(value: Json) -> bool:
    """Null, or an object in which no member says anything."""
    return value is None or (isinstance(value, dict) and not any(saying(value)))


def _each(value: Json, decide: Callable[[str], Ternary]) -> Iterator[Ternary]:
    """The decision on each text of a list; undecided where it is no list of texts."""
    names = texts(value)
    if names is None:
        yield None
    for name in names or ():
        yield decide(text(name))

"""The lock-out guard over policies that nobody thought of."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import Unusable
from shared.engines.lockout.facts import read_facts
from shared.engines.lockout.outside import outside
from shared.engines.lockout.verdict import judge
from tests.unit import lockout_cases as table
from tests.unit.lockout_cases import CASES, ONE, TWO

Policy = dict[str, Any]

_IDS = [ONE, TWO, table.STRANGER, table.BREAK_GLASS, table.INNER, table.OTHERS, table.RULED, table.GONE, "New"]
_some = lambda *values: st.lists(st.sampled_from(values), max_size=3)  # noqa: E731 - a strategy, not a function


def _maybe(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=members)


_users = _maybe(
    includeUsers=_some("All", "None", "GuestsOrExternalUsers", *_IDS),
    excludeUsers=_some(*_IDS),
    includeGroups=_some(*_IDS),
    excludeGroups=_some(*_IDS),
    includeRoles=_some(table.GLOBAL_ADMINISTRATOR, table.EXCHANGE_ADMINISTRATOR),
    includeAgents=_some("x"),
)
_conditions = _maybe(
    users=_users,
    applications=_maybe(
        includeApplications=_some("All", "None", "Office365", "MicrosoftAdminPortals", table.EXCHANGE, "New"),
        excludeApplications=_some("Office365", "MicrosoftAdminPortals", table.AZURE_MANAGEMENT),
        includeUserActions=_some("urn:user:registersecurityinfo", "urn:user:registerdevice", "urn:user:new"),
    ),
    clientAppTypes=_some("all", "browser", "mobileAppsAndDesktopClients", "other", "new"),
    platforms=_maybe(
        includePlatforms=_some("all", "windows", "iOS", "macOS"), excludePlatforms=_some("linux", "new")
    ),
    devices=_maybe(
        deviceFilter=st.fixed_dictionaries(
            {
                "mode": st.sampled_from(["include", "exclude", "new"]),
                "rule": st.sampled_from(["device.isCompliant -eq True", "device.isCompliant -ne True", "new"]),
            }
        )
    ),
    locations=_maybe(includeLocations=_some("All", "x"), excludeLocations=_some("AllTrusted", "x")),
    signInRiskLevels=_some("high"),
    authenticationFlows=_maybe(transferMethods=st.sampled_from(["deviceCodeFlow", "new"])),
    news=st.booleans(),
)
_controls = _some("mfa", "block", "compliantDevice", "passwordChange", "new")
policies: st.SearchStrategy[Policy] = st.fixed_dictionaries(
    {
        "id": st.sampled_from([table.POLICY, table.SECOND_POLICY]),
        "state": st.sampled_from(["enabled", "enabled", "disabled", "enabledForReportingButNotEnforced", "new"]),
        "conditions": _conditions,
        "grantControls": st.none()
        | st.fixed_dictionaries({"operator": st.sampled_from(["AND", "OR", None]), "builtInControls": _controls}),
        "sessionControls": st.none()
        | _maybe(
            secureSignInSession=_maybe(isEnabled=st.booleans()), signInFrequency=_maybe(isEnabled=st.booleans())
        ),
    }
)
_sets = st.lists(policies, max_size=4)
# Anything that JSON can say, put where a policy says something.
_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _passing(found: list[Policy], **members: Any) -> dict[str, bool]:
    file = {**table.sound(), **members, "conditionalAccessPolicies": found}
    return {account.id: account.passed for account in judge(read_facts(file)).accounts}


def _no_worse(before: dict[str, bool], after: dict[str, bool]) -> bool:
    return all(after[account] for account, passed in before.items() if passed)


@given(_sets, policies)
def test_one_more_policy_lets_nobody_in(found: list[Policy], more: Policy) -> None:
    assert _no_worse(_passing([*found, more]), _passing(found))


@given(_sets, st.sampled_from([ONE, TWO]))
def test_excluding_an_account_by_id_keeps_nobody_out(found: list[Policy], account: str) -> None:
    excluding = copy.deepcopy(found)
    for policy in excluding:
        users = policy["conditions"].setdefault("users", {"includeUsers": ["All"]})
        users["excludeUsers"] = [*users.get("excludeUsers", []), account]
    after = _passing(excluding)
    assert after[account], "whoever every policy excludes passes"
    assert _no_worse(_passing(found), after)


@given(_sets)
def test_policies_that_are_off_change_nothing(found: list[Policy]) -> None:
    off = [
        {**policy, "state": state}
        for policy in found
        for state in ("disabled", "enabledForReportingButNotEnforced")
    ]
    assert _passing(off) == _passing([])


@given(_sets)
def test_order_changes_nothing(found: list[Policy]) -> None:
    assert _passing(found) == _passing(found[::-1])


@given(policies, st.text(min_size=1, max_size=10))
def test_a_control_that_nobody_knows_is_never_met(policy: Policy, name: str) -> None:
    """Where a policy catches an account by blocking it, it does by whatever else it asks for."""
    known = {"mfa"}
    blocking = {**policy, "grantControls": {"operator": "OR", "builtInControls": ["block"]}}
    asking = {**policy, "grantControls": {"operator": "OR", "builtInControls": [name]}}
    if name not in known:
        assert _passing([asking]) == _passing([blocking])


@given(_sets, st.sampled_from(["users", "groups", "roleAssignments", "domains", "registeredMethods"]))
def test_what_could_not_be_read_lets_nobody_in(found: list[Policy], member: str) -> None:
    assert _no_worse(_passing(found, **{member: None}), _passing(found))


@given(st.sampled_from(CASES), _json, st.integers(0, 1000))
@settings(max_examples=200)
def test_no_shape_is_a_traceback(case: Any, value: Any, place: int) -> None:
    """One member somewhere in the file replaced by anything at all: an answer, or a refusal of the file."""
    file = copy.deepcopy(case.file)
    places = [*_places(file)]
    holder, name = places[place % len(places)]
    holder[name] = value
    try:
        facts = read_facts(file)
    except Unusable:
        return
    json.dumps(judge(facts).document())
    outside(facts)


def _places(value: Any) -> Any:
    if isinstance(value, dict):
        for name in value:
            yield value, name
            yield from _places(value[name])
    elif isinstance(value, list):
        for item in value:
            yield from _places(item)

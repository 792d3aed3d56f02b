"""The guard's facts from a view: a snapshot, or the live tenant as it was read.

Objects of a type count as read only where the view holds all of them; what it holds in part could not be read. Of
users and groups those are opened that can matter: the accounts, and groups that a policy, a method or a role names,
with the groups inside them. One pass over the memberships keeps what can matter of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from shared.domain.objects import Json, JsonObject
from shared.domain.snapshot import State
from shared.engines.lockout.facts import Facts, Objects
from shared.engines.lockout.shapes import text
from shared.engines.opening import each, read_objects
from shared.engines.references import texts_within
from shared.engines.view import View

# Catalog names, by what is in them.
USERS: Final = "users"
GROUPS: Final = "groups"
MEMBERS: Final = "members"
DOMAINS: Final = "domains"
POLICIES: Final = "conditionalAccessPolicies"
STRENGTHS: Final = "authenticationStrengthPolicies"
METHODS_POLICY: Final = "authenticationMethodsPolicy"
CONFIGURATIONS: Final = "authenticationMethodConfigurations"
DEFAULTS: Final = "identitySecurityDefaultsEnforcementPolicy"
REGISTERED: Final = "userAuthenticationMethods"
ASSIGNMENTS: Final = "roleAssignments"
# What tells of assignments what they are: without the licence for it there are none.
NATURES: Final = ("roleAssignmentScheduleInstances", "roleEligibilitySchedules")

# What a whole tenant has beside.
HOME_REALMS: Final = "homeRealmDiscoveryPolicies"
APPLIES_TO: Final = "appliesTo"
PRINCIPALS: Final = "servicePrincipals"
CROSS_TENANT_DEFAULT: Final = "crossTenantAccessDefault"
CROSS_TENANT_PARTNERS: Final = "crossTenantAccessPartners"

# What the facts are made of, but for what accounts have registered, which takes a request for each user.
TYPES: Final = (
    USERS,
    GROUPS,
    DOMAINS,
    POLICIES,
    STRENGTHS,
    METHODS_POLICY,
    CONFIGURATIONS,
    DEFAULTS,
    ASSIGNMENTS,
    *NATURES,
)


async def whole_of(view: View, accounts: tuple[str, ...], also: Objects = (), linked: Iterable[str] = ()) -> Facts:
    """The facts with what no file holds. `linked`: ids of what may come to be in a group that matters, as far as
    they are groups, or under a policy, as far as they are service principals."""
    linked = {*linked}
    facts = await facts_of(view, accounts, also, linked)
    realms = await _all(view, HOME_REALMS)
    applied: dict[str, list[Json]] = {}
    ids = set(linked)
    async for link in view.links(HOME_REALMS, APPLIES_TO):
        applied.setdefault(text(link.source), []).append(link.target)
        ids.add(link.target)
    known = view.completeness(f"{HOME_REALMS}.{APPLIES_TO}").is_complete
    return replace(
        facts,
        whole=True,
        home_realm_discovery_policies=None
        if realms is None
        else tuple({**one, APPLIES_TO: applied.get(text(one.get("id")), []) if known else None} for one in realms),
        service_principals=await _some(view, PRINCIPALS, ids),
        cross_tenant_access_default=await _single(view, CROSS_TENANT_DEFAULT),
        cross_tenant_access_partners=await _all(view, CROSS_TENANT_PARTNERS),
    )


async def facts_of(view: View, accounts: tuple[str, ...], also: Objects = (), linked: Iterable[str] = ()) -> Facts:
    """The facts about these break-glass accounts. `also`: policies that the view doesn't hold (yet), and whose
    groups matter. `linked`: ids of what may come to be in a group that matters, as far as they are groups."""
    facts = Facts(
        break_glass_ids=accounts,
        users=await _accounts(view, accounts),
        role_assignments=await _roles(view),
        domains=await _all(view, DOMAINS),
        conditional_access_policies=await _all(view, POLICIES),
        authentication_strength_policies=await _all(view, STRENGTHS),
        authentication_methods_policy=await _methods_policy(view),
        identity_security_defaults_enforcement_policy=await _single(view, DEFAULTS),
        registered_methods=await _registered(view, accounts),
    )
    return replace(facts, groups=await _groups(view, {*named_in(facts, also), *linked}, accounts))


def named_in(facts: Facts, also: Objects = ()) -> set[str]:
    """Ids that policies, methods and roles name, `also` further policies; those of groups are among them."""
    policies = facts.conditional_access_policies or ()
    named = {text(one) for one in texts_within([*policies, *also, facts.authentication_methods_policy])}
    named.update(text(one.get("principalId")) for one in facts.role_assignments or ())
    return named


async def _all(view: View, name: str) -> Objects | None:
    if not view.completeness(name).is_complete:
        return None
    return tuple([item async for _, item in read_objects(view, name, view.index(name))])


async def _single(view: View, name: str) -> JsonObject | None:
    found = await _all(view, name)
    return found[0] if found else None


async def _some(view: View, name: str, wanted: set[str]) -> Objects:
    """Objects with these ids."""
    ids = {text(one) for one in wanted}
    found = [entry async for entry in view.index(name) if text(entry.id) in ids]
    return tuple([item async for _, item in read_objects(view, name, each(found))])


async def _accounts(view: View, accounts: tuple[str, ...]) -> Objects | None:
    """None where an account that isn't there may be in what wasn't read."""
    found = await _some(view, USERS, set(accounts))
    return found if view.completeness(USERS).is_complete or len(found) == len(accounts) else None


async def _roles(view: View) -> Objects | None:
    if any(view.completeness(name).state not in (State.COMPLETE, State.NOT_LICENSED) for name in NATURES):
        return None  # an activation couldn't be told from what stands
    assignments = await _all(view, ASSIGNMENTS)
    if assignments is None:
        return None
    told = [item for name in NATURES for item in await _all(view, name) or ()]
    return (*assignments, *told)


async def _methods_policy(view: View) -> JsonObject | None:
    """With the configurations, which are objects of their own and listed for themselves."""
    policy, configurations = await _single(view, METHODS_POLICY), await _all(view, CONFIGURATIONS)
    if policy is None or configurations is None:
        return None
    return {**policy, CONFIGURATIONS: [*configurations]}


async def _registered(view: View, accounts: tuple[str, ...]) -> Mapping[str, Json] | None:
    """What users have registered is off unless somebody asks for it; whose methods weren't read are left out."""
    if view.completeness(REGISTERED).state not in (State.COMPLETE, State.PARTIAL):
        return None
    found = await _some(view, REGISTERED, set(accounts))
    return {one: item.get("methods") for item in found if isinstance(one := item.get("id"), str)}


async def _groups(view: View, named: set[str], accounts: tuple[str, ...]) -> Objects | None:
    """Groups of these ids and every group inside them, with members that are groups or accounts."""
    if not view.completeness(GROUPS).is_complete:
        return None
    ids = {text(entry.id): entry async for entry in view.index(GROUPS)}
    inside: dict[str, set[str]] = {}
    wanted = {text(one) for one in accounts}
    async for link in view.links(GROUPS, MEMBERS):
        if text(link.target) in wanted or text(link.target) in ids:
            inside.setdefault(text(link.source), set()).add(text(link.target))
    reached = [one for one in sorted(named) if one in ids]
    seen = set(reached)
    for one in reached:
        new = sorted(inner for inner in inside.get(one, ()) if inner in ids and inner not in seen)
        seen.update(new)
        reached.extend(new)
    readable = view.completeness(f"{GROUPS}.{MEMBERS}").is_complete
    found = read_objects(view, GROUPS, each([ids[one] for one in sorted(seen)]))
    return tuple(
        [
            {**item, MEMBERS: [*sorted(inside.get(text(entry.id), ()))] if readable else None}
            async for entry, item in found
        ]
    )

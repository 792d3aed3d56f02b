"""What may send an account's sign-in elsewhere, or ask it for what it lacks, beside conditional access: home realm
discovery, certificates, and what other tenants' people may do here.

Judged where the facts are of a whole tenant (a plan, the last look before a write); a file says nothing of it.
Sources: Microsoft Entra, "Home Realm Discovery for an application" and "Configure sign-in behavior using Home Realm
Discovery"; "Technical concepts for Microsoft Entra certificate-based authentication" (who is in scope for it counts
as able to do multifactor authentication, and is not led through registering anything else); Microsoft Graph,
"crossTenantAccessPolicyConfigurationDefault" and "crossTenantAccessPolicyB2BSetting".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.domain.errors import Unusable
from shared.domain.objects import Json, JsonObject
from shared.engines.lockout.accounts import Account
from shared.engines.lockout.controls import can_show_mfa
from shared.engines.lockout.facts import Facts
from shared.engines.lockout.methods import may_be_enabled
from shared.engines.lockout.scenarios import TARGETS
from shared.engines.lockout.shapes import at, says_nothing, text, texts
from shared.engines.wire import parse

_REACHED: Final = frozenset[str]().union(*(target.named_by for target in TARGETS))
_POLICY: Final = "homerealmdiscoverypolicy"
_SENDS: Final = "acceleratetofederateddomain"


def home_realm(account: Account) -> str:
    """Whether a home realm discovery policy may send the account to somebody who doesn't know it."""
    facts = account.facts
    if not facts.whole or _all_managed(facts):
        return ""
    if facts.home_realm_discovery_policies is None:
        return "home realm discovery policies could not be read"
    for policy in facts.home_realm_discovery_policies:
        if _sends(policy) and _reaches(policy, facts):
            return f"the home realm discovery policy {policy.get('id')} sends its sign-in to a federated domain"
    return ""


def certificates(account: Account) -> str:
    policy = account.facts.authentication_methods_policy
    if not account.facts.whole or not may_be_enabled("x509certificate", account.id, policy, account.groups):
        return ""
    if can_show_mfa(account):
        return ""
    return "sign-in by certificate may be enabled for it, and it has no other method: it may be asked for one"


def cross_tenant(account: Account) -> str:
    """Of an account that may come from another tenant: whether people from every other one are let in."""
    facts = account.facts
    if not facts.whole or account.user is None or account.external is False:
        return ""
    if facts.cross_tenant_access_default is None or facts.cross_tenant_access_partners is None:
        return "it may come from another tenant, and cross-tenant access could not be read"
    partners = (one.get(_INBOUND) for one in facts.cross_tenant_access_partners)
    # A partner without a setting of its own has the default's.
    asked = (facts.cross_tenant_access_default.get(_INBOUND), *(one for one in partners if one is not None))
    if all(_lets_in(setting) for setting in asked):
        return ""
    return "it may come from another tenant, and cross-tenant access doesn't let in everybody from everywhere"


# --- home realms


def _all_managed(facts: Facts) -> bool:
    """Nobody can be sent to a federated domain where there is none."""
    domains = facts.domains
    return domains is not None and all(text(one.get("authenticationType")) == "managed" for one in domains)


def _sends(policy: JsonObject) -> bool:
    """A definition that can't be read may say anything."""
    definition = texts(policy.get("definition"))
    return definition is None or any(_accelerates(one) for one in definition)


def _accelerates(definition: str) -> bool:
    try:
        value = parse(definition.encode("utf-8", "replace"))
    except Unusable:
        return True
    found = [inner for name, inner in _members(value) if name == _POLICY]
    if len(found) != 1 or not isinstance(found[0], dict):
        return True
    return any(name == _SENDS and not says_nothing(said) for name, said in _members(found[0]))


def _members(value: Json) -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict):
        yield from ((name.casefold(), inner) for name, inner in value.items())


def _reaches(policy: JsonObject, facts: Facts) -> bool:
    """Whether it is for all applications, or may be for one of those that the scenarios reach."""
    if not says_nothing(policy.get("isOrganizationDefault")):
        return True
    applications = {text(one.get("id")): text(one.get("appId")) for one in facts.service_principals or ()}
    applied = texts(policy.get("appliesTo")) if policy.get("appliesTo") is not None else None
    return applied is None or any(applications.get(text(one), "") in {"", *_REACHED} for one in applied)


# --- other tenants

_INBOUND: Final = "b2bCollaborationInbound"
_EVERYBODY: Final = {"usersAndGroups": "allusers", "applications": "allapplications"}


def _lets_in(setting: Json) -> bool:
    return all(
        text(at(setting, side, "accessType")) == "allowed" and everybody in _targets(at(setting, side, "targets"))
        for side, everybody in _EVERYBODY.items()
    )


def _targets(value: Json) -> list[str]:
    return [text(at(one, "target")) for one in value] if isinstance(value, list) else []

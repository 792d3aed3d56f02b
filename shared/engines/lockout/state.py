"""What has to hold of the accounts and the tenant beside the policies: each check says why it doesn't, or ""."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from shared.domain.objects import JsonObject
from shared.engines.lockout.accounts import GLOBAL_ADMINISTRATOR, Account
from shared.engines.lockout.conditions import may_be_on
from shared.engines.lockout.controls import can_show_mfa
from shared.engines.lockout.elsewhere import certificates, cross_tenant, home_realm
from shared.engines.lockout.facts import Facts
from shared.engines.lockout.membership import Groups
from shared.engines.lockout.rules import Rule
from shared.engines.lockout.shapes import says_nothing, text

Check = Callable[[Account], str]


def _unread(member: str, what: str) -> Check:
    return lambda account: f"{what} could not be read" if getattr(account.facts, member) is None else ""


def _unknown(account: Account) -> str:
    return "" if account.facts.users is None or account.user else "no user with this id exists"


def _disabled(account: Account) -> str:
    return _of(account, lambda user: user.get("accountEnabled") is True, "the account is not known to be enabled")


def _synced(account: Account) -> str:
    return _of(
        account,
        lambda user: says_nothing(user.get("onPremisesSyncEnabled")) and account.external is not True,
        "the account is synchronised or comes from outside, so that signing in depends on what lies elsewhere",
    )


def _federated(account: Account) -> str:
    domain = account.principal_name.rpartition("@")[2]
    if account.user is None or account.facts.domains is None:
        return ""
    for found in account.facts.domains:
        if text(found.get("id")) == domain and domain:
            managed = text(found.get("authenticationType")) == "managed" and found.get("isVerified", True) is True
            return "" if managed else f"its domain {domain} is not known to be verified and managed"
    return "the domain of its user principal name is not among the tenant's"


def _restricted(account: Account) -> str:
    return _of(
        account,
        lambda user: says_nothing(user.get("isManagementRestricted")),
        "a restricted administrative unit lies around it",
    )


def _no_administrator(account: Account) -> str:
    facts = account.facts
    if facts.role_assignments is None:
        return ""
    groups = account.groups
    accounts = (Account(one, facts, groups) for one in facts.break_glass_ids)
    if any(one.permanently_has(GLOBAL_ADMINISTRATOR) for one in accounts):
        return ""
    return "none of the break-glass accounts is Global Administrator, active and permanent"


def _defaults_on(facts: Facts) -> bool:
    """Unread counts as on."""
    return (facts.identity_security_defaults_enforcement_policy or {}).get("isEnabled") is not False


def _defaults_with_policies(account: Account) -> str:
    policies = account.facts.conditional_access_policies or ()
    if _defaults_on(account.facts) and any(may_be_on(policy) for policy in policies):
        return "security defaults are on, or could not be read, while policies are on"
    return ""


def _defaults_unmet(account: Account) -> str:
    if _defaults_on(account.facts) and not can_show_mfa(account):
        return "security defaults are on, or could not be read, and the account has no usable method for them"
    return ""


CHECKS: Final[Mapping[Rule, Check]] = {
    Rule.USERS_UNREAD: _unread("users", "users"),
    Rule.ROLES_UNREAD: _unread("role_assignments", "role assignments"),
    Rule.DOMAINS_UNREAD: _unread("domains", "domains"),
    Rule.POLICIES_UNREAD: _unread("conditional_access_policies", "conditional access policies"),
    Rule.UNKNOWN_ACCOUNT: _unknown,
    Rule.DISABLED: _disabled,
    Rule.NOT_CLOUD_ONLY: _synced,
    Rule.NOT_MANAGED: _federated,
    Rule.RESTRICTED: _restricted,
    Rule.HOME_REALM: home_realm,
    Rule.CERTIFICATE: certificates,
    Rule.CROSS_TENANT: cross_tenant,
    Rule.NO_ADMINISTRATOR: _no_administrator,
    Rule.DEFAULTS_WITH_POLICIES: _defaults_with_policies,
    Rule.DEFAULTS_UNMET: _defaults_unmet,
}


def _of(account: Account, holds: Callable[[JsonObject], bool], why: str) -> str:
    return why if account.user is not None and not holds(account.user) else ""


def accounts_of(facts: Facts) -> tuple[Account, ...]:
    """The break-glass accounts, sorted by id, over one reading of the groups."""
    groups = Groups(facts)
    return tuple(Account(one, facts, groups) for one in facts.break_glass_ids)

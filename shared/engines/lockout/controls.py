"""What a policy demands of an account, and which of it can't be proved to be met.

Grant controls: all of them under AND, one of them under OR, none of them where it blocks. Session controls demand
nothing where they are known to; any other that is on does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from shared.domain.objects import Json, JsonObject
from shared.engines.lockout.accounts import Account
from shared.engines.lockout.methods import PASSWORD, meets
from shared.engines.lockout.rules import Rule
from shared.engines.lockout.shapes import says_nothing, text, texts, unknown_members

Unmet: TypeAlias = tuple[Rule, str]  # which rule, and why

# What an account on an unmanaged device can't be proved to meet, by what the policy calls it.
BUILT_IN: Final[Mapping[str, tuple[Rule, str]]] = {
    "block": (Rule.BLOCK, "it blocks"),
    "compliantdevice": (Rule.DEVICE, "it asks for a compliant device"),
    "domainjoineddevice": (Rule.DEVICE, "it asks for a joined device"),
    "approvedapplication": (Rule.APPLICATION, "it asks for an approved application"),
    "compliantapplication": (Rule.APPLICATION, "it asks for an application with a protection policy"),
    "passwordchange": (Rule.PASSWORD_CHANGE, "it asks for a change of the password"),
}
_MFA: Final = "mfa"
_GRANT: Final = frozenset(
    {"operator", "builtInControls", "customAuthenticationFactors", "termsOfUse", "authenticationStrength"}
)
# Session controls that keep nobody out.
HARMLESS: Final = frozenset(
    {
        "applicationEnforcedRestrictions",
        "cloudAppSecurity",
        "persistentBrowser",
        "signInFrequency",
        "disableResilienceDefaults",
    }
)


def unmet(policy: JsonObject, account: Account) -> Iterator[Unmet]:
    """Every demand of the policy that the account can't be proved to meet."""
    yield from _grant(policy.get("grantControls"), account)
    yield from session(policy)


def _grant(value: Json, account: Account) -> Iterator[Unmet]:
    if not isinstance(value, dict):
        return
    answers = [*_built_in(value, account), *_others(value, account)]
    missing = [answer for answer in answers if answer is not None]
    blocks = any(rule is Rule.BLOCK for rule, _ in missing)
    one_is_enough = text(value.get("operator")) == "or"
    if one_is_enough and len(missing) < len(answers) and not blocks:
        return
    yield from missing


def _built_in(value: JsonObject, account: Account) -> Iterator[Unmet | None]:
    for control in texts(value.get("builtInControls")) or ():
        if text(control) == _MFA:
            yield _mfa(account)
        else:
            yield BUILT_IN.get(text(control)) or (Rule.UNKNOWN_CONTROL, f"it asks for {control}, which isn't known")


def _others(value: JsonObject, account: Account) -> Iterator[Unmet | None]:
    if not says_nothing(value.get("customAuthenticationFactors")):
        yield Rule.CUSTOM_CONTROL, "it asks for a custom control"
    if not says_nothing(value.get("termsOfUse")):
        yield Rule.TERMS_OF_USE, "it asks for terms of use, and nobody can read who accepted them"
    if not says_nothing(value.get("authenticationStrength")):
        yield _strength(value["authenticationStrength"], account)
    for name in unknown_members(value, _GRANT):
        yield Rule.UNKNOWN_CONTROL, f"it asks for {name}, which isn't known"


def session(policy: JsonObject) -> Iterator[Unmet]:
    """Session controls that are on and may keep somebody out."""
    value = policy.get("sessionControls")
    if isinstance(value, dict):
        for name in unknown_members(value, HARMLESS):
            if _is_on(value[name]):
                yield Rule.SESSION_CONTROL, f"its session control {name} is on"


def _is_on(control: Json) -> bool:
    if not isinstance(control, dict):
        return True
    return control.get("isEnabled") is not False and text(control.get("mode")) != "disabled"


def _mfa(account: Account) -> Unmet | None:
    if can_show_mfa(account):
        return None
    return Rule.MFA, f"it asks for multifactor authentication, and {_no_method(account)}"


def can_show_mfa(account: Account) -> bool:
    """Any method that is usable at all is a second factor, or more."""
    return any(one.mode != PASSWORD for one in account.usable)


def _strength(value: Json, account: Account) -> Unmet | None:
    found = _found(value, account)
    if found is None:
        return Rule.STRENGTH, "it asks for an authentication strength that can't be read"
    if meets(found, account.usable):
        return None
    name = found.get("displayName")
    named = f"the strength {name}" if isinstance(name, str) else "an authentication strength"
    return Rule.STRENGTH, f"it asks for {named}, and {_no_method(account)}"


def _found(value: Json, account: Account) -> JsonObject | None:
    """The strength as its own object says it is. A policy's copy may be older, so it counts only where there is
    nothing else."""
    if not isinstance(value, dict):
        return None
    strengths = account.facts.authentication_strength_policies
    if strengths is None:
        return value
    wanted = text(value.get("id"))
    return next((one for one in strengths if wanted and text(one.get("id")) == wanted), None)


def _no_method(account: Account) -> str:
    if account.facts.registered_methods is None:
        return "which methods the account has registered wasn't read"
    if account.facts.authentication_methods_policy is None:
        return "which methods are enabled wasn't read"
    return "no method of the account is registered, enabled for it and enough on an unmanaged device"

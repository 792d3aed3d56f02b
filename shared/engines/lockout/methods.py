"""What an account can prove itself with, on any unmanaged device, now: registered by it, and enabled for it.

A method counts where both are read and certain. Windows Hello and platform credentials belong to one device; an
e-mail address is no second factor; of a certificate or a federated sign-in nothing is known here. Names are those
of Microsoft's pages "authenticationMethodModes" and "authenticationMethod resource type".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.objects import Json, JsonObject
from shared.engines.lockout.membership import Groups
from shared.engines.lockout.shapes import EMPTY, objects, says_nothing, text, texts

# Every cloud-only account has one, and no policy turns it off.
PASSWORD: Final = "password"  # noqa: S105
_EVERYBODY: Final = "all_users"
INCLUDED: Final = "includeTargets"
EXCLUDED: Final = "excludeTargets"


@dataclass(frozen=True, slots=True)
class Usable:
    """A method of an account that works: in which mode of a combination, and of which make the key is."""

    mode: str
    aaguid: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a registered method is good for. `config`: id of its configuration in the methods policy. `works`: of
    the registered method, the configuration and the target that includes the account; all are Graph JSON."""

    mode: str
    config: str
    works: Callable[[JsonObject, JsonObject, JsonObject], bool] = lambda method, config, target: True


def _key_is_allowed(method: JsonObject, config: JsonObject, target: JsonObject) -> bool:
    """Where there are passkey profiles, one of those that the target names has to let the key pass; where it names
    some and none were read, nobody knows what they ask for."""
    profiles, named = objects(config.get("passkeyProfiles")), texts(target.get("allowedPasskeyProfiles"))
    if profiles is None or named is None:
        return False
    if not profiles:
        return not named and _passes(method, config)
    allowed = {text(one) for one in named}
    return any(
        text(profile.get("id")) in allowed and _fits(method, profile) and _passes(method, profile)
        for profile in profiles
    )


def _fits(method: JsonObject, profile: JsonObject) -> bool:
    kinds = {kind.strip() for kind in text(profile.get("passkeyTypes")).split(",")}
    return text(method.get("passkeyType")) in kinds or {"devicebound", "synced"} <= kinds


def _passes(method: JsonObject, holder: JsonObject) -> bool:
    """Attestation is asked for when a key is registered only; restrictions count at each sign-in."""
    restrictions = holder.get("keyRestrictions")
    if restrictions is None:
        return True
    if not isinstance(restrictions, dict):
        return False
    if restrictions.get("isEnforced") in (False, None):
        return True
    key, named = text(method.get("aaGuid")), texts(restrictions.get("aaGuids"))
    if not key or named is None:
        return False
    listed = key in {text(one) for one in named}
    kind = text(restrictions.get("enforcementType"))
    return (kind == "allow" and listed) or (kind == "block" and not listed)


def _in_mode(*modes: str) -> Callable[[JsonObject, JsonObject, JsonObject], bool]:
    return lambda method, config, target: text(target.get("authenticationMode")) in ("", "any", *modes)


def _pass_is(once: bool) -> Callable[[JsonObject, JsonObject, JsonObject], bool]:
    return lambda method, config, target: method.get("isUsable") is True and method.get("isUsableOnce") is once


def _mobile(method: JsonObject, config: JsonObject, target: JsonObject) -> bool:
    return text(method.get("phoneType")) == "mobile"


def _rings(method: JsonObject, config: JsonObject, target: JsonObject) -> bool:
    kind = text(method.get("phoneType"))
    return kind in ("mobile", "alternatemobile") or (
        kind == "office" and config.get("isOfficePhoneAllowed") is True
    )


KINDS: Final[Mapping[str, tuple[Kind, ...]]] = {
    "fido2authenticationmethod": (Kind("fido2", "fido2", _key_is_allowed),),
    "microsoftauthenticatorauthenticationmethod": (
        Kind("microsoftauthenticatorpush", "microsoftauthenticator", _in_mode("push")),
    ),
    "passwordlessmicrosoftauthenticatorauthenticationmethod": (
        Kind("devicebasedpush", "microsoftauthenticator", _in_mode("devicebasedpush")),
    ),
    "softwareoathauthenticationmethod": (Kind("softwareoath", "softwareoath"),),
    "hardwareoathauthenticationmethod": (Kind("hardwareoath", "hardwareoath"),),
    "phoneauthenticationmethod": (Kind("sms", "sms", _mobile), Kind("voice", "voice", _rings)),
    "temporaryaccesspassauthenticationmethod": (
        Kind("temporaryaccesspassonetime", "temporaryaccesspass", _pass_is(once=True)),
        Kind("temporaryaccesspassmultiuse", "temporaryaccesspass", _pass_is(once=False)),
    ),
}


def usable(account: str, registered: Json, policy: JsonObject | None, groups: Groups) -> frozenset[Usable]:
    """The account's methods that work. `registered`: Graph's list of them, None where it wasn't read."""
    configs = {
        text(config.get("id")) or _kind(config).removesuffix("authenticationmethodconfiguration"): config
        for config in objects((policy or EMPTY).get("authenticationMethodConfigurations")) or ()
    }
    return frozenset(
        Usable(kind.mode, text(method.get("aaGuid")))
        for method in objects(registered) or ()
        for kind in KINDS.get(_kind(method), ())
        for target in _targets(account, configs.get(kind.config, EMPTY), groups)
        if kind.works(method, configs[kind.config], target)
    )


def may_be_enabled(name: str, account: str, policy: JsonObject | None, groups: Groups) -> bool:
    """Whether the method of this id may be enabled for the account; what isn't in the policy is not."""
    for config in objects((policy or EMPTY).get("authenticationMethodConfigurations")) or ():
        if text(config.get("id")) != name or text(config.get("state")) == "disabled":
            continue
        included, excluded = objects(config.get(INCLUDED)), objects(config.get(EXCLUDED))
        if any(_certainly(account, target, groups) for target in excluded or ()):
            continue
        if included is None or any(_may_be(account, target, groups) for target in included):
            return True
    return False


def _certainly(account: str, target: JsonObject, groups: Groups) -> bool:
    name = target.get("id")
    return isinstance(name, str) and _is(account, text(target.get("targetType")), name, groups)


def _kind(item: JsonObject) -> str:
    return text(item.get("@odata.type")).removeprefix("#microsoft.graph.")


def meets(strength: JsonObject, held: frozenset[Usable]) -> bool:
    """Whether one of the strength's combinations can be shown, as its configurations ask."""
    combinations = texts(strength.get("allowedCombinations"))
    configs = objects(strength.get("combinationConfigurations"))
    if combinations is None or configs is None:
        return False
    return any(_shows(_modes(one), held, configs) for one in combinations)


def _shows(combination: frozenset[str], held: frozenset[Usable], configs: tuple[JsonObject, ...]) -> bool:
    left = held
    for config in configs:
        asked = texts(config.get("appliesToCombinations"))
        if asked and combination not in (_modes(one) for one in asked):
            continue  # where it doesn't say to which it applies, it applies to all
        keys = texts(config.get("allowedAAGUIDs"))
        if not keys:
            return False  # of another kind than a list of keys, and such a one can't be proved to be met
        allowed = {text(one) for one in keys}
        left = frozenset(one for one in left if one.aaguid in allowed)
    modes = {one.mode for one in left} | {PASSWORD}
    return bool(combination) and combination <= modes


def _modes(combination: str) -> frozenset[str]:
    return frozenset(part.strip().casefold() for part in combination.split(",") if part.strip())


def _targets(account: str, config: JsonObject, groups: Groups) -> Iterator[JsonObject]:
    """The targets by which the method is certainly enabled for the account; none where it may be excluded."""
    included, excluded = objects(config.get(INCLUDED)), objects(config.get(EXCLUDED))
    if text(config.get("state")) != "enabled" or included is None or excluded is None:
        return
    if any(_may_be(account, target, groups) for target in excluded):
        return
    for target in included:
        if _certainly(account, target, groups):
            yield target


def targets_of(policy: JsonObject | None) -> Iterator[tuple[str, str]]:
    """Groups that the methods policy names, each with the list that names it."""
    for config in objects((policy or EMPTY).get("authenticationMethodConfigurations")) or ():
        for kind in (INCLUDED, EXCLUDED):
            for target in objects(config.get(kind)) or ():
                if text(target.get("targetType")) == "group" and (name := text(target.get("id"))) != _EVERYBODY:
                    yield kind, name


def _is(account: str, kind: str, name: str, groups: Groups) -> bool:
    if kind == "user":
        return text(name) == text(account)
    return kind == "group" and (text(name) == _EVERYBODY or groups.proves(name, account))


def _may_be(account: str, target: JsonObject, groups: Groups) -> bool:
    kind, name = text(target.get("targetType")), target.get("id")
    if kind == "user":
        return text(name) == text(account)
    if kind != "group" or not isinstance(name, str) or says_nothing(name) or text(name) == _EVERYBODY:
        return True
    return groups.may_hold(name, account) is not False

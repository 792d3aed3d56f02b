"""The lock-out guard's truth table: what a file of `holdfast guard` says, and the answer that people worked out.

Each case changes one sound tenant, in which both break-glass accounts pass. Answers are rules by account, written
by hand from what Microsoft documents, never taken from the guard. Groups of cases follow the rules one by one.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

File = dict[str, Any]


def guid(number: int) -> str:
    return f"10000000-0000-4000-8000-{number:012d}"


ONE, TWO, STRANGER = guid(1), guid(2), guid(3)
BREAK_GLASS, INNER, OTHERS, RULED, UNREAD, GONE, ADMINS = (guid(number) for number in range(11, 18))
POLICY, SECOND_POLICY, SERVICE = guid(21), guid(22), guid(31)
MFA_STRENGTH, PHISHING_RESISTANT, OWN_STRENGTH = (
    "00000000-0000-0000-0000-000000000002",
    "00000000-0000-0000-0000-000000000004",
    guid(41),
)
KEY_MODEL, OTHER_MODEL = guid(51), guid(52)
GLOBAL_ADMINISTRATOR, EXCHANGE_ADMINISTRATOR = (
    "62e90394-69f5-4237-9190-012177145e10",
    "29232cdf-9323-42fd-ade2-1d097af3e4de",
)
AZURE_MANAGEMENT, GRAPH_TOOLS, EXCHANGE = (
    "797f4846-ba00-4fd7-ba43-dac1f8f63013",
    "14d82eec-204b-4c2f-b7e8-296a70dab67e",
    "00000002-0000-0ff1-ce00-000000000000",
)


def method(kind: str, **members: Any) -> dict[str, Any]:
    return {"@odata.type": f"#microsoft.graph.{kind}AuthenticationMethod", "id": kind, **members}


PASSWORD = method("password")
KEY = method("fido2", aaGuid=KEY_MODEL, passkeyType="deviceBound")
AUTHENTICATOR = method("microsoftAuthenticator", displayName="a phone")
MOBILE = method("phone", phoneType="mobile", phoneNumber="+49 30 1")


def config(name: str, *, state: str = "enabled", **members: Any) -> dict[str, Any]:
    return {
        "@odata.type": f"#microsoft.graph.{name[0].lower()}{name[1:]}AuthenticationMethodConfiguration",
        "id": name,
        "state": state,
        "includeTargets": [{"targetType": "group", "id": "all_users", "isRegistrationRequired": False}],
        "excludeTargets": [],
        **members,
    }


def sound() -> File:
    """Both accounts pass. One is Global Administrator and has a key; two has an authenticator app and a phone."""
    user = {"accountEnabled": True, "userType": "Member", "onPremisesSyncEnabled": None}
    return {
        "breakGlassIds": [ONE, TWO],
        "users": [
            {"id": ONE, "userPrincipalName": "glass1@contoso.onmicrosoft.com", **user},
            {"id": TWO, "userPrincipalName": "glass2@contoso.onmicrosoft.com", **user},
            {"id": STRANGER, "userPrincipalName": "ana@contoso.com", **user},
        ],
        "groups": [
            {"id": BREAK_GLASS, "groupTypes": [], "members": [ONE, TWO]},
            {"id": INNER, "groupTypes": [], "members": [BREAK_GLASS]},
            {"id": OTHERS, "groupTypes": [], "members": [STRANGER]},
            {
                "id": RULED,
                "groupTypes": ["DynamicMembership"],
                "membershipRule": "user.department -eq 'IT'",
                "members": [ONE, TWO],
            },
            {"id": UNREAD, "groupTypes": []},
            {"id": ADMINS, "groupTypes": [], "isAssignableToRole": True, "members": [ONE]},
        ],
        "roleAssignments": [assignment(ONE)],
        "domains": [
            {"id": "contoso.onmicrosoft.com", "authenticationType": "Managed", "isVerified": True},
            {"id": "contoso.com", "authenticationType": "Federated", "isVerified": True},
        ],
        "conditionalAccessPolicies": [],
        "namedLocations": [],
        "authenticationStrengthPolicies": [
            strength(
                MFA_STRENGTH,
                "fido2",
                "password,microsoftAuthenticatorPush",
                "password,sms",
                "windowsHelloForBusiness",
            ),
            strength(PHISHING_RESISTANT, "windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor"),
        ],
        "authenticationMethodsPolicy": {
            "id": "authenticationMethodsPolicy",
            "authenticationMethodConfigurations": [
                config("Fido2", keyRestrictions={"isEnforced": False, "enforcementType": "block", "aaGuids": []}),
                config(
                    "MicrosoftAuthenticator",
                    includeTargets=[{"targetType": "group", "id": "all_users", "authenticationMode": "any"}],
                ),
                config("Sms"),
                config("Voice", isOfficePhoneAllowed=False),
                config("SoftwareOath"),
                config("TemporaryAccessPass"),
                config("Email"),
            ],
        },
        "identitySecurityDefaultsEnforcementPolicy": {"isEnabled": False},
        "registeredMethods": {ONE: [PASSWORD, KEY], TWO: [PASSWORD, AUTHENTICATOR, MOBILE]},
    }


def assignment(principal: str, role: str = GLOBAL_ADMINISTRATOR, **members: Any) -> dict[str, Any]:
    return {
        "id": f"{principal}-{role}",
        "principalId": principal,
        "roleDefinitionId": role,
        "directoryScopeId": "/",
        **members,
    }


def strength(strength_id: str, *combinations: str, **members: Any) -> dict[str, Any]:
    return {
        "id": strength_id,
        "allowedCombinations": list(combinations),
        "combinationConfigurations": [],
        **members,
    }


def policy(
    *controls: str,
    users: dict[str, Any] | None = None,
    applications: dict[str, Any] | None = None,
    operator: str = "OR",
    grant: dict[str, Any] | None = None,
    session: dict[str, Any] | None = None,
    state: Any = "enabled",
    **conditions: Any,
) -> dict[str, Any]:
    """Enabled for everybody, everywhere, unless told otherwise."""
    return {
        "id": POLICY,
        "displayName": "a policy",
        "state": state,
        "conditions": {
            "users": {"includeUsers": ["All"]} if users is None else users,
            "applications": {"includeApplications": ["All"]} if applications is None else applications,
            "clientAppTypes": ["all"],
            **conditions,
        },
        "grantControls": {"operator": operator, "builtInControls": list(controls), **(grant or {})}
        if controls or grant
        else None,
        "sessionControls": session,
    }


@dataclass(frozen=True)
class Case:
    """`rules`: of both accounts; `one`, `two`: of one of them, beside these."""

    name: str
    group: str
    file: File
    rules: frozenset[str] = frozenset()
    one: frozenset[str] = frozenset()
    two: frozenset[str] = frozenset()
    beyond: File = field(default_factory=dict)  # facts of a whole tenant, which no file holds

    def facts(self, read: Callable[[File], Any]) -> Any:
        return replace(read(self.file), **copy.deepcopy(self.beyond))

    @property
    def expected(self) -> dict[str, frozenset[str]]:
        return {ONE: self.rules | self.one, TWO: self.rules | self.two}


@dataclass
class Table:
    cases: list[Case] = field(default_factory=list)
    group: str = ""

    def add(
        self,
        name: str,
        change: Callable[[File], None] | dict[str, Any],
        *rules: str,
        one: tuple[str, ...] = (),
        two: tuple[str, ...] = (),
        beyond: File | None = None,
    ) -> None:
        """`change`: what is done to the sound tenant, or the one policy that it gets."""
        file = copy.deepcopy(sound())
        if isinstance(change, dict):
            file["conditionalAccessPolicies"] = [copy.deepcopy(change)]
        else:
            change(file)
        found = Case(name, self.group, file, frozenset(rules), frozenset(one), frozenset(two), beyond or {})
        self.cases.append(found)


def without(*names: str, **members: Any) -> Callable[[File], None]:
    """The sound tenant without these members, and with those."""

    def change(file: File) -> None:
        for name in names:
            del file[name]
        file.update(copy.deepcopy(members))

    return change


def both(*changes: Callable[[File], None]) -> Callable[[File], None]:
    def change(file: File) -> None:
        for one in changes:
            one(file)

    return change


def user(number: int, **members: Any) -> Callable[[File], None]:
    """A user with other members; one that is None is null, as Graph writes it."""
    return lambda file: file["users"][number].update(members)


def group(group_id: str, **members: Any) -> Callable[[File], None]:
    def change(file: File) -> None:
        next(one for one in file["groups"] if one["id"] == group_id).update(members)

    return change


def methods(one: Any = None, two: Any = None, **configs: Any) -> Callable[[File], None]:
    """Other registered methods, and configurations with other members, under a policy that asks for MFA."""

    def change(file: File) -> None:
        for account, held in ((ONE, one), (TWO, two)):
            if held is not None:
                file["registeredMethods"][account] = held
        for found in file["authenticationMethodsPolicy"]["authenticationMethodConfigurations"]:
            found.update(configs.get(found["id"], {}))
        file["conditionalAccessPolicies"] = [policy("mfa")]

    return change


def asks(combination_or_strength: Any, *policies: dict[str, Any]) -> Callable[[File], None]:
    """A policy that asks for the strength, which the tenant has."""

    def change(file: File) -> None:
        found = combination_or_strength
        if isinstance(found, str):
            found = strength(OWN_STRENGTH, found)
        file["authenticationStrengthPolicies"].append(found)
        file["conditionalAccessPolicies"] = [
            policy(grant={"authenticationStrength": {"id": found["id"]}}),
            *policies,
        ]

    return change


def on_applications(*names: str, **members: Any) -> dict[str, Any]:
    return policy("block", applications={"includeApplications": list(names), **members})


def for_users(**members: Any) -> dict[str, Any]:
    return policy("block", users=members)


def device_filter(mode: str, rule: str) -> dict[str, Any]:
    return policy("block", devices={"deviceFilter": {"mode": mode, "rule": rule}})


def profiled(kinds: str, *keys: str, allowed: bool = True) -> dict[str, Any]:
    """A key's configuration with one passkey profile."""
    profile = {
        "id": guid(61),
        "passkeyTypes": kinds,
        "keyRestrictions": {"isEnforced": bool(keys), "enforcementType": "allow", "aaGuids": list(keys)},
    }
    target = {"targetType": "group", "id": "all_users", "allowedPasskeyProfiles": [guid(61 if allowed else 62)]}
    return {"passkeyProfiles": [profile], "includeTargets": [target]}


def _everything() -> list[Case]:
    table = Table()
    for name, fill in _GROUPS.items():
        table.group = name
        fill(table.add)
    return table.cases


Add = Callable[..., None]


def _sound(add: Add) -> None:
    add("no policies", lambda file: None)
    add("a policy that is off", policy("block", state="disabled"))
    add("a policy that only reports", policy("block", state="enabledForReportingButNotEnforced"))
    add("a state that nobody knows", policy("block", state="enabledForSome"), "block")
    add("no state at all", policy("block", state=None), "block")
    add("a policy without controls", policy())
    add("a policy that knows the account in capitals", for_users(includeUsers=[ONE.upper()]), one=("block",))


def _targets(add: Add) -> None:
    add("block all applications", on_applications("All"), "block")
    add("block the admin portals", on_applications("MicrosoftAdminPortals"), "block")
    add("block Azure management", on_applications(AZURE_MANAGEMENT), "block")
    add("block the command-line tools", on_applications(GRAPH_TOOLS), "block")
    add("block the Azure portal", on_applications("c44b4083-3bb0-49c1-b47d-974e53cbdf3c"), "block")
    add(
        "block registering security information",
        policy("block", applications={"includeUserActions": ["urn:user:registersecurityinfo"]}),
        "block",
    )
    add(
        "the admin portals, but not the Azure portal",
        on_applications("MicrosoftAdminPortals", excludeApplications=["c44b4083-3bb0-49c1-b47d-974e53cbdf3c"]),
        "block",
    )
    add(
        "Azure management, but not the Azure portal",
        on_applications(AZURE_MANAGEMENT, excludeApplications=["c44b4083-3bb0-49c1-b47d-974e53cbdf3c"]),
        "block",
    )
    add(
        "everything but the four: the page on which methods are registered is left",
        on_applications(
            "All",
            excludeApplications=[
                "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
                "MicrosoftAdminPortals",
                GRAPH_TOOLS,
                AZURE_MANAGEMENT,
            ],
        ),
        "block",
    )
    add("no application", on_applications("None"))
    add("Office 365 only", on_applications("Office365"))
    add("one workload only", on_applications(EXCHANGE))
    add("a workload and Azure management", on_applications(EXCHANGE, AZURE_MANAGEMENT), "block")
    add("a word for applications that nobody knows", on_applications("AllFutureThings"), "block")
    add("all but Office 365", on_applications("All", excludeApplications=["Office365"]), "block")
    add(
        "the admin portals, with themselves excluded",
        on_applications("MicrosoftAdminPortals", excludeApplications=["MicrosoftAdminPortals"]),
    )
    add(
        "applications by a filter",
        policy("block", applications={"applicationFilter": {"mode": "include", "rule": "x"}}),
        "block",
    )
    add(
        "an authentication context",
        policy("block", applications={"includeAuthenticationContextClassReferences": ["c1"]}),
    )
    add(
        "registering devices",
        policy("compliantDevice", applications={"includeUserActions": ["urn:user:registerdevice"]}),
    )
    add(
        "a user action that nobody knows",
        policy("block", applications={"includeUserActions": ["urn:user:other"]}),
        "block",
    )
    add("no condition on applications", policy("block", applications={}), "block")
    add(
        "nothing but annotations on applications",
        policy("block", applications={"@odata.type": "x", "includeApplications": []}),
        "block",
    )
    add(
        "a member on applications that nobody knows",
        policy("block", applications={"includeApplications": [EXCHANGE], "trafficProfiles": ["all"]}),
        "block",
    )


def _places(add: Add) -> None:
    add("from all locations", policy("block", locations={"includeLocations": ["All"]}), "block")
    add("from one location", policy("block", locations={"includeLocations": [guid(71)]}), "block")
    add("from trusted locations", policy("block", locations={"includeLocations": ["AllTrusted"]}), "block")
    add(
        "from anywhere but trusted locations",
        policy("block", locations={"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}),
        "block",
    )

    def country(file: File) -> None:
        file["namedLocations"] = [
            {"id": guid(71), "countriesAndRegions": ["DE"], "includeUnknownCountriesAndRegions": True}
        ]
        locations = {"includeLocations": ["All"], "excludeLocations": [guid(71)]}
        file["conditionalAccessPolicies"] = [policy("block", locations=locations)]

    add("from anywhere but a country and unknown places", country, "block")


def _devices(add: Add) -> None:
    for platform, rules in {"windows": ("block",), "linux": ("block",), "iOS": ("block",)}.items():
        add(f"on {platform} only", policy("block", platforms={"includePlatforms": [platform]}), *rules)
    add("on Android and macOS only", policy("block", platforms={"includePlatforms": ["android", "macOS"]}))
    add("on a platform that nobody knows", policy("block", platforms={"includePlatforms": ["vision"]}), "block")
    add(
        "on all platforms but those of the scenarios",
        policy(
            "block",
            platforms={"includePlatforms": ["all"], "excludePlatforms": ["windows", "linux", "iOS"]},
        ),
    )
    add(
        "on all platforms but Windows",
        policy("block", platforms={"includePlatforms": ["all"], "excludePlatforms": ["windows"]}),
        "block",
    )
    add("platforms without one", policy("block", platforms={"includePlatforms": []}), "block")
    add("in a browser", policy("block", clientAppTypes=["browser"]), "block")
    add("in a desktop client", policy("block", clientAppTypes=["mobileAppsAndDesktopClients"]), "block")
    add("in old clients only", policy("block", clientAppTypes=["exchangeActiveSync", "other"]))
    add("in clients that nobody knows", policy("block", clientAppTypes=["thinking"]), "block")
    add("where the device isn't compliant", device_filter("include", "device.isCompliant -ne True"), "block")
    add("where the device is compliant", device_filter("include", "device.isCompliant -eq True"))
    add("unless the device is compliant", device_filter("exclude", "device.isCompliant -eq True"), "block")
    add("unless it isn't compliant", device_filter("exclude", "device.isCompliant -ne True"))
    add("on company devices", device_filter("include", 'device.deviceOwnership -eq "Company"'))
    add(
        "on joined devices of either kind",
        device_filter("include", 'device.trustType -in ["AzureAD", "ServerAD"]'),
    )
    add(
        "on compliant company devices",
        device_filter("include", '(device.isCompliant -eq True) -and device.deviceOwnership -eq "Company"'),
    )
    add(
        "on compliant or registered devices: an unmanaged one may be registered",
        device_filter("include", 'device.isCompliant -eq True -or device.trustType -eq "Workplace"'),
        "block",
    )
    add("on devices of one make", device_filter("include", 'device.manufacturer -eq "Contoso"'), "block")
    add("unless it is of one make", device_filter("exclude", 'device.manufacturer -eq "Contoso"'), "block")
    add(
        "a filter on compliance and something else",
        device_filter("include", 'device.isCompliant -eq True -and device.model -eq "X"'),
        "block",
    )
    add("a filter that can't be read", device_filter("include", "device.isCompliant -eq"), "block")
    add("a filter with another mode", device_filter("either", "device.isCompliant -eq True"), "block")


def _flows(add: Add) -> None:
    add("device code flow", policy("block", authenticationFlows={"transferMethods": "deviceCodeFlow"}))
    add(
        "device code flow and authentication transfer",
        policy("block", authenticationFlows={"transferMethods": "deviceCodeFlow,authenticationTransfer"}),
    )
    add("a flow that nobody knows", policy("block", authenticationFlows={"transferMethods": "telepathy"}), "block")
    add("no flow", policy("block", authenticationFlows={"transferMethods": None}), "block")
    add("a condition that nobody knows", policy("block", moonPhases=["full"]), "block")


def _risk(add: Add) -> None:
    for name in ("signInRiskLevels", "userRiskLevels"):
        add(f"{name}, though MFA would do", policy("mfa", **{name: ["high"]}), "riskWithoutExclusion")
    add("insider risk", policy("mfa", insiderRiskLevels="elevated"), "riskWithoutExclusion")
    add(
        "risk, on one workload",
        policy("block", applications={"includeApplications": [EXCHANGE]}, userRiskLevels=["high"]),
        "riskWithoutExclusion",
    )
    add(
        "risk, with both excluded",
        policy("block", users={"includeUsers": ["All"], "excludeUsers": [ONE, TWO]}, signInRiskLevels=["high"]),
    )
    add(
        "risk, with a group excluded that holds them",
        policy("block", users={"includeUsers": ["All"], "excludeGroups": [BREAK_GLASS]}, signInRiskLevels=["high"]),
    )
    add("risk of others", policy("block", users={"includeUsers": [STRANGER]}, signInRiskLevels=["high"]))
    add("no levels of risk", policy("mfa", signInRiskLevels=[], userRiskLevels=[]))


def _users(add: Add) -> None:
    add("nobody", for_users(includeUsers=["None"]))
    add("somebody else", for_users(includeUsers=[STRANGER]))
    add("one of them", for_users(includeUsers=[ONE]), one=("block",))
    add("a word for users that nobody knows", for_users(includeUsers=["AllFutureUsers"]), "block")
    add("guests", for_users(includeUsers=["GuestsOrExternalUsers"]))
    add(
        "guests, spelt out",
        for_users(includeGuestsOrExternalUsers={"guestOrExternalUserTypes": "internalGuest"}),
    )
    add(
        "guests, and one account's kind isn't known",
        both(
            user(1, userType=None),
            without(conditionalAccessPolicies=[for_users(includeUsers=["GuestsOrExternalUsers"])]),
        ),
        two=("block",),
    )
    add(
        "guests, spelt out, and one account's kind isn't known",
        both(
            user(1, userType=None),
            without(
                conditionalAccessPolicies=[
                    for_users(includeGuestsOrExternalUsers={"guestOrExternalUserTypes": "internalGuest"})
                ]
            ),
        ),
        two=("block",),
    )
    add("a group that holds both", for_users(includeGroups=[BREAK_GLASS]), "block")
    add("a group around that group", for_users(includeGroups=[INNER]), "block")
    add("a group of others", for_users(includeGroups=[OTHERS]))
    add("a group that isn't there", for_users(includeGroups=[GONE]))
    add(
        "a group whose members are hidden",
        both(
            group(OTHERS, members=[], visibility="HiddenMembership"),
            without(conditionalAccessPolicies=[for_users(includeGroups=[OTHERS])]),
        ),
        "block",
    )
    add("a dynamic group", for_users(includeGroups=[RULED]), "block")
    add("a group without members that were read", for_users(includeGroups=[UNREAD]), "block")
    add(
        "a group, and groups weren't read",
        without("groups", conditionalAccessPolicies=[for_users(includeGroups=[GONE])]),
        "block",
    )
    add("Global Administrators", for_users(includeRoles=[GLOBAL_ADMINISTRATOR]), one=("block",))
    add("Exchange administrators", for_users(includeRoles=[EXCHANGE_ADMINISTRATOR]))
    add(
        "Exchange administrators, of which one may become one",
        lambda file: file.update(
            roleAssignments=[
                assignment(ONE),
                assignment(TWO, EXCHANGE_ADMINISTRATOR, roleEligibilityScheduleId="s"),
            ],
            conditionalAccessPolicies=[for_users(includeRoles=[EXCHANGE_ADMINISTRATOR])],
        ),
        two=("block",),
    )
    add("no condition on users", policy("block", users={}), "block")
    add(
        "nothing but annotations on users",
        for_users(**{"@odata.type": "x", "includeUsers@odata.type": "y"}, includeUsers=[]),
        "block",
    )
    add("a member on users that nobody knows", for_users(includeUsers=[STRANGER], includeAgents=["All"]), "block")


def _exclusions(add: Add) -> None:
    everybody = {"includeUsers": ["All"]}
    add("both by id", for_users(**everybody, excludeUsers=[ONE, TWO]))
    add("one by id", for_users(**everybody, excludeUsers=[ONE]), two=("block",))
    add("by an id that is dead", for_users(**everybody, excludeUsers=[guid(99)]), "block")
    add("by a group", for_users(**everybody, excludeGroups=[BREAK_GLASS]))
    add("by a group around a group", for_users(**everybody, excludeGroups=[INNER]))
    add("by a group of others", for_users(**everybody, excludeGroups=[OTHERS]), "block")
    add("by a dynamic group", for_users(**everybody, excludeGroups=[RULED]), "block")
    add("by a group that isn't there", for_users(**everybody, excludeGroups=[GONE]), "block")
    add("by a group without members that were read", for_users(**everybody, excludeGroups=[UNREAD]), "block")
    add(
        "by a group around a group that is dynamic",
        both(
            group(BREAK_GLASS, groupTypes=["DynamicMembership"]),
            without(conditionalAccessPolicies=[for_users(**everybody, excludeGroups=[INNER])]),
        ),
        "block",
    )
    add(
        "by a group, and groups weren't read",
        without("groups", conditionalAccessPolicies=[for_users(**everybody, excludeGroups=[BREAK_GLASS])]),
        "block",
    )
    add(
        "by a group that is in the recycle bin",
        both(
            group(BREAK_GLASS, deletedDateTime="2026-11-01T00:00:00Z"),
            without(conditionalAccessPolicies=[for_users(**everybody, excludeGroups=[BREAK_GLASS])]),
        ),
        "block",
    )
    add("by a role", for_users(**everybody, excludeRoles=[GLOBAL_ADMINISTRATOR]), "block")
    add(
        "groups that hold each other",
        both(
            group(BREAK_GLASS, members=[INNER]),
            without(conditionalAccessPolicies=[for_users(**everybody, excludeGroups=[INNER])]),
        ),
        "block",
    )


def _controls(add: Add) -> None:
    for control, rule in {
        "compliantDevice": "managedDevice",
        "domainJoinedDevice": "managedDevice",
        "approvedApplication": "managedApplication",
        "compliantApplication": "managedApplication",
        "passwordChange": "passwordChange",
        "riskRemediation": "unknownControl",
        "somethingNew": "unknownControl",
    }.items():
        add(f"asks for {control}", policy(control), rule)
    add("asks for a custom control", policy(grant={"customAuthenticationFactors": ["a"]}), "customControl")
    add("asks for terms of use", policy(grant={"termsOfUse": [guid(81)]}), "termsOfUse")
    add("asks for a member that nobody knows", policy(grant={"newControls": ["a"]}), "unknownControl")
    add("MFA or a compliant device", policy("mfa", "compliantDevice"))
    add("MFA and a compliant device", policy("mfa", "compliantDevice", operator="AND"), "managedDevice")
    add(
        "a compliant device or a joined one",
        policy("compliantDevice", "domainJoinedDevice"),
        "managedDevice",
    )
    add("MFA and terms of use", policy("mfa", operator="AND", grant={"termsOfUse": [guid(81)]}), "termsOfUse")
    add("MFA or terms of use", policy("mfa", grant={"termsOfUse": [guid(81)]}))
    add("two controls and no operator", policy("mfa", "compliantDevice", operator=""), "managedDevice")
    add("a block is never one of several", policy("mfa", "block"), "block")


def _session(add: Add) -> None:
    on = {"isEnabled": True}
    for name in ("applicationEnforcedRestrictions", "cloudAppSecurity", "persistentBrowser", "signInFrequency"):
        add(f"{name} is on", policy(session={name: on}))
    add("resilience defaults are off", policy(session={"disableResilienceDefaults": True}))
    add("token protection", policy(session={"secureSignInSession": on}), "sessionControl")
    add("token protection is off", policy(session={"secureSignInSession": {"isEnabled": False}}))
    add(
        "strict location",
        policy(session={"continuousAccessEvaluation": {"mode": "strictLocation"}}),
        "sessionControl",
    )
    add("continuous evaluation is off", policy(session={"continuousAccessEvaluation": {"mode": "disabled"}}))
    add("compliant network", policy(session={"networkAccessSecurity": on}), "sessionControl")
    add("a session control that nobody knows", policy(session={"newOne": True}), "sessionControl")
    add("MFA and token protection", policy("mfa", session={"secureSignInSession": on}), "sessionControl")


def _nameless(file: File) -> None:
    for found in file["authenticationMethodsPolicy"]["authenticationMethodConfigurations"]:
        del found["id"]
    file["conditionalAccessPolicies"] = [policy("mfa")]


def _mfa(add: Add) -> None:
    add("both have a method", methods())
    add("one has nothing but a password", methods(two=[PASSWORD]), two=("mfaNotProved",))
    add("one has Windows Hello", methods(two=[PASSWORD, method("windowsHelloForBusiness")]), two=("mfaNotProved",))
    add(
        "one has a platform credential",
        methods(two=[PASSWORD, method("platformCredential")]),
        two=("mfaNotProved",),
    )
    add("one has an e-mail address", methods(two=[PASSWORD, method("email")]), two=("mfaNotProved",))
    add("one has an external method", methods(two=[PASSWORD, method("external")]), two=("mfaNotProved",))
    add("one has a code generator", methods(two=[PASSWORD, method("softwareOath")]))
    add("configurations without ids, told by their type", _nameless)
    add("keys are off", methods(Fido2={"state": "disabled"}), one=("mfaNotProved",))
    add(
        "keys are for others",
        methods(Fido2={"includeTargets": [{"targetType": "group", "id": OTHERS}]}),
        one=("mfaNotProved",),
    )
    add("keys are for a group", methods(Fido2={"includeTargets": [{"targetType": "group", "id": INNER}]}))
    add(
        "keys are for a dynamic group",
        methods(Fido2={"includeTargets": [{"targetType": "group", "id": RULED}]}),
        one=("mfaNotProved",),
    )
    add(
        "keys are not for a group that holds it",
        methods(Fido2={"excludeTargets": [{"targetType": "group", "id": BREAK_GLASS}]}),
        one=("mfaNotProved",),
    )
    add(
        "keys are not for a dynamic group",
        methods(Fido2={"excludeTargets": [{"targetType": "group", "id": RULED}]}),
        one=("mfaNotProved",),
    )
    add("keys are not for others", methods(Fido2={"excludeTargets": [{"targetType": "group", "id": OTHERS}]}))
    add(
        "the authenticator only without a password",
        methods(
            two=[PASSWORD, AUTHENTICATOR],
            MicrosoftAuthenticator={
                "includeTargets": [
                    {"targetType": "group", "id": "all_users", "authenticationMode": "deviceBasedPush"}
                ]
            },
        ),
        two=("mfaNotProved",),
    )
    restricted = {"isEnforced": True, "enforcementType": "allow", "aaGuids": [OTHER_MODEL]}
    add("only other keys are allowed", methods(Fido2={"keyRestrictions": restricted}), one=("mfaNotProved",))
    add(
        "its key is allowed",
        methods(Fido2={"keyRestrictions": {**restricted, "aaGuids": [KEY_MODEL.upper()]}}),
    )
    add(
        "its key is barred",
        methods(Fido2={"keyRestrictions": {**restricted, "enforcementType": "block", "aaGuids": [KEY_MODEL]}}),
        one=("mfaNotProved",),
    )
    add("a profile lets its key pass", methods(Fido2=profiled("deviceBound", KEY_MODEL)))
    add("no profile lets its key pass", methods(Fido2=profiled("deviceBound", OTHER_MODEL)), one=("mfaNotProved",))
    add("the profile is for synced keys", methods(Fido2=profiled("synced")), one=("mfaNotProved",))
    add(
        "the profile isn't for the target",
        methods(Fido2=profiled("deviceBound", allowed=False)),
        one=("mfaNotProved",),
    )
    known = profiled("deviceBound", KEY_MODEL)
    add(
        "the profiles of the target weren't read",
        methods(Fido2={"includeTargets": known["includeTargets"]}),
        one=("mfaNotProved",),
    )
    strange = [{**known["includeTargets"][0], "allowedPasskeyProfiles": {"all": True}}]
    add(
        "the target's profiles can't be read",
        methods(Fido2={"includeTargets": strange}),
        one=("mfaNotProved",),
    )
    office = method("phone", phoneType="office")
    add("an office phone", methods(two=[PASSWORD, office]), two=("mfaNotProved",))
    add(
        "an office phone where these are allowed",
        methods(two=[PASSWORD, office], Voice={"isOfficePhoneAllowed": True}),
    )
    add(
        "a second mobile phone gets calls, no messages",
        methods(two=[PASSWORD, method("phone", phoneType="alternateMobile")], Voice={"state": "disabled"}),
        two=("mfaNotProved",),
    )
    add("a pass that is valid", methods(two=[method("temporaryAccessPass", isUsable=True, isUsableOnce=False)]))
    add(
        "a pass that is used up",
        methods(two=[method("temporaryAccessPass", isUsable=False, isUsableOnce=True)]),
        two=("mfaNotProved",),
    )
    add(
        "methods weren't read",
        without("registeredMethods", conditionalAccessPolicies=[policy("mfa")]),
        "mfaNotProved",
    )
    add(
        "methods of one weren't read",
        without(registeredMethods={ONE: [KEY]}, conditionalAccessPolicies=[policy("mfa")]),
        two=("mfaNotProved",),
    )
    add(
        "the methods policy wasn't read",
        without("authenticationMethodsPolicy", conditionalAccessPolicies=[policy("mfa")]),
        "mfaNotProved",
    )


def _strengths(add: Add) -> None:
    wanted = {"authenticationStrength": {"id": MFA_STRENGTH}}
    add("the built-in strength for MFA", policy(grant=wanted))
    add(
        "phishing-resistant",
        policy(grant={"authenticationStrength": {"id": PHISHING_RESISTANT}}),
        two=("strengthNotProved",),
    )
    add("Windows Hello only", asks("windowsHelloForBusiness"), "strengthNotProved")
    add("a certificate only", asks("x509CertificateMultiFactor"), "strengthNotProved")
    add("a federated sign-in only", asks("federatedMultiFactor"), "strengthNotProved")
    add("a code by message", asks("password,sms"), one=("strengthNotProved",))
    add(
        "a part of a combination isn't enough",
        asks("x509CertificateSingleFactor,microsoftAuthenticatorPush"),
        "strengthNotProved",
    )
    add(
        "a strength that isn't there",
        policy(grant={"authenticationStrength": {"id": guid(98)}}),
        "strengthNotProved",
    )
    inline = {"id": guid(98), "allowedCombinations": ["fido2", "password,sms"]}
    add(
        "the policy's own copy says nothing where strengths were read",
        policy(grant={"authenticationStrength": inline}),
        "strengthNotProved",
    )
    add(
        "the policy's own copy where strengths weren't read",
        without(
            "authenticationStrengthPolicies",
            conditionalAccessPolicies=[policy(grant={"authenticationStrength": inline})],
        ),
    )
    add(
        "an own copy without combinations",
        without(
            "authenticationStrengthPolicies",
            conditionalAccessPolicies=[policy(grant={"authenticationStrength": {"id": MFA_STRENGTH}})],
        ),
        "strengthNotProved",
    )

    def keys(*models: str, kind: str = "fido2", on: tuple[str, ...] = ("fido2",)) -> dict[str, Any]:
        refined = {
            "@odata.type": f"#microsoft.graph.{kind}CombinationConfiguration",
            "appliesToCombinations": list(on),
            **({"allowedAAGUIDs": list(models)} if kind == "fido2" else {"allowedIssuerSkis": ["1"]}),
        }
        return strength(OWN_STRENGTH, "fido2", "password,sms", combinationConfigurations=[refined])

    add("keys of its model", asks(keys(KEY_MODEL)))
    add("keys of another model", asks(keys(OTHER_MODEL)), one=("strengthNotProved",))
    add("refined by what nobody knows", asks(keys(kind="new")), one=("strengthNotProved",))
    add("refined for another combination", asks(keys(OTHER_MODEL, on=("x509CertificateMultiFactor",))))
    add(
        "refined without saying what",
        asks(keys(OTHER_MODEL, on=())),
        one=("strengthNotProved",),
        two=("strengthNotProved",),
    )
    add(
        "a strength and MFA",
        asks("password,sms", {**policy("mfa"), "id": SECOND_POLICY}),
        one=("strengthNotProved",),
    )


def _accounts(add: Add) -> None:
    add("an id that nobody has", without(breakGlassIds=[ONE, guid(97)]), two=("unknownAccount",))
    add(
        "an account in the recycle bin",
        user(1, deletedDateTime="2026-11-01T00:00:00Z"),
        two=("unknownAccount",),
    )
    add("an account that is disabled", user(1, accountEnabled=False), two=("accountDisabled",))
    add("an account of which that isn't known", user(1, accountEnabled=None), two=("accountDisabled",))
    add("an account that is synchronised", user(1, onPremisesSyncEnabled=True), two=("notCloudOnly",))
    add(
        "an account from outside",
        user(1, userPrincipalName="a_b.c#EXT#@contoso.onmicrosoft.com"),
        two=("notCloudOnly",),
    )
    add("a name on a federated domain", user(1, userPrincipalName="two@contoso.com"), two=("domainNotManaged",))
    add("a name on a domain of others", user(1, userPrincipalName="two@fabrikam.com"), two=("domainNotManaged",))
    add("no name", user(1, userPrincipalName=None), two=("domainNotManaged",))
    add(
        "a domain that nobody verified",
        lambda file: file["domains"][0].update(isVerified=False),
        "domainNotManaged",
    )
    add("within a restricted unit", user(0, isManagementRestricted=True), one=("restrictedManagement",))
    for member, rule in {
        "users": "usersNotRead",
        "roleAssignments": "rolesNotRead",
        "domains": "domainsNotRead",
        "conditionalAccessPolicies": "policiesNotRead",
    }.items():
        add(f"{member} weren't read", without(member), rule)


def _administrators(add: Add) -> None:
    rule = "noPermanentGlobalAdministrator"

    def only(*assignments: dict[str, Any]) -> Callable[[File], None]:
        return without(roleAssignments=list(assignments))

    add("nobody is", only(), rule)
    add("somebody else is", only(assignment(STRANGER)), rule)
    add("another role", only(assignment(ONE, EXCHANGE_ADMINISTRATOR)), rule)
    add("eligible only", only(assignment(ONE, roleEligibilityScheduleId="s", memberType="Direct")), rule)
    add(
        "an eligibility by its type",
        only(assignment(ONE, **{"@odata.type": "#microsoft.graph.unifiedRoleEligibilityScheduleInstance"})),
        rule,
    )
    add("activated only", only(assignment(ONE, assignmentType="Activated")), rule)
    add(
        "an activation that shows as an assignment, too",
        only(assignment(ONE), assignment(ONE, assignmentType="Activated")),
        rule,
    )
    add("with an end", only(assignment(ONE, assignmentType="Assigned", endDateTime="2027-01-01T00:00:00Z")), rule)
    add(
        "assigned for good", only(assignment(ONE, assignmentType="Assigned", endDateTime=None, memberType="Direct"))
    )
    add("assigned for good and shown twice", only(assignment(ONE), assignment(ONE, assignmentType="Assigned")))
    add("in one unit only", only(assignment(ONE, directoryScopeId="/administrativeUnits/1")), rule)
    add(
        "with members that are null",
        only(assignment(ONE, scheduleInfo=None, roleEligibilityScheduleId=None, memberType=None, appScopeId="/")),
    )
    add("in one application only", only(assignment(ONE, appScopeId="/x")), rule)
    add("a schedule alone", only(assignment(ONE, scheduleInfo={"expiration": {"type": "noExpiration"}})), rule)
    add("by a role-assignable group", only(assignment(ADMINS)))
    add(
        "by a group that isn't role-assignable",
        both(group(ADMINS, isAssignableToRole=False), only(assignment(ADMINS))),
        rule,
    )
    add("by a dynamic group", only(assignment(RULED)), rule)
    add("by a group in a group", both(group(ADMINS, members=[BREAK_GLASS]), only(assignment(ADMINS))), rule)
    add("through a group's own entry", only(assignment(ONE, assignmentType="Assigned", memberType="Group")), rule)
    add("the other one is", only(assignment(TWO)))


def _defaults(add: Add) -> None:
    on = {"isEnabled": True}
    add("on, and both have a method", without(identitySecurityDefaultsEnforcementPolicy=on))
    add(
        "on, and one has none",
        both(
            without(identitySecurityDefaultsEnforcementPolicy=on), lambda file: file["registeredMethods"].pop(TWO)
        ),
        two=("securityDefaultsNotMet",),
    )
    add(
        "on, beside a policy",
        without(identitySecurityDefaultsEnforcementPolicy=on, conditionalAccessPolicies=[policy("mfa")]),
        "securityDefaultsWithPolicies",
    )
    add(
        "on, beside a policy that only reports",
        without(
            identitySecurityDefaultsEnforcementPolicy=on,
            conditionalAccessPolicies=[policy("mfa", state="enabledForReportingButNotEnforced")],
        ),
    )
    add(
        "not read, beside a policy",
        without("identitySecurityDefaultsEnforcementPolicy", conditionalAccessPolicies=[policy("mfa")]),
        "securityDefaultsWithPolicies",
    )
    add(
        "not read, and no methods either",
        without("identitySecurityDefaultsEnforcementPolicy", "registeredMethods"),
        "securityDefaultsNotMet",
    )


def _workloads(add: Add) -> None:
    def workload(**members: Any) -> dict[str, Any]:
        found = policy("block", clientApplications=members)
        del found["conditions"]["users"]
        return found

    def ours(found: dict[str, Any]) -> Callable[[File], None]:
        return without(holdfastServicePrincipalIds=[SERVICE], conditionalAccessPolicies=[found])

    everyone = {"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]}
    rule = "workloadIdentity"
    add("workloads, and ours aren't given", workload(**everyone))
    add("all workloads", ours(workload(**everyone)), rule)
    add("all but ours", ours(workload(**everyone, excludeServicePrincipals=[SERVICE])))
    add("ours", ours(workload(includeServicePrincipals=[SERVICE])), rule)
    add("others", ours(workload(includeServicePrincipals=[guid(32)])))
    add("none", ours(workload(includeServicePrincipals=["None"])))
    add("by a filter", ours(workload(servicePrincipalFilter={"mode": "include", "rule": "x"})), rule)
    add("a word for them that nobody knows", ours(workload(includeServicePrincipals=["Some"])), rule)
    add("ours, and it is off", ours({**workload(**everyone), "state": "disabled"}))
    risky = workload(**everyone)
    risky["conditions"]["servicePrincipalRiskLevels"] = ["high"]
    add("ours, by risk", ours(risky), rule)


def _shapes(add: Add) -> None:
    rule = "policyNotUnderstood"
    add("conditions that are none", {**policy("block"), "conditions": "All"}, rule, "block")
    add("no conditions", {**policy("block"), "conditions": None}, "block")
    add("users that are a text", policy("mfa", users="All"), rule)  # type: ignore[arg-type]
    add("an exclusion that is a text", for_users(includeUsers=["All"], excludeUsers=ONE), rule, "block")
    add("controls that are a list", {**policy(), "grantControls": ["block"]}, rule)
    add("controls that are numbers", policy(grant={"builtInControls": [1]}), rule)
    add("session controls that are a text", {**policy(), "sessionControls": "on"}, rule)
    add(
        "members of another shape, for somebody else",
        policy("block", users={"includeUsers": [STRANGER]}, platforms="x"),
    )
    add(
        "groups of another shape",
        both(
            group(BREAK_GLASS, members="all"),
            without(conditionalAccessPolicies=[for_users(includeUsers=["All"], excludeGroups=[BREAK_GLASS])]),
        ),
        "block",
    )
    add(
        "kinds of a group of another shape",
        both(
            group(BREAK_GLASS, groupTypes="static"),
            without(conditionalAccessPolicies=[for_users(includeUsers=["All"], excludeGroups=[BREAK_GLASS])]),
        ),
        "block",
    )


# --- a whole tenant, which a plan and the last look before a write judge


REALM, APPLIED, UNKNOWN_APPLICATION = guid(61), guid(62), guid(63)


def whole(**members: Any) -> File:
    """Nothing sends anybody elsewhere, and people from other tenants are let in."""
    return {
        "whole": True,
        "home_realm_discovery_policies": (),
        "service_principals": (
            {"id": APPLIED, "appId": AZURE_MANAGEMENT},
            {"id": UNKNOWN_APPLICATION, "appId": EXCHANGE},
        ),
        "cross_tenant_access_default": {"b2bCollaborationInbound": inbound()},
        "cross_tenant_access_partners": (),
        **members,
    }


def realm(definition: Any, **members: Any) -> File:
    """For the service principals in `appliesTo` alone, unless told otherwise."""
    text = json.dumps({"HomeRealmDiscoveryPolicy": definition}) if isinstance(definition, dict) else definition
    said: Any = "{}" if isinstance(text, list) else [text]
    return whole(
        home_realm_discovery_policies=(
            {"id": REALM, "definition": said, "isOrganizationDefault": False, "appliesTo": [], **members},
        )
    )


def inbound(users: str = "AllUsers", applications: str = "AllApplications", kind: str = "allowed") -> File:
    return {
        "usersAndGroups": {"accessType": kind, "targets": [{"target": users, "targetType": "user"}]},
        "applications": {"accessType": kind, "targets": [{"target": applications, "targetType": "application"}]},
    }


def _elsewhere(add: Add) -> None:
    here = without()
    add("a whole tenant that is sound", here, beyond=whole())
    sends = {"AccelerateToFederatedDomain": True, "PreferredDomain": "contoso.com"}
    default = {"isOrganizationDefault": True}
    add("everybody is sent to a federated domain", here, "homeRealm", beyond=realm(sends, **default))
    add("an application of a scenario is", here, "homeRealm", beyond=realm(sends, appliesTo=[APPLIED]))
    add("another application is", here, beyond=realm(sends, appliesTo=[UNKNOWN_APPLICATION]))
    add("an application that isn't known is", here, "homeRealm", beyond=realm(sends, appliesTo=[GONE]))
    add("what it applies to wasn't read", here, "homeRealm", beyond=realm(sends, appliesTo=None))
    add("no application is", here, beyond=realm(sends))
    add(
        "nobody is sent, though a domain is preferred",
        here,
        beyond=realm({"AccelerateToFederatedDomain": False, "PreferredDomain": "contoso.com"}, **default),
    )
    alternate = {"AlternateIdLogin": {"Enabled": True}, "AllowCloudPasswordValidation": True}
    add("people may sign in by an alternate id", here, beyond=realm(alternate, **default))
    spelt = {"accelerateToFederatedDomain": "true"}
    add("the word is spelt otherwise", here, "homeRealm", beyond=realm(spelt, **default))
    add("a definition that is no JSON", here, "homeRealm", beyond=realm("{", **default))
    add("a definition of something else", here, "homeRealm", beyond=realm('{"X": {}}', **default))
    add("a definition that is no list", here, "homeRealm", beyond=realm([], **default))
    unread = whole(home_realm_discovery_policies=None)
    add("the policies weren't read", here, "homeRealm", beyond=unread)
    managed = [{"id": "contoso.onmicrosoft.com", "authenticationType": "Managed", "isVerified": True}]
    add("no domain is federated", without(domains=managed), beyond=realm(sends, **default))
    undecided = [*managed, {"id": "contoso.com", "isVerified": True}]
    add("nobody knows what a domain is", without(domains=undecided), "homeRealm", beyond=realm(sends, **default))
    add("in a file nothing is said of it", here, beyond={**realm(sends, **default), "whole": False})

    certificate = config("X509Certificate")
    for_one = config("X509Certificate", includeTargets=[{"targetType": "user", "id": ONE}])
    for_others = config("X509Certificate", includeTargets=[{"targetType": "group", "id": OTHERS}])
    but_them = config("X509Certificate", excludeTargets=[{"targetType": "group", "id": INNER}])
    ruled_out = config("X509Certificate", excludeTargets=[{"targetType": "group", "id": RULED}])
    off = config("X509Certificate", state="disabled")

    def enabled(found: Any, **members: Any) -> Callable[[File], None]:
        def change(file: File) -> None:
            file["authenticationMethodsPolicy"]["authenticationMethodConfigurations"].append(copy.deepcopy(found))
            file.update(copy.deepcopy(members))

        return change

    bare = {"registeredMethods": {ONE: [PASSWORD], TWO: [PASSWORD]}}
    asked = "certificateAsked"
    add("certificates beside methods that work", enabled(certificate), beyond=whole())
    add("certificates and nothing else", enabled(certificate, **bare), asked, beyond=whole())
    add("certificates, methods unread", enabled(certificate, registeredMethods=None), asked, beyond=whole())
    add("certificates for one of them", enabled(for_one, **bare), one=(asked,), beyond=whole())
    add("certificates for others", enabled(for_others, **bare), beyond=whole())
    add("certificates for all but them", enabled(but_them, **bare), beyond=whole())
    add("certificates for all but a dynamic group", enabled(ruled_out, **bare), asked, beyond=whole())
    add("certificates that are off", enabled(off, **bare), beyond=whole())
    add("certificates in a file", enabled(certificate, **bare), beyond={})

    guest = both(user(1, userType="Guest", creationType="Invitation"), without())
    outside = "notCloudOnly"
    shut = "crossTenantAccess"
    add("a guest, and everybody is let in", guest, two=(outside,), beyond=whole())
    for name, setting in {
        "nobody is": inbound(kind="blocked"),
        "some are": inbound(users=STRANGER),
        "to some applications": inbound(applications="Office365"),
        "nothing is said": None,
    }.items():
        here_too = whole(cross_tenant_access_default={"b2bCollaborationInbound": setting})
        add(f"a guest, and {name} let in", guest, two=(outside, shut), beyond=here_too)
        add(f"members, and {name} let in", here, beyond=here_too)
    partner = whole(cross_tenant_access_partners=({"tenantId": GONE, "b2bCollaborationInbound": None},))
    add("a guest, and a partner as everybody", guest, two=(outside,), beyond=partner)
    closed = {"tenantId": GONE, "b2bCollaborationInbound": inbound(kind="blocked")}
    add(
        "a guest, and a partner is shut out",
        guest,
        two=(outside, shut),
        beyond=whole(cross_tenant_access_partners=(closed,)),
    )
    for name in ("default", "partners"):
        missing = whole(**{f"cross_tenant_access_{name}": None})
        add(f"a guest, and the {name} unread", guest, two=(outside, shut), beyond=missing)
    kindless = user(1, userType=None)
    add("of whom nobody knows what they are", kindless, two=(shut,), beyond=whole(cross_tenant_access_default=None))


_GROUPS: dict[str, Callable[[Add], None]] = {
    "what is on": _sound,
    "targets": _targets,
    "locations": _places,
    "devices and clients": _devices,
    "flows and unknown conditions": _flows,
    "risk": _risk,
    "users": _users,
    "exclusions": _exclusions,
    "grant controls": _controls,
    "session controls": _session,
    "multifactor authentication": _mfa,
    "strengths": _strengths,
    "accounts": _accounts,
    "Global Administrator": _administrators,
    "security defaults": _defaults,
    "workload identities": _workloads,
    "shapes": _shapes,
    "elsewhere": _elsewhere,
}

CASES = _everything()

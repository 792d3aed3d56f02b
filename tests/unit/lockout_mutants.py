"""The lock-out guard with one rule taken out, for each rule of the specification, and the case that notices.

A mutant is a piece of one module replaced by another. The named case of the truth table alone judges it: what the
guard answers there must change, or nobody would notice if the rule went.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from tests.unit.lockout_cases import CASES, Case

PACKAGE: Final = "shared.engines.lockout"
_FOLDER: Final = Path(__file__).parents[2] / "shared" / "engines" / "lockout"
BY_NAME: Final = {f"{case.group}: {case.name}": case for case in CASES}


@dataclass(frozen=True)
class Mutant:
    """`was` is taken out of the module and `becomes` put there. `case`: group and name of the one that notices."""

    module: str
    was: str
    becomes: str
    case: str

    def __str__(self) -> str:
        return f"{self.module}: {' '.join(self.was.split())[:60]} -> {self.becomes[:30]!r} ({self.case})"

    def source(self) -> str:
        text = (_FOLDER / f"{self.module}.py").read_text(encoding="utf-8")
        assert text.count(self.was) == 1, f"{self}: {text.count(self.was)} times in the module"
        return text.replace(self.was, self.becomes)


def answers(mutant: Mutant) -> list[frozenset[str]] | None:
    """Rules by account that the guard finds in the mutant's case; None where it fails."""
    with _alone():
        name = f"{PACKAGE}.{mutant.module}"
        importlib.import_module(PACKAGE)
        module = ModuleType(name)
        sys.modules[name] = module
        exec(compile(mutant.source(), name, "exec"), module.__dict__)
        judge: Any = importlib.import_module(f"{PACKAGE}.verdict").judge
        facts = case_of(mutant).facts(importlib.import_module(f"{PACKAGE}.facts").read_facts)
        return [frozenset(one.rule.value for one in account.findings) for account in judge(facts).accounts]


def case_of(mutant: Mutant) -> Case:
    return BY_NAME[mutant.case]


@contextmanager
def _alone() -> Iterator[None]:
    """Without the guard's modules as they were loaded, which come back afterwards."""
    kept = {name: module for name, module in sys.modules.items() if name.startswith(PACKAGE)}
    for name in kept:
        del sys.modules[name]
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
            del sys.modules[name]
        sys.modules.update(kept)


def _in(module: str, *rows: tuple[str, str, str]) -> tuple[Mutant, ...]:
    return tuple(Mutant(module, was, becomes, case) for was, becomes, case in rows)


_LOCATED: Final = '"platforms": _platforms,\n    "locations": lambda value, scenario: '

SCENARIOS: Final = _in(
    "scenarios",
    (
        "frozenset({_AZURE_PORTAL, _PORTALS, _AZURE_MANAGEMENT, _GRAPH, _DIRECTORY})",
        "frozenset()",
        "targets: block the Azure portal",
    ),
    (
        """    Target(
        "Microsoft Admin Portals",
        frozenset({_PORTALS, _GRAPH, _DIRECTORY}),
        frozenset({_PORTALS}),
        asked_as="MicrosoftAdminPortals",
    ),
""",
        "",
        "targets: the admin portals, but not the Azure portal",
    ),
    ("frozenset({_GRAPH_TOOLS, _GRAPH, _DIRECTORY})", "frozenset()", "targets: block the command-line tools"),
    (
        """    Target(
        "Azure management",
        frozenset({_AZURE_MANAGEMENT}),
        frozenset({_AZURE_MANAGEMENT}),
        asked_as=_AZURE_MANAGEMENT,
    ),
""",
        "",
        "targets: Azure management, but not the Azure portal",
    ),
    (
        'Target("register security information", action="urn:user:registersecurityinfo"),',
        "",
        "targets: everything but the four: the page on which methods are registered is left",
    ),
    ('("windows", "linux", "ios")', '("linux", "ios")', "devices and clients: on windows only"),
    ('("windows", "linux", "ios")', '("windows", "ios")', "devices and clients: on linux only"),
    ('("windows", "linux", "ios")', '("windows", "linux")', "devices and clients: on iOS only"),
    ('"browser": "browser", ', "", "devices and clients: in a browser"),
    (', "mobileappsanddesktopclients": "desktop client"', "", "devices and clients: in a desktop client"),
)

CONDITIONS: Final = _in(
    "conditions",
    ('OFF: Final = ("disabled", ', "OFF: Final = (", "what is on: a policy that is off"),
    (
        'OFF: Final = ("disabled", "enabledForReportingButNotEnforced")',
        'OFF: Final = ("disabled",)',
        "what is on: a policy that only reports",
    ),
    ('policy.get("state") not in OFF', 'policy.get("state") == "enabled"', "what is on: a state that nobody knows"),
    # targets
    ('"applications": _applications,', "", "targets: Office 365 only"),
    (
        "    return all_of((_named(value, scenario), inverse(_freed(value, scenario))))",
        "    return _named(value, scenario)",
        "targets: the admin portals, with themselves excluded",
    ),
    (
        "or _silent(value):\n        return None",
        "or _silent(value):\n        return False",
        "targets: no condition on applications",
    ),
    ("if name in (_NOTHING, SUITE):", "if name == _NOTHING:", "targets: Office 365 only"),
    ("if name in (_NOTHING, SUITE):", "if name == SUITE:", "targets: no application"),
    (
        "known = _GUID.fullmatch(name) or any(name in target.named_by",
        "known = any(name in target.named_by",
        "targets: one workload only",
    ),
    (
        "known = _GUID.fullmatch(name) or any(name in target.named_by for target in TARGETS)",
        "known = True",
        "targets: a word for applications that nobody knows",
    ),
    (
        '*(None for name in ("applicationFilter",) if not says_nothing(value.get(name))),',
        "",
        "targets: applications by a filter",
    ),
    (
        "*(None for _ in unknown_members(value, _APPLICATIONS)),",
        "",
        "targets: a member on applications that nobody knows",
    ),
    ("lambda name: False),", "lambda name: None),", "targets: an authentication context"),
    (
        'OTHER_ACTIONS: Final = ("urn:user:registerdevice",)',
        "OTHER_ACTIONS: Final = ()",
        "targets: registering devices",
    ),
    ("return False if name in OTHER_ACTIONS else None", "return False", "targets: a user action that nobody knows"),
    # locations
    (
        '"platforms": _platforms,',
        f'{_LOCATED}not value or "All" in value["includeLocations"],',
        "locations: from one location",
    ),
    (
        '"platforms": _platforms,',
        f'{_LOCATED}not value or "AllTrusted" not in value["includeLocations"],',
        "locations: from trusted locations",
    ),
    (
        '"platforms": _platforms,',
        f'{_LOCATED}not (value or {{}}).get("excludeLocations"),',
        "locations: from anywhere but trusted locations",
    ),
    (
        '"platforms": _platforms,',
        f'{_LOCATED}not (value or {{}}).get("excludeLocations"),',
        "locations: from anywhere but a country and unknown places",
    ),
    # devices, clients, flows
    ('"platforms": _platforms,', "", "devices and clients: on Android and macOS only"),
    (
        "if any(text(name) == scenario.platform for name in excluded):",
        "if False:",
        "devices and clients: on all platforms but those of the scenarios",
    ),
    (
        "return False if name in _PLATFORMS else None",
        "return False",
        "devices and clients: on a platform that nobody knows",
    ),
    ('"clientAppTypes": _clients,', "", "devices and clients: in old clients only"),
    (
        'known = name in _OTHER_CLIENTS or name in ("browser", "mobileappsanddesktopclients")',
        "known = True",
        "devices and clients: in clients that nobody knows",
    ),
    ('"devices": _devices,', "", "devices and clients: where the device is compliant"),
    ('"exclude": inverse(matched)', '"exclude": True', "devices and clients: unless it isn't compliant"),
    ('"exclude": inverse(matched)', '"exclude": False', "devices and clients: unless the device is compliant"),
    ('"authenticationFlows": _flows,', "", "flows and unknown conditions: device code flow"),
    (
        "return False if all(name in _OTHER_FLOWS for name in names) else None",
        "return False",
        "flows and unknown conditions: a flow that nobody knows",
    ),
    # users
    ("if name in (_EVERYTHING, text(account.id)):", "if name == _EVERYTHING:", "users: one of them"),
    ('if name == _NOTHING:\n        return False\n    if name == "guests', 'if name == "guests', "users: nobody"),
    (
        '            *_each(users.get("includeGroups"), lambda name: account.groups.may_hold(name, account.id)),\n',
        "",
        "users: a group that holds both",
    ),
    ('            *_each(users.get("includeRoles"), account.has_role),\n', "", "users: Global Administrators"),
    ("            *guests,\n", "", "users: guests, spelt out, and one account's kind isn't known"),
    (
        "            *(None for _ in unknown_members(users, _USERS)),\n",
        "",
        "users: a member on users that nobody knows",
    ),
    (
        "return account.external\n    known",
        "return False\n    known",
        "users: guests, and one account's kind isn't known",
    ),
    (
        "known = _GUID.fullmatch(name) or any(text(user",
        "known = True or any(text(user",
        "users: a word for users that nobody knows",
    ),
    ("return text(account.id) in by_id or any(", "return any(", "exclusions: both by id"),
    ("or any(account.groups.proves(name, account.id) for name in groups)", "", "exclusions: by a group"),
    # workload identities, risk
    (
        "    if _silent(users) and _names_principals(policy):\n        return False",
        "    if False:\n        return False",
        "workload identities: workloads, and ours aren't given",
    ),
    (
        'if text(principal) in (text(one) for one in texts(found.get("excludeServicePrincipals")) or ()):',
        "if False:",
        "workload identities: all but ours",
    ),
    (
        '*(None for name in ("servicePrincipalFilter",) if not says_nothing(found.get(name))),',
        "",
        "workload identities: by a filter",
    ),
    (
        "return False if name == _NOTHING or _GUID.fullmatch(name) else None",
        "return None",
        "workload identities: others",
    ),
    (
        "return False if name == _NOTHING or _GUID.fullmatch(name) else None",
        "return False",
        "workload identities: a word for them that nobody knows",
    ),
    ('name.endswith("RiskLevels")', 'name == "userRiskLevels"', "risk: insider risk"),
    ('name.endswith("RiskLevels")', 'name == "userRiskLevels"', "risk: signInRiskLevels, though MFA would do"),
    ('name.endswith("RiskLevels")', 'name == "signInRiskLevels"', "risk: userRiskLevels, though MFA would do"),
)

DEVICES: Final = _in(
    "devices",
    ('"device.iscompliant": compliant, ', "", "devices and clients: where the device is compliant"),
    ('"device.deviceownership": ownership, ', "", "devices and clients: on company devices"),
    (', "device.trusttype": trust', "", "devices and clients: on joined devices of either kind"),
    (
        '(None, "workplace")',
        "(None,)",
        "devices and clients: on compliant or registered devices: an unmanaged one may be registered",
    ),
    (
        "    if name not in _UNMANAGED[0] or",
        "    if",
        "devices and clients: a filter on compliance and something else",
    ),
)

MEMBERSHIP: Final = _in(
    "membership",
    ("if nested:", "if False:", "exclusions: by a group around a group"),
    ("if nested:", "if False:", "users: a group around that group"),
    (" and _static(group)", "", "exclusions: by a dynamic group"),
    (" and _static(group)", "", "exclusions: by a group around a group that is dynamic"),
    ("        if not self._read:\n            return None", "", "users: a group, and groups weren't read"),
    (
        "None if members is None else text(account)",
        "members is not None and text(account)",
        "users: a dynamic group",
    ),
    (
        "None if members is None else text(account)",
        "members is not None and text(account)",
        "users: a group without members that were read",
    ),
    (
        "            if at in seen or at not in self._groups",
        "            if at not in self._groups:\n                yield None\n"
        "            if at in seen or at not in self._groups",
        "users: a group that isn't there",
    ),
    (" or hidden else", " else", "users: a group whose members are hidden"),
    (
        'if says_nothing(group.get("deletedDateTime"))',
        "if True",
        "exclusions: by a group that is in the recycle bin",
    ),
)

METHODS: Final = _in(
    "methods",
    (
        "KINDS: Final[Mapping[str, tuple[Kind, ...]]] = {",
        'KINDS: Final = {"windowshelloforbusinessauthenticationmethod": (Kind("hello", "fido2"),),',
        "multifactor authentication: one has Windows Hello",
    ),
    (
        "KINDS: Final[Mapping[str, tuple[Kind, ...]]] = {",
        'KINDS: Final = {"platformcredentialauthenticationmethod": (Kind("hello", "fido2"),),',
        "multifactor authentication: one has a platform credential",
    ),
    ('text(config.get("state")) != "enabled" or ', "", "multifactor authentication: keys are off"),
    (
        "isinstance(name, str) and _is(account",
        "isinstance(name, str) or _is(account",
        "multifactor authentication: keys are for others",
    ),
    (
        "    if any(_may_be(account, target, groups) for target in excluded):\n        return\n",
        "",
        "multifactor authentication: keys are not for a group that holds it",
    ),
    (
        "groups.may_hold(name, account) is not False",
        "groups.may_hold(name, account) is True",
        "multifactor authentication: keys are not for a dynamic group",
    ),
    (
        " == _EVERYBODY or groups.proves(name, account))",
        " == _EVERYBODY or groups.may_hold(name, account) is not False)",
        "multifactor authentication: keys are for a dynamic group",
    ),
    ('(kind == "allow" and listed)', 'kind == "allow"', "multifactor authentication: only other keys are allowed"),
    ('(kind == "block" and not listed)', 'kind == "block"', "multifactor authentication: its key is barred"),
    (
        "return not named and _passes(method, config)",
        "return _passes(method, config)",
        "multifactor authentication: the profiles of the target weren't read",
    ),
    (
        "if profiles is None or named is None:",
        "named = named or ()\n    if profiles is None:",
        "multifactor authentication: the target's profiles can't be read",
    ),
    ('text(profile.get("id")) in allowed and ', "", "multifactor authentication: the profile isn't for the target"),
    ("_fits(method, profile) and ", "", "multifactor authentication: the profile is for synced keys"),
    (" and _passes(method, profile)", "", "multifactor authentication: no profile lets its key pass"),
    (
        'in ("", "any", *modes)',
        'not in ("never",)',
        "multifactor authentication: the authenticator only without a password",
    ),
    ('config.get("isOfficePhoneAllowed") is True', "True", "multifactor authentication: an office phone"),
    (
        'return text(method.get("phoneType")) == "mobile"',
        "return True",
        "multifactor authentication: a second mobile phone gets calls, no messages",
    ),
    ('method.get("isUsable") is True and ', "", "multifactor authentication: a pass that is used up"),
    ("combination <= modes", "bool(combination & modes)", "strengths: a part of a combination isn't enough"),
    (
        "        allowed = {text(one) for one in keys}",
        "        allowed = {one.aaguid for one in held}",
        "strengths: keys of another model",
    ),
    (
        "            return False  # of another kind",
        "            continue  # of another kind",
        "strengths: refined by what nobody knows",
    ),
    (
        "        if asked and combination not in (_modes(one) for one in asked):\n            continue",
        "        if False:\n            continue",
        "strengths: refined for another combination",
    ),
    ("if asked and combination", "if combination", "strengths: refined without saying what"),
)

CONTROLS: Final = _in(
    "controls",
    (" and not blocks", "", "grant controls: a block is never one of several"),
    ('text(value.get("operator")) == "or"', "False", "grant controls: MFA or a compliant device"),
    ('text(value.get("operator")) == "or"', "True", "grant controls: MFA and a compliant device"),
    (
        'text(value.get("operator")) == "or"',
        'text(value.get("operator")) != "and"',
        "grant controls: two controls and no operator",
    ),
    ('"block": (Rule.BLOCK, "it blocks"),', "", "targets: block all applications"),
    (
        '"compliantdevice": (Rule.DEVICE, "it asks for a compliant device"),',
        "",
        "grant controls: asks for compliantDevice",
    ),
    (
        '"domainjoineddevice": (Rule.DEVICE, "it asks for a joined device"),',
        "",
        "grant controls: asks for domainJoinedDevice",
    ),
    (
        '"approvedapplication": (Rule.APPLICATION, "it asks for an approved application"),',
        "",
        "grant controls: asks for approvedApplication",
    ),
    (
        '"compliantapplication": (Rule.APPLICATION, "it asks for an application with a protection policy"),',
        "",
        "grant controls: asks for compliantApplication",
    ),
    (
        '"passwordchange": (Rule.PASSWORD_CHANGE, "it asks for a change of the password"),',
        "",
        "grant controls: asks for passwordChange",
    ),
    (
        "yield BUILT_IN.get(text(control)) or (",
        "yield BUILT_IN.get(text(control)) and (",
        "grant controls: asks for somethingNew",
    ),
    (
        'if not says_nothing(value.get("customAuthenticationFactors")):',
        "if False:",
        "grant controls: asks for a custom control",
    ),
    ('if not says_nothing(value.get("termsOfUse")):', "if False:", "grant controls: asks for terms of use"),
    (
        "for name in unknown_members(value, _GRANT):",
        "for name in ():",
        "grant controls: asks for a member that nobody knows",
    ),
    ('if not says_nothing(value.get("authenticationStrength")):', "if False:", "strengths: phishing-resistant"),
    ("    yield from session(policy)\n", "", "session controls: token protection"),
    (
        "        for name in unknown_members(value, HARMLESS):",
        "        for name in {*value} & {'secureSignInSession'}:",
        "session controls: a session control that nobody knows",
    ),
    (
        "        for name in unknown_members(value, HARMLESS):",
        "        for name in {*value} & {'secureSignInSession'}:",
        "session controls: strict location",
    ),
    ('control.get("isEnabled") is not False and ', "", "session controls: token protection is off"),
    (' and text(control.get("mode")) != "disabled"', "", "session controls: continuous evaluation is off"),
    *(
        (f'        "{name}",\n', "", f"session controls: {name} is on")
        for name in ("applicationEnforcedRestrictions", "cloudAppSecurity", "persistentBrowser", "signInFrequency")
    ),
    ('        "disableResilienceDefaults",\n', "", "session controls: resilience defaults are off"),
    (
        "    if can_show_mfa(account):\n        return None\n    return Rule.MFA",
        "    return None\n    return Rule.MFA",
        "multifactor authentication: one has nothing but a password",
    ),
    (
        "    if strengths is None:\n        return value",
        "    if True:\n        return value",
        "strengths: the policy's own copy says nothing where strengths were read",
    ),
    (
        "    if strengths is None:\n        return value",
        "    if strengths is None:\n        return None",
        "strengths: the policy's own copy where strengths weren't read",
    ),
)

STATE: Final = _in(
    "state",
    *(
        (f"    Rule.{rule}: {check},\n", "", case)
        for rule, check, case in (
            ("USERS_UNREAD", '_unread("users", "users")', "accounts: users weren't read"),
            (
                "ROLES_UNREAD",
                '_unread("role_assignments", "role assignments")',
                "accounts: roleAssignments weren't read",
            ),
            ("DOMAINS_UNREAD", '_unread("domains", "domains")', "accounts: domains weren't read"),
            (
                "POLICIES_UNREAD",
                '_unread("conditional_access_policies", "conditional access policies")',
                "accounts: conditionalAccessPolicies weren't read",
            ),
            ("UNKNOWN_ACCOUNT", "_unknown", "accounts: an id that nobody has"),
            ("DISABLED", "_disabled", "accounts: an account that is disabled"),
            ("NOT_CLOUD_ONLY", "_synced", "accounts: an account that is synchronised"),
            ("NOT_MANAGED", "_federated", "accounts: a name on a federated domain"),
            ("RESTRICTED", "_restricted", "accounts: within a restricted unit"),
            ("NO_ADMINISTRATOR", "_no_administrator", "Global Administrator: nobody is"),
            ("DEFAULTS_WITH_POLICIES", "_defaults_with_policies", "security defaults: on, beside a policy"),
            ("DEFAULTS_UNMET", "_defaults_unmet", "security defaults: on, and one has none"),
        )
    ),
    ('.get("isEnabled") is not False', '.get("isEnabled") is True', "security defaults: not read, beside a policy"),
    (
        "any(may_be_on(policy) for policy in policies)",
        "bool(policies)",
        "security defaults: on, beside a policy that only reports",
    ),
    (" and account.external is not True", "", "accounts: an account from outside"),
    (' and found.get("isVerified", True) is True', "", "accounts: a domain that nobody verified"),
    (
        'return "the domain of its user principal name is not among the tenant\'s"',
        'return ""',
        "accounts: a name on a domain of others",
    ),
)

ACCOUNTS: Final = _in(
    "accounts",
    (' and says_nothing(user.get("deletedDateTime"))', "", "accounts: an account in the recycle bin"),
    ('name.startswith("roleEligibility") or ', "", "Global Administrator: eligible only"),
    (
        'name.startswith("roleEligibility") or name == "scheduleInfo"',
        'name.startswith("roleEligibility")',
        "Global Administrator: a schedule alone",
    ),
    (
        '        and "eligib" not in text(assignment.get("@odata.type"))\n',
        "",
        "Global Administrator: an eligibility by its type",
    ),
    (
        '        and text(assignment.get("assignmentType", "Assigned")) == "assigned"\n',
        "",
        "Global Administrator: activated only",
    ),
    (
        ' and ("assignmentType" in one or _key(one) not in told)',
        "",
        "Global Administrator: an activation that shows as an assignment, too",
    ),
    (
        '        and text(assignment.get("memberType")) in ("", "direct")\n',
        "",
        "Global Administrator: through a group's own entry",
    ),
    ('        and says_nothing(assignment.get("endDateTime"))\n', "", "Global Administrator: with an end"),
    (
        '        and text(assignment.get("directoryScopeId", "/")) in _WHOLE_TENANT\n',
        "",
        "Global Administrator: in one unit only",
    ),
    (
        '        and text(assignment.get("appScopeId", "/")) in _WHOLE_TENANT\n',
        "",
        "Global Administrator: in one application only",
    ),
    ("return assignable and ", "return ", "Global Administrator: by a group that isn't role-assignable"),
    (
        "self.groups.proves(principal, self.id, nested=False)",
        "self.groups.may_hold(principal, self.id) is not False",
        "Global Administrator: by a dynamic group",
    ),
    (", nested=False)", ")", "Global Administrator: by a group in a group"),
    (
        "return assignable and self.groups.proves(principal, self.id, nested=False)",
        "return False",
        "Global Administrator: by a role-assignable group",
    ),
    ("_role(one) == text(role_id)\n            and ", "", "Global Administrator: another role"),
)

VERDICT: Final = _in(
    "verdict",
    ("    if not may_be_on(policy):\n        return\n", "", "what is on: a policy that is off"),
    ("if concerns(policy, account) is False:", "if False:", "users: somebody else"),
    (
        "if named := risks(policy):",
        "if False and (named := risks(policy)):",
        "risk: signInRiskLevels, though MFA would do",
    ),
    (
        "applies(policy, scenario) is not False",
        "applies(policy, scenario) is True",
        "targets: a word for applications that nobody knows",
    ),
    ("*misspelt(policy), ", "*(), ", "shapes: controls that are a list"),
    (
        "        for why in _against_principal(policy, principal):",
        "        for why in ():",
        "workload identities: all workloads",
    ),
)

ELSEWHERE: Final = (
    _in(
        "elsewhere",
        (
            "        if _sends(policy) and _reaches(policy, facts):",
            "        if False:",
            "elsewhere: everybody is sent to a federated domain",
        ),
        (
            "if not facts.whole or _all_managed(facts):",
            "if _all_managed(facts):",
            "elsewhere: in a file nothing is said of it",
        ),
        ("if not facts.whole or _all_managed(facts):", "if not facts.whole:", "elsewhere: no domain is federated"),
        (
            'all(text(one.get("authenticationType")) == "managed" for one in domains)',
            'all(text(one.get("authenticationType")) != "federated" for one in domains)',
            "elsewhere: nobody knows what a domain is",
        ),
        (
            '        return "home realm discovery policies could not be read"',
            '        return ""',
            "elsewhere: the policies weren't read",
        ),
        (
            "return definition is None or any(",
            "return definition is not None and any(",
            "elsewhere: a definition that is no list",
        ),
        (
            "    except Unusable:\n        return True",
            "    except Unusable:\n        return False",
            "elsewhere: a definition that is no JSON",
        ),
        (
            "if len(found) != 1 or not isinstance(found[0], dict):\n        return True",
            "if len(found) != 1 or not isinstance(found[0], dict):\n        return False",
            "elsewhere: a definition of something else",
        ),
        ("((name.casefold(), inner)", "((name, inner)", "elsewhere: nobody is sent, though a domain is preferred"),
        (
            "and not says_nothing(said) for",
            "for",
            "elsewhere: nobody is sent, though a domain is preferred",
        ),
        (
            'if not says_nothing(policy.get("isOrganizationDefault")):',
            "if False:",
            "elsewhere: everybody is sent to a federated domain",
        ),
        (
            "return applied is None or any(",
            "return applied is not None and any(",
            "elsewhere: what it applies to wasn't read",
        ),
        ('{"", *_REACHED}', "_REACHED", "elsewhere: an application that isn't known is"),
        ('{"", *_REACHED}', '{""}', "elsewhere: an application of a scenario is"),
        (
            'not may_be_enabled("x509certificate", account.id, policy, account.groups)',
            "True",
            "elsewhere: certificates and nothing else",
        ),
        ("    if can_show_mfa(account):", "    if False:", "elsewhere: certificates beside methods that work"),
        ("if not account.facts.whole or not may", "if not may", "elsewhere: certificates in a file"),
        (
            "account.user is None or account.external is False:",
            "account.user is None:",
            "elsewhere: members, and nobody is let in",
        ),
        (
            "account.user is None or account.external is False:",
            "account.user is None or account.external is not True:",
            "elsewhere: of whom nobody knows what they are",
        ),
        (
            'return "it may come from another tenant, and cross-tenant access could not be read"',
            'return ""',
            "elsewhere: a guest, and the partners unread",
        ),
        (
            "if all(_lets_in(setting) for",
            "if any(_lets_in(setting) for",
            "elsewhere: a guest, and a partner is shut out",
        ),
        (
            "*(one for one in partners if one is not None)",
            "*partners",
            "elsewhere: a guest, and a partner as everybody",
        ),
        (
            'text(at(setting, side, "accessType")) == "allowed" and',
            "",
            "elsewhere: a guest, and nobody is let in",
        ),
        (
            'everybody in _targets(at(setting, side, "targets"))',
            "True",
            "elsewhere: a guest, and some are let in",
        ),
        (', "applications": "allapplications"', "", "elsewhere: a guest, and to some applications let in"),
    )
    + _in(
        "methods",
        (
            'or text(config.get("state")) == "disabled":\n            continue',
            ":\n            continue",
            "elsewhere: certificates that are off",
        ),
        (
            "if any(_certainly(account, target, groups) for target in excluded or ()):",
            "if False:",
            "elsewhere: certificates for all but them",
        ),
        (
            "if any(_certainly(account, target, groups) for target in excluded or ()):",
            "if any(_may_be(account, target, groups) for target in excluded or ()):",
            "elsewhere: certificates for all but a dynamic group",
        ),
        (
            "if included is None or any(_may_be(account, target, groups) for target in included):",
            "if True:",
            "elsewhere: certificates for others",
        ),
    )
    + _in(
        "state",
        ("    Rule.HOME_REALM: home_realm,\n", "", "elsewhere: everybody is sent to a federated domain"),
        ("    Rule.CERTIFICATE: certificates,\n", "", "elsewhere: certificates and nothing else"),
        ("    Rule.CROSS_TENANT: cross_tenant,\n", "", "elsewhere: a guest, and nobody is let in"),
    )
)

MUTANTS: Final = (
    *ELSEWHERE,
    *SCENARIOS,
    *CONDITIONS,
    *DEVICES,
    *MEMBERSHIP,
    *METHODS,
    *CONTROLS,
    *STATE,
    *ACCOUNTS,
    *VERDICT,
)

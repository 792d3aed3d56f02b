"""Administrative units, delegated grants, roles, strengths, contexts, methods and group settings of a seed.

No random numbers are drawn here, so that what older parts of a seed plant stays the same. The numbers grow with
the tenant; each special kind is there from the smallest on.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any

from . import dependents, restricted, role_eligibility, role_settings
from .authentication_methods import POLICY
from .grants import opaque_id
from .role_assignments import add
from .rules.methods import METHODS, PASSKEY_PROFILES
from .rules.roles import BUILT_IN_ROLES, GLOBAL_ADMINISTRATOR, STRENGTHS, built_in_role
from .rules.settings import PASSWORD_RULES, TEMPLATES, UNIFIED
from .strengths import CHILDREN, TABLE

if TYPE_CHECKING:
    from .seeds import Planter

Obj = dict[str, Any]
_SPACE = uuid.UUID("91d3bd8c-6f0f-4f2e-8c0a-6f7a2a2b5d10")
_PAST = "2024-03-01T08:00:00Z"
_LONG_AGO = 1709280000.0  # the same moment
_LATER = 1893484800.0  # 2030-01-01T08:00:00Z
_FAR = "2035-01-01T08:00:00Z"  # the same in every process, and after any test
_SECURITY_ADMIN = "194ae4cb-b126-40b2-bd5b-6091b380977d"
_USER_ADMIN = "fe930be7-5e62-47db-91af-98c3a49a38b1"
_EXCHANGE_ADMIN = "29232cdf-9323-42fd-ade2-1d097af3e4de"
_READERS = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"
_GLOBAL_READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"


def _id(kind: str, number: int | str) -> str:
    return str(uuid.uuid5(_SPACE, f"{kind}:{number}"))


def _opaque(kind: str, number: int | str) -> str:
    return opaque_id(int.from_bytes(hashlib.sha256(f"{kind}:{number}".encode()).digest(), "big"))


def plant_governance(planter: Planter) -> None:
    _plant_units(planter)
    _plant_roles(planter)
    _plant_strengths(planter)
    _plant_contexts(planter)
    _plant_methods(planter)
    _plant_settings(planter)
    _plant_grants(planter)


def _some(planter: Planter, number: int) -> str:
    """A user, spread over the tenant."""
    return planter.user_ids[number * 7 % len(planter.user_ids)]


# --- administrative units


def _plant_units(planter: Planter) -> None:
    people = planter.user_ids
    special: list[Obj] = [
        {"displayName": "Region “Süd” & <West>", "description": "By hand", "visibility": "Public"},
        {"displayName": "Protected accounts", "isMemberManagementRestricted": True},
        {
            "displayName": "Legal, by rule",
            "membershipType": "Dynamic",
            "membershipRule": '(user.department -eq "Legal") -and (user.accountEnabled -eq true)',
            "membershipRuleProcessingState": "On",
        },
        {"displayName": "Hidden membership", "visibility": "HiddenMembership"},
    ]
    for number in range(max(len(special), min(planter.plan.users // 500, 300))):
        values = special[number] if number < len(special) else {"displayName": f"Region {number // 2}"}
        unit = planter.put("administrativeUnits", {**values, "id": _id("unit", number)})
        if number == 1:
            members = [people[-2], people[-1]]
        elif values.get("membershipType") == "Dynamic":
            continue
        else:
            members = [people[(number * 31 + n) % len(people)] for n in range(min(25, len(people)))]
            members += planter.group_ids[3 + number : 5 + number]
        for member in dict.fromkeys(members):
            planter.store.link(restricted.MEMBERS, unit, member)
            restricted.mark(planter.service, member)


# --- roles


def _plant_roles(planter: Planter) -> None:
    for key in sorted(BUILT_IN_ROLES):
        planter.put("roleDefinitions", built_in_role(key))
    customs = ("Helpdesk – read <all>", "Application supporter")
    for number, name in enumerate(customs):
        planter.put(
            "roleDefinitions",
            {
                "id": _id("role definition", number),
                "templateId": _id("role definition", number),
                "displayName": name,
                "description": f"Custom role {number}",
                "isBuiltIn": False,
                "isEnabled": number == 0,
                "resourceScopes": ["/"],
                "rolePermissions": [
                    {
                        "allowedResourceActions": [
                            "microsoft.directory/applications/basic/update",
                            "microsoft.directory/applications/owners/read",
                        ],
                        "condition": None,
                    }
                ],
                "version": "1",
            },
        )
    for role in sorted(planter.store.tables["roleDefinitions"]):
        role_settings.add(planter.service, role, _id("role settings", role))
    _tighten(planter)
    for number, user in enumerate(planter.break_glass):
        _assign(planter, f"break-glass {number}", user, GLOBAL_ADMINISTRATOR)
    _assign(planter, "activation", _some(planter, 2), _SECURITY_ADMIN, kind="Activated", end=_FAR)
    _assign(planter, "time-bound", _some(planter, 3), _EXCHANGE_ADMIN, end=_FAR)
    _assign(planter, "custom", _some(planter, 4), _id("role definition", 0))
    _assign(planter, "to begin", _some(planter, 8), _EXCHANGE_ADMIN, start=_LATER)
    _assign(planter, "to begin and end", _some(planter, 9), _READERS, start=_LATER, end=_FAR)
    unit = f"/administrativeUnits/{_id('unit', 0)}"
    _assign(planter, "unit", _some(planter, 5), _USER_ADMIN, scope=unit)
    if len(planter.group_ids) > 1:
        _assign(planter, "group", planter.group_ids[1], _SECURITY_ADMIN)
    own = min(planter.store.tables["applications"])
    _assign(planter, "app", _principal_of(planter, own), _READERS)
    for number in range(min(planter.plan.users // 200, 500)):
        _assign(planter, f"reader {number}", _some(planter, 10 + number), _GLOBAL_READER)

    _eligible(planter, "for good", _some(planter, 6), _SECURITY_ADMIN)
    _eligible(planter, "time-bound", _some(planter, 7), _EXCHANGE_ADMIN, end=_FAR)
    _eligible(planter, "custom", _some(planter, 8), _id("role definition", 0))
    _eligible(planter, "unit", _some(planter, 9), _USER_ADMIN, scope=unit)
    if len(planter.group_ids) > 1:
        _eligible(planter, "group", planter.group_ids[1], _READERS)


def _tighten(planter: Planter) -> None:
    """Settings of some roles that are not as they started: approvers, contexts, periods, recipients."""
    store = planter.store
    approval = {"isApprovalRequired": True, "approvalMode": "SingleStage", "approvalStages": [{}]}
    approval["approvalStages"] = [
        {
            "approvalStageTimeOutInDays": 1,
            "isApproverJustificationRequired": True,
            "escalationTimeInMinutes": 0,
            "isEscalationEnabled": False,
            "primaryApprovers": [
                {"@odata.type": "#microsoft.graph.singleUser", "userId": _some(planter, 12), "description": "Duty"},
                {
                    "@odata.type": "#microsoft.graph.groupMembers",
                    "groupId": planter.group_ids[0],
                    "description": "Owners",
                },
            ],
            "escalationApprovers": [],
        }
    ]
    changes: Obj = {
        "Approval_EndUser_Assignment": {"setting": approval},
        "AuthenticationContext_EndUser_Assignment": {"isEnabled": True, "claimValue": "c1"},
        "Enablement_EndUser_Assignment": {"enabledRules": ["Justification", "Ticketing"]},
        "Expiration_EndUser_Assignment": {"maximumDuration": "PT2H"},
        "Notification_Admin_Admin_Eligibility": {
            "isDefaultRecipientsEnabled": False,
            "notificationRecipients": ["security@contoso-sim.example"],
        },
    }
    for role in (GLOBAL_ADMINISTRATOR, _id("role definition", 0)):
        (held,) = dependents.naming(planter.service, role, role_settings.ASSIGNED)
        policy = store.tables[role_settings.TABLE][held["policyId"]]
        rules = [{**rule, **changes.get(rule["id"], {})} for rule in policy["rules"]]
        store.put(role_settings.TABLE, policy["id"], {**policy, "rules": rules})


def _eligible(
    planter: Planter, name: str, principal: str, role: str, *, scope: str = "/", end: str | None = None
) -> None:
    values = {"principalId": principal, "roleDefinitionId": role, "directoryScopeId": scope}
    key = _id("eligibility", name)
    role_eligibility.add(planter.service, values, key, start=_LONG_AGO, end=end, request=_id("request", name))


def _assign(
    planter: Planter,
    name: str,
    principal: str,
    role: str,
    *,
    scope: str = "/",
    kind: str = "Assigned",
    end: str | None = None,
    start: float | None = None,
) -> None:
    values = {"principalId": principal, "roleDefinitionId": role, "directoryScopeId": scope}
    start = _LONG_AGO if start is None and end is not None else start
    schedule = None if start is None else _id("schedule", name)
    key = f"{_opaque('role assignment', name)}-1"
    add(planter.service, values, key, kind=kind, start=start, end=end, schedule=schedule, made=_PAST)


def _principal_of(planter: Planter, application: str) -> str:
    app_id = planter.store.tables["applications"][application]["appId"]
    key = planter.store.find("servicePrincipals", "appId", app_id)
    assert key is not None
    return key


# --- policies


def _plant_strengths(planter: Planter) -> None:
    from .seeds import seed_id

    for strength in STRENGTHS.values():
        planter.put(TABLE, {k: v for k, v in strength.items() if k != "combinationConfigurations"})
    customs = (
        ("Keys of ours only", ["fido2", "x509CertificateMultiFactor"]),
        ("Partners’ methods", ["password,sms", "password,softwareOath", "federatedMultiFactor"]),
    )
    for number, (name, combinations) in enumerate(customs):
        planter.put(
            TABLE,
            {
                "id": seed_id("strength", number),
                "createdDateTime": _PAST,
                "modifiedDateTime": _PAST,
                "displayName": name,
                "description": None if number else "With certain keys",
                "policyType": "custom",
                "requirementsSatisfied": "mfa",
                "allowedCombinations": combinations,
            },
        )
    keys = {
        "@odata.type": "#microsoft.graph.fido2CombinationConfiguration",
        "appliesToCombinations": ["fido2"],
        "allowedAAGUIDs": ["de1e552d-db1d-4423-a619-566b625cdc84", "90a3ccdf-635c-4729-a248-9b709135078f"],
    }
    certificates = {
        "@odata.type": "#microsoft.graph.x509CertificateCombinationConfiguration",
        "appliesToCombinations": ["x509CertificateMultiFactor"],
        "allowedIssuerSkis": ["9A4248C6AC8C2931AB2A86537818E92E7B6C97B6"],
        "allowedPolicyOIDs": [],
    }
    for number, values in enumerate((keys, certificates)):
        child = planter.put("combinationConfigurations", {**values, "id": _id("combination", number)})
        planter.store.link(CHILDREN, seed_id("strength", 0), child)


def _plant_contexts(planter: Planter) -> None:
    for number, (name, available) in enumerate((("Trusted device", True), ("Ünusual <place>", False)), start=1):
        planter.put(
            "authenticationContextClassReferences",
            {"id": f"c{number}", "displayName": name, "description": f"Context {number}", "isAvailable": available},
        )


def _plant_methods(planter: Planter) -> None:
    everybody = {"targetType": "group", "id": "all_users", "isRegistrationRequired": False}
    group = planter.group_ids[0]
    for key, method in METHODS.items():
        targets = [dict(everybody)]
        if key == "TemporaryAccessPass":
            targets = [{**everybody, "id": group}]
        obj = {**method.defaults, "id": key, "includeTargets": targets}
        if key == "Fido2":
            named = [one["id"] for one in PASSKEY_PROFILES["passkeyProfiles"]]
            obj |= {**PASSKEY_PROFILES, "includeTargets": [{**everybody, "allowedPasskeyProfiles": named}]}
        if key == "Sms":
            obj["includeTargets"] = [{**everybody, "isUsableForSignIn": True}]
            obj["excludeTargets"] = [{"targetType": "group", "id": group}]
        planter.put("authenticationMethodConfigurations", obj)
    planter.put(
        POLICY,
        {
            "id": POLICY,
            "displayName": "Authentication Methods Policy",
            "description": "The tenant-wide policy of who may use which method",
            "lastModifiedDateTime": _PAST,
            "policyVersion": "1.5",
            "policyMigrationState": "migrationInProgress",
            "registrationEnforcement": {
                "authenticationMethodsRegistrationCampaign": {
                    "snoozeDurationInDays": 1,
                    "state": "default",
                    "excludeTargets": [],
                    "includeTargets": [
                        {
                            "id": "all_users",
                            "targetType": "group",
                            "targetedAuthenticationMethod": "microsoftAuthenticator",
                        }
                    ],
                }
            },
        },
    )


def _plant_settings(planter: Planter) -> None:
    chosen = {
        UNIFIED: {
            "EnableGroupCreation": "false",
            "GroupCreationAllowedGroupId": planter.group_ids[0],
            "PrefixSuffixNamingRequirement": "GRP-[GroupName]",
            "CustomBlockedWordsList": "CEO,<b>HR</b>",
        },
        PASSWORD_RULES: {"LockoutThreshold": "7", "BannedPasswordList": "contoso\tutrecht"},
    }
    for key, changed in chosen.items():
        template = TEMPLATES[key]
        values = [
            {"name": v["name"], "value": changed.get(v["name"], v["defaultValue"])} for v in template["values"]
        ]
        planter.put(
            "groupSettings",
            {
                "id": _id("setting", key),
                "displayName": template["displayName"],
                "templateId": key,
                "values": values,
            },
        )


# --- delegated grants


def _plant_grants(planter: Planter) -> None:
    own = sorted(_principal_of(planter, app) for app in sorted(planter.store.tables["applications"]))
    by_app = {sp["appId"]: key for key, sp in planter.store.tables["servicePrincipals"].items()}
    graph = by_app["00000003-0000-0000-c000-000000000000"]
    scopes = ("User.Read openid profile", " User.Read.All  Group.Read.All", "Mail.Read offline_access", "")
    for number, client in enumerate(own):
        if number % 2 == 0:
            _grant(planter, client, graph, None, scopes[number // 2 % len(scopes)])
    for number in range(max(5, planter.plan.users * 3 // 10 - (len(own) + 1) // 2)):
        user = _some(planter, number)
        _grant(planter, own[number % len(own)], graph, user, scopes[number % 3])
    if len(own) > 2:
        _grant(planter, own[0], own[1], None, "access_as_user")


def _grant(planter: Planter, client: str, resource: str, user: str | None, scope: str) -> None:
    values: Obj = {
        "id": _opaque("grant", f"{client}/{resource}/{user}"),
        "clientId": client,
        "consentType": "AllPrincipals" if user is None else "Principal",
        "resourceId": resource,
        "scope": scope,
    }
    if user is not None:
        values["principalId"] = user
    dependents.attach(planter.service, "oauth2PermissionGrants", values)

"""Restrictions of what applications may hold: the default, and policies for some of them."""

from __future__ import annotations

from .form import LinkRule, TypeRule
from .plain import Named, Plain
from .registry import any_of

_GUIDE = "https://learn.microsoft.com/graph/api/"
_READ = any_of("Policy.Read.All", "Policy.ReadWrite.ApplicationConfiguration")
_WRITE = any_of("Policy.ReadWrite.ApplicationConfiguration")
_EXEMPT = {
    "customSecurityAttributes": [
        {
            "@odata.type": "#microsoft.graph.customSecurityAttributeStringValueExemption",
            "id": "Engineering_Badge",
            "operator": "equals",
            "value": "Robot",
        }
    ]
}
_PASSWORDS = [
    {
        "restrictionType": "passwordAddition",
        "state": "enabled",
        "maxLifetime": None,
        "restrictForAppsCreatedAfterDateTime": "2026-01-02T03:04:05Z",
        "excludeActors": _EXEMPT,
    },
    {
        "restrictionType": "passwordLifetime",
        "state": "disabled",
        "maxLifetime": "P90D",
        "restrictForAppsCreatedAfterDateTime": "2026-01-02T03:04:05Z",
        "excludeActors": None,
    },
]
_KEYS = [
    {
        "restrictionType": "asymmetricKeyLifetime",
        "state": "enabled",
        "maxLifetime": "P365D",
        "restrictForAppsCreatedAfterDateTime": "2026-01-02T03:04:05Z",
    }
]
_URIS = {
    "nonDefaultUriAddition": {
        "state": "enabled",
        "restrictForAppsCreatedAfterDateTime": "2026-01-02T03:04:05Z",
        "excludeAppsReceivingV2Tokens": True,
        "excludeSaml": True,
        "isStateSetByMicrosoft": False,
        "excludeActors": _EXEMPT,
    }
}


def _exempt(*places: str) -> tuple[Named, ...]:
    return tuple(
        Named(f"{place}.excludeActors.customSecurityAttributes[].id", ("customSecurityAttributeDefinitions",))
        for place in places
    )


DEFAULT = Plain(
    rule=TypeRule(
        table="defaultAppManagementPolicy",
        path="/policies/defaultAppManagementPolicy",
        odata_type="#microsoft.graph.tenantAppManagementPolicy",
        model="tenant_app_management_policy.TenantAppManagementPolicy",
        source=_GUIDE + "tenantappmanagementpolicy-update",
        read_only=frozenset(("id", "deletedDateTime")),
        merges_nested=False,
        audit_name="policy",
        audit_category="Policy",
    ),
    read=_READ,
    change=_WRITE,
    singleton=True,
    names=_exempt(
        "applicationRestrictions.passwordCredentials[]",
        "applicationRestrictions.identifierUris.nonDefaultUriAddition",
        "servicePrincipalRestrictions.passwordCredentials[]",
    ),
    starts=(
        {
            "displayName": "Default app management tenant policy",
            "description": "Restrictions on credentials of applications",
            "isEnabled": True,
            "applicationRestrictions": {
                "passwordCredentials": _PASSWORDS,
                "keyCredentials": _KEYS,
                "identifierUris": _URIS,
            },
            "servicePrincipalRestrictions": {"passwordCredentials": _PASSWORDS[1:], "keyCredentials": []},
        },
    ),
)

POLICIES = Plain(
    rule=TypeRule(
        table="appManagementPolicies",
        path="/policies/appManagementPolicies",
        odata_type="#microsoft.graph.appManagementPolicy",
        model="app_management_policy.AppManagementPolicy",
        source=_GUIDE + "appmanagementpolicy-post",
        required=("displayName",),
        read_only=frozenset(("id", "deletedDateTime")),
        merges_nested=False,
        links=(LinkRule("appliesTo", ("applications", "servicePrincipals")),),
        audit_name="policy",
        audit_category="Policy",
    ),
    read=_READ,
    change=_WRITE,
    create=_WRITE,
    assigned="appManagementPolicies",
    assign=any_of("Application.Read.All+Policy.ReadWrite.ApplicationConfiguration"),
    alone=True,
    names=_exempt(
        "restrictions.passwordCredentials[]",
        "restrictions.applicationRestrictions.identifierUris.nonDefaultUriAddition",
    ),
    defaults={"isEnabled": False},
    starts=(
        {
            "displayName": "Short-lived secrets",
            "description": "For what is reached from outside",
            "isEnabled": True,
            "restrictions": {
                "passwordCredentials": _PASSWORDS,
                "keyCredentials": _KEYS,
                "applicationRestrictions": {"identifierUris": _URIS},
            },
            "_links": {"appliesTo": ["@applications/3", "@servicePrincipals/6"]},
        },
        {"displayName": "Keys alone", "isEnabled": False, "restrictions": {"keyCredentials": _KEYS}},
    ),
)

APP_MANAGEMENT: tuple[Plain, ...] = (DEFAULT, POLICIES)

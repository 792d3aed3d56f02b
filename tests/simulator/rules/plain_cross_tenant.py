"""Cross-tenant access and the multitenant organization."""

from __future__ import annotations

from typing import Any

from .form import TypeRule
from .plain import Named, Plain
from .registry import any_of

_GUIDE = "https://learn.microsoft.com/graph/api/"
_READ = any_of("Policy.Read.All", "Policy.ReadWrite.CrossTenantAccess")
_WRITE = any_of("Policy.ReadWrite.CrossTenantAccess")
_READ_ORGANIZATION = any_of("MultiTenantOrganization.Read.All", "MultiTenantOrganization.ReadWrite.All")
_WRITE_ORGANIZATION = any_of("MultiTenantOrganization.ReadWrite.All")
FABRIKAM = "9c5d131d-0d3e-4b0e-8d41-7a1d3b6f0a01"
LITWARE = "3d0f5dec-6d4a-4c33-9a77-1f3c2a9b0b02"

_OWN_APPS = tuple(
    Named(
        f"{name}.applications.targets[].target",
        ("applications", "servicePrincipals"),
        key="appId",
        literals=("AllApplications", "Office365"),
    )
    for name in ("appServiceConnectInbound", "b2bCollaborationInbound", "b2bDirectConnectInbound")
)
_OWN_PEOPLE = tuple(
    Named(f"{name}.usersAndGroups.targets[].target", ("users", "groups"), literals=("AllUsers",))
    for name in ("b2bCollaborationOutbound", "b2bDirectConnectOutbound", "m365CollaborationOutbound")
)


def _scope(kind: str, *targets: str, access: str = "allowed") -> dict[str, Any]:
    return {"accessType": access, "targets": [{"target": one, "targetType": kind} for one in targets]}


_ALL_PEOPLE, _ALL_APPS = _scope("user", "AllUsers"), _scope("application", "AllApplications")
_NO_PEOPLE = _scope("user", "AllUsers", access="blocked")
_NO_APPS = _scope("application", "AllApplications", access="blocked")
_B2B = {
    "b2bCollaborationInbound": {
        "usersAndGroups": _ALL_PEOPLE,
        "applications": _scope("application", "@applications/0.appId"),
    },
    "b2bCollaborationOutbound": {
        "usersAndGroups": _scope("group", "@groups/1", "@groups/3"),
        "applications": _ALL_APPS,
    },
    "b2bDirectConnectInbound": {"usersAndGroups": _NO_PEOPLE, "applications": _NO_APPS},
    "b2bDirectConnectOutbound": {"usersAndGroups": _scope("user", "@users/4"), "applications": _ALL_APPS},
    "automaticUserConsentSettings": {"inboundAllowed": False, "outboundAllowed": True},
    "inboundTrust": {
        "isMfaAccepted": True,
        "isCompliantDeviceAccepted": False,
        "isHybridAzureADJoinedDeviceAccepted": False,
    },
}
_SETTINGS = {
    **_B2B,
    "appServiceConnectInbound": {"applications": _NO_APPS},
    "m365CollaborationInbound": {"users": _NO_PEOPLE},
    "m365CollaborationOutbound": {"usersAndGroups": _scope("group", "@groups/1")},
    "tenantRestrictions": {
        "devices": None,
        "usersAndGroups": _scope("user", "AllUsers", access="blocked"),
        "applications": _scope("application", "AllApplications", access="blocked"),
    },
}

POLICY = Plain(
    rule=TypeRule(
        table="crossTenantAccessPolicy",
        path="/policies/crossTenantAccessPolicy",
        odata_type="#microsoft.graph.crossTenantAccessPolicy",
        model="cross_tenant_access_policy.CrossTenantAccessPolicy",
        source=_GUIDE + "crosstenantaccesspolicy-update",
        read_only=frozenset(("deletedDateTime", "description")),
        secret=frozenset(("id",)),  # the page shows none
        audit_name="cross-tenant access policy",
        audit_category="CrossTenantAccessSettings",
    ),
    read=_READ,
    change=_WRITE,
    singleton=True,
    starts=({"displayName": "CrossTenantAccessPolicy", "allowedCloudEndpoints": ["microsoftonline.us"]},),
)

DEFAULT = Plain(
    rule=TypeRule(
        table="crossTenantAccessDefault",
        path="/policies/crossTenantAccessPolicy/default",
        odata_type="#microsoft.graph.crossTenantAccessPolicyConfigurationDefault",
        model="cross_tenant_access_policy_configuration_default.CrossTenantAccessPolicyConfigurationDefault",
        source=_GUIDE + "crosstenantaccesspolicyconfigurationdefault-update",
        read_only=frozenset(("isServiceDefault",)),
        secret=frozenset(("id",)),  # the page shows none
        merges_nested=False,
        audit_name="cross-tenant access default",
        audit_category="CrossTenantAccessSettings",
    ),
    read=_READ,
    change=_WRITE,
    singleton=True,
    names=(*_OWN_APPS, *_OWN_PEOPLE),
    starts=(
        {
            **_SETTINGS,
            "isServiceDefault": False,
            "invitationRedemptionIdentityProviderConfiguration": {
                "primaryIdentityProviderPrecedenceOrder": ["externalFederation", "azureActiveDirectory"],
                "fallbackIdentityProvider": "emailOneTimePasscode",
            },
        },
    ),
)

PARTNERS = Plain(
    rule=TypeRule(
        table="crossTenantAccessPartners",
        path="/policies/crossTenantAccessPolicy/partners",
        odata_type="#microsoft.graph.crossTenantAccessPolicyConfigurationPartner",
        model="cross_tenant_access_policy_configuration_partner.CrossTenantAccessPolicyConfigurationPartner",
        source=_GUIDE + "crosstenantaccesspolicy-post-partners",
        required=("tenantId",),
        read_only=frozenset(("isInMultiTenantOrganization", "isServiceProvider")),
        write_once=frozenset(("tenantId",)),
        merges_nested=False,
        audit_name="partner of cross-tenant access",
        audit_category="CrossTenantAccessSettings",
    ),
    read=_READ,
    change=_WRITE,
    create=_WRITE,
    keyed="tenantId",
    names=(*_OWN_APPS, *_OWN_PEOPLE),
    defaults={"isInMultiTenantOrganization": False},
    starts=(
        {"tenantId": FABRIKAM, **_SETTINGS},
        # Nulls follow the default.
        {"tenantId": LITWARE, "inboundTrust": _B2B["inboundTrust"]},
    ),
)

SYNCHRONIZATION = Plain(
    rule=TypeRule(
        table="crossTenantIdentitySynchronization",
        path="/policies/crossTenantAccessPolicy/partners/{id}/identitySynchronization",
        odata_type="#microsoft.graph.crossTenantIdentitySyncPolicyPartner",
        model="cross_tenant_identity_sync_policy_partner.CrossTenantIdentitySyncPolicyPartner",
        source=_GUIDE + "crosstenantaccesspolicyconfigurationpartner-put-identitysynchronization",
        read_only=frozenset(("tenantId",)),
        audit_name="identity synchronization of a partner",
        audit_category="CrossTenantIdentitySyncSettings",
    ),
    read=_READ,
    change=_WRITE,
    create=_WRITE,
    singleton=True,
    absent=True,
    makes="PUT",
    keyed="tenantId",
    parent="crossTenantAccessPartners",
    starts=(
        {
            "_parent": FABRIKAM,
            "tenantId": FABRIKAM,
            "displayName": "Fabrikam",
            "userSyncInbound": {"isSyncAllowed": True},
        },
    ),
)

PARTNER_TEMPLATE = Plain(
    rule=TypeRule(
        table="multiTenantOrganizationPartnerConfiguration",
        path="/policies/crossTenantAccessPolicy/templates/multiTenantOrganizationPartnerConfiguration",
        odata_type="#microsoft.graph.multiTenantOrganizationPartnerConfigurationTemplate",
        model=(
            "multi_tenant_organization_partner_configuration_template"
            ".MultiTenantOrganizationPartnerConfigurationTemplate"
        ),
        source=_GUIDE + "multitenantorganizationpartnerconfigurationtemplate-update",
        secret=frozenset(("id",)),  # the page shows none
        merges_nested=False,
        audit_name="template for partners of a multitenant organization",
        audit_category="CrossTenantAccessSettings",
    ),
    read=_READ,
    change=_WRITE,
    singleton=True,
    names=(*_OWN_APPS[1:], *_OWN_PEOPLE[:2]),
    starts=({**_B2B, "templateApplicationLevel": "newPartners"},),
)

SYNCHRONIZATION_TEMPLATE = Plain(
    rule=TypeRule(
        table="multiTenantOrganizationIdentitySynchronization",
        path="/policies/crossTenantAccessPolicy/templates/multiTenantOrganizationIdentitySynchronization",
        odata_type="#microsoft.graph.multiTenantOrganizationIdentitySyncPolicyTemplate",
        model=(
            "multi_tenant_organization_identity_sync_policy_template"
            ".MultiTenantOrganizationIdentitySyncPolicyTemplate"
        ),
        source=_GUIDE + "multitenantorganizationidentitysyncpolicytemplate-update",
        secret=frozenset(("id",)),  # the page shows none
        audit_name="template for synchronization of a multitenant organization",
        audit_category="CrossTenantIdentitySyncSettings",
    ),
    read=_READ,
    change=_WRITE,
    singleton=True,
    starts=({"userSyncInbound": {"isSyncAllowed": True}, "templateApplicationLevel": "none"},),
)

ORGANIZATION = Plain(
    rule=TypeRule(
        table="multiTenantOrganization",
        path="/tenantRelationships/multiTenantOrganization",
        odata_type="#microsoft.graph.multiTenantOrganization",
        model="multi_tenant_organization.MultiTenantOrganization",
        source=_GUIDE + "multitenantorganization-update",
        read_only=frozenset(("createdDateTime", "state")),
        audit_name="multitenant organization",
        audit_category="DirectoryManagement",
    ),
    read=_READ_ORGANIZATION,
    change=_WRITE_ORGANIZATION,
    singleton=True,
    starts=(
        {
            "createdDateTime": "2025-03-04T05:06:07Z",
            "displayName": "Contoso and friends",
            "description": "All tenants of the Contoso group",
            "state": "active",
        },
    ),
)

TENANTS = Plain(
    rule=TypeRule(
        table="multiTenantOrganizationTenants",
        path="/tenantRelationships/multiTenantOrganization/tenants",
        odata_type="#microsoft.graph.multiTenantOrganizationMember",
        model="multi_tenant_organization_member.MultiTenantOrganizationMember",
        source=_GUIDE + "multitenantorganization-post-tenants",
        required=("tenantId",),
        read_only=frozenset(
            (
                "id",
                "addedByTenantId",
                "addedDateTime",
                "joinedDateTime",
                "state",
                "transitionDetails",
                "deletedDateTime",
            )
        ),
        write_once=frozenset(("tenantId", "displayName")),
        audit_name="tenant of the multitenant organization",
        audit_category="DirectoryManagement",
    ),
    read=_READ_ORGANIZATION,
    change=_WRITE_ORGANIZATION,
    create=_WRITE_ORGANIZATION,
    keyed="tenantId",
    defaults={"role": "member", "state": "pending"},
    made=("addedDateTime",),
    starts=(
        {
            "tenantId": FABRIKAM,
            "displayName": "Fabrikam",
            "role": "owner",
            "addedDateTime": "2025-03-04T05:06:07Z",
        },
    ),
)

CROSS_TENANT: tuple[Plain, ...] = (
    POLICY,
    DEFAULT,
    PARTNERS,
    SYNCHRONIZATION,
    PARTNER_TEMPLATE,
    SYNCHRONIZATION_TEMPLATE,
    ORGANIZATION,
    TENANTS,
)

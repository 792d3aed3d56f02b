"""What other tenants may do here and ours there: cross-tenant access, and the organization of several tenants."""

from __future__ import annotations

from shared.catalog.bearing import Bearing
from shared.catalog.containment import Containment
from shared.catalog.spec import (
    AnchorSpec,
    Create,
    LinkWrite,
    MatchKey,
    ObjectType,
    Quirk,
    Relationship,
    Strength,
    ValueReference,
    WaveNumber,
)
from shared.domain.plan import AnchorKind

_READ = (("Policy.Read.All",),)
_WRITE = (("Policy.ReadWrite.CrossTenantAccess",),)
_POLICY = "/policies/crossTenantAccessPolicy"
_ALWAYS_THERE = "every tenant has one, which can't be deleted"
_USERS = ("users", "groups")
_APPS = ("applications", "servicePrincipals")

_SETTINGS = (
    "appServiceConnectInbound",
    "automaticUserConsentSettings",
    "b2bCollaborationInbound",
    "b2bCollaborationOutbound",
    "b2bDirectConnectInbound",
    "b2bDirectConnectOutbound",
    "inboundTrust",
    "m365CollaborationInbound",
    "m365CollaborationOutbound",
    "tenantRestrictions",
)
# What comes in is limited to applications here, and what goes out to people here; the rest is another tenant's.
# They may be allowed or blocked, as stands beside them: a lost one counts as if it had been blocked.
_LOCAL = (
    *(
        ValueReference(
            f"{name}.applications.targets[].target",
            _APPS,
            key="appId",
            literals=("AllApplications", "Office365"),
            exclude=True,
        )
        for name in ("appServiceConnectInbound", "b2bCollaborationInbound", "b2bDirectConnectInbound")
    ),
    *(
        ValueReference(f"{name}.usersAndGroups.targets[].target", _USERS, literals=("AllUsers",), exclude=True)
        for name in ("b2bCollaborationOutbound", "b2bDirectConnectOutbound", "m365CollaborationOutbound")
    ),
)
_TARGETS = tuple(
    f"{name}.{side}.targets"
    for name in _SETTINGS
    if name not in ("automaticUserConsentSettings", "inboundTrust")
    for side in ("applications", "users", "usersAndGroups")
)
_WHOLE_SETTINGS = Quirk(
    "A setting is replaced whole by a PATCH.",
    "Microsoft Graph: Update crossTenantAccessPolicyConfigurationDefault",
    unverified=True,
)

CROSS_TENANT_ACCESS_POLICY = ObjectType(
    name="crossTenantAccessPolicy",
    title="Cross-tenant access policy",
    path=_POLICY,
    odata_type="#microsoft.graph.crossTenantAccessPolicy",
    singleton=True,
    identity="",
    wave=WaveNumber.POLICIES,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    writable=("allowedCloudEndpoints", "displayName"),
    sets=("allowedCloudEndpoints",),
    not_created=_ALWAYS_THERE,
    quirks=(
        Quirk(
            "The clouds of other tenants that this one works with.",
            "Microsoft Graph: crossTenantAccessPolicy resource type",
        ),
    ),
)

CROSS_TENANT_ACCESS_DEFAULT = ObjectType(
    name="crossTenantAccessDefault",
    title="Cross-tenant access: default for all other tenants",
    path=f"{_POLICY}/default",
    odata_type="#microsoft.graph.crossTenantAccessPolicyConfigurationDefault",
    singleton=True,
    identity="",
    wave=WaveNumber.POLICIES,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    writable=(*_SETTINGS, "invitationRedemptionIdentityProviderConfiguration"),
    whole=(*_SETTINGS, "invitationRedemptionIdentityProviderConfiguration"),
    sets=_TARGETS,
    references=_LOCAL,
    not_created=_ALWAYS_THERE,
    bearing=Bearing("cross_tenant_access_default"),
    quirks=(
        Quirk(
            "isServiceDefault tells whether it was ever changed; only an action makes it true again.",
            "Microsoft Graph: crossTenantAccessPolicyConfigurationDefault: resetToSystemDefault",
        ),
        _WHOLE_SETTINGS,
    ),
)

CROSS_TENANT_ACCESS_PARTNERS = ObjectType(
    name="crossTenantAccessPartners",
    title="Cross-tenant access: one other tenant each",
    path=f"{_POLICY}/partners",
    odata_type="#microsoft.graph.crossTenantAccessPolicyConfigurationPartner",
    identity="tenantId",
    name_property="tenantId",
    wave=WaveNumber.POLICIES,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    relationships=(
        Relationship(
            name="identitySynchronization",
            target_types=("crossTenantIdentitySynchronization",),
            write=LinkWrite.NONE,
            many=False,
            contains="crossTenantIdentitySynchronization",
            needs_to_read=_READ,
        ),
    ),
    anchor=AnchorSpec(AnchorKind.KEY, "tenantId", f"{_POLICY}/partners"),
    create=Create(f"{_POLICY}/partners"),
    writable=_SETTINGS,
    create_only=("tenantId",),
    whole=_SETTINGS,
    sets=_TARGETS,
    references=_LOCAL,
    contain=Containment(added=True),
    bearing=Bearing("cross_tenant_access_partners", at_once=True),
    quirks=(
        Quirk(
            "It has no id: the other tenant's id is its key, so one made anew is found under the same.",
            "Microsoft Graph: crossTenantAccessPolicyConfigurationPartner resource type",
        ),
        Quirk(
            "A setting that is null follows the default.",
            "Microsoft Graph: crossTenantAccessPolicyConfigurationPartner resource type",
            unverified=True,
        ),
        _WHOLE_SETTINGS,
    ),
)

CROSS_TENANT_IDENTITY_SYNCHRONIZATION = ObjectType(
    name="crossTenantIdentitySynchronization",
    title="Cross-tenant access: users that another tenant may synchronize to here",
    path=f"{_POLICY}/partners/{{parent}}/identitySynchronization",
    odata_type="#microsoft.graph.crossTenantIdentitySyncPolicyPartner",
    singleton=True,
    identity="tenantId",
    wave=WaveNumber.POLICIES,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    parent="crossTenantAccessPartners",
    parent_relationship="identitySynchronization",
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=AnchorSpec(AnchorKind.KEY, "tenantId", f"{_POLICY}/partners/{{parent}}/identitySynchronization"),
    create=Create(f"{_POLICY}/partners/{{parent}}/identitySynchronization", method="PUT"),
    writable=("displayName", "userSyncInbound"),
    whole=("userSyncInbound",),
    quirks=(
        Quirk(
            "A partner has one at most: a PUT makes it, a PATCH changes it.",
            "Microsoft Graph: Create and Update crossTenantIdentitySyncPolicyPartner",
        ),
    ),
)

PARTNER_TEMPLATE = ObjectType(
    name="multiTenantOrganizationPartnerConfiguration",
    title="Cross-tenant access: template for tenants of the multitenant organization",
    path=f"{_POLICY}/templates/multiTenantOrganizationPartnerConfiguration",
    odata_type="#microsoft.graph.multiTenantOrganizationPartnerConfigurationTemplate",
    singleton=True,
    absent=True,
    identity="",
    wave=WaveNumber.POLICIES,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    writable=(
        "automaticUserConsentSettings",
        "b2bCollaborationInbound",
        "b2bCollaborationOutbound",
        "b2bDirectConnectInbound",
        "b2bDirectConnectOutbound",
        "inboundTrust",
        "templateApplicationLevel",
    ),
    whole=(
        "automaticUserConsentSettings",
        "b2bCollaborationInbound",
        "b2bCollaborationOutbound",
        "b2bDirectConnectInbound",
        "b2bDirectConnectOutbound",
        "inboundTrust",
    ),
    sets=tuple(path for path in _TARGETS if path.startswith("b2b")),
    references=tuple(one for one in _LOCAL if one.path.startswith("b2b")),
    not_created=_ALWAYS_THERE,
    quirks=(
        Quirk(
            "Applied to partners that join the multitenant organization, as templateApplicationLevel says.",
            "Microsoft Graph: multiTenantOrganizationPartnerConfigurationTemplate resource type",
        ),
        _WHOLE_SETTINGS,
    ),
)

SYNCHRONIZATION_TEMPLATE = ObjectType(
    name="multiTenantOrganizationIdentitySynchronization",
    title="Cross-tenant access: template for synchronization within the multitenant organization",
    path=f"{_POLICY}/templates/multiTenantOrganizationIdentitySynchronization",
    odata_type="#microsoft.graph.multiTenantOrganizationIdentitySyncPolicyTemplate",
    singleton=True,
    absent=True,
    identity="",
    wave=WaveNumber.POLICIES,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    writable=("templateApplicationLevel", "userSyncInbound"),
    whole=("userSyncInbound",),
    not_created=_ALWAYS_THERE,
    quirks=(
        Quirk(
            "Applied to partners that join the multitenant organization, as templateApplicationLevel says.",
            "Microsoft Graph: multiTenantOrganizationIdentitySyncPolicyTemplate resource type",
        ),
    ),
)

MULTI_TENANT_ORGANIZATION = ObjectType(
    name="multiTenantOrganization",
    title="Multitenant organization",
    path="/tenantRelationships/multiTenantOrganization",
    odata_type="#microsoft.graph.multiTenantOrganization",
    singleton=True,
    absent=True,
    wave=WaveNumber.REST,
    needs_to_read=(("MultiTenantOrganization.Read.All",),),
    needs_to_write=(("MultiTenantOrganization.ReadWrite.All",),),
    writable=("description", "displayName"),
    not_created="it is founded or joined by a decision that other tenants have to agree to",
    quirks=(
        Quirk(
            "A tenant is part of one at most; only its owners may change it.",
            "Microsoft Graph: multiTenantOrganization resource type",
        ),
    ),
)

MULTI_TENANT_ORGANIZATION_TENANTS = ObjectType(
    name="multiTenantOrganizationTenants",
    title="Tenants of the multitenant organization",
    path="/tenantRelationships/multiTenantOrganization/tenants",
    odata_type="#microsoft.graph.multiTenantOrganizationMember",
    absent=True,
    identity="tenantId",
    wave=WaveNumber.REST,
    needs_to_read=(("MultiTenantOrganization.Read.All",),),
    needs_to_write=(("MultiTenantOrganization.ReadWrite.All",),),
    anchor=AnchorSpec(AnchorKind.KEY, "tenantId", "/tenantRelationships/multiTenantOrganization/tenants"),
    create=Create("/tenantRelationships/multiTenantOrganization/tenants"),
    writable=("role",),
    create_only=("displayName", "tenantId"),
    volatile=("transitionDetails",),
    quirks=(
        Quirk(
            "A tenant that is added again is pending until it joins by itself.",
            "Microsoft Graph: Add multiTenantOrganizationMember",
        ),
    ),
)

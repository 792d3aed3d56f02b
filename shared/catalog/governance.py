"""Identity governance: settings of entitlement management and lifecycle workflows, organizations, catalogs."""

from __future__ import annotations

from shared.catalog.plans import PREMIUM_P2
from shared.catalog.spec import (
    AnchorSpec,
    Condition,
    Create,
    DomainName,
    Licence,
    LinkWrite,
    MatchKey,
    ObjectType,
    Quirk,
    Relationship,
    Strength,
    WaveNumber,
)
from shared.domain.plan import AnchorKind

_ALWAYS_THERE = "every tenant has one, which can't be deleted"
_ENTITLEMENT = "/identityGovernance/entitlementManagement"
_LICENCE = Licence(
    "Entra ID P2 or ID Governance", "Microsoft Entra ID Governance licensing fundamentals", PREMIUM_P2
)
_READ = (("EntitlementManagement.Read.All",),)
_WRITE = (("EntitlementManagement.ReadWrite.All",),)

ENTITLEMENT_MANAGEMENT_SETTINGS = ObjectType(
    name="entitlementManagementSettings",
    title="Settings of entitlement management",
    path=f"{_ENTITLEMENT}/settings",
    odata_type="#microsoft.graph.entitlementManagementSettings",
    singleton=True,
    identity="",
    name_property="id",
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    writable=("durationUntilExternalUserDeletedAfterBlocked", "externalUserLifecycleAction"),
    not_created=_ALWAYS_THERE,
    licence=_LICENCE,
    quirks=(
        Quirk(
            "What becomes of a guest who has lost the last assignment, and after how long.",
            "Microsoft Graph: entitlementManagementSettings resource type",
        ),
    ),
)

LIFECYCLE_MANAGEMENT_SETTINGS = ObjectType(
    name="lifecycleManagementSettings",
    title="Settings of lifecycle workflows",
    path="/identityGovernance/lifecycleWorkflows/settings",
    odata_type="#microsoft.graph.identityGovernance.lifecycleManagementSettings",
    singleton=True,
    identity="",
    name_property="id",
    wave=WaveNumber.REST,
    needs_to_read=(("LifecycleWorkflows.Read.All",),),
    needs_to_write=(("LifecycleWorkflows.ReadWrite.All",),),
    writable=("emailSettings", "quarantineConfiguration", "workflowScheduleIntervalInHours"),
    whole=("emailSettings", "quarantineConfiguration"),
    kinds=("quarantineConfiguration.conditions",),
    domain_names=(DomainName("emailSettings.senderDomain", verified=True),),
    not_created=_ALWAYS_THERE,
    licence=Licence("Entra ID Governance", "Microsoft Entra ID Governance licensing fundamentals"),
    quirks=(
        Quirk(
            "A condition that halts a workflow says by its @odata.type alone whether it counts people or a share.",
            "Microsoft Graph: quarantineCondition resource type",
        ),
    ),
)

CONNECTED_ORGANIZATIONS = ObjectType(
    name="connectedOrganizations",
    title="Connected organizations",
    path=f"{_ENTITLEMENT}/connectedOrganizations",
    odata_type="#microsoft.graph.connectedOrganization",
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    relationships=tuple(
        Relationship(
            name=name,
            target_types=("users", "groups"),
            write=LinkWrite.REF,
            expands=False,
            needs_to_read=_READ,
            needs_to_write=_WRITE,
        )
        for name in ("internalSponsors", "externalSponsors")
    ),
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=AnchorSpec(
        AnchorKind.MARKER,
        "displayName",
        f"{_ENTITLEMENT}/connectedOrganizations?$filter=displayName eq '{{value}}'&$select=id,displayName",
    ),
    create=Create(f"{_ENTITLEMENT}/connectedOrganizations"),
    writable=("description", "displayName", "state"),
    create_only=("identitySources",),
    volatile=("modifiedDateTime",),
    kinds=("identitySources",),
    licence=_LICENCE,
    quirks=(
        Quirk(
            "A domain that is another tenant's by the time of the creation comes to be that tenant.",
            "Microsoft Graph: domainIdentitySource resource type",
        ),
    ),
)

ACCESS_PACKAGE_CATALOGS = ObjectType(
    name="accessPackageCatalogs",
    title="Catalogs of access packages",
    path=f"{_ENTITLEMENT}/catalogs",
    odata_type="#microsoft.graph.accessPackageCatalog",
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    relationships=(
        Relationship(
            name="resources",
            target_types=("accessPackageResources",),
            write=LinkWrite.NONE,
            contains="accessPackageResources",
            expands=False,
            needs_to_read=_READ,
        ),
        Relationship(
            name="customWorkflowExtensions",
            target_types=("accessPackageCustomWorkflowExtensions",),
            write=LinkWrite.NONE,
            contains="accessPackageCustomWorkflowExtensions",
            expands=False,
            needs_to_read=_READ,
        ),
    ),
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=AnchorSpec(
        AnchorKind.MARKER,
        "displayName",
        f"{_ENTITLEMENT}/catalogs?$filter=displayName eq '{{value}}'&$select=id,displayName",
    ),
    create=Create(
        f"{_ENTITLEMENT}/catalogs",
        refused_when=(Condition("catalogType", ("serviceDefault", "serviceManaged")),),
        refused_why="the service makes the catalogs of its own",
    ),
    writable=("description", "displayName", "isExternallyVisible", "state"),
    volatile=("modifiedDateTime",),
    licence=_LICENCE,
)

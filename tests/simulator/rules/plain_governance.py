"""Identity governance, as far as it is plain: settings, connected organizations, catalogs."""

from __future__ import annotations

from .form import LinkRule, TypeRule
from .plain import Plain
from .registry import any_of

_GUIDE = "https://learn.microsoft.com/graph/api/"
_ENTITLEMENT = "/identityGovernance/entitlementManagement"
_READ = any_of("EntitlementManagement.Read.All", "EntitlementManagement.ReadWrite.All")
_WRITE = any_of("EntitlementManagement.ReadWrite.All")

ENTITLEMENT_SETTINGS = Plain(
    rule=TypeRule(
        table="entitlementManagementSettings",
        path=f"{_ENTITLEMENT}/settings",
        odata_type="#microsoft.graph.entitlementManagementSettings",
        model="entitlement_management_settings.EntitlementManagementSettings",
        source=_GUIDE + "entitlementmanagementsettings-update",
        read_only=frozenset(("id",)),
        audit_name="entitlement management settings",
        audit_category="EntitlementManagement",
    ),
    read=_READ,
    change=_WRITE,
    singleton=True,
    licence="P2",
    starts=(
        {
            "externalUserLifecycleAction": "blockSignInAndDelete",
            "durationUntilExternalUserDeletedAfterBlocked": "P30D",
        },
    ),
)

LIFECYCLE_SETTINGS = Plain(
    rule=TypeRule(
        table="lifecycleManagementSettings",
        path="/identityGovernance/lifecycleWorkflows/settings",
        odata_type="#microsoft.graph.identityGovernance.lifecycleManagementSettings",
        model="identity_governance.lifecycle_management_settings.LifecycleManagementSettings",
        source=_GUIDE + "identitygovernance-lifecyclemanagementsettings-update",
        read_only=frozenset(("id",)),
        audit_name="lifecycle management settings",
        audit_category="LifecycleWorkflows",
    ),
    read=any_of("LifecycleWorkflows.Read.All", "LifecycleWorkflows.ReadWrite.All"),
    change=any_of("LifecycleWorkflows.ReadWrite.All"),
    singleton=True,
    licence="P2",
    starts=(
        {
            "workflowScheduleIntervalInHours": 3,
            "emailSettings": {"senderDomain": "contoso-sim.example", "useCompanyBranding": True},
            "quarantineConfiguration": {
                "matchMode": "any",
                "conditions": [
                    {
                        "@odata.type": "#microsoft.graph.identityGovernance.countBasedQuarantineCondition",
                        "threshold": 50,
                    }
                ],
            },
        },
    ),
)

CONNECTED_ORGANIZATIONS = Plain(
    rule=TypeRule(
        table="connectedOrganizations",
        path=f"{_ENTITLEMENT}/connectedOrganizations",
        odata_type="#microsoft.graph.connectedOrganization",
        model="connected_organization.ConnectedOrganization",
        source=_GUIDE + "entitlementmanagement-post-connectedorganizations",
        required=("displayName", "identitySources"),
        read_only=frozenset(("id", "createdDateTime", "modifiedDateTime")),
        write_once=frozenset(("identitySources",)),
        links=(
            LinkRule("internalSponsors", ("users", "groups")),
            LinkRule("externalSponsors", ("users", "groups")),
        ),
        audit_name="connected organization",
        audit_category="EntitlementManagement",
    ),
    read=_READ,
    change=_WRITE,
    create=_WRITE,
    licence="P2",
    defaults={"state": "proposed"},
    made=("createdDateTime",),
    stamps=("modifiedDateTime",),
    starts=(
        {
            "displayName": "Fabrikam",
            "description": "Builds our stands",
            "state": "configured",
            "identitySources": [
                {
                    "@odata.type": "#microsoft.graph.azureActiveDirectoryTenant",
                    "displayName": "Fabrikam",
                    "tenantId": "6f1b0c5e-0a3d-4b5e-9a2f-0c1d2e3f4a01",
                }
            ],
            "_links": {"internalSponsors": ["@users/2", "@groups/1"], "externalSponsors": ["@users/5"]},
        },
        {
            "displayName": "Tailspin",
            "description": "Freight",
            "state": "proposed",
            "identitySources": [
                {
                    "@odata.type": "#microsoft.graph.domainIdentitySource",
                    "displayName": "tailspin-sim.example",
                    "domainName": "tailspin-sim.example",
                }
            ],
        },
    ),
)

CATALOGS = Plain(
    rule=TypeRule(
        table="accessPackageCatalogs",
        path=f"{_ENTITLEMENT}/catalogs",
        odata_type="#microsoft.graph.accessPackageCatalog",
        model="access_package_catalog.AccessPackageCatalog",
        source=_GUIDE + "entitlementmanagement-post-catalogs",
        required=("displayName",),
        read_only=frozenset(("id", "catalogType", "createdDateTime", "modifiedDateTime")),
        audit_name="catalog",
        audit_category="EntitlementManagement",
    ),
    read=_READ,
    change=_WRITE,
    create=_WRITE,
    licence="P2",
    defaults={"catalogType": "userManaged", "isExternallyVisible": False, "state": "unpublished"},
    made=("createdDateTime",),
    stamps=("modifiedDateTime",),
    starts=(
        {
            "displayName": "General",
            "description": "Built-in catalog",
            "catalogType": "serviceDefault",
            "isExternallyVisible": True,
            "state": "published",
        },
        {
            "displayName": "Marketing",
            "description": "What marketing may ask for",
            "isExternallyVisible": True,
            "state": "published",
        },
    ),
)

GOVERNANCE: tuple[Plain, ...] = (ENTITLEMENT_SETTINGS, LIFECYCLE_SETTINGS, CONNECTED_ORGANIZATIONS, CATALOGS)

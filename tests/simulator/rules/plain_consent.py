"""Who may consent to what: consent policies with their condition sets, and classified permissions."""

from __future__ import annotations

from .form import TypeRule
from .plain import Named, Plain
from .registry import any_of

_GUIDE = "https://learn.microsoft.com/graph/api/"
_READ = any_of("Policy.Read.PermissionGrant", "Policy.ReadWrite.PermissionGrant")
_WRITE = any_of("Policy.ReadWrite.PermissionGrant")
_APPS = ("applications", "servicePrincipals")
_ANY = {
    "clientApplicationIds": ["all"],
    "clientApplicationPublisherIds": ["all"],
    "clientApplicationTenantIds": ["all"],
    "clientApplicationsFromVerifiedPublisherOnly": False,
    "permissionClassification": "all",
    "permissions": ["all"],
    "resourceApplication": "any",
}

POLICIES = Plain(
    rule=TypeRule(
        table="permissionGrantPolicies",
        path="/policies/permissionGrantPolicies",
        odata_type="#microsoft.graph.permissionGrantPolicy",
        model="permission_grant_policy.PermissionGrantPolicy",
        source=_GUIDE + "permissiongrantpolicy-post-permissiongrantpolicies",
        required=("id", "displayName"),
        read_only=frozenset(("deletedDateTime",)),
        audit_name="permission grant policy",
        audit_category="Policy",
    ),
    read=_READ,
    change=_WRITE,
    create=_WRITE,
    fixed="microsoft-",
    starts=(
        *(
            {"id": f"microsoft-{name}", "displayName": title, "description": "Built in"}
            for name, title in (
                ("user-default-low", "Default User Low Risk Policy"),
                ("user-default-legacy", "Default User Legacy Policy"),
                ("user-default-recommended", "Microsoft User Default Recommended Policy"),
                ("application-admin", "Application Admin Policy"),
                ("company-admin", "Company Admin Policy"),
                ("all-application-permissions", "All application permissions, for any client app"),
                ("dynamically-managed-permissions-for-team", "For teams, managed by the tenant's settings"),
            )
        ),
        {"id": "contoso-partners", "displayName": "Partners", "description": "Apps of our partners – read only"},
        {"id": "contoso-own", "displayName": "Our own apps", "description": None},
    ),
)


def _sets(name: str, table: str, *starts: dict[str, object]) -> Plain:
    return Plain(
        rule=TypeRule(
            table=table,
            path=f"/policies/permissionGrantPolicies/{{id}}/{name}",
            odata_type="#microsoft.graph.permissionGrantConditionSet",
            model="permission_grant_condition_set.PermissionGrantConditionSet",
            source=f"{_GUIDE}permissiongrantpolicy-post-{name}",
            required=("permissionType",),
            read_only=frozenset(("id",)),
            audit_name="permission grant policy",
            audit_category="Policy",
        ),
        read=_READ,
        create=_WRITE,
        parent="permissionGrantPolicies",
        defaults=_ANY,
        names=(
            Named("clientApplicationIds[]", _APPS, key="appId", literals=("all",)),
            Named("resourceApplication", _APPS, key="appId", literals=("any",)),
        ),
        starts=starts,
    )


INCLUDES = _sets(
    "includes",
    "permissionGrantIncludes",
    {
        "_parent": "microsoft-user-default-low",
        "permissionType": "delegated",
        "permissionClassification": "low",
        "clientApplicationsFromVerifiedPublisherOnly": True,
    },
    {
        "_parent": "contoso-partners",
        "permissionType": "delegated",
        "permissionClassification": "low",
        "clientApplicationTenantIds": [
            "6f1b0c5e-0a3d-4b5e-9a2f-0c1d2e3f4a01",
            "0d9f1b3a-7c2e-4d5f-8a6b-1c2d3e4f5a02",
        ],
    },
    {
        "_parent": "contoso-own",
        "permissionType": "application",
        "clientApplicationIds": ["@applications/1.appId", "@applications/4.appId"],
        "resourceApplication": "@applications/2.appId",
        "permissions": ["5b8f0c5e-0a3d-4b5e-9a2f-0c1d2e3f4a77"],
    },
    {
        "_parent": "contoso-own",
        "permissionType": "application",
        "clientApplicationIds": ["@applications/4.appId"],
    },
)
EXCLUDES = _sets(
    "excludes",
    "permissionGrantExcludes",
    {
        "_parent": "contoso-partners",
        "permissionType": "delegated",
        "resourceApplication": "@servicePrincipals/1.appId",
    },
)

CLASSIFICATIONS = Plain(
    rule=TypeRule(
        table="delegatedPermissionClassifications",
        path="/servicePrincipals/{id}/delegatedPermissionClassifications",
        odata_type="#microsoft.graph.delegatedPermissionClassification",
        model="delegated_permission_classification.DelegatedPermissionClassification",
        source=_GUIDE + "serviceprincipal-post-delegatedpermissionclassifications",
        required=("classification", "permissionId", "permissionName"),
        read_only=frozenset(("id",)),
        audit_name="delegated permission classification",
        audit_category="ApplicationManagement",
    ),
    read=any_of("Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All"),
    create=_WRITE,
    parent="servicePrincipals",
    sole=("permissionId",),
    starts=(
        {
            "_parent": "@servicePrincipals/5",
            "permissionId": "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
            "permissionName": "User.Read",
            "classification": "low",
        },
        {
            "_parent": "@servicePrincipals/5",
            "permissionId": "7427e0e9-2fba-42fe-b0c0-848c9e6a8182",
            "permissionName": "offline_access",
            "classification": "low",
        },
    ),
)

FEDERATED_CREDENTIALS = Plain(
    rule=TypeRule(
        table="managedIdentityCredentials",
        path="/servicePrincipals/{id}/federatedIdentityCredentials",
        odata_type="#microsoft.graph.federatedIdentityCredential",
        model="federated_identity_credential.FederatedIdentityCredential",
        source=_GUIDE + "resources/serviceprincipal",
        audit_name="service principal",
        audit_category="ApplicationManagement",
    ),
    read=any_of("Application.Read.All", "Application.ReadWrite.All"),
    parent="servicePrincipals",
    starts=(
        {
            "_parent": "@servicePrincipals/7",
            "name": "cluster",
            "issuer": "https://oidc.contoso-sim.example/cluster",
            "subject": "system:serviceaccount:default:reader",
            "audiences": ["api://AzureADTokenExchange"],
            "description": None,
        },
    ),
)

CONSENT: tuple[Plain, ...] = (POLICIES, INCLUDES, EXCLUDES, CLASSIFICATIONS, FEDERATED_CREDENTIALS)

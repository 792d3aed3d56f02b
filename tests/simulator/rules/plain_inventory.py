"""Subscriptions, schema extensions, profiles of verified ids: read, and nothing else by an app that owns none."""

from __future__ import annotations

from .form import TypeRule
from .plain import Plain
from .registry import any_of

_GUIDE = "https://learn.microsoft.com/graph/api/"

SKUS = Plain(
    rule=TypeRule(
        table="subscribedSkus",
        odata_type="#microsoft.graph.subscribedSku",
        model="subscribed_sku.SubscribedSku",
        source=_GUIDE + "subscribedsku-list",
    ),
    read=any_of(
        "LicenseAssignment.Read.All",
        "LicenseAssignment.ReadWrite.All",
        "Organization.Read.All",
        "Organization.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    ),
    starts=(
        {
            "accountId": "1b2c3d4e-0001-4a5b-8c6d-7e8f90a1b2c3",
            "accountName": "contoso-sim",
            "appliesTo": "User",
            "capabilityStatus": "Enabled",
            "consumedUnits": 41,
            "prepaidUnits": {"enabled": 50, "suspended": 0, "warning": 0, "lockedOut": 0},
            "servicePlans": [
                {
                    "servicePlanId": "41781fb2-bc02-4b7c-bd55-b576c07bb09d",
                    "servicePlanName": "AAD_PREMIUM",
                    "provisioningStatus": "Success",
                    "appliesTo": "User",
                },
                {
                    "servicePlanId": "eec0eb4f-6444-4f95-aba0-50c24d67f998",
                    "servicePlanName": "AAD_PREMIUM_P2",
                    "provisioningStatus": "Success",
                    "appliesTo": "User",
                },
            ],
            "skuId": "84a661c4-e949-4bd2-a560-ed7766fcaf2b",
            "skuPartNumber": "AAD_PREMIUM_P2",
            "subscriptionIds": ["9d1f6d6b-3d3c-4a0b-8f59-0a4f8c1f3a11"],
        },
    ),
)

SCHEMA_EXTENSIONS = Plain(
    rule=TypeRule(
        table="schemaExtensions",
        odata_type="#microsoft.graph.schemaExtension",
        model="schema_extension.SchemaExtension",
        source=_GUIDE + "schemaextension-list",
    ),
    read=any_of(
        "Application.Read.All",
        "Application.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    ),
    starts=(
        {
            "id": "extkvbmkofy_costs",
            "description": "Cost centres",
            "owner": "@applications/0.appId",
            "status": "InDevelopment",
            "targetTypes": ["User", "Group"],
            "properties": [{"name": "centre", "type": "String"}, {"name": "share", "type": "Integer"}],
        },
        {
            "id": "adatumisv_courses",
            "description": "Of another tenant, and available to everybody",
            "owner": "50897f70-a455-4adf-87bc-4cf17091d5ac",
            "status": "Available",
            "targetTypes": ["Group"],
            "properties": [{"name": "courseId", "type": "Integer"}],
        },
    ),
)

# Creating, changing and deleting one: application permissions "Not supported".
PROFILES = Plain(
    rule=TypeRule(
        table="verifiedIdProfiles",
        path="/identity/verifiedId/profiles",
        odata_type="#microsoft.graph.verifiedIdProfile",
        model="verified_id_profile.VerifiedIdProfile",
        source=_GUIDE + "identityverifiedidroot-list-profiles",
    ),
    read=any_of("VerifiedId-Profile.Read.All"),
    starts=(
        {
            "name": "Contoso staff",
            "description": "Who has lost every other method",
            "lastModifiedDateTime": None,
            "state": "enabled",
            "verifierDid": "did:web:did.contoso-sim.example",
            "priority": 1,
            "verifiedIdProfileConfiguration": {
                "type": "verifiedIdentity",
                "acceptedIssuer": "did:web:issuer.example",
                "claimBindingSource": "directory",
                "claimBindings": [
                    {
                        "matchConfidenceLevel": "exact",
                        "sourceAttribute": "First name",
                        "verifiedIdClaim": "vc.credentialSubject.firstName",
                    },
                ],
            },
            "faceCheckConfiguration": {"isEnabled": True, "sourcePhotoClaimName": "portrait"},
            "verifiedIdUsageConfigurations": [{"isEnabledForTestOnly": False, "purpose": "recovery"}],
        },
    ),
)

INVENTORY: tuple[Plain, ...] = (SKUS, SCHEMA_EXTENSIONS, PROFILES)

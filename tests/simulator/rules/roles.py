"""Built-in ids that are the same in every tenant: directory role templates and authentication strengths.

Source: "Microsoft Entra built-in roles" (learn.microsoft.com/entra/identity/role-based-access-control/) and
"authenticationStrengthPolicy resource type" (learn.microsoft.com/graph/api/resources/).
"""

from __future__ import annotations

from typing import Any

from .registry import words

BUILT_IN_ROLES = frozenset(
    words(
        "62e90394-69f5-4237-9190-012177145e10 f2ef992c-3afb-46b9-b7cf-a126ee74c451 "
        "29232cdf-9323-42fd-ade2-1d097af3e4de f28a1f50-f6e7-4571-818b-6a12f2af6b6c "
        "fe930be7-5e62-47db-91af-98c3a49a38b1 729827e3-9c14-49f7-bb1b-9608f156bbb8 "
        "966707d0-3269-4727-9be2-8c3a10f19b9d b0f54661-2d74-4c50-afa3-1ec803f12efe "
        "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9 194ae4cb-b126-40b2-bd5b-6091b380977d "
        "c4e39bd9-1100-46d3-8c65-fb160da0071f 7be44c8a-adaf-4e2a-84d6-ab2649e08a13 "
        "e8611ab8-c189-46e8-94e1-60213ab1f814 158c047a-c907-4556-b7ef-446551a6b5f7 "
        "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3 d29b2b05-8046-44ba-8758-1e26182fcf32 "
        "3a2c62db-5318-420d-8d74-23affee5d9d5 69091246-20e8-4a56-aa4d-066075b2a7a8 "
        "11451d60-acb2-45eb-a7d6-43d0f0125c13 1707125e-0aa2-4d4d-8655-a7c786c76a25 "
        "d2562ede-74db-457e-a7b6-544e236ebb61 db506228-d27e-4b7d-95e5-295956d6615f "
        "b6a27b2b-f905-4b2e-81b5-0d90e0ef1fdb 6b942400-691f-4bf0-9d12-d8a254a2baf5 "
        "e93e3737-fa85-474a-aee4-7d3fb86510f3 88d8e3e3-8f55-4a1e-953a-9b9898b8876b "
        "9360feb5-f418-4baa-8175-e2a00bac4301 5d6b6bb7-de71-4623-b4af-96380a352509 "
        "5f2222b1-57c3-48ba-8ad5-d4759f1fde6f fdd7a751-b60b-444a-984c-02652fe8fa1c "
        "95e79109-95c0-4d8e-aee3-d01accf2d47b 4a5d8f65-41da-4de4-8968-e035b65339cf "
        "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b"
    )
)

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
_ROLE_NAMES = {
    GLOBAL_ADMINISTRATOR: "Global Administrator",
    "f2ef992c-3afb-46b9-b7cf-a126ee74c451": "Global Reader",
    "29232cdf-9323-42fd-ade2-1d097af3e4de": "Exchange Administrator",
    "f28a1f50-f6e7-4571-818b-6a12f2af6b6c": "SharePoint Administrator",
    "fe930be7-5e62-47db-91af-98c3a49a38b1": "User Administrator",
    "729827e3-9c14-49f7-bb1b-9608f156bbb8": "Helpdesk Administrator",
    "966707d0-3269-4727-9be2-8c3a10f19b9d": "Password Administrator",
    "b0f54661-2d74-4c50-afa3-1ec803f12efe": "Billing Administrator",
    "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9": "Conditional Access Administrator",
    "194ae4cb-b126-40b2-bd5b-6091b380977d": "Security Administrator",
    "c4e39bd9-1100-46d3-8c65-fb160da0071f": "Authentication Administrator",
    "7be44c8a-adaf-4e2a-84d6-ab2649e08a13": "Privileged Authentication Administrator",
    "e8611ab8-c189-46e8-94e1-60213ab1f814": "Privileged Role Administrator",
    "158c047a-c907-4556-b7ef-446551a6b5f7": "Cloud Application Administrator",
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3": "Application Administrator",
    "3a2c62db-5318-420d-8d74-23affee5d9d5": "Intune Administrator",
    "69091246-20e8-4a56-aa4d-066075b2a7a8": "Teams Administrator",
    "88d8e3e3-8f55-4a1e-953a-9b9898b8876b": "Directory Readers",
    "9360feb5-f418-4baa-8175-e2a00bac4301": "Directory Writers",
    "5d6b6bb7-de71-4623-b4af-96380a352509": "Security Reader",
    "5f2222b1-57c3-48ba-8ad5-d4759f1fde6f": "Security Operator",
    "fdd7a751-b60b-444a-984c-02652fe8fa1c": "Groups Administrator",
    "95e79109-95c0-4d8e-aee3-d01accf2d47b": "Guest Inviter",
    "4a5d8f65-41da-4de4-8968-e035b65339cf": "Reports Reader",
    "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b": "Message Center Reader",
}


def built_in_role(key: str) -> dict[str, Any]:
    """The definition of a built-in role; its actions are far more than a simulation needs."""
    name = _ROLE_NAMES.get(key, f"Built-in role {key[:8]}")
    return {
        "id": key,
        "templateId": key,
        "displayName": name,
        "description": f"What the role {name} may do",
        "isBuiltIn": True,
        "isEnabled": True,
        "resourceScopes": ["/"],
        "rolePermissions": [
            {"allowedResourceActions": ["microsoft.directory/users/standard/read"], "condition": None}
        ],
        "version": "1",
    }


_PASSWORDLESS = ["windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor", "deviceBasedPush"]
_PHISHING_RESISTANT = ["windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor"]
_MFA = [
    *_PASSWORDLESS,
    "temporaryAccessPassOneTime",
    "temporaryAccessPassMultiUse",
    "password,microsoftAuthenticatorPush",
    "password,softwareOath",
    "password,hardwareOath",
    "password,sms",
    "password,voice",
    "federatedMultiFactor",
    "microsoftAuthenticatorPush,federatedSingleFactor",
    "softwareOath,federatedSingleFactor",
    "hardwareOath,federatedSingleFactor",
    "sms,federatedSingleFactor",
    "voice,federatedSingleFactor",
]


def _strength(number: int, name: str, combinations: list[str]) -> dict[str, Any]:
    return {
        "id": f"00000000-0000-0000-0000-{number:012d}",
        "createdDateTime": "2021-12-01T00:00:00Z",
        "modifiedDateTime": "2021-12-01T00:00:00Z",
        "displayName": name,
        "description": f"Combinations of methods that satisfy the built-in strength {name}",
        "policyType": "builtIn",
        "requirementsSatisfied": "mfa",
        "allowedCombinations": combinations,
        "combinationConfigurations": [],
    }


SINGLE_FACTOR = frozenset(
    ("password", "sms", "qrCodePin", "federatedSingleFactor", "x509CertificateSingleFactor", "hardwareOath")
)
COMBINATIONS = frozenset(_MFA) | SINGLE_FACTOR

STRENGTHS: dict[str, dict[str, Any]] = {
    one["id"]: one
    for one in (
        _strength(2, "Multifactor authentication", _MFA),
        _strength(3, "Passwordless MFA", _PASSWORDLESS),
        _strength(4, "Phishing-resistant MFA", _PHISHING_RESISTANT),
    )
}

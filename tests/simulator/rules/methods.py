"""The authentication methods of every tenant: ids, types, and what a new tenant has.

Source: authenticationMethodsPolicy and authenticationMethodConfiguration resource types,
learn.microsoft.com/graph/api/resources/; types from Microsoft Graph metadata v1.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Method:
    odata_type: str
    model: str
    defaults: dict[str, Any]


def _method(name: str, module: str, state: str = "disabled", **defaults: Any) -> Method:
    model = f"{module}_authentication_method_configuration.{name}AuthenticationMethodConfiguration"
    kind = f"#microsoft.graph.{name[0].lower()}{name[1:]}AuthenticationMethodConfiguration"
    return Method(kind, model, {"state": state, "excludeTargets": [], **defaults})


DEFAULT_PROFILE = "00000000-0000-0000-0000-000000000001"
_PROFILE = {
    "id": DEFAULT_PROFILE,
    "name": "Default passkey profile",
    "passkeyTypes": "deviceBound,synced",
    "attestationEnforcement": "disabled",
    "keyRestrictions": {"isEnforced": False, "enforcementType": "allow", "aaGuids": []},
}
_OWN_PROFILE = {
    **_PROFILE,
    "id": "5d0b9a55-3f9a-4d0b-8a4c-1c526c1e0001",
    "name": "Keys of ours",
    "passkeyTypes": "deviceBound",
}
PASSKEY_PROFILES = {"defaultPasskeyProfile": DEFAULT_PROFILE, "passkeyProfiles": [_PROFILE, _OWN_PROFILE]}

METHODS: dict[str, Method] = {
    "Email": _method("Email", "email", "enabled", allowExternalIdToUseEmailOtp="default"),
    "Fido2": _method(
        "Fido2",
        "fido2",
        "enabled",
        isAttestationEnforced=True,
        isSelfServiceRegistrationAllowed=True,
        keyRestrictions={"isEnforced": False, "enforcementType": "block", "aaGuids": []},
    ),
    "MicrosoftAuthenticator": _method(
        "MicrosoftAuthenticator", "microsoft_authenticator", "enabled", isSoftwareOathEnabled=False
    ),
    "QRCodePin": _method("QrCodePin", "qr_code_pin", pinLength=8, standardQRCodeLifetimeInDays=365),
    "Sms": _method("Sms", "sms"),
    "SoftwareOath": _method("SoftwareOath", "software_oath", "enabled"),
    "TemporaryAccessPass": _method(
        "TemporaryAccessPass",
        "temporary_access_pass",
        defaultLength=8,
        defaultLifetimeInMinutes=60,
        isUsableOnce=False,
        maximumLifetimeInMinutes=480,
        minimumLifetimeInMinutes=60,
    ),
    "VerifiableCredentials": _method("VerifiableCredentials", "verifiable_credentials"),
    "Voice": _method("Voice", "voice", isOfficePhoneAllowed=False),
    "X509Certificate": _method(
        "X509Certificate",
        "x509_certificate",
        certificateUserBindings=[
            {"x509CertificateField": "PrincipalName", "userProperty": "userPrincipalName", "priority": 1}
        ],
        authenticationModeConfiguration={
            "x509CertificateAuthenticationDefaultMode": "x509CertificateSingleFactor",
            "rules": [],
        },
    ),
}

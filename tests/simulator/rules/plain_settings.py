"""Settings of the tenant that stand alone, its domains, and certificate authorities."""

from __future__ import annotations

from .form import TypeRule
from .plain import Named, Plain
from .registry import any_of

_GUIDE = "https://learn.microsoft.com/graph/api/"
_MEMBERSHIPS = (
    "azureADJoin.allowedToJoin",
    "azureADJoin.localAdmins.registeringUsers",
    "azureADRegistration.allowedToRegister",
)
_NOBODY = {"@odata.type": "#microsoft.graph.noDeviceRegistrationMembership"}

DEVICE_REGISTRATION = Plain(
    rule=TypeRule(
        table="deviceRegistrationPolicy",
        path="/policies/deviceRegistrationPolicy",
        odata_type="#microsoft.graph.deviceRegistrationPolicy",
        model="device_registration_policy.DeviceRegistrationPolicy",
        source=_GUIDE + "deviceregistrationpolicy-update",
        required=("userDeviceQuota", "azureADJoin", "azureADRegistration", "multiFactorAuthConfiguration"),
        read_only=frozenset(("id", "displayName", "description")),
        audit_name="device registration policy",
        audit_category="Policy",
    ),
    read=any_of("Policy.Read.DeviceConfiguration", "Policy.ReadWrite.DeviceConfiguration"),
    change=any_of("Policy.ReadWrite.DeviceConfiguration"),
    singleton=True,
    whole=True,
    defaults={"userDeviceQuota": 0, "multiFactorAuthConfiguration": "notRequired"},
    names=(
        *(Named(f"{path}.groups[]", ("groups",)) for path in _MEMBERSHIPS),
        *(Named(f"{path}.users[]", ("users",)) for path in _MEMBERSHIPS),
    ),
    starts=(
        {
            "displayName": "Device Registration Policy",
            "description": "Tenant-wide policy of initial provisioning",
            "userDeviceQuota": 50,
            "multiFactorAuthConfiguration": "required",
            "azureADRegistration": {
                "isAdminConfigurable": True,
                "allowedToRegister": {
                    "@odata.type": "#microsoft.graph.enumeratedDeviceRegistrationMembership",
                    "users": ["@users/2", "@users/5"],
                    "groups": ["@groups/1"],
                },
            },
            "azureADJoin": {
                "isAdminConfigurable": True,
                "allowedToJoin": _NOBODY,
                "localAdmins": {"enableGlobalAdmins": True, "registeringUsers": _NOBODY},
            },
            "localAdminPassword": {"isEnabled": True},
        },
    ),
)

EXTERNAL_IDENTITIES = Plain(
    rule=TypeRule(
        table="externalIdentitiesPolicy",
        path="/policies/externalIdentitiesPolicy",
        odata_type="#microsoft.graph.externalIdentitiesPolicy",
        model="preview.ExternalIdentitiesPolicy",
        source=_GUIDE + "externalidentitiespolicy-update?view=graph-rest-beta",
        read_only=frozenset(("id", "displayName", "description", "deletedDateTime")),
        audit_name="external identities policy",
        audit_category="Policy",
    ),
    read=any_of("Policy.Read.All", "Policy.ReadWrite.ExternalIdentities"),
    change=any_of("Policy.ReadWrite.ExternalIdentities"),
    singleton=True,
    versions=("beta",),
    starts=(
        {
            "displayName": "External Identities Policy",
            "allowExternalIdentitiesToLeave": True,
            "allowDeletedIdentitiesDataRemoval": False,
        },
    ),
)

FEDERATED_TOKENS = Plain(
    rule=TypeRule(
        table="federatedTokenValidationPolicy",
        path="/policies/federatedTokenValidationPolicy",
        odata_type="#microsoft.graph.federatedTokenValidationPolicy",
        model="federated_token_validation_policy.FederatedTokenValidationPolicy",
        source=_GUIDE + "federatedtokenvalidationpolicy-update",
        required=("validatingDomains",),
        read_only=frozenset(("id", "deletedDateTime")),
        audit_name="federated token validation policy",
        audit_category="Policy",
    ),
    read=any_of("Policy.Read.All", "Policy.ReadWrite.FedTokenValidation"),
    change=any_of("Policy.ReadWrite.FedTokenValidation"),
    singleton=True,
    whole=True,
    names=(Named("validatingDomains.domainNames[]", ("domains",)),),
    starts=(
        {
            "validatingDomains": {
                "@odata.type": "#microsoft.graph.enumeratedDomains",
                "rootDomains": "enumerated",
                "domainNames": ["federated.contoso-sim.example"],
            },
        },
    ),
)

DOMAINS = Plain(
    rule=TypeRule(
        table="domains",
        odata_type="#microsoft.graph.domain",
        model="domain.Domain",
        source=_GUIDE + "domain-update",
        read_only=frozenset(
            (
                "authenticationType",
                "availabilityStatus",
                "isAdminManaged",
                "isInitial",
                "isRoot",
                "isVerified",
                "manufacturer",
                "model",
                "state",
            )
        ),
        audit_name="domain",
    ),
    read=any_of("Domain.Read.All", "Domain.ReadWrite.All", "Directory.Read.All"),
    change=any_of("Domain.ReadWrite.All"),
    defaults={
        "availabilityStatus": None,
        "isAdminManaged": True,
        "isDefault": False,
        "isInitial": False,
        "isRoot": True,
        "isVerified": True,
        "authenticationType": "Managed",
        "supportedServices": ["Email", "OfficeCommunicationsOnline"],
        "passwordValidityPeriodInDays": 2147483647,
        "passwordNotificationWindowInDays": 14,
    },
    starts=(
        {"id": "contoso-sim.onmicrosoft.example", "isInitial": True},
        {"id": "contoso-sim.example", "isDefault": True},
        {"id": "federated.contoso-sim.example", "authenticationType": "Federated", "supportedServices": ["Email"]},
    ),
)

FEDERATIONS = Plain(
    rule=TypeRule(
        table="domainFederations",
        path="/domains/{id}/federationConfiguration",
        odata_type="#microsoft.graph.internalDomainFederation",
        model="internal_domain_federation.InternalDomainFederation",
        source=_GUIDE + "domain-post-federationconfiguration",
        required=("issuerUri", "passiveSignInUri", "signingCertificate"),
        read_only=frozenset(("id", "signingCertificateUpdateStatus")),
        unique=("issuerUri",),
        audit_name="federation of a domain",
    ),
    read=any_of(
        "Domain-InternalFederation.Read.All",
        "Domain-InternalFederation.ReadWrite.All",
        "Domain.Read.All",
        "Domain.ReadWrite.All",
    ),
    change=any_of("Domain-InternalFederation.ReadWrite.All", "Domain.ReadWrite.All"),
    create=any_of("Domain-InternalFederation.ReadWrite.All", "Domain.ReadWrite.All"),
    parent="domains",
    starts=(
        {
            "_parent": "federated.contoso-sim.example",
            "displayName": "Contoso AD FS",
            "issuerUri": "http://sts.contoso-sim.example/adfs/services/trust",
            "metadataExchangeUri": "https://sts.contoso-sim.example/adfs/services/trust/mex",
            "passiveSignInUri": "https://sts.contoso-sim.example/adfs/ls",
            "activeSignInUri": "https://sts.contoso-sim.example/adfs/services/trust/2005/usernamemixed",
            "signOutUri": "https://sts.contoso-sim.example/adfs/ls",
            "passwordResetUri": "https://sts.contoso-sim.example/reset",
            "preferredAuthenticationProtocol": "wsFed",
            "promptLoginBehavior": "nativeSupport",
            "federatedIdpMfaBehavior": "rejectMfaByFederatedIdp",
            "isSignedAuthenticationRequestRequired": False,
            "signingCertificate": "TUlJQzNqQ0NBY2FnQXdJQkFnSVFFdDBU",
            "nextSigningCertificate": "TUlJQzNqQ0NBY2FnQXdJQkFnSVFFdDBV",
            "signingCertificateUpdateStatus": {"certificateUpdateResult": "Success"},
        },
    ),
)

INFRASTRUCTURES = Plain(
    rule=TypeRule(
        table="certificateBasedAuthConfigurations",
        path="/directory/publicKeyInfrastructure/certificateBasedAuthConfigurations",
        odata_type="#microsoft.graph.certificateBasedAuthPki",
        model="certificate_based_auth_pki.CertificateBasedAuthPki",
        source=_GUIDE + "publickeyinfrastructureroot-post-certificatebasedauthconfigurations",
        required=("displayName",),
        read_only=frozenset(("id", "deletedDateTime", "lastModifiedDateTime", "status", "statusDetails")),
        audit_name="public key infrastructure",
    ),
    read=any_of("PublicKeyInfrastructure.Read.All", "PublicKeyInfrastructure.ReadWrite.All"),
    change=any_of("PublicKeyInfrastructure.ReadWrite.All"),
    create=any_of("PublicKeyInfrastructure.ReadWrite.All"),
    defaults={"status": "succeeded"},
    stamps=("lastModifiedDateTime",),
    starts=({"id": "7a0f2a6e-5b0e-4c57-9d0e-0f2f3c0a1b01", "displayName": "Contoso smart cards"},),
)

OLDER_AUTHORITIES = Plain(
    rule=TypeRule(
        table="olderCertificateAuthorities",
        path="/organization/{id}/certificateBasedAuthConfiguration",
        odata_type="#microsoft.graph.certificateBasedAuthConfiguration",
        model="certificate_based_auth_configuration.CertificateBasedAuthConfiguration",
        source=_GUIDE + "certificatebasedauthconfiguration-post-certificatebasedauthconfiguration",
        required=("certificateAuthorities",),
        read_only=frozenset(("id",)),
        audit_name="certificate based authentication configuration",
    ),
    read=any_of("Organization.Read.All", "Organization.ReadWrite.All"),
    create=any_of("Organization.ReadWrite.All"),
    parent="organization",
    absent=True,
    # Issuer and key identifier would be read from each certificate; these are none.
    lone="29728ade-6ae4-4ee9-9103-412912537da5",
    starts=(
        {
            "_parent": "@organization/0",
            "id": "29728ade-6ae4-4ee9-9103-412912537da5",
            "certificateAuthorities": [
                {
                    "isRootAuthority": True,
                    "certificate": "TUlJQzNqQ0NBY2FnQXdJQkFnSVFFdDBX",
                    "certificateRevocationListUrl": "http://crl.contoso-sim.example/older.crl",
                },
                {"isRootAuthority": False, "certificate": "TUlJQzNqQ0NBY2FnQXdJQkFnSVFFdDBY"},
            ],
        },
    ),
)

AUTHORITIES = Plain(
    rule=TypeRule(
        table="certificateAuthorities",
        path="/directory/publicKeyInfrastructure/certificateBasedAuthConfigurations/{id}/certificateAuthorities",
        odata_type="#microsoft.graph.certificateAuthorityDetail",
        model="certificate_authority_detail.CertificateAuthorityDetail",
        source=_GUIDE + "certificatebasedauthpki-post-certificateauthorities",
        required=("certificate", "certificateAuthorityType"),
        read_only=frozenset(
            (
                "id",
                "createdDateTime",
                "deletedDateTime",
                "expirationDateTime",
                "issuer",
                "issuerSubjectKeyIdentifier",
                "thumbprint",
            )
        ),
        write_once=frozenset(("certificate",)),
        unique=("certificate",),
        audit_name="certificate authority",
    ),
    read=any_of("PublicKeyInfrastructure.Read.All", "PublicKeyInfrastructure.ReadWrite.All"),
    change=any_of("PublicKeyInfrastructure.ReadWrite.All"),
    create=any_of("PublicKeyInfrastructure.ReadWrite.All"),
    parent="certificateBasedAuthConfigurations",
    defaults={"issuer": "CN=Contoso", "issuerSubjectKeyIdentifier": "0A0B", "thumbprint": "0C0D"},
    made=("createdDateTime",),
    starts=tuple(
        {
            "_parent": "7a0f2a6e-5b0e-4c57-9d0e-0f2f3c0a1b01",
            "displayName": name,
            "certificateAuthorityType": kind,
            "certificate": certificate,
            "certificateRevocationListUrl": f"http://crl.contoso-sim.example/{kind}.crl",
            "deltaCertificateRevocationListUrl": f"http://crl.contoso-sim.example/{kind}-delta.crl",
            "isIssuerHintEnabled": kind == "root",
        }
        for name, kind, certificate in (
            ("Contoso root", "root", "TUlJRGRUQ0NBbDJnQXdJQkFnSUxCQUFB"),
            ("Contoso issuing", "intermediate", "TUlJRGRUQ0NBbDJnQXdJQkFnSUxCQUFC"),
        )
    ),
)

SETTINGS: tuple[Plain, ...] = (
    DEVICE_REGISTRATION,
    EXTERNAL_IDENTITIES,
    FEDERATED_TOKENS,
    DOMAINS,
    FEDERATIONS,
    INFRASTRUCTURES,
    AUTHORITIES,
    OLDER_AUTHORITIES,
)

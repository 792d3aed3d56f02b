"""Application registrations, their owners and federated identity credentials. Extensions have their own module."""

from __future__ import annotations

from shared.catalog.agents import BLUEPRINT, NO_BLUEPRINT, NOT_PLAIN, TOLD_APART
from shared.catalog.containment import Containment
from shared.catalog.spec import (
    AnchorSpec,
    Apart,
    Bin,
    Condition,
    Create,
    DomainName,
    LinkWrite,
    MatchKey,
    ObjectType,
    Quirk,
    Relationship,
    Strength,
    ValueReference,
    WaveNumber,
    Yields,
)
from shared.catalog.tier_zero import CREDENTIAL, OWNED
from shared.domain.plan import AnchorKind

_READ = (("Application.Read.All", "Directory.Read.All"),)
# Directory.Read.All is not enough here (Microsoft Graph: List federatedIdentityCredentials, permissions).
_READ_CREDENTIALS = (("Application.Read.All",),)
_WRITE = (("Application.ReadWrite.All",),)
# Adding an owner looks the owner up, too (Microsoft Graph: Add owner, permissions).
_OWNERS = (("Application.ReadWrite.All",), ("Directory.Read.All", "Directory.ReadWrite.All"))

# Where people and tokens are sent.
_ADDRESSES = (
    "defaultRedirectUri",
    "info.marketingUrl",
    "info.privacyStatementUrl",
    "info.supportUrl",
    "info.termsOfServiceUrl",
    "publicClient.redirectUris[]",
    "samlMetadataUrl",
    "spa.redirectUris[]",
    "web.homePageUrl",
    "web.logoutUrl",
    "web.redirectUris[]",
    "web.redirectUriSettings[].uri",
)

APPLICATIONS = ObjectType(
    name="applications",
    title="Application registrations",
    path="/applications",
    odata_type="#microsoft.graph.application",
    subtypes=(BLUEPRINT,),
    wave=WaveNumber.TIER_ZERO,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    select=(
        "addIns",
        "api",
        "appId",
        "appRoles",
        "applicationTemplateId",
        "authenticationBehaviors",
        "certification",
        "createdByAppId",
        "createdDateTime",
        "defaultRedirectUri",
        "deletedDateTime",
        "description",
        "disabledByMicrosoftStatus",
        "displayName",
        "groupMembershipClaims",
        "id",
        "identifierUris",
        "info",
        "isDeviceOnlyAuthSupported",
        "isDisabled",
        "isFallbackPublicClient",
        "keyCredentials",
        "nativeAuthenticationApisEnabled",
        "notes",
        "oauth2RequirePostResponse",
        "optionalClaims",
        "parentalControlSettings",
        "passwordCredentials",
        "publicClient",
        "publisherDomain",
        "requestSignatureVerification",
        "requiredResourceAccess",
        "samlMetadataUrl",
        "serviceManagementReference",
        "servicePrincipalLockConfiguration",
        "signInAudience",
        "spa",
        "tags",
        "tokenEncryptionKeyId",
        "uniqueName",
        "verifiedPublisher",
        "web",
    ),
    page_size=999,
    delta=True,
    list_cost=2,
    item_cost=2,
    relationships=(
        Relationship(
            name="owners",
            target_types=("users", "servicePrincipals"),
            write=LinkWrite.REF,
            answers=True,
            delta=True,
            needs_to_read=_READ,
            needs_to_write=_OWNERS,
        ),
        Relationship(
            name="federatedIdentityCredentials",
            target_types=("federatedIdentityCredentials",),
            write=LinkWrite.NONE,
            contains="federatedIdentityCredentials",
            needs_to_read=_READ_CREDENTIALS,
        ),
        Relationship(
            name="extensionProperties",
            target_types=("extensionProperties",),
            write=LinkWrite.NONE,
            contains="extensionProperties",
            page_cost=2,
            needs_to_read=_READ,
        ),
    ),
    adopted_by_name=True,
    match_keys=(
        MatchKey(("appId",), Strength.UNIQUE, "/applications?$filter=appId eq '{value}'"),
        MatchKey(("uniqueName",), Strength.UNIQUE, "/applications?$filter=uniqueName eq '{value}'"),
        MatchKey(("identifierUris",), Strength.UNIQUE, yields=Yields.LEAVES),
        MatchKey(("displayName",), Strength.WEAK),
    ),
    anchor=AnchorSpec(
        AnchorKind.MARKER,
        "displayName",
        "/applications?$filter=displayName eq '{value}'&$select=id,appId,displayName",
        "/directory/deletedItems/microsoft.graph.application?$select=id,appId,displayName&$top=999",
    ),
    bin=Bin(
        list="/directory/deletedItems/microsoft.graph.application",
        item="/directory/deletedItems/{id}",
        restore="/directory/deletedItems/{id}/restore",
        version="v1.0",
    ),
    create=Create("/applications", refused_when=(NO_BLUEPRINT,), refused_why=NOT_PLAIN),
    writable=(
        "addIns",
        "api",
        "appRoles",
        "defaultRedirectUri",
        "description",
        "displayName",
        "groupMembershipClaims",
        "info",
        "isDeviceOnlyAuthSupported",
        "isFallbackPublicClient",
        "nativeAuthenticationApisEnabled",
        "notes",
        "oauth2RequirePostResponse",
        "optionalClaims",
        "parentalControlSettings",
        "publicClient",
        "requestSignatureVerification",
        "requiredResourceAccess",
        "samlMetadataUrl",
        "serviceManagementReference",
        "servicePrincipalLockConfiguration",
        "signInAudience",
        "spa",
        "tags",
        "tokenEncryptionKeyId",
        "web",
    ),
    # Names such as api://{appId} hold the id that the creation gives out.
    set_after=("authenticationBehaviors", "identifierUris", "logo"),
    apart=(Apart("logo", "logo", file=True, when=Condition("info.logoUrl", ("http",), begins=True), share=0.05),),
    create_only=("uniqueName",),
    secret=("passwordCredentials", "keyCredentials"),
    sets=("identifierUris", "tags"),
    whole=(
        "api",
        "info",
        "optionalClaims",
        "parentalControlSettings",
        "publicClient",
        "requestSignatureVerification",
        "servicePrincipalLockConfiguration",
        "spa",
        "web",
    ),
    disabled_first=("appRoles", "api.oauth2PermissionScopes"),
    computed_within=("info.logoUrl",),
    # A listing shows null, the single object that is read again after a change shows the certificate.
    shown_singly=("keyCredentials.key",),
    references=(
        ValueReference("identifierUris[]", ("applications",), key="appId", text=True),
        ValueReference("api.knownClientApplications[]", ("applications",), key="appId"),
        ValueReference("api.preAuthorizedApplications[].appId", ("applications",), key="appId"),
        ValueReference("requiredResourceAccess[].resourceAppId", ("applications",), key="appId"),
        *(
            ValueReference(f"optionalClaims.{token}[].name", ("extensionProperties",), key="name")
            for token in ("accessToken", "idToken", "saml2Token")
        ),
    ),
    domain_names=(
        DomainName("identifierUris[]", verified=True),
        *(DomainName(path, address=True) for path in _ADDRESSES),
    ),
    keys_besides_id=("appId",),
    tier_zero=OWNED,
    contain=Containment(
        links=("owners",),
        secrets={"passwordCredentials": "/removePassword"},
        keys=("keyCredentials",),
    ),
    quirks=(
        Quirk(
            "An app role or a scope that is enabled can't be changed or removed: it is disabled first.",
            "Microsoft Entra: Declare app roles for an application; Microsoft Graph: appRole resource type",
        ),
        Quirk(
            "A re-created application gets a new appId; the recycle bin keeps it.",
            "Microsoft Graph: application resource type, appId",
        ),
        Quirk(
            "oauth2RequirePostResponse is in every answer; the page spells it oauth2RequiredPostResponse and "
            "doesn't say whether it can be changed, which clients do.",
            "Microsoft Graph metadata v1.0: application; application resource type, Properties",
            unverified=True,
        ),
        Quirk(
            "authenticationBehaviors is shown only where it is selected by name, so every property is.",
            "Microsoft Graph: Manage application authenticationBehaviors",
        ),
        Quirk(
            "authenticationBehaviors is set on an application that exists, never in the creating POST.",
            "Microsoft Graph: Manage application authenticationBehaviors; Create application",
            unverified=True,
        ),
        Quirk(
            "A logo is a file of its own; info.logoUrl tells that there is one, and changes with it.",
            "Microsoft Graph: application resource type, logo; informationalUrl resource type",
            unverified=True,
        ),
        Quirk(
            "Secrets are never readable; of certificates only the public part is.",
            "Microsoft Graph: passwordCredential and keyCredential resource types",
        ),
        Quirk(
            "Restoring an application leaves its service principal deleted: both are restored, application first.",
            "Microsoft Graph: Restore deleted item",
        ),
        TOLD_APART,
    ),
)

FEDERATED_IDENTITY_CREDENTIALS = ObjectType(
    name="federatedIdentityCredentials",
    title="Federated identity credentials of applications",
    path="/applications/{parent}/federatedIdentityCredentials",
    odata_type="#microsoft.graph.federatedIdentityCredential",
    wave=WaveNumber.TIER_ZERO,
    needs_to_read=_READ_CREDENTIALS,
    needs_to_write=_WRITE,
    parent="applications",
    parent_relationship="federatedIdentityCredentials",
    name_property="name",
    match_keys=(MatchKey(("name",), Strength.UNIQUE),),
    anchor=AnchorSpec(
        AnchorKind.KEY,
        "name",
        "/applications/{parent}/federatedIdentityCredentials",
    ),
    create=Create("/applications/{parent}/federatedIdentityCredentials"),
    writable=("audiences", "description", "issuer", "subject"),
    create_only=("name",),
    sets=("audiences",),
    contain=Containment(added=True),
    tier_zero=CREDENTIAL,
    quirks=(
        Quirk(
            "The name can't be changed and is unique within its application.",
            "Microsoft Graph: federatedIdentityCredential resource type, name",
        ),
    ),
)

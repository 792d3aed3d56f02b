"""Application registrations, their owners and federated identity credentials."""

from __future__ import annotations

from shared.catalog.spec import (
    AnchorSpec,
    Bin,
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

_READ = (("Application.Read.All", "Directory.Read.All"),)
# Directory.Read.All is not enough here (Microsoft Graph: List federatedIdentityCredentials, permissions).
_READ_CREDENTIALS = (("Application.Read.All",),)
_WRITE = (("Application.ReadWrite.All",),)
# Adding an owner looks the owner up, too (Microsoft Graph: Add owner, permissions).
_OWNERS = (("Application.ReadWrite.All",), ("Directory.Read.All", "Directory.ReadWrite.All"))

APPLICATIONS = ObjectType(
    name="applications",
    title="Application registrations",
    path="/applications",
    odata_type="#microsoft.graph.application",
    wave=WaveNumber.TIER_ZERO,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    page_size=999,
    delta=True,
    list_cost=2,
    item_cost=2,
    relationships=(
        Relationship(
            name="owners",
            target_types=("users", "servicePrincipals"),
            write=LinkWrite.REF,
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
    ),
    match_keys=(
        MatchKey(("appId",), Strength.UNIQUE, "/applications?$filter=appId eq '{value}'"),
        MatchKey(("uniqueName",), Strength.UNIQUE, "/applications?$filter=uniqueName eq '{value}'"),
        MatchKey(("identifierUris",), Strength.UNIQUE),
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
    create=Create("/applications"),
    writable=(
        "addIns",
        "api",
        "appRoles",
        "authenticationBehaviors",
        "defaultRedirectUri",
        "description",
        "displayName",
        "groupMembershipClaims",
        "info",
        "isDeviceOnlyAuthSupported",
        "isFallbackPublicClient",
        "nativeAuthenticationApisEnabled",
        "notes",
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
    set_after=("identifierUris",),
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
    references=(
        ValueReference("identifierUris[]", ("applications",), key="appId", text=True),
        ValueReference("api.knownClientApplications[]", ("applications",), key="appId"),
        ValueReference("api.preAuthorizedApplications[].appId", ("applications",), key="appId"),
        ValueReference("requiredResourceAccess[].resourceAppId", ("applications",), key="appId"),
    ),
    keys_besides_id=("appId",),
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
            "Secrets are never readable; of certificates only the public part is.",
            "Microsoft Graph: passwordCredential and keyCredential resource types",
        ),
        Quirk(
            "Restoring an application leaves its service principal deleted: both are restored, application first.",
            "Microsoft Graph: Restore deleted item",
        ),
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
    quirks=(
        Quirk(
            "The name can't be changed and is unique within its application.",
            "Microsoft Graph: federatedIdentityCredential resource type, name",
        ),
    ),
)

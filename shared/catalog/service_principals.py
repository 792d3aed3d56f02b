"""Service principals (enterprise applications), their owners and who holds their app roles."""

from __future__ import annotations

from shared.catalog.agents import (
    IDENTITY,
    NO_AGENT,
    NOT_PLAIN,
    PRINCIPAL,
    SPONSORS,
    SPONSORS_OF_IDENTITIES,
    SPONSORS_OF_PRINCIPALS,
    TOLD_APART,
)
from shared.catalog.containment import Containment
from shared.catalog.security_attributes import MEMBER, VALUED, VALUES
from shared.catalog.spec import (
    AZURE_ROLES,
    AnchorSpec,
    Bin,
    Condition,
    Create,
    DomainName,
    Drill,
    Licence,
    LinkWrite,
    MatchKey,
    ObjectType,
    Protected,
    Quirk,
    Relationship,
    Strength,
    ValueReference,
    WaveNumber,
)
from shared.catalog.synchronization import PROVISIONED
from shared.catalog.tier_zero import APP_PERMISSION, GIVES_APP_ROLE, OWNED
from shared.domain.plan import AnchorKind, Reason

_READ = (("Application.Read.All", "Directory.Read.All"),)
# Directory.Read.All is not enough here (Microsoft Graph: List federatedIdentityCredentials, permissions).
_READ_CREDENTIALS = (("Application.Read.All",),)
_WRITE = (("Application.ReadWrite.All",),)
# Adding an owner looks the owner up, too (Microsoft Graph: Add owner, permissions).
_OWNERS = (("Application.ReadWrite.All",), ("Directory.Read.All", "Directory.ReadWrite.All"))

# Where people and tokens are sent.
_ADDRESSES = ("homepage", "loginUrl", "logoutUrl", "replyUrls[]", "samlSingleSignOnSettings.relayState")

SERVICE_PRINCIPALS = ObjectType(
    name="servicePrincipals",
    title="Service principals",
    path="/servicePrincipals",
    odata_type="#microsoft.graph.servicePrincipal",
    subtypes=(PRINCIPAL, IDENTITY),
    wave=WaveNumber.TIER_ZERO,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    select=(
        "accountEnabled",
        "addIns",
        "alternativeNames",
        "appDescription",
        "appDisplayName",
        "appId",
        "appOwnerOrganizationId",
        "appRoleAssignmentRequired",
        "appRoles",
        "applicationTemplateId",
        "createdByAppId",
        "deletedDateTime",
        "description",
        "disabledByMicrosoftStatus",
        "displayName",
        "homepage",
        "id",
        "info",
        "isDisabled",
        "keyCredentials",
        "loginUrl",
        "logoutUrl",
        "notes",
        "notificationEmailAddresses",
        "oauth2PermissionScopes",
        "passwordCredentials",
        "preferredSingleSignOnMode",
        "preferredTokenSigningKeyThumbprint",
        "replyUrls",
        "resourceSpecificApplicationPermissions",
        "samlSingleSignOnSettings",
        "servicePrincipalNames",
        "servicePrincipalType",
        "signInAudience",
        "tags",
        "tokenEncryptionKeyId",
        "verifiedPublisher",
    ),
    member_groups=(VALUES,),
    page_size=999,
    delta=True,
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
            name="appRoleAssignedTo",
            target_types=("appRoleAssignments",),
            write=LinkWrite.NONE,
            contains="appRoleAssignments",
            crowded=0.01,
            needs_to_read=_READ,
        ),
        Relationship(
            name="delegatedPermissionClassifications",
            target_types=("delegatedPermissionClassifications",),
            write=LinkWrite.NONE,
            contains="delegatedPermissionClassifications",
            needs_to_read=_READ,
        ),
        Relationship(
            name="federatedIdentityCredentials",
            target_types=("managedIdentityCredentials",),
            write=LinkWrite.NONE,
            contains="managedIdentityCredentials",
            needs_to_read=_READ_CREDENTIALS,
        ),
        PROVISIONED,
        SPONSORS_OF_PRINCIPALS,
        SPONSORS_OF_IDENTITIES,
    ),
    adopted_by_name=True,
    known_outside=AZURE_ROLES,
    match_keys=(
        MatchKey(("appId",), Strength.UNIQUE, "/servicePrincipals?$filter=appId eq '{value}'", across=True),
        MatchKey(("displayName",), Strength.WEAK),
    ),
    anchor=AnchorSpec(
        AnchorKind.KEY,
        "appId",
        "/servicePrincipals?$filter=appId eq '{value}'&$select=id,appId",
    ),
    bin=Bin(
        list="/directory/deletedItems/microsoft.graph.servicePrincipal",
        item="/directory/deletedItems/{id}",
        restore="/directory/deletedItems/{id}/restore",
        version="v1.0",
    ),
    create=Create("/servicePrincipals", refused_when=(NO_AGENT,), refused_why=NOT_PLAIN),
    writable=(
        "accountEnabled",
        "alternativeNames",
        "appRoleAssignmentRequired",
        "description",
        "homepage",
        "loginUrl",
        "logoutUrl",
        "notes",
        "notificationEmailAddresses",
        "preferredSingleSignOnMode",
        "preferredTokenSigningKeyThumbprint",
        "replyUrls",
        "samlSingleSignOnSettings",
        "tags",
        "tokenEncryptionKeyId",
    ),
    # They repeat the application's identifierUris, which it gets only once it exists.
    set_after=("servicePrincipalNames", MEMBER),
    valued=VALUED,
    create_only=("appId",),
    secret=("passwordCredentials", "keyCredentials"),
    sets=("alternativeNames", "notificationEmailAddresses", "replyUrls", "servicePrincipalNames", "tags"),
    whole=("samlSingleSignOnSettings",),
    references=(
        ValueReference("appId", ("applications",), key="appId", pair=True),
        ValueReference("servicePrincipalNames[]", ("applications",), key="appId", text=True),
    ),
    domain_names=(
        DomainName("servicePrincipalNames[]", verified=True),
        DomainName("notificationEmailAddresses[]"),
        *(DomainName(path, address=True) for path in _ADDRESSES),
    ),
    protected=(
        Protected(
            Condition("servicePrincipalType", ("ManagedIdentity",)),
            Reason.FOREIGN,
            elsewhere="a managed identity is of an Azure resource, which gets one of its own elsewhere",
        ),
        # Microsoft's own tenant: its service principals can be added by appId, not changed.
        Protected(
            Condition("appOwnerOrganizationId", ("f8cdef31-a31e-4b4a-93e4-5f571e91255a",)),
            Reason.FOREIGN,
            made_of=("appId",),
        ),
    ),
    tier_zero=OWNED,
    contain=Containment(
        links=("owners",),
        secrets={"passwordCredentials": "/removePassword"},
        keys=("keyCredentials",),
        off={"accountEnabled": False},
    ),
    quirks=(
        Quirk(
            "One service principal for an appId; right after the application was created Graph may answer that "
            "the appId does not reference a valid application.",
            "Microsoft Graph: Create servicePrincipal",
        ),
        Quirk(
            "Service principals of managed identities come and go with their Azure resource.",
            "Microsoft Entra: managed identities for Azure resources",
        ),
        TOLD_APART,
        SPONSORS,
    ),
)

APP_ROLE_ASSIGNMENTS = ObjectType(
    name="appRoleAssignments",
    title="App role assignments, by the resource they give access to",
    path="/servicePrincipals/{parent}/appRoleAssignedTo",
    odata_type="#microsoft.graph.appRoleAssignment",
    wave=WaveNumber.TIER_ZERO,
    needs_to_read=_READ,
    needs_to_write=(("AppRoleAssignment.ReadWrite.All",),),
    parent="servicePrincipals",
    parent_relationship="appRoleAssignedTo",
    name_property="principalDisplayName",
    match_keys=(MatchKey(("principalId", "resourceId", "appRoleId"), Strength.UNIQUE),),
    anchor=AnchorSpec(
        AnchorKind.KEY,
        "principalId",
        "/servicePrincipals/{parent}/appRoleAssignedTo",
    ),
    create=Create("/servicePrincipals/{parent}/appRoleAssignedTo"),
    create_only=("principalId", "resourceId", "appRoleId"),
    volatile=("principalDisplayName", "resourceDisplayName"),
    references=(
        ValueReference("principalId", ("users", "groups", "servicePrincipals"), copies_name=True),
        ValueReference("resourceId", ("servicePrincipals",)),
    ),
    licence=Licence(
        "Entra ID P1 for assignments to groups",
        "Microsoft Entra: Manage users and groups assignment to an application",
    ),
    contain=Containment(added=True),
    tier_zero=APP_PERMISSION,
    gives=GIVES_APP_ROLE,
    quirks=(
        Quirk(
            "No PATCH: an assignment is made or removed. Holding AppRoleAssignment.ReadWrite.All allows granting "
            "any application permission to anyone, so these operations are tier 0.",
            "Microsoft Graph: appRoleAssignment resource type; permissions reference",
        ),
    ),
)

MANAGED_IDENTITY_CREDENTIALS = ObjectType(
    name="managedIdentityCredentials",
    title="Federated identity credentials of managed identities",
    path="/servicePrincipals/{parent}/federatedIdentityCredentials",
    odata_type="#microsoft.graph.federatedIdentityCredential",
    wave=WaveNumber.REST,
    needs_to_read=_READ_CREDENTIALS,
    needs_to_write=(),
    parent="servicePrincipals",
    parent_relationship="federatedIdentityCredentials",
    name_property="name",
    only_read="Azure keeps them with the managed identity, and makes and changes them there",
    drill=Drill.NONE,
    no_drill="it is never restored",
    quirks=(
        Quirk(
            "Of service principals, managed identities alone have federated credentials.",
            "Microsoft Graph: servicePrincipal resource type, Relationships",
        ),
    ),
)

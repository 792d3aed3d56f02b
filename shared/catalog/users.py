"""Users, their manager and their sponsors."""

from __future__ import annotations

from shared.catalog.bearing import Bearing
from shared.catalog.containment import Containment
from shared.catalog.extensions import BY_NAME, values_of
from shared.catalog.security_attributes import MEMBER, VALUED, VALUES
from shared.catalog.spec import (
    AZURE_ROLES,
    MAIL_ADDRESSES,
    AnchorSpec,
    Bin,
    Condition,
    Create,
    DomainName,
    Drill,
    Licensed,
    LinkWrite,
    MatchKey,
    MemberGroup,
    ObjectType,
    Protected,
    Quirk,
    Relationship,
    Strength,
    WaveNumber,
    Yields,
)
from shared.domain.plan import AnchorKind, Reason

_WRITABLE = (
    "accountEnabled",
    "ageGroup",
    "businessPhones",
    "city",
    "companyName",
    "consentProvidedForMinor",
    "country",
    "department",
    "displayName",
    "employeeHireDate",
    "employeeId",
    "employeeOrgData",
    "employeeType",
    "faxNumber",
    "givenName",
    "jobTitle",
    "mailNickname",
    "mobilePhone",
    "officeLocation",
    "onPremisesExtensionAttributes",
    "onPremisesImmutableId",
    "otherMails",
    "passwordPolicies",
    "postalCode",
    "preferredLanguage",
    "state",
    "streetAddress",
    "surname",
    "usageLocation",
    "userPrincipalName",
    "userType",
)

_ACTION_ONLY = ("assignedLicenses",)

_COMPUTED = (
    "authorizationInfo",
    "createdDateTime",
    "creationType",
    "deletedDateTime",
    "externalUserState",
    "externalUserStateChangeDateTime",
    "id",
    "identities",
    "identityParentId",
    "imAddresses",
    "isManagementRestricted",
    "isResourceAccount",
    "legalAgeGroupClassification",
    "licenseAssignmentStates",
    "mail",
    "onPremisesDistinguishedName",
    "onPremisesDomainName",
    "onPremisesLastSyncDateTime",
    "onPremisesProvisioningErrors",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "onPremisesUserPrincipalName",
    "preferredDataLocation",
    "provisionedPlans",
    "assignedPlans",
    "proxyAddresses",
    "securityIdentifier",
    "serviceProvisioningErrors",
)

# Moves with every password change or session revocation; says nothing about the account's configuration.
_VOLATILE = ("lastPasswordChangeDateTime", "signInSessionsValidFromDateTime", "onPremisesLastSyncDateTime")

# Who may read a user may not read when it leaves.
_LEAVES = "employeeLeaveDateTime"
_LEAVING = MemberGroup(
    "lifecycle",
    (("User-LifeCycleInfo.Read.All",),),
    (("User-LifeCycleInfo.ReadWrite.All",),),
    members=(_LEAVES,),
)

USERS = ObjectType(
    name="users",
    title="Users",
    path="/users",
    odata_type="#microsoft.graph.user",
    wave=WaveNumber.PEOPLE,
    needs_to_read=(("User.Read.All", "Directory.Read.All"),),
    needs_to_write=(("User.ReadWrite.All",), ("User.DeleteRestore.All",)),
    select=tuple(sorted({*_WRITABLE, *_ACTION_ONLY, *_COMPUTED, *_VOLATILE})),
    member_groups=(values_of("User"), VALUES, _LEAVING),
    page_size=999,
    delta=True,
    list_cost=2,
    relationships=(
        Relationship(
            name="manager",
            target_types=("users",),
            write=LinkWrite.PUT_REF,
            many=False,
            answers=True,
            delta=True,
            needs_to_read=(("User.Read.All", "Directory.Read.All"),),
        ),
        # Who answers for a guest.
        Relationship(
            name="sponsors",
            target_types=("users", "groups"),
            write=LinkWrite.REF,
            needs_to_read=(("User.Read.All", "Directory.Read.All"),),
        ),
    ),
    adopted_by_name=True,
    known_outside=AZURE_ROLES,
    match_keys=(
        MatchKey(
            ("userPrincipalName",),
            Strength.UNIQUE,
            "/users?$filter=userPrincipalName eq '{value}'",
            yields=Yields.LOCAL_PART,
            across=True,
        ),
        MAIL_ADDRESSES,
        MatchKey(("employeeId",), Strength.WEAK),
        MatchKey(("mail",), Strength.WEAK),
    ),
    anchor=AnchorSpec(
        AnchorKind.KEY,
        "userPrincipalName",
        "/users?$filter=userPrincipalName eq '{value}'&$select=id,userPrincipalName",
    ),
    bin=Bin(
        list="/directory/deletedItems/microsoft.graph.user",
        item="/directory/deletedItems/{id}",
        restore="/directory/deletedItems/{id}/restore",
        version="v1.0",
        # The name is prefixed with the id while it is there, so that it is free.
        misreported=("userPrincipalName",),
        without={
            "userPrincipalName": "newUserPrincipalName",
            "proxyAddresses": "autoReconcileProxyConflict",
        },
    ),
    create=Create(
        "/users",
        password=True,
        refused_when=(
            Condition("creationType", ("Invitation",)),
            Condition("userPrincipalName", ("#EXT#",), within=True),
        ),
        refused_why="it is a guest of another directory, and only an invitation brings a guest: POST /invitations, "
        "which with sendInvitationMessage false sends no mail; redemption begins anew",
    ),
    writable=_WRITABLE,
    action_only=_ACTION_ONLY,
    secret=("passwordProfile",),
    volatile=_VOLATILE,
    sets=("businessPhones", "otherMails", "proxyAddresses", "imAddresses", "assignedLicenses", "identities"),
    whole=("employeeOrgData", "onPremisesExtensionAttributes"),
    set_after=(MEMBER, _LEAVES),
    valued=VALUED,
    references=(BY_NAME,),
    domain_names=(DomainName("userPrincipalName", verified=True), DomainName("otherMails[]")),
    protected=(
        Protected(
            Condition("onPremisesSyncEnabled", (True,)),
            Reason.SYNCED,
            elsewhere="it comes to the other tenant by that tenant's own synchronization, if at all",
        ),
        Protected(Condition("isManagementRestricted", (True,)), Reason.FOREIGN, while_so=True),
    ),
    licensed=Licensed("assignedLicenses", "skuId", "Microsoft Graph: user resource type, assignedLicenses"),
    contain=Containment(off={"accountEnabled": False}, action="/revokeSignInSessions"),
    bearing=Bearing("users", accounts=True),
    drill=Drill.CANARY,
    quirks=(
        Quirk(
            "The default answer holds eleven properties only, so every one is selected by name; properties kept "
            "in SharePoint (aboutMe, birthday, …) make a list fail and are left to an opt-in.",
            "Microsoft Graph: user resource type, Properties",
        ),
        Quirk(
            "When somebody leaves starts their lifecycle workflows, and is read and written with permissions of "
            "its own, in a request of its own.",
            "Microsoft Graph: Configure the employeeLeaveDateTime property for a user",
        ),
        Quirk(
            "Identifiers of certificates that a user may sign in by (authorizationInfo) are recorded and not "
            "written; a user with an identityParentId is an agent's.",
            "Microsoft Graph: user resource type, Properties",
        ),
        Quirk(
            "An invitation answers with itself and names the guest within, and no app may send one where a tenant "
            "lets nobody or administrators alone invite.",
            "Microsoft Graph: Create invitation",
        ),
        Quirk(
            "The service makes a guest's user principal name from the address that was invited, so no key that we "
            "choose tells after a lost answer whose guest it is: a guest whom no recycle bin holds is listed, in "
            "its own tenant and in another.",
            "Microsoft Entra: Properties of a B2B collaboration user",
            unverified=True,
        ),
        Quirk(
            "A re-created user gets a new password, which must be changed at the first sign-in.",
            "Microsoft Graph: Create user, passwordProfile",
        ),
    ),
)

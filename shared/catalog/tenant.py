"""Settings of the tenant itself: the organization and the authorization policy."""

from __future__ import annotations

from shared.catalog.branding import BRANDED
from shared.catalog.certificates import TRUSTED
from shared.catalog.consent import ASSIGNED_TO_USERS
from shared.catalog.spec import Condition, DomainName, Drill, Fights, ObjectType, Quirk, WaveNumber

ORGANIZATION = ObjectType(
    name="organization",
    title="Organization",
    path="/organization",
    odata_type="#microsoft.graph.organization",
    number=1,
    wave=WaveNumber.REST,
    needs_to_read=(("Organization.Read.All", "Directory.Read.All"),),
    needs_to_write=(("Organization.ReadWrite.All",),),
    relationships=(
        BRANDED,
        TRUSTED,
    ),
    writable=(
        "marketingNotificationEmails",
        "privacyProfile",
        "securityComplianceNotificationMails",
        "securityComplianceNotificationPhones",
        "technicalNotificationMails",
    ),
    # Unit counts and sync times move by themselves.
    volatile=("directorySizeQuota", "onPremisesLastSyncDateTime", "assignedPlans", "provisionedPlans"),
    sets=(
        "marketingNotificationEmails",
        "securityComplianceNotificationMails",
        "securityComplianceNotificationPhones",
        "technicalNotificationMails",
    ),
    whole=("privacyProfile",),
    domain_names=(
        DomainName("marketingNotificationEmails[]"),
        DomainName("privacyProfile.contactEmail"),
        DomainName("securityComplianceNotificationMails[]"),
        DomainName("technicalNotificationMails[]"),
    ),
    one_per_tenant=True,
    tells_plans="assignedPlans",
    not_created="it is the tenant itself: there is one, and it goes with the tenant",
    fights=Fights(
        Condition("onPremisesSyncEnabled", (True,)),
        "the synchronization from on premises writes synced users and groups as they are there",
    ),
    drill=Drill.NONE,
    no_drill="what can be written are contacts that Microsoft sends notices to; a try-out would redirect them",
    quirks=(Quirk("A list of exactly one item, not creatable.", "Microsoft Graph: List organizations"),),
)

AUTHORIZATION_POLICY = ObjectType(
    name="authorizationPolicy",
    title="Authorization policy",
    path="/policies/authorizationPolicy",
    odata_type="#microsoft.graph.authorizationPolicy",
    singleton=True,
    wave=WaveNumber.POLICIES,
    needs_to_read=(("Policy.Read.All",),),
    needs_to_write=(("Policy.ReadWrite.Authorization",),),
    writable=(
        "allowEmailVerifiedUsersToJoinOrganization",
        "allowInvitesFrom",
        "allowUserConsentForRiskyApps",
        "allowedToSignUpEmailBasedSubscriptions",
        "allowedToUseSSPR",
        "blockMsolPowerShell",
        "defaultUserRolePermissions",
        "description",
        "displayName",
        "guestUserRoleId",
    ),
    whole=("defaultUserRolePermissions",),
    references=(ASSIGNED_TO_USERS,),
    not_created="every tenant has one, which can't be deleted",
    quirks=(
        Quirk(
            "defaultUserRolePermissions is sent complete: a missing member would be read as its default.",
            "Microsoft Graph: Update authorizationPolicy",
            unverified=True,
        ),
    ),
)

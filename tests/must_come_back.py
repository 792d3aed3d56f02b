"""What must come back, by hand from Microsoft Graph's reference: the measure that Holdfast is held to.

Nothing here is taken from the catalog. Each row names a collection or singleton of Graph (by the simulated
tenant's table of it), every property that its "Update" page takes, and whether its "Create" page lets one that was
purged be made anew. `tests/scenario/test_round_trips.py` changes every one of these properties and purges every
such object, restores, and compares.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_API = "learn.microsoft.com/graph/api/"


@dataclass(frozen=True, slots=True)
class Must:
    """One type.

    `changed`: properties that must go back to what they were; `values`: what a test changes some of them to where
    any other value of the type would be refused: of a tuple the first that is another, of a function what it makes
    of the object. `anew`: one that was purged must come back. `by`: properties that tell one from another whatever
    its id. `own`: properties that the service gives each new object itself. `only`: of the seed's objects, those
    with these values. `files`: what is put at a path of its own below the object, and what a test puts there: a
    data URI, JSON, or None to take it away. `apart`: other properties that the page takes, and why no test changes
    them. `not_changed`, `not_anew`: why not, where that is so."""

    table: str
    source: str
    changed: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    anew: bool = False
    by: tuple[str, ...] = ("displayName",)
    own: tuple[str, ...] = ()
    only: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)
    apart: dict[str, str] = field(default_factory=dict)
    not_changed: str = ""
    not_anew: str = ""

    def __post_init__(self) -> None:
        if bool(self.changed or self.files) == bool(self.not_changed) or self.anew == bool(self.not_anew):
            raise ValueError(f"{self.table}: each of changed and anew holds, or says why not")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_CROSS_TENANT_B2B = _words(
    "automaticUserConsentSettings b2bCollaborationInbound b2bCollaborationOutbound b2bDirectConnectInbound"
    " b2bDirectConnectOutbound inboundTrust"
)
_CROSS_TENANT = (
    *_CROSS_TENANT_B2B,
    *_words("appServiceConnectInbound m365CollaborationInbound m365CollaborationOutbound tenantRestrictions"),
)
_ONE = "there is one in every tenant, which can't be deleted"

_SHAREPOINT = _words(
    "aboutMe birthday hireDate interests mySite pastProjects preferredName responsibilities schools skills"
)
_EXCHANGE = ("mailboxSettings", "showInAddressList")
_GROUP_EXCHANGE = _words(
    "accessType allowExternalSenders autoSubscribeNewMembers hideFromAddressLists hideFromOutlookClients "
    "isFavorite isSubscribedByMail unseenConversationsCount unseenCount unseenMessagesCount welcomeMessageEnabled"
)
_ROLE = {
    "allowedMemberTypes": ["User"],
    "description": "Of a test",
    "displayName": "Of a test",
    "id": "3f9a1c52-6c1e-4d0b-9a55-0d8a4cf0b0aa",
    "isEnabled": True,
    "value": "Of.A.Test",
}
_ALL = {"targetType": "group", "id": "all_users", "isRegistrationRequired": True}
_NOBODY = {"targetType": "group", "id": "all_users"}
_CAMPAIGN = {"snoozeDurationInDays": 14, "state": "disabled", "excludeTargets": [], "includeTargets": []}


_MANAGER = {"@odata.type": "#microsoft.graph.requestorManager", "managerLevel": 2}
_STAGE = {"durationBeforeAutomaticDenial": "P3D", "isEscalationEnabled": False, "primaryApprovers": [_MANAGER]}
_CALLED = {
    "customExtension": {
        "@odata.type": "#microsoft.graph.accessPackageAssignmentRequestWorkflowExtension",
        "id": "c4ab76f9-40a2-5948-8843-9a5474dd3b88",  # the simulated tenant's first
    },
}
_QUESTION = {
    "@odata.type": "#microsoft.graph.accessPackageTextInputQuestion",
    "sequence": 0,
    "isRequired": False,
    "text": "Why?",
    "isSingleLineQuestion": False,
}


_PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
_STYLES = "data:text/css;base64,YnV0dG9uIHt9"
_MAPPINGS = {
    "synchronizationRules": [{"id": "4c5ecfa1-a072-4460-b1c3-4adde3479854", "name": "bent", "priority": 2}]
}


def _flipped(value: str) -> str:
    return {"true": "false", "false": "true"}.get(value, value)


_FIXED = "its members are set once; another one is another grant"

MUST: tuple[Must, ...] = (
    Must(
        "users",
        _API + "user-update",
        changed=_words(
            "accountEnabled ageGroup businessPhones city companyName consentProvidedForMinor country "
            "department displayName employeeHireDate employeeId employeeLeaveDateTime "
            "employeeOrgData employeeType faxNumber givenName jobTitle mailNickname mobilePhone officeLocation "
            "onPremisesExtensionAttributes "
            "otherMails passwordPolicies postalCode preferredLanguage state streetAddress surname "
            "usageLocation userType"
        ),
        values={
            "ageGroup": ("NotAdult", "Adult"),
            "consentProvidedForMinor": ("Granted", "Denied"),
            "passwordPolicies": ("DisablePasswordExpiration", "DisableStrongPassword"),
            "usageLocation": ("NL", "BE"),
            "userType": ("Guest", "Member"),
            "otherMails": ["other@contoso-sim.example"],
        },
        anew=True,
        by=("userPrincipalName",),
        # Addresses are Exchange's to give, as is an identity the service's.
        # A photo is backed up only where it is asked for: `test_photos.py`.
        own=_words(
            "identities lastPasswordChangeDateTime mail passwordProfile proxyAddresses securityIdentifier "
            "signInSessionsValidFromDateTime _photo"
        ),
        apart={
            **dict.fromkeys(_SHAREPOINT, "SharePoint holds it, and a list can't read it"),
            **dict.fromkeys(_EXCHANGE, "Exchange holds it, and a list can't read it"),
            "customSecurityAttributes": "has permissions and a round trip of its own",
            "deviceEnrollmentLimit": "Intune holds it, and a list can't read it",
            "identities": "ways to sign in; not written back yet",
            "isResourceAccount": "reserved for future use",
            "onPremisesImmutableId": "ties a user to the sync; a test of its own",
            "preferredDataLocation": "only where Microsoft 365 Multi-Geo is",
            "print": "Universal Print holds it",
            "userPrincipalName": "tells users apart here; a test of its own",
        },
    ),
    Must(
        "groups",
        _API + "group-update",
        changed=_words("description displayName mailNickname preferredLanguage theme visibility"),
        values={"visibility": ("Private", "Public"), "theme": ("Teal", "Purple")},
        anew=True,
        by=("mailNickname",),
        own=_words("mail proxyAddresses renewedDateTime securityIdentifier _photo"),
        apart={
            **dict.fromkeys(_GROUP_EXCHANGE, "Exchange holds it, and a list can't read it"),
            "assignedLabels": "delegated only",
            "classification": "written by an action of Microsoft 365 groups, not supported yet",
            "groupTypes": "what a group is; set at creation",
            "mailEnabled": "what a group is; set at creation",
            "membershipRule": "of dynamic groups; a test of its own",
            "membershipRuleProcessingState": "of dynamic groups; a test of its own",
            "preferredDataLocation": "only where Microsoft 365 Multi-Geo is",
            "securityEnabled": "what a group is; a test of its own",
        },
    ),
    Must(
        "applications",
        _API + "application-update",
        changed=_words(
            "addIns api appRoles defaultRedirectUri description displayName groupMembershipClaims "
            "identifierUris info isDeviceOnlyAuthSupported isFallbackPublicClient "
            "nativeAuthenticationApisEnabled notes oauth2RequirePostResponse optionalClaims "
            "parentalControlSettings publicClient requestSignatureVerification requiredResourceAccess "
            "samlMetadataUrl serviceManagementReference servicePrincipalLockConfiguration "
            "signInAudience spa tags web"
        ),
        values={
            "api": lambda one: {**(one.get("api") or {}), "acceptMappedClaims": True},
            "appRoles": lambda one: [*(one.get("appRoles") or []), _ROLE],
            "groupMembershipClaims": ("SecurityGroup", "All"),
            "identifierUris": lambda one: [f"https://contoso-sim.example/{one['appId']}"],
            "info": {"termsOfServiceUrl": "https://contoso-sim.example/terms"},
            "nativeAuthenticationApisEnabled": "all",
            "defaultRedirectUri": "https://contoso-sim.example/back",
            "publicClient": {"redirectUris": ["http://localhost"]},
            "spa": {"redirectUris": ["https://contoso-sim.example/spa"]},
            "signInAudience": ("AzureADMultipleOrgs", "AzureADMyOrg"),
            "samlMetadataUrl": "https://contoso-sim.example/saml",
            "web": {
                "homePageUrl": "https://contoso-sim.example",
                "redirectUris": ["https://contoso-sim.example/a"],
            },
        },
        anew=True,
        by=("displayName",),
        # A certificate is shown without its bytes in lists, and a secret never.
        own=_words("keyCredentials passwordCredentials publisherDomain"),
        files={"logo": _PICTURE},
        apart={
            "authenticationBehaviors": "shown on request only; a test of its own",
            "keyCredentials": "a certificate is shown without its bytes in lists",
            "managerApplications": "not supported yet",
            "oauth2RequirePostResponse": "declared in v1.0, and long handled by beta alone",
            "tokenEncryptionKeyId": "names a certificate",
        },
    ),
    Must(
        "servicePrincipals",
        _API + "serviceprincipal-update",
        changed=_words(
            "accountEnabled addIns alternativeNames appRoleAssignmentRequired description homepage loginUrl "
            "logoutUrl notes notificationEmailAddresses preferredSingleSignOnMode replyUrls "
            "samlSingleSignOnSettings servicePrincipalNames tags"
        ),
        values={
            "loginUrl": "https://contoso-sim.example/login",
            "preferredSingleSignOnMode": ("saml", "oidc"),
            "samlSingleSignOnSettings": {"relayState": "https://contoso-sim.example/start"},
            "servicePrincipalNames": lambda one: [
                *one["servicePrincipalNames"],
                "https://contoso-sim.example/name",
            ],
        },
        anew=True,
        by=("appId",),
        own=("passwordCredentials",),
        apart={
            "customSecurityAttributes": "has permissions and a round trip of its own",
            "displayName": "follows the application",
            "info": "follows the application",
            "keyCredentials": "signing certificates are made by the service",
            "preferredTokenSigningKeyThumbprint": "names a certificate",
            "tokenEncryptionKeyId": "names a certificate",
        },
    ),
    Must(
        "administrativeUnits",
        _API + "administrativeunit-update",
        changed=_words("description displayName"),
        anew=True,
        apart={
            "membershipRule": "of dynamic units; a test of its own",
            "membershipRuleProcessingState": "of dynamic units; a test of its own",
            "membershipType": "what a unit is; a test of its own",
            "visibility": "set at creation only",
        },
    ),
    Must(
        "oauth2PermissionGrants",
        _API + "oauth2permissiongrant-update",
        changed=("scope",),
        values={"scope": "Directory.AccessAsUser.All"},
        anew=True,
        by=("clientId", "resourceId", "consentType", "principalId"),
    ),
    Must(
        "appRoleAssignments",
        _API + "serviceprincipal-post-approleassignedto",
        not_changed=_FIXED,
        anew=True,
        by=("principalId", "resourceId", "appRoleId"),
    ),
    Must(
        "roleDefinitions",
        _API + "unifiedroledefinition-update",
        changed=_words("description displayName isEnabled rolePermissions"),
        only={"isBuiltIn": False},
        values={"rolePermissions": [{"allowedResourceActions": ["microsoft.directory/users/password/update"]}]},
        anew=True,
        by=("displayName",),
        own=("templateId",),
        apart={"version": "a text of whoever makes the role, which nothing reads"},
    ),
    Must(
        "authenticationContextClassReferences",
        _API + "authenticationcontextclassreference-update",
        changed=_words("description displayName isAvailable"),
        anew=True,
        by=("id",),
    ),
    Must(
        "organization",
        _API + "organization-update",
        changed=_words(
            "marketingNotificationEmails privacyProfile securityComplianceNotificationMails "
            "securityComplianceNotificationPhones technicalNotificationMails"
        ),
        not_anew="it is the tenant itself",
    ),
    Must(
        "authorizationPolicy",
        _API + "authorizationpolicy-update",
        changed=_words(
            "allowEmailVerifiedUsersToJoinOrganization allowInvitesFrom allowUserConsentForRiskyApps "
            "allowedToSignUpEmailBasedSubscriptions allowedToUseSSPR blockMsolPowerShell "
            "defaultUserRolePermissions description displayName guestUserRoleId"
        ),
        values={
            "guestUserRoleId": ("2af84b1e-32c8-42b7-82bc-daa82404023b", "10dae51f-b6af-4016-8d66-8c2a99b929b3")
        },
        not_anew=_ONE,
    ),
    Must(
        "federatedIdentityCredentials",
        _API + "federatedidentitycredential-update",
        changed=_words("audiences description issuer subject"),
        values={"issuer": "https://contoso-sim.example/issuer"},
        anew=True,
    ),
    Must(
        "roleAssignments",
        _API + "rbacapplication-post-roleassignments",
        not_changed=_FIXED,
        anew=True,
    ),
    Must(
        "roleAssignmentSchedules",
        _API + "rbacapplication-post-roleassignmentschedulerequests",
        not_changed="a change is asked for with adminUpdate, which is not done yet",
        anew=True,
    ),
    Must(
        "roleEligibilitySchedules",
        _API + "rbacapplication-post-roleeligibilityschedulerequests",
        not_changed="a change is asked for with adminUpdate, which is not done yet",
        anew=True,
    ),
    Must(
        "roleManagementPolicies",
        _API + "unifiedrolemanagementpolicyrule-update, one rule at a time",
        changed=("rules",),
        values={
            "claimValue": ("", "c1"),
            "enabledRules": ["MultiFactorAuthentication"],
            "maximumDuration": ("PT5H", "PT6H"),
            "notificationRecipients": ["other@contoso-sim.example"],
            "setting": {"isApprovalRequired": False, "approvalMode": "NoApproval", "approvalStages": []},
        },
        not_anew="made and gone with its role, which takes its rules along when it is made anew",
    ),
    Must(
        "authenticationMethodsPolicy",
        _API + "authenticationmethodspolicy-update",
        changed=_words("reconfirmationInDays registrationEnforcement"),
        values={"registrationEnforcement": {"authenticationMethodsRegistrationCampaign": _CAMPAIGN}},
        apart={"policyMigrationState": "goes forward only"},
        not_anew=_ONE,
    ),
    Must(
        "authenticationMethodConfigurations",
        _API + "fido2authenticationmethodconfiguration-update and its likes, one a method",
        changed=_words(
            "allowExternalIdToUseEmailOtp authenticationModeConfiguration certificateAuthorityScopes "
            "certificateUserBindings crlValidationConfiguration defaultLength defaultLifetimeInMinutes "
            "excludeTargets featureSettings includeTargets isAttestationEnforced isOfficePhoneAllowed "
            "isSelfServiceRegistrationAllowed isSoftwareOathEnabled isUsableOnce issuerHintsConfiguration "
            "keyRestrictions maximumLifetimeInMinutes minimumLifetimeInMinutes passkeyProfiles pinLength "
            "standardQRCodeLifetimeInDays state"
        ),
        values={
            "excludeTargets": lambda one: [] if one.get("excludeTargets") else [_NOBODY],
            "includeTargets": lambda one: [_ALL],
            # The default one stays, and is asked for more; the other goes.
            "passkeyProfiles": lambda one: [
                {**one["passkeyProfiles"][0], "attestationEnforcement": "registrationOnly"}
            ],
        },
        apart={"defaultPasskeyProfile": "the service's own, which can't be deleted"},
        not_anew="the methods are Microsoft's, and every tenant has them",
    ),
    Must(
        "authenticationStrengthPolicies",
        _API + "authenticationstrengthpolicy-update",
        changed=_words("description displayName"),
        only={"policyType": "custom"},
        apart={"allowedCombinations": "changed by an action; a test of its own"},
        anew=True,
    ),
    Must(
        "conditionalAccessPolicies",
        _API + "conditionalaccesspolicy-update",
        changed=_words("conditions displayName grantControls sessionControls state"),
        values={
            "conditions": lambda one: {**one["conditions"], "clientAppTypes": ["other"]},
            "grantControls": lambda one: {"operator": "OR", "builtInControls": ["mfa", "compliantDevice"]},
            "sessionControls": lambda one: {"signInFrequency": {"isEnabled": True, "type": "hours", "value": 7}},
            "state": ("disabled", "enabledForReportingButNotEnforced"),
        },
        apart={"description": "not used, says its page"},
        anew=True,
    ),
    Must(
        "combinationConfigurations",
        _API + "fido2combinationconfiguration-update",
        changed=("allowedAAGUIDs",),
        only={"@odata.type": "#microsoft.graph.fido2CombinationConfiguration"},
        values={"allowedAAGUIDs": ["de1e552d-db1d-4423-a619-566b625cdc84"]},
        apart={"appliesToCombinations": "what it refines; another one is another configuration"},
        anew=True,
    ),
    Must(
        "namedLocations",
        _API + "ipnamedlocation-update, countrynamedlocation-update",
        changed=_words(
            "countriesAndRegions countryLookupMethod displayName includeUnknownCountriesAndRegions ipRanges "
            "isTrusted"
        ),
        values={
            "countriesAndRegions": ["NL"],
            "ipRanges": [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "198.51.100.128/25"}],
        },
        anew=True,
    ),
    Must(
        "groupSettings",
        _API + "groupsetting-update",
        changed=("values",),
        values={"values": lambda one: [{**held, "value": _flipped(held["value"])} for held in one["values"]]},
        anew=True,
        by=("templateId",),
    ),
    Must(
        "groupSpecificSettings",
        _API + "groupsetting-update",
        changed=("values",),
        values={"values": lambda one: [{**held, "value": _flipped(held["value"])} for held in one["values"]]},
        anew=True,
        by=("templateId",),
    ),
    Must(
        "identitySecurityDefaultsEnforcementPolicy",
        _API + "identitysecuritydefaultsenforcementpolicy-update",
        changed=("isEnabled",),
        not_anew=_ONE,
    ),
    Must(
        "adminConsentRequestPolicy",
        _API + "adminconsentrequestpolicy-update",
        changed=_words("isEnabled notifyReviewers remindersEnabled requestDurationInDays reviewers"),
        not_anew=_ONE,
    ),
    Must(
        "authenticationFlowsPolicy",
        _API + "authenticationflowspolicy-update",
        changed=("selfServiceSignUp",),
        not_anew=_ONE,
    ),
    Must(
        "groupLifecyclePolicies",
        _API + "grouplifecyclepolicy-update",
        changed=_words("alternateNotificationEmails groupLifetimeInDays managedGroupTypes"),
        values={"managedGroupTypes": ("All", "Selected")},  # which then forgets what was selected
        anew=True,
        by=(),
    ),
    Must(
        "attributeSets",
        _API + "attributeset-update",
        changed=_words("description maxAttributesPerSet"),
        anew=True,
        by=("id",),
    ),
    Must(
        "customSecurityAttributeDefinitions",
        _API + "customsecurityattributedefinition-update",
        changed=_words("allowedValues description status usePreDefinedValuesOnly"),
        values={
            "allowedValues": [{"id": "Project 01", "isActive": False}, {"id": "Project 23", "isActive": False}],
            "status": "Deprecated",
        },
        anew=True,
        by=("attributeSet", "name"),
        only={"name": "Projects"},  # the one that has allowed values: none can ever be taken away
    ),
    Must(
        "crossTenantAccessPolicy",
        _API + "crosstenantaccesspolicy-update",
        changed=_words("allowedCloudEndpoints displayName"),
        not_anew=_ONE,
    ),
    Must(
        "crossTenantAccessDefault",
        _API + "crosstenantaccesspolicyconfigurationdefault-update",
        changed=(*_CROSS_TENANT, "invitationRedemptionIdentityProviderConfiguration"),
        not_anew=_ONE,
    ),
    Must(
        "crossTenantAccessPartners",
        _API + "crosstenantaccesspolicyconfigurationpartner-update",
        changed=_CROSS_TENANT,
        anew=True,
        by=("tenantId",),
    ),
    Must(
        "crossTenantIdentitySynchronization",
        _API + "crosstenantidentitysyncpolicypartner-update",
        changed=_words("displayName userSyncInbound"),
        anew=True,
        by=("tenantId",),
    ),
    Must(
        "multiTenantOrganizationPartnerConfiguration",
        _API + "multitenantorganizationpartnerconfigurationtemplate-update",
        changed=(*_CROSS_TENANT_B2B, "templateApplicationLevel"),
        not_anew=_ONE,
    ),
    Must(
        "multiTenantOrganizationIdentitySynchronization",
        _API + "multitenantorganizationidentitysyncpolicytemplate-update",
        changed=_words("templateApplicationLevel userSyncInbound"),
        not_anew=_ONE,
    ),
    Must(
        "multiTenantOrganization",
        _API + "multitenantorganization-update",
        changed=_words("description displayName"),
        not_anew="other tenants have to agree to it",
    ),
    Must(
        "multiTenantOrganizationTenants",
        _API + "multitenantorganizationmember-update",
        changed=("role",),
        anew=True,
        by=("tenantId",),
    ),
    Must(
        "deviceRegistrationPolicy",
        _API + "deviceregistrationpolicy-update",
        changed=_words(
            "azureADJoin azureADRegistration localAdminPassword multiFactorAuthConfiguration userDeviceQuota"
        ),
        values={
            # Nothing but the type says who may.
            "azureADJoin": lambda one: {
                **one["azureADJoin"],
                "allowedToJoin": {"@odata.type": "#microsoft.graph.allDeviceRegistrationMembership"},
            },
            "azureADRegistration": {
                "isAdminConfigurable": True,
                "allowedToRegister": {"@odata.type": "#microsoft.graph.allDeviceRegistrationMembership"},
            },
        },
        not_anew=_ONE,
    ),
    Must(
        "externalIdentitiesPolicy",
        _API + "externalidentitiespolicy-update",
        changed=_words("allowDeletedIdentitiesDataRemoval allowExternalIdentitiesToLeave"),
        not_anew=_ONE,
    ),
    Must(
        "federatedTokenValidationPolicy",
        _API + "federatedtokenvalidationpolicy-update",
        changed=("validatingDomains",),
        values={
            "validatingDomains": {"@odata.type": "#microsoft.graph.allDomains", "rootDomains": "allManaged"},
        },
        not_anew=_ONE,
    ),
    Must(
        "domains",
        _API + "domain-update",
        changed=_words("passwordNotificationWindowInDays passwordValidityPeriodInDays supportedServices"),
        apart={"isDefault": "another domain becomes the default; by hand"},
        not_anew="whoever owns it has to show that by a DNS record",
    ),
    Must(
        "domainFederations",
        _API + "internaldomainfederation-update",
        changed=_words(
            "activeSignInUri displayName federatedIdpMfaBehavior isSignedAuthenticationRequestRequired issuerUri "
            "metadataExchangeUri nextSigningCertificate passiveSignInUri passwordResetUri "
            "preferredAuthenticationProtocol promptLoginBehavior signOutUri signingCertificate"
        ),
        apart={"systemBrowserEnabledOn": "newer than the metadata"},
        own=("signingCertificateUpdateStatus",),
        anew=True,
        by=("issuerUri",),
    ),
    Must(
        "olderCertificateAuthorities",
        _API + "certificatebasedauthconfiguration-post-certificatebasedauthconfiguration",
        not_changed="it is made or removed whole",
        anew=True,
        by=("id",),
    ),
    Must(
        "certificateBasedAuthConfigurations",
        _API + "certificatebasedauthpki-update",
        changed=("displayName",),
        anew=True,
        by=("displayName",),
    ),
    Must(
        "certificateAuthorities",
        _API + "certificateauthoritydetail-update",
        changed=_words(
            "certificateAuthorityType certificateRevocationListUrl deltaCertificateRevocationListUrl displayName "
            "isIssuerHintEnabled"
        ),
        anew=True,
        by=("certificate",),
    ),
    Must(
        "entitlementManagementSettings",
        _API + "entitlementmanagementsettings-update",
        changed=_words("durationUntilExternalUserDeletedAfterBlocked externalUserLifecycleAction"),
        values={"durationUntilExternalUserDeletedAfterBlocked": "P60D", "externalUserLifecycleAction": "none"},
        not_anew=_ONE,
    ),
    Must(
        "lifecycleManagementSettings",
        _API + "identitygovernance-lifecyclemanagementsettings-update",
        changed=_words("emailSettings quarantineConfiguration workflowScheduleIntervalInHours"),
        not_anew=_ONE,
    ),
    Must(
        "connectedOrganizations",
        _API + "connectedorganization-update",
        changed=_words("description displayName state"),
        anew=True,
    ),
    Must(
        "accessPackageCatalogs",
        _API + "accesspackagecatalog-update",
        changed=_words("description displayName isExternallyVisible state"),
        anew=True,
        only={"catalogType": "userManaged"},  # the others are the service's own
    ),
    Must(
        "accessPackages",
        _API + "accesspackage-update",
        changed=_words("description displayName isHidden"),
        anew=True,
        apart={"catalog": "moved by an action, not supported yet"},
    ),
    Must(
        "accessPackageAssignmentPolicies",
        _API + "accesspackageassignmentpolicy-update",
        changed=_words(
            "allowedTargetScope automaticRequestSettings description displayName expiration notificationSettings "
            "questions requestApprovalSettings requestorSettings reviewSettings specificAllowedTargets "
            "customExtensionStageSettings"
        ),
        values={
            "customExtensionStageSettings": lambda one: (
                []
                if one.get("customExtensionStageSettings")
                else [{"stage": "assignmentRequestGranted", **_CALLED}]
            ),
            "allowedTargetScope": ("allMemberUsers", "notSpecified"),
            "automaticRequestSettings": (
                None,
                {"requestAccessForAllowedTargets": True, "gracePeriodBeforeAccessRemoval": "P3D"},
            ),
            "expiration": {"type": "afterDuration", "duration": "P30D"},
            "questions": lambda one: (one.get("questions") or [])[1:] or [_QUESTION],
            "requestApprovalSettings": {"isApprovalRequiredForAdd": True, "stages": [_STAGE]},
            "reviewSettings": {"isEnabled": False},
            "specificAllowedTargets": lambda one: (one.get("specificAllowedTargets") or [])[1:] or [_MANAGER],
        },
        anew=True,
        apart={"accessPackage": "a policy stays in its package"},
    ),
    Must(
        "accessPackageCustomWorkflowExtensions",
        _API + "accesspackageassignmentrequestworkflowextension-update",
        changed=_words(
            "authenticationConfiguration callbackConfiguration description displayName endpointConfiguration"
        ),
        values={
            "authenticationConfiguration": {
                "@odata.type": "#microsoft.graph.azureAdTokenAuthentication",
                "resourceId": "6ad26a6a-1ebd-4b47-9e4c-8d5f1b1f3f6a",
            },
            "callbackConfiguration": {
                "@odata.type": "#microsoft.graph.customExtensionCallbackConfiguration",
                "timeoutDuration": "PT2H",
            },
        },
        anew=True,
    ),
    Must(
        "entitlementEndUserSettings",
        _API + "endusersettings-update",
        changed=_words("isEnabled relatedPeopleInsightLevel showApproverDetailsToMembers"),
        not_anew=_ONE,
    ),
    Must(
        "entitlementRoleAssignments",
        _API + "rbacapplication-post-roleassignments",
        not_changed=_FIXED,
        anew=True,
    ),
    Must(
        "accessPackageResources",
        _API + "entitlementmanagement-post-resourcerequests",
        not_changed="name and description are its origin's; what it asks for changes by adminUpdate, not done yet",
        anew=True,
    ),
    Must(
        "accessPackageResourceRoleScopes",
        _API + "accesspackage-post-resourcerolescopes",
        not_changed="a package gives a role or doesn't",
        anew=True,
    ),
    Must(
        "accessPackageAssignments",
        _API + "entitlementmanagement-post-assignmentrequests",
        not_changed="the period changes by adminUpdate, not done yet",
        anew=True,
        only={"state": "delivered"},  # the others are history
    ),
    *(
        Must(
            f"group{kind}Schedules",
            _API + f"privilegedaccessgroup-post-{kind.lower()}schedulerequests",
            not_changed="a change is asked for with adminUpdate, which is not done yet",
            anew=True,
            by=("principalId", "groupId", "accessId"),
        )
        for kind in ("Eligibility", "Assignment")
    ),
    Must(
        "customTaskExtensions",
        _API + "identitygovernance-customtaskextension-update",
        changed=_words(
            "authenticationConfiguration callbackConfiguration clientConfiguration description displayName "
            "endpointConfiguration"
        ),
        values={
            "authenticationConfiguration": {
                "@odata.type": "#microsoft.graph.azureAdTokenAuthentication",
                "resourceId": "542dc01a-0b5d-4edc-b3f9-5cfe6393f557",
            },
        },
        anew=True,
    ),
    Must(
        "lifecycleWorkflows",
        _API + "identitygovernance-workflow-createnewversion",
        changed=_words(
            "administrationScopeTargets description displayName executionConditions isEnabled isSchedulingEnabled "
            "tasks"
        ),
        values={
            "administrationScopeTargets": [],
            "isEnabled": False,
            "isSchedulingEnabled": False,
            "executionConditions": {"@odata.type": "#microsoft.graph.identityGovernance.onDemandExecutionOnly"},
            "tasks": lambda one: [{**one["tasks"][0], "displayName": "Of a test", "arguments": []}],
        },
        anew=True,
        only={"category": "joiner"},
    ),
    Must(
        "accessReviewDefinitions",
        _API + "accessreviewscheduledefinition-update",
        changed=_words(
            "descriptionForAdmins descriptionForReviewers displayName fallbackReviewers reviewers settings"
        ),
        values={
            # Those who aren't individual users can't be replaced.
            "fallbackReviewers": [],
            "reviewers": lambda one: one["reviewers"][1:],
            "settings": lambda one: {
                **one["settings"],
                "applyActions": [{"@odata.type": "#microsoft.graph.removeAccessApplyAction"}],
                "defaultDecision": "Recommendation",
                "instanceDurationInDays": one["settings"]["instanceDurationInDays"] + 1,
                "mailNotificationsEnabled": False,
                "recommendationLookBackDuration": "P60D",
            },
        },
        anew=True,
        own=("status",),
        only={"descriptionForAdmins": "Every week"},
    ),
    *(
        Must(table, _API + page, not_changed=why, not_anew=why)
        for table, page, why in (
            ("devices", "resources/device", "its key is on the device, which has to join again"),
            ("orgContacts", "resources/orgcontact", "Exchange or the synchronization makes contacts"),
            ("subscribedSkus", "resources/subscribedsku", "subscriptions are bought"),
            ("verifiedIdProfiles", "verifiedidprofile-update", "only a signed-in person may write one"),
            ("schemaExtensions", "schemaextension-update", "only the application that owns one may write it"),
        )
    ),
    Must(
        "synchronizationJobs",
        _API + "synchronization-synchronizationschema-update",
        files={"schema": _MAPPINGS},
        not_anew="its credentials can't be read, without which it can't run",
    ),
    Must(
        "organizationalBrandingLocalizations",
        _API + "organizationalbrandinglocalization-update",
        changed=_words(
            "backgroundColor contentCustomization customAccountResetCredentialsUrl "
            "customCannotAccessYourAccountText customCannotAccessYourAccountUrl customForgotMyPasswordText "
            "customPrivacyAndCookiesText customPrivacyAndCookiesUrl customResetItNowText customTermsOfUseText "
            "customTermsOfUseUrl headerBackgroundColor loginPageLayoutConfiguration "
            "loginPageTextVisibilitySettings signInPageText usernameHintText"
        ),
        only={"id": "fr-FR"},  # the default is made by the service; a test of its own
        files={
            "backgroundImage": _PICTURE,
            "bannerLogo": _PICTURE,
            "customCSS": _STYLES,
            "favicon": _PICTURE,
            "headerLogo": _PICTURE,
            "squareLogo": None,
            "squareLogoDark": _PICTURE,
        },
        values={
            "contentCustomization": {"attributeCollection": [{"key": "AttributeCollection_Title", "value": "?"}]}
        },
        anew=True,
        by=("id",),
    ),
    Must(
        "authenticationEventsFlows",
        _API + "authenticationeventsflow-update",
        changed=_words("description displayName onInteractiveAuthFlowStart onUserCreateStart"),
        values={
            "onUserCreateStart": {
                "@odata.type": "#microsoft.graph.onUserCreateStartExternalUsersSelfServiceSignUp",
                "userTypeToCreate": "member",
            }
        },
        anew=True,
    ),
    Must(
        "authenticationEventListeners",
        _API + "authenticationeventlistener-update",
        changed=_words("authenticationEventsFlowId conditions displayName handler"),
        values={
            "authenticationEventsFlowId": "8b1c2d3e-4f5a-4b6c-8d7e-9f0a1b2c3d4e",
            "conditions": {"applications": {"includeApplications": []}},
            "handler": lambda one: {**one["handler"], "configuration": None},
        },
        anew=True,
    ),
    Must(
        "identityProviders",
        _API + "identityproviderbase-update",
        changed=_words(
            "clientId developerId displayName inboundClaimMapping issuer keyId responseType scope serviceId "
            "wellKnownEndpoint"
        ),
        values={"responseType": ("id_token", "code")},
        not_anew="it is made with a secret, which nothing shows",
    ),
    Must(
        "externalDomainFederations",
        _API + "samlorwsfedexternaldomainfederation-update",
        changed=_words(
            "displayName issuerUri metadataExchangeUri passiveSignInUri preferredAuthenticationProtocol "
            "signingCertificate"
        ),
        anew=True,
    ),
    Must(
        "userFlowAttributes",
        _API + "identityuserflowattribute-update",
        changed=("description",),
        only={"userFlowAttributeType": "custom"},
        anew=True,
    ),
    Must(
        "apiConnectors",
        _API + "identityapiconnector-update",
        not_changed="read only where the owner asks for it, and then evidence",
        not_anew="it is made with a secret, which nothing shows",
    ),
    Must(
        "b2xUserFlows",
        _API + "identitycontainer-post-b2xuserflows",
        not_changed="all that it says by itself is said once",
        anew=True,
        only={"id": "B2X_1_club"},  # the other one has languages, which the service makes
        by=("id",),
    ),
    Must(
        "userFlowAttributeAssignments",
        _API + "identityuserflowattributeassignment-update",
        changed=_words("displayName isOptional requiresVerification userAttributeValues userInputType"),
        only={"displayName": "Your shoe size"},
        anew=True,
    ),
    Must(
        "userFlowLanguages",
        _API + "resources/b2xidentityuserflow",
        not_changed="every flow has the languages of the service",
        not_anew="every flow has the languages of the service",
    ),
    Must(
        "customAuthenticationExtensions",
        _API + "customauthenticationextension-update",
        changed=_words(
            "authenticationConfiguration behaviorOnError claimsForTokenConfiguration clientConfiguration "
            "description displayName endpointConfiguration"
        ),
        values={"behaviorOnError": {"@odata.type": "#microsoft.graph.fallbackToMicrosoftProviderOnError"}},
        anew=True,
    ),
    Must(
        "permissionGrantPolicies",
        _API + "permissiongrantpolicy-update",
        changed=_words("description displayName"),
        only={"displayName": "Partners"},
        anew=True,
        by=("id",),
    ),
    *(
        Must(
            f"permissionGrant{name.capitalize()}",
            f"{_API}permissiongrantpolicy-post-{name}",
            not_changed=_FIXED,
            anew=True,
            only={"_parent": parent},  # those of others are built in
            by=(),
        )
        for name, parent in (("includes", "contoso-own"), ("excludes", "contoso-partners"))
    ),
    Must(
        "delegatedPermissionClassifications",
        _API + "serviceprincipal-post-delegatedpermissionclassifications",
        not_changed=_FIXED,
        anew=True,
        by=("permissionId",),
    ),
    Must(
        "managedIdentityCredentials",
        _API + "resources/serviceprincipal",
        not_changed="Azure keeps them with the managed identity",
        not_anew="Azure keeps them with the managed identity",
    ),
    Must(
        "defaultAppManagementPolicy",
        _API + "tenantappmanagementpolicy-update",
        changed=_words("applicationRestrictions description displayName isEnabled servicePrincipalRestrictions"),
        not_anew=_ONE,
    ),
    Must(
        "appManagementPolicies",
        _API + "appmanagementpolicy-update",
        changed=_words("description displayName isEnabled restrictions"),
        anew=True,
    ),
    *(
        Must(
            table,
            _API + page,
            changed=_words("definition description displayName isOrganizationDefault"),
            anew=True,
        )
        for table, page in (
            ("claimsMappingPolicies", "claimsmappingpolicy-update"),
            ("homeRealmDiscoveryPolicies", "homerealmdiscoverypolicy-update"),
            ("tokenIssuancePolicies", "tokenissuancepolicy-update"),
            ("tokenLifetimePolicies", "tokenlifetimepolicy-update"),
            ("activityBasedTimeoutPolicies", "activitybasedtimeoutpolicy-update"),
        )
    ),
)

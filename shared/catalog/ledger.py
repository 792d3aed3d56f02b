"""The coverage ledger: which sets are the tenant's, what a listing shows by itself, and what is left out for good.

Compared with Microsoft Graph's metadata of v1.0, also for types that are read from beta. Members of derived types
(such as a country's in named locations) stand under the type whose listing holds them.
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.catalog.coverage import Exclusion, Ledger, Why
from shared.catalog.gaps import GAPS

# Where Microsoft Graph keeps what belongs to Microsoft Entra ID.
# Source: Microsoft Graph REST API reference, the sections Identity and access, Users, Groups, Applications.
_ROOTS = """
    agreementAcceptances agreements appRoleAssignments applicationTemplates applications auditLogs
    authenticationMethodConfigurations authenticationMethodsPolicy certificateBasedAuthConfiguration contacts
    contracts devices directory directoryRoleTemplates directoryRoles domainDnsRecords domains
    groupLifecyclePolicies groupSettingTemplates groupSettings groups identity identityGovernance identityProtection
    identityProviders informationProtection invitations oauth2PermissionGrants organization permissionGrants
    policies reports roleManagement schemaExtensions scopedRoleMemberships servicePrincipals subscribedSkus
    tenantRelationships users
"""

_CROSS_TENANT = """
    appServiceConnectInbound automaticUserConsentSettings b2bCollaborationInbound b2bCollaborationOutbound
    b2bDirectConnectInbound b2bDirectConnectOutbound inboundTrust m365CollaborationInbound m365CollaborationOutbound
    tenantRestrictions
"""

# What types without a `$select` show in their listing. Source: the Properties table of each type's page in the
# reference, of which everything is returned by default that doesn't say otherwise.
_ANSWERS = {
    "organization": """
        assignedPlans businessPhones city country countryLetterCode createdDateTime defaultUsageLocation
        deletedDateTime displayName id marketingNotificationEmails mobileDeviceManagementAuthority
        onPremisesLastSyncDateTime onPremisesSyncEnabled partnerTenantType postalCode preferredLanguage
        privacyProfile provisionedPlans securityComplianceNotificationMails securityComplianceNotificationPhones
        state street technicalNotificationMails tenantType verifiedDomains
    """,
    "extensionProperties": """
        appDisplayName dataType deletedDateTime id isMultiValued isSyncedFromOnPremises name targetObjects
    """,
    "federatedIdentityCredentials": "audiences description id issuer name subject",
    "attributeSets": "description id maxAttributesPerSet",
    "customSecurityAttributeDefinitions": """
        allowedValues attributeSet description id isCollection isSearchable name status type usePreDefinedValuesOnly
    """,
    "appRoleAssignments": """
        appRoleId createdDateTime deletedDateTime id principalDisplayName principalId principalType
        resourceDisplayName resourceId
    """,
    "oauth2PermissionGrants": "clientId consentType id principalId resourceId scope",
    "administrativeUnits": """
        deletedDateTime description displayName id isMemberManagementRestricted membershipRule
        membershipRuleProcessingState membershipType visibility
    """,
    "roleDefinitions": """
        description displayName id isBuiltIn isEnabled resourceScopes rolePermissions templateId version
    """,
    "roleAssignmentScheduleInstances": """
        appScopeId assignmentType directoryScopeId endDateTime id memberType principalId roleAssignmentOriginId
        roleAssignmentScheduleId roleDefinitionId startDateTime
    """,
    "roleAssignments": """
        appScopeId condition directoryScopeId id principalId principalOrganizationId roleDefinitionId
    """,
    "roleEligibilitySchedules": """
        appScopeId createdDateTime createdUsing directoryScopeId id memberType modifiedDateTime principalId
        roleDefinitionId scheduleInfo status
    """,
    "roleAssignmentSchedules": """
        appScopeId assignmentType createdDateTime createdUsing directoryScopeId id memberType modifiedDateTime
        principalId roleDefinitionId scheduleInfo status
    """,
    "groupAssignmentSchedules": """
        accessId assignmentType createdDateTime createdUsing groupId id memberType modifiedDateTime principalId
        scheduleInfo status
    """,
    "groupEligibilitySchedules": """
        accessId createdDateTime createdUsing groupId id memberType modifiedDateTime principalId scheduleInfo status
    """,
    # The policy is shown inline, with its rules.
    **dict.fromkeys(
        ("roleManagementPolicyAssignments", "groupManagementPolicyAssignments"),
        "id policy policyId roleDefinitionId scopeId scopeType",
    ),
    # The methods are shown inline, and are objects of their own.
    "authenticationMethodsPolicy": """
        authenticationMethodConfigurations description displayName id lastModifiedDateTime policyMigrationState
        policyVersion reconfirmationInDays registrationEnforcement
    """,
    # Targets and passkey profiles are relationships in the metadata, and shown inline.
    "authenticationMethodConfigurations": """
        allowExternalIdToUseEmailOtp appId authenticationModeConfiguration certificateAuthorityScopes
        certificateUserBindings crlValidationConfiguration defaultLength defaultLifetimeInMinutes
        defaultPasskeyProfile displayName excludeTargets featureSettings id includeTargets isAttestationEnforced
        isOfficePhoneAllowed isSelfServiceRegistrationAllowed isSoftwareOathEnabled isUsableOnce
        issuerHintsConfiguration keyRestrictions maximumLifetimeInMinutes minimumLifetimeInMinutes
        openIdConnectSetting passkeyProfiles pinLength standardQRCodeLifetimeInDays state
    """,
    "authenticationStrengthPolicies": """
        allowedCombinations createdDateTime description displayName id modifiedDateTime policyType
        requirementsSatisfied
    """,
    "combinationConfigurations": "allowedAAGUIDs allowedIssuerSkis allowedPolicyOIDs appliesToCombinations id",
    "verifiedIdProfiles": """
        description faceCheckConfiguration id lastModifiedDateTime name priority state
        verifiedIdProfileConfiguration verifiedIdUsageConfigurations verifierDid
    """,
    "authenticationContextClassReferences": "description displayName id isAvailable",
    "namedLocations": """
        countriesAndRegions countryLookupMethod createdDateTime deletedDateTime displayName id
        includeUnknownCountriesAndRegions ipRanges isTrusted modifiedDateTime
    """,
    "conditionalAccessPolicies": """
        conditions createdDateTime deletedDateTime description displayName grantControls id modifiedDateTime
        sessionControls state templateId
    """,
    "authorizationPolicy": """
        allowEmailVerifiedUsersToJoinOrganization allowInvitesFrom allowUserConsentForRiskyApps
        allowedToSignUpEmailBasedSubscriptions allowedToUseSSPR blockMsolPowerShell defaultUserRolePermissions
        deletedDateTime description displayName guestUserRoleId id
    """,
    **dict.fromkeys(("groupSettings", "groupSpecificSettings"), "displayName id templateId values"),
    "identitySecurityDefaultsEnforcementPolicy": "deletedDateTime description displayName id isEnabled",
    "groupLifecyclePolicies": "alternateNotificationEmails groupLifetimeInDays id managedGroupTypes",
    "adminConsentRequestPolicy": """
        id isEnabled notifyReviewers remindersEnabled requestDurationInDays reviewers version
    """,
    **dict.fromkeys(
        (
            "activityBasedTimeoutPolicies",
            "claimsMappingPolicies",
            "homeRealmDiscoveryPolicies",
            "tokenIssuancePolicies",
            "tokenLifetimePolicies",
        ),
        "definition deletedDateTime description displayName id isOrganizationDefault",
    ),
    "permissionGrantPolicies": "deletedDateTime description displayName id",
    **dict.fromkeys(
        ("permissionGrantIncludes", "permissionGrantExcludes"),
        """
        clientApplicationIds clientApplicationPublisherIds clientApplicationTenantIds
        clientApplicationsFromVerifiedPublisherOnly id permissionClassification permissionType permissions
        resourceApplication
        """,
    ),
    "delegatedPermissionClassifications": "classification id permissionId permissionName",
    "authenticationEventsFlows": """
        conditions description displayName id onAttributeCollection onAttributeCollectionStart
        onAttributeCollectionSubmit onAuthenticationMethodLoadStart onInteractiveAuthFlowStart onUserCreateStart
    """,
    "authenticationEventListeners": "authenticationEventsFlowId conditions displayName handler id",
    "synchronizationJobs": "id schedule status synchronizationJobSettings templateId",
    "organizationalBrandingLocalizations": """
        backgroundColor backgroundImageRelativeUrl bannerLogoRelativeUrl cdnList contentCustomization
        customAccountResetCredentialsUrl customCSSRelativeUrl customCannotAccessYourAccountText
        customCannotAccessYourAccountUrl customForgotMyPasswordText customPrivacyAndCookiesText
        customPrivacyAndCookiesUrl customResetItNowText customTermsOfUseText customTermsOfUseUrl
        faviconRelativeUrl headerBackgroundColor headerLogoRelativeUrl id loginPageLayoutConfiguration
        loginPageTextVisibilitySettings signInPageText squareLogoDarkRelativeUrl squareLogoRelativeUrl
        usernameHintText
    """,
    "identityProviders": """
        certificateData clientAuthentication clientId clientSecret developerId displayName id identityProviderType
        inboundClaimMapping issuer keyId responseType scope serviceId wellKnownEndpoint
    """,
    "externalDomainFederations": """
        displayName domains id issuerUri metadataExchangeUri passiveSignInUri preferredAuthenticationProtocol
        signingCertificate
    """,
    "userFlowAttributes": "dataType description displayName id userFlowAttributeType",
    "apiConnectors": "authenticationConfiguration displayName id targetUrl",
    "b2xUserFlows": "id userFlowType userFlowTypeVersion",
    "userFlowAttributeAssignments": """
        displayName id isOptional requiresVerification userAttribute userAttributeValues userInputType
    """,
    "userFlowLanguages": "displayName id isEnabled",
    "customAuthenticationExtensions": """
        authenticationConfiguration behaviorOnError claimsForTokenConfiguration clientConfiguration description
        displayName endpointConfiguration id
    """,
    "managedIdentityCredentials": "audiences description id issuer name subject",
    "defaultAppManagementPolicy": """
        applicationRestrictions deletedDateTime description displayName id isEnabled servicePrincipalRestrictions
    """,
    "appManagementPolicies": "deletedDateTime description displayName id isEnabled restrictions",
    "authenticationFlowsPolicy": "description displayName id selfServiceSignUp",
    "crossTenantAccessPolicy": "allowedCloudEndpoints deletedDateTime description displayName id",
    "crossTenantAccessDefault": f"""
        {_CROSS_TENANT} id invitationRedemptionIdentityProviderConfiguration isServiceDefault
    """,
    "crossTenantAccessPartners": f"{_CROSS_TENANT} isInMultiTenantOrganization isServiceProvider tenantId",
    "crossTenantIdentitySynchronization": "displayName tenantId userSyncInbound",
    "multiTenantOrganizationPartnerConfiguration": """
        automaticUserConsentSettings b2bCollaborationInbound b2bCollaborationOutbound b2bDirectConnectInbound
        b2bDirectConnectOutbound id inboundTrust templateApplicationLevel
    """,
    "multiTenantOrganizationIdentitySynchronization": "id templateApplicationLevel userSyncInbound",
    "multiTenantOrganization": "createdDateTime description displayName id state",
    "deviceRegistrationPolicy": """
        azureADJoin azureADRegistration description displayName id localAdminPassword multiFactorAuthConfiguration
        userDeviceQuota
    """,
    "externalIdentitiesPolicy": """
        allowDeletedIdentitiesDataRemoval allowExternalIdentitiesToLeave deletedDateTime description displayName id
    """,
    "olderCertificateAuthorities": "certificateAuthorities id",
    "federatedTokenValidationPolicy": "deletedDateTime id validatingDomains",
    "domains": """
        authenticationType availabilityStatus id isAdminManaged isDefault isInitial isRoot isVerified manufacturer
        model passwordNotificationWindowInDays passwordValidityPeriodInDays state supportedServices
    """,
    "domainFederations": """
        activeSignInUri displayName federatedIdpMfaBehavior id isSignedAuthenticationRequestRequired issuerUri
        metadataExchangeUri nextSigningCertificate passiveSignInUri passwordResetUri preferredAuthenticationProtocol
        promptLoginBehavior signOutUri signingCertificate signingCertificateUpdateStatus
    """,
    "certificateBasedAuthConfigurations": """
        deletedDateTime displayName id lastModifiedDateTime status statusDetails
    """,
    "certificateAuthorities": """
        certificate certificateAuthorityType certificateRevocationListUrl createdDateTime deletedDateTime
        deltaCertificateRevocationListUrl displayName expirationDateTime id isIssuerHintEnabled issuer
        issuerSubjectKeyIdentifier thumbprint
    """,
    "multiTenantOrganizationTenants": """
        addedByTenantId addedDateTime deletedDateTime displayName id joinedDateTime role state tenantId
        transitionDetails
    """,
    "entitlementManagementSettings": "durationUntilExternalUserDeletedAfterBlocked externalUserLifecycleAction id",
    "lifecycleManagementSettings": "emailSettings id quarantineConfiguration workflowScheduleIntervalInHours",
    "connectedOrganizations": """
        createdDateTime description displayName id identitySources modifiedDateTime state
    """,
    "accessPackageCatalogs": """
        catalogType createdDateTime description displayName id isExternallyVisible modifiedDateTime state
    """,
    "accessPackageResources": """
        attributes createdDateTime description displayName environment id modifiedDateTime
        notificationEndpointConfiguration originId originSystem
    """,
    "accessPackageCustomWorkflowExtensions": """
        authenticationConfiguration callbackConfiguration clientConfiguration createdBy createdDateTime description
        displayName endpointConfiguration id lastModifiedBy lastModifiedDateTime
    """,
    "accessPackageResourceRoleScopes": "createdDateTime id role scope",
    "accessPackageAssignments": """
        accessPackage assignmentPolicy customExtensionCalloutInstances expiredDateTime id schedule state status
        target
    """,
    "entitlementEndUserSettings": """
        createdBy createdDateTime id isEnabled modifiedBy modifiedDateTime relatedPeopleInsightLevel
        showApproverDetailsToMembers
    """,
    "entitlementRoleAssignments": """
        appScopeId condition directoryScopeId id principalId principalOrganizationId roleDefinitionId
    """,
    "accessPackages": "catalog createdDateTime description displayName id isHidden modifiedDateTime",
    "accessPackageAssignmentPolicies": """
        accessPackage allowedTargetScope automaticRequestSettings createdDateTime customExtensionStageSettings
        description displayName expiration id modifiedDateTime notificationSettings questions
        requestApprovalSettings requestorSettings reviewSettings specificAllowedTargets
    """,
    "customTaskExtensions": """
        authenticationConfiguration callbackConfiguration clientConfiguration createdDateTime description
        displayName endpointConfiguration id lastModifiedDateTime
    """,
    # Tasks are shown inline, and the units, too, where there are any.
    "lifecycleWorkflows": """
        administrationScopeTargets category createdDateTime deletedDateTime description displayName
        executionConditions id isEnabled isSchedulingEnabled lastModifiedDateTime nextScheduleRunDateTime
        quarantineDetails settings tasks version
    """,
    "accessReviewDefinitions": """
        additionalNotificationRecipients createdBy createdDateTime descriptionForAdmins descriptionForReviewers
        displayName fallbackReviewers id instanceEnumerationScope lastModifiedDateTime reviewers scope settings
        stageSettings status
    """,
    "devices": """
        accountEnabled alternativeSecurityIds approximateLastSignInDateTime complianceExpirationDateTime
        deletedDateTime deviceCategory deviceId deviceMetadata deviceOwnership deviceVersion displayName
        enrollmentProfileName enrollmentType id isCompliant isManaged isManagementRestricted isRooted
        managementType manufacturer mdmAppId model onPremisesLastSyncDateTime onPremisesSecurityIdentifier
        onPremisesSyncEnabled operatingSystem operatingSystemVersion physicalIds profileType registrationDateTime
        systemLabels trustType
    """,
    "orgContacts": """
        addresses companyName deletedDateTime department displayName givenName id jobTitle mail mailNickname
        onPremisesLastSyncDateTime onPremisesProvisioningErrors onPremisesSyncEnabled phones proxyAddresses
        serviceProvisioningErrors surname
    """,
    "subscribedSkus": """
        accountId accountName appliesTo capabilityStatus consumedUnits id prepaidUnits servicePlans skuId
        skuPartNumber subscriptionIds
    """,
    "directoryAudits": """
        activityDateTime activityDisplayName additionalDetails category correlationId id initiatedBy
        loggedByService operationType result resultReason targetResources
    """,
    "schemaExtensions": "description id owner properties status targetTypes",
}


def _out(owner: str, why: Why, source: str, members: str) -> Iterator[Exclusion]:
    """`members`: their names, one by one, divided by blanks. Without an owner: sets of the service."""
    for member in members.split():
        yield Exclusion(f"{owner}/{member}", why, source)


def _out_whole(why: Why, source: str, types: str) -> Iterator[Exclusion]:
    """Entity types of the namespace microsoft.graph."""
    for name in types.split():
        yield Exclusion(f"microsoft.graph.{name}", why, source)


_METADATA = "Microsoft Graph metadata v1.0: "

_OTHER_SETS = (
    *_out("", Why.OTHER_SERVICE, "Microsoft Graph: appCatalogs resource type", "appCatalogs"),
    *_out("", Why.OTHER_SERVICE, "Microsoft Graph: call resource type", "communications"),
    *_out(
        "",
        Why.OTHER_SERVICE,
        "Microsoft Graph: chat, team, teamsTemplate and teamwork resource types",
        "chats teams teamsTemplates teamwork",
    ),
    *_out(
        "", Why.OTHER_SERVICE, "Microsoft Graph: drive and sharedDriveItem resource types", "drive drives shares"
    ),
    *_out("", Why.OTHER_SERVICE, "Microsoft Graph: educationRoot resource type", "education"),
    *_out("", Why.OTHER_SERVICE, "Microsoft Graph: employeeExperience resource type", "employeeExperience"),
    *_out("", Why.OTHER_SERVICE, "Microsoft Graph: externalConnection resource type", "connections external"),
    *_out("", Why.OTHER_SERVICE, "Microsoft Graph: fileStorage resource type", "storage"),
    *_out("", Why.OTHER_SERVICE, "Microsoft Graph: place resource type", "places"),
    *_out("", Why.OTHER_SERVICE, "Microsoft Graph: planner resource type", "planner"),
    *_out("", Why.OTHER_SERVICE, "Microsoft Graph: print resource type", "print"),
    *_out("", Why.OTHER_SERVICE, "Microsoft Graph: privacy resource type", "privacy"),
    *_out("", Why.OTHER_SERVICE, "Microsoft Graph: searchEntity resource type", "search"),
    *_out("", Why.OTHER_SERVICE, "Microsoft Graph: security resource type", "security"),
    *_out("", Why.OTHER_SERVICE, "Microsoft Graph: site resource type", "sites"),
    *_out("", Why.OTHER_SERVICE, "Microsoft Graph: subscription resource type", "subscriptions"),
    *_out(
        "",
        Why.OTHER_SERVICE,
        "Microsoft Graph: Working with Intune in Microsoft Graph",
        "deviceAppManagement deviceManagement",
    ),
    *_out("", Why.OTHER_SERVICE, _METADATA + "admin and what it contains", "admin"),
    *_out("", Why.OTHER_SERVICE, _METADATA + "compliance and what it contains", "compliance"),
    *_out("", Why.OTHER_SERVICE, _METADATA + "copilotRoot and what it contains", "copilot"),
    *_out("", Why.OTHER_SERVICE, _METADATA + "solutionsRoot and what it contains", "solutions"),
    *_out("", Why.OTHER_STREAM, "Microsoft Graph: dataPolicyOperation resource type", "dataPolicyOperations"),
    # What the signed-in user sees of itself.
    *_out("", Why.DELEGATED_ONLY, "Microsoft Graph: Get access on behalf of a user", "me"),
    # Every directory object once more, under one address.
    *_out("", Why.COMPUTED, "Microsoft Graph: directoryObject resource type", "directoryObjects"),
    *_out("", Why.PERMANENT, "Microsoft Graph: synchronizationSchema: functions", "functions"),
    *_out("", Why.PERMANENT, "Microsoft Graph: synchronizationSchema: filterOperators", "filterOperators"),
)

_USERS = (
    *_out("users", Why.SECRET, "Microsoft Graph: passwordProfile resource type", "passwordProfile"),
    *_out("users", Why.OTHER_SERVICE, "Microsoft Graph: user resource type, Properties", "print showInAddressList"),
    # The other ends of owners, members, managers, consents and assignments.
    *_out(
        "users",
        Why.COMPUTED,
        "Microsoft Graph: user resource type, Relationships",
        "appRoleAssignments createdObjects directReports memberOf oauth2PermissionGrants ownedDevices ownedObjects"
        " registeredDevices transitiveMemberOf",
    ),
    *_out("users", Why.COMPUTED, "Microsoft Graph: licenseDetails resource type", "licenseDetails"),
    *_out(
        "users",
        Why.OTHER_SERVICE,
        "Microsoft Graph: user resource type, Relationships",
        "activities adhocCalls calendar calendarGroups calendarView calendars chats cloudClipboard cloudPCs"
        " contactFolders contacts dataSecurityAndGovernance deviceManagementTroubleshootingEvents drive drives"
        " employeeExperience events followedSites inferenceClassification insights joinedTeams mailFolders"
        " managedAppRegistrations managedDevices messages onenote onlineMeetings outlook people planner presence"
        " settings solutions teamwork todo",
    ),
)

_GROUPS = (
    *_out(
        "groups",
        Why.COMPUTED,
        "Microsoft Graph: group resource type, Properties",
        "hasMembersWithLicenseErrors licenseProcessingState",
    ),
    # What the signed-in user has subscribed to and not yet seen.
    *_out(
        "groups",
        Why.DELEGATED_ONLY,
        "Microsoft Graph: group resource type, Properties",
        "isSubscribedByMail unseenCount",
    ),
    *_out(
        "groups",
        Why.COMPUTED,
        "Microsoft Graph: group resource type, Relationships",
        "appRoleAssignments memberOf membersWithLicenseErrors transitiveMemberOf transitiveMembers",
    ),
    *_out(
        "groups",
        Why.OTHER_SERVICE,
        "Microsoft Graph: group resource type, Relationships",
        "calendar calendarView conversations drive drives events onenote planner sites team threads",
    ),
)

_REST = (
    # The other ends of what policies are assigned to, which is read there.
    *_out(
        "applications",
        Why.COMPUTED,
        "Microsoft Graph: application resource type, Relationships",
        "appManagementPolicies homeRealmDiscoveryPolicies tokenIssuancePolicies tokenLifetimePolicies",
    ),
    *_out(
        "servicePrincipals",
        Why.COMPUTED,
        "Microsoft Graph: servicePrincipal resource type, Relationships",
        "appManagementPolicies claimsMappingPolicies homeRealmDiscoveryPolicies tokenIssuancePolicies"
        " tokenLifetimePolicies",
    ),
    # Who made an application for somebody else: read-only, and empty in most.
    *_out(
        "applications",
        Why.NO_WRITE_API,
        "Microsoft Graph: application resource type, Relationships",
        "createdOnBehalfOf",
    ),
    *_out(
        "servicePrincipals",
        Why.COMPUTED,
        "Microsoft Graph: servicePrincipal resource type, Relationships",
        "appRoleAssignments createdObjects memberOf oauth2PermissionGrants ownedObjects transitiveMemberOf",
    ),
    *_out("servicePrincipals", Why.OTHER_SERVICE, "Microsoft Graph: endpoint resource type", "endpoints"),
    # The objects whose ids stand in principalId, roleDefinitionId and directoryScopeId.
    *_out(
        "roleAssignments",
        Why.COMPUTED,
        "Microsoft Graph: unifiedRoleAssignment resource type, Relationships",
        "directoryScope principal roleDefinition",
    ),
    *_out(
        "entitlementRoleAssignments",
        Why.COMPUTED,
        "Microsoft Graph: unifiedRoleAssignment resource type, Relationships",
        "appScope directoryScope principal roleDefinition",
    ),
    *_out(
        "roleAssignmentScheduleInstances",
        Why.COMPUTED,
        "Microsoft Graph: unifiedRoleScheduleInstanceBase resource type, Relationships",
        "directoryScope principal roleDefinition",
    ),
    *_out(
        "roleEligibilitySchedules",
        Why.COMPUTED,
        "Microsoft Graph: unifiedRoleScheduleBase resource type, Relationships",
        "appScope directoryScope principal roleDefinition",
    ),
    *_out(
        "roleAssignmentSchedules",
        Why.COMPUTED,
        "Microsoft Graph: unifiedRoleAssignmentSchedule resource type, Relationships",
        "activatedUsing appScope directoryScope principal roleDefinition",
    ),
    *_out(
        "groupEligibilitySchedules",
        Why.COMPUTED,
        "Microsoft Graph: privilegedAccessGroupEligibilitySchedule resource type, Relationships",
        "group principal",
    ),
    *_out(
        "groupAssignmentSchedules",
        Why.COMPUTED,
        "Microsoft Graph: privilegedAccessGroupAssignmentSchedule resource type, Relationships",
        "activatedUsing group principal",
    ),
    # The other ends of members and managers.
    *_out(
        "devices",
        Why.COMPUTED,
        "Microsoft Graph: device resource type, Relationships",
        "memberOf transitiveMemberOf",
    ),
    *_out(
        "orgContacts",
        Why.COMPUTED,
        "Microsoft Graph: orgContact resource type, Relationships",
        "directReports memberOf transitiveMemberOf",
    ),
    # The same as userFlowIdentityProviders, by older types.
    *_out(
        "b2xUserFlows",
        Why.COMPUTED,
        "Microsoft Graph: b2xIdentityUserFlow resource type, Relationships",
        "identityProviders",
    ),
    *_out(
        "userFlowLanguages",
        Why.PERMANENT,
        "Microsoft Graph: userFlowLanguageConfiguration resource type, Relationships",
        "defaultPages",
    ),
    # Built-in roles only have it.
    *_out(
        "roleDefinitions",
        Why.PERMANENT,
        "Microsoft Graph: unifiedRoleDefinition resource type, Relationships",
        "inheritsPermissionsFrom",
    ),
    # Of a derived type that only answers to a what-if question.
    *_out(
        "conditionalAccessPolicies",
        Why.COMPUTED,
        "Microsoft Graph: whatIfAnalysisResult resource type",
        "analysisReasons policyApplies",
    ),
    # What came of each review: who was asked, when, and what they said.
    *_out(
        "accessReviewDefinitions",
        Why.OTHER_STREAM,
        "Microsoft Graph: accessReviewInstance and accessReviewInstanceDecisionItem resource types",
        "instances",
    ),
    # Who made it and who changed it last.
    *_out(
        "customTaskExtensions",
        Why.COMPUTED,
        "Microsoft Graph: customTaskExtension resource type, Relationships",
        "createdBy lastModifiedBy",
    ),
    # Who it would act on now, and who made it.
    *_out(
        "lifecycleWorkflows",
        Why.COMPUTED,
        "Microsoft Graph: workflow resource type, Relationships",
        "createdBy executionScope lastModifiedBy previewScope",
    ),
    *_out(
        "lifecycleWorkflows",
        Why.OTHER_STREAM,
        "Microsoft Graph: run, taskReport and userProcessingResult resource types",
        "runs taskReports userProcessingResults",
    ),
    # What a workflow was before; the service makes one of each change.
    *_out(
        "lifecycleWorkflows",
        Why.NO_WRITE_API,
        "Microsoft Graph: workflowVersion resource type",
        "versions",
    ),
    # Who has a name in the domain, and what its owner puts into DNS.
    *_out(
        "domains",
        Why.COMPUTED,
        "Microsoft Graph: domain resource type, Relationships",
        "domainNameReferences rootDomain serviceConfigurationRecords verificationDnsRecords",
    ),
    # How this tenant came to be among the organization's tenants, which are read.
    *_out(
        "multiTenantOrganization",
        Why.COMPUTED,
        "Microsoft Graph: multiTenantOrganizationJoinRequestRecord resource type",
        "joinRequest",
    ),
    *_out(
        "microsoft.graph.informationProtection",
        Why.SECRET,
        "Microsoft Graph: bitlockerRecoveryKey resource type",
        "bitlocker",
    ),
    *_out(
        "microsoft.graph.informationProtection",
        Why.OTHER_SERVICE,
        "Microsoft Graph: threatAssessmentRequest resource type",
        "threatAssessmentRequests",
    ),
    *_out(
        "microsoft.graph.reportRoot",
        Why.OTHER_SERVICE,
        "Microsoft Graph: printUsageByUser resource type",
        "dailyPrintUsageByPrinter dailyPrintUsageByUser monthlyPrintUsageByPrinter monthlyPrintUsageByUser",
    ),
    *_out(
        "microsoft.graph.reportRoot",
        Why.OTHER_SERVICE,
        _METADATA + "namespace microsoft.graph.partners.billing",
        "partners",
    ),
    *_out(
        "microsoft.graph.reportRoot",
        Why.OTHER_SERVICE,
        "Microsoft Graph: securityReportsRoot resource type",
        "security",
    ),
    *_out(
        "microsoft.graph.directory",
        Why.OTHER_SERVICE,
        _METADATA + "namespace microsoft.graph.entraRecoveryServices",
        "recovery",
    ),
)

_TYPES = (
    # The default is listed among the languages.
    *_out_whole(Why.COMPUTED, "Microsoft Graph: List localizations", "organizationalBranding"),
    *_out_whole(
        Why.OTHER_SERVICE,
        "Microsoft Graph: endpoint and mailbox resource types",
        "endpoint mailbox",
    ),
    *_out_whole(
        Why.DELEGATED_ONLY,
        "Microsoft Graph permissions reference: Agreement.Read.All",
        "agreement",
    ),
    *_out_whole(
        Why.DELEGATED_ONLY,
        "Microsoft Graph: Get ownerlessGroupPolicy, Permissions",
        "ownerlessGroupPolicy",
    ),
    *_out_whole(
        Why.DELEGATED_ONLY,
        "Microsoft Graph permissions reference: Policy.Read.HybridAuthentication",
        "featureRolloutPolicy",
    ),
    *_out_whole(
        Why.DELEGATED_ONLY,
        "Microsoft Graph permissions reference: OnPremDirectorySynchronization.Read.All",
        "onPremisesDirectorySynchronization",
    ),
    *_out_whole(
        Why.DELEGATED_ONLY,
        "Microsoft Graph: List fraudProtectionProviders, Permissions",
        "arkoseFraudProtectionProvider humanSecurityFraudProtectionProvider",
    ),
    *_out_whole(
        Why.DELEGATED_ONLY,
        "Microsoft Graph: List webApplicationFirewallProviders, Permissions",
        "akamaiWebApplicationFirewallProvider cloudFlareWebApplicationFirewallProvider",
    ),
    *_out_whole(
        Why.SECRET, "Microsoft Graph: deviceLocalCredentialInfo resource type", "deviceLocalCredentialInfo"
    ),
    *_out_whole(Why.PERMANENT, "Microsoft Graph: applicationTemplate resource type", "applicationTemplate"),
    *_out_whole(
        Why.PERMANENT, "Microsoft Graph: conditionalAccessTemplate resource type", "conditionalAccessTemplate"
    ),
    *_out_whole(Why.PERMANENT, "Microsoft Graph: directoryRoleTemplate resource type", "directoryRoleTemplate"),
    *_out_whole(Why.PERMANENT, "Microsoft Graph: groupSettingTemplate resource type", "groupSettingTemplate"),
    *_out_whole(
        Why.PERMANENT,
        "Microsoft Graph: unifiedRbacResourceNamespace resource type",
        "unifiedRbacResourceNamespace",
    ),
    *_out_whole(
        Why.PERMANENT,
        "Microsoft Graph: taskDefinition and workflowTemplate resource types",
        "identityGovernance.taskDefinition identityGovernance.workflowTemplate",
    ),
    *_out_whole(
        Why.OTHER_STREAM,
        "Microsoft Graph: insights resource type",
        "identityGovernance.insights",
    ),
    *_out_whole(
        Why.OTHER_STREAM,
        "Microsoft Graph: riskDetection, servicePrincipalRiskDetection, riskyUserHistoryItem resource types",
        "riskDetection riskyServicePrincipalHistoryItem riskyUserHistoryItem servicePrincipalRiskDetection",
    ),
    # Reports of decisions, made on demand and kept for a month.
    *_out_whole(
        Why.OTHER_STREAM,
        "Microsoft Graph: accessReviewHistoryDefinition resource type",
        "accessReviewHistoryDefinition",
    ),
    *_out_whole(
        Why.OTHER_STREAM,
        "Microsoft Graph: signIn and provisioningObjectSummary resource types",
        "provisioningObjectSummary signIn",
    ),
)

_ENTITLEMENT = (
    # Both are named by the other end: a package by its catalog, a policy by its package.
    *_out("accessPackageCatalogs", Why.COMPUTED, "Microsoft Graph: accessPackage resource type", "accessPackages"),
    # Which roles and scopes there are follows from the group, application or site that is offered.
    *_out(
        "accessPackageCatalogs",
        Why.COMPUTED,
        "Microsoft Graph: accessPackageResourceRole and accessPackageResourceScope resource types",
        "resourceRoles resourceScopes",
    ),
    *_out(
        "accessPackageResources",
        Why.COMPUTED,
        "Microsoft Graph: accessPackageResource resource type",
        "roles scopes",
    ),
    *_out(
        "accessPackageResources",
        Why.OTHER_STREAM,
        "Microsoft Graph: customDataProvidedResourceUploadSession resource type",
        "uploadSessions",
    ),
    *_out_whole(
        Why.OTHER_STREAM,
        "Microsoft Graph: accessPackageAssignmentRequest and accessPackageResourceRequest resource types",
        "accessPackageAssignmentRequest accessPackageResourceRequest",
    ),
    # Nothing but what the settings of end users, which are read by themselves, inherit from.
    *_out_whole(Why.COMPUTED, "Microsoft Graph: controlConfiguration resource type", "controlConfiguration"),
    # Made for whoever asks for a package or is assigned one; read with each assignment.
    *_out_whole(Why.COMPUTED, "Microsoft Graph: accessPackageSubject resource type", "accessPackageSubject"),
    *_out_whole(
        Why.OTHER_SERVICE,
        "Microsoft Graph: accessPackageResourceEnvironment resource type: where SharePoint Online keeps sites",
        "accessPackageResourceEnvironment",
    ),
    *_out_whole(
        Why.COMPUTED,
        "Microsoft Graph: availableAccessPackage resource type: what the caller may ask for",
        "availableAccessPackage",
    ),
    *_out_whole(
        Why.DELEGATED_ONLY,
        "Microsoft Graph: accessPackageSuggestion: filterByCurrentUser",
        "accessPackageSuggestion",
    ),
    *_out(
        "accessPackages",
        Why.COMPUTED,
        "Microsoft Graph: accessPackage and accessPackageAssignmentPolicy resource types",
        "accessPackagesIncompatibleWith assignmentPolicies",
    ),
    *_out(
        "accessPackageAssignmentPolicies",
        Why.COMPUTED,
        "Microsoft Graph: accessPackageAssignmentPolicy resource type, Relationships",
        "catalog",
    ),
)

# What never occurs by itself: `Abstract` in the metadata.
_ABSTRACT = _out_whole(
    Why.COMPUTED,
    _METADATA + "abstract entity types",
    "customCalloutExtension fraudProtectionProvider policyBase samlOrWsFedProvider stsPolicy"
    " webApplicationFirewallProvider",
)

# What is read, from another side or as it comes to at this moment.
_VIEWS = (
    # Assignments of roles whose scope is an administrative unit, which are read as such.
    *_out(
        "administrativeUnits",
        Why.COMPUTED,
        "Microsoft Graph: scopedRoleMembership and unifiedRoleAssignment resource types",
        "scopedRoleMembers",
    ),
    *_out(
        "users",
        Why.COMPUTED,
        "Microsoft Graph: scopedRoleMembership and unifiedRoleAssignment resource types",
        "scopedRoleMemberOf",
    ),
    *_out_whole(
        Why.COMPUTED,
        "Microsoft Graph: scopedRoleMembership and unifiedRoleAssignment resource types",
        "scopedRoleMembership",
    ),
    # The other end of sponsors.
    *_out("users", Why.COMPUTED, "Microsoft Graph: user resource type, Relationships", "sponsorOf"),
    # Built-in roles as they were called when they had to be activated.
    *_out_whole(
        Why.COMPUTED,
        "Microsoft Graph: directoryRole resource type: unifiedRoleDefinition is recommended",
        "directoryRole",
    ),
    # Policies are shown with what they are assigned to, and with their rules.
    *_out_whole(
        Why.COMPUTED,
        "Microsoft Graph: List roleManagementPolicyAssignments: $expand=policy($expand=rules)",
        "unifiedRoleManagementPolicy",
    ),
    # What an eligibility comes to at this moment.
    *_out_whole(
        Why.COMPUTED,
        "Microsoft Graph: unifiedRoleEligibilityScheduleInstance resource type",
        "unifiedRoleEligibilityScheduleInstance",
    ),
    *_out_whole(
        Why.COMPUTED,
        "Microsoft Graph: privilegedAccessGroupAssignmentScheduleInstance and"
        " privilegedAccessGroupEligibilityScheduleInstance resource types",
        "privilegedAccessGroupAssignmentScheduleInstance privilegedAccessGroupEligibilityScheduleInstance",
    ),
    # The eligibility behind an activation is an object of its own.
    *_out(
        "roleAssignmentScheduleInstances",
        Why.COMPUTED,
        "Microsoft Graph: unifiedRoleAssignmentScheduleInstance resource type, Relationships",
        "activatedUsing appScope",
    ),
    # What appScopeId names.
    *_out(
        "roleAssignments",
        Why.COMPUTED,
        "Microsoft Graph: unifiedRoleAssignment resource type, Relationships",
        "appScope",
    ),
    # Every directory object once more, by what they all have.
    *_out_whole(Why.COMPUTED, "Microsoft Graph: directoryObject resource type", "directoryObject"),
    # The same photo, in other sizes.
    *_out("users", Why.COMPUTED, "Microsoft Graph: user resource type, Relationships", "photos"),
    *_out("groups", Why.COMPUTED, "Microsoft Graph: group resource type, Relationships", "photos"),
    # The tenant's own id.
    *_out("groups", Why.COMPUTED, _METADATA + "group: organizationId", "organizationId"),
    # What the domains' owner puts into DNS, as on each domain.
    *_out_whole(
        Why.COMPUTED,
        "Microsoft Graph: domainDnsRecord resource type",
        "domainDnsCnameRecord domainDnsMxRecord domainDnsRecord domainDnsSrvRecord domainDnsTxtRecord"
        " domainDnsUnavailableRecord",
    ),
    # The same providers by an older type.
    *_out_whole(
        Why.COMPUTED,
        "Microsoft Graph: identityProvider resource type (deprecated): identityProviderBase",
        "identityProvider",
    ),
    # What the identity protection service concludes from its detections, and what is counted of methods.
    *_out_whole(
        Why.COMPUTED,
        "Microsoft Graph: riskyUser and riskyServicePrincipal resource types",
        "riskyServicePrincipal riskyUser",
    ),
    *_out_whole(Why.COMPUTED, "Microsoft Graph: userRegistrationDetails resource type", "userRegistrationDetails"),
    # Every combination that there is, and the methods that they are made of.
    *_out_whole(
        Why.PERMANENT,
        "Microsoft Graph: authenticationStrengthRoot and authenticationMethodModeDetail resource types",
        "authenticationStrengthRoot",
    ),
)

# What was asked for and what became of it.
_REQUESTS = (
    *_out_whole(
        Why.OTHER_STREAM,
        "Microsoft Graph: appConsentRequest and userConsentRequest resource types",
        "appConsentRequest",
    ),
    *_out_whole(Why.OTHER_STREAM, "Microsoft Graph: approvalStage resource type", "approvalStage"),
    *_out_whole(Why.OTHER_STREAM, "Microsoft Graph: invitation resource type", "invitation"),
    *_out_whole(
        Why.OTHER_STREAM,
        "Microsoft Graph: unifiedRoleAssignmentScheduleRequest and unifiedRoleEligibilityScheduleRequest"
        " resource types",
        "unifiedRoleAssignmentScheduleRequest unifiedRoleEligibilityScheduleRequest",
    ),
    *_out_whole(
        Why.OTHER_STREAM,
        "Microsoft Graph: privilegedAccessGroupAssignmentScheduleRequest and"
        " privilegedAccessGroupEligibilityScheduleRequest resource types",
        "privilegedAccessGroupAssignmentScheduleRequest privilegedAccessGroupEligibilityScheduleRequest",
    ),
    # Who accepted which terms, and when.
    *_out("users", Why.OTHER_STREAM, "Microsoft Graph: agreementAcceptance resource type", "agreementAcceptances"),
    *_out_whole(Why.OTHER_STREAM, "Microsoft Graph: agreementAcceptance resource type", "agreementAcceptance"),
    # What provisioning signs in by at the other end, which a GET doesn't show.
    *_out(
        "microsoft.graph.synchronization",
        Why.SECRET,
        "Microsoft Graph: synchronizationSecretKeyStringValuePair resource type",
        "secrets",
    ),
    # What a service principal can be provisioned by is its application's, or the gallery's.
    *_out(
        "microsoft.graph.synchronization",
        Why.COMPUTED,
        "Microsoft Graph: synchronizationTemplate resource type, applicationId",
        "templates",
    ),
    # What a source of people sent to a provisioning job.
    *_out(
        "synchronizationJobs",
        Why.OTHER_STREAM,
        "Microsoft Graph: synchronizationJob: Perform bulkUpload",
        "bulkUpload",
    ),
    *_out_whole(
        Why.OTHER_STREAM,
        _METADATA + "webApplicationFirewallVerificationModel: verifiedOn and verificationResult",
        "webApplicationFirewallVerificationModel",
    ),
)

_ELSEWHERE = (
    # Who may write to a group's mailbox.
    *_out(
        "groups",
        Why.DELEGATED_ONLY,
        "Microsoft Graph: List acceptedSenders and List rejectedSenders, Permissions",
        "acceptedSenders rejectedSenders",
    ),
    # A signed-in user's own view of the group's mailbox.
    *_out(
        "groups",
        Why.DELEGATED_ONLY,
        _METADATA + "group: isFavorite, unseenConversationsCount and unseenMessagesCount",
        "isFavorite unseenConversationsCount unseenMessagesCount",
    ),
    *_out("groups", Why.OTHER_SERVICE, _METADATA + "group: welcomeMessageEnabled", "welcomeMessageEnabled"),
    *_out("groups", Why.OTHER_SERVICE, "Microsoft Graph: Archive team", "isArchived"),
    *_out(
        "groups",
        Why.OTHER_SERVICE,
        "Microsoft Purview: Information barriers in Microsoft Teams and SharePoint",
        "infoCatalogs",
    ),
    # Who made a group for somebody else: read-only.
    *_out("groups", Why.NO_WRITE_API, "Microsoft Graph: group resource type, Relationships", "createdOnBehalfOf"),
    # What apps of Microsoft Teams were allowed when they were installed there.
    *_out(
        "groups",
        Why.OTHER_SERVICE,
        "Microsoft Teams: Resource-specific consent for Teams apps",
        "permissionGrants",
    ),
    *_out(
        "users",
        Why.OTHER_SERVICE,
        "Microsoft Teams: Resource-specific consent for Teams apps",
        "permissionGrants",
    ),
    *_out_whole(
        Why.OTHER_SERVICE,
        "Microsoft Teams: Resource-specific consent for Teams apps",
        "resourceSpecificPermissionGrant",
    ),
    *_out("users", Why.OTHER_SERVICE, "Microsoft Graph: mailboxSettings resource type", "mailboxSettings"),
    *_out("users", Why.OTHER_SERVICE, "Microsoft Graph: user resource type, mySite", "mySite"),
    *_out(
        "users",
        Why.OTHER_SERVICE,
        "Microsoft Graph: user resource type (Intune), deviceEnrollmentLimit",
        "deviceEnrollmentLimit",
    ),
    # What stands for an object of a partner's tenant: read-only.
    *_out_whole(
        Why.NO_WRITE_API,
        "Microsoft Graph: directoryObjectPartnerReference resource type",
        "directoryObjectPartnerReference",
    ),
    # What a partner of Microsoft and its customers agreed upon in Partner Center.
    *_out_whole(Why.OTHER_SERVICE, "Microsoft Graph: contract resource type", "contract"),
    *_out_whole(
        Why.OTHER_SERVICE,
        "Microsoft Partner Center: Granular delegated admin privileges (GDAP) introduction",
        "delegatedAdminCustomer delegatedAdminRelationship resellerDelegatedAdminRelationship",
    ),
    *_out_whole(Why.OTHER_SERVICE, "Microsoft Graph: companySubscription resource type", "companySubscription"),
    # No method assigns it; a policy of this kind is the tenant's default, or nobody's.
    *_out(
        "activityBasedTimeoutPolicies",
        Why.NO_WRITE_API,
        "Microsoft Graph: activityBasedTimeoutPolicy resource type, Methods",
        "appliesTo",
    ),
)

LEDGER = Ledger(
    roots=frozenset(_ROOTS.split()),
    answers={name: frozenset(members.split()) for name, members in _ANSWERS.items()},
    exclusions=(
        *_OTHER_SETS,
        *_USERS,
        *_GROUPS,
        *_REST,
        *_TYPES,
        *_ENTITLEMENT,
        *_ABSTRACT,
        *_VIEWS,
        *_REQUESTS,
        *_ELSEWHERE,
    ),
    gaps=GAPS,
)

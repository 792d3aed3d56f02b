"""What Graph declares of the tenant and nothing here reads yet. The list may only get shorter.

How many there are is committed in `tests/unit/coverage.json`; a name goes when what it names comes into the
catalog.
"""

from __future__ import annotations

_MEMBERS = {
    "accessPackageCatalogs": """
        accessPackages customWorkflowExtensions resourceRoles resourceScopes resources
    """,
    "activityBasedTimeoutPolicies": "appliesTo",
    "administrativeUnits": "extensions scopedRoleMembers",
    "applications": """
        appManagementPolicies createdOnBehalfOf homeRealmDiscoveryPolicies inheritablePermissions logo
        managerApplications oauth2RequirePostResponse sponsors synchronization tokenIssuancePolicies
        tokenLifetimePolicies
    """,
    "authenticationMethodConfigurations": "passkeyProfiles",
    "crossTenantAccessPartners": "serviceProviderConstraints",
    "devices": "extensions",
    "groups": """
        acceptedSenders accessType createdOnBehalfOf extensions groupLifecyclePolicies infoCatalogs isArchived
        isFavorite onPremisesExtensionAttributes onPremisesSyncBehavior organizationId permissionGrants photo
        photos rejectedSenders settings unseenConversationsCount unseenMessagesCount welcomeMessageEnabled
    """,
    "orgContacts": "onPremisesSyncBehavior",
    "organization": "branding certificateBasedAuthConfiguration extensions",
    "roleAssignmentScheduleInstances": "activatedUsing appScope",
    "roleAssignments": "appScope",
    "servicePrincipals": """
        agentIdentityBlueprintId appManagementPolicies claimsMappingPolicies createdDateTime
        delegatedPermissionClassifications federatedIdentityCredentials homeRealmDiscoveryPolicies
        remoteDesktopSecurityConfiguration sponsors synchronization tokenIssuancePolicies tokenLifetimePolicies
    """,
    "users": """
        agreementAcceptances authorizationInfo deviceEnrollmentLimit employeeLeaveDateTime extensions
        identityParentId mailboxSettings mySite onPremisesSyncBehavior permissionGrants photo photos
        scopedRoleMemberOf sponsorOf sponsors
    """,
}

# Entity types that no declaration reads, of the namespace microsoft.graph.
_TYPES = """
    accessPackage accessPackageAssignment accessPackageAssignmentPolicy accessPackageAssignmentRequest
    accessPackageAssignmentRequestWorkflowExtension accessPackageAssignmentWorkflowExtension
    accessPackageMultipleChoiceQuestion accessPackageQuestion accessPackageResource
    accessPackageResourceEnvironment accessPackageResourceRequest accessPackageResourceRole
    accessPackageResourceRoleScope accessPackageResourceScope accessPackageSubject accessPackageSuggestion
    accessPackageTextInputQuestion agreementAcceptance akamaiWebApplicationFirewallProvider appConsentRequest
    appManagementPolicy appScope appleManagedIdentityProvider approvalStage approvedClientApp
    arkoseFraudProtectionProvider authenticationEventListener authenticationEventsFlow
    authenticationStrengthRoot availableAccessPackage b2xIdentityUserFlow builtInIdentityProvider bulkUpload
    certificateBasedAuthConfiguration cloudFlareWebApplicationFirewallProvider companySubscription contract
    controlConfiguration customAuthenticationExtension customCalloutExtension customDataProvidedResource
    customDataProvidedResourceAccessReviewUploadSession customDataProvidedResourceUploadSession
    delegatedAdminAccessAssignment delegatedAdminCustomer delegatedAdminRelationship
    delegatedAdminRelationshipOperation delegatedAdminRelationshipRequest delegatedAdminServiceManagementDetail
    delegatedAdminServiceProviderConstraints delegatedPermissionClassification
    directoryDefinition directoryObject directoryObjectPartnerReference directoryRole domainDnsCnameRecord
    domainDnsMxRecord domainDnsRecord domainDnsSrvRecord domainDnsTxtRecord domainDnsUnavailableRecord
    endUserSettings extension externalDomainName externalUsersSelfServiceSignUpEventsFlow
    federatedTokenValidationPolicy fraudProtectionProvider humanSecurityFraudProtectionProvider
    identityApiConnector identityBuiltInUserFlowAttribute identityCustomUserFlowAttribute

    identityProvider identityProviderBase identityUserFlowAttribute
    identityUserFlowAttributeAssignment inheritablePermission invitation oidcIdentityProvider
    onAttributeCollectionListener onAttributeCollectionStartCustomExtension onAttributeCollectionStartListener
    onAttributeCollectionSubmitCustomExtension onAttributeCollectionSubmitListener
    onAuthenticationMethodLoadStartListener onEmailOtpSendListener onFraudProtectionLoadStartListener
    onInteractiveAuthFlowStartListener onOtpSendCustomExtension onPasswordSubmitCustomExtension
    onPasswordSubmitListener onPremisesSyncBehavior onTokenIssuanceStartCustomExtension
    onTokenIssuanceStartListener onUserCreateStartListener onVerifiedIdClaimValidationCustomExtension
    onVerifiedIdClaimValidationListener openTypeExtension organizationalBranding
    organizationalBrandingLocalization ownerlessGroupPolicy permissionGrantConditionSet permissionGrantPolicy
    policyBase privilegedAccessGroupAssignmentScheduleInstance
    privilegedAccessGroupAssignmentScheduleRequest
    privilegedAccessGroupEligibilityScheduleInstance privilegedAccessGroupEligibilityScheduleRequest
    profilePhoto remoteDesktopSecurityConfiguration remoteTenantGroup resellerDelegatedAdminRelationship
    resourceSpecificPermissionGrant riskyServicePrincipal riskyUser samlOrWsFedExternalDomainFederation
    samlOrWsFedProvider scopedRoleMembership serviceProviderConstraints socialIdentityProvider stsPolicy
    synchronization synchronizationJob synchronizationSchema synchronizationTemplate targetDeviceGroup
    tenantAppManagementPolicy unifiedRoleAssignmentSchedule unifiedRoleAssignmentScheduleRequest
    unifiedRoleEligibilityScheduleInstance unifiedRoleEligibilityScheduleRequest unifiedRoleManagementPolicy
    unifiedRoleManagementPolicyApprovalRule unifiedRoleManagementPolicyAuthenticationContextRule
    unifiedRoleManagementPolicyEnablementRule unifiedRoleManagementPolicyExpirationRule
    unifiedRoleManagementPolicyNotificationRule unifiedRoleManagementPolicyRule userConsentRequest
    userFlowLanguageConfiguration userFlowLanguagePage userRegistrationDetails verifiedIdProfile
    webApplicationFirewallProvider webApplicationFirewallVerificationModel
"""

GAPS = frozenset(
    (
        *(f"{owner}/{member}" for owner, members in _MEMBERS.items() for member in members.split()),
        *(f"microsoft.graph.{name}" for name in _TYPES.split()),
    )
)

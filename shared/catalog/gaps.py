"""What Graph declares of the tenant and nothing here reads yet. The list may only get shorter.

How many there are is committed in `tests/unit/coverage.json`; a name goes when what it names comes into the
catalog.
"""

from __future__ import annotations

_MEMBERS = {
    "activityBasedTimeoutPolicies": "appliesTo",
    "administrativeUnits": "extensions scopedRoleMembers",
    "applications": """
        inheritablePermissions logo managerApplications oauth2RequirePostResponse sponsors synchronization
    """,
    "authenticationMethodConfigurations": "passkeyProfiles",
    "b2xUserFlows": "apiConnectorConfiguration",
    "crossTenantAccessPartners": "serviceProviderConstraints",
    "devices": "extensions",
    "groups": """
        acceptedSenders accessType createdOnBehalfOf extensions groupLifecyclePolicies infoCatalogs isArchived
        isFavorite onPremisesExtensionAttributes onPremisesSyncBehavior organizationId permissionGrants photo
        photos rejectedSenders settings unseenConversationsCount unseenMessagesCount welcomeMessageEnabled
    """,
    "orgContacts": "onPremisesSyncBehavior",
    "organization": "certificateBasedAuthConfiguration extensions",
    "organizationalBrandingLocalizations": """
        backgroundImage bannerLogo customCSS favicon headerLogo squareLogo squareLogoDark
    """,
    "roleAssignmentScheduleInstances": "activatedUsing appScope",
    "roleAssignments": "appScope",
    "servicePrincipals": "agentIdentityBlueprintId createdDateTime remoteDesktopSecurityConfiguration sponsors",
    "synchronizationJobs": "bulkUpload schema",
    "userFlowLanguages": "overridesPages",
    "users": """
        agreementAcceptances authorizationInfo deviceEnrollmentLimit employeeLeaveDateTime extensions
        identityParentId mailboxSettings mySite onPremisesSyncBehavior permissionGrants photo photos
        scopedRoleMemberOf sponsorOf sponsors
    """,
}

# Entity types that no declaration reads, of the namespace microsoft.graph.
_TYPES = """
    agreementAcceptance akamaiWebApplicationFirewallProvider appConsentRequest appScope approvalStage
    approvedClientApp arkoseFraudProtectionProvider authenticationStrengthRoot bulkUpload
    certificateBasedAuthConfiguration cloudFlareWebApplicationFirewallProvider companySubscription contract
    customCalloutExtension delegatedAdminAccessAssignment delegatedAdminCustomer delegatedAdminRelationship
    delegatedAdminRelationshipOperation delegatedAdminRelationshipRequest delegatedAdminServiceManagementDetail
    delegatedAdminServiceProviderConstraints directoryDefinition directoryObject directoryObjectPartnerReference
    directoryRole domainDnsCnameRecord domainDnsMxRecord domainDnsRecord domainDnsSrvRecord domainDnsTxtRecord
    domainDnsUnavailableRecord extension federatedTokenValidationPolicy fraudProtectionProvider
    humanSecurityFraudProtectionProvider identityProvider inheritablePermission invitation oidcIdentityProvider
    onPremisesSyncBehavior openTypeExtension ownerlessGroupPolicy policyBase
    privilegedAccessGroupAssignmentScheduleInstance privilegedAccessGroupAssignmentScheduleRequest
    privilegedAccessGroupEligibilityScheduleInstance privilegedAccessGroupEligibilityScheduleRequest
    profilePhoto remoteDesktopSecurityConfiguration remoteTenantGroup resellerDelegatedAdminRelationship
    resourceSpecificPermissionGrant riskyServicePrincipal riskyUser samlOrWsFedProvider scopedRoleMembership
    serviceProviderConstraints stsPolicy synchronization synchronizationSchema synchronizationTemplate
    targetDeviceGroup unifiedRoleAssignmentSchedule unifiedRoleAssignmentScheduleRequest
    unifiedRoleEligibilityScheduleInstance unifiedRoleEligibilityScheduleRequest unifiedRoleManagementPolicy
    unifiedRoleManagementPolicyApprovalRule unifiedRoleManagementPolicyAuthenticationContextRule
    unifiedRoleManagementPolicyEnablementRule unifiedRoleManagementPolicyExpirationRule
    unifiedRoleManagementPolicyNotificationRule unifiedRoleManagementPolicyRule userConsentRequest
    userFlowLanguagePage userRegistrationDetails verifiedIdProfile webApplicationFirewallProvider
    webApplicationFirewallVerificationModel
"""

GAPS = frozenset(
    (
        *(f"{owner}/{member}" for owner, members in _MEMBERS.items() for member in members.split()),
        *(f"microsoft.graph.{name}" for name in _TYPES.split()),
    )
)

"""One declaration per object type: what a create needs, what a write may not touch, what a read shows.

Sources are the resource and "create" pages of each type on learn.microsoft.com under /graph/api/ (v1.0), and
"Microsoft Graph metadata v1.0" for names. What those pages leave open is listed in behaviour.py as unverified.
"""

from __future__ import annotations

import dataclasses
import functools

from .form import LinkRule, TypeRule
from .group_access import (
    GROUP_ASSIGNMENT_REQUESTS,
    GROUP_ASSIGNMENTS,
    GROUP_ELIGIBILITIES,
    GROUP_ELIGIBILITY_REQUESTS,
)
from .inventory import CONTACTS, DEVICES
from .plain_rows import PLAIN
from .registry import words

_GUIDE = "https://learn.microsoft.com/graph/api/"

USERS = TypeRule(
    table="users",
    odata_type="#microsoft.graph.user",
    model="user.User",
    source=_GUIDE + "user-post-users",
    required=("accountEnabled", "displayName", "mailNickname", "passwordProfile", "userPrincipalName"),
    read_only=frozenset(
        words(
            "id createdDateTime deletedDateTime mail proxyAddresses assignedPlans provisionedPlans "
            "assignedLicenses licenseAssignmentStates securityIdentifier signInActivity "
            "lastPasswordChangeDateTime signInSessionsValidFromDateTime isManagementRestricted creationType "
            "externalUserState externalUserStateChangeDateTime onPremisesDistinguishedName "
            "onPremisesDomainName onPremisesLastSyncDateTime onPremisesProvisioningErrors "
            "onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesSyncEnabled "
            "onPremisesUserPrincipalName legalAgeGroupClassification imAddresses serviceProvisioningErrors "
            "authorizationInfo identityParentId"
        )
    ),
    secret=frozenset(("passwordProfile",)),
    default_select=words(
        "businessPhones displayName givenName id jobTitle mail mobilePhone officeLocation "
        "preferredLanguage surname userPrincipalName"
    ),
    only_on_single_get=frozenset(
        words(
            "aboutMe birthday hireDate interests mySite pastProjects preferredName responsibilities schools "
            "skills mailboxSettings deviceEnrollmentLimit print showInAddressList"
        )
    ),
    unique=("userPrincipalName",),
    alternate_keys=("userPrincipalName",),
    links=(
        LinkRule("manager", ("users",), single=True, tracked_by_delta=True),
        LinkRule("sponsors", ("users", "groups")),
    ),
    has_bin=True,
    has_delta=True,
    audit_name="user",
    audit_category="UserManagement",
    expandable=frozenset(("manager", "sponsors", "memberOf", "ownedObjects", "directReports")),
)

GROUPS = TypeRule(
    table="groups",
    odata_type="#microsoft.graph.group",
    model="group.Group",
    source=_GUIDE + "group-post-groups",
    required=("displayName", "mailEnabled", "mailNickname", "securityEnabled"),
    read_only=frozenset(
        words(
            "id mail proxyAddresses createdDateTime deletedDateTime renewedDateTime expirationDateTime "
            "securityIdentifier onPremisesDomainName onPremisesLastSyncDateTime onPremisesNetBiosName "
            "onPremisesProvisioningErrors onPremisesSamAccountName onPremisesSecurityIdentifier "
            "onPremisesSyncEnabled onPremisesExtensionAttributes licenseProcessingState assignedLicenses "
            "hasMembersWithLicenseErrors isManagementRestricted serviceProvisioningErrors organizationId "
            "infoCatalogs resourceProvisioningOptions createdByAppId membershipRuleProcessingStatus "
            "isArchived"
        )
    ),
    write_once=frozenset(("isAssignableToRole", "uniqueName", "resourceBehaviorOptions")),
    only_on_select=frozenset(
        [
            "assignedLicenses",
            "assignedLabels",
            "licenseProcessingState",
            "isArchived",
            "hasMembersWithLicenseErrors",
        ]
    ),
    only_on_single_get=frozenset(
        words(
            "allowExternalSenders autoSubscribeNewMembers hideFromAddressLists hideFromOutlookClients "
            "isSubscribedByMail unseenCount unseenConversationsCount unseenMessagesCount isFavorite "
            "accessType welcomeMessageEnabled"
        )
    ),
    unique=("uniqueName",),
    reserved_in_bin=frozenset(("uniqueName",)),
    alternate_keys=("uniqueName",),
    links=(
        LinkRule("members", ("users", "groups", "servicePrincipals"), tracked_by_delta=True),
        LinkRule("owners", ("users", "servicePrincipals"), tracked_by_delta=True),
    ),
    has_bin=True,
    has_delta=True,
    audit_name="group",
    audit_category="GroupManagement",
    expandable=frozenset(("members", "owners", "memberOf")),
)

APPLICATIONS = TypeRule(
    table="applications",
    odata_type="#microsoft.graph.application",
    model="application.Application",
    source=_GUIDE + "application-post-applications",
    required=("displayName",),
    read_only=frozenset(
        words(
            "id appId createdDateTime deletedDateTime createdByAppId publisherDomain verifiedPublisher "
            "certification disabledByMicrosoftStatus passwordCredentials applicationTemplateId isDisabled"
        )
    ),
    write_once=frozenset(("uniqueName",)),
    unique=("appId", "uniqueName", "identifierUris"),
    reserved_in_bin=frozenset(("uniqueName", "identifierUris")),
    alternate_keys=("appId", "uniqueName"),
    links=(LinkRule("owners", ("users", "servicePrincipals"), tracked_by_delta=True),),
    only_on_select=frozenset(("authenticationBehaviors", "logo")),
    has_bin=True,
    has_delta=True,
    audit_name="application",
    audit_category="ApplicationManagement",
    expandable=frozenset(("owners", "federatedIdentityCredentials", "extensionProperties")),
)

SERVICE_PRINCIPALS = TypeRule(
    table="servicePrincipals",
    odata_type="#microsoft.graph.servicePrincipal",
    model="service_principal.ServicePrincipal",
    source=_GUIDE + "serviceprincipal-post-serviceprincipals",
    required=("appId",),
    read_only=frozenset(
        words(
            "id deletedDateTime appDisplayName appDescription appOwnerOrganizationId appRoles "
            "oauth2PermissionScopes servicePrincipalType signInAudience verifiedPublisher passwordCredentials "
            "isDisabled disabledByMicrosoftStatus applicationTemplateId createdByAppId "
            "resourceSpecificApplicationPermissions"
        )
    ),
    write_once=frozenset(("appId",)),
    unique=("appId",),
    alternate_keys=("appId",),
    links=(LinkRule("owners", ("users", "servicePrincipals"), tracked_by_delta=True),),
    only_on_select=frozenset(("customSecurityAttributes",)),
    has_bin=True,
    has_delta=True,
    audit_name="service principal",
    audit_category="ApplicationManagement",
    expandable=frozenset(
        words(
            "owners appRoleAssignedTo appRoleAssignments memberOf delegatedPermissionClassifications "
            "federatedIdentityCredentials"
        )
    ),
)

FEDERATED_CREDENTIALS = TypeRule(
    table="federatedIdentityCredentials",
    odata_type="#microsoft.graph.federatedIdentityCredential",
    model="federated_identity_credential.FederatedIdentityCredential",
    source=_GUIDE + "application-post-federatedidentitycredentials",
    required=("name", "issuer", "audiences", "subject"),
    read_only=frozenset(("id",)),
    write_once=frozenset(("name",)),
    alternate_keys=("name",),
)

EXTENSION_PROPERTIES = TypeRule(
    table="extensionProperties",
    odata_type="#microsoft.graph.extensionProperty",
    model="extension_property.ExtensionProperty",
    source=_GUIDE + "application-post-extensionproperty",
    required=("name", "dataType", "targetObjects"),
    read_only=frozenset(("id", "appDisplayName", "deletedDateTime", "isSyncedFromOnPremises")),
    unique=("name",),
)

APP_ROLE_ASSIGNMENTS = TypeRule(
    table="appRoleAssignments",
    odata_type="#microsoft.graph.appRoleAssignment",
    model="app_role_assignment.AppRoleAssignment",
    source=_GUIDE + "serviceprincipal-post-approleassignedto",
    required=("principalId", "resourceId", "appRoleId"),
    read_only=frozenset(
        ["id", "createdDateTime", "deletedDateTime", "principalDisplayName", "principalType", "resourceDisplayName"]
    ),
)

POLICIES = TypeRule(
    table="conditionalAccessPolicies",
    odata_type="#microsoft.graph.conditionalAccessPolicy",
    model="conditional_access_policy.ConditionalAccessPolicy",
    source=_GUIDE + "conditionalaccessroot-post-policies",
    required=("displayName", "state", "conditions"),
    read_only=frozenset(["id", "createdDateTime", "modifiedDateTime", "deletedDateTime", "templateId"]),
    has_bin=True,
    merges_nested=False,
    audit_name="conditional access policy",
    audit_category="Policy",
)

LOCATIONS = TypeRule(
    table="namedLocations",
    odata_type="#microsoft.graph.namedLocation",
    model="named_location.NamedLocation",
    source=_GUIDE + "conditionalaccessroot-post-namedlocations",
    required=("@odata.type", "displayName"),
    read_only=frozenset(["id", "createdDateTime", "modifiedDateTime", "deletedDateTime"]),
    has_bin=True,
    merges_nested=False,
    audit_name="named location",
    audit_category="Policy",
)

ORGANIZATION = TypeRule(
    table="organization",
    odata_type="#microsoft.graph.organization",
    model="organization.Organization",
    source=_GUIDE + "organization-update",
    read_only=frozenset(
        words(
            "id assignedPlans businessPhones city country countryLetterCode createdDateTime "
            "defaultUsageLocation deletedDateTime displayName mobileDeviceManagementAuthority "
            "onPremisesLastSyncDateTime onPremisesSyncEnabled partnerTenantType postalCode preferredLanguage "
            "provisionedPlans state street tenantType verifiedDomains"
        )
    ),
    audit_name="company settings",
)

AUTHORIZATION_POLICY = TypeRule(
    table="authorizationPolicy",
    odata_type="#microsoft.graph.authorizationPolicy",
    model="authorization_policy.AuthorizationPolicy",
    source=_GUIDE + "authorizationpolicy-update",
    read_only=frozenset(("id", "deletedDateTime")),
    merges_nested=False,
    audit_name="authorization policy",
    audit_category="AuthorizationPolicy",
)

DOMAINS = TypeRule(
    table="domains",
    odata_type="#microsoft.graph.domain",
    model="domain.Domain",
    source=_GUIDE + "domain-list",
)

AUDITS = TypeRule(
    table="directoryAudits",
    odata_type="#microsoft.graph.directoryAudit",
    model="directory_audit.DirectoryAudit",
    source=_GUIDE + "directoryaudit-list",
)

UNITS = TypeRule(
    table="administrativeUnits",
    path="/directory/administrativeUnits",
    odata_type="#microsoft.graph.administrativeUnit",
    model="administrative_unit.AdministrativeUnit",
    source=_GUIDE + "directory-post-administrativeunits",
    required=("displayName",),
    read_only=frozenset(("id", "deletedDateTime")),
    write_once=frozenset(("isMemberManagementRestricted",)),
    links=(LinkRule("members", ("users", "groups"), tracked_by_delta=True),),
    has_bin=True,
    has_delta=True,
    audit_name="administrative unit",
    audit_category="AdministrativeUnit",
    expandable=frozenset(("members",)),
)

GRANTS = TypeRule(
    table="oauth2PermissionGrants",
    odata_type="#microsoft.graph.oAuth2PermissionGrant",
    model="o_auth2_permission_grant.OAuth2PermissionGrant",
    source=_GUIDE + "oauth2permissiongrant-post",
    required=("clientId", "consentType", "resourceId", "scope"),
    read_only=frozenset(("id",)),
    write_once=frozenset(("clientId", "consentType", "resourceId", "principalId")),
    has_delta=True,
    audit_name="delegated permission grant",
    audit_category="ApplicationManagement",
)

STRENGTH_POLICIES = TypeRule(
    table="authenticationStrengthPolicies",
    path="/policies/authenticationStrengthPolicies",
    odata_type="#microsoft.graph.authenticationStrengthPolicy",
    model="authentication_strength_policy.AuthenticationStrengthPolicy",
    source=_GUIDE + "authenticationstrengthroot-post-policies",
    required=("displayName", "allowedCombinations"),
    read_only=frozenset(("id", "createdDateTime", "modifiedDateTime", "policyType", "requirementsSatisfied")),
    audit_name="authentication strength policy",
    audit_category="Policy",
    expandable=frozenset(("combinationConfigurations",)),
)

COMBINATIONS = TypeRule(
    table="combinationConfigurations",
    odata_type="#microsoft.graph.authenticationCombinationConfiguration",
    model="authentication_combination_configuration.AuthenticationCombinationConfiguration",
    source=_GUIDE + "authenticationstrengthpolicy-post-combinationconfigurations",
    required=("appliesToCombinations",),
    read_only=frozenset(("id",)),
    audit_name="combination configuration",
    audit_category="Policy",
)

CONTEXTS = TypeRule(
    table="authenticationContextClassReferences",
    path="/identity/conditionalAccess/authenticationContextClassReferences",
    odata_type="#microsoft.graph.authenticationContextClassReference",
    model="authentication_context_class_reference.AuthenticationContextClassReference",
    source=_GUIDE + "authenticationcontextclassreference-update",
    required=("displayName",),
    audit_name="authentication context",
    audit_category="Policy",
)

METHODS_POLICY = TypeRule(
    table="authenticationMethodsPolicy",
    path="/policies/authenticationMethodsPolicy",
    odata_type="#microsoft.graph.authenticationMethodsPolicy",
    model="authentication_methods_policy.AuthenticationMethodsPolicy",
    source=_GUIDE + "authenticationmethodspolicy-update",
    read_only=frozenset(("id", "description", "displayName", "lastModifiedDateTime", "policyVersion")),
    merges_nested=False,
    audit_name="authentication methods policy",
    audit_category="Policy",
)

METHOD_CONFIGURATIONS = TypeRule(
    table="authenticationMethodConfigurations",
    odata_type="#microsoft.graph.authenticationMethodConfiguration",
    model="authentication_method_configuration.AuthenticationMethodConfiguration",
    source=_GUIDE + "fido2authenticationmethodconfiguration-update",
    read_only=frozenset(("id",)),
    merges_nested=False,
    audit_name="authentication method configuration",
    audit_category="Policy",
)

ROLE_DEFINITIONS = TypeRule(
    table="roleDefinitions",
    path="/roleManagement/directory/roleDefinitions",
    odata_type="#microsoft.graph.unifiedRoleDefinition",
    model="unified_role_definition.UnifiedRoleDefinition",
    source=_GUIDE + "rbacapplication-post-roledefinitions",
    required=("displayName", "isEnabled", "rolePermissions"),
    read_only=frozenset(("id", "isBuiltIn", "resourceScopes")),
    write_once=frozenset(("templateId",)),
    unique=("templateId",),
    merges_nested=False,
    audit_name="role definition",
    audit_category="RoleManagement",
)

ROLE_ASSIGNMENTS = TypeRule(
    table="roleAssignments",
    path="/roleManagement/directory/roleAssignments",
    odata_type="#microsoft.graph.unifiedRoleAssignment",
    model="unified_role_assignment.UnifiedRoleAssignment",
    source=_GUIDE + "rbacapplication-post-roleassignments",
    required=("principalId", "roleDefinitionId"),
    read_only=frozenset(("id", "principalOrganizationId")),
    audit_name="role",
    audit_category="RoleManagement",
)

ROLE_INSTANCES = TypeRule(
    table="roleAssignmentScheduleInstances",
    path="/roleManagement/directory/roleAssignmentScheduleInstances",
    odata_type="#microsoft.graph.unifiedRoleAssignmentScheduleInstance",
    model="unified_role_assignment_schedule_instance.UnifiedRoleAssignmentScheduleInstance",
    source=_GUIDE + "rbacapplication-list-roleassignmentscheduleinstances",
)

ROLE_SCHEDULES = TypeRule(
    table="roleAssignmentSchedules",
    path="/roleManagement/directory/roleAssignmentSchedules",
    odata_type="#microsoft.graph.unifiedRoleAssignmentSchedule",
    model="unified_role_assignment_schedule.UnifiedRoleAssignmentSchedule",
    source=_GUIDE + "rbacapplication-list-roleassignmentschedules",
    audit_name="role",
    audit_category="RoleManagement",
)

ROLE_REQUESTS = TypeRule(
    table="roleAssignmentScheduleRequests",
    path="/roleManagement/directory/roleAssignmentScheduleRequests",
    odata_type="#microsoft.graph.unifiedRoleAssignmentScheduleRequest",
    model="unified_role_assignment_schedule_request.UnifiedRoleAssignmentScheduleRequest",
    source=_GUIDE + "rbacapplication-post-roleassignmentschedulerequests",
    required=("action", "principalId", "roleDefinitionId", "directoryScopeId"),
    read_only=frozenset(("id", "approvalId", "completedDateTime", "createdBy", "createdDateTime", "status")),
)

ELIGIBILITIES = TypeRule(
    table="roleEligibilitySchedules",
    path="/roleManagement/directory/roleEligibilitySchedules",
    odata_type="#microsoft.graph.unifiedRoleEligibilitySchedule",
    model="unified_role_eligibility_schedule.UnifiedRoleEligibilitySchedule",
    source=_GUIDE + "rbacapplication-list-roleeligibilityschedules",
    audit_name="role",
    audit_category="RoleManagement",
)

ELIGIBILITY_REQUESTS = TypeRule(
    table="roleEligibilityScheduleRequests",
    path="/roleManagement/directory/roleEligibilityScheduleRequests",
    odata_type="#microsoft.graph.unifiedRoleEligibilityScheduleRequest",
    model="unified_role_eligibility_schedule_request.UnifiedRoleEligibilityScheduleRequest",
    source=_GUIDE + "rbacapplication-post-roleeligibilityschedulerequests",
    required=("action", "principalId", "roleDefinitionId", "directoryScopeId"),
    read_only=frozenset(("id", "approvalId", "completedDateTime", "createdBy", "createdDateTime", "status")),
)

ROLE_POLICIES = TypeRule(
    table="roleManagementPolicies",
    path="/policies/roleManagementPolicies",
    odata_type="#microsoft.graph.unifiedRoleManagementPolicy",
    model="unified_role_management_policy.UnifiedRoleManagementPolicy",
    source=_GUIDE + "unifiedrolemanagementpolicyrule-update",
    read_only=frozenset(
        (
            "id",
            "description",
            "displayName",
            "isOrganizationDefault",
            "lastModifiedBy",
            "lastModifiedDateTime",
            "scopeId",
            "scopeType",
        )
    ),
)

ROLE_POLICY_ASSIGNMENTS = TypeRule(
    table="roleManagementPolicyAssignments",
    path="/policies/roleManagementPolicyAssignments",
    odata_type="#microsoft.graph.unifiedRoleManagementPolicyAssignment",
    model="unified_role_management_policy_assignment.UnifiedRoleManagementPolicyAssignment",
    source=_GUIDE + "policyroot-list-rolemanagementpolicyassignments",
)
# The same path, for another scope.
GROUP_POLICY_ASSIGNMENTS = dataclasses.replace(ROLE_POLICY_ASSIGNMENTS, table="groupManagementPolicyAssignments")

GROUP_SETTINGS = TypeRule(
    table="groupSettings",
    odata_type="#microsoft.graph.groupSetting",
    model="group_setting.GroupSetting",
    source=_GUIDE + "group-post-settings",
    required=("templateId", "values"),
    read_only=frozenset(("id", "displayName")),
    write_once=frozenset(("templateId",)),
    unique=("templateId",),
    audit_name="settings",
)

SETTING_TEMPLATES = TypeRule(
    table="groupSettingTemplates",
    odata_type="#microsoft.graph.groupSettingTemplate",
    model="group_setting_template.GroupSettingTemplate",
    source=_GUIDE + "groupsettingtemplate-list",
)

TYPES: dict[str, TypeRule] = {
    rule.table: rule
    for rule in (
        USERS,
        GROUPS,
        APPLICATIONS,
        SERVICE_PRINCIPALS,
        FEDERATED_CREDENTIALS,
        EXTENSION_PROPERTIES,
        APP_ROLE_ASSIGNMENTS,
        POLICIES,
        LOCATIONS,
        ORGANIZATION,
        AUTHORIZATION_POLICY,
        DOMAINS,
        AUDITS,
        UNITS,
        GRANTS,
        STRENGTH_POLICIES,
        COMBINATIONS,
        CONTEXTS,
        METHODS_POLICY,
        METHOD_CONFIGURATIONS,
        ROLE_DEFINITIONS,
        ROLE_ASSIGNMENTS,
        ROLE_INSTANCES,
        ROLE_SCHEDULES,
        ROLE_REQUESTS,
        ELIGIBILITIES,
        ELIGIBILITY_REQUESTS,
        GROUP_ELIGIBILITIES,
        GROUP_ELIGIBILITY_REQUESTS,
        GROUP_ASSIGNMENTS,
        GROUP_ASSIGNMENT_REQUESTS,
        ROLE_POLICIES,
        ROLE_POLICY_ASSIGNMENTS,
        GROUP_POLICY_ASSIGNMENTS,
        GROUP_SETTINGS,
        SETTING_TEMPLATES,
        DEVICES,
        CONTACTS,
        *(row.rule for row in PLAIN),
    )
}

# Below users, groups, devices, administrative units and the organization.
OPEN_EXTENSIONS = "openExtensions"

# Directory objects: what `directoryObjects/{id}`, members and owners may be.
DIRECTORY_TABLES = (
    "users",
    "groups",
    "servicePrincipals",
    "applications",
    "administrativeUnits",
    "devices",
    "orgContacts",
)
BINNED_TABLES = tuple(table for table in DIRECTORY_TABLES if TYPES[table].has_bin)


@functools.cache
def place_of(template: str) -> tuple[TypeRule, tuple[str, ...]]:
    """The type that a route is about, and the segments after its collection."""
    found = [r for r in TYPES.values() if template == r.root or template.startswith(f"{r.root}/")]
    rule = max(found, key=lambda r: len(r.root))
    return rule, tuple(template[len(rule.root) :].strip("/").split("/"))


LOCATION_MODELS = {
    "#microsoft.graph.ipNamedLocation": "ip_named_location.IpNamedLocation",
    "#microsoft.graph.countryNamedLocation": "country_named_location.CountryNamedLocation",
}
COMPLIANT_NETWORK = "#microsoft.graph.compliantNetworkNamedLocation"

# Types that Graph tells apart by @odata.type. A combination configuration says which combinations it may refine.
COMBINATION_MODELS = {
    "#microsoft.graph.fido2CombinationConfiguration": (
        "fido2_combination_configuration.Fido2CombinationConfiguration",
        frozenset(("fido2",)),
    ),
    "#microsoft.graph.x509CertificateCombinationConfiguration": (
        "x509_certificate_combination_configuration.X509CertificateCombinationConfiguration",
        frozenset(("x509CertificateSingleFactor", "x509CertificateMultiFactor")),
    ),
}

"""Accepted permissions per method and path.

Source: microsoftgraph/microsoft-graph-devx-content (permission data of 2026-08-07, MIT), application scheme,
and for what that data misses the reference page of the method (see behaviour.py, rules `auth.*`).
An entry is a list of alternatives; an alternative is a set of permissions of which all are needed.
"""

from __future__ import annotations

from . import agents, apart, inventory
from .group_access import GROUP_ACCESS
from .plain_rows import PLAIN
from .registry import Alternatives
from .registry import any_of as _any

_DIR_READ = ("Directory.Read.All", "Directory.ReadWrite.All")
_USER_READ = _any("User.Read.All", "User.ReadWrite.All", *_DIR_READ)
_USER_WRITE = _any("User.ReadWrite.All", "Directory.ReadWrite.All")
_USER_PATCH = _any(
    "User.ReadWrite.All",
    "Directory.ReadWrite.All",
    "User-PasswordProfile.ReadWrite.All",
    "User.EnableDisableAccount.All",
    "User-Mail.ReadWrite.All",
    "User-Phone.ReadWrite.All",
    "User.ManageIdentities.All",
    "User-LifeCycleInfo.ReadWrite.All",
)
_USER_DELETE = _any("User.ReadWrite.All", "User.DeleteRestore.All")
_GROUP_READ = _any("Group.Read.All", "Group.ReadWrite.All", "Group.ReadBasic.All", *_DIR_READ)
_GROUP_WRITE = _any("Group.ReadWrite.All", "Directory.ReadWrite.All")
_GROUP_CREATE = (*_GROUP_WRITE, frozenset(("Group.Create",)))
_GROUP_DELETE = _any("Group.ReadWrite.All")
_MEMBER_READ = _any(
    "GroupMember.Read.All",
    "GroupMember.ReadWrite.All",
    "GroupMember.ReadBasic.All",
    "Group.Read.All",
    "Group.ReadBasic.All",
    "Group.ReadWrite.All",
    *_DIR_READ,
)
_MEMBER_WRITE = _any("GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All")
_OWNER_READ = _any(
    "GroupMember.Read.All", "GroupMember.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All", *_DIR_READ
)
_APP_READ = _any("Application.Read.All", "Application.ReadWrite.All", *_DIR_READ)
_APP_LIST = _any("Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All")
_APP_CHILD_READ = _any("Application.Read.All", "Application.ReadWrite.All")
_APP_WRITE = _any("Application.ReadWrite.All")
_SP_WRITE = _any("Application.ReadWrite.All", "Directory.ReadWrite.All")
_APP_OWNER_WRITE = _any("Application.ReadWrite.All+Directory.Read.All", "Directory.ReadWrite.All")
_GRANT_WRITE = _any(
    "AppRoleAssignment.ReadWrite.All+Application.Read.All",
    "AppRoleAssignment.ReadWrite.All+Application.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All+Directory.Read.All",
)
_POLICY_READ = _any("Policy.Read.All")
_POLICY_WRITE = _any("Policy.Read.All+Policy.ReadWrite.ConditionalAccess")
_AUDIT_READ = _any("AuditLog.Read.All", "Directory.Read.All")
_PRINCIPAL_ASSIGNMENTS = _any("Directory.Read.All", "AppRoleAssignment.ReadWrite.All")

_UNIT_READ = _any("AdministrativeUnit.Read.All", "AdministrativeUnit.ReadWrite.All", *_DIR_READ)
_UNIT_WRITE = _any("AdministrativeUnit.ReadWrite.All")
_CONSENT_READ = _any("DelegatedPermissionGrant.ReadWrite.All", *_DIR_READ)
_CONSENT_WRITE = _any("DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All")
_STRENGTH_READ = _any(
    "Policy.Read.AuthenticationMethod",
    "Policy.Read.All",
    "Policy.ReadWrite.AuthenticationMethod",
    "Policy.ReadWrite.ConditionalAccess",
)
_STRENGTH_WRITE = _any("Policy.ReadWrite.ConditionalAccess", "Policy.ReadWrite.AuthenticationMethod")
_CONTEXT_READ = _any(
    "AuthenticationContext.Read.All",
    "AuthenticationContext.ReadWrite.All",
    "Policy.Read.ConditionalAccess",
    "Policy.ReadWrite.ConditionalAccess",
)
_CONTEXT_WRITE = _any("AuthenticationContext.ReadWrite.All", "Policy.ReadWrite.ConditionalAccess")
_METHOD_READ = _any("Policy.Read.AuthenticationMethod", "Policy.Read.All", "Policy.ReadWrite.AuthenticationMethod")
_METHOD_WRITE = _any("Policy.ReadWrite.AuthenticationMethod")
_ROLE_READ = _any(
    "RoleManagement.Read.Directory", "RoleManagement.Read.All", "RoleManagement.ReadWrite.Directory", *_DIR_READ
)
_ROLE_ASSIGNED_READ = _any("RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory", *_DIR_READ)
_ROLE_DEFINE = _any("RoleManagement.ReadWrite.Directory", "Directory.ReadWrite.All")
_ROLE_WRITE = _any("RoleManagement.ReadWrite.Directory")
_SCHEDULE_READ = _any(
    "RoleAssignmentSchedule.Read.Directory",
    "RoleAssignmentSchedule.ReadWrite.Directory",
    "RoleManagement.Read.All",
    "RoleManagement.Read.Directory",
    "RoleManagement.ReadWrite.Directory",
)
_SCHEDULE_WRITE = _any("RoleAssignmentSchedule.ReadWrite.Directory", "RoleManagement.ReadWrite.Directory")
_ELIGIBLE_READ = _any(
    "RoleEligibilitySchedule.Read.Directory",
    "RoleEligibilitySchedule.ReadWrite.Directory",
    "RoleManagement.Read.All",
    "RoleManagement.Read.Directory",
    "RoleManagement.ReadWrite.Directory",
)
_ELIGIBLE_WRITE = _any("RoleEligibilitySchedule.ReadWrite.Directory", "RoleManagement.ReadWrite.Directory")
# One path for the policies of roles and of groups, each with permissions of its own.
OF_ROLE = {
    "GET": _any("RoleManagement.Read.Directory", "RoleManagement.Read.All", "RoleManagement.ReadWrite.Directory"),
    # The permission data lists none for applications; the page of the method has these.
    "PATCH": _any("RoleManagementPolicy.ReadWrite.Directory", "RoleManagement.ReadWrite.Directory"),
}
OF_GROUP = {
    "GET": _any("RoleManagementPolicy.Read.AzureADGroup", "RoleManagementPolicy.ReadWrite.AzureADGroup"),
    "PATCH": _any("RoleManagementPolicy.ReadWrite.AzureADGroup"),
}
_ROLE_SETTINGS_READ = (*OF_ROLE["GET"], *OF_GROUP["GET"])
_ROLE_SETTINGS_WRITE = (*OF_ROLE["PATCH"], *OF_GROUP["PATCH"])
_SETTING_READ = _any(
    "GroupSettings.Read.All", "GroupSettings.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All", *_DIR_READ
)
_SETTING_CREATE = _any("GroupSettings.ReadWrite.All", "Directory.ReadWrite.All")
_SETTING_WRITE = (*_SETTING_CREATE, frozenset(("Policy.ReadWrite.Authorization",)))
_TEMPLATE_READ = _any("GroupSettings.Read.All", "GroupSettings.ReadWrite.All", *_DIR_READ)

_UNITS = "/directory/administrativeUnits"
_STRENGTHS = "/policies/authenticationStrengthPolicies"
_METHODS = "/policies/authenticationMethodsPolicy"
_ROLES = "/roleManagement/directory"
_ROLE_SETTINGS = "/policies/roleManagementPolic"
_CA = "/identity/conditionalAccess"
_CA_BIN = _CA + "/deletedItems"


def _open_extensions(path: str, read: Alternatives, write: Alternatives) -> dict[tuple[str, str], Alternatives]:
    """As the pages of openTypeExtension have it; of administrative units they say nothing."""
    every, one = f"{path}/{{id}}/extensions", f"{path}/{{id}}/extensions/{{child}}"
    reading = {("GET", every): read, ("GET", one): read}
    return {**reading, ("POST", every): write, ("PATCH", one): write, ("DELETE", one): write}


PERMISSIONS: dict[tuple[str, str], Alternatives] = {
    ("GET", "/organization"): _any(
        "Organization.Read.All", "Organization.ReadWrite.All", "User.Read.All", *_DIR_READ
    ),
    ("GET", "/organization/{id}"): _any(
        "Organization.Read.All", "Organization.ReadWrite.All", "User.Read.All", *_DIR_READ
    ),
    ("PATCH", "/organization/{id}"): _any("Organization.ReadWrite.All"),
    ("GET", "/users/{id}/onPremisesSyncBehavior"): _any("User-OnPremisesSyncBehavior.ReadWrite.All"),
    ("GET", "/groups/{id}/onPremisesSyncBehavior"): _any("Group-OnPremisesSyncBehavior.ReadWrite.All"),
    ("GET", "/contacts/{id}/onPremisesSyncBehavior"): _any("Contacts-OnPremisesSyncBehavior.ReadWrite.All"),
    **_open_extensions("/users", _USER_READ, _USER_WRITE),
    **_open_extensions("/groups", _GROUP_READ, _GROUP_WRITE),
    **_open_extensions("/devices", _any("Device.ReadWrite.All"), _any("Device.ReadWrite.All")),
    **_open_extensions(_UNITS, _UNIT_READ, _UNIT_WRITE),
    **_open_extensions(
        "/organization",
        _any("Organization.Read.All", "Organization.ReadWrite.All", *_DIR_READ),
        _any("Organization.ReadWrite.All"),
    ),
    ("GET", "/domains"): _any("Domain.Read.All", "Domain.ReadWrite.All", "Directory.Read.All"),
    ("GET", "/domains/{id}"): _any("Domain.Read.All", "Domain.ReadWrite.All", "Directory.Read.All"),
    ("GET", "/users"): _USER_READ,
    ("GET", "/users/$count"): _USER_READ,
    ("GET", "/users/delta"): _USER_READ,
    ("POST", "/users"): _USER_WRITE,
    ("GET", "/users/{id}"): _USER_READ,
    ("GET", "/$metadata"): (frozenset(),),
    ("GET", "/users/{id}/authentication/methods"): _any(
        "UserAuthenticationMethod.Read.All", "UserAuthenticationMethod.ReadWrite.All"
    ),
    ("PATCH", "/users/{id}"): _USER_PATCH,
    ("DELETE", "/users/{id}"): _USER_DELETE,
    ("POST", "/users/{id}/revokeSignInSessions"): _any("User.RevokeSessions.All", "User.ReadWrite.All"),
    ("GET", "/users/{id}/manager"): _USER_READ,
    ("PUT", "/users/{id}/manager/$ref"): _USER_WRITE,
    ("DELETE", "/users/{id}/manager/$ref"): _USER_WRITE,
    ("GET", "/users/{id}/sponsors"): _USER_READ,
    ("POST", "/users/{id}/sponsors/$ref"): _USER_WRITE,
    ("DELETE", "/users/{id}/sponsors/{child}/$ref"): _USER_WRITE,
    ("GET", "/users/{id}/directReports"): _USER_READ,
    ("GET", "/users/{id}/memberOf"): _any(
        "Directory.Read.All", "Directory.ReadWrite.All", "GroupMember.Read.All", "Group.Read.All"
    ),
    ("GET", "/users/{id}/transitiveMemberOf"): _any(
        "Directory.Read.All", "Directory.ReadWrite.All", "GroupMember.Read.All", "Group.Read.All"
    ),
    ("GET", "/users/{id}/ownedObjects"): _any("Directory.Read.All", "Directory.ReadWrite.All", "User.Read.All"),
    ("GET", "/users/{id}/appRoleAssignments"): _PRINCIPAL_ASSIGNMENTS,
    ("GET", "/groups"): _GROUP_READ,
    ("GET", "/groups/$count"): _GROUP_READ,
    ("GET", "/groups/delta"): _GROUP_READ,
    ("POST", "/groups"): _GROUP_CREATE,
    ("GET", "/groups/{id}"): _GROUP_READ,
    ("PATCH", "/groups/{id}"): _GROUP_WRITE,
    ("DELETE", "/groups/{id}"): _GROUP_DELETE,
    ("GET", "/groups/{id}/members"): _MEMBER_READ,
    ("GET", "/groups/{id}/members/{cast}"): _MEMBER_READ,
    ("GET", "/groups/{id}/owners/{cast}"): _OWNER_READ,
    # Microsoft Graph: List group transitive memberOf
    ("GET", "/groups/{id}/transitiveMemberOf"): _any(
        "Directory.Read.All", "Directory.ReadWrite.All", "GroupMember.Read.All", "Group.Read.All"
    ),
    ("GET", "/groups/{id}/transitiveMembers"): _MEMBER_READ,
    ("POST", "/groups/{id}/members/$ref"): _MEMBER_WRITE,
    ("DELETE", "/groups/{id}/members/{child}/$ref"): _MEMBER_WRITE,
    ("DELETE", "/groups/{id}/members/{child}"): _MEMBER_WRITE,
    ("GET", "/groups/{id}/owners"): _OWNER_READ,
    ("POST", "/groups/{id}/owners/$ref"): _GROUP_WRITE,
    ("DELETE", "/groups/{id}/owners/{child}/$ref"): _GROUP_WRITE,
    ("GET", "/groups/{id}/memberOf"): _MEMBER_READ,
    ("GET", "/groups/{id}/groupLifecyclePolicies"): _any(*_DIR_READ),
    ("POST", "/groupLifecyclePolicies/{id}/addGroup"): _any("Directory.ReadWrite.All"),
    ("POST", "/groupLifecyclePolicies/{id}/removeGroup"): _any("Directory.ReadWrite.All"),
    ("GET", "/groups/{id}/appRoleAssignments"): _PRINCIPAL_ASSIGNMENTS,
    ("GET", "/applications"): _APP_LIST,
    ("GET", "/applications/$count"): _APP_LIST,
    ("GET", "/applications/delta"): _APP_LIST,
    ("POST", "/applications"): _APP_WRITE,
    ("GET", "/applications/{id}"): _APP_READ,
    ("PATCH", "/applications/{id}"): _APP_WRITE,
    ("DELETE", "/applications/{id}"): _APP_WRITE,
    ("POST", "/applications/{id}/addPassword"): _SP_WRITE,
    ("POST", "/applications/{id}/removePassword"): _SP_WRITE,
    ("GET", "/applications/{id}/synchronization/templates"): _any(
        "Synchronization.Read.All", "Synchronization.ReadWrite.All", "Application.ReadWrite.OwnedBy"
    ),
    ("GET", "/applications/{id}/owners"): _APP_READ,
    ("POST", "/applications/{id}/owners/$ref"): _APP_OWNER_WRITE,
    ("DELETE", "/applications/{id}/owners/{child}/$ref"): _APP_OWNER_WRITE,
    ("GET", "/applications/{id}/federatedIdentityCredentials"): _APP_CHILD_READ,
    ("POST", "/applications/{id}/federatedIdentityCredentials"): _APP_WRITE,
    ("GET", "/applications/{id}/federatedIdentityCredentials/{child}"): _APP_CHILD_READ,
    ("PATCH", "/applications/{id}/federatedIdentityCredentials/{child}"): _APP_WRITE,
    ("GET", "/applications/{id}/extensionProperties"): _APP_READ,
    ("GET", "/applications/{id}/extensionProperties/{child}"): _APP_READ,
    ("POST", "/applications/{id}/extensionProperties"): _SP_WRITE,
    ("DELETE", "/applications/{id}/extensionProperties/{child}"): _SP_WRITE,
    ("POST", "/directoryObjects/getAvailableExtensionProperties"): _any(*_DIR_READ),
    ("DELETE", "/applications/{id}/federatedIdentityCredentials/{child}"): _APP_WRITE,
    ("GET", "/servicePrincipals"): _APP_LIST,
    ("GET", "/servicePrincipals/$count"): _APP_LIST,
    ("GET", "/servicePrincipals/delta"): _APP_LIST,
    ("POST", "/servicePrincipals"): _SP_WRITE,
    ("GET", "/servicePrincipals/{id}"): _APP_READ,
    ("PATCH", "/servicePrincipals/{id}"): _SP_WRITE,
    ("DELETE", "/servicePrincipals/{id}"): _SP_WRITE,
    ("POST", "/servicePrincipals/{id}/addPassword"): _SP_WRITE,
    ("POST", "/servicePrincipals/{id}/removePassword"): _SP_WRITE,
    ("GET", "/servicePrincipals/{id}/owners"): _APP_READ,
    ("POST", "/servicePrincipals/{id}/owners/$ref"): _APP_OWNER_WRITE,
    ("DELETE", "/servicePrincipals/{id}/owners/{child}/$ref"): _APP_OWNER_WRITE,
    ("GET", "/servicePrincipals/{id}/memberOf"): _APP_READ,
    ("GET", "/servicePrincipals/{id}/appRoleAssignedTo"): _APP_READ,
    ("POST", "/servicePrincipals/{id}/appRoleAssignedTo"): _GRANT_WRITE,
    ("GET", "/servicePrincipals/{id}/appRoleAssignedTo/{child}"): _APP_READ,
    ("DELETE", "/servicePrincipals/{id}/appRoleAssignedTo/{child}"): _GRANT_WRITE,
    ("GET", "/servicePrincipals/{id}/appRoleAssignments"): _APP_READ,
    ("POST", "/servicePrincipals/{id}/appRoleAssignments"): _GRANT_WRITE,
    ("GET", "/servicePrincipals/{id}/appRoleAssignments/{child}"): _APP_READ,
    ("DELETE", "/servicePrincipals/{id}/appRoleAssignments/{child}"): _GRANT_WRITE,
    ("GET", "/directory/recovery/jobs"): _any("EntraBackup.Read.All"),
    # conditionalAccessRoot: evaluate
    ("POST", _CA + "/evaluate"): _any(
        "Policy.Read.ConditionalAccess", "Policy.Read.All", "Policy.ReadWrite.ConditionalAccess"
    ),
    ("GET", _CA + "/policies"): _POLICY_READ,
    ("POST", _CA + "/policies"): _POLICY_WRITE,
    ("GET", _CA + "/policies/{id}"): _POLICY_READ,
    ("PATCH", _CA + "/policies/{id}"): _POLICY_WRITE,
    ("DELETE", _CA + "/policies/{id}"): _POLICY_WRITE,
    ("GET", _CA + "/namedLocations"): _POLICY_READ,
    ("POST", _CA + "/namedLocations"): _POLICY_WRITE,
    ("GET", _CA + "/namedLocations/{id}"): _POLICY_READ,
    ("PATCH", _CA + "/namedLocations/{id}"): _POLICY_WRITE,
    ("DELETE", _CA + "/namedLocations/{id}"): _POLICY_WRITE,
    ("GET", _CA_BIN + "/policies"): _POLICY_READ,
    ("GET", _CA_BIN + "/policies/{id}"): _POLICY_READ,
    ("POST", _CA_BIN + "/policies/{id}/restore"): _POLICY_WRITE,
    ("DELETE", _CA_BIN + "/policies/{id}"): _POLICY_WRITE,
    ("GET", _CA_BIN + "/namedLocations"): _POLICY_READ,
    ("GET", _CA_BIN + "/namedLocations/{id}"): _POLICY_READ,
    ("POST", _CA_BIN + "/namedLocations/{id}/restore"): _POLICY_WRITE,
    ("DELETE", _CA_BIN + "/namedLocations/{id}"): _POLICY_WRITE,
    ("GET", "/policies/authorizationPolicy"): _any("Policy.Read.All", "Policy.ReadWrite.Authorization"),
    ("PATCH", "/policies/authorizationPolicy"): _any("Policy.ReadWrite.Authorization"),
    ("PATCH", "/policies/authorizationPolicy/{id}"): _any("Policy.ReadWrite.Authorization"),
    ("GET", "/policies/authorizationPolicy/{id}"): _any("Policy.Read.All", "Policy.ReadWrite.Authorization"),
    ("GET", _UNITS): _UNIT_READ,
    ("GET", _UNITS + "/$count"): _UNIT_READ,
    ("GET", _UNITS + "/delta"): _UNIT_READ,
    ("POST", _UNITS): _UNIT_WRITE,
    ("GET", _UNITS + "/{id}"): _UNIT_READ,
    ("PATCH", _UNITS + "/{id}"): _UNIT_WRITE,
    ("DELETE", _UNITS + "/{id}"): _UNIT_WRITE,
    ("GET", _UNITS + "/{id}/members"): _UNIT_READ,
    ("GET", _UNITS + "/{id}/members/{cast}"): _UNIT_READ,
    ("POST", _UNITS + "/{id}/members/$ref"): _UNIT_WRITE,
    ("DELETE", _UNITS + "/{id}/members/{child}/$ref"): _UNIT_WRITE,
    ("GET", "/oauth2PermissionGrants"): _CONSENT_READ,
    ("GET", "/oauth2PermissionGrants/delta"): _CONSENT_READ,
    ("POST", "/oauth2PermissionGrants"): _CONSENT_WRITE,
    ("GET", "/oauth2PermissionGrants/{id}"): _CONSENT_READ,
    ("PATCH", "/oauth2PermissionGrants/{id}"): _CONSENT_WRITE,
    ("DELETE", "/oauth2PermissionGrants/{id}"): _CONSENT_WRITE,
    ("GET", _STRENGTHS): _STRENGTH_READ,
    ("POST", _STRENGTHS): _STRENGTH_WRITE,
    ("GET", _STRENGTHS + "/{id}"): _STRENGTH_READ,
    ("PATCH", _STRENGTHS + "/{id}"): _STRENGTH_WRITE,
    ("DELETE", _STRENGTHS + "/{id}"): _STRENGTH_WRITE,
    ("POST", _STRENGTHS + "/{id}/updateAllowedCombinations"): _STRENGTH_WRITE,
    ("GET", _STRENGTHS + "/{id}/combinationConfigurations"): _STRENGTH_READ,
    ("POST", _STRENGTHS + "/{id}/combinationConfigurations"): _STRENGTH_WRITE,
    ("GET", _STRENGTHS + "/{id}/combinationConfigurations/{child}"): _STRENGTH_READ,
    ("PATCH", _STRENGTHS + "/{id}/combinationConfigurations/{child}"): _STRENGTH_WRITE,
    ("DELETE", _STRENGTHS + "/{id}/combinationConfigurations/{child}"): _STRENGTH_WRITE,
    ("GET", _CA + "/authenticationContextClassReferences"): _CONTEXT_READ,
    ("POST", _CA + "/authenticationContextClassReferences"): _CONTEXT_WRITE,
    ("GET", _CA + "/authenticationContextClassReferences/{id}"): _CONTEXT_READ,
    ("PATCH", _CA + "/authenticationContextClassReferences/{id}"): _CONTEXT_WRITE,
    ("DELETE", _CA + "/authenticationContextClassReferences/{id}"): _CONTEXT_WRITE,
    ("GET", _METHODS): _METHOD_READ,
    ("PATCH", _METHODS): _METHOD_WRITE,
    ("GET", _METHODS + "/authenticationMethodConfigurations"): _METHOD_READ,
    ("GET", _METHODS + "/authenticationMethodConfigurations/{id}"): _METHOD_READ,
    ("PATCH", _METHODS + "/authenticationMethodConfigurations/{id}"): _METHOD_WRITE,
    ("GET", _ROLES + "/roleDefinitions"): _ROLE_READ,
    ("POST", _ROLES + "/roleDefinitions"): _ROLE_DEFINE,
    ("GET", _ROLES + "/roleDefinitions/{id}"): _ROLE_READ,
    ("PATCH", _ROLES + "/roleDefinitions/{id}"): _ROLE_DEFINE,
    ("DELETE", _ROLES + "/roleDefinitions/{id}"): _ROLE_DEFINE,
    ("GET", _ROLES + "/roleAssignments"): _ROLE_ASSIGNED_READ,
    ("POST", _ROLES + "/roleAssignments"): _ROLE_WRITE,
    ("GET", _ROLES + "/roleAssignments/{id}"): _ROLE_ASSIGNED_READ,
    ("DELETE", _ROLES + "/roleAssignments/{id}"): _ROLE_WRITE,
    ("GET", _ROLES + "/roleAssignmentScheduleInstances"): _SCHEDULE_READ,
    ("GET", _ROLES + "/roleAssignmentScheduleInstances/{id}"): _SCHEDULE_READ,
    ("GET", _ROLES + "/roleAssignmentSchedules"): _SCHEDULE_READ,
    ("GET", _ROLES + "/roleAssignmentSchedules/{id}"): _SCHEDULE_READ,
    ("GET", _ROLES + "/roleAssignmentScheduleRequests"): _SCHEDULE_WRITE,
    ("POST", _ROLES + "/roleAssignmentScheduleRequests"): _SCHEDULE_WRITE,
    ("GET", _ROLES + "/roleAssignmentScheduleRequests/{id}"): _SCHEDULE_WRITE,
    ("GET", _ROLE_SETTINGS + "ies"): _ROLE_SETTINGS_READ,
    ("GET", _ROLE_SETTINGS + "ies/{id}"): _ROLE_SETTINGS_READ,
    ("GET", _ROLE_SETTINGS + "ies/{id}/rules"): _ROLE_SETTINGS_READ,
    ("GET", _ROLE_SETTINGS + "ies/{id}/rules/{child}"): _ROLE_SETTINGS_READ,
    ("PATCH", _ROLE_SETTINGS + "ies/{id}/rules/{child}"): _ROLE_SETTINGS_WRITE,
    ("GET", _ROLE_SETTINGS + "yAssignments"): _ROLE_SETTINGS_READ,
    ("GET", _ROLE_SETTINGS + "yAssignments/{id}"): _ROLE_SETTINGS_READ,
    ("GET", _ROLES + "/roleEligibilitySchedules"): _ELIGIBLE_READ,
    ("GET", _ROLES + "/roleEligibilitySchedules/{id}"): _ELIGIBLE_READ,
    ("GET", _ROLES + "/roleEligibilityScheduleRequests"): _ELIGIBLE_WRITE,
    ("POST", _ROLES + "/roleEligibilityScheduleRequests"): _ELIGIBLE_WRITE,
    ("GET", _ROLES + "/roleEligibilityScheduleRequests/{id}"): _ELIGIBLE_WRITE,
    ("GET", "/groupSettings"): _SETTING_READ,
    ("POST", "/groupSettings"): _SETTING_CREATE,
    ("GET", "/groupSettings/{id}"): _SETTING_READ,
    ("PATCH", "/groupSettings/{id}"): _SETTING_WRITE,
    ("DELETE", "/groupSettings/{id}"): _SETTING_WRITE,
    ("GET", "/groupSettingTemplates"): _TEMPLATE_READ,
    ("GET", "/groupSettingTemplates/{id}"): _TEMPLATE_READ,
    ("GET", "/auditLogs/directoryAudits"): _AUDIT_READ,
    ("GET", "/auditLogs/directoryAudits/{id}"): _AUDIT_READ,
    ("POST", "/directoryObjects/getByIds"): _any(*_DIR_READ),
    ("GET", "/directoryObjects/{id}"): _any(*_DIR_READ),
    ("GET", "/directory/deletedItems/{cast}"): (),  # by type, below
    ("GET", "/directory/deletedItems/{cast}/{id}"): (),
    ("POST", "/directory/deletedItems/{id}/restore"): (),
    ("DELETE", "/directory/deletedItems/{id}"): (),
}

BIN_READ: dict[str, Alternatives] = {
    "users": _USER_READ,
    "groups": _GROUP_READ,
    "applications": _APP_READ,
    "servicePrincipals": _APP_READ,
    "administrativeUnits": _UNIT_READ,
}
BIN_RESTORE: dict[str, Alternatives] = {
    "users": _any("User.DeleteRestore.All", "User.ReadWrite.All"),
    "groups": _any("Group.ReadWrite.All"),
    "applications": _APP_WRITE,
    "servicePrincipals": _APP_WRITE,
    "administrativeUnits": _UNIT_WRITE,
}
BIN_PURGE = BIN_RESTORE
NO_APP_ONLY_PURGE = frozenset(("users", "groups"))

# What a token needs to see more than @odata.type and id of a related object.
RELATED_READ: dict[str, Alternatives] = {
    "users": (*_USER_READ, frozenset(("User.ReadBasic.All",))),
    "groups": _GROUP_READ,
    "applications": _APP_READ,
    "servicePrincipals": _APP_READ,
    "administrativeUnits": _UNIT_READ,
    **inventory.READ,
}

# When somebody leaves is read and written by these alone.
LEAVES = "employeeLeaveDateTime"
READ_LEAVES = "User-LifeCycleInfo.Read.All"
WRITE_LEAVES = "User-LifeCycleInfo.ReadWrite.All"

# PATCH of these user properties alone is what the narrower permissions allow.
NARROW_USER_WRITES: dict[str, frozenset[str]] = {
    "User-PasswordProfile.ReadWrite.All": frozenset(("passwordProfile",)),
    "User.EnableDisableAccount.All": frozenset(("accountEnabled",)),
    "User-Mail.ReadWrite.All": frozenset(("otherMails",)),
    "User-Phone.ReadWrite.All": frozenset(("businessPhones", "mobilePhone")),
    "User.ManageIdentities.All": frozenset(("identities",)),
}


def allowed(alternatives: Alternatives, granted: frozenset[str]) -> bool:
    return any(needed <= granted for needed in alternatives)


PERMISSIONS.update(inventory.PERMISSIONS)
PERMISSIONS.update(apart.PERMISSIONS)
PERMISSIONS.update(agents.PERMISSIONS)
PERMISSIONS.update(GROUP_ACCESS)
for _row in PLAIN:
    PERMISSIONS.update(_row.permissions())

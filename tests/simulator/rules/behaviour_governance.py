"""Rules of administrative units, delegated grants, roles, strengths, contexts, methods and group settings."""

from __future__ import annotations

from .registry import Rule

_LEARN = "https://learn.microsoft.com/"
_API = _LEARN + "graph/api/"
_RBAC = _LEARN + "entra/identity/role-based-access-control/"
_UNIT = "administrativeUnit resource type, " + _API + "resources/administrativeunit"
_RESTRICTED = "Restricted management administrative units, " + _RBAC + "admin-units-restricted-management"
_GRANT = "oAuth2PermissionGrant resource type, " + _API + "resources/oauth2permissiongrant"
_STRENGTH = "authenticationStrengthPolicy resource type, " + _API + "resources/authenticationstrengthpolicy"
_PARTS = "authenticationCombinationConfiguration resource type, " + (
    _API + "resources/authenticationcombinationconfiguration"
)
_CONTEXT = "Update authenticationContextClassReference, " + _API + "authenticationcontextclassreference-update"
_METHODS = "authenticationMethodsPolicy resource type, " + _API + "resources/authenticationmethodspolicy"
_DEFINITION = "unifiedRoleDefinition resource type, " + _API + "resources/unifiedroledefinition"
_ASSIGNMENT = "unifiedRoleAssignment resource type, " + _API + "resources/unifiedroleassignment"
_INSTANCE = "unifiedRoleAssignmentScheduleInstance resource type, " + (
    _API + "resources/unifiedroleassignmentscheduleinstance"
)
_REQUEST = "Create roleAssignmentScheduleRequests, " + _API + "rbacapplication-post-roleassignmentschedulerequests"
_PIM = "Privileged identity management APIs and their errors, " + (
    _LEARN + "graph/api/resources/privilegedidentitymanagementv3-overview"
)
_ELIGIBLE = "unifiedRoleEligibilitySchedule resource type, " + _API + "resources/unifiedroleeligibilityschedule"
_ROLE_RULES = "Update unifiedRoleManagementPolicyRule, " + _API + "unifiedrolemanagementpolicyrule-update"
_SETTING = "Overview of group settings, " + _LEARN + "graph/group-directory-settings"
_RECOVER = "Recover from deletions in Microsoft Entra ID, " + _LEARN + "entra/architecture/recover-from-deletions"


def _r(rule_id: str, statement: str, source: str) -> Rule:
    return Rule(rule_id, statement, source)


def _u(rule_id: str, statement: str, source: str) -> Rule:
    return Rule(rule_id, statement, source, unverified=True)


GOVERNANCE: tuple[Rule, ...] = (
    _u(
        "dependents.bin",
        "Grants and role assignments of a deleted object vanish with it, come back with it, and go with a purge.",
        _RECOVER,
    ),
    # --- administrative units
    _r(
        "unit.restricted",
        "A member of a restricted management unit can be changed only with a role scoped to that unit; tenant-wide "
        "permissions answer 403.",
        _RESTRICTED,
    ),
    _u("unit.dynamic-rule", "membershipRule and membershipType Dynamic need each other.", _UNIT),
    _r("unit.dynamic-members", "Members of a dynamic administrative unit can't be written.", _UNIT),
    _u("unit.no-purge", "An administrative unit can't be removed from the bin by a request.", _UNIT),
    # --- delegated grants
    _u(
        "grant.unique",
        "One grant per client, resource, consent type and principal; a second one answers 409.",
        _GRANT,
    ),
    _r("grant.principal", "consentType Principal needs a principalId, AllPrincipals takes none.", _GRANT),
    _r("grant.scope", "The scope is one string of at most 3,850 characters.", _GRANT),
    _u("grant.scope-replaced", "PATCH replaces the scope whole, and changes nothing else.", _GRANT),
    # --- authentication strengths
    _r("strength.built-in", "Built-in authentication strengths can't be changed or deleted.", _STRENGTH),
    _u(
        "strength.configurations-inline",
        "A strength is shown with its combinationConfigurations without $expand.",
        _STRENGTH,
    ),
    _r(
        "strength.combinations-by-action",
        "PATCH can't change allowedCombinations; the action updateAllowedCombinations does.",
        "Update allowed combinations, " + _API + "authenticationstrengthpolicy-updateallowedcombinations",
    ),
    _r("strength.known-combinations", "Only the combinations that the service lists are allowed.", _STRENGTH),
    _u(
        "strength.refined-combinations",
        "A combination that a combinationConfiguration applies to can't be taken out of the policy.",
        _PARTS,
    ),
    _u("strength.in-use", "A strength that a conditional access policy names can't be deleted.", _STRENGTH),
    _r(
        "strength.configuration-type",
        "A combinationConfiguration is written with its @odata.type.",
        _PARTS,
    ),
    _u(
        "strength.applies",
        "appliesToCombinations must fit the configuration's type and be allowed by the policy.",
        _PARTS,
    ),
    # --- authentication contexts
    _r("context.ids", "The ids of authentication contexts are c1 to c99.", _CONTEXT),
    _r("context.patch-creates", "PATCH of an id that isn't used creates the authentication context.", _CONTEXT),
    _r(
        "context.delete-in-use",
        "A published context, or one that a policy names, can't be deleted.",
        "Delete authenticationContextClassReference, " + _API + "authenticationcontextclassreference-delete",
    ),
    # --- authentication methods
    _r(
        "methods.type",
        "Each method's configuration is written on its own path with its @odata.type.",
        "Update fido2AuthenticationMethodConfiguration, " + _API + "fido2authenticationmethodconfiguration-update",
    ),
    _u("methods.replaced", "PATCH of a configuration replaces each member whole, targets included.", _METHODS),
    _u("methods.targets-exist", "The users and groups that a configuration targets must exist.", _METHODS),
    _u("methods.verified-ids-exist", "The profiles of verified ids that a target names must exist.", _METHODS),
    _r(
        "methods.default-profile",
        "The default passkey profile can't be deleted once it is there.",
        "fido2AuthenticationMethodConfiguration resource type, "
        + _API
        + "resources/fido2authenticationmethodconfiguration",
    ),
    _u(
        "methods.profiles-exist",
        "The passkey profiles that a target names are among the configuration's.",
        _METHODS,
    ),
    _u("methods.migration-back", "A completed migration of the policy can't be taken back.", _METHODS),
    # --- roles
    _r("role.built-in", "Built-in role definitions can't be changed or deleted.", _DEFINITION),
    _u("role.custom-licence", "Writing custom roles needs Entra ID P1; without it 403.", _DEFINITION),
    _u(
        "role.template-id",
        "A supplied templateId is kept and unique, but the id is new.",
        _DEFINITION,
    ),
    _u("role.actions", "A custom role allows only actions of microsoft.directory.", _DEFINITION),
    _u("role.delete-assigned", "A role definition that is assigned can't be deleted.", _DEFINITION),
    _r("role.references", "Role, principal and scope of an assignment must exist.", _ASSIGNMENT),
    _r(
        "role.assignable-groups",
        "Only role-assignable groups can hold a role.",
        "Use Microsoft Entra groups to manage role assignments, " + _RBAC + "groups-concept",
    ),
    _r("role.scope-required", "An assignment in the directory needs a directoryScopeId.", _ASSIGNMENT),
    _u(
        "role.unique",
        "One active assignment per principal, role and scope, activations included; a second one answers 400.",
        _ASSIGNMENT,
    ),
    _u(
        "role.last-global-administrator",
        "The last user who is permanently Global Administrator can't lose that role.",
        "Manage emergency access accounts, " + _RBAC + "security-emergency-access",
    ),
    _u(
        "role.schedules",
        "Each assignment and activation has a schedule from when it is asked for, with its type and its period.",
        "List roleAssignmentSchedules, " + _API + "rbacapplication-list-roleassignmentschedules",
    ),
    _r("role.ends", "Activations and time-bound assignments disappear at their end.", _INSTANCE),
    _u(
        "role.group-instances",
        "Members of a group that holds a role have schedule instances with memberType Group.",
        _INSTANCE,
    ),
    _u(
        "licence.privileged-identity",
        "Without Entra ID P2 the schedule paths answer AadPremiumLicenseRequired (seen as 400).",
        _PIM,
    ),
    _r("role.exists", "A request for what is assigned already answers RoleAssignmentExists.", _PIM),
    _u("role.start-past", "A request that starts more than five minutes ago is refused.", _REQUEST),
    _u("role.justification", "An admin assignment needs a justification under the default rules.", _PIM),
    _u(
        "role.request-actions", "Only adminAssign and adminRemove are played; self actions are for users.", _REQUEST
    ),
    _r("eligible.ends", "Eligibility disappears at its end.", _ELIGIBLE),
    _u("eligible.end-shown", "A schedule made for a duration shows the moment at which it ends.", _ELIGIBLE),
    _u(
        "eligible.group-members",
        "Members of a group that is eligible have schedules with memberType Group.",
        _ELIGIBLE,
    ),
    _u(
        "role.settings-filter",
        "Role management policies and their assignments are listed only for a scope and its type.",
        _ROLE_RULES,
    ),
    _r("role.rule-type", "A rule is changed with its @odata.type, which is what it was.", _ROLE_RULES),
    _u("role.rule-target", "A change of a rule names its target again.", _ROLE_RULES),
    _u("role.rule-references", "Approvers and authentication contexts that a rule names exist.", _ROLE_RULES),
    _r("role.rule-approvers", "Approvers are told apart by their @odata.type.", _ROLE_RULES),
    _r(
        "role.expiration-rule",
        "A request for longer than the role's expiration rule allows is refused, and names the rule.",
        _PIM,
    ),
    # --- group settings
    _r("setting.every-value", "A write names every value of the template, each once.", _SETTING),
    _u("setting.value-types", "Values are strings that read as the template's type.", _SETTING),
    _r(
        "setting.template",
        "Tenant-wide settings come from a template that is made for them; one object per template.",
        _SETTING,
    ),
)

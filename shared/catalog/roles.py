"""Directory roles: definitions, who holds them, and what privileged identity management says of that."""

from __future__ import annotations

from shared.catalog.bearing import Bearing
from shared.catalog.consent import IN_ROLE_ACTIONS
from shared.catalog.containment import Containment, Withdrawal
from shared.catalog.plans import PREMIUM_P2
from shared.catalog.spec import (
    AnchorSpec,
    Condition,
    Create,
    DomainName,
    Drill,
    Governed,
    Licence,
    MatchKey,
    Nature,
    ObjectType,
    Part,
    Protected,
    Quirk,
    Strength,
    Timed,
    ValueReference,
    WaveNumber,
)
from shared.catalog.tier_zero import GIVES_ELIGIBILITY, GIVES_ROLE, HOLDS_A_ROLE, ROLE_CONTENT
from shared.domain.plan import AnchorKind, Reason

_READ = (("RoleManagement.Read.Directory", "Directory.Read.All"),)
_WRITE = (("RoleManagement.ReadWrite.Directory",),)
_LICENCES = "Microsoft Entra ID Governance licensing fundamentals, Privileged Identity Management"
_SCHEDULES = "/roleManagement/directory/roleAssignmentSchedule"
_ELIGIBLE = "/roleManagement/directory/roleEligibilitySchedule"
_PRINCIPALS = ("users", "groups", "servicePrincipals")
_SCOPES = ("administrativeUnits", "applications", "servicePrincipals")
_HELD = (
    ValueReference("principalId", _PRINCIPALS),
    ValueReference("roleDefinitionId", ("roleDefinitions",)),
    ValueReference("directoryScopeId", _SCOPES, text=True),
)
_GOVERNED = Governed("roleManagementPolicyAssignments", "roleDefinitionId")
_ASKED: dict[str, object] = {
    "action": "adminAssign",
    "justification": "Brought back from a backup by Holdfast",
}
_UNTIL: dict[str, object] = {"type": "afterDateTime", "endDateTime": "{end}"}
# What is asked of privileged identity management, for eligibility and for assignments alike.
_FOR_GOOD: dict[str, object] = {
    **_ASKED,
    "scheduleInfo": {"startDateTime": "{start}", "expiration": {"type": "noExpiration"}},
}
_FOR_A_TIME: dict[str, object] = {**_ASKED, "scheduleInfo": {"startDateTime": "{start}", "expiration": _UNTIL}}
_GONE: dict[str, object] = {
    "action": "adminRemove",
    "principalId": "{principalId}",
    "roleDefinitionId": "{roleDefinitionId}",
    "directoryScopeId": "{directoryScopeId}",
    "justification": "Holdfast: what was added since goes",
}

ROLE_DEFINITIONS = ObjectType(
    name="roleDefinitions",
    title="Role definitions",
    path="/roleManagement/directory/roleDefinitions",
    odata_type="#microsoft.graph.unifiedRoleDefinition",
    wave=WaveNumber.TIER_ZERO,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    match_keys=(
        MatchKey(
            ("templateId",),
            Strength.UNIQUE,
            "/roleManagement/directory/roleDefinitions?$filter=templateId eq '{value}'",
            across=True,
        ),
        MatchKey(("displayName",), Strength.WEAK),
    ),
    anchor=AnchorSpec(
        AnchorKind.KEY,
        "templateId",
        "/roleManagement/directory/roleDefinitions?$filter=templateId eq '{value}'",
    ),
    create=Create("/roleManagement/directory/roleDefinitions"),
    writable=("description", "displayName", "isEnabled", "rolePermissions", "version"),
    create_only=("templateId",),
    whole=("rolePermissions",),
    sets=("rolePermissions", "rolePermissions.allowedResourceActions"),
    references=(IN_ROLE_ACTIONS,),
    protected=(Protected(Condition("isBuiltIn", (True,)), Reason.FOREIGN),),
    tier_zero=ROLE_CONTENT,
    licence=Licence("Entra ID P1 for custom roles", "Microsoft Entra: custom roles overview, License requirements"),
    quirks=(
        Quirk("Built-in roles can't be changed.", "Microsoft Graph: unifiedRoleDefinition resource type"),
        Quirk(
            "A templateId may be given at creation and stays; whether the id follows it is open, so a new one is "
            "expected.",
            "Microsoft Graph: Create unifiedRoleDefinition",
            unverified=True,
        ),
    ),
)

ROLE_ASSIGNMENT_INSTANCES = ObjectType(
    name="roleAssignmentScheduleInstances",
    title="Role assignments as privileged identity management sees them",
    path="/roleManagement/directory/roleAssignmentScheduleInstances",
    odata_type="#microsoft.graph.unifiedRoleAssignmentScheduleInstance",
    wave=WaveNumber.TIER_ZERO,
    needs_to_read=(("RoleAssignmentSchedule.Read.Directory", "RoleManagement.Read.Directory"),),
    needs_to_write=_WRITE,
    made_by_service="role assignments",
    name_property="assignmentType",
    references=(
        ValueReference("principalId", ("users", "groups", "servicePrincipals")),
        ValueReference("roleDefinitionId", ("roleDefinitions",)),
    ),
    bearing=Bearing("role_assignments", about="principalId"),
    licence=Licence("Entra ID P2 or ID Governance", _LICENCES, PREMIUM_P2),
    drill=Drill.NONE,
    no_drill="there is nothing to write: the service makes them from role assignments",
    quirks=(
        Quirk(
            "A tenant without Entra ID P2 answers with a licence error: it has no activations and no ends.",
            "Microsoft Graph: List roleAssignmentScheduleInstances",
            unverified=True,
        ),
        Quirk(
            "Members of a group that holds a role have instances of their own, with memberType Group.",
            "Microsoft Graph: unifiedRoleAssignmentScheduleInstance resource type",
            unverified=True,
        ),
    ),
)

ROLE_ASSIGNMENTS = ObjectType(
    name="roleAssignments",
    title="Role assignments",
    path="/roleManagement/directory/roleAssignments",
    odata_type="#microsoft.graph.unifiedRoleAssignment",
    wave=WaveNumber.TIER_ZERO,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    dependent=True,
    name_property="principalId",
    match_keys=(MatchKey(("principalId", "roleDefinitionId", "directoryScopeId"), Strength.UNIQUE),),
    anchor=AnchorSpec(
        AnchorKind.KEY,
        "principalId",
        "/roleManagement/directory/roleAssignments?$filter=principalId eq '{value}'",
    ),
    create=Create("/roleManagement/directory/roleAssignments"),
    create_only=("condition", "directoryScopeId", "principalId", "roleDefinitionId"),
    nature=Nature(
        told_by=ROLE_ASSIGNMENT_INSTANCES.name,
        key="roleAssignmentOriginId",
        direct=Condition("memberType", ("Direct",)),
        passing=(Condition("assignmentType", ("Activated",)),),
        passing_why="it was an activation of an eligible role, which is for its holder to repeat",
        end="endDateTime",
        timed=Timed(
            f"{_SCHEDULES}Requests",
            {**_ASKED, "scheduleInfo": {"expiration": _UNTIL}},
        ),
    ),
    references=_HELD,
    governed=_GOVERNED,
    licence=Licence("Entra ID P2 or ID Governance for assignments with an end", _LICENCES),
    contain=Containment(added=True),
    tier_zero=HOLDS_A_ROLE,
    gives=GIVES_ROLE,
    bearing=Bearing("role_assignments", about="principalId"),
    quirks=(
        Quirk(
            "The list shows activations beside assignments; only the schedule instance tells them apart.",
            "Microsoft Graph: List unifiedRoleAssignments; unifiedRoleAssignmentScheduleInstance",
            unverified=True,
        ),
        Quirk("No PATCH: an assignment is made or removed.", "Microsoft Graph: unifiedRoleAssignment"),
        Quirk(
            "An assignment with an end is made by a schedule request, which takes a justification.",
            "Microsoft Graph: Create roleAssignmentScheduleRequests",
        ),
    ),
)

ROLE_ASSIGNMENT_SCHEDULES = ObjectType(
    name="roleAssignmentSchedules",
    title="Role assignments that are to begin, and the schedules of those that have begun",
    path=f"{_SCHEDULES}s",
    odata_type="#microsoft.graph.unifiedRoleAssignmentSchedule",
    wave=WaveNumber.TIER_ZERO,
    needs_to_read=(("RoleAssignmentSchedule.Read.Directory", "RoleManagement.Read.Directory"),),
    needs_to_write=(("RoleManagement.ReadWrite.Directory", "RoleAssignmentSchedule.ReadWrite.Directory"),),
    dependent=True,
    name_property="principalId",
    match_keys=(
        # Whoever may activate a role may hold it by an activation now, and be assigned it for later.
        MatchKey(("principalId", "roleDefinitionId", "directoryScopeId", "assignmentType"), Strength.UNIQUE),
    ),
    anchor=AnchorSpec(AnchorKind.KEY, "principalId", f"{_SCHEDULES}s?$filter=principalId eq '{{value}}'"),
    create=Create(
        f"{_SCHEDULES}Requests",
        fixed=_FOR_GOOD,
        by_request=True,
    ),
    create_only=("directoryScopeId", "principalId", "roleDefinitionId"),
    action_only=("scheduleInfo",),
    # One that was to begin meanwhile begins when it is asked for again.
    computed_within=("scheduleInfo.startDateTime",),
    volatile=("createdUsing", "modifiedDateTime", "status"),
    nature=Nature(
        passing=(
            Condition("assignmentType", ("Activated",)),
            Condition("memberType", ("Group", "Inherited")),
        ),
        passing_why="it was an activation, or came with a group, which is for its holder to repeat",
        start="scheduleInfo.startDateTime",
        end="scheduleInfo.expiration.endDateTime",
        duration="scheduleInfo.expiration.duration",
        lasting=Condition("scheduleInfo.expiration.type", ("noExpiration",)),
        timed=Timed(
            f"{_SCHEDULES}Requests",
            _FOR_A_TIME,
        ),
        begun_as=ROLE_ASSIGNMENTS.name,
        same=("principalId", "roleDefinitionId", "directoryScopeId"),
    ),
    references=_HELD,
    governed=_GOVERNED,
    licence=Licence("Entra ID P2 or ID Governance", _LICENCES, PREMIUM_P2),
    contain=Containment(
        added=True,
        withdrawal=Withdrawal(
            f"{_SCHEDULES}Requests",
            _GONE,
        ),
    ),
    quirks=(
        Quirk(
            "An assignment whose start lies ahead is a schedule and no role assignment yet. One that had begun "
            "when the snapshot was taken comes back as the role assignment that it was.",
            "Microsoft Graph: unifiedRoleAssignmentSchedule resource type; List roleAssignmentSchedules",
        ),
        Quirk(
            "Whether the list shows schedules of assignments that were made without privileged identity "
            "management, and of a group's members, is open; neither is written.",
            "Microsoft Graph: List roleAssignmentSchedules",
            unverified=True,
        ),
        Quirk(
            "A change of the period is asked for with adminUpdate, which is not done yet.",
            "Microsoft Graph: Create roleAssignmentScheduleRequests",
        ),
    ),
)

ROLE_ELIGIBILITIES = ObjectType(
    name="roleEligibilitySchedules",
    title="Who may activate a role",
    path=f"{_ELIGIBLE}s",
    odata_type="#microsoft.graph.unifiedRoleEligibilitySchedule",
    wave=WaveNumber.TIER_ZERO,
    needs_to_read=(("RoleEligibilitySchedule.Read.Directory", "RoleManagement.Read.Directory"),),
    needs_to_write=(("RoleManagement.ReadWrite.Directory", "RoleEligibilitySchedule.ReadWrite.Directory"),),
    dependent=True,
    name_property="principalId",
    match_keys=(MatchKey(("principalId", "roleDefinitionId", "directoryScopeId"), Strength.UNIQUE),),
    anchor=AnchorSpec(AnchorKind.KEY, "principalId", f"{_ELIGIBLE}s?$filter=principalId eq '{{value}}'"),
    create=Create(
        f"{_ELIGIBLE}Requests",
        fixed=_FOR_GOOD,
        by_request=True,
    ),
    create_only=("directoryScopeId", "principalId", "roleDefinitionId"),
    action_only=("scheduleInfo",),
    # One that is made anew begins now: what began in the past can't be asked for.
    computed_within=("scheduleInfo.startDateTime",),
    volatile=("createdUsing", "modifiedDateTime"),
    nature=Nature(
        passing=(Condition("memberType", ("Group", "Inherited")),),
        passing_why="it comes with the membership of a group that is eligible",
        start="scheduleInfo.startDateTime",
        end="scheduleInfo.expiration.endDateTime",
        duration="scheduleInfo.expiration.duration",
        lasting=Condition("scheduleInfo.expiration.type", ("noExpiration",)),
        timed=Timed(
            f"{_ELIGIBLE}Requests",
            _FOR_A_TIME,
        ),
    ),
    references=_HELD,
    governed=_GOVERNED,
    licence=Licence("Entra ID P2 or ID Governance", _LICENCES, PREMIUM_P2),
    tier_zero=HOLDS_A_ROLE,
    gives=GIVES_ELIGIBILITY,
    bearing=Bearing("role_assignments", about="principalId"),
    contain=Containment(
        added=True,
        withdrawal=Withdrawal(
            f"{_ELIGIBLE}Requests",
            _GONE,
        ),
    ),
    quirks=(
        Quirk(
            "Made and removed by requests of an administrator, with a justification; the answer is the request's.",
            "Microsoft Graph: Create roleEligibilityScheduleRequests",
        ),
        Quirk(
            "A change of the period is asked for with adminUpdate, which is not done yet.",
            "Microsoft Graph: Create roleEligibilityScheduleRequests",
        ),
        Quirk(
            "Members of a group that is eligible may have schedules of their own, with memberType Group.",
            "Microsoft Graph: unifiedRoleEligibilitySchedule resource type",
            unverified=True,
        ),
    ),
)

_POLICIES = "/policies/roleManagementPolic"
_OF_ROLES = "scopeId eq '/' and scopeType eq 'DirectoryRole'"
_APPROVERS = "policy.rules[].setting.approvalStages[]"
_APPROVER_LISTS = (
    "setting.approvalStages.primaryApprovers",
    "setting.approvalStages.escalationApprovers",
)
_RULE_SETS = (
    "enabledRules",
    "notificationRecipients",
    *_APPROVER_LISTS,
    "target.enforcedSettings",
    "target.inheritableSettings",
    "target.operations",
)

ROLE_SETTINGS = ObjectType(
    name="roleManagementPolicyAssignments",
    title="Role settings: what activating a role, and giving it, takes",
    path=f"{_POLICIES}yAssignments",
    query=(f"$filter={_OF_ROLES.replace(' ', '%20')}", "$expand=policy($expand=rules)"),
    odata_type="#microsoft.graph.unifiedRoleManagementPolicyAssignment",
    wave=WaveNumber.TIER_ZERO,
    needs_to_read=(("RoleManagement.Read.Directory",),),
    needs_to_write=(("RoleManagement.ReadWrite.Directory", "RoleManagementPolicy.ReadWrite.Directory"),),
    dependent=True,
    name_property="roleDefinitionId",
    match_keys=(MatchKey(("roleDefinitionId", "scopeId", "scopeType"), Strength.UNIQUE, across=True),),
    anchor=AnchorSpec(
        AnchorKind.KEY,
        "roleDefinitionId",
        f"{_POLICIES}yAssignments?$filter={_OF_ROLES} and roleDefinitionId eq '{{value}}'",
    ),
    create=Create("", awaited=True),
    create_only=("roleDefinitionId", "scopeId", "scopeType"),
    writable=("policy",),
    parts=(Part("policy.rules", f"{_POLICIES}ies/{{policyId}}/rules/{{id}}"),),
    keys_besides_id=("policyId",),
    computed_within=(
        "policy.description",
        "policy.displayName",
        "policy.id",
        "policy.isOrganizationDefault",
        "policy.lastModifiedBy",
        "policy.lastModifiedDateTime",
        "policy.scopeId",
        "policy.scopeType",
    ),
    sets=("policy.rules", *(f"policy.rules.{one}" for one in _RULE_SETS), *_RULE_SETS),
    typed=_APPROVER_LISTS,
    references=(
        ValueReference("roleDefinitionId", ("roleDefinitions",)),
        *(
            ValueReference(f"{_APPROVERS}.{kind}Approvers[].{member}", (to,))
            for kind in ("primary", "escalation")
            for member, to in (("userId", "users"), ("groupId", "groups"))
        ),
        ValueReference("policy.rules[].claimValue", ("authenticationContextClassReferences",), literals=("",)),
    ),
    domain_names=(DomainName("policy.rules[].notificationRecipients[]"),),
    licence=Licence("Entra ID P2 or ID Governance", _LICENCES),
    quirks=(
        Quirk(
            "Each role has a policy of its own with 17 rules, which is made and goes with the role; a custom role "
            "that is made anew gets another one, so that rules are found by their role.",
            "Microsoft Graph: Rules in PIM - mapping guide",
            unverified=True,
        ),
        Quirk(
            "Rules are written one by one, with their @odata.type and their target.",
            "Microsoft Graph: Update unifiedRoleManagementPolicyRule",
        ),
        Quirk(
            "The rules are read with the assignment of the policy to the role, by a nested $expand.",
            "Microsoft Graph: Use PIM APIs to update Microsoft Entra ID rules",
        ),
    ),
)

"""Privileged identity management for groups: who may become a member or an owner, of groups that may hold roles."""

from __future__ import annotations

from dataclasses import replace

from shared.catalog.containment import Containment, Withdrawal
from shared.catalog.plans import PREMIUM_P2
from shared.catalog.roles import ROLE_ELIGIBILITIES, ROLE_SETTINGS
from shared.catalog.spec import (
    AnchorSpec,
    Condition,
    Follows,
    Licence,
    MatchKey,
    ObjectType,
    Quirk,
    Scoped,
    Strength,
    ValueReference,
    WaveNumber,
)
from shared.catalog.tier_zero import IN_A_ROLE_GROUP
from shared.domain.plan import AnchorKind

_ROOT = "/identityGovernance/privilegedAccess/group"
_ELIGIBLE = f"{_ROOT}/eligibilitySchedule"
_ASSIGNED = f"{_ROOT}/assignmentSchedule"
_GONE: dict[str, object] = {
    "action": "adminRemove",
    "accessId": "{accessId}",
    "groupId": "{groupId}",
    "principalId": "{principalId}",
    "scheduleInfo": "{scheduleInfo}",
    "justification": "Holdfast: what was added since goes",
}
_BY_GROUP = Condition("memberType", ("group", "Group"))

# Asked for, and for how long, as eligibility for a role is.
_ROLES = ROLE_ELIGIBILITIES
assert _ROLES.create is not None
assert _ROLES.nature is not None
_CREATE = replace(_ROLES.create, path=f"{_ELIGIBLE}Requests")
_NATURE = replace(
    _ROLES.nature, passing=(_BY_GROUP,), timed=replace(_ROLES.nature.timed, path=f"{_ELIGIBLE}Requests")
)

GROUP_ELIGIBILITIES = ObjectType(
    name="groupEligibilitySchedules",
    title="Who may become a member or an owner of a role-assignable group",
    path=f"{_ELIGIBLE}s",
    odata_type="#microsoft.graph.privilegedAccessGroupEligibilitySchedule",
    wave=WaveNumber.TIER_ZERO,
    needs_to_read=(("PrivilegedEligibilitySchedule.Read.AzureADGroup",),),
    needs_to_write=(("PrivilegedEligibilitySchedule.ReadWrite.AzureADGroup",),),
    scoped=Scoped("groups", Condition("isAssignableToRole", (True,)), share=0.005),
    query=("$filter=groupId%20eq%20'{id}'",),
    dependent=True,
    name_property="principalId",
    match_keys=(MatchKey(("principalId", "groupId", "accessId"), Strength.UNIQUE),),
    anchor=AnchorSpec(AnchorKind.KEY, "principalId", f"{_ELIGIBLE}s?$filter=principalId eq '{{value}}'"),
    create=_CREATE,
    create_only=("accessId", "groupId", "principalId"),
    action_only=("scheduleInfo",),
    # One that is made anew begins now: what began in the past can't be asked for.
    computed_within=("scheduleInfo.startDateTime",),
    volatile=("createdUsing", "modifiedDateTime"),
    nature=_NATURE,
    references=(
        ValueReference("principalId", ("users", "groups", "servicePrincipals")),
        ValueReference("groupId", ("groups",)),
    ),
    contain=Containment(added=True, withdrawal=Withdrawal(f"{_ELIGIBLE}Requests", _GONE)),
    tier_zero=IN_A_ROLE_GROUP,
    licence=Licence(
        "Entra ID P2 or ID Governance", "Microsoft Entra ID Governance licensing fundamentals", PREMIUM_P2
    ),
    quirks=(
        Quirk(
            "Graph lists them for one group or one principal at a time, and tells nowhere which groups have any. "
            "Groups that may hold roles are asked, one request each; all others are not, because that would take a "
            "request for each group of the tenant.",
            "Microsoft Graph: List eligibilitySchedules (privilegedAccessGroup)",
        ),
        Quirk(
            "A group comes under privileged identity management by the first request for it.",
            "Microsoft Graph: Create eligibilityScheduleRequest (privilegedAccessGroup)",
            unverified=True,
        ),
        Quirk(
            "A change of the period is asked for with adminUpdate, which is not done yet.",
            "Microsoft Graph: Create eligibilityScheduleRequest (privilegedAccessGroup)",
        ),
    ),
)

GROUP_ASSIGNMENTS = replace(
    GROUP_ELIGIBILITIES,
    name="groupAssignmentSchedules",
    title="Who is a member or an owner of a role-assignable group for a time, or by a request",
    path=f"{_ASSIGNED}s",
    odata_type="#microsoft.graph.privilegedAccessGroupAssignmentSchedule",
    needs_to_read=(("PrivilegedAssignmentSchedule.Read.AzureADGroup",),),
    needs_to_write=(("PrivilegedAssignmentSchedule.ReadWrite.AzureADGroup",),),
    anchor=AnchorSpec(AnchorKind.KEY, "principalId", f"{_ASSIGNED}s?$filter=principalId eq '{{value}}'"),
    create=replace(_CREATE, path=f"{_ASSIGNED}Requests"),
    nature=replace(
        _NATURE,
        passing=(_BY_GROUP, Condition("assignmentType", ("activated", "Activated"))),
        passing_why="it was an activation, or came with a group, which is for its holder to repeat",
        timed=replace(_NATURE.timed, path=f"{_ASSIGNED}Requests"),
    ),
    contain=Containment(added=True, withdrawal=Withdrawal(f"{_ASSIGNED}Requests", _GONE)),
    quirks=(
        *GROUP_ELIGIBILITIES.quirks[:1],
        Quirk(
            "An activation makes its holder a member while it lasts. Such a membership, and one that has an end, "
            "is not made as a link, which would last: it comes back by a request with its end, or not at all.",
            "Microsoft Graph: privilegedAccessGroupAssignmentSchedule resource type",
        ),
        Quirk(
            "A change of the period is asked for with adminUpdate, which is not done yet.",
            "Microsoft Graph: Create assignmentScheduleRequest (privilegedAccessGroup)",
        ),
    ),
)

assert ROLE_SETTINGS.create is not None
_SETTINGS = "/policies/roleManagementPolicyAssignments"
_OF_GROUP = "scopeId eq '{value}' and scopeType eq 'Group'"

GROUP_ROLE_SETTINGS = replace(
    ROLE_SETTINGS,
    name="groupManagementPolicyAssignments",
    title="What activating a membership of a role-assignable group, and giving it, takes",
    needs_to_read=(("RoleManagementPolicy.Read.AzureADGroup",),),
    needs_to_write=(("RoleManagementPolicy.ReadWrite.AzureADGroup",),),
    scoped=Scoped("groups", Condition("isAssignableToRole", (True,)), share=0.005),
    query=(
        f"$filter={_OF_GROUP.replace(' ', '%20').replace('{value}', '{id}')}",
        "$expand=policy($expand=rules)",
    ),
    name_property="scopeId",
    match_keys=(MatchKey(("scopeId", "roleDefinitionId", "scopeType"), Strength.UNIQUE),),
    anchor=AnchorSpec(AnchorKind.KEY, "scopeId", f"{_SETTINGS}?$filter={_OF_GROUP}"),
    create=replace(
        ROLE_SETTINGS.create,
        follows=Follows(("groupEligibilitySchedules", "groupAssignmentSchedules"), "groupId", "scopeId"),
    ),
    references=(
        ValueReference("scopeId", ("groups",)),
        *(one for one in ROLE_SETTINGS.references if one.path != "roleDefinitionId"),
    ),
    licence=Licence(
        "Entra ID P2 or ID Governance", "Microsoft Entra ID Governance licensing fundamentals", PREMIUM_P2
    ),
    quirks=(
        *GROUP_ELIGIBILITIES.quirks[:1],
        Quirk(
            "A group has one policy for its members and one for its owners, which the service makes when the group "
            "comes under privileged identity management: those of a group that is made anew are waited for, and "
            "get the rules they had. Until then its eligibility follows the rules that every group starts with.",
            "Microsoft Graph: Rules in PIM - mapping guide",
            unverified=True,
        ),
        *ROLE_SETTINGS.quirks[1:],
    ),
)

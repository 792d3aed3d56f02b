"""Types of privileged identity management for groups, and what the reference demands of them."""

from __future__ import annotations

from .form import TypeRule
from .registry import Alternatives, Rule, any_of

_GUIDE = "https://learn.microsoft.com/graph/api/privilegedaccessgroup-"
_ROOT = "/identityGovernance/privilegedAccess/group"
_REFERENCE = "Create eligibilityScheduleRequest, " + _GUIDE + "post-eligibilityschedulerequests"

GROUP_ELIGIBILITIES = TypeRule(
    table="groupEligibilitySchedules",
    path=f"{_ROOT}/eligibilitySchedules",
    odata_type="#microsoft.graph.privilegedAccessGroupEligibilitySchedule",
    model="privileged_access_group_eligibility_schedule.PrivilegedAccessGroupEligibilitySchedule",
    source=_GUIDE + "list-eligibilityschedules",
    audit_name="group",
    audit_category="GroupManagement",
)
GROUP_ASSIGNMENTS = TypeRule(
    table="groupAssignmentSchedules",
    path=f"{_ROOT}/assignmentSchedules",
    odata_type="#microsoft.graph.privilegedAccessGroupAssignmentSchedule",
    model="privileged_access_group_assignment_schedule.PrivilegedAccessGroupAssignmentSchedule",
    source=_GUIDE + "list-assignmentschedules",
    audit_name="group",
    audit_category="GroupManagement",
)
_REQUIRED = ("accessId", "action", "groupId", "principalId", "scheduleInfo")
_MADE = frozenset(
    ("id", "approvalId", "completedDateTime", "createdBy", "createdDateTime", "status", "targetScheduleId")
)
GROUP_ASSIGNMENT_REQUESTS = TypeRule(
    table="groupAssignmentScheduleRequests",
    path=f"{_ROOT}/assignmentScheduleRequests",
    odata_type="#microsoft.graph.privilegedAccessGroupAssignmentScheduleRequest",
    model="privileged_access_group_assignment_schedule_request.PrivilegedAccessGroupAssignmentScheduleRequest",
    source=_GUIDE + "post-assignmentschedulerequests",
    required=_REQUIRED,
    read_only=_MADE,
)
GROUP_ELIGIBILITY_REQUESTS = TypeRule(
    table="groupEligibilityScheduleRequests",
    path=f"{_ROOT}/eligibilityScheduleRequests",
    odata_type="#microsoft.graph.privilegedAccessGroupEligibilityScheduleRequest",
    model="privileged_access_group_eligibility_schedule_request.PrivilegedAccessGroupEligibilityScheduleRequest",
    source=_GUIDE + "post-eligibilityschedulerequests",
    required=_REQUIRED,
    read_only=_MADE,
)


def _permissions(schedules: TypeRule, requests: TypeRule, kind: str) -> dict[tuple[str, str], Alternatives]:
    read = any_of(f"{kind}.Read.AzureADGroup", f"{kind}.ReadWrite.AzureADGroup")
    return {
        ("GET", schedules.root): read,
        ("GET", f"{schedules.root}/{{id}}"): read,
        ("GET", f"{requests.root}/{{id}}"): read,
        ("POST", requests.root): any_of(f"{kind}.ReadWrite.AzureADGroup"),
    }


GROUP_ACCESS = {
    **_permissions(GROUP_ELIGIBILITIES, GROUP_ELIGIBILITY_REQUESTS, "PrivilegedEligibilitySchedule"),
    **_permissions(GROUP_ASSIGNMENTS, GROUP_ASSIGNMENT_REQUESTS, "PrivilegedAssignmentSchedule"),
}

GROUP_ACCESS_RULES: tuple[Rule, ...] = (
    Rule(
        "group-eligible.filter",
        "Schedules are listed for one group or one principal only.",
        "List eligibilitySchedules, " + _GUIDE + "list-eligibilityschedules",
    ),
    Rule(
        "group-eligible.groups",
        "Groups that are synced, or whose members follow a rule, can't be managed so.",
        "Privileged Identity Management for groups, "
        "https://learn.microsoft.com/entra/id-governance/privileged-identity-management/concept-pim-for-groups",
    ),
    Rule(
        "group-eligible.members",
        "Members of a group that is eligible have schedules with memberType group.",
        "privilegedAccessGroupEligibilitySchedule resource type, "
        "https://learn.microsoft.com/graph/api/resources/privilegedaccessgroupeligibilityschedule",
        unverified=True,
    ),
    Rule(
        "group-eligible.exists",
        "A second eligibility of the same principal for the same access is refused.",
        _REFERENCE,
        unverified=True,
    ),
    Rule(
        "group-eligible.settings",
        "A group has no policies until the first request for it.",
        "Rules in PIM - mapping guide, https://learn.microsoft.com/graph/identity-governance-pim-rules-overview",
        unverified=True,
    ),
    Rule("group-eligible.actions", "Only administrators' actions are open to applications.", _REFERENCE),
    Rule(
        "group-eligible.ends",
        "Eligibility disappears at its end.",
        "privilegedAccessGroupEligibilitySchedule resource type, "
        "https://learn.microsoft.com/graph/api/resources/privilegedaccessgroupeligibilityschedule",
    ),
)

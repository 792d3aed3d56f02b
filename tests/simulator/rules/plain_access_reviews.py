"""Access reviews: series of reviews, of which each update is a PUT of the whole."""

from __future__ import annotations

from .form import TypeRule
from .plain import Named, Obj, Plain
from .registry import any_of

_GUIDE = "https://learn.microsoft.com/graph/api/"
_TYPE = "#microsoft.graph."
_NAMED = ("users", "groups", "servicePrincipals", "roleDefinitions")
_GUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SECURITY_ADMIN = "194ae4cb-b126-40b2-bd5b-6091b380977d"


def _query(text: str, root: str | None = None) -> Obj:
    return {"query": text, "queryType": "MicrosoftGraph", "queryRoot": root}


def _scope(text: str, kind: str = "accessReviewQueryScope", **more: str) -> Obj:
    return {"@odata.type": f"{_TYPE}{kind}", **_query(text), **more}


def _settings(days: int, kind: str, interval: int, start: str, **more: object) -> Obj:
    """`start`: long past in every test, as it is for most series."""
    return {
        "mailNotificationsEnabled": True,
        "reminderNotificationsEnabled": True,
        "justificationRequiredOnApproval": True,
        "defaultDecisionEnabled": False,
        "defaultDecision": "None",
        "instanceDurationInDays": days,
        "autoApplyDecisionsEnabled": False,
        "recommendationsEnabled": True,
        "recommendationLookBackDuration": None,
        "decisionHistoriesForReviewersEnabled": False,
        "recurrence": {
            "pattern": {
                "type": kind,
                "interval": interval,
                "month": 0,
                "dayOfMonth": 0,
                "daysOfWeek": [],
                "firstDayOfWeek": "sunday",
                "index": "first",
            },
            "range": {
                "type": "noEnd",
                "numberOfOccurrences": 0,
                "recurrenceTimeZone": None,
                "startDate": start,
                "endDate": "9999-12-31",
            },
        },
        "applyActions": [],
        "recommendationInsightSettings": [],
        **more,
    }


ACCESS_REVIEWS_ROWS: tuple[Plain, ...] = (
    Plain(
        rule=TypeRule(
            table="accessReviewDefinitions",
            path="/identityGovernance/accessReviews/definitions",
            odata_type=f"{_TYPE}accessReviewScheduleDefinition",
            model="access_review_schedule_definition.AccessReviewScheduleDefinition",
            source=_GUIDE + "accessreviewset-post-definitions",
            required=("descriptionForAdmins", "descriptionForReviewers", "displayName", "scope", "settings"),
            read_only=frozenset(("id", "createdBy", "createdDateTime", "lastModifiedDateTime", "status")),
            # Of stages, reviewers may be changed; played as if nothing could.
            write_once=frozenset(
                ("additionalNotificationRecipients", "instanceEnumerationScope", "scope", "stageSettings")
            ),
            audit_name="access review",
            audit_category="AccessReviews",
        ),
        read=any_of("AccessReview.Read.All", "AccessReview.ReadWrite.All"),
        change=any_of("AccessReview.ReadWrite.All"),
        create=any_of("AccessReview.ReadWrite.All"),
        whole=True,
        licence="P2",
        defaults={
            "status": "NotStarted",
            "fallbackReviewers": [],
            "reviewers": [],
            "instanceEnumerationScope": None,
            "additionalNotificationRecipients": [],
            "stageSettings": [],
        },
        made=("createdDateTime",),
        stamps=("lastModifiedDateTime",),
        begins=("settings.recurrence.range.startDate",),
        only_where={"reviewers": ("reviewers[].query", f"(/v1.0)?/users/{_GUID}")},
        names=tuple(
            Named(path, _NAMED, text=True)
            for path in (
                "scope.query",
                "scope.principalScopes[].query",
                "scope.resourceScopes[].query",
                "instanceEnumerationScope.query",
                "reviewers[].query",
                "fallbackReviewers[].query",
                "additionalNotificationRecipients[].notificationRecipientScope.query",
                "stageSettings[].reviewers[].query",
                "stageSettings[].fallbackReviewers[].query",
            )
        ),
        starts=(
            {
                "displayName": "Members of a group, by a person",
                "descriptionForAdmins": "Every week",
                "descriptionForReviewers": "Ask <b>ops</b> if in doubt",
                "status": "InProgress",
                "scope": _scope("/groups/@groups/8/transitiveMembers"),
                "instanceEnumerationScope": _scope("/groups/@groups/8"),
                "reviewers": [_query("/users/@users/3"), _query("/users/@users/4")],
                "fallbackReviewers": [_query("/groups/@groups/2/transitiveMembers/microsoft.graph.user")],
                "additionalNotificationRecipients": [
                    {
                        "notificationTemplateType": "CompletedAdditionalRecipients",
                        "notificationRecipientScope": {
                            "@odata.type": f"{_TYPE}accessReviewNotificationRecipientQueryScope",
                            **_query("/users/@users/20"),
                        },
                    }
                ],
                "settings": _settings(3, "weekly", 1, "2024-03-04"),
            },
            {
                "displayName": "Guests of all Microsoft 365 groups",
                "descriptionForAdmins": "Every quarter",
                "descriptionForReviewers": "Who hasn't been seen for a month goes",
                "status": "InProgress",
                "scope": _scope(
                    "./members/microsoft.graph.user/?$count=true&$filter=(userType eq 'Guest')",
                    "accessReviewInactiveUsersQueryScope",
                    inactiveDuration="P30D",
                ),
                "instanceEnumerationScope": _scope(
                    "/groups?$filter=(groupTypes/any(c:c+eq+'Unified'))&$count=true"
                ),
                "reviewers": [_query("./owners")],
                "fallbackReviewers": [_query("/users/@users/6")],
                "settings": _settings(
                    25,
                    "absoluteMonthly",
                    3,
                    "2024-05-05",
                    defaultDecisionEnabled=True,
                    defaultDecision="Deny",
                    autoApplyDecisionsEnabled=True,
                    applyActions=[{"@odata.type": f"{_TYPE}disableAndDeleteUserApplyAction"}],
                ),
            },
            {
                "displayName": "Security administrators, in two stages",
                "descriptionForAdmins": "Twice a year",
                "descriptionForReviewers": "Is the role still needed?",
                "status": "InProgress",
                "scope": {
                    "@odata.type": f"{_TYPE}principalResourceMembershipsScope",
                    "principalScopes": [_scope("/users"), _scope("/groups")],
                    "resourceScopes": [_scope(f"/roleManagement/directory/roleDefinitions/{_SECURITY_ADMIN}")],
                },
                "stageSettings": [
                    {
                        "stageId": "1",
                        "dependsOn": [],
                        "durationInDays": 7,
                        "recommendationsEnabled": False,
                        "decisionsThatWillMoveToNextStage": ["Approve"],
                        "reviewers": [_query("/users/@users/21")],
                        "fallbackReviewers": [],
                        "recommendationInsightSettings": [],
                    },
                    {
                        "stageId": "2",
                        "dependsOn": ["1"],
                        "durationInDays": 7,
                        "recommendationsEnabled": True,
                        "decisionsThatWillMoveToNextStage": ["Deny"],
                        "reviewers": [_query("./manager", "decisions")],
                        "fallbackReviewers": [_query("/users/@users/22")],
                        "recommendationInsightSettings": [
                            {
                                "@odata.type": f"{_TYPE}userLastSignInRecommendationInsightSetting",
                                "recommendationLookBackDuration": "P30D",
                                "signInScope": "tenant",
                            }
                        ],
                    },
                ],
                "settings": _settings(14, "absoluteMonthly", 6, "2024-01-08"),
            },
            {
                "displayName": "Once, and over",
                "descriptionForAdmins": "Before the audit",
                "descriptionForReviewers": "Before the audit",
                "status": "Completed",
                "scope": _scope("/groups/@groups/8/transitiveMembers"),
                "reviewers": [_query("/users/@users/3")],
                "settings": _settings(3, "weekly", 1, "2024-02-01", recurrence=None),
            },
        ),
    ),
)

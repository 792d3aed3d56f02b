"""Access reviews: who looks again at which access, how often, and what becomes of it where nobody answers."""

from __future__ import annotations

from shared.catalog.plans import PREMIUM_P2
from shared.catalog.spec import (
    AnchorSpec,
    Condition,
    Create,
    Fights,
    Licence,
    MatchKey,
    ObjectType,
    Quirk,
    Strength,
    ValueReference,
    WaveNumber,
)
from shared.domain.plan import AnchorKind

_REVIEWS = "/identityGovernance/accessReviews/definitions"
_SCOPES = (
    "instanceEnumerationScope",
    "scope",
    "scope.principalScopes",
    "scope.resourceScopes",
)
_REVIEWERS = (
    "fallbackReviewers",
    "reviewers",
    "stageSettings.fallbackReviewers",
    "stageSettings.reviewers",
)
_NAMED = ("users", "groups", "servicePrincipals", "roleDefinitions")
_QUERIES = (
    "additionalNotificationRecipients[].notificationRecipientScope.query",
    "fallbackReviewers[].query",
    "instanceEnumerationScope.query",
    "reviewers[].query",
    "scope.principalScopes[].query",
    "scope.query",
    "scope.resourceScopes[].query",
    "stageSettings[].fallbackReviewers[].query",
    "stageSettings[].reviewers[].query",
)

_SET_ONCE = ("additionalNotificationRecipients", "instanceEnumerationScope", "scope", "stageSettings")

ACCESS_REVIEWS = ObjectType(
    name="accessReviewDefinitions",
    title="Access reviews",
    path=_REVIEWS,
    odata_type="#microsoft.graph.accessReviewScheduleDefinition",
    wave=WaveNumber.REST,
    needs_to_read=(("AccessReview.Read.All",),),
    needs_to_write=(("AccessReview.ReadWrite.All",),),
    page_size=100,
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    # No filter by name is documented, so that all are looked through.
    anchor=AnchorSpec(AnchorKind.MARKER, "displayName", f"{_REVIEWS}?$select=id,displayName"),
    create=Create(
        _REVIEWS,
        refused_when=(
            Condition(
                "status", ("Applied", "Applying", "AutoReviewed", "AutoReviewing", "Completed", "Completing")
            ),
        ),
        refused_why="it was over, and made anew would begin once more",
    ),
    writable=(
        "descriptionForAdmins",
        "descriptionForReviewers",
        "displayName",
        "fallbackReviewers",
        "reviewers",
        "settings",
    ),
    put=True,
    put_names=_SET_ONCE,
    create_only=_SET_ONCE,
    only_at_creation=(Condition("reviewers[].query", ("./", "/groups"), within=True),),
    volatile=("lastModifiedDateTime", "status"),
    whole=("settings",),
    begins=("settings.recurrence.range.startDate",),
    kinds=(
        *_SCOPES,
        "additionalNotificationRecipients.notificationRecipientScope",
        "settings.applyActions",
        "settings.recommendationInsightSettings",
        "stageSettings.recommendationInsightSettings",
    ),
    sets=(*_REVIEWERS, "additionalNotificationRecipients", "scope.principalScopes", "scope.resourceScopes"),
    references=tuple(ValueReference(path, _NAMED, text=True) for path in _QUERIES),
    fights=Fights(Condition("status", ("InProgress",)), "it removes those whom its reviewers deny"),
    licence=Licence(
        "Entra ID P2 or ID Governance", "Microsoft Entra ID Governance licensing fundamentals", PREMIUM_P2
    ),
    quirks=(
        Quirk(
            "A change is a PUT of the whole series, and holds for reviews that have not begun yet only.",
            "Microsoft Graph: Update accessReviewScheduleDefinition",
        ),
        Quirk(
            "What is reviewed, and in which stages, is set once. Reviewers change only where they are individual "
            "users.",
            "Microsoft Graph: Update accessReviewScheduleDefinition",
        ),
        Quirk(
            "The reviewers of a stage could be changed, too, which is not done yet.",
            "Microsoft Graph: Update accessReviewScheduleDefinition",
        ),
        Quirk(
            "A series that is made anew begins the day after: whether one can begin in the past is open. It writes "
            "to its reviewers again, and counts its occurrences from one.",
            "Microsoft Graph: Create accessReviewScheduleDefinition; recurrenceRange resource type",
            unverified=True,
        ),
        Quirk(
            "Reviews that have run, and their decisions, are results, which nobody can write.",
            "Microsoft Graph: accessReviewInstance resource type",
        ),
    ),
)

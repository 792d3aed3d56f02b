"""The 17 rules of a directory role's settings, as a role starts with them.

Source: "Rules in PIM - mapping guide" (learn.microsoft.com/graph/identity-governance-pim-rules-overview).
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]
_KIND = "#microsoft.graph.unifiedRoleManagementPolicy"
_MODEL = "unified_role_management_policy_"
MODELS = {
    f"{_KIND}ApprovalRule": f"{_MODEL}approval_rule.UnifiedRoleManagementPolicyApprovalRule",
    f"{_KIND}AuthenticationContextRule": (
        f"{_MODEL}authentication_context_rule.UnifiedRoleManagementPolicyAuthenticationContextRule"
    ),
    f"{_KIND}EnablementRule": f"{_MODEL}enablement_rule.UnifiedRoleManagementPolicyEnablementRule",
    f"{_KIND}ExpirationRule": f"{_MODEL}expiration_rule.UnifiedRoleManagementPolicyExpirationRule",
    f"{_KIND}NotificationRule": f"{_MODEL}notification_rule.UnifiedRoleManagementPolicyNotificationRule",
}
ENABLING = frozenset(("MultiFactorAuthentication", "Justification", "Ticketing"))


def _rule(kind: str, name: str, caller: str, level: str, **values: Any) -> Obj:
    return {
        "@odata.type": f"{_KIND}{kind}Rule",
        "id": f"{name}_{caller}_{level}",
        **values,
        "target": {
            "caller": caller,
            "operations": ["all"],
            "level": level,
            "inheritableSettings": [],
            "enforcedSettings": [],
        },
    }


def _notices(caller: str, level: str) -> list[Obj]:
    return [
        {
            **_rule(
                "Notification",
                f"Notification_{recipient}",
                caller,
                level,
                notificationType="Email",
                recipientType=recipient,
                notificationLevel="All",
                isDefaultRecipientsEnabled=True,
                notificationRecipients=[],
            )
        }
        for recipient in ("Admin", "Requestor", "Approver")
    ]


def starting_rules() -> list[Obj]:
    stage = {
        "approvalStageTimeOutInDays": 1,
        "isApproverJustificationRequired": True,
        "escalationTimeInMinutes": 0,
        "isEscalationEnabled": False,
        "primaryApprovers": [],
        "escalationApprovers": [],
    }
    approval = {
        "isApprovalRequired": False,
        "isApprovalRequiredForExtension": False,
        "isRequestorJustificationRequired": True,
        "approvalMode": "SingleStage",
        "approvalStages": [stage],
    }
    admin = ("Admin", "Eligibility"), ("Admin", "Assignment")
    user = "EndUser", "Assignment"
    found = [
        *(
            _rule("Expiration", "Expiration", *at, isExpirationRequired=False, maximumDuration=longest)
            for at, longest in zip(admin, ("P365D", "P180D"), strict=True)
        ),
        _rule("Expiration", "Expiration", *user, isExpirationRequired=True, maximumDuration="PT8H"),
        _rule("Enablement", "Enablement", *admin[0], enabledRules=[]),
        _rule("Enablement", "Enablement", *admin[1], enabledRules=["Justification"]),
        _rule("Enablement", "Enablement", *user, enabledRules=["MultiFactorAuthentication", "Justification"]),
        _rule("Approval", "Approval", *user, setting=approval),
        _rule("AuthenticationContext", "AuthenticationContext", *user, isEnabled=False, claimValue=""),
        *(notice for at in (*admin, user) for notice in _notices(*at)),
    ]
    return sorted(found, key=lambda one: str(one["id"]))

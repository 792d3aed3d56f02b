"""Entitlement management: access packages, and the policies by which they are assigned."""

from __future__ import annotations

from typing import Any

from .form import LinkRule, TypeRule
from .plain import Named, Plain
from .registry import any_of

_GUIDE = "https://learn.microsoft.com/graph/api/"
_ENTITLEMENT = "/identityGovernance/entitlementManagement"
_CATEGORY = "EntitlementManagement"
_READ = any_of("EntitlementManagement.Read.All", "EntitlementManagement.ReadWrite.All")
_WRITE = any_of("EntitlementManagement.ReadWrite.All")

ACCESS_PACKAGES = Plain(
    rule=TypeRule(
        table="accessPackages",
        path=f"{_ENTITLEMENT}/accessPackages",
        odata_type="#microsoft.graph.accessPackage",
        model="access_package.AccessPackage",
        source=_GUIDE + "entitlementmanagement-post-accesspackages",
        required=("displayName",),
        read_only=frozenset(("id", "createdDateTime", "modifiedDateTime")),
        links=(
            LinkRule("incompatibleAccessPackages", ("accessPackages",)),
            LinkRule("incompatibleGroups", ("groups",)),
        ),
        audit_name="access package",
        audit_category=_CATEGORY,
    ),
    read=_READ,
    change=_WRITE,
    create=_WRITE,
    licence="P2",
    inline=("catalog",),
    within="catalog",
    asked={"catalog": "accessPackageCatalogs"},
    names=(Named("catalog.id", ("accessPackageCatalogs",)),),
    defaults={"isHidden": False},
    made=("createdDateTime",),
    stamps=("modifiedDateTime",),
    starts=(
        {
            "displayName": "Campaign team",
            "description": "What a campaign needs",
            "catalog": {"id": "@accessPackageCatalogs/1"},
            "_links": {
                "incompatibleAccessPackages": ["@accessPackages/1"],
                "incompatibleGroups": ["@groups/2", "@groups/3"],
            },
        },
        {
            "displayName": "Campaign audit",
            "description": "Who looks at campaigns afterwards",
            "isHidden": True,
            "catalog": {"id": "@accessPackageCatalogs/1"},
        },
    ),
)

REQUESTS = "#microsoft.graph.accessPackageAssignmentRequestWorkflowExtension"
ASSIGNED = "#microsoft.graph.accessPackageAssignmentWorkflowExtension"


_MODEL = "access_package_assignment_request_workflow_extension.AccessPackageAssignmentRequestWorkflowExtension"


def _called(name: str, **more: Any) -> dict[str, Any]:
    return {
        "displayName": name,
        "description": f"Calls {name}",
        "_parent": "@accessPackageCatalogs/1",
        "endpointConfiguration": {
            "@odata.type": "#microsoft.graph.logicAppTriggerEndpointConfiguration",
            "subscriptionId": "38ab2ccc-3747-4567-b36b-9478f5602f0d",
            "resourceGroupName": "governance",
            "logicAppWorkflowName": name,
            "url": f"https://prod.logic-sim.example/workflows/{name}/triggers/manual/paths/invoke",
        },
        "authenticationConfiguration": {"@odata.type": "#microsoft.graph.azureAdPopTokenAuthentication"},
        **more,
    }


EXTENSIONS = Plain(
    rule=TypeRule(
        table="accessPackageCustomWorkflowExtensions",
        path=f"{_ENTITLEMENT}/catalogs/{{id}}/customWorkflowExtensions",
        odata_type=REQUESTS,
        model=_MODEL,
        source=_GUIDE + "accesspackagecatalog-post-accesspackagecustomworkflowextensions",
        required=("displayName", "endpointConfiguration", "authenticationConfiguration"),
        read_only=frozenset(
            (
                "id",
                "clientConfiguration",
                "createdBy",
                "createdDateTime",
                "lastModifiedBy",
                "lastModifiedDateTime",
            )
        ),
        audit_name="custom extension",
        audit_category=_CATEGORY,
    ),
    read=_READ,
    change=_WRITE,
    create=_WRITE,
    parent="accessPackageCatalogs",
    licence="P2",
    kinds={
        REQUESTS: _MODEL,
        ASSIGNED: "access_package_assignment_workflow_extension.AccessPackageAssignmentWorkflowExtension",
    },
    whole=True,
    made=("createdDateTime",),
    stamps=("lastModifiedDateTime",),
    starts=(
        {
            "@odata.type": REQUESTS,
            **_called(
                "check-request",
                callbackConfiguration={
                    "@odata.type": "#microsoft.graph.customExtensionCallbackConfiguration",
                    "timeoutDuration": "PT1H",
                },
            ),
        },
        {"@odata.type": ASSIGNED, **_called("tell-owner")},
    ),
)

_NOBODY_ASKS: dict[str, Any] = {
    "enableTargetsToSelfAddAccess": False,
    "enableTargetsToSelfUpdateAccess": False,
    "enableTargetsToSelfRemoveAccess": False,
    "allowCustomAssignmentSchedule": True,
    "enableOnBehalfRequestorsToAddAccess": False,
    "enableOnBehalfRequestorsToUpdateAccess": False,
    "enableOnBehalfRequestorsToRemoveAccess": False,
    "onBehalfRequestors": [],
}
_NO_APPROVAL: dict[str, Any] = {
    "isApprovalRequiredForAdd": False,
    "isApprovalRequiredForUpdate": False,
    "isRequestorJustificationRequired": False,
    "stages": [],
}
_FOR_GOOD = {"type": "noExpiration", "duration": None, "endDateTime": None}
_USER = "#microsoft.graph.singleUser"
_GROUP = "#microsoft.graph.groupMembers"
_STAGES = "requestApprovalSettings.stages[]."
_SETS = (
    "specificAllowedTargets[].",
    "requestorSettings.onBehalfRequestors[].",
    f"{_STAGES}primaryApprovers[].",
    f"{_STAGES}fallbackPrimaryApprovers[].",
    f"{_STAGES}escalationApprovers[].",
    f"{_STAGES}fallbackEscalationApprovers[].",
    "reviewSettings.primaryReviewers[].",
    "reviewSettings.fallbackReviewers[].",
)


def _stage(**sets: Any) -> dict[str, Any]:
    none: dict[str, Any] = {
        "primaryApprovers": [],
        "fallbackPrimaryApprovers": [],
        "escalationApprovers": [],
        "fallbackEscalationApprovers": [],
    }
    return {
        "durationBeforeAutomaticDenial": "P14D",
        "durationBeforeEscalation": "PT0S",
        "isApproverJustificationRequired": True,
        "isEscalationEnabled": False,
        **none,
        **sets,
    }


ASSIGNMENT_POLICIES = Plain(
    rule=TypeRule(
        table="accessPackageAssignmentPolicies",
        path=f"{_ENTITLEMENT}/assignmentPolicies",
        odata_type="#microsoft.graph.accessPackageAssignmentPolicy",
        model="access_package_assignment_policy.AccessPackageAssignmentPolicy",
        source=_GUIDE + "accesspackageassignmentpolicy-update",
        required=("displayName",),
        read_only=frozenset(("id", "createdDateTime", "modifiedDateTime")),
        audit_name="access package assignment policy",
        audit_category=_CATEGORY,
    ),
    read=_READ,
    change=_WRITE,
    create=_WRITE,
    licence="P2",
    inline=("accessPackage", "customExtensionStageSettings", "questions"),
    within="accessPackage",
    asked={"accessPackage": "accessPackages", "customExtensionStageSettings": "", "questions": ""},
    whole=True,
    names=(
        Named("accessPackage.id", ("accessPackages",)),
        Named("customExtensionStageSettings[].customExtension.id", ("accessPackageCustomWorkflowExtensions",)),
        *(
            Named(f"{path}{member}", (table,))
            for path in _SETS
            for member, table in (
                ("userId", "users"),
                ("groupId", "groups"),
                ("servicePrincipalId", "servicePrincipals"),
                ("connectedOrganizationId", "connectedOrganizations"),
            )
        ),
    ),
    defaults={
        "allowedTargetScope": "notSpecified",
        "specificAllowedTargets": [],
        "expiration": _FOR_GOOD,
        "requestorSettings": _NOBODY_ASKS,
        "requestApprovalSettings": _NO_APPROVAL,
        "automaticRequestSettings": None,
        "reviewSettings": None,
        "notificationSettings": {"isAssignmentNotificationDisabled": False},
        "questions": [],
        "customExtensionStageSettings": [],
    },
    made=("createdDateTime",),
    stamps=("modifiedDateTime",),
    starts=(
        {
            "displayName": "By hand",
            "description": "Administrators assign it",
            "accessPackage": {"id": "@accessPackages/0"},
        },
        {
            "displayName": "On request",
            "description": "Two stages, reviewed each quarter",
            "accessPackage": {"id": "@accessPackages/0"},
            "allowedTargetScope": "specificDirectoryUsers",
            "specificAllowedTargets": [
                {"@odata.type": _GROUP, "groupId": "@groups/1", "description": "Marketing"},
                {"@odata.type": _USER, "userId": "@users/4", "description": "One more"},
                {
                    "@odata.type": "#microsoft.graph.connectedOrganizationMembers",
                    "connectedOrganizationId": "@connectedOrganizations/0",
                    "description": "Fabrikam",
                },
            ],
            "expiration": {"type": "afterDuration", "duration": "P365D", "endDateTime": None},
            "requestorSettings": {
                **_NOBODY_ASKS,
                "enableTargetsToSelfAddAccess": True,
                "allowCustomAssignmentSchedule": False,
            },
            "requestApprovalSettings": {
                "isApprovalRequiredForAdd": True,
                "isApprovalRequiredForUpdate": False,
                "isRequestorJustificationRequired": True,
                "stages": [
                    _stage(
                        primaryApprovers=[{"@odata.type": "#microsoft.graph.requestorManager", "managerLevel": 1}],
                        fallbackPrimaryApprovers=[{"@odata.type": _USER, "userId": "@users/3"}],
                    ),
                    _stage(primaryApprovers=[{"@odata.type": _GROUP, "groupId": "@groups/2"}]),
                ],
            },
            "reviewSettings": {
                "isEnabled": True,
                "expirationBehavior": "keepAccess",
                "isRecommendationEnabled": True,
                "isReviewerJustificationRequired": True,
                "isSelfReview": False,
                "primaryReviewers": [{"@odata.type": _GROUP, "groupId": "@groups/2"}],
                "fallbackReviewers": [{"@odata.type": _USER, "userId": "@users/3"}],
            },
            "customExtensionStageSettings": [
                {
                    "id": "5b1f0e0a-0c0e-4a4f-8d3e-1f1b6b8f5d03",
                    "stage": "assignmentRequestCreated",
                    "customExtension": {
                        "@odata.type": REQUESTS,
                        "id": "@accessPackageCustomWorkflowExtensions/0",
                    },
                },
            ],
            "questions": [
                {
                    "@odata.type": "#microsoft.graph.accessPackageTextInputQuestion",
                    "id": "5b1f0e0a-0c0e-4a4f-8d3e-1f1b6b8f5d01",
                    "sequence": 0,
                    "isRequired": True,
                    "text": "Which campaign?",
                    "isSingleLineQuestion": True,
                },
                {
                    "@odata.type": "#microsoft.graph.accessPackageMultipleChoiceQuestion",
                    "id": "5b1f0e0a-0c0e-4a4f-8d3e-1f1b6b8f5d02",
                    "sequence": 1,
                    "isRequired": False,
                    "text": "Where?",
                    "isMultipleSelectionAllowed": False,
                    "choices": [{"actualValue": "eu", "text": "Europe"}, {"actualValue": "us", "text": "America"}],
                },
            ],
        },
        {
            "displayName": "By rule",
            "description": "Whoever is in marketing",
            "accessPackage": {"id": "@accessPackages/1"},
            "allowedTargetScope": "specificDirectoryUsers",
            "specificAllowedTargets": [
                {
                    "@odata.type": "#microsoft.graph.attributeRuleMembers",
                    "description": "Marketing",
                    "membershipRule": '(user.department -eq "Marketing")',
                }
            ],
            "automaticRequestSettings": {
                "requestAccessForAllowedTargets": True,
                "removeAccessWhenTargetLeavesAllowedTargets": True,
                "gracePeriodBeforeAccessRemoval": "P7D",
            },
        },
    ),
)

RESOURCES = Plain(
    rule=TypeRule(
        table="accessPackageResources",
        path=f"{_ENTITLEMENT}/catalogs/{{id}}/resources",
        odata_type="#microsoft.graph.accessPackageResource",
        model="access_package_resource.AccessPackageResource",
        source=_GUIDE + "entitlementmanagement-post-resourcerequests",
        read_only=frozenset(("id", "createdDateTime", "modifiedDateTime")),
        audit_name="resource",
        audit_category=_CATEGORY,
    ),
    read=_READ,
    create=_WRITE,
    delete=(),
    requested=f"{_ENTITLEMENT}/resourceRequests",
    parent="accessPackageCatalogs",
    licence="P2",
    inline=("environment", "roles", "scopes"),
    asked={"environment": "", "roles": "", "scopes": ""},
    goes_with=("originId",),
)

ROLE_SCOPES = Plain(
    rule=TypeRule(
        table="accessPackageResourceRoleScopes",
        path=f"{_ENTITLEMENT}/accessPackages/{{id}}/resourceRoleScopes",
        odata_type="#microsoft.graph.accessPackageResourceRoleScope",
        model="access_package_resource_role_scope.AccessPackageResourceRoleScope",
        source=_GUIDE + "accesspackage-post-resourcerolescopes",
        read_only=frozenset(("id", "createdDateTime")),
        audit_name="resource role",
        audit_category=_CATEGORY,
    ),
    read=_READ,
    create=_WRITE,
    requested=f"{_ENTITLEMENT}/accessPackages/{{id}}/resourceRoleScopes",
    parent="accessPackages",
    licence="P2",
    inline=("role", "scope"),
    asked={"role": "", "scope": ""},
    goes_with=("role.resource.id",),
)

ASSIGNMENTS = Plain(
    rule=TypeRule(
        table="accessPackageAssignments",
        path=f"{_ENTITLEMENT}/assignments",
        odata_type="#microsoft.graph.accessPackageAssignment",
        model="access_package_assignment.AccessPackageAssignment",
        source=_GUIDE + "entitlementmanagement-post-assignmentrequests",
        read_only=frozenset(("id", "expiredDateTime", "state", "status", "schedule")),
        audit_name="access package assignment",
        audit_category=_CATEGORY,
    ),
    read=_READ,
    create=_WRITE,
    delete=(),
    requested=f"{_ENTITLEMENT}/assignmentRequests",
    licence="P2",
    inline=("accessPackage", "assignmentPolicy", "target"),
    asked={"accessPackage": "accessPackages", "assignmentPolicy": "accessPackageAssignmentPolicies", "target": ""},
    goes_with=("accessPackage.id", "assignmentPolicy.id", "target.objectId"),
)

_OWNER, _MANAGER = "ae79f266-94d4-4dab-b730-feca7e132178", "7f480852-ebdc-47d4-87de-0d8498384a83"

ROLE_ASSIGNMENTS = Plain(
    rule=TypeRule(
        table="entitlementRoleAssignments",
        path="/roleManagement/entitlementManagement/roleAssignments",
        odata_type="#microsoft.graph.unifiedRoleAssignment",
        model="unified_role_assignment.UnifiedRoleAssignment",
        source=_GUIDE + "rbacapplication-post-roleassignments",
        required=("principalId", "roleDefinitionId", "appScopeId"),
        read_only=frozenset(("id", "condition", "directoryScopeId")),
        audit_name="role assignment of entitlement management",
        audit_category=_CATEGORY,
    ),
    read=_READ,
    create=_WRITE,
    licence="P2",
    once=("principalId", "roleDefinitionId", "appScopeId"),
    names=(
        Named("principalId", ("users", "groups", "servicePrincipals")),
        Named("appScopeId", ("accessPackageCatalogs",), literals=("/",)),
    ),
    goes_with=("principalId", "appScopeId"),
    starts=(
        {
            "principalId": "@users/2",
            "roleDefinitionId": _OWNER,
            "appScopeId": "/AccessPackageCatalog/@accessPackageCatalogs/1",
        },
        {"principalId": "@groups/2", "roleDefinitionId": _MANAGER, "appScopeId": "/"},
    ),
)

_SETTINGS = "#microsoft.graph.endUserSettings"

END_USER_SETTINGS = Plain(
    rule=TypeRule(
        table="entitlementEndUserSettings",
        path=f"{_ENTITLEMENT}/controlConfigurations/endUserSettings",
        odata_type=_SETTINGS,
        model="end_user_settings.EndUserSettings",
        source=_GUIDE + "endusersettings-update",
        read_only=frozenset(("id", "createdBy", "createdDateTime", "modifiedBy", "modifiedDateTime")),
        audit_name="end user settings",
        audit_category=_CATEGORY,
    ),
    read=_READ,
    change=_WRITE,
    singleton=True,
    kinds={_SETTINGS: "end_user_settings.EndUserSettings"},
    whole=True,
    licence="P2",
    defaults={"isEnabled": False, "relatedPeopleInsightLevel": "disabled", "showApproverDetailsToMembers": False},
    stamps=("modifiedDateTime",),
    starts=({"@odata.type": _SETTINGS, "isEnabled": True, "relatedPeopleInsightLevel": "count"},),
)

ENTITLEMENT: tuple[Plain, ...] = (
    ACCESS_PACKAGES,
    EXTENSIONS,
    ASSIGNMENT_POLICIES,
    RESOURCES,
    ROLE_SCOPES,
    ASSIGNMENTS,
    ROLE_ASSIGNMENTS,
    END_USER_SETTINGS,
)

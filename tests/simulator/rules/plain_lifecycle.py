"""Lifecycle workflows with their tasks, and the extensions that tasks may call."""

from __future__ import annotations

from .form import TypeRule
from .plain import Named, Obj, Plain
from .registry import any_of

_GUIDE = "https://learn.microsoft.com/graph/api/identitygovernance-"
_TYPE = "#microsoft.graph."
_GOVERNANCE = f"{_TYPE}identityGovernance."
_ROOT = "/identityGovernance/lifecycleWorkflows"


def _task(definition: str, name: str, **arguments: str) -> Obj:
    return {
        "category": "joiner,leaver",
        "continueOnError": False,
        "description": f"{name}, as it came",
        "displayName": name,
        "isEnabled": True,
        "taskDefinitionId": definition,
        "arguments": [{"name": name, "value": value} for name, value in arguments.items()],
    }


def _when(rule: str, attribute: str, days: int) -> Obj:
    return {
        "@odata.type": f"{_GOVERNANCE}triggerAndScopeBasedConditions",
        "scope": {"@odata.type": f"{_GOVERNANCE}ruleBasedSubjectSet", "rule": rule},
        "trigger": {
            "@odata.type": f"{_GOVERNANCE}timeBasedAttributeTrigger",
            "timeBasedAttribute": attribute,
            "offsetInDays": days,
        },
    }


_WORKFLOWS = Plain(
    rule=TypeRule(
        table="lifecycleWorkflows",
        path=f"{_ROOT}/workflows",
        odata_type=f"{_GOVERNANCE}workflow",
        model="identity_governance.workflow.Workflow",
        source=_GUIDE + "lifecycleworkflowscontainer-post-workflows",
        required=("category", "displayName", "executionConditions"),
        read_only=frozenset(
            (
                "id",
                "createdDateTime",
                "deletedDateTime",
                "lastModifiedDateTime",
                "nextScheduleRunDateTime",
                "quarantineDetails",
                "settings",
                "targetSubjectType",
                "version",
            )
        ),
        write_once=frozenset(("category",)),
        unique=("displayName",),
        has_bin=True,
        most=100,
        audit_name="workflow",
        audit_category="LifecycleWorkflows",
    ),
    read=any_of(
        "LifecycleWorkflows-Workflow.Read.All",
        "LifecycleWorkflows-Workflow.ReadWrite.All",
        "LifecycleWorkflows.Read.All",
        "LifecycleWorkflows.ReadWrite.All",
    ),
    change=any_of("LifecycleWorkflows-Workflow.ReadWrite.All", "LifecycleWorkflows.ReadWrite.All"),
    create=any_of("LifecycleWorkflows-Workflow.ReadWrite.All", "LifecycleWorkflows.ReadWrite.All"),
    inline=("administrationScopeTargets", "tasks"),
    singly=("administrationScopeTargets", "executionConditions", "tasks"),
    versioned=("administrationScopeTargets", "executionConditions", "tasks"),
    version=("createNewVersion", "workflow"),
    bin=f"{_ROOT}/deletedItems/workflows",
    defaults={
        "administrationScopeTargets": [],
        "isEnabled": True,
        "isSchedulingEnabled": False,
        "version": 1,
    },
    made=("createdDateTime",),
    stamps=("lastModifiedDateTime",),
    licence="P2",
    names=(
        Named("tasks[].arguments[].value", ("users", "groups", "customTaskExtensions"), text=True),
        Named("administrationScopeTargets[].id", ("administrativeUnits",)),
    ),
    starts=(
        {
            "displayName": "Welcome, with groups",
            "description": "For <everybody> new",
            "category": "joiner",
            "isEnabled": True,
            "isSchedulingEnabled": True,
            "executionConditions": _when("(department eq 'Marketing')", "employeeHireDate", 0),
            "administrationScopeTargets": [
                {"@odata.type": f"{_TYPE}administrativeUnit", "id": "@administrativeUnits/0"}
            ],
            "tasks": [
                _task("6fc52c9d-398b-4305-9763-15f42c1676fc", "Enable User Account"),
                _task(
                    "22085229-5809-45e8-97fd-270d28d66910",
                    "Add user to groups",
                    groupID="@groups/2, @groups/6",
                ),
                _task(
                    "70b29d51-b59a-4773-9280-8841dfd3f2ea",
                    "Send Welcome Email",
                    cc="@users/2",
                    customSubject="Welcome {{userDisplayName}}",
                ),
            ],
        },
        {
            "displayName": "Leaving",
            "description": "After the last day",
            "category": "leaver",
            "isEnabled": False,
            "isSchedulingEnabled": False,
            "executionConditions": _when("(country eq 'NL')", "employeeLeaveDateTime", 7),
            "tasks": [
                _task("1dfdfcc7-52fa-4c2e-bf3a-e3919cc12950", "Disable user account"),
                _task(
                    "d79d1fcc-16be-490c-a865-f4533b1639ee",
                    "Run a custom task extension",
                    customTaskExtensionID="@customTaskExtensions/0",
                ),
            ],
        },
    ),
)

_EXTENSIONS = Plain(
    rule=TypeRule(
        table="customTaskExtensions",
        path=f"{_ROOT}/customTaskExtensions",
        odata_type=f"{_GOVERNANCE}customTaskExtension",
        model="identity_governance.custom_task_extension.CustomTaskExtension",
        source=_GUIDE + "lifecycleworkflowscontainer-post-customtaskextensions",
        required=("authenticationConfiguration", "clientConfiguration", "description", "displayName"),
        read_only=frozenset(("id", "createdDateTime", "lastModifiedDateTime", "replyMode")),
        unique=("displayName",),
        merges_nested=False,
        audit_name="custom task extension",
        audit_category="LifecycleWorkflows",
    ),
    read=any_of(
        "LifecycleWorkflows-CustomExt.Read.All",
        "LifecycleWorkflows-CustomExt.ReadWrite.All",
        "LifecycleWorkflows.Read.All",
        "LifecycleWorkflows.ReadWrite.All",
    ),
    change=any_of("LifecycleWorkflows-CustomExt.ReadWrite.All", "LifecycleWorkflows.ReadWrite.All"),
    create=any_of("LifecycleWorkflows-CustomExt.ReadWrite.All", "LifecycleWorkflows.ReadWrite.All"),
    made=("createdDateTime",),
    stamps=("lastModifiedDateTime",),
    licence="P2",
    starts=(
        {
            "displayName": "Grant manager access to the mailbox",
            "description": "Calls a logic app",
            "authenticationConfiguration": {"@odata.type": f"{_TYPE}azureAdPopTokenAuthentication"},
            "clientConfiguration": {
                "@odata.type": f"{_TYPE}customExtensionClientConfiguration",
                "maximumRetries": 1,
                "timeoutInMilliseconds": 1000,
            },
            "endpointConfiguration": {
                "@odata.type": f"{_TYPE}logicAppTriggerEndpointConfiguration",
                "subscriptionId": "c500b67c-e9b7-4ad2-a90d-77d41385ae55",
                "resourceGroupName": "RG-LCM",
                "logicAppWorkflowName": "ManagerAccess",
                "url": None,
            },
            "callbackConfiguration": {
                "@odata.type": f"{_GOVERNANCE}customTaskExtensionCallbackConfiguration",
                "timeoutDuration": "PT20M",
            },
        },
    ),
)

LIFECYCLE: tuple[Plain, ...] = (_EXTENSIONS, _WORKFLOWS)

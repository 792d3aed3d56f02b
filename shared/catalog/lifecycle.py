"""Lifecycle workflows: what happens to people by itself when they come, move and go, and what tasks may call."""

from __future__ import annotations

from shared.catalog.plans import GOVERNANCE
from shared.catalog.spec import (
    Action,
    AnchorSpec,
    Bin,
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

_ROOT = "/identityGovernance/lifecycleWorkflows"
_READ = (("LifecycleWorkflows.Read.All",),)
_WRITE = (("LifecycleWorkflows.ReadWrite.All",),)
_LICENCE = Licence("Entra ID Governance", "Microsoft Entra ID Governance licensing fundamentals", GOVERNANCE)
_NEW_VERSION = ("administrationScopeTargets", "executionConditions", "tasks")

CUSTOM_TASK_EXTENSIONS = ObjectType(
    name="customTaskExtensions",
    title="Extensions that lifecycle workflows call",
    path=f"{_ROOT}/customTaskExtensions",
    odata_type="#microsoft.graph.identityGovernance.customTaskExtension",
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    match_keys=(MatchKey(("displayName",), Strength.UNIQUE),),
    anchor=AnchorSpec(
        AnchorKind.MARKER,
        "displayName",
        f"{_ROOT}/customTaskExtensions?$filter=displayName eq '{{value}}'&$select=id,displayName",
    ),
    create=Create(f"{_ROOT}/customTaskExtensions"),
    writable=(
        "authenticationConfiguration",
        "callbackConfiguration",
        "clientConfiguration",
        "description",
        "displayName",
        "endpointConfiguration",
    ),
    volatile=("lastModifiedDateTime",),
    whole=(
        "authenticationConfiguration",
        "callbackConfiguration",
        "clientConfiguration",
        "endpointConfiguration",
    ),
    kinds=(
        "authenticationConfiguration",
        "callbackConfiguration",
        "clientConfiguration",
        "endpointConfiguration",
    ),
    licence=_LICENCE,
    quirks=(
        Quirk(
            "Who writes one needs a role on the logic app that it calls, too, in the subscription of that app; an "
            "identity without it is refused, and the restore says so.",
            "Microsoft Graph: Create customTaskExtensions",
            unverified=True,
        ),
    ),
)

LIFECYCLE_WORKFLOWS = ObjectType(
    name="lifecycleWorkflows",
    title="Lifecycle workflows",
    path=f"{_ROOT}/workflows",
    odata_type="#microsoft.graph.identityGovernance.workflow",
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    singly=True,
    match_keys=(MatchKey(("displayName",), Strength.UNIQUE),),
    anchor=AnchorSpec(
        AnchorKind.MARKER,
        "displayName",
        f"{_ROOT}/workflows?$filter=displayName eq '{{value}}'&$select=id,displayName",
        f"{_ROOT}/deletedItems/workflows",
    ),
    bin=Bin(
        list=f"{_ROOT}/deletedItems/workflows",
        item=f"{_ROOT}/deletedItems/workflows/{{id}}",
        restore=f"{_ROOT}/deletedItems/workflows/{{id}}/restore",
        version="v1.0",
        misreported=_NEW_VERSION,
    ),
    # A workflow acts on people: it comes to be idle, and is switched on once it has all that it had.
    create=Create(f"{_ROOT}/workflows", held={"isEnabled": False, "isSchedulingEnabled": False}),
    writable=("description", "displayName", "isEnabled", "isSchedulingEnabled", *_NEW_VERSION),
    create_only=("category",),
    action_only=("settings",),
    actions=tuple(Action(member, "/createNewVersion", within="workflow") for member in _NEW_VERSION),
    volatile=("lastModifiedBy", "lastModifiedDateTime", "nextScheduleRunDateTime", "quarantineDetails", "version"),
    computed_within=("administrationScopeTargets.displayName", "tasks.id"),
    kinds=(
        "administrationScopeTargets",
        "executionConditions",
        "executionConditions.scope",
        "executionConditions.trigger",
    ),
    sets=("administrationScopeTargets",),
    references=(
        ValueReference("administrationScopeTargets[].id", ("administrativeUnits",)),
        ValueReference("executionConditions.scope.groups[].id", ("groups",)),
        ValueReference("executionConditions.scope.rule", ("groups",), text=True),
        ValueReference("tasks[].arguments[].value", ("users", "groups", "customTaskExtensions"), text=True),
    ),
    fights=Fights(
        Condition("isSchedulingEnabled", (True,)), "it runs by schedule, and changes or disables accounts"
    ),
    licence=_LICENCE,
    quirks=(
        Quirk(
            "The list shows neither tasks nor conditions, so that each workflow is asked for by itself.",
            "Microsoft Graph: List workflows; Get workflow",
            unverified=True,
        ),
        Quirk(
            "Tasks, conditions and administrative units change by a new version, which names the whole workflow; "
            "the version goes up, and older ones stay for evidence.",
            "Microsoft Graph: workflow: createNewVersion",
        ),
        Quirk(
            "From the bin a workflow comes back as it was, and acts if it did; one that is made anew is idle until "
            "it has all it had.",
            "Microsoft Graph: workflow: restore",
            unverified=True,
        ),
        Quirk(
            "Groups whose members start a workflow, and the administrative units that may manage it, are restored "
            "as far as Get workflow shows them.",
            "Microsoft Graph: groupBasedSubjectSet resource type",
            unverified=True,
        ),
    ),
)

"""Entitlement management: access packages, what they give, the policies by which they are assigned, and to whom."""

from __future__ import annotations

from shared.catalog.containment import Containment, Withdrawal
from shared.catalog.plans import PREMIUM_P2
from shared.catalog.spec import (
    AnchorSpec,
    Condition,
    Create,
    Extra,
    Licence,
    LinkWrite,
    MatchKey,
    Nature,
    ObjectType,
    Quirk,
    Relationship,
    Strength,
    Timed,
    ValueReference,
    WaveNumber,
)
from shared.domain.plan import AnchorKind

_ENTITLEMENT = "/identityGovernance/entitlementManagement"
_LICENCE = Licence(
    "Entra ID P2 or ID Governance", "Microsoft Entra ID Governance licensing fundamentals", PREMIUM_P2
)
_READ = (("EntitlementManagement.Read.All",),)
_WRITE = (("EntitlementManagement.ReadWrite.All",),)


def _marker(collection: str) -> AnchorSpec:
    lookup = f"{_ENTITLEMENT}/{collection}?$filter=displayName eq '{{value}}'&$select=id,displayName"
    return AnchorSpec(AnchorKind.MARKER, "displayName", lookup)


def _incompatible(name: str, to: str, path: str) -> Relationship:
    return Relationship(
        name=name,
        target_types=(to,),
        write=LinkWrite.REF,
        expands=False,
        address=f"/v1.0{path}",
        needs_to_read=_READ,
        needs_to_write=_WRITE,
    )


ACCESS_PACKAGES = ObjectType(
    name="accessPackages",
    title="Access packages",
    path=f"{_ENTITLEMENT}/accessPackages",
    odata_type="#microsoft.graph.accessPackage",
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    inline=("catalog",),
    named={"catalog": "id"},
    relationships=(
        _incompatible("incompatibleAccessPackages", "accessPackages", f"{_ENTITLEMENT}/accessPackages"),
        _incompatible("incompatibleGroups", "groups", "/groups"),
        Relationship(
            name="resourceRoleScopes",
            target_types=("accessPackageResourceRoleScopes",),
            write=LinkWrite.NONE,
            contains="accessPackageResourceRoleScopes",
            expands=False,
            needs_to_read=_READ,
        ),
    ),
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=_marker("accessPackages"),
    create=Create(f"{_ENTITLEMENT}/accessPackages"),
    writable=("description", "displayName", "isHidden"),
    create_only=("catalog",),
    volatile=("modifiedDateTime",),
    references=(ValueReference("catalog.id", ("accessPackageCatalogs",)),),
    licence=_LICENCE,
    quirks=(
        Quirk("The catalog is named at creation by its id.", "Microsoft Graph: Create accessPackage"),
        Quirk(
            "The catalog is shown with $expand, in the list, too.",
            "Microsoft Graph: accessPackage resource type",
            unverified=True,
        ),
        Quirk(
            "Moving a package to another catalog takes an action, which is not done yet.",
            "Microsoft Graph: accessPackage: moveToCatalog",
        ),
    ),
)

_SUBJECTS = (
    ("userId", "users"),
    ("groupId", "groups"),
    ("servicePrincipalId", "servicePrincipals"),
    ("connectedOrganizationId", "connectedOrganizations"),
)
_STAGES = "requestApprovalSettings.stages"
_SUBJECT_SETS = (
    "specificAllowedTargets",
    "requestorSettings.onBehalfRequestors",
    f"{_STAGES}.primaryApprovers",
    f"{_STAGES}.fallbackPrimaryApprovers",
    f"{_STAGES}.escalationApprovers",
    f"{_STAGES}.fallbackEscalationApprovers",
    "reviewSettings.primaryReviewers",
    "reviewSettings.fallbackReviewers",
)

ASSIGNMENT_POLICIES = ObjectType(
    name="accessPackageAssignmentPolicies",
    title="Policies by which access packages are assigned",
    path=f"{_ENTITLEMENT}/assignmentPolicies",
    odata_type="#microsoft.graph.accessPackageAssignmentPolicy",
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    inline=("accessPackage", "customExtensionStageSettings($expand=customExtension)", "questions"),
    named={"accessPackage": "id", "customExtensionStageSettings.customExtension": "id"},
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=_marker("assignmentPolicies"),
    create=Create(f"{_ENTITLEMENT}/assignmentPolicies"),
    writable=(
        "allowedTargetScope",
        "automaticRequestSettings",
        "customExtensionStageSettings",
        "description",
        "displayName",
        "expiration",
        "notificationSettings",
        "questions",
        "requestApprovalSettings",
        "requestorSettings",
        "reviewSettings",
        "specificAllowedTargets",
    ),
    create_only=("accessPackage",),
    put=True,
    put_names=("accessPackage",),
    volatile=("modifiedDateTime",),
    computed_within=("customExtensionStageSettings.id", "questions.id"),
    typed=("customExtensionStageSettings.customExtension",),
    kinds=(*_SUBJECT_SETS, _STAGES, "questions"),
    sets=_SUBJECT_SETS,
    references=(
        ValueReference("accessPackage.id", ("accessPackages",)),
        ValueReference(
            "customExtensionStageSettings[].customExtension.id", ("accessPackageCustomWorkflowExtensions",)
        ),
        ValueReference("specificAllowedTargets[].membershipRule", ("groups",), text=True),
        *(
            ValueReference(f"{path.replace('.stages', '.stages[]')}[].{member}", (to,))
            for path in _SUBJECT_SETS
            for member, to in _SUBJECTS
        ),
    ),
    licence=_LICENCE,
    quirks=(
        Quirk(
            "A change is a PUT that names the package and the policy's name.",
            "Microsoft Graph: Update accessPackageAssignmentPolicy",
        ),
        Quirk(
            "The extensions that are called at a stage are shown by a nested $expand, and go with an empty list.",
            "Microsoft Graph: customExtensionStageSetting resource type",
        ),
        Quirk(
            "Questions get new ids when they are written, so that answers given before belong to none of them.",
            "Microsoft Graph: accessPackageQuestion resource type",
            unverified=True,
        ),
        Quirk(
            "A policy with a rule assigns its package to everybody who meets it, as soon as it is there.",
            "Microsoft Entra: Configure an automatic assignment policy for an access package",
        ),
        Quirk(
            "Whether reviews with a start that is past begin at once is open.",
            "Microsoft Graph: accessPackageAssignmentReviewSettings resource type",
            unverified=True,
        ),
    ),
)

_ORIGINS = ("groups", "servicePrincipals")

ACCESS_PACKAGE_RESOURCES = ObjectType(
    name="accessPackageResources",
    title="Groups, applications and sites that a catalog offers",
    path=f"{_ENTITLEMENT}/catalogs/{{parent}}/resources",
    odata_type="#microsoft.graph.accessPackageResource",
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    needs_to_write_also=(
        Extra(Condition("originSystem", ("AadGroup",)), ("Group.ReadWrite.All",)),
        Extra(Condition("originSystem", ("AadApplication",)), ("Application.ReadWrite.All",)),
    ),
    parent="accessPackageCatalogs",
    parent_relationship="resources",
    inline=("environment",),
    named={"environment": "originId"},
    match_keys=(MatchKey(("originId", "originSystem"), Strength.UNIQUE),),
    anchor=AnchorSpec(
        AnchorKind.KEY,
        "originId",
        f"{_ENTITLEMENT}/catalogs/{{parent}}/resources?$expand=environment&$filter=originId eq '{{value}}'",
    ),
    create=Create(
        f"{_ENTITLEMENT}/resourceRequests",
        fixed={
            "requestType": "adminAdd",
            "catalog": {"id": "{parent}"},
            "resource": {
                "displayName": "{displayName}",
                "description": "{description}",
                "originId": "{originId}",
                "originSystem": "{originSystem}",
                "environment": "{environment}",
                "attributes": "{attributes}",
            },
        },
        shaped=True,
        by_request=True,
        refused_when=(
            Condition("originSystem", ("SharePointOnline",)),
            Condition("originSystem", ("DirectoryRole",)),
        ),
        refused_why="adding a site takes a permission over all sites, and a directory role only a person may add: "
        "both are added again by hand",
    ),
    stays="it leaves its catalog by a request of its own, which is not done yet: remove it by hand",
    create_only=("attributes", "environment", "originId", "originSystem"),
    volatile=("description", "displayName", "modifiedDateTime"),
    kinds=("attributes.destination", "attributes.source", "attributes.source.question"),
    references=(ValueReference("originId", _ORIGINS, text=True, copies_name=True),),
    licence=_LICENCE,
    quirks=(
        Quirk(
            "A resource is added by a request; name and description are its origin's.",
            "Microsoft Graph: Create accessPackageResourceRequest",
        ),
        Quirk(
            "Who adds a group or an application has to be able to change it, too.",
            "Microsoft Graph: Create accessPackageResourceRequest",
        ),
        Quirk(
            "What is asked of a requestor (attributes) changes by a request of its own, adminUpdate, which is not "
            "done yet.",
            "Microsoft Graph: Create accessPackageResourceRequest",
        ),
        Quirk(
            "Whether a resource outlives its group or application is open; one that does keeps the old id.",
            "Microsoft Graph: accessPackageResource resource type",
            unverified=True,
        ),
    ),
)

_GUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

RESOURCE_ROLE_SCOPES = ObjectType(
    name="accessPackageResourceRoleScopes",
    title="Roles that an access package gives",
    path=f"{_ENTITLEMENT}/accessPackages/{{parent}}/resourceRoleScopes",
    odata_type="#microsoft.graph.accessPackageResourceRoleScope",
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    parent="accessPackages",
    parent_relationship="resourceRoleScopes",
    inline=("role($expand=resource)", "scope"),
    name_property="id",
    named={"role.resource": "id"},
    match_keys=(MatchKey(("role.originId", "scope.originId"), Strength.UNIQUE),),
    anchor=AnchorSpec(
        AnchorKind.KEY,
        "role.originId",
        f"{_ENTITLEMENT}/accessPackages/{{parent}}/resourceRoleScopes?$expand=role($expand=resource),scope",
    ),
    create=Create(f"{_ENTITLEMENT}/accessPackages/{{parent}}/resourceRoleScopes"),
    create_only=("role", "scope"),
    # The service gives roles and scopes of a resource that is added again other ids.
    computed_within=("role.id", "scope.id"),
    references=(
        ValueReference("role.resource.id", ("accessPackageResources",)),
        ValueReference("role.originId", ("groups",), text=True, pattern=f"(?<=_){_GUID}"),
        ValueReference("scope.originId", _ORIGINS, text=True),
    ),
    licence=_LICENCE,
    quirks=(
        Quirk(
            "A role is posted with its resource and its scope; it comes to everybody who is assigned the package.",
            "Microsoft Graph: Create resourceRoleScope",
        ),
        Quirk(
            "The resource of a role is shown by a nested $expand.",
            "Microsoft Graph: accessPackageResourceRole resource type",
            unverified=True,
        ),
        Quirk(
            "Roles and scopes are found by what they are at their origin; their ids need not be given.",
            "Microsoft Graph: Create resourceRoleScope, example 1",
        ),
        Quirk(
            "A group's roles are called Member_ and Owner_ with its id.",
            "Microsoft Graph: Create resourceRoleScope",
        ),
    ),
)

# What is over stays in the list for a while, and would read like what is in force.
_IN_FORCE = " or ".join(f"state eq '{state}'" for state in ("Delivered", "PartiallyDelivered", "Delivering"))

ASSIGNMENTS = ObjectType(
    name="accessPackageAssignments",
    title="Who is assigned an access package",
    path=f"{_ENTITLEMENT}/assignments",
    odata_type="#microsoft.graph.accessPackageAssignment",
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    dependent=True,
    query=(f"$filter={_IN_FORCE.replace(' ', '%20')}",),
    inline=("accessPackage", "assignmentPolicy", "target"),
    named={"accessPackage": "id", "assignmentPolicy": "id", "target": "objectId"},
    name_property="id",
    match_keys=(MatchKey(("target.objectId", "accessPackage.id", "assignmentPolicy.id"), Strength.UNIQUE),),
    anchor=AnchorSpec(
        AnchorKind.KEY,
        "target.objectId",
        f"{_ENTITLEMENT}/assignments?$expand=accessPackage,assignmentPolicy,target"
        f"&$filter=target/objectId eq '{{value}}' and ({_IN_FORCE})",
    ),
    create=Create(
        f"{_ENTITLEMENT}/assignmentRequests",
        fixed={
            "requestType": "adminAdd",
            "assignment": {
                "targetId": "{target.objectId}",
                "assignmentPolicyId": "{assignmentPolicy.id}",
                "accessPackageId": "{accessPackage.id}",
            },
            "schedule": {"startDateTime": "{start}"},
        },
        shaped=True,
        by_request=True,
        refused_when=(
            Condition("assignmentPolicy.automaticRequestSettings.requestAccessForAllowedTargets", (True,)),
        ),
        refused_why="it follows from the rule of its policy, which gives it again to whoever meets it",
    ),
    contain=Containment(
        added=True,
        withdrawal=Withdrawal(
            f"{_ENTITLEMENT}/assignmentRequests",
            {"requestType": "adminRemove", "assignment": {"id": "{id}"}},
        ),
    ),
    create_only=("accessPackage", "assignmentPolicy", "target"),
    action_only=("schedule",),
    # One that is made anew begins now: what began in the past can't be asked for.
    computed_within=("schedule.startDateTime",),
    volatile=("customExtensionCalloutInstances", "expiredDateTime", "state", "status"),
    nature=Nature(
        passing=(Condition("state", ("expired", "deliveryFailed")),),
        passing_why="it ended, or had failed, while the snapshot was taken",
        start="schedule.startDateTime",
        end="schedule.expiration.endDateTime",
        duration="schedule.expiration.duration",
        lasting=Condition("schedule.expiration.type", ("noExpiration", "notSpecified")),
        timed=Timed(
            f"{_ENTITLEMENT}/assignmentRequests",
            {
                "schedule": {
                    "startDateTime": "{start}",
                    "expiration": {"type": "afterDateTime", "endDateTime": "{end}"},
                }
            },
        ),
    ),
    references=(
        ValueReference("target.objectId", ("users", "servicePrincipals"), copies_name=True),
        ValueReference("accessPackage.id", ("accessPackages",)),
        ValueReference("assignmentPolicy.id", ("accessPackageAssignmentPolicies",)),
    ),
    licence=_LICENCE,
    quirks=(
        Quirk(
            "An administrator assigns a package by a request (adminAdd), also where a person had asked for it; the "
            "answer is the request's.",
            "Microsoft Graph: Create accessPackageAssignmentRequest",
        ),
        Quirk(
            "The list holds assignments that are over, too, and one that was removed is one of those. Only what is "
            "in force is read; that several states can be asked for at once is open.",
            "Microsoft Graph: List assignments",
            unverified=True,
        ),
        Quirk(
            "Requests, approvals and answers to questions are history, and don't come back.",
            "Microsoft Graph: accessPackageAssignmentRequest resource type",
        ),
        Quirk(
            "Where the policy lets nobody choose a period, a request that names an end may be refused; then the "
            "assignment is told as not brought back, rather than given for longer than it was.",
            "Microsoft Graph: accessPackageAssignmentRequestorSettings resource type",
            unverified=True,
        ),
        Quirk(
            "One without an end is asked for without a schedule: the policy decides how long it lasts.",
            "Microsoft Graph: Create accessPackageAssignmentRequest",
        ),
        Quirk(
            "A change of the period is asked for with adminUpdate, which is not done yet.",
            "Microsoft Graph: Create accessPackageAssignmentRequest",
        ),
    ),
)

_EXTENSION = "#microsoft.graph.accessPackageAssignment"

CUSTOM_WORKFLOW_EXTENSIONS = ObjectType(
    name="accessPackageCustomWorkflowExtensions",
    title="Logic apps that requests and assignments call",
    path=f"{_ENTITLEMENT}/catalogs/{{parent}}/customWorkflowExtensions",
    odata_type=f"{_EXTENSION}RequestWorkflowExtension",
    subtypes=(f"{_EXTENSION}WorkflowExtension",),
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    parent="accessPackageCatalogs",
    parent_relationship="customWorkflowExtensions",
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=_marker("catalogs/{parent}/customWorkflowExtensions"),
    create=Create(f"{_ENTITLEMENT}/catalogs/{{parent}}/customWorkflowExtensions"),
    writable=(
        "authenticationConfiguration",
        "callbackConfiguration",
        "description",
        "displayName",
        "endpointConfiguration",
    ),
    action_only=("clientConfiguration",),
    put=True,
    type_tag_on_write=True,
    volatile=("lastModifiedBy", "lastModifiedDateTime"),
    kinds=("authenticationConfiguration", "callbackConfiguration", "endpointConfiguration"),
    licence=_LICENCE,
    quirks=(
        Quirk(
            "A change is a PUT that names the @odata.type, by which requests and assignments differ.",
            "Microsoft Graph: Update accessPackageAssignmentRequestWorkflowExtension",
        ),
        Quirk(
            "An application names the address of the logic app; the logic app itself is the subscription's.",
            "Microsoft Graph: logicAppTriggerEndpointConfiguration resource type",
        ),
    ),
)

ENTITLEMENT_ROLE_ASSIGNMENTS = ObjectType(
    name="entitlementRoleAssignments",
    title="Who looks after catalogs and access packages",
    path="/roleManagement/entitlementManagement/roleAssignments",
    odata_type="#microsoft.graph.unifiedRoleAssignment",
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    dependent=True,
    name_property="principalId",
    match_keys=(MatchKey(("principalId", "roleDefinitionId", "appScopeId"), Strength.UNIQUE),),
    anchor=AnchorSpec(
        AnchorKind.KEY,
        "principalId",
        "/roleManagement/entitlementManagement/roleAssignments?$filter=principalId eq '{value}'",
    ),
    create=Create("/roleManagement/entitlementManagement/roleAssignments"),
    create_only=("appScopeId", "principalId", "roleDefinitionId"),
    references=(
        ValueReference("principalId", ("users", "groups", "servicePrincipals")),
        ValueReference("appScopeId", ("accessPackageCatalogs",), text=True),
    ),
    contain=Containment(added=True),
    licence=_LICENCE,
    quirks=(
        Quirk(
            "Roles such as Catalog owner are given in a catalog (appScopeId) or, with /, in all of them; the roles "
            "are Microsoft's, with the same ids in every tenant.",
            "Microsoft Entra: Delegation and roles in entitlement management",
        ),
        Quirk("No PATCH: an assignment is made or removed.", "Microsoft Graph: unifiedRoleAssignment"),
        Quirk(
            "Who makes a catalog may come to be its owner; what a restore adds so is told as added since.",
            "Microsoft Entra: Create and manage a catalog of resources in entitlement management",
            unverified=True,
        ),
    ),
)

END_USER_SETTINGS = ObjectType(
    name="entitlementEndUserSettings",
    title="What people see of access packages that they may ask for",
    path=f"{_ENTITLEMENT}/controlConfigurations/endUserSettings",
    odata_type="#microsoft.graph.endUserSettings",
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    singleton=True,
    identity="",
    name_property="id",
    writable=("isEnabled", "relatedPeopleInsightLevel", "showApproverDetailsToMembers"),
    put=True,
    type_tag_on_write=True,
    volatile=("modifiedBy", "modifiedDateTime"),
    not_created="every tenant has one, which can't be deleted",
    licence=_LICENCE,
    quirks=(Quirk("A change is a PUT of all settings.", "Microsoft Graph: Update endUserSettings"),),
)

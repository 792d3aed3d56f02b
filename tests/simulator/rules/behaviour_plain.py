"""Rules that plain types share."""

from __future__ import annotations

from .registry import Rule

_API = "https://learn.microsoft.com/graph/api/"

PLAIN_RULES: tuple[Rule, ...] = (
    Rule(
        "plain.names-exist",
        "An id within a policy's or a setting's values must be that of a live object.",
        "Create conditionalAccessPolicy, " + _API + "conditionalaccessroot-post-policies",
        unverified=True,
    ),
    Rule(
        "plain.grows",
        "allowedValues changes by allowedValues@delta with OData-Version 4.01; nothing leaves the list.",
        "Update customSecurityAttributeDefinition, " + _API + "customsecurityattributedefinition-update",
    ),
    Rule(
        "plain.expand-20",
        "$expand shows 20 related objects at most, and doesn't say that there are more.",
        "Use query parameters to customize responses, https://learn.microsoft.com/graph/query-parameters",
        unverified=True,
    ),
    Rule(
        "plain.put-whole",
        "A PUT replaces the whole object: what it leaves out gets its default.",
        "Update accessReviewScheduleDefinition, " + _API + "accessreviewscheduledefinition-update",
    ),
    Rule(
        "plain.held-while",
        "A policy of expiry that no longer manages selected groups forgets which they were.",
        "groupLifecyclePolicy resource type, " + _API + "resources/grouplifecyclepolicy",
        unverified=True,
    ),
    Rule(
        "plain.alone",
        "An application or service principal has one app management policy at most; a second one is refused.",
        "Assign appliesTo, " + _API + "appmanagementpolicy-post-appliesto",
    ),
    Rule(
        "plain.asked",
        "Which attribute an assignment is about is shown only with $expand=userAttribute.",
        "List userAttributeAssignments, " + _API + "b2xidentityuserflow-list-userattributeassignments",
    ),
    Rule(
        "plain.first",
        "The default branding, 0, can't be created: it is made together with the first language's.",
        "Create organizationalBrandingLocalization, " + _API + "organizationalbranding-post-localizations",
    ),
    Rule(
        "plain.built-in",
        "Consent policies whose id begins with microsoft- are built in: neither they nor their condition sets can "
        "be made, changed or deleted. Nor can built-in identity providers.",
        "Manage app consent policies, "
        "https://learn.microsoft.com/entra/identity/enterprise-apps/manage-app-consent-policies",
        unverified=True,
    ),
    Rule(
        "plain.sole",
        "A delegated permission of a resource is classified once at most.",
        "Create delegatedPermissionClassification, "
        + _API
        + "serviceprincipal-post-delegatedpermissionclassifications",
        unverified=True,
    ),
    Rule(
        "plain.put-repeats",
        "A PUT names what is set at creation only, too, and as it is: anything else, or nothing, is refused.",
        "Update accessReviewScheduleDefinition, " + _API + "accessreviewscheduledefinition-update",
        unverified=True,
    ),
    Rule(
        "plain.begins",
        "Nothing can be made to begin in the past, and a start that is past can't be set anew.",
        "recurrenceRange resource type, " + _API + "resources/recurrencerange",
        unverified=True,
    ),
    Rule(
        "plain.only-where",
        "Reviewers change only where individual users are assigned.",
        "Update accessReviewScheduleDefinition, " + _API + "accessreviewscheduledefinition-update",
    ),
    Rule(
        "plain.new-version",
        "Tasks, conditions and administrative units of a workflow change by createNewVersion alone, which takes "
        "all of it.",
        "Update workflow, " + _API + "identitygovernance-workflow-update",
    ),
    Rule(
        "plain.singly",
        "A list of workflows shows neither their tasks nor their conditions.",
        "List workflows, " + _API + "identitygovernance-lifecycleworkflowscontainer-list-workflows",
        unverified=True,
    ),
    Rule(
        "plain.bin",
        "A deleted workflow comes back from a bin of its own, whole and under its id.",
        "workflow: restore, " + _API + "identitygovernance-workflow-restore",
    ),
    Rule(
        "plain.scheduled",
        "Scheduling can't be on where a workflow is disabled.",
        "workflow resource type, " + _API + "resources/identitygovernance-workflow",
    ),
    Rule(
        "plain.type-fixed",
        "The @odata.type of an object can't be changed, and a write of a derived type has to name it.",
        "Create identityProvider, " + _API + "identitycontainer-post-identityproviders",
        unverified=True,
    ),
    Rule(
        "plain.absent",
        "A feature that was never set up answers 404 for its singleton.",
        "Get organizationalBranding, " + _API + "organizationalbranding-get",
        unverified=True,
    ),
    Rule(
        "plain.made-once",
        "A singleton is made by a request of its own, which is refused where there is one.",
        "Create identitySynchronization, "
        + _API
        + "crosstenantaccesspolicyconfigurationpartner-put-identitysynchronization",
        unverified=True,
    ),
    Rule(
        "plain.licence",
        "The paths of a feature that the tenant isn't licensed for are refused.",
        "Microsoft Graph permissions and licensing of identity governance, "
        + _API
        + "resources/identitygovernance-overview",
        unverified=True,
    ),
    Rule(
        "plain.most",
        "Some types have a limit, at which a further one is refused.",
        "groupLifecyclePolicy resource type, " + _API + "resources/grouplifecyclepolicy",
    ),
    Rule(
        "plain.once",
        "The same assignment of a role can't be made twice.",
        "Create unifiedRoleAssignment, " + _API + "rbacapplication-post-roleassignments",
        unverified=True,
    ),
    Rule(
        "plain.within",
        "What an object belongs to is named by its id at creation, and again in each PUT of the whole object.",
        "Create assignmentPolicies, "
        + _API
        + "entitlementmanagement-post-assignmentpolicies; Update accessPackageAssignmentPolicy",
    ),
    Rule(
        "plain.inner-ids",
        "What is written within an object gets new ids with each write of it.",
        "accessPackageQuestion resource type, " + _API + "resources/accesspackagequestion",
        unverified=True,
    ),
    Rule(
        "plain.address",
        "A reference to what is no directory object names the collection that it is in.",
        "Add accessPackage to incompatibleAccessPackages, " + _API + "accesspackage-post-incompatibleaccesspackage",
        unverified=True,
    ),
    Rule(
        "plain.v1-only",
        "A type that only one version has is an unknown segment in the other.",
        "Versioning and support, https://learn.microsoft.com/graph/versioning-and-support",
    ),
)

"""Rules of entitlement management's requests."""

from __future__ import annotations

from .registry import Rule

_API = "https://learn.microsoft.com/graph/api/"
_RESOURCES = "Create accessPackageResourceRequest, " + _API + "entitlementmanagement-post-resourcerequests"
_ROLES = "Create resourceRoleScope, " + _API + "accesspackage-post-resourcerolescopes"
_ASSIGNS = "Create accessPackageAssignmentRequest, " + _API + "entitlementmanagement-post-assignmentrequests"

ENTITLEMENT_RULES: tuple[Rule, ...] = (
    Rule("entitlement.admin-add", "An application adds by requests of the type adminAdd.", _ASSIGNS),
    Rule(
        "entitlement.origin-permission",
        "Who adds a group, an application or a site to a catalog needs the permission to write those, too.",
        _RESOURCES,
    ),
    Rule("entitlement.roles-by-people", "An application can't add a directory role to a catalog.", _RESOURCES),
    Rule(
        "entitlement.of-the-catalog",
        "A package gives roles of resources of its own catalog only.",
        _ROLES,
    ),
    Rule(
        "entitlement.by-origin",
        "Roles and scopes are found by originId and originSystem; their ids need not be given.",
        _ROLES + ", example 1",
    ),
    Rule(
        "entitlement.once",
        "What is there already (a resource in a catalog, a role in a package, a package of a person) is refused.",
        _ASSIGNS,
        unverified=True,
    ),
    Rule(
        "entitlement.over",
        "An assignment that is removed is over, and stays in the list as expired.",
        "List assignments, " + _API + "entitlementmanagement-list-assignments",
    ),
    Rule(
        "entitlement.by-rule",
        "Nobody is assigned a package by hand through a policy that assigns it by a rule.",
        "Configure an automatic assignment policy for an access package, "
        "https://learn.microsoft.com/entra/id-governance/entitlement-management-access-package-auto-assignment-policy",
        unverified=True,
    ),
    Rule(
        "entitlement.own-period",
        "A request names a period only where its policy lets requests do so.",
        "accessPackageAssignmentRequestorSettings resource type, "
        + _API
        + "resources/accesspackageassignmentrequestorsettings",
        unverified=True,
    ),
    Rule(
        "entitlement.goes-with",
        "A resource goes with its group or application, an assignment with whom it is for.",
        "accessPackageResource resource type, " + _API + "resources/accesspackageresource",
        unverified=True,
    ),
)

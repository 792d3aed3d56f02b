"""What a request costs, and how much a caller may spend.

Source: Microsoft Graph service-specific throttling limits, identity and access
(learn.microsoft.com/graph/throttling-limits).
"""

from __future__ import annotations

from dataclasses import dataclass

_READ_COST = {
    "/users": 2,
    "/applications": 2,
    "/applications/{id}/extensionProperties": 2,
    "/oauth2PermissionGrants": 2,
    "/oauth2PermissionGrants/{id}": 2,
    "/servicePrincipals/{id}/appRoleAssignments": 2,
    "/users/{id}/memberOf": 2,
    "/users/{id}/transitiveMemberOf": 2,
    "/users/{id}/ownedObjects": 2,
    "/groups/{id}/members": 3,
    "/subscribedSkus": 3,
    "/groups/{id}/transitiveMembers": 5,
}
_POST_COST = {
    "/directoryObjects/getByIds": 3,
    "/directoryObjects/getAvailableExtensionProperties": 1,
    "/identity/conditionalAccess/evaluate": 1,
}
READ_ONLY_POSTS = frozenset(_POST_COST)

DIRECTORY_RU_PER_10S = {"S": 3500, "M": 5000, "L": 8000}
DIRECTORY_WRITES_PER_150S = 3000
TENANT_WRITES_PER_300S = 18000
AUDIT_REQUESTS_PER_10S = 5
CONDITIONAL_ACCESS_PER_S = 1


@dataclass(frozen=True, slots=True)
class Charge:
    island: str  # directory, conditionalAccess, audit
    units: int
    write: bool


def charge(method: str, template: str, query: dict[str, str]) -> Charge:
    if template.startswith("/identity/conditionalAccess"):
        return Charge("conditionalAccess", 1, method != "GET" and template not in READ_ONLY_POSTS)
    if template.startswith("/auditLogs"):
        return Charge("audit", 1, False)
    write = method != "GET" and template not in READ_ONLY_POSTS
    units = _POST_COST.get(template, 1) if method != "GET" else _READ_COST.get(template, 1)
    if "$select" in query:
        units -= 1
    top = query.get("$top", "")
    if top.isdigit() and int(top) < 20:
        units -= 1
    if "$expand" in query:
        units += 1
    return Charge("directory", max(1, units), write)

"""What would apply to a sign-in: the evaluation behind the What If tool, small and by itself.

It knows nothing of the guard that asks it. Source: conditionalAccessRoot: evaluate,
https://learn.microsoft.com/graph/api/conditionalaccessroot-evaluate, and whatIfAnalysisResult resource type. What a
policy asks about and the request leaves out can't be evaluated (`notEnoughInformation`).
"""

from __future__ import annotations

from typing import Any

from . import conditional_access as ca
from .errors import bad_request
from .rules.types import POLICIES
from .service import Request, Response, Service, route
from .store import View

Obj = dict[str, Any]
_NAMESPACE = "#microsoft.graph."
_ACTIONS = {
    "registerSecurityInformation": "urn:user:registersecurityinfo",
    "registerOrJoinDevices": "urn:user:registerdevice",
}
_PORTALS = ("c44b4083-3bb0-49c1-b47d-974e53cbdf3c", "00000006-0000-0ff1-ce00-000000000000")


def evaluate(service: Service, request: Request) -> Response:
    body = request.json()
    identity, context = body.get("signInIdentity"), body.get("signInContext")
    conditions = body.get("signInConditions")
    if not all(isinstance(one, dict) for one in (identity, context, conditions)):
        raise bad_request("signInIdentity, signInContext and signInConditions are required.", "BadRequest")
    if identity.get("@odata.type") != f"{_NAMESPACE}userSignIn" or not isinstance(identity.get("userId"), str):
        raise bad_request("The sign-in identity is not supported by the simulator.", "BadRequest")
    service.rules.lean("ca.evaluate")
    view = service.view(request)
    if view.get("users", identity["userId"]) is None:
        raise bad_request("The user does not exist.", "BadRequest")
    found = []
    for key in view.ids(POLICIES.table):
        policy = view.get(POLICIES.table, key)
        if policy is None:
            continue
        ca.readable(service, request, POLICIES, policy)
        reason = _reason(view, policy, identity["userId"], context, conditions)
        if body.get("appliedPoliciesOnly") is True and reason:
            continue
        shown = ca.shown(service, request, POLICIES, policy)
        found.append({**shown, "policyApplies": not reason, "analysisReasons": reason or "notSet"})
    return Response(
        200, {"@odata.context": service.context(request, "Collection(whatIfAnalysisResult)"), "value": found}
    )


def _reason(view: View, policy: Obj, user: str, context: Obj, given: Obj) -> str:
    """Why the policy doesn't apply, "" where it does."""
    asked = policy["conditions"]
    if policy["state"] == "disabled":
        return "policyNotEnabled"
    if not _users(view, asked.get("users") or {}, user):
        return "users"
    if reason := _target(asked.get("applications") or {}, context):
        return reason
    if not _platform(asked.get("platforms"), given):
        return "devicePlatform"
    clients = {one.casefold() for one in asked.get("clientAppTypes") or ()}
    if clients and "all" not in clients and str(given.get("clientAppType", "")).casefold() not in clients:
        return "clientApps"
    for name, member in (("userRisk", "userRiskLevels"), ("signInRisk", "signInRiskLevels")):
        levels = asked.get(member)
        if levels and given.get(f"{name}Level") not in levels:
            return name
    places = asked.get("locations") or {}
    if places and (places.get("includeLocations") != ["All"] or places.get("excludeLocations")):
        return "location" if given.get("ipAddress") else "notEnoughInformation"
    if (asked.get("devices") or {}).get("deviceFilter"):
        return "notEnoughInformation"
    if asked.get("authenticationFlows") and not given.get("authenticationFlow"):
        return "authenticationFlow"
    return ""


def _users(view: View, asked: Obj, user: str) -> bool:
    groups = _around(view, user)
    roles = {
        one["roleDefinitionId"]
        for key in view.ids("roleAssignments")
        if (one := view.get("roleAssignments", key)) is not None and one["principalId"] in {user, *groups}
    }

    def named(kind: str) -> bool:
        people = asked.get(f"{kind}Users") or ()
        return (
            "All" in people
            or user in people
            or bool(groups & {*(asked.get(f"{kind}Groups") or ())})
            or bool(roles & {*(asked.get(f"{kind}Roles") or ())})
        )

    return named("include") and not named("exclude")


def _around(view: View, key: str) -> set[str]:
    """Every group that holds the object, however deep."""
    found: set[str] = set()
    todo = [key]
    while todo:
        for group in view.sources("groups.members", todo.pop()):
            if group not in found:
                found.add(group)
                todo.append(group)
    return found


def _target(asked: Obj, context: Obj) -> str:
    kind = str(context.get("@odata.type", "")).removeprefix(_NAMESPACE)
    included = asked.get("includeApplications") or ()
    if kind == "userActionContext":
        action = _ACTIONS.get(str(context.get("userAction")), "")
        return "" if action in (asked.get("includeUserActions") or ()) or "All" in included else "userActions"
    if kind != "applicationContext":
        return "authenticationContext"
    apps = {*context.get("includeApplications", ())}
    if apps & {*_PORTALS}:
        apps.add("MicrosoftAdminPortals")
    if apps & {*(asked.get("excludeApplications") or ())}:
        return "application"
    return "" if "All" in included or apps & {*included} else "application"


def _platform(asked: Any, given: Obj) -> bool:
    if not asked:
        return True
    here = str(given.get("devicePlatform", "")).casefold()
    included = {one.casefold() for one in asked.get("includePlatforms") or ()}
    excluded = {one.casefold() for one in asked.get("excludePlatforms") or ()}
    return ("all" in included or here in included) and here not in excluded


route("POST", f"{ca.ROOT}/evaluate", evaluate)

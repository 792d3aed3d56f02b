"""The directory audit log: one event per write, with who did it; read with a lag and a filter."""

from __future__ import annotations

import bisect
import json
import uuid
from typing import Any

from . import odata
from .clock import parse_iso
from .errors import bad_request, not_found
from .rendering import default_columns, render
from .rules.types import GROUPS, TypeRule
from .service import Request, Response, Service, route

Obj = dict[str, Any]
_TARGET_TYPES = {
    "users": "User",
    "groups": "Group",
    "applications": "Application",
    "servicePrincipals": "ServicePrincipal",
    "conditionalAccessPolicies": "Policy",
    "namedLocations": "Policy",
    "authorizationPolicy": "Policy",
    "authenticationStrengthPolicies": "Policy",
    "authenticationContextClassReferences": "Policy",
    "authenticationMethodsPolicy": "Policy",
    "roleDefinitions": "Role",
    "roleAssignments": "Role",
}
_OPTIONS = frozenset(["$filter", "$top", "$skiptoken", "$orderby", "$select"])
_VERBS = {"Add": "Add", "Update": "Update", "Delete": "Delete", "Restore": "Assign", "Hard Delete": "Delete"}


def record(
    service: Service,
    request: Request,
    verb: str,
    rule: TypeRule,
    target: Obj,
    *,
    before: Obj | None = None,
    after: Obj | None = None,
    extra: tuple[str, ...] = (),
) -> None:
    changed = [n for n in (after or {}) if before is not None and (before.get(n) != (after or {}).get(n))]
    modified: list[Obj] = [
        {
            "displayName": name,
            "oldValue": json.dumps((before or {}).get(name))[:200],
            "newValue": json.dumps((after or {}).get(name))[:200],
        }
        for name in changed
    ]
    modified += [{"displayName": name, "oldValue": None, "newValue": None} for name in extra]
    _write(
        service, request, f"{verb} {rule.audit_name}", rule.audit_category, [_target(rule.table, target, modified)]
    )


def record_link(
    service: Service, request: Request, activity: str, source: Obj, target: str, rule: TypeRule = GROUPS
) -> None:
    resource = _target(rule.table, source, [])
    other: Obj = {"id": target, "displayName": None, "type": "User", "userPrincipalName": None, "groupType": None}
    other["modifiedProperties"] = [
        {
            "displayName": f"{rule.audit_name.title().replace(' ', '')}.ObjectID",
            "oldValue": None,
            "newValue": f'"{source["id"]}"',
        }
    ]
    _write(service, request, activity, rule.audit_category, [other, resource])


def _target(table: str, obj: Obj, modified: list[Obj]) -> Obj:
    return {
        "id": obj["id"],
        "displayName": obj.get("displayName"),
        "type": _TARGET_TYPES.get(table, "Other"),
        "userPrincipalName": obj.get("userPrincipalName"),
        "groupType": "azureAD" if table == "groups" else None,
        "modifiedProperties": modified,
    }


def _initiator(service: Service, request: Request) -> Obj:
    caller = request.principal
    if caller.upn is not None:
        key = service.store.find("users", "userPrincipalName", caller.upn)
        user = {
            "id": key or caller.object_id,
            "displayName": None,
            "userPrincipalName": caller.upn,
            "ipAddress": "203.0.113.9",
        }
        return {"user": user, "app": None}
    app = {
        "appId": caller.app_id,
        "displayName": caller.display_name,
        "servicePrincipalId": caller.object_id,
        "servicePrincipalName": None,
    }
    return {"user": None, "app": app}


def _write(service: Service, request: Request, activity: str, category: str, targets: list[Obj]) -> None:
    correlation = str(uuid.UUID(int=service.rng.getrandbits(128)))
    now = service.clock.now()
    event: Obj = {
        "id": f"Directory_{correlation}_{service.rng.getrandbits(24):06X}_{len(service.audits)}",
        "category": category,
        "correlationId": correlation,
        "result": "success",
        "resultReason": "",
        "activityDisplayName": activity,
        "activityDateTime": service.now_iso(),
        "loggedByService": "Conditional Access" if category == "Policy" else "Core Directory",
        "operationType": _VERBS.get(activity.split(" ")[0], "Update"),
        "initiatedBy": _initiator(service, request),
        "targetResources": targets,
        "additionalDetails": [],
    }
    service.store.put("directoryAudits", event["id"], event)
    service.audits.append((now, event["id"]))


def _arrived(service: Service, request: Request) -> int:
    """How many events, oldest first, a reader sees."""
    lag = 0.0 if request.scripted else service.settings.audit_lag
    if lag > 0:
        service.rules.lean("audit.lag")
    return bisect.bisect_right(service.audits, (service.clock.now() - lag, "\uffff"))


def list_audits(service: Service, request: Request) -> Response:
    for name in request.query:
        if name.startswith("$") and name not in _OPTIONS:
            raise bad_request(f"Query option '{name}' is not supported.", "BadRequest")
    top_text = request.query.get("$top", "1000")
    if not top_text.isdigit() or not 1 <= int(top_text) <= 1000:
        raise bad_request("Invalid page size.", "BadRequest")
    top = int(top_text)
    ascending = request.query.get("$orderby", "").strip().lower() in ("activitydatetime asc", "activitydatetime")
    test = odata.parse_filter(request.query["$filter"]).predicate if "$filter" in request.query else None
    if "$skiptoken" in request.query:
        cursor = service.recall(request.query["$skiptoken"], request)
    else:
        cursor = {"end": _arrived(service, request), "position": 0}
    end, position = cursor["end"], cursor["position"]
    columns = default_columns("directoryAudits", request.beta)
    value: list[Obj] = []
    while position < end and len(value) < top:
        at = position if ascending else end - 1 - position
        event = service.store.tables["directoryAudits"].get(service.audits[at][1])
        position += 1
        if event is not None and (test is None or test(event)):
            value.append(render(event, columns))
    body: Obj = {"@odata.context": service.context(request, "auditLogs/directoryAudits"), "value": value}
    if position < end:
        query = {k: v for k, v in request.query.items() if k != "$skiptoken"}
        token = service.remember({"end": end, "position": position})
        body["@odata.nextLink"] = service.link(request, {**query, "$skiptoken": token})
    return Response(200, body)


def get_audit(service: Service, request: Request) -> Response:
    event = service.store.get("directoryAudits", request.params["id"])
    if event is None or parse_iso(event["activityDateTime"]) > service.clock.now() - service.settings.audit_lag:
        raise not_found(request.params["id"])
    return Response(200, render(event, default_columns("directoryAudits", request.beta)))


route("GET", "/auditLogs/directoryAudits", list_audits)
route("GET", "/auditLogs/directoryAudits/{id}", get_audit)

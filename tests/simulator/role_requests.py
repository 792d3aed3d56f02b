"""Requests of privileged identity management: how time-bound role assignments are made and removed by an admin."""

from __future__ import annotations

import re
from typing import Any

from . import audit
from .clock import iso, parse_iso
from .errors import GraphError, bad_request
from .reading import get_object, list_objects
from .role_assignments import INSTANCES, add, check_ends, check_not_last, fresh_id, remove, same_assignment
from .rules.types import ROLE_ASSIGNMENTS, ROLE_REQUESTS
from .service import Request, Response, Service, route
from .writing import checked, created, new_id

Obj = dict[str, Any]
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")
_PATIENCE = 300.0  # seconds that a start may lie in the past


def refused(code: str, text: str) -> GraphError:
    return GraphError(400, code, text)


def _time(text: Any, name: str) -> float:
    try:
        return parse_iso(str(text))
    except ValueError as error:
        raise bad_request(f"Invalid value specified for property '{name}'.", "BadRequest") from error


def duration_of(text: Any) -> float | None:
    """Seconds of a duration of days, hours and minutes; None for any other."""
    found = _DURATION.fullmatch(str(text))
    if found is None or not any(found.groups()):
        return None
    days, hours, minutes = (int(part or 0) for part in found.groups())
    return days * 86400.0 + hours * 3600 + minutes * 60


def period_of(service: Service, values: Obj) -> tuple[float, str | None]:
    """When the assignment starts and, unless it is for good, ends."""
    info = values.get("scheduleInfo") or {}
    now = service.clock.now()
    start = now if info.get("startDateTime") is None else _time(info["startDateTime"], "startDateTime")
    if start < now - _PATIENCE:
        service.rules.lean("role.start-past")
        raise refused("InvalidScheduleStart", "The start lies in the past.")
    expiration = info.get("expiration") or {}
    kind = expiration.get("type")
    if kind == "noExpiration":
        return start, None
    if kind == "afterDateTime":
        end = _time(expiration.get("endDateTime"), "endDateTime")
    elif kind == "afterDuration":
        length = duration_of(expiration.get("duration"))
        if length is None:
            raise bad_request("Invalid value specified for property 'duration'.", "BadRequest")
        end = start + length
    else:
        raise bad_request("scheduleInfo needs an expiration of a known type.", "BadRequest")
    if end <= max(start, now):
        raise refused("InvalidScheduleEnd", "The end lies before the start, or in the past.")
    return start, iso(end)


def check_policy(service: Service, values: Obj) -> None:
    if not values.get("justification"):
        service.rules.lean("role.justification")
        raise refused(
            "RoleAssignmentRequestPolicyValidationFailed",
            'The following policy rules failed: ["JustificationRule"]',
        )


def create_request(service: Service, request: Request) -> Response:
    values = checked(service, request, ROLE_REQUESTS, request.json(), create=True)
    action = values["action"]
    if action not in ("adminAssign", "adminRemove"):
        service.rules.lean("role.request-actions")
        raise bad_request(f"The action '{action}' is not open to applications.", "BadRequest")
    check_ends(service, request, values)
    held = same_assignment(service, values)
    obj: Obj = {
        **values,
        "id": new_id(service),
        "createdDateTime": service.now_iso(),
        "completedDateTime": service.now_iso(),
        "status": "Provisioned" if action == "adminAssign" else "Revoked",
    }
    if action == "adminAssign":
        _assign(service, request, values, held, obj)
    else:
        _remove(service, request, held, obj)
    return created(service, request, ROLE_REQUESTS.table, obj)


def _assign(service: Service, request: Request, values: Obj, held: Obj | None, obj: Obj) -> None:
    if held is not None:
        service.rules.lean("role.exists")
        raise refused("RoleAssignmentExists", "The Role assignment already exists.")
    start, end = period_of(service, values)
    check_policy(service, values)
    if values.get("isValidationOnly"):
        obj["status"] = "Granted"
        return
    obj["targetScheduleId"] = new_id(service)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        made = add(service, values, fresh_id(service), start=start, end=end, schedule=obj["targetScheduleId"])
        service.store.put(ROLE_REQUESTS.table, obj["id"], obj)
        audit.record(service, request, "Add member to", ROLE_ASSIGNMENTS, made, after=made)


def _remove(service: Service, request: Request, held: Obj | None, obj: Obj) -> None:
    instance = None if held is None else service.store.get(INSTANCES, held["id"])
    if held is None or instance is None or instance["assignmentType"] != "Assigned":
        raise refused("RoleAssignmentDoesNotExist", "The Role assignment does not exist.")
    check_not_last(service, held)
    if obj.get("isValidationOnly"):
        return
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        remove(service, held["id"])
        service.store.put(ROLE_REQUESTS.table, obj["id"], obj)
        audit.record(service, request, "Remove member from", ROLE_ASSIGNMENTS, held)


route("GET", ROLE_REQUESTS.root, list_objects)
route("POST", ROLE_REQUESTS.root, create_request)
route("GET", f"{ROLE_REQUESTS.root}/{{id}}", get_object)

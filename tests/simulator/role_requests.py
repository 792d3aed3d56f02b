"""Requests of privileged identity management: how time-bound role assignments are made and removed by an admin."""

from __future__ import annotations

from typing import Any

from . import audit, role_settings
from .clock import parse_iso
from .errors import bad_request
from .periods import check_policy, period_of, refused
from .reading import get_object, list_objects
from .role_assignments import INSTANCES, add, check_ends, check_not_last, fresh_id, remove, same_assignment
from .rules.types import ROLE_ASSIGNMENTS, ROLE_REQUESTS
from .service import Request, Response, Service, route
from .writing import checked, created, new_id

Obj = dict[str, Any]


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
    until = None if end is None else parse_iso(end)
    role_settings.check_period(service, values["roleDefinitionId"], "Assignment", start, until)
    if values.get("isValidationOnly"):
        obj["status"] = "Granted"
        return
    obj["targetScheduleId"] = new_id(service)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        made = add(
            service,
            values,
            fresh_id(service),
            start=start,
            end=end,
            schedule=obj["targetScheduleId"],
            request=obj["id"],
        )
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

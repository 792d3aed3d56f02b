"""Who may activate a role: eligibility schedules, and the requests by which an admin makes and removes them.

A schedule is there from the request on, whether or not it has begun, and disappears at its end. Members of a group
that is eligible have schedules of their own, which are made when they are read.
"""

from __future__ import annotations

from typing import Any

from . import audit, by_members, dependents, role_settings
from .clock import iso, parse_iso
from .errors import bad_request
from .periods import check_policy, period_of, refused
from .reading import get_object, list_objects
from .role_assignments import check_ends, same_assignment
from .rules.types import ELIGIBILITIES, ELIGIBILITY_REQUESTS
from .service import Request, Response, Service, guard, route
from .store import View
from .writing import checked, created, new_id

Obj = dict[str, Any]
TABLE = ELIGIBILITIES.table


def _expire(service: Service, request: Request) -> None:
    """What has reached its end is gone before anybody looks."""
    if not request.template.startswith("/roleManagement/directory/roleEligibility"):
        return
    now = service.clock.now()
    ends = {key: _end(one) for key, one in service.store.tables[TABLE].items()}
    ended = [key for key, end in ends.items() if end is not None and parse_iso(end) <= now]
    if not ended:
        return
    service.rules.lean("eligible.ends")
    with service.store.transaction("EXPIRE", ELIGIBILITIES.root, "directory"):
        for key in ended:
            dependents.detach(service, TABLE, key)


guard(_expire)


def _end(schedule: Obj) -> Any:
    return schedule["scheduleInfo"]["expiration"]["endDateTime"]


# --- schedules


def _all(service: Service, view: View) -> list[Obj]:
    held = (one for key in view.ids(TABLE) if (one := view.get(TABLE, key)) is not None)
    return by_members.spread(view, held, lambda: service.rules.lean("eligible.group-members"))


def list_schedules(service: Service, request: Request) -> Response:
    return by_members.page(service, request, TABLE, _all(service, service.view(request)))


def get_schedule(service: Service, request: Request) -> Response:
    return by_members.single(service, request, TABLE, _all(service, service.view(request)))


def add(service: Service, values: Obj, key: str, *, start: float, end: str | None, request: str) -> Obj:
    """Put a schedule. Inside a transaction, or while seeding."""
    expiration = {"type": "noExpiration" if end is None else "afterDateTime", "endDateTime": end, "duration": None}
    obj = {
        **{name: values.get(name) for name in ("principalId", "roleDefinitionId", "directoryScopeId")},
        "id": key,
        "appScopeId": None,
        "createdUsing": request,
        "createdDateTime": iso(start),
        "modifiedDateTime": None,
        "status": "Provisioned",
        "memberType": "Direct",
        "scheduleInfo": {"startDateTime": iso(start), "recurrence": None, "expiration": expiration},
    }
    dependents.attach(service, TABLE, obj)
    return obj


# --- requests


def create_request(service: Service, request: Request) -> Response:
    values = checked(service, request, ELIGIBILITY_REQUESTS, request.json(), create=True)
    action = values["action"]
    if action not in ("adminAssign", "adminRemove"):
        service.rules.lean("role.request-actions")
        raise bad_request(f"The action '{action}' is not open to applications.", "BadRequest")
    check_ends(service, request, values)
    held = same_assignment(service, values, TABLE)
    now = service.now_iso()
    assigns = action == "adminAssign"
    status = "Provisioned" if assigns else "Revoked"
    obj: Obj = {**values, "id": new_id(service), "createdDateTime": now, "completedDateTime": now, "status": status}
    if assigns:
        _assign(service, request, values, held, obj)
    else:
        _remove(service, request, held, obj)
    return created(service, request, ELIGIBILITY_REQUESTS.table, obj)


def _assign(service: Service, request: Request, values: Obj, held: Obj | None, obj: Obj) -> None:
    if held is not None:
        service.rules.lean("role.exists")
        raise refused("RoleAssignmentExists", "The Role assignment already exists.")
    start, end = period_of(service, values)
    if (values["scheduleInfo"]["expiration"]).get("type") == "afterDuration":
        service.rules.lean("eligible.end-shown")
    check_policy(service, values)
    until = None if end is None else parse_iso(end)
    role_settings.check_period(service, values["roleDefinitionId"], "Eligibility", start, until)
    if values.get("isValidationOnly"):
        obj["status"] = "Granted"
        return
    obj["targetScheduleId"] = new_id(service)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        made = add(service, values, obj["targetScheduleId"], start=start, end=end, request=obj["id"])
        made["createdDateTime"] = service.now_iso()
        service.store.put(ELIGIBILITY_REQUESTS.table, obj["id"], obj)
        audit.record(service, request, "Add eligible member to", ELIGIBILITIES, made, after=made)


def _remove(service: Service, request: Request, held: Obj | None, obj: Obj) -> None:
    if held is None:
        raise refused("RoleAssignmentDoesNotExist", "The Role assignment does not exist.")
    if obj.get("isValidationOnly"):
        return
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        dependents.detach(service, TABLE, held["id"])
        service.store.put(ELIGIBILITY_REQUESTS.table, obj["id"], obj)
        audit.record(service, request, "Remove eligible member from", ELIGIBILITIES, held)


route("GET", ELIGIBILITIES.root, list_schedules)
route("GET", f"{ELIGIBILITIES.root}/{{id}}", get_schedule)
route("GET", ELIGIBILITY_REQUESTS.root, list_objects)
route("POST", ELIGIBILITY_REQUESTS.root, create_request)
route("GET", f"{ELIGIBILITY_REQUESTS.root}/{{id}}", get_object)

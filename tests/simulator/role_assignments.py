"""Role assignments, and the schedules and schedule instances behind them.

Each assignment has a schedule from the moment it is asked for, whether or not it has begun. An assignment and its
instance share an id: the list of assignments shows what is active now, an activation by privileged identity
management included; only the instance tells which is which and when it ends. Members of a group that holds a role
have instances of their own, which are made when they are read.
"""

from __future__ import annotations

from typing import Any

from . import audit, by_members, dependents
from .clock import iso, parse_iso
from .errors import GraphError, bad_request
from .grants import opaque_id
from .reading import VISIBLE, get_object, list_objects, table_of
from .rules.roles import GLOBAL_ADMINISTRATOR
from .rules.types import ROLE_ASSIGNMENTS, ROLE_INSTANCES, ROLE_SCHEDULES
from .service import Request, Response, Service, guard, route
from .store import View
from .writing import checked, created, existing, visible_target

Obj = dict[str, Any]
TABLE = ROLE_ASSIGNMENTS.table
INSTANCES = ROLE_INSTANCES.table
SCHEDULES = ROLE_SCHEDULES.table
_PRINCIPALS = ("users", "groups", "servicePrincipals")
_SCHEDULES = (
    "/roleManagement/directory/roleAssignmentSchedule",
    "/roleManagement/directory/roleEligibilitySchedule",
    "/policies/roleManagementPolic",
    "/identityGovernance/privilegedAccess/group",
)


# --- time and licence


def _licensed(service: Service, request: Request) -> None:
    """Privileged identity management is a matter of Entra ID P2."""
    licensed = service.settings.premium_p2 or request.scripted
    if request.template.startswith(_SCHEDULES) and not licensed:
        service.rules.lean("licence.privileged-identity")
        status = service.settings.premium_refusal
        raise GraphError(status, "AadPremiumLicenseRequired", "The tenant needs an AAD Premium 2 license.")


def _expire(service: Service, request: Request) -> None:
    """What has reached its end is gone before anybody looks."""
    if not request.template.startswith("/roleManagement/directory/roleAssignment"):
        return
    now = service.clock.now()
    ended = [
        key
        for key, one in service.store.tables[INSTANCES].items()
        if one["endDateTime"] is not None and parse_iso(one["endDateTime"]) <= now
    ]
    if not ended:
        return
    service.rules.lean("role.ends")
    with service.store.transaction("EXPIRE", ROLE_ASSIGNMENTS.root, "directory"):
        for key in ended:
            remove(service, key)


def _active(service: Service, view: View, obj: Obj) -> bool:
    """Has begun; and a tenant without P2 has no activations."""
    instance = view.get(INSTANCES, obj["id"])
    if instance is None:
        return True
    if instance["assignmentType"] == "Activated" and not service.settings.premium_p2:
        return False
    start = instance["startDateTime"]
    return start is None or parse_iso(start) <= service.clock.now()


VISIBLE[TABLE] = _active
guard(_licensed)
guard(_expire)


# --- instances


def _all_instances(service: Service, view: View) -> list[Obj]:
    found = (one for key in view.ids(INSTANCES) if (one := view.get(INSTANCES, key)) is not None)
    held = (one for one in found if _active(service, view, one))
    return by_members.spread(view, held, lambda: service.rules.lean("role.group-instances"))


def list_instances(service: Service, request: Request) -> Response:
    return by_members.page(service, request, INSTANCES, _all_instances(service, service.view(request)))


def get_instance(service: Service, request: Request) -> Response:
    return by_members.single(service, request, INSTANCES, _all_instances(service, service.view(request)))


# --- schedules


def _all_schedules(service: Service, view: View) -> list[Obj]:
    """Begun or not; a tenant without P2 is refused before it comes here."""
    held = (one for key in view.ids(SCHEDULES) if (one := view.get(SCHEDULES, key)) is not None)
    return by_members.spread(view, held, lambda: service.rules.lean("role.group-instances"))


def list_schedules(service: Service, request: Request) -> Response:
    service.rules.lean("role.schedules")
    return by_members.page(service, request, SCHEDULES, _all_schedules(service, service.view(request)))


def get_schedule(service: Service, request: Request) -> Response:
    return by_members.single(service, request, SCHEDULES, _all_schedules(service, service.view(request)))


def _schedule(instance: Obj, request: str | None, made: str) -> Obj:
    end = instance["endDateTime"]
    expiration = {"type": "noExpiration" if end is None else "afterDateTime", "endDateTime": end, "duration": None}
    return {
        **{name: instance[name] for name in ("principalId", "roleDefinitionId", "directoryScopeId")},
        "id": instance["roleAssignmentScheduleId"],
        "appScopeId": None,
        "assignmentType": instance["assignmentType"],
        "createdUsing": request,
        "createdDateTime": made,
        "modifiedDateTime": None,
        "status": "Provisioned",
        "memberType": "Direct",
        "scheduleInfo": {"startDateTime": instance["startDateTime"], "recurrence": None, "expiration": expiration},
    }


# --- assignments


def check_ends(service: Service, request: Request, values: Obj) -> None:
    """Role, principal and scope exist on the replica that checks, and fit each other."""
    view = service.view(request)
    role = view.get("roleDefinitions", values["roleDefinitionId"])
    if role is None:
        service.rules.lean("role.references")
        raise bad_request(f"The role definition '{values['roleDefinitionId']}' does not exist.")
    table = visible_target(service, request, view, values["principalId"], _PRINCIPALS)
    principal = view.get(table, values["principalId"]) or {}
    if table == "groups" and not principal.get("isAssignableToRole"):
        service.rules.lean("role.assignable-groups")
        raise bad_request("A role can be assigned only to a group that is role-assignable.")
    scope = values.get("directoryScopeId")
    if scope == "/":
        return
    target = dependents.scope_target(scope)
    found = None if target is None else table_of(view, target)
    as_unit = str(scope).startswith("/administrativeUnits/")
    if found is None or as_unit != (found == "administrativeUnits"):
        service.rules.lean("role.references")
        raise bad_request(f"The scope '{scope}' does not exist.")


def same_assignment(service: Service, values: Obj, table: str = TABLE) -> Obj | None:
    for one in dependents.naming(service, values["principalId"], table):
        if all(one.get(n) == values.get(n) for n in ("principalId", "roleDefinitionId", "directoryScopeId")):
            return one
    return None


def add(
    service: Service,
    values: Obj,
    key: str,
    *,
    kind: str = "Assigned",
    start: float | None = None,
    end: str | None = None,
    schedule: str | None = None,
    request: str | None = None,
    made: str = "",
) -> Obj:
    """Put an assignment, its schedule and its instance. Inside a transaction, or while seeding. `made`: when, if
    not now."""
    named = {n: values.get(n) for n in ("principalId", "roleDefinitionId", "directoryScopeId")}
    obj = {**named, "id": key, "principalOrganizationId": service.tenant_id or service.info["tenantId"]}
    if values.get("condition") is not None:
        obj["condition"] = values["condition"]
    instance = {
        **named,
        "id": key,
        "assignmentType": kind,
        "memberType": "Direct",
        "startDateTime": None if start is None else iso(start),
        "endDateTime": end,
        "roleAssignmentOriginId": key,
        "roleAssignmentScheduleId": schedule or key,
    }
    dependents.attach(service, TABLE, obj)
    dependents.attach(service, INSTANCES, instance)
    dependents.attach(service, SCHEDULES, _schedule(instance, request, made or service.now_iso()))
    return obj


def remove(service: Service, key: str) -> None:
    instance = service.store.get(INSTANCES, key)
    schedule = key if instance is None else instance["roleAssignmentScheduleId"]
    for table, held in ((TABLE, key), (INSTANCES, key), (SCHEDULES, schedule)):
        if service.store.get(table, held) is not None:
            dependents.detach(service, table, held)


def remove_schedule(service: Service, key: str) -> None:
    for held in [one["id"] for one in service.store.tables[INSTANCES].values()]:
        if service.store.tables[INSTANCES][held]["roleAssignmentScheduleId"] == key:
            remove(service, held)


def fresh_id(service: Service) -> str:
    return f"{opaque_id(service.rng.getrandbits(256))}-1"


def create_assignment(service: Service, request: Request) -> Response:
    values = checked(service, request, ROLE_ASSIGNMENTS, request.json(), create=True)
    if values.get("appScopeId") is not None or values.get("directoryScopeId") is None:
        service.rules.lean("role.scope-required")
        raise bad_request("directoryScopeId is required; appScopeId belongs to other providers.")
    check_ends(service, request, values)
    if same_assignment(service, values) is not None:
        service.rules.lean("role.unique")
        raise bad_request(
            "A conflicting object with one or more of the specified property values is present in the directory."
        )
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        obj = add(service, values, fresh_id(service))
        audit.record(service, request, "Add member to", ROLE_ASSIGNMENTS, obj, after=obj)
    return created(service, request, TABLE, obj)


def delete_assignment(service: Service, request: Request) -> Response:
    key, obj = existing(service, request, TABLE)
    check_not_last(service, obj)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        remove(service, key)
        audit.record(service, request, "Remove member from", ROLE_ASSIGNMENTS, obj)
    return Response(204)


def check_not_last(service: Service, obj: Obj) -> None:
    if obj["roleDefinitionId"] != GLOBAL_ADMINISTRATOR or obj["directoryScopeId"] != "/":
        return
    others = [
        one
        for one in dependents.naming(service, GLOBAL_ADMINISTRATOR, INSTANCES)
        if one["id"] != obj["id"] and one["directoryScopeId"] == "/" and one["endDateTime"] is None
    ]
    if not any(service.store.get("users", one["principalId"]) is not None for one in others):
        service.rules.lean("role.last-global-administrator")
        raise bad_request("The last Global Administrator can't be removed.")


route("GET", ROLE_ASSIGNMENTS.root, list_objects)
route("POST", ROLE_ASSIGNMENTS.root, create_assignment)
route("GET", f"{ROLE_ASSIGNMENTS.root}/{{id}}", get_object)
route("DELETE", f"{ROLE_ASSIGNMENTS.root}/{{id}}", delete_assignment)
route("GET", ROLE_INSTANCES.root, list_instances)
route("GET", f"{ROLE_INSTANCES.root}/{{id}}", get_instance)
route("GET", ROLE_SCHEDULES.root, list_schedules)
route("GET", f"{ROLE_SCHEDULES.root}/{{id}}", get_schedule)

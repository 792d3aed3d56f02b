"""What entitlement management makes from requests alone: resources of catalogs, roles of packages, assignments.

What must stay true: a request is checked in full before anything is stored, and whoever asks for a resource may
change it, too.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from . import audit, plain, schema
from .clock import iso, parse_iso
from .errors import bad_request, denied, not_found
from .periods import period_of
from .rules.plain_entitlement import ASSIGNMENTS, RESOURCES, ROLE_SCOPES
from .service import Request, Response, Service, route
from .writing import new_id

if TYPE_CHECKING:
    from .seeds import Planter

Obj = dict[str, Any]
CATALOGS, PACKAGES, POLICIES = "accessPackageCatalogs", "accessPackages", "accessPackageAssignmentPolicies"
_SPACE = uuid.UUID("5b1f0e0a-0c0e-4a4f-8d3e-1f1b6b8f5c02")
# Where a resource is at home, and the permission that adding it takes beside the one for the request.
_ORIGINS = {
    "AadGroup": ("groups", "Group.ReadWrite.All"),
    "AadApplication": ("servicePrincipals", "Application.ReadWrite.All"),
}
_SITES = "Sites.FullControl.All"


def _made(service: Service, request: Request, row: plain.Plain, obj: Obj) -> None:
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        plain.put(service, row, obj)
        audit.record(service, request, "Add", row.rule, obj, after=obj)


def _answered(service: Service, request: Request, **members: Any) -> Response:
    """A request's own answer, which names nothing of what was made."""
    context = service.context(request, f"{request.path.strip('/')}/$entity")
    return Response(201, {"@odata.context": context, "id": new_id(service), **members})


def _part(body: Obj, name: str, known: tuple[str, ...]) -> Obj:
    """A member that has to be an object, of these members only."""
    held = body.get(name)
    if not isinstance(held, dict):
        raise bad_request(f"A value is required for property '{name}' of resource.")
    if strange := sorted(key for key in held.keys() - set(known) if "@odata." not in key):
        raise bad_request(f"Property '{name}/{strange[0]}' does not exist.", "BadRequest")
    return held


def _asks(service: Service, body: Obj, *known: str) -> None:
    """Refuses unknown members, and what an administrator's addition is not."""
    if strange := sorted(body.keys() - {"requestType", *known}):
        raise bad_request(f"Property '{strange[0]}' does not exist.", "BadRequest")
    if body.get("requestType") != "adminAdd":
        service.rules.lean("entitlement.admin-add")
        raise bad_request(
            f"The request type '{body.get('requestType')}' is not open to applications.", "BadRequest"
        )


# --- resources


def _roles(system: str, origin: Obj, name: str) -> list[tuple[str, str]]:
    """Name and origin id of each role."""
    if system == "AadGroup":
        return [(word, f"{word}_{origin['id']}") for word in ("Member", "Owner")]
    if system == "AadApplication":
        return [(str(role["displayName"]), str(role["id"])) for role in origin.get("appRoles") or []] or [
            ("User", str(uuid.UUID(int=0)))
        ]
    return [("Visitors", "2"), ("Contributors", "4")]


def resource(key: str, catalog: str, system: str, origin: Obj, given: Obj, now: str) -> Obj:
    """A resource with the roles and the one scope that its origin has."""
    place = {"originId": origin["id"], "originSystem": system}
    name = str(origin.get("displayName") or given.get("displayName"))
    roles = [
        {
            "id": str(uuid.uuid5(_SPACE, f"{key} {which}")),
            "displayName": title,
            "description": None,
            "originId": which,
            "originSystem": system,
        }
        for title, which in _roles(system, origin, name)
    ]
    scope = {"id": str(uuid.uuid5(_SPACE, key)), "displayName": "Root", "description": "Root Scope"}
    return {
        **place,
        "id": key,
        "displayName": name,
        "description": origin.get("description"),
        "attributes": given.get("attributes") or [],
        "environment": given.get("environment"),
        "roles": roles,
        "scopes": [{**scope, **place, "isRootScope": True}],
        "createdDateTime": now,
        "modifiedDateTime": now,
        "_parent": catalog,
    }


def add_resource(service: Service, request: Request) -> Response:
    plain.available(service, request, RESOURCES)
    body, view = request.json(), service.view(request)
    _asks(service, body, "catalog", "resource", "justification")
    catalog = _part(body, "catalog", ("id",)).get("id")
    if not isinstance(catalog, str) or view.get(CATALOGS, catalog) is None:
        raise bad_request(f"The catalog '{catalog}' does not exist.")
    names = ("originId", "originSystem", "displayName", "description", "attributes", "environment")
    given = _part(body, "resource", names)
    values = {name: held for name, held in given.items() if name != "environment"}
    schema.check(values, schema.load(RESOURCES.rule.model), preview=request.beta, prefix="resource/")
    origin = _origin(service, request, given)
    held = [one for one in service.store.tables[RESOURCES.table].values() if one["_parent"] == catalog]
    if any((one["originId"], one["originSystem"]) == (origin["id"], given["originSystem"]) for one in held):
        service.rules.lean("entitlement.once")
        raise bad_request("The resource is in the catalog already.", "ResourceAlreadyOnboarded")
    obj = resource(new_id(service), catalog, given["originSystem"], origin, given, service.now_iso())
    _made(service, request, RESOURCES, obj)
    return _answered(service, request, requestType="adminAdd", state="delivered")


def _origin(service: Service, request: Request, given: Obj) -> Obj:
    system, key = given.get("originSystem"), given.get("originId")
    if not isinstance(key, str) or not isinstance(system, str):
        raise bad_request("A resource is named by its originId and its originSystem.")
    place = _ORIGINS.get(system)
    if place is None and system != "SharePointOnline":
        service.rules.lean("entitlement.roles-by-people")
        raise denied()
    if (place[1] if place else _SITES) not in request.principal.permissions:
        service.rules.lean("entitlement.origin-permission")
        raise denied()
    if place is None:
        return {"id": key}
    seen = service.view(request).get(place[0], key)
    origin = service.store.get(place[0], key)  # what is delivered later, is delivered as it is by then
    if seen is None or origin is None:
        raise bad_request(f"The resource '{key}' does not exist in {system}.")
    return origin


# --- roles of packages


def role_scope(held: Obj, package: str, role: Obj, scope: Obj, now: str) -> Obj:
    return {
        "id": f"{role['id']}_{scope['id']}",
        "createdDateTime": now,
        "role": {**role, "resource": {"id": held["id"], **{name: held[name] for name in _SHOWN}}},
        "scope": scope,
        "_parent": package,
    }


_SHOWN = ("displayName", "description", "originId", "originSystem")


def add_role_scope(service: Service, request: Request) -> Response:
    plain.available(service, request, ROLE_SCOPES)
    view, body = service.view(request), request.json()
    package = view.get(PACKAGES, request.params["id"])
    if package is None:
        raise not_found(request.params["id"])
    shown = ("id", "displayName", "description", "originId", "originSystem")
    role = _part(body, "role", (*shown, "type", "resource"))
    scope = _part(body, "scope", (*shown, "isRootScope"))
    named = _part(role, "resource", (*shown, "resourceType")).get("id")
    held = view.get(RESOURCES.table, str(named))
    if held is None or held["_parent"] != package["catalog"]["id"]:
        service.rules.lean("entitlement.of-the-catalog")
        raise bad_request(f"The resource '{named}' is not in the catalog of the access package.")
    ours = _found(service, held["roles"], role), _found(service, held["scopes"], scope)
    obj = role_scope(held, package["id"], *ours, service.now_iso())
    others = service.store.tables[ROLE_SCOPES.table].values()
    if any(one["_parent"] == package["id"] and one["id"] == obj["id"] for one in others):
        service.rules.lean("entitlement.once")
        raise bad_request("The access package has this role already.", "ResourceRoleScopeAlreadyExists")
    _made(service, request, ROLE_SCOPES, obj)
    context = service.context(request, f"{request.path.strip('/')}/$entity")
    return Response(201, {"@odata.context": context, **{name: obj[name] for name in ("id", "createdDateTime")}})


def _found(service: Service, known: list[Obj], given: Obj) -> Obj:
    """The role or scope that a request means by its origin; an id may be given, and has to be the right one."""
    for one in known:
        if (one["originId"], one["originSystem"]) == (given.get("originId"), given.get("originSystem")):
            if given.get("id") not in (None, one["id"]):
                raise bad_request(f"'{given['id']}' is none of the resource.")
            service.rules.lean("entitlement.by-origin")
            return one
    raise bad_request(f"The resource has nothing with the originId '{given.get('originId')}'.")


# --- assignments


def assignment(key: str, target: Obj, policy: Obj, *, start: float, end: str | None) -> Obj:
    expiration = {"type": "noExpiration" if end is None else "afterDateTime", "endDateTime": end, "duration": None}
    return {
        "id": key,
        "state": "delivered",
        "status": "Delivered",
        "expiredDateTime": None,
        "schedule": {"startDateTime": iso(start), "recurrence": None, "expiration": expiration},
        "customExtensionCalloutInstances": [],
        "accessPackage": {"id": policy["accessPackage"]["id"]},
        "assignmentPolicy": {"id": policy["id"]},
        "target": {
            "id": str(uuid.uuid5(_SPACE, target["id"])),
            "objectId": target["id"],
            "displayName": target.get("displayName"),
            "principalName": target.get("userPrincipalName"),
            "subjectType": "user",
        },
    }


def assign(service: Service, request: Request) -> Response:
    plain.available(service, request, ASSIGNMENTS)
    view, body = service.view(request), request.json()
    if body.get("requestType") == "adminRemove":
        return _remove(service, request, _part(body, "assignment", ("id",)).get("id"))
    _asks(service, body, "assignment", "schedule", "justification", "answers")
    asked = _part(body, "assignment", ("targetId", "assignmentPolicyId", "accessPackageId"))
    policy = view.get(POLICIES, str(asked.get("assignmentPolicyId")))
    if policy is None or policy["accessPackage"]["id"] != asked.get("accessPackageId"):
        raise bad_request("The access package has no such policy.", "PolicyNotFound")
    target = view.get("users", str(asked.get("targetId")))
    if target is None:
        raise bad_request(f"The subject '{asked.get('targetId')}' does not exist.", "SubjectNotFound")
    if (policy.get("automaticRequestSettings") or {}).get("requestAccessForAllowedTargets"):
        service.rules.lean("entitlement.by-rule")
        raise bad_request("Assignments of an automatic policy follow its rule.", "PolicyIsAutomatic")
    start, end = _period(service, policy, body.get("schedule"))
    for one in service.store.tables[ASSIGNMENTS.table].values():
        same = one["target"]["objectId"] == target["id"] and one["accessPackage"] == policy["accessPackage"]
        if same and one["state"] == "delivered":
            service.rules.lean("entitlement.once")
            raise bad_request("The subject has the access package already.", "ExistingGrant")
    _made(service, request, ASSIGNMENTS, assignment(new_id(service), target, policy, start=start, end=end))
    return _answered(service, request, requestType="adminAdd", state="submitted", status="Accepted")


def _remove(service: Service, request: Request, key: Any) -> Response:
    """What is removed is over, and stays in the list."""
    held = service.view(request).get(ASSIGNMENTS.table, str(key))
    if held is None or held["state"] != "delivered":
        raise bad_request(f"There is no such assignment in force: '{key}'.", "AssignmentNotFound")
    service.rules.lean("entitlement.over")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        after = held | _OVER | {"expiredDateTime": service.now_iso()}
        service.store.put(ASSIGNMENTS.table, held["id"], after)
        audit.record(service, request, "Remove", ASSIGNMENTS.rule, after, before=held, after=after)
    return _answered(service, request, requestType="adminRemove", state="submitted", status="Accepted")


def _period(service: Service, policy: Obj, schedule: Any) -> tuple[float, str | None]:
    """Start, and end if there is one: as asked for, or else as the policy has it."""
    given = schedule if isinstance(schedule, dict) else {}
    if given and not policy["requestorSettings"]["allowCustomAssignmentSchedule"]:
        service.rules.lean("entitlement.own-period")
        raise bad_request("The policy doesn't let a request choose its period.", "InvalidSchedule")
    expiration = given.get("expiration") or policy["expiration"]
    return period_of(service, {"scheduleInfo": {**given, "expiration": expiration}})


# --- every tenant's own


def plant(planter: Planter) -> None:
    """The second catalog offers a group and an application, its first package gives both, and two have it, of
    whom one has had it before."""
    service, store = planter.service, planter.store
    catalog, package = plain.started(CATALOGS, 1), plain.started(PACKAGES, 0)
    policy = store.tables[POLICIES][plain.started(POLICIES, 0)]
    group = store.tables["groups"][planter.group_ids[1]]
    application = store.tables["servicePrincipals"][sorted(store.tables["servicePrincipals"])[0]]
    for system, origin in (("AadGroup", group), ("AadApplication", application)):
        key = str(uuid.uuid5(_SPACE, f"resource {system}"))
        obj = resource(key, catalog, system, origin, {}, _LONG_AGO)
        plain.put(service, RESOURCES, obj)
        made = role_scope(obj, package, obj["roles"][0], obj["scopes"][0], _LONG_AGO)
        plain.put(service, ROLE_SCOPES, made)
    for number, end in enumerate((None, _FAR)):
        target = store.tables["users"][planter.user_ids[(3 + number) % len(planter.user_ids)]]
        key = str(uuid.uuid5(_SPACE, f"assignment {number}"))
        plain.put(service, ASSIGNMENTS, assignment(key, target, policy, start=parse_iso(_LONG_AGO), end=end))
    before = assignment(
        str(uuid.uuid5(_SPACE, "assignment before")), target, policy, start=parse_iso(_LONG_AGO), end=_LONG_AGO
    )
    store.put(ASSIGNMENTS.table, before["id"], before | _OVER)


_OVER = {"state": "expired", "status": "ExpiredNotificationTriggered"}
_LONG_AGO, _FAR = "2024-03-01T08:00:00Z", "2031-05-06T07:08:09Z"

route("POST", RESOURCES.requested, add_resource)
route("POST", ROLE_SCOPES.requested, add_role_scope)
route("POST", ASSIGNMENTS.requested, assign)

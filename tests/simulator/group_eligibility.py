"""Who may become a member or an owner of a group: schedules, and the requests that make and remove them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import audit, by_members, dependents
from .clock import iso, parse_iso
from .errors import bad_request
from .periods import check_policy, period_of, refused
from .reading import get_object
from .rules.group_access import GROUP_ELIGIBILITIES, GROUP_ELIGIBILITY_REQUESTS
from .service import Request, Response, Service, guard, route
from .store import View
from .writing import checked, created, new_id, visible_target

if TYPE_CHECKING:
    from .seeds import Planter

Obj = dict[str, Any]
TABLE = GROUP_ELIGIBILITIES.table
_PRINCIPALS = ("users", "groups", "servicePrincipals")
_SAME = ("principalId", "groupId", "accessId")


def _expire(service: Service, request: Request) -> None:
    """What has reached its end is gone before anybody looks."""
    if not request.template.startswith("/identityGovernance/privilegedAccess/group"):
        return
    now = service.clock.now()
    for key, one in list(service.store.tables[TABLE].items()):
        end = one["scheduleInfo"]["expiration"]["endDateTime"]
        if end is not None and parse_iso(end) <= now:
            service.rules.lean("group-eligible.ends")
            with service.store.transaction("EXPIRE", GROUP_ELIGIBILITIES.root, "directory"):
                dependents.detach(service, TABLE, key)


guard(_expire)


def _shown(service: Service, view: View) -> list[Obj]:
    held = [one for key in view.ids(TABLE) if (one := view.get(TABLE, key)) is not None]
    rows = by_members.spread(view, held, lambda: service.rules.lean("group-eligible.members"))
    return [{**one, "memberType": str(one["memberType"]).lower()} for one in rows]


def list_schedules(service: Service, request: Request) -> Response:
    wanted = request.query.get("$filter", "")
    if not any(f"{name} eq '" in wanted for name in ("groupId", "principalId")):
        service.rules.lean("group-eligible.filter")
        raise bad_request("A filter for a groupId or a principalId is required.", "InvalidFilter")
    return by_members.page(service, request, TABLE, _shown(service, service.view(request)))


def get_schedule(service: Service, request: Request) -> Response:
    return by_members.single(service, request, TABLE, _shown(service, service.view(request)))


def add(service: Service, values: Obj, key: str, start: float, end: str | None) -> Obj:
    """Put a schedule. Inside a transaction, or while seeding."""
    kind = "noExpiration" if end is None else "afterDateTime"
    obj = {
        **{name: values[name] for name in _SAME},
        "id": f"{values['groupId']}_{values['accessId']}_{key}",
        "createdUsing": key,
        "createdDateTime": iso(start),
        "modifiedDateTime": None,
        "memberType": "direct",
        "status": "Provisioned",
        "scheduleInfo": {
            "startDateTime": iso(start),
            "recurrence": None,
            "expiration": {"type": kind, "endDateTime": end, "duration": None},
        },
    }
    dependents.attach(service, TABLE, obj)
    return obj


def _held(service: Service, values: Obj) -> Obj | None:
    for one in dependents.naming(service, values["principalId"], TABLE):
        if all(one[name] == values[name] for name in _SAME):
            return one
    return None


def _check_ends(service: Service, request: Request, values: Obj) -> None:
    view = service.view(request)
    visible_target(service, request, view, values["principalId"], _PRINCIPALS)
    visible_target(service, request, view, values["groupId"], ("groups",))
    group = view.get("groups", values["groupId"]) or {}
    if group.get("onPremisesSyncEnabled") or "DynamicMembership" in (group.get("groupTypes") or []):
        service.rules.lean("group-eligible.groups")
        raise bad_request("The group can't be managed by privileged identity management.", "InvalidResource")


def create_request(service: Service, request: Request) -> Response:
    values = checked(service, request, GROUP_ELIGIBILITY_REQUESTS, request.json(), create=True)
    if values["action"] not in ("adminAssign", "adminRemove"):
        service.rules.lean("group-eligible.actions")
        raise bad_request(f"The action '{values['action']}' is not open to applications.", "BadRequest")
    _check_ends(service, request, values)
    held, assigns = _held(service, values), values["action"] == "adminAssign"
    if assigns == (held is not None):
        service.rules.lean("group-eligible.exists")
        code = "RoleAssignmentExists" if assigns else "RoleAssignmentDoesNotExist"
        raise refused(code, "The eligibility exists already." if assigns else "There is no such eligibility.")
    check_policy(service, values)
    period = period_of(service, values) if assigns else None
    now = service.now_iso()
    obj: Obj = {**values, "id": new_id(service), "createdDateTime": now, "completedDateTime": now}
    obj["status"] = "Provisioned" if assigns else "Revoked"
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        if period is not None:
            made = add(service, values, obj["id"], *period)
            obj["targetScheduleId"] = made["id"]
            audit.record(service, request, "Add eligible member to", GROUP_ELIGIBILITIES, made, after=made)
        else:
            assert held is not None
            dependents.detach(service, TABLE, held["id"])
            audit.record(service, request, "Remove eligible member from", GROUP_ELIGIBILITIES, held)
        service.store.put(GROUP_ELIGIBILITY_REQUESTS.table, obj["id"], obj)
    return created(service, request, GROUP_ELIGIBILITY_REQUESTS.table, obj)


def plant(planter: Planter) -> None:
    """People who may join, or own, the groups that may hold roles: for good, and until a far day."""
    groups = planter.store.tables["groups"]
    able = [key for key in planter.group_ids if groups[key].get("isAssignableToRole")]
    for number, group in enumerate(able):
        for turn, (access, end) in enumerate((("member", None), ("owner", "2035-01-01T08:00:00Z"))):
            person = planter.user_ids[(23 + number + turn) % len(planter.user_ids)]
            values = {"principalId": person, "groupId": group, "accessId": access}
            add(planter.service, values, f"00000000-0000-4000-8000-{number:06d}{turn:06d}", 1709280000.0, end)


route("GET", GROUP_ELIGIBILITIES.root, list_schedules)
route("GET", f"{GROUP_ELIGIBILITIES.root}/{{id}}", get_schedule)
route("POST", GROUP_ELIGIBILITY_REQUESTS.root, create_request)
route("GET", f"{GROUP_ELIGIBILITY_REQUESTS.root}/{{id}}", get_object)

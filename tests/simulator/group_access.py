"""Privileged identity management for groups: who may become, and who is for a time, a member or an owner.

Schedules are made and removed by requests. An assignment is a membership, too, as long as it lasts; eligibility is
none.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import audit, by_members, dependents, role_settings
from .clock import iso, parse_iso
from .errors import bad_request
from .periods import check_policy, period_of, refused
from .reading import get_object
from .rules.form import TypeRule
from .rules.group_access import (
    GROUP_ASSIGNMENT_REQUESTS,
    GROUP_ASSIGNMENTS,
    GROUP_ELIGIBILITIES,
    GROUP_ELIGIBILITY_REQUESTS,
)
from .service import Request, Response, Service, guard, route
from .store import View
from .writing import checked, created, new_id, visible_target

if TYPE_CHECKING:
    from .seeds import Planter

Obj = dict[str, Any]
_PRINCIPALS = ("users", "groups", "servicePrincipals")
_SAME = ("principalId", "groupId", "accessId")


@dataclass(frozen=True)
class Kind:
    """`fixed`: members of every schedule. `links`: whether it is a membership."""

    schedules: TypeRule
    requests: TypeRule
    fixed: tuple[tuple[str, str], ...] = ()
    links: bool = False

    @property
    def table(self) -> str:
        return self.schedules.table


ELIGIBLE = Kind(GROUP_ELIGIBILITIES, GROUP_ELIGIBILITY_REQUESTS)
ASSIGNED = Kind(GROUP_ASSIGNMENTS, GROUP_ASSIGNMENT_REQUESTS, (("assignmentType", "assigned"),), links=True)
KINDS = (ELIGIBLE, ASSIGNED)


def _expire(service: Service, request: Request) -> None:
    """What has reached its end is gone before anybody looks."""
    if not request.template.startswith(("/identityGovernance/privilegedAccess/group", "/groups")):
        return
    now = service.clock.now()
    for kind in KINDS:
        for one in list(service.store.tables[kind.table].values()):
            end = one["scheduleInfo"]["expiration"]["endDateTime"]
            if end is not None and parse_iso(end) <= now:
                service.rules.lean("group-eligible.ends")
                with service.store.transaction("EXPIRE", kind.schedules.root, "directory"):
                    remove(service, kind, one)


guard(_expire)


def _shown(service: Service, kind: Kind, view: View) -> list[Obj]:
    held = [one for key in view.ids(kind.table) if (one := view.get(kind.table, key)) is not None]
    rows = by_members.spread(view, held, lambda: service.rules.lean("group-eligible.members"))
    return [{**one, "memberType": str(one["memberType"]).lower()} for one in rows]


def list_schedules(kind: Kind, service: Service, request: Request) -> Response:
    wanted = request.query.get("$filter", "")
    if not any(f"{name} eq '" in wanted for name in ("groupId", "principalId")):
        service.rules.lean("group-eligible.filter")
        raise bad_request("A filter for a groupId or a principalId is required.", "InvalidFilter")
    return by_members.page(service, request, kind.table, _shown(service, kind, service.view(request)))


def get_schedule(kind: Kind, service: Service, request: Request) -> Response:
    return by_members.single(service, request, kind.table, _shown(service, kind, service.view(request)))


def _rel(values: Obj) -> str:
    return f"groups.{values['accessId']}s"


def add(service: Service, kind: Kind, values: Obj, key: str, start: float, end: str | None, **more: str) -> Obj:
    """Put a schedule, and the group's policies if it has none. Inside a transaction, or while seeding."""
    expires = "noExpiration" if end is None else "afterDateTime"
    obj = {
        **{name: values[name] for name in _SAME},
        **dict(kind.fixed),
        "id": f"{values['groupId']}_{values['accessId']}_{key}",
        "createdUsing": key,
        "createdDateTime": iso(start),
        "modifiedDateTime": None,
        "memberType": "direct",
        "status": "Provisioned",
        "scheduleInfo": {
            "startDateTime": iso(start),
            "recurrence": None,
            "expiration": {"type": expires, "endDateTime": end, "duration": None},
        },
        **more,
    }
    dependents.attach(service, kind.table, obj)
    role_settings.add_for_group(service, obj["groupId"])
    if kind.links:
        service.store.link(_rel(obj), obj["groupId"], obj["principalId"])
    return obj


def remove(service: Service, kind: Kind, obj: Obj) -> None:
    dependents.detach(service, kind.table, obj["id"])
    if kind.links:
        service.store.link(_rel(obj), obj["groupId"], obj["principalId"], present=False)


def _held(service: Service, kind: Kind, values: Obj) -> Obj | None:
    for one in dependents.naming(service, values["principalId"], kind.table):
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


def create_request(kind: Kind, service: Service, request: Request) -> Response:
    values = checked(service, request, kind.requests, request.json(), create=True)
    if values["action"] not in ("adminAssign", "adminRemove"):
        service.rules.lean("group-eligible.actions")
        raise bad_request(f"The action '{values['action']}' is not open to applications.", "BadRequest")
    _check_ends(service, request, values)
    held, assigns = _held(service, kind, values), values["action"] == "adminAssign"
    if assigns == (held is not None):
        service.rules.lean("group-eligible.exists")
        code = "RoleAssignmentExists" if assigns else "RoleAssignmentDoesNotExist"
        raise refused(code, "There is one already." if assigns else "There is none.")
    check_policy(service, values)
    period = period_of(service, values) if assigns else None
    now = service.now_iso()
    obj: Obj = {**values, "id": new_id(service), "createdDateTime": now, "completedDateTime": now}
    obj["status"] = "Provisioned" if assigns else "Revoked"
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        if period is not None:
            made = add(service, kind, values, obj["id"], *period)
            obj["targetScheduleId"] = made["id"]
            audit.record(service, request, "Add to", kind.schedules, made, after=made)
        else:
            assert held is not None
            remove(service, kind, held)
            audit.record(service, request, "Remove from", kind.schedules, held)
        service.store.put(kind.requests.table, obj["id"], obj)
    return created(service, request, kind.requests.table, obj)


def plant(planter: Planter) -> None:
    """Of the groups that may hold roles: people who may join for good, and may own, or do own, until a far day."""
    groups = planter.store.tables["groups"]
    far = "2035-01-01T08:00:00Z"
    given = ((ELIGIBLE, "member", None), (ELIGIBLE, "owner", far), (ASSIGNED, "owner", far))
    for number, group in enumerate(key for key in planter.group_ids if groups[key].get("isAssignableToRole")):
        for turn, (kind, access, end) in enumerate(given):
            person = planter.user_ids[(23 + number + turn) % len(planter.user_ids)]
            values = {"principalId": person, "groupId": group, "accessId": access}
            key = f"00000000-0000-4000-8000-{number:06d}{turn:06d}"
            add(planter.service, kind, values, key, 1709280000.0, end)
        _tighten(planter, group, planter.user_ids[(20 + number) % len(planter.user_ids)])


def _tighten(planter: Planter, group: str, approver: str) -> None:
    """A member's activation is short and needs somebody's word; an owner's policy stays as it starts."""
    store = planter.store
    for held in dependents.naming(planter.service, group, role_settings.OF_GROUPS):
        policy = store.tables[role_settings.TABLE][held["policyId"]]
        rules = [dict(rule) for rule in policy["rules"]]
        for rule in rules if held["roleDefinitionId"] == "member" else ():
            if rule["id"] == "Expiration_EndUser_Assignment":
                rule["maximumDuration"] = "PT1H"
            elif rule["id"] == "Approval_EndUser_Assignment":
                kind = "#microsoft.graph.singleUser"
                by = [{"@odata.type": kind, "userId": approver, "description": "Duty"}]
                stages = [{**rule["setting"]["approvalStages"][0], "primaryApprovers": by}]
                rule["setting"] = {**rule["setting"], "isApprovalRequired": True, "approvalStages": stages}
        store.put(role_settings.TABLE, policy["id"], {**policy, "rules": rules})


for _kind in KINDS:
    route("GET", _kind.schedules.root, functools.partial(list_schedules, _kind))
    route("GET", f"{_kind.schedules.root}/{{id}}", functools.partial(get_schedule, _kind))
    route("POST", _kind.requests.root, functools.partial(create_request, _kind))
    route("GET", f"{_kind.requests.root}/{{id}}", get_object)

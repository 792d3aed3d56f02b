"""Which Microsoft 365 groups a policy of expiry manages, where those are selected.

The links are the groups': from a group to the policy. They are read at the group, and written by two actions of
the policy.
"""

from __future__ import annotations

from typing import Any

from . import audit, small
from .errors import bad_request, not_found
from .rules.plain_policies import GROUP_LIFECYCLE, MANAGED, SELECTED
from .service import Request, Response, Service, route

Obj = dict[str, Any]
MOST = 500
_NAMES = frozenset(("id", "alternateNotificationEmails", "groupLifetimeInDays", "managedGroupTypes"))


def list_policies(service: Service, request: Request) -> Response:
    view = service.view(request)
    key = request.params["id"]
    group = view.get("groups", key)
    if group is None:
        raise not_found(key)
    found = []
    for one in view.ids(GROUP_LIFECYCLE.table):
        policy = view.get(GROUP_LIFECYCLE.table, one)
        if policy is not None and _manages(service, policy, group, view.targets(MANAGED, key)):
            found.append({name: value for name, value in policy.items() if name in _NAMES})
    return small.page(service, request, found, _NAMES)


def _manages(service: Service, policy: Obj, group: Obj, held: list[str]) -> bool:
    if policy["managedGroupTypes"] == "All":
        service.rules.lean("expiry.all")
        return "Unified" in group["groupTypes"]
    return policy["managedGroupTypes"] == SELECTED and policy["id"] in held


def _ends(service: Service, request: Request) -> tuple[Obj, str]:
    """The policy, and the id of the group that the body names."""
    view = service.view(request)
    policy = view.get(GROUP_LIFECYCLE.table, request.params["id"])
    if policy is None:
        raise not_found(request.params["id"])
    body = request.json()
    if set(body) != {"groupId"}:
        raise bad_request("The request body must hold groupId alone.", "BadRequest")
    group = view.get("groups", str(body["groupId"]))
    if group is None:
        raise not_found(str(body["groupId"]))
    if "Unified" not in group["groupTypes"]:
        service.rules.lean("expiry.unified")
        raise bad_request("Only Microsoft 365 groups can be managed by the policy.")
    return policy, str(group["id"])


def add_group(service: Service, request: Request) -> Response:
    policy, group = _ends(service, request)
    if policy["managedGroupTypes"] != SELECTED:
        service.rules.lean("expiry.selected")
        raise bad_request("Groups can be added only where managedGroupTypes is Selected.")
    if len(service.store.sources(MANAGED, policy["id"])) >= MOST:
        service.rules.lean("expiry.500")
        raise bad_request("A policy can manage 500 selected groups at most.")
    return _link(service, request, policy, group, present=True)


def remove_group(service: Service, request: Request) -> Response:
    policy, group = _ends(service, request)
    return _link(service, request, policy, group, present=False)


def _link(service: Service, request: Request, policy: Obj, group: str, *, present: bool) -> Response:
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        done = service.store.link(MANAGED, group, policy["id"], present=present)
        if done:
            audit.record(service, request, "Update", GROUP_LIFECYCLE.rule, policy, extra=("groups",))
        else:
            service.rules.lean("expiry.false")
    return Response(200, {"@odata.context": service.context(request, "Edm.Boolean"), "value": done})


route("GET", "/groups/{id}/groupLifecyclePolicies", list_policies)
route("POST", f"{GROUP_LIFECYCLE.item}/addGroup", add_group)
route("POST", f"{GROUP_LIFECYCLE.item}/removeGroup", remove_group)

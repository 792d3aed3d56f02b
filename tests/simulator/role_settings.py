"""Role settings: the policy of each directory role with its rules, and which policy belongs to which role.

A policy is made and goes with its role. What must stay true: a rule is changed alone, by its own path, with its
@odata.type and its target; a role that is made anew has another policy.
"""

from __future__ import annotations

from typing import Any

from . import dependents, schema, small
from .errors import bad_request, denied, not_found
from .periods import duration_of, refused
from .rendering import default_columns, render
from .rules.permissions import OF_GROUP, OF_ROLE, allowed
from .rules.role_rules import ENABLING, MODELS, starting_rules
from .rules.types import GROUP_POLICY_ASSIGNMENTS, ROLE_POLICIES, ROLE_POLICY_ASSIGNMENTS
from .service import Request, Response, Service, route
from .store import View
from .writing import checked, new_id, visible_target

Obj = dict[str, Any]
TABLE, ASSIGNED = ROLE_POLICIES.table, ROLE_POLICY_ASSIGNMENTS.table
OF_GROUPS = GROUP_POLICY_ASSIGNMENTS.table
_SCOPE = {"scopeId": "/", "scopeType": "DirectoryRole"}
_APPROVER_KINDS = {
    "#microsoft.graph.singleUser": ("userId", "users"),
    "#microsoft.graph.groupMembers": ("groupId", "groups"),
}


# --- made and gone with the role


def add(service: Service, role: str, key: str = "") -> None:
    """Inside a transaction, or while seeding."""
    name = f"DirectoryRole_{service.tenant_id or service.info['tenantId']}_{key or new_id(service)}"
    policy = {"id": name, "displayName": "DirectoryRole", "description": "DirectoryRole", **_SCOPE}
    service.store.put(TABLE, name, {**policy, "isOrganizationDefault": False, "rules": starting_rules()})
    held = {"id": f"{name}_{role}", "policyId": name, "roleDefinitionId": role, **_SCOPE}
    dependents.attach(service, ASSIGNED, held)


def add_for_group(service: Service, group: str) -> None:
    """The policies of a group that comes under privileged identity management; those there stay."""
    if dependents.naming(service, group, OF_GROUPS):
        return
    service.rules.lean("group-eligible.settings")
    scope = {"scopeId": group, "scopeType": "Group"}
    for access in ("member", "owner"):
        name = f"Group_{group}_{new_id(service)}"
        policy = {"id": name, "displayName": "Group", "description": "Group", **scope}
        service.store.put(TABLE, name, {**policy, "isOrganizationDefault": False, "rules": starting_rules()})
        held = {"id": f"{name}_{access}", "policyId": name, "roleDefinitionId": access, **scope}
        dependents.attach(service, OF_GROUPS, held)


def forget_group(service: Service, group: str) -> None:
    """The policies of a group that is gone for good."""
    for key, policy in list(service.store.tables[TABLE].items()):
        if policy["scopeId"] == group:
            service.store.put(TABLE, key, None)


def remove(service: Service, role: str) -> None:
    for held in dependents.naming(service, role, ASSIGNED):
        dependents.detach(service, ASSIGNED, held["id"])
        service.store.put(TABLE, held["policyId"], None)


def rule_of(service: Service, role: str, name: str) -> Obj:
    for held in dependents.naming(service, role, ASSIGNED):
        policy = service.store.get(TABLE, held["policyId"])
        for rule in policy["rules"] if policy is not None else ():
            if rule["id"] == name:
                return dict(rule)
    return {}


def check_period(service: Service, role: str, level: str, start: float, end: float | None) -> None:
    """A period that an administrator gives, against the role's expiration rule for it."""
    rule = rule_of(service, role, f"Expiration_Admin_{level}")
    if not rule.get("isExpirationRequired"):
        return
    longest = duration_of(rule.get("maximumDuration"))
    if end is None or (longest is not None and end - start > longest + 1):
        service.rules.lean("role.expiration-rule")
        failed = 'The following policy rules failed: ["ExpirationRule"]'
        raise refused("RoleAssignmentRequestPolicyValidationFailed", failed)


# --- reading


def _scoped(service: Service, request: Request) -> None:
    text = request.query.get("$filter", "")
    if "$skiptoken" not in request.query and ("scopeId eq" not in text or "scopeType eq" not in text):
        service.rules.lean("role.settings-filter")
        raise bad_request("The filter must name scopeId and scopeType.", "BadRequest")


def _permit(service: Service, request: Request, scope_type: str) -> None:
    """Policies of groups and of roles have permissions of their own."""
    needed = OF_GROUP[request.method] if scope_type == "Group" else OF_ROLE[request.method]
    if not request.scripted and not allowed(needed, service.granted(request)):
        service.rules.lean("auth.permission")
        raise denied()


def _rule_shown(rule: Obj) -> Obj:
    shape = schema.shape(schema.load(MODELS[rule["@odata.type"]])).properties
    shown = render(rule, tuple((name, prop.collection) for name, prop in shape.items()))
    return {"@odata.type": rule["@odata.type"], **{name: shown[name] for name in shown if name in rule}}


def _policy_shown(request: Request, policy: Obj, *, rules: bool) -> Obj:
    out = render(policy, default_columns(TABLE, request.beta))
    out.pop("effectiveRules", None)
    out.pop("rules", None)
    return {**out, "rules": [_rule_shown(one) for one in policy["rules"]]} if rules else out


def _assignment_shown(request: Request, view: View, held: Obj, expand: str) -> Obj:
    out = render(held, default_columns(ASSIGNED, request.beta))
    out.pop("policy", None)
    policy = view.get(TABLE, held["policyId"])
    if expand and policy is not None:
        out["policy"] = _policy_shown(request, policy, rules="rules" in expand)
    return out


def _expanded(request: Request, known: tuple[str, ...]) -> str:
    expand = request.query.get("$expand", "").replace(" ", "")
    if expand not in ("", *known):
        raise bad_request(f"Could not find a property named '{expand}' to expand.", "BadRequest")
    return expand


def list_policies(service: Service, request: Request) -> Response:
    _scoped(service, request)
    view = service.view(request)
    rules = _expanded(request, ("rules",)) != ""
    found = (view.get(TABLE, key) for key in view.ids(TABLE))
    items = [_policy_shown(request, one, rules=rules) for one in found if one is not None]
    return small.page(service, request, items, frozenset(items[0]) if items else frozenset())


def list_assignments(service: Service, request: Request) -> Response:
    _scoped(service, request)
    view = service.view(request)
    expand = _expanded(request, ("policy", "policy($expand=rules)"))
    of_group = "scopeType eq 'Group'" in request.query.get("$filter", "")
    _permit(service, request, "Group" if of_group else "DirectoryRole")
    table = OF_GROUPS if of_group else ASSIGNED
    found = (view.get(table, key) for key in view.ids(table))
    items = [_assignment_shown(request, view, one, expand) for one in found if one is not None]
    return small.page(service, request, items, frozenset(items[0]) if items else frozenset())


def get_assignment(service: Service, request: Request) -> Response:
    view = service.view(request)
    held = view.get(ASSIGNED, request.params["id"]) or view.get(OF_GROUPS, request.params["id"])
    if held is None:
        raise not_found(request.params["id"])
    _permit(service, request, held["scopeType"])
    item = _assignment_shown(request, view, held, _expanded(request, ("policy", "policy($expand=rules)")))
    return small.single(service, request, item, frozenset(item))


def _policy(service: Service, request: Request, key: str) -> Obj:
    view = service.view(request)
    policy = view.get(TABLE, key)
    if policy is None:
        raise not_found(key)
    _permit(service, request, policy["scopeType"])
    return policy


def get_policy(service: Service, request: Request) -> Response:
    policy = _policy(service, request, request.params["id"])
    item = _policy_shown(request, policy, rules=_expanded(request, ("rules",)) != "")
    return small.single(service, request, item, frozenset(item))


def list_rules(service: Service, request: Request) -> Response:
    policy = _policy(service, request, request.params["id"])
    return small.page(service, request, [_rule_shown(one) for one in policy["rules"]], frozenset())


def _rule(policy: Obj, name: str) -> Obj:
    for rule in policy["rules"]:
        if rule["id"] == name:
            return dict(rule)
    raise not_found(name)


def get_rule(service: Service, request: Request) -> Response:
    rule = _rule(_policy(service, request, request.params["id"]), request.params["child"])
    return small.single(service, request, _rule_shown(rule), frozenset(rule))


# --- changing a rule


def patch_rule(service: Service, request: Request) -> Response:
    body = request.json()
    key, name = request.params["id"], request.params["child"]
    seen = _rule(_policy(service, request, key), name)
    kind = seen["@odata.type"]
    if body.get("@odata.type") != kind or body.get("id", name) != name:
        service.rules.lean("role.rule-type")
        raise bad_request(f"The rule '{name}' is of the type '{kind}'.", "BadRequest")
    if not isinstance(body.get("target"), dict):
        service.rules.lean("role.rule-target")
        raise bad_request("The target of the rule is missing.", "BadRequest")
    given = {one: value for one, value in body.items() if one != "id"}
    values = checked(service, request, ROLE_POLICIES, given, create=False, model=schema.load(MODELS[kind]))
    _check_values(service, request, values)
    policy = service.store.get(TABLE, key)
    if policy is None:
        raise not_found(key)
    rule = {**_rule(policy, name), **values}
    after = {
        **policy,
        "lastModifiedDateTime": service.now_iso(),
        "rules": [rule if one["id"] == name else one for one in policy["rules"]],
    }
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put(TABLE, key, after)
    return small.single(service, request, _rule_shown(rule), frozenset(rule))


def _check_values(service: Service, request: Request, values: Obj) -> None:
    if values.get("maximumDuration") is not None and duration_of(values["maximumDuration"]) is None:
        raise bad_request("Invalid value specified for property 'maximumDuration'.", "BadRequest")
    if set(values.get("enabledRules") or ()) - ENABLING:
        raise bad_request("Invalid value specified for property 'enabledRules'.", "BadRequest")
    view = service.view(request)
    context = values.get("claimValue") if values.get("isEnabled") else None
    if context and view.get("authenticationContextClassReferences", context) is None:
        service.rules.lean("role.rule-references")
        raise bad_request(f"The authentication context '{context}' does not exist.", "BadRequest")
    for stage in (values.get("setting") or {}).get("approvalStages") or []:
        for approver in [*(stage.get("primaryApprovers") or []), *(stage.get("escalationApprovers") or [])]:
            named, table = _APPROVER_KINDS.get(approver.get("@odata.type"), ("", ""))
            if not named:
                service.rules.lean("role.rule-approvers")
                raise bad_request("An approver needs the @odata.type singleUser or groupMembers.", "BadRequest")
            service.rules.lean("role.rule-references")
            visible_target(service, request, view, approver.get(named), (table,))


_ITEM = f"{ROLE_POLICIES.root}/{{id}}"
route("GET", ROLE_POLICIES.root, list_policies)
route("GET", _ITEM, get_policy)
route("GET", f"{_ITEM}/rules", list_rules)
route("GET", f"{_ITEM}/rules/{{child}}", get_rule)
route("PATCH", f"{_ITEM}/rules/{{child}}", patch_rule)
route("GET", ROLE_POLICY_ASSIGNMENTS.root, list_assignments)
route("GET", f"{ROLE_POLICY_ASSIGNMENTS.root}/{{id}}", get_assignment)

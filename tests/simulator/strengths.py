"""Authentication strength policies and their combination configurations.

What must stay true: built-in policies never change; the combinations of a policy change by their own action only.
"""

from __future__ import annotations

from typing import Any

from . import audit, schema, small
from .errors import GraphError, bad_request, denied, not_found
from .rendering import all_columns, default_columns, render
from .rules.roles import COMBINATIONS as KNOWN
from .rules.roles import SINGLE_FACTOR
from .rules.types import COMBINATION_MODELS, COMBINATIONS, STRENGTH_POLICIES
from .service import Request, Response, Service, route
from .store import View
from .writing import checked, new_id, store_new, update

Obj = dict[str, Any]
TABLE = STRENGTH_POLICIES.table
CHILDREN = f"{TABLE}.combinationConfigurations"


# --- reading


def configuration_shown(obj: Obj) -> Obj:
    path, _ = COMBINATION_MODELS[obj["@odata.type"]]
    columns = tuple((n, p.collection) for n, p in schema.shape(schema.load(path)).properties.items())
    return {"@odata.type": obj["@odata.type"], **render(obj, columns)}


def configurations(view: View, key: str) -> list[Obj]:
    found = (view.get(COMBINATIONS.table, child) for child in sorted(view.targets(CHILDREN, key)))
    return [configuration_shown(obj) for obj in found if obj is not None]


def embedded(view: View, key: str) -> Obj | None:
    """A strength as a policy that uses it shows it."""
    obj = view.get(TABLE, key)
    return None if obj is None else {**obj, "combinationConfigurations": configurations(view, key)}


def _shown(service: Service, request: Request, view: View, obj: Obj) -> Obj:
    out = render(obj, default_columns(TABLE, request.beta))
    place = f"policies/authenticationStrengthPolicies('{obj['id']}')/combinationConfigurations"
    out["combinationConfigurations@odata.context"] = service.context(request, place)
    out["combinationConfigurations"] = configurations(view, obj["id"])
    service.rules.lean("strength.configurations-inline")
    return out


def _names(request: Request) -> frozenset[str]:
    expand = request.query.get("$expand")
    if expand not in (None, "combinationConfigurations"):
        raise bad_request(f"Could not find a property named '{expand}' to expand.", "BadRequest")
    return frozenset(all_columns(TABLE, request.beta))


def list_strengths(service: Service, request: Request) -> Response:
    view = service.view(request)
    found = (view.get(TABLE, key) for key in view.ids(TABLE))
    items = [_shown(service, request, view, obj) for obj in found if obj is not None]
    return small.page(service, request, items, _names(request))


def get_strength(service: Service, request: Request) -> Response:
    view = service.view(request)
    obj = view.get(TABLE, request.params["id"])
    if obj is None:
        raise not_found(request.params["id"])
    return small.single(service, request, _shown(service, request, view, obj), _names(request))


def list_configurations(service: Service, request: Request) -> Response:
    view = service.view(request)
    if view.get(TABLE, request.params["id"]) is None:
        raise not_found(request.params["id"])
    return small.page(service, request, configurations(view, request.params["id"]), frozenset())


def get_configuration(service: Service, request: Request) -> Response:
    view = service.view(request)
    found = [c for c in configurations(view, request.params["id"]) if c["id"] == request.params["child"]]
    if not found:
        raise not_found(request.params["child"])
    return small.single(service, request, found[0], frozenset(found[0]))


# --- writing


def _custom(service: Service, request: Request) -> Obj:
    """The policy that a write is addressed to; a built-in one refuses it."""
    key = request.params["id"]
    if service.view(request).get(TABLE, key) is None:
        service.rules.lean("lag.writes")
        raise not_found(key)
    obj = service.store.get(TABLE, key)
    if obj is None:
        raise not_found(key)
    if obj["policyType"] == "builtIn":
        service.rules.lean("strength.built-in")
        raise denied()
    return obj


def _combinations(service: Service, given: list[str]) -> list[str]:
    """The combinations in their stored form, without spaces; each must be one of the known."""
    found = [",".join(part.strip() for part in one.split(",")) for one in given]
    unknown = [one for one in found if one not in KNOWN]
    if unknown or not found or len(set(found)) != len(found):
        service.rules.lean("strength.known-combinations")
        raise bad_request(f"allowedCombinations are empty, repeated or not supported: {unknown}.", "BadRequest")
    return found


def _satisfied(combinations: list[str]) -> str:
    return "none" if set(combinations) & SINGLE_FACTOR else "mfa"


def create_strength(service: Service, request: Request) -> Response:
    values = checked(service, request, STRENGTH_POLICIES, request.json(), create=True)
    combinations = _combinations(service, values["allowedCombinations"])
    now = service.now_iso()
    obj: Obj = {
        "id": new_id(service),
        "createdDateTime": now,
        "modifiedDateTime": now,
        "displayName": values["displayName"],
        "description": values.get("description"),
        "policyType": "custom",
        "requirementsSatisfied": _satisfied(combinations),
        "allowedCombinations": combinations,
    }
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        store_new(service, request, STRENGTH_POLICIES, obj)
    context = service.context(request, f"{request.path.strip('/')}/$entity")
    return Response(201, {"@odata.context": context, **_shown(service, request, service.store.view(), obj)})


def patch_strength(service: Service, request: Request) -> Response:
    values = checked(service, request, STRENGTH_POLICIES, request.json(), create=False)
    before = _custom(service, request)
    if "allowedCombinations" in values:
        service.rules.lean("strength.combinations-by-action")
        raise bad_request("allowedCombinations are changed by updateAllowedCombinations only.", "BadRequest")
    after = {**before, **values, "modifiedDateTime": service.now_iso()}
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, STRENGTH_POLICIES, before, after)
    return Response(204)


def update_combinations(service: Service, request: Request) -> Response:
    body = request.json()
    given = body.get("allowedCombinations")
    if set(body) != {"allowedCombinations"} or not isinstance(given, list):
        raise bad_request("The body must hold allowedCombinations and nothing else.", "BadRequest")
    if not all(isinstance(one, str) for one in given):
        raise bad_request("allowedCombinations must be a collection of strings.", "BadRequest")
    before = _custom(service, request)
    combinations = _combinations(service, given)
    view = service.store.view()
    refined = {c for one in configurations(view, before["id"]) for c in one["appliesToCombinations"]}
    if refined - set(combinations):
        service.rules.lean("strength.refined-combinations")
        raise bad_request("A combination that a combinationConfiguration applies to can't be left out.")
    after = {
        **before,
        "allowedCombinations": combinations,
        "requirementsSatisfied": _satisfied(combinations),
        "modifiedDateTime": service.now_iso(),
    }
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, STRENGTH_POLICIES, before, after)
    result = {
        "@odata.context": service.context(request, "microsoft.graph.updateAllowedCombinationsResult"),
        "previousCombinations": before["allowedCombinations"],
        "currentCombinations": combinations,
        "conditionalAccessReferences": policies_using(service, before["id"]),
        "additionalInformation": "",
    }
    return Response(200, result)


def policies_using(service: Service, key: str) -> list[str]:
    policies = service.store.tables["conditionalAccessPolicies"].values()
    held = ((p["id"], (p.get("grantControls") or {}).get("authenticationStrength") or {}) for p in policies)
    return [policy for policy, strength in held if strength.get("id") == key]


def delete_strength(service: Service, request: Request) -> Response:
    obj = _custom(service, request)
    if policies_using(service, obj["id"]):
        service.rules.lean("strength.in-use")
        raise GraphError(400, "BadRequest", "The authentication strength policy is used by a policy.")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        remove_strength(service, obj["id"])
        audit.record(service, request, "Delete", STRENGTH_POLICIES, obj)
    return Response(204)


def remove_strength(service: Service, key: str) -> None:
    for child in list(service.store.targets(CHILDREN, key)):
        service.store.link(CHILDREN, key, child, present=False)
        service.store.put(COMBINATIONS.table, child, None)
    service.store.put(TABLE, key, None)


# --- combination configurations


def _configuration_values(service: Service, request: Request, policy: Obj, *, create: bool) -> tuple[str, Obj]:
    body = request.json()
    kind = str(body.get("@odata.type", ""))
    kind = kind if kind.startswith("#") or not kind else f"#{kind}"
    if kind not in COMBINATION_MODELS:
        service.rules.lean("strength.configuration-type")
        raise bad_request("@odata.type must name the kind of combination configuration.", "BadRequest")
    path, applicable = COMBINATION_MODELS[kind]
    values = {k: v for k, v in body.items() if "@odata." not in k}
    schema.check(values, schema.load(path), preview=request.beta)
    if "id" in values:
        service.rules.lean("write.read-only")
        raise bad_request("Property 'id' is read-only and cannot be set.")
    applies = values.get("appliesToCombinations")
    if (create or "appliesToCombinations" in values) and not applies:
        service.rules.lean("write.required")
        raise bad_request("A value is required for property 'appliesToCombinations' of resource.")
    if set(applies or []) - (applicable & set(policy["allowedCombinations"])):
        service.rules.lean("strength.applies")
        raise bad_request("appliesToCombinations must be allowed by the policy and fit the configuration's type.")
    return kind, values


def create_configuration(service: Service, request: Request) -> Response:
    policy = _custom(service, request)
    kind, values = _configuration_values(service, request, policy, create=True)
    obj: Obj = {"@odata.type": kind, **values, "id": new_id(service)}
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put(COMBINATIONS.table, obj["id"], obj)
        service.store.link(CHILDREN, policy["id"], obj["id"])
        audit.record(service, request, "Add", COMBINATIONS, obj, after=obj)
    context = service.context(request, f"{request.path.strip('/')}/$entity")
    return Response(201, {"@odata.context": context, **configuration_shown(obj)})


def _child(service: Service, request: Request, policy: Obj) -> Obj:
    key = request.params["child"]
    obj = service.store.get(COMBINATIONS.table, key)
    if obj is None or key not in service.store.targets(CHILDREN, policy["id"]):
        raise not_found(key)
    return obj


def patch_configuration(service: Service, request: Request) -> Response:
    policy = _custom(service, request)
    before = _child(service, request, policy)
    kind, values = _configuration_values(service, request, policy, create=False)
    if kind != before["@odata.type"]:
        raise bad_request("The kind of a combination configuration can't be changed.", "BadRequest")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, COMBINATIONS, before, {**before, **values})
    return Response(204)


def delete_configuration(service: Service, request: Request) -> Response:
    policy = _custom(service, request)
    obj = _child(service, request, policy)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.link(CHILDREN, policy["id"], obj["id"], present=False)
        service.store.put(COMBINATIONS.table, obj["id"], None)
        audit.record(service, request, "Delete", COMBINATIONS, obj)
    return Response(204)


_ONE = f"{STRENGTH_POLICIES.root}/{{id}}"
_PARTS = f"{_ONE}/combinationConfigurations"
route("GET", STRENGTH_POLICIES.root, list_strengths)
route("POST", STRENGTH_POLICIES.root, create_strength)
route("GET", _ONE, get_strength)
route("PATCH", _ONE, patch_strength)
route("DELETE", _ONE, delete_strength)
route("POST", f"{_ONE}/updateAllowedCombinations", update_combinations)
route("GET", _PARTS, list_configurations)
route("POST", _PARTS, create_configuration)
route("GET", f"{_PARTS}/{{child}}", get_configuration)
route("PATCH", f"{_PARTS}/{{child}}", patch_configuration)
route("DELETE", f"{_PARTS}/{{child}}", delete_configuration)

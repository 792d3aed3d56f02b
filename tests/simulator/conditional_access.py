"""Conditional access policies and named locations, with a recycle bin of their own.

What must stay true: a write that names something that doesn't exist is refused; nested objects are replaced whole;
v1.0 neither shows nor takes a policy with preview members.
"""

from __future__ import annotations

from typing import Any

from . import audit, odata, schema
from .errors import GraphError, bad_request, denied, not_found
from .reading import top_of
from .rendering import annotate, model_of, render_location, render_policy
from .rules.roles import BUILT_IN_ROLES
from .rules.types import COMPLIANT_NETWORK, LOCATION_MODELS, LOCATIONS, POLICIES, TypeRule
from .service import Request, Response, Service, route
from .store import View
from .strengths import embedded
from .writing import checked, new_id

Obj = dict[str, Any]
ROOT = "/identity/conditionalAccess"
_USER_WORDS = frozenset(("All", "None", "GuestsOrExternalUsers"))
_APP_WORDS = frozenset(("All", "None", "Office365", "MicrosoftAdminPortals", "AllAgentIdResources"))
_LOCATION_WORDS = frozenset(("All", "AllTrusted"))
_SP_WORDS = frozenset(("ServicePrincipalsInMyTenant",))
_STATES = frozenset(("enabled", "disabled", "enabledForReportingButNotEnforced"))
_ACTIONS = frozenset(("urn:user:registersecurityinfo", "urn:user:registerdevice"))


def _ca_error(number: int, text: str) -> GraphError:
    return GraphError(400, "BadRequest", f"{number}: {text}")


# --- what is shown


def shown(service: Service, request: Request, rule: TypeRule, obj: Obj) -> Obj:
    if rule is LOCATIONS:
        if obj["@odata.type"] == COMPLIANT_NETWORK:
            service.rules.lean("location.compliant-network")
        out = render_location(obj, beta=request.beta)
    else:
        out = render_policy(obj, beta=request.beta)
        _show_strength(service, request, out)
    if service.settings.full_annotations or "odata.metadata=full" in request.headers.get("accept", ""):
        return _annotated(service, request, rule, obj, out)
    return out


def _show_strength(service: Service, request: Request, policy: Obj) -> None:
    grant = policy.get("grantControls")
    if not isinstance(grant, dict):
        return
    grant = policy["grantControls"] = dict(grant)
    held = grant.pop("authenticationStrength", None)
    place = f"identity/conditionalAccess/policies('{policy['id']}')/grantControls/authenticationStrength/$entity"
    grant["authenticationStrength@odata.context"] = service.context(request, place)
    shown = None if held is None else embedded(service.view(request), held["id"]) or held
    grant["authenticationStrength"] = shown


def _annotated(service: Service, request: Request, rule: TypeRule, obj: Obj, out: Obj) -> Obj:
    name = "policies" if rule is POLICIES else "namedLocations"
    address = f"identity/conditionalAccess/{name}('{obj['id']}')"
    base = f"{service.origin}/{request.version}"
    marks: Obj = {"@odata.id": address, "@odata.editLink": address}
    action = {"title": "microsoft.graph.restore", "target": f"{base}/{address}/microsoft.graph.restore"}
    return {
        **annotate(out, model_of(rule, obj), obj.get("@odata.type", rule.odata_type)),
        **marks,
        "#microsoft.graph.restore": action,
    }


def readable(service: Service, request: Request, rule: TypeRule, obj: Obj) -> None:
    if rule is POLICIES and not request.beta and schema.preview_members_in_use(obj, schema.load(rule.model)):
        service.rules.lean("ca.preview-read")
        raise _ca_error(
            1037,
            "The policy you requested contains preview features. Use the Beta endpoint to retrieve this policy.",
        )


def _place(request: Request) -> tuple[TypeRule, str]:
    """The type that a path is about, and the table: live or bin."""
    rule = POLICIES if "/policies" in request.template else LOCATIONS
    return rule, f"bin:{rule.table}" if "/deletedItems/" in request.template else rule.table


def list_ca(service: Service, request: Request) -> Response:
    rule, table = _place(request)
    if table.startswith("bin:"):
        service.rules.lean("ca.bin-app-only")
    for name in request.query:
        if name.startswith("$") and name not in ("$filter", "$top", "$skiptoken", "$select", "$count", "$orderby"):
            raise bad_request(f"Query option '{name}' is not supported.", "BadRequest")
    view = service.view(request)
    test = odata.parse_filter(request.query["$filter"]).predicate if "$filter" in request.query else None
    after = service.recall(request.query["$skiptoken"], request)["after"] if "$skiptoken" in request.query else ""
    found = [obj for i in view.ids(table) if i > after and (obj := view.get(table, i)) is not None]
    found = [obj for obj in found if test is None or test(obj)]
    top = top_of(request, service) if "$top" in request.query else service.settings.list_page_cap
    page = found[:top]
    for obj in page:
        readable(service, request, rule, obj)
    value = [shown(service, request, rule, obj) for obj in page]
    select = odata.parse_select(request.query.get("$select"))
    if select is not None:
        value = [{k: v for k, v in one.items() if k in select or k == "@odata.type"} for one in value]
    path = request.path.strip("/")
    body: Obj = {"@odata.context": service.context(request, path), "value": value}
    if len(page) < len(found):
        query = {k: v for k, v in request.query.items() if k != "$skiptoken"}
        token = service.remember({"after": page[-1]["id"]})
        body["@odata.nextLink"] = service.link(request, {**query, "$skiptoken": token})
    return Response(200, body)


def _visible(service: Service, request: Request, rule: TypeRule, table: str, view: View) -> Obj:
    key = request.params["id"]
    obj = view.get(table, key)
    if obj is None:
        kind = "policy" if rule is POLICIES else "location"
        raise GraphError(404, "NotFound", f"1004: The requested {kind} {key} does not exist.")
    return obj


def get_ca(service: Service, request: Request) -> Response:
    rule, table = _place(request)
    obj = _visible(service, request, rule, table, service.view(request))
    readable(service, request, rule, obj)
    out = shown(service, request, rule, obj)
    select = odata.parse_select(request.query.get("$select"))
    if select is not None:
        out = {k: v for k, v in out.items() if k in select or k == "@odata.type"}
    path = request.path.strip("/").rsplit("/", 1)[0]
    return Response(200, {"@odata.context": service.context(request, f"{path}/$entity"), **out})


# --- policies: checks


def _without_annotations(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_annotations(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {
        k: _without_annotations(v)
        for k, v in value.items()
        if ("@odata." not in k or k == "@odata.type") and not k.startswith("#")
    }


def stored_form(value: Any) -> Any:
    """The stored form: no annotations but the @odata.type that tells derived types apart."""
    if isinstance(value, list):
        return [stored_form(v) for v in value]
    if isinstance(value, dict):
        return {
            k: stored_form(v)
            for k, v in value.items()
            if not k.startswith("#") and ("@odata." not in k or (k == "@odata.type" and schema.is_derived(v)))
        }
    return value


def _policy_values(service: Service, request: Request, *, create: bool) -> Obj:
    body = request.json()
    if not request.beta and schema.preview_members_in_use(stored_form(body), schema.load(POLICIES.model)):
        service.rules.lean("ca.preview-write")
        raise _ca_error(
            1038,
            "The policy you are trying to create or update contains preview features. Use the Beta endpoint to "
            "create or update this policy.",
        )
    values: Obj = stored_form(checked(service, request, POLICIES, body, create=create))
    _check_strength(service, request, values)
    return values


def _check_strength(service: Service, request: Request, values: Obj) -> None:
    grant = values.get("grantControls")
    held = None if not isinstance(grant, dict) else grant.get("authenticationStrength")
    if held is None:
        return
    service.rules.lean("ca.strength-id")
    if set(held) != {"id"}:
        raise _ca_error(1101, "authenticationStrength takes only the id of an authentication strength policy.")
    key = held["id"]
    if not isinstance(key, str) or service.view(request).get("authenticationStrengthPolicies", key) is None:
        raise _ca_error(1102, f"authenticationStrength '{key}' does not exist.")


def _check_policy(service: Service, request: Request, policy: Obj) -> None:
    if policy.get("state") not in _STATES:
        raise _ca_error(1003, "The state of the policy is not valid.")
    conditions = policy.get("conditions")
    if not isinstance(conditions, dict):
        raise _shape(service, "conditions are required")
    if not conditions.get("clientAppTypes"):
        raise _ca_error(1064, "'clientAppTypes' condition does not support [].")
    _check_targets(service, conditions)
    _check_controls(service, policy)


def _shape(service: Service, text: str) -> GraphError:
    service.rules.lean("ca.shape")
    return _ca_error(1002, f"The policy is not valid: {text}.")


def _check_targets(service: Service, conditions: Obj) -> None:
    apps = conditions.get("applications") or {}
    kinds = [
        n
        for n in ("includeApplications", "includeUserActions", "includeAuthenticationContextClassReferences")
        if apps.get(n)
    ]
    if not kinds and not apps.get("applicationFilter"):
        raise _shape(service, "an application rule is required")
    if len(kinds) > 1:
        raise _ca_error(
            1012, "'applications' condition cannot include both 'includeApplications' and 'includeUserActions'."
        )
    if set(apps.get("includeUserActions") or []) - _ACTIONS:
        raise _shape(service, "unknown user action")
    users = conditions.get("users") or {}
    includes = ("includeUsers", "includeGroups", "includeRoles", "includeGuestsOrExternalUsers")
    workload = conditions.get("clientApplications") or {}
    agents = conditions.get("agents") or {}
    targets = [*(users.get(n) for n in includes), *workload.values(), *agents.values()]
    if not any(targets):
        raise _shape(service, "a user rule is required")
    for name in ("includeUsers", "includeApplications"):
        held = users.get(name) or apps.get(name) or []
        if len(held) > 1 and {"All", "None"} & set(held):
            raise _shape(service, f"{name} can't combine All or None with other values")


def _check_controls(service: Service, policy: Obj) -> None:
    grant, session = policy.get("grantControls"), policy.get("sessionControls")
    if grant is None and session is None:
        raise _shape(service, "a grant or session control is required")
    if grant is not None:
        controls = [grant.get(n) for n in ("builtInControls", "termsOfUse", "customAuthenticationFactors")]
        if not any(controls) and not grant.get("authenticationStrength"):
            raise _shape(service, "grantControls needs a control")
        if grant.get("operator") not in ("AND", "OR"):
            raise _shape(service, "grantControls needs an operator")
        if "block" in (grant.get("builtInControls") or []) and len(grant["builtInControls"]) > 1:
            raise _shape(service, "block can't be combined with other controls")
        if "mfa" in (grant.get("builtInControls") or []) and grant.get("authenticationStrength"):
            raise _shape(service, "mfa and an authentication strength exclude each other")
    if session is not None:
        _check_session(service, session)


def _check_session(service: Service, session: Obj) -> None:
    if not any(v is not None for v in session.values()):
        service.rules.lean("ca.session-null")
        raise _shape(service, "sessionControls must be null, or hold a control")
    frequency = session.get("signInFrequency")
    if frequency is None:
        return
    every_time = frequency.get("frequencyInterval") == "everyTime"
    if not every_time and (frequency.get("value") is None or frequency.get("type") is None):
        service.rules.lean("ca.frequency")
        raise _shape(service, "signInFrequency needs a value and a type")
    restricted = session.get("applicationEnforcedRestrictions") or {}
    if every_time and (restricted.get("isEnabled") or session.get("disableResilienceDefaults")):
        service.rules.lean("ca.frequency")
        raise _shape(service, "everyTime excludes other session controls")


def _check_references(service: Service, request: Request, conditions: Obj) -> None:
    """Each id in the conditions must exist on the replica that checks it."""
    view = service.view(request)
    users = conditions.get("users") or {}
    for side in ("include", "exclude"):
        _all_exist(service, view, users.get(f"{side}Users"), ("users",), _USER_WORDS, 1007, "users")
        _all_exist(service, view, users.get(f"{side}Groups"), ("groups",), frozenset(), 1008, "groups")
        for role in users.get(f"{side}Roles") or []:
            if role not in BUILT_IN_ROLES:
                raise _missing(service, 1009, "roles", role)
        locations = (conditions.get("locations") or {}).get(f"{side}Locations")
        _all_exist(service, view, locations, ("namedLocations",), _LOCATION_WORDS, 1010, "locations")
        workloads = (conditions.get("clientApplications") or {}).get(f"{side}ServicePrincipals")
        _all_exist(service, view, workloads, ("servicePrincipals",), _SP_WORDS, 1013, "service principals")
        _check_apps(service, view, (conditions.get("applications") or {}).get(f"{side}Applications"))
    contexts = (conditions.get("applications") or {}).get("includeAuthenticationContextClassReferences")
    _all_exist(service, view, contexts, ("authenticationContextClassReferences",), frozenset(), 1014, "contexts")


def _missing(service: Service, number: int, kind: str, key: str) -> GraphError:
    service.rules.lean("ca.references")
    return _ca_error(number, f"Policy contains invalid {kind}: '{key}' does not exist.")


def _all_exist(
    service: Service,
    view: View,
    keys: list[str] | None,
    tables: tuple[str, ...],
    words: frozenset[str],
    number: int,
    kind: str,
) -> None:
    for key in keys or []:
        if key not in words and not any(view.get(t, key) is not None for t in tables):
            raise _missing(service, number, kind, key)


def _check_apps(service: Service, view: View, keys: list[str] | None) -> None:
    for key in keys or []:
        if key in _APP_WORDS:
            continue
        held = service.store.find("servicePrincipals", "appId", key)
        if held is None or view.get("servicePrincipals", held) is None:
            raise _missing(service, 1011, "applications", key)


def _needs_application_read(service: Service, request: Request, conditions: Obj) -> None:
    apps = conditions.get("applications") or {}
    named = [a for side in ("include", "exclude") for a in apps.get(f"{side}Applications") or []]
    readers = ("Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All")
    if set(named) - _APP_WORDS and not any(service.may(request, one) for one in readers):
        service.rules.lean("auth.policy-apps")
        raise denied()


# --- policies: writes


def create_policy(service: Service, request: Request) -> Response:
    values = _policy_values(service, request, create=True)
    _check_policy(service, request, values)
    _needs_application_read(service, request, values["conditions"])
    _check_references(service, request, values["conditions"])
    obj = {**values, "id": new_id(service), "createdDateTime": service.now_iso(), "modifiedDateTime": None}
    return _created(service, request, POLICIES, obj)


def _created(service: Service, request: Request, rule: TypeRule, obj: Obj) -> Response:
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put(rule.table, obj["id"], obj)
        audit.record(service, request, "Add", rule, obj, after=obj)
    context = service.context(request, request.path.strip("/") + "/$entity")
    return Response(201, {"@odata.context": context, **shown(service, request, rule, obj)})


def patch_policy(service: Service, request: Request) -> Response:
    values = _policy_values(service, request, create=False)
    before = _addressed(service, request, POLICIES)
    if not request.beta and schema.preview_members_in_use(before, schema.load(POLICIES.model)):
        service.rules.lean("ca.preview-write")
        raise _ca_error(1038, "The policy contains preview features. Use the Beta endpoint to update this policy.")
    after = {**before, **values}
    if {"conditions", "grantControls", "sessionControls"} & set(values):
        service.rules.lean("write.replace-nested")
    _check_policy(service, request, after)
    if "conditions" in values:
        _needs_application_read(service, request, values["conditions"])
        _check_references(service, request, values["conditions"])
    return _changed(service, request, POLICIES, before, after)


def _addressed(service: Service, request: Request, rule: TypeRule) -> Obj:
    _visible(service, request, rule, rule.table, service.view(request))
    current = service.store.get(rule.table, request.params["id"])
    if current is None:
        raise not_found(request.params["id"])
    return current


def _changed(service: Service, request: Request, rule: TypeRule, before: Obj, after: Obj) -> Response:
    after = {**after, "modifiedDateTime": service.now_iso()}
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put(rule.table, after["id"], after)
        audit.record(service, request, "Update", rule, after, before=before, after=after)
    return Response(204)


def delete_ca(service: Service, request: Request) -> Response:
    rule, _ = _place(request)
    obj = _addressed(service, request, rule)
    if rule is LOCATIONS:
        _location_can_go(service, obj)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        move_to_bin(service, rule, obj)
        audit.record(service, request, "Delete", rule, obj)
    return Response(204)


def move_to_bin(service: Service, rule: TypeRule, obj: Obj) -> None:
    service.store.put(rule.table, obj["id"], None)
    service.store.put(f"bin:{rule.table}", obj["id"], {**obj, "deletedDateTime": service.now_iso()})


# --- named locations


def _location_values(service: Service, request: Request, *, create: bool) -> tuple[str, Obj]:
    body = request.json()
    kind = str(body.get("@odata.type", ""))
    kind = kind if kind.startswith("#") or not kind else f"#{kind}"
    if kind not in LOCATION_MODELS:
        service.rules.lean("location.type")
        raise _ca_error(1040, "@odata.type must name the kind of named location.")
    values = {k: v for k, v in _without_annotations(body).items() if k != "@odata.type"}
    if any(k.startswith("#") for k in body):
        service.rules.lean("write.annotations")
        raise bad_request("An action advertisement can't be written.", "BadRequest")
    schema.check(values, schema.load(LOCATION_MODELS[kind]), preview=request.beta)
    refused = sorted(set(values) & LOCATIONS.read_only)
    if refused:
        service.rules.lean("write.read-only")
        raise bad_request(f"Property '{refused[0]}' is read-only and cannot be set.")
    needed = ("displayName", "ipRanges" if "ip" in kind else "countriesAndRegions")
    if create and not all(values.get(n) for n in needed):
        service.rules.lean("write.required")
        raise _ca_error(1041, f"A named location needs {' and '.join(needed)}.")
    for one in values.get("ipRanges") or []:
        if not one.get("cidrAddress") or not one.get("@odata.type"):
            raise _ca_error(1042, "Each IP range needs @odata.type and cidrAddress.")
    return kind, values


def create_location(service: Service, request: Request) -> Response:
    kind, values = _location_values(service, request, create=True)
    now = service.now_iso()
    obj: Obj = {
        "@odata.type": kind,
        **values,
        "id": new_id(service),
        "createdDateTime": now,
        "modifiedDateTime": now,
    }
    if "ip" in kind:
        obj.setdefault("isTrusted", False)
    else:
        obj.setdefault("includeUnknownCountriesAndRegions", False)
        obj.setdefault("countryLookupMethod", "clientIpAddress")
    return _created(service, request, LOCATIONS, obj)


def patch_location(service: Service, request: Request) -> Response:
    kind, values = _location_values(service, request, create=False)
    before = _addressed(service, request, LOCATIONS)
    if before["@odata.type"] != kind:
        raise _ca_error(1043, "The kind of a named location can't be changed.")
    return _changed(service, request, LOCATIONS, before, {**before, **values})


def _location_can_go(service: Service, location: Obj) -> None:
    if location["@odata.type"] == COMPLIANT_NETWORK:
        service.rules.lean("location.compliant-network")
        raise _ca_error(1044, "This named location can't be deleted.")
    for policy in service.store.tables[POLICIES.table].values():
        named = (policy.get("conditions") or {}).get("locations") or {}
        if any(location["id"] in (named.get(n) or []) for n in ("includeLocations", "excludeLocations")):
            service.rules.lean("location.delete-referenced")
            raise _ca_error(1050, "The named location is referenced by a policy and can't be deleted.")
    if location.get("isTrusted"):
        service.rules.lean("location.delete-trusted")
        raise _ca_error(1051, "A trusted named location can't be deleted; set isTrusted to false first.")


# --- the bin


def restore_ca(service: Service, request: Request) -> Response:
    rule, table = _place(request)
    key = request.params["id"]
    binned = _visible(service, request, rule, table, service.store.view())
    service.rules.lean("auth.policy-bin")
    obj = {**binned, "deletedDateTime": None}
    if rule is LOCATIONS:
        service.rules.lean("ca.bin-location")
        if "isTrusted" in obj:
            obj["isTrusted"] = False
    else:
        service.rules.lean("ca.bin-state")
        readable(service, request, rule, obj)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put(table, key, None)
        service.store.put(rule.table, key, obj)
        audit.record(service, request, "Restore", rule, obj)
    return Response(200, shown(service, request, rule, obj))


def purge_ca(service: Service, request: Request) -> Response:
    rule, table = _place(request)
    service.rules.lean("ca.bin-app-only")
    obj = _visible(service, request, rule, table, service.store.view())
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put(table, obj["id"], None)
        audit.record(service, request, "Hard Delete", rule, obj)
    return Response(204)


route("POST", f"{ROOT}/policies", create_policy)
route("PATCH", f"{ROOT}/policies/{{id}}", patch_policy)
route("POST", f"{ROOT}/namedLocations", create_location)
route("PATCH", f"{ROOT}/namedLocations/{{id}}", patch_location)
for _name in ("policies", "namedLocations"):
    for _root in (ROOT, f"{ROOT}/deletedItems"):
        route("GET", f"{_root}/{_name}", list_ca)
        route("GET", f"{_root}/{_name}/{{id}}", get_ca)
    route("DELETE", f"{ROOT}/{_name}/{{id}}", delete_ca)
    route("POST", f"{ROOT}/deletedItems/{_name}/{{id}}/restore", restore_ca)
    route("DELETE", f"{ROOT}/deletedItems/{_name}/{{id}}", purge_ca)

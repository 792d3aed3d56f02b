"""The authentication methods policy: a singleton, and one configuration per method, each written on its own."""

from __future__ import annotations

from typing import Any

from . import schema, small
from .errors import bad_request, not_found
from .reading import table_of
from .rendering import default_columns, render
from .rules.methods import METHODS
from .rules.types import METHOD_CONFIGURATIONS, METHODS_POLICY
from .service import Request, Response, Service, route
from .store import View
from .writing import checked, update

Obj = dict[str, Any]
POLICY = "authenticationMethodsPolicy"
TABLE = METHOD_CONFIGURATIONS.table
_STEPS = ("preMigration", "migrationInProgress", "migrationComplete")


# --- reading


def shown(obj: Obj) -> Obj:
    """A configuration whole; its targets are a relationship in the metadata, and shown inline."""
    shape = schema.shape(schema.load(METHODS[obj["id"]].model))
    columns = tuple((n, p.collection) for n, p in shape.properties.items())
    out = {"@odata.type": METHODS[obj["id"]].odata_type, **render(obj, columns)}
    for name in shape.relationships:
        out[name] = obj.get(name, [])
    return out


def _configurations(view: View) -> list[Obj]:
    found = (view.get(TABLE, key) for key in view.ids(TABLE))
    return [shown(obj) for obj in found if obj is not None]


def get_policy(service: Service, request: Request) -> Response:
    view = service.view(request)
    obj = view.get(POLICY, POLICY)
    assert obj is not None
    item = render(obj, default_columns(POLICY, request.beta))
    item["authenticationMethodConfigurations"] = _configurations(view)
    return small.single(service, request, item, frozenset(item))


def list_configurations(service: Service, request: Request) -> Response:
    return small.page(service, request, _configurations(service.view(request)), frozenset(("id", "state")))


def _key(request: Request) -> str:
    """The id in its own spelling; paths may write it in any case."""
    asked = request.params["id"].casefold()
    for key in METHODS:
        if key.casefold() == asked:
            return key
    raise not_found(request.params["id"])


def get_configuration(service: Service, request: Request) -> Response:
    obj = service.view(request).get(TABLE, _key(request))
    if obj is None:
        raise not_found(request.params["id"])
    item = shown(obj)
    return small.single(service, request, item, frozenset(item))


# --- writing


def patch_policy(service: Service, request: Request) -> Response:
    values = checked(service, request, METHODS_POLICY, request.json(), create=False)
    before = service.store.get(POLICY, POLICY)
    assert before is not None
    step = values.get("policyMigrationState")
    if step is not None and before["policyMigrationState"] == _STEPS[-1] != step:
        service.rules.lean("methods.migration-back")
        raise bad_request("A completed migration of the authentication methods policy can't be taken back.")
    after = {**before, **values, "lastModifiedDateTime": service.now_iso()}
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, METHODS_POLICY, before, after)
    return Response(204)


def patch_configuration(service: Service, request: Request) -> Response:
    key = _key(request)
    method = METHODS[key]
    body = request.json()
    kind = str(body.get("@odata.type", ""))
    if kind.removeprefix("#") != method.odata_type.removeprefix("#"):
        service.rules.lean("methods.type")
        raise bad_request(f"@odata.type must be '{method.odata_type}'.", "BadRequest")
    model = schema.load(method.model)
    relationships = schema.shape(model).relationships
    values = {k: v for k, v in body.items() if "@odata." not in k and k not in relationships}
    schema.check(values, model, preview=request.beta)
    if values.get("id", key) != key:
        raise bad_request("Property 'id' is read-only and cannot be set.")
    if "state" in values and values["state"] is None:
        raise bad_request("Invalid value specified for property 'state' of resource.")
    inline = {k: v for k, v in body.items() if k in relationships}
    for name, held in inline.items():
        _check_inline(request, name, held, relationships[name].model)
    for name in ("includeTargets", "excludeTargets"):
        _check_targets(service, request, body.get(name) or [])
    before = service.store.get(TABLE, key)
    if before is None:
        raise not_found(key)
    service.rules.lean("methods.replaced")
    after = {**before, **values, **inline, "id": key}
    _check_profiles(service, before, after)
    policy = service.store.get(POLICY, POLICY)
    assert policy is not None
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, METHOD_CONFIGURATIONS, before, after)
        service.store.put(POLICY, POLICY, {**policy, "lastModifiedDateTime": service.now_iso()})
    return Response(204)


def _check_inline(request: Request, name: str, held: Any, model: type | None) -> None:
    if not isinstance(held, list) or not all(isinstance(one, dict) for one in held):
        raise bad_request(f"Invalid value specified for property '{name}': expected a collection of objects.")
    assert model is not None
    for one in held:
        schema.check(one, model, preview=request.beta, prefix=f"{name}/")


def _check_profiles(service: Service, before: Obj, after: Obj) -> None:
    """What a target names is there, and the default stays."""
    held = {str(one.get("id")).casefold() for one in after.get("passkeyProfiles") or ()}
    default = before.get("defaultPasskeyProfile")
    if default and (default.casefold() not in held or not after.get("defaultPasskeyProfile")):
        service.rules.lean("methods.default-profile")
        raise bad_request("The default passkey profile can't be deleted.", "BadRequest")
    for target in after.get("includeTargets") or ():
        for name in target.get("allowedPasskeyProfiles") or ():
            if str(name).casefold() not in held:
                service.rules.lean("methods.profiles-exist")
                raise bad_request(f"The passkey profile '{name}' does not exist.", "BadRequest")


def _check_targets(service: Service, request: Request, targets: list[Obj]) -> None:
    view = service.view(request)
    for one in targets:
        key, kind = one.get("id"), one.get("targetType")
        if not isinstance(key, str) or kind not in ("user", "group"):
            raise bad_request("A target needs an id and a targetType.", "BadRequest")
        if key != "all_users" and table_of(view, key) != f"{kind}s":
            service.rules.lean("methods.targets-exist")
            raise bad_request(f"The target '{key}' does not exist.", "BadRequest")
        for profile in one.get("verifiedIdProfiles") or []:
            if view.get("verifiedIdProfiles", profile) is None:
                service.rules.lean("methods.verified-ids-exist")
                raise bad_request(f"The profile '{profile}' does not exist.", "BadRequest")


route("GET", METHODS_POLICY.root, get_policy)
route("PATCH", METHODS_POLICY.root, patch_policy)
_PARTS = f"{METHODS_POLICY.root}/authenticationMethodConfigurations"
route("GET", _PARTS, list_configurations)
route("GET", f"{_PARTS}/{{id}}", get_configuration)
route("PATCH", f"{_PARTS}/{{id}}", patch_configuration)

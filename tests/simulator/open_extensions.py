"""Open extensions: read, made, replaced and deleted below the object that they hang on.

They live in a table of their own, by owner and name, and are out of sight while their owner is in the bin.
"""

from __future__ import annotations

from typing import Any

from . import small
from .errors import GraphError, bad_request, not_found
from .rules.types import OPEN_EXTENSIONS
from .service import Request, Response, Service, route
from .store import View

Obj = dict[str, Any]
TABLE = OPEN_EXTENSIONS
TYPE = "#microsoft.graph.openTypeExtension"
OWNERS = {
    "users": "/users",
    "groups": "/groups",
    "devices": "/devices",
    "administrativeUnits": "/directory/administrativeUnits",
    "organization": "/organization",
}
_OPTIONS = frozenset(("id", "extensionName"))


def _owner(view: View, request: Request) -> str:
    table = next(name for name, path in OWNERS.items() if request.template.startswith(f"{path}/"))
    key = request.params["id"]
    if view.get(table, key) is None:
        raise not_found(key)
    return key


def _key(owner: str, name: str) -> str:
    return f"{owner}/{name.removeprefix(TYPE[1:] + '.')}"


def _shown(obj: Obj) -> Obj:
    return {"@odata.type": TYPE, **{name: value for name, value in obj.items() if name != "_owner"}}


def _held(view: View, owner: str) -> list[Obj]:
    keys = (key for key in view.ids(TABLE) if key.startswith(f"{owner}/"))
    return [obj for key in keys if (obj := view.get(TABLE, key)) is not None]


def list_extensions(service: Service, request: Request) -> Response:
    view = service.view(request)
    service.rules.lean("extension.own-path")
    return small.page(service, request, [_shown(one) for one in _held(view, _owner(view, request))], _OPTIONS)


def get_extension(service: Service, request: Request) -> Response:
    return Response(200, _shown(_one(service.view(request), request)))


def _one(view: View, request: Request) -> Obj:
    obj = view.get(TABLE, _key(_owner(view, request), request.params["child"]))
    if obj is None:
        raise not_found(request.params["child"])
    return obj


def _values(service: Service, request: Request) -> Obj:
    body = request.json()
    kind = str(body.get("@odata.type", "")).lstrip("#")
    if kind != TYPE[1:] or not body.get("extensionName"):
        service.rules.lean("extension.required")
        raise bad_request("@odata.type and extensionName are required.", "BadRequest")
    values = {name: value for name, value in body.items() if "@" not in name}
    for name, value in values.items():
        if isinstance(value, dict) or (
            isinstance(value, list) and any(isinstance(one, dict | list) for one in value)
        ):
            service.rules.lean("extension.primitive")
            raise bad_request(f"'{name}' must be a primitive value or a list of those.", "BadRequest")
    return values


def create_extension(service: Service, request: Request) -> Response:
    owner = _owner(service.view(request), request)
    values = _values(service, request)
    key = _key(owner, str(values["extensionName"]))
    if service.store.get(TABLE, key) is not None:
        service.rules.lean("extension.unique")
        raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", "The extension exists already.")
    obj = {**values, "id": f"{TYPE[1:]}.{values['extensionName']}", "_owner": owner}
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put(TABLE, key, obj)
    return Response(201, _shown(obj))


def change_extension(service: Service, request: Request) -> Response:
    """What the body doesn't name is deleted."""
    before = _one(service.view(request), request)
    values = _values(service, request)
    service.rules.lean("extension.replaced")
    obj = {**values, "id": before["id"], "extensionName": before["extensionName"], "_owner": before["_owner"]}
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put(TABLE, _key(before["_owner"], before["extensionName"]), obj)
    return Response(200, _shown(obj))


def delete_extension(service: Service, request: Request) -> Response:
    obj = _one(service.view(request), request)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put(TABLE, _key(obj["_owner"], obj["extensionName"]), None)
    return Response(204)


def forget(service: Service, owner: str) -> None:
    """Those of an object that is gone for good."""
    for key in [key for key in service.store.tables[TABLE] if key.startswith(f"{owner}/")]:
        service.store.put(TABLE, key, None)


for _path in OWNERS.values():
    route("GET", f"{_path}/{{id}}/extensions", list_extensions)
    route("POST", f"{_path}/{{id}}/extensions", create_extension)
    route("GET", f"{_path}/{{id}}/extensions/{{child}}", get_extension)
    route("PATCH", f"{_path}/{{id}}/extensions/{{child}}", change_extension)
    route("DELETE", f"{_path}/{{id}}/extensions/{{child}}", delete_extension)

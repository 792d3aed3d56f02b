"""Definitions of directory extensions, which live under their application."""

from __future__ import annotations

import re
from typing import Any

from . import audit
from .directory_extensions import DATA_TYPES, FOREIGN, KINDS, PARENT, live
from .errors import bad_request, conflict
from .reading import find_child
from .rendering import default_columns, render
from .rules.types import EXTENSION_PROPERTIES, TYPES
from .service import Request, Response, Service, route
from .writing import checked, existing, new_id

Obj = dict[str, Any]
_TARGETS = frozenset((*KINDS.values(), "Device"))
_SHORT = re.compile(r"\w{1,100}", re.ASCII)
_LISTED_UP_TO = 1000  # service principals


def create_property(service: Service, request: Request) -> Response:
    rule = EXTENSION_PROPERTIES
    values = checked(service, request, rule, request.json(), create=True)
    parent, app = existing(service, request, "applications")
    if _SHORT.fullmatch(values["name"]) is None or values["name"].startswith("extension_"):
        raise bad_request(f"Invalid name '{values['name']}' of an extension property.")
    if values["dataType"] not in DATA_TYPES:
        raise bad_request(f"Invalid dataType '{values['dataType']}' of an extension property.")
    if not values["targetObjects"] or not set(values["targetObjects"]) <= _TARGETS:
        raise bad_request("Invalid targetObjects of an extension property.")
    service.rules.lean("extension.full-name")
    name = f"extension_{app['appId'].replace('-', '')}_{values['name']}"
    if service.store.find(rule.table, "name", name) is not None:
        raise conflict("name", "An extension property exists with the name " + name)
    obj = {
        "isMultiValued": False,
        **values,
        "id": new_id(service),
        "name": name,
        "appDisplayName": app["displayName"],
        "isSyncedFromOnPremises": False,
    }
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put(rule.table, obj["id"], obj)
        service.store.link(PARENT, parent, obj["id"])
        audit.record(service, request, "Update", TYPES["applications"], app, extra=("ExtensionProperties",))
    context = service.context(request, f"applications('{parent}')/extensionProperties/$entity")
    return Response(201, {"@odata.context": context, **render(obj, default_columns(rule.table, request.beta))})


def delete_property(service: Service, request: Request) -> Response:
    parent, app = existing(service, request, "applications")
    view = service.view(request)
    obj = find_child(service, request, view, "applications", parent, "extensionProperties", request.params["child"])
    service.rules.lean("extension.values-kept")
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.link(PARENT, parent, obj["id"], present=False)
        service.store.put("extensionProperties", obj["id"], None)
        audit.record(service, request, "Update", TYPES["applications"], app, extra=("ExtensionProperties",))
    return Response(204)


def list_available(service: Service, request: Request) -> Response:
    asked = request.json()
    if unknown := set(asked) - {"isSyncedFromOnPremises"}:
        raise bad_request(f"Unknown parameters: {sorted(unknown)}.", "BadRequest")
    view = service.view(request)
    own = [view.get("extensionProperties", key) for key in view.ids("extensionProperties")]
    found = [one for one in own if one is not None and live(view, one)] + service.info.get(FOREIGN, [])
    if len(view.ids("servicePrincipals")) > _LISTED_UP_TO:
        service.rules.lean("extension.available-limit")
        found = []
    synced = asked.get("isSyncedFromOnPremises")
    columns = default_columns("extensionProperties", request.beta)
    shown = [render(one, columns) for one in found if synced is None or one["isSyncedFromOnPremises"] == synced]
    return Response(200, {"@odata.context": service.context(request, "extensionProperties"), "value": shown})


route("POST", "/applications/{id}/extensionProperties", create_property)
route("DELETE", "/applications/{id}/extensionProperties/{child}", delete_property)
route("POST", "/directoryObjects/getAvailableExtensionProperties", list_available)

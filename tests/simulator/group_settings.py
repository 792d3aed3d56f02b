"""Tenant-wide group settings: one object per template, all of its values as strings."""

from __future__ import annotations

import re
from typing import Any

from . import audit, small
from .errors import bad_request, not_found
from .rendering import all_columns, default_columns, render
from .rules.settings import TEMPLATES, UNIFIED_GUEST
from .rules.types import GROUP_SETTINGS, SETTING_TEMPLATES
from .schema import is_guid
from .service import Request, Response, Service, route
from .writing import check_unique, checked, created, existing, new_id, store_new, update

Obj = dict[str, Any]
_NUMBER = re.compile(r"-?[0-9]+")


def _v1_only(request: Request) -> None:
    if request.beta:
        segment = request.path.split("/")[1]
        raise bad_request(f"Resource not found for the segment '{segment}'.", "BadRequest")


def list_settings(service: Service, request: Request) -> Response:
    _v1_only(request)
    view = service.view(request)
    columns = default_columns(GROUP_SETTINGS.table, False)
    found = (view.get(GROUP_SETTINGS.table, key) for key in view.ids(GROUP_SETTINGS.table))
    items = [render(obj, columns) for obj in found if obj is not None]
    return small.page(service, request, items, frozenset(all_columns(GROUP_SETTINGS.table, False)))


def get_setting(service: Service, request: Request) -> Response:
    _v1_only(request)
    obj = service.view(request).get(GROUP_SETTINGS.table, request.params["id"])
    if obj is None:
        raise not_found(request.params["id"])
    item = render(obj, default_columns(GROUP_SETTINGS.table, False))
    return small.single(service, request, item, frozenset(item))


def list_templates(service: Service, request: Request) -> Response:
    _v1_only(request)
    columns = default_columns(SETTING_TEMPLATES.table, False)
    items = [render(TEMPLATES[key], columns) for key in sorted(TEMPLATES)]
    return small.page(service, request, items, frozenset(all_columns(SETTING_TEMPLATES.table, False)))


def get_template(service: Service, request: Request) -> Response:
    _v1_only(request)
    obj = TEMPLATES.get(request.params["id"])
    if obj is None:
        raise not_found(request.params["id"])
    item = render(obj, default_columns(SETTING_TEMPLATES.table, False))
    return small.single(service, request, item, frozenset(item))


def _fits(kind: str, value: str) -> bool:
    if kind == "System.Boolean":
        return value.casefold() in ("true", "false")
    if kind == "System.Int32":
        return _NUMBER.fullmatch(value) is not None
    return kind != "System.Guid" or value == "" or is_guid(value)


def _check_values(service: Service, template: Obj, values: list[Obj]) -> None:
    kinds = {one["name"]: one["type"] for one in template["values"]}
    given = {one.get("name"): one.get("value") for one in values}
    if set(given) != set(kinds) or len(given) != len(values):
        service.rules.lean("setting.every-value")
        raise bad_request("The values must be exactly those of the template, each once.")
    for name, value in given.items():
        if not isinstance(value, str) or not _fits(kinds[name], value):
            service.rules.lean("setting.value-types")
            raise bad_request(f"The value of '{name}' must be a string that reads as {kinds[name]}.")


def create_setting(service: Service, request: Request) -> Response:
    _v1_only(request)
    values = checked(service, request, GROUP_SETTINGS, request.json(), create=True)
    template = TEMPLATES.get(values["templateId"])
    if template is None or template["id"] == UNIFIED_GUEST:
        service.rules.lean("setting.template")
        raise bad_request("The templateId names no template of tenant-wide settings.")
    check_unique(service, GROUP_SETTINGS, values, None)
    _check_values(service, template, values["values"])
    obj: Obj = {**values, "id": new_id(service), "displayName": template["displayName"]}
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        store_new(service, request, GROUP_SETTINGS, obj)
    return created(service, request, GROUP_SETTINGS.table, obj)


def patch_setting(service: Service, request: Request) -> Response:
    _v1_only(request)
    values = checked(service, request, GROUP_SETTINGS, request.json(), create=False)
    _, before = existing(service, request, GROUP_SETTINGS.table)
    if "values" in values:
        _check_values(service, TEMPLATES[before["templateId"]], values["values"])
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        update(service, request, GROUP_SETTINGS, before, {**before, **values})
    return Response(204)


def delete_setting(service: Service, request: Request) -> Response:
    _v1_only(request)
    key, obj = existing(service, request, GROUP_SETTINGS.table)
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put(GROUP_SETTINGS.table, key, None)
        audit.record(service, request, "Delete", GROUP_SETTINGS, obj)
    return Response(204)


route("GET", GROUP_SETTINGS.root, list_settings)
route("POST", GROUP_SETTINGS.root, create_setting)
route("GET", f"{GROUP_SETTINGS.root}/{{id}}", get_setting)
route("PATCH", f"{GROUP_SETTINGS.root}/{{id}}", patch_setting)
route("DELETE", f"{GROUP_SETTINGS.root}/{{id}}", delete_setting)
route("GET", SETTING_TEMPLATES.root, list_templates)
route("GET", f"{SETTING_TEMPLATES.root}/{{id}}", get_template)

"""What has a path of its own below its object: files (logos, photos, style sheets), schemas of provisioning jobs.

Files are kept as media type and base64 text, so that a tenant's state is JSON. What must stay true: an object shows
the address of a file exactly as long as it has one, and another address for another file.
"""

from __future__ import annotations

import base64
import functools
from typing import Any

from . import audit, schema
from .errors import GraphError, bad_request, not_found
from .rules.apart import APART, Apart, address
from .rules.types import TYPES
from .service import Request, Response, Service, route
from .store import View

Obj = dict[str, Any]


STAMP = "_apartAt"  # of an object: when such a member was last written


def with_file(table: str, obj: Obj, name: str, held: Any) -> Obj:
    """The object with a member of its own path, and the address that it then shows."""
    one = next(row for row in APART if (row.table, row.name) == (table, name))
    after = {**obj, one.held: {**obj.get(one.held, {}), name: held}}
    if held is None:
        del after[one.held][name]
    if not one.address:
        return after
    first, _, rest = one.address.partition(".")
    shown = None if held is None else address(obj["id"], name, held)
    if rest:
        shown = shown and f"https://aadcdn.example/{shown}"
        return {**after, first: {**(obj.get(first) or {}), rest: shown}}
    return {**after, first: shown}


def _object(service: Service, request: Request, one: Apart, view: View) -> Obj:
    key = request.params[one.key]
    obj = view.get(one.table, key)
    if obj is None or (one.key == "child" and obj["_parent"] != request.params["id"]):
        raise not_found(key)
    return obj


def _read(one: Apart, service: Service, request: Request) -> Response:
    obj = _object(service, request, one, service.view(request))
    held = obj.get(one.held, {}).get(one.name)
    if held is None:
        service.rules.lean("apart.none")
        raise not_found(one.name)
    if not one.media_types:
        stamps = {name: f"{begin}{obj.get(STAMP, '2026-01-05T08:00:00Z')}" for name, begin in one.computed.items()}
        return Response(200, {"@odata.context": service.context(request, f"{one.name}/$entity"), **held, **stamps})
    media_type, text = held
    return Response(200, {"#file": base64.b64decode(text), "#type": media_type})


def _write(one: Apart, service: Service, request: Request) -> Response:
    _object(service, request, one, service.view(request))
    before = _object(service, request, one, service.store.view())
    value = _file(service, one, request) if one.media_types else _json(service, one, request)
    return _keep(service, request, one, before, value)


def _delete(one: Apart, service: Service, request: Request) -> Response:
    before = _object(service, request, one, service.store.view())
    if before.get(one.held, {}).get(one.name) is None:
        raise not_found(one.name)
    if one.media_types:
        service.rules.lean("apart.file-delete")
    return _keep(service, request, one, before, None)


def _keep(service: Service, request: Request, one: Apart, before: Obj, value: Any) -> Response:
    after = {**with_file(one.table, before, one.name, value), STAMP: service.now_iso()}
    with service.store.transaction(request.method, request.path, request.principal.app_id):
        service.store.put(one.table, after["id"], after)
        audit.record(service, request, "Update", TYPES[one.table], after, extra=(one.name,))
    return Response(204)


def _file(service: Service, one: Apart, request: Request) -> list[str]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in one.media_types or not isinstance(request.body, bytes) or not request.body:
        service.rules.lean("apart.media-type")
        raise GraphError(415, "UnsupportedMediaType", f"'{one.name}' is one of {', '.join(one.media_types)}.")
    if len(request.body) > one.most:
        service.rules.lean("apart.size")
        raise bad_request(f"'{one.name}' must not be larger than {one.most} bytes.")
    return [media_type, base64.b64encode(request.body).decode("ascii")]


def _json(service: Service, one: Apart, request: Request) -> Obj:
    given = {name: value for name, value in request.json().items() if not name.startswith("@")}
    body = {name: value for name, value in given.items() if name not in ("id", *one.computed)}
    if strange := body.keys() - set(one.members):
        raise bad_request(f"Could not find a property named '{sorted(strange)[0]}' on '{one.name}'.")
    shape = schema.shape(schema.load(one.model))
    rest = {name: value for name, value in body.items() if name not in shape.relationships}
    schema.check(rest, schema.load(one.model), preview=request.beta, prefix=f"{one.name}/")
    service.rules.lean("apart.put-whole")
    return {"id": given.get("id"), **{name: [] for name in one.members}, **body}


for _one in APART:
    route("GET", _one.path, functools.partial(_read, _one))
    route("PUT", _one.path, functools.partial(_write, _one))
    if _one.delete:
        route("DELETE", _one.path, functools.partial(_delete, _one))

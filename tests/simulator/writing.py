"""Creating, changing and deleting directory objects: the checks that every type shares, then the type's own.

What must stay true: everything is validated before anything is stored, and a write is one transaction with its
audit event.
"""

from __future__ import annotations

import uuid
from typing import Any

from . import audit, directory_extensions, schema, security_attributes
from .errors import GraphError, bad_request, conflict, not_found
from .reading import resolve, table_of
from .rendering import default_columns, render, without_keys
from .rules.types import TYPES, TypeRule
from .service import Request, Response, Service
from .store import View

Obj = dict[str, Any]
ZERO = "00000000-0000-0000-0000-000000000000"
MAX_BIND = 20


def new_id(service: Service) -> str:
    return str(uuid.UUID(int=service.rng.getrandbits(128), version=4))


# --- checks shared by all types


def checked(
    service: Service,
    request: Request,
    rule: TypeRule,
    body: Obj,
    *,
    create: bool,
    bindable: tuple[str, ...] = (),
    model: type | None = None,
) -> Obj:
    """The body's own values after the property rules; annotations and binds left out."""
    for name in body:
        relationship, bind, _ = name.partition("@odata.bind")
        if bind and relationship not in bindable:
            service.rules.lean("write.bind")
            raise bad_request(f"The relationship '{relationship}' can't be bound in this request.", "BadRequest")
        if name.startswith("#"):
            service.rules.lean("write.annotations")
            raise bad_request(f"The action advertisement '{name}' can't be written.", "BadRequest")
    values = {k: v for k, v in body.items() if "@odata." not in k}
    if len(values) != len(body):
        service.rules.lean("write.annotations")
    model = model or schema.load(rule.model)
    extended = directory_extensions.checked(service, service.view(request), rule.table, values)
    values = {k: v for k, v in values.items() if k not in extended}
    if rule.table in security_attributes.TABLES and values.get(security_attributes.MEMBER) is not None:
        attributes = values.pop(security_attributes.MEMBER)
        extended[security_attributes.MEMBER] = security_attributes.checked(service, request, attributes)
    schema.check(
        values,
        model,
        preview=request.beta,
        null_collections=rule.table == "conditionalAccessPolicies",
    )
    shape = schema.shape(model).properties
    for name, value in values.items():
        if value is None and shape[name].collection:
            raise bad_request(
                f"Invalid value specified for property '{name}' of resource: a collection can't be null."
            )
        if name in rule.read_only:
            service.rules.lean("write.read-only")
            if name in ("mail", "proxyAddresses"):
                service.rules.lean("user.mail-computed")
            raise bad_request(f"Property '{name}' is read-only and cannot be set.")
        if not create and name in rule.write_once:
            service.rules.lean("write.once")
            raise bad_request(f"Property '{name}' cannot be changed after creation.")
    if create:
        for name in rule.required:
            if values.get(name) is None:
                service.rules.lean("write.required")
                raise bad_request(f"A value is required for property '{name}' of resource.")
    elif any(values.get(name, "") is None for name in rule.required):
        service.rules.lean("write.required")
        raise bad_request("Invalid value specified for a required property of resource: null.")
    return {**values, **extended}


def check_unique(service: Service, rule: TypeRule, values: Obj, own_id: str | None) -> None:
    for name in rule.unique:
        held = values.get(name)
        for value in held if isinstance(held, list) else [held]:
            if value is None:
                continue
            holder = service.store.find(rule.table, name, value)
            if holder is None and name in rule.reserved_in_bin:
                holder = service.store.find(f"bin:{rule.table}", name, value)
                if holder is not None:
                    service.rules.lean("app.names-kept-in-bin")
            if holder is not None and holder != own_id:
                raise conflict(name)


def merge(service: Service, rule: TypeRule, obj: Obj, values: Obj, model: type | None = None) -> Obj:
    """The object after a PATCH. Complex members merge or are replaced, as the type does."""
    out = dict(obj)
    shape = schema.shape(model or schema.load(rule.model)).properties
    for name, value in values.items():
        prop = shape.get(name)
        if name == security_attributes.MEMBER:
            out[name] = security_attributes.merged(obj.get(name), value or {})
            continue
        nested = prop is not None and prop.kind == "complex" and not prop.collection
        if nested and rule.merges_nested and isinstance(value, dict) and isinstance(obj.get(name), dict):
            service.rules.lean("write.merge-nested")
            out[name] = {**obj[name], **value}
        else:
            out[name] = value
    return out


def reference_id(value: Any) -> str:
    """`https://graph.microsoft.com/v1.0/directoryObjects/{id}` -> the id."""
    if not isinstance(value, str) or "://" not in value:
        raise bad_request("A resource reference must be an absolute URI ending in an object id.")
    found = value.rstrip("/").rsplit("/", 1)[-1].rstrip("')").split("('")[-1]
    if not schema.is_guid(found):
        raise bad_request(f"Invalid object identifier '{found}'.")
    return found


def binds(body: Obj, name: str) -> list[str]:
    value = body.get(f"{name}@odata.bind")
    if value is None:
        return []
    return [reference_id(v) for v in (value if isinstance(value, list) else [value])]


def visible_target(service: Service, request: Request, view: View, key: str, tables: tuple[str, ...]) -> str:
    """The table of an object that a write refers to; 400 if it isn't there (yet)."""
    table = table_of(view, key)
    if table is None:
        if table_of(service.store.view(), key) is not None:
            service.rules.lean("lag.writes")
        missing = not_found(key)
        raise bad_request(missing.message)
    if table not in tables:
        raise bad_request(f"The object '{key}' is of a type that this relationship doesn't take.")
    return table


def caller_object(service: Service, request: Request) -> str | None:
    """The service principal that calls, if the tenant has one."""
    found = service.store.find("servicePrincipals", "appId", request.principal.app_id)
    return None if request.principal.delegated else found


def created(service: Service, request: Request, table: str, obj: Obj) -> Response:
    columns = default_columns(table, request.beta)
    body: Obj = {
        "@odata.context": service.context(request, f"{TYPES[table].root.strip('/')}/$entity"),
        **render(without_keys(obj), columns),
    }
    return Response(201, body)


def existing(service: Service, request: Request, table: str) -> tuple[str, Obj]:
    """The object that a write is addressed to: visible on the replica, values from the truth."""
    view = service.view(request)
    try:
        key = resolve(service, view, table, request.params["id"])
    except GraphError:
        service.rules.lean("lag.writes")
        raise
    obj = service.store.get(table, key)
    if obj is None:
        raise not_found(key)
    return key, obj


def store_new(service: Service, request: Request, rule: TypeRule, obj: Obj) -> None:
    service.store.put(rule.table, obj["id"], obj)
    audit.record(service, request, "Add", rule, obj, after=obj)


def update(service: Service, request: Request, rule: TypeRule, before: Obj, after: Obj) -> None:
    if after == before:
        return
    service.store.put(rule.table, after["id"], after)
    audit.record(service, request, "Update", rule, after, before=before, after=after)


def security_identifier(key: str) -> str:
    raw = uuid.UUID(key).bytes_le
    parts = (int.from_bytes(raw[i : i + 4], "little") for i in range(0, 16, 4))
    return "S-1-12-1-" + "-".join(str(p) for p in parts)

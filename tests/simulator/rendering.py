"""From stored objects (sparse, no annotations) to the JSON that Graph shows.

What must stay true: nothing secret is ever rendered, every selected property is present (null or []), and v1.0
never shows a preview member.
"""

from __future__ import annotations

import functools
from typing import Any

from . import schema
from .errors import GraphError, bad_request
from .rules.preview import COMPLIANT_NETWORK_LOCATION
from .rules.registry import words
from .rules.types import COMPLIANT_NETWORK, LOCATION_MODELS, TYPES, TypeRule

Obj = dict[str, Any]
Columns = tuple[tuple[str, bool], ...]  # name, is a collection


def model_of(rule: TypeRule, obj: Obj | None = None) -> type:
    if rule.table == "namedLocations" and obj is not None:
        path = LOCATION_MODELS.get(obj.get("@odata.type", ""))
        if path is not None:
            return schema.load(path)
    return schema.load(rule.model)


@functools.cache
def all_columns(table: str, beta: bool) -> dict[str, bool]:
    model = schema.load(TYPES[table].model)
    properties = schema.shape(model).properties
    return {name: properties[name].collection for name in schema.names(model, preview=beta)}


@functools.cache
def default_columns(table: str, beta: bool) -> Columns:
    rule = TYPES[table]
    known = all_columns(table, beta)
    if rule.default_select is not None:
        return tuple((name, known[name]) for name in rule.default_select)
    hidden = rule.only_on_select | rule.only_on_single_get
    return tuple((name, many) for name, many in known.items() if name not in hidden)


@functools.cache
def selected_columns(table: str, select: tuple[str, ...], beta: bool, single: bool) -> Columns:
    """Check a $select. Relationship names are let through by the caller (delta tracks them)."""
    rule = TYPES[table]
    known = all_columns(table, beta)
    out: list[tuple[str, bool]] = []
    for name in select:
        if name not in known:
            raise bad_request(
                f"Could not find a property named '{name}' on type '{rule.odata_type.lstrip('#')}'.", "BadRequest"
            )
        if name in rule.only_on_single_get and not single:
            raise GraphError(501, "NotImplemented", f"The property '{name}' can only be read from a single object.")
        out.append((name, known[name]))
    return tuple(out)


def warm() -> None:
    """Read the SDK's models before the first request needs them."""
    for table in TYPES:
        all_columns(table, True)
    render_policy({"conditions": {}, "grantControls": {}, "sessionControls": {}}, beta=True)


def render(obj: Obj, columns: Columns) -> Obj:
    out: Obj = {}
    for name, many in columns:
        value = obj.get(name)
        out[name] = [] if value is None and many else value
    return out


def derived(obj: Obj) -> Obj:
    """The type of an object that is of another one than its collection. Every answer says so."""
    return {"@odata.type": obj["@odata.type"]} if "@odata.type" in obj else {}


def without_keys(obj: Obj) -> Obj:
    """keyCredentials without the key bytes."""
    if not obj.get("keyCredentials"):
        return obj
    return {**obj, "keyCredentials": [{**k, "key": None} for k in obj["keyCredentials"]]}


# --- conditional access: whole objects, in the shape of the version asked for

_LOCATION_BASE = ("id", "displayName", "modifiedDateTime", "createdDateTime", "deletedDateTime")


def render_location(obj: Obj, *, beta: bool) -> Obj:
    kind = obj["@odata.type"]
    out: Obj = {"@odata.type": kind}
    for name in _LOCATION_BASE:
        out[name] = obj.get(name)
    if kind == COMPLIANT_NETWORK:
        if beta:
            for member in COMPLIANT_NETWORK_LOCATION:
                out[member.name] = obj.get(member.name)
        return out
    for name, prop in schema.shape(schema.load(LOCATION_MODELS[kind])).properties.items():
        if name not in out:
            value = obj.get(name)
            out[name] = [] if value is None and prop.collection else value
    return out


_POLICY_ORDER = words(
    "id templateId displayName createdDateTime modifiedDateTime state deletedDateTime "
    "partialEnablementStrategy sessionControls conditions grantControls"
)


def render_policy(obj: Obj, *, beta: bool) -> Obj:
    model = schema.load(TYPES["conditionalAccessPolicies"].model)
    known = schema.shape(model).properties
    out = {name: obj.get(name) for name in _POLICY_ORDER if beta or not known[name].preview}
    return _fill(out, model, beta=beta)


def _fill(value: Obj, model: type, *, beta: bool) -> Obj:
    """Nulls and empty collections for what the stored value leaves out, at every depth."""
    kind = value.get("@odata.type")
    out: Obj = {"@odata.type": kind} if kind else {}
    known = schema.shape(schema.concrete(model, value)).properties
    for name, held in value.items():
        prop = known.get(name)
        if prop is None or (prop.preview and not beta):
            continue
        if isinstance(held, dict) and prop.model is not None and name != "authenticationStrength":
            nested = schema.shape(schema.concrete(prop.model, held)).properties
            whole: Obj = {n: ([] if p.collection else None) for n, p in nested.items() if beta or not p.preview}
            held = _fill({**whole, **held}, prop.model, beta=beta)
        out[name] = held
    return out


def annotate(obj: Obj, model: type, odata_type: str | None = None) -> Obj:
    """The annotations that Graph adds with odata.metadata=full: types of enums, times and collections."""
    out: Obj = {} if odata_type is None else {"@odata.type": odata_type}
    known = schema.shape(model).properties
    for name, held in obj.items():
        if name == "@odata.type":
            continue
        prop = known.get(name)
        annotation = None if prop is None or held is None else _annotation(prop)
        if annotation is not None:
            out[f"{name}@odata.type"] = annotation
        if prop is not None and prop.model is not None and isinstance(held, dict):
            nested = schema.concrete(prop.model, held)
            kind = nested.__name__
            held = annotate(held, nested, f"#microsoft.graph.{kind[0].lower()}{kind[1:]}")
        out[name] = held
    return out


def _annotation(prop: schema.Property) -> str | None:
    if prop.kind == "enum" and prop.model is not None:
        kind = f"microsoft.graph.{prop.model.__name__[0].lower()}{prop.model.__name__[1:]}"
        return f"#Collection({kind})" if prop.collection else f"#{kind}"
    if prop.kind == "datetime":
        return "#DateTimeOffset"
    if prop.collection and prop.kind == "string":
        return "#Collection(String)"
    return None

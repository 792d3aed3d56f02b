"""Another valid value for any property, by its type in the msgraph-sdk models: what a round trip changes it to."""

from __future__ import annotations

import enum
import json
from typing import Any

from tests.simulator import schema
from tests.simulator.schema import Property

Obj = dict[str, Any]
_MOMENTS = ("2031-05-06T07:08:09Z", "2032-06-07T08:09:10Z")
_GUIDS = ("3f9a1c52-6c1e-4d0b-9a55-0d8a4cf0b001", "3f9a1c52-6c1e-4d0b-9a55-0d8a4cf0b002")


def meaning(value: Any) -> Any:
    """Null, absent and empty say the same; order in lists is each type's own matter and not looked at."""
    if isinstance(value, dict):
        members = {name: meaning(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member not in (None, [], "", {})}
    if isinstance(value, list):
        return sorted((meaning(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    return value


def changed(model: type, obj: Obj, names: tuple[str, ...], values: Obj) -> Obj:
    """A body that gives each of these properties another value than it has.

    `values`: what to take where not any value will do; of a tuple the first that is another,
    and of a function what it makes of the object."""
    shape = schema.shape(model)
    body: Obj = {}
    for name in names:
        if name not in shape.properties and name not in shape.relationships:
            continue  # of another kind of the type
        if name in values:
            body[name] = _given(values[name], obj, name)
        else:
            prop = shape.properties.get(name) or shape.relationships[name]
            body[name] = other(prop, obj.get(name))
        if body[name] == obj.get(name):
            raise AssertionError(f"{name} has the value that it should be changed to: {body[name]!r}")
    return body


def _given(given: Any, obj: Obj, name: str) -> Any:
    if callable(given):
        return given(obj)
    return next(one for one in given if one != obj.get(name)) if isinstance(given, tuple) else given


def other(prop: Property, value: Any) -> Any:
    if prop.collection:
        held = value or []
        if prop.kind == "complex":
            return held[1:] if held else []
        return [_other(prop, held[0] if held else None)]
    return _other(prop, value)


def _other(prop: Property, value: Any) -> Any:
    if prop.kind == "boolean":
        return not value
    if prop.kind in ("integer", "number"):
        return (value or 0) + 1
    if prop.kind == "datetime":
        return _MOMENTS[value == _MOMENTS[0]]
    if prop.kind == "guid":
        return _GUIDS[value == _GUIDS[0]]
    if prop.kind == "enum":
        return _other_member(prop, value)
    if prop.kind == "complex":
        return _other_object(prop, value)
    return f"{value or 'x'} changed"


def _other_member(prop: Property, value: Any) -> Any:
    assert prop.model is not None
    assert issubclass(prop.model, enum.Enum)
    members = [one.value for one in prop.model if one.value not in (value, "unknownFutureValue")]
    return members[0]


def _other_object(prop: Property, value: Any) -> Any:
    """The same object with each plain member another."""
    assert prop.model is not None
    held = value or {}
    shape = schema.shape(schema.concrete(prop.model, held))
    out = dict(held)
    for name, member in shape.properties.items():
        if member.kind == "complex" and not held.get(name):
            continue
        if not member.preview and "@odata" not in name:
            out[name] = other(member, held.get(name))
    return out

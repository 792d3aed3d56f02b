"""Custom security attributes on users and service principals: what values they take, and who sees them."""

from __future__ import annotations

from typing import Any

from .errors import bad_request, denied
from .service import Request, Service

Obj = dict[str, Any]
MEMBER = "customSecurityAttributes"
TABLES = ("users", "servicePrincipals")
_VALUE = "#microsoft.graph.customSecurityAttributeValue"
_KINDS: dict[str, tuple[type, str]] = {"String": (str, "String"), "Integer": (int, "Int32"), "Boolean": (bool, "")}


def checked(service: Service, request: Request, value: Any) -> Obj:
    """Values by set and name as they were sent, after the rules of their definitions; None takes one away."""
    if not service.may(request, "CustomSecAttributeAssignment.ReadWrite.All"):
        raise denied()
    if not isinstance(value, dict):
        raise bad_request(f"Invalid value specified for property '{MEMBER}'.")
    return {name: _set(service, request, name, held) for name, held in value.items()}


def _set(service: Service, request: Request, name: str, held: Any) -> Obj:
    if not isinstance(held, dict) or held.get("@odata.type", "").lstrip("#") != _VALUE.lstrip("#"):
        service.rules.lean("attribute.type-tags")
        raise bad_request(f"The set '{name}' must say that it is a customSecurityAttributeValue.", "BadRequest")
    view = service.view(request)
    values: Obj = {}
    for key, value in held.items():
        if "@odata." in key:
            continue
        definition = view.get("customSecurityAttributeDefinitions", f"{name}_{key}")
        if definition is None:
            raise bad_request(f"The custom security attribute '{name}_{key}' is not defined.")
        _check(service, definition, key, value, held.get(f"{key}@odata.type"))
        values[key] = value
    return values


def _check(service: Service, definition: Obj, key: str, value: Any, tag: Any) -> None:
    kind, name = _KINDS[definition["type"]]
    many = definition["isCollection"]
    if value is None and not many:
        return
    if definition["status"] != "Available" and value not in (None, []):
        service.rules.lean("attribute.deprecated")
        raise bad_request(f"The custom security attribute '{key}' is deactivated.")
    if many != isinstance(value, list):
        raise bad_request(f"The custom security attribute '{key}' takes {'a list' if many else 'one value'}.")
    wanted = f"#Collection({name})" if many else f"#{name}" if name == "Int32" else None
    if wanted is not None and tag != wanted:
        service.rules.lean("attribute.type-tags")
        raise bad_request(f"The custom security attribute '{key}' needs {key}@odata.type {wanted}.", "BadRequest")
    for one in value if many else [value]:
        if type(one) is not kind:
            raise bad_request(f"The custom security attribute '{key}' takes values of type {definition['type']}.")
        allowed = {each["id"] for each in definition.get("allowedValues") or [] if each["isActive"]}
        if definition["usePreDefinedValuesOnly"] and one not in allowed:
            raise bad_request(f"'{one}' is no allowed value of the custom security attribute '{key}'.")


def merged(before: Obj | None, sent: Obj) -> Obj | None:
    """Value by value; a set without any is gone."""
    after = {name: dict(held) for name, held in (before or {}).items()}
    for name, values in sent.items():
        held = after.setdefault(name, {})
        for key, value in values.items():
            held.pop(key, None)
            if value not in (None, []):
                held[key] = value
    return {name: held for name, held in after.items() if held} or None


def shown(service: Service, request: Request, held: Obj | None) -> Obj | None:
    """As Graph shows them; nothing at all to who may not see them, and no word of it."""
    if not service.may(request, "CustomSecAttributeAssignment.Read.All") and not service.may(
        request, "CustomSecAttributeAssignment.ReadWrite.All"
    ):
        service.rules.lean("attribute.hidden")
        return None
    if not held:
        return None
    return {name: {"@odata.type": _VALUE, **_tagged(values)} for name, values in held.items()}


def _tagged(values: Obj) -> Obj:
    out: Obj = {}
    for key, value in values.items():
        first = value[0] if isinstance(value, list) else value
        name = "Int32" if type(first) is int else "String"
        if isinstance(value, list):
            out[f"{key}@odata.type"] = f"#Collection({name})"
        elif name == "Int32":
            out[f"{key}@odata.type"] = "#Int32"
        out[key] = value
    return out

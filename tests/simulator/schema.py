"""Names and types of properties, read off the installed msgraph-sdk models.

Nothing here is typed by hand: each model lists its members in `get_field_deserializers`, and the byte code of
each entry names the reader (`get_str_value`, `get_collection_of_object_values`, ...). Members whose class is an
Entity are relationships. Members that only the preview version knows come from `rules/preview.py`.
"""

from __future__ import annotations

import enum
import functools
import importlib
import re
import types
from dataclasses import dataclass
from typing import Any

from msgraph.generated.models.entity import Entity

from .errors import GraphError, bad_request
from .rules import preview_models
from .rules.preview import PREVIEW_MEMBERS

_PRIMITIVES = {
    "get_str_value": "string",
    "get_bool_value": "boolean",
    "get_int_value": "integer",
    "get_float_value": "number",
    "get_datetime_value": "datetime",
    "get_date_value": "string",
    "get_time_value": "string",
    "get_timedelta_value": "string",
    "get_uuid_value": "guid",
    "get_bytes_value": "binary",
    "get_enum_value": "enum",
    "get_collection_of_enum_values": "enum",
    "get_object_value": "complex",
    "get_collection_of_object_values": "complex",
    "get_collection_of_primitive_values": "string",
}
_GUID = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")


@dataclass(frozen=True, slots=True)
class Property:
    name: str
    kind: str  # string boolean integer number datetime guid binary enum complex any
    collection: bool = False
    model: type | None = None
    preview: bool = False
    shaped: bool = False  # a preview member that is an object, whatever is in it


def odata_name(model: type) -> str:
    """`ConditionalAccessUsers` -> `microsoft.graph.conditionalAccessUsers`."""
    return f"microsoft.graph.{model.__name__[0].lower()}{model.__name__[1:]}"


@dataclass(frozen=True, slots=True)
class Shape:
    """What one model holds: values, and the relationships it only points to."""

    name: str
    properties: dict[str, Property]
    relationships: dict[str, Property]


# Complex types that Graph tells apart by @odata.type.
_DERIVED = {
    "#microsoft.graph.iPv4CidrRange": "i_pv4_cidr_range.IPv4CidrRange",
    "#microsoft.graph.iPv6CidrRange": "i_pv6_cidr_range.IPv6CidrRange",
    "#microsoft.graph.conditionalAccessAllExternalTenants": (
        "conditional_access_all_external_tenants.ConditionalAccessAllExternalTenants"
    ),
    "#microsoft.graph.conditionalAccessEnumeratedExternalTenants": (
        "conditional_access_enumerated_external_tenants.ConditionalAccessEnumeratedExternalTenants"
    ),
}


# Abstract="true" in Microsoft Graph metadata v1.0: a value must say which derived type it is.
_ABSTRACT = frozenset(
    ("IpRange", "ConditionalAccessExternalTenants", "CustomSecurityAttributeExemption", "SubjectSet")
)


def is_derived(odata_type: object) -> bool:
    return odata_type in _DERIVED


def concrete(model: type, value: dict[str, Any]) -> type:
    """The model of a value, by its @odata.type where the declared one is only the base."""
    kind = str(value.get("@odata.type", ""))
    found = derived_type(kind if kind.startswith("#") else f"#{kind}")
    if found is None or found is model:
        return model
    if kind not in _DERIVED and not issubclass(found, model):
        raise bad_request(f"'{kind}' is not a type of '{odata_name(model)}'.", "BadRequest")
    return found


@functools.cache
def derived_type(kind: str) -> type | None:
    """The SDK's class of a type by its name on the wire; None for a name that it doesn't know."""
    if kind in _DERIVED:
        return load(_DERIVED[kind])
    parts = kind.removeprefix("#microsoft.graph.").split(".")
    if not all(part.isalnum() for part in parts):
        return None
    module = ".".join(re.sub(r"(?<!^)(?=[A-Z])", "_", part).lower() for part in parts)
    try:
        return load(f"{module}.{parts[-1][0].upper()}{parts[-1][1:]}")
    except (ImportError, AttributeError):
        return None


def load(path: str) -> type:
    """`user.User` -> the SDK's class."""
    module, _, name = path.rpartition(".")
    if module == "preview":
        return vars(preview_models)[name]  # type: ignore[no-any-return]
    found: type = getattr(importlib.import_module(f"msgraph.generated.models.{module}"), name)
    return found


def _class_in(reader: types.FunctionType, owner: type) -> type | None:
    for name in reader.__code__.co_names:
        candidate = reader.__globals__.get(name)
        if isinstance(candidate, type):
            return candidate
    for cell in reader.__closure__ or ():
        if isinstance(cell.cell_contents, type):
            return cell.cell_contents
    return owner


# Enumerations of flags: the SDK reads them as lists, on the wire they are one comma-separated string.
# Source: IsFlags="true" in Microsoft Graph metadata v1.0.
_FLAGS = frozenset(
    (
        "ConditionalAccessGuestOrExternalUserTypes",
        "ConditionalAccessInsiderRiskLevels",
        "ConditionalAccessTransferMethods",
        "NativeAuthenticationApisEnabled",
        "AuthenticationStrengthRequirements",
        "WeakAlgorithms",
        "TemplateApplicationLevel",
        "SystemBrowserEnabledOn",
        "LifecycleTaskCategory",
        "OidcResponseType",
        "PasskeyTypes",
    )
)


# Entity types whose key is not an id. Source: <Key> in Microsoft Graph metadata v1.0.
_KEYED_OTHERWISE = frozenset(
    ("CrossTenantAccessPolicyConfigurationPartner", "CrossTenantIdentitySyncPolicyPartner", "WorkflowVersion")
)

# Complex types that have an id, for which the SDK takes them for entities.
# Source: <ComplexType> in Microsoft Graph metadata v1.0.
_COMPLEX = frozenset(("CustomSecurityAttributeExemption",))

# Complex types in which Graph shows an entity in full, and takes it by {id}.
_EMBEDDING = frozenset(
    (
        "ConditionalAccessGrantControls",
        "OnAttributeCollectionExternalUsersSelfServiceSignUp",
        "OnAttributeCollectionStartCustomExtensionHandler",
        "OnAuthenticationMethodLoadStartExternalUsersSelfServiceSignUp",
        "OnTokenIssuanceStartCustomExtensionHandler",
    )
)


def _property(name: str, reader: types.FunctionType, owner: type) -> Property:
    method = next(n for n in reader.__code__.co_names if n.startswith("get_"))
    kind = _PRIMITIVES[method]
    model = _class_in(reader, owner) if kind in ("complex", "enum") else None
    if method == "get_collection_of_primitive_values" and "UUID" in reader.__code__.co_names:
        kind = "guid"
    flags = model is not None and model.__name__ in _FLAGS
    return Property(name, kind, "collection" in method and not flags, model)


@functools.cache
def shape(model: type) -> Shape:
    """The model's own members plus the preview members that Graph's beta adds."""
    properties: dict[str, Property] = {}
    relationships: dict[str, Property] = {}
    for name, reader in model().get_field_deserializers().items():
        if name.startswith("@"):
            continue
        member = _property(name, reader, model)
        embedded = model.__name__ in _EMBEDDING
        is_entity = member.model is not None and (
            (issubclass(member.model, Entity) and member.model.__name__ not in _COMPLEX)
            or member.model.__name__ in _KEYED_OTHERWISE
        )
        (relationships if is_entity and not embedded else properties)[name] = member
    for preview in PREVIEW_MEMBERS.get(model.__name__, ()):
        properties.setdefault(
            preview.name,
            Property(preview.name, preview.kind, preview.collection, preview=True, shaped=preview.shaped),
        )
    return Shape(model.__name__, properties, relationships)


@functools.cache
def names(model: type, *, preview: bool) -> tuple[str, ...]:
    return tuple(n for n, p in shape(model).properties.items() if preview or not p.preview)


def is_guid(value: object) -> bool:
    return isinstance(value, str) and _GUID.match(value) is not None


def _wrong_type(path: str, expected: str) -> GraphError:
    return bad_request(f"Invalid value specified for property '{path}' of resource: expected {expected}.")


def _check_single(value: Any, prop: Property, path: str, *, preview: bool, null_collections: bool) -> None:
    if prop.kind == "any":
        if prop.shaped and not isinstance(value, dict):
            raise _wrong_type(path, "an object")
        return
    if prop.kind == "complex":
        if not isinstance(value, dict):
            raise _wrong_type(path, "an object")
        if prop.model is not None:
            model = concrete(prop.model, value)
            if model.__name__ in _ABSTRACT:
                raise bad_request(f"'{path}' is of an abstract type: @odata.type is required.", "BadRequest")
            check(value, model, preview=preview, prefix=path + "/", null_collections=null_collections)
        return
    if prop.kind == "boolean":
        if not isinstance(value, bool):
            raise _wrong_type(path, "Edm.Boolean")
        return
    if prop.kind in ("integer", "number"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong_type(path, "a number")
        return
    if not isinstance(value, str):
        raise _wrong_type(path, "Edm.String")
    if prop.kind == "guid" and not is_guid(value):
        raise _wrong_type(path, "Edm.Guid")
    if prop.kind == "enum" and prop.model is not None:
        _check_enum(value, prop.model, path)


def _check_enum(value: str, model: type, path: str) -> None:
    if not issubclass(model, enum.Enum):
        return
    allowed = {member.value for member in model}
    # Flag enums travel as one comma-separated string.
    if not all(part.strip() in allowed for part in value.split(",")):
        raise bad_request(f"Invalid value '{value}' specified for property '{path}'.", "BadRequest")


def check(
    body: dict[str, Any], model: type, *, preview: bool, prefix: str = "", null_collections: bool = False
) -> None:
    """Refuse unknown members and values of the wrong type, at any depth."""
    known = shape(model)
    for name, value in body.items():
        if "@odata." in name:
            continue
        prop = known.properties.get(name)
        if prop is None or (prop.preview and not preview):
            raise bad_request(
                f"Property '{prefix}{name}' does not exist on type '{odata_name(model)}'."
                " Make sure to only use property names that are defined by the type.",
                "BadRequest",
            )
        if value is None:
            if prop.collection and not null_collections:
                raise _wrong_type(prefix + name, "a collection, which can't be null")
            continue
        if prop.collection:
            if not isinstance(value, list):
                raise _wrong_type(prefix + name, "a collection")
            for item in value:
                if item is None:
                    raise _wrong_type(prefix + name, "a collection without nulls")
                _check_single(item, prop, prefix + name, preview=preview, null_collections=null_collections)
        else:
            _check_single(value, prop, prefix + name, preview=preview, null_collections=null_collections)


def preview_members_in_use(value: Any, model: type, prefix: str = "") -> list[str]:
    """Paths of preview members that hold something; such an object is refused by v1.0."""
    if not isinstance(value, dict):
        return []
    found: list[str] = []
    for name, prop in shape(concrete(model, value)).properties.items():
        held = value.get(name)
        if held in (None, [], "", {}):
            continue
        if prop.preview:
            found.append(prefix + name)
        elif prop.kind == "complex" and prop.model is not None:
            for item in held if isinstance(held, list) else [held]:
                found.extend(preview_members_in_use(item, prop.model, f"{prefix}{name}/"))
    return found

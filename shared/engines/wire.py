"""Values to stored bytes and back.

One value has one text: names in camelCase and sorted, no spaces, UTF-8, times in UTC with `Z`. Only so can a
repeated seal write the same manifest, and a blob that is there already be told from one that differs. Reading
is strict: no unknown or missing members, no conversions ("1" is no number), and messages about bad
input name our own members only, never what was in it.

Converting is done here and not by pydantic, because values hold arbitrary JSON of the tenant (`Json`), which
must come back exactly: integers of any length, lone surrogates, deep nesting.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from shared.domain.errors import Unusable
from shared.domain.objects import Json
from shared.domain.wire import Wire, camel

T = TypeVar("T")
_Converter = Callable[[Any], Any]

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)


# --- JSON text -----------------------------------------------------------------------------------------


def parse(data: bytes | str, *, out_of_range: Callable[[str], Json] | None = None) -> Any:
    """Any JSON text as a value. Raises `Unusable` for what isn't JSON or can't be held as a value.

    `out_of_range` gets the text of numbers that Python can't hold (`1e999`, thousands of digits).
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass  # lone surrogates and huge numbers are legal JSON that the fast parser refuses
    except RecursionError:
        raise Unusable("the JSON is nested too deeply") from None
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        return json.loads(
            text,
            parse_float=lambda number: _float(number, out_of_range),
            parse_int=lambda number: _int(number, out_of_range),
            parse_constant=_no_constant,
        )
    except RecursionError:
        raise Unusable("the JSON is nested too deeply") from None
    except ValueError:
        raise Unusable("not valid JSON") from None


def dump(value: Any) -> bytes:
    """JSON with sorted names and no spaces. `value` holds JSON types only."""
    try:
        return msgspec.json.encode(value, order="sorted")
    except UnicodeEncodeError:
        # Only lone surrogates fail in UTF-8, and a backslash escape of them is how JSON spells them.
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8", "backslashreplace")


def _float(number: str, out_of_range: Callable[[str], Json] | None) -> Json:
    value = float(number)
    if math.isfinite(value):
        return value
    if out_of_range is None:
        raise ValueError("out of range")
    return out_of_range(number)


def _int(number: str, out_of_range: Callable[[str], Json] | None) -> Json:
    try:
        return int(number)
    except ValueError:  # more digits than Python converts
        if out_of_range is None:
            raise
        return out_of_range(number)


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


# --- values --------------------------------------------------------------------------------------------


def encode(value: Any) -> bytes:
    """The one text of a value. Raises `Unusable` for what JSON can't say (NaN, times without a zone)."""
    try:
        return dump(_plain(value))
    except RecursionError:
        raise Unusable("the value is nested too deeply") from None


def decode(cls: type[T], data: bytes | str) -> T:
    """The value of a text made by `encode`. Raises `Unusable`; the message holds nothing of the text."""
    tree = parse(data)
    hint: Any = cls
    try:
        value: T = _converter(hint)(tree)
    except _Bad as bad:
        where = ".".join(reversed(bad.path))
        raise Unusable(f"not a valid {cls.__name__}: {where + ': ' if where else ''}{bad.why}") from None
    return value


def time_text(moment: datetime) -> str:
    """`2026-11-22T01:02:03Z`, with a fraction only where there is one."""
    if moment.tzinfo is None:
        raise Unusable("a time without a zone can't be stored")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def time_value(text: str) -> datetime:
    """The time of a text made by `time_text`."""
    if not _TIME.fullmatch(text):
        raise Unusable("not a time in UTC")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Unusable("not a time in UTC") from None


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is float:
        if not math.isfinite(value):
            raise Unusable("a number that JSON can't hold")
        return value
    if kind is dict:
        return {_name(name): _plain(member) for name, member in value.items()}
    if kind is tuple or kind is list:
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(kind):
        return {alias: _plain(getattr(value, name)) for name, alias in _names(kind)}
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, Mapping):
        return {_name(name): _plain(member) for name, member in value.items()}
    if isinstance(value, frozenset | set):
        return sorted((_plain(item) for item in value), key=dump)
    raise TypeError(f"{kind.__name__} has no place in a stored format")


def _name(name: Any) -> str:
    if type(name) is str:
        return name
    if isinstance(name, Enum) and isinstance(name.value, str):
        return name.value
    raise TypeError("names in JSON are text")


@cache
def _names(cls: type) -> tuple[tuple[str, str], ...]:
    """Field name and spelling in JSON."""
    spell = camel if issubclass(cls, Wire) else str
    return tuple((field.name, spell(field.name)) for field in dataclasses.fields(cls))


# --- strict reading ------------------------------------------------------------------------------------


class _Bad(Exception):
    """Why and where (innermost name first) a tree doesn't fit. Stays inside this module."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
        self.path: list[str] = []


@cache
def _converter(hint: Any) -> _Converter:
    """The function that turns a parsed tree into a value of that type, built once per type."""
    if hint is Any:
        return lambda tree: tree
    if hint is NoneType or hint is None:
        return _exactly(NoneType, "null")
    if hint is str:
        return _exactly(str, "text")
    if hint is bool:
        return _exactly(bool, "true or false")
    if hint is int:
        return _exactly(int, "a whole number")
    if hint is float:
        return _number
    if hint is datetime:
        return _time
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Union or origin is UnionType:
        return _union(arguments)
    if origin is tuple:
        return _tuple(arguments)
    if origin in (list, frozenset):
        return _sequence(origin, arguments[0])
    if origin is dict or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return _mapping(arguments)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enum(hint)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _dataclass(hint)
    raise TypeError(f"{hint!r} has no place in a stored format")


def _exactly(kind: type, words: str) -> _Converter:
    def convert(tree: Any) -> Any:
        if type(tree) is not kind:
            raise _Bad(f"expected {words}")
        return tree

    return convert


def _number(tree: Any) -> float:
    if type(tree) is not float and type(tree) is not int:
        raise _Bad("expected a number")
    return float(tree)


def _time(tree: Any) -> datetime:
    if type(tree) is not str:
        raise _Bad("expected a time in UTC")
    try:
        return time_value(tree)
    except Unusable as error:
        raise _Bad(error.what) from None


def _union(arguments: tuple[Any, ...]) -> _Converter:
    optional = NoneType in arguments
    converters = [_converter(argument) for argument in arguments if argument is not NoneType]

    def convert(tree: Any) -> Any:
        if tree is None and optional:
            return None
        if len(converters) == 1:
            return converters[0](tree)
        for converter in converters:
            try:
                return converter(tree)
            except _Bad:
                continue
        raise _Bad("fits none of the allowed types")

    return convert


def _one(number: int, item: Any, converter: _Converter) -> Any:
    try:
        return converter(item)
    except _Bad as bad:
        bad.path.append(str(number))
        raise


def _tuple(arguments: tuple[Any, ...]) -> _Converter:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return _sequence(tuple, arguments[0])
    converters = [_converter(argument) for argument in arguments]

    def convert(tree: Any) -> Any:
        if type(tree) is not list or len(tree) != len(converters):
            raise _Bad(f"expected a list of {len(converters)}")
        return tuple(_one(number, item, converters[number]) for number, item in enumerate(tree))

    return convert


def _sequence(kind: type, argument: Any) -> _Converter:
    converter = _converter(argument)

    def convert(tree: Any) -> Any:
        if type(tree) is not list:
            raise _Bad("expected a list")
        return kind(_one(number, item, converter) for number, item in enumerate(tree))

    return convert


def _mapping(arguments: tuple[Any, ...]) -> _Converter:
    name, member = _converter(arguments[0]), _converter(arguments[1])

    def convert(tree: Any) -> Any:
        if type(tree) is not dict:
            raise _Bad("expected an object")
        try:
            return {name(key): member(value) for key, value in tree.items()}
        except _Bad as bad:
            bad.path.append("*")  # the name itself is content
            raise

    return convert


def _enum(cls: type[Enum]) -> _Converter:
    values = {member.value: member for member in cls}

    def convert(tree: Any) -> Any:
        if type(tree) is not str and type(tree) is not int:
            raise _Bad(f"expected one of {cls.__name__}")
        if tree not in values:
            raise _Bad(f"not one of {cls.__name__}")
        return values[tree]

    return convert


def _dataclass(cls: type) -> _Converter:
    # `Json` is recursive, and its parts need no conversion: any parsed tree is one.
    hints = get_type_hints(cls, localns={"Json": Any, "JsonObject": dict[str, Any]})
    members = {
        alias: (field.name, _converter(hints[field.name]))
        for field, (_, alias) in zip(dataclasses.fields(cls), _names(cls), strict=True)
    }
    required = {
        alias
        for field, (_, alias) in zip(dataclasses.fields(cls), _names(cls), strict=True)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }

    def convert(tree: Any) -> Any:
        if type(tree) is not dict:
            raise _Bad("expected an object")
        values = {}
        for alias, part in tree.items():
            if alias not in members:
                raise _Bad("has an unknown member")
            field, converter = members[alias]
            try:
                values[field] = converter(part)
            except _Bad as bad:
                bad.path.append(alias)
                raise
        for alias in required:
            if alias not in tree:
                raise _Bad(f"{alias} is missing")
        return cls(**values)

    return convert

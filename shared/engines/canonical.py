"""The canonical form of an object, and its content hash: what "changed" means.

Two texts of one meaning give the same bytes: names sorted, annotations dropped at every depth, members that
the catalog declares volatile dropped, lists that it declares to be sets sorted, numbers by value (`1.0` is
`1`). Everything else counts, unknown members too. Whatever the tenant holds gets a hash: a number out of any
range must not stop an export. A change in here needs a new `CANONICAL_VERSION`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import isfinite
from types import MappingProxyType
from typing import Any, Final

import msgspec

from shared.domain.errors import Unusable
from shared.domain.objects import Json
from shared.engines.wire import dump, parse

TYPE_TAG: Final = "@odata.type"
KIND: Final = "@type"  # where a type counts that is no annotation then
_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_EXACT = 2.0**63  # floats from here on stay floats, so that a short text doesn't become hundreds of digits


def canonical(value: Json, *, volatile: frozenset[str] = frozenset(), sets: frozenset[str] = frozenset()) -> bytes:
    """The canonical bytes of a parsed object.

    `volatile` names top-level members. `sets` names lists whose order carries no meaning: top-level members,
    or dotted paths (`conditions.users.includeUsers`), which pass through lists to each of their items.
    """
    return _settled(_clean(value), volatile, sets)


def content_hash(
    raw: bytes,
    volatile: frozenset[str] = frozenset(),
    sets: frozenset[str] = frozenset(),
    kinds: tuple[str, ...] = (),
    named: Mapping[str, str] = _NONE,
) -> str:
    """SHA-256 in hexadecimal of an object's canonical form. Raises `Unusable` where `raw` is not JSON. `kinds`:
    dotted paths of nested objects whose `@odata.type` counts; `named`: of those of which one member alone counts.
    """
    try:
        try:
            value = _decoder.decode(raw)  # numbers are by value already
            for path in kinds:
                _keep_kind(value, path.split("."))
            for path, member in named.items():
                _keep_name(value, path.split("."), member)
            # Without these no name can be an annotation, and the costly walk is saved.
            if b"#" in raw or b"@odata." in raw or b"\\" in raw:
                value = _clean(value)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            value = _clean(parse(raw, out_of_range=_keep_text))
        return hashlib.sha256(_settled(value, volatile, sets)).hexdigest()
    except RecursionError:
        raise Unusable("the JSON is nested too deeply") from None


def is_annotation(name: str) -> bool:
    """`@odata.etag`, `owners@odata.context`, `#microsoft.graph.restore`: about the answer, not the object."""
    return "@odata." in name or name.startswith("#")


def _settled(value: Any, volatile: frozenset[str], sets: frozenset[str]) -> bytes:
    """The text of a clean value of our own, which is changed on the way."""
    if type(value) is dict:
        for name in volatile:
            value.pop(name, None)
    for path in _deepest_first(sets):
        _sort(value, path)
    return dump(value)


def _keep_kind(value: Any, path: list[str]) -> None:
    """Puts the type of the object at the end of a path under a name that is no annotation, in place."""
    if type(value) is list:
        for item in value:
            _keep_kind(item, path)
    elif type(value) is dict and path:
        _keep_kind(value.get(path[0]), path[1:])
    elif type(value) is dict and (kind := value.get(TYPE_TAG)) is not None:
        value[KIND] = kind


def _keep_name(value: Any, path: list[str], member: str) -> None:
    """Leaves the object at the end of a path nothing but one member, in place."""
    if type(value) is list:
        for item in value:
            _keep_name(item, path, member)
    elif type(value) is dict and path:
        _keep_name(value.get(path[0]), path[1:], member)
    elif type(value) is dict:
        kept = value.get(member)
        value.clear()
        value[member] = kept


def _keep_text(number: str) -> Json:
    return f"number {number}"


def _clean(value: Any) -> Any:
    """A copy without annotations and with numbers by value."""
    kind = type(value)
    if kind is dict:
        return {
            name: member if type(member) is str else _clean(member)
            for name, member in value.items()
            if not ("@odata." in name or name.startswith("#"))
        }
    if kind is list:
        return [item if type(item) is str else _clean(item) for item in value]
    return _by_value(value) if kind is float else value


def _by_value(number: float) -> int | float:
    return int(number) if number.is_integer() and -_EXACT < number < _EXACT else number


def _number(text: str) -> Json:
    number = float(text)
    return _by_value(number) if isfinite(number) else _keep_text(text)


_decoder = msgspec.json.Decoder(float_hook=_number)


@lru_cache(maxsize=256)
def _deepest_first(sets: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Inner sets are sorted before the sets that hold them, so that the outer order is settled too."""
    paths = (tuple(path.split(".")) for path in sets)
    return tuple(sorted(paths, key=lambda path: (-len(path), path)))


def _sort(value: Any, path: tuple[str, ...]) -> None:
    """Sorts in place (in our own copy) the list at the end of `path`."""
    if type(value) is list:
        for item in value:
            _sort(item, path)
        return
    if type(value) is not dict:
        return
    member = value.get(path[0])
    if len(path) > 1:
        _sort(member, path[1:])
    elif type(member) is list:
        if all(type(item) is str for item in member):
            member.sort()
        else:
            member.sort(key=dump)

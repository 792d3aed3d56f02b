"""JSON cut into slices without being rewritten: order, spacing of numbers and unknown members stay as received.

The fast path is msgspec's raw values. Text that it refuses but JSON allows (a lone surrogate, escaped) is cut by
the standard library's scanner, so that nothing a tenant can hold stops a reading.
"""

from __future__ import annotations

import json
import re
from typing import TypeVar

import msgspec

from shared.domain.errors import Unusable
from shared.engines.wire import parse

T = TypeVar("T")

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])
_scanner = json.JSONDecoder()
_space = re.compile(r"[ \t\r\n]*")


def members(raw: bytes) -> dict[str, bytes]:
    """The members of a JSON object, each as the slice of text that it is. Raises `Unusable`."""
    try:
        return {name: bytes(value) for name, value in _members.decode(raw).items()}
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _slow_members(raw)


def items(raw: bytes) -> list[bytes]:
    """The items of a JSON array, each as the slice of text that it is. Raises `Unusable`."""
    try:
        return [bytes(value) for value in _items.decode(raw)]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _slow_items(raw)


def one_line(raw: bytes) -> bytes:
    """Without line breaks. Inside JSON strings they are always escaped, so these are between tokens."""
    if b"\n" in raw or b"\r" in raw:
        return raw.replace(b"\r", b"").replace(b"\n", b"")
    return raw


def text(raw: bytes | None) -> str:
    """A slice that is a JSON string, as text; "" for anything else."""
    if not raw or raw[:1] != b'"':
        return ""
    value = parse(raw)
    return value if isinstance(value, str) else ""


def _slow_members(raw: bytes) -> dict[str, bytes]:
    source = _source(raw)
    found: dict[str, bytes] = {}
    at = _expect(source, 0, "{")
    if source[at : at + 1] == "}":
        return _whole(found, source, at + 1)
    while True:
        name, at = _value(source, at)
        if not isinstance(name, str):
            raise Unusable("not a JSON object")
        start = _expect(source, at, ":")
        _, at = _value(source, start)
        found[name] = source[start:at].encode("utf-8")
        at = _skip(source, at)
        if source[at : at + 1] == "}":
            return _whole(found, source, at + 1)
        at = _expect(source, at, ",")


def _slow_items(raw: bytes) -> list[bytes]:
    source = _source(raw)
    found: list[bytes] = []
    at = _expect(source, 0, "[")
    if source[at : at + 1] == "]":
        return _whole(found, source, at + 1)
    while True:
        start = at
        _, at = _value(source, start)
        found.append(source[start:at].encode("utf-8"))
        at = _skip(source, at)
        if source[at : at + 1] == "]":
            return _whole(found, source, at + 1)
        at = _expect(source, at, ",")


def _source(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Unusable("not valid JSON") from None


def _skip(source: str, at: int) -> int:
    match = _space.match(source, at)
    return match.end() if match else at


def _expect(source: str, at: int, mark: str) -> int:
    at = _skip(source, at)
    if source[at : at + 1] != mark:
        raise Unusable("not valid JSON")
    return _skip(source, at + 1)


def _value(source: str, at: int) -> tuple[object, int]:
    try:
        return _scanner.raw_decode(source, at)
    except RecursionError:
        raise Unusable("the JSON is nested too deeply") from None
    except ValueError:
        raise Unusable("not valid JSON") from None


def _whole(found: T, source: str, at: int) -> T:
    if _skip(source, at) != len(source):
        raise Unusable("not valid JSON")
    return found

"""JSON cut into slices without changing a byte of them.

What must stay true: a slice is the text as received (member order, number text, escapes, unknown members);
text that is not one whole JSON value is `BrokenBody`, whatever part of it was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from json.decoder import scanstring  # type: ignore[attr-defined]  # not in the stubs
from typing import Any, TypeVar

import msgspec

from shared.domain.errors import Unusable

_SPACE = " \t\r\n"
_T = TypeVar("_T")

_whole = msgspec.json.Decoder(msgspec.Raw)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_elements = msgspec.json.Decoder(list[msgspec.Raw])


class BrokenBody(Unusable):
    """Text that can't be what its sender meant: worth another try, never worth believing."""


def check(body: bytes) -> None:
    """Raises `BrokenBody` unless the body is one whole JSON value."""
    _cut(body, _whole.decode, lambda scan: scan.skip())


def members(body: bytes) -> dict[str, bytes]:
    """The members of an object, each as its slice."""
    found = _cut(body, _members.decode, lambda scan: scan.members())
    return {name: bytes(value) for name, value in found.items()}


def elements(body: bytes) -> list[bytes]:
    """The elements of a list, each as its slice."""
    return [bytes(value) for value in _cut(body, _elements.decode, lambda scan: scan.elements())]


def text(body: bytes | None) -> str:
    """A string's value; `BrokenBody` for any other value and for none."""
    value = json.loads(body) if body is not None and body.startswith(b'"') else None
    if not isinstance(value, str):
        raise BrokenBody("not a string")
    return value


def text_or_empty(body: bytes | None) -> str:
    """A string's value; "" for any other value and for none."""
    return text(body) if body is not None and body.startswith(b'"') else ""


def number(body: bytes | None) -> int:
    """A whole number's value; `BrokenBody` for any other value and for none."""
    if body is None or not body.isdigit() or len(body) > 18:
        raise BrokenBody("not a whole number")
    return int(body)


def one_line(value: bytes) -> bytes:
    """Line breaks can only stand between tokens of valid JSON, where a space means the same."""
    if b"\n" in value or b"\r" in value:
        return value.replace(b"\r", b" ").replace(b"\n", b" ")
    return value


def encode(value: object) -> bytes:
    """Escapes all but ASCII, so that half an emoji in a value passes too."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")
    except (ValueError, RecursionError) as error:
        raise BrokenBody(f"not a JSON value ({type(error).__name__})") from None


def _cut(body: bytes, fast: Callable[[bytes], Any], slow: Callable[[_Scan], Any]) -> Any:
    if not body.isascii():
        try:
            body.decode("utf-8")  # msgspec skips over values without looking at their encoding
        except UnicodeDecodeError:
            raise BrokenBody("the body is not UTF-8") from None
    try:
        return fast(body)
    except (msgspec.DecodeError, RecursionError):
        # Half an emoji, as a name cut at a length leaves it, is legal JSON that msgspec refuses. One such
        # name must not cost the whole listing, so such bodies take the slow way.
        if b"\\ud" not in body and b"\\uD" not in body:
            raise BrokenBody("the body is not the whole JSON value that was expected") from None
    try:
        scan = _Scan(body.decode("utf-8"))
        found = slow(scan)
        scan.end()
    except (ValueError, IndexError, RecursionError):
        raise BrokenBody("the body is not the whole JSON value that was expected") from None
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class _Scan:
    """A cursor over JSON text on the standard library's scanner, which tells where each value ends.

    Raises `ValueError` or `IndexError` where the text is not what was asked for."""

    _json = json.JSONDecoder(parse_constant=_refuse_constant)

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def _peek(self) -> str:
        while self._text[self._at] in _SPACE:
            self._at += 1
        return self._text[self._at]

    def _take(self, sign: str) -> None:
        if self._peek() != sign:
            raise ValueError(f"expected {sign}")
        self._at += 1

    def _more(self, end: str) -> bool:
        """After an element: moves behind the comma, or behind the end."""
        if self._peek() == end:
            self._at += 1
            return False
        self._take(",")
        return True

    def skip(self) -> bytes:
        self._peek()
        start = self._at
        _, self._at = self._json.raw_decode(self._text, start)
        return self._text[start : self._at].encode("utf-8")

    def end(self) -> None:
        if self._text[self._at :].strip(_SPACE):
            raise ValueError("more than one value")

    def members(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        self._take("{")
        if self._peek() == "}":
            self._at += 1
            return found
        while True:
            self._take('"')
            name, self._at = scanstring(self._text, self._at, True)
            self._take(":")
            found[name] = self.skip()
            if not self._more("}"):
                return found

    def elements(self) -> list[bytes]:
        found: list[bytes] = []
        self._take("[")
        if self._peek() == "]":
            self._at += 1
            return found
        while True:
            found.append(self.skip())
            if not self._more("]"):
                return found

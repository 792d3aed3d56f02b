"""A file as one text: a data URI (RFC 2397), `data:<media type>;base64,<bytes>`. It says what it is, and anything
that knows the web can show it in ten years."""

from __future__ import annotations

import base64
import re
from binascii import Error
from typing import Final

from shared.domain.errors import Unusable

_MEDIA_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+*-]+", re.ASCII)
_FORM: Final = re.compile(r"data:([^;,]*);base64,(.*)", re.ASCII)
UNKNOWN: Final = "application/octet-stream"


def encode(content_type: str, content: bytes) -> str:
    """`content_type`: as a header has it; its parameters are left out, and one that is none is `UNKNOWN`."""
    told = content_type.partition(";")[0].strip().lower()
    media_type = told if _MEDIA_TYPE.fullmatch(told) else UNKNOWN
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def decode(text: str) -> tuple[str, bytes]:
    """Media type and bytes. Raises `Unusable` for a text that is no such URI."""
    found = _FORM.fullmatch(text)
    if found is None or not _MEDIA_TYPE.fullmatch(found[1]):
        raise Unusable("a file isn't kept as a data URI")
    try:
        return found[1], base64.b64decode(found[2], validate=True)
    except Error:
        raise Unusable("a file's data URI is damaged") from None


def is_one(value: object) -> bool:
    """Whether a value has the form; its content isn't looked at."""
    return isinstance(value, str) and _FORM.match(value) is not None

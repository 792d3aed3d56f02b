"""What every implementation of a storage port accepts, so that what works in memory works in Azure.

The narrowest of the platforms decides: file names of common file systems, names in Azure Blob Storage, Table
Storage and Key Vault, message size after base64. Breaking a rule raises `Unusable` before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.domain.errors import Unusable

MAX_BLOB = 256 * 1024 * 1024  # one Put Blob; packs are far smaller
MAX_MESSAGE = 48 * 1024  # 64 KiB after base64, the queue service's limit
MAX_DELAY = 7 * 24 * 3600.0
MAX_TEXT = 32 * 1024  # characters in a table's text value: 64 KiB in UTF-16
MAX_VALUES = 252
MAX_ROW = 900 * 1024  # the service stops at 1 MiB, names and types included

_BLOB_PART = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9._=-]*[A-Za-z0-9_=-])?")
_PREFIX = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._=/-]*)?")
_SECRET = re.compile(r"[A-Za-z0-9-]{1,127}")
_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_RESERVED_COLUMNS = frozenset({"partitionkey", "rowkey", "timestamp", "etag"})


def check_blob_name(name: str) -> tuple[str, ...]:
    """The parts of a good name: no `..`, no empty or hidden part, no absolute path, plain characters only."""
    parts = tuple(name.split("/"))
    if len(name) > 1000 or not all(len(part) <= 200 and _BLOB_PART.fullmatch(part) for part in parts):
        raise Unusable(f"not a name for a blob: {name[:100]!a}")
    return parts


def check_prefix(prefix: str) -> None:
    if not _PREFIX.fullmatch(prefix) or "//" in prefix or "/." in prefix:
        raise Unusable(f"not the beginning of a blob's name: {prefix[:100]!a}")


def check_blob(name: str, data: bytes) -> tuple[str, ...]:
    """The parts of the name."""
    if len(data) > MAX_BLOB:
        raise Unusable(f"too large for one blob: {len(data)} bytes for {name}")
    return check_blob_name(name)


def check_message(body: str, delay: float) -> None:
    try:
        length = len(body.encode("utf-8"))
    except UnicodeEncodeError:
        raise Unusable("a queue message has to be proper UTF-8") from None
    if length > MAX_MESSAGE:
        raise Unusable(f"a queue message has at most {MAX_MESSAGE} bytes, this one has {length}")
    if not 0 <= delay <= MAX_DELAY:
        raise Unusable("a queue message can be delayed by up to 7 days")


def check_secret_name(name: str) -> None:
    if not _SECRET.fullmatch(name):
        raise Unusable("a secret's name has 1 to 127 letters, digits and hyphens")


def check_key(text: str) -> None:
    """A partition or a key. Those that a service forbids are escaped by its adapter."""
    if not text or not text.isascii() or len(text) > 300:
        raise Unusable("a row's key has 1 to 300 ASCII characters")


def accepted_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as plain text, whole numbers, booleans and times in UTC."""
    if len(values) > MAX_VALUES:
        raise Unusable(f"a row has at most {MAX_VALUES} values")
    accepted: dict[str, Any] = {}
    total = 0
    for name, value in values.items():
        if not _COLUMN.fullmatch(name) or name.lower() in _RESERVED_COLUMNS:
            raise Unusable(f"not a name for a row's value: {name[:100]!a}")
        accepted[name], size = _accepted(name, value)
        total += 2 * len(name) + size
    if total > MAX_ROW:
        raise Unusable(f"a row of about {total} bytes is too large")
    return accepted


def _accepted(name: str, value: Any) -> tuple[Any, int]:
    """The plain value and about how many bytes it takes."""
    if isinstance(value, str):
        try:
            size = len(value.encode("utf-16-le"))
        except UnicodeEncodeError:
            raise Unusable(f"the text in {name} is not proper Unicode") from None
        if size > 2 * MAX_TEXT:
            raise Unusable(f"the text in {name} is too long for a row: {size} bytes")
        return str(value), size
    if isinstance(value, bool):
        return value, 1
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise Unusable(f"the number in {name} is too large for a row")
        return int(value), 8
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise Unusable(f"the time in {name} has no zone")
        return value.astimezone(UTC), 8
    raise Unusable(f"the value in {name} is neither text, a whole number, a boolean nor a time")

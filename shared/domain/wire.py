"""How values are spelled in JSON: camelCase names, no unknown members.

Dataclasses that cross a border (blobs, messages) inherit `Wire`; `engines.wire` does the converting.
"""

from __future__ import annotations


def camel(name: str) -> str:
    """`retain_until` → `retainUntil`; a trailing underscore (keywords) is dropped."""
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(part.capitalize() for part in rest)


class Wire:
    """Marks a dataclass as part of a stored or sent format."""

    __slots__ = ()

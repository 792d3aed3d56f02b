"""A resource's body as paths to its leaves, so that a rule can name one: `properties.networkAcls.bypass`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar with its path; an empty list or object is a leaf, too."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value:
        for inner in value:
            yield from leaves(inner, f"{path}[]")
    else:
        yield path, value


def ragged(value: Any, path: str = "") -> Iterator[str]:
    """Lists of objects that don't all have the same members."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from ragged(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        if len({frozenset(one) for one in value if isinstance(one, Mapping)}) > 1:
            yield path
        for inner in value:
            yield from ragged(inner, f"{path}[]")

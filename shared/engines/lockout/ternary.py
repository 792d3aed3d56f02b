"""Three-valued logic: True, False, and None for what can't be decided (Kleene)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

Ternary: TypeAlias = bool | None


def any_of(values: Iterable[Ternary]) -> Ternary:
    """True where one is, False where all are."""
    undecided = False
    for value in values:
        if value:
            return True
        undecided = undecided or value is None
    return None if undecided else False


def inverse(value: Ternary) -> Ternary:
    return None if value is None else not value


def all_of(values: Iterable[Ternary]) -> Ternary:
    """False where one is, True where all are."""
    return inverse(any_of(inverse(value) for value in values))

"""Looking into JSON that nobody vouches for: another shape than the expected one is told, never guessed at."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.objects import Json, JsonObject

EMPTY: JsonObject = {}


def texts(value: Json) -> tuple[str, ...] | None:
    """The texts of a list, as they are; () for null; None where it is anything else."""
    if value is None:
        return ()
    if not isinstance(value, list):
        return None
    found = tuple(item for item in value if isinstance(item, str))
    return found if len(found) == len(value) else None


def objects(value: Json) -> tuple[JsonObject, ...] | None:
    """The objects of a list, () for null, None where it is anything else."""
    if value is None:
        return ()
    if not isinstance(value, list):
        return None
    found = tuple(item for item in value if isinstance(item, dict))
    return found if len(found) == len(value) else None


def at(value: Json, *names: str) -> Json:
    """The member at the end of these names; None where something on the way is missing or no object."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text(value: Json) -> str:
    """A text, in the case in which ids and names are compared; "" for what is none."""
    return value.casefold() if isinstance(value, str) else ""


def says_nothing(value: Json) -> bool:
    """Null, false, or nothing in it."""
    return value is None or value is False or value == "" or value == []


def saying(item: JsonObject) -> Iterator[str]:
    """Names of members that say something. Annotations say nothing."""
    return (name for name, value in item.items() if "@" not in name and not says_nothing(value))


def unknown_members(item: JsonObject, known: frozenset[str]) -> Iterator[str]:
    """Names of members that say something and that nobody here knows."""
    return (name for name in saying(item) if name not in known)

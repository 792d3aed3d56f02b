"""Ids inside an object's JSON: finding them, and putting others in their place, by catalog declaration.

What a declaration doesn't name is never touched. An object that nothing changes in comes back as the same
object, so that callers can tell by identity.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Final

from shared.catalog.spec import ObjectType, ValueReference
from shared.domain.objects import Json, JsonObject

GUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_NOBODY: Final = "00000000-0000-0000-0000-000000000000"


class Absent(Enum):
    DROP = "drop"


DROP: Final = Absent.DROP  # a resolver's answer: leave the value out of its list

Resolve = Callable[[ValueReference, str], "Json | Absent"]


@dataclass(frozen=True, slots=True)
class Found:
    """One id in an object. `member` is the top-level member that holds it."""

    reference: ValueReference
    member: str
    value: str


def pattern_of(reference: ValueReference) -> re.Pattern[str]:
    """What an id looks like where it stands within longer text or is a member's name."""
    return re.compile(reference.pattern) if reference.pattern else GUID


def top_member(reference: ValueReference) -> str:
    return _steps(reference.path)[0]


def find(references: Iterable[ValueReference], item: Mapping[str, Json]) -> Iterator[Found]:
    """Every declared id in the object, in the order of declarations and values. Words that stand for no object
    (`All`, the all-zero id) are left out."""
    for reference in references:
        if reference.names:
            for name in _named_by(reference, item):
                yield Found(reference, name, name)
            continue
        steps = _steps(reference.path)
        for value in _values(dict(item), steps):
            if not isinstance(value, str):
                continue
            if reference.text:
                for match in pattern_of(reference).finditer(value):
                    if match[0] != _NOBODY:
                        yield Found(reference, steps[0], match[0])
            elif not _is_word(reference, value):
                yield Found(reference, steps[0], value)


def rewrite(references: Iterable[ValueReference], item: JsonObject, resolve: Resolve) -> JsonObject:
    """The object with each declared id replaced by what `resolve` gives for it: the id itself, a marker, or
    `DROP`. Ids within longer text become a `$join` of text and markers."""
    result: Json = item
    for reference in references:
        if reference.names:
            continue  # `renamed` is for those
        rewritten = _replace(result, _steps(reference.path), reference, resolve)
        assert rewritten is not DROP
        result = rewritten
    assert isinstance(result, dict)
    return result


def may_name(references: Sequence[ValueReference], ids: Iterable[str]) -> bool:
    """Whether some object with these references could name one of the ids. Only names of members tell."""
    named = [reference for reference in references if reference.names]
    if len(named) != len(references):
        return True
    return any(_refers(one, name) for one in named for name in ids)


def renamed(
    references: Iterable[ValueReference], names: Iterable[str], new: Callable[[str], str]
) -> dict[str, str]:
    """The names of members, with those that refer to an object replaced by what `new` gives: name → name."""
    named = [reference for reference in references if reference.names]
    return {name: new(name) if any(_refers(one, name) for one in named) else name for name in names}


def texts_within(value: Json) -> Iterator[str]:
    """Every text in a value, however deep; names of members are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts_within(one)


def values_at(reference: ValueReference, item: Mapping[str, Json]) -> list[Json]:
    """All values where the reference points, words included."""
    return list(_values(dict(item), _steps(reference.path)))


def of_members(spec: ObjectType, members: Iterable[str]) -> tuple[ValueReference, ...]:
    """The declared references inside these top-level members."""
    names = frozenset(members)
    found = [one for one in spec.references if not one.names and top_member(one) in names]
    for one in spec.references:
        if one.names and (named := sorted(name for name in names if _refers(one, name))):
            found.append(replace(one, pattern="|".join(map(re.escape, named))))
    return tuple(found)


def _named_by(reference: ValueReference, item: Mapping[str, Json]) -> list[str]:
    return [name for name, value in item.items() if value is not None and _refers(reference, name)]


def _refers(reference: ValueReference, name: str) -> bool:
    return pattern_of(reference).fullmatch(name) is not None


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[str, ...]:
    """`conditions.users.includeUsers[]` → conditions, users, includeUsers, []"""
    steps: list[str] = []
    for part in path.split("."):
        name = part.rstrip("[]")
        steps.append(name)
        steps.extend("[]" for _ in range(part.count("[]")))
    return tuple(steps)


def _values(value: Json, steps: tuple[str, ...]) -> Iterator[Json]:
    if not steps:
        yield value
    elif steps[0] == "[]":
        if isinstance(value, list):
            for item in value:
                yield from _values(item, steps[1:])
    elif isinstance(value, dict) and steps[0] in value:
        yield from _values(value[steps[0]], steps[1:])


def _is_word(reference: ValueReference, value: str) -> bool:
    return value in reference.literals or value == _NOBODY


def _replace(value: Json, steps: tuple[str, ...], reference: ValueReference, resolve: Resolve) -> Json | Absent:
    if not steps:
        return _resolved(value, reference, resolve)
    if steps[0] == "[]":
        if not isinstance(value, list):
            return value
        items = [_replace(item, steps[1:], reference, resolve) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        return [item for item in items if not isinstance(item, Absent)]
    if not isinstance(value, dict) or steps[0] not in value:
        return value
    old = value[steps[0]]
    new = _replace(old, steps[1:], reference, resolve)
    if new is old:
        return value
    if isinstance(new, Absent):
        # Inside a list the item that held the id goes; a single-valued member is cleared.
        return DROP if "[]" in _steps(reference.path) and "[]" not in steps else {**value, steps[0]: None}
    return {**value, steps[0]: new}


def _resolved(value: Json, reference: ValueReference, resolve: Resolve) -> Json | Absent:
    if not isinstance(value, str):
        return value
    if reference.text:
        return _resolved_text(value, reference, resolve)
    if _is_word(reference, value):
        return value
    new = resolve(reference, value)
    return value if new == value else new


def _resolved_text(value: str, reference: ValueReference, resolve: Resolve) -> Json | Absent:
    parts: list[Json] = []
    changed = False
    end = 0
    for match in pattern_of(reference).finditer(value):
        if match[0] == _NOBODY:
            continue
        new = resolve(reference, match[0])
        if isinstance(new, Absent):
            return DROP
        if new == match[0]:
            continue
        changed = True
        if match.start() > end:
            parts.append(value[end : match.start()])
        parts.append(new)
        end = match.end()
    if not changed:
        return value
    if end < len(value):
        parts.append(value[end:])
    return parts[0] if len(parts) == 1 else {"$join": parts}

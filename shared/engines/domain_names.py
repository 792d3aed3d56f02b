"""Domains within an object's texts, and those of another tenant in their place. Pure.

Only texts that the catalog declares are touched. A domain counts where it stands whole: `a@old.example` and
`https://app.old.example/` name `old.example`, `gold.example` doesn't. Of two domains that end alike the longer one
is meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from shared.catalog.spec import ObjectType
from shared.domain.objects import Json, JsonObject

NONE = ""  # what a domain is mapped to that nothing takes the place of


@dataclass(frozen=True, slots=True)
class Lost:
    """A text whose domain has no successor, where the tenant takes only domains that it has verified. `alone`: it
    is no item of a list, which the others would do without."""

    member: str
    text: str
    domain: str
    alone: bool


@dataclass(frozen=True, slots=True)
class DomainMap:
    """Each domain of the tenant that a snapshot is of, in lower case, with the one that takes its place: itself,
    where the other tenant has verified it, and `NONE` where nothing does."""

    domains: Mapping[str, str]
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        longest = sorted(self.domains, key=lambda one: (-len(one), one))
        names = "|".join(map(re.escape, longest)) or "(?!)"
        pattern = rf"(?<![0-9a-z._-])((?:[0-9a-z_-]+\.)*?)({names})(?![0-9a-z_-]|\.[0-9a-z])"
        object.__setattr__(self, "_pattern", re.compile(pattern, re.IGNORECASE | re.ASCII))

    @property
    def changes(self) -> bool:
        return any(new != old for old, new in self.domains.items())

    def text(self, text: str) -> str:
        """A text with the domains in it replaced. What has no successor stays."""
        return self._pattern.sub(lambda found: found[1] + (self.domains[found[2].lower()] or found[2]), text)

    def domain(self, name: str) -> str:
        """A domain's own name, where it is one of these."""
        return self.domains.get(name.lower()) or name

    def rewritten(self, spec: ObjectType, item: JsonObject) -> JsonObject:
        """The object as the other tenant would hold it. Names that it couldn't hold are left out."""
        result: Json = item
        for one in spec.domain_names:
            result = self._at(result, tuple(_steps(one.path)), verified=one.verified)
        assert isinstance(result, dict)
        return result

    def lost(self, spec: ObjectType, item: JsonObject) -> list[Lost]:
        """What of an object as the snapshot holds it the other tenant couldn't hold."""
        found = []
        for one in spec.domain_names:
            if not one.verified:
                continue
            steps = tuple(_steps(one.path))
            for text in _texts(item, steps):
                domain = self._without(text)
                if domain:
                    found.append(Lost(steps[0], text, domain, "[]" not in steps))
        return found

    def _at(self, value: Json, steps: tuple[str, ...], *, verified: bool) -> Json:
        if not steps:
            return self.text(value) if isinstance(value, str) else value
        first, rest = steps[0], steps[1:]
        if first == "[]":
            if not isinstance(value, list):
                return value
            kept = [one for one in value if not (verified and isinstance(one, str) and self._without(one))]
            return [self._at(one, rest, verified=verified) for one in kept]
        if not isinstance(value, dict) or first not in value:
            return value
        held = value[first]
        if verified and not rest and isinstance(held, str) and self._without(held):
            return {name: one for name, one in value.items() if name != first}
        return {**value, first: self._at(held, rest, verified=verified)}

    def _without(self, text: str) -> str:
        """The domain that a name stands under and that nothing takes the place of; "" if there is none."""
        place = text.rpartition("@")[2] if "@" in text else _host(text) or text
        found = self._pattern.fullmatch(place)
        return "" if found is None or self.domains[found[2].lower()] != NONE else found[2].lower()


def _host(text: str) -> str:
    try:
        return urlsplit(text).hostname or ""
    except ValueError:
        return ""


def _steps(path: str) -> list[str]:
    steps: list[str] = []
    for part in path.split("."):
        name = part.removesuffix("[]")
        steps += [name, "[]"] if name != part else [name]
    return steps


def _texts(value: Json, steps: tuple[str, ...]) -> list[str]:
    if not steps:
        return [value] if isinstance(value, str) else []
    if steps[0] == "[]":
        return [text for one in value for text in _texts(one, steps[1:])] if isinstance(value, list) else []
    return _texts(value.get(steps[0]), steps[1:]) if isinstance(value, dict) else []

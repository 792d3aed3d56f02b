"""Domains within an object's texts, and those of another tenant in their place. Pure.

Only texts that the catalog declares are touched. A domain counts where it stands whole: `a@old.example` and
`api://app.old.example/` name `old.example`, `gold.example` doesn't. Of two domains that end alike the longer one
is meant. Of an address the host alone counts, whatever its path or query hold: those are for who answers there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from shared.catalog.spec import DomainName, ObjectType
from shared.domain.objects import Json, JsonObject

NONE = ""  # what a domain is mapped to that nothing takes the place of
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*://(?:[^/?#]*@)?)([^/?#:@]+)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Lost:
    """A text whose domain has no successor, where the tenant takes only domains that it has verified. `alone`: it
    is no item of a list, which the others would do without."""

    member: str
    text: str
    domain: str
    alone: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """An address at `path`, as it was and as it will be. `left`: a domain that it still names and that isn't the
    other tenant's; "" for none."""

    path: str
    old: str
    new: str
    left: str


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

    def address(self, text: str) -> str:
        """A URL with the domain replaced that its host is, or is below."""
        found = _ADDRESS.match(text)
        if found is None:
            return text
        labels = found[2].split(".")
        for number in range(len(labels)):
            old = ".".join(labels[number:]).lower()
            if old in self.domains:
                host = ".".join((*labels[:number], self.domains[old]))
                return found[1] + host + text[found.end() :] if self.domains[old] not in (NONE, old) else text
        return text

    def domain(self, name: str) -> str:
        """A domain's own name, where it is one of these."""
        return self.domains.get(name.lower()) or name

    def rewritten(self, spec: ObjectType, item: JsonObject) -> JsonObject:
        """The object as the other tenant would hold it. Names that it couldn't hold are left out."""
        result: Json = item
        for one in spec.domain_names:
            result = self._at(result, tuple(_steps(one.path)), one)
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

    def shown(self, spec: ObjectType, item: JsonObject) -> list[Shown]:
        """Of an object as the snapshot holds it the addresses that change, and those that should perhaps have."""
        found = []
        for one in spec.domain_names:
            for text in _texts(item, tuple(_steps(one.path))) if one.address else ():
                new = self.address(text)
                left = self._left(new)
                if new != text or left:
                    found.append(Shown(one.path, text, new, left))
        return found

    def _left(self, text: str) -> str:
        names = (found[2].lower() for found in self._pattern.finditer(text))
        return next((one for one in names if self.domains[one] != one), "")

    def _at(self, value: Json, steps: tuple[str, ...], one: DomainName) -> Json:
        verified = one.verified
        if not steps:
            if not isinstance(value, str):
                return value
            return self.address(value) if one.address else self.text(value)
        first, rest = steps[0], steps[1:]
        if first == "[]":
            if not isinstance(value, list):
                return value
            kept = [held for held in value if not (verified and isinstance(held, str) and self._without(held))]
            return _once([self._at(held, rest, one) for held in kept])
        if not isinstance(value, dict) or first not in value:
            return value
        held = value[first]
        if verified and not rest and isinstance(held, str) and self._without(held):
            return {name: held for name, held in value.items() if name != first}
        return {**value, first: self._at(held, rest, one)}

    def _without(self, text: str) -> str:
        """The domain that a name stands under and that nothing takes the place of; "" if there is none."""
        place = text.rpartition("@")[2] if "@" in text else _host(text) or text
        found = self._pattern.fullmatch(place)
        return "" if found is None or self.domains[found[2].lower()] != NONE else found[2].lower()


def _once(values: list[Json]) -> list[Json]:
    """Two texts that have become one are one: Graph takes no list that holds a name or an address twice."""
    return [one for number, one in enumerate(values) if not isinstance(one, str) or one not in values[:number]]


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

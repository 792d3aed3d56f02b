"""Markers: values in a plan's requests that are known only at run time (`domain.plan` says which).

Resolving adds nothing and loses nothing: what holds no marker comes out as it went in. An id that a plan will
replace but has not replaced yet raises `Unresolved`; it is never sent as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from shared.domain.errors import Unusable
from shared.domain.objects import Json

ID = "$id"
JOIN = "$join"
ORIGIN = "$origin"
PASSWORD = "$password"  # noqa: S105 (a marker's name)
BEGINS = "$begins"
_DATE = len("2026-01-31")
_NAMES = frozenset({ID, JOIN, ORIGIN, PASSWORD, BEGINS})


class Unresolved(Exception):
    """The map holds no new id yet for `old`, which the plan replaces."""

    def __init__(self, old: str) -> None:
        super().__init__(f"no new id yet for {old}")
        self.old = old


@dataclass(frozen=True, slots=True)
class Bindings:
    """What markers stand for. `ids`: old → new; `pending`: old ids that the plan replaces, so that one without
    an entry in `ids` is an error and not a kept id. `names`: members that are known by what took their name's
    place. Without `passwords` and `tomorrow` (a date) their markers stay: they are filled in
    at the moment of sending, so that no journal and no comparison ever holds a password."""

    ids: Mapping[str, str] = field(default_factory=dict)
    pending: frozenset[str] = frozenset()
    origin: str = ""
    names: frozenset[str] = frozenset()
    passwords: Mapping[str, str] | None = None
    tomorrow: str = ""

    def id(self, old: str) -> str:
        new = self.ids.get(old)
        if new is not None:
            return new
        if old in self.pending:
            raise Unresolved(old)
        return old

    def name(self, member: str) -> str:
        """What a member is called now."""
        return self.id(member) if member in self.names else member


def resolve(value: Json, bindings: Bindings) -> Json:
    """The value with every marker replaced. Raises `Unresolved`, and `Unusable` for what only looks like one."""
    if isinstance(value, dict):
        kind = _kind(value)
        if kind:
            return _resolved(kind, value[kind], bindings)
        return {bindings.name(name): resolve(member, bindings) for name, member in value.items()}
    if isinstance(value, list):
        return [resolve(item, bindings) for item in value]
    return value


def resolve_path(value: Json, bindings: Bindings) -> str:
    """A request's path: text or markers that make text. Ids are quoted, so that one that came from the tenant
    can't leave its segment; literal text is the planner's and stays."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        kind = _kind(value)
        if kind == JOIN:
            return "".join(resolve_path(part, bindings) for part in _list(value[JOIN]))
        if kind == ID:
            return quote(bindings.id(_text(value[ID])), safe="")
    raise Unusable("a request's path holds something other than text and ids")


def ids_in(value: Json) -> Iterator[str]:
    """The old ids that markers in `value` name."""
    if isinstance(value, dict):
        kind = _kind(value)
        if kind == ID:
            yield _text(value[ID])
        elif kind == JOIN:
            yield from ids_in(value[JOIN])
        elif not kind:
            for member in value.values():
                yield from ids_in(member)
    elif isinstance(value, list):
        for item in value:
            yield from ids_in(item)


def passwords_in(value: Json) -> Iterator[str]:
    """The users that need an initial password for this request."""
    if isinstance(value, dict):
        kind = _kind(value)
        if kind == PASSWORD:
            yield _text(value[PASSWORD])
        elif not kind:
            for member in value.values():
                yield from passwords_in(member)
    elif isinstance(value, list):
        for item in value:
            yield from passwords_in(item)


def _kind(value: Mapping[str, Json]) -> str:
    """The marker's name, "" for ordinary JSON. A marker stands alone in its object."""
    found = [name for name in value if name.startswith("$")]
    if not found:
        return ""
    if len(value) != 1 or found[0] not in _NAMES:
        raise Unusable("a request holds an unknown marker")
    return found[0]


def _resolved(kind: str, argument: Json, bindings: Bindings) -> Json:
    if kind == ID:
        return bindings.id(_text(argument))
    if kind == ORIGIN:
        return bindings.origin
    if kind == PASSWORD:
        if bindings.passwords is None:
            return {PASSWORD: argument}
        password = bindings.passwords.get(_text(argument))
        if password is None:
            raise Unusable("a request needs an initial password where none can be made")
        return password
    if kind == BEGINS:
        date = _text(argument)
        return max(date[:_DATE], bindings.tomorrow) if bindings.tomorrow else {BEGINS: date}
    return "".join(_text(resolve(part, bindings)) for part in _list(argument))


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise Unusable("a marker's argument is not text")
    return value


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise Unusable("a marker's argument is not a list")
    return value

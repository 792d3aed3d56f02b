"""OData query options: $filter, $select, $expand. Parsing only; nothing here knows the tenant."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import bad_request

Predicate = Callable[[dict[str, Any]], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')"
    r"|(?P<word>-?[A-Za-z0-9_@.:+\-]+(?:/[A-Za-z0-9_@.\-]+)*)"
    r"|(?P<punct>[(),]))"
)


@dataclass(frozen=True, slots=True)
class Filter:
    predicate: Predicate
    advanced: bool  # uses an operator that needs ConsistencyLevel: eventual
    equals: tuple[str, tuple[str, ...]] | None  # (property, values) when the whole filter is one equality


@dataclass(frozen=True, slots=True)
class Expand:
    name: str
    select: tuple[str, ...] | None


def _invalid(text: str) -> Exception:
    return bad_request(f"Invalid filter clause: {text}", "BadRequest")


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = self._tokens(text)
        self.at = 0
        self.advanced = False

    def _tokens(self, text: str) -> list[tuple[str, str]]:
        out, position = [], 0
        text = text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None:
                raise _invalid(f"syntax error at position {position}")
            kind = str(found.lastgroup)
            out.append((kind, found.group(kind)))
            position = found.end()
        return out

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self, expected: str | None = None) -> tuple[str, str]:
        token = self.peek()
        if token[0] == "end" or (expected is not None and token[1] != expected):
            raise _invalid(f"expected {expected or 'more'}, found '{token[1]}'")
        self.at += 1
        return token

    def parse(self) -> Predicate:
        found = self.either()
        if self.peek()[0] != "end":
            raise _invalid(f"unexpected '{self.peek()[1]}'")
        return found

    def either(self) -> Predicate:
        parts = [self.both()]
        while self.peek()[1] == "or":
            self.take()
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else lambda o: any(p(o) for p in parts)

    def both(self) -> Predicate:
        parts = [self.single()]
        while self.peek()[1] == "and":
            self.take()
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else lambda o: all(p(o) for p in parts)

    def single(self) -> Predicate:
        kind, text = self.take()
        if text == "(":
            inner = self.either()
            self.take(")")
            return inner
        if text == "not":
            self.advanced = True
            negated = self.single()
            return lambda o: not negated(o)
        if kind != "word":
            raise _invalid(f"unexpected '{text}'")
        if text in ("startswith", "endswith", "startsWith", "endsWith") and self.peek()[1] == "(":
            return self.text_function(text.lower())
        if text.endswith(("/any", "/all")) and self.peek()[1] == "(":
            return self.lambda_over(text)
        return self.comparison(text)

    def text_function(self, name: str) -> Predicate:
        self.take("(")
        path = self.take()[1]
        self.take(",")
        wanted = str(self.literal()).casefold()
        self.take(")")
        if name == "endswith":
            self.advanced = True
            return lambda o: any(isinstance(v, str) and v.casefold().endswith(wanted) for v in _reach(o, path))
        return lambda o: any(isinstance(v, str) and v.casefold().startswith(wanted) for v in _reach(o, path))

    def lambda_over(self, text: str) -> Predicate:
        path, _, quantifier = text.rpartition("/")
        self.take("(")
        variable = self.take()[1]
        if not variable.endswith(":"):
            # "t:t/id" may arrive as one word
            variable, _, rest = variable.partition(":")
            self.at -= 1
            self.tokens[self.at] = ("word", rest)
        else:
            variable = variable[:-1]
        inner = self.either()
        self.take(")")
        check = all if quantifier == "all" else any

        def run(o: dict[str, Any]) -> bool:
            items = [i for v in _reach(o, path) for i in (v if isinstance(v, list) else [v])]
            return check(inner({variable: item}) for item in items)

        return run

    def comparison(self, path: str) -> Predicate:
        operator = self.take()[1]
        if operator == "in":
            self.take("(")
            values = [self.literal()]
            while self.peek()[1] == ",":
                self.take()
                values.append(self.literal())
            self.take(")")
            folded = {_fold(v) for v in values}
            return lambda o: any(_fold(v) in folded for v in _reach(o, path) or [None])
        wanted = _fold(self.literal())
        if operator == "eq":
            return lambda o: any(_fold(v) == wanted for v in _reach(o, path) or [None])
        if operator == "ne":
            self.advanced = True
            return lambda o: all(_fold(v) != wanted for v in _reach(o, path) or [None])
        compare = _COMPARISONS.get(operator)
        if compare is None:
            raise _invalid(f"unknown operator '{operator}'")
        return lambda o: any(compare(_order(v, wanted), 0) for v in _reach(o, path) if v is not None)

    def literal(self) -> Any:
        kind, text = self.take()
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if text in ("true", "false"):
            return text == "true"
        if text == "null":
            return None
        try:
            return int(text)
        except ValueError:
            return text


_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "ge": lambda a, b: a >= b,
    "gt": lambda a, b: a > b,
    "le": lambda a, b: a <= b,
    "lt": lambda a, b: a < b,
}
_TIME = re.compile(r"^\d{4}-\d\d-\d\dt\d\d:\d\d", re.IGNORECASE)


def _fold(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _order(held: Any, wanted: Any) -> int:
    left, right = _fold(held), wanted
    if isinstance(left, str) and isinstance(right, str) and _TIME.match(left) and _TIME.match(right):
        left, right = _time_key(left), _time_key(right)
    if type(left) is not type(right):
        return -1
    return int(left > right) - int(left < right)


def _time_key(text: str) -> str:
    """Comparable without parsing: fraction padded, zone taken as UTC."""
    whole, _, fraction = text.rstrip("z").replace("+00:00", "").partition(".")
    return f"{whole}.{fraction:0<7}"


def _reach(obj: Any, path: str) -> list[Any]:
    """The values at a path; a collection on the way or at the end gives each of its items."""
    here = [obj]
    for name in path.split("/"):
        there: list[Any] = []
        for item in here:
            value = item.get(name) if isinstance(item, dict) else None
            if value is None:
                continue
            there.extend(value if isinstance(value, list) else [value])
        here = there
    return here


_ONE_EQUALITY = re.compile(r"^\s*\(?\s*(\w+)\s+eq\s+'((?:[^']|'')*)'\s*\)?\s*$")
_ONE_IN = re.compile(r"^\s*(\w+)\s+in\s*\(([^()]*)\)\s*$")


def parse_filter(text: str) -> Filter:
    parser = _Parser(text)
    predicate = parser.parse()
    equals: tuple[str, tuple[str, ...]] | None = None
    one = _ONE_EQUALITY.match(text)
    many = _ONE_IN.match(text)
    if one:
        equals = (one.group(1), (one.group(2).replace("''", "'"),))
    elif many:
        equals = (many.group(1), tuple(re.findall(r"'([^']*)'", many.group(2))))
    elif " or " in text and re.fullmatch(r"\s*id eq '[^']*'(\s+or\s+id eq '[^']*')*\s*", text):
        equals = ("id", tuple(re.findall(r"'([^']*)'", text)))
    return Filter(predicate, parser.advanced, equals)


def parse_select(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise bad_request("The $select query option is empty.", "BadRequest")
    return names


_EXPAND = re.compile(r"^\s*(\w+)\s*(?:\((.*)\))?\s*$")


def parse_expand(text: str) -> Expand:
    depth = 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            raise bad_request("The request may expand only one relationship.", "Request_UnsupportedQuery")
    found = _EXPAND.match(text)
    if found is None:
        raise bad_request(f"Invalid $expand '{text}'.", "BadRequest")
    options = (found.group(2) or "").strip()
    if not options:
        return Expand(found.group(1), None)
    name, _, value = options.partition("=")
    if name.strip() != "$select" or ";" in value:
        raise bad_request(f"Expand option '{options}' is not supported.", "Request_UnsupportedQuery")
    return Expand(found.group(1), parse_select(value))

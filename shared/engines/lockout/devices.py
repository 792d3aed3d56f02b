"""Device filters, for a device that nobody manages.

Such a device may be unknown to the directory or registered as somebody's own. A filter is decided where it asks for
compliance, ownership and trust type only and every such device gives the same answer; any other is undecided.
How operators treat a device without the value: Microsoft's page "Conditional Access: Filter for devices".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import product
from typing import Final

from shared.domain.objects import Json
from shared.engines.lockout.ternary import Ternary

_UNMANAGED: Final = tuple(
    {"device.iscompliant": compliant, "device.deviceownership": ownership, "device.trusttype": trust}
    for compliant, ownership, trust in product((None, "false"), (None, "unknown", "personal"), (None, "workplace"))
)
_TOKEN: Final = re.compile(r'\s*(?:([()\[\],])|"([^"]*)"|\'([^\']*)\'|(-?[\w.]+))')
_DEEPEST: Final = 50  # of parentheses; more is no filter that anybody wrote

_Device = Mapping[str, str | None]
_Test = Callable[[_Device], bool]


class _NotUnderstood(Exception):
    """Never leaves this module: such a filter is undecided."""


def matches_unmanaged(rule: Json) -> Ternary:
    """Whether the filter's rule matches a device that nobody manages."""
    if not isinstance(rule, str):
        return None
    try:
        test = _Rule(rule).read()
    except _NotUnderstood:
        return None
    answers = {test(device) for device in _UNMANAGED}
    return answers.pop() if len(answers) == 1 else None


# Operators on one value. Those that deny are met by a device without a value, the others are not.
_OPERATORS: Final[Mapping[str, Callable[[str | None, tuple[str, ...]], bool]]] = {
    "-eq": lambda held, asked: held in asked,
    "-ne": lambda held, asked: held not in asked,
    "-in": lambda held, asked: held in asked,
    "-notin": lambda held, asked: held not in asked,
}


class _Rule:
    """A rule read by descent: or, then and, then a comparison or parentheses."""

    def __init__(self, rule: str) -> None:
        self._tokens: list[str] = []
        at, end = 0, len(rule.rstrip())
        while at < end:
            found = _TOKEN.match(rule, at)
            if found is None:
                raise _NotUnderstood
            sign, double, single, word = found.groups()
            quoted = double if double is not None else single
            self._tokens.append(sign or (word.casefold() if word else f'"{quoted.casefold()}'))
            at = found.end()
        self._at = 0
        self._depth = 0

    def read(self) -> _Test:
        test = self._either()
        if self._at != len(self._tokens):
            raise _NotUnderstood
        return test

    def _either(self) -> _Test:
        tests = [self._both()]
        while self._take("-or"):
            tests.append(self._both())
        return lambda device: any(test(device) for test in tests)

    def _both(self) -> _Test:
        tests = [self._one()]
        while self._take("-and"):
            tests.append(self._one())
        return lambda device: all(test(device) for test in tests)

    def _one(self) -> _Test:
        if self._take("("):
            self._depth += 1
            if self._depth > _DEEPEST:
                raise _NotUnderstood
            test = self._either()
            self._expect(")")
            return test
        return self._comparison()

    def _comparison(self) -> _Test:
        name, operator = self._next(), self._next()
        if name not in _UNMANAGED[0] or operator not in _OPERATORS:
            raise _NotUnderstood
        asked = self._values() if operator in ("-in", "-notin") else (self._value(),)
        compare = _OPERATORS[operator]
        return lambda device: compare(device[name], asked)

    def _values(self) -> tuple[str, ...]:
        self._expect("[")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._expect("]")
        return tuple(values)

    def _value(self) -> str:
        token = self._next()
        if token.startswith('"'):
            return token[1:]
        if token in ("true", "false"):
            return token
        raise _NotUnderstood

    def _next(self) -> str:
        if self._at == len(self._tokens):
            raise _NotUnderstood
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, token: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at] == token
        self._at += found
        return found

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise _NotUnderstood

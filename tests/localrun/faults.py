"""Fault rules of the gateway: which request suffers what.

Owns: matching and counting. What must stay true: a rule fires on the nth match since it was set, at most `times`
times (0: for ever), and at most one rule fires for a request (the oldest that is due), so that a test can say
exactly which request fails.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Self


class FaultAction(StrEnum):
    STATUS = "status"  # answer this status; the request is not forwarded
    DROP_BEFORE = "dropBefore"  # close the connection; the request is not forwarded
    DROP_AFTER = "dropAfter"  # forward it, then close the connection: the answer is lost
    HOLD_BEFORE = "holdBefore"  # wait for `seconds` or until released, then go on
    HOLD_AFTER = "holdAfter"  # forward it, then wait before answering


_HOLDS = (FaultAction.HOLD_BEFORE, FaultAction.HOLD_AFTER)


@dataclass(frozen=True, slots=True)
class FaultRule:
    """`path` is a regular expression searched in `container/blob`; absent members match everything."""

    action: FaultAction
    role: str | None = None
    method: str | None = None
    operation: str | None = None
    path: str = ""
    nth: int = 1
    times: int = 1
    status: int = 503
    code: str = "ServerBusy"
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 30.0

    def __post_init__(self) -> None:
        re.compile(self.path)
        if self.nth < 1 or self.times < 0 or self.seconds < 0:
            raise ValueError("nth starts at 1; times and seconds are not negative")

    @classmethod
    def from_json(cls, spec: Mapping[str, Any]) -> Self:
        if unknown := set(spec) - {item.name for item in fields(cls)}:
            raise ValueError(f"unknown members of a fault rule: {sorted(unknown)}")
        if "action" not in spec:
            raise ValueError("a fault rule needs an action")
        return cls(**{**spec, "action": FaultAction(spec["action"])})

    def matches(self, role: str, method: str, operation: str, path: str) -> bool:
        return (
            self.role in (None, role)
            and self.method in (None, method)
            and self.operation in (None, operation)
            and re.search(self.path, path) is not None
        )


@dataclass(slots=True)
class SetRule:
    """A rule in force and what it has done so far."""

    id: int
    rule: FaultRule
    seen: int = 0
    fired: int = 0
    waiting: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def to_json(self) -> dict[str, Any]:
        members = {item.name: getattr(self.rule, item.name) for item in fields(self.rule)}
        return {"id": self.id, **members, "seen": self.seen, "fired": self.fired, "waiting": self.waiting}

    async def hold(self) -> None:
        """Wait until released, or for the rule's time."""
        self.waiting += 1
        try:
            async with asyncio.timeout(self.rule.seconds):
                await self.released.wait()
        except TimeoutError:
            return
        finally:
            self.waiting -= 1


class FaultTable:
    """The rules in force, oldest first."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._rules: dict[int, SetRule] = {}

    def add(self, rule: FaultRule) -> SetRule:
        made = SetRule(next(self._ids), rule)
        self._rules[made.id] = made
        return made

    def all(self) -> list[SetRule]:
        return list(self._rules.values())

    def remove(self, rule_id: int | None = None) -> bool:
        """Take back one rule or all; requests that wait on it go on."""
        gone = [self._rules.pop(key) for key in list(self._rules) if rule_id in (None, key)]
        for rule in gone:
            rule.released.set()
        return bool(gone)

    def take(self, role: str, method: str, operation: str, path: str) -> SetRule | None:
        """The rule that fires for this request, if any; every matching rule counts it."""
        due: SetRule | None = None
        for entry in self._rules.values():
            if not entry.rule.matches(role, method, operation, path):
                continue
            entry.seen += 1
            spent = entry.rule.times and entry.fired >= entry.rule.times
            if due is None and entry.seen >= entry.rule.nth and not spent:
                entry.fired += 1
                due = entry
        return due

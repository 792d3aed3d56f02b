"""The form of a rule, and the book that counts which rules a run leaned on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    statement: str
    source: str  # a public page's title and address, or "Microsoft Graph metadata v1.0"
    unverified: bool = False


Alternatives = tuple[frozenset[str], ...]


def any_of(*names: str) -> Alternatives:
    """Accepted permissions: each name is an alternative; "A+B" needs both."""
    return tuple(frozenset(name.split("+")) for name in names)


def words(text: str) -> tuple[str, ...]:
    """Names written as one string: long lists stay readable."""
    return tuple(text.split())


class RuleBook:
    """Counts each use of a rule. An id that is not in the book is a mistake in the simulator."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules: dict[str, Rule] = {}
        for rule in rules:
            if rule.id in self.rules:
                raise ValueError(f"rule {rule.id} is declared twice")
            self.rules[rule.id] = rule
        self.uses: Counter[str] = Counter()

    def lean(self, rule_id: str) -> None:
        if rule_id not in self.rules:
            raise KeyError(rule_id)
        self.uses[rule_id] += 1

    def reset(self) -> None:
        self.uses.clear()

    def unverified_leaned_on(self) -> list[dict[str, Any]]:
        return [
            {"id": r.id, "statement": r.statement, "source": r.source, "uses": self.uses[r.id]}
            for r in self.rules.values()
            if r.unverified and self.uses[r.id]
        ]

"""Faults by rule: which requests fail, and how. Installed through the control plane, counted when they fire."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Any

from .rules.registry import words

_EFFECTS = frozenset(
    words(
        "status headers body dropConnectionBeforeCommit dropConnectionAfterCommit loseAnswer truncateBody "
        "delaySeconds emptyPage expirePageToken expireDeltaToken nextLinkHost hidePermission afterCommit"
    )
)
_MATCHES = frozenset(words("method pathRegex queryRegex appid nth times probability seed inBatch"))


@dataclass
class Fault:
    """One rule. `nth` counts matching requests from 1; `times` bounds how often it fires."""

    match: dict[str, Any]
    effect: dict[str, Any]
    seen: int = 0
    fired: int = 0
    pattern: re.Pattern[str] | None = None
    query_pattern: re.Pattern[str] | None = None
    rng: random.Random = field(default_factory=random.Random)

    def applies(self, method: str, path: str, query: str, app: str, *, in_batch: bool) -> bool:
        match = self.match
        if "method" in match and method.upper() not in _as_list(match["method"]):
            return False
        if self.pattern is not None and self.pattern.search(path) is None:
            return False
        if self.query_pattern is not None and self.query_pattern.search(query) is None:
            return False
        if "appid" in match and match["appid"] != app:
            return False
        if "inBatch" in match and bool(match["inBatch"]) != in_batch:
            return False
        self.seen += 1
        if "nth" in match:
            if not match["nth"] <= self.seen < match["nth"] + match.get("times", 1):
                return False
        elif "times" in match and self.fired >= match["times"]:
            return False
        if "probability" in match and self.rng.random() >= match["probability"]:
            return False
        self.fired += 1
        return True


def _as_list(value: Any) -> list[str]:
    return [v.upper() for v in value] if isinstance(value, list) else [str(value).upper()]


class FaultPlan:
    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def install(self, rules: list[dict[str, Any]]) -> None:
        fresh = []
        for number, rule in enumerate(rules):
            match, effect = rule.get("match", {}), rule.get("effect", {})
            unknown = (set(match) - _MATCHES) | (set(effect) - _EFFECTS) | (set(rule) - {"match", "effect"})
            if unknown or not effect:
                raise ValueError(f"fault rule {number}: unknown or missing members {sorted(unknown)}")
            pattern = re.compile(match["pathRegex"]) if "pathRegex" in match else None
            query = re.compile(match["queryRegex"]) if "queryRegex" in match else None
            seed = match.get("seed", number)
            fresh.append(
                Fault(dict(match), dict(effect), pattern=pattern, query_pattern=query, rng=random.Random(seed))
            )
        self._faults.extend(fresh)

    def clear(self) -> None:
        self._faults.clear()

    def effects(self, method: str, path: str, app: str, *, in_batch: bool, query: str = "") -> dict[str, Any]:
        """All effects that hit this request, merged; a later rule wins over an earlier one."""
        merged: dict[str, Any] = {}
        for fault in self._faults:
            if fault.applies(method, path, query, app, in_batch=in_batch):
                merged.update(fault.effect)
        return merged

    def report(self) -> list[dict[str, Any]]:
        return [{"match": f.match, "effect": f.effect, "seen": f.seen, "fired": f.fired} for f in self._faults]

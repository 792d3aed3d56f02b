"""A small reader of dynamic membership rules: `(user.x -eq "y") -and|-or (...)`.

Anything else is not evaluated (None), and the group's members then stay as they are.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_TERM = re.compile(
    r'\(?\s*user\.(\w+)\s+-(eq|ne|startsWith|contains)\s+(?:"([^"]*)"|(true|false))\s*\)?', re.IGNORECASE
)


@lru_cache(maxsize=256)
def _terms(rule: str) -> tuple[str, tuple[tuple[str, str, Any], ...]] | None:
    parts = re.split(r"\s+-(and|or)\s+", rule.strip(), flags=re.IGNORECASE)
    joiners = {p.lower() for p in parts[1::2]}
    if len(joiners) > 1:
        return None
    terms = []
    for part in parts[::2]:
        found = _TERM.fullmatch(part.strip())
        if found is None:
            return None
        wanted = found.group(3) if found.group(4) is None else found.group(4).lower() == "true"
        terms.append((found.group(1), found.group(2).lower(), wanted))
    return (joiners.pop() if joiners else "and"), tuple(terms)


def _holds(user: dict[str, Any], name: str, operator: str, wanted: Any) -> bool:
    held = user.get(name)
    if isinstance(wanted, str):
        held, wanted = str(held or "").casefold(), wanted.casefold()
    if operator == "eq":
        return bool(held == wanted)
    if operator == "ne":
        return bool(held != wanted)
    if operator == "startswith":
        return str(held).startswith(str(wanted))
    return str(wanted) in str(held)


def members_of(rule: str, users: dict[str, dict[str, Any]]) -> set[str] | None:
    parsed = _terms(rule)
    if parsed is None:
        return None
    joiner, terms = parsed
    combine = all if joiner == "and" else any
    return {key for key, user in users.items() if combine(_holds(user, *term) for term in terms)}

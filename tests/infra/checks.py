"""All checks on the templates, by name; each yields what is wrong, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from tests.infra import consistency, policy, residency, rights, style, types
from tests.infra.cases import Texts
from tests.infra.syntax import BicepError

Check = Callable[[Texts], Iterator[str]]


def _policy(texts: Texts) -> Iterator[str]:
    for deployment, _ in (*texts.all, *texts.copies):
        yield from policy.findings(deployment)


CHECKS: Final[dict[str, Check]] = {
    "style": style.findings,
    "properties": _policy,
    "rights": rights.findings,
    "code": consistency.findings,
    "alerts": consistency.watched,
    "residency and network": residency.findings,
    "refusals": residency.refused,
    "types": types.findings,
}


def first_finding(texts: Texts) -> tuple[str, str] | None:
    """Which check finds something first, and what; a template that can't be expanded is found by `expansion`."""
    try:
        for name, check in CHECKS.items():
            for problem in check(texts):
                return name, problem
    except (BicepError, LookupError, TypeError, AttributeError, ValueError) as error:
        return "expansion", f"{type(error).__name__}: {error}"
    return None

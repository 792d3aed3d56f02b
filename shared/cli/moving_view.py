"""A plan that goes into another tenant, in words: from where to where, and what can't move and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from shared.cli.plan_view import ADDRESSES, REASONS, address_fate
from shared.domain.plan import Exclusion, Reason, RestorePlan

if TYPE_CHECKING:
    from rich.console import RenderableType

# What the other tenant had of its own, or has already, is no loss.
_NO_LOSS = (Reason.ADDED_SINCE, Reason.NEW_ID)
_NAMED = 5


def moving_facts(plan: RestorePlan) -> list[tuple[str, str]]:
    """Nothing for a plan that stays in its tenant."""
    if not plan.source_tenant:
        return []
    domains = ", ".join(f"{old} → {new or 'none'}" for old, new in plan.domains.items())
    return [
        ("From tenant", plan.source_tenant),
        ("INTO TENANT", plan.tenant),
        ("Domains", domains or "none are known"),
        ("Already there", f"{len(plan.known_ids):,}" if plan.known_ids else ""),
    ]


def staying(plan: RestorePlan) -> list[tuple[Reason, str, str, list[Exclusion]]]:
    """What can't move, folded by reason, type and member, in this order; whole objects before their members."""
    groups: defaultdict[tuple[Reason, str, str], list[Exclusion]] = defaultdict(list)
    for one in plan.exclusions:
        if one.reason not in _NO_LOSS:
            groups[one.reason, one.type, one.member].append(one)
    ordered = sorted(groups.items(), key=lambda group: (group[0][0].value, group[0][2] != "", *group[0][1:]))
    return [(*key, group) for key, group in ordered]


def staying_table(plan: RestorePlan) -> Iterable[RenderableType]:
    from shared.cli.render import table

    groups = staying(plan)
    if groups:
        yield table(
            ("Because", "What", "How many", "Which", "Why"),
            [
                (
                    REASONS[reason],
                    f"{name}.{member}" if member else name,
                    f"{len(group):,}",
                    _names(group),
                    group[0].why,
                )
                for reason, name, member, group in groups
            ],
            numbers=("How many",),
            title="What can't move, or not as it is",
        )


def addresses_table(plan: RestorePlan) -> Iterable[RenderableType]:
    from shared.cli.render import table

    if plan.addresses:
        yield table(
            ("What", "Where", "Address", "Becomes"),
            [(f"{one.type} {one.name}", one.path, one.old, address_fate(one)) for one in plan.addresses],
            title=ADDRESSES,
        )


def staying_document(plan: RestorePlan) -> list[dict[str, object]]:
    return [
        {
            "reason": reason.value,
            "type": name,
            "member": member,
            "objects": [{"id": one.target, "name": one.name, "other": one.other, "why": one.why} for one in group],
        }
        for reason, name, member, group in staying(plan)
    ]


def _names(group: list[Exclusion]) -> str:
    names = list(dict.fromkeys(one.name or one.target for one in group))
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more

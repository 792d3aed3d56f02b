"""Ids that earlier restores replaced, from their signed journals.

A second plan from the same snapshot must find what the first one made, or it makes it again.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.errors import Refused, Unusable
from shared.engines.evidence import Evidence, StoredPlan
from shared.engines.journal import Journal
from shared.engines.paths import tenant_folder

_PLAN = "/plan.jws"


async def known_ids(*evidence: Evidence) -> dict[str, str]:
    """Old → new over all plans that have run, in the order they were made; an id replaced twice leads to its last
    successor by way of the first. Steps that were not finished count with what their journal says. More than one
    container where restores were run from several places.

    Raises `IntegrityError` for a journal that doesn't hold: a plan made without it could double what is there.
    """
    ids: dict[str, str] = {}
    for stored, journal in await _plans(evidence):
        for step in stored.plan.steps:
            if not step.operations:
                continue
            for outcome in (await journal.step(stored.plan.id, step.id)).last.values():
                if outcome.state.good:
                    ids.update(outcome.ids)
    return {old: new for old, new in ids.items() if old != new}


async def _plans(evidence: Sequence[Evidence]) -> list[tuple[StoredPlan, Journal]]:
    """Plans of which at least one step was begun, oldest first."""
    found = []
    for one in evidence:
        journal = Journal(one)
        for plan in sorted(await _begun(one)):
            try:
                found.append((await one.load_plan(plan), journal))
            except (Refused, Unusable):
                continue  # not a plan that our planner signed: no step of it can have run
    return sorted(found, key=lambda pair: (pair[0].plan.created_at, pair[0].plan.id))


async def _begun(evidence: Evidence) -> set[str]:
    folder = f"{tenant_folder(evidence.tenant)}plans/"
    begun: set[str] = set()
    async for stat in evidence.store.list(folder):
        plan, _, rest = stat.name.removeprefix(folder).partition("/")
        if rest.startswith("steps/"):
            begun.add(plan)
    return begun

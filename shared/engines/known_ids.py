"""What earlier restores did and met, from their signed journals.

A second plan from the same snapshot must find what the first one made, or it makes it again; and what somebody
changed while the first one was waiting must not be taken for damage by the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.errors import Refused, Unusable
from shared.domain.objects import JsonObject, ObjectKey
from shared.domain.plan import Mechanism, Operation, Outcome, OutcomeState
from shared.engines.evidence import Evidence, StoredPlan
from shared.engines.journal import Journal
from shared.engines.markers import Bindings, resolve
from shared.engines.paths import tenant_folder

_PLAN = "/plan.jws"


_WRITES = (Mechanism.PATCH, Mechanism.FINISH, Mechanism.ENABLE)


@dataclass(slots=True)
class Earlier:
    """`ids`: old → new. `seen`: what plans saw of members of which their restore then found another value, and
    wrote nothing; until a later one wrote them. Keys as the plans called the objects."""

    ids: dict[str, str] = field(default_factory=dict)
    seen: dict[ObjectKey, JsonObject] = field(default_factory=dict)

    def note(self, operation: Operation, outcome: Outcome, *, seen: bool) -> None:
        if outcome.state.good:
            self.ids.update(outcome.ids)
        if not seen or operation.mechanism not in _WRITES:
            return
        bindings = Bindings(self.ids, names=frozenset(operation.names))
        target = self.ids.get(operation.target, operation.target)
        held = self.seen.setdefault(ObjectKey(operation.type, target), {})
        if outcome.state is OutcomeState.CHANGED:
            held.update({bindings.name(name): resolve(old, bindings) for name, old in operation.before.items()})
        elif outcome.state.good:
            for name in operation.wanted:
                held.pop(bindings.name(name), None)


async def known_ids(*evidence: Evidence) -> dict[str, str]:
    """`Earlier.ids` alone."""
    return (await earlier(*evidence)).ids


async def earlier(*evidence: Evidence, since: datetime | None = None) -> Earlier:
    """Old → new over all plans that have run, in the order they were made; an id replaced twice leads to its last
    successor by way of the first. Steps that were not finished count with what their journal says. More than one
    container where restores were run from several places.

    `since`: when the snapshot was taken; without it, nothing is `seen`.

    Raises `IntegrityError` for a journal that doesn't hold: a plan made without it could double what is there.
    """
    told = Earlier()
    for stored, journal in await _plans(evidence):
        # A snapshot that is older than the plan knows nothing of what was changed behind that plan's back.
        # What an undo met was changed by people after the restore, and is no concern of another one.
        seen = since is not None and stored.plan.created_at >= since and not stored.plan.undo_of
        for step in stored.plan.steps:
            if not step.operations:
                continue
            last = (await journal.step(stored.plan.id, step.id)).last
            for operation in step.operations:
                if (outcome := last.get(operation.id)) is not None:
                    told.note(operation, outcome, seen=seen)
    return Earlier(
        {old: new for old, new in told.ids.items() if old != new},
        {key: members for key, members in told.seen.items() if members},
    )


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

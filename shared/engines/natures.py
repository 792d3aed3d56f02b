"""What missing objects really were, where an object of another type tells: for good, with an end, or passing.

A role's activation reads like an assignment. Brought back as one it would be a permanent right that nobody gave,
so an object of which nothing tells what it was stays out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.catalog.spec import Nature
from shared.domain.objects import JsonObject
from shared.domain.plan import Reason
from shared.domain.snapshot import Completeness, State
from shared.engines.conditions import holds
from shared.engines.opening import read_objects
from shared.engines.view import View


@dataclass(frozen=True, slots=True)
class Told:
    """What a snapshot holds of the natures of some objects: id → the object that tells."""

    completeness: Completeness
    by_id: Mapping[str, JsonObject] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` None: it can come back, until `end` ("" is for good)."""

    reason: Reason | None = None
    why: str = ""
    end: str = ""


async def told_of(snapshot: View, nature: Nature, ids: Iterable[str]) -> Told:
    """Reads all objects of the telling type, and keeps those that speak of these ids."""
    completeness = snapshot.completeness(nature.told_by)
    wanted = frozenset(ids)
    found: dict[str, JsonObject] = {}
    if wanted:
        async for _, item in read_objects(snapshot, nature.told_by, snapshot.index(nature.told_by)):
            about = item.get(nature.key)
            if isinstance(about, str) and about in wanted and holds(nature.direct, item):
                found[about] = item
    return Told(completeness, found)


def verdict(nature: Nature, told: Told, object_id: str, now: datetime) -> Verdict:
    """Whether and until when the object may come back."""
    if told.completeness.state is State.NOT_LICENSED:
        return Verdict()  # without the licence there are neither activations nor ends
    item = told.by_id.get(object_id)
    if item is None:
        state = told.completeness
        what = state.state.value + (f" ({state.reason})" if state.reason else "")
        why = f"the snapshot doesn't tell what it was: {nature.told_by} {what}"
        return Verdict(Reason.UNCLASSIFIED, why)
    if holds(nature.passing, item):
        return Verdict(Reason.PASSING, nature.passing_why)
    end = item.get(nature.end)
    if not isinstance(end, str) or not end:
        return Verdict()
    moment = _moment(end)
    if moment is None:
        return Verdict(Reason.UNCLASSIFIED, f"its end can't be read: {end[:40]!r}")
    if moment <= now:
        return Verdict(Reason.ENDED, f"it would have ended by itself at {end}")
    return Verdict(end=end)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)

"""What missing objects really were, as they or objects of another type tell: for good, with an end, or passing.

A role's activation reads like an assignment. Brought back as one it would be a permanent right that nobody gave,
so an object of which nothing tells what it was stays out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.catalog.spec import Nature, ObjectType
from shared.domain.objects import JsonObject
from shared.domain.plan import Reason
from shared.domain.snapshot import Completeness, State
from shared.engines.conditions import any_holds, holds, member_at
from shared.engines.opening import read_objects
from shared.engines.view import View

Said = tuple[str, ...]  # the values of a nature's `same` members

_ALL: Final = Completeness(State.COMPLETE)


@dataclass(frozen=True, slots=True)
class Told:
    """What a snapshot holds of the natures of some objects: id → the object that tells. `begun`: ids of those that
    another type has as what they came to be when they began; `of_begun`: how complete that type is."""

    completeness: Completeness
    by_id: Mapping[str, JsonObject] = field(default_factory=dict)
    begun: frozenset[str] = frozenset()
    of_begun: Completeness = _ALL


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` None: it can come back, from `start` ("" is at once) until `end` ("" is for good)."""

    reason: Reason | None = None
    why: str = ""
    end: str = ""
    start: str = ""


async def told_of(snapshot: View, spec: ObjectType, items: Mapping[str, JsonObject]) -> Told:
    """What tells of these objects (by id): all objects of the telling type are read, those that speak of them
    kept. None is read where the objects tell themselves."""
    nature = spec.nature
    assert nature is not None
    if not nature.told_by:
        told = Told(snapshot.completeness(spec.name), items)
        if not nature.begun_as or not items:
            return told
        begun = await as_begun(snapshot, nature)
        ids = frozenset(key for key, item in items.items() if said(nature, item) in begun)
        return replace(told, begun=ids, of_begun=snapshot.completeness(nature.begun_as))
    completeness = snapshot.completeness(nature.told_by)
    found: dict[str, JsonObject] = {}
    if items:
        async for _, item in read_objects(snapshot, nature.told_by, snapshot.index(nature.told_by)):
            about = item.get(nature.key)
            direct = nature.direct is None or holds(nature.direct, item)
            if isinstance(about, str) and about in items and direct:
                found[about] = item
    return Told(completeness, found)


async def as_begun(view: View, nature: Nature) -> set[Said]:
    """What the objects say that such as these come to be when they begin."""
    if not nature.begun_as:
        return set()
    objects = read_objects(view, nature.begun_as, view.index(nature.begun_as))
    return {said(nature, item) async for _, item in objects}


def said(nature: Nature, item: JsonObject) -> Said:
    return tuple(str(item.get(name)) for name in nature.same)


def verdict(nature: Nature, told: Told, object_id: str, now: datetime) -> Verdict:
    """Whether, from when and until when the object may come back."""
    if told.completeness.state is State.NOT_LICENSED:
        return Verdict()  # without the licence there are neither activations nor ends
    item = told.by_id.get(object_id)
    if item is None:
        why = f"the snapshot doesn't tell what it was: {nature.told_by} {told.completeness}"
        return Verdict(Reason.UNCLASSIFIED, why)
    if any_holds(nature.passing, item):
        return Verdict(Reason.PASSING, nature.passing_why)
    start = _text(item, nature.start)
    begins = read_moment(start)
    if start and begins is None:
        return Verdict(Reason.UNCLASSIFIED, f"its start can't be read: {start[:40]!r}")
    if begins is None or begins <= now:
        start = ""  # a request takes no start that is past
        if object_id in told.begun:
            return Verdict(Reason.COMPUTED, f"it had begun, so that it comes back as one of {nature.begun_as}")
        if nature.begun_as and not told.of_begun.is_complete:
            why = f"the snapshot doesn't tell whether it had begun: {nature.begun_as} {told.of_begun}"
            return Verdict(Reason.UNCLASSIFIED, why)
    if nature.lasting is not None and holds(nature.lasting, item):
        return Verdict(start=start)
    end = _text(item, nature.end) or _after(begins, _text(item, nature.duration))
    if not end and nature.lasting is None:
        return Verdict(start=start)
    moment = read_moment(end)
    if moment is None:
        return Verdict(Reason.UNCLASSIFIED, f"its end can't be read: {end[:40]!r}")
    if moment <= now:
        return Verdict(Reason.ENDED, f"it would have ended by itself at {end}")
    return Verdict(start=start, end=end)


def _text(item: JsonObject, path: str) -> str:
    value = member_at(item, path) if path else None
    return value if isinstance(value, str) else ""


_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.ASCII)


def _after(begins: datetime | None, duration: str) -> str:
    """The end of a period; "" for a duration (ISO 8601, days to seconds, which `Edm.Duration` allows) that can't
    be read: it is told as an end that can't be."""
    found = _DURATION.fullmatch(duration)
    if begins is None or found is None or not any(found.groups()):
        return ""
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    try:
        ends = begins + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return ""
    return ends.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)

"""Drafts for what was added since the snapshot, where a request asked for it to go; else it is told and stays.

Objects go to a recycle bin only: where a type has none, removing would be for good, and stays a person's business.
Links go, because the snapshot says which there were. What the tenant's owner depends on never goes: break-glass
accounts, and what this program signs in with.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.catalog.spec import LinkWrite, ObjectType, WaveNumber
from shared.domain.objects import JsonObject, Link, ObjectKey
from shared.domain.plan import Reason
from shared.domain.snapshot import IndexEntry
from shared.engines.conditions import protection
from shared.engines.opening import each, read_objects
from shared.engines.plan_objects import Planning
from shared.engines.survey import LinkSurvey, TypeSurvey
from shared.engines.view import View

_NOT_ASKED = "removing it was not asked for"
_NO_BIN = "it has no recycle bin, so removing it would be for good"


async def plan_added(planning: Planning, live: View, survey: TypeSurvey, kept: Iterable[str]) -> None:
    """`kept`: ids, also server-made ones such as appId, of what never goes."""
    spec, added = survey.spec, planning.added(survey)
    if not planning.reach.prune or spec.bin is None:
        for entry in added:
            why = _NO_BIN if planning.reach.prune else _NOT_ASKED
            planning.exclude(spec, entry.id, entry.name, Reason.ADDED_SINCE, f"it was not in the snapshot; {why}")
        return
    never = frozenset(kept)
    async for entry, item in read_objects(live, spec.name, each(added)):
        reason = _why_kept(spec, entry, item, never)
        if reason is not None:
            planning.exclude(spec, entry.id, entry.name, *reason)
            continue
        form = planning.forms[spec.name]
        before = {name: form.shown(name, item.get(name)) for name in sorted(spec.writable) if name in item}
        why = "It was added since the snapshot. It goes to the recycle bin."
        draft = planning.drafter.remove(spec, entry, why, before)
        draft.wave = WaveNumber.PRUNE
        planning.drafts.append(draft)


def _why_kept(
    spec: ObjectType, entry: IndexEntry, item: JsonObject, never: frozenset[str]
) -> tuple[Reason, str] | None:
    if {entry.id, *(str(item.get(name)) for name in spec.known_by)} & never:
        return Reason.ADDED_SINCE, "it was added since, and stays: a break-glass account, or what this program is"
    if protected := protection(spec, item, live=True):
        return protected.reason, f"it was added since, and can't be removed ({protected.when.path})"
    return None


def plan_added_links(planning: Planning, survey: LinkSurvey, source: str, name: str, added: Iterable[Link]) -> None:
    """Links added to an object that was there. Those to added objects that go, go with them, too."""
    spec, relationship = survey.spec, survey.relationship
    for link in added:
        target = f"{link.target_type}/{link.target}" if link.target_type else link.target
        if not planning.reach.prune:
            why = f"{target} was added since the snapshot; {_NOT_ASKED}"
            planning.exclude(spec, source, name, Reason.ADDED_SINCE, why, relationship.name, link.target)
            continue
        if relationship.write is LinkWrite.NONE:
            why = f"{target} was added since the snapshot, and has to be removed by hand"
            planning.exclude(spec, source, name, Reason.NEEDS_ACTION, why, relationship.name, link.target)
            continue
        far = None
        if relationship.written_far:
            far = planning.catalog.get(link.target_type or relationship.target_types[0])
        why = f"One of its {relationship.name}, {target}, was added since the snapshot."
        draft = planning.drafter.unlink(
            spec, relationship, ObjectKey(spec.name, source), name, why, link.target, far=far
        )
        draft.wave = WaveNumber.PRUNE
        planning.drafts.append(draft)

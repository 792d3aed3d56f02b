"""Drafts for links: memberships, owners, managers that the snapshot has and the live tenant lacks.

Targets that are live travel apart from those that this plan brings back, so that one that fails to come back
doesn't hold up nineteen that are there. Links added since are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.catalog.spec import LinkWrite, ObjectType
from shared.domain.objects import JsonObject, Link, ObjectKey
from shared.domain.plan import Mechanism, Reason
from shared.domain.snapshot import IndexEntry
from shared.engines.conditions import holds, protection
from shared.engines.drafts import BIND_LIMIT, Draft
from shared.engines.fates import Way
from shared.engines.granted import given_links
from shared.engines.opening import each, read_objects
from shared.engines.plan_objects import Planning
from shared.engines.plan_removals import plan_added_links
from shared.engines.survey import LinkSurvey, entries_of
from shared.engines.view import View


def target_types(survey: LinkSurvey, link: Link) -> tuple[str, ...]:
    """Catalog types that a link's target may be of; none for a type that the catalog doesn't know."""
    if not link.target_type:
        return survey.relationship.target_types
    return (link.target_type,) if link.target_type in survey.relationship.target_types else ()


@dataclass(slots=True)
class _Sorted:
    """A source's missing links by where their targets are."""

    here: list[str] = field(default_factory=list)
    coming: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)


async def plan_links(planning: Planning, snapshot: View, live: View, survey: LinkSurvey) -> None:
    spec, relationship = survey.spec, survey.relationship
    if planning.reach.type(spec) and planning.reach.member(spec, relationship.name):
        planning.incomplete(spec, relationship.name, survey.snapshot, survey.live)
    if not survey.both_complete:
        return
    lost = {source: links for source in sorted(survey.missing) if (links := _wanted(planning, survey, source))}
    added = _added(planning, survey)
    concerned = {*lost, *added}
    entries = await entries_of(snapshot, spec.name, concerned)
    unwritable, sealing, alone = await _judged(planning, snapshot, live, survey, entries)
    given = await given_links(planning, snapshot, relationship.granted) if relationship.granted and lost else None
    if given is not None:
        given.tell_unread(planning, survey)
    for source in sorted(concerned):
        name = entries[source].name if source in entries else ""
        missing, new = lost.get(source, []), added.get(source, [])
        if given is not None:
            missing = given.keep(planning, survey, source, name, missing)
        if source in unwritable:
            reason, why = unwritable[source]
            counts = [f"{len(missing)} missing"] if missing else []
            counts += [f"{len(new)} added"] if new else []
            planning.exclude(spec, source, name, reason, f"{', '.join(counts)}: {why}", relationship.name)
            continue
        drafts = _plan_source(planning, survey, source, name, missing, alone=source in alone) if missing else []
        if source in sealing:
            _seal(planning, survey, source, missing, drafts)
        replaced = bool(drafts)
        if replaced and not relationship.many:
            continue
        plan_added_links(planning, survey, source, name, new)


def _wanted(planning: Planning, survey: LinkSurvey, source: str) -> list[Link]:
    """Links of a source that were asked for: all of them, or those to objects that come back."""
    asked = planning.reach.member(survey.spec, survey.relationship.name)
    if asked and planning.reach.object(survey.spec, source):
        return survey.missing[source]
    return [
        link
        for link in survey.missing[source]
        if any(planning.fates.way(name, link.target).comes for name in target_types(survey, link))
    ]


def _added(planning: Planning, survey: LinkSurvey) -> dict[str, list[Link]]:
    """Links added to objects of the snapshot; those of added objects go without saying."""
    reach = planning.reach
    if not (reach.everything and reach.type(survey.spec) and reach.member(survey.spec, survey.relationship.name)):
        return {}
    new = {entry.id for entry in planning.fates.surveys[survey.spec.name].added}
    return {source: links for source, links in survey.added.items() if source not in new}


def _seal(planning: Planning, survey: LinkSurvey, source: str, links: list[Link], drafts: list[Draft]) -> None:
    """Links that make their targets immutable come last, and so does a source that the bin gives back with them."""
    key = ObjectKey(survey.spec.name, source)
    from_bin = [one for one in planning.drafts if one.key == key and one.operation.mechanism is Mechanism.BIN]
    for draft in (*drafts, *from_bin):
        draft.seals |= {ObjectKey(name, link.target) for link in links for name in target_types(survey, link)}


async def _judged(
    planning: Planning, snapshot: View, live: View, survey: LinkSurvey, entries: dict[str, IndexEntry]
) -> tuple[dict[str, tuple[Reason, str]], set[str], set[str]]:
    """Sources whose links can't be written, by what snapshot or live tenant hold of them; sources whose links make
    their targets immutable; and those whose links give power over the tenant, so that each is written alone."""
    spec, relationship = survey.spec, survey.relationship
    found: dict[str, tuple[Reason, str]] = {}
    sealing: set[str] = set()
    alone: set[str] = set()
    rule = spec.tier_zero
    powerful = rule.holds if rule is not None and relationship.name in rule.links else None
    if not (relationship.computed_when or relationship.seals_when or spec.protected or powerful):
        return found, sealing, alone

    def judge(source: str, item: JsonObject, *, is_live: bool) -> None:
        if relationship.seals_when is not None and holds(relationship.seals_when, item):
            sealing.add(source)
        if powerful is not None and holds(powerful, item):
            alone.add(source)
        if relationship.computed_when is not None and holds(relationship.computed_when, item):
            found[source] = relationship.computed_why, "the service makes them from the object's rule"
        elif protected := protection(spec, item, live=is_live):
            found.setdefault(source, (protected.reason, f"the object can't be written ({protected.when.path})"))

    live_entries = await entries_of(live, spec.name, entries)
    for view, held in ((snapshot, entries), (live, live_entries)):
        async for entry, item in read_objects(view, spec.name, each(held[source] for source in sorted(held))):
            judge(entry.id, item, is_live=view is live)
    return found, sealing, alone


def _plan_source(
    planning: Planning, survey: LinkSurvey, source: str, name: str, links: list[Link], *, alone: bool
) -> list[Draft]:
    """The drafts that write the links of one source. `alone`: each link by itself, because it is approved so."""
    spec, relationship = survey.spec, survey.relationship
    way = planning.fates.way(spec.name, source)
    key = ObjectKey(spec.name, source)
    if not way.there:
        fate = planning.fates.by_key.get(key)
        if fate is None or fate.reason is None:
            why = f"{len(links)} stay out: {key} is gone"
            planning.exclude(spec, source, name, Reason.DEAD_REFERENCE, why, relationship.name)
        elif fate.missing.in_scope:
            why = f"{len(links)} stay out with it: {fate.why}"
            planning.exclude(spec, source, name, fate.reason, why, relationship.name)
            if fate.clash is not None:
                fate.clash.affects.append(f"{len(links)} {relationship.name} of {key} stay out")
        return []
    if relationship.write is LinkWrite.NONE:
        why = f"{len(links)} are missing, and have to be set by hand"
        planning.exclude(spec, source, name, Reason.NEEDS_ACTION, why, relationship.name)
        return []
    where = _sort(planning, survey, source, name, links)
    live_targets = sorted(link.target for link in survey.added.get(source, []))
    size = BIND_LIMIT if relationship.write is LinkWrite.BIND and not alone else 1
    chunks = [*_chunks(where.here, size), *_chunks(where.coming, size), *_chunks(where.unsure, 1)]
    drafts = []
    for targets in chunks:
        draft = planning.drafter.links(
            spec,
            relationship,
            key,
            name,
            _why(
                relationship.name,
                targets,
                where,
                back=way.comes,
                replaced=not relationship.many and bool(live_targets),
            ),
            targets,
            live=[] if relationship.many else live_targets,
            far=_far(planning, survey, targets[0]),
        )
        draft.needs = {key} | {
            ObjectKey(type_name, target)
            for target in targets
            for type_name in relationship.target_types
            if ObjectKey(type_name, target) in planning.fates.by_key
        }
        if relationship.asked_while is not None:
            draft.needs_whole |= {ObjectKey(relationship.target_types[0], target) for target in targets}
        drafts.append(draft)
    planning.drafts += drafts
    return drafts


def _far(planning: Planning, survey: LinkSurvey, target: str) -> ObjectType | None:
    """The type on whose side a link to this target is written; none where that is the source's."""
    if not survey.relationship.written_far:
        return None
    types = survey.relationship.target_types
    told = (link.target_type for links in survey.missing.values() for link in links if link.target == target)
    return planning.catalog.get(next((one for one in told if one in types), types[0]))


def _sort(planning: Planning, survey: LinkSurvey, source: str, name: str, links: list[Link]) -> _Sorted:
    spec, relationship, fates = survey.spec, survey.relationship, planning.fates
    where = _Sorted()
    for link in sorted(links, key=lambda link: link.target):
        types = target_types(survey, link)
        ways = {type_name: fates.way(type_name, link.target) for type_name in types}
        if any(way.comes for way in ways.values()):
            where.coming.append(link.target)
        elif Way.LIVE in ways.values():
            where.here.append(link.target)
        elif not types or Way.UNKNOWN in ways.values():
            where.unsure.append(link.target)
        else:
            fate = next((found for one in types if (found := fates.fate(one, link.target))), None)
            reason, why = Reason.DEAD_REFERENCE, f"{_target(link)} is gone"
            if fate is not None and fate.reason is not None:
                reason = Reason.DEAD_REFERENCE if fate.reason is Reason.NEW_ID else fate.reason
                why = f"{_target(link)} stays out: {fate.why}"
                if fate.clash is not None:
                    fate.clash.affects.append(f"{spec.name}/{source} {relationship.name} loses {fate.missing.key}")
            planning.exclude(spec, source, name, reason, why, relationship.name, link.target)
    return where


def _chunks(targets: list[str], size: int) -> Iterable[list[str]]:
    return (targets[first : first + size] for first in range(0, len(targets), size))


def _target(link: Link) -> str:
    return f"{link.target_type}/{link.target}" if link.target_type else link.target


def _why(name: str, targets: list[str], where: _Sorted, *, back: bool, replaced: bool) -> str:
    number = f"{len(targets)} of its {name}" if len(targets) > 1 else f"One of its {name}"
    if back:
        text = f"{number}; those that come back with it are left out when this is sent."
    elif targets[0] in where.coming:
        text = f"{number} missing since the snapshot, to objects that come back."
    elif targets[0] in where.unsure:
        text = f"{number} missing since the snapshot; whether the target still exists is not known."
    else:
        text = f"{number} missing since the snapshot."
    return f"{text} It takes the place of what is there now." if replaced else text

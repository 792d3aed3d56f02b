"""From a snapshot and the live tenant to a restore plan. Reads both, writes nothing, asks no clock.

The same inputs give the same plan, byte for byte. The plan brings live back to the snapshot and does nothing
else: nothing is deleted and what was added since stays, unless the scope says prune. Whatever can't come back is
listed with its reason. Policies that act on sign-ins come back off, and are switched on last, if the lock-out
guard lets them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shared.catalog.registry import Catalog
from shared.domain.erasure import NOBODY, Erased
from shared.domain.errors import Unusable
from shared.domain.objects import JsonObject, ObjectKey
from shared.domain.plan import (
    PLAN_FORMAT,
    USUAL,
    Address,
    Chosen,
    Exclusion,
    Fighting,
    RestorePlan,
    Scope,
    Thresholds,
    Word,
)
from shared.engines.bins import Bins
from shared.engines.choices import Choices
from shared.engines.conditions import holds
from shared.engines.dependencies import with_dependencies
from shared.engines.disabling import disable_first
from shared.engines.drafts import Drafter
from shared.engines.fates import Fates
from shared.engines.forecast import total
from shared.engines.moving import Moving, move
from shared.engines.opening import read_objects
from shared.engines.ordering import order
from shared.engines.plan_conflicts import Deciding, Vouched, conflicts_of, draft_renames, nobody, with_makers
from shared.engines.plan_containment import kept, plan_containment
from shared.engines.plan_facets import plan_facets
from shared.engines.plan_guard import apply_guard, check_accounts
from shared.engines.plan_links import plan_links, target_types
from shared.engines.plan_objects import Planning, judged
from shared.engines.plan_removals import plan_added
from shared.engines.refinements import order_refined
from shared.engines.renamed import RenamedView, in_scope
from shared.engines.review import review
from shared.engines.survey import (
    LinkSurvey,
    Reach,
    entries_of,
    holders_of,
    live_holders,
    survey_links,
    survey_types,
)
from shared.engines.view import View

CreatedBy = Callable[[str], Awaitable[str]]


async def plan_restore(
    snapshot: View,
    live: View,
    bins: Bins,
    catalog: Catalog,
    *,
    scope: Scope,
    break_glass_ids: Iterable[str],
    created_by: CreatedBy,
    plan_id: str,
    tenant: str,
    manifest_sha256: str,
    created_at: datetime,
    known_ids: Mapping[str, str] | None = None,
    seen: Mapping[ObjectKey, JsonObject] | None = None,
    erased: Erased = NOBODY,
    despite_erasure: Iterable[str] = (),
    own_apps: Iterable[str] = (),
    vouched: Vouched = nobody,
    thresholds: Thresholds = USUAL,
    source_tenant: str = "",
) -> RestorePlan:
    """The plan that brings `live` back to `snapshot` (whose label is its id).

    `bins`: what the recycle bins hold, of every type that has one. `created_by` is asked for conflicts only.
    `known_ids`: ids that earlier restores replaced, old → new, so that what they made is not made again; the
    plan then speaks of these objects by their new ids.
    `seen`: what earlier plans saw of members of which their restores found other values; where live still holds
    another one, that is a conflict.
    `own_apps`: application ids by which this program signs in; a plan that prunes leaves them.
    `thresholds`: from where on an approval must acknowledge how much the plan does.
    `source_tenant`: whose snapshot it is, where `scope.into` names another tenant, which `live` is of.
    `erased`: the erasure list; nothing of what is on it comes back, but for the ids in `despite_erasure`.
    `vouched`: who knows a live object as what it is, which decides whether it may be adopted.
    Raises `Refused` where it would touch policies that act on sign-ins without break-glass accounts that exist,
    and `Unusable` for a scope that names what isn't there, a bin that was not read, or an override of what is not
    on the list.
    """
    accounts = tuple(sorted(set(break_glass_ids)))
    despite = tuple(sorted(set(despite_erasure)))
    on_list = erased.through(known_ids or {})
    if unlisted := [one for one in despite if one not in on_list]:
        raise Unusable(
            f"{', '.join(unlisted[:5])}: not on the erasure list, so there is nothing to override",
            hint="plan without it; `holdfast erase list` shows the list",
        )
    Reach(scope, catalog)  # raises for what can't be asked, before anything is read
    asked, inner, known_ids = scope, snapshot, dict(known_ids or {})
    moving: Moving | None = None
    if scope.into or source_tenant:
        moving = await move(
            snapshot, live, catalog, scope, known_ids, tenant=tenant, source_tenant=source_tenant or tenant
        )
        snapshot = inner = moving.view
        known_ids = moving.ids
    choices = Choices(scope, catalog)
    never = _once(lambda: kept(live, catalog, accounts, own_apps))
    heard: list[Chosen] = []
    while True:
        new: Callable[[str], str] = str
        if known_ids:
            renamed = RenamedView(inner, known_ids, catalog)
            snapshot, new = renamed, renamed.new
            scope = in_scope(asked, known_ids)
        reach = Reach(scope, catalog)
        if scope.dependencies:
            wider = replace(scope, types=(), ids=await with_dependencies(snapshot, live, catalog, scope.ids))
            reach = Reach(wider, catalog)
        surveys = await survey_types(snapshot, live, bins, catalog, reach)
        barred = erased.barred(known_ids, despite)
        holders = await live_holders(live, snapshot, surveys)
        fates = Fates(catalog, surveys, bins, holders, created_at, barred, moving.stays if moving else {})
        fates.decide()
        deciding = Deciding(fates, live, choices, never=never, vouched=vouched, new=new)
        await deciding.names()
        if not deciding.adopted:
            break
        # What was adopted is called by its live id from here on, and everything is looked at anew.
        heard += [one for one in deciding.chosen if one.word is Word.ADOPT and (one.done or not one.kind)]
        known_ids |= deciding.adopted
    links = await survey_links(snapshot, live, catalog)
    fates.pair()
    deciding.pairs()
    await _look_up(snapshot, live, fates, links)
    fates.settle()
    for (name, member), values in sorted(fates.unsure_values().items()):
        fates.live_values[(name, member)] = await holders_of(live, catalog.get(name), member, values)

    planning = Planning(catalog, fates, Drafter(plan_id, fates.renewed), reach)
    planning.spoken = deciding.spoken
    planning.seen = {ObjectKey(key.type, new(key.id)): members for key, members in (seen or {}).items()}
    planning.hear = deciding.changed
    for survey in surveys.values():
        planning.missing(survey)
    for spec in () if reach.rescue else catalog.compared:
        await planning.patches(snapshot, live, spec)
    if not reach.rescue:
        await plan_facets(planning, snapshot)
    await deciding.values(planning)
    draft_renames(planning, deciding)
    if reach.contain:
        await plan_containment(planning, snapshot, live, surveys.values(), links, scope.ids, await never())
    elif not reach.rescue:
        for survey in surveys.values():
            await plan_added(planning, live, survey, (*accounts, *own_apps))
        for link_survey in links:
            await plan_links(planning, snapshot, live, link_survey)
    addresses: list[Address] = []
    if moving is not None:
        planning.exclusions += [one for one in moving.told if reach.object(catalog.get(one.type), one.target)]
        addresses = [one for one in moving.addresses if reach.object(catalog.get(one.type), one.target)]
    planning.finish()
    order_refined(planning)
    disable_first(planning)
    await _name_inner_groups(planning, snapshot)
    await check_accounts(planning.drafts, live, accounts)
    guard_groups = await apply_guard(planning, snapshot, live, accounts, own_apps)

    steps = order(planning.drafts)
    reviewed = await review(steps, catalog, (snapshot, live), thresholds=thresholds, own_apps=own_apps)
    return RestorePlan(
        format=PLAN_FORMAT,
        id=plan_id,
        tenant=tenant,
        snapshot=snapshot.label,
        manifest_sha256=manifest_sha256,
        created_at=created_at,
        live_as_of=live.as_of,
        catalog_version=catalog.version,
        scope=asked,
        break_glass_ids=accounts,
        waves=reviewed.waves,
        steps=steps,
        conflicts=await conflicts_of(fates, created_by),
        exclusions=tuple(sorted(set(planning.exclusions), key=_exclusion_key)),
        new_ids=dict(sorted(fates.renewed.items())),
        forecast=total(wave.forecast for wave in reviewed.waves),
        guard_groups=guard_groups,
        known_ids=dict(sorted(known_ids.items())),
        despite_erasure=despite,
        fighting=await _fighting(live, catalog) if steps else (),
        source_tenant=source_tenant,
        domains=dict(moving.domains.domains) if moving else {},
        addresses=tuple(sorted(set(addresses), key=lambda one: (one.type, one.target, one.path, one.old))),
        leaving=tuple(sorted(planning.leaving, key=lambda one: (one.at, one.type, one.target))),
        chosen=await with_makers(
            sorted((*heard, *deciding.chosen, *choices.unused()), key=_chosen_key), created_by
        ),
        tier_zero=reviewed.tier_zero,
        flags=reviewed.flags,
        blast_radius=reviewed.blast_radius,
        licences=reviewed.licences,
        untold=reviewed.untold,
    )


def _once(read: Callable[[], Awaitable[frozenset[str]]]) -> Callable[[], Awaitable[frozenset[str]]]:
    """What is read when it is first needed, and then remembered."""
    held: list[frozenset[str]] = []

    async def known() -> frozenset[str]:
        if not held:
            held.append(await read())
        return held[0]

    return known


def _chosen_key(one: Chosen) -> tuple[str, ...]:
    return one.type, one.target, one.kind, one.word.value, one.by, one.why


async def _fighting(live: View, catalog: Catalog) -> tuple[Fighting, ...]:
    found = []
    for spec in catalog.compared:
        if spec.fights is not None:
            async for entry, item in read_objects(live, spec.name, live.index(spec.name)):
                if holds(spec.fights.when, item):
                    found.append(Fighting(spec.name, entry.id, entry.name, spec.fights.why))
    return tuple(found)


async def _look_up(snapshot: View, live: View, fates: Fates, links: Sequence[LinkSurvey]) -> None:
    """Finds out which of the ids that decisions will turn on are live."""
    asked: dict[str, set[str]] = {}
    for name, object_id in fates.to_look_up():
        asked.setdefault(name, set()).add(object_id)
    for survey in links:
        for source, missing in survey.missing.items():
            asked.setdefault(survey.spec.name, set()).add(source)
            for link in missing:
                for name in target_types(survey, link):
                    asked.setdefault(name, set()).add(link.target)
    for spec in fates.catalog.types:
        if not judged(spec):
            continue
        for view in (snapshot, live):
            async for _, item in read_objects(view, spec.name, view.index(spec.name)):
                for name, object_id in fates.named_by(spec, item):
                    asked.setdefault(name, set()).add(object_id)
    fates.asked = asked
    for name, ids in sorted(asked.items()):
        fates.live_ids[name] = set(await entries_of(live, name, ids))


async def _name_inner_groups(planning: Planning, snapshot: View) -> None:
    """What may act waits not only for the members of the groups it names, but for those of groups inside them."""
    guarded = [draft for draft in planning.drafts if draft.operation.guarded]
    if not guarded:
        return
    inner: dict[ObjectKey, set[ObjectKey]] = {}
    for spec, relationship in planning.catalog.relationships:
        if relationship.membership and spec.name in relationship.target_types:
            async for link in snapshot.links(spec.name, relationship.name):
                if link.target_type == spec.name:
                    inner.setdefault(ObjectKey(spec.name, link.source), set()).add(
                        ObjectKey(spec.name, link.target)
                    )
    for draft in guarded:
        todo = list(draft.needs_all)
        while todo:
            for key in inner.get(todo.pop(), ()):
                if key not in draft.needs_all:
                    draft.needs_all.add(key)
                    todo.append(key)


def _exclusion_key(exclusion: Exclusion) -> tuple[str, ...]:
    return (
        exclusion.type,
        exclusion.target,
        exclusion.member,
        exclusion.other,
        exclusion.reason.value,
        exclusion.why,
    )

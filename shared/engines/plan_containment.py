"""Drafts that shut an intruder out: before anything is brought back, because a credential that is left undoes it.

By the snapshot: what was added since and gives access goes, what was widened goes back, accounts that were added
are shut, and so are those that the request names. Each credential is named by its key id. Nothing of break-glass
accounts and of what this program signs in by is touched, and what that left is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.catalog.containment import Containment
from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType, WaveNumber
from shared.domain.errors import Unusable
from shared.domain.objects import Json, JsonObject, ObjectKey
from shared.domain.plan import Mechanism, Reason
from shared.domain.snapshot import IndexEntry
from shared.engines.conditions import member_at, protection
from shared.engines.diff import keys_of
from shared.engines.drafts import Phase, written_members
from shared.engines.natures import as_begun, said
from shared.engines.opening import each, read_objects
from shared.engines.plan_objects import Planning
from shared.engines.references import find
from shared.engines.survey import LinkSurvey, TypeSurvey, entries_of, objects_of, pairs
from shared.engines.view import View

_OURS = "it was added since, and stays: it belongs to a break-glass account, or to what this program signs in by"


async def plan_containment(
    planning: Planning,
    snapshot: View,
    live: View,
    surveys: Iterable[TypeSurvey],
    links: Sequence[LinkSurvey],
    accounts: Iterable[str],
    never: frozenset[str],
) -> None:
    """`accounts`: ids to shut, whatever the snapshot says of them. `never`: ids of whom and what must keep its
    access. Raises `Unusable` for an account that isn't live or can't be shut."""
    named = set(accounts)
    if ours := sorted(named & never):
        raise Unusable(f"{', '.join(ours)} must keep access: a break-glass account, or what this program is")
    protecting = await _protecting(live, planning.catalog)
    for survey in surveys:
        spec, contain = survey.spec, survey.spec.contain
        if contain is None:
            continue
        planning.incomplete(spec, "", survey.snapshot, survey.live)
        whole = survey.snapshot.is_complete and survey.live.is_complete
        if contain.added and whole:
            await _remove_added(planning, live, spec, contain, survey.added, never)
        if contain.secrets or contain.keys:
            async for entry, old, new in pairs(snapshot, live, spec.name, unchanged=False):
                _remove_credentials(planning, spec, contain, entry, old, new, never)
        if contain.off:
            added = {one.id for one in survey.added} if whole else set()
            named -= await _shut(planning, live, spec, contain, added | named, never)
    if named:
        raise Unusable(f"no live account that can be shut: {', '.join(sorted(named))}", hint="holdfast show")
    for link_survey in links:
        await _remove_links(planning, live, link_survey, protecting, never)
    for draft in planning.drafts:
        draft.wave = WaveNumber.CONTAIN


async def kept(live: View, catalog: Catalog, accounts: Iterable[str], own_apps: Iterable[str]) -> frozenset[str]:
    """Ids of the break-glass accounts, and of live objects that go by one of our application ids, with those."""
    apps = frozenset(own_apps)
    found = {*accounts, *apps}
    for spec in catalog.compared if apps else ():
        if spec.known_by:
            async for entry, item in read_objects(live, spec.name, live.index(spec.name)):
                if apps & {str(item.get(name)) for name in spec.known_by}:
                    found.add(entry.id)
    return frozenset(found)


async def _protecting(live: View, catalog: Catalog) -> set[str]:
    """What live policies leave out: whoever becomes a member of it gets past them."""
    found: set[str] = set()
    for spec in catalog.compared:
        excluding = [one for one in spec.references if one.exclude]
        if excluding:
            async for _, item in read_objects(live, spec.name, live.index(spec.name)):
                found.update(one.value for one in find(excluding, item))
    return found


async def _remove_added(
    planning: Planning,
    live: View,
    spec: ObjectType,
    contain: Containment,
    added: Iterable[IndexEntry],
    never: frozenset[str],
) -> None:
    begun = await as_begun(live, spec.nature) if spec.nature is not None else set()
    async for entry, item in read_objects(live, spec.name, each(added)):
        if begun and spec.nature is not None and said(spec.nature, item) in begun:
            continue  # it goes as what it came to be
        if ({entry.id, entry.parent} | {one.value for one in find(spec.references, item)}) & never:
            planning.exclude(spec, entry.id, entry.name, Reason.ADDED_SINCE, _OURS)
            continue
        why = "It was added since the snapshot, and gives access. It goes for good."
        if contain.withdrawal is not None:
            draft = planning.drafter.withdraw(spec, contain.withdrawal, entry, why, item)
        else:
            draft = planning.drafter.remove(spec, entry, why, {})
        planning.drafts.append(draft)


def _remove_credentials(
    planning: Planning,
    spec: ObjectType,
    contain: Containment,
    entry: IndexEntry,
    old: JsonObject,
    new: JsonObject,
    never: frozenset[str],
) -> None:
    for member in (*contain.secrets, *contain.keys):
        added = keys_of(new.get(member)).keys() - keys_of(old.get(member)).keys()
        if not added:
            continue
        if entry.id in never:
            planning.exclude(spec, entry.id, entry.name, Reason.ADDED_SINCE, f"{_OURS}: {_few(added)}", member)
            continue
        if member in contain.secrets:
            for key_id in sorted(added):
                why = f"The credential {key_id} in {member} was added since the snapshot. It goes for good."
                path = contain.secrets[member]
                planning.drafts.append(planning.drafter.revoke(spec, entry, member, path, key_id, why))
            continue
        items = new[member]
        assert isinstance(items, list)
        left: list[Json] = [one for one in items if not (isinstance(one, dict) and one.get("keyId") in added)]
        why = f"Added since the snapshot to {member}, and going for good: {_few(added)}."
        _patch(planning, spec, entry, {member: left}, new, why)


async def _shut(
    planning: Planning, live: View, spec: ObjectType, contain: Containment, ids: set[str], never: frozenset[str]
) -> set[str]:
    """The ids that are live objects of the type."""
    found = await entries_of(live, spec.name, ids)
    async for entry, item in read_objects(live, spec.name, each(found[one] for one in sorted(found))):
        if entry.id in never:
            planning.exclude(spec, entry.id, entry.name, Reason.ADDED_SINCE, _OURS)
            continue
        if protected := protection(spec, item, live=True):
            why = f"it can't be shut here ({protected.when.path})"
            planning.exclude(spec, entry.id, entry.name, protected.reason, why)
            continue
        off: JsonObject = {name: value for name, value in contain.off.items() if item.get(name) != value}
        if off:
            _patch(planning, spec, entry, off, item, "The account is shut: named, or added since the snapshot.")
        if contain.action:
            why = "What it is signed in to ends."
            planning.drafts.append(planning.drafter.act(spec, entry, contain.action, why))
    return set(found)


def _patch(
    planning: Planning, spec: ObjectType, entry: IndexEntry, wanted: JsonObject, live: JsonObject, why: str
) -> None:
    draft = planning.drafter.patch(
        Mechanism.PATCH,
        spec,
        ObjectKey(spec.name, entry.id),
        entry.name,
        why,
        parent=entry.parent,
        written=written_members(planning.forms[spec.name], wanted, live),
        tag="",
        phase=Phase.PATCH,
        group=",".join(sorted(wanted)),
    )
    planning.drafts.append(draft)


async def _remove_links(
    planning: Planning, live: View, survey: LinkSurvey, protecting: set[str], never: frozenset[str]
) -> None:
    spec, name, contain = survey.spec, survey.relationship.name, survey.spec.contain
    if contain is None or name not in (*contain.links, *contain.guarded_links):
        return
    planning.incomplete(spec, name, survey.snapshot, survey.live)
    async for entry, item in objects_of(live, spec.name, survey.added):
        guarded = name in contain.guarded_links
        if guarded and entry.id not in protecting and member_at(item, contain.protects) is not True:
            continue
        for link in sorted(survey.added[entry.id]):
            if {entry.id, link.target} & never:
                planning.exclude(spec, entry.id, entry.name, Reason.ADDED_SINCE, _OURS, name, link.target)
                continue
            why = f"One of its {name}, {link.target_type or 'object'}/{link.target}, was added since the snapshot."
            draft = planning.drafter.unlink(
                spec, survey.relationship, ObjectKey(spec.name, entry.id), entry.name, why, link.target
            )
            planning.drafts.append(draft)


def _few(keys: Iterable[str]) -> str:
    return ", ".join(sorted(keys))

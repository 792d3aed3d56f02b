"""Restoring into another tenant: what of a snapshot is there already, and what can't come to be there.

Pure, over a snapshot of one tenant and the live reading of another. An object is the same thing in both where the
catalog says that a key means the same across tenants and both hold it (a user principal name once its domain is
that tenant's, a template, an appId), or where each tenant has just one. Everything else gets a new id there, by the
planner's usual ways. What the snapshot names then names what the other tenant has, by one map of ids that begins
with these pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType, StaysBehind
from shared.domain.errors import Refused, Unusable
from shared.domain.objects import Json, JsonObject, ObjectKey
from shared.domain.plan import Address, Exclusion, Reason, Scope
from shared.engines.conditions import protection
from shared.engines.domain_names import NONE, DomainMap
from shared.engines.merge import completeness_of
from shared.engines.moved import MovedView
from shared.engines.opening import read_objects
from shared.engines.renamed import RenamedView
from shared.engines.survey import KeyValue, key_values
from shared.engines.view import View

_ITSELF: Final = "it is about the tenant that it would go to"
_HINT: Final = "--domain-map OLD=NEW, with a domain that the other tenant has verified"


@dataclass(slots=True)
class Moving:
    """`view`: the snapshot with the other tenant's domains; ids are still the old ones. `ids`: old → there, of what
    both have. `stays`: by type and old id. `told`: what objects that do come will lack. `addresses`: of theirs,
    those that change, and those that still name a domain of the tenant that they come from."""

    view: View
    domains: DomainMap
    ids: dict[str, str] = field(default_factory=dict)
    stays: dict[ObjectKey, StaysBehind] = field(default_factory=dict)
    told: list[Exclusion] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)


async def move(
    snapshot: View,
    live: View,
    catalog: Catalog,
    scope: Scope,
    known_ids: Mapping[str, str],
    *,
    tenant: str,
    source_tenant: str,
) -> Moving:
    """`known_ids`: what earlier restores into this tenant made, and whom the operator takes for whom, old → there.

    Raises `Unusable` for a scope that can't be asked of another tenant, or a domain that isn't there, and `Refused`
    where the tenant that was read is not the one that was meant.
    """
    _check(scope, tenant, source_tenant)
    await _check_tenant(live, catalog, tenant)
    domains = DomainMap(await _domains(snapshot, live, catalog, scope))
    moving = Moving(MovedView(snapshot, domains, catalog), domains, dict(known_ids))
    for spec in catalog.compared:
        await _match(moving, live, catalog, spec)
        await _settle(moving, snapshot, live, spec, tenant)
    return moving


def _check(scope: Scope, tenant: str, source_tenant: str) -> None:
    if scope.into != tenant:
        raise Refused(f"asked for the tenant {scope.into}, but this is {tenant}", saved="nothing was planned")
    if tenant == source_tenant:
        raise Unusable("the snapshot is this tenant's own", hint="leave --into out")


async def _check_tenant(live: View, catalog: Catalog, tenant: str) -> None:
    for spec in catalog.compared:
        if spec.one_per_tenant:
            read = [entry.id async for entry in live.index(spec.name)]
            if [one.lower() for one in read] != [tenant]:
                raise Refused(
                    f"the tenant that was read is {', '.join(read) or 'unknown'}, not {tenant}",
                    saved="nothing was planned",
                    hint="sign in to the tenant that --into names",
                )


# --- domains


@dataclass(slots=True)
class _Domains:
    initial: str = ""
    verified: set[str] = field(default_factory=set)


async def _domains(snapshot: View, live: View, catalog: Catalog, scope: Scope) -> dict[str, str]:
    """Each domain of the snapshot's tenant → the one there, or `NONE`. What the tenants began with are one
    another's successors, unless the request says otherwise."""
    asked = _asked(scope.domains)
    here, there = await _tell(snapshot, catalog), await _tell(live, catalog)
    if not there.verified:
        raise Unusable("which domains the other tenant has verified could not be read")
    if not (here.verified or asked):
        raise Unusable("the snapshot doesn't tell which domains its tenant had", hint=_HINT)
    if strange := sorted({*asked.values()} - there.verified):
        raise Unusable(
            f"the other tenant has not verified {', '.join(strange)}",
            hint=f"verified there: {', '.join(sorted(there.verified))}",
        )
    found = {one: one if one in there.verified else NONE for one in sorted(here.verified)}
    if here.initial and there.initial:
        found[here.initial] = there.initial
    return dict(sorted({**found, **asked}.items()))


def _asked(pairs: Iterable[str]) -> dict[str, str]:
    asked: dict[str, str] = {}
    for text in pairs:
        old, sign, new = (part.strip() for part in text.lower().partition("="))
        if not (old and sign and new) or asked.get(old, new) != new:
            raise Unusable(f"{text!r} names no pair of domains of its own", hint=_HINT)
        asked[old] = new
    return asked


async def _tell(view: View, catalog: Catalog) -> _Domains:
    found = _Domains()
    for spec in catalog.compared:
        if spec.tells_domains is None:
            continue
        async for entry, item in read_objects(view, spec.name, view.index(spec.name)):
            if item.get(spec.tells_domains.verified) is True:
                found.verified.add(entry.id.lower())
                if item.get(spec.tells_domains.initial) is True:
                    found.initial = entry.id.lower()
    return found


# --- the same thing in both tenants


async def _match(moving: Moving, live: View, catalog: Catalog, spec: ObjectType) -> None:
    keys = [key for key in spec.match_keys if key.across]
    if not (keys or spec.one_per_tenant or (spec.singleton and not spec.parent)):
        return
    if not completeness_of(live, spec).is_complete:
        return  # nothing counts as missing then, and nothing is made
    there: dict[KeyValue, tuple[str, dict[str, str]]] = {}
    view = RenamedView(moving.view, moving.ids, catalog)
    taken = {entry.id async for entry in view.index(spec.name)}
    only: list[str] = []
    async for entry, item in read_objects(live, spec.name, live.index(spec.name)):
        only.append(entry.id)
        if entry.id not in taken:
            for key in keys:
                for value in key_values(spec, key, item, entry.parent):
                    there[value] = entry.id, _other_values(spec, item)
    named = {one.path for one in spec.domain_names}
    ours = await _made_here(view, spec)
    came: dict[KeyValue, str] = {}
    pairs: dict[str, str] = {}
    mine: list[str] = []
    live_ids = set(only)
    async for entry, item in read_objects(view, spec.name, view.index(spec.name)):
        mine.append(entry.id)
        if entry.id in live_ids or ours & _values(spec, item):
            continue
        for key in keys:
            for value in key_values(spec, key, item, entry.parent):
                first = came.setdefault(value, entry.id)
                if first != entry.id and named & {*key.properties}:
                    names = " + ".join(key.properties)
                    why = f"with the other tenant's domains it would have the {names} that {first} has"
                    moving.stays[ObjectKey(spec.name, entry.id)] = StaysBehind(Reason.CONFLICT, why)
                elif value in there:
                    new, held = there[value]
                    pairs[entry.id] = new
                    pairs |= {old: held[name] for name, old in _other_values(spec, item).items() if name in held}
    if not keys and len(only) == len(mine) == 1 and only != mine:
        pairs[mine[0]] = only[0]
    moving.ids |= {old: new for old, new in pairs.items() if old != new}


async def _made_here(view: View, spec: ObjectType) -> frozenset[str]:
    """Values by which objects of the type are a part of something that the snapshot holds, too, and that gets
    another value where it is made anew: the appIds of the tenant's own applications."""
    found: set[str] = set()
    for reference in spec.references:
        if not reference.pair:
            continue
        for name in reference.to:
            async for _, item in read_objects(view, name, view.index(name)):
                value = item.get(reference.key)
                if isinstance(value, str):
                    found.add(value)
    return frozenset(found)


def _values(spec: ObjectType, item: JsonObject) -> frozenset[str]:
    held = (item.get(reference.path) for reference in spec.references if reference.pair)
    return frozenset(value for value in held if isinstance(value, str))


def _other_values(spec: ObjectType, item: Mapping[str, Json]) -> dict[str, str]:
    """Server-made values by which others know the object, by member."""
    held = ((name, item.get(name)) for name in spec.keys_besides_id)
    return {name: value for name, value in held if isinstance(value, str)}


# --- what can't be there


async def _settle(moving: Moving, snapshot: View, live: View, spec: ObjectType, tenant: str) -> None:
    """What stays behind, and what of the others does."""
    verified = any(one.verified for one in spec.domain_names)
    elsewhere = any(one.elsewhere for one in spec.protected)
    addresses = any(one.address for one in spec.domain_names)
    of_tenants = spec.identity not in ("", "id")  # other tenants, by their ids
    if spec.stays_behind is None and not (verified or elsewhere or addresses or of_tenants):
        return
    there = {entry.id async for entry in live.index(spec.name)}
    async for entry in moving.view.index(spec.name):
        new = moving.ids.get(entry.id, entry.id)
        if new in there:
            continue
        if spec.stays_behind is not None:
            moving.stays.setdefault(ObjectKey(spec.name, new), spec.stays_behind)
        elif of_tenants and new == tenant:
            moving.stays.setdefault(ObjectKey(spec.name, new), StaysBehind(Reason.FOREIGN, _ITSELF))
    if not (verified or elsewhere or addresses):
        return
    async for entry, item in read_objects(snapshot, spec.name, snapshot.index(spec.name)):
        new = moving.ids.get(entry.id, entry.id)
        missing = new not in there
        protected = protection(spec, item, live=False)
        if missing and protected is not None and protected.elsewhere:
            stays = StaysBehind(protected.reason, protected.elsewhere)
            moving.stays.setdefault(ObjectKey(spec.name, new), stays)
        for lost in moving.domains.lost(spec, item):
            what = f"its {lost.member} is" if lost.alone else f"{lost.text} is left out: it is"
            why = f"{what} of {lost.domain}, which the other tenant has not verified, and no domain takes its place"
            if lost.alone and missing:
                moving.stays.setdefault(ObjectKey(spec.name, new), StaysBehind(Reason.DOMAIN, why))
            else:
                moving.told.append(Exclusion(spec.name, new, entry.name, lost.member, Reason.DOMAIN, why))
        if protected is None and ObjectKey(spec.name, new) not in moving.stays:
            shown = moving.domains.shown(spec, item)
            moving.addresses += [
                Address(spec.name, new, entry.name, one.path, one.old, one.new, one.left) for one in shown
            ]

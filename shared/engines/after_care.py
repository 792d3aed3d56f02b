"""What is left for people to do after a restore, and whom to ask: the after-care list of the report.

Objects that were made anew lack what no backup can hold, and whoever knew them by an id or a key knows the old one.
Whom to ask is what the snapshot's links say: the catalog marks the relationship whose targets answer for an object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType
from shared.domain.objects import JsonObject
from shared.domain.plan import Mechanism, Operation, OutcomeState, Reason, RestorePlan
from shared.engines.compare import Form
from shared.engines.diff import keys_of
from shared.engines.executor import secret_name
from shared.engines.journal import OperationEnd
from shared.engines.opening import read_objects
from shared.engines.references import texts_within
from shared.engines.report import AfterCare, Owner
from shared.engines.view import View


async def after_care(
    plan: RestorePlan, ends: Mapping[str, OperationEnd], snapshot: View, catalog: Catalog
) -> tuple[AfterCare, ...]:
    """What re-created objects lack and only a person can give them."""
    made = {
        (one.type, one.target): one
        for one in plan.operations
        if one.mechanism is Mechanism.CREATE and ends[one.id].state is OutcomeState.DONE
    }
    care: list[AfterCare] = []
    for spec in catalog.types:
        targets = {target for name, target in made if name == spec.name}
        if not targets:
            continue
        form = Form(spec)
        parents: dict[str, str] = {}
        found: list[AfterCare] = []
        wanted = (entry async for entry in snapshot.index(spec.name) if entry.id in targets)
        async for entry, item in read_objects(snapshot, spec.name, wanted):
            operation = made[spec.name, entry.id]
            new = ends[operation.id].ids
            parents[entry.id] = entry.parent
            for what, where in _needs(plan, operation, item, form, new):
                found.append(AfterCare(spec.name, entry.id, new.get(entry.id, ""), entry.name, what, where))
        if found:
            owners = await _owners(spec, parents, snapshot, catalog, _new_ids(ends), _erased(plan))
            care += (replace(one, owners=owners.get(one.target, ())) for one in found)
    return tuple(care)


def _needs(
    plan: RestorePlan, operation: Operation, item: JsonObject, form: Form, new: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    spec = form.spec
    if operation.secret_for:
        where = f"secret {secret_name(plan.id, operation.secret_for)}"
        yield "hand over the initial password, to be changed at the first sign-in", where
        yield "register sign-in methods anew", ""
    for member in spec.secret:
        if form.empty(member, item.get(member)):
            continue
        names = sorted(name for name in keys_of(item.get(member)).values() if name)
        text = f" ({', '.join(names)})" if names else ""
        yield f"make new {member}{text} and hand them to the owner", ""
    for name in spec.keys_besides_id:
        old = operation.ids.get(name, "")
        changed = f"{old} is now {new[old]}" if old in new else ""
        yield f"tell everybody who configured its {name} that it changed", changed
        for member in _naming(old, item, spec) if old else ():
            yield f"ask who uses its {member}, which named the old {name}", changed
    if spec.known_outside and operation.target in new:
        yield f"look for it outside Graph: {spec.known_outside} may name its old id", operation.target


def _naming(key: str, item: JsonObject, spec: ObjectType) -> Iterator[str]:
    """Members, besides the keys themselves, in which the text stands."""
    for member, value in sorted(item.items()):
        if member not in spec.keys_besides_id and any(key in text for text in texts_within(value)):
            yield member


# --- whom to ask


async def _owners(
    spec: ObjectType,
    parents: Mapping[str, str],
    snapshot: View,
    catalog: Catalog,
    new: Mapping[str, str],
    erased: frozenset[str],
) -> dict[str, tuple[Owner, ...]]:
    """Of each object, in the order of their names. What has nobody of its own is its parent's owners' business."""
    holder, asked = spec, {target: target for target in parents}
    if not any(one.answers for one in spec.relationships) and spec.parent:
        holder, asked = catalog.get(spec.parent), dict(parents)
    sources = frozenset(asked.values())
    found: dict[str, dict[str, str]] = {}  # source → owner → type of the owner
    for relationship in holder.relationships:
        if relationship.answers:
            async for link in snapshot.links(holder.name, relationship.name):
                if link.source in sources:
                    found.setdefault(link.source, {})[link.target] = link.target_type
    names = await _names(found.values(), snapshot, {one.name for one in catalog.types})
    listed = {
        source: tuple(
            sorted(
                (Owner(new.get(one, one), "" if one in erased else names.get(one, "")) for one in owners),
                key=lambda owner: (owner.name, owner.id),
            )
        )
        for source, owners in found.items()
    }
    return {target: listed.get(source, ()) for target, source in asked.items()}


async def _names(found: Iterable[Mapping[str, str]], snapshot: View, known: set[str]) -> dict[str, str]:
    by_type: dict[str, set[str]] = {}
    for owners in found:
        for owner, type_name in owners.items():
            by_type.setdefault(type_name, set()).add(owner)
    names: dict[str, str] = {}
    for type_name, wanted in by_type.items():
        if type_name not in known:
            continue
        async for entry in snapshot.index(type_name):
            if entry.id in wanted:
                names[entry.id] = entry.name
    return names


def _new_ids(ends: Mapping[str, OperationEnd]) -> dict[str, str]:
    return {old: new for end in ends.values() if end.state.good for old, new in end.ids.items()}


def _erased(plan: RestorePlan) -> frozenset[str]:
    """A report outlives many snapshots: it must not keep the name of who is to be erased."""
    return frozenset(one.target for one in plan.exclusions if one.reason is Reason.ERASED)

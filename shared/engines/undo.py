"""The plan that takes a restore back: from its journal, operation by operation.

What an operation replaced stands in its intent, which its signed outcome vouches for. Undone is what was done, and
only while it is as the restore left it: the plan is run like any other, with its own approval, preconditions and
journal. What can't be taken back is told. Objects that the restore made go to the recycle bin where there is one.

The live tenant decides nothing of what is done; it tells whose access changes by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType, Relationship, WaveNumber
from shared.domain.errors import Unusable
from shared.domain.objects import Json, JsonObject, ObjectKey
from shared.domain.plan import (
    PLAN_FORMAT,
    USUAL,
    Exclusion,
    Mechanism,
    Operation,
    OutcomeState,
    Reason,
    Request,
    RestorePlan,
    Scope,
    Step,
    Thresholds,
)
from shared.domain.snapshot import IndexEntry
from shared.engines.blast_radius import blast_radius
from shared.engines.canonical import is_annotation
from shared.engines.compare import Form
from shared.engines.drafts import Draft, Drafter, Phase, apart_request
from shared.engines.evidence import StoredPlan
from shared.engines.forecast import total
from shared.engines.journal import Journal, OperationEnd, PlanProgress
from shared.engines.markers import Bindings, resolve, resolve_path
from shared.engines.ordering import order
from shared.engines.preconditions import link_targets, unlinked
from shared.engines.renamed import RenamedView
from shared.engines.review import Review, review
from shared.engines.view import View

_NO_SNAPSHOT = "the snapshot is no longer offered: who gains or loses access is told from the live tenant alone"


async def undo_plan(
    stored: StoredPlan,
    journal: Journal,
    catalog: Catalog,
    *,
    plan_id: str,
    created_at: datetime,
    break_glass_ids: Iterable[str],
    live: View,
    snapshot: View | None = None,
    own_apps: Iterable[str] = (),
    thresholds: Thresholds = USUAL,
) -> RestorePlan:
    """Takes back what the stored plan has done so far. Raises `Unusable` for a plan that did nothing, or that is
    still running: a step that has begun and isn't done could do more.

    `live`: the tenant as it is now. `snapshot`: what the plan was made from, with ids as that plan has them, if it
    is still there. Both tell who holds power over the tenant, and who gains or loses access; without the snapshot,
    all that may pass on such power counts."""
    ids = await _ids(stored, journal)
    undo = _Undo(catalog, Drafter(plan_id, {}), ids)
    for step in stored.plan.steps:
        done = await journal.done(stored.plan.id, stored.digest, step.id)
        attempts = await journal.step(stored.plan.id, step.id)
        if done is None and attempts.attempt:
            raise Unusable(
                f"step {step.id} of plan {stored.plan.id} is not done",
                saved="nothing was planned",
                hint=f"holdfast restore {stored.plan.id} --resume, or wait until it has ended",
            )
        if done is not None:
            undo.note_brought(step.operations, done.ends)
            undo.add(step.operations, {one.operation: one for one in done.ends}, attempts.pre_images)
    undo.settle()
    if not undo.drafts and not undo.exclusions:
        raise Unusable(f"plan {stored.plan.id} has changed nothing", hint="there is nothing to take back")
    steps = order(undo.drafts)
    before = None if snapshot is None else RenamedView(snapshot, ids, catalog)
    seen = await _reviewed(steps, catalog, before, live, thresholds, own_apps)
    return RestorePlan(
        format=PLAN_FORMAT,
        id=plan_id,
        tenant=stored.plan.tenant,
        snapshot=stored.plan.snapshot,
        manifest_sha256=stored.plan.manifest_sha256,
        created_at=created_at,
        live_as_of=live.as_of,
        catalog_version=catalog.version,
        scope=Scope(),
        break_glass_ids=tuple(sorted(set(break_glass_ids))),
        waves=seen.waves,
        steps=steps,
        conflicts=(),
        exclusions=tuple(sorted(undo.exclusions, key=lambda one: (one.type, one.target, one.member, one.why))),
        new_ids={},
        forecast=total(wave.forecast for wave in seen.waves),
        guard_groups=tuple(one for one in stored.plan.guard_groups if one not in undo.brought),
        known_ids=stored.plan.known_ids if stored.plan.source_tenant else {},
        undo_of=stored.plan.id,
        tier_zero=seen.tier_zero,
        flags=seen.flags,
        blast_radius=seen.blast_radius,
        licences=seen.licences,
        untold=seen.untold,
        source_tenant=stored.plan.source_tenant,
        domains=stored.plan.domains,
    )


async def _reviewed(
    steps: Sequence[Step],
    catalog: Catalog,
    snapshot: View | None,
    live: View,
    thresholds: Thresholds,
    own_apps: Iterable[str],
) -> Review:
    views = () if snapshot is None else (snapshot, live)
    seen = await review(steps, catalog, views, thresholds=thresholds, own_apps=own_apps)
    if snapshot is not None or not steps:
        return seen
    reached, untold = await blast_radius(steps, catalog, live, live)
    return replace(seen, blast_radius=reached, untold=(*seen.untold, *untold, _NO_SNAPSHOT))


async def _ids(stored: StoredPlan, journal: Journal) -> dict[str, str]:
    return await PlanProgress(journal, stored.plan, stored.digest).all_ids()


class _Undo:
    """Collects drafts and what can't be taken back. `ids`: old → new, of what the restore made."""

    def __init__(self, catalog: Catalog, drafter: Drafter, ids: dict[str, str]) -> None:
        self._catalog = catalog
        self._drafter = drafter
        self._ids = ids
        self.brought: set[str] = set()  # snapshot ids of what came back: it goes, with all that was done to it
        self.drafts: list[Draft] = []
        self.exclusions: list[Exclusion] = []
        self._removals: dict[str, tuple[Operation, Draft]] = {}  # by the operation that brought the object
        self._changes: list[tuple[Operation, Draft]] = []

    def note_brought(self, operations: Iterable[Operation], ends: Iterable[OperationEnd]) -> None:
        how = {one.operation: one.state for one in ends}
        for one in operations:
            create = self._catalog.get(one.type).create
            awaited = create is not None and create.awaited and how[one.id].good
            if one.mechanism.brings and (how[one.id] is OutcomeState.DONE or awaited):
                self.brought.add(one.target)

    def add(
        self,
        operations: Iterable[Operation],
        ends: dict[str, OperationEnd],
        pre_images: dict[str, JsonObject],
    ) -> None:
        for operation in operations:
            if ends[operation.id].state is OutcomeState.DONE:
                done = len(self.drafts)
                self._take_back(operation, pre_images.get(operation.id))
                for draft in self.drafts[done:]:  # taking it back bears on the guard's word as doing it did
                    guarded = draft.operation.guarded or operation.guarded
                    draft.operation = replace(draft.operation, guarded=guarded)

    def settle(self) -> None:
        """What was done to objects that came back goes with them."""
        gone = {self._ids.get(one, one) for one in self.brought}
        self.drafts = [draft for draft in self.drafts if draft.key.id not in gone or draft.phase is Phase.REMOVE]
        self.exclusions = [one for one in self.exclusions if one.target not in gone or not one.member]
        for draft in self.drafts:
            draft.wave = WaveNumber.REST
        for operation, draft in self._removals.values():
            for name in operation.after:
                if name in self._removals:  # it built on that one, so it goes first
                    self._removals[name][1].needs_whole.add(draft.key)
        self._give_back()

    def _give_back(self) -> None:
        """A name is free again only once what took it is gone, or has its other name back."""
        took = [*self._removals.values(), *self._changes]
        for rename, back in self._changes:
            if rename.mechanism is Mechanism.RENAME:
                back.needs_whole |= {draft.key for one, draft in took if rename.id in one.after}

    def _take_back(self, operation: Operation, pre_image: JsonObject | None) -> None:
        spec = self._catalog.get(operation.type)
        bindings = Bindings(self._ids, frozenset(), "", frozenset(operation.names))
        if operation.mechanism.brings:
            self._remove(spec, operation, bindings)
        elif operation.mechanism.changes:
            self._change_back(spec, operation, bindings, pre_image)
        elif operation.mechanism is Mechanism.LINK:
            self._unlink(spec, operation, bindings, pre_image)
        elif operation.mechanism is Mechanism.UNLINK:
            for target in sorted(unlinked(operation, bindings)):
                self._link(spec, operation, bindings, target, live=[])
        elif operation.mechanism is Mechanism.REMOVE and operation.request.method == "DELETE" and spec.bin:
            key = ObjectKey(spec.name, operation.target)
            self.drafts.append(self._drafter.bin(spec, key, operation.name, "It was moved to the recycle bin."))
        else:
            self._leave(operation, bindings, "it went for good, or leaves nothing that could be taken back")

    # --- what came goes

    def _remove(self, spec: ObjectType, operation: Operation, bindings: Bindings) -> None:
        entry = self._entry(operation, bindings)
        if spec.create is not None and spec.create.awaited:
            return  # the service takes it away with what it belongs to
        if spec.stays:
            self._leave(operation, bindings, spec.stays)
            return
        why = f"The restore {'brought it back' if operation.mechanism is Mechanism.BIN else 'made it'}."
        if spec.contain is not None and spec.contain.withdrawal is not None:
            said = operation.request.body
            item = resolve({**(said if isinstance(said, dict) else {}), **operation.wanted}, bindings)
            assert isinstance(item, dict)
            draft = self._drafter.withdraw(spec, spec.contain.withdrawal, entry, why, item)
        else:
            draft = self._drafter.remove(spec, entry, why, {})
            path = resolve_path(operation.read, bindings).partition("?")[0]
            if operation.mechanism is Mechanism.CREATE:
                draft.operation = replace(
                    draft.operation, request=Request("DELETE", path, None, spec.throttle.value), read=path
                )
        self._removals[operation.id] = operation, draft
        self.drafts.append(draft)

    # --- values

    def _change_back(
        self, spec: ObjectType, operation: Operation, bindings: Bindings, pre_image: JsonObject | None
    ) -> None:
        wanted = resolve(operation.wanted, bindings)
        assert isinstance(wanted, dict)
        if pre_image is None or not pre_image.keys() >= wanted.keys():
            self._leave(operation, bindings, "what was there before is not in the journal", ", ".join(wanted))
            return
        if spec.retired.keys() & wanted.keys():
            self._leave(operation, bindings, "nothing leaves these lists again", ", ".join(wanted))
            return
        form = Form(spec)
        # What named an object that the restore made anew names the new one until that goes: Graph takes no id that
        # doesn't exist, and then names what is gone, as before.
        was = {name: self._renamed(value) for name, value in pre_image.items()}
        names = sorted(wanted if spec.put else (one for one in wanted if not form.same(one, was[one], wanted[one])))
        if not names:
            return
        back: JsonObject = {name: form.written(name, was[name], wanted[name]) for name in names}
        asked = operation.request.body
        carried = asked if isinstance(asked, dict) else {}
        body = {name: value for name, value in carried.items() if name not in operation.wanted} | back
        path, read = resolve_path(operation.request.path, bindings), resolve_path(operation.read, bindings)
        apart = spec.apart_at(read)
        request = replace(operation.request, path=path, body=body)
        made = replace(
            operation,
            id=self._drafter.operation_id(Mechanism.PATCH, self._key(operation, bindings), operation.id),
            target=bindings.id(operation.target),
            mechanism=Mechanism.PATCH,
            why=f"The restore changed {', '.join(sorted(back))}.",
            request=request if apart is None else apart_request(spec, apart, path, back[apart.member]),
            read=read,
            before={name: form.shown(name, wanted[name]) for name in names},
            wanted={name: value for name, value in back.items() if not is_annotation(name)},
            ids={},
            after=(),
            names=(),
            anchor=None,
            guarded=spec.enabling is not None,
        )
        phase = Phase.ENABLE if spec.enabling is not None else Phase.PATCH
        draft = self._append(spec, made, phase)
        if spec.enabling is not None and spec.enabling.trial == wanted.get(spec.enabling.property):
            draft.needs_whole.add(draft.key)  # it was tried before it was switched on, so it is switched off first
        self._changes.append((operation, draft))

    def _renamed(self, value: Json) -> Json:
        """The value with ids of what was made anew, also within text."""
        if isinstance(value, str):
            for old, new in self._ids.items():
                value = value.replace(old, new)
            return value
        if isinstance(value, list):
            return [self._renamed(one) for one in value]
        if isinstance(value, dict):
            return {name: self._renamed(one) for name, one in value.items()}
        return value

    # --- links

    def _unlink(
        self, spec: ObjectType, operation: Operation, bindings: Bindings, pre_image: JsonObject | None
    ) -> None:
        relationship = spec.relationship(operation.relationship)
        targets = sorted(link_targets(operation, bindings))
        before = (pre_image or {}).get(relationship.name)
        if not relationship.many and isinstance(before, list) and before:
            self._link(spec, operation, bindings, str(before[0]), live=targets)
            return
        for target in targets:
            why = f"The restore linked {target}."
            key = self._key(operation, bindings)
            far = self._far(relationship, operation, bindings)
            draft = self._drafter.unlink(spec, relationship, key, operation.name, why, target, far=far)
            draft.phase = Phase.LINK
            self.drafts.append(draft)

    def _link(
        self, spec: ObjectType, operation: Operation, bindings: Bindings, target: str, *, live: list[str]
    ) -> None:
        relationship = spec.relationship(operation.relationship)
        why = f"The restore took the link to {target} away."
        draft = self._drafter.links(
            spec,
            relationship,
            self._key(operation, bindings),
            operation.name,
            why,
            [target],
            live=live,
            far=self._far(relationship, operation, bindings),
        )
        self.drafts.append(draft)

    def _far(self, relationship: Relationship, operation: Operation, bindings: Bindings) -> ObjectType | None:
        """The type on whose side the operation wrote its links; none where that is the source's."""
        if not relationship.written_far:
            return None
        path = resolve_path(operation.request.path, bindings)
        types = (self._catalog.get(name) for name in relationship.target_types)
        return next(one for one in types if path.startswith(f"{one.list_path}/"))

    # --- shared

    def _append(self, spec: ObjectType, operation: Operation, phase: Phase) -> Draft:
        key = ObjectKey(spec.name, operation.target)
        self.drafts.append(Draft(operation, key, spec, phase, spec.version, operation.target))
        return self.drafts[-1]

    def _key(self, operation: Operation, bindings: Bindings) -> ObjectKey:
        return ObjectKey(operation.type, bindings.id(operation.target))

    def _entry(self, operation: Operation, bindings: Bindings) -> IndexEntry:
        return IndexEntry(bindings.id(operation.target), operation.name, "", 0, 0)

    def _leave(self, operation: Operation, bindings: Bindings, why: str, member: str = "") -> None:
        key = self._key(operation, bindings)
        self.exclusions.append(
            Exclusion(operation.type, key.id, operation.name, member, Reason.NEEDS_ACTION, f"not taken back: {why}")
        )

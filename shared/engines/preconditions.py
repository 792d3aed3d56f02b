"""What has to hold right before an operation is sent, judged on the tenant as it reads now.

Each operation comes out as one of three: `Ready` (send exactly this), `Ended` (nothing is to be sent: it is as
wanted already, or it may not be) or `Later` (something is not there yet). An operation whose last answer was
lost is first looked up: what it wanted may be there. Nothing in here writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType
from shared.domain.errors import Fault
from shared.domain.objects import Json, JsonObject
from shared.domain.plan import AnchorKind, ExpectedId, Mechanism, Operation, OutcomeState, RestorePlan
from shared.domain.ports import GraphRequest
from shared.engines.anchors import Holders, find_holders, is_ours, the_one, whole
from shared.engines.answers import new_ids
from shared.engines.compare import differing, same
from shared.engines.conditions import any_holds, holds
from shared.engines.erasure import Erasures
from shared.engines.journal import PlanProgress, StepJournal
from shared.engines.markers import Bindings, Unresolved, ids_in, resolve, resolve_path
from shared.engines.second_opinion import Opinion
from shared.engines.targets import Found, Targets, object_path

_STEP_PAUSE = 15.0  # seconds until a step that isn't done is looked at again
_NOT_NAMED = "not approved: it gives power over the tenant, and too few approvers named it"
_BRINGS = frozenset({Mechanism.CREATE, Mechanism.BIN, Mechanism.PATCH})  # what brings an object's values back


@dataclass(frozen=True, slots=True)
class Ready:
    """May be sent, as long as the reading at `read_at` (monotonic) is fresh. `password` markers are still in
    `request.body`; everything else is resolved."""

    operation: Operation
    request: GraphRequest
    pre_image: JsonObject
    read_at: float
    brought: frozenset[str] = frozenset()  # ids that this restore brought back and the request builds on
    behind: bool = False  # it builds on values that this restore wrote, which a replica may not have yet
    becomes: JsonObject = field(default_factory=dict)  # of a patch: the whole object as it will be
    told: str = ""  # what goes into the journal with how it ends


@dataclass(frozen=True, slots=True)
class Ended:
    operation: Operation
    state: OutcomeState
    why: str
    ids: tuple[tuple[str, str], ...] = ()
    status: int = 0
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Later:
    """Not in this attempt. `noted`: it goes into the journal as WAITING, so that patience has an end."""

    operation: Operation
    seconds: float
    why: str
    noted: bool = False


Prepared = Ready | Ended | Later


class Guard(Protocol):
    """The lock-out guard, on fresh reads of the live tenant."""

    async def word(self, plan: RestorePlan, operation: Operation, item: JsonObject, before: JsonObject) -> Opinion:
        """Whether the operation may be sent, whose ids are those of now. `item`: of a patch, the object as it will
        be; `before`: of it, what is there now and will be replaced."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """Times in seconds of Holdfast's clock."""

    replication: float = 720.0  # how long Graph's replicas may take to agree: widely used clients wait 12 minutes
    list_age: float = 2.0  # a list read so recently serves several operations of a type read by list


@dataclass(slots=True)
class Preconditions:
    catalog: Catalog
    targets: Targets
    plan: RestorePlan
    progress: PlanProgress
    guard: Guard
    origin: str
    now: datetime
    erasures: Erasures
    patience: Patience = field(default_factory=Patience)
    own_apps: frozenset[str] = frozenset()
    unnamed: frozenset[str] = frozenset()  # operations that approvers had to name and didn't

    async def prepare(self, operations: Sequence[Operation], journal: StepJournal) -> list[Prepared]:
        """Judges operations of one type group together, so that reads can travel as one batch."""
        results: dict[str, Prepared] = {}
        open_ones: list[tuple[Operation, Bindings]] = []
        for operation in operations:
            if operation.id in self.unnamed:
                results[operation.id] = Ended(operation, OutcomeState.NOT_APPROVED, _NOT_NAMED)
                continue
            early = await self._dependencies(operation)
            if early is not None:
                results[operation.id] = early
                continue
            try:
                bindings = await self.bindings(operation, journal)
                _check_resolvable(operation, bindings)
            except Unresolved as missing:
                results[operation.id] = Ended(
                    operation, OutcomeState.BLOCKED, f"no object took the place of {missing.old}"
                )
                continue
            open_ones.append((operation, bindings))
        for mechanisms, judge in (
            ((Mechanism.CREATE,), self._creates),
            ((Mechanism.BIN,), self._bins),
            ((Mechanism.LINK,), self._links),
            ((Mechanism.UNLINK,), self._unlinks),
            ((Mechanism.REMOVE,), self._removals),
            ((Mechanism.REVOKE,), self._revocations),
            ((Mechanism.ACT,), self._acts),
            ((Mechanism.PATCH, Mechanism.FINISH, Mechanism.ENABLE, Mechanism.RENAME), self._patches),
        ):
            for spec, group in self._by_type(one for one in open_ones if one[0].mechanism in mechanisms):
                for prepared in await judge(spec, group, journal):
                    results[prepared.operation.id] = prepared
        for operation, bindings in open_ones:
            ready = results[operation.id]
            if isinstance(ready, Ready):
                results[operation.id] = replace(ready, brought=frozenset(bindings.ids.values()))
        await self._leave_out_erased(results)
        await self._leave_off(results, open_ones)
        return [results[operation.id] for operation in operations]

    async def _leave_out_erased(self, results: dict[str, Prepared]) -> None:
        """The erasure list may have grown since the plan. Only what would be sent now is stopped: a creation whose
        answer was lost is looked up first, so that the journal knows what it left."""
        bringing = [
            one for one in results.values() if isinstance(one, Ready) and one.operation.mechanism in _BRINGS
        ]
        if not bringing:
            return
        barred = await self.erasures.barred(self.plan)
        for one in bringing:
            if any(held in barred for held in (one.operation.target, *one.operation.ids.values())):
                why = "it was put on the erasure list after this plan was made"
                results[one.operation.id] = Ended(one.operation, OutcomeState.ERASED, why)

    async def _leave_off(
        self, results: dict[str, Prepared], open_ones: Sequence[tuple[Operation, Bindings]]
    ) -> None:
        """Asks the lock-out guard last, of what would be sent now and nothing else."""
        for operation, bindings in open_ones:
            ready = results[operation.id]
            if not (operation.guarded and isinstance(ready, Ready)):
                continue
            change = self._as_now(operation, bindings, ready.request)
            word = await self.guard.word(self.plan, change, ready.becomes, ready.pre_image)
            if word.against:
                results[operation.id] = Ended(operation, OutcomeState.GUARD, word.against)
            elif word.wait:
                results[operation.id] = Later(operation, 5.0, word.wait, noted=True)
            elif word.told:
                results[operation.id] = replace(ready, told=word.told)

    def _as_now(self, operation: Operation, bindings: Bindings, request: GraphRequest) -> Operation:
        """The operation with the ids of now."""
        brings = operation.mechanism is Mechanism.CREATE
        values = [self.resolved(one, bindings) for one in (operation.before, operation.wanted)]
        if name := operation.relationship:
            values = [
                {**one, name: [bindings.id(old) for old in _texts(one[name])]} if name in one else one
                for one in values
            ]
        return replace(
            operation,
            target=operation.target if brings else bindings.id(operation.target),
            before=values[0],
            wanted=values[1],
            request=replace(operation.request, path=request.path, body=request.body),
        )

    # what it waits for

    async def _dependencies(self, operation: Operation) -> Ended | Later | None:
        for name in operation.after:
            end = await self.progress.end(name)
            if end is None:
                return Later(operation, _STEP_PAUSE, f"operation {name} has not ended")
            if not end.good:
                why = "was not read back" if end.state.good else f"ended as {end.state.value}"
                return Ended(operation, OutcomeState.BLOCKED, f"operation {name}, which it needs, {why}")
        return None

    async def bindings(self, operation: Operation, journal: StepJournal) -> Bindings:
        """New ids for everything that this operation names."""
        olds = set(_ids_of(operation))
        ids = await self.progress.ids(olds)
        for name in operation.after:
            end = await self.progress.end(name)
            ids.update(end.ids if end is not None and end.state.good else {})
        own = journal.last.get(operation.id)
        if own is not None and own.state.good:
            ids.update(own.ids)
        pending = frozenset(old for old in olds if old in self.plan.new_ids or old in _made_anew(operation))
        return Bindings(ids, pending, self.origin, frozenset(operation.names))

    # create

    async def _creates(
        self, spec: ObjectType, group: list[tuple[Operation, Bindings]], journal: StepJournal
    ) -> list[Prepared]:
        read_at = self.targets.clock.monotonic()
        holders = await find_holders(self.targets, spec, group)
        return [
            await self._create(spec, operation, bindings, found, journal, read_at)
            for (operation, bindings), found in zip(group, holders, strict=True)
        ]

    async def _create(
        self,
        spec: ObjectType,
        operation: Operation,
        bindings: Bindings,
        holders: Holders,
        journal: StepJournal,
        read_at: float,
    ) -> Prepared:
        assert operation.anchor is not None
        if holders.parent_gone:
            return Later(operation, 0.0, "the object that will hold it is not there (yet)", noted=True)
        request = self._request(operation, bindings)
        sent = self.resolved(operation.wanted, bindings)
        marked = operation.anchor.kind is AnchorKind.MARKER
        if self._given_up(operation) & {holder.get("id") for holder in holders.live}:
            # It was read back without, so this list is behind.
            return Later(operation, 5.0, "what gave its key up still shows it", noted=True)
        if not holders.none and operation.id not in journal.sent:
            return self._taken_before(spec, operation, bindings, holders, request, read_at)
        if marked and holders.live:
            the_one(operation, [*holders.live, *holders.binned])
            return self._adopted(operation, holders.live[0])
        if marked and holders.binned:
            one = the_one(operation, holders.binned)
            why = f"created as {one.get('id')}, then deleted by somebody else"
            return Ended(operation, OutcomeState.CHANGED, why)
        if holders.live:
            reasons = []
            for holder in holders.live:
                full = await whole(self.targets, spec, holder, sent)
                if full is None:
                    return Later(operation, 5.0, "the object that holds its key is not on every replica yet")
                reason = is_ours(spec, full, sent, journal.claimed[operation.id])
                if not reason:
                    return self._adopted(operation, full)
                reasons.append(f"{holder.get('id')} holds its {operation.anchor.property}, and {reason}")
            return Ended(operation, OutcomeState.CHANGED, "; ".join(reasons))
        if journal.state(operation.id) is OutcomeState.UNKNOWN:
            awaited = spec.create is not None and spec.create.awaited
            since = journal.claimed[operation.id] if awaited else journal.sent[operation.id]
            waited = (self.now - since).total_seconds()
            if awaited and waited >= self.patience.replication:
                why = f"the service has made none for {round(waited / 60)} minutes"
                return Ended(operation, OutcomeState.REFUSED, why)
            if waited < self.patience.replication:
                rest = self.patience.replication - waited
                return Later(operation, min(30.0, rest), "looking for what an unanswered creation may have left")
        return Ready(operation, request, {}, read_at)

    def _given_up(self, operation: Operation) -> frozenset[Json]:
        """Live objects that gave up what this operation takes."""
        renames = (one for one in self.plan.operations if one.mechanism is Mechanism.RENAME)
        return frozenset(one.target for one in renames if one.id in operation.after)

    def _taken_before(
        self,
        spec: ObjectType,
        operation: Operation,
        bindings: Bindings,
        holders: Holders,
        request: GraphRequest,
        read_at: float,
    ) -> Prepared:
        """Somebody holds the anchor although no creation of ours was left unanswered."""
        assert operation.anchor is not None
        found = [*holders.live, *holders.binned]
        wanted = self.resolved(operation.wanted, bindings)
        # Nothing with a life of its own: same parent, key and values is the same thing.
        if spec.by_content and len(found) == 1 and holders.live and not differing(spec, found[0], wanted):
            return self._adopted(operation, found[0], OutcomeState.ALREADY)
        if not holders.live and operation.anchor.kind is AnchorKind.KEY:
            # A key in the bin is not in use: the service renames or frees it.
            return Ready(operation, request, {}, read_at)
        ids = ", ".join(str(holder.get("id")) for holder in found)
        return Ended(
            operation,
            OutcomeState.CHANGED,
            f"conflict: {ids} holds its {operation.anchor.property} and was not made by this operation",
        )

    def _adopted(self, operation: Operation, item: JsonObject, state: OutcomeState = OutcomeState.DONE) -> Ended:
        ids = new_ids(operation, item)
        if ids is None:
            raise Fault(
                f"the object that operation {operation.id} left can't be read whole",
                object_type=operation.type,
                object_id=str(item.get("id")),
            )
        why = "it is there" if state is OutcomeState.ALREADY else "found by its anchor after an unclear answer"
        return Ended(operation, state, why, ids)

    # recycle bin

    async def _bins(
        self, spec: ObjectType, group: list[tuple[Operation, Bindings]], journal: StepJournal
    ) -> list[Prepared]:
        assert spec.bin is not None
        live = await self._live(spec, group)
        binned: list[Found] = []
        if spec.read_back_by_list:
            items, at = await self.targets.listed(spec, f"/{spec.bin.version}{spec.bin.list}")
            by_id = {item.get("id"): item for item in items}
            binned = [Found(by_id.get(operation.target), at) for operation, _ in group]
        else:
            item = f"/{spec.bin.version}{spec.bin.item}"
            paths = [item.replace("{id}", operation.target) for operation, _ in group]
            binned = await self.targets.objects(spec, paths)
        return [
            self._bin(spec, operation, bindings, here, there, journal)
            for (operation, bindings), here, there in zip(group, live, binned, strict=True)
        ]

    def _bin(
        self,
        spec: ObjectType,
        operation: Operation,
        bindings: Bindings,
        here: Found,
        there: Found,
        journal: StepJournal,
    ) -> Prepared:
        assert spec.bin is not None
        kept = tuple((old, old) for old in operation.ids.values())
        if here.here:
            lost = journal.state(operation.id) is OutcomeState.UNKNOWN
            if lost:
                return Ended(operation, OutcomeState.DONE, "found restored after an unclear answer", kept)
            return Ended(operation, OutcomeState.ALREADY, "it is live", kept)
        if there.body is None:
            if operation.id in journal.claimed:
                # Between bin and live an object can be on neither side of a replica that lags.
                return Later(operation, 0.0, "neither live nor in the recycle bin", noted=True)
            return Ended(operation, OutcomeState.CHANGED, "it is no longer in the recycle bin")
        if spec.bin.refused_when is not None and holds(spec.bin.refused_when, there.body):
            return Ended(operation, OutcomeState.CHANGED, spec.bin.refused_why)
        return Ready(operation, self._request(operation, bindings), {}, there.at)

    # links

    async def _links(
        self, spec: ObjectType, group: list[tuple[Operation, Bindings]], journal: StepJournal
    ) -> list[Prepared]:
        results: list[Prepared] = []
        plain: list[tuple[Operation, Bindings]] = []
        for operation, bindings in group:
            many = spec.relationship(operation.relationship).many
            if many and journal.state(operation.id) is not OutcomeState.UNKNOWN:
                plain.append((operation, bindings))
            else:
                results.append(await self._read_link(spec, operation, bindings, journal))
        # Adding to a set overwrites nothing: that the source is there is all that has to hold.
        paths = [object_path(spec, bindings.id(operation.target), ("id",)) for operation, bindings in plain]
        for (operation, bindings), found in zip(plain, await self.targets.objects(spec, paths), strict=True):
            if found.here:
                behind = bool(operation.after) and spec.relationship(operation.relationship).asked_while is not None
                results.append(Ready(operation, self._request(operation, bindings), {}, found.at, behind=behind))
            else:
                results.append(self._missing(operation, journal))
        return results

    async def _read_link(
        self, spec: ObjectType, operation: Operation, bindings: Bindings, journal: StepJournal
    ) -> Prepared:
        """With the links read: for a single-valued one, and to find out what an unclear answer did."""
        name = operation.relationship
        read_at = self.targets.clock.monotonic()
        held = await self.targets.linked(spec, bindings.id(operation.target), name)
        wanted = link_targets(operation, bindings)
        if held is not None and wanted <= held:
            lost = journal.state(operation.id) is OutcomeState.UNKNOWN
            state = OutcomeState.DONE if lost else OutcomeState.ALREADY
            return Ended(operation, state, "the links are there")
        if not spec.relationship(name).many:
            source = object_path(spec, bindings.id(operation.target), ("id",))
            (found,) = await self.targets.objects(spec, [source])
            if not found.here:
                return self._missing(operation, journal)
            expected = {bindings.id(old) for old in _texts(operation.before.get(name))}
            if (held or set()) != expected:
                return Ended(operation, OutcomeState.CHANGED, f"{name} is no longer what the plan saw")
            before: list[Json] = [*sorted(held or set())]
            return Ready(operation, self._request(operation, bindings), {name: before}, min(read_at, found.at))
        if held is None:
            return self._missing(operation, journal)
        request = without_links(self._request(operation, bindings), held)
        if request is None:
            return Ended(operation, OutcomeState.DONE, "the links are there")
        return Ready(operation, request, {}, read_at)

    # patches

    async def _patches(
        self, spec: ObjectType, group: list[tuple[Operation, Bindings]], journal: StepJournal
    ) -> list[Prepared]:
        live = await self._live(spec, group)
        return [
            await self._patch(spec, operation, bindings, found, journal)
            for (operation, bindings), found in zip(group, live, strict=True)
        ]

    async def _patch(
        self, spec: ObjectType, operation: Operation, bindings: Bindings, found: Found, journal: StepJournal
    ) -> Prepared:
        if found.body is None:
            return self._missing(operation, journal)
        wanted = self.resolved(operation.wanted, bindings)
        lost = journal.state(operation.id) is OutcomeState.UNKNOWN
        if not differing(spec, found.body, wanted):
            state = OutcomeState.DONE if lost else OutcomeState.ALREADY
            return Ended(operation, state, "it reads as wanted")
        changed, stale = await self._changed(spec, operation, bindings, found.body)
        if stale and not changed:
            why = f"a replica shows what this plan has replaced: {', '.join(sorted(stale))}"
            return Later(operation, 0.0, why, noted=True)
        if changed:
            return Ended(
                operation, OutcomeState.CHANGED, f"no longer what the plan saw: {', '.join(sorted(changed))}"
            )
        written = {bindings.name(name) for name in (*operation.before, *operation.wanted)}
        pre_image = {name: found.body.get(name) for name in written}
        becomes = {**found.body, **wanted}
        return Ready(operation, self._request(operation, bindings), pre_image, found.at, becomes=becomes)

    async def _changed(
        self, spec: ObjectType, operation: Operation, bindings: Bindings, live: JsonObject
    ) -> tuple[list[str], list[str]]:
        """Members that are neither what the plan saw, nor as wanted, nor what operations of this plan made of
        them; and those of which a read shows what such an operation has replaced."""
        wanted = self.resolved(operation.wanted, bindings)
        changed = [
            member
            for member in differing(spec, live, self.resolved(operation.before, bindings))
            if member not in wanted or not same(spec, member, live.get(member), wanted[member])
        ]
        stale: list[str] = []
        for earlier in self.plan.operations:
            if earlier.id == operation.id or not changed:
                break
            if (earlier.type, earlier.target) != (operation.type, operation.target):
                continue
            end = await self.progress.end(earlier.id)
            if end is None or not end.state.good:
                continue
            written = self.resolved(earlier.wanted, bindings)
            if earlier.anchor is not None and earlier.anchor.kind is AnchorKind.MARKER:
                written = {**written, earlier.anchor.property: earlier.anchor.value}
            changed = [
                member
                for member in changed
                if member not in written or not same(spec, member, live.get(member), written[member])
            ]
            was = self.resolved(earlier.before, bindings)
            stale += [
                member
                for member in changed
                if member in written and member in was and same(spec, member, live.get(member), was[member])
            ]
        return [member for member in changed if member not in stale], [one for one in stale if one in changed]

    # what was added goes

    async def _unlinks(
        self, spec: ObjectType, group: list[tuple[Operation, Bindings]], journal: StepJournal
    ) -> list[Prepared]:
        """Links are read where an earlier try may have taken them away; else that the source is there is enough."""
        results: list[Prepared] = []
        untried: list[tuple[Operation, Bindings]] = []
        for operation, bindings in group:
            if operation.id not in journal.claimed and spec.relationship(operation.relationship).many:
                untried.append((operation, bindings))
                continue
            read_at = self.targets.clock.monotonic()
            held = await self.targets.linked(spec, bindings.id(operation.target), operation.relationship)
            if (held or set()) & unlinked(operation, bindings):
                results.append(self._unlink(operation, bindings, read_at))
            elif not spec.relationship(operation.relationship).many and held:
                why = f"{operation.relationship} is no longer what the plan saw"
                results.append(Ended(operation, OutcomeState.CHANGED, why))
            else:
                results.append(self._gone(operation, journal))
        paths = [object_path(spec, bindings.id(operation.target), ("id",)) for operation, bindings in untried]
        for (operation, bindings), found in zip(untried, await self.targets.objects(spec, paths), strict=True):
            results.append(
                self._unlink(operation, bindings, found.at) if found.here else self._gone(operation, journal)
            )
        return results

    def _unlink(self, operation: Operation, bindings: Bindings, read_at: float) -> Ready:
        held: list[Json] = [*sorted(unlinked(operation, bindings))]
        return Ready(operation, self._request(operation, bindings), {operation.relationship: held}, read_at)

    async def _removals(
        self, spec: ObjectType, group: list[tuple[Operation, Bindings]], journal: StepJournal
    ) -> list[Prepared]:
        results: list[Prepared] = []
        for (operation, bindings), found in zip(group, await self._live(spec, group), strict=True):
            if found.body is None or is_over(spec, found.body):
                results.append(self._gone(operation, journal))
            elif {str(found.body.get(name)) for name in spec.known_by} & self.own_apps:
                results.append(Ended(operation, OutcomeState.GUARD, "this program signs in by it"))
            elif changed := differing(spec, found.body, self.resolved(operation.before, bindings)):
                why = f"no longer what the plan saw: {', '.join(sorted(changed))}"
                results.append(Ended(operation, OutcomeState.CHANGED, why))
            else:
                pre_image = {name: found.body.get(name) for name in operation.before}
                results.append(Ready(operation, self._request(operation, bindings), pre_image, found.at))
        return results

    async def _revocations(
        self, spec: ObjectType, group: list[tuple[Operation, Bindings]], journal: StepJournal
    ) -> list[Prepared]:
        results: list[Prepared] = []
        for (operation, bindings), found in zip(group, await self._live(spec, group), strict=True):
            held = still_held(operation, found.body or {})
            if held:
                results.append(Ready(operation, self._request(operation, bindings), held, found.at))
            else:
                results.append(self._gone(operation, journal))
        return results

    async def _acts(
        self, spec: ObjectType, group: list[tuple[Operation, Bindings]], journal: StepJournal
    ) -> list[Prepared]:
        """Asked for again after an answer that was lost: it does no harm."""
        return [
            Ready(operation, self._request(operation, bindings), {}, found.at)
            if found.here
            else self._missing(operation, journal)
            for (operation, bindings), found in zip(group, await self._live(spec, group), strict=True)
        ]

    def _gone(self, operation: Operation, journal: StepJournal) -> Ended:
        done = OutcomeState.DONE if operation.id in journal.claimed else OutcomeState.ALREADY
        return Ended(operation, done, "it is gone")

    # shared

    async def _live(self, spec: ObjectType, group: Sequence[tuple[Operation, Bindings]]) -> list[Found]:
        """The targets as they are now, by list where the type is read so."""
        operation = group[0][0]
        if operation.read_list or spec.read_back_by_list:
            path = operation.read_list or spec.list_path
            return [
                await self.targets.one_of_list(spec, path, bindings.id(one.target), max_age=self.patience.list_age)
                for one, bindings in group
            ]
        return await self.targets.objects(spec, [resolve_path(one.read, bindings) for one, bindings in group])

    @staticmethod
    def resolved(values: JsonObject, bindings: Bindings) -> JsonObject:
        """Values of the plan with its markers replaced. An old id that stands there without a marker is meant:
        the plan saw it so, or the snapshot holds it in a text that refers to nothing."""
        resolved = resolve(values, bindings)
        assert isinstance(resolved, dict)
        return resolved

    def _request(self, operation: Operation, bindings: Bindings) -> GraphRequest:
        asked = operation.request
        return GraphRequest(
            asked.method,
            resolve_path(asked.path, bindings),
            resolve(asked.body, bindings),
            dict(asked.headers),
            asked.throttle,
            asked.cost,
            asked.file,
        )

    def _missing(self, operation: Operation, journal: StepJournal) -> Prepared:
        """The target isn't there: lag, if this plan brought it; otherwise somebody took it away."""
        if operation.target in self.plan.new_ids or operation.after or operation.id in journal.claimed:
            return Later(operation, 0.0, "its object is not there (yet)", noted=True)
        return Ended(operation, OutcomeState.CHANGED, "its object is no longer there")

    def _by_type(
        self, group: Iterable[tuple[Operation, Bindings]]
    ) -> Iterator[tuple[ObjectType, list[tuple[Operation, Bindings]]]]:
        found: dict[str, list[tuple[Operation, Bindings]]] = {}
        for one in group:
            found.setdefault(one[0].type, []).append(one)
        for name, members in found.items():
            yield self.catalog.get(name), members


def link_targets(operation: Operation, bindings: Bindings) -> set[str]:
    """Ids that the link operation wants to be there, as they are now."""
    wanted = operation.wanted.get(operation.relationship)
    return {bindings.id(old) for old in _texts(wanted)}


def unlinked(operation: Operation, bindings: Bindings) -> set[str]:
    """Ids whose links the operation takes away."""
    return {bindings.id(old) for old in _texts(operation.before.get(operation.relationship))}


def is_over(spec: ObjectType, live: JsonObject) -> bool:
    """Whether an object is one of those that have passed, which some lists go on showing."""
    return spec.nature is not None and any_holds(spec.nature.passing, live)


def still_held(operation: Operation, live: JsonObject) -> JsonObject:
    """The credentials that a REVOKE takes away, as far as the object still has them, by member."""
    held: JsonObject = {}
    for member, gone in operation.before.items():
        items = live.get(member)
        found = [
            one
            for one in (items if isinstance(items, list) else [])
            if isinstance(one, dict) and one.get("keyId") in _texts(gone)
        ]
        if found:
            held[member] = [*found]
    return held


def without_links(request: GraphRequest, held: set[str]) -> GraphRequest | None:
    """The request without the links that are there; None where nothing is left. `@odata.bind` lists targets,
    `$ref` names one."""
    body = request.body
    if not isinstance(body, dict):
        return request
    left: JsonObject = {}
    for name, value in body.items():
        if name.endswith("@odata.bind") and isinstance(value, list):
            rest = [one for one in value if not (isinstance(one, str) and one.rsplit("/", 1)[-1] in held)]
            if not rest:
                return None
            left[name] = rest
        elif name == "@odata.id" and isinstance(value, str) and value.rsplit("/", 1)[-1] in held:
            return None
        else:
            left[name] = value
    return GraphRequest(request.method, request.path, left, request.headers, request.throttle, request.cost)


def _ids_of(operation: Operation) -> Iterator[str]:
    """Every old id that an operation may name: by marker, as its target, or as the target of a link."""
    yield operation.target
    yield from operation.names
    yield from _texts(operation.wanted.get(operation.relationship) if operation.relationship else None)
    yield from _texts(operation.before.get(operation.relationship) if operation.relationship else None)
    anchor = operation.anchor
    for value in (
        operation.request.path,
        operation.request.body,
        operation.read,
        anchor.lookup if anchor else None,
        anchor.bin_lookup if anchor else None,
        anchor.value if anchor else None,
    ):
        yield from ids_in(value)
    for values in (operation.before, operation.wanted):
        yield from ids_in(values)
    yield from operation.ids.values()


def _made_anew(operation: Operation) -> frozenset[str]:
    return frozenset(operation.ids.values()) if operation.expected_id is ExpectedId.NEW else frozenset()


def _check_resolvable(operation: Operation, bindings: Bindings) -> None:
    """Raises `Unresolved` before anything is read, if the request names what has no new id."""
    own = set(operation.ids.values())
    for value in (operation.request.path, operation.request.body):
        for old in ids_in(value):
            bindings.id(old)
    for name in operation.names:
        bindings.name(name)
    if operation.mechanism is Mechanism.LINK:
        link_targets(operation, bindings)
    if operation.mechanism is not Mechanism.CREATE and operation.target not in own:
        bindings.id(operation.target)


def _texts(value: Json) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []

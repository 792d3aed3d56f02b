"""The final verification of a restore: the backup app reads the tenant and compares it with the snapshot.

Reader and writer differ on purpose: what the restore app believes of its own work counts for nothing here but
as an explanation. Each difference needs one: foreseen by the plan, or an operation that openly did not end
well. A difference without an explanation makes the verdict `differs`. Lists lag, so a reading that finds
unexplained differences is made again until the last write is twelve minutes old.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.catalog.registry import Catalog
from shared.domain.errors import BlobMissing, IntegrityError, Refused
from shared.domain.plan import Exclusion, Mechanism, Operation, OutcomeState, Reason, RestorePlan
from shared.domain.ports import Clock, Signer, TableStore
from shared.engines import jws
from shared.engines.after_care import after_care
from shared.engines.create import create_once, create_or_adopt
from shared.engines.equality import Comparison, Difference
from shared.engines.evidence import Evidence, StoredPlan, WaveStart, plan_folder, step_folder, wave_blob
from shared.engines.journal import Journal, OperationEnd, StepDone
from shared.engines.jws import Purpose
from shared.engines.moved import as_planned
from shared.engines.references import GUID
from shared.engines.renamed import in_scope
from shared.engines.report import (
    LIST_LIMIT,
    REPORT_FORMAT,
    AfterCare,
    Kind,
    LeftOff,
    Listed,
    NewId,
    NotDone,
    Report,
    Verdict,
    WaveMeasured,
)
from shared.engines.restore_requests import PlanRows, PlanState
from shared.engines.second_opinion import ALONE
from shared.engines.survey import Reach
from shared.engines.view import View
from shared.engines.wire import encode

_PATIENCE = 720.0
_AGAIN = 60.0
# Graph makes the caller an owner of what it creates without naming owners.
_BY_CREATION = "it came with creating the object again, as Graph makes the creating app an owner"


class SnapshotView(View, Protocol):
    @property
    def manifest_sha256(self) -> str: ...


OpenSnapshot = Callable[[str], Awaitable[SnapshotView]]
OpenLive = Callable[[], AbstractAsyncContextManager[View]]


@dataclass(frozen=True, slots=True)
class Confirmed:
    """`report` None: not yet; ask again after `delay` seconds, or never (0), because steps are still to run."""

    report: Report | None
    delay: float = 0.0
    why: str = ""


class Confirmation:
    """The backup app's last word on a plan."""

    def __init__(
        self,
        *,
        evidence: Evidence,
        open_snapshot: OpenSnapshot,
        open_live: OpenLive,
        catalog: Catalog,
        signer: Signer,
        clock: Clock,
        rows: TableStore | None = None,
        patience: float = _PATIENCE,
    ) -> None:
        """`signer` holds the evidence key. `rows` show people how far it is. `patience`: how long lists may lag
        behind writes."""
        self._evidence = evidence
        self._open_snapshot = open_snapshot
        self._open_live = open_live
        self._catalog = catalog
        self._signer = signer
        self._clock = clock
        self._patience = patience
        self._rows = PlanRows(rows, clock) if rows is not None else None
        self._journal = Journal(evidence)

    async def confirm(self, plan: str) -> Confirmed:
        """Verifies a finished plan and stores its report, once. A report that is there is returned."""
        try:
            stored = await self._evidence.load_plan(plan)
        except BlobMissing:
            raise Refused(f"there is no plan {plan}") from None
        held = await self.report(plan)
        if held is not None:
            await self._show(held)
            return Confirmed(held)
        dones: list[StepDone] = []
        for step in stored.plan.steps:
            done = await self._journal.done(plan, stored.digest, step.id)
            if done is None:
                return Confirmed(None, why=f"step {step.id} is not done")
            dones.append(done)
        snapshot = await self._open_snapshot(stored.plan.snapshot)
        if snapshot.manifest_sha256 != stored.plan.manifest_sha256:
            raise IntegrityError("the snapshot is not the one that the plan was made from", object_id=plan)
        async with self._open_live() as live:
            report = await self._compare(stored, dones, as_planned(snapshot, stored.plan, self._catalog), live)
        age = (self._clock.now() - max((done.at for done in dones), default=stored.plan.created_at)).total_seconds()
        if report.unexpected_count and age < self._patience:
            why = f"{report.unexpected_count} differences that replication may still mend"
            return Confirmed(None, min(_AGAIN, self._patience - age), why)
        held = await self._store(report)
        await self._show(held)
        return Confirmed(held)

    async def _show(self, report: Report) -> None:
        if self._rows is not None:
            await self._rows.plan(report.plan, PlanState.DONE, verdict=str(report.verdict), why="")

    async def report(self, plan: str) -> Report | None:
        """The stored report, its signature checked; None where there is none."""
        name = f"{plan_folder(self._evidence.tenant, plan)}report.jws"
        token = await self._evidence.find(name)
        if token is None:
            return None
        report = self._evidence.open_signed(Report, name, token, Purpose.EVIDENCE)
        if (report.plan, report.tenant) != (plan, self._evidence.tenant):
            raise IntegrityError(f"{name} is of another plan or tenant")
        # A crash may have left the plain copy out.
        payload = jws.verify(token, Purpose.EVIDENCE, self._evidence.keys.evidence)
        await create_once(self._evidence.store, f"{plan_folder(self._evidence.tenant, plan)}report.json", payload)
        return report

    async def _store(self, report: Report) -> Report:
        name = f"{plan_folder(self._evidence.tenant, report.plan)}report.jws"
        token = await jws.sign(self._signer, Purpose.EVIDENCE, encode(report))
        await create_or_adopt(self._evidence.store, name, token)
        held = await self.report(report.plan)
        assert held is not None
        return held

    # --- comparing

    async def _compare(self, stored: StoredPlan, dones: list[StepDone], snapshot: View, live: View) -> Report:
        plan = stored.plan
        ends = {end.operation: end for done in dones for end in done.ends}
        ids = {old: new for end in ends.values() if end.state.good for old, new in end.ids.items()}
        comparison = Comparison(snapshot, live, self._catalog, ids)
        judge = _Judge(plan, ends, self._catalog)
        listed: list[Listed] = []
        unexpected: list[Listed] = []
        by_reason: dict[str, int] = {}
        unexpected_count = 0
        async for difference in comparison.differences():
            one = judge.judged(difference)
            if one.reason:
                by_reason[one.reason] = by_reason.get(one.reason, 0) + 1
                if len(listed) < LIST_LIMIT:
                    listed.append(one)
            else:
                unexpected_count += 1
                if len(unexpected) < LIST_LIMIT:
                    unexpected.append(one)
        care = await after_care(plan, ends, snapshot, self._catalog)
        care += tuple(
            AfterCare(one.type, one.target, one.live, one.name, f"check {one.member}: {one.other} was added", "")
            for one in listed
            if one.why == _BY_CREATION
        )
        new_ids = _new_ids(plan, ends)
        if new_ids:
            by_reason[Reason.NEW_ID.value] = len(new_ids)
        not_done = _not_done(plan, ends)
        verdict = Verdict.EQUAL
        if unexpected_count:
            verdict = Verdict.DIFFERS
        elif (
            by_reason
            or not_done
            or plan.conflicts
            or not all(_seen_again(one, self._catalog) for one in plan.exclusions)
        ):
            verdict = Verdict.EQUAL_EXCEPT_LISTED
        root, blobs = await self._journal.root(plan.id)
        outcomes: dict[str, int] = {}
        for end in ends.values():
            outcomes[end.state.value] = outcomes.get(end.state.value, 0) + 1
        return Report(
            format=REPORT_FORMAT,
            plan=plan.id,
            digest=stored.digest,
            tenant=plan.tenant,
            snapshot=plan.snapshot,
            manifest_sha256=plan.manifest_sha256,
            made_at=self._clock.now(),
            live_as_of=live.as_of,
            verdict=verdict,
            counts=dict(comparison.counts),
            outcomes=outcomes,
            by_reason=by_reason,
            unexpected_count=unexpected_count,
            unexpected=tuple(unexpected),
            listed=tuple(listed),
            new_ids=new_ids,
            conflicts=plan.conflicts,
            exclusions=plan.exclusions,
            not_done=not_done,
            left_off=_left_off(plan, ends),
            after_care=care,
            waves=await self._measured(stored, dones),
            journal_root=root,
            journal_blobs=blobs,
            alone=_alone(plan, ends),
            untold=tuple(sorted({done.untold for done in dones if done.untold})),
        )

    async def _measured(self, stored: StoredPlan, dones: list[StepDone]) -> tuple[WaveMeasured, ...]:
        plan = stored.plan
        by_step = {done.step: done for done in dones}
        measured = []
        for wave in plan.waves:
            steps = [step for step in plan.steps if step.wave == wave.number]
            name = wave_blob(plan.tenant, plan.id, wave.number)
            start = await self._evidence.find_signed(WaveStart, name, Purpose.EXECUTION)
            attempts = 0
            for step in steps:
                async for stat in self._evidence.store.list(step_folder(plan.tenant, plan.id, step.id)):
                    attempts += stat.name.endswith(".intent.json")
            last: datetime | None = max((by_step[step.id].at for step in steps), default=None)
            seconds = (last - start.at).total_seconds() if last is not None and start is not None else 0.0
            measured.append(
                WaveMeasured(
                    wave.number,
                    wave.title,
                    wave.forecast,
                    sum(len(step.operations) for step in steps),
                    attempts,
                    round(max(0.0, seconds)),
                    start.approvers if start is not None else (),
                    start.override if start is not None else "",
                )
            )
        return tuple(measured)


class _Judge:
    """Finds the explanation of a difference, in the plan or in what became of it."""

    def __init__(self, plan: RestorePlan, ends: dict[str, OperationEnd], catalog: Catalog) -> None:
        self._catalog = catalog
        self._reach = Reach(in_scope(plan.scope, plan.known_ids), catalog)
        self._prunes = plan.scope.prune
        self._undo = bool(plan.undo_of)
        self._ends = ends
        self._failed: dict[tuple[str, str], list[Operation]] = {}
        for operation in plan.operations:
            if not ends[operation.id].good:
                self._failed.setdefault((operation.type, operation.target), []).append(operation)
        self._excluded: dict[tuple[str, str], list[Exclusion]] = {}
        for exclusion in plan.exclusions:
            self._excluded.setdefault((exclusion.type, exclusion.target), []).append(exclusion)
        self._made = plan.new_ids
        self._conflicts = {(one.type, one.target): one.why for one in plan.conflicts}
        self._affected = [(text, one.why) for one in plan.conflicts for text in one.affects]
        self._gone: dict[str, tuple[str, str]] = {}  # snapshot ids of objects that are explained as not being back

    def judged(self, one: Difference) -> Listed:
        reason, why = self._explained(one) or ("", one.why)
        if one.kind is Kind.MISSING and reason:
            self._gone[one.target] = (reason, why)
        # A report outlives many snapshots: it must not keep the name of who is to be erased.
        itself = one.kind in (Kind.MISSING, Kind.CHANGED)
        name = "" if itself and reason == Reason.ERASED.value else one.name
        return Listed(one.kind, one.type, one.target, one.live, name, one.member, one.other, reason, why)

    def _explained(self, one: Difference) -> tuple[str, str] | None:
        if one.kind is Kind.NOT_COMPARED:
            return Reason.NOT_COMPLETE.value, one.why
        if one.kind is Kind.OLD_REFERENCE:
            if one.added:
                return Reason.ADDED_SINCE.value, "what was added names an object that was replaced"
            # A reference to an id that is gone is the one thing that no scope excuses.
            return self._of_operations(one) or self._of_exclusions(one) or self._of_undo()
        if one.computed:
            return Reason.DYNAMIC.value, "the service makes these links"
        if one.kind is Kind.LINK_ADDED and one.target in self._made:
            return Reason.ADDED_SINCE.value, _BY_CREATION
        if one.kind in (Kind.ADDED, Kind.LINK_ADDED):
            left = self._of_removals(one) or self._of_exclusions(one) or self._of_scope(one)
            if left or (self._prunes and self._catalog.get(one.type).mechanisms):
                return left
            return Reason.ADDED_SINCE.value, "a restore doesn't remove what was added"
        return (
            self._of_operations(one)
            or self._of_exclusions(one)
            or self._of_conflicts(one)
            or self._of_ends(one)
            or self._of_scope(one)
            or self._of_undo()
        )

    def _of_operations(self, one: Difference) -> tuple[str, str] | None:
        for operation in self._failed.get((one.type, one.target), ()):
            if operation.mechanism is Mechanism.LINK:
                concerned = operation.relationship == one.member and one.other in operation.coming
            else:
                concerned = operation.mechanism.brings or one.member in operation.wanted
            if concerned:
                end = self._ends[operation.id]
                return _state(end), f"{operation.mechanism.value}: {end.why}"
        return None

    def _of_removals(self, one: Difference) -> tuple[str, str] | None:
        """What was to go and is still there."""
        for operation in self._failed.get((one.type, one.target), ()):
            link = one.other in operation.going and one.member == operation.relationship
            if link or (operation.mechanism is Mechanism.REMOVE and one.kind is Kind.ADDED):
                end = self._ends[operation.id]
                return _state(end), f"{operation.mechanism.value}: {end.why}"
        return None

    def _of_exclusions(self, one: Difference) -> tuple[str, str] | None:
        keys = [(one.type, one.target), (one.type, "")]
        if one.parent:
            keys.append((self._catalog.get(one.type).parent, one.parent))
        for key in keys:
            for exclusion in self._excluded.get(key, ()):
                if _covers(exclusion, one):
                    return exclusion.reason.value, exclusion.why
        return None

    def _of_conflicts(self, one: Difference) -> tuple[str, str] | None:
        why = self._conflicts.get((one.type, one.target))
        if why is not None:
            return Reason.CONFLICT.value, why
        for text, reason in self._affected:
            what, _, rest = text.partition(" ")
            # Links are told by their targets below: one that stays out excuses no other.
            if what == f"{one.type}/{one.target}" and not one.other and one.member in ("", *rest.split()):
                return Reason.CONFLICT.value, reason
        for (_, target), reason in self._conflicts.items():
            if target in (one.other, one.parent) and target:
                return Reason.CONFLICT.value, reason
        return None

    def _of_ends(self, one: Difference) -> tuple[str, str] | None:
        """A link or a child whose other end didn't come back, for a reason that was listed."""
        for end in (one.other, one.target, one.parent):
            if end and end in self._gone:
                reason, why = self._gone[end]
                return reason, f"{end} is not back: {why}"
        return None

    def _of_undo(self) -> tuple[str, str] | None:
        """An undo goes back to what was before a restore, not to the snapshot."""
        before = "as it was before the restore that was taken back"
        return (Reason.OUT_OF_SCOPE.value, before) if self._undo else None

    def _of_scope(self, one: Difference) -> tuple[str, str] | None:
        spec = self._catalog.get(one.type)
        asked = self._reach.member(spec, one.member) if one.member else self._reach.whole(spec)
        asked = asked and (one.kind is Kind.MISSING or not self._reach.rescue)
        if asked and self._reach.object(spec, one.target, one.parent):
            return None
        return Reason.OUT_OF_SCOPE.value, "not asked for"


def _covers(exclusion: Exclusion, one: Difference) -> bool:
    """Whether the exclusion foresaw this. One that names a link's target excuses that link only: another lost
    member of the same group is still unexplained."""
    if exclusion.member and one.member not in exclusion.member.split(", "):
        return False
    if one.other and exclusion.other:
        return one.other == exclusion.other
    named = GUID.findall(exclusion.why) if one.other and exclusion.member else []
    return not named or one.other in named


def _seen_again(exclusion: Exclusion, catalog: Catalog) -> bool:
    """Whether the comparison looks at what was excluded, so that only what it finds counts."""
    spec = catalog.get(exclusion.type)
    compared = spec.restorable_in(exclusion.member.split(", ")) | {
        relationship.name for relationship in spec.relationships
    }
    return all(member in compared for member in exclusion.member.split(", ") if member)


def _state(end: OperationEnd) -> str:
    return end.state.value if not end.state.good else "notReadBack"


def _new_ids(plan: RestorePlan, ends: dict[str, OperationEnd]) -> tuple[NewId, ...]:
    found = []
    for operation in plan.operations:
        end = ends[operation.id]
        if end.state.good:
            for old in operation.ids.values():
                new = end.ids.get(old, old)
                if new != old:
                    found.append(NewId(operation.type, operation.name, old, new))
    return tuple(found)


def _not_done(plan: RestorePlan, ends: dict[str, OperationEnd]) -> tuple[NotDone, ...]:
    return tuple(
        NotDone(
            one.id,
            one.type,
            one.target,
            one.name,
            one.mechanism.value,
            _state(ends[one.id]),
            ends[one.id].why,
        )
        for one in plan.operations
        if not ends[one.id].good
    )


def _alone(plan: RestorePlan, ends: dict[str, OperationEnd]) -> tuple[LeftOff, ...]:
    return tuple(
        LeftOff(one.type, one.target, one.name, ends[one.id].why)
        for one in plan.operations
        if one.guarded and ends[one.id].good and ALONE in ends[one.id].why
    )


def _left_off(plan: RestorePlan, ends: dict[str, OperationEnd]) -> tuple[LeftOff, ...]:
    left = [
        LeftOff(one.type, one.target, one.name, ends[one.id].why)
        for one in plan.operations
        if one.guarded and (one.mechanism is Mechanism.ENABLE or ends[one.id].state is OutcomeState.GUARD)
        if not ends[one.id].good
    ]
    left += [
        LeftOff(one.type, one.target, one.name, one.why)
        for one in plan.exclusions
        if one.reason is Reason.LOCK_OUT_GUARD
    ]
    return tuple(left)

"""From a request to a plan: opens the snapshot, reads the live tenant and its bins, and asks the planner.

Reads only. The live view lies in a scratch store and is gone when the plan is made.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from shared.catalog.registry import Catalog
from shared.domain.erasure import Erased
from shared.domain.errors import BlobMissing, Unusable
from shared.domain.plan import USUAL, RestorePlan, Scope, Thresholds
from shared.domain.ports import Audit, BlobStore, Clock, Directory
from shared.engines.acquainted import acquainted
from shared.engines.bins import read_bins
from shared.engines.choices import spelled, spoken
from shared.engines.erasure import Erasures
from shared.engines.evidence import Evidence
from shared.engines.journal import Journal
from shared.engines.known_ids import earlier, known_ids
from shared.engines.live import read_live
from shared.engines.moved import as_planned
from shared.engines.planner import plan_restore
from shared.engines.repository import Repository
from shared.engines.restore_requests import PlanRequest
from shared.engines.survey import Reach
from shared.engines.undo import undo_plan
from shared.engines.view import View

Scratch = Callable[[], AbstractContextManager[BlobStore]]


@dataclass(frozen=True, slots=True)
class SnapshotPlanMaker:
    """`PlanMaker` of `restore_requests`."""

    repository: Repository
    directory: Directory
    catalog: Catalog
    audit: Audit
    clock: Clock
    scratch: Scratch
    temporary: Path | None
    evidence: Evidence
    break_glass_ids: tuple[str, ...]
    own_apps: tuple[str, ...] = ()
    earlier: tuple[Evidence, ...] = ()  # of restores that were run from elsewhere
    thresholds: Thresholds = USUAL

    async def __call__(self, plan: str, request: PlanRequest) -> RestorePlan:
        if request.undo:
            return await self._undo(plan, request)
        Reach(request.scope, self.catalog)  # what can't be asked is told before the tenant is read
        tenant, source = self.evidence.tenant, self.repository.tenant
        snapshot = await self.repository.open(request.snapshot)
        here = (*(one for one in self.earlier if one.tenant == tenant), self.evidence)
        before = await earlier(*here, since=snapshot.as_of)
        made = frozenset(before.ids.values())
        with self.scratch() as store:
            live = await self._live(store)
            bins = await read_bins(self.directory, self.catalog)
            return await plan_restore(
                snapshot,
                live,
                bins,
                self.catalog,
                scope=request.scope,
                break_glass_ids=self.break_glass_ids,
                created_by=self.audit.created_by,
                plan_id=plan,
                tenant=tenant,
                manifest_sha256=snapshot.manifest_sha256,
                created_at=self.clock.now(),
                known_ids=before.ids,
                seen=before.seen,
                erased=await self._erased(),
                despite_erasure=request.despite_erasure,
                own_apps=self.own_apps,
                vouched=lambda asked: acquainted(self.repository, made, asked),
                thresholds=self.thresholds,
                source_tenant="" if source == tenant else source,
            )

    async def _erased(self) -> Erased:
        """Whom the list bars, by every id that they had in the snapshot's own tenant."""
        erased = await Erasures(self.evidence, self.earlier).erased()
        elsewhere = [one for one in self.earlier if one.tenant != self.evidence.tenant]
        return erased.through(await known_ids(*elsewhere)) if elsewhere else erased

    async def _undo(self, plan: str, request: PlanRequest) -> RestorePlan:
        if words := spoken(request.scope):
            raise Unusable(
                f"an undo has no conflicts, so nothing is to be said of {', '.join(map(spelled, words))}",
                hint="what changed since the restore stays as it is; plan from a snapshot to decide otherwise",
            )
        if request.scope != Scope() or request.despite_erasure:
            raise Unusable("an undo takes back what a plan did, and nothing else", hint="ask for it alone")
        try:
            stored = await self.evidence.load_plan(request.undo)
        except BlobMissing:
            raise Unusable("there is no such plan", object_id=request.undo) from None
        with self.scratch() as store:
            return await undo_plan(
                stored,
                Journal(self.evidence),
                self.catalog,
                plan_id=plan,
                created_at=self.clock.now(),
                break_glass_ids=self.break_glass_ids,
                live=await self._live(store),
                snapshot=await self._made_from(stored.plan),
                own_apps=self.own_apps,
                thresholds=self.thresholds,
            )

    async def _live(self, store: BlobStore) -> View:
        return await read_live(
            self.directory,
            self.catalog,
            store,
            self.clock,
            tenant=self.evidence.tenant,
            scratch=self.temporary,
        )

    async def _made_from(self, plan: RestorePlan) -> View | None:
        """The snapshot of a plan, in the words of the plan; none where it is no longer offered."""
        try:
            snapshot = await self.repository.open(plan.snapshot)
        except Unusable:
            return None
        return as_planned(snapshot, plan, self.catalog)

"""A tenant restored into another one, in one process: read, planned, run, and compared without Holdfast.

Owns the two tenants; `localrun.moved` compares their tables.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.adapters.memory import ManualClock
from shared.cli.screen import wire_document
from shared.domain.plan import RestorePlan, Scope
from shared.engines.known_ids import known_ids
from shared.engines.report import Report
from tests.localrun import truth
from tests.localrun.moved import RESTORER, unexplained
from tests.restore_planned import Planned, Snapshot, make_plan, read, with_plan
from tests.restore_story import state
from tests.restore_world import tenant
from tests.simulator.seeds import MAIN_DOMAIN
from tests.simulator.seeds_blank import BLANK, BLANK_MAIN
from tests.simulator.service import Service

Obj = dict[str, Any]
DOMAINS = (f"{MAIN_DOMAIN}={BLANK_MAIN}",)
SECOND = "p0123456789abcdef0222222"


@dataclass
class Two:
    """`case` is the restore into `there`; both tenants share a clock. Ids in `before` are those of `here`."""

    here: Service
    there: Service
    snapshot: Snapshot
    before: truth.State
    case: Planned
    first: truth.State  # the other tenant before anything came

    @property
    def plan(self) -> RestorePlan:
        return self.case.world.plan

    def again(self) -> Two:
        """A second one as this is now, which shares nothing that is written to."""
        shared: tuple[object, ...] = (self.snapshot, self.before, self.first, self.here)
        return copy.deepcopy(self, {id(one): one for one in shared})

    async def next_plan(self, plan_id: str = SECOND) -> RestorePlan:
        """Another plan from the same snapshot, which knows what the earlier ones made."""
        world = self.case.world
        world.clock.advance(3600)
        return await plan_into(
            self.there,
            self.snapshot,
            world.clock,
            self.here,
            plan_id,
            self.plan.scope,
            await known_ids(world.view()),
        )

    def created(self) -> dict[str, int]:
        made = [
            change.table
            for txn in self.there.store.log
            if txn.app == RESTORER and txn.method == "POST"
            for change in txn.changes
            if change.kind == "object" and change.before is None
        ]
        return dict(Counter(made))

    def unexplained(self, report: Report) -> list[str]:
        """What the tenants' own tables differ in and nothing told: empty, if all came that could."""
        return unexplained(
            self.before,
            self.first,
            state(self.there),
            wire_document(report),
            self.plan.known_ids,
            self.plan.domains,
            self.plan.scope.types,
        )


async def plan_into(
    there: Service,
    snapshot: Snapshot,
    clock: ManualClock,
    here: Service,
    plan_id: str,
    scope: Scope,
    known: dict[str, str] | None = None,
) -> RestorePlan:
    return await make_plan(
        there, snapshot, clock, plan_id=plan_id, scope=scope, known_ids=known, source_tenant=here.tenant_id
    )


def nothing(service: Service) -> None:
    """A tenant as it is seeded."""


async def two_tenants(
    seed: str = "10",
    *,
    prepare: Callable[[Service], None] = nothing,
    there: Callable[[Service], None] = nothing,
    domains: tuple[str, ...] = DOMAINS,
    **scope: Any,
) -> Two:
    """`prepare` changes the tenant before the snapshot, `there` the other one before the plan."""
    clock = ManualClock()
    here, other = tenant(clock, seed), tenant(clock, BLANK)
    prepare(here)
    there(other)
    clock.advance(60)
    snapshot = Snapshot.of(await read(here, clock))
    before, first = state(here), state(other)
    clock.advance(3600)
    asked = Scope(into=other.tenant_id, domains=domains, **scope)
    plan = await plan_into(other, snapshot, clock, here, "p0123456789abcdef0111111", asked)
    return Two(here, other, snapshot, before, Planned(await with_plan(clock, other, plan), snapshot), first)

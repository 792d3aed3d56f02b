"""A restore as both apps and the operators live it, in one process: asked for, planned, approved, applied, run step
by step, verified. Every message comes by a queue, and every port of the apps can fail.

The damage is one of each (`restore_damage`): everything that the planner knows a way back for.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.adapters.memory import ManualClock, MemoryQueue, QueueMessage
from shared.catalog.registry import CATALOG
from shared.domain.errors import Retryable
from shared.domain.plan import ExpectedId, Mechanism, Operation, RestorePlan
from shared.domain.ports import WorkQueue
from shared.engines.approvals import store_approvers
from shared.engines.erasure import ErasureDesk
from shared.engines.evidence import Evidence, plan_folder, plan_id
from shared.engines.restore_requests import (
    PlanRequest,
    RestoreDesk,
    apply_request,
    approval_message,
    plan_request,
    read_verify,
    verify_message,
)
from tests.faults import Faults, FaultyBlobStore, FaultyQueue, FaultySigner, FaultyTableStore
from tests.localrun import truth
from tests.restore_damage import one_of_each, prepare
from tests.restore_planned import SNAPSHOT, Planned, Snapshot, make_plan, read
from tests.restore_world import (
    APPROVERS,
    EVIDENCE_KEY,
    KEYS,
    PLAN_KEY,
    World,
    approvers_document,
    tenant,
)
from tests.simulator.control import full
from tests.simulator.service import Service

SEED = "10"
ASKED = "story-0001"
RESTORER = "holdfast-restore"
VISIBILITY = 30.0
_COMES_ALONG = "roleAssignmentSchedules"  # each role assignment has one, which the service makes with it


# --- the tenant -----------------------------------------------------------------------------------------


def state(service: Service) -> truth.State:
    """The tenant's own tables, with links, as `tests.localrun.truth` compares them."""
    return {
        table: {key: copy.deepcopy(full(service, table, key)) for key in service.store.tables[table]}
        for table in truth.TABLES
    }


# --- the story -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has to be the same whatever happened on the way. Ids are the old ones."""

    verdict: str
    by_reason: dict[str, int]
    differences: tuple[str, ...]  # from the tenant before the damage, by the tenant's own tables
    created: dict[str, int]
    secrets: int
    rows: tuple[tuple[str, str], ...]


@dataclass
class Story:
    """Everything that outlives a process. `copy` gives a second one that shares nothing with the first."""

    world: World
    snapshot: Snapshot
    before: truth.State
    asked: int = 0  # how far the operators are

    def __post_init__(self) -> None:
        clock = self.world.clock
        names = ("restore-requests", "restore-control", "requests-poison", "control-poison")
        made = {name: MemoryQueue(name, clock) for name in names}
        self.queues = {**made, "restore-steps": self.world.steps, "restore-verify": self.world.verify}
        self.delivered: list[tuple[str, str]] = []  # queue, body
        self.ids: list[tuple[str, str]] = []  # queue, id of each message delivered

    @classmethod
    async def begin(cls, *, lag: float = 0.0) -> Story:
        clock = ManualClock()
        service = tenant(clock, SEED)
        prepare(service)
        clock.advance(60)
        snapshot = Snapshot.of(await read(service, clock))
        before = state(service)
        clock.advance(3600)
        one_of_each(service)
        clock.advance(3600)
        service.settings.lag = lag
        unknown: Any = None  # the plan is yet to be made
        world = World(clock, service, unknown, unknown)
        world.approvers_sha256 = await store_approvers(world.evidence, world.tenant, approvers_document())
        return cls(world, snapshot, before)

    def copy(self) -> Story:
        shared: tuple[object, ...] = (self.snapshot, self.before)  # never written to
        return copy.deepcopy(self, {id(one): one for one in shared})

    @property
    def plan(self) -> str:
        return plan_id(self.world.tenant, ASKED)

    async def operators(self) -> bool:
        """What people do next, when nothing is on its way any more. False: they have what they wanted."""
        self.asked += 1
        if self.asked == 1:
            await self.queues["restore-requests"].send(plan_request(ASKED, snapshot=SNAPSHOT))
        elif self.asked == 2:
            self.world.plan = (await self.world.view().load_plan(self.plan)).plan
            for key in APPROVERS[:2]:
                token = await self.world.approval(key)
                await self.queues["restore-control"].send(approval_message(token))
        elif self.asked == 3:
            stored = await self.world.stored()
            await self.queues["restore-requests"].send(apply_request("story-0002", self.plan, stored.digest))
        return self.asked <= 3

    def receive(self) -> tuple[str, QueueMessage] | None:
        """The next message of any queue, the clock moved on to when one is visible."""
        served = [queue for name, queue in self.queues.items() if not name.endswith("-poison")]
        waits = [queue.next_visible for queue in served if queue.next_visible is not None]
        if not waits:
            return None
        self.world.clock.advance(min(waits))
        for queue in served:
            for message in queue.receive(visibility=VISIBILITY):
                return queue.name, message
        self.world.clock.advance(0.001)  # the sum of two floats can fall short of the later moment
        return self.receive()

    async def drain(
        self,
        faults: Faults | None = None,
        *,
        times: int = 1,
        looking: Callable[[Story], None] = lambda story: None,
        operators: bool = True,
        most: int = 3000,
    ) -> None:
        """One process serves every queue to the end. `times`: how often each message is served in a row before it
        goes, when it comes first (a step that waits sends itself again, which would double).
        `looking` is called before each message."""
        process = StoryProcess(self, faults or Faults())
        for _ in range(most):
            looking(self)
            found = self.receive()
            if found is None:
                if not operators or not await self.operators():
                    return
                continue
            first = (found[0], found[1].body) not in self.delivered
            for _ in range(times if first else 1):
                await process.serve(*found)
        raise AssertionError("the queues never get empty")

    async def together(self, workers: list[Faults], *, copies: int = 1) -> None:
        """Several processes at once, each on whatever message it gets. `copies`: how often each message that
        people cause is in its queue."""
        while True:
            for queue in self.queues.values():
                for body in queue.bodies * (copies - 1):
                    await queue.send(body)
            tasks = [self.drain(faults, operators=False) for faults in workers]
            await asyncio.gather(*tasks)
            if not await self.operators():
                return

    async def repeat_all(self) -> None:
        """Every message that ever came, once more."""
        for name, body in list(self.delivered):
            await self.queues[name].send(body)
        await self.drain(operators=False)

    # --- how it ended

    async def outcome(self) -> Outcome:
        """Fails where something is wrong in itself; what is left to compare is returned."""
        world = self.world
        folder = plan_folder(world.tenant, self.plan)
        assert f"{folder}report.json" in world.evidence.blobs, "no report"
        planned = Planned(world, self.snapshot)
        report = await planned.confirmation().report(self.plan)
        assert report is not None
        assert report.unexpected == (), report.unexpected
        assert report.not_done == (), report.not_done
        ids = {one.old: one.new for one in report.new_ids}
        for step in world.plan.steps:
            await planned.confirmation()._journal.step(self.plan, step.id)  # chain and signatures hold
        poisoned = [
            body for name, queue in self.queues.items() if name.endswith("-poison") for body in queue.bodies
        ]
        assert not poisoned
        text = "\n".join(repr(one) for one in truth.compare(self.before, state(world.service), ids))
        for old, new in ids.items():
            text = text.replace(new, old)
        assert "[hf:" not in text, text
        return Outcome(
            str(report.verdict),
            dict(report.by_reason),
            tuple(sorted(text.splitlines())),
            self._created(world.plan, ids),
            self._secrets(),
            (("plan", await self._row("plans", self.plan)),),
        )

    def _created(self, plan: RestorePlan, ids: dict[str, str]) -> dict[str, int]:
        """By the tenant's commit log: each creation that the plan has once, and no other. What comes back with
        something from a bin is created by nobody."""
        tables = {spec.name for spec in CATALOG.types if not spec.evidence_only}
        made = [
            (change.table, change.key)
            for txn in self.world.service.store.log
            if txn.app == RESTORER and txn.method == "POST" and "/deletedItems/" not in txn.path
            for change in txn.changes
            if change.kind == "object"
            and change.before is None
            and change.table in tables
            and change.table != _COMES_ALONG
        ]
        expected = [
            (one.type, ids[one.target] if one.expected_id is ExpectedId.NEW else one.target)
            for one in plan.operations
            if one.expected_id is ExpectedId.NEW or _under_its_id(one)
        ]
        assert sorted(made) == sorted(expected), (made, expected)
        return dict(Counter(table for table, _ in made))

    def _secrets(self) -> int:
        """One password to a user, and nowhere but in the secret store."""
        versions = self.world.secrets.versions
        assert all(len(held) == 1 for held in versions.values()), "a password was made twice"
        kept = b"\n".join(self.world.evidence.blobs.values()).decode("utf-8", "replace")
        kept += json.dumps([body for _, body in self.delivered]) + repr(self.world.rows.__dict__)
        assert not any(held[0] in kept for held in versions.values())
        return len(versions)

    async def _row(self, partition: str, key: str) -> str:
        row = await self.world.rows.get(partition, key)
        return "" if row is None else f"{row.values['state']} {row.values.get('verdict', '')}"


def _under_its_id(operation: Operation) -> bool:
    """Made anew, with the old id given by us."""
    return operation.mechanism is Mechanism.CREATE and CATALOG.get(operation.type).chooses_id


class StoryProcess:
    """Both apps in one process: what the functions do with a message, on ports that can fail."""

    def __init__(self, story: Story, faults: Faults) -> None:
        world = story.world
        self._story = story
        self._restore = world.process(faults)
        evidence = Evidence(FaultyBlobStore(world.evidence, faults), world.tenant, KEYS)
        rows = FaultyTableStore(world.rows, faults, "holdfast")
        queues: dict[str, WorkQueue] = {name: FaultyQueue(one, faults) for name, one in story.queues.items()}
        self._queues = queues

        async def plan(name: str, request: PlanRequest) -> RestorePlan:
            return await make_plan(world.service, story.snapshot, world.clock, plan_id=name, scope=request.scope)

        self._desk = RestoreDesk(
            evidence=evidence,
            desk=world.desk(evidence),
            plan_signer=FaultySigner(PLAN_KEY, faults),
            make_plan=plan,
            erasures=ErasureDesk(evidence, world.desk(evidence), FaultySigner(EVIDENCE_KEY, faults), world.clock),
            steps=queues["restore-steps"],
            verify=queues["restore-verify"],
            rows=rows,
            clock=world.clock,
            poison=queues["requests-poison"],
            control_poison=queues["control-poison"],
        )
        self._confirmation = Planned(world, story.snapshot).confirmation(
            evidence=evidence, rows=rows, signer=FaultySigner(EVIDENCE_KEY, faults)
        )

    async def serve(self, name: str, message: QueueMessage) -> None:
        """The message goes once its function has ended; what fails for now comes back."""
        self._story.delivered.append((name, message.body))
        self._story.ids.append((name, message.id))
        queue = self._story.queues[name]
        try:
            await self._run(name, message)
        except Retryable as pause:
            queue.hide(message, pause.after or 5.0)
            return
        queue.delete(message)

    async def _run(self, name: str, message: QueueMessage) -> None:
        body = message.body.encode()
        if name == "restore-requests":
            await self._desk.handle_request(body)
        elif name == "restore-control":
            await self._desk.handle_control(body)
        elif name == "restore-steps":
            await self._restore.serve(message)
        else:
            asked = read_verify(body)
            confirmed = await self._confirmation.confirm(asked.plan)
            if confirmed.report is None and confirmed.delay:
                await self._queues[name].send(verify_message(asked.plan), delay=confirmed.delay)

"""The journal of an execution: intents, outcomes, and what a finished step came to.

One attempt is one batch: `{attempt}.intent.json` is created first and is the claim, `{attempt}.outcome.jws`
says how it ended. Attempt n+1 is claimed only after outcome n exists, and each blob names the hash of the one
before, so that an attempt can neither be left out nor slipped in. A worker that vanished is replaced by writing
the missing outcome for it, all operations UNKNOWN: whoever creates that blob decides, and a worker that comes
back late finds its place taken. Intents are claims only; what counts as having happened is signed by the
execution key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.errors import IntegrityError, Unusable
from shared.domain.objects import JsonObject
from shared.domain.plan import Intent, Operation, Outcome, Outcomes, OutcomeState, RestorePlan
from shared.domain.ports import Signer
from shared.domain.snapshot import BlobRef
from shared.domain.wire import Wire
from shared.engines.create import create_or_adopt
from shared.engines.evidence import (
    MAX_ATTEMPT,
    Evidence,
    attempt_of,
    done_blob,
    intent_blob,
    outcome_blob,
    plan_folder,
    sha256,
    step_folder,
)
from shared.engines.jws import Purpose
from shared.engines.packs import merkle_root
from shared.engines.wire import decode, encode


@dataclass(frozen=True, slots=True)
class OperationEnd(Wire):
    """How an operation ended. `held`: what it wanted was read back until readings agreed. `at`: the last
    attempt's end."""

    operation: str
    state: OutcomeState
    held: bool
    why: str
    ids: dict[str, str]
    at: datetime

    @property
    def good(self) -> bool:
        return self.state.good and self.held


@dataclass(frozen=True, slots=True)
class StepDone(Wire):
    """`done.jws`: nothing of this step is left to do. `previous`: hash of its last journal blob. `untold`: what
    nobody could say of the tenant while it ran."""

    plan: str
    digest: str
    step: str
    at: datetime
    ends: tuple[OperationEnd, ...]
    previous: str
    untold: str = ""


@dataclass(slots=True)
class StepJournal:
    """What the journal says of one step. `open`: a claim without outcome."""

    step: str
    attempt: int = 0
    head: str = ""
    open: Intent | None = None
    last: dict[str, Outcome] = field(default_factory=dict)  # operation → latest outcome
    tries: dict[str, int] = field(default_factory=dict)  # operation → attempts that ended WAITING
    waiting_since: dict[str, datetime] = field(default_factory=dict)  # operation → first WAITING in a row
    claimed: dict[str, datetime] = field(default_factory=dict)  # operation → first claim of it
    sent: dict[str, datetime] = field(default_factory=dict)  # operation → end of the last unclear attempt
    pre_images: dict[str, JsonObject] = field(default_factory=dict)  # operation → what its last attempt replaced

    def state(self, operation: str) -> OutcomeState | None:
        outcome = self.last.get(operation)
        return outcome.state if outcome else None

    def remaining(self, operations: Iterable[Operation]) -> list[Operation]:
        """Operations that have no final outcome."""
        return [one for one in operations if (state := self.state(one.id)) is None or not state.final]

    def add_intent(self, intent: Intent, blob: bytes) -> None:
        self.attempt = intent.attempt
        self.head = sha256(blob)
        self.open = intent
        self.pre_images.update(intent.pre_images)
        for operation in intent.operations:
            self.claimed.setdefault(operation, intent.claimed_at)

    def add_outcomes(self, outcomes: Outcomes, blob: bytes) -> None:
        self.head = sha256(blob)
        self.open = None
        for outcome in outcomes.outcomes:
            name = outcome.operation
            self.last[name] = outcome
            if outcome.state is OutcomeState.WAITING:
                self.tries[name] = self.tries.get(name, 0) + 1
                self.waiting_since.setdefault(name, outcome.at)
            else:
                self.tries.pop(name, None)
                self.waiting_since.pop(name, None)
            if outcome.state is OutcomeState.UNKNOWN:
                self.sent[name] = outcome.at


class Journal:
    """Reads and writes the journal of one plan's steps. `signer` holds the execution key; None: read only."""

    def __init__(self, evidence: Evidence, signer: Signer | None = None) -> None:
        self._evidence = evidence
        self._signer = signer
        self._done: dict[str, StepDone] = {}  # by blob name: once written it never changes

    # reading

    async def step(self, plan: str, step: str) -> StepJournal:
        """The step's attempts, chain and signatures checked. Raises `IntegrityError`."""
        folder = step_folder(self._evidence.tenant, plan, step)
        names: dict[tuple[int, bool], str] = {}
        async for stat in self._evidence.store.list(folder):
            key = attempt_of(stat.name.removeprefix(folder))
            if key is not None:
                names[key] = stat.name
        journal = StepJournal(step)
        for attempt in range(1, max((number for number, _ in names), default=0) + 1):
            if (attempt, True) not in names or journal.open is not None:
                raise IntegrityError(f"the journal of step {step} has a gap at attempt {attempt}")
            blob = await self._evidence.store.get(names[attempt, True])
            intent = self._intent(blob, plan, step, attempt)
            if intent.previous != journal.head:
                raise IntegrityError(f"the journal of step {step} doesn't chain at attempt {attempt}")
            journal.add_intent(intent, blob)
            if (attempt, False) in names:
                token = await self._evidence.store.get(names[attempt, False])
                journal.add_outcomes(self._outcomes(token, plan, step, attempt, journal.head), token)
        return journal

    def _intent(self, blob: bytes, plan: str, step: str, attempt: int) -> Intent:
        try:
            intent = decode(Intent, blob)
        except Unusable as error:
            raise IntegrityError(f"intent {attempt} of step {step} can't be read: {error.what}") from None
        if (intent.plan, intent.step, intent.attempt) != (plan, step, attempt):
            raise IntegrityError(f"intent {attempt} of step {step} is for another place")
        return intent

    def _outcomes(self, token: bytes, plan: str, step: str, attempt: int, previous: str) -> Outcomes:
        name = outcome_blob(self._evidence.tenant, plan, step, attempt)
        outcomes = self._evidence.open_signed(Outcomes, name, token, Purpose.EXECUTION)
        if (outcomes.plan, outcomes.step, outcomes.attempt) != (plan, step, attempt):
            raise IntegrityError(f"outcome {attempt} of step {step} is for another place")
        if outcomes.previous != previous:
            raise IntegrityError(f"the journal of step {step} doesn't chain at outcome {attempt}")
        return outcomes

    async def done(self, plan: str, digest: str, step: str) -> StepDone | None:
        """How a finished step ended; None while it isn't."""
        name = done_blob(self._evidence.tenant, plan, step)
        found = self._done.get(name)
        if found is None:
            found = await self._evidence.find_signed(StepDone, name, Purpose.EXECUTION)
            if found is None:
                return None
            if (found.plan, found.digest, found.step) != (plan, digest, step):
                raise IntegrityError(f"the end of step {step} is for another place")
            if len(self._done) >= 20_000:
                self._done.clear()
            self._done[name] = found
        return found

    async def done_names(self, plan: str) -> set[str]:
        """Steps that seem finished, by the names alone: a hint, cheap for any number of steps."""
        return {step async for step, rest in self._blobs(plan) if rest == "done.jws"}

    async def begun_names(self, plan: str) -> set[str]:
        """Steps that have a journal at all, by the names alone."""
        return {step async for step, _ in self._blobs(plan)}

    async def _blobs(self, plan: str) -> AsyncIterator[tuple[str, str]]:
        """Step and name in it, of each blob of the plan's journal."""
        folder = f"{plan_folder(self._evidence.tenant, plan)}steps/"
        async for stat in self._evidence.store.list(folder):
            step, _, rest = stat.name.removeprefix(folder).partition("/")
            yield step, rest

    async def root(self, plan: str) -> tuple[str, int]:
        """Merkle root over the names and hashes of the journal's blobs, in name order, and their number."""
        folder = f"{plan_folder(self._evidence.tenant, plan)}steps/"
        leaves = []
        async for stat in self._evidence.store.list(folder):
            data = await self._evidence.store.get(stat.name)
            leaves.append(BlobRef(stat.name.removeprefix(folder), len(data), sha256(data)))
        return merkle_root(leaves), len(leaves)

    # writing

    async def claim(
        self,
        journal: StepJournal,
        plan: str,
        worker: str,
        at: datetime,
        operations: tuple[str, ...],
        pre_images: dict[str, JsonObject],
    ) -> bool:
        """Claims the next attempt. False: somebody else has it. `worker` must differ for every run of a step,
        or two of them would take one claim for their own."""
        if journal.open is not None:
            raise IntegrityError(f"step {journal.step} has a claim without outcome")
        attempt = journal.attempt + 1
        if attempt > MAX_ATTEMPT:
            raise IntegrityError(f"step {journal.step} has used up its attempts")
        intent = Intent(plan, journal.step, attempt, worker, at, operations, pre_images, journal.head)
        blob = encode(intent)
        name = intent_blob(self._evidence.tenant, plan, journal.step, attempt)
        if await create_or_adopt(self._evidence.store, name, blob) != blob:
            return False
        journal.add_intent(intent, blob)
        return True

    async def conclude(self, journal: StepJournal, worker: str, outcomes: tuple[Outcome, ...]) -> bool:
        """Writes the open attempt's outcome. False: another worker wrote it first, having taken this one for
        dead; then what we know is dropped, and the operations are looked up as UNKNOWN ones are."""
        intent = journal.open
        if intent is None:
            raise IntegrityError(f"step {journal.step} has no open claim")
        value = Outcomes(intent.plan, intent.step, intent.attempt, worker, outcomes, journal.head)
        name = outcome_blob(self._evidence.tenant, intent.plan, intent.step, intent.attempt)
        token = await self._evidence.write_signed(name, Purpose.EXECUTION, self._key(), value)
        held = self._outcomes(token, intent.plan, intent.step, intent.attempt, journal.head)
        journal.add_outcomes(held, token)
        return held == value

    async def take_over(self, journal: StepJournal, worker: str, at: datetime) -> None:
        """Ends the claim of a worker that vanished: every operation it may have sent is UNKNOWN."""
        intent = journal.open
        if intent is None:
            raise IntegrityError(f"step {journal.step} has no open claim")
        why = f"worker {intent.worker} ended without a word"
        outcomes = tuple(
            Outcome(operation, OutcomeState.UNKNOWN, 0, "", why, {}, at) for operation in intent.operations
        )
        await self.conclude(journal, worker, outcomes)

    async def finish(self, done: StepDone) -> StepDone:
        """Writes `done.jws`, or adopts the one that another worker wrote."""
        name = done_blob(self._evidence.tenant, done.plan, done.step)
        await self._evidence.write_signed(name, Purpose.EXECUTION, self._key(), done)
        found = await self.done(done.plan, done.digest, done.step)
        if found is None:
            raise IntegrityError(f"the end of step {done.step} was stored and is not there")
        return found

    def _key(self) -> Signer:
        if self._signer is None:
            raise Unusable("this process has no execution key and only reads the journal")
        return self._signer


class PlanProgress:
    """What the finished steps of a plan have come to: new ids, and how operations ended."""

    def __init__(self, journal: Journal, plan: RestorePlan, digest: str) -> None:
        self._journal = journal
        self._plan = plan
        self._digest = digest
        index = _index(plan, digest)
        self._steps = index.steps
        self._makers = index.makers

    async def end(self, operation: str) -> OperationEnd | None:
        """How an operation ended; None while its step isn't done. Raises `Unusable` for an unknown one."""
        step = self._steps.get(operation)
        if step is None:
            raise Unusable(f"the plan has no operation {operation}")
        done = await self._journal.done(self._plan.id, self._digest, step)
        if done is None:
            return None
        for end in done.ends:
            if end.operation == operation:
                return end
        raise IntegrityError(f"the end of step {step} leaves out {operation}")

    async def ids(self, olds: Iterable[str]) -> dict[str, str]:
        """New ids, as far as they are there, for those of `olds` that the plan replaces."""
        found: dict[str, str] = {}
        for old in olds:
            maker = self._makers.get(old)
            if maker is None:
                continue
            end = await self.end(maker)
            if end is not None and end.state.good and old in end.ids:
                found[old] = end.ids[old]
        return found

    async def all_ids(self) -> dict[str, str]:
        return await self.ids(self._makers)


@dataclass(frozen=True, slots=True)
class _PlanIndex:
    steps: dict[str, str]  # operation → step
    makers: dict[str, str]  # old id → operation that brings the new one


_INDEXES: dict[str, _PlanIndex] = {}


def _index(plan: RestorePlan, digest: str) -> _PlanIndex:
    """Built once per plan: a plan of thousands of steps is asked thousands of times."""
    index = _INDEXES.get(digest)
    if index is None:
        steps = {operation.id: step.id for step in plan.steps for operation in step.operations}
        makers: dict[str, str] = {}
        for operation in plan.operations:
            for old in operation.ids.values():
                makers[old] = operation.id
        if len(_INDEXES) >= 4:
            _INDEXES.clear()
        index = _INDEXES[digest] = _PlanIndex(steps, makers)
    return index

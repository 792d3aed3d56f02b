"""Running a step of an approved plan: exactly what the plan says, once, whatever dies or comes twice.

For each attempt: read what is there → claim (intent) → send → write down how it ended (outcome) → next. A step
ends when every operation is final and what was done reads back. Nothing that arrives by message or row is
believed: plan, digest, signature, cancellation and approvals are read from the evidence container before
anything is sent. What a run does not know (an answer that was lost, a worker that vanished) it looks up; it
never sends blindly twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

from shared.catalog.registry import Catalog
from shared.catalog.rivals import RECOVERY_JOBS, Rival
from shared.domain.errors import (
    AnswerLost,
    BlobMissing,
    ClaimHeld,
    GraphDown,
    GraphUnauthorized,
    Refused,
    Retryable,
    Unusable,
)
from shared.domain.objects import Json
from shared.domain.plan import Operation, Outcome, OutcomeState, Step
from shared.domain.ports import Clock, Directory, GraphRequest, GraphResponse, Ids, SecretStore, Signer
from shared.engines.answers import Reading, Special, read_answer
from shared.engines.approvals import ApprovalDesk
from shared.engines.erasure import Erasures
from shared.engines.evidence import Evidence, StoredPlan
from shared.engines.journal import Journal, OperationEnd, PlanProgress, StepDone, StepJournal
from shared.engines.markers import Bindings, passwords_in, resolve
from shared.engines.preconditions import (
    Ended,
    Guard,
    Later,
    Patience,
    Preconditions,
    Prepared,
    Ready,
    without_links,
)
from shared.engines.readback import unheld
from shared.engines.rivals import rivalry
from shared.engines.targets import Targets

_BACKOFF = (2.0, 4.0, 8.0, 16.0, 30.0)
_RIVAL_PAUSE = 60.0
_SECRET = re.compile(r"[A-Za-z0-9-]{1,127}", re.ASCII)


class StepEnd(StrEnum):
    """What became of a message for a step."""

    DONE = "done"  # unless `followed`: messages for `ready`, if `all_done` one for the final verification
    REQUEUE = "requeue"  # send the same message again, `delay` seconds later
    NOT_READY = "notReady"  # a step it depends on isn't done; that one's end sends this message again
    AWAITING_APPROVAL = "awaitingApproval"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class StepResult:
    end: StepEnd
    why: str = ""
    delay: float = 0.0
    ready: tuple[str, ...] = ()
    all_done: bool = False
    followed: bool = False  # all that was sent before
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds of Holdfast's clock."""

    # After this a claim without outcome belongs to nobody. Writes begin in its first half, and the directory's
    # patience with them has to end within the second.
    claim: float = 120.0
    fresh: float = 5.0  # between reading a target and writing to it
    patience: float = 720.0  # for replicas to agree, and for what Graph calls not there yet
    agree: int = 2  # readings in a row
    pause: float = 1.0  # between them
    short: float = 5.0  # waits up to this are slept through
    polls: int = 4  # readings in one go before the message is sent again
    budget: float = 240.0  # for one run of a step before the message is sent again


class Executor:
    """The restore app's engine. All ports are given; `origin` is scheme and host of Graph."""

    def __init__(
        self,
        *,
        evidence: Evidence,
        desk: ApprovalDesk,
        directory: Directory,
        secrets: SecretStore,
        signer: Signer,
        guard: Guard,
        clock: Clock,
        ids: Ids,
        catalog: Catalog,
        origin: str,
        limits: Limits | None = None,
        earlier: Sequence[Evidence] = (),
        own_apps: Sequence[str] = (),
        rival: Rival = RECOVERY_JOBS,
    ) -> None:
        """`earlier`: evidence of restores that were run from elsewhere, for its erasure list. `own_apps`:
        application ids that no operation may remove, because this process signs in by them."""
        self._evidence = evidence
        self._desk = desk
        self._directory = directory
        self._secrets = secrets
        self._signer = signer
        self._guard = guard
        self._clock = clock
        self._ids = ids
        self._catalog = catalog
        self._origin = origin
        self._limits = limits if limits is not None else Limits()
        self._journal = Journal(evidence, signer)
        self._erasures = Erasures(evidence, earlier)
        self._own_apps = frozenset(own_apps)
        self._rival = rival

    async def run_step(self, plan: str, step: str) -> StepResult:
        """Runs one step as far as it goes now. Raises `Fault`s; everything that time can heal is a REQUEUE."""
        try:
            return await self._run(plan, step)
        except Retryable as pause:
            return StepResult(StepEnd.REQUEUE, pause.what, pause.after if pause.after is not None else 15.0)
        except Refused as refusal:
            return StepResult(StepEnd.REFUSED, str(refusal))

    async def follow(self, plan: str, step: str) -> None:
        """Notes that what the end of a step leads to was sent."""
        await self._evidence.follow(plan, step)

    async def _run(self, plan: str, step: str) -> StepResult:
        try:
            stored = await self._evidence.load_plan(plan)
        except BlobMissing:
            raise Refused(f"there is no plan {plan}") from None
        found = next((one for one in stored.plan.steps if one.id == step), None)
        if found is None:
            raise Refused(f"the plan {plan} has no step of that id")
        if await self._evidence.cancelled(plan):
            raise Refused(f"the plan {plan} was cancelled")
        if await self._journal.done(plan, stored.digest, step) is not None:
            return await self._after(stored, found)
        for name in found.depends_on:
            if await self._journal.done(plan, stored.digest, name) is None:
                return StepResult(StepEnd.NOT_READY, f"step {name} is not done")
        if why := await self._desk.start_wave(stored, found.wave, self._signer):
            return StepResult(StepEnd.AWAITING_APPROVAL, why)
        beside = await rivalry(self._directory, self._rival)
        if beside.running:
            return StepResult(StepEnd.REQUEUE, beside.running, _RIVAL_PAUSE)
        unnamed = await self._desk.not_named(stored, found.wave) if stored.plan.tier_zero else frozenset[str]()
        run = _Run(self, stored, found, unnamed, beside.untold)
        delay = await run.advance()
        if delay is not None:
            return StepResult(StepEnd.REQUEUE, run.why, delay)
        return await self._after(stored, found)

    async def _after(self, stored: StoredPlan, step: Step) -> StepResult:
        """What a finished step lets run. Repeated until `follow` says that it was sent: a copy of the message that
        comes later sends nothing, or copies would multiply with every step that waits for several."""
        done = await self._journal.done(stored.plan.id, stored.digest, step.id)
        assert done is not None
        counts: dict[str, int] = {}
        for end in done.ends:
            counts[end.state.value] = counts.get(end.state.value, 0) + 1
        if await self._evidence.followed(stored.plan.id, step.id):
            return StepResult(StepEnd.DONE, followed=True, counts=counts)
        ready = []
        for other in stored.plan.steps:
            if step.id in other.depends_on and await self._may_run(stored, other):
                ready.append(other.id)
        names = await self._journal.done_names(stored.plan.id)
        return StepResult(
            StepEnd.DONE,
            ready=tuple(ready),
            all_done=all(one.id in names for one in stored.plan.steps),
            counts=counts,
        )

    async def _may_run(self, stored: StoredPlan, step: Step) -> bool:
        if await self._journal.done(stored.plan.id, stored.digest, step.id) is not None:
            return False
        for name in step.depends_on:
            if await self._journal.done(stored.plan.id, stored.digest, name) is None:
                return False
        return True


class _Run:
    """One run of one step by one worker. `why` says what it waits for when it can't go on. `unnamed`: operations
    that approvers had to name and didn't. `untold`: what nobody could say of the tenant when it began."""

    def __init__(
        self, executor: Executor, stored: StoredPlan, step: Step, unnamed: frozenset[str], untold: str
    ) -> None:
        self._evidence = executor._evidence
        self._directory = executor._directory
        self._secrets = executor._secrets
        self._guard = executor._guard
        self._clock = executor._clock
        self._ids = executor._ids
        self._catalog = executor._catalog
        self._origin = executor._origin
        self._limits = executor._limits
        self._log = executor._journal
        self._erasures = executor._erasures
        self._own_apps = executor._own_apps
        self._unnamed = unnamed
        self._stored = stored
        self._plan = stored.plan
        self._step = step
        self._worker = executor._ids.new()  # of this run alone: two runs of one process must not share a claim
        self._targets = Targets(self._directory, self._clock)
        self._progress = PlanProgress(self._log, self._plan, stored.digest)
        self._deadline = self._clock.monotonic() + self._limits.budget
        self._untold = untold
        self.why = ""

    async def advance(self) -> float | None:
        """Goes on until the step is done (None) or has to wait (seconds)."""
        journal = await self._log.step(self._plan.id, self._step.id)
        while True:
            if journal.open is not None:
                await self._settle_claim(journal)
                continue
            remaining = journal.remaining(self._step.operations)
            if not remaining:
                return await self._read_back(journal)
            if self._clock.monotonic() >= self._deadline:
                self.why = "its time for one run is used up"
                return 0.0
            delay = await self._attempt(journal, remaining)
            if delay > self._limits.short:
                return delay
            if delay > 0:
                await self._clock.sleep(delay)

    async def _settle_claim(self, journal: StepJournal) -> None:
        intent = journal.open
        assert intent is not None
        age = (self._clock.now() - intent.claimed_at).total_seconds()
        if age < self._limits.claim:
            raise ClaimHeld(f"attempt {intent.attempt} is under way", after=max(1.0, self._limits.claim - age))
        await self._log.take_over(journal, self._worker, self._clock.now())

    # --- one attempt

    async def _attempt(self, journal: StepJournal, remaining: list[Operation]) -> float:
        """Tries what can be tried now, as one batch. Returns seconds to wait where nothing could be."""
        due, delay = self._due(journal, remaining)
        if not due:
            self.why = "waiting before the next attempt"
            return delay
        judge = self._judge()
        prepared = await self._prepare(judge, due, journal)
        later = [one for one in prepared if isinstance(one, Later) and not one.noted]
        acting = [one for one in prepared if not (isinstance(one, Later) and not one.noted)]
        if not acting:
            self.why = later[0].why
            return max(1.0, min(one.seconds for one in later))
        ready = [one for one in acting if isinstance(one, Ready)]
        claimed = await self._log.claim(
            journal,
            self._plan.id,
            self._worker,
            self._clock.now(),
            tuple(one.operation.id for one in ready),
            {one.operation.id: one.pre_image for one in ready},
        )
        if not claimed:
            raise ClaimHeld("another worker took the next attempt", after=5.0)
        outcomes = [self._written_down(one, journal) for one in acting if not isinstance(one, Ready)]
        failure: GraphUnauthorized | None = None
        if ready:
            sent, failure = await self._send(judge, ready, journal)
            outcomes += sent
        concluded = await self._log.conclude(journal, self._worker, tuple(outcomes))
        if failure is not None:
            raise failure
        if not concluded:
            raise ClaimHeld("this run took so long that another worker went on", after=5.0)
        return 0.0

    def _judge(self) -> Preconditions:
        return Preconditions(
            self._catalog,
            self._targets,
            self._plan,
            self._progress,
            self._guard,
            self._origin,
            self._clock.now(),
            self._erasures,
            Patience(self._limits.patience, min(2.0, self._limits.fresh / 2)),
            self._own_apps,
            self._unnamed,
        )

    def _due(self, journal: StepJournal, remaining: list[Operation]) -> tuple[list[Operation], float]:
        """Operations whose back-off has passed, and seconds until the next one if there are none."""
        now = self._clock.now()
        due, waits = [], []
        for operation in remaining:
            outcome = journal.last.get(operation.id)
            wait = 0.0
            if outcome is not None and outcome.state is OutcomeState.WAITING:
                tries = journal.tries.get(operation.id, 1)
                backoff = _BACKOFF[min(tries, len(_BACKOFF)) - 1]
                wait = backoff - (now - outcome.at).total_seconds()
            if wait <= 0:
                due.append(operation)
            else:
                waits.append(wait)
        return due, min(waits, default=0.0)

    async def _prepare(self, judge: Preconditions, due: list[Operation], journal: StepJournal) -> list[Prepared]:
        """Batchable operations together, one to a target and one that the lock-out guard is asked about, which
        speaks of one change at a time; of the others as many as need no sending, and one that does."""
        together: list[Operation] = []
        seen: set[str] = set()
        asked = False
        for operation in due:
            if self._catalog.get(operation.type).batchable and operation.target not in seen:
                if operation.guarded and asked:
                    continue
                asked = asked or operation.guarded
                seen.add(operation.target)
                together.append(operation)
        if together:
            return await judge.prepare(together, journal)
        prepared: list[Prepared] = []
        for operation in due:
            (one,) = await judge.prepare([operation], journal)
            prepared.append(one)
            if isinstance(one, Ready):
                break
        return prepared

    def _written_down(self, prepared: Ended | Later, journal: StepJournal) -> Outcome:
        operation = prepared.operation
        if isinstance(prepared, Later):
            return self._waiting(journal, operation, Reading(OutcomeState.WAITING, prepared.why), 0, "")
        return Outcome(
            operation.id,
            prepared.state,
            prepared.status,
            prepared.request_id,
            prepared.why,
            dict(prepared.ids),
            self._clock.now(),
        )

    def _waiting(
        self, journal: StepJournal, operation: Operation, reading: Reading, status: int, request_id: str
    ) -> Outcome:
        """WAITING, or REFUSED where patience has run out."""
        now = self._clock.now()
        since = journal.waiting_since.get(operation.id, now)
        state, why = reading.state, reading.why
        if (now - since).total_seconds() >= self._limits.patience:
            state, why = OutcomeState.REFUSED, f"for {round(self._limits.patience / 60)} minutes: {why}"
        return Outcome(operation.id, state, status, request_id, why, {}, now)

    # --- sending

    async def _send(
        self, judge: Preconditions, ready: list[Ready], journal: StepJournal
    ) -> tuple[list[Outcome], GraphUnauthorized | None]:
        """Sends what is fresh. Every operation gets an outcome, whatever happens on the way."""
        outcomes: list[Outcome] = []
        ready = await self._still_ready(judge, ready, journal, outcomes)
        assert journal.open is not None
        age = (self._clock.now() - journal.open.claimed_at).total_seconds()
        if age > self._limits.claim / 2:
            # Somebody may soon take this claim for abandoned: what isn't sent by now is not sent by us.
            unsent = Reading(OutcomeState.WAITING, "not sent: the claim had grown old")
            return outcomes + [self._waiting(journal, one.operation, unsent, 0, "") for one in ready], None
        failure: GraphUnauthorized | None = None
        batches: dict[str, list[Ready]] = {}
        for one in ready:
            spec = self._catalog.get(one.operation.type)
            key = one.request.path.split("/", 2)[1] if spec.batchable else f"\0{one.operation.id}"
            batches.setdefault(key, []).append(one)
        for group in batches.values():
            requests = [await self._completed(one) for one in group]
            answers, refused = await self._answers(group, requests)
            failure = failure or refused
            for one, request, answer in zip(group, requests, answers, strict=True):
                outcomes.append(await self._outcome(one, request, answer, journal))
        return outcomes, failure

    async def _answers(
        self, group: list[Ready], requests: list[GraphRequest]
    ) -> tuple[list[GraphResponse], GraphUnauthorized | None]:
        """Status 0 stands for "unknown"; 429 for "was not carried out"."""
        for one in group:
            spec = self._catalog.get(one.operation.type)
            self._targets.forget(one.operation.read_list or spec.list_path)
        batchable = self._catalog.get(group[0].operation.type).batchable
        try:
            if batchable:
                return await self._directory.batch(requests), None
            return [await self._directory.send(requests[0])], None
        except AnswerLost:
            return [GraphResponse(0, b"")] * len(requests), None
        except GraphDown:
            return [GraphResponse(429, b"")] * len(requests), None
        except GraphUnauthorized as refused:
            return [GraphResponse(401, b"", refused.request_id)] * len(requests), refused

    async def _still_ready(
        self, judge: Preconditions, ready: list[Ready], journal: StepJournal, outcomes: list[Outcome]
    ) -> list[Ready]:
        """Claiming took time: what was read too long ago is read and judged again, right before it is sent."""
        stale = [one for one in ready if self._clock.monotonic() - one.read_at > self._limits.fresh]
        if not stale:
            return ready
        again = {one.operation.id: one for one in await judge.prepare([one.operation for one in stale], journal)}
        kept: list[Ready] = []
        for one in ready:
            now = again.get(one.operation.id, one)
            if isinstance(now, Ready):
                kept.append(now)
            else:
                outcomes.append(self._written_down(now, journal))
        return kept

    async def _outcome(
        self, one: Ready, request: GraphRequest, answer: GraphResponse, journal: StepJournal
    ) -> Outcome:
        operation = one.operation
        reading = read_answer(operation, answer, one.brought, behind=one.behind)
        if reading.special is Special.LINK_THERE:
            return await self._rest_of_links(one, request, answer, journal)
        if reading.special is Special.KEY_TAKEN:
            if journal.sent.get(operation.id) is not None:
                # An earlier try was never answered: what holds the key may be ours. Look it up.
                reading = Reading(OutcomeState.UNKNOWN, reading.why)
            else:
                reading = Reading(OutcomeState.CHANGED, f"conflict: {reading.why}")
        if reading.state is OutcomeState.WAITING:
            return self._waiting(journal, operation, reading, answer.status, answer.request_id)
        return Outcome(
            operation.id,
            reading.state,
            answer.status,
            answer.request_id,
            "; ".join(filter(None, (reading.why, one.told if reading.state.good else ""))),
            dict(reading.ids),
            self._clock.now(),
        )

    async def _rest_of_links(
        self, one: Ready, request: GraphRequest, answer: GraphResponse, journal: StepJournal
    ) -> Outcome:
        """A bind is all or nothing: where one link exists, none was made. Read, subtract, send the rest."""
        operation = one.operation
        spec = self._catalog.get(operation.type)
        bindings = await self._judge().bindings(operation, journal)
        held = await self._targets.linked(spec, bindings.id(operation.target), operation.relationship)
        rest = without_links(request, held or set())
        state, why = OutcomeState.ALREADY, "the links are there"
        if rest is not None and rest.body == request.body:
            state, why = OutcomeState.WAITING, "links are said to be there and don't read so yet"
        elif rest is not None:
            (answer,), _ = await self._answers([replace(one, request=rest)], [rest])
            reading = read_answer(operation, answer, one.brought)
            state, why = reading.state, reading.why
            if reading.special is Special.LINK_THERE:
                state, why = OutcomeState.WAITING, "links change under our hands"
        if state is OutcomeState.WAITING:
            return self._waiting(journal, operation, Reading(state, why), answer.status, answer.request_id)
        return Outcome(operation.id, state, answer.status, answer.request_id, why, {}, self._clock.now())

    async def _completed(self, one: Ready) -> GraphRequest:
        """The request with what is known at this moment only: dates on which something can begin, and its initial
        password, which is in the secret store before it is anywhere else."""
        passwords = {}
        for user in passwords_in(one.request.body):
            name = secret_name(self._plan.id, one.operation.secret_for)
            password = await self._secrets.get(name)
            if password is None:
                password = self._ids.password()
                await self._secrets.put(name, password)
                password = await self._secrets.get(name) or password
            passwords[user] = password
        tomorrow = (self._clock.now() + timedelta(days=1)).date().isoformat()
        body: Json = resolve(one.request.body, Bindings(passwords=passwords, tomorrow=tomorrow))
        return replace(one.request, body=body)

    # --- reading back

    async def _read_back(self, journal: StepJournal) -> float | None:
        """Reads until what was done holds in several readings in a row, then writes the step's end."""
        judge = self._judge()
        pending: dict[str, tuple[Operation, Bindings]] = {}
        for operation in self._step.operations:
            if journal.last[operation.id].state.good:
                pending[operation.id] = (operation, await judge.bindings(operation, journal))
        since = max((journal.last[name].at for name in pending), default=self._clock.now())
        streak = dict.fromkeys(pending, 0)
        missing: dict[str, str] = {}
        held: set[str] = set()
        polls = 0
        while pending:
            missing = await unheld(self._catalog, self._targets, judge, list(pending.values()))
            for name in list(pending):
                streak[name] = 0 if name in missing else streak[name] + 1
                if streak[name] >= self._limits.agree:
                    held.add(name)
                    del pending[name]
            if not pending:
                break
            waited = (self._clock.now() - since).total_seconds()
            if missing and waited >= self._limits.patience:
                break
            polls += 1
            if polls >= self._limits.polls and missing:
                self.why = f"waiting until it reads back: {len(missing)} operations"
                return min(30.0, max(2.0, waited))
            await self._clock.sleep(self._limits.pause)
        await self._finish(journal, held, missing)
        return None

    async def _finish(self, journal: StepJournal, held: set[str], missing: dict[str, str]) -> None:
        ends = []
        for operation in self._step.operations:
            outcome = journal.last[operation.id]
            why = outcome.why
            if outcome.state.good and operation.id not in held:
                why = f"not read back: {missing.get(operation.id, 'readings did not agree')}"
            ends.append(
                OperationEnd(operation.id, outcome.state, operation.id in held, why, dict(outcome.ids), outcome.at)
            )
        await self._log.finish(
            StepDone(
                self._plan.id,
                self._stored.digest,
                self._step.id,
                self._clock.now(),
                tuple(ends),
                journal.head,
                self._untold,
            )
        )


def secret_name(plan: str, secret_for: str) -> str:
    """Where the initial password of a re-created user is kept: one per plan, so that no old one is used again."""
    name = f"{plan}-{secret_for}"
    if not secret_for or not _SECRET.fullmatch(name):
        raise Unusable("a password is asked for without a proper name to keep it under")
    return name

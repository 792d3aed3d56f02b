"""Messages that ask for a restore, and what the backup app does with them.

A message holds ids and is believed in nothing: digests are compared with the stored plan, approvals are counted
from the evidence. Each request has an id; the same id again names the same plan and changes nothing. What can't
be read is set aside under the hash of the message, never with its contents, and is not tried again.

Rows (`requests`, `plans`) let people and the command line see what became of a request. Nothing reads them to
decide anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from shared.domain.errors import BlobMissing, HoldfastError, Refused, Retryable, Unusable
from shared.domain.plan import Decision, RestorePlan, Scope
from shared.domain.ports import Clock, Row, Signer, TableStore, WorkQueue
from shared.domain.wire import Wire
from shared.engines import jws
from shared.engines.approvals import ApprovalDesk
from shared.engines.erasure import ErasureDesk
from shared.engines.evidence import Evidence, StoredPlan, plan_id, sha256
from shared.engines.journal import Journal
from shared.engines.wire import decode, encode, parse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

T = TypeVar("T")

VERSION: Final = 1
MAX_BYTES: Final = 48 * 1024
REQUEST_TYP: Final = "holdfast-request+jws"
_REQUEST_ID = re.compile(r"[0-9A-Za-z-]{8,64}", re.ASCII)
_REJECTED_PER_HOUR = 200


# --- messages ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlanRequest(Wire):
    """Queue `restore-requests`. An empty scope means everything."""

    v: int
    kind: str
    request_id: str
    snapshot: str = "latest"
    scope: Scope = field(default_factory=Scope)
    despite_erasure: tuple[str, ...] = ()  # ids on the erasure list that are to come back all the same
    undo: str = ""  # a plan that is to be taken back: then nothing else is asked for


@dataclass(frozen=True, slots=True)
class ApplyRequest(Wire):
    """Queue `restore-requests`."""

    v: int
    kind: str
    request_id: str
    plan: str
    digest: str


@dataclass(frozen=True, slots=True)
class CancelRequest(Wire):
    """Queue `restore-requests`."""

    v: int
    kind: str
    request_id: str
    plan: str


@dataclass(frozen=True, slots=True)
class ResumeRequest(Wire):
    """Queue `restore-requests`: sends the steps of a started plan that are ready."""

    v: int
    kind: str
    request_id: str
    plan: str


@dataclass(frozen=True, slots=True)
class SignedRequest(Wire):
    """Queue `restore-requests`: a plan request whose signer is known, and therefore can't approve the plan."""

    v: int
    kind: str
    jws: str


@dataclass(frozen=True, slots=True)
class ApprovalMessage(Wire):
    """Queue `restore-control`."""

    v: int
    kind: str
    jws: str


@dataclass(frozen=True, slots=True)
class ErasureMessage(Wire):
    """Queue `restore-control`: an approver's word on the erasure list."""

    v: int
    kind: str
    jws: str


@dataclass(frozen=True, slots=True)
class CancelMessage(Wire):
    """Queue `restore-control`."""

    v: int
    kind: str
    plan: str


@dataclass(frozen=True, slots=True)
class StepMessage(Wire):
    """Queue `restore-steps`."""

    v: int
    plan: str
    step: str


@dataclass(frozen=True, slots=True)
class VerifyMessage(Wire):
    """Queue `restore-verify`. `failed`: a step whose message failed too often; then nothing is verified, people
    are told."""

    v: int
    plan: str
    failed: str = ""


Request = PlanRequest | ApplyRequest | CancelRequest | ResumeRequest | SignedRequest
Control = ApprovalMessage | CancelMessage | ErasureMessage

_REQUESTS: Final[Mapping[str, type[Any]]] = {
    "plan": PlanRequest,
    "apply": ApplyRequest,
    "cancel": CancelRequest,
    "resume": ResumeRequest,
    "signed": SignedRequest,
}
_CONTROLS: Final[Mapping[str, type[Any]]] = {
    "approval": ApprovalMessage,
    "cancel": CancelMessage,
    "erasure": ErasureMessage,
}


def plan_request(
    request_id: str,
    *,
    snapshot: str = "latest",
    scope: Scope | None = None,
    despite_erasure: tuple[str, ...] = (),
    undo: str = "",
) -> str:
    return _text(PlanRequest(VERSION, "plan", request_id, snapshot, scope or Scope(), despite_erasure, undo))


def apply_request(request_id: str, plan: str, digest: str) -> str:
    return _text(ApplyRequest(VERSION, "apply", request_id, plan, digest))


def cancel_request(request_id: str, plan: str) -> str:
    return _text(CancelRequest(VERSION, "cancel", request_id, plan))


def resume_request(request_id: str, plan: str) -> str:
    return _text(ResumeRequest(VERSION, "resume", request_id, plan))


async def signed_request(signer: Signer, request: str) -> str:
    """Wraps a plan request (text) in its asker's signature."""
    token = await jws.sign(signer, REQUEST_TYP, request.encode())
    return _text(SignedRequest(VERSION, "signed", token.decode()))


def approval_message(token: bytes) -> str:
    return _text(ApprovalMessage(VERSION, "approval", token.decode("ascii")))


def erasure_message(token: bytes) -> str:
    return _text(ErasureMessage(VERSION, "erasure", token.decode("ascii")))


def cancel_message(plan: str) -> str:
    return _text(CancelMessage(VERSION, "cancel", plan))


def step_message(plan: str, step: str) -> str:
    return _text(StepMessage(VERSION, plan, step))


def verify_message(plan: str, *, failed: str = "") -> str:
    return _text(VerifyMessage(VERSION, plan, failed))


def read_request(body: bytes) -> Request:
    """Raises `Unusable`, saying what is wrong with our own members and nothing of the contents."""
    request: Request = _read_kind(body, _REQUESTS)
    if not isinstance(request, SignedRequest) and not _REQUEST_ID.fullmatch(request.request_id):
        raise Unusable("requestId has 8 to 64 letters, digits and hyphens")
    return request


def read_control(body: bytes) -> Control:
    control: Control = _read_kind(body, _CONTROLS)
    return control


def read_step(body: bytes) -> StepMessage:
    return _read(body, StepMessage)


def read_verify(body: bytes) -> VerifyMessage:
    return _read(body, VerifyMessage)


def _text(message: object) -> str:
    return encode(message).decode()


def _read_kind(body: bytes, kinds: Mapping[str, type[Any]]) -> Any:
    if len(body) > MAX_BYTES:
        raise Unusable("the message is too long")
    tree = parse(body)
    kind = tree.get("kind") if isinstance(tree, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        raise Unusable(f"the message has no known kind; known: {', '.join(kinds)}")
    return _read(body, kinds[kind])


def _read(body: bytes, cls: type[T]) -> T:
    if len(body) > MAX_BYTES:
        raise Unusable("the message is too long")
    message = decode(cls, body)
    if getattr(message, "v", None) != VERSION:
        raise Unusable(f"the message has another version than {VERSION}")
    return message


# --- bad input -----------------------------------------------------------------------------------------


class Rejections:
    """Messages that can't be worked with: one row each, keyed by the message's hash, and a copy to the poison
    queue. Both are capped by the hour, so that a flood of noise fills nothing."""

    def __init__(self, rows: TableStore, clock: Clock, poison: WorkQueue | None = None) -> None:
        self._rows = rows
        self._clock = clock
        self._poison = poison

    async def record(self, queue: str, body: bytes, why: str) -> bool:
        """False: the hour's cap is reached, and the message is only dropped. Idempotent."""
        now = self._clock.now()
        partition = f"rejected-{now:%Y%m%d%H}"
        digest = sha256(body)
        count = 0
        async for row in self._rows.query(partition):
            if row.key == digest:
                return True
            count += 1
            if count >= _REJECTED_PER_HOUR:
                return False
        # The copy first: should the row's insertion be repeated, a second copy does no harm, none would.
        if self._poison is not None and len(body) <= MAX_BYTES:
            await self._poison.send(body.decode("utf-8", "replace")[: MAX_BYTES // 4])
        values = {"queue": queue, "why": why[:500], "length": len(body), "at": now}
        await self._rows.insert(Row(partition, digest, values))
        return True


# --- rows that people look at ----------------------------------------------------------------------------


class PlanState(StrEnum):
    FAILED = "failed"
    AWAITING_APPROVAL = "awaitingApproval"
    NOTHING_TO_DO = "nothingToDo"
    RUNNING = "running"
    CANCELLED = "cancelled"
    VERIFYING = "verifying"
    DONE = "done"


class PlanRows:
    """Progress of plans and answers to requests, for `holdfast status` and for who waits. Only hints."""

    def __init__(self, rows: TableStore, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock

    async def plan(self, plan: str, state: PlanState, **values: str | int) -> None:
        """Sets the state and the given values; what was there before stays."""
        held = await self._rows.get("plans", plan)
        merged: dict[str, Any] = dict(held.values) if held is not None else {}
        merged.update(values, state=str(state), updatedAt=self._clock.now())
        await self._rows.replace(Row("plans", plan, merged))

    async def request(self, request_id: str, kind: str, plan: str, answer: str, why: str = "") -> None:
        values = {"kind": kind, "plan": plan, "answer": answer, "why": why[:2000], "at": self._clock.now()}
        await self._rows.replace(Row("requests", request_id, values))


# --- what is done with them ------------------------------------------------------------------------------


class PlanMaker(Protocol):
    """Opens the snapshot, reads the live tenant and its bins, and plans. Writes nothing to the tenant."""

    async def __call__(self, plan: str, request: PlanRequest) -> RestorePlan: ...


class Answer(StrEnum):
    PLANNED = "planned"
    STARTED = "started"
    AWAITING_APPROVAL = "awaitingApproval"
    RECORDED = "recorded"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of a message. The message is finished, whatever the answer: trying it again helps nobody."""

    answer: Answer
    plan: str = ""
    why: str = ""
    steps: tuple[str, ...] = ()
    override: bool = False  # an override was handed in


class RestoreDesk:
    """The backup app's side of a restore: plans, approvals, and the start of approved plans."""

    def __init__(
        self,
        *,
        evidence: Evidence,
        desk: ApprovalDesk,
        plan_signer: Signer,
        make_plan: PlanMaker,
        erasures: ErasureDesk,
        steps: WorkQueue,
        verify: WorkQueue,
        rows: TableStore,
        clock: Clock,
        poison: WorkQueue | None = None,
        control_poison: WorkQueue | None = None,
        requesters: Mapping[str, EllipticCurvePublicKey] | None = None,
    ) -> None:
        """`requesters`: keys that may sign requests besides the approvers'."""
        self._evidence = evidence
        self._desk = desk
        self._signer = plan_signer
        self._make_plan = make_plan
        self._erasures = erasures
        self._steps = steps
        self._verify = verify
        self._rows = PlanRows(rows, clock)
        self._clock = clock
        self._journal = Journal(evidence)
        self._bad_requests = Rejections(rows, clock, poison)
        self._bad_controls = Rejections(rows, clock, control_poison)
        self._requesters = dict(requesters or {})

    # restore-requests

    async def handle_request(self, body: bytes) -> Handled:
        """One message of `restore-requests`. Raises what time may heal, and faults; all else is an answer."""
        signer = ""
        try:
            request = read_request(body)
            if isinstance(request, SignedRequest):
                request, signer = await self._unwrapped(request)
        except (Unusable, Refused) as bad:
            await self._bad_requests.record("restore-requests", body, bad.what)
            return Handled(Answer.REJECTED, why=bad.what)
        plan = self._plan_of(request)
        try:
            handled = await self._dispatch(request, plan, signer)
        except (Unusable, Refused) as bad:
            handled = Handled(Answer.REFUSED, plan, str(bad))
            if isinstance(request, PlanRequest):
                await self._rows.plan(plan, PlanState.FAILED, why=str(bad)[:2000])
        except Retryable:
            raise
        except HoldfastError as fault:
            # The message comes back a few times and then goes to the poison queue; who waits should see why.
            await self._rows.request(request.request_id, request.kind, plan, "failed", str(fault))
            raise
        await self._rows.request(request.request_id, request.kind, handled.plan, str(handled.answer), handled.why)
        return handled

    def _plan_of(self, request: PlanRequest | ApplyRequest | CancelRequest | ResumeRequest) -> str:
        if isinstance(request, PlanRequest):
            return plan_id(self._evidence.tenant, request.request_id)
        return request.plan

    async def _dispatch(
        self, request: PlanRequest | ApplyRequest | CancelRequest | ResumeRequest, plan: str, signer: str
    ) -> Handled:
        if isinstance(request, PlanRequest):
            return await self._plan(plan, request, signer)
        if isinstance(request, CancelRequest):
            return await self._cancel(plan)
        stored = await self._stored(plan)
        if await self._evidence.cancelled(plan):
            raise Refused("the plan was cancelled")
        if isinstance(request, ApplyRequest):
            if request.digest != stored.digest:
                raise Refused(
                    "the digest is not that of the stored plan", hint="look at the plan again; nothing was started"
                )
        elif not await self._any_started(stored):
            raise Refused("the plan was never started", hint="apply it with its digest")
        return await self._start_ready(stored)

    async def _unwrapped(self, request: SignedRequest) -> tuple[PlanRequest, str]:
        keys = {**(await self._desk.approvers()).keys, **self._requesters}
        payload, key_id = jws.verify_signed(request.jws.encode("utf-8", "replace"), REQUEST_TYP, keys)
        inner = read_request(payload)
        if not isinstance(inner, PlanRequest):
            raise Unusable("only plan requests are signed")
        return inner, key_id

    async def _plan(self, plan: str, request: PlanRequest, signer: str) -> Handled:
        stored = await self._evidence.adopt_plan(plan)
        if stored is None:
            made = await self._make_plan(plan, request)
            if made.id != plan or made.tenant != self._evidence.tenant:
                raise Refused("the planner made a plan of another id or tenant")
            stored = await self._evidence.store_plan(made, self._signer, signer)
        asked = (request.scope, request.despite_erasure, request.undo)
        same = request.snapshot in ("latest", stored.plan.snapshot)
        if not same or (stored.plan.scope, stored.plan.despite_erasure, stored.plan.undo_of) != asked:
            raise Refused("this requestId was used for another plan", hint="ask again under a new one")
        if stored.commit.requested_by != signer:
            raise Refused("this requestId was used by another signer", hint="ask again under a new one")
        if not await self._any_started(stored) and not await self._evidence.cancelled(plan):
            state = PlanState.AWAITING_APPROVAL if stored.plan.steps else PlanState.NOTHING_TO_DO
            await self._rows.plan(
                plan,
                state,
                digest=stored.digest,
                snapshot=stored.plan.snapshot,
                steps=len(stored.plan.steps),
                operations=stored.plan.forecast.operations,
                conflicts=len(stored.plan.conflicts),
                why="",
            )
        return Handled(Answer.PLANNED, plan)

    async def _cancel(self, plan: str) -> Handled:
        await self._stored(plan)
        await self._evidence.cancel(plan, self._clock.now())
        await self._rows.plan(plan, PlanState.CANCELLED)
        return Handled(Answer.CANCELLED, plan)

    async def _stored(self, plan: str) -> StoredPlan:
        try:
            return await self._evidence.load_plan(plan)
        except BlobMissing:
            raise Unusable("there is no such plan", object_id=plan) from None

    async def _any_started(self, stored: StoredPlan) -> bool:
        for wave in sorted({step.wave for step in stored.plan.steps}):
            if await self._desk.wave_started(stored, wave):
                return True
        return False

    async def _start_ready(self, stored: StoredPlan) -> Handled:
        """Sends a message for each step that can run. Which may run is decided again by the executor."""
        plan = stored.plan
        ready = []
        closed: dict[int, str] = {}
        for step in plan.steps:
            if await self._journal.done(plan.id, stored.digest, step.id) is not None:
                continue
            if not await self._all_done(stored, step.depends_on):
                continue
            if step.wave not in closed:
                closed[step.wave] = await self._desk.closed(stored, step.wave)
            if not closed[step.wave]:
                ready.append(step.id)
        if not ready:
            if await self._all_done(stored, tuple(step.id for step in plan.steps)):
                await self._verify.send(verify_message(plan.id))
                await self._rows.plan(plan.id, PlanState.VERIFYING)
                return Handled(Answer.STARTED, plan.id, "every step is done")
            why = "; ".join(text for _, text in sorted(closed.items()) if text)
            await self._rows.plan(plan.id, PlanState.AWAITING_APPROVAL, why=why[:2000])
            return Handled(Answer.AWAITING_APPROVAL, plan.id, why)
        await self._rows.plan(plan.id, PlanState.RUNNING, why="")
        for name in ready:
            await self._steps.send(step_message(plan.id, name))
        return Handled(Answer.STARTED, plan.id, steps=tuple(ready))

    async def _all_done(self, stored: StoredPlan, steps: tuple[str, ...]) -> bool:
        for name in steps:
            if await self._journal.done(stored.plan.id, stored.digest, name) is None:
                return False
        return True

    # restore-control

    async def handle_control(self, body: bytes) -> Handled:
        """One message of `restore-control`: an approval, a cancellation, a word on the erasure list."""
        try:
            control = read_control(body)
            if isinstance(control, CancelMessage):
                return await self._cancel(control.plan)
            token = control.jws.encode("utf-8", "replace")
            if isinstance(control, ErasureMessage):
                await self._erasures.record(token)
                return Handled(Answer.RECORDED)
            signed = await self._desk.record(token)
        except (Unusable, Refused) as bad:
            await self._bad_controls.record("restore-control", body, bad.what)
            return Handled(Answer.REJECTED, why=bad.what)
        approval = signed.approval
        opened = approval.decision is Decision.OVERRIDE
        if approval.decision is Decision.APPROVE and not await self._evidence.cancelled(approval.plan):
            stored = await self._stored(approval.plan)
            if await self._any_started(stored):
                await self._start_ready(stored)  # the next wave may have waited for this one
        return Handled(Answer.RECORDED, approval.plan, override=opened)

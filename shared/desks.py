"""What is done with a message of a restore, over the parts of one process.

The functions of the apps and a laptop without apps do the same here: they differ in where messages come from and in
whose parts these are. A process that may not sign for a purpose can't open the desk that signs for it.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared.adapters.files import FolderBlobStore
from shared.bootstrap import Parts
from shared.domain import queues
from shared.domain.ports import BlobStore
from shared.engines.approvals import ApprovalDesk
from shared.engines.arming import read_standing, tell_standing
from shared.engines.confirm import Confirmation
from shared.engines.erasure import ErasureDesk
from shared.engines.evidence import Evidence, TrustedKeys
from shared.engines.executor import Executor
from shared.engines.executor import Limits as ExecutorLimits
from shared.engines.jws import Purpose
from shared.engines.live import read_live
from shared.engines.live_guard import LiveGuard
from shared.engines.onward import run_message
from shared.engines.plan_making import SnapshotPlanMaker
from shared.engines.restore_requests import (
    Handled,
    PlanRows,
    PlanState,
    Rejections,
    RestoreDesk,
    read_step,
    read_verify,
    verify_message,
)
from shared.engines.view import View
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Happened:
    """What became of a message: an event's name, and ids, states and reasons for it."""

    name: str
    facts: Mapping[str, object]
    override: bool = False  # whether it opened an override, which somebody has to be told


def queue_seconds(parts: Parts, seconds: float) -> float:
    """A delay for a message: queues count in real seconds, Holdfast's clock may run faster."""
    return max(1.0, seconds / parts.settings.clock_factor)


@cache
def evidence(parts: Parts) -> Evidence:
    """One per process: it remembers plans whose digest and signature it has checked."""
    return Evidence(parts.evidence, parts.settings.tenant_id, TrustedKeys.among(parts.keys))


@cache
def approval_desk(parts: Parts) -> ApprovalDesk:
    settings = parts.settings
    recorder = parts.signers.get(Purpose.EVIDENCE)
    return ApprovalDesk(evidence(parts), parts.clock, settings.approvers_sha256, settings.override_wait, recorder)


def rejections(parts: Parts) -> Rejections:
    return Rejections(parts.tables, parts.clock)


@contextmanager
def scratch_store(parts: Parts) -> Iterator[BlobStore]:
    """A folder for a live view, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="holdfast-live-", dir=parts.scratch) as folder:
        yield FolderBlobStore(Path(folder))


def plan_maker(parts: Parts) -> SnapshotPlanMaker:
    return SnapshotPlanMaker(
        repository=parts.repository,
        directory=parts.directory,
        catalog=parts.catalog,
        audit=parts.audit,
        clock=parts.clock,
        scratch=lambda: scratch_store(parts),
        temporary=parts.scratch,
        evidence=evidence(parts),
        break_glass_ids=parts.settings.break_glass_ids,
        own_apps=own_apps(parts.settings),
        earlier=parts.earlier,
        thresholds=parts.settings.thresholds,
    )


@cache
def restore_desk(parts: Parts) -> RestoreDesk:
    return RestoreDesk(
        evidence=evidence(parts),
        desk=approval_desk(parts),
        plan_signer=parts.signers[Purpose.PLAN],
        make_plan=plan_maker(parts),
        erasures=ErasureDesk(evidence(parts), approval_desk(parts), parts.signers[Purpose.EVIDENCE], parts.clock),
        steps=parts.queues[queues.RESTORE_STEPS],
        verify=parts.queues[queues.RESTORE_VERIFY],
        rows=parts.tables,
        clock=parts.clock,
        poison=parts.queues[queues.poison(queues.RESTORE_REQUESTS)],
        control_poison=parts.queues[queues.poison(queues.RESTORE_CONTROL)],
    )


@cache
def confirmation(parts: Parts) -> Confirmation:
    @asynccontextmanager
    async def live() -> AsyncIterator[View]:
        with scratch_store(parts) as store:
            yield await read_live(
                parts.directory,
                parts.catalog,
                store,
                parts.clock,
                tenant=parts.settings.tenant_id,
                scratch=parts.scratch,
            )

    return Confirmation(
        evidence=evidence(parts),
        open_snapshot=parts.repository.open,
        open_live=live,
        catalog=parts.catalog,
        signer=parts.signers[Purpose.EVIDENCE],
        clock=parts.clock,
        rows=parts.tables,
    )


@cache
def executor(parts: Parts) -> Executor:
    return Executor(
        evidence=evidence(parts),
        desk=approval_desk(parts),
        directory=parts.directory,
        secrets=parts.secrets,
        signer=parts.signers[Purpose.EXECUTION],
        guard=LiveGuard(parts.directory, parts.catalog, parts.clock),
        clock=parts.clock,
        ids=parts.ids,
        catalog=parts.catalog,
        origin=parts.settings.graph_url,
        limits=ExecutorLimits(claim=parts.settings.claim_seconds),
        earlier=parts.earlier,
        own_apps=own_apps(parts.settings),
    )


def own_apps(settings: Settings) -> tuple[str, ...]:
    """Application ids by which this process signs in: what it must never take away."""
    return tuple(one for one in (settings.client_id, settings.identity_client_id) if one)


# --- by queue ----------------------------------------------------------------------------------------------


async def handle_request(parts: Parts, body: bytes) -> Happened:
    """A request: plan, apply, cancel or resume."""
    return _handled("request.handled", await restore_desk(parts).handle_request(body))


async def handle_control(parts: Parts, body: bytes) -> Happened:
    """One approval, or a cancellation."""
    return _handled("control.handled", await restore_desk(parts).handle_control(body))


async def handle_step(parts: Parts, body: bytes) -> Happened:
    """One step of an approved plan, or the question what the token permits."""
    if (question := read_standing(body)) is not None:
        said = await tell_standing(
            question, parts.directory, evidence(parts), parts.signers[Purpose.EXECUTION], parts.clock
        )
        return Happened("standing.told", {"count": len(said.roles or ()), "reason": said.why})
    asked = read_step(body)
    result = await run_message(
        executor(parts),
        asked,
        steps=parts.queues[queues.RESTORE_STEPS],
        verify=parts.queues[queues.RESTORE_VERIFY],
        delay=lambda seconds: queue_seconds(parts, seconds),
    )
    return Happened("step.run", {"plan": asked.plan, "step": asked.step, "state": result.end, "reason": result.why})


async def handle_verify(parts: Parts, body: bytes) -> Happened:
    """The reader confirms what the writer did, or asks itself to look again later."""
    asked = read_verify(body)
    if asked.failed:
        why = f"step {asked.failed} failed too often; see the restore app's log, then: restore PLAN --resume"
        await PlanRows(parts.tables, parts.clock).plan(asked.plan, PlanState.FAILED, why=why)
        return Happened("restore.halted", {"plan": asked.plan, "step": asked.failed})
    confirmed = await confirmation(parts).confirm(asked.plan)
    if confirmed.report is None:
        if confirmed.delay:
            delay = queue_seconds(parts, confirmed.delay)
            await parts.queues[queues.RESTORE_VERIFY].send(verify_message(asked.plan), delay=delay)
        return Happened("restore.unconfirmed", {"plan": asked.plan, "reason": confirmed.why})
    return Happened("restore.confirmed", {"plan": asked.plan, "verdict": confirmed.report.verdict})


Handler = Callable[[Parts, bytes], Awaitable[Happened]]
HANDLERS: Mapping[str, Handler] = {
    queues.RESTORE_CONTROL: handle_control,
    queues.RESTORE_REQUESTS: handle_request,
    queues.RESTORE_STEPS: handle_step,
    queues.RESTORE_VERIFY: handle_verify,
}


def _handled(name: str, handled: Handled) -> Happened:
    facts = {"state": handled.answer, "plan": handled.plan, "reason": handled.why, "count": len(handled.steps)}
    return Happened(name, facts, handled.override)

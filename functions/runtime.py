"""What every function of a process shares: its parts, opened once, and how errors leave a function.

A worker runs all functions on one event loop; the parts hold connections of that loop.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path

from shared.adapters.files import FolderBlobStore
from shared.bootstrap import Parts, open_parts
from shared.domain import queues
from shared.domain.errors import HoldfastError, Retryable
from shared.domain.ports import BlobStore
from shared.engines.approvals import ApprovalDesk
from shared.engines.confirm import Confirmation
from shared.engines.evidence import Evidence, TrustedKeys
from shared.engines.executor import Executor
from shared.engines.executor import Limits as ExecutorLimits
from shared.engines.export import ExportPorts
from shared.engines.item import Limits
from shared.engines.jws import Purpose
from shared.engines.live import read_live
from shared.engines.live_guard import LiveGuard
from shared.engines.plan_making import SnapshotPlanMaker
from shared.engines.postpone import Postponing
from shared.engines.restore_requests import Rejections, RestoreDesk
from shared.engines.seal import SealPorts
from shared.engines.view import View
from shared.settings import load_settings
from shared.telemetry import event

_stack = AsyncExitStack()
_opening = asyncio.Lock()
_parts: Parts | None = None


async def parts() -> Parts:
    """The parts of this process's role, opened by the first function that needs them."""
    global _parts
    async with _opening:
        if _parts is None:
            _parts = await _stack.enter_async_context(open_parts(load_settings()))
        return _parts


def queue_seconds(parts: Parts, seconds: float) -> float:
    """A delay for a message: queues count in real seconds, Holdfast's clock may run faster."""
    return max(1.0, seconds / parts.settings.clock_factor)


def export_ports(parts: Parts) -> ExportPorts:
    return ExportPorts(
        directory=parts.directory,
        vault=parts.vault,
        chain=parts.chain,
        export_queue=parts.queues[queues.EXPORT],
        seal_queue=parts.queues[queues.SEAL],
        inspector=parts.inspector,
        clock=parts.clock,
        catalog=parts.catalog,
    )


def seal_ports(parts: Parts) -> SealPorts:
    return SealPorts(
        vault=parts.vault,
        chain=parts.chain,
        signer=parts.signers[Purpose.SNAPSHOT],
        keys=parts.keys[Purpose.SNAPSHOT],
        catalog=parts.catalog,
        scratch=parts.scratch,
    )


def postponing(parts: Parts) -> Postponing:
    return Postponing(parts.tables, parts.settings.run_budget, lambda seconds: queue_seconds(parts, seconds))


def limits(parts: Parts) -> Limits:
    settings = parts.settings
    return Limits(
        pack_bytes=settings.pack_bytes,
        replication_wait=settings.replication_wait,
        time_budget=settings.work_budget,
    )


@cache
def evidence(parts: Parts) -> Evidence:
    """One per process: it remembers plans whose digest and signature it has checked."""
    trusted = TrustedKeys(
        plan=parts.keys[Purpose.PLAN],
        execution=parts.keys[Purpose.EXECUTION],
        evidence=parts.keys[Purpose.EVIDENCE],
    )
    return Evidence(parts.evidence, parts.settings.tenant_id, trusted)


@cache
def approval_desk(parts: Parts) -> ApprovalDesk:
    return ApprovalDesk(evidence(parts), parts.clock, parts.settings.approvers_sha256)


def rejections(parts: Parts) -> Rejections:
    return Rejections(parts.tables, parts.clock)


@contextmanager
def scratch_store(parts: Parts) -> Iterator[BlobStore]:
    """A folder for a live view, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="holdfast-live-", dir=parts.scratch) as folder:
        yield FolderBlobStore(Path(folder))


@cache
def restore_desk(parts: Parts) -> RestoreDesk:
    settings = parts.settings
    return RestoreDesk(
        evidence=evidence(parts),
        desk=approval_desk(parts),
        plan_signer=parts.signers[Purpose.PLAN],
        make_plan=SnapshotPlanMaker(
            repository=parts.repository,
            directory=parts.directory,
            catalog=parts.catalog,
            audit=parts.audit,
            clock=parts.clock,
            scratch=lambda: scratch_store(parts),
            temporary=parts.scratch,
            evidence=evidence(parts),
            break_glass_ids=settings.break_glass_ids,
        ),
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
    )


@asynccontextmanager
async def reported(function: str, **about: object) -> AsyncIterator[None]:
    """Logs how an invocation failed and lets the error go on: the platform tries the message again and, after
    too many tries, moves it to the poison queue, whose trigger settles it. Nothing is dropped here."""
    try:
        yield
    except HoldfastError as failed:
        log_failure(function, failed, **about)
        raise


def log_failure(function: str, failed: HoldfastError, **about: object) -> None:
    """What passes by itself is a warning with the error's name, the rest an error with its reason."""
    if isinstance(failed, Retryable):
        event("work.postponed", level=logging.WARNING, function=function, error=type(failed).__name__, **about)
        return
    event(
        "work.failed",
        level=logging.ERROR,
        function=function,
        error=type(failed).__name__,
        reason=failed.what,
        request_id=failed.request_id,
        **about,
    )

"""What every function of a process shares: its parts, opened once, and how errors leave a function.

A worker runs all functions on one event loop; the parts hold connections of that loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from shared.bootstrap import CopyParts, Parts, open_copy, open_parts
from shared.desks import Happened, queue_seconds
from shared.domain import queues
from shared.domain.errors import HoldfastError, Retryable
from shared.engines.export import ExportPorts
from shared.engines.item import Limits
from shared.engines.jws import Purpose
from shared.engines.postpone import Postponing
from shared.engines.seal import SealPorts
from shared.settings import load_settings
from shared.telemetry import event

_stack = AsyncExitStack()
_opening = asyncio.Lock()
_parts: Parts | None = None
_copy_parts: CopyParts | None = None


async def parts() -> Parts:
    """The parts of this process's role, opened by the first function that needs them."""
    global _parts
    async with _opening:
        if _parts is None:
            _parts = await _stack.enter_async_context(open_parts(load_settings()))
        return _parts


async def copy_parts() -> CopyParts:
    """The same for the copy role."""
    global _copy_parts
    async with _opening:
        if _copy_parts is None:
            _copy_parts = await _stack.enter_async_context(open_copy(load_settings()))
        return _copy_parts


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
        repository=parts.repository,
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


@asynccontextmanager
async def reported(function: str, **about: object) -> AsyncIterator[None]:
    """Logs how an invocation failed and lets the error go on: the platform tries the message again and, after
    too many tries, moves it to the poison queue, whose trigger settles it. Nothing is dropped here."""
    try:
        yield
    except HoldfastError as failed:
        log_failure(function, failed, **about)
        raise


def tell(happened: Happened) -> None:
    event(happened.name, level=logging.INFO, **happened.facts)


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

"""Starts a full run every night, and whenever an operator asks for one."""

from __future__ import annotations

import logging

import azure.functions as func

from functions.runtime import export_ports, parts, reported
from shared.bootstrap import TOOL, Parts
from shared.domain import queues
from shared.engines import paths
from shared.engines.export import RunRequest, find_run, start_run
from shared.engines.messages import decode_backup_request
from shared.engines.residency import check_residence
from shared.telemetry import alarm, event

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="%HOLDFAST_BACKUP_SCHEDULE%")
async def backup_timer(timer: func.TimerRequest) -> None:
    async with reported("backup_timer"):
        ready = await parts()
        # The slot's minute and a fixed suffix: a timer that fires twice names one run.
        snapshot = paths.snapshot_id(paths.slot(ready.clock.now()), "full")
        await _start(ready, snapshot, "timer")


@bp.queue_trigger(arg_name="message", queue_name=queues.BACKUP_REQUESTS, connection="BackupState")
async def backup_request(message: func.QueueMessage) -> None:
    async with reported("backup_request", message=message.id or ""):
        request = decode_backup_request(message.get_body())
        ready = await parts()
        suffix = paths.request_suffix(request.request_id)
        known = await find_run(ready.vault, ready.settings.tenant_id, suffix, ready.clock)
        await _start(ready, known or paths.snapshot_id(ready.clock.now(), suffix), "request")


async def _start(ready: Parts, snapshot: str, trigger: str) -> None:
    settings = ready.settings
    await check_residence(ready.control, settings.residency)
    run = await start_run(
        export_ports(ready),
        RunRequest(
            tenant=settings.tenant_id,
            snapshot=snapshot,
            trigger=trigger,
            retention_days=settings.retention_classes[0],
            chain_days=settings.chain_days,
            region=settings.region,
            tool=TOOL,
            residency=settings.residency,
            opt_in=settings.opt_in,
        ),
    )
    event("run.started", snapshot=run.snapshot, count=len(run.items))
    if run.undeclared_count:
        event("run.undeclared", level=logging.WARNING, snapshot=run.snapshot, count=run.undeclared_count)
    if run.metadata_unread:
        event("run.metadataUnread", level=logging.WARNING, snapshot=run.snapshot, reason=run.metadata_unread)
    if not run.protected:
        alarm("run.unprotected", snapshot=run.snapshot, reason=run.unprotected_why)

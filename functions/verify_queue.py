"""After a restore: the reader confirms what the writer did, and signs the report."""

from __future__ import annotations

import azure.functions as func

from functions.runtime import confirmation, parts, queue_seconds, reported
from shared.domain import queues
from shared.engines.restore_requests import PlanRows, PlanState, read_verify, verify_message
from shared.telemetry import event

bp = func.Blueprint()


@bp.queue_trigger(arg_name="message", queue_name=queues.RESTORE_VERIFY, connection="BackupState")
async def restore_verify(message: func.QueueMessage) -> None:
    async with reported("restore_verify", message=message.id or ""):
        asked = read_verify(message.get_body())
        ready = await parts()
        if asked.failed:
            why = f"step {asked.failed} failed too often; see the restore app's log, then: restore PLAN --resume"
            await PlanRows(ready.tables, ready.clock).plan(asked.plan, PlanState.FAILED, why=why)
            event("restore.halted", plan=asked.plan, step=asked.failed)
            return
        confirmed = await confirmation(ready).confirm(asked.plan)
        if confirmed.report is None:
            if confirmed.delay:
                delay = queue_seconds(ready, confirmed.delay)
                await ready.queues[queues.RESTORE_VERIFY].send(verify_message(asked.plan), delay=delay)
            event("restore.unconfirmed", plan=asked.plan, reason=confirmed.why)
            return
        event("restore.confirmed", plan=asked.plan, verdict=confirmed.report.verdict)

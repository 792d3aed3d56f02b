"""Runs one step of an approved plan. The only trigger of the restore app besides its status and poison queue."""

from __future__ import annotations

import azure.functions as func

from functions.runtime import executor, parts, queue_seconds, reported
from shared.domain import queues
from shared.engines.onward import run_message
from shared.engines.restore_requests import read_step
from shared.telemetry import event

bp = func.Blueprint()


@bp.queue_trigger(arg_name="message", queue_name=queues.RESTORE_STEPS, connection="RestoreState")
async def restore_step(message: func.QueueMessage) -> None:
    async with reported("restore_step", message=message.id or ""):
        asked = read_step(message.get_body())
        ready = await parts()
        result = await run_message(
            executor(ready),
            asked,
            steps=ready.queues[queues.RESTORE_STEPS],
            verify=ready.queues[queues.RESTORE_VERIFY],
            delay=lambda seconds: queue_seconds(ready, seconds),
        )
        event("step.run", plan=asked.plan, step=asked.step, state=result.end, reason=result.why)

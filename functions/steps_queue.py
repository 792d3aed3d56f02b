"""Runs one step of an approved plan. The only trigger of the restore app besides its status and poison queue."""

from __future__ import annotations

import azure.functions as func

from functions.runtime import executor, parts, queue_seconds, reported
from shared.domain import queues
from shared.engines.executor import StepEnd
from shared.engines.restore_requests import read_step, step_message, verify_message
from shared.telemetry import event

bp = func.Blueprint()


@bp.queue_trigger(arg_name="message", queue_name=queues.RESTORE_STEPS, connection="RestoreState")
async def restore_step(message: func.QueueMessage) -> None:
    async with reported("restore_step", message=message.id or ""):
        asked = read_step(message.get_body())
        ready = await parts()
        steps = ready.queues[queues.RESTORE_STEPS]
        result = await executor(ready).run_step(asked.plan, asked.step)
        # What follows is sent before this message ends: dying in between repeats it, and that changes nothing.
        if result.end is StepEnd.REQUEUE:
            await steps.send(step_message(asked.plan, asked.step), delay=queue_seconds(ready, result.delay))
        for name in result.ready:
            await steps.send(step_message(asked.plan, name))
        if result.all_done:
            await ready.queues[queues.RESTORE_VERIFY].send(verify_message(asked.plan))
        event("step.run", plan=asked.plan, step=asked.step, state=result.end, reason=result.why)

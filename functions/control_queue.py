"""Records one approval, or cancels a plan. A queue of its own, so that long planning never keeps it waiting."""

from __future__ import annotations

import azure.functions as func

from functions.runtime import parts, reported, restore_desk
from shared.domain import queues
from shared.telemetry import event

bp = func.Blueprint()


@bp.queue_trigger(arg_name="message", queue_name=queues.RESTORE_CONTROL, connection="BackupState")
async def restore_control(message: func.QueueMessage) -> None:
    async with reported("restore_control", message=message.id or ""):
        handled = await restore_desk(await parts()).handle_control(message.get_body())
        event("control.handled", state=handled.answer, plan=handled.plan, reason=handled.why)

"""Records one approval, or cancels a plan. A queue of its own, so that long planning never keeps it waiting."""

from __future__ import annotations

import azure.functions as func

from functions.runtime import parts, reported, tell
from shared.desks import handle_control
from shared.domain import queues
from shared.telemetry import alarm

bp = func.Blueprint()


@bp.queue_trigger(arg_name="message", queue_name=queues.RESTORE_CONTROL, connection="BackupState")
async def restore_control(message: func.QueueMessage) -> None:
    async with reported("restore_control", message=message.id or ""):
        happened = await handle_control(await parts(), message.get_body())
        if happened.override:
            # Fewer than are needed let a plan run unless somebody says no in time: that somebody has to know.
            alarm("restore.override", plan=happened.facts["plan"])
        tell(happened)

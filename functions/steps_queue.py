"""Runs one step of an approved plan. The only trigger of the restore app besides its status and poison queue."""

from __future__ import annotations

import azure.functions as func

from functions.runtime import parts, reported, tell
from shared.desks import handle_step
from shared.domain import queues

bp = func.Blueprint()


@bp.queue_trigger(arg_name="message", queue_name=queues.RESTORE_STEPS, connection="RestoreState")
async def restore_step(message: func.QueueMessage) -> None:
    async with reported("restore_step", message=message.id or ""):
        tell(await handle_step(await parts(), message.get_body()))

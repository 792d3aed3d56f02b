"""Handles one restore request: plan, apply, cancel or resume."""

from __future__ import annotations

import azure.functions as func

from functions.runtime import parts, reported, tell
from shared.desks import handle_request
from shared.domain import queues

bp = func.Blueprint()


@bp.queue_trigger(arg_name="message", queue_name=queues.RESTORE_REQUESTS, connection="BackupState")
async def restore_request(message: func.QueueMessage) -> None:
    async with reported("restore_request", message=message.id or ""):
        tell(await handle_request(await parts(), message.get_body()))

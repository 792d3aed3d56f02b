"""After a restore: the reader confirms what the writer did, and signs the report."""

from __future__ import annotations

import azure.functions as func

from functions.runtime import parts, reported, tell
from shared.desks import handle_verify
from shared.domain import queues

bp = func.Blueprint()


@bp.queue_trigger(arg_name="message", queue_name=queues.RESTORE_VERIFY, connection="BackupState")
async def restore_verify(message: func.QueueMessage) -> None:
    async with reported("restore_verify", message=message.id or ""):
        tell(await handle_verify(await parts(), message.get_body()))

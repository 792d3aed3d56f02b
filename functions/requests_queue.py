"""Handles one restore request: plan, apply, cancel or resume."""

from __future__ import annotations

import azure.functions as func

from functions.runtime import parts, reported, restore_desk
from shared.domain import queues
from shared.telemetry import event

bp = func.Blueprint()


@bp.queue_trigger(arg_name="message", queue_name=queues.RESTORE_REQUESTS, connection="BackupState")
async def restore_request(message: func.QueueMessage) -> None:
    async with reported("restore_request", message=message.id or ""):
        handled = await restore_desk(await parts()).handle_request(message.get_body())
        event(
            "request.handled", state=handled.answer, plan=handled.plan, reason=handled.why, count=len(handled.steps)
        )

"""Runs one work item of an export."""

from __future__ import annotations

import azure.functions as func

from functions.runtime import export_ports, limits, log_failure, parts, postponing, reported
from shared.domain import queues
from shared.engines.export import decode_work
from shared.engines.postpone import run_or_postpone
from shared.telemetry import event

bp = func.Blueprint()


@bp.queue_trigger(arg_name="message", queue_name=queues.EXPORT, connection="BackupState")
async def export_item(message: func.QueueMessage) -> None:
    async with reported("export_item", message=message.id or ""):
        work = decode_work(message.get_body().decode())
        ready = await parts()
        result = await run_or_postpone(export_ports(ready), postponing(ready), work, limits(ready))
        receipt = result.receipt
        if result.failed is not None:
            log_failure("export_item", result.failed, message=message.id or "", item=work.item)
        event(
            "item.read",
            snapshot=work.snapshot,
            item=work.item,
            state=receipt.completeness.state if receipt else result.ended,
            objects=receipt.objects if receipt else 0,
            links=receipt.links if receipt else 0,
        )

"""Runs one work item of an export."""

from __future__ import annotations

import azure.functions as func

from functions.runtime import export_ports, limits, parts, reported
from shared.domain import queues
from shared.engines.export import decode_work, run_item
from shared.telemetry import event

bp = func.Blueprint()


@bp.queue_trigger(arg_name="message", queue_name=queues.EXPORT, connection="BackupState")
async def export_item(message: func.QueueMessage) -> None:
    async with reported("export_item", message=message.id or ""):
        work = decode_work(message.get_body().decode())
        ready = await parts()
        result = await run_item(export_ports(ready), work, limits(ready))
        receipt = result.receipt
        event(
            "item.read",
            snapshot=work.snapshot,
            item=work.item,
            state=receipt.completeness.state if receipt else result.ended,
            objects=receipt.objects if receipt else 0,
            links=receipt.links if receipt else 0,
        )

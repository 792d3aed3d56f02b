"""Finishes a run: index, manifest, signature, chain."""

from __future__ import annotations

import azure.functions as func

from functions.runtime import parts, reported, seal_ports
from shared.domain import queues
from shared.engines.export import decode_work
from shared.engines.seal import seal_run
from shared.telemetry import event

bp = func.Blueprint()


@bp.queue_trigger(arg_name="message", queue_name=queues.SEAL, connection="BackupState")
async def seal(message: func.QueueMessage) -> None:
    async with reported("seal", message=message.id or ""):
        work = decode_work(message.get_body().decode())
        ready = await parts()
        committed = await seal_run(seal_ports(ready), work)
        event("snapshot.committed", snapshot=work.snapshot, head=committed.head)

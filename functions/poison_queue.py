"""What becomes of messages that failed too often: the work item is given up and the run says so, or the message is
recorded. Each poison queue has a trigger, so that nothing fails in silence.
"""

from __future__ import annotations

import azure.functions as func

from functions.runtime import export_ports, parts, reported
from shared.desks import rejections
from shared.domain import queues
from shared.domain.errors import Unusable
from shared.engines.export import decode_work, fail_item
from shared.engines.restore_requests import read_step, verify_message
from shared.telemetry import alarm

backup_bp = func.Blueprint()
restore_bp = func.Blueprint()


@backup_bp.queue_trigger(arg_name="message", queue_name=queues.poison(queues.EXPORT), connection="BackupState")
async def export_poison(message: func.QueueMessage) -> None:
    """Gives the item up, so that the rest of the snapshot can be sealed, with the gap on record."""
    async with reported("export_poison", message=message.id or ""):
        try:
            work = decode_work(message.get_body().decode("utf-8", "replace"))
        except Unusable as noise:
            await _record(queues.EXPORT, message, noise.what)
            return
        await fail_item(export_ports(await parts()), work, "TooManyTries")
        alarm("item.failed", snapshot=work.snapshot, item=work.item)


@backup_bp.queue_trigger(arg_name="message", queue_name=queues.poison(queues.SEAL), connection="BackupState")
async def seal_poison(message: func.QueueMessage) -> None:
    """The run stays open: the sweeper sends it again, and until it is sealed no reader sees it."""
    await _failed(queues.SEAL, message)


@backup_bp.queue_trigger(
    arg_name="message", queue_name=queues.poison(queues.BACKUP_REQUESTS), connection="BackupState"
)
async def backup_request_poison(message: func.QueueMessage) -> None:
    await _failed(queues.BACKUP_REQUESTS, message)


@backup_bp.queue_trigger(
    arg_name="message", queue_name=queues.poison(queues.EVIDENCE_REQUESTS), connection="BackupState"
)
async def evidence_request_poison(message: func.QueueMessage) -> None:
    await _failed(queues.EVIDENCE_REQUESTS, message)


@backup_bp.queue_trigger(
    arg_name="message", queue_name=queues.poison(queues.RESTORE_REQUESTS), connection="BackupState"
)
async def restore_request_poison(message: func.QueueMessage) -> None:
    await _failed(queues.RESTORE_REQUESTS, message)


@backup_bp.queue_trigger(
    arg_name="message", queue_name=queues.poison(queues.RESTORE_CONTROL), connection="BackupState"
)
async def restore_control_poison(message: func.QueueMessage) -> None:
    await _failed(queues.RESTORE_CONTROL, message)


@backup_bp.queue_trigger(
    arg_name="message", queue_name=queues.poison(queues.RESTORE_VERIFY), connection="BackupState"
)
async def restore_verify_poison(message: func.QueueMessage) -> None:
    await _failed(queues.RESTORE_VERIFY, message)


@restore_bp.queue_trigger(
    arg_name="message", queue_name=queues.poison(queues.RESTORE_STEPS), connection="RestoreState"
)
async def restore_step_poison(message: func.QueueMessage) -> None:
    """The plan stands still at this step, and the backup app's rows say so; `--resume` sends it again."""
    async with reported("restore_step_poison", message=message.id or ""):
        try:
            asked = read_step(message.get_body())
        except Unusable as noise:
            await _record(queues.RESTORE_STEPS, message, noise.what)
            return
        await _record(queues.RESTORE_STEPS, message, "failed too often")
        told = verify_message(asked.plan, failed=asked.step)
        await (await parts()).queues[queues.RESTORE_VERIFY].send(told)
        alarm("step.failed", plan=asked.plan, step=asked.step)


async def _failed(queue: str, message: func.QueueMessage) -> None:
    async with reported(f"{queue}-poison", message=message.id or ""):
        await _record(queue, message, "failed too often")


async def _record(queue: str, message: func.QueueMessage, why: str) -> None:
    """One row by the body's hash, never its contents."""
    await rejections(await parts()).record(queue, message.get_body(), why)
    alarm("message.poisoned", queue=queue, message=message.id or "", reason=why)

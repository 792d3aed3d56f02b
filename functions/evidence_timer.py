"""Asks for the evidence of the month before, and makes evidence that was asked for.

The timer only posts a message: trouble with storage is then tried again by the queue, and the same month asked for
twice names one document.
"""

from __future__ import annotations

from functools import cache

import azure.functions as func

from functions.runtime import parts, reported
from shared.bootstrap import TOOL, Parts
from shared.desks import approval_desk, evidence
from shared.domain import queues
from shared.domain.evidence import Status
from shared.engines.evidence_desk import EvidenceDesk, month_before, period_of
from shared.engines.evidence_facts import Declared, Sources
from shared.engines.jws import Purpose
from shared.engines.messages import decode_evidence_request, encode_evidence_request
from shared.package import digest
from shared.pages.evidence_page import evidence_page
from shared.telemetry import alarm, event

bp = func.Blueprint()


@cache
def evidence_desk(parts: Parts) -> EvidenceDesk:
    settings = parts.settings
    sources = Sources(
        declared=Declared(
            tenant=settings.tenant_id,
            tool=TOOL,
            region=settings.region,
            residency=settings.residency,
            backup_schedule=settings.backup_schedule,
            run_budget=settings.run_budget,
            promised_days=settings.promised_days,
            targets=settings.recovery_targets,
            package_sha256=digest(),
            backup_app=settings.client_id,
            restore_app=settings.restore_client_id,
        ),
        vaults=parts.vaults,
        chain=parts.chain,
        keys=parts.keys,
        signers=parts.signers,
        catalog=parts.catalog,
        evidence=evidence(parts),
        desk=approval_desk(parts),
        rows=parts.tables,
        control=parts.control,
        access=parts.access,
        log=parts.log,
        clock=parts.clock,
        scratch=parts.scratch,
    )
    return EvidenceDesk(sources, parts.signers[Purpose.EVIDENCE], evidence_page)


@bp.timer_trigger(arg_name="timer", schedule="%HOLDFAST_EVIDENCE_SCHEDULE%")
async def evidence_timer(timer: func.TimerRequest) -> None:
    async with reported("evidence_timer"):
        ready = await parts()
        first, last = month_before(ready.clock.now().date())
        body = encode_evidence_request(f"monthly-{last:%Y-%m}", first, last)
        await ready.queues[queues.EVIDENCE_REQUESTS].send(body)


@bp.queue_trigger(arg_name="message", queue_name=queues.EVIDENCE_REQUESTS, connection="BackupState")
async def evidence_request(message: func.QueueMessage) -> None:
    async with reported("evidence_request", message=message.id or ""):
        request, first, last = decode_evidence_request(message.get_body())
        ready = await parts()
        made = await evidence_desk(ready).make(period_of(first, last), request)
        by_status = {status: sum(row.status is status for row in made.document.rows) for status in Status}
        if by_status[Status.NOT_MET]:
            alarm("evidence.not_met", count=by_status[Status.NOT_MET], blob=made.folder)
        away = " ".join(sorted(made.document.facts.away))
        event("evidence.made", blob=made.folder, count=len(made.document.rows), reason=away)

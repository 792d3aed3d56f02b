"""The copy role: pulls what the second account lacks, and says each day how it stands.

Each run does what its time allows and the next one goes on; two at once do the same work once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import azure.functions as func

from functions.runtime import copy_parts, reported
from shared.domain.ports import Protection
from shared.engines.copying import CopyState, SnapshotCopy
from shared.engines.second_copy import protections, pull, standing
from shared.engines.verify import Finding
from shared.settings import Role
from shared.telemetry import alarm, event

bp = func.Blueprint()
_SAID = 3  # findings in words; the rest as a number


@bp.timer_trigger(arg_name="timer", schedule="%HOLDFAST_COPY_SCHEDULE%")
async def copy_timer(timer: func.TimerRequest) -> None:
    async with reported("copy_timer"):
        ready = await copy_parts()
        clock = ready.clock
        ends = clock.monotonic() + ready.settings.work_budget
        pulled = await pull(ready.ports, lambda: clock.monotonic() >= ends)
        _alarm_protections(pulled.protections)
        for one in pulled.vault.snapshots:
            _tell(one)
        _alarm_findings("copy.chain", pulled.vault.findings)
        _alarm_findings("copy.evidence", pulled.evidence.findings)
        event(
            "copy.pulled",
            head=pulled.vault.head,
            state="unfinished" if pulled.unfinished else "done",
            count=sum(one.state is CopyState.COPIED for one in pulled.vault.snapshots),
        )


@bp.timer_trigger(arg_name="timer", schedule="%HOLDFAST_STATUS_SCHEDULE%")
async def copy_status_timer(timer: func.TimerRequest) -> None:
    async with reported("copy_status_timer"):
        ready = await copy_parts()
        _alarm_protections(await protections(ready.ports))
        stands = await standing(ready.ports)
        _alarm_findings("copy.chain", stands.findings)
        if stands.away:
            alarm("copy.away", role=Role.COPY, reason=stands.away)
        behind = stands.lag(ready.clock.now()).total_seconds()
        if behind > ready.settings.copy_lag:
            oldest = stands.missing[0] if stands.missing else stands.newest
            alarm("copy.lag", role=Role.COPY, seconds=int(behind), count=len(stands.missing), snapshot=oldest)
        event("copy.checked", head=stands.head, seconds=int(behind), count=stands.held, snapshot=stands.newest)


def _tell(one: SnapshotCopy) -> None:
    if one.state is CopyState.COPIED:
        event("copy.copied", snapshot=one.snapshot, count=one.blobs)
    elif one.state in (CopyState.DAMAGED, CopyState.TAKEN, CopyState.NOT_AT_HAND):
        _alarm_findings("copy.refused", one.findings, snapshot=one.snapshot, state=one.state)


def _alarm_protections(found: Mapping[str, Protection]) -> None:
    for container, one in found.items():
        if not one.locked:
            alarm("copy.unprotected", role=Role.COPY, container=container, reason=one.why)
        for concern in one.concerns:
            alarm("copy.vault", role=Role.COPY, container=container, reason=concern)


def _alarm_findings(name: str, findings: Iterable[Finding], **about: object) -> None:
    """Nothing for no findings, unless they are about something."""
    found = list(findings)
    if found or about:
        reason = "; ".join(f"{one.name}: {one.why}" for one in found[:_SAID])
        alarm(name, role=Role.COPY, findings=len(found), reason=reason, **about)

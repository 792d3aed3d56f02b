"""The restores of a period, from the evidence container: which waves ran, by whose approval, and what the
comparison with the snapshot came to. Only what the right key signed counts; a plan whose evidence doesn't verify is
named.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from shared.domain.errors import IntegrityError, Refused, Unusable
from shared.domain.evidence import Period, RestoreFact, Restores, WaveFact
from shared.engines.evidence import Evidence, WaveStart, plan_folder
from shared.engines.jws import Purpose
from shared.engines.paths import tenant_folder
from shared.engines.report import Report

if TYPE_CHECKING:
    from shared.engines.approvals import ApprovalDesk

_WAVE = re.compile(r"plans/([0-9a-z-]{1,64})/waves/\d+\.jws", re.ASCII)


async def read_restores(evidence: Evidence, desk: ApprovalDesk, period: Period) -> Restores:
    """Plans of which a wave started in the period."""
    needed, persons, unapproved = await _approvers(desk)
    waves: dict[str, list[str]] = {}
    root = tenant_folder(evidence.tenant)
    async for stat in evidence.store.list(f"{root}plans/"):
        match = _WAVE.fullmatch(stat.name.removeprefix(root))
        if match is not None:
            waves.setdefault(match[1], []).append(stat.name)
    run, damaged = [], {}
    for plan, names in waves.items():
        try:
            restore = await _restore(evidence, plan, names, persons)
        except (IntegrityError, Unusable, Refused) as bad:
            damaged[plan] = bad.what
            continue
        if any(period.start <= wave.started_at < period.end for wave in restore.waves):
            run.append(restore)
    return Restores(needed, tuple(sorted(run, key=lambda one: one.waves[0].started_at)), damaged, unapproved)


async def _approvers(desk: ApprovalDesk) -> tuple[int, dict[str, str], str]:
    """How many are needed, key id → person, and why there are none: then no restore can run."""
    try:
        known = await desk.approvers()
    except (Refused, Unusable) as none:
        return 0, {}, none.what
    return known.needed, known.persons, ""


async def _restore(evidence: Evidence, plan: str, names: list[str], persons: dict[str, str]) -> RestoreFact:
    waves = []
    for name in names:
        start, _ = await evidence.read_signed(WaveStart, name, Purpose.EXECUTION)
        if start.plan != plan:
            raise IntegrityError(f"{name} was signed for another plan")
        approvers = {key: persons.get(key, "") for key in start.approvers}
        waves.append(WaveFact(start.wave, start.at, approvers, start.override))
    waves.sort(key=lambda wave: wave.started_at)
    stored = await evidence.load_plan(plan)
    folder = plan_folder(evidence.tenant, plan)
    report = await evidence.find_signed(Report, f"{folder}report.jws", Purpose.EVIDENCE)
    if report is not None and (report.plan, report.digest) != (plan, stored.digest):
        raise IntegrityError(f"the report of the plan {plan} is about another plan")
    return RestoreFact(
        plan=plan,
        digest=stored.digest,
        snapshot=stored.plan.snapshot,
        requested_by=stored.commit.requested_by,
        waves=tuple(waves),
        cancelled=await evidence.cancelled(plan),
        verdict=report.verdict if report is not None else "",
        compared_at=report.made_at if report is not None else None,
        seconds=_seconds(waves[0].started_at, report.made_at) if report is not None else None,
        differences=report.by_reason if report is not None else {},
        unexplained=report.unexpected_count if report is not None else 0,
        not_done=len(report.not_done) if report is not None else 0,
        left_off=len(report.left_off) if report is not None else 0,
        journal_root=report.journal_root if report is not None else "",
        report=f"{folder}report.jws" if report is not None else "",
    )


def _seconds(start: datetime, end: datetime) -> int:
    return int((end - start).total_seconds())

"""`holdfast status PLAN --watch`: follows a restore that somebody else runs, and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from shared.cli.parts import Parts, approval_desk
from shared.cli.restoring import End, ended, load, read_report
from shared.cli.screen import Answer, Progress, Screen
from shared.cli.session import session_of
from shared.cli.waiting import wait_for
from shared.pages.text import count, duration

if TYPE_CHECKING:
    from pathlib import Path

    from shared.engines.approvals import ApprovalDesk
    from shared.engines.evidence import StoredPlan
    from shared.engines.journal import Journal
    from shared.engines.pace import Standing, Trouble


def goes_on(plan: str) -> str:
    return f"stopped watching; the restore goes on without this terminal (holdfast status {plan} --watch)"


async def watched(
    ctx: typer.Context, parts: Parts, screen: Screen, plan: str, html: Path | None, minutes: float
) -> Answer:
    """Waits for the report, or for what ends a plan without one."""
    stored = await load(parts, plan)
    watch = Watch.of(parts, screen, stored)
    with screen.progress(f"Looking at plan {plan}") as progress:
        end = await wait_for(
            lambda: watch.look(progress),
            pause=session_of(ctx).pause,  # never the worker's: somebody else runs it
            minutes=minutes,
            what=f"the report of plan {plan}",
            hint=f"holdfast status {plan} --watch{parts.flags}",
            saved="the restore goes on without this terminal",
        )
    return await ended(parts, screen, stored, end, html)


@dataclass(slots=True)
class Watch:
    parts: Parts
    screen: Screen
    stored: StoredPlan
    journal: Journal
    desk: ApprovalDesk
    _told: set[str] = field(default_factory=set)  # operations whose failure was told
    _last: tuple[object, ...] = ()

    @classmethod
    def of(cls, parts: Parts, screen: Screen, stored: StoredPlan) -> Watch:
        from shared.engines.journal import Journal

        desk = approval_desk(parts, parts.deployment("the progress of a plan"))
        return cls(parts, screen, stored, Journal(parts.evidence), desk)

    async def look(self, progress: Progress) -> End | None:
        """One look at the evidence; an `End` once the plan has ended."""
        from shared.engines.pace import read_journaled, standing

        plan = self.stored.plan
        journaled = await read_journaled(self.stored, self.journal, self.parts.evidence)
        now, done = standing(plan, self.parts.catalog, journaled, self.parts.clock.now()), journaled.done
        closed, rejected = await self._closed(now)
        self._tell(progress, now, closed)
        if await read_report(self.parts, plan.id) is not None:
            return End("", done)
        if await self.parts.evidence.cancelled(plan.id):
            return End("the plan was cancelled", done)
        if not plan.steps:
            return End("the plan has nothing to do", done)
        return End(rejected, done) if rejected else None

    async def _closed(self, now: Standing) -> tuple[list[str], str]:
        """Why waves that haven't begun may not begin yet, and what keeps one from ever beginning."""
        quorums = [
            await self.desk.quorum(self.stored, one.number)
            for one in now.waves
            if one.started_at is None and one.steps_done < one.steps
        ]
        rejected = next((one.why() for one in quorums if one.rejected_by), "")
        return [one.why() for one in quorums if not one.reached], rejected

    def _tell(self, progress: Progress, now: Standing, closed: list[str]) -> None:
        for one in now.failed:
            if one.operation.id not in self._told:
                self._told.add(one.operation.id)
                self.screen.note(f"failed: {_trouble(one)}")
        # Rate and time change with every look: without a terminal they are told only together with progress.
        seen = (now.operations_done, now.steps_done, len(now.failed), len(now.waiting), closed)
        if self.screen.live or seen != self._last:
            progress.tell(watch_line(now, closed, len(self.stored.plan.steps)))
            self._last = seen


def watch_line(now: Standing, closed: list[str], steps: int) -> str:
    """Where a restore is, in one line."""
    parts = [
        f"{now.operations_done:,} of {count(now.operations, 'operation')}",
        f"{now.steps_done} of {steps} steps done",
        *(f"wave {one.number}: {one.steps_done}/{one.steps}" for one in now.waves),
    ]
    for rate in now.rates:
        parts.append(f"{rate.throttle} {rate.per_second:.1f} of {rate.allowed:g} writes a second")
    if now.failed:
        parts.append(f"{len(now.failed):,} failed")
    if now.waiting:
        parts.append(f"{len(now.waiting):,} tried again, e.g. {_trouble(now.waiting[0])}")
    if now.steps_done < steps:
        parts.append(f"about {duration(now.left)} left" + (f", once {'; '.join(closed)}" if closed else ""))
    else:
        parts.append("comparing the tenant with the snapshot")
    return ", ".join(parts)


def _trouble(one: Trouble) -> str:
    from shared.cli.report_view import in_words

    what = one.operation
    return f"{what.type} {what.name} ({what.target}), {what.mechanism.value}: {in_words(one.state)}" + (
        f", {one.why}" if one.why else ""
    )

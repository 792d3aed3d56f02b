"""`holdfast restore`: lets an approved plan run, follows it to its end, prints the report.

What is shown comes from the evidence: signed journal, signed report. Rows are read only to learn sooner that
nothing more will come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from shared.cli import arming
from shared.cli.parts import Parts, approval_desk
from shared.cli.planning import refused
from shared.cli.screen import Answer, Progress, Screen, wire_document
from shared.cli.session import (
    Into,
    Json,
    LocalRestore,
    Minutes,
    Page,
    TrustedKey,
    Work,
    restoring_from,
    session_of,
    with_parts,
)
from shared.cli.waiting import Pause, wait_for
from shared.domain import queues
from shared.domain.errors import BlobMissing, IntegrityError, Refused, Unusable

if TYPE_CHECKING:
    from pathlib import Path

    from shared.bootstrap import Parts as Operator
    from shared.domain.plan import RestorePlan
    from shared.engines.approvals import ApprovalDesk
    from shared.engines.evidence import StoredPlan
    from shared.engines.journal import Journal
    from shared.engines.report import Report


class PlanOrSwitch(TyperGroup):
    """`restore arm` and `restore disarm` are commands; anything else runs a plan."""

    default = "run"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in self.commands:
            args = [self.default, *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    group = typer.Typer(cls=PlanOrSwitch, help="Run an approved plan; switch the restore app on and off.")
    group.command(PlanOrSwitch.default)(restore)
    arming.register(group)
    app.add_typer(group, name="restore")


def restore(
    ctx: typer.Context,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="The plan's id.")],
    digest: Annotated[
        str, typer.Option("--digest", metavar="D", help="The digest of the plan that you looked at.")
    ] = "",
    cancel: Annotated[
        bool, typer.Option("--cancel", help="No further step of this plan runs; what is done stays done.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a plan that was started.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow it to its end.")] = True,
    html: Page = None,
    minutes: Minutes = 1440.0,
    local: LocalRestore = None,
    work_dir: Work = None,
    into: Into = "",
    key: TrustedKey = None,
    as_json: Json = False,
) -> int:
    """Run an approved plan, to its report.

    With --local nothing but this machine and the tenant is needed; a command that was interrupted is given again.
    In a deployment the restore app has to be on: holdfast restore arm, and afterwards holdfast restore disarm.
    Ends with 0 if the tenant equals the snapshot (but for what is listed), 3 on a finding, 4 if partial.

    Example: holdfast restore p0123abc --digest 5be1…
    """
    if cancel and resume:
        raise Unusable("--cancel and --resume exclude each other")
    if not digest and not (cancel or resume):
        raise Unusable("--digest is missing", hint="holdfast plan and holdfast status print it")
    if local is not None and not wait:
        raise Unusable("with --local nothing goes on without this command", hint="leave --no-wait out")
    given = session_of(ctx).pause

    async def work(parts: Parts, screen: Screen) -> Answer:
        operator = parts.deployment("a restore")
        pause = parts.worker or given
        stored = await load(parts, plan)
        if digest and digest != stored.digest:
            raise Refused(
                "the digest is not that of the stored plan",
                object_id=plan,
                saved="nothing was started",
                hint=f"look at the plan again: holdfast status {plan}",
            )
        if cancel:
            return await _cancel(parts, screen, operator, plan, pause)
        request_id = operator.ids.new()
        await operator.queues[queues.RESTORE_REQUESTS].send(_request(request_id, stored, resume))
        screen.note(f"asked to {'resume' if resume else 'apply'} plan {plan}, request {request_id}")
        if not wait:
            return _asked(stored, request_id)
        follow = Following.of(parts, operator, stored, request_id)
        with screen.progress(f"Waiting for plan {plan} to start") as progress:
            end = await wait_for(
                lambda: follow.look(progress),
                pause=pause,
                minutes=minutes,
                what=f"the report of plan {plan}",
                hint=f"holdfast status {plan}{parts.flags}",
                saved=parts.unattended,
            )
        return await ended(parts, screen, stored, end, html)

    return with_parts(ctx, as_json, work, restoring_from(ctx, local, work_dir, key, into=into))


async def load(parts: Parts, plan: str) -> StoredPlan:
    try:
        return await parts.evidence.load_plan(plan)
    except BlobMissing:
        raise Unusable("there is no such plan", object_id=plan, hint="holdfast status") from None


def _request(request_id: str, stored: StoredPlan, resume: bool) -> str:
    from shared.engines.restore_requests import apply_request, resume_request

    if resume:
        return resume_request(request_id, stored.plan.id)
    return apply_request(request_id, stored.plan.id, stored.digest)


def _asked(stored: StoredPlan, request_id: str) -> Answer:
    from shared.cli.render import line

    document = {"plan": stored.plan.id, "digest": stored.digest, "requestId": request_id, "report": None}
    return Answer(document, (line(f"next: holdfast status {stored.plan.id}"),))


async def _cancel(parts: Parts, screen: Screen, operator: Operator, plan: str, pause: Pause) -> Answer:
    from shared.cli.render import line
    from shared.engines.restore_requests import cancel_message

    # The control queue is never starved by a running restore.
    await operator.queues[queues.RESTORE_CONTROL].send(cancel_message(plan))

    async def look() -> bool | None:
        return True if await parts.evidence.cancelled(plan) else None

    with screen.progress(f"Cancelling plan {plan}"):
        await wait_for(look, pause=pause, minutes=10, what="the cancellation", hint=f"holdfast status {plan}")
    return Answer(
        {"plan": plan, "cancelled": True},
        (line(f"Plan {plan} is cancelled: no further step runs; what is done stays done."),),
    )


# --- following ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WaveCount:
    number: int
    title: str
    steps: int
    done: int


def wave_counts(plan: RestorePlan, done: set[str]) -> list[WaveCount]:
    return [
        WaveCount(
            wave.number,
            wave.title,
            sum(step.wave == wave.number for step in plan.steps),
            sum(step.wave == wave.number and step.id in done for step in plan.steps),
        )
        for wave in plan.waves
    ]


@dataclass(frozen=True, slots=True)
class End:
    """Why following ended. `why` is empty where the report is there."""

    why: str
    done: set[str]


@dataclass(slots=True)
class Following:
    parts: Parts
    operator: Operator
    stored: StoredPlan
    request_id: str
    journal: Journal
    desk: ApprovalDesk

    @classmethod
    def of(cls, parts: Parts, operator: Operator, stored: StoredPlan, request_id: str) -> Following:
        from shared.engines.journal import Journal

        desk = approval_desk(parts, operator)
        return cls(parts, operator, stored, request_id, Journal(parts.evidence), desk)

    async def look(self, progress: Progress) -> End | None:
        """One look at the evidence; an `End` once nothing more will come."""
        plan = self.stored.plan
        await refused(self.parts, self.request_id)
        done = await self.journal.done_names(plan.id)
        counts = wave_counts(plan, done)
        progress.tell(
            f"{len(done)} of {len(plan.steps)} steps done; "
            + ", ".join(f"wave {one.number}: {one.done}/{one.steps}" for one in counts)
        )
        if await read_report(self.parts, plan.id) is not None:
            return End("", done)
        if await self.parts.evidence.cancelled(plan.id):
            return End("the plan was cancelled", done)
        waiting = [one for one in counts if one.done < one.steps]
        if waiting and await self._answered():
            closed = [why for one in waiting if (why := await self.desk.closed(self.stored, one.number))]
            if len(closed) == len(waiting):
                return End("; ".join(closed), done)
        return None

    async def _answered(self) -> bool:
        """Whether the app has dealt with our request: before, closed waves may only mean that it hasn't."""
        return await self.operator.tables.get("requests", self.request_id) is not None


# --- the end -----------------------------------------------------------------------------------------------


async def ended(parts: Parts, screen: Screen, stored: StoredPlan, end: End, html: Path | None) -> Answer:
    from shared.cli.report_view import exit_code, report_page, report_view
    from shared.pages import page

    report = await read_report(parts, stored.plan.id)
    if report is None:
        return await _stopped(parts, stored, end)
    if html is not None:
        page.write(html, report_page(report, parts.clock.now(), stored.plan))
        screen.note(f"page written: {html}")
    return Answer(wire_document(report), tuple(report_view(report)), exit_code(report))


async def _stopped(parts: Parts, stored: StoredPlan, end: End) -> Answer:
    """Nothing more will come, and there is no report: refused if nothing was done, else partial."""
    from shared.cli.render import line, listing, table
    from shared.engines.journal import Journal

    plan = stored.plan
    if not end.done:
        raise Refused(end.why, object_id=plan.id, saved="nothing was done", hint=f"holdfast status {plan.id}")
    ends = await tally(parts, stored, Journal(parts.evidence))
    counts = wave_counts(plan, end.done)
    document = {
        "plan": plan.id,
        "digest": stored.digest,
        "report": None,
        "why": end.why,
        "waves": [{"wave": one.number, "steps": one.steps, "stepsDone": one.done} for one in counts],
        "operations": ends.states,
        "notDone": ends.not_done,
    }
    view = [
        table(
            ("Wave", "What", "Steps done"),
            [(str(one.number), one.title, f"{one.done} of {one.steps}") for one in counts],
        ),
        line(f"Stopped before the end: {end.why}", style="bold yellow"),
    ]
    if ends.not_done:
        view.append(listing("Operations that did not end well", ends.not_done))
    return Answer(document, tuple(view), 4)


async def read_report(parts: Parts, plan: str) -> Report | None:
    """The signed report; None while there is none."""
    from shared.engines.evidence import plan_folder
    from shared.engines.jws import Purpose
    from shared.engines.report import Report

    name = f"{plan_folder(parts.tenant, plan)}report.jws"
    report = await parts.evidence.find_signed(Report, name, Purpose.EVIDENCE)
    if report is not None and (report.plan, report.tenant) != (plan, parts.tenant):
        raise IntegrityError(f"{name} is of another plan or tenant", hint="find out who wrote it")
    return report


@dataclass(frozen=True, slots=True)
class Tally:
    """How operations of finished steps ended: state → number, and those that did not end well."""

    states: dict[str, int]
    not_done: list[str]


async def tally(parts: Parts, stored: StoredPlan, journal: Journal) -> Tally:
    """Reads the signed end of every finished step."""
    operations = {one.id: one for one in stored.plan.operations}
    states: dict[str, int] = {}
    not_done: list[str] = []
    for step in stored.plan.steps:
        ended = await journal.done(stored.plan.id, stored.digest, step.id)
        for end in ended.ends if ended is not None else ():
            states[end.state.value] = states.get(end.state.value, 0) + 1
            if not end.good:
                one = operations[end.operation]
                not_done.append(
                    f"{one.type} {one.name} ({one.target}), {one.mechanism.value}: {end.state.value}"
                    + (f", {end.why}" if end.why else "")
                )
    return Tally(dict(sorted(states.items())), not_done)

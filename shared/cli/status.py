"""`holdfast status`: runs, plans and requests.

Progress is read from the vault and the evidence, where it can't be faked. Table rows say sooner what a request
came to, and are marked as the hints that they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.cli.after_care_view import write_csv
from shared.cli.approving import override_document
from shared.cli.copy_view import copy_answer
from shared.cli.failing import why_failing
from shared.cli.parts import Parts, approval_desk
from shared.cli.restoring import load, read_report, tally, wave_counts
from shared.cli.screen import Answer, Screen, wire_document
from shared.cli.session import Into, Json, LocalRestore, Minutes, Page, TrustedKey, Work, restoring_from, with_parts
from shared.cli.watching import goes_on, watched
from shared.domain.errors import Unusable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from shared.domain.snapshot import Run

_PLANS_SHOWN = 20


def register(app: typer.Typer) -> None:
    app.command("status")(status)


def status(
    ctx: typer.Context,
    which: Annotated[
        str, typer.Argument(metavar="[PLAN|SNAPSHOT]", help="One plan or run; all that is under way if left out.")
    ] = "",
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow a plan until it ends: progress, rate, time left, failures.")
    ] = False,
    after_care: Annotated[
        Path | None,
        typer.Option(
            "--after-care",
            metavar="FILE",
            help="Also write what the plan's report leaves to people, by whom to ask, as CSV.",
            dir_okay=False,
        ),
    ] = None,
    html: Page = None,
    minutes: Minutes = 1440.0,
    local: LocalRestore = None,
    work_dir: Work = None,
    into: Into = "",
    key: TrustedKey = None,
    as_json: Json = False,
) -> int:
    """Show backup runs and restore plans.

    With a plan: the plan, its approvals, its progress, its report. Where the settings name a second account: how
    its copy stands, too; then it ends with 3 if the copy lags behind or is not what the vault shows. Watching
    changes nothing: Ctrl-C ends it, and the restore goes on; at the end it shows the report, and ends as the
    restore did.

    Example: holdfast status p0123abc --watch
    """
    of_plan = which[:1].isalpha()
    if (watch or after_care) and not of_plan:
        raise Unusable("--watch and --after-care are about one plan", hint="holdfast status PLAN --watch")

    async def work(parts: Parts, screen: Screen) -> Answer:
        if not which and parts.operator is None and parts.copy is not None:
            return await copy_answer(parts.copy)
        if not which:
            return await _overview(parts)
        if which[:1].isdigit():
            return await _run_answer(parts, which)
        if watch:
            answer = await watched(ctx, parts, screen, which, html, minutes)
        else:
            answer = await _plan_answer(parts, screen, which, html)
        if after_care is not None:
            write_csv(after_care, await read_report(parts, which), which)
            screen.note(f"after-care list written: {after_care}")
        return answer

    source = restoring_from(ctx, local, work_dir, key, reads_copy=not of_plan, into=into)
    return with_parts(ctx, as_json, work, source, stopped=goes_on(which) if watch else "")


# --- everything --------------------------------------------------------------------------------------------


async def _overview(parts: Parts) -> Answer:
    from shared.cli.render import facts, line, table
    from shared.cli.snapshot_view import undeclared, undeclared_document
    from shared.domain.errors import IntegrityError
    from shared.engines.export import open_runs
    from shared.engines.jws import Purpose
    from shared.pages.text import moment

    operator = parts.deployment("the status of runs")
    runs = [
        await _run_row(parts, run)
        async for run in open_runs(
            operator.vault, parts.chain, parts.tenant, parts.clock, parts.keys[Purpose.CHAIN]
        )
    ]
    plans = await _plan_rows(parts)
    head = await parts.repository.head()
    document: dict[str, Any] = {"runs": runs, "plans": plans, "head": head, "rowsAreHints": True}
    view: list[RenderableType] = []
    if runs:
        view.append(
            table(
                ("Run", "Started", "By", "Items", "Still missing", "Last failure (a row: only a hint)"),
                [
                    (
                        run["snapshot"],
                        moment(run["startedAt"]),
                        run["trigger"],
                        f"{run['done']} of {run['items']}",
                        ", ".join(run["missing"][:4]),
                        "; ".join(f"{one['item']}: {one['why']}" for one in run["failing"][:2]),
                    )
                    for run in runs
                ],
                title="Backup runs under way",
            )
        )
    else:
        view.append(line("No backup run is under way."))
    if plans:
        view.append(
            table(
                ("Plan", "Snapshot", "State (a row: only a hint)", "Steps done", "Changed", "Why"),
                [
                    (
                        row["plan"],
                        row["snapshot"],
                        row["state"],
                        f"{row['stepsDone']} of {row['steps']}" if row["steps"] is not None else "",
                        moment(row["updatedAt"]),
                        row["why"],
                    )
                    for row in plans
                ],
                title="Restore plans",
            )
        )
    else:
        view.append(line("There is no restore plan."))
    try:
        newest = (await parts.repository.open()).manifest
    except (Unusable, IntegrityError):
        pass  # there is none that can be read: `holdfast snapshots` tells of each
    else:
        document["newest"] = {"snapshot": newest.snapshot, **undeclared_document(newest)}
        view += undeclared(newest)
    view.append(facts([("Expected head", head)]))
    if parts.copy is None:
        return Answer(document, tuple(view))
    copy = await copy_answer(parts.copy)
    return Answer({**document, "copy": copy.document}, (*view, *copy.view), copy.exit_code)


async def _plan_rows(parts: Parts) -> list[dict[str, Any]]:
    from shared.engines.journal import Journal

    operator = parts.deployment("the status of plans")
    journal = Journal(parts.evidence)
    rows = []
    found = [row async for row in operator.tables.query("plans")]
    found.sort(key=lambda row: str(row.values.get("updatedAt", "")), reverse=True)
    for row in found[:_PLANS_SHOWN]:
        values = row.values
        steps = values.get("steps")
        rows.append(
            {
                "plan": row.key,
                "snapshot": str(values.get("snapshot", "")),
                "digest": str(values.get("digest", "")),
                "state": str(values.get("state", "")),
                "steps": steps if isinstance(steps, int) else None,
                "stepsDone": len(await journal.done_names(row.key)),
                "updatedAt": values.get("updatedAt"),
                "why": str(values.get("why", "")),
            }
        )
    return rows


# --- one run -------------------------------------------------------------------------------------------------


async def _run_row(parts: Parts, run: Run) -> dict[str, Any]:
    from shared.engines import paths
    from shared.engines.export import missing_items
    from shared.engines.item import Place

    operator = parts.deployment("the status of a run")
    place = Place(operator.vault, paths.folder_of(parts.tenant, run.snapshot))
    missing = await missing_items(place, run)
    failing = await why_failing(operator, run.snapshot, missing)
    return {
        "snapshot": run.snapshot,
        "startedAt": run.started_at,
        "trigger": run.trigger,
        "items": len(run.items),
        "done": len(run.items) - len(missing),
        "missing": [item.id for item in missing],
        "failing": [{"item": one.item, "why": one.why, "at": one.at, "until": one.until} for one in failing],
        "protected": run.protected,
    }


async def _run_answer(parts: Parts, snapshot: str) -> Answer:
    from shared.cli.render import facts, line
    from shared.engines.chain import Chain
    from shared.engines.export import load_run
    from shared.engines.jws import Purpose
    from shared.pages.text import moment

    operator = parts.deployment("the status of a run")
    run = await load_run(operator.vault, parts.tenant, snapshot)
    if run is None:
        raise Unusable("there is no such run", object_id=snapshot, hint="holdfast status")
    row = await _run_row(parts, run)
    committed = await Chain(parts.chain, parts.tenant, parts.keys[Purpose.CHAIN]).find(snapshot)
    row["committed"] = committed is not None
    ending = (
        f"next: holdfast show {snapshot}"
        if committed is not None
        else "not committed yet; a run that was interrupted is taken up again by the sweeper"
    )
    view = (
        facts(
            [
                ("Run", snapshot),
                ("Started", f"{moment(run.started_at)} by {run.trigger}"),
                ("Items read", f"{row['done']} of {row['items']}"),
                ("Still missing", ", ".join(row["missing"])),
                ("Failing (rows: only hints)", "\n".join(f"{one['item']}: {one['why']}" for one in row["failing"])),
                ("Committed", f"yes, {committed.head}" if committed is not None else "no"),
            ]
        ),
        line(ending),
    )
    return Answer(row, view)


# --- one plan --------------------------------------------------------------------------------------------------


async def _plan_answer(parts: Parts, screen: Screen, plan: str, html: Path | None) -> Answer:
    from shared.cli.planning import plan_lines, write_page
    from shared.cli.render import facts, line, listing, table
    from shared.cli.report_view import report_page, report_view
    from shared.engines.journal import Journal
    from shared.pages import page

    operator = parts.deployment("the status of a plan")
    stored = await load(parts, plan)
    desk = approval_desk(parts, operator)
    journal = Journal(parts.evidence)
    done = await journal.done_names(plan)
    quorums = {wave.number: await desk.quorum(stored, wave.number) for wave in stored.plan.waves}
    started = {wave.number: await desk.wave_started(stored, wave.number) for wave in stored.plan.waves}
    cancelled = await parts.evidence.cancelled(plan)
    report = await read_report(parts, plan)
    if html is not None and report is not None:
        page.write(html, report_page(report, parts.clock.now(), stored.plan))
        screen.note(f"page written: {html}")
    elif html is not None:
        write_page(html, stored, parts, screen)
    ends = await tally(parts, stored, journal)
    counts = wave_counts(stored.plan, done)
    document = {
        "plan": plan,
        "digest": stored.digest,
        "snapshot": stored.plan.snapshot,
        "cancelled": cancelled,
        "waves": [
            {
                "wave": one.number,
                "title": one.title,
                "steps": one.steps,
                "stepsDone": one.done,
                "started": started[one.number],
                "approvals": list(quorums[one.number].key_ids),
                "needed": quorums[one.number].needed,
                "approved": quorums[one.number].reached,
                "rejectedBy": list(quorums[one.number].rejected_by),
                "override": override_document(quorums[one.number]),
            }
            for one in counts
        ],
        "operations": ends.states,
        "notDone": ends.not_done,
        "leftOff": [wire_document(one) for one in report.left_off] if report is not None else [],
        "report": wire_document(report) if report is not None else None,
        "document": wire_document(stored.plan),
    }
    view: list[RenderableType] = [
        *plan_lines(stored.plan, stored.digest),
        table(
            ("Wave", "Approvals", "May run", "Started", "Steps done"),
            [
                (
                    str(one.number),
                    f"{len(quorums[one.number].key_ids)} of {quorums[one.number].needed}",
                    "yes" if quorums[one.number].reached or started[one.number] else quorums[one.number].why(),
                    "yes" if started[one.number] else "no",
                    f"{one.done} of {one.steps}",
                )
                for one in counts
            ],
            title="Approvals and progress",
        ),
    ]
    if ends.states:
        view.append(facts([(name, f"{number:,}") for name, number in ends.states.items()]))
    if ends.not_done:
        view.append(listing("Operations that did not end well", ends.not_done))
    if cancelled:
        view.append(line("CANCELLED: no further step of this plan runs", style="bold yellow"))
    if report is not None:
        view += report_view(report)
    return Answer(document, tuple(view))

"""`holdfast plan`: asks for a restore plan and shows it. Planning reads the tenant and writes nothing to it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from shared.cli.parts import Parts
from shared.cli.screen import Answer, Screen, wire_document
from shared.cli.session import (
    Into,
    Json,
    LocalRestore,
    Minutes,
    Page,
    TrustedKey,
    TypeNames,
    Work,
    restoring_from,
    session_of,
    with_parts,
)
from shared.cli.waiting import Pause, wait_for
from shared.domain import queues
from shared.domain.errors import BlobMissing, Refused, Unusable
from shared.engines.naming import named
from shared.pages.text import count

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

    from shared.bootstrap import Parts as Operator
    from shared.domain.plan import BlastRadius, RestorePlan, Scope, Step
    from shared.engines.evidence import StoredPlan

RequestId: TypeAlias = Annotated[
    str, typer.Option("--request-id", metavar="ID", help="Repeat an earlier request: it names the same plan.")
]

_SOON_SHOWN = 20
_GRANTS_SHOWN = 100
_MANY_IDS = 600  # of an id's usual length, what a queue message holds


def register(app: typer.Typer) -> None:
    app.command("plan")(plan)
    app.command("undo")(undo)


def plan(
    ctx: typer.Context,
    snapshot: Annotated[str, typer.Argument(metavar="SNAPSHOT", help="A snapshot's id, or latest.")],
    types: TypeNames = None,
    ids: Annotated[
        list[str] | None, typer.Option("--id", metavar="ID", help="Only this object; may be repeated.")
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Only the object of this display name, user principal name or other unique key; may be repeated.",
        ),
    ] = None,
    members: Annotated[
        list[str] | None,
        typer.Option(
            "--member",
            metavar="TYPE.MEMBER",
            help="Only this property or relationship, such as users.department or groups.members; may be repeated.",
        ),
    ] = None,
    dependencies: Annotated[
        bool,
        typer.Option("--with-dependencies", help="With the named objects, what they name and hold and is missing."),
    ] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="What was added since goes; objects only to a recycle bin."),
    ] = False,
    contain: Annotated[
        bool,
        typer.Option(
            "--contain",
            help="Bring nothing back: shut the named accounts, take away what was added and gives access.",
        ),
    ] = False,
    rescue: Annotated[
        bool,
        typer.Option("--rescue", help="Only what recycle bins still hold comes back, before anything else."),
    ] = False,
    adopt: Annotated[
        list[str] | None,
        typer.Option(
            "--adopt",
            metavar="MISSING=LIVE",
            help="Of a conflict: the live object is what became of the missing one; may be repeated.",
        ),
    ] = None,
    choose: Annotated[
        list[str] | None,
        typer.Option(
            "--choose",
            metavar="TYPE/ID=WORD",
            help="Of the conflict of this object: skip, keep, take, adopt or rename; may be repeated.",
        ),
    ] = None,
    choose_all: Annotated[
        list[str] | None,
        typer.Option(
            "--choose-all",
            metavar="CLASS=WORD",
            help="The same of all conflicts of a type (users) or of a kind (nameHeld); may be repeated.",
        ),
    ] = None,
    domain_map: Annotated[
        list[str] | None,
        typer.Option(
            "--domain-map",
            metavar="OLD=NEW",
            help="With --into: the domain there that takes the place of one here; may be repeated.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="With --local: show the plan, and what can't move, and store nothing."),
    ] = False,
    request_id: RequestId = "",
    despite: Annotated[
        list[str] | None,
        typer.Option(
            "--despite-erasure",
            metavar="ID",
            help="Bring this object back although it is on the erasure list; may be repeated. Approvers see it.",
        ),
    ] = None,
    html: Page = None,
    minutes: Minutes = 120.0,
    local: LocalRestore = None,
    work_dir: Work = None,
    into: Into = "",
    key: TrustedKey = None,
    as_json: Json = False,
) -> int:
    """Plan a restore. Nothing is changed.

    Shows waves, steps, conflicts with what may be chosen, what is left as it is and why, and what it will cost.

    Example: holdfast plan latest --type users --type groups --html plan.html
    """
    from shared.domain.plan import Scope
    from shared.engines.choices import Choices, adopting, choosing, choosing_all
    from shared.engines.survey import Reach

    asked_for = Scope(
        types=tuple(types or ()),
        ids=tuple(ids or ()),
        members=tuple(members or ()),
        dependencies=dependencies,
        prune=prune,
        contain=contain,
        rescue=rescue,
        into=into.lower(),
        domains=tuple(domain_map or ()),
    )
    if domain_map and not into:
        raise Unusable("domains change only in another tenant", hint="name it: --into TENANT")
    if dry_run and local is None:
        raise Unusable("a dry run is made on this machine", hint="--local FOLDER; the apps only make plans to keep")
    erased = tuple(sorted({one.lower() for one in despite or ()}))
    pause = session_of(ctx).pause

    async def work(parts: Parts, screen: Screen) -> Answer:
        operator = parts.deployment("planning")
        choices = tuple(
            said(one)
            for said, texts in ((adopting, adopt), (choosing, choose), (choosing_all, choose_all))
            for one in texts or ()
        )
        # An unknown or expired snapshot is told at once, and `latest` is settled before anything is asked.
        opened = await parts.repository.open(snapshot)
        found = await named(opened, parts.catalog, asked_for.types, names or ())
        scope = replace(asked_for, ids=(*asked_for.ids, *found), choices=choices)
        Reach(scope, parts.catalog)  # what contradicts itself is told at once, too
        Choices(scope, parts.catalog)
        if (many := len(scope.ids) + len(erased) + 2 * len(choices)) > _MANY_IDS:
            raise Unusable(f"{many} ids are too many for one request", hint="plan by type instead")
        if parts.worker is not None and not operator.earlier:
            screen.note("warning: the copy holds no evidence, so whom the erasure list names is not known here")
        asked = request_id or operator.ids.new()
        wanted = Wanted(opened.id, scope, erased)
        if dry_run:
            return await _rehearsed(parts, screen, operator, asked, wanted)
        stored = await _ask(parts, screen, operator, asked, wanted, parts.worker or pause, minutes)
        if html is not None:
            write_page(html, stored, parts, screen)
        trusted = f" --key {shlex.quote(str(key))}" if key is not None else ""
        return plan_answer(stored, asked, parts.flags, trusted)

    return with_parts(ctx, as_json, work, restoring_from(ctx, local, work_dir, key, into=into))


def undo(
    ctx: typer.Context,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="The plan whose doings are to be taken back.")],
    request_id: RequestId = "",
    html: Page = None,
    minutes: Minutes = 120.0,
    local: LocalRestore = None,
    work_dir: Work = None,
    into: Into = "",
    key: TrustedKey = None,
    as_json: Json = False,
) -> int:
    """Plan to take a restore back. Nothing is changed.

    Made from the journal: each value that the restore replaced goes back, as long as it is as the restore left it,
    and what it made goes. The plan is approved and run like any other.

    Example: holdfast undo p0123abc --html undo.html
    """
    from shared.domain.plan import Scope

    pause = session_of(ctx).pause

    async def work(parts: Parts, screen: Screen) -> Answer:
        operator = parts.deployment("planning")
        try:
            done = await parts.evidence.load_plan(plan)
        except BlobMissing:
            raise Unusable(
                f"there is no plan {plan}", hint="see the plans that there are: holdfast status"
            ) from None
        asked = request_id or operator.ids.new()
        wanted = Wanted(done.plan.snapshot, Scope(), (), plan)
        stored = await _ask(parts, screen, operator, asked, wanted, parts.worker or pause, minutes)
        if html is not None:
            write_page(html, stored, parts, screen)
        return plan_answer(stored, asked, parts.flags)

    return with_parts(ctx, as_json, work, restoring_from(ctx, local, work_dir, key, into=into))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for, and what the plan that comes must say."""

    snapshot: str
    scope: Scope
    despite_erasure: tuple[str, ...]
    undo: str = ""


async def _rehearsed(parts: Parts, screen: Screen, operator: Operator, request_id: str, wanted: Wanted) -> Answer:
    """The plan as it would be stored, and nothing is."""
    from shared.cli.moving_view import staying_document
    from shared.cli.plan_view import by_reason
    from shared.cli.render import line
    from shared.desks import plan_maker
    from shared.engines.evidence import plan_id, sha256
    from shared.engines.restore_requests import VERSION, PlanRequest
    from shared.engines.wire import encode

    request = PlanRequest(VERSION, "plan", request_id, wanted.snapshot, wanted.scope, wanted.despite_erasure)
    with screen.progress(f"Planning from {wanted.snapshot}: the tenant is read"):
        plan = await plan_maker(operator)(plan_id(parts.tenant, request_id), request)
    document = {
        "plan": None,
        "dryRun": True,
        "snapshot": plan.snapshot,
        "tenant": plan.tenant,
        "forecast": wire_document(plan.forecast),
        "excludedByReason": {reason.value: len(group) for reason, group in by_reason(plan.exclusions)},
        "cantMove": staying_document(plan),
        "addresses": [wire_document(one) for one in plan.addresses],
        "document": wire_document(plan),
    }
    view = plan_lines(plan, sha256(encode(plan)), kept=False)
    return Answer(document, (*view, line("A dry run: nothing was written, neither to the tenant nor here.")))


async def _ask(
    parts: Parts,
    screen: Screen,
    operator: Operator,
    request_id: str,
    wanted: Wanted,
    pause: Pause,
    minutes: float,
) -> StoredPlan:
    from shared.engines.evidence import plan_id
    from shared.engines.restore_requests import plan_request, read_request

    body = plan_request(
        request_id,
        snapshot=wanted.snapshot,
        scope=wanted.scope,
        despite_erasure=wanted.despite_erasure,
        undo=wanted.undo,
    )
    read_request(body.encode())  # what the app would reject is rejected here
    await operator.queues[queues.RESTORE_REQUESTS].send(body)
    name = plan_id(parts.tenant, request_id)

    async def look() -> StoredPlan | None:
        try:
            stored = await parts.evidence.load_plan(name)
        except BlobMissing:
            await refused(parts, request_id)
            return None
        made = stored.plan
        if Wanted(made.snapshot, made.scope, made.despite_erasure, made.undo_of) != wanted:
            raise Refused(
                "this request id was used for another plan",
                saved="the earlier plan, unchanged",
                hint="ask again without --request-id",
            )
        return stored

    with screen.progress(f"Planning {name} from {wanted.snapshot}: the tenant is read"):
        return await wait_for(
            look,
            pause=pause,
            minutes=minutes,
            what=f"the plan {name}",
            hint=f"holdfast status {name}{parts.flags}",
            saved=parts.unattended,
        )


async def refused(parts: Parts, request_id: str) -> None:
    """Raises what the app said of a request that it didn't carry out. A row is a hint: it is only used to stop
    waiting for what won't come. Where a worker of ours fails, it raises that itself."""
    row = await parts.deployment("a request").tables.get("requests", request_id)
    if row is None:
        return
    answer, why = str(row.values.get("answer", "")), str(row.values.get("why", ""))
    if answer in ("refused", "rejected"):
        raise Refused(why or "the request was refused", saved="nothing was changed")
    if answer == "failed" and parts.worker is None:
        raise Refused(
            f"the app failed at this request: {why}",
            saved="nothing was changed",
            hint="the message is tried again a few times; then it is in the poison queue",
        )


# --- showing a plan ----------------------------------------------------------------------------------------


def write_page(html: Path, stored: StoredPlan, parts: Parts, screen: Screen) -> None:
    from shared.cli.moving_view import moving_facts
    from shared.cli.plan_view import plan_page
    from shared.pages import page

    page.write(html, plan_page(stored.plan, stored.digest, parts.clock.now(), moving_facts(stored.plan)))
    screen.note(f"page written: {html}")


def plan_answer(stored: StoredPlan, request_id: str, flags: str = "", trusted: str = "") -> Answer:
    """`flags`: of the next command; `trusted`: of one that plans again, besides."""
    from shared.cli.conflicts_view import options_document
    from shared.cli.plan_view import approve_command, by_reason

    document = {
        "plan": stored.plan.id,
        "digest": stored.digest,
        "requestId": request_id,
        "snapshot": stored.plan.snapshot,
        "forecast": wire_document(stored.plan.forecast),
        "excludedByReason": {reason.value: len(group) for reason, group in by_reason(stored.plan.exclusions)},
        "conflicts": options_document(stored.plan, flags + trusted),
        "next": approve_command(stored.plan) + flags,
        "document": wire_document(stored.plan),
    }
    return Answer(document, tuple(plan_lines(stored.plan, stored.digest, flags, trusted)))


def plan_lines(
    plan: RestorePlan, digest: str, flags: str = "", trusted: str = "", *, kept: bool = True
) -> list[RenderableType]:
    """`kept`: it is stored, and can be approved."""
    from shared.cli.conflicts_view import again_command, chosen_lines, conflict_lines
    from shared.cli.moving_view import addresses_table, moving_facts, staying_table
    from shared.cli.plan_view import (
        REASONS,
        approve_command,
        by_reason,
        forecast_line,
        grant_line,
        leaving_soon,
        mechanisms_line,
        reach_line,
        scope_line,
        wave_steps,
    )
    from shared.cli.render import facts, line, listing, table
    from shared.pages.text import duration, moment

    view: list[RenderableType] = [
        facts(
            [
                ("Plan", plan.id if kept else ""),
                ("Digest", digest if kept else ""),
                ("Snapshot", plan.snapshot),
                *moving_facts(plan),
                ("Planned at", moment(plan.created_at)),
                ("Scope", scope_line(plan)),
                ("Despite the erasure list", ", ".join(plan.despite_erasure)),
                ("What it does", mechanisms_line(plan.operations) or "nothing: all is as in the snapshot"),
                ("Forecast", forecast_line(plan.forecast)),
                ("Whose access changes", reach_line(plan.blast_radius) if plan.blast_radius else ""),
                ("New ids", f"{len(plan.new_ids):,}" if plan.new_ids else ""),
            ]
        )
    ]
    if soon := leaving_soon(plan):
        view.append(
            table(
                ("Leaves the recycle bin", "Type", "Object", "Id"),
                [(moment(one.at), one.type, one.name, one.target) for one in soon[:_SOON_SHOWN]],
                title=f"Purged for good within three days: {len(soon):,}; with --rescue they come first",
            )
        )
    if plan.flags:
        view.append(
            listing(
                "An approval has to acknowledge",
                [f"--acknowledge {one.name}: {one.why}" for one in plan.flags],
                limit=len(plan.flags),
            )
        )
    if plan.licences:
        view.append(_licence_table(plan))
    if plan.blast_radius is not None and plan.blast_radius.access:
        view.append(_reach_table(plan.blast_radius))
    if plan.tier_zero:
        view.append(
            table(
                ("Key", "Wave", "Who gets what"),
                [(one.key, str(one.wave), grant_line(one)) for one in plan.tier_zero[:_GRANTS_SHOWN]],
                title=f"Power over the tenant, done only if named by --tier-zero KEY ({len(plan.tier_zero):,})",
            )
        )
        if (left := len(plan.tier_zero) - _GRANTS_SHOWN) > 0:
            view.append(line(f"… and {left:,} more (--json or --html shows all)"))
    if plan.untold:
        view.append(listing("Not known when this was planned", list(plan.untold)))
    if plan.fighting:
        view.append(
            listing(
                "May undo this restore, unless it is paused",
                [f"{one.type} {one.name} ({one.target}): {one.why}" for one in plan.fighting[:_SOON_SHOWN]],
            )
        )
    if plan.waves:
        view.append(
            table(
                ("Wave", "What", "Steps", "Operations", "Requests", "Time"),
                [
                    (
                        str(wave.number),
                        wave.title,
                        f"{len(wave_steps(plan, wave.number)):,}",
                        f"{wave.forecast.operations:,}",
                        f"{wave.forecast.requests:,}",
                        duration(wave.forecast.seconds),
                    )
                    for wave in plan.waves
                ],
                numbers=("Wave", "Steps", "Operations", "Requests", "Time"),
            )
        )
        view.append(listing("Steps", _step_lines(plan)))
    if plan.conflicts:
        view.append(listing("Conflicts: nothing is done with these", conflict_lines(plan.conflicts)))
        view.append(line(f"to decide them: {again_command(plan)} --choose TYPE/ID=WORD{flags}{trusted}"))
    if plan.chosen:
        view.append(listing("What was chosen", chosen_lines(plan.chosen)))
    if plan.source_tenant:
        view += addresses_table(plan)
        view += staying_table(plan)
    elif plan.exclusions:
        view.append(
            table(
                ("Because", "How many", "For example"),
                [
                    (
                        REASONS[reason],
                        f"{len(group):,}",
                        " ".join(part for part in (group[0].type, group[0].name, group[0].member) if part),
                    )
                    for reason, group in by_reason(plan.exclusions)
                ],
                numbers=("How many",),
                title="Left as it is",
            )
        )
    if plan.steps and kept:
        view.append(line(f"next: {approve_command(plan)}{flags}"))
    return view


def _licence_table(plan: RestorePlan) -> RenderableType:
    from shared.cli.plan_view import licence_row
    from shared.cli.render import table

    short = sum(one.short > 0 for one in plan.licences)
    title = f"Licences: too few of {count(short, 'kind')}" if short else "Licences"
    columns = ("Licence", "Units needed", "More by hand", "Free", "Short of")
    return table(columns, [licence_row(one) for one in plan.licences], title=title, numbers=columns[1:])


def _reach_table(reached: BlastRadius) -> RenderableType:
    from shared.cli.plan_view import ACCESS, who, widest
    from shared.cli.render import table

    return table(
        ("What", "Of", "Gained by", "Lost by"),
        [
            (
                ACCESS[one.kind],
                one.name or one.target,
                who(one, reached.names, gains=True),
                who(one, reached.names, gains=False),
            )
            for one in widest(reached)[:_SOON_SHOWN]
        ],
        title=f"Who gains or loses access ({len(reached.access):,}; --json or --html shows all)",
    )


def _step_lines(plan: RestorePlan) -> list[str]:
    """Steps of one wave and title together, in the order of their first."""
    together: dict[tuple[int, str], list[Step]] = {}
    for step in plan.steps:
        if step.operations:
            together.setdefault((step.wave, step.title), []).append(step)
    return [
        f"wave {wave}: {title}: {count(sum(len(step.operations) for step in steps), 'operation')}"
        + (f" in {count(len(steps), 'step')}" if len(steps) > 1 else "")
        for (wave, title), steps in sorted(together.items(), key=lambda pair: pair[0][0])
    ]

"""`holdfast backup`: asks for a full run and waits until its snapshot is in the chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.failing import why_failing
from shared.cli.parts import Parts
from shared.cli.screen import Answer, Progress, Screen
from shared.cli.session import Json, Minutes, session_of, with_parts
from shared.cli.waiting import Pause, wait_for
from shared.domain import queues

if TYPE_CHECKING:
    from shared.bootstrap import Parts as Operator
    from shared.engines.chain import Committed
    from shared.engines.repository import Snapshot


def register(app: typer.Typer) -> None:
    app.command("backup")(backup)


def backup(
    ctx: typer.Context,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the snapshot is committed.")] = True,
    request_id: Annotated[
        str,
        typer.Option("--request-id", metavar="ID", help="Repeat an earlier request: it names the same run."),
    ] = "",
    minutes: Minutes = 240.0,
    as_json: Json = False,
) -> int:
    """Make a full backup and wait for it.

    Example: holdfast backup
    """
    pause = session_of(ctx).pause

    async def work(parts: Parts, screen: Screen) -> Answer:
        from shared.engines.messages import decode_backup_request, encode_backup_request

        operator = parts.deployment("a backup")
        asked = request_id or operator.ids.new()
        body = encode_backup_request(asked)
        decode_backup_request(body.encode())  # an id that the app would refuse is refused here
        await operator.queues[queues.BACKUP_REQUESTS].send(body)
        screen.note(f"asked for a backup, request {asked}")
        if not wait:
            return _asked(asked)
        with screen.progress("Waiting for the run to start") as progress:
            snapshot = await _follow(parts, operator, asked, screen, progress, pause, minutes)
        return await _committed(parts, asked, snapshot)

    return with_parts(ctx, as_json, work)


def _asked(request_id: str) -> Answer:
    from shared.cli.render import line

    return Answer(
        {"requestId": request_id, "snapshot": None},
        (line(f"next: holdfast backup --request-id {request_id}"),),
    )


async def _follow(
    parts: Parts,
    operator: Operator,
    request_id: str,
    screen: Screen,
    progress: Progress,
    pause: Pause,
    minutes: float,
) -> str:
    """Follows the run in the vault, where it can't be faked: run.json, receipts, chain entry. Why items fail is
    told from rows, which are hints, once for each reason."""
    from shared.engines import paths
    from shared.engines.chain import Chain
    from shared.engines.export import find_run, load_run, missing_items
    from shared.engines.item import Place
    from shared.engines.jws import Purpose

    suffix = paths.request_suffix(request_id)
    hint = f"look again: holdfast backup --request-id {request_id}"

    async def started() -> str | None:
        return await find_run(operator.vault, parts.tenant, suffix, operator.clock)

    snapshot = await wait_for(started, pause=pause, minutes=minutes, what="the run", hint=hint)
    run = await load_run(operator.vault, parts.tenant, snapshot)
    assert run is not None  # find_run saw its run.json
    place = Place(operator.vault, paths.folder_of(parts.tenant, snapshot))
    chain = Chain(parts.chain, parts.tenant, parts.keys[Purpose.CHAIN])
    told = ""

    async def committed() -> Committed | None:
        missing = await missing_items(place, run)
        done = len(run.items) - len(missing)
        if missing:
            waiting = ", ".join(item.id for item in missing[:3]) + (", …" if len(missing) > 3 else "")
            progress.tell(f"{snapshot}: {done} of {len(run.items)} items read; still: {waiting}")
            nonlocal told
            failing = await why_failing(operator, snapshot, missing)
            text = "\n".join(f"{one.item} fails: {one.why}" for one in failing)
            if text != told:
                screen.note(text or "no item fails any more")
                told = text
            return None
        progress.tell(f"{snapshot}: all {done} items read, sealing")
        return await chain.find(snapshot)

    await wait_for(committed, pause=pause, minutes=minutes, what=f"the snapshot {snapshot}", hint=hint)
    return snapshot


async def _committed(parts: Parts, request_id: str, snapshot: str) -> Answer:
    from shared.cli.render import facts
    from shared.cli.snapshot_view import (
        completeness_table,
        is_whole,
        manifest_document,
        summary,
        warnings,
    )
    from shared.pages.text import moment

    opened: Snapshot = await parts.repository.open(snapshot)
    manifest = opened.manifest
    head = await parts.repository.head()
    document = {"requestId": request_id, "head": head, **manifest_document(manifest)}
    view = (
        facts(
            [
                ("Snapshot", snapshot),
                ("Interval", f"{moment(manifest.started_at)} to {moment(manifest.ended_at)}"),
                ("Types and relationships", summary(manifest)),
                ("Readable until", moment(manifest.retain_until)),
                ("Expected head", head),
            ]
        ),
        completeness_table(manifest),
        *warnings(manifest),
    )
    return Answer(document, view, 0 if is_whole(manifest) else 4)

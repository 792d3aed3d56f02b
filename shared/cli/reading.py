"""`holdfast snapshots` and `holdfast show`: what the vault holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.cli.holding import readable_holds
from shared.cli.parts import Parts, Source
from shared.cli.screen import Answer, Screen
from shared.cli.session import Json, Local, TrustedKey, with_parts
from shared.domain.errors import IntegrityError, Unusable

if TYPE_CHECKING:
    from shared.catalog.spec import ObjectType
    from shared.domain.snapshot import IndexEntry, Manifest
    from shared.engines.repository import Listed, Snapshot

_SAME_NAME = 10


def register(app: typer.Typer) -> None:
    app.command("snapshots")(snapshots)
    app.command("show")(show)


def snapshots(
    ctx: typer.Context,
    last: Annotated[int, typer.Option("--last", metavar="N", help="Only the newest N.", min=1)] = 20,
    local: Local = None,
    key: TrustedKey = None,
    as_json: Json = False,
) -> int:
    """List the snapshots and the expected head.

    Each with its time, state (readable, unprotected, expired, held, damaged) and completeness. Held: expired, and
    kept by a legal hold.

    Example: holdfast snapshots --last 5
    """

    async def work(parts: Parts, screen: Screen) -> Answer:
        listed = await parts.repository.entries()
        head = await parts.repository.head()
        shown = listed[-last:]
        holds = await readable_holds(parts, screen) if any(one.expired for one in shown) else None
        held = await holds.snapshots() if holds is not None else frozenset()
        rows = [await _row(parts, one, held) for one in shown]
        return _snapshots_answer(rows, head, len(listed))

    return with_parts(ctx, as_json, work, Source(local, key))


def show(
    ctx: typer.Context,
    snapshot: Annotated[str, typer.Argument(metavar="SNAPSHOT", help="A snapshot's id, or latest.")],
    type_: Annotated[str, typer.Argument(metavar="[TYPE]", help="An object type: lists its objects.")] = "",
    which: Annotated[str, typer.Argument(metavar="[ID|NAME]", help="One object: shows it whole.")] = "",
    local: Local = None,
    key: TrustedKey = None,
    as_json: Json = False,
) -> int:
    """Show a snapshot, a type, or one object.

    Example: holdfast show latest groups "CA-BreakGlassAccounts - Exclude"
    """

    async def work(parts: Parts, screen: Screen) -> Answer:
        opened = await parts.repository.open(snapshot)
        if not type_:
            return _manifest_answer(opened.manifest)
        spec = parts.catalog.get(type_)
        if not which:
            return await _objects_answer(opened, spec)
        return await _object_answer(opened, spec, await _find(opened, spec, which))

    return with_parts(ctx, as_json, work, Source(local, key))


# --- snapshots -------------------------------------------------------------------------------------------


async def _row(parts: Parts, listed: Listed, held: frozenset[str]) -> dict[str, Any]:
    from shared.cli.snapshot_view import is_whole, summary
    from shared.engines.paths import snapshot_time

    entry = listed.entry
    row: dict[str, Any] = {
        "id": entry.snapshot,
        "time": snapshot_time(entry.snapshot),
        "seq": entry.seq,
        "container": entry.container,
        "retainUntil": entry.retain_until,
        "state": "expired" if listed.expired else "readable",
        "complete": None,
        "completeness": "",
    }
    under_hold = listed.expired and entry.snapshot in held
    if listed.expired and not under_hold:
        return row
    try:
        manifest = (await parts.repository.open(entry.snapshot)).manifest
    except IntegrityError as damage:
        return {**row, "state": "damaged", "completeness": damage.what}
    except Unusable as away:
        return {**row, "state": "notAtHand", "completeness": away.what}
    return {
        **row,
        "state": "held" if under_hold else "readable" if manifest.protected else "unprotected",
        "complete": is_whole(manifest),
        "completeness": summary(manifest),
    }


def _snapshots_answer(rows: list[dict[str, Any]], head: str, total: int) -> Answer:
    from shared.cli.render import facts, line, table
    from shared.pages.text import moment

    document = {"snapshots": rows, "total": total, "head": head}
    if not rows:
        return Answer(document, (line("There is no snapshot yet. Next: holdfast backup"),))
    view = [
        table(
            ("Snapshot", "Started", "State", "Types and relationships", "Readable until"),
            [
                (row["id"], moment(row["time"]), row["state"], row["completeness"], moment(row["retainUntil"]))
                for row in rows
            ],
        ),
        facts([("Shown", f"{len(rows)} of {total}"), ("Expected head", head)]),
    ]
    if any(row["state"] == "unprotected" for row in rows):
        view.append(line("unprotected: nothing stops these blobs from being deleted", style="yellow"))
    damaged = any(row["state"] == "damaged" for row in rows)
    if damaged:
        view.append(line("damaged: run holdfast verify SNAPSHOT", style="bold red"))
    return Answer(document, tuple(view), 3 if damaged else 0)


# --- one snapshot, one type, one object ---------------------------------------------------------------------


def _manifest_answer(manifest: Manifest) -> Answer:
    from shared.cli.snapshot_view import manifest_document, manifest_view

    return Answer(manifest_document(manifest), tuple(manifest_view(manifest)))


async def _objects_answer(opened: Snapshot, spec: ObjectType) -> Answer:
    from shared.cli.render import facts, table

    completeness = opened.completeness(spec.name)
    objects = [
        {"id": entry.id, "name": entry.name, **({"parent": entry.parent} if spec.parent else {})}
        async for entry in opened.index(spec.name)
    ]
    document = {
        "snapshot": opened.id,
        "type": spec.name,
        "state": completeness.state,
        "reason": completeness.reason,
        "objects": objects,
    }
    columns = ("Id", "Name", "Parent") if spec.parent else ("Id", "Name")
    view = (
        table(columns, [tuple(one.values()) for one in objects]),
        facts(
            [
                ("Objects", f"{len(objects):,}"),
                ("State", " ".join(part for part in (completeness.state.value, completeness.reason) if part)),
            ]
        ),
    )
    return Answer(document, view)


async def _find(opened: Snapshot, spec: ObjectType, which: str) -> IndexEntry:
    """The object with this id, or else the only one with this name."""
    named = []
    async for entry in opened.index(spec.name):
        if entry.id == which:
            return entry
        if entry.name.casefold() == which.casefold():
            named.append(entry)
    if not named:
        completeness = opened.completeness(spec.name)
        raise Unusable(
            "there is no such object in the snapshot"
            + ("" if completeness.is_complete else f", which is not complete: {completeness.state.value}"),
            object_type=spec.name,
            object_id=which,
            hint=f"holdfast show {opened.id} {spec.name}",
        )
    if len(named) > 1:
        ids = ", ".join(entry.id for entry in named[:_SAME_NAME])
        raise Unusable(
            f"{len(named)} objects have this name", object_type=spec.name, hint=f"give the id; first ones: {ids}"
        )
    return named[0]


async def _object_answer(opened: Snapshot, spec: ObjectType, entry: IndexEntry) -> Answer:
    from rich.console import Group

    from shared.cli.render import facts, heading, line, listing
    from shared.engines.wire import parse

    raw = await opened.get(spec.name, entry)
    # Numbers that Python can't hold are shown as the text they were.
    value = parse(raw, out_of_range=str)
    links: dict[str, list[dict[str, str]]] = {}
    for relationship in spec.relationships:
        targets = [
            {"id": link.target, "type": link.target_type}
            async for link in opened.links(spec.name, relationship.name)
            if link.source == entry.id
        ]
        links[relationship.name] = targets
    document = {
        "snapshot": opened.id,
        "type": spec.name,
        "id": entry.id,
        "name": entry.name,
        "parent": entry.parent or None,
        "contentHash": entry.hash,
        "object": value,
        "links": links,
    }
    view = [
        heading(f"{spec.name} {entry.name}"),
        facts([("Id", entry.id), ("Parent", entry.parent), ("Content hash", entry.hash)]),
        Group(*(line(text) for text in _indented(value))),
        line(""),
    ]
    view += [
        listing(name, [f"{target['type']} {target['id']}" for target in targets])
        for name, targets in links.items()
        if targets
    ]
    return Answer(document, tuple(view))


def _indented(value: Any) -> list[str]:
    """JSON by line; breaks inside texts are spelled `\\n` by JSON, hidden characters by the screen."""
    import json

    from shared.pages.text import legible

    return json.dumps(legible(value), indent=2, ensure_ascii=False).split("\n")

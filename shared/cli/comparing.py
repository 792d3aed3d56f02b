"""`holdfast diff`: what changed between two snapshots, or since a snapshot."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.parts import Parts, Source
from shared.cli.screen import Answer, Progress, Screen, wire_document
from shared.cli.session import Json, Local, Page, TrustedKey, TypeNames, with_parts

if TYPE_CHECKING:
    from shared.domain.change import Change
    from shared.engines.view import View

LIVE = "live"


def register(app: typer.Typer) -> None:
    app.command("diff")(diff)


def diff(
    ctx: typer.Context,
    before: Annotated[str, typer.Argument(metavar="SNAPSHOT", help="The earlier snapshot, or latest.")],
    after: Annotated[
        str, typer.Argument(metavar="[SNAPSHOT2|live]", help="The later snapshot, or the tenant as it is now.")
    ] = LIVE,
    types: TypeNames = None,
    html: Page = None,
    local: Local = None,
    key: TrustedKey = None,
    as_json: Json = False,
) -> int:
    """Show what changed between two readings.

    Objects, properties before and after, links, credentials by key id. Ends with 4 where an incomplete listing
    leaves something untold.

    Example: holdfast diff latest live --type conditionalAccessPolicies --html changes.html
    """
    names = tuple(types or ())

    async def work(parts: Parts, screen: Screen) -> Answer:
        # What is read of the live tenant lies here, for this process's user only, until the end.
        with tempfile.TemporaryDirectory(prefix="holdfast-") as scratch:
            one = await parts.repository.open(before)
            other = await later(parts, screen, after, names, Path(scratch))
            return await _compare(parts, screen, one, other, names, html)

    return with_parts(ctx, as_json, work, Source(local, key))


async def _compare(
    parts: Parts, screen: Screen, one: View, other: View, types: tuple[str, ...], html: Path | None
) -> Answer:
    from shared.cli.diff_view import collect, diff_page, diff_view, name_targets
    from shared.engines.diff import diff as compare
    from shared.pages import page

    kept: list[Change] | None = [] if screen.as_json else None
    with screen.progress("Comparing"):
        collected = await collect(await compare(one, other, parts.catalog, types=types), kept)
        await name_targets(collected, (one, other))
    document = {
        "before": one.label,
        "after": other.label,
        "beforeAsOf": one.as_of,
        "afterAsOf": other.as_of,
        "summary": wire_document(collected.summary),
        "gaps": [wire_document(gap) for gap in collected.gaps],
        "changes": [wire_document(change) for change in kept or ()],
        "html": str(html) if html is not None else None,
    }
    if html is not None:
        page.write(html, diff_page(collected, parts.clock.now()))
        screen.note(f"page written: {html}")
    return Answer(document, tuple(diff_view(collected)), 4 if collected.gaps else 0)


async def later(parts: Parts, screen: Screen, after: str, types: tuple[str, ...], scratch: Path) -> View:
    """The later side: a snapshot, or the tenant read now into a scratch folder."""
    if after != LIVE:
        return await parts.repository.open(after)
    from shared.adapters.files import FolderBlobStore
    from shared.engines.live import read_live

    operator = parts.deployment("comparing with the live tenant")
    # A contained type is read with its parent.
    wanted = tuple(dict.fromkeys(parts.catalog.get(name).parent or name for name in types))
    with screen.progress("Reading the tenant") as progress:
        return await read_live(
            operator.directory,
            parts.catalog,
            FolderBlobStore(scratch / "live"),
            parts.clock,
            tenant=parts.tenant,
            types=wanted,
            scratch=scratch,
            progress=_telling(progress) if screen.live else None,
        )


def _telling(progress: Progress) -> Callable[[str, int], None]:
    return lambda item, lines: progress.tell(f"Reading the tenant: {item}, {lines:,} lines")

"""`holdfast guard`: would these policies lock the break-glass accounts out?

Answers for a file of Graph JSON, a snapshot, or the tenant as it is now. With `--json` standard output holds the
verdict alone; what it was checked against, and what it says nothing about, goes to standard error.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from shared.cli.parts import Parts, Source
from shared.cli.screen import Answer, Screen
from shared.cli.session import Json, Local, TrustedKey, read_file, screen_of, with_parts
from shared.domain.errors import Unusable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from shared.engines.lockout.facts import Facts
    from shared.engines.lockout.verdict import Judged, Verdict

_FINDING: Final = 3


def register(app: typer.Typer) -> None:
    app.command("guard")(guard)


def guard(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Graph JSON to judge; docs/guard.md has its members."),
    ] = None,
    snapshot: Annotated[
        str,
        typer.Option("--snapshot", metavar="ID", help="Judge a snapshot in place of a file: its id, or latest."),
    ] = "",
    live: Annotated[bool, typer.Option("--live", help="Judge the tenant as it is now.")] = False,
    accounts: Annotated[
        list[str] | None,
        typer.Option(
            "--account",
            metavar="ID",
            help="A break-glass account, not with FILE; may be repeated. Left out: as the settings say.",
        ),
    ] = None,
    local: Local = None,
    key: TrustedKey = None,
    as_json: Json = False,
) -> int:
    """Ask whether policies would lock the break-glass accounts out. Nothing is changed.

    Ends with 3 where an account can't be proved to get in, with 2 where what is given can't be judged.

    Example: holdfast guard --json policies.json
    """
    if sum((file is not None, bool(snapshot), live)) != 1:
        raise Unusable("one thing is judged at a time", hint="give a FILE, --snapshot ID, or --live")
    if file is not None:
        screen = screen_of(ctx, as_json)
        return screen.answer(judged(read_file_facts(file), screen))

    async def work(parts: Parts, screen: Screen) -> Answer:
        ids = _accounts(parts, accounts or [])
        facts = await (_live(parts, screen, ids) if live else _stored(parts, snapshot, ids))
        return judged(facts, screen)

    return with_parts(ctx, as_json, work, Source(local, key))


def _accounts(parts: Parts, given: Sequence[str]) -> tuple[str, ...]:
    from shared.engines.lockout.facts import distinct

    set_up = parts.operator.settings.break_glass_ids if parts.operator is not None else ()
    if found := distinct(tuple(given) or tuple(set_up)):
        return found
    raise Unusable(
        "no break-glass accounts are known, so there is nobody to check for",
        hint="set HOLDFAST_BREAK_GLASS_IDS, or give --account ID for each",
    )


async def _stored(parts: Parts, snapshot: str, accounts: tuple[str, ...]) -> Facts:
    from shared.engines.lockout.viewed import facts_of

    return await facts_of(await parts.repository.open(snapshot), accounts)


async def _live(parts: Parts, screen: Screen, accounts: tuple[str, ...]) -> Facts:
    """The tenant as it is, read into a folder for this process's user only, and gone at the end."""
    from shared.adapters.files import FolderBlobStore
    from shared.engines.live import read_live
    from shared.engines.lockout.registered import registered_now
    from shared.engines.lockout.viewed import TYPES, facts_of

    directory = parts.deployment("judging the live tenant").directory
    with tempfile.TemporaryDirectory(prefix="holdfast-") as scratch, screen.progress("Reading the tenant"):
        folder = Path(scratch)
        view = await read_live(
            directory,
            parts.catalog,
            FolderBlobStore(folder / "live"),
            parts.clock,
            tenant=parts.tenant,
            types=TYPES,
            scratch=folder,
        )
        facts = await facts_of(view, accounts)
    registered = await registered_now(directory, parts.catalog, parts.clock, accounts)
    return replace(facts, registered_methods=registered)


def read_file_facts(file: Path) -> Facts:
    from shared.engines.lockout.facts import read_facts
    from shared.engines.wire import parse

    return read_facts(parse(read_file(file, "file of Graph JSON")))


def judged(facts: Facts, screen: Screen) -> Answer:
    from shared.engines.lockout.outside import NOT_IN_FACTS, outside
    from shared.engines.lockout.scenarios import CHECKED
    from shared.engines.lockout.verdict import judge

    verdict = judge(facts)
    beyond = [*(f"policy {one.policy_id or 'without id'} {one.why}" for one in outside(facts)), *NOT_IN_FACTS]
    if screen.as_json:
        screen.note(f"checked against these scenarios: {CHECKED}")
        for one in beyond:
            screen.note(f"outside of them: {one}")
    return Answer(verdict.document(), _view(verdict, CHECKED, beyond), 0 if verdict.passed else _FINDING)


def _view(verdict: Verdict, checked: str, beyond: Sequence[str]) -> tuple[RenderableType, ...]:
    from shared.cli.render import facts, line, listing

    return (
        facts([("Verdict", verdict.document()["verdict"]), ("Checked against these scenarios", checked)]),
        *(_account(account) for account in verdict.accounts),
        listing("Outside of them, and not judged", beyond, limit=len(beyond)),
        line(_conclusion(verdict)),
    )


def _account(account: Judged) -> RenderableType:
    from shared.cli.render import line, table

    if account.passed:
        return line(f"{account.id}: pass")
    return table(
        ("Rule", "Policy", "Scenario", "Why"),
        [(one.rule.value, one.policy_id, one.scenario, one.why) for one in account.findings],
        title=f"{account.id}: fail",
    )


def _conclusion(verdict: Verdict) -> str:
    if verdict.passed:
        return "In these scenarios every break-glass account meets all that may be asked of it."
    return (
        "At least one break-glass account can't be proved to get in. Exclude it by its id, or mend what is named."
    )

"""`holdfast guard`: would these policies lock the break-glass accounts out?

Answers for a file of Graph JSON, a snapshot, or the tenant as it is now. With `--json` standard output holds the
verdict alone; what it was checked against, and what it says nothing about, goes to standard error.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from shared.cli.screen import Answer, Screen
from shared.cli.session import Json, read_file, screen_of
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
        typer.Argument(
            metavar="[FILE]", help="Graph JSON to judge; docs/guard.md has its members.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Ask whether policies would lock the break-glass accounts out. Nothing is changed.

    Ends with 3 where an account can't be proved to get in, with 2 where the file can't be judged.

    Example: holdfast guard --json policies.json
    """
    if file is None:
        raise Unusable("there is nothing to judge", hint="give a file of Graph JSON")
    screen = screen_of(ctx, as_json)
    return screen.answer(judged(read_file_facts(file), screen))


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

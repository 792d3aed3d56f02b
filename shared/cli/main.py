"""`holdfast`: builds the command line and turns every end into an exit code.

0 done · 1 fault · 2 unusable input · 3 refused or finding · 4 partial. Modules that take long to import are
imported by the commands that need them, so that `holdfast --help` answers at once.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from shared.allocator import keep_no_large_blocks
from shared.cli import (
    approving,
    backing_up,
    comparing,
    declarations,
    demo,
    emergency,
    erasing,
    evidencing,
    exporting,
    first_keys,
    guarding,
    planning,
    preflight,
    public_keys,
    reading,
    restoring,
    status,
    subjects,
    unlocking,
    vault,
    verifying,
)
from shared.cli.session import Session
from shared.domain.errors import HoldfastError

app = typer.Typer(
    name="holdfast",
    help="Backup and recovery for Microsoft Entra ID.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for commands in (
    emergency,
    unlocking,
    backing_up,
    reading,
    comparing,
    planning,
    guarding,
    approving,
    restoring,
    status,
    preflight,
    verifying,
    exporting,
    evidencing,
    vault,
    subjects,
    erasing,
    declarations,
    first_keys,
    public_keys,
    demo,
):
    commands.register(app)


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        print(f"holdfast {installed('holdfast')}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        print(ctx.get_help(), file=sys.stderr)
        raise typer.Exit(2)


def run(arguments: Sequence[str], session: Session | None = None) -> int:
    """One command line, to its exit code."""
    session = session or Session()
    # Known before parsing, so that a misspelled command line is answered in JSON, too.
    session.screen.as_json = "--json" in arguments
    command = typer.main.get_command(app)
    try:
        result = command.main(list(arguments), prog_name="holdfast", standalone_mode=False, obj=session)
    except HoldfastError as error:
        return session.screen.fail(error)
    except typer.Abort:
        return session.screen.misused("stopped before it was done")
    except typer.TyperException as misuse:
        return _misused(session, misuse)
    return result if isinstance(result, int) else 0


def _misused(session: Session, misuse: typer.TyperException) -> int:
    explain = getattr(misuse, "format_message", None)
    context = getattr(misuse, "ctx", None)
    return session.screen.misused(
        explain() if explain else str(misuse),
        hint=f"{context.command_path if context else 'holdfast'} --help",
    )


def main() -> None:
    keep_no_large_blocks()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that can't show a letter gets its escape instead of a failed command.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))

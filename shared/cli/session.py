"""What every command gets: a screen, and the parts of Holdfast when it asks for them.

Commands are plain functions that return the exit code; the asynchronous part of one is a coroutine function
over the opened parts. Everything that isn't a command's own business, `--json` included, is settled here.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from shared.cli.parts import Parts, Source, open_armer, open_parts, open_unlocking, read_keys
from shared.cli.screen import Answer, Screen
from shared.cli.waiting import Pause
from shared.domain.errors import Unusable

if TYPE_CHECKING:
    from shared.bootstrap import Armer
    from shared.cli.parts import KeyReader
    from shared.engines.unlocking import Unlocking

    Unlocker: TypeAlias = Callable[
        [Path | None, str, str, Callable[[str], None]], AbstractAsyncContextManager[Unlocking]
    ]
    ArmerOpener: TypeAlias = Callable[[str, Callable[[str], None]], AbstractAsyncContextManager[Armer]]

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Local: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--local",
        metavar="FOLDER",
        help="Read a folder copy of the containers instead of the deployment; needs no sign-in.",
    ),
]
TrustedKey: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--key",
        metavar="FILE",
        help="The public key that you trust for snapshots (PEM or JWK set), or a folder of .pub files.",
    ),
]
LocalRestore: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--local",
        metavar="FOLDER",
        help="Restore from a folder copy of the containers, on this machine and without the apps.",
    ),
]
Work: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--work",
        metavar="DIR",
        help="With --local: where keys, evidence and passwords of the restore are; beside the folder if left out.",
    ),
]
Into: TypeAlias = Annotated[
    str,
    typer.Option(
        "--into", metavar="TENANT", help="With --local: into the tenant of this id, not the snapshot's own."
    ),
]
Minutes: TypeAlias = Annotated[float, typer.Option("--timeout", metavar="MINUTES", help="How long to wait.", min=0)]
Page: TypeAlias = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Also write a self-contained HTML page.", dir_okay=False),
]
TypeNames: TypeAlias = Annotated[
    list[str] | None, typer.Option("--type", metavar="TYPE", help="Only this object type; may be repeated.")
]

_TENANT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
INTERRUPTED = 130  # what shells give a command ended by Ctrl-C

Opener: TypeAlias = Callable[[Source], AbstractAsyncContextManager[Parts]]
Task: TypeAlias = Callable[[Parts, Screen], Awaitable[Answer]]

DEPLOYMENT = Source()


@dataclass(slots=True)
class Session:
    """`opener`, `pause`, `read_keys`, `armer` and `unlocker` are where tests put parts in memory, waiting without
    time, a key vault, a simulated tenant and app."""

    screen: Screen = field(default_factory=Screen)
    opener: Opener = open_parts
    pause: Pause = asyncio.sleep
    read_keys: KeyReader = read_keys
    armer: ArmerOpener = open_armer
    unlocker: Unlocker = open_unlocking


def session_of(ctx: typer.Context) -> Session:
    held: Any = ctx.find_object(Session)
    assert isinstance(held, Session)
    return held


def screen_of(ctx: typer.Context, as_json: bool) -> Screen:
    """The screen, told whether this command was asked for JSON."""
    screen = session_of(ctx).screen
    screen.as_json = as_json
    return screen


def restoring_from(
    ctx: typer.Context,
    folder: Path | None,
    work: Path | None,
    keys: Path | None = None,
    *,
    reads_copy: bool = True,
    into: str = "",
) -> Source:
    """Where a command of a restore does its work: in the deployment, or on this machine. Raises `Unusable` for
    another tenant that isn't named by its id, or that is restored into by the deployment of this one."""
    if into and folder is None:
        raise Unusable(
            "the apps of a deployment sign in to its own tenant only",
            hint="restore into another one from a folder copy: --local FOLDER (holdfast export makes it)",
        )
    if into and _TENANT.fullmatch(into) is None:
        raise Unusable(f"{into!r} is no tenant's id", hint="give the id, which the portal's overview shows")
    tell = session_of(ctx).screen.note
    return Source(
        folder, keys, restoring=folder is not None, work=work, tell=tell, reads_copy=reads_copy, into=into.lower()
    )


def with_parts(
    ctx: typer.Context, as_json: bool, work: Task, source: Source = DEPLOYMENT, *, stopped: str = ""
) -> int:
    """Opens the parts, does the work, shows its answer. `stopped`: what is said after Ctrl-C, where that isn't what
    the source makes of it."""
    session = session_of(ctx)
    screen = screen_of(ctx, as_json)

    async def run() -> Answer:
        async with session.opener(source) as parts:
            return await work(parts, screen)

    try:
        answer = asyncio.run(run())
    except KeyboardInterrupt:
        screen.note(
            stopped
            or (
                "stopped; the same command goes on where it was"
                if source.restoring
                else "stopped waiting; what was asked for goes on without this terminal (holdfast status)"
            )
        )
        return INTERRUPTED
    return screen.answer(answer)


def read_file(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unusable(f"the {what} can't be read: {error.strerror or 'input/output error'}: {path}") from None


def ask_secret(question: str) -> str:
    """Asks on the terminal, without echo. Raises `Unusable` where nobody can be asked."""
    import getpass

    if not sys.stdin.isatty():
        raise Unusable(f"{question}: there is no terminal to ask on", hint="run the command on a terminal")
    return getpass.getpass(f"{question}: ")

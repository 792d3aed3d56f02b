"""Runs one command line in process and keeps what it said."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

from shared.cli.main import run as run_cli
from shared.cli.screen import Screen
from shared.cli.session import Opener, Session


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


async def no_pause(seconds: float) -> None:
    assert seconds > 0


def run(*arguments: str, opener: Opener | None = None, read_keys: Any = None) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    session = Session(screen=Screen(out=out, err=err, width=2000), pause=no_pause)
    if opener is not None:
        session.opener = opener
    if read_keys is not None:
        session.read_keys = read_keys
    code = run_cli(arguments, session)
    return Ran(code, out.getvalue(), err.getvalue())

"""Asking for a name before something that can't be taken back."""

from __future__ import annotations

import sys

import typer

from shared.domain.errors import Refused


def confirmed(word: str, given: str, what: str) -> None:
    """Typed by hand, or said on the command line: a name, because a yes is given too easily."""
    if not given and sys.stdin.isatty():
        given = typer.prompt(f"Type {word} to go on", err=True)
    if given != word:
        raise Refused(f"nothing was changed: {what} was not given", hint=f"--confirm {word}")

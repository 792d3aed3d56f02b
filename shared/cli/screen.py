"""Where a command speaks: results on standard output, everything else on standard error.

With `--json` exactly one document goes to standard output, also when the command fails. Text is never read as
markup, and JSON is written in ASCII, so that nothing a tenant holds can drive a terminal.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from shared.domain.errors import HoldfastError, Unusable
from shared.pages.text import visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


_UNWRAPPED = 2000  # columns


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found: one document for programs, the same as a view for people, and how to end."""

    document: Mapping[str, Any]
    view: tuple[RenderableType, ...] = ()
    exit_code: int = 0


class Progress(Protocol):
    def tell(self, text: str) -> None:
        """What is going on now. Cheap to repeat."""
        ...


class Screen:
    """`width` None: the terminal's, or what COLUMNS says."""

    def __init__(
        self,
        *,
        as_json: bool = False,
        out: TextIO | None = None,
        err: TextIO | None = None,
        width: int | None = None,
    ) -> None:
        self.as_json = as_json
        self._width = width
        self._out = out
        self._err = err

    @property
    def out(self) -> TextIO:
        return self._out or sys.stdout

    @property
    def err(self) -> TextIO:
        return self._err or sys.stderr

    @property
    def live(self) -> bool:
        """Whether somebody watches: fast counters are shown only then."""
        return self.err.isatty() and not self.as_json

    def answer(self, answer: Answer) -> int:
        if self.as_json:
            self._document(answer.document)
        else:
            self._view(answer.view)
        return answer.exit_code

    def fail(self, error: HoldfastError) -> int:
        if self.as_json:
            self._document({"error": describe(error), "exitCode": error.exit_code})
        for line in error_lines(error):
            print(line, file=self.err)
        return error.exit_code

    def misused(self, message: str, *, hint: str = "holdfast --help") -> int:
        """The command line itself can't be understood."""
        return self.fail(Unusable(message, hint=hint))

    def note(self, text: str) -> None:
        """A remark for the person who waits; no part of the result."""
        print(visible(text), file=self.err)

    @contextmanager
    def progress(self, text: str) -> Iterator[Progress]:
        """Shows that something is going on: a spinner on a terminal, else a line whenever the text changes."""
        if self.live:
            from rich.text import Text

            with self._console(self.err).status(Text(visible(text))) as status:
                yield _Spinner(status)
        else:
            lines = _Lines(self.err)
            lines.tell(text)
            yield lines

    def _view(self, view: tuple[RenderableType, ...]) -> None:
        from rich.text import Text

        console = self._console(self.out)
        with console.capture() as captured:
            for part in view:
                # A line by itself may be a command to copy: it is never broken.
                console.print(part, soft_wrap=isinstance(part, Text))
        print("\n".join(line.rstrip() for line in captured.get().splitlines()), file=self.out)

    def _console(self, file: TextIO) -> Console:
        from rich.console import Console

        # In a file or a pipe nothing is wrapped, unless the reader says how wide it is.
        width = self._width or _columns() or (None if file.isatty() else _UNWRAPPED)
        return Console(file=file, width=width, markup=False, emoji=False, highlight=False, soft_wrap=False)

    def _document(self, value: Mapping[str, Any]) -> None:
        print(to_json(value), file=self.out)


def _columns() -> int:
    told = os.environ.get("COLUMNS", "")
    return int(told) if told.isascii() and told.isdecimal() else 0


class _Spinner:
    def __init__(self, status: Any) -> None:
        self._status = status

    def tell(self, text: str) -> None:
        from rich.text import Text

        self._status.update(Text(visible(text)))


class _Lines:
    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._last = ""

    def tell(self, text: str) -> None:
        if text != self._last:
            print(visible(text), file=self._file, flush=True)
            self._last = text


def to_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        from shared.engines.wire import time_text

        return time_text(value)
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} has no place in a document")


def wire_document(value: Any) -> Any:
    """A stored format's value as plain JSON, in the spelling of the format."""
    from shared.engines.wire import encode, parse

    return parse(encode(value))


def describe(error: HoldfastError) -> dict[str, Any]:
    members = {
        "kind": type(error).__name__,
        "what": error.what,
        "objectType": error.object_type,
        "objectId": error.object_id,
        "requestId": error.request_id,
        "saved": error.saved,
        "next": error.hint,
    }
    return {name: text for name, text in members.items() if text}


def error_lines(error: HoldfastError) -> list[str]:
    """What happened, which object, what was saved, what to do next: each on its own line."""
    about = " ".join(part for part in (error.object_type, error.object_id) if part)
    rows = (
        ("object", about),
        ("request", error.request_id),
        ("saved", error.saved),
        ("next", error.hint),
    )
    lines = [f"error: {visible(error.what)}"]
    return lines + [f"  {name + ':':<9}{visible(text)}" for name, text in rows if text]

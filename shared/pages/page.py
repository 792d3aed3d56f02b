"""Self-contained HTML pages: the diff, the plan, the report.

What must stay true: no text of the tenant becomes markup (autoescape, and a finalizer that spells out hidden
characters for every value printed); nothing is loaded, and nothing runs but our own script, into which no text goes
(the page's own policy forbids it); anchors are numbers that we make; a page is whole or not there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from shared.domain.errors import Unusable
from shared.pages.text import legible, moment, pieces

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"
MAX_ROWS = 2000  # of one list on a page: beyond it a browser suffers, and the page says where the rest is


def show(value: Any) -> Any:
    """Any text as markup that shows what it holds; line breaks count as hidden here."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    parts = [
        Markup('<span class="hid">{}</span>').format(piece) if hidden else escape(piece)
        for piece, hidden in pieces(value)
    ]
    marked = Markup("").join(parts)
    # Text that is written from right to left must not reorder what stands beside it.
    return marked if value.isascii() else Markup("<bdi>{}</bdi>").format(marked)


def show_value(value: Any) -> Markup:
    """A JSON value, indented. The only line breaks are our own: inside texts JSON spells them `\\n`."""
    text = json.dumps(legible(value), indent=1, ensure_ascii=False)
    return Markup("\n").join(show(line) for line in text.split("\n"))


def members(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of a before/after table. A member that one side doesn't have stays empty there."""
    return [
        {
            "name": name,
            "before": show_value(before[name]) if name in before else None,
            "after": show_value(after[name]) if name in after else None,
        }
        for name in sorted({*before, *after})
    ]


def cut(rows: Sequence[Any], where: str, limit: int = MAX_ROWS) -> dict[str, Any]:
    """The rows that fit on a page, and how many don't."""
    left_out = max(0, len(rows) - limit)
    return {"rows": rows[:limit], "left_out": left_out, "left_out_text": f"{left_out:,}", "where": where}


def render(
    template: str, title: str, made_at: datetime, context: Mapping[str, Any], *, searched: bool = False
) -> Iterable[str]:
    """The pieces of a page. `searched`: with our script, which shows a search and unfolds what is printed; without
    it, or where scripts don't run, the page says the same."""
    style, script = _text("style.html.j2"), _text("filter.html.j2") if searched else ""
    return (
        _environment()
        .get_template(template)
        .generate(
            title=title,
            made_at=moment(made_at),
            style=Markup(style),  # noqa: S704 (our own file)
            style_hash=_policy_hash(style),
            script=Markup(script),  # noqa: S704 (our own file)
            script_hash=_policy_hash(script),
            **context,
        )
    )


def _policy_hash(text: str) -> Markup:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return Markup("sha256-" + digest)  # noqa: S704 (base64)


def write(path: Path, page: Iterable[str]) -> None:
    """Whole or not at all: written beside the target, then renamed. Readable by its owner only, because it
    holds names and values of the tenant. Raises `Unusable` where that can't be done."""
    try:
        handle, waiting = tempfile.mkstemp(prefix=".holdfast-", suffix=".html", dir=path.parent)
    except OSError as error:
        raise Unusable(f"no file can be written in {path.parent}: {error.strerror}") from None
    try:
        # A lone surrogate would have been spelled out already; anything else is UTF-8.
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(page)
            file.flush()
            os.fsync(file.fileno())
        os.replace(waiting, path)
    except OSError as error:
        raise Unusable(f"the file {path} can't be written: {error.strerror}", saved="nothing") from None
    finally:
        Path(waiting).unlink(missing_ok=True)


@cache
def _text(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8").strip()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=show,
        trim_blocks=True,
        lstrip_blocks=True,
    )

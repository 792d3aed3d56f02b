"""Tables and lists for the terminal. Every text passes `visible` and is never read as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shared.pages.text import count, visible


def line(text: str, style: str = "") -> Text:
    return Text(visible(text), style=style, overflow="fold")


def heading(text: str) -> Text:
    return line(text, style="bold")


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str = "",
    numbers: Sequence[str] = (),
) -> RenderableType:
    """`numbers` names the columns that are aligned to the right."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold dim")
    for column in columns:
        made.add_column(column, overflow="fold", justify="right" if column in numbers else "left")
    for row in rows:
        made.add_row(*(Text(visible(cell), overflow="fold") for cell in row))
    return Group(heading(title), made, Text("")) if title else Group(made, Text(""))


def facts(pairs: Iterable[tuple[str, str]]) -> RenderableType:
    """Name and value, one a line; empty values are left out."""
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        if value:
            made.add_row(Text(name), Text(visible(value), overflow="fold"))
    return Group(made, Text(""))


def listing(title: str, entries: Sequence[str], *, limit: int = 20) -> RenderableType:
    """A titled list, cut after `limit` with the number of those left out."""
    shown = [line(f"- {entry}") for entry in entries[:limit]]
    if len(entries) > limit:
        shown.append(line(f"… and {count(len(entries) - limit, 'more', 'more')} (--json or --html shows all)"))
    return Group(heading(f"{title} ({len(entries):,})"), Padding(Group(*shown), (0, 0, 1, 2)))

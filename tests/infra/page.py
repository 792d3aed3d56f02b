"""Tables of a Markdown page, by their headings, so that a page and the templates can be compared."""

from __future__ import annotations

import re
from functools import cache

from tests.infra.cases import ROOT

SECURITY = "docs/security.md"
DEPLOYMENT = "docs/deployment.md"


def cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip().strip("|").split("|"))


@cache
def table(path: str, *heading: str) -> tuple[tuple[str, ...], ...]:
    """The rows of the one table with these column titles."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("|") and cells(line) == heading]
    if len(starts) != 1:
        raise LookupError(f"{path}: {len(starts)} tables with the columns {', '.join(heading)}")
    rows = []
    for line in lines[starts[0] + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(cells(line))
    return tuple(rows)


def listed(cell: str) -> set[str]:
    """The items of a cell, without backticks; a dash is nothing."""
    return {one.strip().strip("`") for one in re.split(r",", cell) if one.strip() not in ("", "–")}

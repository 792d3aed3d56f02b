"""What generated pages are made of."""

from __future__ import annotations

from collections.abc import Iterable


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """One line each, ending with a line break; an empty cell is a dash."""
    lines = [tuple(titles)]
    lines += [("---",) * len(lines[0]), *(tuple(cell.replace("|", "\\|") or "–" for cell in row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def any_of(groups: Iterable[Iterable[str]]) -> str:
    """All of the groups, any one of each."""
    return "; and ".join(" or ".join(f"`{name}`" for name in group) for group in groups)

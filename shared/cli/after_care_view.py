"""What a restore leaves to people, by whom to ask: for the screen, the page of a report, and as CSV."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from shared.domain.errors import Refused
from shared.engines.report import AfterCare, Owner
from shared.pages import page
from shared.pages.text import visible

if TYPE_CHECKING:
    from pathlib import Path

    from shared.engines.report import Report

NOBODY = "nobody is known"
COLUMNS = ("owner", "ownerId", "what", "type", "name", "oldId", "newId", "where")
# With these a spreadsheet takes a cell for a formula (OWASP: CSV injection).
_FORMULA = ("=", "+", "-", "@")


def by_owner(cared: Iterable[AfterCare]) -> list[tuple[str, list[AfterCare]]]:
    """Each owner with all that is asked of them, so that what several own is in the list of each. Who has most to
    do comes first, what nobody is known for comes last."""
    groups: defaultdict[str, list[AfterCare]] = defaultdict(list)
    for one in cared:
        for owner in one.owners or (Owner("", ""),):
            groups[_called(owner)].append(one)
    return sorted(groups.items(), key=lambda group: (group[0] == NOBODY, -len(group[1]), group[0]))


def _called(owner: Owner) -> str:
    if not owner.id:
        return NOBODY
    return f"{owner.name} ({owner.id})" if owner.name else owner.id


def csv_lines(cared: Iterable[AfterCare]) -> Iterator[str]:
    """RFC 4180, with a byte order mark, by which spreadsheets know UTF-8. Hidden characters are spelled out, and no
    cell begins as a formula."""
    rows = sorted(
        (owner.name, owner.id, one.what, one.type, one.name, one.target, one.live, one.where)
        for one in cared
        for owner in one.owners or (Owner("", ""),)
    )
    yield "\ufeff"
    for row in (COLUMNS, *rows):
        yield _line(row)


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([_defused(visible(cell)) for cell in cells])
    return text.getvalue()


def _defused(cell: str) -> str:
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) else cell


def write_csv(path: Path, report: Report | None, plan: str) -> None:
    """Raises `Refused` where there is no report yet, `Unusable` where the file can't be written."""
    if report is None:
        raise Refused(
            "the plan has no report yet, and so no after-care list",
            object_id=plan,
            saved="nothing was written",
            hint=f"holdfast status {plan} --watch",
        )
    page.write(path, csv_lines(report.after_care))

"""The figures of `docs/cost.md`, written anew from `measured.json` and `prices.json`; its sentences stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from infra.cost.model import full

USERS: Final = (1_000, 100_000, 1_000_000)  # columns of the table of bills
_COUNTED_AT: Final = 100_000  # users of a run whose requests were counted, which the line is compared with
Total = Callable[[int, list[str]], str]  # users, options → the month's sum as the command prints it


def rewritten(page: str, measured: Mapping[str, Any], total: Total) -> str:
    """The page with each bill of its table, the table of what was measured, and the line's word for itself."""
    lines = [_bill(line, total) if line.startswith("| `--keep") else line for line in page.splitlines()]
    text = "\n".join(lines) + "\n"
    for name, cells in _measured(measured).items():
        text, found = re.subn(rf"^\| {name} \|.*$", f"| {name} | {cells} |", text, flags=re.MULTILINE)
        if found != 1:
            raise LookupError(f"docs/cost.md has {found} rows {name}")
    requests = f"the line says {full(_COUNTED_AT, measured).requests:,.0f} Graph requests"
    return re.sub(r"the line says [\d,]+ Graph requests", requests, text)


def _bill(line: str, total: Total) -> str:
    options = line.split("`")[1]
    return f"| `{options}` | {' | '.join(total(users, options.split()) for users in USERS)} |"


def _measured(measured: Mapping[str, Any]) -> dict[str, str]:
    sizes = measured["sizes"]
    told = {
        "Object types": [str(len(one["objects"])) for one in sizes],
        "Objects": [f"{sum(one['objects'].values()):,}" for one in sizes],
        "Stored by one full": [f"{sum(one['bytes'].values()):,} bytes" for one in sizes],
        "Blob writes, reads, listings": [
            ", ".join(f"{one[what]:,}" for what in ("blobWrites", "blobReads", "blobLists")) for one in sizes
        ],
        "Graph requests": [f"{one['graphRequests']:,}" for one in sizes],
    }
    return {name: " | ".join(cells) for name, cells in told.items()}

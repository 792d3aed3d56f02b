"""One line of the bench: what was measured, beside what, and what the design allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """`within`: None where there is no budget, or too little was measured to judge. `notes` go below the row."""

    key: str
    what: str
    measured: str
    peer: str
    ratio: str
    budget: str
    within: bool | None
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        return "not judged" if self.within is None else "within" if self.within else "OVER"


def render(row: Row) -> Iterator[str]:
    yield f"[{row.key}] {row.what}"
    for name in ("measured", "peer", "ratio", "budget", "verdict"):
        yield f"    {name:<9} {getattr(row, name)}"
    for note in row.notes:
        yield f"    - {note}"
    yield ""


def mib(count: float) -> str:
    return f"{count / 2**20:.0f} MiB"

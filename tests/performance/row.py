"""One line of the bench: what was measured, beside what, and what the design allows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_ROUNDS: Final = 3


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


def least(*ways: Callable[[], object]) -> list[float]:
    """The least CPU time of each way over a few rounds, taken in turns: other work on the machine only adds."""
    found = [float("inf")] * len(ways)
    for _ in range(_ROUNDS):
        for number, way in enumerate(ways):
            start = time.process_time()
            way()
            found[number] = min(found[number], time.process_time() - start)
    return found

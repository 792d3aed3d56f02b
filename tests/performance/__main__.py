"""`python -m tests.performance`: prints every row, each beside its floor or peer of the same run.

It judges but never fails: a machine that is busy or slow is no fault of the program. An error is one.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.performance import cpu, first_backup, imports, memory, planning, restores, verifying, writes
from tests.performance.row import Row, render


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.performance", description=__doc__)
    parser.add_argument("--objects", type=int, default=100_000, help="size for memory and diff, up to a million")
    parser.add_argument("--tenant", type=int, default=100_000, help="users of the larger tenant that is counted")
    parser.add_argument("--windows", type=float, default=10, help="quota windows of writes")
    parser.add_argument("--operations", type=int, default=100_000, help="operations of the plan that is made")
    parser.add_argument("--only", default="", help="one row, or those that belong together: 3, 5")
    parser.add_argument("--small", action="store_true", help="every row at a size that proves only that it runs")
    given = parser.parse_args()
    if given.small:
        given.objects, given.tenant, given.windows = 2_000, 200, 0.2
    if given.objects < 400 or given.tenant < 200 or given.windows <= 0:
        parser.error("too small to measure anything")
    return given


def parts(given: argparse.Namespace) -> dict[str, Callable[[], Sequence[Row]]]:
    return {
        "1": lambda: cpu.rows(2_000 if given.small else 25_000),
        "2": lambda: memory.rows(given.objects),
        "4": lambda: list(imports.rows(1 if given.small else 5)),
        "5": lambda: first_backup.rows(given.tenant),
        "6": lambda: [writes.row(given.windows)],
        "7": lambda: restores.memberships(80 if given.small else 10_000),
        "8": restores.policies,
        "9": lambda: verifying.rows(2_000 if given.small else 50_000),
        "10": lambda: planning.rows(2_000 if given.small else given.operations),
    }


def main() -> None:
    given = arguments()
    print(
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
        + (f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "")
        + "\n"
    )
    if given.small:
        print("--small: shows that every row runs; nothing is judged\n")
    start = time.perf_counter()
    rows: list[Row] = []
    for key, measure in parts(given).items():
        asked = given.only.rstrip("abcdefghijklmnopqrstuvwxyz")
        if asked and asked != key and not (key == "2" and asked == "3"):
            continue
        for found in measure():
            row = replace(found, within=None) if given.small else found
            rows.append(row)
            for line in render(row):
                print(line, flush=True)
    over = [row.key for row in rows if row.within is False]
    print(
        f"{len(rows)} rows in {time.perf_counter() - start:.0f} s; "
        + (f"over budget: {', '.join(over)}" if over else "none over budget")
    )


if __name__ == "__main__":
    main()

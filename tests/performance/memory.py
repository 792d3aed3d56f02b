"""Rows 2 and 3: memory of a backup at two sizes, and what comparing two snapshots takes.

Each measurement is a process of its own; the folder of the larger backup is compared with a second one of the same
tenant, in which one object in a hundred differs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.performance.row import Row, mib

_ROOT = Path(__file__).resolve().parents[2]
_MEMORY = 256 * 2**20
_DIFF_SECONDS = 15.0  # for a million objects
_MILLION = 1_000_000
_FLAT = 1.25  # four times the objects may take a quarter more, which is noise and allocator slack


def rows(objects: int) -> list[Row]:
    small = max(100, objects // 4)
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        for part in ("small", "large"):
            (Path(name) / part).mkdir()
        less = _work(Path(name) / "small", "export", small)
        more = _work(Path(name) / "large", "export", objects)
        verified = [
            _work(Path(name) / part, "verify", size) for part, size in (("small", small), ("large", objects))
        ]
        _work(Path(name) / "large", "export", objects, "--changed")
        found = _work(Path(name) / "large", "diff", objects)
    if (found["changed"], found["other"]) != (found["expected"], 0):
        raise RuntimeError(f"the comparison found something else than what was changed: {found}")
    return [_backup(small, less, objects, more), _verification(small, objects, *verified), _diff(objects, found)]


def _work(folder: Path, *arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.performance.worker", str(folder), *map(str, arguments)]
    done = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _backup(small: int, less: dict[str, Any], large: int, more: dict[str, Any]) -> Row:
    first, second = less["peak"] - less["base"], more["peak"] - more["base"]
    flat = second <= _FLAT * first
    export = [mib(one["exportPeak"] - one["base"]) for one in (less, more)]
    cpu = (more["exportCpu"] / large * 1e6, more["sealCpu"] / large * 1e6)
    return Row(
        "2",
        f"peak memory above that after import, export + seal of {large:,} objects into a folder",
        mib(second),
        f"{mib(first)} for {small:,} objects in the same run",
        f"{second / first:.2f} for {large / small:g} times the objects ({'flat' if flat else 'NOT flat'})",
        f"≤ {mib(_MEMORY)}, flat (ratio ≤ {_FLAT:g})",
        second <= _MEMORY and flat,
        (
            f"{(second - first) / (large - small):.0f} bytes more for each object more",
            f"until the end of the export: {export[0]} and {export[1]}; the rest is sealing",
            f"CPU an object: export {cpu[0]:.0f} µs (page bytes are made meanwhile), seal {cpu[1]:.0f} µs",
        ),
    )


def _verification(small: int, large: int, less: dict[str, Any], more: dict[str, Any]) -> Row:
    first, second = (one["quickPeak"] - one["base"] for one in (less, more))
    deep = [one["deepPeak"] - one["base"] for one in (less, more)]
    return Row(
        "2b",
        f"peak memory above that after import, verifying a snapshot of {large:,} objects in a folder",
        mib(second),
        f"{mib(first)} for {small:,} objects in the same run",
        f"{second / first:.2f} for {large / small:g} times the objects",
        f"≤ {mib(_MEMORY)}, flat (ratio ≤ {_FLAT:g})",
        second <= _MEMORY and second <= _FLAT * first,
        (f"with all indexes built again (--deep): {mib(deep[0])} and {mib(deep[1])}",),
    )


def _diff(objects: int, found: dict[str, Any]) -> Row:
    held = found["diffPeak"] - found["base"]
    each = found["diff"] / objects
    return Row(
        "3",
        f"comparing two snapshots of {objects:,} objects, {found['changed']:,} of them changed",
        f"{found['diff']:.2f} s ({each * 1e6:.1f} µs an object), {mib(held)} above import",
        f"{found['reading']:.2f} s: reading all indexes of both once ({found['lines']:,} lines)",
        f"{found['diff'] / found['reading']:.1f}",
        f"≤ {_DIFF_SECONDS:g} s for a million ({_DIFF_SECONDS / _MILLION * 1e6:g} µs each), ≤ {mib(_MEMORY)}",
        each <= _DIFF_SECONDS / _MILLION and held <= _MEMORY,
        ("time an object must not grow with the tenant: compare with another --objects",),
    )

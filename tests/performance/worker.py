"""One measurement of memory in a process of its own: `python -m tests.performance.worker FOLDER TASK N`.

A process's peak never goes down again, so each measurement gets a fresh one. It prints one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from shared.adapters.files import FolderBlobStore
from shared.adapters.keys import create_key
from shared.adapters.memory import ManualClock
from shared.allocator import keep_no_large_blocks
from shared.catalog.registry import CATALOG
from shared.domain.change import ChangeKind
from shared.engines.diff import diff
from shared.engines.export import Work, run_item
from shared.engines.item import Limits
from shared.engines.repository import Snapshot
from shared.engines.seal import seal_run
from shared.engines.verify import verify_committed
from tests.backup import Backup
from tests.performance.tenant import StreamedTenant


def peak() -> int:
    """The most memory this program held at once. Not `ru_maxrss` where it can be helped: on Linux that starts
    with what the parent process held when it forked."""
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def deployment(folder: Path, tenant: StreamedTenant, *, later: bool) -> Backup:
    clock = ManualClock()
    if later:
        clock.advance(timedelta(days=1).total_seconds())
    return Backup(
        directory=tenant,  # type: ignore[arg-type]
        clock=clock,
        vault=FolderBlobStore(folder / "vault-35d"),  # type: ignore[arg-type]
        chain=FolderBlobStore(folder / "chain"),  # type: ignore[arg-type]
        signer=create_key(folder / "snapshot.pem"),
        limits=Limits(replication_wait=0.0, time_budget=1e9),
    )


async def export(backup: Backup) -> dict[str, float]:
    start = time.process_time()
    run = await backup.start()
    for item in run.items:
        work = Work(run.tenant, backup.vault.container, run.snapshot, item.id)
        await run_item(backup.ports(), work, backup.limits)
    exported, most = time.process_time(), peak()
    await seal_run(backup.seal_ports(), Work(run.tenant, backup.vault.container, run.snapshot))
    return {"exportCpu": exported - start, "exportPeak": most, "sealCpu": time.process_time() - exported}


async def compare(backup: Backup) -> dict[str, float]:
    repository = backup.repository()
    before, after = [await repository.open(one.entry.snapshot) for one in await repository.entries()]
    start = time.perf_counter()
    found = dict.fromkeys(ChangeKind, 0)
    async for change in await diff(before, after, CATALOG):
        found[change.kind] += 1
    compared, most = time.perf_counter(), peak()
    lines = await _read_indexes(before) + await _read_indexes(after)
    return {
        "diff": compared - start,
        "diffPeak": most,
        "reading": time.perf_counter() - compared,
        "lines": lines,
        "changed": found.pop(ChangeKind.CHANGED),
        "other": sum(found.values()),
    }


async def verify(backup: Backup) -> dict[str, float]:
    """As each night, then all over: the peak of the first is that until then."""
    repository = backup.repository()
    listed = (await repository.entries())[0].committed
    found = {}
    for name, quick in (("quick", True), ("deep", False)):
        report = await verify_committed(
            {"vault-35d": backup.vault}, backup.keys, backup.catalog, backup.clock, listed, quick=quick
        )
        if not report.good:
            raise RuntimeError(f"a sound snapshot has findings: {report.findings[:3]}")
        found[f"{name}Peak"] = peak()
    return found


async def _read_indexes(snapshot: Snapshot) -> int:
    """Every index of a snapshot, once, each line decoded."""
    lines = 0
    for spec in CATALOG.types:
        async for _ in snapshot.index(spec.name):
            lines += 1
        for relationship in spec.relationships:
            async for _ in snapshot.links(spec.name, relationship.name):
                lines += 1
    return lines


TASKS = {"export": export, "diff": compare, "verify": verify}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("task", choices=tuple(TASKS))
    parser.add_argument("objects", type=int)
    parser.add_argument("--changed", action="store_true", help="a day later, with one object in a hundred changed")
    given = parser.parse_args()
    keep_no_large_blocks()  # as function_app.py does
    tenant = StreamedTenant(given.objects, changed=given.changed)
    backup = deployment(given.folder, tenant, later=given.changed)
    gc.collect()
    base = psutil.Process().memory_info().rss
    start = time.perf_counter()
    found: dict[str, Any] = asyncio.run(TASKS[given.task](backup))
    found.update(base=base, peak=peak(), seconds=time.perf_counter() - start, expected=tenant.changes)
    print(json.dumps(found))


if __name__ == "__main__":
    main()

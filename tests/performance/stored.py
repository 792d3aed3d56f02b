"""`python -m tests.performance.stored` measures what a full stores and asks for, and writes it for `infra.cost` and
the figures of `docs/cost.md`. Run it again when the catalog has grown (`infra.cost` says so).

Two simulated tenants of the same make, one ten times the other, are backed up in this process by the product's own
engines. What they call at their ports is counted, and what lies in the vault afterwards is measured. Seconds are
CPU seconds of this process, the simulated tenant's own share in them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.cost.__main__ import main as write_page
from shared.adapters.memory import ManualClock, MemoryBlobStore
from shared.catalog.registry import CATALOG
from shared.domain.ports import BlobStat, BlobStore
from shared.engines.export import Work, run_item
from shared.engines.item import Limits
from shared.engines.seal import seal_run
from tests.backup import Backup
from tests.faults import Faults
from tests.performance.simulated import open_directory
from tests.simdirectory import TestTime
from tests.simulator.__main__ import build
from tests.simulator.service import Service

FILE = Path(__file__).parents[2] / "infra" / "cost" / "measured.json"
COMMAND = "python -m tests.performance.stored"
SIZES = (1_000, 10_000)
SMALLEST = 10  # users of a tenant that a fast test measures again, to see whether the large ones are out of date
_ROLES = sorted({name for group in CATALOG.needs(write=False) for name in group})


class _Listed(MemoryBlobStore):
    """Counts listings: at its ports, `Faults` counts each entry."""

    lists = 0

    def list(self, prefix: str = "") -> AsyncIterator[BlobStat]:
        self.lists += 1
        return super().list(prefix)


def main() -> None:
    sizes = [asyncio.run(measured(users)) for users in SIZES]
    smallest = asyncio.run(measured(SMALLEST))
    document = {
        "command": COMMAND,
        "measured": f"{datetime.now(UTC):%Y-%m}",
        "catalog": len(CATALOG.types),
        "smallest": {name: smallest[name] for name in ("users", "graphRequests", "blobWrites", "items")},
        "sizes": sizes,
    }
    FILE.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    for one in sizes:
        objects, stored = sum(one["objects"].values()), sum(one["bytes"].values())
        print(f"{one['users']:,} users, {objects:,} objects: {stored:,} bytes, {one['blobWrites']:,} blob writes,")
        print(
            f"  {one['blobReads']:,} reads, {one['graphRequests']:,} Graph requests, {one['cpuSeconds']} s of CPU"
        )
    write_page(["--page"])


async def measured(users: int) -> dict[str, Any]:
    """Counts of one full; `bytes` by what they are for, packs, links and indexes of a type together."""
    clock = ManualClock()
    service = _tenant(users, clock)
    directory = open_directory(service, clock, _ROLES)
    # Nothing changes while it is read, so that nothing has to be waited for.
    limits = Limits(replication_wait=0.0, time_budget=1e9)
    vault, chain = _Listed("vault-35d"), _Listed("chain")
    backup = Backup(directory=directory, clock=clock, limits=limits, vault=vault, chain=chain)  # type: ignore[arg-type]
    calls = Faults()
    start = time.process_time()
    try:
        run = await backup.start(faults=calls)
        for item in run.items:
            work = Work(run.tenant, backup.vault.container, run.snapshot, item.id)
            done = await run_item(backup.ports(calls), work, limits)
            if done.receipt is None or not done.receipt.completeness.is_complete:
                raise RuntimeError(f"{item.id} is not complete: what is missing costs nothing")
        committed = await seal_run(backup.seal_ports(calls), Work(run.tenant, backup.vault.container, run.snapshot))
    finally:
        await directory.close()
    spent, lists = time.process_time() - start, vault.lists + chain.lists
    view = await backup.repository().open(committed.entry.snapshot)
    verbs = Counter(call.what.split()[0] for call in calls.calls if call.port == "blob")
    return {
        "users": users,
        "objects": {name: entry.count for name, entry in view.manifest.types.items()},
        "bytes": await _bytes(backup.vault, backup.chain),
        "blobs": len(backup.vault.blobs) + len(backup.chain.blobs),
        "blobWrites": verbs["put"],
        "blobReads": verbs["get"],
        "blobLists": lists,
        "items": len(run.items),
        "graphRequests": service.stats.requests,
        "graphOperations": service.stats.operations,
        "cpuSeconds": round(spent, 1),
    }


def _tenant(users: int, clock: ManualClock) -> Service:
    service = build(str(users))
    service.throttle.enabled = False
    led = TestTime(clock)
    for holder in (service, service.store):
        holder.clock = led
    for keeper in (service.tokens, service.throttle):
        keeper._clock = led
    return service


async def _bytes(*stores: BlobStore) -> dict[str, int]:
    found: Counter[str] = Counter()
    for store in stores:
        async for blob in store.list():
            found[_part(blob.name, store.container)] += blob.length
    return dict(sorted(found.items()))


def _part(name: str, container: str) -> str:
    """Type of a pack, of links or of an index; "run" for what every snapshot has once."""
    parts = name.split("/")
    for folder in ("objects", "links", "index"):
        if folder in parts[:-1] or (folder == "index" and "index" in parts):
            return parts[parts.index(folder) + 1].split(".")[0]
    return container if container == "chain" else "run"


if __name__ == "__main__":
    main()

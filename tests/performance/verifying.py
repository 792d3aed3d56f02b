"""Row 9: verifying a snapshot, beside the bare loop of SHA-256 and unpacking over the same blobs."""

from __future__ import annotations

import asyncio
from hashlib import sha256

import zstandard

from shared.adapters.memory import ManualClock, MemoryBlobStore
from shared.domain.ports import BlobStore
from shared.engines.item import Limits
from shared.engines.verify import Report, verify_committed
from tests.backup import Backup
from tests.performance.row import Row, least
from tests.performance.tenant import StreamedTenant
from tests.performance.worker import export

_BUDGET = 1.5


def rows(objects: int) -> list[Row]:
    backup = Backup(
        directory=StreamedTenant(objects),  # type: ignore[arg-type]
        clock=ManualClock(),
        vault=MemoryBlobStore("vault-35d"),
        chain=MemoryBlobStore("chain"),
        limits=Limits(replication_wait=0.0, time_budget=1e9),
    )
    asyncio.run(export(backup))
    quick, whole, floor = least(
        lambda: _verify(backup, quick=True), lambda: _verify(backup, quick=False), lambda: _bare(backup)
    )
    size = sum(map(len, backup.vault.blobs.values()))
    return [
        _row("9a", "signatures, hashes, receipts, lines counted and drawn", quick, floor, size, judged=True),
        _row("9b", "and all indexes built from the packs again (--deep)", whole, floor, size, judged=False),
    ]


def _row(key: str, what: str, took: float, floor: float, size: int, *, judged: bool) -> Row:
    return Row(
        key,
        f"CPU of verifying a snapshot of {size / 1e6:.1f} MB in memory: {what}",
        f"{took * 1e3:.0f} ms, {size / took / 1e6:.0f} MB/s as stored",
        f"{floor * 1e3:.0f} ms: SHA-256 and unpacking of the same blobs",
        f"{took / floor:.2f}",
        f"≤ {_BUDGET:g} × the bare loop" if judged else "none: each object is parsed and its content hashed anew",
        took <= _BUDGET * floor if judged else None,
    )


def _verify(backup: Backup, *, quick: bool) -> None:
    async def run() -> Report:
        vaults: dict[str, BlobStore] = {"vault-35d": backup.vault}
        (listed,) = await backup.repository().entries()
        return await verify_committed(
            vaults, backup.keys, backup.catalog, backup.clock, listed.committed, quick=quick
        )

    report = asyncio.run(run())
    if not report.good:
        raise RuntimeError(f"a sound snapshot has findings: {report.findings[:3]}")


def _bare(backup: Backup) -> None:
    for name, data in backup.vault.blobs.items():
        sha256(data).hexdigest()
        if name.endswith(".zst"):
            zstandard.ZstdDecompressor().decompress(data)

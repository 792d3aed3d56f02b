"""A copy of the containers, pulled: only what verifies is copied, create-only, and in the order of writing.

Who copies reads the one side and can only add to the other. A snapshot's commit is written after its blobs, so that
a commit at the target says that all of them are there, and a copy that was interrupted goes on where it was. Chain
entries are copied whether or not their snapshots are: a copy with gaps in its chain could not be told from a
tampered one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from shared.catalog.registry import Catalog
from shared.domain.errors import BlobMissing
from shared.domain.ports import BlobStore, Clock
from shared.engines import paths
from shared.engines.chain import Committed
from shared.engines.create import create_once
from shared.engines.item import Progress
from shared.engines.packs import read_ref, sha256
from shared.engines.repository import load_manifest
from shared.engines.verify import Finding, verify_chain, verify_committed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class Source:
    """What is copied, and by which keys it is believed. `scratch`: for the verification's sorter."""

    vaults: Mapping[str, BlobStore]
    chain: BlobStore
    tenant: str
    keys: Mapping[str, EllipticCurvePublicKey]
    catalog: Catalog
    clock: Clock
    scratch: Path | None = None


class CopyState(StrEnum):
    COPIED = "copied"
    HELD = "held"  # the target had all of it
    EXPIRED = "expired"  # its blobs may be gone: not copied
    DAMAGED = "damaged"  # not copied
    NOT_AT_HAND = "notAtHand"  # its container can't be read here: not copied


@dataclass(frozen=True, slots=True)
class SnapshotCopy:
    """What became of one snapshot. `bytes` are those of its blobs, copied or found there."""

    snapshot: str
    state: CopyState
    blobs: int = 0
    bytes: int = 0
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True)
class CopyReport:
    """`findings`: of the source's chain. `head` is the target's newest entry afterwards, as `seq:hash`."""

    head: str = ""
    snapshots: list[SnapshotCopy] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def good(self) -> bool:
        bad = (CopyState.DAMAGED, CopyState.NOT_AT_HAND)
        return not self.findings and not any(one.state in bad for one in self.snapshots)


async def copy_vault(
    source: Source,
    target: Callable[[str], BlobStore],
    *,
    snapshots: Sequence[str] = (),
    expected_head: str = "",
    progress: Progress | None = None,
) -> CopyReport:
    """Copies the snapshots named (none named: all) with their chain entries. `target` gives the store for a
    container's name. Nothing that the target holds is changed; what is damaged is told and left out."""
    chain, good = await verify_chain(
        source.chain, source.tenant, source.keys, source.clock, expected_head=expected_head
    )
    report = CopyReport(findings=list(chain.findings))
    entries = target(source.chain.container)
    for committed in good:
        if not snapshots or committed.entry.snapshot in snapshots:
            report.snapshots.append(await _copy(source, target, committed, progress))
        name = paths.chain_entry(source.tenant, committed.entry.seq)
        await create_once(entries, name, await source.chain.get(name))
        report.head = committed.head
    return report


async def copy_blobs(source: BlobStore, target: BlobStore, progress: Progress | None = None) -> int:
    """Every blob of a container whose blobs vouch for themselves (evidence). Returns how many there are."""
    count = 0
    async for stat in source.list():
        await create_once(target, stat.name, await source.get(stat.name))
        count += 1
        if progress is not None:
            progress(source.container, count)
    return count


async def _copy(
    source: Source, target: Callable[[str], BlobStore], committed: Committed, progress: Progress | None
) -> SnapshotCopy:
    entry = committed.entry
    folder, into = paths.Folder(entry.folder), target(entry.container)
    if await _holds(into, folder.path(paths.COMMIT), entry.commit_sha256):
        return SnapshotCopy(entry.snapshot, CopyState.HELD)
    if entry.retain_until < source.clock.now():
        return SnapshotCopy(entry.snapshot, CopyState.EXPIRED)
    vault = source.vaults.get(entry.container)
    if vault is None:
        return SnapshotCopy(entry.snapshot, CopyState.NOT_AT_HAND)
    checked = await verify_committed(
        source.vaults,
        source.keys,
        source.catalog,
        source.clock,
        committed,
        scratch=source.scratch,
        progress=progress,
    )
    if not checked.good:
        return SnapshotCopy(entry.snapshot, CopyState.DAMAGED, findings=tuple(checked.findings))
    manifest = await load_manifest(vault, entry, source.keys)
    for number, blob in enumerate(manifest.blobs):
        await create_once(into, folder.path(blob.name), await read_ref(vault, folder, blob))
        if progress is not None:
            progress(blob.name, number + 1)
    for document in (paths.MANIFEST, paths.COMMIT):
        await create_once(into, folder.path(document), await vault.get(folder.path(document)))
    size = sum(blob.length for blob in manifest.blobs)
    return SnapshotCopy(entry.snapshot, CopyState.COPIED, len(manifest.blobs), size)


async def _holds(store: BlobStore, name: str, digest: str) -> bool:
    try:
        return sha256(await store.get(name)) == digest
    except BlobMissing:
        return False

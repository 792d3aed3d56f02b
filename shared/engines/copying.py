"""A copy of the containers, pulled: only what verifies is copied, create-only, and in the order of writing.

Who copies reads the one side and can only add to the other. A snapshot's commit is written after its blobs, so that
a commit at the target says that all of them are there, and a copy that was interrupted goes on where it was. Chain
entries are copied whether or not their snapshots are: a copy with gaps in its chain could not be told from a
tampered one.

The target remembers. What its chain holds and the source no longer shows, or shows otherwise, is a finding, and
nothing behind a place where the two part is copied: which of them is true is for a person to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from shared.catalog.registry import Catalog
from shared.domain.errors import BlobMissing, IntegrityError, Unusable
from shared.domain.ports import BlobStore, Clock
from shared.engines import paths
from shared.engines.chain import Committed
from shared.engines.create import create_once
from shared.engines.holds import Holds, records_folder
from shared.engines.item import Progress
from shared.engines.packs import sha256
from shared.engines.repository import load_manifest
from shared.engines.segments import by_snapshot, with_bases
from shared.engines.verify import Finding, Kind, verify_chain, verify_stored

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

Target: TypeAlias = Callable[[str], BlobStore]  # the store for a container's name
Over: TypeAlias = Callable[[], bool]  # whether the time for copying is over
# Blobs that a call sends of a verified snapshot, whatever the time: else one whose verification takes all of it
# would come over blob by blob.
LEAST: Final = 32


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
    holds: Holds | None = None  # what is held is copied from there after its promise


class CopyState(StrEnum):
    COPIED = "copied"
    HELD = "held"  # the target had all of it
    EXPIRED = "expired"  # its blobs may be gone: not copied
    DAMAGED = "damaged"  # not copied
    NOT_AT_HAND = "notAtHand"  # its container can't be read here: not copied
    TAKEN = "taken"  # the target holds other bytes under one of its names: not copied
    UNFINISHED = "unfinished"  # the time was over: the next run goes on


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
    """`findings`: of both chains. `head` is the target's newest entry afterwards, as `seq:hash`."""

    head: str = ""
    snapshots: list[SnapshotCopy] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def good(self) -> bool:
        bad = (CopyState.DAMAGED, CopyState.NOT_AT_HAND, CopyState.TAKEN)
        return not self.findings and not any(one.state in bad for one in self.snapshots)

    @property
    def unfinished(self) -> bool:
        return any(one.state is CopyState.UNFINISHED for one in self.snapshots)


@dataclass(slots=True)
class BlobsCopy:
    """What became of a container's blobs: how many the target holds now, and how many of them are new."""

    held: int = 0
    copied: int = 0
    findings: list[Finding] = field(default_factory=list)
    unfinished: bool = False


def _never() -> bool:
    return False


async def copy_vault(
    source: Source,
    target: Target,
    *,
    snapshots: Sequence[str] = (),
    expected_head: str = "",
    progress: Progress | None = None,
    over: Over = _never,
) -> CopyReport:
    """Copies the snapshots named (none named: all), what they stand on, and all chain entries. Nothing that the
    target holds is changed; what is damaged is told and left out. Once it is `over`, no further snapshot is begun;
    of one that was begun, at least `LEAST` blobs are sent."""
    entries = target(source.chain.container)
    # The target's first: what another copier adds meanwhile is in what the source shows later.
    own, kept = await verify_chain(entries, source.tenant, source.keys, source.clock)
    chain, shown = await verify_chain(
        source.chain, source.tenant, source.keys, source.clock, expected_head=expected_head
    )
    report = CopyReport(head=kept[-1].head if kept else "")
    report.findings += [replace(one, why=f"in the copy: {one.why}") for one in own.findings]
    report.findings += chain.findings
    report.findings += parted(kept, shown, source.clock.now())
    held = {one.entry.seq: one.sha256 for one in kept}
    under_hold = await _records(source.holds, target) if source.holds is not None else frozenset()
    chosen = with_bases(snapshots, by_snapshot(one.entry for one in shown))
    for committed in shown:
        seq = committed.entry.seq
        if held.get(seq, committed.sha256) != committed.sha256:
            break
        if not snapshots or committed.entry.snapshot in chosen:
            report.snapshots.append(await _copy(source, target, committed, under_hold, progress, over))
            if report.unfinished:
                break
        if seq not in held:
            name = paths.chain_entry(source.tenant, seq)
            if not await _stored(entries, name, await _exactly(source.chain, name, committed.sha256)):
                report.findings.append(Finding(Kind.CHAIN, name, "the copy holds something else under this name"))
                break
            report.head = committed.head
    return report


def parted(kept: Iterable[Committed], shown: Iterable[Committed], now: datetime) -> Iterator[Finding]:
    """Where what a copy keeps of the chain and what the source shows of it part. Entries that may have expired at
    the source are no finding."""
    there = {one.entry.seq: one for one in shown}
    for one in kept:
        name = paths.chain_entry(one.entry.tenant, one.entry.seq)
        twin = there.get(one.entry.seq)
        if twin is None and now < one.entry.kept_until:
            yield Finding(Kind.CHAIN, name, "the copy holds this entry, and the vault doesn't show it")
        elif twin is not None and twin.sha256 != one.sha256:
            yield Finding(Kind.CHAIN, name, "the vault shows another entry than the copy holds")


async def copy_blobs(
    source: BlobStore,
    target: BlobStore,
    progress: Progress | None = None,
    *,
    known: Mapping[str, int] | None = None,
    over: Over = _never,
) -> BlobsCopy:
    """Every blob of a container whose blobs vouch for themselves (evidence). `known`: names with their lengths that
    the target has; those are not read again. What the target holds otherwise, or can't hold, is told."""
    copied = BlobsCopy()
    known = known or {}
    async for stat in source.list():
        if known.get(stat.name) == stat.length:
            copied.held += 1
            continue
        if over():
            copied.unfinished = True
            break
        try:
            copied.copied += await create_once(target, stat.name, await source.get(stat.name))
            copied.held += 1
        except BlobMissing:
            continue  # its days ended between listing and reading
        except (IntegrityError, Unusable) as bad:
            copied.findings.append(Finding(Kind.BLOB, stat.name, bad.what))
        if progress is not None:
            progress(source.container, copied.held)
    return copied


async def holds(target: BlobStore, committed: Committed) -> bool:
    """Whether a copy has all of a snapshot: its commit comes last."""
    name = paths.Folder(committed.entry.folder).path(paths.COMMIT)
    try:
        return sha256(await target.get(name)) == committed.entry.commit_sha256
    except BlobMissing:
        return False


async def copy_snapshot(
    source: Source, into: BlobStore, committed: Committed, progress: Progress | None = None
) -> SnapshotCopy:
    """One snapshot that hasn't expired, verified before anything is copied. What `into` holds of it is compared,
    so that a repeat fills what is missing."""
    entry = committed.entry
    if entry.over(source.clock.now()):
        return SnapshotCopy(entry.snapshot, CopyState.EXPIRED)
    vault = source.vaults.get(entry.container)
    if vault is None:
        return SnapshotCopy(entry.snapshot, CopyState.NOT_AT_HAND)
    return await _copy_from(source, vault, into, committed, progress, _never)


async def _copy(
    source: Source,
    target: Target,
    committed: Committed,
    kept: frozenset[str],
    progress: Progress | None,
    over: Over,
) -> SnapshotCopy:
    """`kept`: the snapshots that are under a legal hold, which are copied from there after their promise."""
    entry = committed.entry
    vault, container = source.vaults.get(entry.container), entry.container
    expired = entry.over(source.clock.now())
    if expired and source.holds is not None and entry.snapshot in kept:
        vault, container, expired = source.holds.store, source.holds.store.container, False
    if vault is None:
        return SnapshotCopy(entry.snapshot, CopyState.EXPIRED if expired else CopyState.NOT_AT_HAND)
    into = target(container)
    if await holds(into, committed):
        return SnapshotCopy(entry.snapshot, CopyState.HELD)
    if expired:
        return SnapshotCopy(entry.snapshot, CopyState.EXPIRED)
    if over():
        return SnapshotCopy(entry.snapshot, CopyState.UNFINISHED)
    return await _copy_from(source, vault, into, committed, progress, over)


async def _copy_from(
    source: Source, vault: BlobStore, into: BlobStore, committed: Committed, progress: Progress | None, over: Over
) -> SnapshotCopy:
    entry = committed.entry
    checked = await verify_stored(
        vault, source.keys, source.catalog, committed, scratch=source.scratch, progress=progress
    )
    if not checked.good:
        return SnapshotCopy(entry.snapshot, CopyState.DAMAGED, findings=tuple(checked.findings))
    try:
        return await _copy_verified(source, vault, into, committed, progress, over)
    except (IntegrityError, BlobMissing) as changed:  # since it was verified
        found = Finding(Kind.BLOB, entry.folder, changed.what)
        return SnapshotCopy(entry.snapshot, CopyState.DAMAGED, findings=(found,))


async def _copy_verified(
    source: Source, vault: BlobStore, into: BlobStore, committed: Committed, progress: Progress | None, over: Over
) -> SnapshotCopy:
    """Blobs, manifest, commit. What an earlier call copied is read at the target and not sent again."""
    entry = committed.entry
    folder = paths.Folder(entry.folder)
    manifest = await load_manifest(vault, entry, source.keys)
    wanted = [(blob.name, blob.sha256) for blob in manifest.blobs]
    wanted += [(paths.MANIFEST, entry.manifest_sha256), (paths.COMMIT, entry.commit_sha256)]
    present = {stat.name async for stat in into.list(folder.prefix)}
    sent = 0
    for number, (part, digest) in enumerate(wanted):
        name = folder.path(part)
        if name in present and sha256(await into.get(name)) == digest:
            continue
        if not await _stored(into, name, await _exactly(vault, name, digest)):
            found = Finding(Kind.BLOB, part, "the copy holds something else under this name")
            return SnapshotCopy(entry.snapshot, CopyState.TAKEN, findings=(found,))
        if progress is not None:
            progress(part, number + 1)
        sent += 1
        if sent >= LEAST and over() and part != paths.COMMIT:
            return SnapshotCopy(entry.snapshot, CopyState.UNFINISHED)
    size = sum(blob.length for blob in manifest.blobs)
    return SnapshotCopy(entry.snapshot, CopyState.COPIED, len(manifest.blobs), size)


async def _exactly(store: BlobStore, name: str, digest: str) -> bytes:
    """A blob that was verified, as it was then."""
    data = await store.get(name)
    if sha256(data) != digest:
        raise IntegrityError(f"{name} in {store.container} is not what it was when it was verified")
    return data


async def _stored(store: BlobStore, name: str, data: bytes) -> bool:
    """False where other bytes hold the name."""
    try:
        await create_once(store, name, data)
    except IntegrityError:
        return False
    return True


async def _records(holds: Holds, target: Target) -> frozenset[str]:
    """Copies the records of holds, if there are any. Returns the snapshots that are held."""
    into: BlobStore | None = None
    async for stat in holds.store.list(records_folder(holds.tenant)):
        into = into or target(holds.store.container)
        await create_once(into, stat.name, await holds.store.get(stat.name))
    return await holds.snapshots()

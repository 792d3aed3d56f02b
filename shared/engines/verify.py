"""Verifying: is what is stored what was committed? Tampering is found and named, never raised.

Raised are only errors of the surroundings: storage that is down or denied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from shared.catalog.registry import Catalog
from shared.domain.errors import BlobLinked, BlobMissing, IntegrityError, Unusable
from shared.domain.ports import BlobStore, Clock
from shared.domain.snapshot import CANONICAL_VERSION, BlobRef, Manifest, Receipt, Run, TypeEntry
from shared.engines import paths
from shared.engines.chain import Chain, Committed
from shared.engines.holds import Holds
from shared.engines.index import sort_packs, sorter
from shared.engines.item import Progress, check_receipt
from shared.engines.packs import merkle_root, read_ref, sha256, split, unpack
from shared.engines.repository import load_manifest
from shared.engines.sampling import Sample
from shared.engines.seal import Index, indexes_of
from shared.engines.segments import by_snapshot, offered_until
from shared.engines.wire import decode

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey


class Kind(StrEnum):
    CHAIN = "chain"
    COMMIT = "commit"
    BLOB = "blob"
    MERKLE = "merkleRoot"
    INDEX = "index"
    RECEIPT = "receipt"
    RETENTION = "retention"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was committed. `name` is a blob, entry or snapshot."""

    kind: Kind
    name: str
    why: str


@dataclass(slots=True)
class Report:
    """What was looked at, and what was found. `notes` limit what the check could say; they are no findings."""

    snapshot: str = ""
    head: str = ""
    entries: int = 0
    blobs: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.findings

    def find(self, kind: Kind, name: str, why: str) -> None:
        self.findings.append(Finding(kind, name, why))


async def verify_chain(
    store: BlobStore,
    tenant: str,
    keys: Mapping[str, EllipticCurvePublicKey],
    clock: Clock,
    *,
    expected_head: str = "",
) -> tuple[Report, list[Committed]]:
    """All entries: signatures, numbers without gaps, each naming the hash of the one before. With a head
    (`seq:hash`) from an earlier report, removed or replaced newest entries are found too.

    Entries that may have expired are no gap: the entry behind them says until when the one before it stays, and
    earlier ones don't stay longer."""
    report = Report()
    chain = Chain(store, tenant, keys)
    good: list[Committed] = []
    hashes: dict[int, str] = {}
    expired: set[int] = set()
    previous: str | None = ""
    expected = 1
    for seq in await chain.numbers():
        name = paths.chain_entry(tenant, seq)
        report.entries += 1
        token = await store.get(name)
        hashes[seq] = sha256(token)
        try:
            committed = chain.check(token, seq)
        except IntegrityError as bad:
            committed = None
            report.find(Kind.CHAIN, name, bad.what)
        if seq != expected:
            missing = range(expected, seq)
            until = committed.entry.previous_kept_until if committed is not None else None
            if until is not None and until <= clock.now():
                expired.update(missing)
                report.notes.append(
                    f"chain entries {expected} to {seq - 1} are gone; they stayed to {until:%Y-%m-%d}"
                )
            else:
                report.find(Kind.CHAIN, name, f"entries {expected} to {seq - 1} are missing")
            previous = None
        if committed is not None:
            good.append(committed)
            report.head = committed.head
            if previous is not None and committed.entry.previous != previous:
                report.find(Kind.CHAIN, name, "does not name the hash of the entry before it")
        previous, expected = hashes[seq], seq + 1
    _check_bases(report, good, clock)
    if expected_head:
        _check_head(report, hashes, expired, expected_head)
    return report, good


def _check_bases(report: Report, good: list[Committed], clock: Clock) -> None:
    """What a segment stands on must be there, and stay as long as the segment is promised."""
    known = by_snapshot(one.entry for one in good)
    for entry in known.values():
        if entry.base and not entry.over(clock.now()) and offered_until(entry, known) < entry.retain_until:
            why = f"stands on {entry.base}, which is missing or kept for a shorter time"
            report.find(Kind.RETENTION, entry.snapshot, why)


def _check_head(report: Report, hashes: Mapping[int, str], expired: Set[int], expected_head: str) -> None:
    number, _, digest = expected_head.partition(":")
    if not (number.isascii() and number.isdecimal()) or len(digest) != 64:
        raise Unusable("an expected head looks like seq:hash")
    held = hashes.get(int(number))
    if held is None and int(number) in expired:
        report.notes.append(f"the expected head, entry {number}, has expired since: newer entries follow it")
    elif held is None:
        report.find(Kind.CHAIN, expected_head, "the entry that was the newest is missing")
    elif held != digest:
        report.find(Kind.CHAIN, expected_head, "the entry that was the newest has been replaced")


async def verify_snapshot(
    vaults: Mapping[str, BlobStore],
    chain: BlobStore,
    tenant: str,
    keys: Mapping[str, EllipticCurvePublicKey],
    catalog: Catalog,
    clock: Clock,
    snapshot: str = "latest",
    *,
    expected_head: str = "",
    quick: bool = False,
    scratch: Path | None = None,
    progress: Progress | None = None,
    holds: Holds | None = None,
) -> Report:
    """The chain, and all of one snapshot."""
    report, good = await verify_chain(chain, tenant, keys, clock, expected_head=expected_head)
    committed = _pick(good, snapshot, clock)
    if committed is None:
        if snapshot == "latest" and not good and not report.findings:
            raise Unusable("there is no snapshot yet")
        report.find(Kind.CHAIN, snapshot, "no entry that verifies names this snapshot")
        return report
    own = await verify_committed(
        vaults, keys, catalog, clock, committed, quick=quick, scratch=scratch, progress=progress, holds=holds
    )
    own.entries, own.head = report.entries, report.head
    own.findings[:0], own.notes[:0] = report.findings, report.notes
    return own


async def verify_committed(
    vaults: Mapping[str, BlobStore],
    keys: Mapping[str, EllipticCurvePublicKey],
    catalog: Catalog,
    clock: Clock,
    committed: Committed,
    *,
    quick: bool = False,
    scratch: Path | None = None,
    progress: Progress | None = None,
    holds: Holds | None = None,
) -> Report:
    """All of one snapshot whose chain entry holds, where it is: in its class, or, after its promise, in its copy
    under a legal hold. One that has expired is not checked: its blobs may be gone."""
    entry = committed.entry
    vault, note = vaults.get(entry.container), ""
    if entry.over(clock.now()):
        if holds is None or not await holds.active(entry.snapshot):
            note = f"expired on {entry.retain_until:%Y-%m-%d}: its blobs may be gone, not checked"
            return Report(snapshot=entry.snapshot, notes=[note])
        vault, note = (
            holds.store,
            f"expired and under a legal hold: its copy in {holds.store.container} was checked",
        )
    if vault is None:
        raise Unusable(f"the snapshot is in container {entry.container}, which is not at hand")
    report = await verify_stored(vault, keys, catalog, committed, quick=quick, scratch=scratch, progress=progress)
    report.notes[:0] = [note] if note else []
    return report


async def verify_stored(
    vault: BlobStore,
    keys: Mapping[str, EllipticCurvePublicKey],
    catalog: Catalog,
    committed: Committed,
    *,
    quick: bool = False,
    scratch: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """What a container has of a snapshot whose chain entry holds: commit, manifest, every blob, Merkle root,
    retention, receipts, and the indexes built from the packs again. `quick`: without the last, which costs thirty
    times the rest; packs and indexes are unpacked, their lines counted, and some of each pack looked for in the
    indexes."""
    entry = committed.entry
    report = Report(snapshot=entry.snapshot)
    try:
        manifest = await load_manifest(vault, entry, keys)
    except (IntegrityError, Unusable) as bad:
        report.find(Kind.COMMIT, entry.folder, bad.what)
        return report
    folder = paths.Folder(entry.folder)
    rebuildable = _rebuildable(manifest, catalog)
    sample = Sample(manifest, catalog) if quick and rebuildable else None
    sound = await _check_blobs(report, vault, folder, manifest, progress, sample, unpacked=quick)
    if merkle_root(manifest.blobs) != manifest.merkle_root:
        report.find(Kind.MERKLE, paths.MANIFEST, "the Merkle root is not that of the listed blobs")
    promised = manifest.started_at + timedelta(days=manifest.retention_days)
    if not promised == manifest.retain_until == entry.retain_until:
        report.find(Kind.RETENTION, paths.MANIFEST, "the days of retention and the end of retention don't agree")
    _check_entries(report, manifest)
    receipts = await _check_receipts(report, vault, folder, manifest, sound)
    if not rebuildable:
        report.notes.append(
            "the snapshot was sealed by another catalog or canonical version: indexes were not compared with packs"
        )
    elif sample is not None:
        # Of a blob that isn't as committed nothing was taken, and it is told already.
        if receipts is not None and len(sound) == len(manifest.blobs):
            await _check_sample(report, vault, folder, sample, receipts)
        report.notes.append(f"a sample: {sample.drawn} lines of packs were compared with the indexes")
    elif receipts is not None:
        await _check_indexes(report, vault, folder, manifest, catalog, receipts, sound, scratch)
    return report


async def _check_sample(
    report: Report, vault: BlobStore, folder: paths.Folder, sample: Sample, receipts: list[Receipt]
) -> None:
    async def read(blob: BlobRef) -> bytes:
        return unpack(await read_ref(vault, folder, blob))

    try:
        await sample.settle(read)
    except IntegrityError as bad:
        report.find(Kind.INDEX, bad.object_type or "index", bad.what)
    sample.finish(receipts, lambda name, why: report.find(Kind.INDEX, name, why))


def _rebuildable(manifest: Manifest, catalog: Catalog) -> bool:
    """Whether we would build the same indexes of the same packs."""
    return manifest.catalog_version == catalog.version and manifest.canonical_version == CANONICAL_VERSION


def _pick(good: list[Committed], snapshot: str, clock: Clock) -> Committed | None:
    if snapshot == "latest":
        whole = [one for one in good if not one.entry.base]
        offered = [one for one in whole if not one.entry.over(clock.now())] or whole
        return max(offered, key=lambda one: one.entry.snapshot, default=None)
    paths.snapshot_time(snapshot)
    return next((one for one in good if one.entry.snapshot == snapshot), None)


async def _check_blobs(
    report: Report,
    vault: BlobStore,
    folder: paths.Folder,
    manifest: Manifest,
    progress: Progress | None,
    sample: Sample | None,
    *,
    unpacked: bool,
) -> set[str]:
    """Length and hash of every blob; `unpacked`: also that it is whole lines, of which `sample` takes some. Returns
    the names that are as recorded."""
    sound = set()
    for blob in manifest.blobs if sample is None else sample.ordered(manifest.blobs):
        report.blobs += 1
        try:
            data = await vault.get(folder.path(blob.name))
        except BlobMissing:
            report.find(Kind.BLOB, blob.name, "is missing")
            continue
        except BlobLinked:
            report.find(Kind.BLOB, blob.name, "is a link, or lies behind one: it was not followed")
            continue
        except Unusable as bad:
            report.find(Kind.BLOB, "a blob of the manifest", bad.what)
            continue
        report.bytes += len(data)
        if len(data) != blob.length:
            report.find(Kind.BLOB, blob.name, f"has {len(data)} bytes instead of {blob.length}")
        elif sha256(data) != blob.sha256:
            report.find(Kind.BLOB, blob.name, "has other contents than were committed")
        else:
            sound.add(blob.name)
            if unpacked and blob.name.endswith(".zst"):
                _check_lines(report, blob.name, data, sample)
        if progress is not None:
            progress(blob.name, report.blobs)
    return sound


def _check_lines(report: Report, name: str, data: bytes, sample: Sample | None) -> None:
    try:
        text = unpack(data)
        if sample is not None:
            sample.take(name, text)
    except IntegrityError as bad:
        report.find(Kind.BLOB, name, bad.what)


def _check_entries(report: Report, manifest: Manifest) -> None:
    """What types and relationships name must be among the blobs that were hashed, and the same there."""
    listed = {blob.name: blob for blob in manifest.blobs}
    for name, entry in (*manifest.types.items(), *manifest.relationships.items()):
        for blob in (*entry.packs, *entry.index):
            if listed.get(blob.name) != blob:
                report.find(Kind.COMMIT, name, f"the manifest names {blob.name} in two ways")


async def _check_receipts(
    report: Report, vault: BlobStore, folder: paths.Folder, manifest: Manifest, sound: set[str]
) -> list[Receipt] | None:
    """Run and receipts against the manifest. None where they or their packs are not sound."""
    if paths.RUN not in {blob.name for blob in manifest.blobs}:
        report.find(Kind.RECEIPT, paths.RUN, "is not among the blobs of the manifest")
        return None
    if paths.RUN not in sound:
        return None
    listed = {blob.name: blob for blob in manifest.blobs}
    receipts: list[Receipt] = []
    usable = True
    try:
        run = decode(Run, await vault.get(folder.path(paths.RUN)))
    except Unusable as bad:
        report.find(Kind.RECEIPT, paths.RUN, bad.what)
        return None
    for item in run.items:
        name = paths.receipt(item.id)
        if name not in listed:
            report.find(Kind.RECEIPT, name, "is not among the blobs of the manifest")
            usable = False
            continue
        if name not in sound:
            usable = False
            continue
        try:
            receipt = check_receipt(await vault.get(folder.path(name)), run, item)
        except IntegrityError as bad:
            report.find(Kind.RECEIPT, name, bad.what)
            usable = False
            continue
        receipts.append(receipt)
        usable &= _same_as_manifest(report, receipt, manifest, listed, sound)
    return receipts if usable else None


def _same_as_manifest(
    report: Report, receipt: Receipt, manifest: Manifest, listed: Mapping[str, BlobRef], sound: set[str]
) -> bool:
    name = paths.receipt(receipt.item.id)
    said = manifest.completeness(receipt.item.id)
    entry = (
        manifest.relationships.get(receipt.item.id)
        if receipt.item.relationship
        else manifest.types.get(receipt.item.type)
    )
    packs = receipt.link_packs if receipt.item.relationship else receipt.packs
    good = True
    told = (receipt.completeness, packs, receipt.as_of, receipt.ages, receipt.since)
    if entry is None or (said, entry.packs, entry.as_of, entry.ages, entry.since) != told:
        report.find(Kind.RECEIPT, name, "says something else than the manifest")
        good = False
    for blob in (*receipt.packs, *receipt.link_packs):
        if listed.get(blob.name) != blob:
            report.find(Kind.RECEIPT, name, f"names {blob.name}, which the manifest doesn't list so")
            good = False
        elif blob.name not in sound:
            good = False
    return good


async def _check_indexes(
    report: Report,
    vault: BlobStore,
    folder: paths.Folder,
    manifest: Manifest,
    catalog: Catalog,
    receipts: list[Receipt],
    sound: set[str],
    scratch: Path | None,
) -> None:
    """Builds the indexes from the packs again and compares them, line by line."""
    try:
        with sorter(scratch) as rebuilt:
            numbers = await sort_packs(rebuilt, vault, folder, catalog, receipts)
            for index in indexes_of(catalog, receipts, numbers):
                entries = manifest.relationships if index.relationship else manifest.types
                entry = entries.get(index.key)
                if entry is None:
                    report.find(Kind.INDEX, index.key, "the manifest doesn't name it")
                elif all(blob.name in sound for blob in entry.index):
                    await _check_index(report, vault, folder, index, entry, index.lines(rebuilt))
            if rebuilt.dangling() != (manifest.dangling, manifest.dangling_count):
                report.find(Kind.INDEX, paths.MANIFEST, "lists other dangling references than the packs give")
    except IntegrityError as bad:
        report.find(Kind.INDEX, bad.object_type or "index", bad.what)


async def _check_index(
    report: Report, vault: BlobStore, folder: paths.Folder, index: Index, entry: TypeEntry, lines: Iterator[bytes]
) -> None:
    """Where the blobs of an index part from the lines that the packs give."""
    count = 0
    for number, blob in enumerate(entry.index):
        text = unpack(await vault.get(folder.path(blob.name)))
        for line in split(text):
            count += 1
            if line != next(lines, None):
                report.find(Kind.INDEX, blob.name, f"line {count} of the index is not what the packs give")
                return
        if blob.name != index.name(number, text):
            report.find(Kind.INDEX, blob.name, "has another name than its lines give it")
    if next(lines, None) is not None:
        report.find(Kind.INDEX, index.key, f"ends after line {count}, the packs give more")
    elif count != entry.count:
        report.find(Kind.INDEX, index.key, f"has {count} lines, the manifest says {entry.count}")

"""Sealing: from receipts to a committed snapshot.

Order of writing: indexes → `manifest.json` → `commit.jws` → chain entry. Each is create-only and repeatable.
The manifest is a function of `run.json`, receipts and packs; no clock is read. A signature that can't be made
leaves the commit pending: there is never an unsigned snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shared.catalog.registry import Catalog
from shared.domain.errors import (
    BlobMissing,
    HoldfastError,
    IntegrityError,
    Refused,
    Retryable,
    Unusable,
)
from shared.domain.ports import BlobStore, Signer
from shared.domain.snapshot import (
    CANONICAL_VERSION,
    FORMAT_VERSION,
    BlobRef,
    ChainEntry,
    Commit,
    Dangling,
    Manifest,
    Receipt,
    Run,
    State,
    TypeEntry,
)
from shared.engines import paths
from shared.engines.chain import Chain, Committed
from shared.engines.create import create_or_adopt
from shared.engines.export import Work, load_receipts, load_run
from shared.engines.index import Sorter, sort_packs, sorter
from shared.engines.item import Place, Progress
from shared.engines.jws import Purpose, sign, verify
from shared.engines.packs import INDEX_BYTES, compress, merkle_root, ref, sha256, texts, unpack
from shared.engines.wire import decode, encode

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class SealPorts:
    """What sealing works with. `keys` are the public keys by which readers will verify; `scratch` a folder
    for the temporary sorter, None for the system's; `index_bytes` how much text one blob of an index holds."""

    vault: BlobStore
    chain: BlobStore
    signer: Signer
    keys: Mapping[str, EllipticCurvePublicKey]
    catalog: Catalog
    scratch: Path | None = None
    index_bytes: int = INDEX_BYTES


async def seal_run(ports: SealPorts, work: Work, *, progress: Progress | None = None) -> Committed:
    """Commits a finished run. Raises `NotYet` while receipts are missing. Repeating it changes nothing."""
    if work.container != ports.vault.container:
        raise Unusable("the message is for another container", object_id=work.snapshot)
    run = await load_run(ports.vault, work.tenant, work.snapshot)
    if run is None:
        raise Unusable("no such run", object_id=work.snapshot)
    chain = Chain(ports.chain, run.tenant, ports.keys)
    held = await chain.find(run.snapshot)
    if held is not None:
        return held
    folder = paths.folder_of(run.tenant, run.snapshot)
    place = Place(ports.vault, folder)
    committed = await _committed(ports, place, run)
    if committed is None:
        manifest = await _write_manifest(ports, place, run, progress)
        committed = manifest, await _write_commit(ports, place, manifest)
    manifest_data, commit_data = committed
    draft = ChainEntry(
        seq=0,
        tenant=run.tenant,
        snapshot=run.snapshot,
        folder=folder.prefix,
        container=ports.vault.container,
        manifest_sha256=sha256(manifest_data),
        commit_sha256=sha256(commit_data),
        previous="",
        retain_until=run.retain_until,
        kept_until=run.chain_until,
    )
    try:
        return await chain.append(ports.signer, draft)
    except IntegrityError:
        raise
    except HoldfastError as failed:
        raise _pending(failed) from failed


# --- manifest --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Indexed:
    """The indexes of a snapshot as written, with their counts, and what its references miss."""

    blobs: Mapping[str, tuple[BlobRef, ...]]  # type or relationship item → index
    counts: Mapping[str, int]
    dangling: tuple[Dangling, ...]
    dangling_count: int


async def write_indexes(
    place: Place,
    catalog: Catalog,
    receipts: Sequence[Receipt],
    *,
    scratch: Path | None = None,
    progress: Progress | None = None,
    size: int = INDEX_BYTES,
) -> Indexed:
    """Sorts the packs of the receipts into indexes, and stores them in blobs of about `size` bytes of text."""
    blobs: dict[str, tuple[BlobRef, ...]] = {}
    counts: dict[str, int] = {}
    with sorter(scratch) as sorted_packs:
        numbers = await sort_packs(sorted_packs, place.store, place.folder, catalog, receipts, progress)
        for one in indexes_of(catalog, receipts, numbers):
            blobs[one.key], counts[one.key] = await _put_index(place, one, sorted_packs, size)
        dangling, total = sorted_packs.dangling()
    return Indexed(blobs, counts, dangling, total)


@dataclass(frozen=True, slots=True)
class Index:
    """One index of a run: of a type, or of the links of a relationship."""

    type: str
    relationship: str = ""
    number: int = 0  # of the relationship's links in the sorter

    @property
    def key(self) -> str:
        return f"{self.type}.{self.relationship}" if self.relationship else self.type

    def lines(self, sorted_packs: Sorter) -> Iterator[bytes]:
        if self.relationship:
            return sorted_packs.link_lines(self.number)
        return sorted_packs.object_lines(self.type)

    def name(self, number: int, text: bytes) -> str:
        """Of the blob that holds this part of it."""
        if self.relationship:
            return paths.links_index(self.type, self.relationship, number, sha256(text))
        return paths.objects_index(self.type, number, sha256(text))


def indexes_of(catalog: Catalog, receipts: Sequence[Receipt], numbers: Mapping[str, int]) -> list[Index]:
    """The indexes that belong to a run. What could not be read has none."""
    found: list[Index] = []
    for receipt in receipts:
        item = receipt.item
        if receipt.completeness.state not in (State.COMPLETE, State.PARTIAL):
            continue
        if not item.relationship:
            found.append(Index(item.type))
            continue
        found.append(Index(item.type, item.relationship, numbers[item.id]))
        child = catalog.get(item.type).relationship(item.relationship).contains
        if child:
            found.append(Index(child))
    return found


def compose(
    run: Run,
    receipts: Sequence[Receipt],
    catalog: Catalog,
    indexed: Indexed,
    documents: Sequence[BlobRef],
    present: Sequence[str],
) -> Manifest:
    """The manifest. `documents` are `run.json` and the receipts as stored, `present` the names in the folder."""
    types: dict[str, TypeEntry] = {}
    relationships: dict[str, TypeEntry] = {}
    for receipt in receipts:
        item = receipt.item
        if not item.relationship:
            types[item.type] = _entry(receipt, receipt.packs, indexed, item.type)
            continue
        relationships[item.id] = _entry(receipt, receipt.link_packs, indexed, item.id)
        child = catalog.get(item.type).relationship(item.relationship).contains
        if child:
            types[child] = _entry(receipt, receipt.packs, indexed, child)
    packs = [blob for receipt in receipts for blob in (*receipt.packs, *receipt.link_packs)]
    indexes = [blob for blobs in indexed.blobs.values() for blob in blobs]
    listed = {blob.name: blob for blob in (*documents, *packs, *indexes)}
    ordered = tuple(listed[name] for name in sorted(listed))
    ours = {*listed, paths.MANIFEST, paths.COMMIT}
    return Manifest(
        format=FORMAT_VERSION,
        canonical_version=CANONICAL_VERSION,
        snapshot=run.snapshot,
        tenant=run.tenant,
        started_at=run.started_at,
        ended_at=max((receipt.as_of for receipt in receipts), default=run.started_at),
        retain_until=run.retain_until,
        retention_days=run.retention_days,
        region=run.region,
        trigger=run.trigger,
        tool=run.tool,
        catalog_version=catalog.version,
        protected=run.protected,
        unprotected_why=run.unprotected_why,
        types=types,
        relationships=relationships,
        not_read=run.not_read,
        dangling=indexed.dangling,
        dangling_count=indexed.dangling_count,
        orphans=tuple(sorted(name for name in present if name not in ours)),
        blobs=ordered,
        merkle_root=merkle_root(ordered),
        residency=run.residency,
        undeclared=run.undeclared,
        undeclared_count=run.undeclared_count,
        metadata_unread=run.metadata_unread,
    )


def _entry(receipt: Receipt, packs: tuple[BlobRef, ...], indexed: Indexed, key: str) -> TypeEntry:
    return TypeEntry(
        completeness=receipt.completeness,
        as_of=receipt.as_of,
        count=indexed.counts.get(key, 0),
        packs=packs,
        index=indexed.blobs.get(key, ()),
        groups=receipt.groups,
        ages=receipt.ages,
        since=receipt.since,
    )


async def _write_manifest(ports: SealPorts, place: Place, run: Run, progress: Progress | None) -> bytes:
    receipts = await load_receipts(place, run)
    indexed = await write_indexes(
        place, ports.catalog, receipts, scratch=ports.scratch, progress=progress, size=ports.index_bytes
    )
    names = [paths.RUN, *(paths.receipt(receipt.item.id) for receipt in receipts)]
    documents = [ref(name, await place.store.get(place.folder.path(name))) for name in names]
    prefix = place.folder.prefix
    present = [stat.name.removeprefix(prefix) async for stat in place.store.list(prefix)]
    manifest = compose(run, receipts, ports.catalog, indexed, documents, present)
    data = encode(manifest)
    held = await create_or_adopt(place.store, place.folder.path(paths.MANIFEST), data)
    if held == data:
        return data
    # A leftover pack may have come or not been listed yet when another seal wrote it; nothing else may differ.
    if replace(_manifest_of(held, run), orphans=()) != replace(manifest, orphans=()):
        raise IntegrityError("a manifest with other contents is there", object_id=run.snapshot)
    return held


def _manifest_of(data: bytes, run: Run) -> Manifest:
    try:
        manifest = decode(Manifest, data)
    except Unusable as bad:
        raise IntegrityError(f"manifest.json can't be read: {bad.what}", object_id=run.snapshot) from None
    return manifest


async def _put_index(
    place: Place, index: Index, sorted_packs: Sorter, size: int
) -> tuple[tuple[BlobRef, ...], int]:
    """The blobs of one index, and how many lines they hold."""
    blobs: list[BlobRef] = []
    count = 0
    for number, (text, lines) in enumerate(texts(index.lines(sorted_packs), size)):
        name = index.name(number, text)
        data = compress(text)
        held = await create_or_adopt(place.store, place.folder.path(name), data)
        # Another release of the compressor may have written it: the lines are what counts.
        if held != data and unpack(held) != text:
            raise IntegrityError(f"{name} is there with other contents")
        blobs.append(ref(name, held))
        count += lines
    return tuple(blobs), count


# --- commit ----------------------------------------------------------------------------------------------


def commit_of(manifest: Manifest, data: bytes) -> Commit:
    """What is signed: the hash of the manifest as stored, and what names it."""
    return Commit(FORMAT_VERSION, manifest.tenant, manifest.snapshot, sha256(data), manifest.merkle_root)


async def _write_commit(ports: SealPorts, place: Place, manifest_data: bytes) -> bytes:
    payload = encode(commit_of(decode(Manifest, manifest_data), manifest_data))
    try:
        token = await sign(ports.signer, Purpose.SNAPSHOT, payload)
        verify(token, Purpose.SNAPSHOT, ports.keys)
    except HoldfastError as failed:
        raise _pending(failed) from failed
    held = await create_or_adopt(place.store, place.folder.path(paths.COMMIT), token)
    try:
        if verify(held, Purpose.SNAPSHOT, ports.keys) == payload:
            return held
    except Refused as refused:
        raise IntegrityError(f"a commit is there that does not verify: {refused.what}") from None
    raise IntegrityError("a commit of another manifest is there")


async def _committed(ports: SealPorts, place: Place, run: Run) -> tuple[bytes, bytes] | None:
    """Manifest and commit where both are there and fit; None where the commit is still to be made."""
    try:
        commit = await place.store.get(place.folder.path(paths.COMMIT))
    except BlobMissing:
        return None
    try:
        payload = decode(Commit, verify(commit, Purpose.SNAPSHOT, ports.keys))
        data = await place.store.get(place.folder.path(paths.MANIFEST))
    except (Refused, Unusable) as bad:
        raise IntegrityError(f"a commit is there that does not verify: {bad.what}") from None
    if payload != commit_of(_manifest_of(data, run), data) or payload.snapshot != run.snapshot:
        raise IntegrityError("a commit of another manifest is there", object_id=run.snapshot)
    return data, commit


def _pending(failed: HoldfastError) -> Retryable:
    after = failed.after if isinstance(failed, Retryable) else None
    return Retryable(
        f"commit pending: {failed}",
        after=after,
        saved="packs, receipts, manifest",
        hint="it is tried again; if it stays, check the signing key and the chain container",
    )

"""Reading what was committed. Every reader starts from the chain and the commit.

Signatures are checked before anything in a document is looked at, hashes before a blob is used. A snapshot is
offered until its `retain_until`; after that it is expired, and its blobs may be gone without being missing. One
that is under a legal hold is still opened by its id, from its copy in the hold container; it stays expired, and is
never the latest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from shared.domain.errors import BlobMissing, ContainerMissing, IntegrityError, Refused, StorageDenied, Unusable
from shared.domain.ports import BlobStore, Clock
from shared.domain.snapshot import FORMAT_VERSION, ChainEntry, Commit, Manifest
from shared.engines import paths
from shared.engines.chain import LOOK_BACK, Chain, Committed
from shared.engines.holds import Holds
from shared.engines.jws import Purpose, verify
from shared.engines.packs import sha256
from shared.engines.segments import by_snapshot, offered_until
from shared.engines.view import PackedView
from shared.engines.wire import decode

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

LATEST: Final = "latest"
_NEAREST: Final = 5


@dataclass(frozen=True, slots=True)
class Listed:
    """A committed snapshot as lists show it. `expired`: past its promise, or that of the base that a segment stands
    on, or without that base."""

    committed: Committed
    expired: bool

    @property
    def entry(self) -> ChainEntry:
        return self.committed.entry


class Snapshot(PackedView):
    """A committed snapshot that was opened: signature, commit and manifest hold."""

    def __init__(self, store: BlobStore, committed: Committed, manifest: Manifest) -> None:
        super().__init__(store, paths.Folder(committed.entry.folder), manifest, committed.entry.snapshot)
        self.committed = committed

    @property
    def id(self) -> str:
        return self.committed.entry.snapshot

    @property
    def manifest_sha256(self) -> str:
        return self.committed.entry.manifest_sha256


class Repository:
    """The snapshots of one tenant: `vaults` by container name, the chain that names them, and what is held."""

    def __init__(
        self,
        vaults: Mapping[str, BlobStore],
        chain: BlobStore,
        tenant: str,
        keys: Mapping[str, EllipticCurvePublicKey],
        clock: Clock,
        holds: Holds | None = None,
    ) -> None:
        self._vaults = vaults
        self._holds = holds
        self._chain = Chain(chain, tenant, keys)
        self.tenant = tenant
        self._keys = keys
        self._clock = clock

    async def entries(self) -> list[Listed]:
        """All snapshots whose chain entry verifies, oldest first; expired ones are marked."""
        known = [one async for _, one in self._walk() if isinstance(one, Committed)]
        entries = by_snapshot(one.entry for one in known)
        found = [Listed(one, offered_until(one.entry, entries) <= self._clock.now()) for one in known]
        return sorted(found, key=lambda one: (one.entry.snapshot, one.entry.seq))

    async def damaged(self) -> list[tuple[int, str]]:
        """Chain entries that don't verify, and why. They make no other snapshot unreadable."""
        return [(seq, one.what) async for seq, one in self._walk() if isinstance(one, IntegrityError)]

    async def head(self) -> str:
        """`seq:hash` of the newest entry, "" for an empty chain."""
        newest = await self._chain.head()
        return newest.head if newest is not None else ""

    async def open(self, snapshot: str = LATEST) -> Snapshot:
        """Raises `Unusable` for a snapshot that is unknown, expired or no whole one, `IntegrityError` for a damaged
        one."""
        committed = await (self._latest() if snapshot == LATEST else self._find(snapshot))
        if committed.entry.base:
            await self._segment(committed.entry)
        vault = await self._place(committed)
        return Snapshot(vault, committed, await load_manifest(vault, committed.entry, self._keys))

    async def _segment(self, entry: ChainEntry) -> NoReturn:
        """What changed since its base must not pass for a snapshot: all that it lacks would look deleted."""
        known = by_snapshot([one.entry async for _, one in self._walk() if isinstance(one, Committed)])
        if offered_until(entry, known) <= self._clock.now():
            raise Unusable(
                f"it is a segment on {entry.base}, which is expired or missing", object_id=entry.snapshot
            )
        raise Unusable(
            f"it is a segment on {entry.base}, and this release reads whole snapshots only",
            object_id=entry.snapshot,
            hint="use a newer release",
        )

    async def _place(self, committed: Committed) -> BlobStore:
        """Where a snapshot is read: in its class, or after its promise in its copy under a hold."""
        entry = committed.entry
        if self._over(committed):
            return await self._held(entry)
        vault = self._vaults.get(entry.container)
        if vault is None:
            raise Unusable(
                f"the snapshot is in container {entry.container}, which is not at hand", object_id=entry.snapshot
            )
        return vault

    async def _held(self, entry: ChainEntry) -> BlobStore:
        expired = f"it expired on {entry.retain_until:%Y-%m-%d}"
        try:
            if self._holds is not None and await self._holds.active(entry.snapshot):
                return self._holds.store
        except ContainerMissing:
            pass  # nothing has ever been held
        except StorageDenied as denied:
            raise Unusable(
                f"{expired}; whether it is under a legal hold can't be read: {denied.what}",
                object_id=entry.snapshot,
            ) from denied
        raise Unusable(expired, object_id=entry.snapshot)

    async def _walk(self) -> AsyncIterator[tuple[int, Committed | IntegrityError]]:
        """Entries from the newest back. A damaged one doesn't hide the others: backups are needed most when
        somebody has been at them."""
        for seq in reversed(await self._chain.numbers()):
            try:
                yield seq, await self._chain.load(seq)
            except IntegrityError as damage:
                yield seq, damage

    async def _latest(self) -> Committed:
        best: Committed | None = None
        known = False
        async for _, one in self._walk():
            known = True
            if isinstance(one, IntegrityError):
                # Which snapshot it stood for can't be told, so it may have been the latest.
                raise IntegrityError(one.what, hint="name a snapshot by its id; verify the chain")
            if self._over(one) or one.entry.base:
                continue
            started = paths.snapshot_time(one.entry.snapshot)
            if best is not None and started < paths.snapshot_time(best.entry.snapshot) - LOOK_BACK:
                break
            if best is None or one.entry.snapshot > best.entry.snapshot:
                best = one
        if best is None:
            raise Unusable("every snapshot has expired" if known else "there is no snapshot yet")
        return best

    async def _find(self, snapshot: str) -> Committed:
        paths.snapshot_time(snapshot)
        oldest = paths.snapshot_time(snapshot) - LOOK_BACK
        async for _, one in self._walk():
            if isinstance(one, IntegrityError):
                continue
            if one.entry.snapshot == snapshot:
                return one
            if paths.snapshot_time(one.entry.snapshot) < oldest:
                break
        listed = [one.entry.snapshot for one in await self.entries() if not one.expired]
        below = [one for one in listed if one < snapshot][-_NEAREST:]
        above = [one for one in listed if one > snapshot][:_NEAREST]
        near = ", ".join([*below, *above]) or "none"
        raise Unusable("there is no such snapshot", object_id=snapshot, hint=f"nearest: {near}")

    def _over(self, committed: Committed) -> bool:
        return committed.entry.over(self._clock.now())


async def load_manifest(
    vault: BlobStore, entry: ChainEntry, keys: Mapping[str, EllipticCurvePublicKey]
) -> Manifest:
    """The manifest that a verified chain entry stands for. Raises `IntegrityError` naming what doesn't fit."""
    folder = paths.Folder(entry.folder)
    commit = await _required(vault, folder, paths.COMMIT, entry)
    if sha256(commit) != entry.commit_sha256:
        raise IntegrityError("commit.jws is not the one in the chain", object_id=entry.snapshot)
    try:
        payload = decode(Commit, verify(commit, Purpose.SNAPSHOT, keys))
    except (Refused, Unusable) as bad:
        raise IntegrityError(f"commit.jws does not verify: {bad.what}", object_id=entry.snapshot) from None
    data = await _required(vault, folder, paths.MANIFEST, entry)
    digest = sha256(data)
    if digest != payload.manifest_sha256 or digest != entry.manifest_sha256:
        raise IntegrityError("manifest.json is not the one that was signed", object_id=entry.snapshot)
    try:
        manifest = decode(Manifest, data)
    except Unusable as bad:
        raise IntegrityError(f"manifest.json can't be read: {bad.what}", object_id=entry.snapshot) from None
    if manifest.format != FORMAT_VERSION:
        raise Unusable(f"the snapshot has format {manifest.format}", hint="use a newer release")
    named = (manifest.snapshot, manifest.tenant, manifest.merkle_root, manifest.base)
    if (
        named != (entry.snapshot, entry.tenant, payload.merkle_root, entry.base)
        or payload.snapshot != entry.snapshot
    ):
        raise IntegrityError("manifest, commit and chain entry name different snapshots", object_id=entry.snapshot)
    return manifest


async def _required(vault: BlobStore, folder: paths.Folder, name: str, entry: ChainEntry) -> bytes:
    try:
        return await vault.get(folder.path(name))
    except BlobMissing:
        raise IntegrityError(f"{name} is missing", object_id=entry.snapshot) from None

"""The chain: one signed entry for each committed snapshot, each naming the hash of the one before.

A snapshot exists for readers from the moment its entry does. Sequence numbers are claimed by creating the
blob; a lost claim means another snapshot came first, and the next number is tried. Nothing is appended behind
an entry whose signature doesn't hold.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from shared.domain.errors import IntegrityError, Refused, Unusable
from shared.domain.ports import BlobStore, Signer
from shared.domain.snapshot import ChainEntry
from shared.engines import paths
from shared.engines.create import create_or_adopt
from shared.engines.jws import Purpose, sign, verify
from shared.engines.packs import sha256
from shared.engines.wire import decode, encode

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

# Entries stand in the order of commits, not of starts: a run may commit this long after a younger one.
LOOK_BACK: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Committed:
    """A verified entry and the hash of its file."""

    entry: ChainEntry
    sha256: str

    @property
    def head(self) -> str:
        """`seq:hash`, which reports print: with it a removed newest entry is found out."""
        return f"{self.entry.seq}:{self.sha256}"


class Chain:
    """The chain of one tenant."""

    def __init__(self, store: BlobStore, tenant: str, keys: Mapping[str, EllipticCurvePublicKey]) -> None:
        self._store = store
        self._tenant = tenant
        self._keys = keys

    async def numbers(self) -> list[int]:
        """Sequence numbers that are taken, in order."""
        found = []
        async for stat in self._store.list(paths.tenant_folder(self._tenant)):
            seq = paths.chain_seq(stat.name)
            if seq is not None:
                found.append(seq)
        return found

    async def load(self, seq: int) -> Committed:
        """One entry. Raises `IntegrityError` unless its signature and its contents fit its place."""
        return self.check(await self._store.get(paths.chain_entry(self._tenant, seq)), seq)

    def check(self, token: bytes, seq: int) -> Committed:
        """The entry in a stored token; nothing in it is looked at before the signature holds."""
        try:
            entry = decode(ChainEntry, verify(token, Purpose.CHAIN, self._keys))
            paths.snapshot_time(entry.snapshot)
        except (Refused, Unusable) as bad:
            raise IntegrityError(f"chain entry {seq}: {bad.what}", hint="nothing is appended to it") from None
        if entry.seq != seq or entry.tenant != self._tenant:
            raise IntegrityError(f"chain entry {seq} was signed for another place")
        if entry.folder != paths.folder(self._tenant, entry.snapshot):
            raise IntegrityError(f"chain entry {seq} names a folder that is not its snapshot's")
        return Committed(entry, sha256(token))

    async def head(self) -> Committed | None:
        """The newest entry."""
        numbers = await self.numbers()
        return await self.load(numbers[-1]) if numbers else None

    async def back_to(self, snapshot: str) -> AsyncIterator[Committed]:
        """Entries from the newest back to where `snapshot` can't have been committed."""
        oldest = paths.snapshot_time(snapshot) - LOOK_BACK
        for seq in reversed(await self.numbers()):
            committed = await self.load(seq)
            yield committed
            if paths.snapshot_time(committed.entry.snapshot) < oldest:
                return

    async def find(self, snapshot: str) -> Committed | None:
        """The entry of a snapshot."""
        async for committed in self.back_to(snapshot):
            if committed.entry.snapshot == snapshot:
                return committed
        return None

    async def append(self, signer: Signer, draft: ChainEntry) -> Committed:
        """Makes sure that the snapshot of `draft` has an entry; `seq` and `previous` are filled in here.

        Repeating it changes nothing. Raises `IntegrityError` if the snapshot was committed with other contents.
        """
        while True:
            # The head first: an entry of this snapshot that another worker appends after it is found below, or
            # holds the number that is claimed. The other way round it could be the head itself.
            head = await self.head()
            held = await self.find(draft.snapshot)
            if held is not None:
                return self._same(held, draft)
            entry = replace(
                draft,
                seq=head.entry.seq + 1 if head else 1,
                previous=head.sha256 if head else "",
                previous_kept_until=head.entry.kept_until if head else None,
            )
            token = await sign(signer, Purpose.CHAIN, encode(entry))
            self.check(token, entry.seq)  # what readers couldn't verify must not take a number
            name = paths.chain_entry(self._tenant, entry.seq)
            winner = self.check(await create_or_adopt(self._store, name, token), entry.seq)
            if winner.entry.snapshot == draft.snapshot:
                return self._same(winner, draft)

    @staticmethod
    def _same(held: Committed, draft: ChainEntry) -> Committed:
        if _without_place(held.entry) != _without_place(draft):
            raise IntegrityError("the snapshot is in the chain with other contents", object_id=draft.snapshot)
        return held


def _without_place(entry: ChainEntry) -> ChainEntry:
    """What an entry says of its snapshot. The commit is left out, too: its signature differs each time."""
    return replace(entry, seq=0, previous="", previous_kept_until=None, commit_sha256="")

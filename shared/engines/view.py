"""One way to read objects and links, whether they come from a snapshot or from the live tenant.

Diff and plan know only `View`. What must stay true: nothing is handed out unless its blob's length and hash
are those of the manifest, and an index ends where the manifest's count says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Final, Protocol, TypeVar

import msgspec

from shared.domain.errors import IntegrityError
from shared.domain.objects import Link
from shared.domain.ports import BlobStore
from shared.domain.snapshot import Completeness, IndexEntry, Manifest, TypeEntry
from shared.engines import paths
from shared.engines.packs import PackCache, read_ref, unpack
from shared.engines.stream import Stream

T = TypeVar("T")

_PACKS_HELD: Final = 2
_TEXT_BYTES: Final = 256 * 1024  # of an index, decoded at a time


class View(Protocol):
    """Objects and links at one time. Indexes come sorted by id (links by source, target) as UTF-8 bytes."""

    @property
    def label(self) -> str:
        """What people call it: a snapshot's id, or `live`."""
        ...

    @property
    def as_of(self) -> datetime: ...

    def completeness(self, name: str) -> Completeness:
        """Of a type ("users") or relationship ("groups.members")."""
        ...

    def index(self, type_name: str) -> Stream[IndexEntry]: ...

    def links(self, type_name: str, relationship: str) -> Stream[Link]: ...

    async def get(self, type_name: str, entry: IndexEntry) -> bytes:
        """The object as received."""
        ...


_entries = msgspec.json.Decoder(IndexEntry)
_links = msgspec.json.Decoder(Link)


class PackedView:
    """A `View` over packs and indexes that a manifest names."""

    def __init__(self, store: BlobStore, folder: paths.Folder, manifest: Manifest, label: str) -> None:
        self._store = store
        self._folder = folder
        self._packs = PackCache(store, folder, _PACKS_HELD)
        self.manifest = manifest
        self.label = label

    @property
    def as_of(self) -> datetime:
        return self.manifest.ended_at

    def completeness(self, name: str) -> Completeness:
        return self.manifest.completeness(name)

    def index(self, type_name: str) -> Stream[IndexEntry]:
        """Nothing for a type that was not read: ask `completeness` what an absence means."""
        return Stream(self._decoded(self.manifest.types.get(type_name), _entries, type_name))

    def links(self, type_name: str, relationship: str) -> Stream[Link]:
        entry = self.manifest.relationships.get(f"{type_name}.{relationship}")
        return Stream(self._decoded(entry, _links, type_name))

    async def get(self, type_name: str, entry: IndexEntry) -> bytes:
        packs = self.manifest.types[type_name].packs
        if not 0 <= entry.pack < len(packs):
            raise IntegrityError("an index names a pack that is not there", object_type=type_name)
        lines = await self._packs.lines(packs[entry.pack])
        if not 0 <= entry.line < len(lines):
            raise IntegrityError("an index names a line that is not there", object_type=type_name)
        return lines[entry.line]

    async def find(self, type_name: str, object_id: str) -> IndexEntry | None:
        async for entry in self.index(type_name):
            if entry.id == object_id:
                return entry
        return None

    async def lines(self, type_name: str) -> AsyncIterator[tuple[int, list[bytes]]]:
        """Packs of a type as numbers and lines, superseded lines included."""
        entry = self.manifest.types.get(type_name)
        for number, blob in enumerate(entry.packs if entry is not None else ()):
            yield number, await self._packs.lines(blob)

    async def link_lines(self, name: str) -> AsyncIterator[list[bytes]]:
        """Lines of a relationship's packs ("groups.members") in reading order, superseded ones included."""
        entry = self.manifest.relationships.get(name)
        for blob in entry.packs if entry is not None else ():
            yield await self._packs.lines(blob)

    async def objects(self, type_name: str) -> AsyncIterator[tuple[IndexEntry, bytes]]:
        """All objects of a type, a few packs at a time: in id order within those packs only."""
        entry = self.manifest.types.get(type_name)
        packs = len(entry.packs) if entry is not None else 0
        for first in range(0, packs, _PACKS_HELD):
            async for one in self.index(type_name):
                if first <= one.pack < first + _PACKS_HELD:
                    yield one, await self.get(type_name, one)

    async def _decoded(
        self, entry: TypeEntry | None, decoder: msgspec.json.Decoder[T], type_name: str
    ) -> AsyncIterator[Sequence[T]]:
        if entry is None:
            return
        count = 0
        for blob in entry.index:
            for text in _stretches(unpack(await read_ref(self._store, self._folder, blob))):
                try:
                    batch = decoder.decode_lines(text)
                except msgspec.MsgspecError:
                    raise IntegrityError(
                        f"{blob.name} holds a line that belongs in no such index", object_type=type_name
                    ) from None
                count += len(batch)
                yield batch
        if count != entry.count:
            raise IntegrityError(
                "the index holds another number of lines than the manifest says", object_type=type_name
            )


def _stretches(text: bytes) -> Iterator[memoryview]:
    """The text in parts that end at line ends."""
    view = memoryview(text)
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + _TEXT_BYTES) + 1 or len(text)
        yield view[start:end]
        start = end

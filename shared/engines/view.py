"""One way to read objects and links, whether they come from a snapshot or from the live tenant.

Diff and plan know only `View`. What must stay true: nothing is handed out unless its blob's length and hash
are those of the manifest, and an index ends where the manifest's count says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final, Protocol

import msgspec

from shared.domain.errors import IntegrityError
from shared.domain.objects import Link
from shared.domain.ports import BlobStore
from shared.domain.snapshot import Completeness, IndexEntry, Manifest, TypeEntry
from shared.engines import paths
from shared.engines.packs import PackCache, read_ref, stream_lines

_PACKS_HELD: Final = 4


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

    def index(self, type_name: str) -> AsyncIterator[IndexEntry]: ...

    def links(self, type_name: str, relationship: str) -> AsyncIterator[Link]: ...

    async def get(self, type_name: str, entry: IndexEntry) -> bytes:
        """The object as received."""
        ...


class _LinkLine(msgspec.Struct):
    source: str
    target: str
    type: str


_entries = msgspec.json.Decoder(IndexEntry)
_links = msgspec.json.Decoder(_LinkLine)


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

    async def index(self, type_name: str) -> AsyncIterator[IndexEntry]:
        """Nothing for a type that was not read: ask `completeness` what an absence means."""
        entry = self.manifest.types.get(type_name)
        async for line in self._lines(entry):
            try:
                yield _entries.decode(line)
            except msgspec.MsgspecError:
                raise IntegrityError("an index holds a line that is no entry", object_type=type_name) from None

    async def links(self, type_name: str, relationship: str) -> AsyncIterator[Link]:
        entry = self.manifest.relationships.get(f"{type_name}.{relationship}")
        async for line in self._lines(entry):
            try:
                found = _links.decode(line)
            except msgspec.MsgspecError:
                raise IntegrityError("an index holds a line that is no link", object_type=type_name) from None
            yield Link(found.source, found.target, found.type)

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

    async def objects(self, type_name: str) -> AsyncIterator[tuple[IndexEntry, bytes]]:
        """All objects of a type, a few packs at a time: in id order within those packs only."""
        entry = self.manifest.types.get(type_name)
        packs = len(entry.packs) if entry is not None else 0
        for first in range(0, packs, _PACKS_HELD):
            async for one in self.index(type_name):
                if first <= one.pack < first + _PACKS_HELD:
                    yield one, await self.get(type_name, one)

    async def _lines(self, entry: TypeEntry | None) -> AsyncIterator[bytes]:
        if entry is None or entry.index is None:
            return
        count = 0
        for line in stream_lines(await read_ref(self._store, self._folder, entry.index)):
            count += 1
            yield line
        if count != entry.count:
            raise IntegrityError(f"{entry.index.name} does not hold as many lines as the manifest says")

"""Indexes against packs by a sample: lines of packs drawn by chance, looked for in the indexes while both are at
hand for their hashes anyway.

Comparing every line costs thirty times what hashing and unpacking cost, so that it is not what one does each night.
Here each pack gives a few lines, wherever chance points to, and each of them must be in its index as the index
would be built from it, content hash included; both ends of each drawn link must be objects of the snapshot, or be
listed as dangling. Each index has as many lines as the manifest says, and not more than the packs. A pack may hold
lines that a later one replaced or took back; where the index doesn't have what was drawn, the packs of that type
are read once more for all lines of the objects in question.

What must stay true: packs come before indexes, each blob once; nothing held grows with a blob's length.
"""

from __future__ import annotations

import random
import secrets
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeVar

import msgspec

from shared.catalog.registry import Catalog
from shared.domain.errors import IntegrityError
from shared.domain.snapshot import BlobRef, IndexEntry, Manifest, Receipt, TypeEntry
from shared.engines.index import index_entry, object_head
from shared.engines.packs import split

DRAWN: Final = 16  # lines of each pack
_UNCOUNTED: Final = -1  # the number of a line that nobody counted

T = TypeVar("T")
Key = tuple[str, ...]
Find = Callable[[str, str], None]  # name, why
Read = Callable[[BlobRef], Awaitable[bytes]]  # the text of a pack


class _Head(msgspec.Struct):
    id: str


class _Link(msgspec.Struct):
    source: str
    target: str = ""
    reset: bool = False


_link = msgspec.json.Decoder(_Link)
_entry = msgspec.json.Decoder(IndexEntry)
_head = msgspec.json.Decoder(_Head)


class Chance(Protocol):
    def randrange(self, stop: int, /) -> int: ...


@dataclass(slots=True)
class _Part:
    """A type or relationship: what the manifest says of it, lines counted so far, drawn lines not yet found."""

    name: str
    entry: TypeEntry
    index_lines: int = 0
    pack_lines: int = 0  # by the receipts
    waiting: dict[Key, IndexEntry | None] = field(default_factory=dict)  # None: a link, by source and target
    held: dict[Key, IndexEntry] = field(default_factory=dict)  # what the index says otherwise


class Sample:
    """Takes the text of each blob once, and says at the end what doesn't fit. Raises `IntegrityError` for a line
    that is neither object nor link."""

    def __init__(self, manifest: Manifest, catalog: Catalog, chance: Chance | None = None) -> None:
        self._manifest = manifest
        self._catalog = catalog
        self._chance = chance or random.Random(secrets.randbits(128))  # noqa: S311 (a seed that nobody knows)
        self._types = {name: _Part(name, entry) for name, entry in manifest.types.items()}
        self._relationships = {name: _Part(name, entry) for name, entry in manifest.relationships.items()}
        self._places: dict[str, Callable[[bytes], None]] = {}
        self._ends: dict[Key, list[Key]] = {}  # object → links (relationship, source, target) that it is an end of
        self._drawn = 0
        for part in self._types.values():
            for number, blob in enumerate(part.entry.packs):
                self._places[blob.name] = self._objects(part, number)
            self._places.update(dict.fromkeys((blob.name for blob in part.entry.index), self._object_index(part)))
        for part in self._relationships.values():
            self._places.update(dict.fromkeys((blob.name for blob in part.entry.packs), self._links(part)))
            self._places.update(dict.fromkeys((blob.name for blob in part.entry.index), self._link_index(part)))

    @property
    def drawn(self) -> int:
        return self._drawn

    def ordered(self, blobs: Sequence[BlobRef]) -> list[BlobRef]:
        """Packs before indexes, and links before the objects that they lead to."""
        turns = {blob.name: 1 for part in self._relationships.values() for blob in part.entry.index}
        turns |= {blob.name: 2 for part in self._types.values() for blob in part.entry.index}
        return sorted(blobs, key=lambda blob: turns.get(blob.name, 0))

    def take(self, name: str, text: bytes) -> None:
        take = self._places.get(name)
        if take is not None:
            take(text)

    def finish(self, receipts: Sequence[Receipt], find: Find) -> None:
        """After every blob was taken, and what was open is settled."""
        for receipt in receipts:
            item = receipt.item
            held = item.type
            if item.relationship:
                self._relationships[item.id].pack_lines = receipt.links
                held = self._catalog.get(item.type).relationship(item.relationship).contains
            if held in self._types:
                self._types[held].pack_lines = receipt.objects
        for part in self._parts():
            if part.index_lines != part.entry.count:
                find(part.name, f"its index has {part.index_lines} lines, the manifest says {part.entry.count}")
            if part.index_lines > part.pack_lines:
                find(part.name, f"its index has {part.index_lines} lines, its packs {part.pack_lines}")
            for key in part.waiting:
                find(part.name, f"its index doesn't say what the packs give of {' to '.join(key)}")
        self._check_ends(find)

    def _parts(self) -> list[_Part]:
        return [*self._types.values(), *self._relationships.values()]

    # --- packs

    def _objects(self, part: _Part, number: int) -> Callable[[bytes], None]:
        spec = self._catalog.get(part.name)

        def take(text: bytes) -> None:
            for line, raw in self._draw(text):
                entry = index_entry(spec, raw, number, line)
                if entry is not None:
                    part.waiting[entry.id,] = entry

        return take

    def _links(self, part: _Part) -> Callable[[bytes], None]:
        def take(text: bytes) -> None:
            for _, raw in self._draw(text):
                link = _decoded(_link, raw)
                if not link.reset:
                    part.waiting[link.source, link.target] = None

        return take

    def _draw(self, text: bytes) -> list[tuple[int, bytes]]:
        """Some lines of a pack, in order; the longer one is, the likelier. The first comes with its number:
        counting up to the others would cost more than unpacking."""
        starts = sorted({_start(text, self._chance.randrange(len(text))) for _ in range(DRAWN)}) if text else []
        self._drawn += len(starts)
        return [
            (_UNCOUNTED if turn else text.count(b"\n", 0, start), text[start : text.find(b"\n", start)])
            for turn, start in enumerate(starts)
        ]

    # --- indexes

    def _object_index(self, part: _Part) -> Callable[[bytes], None]:
        contained = bool(self._catalog.get(part.name).parent)

        def take(text: bytes) -> None:
            part.index_lines += text.count(b"\n")
            for key, line in _found(text, sorted(part.waiting), _id):
                want, held = part.waiting[key], _decoded(_entry, line)
                assert want is not None
                want = replace(
                    want,
                    line=held.line if want.line == _UNCOUNTED else want.line,
                    parent=held.parent if contained else "",  # the links say that, not the pack
                )
                if held == want:
                    del part.waiting[key]
                else:
                    part.held[key] = held
            for end, _ in _found(text, sorted(self._ends), _id):
                del self._ends[end]

        return take

    def _link_index(self, part: _Part) -> Callable[[bytes], None]:
        def take(text: bytes) -> None:
            part.index_lines += text.count(b"\n")
            for key, _ in _found(text, sorted(part.waiting), _pair):
                del part.waiting[key]
                for end in key:
                    self._ends.setdefault((end,), []).append((part.name, *key))

        return take

    # --- what the indexes don't have as it was drawn

    async def settle(self, read: Read) -> None:
        """Reads the packs in question again: a later line may be what counts."""
        for part in self._relationships.values():
            if part.waiting:
                sources = {source for source, _ in part.waiting}
                final = await self._final(part, lambda link, of=sources: link.source in of, read)  # type: ignore[misc]
                part.waiting = {key: None for key in part.waiting if key in final}
        for part in self._types.values():
            if part.waiting:
                await self._settle_objects(part, read)

    async def _settle_objects(self, part: _Part, read: Read) -> None:
        spec = self._catalog.get(part.name)
        last: dict[Key, IndexEntry | None] = {}
        for number, blob in enumerate(part.entry.packs):
            for line, raw in enumerate(split(await read(blob))):
                key: Key = (object_head(spec, raw).id,)
                if key in part.waiting:
                    last[key] = index_entry(spec, raw, number, line)
        owned = await self._owned(part, {key for (key,) in part.waiting}, read) if spec.parent else None
        for key, entry in last.items():
            held = part.held.get(key)
            if entry is not None and held is not None and spec.parent:
                entry = replace(entry, parent=held.parent)
            if entry == held or (held is None and owned is not None and key[0] not in owned):
                del part.waiting[key]

    async def _owned(self, part: _Part, ids: set[str], read: Read) -> set[str]:
        """Which of these contained objects a link says to be somebody's."""
        found: set[str] = set()
        for name, one in self._relationships.items():
            parent, _, relationship = name.partition(".")
            if self._catalog.get(parent).relationship(relationship).contains == part.name:
                final = await self._final(one, lambda link: link.target in ids, read)
                found |= {target for _, target in final}
        return found

    async def _final(self, part: _Part, concerns: Callable[[_Link], bool], read: Read) -> set[Key]:
        """Links of some objects, as the last lines of the packs leave them."""
        final: set[Key] = set()
        for blob in part.entry.packs:
            for raw in split(await read(blob)):
                link = _decoded(_link, raw)
                if link.reset:
                    final = {key for key in final if key[0] != link.source}
                elif concerns(link):
                    final.add((link.source, link.target))
        return final

    def _check_ends(self, find: Find) -> None:
        """What is left are ends that no index holds. Only the first dangling links are listed; where there are
        more, nobody can tell whether these are among them."""
        listed = self._manifest.dangling
        if len(listed) < self._manifest.dangling_count:
            return
        known = {(f"{one.source_type}.{one.relationship}", one.source, one.target) for one in listed}
        for links in self._ends.values():
            for name, source, target in links:
                if (name, source, target) not in known:
                    find(name, f"the link from {source} to {target} leads out of the snapshot and isn't listed")


def _start(text: bytes, at: int) -> int:
    """Where the line begins that holds the byte `at`."""
    return text.rfind(b"\n", 0, at) + 1


def _line(text: bytes, at: int) -> tuple[int, bytes]:
    start = _start(text, at)
    return start, text[start : text.find(b"\n", at)]


def _found(text: bytes, keys: Sequence[Key], key_of: Callable[[bytes], Key]) -> Iterator[tuple[Key, bytes]]:
    """Lines of a sorted text that have one of the sorted keys."""
    if not text or not keys:
        return
    first, last = (key_of(_line(text, at)[1]) for at in (0, len(text) - 1))
    for key in keys[bisect_left(keys, first) : bisect_right(keys, last)]:
        low, high = 0, len(text)
        while low < high:
            start, line = _line(text, (low + high) // 2)
            held = key_of(line)
            if held == key:
                yield key, line
                break
            if held < key:
                low = start + len(line) + 1
            else:
                high = start


def _id(line: bytes) -> Key:
    return (_decoded(_head, line).id,)


def _pair(line: bytes) -> Key:
    link = _decoded(_link, line)
    return link.source, link.target


def _decoded(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise IntegrityError("a line is neither object nor link") from None

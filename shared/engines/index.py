"""Indexes: what a snapshot holds, sorted, so that looking up and comparing need no packs.

Built from the packs alone, in reading order, through a temporary SQLite file as external sorter: memory stays
flat however large the tenant is. The same packs give the same lines. Order is by id as UTF-8 bytes.

- `index/{type}/{n}-{hash}.idx.zst`: one `IndexEntry` a line. Tombstones and superseded lines are not in it; a
  contained object is in it only while a link says whose it is.
- `index/{type}.{relationship}/{n}-{hash}.links.zst`: one link a line, by source and target, each once.

A long index is several blobs, so that neither who writes nor who reads it holds more than a few megabytes. The
hash in a name is that of the lines, not of the blob: another release of the compressor gives other bytes.
"""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType
from shared.domain.errors import Fault, IntegrityError, StorageDown, Unusable
from shared.domain.ports import BlobStore
from shared.domain.snapshot import Dangling, IndexEntry, Receipt
from shared.engines import paths, rawjson
from shared.engines.compare import hasher
from shared.engines.item import Progress
from shared.engines.packs import read_ref, split, unpack
from shared.engines.reading import checked_id, link_line, object_id, parsed_link
from shared.engines.wire import parse

DANGLING_LISTED: Final = 1000

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
PRAGMA cache_size = -16384;
CREATE TABLE objects (
    id TEXT, type TEXT, name TEXT, hash TEXT, pack INTEGER, line INTEGER, PRIMARY KEY (id, type)
) WITHOUT ROWID;
CREATE TABLE links (
    item INTEGER, source TEXT, target TEXT, type TEXT, PRIMARY KEY (item, source, target)
) WITHOUT ROWID;
CREATE TABLE named (
    type TEXT, source TEXT, path TEXT, target TEXT, PRIMARY KEY (type, source, path, target)
) WITHOUT ROWID;
"""


_entry = msgspec.json.Encoder()


class Sorter:
    """Takes the lines of a snapshot's packs and gives its indexes."""

    def __init__(self, file: str) -> None:
        # Autocommit outside of explicit transactions; the file is ours alone and thrown away.
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.executescript(_SCHEMA)
        self._relationships: list[tuple[str, str]] = []
        self._children: dict[str, int] = {}

    def close(self) -> None:
        self._db.close()

    def add_objects(self, spec: ObjectType, pack: int, lines: Sequence[bytes]) -> None:
        """Lines of one pack; packs come in reading order."""
        hashed = hasher(spec)
        named = tuple(one.path for one in spec.references if one.key == "id" and (one.include or one.exclude))
        rows: list[tuple[object, ...]] = []
        self._db.execute("BEGIN")
        for number, raw in enumerate(lines):
            key, name, removed = _object(raw, spec)
            if named:
                self._db.execute("DELETE FROM named WHERE type = ? AND source = ?", (spec.name, key))
            if removed:
                self._put_objects(rows)
                self._db.execute("DELETE FROM objects WHERE id = ? AND type = ?", (key, spec.name))
                continue
            rows.append((key, spec.name, name, _hash(hashed, raw), pack, number))
            if named:
                self._put_named(spec, key, parse(raw), named)
        self._put_objects(rows)
        self._db.execute("COMMIT")

    def begin_links(self, type_name: str, relationship: str, child: str) -> int:
        """A number for `add_links`. `child`: the type that the relationship contains, if it does."""
        self._relationships.append((type_name, relationship))
        number = len(self._relationships) - 1
        if child:
            self._children[child] = number
        return number

    def add_links(self, number: int, lines: Sequence[bytes]) -> None:
        rows: list[tuple[object, ...]] = []
        self._db.execute("BEGIN")
        for raw in lines:
            line = parsed_link(raw)
            if line.reset:
                self._put_links(rows)
                self._db.execute("DELETE FROM links WHERE item = ? AND source = ?", (number, line.source))
            else:
                rows.append((number, line.source, line.target, line.type))
        self._put_links(rows)
        self._db.execute("COMMIT")

    def settle(self) -> None:
        """After the last line, before the first index."""
        self._db.execute("CREATE INDEX by_target ON links (target, item)")
        for child, number in self._children.items():
            self._db.execute(
                "DELETE FROM objects WHERE type = ? AND NOT EXISTS "
                "(SELECT 1 FROM links WHERE links.target = objects.id AND links.item = ?)",
                (child, number),
            )
        # Where Graph named no type, the snapshot itself knows it if it holds the target.
        self._db.execute(
            "UPDATE links SET type = (SELECT MIN(type) FROM objects WHERE objects.id = links.target) "
            "WHERE type = '' AND EXISTS (SELECT 1 FROM objects WHERE objects.id = links.target)"
        )

    def object_lines(self, type_name: str) -> Iterator[bytes]:
        """The index of a type, a line an object."""
        parent = self._children.get(type_name)
        owner = (
            "(SELECT MIN(source) FROM links WHERE links.target = objects.id AND links.item = :item)"
            if parent is not None
            else "''"
        )
        rows = self._db.execute(
            f"SELECT id, name, hash, pack, line, {owner} FROM objects WHERE type = :type ORDER BY id",  # noqa: S608
            {"type": type_name, "item": parent},
        )
        for row in rows:
            yield _entry.encode(IndexEntry(*row))

    def link_lines(self, number: int) -> Iterator[bytes]:
        """The index of a relationship, a line a link."""
        rows = self._db.execute(
            "SELECT source, target, type FROM links WHERE item = ? ORDER BY source, target", (number,)
        )
        for source, target, kind in rows:
            yield link_line(source, target, kind)

    def dangling(self) -> tuple[tuple[Dangling, ...], int]:
        """References that lead out of the snapshot: the first of them, and how many there are."""
        gone = "NOT EXISTS (SELECT 1 FROM objects WHERE objects.id = {0}.target)"
        orphaned = "NOT EXISTS (SELECT 1 FROM objects WHERE objects.id = links.source)"
        listed: list[Dangling] = []
        total = 0
        for what, order, make in (
            (f"links WHERE {orphaned}", "item, source, target", self._from_link("source not in this snapshot")),
            (
                f"links WHERE {gone.format('links')} AND NOT {orphaned}",
                "item, source, target",
                self._from_link("not in this snapshot"),
            ),
            (f"named WHERE {gone.format('named')}", "type, source, path, target", _from_value),
        ):
            total += self._db.execute(f"SELECT COUNT(*) FROM {what}").fetchone()[0]  # noqa: S608
            rows = self._db.execute(
                f"SELECT * FROM {what} ORDER BY {order} LIMIT ?",  # noqa: S608
                (DANGLING_LISTED - len(listed),),
            )
            listed += [make(row) for row in rows]
        return tuple(listed), total

    def _from_link(self, reason: str) -> Any:
        def make(row: Sequence[Any]) -> Dangling:
            type_name, relationship = self._relationships[row[0]]
            return Dangling(type_name, row[1], relationship, row[2], reason)

        return make

    def _put_objects(self, rows: list[tuple[object, ...]]) -> None:
        self._db.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)", rows)
        rows.clear()

    def _put_links(self, rows: list[tuple[object, ...]]) -> None:
        self._db.executemany("INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?)", rows)
        rows.clear()

    def _put_named(self, spec: ObjectType, key: str, value: Any, named: tuple[str, ...]) -> None:
        literals = {one.path: set(one.literals) for one in spec.references}
        rows = {
            (spec.name, key, path, target)
            for path in named
            for target in _values(value, path.split("."))
            if target not in literals[path]
        }
        self._db.executemany("INSERT OR REPLACE INTO named VALUES (?, ?, ?, ?)", sorted(rows))


@contextmanager
def sorter(scratch: Path | None = None) -> Iterator[Sorter]:
    """A sorter over a temporary file that is gone afterwards. Raises `StorageDown` where the disk has no room:
    the same packs sort as well later, or on another worker."""
    try:
        with tempfile.TemporaryDirectory(prefix="holdfast-", dir=scratch) as folder:
            made = Sorter(os.path.join(folder, "sort.db"))
            try:
                yield made
            finally:
                made.close()
    except (sqlite3.OperationalError, OSError) as error:
        if not _is_full(error):
            raise
        raise StorageDown(
            f"the temporary disk is full: {error}", hint="give the app more temporary storage"
        ) from error


def _is_full(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL


async def sort_packs(
    into: Sorter,
    store: BlobStore,
    folder: paths.Folder,
    catalog: Catalog,
    receipts: Sequence[Receipt],
    progress: Progress | None = None,
) -> dict[str, int]:
    """Reads every pack of the receipts back, hashes checked. Returns relationship item → its number."""
    numbers: dict[str, int] = {}
    for receipt in receipts:
        item = receipt.item
        spec = catalog.get(item.type)
        if item.relationship:
            child = spec.relationship(item.relationship).contains
            numbers[item.id] = into.begin_links(item.type, item.relationship, child)
            spec = catalog.get(child) if child else spec
        for number, blob in enumerate(receipt.packs):
            into.add_objects(spec, number, split(unpack(await read_ref(store, folder, blob))))
        for blob in receipt.link_packs:
            into.add_links(numbers[item.id], split(unpack(await read_ref(store, folder, blob))))
        if progress is not None:
            progress(item.id, receipt.objects + receipt.links)
    into.settle()
    return numbers


def index_entry(spec: ObjectType, raw: bytes, pack: int, line: int) -> IndexEntry | None:
    """What the index says of an object as long as no later line of it counts, without its parent; None for one that
    was removed. Raises `IntegrityError` for a line that is no object."""
    head = object_head(spec, raw)
    if head.removed:
        return None
    return IndexEntry(head.id, head.name, _hash(hasher(spec), raw), pack, line)


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """What a line says of itself: id, display name, whether it tells that the object was removed."""

    id: str
    name: str
    removed: bool


def object_head(spec: ObjectType, raw: bytes) -> ObjectHead:
    """Raises `IntegrityError` for a line that is no object."""
    return ObjectHead(*_object(raw, spec))


def _object(raw: bytes, spec: ObjectType) -> tuple[str, str, bool]:
    """Id, display name, and whether the line is a tombstone."""
    try:
        found = _head(spec.identity, spec.name_property).decode(raw)
        name = found.name if spec.name_property != spec.identity else found.id
        name = name if isinstance(name, str) else ""
        return checked_id(found.id if spec.identity else spec.name), name, found.removed is not msgspec.UNSET
    except (msgspec.MsgspecError, UnicodeDecodeError, Fault):
        pass  # a lone surrogate, or no object of ours: the careful way tells which
    try:
        members = rawjson.members(raw)
        name = rawjson.text_or_empty(members.get(spec.name_property)).encode("utf-8", "replace").decode()
        return object_id(raw, spec), name, "@removed" in members
    except (Fault, Unusable):
        raise IntegrityError("a pack holds a line that is no object") from None


@cache
def _head(identity: str, name_property: str) -> msgspec.json.Decoder[Any]:
    """Reads what an index line needs without making objects of the rest."""
    fields = [
        # Objects that are called by their id have no second member to read, and some have no id.
        ("id", *((str, msgspec.field(name=identity)) if identity else (Any, msgspec.field(name=".", default="")))),
        ("name", Any, msgspec.field(name=name_property if name_property != identity else "", default=None)),
        ("removed", Any, msgspec.field(name="@removed", default=msgspec.UNSET)),
    ]
    return msgspec.json.Decoder(msgspec.defstruct("Head", fields))


def _hash(hashed: Callable[[bytes], str], raw: bytes) -> str:
    try:
        return hashed(raw)
    except Unusable:
        # Nested deeper than we can follow: compared byte by byte then.
        return hashlib.sha256(raw).hexdigest()


def _values(value: Any, path: list[str]) -> Iterator[str]:
    """The texts at a dotted path; `[]` steps into a list."""
    if not path:
        if isinstance(value, str):
            yield value
        return
    name = path[0].removesuffix("[]")
    member = value.get(name) if isinstance(value, dict) else None
    if path[0].endswith("[]"):
        for one in member if isinstance(member, list) else ():
            yield from _values(one, path[1:])
    else:
        yield from _values(member, path[1:])


def _from_value(row: Sequence[Any]) -> Dangling:
    return Dangling(row[0], row[1], row[2], row[3], "not in this snapshot")

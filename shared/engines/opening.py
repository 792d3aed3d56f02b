"""Opening objects of a view, many together, in an order that packs like.

Ids are random and packs are in listing order: any few objects of an index lie in nearly all packs, so that opening
them one by one unpacks every pack again for each. As many as memory takes are opened together here, pack by pack,
and handed out in the order in which they were asked for.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from typing import Final, TypeAlias

from shared.domain.errors import IntegrityError, Unusable
from shared.domain.objects import JsonObject
from shared.domain.snapshot import IndexEntry
from shared.engines.stream import gathered
from shared.engines.view import View
from shared.engines.wire import parse

TOGETHER: Final = 16 * 1024  # rows
_HELD_BYTES: Final = 48 * 1024 * 1024  # of objects as received

Pair: TypeAlias = "tuple[IndexEntry, IndexEntry]"


async def read_object(view: View, type_name: str, entry: IndexEntry) -> JsonObject:
    """One object, parsed. For a few only."""
    return opened(view, type_name, entry, await view.get(type_name, entry))


async def read_objects(
    view: View, type_name: str, entries: AsyncIterable[IndexEntry]
) -> AsyncIterator[tuple[IndexEntry, JsonObject]]:
    """Objects with their entries, in the order of the entries."""
    async for rows in gathered(entries, TOGETHER):
        async for (entry,), (item,) in _opened((view,), type_name, [(entry,) for entry in rows]):
            yield entry, item


async def each(entries: Iterable[IndexEntry]) -> AsyncIterator[IndexEntry]:
    """Entries that are at hand, for `read_objects`."""
    for entry in entries:
        yield entry


async def read_pairs(
    before: View, after: View, type_name: str, pairs: AsyncIterable[Pair]
) -> AsyncIterator[tuple[Pair, JsonObject, JsonObject]]:
    """Two versions of objects, in the order of the pairs."""
    async for rows in gathered(pairs, TOGETHER):
        async for one in open_pairs(before, after, type_name, rows):
            yield one


async def open_pairs(
    before: View, after: View, type_name: str, pairs: Sequence[Pair]
) -> AsyncIterator[tuple[Pair, JsonObject, JsonObject]]:
    """The same for pairs that are at hand, at most about `TOGETHER`."""
    async for (old, new), (old_item, new_item) in _opened((before, after), type_name, pairs):
        yield (old, new), old_item, new_item


async def _opened(
    views: Sequence[View], type_name: str, rows: Sequence[Sequence[IndexEntry]]
) -> AsyncIterator[tuple[Sequence[IndexEntry], list[JsonObject]]]:
    """Each row's objects, one of each view. Rows that are too much to hold are opened in halves."""
    held = [[b""] * len(rows) for _ in views]
    size = 0
    for side, view in enumerate(views):
        for at in sorted(range(len(rows)), key=lambda at: (rows[at][side].pack, rows[at][side].line)):
            raw = await view.get(type_name, rows[at][side])
            held[side][at] = raw
            size += len(raw)
            if size > _HELD_BYTES and len(rows) > 1:
                held.clear()
                half = len(rows) // 2
                for part in (rows[:half], rows[half:]):
                    async for one in _opened(views, type_name, part):
                        yield one
                return
    for at, row in enumerate(rows):
        yield row, [opened(view, type_name, row[side], held[side][at]) for side, view in enumerate(views)]


def opened(view: View, type_name: str, entry: IndexEntry, raw: bytes) -> JsonObject:
    """A view's bytes as an object. Raises `IntegrityError` for what is none."""
    try:
        value = parse(raw)
    except Unusable as error:
        raise IntegrityError(
            f"{view.label} holds an object that can't be read: {error.what}",
            object_type=type_name,
            object_id=entry.id,
        ) from None
    if not isinstance(value, dict):
        raise IntegrityError(
            f"{view.label} holds something that is no object", object_type=type_name, object_id=entry.id
        )
    return value

"""Walking two sorted readings side by side, and reading whole objects in an order that packs like.

Memory stays flat. A reading that is out of order would show objects as added or removed that are neither, so
it raises instead.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, TypeVar

from shared.catalog.spec import ObjectType
from shared.domain.errors import IntegrityError, Unusable
from shared.domain.objects import JsonObject, Link
from shared.domain.snapshot import Completeness, IndexEntry, State
from shared.engines.view import View
from shared.engines.wire import parse

T = TypeVar("T")


async def merge(
    left: AsyncIterator[T], right: AsyncIterator[T], key: Callable[[T], Any]
) -> AsyncIterator[tuple[T | None, T | None]]:
    """Pairs by key: (left, None), (None, right) or both, in key order. Both sides strictly ascending."""
    one, other = _Side(left, key), _Side(right, key)
    await one.step()
    await other.step()
    while one.item is not None or other.item is not None:
        if other.item is None or (one.item is not None and one.key < other.key):
            yield one.item, None
            await one.step()
        elif one.item is None or other.key < one.key:
            yield None, other.item
            await other.step()
        else:
            yield one.item, other.item
            await one.step()
            await other.step()


class _Side:
    """One side of a merge: the item it stands at, None at the end."""

    def __init__(self, source: AsyncIterator[Any], key: Callable[[Any], Any]) -> None:
        self._source = source
        self._key = key
        self.item: Any = None
        self.key: Any = None

    async def step(self) -> None:
        last = self.key if self.item is not None else None
        try:
            self.item = await anext(self._source)
        except StopAsyncIteration:
            self.item = None
            return
        self.key = self._key(self.item)
        if last is not None and not last < self.key:
            raise IntegrityError(
                "a sorted reading is out of order or names something twice",
                hint="verify the snapshot; a live reading has to be made again",
            )


def entry_key(entry: IndexEntry) -> str:
    return entry.id


def link_key(link: Link) -> tuple[str, str]:
    return link.source, link.target


def both_indexes(
    before: View, after: View, type_name: str
) -> AsyncIterator[tuple[IndexEntry | None, IndexEntry | None]]:
    return merge(before.index(type_name), after.index(type_name), entry_key)


def both_links(
    before: View, after: View, type_name: str, relationship: str
) -> AsyncIterator[tuple[Link | None, Link | None]]:
    return merge(before.links(type_name, relationship), after.links(type_name, relationship), link_key)


async def read_object(view: View, type_name: str, entry: IndexEntry) -> JsonObject:
    """An object of a view, parsed."""
    try:
        value = parse(await view.get(type_name, entry))
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


async def read_objects(view: View, type_name: str, entries: Sequence[IndexEntry]) -> list[JsonObject]:
    """Objects in the order asked for, read pack by pack. For a bounded number at a time."""
    order = sorted(range(len(entries)), key=lambda at: (entries[at].pack, entries[at].line))
    found: dict[int, JsonObject] = {}
    for at in order:
        found[at] = await read_object(view, type_name, entries[at])
    return [found[at] for at in range(len(entries))]


def completeness_of(view: View, spec: ObjectType) -> Completeness:
    """How much of a type a view holds. Contained types are read with their parents' relationship: both names
    may be known, and what is known of either counts."""
    known = [view.completeness(spec.name)]
    if spec.parent:
        known.append(view.completeness(f"{spec.parent}.{spec.parent_relationship}"))
    return worst(known)


def worst(known: Iterable[Completeness]) -> Completeness:
    """COMPLETE only where everything that was read at all is."""
    states = list(known)
    read = [state for state in states if state.state is not State.NOT_READ]
    for state in read:
        if not state.is_complete:
            return state
    return read[0] if read else states[0]

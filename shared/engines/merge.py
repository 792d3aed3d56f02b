"""Walking two sorted readings side by side.

Memory stays flat. A reading that is out of order would show objects as added or removed that are neither, so
it raises instead.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from itertools import islice
from operator import attrgetter, lt
from typing import Any, Generic, TypeVar

from shared.catalog.spec import ObjectType
from shared.domain.errors import IntegrityError
from shared.domain.objects import Link
from shared.domain.snapshot import Completeness, IndexEntry, State
from shared.engines.stream import Stream
from shared.engines.view import View

T = TypeVar("T")

entry_key: Callable[[IndexEntry], Any] = attrgetter("id")
link_key: Callable[[Link], Any] = attrgetter("source", "target")


def merge(left: Stream[T], right: Stream[T], key: Callable[[T], Any]) -> Stream[tuple[T | None, T | None]]:
    """Pairs by key: (left, None), (None, right) or both, in key order. Both sides strictly ascending."""
    pairs = _merged(_Side(left, key), _Side(right, key))
    return Stream(pairs)


async def _merged(one: _Side[T], other: _Side[T]) -> AsyncIterator[Sequence[tuple[T | None, T | None]]]:
    """A batch of pairs for each stretch in which neither side runs out of items at hand."""
    while await one.filled() and await other.filled():
        pairs: list[tuple[T | None, T | None]] = []
        left, left_keys, at, end = one.items, one.keys, one.at, len(one.items)
        right, right_keys, beside, stop = other.items, other.keys, other.at, len(other.items)
        while at < end and beside < stop:
            key, against = left_keys[at], right_keys[beside]
            if key == against:
                pairs.append((left[at], right[beside]))
                at += 1
                beside += 1
            elif key < against:
                pairs.append((left[at], None))
                at += 1
            else:
                pairs.append((None, right[beside]))
                beside += 1
        one.at, other.at = at, beside
        yield pairs
    while await one.filled():
        yield [(item, None) for item in one.rest()]
    while await other.filled():
        yield [(None, item) for item in other.rest()]


class _Side(Generic[T]):
    """One side of a merge: the batch it stands in, and where."""

    def __init__(self, source: Stream[T], key: Callable[[T], Any]) -> None:
        self._batches = source.batches
        self._key = key
        self._last: list[Any] = []  # the key before this batch, if any
        self.items: Sequence[T] = ()
        self.keys: list[Any] = []
        self.at = 0

    async def filled(self) -> bool:
        """Whether there is an item at `at`, of this batch or a later one."""
        while self.at >= len(self.items):
            batch = await anext(self._batches, None)
            if batch is None:
                return False
            self._last = self.keys[-1:] or self._last
            self.items, self.keys, self.at = batch, list(map(self._key, batch)), 0
            ordered = [*self._last, *self.keys]
            if not all(map(lt, ordered, islice(ordered, 1, None))):
                raise IntegrityError(
                    "a sorted reading is out of order or names something twice",
                    hint="verify the snapshot; a live reading has to be made again",
                )
        return True

    def rest(self) -> Sequence[T]:
        items = self.items[self.at :]
        self.at = len(self.items)
        return items


def both_indexes(before: View, after: View, type_name: str) -> Stream[tuple[IndexEntry | None, IndexEntry | None]]:
    return merge(before.index(type_name), after.index(type_name), entry_key)


def both_links(
    before: View, after: View, type_name: str, relationship: str
) -> Stream[tuple[Link | None, Link | None]]:
    return merge(before.links(type_name, relationship), after.links(type_name, relationship), link_key)


def completeness_of(view: View, spec: ObjectType) -> Completeness:
    """How much of a type a view holds. Contained types are read with their parents' relationship: both names
    may be known, and what is known of either counts."""
    known = [view.completeness(spec.name)]
    if spec.parent:
        known.append(view.completeness(f"{spec.parent}.{spec.parent_relationship}"))
    return worst(known)


def left_off(sides: Iterable[Completeness], *, evidence_only: bool = False) -> bool:
    """Whether a side is off on purpose and nothing is missed by that: no side holds any of it, or, for who asks
    only what a restore does, none of it is ever written."""
    states = list(sides)
    held = not evidence_only and any(state.state is not State.NOT_READ for state in states)
    return any(state.is_off for state in states) and not held


def worst(known: Iterable[Completeness]) -> Completeness:
    """COMPLETE only where everything that was read at all is."""
    states = list(known)
    read = [state for state in states if state.state is not State.NOT_READ]
    for state in read:
        if not state.is_complete:
            return state
    return read[0] if read else states[0]

"""A reading of any length, in order: item by item for who wants it simple, many at a time for who wants it fast.

Handing over a million items one by one costs more than reading them; a list of them costs nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")

BATCH: Final = 1024


class Stream(Generic[T]):
    """Items that come in batches of any size, none of them held. It can be read once."""

    def __init__(self, batches: AsyncIterator[Sequence[T]]) -> None:
        self.batches = batches

    @classmethod
    def of(cls, items: AsyncIterator[T]) -> Stream[T]:
        """Items of a reading that knows no batches."""
        return cls(gathered(items, BATCH))

    async def __aiter__(self) -> AsyncIterator[T]:
        async for batch in self.batches:
            for item in batch:
                yield item


async def gathered(items: AsyncIterable[T], size: int) -> AsyncIterator[Sequence[T]]:
    """Items in batches of `size`; the last one may be shorter."""
    batch: list[T] = []
    async for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch

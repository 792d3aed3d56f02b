"""A snapshot as it reads after earlier restores: old ids replaced by the ids that took their place.

With it, a second plan from the same snapshot finds what an earlier one made anew, instead of making it again.
Nothing of the snapshot is changed; objects are rewritten as they are read.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from shared.catalog.registry import Catalog
from shared.domain.objects import Link
from shared.domain.plan import Scope
from shared.domain.snapshot import Completeness, IndexEntry
from shared.engines.merge import entry_key, link_key, merge
from shared.engines.references import GUID, may_name
from shared.engines.stream import Stream
from shared.engines.view import View

T = TypeVar("T")


class RenamedView:
    """`inner` with every id in `ids` (old → new) replaced, in indexes, links and inside objects."""

    def __init__(self, inner: View, ids: Mapping[str, str], catalog: Catalog) -> None:
        self._inner = inner
        self._ids = {old: _last(old, ids) for old in ids}
        self._olds: dict[tuple[str, str], IndexEntry] = {}
        self._catalog = catalog
        # Names may begin like one another: the longest is meant. GUIDs, of which there may be many, are looked up.
        longest = sorted((old for old in self._ids if not GUID.fullmatch(old)), key=lambda old: (-len(old), old))
        names = [re.escape(old.encode()) for old in longest]
        self._pattern = re.compile(b"|".join([*names, GUID.pattern.encode()]))
        self.label = inner.label

    @property
    def as_of(self) -> datetime:
        return self._inner.as_of

    def completeness(self, name: str) -> Completeness:
        return self._inner.completeness(name)

    def new(self, old: str) -> str:
        return self._ids.get(old, old)

    def index(self, type_name: str) -> Stream[IndexEntry]:
        """An object whose id changed may name others that did, as may one of a type with references: neither
        has a hash that tells anything, so they are compared by what they say."""
        hashed = not may_name(self._catalog.get(type_name).references, self._ids)

        def renamed(entry: IndexEntry) -> IndexEntry:
            new = self.new(entry.id)
            told = entry.hash if hashed and new == entry.id else ""
            made = IndexEntry(
                new, entry.name, told, entry.pack, entry.line, self.new(entry.parent) if entry.parent else ""
            )
            if new != entry.id:
                self._olds[(type_name, new)] = entry
            return made

        moved = lambda entry: self.new(entry.id) != entry.id  # noqa: E731
        return resorted(lambda: self._inner.index(type_name), moved, renamed, entry_key)

    def links(self, type_name: str, relationship: str) -> Stream[Link]:
        def renamed(link: Link) -> Link:
            return Link(self.new(link.source), self.new(link.target), link.target_type)

        moved = lambda link: renamed(link) != link  # noqa: E731
        source = lambda: self._inner.links(type_name, relationship)  # noqa: E731
        return resorted(source, moved, renamed, link_key)

    async def get(self, type_name: str, entry: IndexEntry) -> bytes:
        inner = self._olds.get((type_name, entry.id), entry)
        raw = await self._inner.get(type_name, inner)
        return self._pattern.sub(self._replaced, raw)

    def _replaced(self, match: re.Match[bytes]) -> bytes:
        new = self._ids.get(match[0].decode())
        return match[0] if new is None else new.encode()


def in_scope(scope: Scope, ids: Mapping[str, str]) -> Scope:
    """The scope with its objects called as `RenamedView` calls them."""
    return replace(scope, ids=tuple(_last(one, ids) if one in ids else one for one in scope.ids))


def _last(old: str, ids: Mapping[str, str]) -> str:
    """The end of a chain of restores."""
    seen = {old}
    new = ids[old]
    while new in ids and new not in seen:
        seen.add(new)
        new = ids[new]
    return new


def resorted(
    source: Callable[[], Stream[T]],
    moved: Callable[[T], bool],
    renamed: Callable[[T], T],
    key: Callable[[T], Any],
) -> Stream[T]:
    """The source in order again: what moved is held in memory, everything else streams by. Two things that
    become one are told once."""

    async def kept() -> AsyncIterator[Sequence[T]]:
        async for batch in source().batches:
            yield [renamed(item) for item in batch if not moved(item)]

    async def others() -> AsyncIterator[Sequence[T]]:
        aside = {key(new): new for new in [renamed(item) async for item in source() if moved(item)]}
        yield [aside[at] for at in sorted(aside)]

    async def together() -> AsyncIterator[Sequence[T]]:
        async for pairs in merge(Stream(kept()), Stream(others()), key).batches:
            yield [one if one is not None else other for one, other in pairs]  # type: ignore[misc]

    return Stream(together())

"""Incremental segments: a snapshot that names a `base` holds only what changed since, and is nothing without it.

Format v1 allows them; this release writes none and joins none. What holds already: a segment is never offered
without its base, nor longer than its base is, and never by itself as if it were whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from shared.domain.snapshot import ChainEntry

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


def by_snapshot(entries: Iterable[ChainEntry]) -> dict[str, ChainEntry]:
    return {one.snapshot: one for one in entries}


def bases(entry: ChainEntry, known: Mapping[str, ChainEntry]) -> list[ChainEntry] | None:
    """The snapshots that one stands on, nearest first; None where one is missing, or was committed after what
    stands on it, so that no circle is followed."""
    found: list[ChainEntry] = []
    at = entry
    while at.base:
        below = known.get(at.base)
        if below is None or below.seq >= at.seq:
            return None
        found.append(below)
        at = below
    return found


def offered_until(entry: ChainEntry, known: Mapping[str, ChainEntry]) -> datetime:
    """The end of its promise, or that of a base, whichever is first; long ago where a base is missing."""
    below = bases(entry, known)
    return _NEVER if below is None else min(one.retain_until for one in (entry, *below))


def with_bases(snapshots: Iterable[str], known: Mapping[str, ChainEntry]) -> frozenset[str]:
    """The snapshots, and what they stand on."""
    entries = [known[one] for one in snapshots if one in known]
    return frozenset(below.snapshot for entry in entries for below in (entry, *(bases(entry, known) or ())))

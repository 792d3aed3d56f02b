"""Parts that roll: of what is asked parent by parent, each run asks some parents and takes the rest over.

A parent belongs to one of as many slices as the roll has days, by its id alone. A run asks the parents of the
day's slice, those of any slice whose last reading is older than the roll, and those that the earlier snapshot
didn't hold. What is taken over is lines of that snapshot, copied, so that the new one needs no other. Its packs
tell which parents were asked, too: each parent's links begin with a reset. The receipt says when each slice was
read. Where the earlier snapshot can't serve (another catalog, not complete, another roll, damaged), everything is
asked: that is always right, and only dearer.

Which snapshot is taken over is written in `run.json`; whether it served, in the item's checkpoint, so that a
resumed reading goes on as it began.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.catalog.spec import ObjectType, Relationship, Tier
from shared.domain.errors import BlobMissing, IntegrityError
from shared.domain.snapshot import IndexEntry, TypeEntry
from shared.engines.reading import link_line, parsed_link, reset_line
from shared.engines.view import PackedView

_SLACK = timedelta(hours=6)  # by which one night's run may begin earlier than the last one did


class EarlierLost(Exception):
    """The earlier snapshot served at first and can't be read any more: the reading begins anew without it."""


def slice_of(parent: str, days: int) -> int:
    """The slice that a parent belongs to, in every snapshot."""
    return int.from_bytes(hashlib.sha256(parent.encode()).digest()[:4], "big") % days


def due(ages: Sequence[datetime], now: datetime, days: int) -> frozenset[int]:
    """Slices that a run of this moment asks. `ages`: when each was read last, as the earlier snapshot has it."""
    if len(ages) != days:
        return frozenset(range(days))
    oldest = now - timedelta(days=days) + _SLACK
    return frozenset({now.toordinal() % days, *(number for number, read in enumerate(ages) if read <= oldest)})


class Earlier:
    """What an earlier snapshot holds of one relationship that rolls, in memory but for the objects themselves: what
    rolls is little for each parent."""

    def __init__(
        self,
        view: PackedView,
        days: int,
        asked: frozenset[int],
        ages: tuple[datetime, ...],
        links: dict[str, dict[str, str]],
        children: dict[str, IndexEntry],
        child: str,
    ) -> None:
        self._view = view
        self._days = days
        self._asked = asked
        self._ages = ages
        self._links = links
        self._children = children
        self._child = child

    def covers(self, parent: str) -> bool:
        """Whether the parent's lines are taken over."""
        return parent in self._links and slice_of(parent, self._days) not in self._asked

    async def lines(self, parents: Sequence[str]) -> tuple[list[bytes], list[bytes]]:
        """Objects and links of these parents, as they were read last. Raises `EarlierLost`."""
        links: list[bytes] = []
        for parent in parents:
            links.append(reset_line(parent))
            links += [link_line(parent, target, kind) for target, kind in self._links[parent].items()]
        if not self._child:
            return [], links
        held = [self._children[target] for parent in parents for target in self._links[parent]]
        try:
            objects = [
                await self._view.get(self._child, entry)
                for entry in sorted(held, key=lambda entry: (entry.pack, entry.line))
            ]
        except (BlobMissing, IntegrityError) as gone:
            raise EarlierLost from gone
        return objects, links

    def ages(self, now: datetime) -> tuple[datetime, ...]:
        """When each slice was read last, after a reading that ends now."""
        return tuple(now if number in self._asked else read for number, read in enumerate(self._ages))


def rolls(relationship: Relationship | None) -> bool:
    """Whether a part of the catalog is read by slices of its parents."""
    return relationship is not None and relationship.tier is Tier.ROLLING


async def earlier_of(
    view: PackedView, spec: ObjectType, relationship: Relationship, catalog_version: str, now: datetime
) -> Earlier | None:
    """What the earlier snapshot can serve of this relationship; None where it can't, or everything is due."""
    name, child = f"{spec.name}.{relationship.name}", relationship.contains
    manifest = view.manifest
    if manifest.catalog_version != catalog_version or not manifest.completeness(name).is_complete:
        return None
    entry: TypeEntry = manifest.relationships[name]
    asked = due(entry.ages, now, relationship.rolling_days)
    if len(asked) == relationship.rolling_days:
        return None
    try:
        children = {one.id: one async for one in view.index(child)} if child else {}
        links = await _by_parent(view, name)
    except (BlobMissing, IntegrityError):
        return None
    return Earlier(view, relationship.rolling_days, asked, entry.ages, links, children, child)


async def _by_parent(view: PackedView, name: str) -> dict[str, dict[str, str]]:
    """Targets and their types by parent, of every parent that was asked."""
    found: dict[str, dict[str, str]] = {}
    async for lines in view.link_lines(name):
        for line in map(parsed_link, lines):
            if line.reset:
                found[line.source] = {}
            elif line.source in found:
                found[line.source][line.target] = line.type
    return found

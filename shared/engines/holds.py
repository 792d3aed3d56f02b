"""The hold container, read: what is under a legal hold, why, and what doesn't fit what the service says.

    v1/{tenant}/{yyyy}/{mm}/{dd}/{snapshotId}/…     the snapshot, blob by blob as in its class
    v1/{tenant}/holds/{tag}/{snapshotId}.{n}.json   why it is held; the highest number counts
    v1/{tenant}/holds/{tag}/released.json           the case of this tag is over

What is held is readable after its promise, from here, until its last hold is released. A record proves nothing of
the snapshot: commit, manifest and blobs are checked as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.domain.errors import IntegrityError, Unusable
from shared.domain.holds import HOLD_FORMAT, Hold, Release, check_tag
from shared.domain.ports import BlobStore
from shared.domain.vault import ContainerState
from shared.engines import paths
from shared.engines.protection import Shortfall, worst_first
from shared.engines.wire import decode

RELEASED: Final = "released.json"
_RECORD: Final = re.compile(
    r"([0-9a-z]+)/(?:(?P<snapshot>[0-9TZa-z-]+)\.(?P<number>\d{4})|released)\.json", re.ASCII
)


def records_folder(tenant: str, tag: str = "") -> str:
    folder = f"{paths.tenant_folder(tenant)}holds/"
    return f"{folder}{check_tag(tag)}/" if tag else folder


def record_name(tenant: str, tag: str, snapshot: str, number: int) -> str:
    paths.snapshot_time(snapshot)
    return f"{records_folder(tenant, tag)}{snapshot}.{number:04d}.json"


def release_name(tenant: str, tag: str) -> str:
    return records_folder(tenant, tag) + RELEASED


@dataclass(frozen=True, slots=True)
class Standing:
    """A hold as its newest record says it. `number` is that record's; `release`: its case is over."""

    hold: Hold
    number: int
    release: Release | None

    @property
    def active(self) -> bool:
        return self.release is None

    def overdue(self, now: datetime) -> bool:
        return self.active and self.hold.review < now


class Holds:
    """The records of one tenant. `store` also has the copies."""

    def __init__(self, store: BlobStore, tenant: str) -> None:
        self.store = store
        self.tenant = tenant

    async def all(self, tag: str = "") -> list[Standing]:
        """Every hold by tag and snapshot, released ones too; with a tag, those under it. Raises `StorageDenied`,
        `StorageDown`, and `IntegrityError` for a record that can't be read."""
        newest: dict[tuple[str, str], int] = {}
        released: dict[str, Release] = {}
        folder = records_folder(self.tenant)
        async for stat in self.store.list(records_folder(self.tenant, tag)):
            match = _RECORD.fullmatch(stat.name.removeprefix(folder))
            if match is None:
                continue
            if match["snapshot"] is None:
                released[match[1]] = self._release(await self.store.get(stat.name), match[1])
            else:
                at = (match[1], match["snapshot"])
                newest[at] = max(newest.get(at, 0), int(match["number"]))
        found = []
        for (of, snapshot), number in sorted(newest.items()):
            data = await self.store.get(record_name(self.tenant, of, snapshot, number))
            found.append(Standing(self.hold_of(data, of, snapshot), number, released.get(of)))
        return found

    async def active(self, snapshot: str) -> list[Hold]:
        """The holds that a snapshot is under."""
        return [one.hold for one in await self.all() if one.active and one.hold.snapshot == snapshot]

    async def snapshots(self) -> frozenset[str]:
        """Those that are under a hold."""
        return frozenset(one.hold.snapshot for one in await self.all() if one.active)

    def hold_of(self, data: bytes, tag: str, snapshot: str) -> Hold:
        try:
            hold = decode(Hold, data)
        except Unusable as bad:
            raise IntegrityError(
                f"the record of hold {tag} can't be read: {bad.what}", object_id=snapshot
            ) from None
        if (hold.format, hold.tenant, hold.tag, hold.snapshot) != (HOLD_FORMAT, self.tenant, tag, snapshot):
            raise IntegrityError(f"the record of hold {tag} was written for another place", object_id=snapshot)
        return hold

    def _release(self, data: bytes, tag: str) -> Release:
        try:
            release = decode(Release, data)
        except Unusable as bad:
            raise IntegrityError(f"the release of hold {tag} can't be read: {bad.what}") from None
        if (release.format, release.tenant, release.tag) != (HOLD_FORMAT, self.tenant, tag):
            raise IntegrityError(f"the release of hold {tag} was written for another place")
        return release


def hold_shortfalls(
    container: ContainerState | None, holds: Iterable[Standing], now: datetime
) -> tuple[Shortfall, ...]:
    """Where records and tags don't fit each other, and what is overdue, worst first. `container`: None where there
    is no such container."""
    if container is None:
        return (Shortfall("there is no such container: no snapshot can be put under a legal hold", breaks=False),)
    return worst_first(_shortfalls(container, list(holds), now))


def _shortfalls(container: ContainerState, holds: list[Standing], now: datetime) -> Iterable[Shortfall]:
    tags = {one.tag for one in container.holds}
    for one in holds:
        about = f"hold {one.hold.tag} of {one.hold.snapshot}"
        if one.active and one.hold.tag not in tags:
            yield Shortfall(f"{about} is not in force: its tag is not set; set it again", breaks=True)
        if one.overdue(now):
            yield Shortfall(f"{about} was to be reviewed by {one.hold.review:%Y-%m-%d}", breaks=False)
    for tag in sorted(tags & {one.hold.tag for one in holds if not one.active}):
        yield Shortfall(f"hold {tag} is released and its tag is still set; release it again", breaks=False)
    for tag in sorted(tags - {one.hold.tag for one in holds}):
        yield Shortfall(f"tag {tag} is set and no record says why", breaks=False)
    if container.versioned:
        yield Shortfall("version-level immutability is on: a hold on the container is not possible", breaks=True)

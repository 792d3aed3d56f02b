"""When Holdfast's own service principals could sign in, and who let them: from the tenant's own audit log.

Who arms signs in to the tenant and may not write evidence, so that nobody tells of themselves. The service logs
each switch, the backup app reads the log into signed snapshots, and this joins them. Times that were not read are
named, because they may hide a switch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from shared.catalog.registry import Catalog
from shared.domain.errors import IntegrityError, Unusable
from shared.domain.evidence import Armed, Arming, Hole, Period
from shared.domain.objects import JsonObject
from shared.engines import paths
from shared.engines.actors import initiator
from shared.engines.natures import read_moment
from shared.engines.opening import read_objects
from shared.engines.repository import Listed, Repository, Snapshot

_SWITCH: Final = "accountenabled"
_WORDS: Final = {"true": True, "false": False}


@dataclass(slots=True)
class _Read:
    """What was read of the logs so far. `windows`: the times that they cover."""

    principals: dict[str, str] = field(default_factory=dict)
    events: dict[str, JsonObject] = field(default_factory=dict)
    windows: list[tuple[datetime, datetime]] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)


async def read_arming(
    repository: Repository, catalog: Catalog, apps: Mapping[str, str], period: Period, now: datetime
) -> Arming:
    """`apps`: what Holdfast's applications are called here → their client ids. Reads the snapshots of the period,
    and the next one, whose log begins where the last one's ended."""
    read = _Read()
    known = [one for one in await repository.entries() if not one.entry.base]
    for name, expired in _of(known, period):
        if expired:
            read.unread[name] = "it is expired"
            continue
        try:
            snapshot = await repository.open(name)
            await _own(snapshot, catalog, apps, read.principals)
            why = await _events(snapshot, catalog, read)
        except (IntegrityError, Unusable) as bad:
            why = bad.what
        if why:
            read.unread[name] = why
    spans = [
        one
        for one in _spans(_switches(read.events.values(), read.principals))
        if (one.off_at is None or one.off_at >= period.start) and (one.on_at is None or one.on_at < period.end)
    ]
    # Before the first snapshot of all nothing was read, and of what is yet to come nothing can be.
    first = min((paths.snapshot_time(one.entry.snapshot) for one in known), default=period.start)
    return Arming(
        principals=dict(sorted(read.principals.items())),
        spans=tuple(spans),
        unread=read.unread,
        holes=_holes(read.windows, max(period.start, first), period.end if period.end <= now else None),
        until=max((end for _, end in read.windows), default=None),
    )


def _of(known: Iterable[Listed], period: Period) -> Iterator[tuple[str, bool]]:
    """Names, and whether they are expired, oldest first."""
    for one in known:
        started = paths.snapshot_time(one.entry.snapshot)
        if started >= period.start:
            yield one.entry.snapshot, one.expired
        if started >= period.end:
            return


def _holes(windows: Iterable[tuple[datetime, datetime]], start: datetime, end: datetime | None) -> tuple[Hole, ...]:
    """Times from `start` that no window covers; to `end`, where that is past."""
    found = []
    for begins, ends in sorted(windows):
        if begins > start and (end is None or start < end):
            found.append(Hole(start, begins if end is None else min(begins, end)))
        start = max(start, ends)
    if end is not None and start < end:
        found.append(Hole(start, end))
    return tuple(found)


async def _own(snapshot: Snapshot, catalog: Catalog, apps: Mapping[str, str], owners: dict[str, str]) -> None:
    """Notes the service principals: the objects that are one thing with an application, known by its client id."""
    called = {client.lower(): name for name, client in apps.items() if client}
    for spec in catalog.compared:
        for member in [one.path for one in spec.references if one.pair]:
            async for entry, item in read_objects(snapshot, spec.name, snapshot.index(spec.name)):
                name = called.get(str(item.get(member)).lower())
                if name is not None:
                    owners[entry.id] = name


async def _events(snapshot: Snapshot, catalog: Catalog, read: _Read) -> str:
    """Adds the events of a snapshot's logs, by id, and the window; why they aren't all, "" where they are."""
    since: list[datetime] = []
    for spec in catalog.types:
        if spec.series is None:
            continue
        told = snapshot.completeness(spec.name)
        entry = snapshot.manifest.types.get(spec.name)
        if not told.is_complete or entry is None or entry.since is None:
            return f"{spec.title}: {told}"
        since.append(entry.since)
        async for event, item in read_objects(snapshot, spec.name, snapshot.index(spec.name)):
            read.events[event.id] = item
    if since:
        read.windows.append((max(since), snapshot.manifest.started_at))
    return ""


def _switches(
    events: Iterable[Mapping[str, Any]], owners: Mapping[str, str]
) -> list[tuple[datetime, str, bool, str]]:
    """When, which service principal, on or off, by whom: in order."""
    found = []
    for event in events:
        at = read_moment(str(event.get("activityDateTime", "")))
        if at is None or event.get("result") not in (None, "success"):
            continue
        for target in _dicts(event.get("targetResources")):
            if target.get("id") in owners:
                for changed in _dicts(target.get("modifiedProperties")):
                    # Microsoft Graph writes new values as JSON text, alone or in a list.
                    word = str(changed.get("newValue")).strip('[]" ').lower()
                    if str(changed.get("displayName")).lower() == _SWITCH and word in _WORDS:
                        found.append((at, str(target["id"]), _WORDS[word], initiator(event)))
    return sorted(found)


def _spans(switches: Iterable[tuple[datetime, str, bool, str]]) -> list[Armed]:
    """Each time from on to off. Off without on: it was on before the log begins; on without off: it still is."""
    spans: list[Armed] = []
    open_: dict[str, tuple[datetime, str]] = {}
    seen: set[str] = set()
    for at, principal, on, by in switches:
        if on:
            open_.setdefault(principal, (at, by))
        elif principal in open_ or principal not in seen:
            on_at, on_by = open_.pop(principal, (None, ""))
            spans.append(Armed(principal, on_at, on_by, at, by))
        seen.add(principal)
    spans += [Armed(principal, at, by, None, "") for principal, (at, by) in open_.items()]
    return sorted(spans, key=lambda one: (str(one.on_at or one.off_at), one.principal))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []

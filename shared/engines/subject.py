"""Where a person is kept, and until when: every blob that holds one of the object's ids, found by reading them all.

Nothing is believed but the bytes that lie there: no index, no signature, no manifest decides what is looked at, so
that packs of runs that were never committed, lines that a later one replaced, references inside other objects and
snapshots past their promise are found, too. One blob is held at a time, and memory follows the number of snapshots
and plans, not of objects.

What can't be found so: texts that name a person without the id (a group called after somebody). `docs/erasure.md`
says what else is outside.
"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.domain.errors import IntegrityError, Unusable
from shared.domain.ports import BlobStore
from shared.domain.snapshot import ChainEntry
from shared.domain.vault import AccountState, ContainerState
from shared.engines import paths
from shared.engines.chain import LOOK_BACK
from shared.engines.erasure import erasures_folder
from shared.engines.packs import unpack
from shared.engines.protection import covers
from shared.engines.wire import time_value

# Rules run once a day, and a run may take another: "Azure Blob Storage lifecycle management overview".
LIFECYCLE_LAG: Final = timedelta(days=2)
_MARKS: Final = bytes(set(range(256)) - set(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-"))
_STEP = re.compile(r"steps/[^/]+/(.+)")


@dataclass(slots=True)
class Trace:
    """One snapshot, run or plan that holds the object, or may. `holds`: kind of blob → lines (or documents) with
    one of the ids in them. `unread`: blobs that couldn't be unpacked, and therefore may hold it. `written_by`: no
    blob of it was written later; None where nothing says so. `promised`: readable until then."""

    kind: str
    container: str
    name: str
    holds: dict[str, int] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    written_by: datetime | None = None
    promised: datetime | None = None

    @property
    def found(self) -> bool:
        return bool(self.holds or self.unread)

    def count(self, what: str, lines: int) -> None:
        if lines:
            self.holds[what] = self.holds.get(what, 0) + lines


@dataclass(frozen=True, slots=True)
class Deletion:
    """The last day on which a blob can still be there; None: nobody can say, and `why` not."""

    latest: datetime | None
    why: str


def deletion(
    written_by: datetime | None, state: ContainerState | None, account: AccountState | None, container: str
) -> Deletion:
    """What container and lifecycle as read say of blobs that were written by then."""
    if state is None or account is None:
        return Deletion(None, "the container's policy and the lifecycle rules could not be read")
    if state.holds:
        tags = ", ".join(hold.tag for hold in state.holds)
        return Deletion(None, f"legal hold: {tags}")
    if account.versioning or state.versioned:
        return Deletion(None, "versioning is on: a deleted blob stays as an older version")
    # A rule for a part of the container may leave the rest for ever.
    whole = [rule for rule in account.deletions if rule.prefix.rstrip("/") in ("", container)]
    if not whole:
        some = any(covers(rule, container) for rule in account.deletions)
        return Deletion(
            None, "lifecycle rules delete only a part of it" if some else "no lifecycle rule deletes in it"
        )
    if written_by is None:
        return Deletion(None, "when it was written is not known")
    rule = min(whole, key=lambda one: one.days)
    kept = state.policy.days if state.policy is not None else 0
    days = max(kept, rule.days) + account.soft_delete_days
    told = f"policy {kept} days, lifecycle rule {rule.name} {rule.days:g} days"
    if account.soft_delete_days:
        told += f", soft delete {account.soft_delete_days} days"
    return Deletion(written_by + timedelta(days=days) + LIFECYCLE_LAG, f"{told}, and 2 days for the rule to run")


# --- where it is ---------------------------------------------------------------------------------------------


async def in_vault(
    store: BlobStore, tenant: str, ids: Iterable[str], entries: Mapping[str, ChainEntry], now: datetime
) -> AsyncIterator[Trace]:
    """Traces in one vault container, in the order of its folders. `entries`: chain entries that verify, by
    folder."""
    needles = _needles(ids)
    trace: Trace | None = None
    current = ""
    root = paths.tenant_folder(tenant)
    async for stat in store.list(root):
        parts = stat.name.removeprefix(root).split("/", 4)
        if len(parts) < 5:
            continue
        folder = root + "/".join(parts[:4]) + "/"
        if folder != current or trace is None:
            if trace is not None and trace.found:
                yield trace
            current, trace = folder, _of_folder(store.container, parts[3], entries.get(folder), now)
        _look(trace, parts[4], await store.get(stat.name), needles)
    if trace is not None and trace.found:
        yield trace


def _of_folder(container: str, snapshot: str, entry: ChainEntry | None, now: datetime) -> Trace:
    try:
        written = paths.snapshot_time(snapshot) + LOOK_BACK
    except Unusable:
        written = None
    if entry is None:
        return Trace("run without snapshot", container, snapshot, written_by=written)
    kind = "expired snapshot" if entry.over(now) else "snapshot"
    return Trace(kind, container, snapshot, written_by=written, promised=entry.retain_until)


def _look(trace: Trace, name: str, data: bytes, needles: tuple[bytes, ...]) -> None:
    folder, _, rest = name.partition("/")
    if not name.endswith(".zst"):
        trace.count("documents", _lines_with(data, needles))
        return
    try:
        lines = _lines_with(unpack(data), needles)
    except IntegrityError:
        trace.unread.append(name)
        return
    # Indexes repeat what the packs hold.
    trace.count("indexes" if folder == "index" else rest.split("/")[0], lines)


def _needles(ids: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(sorted({one.encode() for one in ids}))


def _lines_with(text: bytes, needles: tuple[bytes, ...]) -> int:
    """How many lines hold any of the ids. They stand in JSON as they are, between marks or inside addresses; a part
    of a longer id is none."""
    found = set()
    for needle in needles:
        at = text.find(needle)
        while at >= 0:
            after = at + len(needle)
            if not (text[at - 1 : at] + text[after : after + 1]).translate(None, _MARKS):
                end = text.find(b"\n", after)
                found.add(end)
                after = len(text) if end < 0 else end
            at = text.find(needle, after)
    return len(found)


async def in_evidence(store: BlobStore, tenant: str, ids: Iterable[str]) -> AsyncIterator[Trace]:
    """Traces in the evidence container: one for each plan, and one for the erasure list. Payloads of signed blobs
    are read whether or not the signature holds: they lie there all the same."""
    needles = _needles(ids)
    trace: Trace | None = None
    root, listed = paths.tenant_folder(tenant), erasures_folder(tenant)
    async for stat in store.list(root):
        parts = stat.name.removeprefix(root).split("/", 2)
        if stat.name.startswith(listed):
            name, kind, rest = "erasures", "erasure list", "entries"
        elif parts[0] == "plans" and len(parts) == 3:
            name, kind, rest = parts[1], "plan", _document(parts[2])
        else:
            name, kind, rest = "/".join(parts[:-1]), "evidence", _document(parts[-1])
        if trace is None or (trace.kind, trace.name) != (kind, name):
            if trace is not None and trace.found:
                yield trace
            trace = Trace(kind, store.container, name)
        text = _text(stat.name, await store.get(stat.name))
        if _lines_with(text, needles):
            trace.count(rest, 1)
            trace.written_by = _later(trace.written_by, _written(text))
    if trace is not None and trace.found:
        yield trace


def _document(name: str) -> str:
    """A plan's blob in the words of this list."""
    step = _STEP.fullmatch(name)
    if step is None:
        return "the plan" if name == "plan.json" else "report" if name.startswith("report.") else name.split("/")[0]
    return "values before writes" if step[1].endswith(".intent.json") else "outcomes"


def _text(name: str, data: bytes) -> bytes:
    if not name.endswith(".jws"):
        return data
    try:
        return base64.urlsafe_b64decode(data.split(b".")[1] + b"==")
    except (IndexError, ValueError):
        return data


class _At(msgspec.Struct):
    at: str = ""


class _Times(msgspec.Struct, rename="camel"):
    """When a document of the evidence was made, under the names that they use."""

    at: str = ""
    made_at: str = ""
    created_at: str = ""
    claimed_at: str = ""
    outcomes: list[_At] = []


_times = msgspec.json.Decoder(_Times)


def _written(text: bytes) -> datetime | None:
    try:
        held = _times.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    told = [held.at, held.made_at, held.created_at, held.claimed_at, *(one.at for one in held.outcomes)]
    try:
        return max((time_value(one) for one in told if one), default=None)
    except Unusable:
        return None


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((at for at in (one, other) if at is not None), default=None)

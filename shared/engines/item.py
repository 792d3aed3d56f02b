"""One work item: reads a type's objects or a relationship's links into packs, and says how complete they are.

What must stay true:
- A checkpoint is written only after the packs it names, and a receipt only after the last page. Both are
  create-only: whoever loses a name goes on from what the winner wrote, and its own packs mean nothing.
- Between checkpoints nothing is remembered. A resumed worker reads those pages again.
- Of two lines with one id the later counts; `{"source":…,"reset":true}` makes earlier links of a source void.

How a type is cut. Nothing is listed before the replication time has passed since the run began, so that no replica
lacks what was committed before. With delta: a delta link is taken first; after the replication time everything is
listed; after the replication time again, what changed since the link is read anew by id. Without delta: everything
is read until two successive readings are equal; what came whole in one answer, and single objects, once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar

from shared.catalog.registry import Catalog
from shared.catalog.spec import ObjectType, Relationship
from shared.domain.errors import (
    BlobMissing,
    DeltaTokenExpired,
    GraphError,
    GraphNotFound,
    GraphNotLicensed,
    GraphNotPermitted,
    IntegrityError,
    PageTokenExpired,
    Unusable,
)
from shared.domain.ports import BlobStore, Clock, Directory
from shared.domain.snapshot import Asked, BlobRef, Checkpoint, Completeness, Item, Receipt, Run, State, Why
from shared.domain.wire import Wire
from shared.engines import paths
from shared.engines.compare import hasher
from shared.engines.create import create_or_adopt
from shared.engines.licences import tenant_plans, unlicensed
from shared.engines.member_groups import choose, lacks
from shared.engines.packs import PACK_BYTES, Kind, put_pack
from shared.engines.reading import Part, Position, Reader, Stage, Waiting, latest_delta, object_id, reader_for
from shared.engines.rolling import Earlier, EarlierLost, rolls
from shared.engines.wire import decode, encode

T = TypeVar("T")
Progress = Callable[[str, int], None]  # item, lines so far

_INNER_RESTARTS: Final = 50  # of single sources' pages within one item
_SETTLE: Final = 30.0  # seconds until a vanished object is looked for again


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one worker. Times in seconds of the clock; `tries` counts comparisons of two readings."""

    pack_bytes: int = PACK_BYTES
    time_budget: float = 480.0
    replication_wait: float = 300.0
    restarts: int = 3
    tries: int = 3
    rounds: int = 3


class Phase(StrEnum):
    BEGIN = "begin"
    LIST = "list"
    SETTLE = "settle"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class Mark(Wire):
    """What a checkpoint remembers of the reading besides its packs. `delta_at`: when the delta link was taken;
    `listed_at`: end of the listing; `before` and `current`: fingerprints of the last and this reading."""

    phase: Phase
    position: Position
    delta_link: str = ""
    delta_at: datetime | None = None
    renewed: int = 0
    listed_at: datetime | None = None
    tries: int = 0
    before: str = ""
    current: str = ""
    answers: int = 0  # that this reading took
    inner_restarts: int = 0
    alone: bool = False  # nothing is taken over from an earlier snapshot
    asked: Asked = field(default_factory=Asked)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item's packs go. `durable`: with checkpoints and receipts; else only packs are written."""

    store: BlobStore
    folder: paths.Folder
    durable: bool = True


_START: Final = Position(Stage.LIST)


class _Adopted(Exception):
    """Another worker's checkpoint or receipt has taken the place of ours: go on from there."""


class _OutOfTime(Exception):
    """The time budget is used up; the checkpoint is written."""


async def read_item(
    directory: Directory,
    catalog: Catalog,
    clock: Clock,
    place: Place,
    run: Run,
    item: Item,
    limits: Limits,
    *,
    cut: bool = True,
    progress: Progress | None = None,
    earlier: Earlier | None = None,
) -> Receipt | None:
    """The item's receipt; None where the time budget ended first (the checkpoint says where to go on).

    `earlier`: of a relationship that rolls, what isn't asked this time. `cut=False` reads once, without delta
    replay and second reading: for a look at the live tenant."""
    reading = _Reading(directory, catalog, clock, place, run, item, limits, cut, progress, earlier)
    return await reading.run()


async def load_receipt(place: Place, run: Run, item: Item) -> Receipt | None:
    """The item's receipt if there is one."""
    try:
        data = await place.store.get(place.folder.path(paths.receipt(item.id)))
    except BlobMissing:
        return None
    return check_receipt(data, run, item)


def check_receipt(data: bytes, run: Run, item: Item) -> Receipt:
    receipt = _decoded(Receipt, data, "receipt")
    if receipt.snapshot != run.snapshot or receipt.item != item:
        raise IntegrityError("a receipt names another snapshot or item", object_type=item.id)
    return receipt


async def newest_checkpoint(place: Place, run: Run, item: Item) -> Checkpoint | None:
    """The checkpoint with the highest number."""
    newest = 0
    async for stat in place.store.list(place.folder.path(f"parts/{paths.check_item(item.id)}.")):
        number = paths.checkpoint_number(item.id, stat.name.removeprefix(place.folder.prefix))
        newest = max(newest, number or 0)
    if not newest:
        return None
    data = await place.store.get(place.folder.path(paths.checkpoint(item.id, newest)))
    checkpoint = _decoded(Checkpoint, data, "checkpoint")
    if (checkpoint.snapshot, checkpoint.item, checkpoint.number) != (run.snapshot, item, newest):
        raise IntegrityError("a checkpoint names another snapshot, item or number", object_type=item.id)
    return checkpoint


async def write_receipt(place: Place, run: Run, receipt: Receipt) -> Receipt:
    """Writes the receipt, or returns the one that was first."""
    if not place.durable:
        return receipt
    name = place.folder.path(paths.receipt(receipt.item.id))
    return check_receipt(await create_or_adopt(place.store, name, encode(receipt)), run, receipt.item)


def _decoded(cls: type[T], data: bytes, what: str) -> T:
    try:
        return decode(cls, data)
    except Unusable as bad:
        raise IntegrityError(f"a stored {what} can't be read: {bad.what}") from None


class Fingerprint:
    """Tells whether two readings brought the same, in any order, in constant memory: count and sum of hashes."""

    def __init__(self, text: str = "") -> None:
        count, _, total = text.partition(":")
        self._count = int(count) if count else 0
        self._total = int(total, 16) if total else 0

    def add(self, line: bytes) -> None:
        self._count += 1
        self._total = (self._total + int.from_bytes(hashlib.sha256(line).digest(), "big")) % 2**256

    def __str__(self) -> str:
        return f"{self._count}:{self._total:x}"


class _Reading:
    def __init__(
        self,
        directory: Directory,
        catalog: Catalog,
        clock: Clock,
        place: Place,
        run: Run,
        item: Item,
        limits: Limits,
        cut: bool,
        progress: Progress | None,
        earlier: Earlier | None,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._place = place
        self._run = run
        self._item = item
        self._limits = limits
        self._progress = progress
        self._earlier = earlier
        self._spec: ObjectType = catalog.get(item.type)
        self._relationship: Relationship | None = (
            self._spec.relationship(item.relationship) if item.relationship else None
        )
        contained = self._relationship.contains if self._relationship else ""
        self._child = catalog.get(contained) if contained else None
        self._catalog = catalog
        self._cut = cut
        self._has_delta = self._spec.delta if self._relationship is None else self._relationship.delta
        self._deadline = clock.monotonic() + limits.time_budget
        self._begin_again()

    def _begin_again(self) -> None:
        self._number = 0
        self._restarts = 0
        self._pages = 0
        self._saved = True
        self._mark = Mark(Phase.BEGIN, _START)
        self._drop_lines()

    def _drop_lines(self) -> None:
        """What was read of this pass no longer counts."""
        self._packs: list[BlobRef] = []
        self._link_packs: list[BlobRef] = []
        self._objects_read = 0
        self._links_read = 0
        self._lines: list[bytes] = []
        self._link_lines: list[bytes] = []
        self._buffered = 0
        self._fingerprint = Fingerprint()

    @property
    def _replays(self) -> bool:
        """Whether a delta link holds what changes meanwhile."""
        return self._cut and self._has_delta and bool(self._mark.delta_link)

    @property
    def _twice(self) -> bool:
        """Whether readings are compared, for want of a delta feed."""
        return self._cut and not self._replays and not self._spec.singleton and self._spec.series is None

    @property
    def _asking(self) -> ObjectType:
        """The type with what this reading asks for beside the declared members, or the window of a series."""
        since = self._run.since.get(self._spec.name)
        if since is not None:
            return self._spec.within(since, self._run.started_at)
        return self._spec.asking(self._mark.asked.members)

    @property
    def _reader(self) -> Reader:
        return reader_for(
            self._directory,
            self._catalog,
            self._asking,
            self._item.relationship,
            None if self._mark.alone else self._earlier,
        )

    # --- the course of a reading -------------------------------------------------------------------------

    async def run(self) -> Receipt | None:
        while True:
            try:
                held = await self._resume()
                if held is not None:
                    return held
                return await self._read()
            except _Adopted:
                continue
            except _OutOfTime:
                return None

    async def _read(self) -> Receipt:
        lacking = lacks(self._needs_at_all(), await self._directory.roles())
        if lacking and not (self._objects_read or self._links_read):
            return await self._finish_empty(Completeness(State.NOT_PERMITTED, lacking))
        if rolls(self._relationship) and self._mark.phase is not Phase.BEGIN and self._earlier is None:
            await self._read_alone()
        while True:
            try:
                return await self._phases()
            except PageTokenExpired:
                if self._restarts >= self._limits.restarts:
                    return await self._finish(Why.PAGE_TOKENS_EXPIRED)
                await self._restart_pages()
            except EarlierLost:
                await self._read_alone()
            except DeltaTokenExpired:
                if self._mark.phase is not Phase.REPLAY:
                    raise
                if self._mark.renewed:
                    return await self._finish(Why.DELTA_TOKEN_EXPIRED)
                await self._renew()
            except GraphNotPermitted as refused:
                if self._objects_read or self._links_read:
                    return await self._finish(Why.NOT_PERMITTED_FOR_SOME)
                reason = refused.code or "Graph answered 403"
                if unlicensed(self._spec.licence, self._run.plans):
                    return await self._finish_empty(self._not_licensed())
                return await self._finish_empty(Completeness(State.NOT_PERMITTED, reason))
            except GraphNotLicensed as refused:
                reason = refused.code or "Graph says there is no licence"
                return await self._finish_empty(Completeness(State.NOT_LICENSED, reason))
            except GraphNotFound:
                if self._mark.phase is not Phase.LIST:
                    raise
                without = self._spec.absent and not (self._objects_read or self._links_read)
                return await self._finish(None if without else Why.NOT_PRESENT)
            except GraphError as refused:
                # A member that was found out may be gone meanwhile.
                if refused.status != 400 or not self._mark.asked.members or self._mark.renewed:
                    raise
                await self._renew()

    async def _phases(self) -> Receipt:
        if self._mark.phase is Phase.BEGIN:
            await self._begin()
        while self._mark.phase is Phase.LIST:
            async with aclosing(self._reader.listing(self._mark.position)) as parts:
                async for part in parts:
                    await self._absorb(part)
            if self._replays:
                await self._start_replay()
            elif (settled := await self._compare()) is not None:
                return await self._finish(None if settled else Why.MOVING)
        if self._mark.phase is Phase.SETTLE:
            assert self._mark.listed_at is not None
            await self._pause_until(self._mark.listed_at)
            self._set(phase=Phase.REPLAY)
        while True:
            async with aclosing(self._reader.replay(self._mark.position)) as parts:
                async for part in parts:
                    await self._absorb(part)
            position = self._mark.position
            if not position.vanished:
                return await self._finish(None)
            if position.round + 1 >= self._limits.rounds:
                return await self._finish(Why.MOVING)
            await self._clock.sleep(min(_SETTLE, self._limits.replication_wait))
            self._set(
                position=Position(
                    Stage.REPLAY,
                    position.next_link,
                    waiting=tuple(Waiting(gone) for gone in position.vanished),
                    forbidden=position.forbidden,
                    round=position.round + 1,
                )
            )

    async def _begin(self) -> None:
        since = self._run.started_at
        mark = self._mark
        if self._spec.member_groups and self._relationship is None:
            told = None if mark.renewed else self._run.asked.get(self._spec.name)
            self._set(asked=told or await choose(self._directory, self._catalog, self._spec))
        if self._cut and self._has_delta:
            told_link = self._run.delta_links.get(self._spec.name, "")
            if mark.renewed or (self._mark.asked.members and self._spec.name not in self._run.asked):
                told_link = ""  # it tells of other members
            link = mark.delta_link or told_link
            since = mark.delta_at or since
            if not link:
                since = self._clock.now()
                try:
                    link = await latest_delta(self._directory, self._asking)
                except GraphNotFound:
                    link = ""  # no feed here after all: readings are compared instead
            self._set(delta_link=link, delta_at=since)
        if self._cut:
            # A replica may lag behind the one that made the link, and behind what was committed before the run: two
            # equal readings of it would be equally old.
            await self._pause_until(since)
        self._set(phase=Phase.LIST, alone=self._earlier is None)

    async def _start_replay(self) -> None:
        listed = self._mark.position
        self._set(
            phase=Phase.SETTLE,
            listed_at=self._clock.now(),
            position=Position(
                Stage.REPLAY,
                self._mark.delta_link,
                waiting=tuple(Waiting(source) for source in listed.vanished),
                forbidden=listed.forbidden,
            ),
        )

    async def _compare(self) -> bool | None:
        """At the end of a reading: True if it is good (and equals the one before, where two are compared),
        False after too many tries, None where another reading has been begun."""
        mark = self._mark
        # What came in one answer is of one moment: a second one could only tell that something changed since.
        alike = mark.answers <= 1 or mark.current == mark.before
        if not mark.position.vanished and (not self._twice or alike):
            return True
        tries = mark.tries + 1 if mark.before or not self._twice else 0
        if tries >= self._limits.tries:
            return False
        stored = bool(self._packs or self._link_packs)
        self._set(position=_START, before=mark.current, current="", answers=0, tries=tries)
        self._drop_lines()
        if stored:
            await self._checkpoint()
        return None

    async def _restart_pages(self) -> None:
        """A next link got too old. A listing begins anew; a replay starts over from its delta link."""
        self._restarts += 1
        if self._mark.phase is Phase.REPLAY:
            position = self._mark.position
            ids = dict.fromkeys([*(one.id for one in position.waiting), *position.vanished])
            self._set(
                position=replace(
                    position,
                    next_link=self._mark.delta_link,
                    ended=False,
                    waiting=tuple(Waiting(one) for one in ids),
                    vanished=(),
                )
            )
        else:
            self._drop_lines()
            self._set(position=_START, current="", answers=0)
        await self._checkpoint()

    async def _renew(self) -> None:
        """What the reading began with got too old: everything is listed again, behind a fresh delta link."""
        self._drop_lines()
        self._mark = Mark(Phase.BEGIN, _START, renewed=self._mark.renewed + 1)
        await self._checkpoint()

    async def _read_alone(self) -> None:
        """What was taken over so far counts no more: everything is asked."""
        if self._mark.alone:
            return
        self._drop_lines()
        self._mark = Mark(Phase.LIST, _START, alone=True, asked=self._mark.asked)
        self._saved = False
        await self._checkpoint()

    async def _pause_until(self, since: datetime) -> None:
        """Waits until the replication time has passed since then."""
        until = since + timedelta(seconds=self._limits.replication_wait)
        while (left := (until - self._clock.now()).total_seconds()) > 0:
            if not self._place.durable:
                await self._clock.sleep(left)
                continue
            await self._clock.sleep(min(left, max(self._deadline - self._clock.monotonic(), 1.0)))
            await self._stop_if_late()

    # --- lines ---------------------------------------------------------------------------------------------

    async def _absorb(self, part: Part) -> None:
        """Takes the lines of a part. Packs are cut between parts only, so that a checkpoint has a position."""
        size = sum(map(len, part.objects)) + sum(map(len, part.links)) + len(part.objects) + len(part.links)
        if self._buffered and self._buffered + size > self._limits.pack_bytes:
            await self._checkpoint()
        self._lines += part.objects
        self._link_lines += part.links
        self._buffered += size
        self._objects_read += len(part.objects)
        self._links_read += len(part.links)
        self._pages += part.pages
        self._saved = False
        self._set(position=part.position, current=self._compared(part), answers=self._mark.answers + part.pages)
        if self._progress is not None:
            self._progress(self._item.id, self._objects_read + self._links_read)
        if part.restarted:
            self._set(inner_restarts=self._mark.inner_restarts + 1)
            if self._mark.inner_restarts > _INNER_RESTARTS:
                raise PageTokenExpired("pages of single sources expire again and again", status=410)
        if self._buffered >= self._limits.pack_bytes:
            await self._checkpoint()
        await self._stop_if_late()

    async def _stop_if_late(self) -> None:
        """Ends this worker's share after at least one step, so that every share moves the item on."""
        if self._place.durable and self._clock.monotonic() >= self._deadline:
            await self._checkpoint()
            raise _OutOfTime

    def _compared(self, part: Part) -> str:
        """The fingerprint of this reading with the part; "" where readings are not compared."""
        if not self._twice:
            return ""
        spec = self._child or self._spec
        hashed = hasher(spec)
        for raw in part.objects:
            self._fingerprint.add(f"{object_id(raw, spec)} {hashed(raw)}".encode())
        for line in part.links:
            if b'"reset":true' not in line[:14]:
                self._fingerprint.add(line)
        if part.restarted:
            self._fingerprint.add(b"restarted")  # lines counted twice: equal to no other reading
        return str(self._fingerprint)

    async def _flush(self) -> None:
        """Everything in the buffers becomes packs."""
        owner = self._child or self._spec
        for lines in _cut(self._lines, self._limits.pack_bytes):
            kind = Kind(owner.name)
            blob = await put_pack(self._place.store, self._place.folder, kind, len(self._packs), lines)
            self._packs.append(blob)
        self._lines = []
        for lines in _cut(self._link_lines, self._limits.pack_bytes):
            kind = Kind(self._spec.name, self._item.relationship)
            blob = await put_pack(self._place.store, self._place.folder, kind, len(self._link_packs), lines)
            self._link_packs.append(blob)
        self._link_lines = []
        self._buffered = 0

    # --- checkpoints, receipts -------------------------------------------------------------------------------

    async def _resume(self) -> Receipt | None:
        """Takes up what is stored: the receipt, or else the newest checkpoint."""
        self._begin_again()
        if not self._place.durable:
            return None
        receipt = await load_receipt(self._place, self._run, self._item)
        if receipt is not None:
            return receipt
        held = await newest_checkpoint(self._place, self._run, self._item)
        if held is not None:
            self._number = held.number
            self._restarts = held.restarts
            self._pages = held.pages
            self._mark = _decoded(Mark, held.state.encode(), "checkpoint")
            self._packs, self._link_packs = list(held.packs), list(held.link_packs)
            self._objects_read, self._links_read = held.objects, held.links
            self._fingerprint = Fingerprint(self._mark.current)
        return None

    async def _checkpoint(self) -> None:
        """Packs first, then the claim on the next number. Raises `_Adopted` if another worker has it."""
        await self._flush()
        if not self._place.durable or self._saved:
            return
        mine = Checkpoint(
            snapshot=self._run.snapshot,
            item=self._item,
            number=self._number + 1,
            stage=self._mark.phase,
            next_link=self._mark.position.next_link,
            packs=tuple(self._packs),
            link_packs=tuple(self._link_packs),
            objects=self._objects_read,
            links=self._links_read,
            pages=self._pages,
            restarts=self._restarts,
            state=encode(self._mark).decode(),
        )
        data = encode(mine)
        name = self._place.folder.path(paths.checkpoint(self._item.id, mine.number))
        if await create_or_adopt(self._place.store, name, data) != data:
            raise _Adopted
        self._number = mine.number
        self._saved = True

    async def _finish(self, why: Why | None) -> Receipt:
        """The receipt of what was read. `why`: a reason why it is not all."""
        await self._flush()
        roles = await self._directory.roles()
        completeness = self._judge(why, roles, await self._plans())
        return await self._write_receipt(completeness, roles, end=why in (None, Why.MOVING))

    async def _finish_empty(self, completeness: Completeness) -> Receipt:
        self._drop_lines()
        return await self._write_receipt(completeness, await self._directory.roles(), end=False)

    async def _write_receipt(
        self, completeness: Completeness, roles: frozenset[str] | None, *, end: bool
    ) -> Receipt:
        receipt = Receipt(
            snapshot=self._run.snapshot,
            item=self._item,
            completeness=completeness,
            as_of=self._clock.now(),
            packs=tuple(self._packs),
            link_packs=tuple(self._link_packs),
            objects=self._objects_read,
            links=self._links_read,
            pages=self._pages,
            restarts=self._restarts,
            end_of_pages=end,
            roles=None if roles is None else tuple(sorted(roles)),
            groups=self._mark.asked.groups,
            ages=self._ages(),
            since=self._run.since.get(self._spec.name),
        )
        return await write_receipt(self._place, self._run, receipt)

    def _ages(self) -> tuple[datetime, ...]:
        if self._relationship is None or not rolls(self._relationship):
            return ()
        now = self._clock.now()
        if self._earlier is None or self._mark.alone:
            return (now,) * self._relationship.rolling_days
        return self._earlier.ages(now)

    async def _plans(self) -> tuple[str, ...] | None:
        """The tenant's plans where an empty list depends on them: those that the run knows, or asked for now,
        because Graph may have been away when the run began."""
        if self._run.plans is not None or not self._empty_by_licence():
            return self._run.plans
        return await tenant_plans(self._directory, self._catalog)

    def _empty_by_licence(self) -> bool:
        """Whether nothing was read of a type that some plans are needed for: without one some lists are refused,
        and others empty."""
        licence = self._spec.licence
        return self._relationship is None and not self._objects_read and bool(licence and licence.plans)

    def _judge(self, why: Why | None, roles: frozenset[str] | None, plans: tuple[str, ...] | None) -> Completeness:
        if why is not None:
            return Completeness(State.PARTIAL, why)
        if self._mark.position.forbidden:
            return Completeness(State.PARTIAL, Why.NOT_PERMITTED_FOR_SOME)
        if roles is None:
            return Completeness(State.PARTIAL, Why.PERMISSIONS_UNKNOWN)
        needed = (*self._needs_at_all(), *(self._relationship.needs_to_read if self._relationship else ()))
        if lacking := lacks(needed, roles):
            return Completeness(State.PARTIAL, f"{Why.MISSING_PERMISSION}:{lacking}")
        if self._empty_by_licence():
            if unlicensed(self._spec.licence, plans):
                return self._not_licensed()
            if plans is None:
                return Completeness(State.PARTIAL, Why.LICENCE_UNKNOWN)
        return Completeness(State.COMPLETE)

    def _not_licensed(self) -> Completeness:
        assert self._spec.licence is not None
        return Completeness(State.NOT_LICENSED, f"the tenant has no plan for it: {self._spec.licence.name}")

    def _needs_at_all(self) -> tuple[tuple[str, ...], ...]:
        """Without these there is nothing to read. What a relationship needs on top (such as the permission to
        see hidden members) makes a part of it invisible, so that is read, and said."""
        return (*self._spec.needs_to_read, *(self._child.needs_to_read if self._child else ()))

    def _set(self, **changes: object) -> None:
        changed = replace(self._mark, **changes)  # type: ignore[arg-type]  # names are Mark's own
        if changed != self._mark:
            self._mark = changed
            self._saved = False


def _cut(lines: list[bytes], limit: int) -> list[list[bytes]]:
    """Groups of lines of at most `limit` bytes; a longer line is alone."""
    if lines and sum(map(len, lines)) + len(lines) <= limit:
        return [lines]
    groups: list[list[bytes]] = []
    size = limit
    for line in lines:
        if size + len(line) + 1 > limit or not groups:
            groups.append([])
            size = 0
        groups[-1].append(line)
        size += len(line) + 1
    return groups

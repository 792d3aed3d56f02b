"""A backup run: what it sets out to read, its work items, and what makes it go on after anything.

`run.json` is written before the first message and says what there is to do; receipts say what is done. Queue
messages only wake a worker: losing, repeating or forging one changes nothing that is stored.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from shared.catalog.coverage import Ledger
from shared.catalog.ledger import LEDGER
from shared.catalog.registry import Catalog
from shared.catalog.spec import Relationship
from shared.domain.errors import (
    BlobMissing,
    GraphDown,
    GraphError,
    GraphUnauthorized,
    HoldfastError,
    IntegrityError,
    NotYet,
    Retryable,
    StorageDenied,
    Unusable,
)
from shared.domain.ports import BlobStore, Clock, Directory, StoreInspector, WorkQueue
from shared.domain.regions import Residency
from shared.domain.snapshot import FORMAT_VERSION, OFF, Asked, Completeness, Item, Receipt, Run, State, Why
from shared.domain.wire import Wire
from shared.engines import paths
from shared.engines.chain import Chain
from shared.engines.coverage import compare
from shared.engines.create import create_or_adopt
from shared.engines.csdl import ask_metadata
from shared.engines.item import (
    Limits,
    Place,
    Progress,
    load_receipt,
    newest_checkpoint,
    read_item,
    write_receipt,
)
from shared.engines.licences import tenant_plans
from shared.engines.member_groups import choose
from shared.engines.reading import latest_delta
from shared.engines.repository import LATEST, Repository, Snapshot
from shared.engines.rolling import Earlier, earlier_of, rolls
from shared.engines.wire import decode, encode

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

T = TypeVar("T")

OPEN_DAYS: Final = 3  # so long a run without chain entry is looked after
_MESSAGE_BYTES: Final = 4096
_UNDECLARED: Final = 200  # findings that a run names; more are counted


@dataclass(frozen=True, slots=True)
class ExportPorts:
    """What a backup run works with. `vault` is the container of the run's retention class."""

    directory: Directory
    vault: BlobStore
    chain: BlobStore
    export_queue: WorkQueue
    seal_queue: WorkQueue
    inspector: StoreInspector
    clock: Clock
    catalog: Catalog
    ledger: Ledger = LEDGER
    repository: Repository | None = None  # of earlier snapshots, which save asking what rolls; None: all is asked


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to read, and for how long to keep it and the chain entry. Empty `types`: the whole catalog, of what is
    off by itself only what `opt_in` names."""

    tenant: str
    snapshot: str
    trigger: str
    retention_days: int
    chain_days: int
    region: str
    tool: str
    types: tuple[str, ...] = ()
    residency: Residency = Residency.EU
    opt_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Work(Wire):
    """A queue message: ids only. On the export queue it names an item, on the seal queue it names none."""

    tenant: str
    container: str
    snapshot: str
    item: str = ""


class Ended(StrEnum):
    """How handling of one export message ended."""

    DONE = "done"
    CONTINUED = "continued"  # out of time: checkpoint written, message sent again
    POSTPONED = "postponed"  # failed for now: a message for later is under way


@dataclass(frozen=True, slots=True)
class ItemResult:
    ended: Ended
    receipt: Receipt | None
    sealing: bool  # the run's last receipt is there, and the seal queue knows
    failed: HoldfastError | None = None  # why it was put off, or given up at the end of the run's time budget


# --- messages --------------------------------------------------------------------------------------------


def encode_work(work: Work) -> str:
    return encode(work).decode()


def decode_work(body: str) -> Work:
    """Raises `Unusable` for anything but a message of ours; what it names is checked against the vault."""
    if len(body) > _MESSAGE_BYTES:
        raise Unusable("a message of this length is none of ours")
    work = decode(Work, body)
    paths.folder(work.tenant, work.snapshot)
    if work.item:
        paths.check_item(work.item)
    return work


# --- starting --------------------------------------------------------------------------------------------


def items_of(
    catalog: Catalog, types: tuple[str, ...] = (), opt_in: tuple[str, ...] = ()
) -> tuple[tuple[Item, ...], dict[str, str]]:
    """The work items of a run, and what is left out with the reason. Contained types come with the
    relationship that holds them. Raises `Unusable` for a name that the catalog lacks, or has as no opt-in."""
    for name in types:
        catalog.get(name)
    catalog.check_opt_in(opt_in)
    off = {name: why for name, why in catalog.opt_ins.items() if name not in opt_in}
    items: list[Item] = []
    not_read: dict[str, str] = {}
    for spec in catalog.types:
        if spec.not_read:
            not_read[spec.name] = spec.not_read
            continue
        if spec.parent:
            if types and spec.parent not in types:
                not_read[spec.name] = "not asked for"
            continue
        names = [paths.make_item(spec.name)]
        names += [paths.make_item(spec.name, one.name) for one in spec.relationships]
        if types and spec.name not in types:
            not_read.update({one.id: "not asked for" for one in names})
            continue
        for one in names:
            if one.id in off:
                not_read[one.id] = f"{OFF}: {off[one.id]}"
                if one.relationship and (child := spec.relationship(one.relationship).contains):
                    not_read[child] = not_read[one.id]
            else:
                items.append(one)
    return tuple(items), not_read


async def start_run(ports: ExportPorts, request: RunRequest) -> Run:
    """Writes `run.json` (or takes up the one that is there) and sends a message for each item that lacks a
    receipt. A timer that fires twice, or a repeated request, starts one run."""
    folder = paths.folder_of(request.tenant, request.snapshot)
    run = await load_run(ports.vault, request.tenant, request.snapshot)
    if run is None:
        data = encode(await _new_run(ports, request))
        run = _checked(await create_or_adopt(ports.vault, folder.path(paths.RUN), data), request)
    await send_missing(ports, run)
    return run


async def load_run(store: BlobStore, tenant: str, snapshot: str) -> Run | None:
    """What a run set out to read; None where there is no such run."""
    try:
        data = await store.get(paths.folder_of(tenant, snapshot).path(paths.RUN))
    except BlobMissing:
        return None
    return _run_of(data, tenant, snapshot)


async def send_missing(ports: ExportPorts, run: Run) -> None:
    """Messages for the items that lack a receipt, or else for sealing."""
    missing = await missing_items(Place(ports.vault, paths.folder_of(run.tenant, run.snapshot)), run)
    if missing:
        await send_items(ports, run, missing)
    else:
        await send_seal(ports, run)


async def send_items(ports: ExportPorts, run: Run, items: Iterable[Item]) -> None:
    for item in items:
        await ports.export_queue.send(encode_work(_work(ports, run, item.id)))


async def send_seal(ports: ExportPorts, run: Run) -> None:
    await ports.seal_queue.send(encode_work(_work(ports, run)))


async def missing_items(place: Place, run: Run) -> tuple[Item, ...]:
    """Items of the run that have no receipt yet."""
    names = {stat.name async for stat in place.store.list(f"{place.folder.prefix}parts/")}
    return tuple(item for item in run.items if place.folder.path(paths.receipt(item.id)) not in names)


@dataclass(slots=True)
class _Told:
    """What Graph told before a run is on record, as far as it came."""

    undeclared: tuple[str, ...] = ()
    metadata_unread: str = ""
    plans: tuple[str, ...] | None = None
    asked: dict[str, Asked] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)


async def _new_run(ports: ExportPorts, request: RunRequest) -> Run:
    started = ports.clock.now()
    items, not_read = items_of(ports.catalog, request.types, request.opt_in)
    locked, why = await _protection(ports)
    told = await _first_questions(ports, items)
    earlier = await _latest(ports, items)
    return Run(
        format=FORMAT_VERSION,
        snapshot=request.snapshot,
        tenant=request.tenant,
        started_at=started,
        retain_until=started + timedelta(days=request.retention_days),
        retention_days=request.retention_days,
        chain_until=started + timedelta(days=request.chain_days),
        region=request.region,
        trigger=request.trigger,
        tool=request.tool,
        catalog_version=ports.catalog.version,
        items=items,
        delta_links=told.links,
        not_read=not_read,
        protected=locked,
        unprotected_why=why,
        residency=request.residency,
        asked=told.asked,
        plans=told.plans,
        undeclared=told.undeclared[:_UNDECLARED],
        undeclared_count=len(told.undeclared),
        metadata_unread=told.metadata_unread,
        since=_windows(ports, items, earlier, started),
        earlier=earlier.id if earlier is not None else "",
    )


async def _latest(ports: ExportPorts, items: tuple[Item, ...]) -> Snapshot | None:
    """The snapshot that what rolls and what is a series go on from; None where there is none to be read, or
    nothing goes on from one."""
    if any(rolls(_relationship(ports, item)) or ports.catalog.get(item.type).series for item in items):
        return await _opened(ports, LATEST)
    return None


def _windows(
    ports: ExportPorts, items: tuple[Item, ...], earlier: Snapshot | None, started: datetime
) -> dict[str, datetime]:
    """Where each series' window begins: a little before the last one ended, or where that one began if it isn't all
    there."""
    found: dict[str, datetime] = {}
    for item in items:
        series = ports.catalog.get(item.type).series
        if series is None:
            continue
        found[item.type] = first = started - timedelta(days=series.first_days)
        entry = earlier.manifest.types.get(item.type) if earlier is not None else None
        if earlier is None or entry is None:
            continue
        if entry.completeness.is_complete:
            found[item.type] = earlier.manifest.started_at - timedelta(hours=series.overlap_hours)
        elif entry.since is not None:
            found[item.type] = min(first, entry.since)
    return found


async def _opened(ports: ExportPorts, snapshot: str) -> Snapshot | None:
    """None where it can't be opened for good; storage that is away is tried again."""
    if ports.repository is None:
        return None
    try:
        return await ports.repository.open(snapshot)
    except (Unusable, IntegrityError, StorageDenied):
        return None


def _relationship(ports: ExportPorts, item: Item) -> Relationship | None:
    return ports.catalog.get(item.type).relationship(item.relationship) if item.relationship else None


async def _earlier(ports: ExportPorts, run: Run, item: Item) -> Earlier | None:
    relationship = _relationship(ports, item)
    if relationship is None or not rolls(relationship) or not run.earlier:
        return None
    found = await _opened(ports, run.earlier)
    if found is None:
        return None
    spec = ports.catalog.get(item.type)
    return await earlier_of(found, spec, relationship, ports.catalog.version, run.started_at)


async def _first_questions(ports: ExportPorts, items: tuple[Item, ...]) -> _Told:
    """As soon as one of them finds Graph away, the others aren't asked: each would wait as long, and a run must be
    on record before the function's time is over, because a timer that fails does not come again before the next
    night."""
    told = _Told()
    try:
        await _asked(ports, items, told)
        await _delta_links(ports, items, told)
        told.plans = await tenant_plans(ports.directory, ports.catalog)
        coverage = compare(ports.catalog.types, await ask_metadata(ports.directory), ports.ledger)
        told.undeclared = tuple(f"{finding.at} ({finding.kind.value})" for finding in coverage.unknown)
    except HoldfastError as failed:
        told.metadata_unread = type(failed).__name__
    return told


async def _asked(ports: ExportPorts, items: tuple[Item, ...], told: _Told) -> None:
    """What each type with groups of members is asked for beside the declared ones, so that its delta link tells of
    them, too. Where Graph refuses, the item finds it out when it begins."""
    for name in dict.fromkeys(item.type for item in items):
        spec = ports.catalog.get(name)
        if not spec.member_groups:
            continue
        try:
            told.asked[name] = await choose(ports.directory, ports.catalog, spec)
        except (GraphDown, GraphUnauthorized):
            raise
        except GraphError:
            continue


async def _delta_links(ports: ExportPorts, items: tuple[Item, ...], told: _Told) -> None:
    """A delta link of each type that has a feed. Where one is refused, the item asks and says why; where there is
    none yet, the item takes its own when it begins."""
    for name in dict.fromkeys(item.type for item in items):
        spec = ports.catalog.get(name)
        if not (spec.delta or any(one.delta for one in spec.relationships)):
            continue
        members = told.asked.get(name, Asked()).members
        try:
            told.links[name] = await latest_delta(ports.directory, spec.asking(members))
        except (GraphDown, GraphUnauthorized):
            raise
        except GraphError:
            continue


async def _protection(ports: ExportPorts) -> tuple[bool, str]:
    """Whether the vault and the chain are locked. What can't be checked counts as unprotected."""
    names = (ports.vault.container, ports.chain.container)
    try:
        found = await ports.inspector.protections(names)
    except (Retryable, StorageDenied, BlobMissing) as failed:
        return False, f"{' and '.join(names)}: could not be checked ({type(failed).__name__})"
    broken = [f"{name}: {found[name].why or 'not locked'}" for name in names if not found[name].locked]
    return not broken, "; ".join(broken)


# --- items -----------------------------------------------------------------------------------------------


async def run_item(
    ports: ExportPorts, work: Work, limits: Limits, *, progress: Progress | None = None
) -> ItemResult:
    """Works on one item until its receipt is there or the time budget ends. Safe to repeat, at any point and
    by several workers at once. Graph or storage being down raises `Retryable`: the message comes again."""
    run, item, place = await _open(ports, work)
    receipt = await load_receipt(place, run, item)
    if receipt is None:
        receipt = await read_item(
            ports.directory,
            ports.catalog,
            ports.clock,
            place,
            run,
            item,
            limits,
            progress=progress,
            earlier=await _earlier(ports, run, item),
        )
    if receipt is None:
        await ports.export_queue.send(encode_work(_work(ports, run, item.id)))
        return ItemResult(Ended.CONTINUED, None, False)
    return ItemResult(Ended.DONE, receipt, await _seal_if_done(ports, place, run))


async def fail_item(ports: ExportPorts, work: Work, why: str) -> ItemResult:
    """Gives an item up: a receipt that says so, with what its last checkpoint holds, so that the rest of the
    run can be sealed. `why` is the name of an error class. A receipt that is there already stays."""
    run, item, place = await _open(ports, work)
    if not why.isidentifier():
        raise Unusable("the reason of a failed item is the name of an error")
    held = await newest_checkpoint(place, run, item)
    receipt = Receipt(
        snapshot=run.snapshot,
        item=item,
        completeness=Completeness(State.PARTIAL, f"{Why.FAILED}:{why}"),
        as_of=ports.clock.now(),
        packs=held.packs if held else (),
        link_packs=held.link_packs if held else (),
        objects=held.objects if held else 0,
        links=held.links if held else 0,
        pages=held.pages if held else 0,
        restarts=held.restarts if held else 0,
        end_of_pages=False,
        roles=None,
    )
    written = await write_receipt(place, run, receipt)
    return ItemResult(Ended.DONE, written, await _seal_if_done(ports, place, run))


async def _open(ports: ExportPorts, work: Work) -> tuple[Run, Item, Place]:
    """The run and item that a message names, from the vault and not from the message."""
    if work.container != ports.vault.container:
        raise Unusable("the message is for another container", object_id=work.snapshot)
    run = await load_run(ports.vault, work.tenant, work.snapshot)
    if run is None:
        raise Unusable("no such run", object_id=work.snapshot)
    for item in run.items:
        if item.id == work.item:
            return run, item, Place(ports.vault, paths.folder_of(run.tenant, run.snapshot))
    raise Unusable("the run has no such item", object_id=work.snapshot)


async def _seal_if_done(ports: ExportPorts, place: Place, run: Run) -> bool:
    if await missing_items(place, run):
        return False
    await ports.seal_queue.send(encode_work(_work(ports, run)))
    return True


def _work(ports: ExportPorts, run: Run, item: str = "") -> Work:
    return Work(run.tenant, ports.vault.container, run.snapshot, item)


# --- looking after runs ----------------------------------------------------------------------------------


async def open_runs(
    vault: BlobStore,
    chain: BlobStore,
    tenant: str,
    clock: Clock,
    keys: Mapping[str, EllipticCurvePublicKey],
) -> AsyncIterator[Run]:
    """Runs of the last days that are not in the chain, oldest first."""
    today = clock.now()
    oldest = paths.snapshot_id(today - timedelta(days=OPEN_DAYS), "0")
    committed = {one.entry.snapshot async for one in Chain(chain, tenant, keys).back_to(oldest)}
    for back in range(OPEN_DAYS, -1, -1):
        day = paths.day_folder(tenant, today - timedelta(days=back))
        async for stat in vault.list(day):
            snapshot = paths.snapshot_in(tenant, stat.name)
            if snapshot is None or snapshot in committed:
                continue
            run = await load_run(vault, tenant, snapshot)
            if run is not None:
                yield run


async def find_run(vault: BlobStore, tenant: str, suffix: str, clock: Clock) -> str | None:
    """The snapshot of a run of the last days with this suffix: a repeated request finds its run by it."""
    today = clock.now()
    for back in range(OPEN_DAYS + 1):
        async for stat in vault.list(paths.day_folder(tenant, today - timedelta(days=back))):
            snapshot = paths.snapshot_in(tenant, stat.name)
            if snapshot is not None and paths.snapshot_suffix(snapshot) == suffix:
                return snapshot
    return None


async def load_receipts(place: Place, run: Run) -> tuple[Receipt, ...]:
    """All receipts in the order of the run's items. Raises `NotYet` if one is missing."""
    receipts = []
    for item in run.items:
        receipt = await load_receipt(place, run, item)
        if receipt is None:
            raise NotYet("the run is not finished", object_type=item.id, object_id=run.snapshot)
        receipts.append(receipt)
    return tuple(receipts)


def _checked(data: bytes, request: RunRequest) -> Run:
    return _run_of(data, request.tenant, request.snapshot)


def _run_of(data: bytes, tenant: str, snapshot: str) -> Run:
    try:
        run = decode(Run, data)
    except Unusable as bad:
        raise IntegrityError(f"run.json can't be read: {bad.what}", object_id=snapshot) from None
    if run.tenant != tenant or run.snapshot != snapshot or run.format != FORMAT_VERSION:
        raise IntegrityError("run.json names another tenant, snapshot or format", object_id=snapshot)
    return run

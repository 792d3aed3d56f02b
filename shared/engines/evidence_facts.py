"""Gathers what an evidence document says, through ports. A source that can't be read never ends it: its topic is
left out, and why is noted. What is noted of a failure is our own sentence about it, which names no person.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from shared.catalog.registry import Catalog
from shared.domain.errors import HoldfastError, IntegrityError, Unusable
from shared.domain.evidence import (
    RESTORE_APP,
    Access,
    Arming,
    ContainerFact,
    Drills,
    EvidenceDocument,
    Facts,
    KeyFact,
    Keys,
    OpenRun,
    Package,
    Period,
    RecoveryTarget,
    Residency,
    Retention,
    Segregation,
    SnapshotFact,
    Snapshots,
    Targets,
    Topic,
    Verification,
)
from shared.domain.ports import BlobStore, Clock, Signer, TableStore, VaultAccess, VaultControl, VaultLog
from shared.domain.regions import Residency as Promise
from shared.domain.snapshot import Manifest
from shared.domain.vault import AccountState, ContainerState, VaultReads
from shared.engines import jws, paths
from shared.engines.chain import Chain, Committed
from shared.engines.evidence_arming import read_arming
from shared.engines.evidence_restores import read_restores
from shared.engines.export import load_run, missing_items
from shared.engines.item import Place
from shared.engines.jws import KEY_PURPOSES, Purpose
from shared.engines.postpone import troubles
from shared.engines.protection import shortfalls
from shared.engines.repository import Repository, load_manifest
from shared.engines.verify import verify_snapshot

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    from shared.engines.approvals import ApprovalDesk
    from shared.engines.evidence import Evidence

T = TypeVar("T")
_SPARE: Final = timedelta(days=2)  # a run commits this long after its start at most


@dataclass(frozen=True, slots=True)
class Declared:
    """What the settings say that belongs into evidence. `promised_days`: container → days. `backup_app` and
    `restore_app`: client ids of the registrations."""

    tenant: str
    tool: str
    region: str
    residency: Promise
    backup_schedule: str
    run_budget: float
    promised_days: Mapping[str, int]
    targets: tuple[RecoveryTarget, ...] = ()
    package_sha256: str = ""
    backup_app: str = ""
    restore_app: str = ""


@dataclass(frozen=True, slots=True)
class Sources:
    """What gathering works with. None: nobody said where that is."""

    declared: Declared
    vaults: Mapping[str, BlobStore]
    chain: BlobStore
    keys: Mapping[Purpose, Mapping[str, EllipticCurvePublicKey]]
    signers: Mapping[Purpose, Signer]
    catalog: Catalog
    evidence: Evidence
    desk: ApprovalDesk
    rows: TableStore
    control: VaultControl | None
    access: VaultAccess | None
    log: VaultLog | None
    clock: Clock
    scratch: Path | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """The document that this one is compared with, and the folder that holds it."""

    folder: str
    document: EvidenceDocument


async def gather(sources: Sources, period: Period, earlier: Earlier | None) -> Facts:
    """Everything that can be read about a period. Raises nothing of `HoldfastError`."""
    away: dict[str, str] = {}

    async def read(topic: Topic, work: Awaitable[T]) -> T | None:
        try:
            return await work
        except HoldfastError as failed:
            away[topic] = failed.what
            return None

    declared = sources.declared
    chained = await read(Topic.SNAPSHOTS, _chained(sources))
    snapshots = None
    if chained is not None:
        snapshots = await read(Topic.SNAPSHOTS, _snapshots(sources, period, chained))
    restores = await read(Topic.RESTORES, read_restores(sources.evidence, sources.desk, period))
    if Topic.SNAPSHOTS in away:
        away[Topic.COMPLETENESS] = away[Topic.SNAPSHOTS]
    targets = None
    if snapshots is None or restores is None:
        away[Topic.TARGETS] = away.get(Topic.SNAPSHOTS) or away[Topic.RESTORES]
    else:
        longest = max((one.seconds for one in restores.run if one.seconds is not None), default=None)
        targets = Targets(declared.targets, snapshots.oldest_age, longest)
    if not declared.package_sha256:
        away[Topic.PACKAGE] = "the code does not run from a package that was built (make package)"
    return Facts(
        tenant=declared.tenant,
        period=period,
        made_at=sources.clock.now(),
        tool=declared.tool,
        head=chained.head if chained is not None else "",
        snapshots=snapshots,
        retention=await read(Topic.RETENTION, _retention(sources)),
        residency=await read(Topic.RESIDENCY, _residency(sources)),
        segregation=await read(Topic.SEGREGATION, _segregation(sources)),
        access=await read(Topic.ACCESS, _access(sources, period, earlier)),
        reads=await read(Topic.READS, _reads(sources, period)),
        verification=await read(Topic.VERIFICATION, _verification(sources)),
        restores=restores,
        arming=await read(Topic.ARMING, _arming(sources, period)),
        drills=Drills(),
        targets=targets,
        keys=None if chained is None else _keys(sources, chained),
        package=Package(declared.tool, declared.package_sha256) if declared.package_sha256 else None,
        away={**away, **({Topic.KEYS: away[Topic.SNAPSHOTS]} if chained is None else {})},
    )


# --- snapshots -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A chain entry that verified, and the key that signed it."""

    committed: Committed
    key: str


@dataclass(frozen=True, slots=True)
class Chained:
    """The chain as it is: entries in order, and those that don't verify."""

    entries: tuple[Entry, ...]
    damaged: tuple[str, ...]

    @property
    def head(self) -> str:
        return self.entries[-1].committed.head if self.entries else ""


async def _chained(sources: Sources) -> Chained:
    keys = sources.keys[Purpose.CHAIN]
    chain = Chain(sources.chain, sources.declared.tenant, keys)
    entries, damaged = [], []
    for seq in await chain.numbers():
        token = await sources.chain.get(paths.chain_entry(sources.declared.tenant, seq))
        try:
            entries.append(Entry(chain.check(token, seq), jws.verify_signed(token, Purpose.CHAIN, keys)[1]))
        except IntegrityError as bad:
            damaged.append(bad.what)
    return Chained(tuple(entries), tuple(damaged))


async def _snapshots(sources: Sources, period: Period, chained: Chained) -> Snapshots:
    declared = sources.declared
    now = sources.clock.now()
    starts = {
        one.committed.entry.snapshot: paths.snapshot_time(one.committed.entry.snapshot) for one in chained.entries
    }
    inside = sorted(
        (one for one in chained.entries if period.start <= starts[one.committed.entry.snapshot] < period.end),
        key=lambda one: one.committed.entry.snapshot,
    )
    taken = tuple([await _snapshot(sources, one) for one in inside])
    before = max((at for at in starts.values() if at < period.start), default=None)
    until = min(period.end, now)
    # Before the first snapshot of all there was nothing to miss; an entry that is gone may have been the first.
    first = min(starts.values(), default=period.start)
    complete = bool(chained.entries) and chained.entries[0].committed.entry.seq == 1
    firings = slots(declared.backup_schedule, max(period.start, first) if complete else period.start, until)
    open_runs = await _open_runs(sources, period, set(starts))
    began = sorted([*starts.values(), *(run.started_at for run in open_runs)])
    return Snapshots(
        schedule=declared.backup_schedule,
        expected=len(firings),
        taken=taken,
        missed=unmet(firings, began, until),
        open=open_runs,
        damaged=chained.damaged,
        before=before,
        oldest_age=oldest_age(taken, before, until),
        names={spec.name: spec.title for spec in sources.catalog.types},
    )


async def _snapshot(sources: Sources, one: Entry) -> SnapshotFact:
    entry = one.committed.entry
    started = paths.snapshot_time(entry.snapshot)
    bare = SnapshotFact(
        snapshot=entry.snapshot,
        seq=entry.seq,
        container=entry.container,
        started_at=started,
        ended_at=started,
        retain_until=entry.retain_until,
        key=one.key,
    )
    vault = sources.vaults.get(entry.container)
    if entry.over(sources.clock.now()):
        return replace(bare, unread=f"expired on {entry.retain_until:%Y-%m-%d}")
    if vault is None:
        return replace(bare, unread=f"its container {entry.container} is not at hand")
    try:
        manifest = await load_manifest(vault, entry, sources.keys[Purpose.SNAPSHOT])
    except (IntegrityError, Unusable) as damage:
        return replace(bare, unread=damage.what)
    return _described(bare, manifest)


def _described(bare: SnapshotFact, manifest: Manifest) -> SnapshotFact:
    named = {*manifest.types, *manifest.relationships, *manifest.groups, *manifest.not_read}
    states = {name: manifest.completeness(name) for name in sorted(named)}
    return replace(
        bare,
        started_at=manifest.started_at,
        ended_at=manifest.ended_at,
        trigger=manifest.trigger,
        region=manifest.region,
        protected=manifest.protected,
        unprotected_why=manifest.unprotected_why,
        objects={name: entry.count for name, entry in manifest.types.items()},
        gaps={name: one for name, one in states.items() if not (one.is_complete or one.is_off)},
        off=tuple(name for name, one in states.items() if one.is_off),
        undeclared=manifest.undeclared,
    )


async def _open_runs(sources: Sources, period: Period, committed: set[str]) -> tuple[OpenRun, ...]:
    """Runs of the period that are in no chain, in every container at hand."""
    found = []
    for vault in sources.vaults.values():
        day = period.start
        while day < min(period.end, sources.clock.now()):
            async for stat in vault.list(paths.day_folder(sources.declared.tenant, day)):
                snapshot = paths.snapshot_in(sources.declared.tenant, stat.name)
                if snapshot is not None and snapshot not in committed:
                    found.append(await _open_run(sources, vault, snapshot))
            day += timedelta(days=1)
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.snapshot))


async def _open_run(sources: Sources, vault: BlobStore, snapshot: str) -> OpenRun | None:
    run = await load_run(vault, sources.declared.tenant, snapshot)
    if run is None:
        return None
    missing = await missing_items(Place(vault, paths.folder_of(run.tenant, snapshot)), run)
    open_items = {item.id for item in missing}
    why = {one.item: one.why async for one in troubles(sources.rows, snapshot) if one.item in open_items}
    over = timedelta(seconds=sources.declared.run_budget) + _SPARE
    return OpenRun(
        snapshot=snapshot,
        started_at=run.started_at,
        trigger=run.trigger,
        items=len(run.items),
        missing=tuple(sorted(open_items)),
        failed=run.started_at + over < sources.clock.now(),
        why=why,
    )


def slots(schedule: str, start: datetime, end: datetime) -> tuple[datetime, ...]:
    """When a six-field schedule fires from `start` to before `end`, to the minute, as runs are named by it. Day and
    day of the week both have to match, as timers of Azure Functions have it. Raises `Unusable` for what is no such
    schedule."""
    from croniter import CroniterError, croniter

    if len(schedule.split()) != 6:
        raise Unusable("the backup schedule is not a six-field cron expression")
    try:
        firings = croniter(schedule, start - timedelta(seconds=1), second_at_beginning=True, day_or=False)
        found = []
        while (at := firings.get_next(datetime)) < end:
            found.append(paths.slot(at))
    except (CroniterError, ValueError):
        raise Unusable("the backup schedule can't be read") from None
    return tuple(found)


def unmet(firings: tuple[datetime, ...], starts: list[datetime], end: datetime) -> tuple[datetime, ...]:
    """Firings with no start before the next one. One of the last hour may still be made good."""
    missed = []
    for at, following in pairwise((*firings, end)):
        if not any(at <= start < following for start in starts) and at + timedelta(hours=1) < end:
            missed.append(at)
    return tuple(missed)


def oldest_age(taken: tuple[SnapshotFact, ...], before: datetime | None, end: datetime) -> int | None:
    """The longest that the newest finished snapshot's start lay back at any moment, in seconds: what would have
    been lost at the worst one. None where there was no snapshot at all."""
    ages = []
    newest = before
    for one in sorted(taken, key=lambda fact: fact.ended_at):
        if newest is not None:
            ages.append(one.ended_at - newest)
        newest = max(one.started_at, newest or one.started_at)
    if newest is None:
        return None
    return int(max([*ages, end - newest]).total_seconds())


# --- the vault -------------------------------------------------------------------------------------------


def _of_account(port: T | None) -> T:
    if port is None:
        raise Unusable("nobody said which account keeps the backups: HOLDFAST_VAULT_RESOURCE_ID is not set")
    return port


async def _retention(sources: Sources) -> Retention:
    control = _of_account(sources.control)
    account = await control.account()
    return Retention(
        tuple(
            [
                _container(await control.container(name), account, days, sources.declared.residency)
                for name, days in sorted(sources.declared.promised_days.items())
            ]
        )
    )


def _container(state: ContainerState, account: AccountState, days: int, residency: Promise) -> ContainerFact:
    found = shortfalls(state, account, days, residency)
    policy = state.policy
    return ContainerFact(
        name=state.name,
        promised_days=days,
        days=policy.days if policy is not None else 0,
        locked=policy is not None and policy.locked,
        appends=policy is not None and policy.appends,
        extended=policy.extended if policy is not None else 0,
        versioned=state.versioned,
        holds={one.tag: one.since for one in state.holds},
        breaks=tuple(one.what for one in found if one.breaks),
        remarks=tuple(one.what for one in found if not one.breaks),
    )


async def _residency(sources: Sources) -> Residency:
    account = await _of_account(sources.control).account()
    named = (sources.declared.region, account.primary, account.secondary)
    promise = sources.declared.residency
    outside = sorted({one for one in named if one and one not in promise.regions})
    return Residency(promise.place, sources.declared.region, account.primary, account.secondary, tuple(outside))


async def _segregation(sources: Sources) -> Segregation:
    return Segregation(await _of_account(sources.access).home(), sources.declared.tenant)


async def _access(sources: Sources, period: Period, earlier: Earlier | None) -> Access:
    held = await _of_account(sources.access).assignments()
    before = earlier.document.facts.access if earlier is not None else None
    ids = {one.id for one in held}
    return Access(
        assignments=held,
        changed=tuple(
            one.id
            for one in held
            if any(at is not None and period.start <= at < period.end for at in (one.created_at, one.updated_at))
        ),
        gone=tuple(one for one in before.assignments if one.id not in ids) if before is not None else (),
        compared_with=earlier.folder if earlier is not None and before is not None else "",
    )


async def _reads(sources: Sources, period: Period) -> VaultReads:
    if sources.log is None:
        raise Unusable("nobody said where the read log is: HOLDFAST_LOG_WORKSPACE_ID is not set")
    return await sources.log.reads(period.start, min(period.end, sources.clock.now()))


async def _verification(sources: Sources) -> Verification:
    report = await verify_snapshot(
        sources.vaults,
        sources.chain,
        sources.declared.tenant,
        sources.keys[Purpose.SNAPSHOT],
        sources.catalog,
        sources.clock,
        scratch=sources.scratch,
    )
    return Verification(
        snapshot=report.snapshot,
        at=sources.clock.now(),
        entries=report.entries,
        blobs=report.blobs,
        bytes=report.bytes,
        findings=tuple(f"{one.name}: {one.why}" for one in report.findings),
        notes=tuple(report.notes),
    )


async def _arming(sources: Sources, period: Period) -> Arming:
    declared = sources.declared
    if not declared.restore_app:
        raise Unusable("nobody said which application the restore app is: HOLDFAST_RESTORE_CLIENT_ID is not set")
    apps = {"backup app": declared.backup_app, RESTORE_APP: declared.restore_app}
    keys = sources.keys[Purpose.SNAPSHOT]
    repository = Repository(sources.vaults, sources.chain, declared.tenant, keys, sources.clock)
    return await read_arming(repository, sources.catalog, apps, period, sources.clock.now())


def _keys(sources: Sources, chained: Chained) -> Keys:
    """Keys that the settings trust, and those that signed the chain."""
    found = []
    for name, purposes in KEY_PURPOSES.items():
        purpose = purposes[-1]
        trusted = sources.keys.get(purpose, {})
        signer = sources.signers.get(purpose)
        used: dict[str, list[datetime]] = {}
        if purpose is Purpose.CHAIN:
            for one in chained.entries:
                used.setdefault(one.key, []).append(paths.snapshot_time(one.committed.entry.snapshot))
        for key in sorted({*trusted, *used, *([signer.key_id] if signer is not None else [])}):
            times = used.get(key, [])
            found.append(
                KeyFact(
                    purpose=name,
                    key=key,
                    trusted=key in trusted,
                    current=signer is not None and signer.key_id == key,
                    used=len(times),
                    first=min(times, default=None),
                    last=max(times, default=None),
                )
            )
    return Keys(tuple(found))

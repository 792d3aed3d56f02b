"""The second copy: another account, whose copier reads the first one and can add here, and nothing else.

It is pulled, so that nothing in the first account, its apps included, has a right in the second. One call of `pull`
does what its time allows; nothing but the copy itself says how far an earlier one came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.errors import BlobMissing, HoldfastError, Retryable, StorageDenied
from shared.domain.ports import BlobStore, Protection, StoreInspector, VaultControl
from shared.domain.regions import Residency
from shared.engines import paths
from shared.engines.chain import Committed
from shared.engines.copying import BlobsCopy, CopyReport, Over, Source, copy_blobs, copy_vault, holds, parted
from shared.engines.residency import check_residence
from shared.engines.verify import Finding, verify_chain


@dataclass(frozen=True, slots=True)
class SecondCopy:
    """`source` and `evidence` are the first account's, read only; `copies` the second's, by the same names, the
    chain among them; `inspector` and `control` look at the second."""

    source: Source
    evidence: BlobStore
    copies: Mapping[str, BlobStore]
    inspector: StoreInspector
    control: VaultControl | None
    residency: Residency


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one call did. `protections`: of the second account's containers, as they were seen before."""

    vault: CopyReport
    evidence: BlobsCopy
    protections: Mapping[str, Protection]

    @property
    def unfinished(self) -> bool:
        return self.vault.unfinished or self.evidence.unfinished


async def pull(ports: SecondCopy, over: Over) -> Pulled:
    """Copies what the copy lacks, until it is `over`. Raises `Refused` where the second account lies outside the
    residency. A copy that nothing protects is better than none: it is made, and told."""
    await check_residence(ports.control, ports.residency)
    seen = await protections(ports)
    vault = await copy_vault(ports.source, ports.copies.__getitem__, over=over)
    into = ports.copies[ports.evidence.container]
    known = {stat.name: stat.length async for stat in into.list()}
    evidence = await copy_blobs(ports.evidence, into, known=known, over=over)
    return Pulled(vault, evidence, seen)


async def protections(ports: SecondCopy) -> dict[str, Protection]:
    """Whether each container of the second account keeps its blobs for as long as is promised. One that can't be
    checked doesn't."""
    found: dict[str, Protection] = {}
    for name in ports.copies:
        try:
            found |= await ports.inspector.protections((name,))
        except (Retryable, StorageDenied, BlobMissing) as failed:
            found[name] = Protection(locked=False, why=f"could not be checked ({type(failed).__name__})")
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """How the copy stands to the first vault.

    `missing`: snapshots that the first shows, unexpired, and the copy lacks, oldest first. `behind_since`: when the
    oldest of them was started; where the first can't be read (`away` says why), the newest that the copy has: since
    then nothing is known to have been copied. None: nothing is missing.
    """

    head: str
    newest: str
    held: int
    missing: tuple[str, ...]
    behind_since: datetime | None
    findings: tuple[Finding, ...]
    away: str = ""

    def lag(self, now: datetime) -> timedelta:
        return now - self.behind_since if self.behind_since is not None else timedelta()


async def standing(ports: SecondCopy) -> Standing:
    """Reads both chains, and which commits the copy has; verifies no snapshot. Raises `StorageDown` and
    `StorageDenied` where the copy itself can't be read."""
    source = ports.source
    where = (source.tenant, source.keys, source.clock)
    now = source.clock.now()
    own, kept = await verify_chain(ports.copies[source.chain.container], *where)
    held = {one.entry.snapshot for one in kept if await _has(ports, one, now)}
    newest = max(held, default="")
    findings = list(own.findings)
    missing: tuple[str, ...] = ()
    away = ""
    try:
        chain, shown = await verify_chain(source.chain, *where)
    except (Retryable, StorageDenied) as failed:
        away = _named(failed)
        since = paths.snapshot_time(newest) if newest else None
    else:
        findings += [*chain.findings, *parted(kept, shown, now)]
        offered = {one.entry.snapshot for one in shown if not one.entry.over(now)}
        missing = tuple(sorted(offered - held))
        since = paths.snapshot_time(missing[0]) if missing else None
    return Standing(
        head=kept[-1].head if kept else "",
        newest=newest,
        held=len(held),
        missing=missing,
        behind_since=since,
        findings=tuple(findings),
        away=away,
    )


async def _has(ports: SecondCopy, committed: Committed, now: datetime) -> bool:
    into = ports.copies.get(committed.entry.container)
    return into is not None and not committed.entry.over(now) and await holds(into, committed)


def _named(failed: HoldfastError) -> str:
    return f"{type(failed).__name__}: {failed.what}"

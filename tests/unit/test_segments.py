"""Incremental segments, which format v1 allows: never without their base, never as if they were whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.adapters.files import FolderBlobStore
from shared.adapters.memory import MemoryBlobStore
from shared.domain.errors import IntegrityError, Refused, Unusable
from shared.domain.holds import HOLD_FORMAT, Hold
from shared.domain.snapshot import ChainEntry
from shared.engines import paths
from shared.engines.chain import Chain
from shared.engines.copying import Source, copy_vault
from shared.engines.holding import HoldPorts, set_hold
from shared.engines.holds import Holds
from shared.engines.jws import jwk_set
from shared.engines.repository import load_manifest
from shared.engines.segments import bases, by_snapshot, offered_until, with_bases
from shared.engines.verify import Kind, verify_chain
from shared.standalone import holdfast_verify
from tests.backup import TENANT, Backup, small_tenant
from tests.unit.test_holds import Account

DAY = 86_400.0
START = datetime(2026, 11, 22, tzinfo=UTC)


def entry(name: str, seq: int, days: float, base: str = "") -> ChainEntry:
    until = START + timedelta(days=days)
    return ChainEntry(seq, TENANT, name, "f", "vault-35d", "m", "c", "", until, until, None, base)


KNOWN = by_snapshot(
    [
        entry("full", 1, 35),
        entry("one", 2, 35, "full"),
        entry("two", 3, 20, "one"),
        entry("three", 4, 40, "two"),
        entry("lost", 5, 35, "gone"),
        entry("round", 6, 35, "about"),
        entry("about", 7, 35, "round"),
        entry("self", 8, 35, "self"),
    ]
)


def test_a_segment_is_offered_no_longer_than_anything_it_stands_on() -> None:
    known = {name: one for name, one in KNOWN.items() if bases(one, KNOWN) is not None}
    days = {name: (offered_until(one, KNOWN) - START).days for name, one in known.items()}
    assert days == {"full": 35, "one": 35, "two": 20, "three": 20}
    for name in ("lost", "round", "about", "self"):
        assert offered_until(KNOWN[name], KNOWN) < START
    assert with_bases(["three", "nowhere"], KNOWN) == {"full", "one", "two", "three"}


async def segmented(retain: float = 35.0, base: str | None = None) -> tuple[Backup, str, str]:
    """A backup, and a segment on it that somebody with the key has committed."""
    backup = Backup()
    small_tenant(backup.directory)
    full = (await backup.back_up()).snapshot
    backup.clock.advance(DAY)
    at = backup.clock.now()
    segment = paths.snapshot_id(at, "incr")
    whole = (await backup.repository().open(full)).committed.entry
    draft = replace(
        whole,
        snapshot=segment,
        folder=paths.folder(TENANT, segment),
        base=full if base is None else base,
        retain_until=at + timedelta(days=retain - 1),
        kept_until=at + timedelta(days=400),
    )
    await Chain(backup.chain, TENANT, backup.keys).append(backup.signer, draft)
    return backup, full, segment


async def test_a_segment_is_never_the_latest_and_never_opened_as_if_it_were_whole() -> None:
    backup, full, segment = await segmented()
    repository = backup.repository()
    assert (await repository.open()).id == full
    assert [(one.entry.snapshot, one.expired) for one in await repository.entries()] == [
        (full, False),
        (segment, False),
    ]
    with pytest.raises(Unusable, match="reads whole snapshots only"):
        await repository.open(segment)
    assert (await backup.verify()).snapshot == full


async def test_a_segment_whose_base_is_over_or_missing_is_not_offered() -> None:
    backup, full, segment = await segmented(retain=60)
    backup.clock.advance(35 * DAY)
    assert [one.expired for one in await backup.repository().entries()] == [True, True]
    with pytest.raises(Unusable, match=f"segment on {full}, which is expired or missing"):
        await backup.repository().open(segment)
    backup, _, segment = await segmented(base="20260101T000000Z-full")
    assert [one.expired for one in await backup.repository().entries()] == [False, True]
    with pytest.raises(Unusable, match="which is expired or missing"):
        await backup.repository().open(segment)


@pytest.mark.parametrize(
    ("retain", "base", "found"),
    [(35, None, False), (34, None, False), (36, None, True), (35, "20260101T000000Z-full", True)],
)
async def test_verify_finds_a_segment_that_will_outlive_its_base(
    retain: float, base: str | None, found: bool, tmp_path: Path
) -> None:
    backup, _, segment = await segmented(retain, base)
    report, _ = await verify_chain(backup.chain, TENANT, backup.keys, backup.clock)
    told = [(one.kind, one.name) for one in report.findings]
    assert told == ([(Kind.RETENTION, segment)] if found else [])
    assert await _by_script(backup, tmp_path) == found
    backup.clock.advance(70 * DAY)
    report, _ = await verify_chain(backup.chain, TENANT, backup.keys, backup.clock)
    assert report.findings == []  # what is over needs nothing any more


async def _by_script(backup: Backup, folder: Path) -> int:
    """How many findings the script without Holdfast has in the chain, at the time of the backup's clock."""
    copy = FolderBlobStore(folder / backup.chain.container)
    for name, data in backup.chain.blobs.items():
        await copy.put_new(name, data)
    (folder / "snapshot.pub").write_bytes(jwk_set(backup.keys))
    keys = holdfast_verify.load_keys(folder / "snapshot.pub")
    verifier = holdfast_verify.Verifier(folder, keys, backup.clock.now())
    verifier.chain(TENANT, "")
    return verifier.findings


async def test_a_copy_of_a_segment_takes_its_base_along() -> None:
    backup, full, segment = await segmented()
    stores = {name: MemoryBlobStore(name) for name in ("vault-35d", "chain")}
    vaults = {"vault-35d": backup.vault}
    source = Source(vaults, backup.chain, TENANT, backup.keys, backup.catalog, backup.clock)
    report = await copy_vault(source, lambda name: stores[name], snapshots=(segment,))
    assert [one.snapshot for one in report.snapshots] == [full, segment]


async def test_a_segment_is_not_held_by_itself() -> None:
    backup, _, segment = await segmented()
    committed = next(one.committed for one in await backup.repository().entries() if one.entry.snapshot == segment)
    source = Source({"vault-35d": backup.vault}, backup.chain, TENANT, backup.keys, backup.catalog, backup.clock)
    ports = HoldPorts(source, Holds(MemoryBlobStore("hold"), TENANT), Account())
    now = backup.clock.now()
    wanted = Hold(HOLD_FORMAT, TENANT, segment, "0" * 64, "case1", "1", "why", "who", now, now)
    with pytest.raises(Refused, match="hold its base"):
        await set_hold(ports, committed, wanted)


async def test_a_manifest_that_names_another_base_than_the_chain_is_not_read() -> None:
    backup, _, _ = await segmented()
    whole = (await backup.repository().open()).committed.entry
    with pytest.raises(IntegrityError, match="different snapshots"):
        await load_manifest(backup.vault, replace(whole, base="20260101T000000Z-full"), backup.keys)

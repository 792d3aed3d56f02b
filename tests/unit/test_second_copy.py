"""The second copy: pulled in slices, by any number of copiers, from a vault that may not be what it was."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from shared.adapters.management import ArmVaultControl, LoopbackToken
from shared.adapters.memory import MemoryBlobStore
from shared.domain.errors import BlobMissing, Refused, StorageDenied, StorageDown
from shared.domain.ports import BlobStore, Protection
from shared.domain.regions import Residency
from shared.engines import paths
from shared.engines.copying import CopyState, Source
from shared.engines.create import create_once
from shared.engines.jws import Purpose, sign
from shared.engines.second_copy import Pulled, SecondCopy, Standing, pull, standing
from shared.engines.verify import Report, verify_snapshot
from shared.engines.wire import encode
from tests.backup import TENANT, Backup, small_tenant
from tests.fakes import FakeInspector
from tests.faults import (
    Call,
    Fault,
    Faults,
    FaultyBlobStore,
    Interleaved,
    crash_at,
    crash_points,
    fail,
    run_until_crash,
)
from tests.localrun.arm import RESOURCE_ID, ManagementPlane

NAMES = ("vault-35d", "evidence-400d", "chain")
HOUR = 3600.0


@dataclass
class Accounts:
    """Two accounts, and what a process that copies sees of them."""

    backup: Backup
    snapshots: list[str]
    evidence: MemoryBlobStore
    copies: dict[str, MemoryBlobStore]
    inspector: FakeInspector

    def fresh(self) -> Accounts:
        """The same first account, as a world of its own, with an empty second one."""
        return Accounts(self.backup.copy(), self.snapshots, copy.deepcopy(self.evidence), _empty(), FakeInspector())

    def ports(self, faults: Faults | None = None) -> SecondCopy:
        def seen(store: BlobStore) -> BlobStore:
            return store if faults is None else FaultyBlobStore(store, faults)

        backup = self.backup
        return SecondCopy(
            source=Source(
                {"vault-35d": seen(backup.vault)},
                seen(backup.chain),
                TENANT,
                backup.keys,
                backup.catalog,
                backup.clock,
            ),
            evidence=seen(self.evidence),
            copies={name: seen(store) for name, store in self.copies.items()},
            inspector=self.inspector,
            control=None,
            residency=Residency.EU,
        )

    async def pull(self, faults: Faults | None = None, over: Callable[[], bool] = lambda: False) -> Pulled:
        return await pull(self.ports(faults), over)

    async def standing(self, faults: Faults | None = None) -> Standing:
        return await standing(self.ports(faults))

    async def verify(self, snapshot: str) -> Report:
        vaults: dict[str, BlobStore] = {"vault-35d": self.copies["vault-35d"]}
        backup = self.backup
        return await verify_snapshot(
            vaults, self.copies["chain"], TENANT, backup.keys, backup.catalog, backup.clock, snapshot
        )

    async def another_day(self) -> str:
        self.backup.clock.advance(86400)
        self.snapshots.append((await self.backup.back_up()).snapshot)
        return self.snapshots[-1]

    def held(self) -> dict[str, dict[str, bytes]]:
        return {name: dict(store.blobs) for name, store in self.copies.items()}

    def whole(self) -> dict[str, dict[str, bytes]]:
        """What a copy of everything holds; the first account has no orphans here."""
        backup = self.backup
        return {"vault-35d": backup.vault.blobs, "evidence-400d": self.evidence.blobs, "chain": backup.chain.blobs}


def _empty() -> dict[str, MemoryBlobStore]:
    return {name: MemoryBlobStore(name) for name in NAMES}


_MADE: list[Accounts] = []


@pytest.fixture
async def accounts() -> Accounts:
    """Two snapshots and some evidence; made once, handed out as a world of its own."""
    if not _MADE:
        backup = Backup()
        small_tenant(backup.directory)
        made = Accounts(backup, [], MemoryBlobStore("evidence-400d"), _empty(), FakeInspector())
        for number in range(4):
            await create_once(made.evidence, f"v1/{TENANT}/plans/p{number}/plan.json", b"%d" % number)
        for _ in range(2):
            await made.another_day()
        _strip(made.backup.vault)
        _MADE.append(made)
    first = _MADE[0]
    made = first.fresh()
    made.snapshots = list(first.snapshots)
    return made


def _strip(vault: MemoryBlobStore) -> None:
    """Without checkpoints, which no manifest names."""
    for name in [one for one in vault.blobs if "/parts/" in one and one.rpartition("/")[2].count(".") > 1]:
        if name.rpartition("/")[2].split(".")[-2].isdigit():
            del vault.blobs[name]


def states(pulled: Pulled) -> list[CopyState]:
    return [one.state for one in pulled.vault.snapshots]


def after(calls: int) -> Callable[[], bool]:
    """A time that is over after so many looks at it."""
    looks: Iterator[bool] = iter([False] * calls)
    return lambda: next(looks, True)


async def test_everything_comes_over_and_a_second_time_nothing_is_written(accounts: Accounts) -> None:
    pulled = await accounts.pull()
    assert states(pulled) == [CopyState.COPIED, CopyState.COPIED]
    assert (pulled.evidence.copied, pulled.unfinished, pulled.vault.good) == (4, False, True)
    assert accounts.held() == accounts.whole()
    for snapshot in accounts.snapshots:
        assert (await accounts.verify(snapshot)).good
    faults = Faults()
    again = await accounts.pull(faults)
    assert states(again) == [CopyState.HELD, CopyState.HELD]
    assert (again.evidence.held, again.evidence.copied) == (4, 0)
    assert faults.writes == []
    assert again.vault.head == pulled.vault.head == await accounts.backup.repository().head()


async def test_slices_of_any_length_come_to_the_same_end_and_each_leaves_only_whole_snapshots(
    accounts: Accounts,
) -> None:
    for length in (0, 11, 40):
        world = accounts.fresh()
        slices = 0
        while slices < 100:
            slices += 1
            faults = Faults()
            pulled = await world.pull(faults, after(length))
            for committed in await _copied(world):
                assert (await world.verify(committed)).good
            if not pulled.unfinished:
                break
            assert length == 0 or faults.written, "a slice that got nowhere"
        if length == 0:
            assert faults.writes == []  # no time at all: nothing is begun
            continue
        assert slices > 2
        assert world.held() == accounts.whole()


async def _copied(world: Accounts) -> list[str]:
    """Snapshots that a reader of the copy is offered."""
    return [
        one.entry.snapshot
        for one in await Backup(
            vault=world.copies["vault-35d"], chain=world.copies["chain"], clock=world.backup.clock
        )
        .repository()
        .entries()
    ]


async def test_what_an_earlier_slice_copied_is_not_sent_again(accounts: Accounts) -> None:
    written: list[str] = []
    for _ in range(50):
        faults = Faults()
        pulled = await accounts.pull(faults, after(30))
        written += [call.what for call in faults.writes]
        if not pulled.unfinished:
            break
    assert not pulled.unfinished
    assert len(written) == len(set(written)) == sum(len(blobs) for blobs in accounts.whole().values())


@pytest.mark.parametrize("before", [False, True])
async def test_a_copier_that_dies_at_any_write_leaves_no_half_snapshot_and_the_next_one_ends_it(
    accounts: Accounts, before: bool
) -> None:
    counting = Faults()
    await accounts.fresh().pull(counting)
    writes = len(counting.writes)
    # The evidence, the second snapshot's entry, commit, manifest and last blobs; of the others, some. All: below.
    for number in (*range(1, writes - 10, 41), *range(writes - 8, writes + 1)):
        world = accounts.fresh()
        assert await run_until_crash(world.pull(Faults(crash_at(number, before=before))))
        for snapshot in await _copied(world):
            assert (await world.verify(snapshot)).good, number
        pulled = await world.pull()
        assert pulled.vault.good
        assert world.held() == accounts.whole(), number


async def test_two_copiers_at_once_make_one_copy(accounts: Accounts) -> None:
    for seed in range(4):
        world = accounts.fresh()
        rng = random.Random(seed)
        both = [world.pull(Interleaved(rng)), world.pull(Interleaved(rng))]
        for pulled in await asyncio.gather(*both):
            assert pulled.vault.good
            assert pulled.evidence.findings == []
            assert set(states(pulled)) <= {CopyState.COPIED, CopyState.HELD}
        assert world.held() == accounts.whole()


async def test_a_backup_that_commits_meanwhile_is_found_by_the_next_run(accounts: Accounts) -> None:
    """The chain is read once a run, the target's first: what comes later can't look like a loss."""
    other = accounts.ports()

    class Committing(Faults):
        async def around(self, what: str, call, *, write: bool, port: str):  # type: ignore[no-untyped-def]
            if what.startswith("list chain") and not self.calls:
                await super().around(what, call, write=write, port=port)
                await accounts.another_day()
                await pull(other, lambda: False)
            return await super().around(what, call, write=write, port=port)

    pulled = await accounts.pull(Committing())
    assert pulled.vault.findings == []
    assert (await accounts.standing()).missing == ()


# --- storage ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [StorageDown, StorageDenied])
@pytest.mark.parametrize("what", ["get vault-35d", "get chain", "list chain", "put vault-35d", "put chain"])
async def test_storage_that_is_away_ends_the_run_without_a_finding_and_the_next_one_goes_on(
    accounts: Accounts, error: type[Exception], what: str
) -> None:
    with pytest.raises(error):
        await accounts.pull(
            Faults(fail(what, lambda: error("away"), times=10_000, skip=2 if "list" in what else 0))
        )
    for snapshot in await _copied(accounts):
        assert (await accounts.verify(snapshot)).good
    assert (await accounts.pull()).vault.good
    assert accounts.held() == accounts.whole()


async def test_lost_answers_and_outages_of_single_writes_cost_no_more_than_another_run(accounts: Accounts) -> None:
    rng = random.Random(5)

    def shaky(call: Call) -> Fault | None:
        if not call.write or rng.random() > 0.02:
            return None
        return Fault(lambda: StorageDown("away"), before=rng.random() < 0.5)

    for _ in range(100):
        try:
            pulled = await accounts.pull(Faults(shaky))
        except StorageDown:
            continue
        break
    assert pulled.vault.good
    assert accounts.held() == accounts.whole()


async def test_an_account_that_is_full_holds_whole_snapshots_and_takes_the_rest_when_there_is_room(
    accounts: Accounts,
) -> None:
    room = sum(map(len, accounts.backup.vault.blobs.values())) // 2
    used = 0

    def full(call: Call) -> Fault | None:
        nonlocal used
        if not call.write:
            return None
        used += len(accounts.backup.vault.blobs.get(call.what.partition("/")[2], b""))
        return Fault(lambda: StorageDown("full"), before=True) if used > room else None

    for _ in range(3):
        with pytest.raises(StorageDown):
            await accounts.pull(Faults(full))
        for snapshot in await _copied(accounts):
            assert (await accounts.verify(snapshot)).good
    assert (await accounts.pull()).vault.good
    assert accounts.held() == accounts.whole()


# --- a vault that is not what it was ---------------------------------------------------------------------------


async def test_a_tampered_pack_is_named_and_not_copied_and_the_next_snapshot_is(accounts: Accounts) -> None:
    first = accounts.snapshots[0]
    vault = accounts.backup.vault.blobs
    name = next(one for one in vault if first in one and "/objects/users/" in one)
    vault[name] = vault[name][:-1] + bytes([vault[name][-1] ^ 1])
    pulled = await accounts.pull()
    assert states(pulled) == [CopyState.DAMAGED, CopyState.COPIED]
    assert [one.name for one in pulled.vault.snapshots[0].findings] == [name.partition(f"{first}/")[2]]
    assert not any(first in one for one in accounts.copies["vault-35d"].blobs)
    assert (await accounts.verify(accounts.snapshots[1])).good
    stands = await accounts.standing()
    assert stands.missing == (first,)
    assert stands.newest == accounts.snapshots[1]


async def test_a_blob_that_changes_between_verifying_and_copying_is_not_copied(accounts: Accounts) -> None:
    vault = accounts.backup.vault.blobs
    name = next(one for one in vault if accounts.snapshots[0] in one and "/objects/users/" in one)
    spoiled = vault[name] + b"x"
    reads = 0

    class Swapping(MemoryBlobStore):
        async def get(self, asked: str) -> bytes:
            nonlocal reads
            reads += asked == name
            return spoiled if asked == name and reads > 2 else await super().get(asked)

    store = Swapping("vault-35d")
    store.blobs = vault
    ports = accounts.ports()
    ports = replace(ports, source=replace(ports.source, vaults={"vault-35d": store}))
    pulled = await pull(ports, lambda: False)
    assert reads > 2
    assert states(pulled) == [CopyState.DAMAGED, CopyState.COPIED]
    assert spoiled not in accounts.copies["vault-35d"].blobs.values()
    assert "verified" in pulled.vault.snapshots[0].findings[0].why


async def test_an_older_chain_is_a_finding_and_the_copy_keeps_what_it_has(accounts: Accounts) -> None:
    await accounts.pull()
    whole = accounts.held()
    name = paths.chain_entry(TENANT, 2)
    removed = accounts.backup.chain.blobs.pop(name)
    pulled = await accounts.pull()
    assert [(one.name, one.why) for one in pulled.vault.findings] == [
        (name, "the copy holds this entry, and the vault doesn't show it")
    ]
    assert not pulled.vault.good
    assert pulled.vault.head.startswith("2:")  # its own head, not the vault's
    assert accounts.held() == whole
    assert [one.name for one in (await accounts.standing()).findings] == [name]
    accounts.backup.chain.blobs[name] = removed
    assert (await accounts.pull()).vault.good


async def test_a_chain_that_goes_on_otherwise_is_never_copied_over_nor_is_anything_behind_it(
    accounts: Accounts,
) -> None:
    """The backup app's key is enough to sign another entry 2; the copy remembers the first one."""
    await accounts.pull()
    whole = accounts.held()
    del accounts.backup.chain.blobs[paths.chain_entry(TENANT, 2)]
    await accounts.another_day()  # takes number 2, with a valid signature
    later = await accounts.another_day()
    pulled = await accounts.pull()
    name = paths.chain_entry(TENANT, 2)
    assert [(one.name, one.why) for one in pulled.vault.findings] == [
        (name, "the vault shows another entry than the copy holds")
    ]
    assert states(pulled) == [CopyState.HELD]
    assert accounts.held() == whole
    assert later in (await accounts.standing()).missing


async def test_an_entry_that_somebody_planted_in_the_copy_stops_the_chain_there(accounts: Accounts) -> None:
    name = paths.chain_entry(TENANT, 2)
    accounts.copies["chain"].blobs[name] = b"planted"
    pulled = await accounts.pull()
    assert name in [one.name for one in pulled.vault.findings]
    assert accounts.copies["chain"].blobs[name] == b"planted"
    assert (await accounts.verify(accounts.snapshots[0])).snapshot == accounts.snapshots[0]


async def test_entries_signed_by_another_key_are_not_copied(accounts: Accounts) -> None:
    from shared.adapters.keys import LocalSigner

    chain = accounts.backup.chain.blobs
    entry = (await accounts.backup.repository().entries())[1].entry
    chain[paths.chain_entry(TENANT, 2)] = await sign(LocalSigner.generate(), Purpose.CHAIN, encode(entry))
    pulled = await accounts.pull()
    assert states(pulled) == [CopyState.COPIED]
    assert [one.name for one in pulled.vault.findings] == [paths.chain_entry(TENANT, 2)]
    assert list(accounts.copies["chain"].blobs) == [paths.chain_entry(TENANT, 1)]


async def test_entries_that_expired_in_the_vault_are_no_finding(accounts: Accounts) -> None:
    await accounts.pull()
    accounts.backup.clock.advance(401 * 86400)
    snapshot = await accounts.another_day()
    for seq in (1, 2):
        del accounts.backup.chain.blobs[paths.chain_entry(TENANT, seq)]
    pulled = await accounts.pull()
    assert pulled.vault.findings == []
    assert (await accounts.verify(snapshot)).good
    assert (await accounts.standing()).missing == ()


async def test_evidence_of_other_bytes_is_told_and_the_rest_is_copied(accounts: Accounts) -> None:
    await accounts.pull()
    changed = f"v1/{TENANT}/plans/p1/plan.json"
    accounts.evidence.blobs[changed] = b"another plan"
    accounts.evidence.blobs["../outside"] = b"a name that leads out"
    await create_once(accounts.evidence, f"v1/{TENANT}/plans/p9/plan.json", b"9")
    pulled = await accounts.pull()
    assert sorted(one.name for one in pulled.evidence.findings) == ["../outside", changed]
    assert pulled.evidence.copied == 1
    assert accounts.copies["evidence-400d"].blobs[changed] == b"1"


# --- what is known of it ----------------------------------------------------------------------------------------


async def test_the_lag_is_the_age_of_the_oldest_snapshot_that_is_missing(accounts: Accounts) -> None:
    now = accounts.backup.clock.now
    assert (await accounts.standing()).missing == tuple(accounts.snapshots)
    await accounts.pull()
    stands = await accounts.standing()
    assert (stands.missing, stands.lag(now()), stands.held) == ((), timedelta(), 2)
    missed = await accounts.another_day()
    await accounts.another_day()
    accounts.backup.clock.advance(2 * HOUR)
    stands = await accounts.standing()
    assert stands.missing[0] == missed
    assert stands.lag(now()) == now() - paths.snapshot_time(missed)
    assert stands.newest == accounts.snapshots[1]


async def test_a_vault_that_is_away_makes_the_lag_that_of_the_newest_copy(accounts: Accounts) -> None:
    await accounts.pull()
    accounts.backup.clock.advance(30 * HOUR)
    # The copy's chain is listed first; each of its entries and the end of the list count.
    own = len(accounts.copies["chain"].blobs) + 1
    stands = await accounts.standing(Faults(fail("list chain", lambda: StorageDown("gone"), skip=own)))
    assert stands.away == "StorageDown: gone"
    assert stands.lag(accounts.backup.clock.now()) == timedelta(hours=30)
    assert stands.newest == accounts.snapshots[1]


async def test_an_expired_snapshot_is_not_missing(accounts: Accounts) -> None:
    accounts.backup.clock.advance(40 * 86400)
    assert (await accounts.standing()).missing == ()
    assert set(states(await accounts.pull())) == {CopyState.EXPIRED}
    assert (await accounts.standing()).head


async def test_what_does_not_protect_the_copy_is_told_and_the_copy_is_made(accounts: Accounts) -> None:
    accounts.inspector = FakeInspector(locked=False, why="the retention policy is not locked")
    pulled = await accounts.pull()
    assert {name: one.why for name, one in pulled.protections.items()} == dict.fromkeys(
        NAMES, "the retention policy is not locked"
    )
    assert not any(one.locked for one in pulled.protections.values())
    assert accounts.held() == accounts.whole()


@pytest.mark.parametrize("error", [StorageDown, StorageDenied, BlobMissing])
async def test_a_lock_that_could_not_be_seen_does_not_count(accounts: Accounts, error: type[Exception]) -> None:
    class Blind:
        async def protections(self, containers: Sequence[str]) -> Mapping[str, Protection]:
            raise error("no")

    accounts.inspector = Blind()  # type: ignore[assignment]
    pulled = await accounts.pull()
    seen = {(one.locked, one.why) for one in pulled.protections.values()}
    assert seen == {(False, f"could not be checked ({error.__name__})")}


async def test_nothing_is_copied_to_an_account_outside(accounts: Accounts) -> None:
    async with ManagementPlane() as plane:
        plane.account["properties"]["primaryLocation"] = "switzerlandnorth"
        control = ArmVaultControl.open(RESOURCE_ID, LoopbackToken(), plane.url)
        try:
            with pytest.raises(Refused, match="switzerlandnorth is not in the EU"):
                await pull(replace(accounts.ports(), control=control), lambda: False)
            assert not any(accounts.held().values())
            wider = replace(accounts.ports(), control=control, residency=Residency.EU_DATA_BOUNDARY)
            assert (await pull(wider, lambda: False)).vault.good
        finally:
            await control.close()


@pytest.mark.full
async def test_a_copier_that_dies_at_each_of_all_its_writes(accounts: Accounts) -> None:
    counting = Faults()
    await accounts.fresh().pull(counting)
    for rule in crash_points(len(counting.writes)):
        world = accounts.fresh()
        assert await run_until_crash(world.pull(Faults(rule)))
        for snapshot in await _copied(world):
            assert (await world.verify(snapshot)).good
        assert (await world.pull()).vault.good
        assert world.held() == accounts.whole()

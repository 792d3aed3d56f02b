"""Legal holds: what is held is whole, stays readable after its promise, and nothing dies half held."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.memory import MemoryBlobStore
from shared.domain.errors import BlobMissing, ContainerMissing, IntegrityError, Refused, StorageDenied, Unusable
from shared.domain.holds import HOLD_FORMAT, Hold, Release, check_tag
from shared.domain.ports import BlobStore, VaultControl
from shared.domain.vault import AccountState, ContainerState, LegalHold, RetentionPolicy
from shared.engines.chain import Committed
from shared.engines.copying import CopyState, Source, copy_vault
from shared.engines.holding import HoldPorts, release_hold, set_hold
from shared.engines.holds import Holds, Standing, hold_shortfalls
from shared.engines.repository import Repository
from shared.engines.verify import Kind, verify_committed
from shared.engines.wire import encode
from tests.backup import TENANT, Backup, content, small_tenant
from tests.faults import Faults, FaultyBlobStore, FaultyVaultControl, crash_at, run_until_crash

DAY = 86_400.0
TAG = "case2026031"


class Account:
    """The holds of one account's containers, as the management plane keeps them."""

    def __init__(self) -> None:
        self.containers: dict[str, list[LegalHold]] = {"hold": []}

    async def account(self) -> AccountState:
        return AccountState("westeurope", "", False, False, False, 0, 0, ())

    async def container(self, name: str) -> ContainerState:
        if name not in self.containers:
            raise BlobMissing(f"there is no {name}")
        return ContainerState(name, None, tuple(self.containers[name]), versioned=False)

    async def lock(self, name: str, etag: str) -> RetentionPolicy:
        raise Refused("there is no policy")

    async def extend(self, name: str, days: int, etag: str) -> RetentionPolicy:
        raise Refused("there is no policy")

    async def hold(self, name: str, tag: str) -> None:
        if tag not in self.tags():
            self.containers[name].append(LegalHold(tag, datetime(2026, 11, 22, tzinfo=UTC)))

    async def release(self, name: str, tag: str) -> None:
        self.containers[name] = [one for one in self.containers[name] if one.tag != tag]

    def tags(self) -> list[str]:
        return [one.tag for one in self.containers["hold"]]


class Case:
    """A vault with snapshots, a hold container and the account's holds. They outlive the processes."""

    def __init__(self, backup: Backup, snapshots: list[str]) -> None:
        self.backup = backup
        self.snapshots = snapshots
        self.store = MemoryBlobStore("hold")
        self.account = Account()

    def again(self) -> Case:
        """The same vault, and nothing held."""
        return Case(self.backup, self.snapshots)

    @property
    def holds(self) -> Holds:
        return Holds(self.store, TENANT)

    def source(self, *, held: bool = False) -> Source:
        backup = self.backup
        vaults: dict[str, BlobStore] = {"vault-35d": backup.vault}
        holds = self.holds if held else None
        return Source(vaults, backup.chain, TENANT, backup.keys, backup.catalog, backup.clock, holds=holds)

    def ports(self, faults: Faults | None = None) -> HoldPorts:
        store: BlobStore = self.store
        control: VaultControl = self.account
        if faults is not None:
            store, control = FaultyBlobStore(store, faults), FaultyVaultControl(control, faults)
        return HoldPorts(self.source(), Holds(store, TENANT), control)

    def repository(self) -> Repository:
        backup = self.backup
        return Repository({"vault-35d": backup.vault}, backup.chain, TENANT, backup.keys, backup.clock, self.holds)

    async def committed(self, snapshot: str) -> Committed:
        return next(one.committed for one in await self.repository().entries() if one.entry.snapshot == snapshot)

    def wanted(self, snapshot: str, tag: str = TAG, *, days: float = 180, by: str = "counsel") -> Hold:
        now = self.backup.clock.now()
        review = datetime(2026, 11, 22, tzinfo=UTC) + timedelta(days=days)
        return Hold(HOLD_FORMAT, TENANT, snapshot, "0" * 64, tag, "31/2026", "court order", by, now, review)

    async def hold(
        self, snapshot: str, tag: str = TAG, *, days: float = 180, faults: Faults | None = None
    ) -> Standing:
        wanted = self.wanted(snapshot, tag, days=days)
        return await set_hold(self.ports(faults), await self.committed(snapshot), wanted)

    async def release(self, tag: str = TAG, *, faults: Faults | None = None) -> list[Standing]:
        release = Release(HOLD_FORMAT, TENANT, tag, "closed", "counsel", self.backup.clock.now())
        return await release_hold(self.ports(faults), release)

    def wrong(self, holds: list[Standing]) -> list[str]:
        state = ContainerState("hold", None, tuple(self.account.containers["hold"]), versioned=False)
        return [one.what for one in hold_shortfalls(state, holds, self.backup.clock.now())]


@pytest.fixture
async def case() -> Case:
    backup = Backup()
    small_tenant(backup.directory)
    snapshots = []
    for number in range(2):
        backup.directory.put("users", id=f"late-{number}", displayName=f"Late {number}")
        snapshots.append((await backup.back_up()).snapshot)
        backup.clock.advance(DAY)
    return Case(backup, snapshots)


async def test_a_held_snapshot_is_read_and_verified_after_its_promise_and_after_its_blobs_are_gone(
    case: Case,
) -> None:
    first, second = case.snapshots
    before = await content(await case.repository().open(first))
    await case.hold(first)
    assert case.account.tags() == [TAG]
    case.backup.clock.advance(40 * DAY)
    case.backup.vault.blobs.clear()
    repository = case.repository()
    assert await content(await repository.open(first)) == before
    assert [one.expired for one in await repository.entries()] == [True, True]  # what that means hasn't changed
    with pytest.raises(Unusable, match="expired"):
        await repository.open(second)
    with pytest.raises(Unusable, match="every snapshot has expired"):
        await repository.open()
    report = await _verified(case, first)
    assert report.good
    assert report.blobs > 20
    assert "legal hold" in report.notes[0]
    assert (await _verified(case, second)).blobs == 0


async def _verified(case: Case, snapshot: str):  # type: ignore[no-untyped-def]
    source = case.source()
    committed = await case.committed(snapshot)
    return await verify_committed(
        source.vaults, source.keys, source.catalog, source.clock, committed, holds=case.holds
    )


async def test_tampering_with_what_is_held_is_found(case: Case) -> None:
    first = case.snapshots[0]
    await case.hold(first)
    case.backup.clock.advance(40 * DAY)
    name = next(one for one in case.store.blobs if "/objects/users/" in one)
    case.store.blobs[name] = case.store.blobs[name][:-1] + b"\0"
    assert [one.kind for one in (await _verified(case, first)).findings] == [Kind.BLOB]


async def test_until_its_promise_ends_a_snapshot_is_read_where_it_was(case: Case) -> None:
    first = case.snapshots[0]
    await case.hold(first)
    case.store.blobs.clear()
    assert (await case.repository().open(first)).id == first


async def test_a_death_at_any_write_leaves_no_hold_or_one_that_a_repeat_completes(case: Case) -> None:
    first = case.snapshots[0]
    whole = case.again()
    log = Faults()
    await whole.hold(first, faults=log)
    writes = len(log.writes)
    assert [one.what.split(" ")[0] for one in log.writes[-2:]] == ["put", "hold"]  # the record, then the tag
    points = [*range(1, writes - 4, 19), *range(writes - 4, writes + 1)]
    for number in points:
        for before in (True, False):
            fresh = case.again()
            assert await run_until_crash(fresh.hold(first, faults=Faults(crash_at(number, before=before))))
            found = await fresh.holds.all()
            if fresh.account.tags():
                assert [one.hold.tag for one in found] == [TAG]  # a tag never stands without its record
            elif found:
                assert "is not in force" in fresh.wrong(found)[0]  # told, with what to do
            await fresh.hold(first)
            assert fresh.wrong(await fresh.holds.all()) == []
            assert fresh.account.tags() == [TAG]
            assert fresh.store.blobs == whole.store.blobs


async def test_a_release_that_dies_is_told_and_completed_by_a_repeat(case: Case) -> None:
    first = case.snapshots[0]
    for number in (1, 2):
        for before in (True, False):
            fresh = case.again()
            await fresh.hold(first)
            assert await run_until_crash(fresh.release(faults=Faults(crash_at(number, before=before))))
            found = await fresh.holds.all()
            if fresh.account.tags() and not found[0].active:
                assert fresh.wrong(found) == [f"hold {TAG} is released and its tag is still set; release it again"]
            assert [one.hold.snapshot for one in await fresh.release()] == [first]
            assert fresh.account.tags() == []
            assert fresh.wrong(await fresh.holds.all()) == []


async def test_a_released_snapshot_is_expired_again_and_one_under_another_hold_stays(case: Case) -> None:
    first, second = case.snapshots
    await case.hold(first)
    await case.hold(second)
    await case.hold(second, "other2026")
    case.backup.clock.advance(40 * DAY)
    await case.release()
    assert case.account.tags() == ["other2026"]
    with pytest.raises(Unusable, match="expired"):
        await case.repository().open(first)
    assert (await case.repository().open(second)).id == second
    with pytest.raises(Refused, match="not used twice"):
        await case.hold(second)
    with pytest.raises(Refused, match="no hold with the tag"):
        await case.release("never")


async def test_another_review_date_is_a_further_record_and_the_same_one_is_none(case: Case) -> None:
    first = case.snapshots[0]
    assert (await case.hold(first)).number == 1
    case.backup.clock.advance(60)
    assert (await case.hold(first)).number == 1
    assert (await case.hold(first, days=300)).number == 2
    (only,) = await case.holds.all()
    assert f"{only.hold.review:%Y-%m-%d}" == "2027-09-18"
    assert len([name for name in case.store.blobs if "/holds/" in name]) == 2
    assert not only.overdue(case.backup.clock.now())
    case.backup.clock.advance(301 * DAY)
    assert case.wrong([only]) == [f"hold {TAG} of {first} was to be reviewed by 2027-09-18"]


async def test_an_expired_snapshot_is_held_further_from_its_held_copy_only(case: Case) -> None:
    first, second = case.snapshots
    await case.hold(first)
    case.backup.clock.advance(40 * DAY)
    case.backup.vault.blobs.clear()
    await case.hold(first, "other2026")
    with pytest.raises(Refused, match="it expired on"):
        await case.hold(second)
    assert case.account.tags() == [TAG, "other2026"]


async def test_what_is_damaged_is_not_held(case: Case) -> None:
    first = case.snapshots[0]
    name = next(one for one in case.backup.vault.blobs if first in one and "/objects/" in one)
    case.backup.vault.blobs[name] = b"damaged"
    with pytest.raises(Refused, match="not as it was committed"):
        await case.hold(first)
    assert (case.account.tags(), case.store.blobs) == ([], {})


async def test_a_copy_of_which_parts_are_gone_is_filled_and_a_planted_blob_stops_the_hold(case: Case) -> None:
    first = case.snapshots[0]
    await case.hold(first)
    whole = dict(case.store.blobs)
    await case.release()
    gone = next(one for one in case.store.blobs if "/objects/users/" in one)
    del case.store.blobs[gone]  # deleting had begun when the case came up again
    await case.hold(first, "other2026")
    assert case.store.blobs[gone] == whole[gone]
    fresh = case.again()
    fresh.store.blobs[gone] = b"planted"
    with pytest.raises(Refused, match="something else under one of its names"):
        await fresh.hold(first)
    assert fresh.account.tags() == []


async def test_ten_tags_are_all_there_are_and_a_foreign_one_is_left_alone(case: Case) -> None:
    first = case.snapshots[0]
    await case.account.hold("hold", "byhand")
    assert case.wrong([]) == ["tag byhand is set and no record says why"]
    with pytest.raises(Refused, match="no record says why"):
        await case.hold(first, "byhand")
    for number in range(9):
        await case.account.hold("hold", f"tag{number}")
    with pytest.raises(Refused, match="all that a container can have"):
        await case.hold(first)
    assert case.store.blobs == {}


async def test_a_tag_that_is_released_while_it_is_set_is_cleared_again(case: Case) -> None:
    first, second = case.snapshots
    await case.hold(first)
    account = case.account
    set_tag = account.hold

    async def overtaken(name: str, tag: str) -> None:
        account.hold = set_tag  # type: ignore[method-assign]
        await case.release(tag)
        await set_tag(name, tag)

    account.hold = overtaken  # type: ignore[method-assign]
    with pytest.raises(Refused, match="released meanwhile"):
        await case.hold(second)
    assert account.tags() == []


async def test_a_record_that_was_written_for_another_place_or_is_none_is_an_integrity_error(case: Case) -> None:
    first, second = case.snapshots
    await case.hold(first)
    name = next(one for one in case.store.blobs if "/holds/" in one)
    for data in (encode(case.wanted(second)), encode(replace(case.wanted(first), tenant="other")), b"{}"):
        case.store.blobs[name] = data
        with pytest.raises(IntegrityError):
            await case.holds.all()


async def test_holds_that_can_not_be_read_are_told_and_no_container_means_no_hold(case: Case) -> None:
    class Denied(MemoryBlobStore):
        error: type[StorageDenied] = StorageDenied

        async def list(self, prefix: str = ""):  # type: ignore[no-untyped-def,override]
            raise self.error("HTTP 403")
            yield

    case.backup.clock.advance(40 * DAY)
    case.store = Denied("hold")
    with pytest.raises(Unusable, match="under a legal hold can't be read: HTTP 403"):
        await case.repository().open(case.snapshots[0])
    case.store.error = ContainerMissing
    with pytest.raises(Unusable, match=r"^it expired on 2026-12-27 \("):
        await case.repository().open(case.snapshots[0])


async def test_an_export_takes_what_is_held_and_why(case: Case) -> None:
    first = case.snapshots[0]
    await case.hold(first)
    case.backup.clock.advance(40 * DAY)
    stores = {name: MemoryBlobStore(name) for name in ("vault-35d", "chain", "hold")}
    report = await copy_vault(case.source(held=True), lambda name: stores[name])
    assert [one.state for one in report.snapshots] == [CopyState.COPIED, CopyState.EXPIRED]
    assert stores["hold"].blobs == case.store.blobs
    assert stores["vault-35d"].blobs == {}
    again = await copy_vault(case.source(held=True), lambda name: stores[name])
    assert [one.state for one in again.snapshots] == [CopyState.HELD, CopyState.EXPIRED]


@pytest.mark.parametrize("tag", ["", "ab", "Case1", "case-1", "a" * 24, "../x", "käse"])
def test_a_tag_has_the_service_s_form(tag: str) -> None:
    with pytest.raises(Unusable):
        check_tag(tag)

"""Reading what was committed: only what verifies, only what is offered, and the live tenant the same way."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.adapters.keys import LocalSigner
from shared.adapters.memory import MemoryBlobStore
from shared.domain.errors import GraphDown, IntegrityError, Unusable
from shared.domain.snapshot import IndexEntry, State
from shared.engines import paths
from shared.engines.jws import Purpose, sign, verify
from shared.engines.live import LiveView, read_live
from shared.engines.repository import Repository
from shared.engines.view import PackedView
from tests.backup import TENANT, Backup, content, small_tenant
from tests.fakes import FakeDirectory, forbidden, once, page_expired, refuse

DAY = timedelta(days=1).total_seconds()


async def backed_up(times: int = 1) -> Backup:
    backup = Backup()
    small_tenant(backup.directory)
    for number in range(times):
        if number:
            backup.clock.advance(DAY)
            backup.directory.put("users", id=f"day-{number}", displayName="New")
        await backup.back_up()
    return backup


async def test_latest_is_the_newest_and_every_one_can_be_opened() -> None:
    backup = await backed_up(4)
    repository = backup.repository()
    listed = [one.entry.snapshot for one in await repository.entries()]
    assert listed == sorted(listed)
    assert len(listed) == 4
    assert (await repository.open()).id == listed[-1]
    for number, name in enumerate(listed):
        snapshot = await repository.open(name)
        assert snapshot.id == snapshot.label == name
        assert len([entry async for entry in snapshot.index("users")]) == 8 + number
    assert await repository.head() == (await repository.open()).committed.head


async def test_an_unknown_snapshot_is_refused_with_the_nearest_ones_named() -> None:
    backup = await backed_up(3)
    with pytest.raises(Unusable, match="20261122T000000Z-full") as refused:
        await backup.repository().open("20261123T120000Z-full")
    assert "20261124T000000Z-full" in str(refused.value)
    for name in ("", "yesterday", "../x"):
        with pytest.raises(Unusable):
            await backup.repository().open(name)


async def test_an_empty_chain_has_no_snapshot() -> None:
    repository = Backup().repository()
    assert await repository.entries() == []
    assert await repository.head() == ""
    with pytest.raises(Unusable):
        await repository.open()


async def test_an_expired_snapshot_is_marked_and_not_offered() -> None:
    backup = await backed_up(2)
    names = [one.entry.snapshot for one in await backup.repository().entries()]
    backup.clock.advance(34.5 * DAY)
    assert [one.expired for one in await backup.repository().entries()] == [True, False]
    with pytest.raises(Unusable, match="expired"):
        await backup.repository().open(names[0])
    assert (await backup.repository().open()).id == names[1]
    backup.clock.advance(DAY)
    with pytest.raises(Unusable, match="expired"):
        await backup.repository().open()


async def test_a_snapshot_in_a_container_that_is_not_at_hand_is_said_to_be() -> None:
    backup = await backed_up()
    repository = Repository({}, backup.chain, TENANT, backup.keys, backup.clock)
    with pytest.raises(Unusable, match="vault-35d"):
        await repository.open()


async def test_with_another_key_nothing_is_opened() -> None:
    backup = await backed_up()
    stranger = LocalSigner.generate().public_keys
    with pytest.raises(IntegrityError):
        await backup.repository(stranger).open()
    assert await backup.repository(stranger).entries() == []
    assert len(await backup.repository(stranger).damaged()) == 1


async def test_a_damaged_chain_entry_hides_no_other_snapshot_but_leaves_the_latest_unsaid() -> None:
    backup = await backed_up(3)
    names = [one.entry.snapshot for one in await backup.repository().entries()]
    backup.chain.blobs[paths.chain_entry(TENANT, 4)] = b"garbage"
    repository = backup.repository()
    assert [one.entry.snapshot for one in await repository.entries()] == names
    for name in names:
        assert (await repository.open(name)).id == name
    assert [seq for seq, _ in await repository.damaged()] == [4]
    with pytest.raises(IntegrityError):
        await repository.open()


@pytest.mark.parametrize("blob", [paths.MANIFEST, paths.COMMIT])
@pytest.mark.parametrize("how", ["gone", "changed", "empty"])
async def test_a_snapshot_whose_manifest_or_commit_was_touched_does_not_open(blob: str, how: str) -> None:
    backup = await backed_up()
    name = next(name for name in backup.vault.blobs if name.endswith(blob))
    data = backup.vault.blobs.pop(name)
    if how != "gone":
        backup.vault.blobs[name] = data[:-5] + b"AAAAA" if how == "changed" else b""
    with pytest.raises(IntegrityError):
        await backup.repository().open()


async def test_a_commit_signed_by_a_thief_of_the_chain_only_does_not_open() -> None:
    """Manifest and commit replaced together still don't fit the chain entry."""
    backup = await backed_up()
    folder = paths.folder(TENANT, (await backup.repository().open()).id)
    commit = folder + paths.COMMIT
    backup.vault.blobs[commit] = await sign(backup.signer, Purpose.SNAPSHOT, b"{}")
    with pytest.raises(IntegrityError):
        await backup.repository().open()


async def test_a_manifest_that_is_well_formed_but_not_the_signed_one_does_not_open() -> None:
    backup = await backed_up()
    name = next(name for name in backup.vault.blobs if name.endswith(paths.MANIFEST))
    backup.vault.blobs[name] = backup.vault.blobs[name].replace(b'"protected":true', b'"protected":false')
    with pytest.raises(IntegrityError):
        await backup.repository().open()


async def test_a_commit_signed_anew_is_not_the_one_in_the_chain() -> None:
    backup = await backed_up()
    name = next(name for name in backup.vault.blobs if name.endswith(paths.COMMIT))
    payload = verify(backup.vault.blobs[name], Purpose.SNAPSHOT, backup.keys)
    backup.vault.blobs[name] = await sign(backup.signer, Purpose.SNAPSHOT, payload)
    with pytest.raises(IntegrityError):
        await backup.repository().open()


async def test_an_index_of_another_length_than_the_manifest_says_is_an_integrity_error() -> None:
    backup = await backed_up()
    snapshot = await backup.repository().open()
    users = snapshot.manifest.types["users"]
    for count in (users.count - 1, users.count + 1):
        types = {**snapshot.manifest.types, "users": replace(users, count=count)}
        folder = paths.folder_of(TENANT, snapshot.id)
        view = PackedView(backup.vault, folder, replace(snapshot.manifest, types=types), "x")
        with pytest.raises(IntegrityError):
            _ = [one async for one in view.index("users")]


@pytest.mark.parametrize("part", ["/objects/users/", "/index/users/", "/index/groups.members/"])
async def test_a_touched_blob_is_found_when_it_is_read(part: str) -> None:
    backup = await backed_up()
    name = next(name for name in backup.vault.blobs if part in name)
    backup.vault.blobs[name] = backup.vault.blobs[name][:-1]
    snapshot = await backup.repository().open()
    with pytest.raises(IntegrityError):
        await content(snapshot)


async def test_an_index_that_points_nowhere_is_an_integrity_error() -> None:
    backup = await backed_up()
    snapshot = await backup.repository().open()
    for pack, line in ((99, 0), (-1, 0), (0, 10**6), (0, -1)):
        with pytest.raises(IntegrityError):
            await snapshot.get("users", IndexEntry("user-000", "", "", pack, line))


async def test_a_type_that_was_not_read_gives_nothing_and_says_so() -> None:
    backup = await backed_up()
    snapshot = await backup.repository().open()
    assert [one async for one in snapshot.index("printers")] == []
    assert [one async for one in snapshot.links("printers", "owners")] == []
    assert [one async for one in snapshot.objects("printers")] == []
    assert snapshot.completeness("printers").state is State.NOT_READ


# --- the live view -------------------------------------------------------------------------------------------


async def live(backup: Backup, *types: str, store: MemoryBlobStore | None = None) -> LiveView:
    return await read_live(
        backup.directory,
        backup.catalog,
        store or MemoryBlobStore("scratch"),
        backup.clock,
        tenant=TENANT,
        types=types,
        limits=replace(backup.limits, replication_wait=300.0),
    )


async def test_the_live_view_shows_what_a_snapshot_would() -> None:
    backup = await backed_up()
    view = await live(backup)
    held = await content(await backup.repository().open())
    assert await content(view) == {name: value for name, value in held.items() if name != "directoryAudits"}
    assert view.label == "live"
    assert view.as_of == backup.clock.now()
    assert view.completeness("users").is_complete


async def test_the_live_view_waits_for_nothing_and_asks_for_no_delta() -> None:
    backup = Backup()
    small_tenant(backup.directory)
    await live(backup)
    assert backup.clock.monotonic() == 0
    assert not any("delta" in path for path in backup.directory.requests)
    assert sum(path == "/beta/identity/conditionalAccess/policies" for path in backup.directory.requests) == 1


async def test_the_live_view_of_some_types_says_that_the_others_were_not_read() -> None:
    backup = Backup()
    small_tenant(backup.directory)
    view = await live(backup, "groups")
    assert {entry.id async for entry in view.index("groups")} == {"group-0", "group-1", "group-2"}
    assert view.completeness("users").state is State.NOT_READ
    assert view.completeness("groups.members").is_complete


async def test_two_live_views_share_a_scratch_store_without_meeting() -> None:
    backup = Backup()
    small_tenant(backup.directory)
    store = MemoryBlobStore("scratch")
    first = await live(backup, "users", store=store)
    before = await content(first)
    backup.directory.put("users", id="user-000", displayName="Renamed")
    second = await live(backup, "users", store=store)
    assert await content(first) == before
    found = await second.find("users", "user-000")
    assert found is not None
    assert json.loads(await second.get("users", found))["displayName"] == "Renamed"


async def test_the_live_view_says_what_it_may_not_read() -> None:
    backup = Backup()
    small_tenant(backup.directory)
    backup.directory.before.append(refuse("/conditionalAccess/policies", forbidden))
    view = await live(backup)
    assert view.completeness("conditionalAccessPolicies").state is State.NOT_PERMITTED


async def test_a_group_that_goes_while_the_live_view_is_read_costs_another_reading_only() -> None:
    directory = FakeDirectory()
    for group in ("g1", "g2"):
        directory.put("groups", id=group, displayName="G")
        for member in range(30):
            directory.link("groups", "members", group, f"m{member}")
    backup = Backup(directory=directory)
    directory.before.append(once("/groups/g2/members", lambda: directory.remove("groups", "g2")))
    view = await live(backup, "groups")
    assert view.completeness("groups.members").is_complete
    assert {link.source async for link in view.links("groups", "members")} == {"g1"}


async def test_what_a_live_reading_saw_before_a_restart_is_forgotten() -> None:
    backup = Backup()
    small_tenant(backup.directory)

    def expire() -> None:
        backup.directory.remove("users", "user-000")
        raise page_expired()

    backup.directory.before.append(once("$skiptoken=user-002", expire))
    view = await live(backup, "users")
    assert {entry.id async for entry in view.index("users")} == set(backup.directory.objects["users"])


async def test_a_live_view_does_not_come_to_be_while_graph_is_down() -> None:
    backup = Backup()
    small_tenant(backup.directory)

    def down() -> None:
        raise GraphDown("no answer")

    backup.directory.before.append(once("/groups?", down))
    with pytest.raises(GraphDown):
        await live(backup)

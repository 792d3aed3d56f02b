"""Reading a tenant into a snapshot: complete, or said so, whatever happens while it is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.catalog.registry import CATALOG
from shared.domain.errors import (
    BlobMissing,
    DeltaTokenExpired,
    Fault,
    GraphDown,
    GraphError,
    GraphNotFound,
    GraphNotLicensed,
    IntegrityError,
    NotYet,
    PageTokenExpired,
    StorageDown,
    Unusable,
)
from shared.domain.ports import GraphRequest, Protection, Row
from shared.domain.snapshot import Checkpoint, Completeness, Receipt, State
from shared.engines import paths
from shared.engines.export import (
    Ended,
    Work,
    decode_work,
    encode_work,
    fail_item,
    find_run,
    items_of,
    load_run,
    open_runs,
    run_item,
    start_run,
)
from shared.engines.reading import WINDOW
from shared.engines.seal import seal_run
from shared.engines.sweeping import IDLE, sweep
from shared.engines.wire import decode
from tests.backup import TENANT, Backup, content, small_tenant, with_limits
from tests.fakes import ALL_ROLES, FakeDirectory, forbidden, once, page_expired, refuse


def backup_of(directory: FakeDirectory, **limits: Any) -> Backup:
    return Backup(directory=directory, limits=with_limits(**limits))


def tenant(**sizes: int) -> FakeDirectory:
    directory = FakeDirectory(**sizes)
    small_tenant(directory)
    return directory


def tenant_of_pages() -> FakeDirectory:
    """With more policies and applications than come in one answer, which alone is of one moment."""
    directory = tenant()
    for number in range(2, 5):
        directory.put("conditionalAccessPolicies", id=f"policy-{number}", displayName="Another", state="disabled")
        directory.put("applications", id=f"app-{number}", appId=f"appid-{number}", displayName="Another")
    return directory


async def receipt_of(backup: Backup, item: str) -> Receipt:
    """Runs one item of a new run to its end."""
    run = await backup.start()
    while True:
        result = await run_item(backup.ports(), Work(TENANT, "vault-35d", run.snapshot, item), backup.limits)
        if result.receipt is not None:
            return result.receipt


async def ids(backup: Backup, type_name: str) -> set[str]:
    snapshot = await backup.repository().open()
    return {entry.id async for entry in snapshot.index(type_name)}


async def links(backup: Backup, type_name: str, relationship: str) -> set[tuple[str, str]]:
    snapshot = await backup.repository().open()
    return {(link.source, link.target) async for link in snapshot.links(type_name, relationship)}


async def objects(backup: Backup, type_name: str) -> dict[str, Any]:
    snapshot = await backup.repository().open()
    return {entry.id: json.loads(raw) async for entry, raw in snapshot.objects(type_name)}


async def state(backup: Backup, name: str) -> Completeness:
    return (await backup.repository().open()).completeness(name)


USERS = "/users?$select=accountEnabled"  # pages of the listing of users
COMPLETE = Completeness(State.COMPLETE)


def partial(reason: str) -> Completeness:
    return Completeness(State.PARTIAL, reason)


# --- starting ----------------------------------------------------------------------------------------------


def test_a_run_has_an_item_for_each_type_and_relationship_and_none_for_contained_types() -> None:
    items, not_read = items_of(CATALOG)
    names = [item.id for item in items]
    assert len(names) == len(set(names))
    unreadable = {spec.name: spec.not_read for spec in CATALOG.types if spec.not_read}
    off = {name: f"off unless asked for: {why}" for name, why in CATALOG.opt_ins.items()}
    assert not_read == off | unreadable
    for spec in CATALOG.types:
        assert (spec.name in names) == (not spec.parent and spec.name not in not_read)
        linked = {f"{spec.name}.{one.name}" for one in spec.relationships}
        assert linked - set(names) == linked & CATALOG.opt_ins.keys()


def test_what_was_not_asked_for_is_listed_as_not_read() -> None:
    items, not_read = items_of(CATALOG, ("groups",))
    linked = ("groupLifecyclePolicies", "members", "owners", "settings")
    assert sorted(item.id for item in items) == ["groups", *(f"groups.{name}" for name in linked)]
    assert {"users", "users.manager", "federatedIdentityCredentials"} <= set(not_read)
    with pytest.raises(Unusable):
        items_of(CATALOG, ("grops",))


async def test_a_timer_that_fires_twice_starts_one_run() -> None:
    backup = backup_of(tenant())
    first = await backup.start()
    stored = dict(backup.vault.blobs)
    backup.clock.advance(20)
    assert await backup.start() == first
    assert backup.vault.blobs == stored


async def test_of_two_starts_at_once_the_first_written_counts() -> None:
    backup = backup_of(tenant())
    request = backup.request()
    winner = await backup.start()
    name = paths.folder(TENANT, request.snapshot) + paths.RUN
    data = backup.vault.blobs.pop(name)
    backup.clock.advance(5)
    # The other start writes while this one asks Graph for delta links.
    backup.directory.before.append(once("/groups/delta", lambda: backup.vault.blobs.setdefault(name, data)))
    assert await start_run(backup.ports(), request) == winner


@pytest.mark.parametrize(
    "refusal",
    [
        GraphError("bad request", status=400, code="BadRequest"),
        DeltaTokenExpired("too old", status=400, code="syncStateNotFound"),
        PageTokenExpired("too old", status=400, code="Directory_ExpiredPageToken"),
    ],
    ids=lambda refusal: type(refusal).__name__,
)
async def test_a_delta_feed_that_is_refused_at_the_start_ends_no_start(refusal: GraphError) -> None:
    """The item asks again for itself; the other types have theirs."""
    backup = backup_of(tenant())

    def refuse_it() -> None:
        raise refusal

    backup.directory.before.append(once("/users/delta", refuse_it))
    run = await backup.start()
    assert "users" not in run.delta_links
    assert "groups" in run.delta_links
    await backup.deliver()
    assert await state(backup, "users") == COMPLETE


async def test_where_graph_is_away_at_the_start_one_question_waits_for_it_and_the_run_is_on_record() -> None:
    """Each question waits for many minutes, and the function that starts a run has twenty."""
    backup = backup_of(tenant())

    def away() -> GraphError:
        raise GraphDown("away", after=None)

    backup.directory.before.append(refuse("/", away))
    run = await backup.start()
    assert len(backup.directory.requests) == 1
    assert (run.delta_links, run.plans, run.metadata_unread) == ({}, None, "GraphDown")
    backup.directory.before.clear()
    await backup.deliver()
    assert await state(backup, "users") == COMPLETE


async def test_a_message_holds_ids_only_and_is_small() -> None:
    backup = backup_of(tenant())
    await backup.start()
    for body in backup.exports.bodies:
        assert set(json.loads(body)) == {"tenant", "container", "snapshot", "item"}
        assert len(body) < 400


@pytest.mark.parametrize(
    "body",
    [
        "",
        "x" * 48_000,
        "[" * 40_000,
        "{}",
        '{"tenant":"t","container":"c","snapshot":"../../x","item":""}',
        '{"tenant":"../t","container":"c","snapshot":"20261122T000000Z-full","item":""}',
        '{"tenant":"t","container":"c","snapshot":"20261122T000000Z-full","item":"a/b"}',
        '{"tenant":"t","container":"c","snapshot":"20261122T000000Z-full","item":"","more":1}',
        '{"tenant":"t","container":"c","snapshot":"20261122T000000Z-full","item":1}',
    ],
)
def test_a_message_that_is_none_of_ours_is_refused(body: str) -> None:
    with pytest.raises(Unusable):
        decode_work(body)


def test_a_message_comes_back_as_it_was() -> None:
    work = Work(TENANT, "vault-35d", "20261122T000000Z-full", "groups.members")
    assert decode_work(encode_work(work)) == work


@pytest.mark.parametrize(
    "work",
    [
        Work(TENANT, "vault-35d", "20261122T000000Z-other", "users"),
        Work(TENANT, "vault-35d", "20261122T000000Z-full", "printers"),
        Work(TENANT, "vault-7d", "20261122T000000Z-full", "users"),
        Work("another", "vault-35d", "20261122T000000Z-full", "users"),
    ],
)
async def test_a_forged_message_finds_nothing_to_do(work: Work) -> None:
    backup = backup_of(tenant())
    await backup.start()
    stored = dict(backup.vault.blobs)
    with pytest.raises(Unusable):
        await run_item(backup.ports(), work, backup.limits)
    assert backup.vault.blobs == stored


async def test_an_unlocked_vault_marks_the_snapshot_unprotected() -> None:
    backup = backup_of(tenant())
    backup.inspector.locked, backup.inspector.why = False, "policy is unlocked"
    await backup.back_up()
    manifest = (await backup.repository().open()).manifest
    assert not manifest.protected
    assert manifest.unprotected_why == "vault-35d: policy is unlocked; chain: policy is unlocked"


async def test_a_lock_that_cannot_be_checked_counts_as_none() -> None:
    class Down:
        async def protections(self, containers: object) -> dict[str, Protection]:
            raise StorageDown("no answer")

    backup = backup_of(tenant())
    backup.inspector = Down()  # type: ignore[assignment]
    run = await backup.start()
    assert not run.protected
    assert "could not be checked" in run.unprotected_why


async def test_a_request_finds_the_run_it_started() -> None:
    backup = backup_of(tenant())
    suffix = paths.request_suffix("request-1")
    run = await backup.start(backup.request(suffix))
    backup.clock.advance(timedelta(days=1).total_seconds())
    assert await find_run(backup.vault, TENANT, suffix, backup.clock) == run.snapshot
    assert await find_run(backup.vault, TENANT, paths.request_suffix("request-2"), backup.clock) is None


# --- pages -------------------------------------------------------------------------------------------------


async def test_empty_pages_are_followed_to_the_end() -> None:
    directory = tenant()
    directory.empty_pages = True
    backup = backup_of(directory)
    await backup.back_up()
    assert await ids(backup, "users") == set(directory.objects["users"])
    assert await state(backup, "users") == COMPLETE


@pytest.mark.parametrize("members", [0, 1, 19, 20, 21, 40, 45])
async def test_links_beyond_what_expand_shows_are_paged(members: int) -> None:
    directory = FakeDirectory(link_page=20)
    directory.put("groups", id="g", displayName="G")
    for number in range(members):
        directory.link("groups", "members", "g", f"m{number}")
    backup = backup_of(directory)
    await backup.back_up()
    assert await links(backup, "groups", "members") == {("g", f"m{number}") for number in range(members)}
    assert await state(backup, "groups.members") == COMPLETE


async def test_what_graph_sends_is_kept_to_the_byte() -> None:
    directory = FakeDirectory()
    raw = b'{ "id" : "u1", "z":1.50, "a": 1e400, "new": {"b":[ ]}, "lone":"\\ud800", "displayName":"\\ud83d x" }'
    directory.put_raw("users", "u1", raw)
    backup = backup_of(directory)
    await backup.back_up()
    snapshot = await backup.repository().open()
    assert [(entry.id, found) async for entry, found in snapshot.objects("users")] == [("u1", raw)]


@pytest.mark.parametrize("raw", [b'{"displayName":"x"}', b'{"id":""}', b'{"id":7}', b'{"id":"a\\nb"}'])
async def test_an_object_without_a_usable_id_is_a_fault(raw: bytes) -> None:
    directory = FakeDirectory()
    directory.put_raw("users", "u1", raw)
    with pytest.raises(Fault):
        await receipt_of(backup_of(directory), "users")


async def test_an_expired_page_token_restarts_the_listing() -> None:
    directory = tenant()
    backup = backup_of(directory, pack_bytes=150)

    def expire() -> None:
        raise page_expired()

    directory.before += [once(USERS, expire, skip=1), once(USERS, expire, skip=2)]
    await backup.back_up()
    assert await ids(backup, "users") == set(directory.objects["users"])
    assert await state(backup, "users") == COMPLETE
    receipt = decode(
        Receipt, next(data for name, data in backup.vault.blobs.items() if name.endswith("/parts/users.json"))
    )
    assert receipt.restarts == 2


async def test_page_tokens_that_always_expire_make_the_type_partial() -> None:
    directory = tenant()
    directory.before.append(refuse("$skiptoken=user-002", page_expired))
    backup = backup_of(directory)
    await backup.back_up()
    assert await state(backup, "users") == partial("pageTokensExpired")
    assert await state(backup, "groups") == COMPLETE


async def test_an_expired_token_within_one_groups_members_begins_that_group_anew() -> None:
    directory = tenant()

    def expire() -> None:
        directory.unlink("groups", "members", "group-0", "user-000")
        raise page_expired()

    directory.before.append(once("/members?$skiptoken=14", expire))
    backup = backup_of(directory, pack_bytes=100)
    await backup.back_up()
    expected = {
        (source, json.loads(target)["id"])
        for source, targets in directory.links[("groups", "members")].items()
        for target in targets
    }
    assert await links(backup, "groups", "members") == expected
    assert await state(backup, "groups.members") == COMPLETE


async def test_graph_being_down_leaves_the_item_to_another_try() -> None:
    directory = tenant()
    backup = backup_of(directory)

    def down() -> None:
        raise GraphDown("no answer")

    directory.before.append(once("/users?", down, skip=1))
    with pytest.raises(GraphDown):
        await receipt_of(backup, "users")
    assert not any(name.endswith("/parts/users.json") for name in backup.vault.blobs)
    await backup.deliver()
    assert await state(backup, "users") == COMPLETE


async def test_a_page_that_names_itself_as_next_is_a_fault() -> None:
    directory = tenant()
    backup = backup_of(directory)
    run = await backup.start()

    class Circle(FakeDirectory):
        async def page(self, request: GraphRequest) -> Any:
            page = await super().page(request)
            return type(page)(page.items, request.path, None)

    circle = Circle()
    small_tenant(circle)
    backup.directory = circle
    with pytest.raises(Fault):
        await run_item(backup.ports(), Work(TENANT, "vault-35d", run.snapshot, "namedLocations"), backup.limits)


# --- the cut -----------------------------------------------------------------------------------------------


async def test_what_changes_while_users_are_listed_is_in_the_snapshot_as_it_is_at_the_end() -> None:
    directory = tenant()

    def change() -> None:
        directory.put("users", id="user-000", displayName="Renamed")  # on a page that was read
        directory.put("users", id="user-0000", displayName="Born behind the cursor")
        directory.remove("users", "user-001")
        directory.remove("users", "user-006")  # on a page still to come
        directory.put("users", id="user-002", displayName="Deleted and restored")
        directory.log += [("users", "user-002", True), ("users", "user-002", False)]

    directory.before.append(once("$skiptoken=user-002", change))
    backup = backup_of(directory)
    await backup.back_up()
    found = await objects(backup, "users")
    assert set(found) == set(directory.objects["users"])
    assert found["user-000"]["displayName"] == "Renamed"
    assert await state(backup, "users") == COMPLETE


async def test_members_that_come_and_go_while_groups_are_listed_are_right_at_the_end() -> None:
    directory = FakeDirectory(page_size=2)
    for number in range(6):
        directory.put("groups", id=f"g{number}", displayName="G")
        for member in range(30 if number == 1 else 2):
            directory.link("groups", "members", f"g{number}", f"m{member}")

    def change() -> None:
        directory.unlink("groups", "members", "g0", "m0")
        directory.link("groups", "members", "g0", "new")
        directory.unlink("groups", "members", "g1", "m29")
        directory.link("groups", "members", "g5", "new")
        directory.remove("groups", "g2")

    directory.before.append(once("$expand=members($select=id)&$top=999&$skiptoken=g3", change))
    backup = backup_of(directory, pack_bytes=200)
    await backup.back_up()
    expected = {
        (source, json.loads(target)["id"])
        for source, targets in directory.links[("groups", "members")].items()
        for target in targets
    }
    assert ("g0", "new") in expected
    assert await links(backup, "groups", "members") == expected


async def test_a_manager_that_changes_or_goes_while_users_are_listed_is_right_at_the_end() -> None:
    directory = tenant()

    def change() -> None:
        directory.unlink("users", "manager", "user-001", "user-000")
        directory.unlink("users", "manager", "user-002", "user-000")
        directory.link("users", "manager", "user-002", "user-005")

    directory.before.append(once("$expand=manager($select=id)&$top=999&$skiptoken=user-005", change))
    backup = backup_of(directory)
    await backup.back_up()
    assert await links(backup, "users", "manager") == {("user-002", "user-005")}


async def test_the_replication_time_passes_before_listing_and_before_replaying() -> None:
    directory = tenant()
    backup = backup_of(directory, replication_wait=300.0)
    times: dict[str, float] = {}

    def note(request: GraphRequest) -> None:
        kind = "replay" if "$deltatoken=" in request.path and "latest" not in request.path else "list"
        if request.path.startswith("/v1.0/users"):
            times.setdefault(kind, backup.clock.monotonic())

    await backup.start()
    directory.before.append(note)
    await receipt_of(backup, "users")
    assert times["list"] >= 300
    assert times["replay"] >= times["list"] + 300


async def test_a_type_without_delta_waits_for_the_replicas_once_and_for_nothing_more() -> None:
    backup = backup_of(tenant_of_pages(), replication_wait=300.0)
    times: list[float] = []
    await backup.start()
    backup.directory.before.append(lambda _: times.append(backup.clock.monotonic()))
    await receipt_of(backup, "conditionalAccessPolicies")
    assert len(times) == 4  # two pages, twice
    assert set(times) == {300.0}


async def test_an_expired_delta_token_means_reading_everything_again_behind_a_fresh_one() -> None:
    directory = tenant()

    def expire() -> None:
        directory.put("users", id="user-000", displayName="Renamed")
        directory.expired_below = len(directory.log)

    directory.before.append(once("$skiptoken=user-002", expire))
    backup = backup_of(directory)
    await backup.back_up()
    assert (await objects(backup, "users"))["user-000"]["displayName"] == "Renamed"
    assert await state(backup, "users") == COMPLETE


async def test_delta_tokens_that_keep_expiring_make_the_type_partial() -> None:
    directory = tenant()
    directory.expired_below = 10**9
    backup = backup_of(directory)
    await backup.back_up()
    assert await state(backup, "users") == partial("deltaTokenExpired")
    assert await ids(backup, "users") == set(directory.objects["users"])


async def test_an_object_that_is_neither_there_nor_reported_gone_is_looked_for_and_then_said() -> None:
    directory = tenant()
    directory.before.append(
        once("$skiptoken=user-002", lambda: directory.put("users", id="user-004", displayName="x"))
    )
    directory.before.append(refuse("/users/user-004?", lambda: GraphNotFound("lag", status=404)))
    backup = backup_of(directory)
    await backup.back_up()
    assert "user-004" in await ids(backup, "users")  # as the listing showed it
    assert await state(backup, "users") == partial("moving")


async def test_an_object_that_a_stale_replica_misses_for_a_while_is_read_in_a_later_round() -> None:
    directory = tenant()

    def lag() -> None:
        raise GraphNotFound("lag", status=404)

    directory.before.append(
        once("$skiptoken=user-002", lambda: directory.put("users", id="user-0000", displayName="late"))
    )
    directory.before.append(once("/users/user-0000?", lag))
    backup = backup_of(directory)
    await backup.back_up()
    assert "user-0000" in await ids(backup, "users")
    assert await state(backup, "users") == COMPLETE


async def test_an_object_that_is_reported_gone_only_later_is_gone_and_no_gap() -> None:
    """The first look at the feed says "changed", and the object can't be found: its removal comes later."""
    directory = tenant()

    def vanish() -> None:
        del directory.objects["users"]["user-000"]
        directory.log.append(("users", "user-000", False))

    directory.before.append(once("$skiptoken=user-002", vanish))
    directory.before.append(once("/users/user-000?", lambda: directory.log.append(("users", "user-000", True))))
    backup = backup_of(directory)
    await backup.back_up()
    assert "user-000" not in await ids(backup, "users")
    assert await state(backup, "users") == COMPLETE


async def test_an_object_whose_removal_stands_far_behind_its_change_in_the_feed_is_no_gap() -> None:
    directory = tenant(delta_page=200)

    def vanish() -> None:
        del directory.objects["users"]["user-000"]
        directory.log.append(("users", "user-000", False))
        directory.log.extend(("users", f"gone-{number}", True) for number in range(WINDOW))
        directory.log.append(("users", "user-000", True))

    directory.before.append(once("$skiptoken=user-002", vanish))
    backup = backup_of(directory)
    await backup.back_up()
    assert "user-000" not in await ids(backup, "users")
    assert await state(backup, "users") == COMPLETE


async def test_a_group_that_a_stale_replica_misses_while_links_are_listed_is_read_again() -> None:
    directory = tenant()

    def lag() -> None:
        raise GraphNotFound("lag", status=404)

    directory.before.append(once("/groups/group-0/members", lag))
    backup = backup_of(directory)
    await backup.back_up()
    assert len(await links(backup, "groups", "members")) == 26
    assert await state(backup, "groups.members") == COMPLETE


async def test_links_that_say_they_go_on_are_paged_however_few_came() -> None:
    class Stingy(FakeDirectory):
        def _shown(self, type_name: str, key: str, raw: bytes, query: dict[str, str]) -> bytes:
            shown = super()._shown(type_name, key, raw, query)
            if "members" not in query.get("$expand", ""):
                return shown
            item = json.loads(shown)
            item["members"] = item["members"][:2]
            item["members@odata.nextLink"] = "https://graph.microsoft.com/v1.0/groups/g/members?$skiptoken=2"
            return json.dumps(item).encode()

    directory = Stingy()
    directory.put("groups", id="g", displayName="G")
    for number in range(5):
        directory.link("groups", "members", "g", f"m{number}")
    backup = backup_of(directory)
    await backup.back_up()
    assert len(await links(backup, "groups", "members")) == 5


async def test_what_was_read_before_a_restart_does_not_count() -> None:
    directory = FakeDirectory()
    for number in range(5):
        directory.put("namedLocations", id=f"loc-{number}", displayName="L")

    def expire() -> None:
        directory.remove("namedLocations", "loc-0")
        raise page_expired()

    directory.before.append(once("/namedLocations?", expire))
    backup = backup_of(directory)
    await backup.back_up()
    assert await ids(backup, "namedLocations") == {f"loc-{number}" for number in range(1, 5)}
    assert await state(backup, "namedLocations") == COMPLETE


async def test_a_type_without_delta_is_read_until_two_readings_agree() -> None:
    directory = tenant_of_pages()
    policy = json.loads(directory.objects["conditionalAccessPolicies"]["policy-1"])

    def change() -> None:
        directory.put("conditionalAccessPolicies", **{**policy, "state": "disabled"})

    directory.before.append(once("/conditionalAccess/policies", change, skip=2))
    backup = backup_of(directory)
    await backup.back_up()
    assert (await objects(backup, "conditionalAccessPolicies"))["policy-1"]["state"] == "disabled"
    assert await state(backup, "conditionalAccessPolicies") == COMPLETE
    assert sum("/conditionalAccess/policies" in path for path in directory.requests) == 6


async def test_what_comes_whole_in_one_answer_is_read_once() -> None:
    directory = tenant()
    backup = backup_of(directory)
    await backup.back_up()
    assert sum("/conditionalAccess/policies" in path for path in directory.requests) == 1
    assert await state(backup, "conditionalAccessPolicies") == COMPLETE


async def test_a_type_that_never_stands_still_is_partial() -> None:
    directory = tenant_of_pages()
    numbers = iter(range(10_000))

    def change(request: GraphRequest) -> None:
        if "/applications" in request.path:
            directory.link(
                "applications", "federatedIdentityCredentials", "app-1", f"new-{next(numbers)}", name="n"
            )

    directory.before.append(change)
    backup = backup_of(directory, pack_bytes=100)
    await backup.back_up()
    assert await state(backup, "federatedIdentityCredentials") == partial("moving")
    assert await state(backup, "applications.federatedIdentityCredentials") == partial("moving")


async def test_what_moves_by_itself_is_no_difference_between_two_readings() -> None:
    directory = tenant()
    policy = json.loads(directory.objects["conditionalAccessPolicies"]["policy-1"])
    numbers = iter(range(10_000))

    def tick(request: GraphRequest) -> None:
        if "/conditionalAccess/policies" in request.path:
            directory.put("conditionalAccessPolicies", **{**policy, "modifiedDateTime": f"t{next(numbers)}"})

    directory.before.append(tick)
    backup = backup_of(directory)
    await backup.back_up()
    assert await state(backup, "conditionalAccessPolicies") == COMPLETE


async def test_a_contained_object_belongs_to_the_parent_that_still_holds_it() -> None:
    directory = tenant_of_pages()
    directory.before.append(
        once(
            "$expand=federatedIdentityCredentials",
            lambda: directory.unlink("applications", "federatedIdentityCredentials", "app-1", "fic-1"),
            skip=1,
        )
    )
    backup = backup_of(directory)
    await backup.back_up()
    assert await ids(backup, "federatedIdentityCredentials") == set()
    snapshot = await backup.repository().open()
    assert {entry.parent async for entry in snapshot.index("appRoleAssignments")} == {"sp-1"}


# --- completeness --------------------------------------------------------------------------------------------


async def test_a_permission_that_is_missing_is_named_and_nothing_is_asked_of_graph() -> None:
    directory = tenant()
    directory.granted = ALL_ROLES - {"Policy.Read.All", "Policy.Read.ConditionalAccess"}
    backup = backup_of(directory)
    await backup.back_up()
    said = await state(backup, "conditionalAccessPolicies")
    assert said == Completeness(State.NOT_PERMITTED, "Policy.Read.All or Policy.Read.ConditionalAccess")
    assert not any("/conditionalAccess/policies" in path for path in directory.requests)
    assert await state(backup, "users") == COMPLETE


async def test_without_the_permission_for_hidden_members_the_visible_ones_are_kept_and_it_is_said() -> None:
    directory = tenant()
    directory.granted = ALL_ROLES - {"Member.Read.Hidden"}
    backup = backup_of(directory)
    await backup.back_up()
    assert await state(backup, "groups.members") == partial("missingPermission:Member.Read.Hidden")
    assert len(await links(backup, "groups", "members")) == 26
    assert await state(backup, "groups.owners") == COMPLETE


async def test_an_opaque_token_leaves_completeness_open() -> None:
    directory = tenant()
    directory.granted = None
    backup = backup_of(directory)
    await backup.back_up()
    assert await state(backup, "users") == partial("permissionsUnknown")


def _licence() -> GraphError:
    return GraphNotLicensed("no", status=403, code="AadPremiumLicenseRequired")


@pytest.mark.parametrize(
    ("path", "error", "item", "expected"),
    [
        ("/users", forbidden, "users", Completeness(State.NOT_PERMITTED, "Authorization_RequestDenied")),
        ("/policies/authorizationPolicy", forbidden, "authorizationPolicy", State.NOT_PERMITTED),
        ("/conditionalAccess/policies", _licence, "conditionalAccessPolicies", State.NOT_LICENSED),
        ("/policies/authorizationPolicy", _licence, "authorizationPolicy", State.NOT_LICENSED),
        ("/groups", lambda: GraphNotFound("none", status=404), "groups", partial("notPresent")),
        (
            "/policies/authorizationPolicy",
            lambda: GraphNotFound("none", status=404),
            "authorizationPolicy",
            partial("notPresent"),
        ),
    ],
)
async def test_a_refusal_of_one_type_is_recorded_and_the_rest_is_backed_up(
    path: str, error: Callable[[], GraphError], item: str, expected: Completeness | State
) -> None:
    directory = tenant()

    directory.before.append(refuse(path, error))
    backup = backup_of(directory)
    await backup.back_up()
    said = await state(backup, item)
    assert (said if isinstance(expected, Completeness) else said.state) == expected
    assert await ids(backup, item) == set()
    assert await state(backup, "applications") == COMPLETE


async def test_one_source_whose_links_are_refused_costs_only_its_own() -> None:
    directory = tenant()
    directory.before.append(refuse("/groups/group-0/members", forbidden))
    backup = backup_of(directory)
    await backup.back_up()
    assert await state(backup, "groups.members") == partial("notPermittedForSome")
    assert await links(backup, "groups", "members") == {("group-1", "group-0")}


async def test_a_refusal_in_the_middle_keeps_what_was_read() -> None:
    directory = tenant()
    directory.before.append(refuse("$skiptoken=user-002", forbidden))
    backup = backup_of(directory)
    await backup.back_up()
    assert await state(backup, "users") == partial("notPermittedForSome")
    assert len(await ids(backup, "users")) == 3


async def test_an_empty_type_is_complete_and_empty() -> None:
    backup = backup_of(FakeDirectory())
    await backup.back_up()
    assert await state(backup, "groups") == COMPLETE
    assert await ids(backup, "groups") == set()


# --- workers -------------------------------------------------------------------------------------------------


async def test_a_worker_without_time_moves_the_item_on_and_sends_it_again() -> None:
    directory = tenant()
    backup = backup_of(directory, time_budget=0.0, pack_bytes=300)
    run = await backup.start()
    result = await run_item(backup.ports(), Work(TENANT, "vault-35d", run.snapshot, "users"), backup.limits)
    assert (result.ended, result.receipt) == (Ended.CONTINUED, None)
    await backup.deliver()
    again = backup_of(tenant(), pack_bytes=300)
    await again.back_up()
    assert await content(await backup.repository().open()) == await content(await again.repository().open())


async def test_a_worker_without_time_still_gets_through_the_waiting() -> None:
    backup = backup_of(tenant(), time_budget=100.0, replication_wait=300.0)
    await backup.back_up()
    assert await state(backup, "users") == COMPLETE
    assert backup.clock.monotonic() >= 600


async def test_packs_stay_below_their_size_and_only_a_line_of_its_own_is_larger() -> None:
    directory = tenant()
    directory.put("users", id="user-big", displayName="x" * 5000)
    backup = backup_of(directory, pack_bytes=300)
    await backup.back_up()
    assert await ids(backup, "users") == set(directory.objects["users"])
    snapshot = await backup.repository().open()
    assert len(snapshot.manifest.types["users"].packs) > 3


async def test_who_loses_a_checkpoint_goes_on_from_the_winners() -> None:
    directory = tenant()
    backup = backup_of(directory, pack_bytes=100, time_budget=0.0)
    run = await backup.start()
    work = Work(TENANT, "vault-35d", run.snapshot, "users")
    await run_item(backup.ports(), work, backup.limits)
    name = paths.folder(TENANT, run.snapshot) + paths.checkpoint("users", 1)
    winner = backup.vault.blobs.pop(name)
    directory.put("users", id="user-000", displayName="Our own packs differ")
    directory.before.append(once(USERS, lambda: backup.vault.blobs.setdefault(name, winner)))
    patient = replace(backup.limits, time_budget=480.0)
    result = await run_item(backup.ports(), work, patient)
    assert result.receipt is not None
    packs = decode(Checkpoint, winner).packs
    assert packs
    assert result.receipt.packs[: len(packs)] == packs


async def test_a_message_for_a_finished_item_reads_nothing() -> None:
    directory = tenant()
    backup = backup_of(directory)
    run = await backup.start()
    work = Work(TENANT, "vault-35d", run.snapshot, "users")
    first = await run_item(backup.ports(), work, backup.limits)
    directory.requests.clear()
    assert (await run_item(backup.ports(), work, backup.limits)).receipt == first.receipt
    assert directory.requests == []


async def test_a_checkpoint_of_another_item_is_an_integrity_error() -> None:
    backup = backup_of(tenant(), time_budget=0.0, pack_bytes=100)
    run = await backup.start()
    work = Work(TENANT, "vault-35d", run.snapshot, "users")
    await run_item(backup.ports(), work, backup.limits)
    folder = paths.folder(TENANT, run.snapshot)
    name = folder + paths.checkpoint("users", 1)
    backup.vault.blobs[folder + paths.checkpoint("groups", 7)] = backup.vault.blobs[name]
    with pytest.raises(IntegrityError):
        await run_item(backup.ports(), Work(TENANT, "vault-35d", run.snapshot, "groups"), backup.limits)


async def test_an_item_that_is_given_up_is_sealed_as_partial_with_what_was_read() -> None:
    backup = backup_of(tenant(), time_budget=0.0, pack_bytes=100)
    run = await backup.start()
    work = Work(TENANT, "vault-35d", run.snapshot, "users")
    await run_item(backup.ports(), work, backup.limits)
    failed = await fail_item(backup.ports(), work, "GraphError")
    assert failed.receipt is not None
    assert failed.receipt.completeness == partial("failed:GraphError")
    await backup.deliver()
    assert await state(backup, "users") == partial("failed:GraphError")
    assert await ids(backup, "users") == {"user-000", "user-001", "user-002"}


async def test_giving_up_never_takes_the_place_of_a_receipt() -> None:
    backup = backup_of(tenant())
    receipt = await receipt_of(backup, "users")
    run = await backup.start()
    work = Work(TENANT, "vault-35d", run.snapshot, "users")
    assert (await fail_item(backup.ports(), work, "GraphError")).receipt == receipt
    with pytest.raises(Unusable):
        await fail_item(backup.ports(), work, "free text with a name")


# --- looking after runs --------------------------------------------------------------------------------------


async def swept(backup: Backup, **options: Any) -> dict[str, int]:
    return await sweep(backup.ports(), backup.rows, TENANT, backup.keys, **options)


async def test_lost_messages_are_sent_again_once_nothing_has_moved_for_long() -> None:
    backup = backup_of(tenant())
    run = await backup.start()
    _lose(backup)
    assert await swept(backup) == {}
    backup.clock.advance(IDLE.total_seconds() - 1)
    assert await swept(backup) == {}
    backup.clock.advance(1)
    assert await swept(backup) == {run.snapshot: len(run.items)}
    assert await swept(backup) == {}  # another wait has begun
    await backup.deliver()
    backup.clock.advance(86400)
    assert await swept(backup) == {}


async def test_an_item_that_moves_gets_no_second_chain_of_messages() -> None:
    backup = backup_of(tenant(), time_budget=0.0)  # each worker's share ends after one step
    run = await backup.start()
    (body,) = [one for one in backup.exports.bodies if decode_work(one).item == "groups.members"]
    _lose(backup)
    shares = 0
    while (result := await backup.work(body)).receipt is None:
        shares += 1
        (body,) = backup.exports.bodies
        _lose(backup)
        backup.clock.advance(IDLE.total_seconds() / 2)
        sent = (await swept(backup)).get(run.snapshot, 0)
        assert not [one for one in backup.exports.bodies if decode_work(one).item == "groups.members"]
        assert sent in (0, len(run.items) - 1)
        _lose(backup)
    assert shares > 3
    assert result.receipt is not None


@pytest.mark.parametrize("values", [{}, {"number": "x"}, {"number": 0, "since": "soon"}])
async def test_a_forged_row_delays_by_one_wait_at_most(values: dict[str, Any]) -> None:
    backup = backup_of(tenant())
    run = await backup.start()
    _lose(backup)
    far = backup.clock.now() + timedelta(days=400)
    for item in run.items:
        await backup.rows.replace(Row(f"sweep-{run.snapshot}", item.id, {"number": 0, "since": far, **values}))
    assert await swept(backup) == {}
    backup.clock.advance(IDLE.total_seconds())
    assert await swept(backup) == {run.snapshot: len(run.items)}


async def test_a_lost_seal_message_is_sent_again() -> None:
    backup = backup_of(tenant())
    run = await backup.start()
    for item in run.items:
        await run_item(backup.ports(), Work(TENANT, "vault-35d", run.snapshot, item.id), backup.limits)
    _lose(backup)
    assert [
        one.snapshot async for one in open_runs(backup.vault, backup.chain, TENANT, backup.clock, backup.keys)
    ] == [run.snapshot]
    assert await swept(backup, idle=timedelta(0)) == {run.snapshot: 1}
    await backup.deliver()
    assert (await backup.repository().open()).id == run.snapshot


async def test_sealing_before_the_last_receipt_is_refused_for_now() -> None:
    backup = backup_of(tenant())
    run = await backup.start()
    with pytest.raises(NotYet):
        await seal_run(backup.seal_ports(), Work(TENANT, "vault-35d", run.snapshot))
    with pytest.raises(Unusable):
        await backup.repository().open()


async def test_a_damaged_run_document_is_an_integrity_error() -> None:
    backup = backup_of(tenant())
    run = await backup.start()
    name = paths.folder(TENANT, run.snapshot) + paths.RUN
    backup.vault.blobs[name] = backup.vault.blobs[name].replace(b"westeurope", b"\xff")
    with pytest.raises(IntegrityError):
        await load_run(backup.vault, TENANT, run.snapshot)
    with pytest.raises(BlobMissing):
        await backup.vault.get("v1/none")


def _lose(backup: Backup) -> None:
    for queue in (backup.exports, backup.seals):
        while found := queue.receive():
            queue.delete(found[0])

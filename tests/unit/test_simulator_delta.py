"""The simulated tenant's deltas: what a round tells, in what pieces, and when it refuses."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from tests.simulator.inprocess import InProcessTenant, code_of, reference
from tests.unit.test_simulator_writing import new_group, new_user


@pytest.fixture
def tenant() -> InProcessTenant:
    return InProcessTenant.planted("600")


async def follow(tenant: InProcessTenant, link: str) -> tuple[list[list[dict[str, Any]]], str]:
    """The pages of one round and its deltaLink."""
    pages: list[list[dict[str, Any]]] = []
    while True:
        answer = await tenant.get(link)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        pages.append(page["value"])
        if "@odata.deltaLink" in page:
            return pages, page["@odata.deltaLink"]
        link = page["@odata.nextLink"]


def merged(pages: list[list[dict[str, Any]]], relationship: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for entry in (e for page in pages for e in page):
        found[entry["id"]] |= {link["id"] for link in entry.get(f"{relationship}@delta", [])}
    return found


async def test_a_round_from_scratch_lists_everything_in_small_pages(tenant: InProcessTenant) -> None:
    pages, _ = await follow(tenant, "/users/delta?$select=displayName,manager")
    assert max(len(p) for p in pages) <= 200
    assert {e["id"] for p in pages for e in p} == set(tenant.store.order["users"])
    managers = {k: v for k, v in merged(pages, "manager").items() if v}
    assert managers == {k: set(v) for k, v in tenant.store.forward["users.manager"].items() if v}


async def test_members_come_in_pieces_of_at_most_500_links(tenant: InProcessTenant) -> None:
    group = (await tenant.post("/groups", new_group())).json()["id"]
    with tenant.store.transaction("TEST", "/", "test"):
        for user in tenant.store.order["users"]:
            tenant.store.link("groups.members", group, user)
    pages, _ = await follow(tenant, "/groups/delta?$select=displayName,members")
    assert all(sum(len(e.get("members@delta", [])) for e in page) <= 500 for page in pages)
    assert sum(1 for page in pages for e in page if e["id"] == group) > 1
    truth = {g: set(tenant.store.targets("groups.members", g)) for g in tenant.store.order["groups"]}
    assert merged(pages, "members") == truth


async def test_a_second_round_tells_the_net_difference_only(tenant: InProcessTenant) -> None:
    _, link = await follow(tenant, "/users/delta?$select=displayName,jobTitle")
    users = tenant.store.order["users"]
    await tenant.patch(f"/users/{users[0]}", {"jobTitle": "Baker"})
    await tenant.patch(f"/users/{users[1]}", {"department": "not followed"})
    made = (await tenant.post("/users", new_user())).json()["id"]
    passing = (await tenant.post("/users", new_user("passing"))).json()["id"]
    await tenant.delete(f"/users/{passing}")
    gone = next(u for u in users if u != made and u not in users[:2])
    await tenant.delete(f"/users/{gone}")
    pages, link = await follow(tenant, link)
    entries = {e["id"]: e for page in pages for e in page}
    assert entries[users[0]]["jobTitle"] == "Baker"
    assert users[1] not in entries
    assert passing not in entries
    assert passing not in entries
    assert "displayName" in entries[made]
    assert entries[gone] == {"id": gone, "@removed": {"reason": "changed"}}
    again, _ = await follow(tenant, link)
    assert again == [[]]


async def test_a_purge_is_told_as_deleted_and_a_restore_as_an_ordinary_entry(tenant: InProcessTenant) -> None:
    _, link = await follow(tenant, "/groups/delta?$select=displayName,members")
    group = tenant.first("groups", displayName="All staff")["id"]
    await tenant.delete(f"/groups/{group}")
    pages, link = await follow(tenant, link)
    assert next(e for e in pages[0] if e["id"] == group)["@removed"] == {"reason": "changed"}
    await tenant.post(f"/directory/deletedItems/{group}/restore")
    pages, link = await follow(tenant, link)
    assert merged(pages, "members")[group] == set(tenant.store.targets("groups.members", group))
    await tenant.post("/_sim/incident", {"requests": [{"op": "purge", "type": "groups", "id": group}]})
    pages, _ = await follow(tenant, link)
    assert next(e for e in pages[0] if e["id"] == group)["@removed"] == {"reason": "deleted"}


async def test_a_removed_member_is_marked(tenant: InProcessTenant) -> None:
    _, link = await follow(tenant, "/groups/delta?$select=displayName,members")
    group = tenant.first("groups", displayName="All staff")["id"]
    out = next(iter(tenant.store.targets("groups.members", group)))
    into = next(u for u in tenant.store.order["users"] if u not in tenant.store.targets("groups.members", group))
    await tenant.delete(f"/groups/{group}/members/{out}/$ref")
    await tenant.post(f"/groups/{group}/members/$ref", reference(into))
    pages, _ = await follow(tenant, link)
    links = {link["id"]: link for e in pages[0] for link in e["members@delta"]}
    assert links[out]["@removed"] == {"reason": "deleted"}
    assert "@removed" not in links[into]


async def test_latest_gives_a_link_without_data(tenant: InProcessTenant) -> None:
    answer = (await tenant.get("/applications/delta?$deltatoken=latest&$select=displayName")).json()
    assert answer["value"] == []
    made = (await tenant.post("/applications", {"displayName": "later"})).json()["id"]
    pages, _ = await follow(tenant, answer["@odata.deltaLink"])
    assert [e["id"] for e in pages[0]] == [made]


async def test_minimal_returns_changed_properties_only(tenant: InProcessTenant) -> None:
    _, link = await follow(tenant, "/users/delta?$select=displayName,jobTitle")
    user = tenant.store.order["users"][0]
    await tenant.patch(f"/users/{user}", {"jobTitle": None})
    await tenant.patch(f"/users/{user}", {"jobTitle": "x"})
    entry = (await tenant.get(link, headers={"Prefer": "return=minimal"})).json()["value"][0]
    assert entry == {"jobTitle": "x", "id": user}


@pytest.mark.parametrize(("how", "status"), [("410", 410), ("400", 400)])
async def test_tokens_expire(tenant: InProcessTenant, how: str, status: int) -> None:
    tenant.service.settings.delta_expiry = how
    _, link = await follow(tenant, "/users/delta?$select=displayName")
    tenant.service.clock.advance(8 * 86400)
    later = InProcessTenant(tenant.service)
    answer = await later.get(link)
    assert answer.status_code == status
    if status == 410:
        assert answer.headers["location"].endswith("$deltatoken=")
        assert len((await follow(later, answer.headers["location"]))[0]) > 1
    else:
        assert code_of(answer) == (400, "syncStateNotFound")


async def test_expand_and_top_are_refused(tenant: InProcessTenant) -> None:
    assert (await tenant.get("/users/delta?$top=5")).status_code == 400
    assert (await tenant.get("/users/delta?$expand=manager")).status_code == 400


async def test_a_delta_lags_and_the_next_round_has_what_was_late(tenant: InProcessTenant) -> None:
    _, link = await follow(tenant, "/users/delta?$select=displayName")
    tenant.service.settings.lag, tenant.service.settings.replicas = 60.0, (1.0,)
    made = (await tenant.post("/users", new_user())).json()["id"]
    pages, link = await follow(tenant, link)
    assert pages == [[]]
    tenant.service.clock.advance(61)
    pages, _ = await follow(tenant, link)
    assert [e["id"] for e in pages[0]] == [made]


async def test_empty_pages_and_repeats_lose_nothing(tenant: InProcessTenant) -> None:
    tenant.service.settings.delta_empty_pages = 0.5
    tenant.service.settings.delta_replays = 0.5
    pages, _ = await follow(tenant, "/users/delta?$select=displayName")
    assert [] in pages
    assert {e["id"] for p in pages for e in p} == set(tenant.store.order["users"])
    assert sum(len(p) for p in pages) > len(tenant.store.order["users"])


async def test_hidden_members_are_left_out_without_the_permission(tenant: InProcessTenant) -> None:
    group = tenant.first("groups", visibility="HiddenMembership")["id"]
    blind = tenant.with_roles("Group.Read.All")
    pages, _ = await follow(blind, "/groups/delta?$select=displayName,members")
    assert merged(pages, "members")[group] == set()

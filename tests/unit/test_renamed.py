"""A snapshot under today's ids: sorted, whole, and nothing else changed."""

from __future__ import annotations

import json

from shared.catalog.registry import CATALOG
from shared.engines.opening import read_object
from shared.engines.renamed import RenamedView
from tests.unit.views import Tenant, TenantView, group, guid, policy, user


async def test_ids_change_everywhere_and_order_is_kept() -> None:
    tenant = Tenant()
    people = [user(tenant, f"user{number}") for number in range(20)]
    staff = group(tenant, "staff", people)
    key = policy(tenant, "P", excludeUsers=people[:2])
    ids = {people[0]: "zzz", people[5]: "000", staff: guid("new staff")}
    view = RenamedView(TenantView(tenant, "then"), ids, CATALOG)
    entries = [entry async for entry in view.index("users")]
    assert [entry.id for entry in entries] == sorted(ids.get(one, one) for one in people)
    for entry in entries:
        item = await read_object(view, "users", entry)
        assert item["id"] == entry.id
        assert item["displayName"] == entry.name
    links = [link async for link in view.links("groups", "members")]
    assert [link.target for link in links] == sorted(ids.get(one, one) for one in people)
    assert {link.source for link in links} == {guid("new staff")}
    (entry,) = [entry async for entry in view.index("conditionalAccessPolicies")]
    raw = json.loads(await view.get("conditionalAccessPolicies", entry))
    assert raw["conditions"]["users"]["excludeUsers"] == ["zzz", people[1]]
    assert entry.id == key
    assert view.label == "then"


async def test_two_objects_that_became_one_are_told_once() -> None:
    tenant = Tenant()
    one, other = user(tenant, "one"), user(tenant, "other")
    view = RenamedView(TenantView(tenant), {one: other}, CATALOG)
    assert [entry.id async for entry in view.index("users")] == [other]

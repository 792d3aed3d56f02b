"""What the diff says, and what it doesn't say."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from shared.catalog.registry import CATALOG
from shared.domain.change import Change, ChangeKind, PropertyChange
from shared.domain.errors import IntegrityError, Unusable
from shared.domain.snapshot import Completeness, IndexEntry, State
from shared.engines.diff import diff
from tests.unit.views import Tenant, TenantView, application, group, guid, policy, user

PARTIAL = Completeness(State.PARTIAL, "countMismatch")


async def changes(before: Tenant, after: Tenant, **options: object) -> list[Change]:
    change_set = await diff(TenantView(before, "before"), TenantView(after, "after"), CATALOG, **options)  # type: ignore[arg-type]
    return [change async for change in change_set]


async def test_a_tenant_does_not_differ_from_itself_and_nothing_is_opened() -> None:
    tenant = Tenant()
    group(tenant, "staff", [user(tenant, "anna")])
    one, other = TenantView(tenant), TenantView(tenant.copy())
    change_set = await diff(one, other, CATALOG)
    assert [change async for change in change_set] == []
    assert (await change_set.summary()).total == 0
    assert one.opened == other.opened == []


async def test_objects_added_removed_and_changed() -> None:
    before = Tenant()
    anna, ben = user(before, "anna", department="Sales"), user(before, "ben")
    after = before.copy()
    after.remove("users", ben)
    eve = user(after, "eve")
    after.get("users", anna).update(department="None", businessPhones=["1"])
    found = {change.id: change for change in await changes(before, after)}
    assert {key: change.kind for key, change in found.items()} == {
        anna: ChangeKind.CHANGED,
        ben: ChangeKind.REMOVED,
        eve: ChangeKind.ADDED,
    }
    assert found[ben].name == "ben"
    assert found[anna].properties == (
        PropertyChange("businessPhones", [], ["1"]),
        PropertyChange("department", "Sales", "None"),
    )


async def test_order_of_sets_nulls_annotations_and_volatile_members_are_no_changes() -> None:
    before = Tenant()
    accounts = [user(before, "a"), user(before, "b")]
    key = policy(before, "P", excludeUsers=accounts)
    user(before, "anna", businessPhones=["1", "2"])
    after = before.copy()
    item = after.get("conditionalAccessPolicies", key)
    item["conditions"]["users"]["excludeUsers"].reverse()
    item["conditions"]["times"] = None
    item["conditions"].pop("agents")
    item["modifiedDateTime"] = "2027-01-01T00:00:00Z"
    item["displayName@odata.type"] = "#String"
    after.get("users", guid("anna"))["businessPhones"].reverse()
    after.get("users", guid("anna"))["mobilePhone"] = None
    assert await changes(before, after) == []


async def test_a_change_inside_an_object_names_the_paths() -> None:
    before = Tenant()
    key = policy(before, "P")
    after = before.copy()
    conditions = after.get("conditionalAccessPolicies", key)["conditions"]
    conditions["users"]["excludeGroups"] = [guid("g")]
    conditions["clientAppTypes"] = ["browser"]
    (change,) = await changes(before, after)
    (found,) = change.properties
    assert found.paths == ("conditions.clientAppTypes", "conditions.users.excludeGroups")
    assert (found.before, found.after) == (
        before.get("conditionalAccessPolicies", key)["conditions"],
        conditions,
    )


async def test_a_change_that_no_write_could_mend_is_still_told() -> None:
    before = Tenant()
    key = policy(before, "P")
    grant = before.get("conditionalAccessPolicies", key)["grantControls"]
    grant["authenticationStrength"] = {"id": guid("s"), "allowedCombinations": ["fido2"]}
    after = before.copy()
    strength = after.get("conditionalAccessPolicies", key)["grantControls"]["authenticationStrength"]
    strength["allowedCombinations"] = ["password"]
    (change,) = await changes(before, after)
    assert change.properties[0].paths == ("grantControls.authenticationStrength.allowedCombinations",)


async def test_credentials_come_and_go_by_key_id() -> None:
    before = Tenant()
    old, kept = {"keyId": "old", "displayName": "ci"}, {"keyId": "kept", "displayName": "x"}
    key, _ = application(before, "portal", passwordCredentials=[old, kept], keyCredentials=None)
    after = before.copy()
    after.get("applications", key)["passwordCredentials"] = [dict(kept), {"keyId": "new", "displayName": None}]
    (change,) = await changes(before, after)
    assert change.properties == ()
    assert [(one.key_id, one.name, one.added) for one in change.credentials] == [
        ("new", "", True),
        ("old", "ci", False),
    ]
    after.get("applications", key)["passwordCredentials"][0]["displayName"] = "y"
    (change,) = await changes(before, after)
    assert [one.name for one in change.properties] == ["passwordCredentials"]
    assert len(change.credentials) == 2


async def test_links_come_with_the_name_of_their_source() -> None:
    before = Tenant()
    anna, ben = user(before, "anna"), user(before, "ben")
    staff, other = group(before, "staff", [anna]), group(before, "other", [anna])
    after = before.copy()
    after.unlink("groups.members", staff, anna)
    after.link("groups.members", other, ben)
    found = await changes(before, after)
    assert {(one.kind, one.name, one.relationship, one.target) for one in found} == {
        (ChangeKind.LINK_REMOVED, "staff", "members", anna),
        (ChangeKind.LINK_ADDED, "other", "members", ben),
    }


async def test_removed_is_not_said_where_the_later_side_is_not_complete() -> None:
    before = Tenant()
    anna = user(before, "anna")
    group(before, "staff", [anna])
    after = Tenant()
    user(after, "eve")
    states = {"users": PARTIAL, "groups.members": PARTIAL, "groups": PARTIAL}
    change_set = await diff(TenantView(before, "then"), TenantView(after, "now", states), CATALOG)
    assert [change.kind async for change in change_set] == [ChangeKind.ADDED]
    assert {(gap.name, gap.kind) for gap in change_set.gaps} == {
        ("users", ChangeKind.REMOVED),
        ("groups", ChangeKind.REMOVED),
        ("groups.members", ChangeKind.LINK_REMOVED),
    }
    assert "now: partial (countMismatch)" in {gap.why for gap in change_set.gaps}
    change_set = await diff(TenantView(before, "then", states), TenantView(after, "now"), CATALOG)
    kinds = {(change.kind, change.type) async for change in change_set}
    assert (ChangeKind.ADDED, "users") not in kinds
    assert (ChangeKind.REMOVED, "users") in kinds


async def test_contained_objects_are_complete_only_with_their_parents_relationship() -> None:
    states = {"applications.federatedIdentityCredentials": PARTIAL}
    change_set = await diff(TenantView(Tenant()), TenantView(Tenant(), "live", states), CATALOG)
    assert [gap.name for gap in change_set.gaps] == ["federatedIdentityCredentials"]


async def test_the_summary_counts_and_is_kept() -> None:
    before = Tenant()
    people = [user(before, f"user{number}") for number in range(600)]
    staff = group(before, "staff", people[:10])
    after = before.copy()
    for person in people[::2]:
        after.get("users", person)["department"] = "X"
    for person in people[:4]:
        after.unlink("groups.members", staff, person)
    one = TenantView(before)
    change_set = await diff(one, TenantView(after), CATALOG)
    summary = await change_set.summary()
    assert summary.counts == {"users": {"changed": 300}, "groups.members": {"linkRemoved": 4}}
    assert (summary.total, summary.of(ChangeKind.CHANGED)) == (304, 300)
    opened = len(one.opened)
    assert await change_set.summary() is summary
    assert len(one.opened) == opened == 300
    ids = [change.id async for change in change_set if change.type == "users"]
    assert ids == sorted(ids)


async def test_types_can_be_chosen_with_what_they_contain() -> None:
    before = Tenant()
    user(before, "anna")
    app, _ = application(before, "portal")
    before.add("federatedIdentityCredentials", guid("fic"), parent=app, name="deploy")
    found = await changes(before, Tenant(), types=("applications",))
    assert {(one.type, one.parent) for one in found} == {
        ("applications", ""),
        ("federatedIdentityCredentials", app),
    }
    with pytest.raises(Unusable):
        await changes(before, Tenant(), types=("people",))


class Unsorted(TenantView):
    async def _index(self, type_name: str) -> AsyncIterator[IndexEntry]:
        entries = [entry async for entry in super()._index(type_name)]
        for entry in reversed(entries):
            yield entry


class Doubled(TenantView):
    async def _index(self, type_name: str) -> AsyncIterator[IndexEntry]:
        async for entry in super()._index(type_name):
            yield entry
            yield entry


@pytest.mark.parametrize("kind", [Unsorted, Doubled])
async def test_a_reading_out_of_order_is_an_error_not_a_difference(kind: type[TenantView]) -> None:
    tenant = Tenant()
    for name in ("anna", "ben", "eve"):
        user(tenant, name)
    change_set = await diff(TenantView(tenant), kind(tenant), CATALOG)
    with pytest.raises(IntegrityError, match="out of order"):
        await change_set.summary()

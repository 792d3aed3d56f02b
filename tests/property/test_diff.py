"""For any two tenants: the diff, applied to the first, gives the second."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.registry import CATALOG
from shared.domain.change import Change, ChangeKind
from shared.engines.compare import Form
from shared.engines.diff import diff
from tests.unit.views import Tenant, TenantView

_IDS = [f"id{number}" for number in range(6)]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-2, 2) | st.sampled_from(["", "a", "b", "é"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["x", "y", "x@odata.type", "id"]), inner, max_size=3)
    ),
    max_leaves=6,
)
_MEMBERS = {
    "users": ["displayName", "department", "businessPhones", "employeeOrgData", "lastPasswordChangeDateTime"],
    "groups": ["displayName", "description", "groupTypes"],
    "applications": ["displayName", "tags", "web", "info"],
    "conditionalAccessPolicies": ["displayName", "state", "conditions", "grantControls", "modifiedDateTime"],
}


@st.composite
def tenants(draw: st.DrawFn) -> Tenant:
    tenant = Tenant()
    for type_name, members in _MEMBERS.items():
        for object_id in draw(st.sets(st.sampled_from(_IDS), max_size=4)):
            values: dict[str, Any] = draw(st.dictionaries(st.sampled_from(members), _JSON, max_size=4))
            if type_name == "applications" and draw(st.booleans()):
                keys = draw(st.sets(st.sampled_from(["k1", "k2", "k3"])))
                values["keyCredentials"] = [{"keyId": key, "displayName": key} for key in sorted(keys)]
            tenant.add(type_name, object_id, **values)
    for source, target in draw(st.sets(st.tuples(st.sampled_from(_IDS), st.sampled_from(_IDS)), max_size=6)):
        tenant.link("groups.members", source, target)
    return tenant


def apply(tenant: Tenant, changes: list[Change], after: Tenant) -> None:
    """Turns the model by what the changes say alone; added objects come as they are."""
    for change in changes:
        if change.kind is ChangeKind.ADDED:
            members = {name: value for name, value in after.get(change.type, change.id).items() if name != "id"}
            tenant.add(change.type, change.id, **members)
        elif change.kind is ChangeKind.REMOVED:
            tenant.objects[change.type].pop(change.id)
        elif change.kind is ChangeKind.CHANGED:
            item = tenant.get(change.type, change.id)
            for one in change.properties:
                assert item.get(one.name) == one.before
                item[one.name] = one.after
            for key in change.credentials:
                held = [one for one in item.get(key.member) or [] if one["keyId"] != key.key_id]
                added = [{"keyId": key.key_id, "displayName": key.name}] if key.added else []
                item[key.member] = sorted([*held, *added], key=lambda one: str(one["keyId"]))
        elif change.kind is ChangeKind.LINK_ADDED:
            tenant.link(f"{change.type}.{change.relationship}", change.id, change.target)
        else:
            tenant.unlink(f"{change.type}.{change.relationship}", change.id, change.target)


def meaning(tenant: Tenant) -> dict[str, Any]:
    """What two equal tenants have in common: null is absent, annotations and volatile members say nothing."""
    told: dict[str, Any] = {"links": sorted(tenant.links.get("groups.members", {}))}
    for type_name in _MEMBERS:
        spec = CATALOG.get(type_name)
        form = Form(spec, everything=True)
        told[type_name] = {
            object_id: form.content(item, [name for name in item if name not in spec.volatile])
            for object_id, item in sorted(tenant.objects.get(type_name, {}).items())
        }
    return told


async def _changes(before: Tenant, after: Tenant) -> list[Change]:
    change_set = await diff(TenantView(before, "before"), TenantView(after, "after"), CATALOG)
    return [change async for change in change_set]


@given(tenants(), tenants())
def test_a_diff_applied_to_the_first_gives_the_second(before: Tenant, after: Tenant) -> None:
    changes = asyncio.run(_changes(before, after))
    result = before.copy()
    apply(result, changes, after)
    assert meaning(result) == meaning(after)


@given(tenants(), tenants())
def test_a_diff_the_other_way_says_the_opposite(before: Tenant, after: Tenant) -> None:
    there = asyncio.run(_changes(before, after))
    back = asyncio.run(_changes(after, before))
    opposite = {
        ChangeKind.ADDED: ChangeKind.REMOVED,
        ChangeKind.REMOVED: ChangeKind.ADDED,
        ChangeKind.LINK_ADDED: ChangeKind.LINK_REMOVED,
        ChangeKind.LINK_REMOVED: ChangeKind.LINK_ADDED,
        ChangeKind.CHANGED: ChangeKind.CHANGED,
    }

    def told(changes: list[Change]) -> set[tuple[str, ...]]:
        return {(one.kind.value, one.type, one.id, one.relationship, one.target) for one in changes}

    assert told(back) == {(opposite[one.kind].value, *rest) for one in there for rest in [_rest(one)]}


def _rest(change: Change) -> tuple[str, ...]:
    return change.type, change.id, change.relationship, change.target


@given(tenants())
def test_a_tenant_does_not_differ_from_itself(tenant: Tenant) -> None:
    assert asyncio.run(_changes(tenant, tenant.copy())) == []

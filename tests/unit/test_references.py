"""Ids inside JSON: found and rewritten where the catalog declares them, and nowhere else."""

from __future__ import annotations

from shared.catalog.registry import CATALOG
from shared.catalog.spec import ValueReference
from shared.domain.objects import Json
from shared.engines.references import DROP, Absent, find, of_members, rewrite, values_at
from tests.unit.views import guid

POLICIES = CATALOG.get("conditionalAccessPolicies")
APPLICATIONS = CATALOG.get("applications")
A, B, C = guid("a"), guid("b"), guid("c")


def renewing(*olds: str) -> object:
    def resolve(reference: ValueReference, value: str) -> Json | Absent:
        return {"$id": value} if value in olds else value

    return resolve


def policy(**users: list[str]) -> dict[str, Json]:
    return {"id": A, "displayName": A, "conditions": {"users": dict(users), "locations": None}}


def test_declared_ids_are_found_with_their_member_and_words_are_not() -> None:
    item = policy(includeUsers=["All", A], excludeGroups=[B, "00000000-0000-0000-0000-000000000000"])
    found = [(one.member, one.reference.path, one.value) for one in find(POLICIES.references, item)]
    assert found == [
        ("conditions", "conditions.users.includeUsers[]", A),
        ("conditions", "conditions.users.excludeGroups[]", B),
    ]


def test_roles_are_named_by_their_template() -> None:
    found = list(find(POLICIES.references, policy(includeRoles=[A], excludeRoles=[B])))
    assert [(one.reference.to, one.reference.key, one.value) for one in found] == [
        (("roleDefinitions",), "templateId", A),
        (("roleDefinitions",), "templateId", B),
    ]


def test_undeclared_members_are_left_alone() -> None:
    item = policy(unheardOf=[A], includeGuestsOrExternalUsers={"externalTenants": {"members": [B]}})
    assert list(find(POLICIES.references, item)) == []
    assert rewrite(POLICIES.references, item, renewing(A, B)) is item  # type: ignore[arg-type]


def test_an_id_is_replaced_in_place_and_everything_else_stays() -> None:
    item = policy(includeUsers=["All"], excludeGroups=[B, A, C])
    changed = rewrite(POLICIES.references, item, renewing(A))  # type: ignore[arg-type]
    assert changed == {
        "id": A,
        "displayName": A,
        "conditions": {
            "users": {"includeUsers": ["All"], "excludeGroups": [B, {"$id": A}, C]},
            "locations": None,
        },
    }
    assert item == policy(includeUsers=["All"], excludeGroups=[B, A, C])


def test_an_object_that_nothing_changes_in_comes_back_as_itself() -> None:
    item = policy(excludeGroups=[B])
    assert rewrite(POLICIES.references, item, renewing(A)) is item  # type: ignore[arg-type]


def test_a_dropped_value_leaves_its_list() -> None:
    def resolve(reference: ValueReference, value: str) -> Json | Absent:
        return DROP if value == A else value

    assert rewrite(POLICIES.references, policy(includeUsers=[A, B]), resolve) == policy(includeUsers=[B])
    item: dict[str, Json] = {"requiredResourceAccess": [{"resourceAppId": A}, {"resourceAppId": B}]}
    assert rewrite(APPLICATIONS.references, item, resolve) == {"requiredResourceAccess": [{"resourceAppId": B}]}
    assert rewrite((ValueReference("manager.id", ("users",)),), {"manager": {"id": A}}, resolve) == {
        "manager": {"id": None}
    }


def test_ids_within_text_become_joined_text() -> None:
    item: dict[str, Json] = {"identifierUris": [f"api://{A}/x", "https://contoso.example", f"api://{B}"]}
    changed = rewrite(APPLICATIONS.references, item, renewing(A))  # type: ignore[arg-type]
    assert changed == {
        "identifierUris": [
            {"$join": ["api://", {"$id": A}, "/x"]},
            "https://contoso.example",
            f"api://{B}",
        ]
    }
    both: dict[str, Json] = {"identifierUris": [f"{A}:{B}"]}
    changed = rewrite(APPLICATIONS.references, both, renewing(A, B))  # type: ignore[arg-type]
    assert changed == {"identifierUris": [{"$join": [{"$id": A}, ":", {"$id": B}]}]}


def test_lists_of_objects_are_stepped_through() -> None:
    item: dict[str, Json] = {
        "api": {"preAuthorizedApplications": [{"appId": A, "delegatedPermissionIds": [A]}, {"appId": B}]}
    }
    assert [one.value for one in find(APPLICATIONS.references, item)] == [A, B]
    changed = rewrite(APPLICATIONS.references, item, renewing(A))  # type: ignore[arg-type]
    assert changed == {
        "api": {"preAuthorizedApplications": [{"appId": {"$id": A}, "delegatedPermissionIds": [A]}, {"appId": B}]}
    }


def test_values_of_another_shape_than_declared_are_left_alone() -> None:
    for odd in ({"conditions": None}, {"conditions": []}, {"conditions": {"users": {"includeUsers": "All"}}}):
        item: dict[str, Json] = dict(odd)  # type: ignore[arg-type]
        assert list(find(POLICIES.references, item)) == []
        assert rewrite(POLICIES.references, item, renewing(A)) is item  # type: ignore[arg-type]
    numbers: dict[str, Json] = {"conditions": {"users": {"includeUsers": [1, None, {"x": A}]}}}
    assert rewrite(POLICIES.references, numbers, renewing(A)) is numbers  # type: ignore[arg-type]


def test_references_can_be_asked_for_by_member_and_values_with_words() -> None:
    assert {one.path for one in of_members(APPLICATIONS, ("api",))} == {
        "api.knownClientApplications[]",
        "api.preAuthorizedApplications[].appId",
    }
    (include,) = [one for one in POLICIES.references if one.path == "conditions.users.includeUsers[]"]
    assert values_at(include, policy(includeUsers=["All", A])) == ["All", A]

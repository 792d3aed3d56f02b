"""The `VaultAccess` contract, against the simulated management plane."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from shared.adapters.access import ArmVaultAccess
from shared.adapters.management import LoopbackToken
from shared.domain.errors import StorageDenied, StorageDown, Unusable
from shared.domain.ports import VaultAccess
from tests.contract.suite import Suite
from tests.localrun.arm import OPERATOR, RESOURCE_ID, SUBSCRIPTION, ManagementPlane

SUITE = Suite(VaultAccess, {"arm": ArmVaultAccess})


@dataclass
class Case:
    access: VaultAccess
    plane: ManagementPlane


@pytest.fixture(params=SUITE.params())
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with ManagementPlane() as plane:
        access = ArmVaultAccess.open(RESOURCE_ID, LoopbackToken(), plane.url, retry_backoff_factor=0)
        yield Case(SUITE.made(request.param, access), plane)
        await access.close()


async def test_the_tenant_is_that_of_the_subscription(case: Case) -> None:
    case.plane.home = "ABCDEF00-2222-3333-4444-555555555555"
    assert await case.access.home() == "abcdef00-2222-3333-4444-555555555555"


async def test_assignments_at_above_and_below_the_account_come_once_each_from_every_page(case: Case) -> None:
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/holdfast-vault"
    case.plane.assign("b2", "Reader", scope=f"/subscriptions/{SUBSCRIPTION}")
    case.plane.assign("b1", "Owner", scope=group, condition="@Resource[x] StringEquals 'y'")
    for number in range(3):
        case.plane.assign(f"a{number}", "Storage Blob Data Reader", principal=f"p{number}")
    case.plane.assign("c1", "Custom", scope=f"{RESOURCE_ID}/blobServices/default/containers/chain")
    found = await case.access.assignments()
    assert [one.id for one in found] == sorted(one.id for one in found)
    assert sorted((one.id.rpartition("/")[2], one.role) for one in found) == [
        ("a0", "Storage Blob Data Reader"),
        ("a1", "Storage Blob Data Reader"),
        ("a2", "Storage Blob Data Reader"),
        ("b1", "Owner"),
        ("b2", "Reader"),
        ("c1", "Custom"),
    ]
    by_name = {one.id.rpartition("/")[2]: one for one in found}
    assert (by_name["b1"].condition, by_name["b1"].scope) == ("@Resource[x] StringEquals 'y'", group)
    assert (by_name["a1"].principal, by_name["a1"].principal_type) == ("p1", "ServicePrincipal")
    assert by_name["a1"].created_by == OPERATOR["objectIdentifier"]
    made = by_name["a1"].created_at
    assert made is not None
    assert made.tzinfo is not None


async def test_a_time_with_more_digits_than_python_holds_is_read_and_a_strange_one_left_out(case: Case) -> None:
    case.plane.assign("a1", "Reader", createdOn="2026-10-03T04:05:06.1234567Z", updatedOn="yesterday")
    (found,) = await case.access.assignments()
    assert found.created_at is not None
    assert f"{found.created_at:%Y-%m-%dT%H:%M:%S}" == "2026-10-03T04:05:06"
    assert found.updated_at is None


async def test_a_role_that_is_gone_is_told_by_its_id(case: Case) -> None:
    made = case.plane.assign("a1", "Custom")
    definition = made["properties"]["roleDefinitionId"]
    del case.plane.roles[definition]
    assert [one.role for one in await case.access.assignments()] == [definition]


async def test_a_list_that_goes_on_elsewhere_is_not_followed(case: Case) -> None:
    async with ManagementPlane() as elsewhere:
        case.plane.next_origin = elsewhere.url
        for number in range(3):
            case.plane.assign(f"a{number}", "Reader")
        with pytest.raises(StorageDown, match="another address"):
            await case.access.assignments()
        assert elsewhere.log == []


async def test_without_the_right_or_the_service_nothing_is_concluded(case: Case) -> None:
    case.plane.assign("a1", "Reader")
    case.plane.actions = {"roleDefinitions/read"}
    for asked in (case.access.home, case.access.assignments):
        with pytest.raises(StorageDenied):
            await asked()
    case.plane.actions = {"*"}
    case.plane.down = True
    for asked in (case.access.home, case.access.assignments):
        with pytest.raises(StorageDown):
            await asked()


def test_only_the_id_of_a_storage_account_is_taken() -> None:
    with pytest.raises(Unusable):
        ArmVaultAccess.open("/subscriptions/x", LoopbackToken())

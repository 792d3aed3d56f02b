"""Administrative units of the simulated tenant: members, rules, restricted management, bin, delta."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.inprocess import InProcessTenant, code_of, reference
from tests.simulator.rules.types import TYPES

UNITS = "/directory/administrativeUnits"
USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"


@pytest.fixture
def tenant() -> InProcessTenant:
    return InProcessTenant.planted("small")


def unit(tenant: InProcessTenant, **wanted: Any) -> str:
    return str(tenant.first("administrativeUnits", **wanted)["id"])


def plain_user(tenant: InProcessTenant, number: int = 0) -> str:
    users = [u for u in tenant.store.tables["users"].values() if u["userType"] == "Member"]
    users = [u for u in users if not u.get("onPremisesSyncEnabled") and not u.get("isManagementRestricted")]
    return str(sorted(u["id"] for u in users)[number])


async def members(tenant: InProcessTenant, key: str) -> list[str]:
    return [m["id"] for m in await tenant.everything(f"{UNITS}/{key}/members?$select=id")]


async def test_members_are_added_and_removed_by_reference(tenant: InProcessTenant) -> None:
    made = await tenant.post(UNITS, {"displayName": "New"})
    assert made.status_code == 201
    path = f"{UNITS}/{made.json()['id']}/members"
    user = plain_user(tenant)
    assert (await tenant.post(f"{path}/$ref", reference(user))).status_code == 204
    assert (await tenant.post(f"{path}/$ref", reference(user))).status_code == 400
    assert await members(tenant, made.json()["id"]) == [user]
    principal = tenant.store.order["servicePrincipals"][0]
    assert (await tenant.post(f"{path}/$ref", reference(principal))).status_code == 400
    assert (await tenant.delete(f"{path}/{user}/$ref")).status_code == 204
    assert (await tenant.delete(f"{path}/{user}/$ref")).status_code == 404


async def test_a_unit_is_one_of_what_a_member_is_in(tenant: InProcessTenant) -> None:
    key = unit(tenant, isMemberManagementRestricted=True)
    user = (await members(tenant, key))[0]
    assert key in {m["id"] for m in await tenant.everything(f"/users/{user}/memberOf")}


async def test_hidden_membership_looks_empty_without_the_permission(tenant: InProcessTenant) -> None:
    key = unit(tenant, visibility="HiddenMembership")
    assert await members(tenant, key)
    assert await members(tenant.with_roles("AdministrativeUnit.Read.All"), key) == []


async def test_a_dynamic_unit_follows_its_rule_and_takes_no_members(tenant: InProcessTenant) -> None:
    key = unit(tenant, membershipType="Dynamic")
    user = plain_user(tenant)
    assert (await tenant.post(f"{UNITS}/{key}/members/$ref", reference(user))).status_code == 403
    await tenant.patch(f"/users/{user}", {"department": "Legal", "accountEnabled": True})
    assert user in await members(tenant, key)
    await tenant.patch(f"/users/{user}", {"department": "Sales"})
    assert user not in await members(tenant, key)
    assert (await tenant.patch(f"{UNITS}/{key}", {"membershipRule": None})).status_code == 400


async def test_restricted_management_is_chosen_at_creation(tenant: InProcessTenant) -> None:
    body = {"displayName": "Safe", "isMemberManagementRestricted": True}
    made = (await tenant.post(UNITS, body)).json()
    assert made["isMemberManagementRestricted"] is True
    for key, value in ((made["id"], False), (unit(tenant, visibility="Public"), True)):
        answer = await tenant.patch(f"{UNITS}/{key}", {"isMemberManagementRestricted": value})
        assert answer.status_code == 400


async def test_members_of_a_restricted_unit_are_out_of_reach_of_tenant_wide_permissions(
    tenant: InProcessTenant,
) -> None:
    key = unit(tenant, isMemberManagementRestricted=True)
    user = plain_user(tenant)
    assert (await tenant.patch(f"/users/{user}", {"city": "Delft"})).status_code == 204
    await tenant.post(f"{UNITS}/{key}/members/$ref", reference(user))
    shown = (await tenant.get(f"/users/{user}?$select=id,isManagementRestricted")).json()
    assert shown["isManagementRestricted"] is True
    assert code_of(await tenant.patch(f"/users/{user}", {"city": "Gouda"})) == (403, "Authorization_RequestDenied")
    assert (await tenant.delete(f"/users/{user}")).status_code == 403
    upn = tenant.store.tables["users"][user]["userPrincipalName"]
    assert (await tenant.patch(f"/users/{upn}", {"city": "Gouda"})).status_code == 403
    await tenant.delete(f"{UNITS}/{key}/members/{user}/$ref")
    assert "isManagementRestricted" not in tenant.store.tables["users"][user]
    assert (await tenant.patch(f"/users/{user}", {"city": "Gouda"})).status_code == 204


async def test_a_role_scoped_to_the_restricted_unit_reaches_its_members(tenant: InProcessTenant) -> None:
    key = unit(tenant, isMemberManagementRestricted=True)
    user = (await members(tenant, key))[0]
    app = tenant.store.tables["servicePrincipals"][tenant.store.order["servicePrincipals"][0]]
    caller = InProcessTenant(tenant.service, appid=app["appId"])
    assert (await caller.patch(f"/users/{user}", {"city": "Delft"})).status_code == 403
    body = {"principalId": app["id"], "roleDefinitionId": USER_ADMINISTRATOR, "directoryScopeId": "/"}
    await tenant.post("/roleManagement/directory/roleAssignments", body)
    assert (await caller.patch(f"/users/{user}", {"city": "Delft"})).status_code == 403
    body["directoryScopeId"] = f"/administrativeUnits/{key}"
    assert (await tenant.post("/roleManagement/directory/roleAssignments", body)).status_code == 201
    assert (await caller.patch(f"/users/{user}", {"city": "Delft"})).status_code == 204


async def test_a_deleted_unit_comes_back_with_members_restrictions_and_scoped_roles(
    tenant: InProcessTenant,
) -> None:
    key = unit(tenant, isMemberManagementRestricted=True)
    before = await members(tenant, key)
    role = {"principalId": plain_user(tenant), "roleDefinitionId": USER_ADMINISTRATOR}
    role["directoryScopeId"] = f"/administrativeUnits/{key}"
    made = (await tenant.post("/roleManagement/directory/roleAssignments", role)).json()
    assert (await tenant.delete(f"{UNITS}/{key}")).status_code == 204
    assert (await tenant.get(f"{UNITS}/{key}")).status_code == 404
    assert (await tenant.get(f"/roleManagement/directory/roleAssignments/{made['id']}")).status_code == 404
    assert (await tenant.patch(f"/users/{before[0]}", {"city": "Delft"})).status_code == 204
    binned = await tenant.everything("/directory/deletedItems/microsoft.graph.administrativeUnit")
    assert [b["id"] for b in binned] == [key]
    assert (await tenant.delete(f"/directory/deletedItems/{key}")).status_code == 400
    assert (await tenant.post(f"/directory/deletedItems/{key}/restore")).status_code == 200
    assert await members(tenant, key) == before
    assert (await tenant.patch(f"/users/{before[0]}", {"city": "Gouda"})).status_code == 403
    assert (await tenant.get(f"/roleManagement/directory/roleAssignments/{made['id']}")).status_code == 200


async def test_a_unit_leaves_the_bin_after_thirty_days(tenant: InProcessTenant) -> None:
    key = unit(tenant, visibility="Public")
    await tenant.delete(f"{UNITS}/{key}")
    tenant.service.clock.advance(31 * 86400)
    later = InProcessTenant(tenant.service)
    assert (await later.post(f"/directory/deletedItems/{key}/restore")).status_code == 404


async def test_delta_tells_members_and_removals(tenant: InProcessTenant) -> None:
    whole = (await tenant.get(f"{UNITS}/delta?$select=displayName,members")).json()
    entries = {e["id"]: e for e in whole["value"]}
    assert set(entries) == set(tenant.store.tables["administrativeUnits"])
    key, gone = unit(tenant, visibility="Public"), unit(tenant, visibility="HiddenMembership")
    first = entries[key]["members@delta"][0]["id"]
    await tenant.delete(f"{UNITS}/{key}/members/{first}/$ref")
    await tenant.delete(f"{UNITS}/{gone}")
    later = (await tenant.get(whole["@odata.deltaLink"])).json()["value"]
    found = {e["id"]: e for e in later}
    assert found[gone]["@removed"] == {"reason": "changed"}
    assert found[key]["members@delta"] == [
        {
            "@odata.type": found[key]["members@delta"][0]["@odata.type"],
            "id": first,
            "@removed": {"reason": "deleted"},
        }
    ]


async def test_what_a_unit_shows_can_be_created_anew(tenant: InProcessTenant) -> None:
    for one in await tenant.everything(UNITS):
        body = {k: v for k, v in one.items() if k not in TYPES["administrativeUnits"].read_only and v is not None}
        made = await tenant.post(UNITS, body)
        assert made.status_code == 201, made.text
        assert {k: v for k, v in made.json().items() if k in body} == body


async def test_reading_and_writing_need_their_permissions(tenant: InProcessTenant) -> None:
    reader = tenant.with_roles("AdministrativeUnit.Read.All")
    assert (await reader.get(UNITS)).status_code == 200
    assert (await reader.post(UNITS, {"displayName": "x"})).status_code == 403
    assert (await tenant.with_roles("User.Read.All").get(UNITS)).status_code == 403
    assert (await tenant.get(UNITS)).headers["x-ms-resource-unit"] == "1"

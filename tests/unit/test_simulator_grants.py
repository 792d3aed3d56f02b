"""Delegated permission grants of the simulated tenant: uniqueness, scope, delta, and what happens to their ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.inprocess import InProcessTenant, code_of

GRANTS = "/oauth2PermissionGrants"


@pytest.fixture
def tenant() -> InProcessTenant:
    return InProcessTenant.planted("small")


def fresh(tenant: InProcessTenant, **changes: Any) -> dict[str, Any]:
    """A grant between two service principals that have none."""
    client, resource = tenant.store.order["servicePrincipals"][:2]
    body = {"clientId": client, "resourceId": resource, "consentType": "AllPrincipals", "scope": "Data.Read"}
    return {**body, **changes}


def some_user(tenant: InProcessTenant) -> str:
    return str(tenant.first("users", userType="Member", accountEnabled=True)["id"])


async def test_one_grant_per_client_resource_and_principal(tenant: InProcessTenant) -> None:
    for body in (fresh(tenant), fresh(tenant, consentType="Principal", principalId=some_user(tenant))):
        assert (await tenant.post(GRANTS, body)).status_code == 201
        again = await tenant.post(GRANTS, {**body, "scope": "Data.Write"})
        assert code_of(again) == (409, "Request_MultipleObjectsWithSameKeyValue")


@pytest.mark.parametrize(
    "changes",
    [
        {"consentType": "Everybody"},
        {"consentType": "Principal"},
        {"principalId": "00000000-0000-4000-8000-00000000dead"},
        {"clientId": "00000000-0000-4000-8000-00000000dead"},
        {"scope": "x" * 3851},
        {"scope": None},
        {"id": "mine"},
        {"expiryTime": "2030-01-01T00:00:00Z"},
    ],
)
async def test_refused_grants(tenant: InProcessTenant, changes: dict[str, Any]) -> None:
    assert (await tenant.post(GRANTS, fresh(tenant, **changes))).status_code == 400


async def test_only_the_scope_can_be_changed_and_is_replaced(tenant: InProcessTenant) -> None:
    made = (await tenant.post(GRANTS, fresh(tenant, scope=" A.Read  B.Read"))).json()
    assert made["scope"] == " A.Read  B.Read"
    path = f"{GRANTS}/{made['id']}"
    assert (await tenant.patch(path, {"scope": "C.Read"})).status_code == 204
    assert (await tenant.get(path)).json()["scope"] == "C.Read"
    assert (await tenant.patch(path, {"consentType": "AllPrincipals"})).status_code == 400
    assert (await tenant.delete(path)).status_code == 204
    assert (await tenant.get(path)).status_code == 404


async def test_a_listing_costs_two_units(tenant: InProcessTenant) -> None:
    listed = await tenant.get(GRANTS)
    assert listed.headers["x-ms-resource-unit"] == "2"
    assert (await tenant.get(f"{GRANTS}/{listed.json()['value'][0]['id']}")).headers["x-ms-resource-unit"] == "2"
    client = listed.json()["value"][0]["clientId"]
    found = await tenant.everything(f"{GRANTS}?$filter=clientId eq '{client}'")
    assert {g["clientId"] for g in found} == {client}


@pytest.mark.parametrize("end", ["clientId", "resourceId", "principalId"])
async def test_a_grant_vanishes_with_its_ends_and_comes_back_with_them(tenant: InProcessTenant, end: str) -> None:
    body = fresh(tenant, consentType="Principal", principalId=some_user(tenant))
    made = (await tenant.post(GRANTS, body)).json()
    table = "users" if end == "principalId" else "servicePrincipals"
    start = (await tenant.get(f"{GRANTS}/delta?$deltatoken=latest")).json()["@odata.deltaLink"]
    assert (await tenant.delete(f"/{table}/{body[end]}")).status_code == 204
    assert (await tenant.get(f"{GRANTS}/{made['id']}")).status_code == 404
    gone = (await tenant.get(start)).json()
    assert {"id": made["id"], "@removed": {"reason": "deleted"}} in gone["value"]
    assert (await tenant.post(f"/directory/deletedItems/{body[end]}/restore")).status_code == 200
    assert (await tenant.get(f"{GRANTS}/{made['id']}")).json()["scope"] == "Data.Read"
    assert made["id"] in {e["id"] for e in (await tenant.get(gone["@odata.deltaLink"])).json()["value"]}


async def test_a_grant_waits_for_both_ends(tenant: InProcessTenant) -> None:
    made = (await tenant.post(GRANTS, fresh(tenant))).json()
    ends = (made["clientId"], made["resourceId"])
    for end in ends:
        await tenant.delete(f"/servicePrincipals/{end}")
    await tenant.post(f"/directory/deletedItems/{ends[0]}/restore")
    assert (await tenant.get(f"{GRANTS}/{made['id']}")).status_code == 404
    await tenant.post(f"/directory/deletedItems/{ends[1]}/restore")
    assert (await tenant.get(f"{GRANTS}/{made['id']}")).status_code == 200


async def test_a_purge_takes_the_grants_for_good(tenant: InProcessTenant) -> None:
    made = (await tenant.post(GRANTS, fresh(tenant))).json()
    await tenant.delete(f"/servicePrincipals/{made['resourceId']}")
    assert (await tenant.delete(f"/directory/deletedItems/{made['resourceId']}")).status_code == 204
    answer = await tenant.get("/_sim/objects/oauth2PermissionGrants")
    assert made["id"] not in {g["id"] for g in answer.json()["value"]}


async def test_an_incident_purges_a_grant_and_leaves_a_trace(tenant: InProcessTenant) -> None:
    key = tenant.store.order["oauth2PermissionGrants"][0]
    request = {"requests": [{"op": "purge", "type": "oauth2PermissionGrants", "id": key}]}
    assert (await tenant.post("/_sim/incident", request)).json()["failed"] == 0
    assert (await tenant.get(f"{GRANTS}/{key}")).status_code == 404
    event = (await tenant.get("/auditLogs/directoryAudits?$top=1")).json()["value"][0]
    assert event["activityDisplayName"] == "Hard Delete delegated permission grant"


async def test_permissions(tenant: InProcessTenant) -> None:
    reader = tenant.with_roles("Directory.Read.All")
    assert (await reader.get(GRANTS)).status_code == 200
    assert (await reader.post(GRANTS, fresh(tenant))).status_code == 403
    assert (await tenant.with_roles("Application.Read.All").get(GRANTS)).status_code == 403

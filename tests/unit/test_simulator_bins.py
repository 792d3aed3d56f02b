"""The simulated tenant's recycle bin: what comes back, what doesn't, and what stands in the way."""

from __future__ import annotations

import pytest

from tests.simulator.inprocess import InProcessTenant, code_of
from tests.unit.test_simulator_writing import new_group, new_user

BIN = "/directory/deletedItems"


@pytest.fixture
def tenant() -> InProcessTenant:
    return InProcessTenant.planted("small")


async def test_a_user_keeps_id_memberships_ownerships_and_manager(tenant: InProcessTenant) -> None:
    store = tenant.store
    user = next(u for u in store.forward["users.manager"] if store.sources("groups.members", u))
    groups, manager = set(store.sources("groups.members", user)), set(store.targets("users.manager", user))
    reports = set(store.sources("users.manager", user))
    assert (await tenant.delete(f"/users/{user}")).status_code == 204
    assert (await tenant.get(f"/users/{user}")).status_code == 404
    assert not store.sources("groups.members", user)
    assert (await tenant.post(f"{BIN}/{user}/restore")).status_code == 200
    assert set(store.sources("groups.members", user)) == groups
    assert (set(store.targets("users.manager", user)), set(store.sources("users.manager", user))) == (
        manager,
        reports,
    )


async def test_links_between_two_deleted_objects_come_back_with_the_second(tenant: InProcessTenant) -> None:
    group = tenant.first("groups", displayName="All staff")["id"]
    members = set(tenant.store.targets("groups.members", group))
    user = next(iter(members))
    await tenant.delete(f"/groups/{group}")
    await tenant.delete(f"/users/{user}")
    await tenant.post(f"{BIN}/{group}/restore")
    assert set(tenant.store.targets("groups.members", group)) == members - {user}
    await tenant.post(f"{BIN}/{user}/restore")
    assert set(tenant.store.targets("groups.members", group)) == members


async def test_a_deleted_name_is_free_and_then_in_the_way(tenant: InProcessTenant) -> None:
    old = (await tenant.post("/users", new_user())).json()["id"]
    await tenant.delete(f"/users/{old}")
    binned = (await tenant.get(f"{BIN}/{old}")).json()
    assert binned["userPrincipalName"] == old.replace("-", "") + "new@contoso-sim.example"
    assert binned["deletedDateTime"]
    assert (await tenant.post("/users", new_user())).status_code == 201
    answer = await tenant.post(f"{BIN}/{old}/restore")
    assert answer.json()["error"]["details"][0]["target"] == "userPrincipalName"
    fresh = {"newUserPrincipalName": "other@contoso-sim.example"}
    assert (await tenant.post(f"{BIN}/{old}/restore", fresh)).status_code == 200
    assert (await tenant.get("/users/other@contoso-sim.example")).json()["id"] == old


async def test_a_deleted_security_group_says_it_is_not_one_until_it_is_back(tenant: InProcessTenant) -> None:
    group = (await tenant.post("/groups", new_group())).json()["id"]
    await tenant.delete(f"/groups/{group}")
    listed = await tenant.everything(f"{BIN}/microsoft.graph.group")
    assert [g["securityEnabled"] for g in listed if g["id"] == group] == [False]
    assert (await tenant.post(f"{BIN}/{group}/restore")).json()["securityEnabled"] is True


async def test_where_security_groups_have_no_bin_they_are_gone_at_once(tenant: InProcessTenant) -> None:
    tenant.service.settings.security_groups_in_bin = False
    group = (await tenant.post("/groups", new_group())).json()["id"]
    await tenant.delete(f"/groups/{group}")
    assert (await tenant.get(f"{BIN}/{group}")).status_code == 404


async def test_an_application_takes_its_principal_along_but_comes_back_alone(tenant: InProcessTenant) -> None:
    app = tenant.first("applications", displayName="App 2")
    principal = tenant.store.find("servicePrincipals", "appId", app["appId"])
    credentials = dict(tenant.store.targets("applications.federatedIdentityCredentials", app["id"]))
    await tenant.delete(f"/applications/{app['id']}")
    assert tenant.store.get("servicePrincipals", principal) is None
    await tenant.post(f"{BIN}/{app['id']}/restore")
    assert tenant.store.get("servicePrincipals", principal) is None
    assert dict(tenant.store.targets("applications.federatedIdentityCredentials", app["id"])) == credentials
    assert (await tenant.get(f"/applications/{app['id']}")).json()["appId"] == app["appId"]
    assert (await tenant.post(f"{BIN}/{principal}/restore")).status_code == 200


async def test_a_principal_cannot_come_back_beside_its_successor(tenant: InProcessTenant) -> None:
    app = tenant.first("applications", displayName="App 2")
    old = tenant.store.find("servicePrincipals", "appId", app["appId"])
    await tenant.delete(f"/servicePrincipals/{old}")
    new = (await tenant.post("/servicePrincipals", {"appId": app["appId"]})).json()["id"]
    assert (await tenant.post(f"{BIN}/{old}/restore")).status_code == 400
    await tenant.delete(f"/servicePrincipals/{new}")
    assert (await tenant.post(f"{BIN}/{old}/restore")).status_code == 200


async def test_assignments_of_a_deleted_principal_hide_and_come_back(tenant: InProcessTenant) -> None:
    one = next(a for a in tenant.store.tables["appRoleAssignments"].values() if a["principalType"] == "User")
    path = f"/servicePrincipals/{one['resourceId']}/appRoleAssignedTo"
    await tenant.delete(f"/users/{one['principalId']}")
    assert one["id"] not in {a["id"] for a in await tenant.everything(path)}
    await tenant.post(f"{BIN}/{one['principalId']}/restore")
    assert one["id"] in {a["id"] for a in await tenant.everything(path)}


async def test_names_of_deleted_applications_and_groups_stay_taken(tenant: InProcessTenant) -> None:
    app = tenant.first("applications", displayName="App 2")
    await tenant.delete(f"/applications/{app['id']}")
    again = {"displayName": "x", "identifierUris": ["https://contoso-sim.example/x"]}
    other = (await tenant.post("/applications", again)).json()["id"]
    await tenant.delete(f"/applications/{other}")
    assert (await tenant.post("/applications", again)).status_code == 400


async def test_purging_needs_a_person_for_users_and_groups(tenant: InProcessTenant) -> None:
    user = (await tenant.post("/users", new_user())).json()["id"]
    await tenant.delete(f"/users/{user}")
    assert code_of(await tenant.delete(f"{BIN}/{user}")) == (403, "Authorization_RequestDenied")
    person = tenant.with_roles("User.ReadWrite.All", upn="breakglass1@holdfastsim.onmicrosoft.com")
    assert (await person.delete(f"{BIN}/{user}")).status_code == 204
    assert (await tenant.get(f"{BIN}/{user}")).status_code == 404
    app = tenant.first("applications", displayName="App 2")["id"]
    await tenant.delete(f"/applications/{app}")
    assert (await tenant.delete(f"{BIN}/{app}")).status_code == 204
    assert not tenant.store.targets("applications.federatedIdentityCredentials", app)


async def test_after_thirty_days_the_bin_is_empty(tenant: InProcessTenant) -> None:
    user = (await tenant.post("/users", new_user())).json()["id"]
    await tenant.delete(f"/users/{user}")
    tenant.service.clock.advance(31 * 86400)
    later = InProcessTenant(tenant.service)
    assert await later.everything(f"{BIN}/microsoft.graph.user") == []


async def test_restoring_a_type_needs_the_permission_of_that_type(tenant: InProcessTenant) -> None:
    user = (await tenant.post("/users", new_user())).json()["id"]
    await tenant.delete(f"/users/{user}")
    assert (await tenant.with_roles("Group.ReadWrite.All").post(f"{BIN}/{user}/restore")).status_code == 403
    assert (await tenant.with_roles("User.DeleteRestore.All").post(f"{BIN}/{user}/restore")).status_code == 200


async def test_an_incident_purges_without_a_trace_in_the_bin(tenant: InProcessTenant) -> None:
    group = tenant.service.info["breakGlassGroupId"]
    policy = tenant.store.order["conditionalAccessPolicies"][0]
    requests = [
        {"op": "purge", "type": "groups", "id": group},
        {"op": "purge", "type": "conditionalAccessPolicies", "id": policy},
        {"method": "PATCH", "url": "/policies/authorizationPolicy", "body": {"allowInvitesFrom": "everyone"}},
        {"method": "POST", "url": "/users", "body": new_user("impostor")},
    ]
    answer = (
        await tenant.post("/_sim/incident", {"appId": None, "displayName": "attacker", "requests": requests})
    ).json()
    assert answer["failed"] == 0, answer
    assert tenant.store.get("groups", group) is None
    assert tenant.store.get("bin:groups", group) is None
    assert tenant.store.get("bin:conditionalAccessPolicies", policy) is None
    path = f"/auditLogs/directoryAudits?$filter=targetResources/any(t:t/id eq '{group}')"
    events = await tenant.everything(path)
    assert {e["initiatedBy"]["app"]["appId"] for e in events} == {answer["appId"]}
    assert "Hard Delete group" in {e["activityDisplayName"] for e in events}

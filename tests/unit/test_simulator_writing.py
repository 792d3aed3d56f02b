"""The simulated tenant's writes: what each type needs, refuses, and does on the side."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.inprocess import InProcessTenant, code_of, message_of, reference

BAD = (400, "Request_BadRequest")


@pytest.fixture
def tenant() -> InProcessTenant:
    return InProcessTenant.planted("small")


def new_user(name: str = "new", **more: Any) -> dict[str, Any]:
    return {
        "accountEnabled": True,
        "displayName": "New <user>",
        "mailNickname": name,
        "userPrincipalName": f"{name}@contoso-sim.example",
        "passwordProfile": {"password": "correct horse battery", "forceChangePasswordNextSignIn": True},
        **more,
    }


def new_group(**more: Any) -> dict[str, Any]:
    return {"displayName": "New", "mailEnabled": False, "mailNickname": "new", "securityEnabled": True, **more}


# --- users


async def test_a_created_user_has_its_own_id_and_no_readable_password(tenant: InProcessTenant) -> None:
    answer = await tenant.post("/users", new_user())
    assert answer.status_code == 201
    assert "passwordProfile" not in answer.json()
    stored = tenant.store.tables["users"][answer.json()["id"]]
    assert "correct horse" not in str(stored)


@pytest.mark.parametrize(
    "name", ["accountEnabled", "displayName", "mailNickname", "passwordProfile", "userPrincipalName"]
)
async def test_a_user_needs_its_required_properties(tenant: InProcessTenant, name: str) -> None:
    body = new_user()
    del body[name]
    assert code_of(await tenant.post("/users", body)) == BAD


@pytest.mark.parametrize("name", ["id", "createdDateTime", "mail", "proxyAddresses", "onPremisesSyncEnabled"])
async def test_read_only_properties_are_refused(tenant: InProcessTenant, name: str) -> None:
    value: Any = {"proxyAddresses": [], "onPremisesSyncEnabled": True}.get(name, "x")
    assert (await tenant.post("/users", new_user(**{name: value}))).status_code == 400
    key = tenant.store.order["users"][0]
    assert (await tenant.patch(f"/users/{key}", {name: value})).status_code == 400


async def test_unknown_properties_and_wrong_types_are_refused(tenant: InProcessTenant) -> None:
    key = tenant.first("users", userType="Member")["id"]
    assert (await tenant.patch(f"/users/{key}", {"favouriteColour": "blue"})).status_code == 400
    assert (await tenant.patch(f"/users/{key}", {"accountEnabled": "yes"})).status_code == 400
    assert (await tenant.patch(f"/users/{key}", {"businessPhones": "1"})).status_code == 400
    assert (await tenant.patch(f"/users/{key}", {"employeeOrgData": {"nonsense": 1}})).status_code == 400


async def test_names_are_unique_whatever_their_case_and_only_in_verified_domains(tenant: InProcessTenant) -> None:
    taken = tenant.first("users", userType="Member")["userPrincipalName"].upper()
    answer = await tenant.post("/users", new_user(userPrincipalName=taken))
    assert code_of(answer) == BAD
    assert answer.json()["error"]["details"][0]["code"] == "ObjectConflict"
    assert (await tenant.post("/users", new_user(userPrincipalName="x@elsewhere.example"))).status_code == 400


async def test_absent_keeps_null_clears_and_empty_empties(tenant: InProcessTenant) -> None:
    key = (await tenant.post("/users", new_user(jobTitle="Lead", businessPhones=["1"]))).json()["id"]
    assert (await tenant.patch(f"/users/{key}", {"jobTitle": None, "businessPhones": []})).status_code == 204
    shown = (await tenant.get(f"/users/{key}?$select=jobTitle,businessPhones,displayName")).json()
    assert (shown["jobTitle"], shown["businessPhones"], shown["displayName"]) == (None, [], "New <user>")


async def test_narrow_permissions_reach_only_their_property(tenant: InProcessTenant) -> None:
    key = tenant.first("users", userType="Member")["id"]
    narrow = tenant.with_roles("User.EnableDisableAccount.All")
    assert (await narrow.patch(f"/users/{key}", {"accountEnabled": False})).status_code == 204
    assert (await narrow.patch(f"/users/{key}", {"displayName": "x"})).status_code == 403


async def test_synced_users_cannot_be_written(tenant: InProcessTenant) -> None:
    key = tenant.first("users", onPremisesSyncEnabled=True)["id"]
    assert code_of(await tenant.patch(f"/users/{key}", {"displayName": "x"})) == BAD


async def test_the_manager_is_one_reference(tenant: InProcessTenant) -> None:
    first, second, third = tenant.store.order["users"][:3]
    for target in (second, third):
        assert (await tenant.call("PUT", f"/users/{first}/manager/$ref", reference(target))).status_code == 204
    assert (await tenant.get(f"/users/{first}/manager?$select=id")).json()["id"] == third
    assert (await tenant.delete(f"/users/{first}/manager/$ref")).status_code == 204
    assert (await tenant.get(f"/users/{first}/manager")).status_code == 404


# --- groups


@pytest.mark.parametrize(
    "more",
    [
        {"securityEnabled": False},
        {"mailEnabled": True},
        {"groupTypes": ["DynamicMembership"]},
        {"membershipRule": "x"},
        {"groupTypes": ["Strange"]},
        {"visibility": "HiddenMembership"},
    ],
)
async def test_only_groups_that_graph_can_make_are_made(tenant: InProcessTenant, more: dict[str, Any]) -> None:
    assert (await tenant.post("/groups", new_group(**more))).status_code == 400


async def test_display_names_are_not_unique_and_unique_names_are(tenant: InProcessTenant) -> None:
    first = await tenant.post("/groups", new_group(uniqueName="anchor"))
    again = await tenant.post("/groups", new_group())
    third = await tenant.post("/groups", new_group(uniqueName="ANCHOR"))
    assert (first.status_code, again.status_code, third.status_code) == (201, 201, 400)
    assert (await tenant.get("/groups(uniqueName='anchor')")).json()["id"] == first.json()["id"]
    assert (await tenant.patch(f"/groups/{first.json()['id']}", {"uniqueName": "other"})).status_code == 400
    assert (await tenant.patch(f"/groups/{first.json()['id']}", {"isAssignableToRole": True})).status_code == 400


async def test_a_bind_takes_twenty_and_is_all_or_nothing(tenant: InProcessTenant) -> None:
    key = (await tenant.post("/groups", new_group())).json()["id"]
    users = tenant.store.order["users"]
    bind = [reference(u)["@odata.id"] for u in users[:21]]
    assert (await tenant.patch(f"/groups/{key}", {"members@odata.bind": bind})).status_code == 400
    assert (await tenant.patch(f"/groups/{key}", {"members@odata.bind": bind[:20]})).status_code == 204
    answer = await tenant.patch(f"/groups/{key}", {"members@odata.bind": [bind[20], bind[0]]})
    assert code_of(answer) == BAD
    assert "already exist" in message_of(answer)
    missing = reference("00000000-0000-4000-8000-00000000dead")["@odata.id"]
    assert (await tenant.patch(f"/groups/{key}", {"members@odata.bind": [bind[20], missing]})).status_code == 400
    assert set(tenant.store.targets("groups.members", key)) == set(users[:20])


async def test_members_come_and_go_one_by_one(tenant: InProcessTenant) -> None:
    key = (await tenant.post("/groups", new_group())).json()["id"]
    user = tenant.store.order["users"][0]
    path = f"/groups/{key}/members"
    assert (await tenant.post(f"{path}/$ref", reference(user))).status_code == 204
    assert (await tenant.post(f"{path}/$ref", reference(user))).status_code == 400
    assert (await tenant.delete(f"{path}/{user}/$ref")).status_code == 204
    assert (await tenant.delete(f"{path}/{user}/$ref")).status_code == 404
    assert tenant.store.get("users", user) is not None


async def test_forgetting_ref_deletes_the_member_itself(tenant: InProcessTenant) -> None:
    group = tenant.first("groups", displayName="All staff")["id"]
    member = next(iter(tenant.store.targets("groups.members", group)))
    assert (await tenant.delete(f"/groups/{group}/members/{member}")).status_code == 204
    assert tenant.store.get("users", member) is None


async def test_members_of_dynamic_groups_follow_the_rule_and_cannot_be_written(tenant: InProcessTenant) -> None:
    rule = {"groupTypes": ["DynamicMembership"], "membershipRule": '(user.department -eq "Tests")'}
    key = (await tenant.post("/groups", new_group(**rule))).json()["id"]
    user = (await tenant.post("/users", new_user(department="Tests"))).json()["id"]
    assert list(tenant.store.targets("groups.members", key)) == [user]
    other = tenant.store.order["users"][0]
    assert (await tenant.post(f"/groups/{key}/members/$ref", reference(other))).status_code == 403
    await tenant.patch(f"/users/{user}", {"department": "Else"})
    assert list(tenant.store.targets("groups.members", key)) == []


async def test_a_paused_rule_does_not_run(tenant: InProcessTenant) -> None:
    rule = {
        "groupTypes": ["DynamicMembership"],
        "membershipRule": "(user.accountEnabled -eq true)",
        "membershipRuleProcessingState": "Paused",
    }
    key = (await tenant.post("/groups", new_group(**rule))).json()["id"]
    assert not tenant.store.targets("groups.members", key)
    assert (await tenant.patch(f"/groups/{key}", {"membershipRuleProcessingState": "On"})).status_code == 204
    assert tenant.store.targets("groups.members", key)


async def test_the_last_owning_user_stays_and_the_caller_owns_what_it_makes(tenant: InProcessTenant) -> None:
    app = tenant.service.info["holdfastApps"]["restore"]
    principal = tenant.store.find("servicePrincipals", "appId", app)
    tenant = InProcessTenant(tenant.service, ["Group.ReadWrite.All", "User.Read.All"], appid=app)
    key = (await tenant.post("/groups", new_group())).json()["id"]
    assert list(tenant.store.targets("groups.owners", key)) == [principal]
    user = tenant.store.order["users"][0]
    await tenant.post(f"/groups/{key}/owners/$ref", reference(user))
    assert (await tenant.delete(f"/groups/{key}/owners/{user}/$ref")).status_code == 400
    assert (await tenant.delete(f"/groups/{key}/owners/{principal}/$ref")).status_code == 204


async def test_role_assignable_groups_need_their_own_permission(tenant: InProcessTenant) -> None:
    group = tenant.first("groups", isAssignableToRole=True)["id"]
    weak = tenant.with_roles("Group.ReadWrite.All", "User.Read.All")
    user = next(u for u in tenant.store.order["users"] if u not in tenant.store.targets("groups.members", group))
    assert (await weak.post(f"/groups/{group}/members/$ref", reference(user))).status_code == 403
    assert (await tenant.post(f"/groups/{group}/members/$ref", reference(user))).status_code == 204


# --- applications and service principals


async def test_a_new_application_has_a_new_app_id_and_takes_no_passwords(tenant: InProcessTenant) -> None:
    old = tenant.first("applications", displayName="App 2")
    answer = await tenant.post("/applications", {"displayName": old["displayName"], "web": {"redirectUris": []}})
    assert answer.status_code == 201
    assert answer.json()["appId"] != old["appId"]
    assert (await tenant.post("/applications", {"displayName": "x", "appId": old["appId"]})).status_code == 400
    assert (await tenant.post("/applications", {"displayName": "x", "passwordCredentials": []})).status_code == 400
    uris = {"displayName": "x", "identifierUris": old["identifierUris"]}
    assert (await tenant.post("/applications", uris)).status_code == 400


async def test_a_secret_is_shown_once(tenant: InProcessTenant) -> None:
    key = tenant.first("applications", displayName="App 2")["id"]
    answer = await tenant.post(f"/applications/{key}/addPassword", {"passwordCredential": {"displayName": "s"}})
    secret = answer.json()["secretText"]
    shown = (await tenant.get(f"/applications/{key}")).text
    assert secret not in shown
    assert secret not in str(tenant.store.tables["applications"][key])


async def test_roles_are_disabled_before_they_are_removed(tenant: InProcessTenant) -> None:
    app = tenant.first("applications", displayName="App 2")
    off = [{**r, "isEnabled": False} for r in app["appRoles"]]
    for role in off:
        role.pop("origin")
    assert (await tenant.patch(f"/applications/{app['id']}", {"appRoles": []})).status_code == 400
    assert (await tenant.patch(f"/applications/{app['id']}", {"appRoles": off})).status_code == 204
    assert (await tenant.patch(f"/applications/{app['id']}", {"appRoles": []})).status_code == 204


async def test_nested_members_of_an_application_merge(tenant: InProcessTenant) -> None:
    app = tenant.first("applications", displayName="App 2")
    await tenant.patch(f"/applications/{app['id']}", {"web": {"homePageUrl": "https://x.example"}})
    assert tenant.store.tables["applications"][app["id"]]["web"]["redirectUris"] == app["web"]["redirectUris"]


async def test_one_service_principal_per_application_that_exists(tenant: InProcessTenant) -> None:
    app = (await tenant.post("/applications", {"displayName": "fresh"})).json()
    assert (await tenant.post("/servicePrincipals", {"appId": app["appId"]})).status_code == 201
    assert code_of(await tenant.post("/servicePrincipals", {"appId": app["appId"]})) == BAD
    unknown = await tenant.post("/servicePrincipals", {"appId": "00000000-0000-4000-8000-00000000dead"})
    assert code_of(unknown) == (400, "NoBackingApplicationObject")


async def test_federated_credentials(tenant: InProcessTenant) -> None:
    key = tenant.first("applications", displayName="App 3")["id"]
    path = f"/applications/{key}/federatedIdentityCredentials"
    body = {
        "name": "ci",
        "issuer": "https://i.example",
        "subject": "s",
        "audiences": ["api://AzureADTokenExchange"],
    }
    made = await tenant.post(path, body)
    assert made.status_code == 201
    assert (await tenant.post(path, {**body, "subject": "other"})).status_code == 409
    assert (await tenant.post(path, {**body, "name": "other"})).status_code == 409
    assert (await tenant.post(path, {**body, "name": "z", "id": made.json()["id"]})).status_code == 400
    assert (await tenant.patch(f"{path}/{made.json()['id']}", {"name": "renamed"})).status_code == 400
    assert (await tenant.patch(f"{path}/ci", {"subject": "t"})).status_code == 204
    assert (await tenant.delete(f"{path}/ci")).status_code == 204
    assert await tenant.everything(path) == []


async def test_app_role_assignments(tenant: InProcessTenant) -> None:
    resource = next(s for s in tenant.store.tables["servicePrincipals"].values() if s.get("appRoles"))
    held = {
        (a["principalId"], a["appRoleId"])
        for a in tenant.store.tables["appRoleAssignments"].values()
        if a["resourceId"] == resource["id"]
    }
    role = resource["appRoles"][0]["id"]
    user = next(u for u in tenant.store.order["users"] if (u, role) not in held)
    path = f"/servicePrincipals/{resource['id']}/appRoleAssignedTo"
    body = {"principalId": user, "resourceId": resource["id"], "appRoleId": role}
    made = await tenant.post(path, body)
    assert made.status_code == 201
    assert made.json()["principalType"] == "User"
    assert (await tenant.post(path, body)).status_code == 400
    assert (
        await tenant.post(path, {**body, "appRoleId": "00000000-0000-4000-8000-00000000dead"})
    ).status_code == 400
    assert (await tenant.delete(f"{path}/{made.json()['id']}")).status_code == 204


# --- singletons and the audit log


async def test_the_authorization_policy_replaces_its_nested_object(tenant: InProcessTenant) -> None:
    body = {"allowInvitesFrom": "everyone", "defaultUserRolePermissions": {"allowedToCreateApps": True}}
    assert (await tenant.patch("/policies/authorizationPolicy", body)).status_code == 204
    shown = (await tenant.get("/policies/authorizationPolicy")).json()
    assert shown["allowInvitesFrom"] == "everyone"
    assert shown["defaultUserRolePermissions"]["allowedToReadOtherUsers"] is False
    assert (await tenant.patch("/policies/authorizationPolicy", {"id": "x"})).status_code == 400


async def test_the_organization_takes_contacts_only(tenant: InProcessTenant) -> None:
    path = f"/organization/{tenant.service.tenant_id}"
    assert (await tenant.patch(path, {"technicalNotificationMails": ["a@b.example"]})).status_code == 204
    assert (await tenant.patch(path, {"displayName": "Mine"})).status_code == 400


async def test_every_write_is_in_the_audit_log_with_its_author(tenant: InProcessTenant) -> None:
    user = (await tenant.post("/users", new_user())).json()["id"]
    admin = tenant.with_roles("User.ReadWrite.All", upn="breakglass1@holdfastsim.onmicrosoft.com")
    await admin.patch(f"/users/{user}", {"jobTitle": "x"})
    path = f"/auditLogs/directoryAudits?$filter=targetResources/any(t:t/id eq '{user}')"
    found = await tenant.everything(path)
    assert [e["activityDisplayName"] for e in found] == ["Update user", "Add user"]
    assert found[0]["initiatedBy"]["user"]["userPrincipalName"].startswith("breakglass1")
    assert found[1]["initiatedBy"]["app"]["appId"]
    since = found[0]["activityDateTime"]
    later = await tenant.everything(f"/auditLogs/directoryAudits?$filter=activityDateTime ge {since}")
    assert [e["id"] for e in later] == [found[0]["id"]]


async def test_the_commit_log_tells_what_changed(tenant: InProcessTenant) -> None:
    before = tenant.store.seq
    key = (await tenant.post("/groups", new_group())).json()["id"]
    await tenant.patch(f"/groups/{key}", {"description": "x"})
    entries = (await tenant.get(f"/_sim/log?since={before}")).json()["entries"]
    assert [(e["method"], e["type"], e["id"]) for e in entries] == [
        ("POST", "groups", key),
        ("PATCH", "groups", key),
    ]
    assert entries[1]["changes"][0]["properties"] == ["description"]


async def test_a_refused_write_commits_nothing(tenant: InProcessTenant) -> None:
    before = tenant.store.seq
    await tenant.post("/groups", new_group(securityEnabled=False))
    await tenant.post("/users", new_user(userPrincipalName="nobody"))
    assert tenant.store.seq == before

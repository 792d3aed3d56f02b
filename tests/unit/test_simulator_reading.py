"""The simulated tenant's reads: pages, options, alternate keys, what a token may see."""

from __future__ import annotations

import pytest

from tests.simulator.inprocess import InProcessTenant, code_of


@pytest.fixture
def tenant() -> InProcessTenant:
    return InProcessTenant.planted("300")


async def test_a_list_pages_with_an_opaque_absolute_next_link_to_its_end(tenant: InProcessTenant) -> None:
    first = (await tenant.get("/users?$select=id")).json()
    assert len(first["value"]) == 100
    assert first["@odata.nextLink"].startswith("http://127.0.0.1")
    everything = await tenant.everything("/users?$select=id&$top=77")
    assert [u["id"] for u in everything] == tenant.store.order["users"]


async def test_top_above_999_is_refused(tenant: InProcessTenant) -> None:
    assert (await tenant.get("/users?$top=1000")).status_code == 400


async def test_users_without_select_show_eleven_properties_and_a_select_shows_nulls(
    tenant: InProcessTenant,
) -> None:
    plain = (await tenant.get("/users?$top=1")).json()["value"][0]
    assert len(plain) == 11
    assert "accountEnabled" not in plain
    chosen = (await tenant.get("/users?$top=1&$select=id,faxNumber,otherMails")).json()["value"][0]
    assert chosen["faxNumber"] is None
    assert isinstance(chosen["otherMails"], list)


async def test_an_unknown_or_preview_property_is_refused_and_beta_knows_the_preview_one(
    tenant: InProcessTenant,
) -> None:
    assert (await tenant.get("/groups?$select=id,nonsense")).status_code == 400
    assert (await tenant.get("/groups?$select=id,writebackConfiguration")).status_code == 400
    assert (await tenant.get("/beta/groups?$select=id,writebackConfiguration")).status_code == 200


async def test_a_property_outside_the_directory_fails_the_whole_list(tenant: InProcessTenant) -> None:
    assert code_of(await tenant.get("/users?$select=id,skills")) == (501, "NotImplemented")
    key = tenant.store.order["users"][0]
    assert (await tenant.get(f"/users/{key}?$select=id,skills")).status_code == 200


async def test_passwords_are_never_readable(tenant: InProcessTenant) -> None:
    found = await tenant.everything("/users?$select=id,passwordProfile")
    assert {u["passwordProfile"] for u in found} == {None}


async def test_expand_stops_at_twenty_without_a_word(tenant: InProcessTenant) -> None:
    group = tenant.first("groups", displayName="All staff")
    held = len(tenant.store.targets("groups.members", group["id"]))
    answer = (await tenant.get(f"/groups/{group['id']}?$expand=members($select=id)")).json()
    assert held > 20
    assert len(answer["members"]) == 20
    assert not any("nextLink" in name for name in answer)
    assert len(await tenant.everything(f"/groups/{group['id']}/members?$top=50")) == held


async def test_only_one_relationship_can_be_expanded(tenant: InProcessTenant) -> None:
    answer = await tenant.get("/groups?$expand=members,owners")
    assert code_of(answer) == (400, "Request_UnsupportedQuery")


async def test_filters(tenant: InProcessTenant) -> None:
    user = tenant.first("users", userType="Guest")
    by_id = await tenant.everything(f"/users?$filter=id eq '{user['id']}'")
    by_in = await tenant.everything(f"/users?$filter=id in ('{user['id']}','{tenant.store.order['users'][0]}')")
    guests = await tenant.everything(
        "/users?$filter=userType eq 'Guest' and accountEnabled eq true&$select=id,userType"
    )
    starting = await tenant.everything("/users?$filter=startswith(userPrincipalName,'breakglass')")
    security = await tenant.everything("/groups?$filter=groupTypes/any(t:t eq 'Unified')&$select=id,groupTypes")
    assert [u["id"] for u in by_id] == [user["id"]]
    assert len(by_in) == 2
    assert {u["userType"] for u in guests} == {"Guest"}
    assert len(starting) == 2
    assert all("Unified" in g["groupTypes"] for g in security)


async def test_a_quote_in_a_filter_is_doubled(tenant: InProcessTenant) -> None:
    found = await tenant.everything("/users?$filter=displayName eq 'O''Neil; DROP TABLE users--'")
    assert found


async def test_advanced_operators_need_eventual_consistency_and_count(tenant: InProcessTenant) -> None:
    path = "/users?$filter=userType ne 'Guest'&$count=true"
    assert code_of(await tenant.get(path)) == (400, "Request_UnsupportedQuery")
    answer = await tenant.get(path, headers={"ConsistencyLevel": "eventual"})
    assert answer.json()["@odata.count"] > 0
    counted = await tenant.get("/users/$count", headers={"ConsistencyLevel": "eventual"})
    assert counted.text == "300"


@pytest.mark.parametrize(
    "path",
    [
        "/users/breakglass1@holdfastsim.onmicrosoft.com",
        "/users('breakglass1@holdfastsim.onmicrosoft.com')",
        "/users(userPrincipalName='breakglass1@holdfastsim.onmicrosoft.com')",
    ],
)
async def test_a_user_is_found_by_its_name(tenant: InProcessTenant, path: str) -> None:
    assert (await tenant.get(path)).json()["displayName"] == "Break glass 1"


async def test_applications_and_their_credentials_have_alternate_keys(tenant: InProcessTenant) -> None:
    parent, children = next(iter(tenant.store.forward["applications.federatedIdentityCredentials"].items()))
    app = tenant.store.tables["applications"][parent]
    child = tenant.store.tables["federatedIdentityCredentials"][next(iter(children))]
    base = f"/applications(appId='{app['appId']}')"
    assert (await tenant.get(base)).json()["id"] == parent
    by_name = await tenant.get(f"{base}/federatedIdentityCredentials(name='{child['name']}')")
    assert by_name.json()["id"] == child["id"]
    assert (await tenant.get(f"/servicePrincipals(appId='{app['appId']}')")).json()["appId"] == app["appId"]


async def test_key_bytes_are_shown_only_by_a_single_get_that_selects_them(tenant: InProcessTenant) -> None:
    app = next(a for a in tenant.store.tables["applications"].values() if a["keyCredentials"])
    plain = (await tenant.get(f"/applications/{app['id']}")).json()
    chosen = (await tenant.get(f"/applications/{app['id']}?$select=keyCredentials")).json()
    assert plain["keyCredentials"][0]["key"] is None
    assert chosen["keyCredentials"][0]["key"]


async def test_hidden_membership_looks_empty_without_its_permission(tenant: InProcessTenant) -> None:
    group = tenant.first("groups", visibility="HiddenMembership")
    path = f"/groups/{group['id']}/members"
    blind = tenant.with_roles("Group.Read.All", "User.Read.All")
    assert await blind.everything(path) == []
    assert len(await tenant.everything(path)) == len(tenant.store.targets("groups.members", group["id"]))


async def test_members_of_a_type_that_the_token_may_not_read_are_bare(tenant: InProcessTenant) -> None:
    group = tenant.first("groups", displayName="All staff")
    limited = tenant.with_roles("GroupMember.Read.All")
    member = (await limited.get(f"/groups/{group['id']}/members?$top=1")).json()["value"][0]
    assert set(member) == {"@odata.type", "id"}


async def test_tokens(tenant: InProcessTenant) -> None:
    nobody = await tenant.get("/users", headers={"authorization": ""})
    forged = await tenant.get("/users", headers={"authorization": "Bearer a.b.c"})
    assert code_of(nobody) == code_of(forged) == (401, "InvalidAuthenticationToken")
    wrong = await tenant.with_roles("Group.Read.All").get("/users")
    assert code_of(wrong) == (403, "Authorization_RequestDenied")
    tenant.service.clock.advance(2 * 86400)
    assert code_of(await tenant.get("/users")) == (401, "InvalidAuthenticationToken")


async def test_an_error_has_graphs_shape(tenant: InProcessTenant) -> None:
    answer = await tenant.get(f"/users/{tenant.store.order['groups'][0]}", headers={"client-request-id": "mine"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (404, "Request_ResourceNotFound")
    assert error["innerError"]["client-request-id"] == "mine"
    assert error["innerError"]["request-id"] == answer.headers["request-id"]


async def test_an_empty_page_may_come_with_a_next_link(tenant: InProcessTenant) -> None:
    tenant.service.faults.install([{"match": {"pathRegex": "/groups$", "nth": 2}, "effect": {"emptyPage": True}}])
    first = (await tenant.get("/groups?$top=10")).json()
    second = (await tenant.get(first["@odata.nextLink"])).json()
    assert second["value"] == []
    rest = await tenant.everything(second["@odata.nextLink"])
    assert len(first["value"]) + len(rest) == len(tenant.store.order["groups"])


async def test_page_tokens_expire(tenant: InProcessTenant) -> None:
    first = (await tenant.get("/users")).json()
    tenant.service.clock.advance(tenant.service.settings.page_token_life + 1)
    assert code_of(await tenant.get(first["@odata.nextLink"])) == (400, "Directory_ExpiredPageToken")


async def test_get_by_ids_leaves_out_what_does_not_exist(tenant: InProcessTenant) -> None:
    ids = [tenant.store.order["users"][0], tenant.store.order["groups"][0], "00000000-0000-0000-0000-000000000001"]
    found = (await tenant.post("/directoryObjects/getByIds", {"ids": ids, "types": ["user", "group"]})).json()[
        "value"
    ]
    assert [f["@odata.type"] for f in found] == ["#microsoft.graph.user", "#microsoft.graph.group"]


async def test_the_authorization_policy_is_a_singleton_in_v1_and_a_collection_in_beta(
    tenant: InProcessTenant,
) -> None:
    single = (await tenant.get("/policies/authorizationPolicy")).json()
    collection = (await tenant.get("/beta/policies/authorizationPolicy")).json()
    assert single["id"] == "authorizationPolicy"
    assert [p["id"] for p in collection["value"]] == ["authorizationPolicy"]


async def test_an_unknown_path_is_refused_and_counted(tenant: InProcessTenant) -> None:
    assert (await tenant.get("/chickens")).status_code == 400
    assert dict(tenant.service.stats.unknown) == {"GET /chickens": 1}

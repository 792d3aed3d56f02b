"""The simulated tenant's batches and throttling."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.inprocess import InProcessTenant, code_of
from tests.unit.test_simulator_writing import new_user


@pytest.fixture
def tenant() -> InProcessTenant:
    return InProcessTenant.planted("small")


def get(number: int, url: str, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "method": "GET", "url": url, **more}


async def run(tenant: InProcessTenant, requests: list[dict[str, Any]], version: str = "v1.0") -> dict[str, Any]:
    answer = await tenant.post(f"/{version}/$batch", {"requests": requests})
    assert answer.status_code == 200, answer.text
    return {r["id"]: r for r in answer.json()["responses"]}


# --- batch


async def test_each_request_has_its_own_outcome_in_any_order(tenant: InProcessTenant) -> None:
    users = tenant.store.order["users"]
    requests = [get(n, f"/users/{u}?$select=id") for n, u in enumerate(users[:19])]
    requests.append(get(19, "/users/00000000-0000-4000-8000-00000000dead"))
    answer = await tenant.post("/v1.0/$batch", {"requests": requests})
    order = [r["id"] for r in answer.json()["responses"]]
    assert sorted(order, key=int) == [str(n) for n in range(20)]
    assert order != [str(n) for n in range(20)]
    found = {r["id"]: r for r in answer.json()["responses"]}
    assert found["3"]["body"]["id"] == users[3]
    assert found["19"]["status"] == 404


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [get(n, "/users") for n in range(21)],
        [get(1, "/users"), get(1, "/groups")],
        [get(1, "http://127.0.0.1/v1.0/users")],
        [get(1, "/users", depends_on=["0"])],
        [get(1, "/users", dependsOn=["2"]), get(2, "/users")],
    ],
)
async def test_malformed_batches_are_refused(tenant: InProcessTenant, requests: list[dict[str, Any]]) -> None:
    assert (await tenant.post("/v1.0/$batch", {"requests": requests})).status_code == 400


async def test_versions_and_batches_do_not_nest(tenant: InProcessTenant) -> None:
    found = await run(tenant, [get(1, "/beta/users"), get(2, "/$batch"), get(3, "users?$top=1")])
    assert [found[n]["status"] for n in "123"] == [400, 400, 200]


async def test_a_body_needs_its_content_type(tenant: InProcessTenant) -> None:
    one = {"id": "1", "method": "POST", "url": "/users", "body": new_user()}
    assert (await run(tenant, [one]))["1"]["status"] == 400
    one["headers"] = {"Content-Type": "application/json"}
    assert (await run(tenant, [one]))["1"]["status"] == 201


async def test_what_depends_on_a_failure_fails(tenant: InProcessTenant) -> None:
    nobody = "/users/00000000-0000-4000-8000-00000000dead"
    found = await run(tenant, [get(1, nobody), get(2, "/users?$top=1", dependsOn=["1"]), get(3, "/users?$top=1")])
    assert [found[n]["status"] for n in "123"] == [404, 424, 200]


async def test_inner_requests_are_charged_and_permitted_one_by_one(tenant: InProcessTenant) -> None:
    tenant.service.throttle.enabled = True
    weak = tenant.with_roles("User.Read.All")
    before = tenant.service.stats.units
    found = await run(weak, [get(1, "/users"), get(2, "/groups")])
    assert [found[n]["status"] for n in "12"] == [200, 403]
    assert tenant.service.stats.units - before == 3
    assert (tenant.service.stats.requests, tenant.service.stats.operations) == (1, 2)


# --- throttling


async def test_reads_spend_units_by_cost(tenant: InProcessTenant) -> None:
    for path, units in (
        ("/users", "2"),
        ("/users?$select=id", "1"),
        ("/users?$select=id&$top=5", "1"),
        ("/groups?$expand=members", "2"),
        (f"/groups/{tenant.store.order['groups'][0]}/members", "3"),
        (f"/groups/{tenant.store.order['groups'][0]}/transitiveMembers", "5"),
    ):
        assert (await tenant.get(path)).headers["x-ms-resource-unit"] == units, path


async def test_the_quota_of_units_ends_in_429_with_retry_after_and_recovers(tenant: InProcessTenant) -> None:
    throttle = tenant.service.throttle
    throttle.enabled, throttle.size = True, "S"
    group = tenant.store.order["groups"][0]
    seen: list[tuple[int, str | None]] = []
    for _ in range(200):
        requests = [get(n, f"/groups/{group}/transitiveMembers") for n in range(20)]
        answers = (await run(tenant, requests)).values()
        seen += [(a["status"], a["headers"].get("Retry-After")) for a in answers]
        if any(a["status"] == 429 for a in answers):
            break
    refused = [wait for status, wait in seen if status == 429]
    assert refused
    assert 600 <= sum(1 for status, _ in seen if status == 200) <= 700
    tenant.service.clock.advance(float(refused[0] or 0) + 10)
    assert (await tenant.get("/users")).status_code == 200


async def test_a_share_above_four_fifths_is_told(tenant: InProcessTenant) -> None:
    throttle = tenant.service.throttle
    throttle.enabled, throttle.size = True, "S"
    group = tenant.store.order["groups"][0]
    for _ in range(29):
        await run(tenant, [get(n, f"/groups/{group}/transitiveMembers") for n in range(20)])
    assert float((await tenant.get("/users")).headers["x-ms-throttle-limit-percentage"]) > 0.8


async def test_writes_have_a_limit_of_their_own(tenant: InProcessTenant) -> None:
    tenant.service.throttle.enabled = True
    user = tenant.first("users", userType="Member")["id"]
    one = {"method": "PATCH", "url": f"/users/{user}", "headers": {"Content-Type": "application/json"}}
    statuses: list[int] = []
    for turn in range(151):
        requests = [{**one, "id": str(n), "body": {"jobTitle": f"{turn}.{n}"}} for n in range(20)]
        statuses += [a["status"] for a in (await run(tenant, requests)).values()]
    assert statuses.count(204) == 3000
    refused = await tenant.patch(f"/users/{user}", {"jobTitle": "x"})
    assert refused.headers["x-ms-throttle-information"] == "WriteLimitExceeded"


async def test_conditional_access_takes_one_request_a_second_and_names_no_wait(tenant: InProcessTenant) -> None:
    tenant.service.throttle.enabled = True
    path = "/identity/conditionalAccess/policies"
    other = tenant.with_roles("Policy.Read.All")
    answers = [await who.get(path) for who in (tenant, other, tenant, other)]
    refused = [a for a in answers if a.status_code == 429]
    assert refused
    assert "retry-after" not in refused[0].headers
    assert code_of(refused[0]) == (429, "TooManyRequests")
    tenant.service.clock.advance(5)
    for _ in range(10):
        tenant.service.clock.advance(1)
        assert (await tenant.get(path)).status_code == 200


async def test_audit_logs_take_five_requests_in_ten_seconds(tenant: InProcessTenant) -> None:
    tenant.service.throttle.enabled = True
    statuses = [(await tenant.get("/auditLogs/directoryAudits")).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]

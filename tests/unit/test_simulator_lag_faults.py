"""The simulated tenant over real HTTP: replica lag, lost answers, cut connections, faults by rule."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.simulator.client import SimulatorProcess
from tests.simulator.inprocess import EVERYTHING, InProcessTenant, code_of, reference
from tests.unit.test_simulator_writing import new_group, new_user


@pytest.fixture(scope="module")
def process() -> Iterator[SimulatorProcess]:
    with SimulatorProcess.start(seed="small", clock_factor=20) as running:
        yield running


@pytest.fixture
def http(process: SimulatorProcess) -> Iterator[httpx.Client]:
    process.clear_faults()
    process.settings(lag=0, throttling=False, listEmptyPages=0)
    headers = {"Authorization": f"Bearer {process.token(EVERYTHING)}"}
    with httpx.Client(base_url=f"{process.url}/v1.0", headers=headers) as client:
        yield client
    process.clear_faults()


def fault(effect: dict[str, object], **match: object) -> list[dict[str, object]]:
    return [{"match": {"times": 1, **match}, "effect": effect}]


# --- faults


def test_a_lost_answer_is_a_commit_all_the_same(process: SimulatorProcess, http: httpx.Client) -> None:
    process.faults(fault({"loseAnswer": True}, method="POST", pathRegex="/users$"))
    assert http.post("/users", json=new_user("lost")).status_code == 504
    assert http.get("/users/lost@contoso-sim.example").status_code == 200
    assert http.post("/users", json=new_user("lost")).status_code == 400


def test_a_connection_cut_after_the_commit(process: SimulatorProcess, http: httpx.Client) -> None:
    process.faults(fault({"dropConnectionAfterCommit": True}, method="POST", pathRegex="/users$"))
    with pytest.raises(httpx.TransportError):
        http.post("/users", json=new_user("cutafter"))
    assert http.get("/users/cutafter@contoso-sim.example").status_code == 200


def test_a_connection_cut_before_the_commit(process: SimulatorProcess, http: httpx.Client) -> None:
    process.faults(fault({"dropConnectionBeforeCommit": True}, method="POST", pathRegex="/users$"))
    with pytest.raises(httpx.TransportError):
        http.post("/users", json=new_user("cutbefore"))
    assert http.get("/users/cutbefore@contoso-sim.example").status_code == 404


def test_a_cut_inside_a_batch_loses_the_whole_answer(process: SimulatorProcess, http: httpx.Client) -> None:
    process.faults(fault({"dropConnectionAfterCommit": True}, method="POST", inBatch=True, nth=2))
    inner = {"method": "POST", "url": "/users", "headers": {"Content-Type": "application/json"}}
    requests = [{**inner, "id": str(n), "body": new_user(f"batched{n}")} for n in range(3)]
    with pytest.raises(httpx.TransportError):
        http.post("/$batch", json={"requests": requests})
    assert [http.get(f"/users/batched{n}@contoso-sim.example").status_code for n in range(3)] == [200] * 3


def test_a_truncated_body(process: SimulatorProcess, http: httpx.Client) -> None:
    process.faults(fault({"truncateBody": 100}, pathRegex="/groups$"))
    with pytest.raises(httpx.RemoteProtocolError):
        http.get("/groups")
    assert http.get("/groups").status_code == 200


def test_statuses_bodies_and_headers_at_will(process: SimulatorProcess, http: httpx.Client) -> None:
    effect = {"status": 503, "headers": {"Retry-After": "7"}, "body": {"error": {"code": "busy", "message": "x"}}}
    process.faults(fault(effect, pathRegex="/domains"))
    answer = http.get("/domains")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["error"]["code"]) == (503, "7", "busy")
    assert http.get("/domains").status_code == 200
    assert process.fault_report()[0]["fired"] == 1


def test_a_next_link_to_another_host(process: SimulatorProcess, http: httpx.Client) -> None:
    process.faults(fault({"nextLinkHost": "evil.example"}, pathRegex="/users$"))
    assert http.get("/users?$top=5").json()["@odata.nextLink"].startswith("http://evil.example/v1.0/users?")


def test_expired_page_and_delta_tokens(process: SimulatorProcess, http: httpx.Client) -> None:
    following = http.get("/users?$top=5").json()["@odata.nextLink"]
    changes = http.get("/users/delta?$deltatoken=latest").json()["@odata.deltaLink"]
    process.faults(fault({"expirePageToken": True}, pathRegex="/users$"))
    process.faults(fault({"expireDeltaToken": True}, pathRegex="/users/delta$"))
    assert code_of(http.get(following)) == (400, "Directory_ExpiredPageToken")
    assert http.get(following).status_code == 200
    assert http.get(changes).status_code in (400, 410)
    assert http.get(changes).status_code == 200


def test_a_fault_can_pick_a_page_by_its_query(process: SimulatorProcess, http: httpx.Client) -> None:
    process.faults(fault({"status": 500}, pathRegex="/users$", queryRegex="skiptoken"))
    first = http.get("/users?$top=5")
    assert [first.status_code, http.get(first.json()["@odata.nextLink"]).status_code] == [200, 500]


def test_a_permission_can_be_taken_away_for_a_while(process: SimulatorProcess, http: httpx.Client) -> None:
    process.faults(fault({"hidePermission": ["Domain.Read.All", "Directory.Read.All"]}, pathRegex="/domains"))
    assert [http.get("/domains").status_code for _ in range(2)] == [403, 200]


def test_a_fault_rule_that_means_nothing_is_refused(process: SimulatorProcess) -> None:
    with pytest.raises(RuntimeError, match="unknown"):
        process.faults([{"match": {"pathRegx": "x"}, "effect": {"status": 500}}])


# --- lag, over HTTP and in process


def test_404_after_201_until_the_lag_is_over(process: SimulatorProcess, http: httpx.Client) -> None:
    process.settings(lag=300, replicas=[1.0])
    made = http.post("/groups", json=new_group()).json()["id"]
    assert http.get(f"/groups/{made}").status_code == 404
    assert http.patch(f"/groups/{made}", json={"description": "x"}).status_code == 404
    process.advance(301)
    assert http.get(f"/groups/{made}").status_code == 200


async def test_lists_links_and_references_lag_too() -> None:
    tenant = InProcessTenant.planted("small", lag=60.0, replicas=[1.0])
    user = (await tenant.post("/users", new_user())).json()["id"]
    group = tenant.first("groups", displayName="All staff")["id"]
    assert user not in {u["id"] for u in await tenant.everything("/users?$select=id")}
    single = await tenant.post(f"/groups/{group}/members/$ref", reference(user))
    bound = await tenant.patch(f"/groups/{group}", {"members@odata.bind": [reference(user)["@odata.id"]]})
    assert (single.status_code, bound.status_code) == (404, 400)
    app = (await tenant.post("/applications", {"displayName": "fresh"})).json()
    assert code_of(await tenant.post("/servicePrincipals", {"appId": app["appId"]})) == (
        400,
        "NoBackingApplicationObject",
    )
    gone = next(iter(tenant.store.targets("groups.members", group)))
    await tenant.delete(f"/groups/{group}/members/{gone}/$ref")
    assert gone in {m["id"] for m in await tenant.everything(f"/groups/{group}/members?$select=id")}
    tenant.service.clock.advance(61)
    assert user in {u["id"] for u in await tenant.everything("/users?$select=id")}
    assert gone not in {m["id"] for m in await tenant.everything(f"/groups/{group}/members?$select=id")}
    assert (await tenant.post("/servicePrincipals", {"appId": app["appId"]})).status_code == 201


async def test_replicas_disagree_for_a_while() -> None:
    tenant = InProcessTenant.planted("small", lag=60.0, replicas=[1.0, 0.0])
    made = (await tenant.post("/groups", new_group())).json()["id"]
    statuses = {(await tenant.get(f"/groups/{made}")).status_code for _ in range(30)}
    assert statuses == {200, 404}


async def test_the_truth_does_not_lag() -> None:
    tenant = InProcessTenant.planted("small", lag=60.0, replicas=[1.0])
    made = (await tenant.post("/groups", new_group())).json()["id"]
    assert (await tenant.get(f"/_sim/objects/groups/{made}")).json()["id"] == made
    entry = (await tenant.get("/_sim/log?since=0")).json()["entries"][-1]
    assert (entry["type"], entry["id"]) == ("groups", made)


async def test_a_name_is_taken_before_it_can_be_seen() -> None:
    tenant = InProcessTenant.planted("small", lag=60.0, replicas=[1.0])
    assert (await tenant.post("/users", new_user())).status_code == 201
    assert (await tenant.get("/users/new@contoso-sim.example")).status_code == 404
    assert (await tenant.post("/users", new_user())).status_code == 400


async def test_audit_events_arrive_late() -> None:
    tenant = InProcessTenant.planted("small", auditLag=60.0)
    await tenant.post("/groups", new_group())
    assert await tenant.everything("/auditLogs/directoryAudits") == []
    tenant.service.clock.advance(61)
    assert len(await tenant.everything("/auditLogs/directoryAudits")) == 1


# --- the process


def test_the_process_prints_one_ready_line_and_stops_on_a_signal() -> None:
    with SimulatorProcess.start(seed="20") as running:
        assert running.url.startswith("http://127.0.0.1:")
        assert running.ready["control"] == f"{running.url}/_sim"
        assert len(running.break_glass_ids) == 2
        process = running._process
    assert process.returncode == 0


def test_a_tenant_can_be_kept_across_runs(tmp_path: Path) -> None:
    kept = tmp_path / "tenant.json"
    with SimulatorProcess.start(seed="20", state_file=kept) as first:
        user = first.objects("users")[0]["id"]
        gone = first.objects("users")[1]["id"]
        first.incident([{"method": "PATCH", "url": f"/users/{user}", "body": {"jobTitle": "kept"}}])
        first.incident([{"method": "DELETE", "url": f"/users/{gone}"}])
        tables = {t: first.objects(t) for t in ("users", "groups", "bin:users", "applications")}
    with SimulatorProcess.start(seed="20", state_file=kept) as second:
        assert {t: second.objects(t) for t in tables} == tables
        assert second.tenant_id == first.tenant_id
        assert (
            second.incident([{"method": "POST", "url": f"/directory/deletedItems/{gone}/restore"}])["failed"] == 0
        )


def test_an_unknown_seed_is_refused() -> None:
    with pytest.raises(RuntimeError, match="ended with 2"):
        SimulatorProcess.start(seed="chickens")

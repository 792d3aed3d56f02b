"""The `Directory` contract, on the Graph adapter and a simulated tenant that fails by rule: over HTTP, and with the
same tenant in this process (`graph_inside`), on which proofs at size rest.

Waiting is done by the simulator's clock: whoever sleeps moves the tenant's time on.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.adapters.clock import RandomIds
from shared.adapters.graph.auth import FixedToken
from shared.adapters.graph.client import GraphDirectory
from shared.adapters.graph.limits import Limits
from shared.domain.errors import (
    AnswerLost,
    DeltaTokenExpired,
    ForeignLink,
    GraphDown,
    GraphError,
    GraphNotFound,
    GraphNotPermitted,
    GraphUnauthorized,
    PageTokenExpired,
)
from shared.domain.ports import Directory, GraphRequest
from tests.contract.suite import Suite
from tests.graph_inside import InsideTenant, inside
from tests.simulator.__main__ import build
from tests.simulator.client import ControlClient, SimulatorProcess

SUITE = Suite(Directory, {"over HTTP": GraphDirectory, "in process": GraphDirectory})

ROLES = [
    "User.ReadWrite.All",
    "Group.ReadWrite.All",
    "GroupMember.Read.All",
    "Policy.Read.All",
    "Policy.ReadWrite.ConditionalAccess",
    "Application.Read.All",
]
USERS = GraphRequest("GET", "/v1.0/users?$select=id,displayName&$top=20", cost=2)


class TenantClock:
    """Sleeping moves the simulated tenant's time on."""

    def __init__(self, tenant: ControlClient) -> None:
        self._tenant = tenant
        self._start = datetime.fromtimestamp(tenant.clock()["now"], UTC).timestamp()
        self.slept = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._start + self.slept, UTC)

    def monotonic(self) -> float:
        return self.slept

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self._tenant.advance(seconds)
        await asyncio.sleep(0)


@pytest.fixture(scope="module", params=SUITE.params())
def running(request: pytest.FixtureRequest) -> Iterator[ControlClient]:
    if request.param == "in process":
        inner = InsideTenant(build("small"))
        inner.settings(listEmptyPages=0.3)
        yield inner
        return
    with SimulatorProcess.start(seed="small") as tenant:
        tenant.settings(listEmptyPages=0.3)
        yield tenant


@pytest.fixture
def tenant(running: ControlClient) -> Iterator[ControlClient]:
    running.advance(600)  # past every throttling window of the test before
    running.reset_stats()
    yield running
    running.clear_faults()


@pytest.fixture
def clock(tenant: ControlClient) -> TenantClock:
    return TenantClock(tenant)


@pytest.fixture
async def directory(tenant: ControlClient, clock: TenantClock) -> AsyncIterator[Directory]:
    async with _opened(tenant, clock, tenant.token(ROLES)) as opened:
        yield opened


@asynccontextmanager
async def _opened(tenant: ControlClient, clock: TenantClock, token: str) -> AsyncIterator[GraphDirectory]:
    if isinstance(tenant, InsideTenant):
        async with inside(tenant.service, token, clock, patience=400) as within:
            yield SUITE.made("in process", within)
        return
    directory = GraphDirectory.open(
        tenant.url, FixedToken(token), clock=clock, ids=RandomIds(), limits=Limits(clock), patience=400
    )
    try:
        yield SUITE.made("over HTTP", directory)
    finally:
        await directory.close()


def fault(tenant: ControlClient, effect: dict[str, Any], **match: Any) -> None:
    tenant.faults([{"match": match, "effect": effect}])


def fired(tenant: ControlClient) -> int:
    return sum(int(rule["fired"]) for rule in tenant.fault_report())


async def ids(directory: Directory, request: GraphRequest = USERS) -> list[str]:
    """Ids of a whole listing, and how the engine follows it."""
    found: list[str] = []
    path: str | None = request.path
    while path is not None:
        page = await directory.page(GraphRequest("GET", path, throttle=request.throttle, cost=request.cost))
        found += [json.loads(item)["id"] for item in page.items]
        path = page.next_link
    return found


def truth(tenant: ControlClient, table: str = "users") -> list[str]:
    return sorted(one["id"] for one in tenant.objects(table))


def new_user(name: str) -> dict[str, Any]:
    return {
        "accountEnabled": True,
        "displayName": name,
        "mailNickname": name,
        "userPrincipalName": f"{name}@contoso-sim.example",
        "passwordProfile": {"password": "Correct-Horse-7-Battery"},
    }


def create(name: str) -> GraphRequest:
    return GraphRequest("POST", "/v1.0/users", body=new_user(name))


def made(tenant: ControlClient, name: str) -> int:
    return sum(one["displayName"] == name for one in tenant.objects("users"))


def get(key: str) -> GraphRequest:
    return GraphRequest("GET", f"/v1.0/users/{key}?$select=id")


# --- reads -----------------------------------------------------------------------------------------------


async def test_a_listing_is_complete(directory: Directory, tenant: ControlClient) -> None:
    assert sorted(await ids(directory)) == truth(tenant)


@pytest.mark.parametrize(
    "effect",
    [
        {"status": 429},
        {"status": 429, "headers": {"Retry-After": "300"}},
        {"status": 500},
        {"status": 503, "headers": {"Retry-After": "12"}},
        {"status": 504},
        {"status": 401},
        {"dropConnectionBeforeCommit": True},
        {"dropConnectionAfterCommit": True},
        {"loseAnswer": True},
        {"truncateBody": 0},
        {"truncateBody": 150},
        {"status": 200, "body": {"@odata.context": "a page without value"}},
        {"emptyPage": True},
    ],
    ids=json.dumps,
)
async def test_a_listing_is_complete_in_spite_of(
    effect: dict[str, Any], directory: Directory, tenant: ControlClient, clock: TenantClock
) -> None:
    fault(tenant, effect, pathRegex="^/v1.0/users", nth=2, times=1)
    assert sorted(await ids(directory)) == truth(tenant)
    assert fired(tenant) == 1
    assert clock.slept >= float(effect.get("headers", {}).get("Retry-After", 0))


@pytest.mark.parametrize("probability", [0.3, 0.6])
async def test_a_storm_costs_time_and_no_object(
    probability: float, directory: Directory, tenant: ControlClient
) -> None:
    for effect in ({"status": 429}, {"status": 503}, {"truncateBody": 99}, {"dropConnectionBeforeCommit": True}):
        fault(tenant, effect, method="GET", pathRegex="^/v1.0/", probability=probability / 3, seed=3)
    users, groups = await ids(directory), await ids(directory, GraphRequest("GET", "/v1.0/groups?$top=5"))
    assert (sorted(users), sorted(groups)) == (truth(tenant), truth(tenant, "groups"))
    assert fired(tenant) > 0


@pytest.mark.parametrize(
    "effect", [{"status": 429}, {"status": 503}, {"truncateBody": 50}, {"dropConnectionBeforeCommit": True}]
)
async def test_a_read_that_fails_for_ever_is_down(
    effect: dict[str, Any], directory: Directory, tenant: ControlClient, clock: TenantClock
) -> None:
    fault(tenant, effect, pathRegex="^/v1.0/users", nth=2, times=10_000)
    with pytest.raises(GraphDown):
        await ids(directory)
    assert 100 <= clock.slept <= 410


@pytest.mark.parametrize(
    ("effect", "kind"),
    [
        ({"expirePageToken": True}, PageTokenExpired),
        ({"status": 401}, GraphUnauthorized),
        ({"status": 403}, GraphNotPermitted),
        ({"status": 404}, GraphNotFound),
        ({"status": 400}, GraphError),
    ],
    ids=lambda value: str(value),
)
async def test_a_listing_that_is_refused_is_an_error(
    effect: dict[str, Any], kind: type[GraphError], directory: Directory, tenant: ControlClient
) -> None:
    fault(tenant, effect, pathRegex="^/v1.0/users", nth=2, times=10_000)
    with pytest.raises(GraphError) as caught:
        await ids(directory)
    assert type(caught.value) is kind
    assert caught.value.request_id


async def test_a_page_token_grows_old(directory: Directory, tenant: ControlClient) -> None:
    page = await directory.page(USERS)
    assert page.next_link
    tenant.advance(4000)
    with pytest.raises(PageTokenExpired):
        await directory.page(GraphRequest("GET", page.next_link))


@pytest.mark.parametrize("how", ["410", "400"])
async def test_a_delta_token_grows_old(how: str, directory: Directory, tenant: ControlClient) -> None:
    tenant.settings(deltaExpiry=how)
    link: str | None = "/v1.0/users/delta?$select=displayName"
    found: set[str] = set()
    while link is not None:
        page = await directory.page(GraphRequest("GET", link))
        found |= {json.loads(item)["id"] for item in page.items}
        link = page.next_link
    assert found == set(truth(tenant))
    assert page.delta_link
    assert page.delta_link.startswith("/v1.0/users/delta?")
    assert (await directory.page(GraphRequest("GET", page.delta_link))).delta_link
    fault(tenant, {"expireDeltaToken": True}, pathRegex="delta")
    with pytest.raises(DeltaTokenExpired):
        await directory.page(GraphRequest("GET", page.delta_link))


async def test_a_next_link_to_another_host_is_refused(directory: Directory, tenant: ControlClient) -> None:
    fault(tenant, {"nextLinkHost": "https://evil.example"}, pathRegex="^/v1.0/users")
    with pytest.raises(ForeignLink):
        await ids(directory)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_to_another_host_is_refused(
    status: int, directory: Directory, tenant: ControlClient
) -> None:
    fault(tenant, {"status": status, "headers": {"Location": "https://evil.example/v1.0/users"}})
    for call in (directory.page(USERS), directory.send(create("redirected")), directory.batch([get("x")])):
        with pytest.raises(ForeignLink):
            await call
    assert made(tenant, "redirected") == 0


# --- identity --------------------------------------------------------------------------------------------


async def test_roles_are_the_tokens(directory: Directory) -> None:
    assert await directory.roles() == set(ROLES)


async def test_an_opaque_or_forged_token_has_no_roles_and_opens_nothing(
    tenant: ControlClient, clock: TenantClock
) -> None:
    async with _opened(tenant, clock, "opaque") as directory:
        assert await directory.roles() is None
        for call in (directory.page(USERS), directory.send(create("nobody")), directory.batch([create("nobody")])):
            with pytest.raises(GraphUnauthorized):
                await call
    assert made(tenant, "nobody") == 0


async def test_a_missing_permission_is_told_from_other_refusals(tenant: ControlClient, clock: TenantClock) -> None:
    async with _opened(tenant, clock, tenant.token(["Group.Read.All"])) as directory:
        with pytest.raises(GraphNotPermitted) as caught:
            await directory.page(USERS)
        assert "users" in caught.value.hint
        assert (await directory.send(create("nobody"))).status == 403


# --- writes ----------------------------------------------------------------------------------------------


async def test_a_write_is_answered(directory: Directory, tenant: ControlClient) -> None:
    answer = await directory.send(create("answered"))
    assert (answer.status, json.loads(answer.body)["displayName"]) == (201, "answered")
    assert answer.request_id
    key = json.loads(answer.body)["id"]
    assert (await directory.send(GraphRequest("PATCH", f"/v1.0/users/{key}", body={"city": "Bonn"}))).status == 204
    again = await directory.send(create("answered"))
    assert again.status == 400
    assert (await directory.send(get("00000000-0000-4000-8000-000000000000"))).status == 404
    assert made(tenant, "answered") == 1


@pytest.mark.parametrize(
    ("effect", "happened"),
    [
        ({"dropConnectionBeforeCommit": True}, 0),
        ({"dropConnectionAfterCommit": True}, 1),
        ({"loseAnswer": True}, 1),
        ({"status": 503}, 0),
        ({"status": 500}, 0),
        ({"truncateBody": 40}, 1),
    ],
    ids=json.dumps,
)
@pytest.mark.parametrize("way", ["send", "batch", "in batch"])
async def test_a_write_with_an_unclear_end_is_sent_once_and_said_to_be_unclear(
    effect: dict[str, Any], happened: int, way: str, directory: Directory, tenant: ControlClient
) -> None:
    name = "unclear" + re.sub(r"\W", "", json.dumps(effect)) + way.replace(" ", "")
    path = r"\$batch$" if way == "batch" else "^/v1.0/users$"
    fault(tenant, effect, method="POST", pathRegex=path, times=1)
    if way == "send":
        with pytest.raises(AnswerLost):
            await directory.send(create(name))
    else:
        answers = await directory.batch([create(name), get(truth(tenant)[0])])
        assert [answer.status for answer in answers] == [0, 200]
    assert fired(tenant) == 1
    assert made(tenant, name) == happened


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "90"}])
@pytest.mark.parametrize("way", ["send", "batch", "in batch"])
async def test_a_throttled_write_happens_once(
    headers: dict[str, str], way: str, directory: Directory, tenant: ControlClient, clock: TenantClock
) -> None:
    name = f"throttled{way}{len(headers)}".replace(" ", "")
    path = r"\$batch$" if way == "batch" else "^/v1.0/users$"
    fault(tenant, {"status": 429, "headers": headers}, method="POST", pathRegex=path, nth=1, times=3)
    answer = await directory.send(create(name)) if way == "send" else (await directory.batch([create(name)]))[0]
    assert answer.status == 201
    assert fired(tenant) == 3
    assert made(tenant, name) == 1
    assert clock.slept >= (270 if headers else 14)


# --- batches ---------------------------------------------------------------------------------------------


async def test_a_batch_keeps_the_order_of_its_requests(directory: Directory, tenant: ControlClient) -> None:
    keys = truth(tenant)
    for effect in ({"status": 429}, {"status": 503}):
        fault(tenant, effect, inBatch=True, probability=0.2, seed=5)
    answers = await directory.batch([get(key) for key in keys])
    assert [json.loads(answer.body)["id"] for answer in answers] == keys
    assert fired(tenant) > 0


async def test_each_part_of_a_batch_has_an_outcome_of_its_own(directory: Directory, tenant: ControlClient) -> None:
    key = truth(tenant)[0]
    fault(tenant, {"loseAnswer": True}, inBatch=True, method="PATCH")
    answers = await directory.batch(
        [
            create("inabatch"),
            GraphRequest("PATCH", f"/v1.0/users/{key}", body={"city": "Bonn"}),
            create("inabatch"),
            get("00000000-0000-4000-8000-000000000000"),
            GraphRequest("GET", "/v1.0/nothing"),
            GraphRequest("GET", "/beta/users?$top=1"),
        ]
    )
    statuses = [answer.status for answer in answers]
    # Independent parts run in any order: either of the two creates may be the one that the name is taken for.
    assert sorted((statuses.pop(2), statuses.pop(0))) == [201, 400]
    assert statuses == [0, 404, 400, 200]
    assert made(tenant, "inabatch") == 1


# --- pacing ----------------------------------------------------------------------------------------------


async def test_our_own_pacing_keeps_the_service_from_throttling(
    directory: Directory, tenant: ControlClient, clock: TenantClock
) -> None:
    policies = GraphRequest("GET", "/beta/identity/conditionalAccess/policies", throttle="conditionalAccess")
    users = tenant.objects("users")
    keys = [u["id"] for u in users if not u.get("onPremisesSyncEnabled") and not u.get("isManagementRestricted")]
    start = clock.slept
    await directory.batch([policies] * 8)
    assert clock.slept - start >= 7
    start = clock.slept
    answers = await directory.batch(
        [GraphRequest("PATCH", f"/v1.0/users/{key}", body={"city": str(n)}) for n in range(8) for key in keys]
    )
    assert Counter(answer.status for answer in answers) == {204: 8 * len(keys)}
    writes_a_second = 8 * len(keys) / (clock.slept - start)
    assert 18 <= writes_a_second <= 22
    assert tenant.stats()["throttled"] == 0


async def test_the_tally_is_what_the_service_counts(directory: Directory, tenant: ControlClient) -> None:
    assert isinstance(directory, GraphDirectory)
    fault(tenant, {"status": 503}, nth=3, times=2)
    await ids(directory)
    await directory.batch([get(key) for key in truth(tenant)[:30]])
    counted, tally = tenant.stats(), directory.tally
    assert (tally.requests, tally.operations) == (counted["requests"], counted["operations"])
    assert tally.retries == 2


# --- files -----------------------------------------------------------------------------------------------

PICTURE = "data:image/png;base64,iVBORw0KGgo/+/8="  # bytes that the two base64 alphabets write otherwise


def logo(key: str, method: str = "GET", body: str | None = None) -> GraphRequest:
    return GraphRequest(method, f"/v1.0/applications/{key}/logo", body=body, file=method != "DELETE")


async def test_a_file_comes_and_goes_as_it_is(tenant: ControlClient, clock: TenantClock) -> None:
    keys = [one["id"] for one in tenant.objects("applications")][:3]
    async with _opened(tenant, clock, tenant.token(["Application.ReadWrite.All"])) as directory:
        assert (await directory.send(logo(keys[0], "PUT", PICTURE))).status == 204
        assert [one.status for one in await directory.batch([logo(keys[1], "PUT", PICTURE)])] == [204]
        assert json.loads((await directory.send(logo(keys[0]))).body) == PICTURE
        answers = await directory.batch([logo(keys[1]), logo(keys[0]), logo(keys[2])])
        assert [one.status for one in answers] == [200, 200, 404]
        assert [json.loads(one.body) for one in answers[:2]] == [PICTURE, PICTURE]
        assert (await directory.send(logo(keys[0], "DELETE"))).status == 204
        assert (await directory.send(logo(keys[0]))).status == 404
        wrong = PICTURE.replace("image/png", "text/plain")
        assert (await directory.send(logo(keys[0], "PUT", wrong))).status == 415


@pytest.mark.parametrize(
    "effect", [{"status": 429}, {"status": 503}, {"truncateBody": 5}, {"dropConnectionBeforeCommit": True}]
)
async def test_a_file_is_read_whole_in_spite_of(
    effect: dict[str, Any], tenant: ControlClient, clock: TenantClock
) -> None:
    key = tenant.objects("applications")[0]["id"]
    async with _opened(tenant, clock, tenant.token(["Application.ReadWrite.All"])) as directory:
        await directory.send(logo(key, "PUT", PICTURE))
        fault(tenant, effect, method="GET", pathRegex="/logo$", times=2)
        assert json.loads((await directory.send(logo(key))).body) == PICTURE
        fault(tenant, effect, method="GET", pathRegex="/logo$", times=2)
        assert [json.loads(one.body) for one in await directory.batch([logo(key)])] == [PICTURE]


async def test_a_file_whose_answer_was_lost_may_have_been_written(
    tenant: ControlClient, clock: TenantClock
) -> None:
    key = tenant.objects("applications")[0]["id"]
    async with _opened(tenant, clock, tenant.token(["Application.ReadWrite.All"])) as directory:
        fault(tenant, {"loseAnswer": True}, method="PUT", pathRegex="/logo$", times=2)
        with pytest.raises(AnswerLost):
            await directory.send(logo(key, "PUT", PICTURE))
        assert [one.status for one in await directory.batch([logo(key, "PUT", PICTURE)])] == [0]
        assert json.loads((await directory.send(logo(key))).body) == PICTURE

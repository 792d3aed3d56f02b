"""`batch` against a server that answers in any order, in part, or not at all."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.errors import ForeignLink, GraphDown, GraphError, GraphUnauthorized, Unusable
from shared.domain.ports import GraphRequest, GraphResponse

from .graph_wire import DROP, Heard, Say, error, graph, page, say, wire

Inner = Callable[[dict[str, Any]], dict[str, Any] | None]


def get(number: int, **options: Any) -> GraphRequest:
    return GraphRequest("GET", f"/v1.0/users/{number}", **options)


def post(number: int, **options: Any) -> GraphRequest:
    return GraphRequest("POST", "/v1.0/users", body={"n": number}, **options)


def batched(inner: Inner) -> Callable[[Heard], Say]:
    """A server that gives each inner request to `inner`, which may leave it out, and shuffles the answers."""

    def answer(heard: Heard) -> Say:
        responses = [
            {"id": each["id"], **found} for each in heard.json["requests"] if (found := inner(each)) is not None
        ]
        random.Random(1).shuffle(responses)
        return say({"responses": responses})

    return answer


def echo(each: dict[str, Any]) -> dict[str, Any]:
    if each["method"] == "GET":
        return {"status": 200, "body": {"url": each["url"]}}
    return {"status": 201, "body": {"made": each["body"]}}


def first_time(told: dict[str, Any], *, which: str, then: Inner = echo) -> Inner:
    """The inner request with that URL or body is told something else once; the rest are answered."""
    seen: list[str] = []

    def inner(each: dict[str, Any]) -> dict[str, Any] | None:
        name = each["url"] if each["method"] == "GET" else str(each["body"]["n"])
        if name == which and which not in seen:
            seen.append(which)
            return told or None
        return then(each)

    return inner


def refused(status: int, code: str = "someCode", **headers: str) -> dict[str, Any]:
    body = {"error": {"code": code, "innerError": {"request-id": f"inner-{status}"}}}
    return {"status": status, "body": body, "headers": {k.replace("_", "-"): v for k, v in headers.items()}}


def urls(answers: list[GraphResponse]) -> list[str]:
    return [json.loads(answer.body)["url"] for answer in answers]


async def test_answers_come_in_the_order_of_the_requests() -> None:
    async with graph(batched(echo)) as (directory, server, _):
        answers = await directory.batch([get(n) for n in range(57)])
        assert urls(answers) == [f"/users/{n}" for n in range(57)]
        assert sorted(len(heard.json["requests"]) for heard in server.heard) == [17, 20, 20]
        assert (directory.tally.requests, directory.tally.operations, directory.tally.resource_units) == (3, 57, 57)


async def test_the_form_of_a_batch() -> None:
    requests = [
        GraphRequest("GET", "/v1.0/users?$filter=a eq 'ü'&$x=%20", headers={"ConsistencyLevel": "eventual"}),
        GraphRequest("PATCH", "/v1.0/groups/1", body={"a": None}, headers={"If-Match": "x"}),
        GraphRequest("DELETE", "/v1.0/groups/2"),
        GraphRequest("POST", "/beta/x", body=[1.5, "\ud800"]),
    ]
    async with graph(batched(lambda each: {"status": 204}), low_priority=True) as (directory, server, _):
        answers = await directory.batch(requests)
        assert [(answer.status, answer.body) for answer in answers] == [(204, b"")] * 4
        one, two = server.heard
        assert (one.path, two.path) == ("/v1.0/$batch", "/beta/$batch")
        assert one.headers["content-type"] == "application/json"
        listed, patched, deleted = one.json["requests"]
        assert listed == {
            "id": "0",
            "method": "GET",
            "url": "/users?$filter=a%20eq%20'%C3%BC'&$x=%20",
            "headers": {"ConsistencyLevel": "eventual", "x-ms-throttle-priority": "low"},
        }
        assert patched["headers"] == {"If-Match": "x", "Content-Type": "application/json"}
        assert patched["body"] == {"a": None}
        assert deleted == {"id": "2", "method": "DELETE", "url": "/groups/2"}
        assert two.json["requests"][0]["body"] == [1.5, "\ud800"]


async def test_bodies_keep_their_bytes() -> None:
    bodies = ['{"z":1.50, "a":12345678901234567890123}', '{"half":"\\ud83d","n":1.0}', "null", '"text"']
    listed = ",".join(f'{{"id":"{n}","status":200,"body":{body}}}' for n, body in enumerate(bodies))
    async with graph([Say(body=f'{{"responses":[{listed}]}}'.encode())]) as (directory, _, _):
        answers = await directory.batch([get(n) for n in range(4)])
        assert [answer.body.decode() for answer in answers] == [bodies[0], bodies[1], "", bodies[3]]


async def test_nothing_asked_nothing_sent() -> None:
    async with graph([]) as (directory, _, _):
        assert await directory.batch([]) == []


# --- parts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [get, post])
async def test_an_inner_429_is_sent_again_without_the_others(make: Callable[[int], GraphRequest]) -> None:
    inner = first_time(refused(429, Retry_After="77"), which="/users/3" if make is get else "3")
    async with graph(batched(inner)) as (directory, server, _):
        answers = await directory.batch([make(n) for n in range(5)])
        assert all(answer.ok for answer in answers)
        again = server.heard[1]
        assert [each["id"] for each in again.json["requests"]] == ["3"]
        assert again.at >= 77
        assert (directory.tally.throttled, directory.tally.retries, directory.tally.operations) == (1, 1, 6)


async def test_an_inner_429_without_retry_after_backs_off() -> None:
    async with graph(batched(first_time(refused(429), which="3"))) as (directory, server, _):
        assert all(answer.ok for answer in await directory.batch([post(n) for n in range(5)]))
        assert server.heard[1].at >= 2


@pytest.mark.parametrize("told", [refused(500), refused(503, Retry_After="40"), refused(504), {}])
async def test_a_read_without_inner_answer_is_sent_again(told: dict[str, Any]) -> None:
    async with graph(batched(first_time(told, which="/users/3"))) as (directory, server, _):
        assert urls(await directory.batch([get(n) for n in range(5)])) == [f"/users/{n}" for n in range(5)]
        assert [each["url"] for each in server.heard[1].json["requests"]] == ["/users/3"]
        assert server.heard[1].at >= (40 if "Retry-After" in told.get("headers", {}) else 2)


@pytest.mark.parametrize("told", [refused(500), refused(503, Retry_After="40"), refused(504), refused(408), {}])
async def test_a_write_without_clear_inner_answer_is_unknown_and_not_sent_again(told: dict[str, Any]) -> None:
    async with graph(batched(first_time(told, which="3"))) as (directory, server, _):
        answers = await directory.batch([post(n) for n in range(5)])
        assert [answer.status for answer in answers] == [201, 201, 201, 0, 201]
        assert json.loads(answers[3].body)["error"]["code"] == "holdfastNoAnswer"
        assert len(server.heard) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 409, 424])
async def test_clear_inner_refusals_are_answers(status: int) -> None:
    async with graph(batched(first_time(refused(status), which="1"))) as (directory, _, _):
        answers = await directory.batch([post(0), post(1)])
        assert [answer.status for answer in answers] == [201, status]
        assert answers[1].request_id == f"inner-{status}"
        assert answers[0].request_id == "outer-id"


async def test_an_id_answered_twice_has_no_answer() -> None:
    twice = [{"id": "0", "status": 201}, {"id": "0", "status": 409}, {"id": "1", "status": 201}]
    extra = [{"id": "99", "status": 201}, {"id": "x", "status": 201}]
    async with graph([say({"responses": [*twice, *extra]})]) as (directory, _, _):
        assert [answer.status for answer in await directory.batch([post(0), post(1)])] == [0, 201]


async def test_an_inner_401_costs_one_fresh_token() -> None:
    async with graph(batched(first_time(refused(401), which="1"))) as (directory, server, clock):
        assert [answer.status for answer in await directory.batch([post(0), post(1)])] == [201, 201]
        assert len(server.heard) == 2
        assert clock.passed < 1


async def test_inner_401_for_ever() -> None:
    def inner(each: dict[str, Any]) -> dict[str, Any]:
        return refused(401, "InvalidAuthenticationToken") if each["id"] == "1" else echo(each)

    async with graph(batched(inner)) as (directory, _, _):
        with pytest.raises(GraphUnauthorized):
            await directory.batch([get(0), get(1)])
        # What was written must be told, so here the refusal is one item's answer.
        assert [answer.status for answer in await directory.batch([post(0), post(1)])] == [201, 401]


# --- the whole -------------------------------------------------------------------------------------------

LOST = [
    DROP,
    error(500),
    error(503, Retry_After="1"),
    error(504),
    Say(body=b'{"responses":[{"id":"0",'),
    Say(body=b"{}"),
]


@pytest.mark.parametrize("bad", [*LOST, Say(body=b'{"responses":[]}', announce=999)])
async def test_a_lost_answer_leaves_writes_unknown_and_reads_are_sent_again(bad: Say) -> None:
    def script(heard: Heard) -> Say:
        return bad if any(each["method"] == "POST" for each in heard.json["requests"]) else batched(echo)(heard)

    async with graph(script) as (directory, server, _):
        answers = await directory.batch([post(0), get(1), post(2), get(3)])
        assert [answer.status for answer in answers] == [0, 200, 0, 200]
        assert [[each["id"] for each in heard.json["requests"]] for heard in server.heard] == [
            ["0", "1", "2", "3"],
            ["1", "3"],
        ]


@pytest.mark.parametrize("bad", LOST)
async def test_a_lost_batch_of_reads_is_sent_again(bad: Say) -> None:
    answers = iter([bad, bad])

    def script(heard: Heard) -> Say:
        return next(answers, None) or batched(echo)(heard)

    async with graph(script) as (directory, server, _):
        assert urls(await directory.batch([get(0), get(1)])) == ["/users/0", "/users/1"]
        assert len(server.heard) == 3


async def test_a_throttled_batch_of_writes_is_sent_again_whole() -> None:
    answers = iter([error(429, Retry_After="30"), error(429)])

    def script(heard: Heard) -> Say:
        return next(answers, None) or batched(echo)(heard)

    async with graph(script) as (directory, server, _):
        assert [answer.status for answer in await directory.batch([post(0), post(1)])] == [201, 201]
        assert [len(heard.json["requests"]) for heard in server.heard] == [2, 2, 2]
        assert server.heard[1].at >= 30
        assert directory.tally.throttled == 2


async def test_a_refused_batch_is_an_error() -> None:
    async with graph([error(400, "BadRequest"), error(401), error(401)]) as (directory, _, _):
        with pytest.raises(GraphError) as caught:
            await directory.batch([post(0)])
        assert caught.value.code == "BadRequest"
        with pytest.raises(GraphUnauthorized):
            await directory.batch([post(0)])


@pytest.mark.parametrize("told", [refused(503), refused(429), {}])
async def test_reads_that_never_come_are_an_error(told: dict[str, Any]) -> None:
    def inner(each: dict[str, Any]) -> dict[str, Any] | None:
        return (told or None) if each["url"] == "/users/30" else echo(each)

    async with graph(batched(inner), patience=60) as (directory, _, _):
        with pytest.raises(GraphDown):
            await directory.batch([get(n) for n in range(45)])


async def test_writes_throttled_for_ever_were_not_carried_out() -> None:
    async with graph(batched(lambda _: refused(429)), patience=60) as (directory, _, _):
        with pytest.raises(GraphDown):
            await directory.batch([post(0), post(1)])


async def test_a_written_item_is_told_though_the_rest_fails_for_ever() -> None:
    def inner(each: dict[str, Any]) -> dict[str, Any] | None:
        if each["id"] == "1":
            return refused(429)
        return echo(each) if each["method"] == "POST" else refused(503)

    async with graph(batched(inner), patience=60) as (directory, _, _):
        answers = await directory.batch([post(0), post(1), get(2)])
        assert [answer.status for answer in answers] == [201, 429, 503]


@pytest.mark.parametrize("later", ["refused", "gone", "elsewhere"])
async def test_an_error_in_a_later_chunk_does_not_hide_what_was_written(later: str) -> None:
    async with wire([page()]) as elsewhere:

        def script(heard: Heard) -> Say:
            if heard.json["requests"][0]["id"] == "0":
                return batched(echo)(heard)
            there = Say(307, headers={"location": elsewhere.url + "/v1.0/$batch"})
            return {"refused": error(400), "gone": error(429), "elsewhere": there}[later]

        async with graph(script, patience=30) as (directory, _, _):
            answers = await directory.batch([*(post(n) for n in range(22)), get(22)])
            assert [answer.status for answer in answers] == [201] * 20 + [0, 0, 503]
            assert all(json.loads(answer.body)["error"]["message"] for answer in answers[20:])
        assert elsewhere.heard == []


async def test_a_redirect_of_a_batch_elsewhere_is_refused() -> None:
    async with wire([page()]) as elsewhere:
        async with graph([Say(307, headers={"location": elsewhere.url + "/v1.0/$batch"})]) as (directory, _, _):
            with pytest.raises(ForeignLink):
                await directory.batch([post(0)])
        assert elsewhere.heard == []


# --- pacing ----------------------------------------------------------------------------------------------


async def test_conditional_access_is_sent_one_a_second_and_never_in_a_batch() -> None:
    policies = [GraphRequest("GET", f"/beta/policies/{n}", throttle="conditionalAccess") for n in range(4)]

    def script(heard: Heard) -> Say:
        return batched(echo)(heard) if heard.path.endswith("$batch") else say({"url": heard.path})

    async with graph(script) as (directory, server, _):
        answers = await directory.batch([policies[0], get(1), *policies[1:], get(5)])
        assert urls(answers) == [
            "/beta/policies/0", "/users/1", "/beta/policies/1", "/beta/policies/2", "/beta/policies/3", "/users/5",
        ]  # fmt: skip
        moments = [heard.at for heard in server.heard if "policies" in heard.path]
        assert all(b - a >= 1 for a, b in itertools.pairwise(moments))
        assert [len(heard.json["requests"]) for heard in server.heard if "$batch" in heard.path] == [2]


async def test_a_single_write_whose_answer_is_lost_is_unknown_too() -> None:
    def policy(number: int) -> GraphRequest:
        return GraphRequest("POST", "/beta/policies", body={"n": number}, throttle="conditionalAccess")

    async with graph([say({}, 201), DROP, error(400), error(429), say({}, 201)]) as (directory, _, _):
        answers = await directory.batch([policy(n) for n in range(4)])
        assert [answer.status for answer in answers] == [201, 0, 400, 201]


async def test_a_batch_is_paid_by_its_inner_requests() -> None:
    async with graph(batched(echo)) as (directory, _, clock):
        await directory.batch([post(n) for n in range(400)])
        assert clock.passed >= (400 - 20 - 20) / 20


async def test_a_warning_inside_a_batch_slows_us_down() -> None:
    def inner(each: dict[str, Any]) -> dict[str, Any]:
        return {**echo(each), "headers": {"x-ms-throttle-limit-percentage": 1.3}}

    async with graph(batched(inner)) as (directory, _, clock):
        await directory.batch([post(n) for n in range(400)])
        assert clock.passed >= (400 - 40) / 6  # a quarter of 19.6 writes a second, after the burst


async def test_bad_input_fails_before_anything_is_sent() -> None:
    async with graph([]) as (directory, _, _):
        with pytest.raises(Unusable):
            await directory.batch([post(0), get(1, throttle="nonsense")])
        with pytest.raises(Unusable):
            await directory.batch([post(0), GraphRequest("GET", "/users")])
        with pytest.raises(Unusable):
            await directory.batch([GraphRequest("POST", "/v1.0/x", body=float("inf"))])


# --- pages inside batches --------------------------------------------------------------------------------


async def test_the_page_in_a_batch_is_checked_as_any_other() -> None:
    async with graph([]) as (directory, server, _):
        request = get(1)
        link = f"{server.url}/v1.0/users/1/memberOf?$skiptoken=2"
        body = json.dumps({"value": [{"id": "a"}], "@odata.nextLink": link}).encode()
        found = directory.page_of(request, GraphResponse(200, body, "id"))
        assert (found.items, found.next_link) == ((b'{"id": "a"}',), "/v1.0/users/1/memberOf?$skiptoken=2")
        foreign = b'{"value":[],"@odata.nextLink":"https://evil.example/"}'
        with pytest.raises(ForeignLink):
            directory.page_of(request, GraphResponse(200, foreign))
        with pytest.raises(GraphDown):
            directory.page_of(request, GraphResponse(200, b"{}"))
        with pytest.raises(GraphError):
            directory.page_of(request, GraphResponse(404, b""))

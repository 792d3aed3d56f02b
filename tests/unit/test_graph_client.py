"""`page` and `send` against a server that fails on the wire in every way that we could think of."""

from __future__ import annotations

import gzip
import itertools
import json
import logging

import pytest

from shared.adapters.graph.limits import Limits
from shared.domain.errors import (
    AnswerLost,
    DeltaTokenExpired,
    ForeignLink,
    GraphDown,
    GraphError,
    GraphNotFound,
    GraphNotLicensed,
    GraphNotPermitted,
    GraphUnauthorized,
    PageTokenExpired,
    Unusable,
)
from shared.domain.ports import GraphRequest

from .graph_wire import DROP, CountedIds, FakeClock, Heard, Say, error, graph, opened, page, say, wire

LIST = GraphRequest("GET", "/v1.0/users?$top=999")
GET = GraphRequest("GET", "/v1.0/users/1")
POST = GraphRequest("POST", "/v1.0/users", body={"displayName": "x"})
CUT = Say(body=b'{"value":[{"id":"1"}', announce=400)
CUT_JSON = Say(body=b'{"value":[{"id":"1"},')
CUT_CHUNKED = Say(body=b'{"value":[{"id":"1"}]}', chunked=True)
NO_VALUE = Say(body=b'{"@odata.context":"x"}')
UNCLEAR = [error(500), error(503), error(504, Retry_After="1"), DROP, CUT, CUT_JSON, CUT_CHUNKED]


# --- reads -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [*UNCLEAR, NO_VALUE, error(429), error(429, Retry_After="5"), error(408)])
async def test_a_page_is_read_again_until_it_is_whole(bad: Say) -> None:
    async with graph([bad, bad, page({"id": "1"}, {"id": "2"})]) as (directory, server, clock):
        got = await directory.page(LIST)
        assert got.items == (b'{"id": "1"}', b'{"id": "2"}')
        assert [heard.path for heard in server.heard] == [LIST.path] * 3
        assert clock.passed >= 2
        assert (directory.tally.requests, directory.tally.retries) == (3, 2)


@pytest.mark.parametrize("bad", [*UNCLEAR, NO_VALUE, error(429), error(429, Retry_After="30")])
async def test_a_page_that_never_comes_whole_is_an_error_and_never_short(bad: Say) -> None:
    async with graph(lambda _: bad, patience=100) as (directory, server, clock):
        with pytest.raises(GraphDown):
            await directory.page(LIST)
        assert len(server.heard) > 2
        assert clock.passed <= 100


@pytest.mark.parametrize("bad", [*UNCLEAR, Say(body=b""), Say(body=b'{"id":"1"')])
async def test_a_single_read_is_retried_too(bad: Say) -> None:
    async with graph([bad, say({"id": "1"})]) as (directory, _, _):
        assert (await directory.send(GET)).body == b'{"id": "1"}'


async def test_retry_after_is_kept_however_long() -> None:
    async with graph([error(429, Retry_After="300"), page()]) as (directory, server, _):
        await directory.page(LIST)
        assert server.heard[1].at >= 300
        assert directory.tally.throttled == 1


async def test_retry_after_beyond_patience_is_handed_to_the_caller() -> None:
    async with graph([error(429, Retry_After="3600")]) as (directory, _, clock):
        with pytest.raises(GraphDown) as caught:
            await directory.page(LIST)
        assert caught.value.after == 3600
        assert clock.passed == 0


async def test_a_429_pauses_everyone_who_shares_the_limits() -> None:
    clock = FakeClock()
    limits = Limits(clock)
    async with wire([error(429, Retry_After="60"), page(), page()], clock) as server:
        async with opened(server.url, clock, limits=limits) as one, opened(server.url, clock, limits=limits) as two:
            await one.page(LIST)
            limits.pause(["directory"], 100)
            await two.page(LIST)
        assert server.heard[2].at - server.heard[1].at >= 100


async def test_a_storm_of_429_is_sat_out() -> None:
    storm = [error(429) for _ in range(12)]
    async with graph([*storm, page({"id": "1"})]) as (directory, server, _):
        assert (await directory.page(LIST)).items == (b'{"id": "1"}',)
        gaps = [b.at - a.at for a, b in itertools.pairwise(server.heard)]
        assert gaps[:5] == pytest.approx([2, 4, 8, 16, 30], abs=0.1)
        assert directory.tally.throttled == 12


async def test_an_empty_page_with_a_next_link_is_not_the_end() -> None:
    def answer(heard: Heard) -> Say:
        link = f"http://{heard.headers['host']}/v1.0/users?$skiptoken=abc%2Fd"
        return page() if "skiptoken" in heard.path else page(next_link=link)

    async with graph(answer) as (directory, server, _):
        first = await directory.page(LIST)
        assert (first.items, first.next_link) == ((), "/v1.0/users?$skiptoken=abc%2Fd")
        assert first.next_link
        last = await directory.page(GraphRequest("GET", first.next_link))
        assert last.next_link is None
        assert server.heard[1].path == first.next_link


async def test_a_delta_link_is_kept_without_its_origin() -> None:
    def answer(heard: Heard) -> Say:
        return page({"id": "1"}, delta_link=f"http://{heard.headers['host']}/v1.0/users/delta?$deltatoken=t")

    async with graph(answer) as (directory, _, _):
        assert (await directory.page(LIST)).delta_link == "/v1.0/users/delta?$deltatoken=t"


# --- writes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [*UNCLEAR, error(408), error(302), Say(302, headers={"location": "/v1.0/users"})])
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
async def test_a_write_with_an_unclear_end_is_sent_once(bad: Say, method: str) -> None:
    async with graph([bad]) as (directory, server, _):
        with pytest.raises(AnswerLost):
            await directory.send(GraphRequest(method, "/v1.0/users", body={"a": 1}))
        assert len(server.heard) == 1


async def test_a_throttled_write_was_not_carried_out_and_is_sent_again() -> None:
    async with graph([error(429, Retry_After="20"), error(429), say({"id": "1"}, 201)]) as (directory, server, _):
        assert (await directory.send(POST)).status == 201
        assert [heard.json for heard in server.heard] == [POST.body] * 3
        assert server.heard[1].at >= 20


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 501])
async def test_clear_refusals_are_answers(status: int) -> None:
    async with graph([error(status, "Code", "text")]) as (directory, _, _):
        got = await directory.send(POST)
        assert (got.status, json.loads(got.body)["error"]["code"]) == (status, "Code")
        assert got.request_id == "outer-id"


async def test_no_content_is_an_answer_without_body() -> None:
    async with graph([Say(204)]) as (directory, _, _):
        assert (await directory.send(GraphRequest("PATCH", "/v1.0/users/1", body={}))).body == b""


@pytest.mark.parametrize("request_", [POST, LIST])
async def test_nobody_listening_means_nothing_was_written(request_: GraphRequest) -> None:
    clock = FakeClock()
    async with wire([], clock) as server:
        url = server.url
    async with opened(url, clock, patience=100) as directory:
        with pytest.raises(GraphDown):
            await directory.send(request_)
    assert clock.sleeps[:3] == [2, 4, 8]


async def test_a_post_that_only_reads_is_retried() -> None:
    ids = GraphRequest("POST", "/v1.0/directoryObjects/getByIds", body={"ids": ["1"]}, cost=3)
    async with graph([DROP, error(500), page({"id": "1"})]) as (directory, _, _):
        assert (await directory.page(ids)).items == (b'{"id": "1"}',)


# --- other origins ---------------------------------------------------------------------------------------


async def test_a_next_link_to_another_host_gets_nothing() -> None:
    async with wire([page()]) as elsewhere:
        async with graph([page({"id": "1"}, next_link=elsewhere.url + "/v1.0/users?$skiptoken=1")]) as (
            directory,
            _,
            _,
        ):
            with pytest.raises(ForeignLink):
                await directory.page(LIST)
        assert elsewhere.heard == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("request_", [LIST, GET, POST])
async def test_a_redirect_to_another_host_gets_nothing(status: int, request_: GraphRequest) -> None:
    async with wire([page()]) as elsewhere:
        redirect = Say(status, headers={"location": elsewhere.url + "/v1.0/users"})
        async with graph([redirect]) as (directory, _, _):
            with pytest.raises(ForeignLink):
                await directory.send(request_)
        assert elsewhere.heard == []


async def test_a_read_follows_a_redirect_at_home() -> None:
    async with graph([Say(302, headers={"location": "/v1.0/users?$top=5"}), page({"id": "1"})]) as (
        directory,
        server,
        _,
    ):
        assert len((await directory.page(LIST)).items) == 1
        assert [heard.path for heard in server.heard] == [LIST.path, "/v1.0/users?$top=5"]


async def test_redirects_in_circles_end() -> None:
    async with graph(lambda _: Say(302, headers={"location": LIST.path}), patience=5) as (directory, _, _):
        with pytest.raises(GraphDown):
            await directory.page(LIST)


@pytest.mark.parametrize(
    "path",
    [
        "users",
        "//evil.example/v1.0/users",
        ".evil.example/v1.0/x",
        "/v2/users",
        "/v1.0/users/a#EXT#@b",
        "/v1.0/users/..",
        "/v1.0/users/%2E./x",
        "/v1.0/users/x\ny",
        "/v1.0",
        "",
    ],
)
async def test_a_path_that_would_not_reach_what_it_names_is_not_sent(path: str) -> None:
    async with graph([]) as (directory, _, _):
        for call in (directory.send, directory.page):
            with pytest.raises(Unusable):
                await call(GraphRequest("GET", path))
        with pytest.raises(Unusable):
            await directory.batch([GraphRequest("GET", path)])


# --- refusals --------------------------------------------------------------------------------------------


NEXT = "/v1.0/users?$skiptoken=1"
DELTA = "/v1.0/users/delta?$deltatoken=1"
NEXT_DELTA = "/v1.0/users/delta?$skiptoken=1"
AUDITS = "/v1.0/auditLogs/directoryAudits?$skiptoken=1"
RESYNC = error(410, "resyncRequired", Location="https://graph.example/v1.0/users/delta?$deltatoken=")
DENIED = "Authorization_RequestDenied"


@pytest.mark.parametrize(
    ("path", "answer", "kind"),
    [
        (NEXT, error(400, "Directory_ExpiredPageToken", "The page token expired"), PageTokenExpired),
        (NEXT, error(400, "", "Invalid Skip Token"), PageTokenExpired),
        (NEXT, error(410, "Gone"), PageTokenExpired),
        (AUDITS, error(404, "", "Token not found: token is either invalid or expired"), PageTokenExpired),
        (NEXT, error(400, "Request_BadRequest", "Something else"), GraphError),
        ("/v1.0/users", error(400, "Request_BadRequest", "Invalid page token"), GraphError),
        (DELTA, error(400, "syncStateNotFound"), DeltaTokenExpired),
        (NEXT_DELTA, error(400, "syncStateNotFound"), DeltaTokenExpired),
        (NEXT_DELTA, error(400, "Directory_ExpiredPageToken"), PageTokenExpired),
        (DELTA, RESYNC, DeltaTokenExpired),
        (DELTA, error(410), DeltaTokenExpired),
        (DELTA, error(400, "Request_BadRequest", "Unsupported query"), GraphError),
        ("/v1.0/users/1", error(404, "Request_ResourceNotFound"), GraphNotFound),
        ("/v1.0/users", error(403, DENIED, "Insufficient privileges"), GraphNotPermitted),
        ("/v1.0/users", error(403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant"), GraphNotLicensed),
        ("/v1.0/users", error(403, "AadPremiumLicenseRequired"), GraphNotLicensed),
        ("/v1.0/users", error(400, "AadPremiumLicenseRequired"), GraphNotLicensed),
        ("/v1.0/users", error(403, DENIED, "The tenant doesn't have premium license"), GraphNotLicensed),
        ("/v1.0/users", error(403, "Forbidden", "Your tenant is not licensed for this."), GraphNotLicensed),
        ("/v1.0/users", Say(403, b"<html>gateway</html>"), GraphNotPermitted),
        ("/v1.0/users", Say(400, b"[]"), GraphError),
    ],
)
async def test_refusals_of_a_page_have_names(path: str, answer: Say, kind: type[GraphError]) -> None:
    async with graph([answer]) as (directory, server, _):
        with pytest.raises(GraphError) as caught:
            await directory.page(GraphRequest("GET", path))
        assert type(caught.value) is kind
        assert caught.value.status == answer.status
        assert caught.value.request_id == "outer-id"
        assert len(server.heard) == 1


async def test_errors_name_the_place_but_no_person() -> None:
    said = "User 'Alice Example' <alice@contoso.com> \"x\" is\nnot \x1b[31mallowed"
    path = "/v1.0/users/alice@contoso.com/manager?$filter=displayName eq 'Alice'"
    async with graph([error(403, "Denied", said)]) as (directory, _, _):
        with pytest.raises(GraphNotPermitted) as caught:
            await directory.page(GraphRequest("GET", path))
        text = str(caught.value)
        assert "Denied" in text
        assert "users/…/manager" in text
        assert "outer-id" in text
        assert "permission for users/" in caught.value.hint
        assert not {"alice", "Alice"} & set(text.replace("/", " ").replace("'", " ").split())
        assert "@" not in text
        assert "\x1b" not in text
        assert "\n" not in text


# --- what is sent ----------------------------------------------------------------------------------------


async def test_headers_of_a_request() -> None:
    async with graph([page(), say({}, 201)], low_priority=True) as (directory, server, _):
        await directory.page(GraphRequest("GET", "/v1.0/users", headers={"ConsistencyLevel": "eventual"}))
        await directory.send(POST)
        read, write = server.heard
        assert read.headers["user-agent"] == "holdfast/0.1.0"
        assert read.headers["consistencylevel"] == "eventual"
        assert read.headers["x-ms-throttle-priority"] == "low"
        assert "x-ms-throttle-priority" not in write.headers
        assert write.headers["content-type"] == "application/json"
        ids = {heard.headers["client-request-id"] for heard in server.heard}
        assert ids == {"00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"}


@pytest.mark.parametrize(
    "query", ["$filter=a%20eq%20'x%27y%26z'", "$skiptoken=m~A%2fb%2B=&x%24y", "$select=id,x&$top=9"]
)
async def test_a_path_arrives_as_it_was_given(query: str) -> None:
    async with graph([page()]) as (directory, server, _):
        await directory.page(GraphRequest("GET", f"/v1.0/users?{query}"))
        assert server.heard[0].path == f"/v1.0/users?{query}"


async def test_bytes_arrive_as_they_were_sent() -> None:
    item = '{"z":1.50,"a":123456789012345678901234567890,"u":"\\u00fc ü \\/","z":2}'
    async with graph([Say(body=f'{{"value":[\n{item}\r\n]}}'.encode()), Say(body=item.encode())]) as (
        directory,
        _,
        _,
    ):
        assert (await directory.page(LIST)).items == (item.encode(),)
        assert (await directory.send(GET)).body == item.encode()


async def test_compressed_bodies_are_whole_or_read_again() -> None:
    whole = gzip.compress(page({"id": "1"}, {"id": "2"}).body)
    packed = {"content-encoding": "gzip"}
    answers = [
        Say(body=whole[:-12], headers=packed),
        Say(body=b"no gzip", headers=packed),
        Say(body=whole, headers=packed),
    ]
    async with graph(answers) as (directory, server, _):
        assert len((await directory.page(LIST)).items) == 2
        assert len(server.heard) == 3


async def test_values_that_are_no_json_are_not_sent() -> None:
    async with graph([]) as (directory, _, _):
        with pytest.raises(Unusable):
            await directory.send(GraphRequest("POST", "/v1.0/users", body={"a": float("nan")}))
        with pytest.raises(Unusable):
            await directory.send(GraphRequest("SP LIT", "/v1.0/users"))
        with pytest.raises(Unusable):
            await directory.page(POST)


async def test_a_warning_of_the_service_slows_us_down() -> None:
    warned = Say(body=page().body, headers={"x-ms-throttle-limit-percentage": "1.3"})
    requests = 60
    async with graph(lambda _: warned) as (directory, _, clock):
        for _ in range(requests):
            await directory.page(GraphRequest("GET", "/v1.0/users", cost=40))
        assert (requests * 40 - 800) / clock.passed <= 110  # a quarter of 400 units a second, after the burst


async def test_a_write_limit_does_not_silence_reads() -> None:
    clock = FakeClock()
    limits = Limits(clock)
    limited = error(429, Retry_After="100", x_ms_throttle_information="WriteLimitExceeded")
    async with (
        wire([limited, say({}, 201), limited, page()], clock) as server,
        opened(server.url, clock, limits=limits) as patient,
        opened(server.url, clock, limits=limits, patience=10) as impatient,
    ):
        await patient.send(POST)
        assert server.heard[1].at >= 100
        with pytest.raises(GraphDown):
            await impatient.send(POST)
        before = clock.passed
        await impatient.page(LIST)
        assert clock.passed - before < 1


async def test_nothing_personal_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with graph([page(), DROP, error(500)]) as (directory, _, _):
            await directory.page(GraphRequest("GET", "/v1.0/users/alice@contoso.com/ownedObjects"))
            for _ in range(2):
                with pytest.raises(AnswerLost):
                    await directory.send(GraphRequest("PATCH", "/v1.0/users/alice@contoso.com", body={"a": 1}))
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert "alice" not in text
    assert "Bearer" not in text


async def test_401_once_costs_one_more_try() -> None:
    async with graph([error(401), page(), error(401), say({}, 201)]) as (directory, server, _):
        await directory.page(LIST)
        assert (await directory.send(POST)).status == 201
        assert len(server.heard) == 4


@pytest.mark.parametrize("call", ["page", "send"])
async def test_401_for_ever_is_an_error(call: str) -> None:
    async with graph(lambda _: error(401, "InvalidAuthenticationToken")) as (directory, server, clock):
        with pytest.raises(GraphUnauthorized) as caught:
            await getattr(directory, call)(LIST)
        assert caught.value.code == "InvalidAuthenticationToken"
        assert len(server.heard) == 2
        assert clock.passed == 0


async def test_ids_of_any_length_become_a_guid() -> None:
    class LongIds(CountedIds):
        def new(self) -> str:
            return "ab" * 32

    async with graph([page()], ids=LongIds()) as (directory, server, _):
        await directory.page(LIST)
        assert server.heard[0].headers["client-request-id"] == "abababab-abab-abab-abab-abababababab"

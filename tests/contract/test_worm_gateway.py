"""The WORM gateway before a real Azurite, seen through the real SDK: what each role can and can't do."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, ContentSettings, ImmutabilityPolicy
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from tests.localrun.azurite import Azurite
from tests.localrun.faults import FaultAction, FaultRule
from tests.localrun.gateway import Gateway, GatewayConfig
from tests.localrun.gateway_client import GatewayProcess
from tests.localrun.shared import fresh, shared_azurite, until
from tests.localrun.worm import Existing, LockedPolicy, Role

pytestmark = pytest.mark.azurite

ROLES = (
    Role("setup", manage=("*",)),
    Role("creator", add=("vault-*",), read=("vault-*",)),
    Role("blind", add=("vault-*",)),
    Role("reader", read=("vault-*",)),
    Role("owner", read=("*",), add=("*",), write=("*",), delete=("*",)),
)


@dataclass
class World:
    azurite: Azurite
    gateway: Gateway
    container: str
    clients: list[BlobServiceClient]

    def service(self, role: str, **options: Any) -> BlobServiceClient:
        text = self.azurite.connection_string("vault", blob_url=self.gateway.urls[role], services=["blob"])
        client = BlobServiceClient.from_connection_string(text, **{"retry_total": 0, **options})
        self.clients.append(client)
        return client

    def at(self, role: str, container: str | None = None, **options: Any) -> ContainerClient:
        return self.service(role, **options).get_container_client(container or self.container)

    def direct(self) -> ContainerClient:
        """Past the gateway: what is really stored."""
        client = BlobServiceClient.from_connection_string(self.azurite.connection_string("vault"))
        self.clients.append(client)
        return client.get_container_client(self.container)


class _Clock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> float:
        return time.time() + self.ahead.total_seconds()


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture(params=[Existing.CONFLICT])
async def world(request: pytest.FixtureRequest, clock: _Clock) -> AsyncIterator[World]:
    azurite = shared_azurite()
    config = GatewayConfig(
        upstream=azurite.endpoints.blob,
        accounts={"vault": azurite.keys["vault"]},
        roles=ROLES,
        policies=(LockedPolicy("vault-*", 35),),
        existing=request.param,
    )
    async with Gateway(config, clock=clock) as gateway:
        made = World(azurite, gateway, fresh("vault"), [])
        await made.at("setup").create_container()
        yield made
        for client in made.clients:
            await client.close()


forbidden_for_existing = pytest.mark.parametrize("world", [Existing.FORBIDDEN], indirect=True)


async def refused(status: int, code: str, call: Any) -> HttpResponseError:
    with pytest.raises(HttpResponseError) as caught:
        await call
    assert caught.value.response is not None
    assert (caught.value.status_code, caught.value.response.headers["x-ms-error-code"]) == (status, code)
    assert caught.value.response.headers["x-ms-request-id"]
    return caught.value


async def forbidden(call: Any) -> None:
    await refused(403, "AuthorizationPermissionMismatch", call)


async def immutable(call: Any) -> None:
    await refused(409, "BlobImmutableDueToPolicy", call)


# -- a create-only role -------------------------------------------------------------------------------------


async def test_a_create_only_role_creates_and_reads_back(world: World) -> None:
    content = os.urandom(300_000)
    name = "v1/t/2026/objects/users/0-ab.jsonl.zst"
    made = await world.at("creator").upload_blob(
        name, content, content_settings=ContentSettings(content_type="application/zstd"), metadata={"a": "b"}
    )
    properties = await made.get_blob_properties()
    assert properties.size == len(content)
    assert properties.content_settings.content_type == "application/zstd"
    found = await (await world.at("reader").download_blob(name)).readall()
    assert hashlib.sha256(found).digest() == hashlib.sha256(content).digest()


@pytest.mark.parametrize("name", ["plain", "with space", "a/b+c&d=e", "größe/é", "q?x#y", "a%20b", "'\"<>", "a//b"])
async def test_names_reach_the_store_unchanged(world: World, name: str) -> None:
    await world.at("creator").upload_blob(name, name.encode())
    with pytest.raises(ResourceExistsError):
        await world.at("creator").upload_blob(name, b"other")
    await forbidden(world.at("creator").upload_blob(name, b"other", overwrite=True))
    assert [item.name async for item in world.direct().list_blobs()] == [name]
    assert await (await world.at("reader").download_blob(name)).readall() == name.encode()


async def test_an_existing_name_is_a_conflict_under_if_none_match(world: World) -> None:
    await world.at("creator").upload_blob("a", b"first")
    await refused(409, "BlobAlreadyExists", world.at("creator").upload_blob("a", b"second"))
    assert await (await world.at("reader").download_blob("a")).readall() == b"first"


@forbidden_for_existing
async def test_the_other_reading_forbids_an_existing_name(world: World) -> None:
    await world.at("creator").upload_blob("a", b"first")
    await forbidden(world.at("creator").upload_blob("a", b"second"))
    await refused(409, "BlobAlreadyExists", world.at("owner").upload_blob("a", b"second"))
    assert await (await world.at("reader").download_blob("a")).readall() == b"first"


async def test_a_create_only_role_never_overwrites(world: World) -> None:
    made = await world.at("creator").upload_blob("a", b"first")
    await forbidden(world.at("creator").upload_blob("a", b"second", overwrite=True))
    etag = (await made.get_blob_properties()).etag
    matching = world.at("creator").upload_blob(
        "a", b"second", overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified
    )
    await forbidden(matching)
    assert await (await world.at("reader").download_blob("a")).readall() == b"first"


async def test_a_new_name_needs_no_condition(world: World) -> None:
    await world.at("creator").upload_blob("a", b"first", overwrite=True)
    assert await (await world.at("reader").download_blob("a")).readall() == b"first"


async def test_blocks_are_refused_so_an_object_must_be_one_put(world: World) -> None:
    client = world.at("creator", max_single_put_size=1024, max_block_size=1024)
    await forbidden(client.upload_blob("a", os.urandom(5000)))
    blob = world.at("creator").get_blob_client("a")
    await forbidden(blob.stage_block("AA==", b"x"))
    await forbidden(blob.commit_block_list([BlobBlock("AA==")]))
    assert [item.name async for item in world.direct().list_blobs()] == []


async def test_a_create_only_role_changes_nothing_afterwards(world: World) -> None:
    blob = await world.at("creator").upload_blob("a", b"first")
    await forbidden(blob.set_blob_metadata({"a": "b"}))
    await forbidden(blob.set_http_headers(ContentSettings(content_type="text/plain")))
    await forbidden(blob.acquire_lease())
    await forbidden(blob.set_standard_blob_tier("Cool"))
    await forbidden(blob.set_blob_tags({"a": "b"}))
    await forbidden(blob.delete_blob())
    await forbidden(blob.set_legal_hold(True))
    await forbidden(
        blob.set_immutability_policy(
            ImmutabilityPolicy(expiry_time=datetime.now(UTC) + timedelta(days=1), policy_mode="Unlocked")
        )
    )
    await forbidden(blob.delete_immutability_policy())
    await forbidden(blob.undelete_blob())
    await forbidden(blob.create_append_blob(metadata={"a": "b"}))
    await immutable(blob.create_snapshot())
    await immutable(blob.append_block(b"x"))
    assert await (await blob.download_blob()).readall() == b"first"


async def test_an_uploader_can_not_bring_its_own_policy_hold_or_tags(world: World) -> None:
    client = world.at("creator")
    until = ImmutabilityPolicy(expiry_time=datetime.now(UTC) + timedelta(days=1), policy_mode="Unlocked")
    await forbidden(client.upload_blob("a", b"x", immutability_policy=until))
    await forbidden(client.upload_blob("b", b"x", legal_hold=True))
    await forbidden(client.upload_blob("c", b"x", tags={"a": "b"}))
    assert [item.name async for item in world.direct().list_blobs()] == []


async def test_containers_are_out_of_reach(world: World) -> None:
    for role in ("creator", "owner"):
        await forbidden(world.at(role).delete_container())
        await forbidden(world.at(role).set_container_metadata({"a": "b"}))
        await forbidden(world.at(role).acquire_lease())
        await forbidden(world.at(role, fresh("vault")).create_container())
        await forbidden(world.at(role).get_container_access_policy())
        await forbidden(anext(aiter(world.service(role).list_containers())))
        await forbidden(world.service(role).set_service_properties(cors=[]))
        await forbidden(anext(aiter(world.at(role).find_blobs_by_tags("a='b'"))))
    # Sub-requests of a batch would slip past the rules.
    await world.at("owner").upload_blob("a", b"x")
    with pytest.raises(HttpResponseError):
        await world.at("owner").delete_blobs("a")
    assert await world.at("reader").get_blob_client("a").exists()


async def test_roles_hold_in_their_containers_only(world: World) -> None:
    other = fresh("evidence")
    await world.at("setup", other).create_container()
    await forbidden(world.at("creator", other).upload_blob("a", b"x"))
    await forbidden(world.at("reader", other).get_blob_client("a").get_blob_properties())
    await forbidden(anext(aiter(world.at("reader", other).list_blobs())))
    await world.at("owner", other).upload_blob("a", b"x")


async def test_reading_needs_read_and_writing_more_than_read(world: World) -> None:
    blob = await world.at("blind").upload_blob("a", b"x")
    await forbidden(blob.get_blob_properties())
    await forbidden(blob.download_blob())
    await forbidden(anext(aiter(world.at("blind").list_blobs())))
    await forbidden(world.at("reader").upload_blob("b", b"x"))
    await forbidden(world.at("reader").delete_blob("a"))
    assert [item.name async for item in world.at("reader").list_blobs()] == ["a"]
    with pytest.raises(ResourceNotFoundError):
        await world.at("reader").get_blob_client("nothing").get_blob_properties()


# -- the locked policy binds even a role that may write and delete ---------------------------------------------


async def test_a_locked_policy_stops_overwrite_and_delete_by_anybody(world: World) -> None:
    await world.at("creator").upload_blob("a", b"first")
    blob = world.at("owner").get_blob_client("a")
    await immutable(blob.upload_blob(b"second", overwrite=True))
    await immutable(blob.set_blob_metadata({"a": "b"}))
    await immutable(blob.set_http_headers(ContentSettings(content_type="text/plain")))
    await immutable(blob.create_snapshot())
    await immutable(blob.stage_block("AA==", b"x"))
    await immutable(blob.commit_block_list([]))
    await immutable(blob.delete_blob())
    await forbidden(blob.delete_blob(version_id="2026-01-01T00:00:00.0000000Z"))
    await refused(409, "BlobAlreadyExists", blob.upload_blob(b"second"))
    await refused(409, "ContainerImmutabilityPolicyLocked", world.at("setup").delete_container())
    assert await (await blob.download_blob()).readall() == b"first"


async def test_a_locked_policy_allows_new_names_tiers_and_leases(world: World) -> None:
    blob = world.at("owner", max_single_put_size=1024, max_block_size=1024).get_blob_client("a")
    content = os.urandom(5000)
    await blob.upload_blob(content)
    await blob.set_standard_blob_tier("Cool")
    lease = await blob.acquire_lease()
    await lease.release()
    assert await (await blob.download_blob()).readall() == content


async def test_after_retention_a_blob_can_be_deleted_but_not_overwritten(world: World, clock: _Clock) -> None:
    await world.at("creator").upload_blob("a", b"first")
    clock.ahead = timedelta(days=34, hours=23)
    await immutable(world.at("owner").delete_blob("a"))
    clock.ahead = timedelta(days=35, hours=1)
    await immutable(world.at("owner").upload_blob("a", b"second", overwrite=True))
    await forbidden(world.at("creator").delete_blob("a"))
    await world.at("owner").delete_blob("a")
    assert not await world.at("reader").get_blob_client("a").exists()


async def test_without_a_policy_write_and_delete_work(world: World) -> None:
    scratch = fresh("scratch")
    await world.at("setup", scratch).create_container()
    blob = await world.at("owner", scratch).upload_blob("a", b"first")
    await blob.upload_blob(b"second", overwrite=True)
    await blob.set_blob_metadata({"a": "b"})
    await blob.delete_blob()
    await world.at("setup", scratch).delete_container()


async def test_the_policy_shows_in_the_container_properties(world: World) -> None:
    scratch = fresh("scratch")
    await world.at("setup", scratch).create_container()
    assert (await world.at("reader").get_container_properties()).has_immutability_policy
    assert not (await world.at("owner", scratch).get_container_properties()).has_immutability_policy


# -- requests that try to slip past ---------------------------------------------------------------------------


async def _raw(world: World, role: str, request: str) -> str:
    host, port = world.gateway.urls[role].removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"{request}\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.decode(errors="replace")


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("DELETE /vault/{c}/a HTTP/1.1", 403),
        ("DELETE /vault/{c}/x/../a HTTP/1.1", 400),
        ("DELETE /vault/{c}/x/%2e%2e/a HTTP/1.1", 400),
        ("DELETE /vault/other/..%5c{c}/a HTTP/1.1", 400),
        ("PUT /vault/{c}/a?comp=metadata&comp= HTTP/1.1", 400),
        ("PUT /vault/{c}/a?COMP=metadata HTTP/1.1", 403),
        ("PUT /vault/{c}/a?comp=unheardof HTTP/1.1", 403),
        ("POST /vault/{c}?restype=container&comp=batch HTTP/1.1", 403),
        ("POST /vault?comp=batch HTTP/1.1", 403),
        ("PUT /vault/{c}/a?restype=container HTTP/1.1", 400),
        ("PATCH /vault/{c}/a HTTP/1.1", 403),
        ("GET /other/{c}/a HTTP/1.1", 404),
        ("GET /_gateway/log HTTP/1.1", 404),
    ],
)
async def test_odd_requests_are_refused(world: World, request_line: str, status: int) -> None:
    await world.at("creator").upload_blob("a", b"first")
    answer = await _raw(world, "creator", request_line.format(c=world.container))
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert world.gateway.log[-1]["decision"] == "refused"


async def test_a_wrong_key_is_refused_by_the_store(world: World) -> None:
    azurite = replace_key(world.azurite)
    text = azurite.replace(world.azurite.endpoints.blob, world.gateway.urls["creator"])
    async with BlobServiceClient.from_connection_string(text, retry_total=0) as service:
        with pytest.raises(HttpResponseError) as caught:
            await service.get_container_client(world.container).upload_blob("a", b"x")
    assert caught.value.status_code == 403
    assert caught.value.error_code == "AuthorizationFailure"


def replace_key(azurite: Azurite) -> str:
    return azurite.connection_string("vault").replace(azurite.keys["vault"], azurite.keys["backupstate"])


async def test_errors_look_like_the_service_s(world: World) -> None:
    error = await refused(403, "AuthorizationPermissionMismatch", world.at("reader").upload_blob("a", b"x"))
    assert error.response is not None
    body = error.response.text("utf-8-sig")
    assert body.startswith(
        '<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthorizationPermissionMismatch</Code>'
    )
    assert error.response.headers["x-ms-client-request-id"]
    assert error.response.headers["x-ms-request-id"] in body


async def test_an_upload_that_breaks_off_creates_nothing(world: World) -> None:
    signed: dict[str, Any] = {}

    def remember(response: Any) -> None:
        signed.update(response.http_request.headers)

    body = b"x" * 100_000
    await forbidden(world.at("reader").upload_blob("a", body, raw_response_hook=remember))
    host, port = world.gateway.urls["creator"].removeprefix("http://").split(":")
    lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items() if name != "Host")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"PUT /vault/{world.container}/a HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n".encode() + body[:50_000])
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.close()
    await writer.wait_closed()
    assert reader.at_eof() or await reader.read() == b""
    await until(lambda: world.gateway.log[-1]["decision"] == "clientLost")
    assert [item.name async for item in world.direct().list_blobs()] == []
    await world.at("creator").upload_blob("a", body)  # the name's lock was given back


# -- concurrency -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("overwrite", [False, True])
async def test_of_many_concurrent_creates_exactly_one_wins(world: World, overwrite: bool) -> None:
    clients = [world.at(role) for role in ("creator", "blind", "owner") for _ in range(6)]
    gate = asyncio.Event()

    async def create(number: int, client: ContainerClient) -> int | None:
        await gate.wait()
        try:
            await client.upload_blob("same", b"%d" % number, overwrite=overwrite)
        except HttpResponseError:
            return None
        return number

    tasks = [asyncio.create_task(create(number, client)) for number, client in enumerate(clients)]
    gate.set()
    winners = [number for number in await asyncio.gather(*tasks) if number is not None]
    assert len(winners) == 1
    stored = await (await world.at("reader").download_blob("same")).readall()
    assert stored == b"%d" % winners[0]


# -- faults and log -------------------------------------------------------------------------------------------


def _fault(action: FaultAction, **rule: Any) -> FaultRule:
    return FaultRule(action, **rule)


async def test_a_lost_answer_leaves_the_blob_and_the_retry_meets_it(world: World) -> None:
    world.gateway.faults.add(_fault(FaultAction.DROP_AFTER, operation="PutBlob", times=1))
    # Even without retries of the SDK: its HTTP client sends the request again, and meets its own first attempt.
    await refused(409, "BlobAlreadyExists", world.at("creator").upload_blob("commit.jws", b"signed"))
    assert await (await world.at("reader").download_blob("commit.jws")).readall() == b"signed"
    writes = [entry for entry in world.gateway.log if entry["operation"] == "PutBlob"]
    assert [entry["status"] for entry in writes] == [201, 409]  # the first is logged although nobody heard of it


async def test_an_answer_that_stays_lost_is_an_error_although_the_blob_is_there(world: World) -> None:
    world.gateway.faults.add(_fault(FaultAction.DROP_AFTER, operation="PutBlob", times=0))
    with pytest.raises(AzureError):
        await world.at("creator").upload_blob("commit.jws", b"signed")
    assert await (await world.at("reader").download_blob("commit.jws")).readall() == b"signed"


async def test_a_request_dropped_before_forwarding_leaves_nothing(world: World) -> None:
    world.gateway.faults.add(_fault(FaultAction.DROP_BEFORE, method="PUT", nth=2, times=2))
    await world.at("creator").upload_blob("a", b"x")
    with pytest.raises(AzureError):
        await world.at("creator").upload_blob("b", b"x")
    await world.at("creator").upload_blob("c", b"x")
    assert [item.name async for item in world.direct().list_blobs()] == ["a", "c"]


async def test_a_status_fault_answers_without_forwarding(world: World) -> None:
    rule = _fault(
        FaultAction.STATUS, role="creator", path="^vault-.*/a$", times=2, headers={"Retry-After": "1"}, status=503
    )
    entry = world.gateway.faults.add(rule)
    for _ in range(2):
        error = await refused(503, "ServerBusy", world.at("creator").upload_blob("a", b"x"))
        assert error.response is not None
        assert error.response.headers["Retry-After"] == "1"
    await world.at("creator").upload_blob("a", b"x")
    assert (entry.seen, entry.fired) == (3, 2)


async def test_a_hold_lets_a_test_act_between_commit_and_answer(world: World) -> None:
    after = world.gateway.faults.add(_fault(FaultAction.HOLD_AFTER, path="/a$", method="PUT"))
    before = world.gateway.faults.add(_fault(FaultAction.HOLD_BEFORE, path="/b$", method="PUT"))
    uploads = [asyncio.create_task(world.at("creator").upload_blob(name, b"x")) for name in ("a", "b")]
    await until(lambda: bool(after.waiting and before.waiting))
    assert [item.name async for item in world.direct().list_blobs()] == ["a"]
    assert not any(task.done() for task in uploads)
    world.gateway.faults.remove()
    await asyncio.gather(*uploads)
    assert [item.name async for item in world.direct().list_blobs()] == ["a", "b"]


async def test_a_held_request_whose_sender_died_was_never_sent(world: World) -> None:
    before = world.gateway.faults.add(_fault(FaultAction.HOLD_BEFORE, path="/a$", method="PUT"))
    client = world.at("creator")
    upload = asyncio.create_task(client.upload_blob("a", b"x"))
    await until(lambda: bool(before.waiting))
    upload.cancel()
    await asyncio.gather(upload, return_exceptions=True)
    await client.close()
    await asyncio.sleep(0.1)
    world.gateway.faults.remove(before.id)
    await until(lambda: world.gateway.log[-1]["decision"] == "droppedWhileHeld")
    assert [item.name async for item in world.direct().list_blobs()] == []


async def test_the_log_names_role_operation_path_and_status(world: World) -> None:
    await world.at("creator").upload_blob("a b", b"x")
    await forbidden(world.at("reader").delete_blob("a b"))
    created, refusal = world.gateway.log[-2:]
    expected = {"role": "creator", "operation": "PutBlob", "path": f"{world.container}/a b", "status": 201}
    assert expected.items() <= created.items()
    assert {
        "role": "reader",
        "operation": "DeleteBlob",
        "status": 403,
        "decision": "refused",
    }.items() <= refusal.items()
    assert refusal["seq"] == created["seq"] + 1


# -- as a program ---------------------------------------------------------------------------------------------


def _config(log_file: Path | None = None) -> GatewayConfig:
    azurite = shared_azurite()
    return GatewayConfig(
        upstream=azurite.endpoints.blob,
        accounts={"vault": azurite.keys["vault"]},
        roles=ROLES,
        policies=(LockedPolicy("vault-*", 35),),
        log_file=log_file,
    )


async def test_the_program_form_serves_roles_faults_and_log(tmp_path: Path) -> None:
    azurite = shared_azurite()
    container = fresh("vault")
    with GatewayProcess.start(replace(_config(), log_file=tmp_path / "gateway.jsonl")) as gateway:

        def service(role: str) -> BlobServiceClient:
            text = azurite.connection_string("vault", blob_url=gateway.urls[role], services=["blob"])
            return BlobServiceClient.from_connection_string(text, retry_total=0)

        async with service("setup") as setup, service("creator") as creator:
            await setup.create_container(container)
            rule = gateway.control.add_fault("dropAfter", operation="PutBlob", nth=2, times=2)
            client = creator.get_container_client(container)
            await client.upload_blob("a", b"x")
            with pytest.raises(AzureError):
                await client.upload_blob("b", b"x")
        assert [(entry["id"], entry["fired"]) for entry in gateway.control.faults()] == [(rule, 2)]
        gateway.control.clear_faults()
        assert gateway.control.faults() == []
        with pytest.raises(ValueError, match="unknown members"):
            gateway.control.add_fault("dropAfter", nonsense=1)
        log = gateway.control.log()
        assert [(entry["operation"], entry["status"]) for entry in log[-2:]] == [("PutBlob", 201), ("PutBlob", 409)]
        assert gateway.control.log(since=log[-1]["seq"]) == []
    assert len((tmp_path / "gateway.jsonl").read_text().splitlines()) == len(log)
    port = int(gateway.urls["creator"].rsplit(":", 1)[1])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_the_program_says_what_is_wrong_with_its_config(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"upstream": "http://127.0.0.1:1", "accounts": {}, "roles": {"x": {"ad": ["*"]}}}')
    done = subprocess.run(
        [sys.executable, "-m", "tests.localrun.gateway", "--config", str(bad)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 1
    assert "unknown members ['ad']" in done.stderr

"""The `BlobStore` contract, on memory, a folder, Azurite behind the WORM gateway, and (opt-in) Azure.

README, "For developers", says how to run it on a real account; what it writes there stays.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from shared.adapters.blob import CLIENT_OPTIONS, AzureBlobStore
from shared.adapters.files import FolderBlobStore
from shared.adapters.inspect import EMULATOR, NO_POLICY, AzureInspector, EmulatorInspector
from shared.adapters.memory import MemoryBlobStore
from shared.domain.errors import (
    BlobExists,
    BlobMissing,
    IntegrityError,
    StorageDenied,
    StorageDown,
    Unusable,
)
from shared.domain.ports import BlobStat, BlobStore
from shared.engines.create import create_once, create_or_adopt
from tests.contract.suite import AZURE, AZURE_ACCOUNT, Suite, azure_account
from tests.localrun.faults import FaultAction, FaultRule
from tests.localrun.gateway import Gateway, GatewayConfig
from tests.localrun.shared import fresh, shared_azurite
from tests.localrun.worm import Existing, LockedPolicy, Role

SUITE = Suite(
    BlobStore,
    {
        "memory": MemoryBlobStore,
        "folder": FolderBlobStore,
        "azurite, 409 for a taken name": AzureBlobStore,
        "azurite, 403 for a taken name": AzureBlobStore,
        AZURE: AzureBlobStore,
    },
)
NO_RETRIES = {**CLIENT_OPTIONS, "retry_total": 0}
ROLES = (
    Role("setup", manage=("*",)),
    Role("writer", add=("vault-*",), read=("vault-*",)),
    Role("reader", read=("*",)),
)


@dataclass
class Emulated:
    """Azurite behind a gateway that holds a locked policy on the one container."""

    gateway: Gateway
    container: str

    def connection_string(self, role: str) -> str:
        return shared_azurite().connection_string("vault", blob_url=self.gateway.urls[role], services=["blob"])

    def client(self, role: str, container: str | None = None) -> ContainerClient:
        return ContainerClient.from_connection_string(
            self.connection_string(role), container or self.container, **NO_RETRIES
        )

    @asynccontextmanager
    async def store(self, role: str = "writer", container: str | None = None) -> AsyncIterator[AzureBlobStore]:
        store = AzureBlobStore(self.client(role, container))
        try:
            yield store
        finally:
            await store.close()

    def put_requests(self) -> list[str]:
        return [entry["operation"] for entry in self.gateway.log if entry["method"] == "PUT"]


@asynccontextmanager
async def emulated(existing: Existing = Existing.CONFLICT) -> AsyncIterator[Emulated]:
    azurite = shared_azurite()
    config = GatewayConfig(
        upstream=azurite.endpoints.blob,
        accounts=azurite.keys,
        roles=ROLES,
        policies=(LockedPolicy("vault-*", 35),),
        existing=existing,
    )
    async with Gateway(config) as gateway:
        world = Emulated(gateway, fresh("vault"))
        async with BlobServiceClient.from_connection_string(world.connection_string("setup")) as setup:
            await setup.create_container(world.container)
        gateway.log.clear()
        yield world


@dataclass
class Case:
    """A store, and a prefix that nobody else uses."""

    store: BlobStore
    base: str

    async def names(self, prefix: str = "") -> list[str]:
        return [stat.name.removeprefix(self.base) async for stat in self.store.list(self.base + prefix)]


@pytest.fixture(params=SUITE.params())
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    kind: str = request.param
    base = f"contract/{uuid.uuid4().hex}/"
    async with AsyncExitStack() as stack:
        if kind == "memory":
            yield Case(SUITE.made(kind, MemoryBlobStore()), base)
        elif kind == "folder":
            yield Case(SUITE.made(kind, FolderBlobStore(tmp_path / "vault")), base)
        elif kind == AZURE:
            from azure.identity.aio import DefaultAzureCredential

            account, container = azure_account("blob")
            credential = await stack.enter_async_context(DefaultAzureCredential())
            store = AzureBlobStore.from_account(account, container, credential)
            stack.push_async_callback(store.close)
            yield Case(SUITE.made(kind, store), base)
        else:
            existing = Existing.FORBIDDEN if "403" in kind else Existing.CONFLICT
            world = await stack.enter_async_context(emulated(existing))
            yield Case(SUITE.made(kind, await stack.enter_async_context(world.store())), base)


# --- every implementation ------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)), b"\r\n\0" * 2_000_000], ids=len)
async def test_what_was_put_is_read_back_exactly(case: Case, data: bytes) -> None:
    await case.store.put_new(case.base + "a/b.c", data)
    assert await case.store.get(case.base + "a/b.c") == data


async def test_a_name_is_given_once_and_the_first_bytes_stay(case: Case) -> None:
    name = case.base + "run.json"
    await case.store.put_new(name, b"first")
    for data in (b"second", b"first", b""):
        with pytest.raises(BlobExists):
            await case.store.put_new(name, data)
    assert await case.store.get(name) == b"first"
    assert await case.names() == ["run.json"]


async def test_of_writers_at_the_same_time_exactly_one_wins(case: Case) -> None:
    name = case.base + "claim"
    bodies = [f"writer {number}".encode() for number in range(8)]
    results = await asyncio.gather(*(case.store.put_new(name, body) for body in bodies), return_exceptions=True)
    winners = [body for body, result in zip(bodies, results, strict=True) if result is None]
    assert len(winners) == 1
    assert all(result is None or isinstance(result, BlobExists) for result in results)
    assert await case.store.get(name) == winners[0]


async def test_a_name_that_was_never_put_is_missing(case: Case) -> None:
    await case.store.put_new(case.base + "a/b", b"x")
    for name in ("a", "a/c", "b", "a/b/c", "a/b.c"):
        with pytest.raises(BlobMissing):
            await case.store.get(case.base + name)


async def test_a_listing_is_in_name_order_with_lengths_and_only_under_the_prefix(case: Case) -> None:
    names = ["a/b", "a-b", "a.b", "a0", "B", "_a", "a_b", "a/b2", "a/b/c", "z/1", "z/10", "z/2", "-x", "a=1"]
    names.remove("a/b")  # a folder can't hold a file of its own name
    for number, name in enumerate(names):
        await case.store.put_new(case.base + name, b"x" * number)
    assert await case.names() == sorted(names)
    assert await case.names("a") == sorted(name for name in names if name.startswith("a"))
    assert await case.names("a/b") == ["a/b/c", "a/b2"]
    assert await case.names("z/1") == ["z/1", "z/10"]
    assert await case.names("q") == []
    stats = [stat async for stat in case.store.list(case.base + "z/")]
    assert stats == [BlobStat(case.base + name, names.index(name)) for name in ("z/1", "z/10", "z/2")]


async def test_a_listing_shows_a_blob_as_soon_as_it_was_put(case: Case) -> None:
    for number in range(5):
        await case.store.put_new(f"{case.base}{number}", b"")
        assert await case.names() == [str(one) for one in range(number + 1)]


BAD_NAMES = [
    "", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", ".hidden", "a/.hidden", "a\\b", "a b", "a%2fb",
    "é", "a\n", "a\0b", "C:a", "a?b", "a#b", "a.", "x" * 201, "a/" * 600 + "a",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
async def test_a_bad_name_is_refused_before_anything_is_done(case: Case, name: str) -> None:
    with pytest.raises(Unusable):
        await case.store.put_new(name, b"x")
    with pytest.raises(Unusable) as refusal:
        await case.store.get(name)
    assert not isinstance(refusal.value, BlobMissing)


async def test_a_bad_prefix_is_refused(case: Case) -> None:
    for prefix in ("/", "../", "a//", "a b", "é", "a/."):
        with pytest.raises(Unusable):
            _ = [stat async for stat in case.store.list(prefix)]


async def test_create_once_tells_created_from_there_from_different(case: Case) -> None:
    name = case.base + "parts/users.json"
    assert await create_once(case.store, name, b"same") is True
    assert await create_once(case.store, name, b"same") is False
    with pytest.raises(IntegrityError, match=name):
        await create_once(case.store, name, b"other")
    assert await create_or_adopt(case.store, name, b"other") == b"same"
    assert await create_or_adopt(case.store, name + "2", b"mine") == b"mine"


@pytest.mark.skipif(not AZURE_ACCOUNT, reason="no container in Azure given (HOLDFAST_TEST_STORAGE)")
async def test_the_contract_is_also_run_on_a_container_in_azure() -> None:
    assert AZURE in [param.values[0] for param in SUITE.params()]


# --- a container that isn't there ------------------------------------------------------------------------


async def test_a_folder_that_is_not_there_is_no_empty_container(tmp_path: Path) -> None:
    await _is_denied(FolderBlobStore(tmp_path / "none", create=False))


@pytest.mark.azurite
async def test_a_container_that_is_not_there_is_no_empty_container() -> None:
    async with emulated() as world, world.store(container=fresh("vault")) as store:
        await _is_denied(store)


async def _is_denied(store: BlobStore) -> None:
    with pytest.raises(StorageDenied):
        await store.put_new("a", b"")
    with pytest.raises(StorageDenied):
        await store.get("a")
    with pytest.raises(StorageDenied):
        _ = [stat async for stat in store.list()]


# --- the real SDK against the emulator -------------------------------------------------------------------


@pytest.mark.azurite
async def test_a_blob_of_any_size_is_one_put_blob_and_never_staged_blocks() -> None:
    async with emulated() as world, world.store() as store:
        await store.put_new("big", os.urandom(20 * 1024 * 1024))
        assert world.put_requests() == ["PutBlob"]


@pytest.mark.azurite
async def test_a_listing_follows_every_page() -> None:
    async with emulated() as world:
        store = AzureBlobStore(world.client("writer"), page=3)
        try:
            for number in range(10):
                await store.put_new(f"p/{number}", b"")
            assert [stat.name async for stat in store.list("p/")] == [f"p/{number}" for number in range(10)]
            lists = [entry for entry in world.gateway.log if entry["operation"] == "ListBlobs"]
            assert len(lists) == 4
        finally:
            await store.close()


@pytest.mark.azurite
async def test_a_page_that_can_not_be_fetched_fails_the_whole_listing() -> None:
    async with emulated() as world:
        store = AzureBlobStore(world.client("writer"), page=3)
        try:
            for number in range(10):
                await store.put_new(f"p/{number}", b"")
            world.gateway.faults.add(FaultRule(FaultAction.STATUS, operation="ListBlobs", nth=3))
            with pytest.raises(StorageDown):
                _ = [stat async for stat in store.list("p/")]
        finally:
            await store.close()


@pytest.mark.azurite
async def test_a_lost_answer_to_a_create_ends_as_the_one_blob() -> None:
    async with emulated() as world, world.store() as store:
        world.gateway.faults.add(FaultRule(FaultAction.DROP_AFTER, operation="PutBlob"))
        with pytest.raises((StorageDown, BlobExists)):  # the HTTP client may have sent it again by itself
            await store.put_new("a", b"x")
        assert await store.get("a") == b"x"
        world.gateway.faults.add(FaultRule(FaultAction.DROP_AFTER, operation="PutBlob"))
        assert await create_once(store, "b", b"x") is False
        world.gateway.faults.add(FaultRule(FaultAction.DROP_BEFORE, operation="PutBlob", times=2))
        with pytest.raises(StorageDown):
            await create_once(store, "c", b"x")
        with pytest.raises(BlobMissing):
            await store.get("c")


@pytest.mark.azurite
@pytest.mark.parametrize("existing", [Existing.CONFLICT, Existing.FORBIDDEN])
async def test_a_retry_of_the_sdk_that_meets_its_own_success_is_no_failure(existing: Existing) -> None:
    async with emulated(existing) as world:
        store = AzureBlobStore.from_connection_string(world.connection_string("writer"), world.container)
        try:
            world.gateway.faults.add(FaultRule(FaultAction.DROP_AFTER, operation="PutBlob"))
            assert await create_once(store, "a", b"x") is False
            assert world.put_requests() == ["PutBlob", "PutBlob"]
            assert await store.get("a") == b"x"
        finally:
            await store.close()


@pytest.mark.azurite
async def test_a_busy_service_says_when_to_come_back() -> None:
    async with emulated() as world, world.store() as store:
        for status, code in ((503, "ServerBusy"), (500, "InternalError"), (429, "TooManyRequests")):
            rule = FaultRule(FaultAction.STATUS, status=status, code=code, headers={"Retry-After": "7"})
            world.gateway.faults.add(rule)
            with pytest.raises(StorageDown, match=code) as busy:
                await store.put_new("a", b"x")
            assert busy.value.after == 7.0
            assert busy.value.request_id


@pytest.mark.azurite
async def test_an_identity_that_may_not_add_ends_as_denied_with_a_hint() -> None:
    async with emulated() as world, world.store("reader") as store:
        with pytest.raises(BlobExists):  # 403 leaves open whether the name is taken
            await store.put_new("a", b"x")
        with pytest.raises(StorageDenied, match="right to add"):
            await create_once(store, "a", b"x")


@pytest.mark.azurite
async def test_an_identity_that_may_not_read_is_denied_and_not_shown_an_empty_container() -> None:
    async with emulated() as world, world.store("setup") as store:
        with pytest.raises(StorageDenied):
            await store.get("a")
        with pytest.raises(StorageDenied):
            _ = [stat async for stat in store.list()]


async def test_nobody_listening_is_down() -> None:
    text = "AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:9/a"
    store = AzureBlobStore(ContainerClient.from_connection_string(text, "vault-a", **NO_RETRIES))
    try:
        with pytest.raises(StorageDown):
            await store.put_new("a", b"x")
        with pytest.raises(StorageDown):
            await store.get("a")
        with pytest.raises(StorageDown):
            _ = [stat async for stat in store.list()]
    finally:
        await store.close()


async def test_a_body_cut_short_is_down_and_never_short_data() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=206)
        response.headers.update(
            {
                "Content-Range": "bytes 0-99/100",
                "Content-Length": "100",
                "ETag": '"1"',
                "x-ms-blob-type": "BlockBlob",
            }
        )
        await response.prepare(request)
        await response.write(b"x" * 60)
        assert request.transport is not None
        request.transport.abort()
        return response

    async with _server(cut) as url:
        text = f"AccountName=a;AccountKey=a2V5;BlobEndpoint={url}/a"
        store = AzureBlobStore(ContainerClient.from_connection_string(text, "vault-a", **NO_RETRIES))
        try:
            with pytest.raises(StorageDown):
                await store.get("a")
        finally:
            await store.close()


async def test_a_listing_out_of_order_is_a_fault() -> None:
    async def listing(request: web.Request) -> web.Response:
        blobs = "".join(
            f"<Blob><Name>{name}</Name><Properties><Content-Length>1</Content-Length>"
            "<BlobType>BlockBlob</BlobType></Properties></Blob>"
            for name in ("b", "a")
        )
        text = f"<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker/></EnumerationResults>"
        return web.Response(text=text, content_type="application/xml")

    async with _server(listing) as url:
        text = f"AccountName=a;AccountKey=a2V5;BlobEndpoint={url}/a"
        store = AzureBlobStore(ContainerClient.from_connection_string(text, "vault-a", **NO_RETRIES))
        try:
            with pytest.raises(IntegrityError, match="order"):
                _ = [stat async for stat in store.list()]
        finally:
            await store.close()


@asynccontextmanager
async def _server(answer: object) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)  # type: ignore[arg-type]
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


# --- how a store is reached, and what protects it --------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;EndpointSuffix=core.windows.net",
        "AccountName=a;AccountKey=a2V5;BlobEndpoint=https://a.blob.core.windows.net/",
        "AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1/a;QueueEndpoint=https://example.org/a",
        "AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1.example.org/a",
        "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://example.org",
        "",
    ],
)
def test_a_connection_string_is_taken_for_this_machine_only(text: str) -> None:
    with pytest.raises(Unusable) as refusal:
        AzureBlobStore.from_connection_string(text, "vault")
    assert "a2V5" not in str(refusal.value)


@pytest.mark.parametrize(
    "url", ["http://a.blob.core.windows.net", "https://a.example.org/?sig=secret", "https://u:p@a.example.org"]
)
def test_an_account_is_reached_by_https_without_anything_secret_in_the_address(url: str) -> None:
    with pytest.raises(Unusable):
        AzureBlobStore.from_account(url, "vault", object())  # type: ignore[arg-type]


@pytest.mark.azurite
async def test_only_a_lock_that_was_seen_counts_as_protection() -> None:
    assert (await EmulatorInspector().protections(["vault"]))["vault"] == EMULATOR
    async with emulated() as world:
        text = shared_azurite().connection_string("vault")
        inspector = AzureInspector(BlobServiceClient.from_connection_string(text, **NO_RETRIES))
        try:
            assert (await inspector.protections([world.container]))[world.container] == NO_POLICY
            with pytest.raises(StorageDenied):
                await inspector.protections([fresh("vault")])
        finally:
            await inspector.close()


async def test_a_policy_whose_lock_is_not_visible_is_not_protection() -> None:
    async def properties(request: web.Request) -> web.Response:
        return web.Response(
            headers={"ETag": '"1"', "x-ms-has-immutability-policy": "true", "x-ms-has-legal-hold": "false"}
        )

    async with _server(properties) as url:
        text = f"AccountName=a;AccountKey=a2V5;BlobEndpoint={url}/a"
        inspector = AzureInspector(BlobServiceClient.from_connection_string(text, **NO_RETRIES))
        try:
            protection = (await inspector.protections(["vault"]))["vault"]
        finally:
            await inspector.close()
    assert not protection.locked
    assert "nobody looked whether it is locked" in protection.why

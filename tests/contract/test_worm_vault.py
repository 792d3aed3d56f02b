"""One suite for everything that plays a vault under policies and holds: the vault in memory, the WORM gateway
before Azurite, by the real SDKs, and a real account in the state that it is in (`HOLDFAST_TEST_STORAGE`).

What is asked and where each rule comes from stands in `tests/localrun/worm_table.py`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.storage.aio import StorageManagementClient
from azure.mgmt.storage.models import ImmutabilityPolicy, ImmutabilityPolicyProperty, LegalHold
from azure.storage.blob import ContentSettings
from azure.storage.blob import ImmutabilityPolicy as BlobPolicy
from azure.storage.blob.aio import BlobClient, BlobServiceClient

from shared.adapters.management import LoopbackToken
from tests.contract.suite import AZURE, AZURE_ACCOUNT, azure_account
from tests.localrun.arm import ACCOUNT, GROUP, SUBSCRIPTION, ManagementPlane
from tests.localrun.gateway import Gateway, GatewayConfig
from tests.localrun.shared import fresh, shared_azurite
from tests.localrun.worm import Role
from tests.localrun.worm_memory import MemoryVault
from tests.localrun.worm_table import ASKED, CREATE_ONLY, OWNER, STATES, State, set_state

DAY = 86_400.0
CODES = {  # answers of roles, policies and holds; everything else is what the store makes of a request let through
    "AuthorizationPermissionMismatch",
    "BlobAlreadyExists",
    "BlobImmutableDueToPolicy",
    "ContainerImmutabilityPolicyLocked",
}
CREATE, OVERWRITE, DELETE = "Put Blob, If-None-Match: *", "Put Blob, no condition", "Delete Blob"
ALTERING = {
    OVERWRITE,
    "Put Block",
    "Put Block List",
    "Append Block",
    "Set Blob Metadata",
    "Set Blob Properties",
    "Snapshot Blob",
}
NOBODY_S = {"Set Immutability Policy", "Set Legal Hold", "Delete one version"}
PASSING = {"Set Blob Tier", "Lease Blob", "Get Blob", "List Blobs"}


class Vault(Protocol):
    plane: ManagementPlane

    async def make(self, container: str) -> None: ...

    async def ask(self, role: Role, what: str, container: str, blob: str) -> str:
        """The code of a refusal, "" where it was let through."""
        ...

    def advance(self, seconds: float) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self._now = time.time()
        self._vault = MemoryVault(lambda: self._now)
        self.plane = self._vault.plane

    async def make(self, container: str) -> None:
        self.plane.add(container)

    async def ask(self, role: Role, what: str, container: str, blob: str) -> str:
        asked = next(one for one in ASKED if one.what == what)
        path = f"/vault/{container}/{blob}" if asked.blob else f"/vault/{container}"
        headers = {"If-None-Match": "*"} if asked.create_only else {}
        refusal = self._vault.ask(role, asked.method, f"{path}?{asked.query}" if asked.query else path, headers)
        return refusal.code if refusal is not None else ""

    def advance(self, seconds: float) -> None:
        self._now += seconds


class BySdk:
    """An account that is asked through the SDK; `services`: by the role's name."""

    def __init__(self, services: dict[str, BlobServiceClient]) -> None:
        self._services = services

    async def ask(self, role: Role, what: str, container: str, blob: str) -> str:
        client = self._services[role.name].get_container_client(container)
        try:
            if what == "List Blobs":
                [_ async for _ in client.list_blobs()]
            elif what == "Delete Container":
                await client.delete_container()
            else:
                await _CALLS[what](client.get_blob_client(blob))
        except HttpResponseError as error:
            code = error.response.headers.get("x-ms-error-code", "") if error.response is not None else ""
            return code if code in CODES else ""
        return ""


class Before(BySdk):
    """The gateway before Azurite."""

    def __init__(self, services: dict[str, BlobServiceClient], gateway: Gateway) -> None:
        super().__init__(services)
        self._gateway = gateway
        self.plane = gateway.plane

    async def make(self, container: str) -> None:
        await self._services["setup"].create_container(container)
        self.plane.add(container)

    def advance(self, seconds: float) -> None:
        self._gateway.ahead += seconds


async def _lease(blob: BlobClient) -> None:
    lease = await blob.acquire_lease(15)
    await lease.release()


_CALLS: dict[str, Callable[[BlobClient], Awaitable[Any]]] = {
    CREATE: lambda blob: blob.upload_blob(b"x"),
    OVERWRITE: lambda blob: blob.upload_blob(b"y", overwrite=True),
    "Put Block": lambda blob: blob.stage_block("AA==", b"x"),
    "Put Block List": lambda blob: blob.commit_block_list([]),
    "Append Block": lambda blob: blob.append_block(b"x"),
    "Set Blob Metadata": lambda blob: blob.set_blob_metadata({"a": "b"}),
    "Set Blob Properties": lambda blob: blob.set_http_headers(ContentSettings(content_type="text/plain")),
    "Snapshot Blob": lambda blob: blob.create_snapshot(),
    "Set Blob Tier": lambda blob: blob.set_standard_blob_tier("Cool"),
    "Lease Blob": _lease,
    "Set Immutability Policy": lambda blob: blob.set_immutability_policy(
        BlobPolicy(expiry_time=datetime(2100, 1, 1, tzinfo=UTC), policy_mode="Unlocked")
    ),
    "Set Legal Hold": lambda blob: blob.set_legal_hold(True),
    DELETE: lambda blob: blob.delete_blob(),
    "Delete one version": lambda blob: blob.delete_blob(version_id="2026-01-01T00:00:00.0000000Z"),
    "Get Blob": lambda blob: blob.download_blob(),
}
VAULTS = [pytest.param("gateway", marks=pytest.mark.azurite), "memory"]


@asynccontextmanager
async def _gateway() -> AsyncIterator[Before]:
    azurite = shared_azurite()
    roles = (CREATE_ONLY, OWNER, Role("setup", manage=("*",)))
    config = GatewayConfig(azurite.endpoints.blob, {"vault": azurite.keys["vault"]}, roles)
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(Gateway(config))
        services = {}
        for role in roles:
            text = azurite.connection_string("vault", blob_url=gateway.urls[role.name], services=["blob"])
            services[role.name] = await stack.enter_async_context(
                BlobServiceClient.from_connection_string(text, retry_total=0)
            )
        yield Before(services, gateway)


@pytest.fixture(params=VAULTS)
async def vault(request: pytest.FixtureRequest) -> AsyncIterator[Vault]:
    if request.param == "memory":
        held = InMemory()
        async with held.plane:
            yield held
    else:
        async with _gateway() as before:
            yield before


def expected(state: State) -> dict[str, str]:
    """What a role with every data action is answered for a blob that is there, by the pages named in the table."""
    stands = bool(state.policy) or state.held
    over = not state.held and (state.age or 0) >= 35
    return {
        CREATE: "BlobAlreadyExists",
        **dict.fromkeys(ALTERING, "BlobImmutableDueToPolicy" if stands else ""),
        DELETE: "BlobImmutableDueToPolicy" if stands and not over else "",
        **dict.fromkeys(NOBODY_S, "AuthorizationPermissionMismatch"),
        **dict.fromkeys(PASSING, ""),
        "Delete Container": "ContainerImmutabilityPolicyLocked" if stands else "",
    }


def test_every_operation_of_the_table_is_asked() -> None:
    assert {asked.what for asked in ASKED} == set(expected(State()))


@pytest.mark.parametrize("name", [name for name in STATES if name != "new name"])
async def test_by_state_an_owner_of_every_right_is_refused_what_the_state_forbids(vault: Vault, name: str) -> None:
    state, container = STATES[name], fresh("vault")
    await vault.make(container)
    assert await vault.ask(OWNER, CREATE, container, "a") == ""
    set_state(vault, container, state)
    vault.advance((state.age or 0) * DAY)
    for what, code in expected(state).items():
        if what not in (DELETE, "Delete Container"):
            assert await vault.ask(OWNER, what, container, "a") == code, what
    for what in (DELETE, "Delete Container"):
        assert await vault.ask(OWNER, what, container, "a") == expected(state)[what], what


async def test_a_new_name_is_created_once_by_a_role_that_can_only_add(vault: Vault) -> None:
    container = fresh("vault")
    await vault.make(container)
    set_state(vault, container, State("locked"))
    assert await vault.ask(CREATE_ONLY, CREATE, container, "a") == ""
    assert await vault.ask(CREATE_ONLY, CREATE, container, "a") == "BlobAlreadyExists"
    for what in (OVERWRITE, DELETE, "Put Block", "Set Blob Tier", "Lease Blob", *NOBODY_S):
        assert await vault.ask(CREATE_ONLY, what, container, "a") == "AuthorizationPermissionMismatch", what
    assert await vault.ask(CREATE_ONLY, OVERWRITE, container, "b") == ""


@pytest.mark.skipif(not AZURE_ACCOUNT, reason="no container in Azure given (HOLDFAST_TEST_STORAGE)")
async def test_on_azure_a_container_answers_as_its_state_says() -> None:
    """Changes no state: what the signed-in identity is answered by the container as it is. Without what a built-in
    role may or may not, and without what would remove the container."""
    from azure.identity.aio import DefaultAzureCredential

    url, container = azure_account("blob")
    async with DefaultAzureCredential() as credential, BlobServiceClient(url, credential=credential) as service:
        found = await service.get_container_client(container).get_container_properties()
        state = State("unlocked" if found.has_immutability_policy else "", 0, held=bool(found.has_legal_hold))
        account, blob = BySdk({OWNER.name: service}), f"contract/{fresh('worm')}"
        assert await account.ask(OWNER, CREATE, container, blob) == ""
        for what, code in expected(state).items():
            if what not in NOBODY_S and what != "Delete Container":
                assert await account.ask(OWNER, what, container, blob) == code, f"{AZURE}: {what}"


# --- one lock state for both planes -----------------------------------------------------------------------------


class Manager:
    """A person with every right on the management plane, by the real SDK."""

    def __init__(self, client: StorageManagementClient, container: str) -> None:
        self._at = (GROUP, ACCOUNT, container)
        self._containers, self._accounts = client.blob_containers, client.storage_accounts
        self._client = client

    async def etag(self) -> str:
        return (await self._containers.get(*self._at, enforce_https=False)).immutability_policy.etag or ""

    async def set_policy(self, days: int) -> None:
        await self._containers.create_or_update_immutability_policy(
            *self._at, parameters=_days(days), enforce_https=False
        )

    async def change(self, verb: str, *more: Any) -> None:
        """Remove, lock or extend the policy as it is now."""
        from azure.core import MatchConditions

        call = getattr(self._containers, f"{verb}_immutability_policy")
        await call(
            *self._at,
            *more,
            etag=await self.etag(),
            match_condition=MatchConditions.IfNotModified,
            enforce_https=False,
        )

    async def hold(self, verb: str, tag: str) -> None:
        call = getattr(self._containers, f"{verb}_legal_hold")
        await call(*self._at, LegalHold(tags=[tag]), enforce_https=False)

    async def delete_container(self) -> None:
        await self._containers.delete(*self._at, enforce_https=False)

    async def delete_account(self) -> None:
        await self._accounts.delete(GROUP, ACCOUNT, enforce_https=False)


def _days(days: int) -> ImmutabilityPolicy:
    return ImmutabilityPolicy(
        properties=ImmutabilityPolicyProperty(immutability_period_since_creation_in_days=days)
    )


@asynccontextmanager
async def managing(vault: Vault, container: str) -> AsyncIterator[Manager]:
    scopes = ["https://management.azure.com/.default"]
    async with StorageManagementClient(
        LoopbackToken(), SUBSCRIPTION, vault.plane.url, credential_scopes=scopes
    ) as client:
        yield Manager(client, container)


async def refused(status: int, call: Awaitable[None]) -> None:
    with pytest.raises(HttpResponseError) as caught:
        await call
    assert caught.value.status_code == status


async def test_a_policy_protects_from_its_setting_and_once_locked_only_grows(vault: Vault) -> None:
    container = fresh("vault")
    await vault.make(container)
    async with managing(vault, container) as manager:

        async def asked(what: str) -> str:
            return await vault.ask(OWNER, what, container, "a")

        assert await asked(CREATE) == ""
        assert await asked(OVERWRITE) == ""
        await manager.set_policy(35)
        assert await asked(OVERWRITE) == await asked(DELETE) == "BlobImmutableDueToPolicy"
        await manager.set_policy(1)  # not locked: whoever may manage it can shorten it …
        vault.advance(2 * DAY)
        assert await asked(OVERWRITE) == "BlobImmutableDueToPolicy"
        await manager.change("delete")  # … and remove it
        assert await asked(OVERWRITE) == ""
        await manager.set_policy(35)
        await manager.change("lock")
        await refused(409, manager.set_policy(1))
        await refused(409, manager.change("delete"))
        await refused(409, manager.change("lock"))
        await refused(409, manager.change("extend", _days(34)))
        vault.advance(34 * DAY)
        assert await asked(DELETE) == ("BlobImmutableDueToPolicy")
        for number in range(5):
            await manager.change("extend", _days(60 + number))
        await refused(409, manager.change("extend", _days(90)))
        vault.advance(29 * DAY)  # blobs that were there stay longer, too
        assert await asked(DELETE) == "BlobImmutableDueToPolicy"
        vault.advance(3 * DAY)
        assert await asked(OVERWRITE) == "BlobImmutableDueToPolicy"
        assert await asked(DELETE) == ""


async def test_a_hold_protects_until_the_last_tag_is_cleared(vault: Vault) -> None:
    container = fresh("hold")
    await vault.make(container)
    async with managing(vault, container) as manager:
        assert await vault.ask(OWNER, CREATE, container, "a") == ""
        await manager.hold("set", "case1")
        await manager.hold("set", "CASE2")  # made small by the service
        await manager.hold("set", "case1")  # nothing happens
        vault.advance(1000 * DAY)
        assert await vault.ask(OWNER, DELETE, container, "a") == "BlobImmutableDueToPolicy"
        assert await vault.ask(OWNER, CREATE, container, "b") == ""
        await manager.hold("clear", "case1")
        assert await vault.ask(OWNER, DELETE, container, "a") == "BlobImmutableDueToPolicy"
        await manager.hold("clear", "case2")
        await manager.hold("clear", "case2")
        assert await vault.ask(OWNER, DELETE, container, "a") == ""
        await refused(400, manager.hold("set", "no-tag"))
        for number in range(10):
            await manager.hold("set", f"tag{number}")
        await refused(409, manager.hold("set", "tag10"))


async def test_container_and_account_stay_while_something_in_them_is_locked(vault: Vault) -> None:
    container = fresh("vault")
    await vault.make(container)
    async with managing(vault, container) as manager:
        assert await vault.ask(OWNER, CREATE, container, "a") == ""
        await manager.set_policy(35)
        await refused(409, manager.delete_container())
        await manager.change("lock")
        await refused(409, manager.delete_container())
        await refused(409, manager.delete_account())
        vault.advance(36 * DAY)
        await refused(409, manager.delete_account())
        assert await vault.ask(OWNER, DELETE, container, "a") == ""
        await manager.delete_container()
        await refused(404, manager.change("lock"))
        await manager.delete_account()

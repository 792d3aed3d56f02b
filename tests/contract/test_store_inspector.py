"""The `StoreInspector` contract: only a lock that was seen counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from azure.storage.blob.aio import BlobServiceClient

from shared.adapters.blob import CLIENT_OPTIONS
from shared.adapters.inspect import AzureInspector, EmulatorInspector
from shared.adapters.management import ArmVaultControl, LoopbackToken
from shared.domain.errors import StorageDenied, StorageDown
from shared.domain.ports import StoreInspector
from tests.contract.suite import AZURE, Suite, azure_account
from tests.localrun.arm import RESOURCE_ID, ManagementPlane
from tests.localrun.gateway import Gateway, GatewayConfig
from tests.localrun.shared import fresh, shared_azurite
from tests.localrun.worm import LockedPolicy, Role

SUITE = Suite(StoreInspector, {"emulator": EmulatorInspector, "azurite": AzureInspector, AZURE: AzureInspector})


@dataclass
class Case:
    """An inspector, and a container whose lock nobody has proved."""

    inspector: StoreInspector
    container: str


@pytest.fixture(params=SUITE.params())
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with AsyncExitStack() as stack:
        if request.param == "emulator":
            yield Case(SUITE.made("emulator", EmulatorInspector()), "vault-35d")
        elif request.param == AZURE:
            from azure.identity.aio import DefaultAzureCredential

            account, container = azure_account("blob")
            credential = await stack.enter_async_context(DefaultAzureCredential())
            inspector = AzureInspector.from_account(account, credential)
            stack.push_async_callback(inspector.close)
            yield Case(SUITE.made(AZURE, inspector), container)
        else:
            client = BlobServiceClient.from_connection_string(shared_azurite().connection_string("vault"))
            inspector = AzureInspector(client)
            stack.push_async_callback(inspector.close)
            container = fresh("vault")
            await client.create_container(container)
            yield Case(SUITE.made("azurite", inspector), container)


async def test_what_was_not_seen_to_be_locked_is_not_protected_and_the_reason_is_given(case: Case) -> None:
    protection = (await case.inspector.protections([case.container]))[case.container]
    assert not protection.locked
    assert protection.why


async def test_it_says_the_same_again(case: Case) -> None:
    first = (await case.inspector.protections([case.container]))[case.container]
    assert (await case.inspector.protections([case.container]))[case.container] == first


async def test_an_account_that_is_away_is_an_error_and_not_an_answer() -> None:
    text = "AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:9/a"
    options = {**CLIENT_OPTIONS, "retry_total": 0}
    inspector = AzureInspector(BlobServiceClient.from_connection_string(text, **options))
    try:
        with pytest.raises(StorageDown):
            await inspector.protections(["vault-35d"])
    finally:
        await inspector.close()


# --- both planes -------------------------------------------------------------------------------------------------


@pytest.mark.azurite
@pytest.mark.parametrize(
    ("data_plane", "days", "locked", "protected", "why"),
    [
        (True, 35, True, True, ""),
        (True, 36, True, True, ""),
        (True, 34, True, False, "35 are promised"),
        (True, 35, False, False, "not locked"),
        (True, 0, False, False, "no retention policy"),
        (False, 35, True, False, "no retention policy"),  # the planes contradict each other
    ],
)
async def test_a_lock_counts_where_both_planes_tell_of_it(
    data_plane: bool, days: int, locked: bool, protected: bool, why: str
) -> None:
    azurite, container = shared_azurite(), fresh("vault")
    async with AsyncExitStack() as stack:
        plane = await stack.enter_async_context(ManagementPlane())
        plane.add(container, days, locked=locked)
        roles = [Role("inspect", read=("*",)), Role("setup", manage=("*",))]
        policies = [LockedPolicy(container, 35)] if data_plane else []
        config = GatewayConfig(azurite.endpoints.blob, {"vault": azurite.keys["vault"]}, roles, policies)
        gateway = await stack.enter_async_context(Gateway(config))
        text = {role: azurite.connection_string("vault", blob_url=gateway.urls[role]) for role in gateway.urls}
        async with BlobServiceClient.from_connection_string(text["setup"]) as setup:
            await setup.create_container(container)
        control = ArmVaultControl.open(RESOURCE_ID, LoopbackToken(), plane.url)
        stack.push_async_callback(control.close)
        inspector = AzureInspector.from_connection_string(text["inspect"], control, {container: 35})
        stack.push_async_callback(inspector.close)
        found = (await inspector.protections([container]))[container]
        assert found.locked is protected
        assert why in found.why
        assert found.concerns == ()
        plane.actions = {"containers/read"}  # the account can't be read: nothing is concluded
        if data_plane:
            with pytest.raises(StorageDenied):
                await inspector.protections([container])


@pytest.mark.azurite
async def test_a_container_of_which_nobody_said_how_long_it_keeps_its_blobs_is_not_protected() -> None:
    azurite, container = shared_azurite(), fresh("vault")
    policies = [LockedPolicy(container, 35)]
    config = GatewayConfig(
        azurite.endpoints.blob,
        {"vault": azurite.keys["vault"]},
        [Role("setup", read=("*",), manage=("*",))],
        policies,
    )
    async with ManagementPlane() as plane, Gateway(config) as gateway:
        text = azurite.connection_string("vault", blob_url=gateway.urls["setup"])
        async with BlobServiceClient.from_connection_string(text) as setup:
            await setup.create_container(container)
        control = ArmVaultControl.open(RESOURCE_ID, LoopbackToken(), plane.url)
        inspector = AzureInspector.from_connection_string(text, control, {})
        found = (await inspector.protections([container]))[container]
        await inspector.close()
        await control.close()
    assert not found.locked
    assert "how long" in found.why

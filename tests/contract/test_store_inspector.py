"""The `StoreInspector` contract: only a lock that was seen counts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest
from azure.storage.blob.aio import BlobServiceClient

from shared.adapters.blob import CLIENT_OPTIONS
from shared.adapters.inspect import NO_POLICY, AzureInspector, EmulatorInspector
from shared.adapters.management import ArmVaultControl, LoopbackToken
from shared.domain.errors import StorageDenied, StorageDown
from shared.domain.ports import StoreInspector
from tests.contract.suite import AZURE, Suite, azure_account
from tests.localrun.arm import RESOURCE_ID, ManagementPlane
from tests.localrun.gateway import Gateway, GatewayConfig
from tests.localrun.shared import fresh, shared_azurite
from tests.localrun.worm import Role

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


@asynccontextmanager
async def looking(
    days: Mapping[str, int], containers: Sequence[str]
) -> AsyncIterator[tuple[AzureInspector, Gateway]]:
    """An inspector that looks at both planes of a gateway, and containers made there."""
    azurite = shared_azurite()
    roles = [Role("inspect", read=("*",)), Role("setup", manage=("*",))]
    async with AsyncExitStack() as stack:
        config = GatewayConfig(azurite.endpoints.blob, {"vault": azurite.keys["vault"]}, roles)
        gateway = await stack.enter_async_context(Gateway(config))
        text = {role: azurite.connection_string("vault", blob_url=gateway.urls[role]) for role in gateway.urls}
        async with BlobServiceClient.from_connection_string(text["setup"]) as setup:
            for name in containers:
                await setup.create_container(name)
        control = ArmVaultControl.open(RESOURCE_ID, LoopbackToken(), gateway.plane.url)
        stack.push_async_callback(control.close)
        inspector = AzureInspector.from_connection_string(text["inspect"], control, days)
        stack.push_async_callback(inspector.close)
        yield inspector, gateway


@pytest.mark.azurite
@pytest.mark.parametrize(
    ("days", "locked", "protected", "why"),
    [
        (35, True, True, ""),
        (36, True, True, ""),
        (34, True, False, "35 are promised"),
        (35, False, False, "not locked"),
        (0, False, False, "no retention policy"),
    ],
)
async def test_a_lock_counts_where_both_planes_tell_of_it(
    days: int, locked: bool, protected: bool, why: str
) -> None:
    container = fresh("vault")
    async with looking({container: 35}, [container]) as (inspector, gateway):
        gateway.plane.add(container, days, locked=locked)
        found = (await inspector.protections([container]))[container]
        assert found.locked is protected
        assert why in found.why
        assert found.concerns == ()
        gateway.plane.actions = {"containers/read"}  # the account can't be read: nothing is concluded
        if days:
            with pytest.raises(StorageDenied):
                await inspector.protections([container])


@pytest.mark.azurite
async def test_where_the_planes_contradict_each_other_nothing_is_protected() -> None:
    container = fresh("vault")
    async with looking({container: 35}, [container]) as (inspector, gateway), ManagementPlane() as other:
        other.add(container, 35, locked=True)
        control = ArmVaultControl.open(RESOURCE_ID, LoopbackToken(), other.url)
        contradicting = AzureInspector(inspector._client, control, {container: 35})
        found = (await contradicting.protections([container]))[container]
        await control.close()
        assert found == NO_POLICY
        gateway.plane.add(container, 35, locked=True)
        other.add(container)
        found = (await inspector.protections([container]))[container]
        assert found.locked


@pytest.mark.azurite
async def test_in_one_look_the_account_is_read_once_and_its_concerns_are_told() -> None:
    names = [fresh("vault"), fresh("evidence"), fresh("chain")]
    async with looking(dict.fromkeys(names, 35), names) as (inspector, gateway):
        for name in names:
            gateway.plane.add(name, 42, locked=True)
        gateway.plane.account["properties"]["secondaryLocation"] = "UK West"
        delete = {"actions": {"baseBlob": {"delete": {"daysAfterCreationGreaterThan": 10}}}}
        gateway.plane.lifecycle = [{"name": "early", "enabled": True, "type": "Lifecycle", "definition": delete}]
        found = await inspector.protections(names)
        assert list(found) == names
        for one in found.values():
            assert one.locked
            assert one.concerns == (
                "lifecycle rule early deletes after 10 days, 35 are promised",
                "the secondary location ukwest is not in the EU",
            )
        assert [path for _, path in gateway.plane.log].count("") == 1


@pytest.mark.azurite
async def test_a_container_of_which_nobody_said_how_long_it_keeps_its_blobs_is_not_protected() -> None:
    container = fresh("vault")
    async with looking({}, [container]) as (inspector, gateway):
        gateway.plane.add(container, 35, locked=True)
        found = (await inspector.protections([container]))[container]
    assert not found.locked
    assert "how long" in found.why

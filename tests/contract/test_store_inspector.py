"""The `StoreInspector` contract: only a lock that was seen counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from azure.storage.blob.aio import BlobServiceClient

from shared.adapters.blob import CLIENT_OPTIONS
from shared.adapters.inspect import AzureInspector, EmulatorInspector
from shared.domain.errors import StorageDown
from shared.domain.ports import StoreInspector
from tests.contract.suite import AZURE, Suite, azure_account
from tests.localrun.shared import fresh, shared_azurite

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
    protection = await case.inspector.protection(case.container)
    assert not protection.locked
    assert protection.why


async def test_it_says_the_same_again(case: Case) -> None:
    first = await case.inspector.protection(case.container)
    assert await case.inspector.protection(case.container) == first


async def test_an_account_that_is_away_is_an_error_and_not_an_answer() -> None:
    text = "AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:9/a"
    options = {**CLIENT_OPTIONS, "retry_total": 0}
    inspector = AzureInspector(BlobServiceClient.from_connection_string(text, **options))
    try:
        with pytest.raises(StorageDown):
            await inspector.protection("vault-35d")
    finally:
        await inspector.close()

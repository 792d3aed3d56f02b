"""The `WorkQueue` contract, on memory, Azurite, and (opt-in, `suite.py`) a queue in Azure, seen from the receiving
end.
"""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import pytest
from azure.storage.queue.aio import QueueClient

from shared.adapters.memory import ManualClock, MemoryQueue
from shared.adapters.queue import AzureQueue
from shared.domain.errors import StorageDenied, StorageDown, Unusable
from shared.domain.ports import WorkQueue
from tests.contract.suite import AZURE, Suite, azure_account
from tests.localrun.shared import fresh, shared_azurite

SUITE = Suite(WorkQueue, {"memory": MemoryQueue, "azurite": AzureQueue, AZURE: AzureQueue})


class Receiver(Protocol):
    async def receive(self) -> list[str]:
        """Bodies of all messages that are visible now."""
        ...

    async def wait(self, seconds: float) -> None: ...


@dataclass
class MemoryReceiver:
    queue: MemoryQueue
    clock: ManualClock

    async def receive(self) -> list[str]:
        return [message.body for message in self.queue.receive(limit=32)]

    async def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)


@dataclass
class AzuriteReceiver:
    client: QueueClient

    async def receive(self) -> list[str]:
        return [
            base64.b64decode(message.content, validate=True).decode("utf-8")
            async for message in self.client.receive_messages(visibility_timeout=30)
        ]

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass
class Case:
    queue: WorkQueue
    receiver: Receiver


@pytest.fixture(params=SUITE.params())
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    if request.param == "memory":
        clock = ManualClock()
        queue = MemoryQueue("export", clock)
        yield Case(SUITE.made("memory", queue), MemoryReceiver(queue, clock))
        return
    if request.param == AZURE:
        from azure.identity.aio import DefaultAzureCredential

        account, prefix = azure_account("queue")
        name = f"{prefix[:40]}-{uuid.uuid4().hex[:16]}"
        async with (
            DefaultAzureCredential() as credential,
            QueueClient(account, name, credential=credential) as client,
        ):
            await client.create_queue()
            real = AzureQueue.from_account(account, name, credential)
            try:
                yield Case(SUITE.made(AZURE, real), AzuriteReceiver(client))
            finally:
                await real.close()
                await client.delete_queue()
        return
    text, name = shared_azurite().connection_string("backupstate"), fresh("export")
    store = AzureQueue.from_connection_string(text, name)
    async with QueueClient.from_connection_string(text, name) as client:
        await client.create_queue()
        yield Case(SUITE.made("azurite", store), AzuriteReceiver(client))
    await store.close()


@pytest.mark.parametrize("body", ['{"a":1}', "{}", '{"a":"é\\u2028<>&]]>\\u0000"}', ' "x" ', "日本"], ids=ascii)
async def test_a_message_arrives_as_it_was_sent(case: Case, body: str) -> None:
    await case.queue.send(body)
    assert await case.receiver.receive() == [body]
    assert await case.receiver.receive() == []


async def test_every_message_arrives(case: Case) -> None:
    bodies = [json.dumps({"n": number}) for number in range(20)]
    await asyncio.gather(*(case.queue.send(body) for body in bodies))
    assert sorted(await case.receiver.receive()) == sorted(bodies)


async def test_a_delayed_message_is_not_there_before_its_time(case: Case) -> None:
    await case.queue.send("later", delay=2.0)
    await case.queue.send("much later", delay=7 * 24 * 3600.0)
    assert await case.receiver.receive() == []
    await case.receiver.wait(2.5)
    assert await case.receiver.receive() == ["later"]


async def test_the_longest_message_arrives_and_a_longer_one_is_refused(case: Case) -> None:
    body = "é" * (24 * 1024)
    await case.queue.send(body)
    assert await case.receiver.receive() == [body]
    for longer in (body + "x", "x" * (48 * 1024 + 1)):
        with pytest.raises(Unusable, match="49152 bytes"):
            await case.queue.send(longer)
    assert await case.receiver.receive() == []


async def test_what_no_queue_can_take_is_refused(case: Case) -> None:
    with pytest.raises(Unusable):
        await case.queue.send("\ud800")
    for delay in (-1.0, 7 * 24 * 3600.0 + 1):
        with pytest.raises(Unusable):
            await case.queue.send("{}", delay=delay)
    assert await case.receiver.receive() == []


# --- one implementation only -----------------------------------------------------------------------------


@pytest.mark.azurite
async def test_a_message_never_expires() -> None:
    text, name = shared_azurite().connection_string("backupstate"), fresh("export")
    queue = AzureQueue.from_connection_string(text, name)
    async with QueueClient.from_connection_string(text, name) as client:
        await client.create_queue()
        await queue.send("{}")
        message = await client.receive_message()
    await queue.close()
    assert message is not None
    assert message.expires_on.year == 9999


@pytest.mark.azurite
async def test_a_queue_that_is_not_there_is_denied() -> None:
    queue = AzureQueue.from_connection_string(shared_azurite().connection_string("backupstate"), fresh("none"))
    try:
        with pytest.raises(StorageDenied, match="QueueNotFound"):
            await queue.send("{}")
    finally:
        await queue.close()


async def test_nobody_listening_is_down() -> None:
    text = "AccountName=a;AccountKey=a2V5;QueueEndpoint=http://127.0.0.1:9/a"
    queue = AzureQueue(QueueClient.from_connection_string(text, "export", retry_total=0))
    try:
        with pytest.raises(StorageDown):
            await queue.send("{}")
    finally:
        await queue.close()


async def test_the_queue_in_memory_delivers_at_least_once_as_the_service_does() -> None:
    clock = ManualClock()
    queue = MemoryQueue("export", clock)
    await queue.send("a")
    (first,) = queue.receive(visibility=10)
    assert first.dequeue_count == 1
    assert queue.receive() == []
    assert queue.next_visible == 10
    clock.advance(10)
    (second,) = queue.receive(visibility=10)
    assert (second.id, second.dequeue_count) == (first.id, 2)
    assert queue.delete(first) is False, "a stale receipt deletes nothing"
    assert queue.hide(first, 0) is False
    assert queue.hide(second, 0) is True
    (third,) = queue.receive()
    assert third.dequeue_count == 3
    assert queue.delete(third) is True
    assert queue.next_visible is None
    queue.repeat(third)
    assert [message.body for message in queue.receive()] == ["a"]
    assert queue.bodies == ["a"]

"""One queue trigger, as the platform's storage queue listener treats its messages.

Owns: polling, hiding, renewing, deleting, giving back and putting aside messages. What must stay true:

* a message is deleted only after its function returned without error; a host that dies leaves it to reappear;
* a function that failed is tried again after host.json's `visibilityTimeout`; the try number `maxDequeueCount`
  moves the message to `<queue>-poison`, and so does a message that dies with its host too often, before it is
  tried once more;
* a `-poison` queue has no poison queue of its own: what fails there stays hidden for a while and is tried again,
  and after `maxDequeueCount` it only stays;
* a message that can't be decoded goes to the poison queue untried;
* the receipt used for deleting is the newest: renewing is finished before anything else is done with the message.

Hiding is for 2 s, renewed, in place of the platform's 10 minutes, so that a killed host's messages come back soon;
this runs on real time, because the storage does. (Source of the behaviour: the queue extension of
Azure/azure-sdk-for-net, `QueueProcessor` and `QueueListener`; "Azure Queue storage trigger", learn.microsoft.com.)
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from tests.localrun.host_app import HostConfig, QueueSpec
from tests.localrun.host_log import EventLog
from tests.localrun.host_worker import FunctionWorker, new_invocation

POISON = "-poison"
_FIRST_POLL = 0.1
_SLOWEST_POLL = 0.25  # the platform allows 0.1 s; this spares two cores, and any work done here wakes us


@dataclass(frozen=True, slots=True)
class QueueTiming:
    """Real seconds: how long a taken message is hidden, and how often that is renewed."""

    hidden: int = 2
    renew_every: float = 0.7


class QueueListener:
    """Polls one queue and runs its function; `run` until `stop` is set, then `drain`."""

    def __init__(
        self,
        spec: QueueSpec,
        queue: QueueClient,
        poison: QueueClient | None,
        config: HostConfig,
        worker: FunctionWorker,
        log: EventLog,
        *,
        timing: QueueTiming,
        clock_factor: float,
        finished: Callable[[], None],
    ) -> None:
        self.spec = spec
        self._queue = queue
        self._poison = poison
        self._config = config
        self._worker = worker
        self._log = log
        self._timing = timing
        self._factor = clock_factor
        self._finished = finished
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()
        self._parked: set[str] = set()

    @property
    def in_flight(self) -> int:
        return len(self._working)

    def wake(self) -> None:
        """Look soon: something has just been done that may have put a message here."""
        self._wake.set()

    def stop(self) -> None:
        """Take no more messages."""
        self._stop.set()
        self._wake.set()

    async def pending(self) -> int:
        """Messages in the queue, hidden ones too, but not those that stay for ever."""
        properties = await self._queue.get_queue_properties()
        return max(0, int(properties.approximate_message_count or 0) - len(self._parked))

    async def run(self) -> None:
        slowest = max(_SLOWEST_POLL, self._config.max_polling_interval.total_seconds() / self._factor)
        slowest = min(slowest, 1.0)
        delay = _FIRST_POLL
        while not self._stop.is_set():
            self._wake.clear()
            if len(self._working) > self._config.new_batch_threshold:
                await asyncio.wait(self._working, return_when=asyncio.FIRST_COMPLETED)
                continue
            try:
                messages = await self._receive()
            except AzureError as error:
                self._log.failure("pollFailed", error, function=self.spec.name, queue=self.spec.queue)
                messages = []
            for message in messages:
                task = asyncio.create_task(self._work(message))
                self._working.add(task)
                task.add_done_callback(self._done)
            if messages:
                delay = _FIRST_POLL
                continue
            try:
                async with asyncio.timeout(delay):
                    await self._wake.wait()
                delay = _FIRST_POLL
            except TimeoutError:
                delay = min(delay * 2, slowest)

    async def drain(self) -> None:
        """Wait for what is in work."""
        while self._working:
            await asyncio.wait(self._working)

    def abandon(self) -> None:
        """Let go of what is in work, as a process that ends does: the messages reappear."""
        for task in self._working:
            task.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        self._finished()
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error  # a bug of this host: the loop's exception handler reports it

    async def _receive(self) -> list[QueueMessage]:
        pages = self._queue.receive_messages(
            messages_per_page=self._config.batch_size, visibility_timeout=self._timing.hidden
        ).by_page()
        async for page in pages:
            return [message async for message in page]
        return []

    async def _work(self, message: QueueMessage) -> None:
        facts = {
            "function": self.spec.name,
            "queue": self.spec.queue,
            "messageId": message.id,
            "dequeueCount": _tries(message),
        }
        try:
            if _tries(message) > self._config.max_dequeue_count:
                # It was never given back: its host died each time, or it sits in a poison queue.
                await self._put_aside(message, message.pop_receipt, facts, why="dequeueCount")
                return
            body = self._decode(message)
            if body is None:
                await self._put_aside(message, message.pop_receipt, facts, why="undecodable")
                return
            await self._invoke(message, body, facts)
        except AzureError as error:
            # The message is still in the queue and will be seen again.
            self._log.failure("storageFailed", error, **facts)

    async def _invoke(self, message: QueueMessage, body: bytes, facts: dict[str, Any]) -> None:
        invocation = new_invocation()
        self._log.write("invocationStart", invocation=invocation, **facts)
        started = time.monotonic()
        hold = _Hold(self._queue, message, self._timing)
        failure: Exception | None = None
        try:
            await self._worker.run_queue(self.spec, message, body, invocation)
        except Exception as error:  # noqa: BLE001  whatever the function raises is its failure, reported below
            failure = error
        finally:
            receipt = await hold.end()
        ended = {"invocation": invocation, **facts, "ok": failure is None}
        ended["ms"] = round((time.monotonic() - started) * 1000, 1)
        if failure is None:
            self._log.write("invocationEnd", **ended)
        else:
            self._log.failure("invocationEnd", failure, **ended)
        if hold.lost is not None:
            self._log.failure("messageLost", hold.lost, **facts)
        await self._settle(message, receipt, facts, ok=failure is None)

    async def _settle(self, message: QueueMessage, receipt: str, facts: dict[str, Any], *, ok: bool) -> None:
        try:
            if ok:
                await self._queue.delete_message(message.id, receipt)
            elif self._poison is None:
                self._log.write("leftHidden", **facts)
            elif _tries(message) >= self._config.max_dequeue_count:
                await self._put_aside(message, receipt, facts, why="failed")
            else:
                delay = math.ceil(self._config.visibility_timeout.total_seconds() / self._factor)
                await self._queue.update_message(message.id, receipt, visibility_timeout=delay)
                self._log.write("givenBack", **facts, delay=delay)
        except HttpResponseError as error:
            if not _not_ours(error):
                raise
            self._log.failure("messageLost", error, **facts)

    async def _put_aside(
        self, message: QueueMessage, receipt: str | None, facts: dict[str, Any], *, why: str
    ) -> None:
        if self._poison is None:
            # The platform leaves it hidden, to come back and be left again until it expires.
            if message.id not in self._parked:
                self._parked.add(message.id)
                self._log.write("parked", **facts, why=why)
            return
        try:
            await self._poison.send_message(message.content)
        except ResourceNotFoundError:
            await self._poison.create_queue()
            await self._poison.send_message(message.content)
        await self._queue.delete_message(message.id, receipt)
        self._log.write("poisoned", **facts, why=why)

    def _decode(self, message: QueueMessage) -> bytes | None:
        content: str = message.content
        if not self._config.base64:
            return content.encode()
        try:
            return base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError):
            return None


class _Hold:
    """Keeps one message hidden while its function runs; `end` gives the newest receipt."""

    def __init__(self, queue: QueueClient, message: QueueMessage, timing: QueueTiming) -> None:
        assert message.pop_receipt is not None
        self.lost: HttpResponseError | None = None
        self._queue = queue
        self._id = message.id
        self._receipt: str = message.pop_receipt
        self._timing = timing
        self._ended = asyncio.Event()
        self._task = asyncio.create_task(self._renew())

    async def end(self) -> str:
        # Never cancelled: a renewal under way changes the receipt, and we would not know the new one.
        self._ended.set()
        await asyncio.shield(self._task)
        return self._receipt

    async def _renew(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._timing.renew_every):
                    await self._ended.wait()
                return
            except TimeoutError:
                pass  # the function still runs
            try:
                updated = await self._queue.update_message(
                    self._id, self._receipt, visibility_timeout=self._timing.hidden
                )
            except HttpResponseError as error:
                if _not_ours(error):
                    # It became visible and somebody else has it. The function goes on, as on the platform.
                    self.lost = error
                    return
                continue
            except AzureError:
                continue  # unreachable for the moment; the next try may still be in time
            assert updated.pop_receipt is not None
            self._receipt = updated.pop_receipt


def _not_ours(error: HttpResponseError) -> bool:
    """The message is gone, or another receipt is valid now."""
    return error.status_code == 404 or getattr(error, "error_code", None) == "PopReceiptMismatch"


def _tries(message: QueueMessage) -> int:
    """How often the message has been taken, this time included."""
    assert message.dequeue_count is not None
    return message.dequeue_count

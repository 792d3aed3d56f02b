"""The language worker's part: runs the app's functions apart from the host's own loop.

Owns: what the host asks of a worker, and our own one: a thread with an event loop for all asynchronous functions,
and a thread pool for the others, as in the platform's Python worker (which `host_platform` runs itself). What must
stay true: a function that blocks its loop doesn't stop the host from renewing messages; a function's failure,
whatever it raises, is an error of that invocation only.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import azure.functions as func
from azure.functions.queue import QueueMessage as TriggerMessage
from azure.functions.timer import TimerRequest
from azure.storage.queue import QueueMessage

from tests.localrun.host_app import QueueSpec, Registered, TimerSpec, registered


class FunctionMisbehaved(RuntimeError):
    """The function did what the platform's worker would not accept."""


@dataclass(frozen=True, slots=True)
class TimerFacts:
    """What the platform tells a timer's function."""

    past_due: bool
    schedule_status: Mapping[str, str]  # Last, Next, LastUpdated

    @property
    def schedule(self) -> dict[str, Any]:
        return {"AdjustForDST": True}


class FunctionWorker(Protocol):
    """Announces an app's functions and runs them; `start` before the first, `close` after the last."""

    kind: str

    def functions(self) -> Sequence[Registered]: ...

    def start(self) -> None: ...

    async def run_queue(self, spec: QueueSpec, message: QueueMessage, body: bytes, invocation: str) -> None:
        """To its end; raises how it failed."""

    async def run_timer(self, spec: TimerSpec, facts: TimerFacts, invocation: str) -> None:
        """To its end; raises how it failed."""

    async def close(self) -> None: ...


class FunctionLoop:
    """A thread with an event loop of its own, for functions."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="functions", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def close(self) -> None:
        """End the loop; what functions left running on it is cancelled."""

        async def finish() -> None:
            left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            await asyncio.get_running_loop().shutdown_asyncgens()

        await asyncio.wrap_future(self.submit(finish()))
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()


class InvocationContext(func.Context):
    """What a function gets if it asks for a `context`."""

    def __init__(self, name: str, invocation: str, folder: Path) -> None:
        self._name = name
        self._invocation = invocation
        self._folder = folder
        self._local = threading.local()

    @property
    def invocation_id(self) -> str:
        return self._invocation

    @property
    def thread_local_storage(self) -> Any:
        return self._local

    @property
    def function_name(self) -> str:
        return self._name

    @property
    def function_directory(self) -> str:
        return str(self._folder)

    @property
    def trace_context(self) -> Any:
        return None

    @property
    def retry_context(self) -> Any:
        return None


class Worker:
    """Ours: calls the functions of an app object."""

    kind = "local"

    def __init__(self, app: func.FunctionApp, folder: Path, threads: int) -> None:
        self._app = app
        self._folder = folder
        self._loop = FunctionLoop()
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="functions")

    def functions(self) -> Sequence[Registered]:
        return registered(self._app)

    def start(self) -> None:
        self._loop.start()

    async def run_queue(self, spec: QueueSpec, message: QueueMessage, body: bytes, invocation: str) -> None:
        given = TriggerMessage(  # type: ignore[no-untyped-call]
            id=message.id,
            body=body,
            dequeue_count=message.dequeue_count,
            expiration_time=message.expires_on,
            insertion_time=message.inserted_on,
            time_next_visible=message.next_visible_on,
            pop_receipt=message.pop_receipt,
        )
        await self._invoke(spec, given, invocation)

    async def run_timer(self, spec: TimerSpec, facts: TimerFacts, invocation: str) -> None:
        given = TimerRequest(
            past_due=facts.past_due, schedule=facts.schedule, schedule_status=dict(facts.schedule_status)
        )
        await self._invoke(spec, given, invocation)

    async def _invoke(self, spec: QueueSpec | TimerSpec, trigger: Any, invocation: str) -> None:
        given = {spec.argument: trigger}
        if "context" in inspect.signature(spec.target).parameters and "context" not in given:
            given["context"] = InvocationContext(spec.name, invocation, self._folder)
        waiting: Future[Any]
        if inspect.iscoroutinefunction(spec.target):
            waiting = self._loop.submit(guarded(spec.target(**given)))
        else:
            waiting = self._pool.submit(_guard_call, spec.target, given)
        result = await asyncio.wrap_future(waiting)
        if result is not None:
            raise FunctionMisbehaved(f"{spec.name} returned a value but has no $return binding")

    async def close(self) -> None:
        await self._loop.close()
        self._pool.shutdown(wait=False)


def new_invocation() -> str:
    return str(uuid.uuid4())


async def guarded(work: Coroutine[Any, Any, Any]) -> Any:
    """Whatever it raises is a failure of that work, not the end of the loop or of the host's own task."""
    try:
        return await work
    except (SystemExit, KeyboardInterrupt) as error:
        # These would end the worker's loop instead of this invocation.
        raise FunctionMisbehaved(f"the function raised {type(error).__name__}") from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise  # the host is ending
        raise FunctionMisbehaved("the function raised CancelledError") from error


def _guard_call(call: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    try:
        return call(**given)
    except (SystemExit, KeyboardInterrupt, asyncio.CancelledError) as error:
        raise FunctionMisbehaved(f"the function raised {type(error).__name__}") from error

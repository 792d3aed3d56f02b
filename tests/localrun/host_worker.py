"""The language worker's part: runs the app's functions apart from the host's own loop.

Owns: one thread with an event loop for all asynchronous functions, and a thread pool for the others, as in the
platform's Python worker. What must stay true: a function that blocks its loop doesn't stop the host from renewing
messages; a function's failure, whatever it raises, is an error of that invocation only.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import azure.functions as func


class FunctionMisbehaved(RuntimeError):
    """The function did what the platform's worker would not accept."""


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
    """Runs functions; `start` before the first, `close` after the last."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="functions", daemon=True)
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="functions")

    def start(self) -> None:
        self._thread.start()

    async def invoke(
        self, name: str, call: Callable[..., Any], arguments: Mapping[str, Any], invocation: str
    ) -> None:
        """Run one function to its end; raises what it raised."""
        given = dict(arguments)
        if "context" in inspect.signature(call).parameters and "context" not in given:
            given["context"] = InvocationContext(name, invocation, self._folder)
        waiting: Future[Any]
        if inspect.iscoroutinefunction(call):
            waiting = asyncio.run_coroutine_threadsafe(_guard_coroutine(call, given), self._loop)
        else:
            waiting = self._pool.submit(_guard_call, call, given)
        result = await asyncio.wrap_future(waiting)
        if result is not None:
            raise FunctionMisbehaved(f"{name} returned a value but has no $return binding")

    async def close(self) -> None:
        """End the loop; what functions left running on it is cancelled."""

        async def finish() -> None:
            left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            await asyncio.get_running_loop().shutdown_asyncgens()

        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(finish(), self._loop))
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()
        self._pool.shutdown(wait=False)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()


def new_invocation() -> str:
    return str(uuid.uuid4())


async def _guard_coroutine(call: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    try:
        return await call(**given)
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

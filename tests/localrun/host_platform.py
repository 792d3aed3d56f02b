"""The platform's own Python worker behind the local host.

Owns: the host's half of the conversation with `azure-functions-runtime`, the library that runs function apps in
Azure from Python 3.13 on: start, functions announced, functions loaded, invocations. What must stay true: the app
is indexed, triggers are decoded, functions are run and failures are worded by that library alone; only its public
coroutines are called, as the platform's proxy process does, in one event loop. The library takes its message
classes by injection, so that no gRPC is needed; a message class that isn't listed here is an error, not a guess.

One app per process: the library's state is global. It is not installed beside the tests but in an environment of
its own (`setup_platform`), which holds the app's requirements and nothing of the development tools.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

from azure.storage.queue import QueueMessage

from tests.localrun.host_app import QueueSpec, Registered, TimerSpec, UnusableApp
from tests.localrun.host_worker import FunctionLoop, FunctionMisbehaved, TimerFacts, guarded

_START_SECONDS = 60.0


class FunctionFailed(RuntimeError):
    """The worker reported a failed invocation; `kind` is the type of error that it names."""

    def __init__(self, message: str, stack_trace: str) -> None:
        super().__init__(f"{message}\n{stack_trace}")
        self.kind = message.partition(":")[0]


class _StatusResult(SimpleNamespace):
    Failure, Success, Cancelled = 0, 1, 2


class _BindingInfo(SimpleNamespace):
    undefined, out, inout = 0, 1, 2  # data type 0, direction 0 is `in`


class _Value:
    """One value of the kinds string, json, …, as the host sends it."""

    def __init__(self, kind: str, value: str) -> None:
        self._kind = kind
        setattr(self, kind, value)

    def WhichOneof(self, _: str) -> str:
        return self._kind


class _Parameter:
    """A trigger's value under its parameter's name."""

    def __init__(self, name: str, data: _Value) -> None:
        self.name = name
        self.data = data

    def WhichOneof(self, _: str) -> str:
        return "data"


def _messages() -> SimpleNamespace:
    plain = (
        "FunctionLoadResponse",
        "FunctionMetadataResponse",
        "InvocationResponse",
        "RpcException",
        "RpcFunctionMetadata",
        "WorkerInitResponse",
        "WorkerMetadata",
    )
    classes = {name: type(name, (SimpleNamespace,), {}) for name in plain}
    return SimpleNamespace(StatusResult=_StatusResult, BindingInfo=_BindingInfo, **classes)


class PlatformWorker:
    """Use `PlatformWorker.load`."""

    kind = "platform"

    def __init__(self, runtime: Any, loop: FunctionLoop, functions: Sequence[Registered]) -> None:
        self._runtime = runtime
        self._loop = loop
        self._functions = tuple(functions)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Start the worker and have it index the app; `UnusableApp` with the worker's words if it can't."""
        try:
            import azure_functions_runtime as runtime
        except ImportError as error:
            raise UnusableApp(
                f"{sys.executable} has no azure-functions-runtime: see tests.localrun.setup_platform"
            ) from error
        sys.path.insert(0, str(folder.resolve()))
        runtime.start_threadpool_executor()
        loop = FunctionLoop()
        loop.start()
        functions = loop.submit(_index(runtime, folder.resolve())).result(_START_SECONDS)
        return cls(runtime, loop, functions)

    def functions(self) -> Sequence[Registered]:
        return self._functions

    def start(self) -> None:
        """It has run since `load`: the platform learns the functions from a worker that is up."""

    async def run_queue(self, spec: QueueSpec, message: QueueMessage, body: bytes, invocation: str) -> None:
        metadata = {
            "Id": _Value("string", message.id),
            "PopReceipt": _Value("string", str(message.pop_receipt)),
            "DequeueCount": _Value("json", json.dumps(message.dequeue_count)),
            "InsertionTime": _time(message.inserted_on),
            "ExpirationTime": _time(message.expires_on),
            "NextVisibleTime": _time(message.next_visible_on),
        }
        # The queue extension hands the body on as text; what isn't UTF-8 arrives with replacement characters.
        given = _Value("string", body.decode("utf-8", "replace"))
        await self._invoke(spec, given, metadata, invocation)

    async def run_timer(self, spec: TimerSpec, facts: TimerFacts, invocation: str) -> None:
        told = {
            "Schedule": facts.schedule,
            "ScheduleStatus": dict(facts.schedule_status),
            "IsPastDue": facts.past_due,
        }
        await self._invoke(spec, _Value("json", json.dumps(told)), {}, invocation)

    async def close(self) -> None:
        await self._loop.close()
        await asyncio.to_thread(self._runtime.stop_threadpool_executor)

    async def _invoke(
        self, spec: QueueSpec | TimerSpec, trigger: _Value, metadata: Mapping[str, _Value], invocation: str
    ) -> None:
        asked = SimpleNamespace(
            invocation_id=invocation,
            function_id=spec.target,
            input_data=[_Parameter(spec.argument, trigger)],
            trigger_metadata=metadata,
            trace_context=SimpleNamespace(trace_parent="", trace_state="", attributes={}),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        request = _request(invocation_request=asked)
        answer = await asyncio.wrap_future(self._loop.submit(guarded(self._runtime.invocation_request(request))))
        if answer.invocation_id != invocation:
            raise FunctionMisbehaved(f"{spec.name}: the answer is to another invocation")
        if answer.result.status != _StatusResult.Success:
            raise FunctionFailed(answer.result.exception.message, answer.result.exception.stack_trace)


async def _index(runtime: Any, folder: Path) -> list[Registered]:
    started = await runtime.worker_init_request(
        _request(
            {"host": "127.0.0.1", "protos": _messages()},
            worker_init_request=SimpleNamespace(capabilities={}, function_app_directory=str(folder)),
        )
    )
    _check(started.result)
    announced = await runtime.functions_metadata_request(_request())
    _check(announced.result)
    if announced.function_metadata_results is None:
        # The worker leaves it at that where there is no function_app.py.
        raise UnusableApp(f"the worker found no app in {folder}")
    found = []
    for one in announced.function_metadata_results:
        loaded = await runtime.function_load_request(
            _request(function_load_request=SimpleNamespace(function_id=one.function_id))
        )
        _check(loaded.result)
        bindings = tuple(json.loads(binding) for binding in one.raw_bindings)
        found.append(Registered(one.name, bindings, one.function_id, retried=one.retry_options is not None))
    return found


def _check(result: Any) -> None:
    if result.status != _StatusResult.Success:
        raise UnusableApp(f"{result.exception.message}\n{result.exception.stack_trace}")


def _request(properties: Mapping[str, Any] | None = None, **asked: Any) -> SimpleNamespace:
    return SimpleNamespace(request=SimpleNamespace(**asked), properties=properties or {})


def _time(moment: datetime | None) -> _Value:
    assert moment is not None
    return _Value("json", json.dumps(moment.isoformat()))

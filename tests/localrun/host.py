"""The local Functions host: calls the functions that `function_app.py` registers, as the platform would.

Owns: start, idle and stop of one app. What must stay true: nothing in the app is bypassed (its own decorators and
blueprints say what runs); every queue message passes through the real queue service; a host killed at any moment
leaves messages that come back.

`python -m tests.localrun.host --app FOLDER` takes its environment as app settings and prints one JSON line when it
listens; with `--worker platform` the functions are run by the platform's own worker library. Not imitated:
scale-out, the host's leases, `functionTimeout`, identity-based connections, bindings other than queue and timer
triggers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import azure.functions as func
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue.aio import QueueServiceClient

from tests.localrun.children import watch_parent
from tests.localrun.host_app import (
    HostConfig,
    QueueSpec,
    TimerSpec,
    UnusableApp,
    load_app,
    load_host_json,
    read_functions,
    registered,
)
from tests.localrun.host_log import EventLog, log_to_stderr
from tests.localrun.host_platform import PlatformWorker
from tests.localrun.host_queues import POISON, QueueListener, QueueTiming
from tests.localrun.host_timers import TimerMemory, Timers
from tests.localrun.host_worker import FunctionWorker, Worker
from tests.localrun.ncrontab import RunClock


def _loaded_from(*packages: str) -> list[str]:
    """The folders that the app's own packages came from, where it has them."""
    found = (getattr(sys.modules.get(name), "__file__", None) for name in packages)
    return [str(Path(one).parent) for one in found if one]


class LocalHost:
    """One app, running: `async with LocalHost(app, settings) as host: await host.run_until_idle()`."""

    def __init__(
        self,
        app: func.FunctionApp | PlatformWorker,
        settings: Mapping[str, str],
        *,
        host_json: Mapping[str, Any] | None = None,
        folder: Path | None = None,
        log: Path | None = None,
        timing: QueueTiming | None = None,
        timers: bool = True,
        timer_memory: Path | None = None,
        grace: float = 10.0,
    ) -> None:
        self._config = HostConfig.read(host_json or {}, settings)
        self._worker: FunctionWorker
        if isinstance(app, PlatformWorker):
            self._worker = app
        else:
            threads = int(settings.get("PYTHON_THREADPOOL_THREAD_COUNT") or min(32, (os.cpu_count() or 1) + 4))
            self._worker = Worker(app, folder or Path.cwd(), threads)
        specs = read_functions(self._worker.functions(), settings)
        self._queue_specs = [spec for spec in specs if isinstance(spec, QueueSpec)]
        self._clock = RunClock.read(settings)
        self._log = EventLog(log)
        self._timers = Timers(
            [spec for spec in specs if isinstance(spec, TimerSpec)],
            self._worker,
            self._log,
            self._clock,
            TimerMemory(timer_memory),
            finished=self._wake_all,
        )
        self._timing = timing or QueueTiming()
        self._run_timers = timers
        self._grace = grace
        self._services: dict[str, QueueServiceClient] = {}
        self._listeners: list[QueueListener] = []
        self._loops: list[asyncio.Task[None]] = []
        self._started = False

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened so far, oldest first."""
        return self._log.events

    @property
    def functions(self) -> list[str]:
        return sorted([spec.name for spec in self._queue_specs] + self._timers.names)

    @property
    def in_flight(self) -> int:
        return self._timers.in_flight + sum(listener.in_flight for listener in self._listeners)

    async def start(self) -> None:
        self._worker.start()
        self._started = True
        for spec in self._queue_specs:
            self._listeners.append(await self._listener(spec))
        self._log.write(
            "hostStart",
            functions=self.functions,
            pid=os.getpid(),
            clockFactor=self._clock.factor,
            worker=self._worker.kind,
            python=platform.python_version(),
            code=_loaded_from("shared", "functions"),
        )
        for listener in self._listeners:
            self._loops.append(asyncio.create_task(listener.run(), name=f"poll {listener.spec.queue}"))
        if self._run_timers:
            self._loops += self._timers.loops()

    async def stop(self) -> bool:
        """Take no more messages and let running functions finish; gives False if the grace time was too short."""
        for listener in self._listeners:
            listener.stop()
        timers = self._loops[len(self._listeners) :]
        for task in timers:
            task.cancel()
        finished = True
        try:
            async with asyncio.timeout(self._grace):
                await asyncio.gather(*self._loops[: len(self._listeners)])
                for listener in self._listeners:
                    await listener.drain()
                await self._timers.drain()
        except TimeoutError:
            finished = False
            for listener in self._listeners:
                listener.abandon()
        await asyncio.gather(*self._loops, return_exceptions=True)
        for service in self._services.values():
            await service.close()
        if self._started and finished:
            await self._worker.close()
            self._started = False
        self._log.write("hostStop", finished=finished)
        self._log.close()
        return finished

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def fire(self, name: str) -> None:
        """Run a timer's function now and wait for it, as the platform's admin endpoint does."""
        await self._timers.fire(name)

    async def run_until_idle(self, *, settle: float = 0.3, seconds: float = 300.0) -> None:
        """Return when nothing is in work and every queue has been empty for `settle` seconds."""
        deadline = time.monotonic() + seconds
        idle_since, seen = 0.0, -1
        while True:
            before = len(self._log.events)
            waiting = {item.spec.queue: await item.pending() for item in self._listeners}
            now = time.monotonic()
            # Whatever ran while the queues were counted may have filled one that was counted as empty.
            quiet = not self.in_flight and not any(waiting.values()) and len(self._log.events) == before
            if not quiet or before != seen:
                idle_since, seen = now, before
            elif now - idle_since >= settle:
                return
            if now > deadline:
                raise TimeoutError(f"not idle after {seconds:g} s: {self.in_flight} in work, waiting: {waiting}")
            for task in self._loops:
                if task.done():
                    task.result()
            await asyncio.sleep(max(0.02, min(0.2, settle / 3)))

    async def _listener(self, spec: QueueSpec) -> QueueListener:
        service = self._services.get(spec.connection)
        if service is None:
            service = QueueServiceClient.from_connection_string(spec.connection)
            self._services[spec.connection] = service
        names = [spec.queue] if spec.queue.endswith(POISON) else [spec.queue, spec.queue + POISON]
        for name in names:
            try:
                await service.create_queue(name)
            except ResourceExistsError:
                continue  # as it should be after the first start
        return QueueListener(
            spec,
            service.get_queue_client(spec.queue),
            service.get_queue_client(names[1]) if len(names) > 1 else None,
            self._config,
            self._worker,
            self._log,
            timing=self._timing,
            clock_factor=self._clock.factor,
            finished=self._wake_all,
        )

    def _wake_all(self) -> None:
        for listener in self._listeners:
            listener.wake()


async def _serve(options: argparse.Namespace) -> bool:
    folder = Path(options.app)
    host = LocalHost(
        _load(options),
        os.environ,
        host_json=load_host_json(folder),
        folder=folder,
        log=options.log,
        timing=QueueTiming(options.visibility, options.renew),
        timers=not options.no_timers,
        timer_memory=options.timer_memory,
        grace=options.grace,
    )
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, done.set)
    try:
        await host.start()
        print(json.dumps({"ready": True, "functions": host.functions, "pid": os.getpid()}), flush=True)
        for name in options.fire:
            await host.fire(name)
        if options.idle_exit is None:
            await done.wait()
        else:
            idle = asyncio.create_task(host.run_until_idle(settle=options.idle_exit, seconds=float("inf")))
            asked = asyncio.create_task(done.wait())
            await asyncio.wait({idle, asked}, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            if idle.done():
                await idle
            else:
                idle.cancel()
    finally:
        finished = await host.stop()
    return finished


def _load(options: argparse.Namespace) -> func.FunctionApp | PlatformWorker:
    folder = Path(options.app)
    return PlatformWorker.load(folder) if options.worker == "platform" else load_app(folder)


def _describe(options: argparse.Namespace) -> str:
    app = _load(options)
    found = app.functions() if isinstance(app, PlatformWorker) else registered(app)
    return json.dumps(sorted((one.described() for one in found), key=lambda one: str(one["name"])), default=str)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tests.localrun.host", description="Local Functions host")
    parser.add_argument("--app", required=True, help="folder of function_app.py and host.json")
    parser.add_argument("--worker", choices=("local", "platform"), default="local", help="who runs the functions")
    parser.add_argument("--describe", action="store_true", help="print what the app registers, and end")
    parser.add_argument("--log", type=Path, help="append events to this file, one JSON document a line")
    parser.add_argument("--once", action="store_true", help="the same as --idle-exit 1")
    parser.add_argument("--idle-exit", type=float, help="end when all queues have been empty for so many seconds")
    parser.add_argument(
        "--fire", action="append", default=[], metavar="FUNCTION", help="run a timer's function first"
    )
    parser.add_argument("--no-timers", action="store_true", help="schedules don't fire")
    parser.add_argument("--timer-memory", type=Path, help="folder that remembers timers over a restart")
    parser.add_argument("--visibility", type=int, default=2, help="seconds for which a taken message is hidden")
    parser.add_argument("--renew", type=float, default=0.7, help="seconds between renewals of that")
    parser.add_argument("--grace", type=float, default=10.0, help="seconds for running functions when stopped")
    options = parser.parse_args(arguments)
    if options.once and options.idle_exit is None:
        options.idle_exit = 1.0
    watch_parent(grace=options.grace + 5)
    log_to_stderr()
    try:
        if options.describe:
            print(_describe(options), flush=True)
            return 0
        finished = asyncio.run(_serve(options))
    except UnusableApp as error:
        print(json.dumps({"ready": False, "error": str(error)}), flush=True)
        return 2
    if not finished:
        # A function that doesn't end would keep the process; its message comes back, as on the platform.
        sys.stderr.flush()
        os._exit(0)
    return 0


if __name__ == "__main__":
    sys.exit(main())

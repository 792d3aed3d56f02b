"""The timer triggers of one app.

Owns: when a timer's function runs, and what is remembered of it. What must stay true: runs of one timer never
overlap; a slot missed while the host was down is made good by one run that is told it is past due, however many
slots there were. The platform remembers in a blob of the host's storage account; here it is a folder, and without
one a host starts with no memory.

(Source of the behaviour: the timers extension of Azure/azure-webjobs-sdk-extensions, `TimerListener` and
`ScheduleMonitor`; "Timer trigger for Azure Functions", learn.microsoft.com.)
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from tests.localrun.host_app import TimerSpec, UnusableApp
from tests.localrun.host_log import EventLog
from tests.localrun.host_worker import FunctionWorker, TimerFacts, new_invocation
from tests.localrun.ncrontab import RunClock

_NEVER = "0001-01-01T00:00:00+00:00"


class TimerMemory:
    """When each timer last ran and runs next; kept in a folder if one is given."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: dict[str, dict[str, str]] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._known = {
                path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")
            }

    def status(self, spec: TimerSpec, now: datetime) -> dict[str, str]:
        """What is known; a timer never heard of is written down, so that its first slot can be missed, too."""
        if spec.name not in self._known:
            self._store(spec, _NEVER, now)
        return self._known[spec.name]

    def past_due(self, spec: TimerSpec, now: datetime) -> bool:
        # From the schedule as it is now: one that was changed meanwhile missed nothing.
        seen = datetime.fromisoformat(self.status(spec, now)["LastUpdated"])
        return spec.schedule.next_after(seen) < now

    def ran(self, spec: TimerSpec, now: datetime) -> None:
        self._store(spec, now.isoformat(), now)

    def _store(self, spec: TimerSpec, last: str, now: datetime) -> None:
        status = {
            "Last": last,
            "Next": spec.schedule.next_after(now).isoformat(),
            "LastUpdated": now.isoformat(),
        }
        self._known[spec.name] = status
        if self._folder is not None:
            written = self._folder / f"{spec.name}.new"
            written.write_text(json.dumps(status), encoding="utf-8")
            os.replace(written, self._folder / f"{spec.name}.json")


class Timers:
    """Runs timer functions on their schedules and on demand."""

    def __init__(
        self,
        specs: Iterable[TimerSpec],
        worker: FunctionWorker,
        log: EventLog,
        clock: RunClock,
        memory: TimerMemory,
        *,
        finished: Callable[[], None],
    ) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self._worker = worker
        self._log = log
        self._clock = clock
        self._memory = memory
        self._finished = finished
        self._firing: set[asyncio.Task[None]] = set()
        self._locks = {name: asyncio.Lock() for name in self._specs}

    @property
    def names(self) -> list[str]:
        return list(self._specs)

    @property
    def in_flight(self) -> int:
        return len(self._firing)

    def loops(self) -> list[asyncio.Task[None]]:
        """Start the schedules; cancelling them lets running functions go on."""
        return [asyncio.create_task(self._tick(one), name=f"timer {one.name}") for one in self._specs.values()]

    async def fire(self, name: str) -> None:
        """Run a timer's function now and wait for it, as the platform's admin endpoint does."""
        if name not in self._specs:
            raise UnusableApp(f"no timer function {name!r}; there are {sorted(self._specs)}")
        await self._fire(self._specs[name])

    async def drain(self) -> None:
        """Wait for what is in work."""
        while self._firing:
            await asyncio.wait(self._firing)

    async def _tick(self, spec: TimerSpec) -> None:
        """One timer: the next run is planned after the last has ended, so runs never overlap."""
        if self._memory.past_due(spec, self._clock.now()):
            await self._fire(spec, past_due=True)
        elif spec.run_on_startup:
            await self._fire(spec)
        due = spec.schedule.next_after(self._clock.now())
        while True:
            left = (due - self._clock.now()).total_seconds()
            if left > 0:
                await asyncio.sleep(self._clock.real_seconds(left))
                continue
            await self._fire(spec)
            due = spec.schedule.next_after(self._clock.now())

    async def _fire(self, spec: TimerSpec, *, past_due: bool = False) -> None:
        # A task of its own: when the host stops, the schedule is cancelled but a running function is waited for.
        task = asyncio.create_task(self._run(spec, past_due=past_due))
        self._firing.add(task)
        task.add_done_callback(self._firing.discard)
        await asyncio.shield(task)

    async def _run(self, spec: TimerSpec, *, past_due: bool) -> None:
        async with self._locks[spec.name]:
            invocation = new_invocation()
            given = TimerFacts(past_due, dict(self._memory.status(spec, self._clock.now())))
            facts = {"invocation": invocation, "function": spec.name, "pastDue": past_due}
            self._log.write("invocationStart", **facts)
            started = time.monotonic()
            failure: Exception | None = None
            try:
                await self._worker.run_timer(spec, given, invocation)
            except Exception as error:  # noqa: BLE001  the function's failure; the platform waits for the next slot
                failure = error
            ended = {**facts, "ok": failure is None, "ms": round((time.monotonic() - started) * 1000, 1)}
            if failure is None:
                self._log.write("invocationEnd", **ended)
            else:
                self._log.failure("invocationEnd", failure, **ended)
            self._memory.ran(spec, self._clock.now())
        self._finished()

"""The local Functions host on real Azurite queues: what happens to a message whatever its function does."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueServiceClient

from tests.localrun.children import ROOT, Child
from tests.localrun.host import LocalHost
from tests.localrun.host_app import UnusableApp
from tests.localrun.host_queues import QueueTiming
from tests.localrun.shared import fresh, shared_azurite, until

pytestmark = pytest.mark.azurite

QUICK = QueueTiming(hidden=1, renew_every=0.3)


class Queues:
    """The sender's side."""

    def __init__(self) -> None:
        self.connection = shared_azurite().connection_string("backupstate")
        self.service = QueueServiceClient.from_connection_string(self.connection)
        self.name = fresh("q")

    async def send(self, *bodies: str, queue: str | None = None, raw: bool = False) -> None:
        policy = None if raw else TextBase64EncodePolicy()
        client = self.service.get_queue_client(queue or self.name, message_encode_policy=policy)
        for body in bodies:
            await client.send_message(body)

    async def create(self) -> None:
        await self.service.create_queue(self.name)

    async def count(self, queue: str | None = None) -> int:
        properties = await self.service.get_queue_client(queue or self.name).get_queue_properties()
        return int(properties.approximate_message_count or 0)

    async def peek(self, queue: str) -> list[str]:
        return [message.content for message in await self.service.get_queue_client(queue).peek_messages(32)]

    def host(self, app: func.FunctionApp, queues: dict[str, Any] | None = None, **options: Any) -> LocalHost:
        settings = {"State": self.connection, **options.pop("settings", {})}
        given = {"visibilityTimeout": "00:00:00", "maxDequeueCount": 3, **(queues or {})}
        return LocalHost(app, settings, host_json={"extensions": {"queues": given}}, **{"timing": QUICK, **options})


@pytest.fixture
async def queues() -> AsyncIterator[Queues]:
    made = Queues()
    await made.create()
    async with made.service:
        yield made


def on(app: func.FunctionApp, queue: str, call: Callable[..., Any]) -> None:
    app.queue_trigger(arg_name="message", queue_name=queue, connection="State")(call)


def names(host: LocalHost, event: str) -> list[dict[str, Any]]:
    return [entry for entry in host.events if entry["event"] == event]


async def test_messages_reach_functions_once_and_are_deleted(queues: Queues) -> None:
    app = func.FunctionApp()
    seen: list[tuple[str, str]] = []
    other = fresh("q")
    kept: list[func.QueueMessage] = []

    async def one(message: func.QueueMessage) -> None:
        await asyncio.sleep(0)
        kept.append(message)
        seen.append(("async", message.get_body().decode()))

    def two(message: func.QueueMessage, context: func.Context) -> None:
        assert context.function_name == "two"
        assert context.invocation_id
        seen.append(("sync", message.get_body().decode()))

    on(app, queues.name, one)
    on(app, "%OTHER%", two)
    async with queues.host(app, settings={"OTHER": other}) as host:
        await queues.send(*[f"m{n} é" for n in range(20)])
        await queues.send("x", queue=other)
        await host.run_until_idle()
        assert await queues.count() == await queues.count(other) == 0
    assert Counter(seen) == Counter([("async", f"m{n} é") for n in range(20)] + [("sync", "x")])
    assert (kept[0].dequeue_count, bool(kept[0].id), bool(kept[0].pop_receipt)) == (1, True, True)
    assert kept[0].insertion_time < kept[0].time_next_visible < kept[0].expiration_time
    ends = names(host, "invocationEnd")
    assert len(ends) == 21
    assert all(entry["ok"] and entry["dequeueCount"] == 1 and entry["ms"] >= 0 for entry in ends)


async def test_a_failing_message_is_tried_and_then_put_aside_where_its_own_function_gets_it(queues: Queues) -> None:
    app = func.FunctionApp()
    tries: list[int | None] = []
    put_aside: list[str] = []

    def fails(message: func.QueueMessage) -> None:
        tries.append(message.dequeue_count)
        raise ValueError("no")

    def poison(message: func.QueueMessage) -> None:
        put_aside.append(message.get_body().decode())

    on(app, queues.name, fails)
    on(app, f"{queues.name}-poison", poison)
    async with queues.host(app) as host:
        await queues.send("bad")
        await host.run_until_idle()
    assert tries == [1, 2, 3]
    assert put_aside == ["bad"]
    assert [entry["error"] for entry in names(host, "invocationEnd") if not entry["ok"]] == ["ValueError"] * 3
    assert [entry["why"] for entry in names(host, "poisoned")] == ["failed"]


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError()])
@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_whatever_a_function_raises_is_a_failure_of_that_invocation(
    queues: Queues, error: BaseException, kind: str
) -> None:
    app = func.FunctionApp()
    tries: list[int | None] = []

    def sync_one(message: func.QueueMessage) -> None:
        tries.append(message.dequeue_count)
        if len(tries) == 1:
            raise error

    async def async_one(message: func.QueueMessage) -> None:
        sync_one(message)

    on(app, queues.name, async_one if kind == "async" else sync_one)
    async with queues.host(app) as host:
        await queues.send("x")
        await host.run_until_idle()
    assert tries == [1, 2]
    assert [entry["ok"] for entry in names(host, "invocationEnd")] == [False, True]


async def test_a_function_that_returns_a_value_fails_as_on_the_platform(queues: Queues) -> None:
    app = func.FunctionApp()

    def returns(message: func.QueueMessage) -> str:
        return "x"

    on(app, queues.name, returns)
    async with queues.host(app) as host:
        await queues.send("x")
        await host.run_until_idle()
        assert await queues.count(f"{queues.name}-poison") == 1


async def test_a_failed_message_waits_for_the_visibility_timeout_on_the_fast_clock(queues: Queues) -> None:
    app = func.FunctionApp()
    tries: list[int | None] = []

    def fails_once(message: func.QueueMessage) -> None:
        tries.append(message.dequeue_count)
        if len(tries) == 1:
            raise ValueError("no")

    on(app, queues.name, fails_once)
    fast = {"HOLDFAST_CLOCK_FACTOR": "30"}
    async with queues.host(app, {"visibilityTimeout": "00:01:00"}, settings=fast) as host:
        await queues.send("x")
        await host.run_until_idle()
    assert [entry["delay"] for entry in names(host, "givenBack")] == [2]
    assert tries == [1, 2]


@pytest.mark.parametrize("kind", ["async", "sync", "blocking"])
async def test_a_message_stays_hidden_as_long_as_its_function_runs(queues: Queues, kind: str) -> None:
    app = func.FunctionApp()
    started: list[int | None] = []

    async def slow(message: func.QueueMessage) -> None:
        started.append(message.dequeue_count)
        await asyncio.sleep(3)

    def slow_sync(message: func.QueueMessage) -> None:
        started.append(message.dequeue_count)
        time.sleep(3)

    async def blocking(message: func.QueueMessage) -> None:
        slow_sync(message)  # holds up the functions' loop, which must not hold up the host's

    on(app, queues.name, {"async": slow, "sync": slow_sync, "blocking": blocking}[kind])
    async with queues.host(app, timing=QueueTiming(hidden=2, renew_every=0.3)) as host:
        await queues.send("x")
        await host.run_until_idle()
    assert started == [1]
    assert [entry["event"] for entry in host.events if entry["event"] == "messageLost"] == []


async def test_a_message_that_somebody_else_took_over_is_not_an_error_of_the_host(queues: Queues) -> None:
    app = func.FunctionApp()

    async def slow(message: func.QueueMessage) -> None:
        await queues_of_the_function.get_queue_client(queues.name).clear_messages()
        await asyncio.sleep(0.7)

    queues_of_the_function = QueueServiceClient.from_connection_string(queues.connection)

    async def close(message: func.QueueMessage) -> None:
        await queues_of_the_function.close()

    ending = fresh("q")
    on(app, queues.name, slow)
    on(app, ending, close)
    async with queues.host(app) as host:
        await queues.send("x")
        await until(lambda: bool(names(host, "messageLost")))
        await queues.send("y", queue=ending)
        await host.run_until_idle()
    assert [entry["ok"] for entry in names(host, "invocationEnd")] == [True, True]


@pytest.mark.parametrize("content", ["not base64!", "<&>", "a"])
async def test_noise_goes_to_the_poison_queue_untried_and_unchanged(queues: Queues, content: str) -> None:
    app = func.FunctionApp()
    seen: list[str] = []

    def never(message: func.QueueMessage) -> None:
        seen.append("x")

    on(app, queues.name, never)
    async with queues.host(app) as host:
        await queues.send(content, raw=True)
        await host.run_until_idle()
    assert seen == []
    assert await queues.peek(f"{queues.name}-poison") == [content]
    assert [entry["why"] for entry in names(host, "poisoned")] == ["undecodable"]


async def test_a_message_of_48_kb_fits(queues: Queues) -> None:
    app = func.FunctionApp()
    sizes: list[int] = []

    def measure(message: func.QueueMessage) -> None:
        sizes.append(len(message.get_body()))

    on(app, queues.name, measure)
    async with queues.host(app) as host:
        await queues.send("x" * 49_152)
        await host.run_until_idle()
    assert sizes == [49_152]


async def test_a_failing_poison_function_neither_loops_nor_loses_the_message(queues: Queues) -> None:
    app = func.FunctionApp()
    queue = f"{queues.name}-poison"
    tries: list[int | None] = []

    def fails(message: func.QueueMessage) -> None:
        tries.append(message.dequeue_count)
        raise ValueError("no")

    on(app, queue, fails)
    async with queues.host(app, {"maxDequeueCount": 2}) as host:
        await queues.send("x", queue=queue)
        await host.run_until_idle()  # what only stays there doesn't count as work
    assert tries == [1, 2]
    assert await queues.count(queue) == 1
    assert [entry["event"] for entry in host.events if entry["event"] in ("leftHidden", "parked")] == [
        "leftHidden",
        "leftHidden",
        "parked",
    ]


async def test_parallelism_is_bounded_by_batch_size_and_threshold(queues: Queues) -> None:
    app = func.FunctionApp()
    running, most = 0, 0

    async def busy(message: func.QueueMessage) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1

    on(app, queues.name, busy)
    async with queues.host(app, {"batchSize": 3, "newBatchThreshold": 1}) as host:
        await queues.send(*["x"] * 20)
        await host.run_until_idle()
    assert 2 <= most <= 4

    most = 0
    async with queues.host(app, {"batchSize": 1, "newBatchThreshold": 0}) as host:
        await queues.send(*["x"] * 5)
        await host.run_until_idle()
    assert most == 1


async def test_idle_means_that_chains_of_messages_have_ended(queues: Queues) -> None:
    app = func.FunctionApp()
    done: list[int] = []
    second = fresh("q")

    async def step(message: func.QueueMessage) -> None:
        left = int(message.get_body())
        done.append(left)
        async with QueueServiceClient.from_connection_string(queues.connection) as service:
            if left:
                client = service.get_queue_client(
                    second if left % 2 else queues.name, message_encode_policy=TextBase64EncodePolicy()
                )
                await client.send_message(str(left - 1), visibility_timeout=1 if left == 3 else 0)

    on(app, queues.name, step)

    async def other(message: func.QueueMessage) -> None:
        await step(message)

    on(app, second, other)
    async with queues.host(app) as host:
        await queues.send("7")
        await host.run_until_idle(settle=0.1)
    assert done == [7, 6, 5, 4, 3, 2, 1, 0]


async def test_stopping_waits_for_running_functions(queues: Queues) -> None:
    app = func.FunctionApp()
    begun, done = threading.Event(), threading.Event()

    async def slow(message: func.QueueMessage) -> None:
        begun.set()
        await asyncio.sleep(0.5)
        done.set()

    on(app, queues.name, slow)
    async with queues.host(app) as host:
        await queues.send("x")
        await until(begun.is_set)
    assert done.is_set()
    assert await queues.count() == 0
    assert host.events[-1] == {**host.events[-1], "event": "hostStop", "finished": True}


async def test_timers_follow_the_fast_clock_and_never_overlap() -> None:
    app = func.FunctionApp()
    requests: list[func.TimerRequest] = []
    running, overlaps = 0, 0

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    def minute(timer: func.TimerRequest) -> None:
        nonlocal running, overlaps
        running += 1
        overlaps += running > 1
        requests.append(timer)
        time.sleep(0.15)  # more than one slot
        running -= 1

    settings = {"HOLDFAST_CLOCK_FACTOR": "600"}
    async with LocalHost(app, settings) as host:
        await until(lambda: len(requests) >= 3)
        await host.fire("minute")
        with pytest.raises(UnusableApp, match="no timer function 'hour'"):
            await host.fire("hour")
    assert overlaps == 0
    assert requests[0].past_due is False
    assert len(names(host, "invocationEnd")) >= 4


async def test_a_timer_runs_at_start_only_if_asked_to_and_its_failure_ends_nothing() -> None:
    app = func.FunctionApp()
    ran: list[str] = []

    @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
    async def at_start(timer: func.TimerRequest) -> None:
        ran.append("at_start")
        raise ValueError("no")

    @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
    async def later(timer: func.TimerRequest) -> None:
        ran.append("later")

    async with LocalHost(app, {}) as host:
        await until(lambda: bool(names(host, "invocationEnd")))
        await host.run_until_idle(settle=0.1)
        assert ran == ["at_start"]
        await host.fire("later")
    assert ran == ["at_start", "later"]


async def test_slots_missed_while_the_host_was_down_are_made_good_by_one_run(tmp_path: Path) -> None:
    app = func.FunctionApp()
    requests: list[func.TimerRequest] = []

    @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 * *")
    def monthly(timer: func.TimerRequest) -> None:
        requests.append(timer)

    async def run() -> None:
        async with LocalHost(app, {}, timer_memory=tmp_path) as host:
            await host.run_until_idle(settle=0.1)

    (tmp_path / "other.json").write_text("{}")  # of an app that was here before
    await run()
    assert requests == []  # the first start missed nothing
    seen = json.loads((tmp_path / "monthly.json").read_text())
    (tmp_path / "monthly.json").write_text(json.dumps({**seen, "LastUpdated": "2020-01-01T00:00:00+00:00"}))
    await run()
    await run()
    assert [one.past_due for one in requests] == [True]


async def test_without_timers_nothing_fires() -> None:
    app = func.FunctionApp()
    ran: list[str] = []

    @app.timer_trigger(arg_name="timer", schedule="* * * * * *", run_on_startup=True)
    def at_start(timer: func.TimerRequest) -> None:
        ran.append("x")

    async with LocalHost(app, {"HOLDFAST_CLOCK_FACTOR": "1000"}, timers=False) as host:
        await host.run_until_idle(settle=0.3)
    assert ran == []


# -- as a program --------------------------------------------------------------------------------------------

APP = """
import asyncio, os, time
from pathlib import Path
import azure.functions as func

marks = Path(os.environ["MARKS"])
app = func.FunctionApp()

@app.queue_trigger(arg_name="message", queue_name="%QUEUE%", connection="State")
def work(message: func.QueueMessage) -> None:
    mark = f"{message.get_body().decode()}.{message.dequeue_count}"
    (marks / f"{mark}.begun").touch()
    for _ in range(int(os.environ.get("TENTHS", "0"))):
        time.sleep(0.1)
    (marks / f"{mark}.done").touch()

@app.timer_trigger(arg_name="timer", schedule="%SCHEDULE%")
async def nightly(timer: func.TimerRequest) -> None:
    (marks / "nightly").touch()
"""


class Program:
    """An app in a folder, run by `python -m tests.localrun.host`."""

    def __init__(self, folder: Path, queues: Queues) -> None:
        self.folder = folder
        (folder / "function_app.py").write_text(APP)
        queue = {"maxDequeueCount": 3, "visibilityTimeout": "00:00:00"}
        (folder / "host.json").write_text(json.dumps({"version": "2.0", "extensions": {"queues": queue}}))
        self.env = {
            **os.environ,
            "MARKS": str(folder),
            "QUEUE": queues.name,
            "State": queues.connection,
            "SCHEDULE": "0 0 0 1 1 *",
        }

    def marks(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} - {
            "function_app.py",
            "host.json",
            "log",
            "__pycache__",
        }

    def start(self, *options: str, **env: str) -> Child:
        argv = [
            sys.executable,
            "-m",
            "tests.localrun.host",
            "--app",
            str(self.folder),
            "--log",
            str(self.folder / "log"),
        ]
        child = Child(
            "host", [*argv, "--visibility", "1", "--renew", "0.3", *options], env={**self.env, **env}, cwd=ROOT
        )
        child.wait_for(lambda lines: any('"ready": true' in line for line in lines), seconds=60)
        return child

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]


@pytest.fixture
def program(tmp_path: Path, queues: Queues) -> Program:
    return Program(tmp_path, queues)


async def test_a_killed_host_s_message_comes_back(program: Program, queues: Queues) -> None:
    await queues.send("x")
    first = program.start(TENTHS="600")
    await until(lambda: "x.1.begun" in program.marks())
    await asyncio.to_thread(first.kill)
    assert program.events()[-1]["event"] == "invocationStart"  # the log is whole up to the kill
    second = await asyncio.to_thread(program.start, "--idle-exit", "0.3")
    assert await asyncio.to_thread(second.wait, 60) == 0
    assert program.marks() == {"x.1.begun", "x.2.begun", "x.2.done"}
    assert await queues.count() == 0


async def test_a_message_that_kills_its_host_again_and_again_is_put_aside(program: Program, queues: Queues) -> None:
    await queues.send("x")
    for number in (1, 2, 3):
        host = await asyncio.to_thread(program.start, TENTHS="600")
        await until(lambda number=number: f"x.{number}.begun" in program.marks())  # type: ignore[misc]
        await asyncio.to_thread(host.kill)
    last = await asyncio.to_thread(program.start, "--once")
    assert await asyncio.to_thread(last.wait, 60) == 0
    assert program.marks() == {"x.1.begun", "x.2.begun", "x.3.begun"}
    assert await queues.peek(f"{queues.name}-poison") == [base64.b64encode(b"x").decode()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_let_running_functions_finish(
    program: Program, queues: Queues, number: signal.Signals
) -> None:
    await queues.send("x")
    host = await asyncio.to_thread(program.start, TENTHS="5")
    await until(lambda: "x.1.begun" in program.marks())
    os.kill(host.pid, number)
    assert await asyncio.to_thread(host.wait, 60) == 0
    assert "x.1.done" in program.marks()
    assert program.events()[-1]["finished"] is True
    assert await queues.count() == 0


async def test_after_the_grace_time_the_message_is_left_to_come_back(program: Program, queues: Queues) -> None:
    await queues.send("x")
    host = await asyncio.to_thread(program.start, "--grace", "0.2", TENTHS="600")
    await until(lambda: "x.1.begun" in program.marks())
    assert await asyncio.to_thread(host.stop, 60) == 0
    assert program.events()[-1]["finished"] is False
    assert program.marks() == {"x.1.begun"}
    assert await queues.count() == 1


async def test_a_timer_can_be_fired_from_the_command_line(program: Program) -> None:
    host = await asyncio.to_thread(program.start, "--fire", "nightly", "--idle-exit", "0.1")
    assert await asyncio.to_thread(host.wait, 60) == 0
    assert program.marks() == {"nightly"}


def test_what_can_not_run_is_said_in_one_line(program: Program) -> None:
    argv = [sys.executable, "-m", "tests.localrun.host", "--app", str(program.folder)]
    env = {key: value for key, value in program.env.items() if key not in ("State", "SCHEDULE")}
    done = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    answer = json.loads(done.stdout)
    assert answer["ready"] is False
    assert "connection 'State': there is no app setting State" in answer["error"]
    assert "%SCHEDULE% is not among the app settings" in answer["error"]

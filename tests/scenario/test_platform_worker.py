"""Under the platform's own worker library, on Python 3.13: the same functions, the same story, the same failures.

What the local host claims of the worker is proved here: everything between "the host has a trigger" and "the host
has a result" is done by `azure-functions-runtime`, which runs function apps in Azure.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from shared.domain.queues import (
    BACKUP_REQUESTS,
    EVIDENCE_REQUESTS,
    EXPORT,
    JUDGED,
    QUEUES,
    RESTORE_CONTROL,
    RESTORE_REQUESTS,
    RESTORE_STEPS,
    RESTORE_VERIFY,
    SEAL,
    poison,
)
from shared.engines.restore_requests import step_message
from tests.localrun import setup_platform
from tests.localrun.children import ROOT, Child
from tests.localrun.setup_platform import NoPython
from tests.localrun.shared import fresh, shared_azurite
from tests.localrun.stack import HostProcess
from tests.localrun.world import World
from tests.reviewing import reviewed
from tests.scenario.outside import messages_in, post, rejection, row_of, said, until
from tests.scenario.test_story import EXPLAINED
from tests.unit.test_settings import LOCAL

Obj = dict[str, Any]
pytestmark = [pytest.mark.full, pytest.mark.azurite]

FACTOR = 60.0
_SCHEDULES = {
    "backup_timer": "%HOLDFAST_BACKUP_SCHEDULE%",
    "sweep_timer": "%HOLDFAST_SWEEP_SCHEDULE%",
    "evidence_timer": "%HOLDFAST_EVIDENCE_SCHEDULE%",
    "status_timer": "%HOLDFAST_STATUS_SCHEDULE%",
}


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of the worker's environment, made if need be."""
    try:
        return setup_platform.ready()
    except NoPython as reason:
        pytest.skip(str(reason))


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}


def _host(python: Path | str, app: Path, options: Sequence[str], env: Mapping[str, str]) -> tuple[int, str, str]:
    """A host run to its end."""
    done = subprocess.run(
        [str(python), "-m", "tests.localrun.host", "--app", str(app), *options],
        cwd=ROOT,
        env={**_clean(), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def _announced(python: Path | str, worker: str, **env: str) -> dict[str, Obj]:
    """The functions and their one binding each, as this worker announces them."""
    code, out, err = _host(python, ROOT, ["--worker", worker, "--describe"], {**LOCAL, **env})
    assert code == 0, err
    found = {one["name"]: one["bindings"] for one in json.loads(out)}
    assert all(len(bindings) == 1 for bindings in found.values())
    return {name: bindings[0] for name, bindings in found.items()}


# -- what is indexed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["backup", "restore", "all"])
def test_every_function_is_indexed_as_declared_and_as_the_local_host_sees_it(python: Path, role: str) -> None:
    found = _announced(python, "platform", HOLDFAST_ROLE=role)
    assert found == _announced(sys.executable, "local", HOLDFAST_ROLE=role)
    served = {(one["queueName"], one["connection"]) for one in found.values() if one["type"] == "queueTrigger"}
    own = [spec for spec in QUEUES if role in (spec.role, "all")]
    assert own
    assert served == {(name, one.connection) for one in own for name in (one.name, poison(one.name))}
    timers = {name: one["schedule"] for name, one in found.items() if one["type"] == "timerTrigger"}
    expected = ["status_timer"] if role == "restore" else list(_SCHEDULES)
    assert timers == {name: _SCHEDULES[name] for name in expected}
    assert len(found) == len(served) + len(timers)


def test_with_bad_settings_the_one_function_that_says_so_is_indexed_and_fails_with_them(
    python: Path, tmp_path: Path
) -> None:
    bad = {"HOLDFAST_ROLE": "backup", "HOLDFAST_REGION": "uksouth", "HOLDFAST_TENANT_ID": "nobody"}
    found = _announced(python, "platform", **bad)
    assert list(found) == ["settings_unusable"]
    assert (found["settings_unusable"]["type"], found["settings_unusable"]["runOnStartup"]) == (
        "timerTrigger",
        True,
    )
    options = ["--worker", "platform", "--log", str(tmp_path / "log"), "--fire", "settings_unusable", "--once"]
    code, _, err = _host(python, ROOT, [*options, "--no-timers"], {**LOCAL, **bad})
    assert code == 0, err
    [ended] = [one for one in _lines(tmp_path / "log") if one["event"] == "invocationEnd"]
    assert (ended["ok"], ended["error"]) == (False, "Unusable")
    alarms = [line for line in err.splitlines() if "settings.unusable" in line]
    assert any("uksouth" in line and "TENANT_ID" in line for line in alarms)


def test_an_app_that_can_not_be_imported_is_refused_in_the_worker_s_words(python: Path, tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    (tmp_path / "function_app.py").write_text("import a_module_that_nobody_has\n")
    code, out, _ = _host(python, tmp_path, ["--worker", "platform"], {})
    assert code == 2
    answer = json.loads(out)
    assert answer["ready"] is False
    assert "ModuleNotFoundError" in answer["error"]
    assert "a_module_that_nobody_has" in answer["error"]


# -- the story -----------------------------------------------------------------------------------------------


def test_the_whole_story_ends_the_same(python: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.localrun.demo", "--worker", "platform"]
    folder = tmp_path / "kept"
    ended = subprocess.run(
        [*command, "--users", "60", "--factor", "60", "--keep", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=400,
        check=False,
    )
    told = ended.stdout
    assert ended.returncode == 0, told[-4000:] + ended.stderr[-4000:]
    assert told.rstrip().splitlines()[-1].startswith("OK: the tenant equals the snapshot in every restorable")
    commands = [line.split()[2] for line in told.splitlines() if line.startswith("$ holdfast ")]
    assert commands == ["backup", "verify", "diff", "plan", "approve", "approve", "restore"]
    opinion = told.split("7. A second opinion")[1].split("━━")[0]
    found = re.search(r"(\d+) differences, as listed:", opinion)
    assert found is not None, opinion
    kinds = re.findall(r"^    (\d+) × (.+)$", opinion, re.MULTILINE)
    assert {kind for _, kind in kinds} <= EXPLAINED
    assert sum(int(number) for number, _ in kinds) == int(found[1])

    ran: dict[str, Counter[str]] = {}
    for role in ("backup", "restore"):
        [log] = (folder / "stack").glob(f"host-*-{role}.jsonl")
        events = _lines(log)
        assert events[0]["worker"] == "platform"
        assert events[0]["python"].startswith("3.13.")
        assert [one for one in events if one["event"] == "poisoned"] == []
        ran[role] = Counter(one["function"] for one in events if one["event"] == "invocationEnd" and one["ok"])
    queued = {"backup_request", "export_item", "seal", "restore_request", "restore_control", "restore_verify"}
    assert set(ran["backup"]) >= queued
    assert ran["backup"]["restore_control"] == 2  # both approvals
    assert set(ran["restore"]) - {"status_timer"} == {"restore_step"}


# -- failures and timers of the app itself -------------------------------------------------------------------


@pytest.fixture(scope="module")
def app(python: Path, world: World) -> HostProcess:
    """The backup app under the platform's worker, giving messages up after two tries; its sweeper ran once."""
    world.platform_python = python
    tries = {"AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "2"}
    return world.start_host("backup", "--fire", "sweep_timer", **tries)


def _ends(host: HostProcess, function: str) -> list[Obj]:
    return [one for one in host.events() if one["event"] == "invocationEnd" and one["function"] == function]


def test_a_message_that_fails_goes_to_its_poison_queue_whose_function_settles_it(
    world: World, app: HostProcess
) -> None:
    body = b'{"this": "is no work item"}'
    post(world, EXPORT, body)
    until(lambda: _ends(app, "export_poison"), "the poison function", seconds=60)
    assert [(one["ok"], one["error"], one["dequeueCount"]) for one in _ends(app, "export_item")] == [
        (False, "Unusable", 1),
        (False, "Unusable", 2),
    ]
    [aside] = [one for one in app.events() if one["event"] == "poisoned"]
    assert (aside["queue"], aside["why"]) == (EXPORT, "failed")
    assert [one["ok"] for one in _ends(app, "export_poison")] == [True]
    row = until(lambda: rejection(world, "backup", body), "the row of what was set aside")
    assert (row["queue"], row["length"].value) == (EXPORT, len(body))
    assert [one["queue"] for one in said(world, "backup", "message.poisoned")] == [EXPORT]
    until(lambda: not messages_in(world, EXPORT), "an empty queue")
    storage = world.stack.settings("backup")["BackupState"]
    with QueueClient.from_connection_string(storage, poison(EXPORT)) as aside_queue:
        until(lambda: not aside_queue.get_queue_properties().approximate_message_count, "an empty poison queue")


FUNCTIONS = {  # of each queue but `export`: who takes a message, and who takes what failed too often
    BACKUP_REQUESTS: ("backup_request", "backup_request_poison"),
    EVIDENCE_REQUESTS: ("evidence_request", "evidence_request_poison"),
    SEAL: ("seal", "seal_poison"),
    RESTORE_REQUESTS: ("restore_request", "restore_request_poison"),
    RESTORE_CONTROL: ("restore_control", "restore_control_poison"),
    RESTORE_VERIFY: ("restore_verify", "restore_verify_poison"),
    RESTORE_STEPS: ("restore_step", "restore_step_poison"),
}


@pytest.fixture(scope="module")
def restorer(python: Path, world: World, app: HostProcess) -> HostProcess:
    """The restore app beside it."""
    tries = {"AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "2"}
    return world.start_host("restore", **tries)


@pytest.mark.parametrize("queue", FUNCTIONS)
def test_what_no_function_can_read_ends_in_a_row_on_every_queue(
    world: World, app: HostProcess, restorer: HostProcess, queue: str
) -> None:
    assert set(FUNCTIONS) == {spec.name for spec in QUEUES} - {EXPORT}
    role = next(spec.role for spec in QUEUES if spec.name == queue)
    host = restorer if role == "restore" else app
    taker, settler = FUNCTIONS[queue]
    body = f"noise for {queue}".encode()
    post(world, queue, body)
    until(lambda: _ends(host, settler), f"{settler}", seconds=60)
    tries = [(one["ok"], one.get("error", ""), one["dequeueCount"]) for one in _ends(host, taker)]
    # Requests and approvals are judged by the app: refused at once and copied, not tried again.
    assert tries == ([(True, "", 1)] if queue in JUDGED else [(False, "Unusable", 1), (False, "Unusable", 2)])
    assert [one["ok"] for one in _ends(host, settler)] == [True]
    row = until(lambda: rejection(world, role, body), "the row of what was set aside")
    assert (row["queue"], row["length"].value) == (queue, len(body))
    assert queue in {one["queue"] for one in said(world, role, "message.poisoned")}
    until(lambda: not messages_in(world, queue) and not messages_in(world, poison(queue)), "empty queues")


def test_a_step_that_failed_too_often_is_told_to_the_backup_app_and_one_of_no_plan_is_refused(
    world: World, app: HostProcess, restorer: HostProcess
) -> None:
    plan = "p" + "1" * 23
    body = step_message(plan, "w2-00001").encode()
    before = len(_ends(restorer, "restore_step"))
    post(world, RESTORE_STEPS, body)
    until(lambda: _ends(restorer, "restore_step")[before:], "the step's end", seconds=20)
    [refused] = [one for one in said(world, "restore", "step.run") if one["plan"] == plan]
    assert (refused["state"], refused["step"]) == ("refused", "w2-00001")
    post(world, poison(RESTORE_STEPS), body)
    row = until(lambda: row_of(world, "backup", "plans", plan), "the plan's row", seconds=20)
    assert row["state"] == "failed"
    assert "w2-00001 failed too often" in row["why"]
    assert [one["step"] for one in said(world, "restore", "step.failed")] == ["w2-00001"]
    writer = world.simulator.ready["holdfastApps"]["restore"]
    assert [one for one in world.simulator.log() if one["app"] == writer] == []


def test_a_step_whose_evidence_is_away_is_sent_again_and_ends_when_it_is_back(
    world: World, app: HostProcess, restorer: HostProcess
) -> None:
    taken = world.holdfast_json("backup", "--timeout", "6")["snapshot"]
    spared = set(world.simulator.break_glass_ids)
    lost = next(one["id"] for one in world.simulator.objects("users") if one["id"] not in spared)
    assert not world.simulator.incident([{"method": "DELETE", "url": f"/v1.0/users/{lost}"}])["failed"]
    plan = world.holdfast_json("plan", taken)
    for name in ("maria", "jonas"):
        world.holdfast("approve", plan["plan"], "--key", world.approver_key(name), *reviewed(plan), "--yes")

    def told(state: str) -> list[Obj]:
        runs = [one for one in said(world, "restore", "step.run") if one["plan"] == plan["plan"]]
        return [one for one in runs if one["state"] == state]

    before = len(_ends(restorer, "restore_step"))
    away = world.stack.control.add_fault("status", role="restore", path="^evidence-", status=503, times=0)
    with ThreadPoolExecutor(1) as shell:
        end = shell.submit(world.holdfast, "restore", plan["plan"], "--digest", plan["digest"], "--timeout", "6")
        try:
            # More often than a message may come that fails.
            waiting = until(
                lambda: told("requeue")[2:] and told("requeue"), "a step that is sent again", seconds=120
            )
            assert world.simulator.object("users", lost) is None
            assert told("done") == []
        finally:
            world.stack.control.release(away)
        assert "Verdict: equal: " in end.result()
    assert all("503 ServerBusy" in one["reason"] for one in waiting), waiting
    assert {one["step"] for one in told("done")} == {one["id"] for one in plan["document"]["steps"]}
    assert world.simulator.object("users", lost) is not None
    # No invocation failed, so that nothing counted as a try, and nothing was set aside.
    ended = _ends(restorer, "restore_step")[before:]
    assert [(one["ok"], one["dequeueCount"]) for one in ended] == [(True, 1)] * len(ended)
    assert not messages_in(world, RESTORE_STEPS)
    assert not messages_in(world, poison(RESTORE_STEPS))


def test_a_timer_of_the_app_runs(app: HostProcess) -> None:
    [swept] = until(lambda: _ends(app, "sweep_timer"), "the sweeper", seconds=60)[:1]
    assert swept["ok"] is True


# -- what a function is given and what becomes of its result -------------------------------------------------

APP = """
import json, os
import azure.functions as func

app = func.FunctionApp()

def note(**what):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(json.dumps(what, default=str) + "\\n")

@app.timer_trigger(arg_name="timer", schedule="%SCHEDULE%")
def nightly(timer: func.TimerRequest, context: func.Context) -> None:
    note(function=context.function_name, pastDue=timer.past_due, status=timer.schedule_status,
         schedule=timer.schedule, invocation=context.invocation_id)

@app.timer_trigger(arg_name="timer", schedule="%SCHEDULE%")
async def hourly(timer: func.TimerRequest) -> None:
    note(function="hourly", pastDue=timer.past_due)

def queue_note(message: func.QueueMessage) -> str:
    body = message.get_body().decode()
    times = (message.insertion_time, message.time_next_visible, message.expiration_time)
    note(function="queue", body=body, id=message.id, tries=message.dequeue_count, receipt=bool(message.pop_receipt),
         ordered=times[0] < times[1] < times[2])
    return body

def misbehave(body: str):
    if body == "exit":
        raise SystemExit(3)
    if body == "error":
        raise KeyError("no")
    return body if body == "return" else None

@app.queue_trigger(arg_name="message", queue_name="%SYNC%", connection="State")
def sync(message: func.QueueMessage):
    return misbehave(queue_note(message))

@app.queue_trigger(arg_name="message", queue_name="%ASYNC%", connection="State")
async def asynchronous(message: func.QueueMessage):
    return misbehave(queue_note(message))
"""
BODIES = ("plain é", '{"json": 1}', "error", "return", "exit")


@pytest.fixture(scope="module")
def noted(python: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Obj], list[Obj]]:
    """What the functions noted, and the host's events, of one run over all bodies with `nightly` overslept."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "function_app.py").write_text(APP, encoding="utf-8")
    queues = {"maxDequeueCount": 2, "visibilityTimeout": "00:00:00"}
    (folder / "host.json").write_text(json.dumps({"version": "2.0", "extensions": {"queues": queues}}))
    connection = shared_azurite().connection_string("backupstate")
    env = {
        "State": connection,
        "SYNC": fresh("q"),
        "ASYNC": fresh("q"),
        "SCHEDULE": "0 0 0 1 1 *",
        "NOTES": str(folder / "notes"),
    }
    for name in (env["SYNC"], env["ASYNC"]):
        policy = TextBase64EncodePolicy()
        with QueueClient.from_connection_string(connection, name, message_encode_policy=policy) as queue:
            queue.create_queue()
            for body in BODIES:
                queue.send_message(body)
    # The host was last up two years ago: more than one slot was missed.
    memory = folder / "timers"
    memory.mkdir()
    long_ago = {"Last": "2020-01-01T00:00:00+00:00", "Next": "2021-01-01T00:00:00+00:00"}
    (memory / "nightly.json").write_text(json.dumps({**long_ago, "LastUpdated": "2020-01-01T00:00:00+00:00"}))
    argv = [str(python), "-m", "tests.localrun.host", "--app", str(folder), "--worker", "platform", "--once"]
    argv += ["--log", str(folder / "log"), "--timer-memory", str(memory), "--fire", "hourly"]
    with Child("host", argv, env={**_clean(), **env}, cwd=ROOT) as child:
        assert child.wait(120) == 0, child.output()
    return _lines(folder / "notes"), _lines(folder / "log")


def test_a_timer_is_told_once_that_it_is_past_due(noted: tuple[list[Obj], list[Obj]]) -> None:
    notes, events = noted
    [nightly] = [one for one in notes if one["function"] == "nightly"]
    assert nightly["pastDue"] is True
    assert nightly["status"]["Next"] == "2021-01-01T00:00:00+00:00"
    assert nightly["schedule"] == {"AdjustForDST": True}
    [ended] = [one for one in events if one["event"] == "invocationEnd" and one["function"] == "nightly"]
    assert (ended["ok"], ended["pastDue"], ended["invocation"]) == (True, True, nightly["invocation"])
    assert [one["pastDue"] for one in notes if one["function"] == "hourly"] == [False]


@pytest.mark.parametrize("function", ["sync", "asynchronous"])
def test_a_result_is_what_the_worker_makes_of_it(noted: tuple[list[Obj], list[Obj]], function: str) -> None:
    notes, events = noted
    ends = [one for one in events if one["event"] == "invocationEnd" and one["function"] == function]
    bodies = {one["id"]: one["body"] for one in notes if one["function"] == "queue"}
    outcome = Counter((bodies[one["messageId"]], one["ok"], one.get("error", "")) for one in ends)
    assert outcome == {
        ("plain é", True, ""): 1,
        ('{"json": 1}', True, ""): 1,
        ("error", False, "KeyError"): 2,
        ("return", False, "RuntimeError"): 2,  # a value, and no binding that would take it
        ("exit", False, "FunctionMisbehaved"): 2,  # by the host's guard: the worker's process would have ended
    }
    aside = [
        bodies[one["messageId"]] for one in events if one["event"] == "poisoned" and one["function"] == function
    ]
    assert sorted(aside) == ["error", "exit", "return"]


def test_a_message_arrives_with_what_the_queue_knows_of_it(noted: tuple[list[Obj], list[Obj]]) -> None:
    messages = [one for one in noted[0] if one["function"] == "queue"]
    assert Counter(one["body"] for one in messages) == {body: 2 if body in BODIES[:2] else 4 for body in BODIES}
    assert all(one["receipt"] and one["ordered"] and one["id"] for one in messages)
    assert {one["tries"] for one in messages} == {1, 2}


def _lines(path: Path) -> list[Obj]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

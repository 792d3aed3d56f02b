"""What the local host reads before it runs anything: functions, settings, host.json, schedules."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import azure.functions as func
import pytest

from tests.localrun.host_app import (
    HostConfig,
    QueueSpec,
    TimerSpec,
    UnusableApp,
    expand,
    load_app,
    load_host_json,
    read_functions,
    resolve_connection,
    timespan,
)
from tests.localrun.ncrontab import NcronSchedule, RunClock


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("0 */5 * * * *", "2026-01-01T00:00:00", "2026-01-01T00:05:00"),
        ("*/10 * * * * *", "2026-01-01T00:00:09.9", "2026-01-01T00:00:10"),
        ("0 0 1 * * *", "2026-01-01T01:00:00", "2026-01-02T01:00:00"),
        ("0 30 9-17 * * MON-FRI", "2026-01-02T17:30:00", "2026-01-05T09:30:00"),
        # Day and day of week must both match: the first Monday that is the first of a month.
        ("0 0 9 1 * MON", "2026-01-01T00:00:00", "2026-06-01T09:00:00"),
    ],
)
def test_schedules_are_six_field_ncrontab(expression: str, after: str, expected: str) -> None:
    found = NcronSchedule(expression).next_after(datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("expression", ["*/5 * * * *", "01:00:00", "0 0 25 * * *", "a b c d e f", ""])
def test_other_schedules_are_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="not a six-field NCRONTAB"):
        NcronSchedule(expression)


def test_clocks_with_the_same_epoch_and_factor_agree() -> None:
    epoch = time.time() - 100
    settings = {"HOLDFAST_CLOCK_FACTOR": "60", "HOLDFAST_CLOCK_EPOCH": str(epoch)}
    iso = {**settings, "HOLDFAST_CLOCK_EPOCH": datetime.fromtimestamp(epoch, UTC).isoformat()}
    one, other = RunClock.read(settings), RunClock.read(iso)
    assert abs(one.now() - other.now()) < timedelta(minutes=10)  # ten real seconds
    assert one.now() - datetime.fromtimestamp(epoch, UTC) >= timedelta(seconds=6000)
    assert one.real_seconds(60) == 1
    assert RunClock.read({}).factor == 1
    with pytest.raises(ValueError, match="greater than zero"):
        RunClock.read({"HOLDFAST_CLOCK_FACTOR": "-1"})


def test_host_json_sets_the_queues_and_settings_override_it() -> None:
    defaults = HostConfig.read({"version": "2.0"}, {})
    assert (defaults.batch_size, defaults.new_batch_threshold, defaults.max_dequeue_count) == (16, 8, 5)
    host_json = {"extensions": {"queues": {"batchSize": 4, "visibilityTimeout": "00:01:00", "maxDequeueCount": 8}}}
    made = HostConfig.read(host_json, {"AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "3"})
    assert (made.batch_size, made.new_batch_threshold, made.max_dequeue_count) == (4, 2, 3)
    assert made.visibility_timeout == timedelta(minutes=1)


@pytest.mark.parametrize(
    "queues",
    [
        {"batchSize": 33},
        {"batchsize": 4},
        {"visibilityTimeout": "60"},
        {"messageEncoding": "gzip"},
        {"maxDequeueCount": 0},
    ],
)
def test_a_host_json_that_the_platform_would_not_take_is_refused(queues: dict[str, object]) -> None:
    with pytest.raises(UnusableApp):
        HostConfig.read({"extensions": {"queues": queues}}, {})


def test_the_host_json_of_the_product_is_understood() -> None:
    HostConfig.read(load_host_json(Path(__file__).parents[2]), {})


def test_time_spans() -> None:
    assert timespan("00:00:10.5") == timedelta(seconds=10.5)
    assert timespan("2.03:00:00") == timedelta(days=2, hours=3)


def test_settings_are_expanded_and_missing_ones_named() -> None:
    assert expand("a-%X%-%Y%", {"X": "1", "Y": "2"}) == "a-1-2"
    with pytest.raises(UnusableApp, match="%NOPE% is not among the app settings"):
        expand("%NOPE%", {})


def test_connections_are_settings_with_connection_strings() -> None:
    assert resolve_connection("State", {"State": "text"}) == "text"
    with pytest.raises(UnusableApp, match=r"identity-based \(State__queueServiceUri\)"):
        resolve_connection("State", {"State__queueServiceUri": "https://x"})
    with pytest.raises(UnusableApp, match="there is no app setting State"):
        resolve_connection("State", {})


def _app() -> func.FunctionApp:
    app = func.FunctionApp()
    part = func.Blueprint()

    @part.function_name("steps")
    @part.queue_trigger(arg_name="message", queue_name="%STEPS%", connection="State")
    def run_steps(message: func.QueueMessage) -> None: ...

    @app.timer_trigger(arg_name="timer", schedule="%SCHEDULE%", run_on_startup=True)
    async def nightly(timer: func.TimerRequest) -> None: ...

    app.register_functions(part)
    return app


SETTINGS = {"STEPS": "restore-steps", "State": "connection", "SCHEDULE": "0 0 1 * * *"}


def test_functions_are_read_from_the_app_itself() -> None:
    found = {spec.name: spec for spec in read_functions(_app(), SETTINGS)}
    steps, nightly = found["steps"], found["nightly"]
    assert isinstance(steps, QueueSpec)
    assert (steps.queue, steps.connection, steps.argument) == ("restore-steps", "connection", "message")
    assert isinstance(nightly, TimerSpec)
    assert nightly.run_on_startup
    assert nightly.schedule.expression == "0 0 1 * * *"


def test_a_disabled_function_is_left_out() -> None:
    found = read_functions(_app(), {**SETTINGS, "AzureWebJobs.nightly.Disabled": "true"})
    assert [spec.name for spec in found] == ["steps"]


def test_all_problems_are_reported_together() -> None:
    with pytest.raises(UnusableApp, match=r"(?s)steps: .*State.*nightly: .*%SCHEDULE%|nightly: .*steps: "):
        read_functions(_app(), {"STEPS": "restore-steps"})


def test_what_this_host_can_not_do_is_refused() -> None:
    http, output, retried = func.FunctionApp(), func.FunctionApp(), func.FunctionApp()

    @http.route(route="x")
    def page(req: func.HttpRequest) -> func.HttpResponse: ...

    @output.queue_output(arg_name="out", queue_name="other", connection="State")
    @output.queue_trigger(arg_name="message", queue_name="some", connection="State")
    def both(message: func.QueueMessage, out: func.Out[str]) -> None: ...

    @retried.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:01")
    @retried.timer_trigger(arg_name="timer", schedule="0 0 1 * * *")
    def again(timer: func.TimerRequest) -> None: ...

    for app, why in (
        (http, "page: this host runs"),
        (output, "both: this host runs"),
        (retried, "again: this host knows no"),
    ):
        with pytest.raises(UnusableApp, match=why):
            read_functions(app, SETTINGS)


def test_exactly_one_app_is_taken_from_the_module(tmp_path: Path) -> None:
    with pytest.raises(UnusableApp, match=r"no function_app\.py"):
        load_app(tmp_path)
    path = tmp_path / "function_app.py"
    path.write_text(
        "import azure.functions as func\napp = func.FunctionApp()\nagain = app\npart = func.Blueprint()\n"
    )
    assert isinstance(load_app(tmp_path), func.FunctionApp)
    path.write_text(path.read_text() + "other = func.FunctionApp()\n")
    with pytest.raises(UnusableApp, match="2 FunctionApp objects"):
        load_app(tmp_path)

"""Which functions each role registers, read from `function_app.py` the way the platform reads it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.domain.queues import QUEUES
from tests.unit.test_settings import COPY, LOCAL

ROOT = Path(__file__).parents[2]
_READ = """
import json, function_app
print(json.dumps([
    [one.get_function_name(), [binding.get_dict_repr() for binding in one.get_bindings()]]
    for one in function_app.app.get_functions()
], default=str))
"""


def _functions(**settings: str) -> dict[str, dict[str, object]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    run = subprocess.run(
        [sys.executable, "-c", _READ], cwd=ROOT, env={**environment, **settings}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, dict[str, object]] = {}
    for name, (binding,) in json.loads(run.stdout):
        assert name not in found, f"{name} is registered twice"
        found[name] = binding
    return found


def _queues(functions: dict[str, dict[str, object]]) -> set[tuple[object, object]]:
    return {(one["queueName"], one["connection"]) for one in functions.values() if "queueName" in one}


@pytest.mark.parametrize("role", ["backup", "restore"])
def test_a_role_serves_its_own_queues_and_their_poison_queues(role: str) -> None:
    found = _queues(_functions(**LOCAL, HOLDFAST_ROLE=role))
    own = [spec for spec in QUEUES if spec.role == role]
    assert found == {(f"{one.name}{end}", one.connection) for one in own for end in ("", "-poison")}


def test_the_restore_app_has_no_timer_but_its_status() -> None:
    functions = _functions(**LOCAL, HOLDFAST_ROLE="restore")
    assert [name for name, one in functions.items() if one["type"] == "timerTrigger"] == ["status_timer"]


def test_the_copier_has_two_timers_and_nothing_else() -> None:
    functions = _functions(**COPY)
    assert {name: one["schedule"] for name, one in functions.items()} == {
        "copy_timer": "%HOLDFAST_COPY_SCHEDULE%",
        "copy_status_timer": "%HOLDFAST_STATUS_SCHEDULE%",
    }


def test_the_joined_role_has_every_function_once() -> None:
    both = _functions(**LOCAL, HOLDFAST_ROLE="all")
    assert len(_queues(both)) == 2 * len(QUEUES)


def test_with_unusable_settings_one_timer_reports_them() -> None:
    functions = _functions(**{**LOCAL, "HOLDFAST_REGION": "uksouth"})
    assert list(functions) == ["settings_unusable"]
    assert functions["settings_unusable"]["type"] == "timerTrigger"


def test_schedules_come_from_settings() -> None:
    functions = _functions(**LOCAL, HOLDFAST_ROLE="backup")
    schedules = {one["schedule"] for one in functions.values() if "schedule" in one}
    names = ("BACKUP", "SWEEP", "STATUS", "EVIDENCE")
    assert schedules == {f"%HOLDFAST_{name}_SCHEDULE%" for name in names}

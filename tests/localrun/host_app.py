"""What the host learns from the app and its settings, before anything runs.

Owns: loading `function_app.py`, reading the registered functions, expanding `%SETTING%`, resolving connections and
`host.json`. What must stay true: whatever this host can't do as the platform would is an error at start, never
skipped silently; all problems are reported together; it is one reading for both workers, so that they can't
disagree about a name. Works with azure-functions 1.x (Python below 3.13) and 2.x.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Self
from weakref import WeakKeyDictionary

import azure.functions as func

from tests.localrun.ncrontab import NcronSchedule

_REFERENCE = re.compile(r"%([^%]+)%")
_QUEUE_NAME = re.compile(r"[a-z0-9](?:-?[a-z0-9])+")
_TIMESPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)")
_IDENTITY_SUFFIXES = (
    "accountName",
    "queueServiceUri",
    "blobServiceUri",
    "tableServiceUri",
    "credential",
    "clientId",
)
_REGISTERED: WeakKeyDictionary[func.FunctionApp, list[Registered]] = WeakKeyDictionary()


class UnusableApp(ValueError):
    """The app, its settings or host.json can't be run here; the message lists every problem."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A function as a worker announces it: names not expanded yet."""

    name: str
    bindings: tuple[Mapping[str, Any], ...]
    target: Any  # for the worker that announced it: the function, or the platform's id of it
    retried: bool

    def described(self) -> dict[str, Any]:
        """What a deployment has to agree with: trigger, queue, connection, schedule."""
        members = ("type", "name", "queueName", "connection", "schedule", "runOnStartup")
        return {"name": self.name, "bindings": [{m: one[m] for m in members if m in one} for one in self.bindings]}


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """A function behind a queue trigger, all names expanded."""

    name: str
    target: Any
    argument: str
    queue: str
    connection: str


@dataclass(frozen=True, slots=True)
class TimerSpec:
    """A function behind a timer trigger."""

    name: str
    target: Any
    argument: str
    schedule: NcronSchedule
    run_on_startup: bool


@dataclass(frozen=True, slots=True)
class HostConfig:
    """The part of host.json that a queue trigger obeys; defaults are the platform's."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_timeout: timedelta = timedelta()
    max_polling_interval: timedelta = timedelta(minutes=1)
    base64: bool = True

    @classmethod
    def read(cls, host_json: Mapping[str, Any], settings: Mapping[str, str]) -> Self:
        queues = dict(host_json.get("extensions", {}).get("queues", {}))
        prefix = "AzureFunctionsJobHost__extensions__queues__"
        queues.update(
            {key.removeprefix(prefix): value for key, value in settings.items() if key.startswith(prefix)}
        )
        known = {
            "batchSize",
            "newBatchThreshold",
            "maxDequeueCount",
            "visibilityTimeout",
            "maxPollingInterval",
            "messageEncoding",
        }
        if unknown := set(queues) - known:
            raise UnusableApp(f"host.json: this host doesn't know extensions.queues.{sorted(unknown)}")
        batch = int(queues.get("batchSize", 16))
        encoding = str(queues.get("messageEncoding", "base64")).lower()
        made = cls(
            batch_size=batch,
            new_batch_threshold=int(queues.get("newBatchThreshold", batch // 2)),
            max_dequeue_count=int(queues.get("maxDequeueCount", 5)),
            visibility_timeout=timespan(str(queues.get("visibilityTimeout", "00:00:00"))),
            max_polling_interval=timespan(str(queues.get("maxPollingInterval", "00:01:00"))),
            base64=encoding == "base64",
        )
        if not 1 <= made.batch_size <= 32 or made.new_batch_threshold < 0 or made.max_dequeue_count < 1:
            raise UnusableApp("host.json: batchSize is 1 to 32, newBatchThreshold from 0, maxDequeueCount from 1")
        if encoding not in ("base64", "none"):
            raise UnusableApp(f"host.json: messageEncoding {encoding!r} is neither base64 nor none")
        return made


def timespan(text: str) -> timedelta:
    """`hh:mm:ss` or `d.hh:mm:ss`, as host.json writes durations."""
    match = _TIMESPAN.fullmatch(text)
    if match is None:
        raise UnusableApp(f"not a time span (hh:mm:ss): {text!r}")
    days, hours, minutes, seconds = match.groups()
    return timedelta(days=int(days or 0), hours=int(hours), minutes=int(minutes), seconds=float(seconds))


def load_app(folder: Path) -> func.FunctionApp:
    """Import `function_app.py` of a folder and take its one FunctionApp, as the platform's worker does."""
    path = (folder / "function_app.py").resolve()
    if not path.is_file():
        raise UnusableApp(f"no function_app.py in {folder}")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("function_app", path)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules["function_app"] = module
    spec.loader.exec_module(module)
    apps = {id(value): value for value in vars(module).values() if isinstance(value, func.FunctionApp)}
    if len(apps) != 1:
        raise UnusableApp(f"{path} has {len(apps)} FunctionApp objects; the platform takes exactly one")
    return next(iter(apps.values()))


def load_host_json(folder: Path) -> dict[str, Any]:
    path = folder / "host.json"
    if not path.is_file():
        raise UnusableApp(f"no host.json in {folder}")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def registered(app: func.FunctionApp) -> list[Registered]:
    """What the app has registered."""
    if app not in _REGISTERED:
        # Asked a second time, the app would take each name for a duplicate.
        _REGISTERED[app] = [
            Registered(
                str(one.get_function_name()),
                tuple(binding.get_dict_repr() for binding in one.get_bindings()),
                one.get_user_function(),
                one.get_setting("retry_policy") is not None,
            )
            for one in app.get_functions()
        ]
    return _REGISTERED[app]


def read_functions(
    announced: func.FunctionApp | Iterable[Registered], settings: Mapping[str, str]
) -> list[QueueSpec | TimerSpec]:
    """The functions, ready to run; switched-off ones (`AzureWebJobs.NAME.Disabled`) are left out."""
    problems: list[str] = []
    found: list[QueueSpec | TimerSpec] = []
    for one in registered(announced) if isinstance(announced, func.FunctionApp) else announced:
        off = settings.get(f"AzureWebJobs.{one.name}.Disabled") or settings.get(f"AzureWebJobs_{one.name}_Disabled")
        if (off or "").lower() in ("true", "1"):
            continue
        try:
            found.append(_read_function(one, settings))
        except UnusableApp as error:
            problems.append(f"{one.name}: {error}")
    if problems:
        raise UnusableApp("\n".join(problems))
    return found


def _read_function(one: Registered, settings: Mapping[str, str]) -> QueueSpec | TimerSpec:
    kinds = [str(binding["type"]) for binding in one.bindings]
    if kinds not in (["queueTrigger"], ["timerTrigger"]):
        raise UnusableApp(f"this host runs functions with one queue or timer trigger and nothing else, not {kinds}")
    if one.retried:
        raise UnusableApp("this host knows no retry policies")
    binding = one.bindings[0]
    argument = str(binding["name"])
    if kinds == ["timerTrigger"]:
        schedule = expand(str(binding["schedule"]), settings)
        try:
            parsed = NcronSchedule(schedule)
        except ValueError as error:
            raise UnusableApp(str(error)) from error
        return TimerSpec(one.name, one.target, argument, parsed, bool(binding.get("runOnStartup", False)))
    queue = expand(str(binding["queueName"]), settings)
    if not _QUEUE_NAME.fullmatch(queue) or not 3 <= len(queue) <= 63:
        raise UnusableApp(f"not a queue name: {queue!r}")
    connection = resolve_connection(str(binding["connection"]), settings)
    return QueueSpec(one.name, one.target, argument, queue, connection)


def expand(text: str, settings: Mapping[str, str]) -> str:
    """Replace each `%NAME%` by the app setting of that name."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in settings:
            raise UnusableApp(f"%{match[1]}% is not among the app settings")
        return settings[match[1]]

    return _REFERENCE.sub(value, text)


def resolve_connection(prefix: str, settings: Mapping[str, str]) -> str:
    """A `connection` names a setting; here it has to hold a connection string."""
    if settings.get(prefix):
        return settings[prefix]
    if identity := [suffix for suffix in _IDENTITY_SUFFIXES if f"{prefix}__{suffix}" in settings]:
        raise UnusableApp(
            f"connection {prefix!r} is identity-based ({prefix}__{identity[0]}), which has nothing to log in to "
            f"here: set {prefix} to a connection string of the emulator"
        )
    raise UnusableApp(f"connection {prefix!r}: there is no app setting {prefix}")

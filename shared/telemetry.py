"""What a process says of itself: structured log lines of ids, types and counts.

No names, no addresses, no attribute values, no tokens: a field outside `FIELDS` is a programming error and
raises, so that personal data can't slip into logs by a new call.
"""

from __future__ import annotations

import json
import logging
import os

FIELDS = frozenset(
    {
        "attempt",
        "blob",
        "container",
        "count",
        "error",
        "findings",
        "function",
        "head",
        "item",
        "links",
        "message",
        "objects",
        "operations",
        "package",
        "plan",
        "queue",
        "reason",
        "request_id",
        "requests",
        "resource_units",
        "role",
        "seconds",
        "snapshot",
        "state",
        "step",
        "steps",
        "throttled",
        "type",
        "verdict",
        "wave",
    }
)

_log = logging.getLogger("holdfast")


def event(name: str, /, *, level: int = logging.INFO, **fields: object) -> None:
    """One line `name {json}`. Raises `ValueError` for a field that isn't known to be harmless."""
    if unknown := set(fields) - FIELDS:
        raise ValueError(f"not a telemetry field: {sorted(unknown)}")
    _log.log(level, "%s %s", name, json.dumps(fields, default=str, sort_keys=True))


def alarm(name: str, /, **fields: object) -> None:
    """An event that an alert rule watches for; never sampled, because it is an error record."""
    event(name, level=logging.ERROR, **fields)


def configure() -> None:
    """Sends logs and traces to Azure Monitor where a connection string is set; otherwise logging stays as it is.

    The SDKs' own request logs are turned down: their URLs hold ids and filters of tenant objects.
    """
    for noisy in ("azure", "httpx", "httpcore", "msal", "kiota"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    _log.setLevel(logging.INFO)
    if os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING"):
        from azure.monitor.opentelemetry import configure_azure_monitor

        # Traces of requests would carry whole URLs, with names of users in their filters.
        silent = {name: {"enabled": False} for name in ("azure_sdk", "httpx", "requests", "urllib", "urllib3")}
        configure_azure_monitor(logger_name="holdfast", instrumentation_options=silent)

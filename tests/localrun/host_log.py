"""What the host says: an event log for tests, and failures for people.

Owns: both forms. What must stay true: an event is on disk, as one whole line, before the host goes on, so that the
log of a killed host is right up to the kill.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any


class EventLog:
    """Events of one host: kept in memory, and appended to a file if one is given."""

    def __init__(self, path: Path | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self._file: IO[str] | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8")

    def write(self, event: str, **members: Any) -> None:
        entry = {"time": _now(), "event": event, **members}
        self.events.append(entry)
        if self._file is not None:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()

    def failure(self, event: str, error: BaseException, **members: Any) -> None:
        """An event with an error; the traceback goes to standard error."""
        # A worker that only reports an error names its type.
        self.write(event, **members, error=getattr(error, "kind", type(error).__name__))
        trace = "".join(traceback.format_exception(error))
        entry = {"time": _now(), "level": "Error", "event": event, **members, "traceback": trace}
        print(json.dumps(entry), file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class JsonLines(logging.Formatter):
    """Log records of the app and its libraries, one JSON document a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {"time": _now(), "level": record.levelname, "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def log_to_stderr() -> None:
    """Where the app has set up no logging of its own, its records go to standard error."""
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[stream])
    logging.getLogger("azure").setLevel(logging.WARNING)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")

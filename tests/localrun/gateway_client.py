"""Starting the gateway as a child, and asking it from a test or the demo.

Owns: the child and the small control client. The config holds storage keys, so it goes through a file that only
its owner can read.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError

from tests.localrun.children import ROOT, Child
from tests.localrun.gateway import GatewayConfig


class GatewayControl:
    """Fault rules and log of a running gateway."""

    def __init__(self, url: str) -> None:
        self._url = url

    def add_fault(self, action: str, **rule: Any) -> int:
        """Set a rule (`faults.FaultRule`); gives its id."""
        made = self._call("POST", "/_gateway/faults", {"action": action, **rule})
        return int(made["id"])

    def faults(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", "/_gateway/faults")
        return found

    def clear_faults(self) -> None:
        self._call("DELETE", "/_gateway/faults")

    def release(self, rule_id: int) -> None:
        """Take one rule back; requests that wait on it go on."""
        self._call("DELETE", f"/_gateway/faults/{rule_id}")

    def wait_until_held(self, rule_id: int, *, seconds: float = 60.0) -> None:
        """Wait until a request hangs on this hold rule: the moment to kill its sender."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if any(rule["id"] == rule_id and rule["waiting"] for rule in self.faults()):
                return
            time.sleep(0.02)
        raise TimeoutError(f"no request reached fault rule {rule_id} within {seconds:g} s")

    def log(self, since: int = 0) -> list[dict[str, Any]]:
        """What was asked and answered, after entry number `since`."""
        found: list[dict[str, Any]] = self._call("GET", f"/_gateway/log?since={since}")
        return found

    def advance(self, seconds: float) -> None:
        """Move the gateway's clock, which retention goes by."""
        self._call("POST", "/_gateway/clock", {"seconds": seconds})

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._url + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
        except HTTPError as error:
            with error:
                raise ValueError(f"gateway: {error.code} {error.read().decode(errors='replace')}") from None
        return json.loads(text) if text else None


class GatewayProcess:
    """The gateway as a program of its own: its work doesn't share this process's interpreter lock."""

    def __init__(self, child: Child, urls: dict[str, str], control_url: str, management_url: str) -> None:
        self._child = child
        self.urls = urls
        self.management_url = management_url
        self.control = GatewayControl(control_url)

    @classmethod
    def start(cls, config: GatewayConfig, *, output: Path | None = None) -> Self:
        handle, name = tempfile.mkstemp(prefix="holdfast-gateway-", suffix=".json")  # mode 0600
        path = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(config.to_json(), file)
            child = Child(
                "gateway",
                [sys.executable, "-m", "tests.localrun.gateway", "--config", str(path)],
                cwd=ROOT,
                output=output,
            )
            try:
                lines = child.wait_for(lambda seen: any('"ready"' in line for line in seen), seconds=60)
            except BaseException:
                child.stop(grace=1)
                raise
        finally:
            path.unlink()
        ready = json.loads(next(line for line in lines if '"ready"' in line))
        return cls(child, ready["roles"], ready["control"], ready["management"])

    def stop(self) -> None:
        self._child.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

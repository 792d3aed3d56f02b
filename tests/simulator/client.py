"""The simulated tenant as a process, for tests: start, control, stop. Speaks HTTP only."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

Obj = dict[str, Any]
_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 120.0


class ControlClient:
    """The control plane of a running simulator."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=60.0)

    def close(self) -> None:
        self._http.close()

    def _call(self, method: str, path: str, **more: Any) -> Any:
        answer = self._http.request(method, f"/_sim/{path}", **more)
        if answer.status_code >= 400:
            raise RuntimeError(f"control {method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def token(
        self, roles: list[str], *, appid: str | None = None, expires_in: float = 86400, upn: str | None = None
    ) -> str:
        body: Obj = {"roles": roles, "expiresIn": expires_in}
        if appid is not None:
            body["appid"] = appid
        if upn is not None:
            body["upn"] = upn
        return str(self._call("POST", "token", json=body)["token"])

    def stats(self) -> Obj:
        found: Obj = self._call("GET", "stats")
        return found

    def reset_stats(self) -> None:
        self._call("POST", "stats/reset")

    def log(self, since: int = 0) -> list[Obj]:
        found: list[Obj] = self._call("GET", "log", params={"since": since})["entries"]
        return found

    def faults(self, rules: list[Obj]) -> None:
        """Add fault rules; see faults.py for what a rule may say."""
        self._call("POST", "faults", json={"faults": rules})

    def fault_report(self) -> list[Obj]:
        found: list[Obj] = self._call("GET", "faults")["faults"]
        return found

    def clear_faults(self) -> None:
        self._call("DELETE", "faults")

    def settings(self, **changes: Any) -> Obj:
        """Change settings by their camelCase name; answers all of them."""
        found: Obj = self._call("POST", "settings", json=changes) if changes else self._call("GET", "settings")
        return found

    def objects(self, table: str) -> list[Obj]:
        """The truth of one table, without lag; `bin:users` and the like are the bins."""
        found: list[Obj] = self._call("GET", f"objects/{table}")["value"]
        return found

    def object(self, table: str, key: str) -> Obj | None:
        answer = self._http.get(f"/_sim/objects/{table}/{key}")
        return None if answer.status_code == 404 else answer.json()

    def incident(self, requests: list[Obj], *, appid: str | None = None, upn: str | None = None) -> Obj:
        """Apply requests as an attacker: no permissions, throttle, faults or lag."""
        body: Obj = {"requests": requests}
        if appid is not None:
            body["appid"] = appid
        if upn is not None:
            body["upn"] = upn
        found: Obj = self._call("POST", "incident", json=body)
        return found

    def clock(self) -> Obj:
        found: Obj = self._call("GET", "clock")
        return found

    def advance(self, seconds: float) -> None:
        """Skip ahead in simulated time."""
        self._call("POST", "clock", json={"advance": seconds})


class SimulatorProcess(ControlClient):
    """A simulator of its own, on a free port, stopped at the end of the `with` block and at exit."""

    def __init__(self, process: subprocess.Popen[str], ready: Obj) -> None:
        super().__init__(ready["url"])
        self._process = process
        self.ready = ready
        self.tenant_id: str = ready["tenantId"]
        self.break_glass_ids: list[str] = ready["breakGlassIds"]
        self.break_glass_group_id: str = ready["breakGlassGroupId"]

    @classmethod
    def start(
        cls,
        *,
        seed: str = "small",
        clock_factor: float = 1.0,
        clock_epoch: float | None = None,
        lag: float = 0.0,
        with_real: bool = False,
        port: int = 0,
        state_file: Path | None = None,
    ) -> Self:
        command = [sys.executable, "-m", "tests.simulator", "--seed", seed, "--port", str(port)]
        command += ["--clock-factor", str(clock_factor), "--lag", str(lag)]
        command += ["--with-real"] if with_real else []
        command += [] if state_file is None else ["--state-file", str(state_file)]
        command += [] if clock_epoch is None else ["--clock-epoch", repr(clock_epoch)]
        process = subprocess.Popen(
            command, cwd=_ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUTF8": "1"}
        )
        atexit.register(_stop, process)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            code = process.wait(_START_SECONDS)
            raise RuntimeError(f"the simulator ended with {code} before it was ready")
        return cls(process, json.loads(line))

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self.close()
        _stop(self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
    if process.stdout is not None:
        process.stdout.close()

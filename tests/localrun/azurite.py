"""The storage emulator as a child process.

Owns: its ports, its accounts and their keys. What must stay true: it listens on 127.0.0.1 only; the system picks
the ports (so several stacks never clash); keys are random for each start; nothing leaves the machine (telemetry
off). Azurite knows no immutability and no roles: that is the gateway's part.

The current storage SDKs announce a service version that Azurite doesn't know yet, hence `--skipApiVersionCheck`.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.localrun import setup_azurite
from tests.localrun.children import Child, ChildFailed

_LISTENING = re.compile(
    r"Azurite (Blob|Queue|Table) service is successfully listening at (http://127\.0\.0\.1:\d+)"
)
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_SERVICES = ("Blob", "Queue", "Table")
_START_SECONDS = 60.0
_RESTART_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Roots of the three services, without an account."""

    blob: str
    queue: str
    table: str


class Azurite:
    """A running Azurite; use `Azurite.start`."""

    def __init__(
        self, child: Child, endpoints: Endpoints, keys: Mapping[str, str], location: Path | None, log: Path | None
    ) -> None:
        self._child = child
        self._location = location
        self._log = log
        self.endpoints = endpoints
        self.keys = dict(keys)

    @classmethod
    def start(
        cls,
        accounts: Sequence[str],
        *,
        location: Path | None = None,
        keys: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> Self:
        """Start with these accounts; in memory, or on a folder (`location`) whose content survives a restart."""
        for name in accounts:
            if not _ACCOUNT.fullmatch(name):
                raise ValueError(f"not a storage account name: {name!r}")
        made = {name: base64.b64encode(secrets.token_bytes(64)).decode() for name in accounts}
        made.update(keys or {})
        child, endpoints = _launch(made, location, log, ports=(0, 0, 0))
        return cls(child, endpoints, made, location, log)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.running

    def connection_string(
        self, account: str, *, blob_url: str | None = None, services: Sequence[str] = ("blob", "queue", "table")
    ) -> str:
        """For the SDKs. `blob_url` replaces the blob endpoint's root (a gateway port)."""
        roots = {
            "blob": blob_url or self.endpoints.blob,
            "queue": self.endpoints.queue,
            "table": self.endpoints.table,
        }
        parts = ["DefaultEndpointsProtocol=http", f"AccountName={account}", f"AccountKey={self.keys[account]}"]
        parts += [f"{name.capitalize()}Endpoint={roots[name]}/{account}" for name in services]
        return ";".join(parts) + ";"

    def stop(self) -> None:
        self._child.stop()

    def restart(self) -> None:
        """Stop and start on the same ports with the same keys; without a location the content is gone."""
        self._child.stop()
        ports = tuple(
            int(url.rsplit(":", 1)[1]) for url in (self.endpoints.blob, self.endpoints.queue, self.endpoints.table)
        )
        for attempt in range(1, _RESTART_ATTEMPTS + 1):
            try:
                self._child, self.endpoints = _launch(self.keys, self._location, self._log, ports=ports)
            except ChildFailed:
                # Another process may hold one of the ports for a moment, as an outgoing port for instance.
                if attempt == _RESTART_ATTEMPTS:
                    raise
            else:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _launch(
    keys: Mapping[str, str], location: Path | None, log: Path | None, *, ports: tuple[int, ...]
) -> tuple[Child, Endpoints]:
    argv = [
        str(setup_azurite.node()),
        "--require",
        str(setup_azurite.SOURCE / "parent_watch.cjs"),
        str(setup_azurite.program()),
        "--silent",
        "--disableTelemetry",
        "--skipApiVersionCheck",
    ]
    for service, port in zip(_SERVICES, ports, strict=True):
        argv += [f"--{service.lower()}Host", "127.0.0.1", f"--{service.lower()}Port", str(port)]
    if location is None:
        argv.append("--inMemoryPersistence")
    else:
        location.mkdir(parents=True, exist_ok=True)
        argv += ["--location", str(location)]
    environment = {
        **os.environ,
        "AZURITE_ACCOUNTS": ";".join(f"{name}:{key}" for name, key in keys.items()),
        "NODE_NO_WARNINGS": "1",
    }
    child = Child("azurite", argv, env=environment, output=log)
    try:
        lines = child.wait_for(lambda seen: len(_listening(seen)) == len(_SERVICES), seconds=_START_SECONDS)
    except ChildFailed:
        child.stop(grace=2)
        raise
    found = _listening(lines)
    return child, Endpoints(blob=found["Blob"], queue=found["Queue"], table=found["Table"])


def _listening(lines: Sequence[str]) -> dict[str, str]:
    return {match[1]: match[2] for line in lines if (match := _LISTENING.search(line))}

"""The whole local run: Azurite, the gateway before it, and hosts; for the demo and the scenario tests.

Owns: which accounts, containers, roles and settings there are locally, in this one place. What must stay true: the
vault is reached through the gateway only, each role by its own port; everything is on 127.0.0.1 on free ports, so
that stacks run side by side; whatever was started is stopped at the end, hosts first.

    with LocalStack.start() as stack:
        host = stack.start_host("backup", {"HOLDFAST_TENANT_ID": ...})
        host.kill()
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from tests.localrun.azurite import Azurite
from tests.localrun.children import ROOT, Child
from tests.localrun.gateway import GatewayConfig
from tests.localrun.gateway_client import GatewayControl, GatewayProcess
from tests.localrun.worm import Existing, LockedPolicy, Role

VAULT_ACCOUNT, BACKUP_ACCOUNT, RESTORE_ACCOUNT = "vault", "backupstate", "restorestate"
COPY_ACCOUNT = "vaultcopy"  # see `second_account`
VAULT_SETTING, BACKUP_SETTING, RESTORE_SETTING = "VaultStorage", "BackupState", "RestoreState"

VAULT, EVIDENCE, CHAIN, HOLD = "vault-35d", "evidence-400d", "chain", "hold"
CONTAINERS = (VAULT, EVIDENCE, CHAIN, HOLD)
TABLE = "holdfast"  # in both state accounts
# A container keeps longer than its class promises: by the interval between fulls and a week.
POLICIES = (LockedPolicy("vault-35d", 43), LockedPolicy("evidence-400d", 408), LockedPolicy("chain", 3650))

ROLES = (
    Role("setup", manage=("*",)),
    Role("backup", add=("vault-*", "evidence-*", "chain"), read=("vault-*", "evidence-*", "chain", "hold")),
    Role("restore", add=("evidence-*",), read=("vault-*", "evidence-*", "chain", "hold")),
    Role("reader", read=("vault-*", "evidence-*", "chain", "hold")),
    Role("copy", read=("vault-*", "evidence-*", "chain")),
    # Legal holds: adds to the hold container, and to no other.
    Role("keeper", add=("hold",), read=("vault-*", "chain", "hold")),
    # Not an identity that exists in Azure: a role with every right, to show that the locked policy binds it too.
    Role("intruder", add=("*",), read=("*",), write=("*",), delete=("*",)),
)
_HOST_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class StackClock:
    """One factor and one epoch for everything that runs in a stack."""

    factor: float
    epoch: float

    def settings(self) -> dict[str, str]:
        return {"HOLDFAST_CLOCK_FACTOR": f"{self.factor:g}", "HOLDFAST_CLOCK_EPOCH": f"{self.epoch:.6f}"}


class HostProcess:
    """A local Functions host as a child process, with its event log."""

    def __init__(self, child: Child, log: Path) -> None:
        self._child = child
        self.log = log

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.running

    def output(self) -> str:
        """The end of what it wrote to standard output and standard error."""
        return self._child.output()

    def events(self) -> list[dict[str, Any]]:
        """Its event log; a last line cut short by a kill is not an event."""
        if not self.log.exists():
            return []
        lines = self.log.read_text(encoding="utf-8").split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def kill(self) -> None:
        """SIGKILL: nothing in it gets a chance to run."""
        self._child.kill()

    def stop(self, grace: float = 30.0) -> int:
        """SIGTERM: running functions may finish; gives the exit code."""
        return self._child.stop(grace)

    def interrupt(self) -> None:
        self._child.interrupt()

    def wait(self, seconds: float) -> int:
        """Wait for its end (`idle_exit`); gives the exit code."""
        return self._child.wait(seconds)


class LocalStack:
    """Use `LocalStack.start`."""

    def __init__(
        self, azurite: Azurite, gateway: GatewayProcess, folder: Path, clock: StackClock, closing: ExitStack
    ) -> None:
        self.azurite = azurite
        self.gateway = gateway
        self.folder = folder
        self.clock = clock
        self._closing = closing
        self._hosts: list[HostProcess] = []

    @classmethod
    def start(
        cls,
        *,
        folder: Path | None = None,
        location: Path | None = None,
        clock_factor: float = 1.0,
        existing: Existing = Existing.CONFLICT,
        containers: Sequence[str] = CONTAINERS,
        policies: Sequence[LockedPolicy] = POLICIES,
    ) -> Self:
        """Start storage and gateway and make the containers.

        `folder` takes the logs (else a temporary one, removed at the end); `location` keeps the storage on disk.
        """
        with ExitStack() as closing:
            if folder is None:
                folder = Path(tempfile.mkdtemp(prefix="holdfast-run-"))
                closing.callback(shutil.rmtree, folder, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
            accounts = [VAULT_ACCOUNT, COPY_ACCOUNT, BACKUP_ACCOUNT, RESTORE_ACCOUNT]
            azurite = Azurite.start(accounts, location=location, log=folder / "azurite.log")
            closing.callback(azurite.stop)
            config = GatewayConfig(
                upstream=azurite.endpoints.blob,
                accounts={VAULT_ACCOUNT: azurite.keys[VAULT_ACCOUNT]},
                roles=ROLES,
                policies=policies,
                existing=existing,
                log_file=folder / "gateway.jsonl",
            )
            gateway = GatewayProcess.start(config, output=folder / "gateway.log")
            closing.callback(gateway.stop)
            stack = cls(azurite, gateway, folder, StackClock(clock_factor, time.time()), ExitStack())
            with BlobServiceClient.from_connection_string(stack.settings("setup")[VAULT_SETTING]) as service:
                present = {item.name for item in service.list_containers()}
                for name in containers:
                    if name not in present:
                        service.create_container(name)
            for account in (BACKUP_SETTING, RESTORE_SETTING):
                with TableServiceClient.from_connection_string(stack.settings("setup")[account]) as tables:
                    tables.create_table_if_not_exists(TABLE)
            stack._closing = closing.pop_all()
        return stack

    @property
    def control(self) -> GatewayControl:
        """The gateway's fault rules and log."""
        return self.gateway.control

    def settings(self, role: str) -> dict[str, str]:
        """Connection strings as an identity of this role has them."""
        vault = self.azurite.connection_string(VAULT_ACCOUNT, blob_url=self.gateway.urls[role], services=["blob"])
        state = ("queue", "table")
        return {
            VAULT_SETTING: vault,
            BACKUP_SETTING: self.azurite.connection_string(BACKUP_ACCOUNT, services=state),
            RESTORE_SETTING: self.azurite.connection_string(RESTORE_ACCOUNT, services=state),
        }

    def direct_vault(self) -> str:
        """A connection string past the gateway: for looking at, and tampering with, what is really stored."""
        return self.azurite.connection_string(VAULT_ACCOUNT, services=["blob"])

    def start_host(
        self,
        role: str,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        *,
        app: Path = ROOT,
        options: Sequence[str] = (),
        python: str = sys.executable,
        wait: bool = True,
    ) -> HostProcess:
        """Start a host with this role's settings (and `env` over them); by default wait until it listens."""
        number = len(self._hosts) + 1
        log = log or self.folder / f"host-{number}-{role}.jsonl"
        settings = {
            **os.environ,
            "HOLDFAST_ROLE": role,
            **self.clock.settings(),
            **self.settings(role),
            **(env or {}),
        }
        argv = [python, "-m", "tests.localrun.host", "--app", str(app), "--log", str(log), *options]
        child = Child(
            f"host {role}", argv, env=settings, cwd=ROOT, output=self.folder / f"host-{number}-{role}.log"
        )
        host = HostProcess(child, log)
        self._hosts.append(host)
        if wait:
            child.wait_for(
                lambda lines: any(line.startswith('{"ready": true') for line in lines), seconds=_HOST_SECONDS
            )
        return host

    def stop(self) -> None:
        """Stop everything, hosts first; may be called again."""
        for host in self._hosts:
            host.stop()
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

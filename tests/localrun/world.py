"""A whole deployment on this machine: tenant, storage, keys, approvers, both apps, and an operator's shell.

Owns how they are told of each other. What must stay true: each app gets the token, keys and storage rights of its
own role only; nothing of it outlives the `with` block.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infra.package.archive import LIBRARIES
from shared.catalog.registry import CATALOG
from tests.localrun.children import ROOT
from tests.localrun.stack import HostProcess, LocalStack
from tests.simulator.client import SimulatorProcess

APPROVERS = ("maria", "jonas", "aylin")
_APP_KEYS = {"backup": ("snapshot", "plan", "evidence"), "restore": ("execution",)}
_SCHEDULES = {
    # Nobody waits for a night in a test: runs are asked for by message.
    "HOLDFAST_BACKUP_SCHEDULE": "0 0 1 1 1 *",
    "HOLDFAST_SWEEP_SCHEDULE": "0 */5 * * * *",
    "HOLDFAST_STATUS_SCHEDULE": "0 0 6 1 1 *",
    "HOLDFAST_EVIDENCE_SCHEDULE": "0 0 5 1 1 *",
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: exit code, standard output, standard error ("" where it was echoed)."""

    code: int
    out: str
    err: str


class World:
    """Use `World.start`."""

    def __init__(self, simulator: SimulatorProcess, stack: LocalStack, folder: Path, closing: ExitStack) -> None:
        self.simulator = simulator
        self.stack = stack
        self.folder = folder
        self._closing = closing
        self.extra: dict[str, str] = {}  # settings of this run for every process
        self.platform_python: Path | None = None  # where given, the platform's worker runs the functions
        self.package: Path | None = None  # where given, an unpacked package is the app

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        seed: str = "small",
        clock_factor: float = 20.0,
        lag: float = 0.0,
        platform_python: Path | None = None,
        **extra: str,
    ) -> Self:
        with ExitStack() as closing:
            folder.mkdir(parents=True, exist_ok=True)
            stack = closing.enter_context(LocalStack.start(folder=folder / "stack", clock_factor=clock_factor))
            simulator = closing.enter_context(
                SimulatorProcess.start(seed=seed, clock_factor=clock_factor, clock_epoch=stack.clock.epoch, lag=lag)
            )
            world = cls(simulator, stack, folder, ExitStack())
            world.extra = dict(extra)
            world.platform_python = platform_python
            world._first_keys()
            world._closing = closing.pop_all()
        return world

    # --- settings ----------------------------------------------------------------------------------------

    def env(self, role: str) -> dict[str, str]:
        """What a process of this role is told: "backup", "restore", or "operator" (a person at a shell)."""
        app = "restore" if role == "restore" else "backup"
        settings = {
            "HOLDFAST_ROLE": app,
            "HOLDFAST_TENANT_ID": self.simulator.tenant_id,
            "HOLDFAST_GRAPH_URL": self.simulator.url,
            "HOLDFAST_GRAPH_TOKEN": self.token(app),
            "HOLDFAST_BREAK_GLASS_IDS": ",".join(self.simulator.break_glass_ids),
            "HOLDFAST_APPROVERS_SHA256": self.approvers_sha256,
            "HOLDFAST_KEYS_DIR": str(self.folder / "keys" / role),
            "HOLDFAST_REPLICATION_WAIT": "30",
            **self.stack.clock.settings(),
            **self.stack.settings("reader" if role == "operator" else app),
            **_SCHEDULES,
        }
        if role == "restore":
            settings["HOLDFAST_SECRETS_DIR"] = str(self.folder / "passwords")
        return {**settings, **self.extra}

    def token(self, app: str) -> str:
        """A token with exactly the permissions that the catalog asks for."""
        needs = CATALOG.needs(write=app == "restore")
        roles = {any_of[0] for any_of in needs} | {"AuditLog.Read.All"}
        if app == "restore":
            roles |= {any_of[0] for any_of in CATALOG.needs(write=False)}
        appid = self.simulator.ready["holdfastApps"][app]
        return self.simulator.token(sorted(roles), appid=appid, expires_in=30 * 86400)

    # --- processes ---------------------------------------------------------------------------------------

    def start_host(self, role: str, *options: str, **env: str) -> HostProcess:
        """`options` are the host's own, `env` settings of this one process."""
        settings = {**self.env(role), **env}
        if self.platform_python is None:
            return self.stack.start_host(role, settings, options=options)
        return self.stack.start_host(
            role,
            {**settings, **self._libraries()},
            app=self.package or ROOT,
            options=("--worker", "platform", *options),
            python=str(self.platform_python),
        )

    def _libraries(self) -> dict[str, str]:
        """As the platform does it: an app's own libraries come before the worker's."""
        return {"PYTHONPATH": str(self.package / LIBRARIES)} if self.package else {}

    def shell(self, *arguments: str, echo: bool = False, **env: str) -> Ended:
        """Runs the command line as an operator, to whatever end. `env`: settings of this one call."""
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
            subprocess.Popen(
                [str(Path(sys.executable).with_name("holdfast")), *arguments],
                cwd=self.folder,
                env={**_clean_environment(), **self.env("operator"), "COLUMNS": "116", **env},
                stdout=subprocess.PIPE,
                stderr=None if echo else errors,
                text=True,
                encoding="utf-8",
            ) as process,
        ):
            lines = []
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                if echo:
                    print(line, end="", flush=True)
            code = process.wait()
            errors.seek(0)
            return Ended(code, "".join(lines), errors.read())

    def holdfast(self, *arguments: str, check: Sequence[int] = (0,), echo: bool = False) -> str:
        """Like `shell`. Gives standard output; raises on an exit code not expected."""
        ended = self.shell(*arguments, echo=echo)
        if ended.code not in check:
            raise AssertionError(f"holdfast {' '.join(arguments)}: exit {ended.code}\n{ended.out}{ended.err}")
        return ended.out

    def holdfast_json(self, *arguments: str, check: Sequence[int] = (0,)) -> Any:
        return json.loads(self.holdfast(*arguments, "--json", check=check))

    def approver_key(self, name: str) -> str:
        return str(self.folder / "keys" / "approvers" / f"{name}.pem")

    # --- set-up ------------------------------------------------------------------------------------------

    def _first_keys(self) -> None:
        """Keys made by the product's own commands; each app gets its private keys and all public ones."""
        self.approvers_sha256 = "0" * 64
        made = self.folder / "keys" / "made"
        self.holdfast("keys", "create", str(made))
        for role in ("backup", "restore", "operator"):
            target = self.folder / "keys" / role
            target.mkdir(mode=0o700)
            for public in made.glob("*.pub"):
                os.link(public, target / public.name)
            for name in _APP_KEYS.get(role, ()):
                os.link(made / f"{name}.pem", target / f"{name}.pem")
        approvers = self.folder / "keys" / "approvers"
        names = [part for name in APPROVERS for part in ("--approver", name)]
        self.holdfast("keys", "create", str(approvers), *names)
        public_keys = [str(approvers / f"{name}.pub") for name in APPROVERS]
        document = self.folder / "approvers.json"
        answer = self.holdfast_json("approvers", "create", str(document), *public_keys, "--needed", "2")
        self.approvers_sha256 = answer["sha256"]
        self._store_approvers(document.read_bytes())

    def _store_approvers(self, document: bytes) -> None:
        """In Azure an administrator puts the document into the evidence container; here the backup role does."""
        from azure.storage.blob import BlobServiceClient

        from shared.engines.evidence import approvers_blob

        storage = self.stack.settings("backup")["VaultStorage"]
        with BlobServiceClient.from_connection_string(storage) as service:
            blob = service.get_blob_client(
                "evidence-400d", approvers_blob(self.simulator.tenant_id, self.approvers_sha256)
            )
            blob.upload_blob(document, overwrite=False)

    # --- end ---------------------------------------------------------------------------------------------

    def stop(self) -> None:
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _clean_environment() -> Mapping[str, str]:
    """The shell's environment without settings that belong to another deployment."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}

"""A tenant that was backed up and damaged, and a laptop with the exported folder: no app, no deployment.

The commands are the real ones, the Graph adapter speaks to the simulated tenant in this process, and the folders
are folders. Time is a clock that moves when somebody sleeps.
"""

from __future__ import annotations

import asyncio
import atexit
import copy
import io
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import uvicorn

from infra.graph.lists import stored
from shared.adapters.clock import SystemClock
from shared.adapters.files import FolderBlobStore
from shared.adapters.folder_copy import FolderCopy
from shared.adapters.memory import ManualClock, MemoryBlobStore, SeededIds
from shared.bootstrap import Parts as LaptopParts
from shared.catalog.registry import CATALOG
from shared.cli.main import run as run_cli
from shared.cli.parts import Parts, Source, laptop_view, trusted_keys
from shared.cli.screen import Screen
from shared.cli.session import Session
from shared.engines.approvals import store_approvers
from shared.engines.copying import Source as Copied
from shared.engines.copying import copy_blobs, copy_vault
from shared.engines.item import Limits
from shared.engines.jws import jwk_set
from shared.engines.unlocking import Unlocking
from shared.laptop import OWN_KEYS, Worker, laptop_parts, laptop_settings
from tests.backup import SIGNER, TENANT, Backup
from tests.faults import Faults, FaultyBlobStore, FaultyDirectory, FaultySecretStore, FaultyTableStore
from tests.graph_inside import URL, inside
from tests.localrun import truth
from tests.restore_damage import one_of_each, prepare
from tests.restore_story import RESTORER, SEED, state
from tests.restore_world import APPROVERS, WRITER, approvers_document, lead, tenant
from tests.reviewing import reviewed
from tests.simulator.control import issue_token
from tests.simulator.server import Application
from tests.simulator.service import Service
from tests.unit.cli_runner import Ran
from tests.unit.cli_runner import run as run_without_parts
from tests.unit.cli_world import write_key

UNLOCK = frozenset(one.name for one in stored()["unlock"])


@dataclass
class Laptop:
    """What outlives a command: the tenant, its clock, and the folder that holds copy, work and keys."""

    root: Path
    clock: ManualClock
    service: Service
    before: truth.State
    approvers_sha256: str
    seed: int = 0
    unlocks: frozenset[str] = UNLOCK
    ran: list[Ran] = field(default_factory=list)

    @classmethod
    async def begin(cls, root: Path, before: Callable[[Service], None]) -> Laptop:
        """Backed up and exported; the vault is gone afterwards. All of it yesterday, so that the copy has not
        expired on a machine's own clock either."""
        clock = ManualClock(datetime.now(UTC) - timedelta(days=1))
        service = tenant(clock, SEED)
        before(service)
        clock.advance(60)
        made = cls(root, clock, service, state(service), "")
        async with inside(service, made._token(), clock) as directory:
            limits = Limits(replication_wait=0.0, time_budget=1e9)
            backup = Backup(directory=directory, clock=clock, limits=limits)  # type: ignore[arg-type]
            await backup.back_up()
        evidence = MemoryBlobStore("evidence-400d")
        made.approvers_sha256 = await store_approvers(evidence, TENANT, approvers_document())
        vaults = {"vault-35d": backup.vault}
        source = Copied(vaults, backup.chain, TENANT, backup.keys, backup.catalog, clock)  # type: ignore[arg-type]
        copied = await copy_vault(source, lambda name: FolderBlobStore(made.copy / name))
        assert copied.good
        await copy_blobs(evidence, FolderBlobStore(made.copy / evidence.container))
        clock.advance(3600)
        (root / "snapshot.pub").write_bytes(jwk_set(SIGNER.public_keys))
        for number, signer in enumerate(APPROVERS):
            write_key(root / f"approver-{number}.pem", signer)
        made.make_keys()
        return made

    def make_keys(self) -> None:
        ran = run_without_parts("keys", "create", str(self.work / "keys"), "--laptop")
        assert ran.code == 0, ran.err
        assert sorted(path.stem for path in (self.work / "keys").glob("*.pem")) == sorted(OWN_KEYS)

    def again(self, root: Path) -> Laptop:
        """A second one as this is now; it shares nothing with the first but what was before the damage."""
        shutil.copytree(self.root, root)
        same: tuple[object, ...] = (self.before,)
        return replace(copy.deepcopy(self, {id(one): one for one in same}), root=root, ran=[])

    @property
    def copy(self) -> Path:
        return self.root / "copy"

    @property
    def work(self) -> Path:
        return self.root / "copy.work"

    def __call__(self, *arguments: str, faults: Faults | None = None) -> Ran:
        """One command, in a process of its own as far as anybody can tell."""
        out, err = io.StringIO(), io.StringIO()

        @asynccontextmanager
        async def opener(source: Source) -> AsyncIterator[Parts]:
            async with self._opened(source, faults) as parts:
                yield parts

        session = Session(
            Screen(out=out, err=err, width=2000), opener, pause=self.clock.sleep, unlocker=self._unlocker(faults)
        )
        code = run_cli(arguments, session)
        self.ran.append(Ran(code, out.getvalue(), err.getvalue()))
        return self.ran[-1]

    def local(self, *, key: bool = True) -> tuple[str, ...]:
        trusted = ("--key", str(self.root / "snapshot.pub")) if key else ()
        return ("--local", str(self.copy), *trusted, "--json")

    def plan(self, *more: str) -> dict[str, Any]:
        ran = self("plan", "latest", *more, *self.local())
        assert ran.code == 0, ran.err
        document: dict[str, Any] = ran.document
        return document

    def approve(self, plan: str, *numbers: int) -> list[Ran]:
        keys = [str(self.root / f"approver-{number}.pem") for number in numbers or (0, 1)]
        read = self("status", plan, *self.local(key=False)).document
        said = reviewed(read)
        return [self("approve", plan, "--key", key, *said, "--yes", *self.local(key=False)) for key in keys]

    def restore(self, plan: dict[str, Any], *more: str, faults: Faults | None = None) -> Ran:
        return self("restore", plan["plan"], "--digest", plan["digest"], *more, *self.local(), faults=faults)

    def differences(self, report: dict[str, Any]) -> list[str]:
        """From the tenant before the damage, by the tenant's own tables and under the old ids."""
        ids = {one["old"]: one["new"] for one in report["newIds"]}
        text = "\n".join(repr(one) for one in truth.compare(self.before, state(self.service), ids))
        for old, new in ids.items():
            text = text.replace(new, old)
        return sorted(text.splitlines())

    def environ(self, url: str) -> dict[str, str]:
        """What the person at the laptop sets, and something that was left of the deployment."""
        return {
            "HOLDFAST_GRAPH_URL": url,
            "HOLDFAST_GRAPH_TOKEN": self._token(),
            "HOLDFAST_BREAK_GLASS_IDS": ",".join(self.service.info["breakGlassIds"]),
            "HOLDFAST_APPROVERS_SHA256": self.approvers_sha256,
            "VaultStorage": "the deployment's, which is gone",
        }

    @contextmanager
    def real(self, factor: float) -> Iterator[dict[str, str]]:
        """The tenant behind a socket and on the machine's clock, for commands in processes of their own. Yields
        their environment."""
        epoch = datetime.now(UTC)
        lead(self.service, SystemClock(factor, epoch))
        with socket.create_server(("127.0.0.1", 0)) as listening:
            config = uvicorn.Config(Application(self.service), log_level="error", lifespan="off")
            server = uvicorn.Server(config)
            serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            serving.start()
            try:
                self.service.origin = f"http://127.0.0.1:{listening.getsockname()[1]}"
                clock = {"HOLDFAST_CLOCK_FACTOR": f"{factor:g}", "HOLDFAST_CLOCK_EPOCH": str(epoch.timestamp())}
                yield {**os.environ, **self.environ(self.service.origin), **clock}
            finally:
                server.should_exit = True
                serving.join()

    def _token(self, roles: frozenset[str] = WRITER) -> str:
        made = issue_token(self.service, {"roles": sorted(roles), "appid": RESTORER, "expiresIn": 1e7})
        return str(made["token"])

    def _unlocker(self, faults: Faults | None) -> Any:
        """The unlock identity, with the permissions of its list and no other."""

        @asynccontextmanager
        async def opened(folder: Path | None, tenant: str, way: str, tell: Any) -> AsyncIterator[Unlocking]:
            token = self._token(self.unlocks)
            async with inside(self.service, token, self.clock, patience=60.0) as inner:
                directory: Any = inner if faults is None else FaultyDirectory(inner, faults)
                yield Unlocking(directory, CATALOG, self.clock, self.clock.sleep)

        return opened

    @asynccontextmanager
    async def _opened(self, source: Source, faults: Faults | None) -> AsyncIterator[Parts]:
        assert source.folder is not None
        opened = FolderCopy.open(source.folder)
        settings = laptop_settings(opened, source.work or self.work, self.environ(URL), into=source.into)
        keys = trusted_keys(source.keys) if source.keys else trusted_keys(self.root / "snapshot.pub")
        self.seed += 1
        async with inside(self.service, settings.graph_token, self.clock, patience=60.0) as directory:
            parts = await laptop_parts(
                settings, opened, keys, directory, self.clock, self.clock, SeededIds(self.seed)
            )
            if faults is not None:
                parts = _faulty(parts, faults)
            async with Worker.over(parts, self.clock, source.tell) as worker:
                yield laptop_view(parts, worker, source)


def _faulty(parts: LaptopParts, faults: Faults) -> LaptopParts:
    directory: Any = FaultyDirectory(parts.directory, faults)
    return replace(
        parts,
        directory=directory,
        evidence=FaultyBlobStore(parts.evidence, faults),
        tables=FaultyTableStore(parts.tables, faults, "holdfast"),
        secrets=FaultySecretStore(parts.secrets, faults),
    )


def begun(
    root: Path,
    damage: Callable[[Service], None] = one_of_each,
    before: Callable[[Service], None] = prepare,
) -> Laptop:
    """An hour after the damage. `before`: what happened to the planted tenant until it was backed up."""
    made = _intact(before).again(root)
    damage(made.service)
    made.clock.advance(3600)
    return made


@cache
def _intact(before: Callable[[Service], None]) -> Laptop:
    """Before any damage, once in a process."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-laptop-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "laptop").mkdir()
    return asyncio.run(Laptop.begin(folder / "laptop", before))

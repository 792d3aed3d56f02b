"""A deployment in memory for the command line: its ports, and the apps' side, which works while a command waits."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from shared.adapters.keys import LocalSigner
from shared.adapters.memory import MemoryBlobStore, MemoryQueue, MemoryTableStore, SeededIds
from shared.catalog.registry import CATALOG
from shared.cli.main import run as run_cli
from shared.cli.parts import Parts, Source
from shared.cli.screen import Screen
from shared.cli.session import Session
from shared.domain.plan import Approver, Approvers, RestorePlan
from shared.domain.vault import HOLD_CONTAINER
from shared.engines import jws, paths
from shared.engines.approvals import ApprovalDesk, store_approvers
from shared.engines.erasure import ErasureDesk
from shared.engines.evidence import Evidence, StoredPlan, TrustedKeys
from shared.engines.export import find_run, start_run
from shared.engines.holds import Holds
from shared.engines.jws import Purpose
from shared.engines.messages import decode_backup_request
from shared.engines.restore_requests import PlanRequest, RestoreDesk
from tests.backup import TENANT, Backup, small_tenant
from tests.unit.cli_runner import Ran
from tests.unit.cli_samples import plan as sample_plan

PLAN_KEY, EXECUTION_KEY, EVIDENCE_KEY = (LocalSigner.generate() for _ in range(3))
APPROVERS = {name: LocalSigner.generate() for name in ("maria", "tomas")}
STRANGER = LocalSigner.generate()


@dataclass
class Deployment:
    """Everything that outlives a command. `serving`: whether the apps answer while a command waits."""

    backup: Backup = field(default_factory=Backup)
    evidence: MemoryBlobStore = field(default_factory=lambda: MemoryBlobStore("evidence-400d"))
    held: MemoryBlobStore = field(default_factory=lambda: MemoryBlobStore(HOLD_CONTAINER))
    rows: MemoryTableStore = field(default_factory=MemoryTableStore)
    ids: SeededIds = field(default_factory=SeededIds)
    serving: bool = True
    plan: RestorePlan = field(default_factory=sample_plan)
    approvers_sha256: str = ""
    override_wait: float = 86_400.0
    evidence_days: int = 400
    break_glass_ids: tuple[str, ...] = ()
    while_waiting: Callable[[], Awaitable[None]] | None = None
    make_evidence: Callable[[bytes], Awaitable[None]] | None = None

    def __post_init__(self) -> None:
        self.backup.rows = self.rows
        small_tenant(self.backup.directory)
        names = (
            "backup-requests",
            "evidence-requests",
            "restore-requests",
            "restore-control",
            "restore-steps",
            "restore-verify",
        )
        self.queues = {name: MemoryQueue(name, self.backup.clock) for name in names}

    @property
    def keys(self) -> dict[Purpose, Any]:
        snapshot = self.backup.keys
        return {
            Purpose.SNAPSHOT: snapshot,
            Purpose.CHAIN: snapshot,
            Purpose.PLAN: PLAN_KEY.public_keys,
            Purpose.EXECUTION: EXECUTION_KEY.public_keys,
            Purpose.EVIDENCE: EVIDENCE_KEY.public_keys,
        }

    def view(self) -> Evidence:
        trusted = TrustedKeys(PLAN_KEY.public_keys, EXECUTION_KEY.public_keys, EVIDENCE_KEY.public_keys)
        return Evidence(self.evidence, TENANT, trusted)

    def desk(self) -> ApprovalDesk:
        return ApprovalDesk(self.view(), self.backup.clock, self.approvers_sha256, self.override_wait, EVIDENCE_KEY)

    def parts(self) -> Parts:
        vaults = {self.backup.vault.container: self.backup.vault}
        operator: Any = SimpleNamespace(
            settings=SimpleNamespace(
                tenant_id=TENANT,
                approvers_sha256=self.approvers_sha256,
                override_wait=self.override_wait,
                evidence_days=self.evidence_days,
                break_glass_ids=self.break_glass_ids,
            ),
            control=None,
            earlier=(),
            queues=self.queues,
            tables=self.rows,
            vault=self.backup.vault,
            ids=self.ids,
            clock=self.backup.clock,
            directory=self.backup.directory,
        )
        return Parts(
            tenant=TENANT,
            catalog=CATALOG,
            clock=self.backup.clock,
            repository=self.backup.repository(holds=Holds(self.held, TENANT)),
            vaults=vaults,
            chain=self.backup.chain,
            evidence=self.view(),
            holds=Holds(self.held, TENANT),
            keys=self.keys,
            operator=operator,
        )

    @asynccontextmanager
    async def opener(self, source: Source) -> AsyncIterator[Parts]:
        assert source.folder is None
        yield self.parts()

    # the apps' side

    async def serve(self, seconds: float) -> None:
        """What happens while a command waits: the apps work off their queues."""
        assert seconds > 0
        if self.while_waiting is not None:
            await self.while_waiting()
        if not self.serving:
            return
        for message in self.queues["backup-requests"].receive():
            await self._backup(message.body.encode())
            self.queues["backup-requests"].delete(message)
        for message in self.queues["evidence-requests"].receive():
            if self.make_evidence is not None:
                await self.make_evidence(message.body.encode())
            self.queues["evidence-requests"].delete(message)
        await self.backup.deliver()
        desk = self.restore_desk()
        for name, handle in (
            ("restore-requests", desk.handle_request),
            ("restore-control", desk.handle_control),
        ):
            for message in self.queues[name].receive():
                await handle(message.body.encode())
                self.queues[name].delete(message)

    async def _backup(self, body: bytes) -> None:
        suffix = paths.request_suffix(decode_backup_request(body).request_id)
        clock = self.backup.clock
        known = await find_run(self.backup.vault, TENANT, suffix, clock)
        snapshot = known or paths.snapshot_id(clock.now(), suffix)
        await start_run(self.backup.ports(), replace(self.backup.request(), snapshot=snapshot, trigger="request"))

    def restore_desk(self) -> RestoreDesk:
        return RestoreDesk(
            evidence=self.view(),
            desk=self.desk(),
            plan_signer=PLAN_KEY,
            make_plan=self._make_plan,
            erasures=ErasureDesk(self.view(), self.desk(), EVIDENCE_KEY, self.backup.clock),
            steps=self.queues["restore-steps"],
            verify=self.queues["restore-verify"],
            rows=self.rows,
            clock=self.backup.clock,
        )

    async def _make_plan(self, plan: str, request: PlanRequest) -> RestorePlan:
        return replace(
            self.plan,
            id=plan,
            tenant=TENANT,
            snapshot=request.snapshot,
            scope=request.scope,
            despite_erasure=request.despite_erasure,
        )

    async def store_plan(self, plan: RestorePlan | None = None) -> StoredPlan:
        made = replace(plan or self.plan, tenant=TENANT)
        return await self.view().store_plan(made, PLAN_KEY)

    async def set_approvers(self, needed: int = 2) -> None:
        document = Approvers(
            needed,
            tuple(Approver(one.key_id, jws.to_jwk(one.public_key), name) for name, one in APPROVERS.items()),
        )
        self.approvers_sha256 = await store_approvers(self.evidence, TENANT, document)


@dataclass
class Cli:
    """Runs commands against one deployment."""

    world: Deployment

    def __call__(self, *arguments: str) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        screen = Screen(out=out, err=err, width=2000)
        session = Session(screen=screen, opener=self.world.opener, pause=self.world.serve)
        code = run_cli(arguments, session)
        return Ran(code, out.getvalue(), err.getvalue())

    def do(self, work: Awaitable[Any]) -> Any:
        """Something on the apps' side, between two commands."""

        async def waiting() -> Any:
            return await work

        return asyncio.run(waiting())

    @classmethod
    def with_approvers(cls) -> Cli:
        made = cls(Deployment())
        made.do(made.world.set_approvers())
        return made

    def back_up(self) -> str:
        """A committed snapshot, made by the backup app alone."""
        self.world.backup.clock.advance(timedelta(hours=1).total_seconds())
        return self.do(self.world.backup.back_up()).snapshot


def write_key(path: Path, signer: LocalSigner) -> Path:
    from cryptography.hazmat.primitives import serialization

    pem = signer._key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(pem)
    path.chmod(0o600)
    return path


def copied(cli: Cli, folder: Path) -> Path:
    """A copy of the containers as files, and the public key beside it."""
    for store in (cli.world.backup.vault, cli.world.backup.chain):
        for name, data in store.blobs.items():
            path = folder / store.container / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    key = folder.parent / "snapshot.pub"
    key.write_bytes(cli.world.backup.signer.public_jwks())
    return key

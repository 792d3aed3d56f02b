"""A restore from a folder copy of the containers, without apps: their desks and engines, in one process.

The copy is the vault and is only read. All that a restore writes lies in a work folder beside it:

    work/
      keys/                plan, evidence and execution keys of this laptop
      approvers.json       the approvers' document, unless the copy's evidence holds it
      evidence-{days}d/    plans, approvals, journals, reports, as in the deployment
      state.db             rows, which are hints here as there
      secrets/             initial passwords

Queues are in memory. A message only says that something may be ready; applying or resuming a plan looks for what is
ready in the evidence and says so again, so that a process killed anywhere loses nothing that matters. Plans of the
deployment are not run from here, for it may still run them; what its restores made is known by its journals.

Into another tenant a restore goes from here only: settings, sign-in and evidence are then that tenant's, by whose
id the evidence is kept apart."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from shared.adapters.clock import RandomIds, SystemClock
from shared.adapters.files import FileSecretStore, FolderBlobStore, FolderTableStore
from shared.adapters.folder_copy import FolderCopy
from shared.adapters.graph.audit import GraphAudit
from shared.adapters.graph.auth import Credential, FixedToken
from shared.adapters.graph.client import GraphDirectory
from shared.adapters.identity import by_browser, by_certificate, by_device_code
from shared.adapters.inspect import EmulatorInspector
from shared.adapters.keys import LocalFileSigner
from shared.adapters.memory import MemoryQueue, QueueMessage
from shared.bootstrap import TABLE, Keys, Parts, open_directory, system_clock
from shared.catalog.registry import CATALOG
from shared.desks import HANDLERS
from shared.domain import queues
from shared.domain.errors import BlobMissing, Refused, Retryable, Unusable
from shared.domain.ports import BlobStore, Clock, GraphRequest, Ids
from shared.engines.create import create_once
from shared.engines.evidence import Evidence, TrustedKeys, approvers_blob, sha256
from shared.engines.holds import Holds
from shared.engines.jws import Purpose, load_public_keys
from shared.engines.repository import Repository
from shared.engines.wire import parse
from shared.settings import CONNECTIONS, Settings, is_loopback, load_settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

OWN_KEYS = ("plan", "evidence", "execution")  # snapshots were signed by the deployment
KEYS, APPROVERS, ROWS, SECRETS = "keys", "approvers.json", "state.db", "secrets"
_TOGETHER = 16  # messages in hand at a time, as many as one instance of an app takes
_AGAIN = 5.0  # seconds until a message that failed for now comes back, unless the failure says when
_HELD = 1e9  # seconds for which a message in hand is nobody else's: there is nobody else


def laptop_settings(
    copy: FolderCopy, work: Path, environ: Mapping[str, str] | None = None, *, into: str = ""
) -> Settings:
    """The settings of the environment, with folders in place of storage and Key Vault. `into`: another tenant that
    is restored into, which the settings are then for. Raises `Unusable` that lists every problem at once."""
    here = {
        "HOLDFAST_TENANT_ID": into or copy.tenant,
        "HOLDFAST_EXPORT_DIR": str(copy.folder),
        "HOLDFAST_WORK_DIR": str(work),
        "HOLDFAST_KEYS_DIR": str(work / KEYS),
        "HOLDFAST_SECRETS_DIR": str(work / SECRETS),
    }
    return _settings(here, os.environ if environ is None else environ)


def _settings(here: Mapping[str, str], given: Mapping[str, str]) -> Settings:
    """Every role's, of a process on its own: without what only the apps can use."""
    apps = (*CONNECTIONS, "HOLDFAST_IDENTITY_CLIENT_ID")
    own = {name: value for name, value in given.items() if not name.startswith(apps)}
    return load_settings({**own, "HOLDFAST_ROLE": "all", **here})


@asynccontextmanager
async def open_laptop(
    settings: Settings, copy: FolderCopy, keys: Keys, tell: Callable[[str], None]
) -> AsyncIterator[Parts]:
    """The parts of all roles at once, over the copy and the work folder. `keys`: those by which the copy is
    believed. `tell` shows a person how to sign in."""
    async with AsyncExitStack() as stack:
        clock, ids = system_clock(settings), RandomIds()
        credential = _credential(settings, tell)
        if not isinstance(credential, FixedToken):
            stack.push_async_callback(credential.close)
        directory = open_directory(settings, credential, clock, ids)
        stack.push_async_callback(directory.close)
        yield await laptop_parts(settings, copy, keys, directory, clock, SystemClock(), ids)


async def laptop_parts(
    settings: Settings,
    copy: FolderCopy,
    keys: Keys,
    directory: GraphDirectory,
    clock: Clock,
    real: Clock,
    ids: Ids,
) -> Parts:
    """`real`: the queues' clock, which no factor moves faster."""
    if not copy.vaults:
        raise Unusable(f"{copy.folder} holds no vault folder", hint="holdfast export makes vault-35d or the like")
    work = Path(settings.work_dir)
    signers = _signers(work / KEYS)
    own = {
        purpose: {**_listed(work / KEYS / f"{purpose.name.lower()}.pub"), **signer.public_keys}
        for purpose, signer in signers.items()
    }
    evidence = FolderBlobStore(work / settings.evidence_container)
    await _bring_approvers(settings, copy, evidence)
    holds = Holds(copy.hold, copy.tenant) if copy.hold is not None else None
    names = [name for one in HANDLERS for name in (one, queues.poison(one))]
    return Parts(
        settings=settings,
        catalog=CATALOG,
        clock=clock,
        ids=ids,
        directory=directory,
        audit=GraphAudit(directory),
        vaults=copy.vaults,
        vault=next(iter(copy.vaults.values())),
        evidence=evidence,
        chain=copy.chain,
        repository=Repository(copy.vaults, copy.chain, copy.tenant, keys[Purpose.SNAPSHOT], clock, holds),
        holds=holds,
        queues={name: MemoryQueue(name, real) for name in names},
        tables=FolderTableStore(work / ROWS, TABLE),
        signers=signers,
        keys={**keys, **own},
        secrets=FileSecretStore(work / SECRETS, clock, timedelta(days=settings.initial_password_days)),
        inspector=EmulatorInspector(),
        control=None,
        scratch=Path(settings.scratch_dir) if settings.scratch_dir else None,
        earlier=_earlier(copy, keys),
    )


@asynccontextmanager
async def open_unlock_directory(
    folder: Path, tenant: str, way: str, tell: Callable[[str], None]
) -> AsyncIterator[tuple[GraphDirectory, Clock]]:
    """The tenant, as the unlock identity of the environment: by its certificate, else by a person, `way` saying how
    (`device-code` or `browser`). Needs neither keys nor a vault."""
    here = {
        "HOLDFAST_TENANT_ID": tenant,
        "HOLDFAST_EXPORT_DIR": str(folder),
        "HOLDFAST_KEYS_DIR": str(folder),
    }
    settings = _settings(here, os.environ)
    async with AsyncExitStack() as stack:
        clock = system_clock(settings)
        as_ever = is_loopback(settings.graph_url) or settings.client_certificate or way != "browser"
        credential = _credential(settings, tell) if as_ever else by_browser(tenant, settings.client_id)
        if not isinstance(credential, FixedToken):
            stack.push_async_callback(credential.close)
        directory = open_directory(settings, credential, clock, RandomIds())
        stack.push_async_callback(directory.close)
        yield directory, clock


def _credential(settings: Settings, tell: Callable[[str], None]) -> Credential:
    if is_loopback(settings.graph_url):
        return FixedToken(settings.graph_token)
    if settings.client_certificate:
        return by_certificate(settings.tenant_id, settings.client_id, settings.client_certificate)
    return by_device_code(settings.tenant_id, settings.client_id, tell)


def _signers(folder: Path) -> dict[Purpose, LocalFileSigner]:
    missing = [name for name in OWN_KEYS if not (folder / f"{name}.pem").is_file()]
    if missing:
        raise Unusable(
            f"this laptop has no key for {', '.join(missing)} in {folder}",
            hint=f"holdfast keys create {folder} --laptop",
        )
    return {Purpose[name.upper()]: LocalFileSigner(folder / f"{name}.pem") for name in OWN_KEYS}


def _listed(file: Path) -> dict[str, EllipticCurvePublicKey]:
    """The laptop's keys from before a rotation, too."""
    return load_public_keys(file.read_bytes()) if file.is_file() else {}


def _earlier(copy: FolderCopy, keys: Keys) -> tuple[Evidence, ...]:
    """What the deployment's own restores left, by the deployment's keys."""
    if copy.evidence is None:
        return ()
    return (Evidence(copy.evidence, copy.tenant, TrustedKeys.among(keys)),)


async def _bring_approvers(settings: Settings, copy: FolderCopy, evidence: BlobStore) -> None:
    """The document that the settings name, from the work folder or from the copy, into the evidence. It is believed
    by its hash alone; where it is nowhere, approving says so."""
    if not settings.approvers_sha256:
        return
    file = Path(settings.work_dir) / APPROVERS
    found = [file.read_bytes()] if file.is_file() else []
    if copy.evidence is not None:
        with suppress(BlobMissing):
            found.append(await copy.evidence.get(approvers_blob(copy.tenant, settings.approvers_sha256)))
    for data in found:
        if sha256(data) == settings.approvers_sha256:
            await create_once(evidence, approvers_blob(settings.tenant_id, settings.approvers_sha256), data)
            return


async def check_tenant(parts: Parts) -> None:
    """Raises `Refused` where whoever signed in is in another tenant than the settings name."""
    page = await parts.directory.page(GraphRequest("GET", "/v1.0/organization?$select=id"))
    read = [str(parse(item).get("id", "")).lower() for item in page.items]
    if read != [parts.settings.tenant_id.lower()]:
        raise Refused(
            f"this sign-in is to the tenant {', '.join(read) or 'unknown'}, not {parts.settings.tenant_id}",
            saved="nothing was written",
            hint="sign in to the tenant that --into names",
        )


@dataclass(slots=True)
class Worker:
    """Does what the apps would, whenever somebody waits for it. What fails for now is tried again, and told; any
    other failure is the waiting command's. What is in hand when the command ends is dropped as if the process had
    been killed, which every step of a restore is made for."""

    parts: Parts
    real: Clock
    tell: Callable[[str], None]
    _home: asyncio.Lock = field(default_factory=asyncio.Lock)
    _checked: bool = False
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    @asynccontextmanager
    async def over(cls, parts: Parts, real: Clock, tell: Callable[[str], None]) -> AsyncIterator[Worker]:
        worker = cls(parts, real, tell)
        try:
            yield worker
        finally:
            await worker._drop()

    async def __call__(self, seconds: float) -> None:
        """Works for about `seconds`, or until something has ended."""
        self._take()
        coming = self._queues() if len(self._running) < _TOGETHER else []
        waits = [queue.next_visible for queue in coming if queue.next_visible is not None]
        pause = asyncio.create_task(self.real.sleep(min([seconds, *waits])))
        try:
            ended, _ = await asyncio.wait({pause, *self._running}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pause.cancel()
        self._running -= ended
        for task in ended - {pause}:
            task.result()

    async def _drop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _check_tenant(self) -> None:
        """Before the first write into another tenant. Raises `Refused` where the sign-in was to some other one."""
        async with self._home:
            if not self._checked and self.parts.repository.tenant != self.parts.settings.tenant_id:
                await check_tenant(self.parts)
            self._checked = True

    def _queues(self) -> list[MemoryQueue]:
        return [queue for name in HANDLERS if isinstance(queue := self.parts.queues[name], MemoryQueue)]

    def _take(self) -> None:
        for queue in self._queues():
            room = _TOGETHER - len(self._running)
            for message in queue.receive(limit=room, visibility=_HELD) if room else ():
                self._running.add(asyncio.create_task(self._serve(queue, message)))

    async def _serve(self, queue: MemoryQueue, message: QueueMessage) -> None:
        try:
            if queue.name == queues.RESTORE_STEPS:
                await self._check_tenant()
            await HANDLERS[queue.name](self.parts, message.body.encode())
        except Retryable as failed:
            self.tell(f"waiting, then trying again: {failed.what}")
            queue.hide(message, failed.after or _AGAIN)
            return
        queue.delete(message)

"""Opens what a command needs: an operator's parts of the deployment, the second copy, or a folder copy of the
containers.

With `HOLDFAST_ROLE=copy` the commands that read do so in the second account, which is then the vault: the first
one, and the tenant, may be gone.

A folder copy holds one folder per container, as any copying tool makes them: `chain/`, `vault-35d/`, …,
`evidence-400d/`. Reading one needs no sign-in and no deployment, only the public keys, which come from the
user and never from the copy.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from shared.cli.waiting import GOES_ON, Pause
from shared.domain.errors import Unusable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    from shared.adapters.folder_copy import FolderCopy
    from shared.adapters.key_vault import KeyVersion
    from shared.bootstrap import Armer, CopyParts
    from shared.bootstrap import Parts as Operator
    from shared.catalog.registry import Catalog
    from shared.domain.ports import BlobStore, Clock
    from shared.engines.approvals import ApprovalDesk
    from shared.engines.evidence import Evidence
    from shared.engines.holds import Holds
    from shared.engines.jws import Purpose
    from shared.engines.repository import Repository
    from shared.engines.unlocking import Unlocking

    KeyReader: TypeAlias = Callable[[str, Collection[str]], Awaitable[list[KeyVersion]]]
    Keys: TypeAlias = Mapping[Purpose, Mapping[str, EllipticCurvePublicKey]]

_PURPOSES = ("snapshot", "plan", "evidence", "execution")


@dataclass(frozen=True, slots=True)
class Source:
    """Where to read: the deployment that the settings name, or a folder copy. `keys`: public keys, a file or
    a folder of `.pub` files; None: as the settings say.

    `restoring`: from the folder copy without the apps, with what is written in `work` (None: beside the copy);
    `tell` says what a person has to do or wait for meanwhile."""

    folder: Path | None = None
    keys: Path | None = None
    restoring: bool = False
    work: Path | None = None
    tell: Callable[[str], None] = print
    reads_copy: bool = True  # whether the command needs more of the copy than its tenant
    into: str = ""  # another tenant that the restore goes into


@dataclass(frozen=True, slots=True)
class Parts:
    """What commands work with. `operator` is None for a copy that is only read: nothing can be asked for there.
    `copy`: the second account, where the settings name one. `worker` does what is asked for while a command waits;
    None: the apps do it, whether one waits or not."""

    tenant: str
    catalog: Catalog
    clock: Clock
    repository: Repository
    vaults: Mapping[str, BlobStore]
    chain: BlobStore
    evidence: Evidence
    keys: Keys
    operator: Operator | None
    holds: Holds | None = None  # None: there are none to be read here
    copy: CopyParts | None = None
    worker: Pause | None = None
    flags: str = ""  # of the next command, so that it works on the same

    @property
    def unattended(self) -> str:
        """What becomes of a request when its command ends before it."""
        return GOES_ON if self.worker is None else "what is done; the same command goes on from there"

    def deployment(self, what: str) -> Operator:
        if self.operator is None:
            raise Unusable(
                f"{what} needs the deployment; a copy can only be read",
                hint="run it without --local, with the settings of the deployment, not of the copy",
            )
        return self.operator


@asynccontextmanager
async def open_parts(source: Source) -> AsyncIterator[Parts]:
    if source.folder is not None and source.restoring:
        async with _laptop_parts(source, source.folder) as parts:
            yield parts
        return
    if source.folder is not None:
        yield _folder_parts(source.folder, source.keys)
        return
    from shared.bootstrap import open_copy, open_operator
    from shared.settings import Role, load_settings

    settings = load_settings()
    async with AsyncExitStack() as stack:
        copy = await stack.enter_async_context(open_copy(settings)) if settings.copy_storage.present else None
        if copy is not None and settings.role is Role.COPY:
            yield from_copy(copy, copy.keys if source.keys is None else trusted_keys(source.keys))
            return
        operator = await stack.enter_async_context(open_operator(settings))
        keys = operator.keys if source.keys is None else trusted_keys(source.keys)
        yield replace(from_operator(operator, keys), copy=copy)


def from_operator(operator: Operator, keys: Keys) -> Parts:
    return Parts(
        tenant=operator.settings.tenant_id,
        catalog=operator.catalog,
        clock=operator.clock,
        repository=operator.repository,
        vaults=operator.vaults,
        chain=operator.chain,
        evidence=_evidence(operator.evidence, operator.settings.tenant_id, keys),
        holds=operator.holds,
        keys=keys,
        operator=operator,
    )


def from_copy(copy: CopyParts, keys: Keys) -> Parts:
    """The second account as what is read."""
    from shared.engines.jws import Purpose
    from shared.engines.repository import Repository

    ports = copy.ports
    tenant, clock = ports.source.tenant, copy.clock
    vaults = {name: ports.copies[name] for name in ports.source.vaults}
    chain = ports.copies[ports.source.chain.container]
    return Parts(
        tenant=tenant,
        catalog=copy.catalog,
        clock=clock,
        repository=Repository(vaults, chain, tenant, keys.get(Purpose.SNAPSHOT, {}), clock),
        vaults=vaults,
        chain=chain,
        evidence=_evidence(ports.copies[ports.evidence.container], tenant, keys),
        keys=keys,
        operator=None,
        copy=copy,
    )


def _folder_parts(folder: Path, keys_at: Path | None) -> Parts:
    from shared.adapters.clock import SystemClock
    from shared.adapters.files import FolderBlobStore
    from shared.catalog.registry import CATALOG
    from shared.engines.holds import Holds
    from shared.engines.jws import Purpose
    from shared.engines.repository import Repository

    copy = _copy(folder)
    keys = _copy_keys(keys_at)
    clock = SystemClock()
    holds = Holds(copy.hold, copy.tenant) if copy.hold is not None else None
    evidence = copy.evidence or FolderBlobStore(folder / "evidence-0d", create=False)
    return Parts(
        tenant=copy.tenant,
        catalog=CATALOG,
        clock=clock,
        repository=Repository(copy.vaults, copy.chain, copy.tenant, keys.get(Purpose.SNAPSHOT, {}), clock, holds),
        vaults=copy.vaults,
        chain=copy.chain,
        evidence=_evidence(evidence, copy.tenant, keys),
        holds=holds,
        keys=keys,
        operator=None,
    )


@asynccontextmanager
async def _laptop_parts(source: Source, folder: Path) -> AsyncIterator[Parts]:
    from shared.adapters.clock import SystemClock
    from shared.laptop import Worker, laptop_settings, open_laptop

    copy = _copy(folder)
    work = source.work or work_folder(folder)
    settings = laptop_settings(copy, work, into=source.into)
    keys = _copy_keys(source.keys) if source.reads_copy else _by_purpose({})
    async with (
        open_laptop(settings, copy, keys, source.tell) as operator,
        Worker.over(operator, SystemClock(), source.tell) as worker,
    ):
        yield laptop_view(operator, worker, source)


def laptop_view(operator: Operator, worker: Pause, source: Source) -> Parts:
    """What commands see of a laptop's parts."""
    given = {"--local": source.folder, "--work": source.work, "--into": source.into or None}
    flags = "".join(f" {name} {shlex.quote(str(path))}" for name, path in given.items() if path is not None)
    return replace(from_operator(operator, operator.keys), worker=worker, flags=flags)


def approval_desk(parts: Parts, operator: Operator) -> ApprovalDesk:
    """Counts approvals as the apps do; it records none."""
    from shared.engines.approvals import ApprovalDesk

    settings = operator.settings
    return ApprovalDesk(parts.evidence, parts.clock, settings.approvers_sha256, settings.override_wait)


def work_folder(folder: Path) -> Path:
    """Beside the copy, which must stay as it was exported."""
    return folder.absolute().with_name(f"{folder.absolute().name}.work")


def _copy(folder: Path) -> FolderCopy:
    from shared.adapters.folder_copy import FolderCopy

    return FolderCopy.open(folder, os.environ.get("HOLDFAST_TENANT_ID", ""))


def _copy_keys(keys_at: Path | None) -> Keys:
    return trusted_keys(keys_at) if keys_at is not None else _keys_of_environment()


def _evidence(store: BlobStore, tenant: str, keys: Keys) -> Evidence:
    from shared.engines.evidence import Evidence, TrustedKeys

    return Evidence(store, tenant, TrustedKeys.among(keys))


async def read_keys(vault_url: str, names: Collection[str]) -> list[KeyVersion]:
    """The enabled versions of these keys in a key vault, as whoever is signed in."""
    from shared.adapters.identity import own_identity
    from shared.adapters.key_vault import key_versions

    async with own_identity("") as credential:
        return await key_versions(vault_url, names, credential)


@asynccontextmanager
async def open_armer(sign_in_app: str, tell: Callable[[str], None]) -> AsyncIterator[Armer]:
    """The restore app's two switches, as the person at this shell."""
    from shared import bootstrap
    from shared.settings import load_settings

    async with bootstrap.open_armer(load_settings(), sign_in_app, tell) as armer:
        yield armer


@asynccontextmanager
async def open_unlocking(
    folder: Path | None, tenant: str, way: str, tell: Callable[[str], None]
) -> AsyncIterator[Unlocking]:
    """The unlock identity in the tenant, by the settings of the environment."""
    from shared.catalog.registry import CATALOG
    from shared.engines.unlocking import Unlocking
    from shared.laptop import open_unlock_directory

    async with open_unlock_directory(folder or Path(), tenant, way, tell) as (directory, clock):
        yield Unlocking(directory, CATALOG, clock, clock.sleep)


# --- public keys -------------------------------------------------------------------------------------------


def trusted_keys(path: Path) -> Keys:
    """Public keys by purpose. A folder: `snapshot.pub` and so on. A file: a JSON object of purpose → JWK set,
    or keys without a purpose, which are then trusted for snapshots and their chain only."""
    from shared.engines.wire import parse

    if path.is_dir():
        found = {name: path / f"{name}.pub" for name in _PURPOSES}
        documents = {name: _read(file) for name, file in found.items() if file.exists()}
        if not documents:
            raise Unusable(f"there is no public key in {path}", hint="it should hold snapshot.pub")
        return _by_purpose(documents)
    data = _read(path)
    if data.lstrip().startswith(b"{"):
        document = parse(data)
        if isinstance(document, dict) and document and set(document) <= set(_PURPOSES):
            return _from_json(document)
    return _by_purpose({"snapshot": data})


def keys_for(purpose: Purpose, path: Path | None) -> Mapping[str, EllipticCurvePublicKey]:
    """Public keys that are trusted for one purpose: as `trusted_keys`, but keys without a purpose are for this one.
    None: as the environment says."""
    from shared.engines.jws import load_public_keys
    from shared.engines.wire import parse

    if path is None:
        return _keys_of_environment().get(purpose, {})
    if not path.is_dir():
        data = _read(path)
        document = parse(data) if data.lstrip().startswith(b"{") else None
        if not (isinstance(document, dict) and document and set(document) <= set(_PURPOSES)):
            return load_public_keys(data)
    return trusted_keys(path).get(purpose, {})


def _keys_of_environment() -> Keys:
    from shared.engines.wire import parse

    if given := os.environ.get("HOLDFAST_PUBLIC_KEYS", ""):
        document = parse(given)
        if not isinstance(document, dict):
            raise Unusable("HOLDFAST_PUBLIC_KEYS is not a JSON object of purpose and JWK set")
        return _from_json(document)
    if folder := os.environ.get("HOLDFAST_KEYS_DIR", ""):
        return trusted_keys(Path(folder))
    raise Unusable(
        "no public key is given: a copy can't vouch for itself",
        hint="give --key FILE, the public key of snapshots that you trust",
    )


def _from_json(document: Mapping[str, object]) -> Keys:
    from shared.engines.wire import dump

    return _by_purpose({name: dump(value) for name, value in document.items() if name in _PURPOSES})


def _by_purpose(documents: Mapping[str, bytes]) -> Keys:
    from shared.engines.jws import keys_by_purpose

    return keys_by_purpose(documents)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unusable(f"the public key can't be read: {error.strerror}: {path}") from None

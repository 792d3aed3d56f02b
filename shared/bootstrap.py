"""The one place that wires adapters to ports, by role.

A process opens its parts once and closes them at its end. What a role may not do, it is not given: the restore
role gets no snapshot, plan or evidence key, the backup role no execution key and no secret store for writing,
the copy role neither a key nor a way to the tenant, an operator no key at all.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.adapters.access import ArmVaultAccess
from shared.adapters.app_switch import ArmAppSwitch
from shared.adapters.blob import AzureBlobStore
from shared.adapters.clock import RandomIds, SystemClock
from shared.adapters.files import FileSecretStore
from shared.adapters.graph.audit import GraphAudit
from shared.adapters.graph.auth import Credential, FixedToken
from shared.adapters.graph.client import GraphDirectory
from shared.adapters.graph.limits import Limits, quotas
from shared.adapters.identity import by_azure_cli, by_device_code, federated, own_identity
from shared.adapters.inspect import AzureInspector, EmulatorInspector
from shared.adapters.key_vault import KeyVaultSecretStore, KeyVaultSigner
from shared.adapters.keys import LocalFileSigner
from shared.adapters.management import ArmVaultControl, LoopbackToken
from shared.adapters.queue import AzureQueue
from shared.adapters.tables import AzureTableStore
from shared.adapters.vault_log import LogAnalyticsVaultLog
from shared.catalog.registry import CATALOG, Catalog
from shared.domain.errors import Unusable
from shared.domain.ports import (
    AppSwitch,
    Audit,
    BlobStore,
    Clock,
    Ids,
    SecretStore,
    Signer,
    StoreInspector,
    TableStore,
    VaultAccess,
    VaultControl,
    VaultLog,
    WorkQueue,
)
from shared.domain.queues import JUDGED, QUEUES, poison
from shared.domain.vault import CHAIN_CONTAINER, HOLD_CONTAINER
from shared.engines.copying import Source
from shared.engines.evidence import Evidence
from shared.engines.holds import Holds
from shared.engines.jws import KEY_PURPOSES, Purpose, keys_by_purpose
from shared.engines.repository import Repository
from shared.engines.second_copy import SecondCopy
from shared.settings import Connection, Role, Settings, is_loopback

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

TABLE = "holdfast"
TOOL = "holdfast/0.1.0"
_SIGNS: Mapping[Role, tuple[str, ...]] = {
    Role.BACKUP: ("snapshot", "plan", "evidence"),
    Role.RESTORE: ("execution",),
    Role.ALL: tuple(KEY_PURPOSES),
}
Keys = Mapping[Purpose, Mapping[str, "EllipticCurvePublicKey"]]


@dataclass(frozen=True, eq=False)
class Parts:
    """Everything a process may use. Two are never equal: what is built from one belongs to it."""

    settings: Settings
    catalog: Catalog
    clock: Clock
    ids: Ids
    directory: GraphDirectory
    audit: Audit
    vaults: Mapping[str, BlobStore]
    vault: BlobStore  # the container of the first retention class
    evidence: BlobStore
    chain: BlobStore
    repository: Repository
    queues: Mapping[str, WorkQueue]
    tables: TableStore
    signers: Mapping[Purpose, Signer]
    keys: Keys
    secrets: SecretStore
    inspector: StoreInspector
    control: VaultControl | None  # None: nobody said where the management plane is, or there is none
    scratch: Path | None  # for temporary files; None: the system's folder
    access: VaultAccess | None = None  # None as `control`
    log: VaultLog | None = None  # None: no workspace keeps the vault's read log, or nobody said which
    earlier: tuple[Evidence, ...] = ()  # of restores that were run from elsewhere, and count
    holds: Holds | None = None  # None: there are none to be read here


@dataclass(frozen=True, eq=False)
class CopyParts:
    """What a copier may use: the first account to read, the second to read and add to."""

    settings: Settings
    catalog: Catalog
    clock: Clock
    keys: Keys
    ports: SecondCopy

    @property
    def control(self) -> VaultControl | None:
        """The management plane of the second account."""
        return self.ports.control


@asynccontextmanager
async def open_copy(settings: Settings) -> AsyncIterator[CopyParts]:
    """The parts of the copy role; also for an operator who looks at the copy."""
    keys = public_keys(settings)
    if not keys[Purpose.SNAPSHOT]:
        raise Unusable("there is no public key for snapshots: a copier copies only what verifies")
    async with AsyncExitStack() as stack:
        clock = system_clock(settings)
        storage = _Storage(settings, stack)
        first, second = settings.vault_storage, settings.copy_storage
        control = storage.control(second, settings.copy_resource_id)
        source = Source(
            vaults={name: storage.blobs(first, name) for name in settings.vault_containers},
            chain=storage.blobs(first, CHAIN_CONTAINER),
            tenant=settings.tenant_id,
            keys=keys[Purpose.SNAPSHOT],
            catalog=CATALOG,
            clock=clock,
            scratch=Path(settings.scratch_dir) if settings.scratch_dir else None,
        )
        ports = SecondCopy(
            source=source,
            evidence=storage.blobs(first, settings.evidence_container),
            copies={name: storage.blobs(second, name) for name in settings.promised_days},
            inspector=storage.inspector(second, control),
            control=control,
            residency=settings.residency,
        )
        yield CopyParts(settings, CATALOG, clock, keys, ports)


@asynccontextmanager
async def open_operator(settings: Settings) -> AsyncIterator[Parts]:
    """The parts of a person at the command line: everything but signing keys."""
    async with open_parts(settings, signs=False) as parts:
        yield parts


@asynccontextmanager
async def open_parts(settings: Settings, *, signs: bool = True) -> AsyncIterator[Parts]:
    """The parts of the settings' role. `signs=False`: without any signing key."""
    async with AsyncExitStack() as stack:
        clock = system_clock(settings)
        ids = RandomIds()
        storage = _Storage(settings, stack)
        vault = settings.vault_storage
        control = storage.control(vault, settings.vault_resource_id)
        vaults = {name: storage.blobs(vault, name) for name in settings.vault_containers}
        chain = storage.blobs(vault, CHAIN_CONTAINER)
        holds = Holds(storage.blobs(vault, HOLD_CONTAINER), settings.tenant_id)
        keys = public_keys(settings)
        directory = open_directory(settings, _graph_credential(settings, stack), clock, ids)
        stack.push_async_callback(directory.close)
        yield Parts(
            settings=settings,
            catalog=CATALOG,
            clock=clock,
            ids=ids,
            directory=directory,
            audit=GraphAudit(directory),
            vaults=vaults,
            vault=vaults[settings.vault_container],
            evidence=storage.blobs(vault, settings.evidence_container),
            chain=chain,
            repository=Repository(vaults, chain, settings.tenant_id, keys[Purpose.SNAPSHOT], clock, holds),
            holds=holds,
            queues=storage.queues(),
            tables=storage.table(),
            signers=await _signers(settings, stack, keys) if signs else {},
            keys=keys,
            secrets=_secrets(settings, stack, clock),
            inspector=storage.inspector(vault, control),
            control=control,
            access=storage.access(),
            log=storage.log(),
            scratch=Path(settings.scratch_dir) if settings.scratch_dir else None,
        )


@dataclass(frozen=True, eq=False)
class Armer:
    """What a person needs to switch the restore app: the protected tenant and the app, both as themselves."""

    directory: GraphDirectory
    switch: AppSwitch


@asynccontextmanager
async def open_armer(settings: Settings, sign_in_app: str, tell: Callable[[str], None]) -> AsyncIterator[Armer]:
    """`sign_in_app`: an application to sign in to by device code; "": as the Azure CLI is signed in. `tell` shows
    the code."""
    if not settings.restore_app_resource_id:
        raise Unusable("nobody said which app the restore app is", hint="set HOLDFAST_RESTORE_APP_RESOURCE_ID")
    async with AsyncExitStack() as stack:
        credential: Credential
        if is_loopback(settings.graph_url):
            credential = FixedToken(settings.graph_token)
        else:
            person = (
                by_device_code(settings.tenant_id, sign_in_app, tell)
                if sign_in_app
                else by_azure_cli(settings.tenant_id)
            )
            stack.push_async_callback(person.close)
            credential = person
        directory = open_directory(settings, credential, system_clock(settings), RandomIds())
        stack.push_async_callback(directory.close)
        own = LoopbackToken() if is_loopback(settings.management_url) else own_identity("")
        stack.push_async_callback(own.close)
        switch = ArmAppSwitch.open(settings.restore_app_resource_id, own, settings.management_url)
        stack.push_async_callback(switch.close)
        yield Armer(directory, switch)


def open_directory(settings: Settings, credential: Credential, clock: Clock, ids: Ids) -> GraphDirectory:
    """The tenant, for the caller to close; the credential stays the caller's, too."""
    backup = settings.role is Role.BACKUP
    return GraphDirectory.open(
        settings.graph_url,
        credential,
        clock=clock,
        ids=ids,
        limits=Limits(clock, quotas()),
        low_priority=backup,
        # A write must not be tried any more once another worker may have taken its claim for abandoned.
        patience=900.0 if backup else settings.claim_seconds / 2,
    )


def public_keys(settings: Settings) -> Keys:
    """Purpose → key id → public key, from the setting or, on loopback, from the key folder's `.pub` files."""
    documents: dict[str, bytes] = {}
    if settings.public_keys:
        try:
            given: Any = json.loads(settings.public_keys)
        except ValueError:
            raise Unusable("HOLDFAST_PUBLIC_KEYS is not JSON") from None
        documents = {name: json.dumps(value).encode() for name, value in dict(given).items()}
    elif settings.keys_dir:
        for name in KEY_PURPOSES:
            path = settings.keys_path / f"{name}.pub"
            if path.exists():
                documents[name] = path.read_bytes()
    return keys_by_purpose(documents)


def system_clock(settings: Settings) -> SystemClock:
    epoch = None if settings.clock_epoch is None else datetime.fromtimestamp(settings.clock_epoch, UTC)
    return SystemClock(settings.clock_factor, epoch)


class _Storage:
    """Stores and queues over the settings' connections; each is closed with the stack."""

    def __init__(self, settings: Settings, stack: AsyncExitStack) -> None:
        self._settings = settings
        self._stack = stack
        self._credentials: dict[str, AsyncTokenCredential] = {}

    def _credential(self, connection: Connection) -> AsyncTokenCredential:
        settings = self._settings
        abroad = settings.vault_tenant_id if connection is settings.vault_storage else ""
        who = abroad or connection.client_id
        if who not in self._credentials:
            # A managed identity has a token of its own tenant only; an app registration may be known in another.
            credential = (
                federated(abroad, settings.client_id, settings.identity_client_id)
                if abroad
                else own_identity(connection.client_id)
            )
            self._stack.push_async_callback(credential.close)
            self._credentials[who] = credential
        return self._credentials[who]

    def blobs(self, connection: Connection, container: str) -> AzureBlobStore:
        if connection.connection_string:
            store = AzureBlobStore.from_connection_string(connection.connection_string, container)
        else:
            store = AzureBlobStore.from_account(connection.blob, container, self._credential(connection))
        self._stack.push_async_callback(store.close)
        return store

    def queues(self) -> Mapping[str, WorkQueue]:
        """Every queue whose account this process is told of."""
        accounts = {"BackupState": self._settings.backup_state, "RestoreState": self._settings.restore_state}
        found: dict[str, WorkQueue] = {}
        for spec in QUEUES:
            connection = accounts[spec.connection]
            names = (spec.name, poison(spec.name)) if spec.name in JUDGED else (spec.name,)
            for name in names:
                if connection.connection_string:
                    queue = AzureQueue.from_connection_string(connection.connection_string, name)
                elif connection.queue:
                    queue = AzureQueue.from_account(connection.queue, name, self._credential(connection))
                else:
                    continue
                self._stack.push_async_callback(queue.close)
                found[name] = queue
        return found

    def table(self) -> AzureTableStore:
        """The state table of this role's own account."""
        restore = self._settings.role is Role.RESTORE
        connection = self._settings.restore_state if restore else self._settings.backup_state
        if connection.connection_string:
            table = AzureTableStore.from_connection_string(connection.connection_string, TABLE)
        elif connection.table:
            table = AzureTableStore.from_account(connection.table, TABLE, self._credential(connection))
        else:
            raise Unusable(f"{'RestoreState' if restore else 'BackupState'} is missing: the role's state account")
        self._stack.push_async_callback(table.close)
        return table

    def control(self, connection: Connection, resource_id: str) -> VaultControl | None:
        if not resource_id:
            return None
        credential = self._reader_of(connection, self._settings.management_url)
        control = ArmVaultControl.open(resource_id, credential, self._settings.management_url)
        self._stack.push_async_callback(control.close)
        return control

    def access(self) -> VaultAccess | None:
        settings = self._settings
        if not settings.vault_resource_id:
            return None
        credential = self._reader_of(settings.vault_storage, settings.management_url)
        access = ArmVaultAccess.open(settings.vault_resource_id, credential, settings.management_url)
        self._stack.push_async_callback(access.close)
        return access

    def log(self) -> VaultLog | None:
        settings = self._settings
        if not settings.log_workspace_id:
            return None
        credential = self._reader_of(settings.vault_storage, settings.log_url)
        log = LogAnalyticsVaultLog.open(
            settings.log_workspace_id, settings.vault_resource_id, credential, settings.log_url
        )
        self._stack.push_async_callback(log.close)
        return log

    def _reader_of(self, connection: Connection, url: str) -> AsyncTokenCredential:
        """For what is beside storage: the account's own identity, or none on this machine."""
        return LoopbackToken() if is_loopback(url) else self._credential(connection)

    def inspector(self, connection: Connection, control: VaultControl | None) -> StoreInspector:
        residency, days = self._settings.residency, self._settings.promised_days
        if connection.connection_string:
            if control is None:
                return EmulatorInspector()
            local = AzureInspector.from_connection_string(connection.connection_string, control, days, residency)
            self._stack.push_async_callback(local.close)
            return local
        credential = self._credential(connection)
        inspector = AzureInspector.from_account(connection.blob, credential, control, days, residency)
        self._stack.push_async_callback(inspector.close)
        return inspector


def _graph_credential(settings: Settings, stack: AsyncExitStack) -> Credential:
    """On loopback the fixed token, in Azure the federated app registration, else whoever is signed in."""
    if is_loopback(settings.graph_url):
        return FixedToken(settings.graph_token)
    credential = (
        federated(settings.tenant_id, settings.client_id, settings.identity_client_id)
        if settings.identity_client_id
        else own_identity("")
    )
    stack.push_async_callback(credential.close)
    return credential


async def _signers(settings: Settings, stack: AsyncExitStack, keys: Keys) -> Mapping[Purpose, Signer]:
    signers: dict[Purpose, Signer] = {}
    identity = None
    for name in _SIGNS[settings.role]:
        signer: Signer
        if settings.keys_dir:
            signer = LocalFileSigner(settings.keys_path / f"{name}.pem")
        else:
            if identity is None:
                identity = own_identity(settings.identity_client_id)
                stack.push_async_callback(identity.close)
            url = f"{settings.key_vault_url.rstrip('/')}/keys/{name}"
            trusted = keys[KEY_PURPOSES[name][0]]
            vault_signer = await KeyVaultSigner.open(url, identity, trusted=trusted)
            stack.push_async_callback(vault_signer.close)
            signer = vault_signer
        signers.update(dict.fromkeys(KEY_PURPOSES[name], signer))
    return signers


def _secrets(settings: Settings, stack: AsyncExitStack, clock: Clock) -> SecretStore:
    lifetime = timedelta(days=settings.initial_password_days)
    if settings.secrets_dir:
        return FileSecretStore(Path(settings.secrets_dir), clock, lifetime)
    if not settings.secrets_vault_url:
        return _NoSecrets()
    identity = own_identity(settings.identity_client_id)
    stack.push_async_callback(identity.close)
    store = KeyVaultSecretStore(settings.secrets_vault_url, identity, clock, lifetime)
    stack.push_async_callback(store.close)
    return store


class _NoSecrets:
    """For processes that never meet a password; a restore that needs one stops before it writes."""

    async def put(self, name: str, value: str) -> str:
        raise Unusable("no secret store is configured", hint="set HOLDFAST_SECRETS_VAULT_URL")

    async def get(self, name: str) -> str | None:
        return None

"""Settings of one process: one typed object, read once, all errors reported together.

Names begin with `HOLDFAST_`; storage connections follow the convention of Azure Functions, so that triggers and
code share them: `VaultStorage`, `CopyStorage`, `BackupState` and `RestoreState` hold a connection string (loopback
only) or have `__blobServiceUri`, `__queueServiceUri`, `__tableServiceUri` and `__clientId` beside them.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from shared.domain.errors import Unusable
from shared.domain.evidence import RecoveryTarget
from shared.domain.plan import USUAL, Thresholds
from shared.domain.regions import Residency
from shared.domain.vault import CHAIN_CONTAINER
from shared.domain.wire import camel

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
GRAPH_ORIGINS = frozenset(
    {
        "https://graph.microsoft.com",
        "https://graph.microsoft.us",
        "https://dod-graph.microsoft.us",
        "https://microsoftgraph.chinacloudapi.cn",
    }
)
CONNECTIONS = ("VaultStorage", "CopyStorage", "BackupState", "RestoreState")


class Role(StrEnum):
    """What this process may do. COPY lives in another account and reaches no tenant. ALL is for loopback only: it
    would join what is kept apart on purpose."""

    BACKUP = "backup"
    RESTORE = "restore"
    COPY = "copy"
    ALL = "all"


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine, by address or as `localhost`."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Connection(BaseModel):
    """How one storage account is reached: by emulator connection string, or by address and identity."""

    connection_string: str = Field(default="", repr=False)
    blob: str = ""
    queue: str = ""
    table: str = ""
    client_id: str = ""

    @classmethod
    def of(cls, prefix: str, environ: Mapping[str, str]) -> Connection:
        return cls(
            connection_string=environ.get(prefix, ""),
            blob=environ.get(f"{prefix}__blobServiceUri", ""),
            queue=environ.get(f"{prefix}__queueServiceUri", ""),
            table=environ.get(f"{prefix}__tableServiceUri", ""),
            client_id=environ.get(f"{prefix}__clientId", ""),
        )

    def same_account(self, other: Connection) -> bool:
        """Whether both lead to the same blobs, as far as their addresses tell."""
        return bool(self._blobs) and self._blobs == other._blobs

    @property
    def _blobs(self) -> str:
        named = re.search(r"BlobEndpoint=([^;]+)", self.connection_string)
        return (named[1] if named else self.blob).rstrip("/").lower()

    @property
    def present(self) -> bool:
        return bool(self.connection_string or self.blob or self.queue or self.table)

    @property
    def loopback(self) -> bool:
        """Whether every endpoint named is on this machine."""
        endpoints = re.findall(r"Endpoint=([^;]+)", self.connection_string)
        endpoints += [url for url in (self.blob, self.queue, self.table) if url]
        return bool(endpoints) and all(is_loopback(url) for url in endpoints)


class Settings(BaseModel):
    """Everything a process is told. Times are in seconds of Holdfast's clock, sizes in bytes."""

    model_config = ConfigDict(frozen=True)

    role: Role = Role.BACKUP
    tenant_id: str
    graph_url: str = "https://graph.microsoft.com"
    graph_token: str = Field(default="", repr=False)
    client_id: str = ""  # of the app registration that reaches Graph
    identity_client_id: str = ""  # of the managed identity that is its federated credential
    residency: Residency = Residency.EU
    client_certificate: str = ""  # file with its certificate and key, on a laptop only; else a device code
    export_dir: str = ""  # on a laptop: a folder copy of the containers in place of all storage accounts
    work_dir: str = ""  # on a laptop: what a restore from that copy writes
    region: str = "westeurope"
    retention_classes: tuple[int, ...] = (35,)  # days; the first takes the daily fulls
    evidence_days: Annotated[int, Field(ge=1, le=146_000)] = 400
    chain_days: Annotated[int, Field(ge=1, le=146_000)] = 400
    opt_in: tuple[str, ...] = ()  # what a backup reads although it is off by itself, by its name in the catalog
    break_glass_ids: tuple[str, ...] = ()
    # From where on an approval must acknowledge how much a plan does.
    plan_many_objects: Annotated[int, Field(ge=1)] = USUAL.objects
    plan_many_share: Annotated[float, Field(gt=0, le=1)] = USUAL.share  # of the objects of one type
    plan_many_removals: Annotated[int, Field(ge=1)] = USUAL.removals
    approvers_sha256: str = ""
    override_hours: Annotated[int, Field(ge=0, le=720)] = 24  # until an override holds; 0: there are none
    vault_resource_id: str = ""  # of the storage account that keeps the backups, for its lock state
    vault_tenant_id: str = ""  # of the vault's subscription, where a copier's own tenant is another
    restore_client_id: str = ""  # of the app registration that the restore app writes as, for arming and evidence
    restore_app_resource_id: str = ""  # of the restore app, for arming
    copy_resource_id: str = ""  # of the second account, for the lock state of the copy
    copy_region: str = ""  # where the second account is
    management_url: str = "https://management.azure.com"
    key_vault_url: str = ""
    secrets_vault_url: str = ""
    keys_dir: str = ""  # local key files, loopback only
    public_keys: str = ""  # JSON: purpose → JWK set; read from keys_dir where that is given
    secrets_dir: str = ""  # local initial passwords, loopback only
    initial_password_days: Annotated[int, Field(ge=1, le=90)] = 7
    scratch_dir: str = ""
    backup_schedule: str = "0 0 1 * * *"
    sweep_schedule: str = "0 */5 * * * *"
    status_schedule: str = "0 0 6 * * *"
    copy_schedule: str = "0 15 * * * *"
    copy_lag: Annotated[float, Field(gt=0)] = 93_600.0  # how old a snapshot may get without its copy (26 h)
    evidence_schedule: str = "0 0 5 1 * *"
    recovery_targets: tuple[RecoveryTarget, ...] = ()  # JSON
    log_workspace_id: str = ""  # of the Log Analytics workspace that keeps the vault's read log
    log_url: str = "https://api.loganalytics.io"
    pack_bytes: Annotated[int, Field(ge=1024, le=16 * 1024 * 1024)] = 16 * 1024 * 1024
    replication_wait: Annotated[float, Field(ge=0)] = 300.0
    work_budget: Annotated[float, Field(gt=0)] = 480.0
    run_budget: Annotated[float, Field(gt=0)] = 72_000.0  # how long items that fail for now are sent again
    claim_seconds: Annotated[float, Field(ge=10)] = 120.0
    clock_factor: Annotated[float, Field(ge=1)] = 1.0
    clock_epoch: float | None = None  # seconds since 1970; shared by all processes of an accelerated run

    vault_storage: Connection = Connection()
    copy_storage: Connection = Connection()
    backup_state: Connection = Connection()
    restore_state: Connection = Connection()

    @field_validator("retention_classes", "opt_in", "break_glass_ids", mode="before")
    @classmethod
    def _comma_separated(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("recovery_targets", mode="before")
    @classmethod
    def _targets(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        spelled = {camel(one.name): one.name for one in fields(RecoveryTarget)}
        try:
            return [{spelled[name]: member for name, member in one.items()} for one in json.loads(value)]
        except (ValueError, KeyError, AttributeError, TypeError):
            raise ValueError(f"is not a JSON list of objects with {', '.join(spelled)}") from None

    @field_validator("recovery_targets")
    @classmethod
    def _kept_targets(cls, value: tuple[RecoveryTarget, ...]) -> tuple[RecoveryTarget, ...]:
        for one in value:
            hours = (one.rpo_hours, one.rto_hours)
            if not (one.function and one.owner and _DAY.fullmatch(one.set_on) and all(0 < t < 1e6 for t in hours)):
                raise ValueError("has a target without function, owner, setOn as YYYY-MM-DD or hours above 0")
        return value

    @field_validator("tenant_id", "vault_tenant_id")
    @classmethod
    def _tenant(cls, value: str) -> str:
        if not _GUID.fullmatch(value.lower()):
            raise ValueError("is not a tenant id (a GUID)")
        return value.lower()

    @field_validator("restore_client_id")
    @classmethod
    def _application(cls, value: str) -> str:
        if not _GUID.fullmatch(value.lower()):
            raise ValueError("is not a client id (a GUID)")
        return value.lower()

    @field_validator("break_glass_ids")
    @classmethod
    def _break_glass(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not _GUID.fullmatch(one.lower()) for one in value):
            raise ValueError("holds something that is not an object id (a GUID)")
        return tuple(sorted({one.lower() for one in value}))

    @field_validator("retention_classes")
    @classmethod
    def _classes(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or any(not 1 <= days <= 146_000 for days in value):
            raise ValueError("needs at least one class of 1 to 146,000 days")
        return value

    @field_validator("region", "copy_region")
    @classmethod
    def _region(cls, value: str, info: ValidationInfo) -> str:
        if not value and info.field_name == "copy_region":
            return value
        residency = info.data.get("residency", Residency.EU)
        name = value.replace(" ", "").lower()  # Azure shows display names, too
        if name not in residency.regions:
            allowed = ", ".join(sorted(residency.regions))
            raise ValueError(f"{value!r} is not a region inside {residency.place}; allowed: {allowed}")
        return name

    @field_validator("graph_url")
    @classmethod
    def _graph(cls, value: str) -> str:
        url = value.rstrip("/")
        if url not in GRAPH_ORIGINS and not is_loopback(url):
            raise ValueError("is neither a Microsoft Graph origin nor on loopback")
        return url

    @model_validator(mode="after")
    def _together(self) -> Settings:
        problems = []
        if self.chain_days < max(*self.retention_classes, self.evidence_days):
            problems.append("HOLDFAST_CHAIN_DAYS is shorter than something that the chain has to prove")
        storage = {name: getattr(self, _field(name)) for name in CONNECTIONS}
        near_storage = all(one.loopback for one in storage.values() if one.present)
        copies = self.role is Role.COPY
        near = near_storage if copies else is_loopback(self.graph_url)
        problems += self._copy_problems() if copies else self._graph_problems()
        if self.clock_factor != 1 and not near:
            problems.append("HOLDFAST_CLOCK_FACTOR is for simulated tenants on loopback only")
        if self.management_url != "https://management.azure.com" and not is_loopback(self.management_url):
            problems.append("HOLDFAST_MANAGEMENT_URL is for a simulated management plane on loopback only")
        if self.log_url != "https://api.loganalytics.io" and not is_loopback(self.log_url):
            problems.append("HOLDFAST_LOG_URL is for a simulated log service on loopback only")
        if self.log_workspace_id and not (
            _GUID.fullmatch(self.log_workspace_id.lower()) and self.vault_resource_id
        ):
            problems.append("HOLDFAST_LOG_WORKSPACE_ID is a GUID and needs HOLDFAST_VAULT_RESOURCE_ID beside it")
        for name, connection in storage.items():
            if connection.connection_string and not connection.loopback:
                problems.append(
                    f"{name}: connection strings are for emulators on loopback; use {name}__blobServiceUri …"
                )
        if not self.vault_storage.present and not self.export_dir:
            problems.append("VaultStorage is missing: the account that keeps the backups")
        if self.copy_storage.present and self.copy_storage.same_account(self.vault_storage):
            problems.append("CopyStorage is the account of VaultStorage: a copy belongs into another one")
        all_local = near and near_storage
        if self.export_dir and any(one.present for one in storage.values()):
            problems.append("a restore from a folder copy uses no storage account")
        if self.client_certificate and not self.export_dir:
            problems.append("HOLDFAST_CLIENT_CERTIFICATE is for a restore from a folder copy; apps hold no secret")
        if self.role is Role.ALL and not (all_local or self.export_dir):
            problems.append("HOLDFAST_ROLE=all is for loopback only; deploy a backup app and a restore app")
        if (self.keys_dir or self.secrets_dir) and not (all_local or self.export_dir):
            problems.append("HOLDFAST_KEYS_DIR and HOLDFAST_SECRETS_DIR are for loopback only; use Key Vault")
        if not copies and not self.keys_dir and not self.key_vault_url:
            problems.append("HOLDFAST_KEY_VAULT_URL is missing (HOLDFAST_KEYS_DIR on loopback)")
        local = near or any(map(is_loopback, (self.management_url, self.log_url))) or self.role is Role.ALL
        if os.environ.get("WEBSITE_INSTANCE_ID") and (local or self.export_dir):
            problems.append("in Azure neither a local URL or folder nor HOLDFAST_ROLE=all is allowed")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _graph_problems(self) -> list[str]:
        problems = []
        graph_local = is_loopback(self.graph_url)
        if self.graph_token and not graph_local:
            problems.append("HOLDFAST_GRAPH_TOKEN works for a loopback HOLDFAST_GRAPH_URL only")
        if graph_local and not self.graph_token:
            problems.append("a loopback HOLDFAST_GRAPH_URL needs HOLDFAST_GRAPH_TOKEN")
        if not graph_local and not self.client_id:
            problems.append("HOLDFAST_CLIENT_ID is missing: the app registration that reaches Graph")
        return problems

    def _copy_problems(self) -> list[str]:
        problems = []
        if not self.copy_storage.present:
            problems.append("CopyStorage is missing: the second account, which takes the copy")
        if not self.copy_region:
            problems.append("HOLDFAST_COPY_REGION is missing: where the second account is")
        if not self.public_keys and not self.keys_dir:
            problems.append("HOLDFAST_PUBLIC_KEYS is missing: a copier copies only what verifies")
        if self.vault_tenant_id and not (self.client_id and self.identity_client_id):
            problems.append("HOLDFAST_VAULT_TENANT_ID needs HOLDFAST_CLIENT_ID and HOLDFAST_IDENTITY_CLIENT_ID")
        if self.graph_token:
            problems.append("HOLDFAST_GRAPH_TOKEN has no place in a copier: it reaches no tenant")
        return problems

    @property
    def thresholds(self) -> Thresholds:
        return Thresholds(self.plan_many_objects, self.plan_many_share, USUAL.share_from, self.plan_many_removals)

    @property
    def vault_container(self) -> str:
        """Where today's full backups go."""
        return f"vault-{self.retention_classes[0]}d"

    @property
    def vault_containers(self) -> tuple[str, ...]:
        return tuple(f"vault-{days}d" for days in self.retention_classes)

    @property
    def promised_days(self) -> dict[str, int]:
        """Container → for how many days its blobs have to stay."""
        vaults = dict(zip(self.vault_containers, self.retention_classes, strict=True))
        return {**vaults, self.evidence_container: self.evidence_days, CHAIN_CONTAINER: self.chain_days}

    @property
    def override_wait(self) -> float:
        """Seconds."""
        return self.override_hours * 3600.0

    @property
    def evidence_container(self) -> str:
        return f"evidence-{self.evidence_days}d"

    @property
    def keys_path(self) -> Path:
        return Path(self.keys_dir)


def _field(connection: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", connection).lower()


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment. Raises `Unusable` that lists every problem at once; values are not shown,
    for a wrong setting may be a misplaced secret."""
    environ = os.environ if environ is None else environ
    given: dict[str, Any] = {
        name.removeprefix("HOLDFAST_").lower(): value
        for name, value in environ.items()
        if name.startswith("HOLDFAST_") and value != ""
    }
    for name in CONNECTIONS:
        given[_field(name)] = Connection.of(name, environ)
    try:
        return Settings(**{name: value for name, value in given.items() if name in Settings.model_fields})
    except ValidationError as error:
        problems = []
        for one in error.errors(include_input=False, include_url=False):
            setting = "HOLDFAST_" + "_".join(str(part) for part in one["loc"]).upper() if one["loc"] else ""
            problems.append(f"{setting} {one['msg'].removeprefix('Value error, ')}".strip())
        raise Unusable("settings: " + "; ".join(problems), hint="correct them and start again") from None

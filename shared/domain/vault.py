"""What the management plane says of the vault's storage account and of its containers, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.domain.wire import Wire

CHAIN_CONTAINER: Final = "chain"
HOLD_CONTAINER: Final = "hold"  # snapshots under a legal hold, with why; no app adds to it
EXTENSIONS: Final = 5  # increases of a locked policy's days in its lifetime (learn.microsoft.com: "Lock a policy")
MAX_DAYS: Final = 146_000


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """A container's time-based policy. `etag` names this state of it: changes are made to it or to none."""

    days: int
    locked: bool
    appends: bool  # protected appends: blobs may grow
    extended: int  # how often its days were increased since it was locked
    etag: str


@dataclass(frozen=True, slots=True)
class LegalHold:
    """A hold without an end, and since when."""

    tag: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class ContainerState:
    """A container, None for a policy that isn't there. `versioned`: version-level immutability, under which an
    uploader may weaken the default."""

    name: str
    policy: RetentionPolicy | None
    holds: tuple[LegalHold, ...]
    versioned: bool


@dataclass(frozen=True, slots=True)
class DeletionRule:
    """A lifecycle rule that deletes block blobs `days` after they were created or changed. `prefix` begins with
    the container's name; "" is all containers."""

    name: str
    prefix: str
    days: float


@dataclass(frozen=True, slots=True)
class AccountState:
    """The account. Regions in lower case without spaces, `secondary` "" where there is none; days of soft delete,
    0 where it is off."""

    primary: str
    secondary: str
    shared_keys: bool
    public_blobs: bool
    versioning: bool
    soft_delete_days: int
    container_soft_delete_days: int
    deletions: tuple[DeletionRule, ...]


@dataclass(frozen=True, slots=True)
class RoleAssignment(Wire):
    """Who holds which role at or above the vault's account. `scope` is where it was given, `condition` what narrows
    it; `role` is the role's name, its id where the name can't be read."""

    id: str
    principal: str
    principal_type: str
    role: str
    scope: str
    condition: str
    created_at: datetime | None
    created_by: str
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReadCount(Wire):
    """How often an identity (object id, "" where the log has none) did one thing with blobs, and how it signed
    in."""

    identity: str
    authentication: str
    operation: str
    count: int
    refused: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class VaultReads(Wire):
    """From the storage service's own log. `more`: how many lines were left out."""

    counts: tuple[ReadCount, ...]
    more: int = 0

"""A snapshot: what a run set out to read, what each work item brought back, and what was committed.

Order of writing: packs → receipts → manifest → commit → chain. Readers start from the chain. A snapshot
without a chain entry does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.domain.regions import Residency
from shared.domain.wire import Wire

FORMAT_VERSION = 1
CANONICAL_VERSION = 1


class State(StrEnum):
    """How much of a type or relationship a snapshot holds. Only COMPLETE may support "deleted"."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    NOT_PERMITTED = "notPermitted"
    NOT_LICENSED = "notLicensed"
    NOT_READ = "notRead"


class Why(StrEnum):
    """Reasons of a PARTIAL reading, a closed list. A colon and a detail may follow the first two."""

    FAILED = "failed"  # `failed:GraphError`: given up; what its checkpoints hold is kept
    MISSING_PERMISSION = "missingPermission"
    PERMISSIONS_UNKNOWN = "permissionsUnknown"  # an opaque token
    NOT_PERMITTED_FOR_SOME = "notPermittedForSome"
    NOT_PRESENT = "notPresent"  # 404: never configured, or not licensed
    PAGE_TOKENS_EXPIRED = "pageTokensExpired"
    DELTA_TOKEN_EXPIRED = "deltaTokenExpired"  # noqa: S105 (a reason's name)
    LEFT_OUT = "leftOut"  # Graph answers with nothing where it has more than it can list
    MOVING = "moving"  # no two readings were equal, or an object was neither there nor reported as gone
    LICENCE_UNKNOWN = "licenceUnknown"  # an empty list, and it isn't known whether the tenant has the licence
    COUNT_MISMATCH = "countMismatch"


OFF: Final = "off unless asked for"  # begins the reason of what a deployment left off on purpose
UNREADABLE: Final = "no application permission reads it"


@dataclass(frozen=True, slots=True)
class Completeness(Wire):
    """`reason` is empty for COMPLETE and says why for all others (`countMismatch`, `permissionsUnknown`, …)."""

    state: State
    reason: str = ""

    def __str__(self) -> str:
        """The state, with the reason in brackets where there is one."""
        return self.state.value + (f" ({self.reason})" if self.reason else "")

    @property
    def is_complete(self) -> bool:
        return self.state is State.COMPLETE

    @property
    def is_off(self) -> bool:
        """Whether it is off by itself and nobody asked for it, or no app could read it: no gap."""
        return self.state is State.NOT_READ and self.reason.startswith((OFF, UNREADABLE))


@dataclass(frozen=True, slots=True)
class BlobRef(Wire):
    """A stored blob, named relative to the snapshot's folder; `length` in bytes as stored."""

    name: str
    length: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Item(Wire):
    """One work item: a type's objects, or one relationship's links (with the children it contains)."""

    id: str  # "users" or "groups.members"; also the receipt's file name
    type: str
    relationship: str = ""


@dataclass(frozen=True, slots=True)
class Asked(Wire):
    """What a reading of a type asks for beside what the catalog names: members, and how much of each of their
    groups that is."""

    members: tuple[str, ...] = ()
    groups: dict[str, Completeness] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run(Wire):
    """`run.json`: what this run set out to read. Written once, before the first message."""

    format: int
    snapshot: str
    tenant: str
    started_at: datetime  # t0
    retain_until: datetime
    retention_days: int
    chain_until: datetime  # how long the snapshot's chain entry stays, at least
    region: str
    trigger: str
    tool: str
    catalog_version: str
    items: tuple[Item, ...]
    delta_links: dict[str, str]  # type → path and query of a delta link taken at t0
    not_read: dict[str, str]  # type or relationship → why it is left out of this run
    protected: bool  # retention lock found in force when the run began
    unprotected_why: str = ""
    residency: Residency = Residency.EU  # by which the region was checked
    asked: dict[str, Asked] = field(default_factory=dict)  # type → what its delta link tells of, too
    plans: tuple[str, ...] | None = None  # of the tenant, in force; None: not known
    undeclared: tuple[str, ...] = ()  # what Graph's metadata declares and the catalog doesn't know; the first ones
    undeclared_count: int = 0
    metadata_unread: str = ""  # why the metadata wasn't compared
    since: dict[str, datetime] = field(default_factory=dict)  # series → where its window begins; it ends at t0
    earlier: str = ""  # the snapshot from which parts that roll take over what isn't asked this time


@dataclass(frozen=True, slots=True)
class Receipt(Wire):
    """`parts/{item}.json`: one finished work item. Create-only: the first one written is the truth."""

    snapshot: str
    item: Item
    completeness: Completeness
    as_of: datetime
    packs: tuple[BlobRef, ...]  # in reading order: of two lines with one id, the later counts
    link_packs: tuple[BlobRef, ...]
    objects: int
    links: int
    pages: int
    restarts: int
    end_of_pages: bool
    roles: tuple[str, ...] | None  # None: the token was opaque
    groups: dict[str, Completeness] = field(default_factory=dict)  # of members, by name
    ages: tuple[datetime, ...] = ()  # of a part that rolls: when each slice of the parents was asked last
    since: datetime | None = None  # of a series


@dataclass(frozen=True, slots=True)
class Checkpoint(Wire):
    """`parts/{item}.{n}.json`: how far a work item has come. Create-only: its name is the claim on the number.

    `stage` names the pass that is under way, `next_link` (path and query only) where it goes on; `state` is
    the reader's own, small.
    """

    snapshot: str
    item: Item
    number: int
    stage: str
    next_link: str
    packs: tuple[BlobRef, ...]
    link_packs: tuple[BlobRef, ...]
    objects: int
    links: int
    pages: int
    restarts: int
    state: str = ""


@dataclass(frozen=True, slots=True)
class TypeEntry(Wire):
    """What the manifest says of one type or relationship."""

    completeness: Completeness
    as_of: datetime | None
    count: int
    packs: tuple[BlobRef, ...]
    index: tuple[BlobRef, ...]  # one after the other; none for nothing
    groups: dict[str, Completeness] = field(default_factory=dict)  # of members, by name
    ages: tuple[datetime, ...] = ()  # as in the receipt; the oldest says how old a part of this may be
    since: datetime | None = None  # of a series: where the window begins that ends with the run's beginning


@dataclass(frozen=True, slots=True)
class Dangling(Wire):
    """A reference whose target is not among the objects of this snapshot."""

    source_type: str
    source: str
    relationship: str
    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class Manifest(Wire):
    """`manifest.json`: contents, hashes, completeness. A pure function of run, receipts and packs."""

    format: int
    canonical_version: int
    snapshot: str
    tenant: str
    started_at: datetime
    ended_at: datetime  # t1: the latest `as_of`
    retain_until: datetime
    retention_days: int
    region: str
    trigger: str
    tool: str
    catalog_version: str
    protected: bool
    unprotected_why: str
    types: dict[str, TypeEntry]
    relationships: dict[str, TypeEntry]
    not_read: dict[str, str]
    dangling: tuple[Dangling, ...]
    dangling_count: int
    orphans: tuple[str, ...]
    blobs: tuple[BlobRef, ...]  # every blob that belongs to the snapshot, run and receipts included
    merkle_root: str
    residency: Residency = Residency.EU
    base: str = ""  # the snapshot that an incremental segment stands on; "" for a whole one
    undeclared: tuple[str, ...] = ()  # as in the run
    undeclared_count: int = 0
    metadata_unread: str = ""

    def completeness(self, name: str) -> Completeness:
        """Of a type ("users"), a relationship ("groups.members") or a group of members, which is spelt likewise;
        NOT_READ where the manifest has none."""
        entry = self.relationships.get(name) or self.types.get(name)
        if entry is not None:
            return entry.completeness
        kind, _, group = name.partition(".")
        if kind in self.types and group in self.types[kind].groups:
            return self.types[kind].groups[group]
        return Completeness(State.NOT_READ, self.not_read.get(name, "not in the catalog of that time"))

    @property
    def groups(self) -> dict[str, TypeEntry]:
        """Groups of members by `{type}.{group}`, each like a type that it tells of."""
        return {
            f"{name}.{group}": replace(entry, completeness=state)
            for name, entry in self.types.items()
            for group, state in entry.groups.items()
        }


@dataclass(frozen=True, slots=True)
class Commit(Wire):
    """Payload of `commit.jws`, the signature over a manifest."""

    format: int
    tenant: str
    snapshot: str
    manifest_sha256: str
    merkle_root: str


@dataclass(frozen=True, slots=True)
class ChainEntry(Wire):
    """`chain/v1/{tenant}/{seq}.jws`: payload of the signed claim of a sequence number. No personal data.

    Each entry says how long it stays, and how long the one before it does: a gap before an entry is in order
    exactly where that time is over.
    """

    seq: int
    tenant: str
    snapshot: str
    folder: str  # of the snapshot inside its container
    container: str
    manifest_sha256: str
    commit_sha256: str
    previous: str  # SHA-256 of the previous entry's file, "" for the first
    retain_until: datetime  # of the snapshot
    kept_until: datetime  # of this entry
    previous_kept_until: datetime | None = None  # None for the first
    base: str = ""  # as the manifest says it

    def over(self, now: datetime) -> bool:
        """Whether the promise has ended: from its very moment on, for then a policy of as many days lets go."""
        return self.retain_until <= now


@dataclass(frozen=True, slots=True)
class IndexEntry(Wire):
    """One line of `index/{type}/…`, sorted by id. `pack` counts into the type's packs in the manifest."""

    id: str
    name: str
    hash: str
    pack: int
    line: int
    parent: str = ""

"""The evidence document: what a period's backups, restores and surroundings came to, as read, and what that means
for each control. Facts only and rows made from them; whether somebody complies with a law is nobody's claim here.

A part that could not be read is None, and `away` says why, by topic. Times are UTC; ages and durations in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.snapshot import Completeness
from shared.domain.vault import RoleAssignment, VaultReads
from shared.domain.wire import Wire

EVIDENCE_FORMAT = 1
RESTORE_APP = "restore app"  # of `Arming.principals`


class Topic(StrEnum):
    """What Holdfast can show. The values are members of the document."""

    SNAPSHOTS = "snapshots"
    COMPLETENESS = "completeness"
    RETENTION = "retention"
    RESIDENCY = "residency"
    SEGREGATION = "segregation"
    ACCESS = "access"
    READS = "reads"
    VERIFICATION = "verification"
    RESTORES = "restores"
    ARMING = "arming"
    DRILLS = "drills"
    TARGETS = "targets"
    KEYS = "keys"
    PACKAGE = "package"


class Status(StrEnum):
    """Of a row. Worst first: a row that rests on several topics has the worst of theirs."""

    NOT_MET = "notMet"
    UNAVAILABLE = "sourceUnavailable"
    DUTY = "customersDuty"
    SUPPORTS = "supports"


@dataclass(frozen=True, slots=True)
class Period(Wire):
    """From `start` to before `end`, both midnights in UTC."""

    start: datetime
    end: datetime

    @property
    def last(self) -> datetime:
        """The last day, included: its beginning."""
        return self.end - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SnapshotFact(Wire):
    """A committed snapshot. `objects` by type; `gaps`: types and relationships that are not complete. `readable` ""
    where the manifest was read, else why not; then only what the chain says is filled in. `key`: id of the key that
    signed the chain entry."""

    snapshot: str
    seq: int
    container: str
    started_at: datetime
    ended_at: datetime
    retain_until: datetime
    key: str
    trigger: str = ""
    region: str = ""
    protected: bool = False
    unprotected_why: str = ""
    objects: dict[str, int] | None = None
    gaps: dict[str, Completeness] | None = None
    off: tuple[str, ...] = ()  # off by itself, and not asked for
    undeclared: tuple[str, ...] = ()  # what Graph declared and the release didn't know
    unread: str = ""


@dataclass(frozen=True, slots=True)
class OpenRun(Wire):
    """A run that is in no chain. `failed`: its time was over; else it is under way. `why`: by work item, from rows,
    which are hints."""

    snapshot: str
    started_at: datetime
    trigger: str
    items: int
    missing: tuple[str, ...]
    failed: bool
    why: dict[str, str]


@dataclass(frozen=True, slots=True)
class Snapshots(Wire):
    """`expected`: how often the schedule fired in the period, as far as it is over and not before the first
    snapshot of all; `missed`: firings after which no run began before the next one. `before`: start of the
    newest snapshot from before the period; `oldest_age`: the longest that the newest snapshot's start lay back, in
    seconds."""

    schedule: str
    expected: int
    taken: tuple[SnapshotFact, ...]
    missed: tuple[datetime, ...]
    open: tuple[OpenRun, ...]
    damaged: tuple[str, ...]
    before: datetime | None
    oldest_age: int | None
    names: dict[str, str]  # type or relationship → what people call it


@dataclass(frozen=True, slots=True)
class ContainerFact(Wire):
    """A container against its promise. `days` 0: no policy. `breaks`: what keeps it from protecting its blobs."""

    name: str
    promised_days: int
    days: int
    locked: bool
    appends: bool
    extended: int
    versioned: bool
    holds: dict[str, datetime | None]
    breaks: tuple[str, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Retention(Wire):
    containers: tuple[ContainerFact, ...]


@dataclass(frozen=True, slots=True)
class Residency(Wire):
    """Regions as set and as read; "" where there is no secondary. `place`: what was promised, in words; `outside`:
    which of them are not in it."""

    place: str
    configured: str
    primary: str
    secondary: str
    outside: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Segregation(Wire):
    """Tenant that guards the vault's subscription, and the protected one."""

    vault_tenant: str
    protected_tenant: str

    @property
    def apart(self) -> bool:
        return self.vault_tenant != self.protected_tenant


@dataclass(frozen=True, slots=True)
class Access(Wire):
    """Role assignments that reach the vault's account. `changed`: ids of those made or altered in the period;
    `gone`: those of the document `compared_with` that are no longer there ("" where there was none to compare
    with)."""

    assignments: tuple[RoleAssignment, ...]
    changed: tuple[str, ...]
    gone: tuple[RoleAssignment, ...]
    compared_with: str


@dataclass(frozen=True, slots=True)
class Verification(Wire):
    """One check of the chain and of one snapshot, whole, made for this document."""

    snapshot: str
    at: datetime
    entries: int
    blobs: int
    bytes: int
    findings: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WaveFact(Wire):
    """A wave that was let run. `approvers`: key id → person, "" where the approvers' document doesn't name one.
    `override`: nonce of the override that stood for approvers who were missing."""

    number: int
    started_at: datetime
    approvers: dict[str, str]
    override: str = ""


@dataclass(frozen=True, slots=True)
class RestoreFact(Wire):
    """A plan of which waves ran in the period. `verdict` "" until it was compared with its snapshot; `seconds` from
    the first wave to that comparison. `report`: the blob that holds the signed report."""

    plan: str
    digest: str
    snapshot: str
    requested_by: str
    waves: tuple[WaveFact, ...]
    cancelled: bool
    verdict: str
    compared_at: datetime | None
    seconds: int | None
    differences: dict[str, int]
    unexplained: int
    not_done: int
    left_off: int
    journal_root: str
    report: str


@dataclass(frozen=True, slots=True)
class Restores(Wire):
    """`needed`: approvals that a wave needs, 0 where the approvers' document can't be used, `unapproved` says why.
    `damaged`: plans whose evidence is not what its place demands."""

    needed: int
    run: tuple[RestoreFact, ...]
    damaged: dict[str, str]
    unapproved: str = ""


@dataclass(frozen=True, slots=True)
class Armed(Wire):
    """From when to when a service principal of Holdfast's could sign in, and who switched it, as the tenant's audit
    log names them. None: on since before what was read of the log begins, or still on where it ends."""

    principal: str
    on_at: datetime | None
    on_by: str
    off_at: datetime | None
    off_by: str


@dataclass(frozen=True, slots=True)
class Hole(Wire):
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Arming(Wire):
    """`principals`: id → which application's. `unread`: snapshot → why its part of the audit log is not whole,
    which a later one may make good; `holes`: times of the period of which no part was read. `until`: where what
    was read ends."""

    principals: dict[str, str]
    spans: tuple[Armed, ...]
    unread: dict[str, str]
    holes: tuple[Hole, ...]
    until: datetime | None


@dataclass(frozen=True, slots=True)
class RecoveryTarget(Wire):
    """What the customer set out to reach: for which function, by whom, since when (`YYYY-MM-DD`)."""

    function: str
    rpo_hours: float
    rto_hours: float
    owner: str
    set_on: str


@dataclass(frozen=True, slots=True)
class Targets(Wire):
    """Against what was measured in the period: the oldest that the newest snapshot was, and the longest restore,
    None where there was none."""

    set: tuple[RecoveryTarget, ...]
    oldest_age: int | None
    longest_restore: int | None


@dataclass(frozen=True, slots=True)
class KeyFact(Wire):
    """A signing key by its id. `trusted`: the settings list it; `current`: it signs now; `used`, `first`, `last`:
    in chain entries, as far as they are there."""

    purpose: str
    key: str
    trusted: bool
    current: bool
    used: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Keys(Wire):
    keys: tuple[KeyFact, ...]


@dataclass(frozen=True, slots=True)
class Package(Wire):
    """What is deployed: its own name and version, and the SHA-256 of the package."""

    tool: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Drills(Wire):
    run: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row(Wire):
    """One control. `rests_on`: members of the document; `why`: one line for each of them; `duty`: what stays with
    the customer whatever the status says."""

    rule: str
    control: str
    asks: str
    status: Status
    rests_on: tuple[Topic, ...]
    why: tuple[str, ...]
    duty: str


@dataclass(frozen=True, slots=True)
class Facts(Wire):
    """Everything that was read. `away`: topic → why it could not be."""

    tenant: str
    period: Period
    made_at: datetime
    tool: str
    head: str
    away: dict[str, str]
    snapshots: Snapshots | None = None
    retention: Retention | None = None
    residency: Residency | None = None
    segregation: Segregation | None = None
    access: Access | None = None
    reads: VaultReads | None = None
    verification: Verification | None = None
    restores: Restores | None = None
    drills: Drills | None = None
    targets: Targets | None = None
    keys: Keys | None = None
    package: Package | None = None
    arming: Arming | None = None


@dataclass(frozen=True, slots=True)
class EvidenceDocument(Wire):
    """`evidence.json`. `not_mapped`: rules that are left out, and why."""

    format: int
    facts: Facts
    rows: tuple[Row, ...]
    not_mapped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EvidenceCommit(Wire):
    """Payload of `evidence.jws`: the whole document, and the SHA-256 of the page made from it."""

    document: EvidenceDocument
    page_sha256: str

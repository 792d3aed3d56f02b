"""The report of a restore, as values: what was compared, what is equal, and why the rest is not.

`report.jws` holds the whole report as its signed payload; `report.json` is a plain copy of that payload.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.plan import Conflict, Exclusion, Forecast
from shared.domain.wire import Wire

REPORT_FORMAT = 1


class Verdict(StrEnum):
    EQUAL = "equal"
    EQUAL_EXCEPT_LISTED = "equalExceptListed"
    DIFFERS = "differs"


class Kind(StrEnum):
    """What a difference is about. Live, seen from the snapshot."""

    MISSING = "missing"
    CHANGED = "changed"
    ADDED = "added"
    LINK_MISSING = "linkMissing"
    LINK_ADDED = "linkAdded"
    OLD_REFERENCE = "refersToAnOldId"
    NOT_COMPARED = "notCompared"


@dataclass(frozen=True, slots=True)
class Listed(Wire):
    """One difference. `target`: id in the snapshot; `live`: id now, where there is one. `member`: property or
    relationship, `other`: the link's target (as in the snapshot) or the old id referred to. `reason`: a value
    of `domain.plan.Reason` or `OutcomeState`; "" where nothing explains the difference. `name` is the object's
    own, untrusted text."""

    kind: Kind
    type: str
    target: str
    live: str
    name: str
    member: str
    other: str
    reason: str
    why: str


@dataclass(frozen=True, slots=True)
class NewId(Wire):
    type: str
    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class NotDone(Wire):
    """An operation that did not end well, or was not read back."""

    operation: str
    type: str
    target: str
    name: str
    mechanism: str
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class LeftOff(Wire):
    """Something that acts on sign-ins and was not turned on."""

    type: str
    target: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Owner(Wire):
    """Who answers for an object, by the snapshot's links. `id`: the present one. `name`: untrusted text, "" where
    the snapshot has none or a report may not keep it."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class AfterCare(Wire):
    """What a person still has to do for an object. `where` names the place of a secret, never the secret, or the
    old id or key that others may hold. `owners`: owners, or of a person the manager; empty where nobody is known,
    and in reports of earlier releases."""

    type: str
    target: str
    live: str
    name: str
    what: str
    where: str
    owners: tuple[Owner, ...] = ()


@dataclass(frozen=True, slots=True)
class WaveMeasured(Wire):
    """Forecast and what it took. `seconds` from the wave's start to the end of its last step."""

    number: int
    title: str
    forecast: Forecast
    operations: int
    attempts: int
    seconds: int
    approvers: tuple[str, ...]  # key ids
    override: str = ""  # nonce of the override that stood for approvers who were missing


@dataclass(frozen=True, slots=True)
class Report(Wire):
    """`counts`: what was compared. `by_reason`: differences listed, by reason; complete even where a list was
    cut at `LIST_LIMIT`."""

    format: int
    plan: str
    digest: str
    tenant: str
    snapshot: str
    manifest_sha256: str
    made_at: datetime
    live_as_of: datetime
    verdict: Verdict
    counts: dict[str, int]
    outcomes: dict[str, int]
    by_reason: dict[str, int]
    unexpected_count: int
    unexpected: tuple[Listed, ...]
    listed: tuple[Listed, ...]
    new_ids: tuple[NewId, ...]
    conflicts: tuple[Conflict, ...]
    exclusions: tuple[Exclusion, ...]
    not_done: tuple[NotDone, ...]
    left_off: tuple[LeftOff, ...]
    after_care: tuple[AfterCare, ...]
    waves: tuple[WaveMeasured, ...]
    journal_root: str
    journal_blobs: int
    alone: tuple[LeftOff, ...] = ()  # turned on by the lock-out guard's word alone, and why nobody else was asked
    untold: tuple[str, ...] = ()  # what nobody could say of the tenant while the plan ran


LIST_LIMIT = 10_000

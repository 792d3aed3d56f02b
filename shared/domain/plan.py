"""A restore plan is data: one immutable document, one digest. Planning is pure, running it adds nothing.

Operations sit in steps, steps in waves. A step holds up to 20 operations that don't depend on each other and
share no target, so that they can travel as one `$batch`; a step without operations is a gate that other steps
wait for. Values that are known only at run time stand in requests as markers:

- `{"$id": "<old>"}`: the id (or appId) that took the place of `<old>`, from the id map; `<old>` itself if the
  map has none.
- `{"$join": [part, …]}`: text put together from literal text, `$id` and `$origin` markers.
- `{"$origin": true}`: scheme and host of Graph as the executor reaches it, for `@odata.bind` addresses.
- `{"$password": "<old user id>"}`: an initial password, made when the request is sent, kept in the SecretStore.
- `{"$begins": "<date>"}`: that date, or the day after the request is sent if that is later.

A tenant's own JSON is never taken for a marker: names beginning with `$` can't occur in Graph properties, and
the planner refuses values that hold them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.domain.objects import Json, JsonObject
from shared.domain.wire import Wire

PLAN_FORMAT = 1


class Mechanism(StrEnum):
    """How an object or link comes back."""

    BIN = "recycleBin"
    CREATE = "create"
    PATCH = "patch"
    FINISH = "finish"  # what can only be set once the object exists; also takes the marker off
    LINK = "link"
    ENABLE = "enable"
    UNLINK = "unlink"
    REVOKE = "revoke"
    ACT = "act"
    REMOVE = "remove"
    RENAME = "rename"  # a live object gives up a unique value that another one is to have again

    @property
    def brings(self) -> bool:
        """An object comes that wasn't there."""
        return self in (Mechanism.CREATE, Mechanism.BIN)

    @property
    def changes(self) -> bool:
        """Members of an object that is there are written."""
        return self in (Mechanism.PATCH, Mechanism.FINISH, Mechanism.ENABLE, Mechanism.RENAME)

    @property
    def links(self) -> bool:
        """Links of a relationship come or go."""
        return self in (Mechanism.LINK, Mechanism.UNLINK)


class ExpectedId(StrEnum):
    KEPT = "kept"
    NEW = "new"


class AnchorKind(StrEnum):
    """How a created object is recognised when the answer to its creation was lost."""

    KEY = "key"  # a property that the server keeps unique
    MARKER = "marker"  # ` [hf:<operation>]` at the end of a text property, removed by a FINISH operation


@dataclass(frozen=True, slots=True)
class Anchor(Wire):
    """`lookup` is a GET path (may hold markers) that lists or returns the objects holding `value` in
    `property`; the bin of the type, if it has one, is asked by `bin_lookup`. The other properties of the unique
    key that `property` belongs to must be as in the request's body too."""

    kind: AnchorKind
    property: str
    value: Json
    lookup: Json
    bin_lookup: Json = None


@dataclass(frozen=True, slots=True)
class Request(Wire):
    """One write. `path` and `body` may hold markers. `cost` in resource units. `file`: the body is a file's data
    URI."""

    method: str
    path: Json
    body: Json
    throttle: str
    cost: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    file: bool = False


@dataclass(frozen=True, slots=True)
class Operation(Wire):
    """One change to one target.

    `before` holds the live values the plan saw, of exactly the members that the request writes; an operation
    runs only while each of them is still so, or already as wanted (`engines.compare.Form`: sets as sets).
    `wanted` holds what they must be afterwards. FINISH: `before` holds only what its CREATE had set.
    REMOVE wants the object to be gone, as long as it is as `before` says. For UNLINK, `before` is
    `{relationship: [ids that go]}` and `wanted` is empty; for REVOKE, `{member: [key ids that go]}` likewise. ACT
    asks for something that leaves nothing to be read back, and may be asked for again.
    For LINK, `wanted` is `{relationship: [old target ids]}` and `before` is empty, but for a single-valued
    relationship: then it is `{relationship: [live target id]}`, or `[]` where it had none.
    `read` is the GET path that shows the target (for `before`, and for reading back); for CREATE it is the
    path of the new object, with a marker. `read_list` is used instead where a type must be read back by list.
    `ids` (CREATE and BIN): property of the answer → old value that it replaces, e.g. `{"id": "<old id>"}`.
    `after` names operations that must have ended well and been read back before this one is sent: those that
    bring what it refers to, and, for ENABLE, all others on the same target. If one did not, this is BLOCKED.
    `names`: members that bear the name of an object of which this plan makes a new one; requests, `before` and
    `wanted` use the old name, and what is sent the new one.
    """

    id: str
    type: str
    target: str
    name: str
    mechanism: Mechanism
    why: str
    request: Request
    read: Json
    before: JsonObject
    wanted: JsonObject
    expected_id: ExpectedId = ExpectedId.KEPT
    ids: dict[str, str] = field(default_factory=dict)
    anchor: Anchor | None = None
    read_list: str = ""
    relationship: str = ""
    secret_for: str = ""  # name under which the initial password is kept, for a re-created user
    after: tuple[str, ...] = ()
    by_request: bool = False  # CREATE: the answer is a request's; the object itself is found by its anchor
    guarded: bool = False  # the lock-out guard must pass on the live state right before this is sent
    names: tuple[str, ...] = ()

    @property
    def coming(self) -> list[str]:
        """Ids that it links its target to; none for what makes no links."""
        return self._ends(self.wanted)

    @property
    def going(self) -> list[str]:
        """Ids whose links to its target it takes away, or puts another one in the place of."""
        return self._ends(self.before)

    def _ends(self, values: JsonObject) -> list[str]:
        found = values.get(self.relationship) if self.relationship else None
        return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


@dataclass(frozen=True, slots=True)
class Step(Wire):
    id: str
    wave: int
    title: str
    depends_on: tuple[str, ...]
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Forecast(Wire):
    """`requests` counts HTTP round trips, `operations` inner requests, `seconds` at the tenant's quota."""

    operations: int
    requests: int
    resource_units: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Wave(Wire):
    """`asks`: what an approval of this wave must acknowledge by name, or it doesn't count for it."""

    number: int
    title: str
    forecast: Forecast
    asks: tuple[str, ...] = ()


class ConflictKind(StrEnum):
    """What stands in the way."""

    NAME_HELD = "nameHeld"  # a live object holds the unique key of one that is missing
    VALUE_HELD = "valueHeld"  # a live object holds the unique value that another live one had
    PAIR_SPLIT = "pairSplit"  # one part of a pair is in the recycle bin, the other is gone for good
    CHANGED_SINCE = "changedSince"  # an earlier restore found another value than its plan saw, and wrote nothing


class Word(StrEnum):
    """What an operator may say of a conflict. Unsaid: nothing is done."""

    SKIP = "skip"  # leave it as it is, and ask no more
    KEEP = "keep"  # the live object keeps what it holds; the snapshot's comes back without that
    TAKE = "take"  # what the snapshot says is written
    ADOPT = "adopt"  # the live object is what became of the missing one
    RENAME = "rename"  # the live object gets another name, and the snapshot's takes its own


@dataclass(frozen=True, slots=True)
class Choice(Wire):
    """A word on one conflict, by type and id of the snapshot's object (an empty type: whichever has that id), or on
    a class of them: `of`, a type or a kind of conflict. `live`: the live object that is meant, or the word doesn't
    count."""

    word: Word
    type: str = ""
    id: str = ""
    live: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class Chosen(Wire):
    """What became of a choice. `done`: the plan does so; else `why` says why not, and the conflict stays open.
    `by`: the class that was chosen for, "" where the object was named. The rest tells of the live object, as its
    conflict did."""

    word: Word
    type: str
    target: str
    name: str
    live: str
    kind: str  # of `ConflictKind`, "" where there was no conflict
    done: bool
    why: str
    by: str = ""
    live_name: str = ""
    live_created_at: str = ""
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class Flag(Wire):
    """Something about the plan that an approval must acknowledge by this name; `why` says what was counted."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on a plan is flagged: objects that it changes or brings back; of one type, the share of its
    objects, if they are at least `share_from`; what it takes away."""

    objects: int = 500
    share: float = 0.1
    share_from: int = 20
    removals: int = 25


USUAL: Final = Thresholds()


@dataclass(frozen=True, slots=True)
class TierZeroGrant(Wire):
    """An operation that gives somebody power over the whole tenant. It runs only if as many approvers as the plan
    needs named its `key`, which is the same in every plan that does the same. `to`: the id of whom it is given to,
    the object's own where what comes back has held it before. `why`: what is given."""

    key: str
    operation: str
    wave: int
    type: str
    target: str
    name: str
    to: str
    to_name: str
    why: str


class AccessKind(StrEnum):
    """What somebody gains or loses."""

    ACCOUNTS = "accounts"  # signing in at all: the account comes back, is opened, is shut or goes
    GROUPS = "groups"  # a place in a group, through groups in it, too
    ROLES = "roles"
    ELIGIBLE = "eligibleRoles"
    APPS = "applications"  # a role of an application, or consent to one
    POLICIES = "policies"  # gained: a policy that is on applies from now on; lost: it no longer does


@dataclass(frozen=True, slots=True)
class Access(Wire):
    """Who gains and who loses one thing, as ids of users and service principals. `all_gain`, `all_lose`: everybody
    does but for those who are `spared`. Numbers are right where a list was cut."""

    kind: AccessKind
    type: str
    target: str
    name: str
    gains: tuple[str, ...] = ()
    loses: tuple[str, ...] = ()
    gained_by: int = 0
    lost_by: int = 0
    all_gain: bool = False
    all_lose: bool = False
    spared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BlastRadius(Wire):
    """Whose access a plan changes. `gaining` and `losing`: how many are named anywhere as such. `names`: of those
    in the lists, as far as they have any."""

    gaining: int
    losing: int
    access: tuple[Access, ...]
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class LicenceUnits(Wire):
    """Units of one licence (a SKU): how many the plan takes, how many are free now (None: not known), and how many
    more will be taken when somebody gives back by hand what no plan assigns."""

    sku: str
    name: str
    needed: int
    free: int | None
    by_hand: int

    @property
    def short(self) -> int:
        """How many are missing for all of it."""
        return 0 if self.free is None else max(0, self.needed + self.by_hand - self.free)


@dataclass(frozen=True, slots=True)
class Conflict(Wire):
    """A live object stands where a snapshot's object should come back. Default: nothing is done.

    `words`: what may be chosen; `closed`: word → why that may not be. `live_created_at`: as the live object says.
    """

    type: str
    target: str
    name: str
    live: str
    key: str  # the match key that both hold, as `property`
    why: str
    created_by: str
    affects: tuple[str, ...]  # links and objects that stay out because of it, as text
    kind: ConflictKind = ConflictKind.NAME_HELD
    live_type: str = ""  # "": the same type
    live_name: str = ""
    live_created_at: str = ""
    words: tuple[Word, ...] = ()
    closed: dict[str, str] = field(default_factory=dict)


class Reason(StrEnum):
    """Why something is not as in the snapshot after a restore. A closed list."""

    NEW_ID = "newId"
    CONFLICT = "conflict"
    LOCK_OUT_GUARD = "lockOutGuard"
    SECRET = "secretNeverReadable"  # noqa: S105 (a reason's name)
    COMPUTED = "computedByTheService"
    WRITE_ONCE = "setOnlyAtCreation"
    DYNAMIC = "dynamicMembership"
    SYNCED = "ownedByOnPremisesSync"
    FOREIGN = "ownedByAnotherTenantOrAzure"
    NEEDS_ACTION = "needsAnActionNotSupported"
    NOT_COMPLETE = "snapshotOrLiveNotComplete"
    DEAD_REFERENCE = "refersToSomethingGone"
    ADDED_SINCE = "addedSinceAndPruneNotAsked"
    OUT_OF_SCOPE = "outOfScope"
    PASSING = "activationIsNoAssignment"
    ENDED = "endedMeanwhile"
    UNCLASSIFIED = "notKnownWhatItWas"
    ERASED = "onErasureList"
    CHOSEN = "leftByChoice"
    DOMAIN = "domainNotThere"  # the tenant it goes to hasn't verified the domain, and none takes its place
    LICENCE = "licenceNotThere"


@dataclass(frozen=True, slots=True)
class Exclusion(Wire):
    """Something the plan leaves as it is, and why. `member` is a property or relationship, "" for the whole;
    `other` the link's other end, where it is about one link only."""

    type: str
    target: str
    name: str
    member: str
    reason: Reason
    why: str
    other: str = ""


@dataclass(frozen=True, slots=True)
class Address(Wire):
    """A URL at `path` of an object that goes into another tenant, as it was and as it will be. `left`: a domain
    of the tenant that it comes from, which it still names; "" for none."""

    type: str
    target: str
    name: str
    path: str
    old: str
    new: str
    left: str


@dataclass(frozen=True, slots=True)
class Leaving(Wire):
    """Something that a recycle bin holds until `at`, when the service purges it for good."""

    type: str
    target: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Fighting(Wire):
    """Something live that writes to the tenant by itself. Whoever approves decides whether to pause it."""

    type: str
    target: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Scope(Wire):
    """What a request asked to bring back. Empty tuples mean everything.

    `members`: properties and relationships, each as `users.department` or `groups.members`; then nothing else of
    any object is written, and no object comes back but those that a named relationship contains.
    `dependencies`: with the objects in `ids` comes what of the snapshot they name and hold and is missing.
    `prune`: what was added since goes, objects only where a recycle bin takes them.
    `contain`: nothing comes back; what was added and gives access goes, what lets people in goes back, and the
    accounts in `ids`, and those added, are shut.
    `rescue`: only what a recycle bin still holds comes back, as it is there, before anything else.
    `choices`: the operator's words on conflicts.
    `adopt`: `old=live` each, how plans said it before there were choices: a `Choice` that adopts.
    `into`: the snapshot is another tenant's, and what it holds goes into the tenant of this id; `domains`:
    `old=new` each, the domain there that takes the place of one here.
    """

    types: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    dependencies: bool = False
    prune: bool = False
    contain: bool = False
    rescue: bool = False
    adopt: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    into: str = ""
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RestorePlan(Wire):
    """`plan.json`. Its digest is the SHA-256 of the stored bytes.

    A step is ready once all that it depends on have ended, well or not; `Operation.after` then decides for each
    of its operations whether it may be sent.
    """

    format: int
    id: str
    tenant: str
    snapshot: str
    manifest_sha256: str
    created_at: datetime
    live_as_of: datetime
    catalog_version: str
    scope: Scope
    break_glass_ids: tuple[str, ...]
    waves: tuple[Wave, ...]
    steps: tuple[Step, ...]
    conflicts: tuple[Conflict, ...]
    exclusions: tuple[Exclusion, ...]
    new_ids: dict[str, str]  # old id → type, for everything that will get a new id
    forecast: Forecast
    # Static groups that were in the snapshot and are live: only these may count as exclusions of a break-glass
    # account when the guard is asked again before an operation is sent.
    guard_groups: tuple[str, ...] = ()
    # Ids that earlier restores had replaced when this plan was made, old → new: the plan calls such objects by
    # their new ids.
    known_ids: dict[str, str] = field(default_factory=dict)
    # Objects on the erasure list that the request asked to bring back all the same, and that who approves this
    # plan approves.
    despite_erasure: tuple[str, ...] = ()
    leaving: tuple[Leaving, ...] = ()  # what this plan takes from recycle bins, the soonest to be purged first
    fighting: tuple[Fighting, ...] = ()  # what may undo the restore
    undo_of: str = ""  # the plan whose doings this one takes back
    chosen: tuple[Chosen, ...] = ()  # what became of the choices that the request made
    tier_zero: tuple[TierZeroGrant, ...] = ()  # what an approval has to name one by one
    flags: tuple[Flag, ...] = ()  # why waves ask for what they ask
    blast_radius: BlastRadius | None = None  # None: not worked out
    licences: tuple[LicenceUnits, ...] = ()  # that the plan takes units of
    # What could not be read when the plan was made, and what therefore isn't told of above.
    untold: tuple[str, ...] = ()
    # Of a plan that goes into another tenant (`tenant`): whose snapshot it is, and each of its domains with what
    # takes its place, "" for none. Names in the plan are as they will be; `known_ids` begins with what both tenants
    # have. `addresses`: those that another domain's name changes, and those that still name one of the old tenant.
    source_tenant: str = ""
    domains: dict[str, str] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()

    @property
    def operations(self) -> tuple[Operation, ...]:
        return tuple(operation for step in self.steps for operation in step.operations)


# --- approvals ---------------------------------------------------------------------------------------


class Decision(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    OVERRIDE = "override"  # a yes that, after a wait, stands for the approvers who can't be reached
    WITHDRAW = "withdraw"  # no override lets this plan run

    @property
    def allows(self) -> bool:
        """A yes: what it says lets something run, now or after a wait."""
        return self in (Decision.APPROVE, Decision.OVERRIDE)


@dataclass(frozen=True, slots=True)
class Approval(Wire):
    """Payload of an approver's JWS. `waves` are the waves it lets run; `nonce` works once. `tier_zero`: keys of the
    grants of such power that it lets through; others aren't done."""

    tenant: str
    plan: str
    digest: str
    waves: tuple[int, ...]
    decision: Decision
    acknowledged: tuple[str, ...]
    expires_at: datetime
    nonce: str
    tier_zero: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Approver(Wire):
    """One line of the approvers' document. `jwk` is the public P-256 key."""

    key_id: str
    jwk: dict[str, str]
    person: str


@dataclass(frozen=True, slots=True)
class Approvers(Wire):
    """The approvers' document in the evidence container; its SHA-256 is a setting of both apps."""

    needed: int
    approvers: tuple[Approver, ...]


# --- journal of an execution -----------------------------------------------------------------------------


REMOVES = "removes"  # of a wave that takes away what was added
CONTAINS = "contain"  # of a plan that shuts an intruder out
RENAMES = "renames"  # of a wave that changes the name of a live object, so that another gets its own back


class OutcomeState(StrEnum):
    """How an operation ended. DONE, ALREADY and the refusals are final; UNKNOWN and WAITING are not."""

    DONE = "done"
    ALREADY = "alreadyAsWanted"
    CHANGED = "changedSincePlan"  # a value is no longer what the plan saw: not written
    REFUSED = "refusedByGraph"
    GUARD = "leftOffByGuard"
    ERASED = "onErasureList"  # put there since the plan was made: not written
    NOT_APPROVED = "notApproved"  # gives power over the tenant, and too few approvers named it
    BLOCKED = "dependencyNotDone"
    UNKNOWN = "unknown"  # answer lost: the next attempt looks for the anchor
    WAITING = "waiting"  # replication or another service; tried again

    @property
    def final(self) -> bool:
        return self not in (OutcomeState.UNKNOWN, OutcomeState.WAITING)

    @property
    def good(self) -> bool:
        return self in (OutcomeState.DONE, OutcomeState.ALREADY)


@dataclass(frozen=True, slots=True)
class Intent(Wire):
    """Written before a batch is sent; its create-only name (plan, step, attempt) is also the claim."""

    plan: str
    step: str
    attempt: int
    worker: str
    claimed_at: datetime
    operations: tuple[str, ...]  # ids of the operations in this batch
    pre_images: dict[str, JsonObject]  # operation → the live values that the write will replace
    previous: str  # SHA-256 of the step's previous journal blob, "" for the first


@dataclass(frozen=True, slots=True)
class Outcome(Wire):
    """How one operation ended in one attempt."""

    operation: str
    state: OutcomeState
    status: int
    request_id: str
    why: str
    ids: dict[str, str]  # old → new
    at: datetime


@dataclass(frozen=True, slots=True)
class Outcomes(Wire):
    """Written after a batch: one blob for the whole attempt."""

    plan: str
    step: str
    attempt: int
    worker: str
    outcomes: tuple[Outcome, ...]
    previous: str  # SHA-256 of the intent blob

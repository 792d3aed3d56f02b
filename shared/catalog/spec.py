"""The words in which an object type is declared. No behaviour but look-ups over the declared values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from functools import lru_cache
from urllib.parse import quote

from shared.catalog.bearing import Bearing
from shared.catalog.containment import Containment
from shared.domain.plan import AccessKind, AnchorKind, Mechanism, Reason


class Throttle(StrEnum):
    """Limiter classes (Microsoft Graph throttling limits page, section identity and access)."""

    DIRECTORY = "directory"
    CONDITIONAL_ACCESS = "conditionalAccess"
    AUDIT = "audit"


class Tier(StrEnum):
    """How often a type or relationship is read."""

    EVERY_FULL = "everyFull"
    ROLLING = "rolling"  # a part of the parents a day: relationships whose parents are asked one by one
    OPT_IN = "optIn"  # in every full of a deployment that asks for it


class Reading(StrEnum):
    """How a type is read."""

    SINGLETON = "singleton"
    LIST = "list"  # twice, until both are the same
    LIST_AND_DELTA = "listAndDelta"  # what changes meanwhile is replayed
    SERIES = "series"  # once, what happened since the last window began
    NOT_READ = "notRead"  # by no app-only identity
    EACH = "each"  # by one request for each object of the type whose properties these are
    WITH_PARENT = "withParent"  # by `$expand` on the parents' list, and page by page where that may have cut


class Latency(StrEnum):
    """What it takes to see a change between two fulls: one feed or flat list (A), a reading of each parent (B),
    or nothing does, and the next full that reads it tells (C)."""

    A = "A"
    B = "B"
    C = "C"


class Drill(StrEnum):
    """Where a restore may be tried out: on an object made for it in the protected tenant, in another tenant only,
    or nowhere."""

    CANARY = "canary"
    REHEARSAL = "rehearsal"
    NONE = "none"


class WaveNumber(IntEnum):
    """Priority of a restore; references still decide the order."""

    RESCUE = 0
    CONTAIN = 1
    POLICIES = 2
    TIER_ZERO = 3
    PEOPLE = 4
    REST = 5
    PRUNE = 6


class Strength(StrEnum):
    """UNIQUE: the server allows one live holder, so another object with it is a conflict; WEAK: a hint only."""

    UNIQUE = "unique"
    WEAK = "weak"


@dataclass(frozen=True, slots=True)
class Condition:
    """True where the member at `path` (dotted, `[]` steps into lists) equals, or as a list holds, one of `values`;
    `within`: where its text has one of them as a part; `begins`: where it begins with one. Null among
    them stands for what is missing or an empty list, too. Read by `engines.conditions.holds`."""

    path: str
    values: tuple[object, ...]
    within: bool = False
    begins: bool = False

    @property
    def member(self) -> str:
        return self.path.partition(".")[0].removesuffix("[]")

    @property
    def asks(self) -> tuple[str, ...]:
        """What a `$select` has to name for it; annotations come by themselves."""
        return () if self.path.startswith("@") else (self.member,)


class Yields(StrEnum):
    """How an object gives a unique value up and stays what it is."""

    LOCAL_PART = "localPart"  # another name before the @
    SUFFIX = "suffix"  # another text
    LEAVES = "leaves"  # the value leaves the list


@dataclass(frozen=True, slots=True)
class MatchKey:
    """A property (or several together; dotted paths) by which an object is recognised besides its id.

    `lookup` is a path with `{value}` for the (single) property's value, percent-encoded and quote-doubled by
    the caller; empty for keys that can only be compared in listings. `optional`: properties that may be missing,
    which then is part of the key. `when`: only objects that this holds of have the key. `space`: objects of all
    types that name the same one share its values. `written`: False where the mail system or the service computes
    it, so that nothing but a recycle bin brings it back. `yields`: how an object gives a value of it up. `across`:
    an object of another tenant that holds it is the same thing there, once domains and ids are those of that
    tenant."""

    properties: tuple[str, ...]
    strength: Strength
    lookup: str = ""
    optional: tuple[str, ...] = ()
    when: Condition | None = None
    space: str = ""
    written: bool = True
    yields: Yields | None = None
    across: bool = False


@dataclass(frozen=True, slots=True)
class DomainName:
    """Texts at `path` (dotted, `[]` steps into lists) that may name a domain of the tenant; another tenant has its
    own in its place. `verified`: Graph takes no domain there that the tenant hasn't verified, so that an object, or
    a value of a list, whose domain the other tenant lacks can't be there. `address`: they are URLs, of which the
    host alone names a domain; each that changes is told, and each that still names a domain of the other tenant."""

    path: str
    verified: bool = False
    address: bool = False


@dataclass(frozen=True, slots=True)
class TellsDomains:
    """The ids of the type's objects are the tenant's domains. Members that tell which of them is the one that the
    tenant began with, and which are verified."""

    initial: str
    verified: str


@dataclass(frozen=True, slots=True)
class StaysBehind:
    """Why an object that another tenant lacks doesn't come to be there."""

    reason: Reason
    why: str


@dataclass(frozen=True, slots=True)
class AnchorSpec:
    """See `domain.plan.Anchor`. A key's `property` may be dotted. `lookup` and `bin_lookup` may hold `{value}`
    (and `{parent}` for children). Bins filter by a lagging index only, so they are listed whole."""

    kind: AnchorKind
    property: str
    lookup: str
    bin_lookup: str = ""


@dataclass(frozen=True, slots=True)
class Facet:
    """Properties of the type `of` that its listing can't hold, or not for everybody: one object for each of its
    objects, under the same id. They are listed with a `$select` of their own, or, with `each`, asked for object by
    object; then `collection` is the path below the object whose items are kept under `member`, "" for properties of
    the object itself. A type with a member `apart` is read there instead, and an owner that is made anew gets that
    back, if any permission writes it. `when`: the objects that have any; others refuse the question."""

    of: str
    each: bool = False
    collection: str = ""
    member: str = ""
    when: Condition | None = None
    share: float = 1.0  # how many of the owners are taken to have any, for forecasts


@dataclass(frozen=True, slots=True)
class Series:
    """A type of events that never change: each run reads those whose `moment` (a member, UTC) lies between the last
    run and its own beginning, and they are kept, never compared or restored. `first_days`: how far back the first
    run reads. `overlap_hours`: how much of the last window is read again, for events that come into sight late."""

    moment: str
    first_days: int
    overlap_hours: int


@dataclass(frozen=True, slots=True)
class Scoped:
    """A list that Graph gives for one object of the type `of` at a time, whose id stands for `{id}` in the `query`.
    `when`: those that are asked about; others are not. `share`: how many of them these are taken to be, for
    forecasts."""

    of: str
    when: Condition
    share: float


@dataclass(frozen=True, slots=True)
class Bin:
    """A recycle bin. `list` shows what it holds, `item` one entry and `restore` is POSTed; `{id}` stands for
    the old id. `refused_when`: states in which the bin copy is left and the object re-created instead.
    `misreported`: members that the bin shows otherwise than they come back. `comes_back`: members that come
    back with this value, whatever the bin shows."""

    list: str
    item: str
    restore: str
    version: str
    refused_when: Condition | None = None
    refused_why: str = ""
    misreported: tuple[str, ...] = ()
    comes_back: dict[str, object] = field(default_factory=dict)
    # Member → parameter of the restore by which an object comes back without the value of it that another object
    # holds: it is the value that it gets instead where the member yields one, and True where it doesn't.
    without: dict[str, str] = field(default_factory=dict)
    days: int = 30  # after which the service purges what is in it


@dataclass(frozen=True, slots=True)
class Timed:
    """How an object with an end is made: `body` is POSTed to `path` beside the object's own members, with the end
    where `{end}` stands, and where `{start}` stands the start, or nothing if that is past. The answer is a
    request's, not the object's, which is then found by its anchor."""

    path: str
    body: dict[str, object]


@dataclass(frozen=True, slots=True)
class Nature:
    """Whether an object comes and goes by itself, and when it ends. It says so itself, or an object of the type
    `told_by` does, whose `key` holds its id: of these only those that meet `direct` speak of the object itself,
    and a tenant without the licence for them has no objects but plain ones.

    `passing`: what meets one of these comes and goes by itself, and is evidence only. `end`: where the moment is
    at which it ends, null for never; `start` and `duration`: where else it would follow from. `lasting`: only what
    meets it never ends, whatever stands there. `begun_as`: the type that has an object with the same `same` members
    once it has begun, and brings it back from then on. Paths are dotted."""

    passing: tuple[Condition, ...]
    passing_why: str
    end: str
    timed: Timed
    told_by: str = ""
    key: str = ""
    direct: Condition | None = None
    start: str = ""
    duration: str = ""
    lasting: Condition | None = None
    begun_as: str = ""
    same: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """A writable member that a PATCH refuses: `{member: value}` is POSTed to the object's path + `path`. `within`:
    the object that results is POSTed there under this name, whole, and what a PATCH would write with it.
    `refined_by`: the type whose objects, below this one, say more of some of the member's values. Such a value
    must be there first, and can't go while one of them names it."""

    member: str
    path: str
    within: str = ""
    refined_by: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A list within a writable member, at the dotted path `list`, whose items can't be written with the object:
    each is PATCHed whole at `path`, with its `@odata.type`. There `{id}` stands for the item's id, and another name
    for the object's member of that name. Forms of the items' members are declared as if they were the object's."""

    list: str
    path: str

    @property
    def member(self) -> str:
        return self.list.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Apart:
    """A member that no answer shows with its object: it has a `path` of its own below the object, where a GET shows
    it and a PUT sets it, whole. A `file` is kept as a data URI (RFC 2397), and a DELETE takes it away; anything
    else is JSON. `when`: what an object says of itself that has one; others aren't asked. `share`: how many of the
    objects these are taken to be, for forecasts."""

    member: str
    path: str
    file: bool = False
    when: Condition | None = None
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Governed:
    """What the objects of the type `by` allow decides whether an object can be made by a request: those whose
    `member` is the object's, too, are as they shall be before it is."""

    by: str
    member: str


@dataclass(frozen=True, slots=True)
class Follows:
    """The service makes an object once there is one of these `types` whose `member` is the value of its `own`."""

    types: tuple[str, ...]
    member: str
    own: str


@dataclass(frozen=True, slots=True)
class Create:
    """`path` is POSTed; `{parent}` stands for the parent's id. `fixed` members are added to the body, `{start}` as
    in `Timed`. `held`: members that start with this value where the snapshot has another, and get theirs once the
    object exists. `refused_when`: objects that a POST can't bring back (any of the conditions); `refused_in`: nor
    any whose parent's id begins so. `by_request`: the answer is a request's, not the object's, which is then found
    by its anchor. `method`: PUT or PATCH where the path is that of the object itself, which then comes to be under
    it. `awaited`: nothing is written: the service makes the object together with what it names, and it is looked
    for by its anchor (`path` is empty). `shaped`: `fixed` is the whole body, in which `{parent}` stands for the
    parent's id, and another name in braces (a dotted path) for the object's value there; what has no value is left
    out."""

    path: str
    method: str = "POST"
    fixed: dict[str, object] = field(default_factory=dict)
    password: bool = False  # the body needs an initial password, which we make
    held: dict[str, object] = field(default_factory=dict)
    refused_when: tuple[Condition, ...] = ()
    refused_in: str = ""
    refused_why: str = ""
    by_request: bool = False
    awaited: bool = False
    follows: Follows | None = None  # of `awaited`
    shaped: bool = False


@dataclass(frozen=True, slots=True)
class Enabling:
    """A type whose objects act on sign-ins: they come back `off`, and go to the snapshot's value last, by way of
    `trial`, in which they do nothing yet and `evaluate` (a path that is POSTed to) tells what they would do."""

    property: str
    off: str
    acting: tuple[str, ...]  # values that act; a change to one of them passes the lock-out guard
    trial: str = ""
    evaluate: str = ""


@dataclass(frozen=True, slots=True)
class Granted:
    """Links that may come from objects of the type `by`, whose members `source` and `target` hold the ends: one
    whose nature is to pass, or to end, isn't made as a link, which would last. `when`: those that speak of these
    links."""

    by: str
    source: str
    target: str
    when: Condition


class LinkWrite(StrEnum):
    """How links of a relationship are written."""

    BIND = "bind"  # PATCH parent with `{name}@odata.bind`, up to 20 targets, all or nothing
    REF = "ref"  # POST {parent}/{name}/$ref
    PUT_REF = "putRef"  # PUT {parent}/{name}/$ref, single-valued
    FAR_REF = "farRef"  # POST {target}/{far}/$ref: read here, written on the other end
    FAR_ACTION = "farAction"  # POST {target}/{far} with the source's id: likewise, by an action of the other end
    NONE = "none"


# Azure RBAC: the security principal of an assignment is a user, a group or a service principal.
AZURE_ROLES = "role assignments of Azure resources"

# Addresses are unique among all that may have any; the mail system makes them.
MAIL_ADDRESSES = MatchKey(("proxyAddresses",), Strength.UNIQUE, space="proxyAddresses", written=False)


@dataclass(frozen=True, slots=True)
class Relationship:
    """A navigation property kept as links, read by `$expand` on the parents' list and, where 20 came back
    (Graph cuts `$expand` there without a word), by paging `{parent}/{id}/{name}`.

    `at`: the path below the object, where it isn't the name: members of a derived type stand behind a cast.

    `contains`: catalog name of the child type whose objects it holds (then whole objects are read).
    `delta`: the parents' delta reports changes of it. `computed_when`: parents whose links the service makes.
    `far`: of FAR_REF, the target's name for the relationship, as each of `target_types` has it; of FAR_ACTION, the
    action that makes a link, `far_away` the one that takes it away, `far_member` what both call the source's id.
    `asked_while`: only while an object of the (one) target type meets it are there any links: else no parent is
    asked, and what the links lead to is as it shall be before they are made.
    `membership`: what names the parent acts on those it holds, so that they are back before it may act.
    `seals_when`: parents whose links make their targets immutable to us, so that they come last. `granted`: what
    else gives such links, for a time.
    `answers`: its targets answer for the object: they are asked about what is left to do for it.
    """

    name: str
    target_types: tuple[str, ...]
    write: LinkWrite
    at: str = ""
    many: bool = True
    contains: str = ""
    far: str = ""
    far_away: str = ""
    far_member: str = ""
    delta: bool = False
    membership: bool = False
    answers: bool = False
    page_cost: int = 1
    # For forecasts: the share of parents that are taken to hold 20 or more, and how many further pages there are
    # for each object of the first target type.
    crowded: float = 0.0
    further: float = 0.0
    tier: Tier = Tier.EVERY_FULL
    rolling_days: int = 0  # of ROLLING: so long until every parent has been asked
    off_because: str = ""  # why an opt-in is off where nobody asks for it
    computed_when: Condition | None = None
    computed_why: Reason = Reason.DYNAMIC
    seals_when: Condition | None = None
    expands: bool = True  # else each parent is asked for
    asked_when: Condition | None = None  # of what can't be expanded: parents that may have any; others aren't asked
    asked_while: Condition | None = None
    share: float = 1.0  # how many of the parents are taken to be asked, for forecasts
    address: str = ""  # path before the id by which REF names its targets; "": the type's `reference_root`
    granted: Granted | None = None
    needs_to_read: tuple[tuple[str, ...], ...] = ()
    needs_to_write: tuple[tuple[str, ...], ...] = ()
    write_by_choice: str = ""  # as the type's

    @property
    def path(self) -> str:
        """Below the object."""
        return self.at or self.name

    @property
    def written_far(self) -> bool:
        """Whether its links are written on the other end."""
        return self.write in (LinkWrite.FAR_REF, LinkWrite.FAR_ACTION)


@dataclass(frozen=True, slots=True)
class Found:
    """Members whose names only the tenant knows. Each is an object of the type `declared_by`, whose name it bears
    and whose member `kinds` lists the `kind` of objects that it is for. `also` is POSTed, by who holds
    `also_needs`, and lists those, too, that no object of the tenant declares. `pattern`: what such names look
    like."""

    declared_by: str
    kinds: str
    kind: str
    also: str
    also_needs: tuple[tuple[str, ...], ...]
    pattern: str


@lru_cache(maxsize=16 * 1024)
def _fits(pattern: str, name: str) -> bool:
    """Asked for each member of each object that is compared, and objects of a type have the same members."""
    return re.fullmatch(pattern, name) is not None


@dataclass(frozen=True, slots=True)
class MemberGroup:
    """Members that are asked for beside the others, and left out where the token may not read them: the objects are
    read all the same, and the manifest tells of the members under `{type}.{name}`. They are named here or, where
    `found` says so, found out when a reading begins."""

    name: str
    needs_to_read: tuple[tuple[str, ...], ...]
    needs_to_write: tuple[tuple[str, ...], ...] = ()
    members: tuple[str, ...] = ()
    found: Found | None = None
    write_by_choice: str = ""  # as the type's

    def holds(self, member: str) -> bool:
        """Whether a member of this name belongs to the group."""
        return member in self.members or (self.found is not None and _fits(self.found.pattern, member))


@dataclass(frozen=True, slots=True)
class ValueReference:
    """Ids inside an object's JSON. `path` is dotted, `[]` steps into lists: `conditions.users.includeUsers[]`.

    `to` names the types whose id (or `key`, such as appId) may stand there; `literals` are values that are not
    ids. `text`: the value holds the id within longer text, where it looks like `pattern` (a GUID, if there is
    none). `include`/`exclude`: in an access policy, what losing the reference would mean (a dead include narrows,
    a dead exclude widens). `pair`: the two are one thing in two parts, which come back the same way or not at all,
    the part referred to first. `copies_name`: the service keeps the name that the other object has at this moment,
    so that it must be the right one by then. `names`: not values but the names of members that look like `pattern`
    refer."""

    path: str
    to: tuple[str, ...]
    key: str = "id"
    literals: tuple[str, ...] = ()
    text: bool = False
    exclude: bool = False
    include: bool = False
    pair: bool = False
    copies_name: bool = False
    pattern: str = ""
    names: bool = False


@dataclass(frozen=True, slots=True)
class Protected:
    """Objects that can't be written, and the reason. `while_so`: only as long as the live object is so; what the
    snapshot says of it doesn't matter. `made_of`: a missing one can be made all the same, by these members alone;
    the rest of it is as its owner sets it. `elsewhere`: why another tenant that lacks it doesn't get it."""

    when: Condition
    reason: Reason
    unless: Condition | None = None
    while_so: bool = False
    made_of: tuple[str, ...] = ()
    elsewhere: str = ""


@dataclass(frozen=True, slots=True)
class TierZero:
    """How objects of a type give power over the whole tenant, directly or by a short way; `why` says what is given.

    `holder`: member (dotted) with the id of whom an object gives it to; of such a type those objects count that
    meet `when`, if there is one, and not `harmless`. `holds`: objects that have such power to pass on by
    themselves. `links`: relationships whose targets get the power that an object has. `lets_in`: an object is a way
    to sign in as its parent. `members`: a change of these widens what their holders may do. `given`: member
    (dotted) with what an object gives, where no condition looks at it."""

    source: str
    why: str
    holder: str = ""
    when: Condition | None = None
    harmless: Condition | None = None
    holds: Condition | None = None
    links: tuple[str, ...] = ()
    lets_in: bool = False
    members: tuple[str, ...] = ()
    given: str = ""


@dataclass(frozen=True, slots=True)
class Gives:
    """Objects of a type give `kind` of access to what the member `to` names, to whom `holder` names. `nested`: a
    group that holds it passes it on to the members of groups in it."""

    kind: AccessKind
    holder: str
    to: str
    nested: bool
    source: str


@dataclass(frozen=True, slots=True)
class Licensed:
    """Objects hold licences in the list `member`, each named by its `sku`. `through`: the direct targets of this
    relationship take a unit of each, not the object."""

    member: str
    sku: str
    source: str
    through: str = ""


@dataclass(frozen=True, slots=True)
class Stock:
    """Objects tell how many units of the licence `sku` were `bought` and are `used` (dotted)."""

    sku: str
    bought: str
    used: str
    source: str


@dataclass(frozen=True, slots=True)
class Extra:
    """Permissions (any of) that writing some objects of a type needs beside the type's own."""

    when: Condition
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Licence:
    """What a tenant needs beyond Entra ID Free to have such objects, or some of them. `plans`: ids or services of
    plans, without any of which there are no such objects at all; an empty list then says nothing."""

    name: str
    source: str
    plans: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fights:
    """Objects that meet `when` write to the tenant by themselves, and may undo what a restore does; `why` says what
    they write."""

    when: Condition
    why: str


@dataclass(frozen=True, slots=True)
class Quirk:
    """A fact that explains a declaration, with its source."""

    about: str
    source: str
    unverified: bool = False


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One object type of the tenant. Paths are without version; `{parent}` stands for a parent's id."""

    name: str
    title: str
    path: str
    odata_type: str
    wave: WaveNumber
    needs_to_read: tuple[tuple[str, ...], ...]  # all of: any of
    needs_to_write: tuple[tuple[str, ...], ...]
    needs_to_write_also: tuple[Extra, ...] = ()
    write_by_choice: str = ""  # why what writing needs is in no list that a deployment gives: the owner may add it
    subtypes: tuple[
        str, ...
    ] = ()  # further Graph types that the collection holds, such as those of an abstract one
    version: str = "v1.0"
    singleton: bool = False  # the tenant has one, or each parent has one at most
    # A tenant, or an owner, may be without, which Graph tells by 404: then there is none, and all was read.
    absent: bool = False
    parent: str = ""
    parent_relationship: str = ""
    # An object is nothing but what it says of others: it goes and comes back with them, and another one that says
    # the same is the same thing.
    dependent: bool = False
    bin_of: str = ""  # these are what the bin holds of the type of this name
    made_by_service: str = ""  # never written, because the service makes such objects from what is named here
    only_read: str = ""  # why nothing of it is ever written
    stays: str = ""  # why what was made can never be removed again
    not_created: str = ""  # why there is no `create`
    not_read: str = ""  # why no app-only identity can read it: it is declared for that fact alone
    tier: Tier = Tier.EVERY_FULL
    off_because: str = ""  # why an opt-in is off where nobody asks for it
    facet: Facet | None = None
    series: Series | None = None
    scoped: Scoped | None = None
    query: tuple[str, ...] = ()  # options that the listing always has, percent-encoded
    singly: bool = False  # the listing shows a part of each object only, so that each is asked for by itself
    select: tuple[str, ...] = ()
    member_groups: tuple[MemberGroup, ...] = ()
    page_size: int = 0  # `$top`; 0: the type takes none
    delta: bool = False
    # Type by whose number this one's is foretold, `grows_by` for each; else there are `number`, 0 for few.
    grows_with: str = ""
    number: int = 0
    grows_by: float = 1.0
    list_cost: int = 1
    item_cost: int = 1
    throttle: Throttle = Throttle.DIRECTORY
    batchable: bool = True
    # The member that tells one from another; "": a singleton goes by its name in the catalog, whatever Graph shows.
    identity: str = "id"
    name_property: str = "displayName"
    relationships: tuple[Relationship, ...] = ()
    match_keys: tuple[MatchKey, ...] = ()
    anchor: AnchorSpec | None = None
    bin: Bin | None = None
    create: Create | None = None
    enabling: Enabling | None = None
    nature: Nature | None = None
    writable: tuple[str, ...] = ()  # may be changed: by PATCH (or PUT), or by one of `actions`
    put: bool = False  # a change is a PUT, which names every writable member: what it leaves out is reset
    put_names: tuple[str, ...] = ()  # members that each PUT has to name as they are, and none changes
    actions: tuple[Action, ...] = ()
    parts: tuple[Part, ...] = ()
    apart: tuple[Apart, ...] = ()  # of `set_after`, or only read
    governed: Governed | None = None
    only_at_creation: tuple[Condition, ...] = ()  # values of writable members that no change sets or replaces
    create_only: tuple[str, ...] = ()  # may be set in the creation and never after; the identity: we choose it
    set_after: tuple[str, ...] = ()  # writable, but only once the object exists
    action_only: tuple[str, ...] = ()  # differences are shown; writing takes an action not supported yet
    secret: tuple[str, ...] = ()  # never readable back as they were
    volatile: tuple[str, ...] = ()  # not part of the content hash
    sets: tuple[str, ...] = ()  # lists whose order carries no meaning; dotted
    disabled_first: tuple[str, ...] = ()  # lists (dotted) whose enabled items can't go or change; by `id`
    whole: tuple[str, ...] = ()  # members that Graph replaces whole
    by_id: tuple[str, ...] = ()  # nested objects that Graph shows in full and takes by id alone; dotted
    # Objects shown inline (dotted) by the member that alone names them: what else is shown of them is theirs, and
    # counts in no hash and no comparison.
    named: dict[str, str] = field(default_factory=dict)
    computed_within: tuple[str, ...] = ()  # nested members that the service fills in; dotted
    # Nested dates on which something begins: a creation names none that is past, and no change moves one; dotted.
    begins: tuple[str, ...] = ()
    shown_singly: tuple[
        str, ...
    ] = ()  # nested members that no listing shows, so that they are never compared; dotted
    typed: tuple[str, ...] = ()  # nested objects that need their `@odata.type` in writes; dotted
    # Members that hold objects by name, each of this `@odata.type`, whose values are merged one by one and need
    # their own type beside them.
    valued: dict[str, str] = field(default_factory=dict)
    # Relationships whose objects are shown within this one, if asked for; options of the `$expand` in brackets.
    inline: tuple[str, ...] = ()
    # Lists by member, with the flag of an item that is false for one that doesn't count any more. They change item
    # by item, as `{member}@delta`, and nothing leaves them: what is only live loses its flag.
    retired: dict[str, str] = field(default_factory=dict)
    prefixed: dict[str, str] = field(default_factory=dict)  # members before which the service puts what looks so
    kinds: tuple[str, ...] = ()  # nested objects whose `@odata.type` says what no member does: it counts; dotted
    references: tuple[ValueReference, ...] = ()
    domain_names: tuple[DomainName, ...] = ()
    tells_domains: TellsDomains | None = None
    one_per_tenant: bool = False  # a list of exactly one, which is the tenant's own whatever its id
    stays_behind: StaysBehind | None = None
    protected: tuple[Protected, ...] = ()
    keys_besides_id: tuple[str, ...] = ()  # server-made values others refer to, mapped when re-created: appId
    # Another object is taken for a missing one's successor only where the operator names both: always, or where
    # this holds of either of them.
    adopted_by_name: bool | Condition = False
    known_outside: str = ""  # what outside Graph may name its id, which no restore reaches
    read_back_by_list: bool = False
    type_tag_on_write: bool = False  # `@odata.type` must be in every write
    reference_root: str = "/v1.0/directoryObjects"
    licence: Licence | None = None
    fights: Fights | None = None
    contain: Containment | None = None  # None: nothing of it gives access
    tier_zero: TierZero | None = None
    gives: Gives | None = None
    licensed: Licensed | None = None
    stock: Stock | None = None
    second_look: str = ""  # what an approval of any change to it must acknowledge by this name
    bearing: Bearing | None = None  # None: the lock-out guard rests on nothing of it
    tells_plans: str = ""  # member that lists the tenant's plans
    drill: Drill = Drill.REHEARSAL
    no_drill: str = ""  # why `drill` is NONE
    quirks: tuple[Quirk, ...] = ()

    @property
    def list_path(self) -> str:
        """Version and path of the listing, without query."""
        return f"/{self.version}{self.path}"

    @property
    def reading(self) -> Reading:
        if self.not_read:
            return Reading.NOT_READ
        if self.parent:
            return Reading.WITH_PARENT
        if self.facet is not None and self.facet.each:
            return Reading.EACH
        if self.series is not None:
            return Reading.SERIES
        if self.singleton:
            return Reading.SINGLETON
        if self.singly or self.scoped is not None:
            return Reading.EACH
        return Reading.LIST_AND_DELTA if self.delta else Reading.LIST

    @property
    def latency(self) -> Latency:
        if self.tier is Tier.OPT_IN or self.not_read:
            return Latency.C
        return Latency.B if self.reading is Reading.WITH_PARENT or self.tier is Tier.ROLLING else Latency.A

    @property
    def evidence_only(self) -> str:
        """Why none of it is ever written; "" for what is."""
        made = f"the service makes them from {self.made_by_service}" if self.made_by_service else ""
        return made or self.only_read or self.not_read

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """By which its objects and their links come back; none for what the service makes."""
        able = (
            (Mechanism.BIN, self.bin is not None),
            (Mechanism.CREATE, self.create is not None),
            (Mechanism.PATCH, bool(self.restorable)),
            (Mechanism.LINK, any(one.write is not LinkWrite.NONE for one in self.relationships)),
            (Mechanism.ENABLE, self.enabling is not None),
        )
        return tuple(mechanism for mechanism, holds in able if holds)

    @property
    def inline_names(self) -> tuple[str, ...]:
        return tuple(one.partition("(")[0] for one in self.inline)

    def apart_at(self, path: str) -> Apart | None:
        """The member that a path shows instead of the object."""
        bare = path.partition("?")[0]
        return next((one for one in self.apart if bare.endswith(f"/{one.path}")), None)

    @property
    def named_in_put(self) -> frozenset[str]:
        """Members that a PUT names, whatever it changes; of a type that is changed by PATCH none."""
        return self.restorable | frozenset(self.put_names) if self.put else frozenset()

    @property
    def item_path(self) -> str:
        """Version and path of one object, `{id}` standing for it."""
        return self.list_path if self.singleton else f"{self.list_path}/{{id}}"

    def relationship_path(self, relationship: Relationship) -> str:
        """Version and path of one object's links, `{id}` standing for the object."""
        return f"{self.item_path}/{relationship.path}"

    def relationship(self, name: str) -> Relationship:
        for relationship in self.relationships:
            if relationship.name == name:
                return relationship
        raise KeyError(f"{self.name} has no relationship {name}")

    @property
    def by_content(self) -> bool:
        """Whether another object with the same unique key and values is the same thing."""
        return self.dependent or self.parent != ""

    @property
    def content(self) -> list[str]:
        """The members that make two objects of a type that is compared `by_content` the same, sorted."""
        return sorted({*self.writable, *self.create_only, *self.action_only})

    @property
    def chooses_id(self) -> bool:
        """Whether a creation names the id, so that an object made anew has its old one."""
        return self.identity in self.create_only or self.create_is_own_path

    @property
    def create_is_own_path(self) -> bool:
        """Whether an object is made by a request to where it will be."""
        return self.create is not None and self.create.method != "POST"

    @property
    def known_by(self) -> tuple[str, ...]:
        """Members by whose values an object goes besides its id: its own, and that of the pair it is part of."""
        return (*self.keys_besides_id, *(one.path for one in self.references if one.pair))

    @property
    def restorable(self) -> frozenset[str]:
        """Members that a restore can bring to the snapshot's value on an object that exists, as far as they have
        names here."""
        return frozenset(self.writable) | frozenset(self.set_after)

    @property
    def whole_names(self) -> frozenset[str]:
        """Members that a request says which names the whole object."""
        return self.restorable | frozenset(self.create_only)

    def found_in(self, names: Iterable[str]) -> frozenset[str]:
        """Those of the names that only the tenant knows."""
        groups = [group for group in self.member_groups if group.found is not None]
        return frozenset(name for name in names for group in groups if group.holds(name)) if groups else frozenset()

    def restorable_in(self, names: Iterable[str]) -> frozenset[str]:
        """What is `restorable` of an object that has members of these names."""
        return self.restorable | self.found_in(names)

    def selectable(self, names: Iterable[str]) -> list[str]:
        """Those of the names that a `$select` takes, sorted; none for a type whose answers are whole by default."""
        if not self.select:
            return []
        asked = set(names)
        grouped = {name for name in asked for group in self.member_groups if group.holds(name)}
        return sorted((asked & set(self.select)) | grouped)

    def within(self, since: datetime, until: datetime) -> ObjectType:
        """A series as it is read for a window."""
        assert self.series is not None
        ends = " and ".join(
            f"{self.series.moment} {word} {at:%Y-%m-%dT%H:%M:%SZ}" for word, at in (("ge", since), ("le", until))
        )
        return replace(self, query=(*self.query, f"$filter={quote(ends, safe='')}"))

    def asking(self, members: Iterable[str]) -> ObjectType:
        """The type as it is read with these members beside the others."""
        more = tuple(members)
        return replace(self, select=(*self.select, *more)) if more else self

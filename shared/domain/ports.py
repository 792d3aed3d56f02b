"""What the engines need from the world. Each port says what it promises; every implementation passes one
contract suite (`tests/contract`). All calls are asynchronous; all raise only `domain.errors`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from shared.domain.objects import Json
from shared.domain.vault import AccountState, ContainerState, RetentionPolicy, RoleAssignment, VaultReads

# --- Directory (Microsoft Graph) -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """One operation. `path` starts with the version and keeps its query: `/v1.0/users?$top=999`.

    `cost` is in resource units, `throttle` names the limiter (catalog: `Throttle`). `file`: a GET is answered with
    a file, which comes as JSON text, a data URI (RFC 2397); a write sends the file whose data URI `body` is.
    """

    method: str
    path: str
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict)
    throttle: str = "directory"
    cost: int = 1
    file: bool = False


@dataclass(frozen=True, slots=True)
class GraphResponse:
    """What Graph answered. `body` is raw JSON bytes, empty for 204; a file is a JSON text."""

    status: int
    body: bytes
    request_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing. `items` are slices of the body as received, free of line breaks. The links keep
    path and query only. A listing has ended when `next_link` is None, never because a page was empty."""

    items: tuple[bytes, ...]
    next_link: str | None
    delta_link: str | None
    request_id: str = ""


class Directory(Protocol):
    """Microsoft Graph, for one tenant and one identity.

    Reads are retried inside on 429, 5xx and lost connections, within patience, then `GraphDown`. Writes are
    retried inside on 429 only (a 429 was not carried out); for a write with any other unclear end (5xx,
    connection lost) `send` raises `AnswerLost`, and `batch` reports status 0 for the item.
    """

    async def page(self, request: GraphRequest) -> Page:
        """One page. Raises `GraphError` and its kinds, `GraphDown`, `ForeignLink` (a next link to another
        origin). A body cut short or without a `value` is retried, then `GraphDown`: never a short page."""
        ...

    async def send(self, request: GraphRequest) -> GraphResponse:
        """One request outside a batch. Returns any clear answer, error statuses included (404, 409, 400, 403),
        except 401, which raises `GraphUnauthorized` after one try with a fresh token."""
        ...

    async def batch(self, requests: Sequence[GraphRequest]) -> list[GraphResponse]:
        """Independent requests of one API version by `$batch`, any number, in chunks of 20; answers in the order
        of the requests. Items answered 429 are sent again alone; reads also on 5xx. Status 0: a write whose
        end is unknown."""
        ...

    def page_of(self, request: GraphRequest, response: GraphResponse) -> Page:
        """A page that came inside a batch, checked as `page` checks its own. Raises `GraphError` and its kinds for
        an error status, `GraphDown` for a body that is no whole page, `ForeignLink`."""
        ...

    async def roles(self) -> frozenset[str] | None:
        """Permissions in the token in use (`roles`, or `scp`); None where the token is opaque."""
        ...


# --- storage -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BlobStat:
    name: str
    length: int


class BlobStore(Protocol):
    """One container. Create-only: nothing here overwrites or deletes."""

    @property
    def container(self) -> str: ...

    async def put_new(self, name: str, data: bytes) -> None:
        """One whole blob in one request. Raises `BlobExists` if the name is or may be taken, `StorageDenied`,
        `StorageDown` (then it may or may not be there). Not idempotent: use `engines.create.create_once`."""
        ...

    async def get(self, name: str) -> bytes:
        """Raises `BlobMissing`, `StorageDown`, `StorageDenied`."""
        ...

    def list(self, prefix: str = "") -> AsyncIterator[BlobStat]:
        """All blobs under a prefix, in name order, every page; strongly consistent."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """A table row: `values` hold text, whole numbers, booleans and aware times; `etag` its version."""

    partition: str
    key: str
    values: Mapping[str, Any]
    etag: str = ""


class TableStore(Protocol):
    """State that speeds work up and shows progress. Only hints: nothing is decided by a row alone."""

    async def get(self, partition: str, key: str) -> Row | None: ...

    async def insert(self, row: Row) -> bool:
        """False where the row exists already."""
        ...

    async def replace(self, row: Row) -> Row:
        """Raises `RowChanged` unless the stored version is `row.etag`; with an empty etag: insert or replace."""
        ...

    def query(self, partition: str) -> AsyncIterator[Row]:
        """Rows of a partition in key order."""
        ...


class WorkQueue(Protocol):
    """At-least-once, unordered. Bodies are JSON of ids only, at most 48 KiB."""

    @property
    def name(self) -> str: ...

    async def send(self, body: str, *, delay: float = 0.0) -> None:
        """`delay` in seconds, up to 7 days. The message never expires."""
        ...


# --- keys, secrets ---------------------------------------------------------------------------------------


class Signer(Protocol):
    """ES256 over a signing input with a private key that this process can't read (Key Vault) or a local file."""

    @property
    def key_id(self) -> str: ...

    async def sign(self, signing_input: bytes) -> bytes:
        """The 64 bytes r‖s (RFC 7518 §3.4)."""
        ...


class SecretStore(Protocol):
    """Where initial passwords go, and nothing else. Each version expires a while after it was stored, by Holdfast's
    clock."""

    async def put(self, name: str, value: str) -> str:
        """Stores a new version and returns where a person finds it (never the value)."""
        ...

    async def get(self, name: str) -> str | None:
        """The newest version; None where there is none, or where it has expired."""
        ...


# --- surroundings ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Protection:
    """Whether a container's retention lock holds. `why` is empty when it does. `concerns`: what isn't as it should
    be and yet weakens no lock: told and alarmed."""

    locked: bool
    why: str = ""
    concerns: tuple[str, ...] = ()


class StoreInspector(Protocol):
    """Lock state of containers as the storage service reports it."""

    async def protections(self, containers: Sequence[str]) -> Mapping[str, Protection]:
        """By container, in one look: what they share, the account, is read once. Raises `StorageDown`,
        `StorageDenied`."""
        ...


class VaultControl(Protocol):
    """The management plane of the vault's account. No call weakens anything. Raises `StorageDown`, `StorageDenied`,
    and `Refused` where a change was asked for of a policy that is no longer as it was read."""

    async def account(self) -> AccountState: ...

    async def container(self, name: str) -> ContainerState:
        """Raises `BlobMissing` where there is no such container."""
        ...

    async def lock(self, name: str, etag: str) -> RetentionPolicy:
        """For good: nobody can take it back or shorten it."""
        ...

    async def extend(self, name: str, days: int, etag: str) -> RetentionPolicy: ...

    async def hold(self, name: str, tag: str) -> None:
        """Sets a legal hold beside those that are there."""
        ...

    async def release(self, name: str, tag: str) -> None: ...


class VaultAccess(Protocol):
    """Who may do what with the vault's account, by the management plane. Raises `StorageDown`, `StorageDenied`."""

    async def home(self) -> str:
        """Id of the tenant that guards the account's subscription."""
        ...

    async def assignments(self) -> tuple[RoleAssignment, ...]:
        """Those made at the account, above and below it, in order of their ids."""
        ...


class VaultLog(Protocol):
    """The storage service's own log of the vault's account, where one is kept. Raises `StorageDown`,
    `StorageDenied`."""

    async def reads(self, start: datetime, end: datetime) -> VaultReads:
        """Reads of blobs from `start` to before `end`, most frequent first."""
        ...


class Audit(Protocol):
    """Who did it, by the directory's own log. Evidence for people, never a source of values."""

    async def created_by(self, object_id: str) -> str:
        """Initiator and time of an object's creation as text, or "" where the log doesn't say."""
        ...


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class Ids(Protocol):
    def new(self) -> str:
        """Eight or more hexadecimal digits that don't repeat."""
        ...

    def password(self) -> str:
        """A random initial password that meets the directory's complexity rules."""
        ...


# --- the restore app ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AppState:
    """`enabled`: false where a deployment took the app offline, which starting it may not undo."""

    running: bool
    enabled: bool


class AppSwitch(Protocol):
    """One app of the deployment, on and off. Starting what runs and stopping what stands changes nothing. Calls
    raise `StorageDown` (whether it happened is unknown) and `StorageDenied`."""

    async def state(self) -> AppState: ...

    async def start(self) -> None:
        """Asked for; `state` says when it is so."""
        ...

    async def stop(self) -> None: ...

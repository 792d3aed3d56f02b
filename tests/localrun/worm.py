"""What Azure would answer: roles, container policies and legal holds, as pure rules over one blob request.

Owns: the reading of a blob request (which operation is it, which data action does it need, does it create, alter
or remove a blob) and the rules of container-level time-based policies and legal holds. What must stay true: what is
not known is refused; nothing here talks to a server, nor decides which policy a container has (`arm.py`).

Public sources: learn.microsoft.com, "Authorize access using Microsoft Entra ID: permissions for blob operations"
(data actions) and "Overview of immutable storage: time-based retention" (operations that a policy refuses); the
answer for deleting a container is the one reported in Azure/azure-powershell issue 22564. Not proved on a real
account, and therefore kept in one place each:

* what a create-only role gets for an existing name. With `If-None-Match: *` the default is 409
  BlobAlreadyExists (the condition is looked at first); `existing="forbidden"` gives 403 for it as well. Without
  the condition it is 403 in both readings;
* a hold alone refuses with the same code as a policy;
* for a role with `write`, `If-None-Match: *` on a protected blob gives 409 BlobAlreadyExists rather than 409
  BlobImmutableDueToPolicy;
* immutability or tag headers on an upload need actions that no role here has, so they are refused with 403.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Self
from urllib.parse import parse_qsl, unquote


class Action(StrEnum):
    """Data actions, as roles name them here."""

    READ = "read"
    ADD = "add"
    WRITE = "write"
    DELETE = "delete"
    MANAGE = "manage"  # containers: create, list all; only the identity that sets things up has it


class Effect(StrEnum):
    """What an operation does to the named blob."""

    NONE = "none"
    CREATE = "create"
    ALTER = "alter"
    REMOVE = "remove"


class Existing(StrEnum):
    """What a create-only role gets for `If-None-Match: *` on an existing name."""

    CONFLICT = "conflict"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Role:
    """An identity: per action the container patterns in which it may act."""

    name: str
    read: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    manage: tuple[str, ...] = ()

    def may(self, action: Action, container: str) -> bool:
        patterns: tuple[str, ...] = getattr(self, action.value)
        return any(fnmatchcase(container, pattern) for pattern in patterns)

    @classmethod
    def from_json(cls, name: str, spec: Mapping[str, Any]) -> Self:
        known = {action.value for action in Action}
        if unknown := set(spec) - known:
            raise ValueError(f"role {name}: unknown members {sorted(unknown)}")
        return cls(name=name, **{key: tuple(value) for key, value in spec.items()})

    def to_json(self) -> dict[str, list[str]]:
        return {action.value: list(getattr(self, action.value)) for action in Action}


@dataclass(frozen=True, slots=True)
class LockedPolicy:
    """A locked time-based retention policy on the containers that the pattern names."""

    container: str
    days: int

    def __post_init__(self) -> None:
        if not 1 <= self.days <= 146_000:
            raise ValueError("retention is 1 to 146,000 days")


@dataclass(frozen=True, slots=True)
class Guard:
    """What stands over the blobs of a container now. A policy that isn't locked refuses the same as a locked one
    while it is there ("Time-based retention policies": both states protect, one can be taken away)."""

    days: int = 0  # 0: no time-based policy
    held: bool = False  # at least one legal hold

    @property
    def stands(self) -> bool:
        return self.days > 0 or self.held


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    code: str
    message: str


FORBIDDEN = Refusal(
    403,
    "AuthorizationPermissionMismatch",
    "This request is not authorized to perform this operation using this permission.",
)
EXISTS = Refusal(409, "BlobAlreadyExists", "The specified blob already exists.")
IMMUTABLE = Refusal(
    409, "BlobImmutableDueToPolicy", "This operation is not permitted as the blob is immutable due to a policy."
)
CONTAINER_IMMUTABLE = Refusal(
    409,
    "ContainerImmutabilityPolicyLocked",
    "The requested operation is not allowed as the container has an immutability policy or a legal hold.",
)
BAD_URI = Refusal(400, "InvalidUri", "The requested URI does not represent any resource on the server.")
BAD_QUERY = Refusal(400, "InvalidQueryParameterValue", "A query parameter is given more than once.")
NO_ACCOUNT = Refusal(404, "ResourceNotFound", "The specified resource does not exist.")
NOT_MODELLED = Refusal(501, "NotImplemented", "The gateway does not model this operation.")


@dataclass(frozen=True, slots=True)
class Operation:
    """One request, read. `needs`: any one of these actions is enough; none means that no role can have it."""

    name: str
    account: str
    container: str = ""
    blob: str = ""
    needs: tuple[Action, ...] = ()
    effect: Effect = Effect.NONE
    refusal: Refusal | None = None
    create_only: bool = False

    @property
    def path(self) -> str:
        return f"{self.container}/{self.blob}" if self.blob else self.container


_R, _A, _W, _D, _M = Action.READ, Action.ADD, Action.WRITE, Action.DELETE, Action.MANAGE

# (method, comp) → (name, actions of which one is needed, effect). Absent: no role may do it.
_BLOB: dict[tuple[str, str], tuple[str, tuple[Action, ...], Effect]] = {
    ("GET", ""): ("GetBlob", (_R,), Effect.NONE),
    ("HEAD", ""): ("GetBlobProperties", (_R,), Effect.NONE),
    ("GET", "metadata"): ("GetBlobMetadata", (_R,), Effect.NONE),
    ("HEAD", "metadata"): ("GetBlobMetadata", (_R,), Effect.NONE),
    ("GET", "blocklist"): ("GetBlockList", (_R,), Effect.NONE),
    ("GET", "pagelist"): ("GetPageRanges", (_R,), Effect.NONE),
    ("PUT", ""): ("PutBlob", (_A, _W), Effect.CREATE),
    ("PUT", "blocklist"): ("PutBlockList", (_W,), Effect.CREATE),
    ("PUT", "block"): ("PutBlock", (_W,), Effect.ALTER),
    ("PUT", "page"): ("PutPage", (_W,), Effect.ALTER),
    ("PUT", "appendblock"): ("AppendBlock", (_A, _W), Effect.ALTER),
    ("PUT", "metadata"): ("SetBlobMetadata", (_W,), Effect.ALTER),
    ("PUT", "properties"): ("SetBlobProperties", (_W,), Effect.ALTER),
    ("PUT", "snapshot"): ("SnapshotBlob", (_A, _W), Effect.ALTER),
    # A policy refuses neither leases nor tier changes.
    ("PUT", "lease"): ("LeaseBlob", (_W,), Effect.NONE),
    ("PUT", "tier"): ("SetBlobTier", (_W,), Effect.NONE),
    ("DELETE", ""): ("DeleteBlob", (_D,), Effect.REMOVE),
}
_CONTAINER: dict[tuple[str, str], tuple[str, tuple[Action, ...], Effect]] = {
    ("GET", ""): ("GetContainerProperties", (_R, _M), Effect.NONE),
    ("HEAD", ""): ("GetContainerProperties", (_R, _M), Effect.NONE),
    ("GET", "metadata"): ("GetContainerMetadata", (_R, _M), Effect.NONE),
    ("HEAD", "metadata"): ("GetContainerMetadata", (_R, _M), Effect.NONE),
    ("GET", "list"): ("ListBlobs", (_R,), Effect.NONE),
    ("PUT", ""): ("CreateContainer", (_M,), Effect.NONE),
    ("DELETE", ""): ("DeleteContainer", (_M,), Effect.REMOVE),
}
_ACCOUNT: dict[tuple[str, str], tuple[str, tuple[Action, ...], Effect]] = {
    ("GET", "list"): ("ListContainers", (_M,), Effect.NONE),
    ("GET", "properties"): ("GetServiceProperties", (_M,), Effect.NONE),
    ("HEAD", "properties"): ("GetAccountInformation", (_M,), Effect.NONE),
}
_UNGRANTED_HEADERS = (
    "x-ms-immutability-policy-until-date",
    "x-ms-immutability-policy-mode",
    "x-ms-legal-hold",
    "x-ms-tags",
)
_CONTAINER_NAME = re.compile(r"\$?[a-z0-9](?:-?[a-z0-9])+")


def read_request(method: str, raw_path: str, headers: Mapping[str, str]) -> Operation:
    """Say what a request is. `raw_path` is path and query as sent; `headers` must be case-insensitive."""
    path, _, query_text = raw_path.partition("?")
    account, _, rest = path.removeprefix("/").partition("/")
    container_raw, _, blob_raw = rest.partition("/")
    account, container, blob = unquote(account), unquote(container_raw), unquote(blob_raw)
    # A server may fold such segments, and then the name that was checked would not be the name that is written.
    if any(segment in (".", "..") for segment in unquote(path).replace("\\", "/").split("/")):
        return Operation("Unknown", account, refusal=BAD_URI)
    query: dict[str, str] = {}
    for key, value in parse_qsl(query_text, keep_blank_values=True):
        if key.lower() in query:
            return Operation("Unknown", account, container, blob, refusal=BAD_QUERY)
        query[key.lower()] = value
    comp = query.get("comp", "").lower()
    kind = query.get("restype", "").lower()
    if not container:
        return _operation(_ACCOUNT, method, comp, account)
    if not _CONTAINER_NAME.fullmatch(container):
        return Operation("Unknown", account, refusal=BAD_URI)
    if kind == "container":
        if blob:
            return Operation("Unknown", account, container, blob, refusal=BAD_URI)
        return _operation(_CONTAINER, method, comp, account, container)
    if not blob or kind:
        return Operation("Unknown", account, container, blob)
    operation = _operation(_BLOB, method, comp, account, container, blob)
    if operation.name == "DeleteBlob" and ("versionid" in query or "deletetype" in query):
        return Operation("DeleteBlobVersion", account, container, blob)
    if operation.effect is not Effect.CREATE:
        return operation
    if any(name in headers for name in _UNGRANTED_HEADERS):
        return Operation(operation.name, account, container, blob)
    if "x-ms-copy-source" in headers:
        return Operation("CopyBlob", account, container, blob, needs=operation.needs, refusal=NOT_MODELLED)
    return Operation(
        operation.name,
        account,
        container,
        blob,
        needs=operation.needs,
        effect=operation.effect,
        create_only=headers.get("If-None-Match", "").strip() == "*",
    )


def _operation(
    table: Mapping[tuple[str, str], tuple[str, tuple[Action, ...], Effect]],
    method: str,
    comp: str,
    account: str,
    container: str = "",
    blob: str = "",
) -> Operation:
    row = table.get((method, comp))
    if row is None:
        return Operation(f"{method} comp={comp}" if comp else method, account, container, blob)
    name, needs, effect = row
    return Operation(name, account, container, blob, needs=needs, effect=effect)


def authorize(role: Role, operation: Operation) -> Refusal | None:
    """What the role's data actions say, before anything is known about the blob."""
    if operation.refusal is not None and operation.refusal.status == 400:
        return operation.refusal
    scope = operation.container or "*"
    if not any(role.may(action, scope) for action in operation.needs):
        return FORBIDDEN
    return operation.refusal


def must_look(role: Role, operation: Operation, guard: Guard) -> bool:
    """Whether the answer depends on the blob's existence, which then has to be looked up first.

    A create-only upload needs no look: the store itself refuses an existing name.
    """
    if not operation.blob or operation.effect is Effect.NONE:
        return False
    if operation.effect is Effect.CREATE:
        return not operation.create_only and (guard.stands or not role.may(Action.WRITE, operation.container))
    return guard.stands


def judge_existing(role: Role, operation: Operation, guard: Guard, age_seconds: float) -> Refusal | None:
    """The answer for a blob that exists and is `age_seconds` old; `None` lets the request through."""
    if operation.effect is Effect.CREATE and not role.may(Action.WRITE, operation.container):
        return FORBIDDEN
    if not guard.stands:
        return None
    if operation.effect is Effect.REMOVE:
        return IMMUTABLE if guard.held or age_seconds < guard.days * 86_400 else None
    # While the policy exists nothing is overwritten or altered, not even after retention.
    return IMMUTABLE


def judge_container(operation: Operation, guard: Guard) -> Refusal | None:
    """Through the data plane a container that has a policy or a hold is never deleted."""
    return CONTAINER_IMMUTABLE if operation.name == "DeleteContainer" and guard.stands else None


def judge_conflict(role: Role, operation: Operation, existing: Existing) -> Refusal | None:
    """Another answer for an upload that the store refused because the name exists; `None` keeps the store's."""
    if existing is Existing.FORBIDDEN and not role.may(Action.WRITE, operation.container):
        return FORBIDDEN
    return None


def policy_for(policies: Sequence[LockedPolicy], container: str) -> LockedPolicy | None:
    """The policy on a container; where several patterns match, the longest retention holds."""
    found = [policy for policy in policies if fnmatchcase(container, policy.container)]
    return max(found, key=lambda policy: policy.days, default=None)

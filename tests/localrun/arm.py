"""The management plane of one storage account, as Azure Resource Manager answers: containers, their retention
policies and holds, the account, its blob service and its lifecycle rules.

Rules by Microsoft's pages, which `docs/azure-facts.md` names: a change needs the policy's current ETag; a locked
policy is never unlocked, shortened or removed; its days are increased at most five times; its history keeps seven
commands; a hold's tag has 3 to 23 letters and digits, made small, and a container ten of them; a container with a
policy or a hold goes only when it is empty, an account not while a locked policy has a blob. Which error code is in
the body of a refusal is not published for each case; nothing in the product looks at it.

The lock state is here alone: the WORM gateway (`gateway.py`) and the vault in memory (`worm_memory.py`) enforce
what `guard` says of a container.
"""

from __future__ import annotations

import copy
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlencode

from aiohttp import web

from tests.localrun.loopback import LoopbackService
from tests.localrun.worm import Guard, LockedPolicy, policy_for

SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
GROUP, ACCOUNT = "holdfast-vault", "holdfastvault"
RESOURCE_ID = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
)
OPERATOR = {"objectIdentifier": "11111111-0000-4000-8000-000000000001", "tenantId": SUBSCRIPTION}
_EXTENSIONS, _HISTORY, _TAGS = 5, 7, 10
_AUTHORIZATION = "/providers/Microsoft.Authorization"
_ROLES = uuid.UUID("22222222-0000-4000-8000-000000000002")
_TAG = re.compile(r"[A-Za-z0-9]{3,23}", re.ASCII)


@dataclass
class Container:
    """`policy`: days, state and appends; None: there is none."""

    policy: dict[str, Any] | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    versioned: bool = False
    etag: str = ""


class RefusedByArm(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Store(Protocol):
    """The blobs behind the management plane."""

    async def holds_blobs(self, container: str) -> bool: ...

    async def remove_container(self, container: str) -> None: ...


class ManagementPlane(LoopbackService):
    """State, and the application that serves it. `actions`: what the caller may do; `"*"` is everything. `policies`
    are those that a deployment has locked on containers of such names; `store`: None, where nothing is deleted."""

    def __init__(
        self,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        policies: Sequence[LockedPolicy] = (),
        store: Store | None = None,
    ) -> None:
        self._clock = clock
        self._policies = policies
        self._store = store
        self.deleted = False  # the account
        self.containers: dict[str, Container] = {}
        self.account: dict[str, Any] = {
            "location": "westeurope",
            "properties": {
                "primaryLocation": "westeurope",
                "allowSharedKeyAccess": False,
                "allowBlobPublicAccess": False,
            },
        }
        self.blob_service: dict[str, Any] = {}
        self.lifecycle: list[dict[str, Any]] | None = None
        self.home = "99999999-2222-3333-4444-555555555555"  # tenant that guards the subscription
        self.roles: dict[str, str] = {}  # id of a role definition → its name
        self.assignments: list[dict[str, Any]] = []
        self.page_size = 2  # of a list of role assignments
        self.next_origin = ""  # where the next link leads; "": here
        self.actions: set[str] = {"*"}
        self.log: list[tuple[str, str]] = []
        self.down = False

    def add(self, name: str, days: int = 0, *, locked: bool = False, appends: bool = False) -> Container:
        """A container; with days, with a policy."""
        made = self.containers[name] = Container()
        if days:
            made.policy = {
                "immutabilityPeriodSinceCreationInDays": days,
                "state": "Locked" if locked else "Unlocked",
                "allowProtectedAppendWrites": appends,
            }
            self._changed(made, "put")
        return made

    def assign(
        self, name: str, role: str, *, scope: str = RESOURCE_ID, principal: str = "", **properties: Any
    ) -> dict[str, Any]:
        """A role assignment; the role is made known with it."""
        definition = f"/subscriptions/{SUBSCRIPTION}{_AUTHORIZATION}/roleDefinitions/{uuid.uuid5(_ROLES, role)}"
        self.roles[definition] = role
        made = {
            "id": f"{scope}{_AUTHORIZATION}/roleAssignments/{name}",
            "name": name,
            "type": "Microsoft.Authorization/roleAssignments",
            "properties": {
                "roleDefinitionId": definition,
                "principalId": principal or str(uuid.uuid5(_ROLES, name)),
                "principalType": "ServicePrincipal",
                "scope": scope,
                "condition": None,
                "createdOn": self._now(),
                "updatedOn": self._now(),
                "createdBy": OPERATOR["objectIdentifier"],
                **properties,
            },
        }
        self.assignments.append(made)
        return made

    def _routes(self, router: web.UrlDispatcher) -> None:
        router.add_route("*", "/{path:.*}", self._serve)

    def guard(self, name: str) -> Guard:
        """What stands over a container's blobs now."""
        held = self._known(name)
        if held is None:
            return Guard()
        days = held.policy["immutabilityPeriodSinceCreationInDays"] if held.policy is not None else 0
        return Guard(days, held=bool(held.tags))

    def _known(self, name: str) -> Container | None:
        """A container; one that the deployment has a policy for comes to be known here when it is first named."""
        if name not in self.containers and (policy := policy_for(self._policies, name)) is not None:
            self.add(name, policy.days, locked=True)
        return self.containers.get(name)

    # --- one request

    async def _serve(self, request: web.Request) -> web.Response:
        path = request.path.removeprefix(RESOURCE_ID)
        self.log.append((request.method, path))
        try:
            if self.down:
                raise RefusedByArm(503, "ServerBusy", "The server is busy.")
            if not request.headers.get("Authorization", "").startswith("Bearer "):
                raise RefusedByArm(401, "AuthenticationFailed", "Authentication failed.")
            if request.path == f"/subscriptions/{SUBSCRIPTION}":
                self._may("subscriptions/read")
                return web.json_response({"id": request.path, "tenantId": self.home})
            if path == f"{_AUTHORIZATION}/roleAssignments":
                self._may("roleAssignments/read")
                return web.json_response(self._listed(request.query))
            if request.path in self.roles:
                self._may("roleDefinitions/read")
                return web.json_response({"properties": {"roleName": self.roles[request.path]}})
            if path == request.path:
                raise RefusedByArm(404, "ResourceNotFound", "The resource was not found.")
            body = await request.json() if request.can_read_body else {}
            return web.json_response(
                await self.ask(request.method, path, request.headers.get("If-Match", ""), body)
            )
        except RefusedByArm as refused:
            error = {"error": {"code": refused.code, "message": str(refused)}}
            return web.json_response(error, status=refused.status)

    async def ask(self, method: str, path: str, etag: str = "", body: Any = None) -> dict[str, Any]:
        """One request; `path` begins behind the account's id. Raises `RefusedByArm`."""
        if self.deleted:
            raise RefusedByArm(404, "ResourceNotFound", "The resource was not found.")
        match (method, path.strip("/").split("/")):
            case "DELETE", [""]:
                self._may("delete")
                return await self._delete_account()
            case "PUT", ["blobServices", "default", "containers", name]:
                self._may("containers/write")
                if self._known(name) is None:
                    self.add(name)
                return self._container(name)
            case "DELETE", ["blobServices", "default", "containers", name]:
                self._may("containers/delete")
                return await self._delete_container(name)
            case "PUT", ["blobServices", "default", "containers", name, "immutabilityPolicies", "default"]:
                self._may("containers/immutabilityPolicies/write")
                return self._set_policy(name, etag, body["properties"])
            case "DELETE", ["blobServices", "default", "containers", name, "immutabilityPolicies", "default"]:
                self._may("containers/immutabilityPolicies/delete")
                return self._delete_policy(name, etag)
            case "GET", [""]:
                self._may("read")
                return {"id": RESOURCE_ID, "name": ACCOUNT, **copy.deepcopy(self.account)}
            case "GET", ["blobServices", "default"]:
                self._may("blobServices/read")
                return {"name": "default", "properties": copy.deepcopy(self.blob_service)}
            case "GET", ["managementPolicies", "default"]:
                self._may("managementPolicies/read")
                if self.lifecycle is None:
                    raise RefusedByArm(404, "ManagementPolicyNotFound", "No policy found.")
                return {"name": "default", "properties": {"policy": {"rules": copy.deepcopy(self.lifecycle)}}}
            case "GET", ["blobServices", "default", "containers", name]:
                self._may("containers/read")
                return self._container(name)
            case "POST", ["blobServices", "default", "containers", name, "immutabilityPolicies", "default", "lock"]:
                self._may("containers/immutabilityPolicies/lock/action")
                return self._lock(name, etag)
            case "POST", [
                "blobServices",
                "default",
                "containers",
                name,
                "immutabilityPolicies",
                "default",
                "extend",
            ]:
                self._may("containers/immutabilityPolicies/extend/action")
                return self._extend(name, etag, body["properties"]["immutabilityPeriodSinceCreationInDays"])
            case "POST", [
                "blobServices",
                "default",
                "containers",
                name,
                "setLegalHold" | "clearLegalHold" as action,
            ]:
                self._may(f"containers/{action}/action")
                return self._hold(name, body["tags"], release=action == "clearLegalHold")
        raise RefusedByArm(400, "InvalidRequest", f"The simulated management plane has no {method} {path}.")

    def _listed(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Without a filter what is at the account and below, with `atScope()` what is at it and above; in pages."""
        above = query.get("$filter") == "atScope()"

        def belongs(scope: str) -> bool:
            return RESOURCE_ID.startswith(scope) if above else scope.startswith(RESOURCE_ID)

        held = [one for one in self.assignments if belongs(one["properties"]["scope"])]
        skip = int(query.get("$skipToken", "0"))
        page: dict[str, Any] = {"value": copy.deepcopy(held[skip : skip + self.page_size])}
        if skip + self.page_size < len(held):
            more = {**query, "$skipToken": str(skip + self.page_size)}
            page["nextLink"] = (
                f"{self.next_origin or self.url}{RESOURCE_ID}{_AUTHORIZATION}/roleAssignments?{urlencode(more)}"
            )
        return page

    def _may(self, action: str) -> None:
        if not self.actions & {"*", action}:
            raise RefusedByArm(403, "AuthorizationFailed", f"The client has no authorization to perform {action}.")

    def _found(self, name: str) -> Container:
        held = self._known(name)
        if held is None:
            raise RefusedByArm(404, "ContainerNotFound", "The specified container does not exist.")
        return held

    def _container(self, name: str) -> dict[str, Any]:
        held = self._found(name)
        properties: dict[str, Any] = {
            "hasImmutabilityPolicy": held.policy is not None,
            "hasLegalHold": bool(held.tags),
            "legalHold": {
                "hasLegalHold": bool(held.tags),
                "tags": [{"tag": tag, "timestamp": since, **OPERATOR} for tag, since in held.tags.items()],
            },
            "immutableStorageWithVersioning": {"enabled": held.versioned},
        }
        if held.policy is not None:
            properties["immutabilityPolicy"] = {
                "etag": held.etag,
                "properties": copy.deepcopy(held.policy),
                "updateHistory": copy.deepcopy(held.history),
            }
        return {"name": name, "properties": properties}

    def _checked(self, name: str, etag: str) -> tuple[Container, dict[str, Any]]:
        held = self._found(name)
        if held.policy is None:
            raise RefusedByArm(404, "ImmutabilityPolicyNotFound", "The container has no immutability policy.")
        if not etag:
            raise RefusedByArm(400, "MissingRequiredHeader", "If-Match is required.")
        if etag != held.etag:
            raise RefusedByArm(412, "ConditionNotMet", "The condition specified was not met.")
        return held, held.policy

    async def _holds_blobs(self, name: str) -> bool:
        return self._store is not None and await self._store.holds_blobs(name)

    async def _delete_account(self) -> dict[str, Any]:
        """A policy that isn't locked, or a hold alone, doesn't keep it ("Container-level WORM policies")."""
        for name, held in self.containers.items():
            if held.policy is not None and held.policy["state"] == "Locked" and await self._holds_blobs(name):
                raise RefusedByArm(
                    409, "AccountHasLockedPolicy", f"Container {name} has a locked policy and blobs."
                )
        self.deleted = True
        return {}

    async def _delete_container(self, name: str) -> dict[str, Any]:
        self._found(name)
        if self.guard(name).stands and await self._holds_blobs(name):
            raise RefusedByArm(
                409, "ContainerProtectedFromDeletion", "The container has a policy or a hold, and isn't empty."
            )
        if self._store is not None:
            await self._store.remove_container(name)
        del self.containers[name]
        return {}

    def _set_policy(self, name: str, etag: str, wanted: dict[str, Any]) -> dict[str, Any]:
        """Creates or changes a policy that isn't locked; an ETag is honoured if given."""
        held = self._found(name)
        if etag and etag != held.etag:
            raise RefusedByArm(412, "ConditionNotMet", "The condition specified was not met.")
        if held.policy is not None and held.policy["state"] == "Locked":
            raise RefusedByArm(409, "ContainerImmutabilityPolicyLocked", "A locked policy can only be extended.")
        days = wanted["immutabilityPeriodSinceCreationInDays"]
        if not 1 <= days <= 146_000:
            raise RefusedByArm(400, "InvalidImmutabilityPeriod", "Retention is 1 to 146,000 days.")
        held.policy = {
            "immutabilityPeriodSinceCreationInDays": days,
            "state": "Unlocked",
            "allowProtectedAppendWrites": bool(wanted.get("allowProtectedAppendWrites")),
        }
        return self._changed(held, "put")

    def _delete_policy(self, name: str, etag: str) -> dict[str, Any]:
        held, policy = self._checked(name, etag)
        if policy["state"] == "Locked":
            raise RefusedByArm(409, "ContainerImmutabilityPolicyLocked", "A locked policy is never removed.")
        held.policy, held.etag = None, ""
        return {"name": "default", "properties": {"immutabilityPeriodSinceCreationInDays": 0, "state": "Unlocked"}}

    def _lock(self, name: str, etag: str) -> dict[str, Any]:
        held, policy = self._checked(name, etag)
        if policy["state"] == "Locked":
            raise RefusedByArm(409, "ContainerImmutabilityPolicyLocked", "The policy is locked already.")
        policy["state"] = "Locked"
        return self._changed(held, "lock")

    def _extend(self, name: str, etag: str, days: int) -> dict[str, Any]:
        held, policy = self._checked(name, etag)
        if policy["state"] != "Locked":
            raise RefusedByArm(409, "ContainerImmutabilityPolicyNotLocked", "Only a locked policy is extended.")
        if not policy["immutabilityPeriodSinceCreationInDays"] < days <= 146_000:
            raise RefusedByArm(409, "InvalidImmutabilityPeriod", "A locked policy's interval can only grow.")
        if sum(one["update"] == "extend" for one in held.history) >= _EXTENSIONS:
            raise RefusedByArm(409, "ExtensionsExhausted", "The interval has been increased five times.")
        policy["immutabilityPeriodSinceCreationInDays"] = days
        return self._changed(held, "extend")

    def _hold(self, name: str, tags: list[str], *, release: bool) -> dict[str, Any]:
        held = self._found(name)
        for tag in [one.lower() for one in tags]:
            if not _TAG.fullmatch(tag):
                raise RefusedByArm(400, "InvalidLegalHoldTag", "A tag has 3 to 23 letters and digits.")
            if release:
                held.tags.pop(tag, None)
            elif tag not in held.tags:
                if len(held.tags) >= _TAGS:
                    raise RefusedByArm(409, "LegalHoldTagsExceeded", "A container has ten tags at most.")
                held.tags[tag] = self._now()
        return {"hasLegalHold": bool(held.tags), "tags": list(held.tags)}

    def _changed(self, held: Container, update: str) -> dict[str, Any]:
        assert held.policy is not None
        held.etag = f'"{uuid.uuid4().hex[:16]}"'
        entry = {
            "update": update,
            "immutabilityPeriodSinceCreationInDays": held.policy["immutabilityPeriodSinceCreationInDays"],
            "timestamp": self._now(),
            **OPERATOR,
        }
        held.history = [*held.history, entry][-_HISTORY:]
        return {"name": "default", "etag": held.etag, "properties": copy.deepcopy(held.policy)}

    def _now(self) -> str:
        return self._clock().isoformat().replace("+00:00", "Z")

"""`python -m tests.localrun.worm_table`: what the WORM gateway answers, operation by operation, and why.

Printed by asking the vault in memory (`worm_memory.py`) in each state; the contract suite runs on it and, with the
real SDK, on the gateway (`tests/contract/test_worm_vault.py`). Two parts: the data plane, by role, and the
management plane, whose caller may do everything. "Let through" is what neither role, policy nor hold refuses.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.localrun.arm import RefusedByArm
from tests.localrun.worm import Refusal, Role
from tests.localrun.worm_memory import MemoryVault

CONTAINER, BLOB, DAYS = "vault-35d", "v1/x", 35
CREATE_ONLY = Role("create-only", add=("*",), read=("*",))
OWNER = Role("owner of all data actions", add=("*",), read=("*",), write=("*",), delete=("*",), manage=("*",))
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: as it is sent, and where its rule comes from."""

    what: str
    method: str
    query: str = ""
    create_only: bool = False
    blob: bool = True
    source: str = ""


_AUTHORIZE = "permissions for blob operations"
_WORM = "Container-level WORM policies"
ASKED = (
    Asked("Put Blob, If-None-Match: *", "PUT", create_only=True, source=f"{_AUTHORIZE}; {_WORM}"),
    Asked("Put Blob, no condition", "PUT", source=f"{_AUTHORIZE}; {_WORM}"),
    Asked("Put Block", "PUT", "comp=block&blockid=AA==", source=_AUTHORIZE),
    Asked("Put Block List", "PUT", "comp=blocklist", source=f"{_AUTHORIZE}; {_WORM}"),
    Asked("Append Block", "PUT", "comp=appendblock", source=f"{_AUTHORIZE}; {_WORM}"),
    Asked("Set Blob Metadata", "PUT", "comp=metadata", source=_WORM),
    Asked("Set Blob Properties", "PUT", "comp=properties", source=_WORM),
    Asked("Snapshot Blob", "PUT", "comp=snapshot", source=_WORM),
    Asked("Set Blob Tier", "PUT", "comp=tier", source=_WORM),
    Asked("Lease Blob", "PUT", "comp=lease", source=_WORM),
    Asked("Set Immutability Policy", "PUT", "comp=immutabilityPolicies", source="Set Blob Immutability Policy"),
    Asked("Set Legal Hold", "PUT", "comp=legalhold", source="Set Blob Legal Hold"),
    Asked("Delete Blob", "DELETE", source=_WORM),
    Asked("Delete one version", "DELETE", "versionid=2026-01-01T00:00:00Z", source=_AUTHORIZE),
    Asked("Get Blob", "GET", source=_AUTHORIZE),
    Asked("List Blobs", "GET", "restype=container&comp=list", blob=False, source=_AUTHORIZE),
    Asked("Delete Container", "DELETE", "restype=container", blob=False, source=_WORM),
)


@dataclass(frozen=True, slots=True)
class State:
    """`age`: of the blob in days, None for no blob; `policy`: "", "unlocked" or "locked", of 35 days."""

    policy: str = ""
    age: float | None = None
    held: bool = False
    extended: int = 0


STATES = {
    "new name": State("locked"),
    "locked, within": State("locked", 34),
    "locked, over": State("locked", 36),
    "unlocked, within": State("unlocked", 34),
    "unlocked, over": State("unlocked", 36),
    "hold alone": State("", 34, held=True),
    "over, and a hold": State("locked", 36, held=True),
    "no policy": State("", 34),
}


@dataclass(frozen=True, slots=True)
class Managed:
    """One request of the management plane, below the container unless `path` begins with a slash."""

    what: str
    method: str
    path: str = ""
    body: Any = None
    source: str = ""


_POLICY, _HOLD = "immutabilityPolicies/default", {"tags": ["case2026"]}
_DAYS = "immutabilityPeriodSinceCreationInDays"
_TIME, _REST = "Time-based retention policies", "REST reference, Blob Containers"
MANAGED = (
    Managed("Set a policy of 35 days", "PUT", _POLICY, {"properties": {_DAYS: 35}}, _REST),
    Managed("Shorten it to 1 day", "PUT", _POLICY, {"properties": {_DAYS: 1}}, _TIME),
    Managed("Remove the policy", "DELETE", _POLICY, source=_TIME),
    Managed("Lock the policy", "POST", f"{_POLICY}/lock", source=f"{_TIME}; {_REST}"),
    Managed("Extend to 60 days", "POST", f"{_POLICY}/extend", {"properties": {_DAYS: 60}}, f"{_TIME}; {_REST}"),
    Managed("Extend to 34 days", "POST", f"{_POLICY}/extend", {"properties": {_DAYS: 34}}, _TIME),
    Managed("Set a legal hold", "POST", "setLegalHold", _HOLD, "Legal holds"),
    Managed("Clear a legal hold", "POST", "clearLegalHold", _HOLD, "Legal holds"),
    Managed("Delete the container", "DELETE", source=_WORM),
    Managed("Delete the account", "DELETE", "/", source=_WORM),
)
MANAGED_STATES = {
    "no policy": State("", 34),
    "unlocked": State("unlocked", 34),
    "locked": State("locked", 34),
    "locked, 5 times": State("locked", 34, extended=5),
    "locked, over": State("locked", 36),
    "locked, empty": State("locked"),
    "hold alone": State("", 34, held=True),
    "hold, empty": State("", None, held=True),
}


def vault_in(state: State) -> MemoryVault:
    """A vault with one container, in that state."""
    now = 0.0
    vault = MemoryVault(lambda: now)
    vault.plane.add(CONTAINER)
    if state.age is not None:
        refusal = vault.ask(OWNER, "PUT", f"/vault/{CONTAINER}/{BLOB}", {})
        assert refusal is None
        now = state.age * DAY
    set_state(vault, CONTAINER, state)
    return vault


def set_state(vault: Any, container: str, state: State) -> None:
    """The lock state of a container, of a vault in memory or a gateway."""
    made = vault.plane.add(container, DAYS if state.policy else 0, locked=state.policy == "locked")
    made.history += [{"update": "extend"}] * state.extended
    if state.held:
        made.tags["case2026"] = "2026-11-26T00:00:00Z"


def answer(asked: Asked, role: Role, state: State) -> Refusal | None:
    """None: done."""
    path = f"/vault/{CONTAINER}/{BLOB}" if asked.blob else f"/vault/{CONTAINER}"
    headers = {"If-None-Match": "*"} if asked.create_only else {}
    return vault_in(state).ask(role, asked.method, f"{path}?{asked.query}" if asked.query else path, headers)


def managed_answer(asked: Managed, state: State) -> RefusedByArm | None:
    """None: done. The ETag is the current one: that it is needed is the contract suite's matter."""
    vault = vault_in(state)
    path = asked.path if asked.path == "/" else f"/blobServices/default/containers/{CONTAINER}/{asked.path}"
    try:
        asyncio.run(vault.plane.ask(asked.method, path, vault.plane.containers[CONTAINER].etag, asked.body))
    except RefusedByArm as refused:
        return refused
    return None


_WIDTH = 18
_SHORT = {
    "AuthorizationPermissionMismatch": "not allowed",
    "BlobAlreadyExists": "exists",
    "BlobImmutableDueToPolicy": "immutable",
    "ContainerImmutabilityPolicyLocked": "policy",
}


def _told(refusal: Refusal | None) -> str:
    return f"{f'{refusal.status} {_SHORT[refusal.code]}' if refusal else 'let through':{_WIDTH}}"


def lines() -> Iterator[str]:
    for role in (CREATE_ONLY, OWNER):
        yield f"data plane, {role.name} (policy: {DAYS} days)"
        yield f"  {'operation':28}" + "".join(f"{state:{_WIDTH}}" for state in STATES) + "source"
        for asked in ASKED:
            told = "".join(_told(answer(asked, role, state)) for state in STATES.values())
            yield f"  {asked.what:28}{told}{asked.source}"
        yield ""
    yield f"management plane, a caller who may do everything (policy: {DAYS} days)"
    yield f"  {'operation':28}" + "".join(f"{state:{_WIDTH}}" for state in MANAGED_STATES) + "source"
    for one in MANAGED:
        found = [managed_answer(one, state) for state in MANAGED_STATES.values()]
        told = "".join(f"{refused.status if refused else 'done':<{_WIDTH}}" for refused in found)
        yield f"  {one.what:28}{told}{one.source}"
    yield ""
    yield "codes: " + "; ".join(f"{short}: {code}" for code, short in _SHORT.items())
    yield "sources: pages of learn.microsoft.com, named in docs/azure-facts.md, with what is unproven-on-azure"


def main() -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines())


if __name__ == "__main__":
    main()

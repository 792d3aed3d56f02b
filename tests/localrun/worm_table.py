"""`python -m tests.localrun.worm_table`: what the WORM gateway answers, operation by operation, and why.

Printed from the rules themselves (`worm.py`), which the contract suite runs on the gateway with the real SDK
(`tests/contract/test_worm_gateway.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from multidict import CIMultiDict

from tests.localrun import worm
from tests.localrun.worm import Effect, Existing, LockedPolicy, Operation, Refusal, Role

POLICY = LockedPolicy("vault-35d", 35)
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
# State of the name: age of the blob in seconds, None for no blob; and whether the container has the policy.
STATES: dict[str, tuple[float | None, LockedPolicy | None]] = {
    "new name": (None, POLICY),
    "within retention": (34 * DAY, POLICY),
    "retention over": (36 * DAY, POLICY),
    "no policy": (34 * DAY, None),
}


def answer(asked: Asked, role: Role, age: float | None, policy: LockedPolicy | None) -> Refusal | None:
    """None: let through."""
    path = "/vault/vault-35d/v1/x" if asked.blob else "/vault/vault-35d"
    headers = CIMultiDict({"If-None-Match": "*"} if asked.create_only else {})
    operation = worm.read_request(asked.method, f"{path}?{asked.query}" if asked.query else path, headers)
    refusal = worm.authorize(role, operation)
    if refusal is not None:
        return refusal
    if operation.name == "DeleteContainer":
        return worm.CONTAINER_IMMUTABLE if policy is not None else None
    if age is None:
        return None
    if _creates_only(operation):
        return worm.judge_conflict(role, operation, Existing.CONFLICT) or worm.EXISTS
    if worm.must_look(role, operation, policy):
        return worm.judge_existing(role, operation, policy, age)
    return None


def _creates_only(operation: Operation) -> bool:
    return operation.effect is Effect.CREATE and operation.create_only


def lines() -> Iterator[str]:
    for role in (CREATE_ONLY, OWNER):
        yield f"{role.name} (policy: {POLICY.days} days, locked)"
        yield f"  {'operation':28}" + "".join(f"{state:40}" for state in STATES) + "source"
        for asked in ASKED:
            cells = [answer(asked, role, *state) for state in STATES.values()]
            told = "".join(f"{f'{one.status} {one.code}' if one else 'done':40}" for one in cells)
            yield f"  {asked.what:28}{told}{asked.source}"
        yield ""
    yield "sources: pages of learn.microsoft.com, named in docs/azure-facts.md, with what is unproven-on-azure"


def main() -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines())


if __name__ == "__main__":
    main()

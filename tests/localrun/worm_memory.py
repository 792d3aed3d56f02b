"""A vault in memory that answers as the WORM gateway does: the same rules and the same lock state, without a store.

For the printed table, and where an emulator would be too slow. `tests/contract/test_worm_vault.py` runs one suite
on this, on the gateway and on a real account.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from multidict import CIMultiDict

from tests.localrun import worm
from tests.localrun.arm import ManagementPlane
from tests.localrun.worm import Effect, Existing, Refusal, Role


class MemoryVault:
    """One account. `plane` holds its lock state; `clock`: seconds since 1970, which retention goes by."""

    def __init__(self, clock: Callable[[], float], existing: Existing = Existing.CONFLICT) -> None:
        self._clock = clock
        self._existing = existing
        self._born: dict[str, dict[str, float]] = {}  # container → blob → when it was created
        self.plane = ManagementPlane(clock=lambda: datetime.fromtimestamp(clock(), UTC), store=self)

    def ask(self, role: Role, method: str, path: str, headers: Mapping[str, str]) -> Refusal | None:
        """One request; `path` as sent, with the account in front. None: done."""
        operation = worm.read_request(method, path, CIMultiDict(headers))
        guard = self.plane.guard(operation.container)
        refusal = worm.authorize(role, operation) or worm.judge_container(operation, guard)
        if refusal is not None:
            return refusal
        blobs = self._born.setdefault(operation.container, {})
        born = blobs.get(operation.blob)
        if born is not None and operation.effect is Effect.CREATE and operation.create_only:
            return worm.judge_conflict(role, operation, self._existing) or worm.EXISTS
        if born is not None and operation.effect is not Effect.NONE:
            refusal = worm.judge_existing(role, operation, guard, self._clock() - born)
            if refusal is not None:
                return refusal
        if operation.name == "DeleteContainer":
            self._born.pop(operation.container)
            self.plane.containers.pop(operation.container, None)
        elif operation.effect is Effect.CREATE:
            blobs[operation.blob] = self._clock()
        elif operation.effect is Effect.REMOVE:
            blobs.pop(operation.blob, None)
        return None

    async def holds_blobs(self, container: str) -> bool:
        return bool(self._born.get(container))

    async def remove_container(self, container: str) -> None:
        self._born.pop(container, None)

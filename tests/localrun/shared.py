"""One Azurite for a whole test session: starting it costs a second, so tests share it and keep apart by names."""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import Callable

from tests.localrun.azurite import Azurite

ACCOUNTS = ("vault", "backupstate", "restorestate")


@functools.cache
def shared_azurite() -> Azurite:
    """Started at first use, stopped at exit (every child is)."""
    return Azurite.start(ACCOUNTS)


def fresh(prefix: str) -> str:
    """A container or queue name that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


async def until(holds: Callable[[], bool], *, seconds: float = 30.0) -> None:
    """Wait until it holds; a test that waits in vain fails."""
    for _ in range(int(seconds / 0.02)):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError(f"still not so after {seconds:g} s")

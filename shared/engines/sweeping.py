"""Sends again what a lost message would have left lying: the open items of backup runs.

Only where nothing moves: an item that is worked on writes a checkpoint in each share of a worker's time, and a
second chain of messages for it would go on beside the first to the end. How far an item was seen to be, and since
when, stands in a row. Rows are hints: one that is lost or forged can delay a message by one wait or repeat it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from shared.domain.ports import Clock, Row, TableStore
from shared.domain.snapshot import Item, Run
from shared.engines import paths
from shared.engines.export import ExportPorts, missing_items, open_runs, send_items, send_seal
from shared.engines.item import Place

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

# Longer than two shares of a worker's time (8 minutes each, unless set): an item that is worked on has moved.
IDLE: Final = timedelta(minutes=20)
_SEAL: Final = "seal"


async def sweep(
    ports: ExportPorts,
    rows: TableStore,
    tenant: str,
    keys: Mapping[str, EllipticCurvePublicKey],
    *,
    idle: timedelta = IDLE,
) -> dict[str, int]:
    """Sends messages of open runs again where nothing has moved for `idle`. Returns snapshot → messages sent."""
    found = {}
    async for run in open_runs(ports.vault, ports.chain, tenant, ports.clock, keys):
        sent = await _sweep_run(ports, rows, run, idle)
        if sent:
            found[run.snapshot] = sent
    return found


async def _sweep_run(ports: ExportPorts, rows: TableStore, run: Run, idle: timedelta) -> int:
    place = Place(ports.vault, paths.folder_of(run.tenant, run.snapshot))
    missing = await missing_items(place, run)
    still = _Still(rows, ports.clock, run.snapshot, idle)
    if not missing:
        if not await still.since_long(_SEAL, 0):
            return 0
        await send_seal(ports, run)
        return 1
    reached = await _checkpoints(place, missing)
    stalled = [item for item in missing if await still.since_long(item.id, reached[item.id])]
    await send_items(ports, run, stalled)
    return len(stalled)


async def _checkpoints(place: Place, items: tuple[Item, ...]) -> dict[str, int]:
    """Item → number of its newest checkpoint, 0 for none."""
    reached = {item.id: 0 for item in items}
    async for stat in place.store.list(f"{place.folder.prefix}parts/"):
        name = stat.name.removeprefix(place.folder.prefix)
        for item in items:
            reached[item.id] = max(reached[item.id], paths.checkpoint_number(item.id, name) or 0)
    return reached


class _Still:
    """Remembers in rows where each item stood, and since when."""

    def __init__(self, rows: TableStore, clock: Clock, snapshot: str, idle: timedelta) -> None:
        self._rows = rows
        self._clock = clock
        self._partition = f"sweep-{snapshot}"
        self._idle = idle

    async def since_long(self, key: str, number: int) -> bool:
        """Whether it stands where it stood `idle` ago. If so, another wait begins."""
        now = self._clock.now()
        row = await self._rows.get(self._partition, key)
        values = row.values if row is not None else {}
        since = values.get("since")
        moved = values.get("number") != number or not isinstance(since, datetime) or since > now
        begun = now if moved or not isinstance(since, datetime) else since
        stalled = now - begun >= self._idle
        if moved or stalled:
            await self._rows.replace(Row(self._partition, key, {"number": number, "since": now}))
        return stalled

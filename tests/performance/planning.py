"""Row 10: what planning takes for many operations, and what showing such a plan does.

A tenant of which every user was changed and every group lost its members: four of five operations write a user, the
fifth brings five members back. Each measurement is a process of its own: `python -m tests.performance.planning N`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import psutil

from shared.catalog.registry import CATALOG
from shared.cli.plan_view import plan_page
from shared.cli.planning import plan_lines
from shared.domain.objects import Link
from shared.domain.plan import RestorePlan, Scope
from shared.domain.snapshot import Completeness, IndexEntry, State
from shared.engines.planner import plan_restore
from shared.engines.stream import Stream
from shared.engines.wire import decode, encode
from tests.performance.row import Row, mib
from tests.performance.tenant import MEMBERS, group, object_id, user
from tests.performance.worker import peak

_ROOT = Path(__file__).resolve().parents[2]
_AT = datetime(2026, 11, 22, tzinfo=UTC)
_GROUPS = 5  # of five operations one is for a group
_PAGE = 32 * 2**20  # a page that a browser opens without trouble
_QUARTER = 4


class MadeView:
    """A `View` of a tenant whose objects are made when they are opened. `harmed`: the live one."""

    def __init__(self, operations: int, *, harmed: bool) -> None:
        self.groups = operations // _GROUPS
        self.users = operations - self.groups
        self.harmed = harmed
        self.label = "live" if harmed else "20261122T000000Z-full"
        self.as_of = _AT
        made = {"users": (partial(user, changed=harmed), self.users), "groups": (group, self.groups)}
        self._made = made
        self._ids = {
            name: sorted((object_id(name[:-1], number), number) for number in range(count))
            for name, (_, count) in made.items()
        }
        self._links = [] if harmed else sorted(self._all_links())

    def _all_links(self) -> Iterator[Link]:
        for number in range(self.groups):
            for step in range(MEMBERS):
                yield Link(object_id("group", number), object_id("user", (number * 7 + step) % self.users), "users")

    def completeness(self, name: str) -> Completeness:
        return Completeness(State.COMPLETE)

    def index(self, type_name: str) -> Stream[IndexEntry]:
        return Stream.of(self._entries(type_name))

    async def _entries(self, type_name: str) -> AsyncIterator[IndexEntry]:
        told = "b" if self.harmed and type_name == "users" else "a"
        for place, (key, number) in enumerate(self._ids.get(type_name, ())):
            yield IndexEntry(key, f"{type_name} {number}", f"{told}{number}", place // 4096, number, "")

    def links(self, type_name: str, relationship: str) -> Stream[Link]:
        return Stream.of(self._held(f"{type_name}.{relationship}"))

    async def _held(self, name: str) -> AsyncIterator[Link]:
        for link in self._links if name == "groups.members" else ():
            yield link

    async def get(self, type_name: str, entry: IndexEntry) -> bytes:
        return self._made[type_name][0](entry.line).encode()


async def _plan(before: MadeView, after: MadeView) -> RestorePlan:
    async def nobody(object_id: str) -> str:
        return ""

    return await plan_restore(
        before,
        after,
        {spec.name: {} for spec in CATALOG.types if spec.bin},
        CATALOG,
        scope=Scope(),
        break_glass_ids=(),
        created_by=nobody,
        plan_id="pbench",
        tenant="11111111-1111-4111-8111-111111111111",
        manifest_sha256="ab" * 32,
        created_at=_AT,
    )


async def _floor(before: MadeView, after: MadeView) -> int:
    """What no planner can do without: both indexes and every link once, both sides of what differs parsed."""
    known = {entry.id: entry async for entry in before.index("users")}
    number = 0
    async for entry in after.index("users"):
        if known[entry.id].hash != entry.hash:
            for view, one in ((before, known[entry.id]), (after, entry)):
                number += len(msgspec.json.decode(await view.get("users", one)))
    for view in (before, after):
        async for _ in view.index("groups"):
            number += 1
        async for _ in view.links("groups", "members"):
            number += 1
    return number


async def _measure(operations: int) -> dict[str, Any]:
    before, after = MadeView(operations, harmed=False), MadeView(operations, harmed=True)
    gc.collect()
    base = psutil.Process().memory_info().rss
    start = time.process_time()
    await _floor(before, after)
    floor = time.process_time() - start
    start = time.process_time()
    plan = await _plan(before, after)
    planned, most = time.process_time() - start, peak()
    data = encode(plan)
    start = time.process_time()
    decode(RestorePlan, data)
    decoded = time.process_time() - start
    start = time.process_time()
    page = sum(len(piece.encode()) for piece in plan_page(plan, "0" * 64, _AT))
    lines = _terminal(plan)
    shown = time.process_time() - start
    return {
        "operations": len(plan.operations),
        "base": base,
        "peak": most,
        "floor": floor,
        "planned": planned,
        "decoded": decoded,
        "stored": len(data),
        "page": page,
        "lines": lines,
        "shown": shown,
        "gaining": plan.blast_radius.gaining if plan.blast_radius is not None else 0,
    }


def _terminal(plan: RestorePlan) -> int:
    from io import StringIO

    from rich.console import Console

    text = StringIO()
    console = Console(file=text, width=120)
    for part in plan_lines(plan, "0" * 64):
        console.print(part)
    return len(text.getvalue().splitlines())


def rows(operations: int) -> Sequence[Row]:
    less, more = (_work(size) for size in (operations // _QUARTER, operations))
    if more["operations"] != operations:
        raise RuntimeError(f"the plan has {more['operations']} operations where {operations} were due")
    ratio, smaller = more["planned"] / more["floor"], less["planned"] / less["floor"]
    held = more["peak"] - more["base"]
    return (
        Row(
            "10a",
            f"CPU of planning {operations:,} operations, from views that are at hand to a plan",
            f"{more['planned']:.1f} s, {more['planned'] / operations * 1e6:.0f} µs an operation",
            f"{more['floor']:.1f} s: both indexes and all links once, both sides of what differs parsed",
            f"{ratio:.1f} ({smaller:.1f} for a quarter of the operations)",
            "no faster growth than operations (ratio within a quarter of the smaller one's)",
            ratio <= 1.25 * smaller,
            (f"reading the stored plan again: {more['decoded']:.1f} s",),
        ),
        Row(
            "10b",
            "peak memory above that before planning",
            mib(held),
            f"{mib(more['stored'])} as stored; {mib(less['peak'] - less['base'])} for a quarter of the operations",
            f"{held / more['stored']:.1f} of the stored plan",
            "none",
            None,
            (f"{more['gaining']:,} principals are named as gaining something",),
        ),
        Row(
            "10c",
            "showing that plan: the page, and the table on a terminal",
            f"{mib(more['page'])} and {more['lines']:,} lines in {more['shown']:.1f} s",
            f"{mib(less['page'])} and {less['lines']:,} lines for a quarter of the operations",
            f"{more['page'] / less['page']:.2f} of that page",
            f"≤ {mib(_PAGE)}, flat",
            more["page"] <= _PAGE,
        ),
    )


def _work(operations: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.performance.planning", str(operations)]
    done = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measure(int(sys.argv[1])))))

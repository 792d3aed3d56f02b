"""Row 1: CPU from page bytes to pack bytes, beside a bare loop over the same bytes in the same run.

The bare loop is what nobody can leave out: parse each page, and hash and compress its bytes. The product's way is
`read_item` over an in-memory directory with the Graph adapter's page slicing, into a store that keeps nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from hashlib import sha256
from typing import Any

import msgspec
import zstandard

from shared.adapters.memory import ManualClock, MemoryBlobStore
from shared.catalog.registry import CATALOG
from shared.domain.errors import BlobMissing
from shared.domain.ports import BlobStat, GraphRequest, Page
from shared.domain.snapshot import Item, Receipt, Run
from shared.engines import packs, paths
from shared.engines.index import sort_packs, sorter
from shared.engines.item import Limits, Place, read_item
from tests.backup import TENANT
from tests.performance.row import Row, least
from tests.performance.tenant import StreamedTenant

_BUDGET = 2.0
_USERS = Item("users", "users")
_MEMBERS = Item("groups.members", "groups", "members")
_LEVEL = packs._LEVEL  # the bare loop compresses no less than the product


class NullStore:
    """Takes blobs and keeps none."""

    container = "vault-35d"

    async def put_new(self, name: str, data: bytes) -> None:
        return

    async def get(self, name: str) -> bytes:
        raise BlobMissing(name)

    async def list(self, prefix: str = "") -> AsyncIterator[BlobStat]:
        for stat in ():
            yield stat


class Recorded(StreamedTenant):
    """The same tenant with its page bodies made beforehand, so that making them is not measured."""

    def __init__(self, objects: int) -> None:
        super().__init__(objects)
        self.bodies: dict[str, bytes] = {}

    def body(self, path: str) -> bytes:
        if path not in self.bodies:
            self.bodies[path] = super().body(path)
        return self.bodies[path]


class _Paths(Recorded):
    """Notes the listing's paths as a reading asks for them."""

    def __init__(self, objects: int) -> None:
        super().__init__(objects)
        self.asked: list[str] = []

    async def page(self, request: GraphRequest) -> Page:
        if "/delta" not in request.path:
            self.asked.append(request.path)
        return await super().page(request)


def rows(objects: int) -> list[Row]:
    tenant = _Paths(objects)
    return [_row(tenant, _USERS, "1a", "object"), _row(tenant, _MEMBERS, "1b", "link"), _sealing(tenant)]


def _row(tenant: _Paths, item: Item, key: str, unit: str) -> Row:
    tenant.asked.clear()
    receipt = _read(tenant, item)
    pages = [tenant.bodies[path] for path in tenant.asked]
    count = receipt.links if item.relationship else receipt.objects
    ours, floor, slower = least(
        lambda: _read(tenant, item),
        lambda: _bare(pages, msgspec.json.decode),
        lambda: _bare(pages, json.loads),
    )
    size = sum(map(len, pages))
    return Row(
        key,
        f"CPU per {unit}, page bytes to pack bytes: {count:,} of {item.id}, {size / count:.0f} bytes each",
        f"{ours / count * 1e6:.1f} µs, {size / ours / 1e6:.0f} MB/s",
        f"{floor / count * 1e6:.1f} µs: a bare loop of JSON parse (msgspec) + SHA-256 + zstd {_LEVEL}",
        f"{ours / floor:.2f}",
        f"≤ {_BUDGET:g} × the bare loop",
        ours <= _BUDGET * floor,
        (f"with json.loads in the bare loop: {slower / count * 1e6:.1f} µs, ratio {ours / slower:.2f}",),
    )


def _sealing(tenant: Recorded) -> Row:
    """What sealing adds: packs read back, hashed, sorted. No budget of its own, but part of every backup."""
    store = MemoryBlobStore("vault-35d")
    receipts = [_read(tenant, item, store) for item in (_USERS, _MEMBERS)]
    lines = sum(one.objects + one.links for one in receipts)
    pages = [body for path, body in tenant.bodies.items() if "/delta" not in path]
    folder = paths.folder_of(TENANT, _run(()).snapshot)

    def seal() -> None:
        with sorter() as into:
            numbers = asyncio.run(sort_packs(into, store, folder, CATALOG, receipts))
            for lines in (into.object_lines("users"), into.link_lines(numbers[_MEMBERS.id])):
                for text, _ in packs.texts(lines, packs.INDEX_BYTES):
                    packs.compress(text)

    ours, floor = least(seal, lambda: _bare(pages, msgspec.json.decode))
    return Row(
        "1c",
        f"CPU per line, pack bytes to indexes (sealing): {lines:,} objects and links",
        f"{ours / lines * 1e6:.1f} µs",
        f"{floor / lines * 1e6:.1f} µs: the bare loop over the same pages",
        f"{ours / floor:.2f}",
        "none",
        None,
    )


def _read(tenant: StreamedTenant, item: Item, store: Any = None) -> Receipt:
    async def run() -> Receipt:
        place = Place(NullStore() if store is None else store, paths.folder_of(TENANT, _run((item,)).snapshot))
        limits = Limits(replication_wait=0.0, time_budget=1e9)
        receipt = await read_item(tenant, CATALOG, ManualClock(), place, _run((item,)), item, limits)
        assert receipt is not None
        assert receipt.completeness.is_complete
        return receipt

    return asyncio.run(run())


def _run(items: tuple[Item, ...]) -> Run:
    now = ManualClock().now()
    return Run(
        format=1,
        snapshot=paths.snapshot_id(paths.slot(now), "bench"),
        tenant=TENANT,
        started_at=now,
        retain_until=now,
        retention_days=35,
        chain_until=now,
        region="westeurope",
        trigger="bench",
        tool="bench",
        catalog_version=CATALOG.version,
        items=items,
        delta_links={},
        not_read={},
        protected=False,
    )


def _bare(pages: Sequence[bytes], parse: Callable[[bytes], Any]) -> None:
    held: list[bytes] = []
    size = 0
    for number, body in enumerate(pages):
        parse(body)
        held.append(body)
        size += len(body)
        if size >= packs.PACK_BYTES or number == len(pages) - 1:
            data = zstandard.ZstdCompressor(level=_LEVEL).compress(b"".join(held))
            sha256(data).hexdigest()
            held, size = [], 0

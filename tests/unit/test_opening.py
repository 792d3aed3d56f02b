"""Objects are opened pack by pack and handed out as they were asked for, however little may be held."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator

import pytest

from shared.domain.errors import IntegrityError
from shared.domain.snapshot import IndexEntry
from shared.engines import opening
from shared.engines.opening import each, open_pairs, read_objects, read_pairs
from tests.unit.views import Tenant, TenantView


class Packed(TenantView):
    """Three objects a pack, in an order that has nothing to do with ids. Notes which pack was opened when."""

    def __init__(self, tenant: Tenant, seed: int) -> None:
        super().__init__(tenant)
        self.packs: list[int] = []
        order = sorted(tenant.objects["users"])
        random.Random(seed).shuffle(order)
        self.entries = {one: IndexEntry(one, "", "", at // 3, at % 3) for at, one in enumerate(order)}

    async def get(self, type_name: str, entry: IndexEntry) -> bytes:
        if self.packs[-1:] != [entry.pack]:
            self.packs.append(entry.pack)
        return await super().get(type_name, entry)


@pytest.fixture
def tenant() -> Tenant:
    made = Tenant()
    for number in range(31):
        made.add("users", f"u{number:02d}", department="x" * number)
    return made


async def test_every_pack_is_opened_once_and_the_order_is_that_of_the_asking(tenant: Tenant) -> None:
    view = Packed(tenant, 1)
    asked = [view.entries[one] for one in sorted(view.entries, reverse=True)]
    found = [(entry.id, item["id"]) async for entry, item in read_objects(view, "users", each(asked))]
    assert found == [(entry.id, entry.id) for entry in asked]
    assert view.packs == sorted(set(view.packs))


@pytest.mark.parametrize("held", [1, 120, 700, 10**9])
@pytest.mark.parametrize("together", [1, 7, 1000])
async def test_what_is_too_much_to_hold_is_opened_in_parts(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, held: int, together: int
) -> None:
    monkeypatch.setattr(opening, "_HELD_BYTES", held)
    monkeypatch.setattr(opening, "TOGETHER", together)
    before, after = Packed(tenant, 1), Packed(tenant, 2)
    rows = [(before.entries[one], after.entries[one]) for one in sorted(before.entries)]

    async def pairs() -> AsyncIterator[opening.Pair]:
        for row in rows:
            yield row

    found = [(pair, one, other) async for pair, one, other in read_pairs(before, after, "users", pairs())]
    assert [pair for pair, _, _ in found] == rows
    assert all(one == other == tenant.get("users", pair[0].id) for pair, one, other in found)
    found = [one async for one in open_pairs(before, after, "users", rows)]
    assert [pair for pair, _, _ in found] == rows


@pytest.mark.parametrize("raw", [b"{", b"[]", b'"x"'])
async def test_what_is_no_object_is_named(tenant: Tenant, raw: bytes) -> None:
    class Damaged(Packed):
        async def get(self, type_name: str, entry: IndexEntry) -> bytes:
            return raw if entry.id == "u07" else json.dumps(tenant.get(type_name, entry.id)).encode()

    view = Damaged(tenant, 1)
    with pytest.raises(IntegrityError) as error:
        _ = [one async for one in read_objects(view, "users", each(view.entries.values()))]
    assert error.value.object_id == "u07"

"""A sample never accuses an index that was built from the packs, and accuses one that wasn't where it looked."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.registry import CATALOG
from shared.domain.snapshot import BlobRef, Dangling, IndexEntry
from shared.engines import sampling
from shared.engines.index import sorter
from shared.engines.packs import joined
from shared.engines.reading import link_line
from shared.engines.sampling import Sample
from tests.property.test_index import LINKS, OBJECTS, Gone, Linked, Put, Reset, _link_line, _object_line

ITEM = "users.manager"
OBJECT_INDEX, LINK_INDEX = "index/users", f"index/{ITEM}"
USERS = "users: its index doesn't say what the packs give of"
Texts = dict[str, bytes]


class Snapshot:
    """Packs of users and of their managers, and the indexes that the sorter makes of them, two lines to a blob."""

    def __init__(self, packs: list[list[Put | Gone]], link_packs: list[list[Linked | Reset]]) -> None:
        self.texts: Texts = {}
        with sorter() as made:
            for number, steps in enumerate(packs):
                lines = [_object_line(step) for step in steps]
                made.add_objects(CATALOG.get("users"), number, lines)
                self.texts[f"objects/{number}"] = joined(lines)
            relationship = made.begin_links("users", "manager", "")
            for number, links in enumerate(link_packs):
                lines = [_link_line(link) for link in links]
                made.add_links(relationship, lines)
                self.texts[f"links/{number}"] = joined(lines)
            made.settle()
            self.objects, self.links = list(made.object_lines("users")), list(made.link_lines(relationship))
            self.dangling = made.dangling()
        self.lines = sum(map(len, packs)), sum(map(len, link_packs))

    def findings(self, chance: Any) -> list[str]:
        texts = dict(self.texts)
        for name, lines in ((OBJECT_INDEX, self.objects), (LINK_INDEX, self.links)):
            texts |= {f"{name}/{at}": joined(lines[at : at + 2]) for at in range(0, len(lines), 2)}

        def entry(packs: str, index: str, count: int) -> Any:
            blobs = {
                part: tuple(BlobRef(name, 0, "") for name in texts if name.startswith(part))
                for part in (packs, index)
            }
            return SimpleNamespace(packs=blobs[packs], index=blobs[index], count=count)

        manifest: Any = SimpleNamespace(
            types={"users": entry("objects/", f"{OBJECT_INDEX}/", len(self.objects))},
            relationships={ITEM: entry("links/", f"{LINK_INDEX}/", len(self.links))},
            dangling=self.dangling[0],
            dangling_count=self.dangling[1],
        )
        sample = Sample(manifest, CATALOG, chance)
        for blob in sample.ordered([BlobRef(name, 0, "") for name in sorted(texts)]):
            sample.take(blob.name, texts[blob.name])
        receipts: Any = [
            SimpleNamespace(item=SimpleNamespace(id="users", type="users", relationship=""), objects=self.lines[0]),
            SimpleNamespace(
                item=SimpleNamespace(id=ITEM, type="users", relationship="manager"), links=self.lines[1], objects=0
            ),
        ]
        found: list[str] = []

        async def read(blob: BlobRef) -> bytes:
            return texts[blob.name]

        asyncio.run(sample.settle(read))
        sample.finish(receipts, lambda name, why: found.append(f"{name}: {why}"))
        return found


@given(OBJECTS, LINKS, st.integers(0, 2**32))
def test_what_was_built_from_the_packs_is_never_accused(
    packs: list[list[Put | Gone]], link_packs: list[list[Linked | Reset]], seed: int
) -> None:
    assert Snapshot(packs, link_packs).findings(random.Random(seed)) == []


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> Snapshot:
    """Few lines, and so many drawn that none is left out."""
    monkeypatch.setattr(sampling, "DRAWN", 500)
    objects: list[list[Put | Gone]] = [[Put(one, one.upper()) for one in part] for part in ("dab", "fc")]
    links: list[list[Linked | Reset]] = [[Linked("a", "b"), Linked("f", "c"), Linked("d", "gone")]]
    return Snapshot(objects, links)


def changed(text: bytes, **values: Any) -> bytes:
    return msgspec.json.encode(replace(msgspec.json.decode(text, type=IndexEntry), **values))


@pytest.mark.parametrize(
    "values",
    [{"name": "X"}, {"hash": "0" * 64}, {"pack": 1, "line": 0}, {"line": 1}, {"parent": "b"}, {"id": "da"}],
    ids=["name", "hash", "pack", "line", "parent", "id"],
)
def test_a_line_that_its_pack_does_not_give_is_found(whole: Snapshot, values: dict[str, Any]) -> None:
    assert whole.findings(random.Random(1)) == []
    first_of_a_pack = 3  # of a, b, c, d, f
    whole.objects[first_of_a_pack] = changed(whole.objects[first_of_a_pack], **values)
    assert f"{USERS} d" in whole.findings(random.Random(1))


def test_lines_left_out_put_in_or_led_elsewhere_are_found(whole: Snapshot) -> None:
    objects, links = list(whole.objects), list(whole.links)
    whole.objects = objects[1:]
    assert f"{USERS} a" in whole.findings(random.Random(1))
    whole.objects = [*objects, changed(objects[-1], id="z")]
    assert "users: its index has 6 lines, its packs 5" in whole.findings(random.Random(1))
    whole.objects, whole.links = objects, [link_line("a", "c", "users"), *links[1:]]
    assert f"{ITEM}: its index doesn't say what the packs give of a to b" in whole.findings(random.Random(1))


def test_a_link_that_leads_out_of_the_snapshot_has_to_be_listed(whole: Snapshot) -> None:
    (listed,), count = whole.dangling
    assert (listed.target, count) == ("gone", 1)
    other = Dangling("users", "a", "manager", "elsewhere", "not in this snapshot")
    whole.dangling = ((other,), 1)
    found = whole.findings(random.Random(1))
    assert found == [f"{ITEM}: the link from d to gone leads out of the snapshot and isn't listed"]

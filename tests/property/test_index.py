"""Indexes say what the packs say, by a model that is easier to believe: dictionaries."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.registry import CATALOG
from shared.domain.snapshot import IndexEntry
from shared.engines.canonical import content_hash
from shared.engines.index import sorter
from shared.engines.reading import link_line, reset_line

IDS = st.sampled_from(["a", "b", "B", "é", "\U0001f600", "z-1", "￿"])
NAMES = st.text(st.characters(codec=None), max_size=3)


@dataclass(frozen=True)
class Put:
    id: str
    name: str


@dataclass(frozen=True)
class Gone:
    id: str


@dataclass(frozen=True)
class Linked:
    source: str
    target: str


@dataclass(frozen=True)
class Reset:
    source: str


OBJECTS = st.lists(st.lists(st.builds(Put, IDS, NAMES) | st.builds(Gone, IDS), max_size=8), max_size=4)
LINKS = st.lists(st.lists(st.builds(Linked, IDS, IDS) | st.builds(Reset, IDS), max_size=8), max_size=4)


def _object_line(step: Put | Gone) -> bytes:
    if isinstance(step, Gone):
        return json.dumps({"id": step.id, "@removed": {"reason": "deleted"}}).encode()
    return json.dumps({"displayName": step.name, "id": step.id}).encode()


def _link_line(step: Linked | Reset) -> bytes:
    if isinstance(step, Reset):
        return reset_line(step.source)
    return link_line(step.source, step.target, "users")


def _entries(lines: Iterable[bytes]) -> list[IndexEntry]:
    return [msgspec.json.decode(line, type=IndexEntry) for line in lines]


def _by_bytes(values: Any) -> list[Any]:
    return sorted(values, key=lambda value: tuple(part.encode() for part in value))


@given(OBJECTS)
def test_of_two_lines_with_one_id_the_later_counts(packs: list[list[Put | Gone]]) -> None:
    spec = CATALOG.get("users")
    model: dict[str, tuple[int, int, bytes]] = {}
    with sorter() as made:
        for pack, steps in enumerate(packs):
            lines = [_object_line(step) for step in steps]
            made.add_objects(spec, pack, lines)
            for number, step in enumerate(steps):
                if isinstance(step, Gone):
                    model.pop(step.id, None)
                else:
                    model[step.id] = (pack, number, lines[number])
        made.settle()
        entries = _entries(made.object_lines("users"))
    assert len(entries) == len(model)
    assert [entry.id for entry in entries] == sorted(model, key=str.encode)
    for entry in entries:
        pack, number, raw = model[entry.id]
        assert (entry.pack, entry.line, entry.parent) == (pack, number, "")
        assert entry.hash == content_hash(raw, frozenset(spec.volatile), frozenset(spec.sets))
        assert entry.name == json.loads(raw)["displayName"].encode("utf-8", "replace").decode()


@given(OBJECTS, LINKS)
def test_links_are_told_anew_after_a_reset_and_dangling_ones_are_counted(
    packs: list[list[Put | Gone]], link_packs: list[list[Linked | Reset]]
) -> None:
    known: set[str] = set()
    model: set[tuple[str, str]] = set()
    with sorter() as made:
        for pack, steps in enumerate(packs):
            made.add_objects(CATALOG.get("users"), pack, [_object_line(step) for step in steps])
            for step in steps:
                (known.add if isinstance(step, Put) else known.discard)(step.id)
        number = made.begin_links("users", "manager", "")
        for links in link_packs:
            made.add_links(number, [_link_line(link) for link in links])
            for link in links:
                if isinstance(link, Reset):
                    model = {pair for pair in model if pair[0] != link.source}
                else:
                    model.add((link.source, link.target))
        made.settle()
        found = [json.loads(line) for line in made.link_lines(number)]
        listed, total = made.dangling()
    assert [(line["source"], line["target"]) for line in found] == _by_bytes(model)
    broken = {pair for pair in model if pair[0] not in known or pair[1] not in known}
    assert total == len(listed) == len(broken)
    assert {(one.source, one.target) for one in listed} == broken


@given(OBJECTS, LINKS)
def test_a_contained_object_is_there_while_a_link_says_whose_it_is(
    packs: list[list[Put | Gone]], link_packs: list[list[Linked | Reset]]
) -> None:
    known: set[str] = set()
    owners: dict[str, set[str]] = {}
    with sorter() as made:
        number = made.begin_links("applications", "federatedIdentityCredentials", "federatedIdentityCredentials")
        for pack, steps in enumerate(packs):
            made.add_objects(
                CATALOG.get("federatedIdentityCredentials"), pack, [_object_line(step) for step in steps]
            )
            for step in steps:
                (known.add if isinstance(step, Put) else known.discard)(step.id)
        for links in link_packs:
            made.add_links(number, [_link_line(link) for link in links])
            for link in links:
                if isinstance(link, Linked):
                    owners.setdefault(link.target, set()).add(link.source)
                else:
                    for sources in owners.values():
                        sources.discard(link.source)
        made.settle()
        entries = _entries(made.object_lines("federatedIdentityCredentials"))
    expected = {one: min(owners[one], key=str.encode) for one in known if owners.get(one)}
    assert {entry.id: entry.parent for entry in entries} == expected

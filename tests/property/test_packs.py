"""Whatever the lines and the JSON are, they come back as they were."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.engines import rawjson
from shared.engines.item import Fingerprint
from shared.engines.packs import pack, split, texts, unpack

LINES = st.lists(st.binary(min_size=1).map(lambda line: line.replace(b"\n", b"") or b"x"))
TEXT = st.text(st.characters(codec=None))  # lone surrogates too
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(LINES)
def test_packs_round_trip(lines: list[bytes]) -> None:
    assert split(unpack(pack(lines))) == lines


@given(LINES, st.integers(1, 40))
def test_texts_hold_the_lines_and_no_more_than_the_last_too_many(lines: list[bytes], limit: int) -> None:
    made = list(texts(lines, limit))
    assert [line for text, _ in made for line in split(text)] == lines
    for text, count in made:
        held = split(text)
        assert len(held) == count
        assert len(text) - len(held[-1]) - 1 < limit


@given(st.dictionaries(TEXT, VALUES, max_size=6), st.sampled_from([None, 1]))
def test_members_of_any_object_are_their_own_text(value: dict[str, Any], indent: int | None) -> None:
    raw = json.dumps(value, indent=indent).encode()
    found = rawjson.members(raw)
    assert {name: json.loads(part) for name, part in found.items()} == value
    assert all(part in raw for part in found.values())


@given(st.lists(VALUES, max_size=6), st.sampled_from([None, 1]))
def test_items_of_any_array_are_their_own_text(value: list[Any], indent: int | None) -> None:
    raw = json.dumps(value, indent=indent).encode()
    found = rawjson.elements(raw)
    assert [json.loads(part) for part in found] == value
    assert all(part in raw for part in found)
    assert json.loads(rawjson.one_line(raw)) == value
    assert b"\n" not in rawjson.one_line(raw)


@given(st.lists(st.binary(), max_size=30), st.randoms(), st.integers(0, 30))
def test_a_fingerprint_knows_no_order_and_survives_being_stored(lines: list[bytes], random: Any, cut: int) -> None:
    one = Fingerprint()
    for line in lines:
        one.add(line)
    shuffled = list(lines)
    random.shuffle(shuffled)
    other = Fingerprint()
    for number, line in enumerate(shuffled):
        if number == cut:
            other = Fingerprint(str(other))
        other.add(line)
    assert str(one) == str(other)
    other.add(b"one more")
    assert str(one) != str(other)

"""Properties of the canonical form, over any JSON."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.engines.canonical import canonical, content_hash
from shared.engines.wire import dump, parse

names = st.text(max_size=6) | st.sampled_from(["a", "b", "x@odata.type", "@odata.id", "#act"])
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
any_text = st.text(st.characters(), max_size=10)  # lone surrogates too
values = st.recursive(
    st.none() | st.booleans() | numbers | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names | any_text, inner, max_size=4),
    max_leaves=20,
)
SETS = frozenset({"a", "a.b", "b.a.b"})


def shuffled(value: Any, order: random.Random) -> Any:
    if isinstance(value, dict):
        members = list(value.items())
        order.shuffle(members)
        return {name: shuffled(member, order) for name, member in members}
    if isinstance(value, list):
        return [shuffled(item, order) for item in value]
    return value


@given(values, st.randoms())
def test_order_and_spacing_of_the_text_change_nothing(value: Any, order: random.Random) -> None:
    text = json.dumps(shuffled(value, order), indent=1)
    assert content_hash(text.encode()) == content_hash(json.dumps(value).encode())
    assert canonical(json.loads(text)) == canonical(value)


@given(values, st.sets(st.sampled_from(["a", "b"])))
def test_the_hash_of_a_text_is_the_hash_of_its_value(value: Any, volatile: set[str]) -> None:
    declared = {"volatile": frozenset(volatile), "sets": SETS}
    for raw in (json.dumps(value).encode(), dump(value)):
        expected = hashlib.sha256(canonical(value, **declared)).hexdigest()
        assert content_hash(raw, **declared) == expected
        assert hashlib.sha256(canonical(parse(raw), **declared)).hexdigest() == expected


@given(values)
def test_the_form_is_json_and_its_own_form(value: Any) -> None:
    text = canonical(value, sets=SETS)
    assert canonical(parse(text), sets=SETS) == text


@given(values, values)
def test_only_equal_values_have_one_form(one: Any, other: Any) -> None:
    if canonical(one) == canonical(other):
        assert _bare(one) == _bare(other)


@given(st.lists(values, max_size=5), st.randoms())
def test_a_declared_set_has_no_order(items: list[Any], order: random.Random) -> None:
    mixed = list(items)
    order.shuffle(mixed)
    declared = {"sets": frozenset({"s"})}
    assert canonical({"s": items}, **declared) == canonical({"s": mixed}, **declared)


def _bare(value: Any) -> Any:
    """Without annotations, and with booleans told from numbers."""
    if isinstance(value, dict):
        return {
            name: _bare(member)
            for name, member in value.items()
            if "@odata." not in name and not name.startswith("#")
        }
    if isinstance(value, list):
        return [_bare(item) for item in value]
    return (type(value), value) if isinstance(value, bool) else value

"""Resolving markers adds nothing and loses nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import Unusable
from shared.engines.markers import Bindings, Unresolved, ids_in, passwords_in, resolve, resolve_path

NAMES = st.text(max_size=8).filter(lambda name: not name.startswith("$"))
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
PLAIN = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=20
)
OLD = st.sampled_from([f"old-{number}" for number in range(6)])
MARKED = st.recursive(
    LEAVES | OLD.map(lambda old: {"$id": old}),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)
IDS = st.dictionaries(OLD, st.text(min_size=1, max_size=10), max_size=6)


@given(PLAIN, IDS)
def test_what_holds_no_marker_comes_out_as_it_went_in(value: Any, ids: dict[str, str]) -> None:
    assert resolve(value, Bindings(ids, frozenset(ids))) == value
    assert list(ids_in(value)) == []


@given(MARKED, IDS)
def test_every_marker_is_replaced_by_its_new_id_or_the_old_one(value: Any, ids: dict[str, str]) -> None:
    named = list(ids_in(value))
    resolved = resolve(value, Bindings(ids))
    assert list(ids_in(resolved)) == []
    # Putting the map's answers into the text is the same as resolving.
    assert resolved == _by_hand(value, ids)
    assert set(named) <= {f"old-{number}" for number in range(6)}


def _by_hand(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"$id"}:
            return ids.get(value["$id"], value["$id"])
        return {name: _by_hand(member, ids) for name, member in value.items()}
    return [_by_hand(item, ids) for item in value] if isinstance(value, list) else value


@given(MARKED, IDS)
def test_an_id_that_is_to_be_replaced_is_never_sent_as_it_was(value: Any, ids: dict[str, str]) -> None:
    named = set(ids_in(value))
    bindings = Bindings(ids, frozenset(named))
    if named <= ids.keys():
        resolve(value, bindings)
    else:
        with pytest.raises(Unresolved) as missing:
            resolve(value, bindings)
        assert missing.value.old in named - ids.keys()


@given(st.text(min_size=1, max_size=30))
def test_an_id_stays_inside_its_segment_of_a_path(new: str) -> None:
    new = new.encode("utf-8", "replace").decode()
    path = resolve_path({"$join": ["/v1.0/users/", {"$id": "old"}, "/manager"]}, Bindings({"old": new}))
    assert path.startswith("/v1.0/users/")
    assert path.endswith("/manager")
    assert not set(path.removeprefix("/v1.0/users/").removesuffix("/manager")) & set("/?#& ")


@given(st.lists(st.one_of(st.text(max_size=5), OLD.map(lambda old: {"$id": old})), max_size=5), IDS)
def test_joined_text_is_its_parts_one_after_the_other(parts: list[Any], ids: dict[str, str]) -> None:
    parts = [part for part in parts if not (isinstance(part, str) and part.startswith("$"))]
    joined = resolve({"$join": [*parts, {"$origin": True}]}, Bindings(ids, origin="https://graph"))
    assert joined == "".join(str(_by_hand(part, ids)) for part in parts) + "https://graph"


def test_passwords_stay_markers_until_they_are_given() -> None:
    body = {"passwordProfile": {"password": {"$password": "alice"}}}
    assert resolve(body, Bindings()) == body
    assert list(passwords_in(body)) == ["alice"]
    assert resolve(body, Bindings(passwords={"alice": "S3cret"})) == {"passwordProfile": {"password": "S3cret"}}
    with pytest.raises(Unusable):
        resolve(body, Bindings(passwords={}))


@pytest.mark.parametrize(
    ("date", "sent"),
    [("2024-02-29", "2026-11-28"), ("2031-01-01", "2031-01-01"), ("2026-11-28T00:00:00Z", "2026-11-28")],
)
def test_what_begins_does_so_on_its_date_but_not_before_tomorrow(date: str, sent: str) -> None:
    body = {"range": {"startDate": {"$begins": date}}}
    assert resolve(body, Bindings()) == body
    assert resolve(body, Bindings(passwords={}, tomorrow="2026-11-28")) == {"range": {"startDate": sent}}


@pytest.mark.parametrize(
    "value", [{"$what": 1}, {"$id": "a", "more": 1}, {"$id": 1}, {"$join": "a"}, {"$join": [{"a": 1}]}]
)
def test_what_only_looks_like_a_marker_is_refused(value: Any) -> None:
    with pytest.raises(Unusable):
        resolve(value, Bindings())


@pytest.mark.parametrize("value", [None, 1, ["/v1.0"], {"a": "b"}, {"$origin": True}])
def test_a_path_is_text_and_ids_only(value: Any) -> None:
    with pytest.raises(Unusable):
        resolve_path(value, Bindings())

"""Values to stored bytes and back: one text for one value, strict reading."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest

from shared.domain import plan, snapshot
from shared.domain.errors import Unusable
from shared.domain.objects import Json, JsonObject
from shared.domain.snapshot import BlobRef, ChainEntry, Completeness, Item, Receipt, State
from shared.domain.wire import Wire
from shared.engines.wire import decode, dump, encode, parse, time_text, time_value

AT = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
RECEIPT = Receipt(
    snapshot="s",
    item=Item("groups.members", "groups", "members"),
    completeness=Completeness(State.PARTIAL, "countMismatch"),
    as_of=AT,
    packs=(BlobRef("a", 1, "x"), BlobRef("b", 2, "y")),
    link_packs=(),
    objects=1,
    links=2,
    pages=3,
    restarts=0,
    end_of_pages=True,
    roles=("User.Read.All",),
)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Plain:
    source: str
    target: str
    target_type: str


@dataclass(frozen=True, slots=True)
class Everything(Wire):
    any: Json
    members: JsonObject
    maybe: int | None
    pair: tuple[str, int]
    many: dict[str, tuple[Plain, ...]]
    share: float = 0.0
    flags: frozenset[str] = frozenset()
    listed: list[datetime] = field(default_factory=list)
    colour: Colour | None = None
    either: int | str = 0
    class_: str = ""


def everything(**changes: Any) -> Everything:
    base = Everything(None, {}, None, ("a", 1), {})
    return dataclasses.replace(base, **changes)


def test_names_are_sorted_and_camel_and_there_are_no_spaces() -> None:
    assert encode(RECEIPT) == (
        b'{"ages":[],"asOf":"2026-11-22T01:02:03Z","completeness":{"reason":"countMismatch","state":"partial"},'
        b'"endOfPages":true,"groups":{},"item":{"id":"groups.members","relationship":"members","type":"groups"},"linkPacks":[],'
        b'"links":2,"objects":1,"packs":[{"length":1,"name":"a","sha256":"x"},{"length":2,"name":"b","sha256":"y"}],'
        b'"pages":3,"restarts":0,"roles":["User.Read.All"],"since":null,"snapshot":"s"}'
    )


@pytest.mark.parametrize(
    "value",
    [
        RECEIPT,
        everything(),
        everything(any={"": [1, 1.5, -0.0, 10**40, True, None, "é\ud800\n", {"b": 1, "a": []}]}),
        everything(any="x", members={"$id": {"n": [[[]]]}}, maybe=0, pair=("", -1)),
        everything(many={"a": (Plain("s", "t", ""),), "b": ()}, share=0.1, flags=frozenset({"b", "a"})),
        everything(listed=[AT, AT.replace(microsecond=5)], colour=Colour.RED, either="x", class_="c"),
    ],
)
def test_a_value_comes_back_equal_and_with_the_same_text(value: Any) -> None:
    text = encode(value)
    back = decode(type(value), text)
    assert back == value
    assert type(back) is type(value)
    assert encode(back) == text


def test_two_equal_values_have_one_text_whatever_their_order() -> None:
    one = everything(members={"a": 1, "b": 2}, flags=frozenset("abcdef"))
    other = everything(members={"b": 2, "a": 1}, flags=frozenset("fedcba"))
    assert encode(one) == encode(other)


def test_a_keyword_field_drops_its_underscore_and_plain_dataclasses_keep_their_names() -> None:
    text = encode(everything(class_="c", many={"a": (Plain("s", "t", "u"),)}))
    assert b'"class":"c"' in text
    assert b'"target_type":"u"' in text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (AT, "2026-11-22T01:02:03Z"),
        (AT.replace(microsecond=120), "2026-11-22T01:02:03.000120Z"),
        (AT.astimezone(timezone(timedelta(hours=5, minutes=30))), "2026-11-22T01:02:03Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
    ],
)
def test_times_are_utc_with_z_and_a_fraction_only_where_there_is_one(moment: datetime, text: str) -> None:
    assert time_text(moment) == text
    assert time_value(text) == moment
    assert time_value(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    ["", "2026-11-22", "2026-11-22T01:02:03", "2026-11-22T01:02:03+00:00", "2026-11-22 01:02:03Z",
     "2026-13-22T01:02:03Z", "2026-11-22T01:02:03.1234567Z", "2026-11-22T01:02:03z", "20261122T010203Z",
     "2026-11-22T01:02:03Z ", "٢٠٢٦-11-22T01:02:03Z"],
)  # fmt: skip
def test_other_spellings_of_times_are_refused(text: str) -> None:
    with pytest.raises(Unusable):
        time_value(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}, datetime(2026, 1, 1)])
def test_what_json_can_not_say_is_refused_when_writing(value: Any) -> None:
    with pytest.raises(Unusable):
        encode(value)


@pytest.mark.parametrize("value", [b"x", object(), {1: "x"}, 1j, RECEIPT.__class__])
def test_what_has_no_place_in_a_format_is_a_mistake_of_ours(value: Any) -> None:
    with pytest.raises(TypeError):
        encode(value)


# --- strict reading --------------------------------------------------------------------------------------


def changed(**members: Any) -> bytes:
    tree = parse(encode(RECEIPT))
    tree.update(members)
    return dump(tree)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b'{"a":NaN}', "not valid JSON"),
        (b'{"a":1e999}', "not valid JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "expected an object"),
        (b"{}", "is missing"),
        (changed(secret="personal"), "has an unknown member"),
        (changed(as_of="2026-11-22T01:02:03Z"), "has an unknown member"),
        (changed(pages="3"), "pages: expected a whole number"),
        (changed(pages=3.0), "pages: expected a whole number"),
        (changed(pages=True), "pages: expected a whole number"),
        (changed(endOfPages=1), "endOfPages: expected true or false"),
        (changed(snapshot=None), "snapshot: expected text"),
        (changed(asOf=1795309323), "asOf: expected a time in UTC"),
        (changed(asOf="2026-11-22T01:02:03+01:00"), "asOf: not a time in UTC"),
        (changed(roles="personal"), "roles: expected a list"),
        (changed(roles=[None]), "roles.0: expected text"),
        (
            changed(packs=[{"name": "a", "length": 1, "sha256": "x"}, {"name": "personal"}]),
            "packs.1: .* is missing",
        ),
        (changed(packs={"personal": 1}), "packs: expected a list"),
        (changed(completeness={"state": "personal", "reason": ""}), "completeness.state: not one of State"),
        (changed(completeness={"state": ["personal"]}), "completeness.state: expected one of State"),
    ],
)
def test_a_text_that_does_not_fit_is_refused_without_being_shown(data: bytes, message: str) -> None:
    with pytest.raises(Unusable, match=message) as refusal:
        decode(Receipt, data)
    assert "personal" not in str(refusal.value)


def test_names_in_the_text_are_not_shown_either() -> None:
    data = encode(everything()).replace(b'"many":{}', b'"many":{"personal":[{"source":1}]}')
    with pytest.raises(Unusable, match=r"many\.\*\.0\.source: expected text") as refusal:
        decode(Everything, data)
    assert "personal" not in str(refusal.value)


@pytest.mark.parametrize("pair", [[], ["a"], ["a", 1, 2], ["a", "b"], {"0": "a"}])
def test_a_pair_is_exactly_two(pair: Any) -> None:
    tree = parse(encode(everything()))
    tree["pair"] = pair
    with pytest.raises(Unusable):
        decode(Everything, dump(tree))


def test_a_value_of_several_types_keeps_its_type() -> None:
    assert decode(Everything, encode(everything(either=1))).either == 1
    assert decode(Everything, encode(everything(either="1"))).either == "1"
    with pytest.raises(Unusable, match="either: fits none of the allowed types"):
        decode(Everything, encode(everything()).replace(b'"either":0', b'"either":1.5'))


def test_members_with_defaults_may_be_absent() -> None:
    assert decode(Completeness, b'{"state":"complete"}') == Completeness(State.COMPLETE)


def test_numbers_out_of_any_range_are_given_to_the_caller_who_asks_for_them() -> None:
    assert parse(b"[1e999, 2]", out_of_range=lambda text: f"<{text}>") == ["<1e999>", 2]
    long = "7" * 5000
    assert parse(f"[{long}]", out_of_range=len) == [5000]  # type: ignore[arg-type]


WIRE_TYPES = [
    kind
    for module in (snapshot, plan)
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, Wire) and dataclasses.is_dataclass(kind)
]


@pytest.mark.parametrize("kind", WIRE_TYPES, ids=lambda kind: kind.__name__)
def test_every_stored_type_of_the_domain_can_be_read(kind: type) -> None:
    with pytest.raises(Unusable, match="has an unknown member"):
        decode(kind, b'{"no such member":1}')


def test_the_chain_entry_is_read_from_its_text() -> None:
    entry = ChainEntry(1, "t", "s", "f", "c", "m", "x", "", AT, AT)
    assert decode(ChainEntry, encode(entry)) == entry

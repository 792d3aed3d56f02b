"""The canonical form: what counts as a change, and that nothing a tenant holds stops the hashing."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from shared.domain.errors import Unusable
from shared.engines.canonical import canonical, content_hash, is_annotation


def same(one: str | bytes, other: str | bytes, **declared: frozenset[str]) -> bool:
    one, other = (text.encode() if isinstance(text, str) else text for text in (one, other))
    return content_hash(one, **declared) == content_hash(other, **declared)


def test_the_form_is_sorted_compact_utf8_and_the_hash_is_its_sha256() -> None:
    raw = '{ "b" : [1.0, "é"], "a": {"d": null, "c": true} }'.encode()
    text = '{"a":{"c":true,"d":null},"b":[1,"é"]}'.encode()
    assert canonical(json.loads(raw)) == text
    assert content_hash(raw) == hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a":1,"b":2}', '{"b":2,"a":1}'),
        ('{"a":"é"}', '{"a":"\\u00e9"}'),
        ('{"a":"/"}', '{"a":"\\/"}'),
        ('{"a":1}', '{"a":1.0}'),
        ('{"a":100}', '{"a":1e2}'),
        ('{"a":0}', '{"a":-0.0}'),
        ('{"a":0.1}', '{"a":1E-1}'),
        ('{"a":1e300}', '{"a":10e299}'),
        ('{"a":1,"@odata.etag":"x"}', '{"a":1}'),
        ('{"a":1,"owners@odata.context":"x"}', '{"a":1}'),
        ('{"a":1,"\\u0040odata.etag":"x"}', '{"a":1}'),
        ('{"a":1,"#microsoft.graph.restore":{}}', '{"a":1}'),
        ('{"a":1,"\\u0023microsoft.graph.restore":{}}', '{"a":1}'),
        ('{"a":[{"b":{"@odata.type":"#x","c":1}}]}', '{"a":[{"b":{"c":1}}]}'),
    ],
)
def test_spelling_and_annotations_do_not_count(one: str, other: str) -> None:
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a":null}', "{}"),
        ('{"a":""}', '{"a":null}'),
        ('{"a":"1"}', '{"a":1}'),
        ('{"a":true}', '{"a":1}'),
        ('{"a":[1,2]}', '{"a":[2,1]}'),
        ('{"a":"x "}', '{"a":"x"}'),
        ('{"A":1}', '{"a":1}'),
        ('{"a":9007199254740993}', '{"a":9007199254740992}'),
        ('{"a":123456789012345678901234567890}', '{"a":123456789012345678901234567891}'),
        ('{"a":"\\ud800"}', '{"a":"\\ud801"}'),
        ('{"a":"\\ud800"}', '{"a":"?"}'),
        ('{"a":"\\ud800"}', '{"a":"\\\\ud800"}'),
        ('{"a":1e999}', '{"a":1e998}'),
        ('{"unknownToUs":1}', '{"unknownToUs":2}'),
        ('{"a":"@odata.type"}', '{"a":"#x"}'),
    ],
)
def test_everything_else_counts(one: str, other: str) -> None:
    assert not same(one, other)


def test_volatile_members_are_left_out_at_the_top_only() -> None:
    declared = {"volatile": frozenset({"seen"})}
    assert same('{"a":1,"seen":1}', '{"a":1,"seen":2}', **declared)
    assert same('{"a":1,"seen":1}', '{"a":1}', **declared)
    assert not same('{"a":{"seen":1}}', '{"a":{"seen":2}}', **declared)


def test_declared_sets_have_no_order() -> None:
    declared = {"sets": frozenset({"phones", "conditions.users.includeUsers", "access", "access.roles"})}
    assert same('{"phones":["b","a"]}', '{"phones":["a","b"]}', **declared)
    assert not same('{"phones":["a","a"]}', '{"phones":["a"]}', **declared)
    assert not same('{"other":["b","a"]}', '{"other":["a","b"]}', **declared)
    one, other = '{"conditions":{"users":{"includeUsers":%s}}}', '["x","y"]'
    assert same(one % other, one % '["y","x"]', **declared)
    # A set of objects that hold sets themselves: the inner order must not decide the outer one.
    inner = '{"access":[{"id":"1","roles":["a","b"]},{"id":"2","roles":["c"]}]}'
    turned = '{"access":[{"roles":["c"],"id":"2"},{"roles":["b","a"],"id":"1"}]}'
    assert same(inner, turned, **declared)


@pytest.mark.parametrize("value", ["1", "null", '"x"', "{}", "[]", '{"a":null}', '{"a":"x"}', '{"a":[1,"x",null]}'])
def test_a_declared_path_that_is_not_there_or_no_list_is_no_matter(value: str) -> None:
    declared = {"volatile": frozenset({"v"}), "sets": frozenset({"a.b.c", "a", "v"})}
    assert len(content_hash(f'{{"outer":{value}}}'.encode(), **declared)) == 64
    assert len(content_hash(value.encode(), **declared)) == 64


def test_the_caller_keeps_its_value_unchanged() -> None:
    value: Any = {"v": 1, "a": ["y", "x"], "n": {"@odata.type": "#x"}}
    canonical(value, volatile=frozenset({"v"}), sets=frozenset({"a"}))
    assert value == {"v": 1, "a": ["y", "x"], "n": {"@odata.type": "#x"}}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":"\\udc00\\ud800"}',
        b'{"a":1e999}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":-' + b"9" * 5000 + b"}",
        b'{"\\ud800":1}',
        b'{"a":"' + b"x" * 1_000_000 + b'"}',
    ],
    ids=lambda raw: raw[:14],
)
def test_legal_json_of_any_kind_gets_a_hash(raw: bytes) -> None:
    assert content_hash(raw) == content_hash(raw.replace(b":", b" : "))


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b'{"a":NaN}', b'{"a":Infinity}', b"{'a':1}", b'{"a":"\xff"}', b"[" * 100_000, b"{} x"],
    ids=ascii,
)
def test_what_is_no_json_is_unusable(raw: bytes) -> None:
    with pytest.raises(Unusable):
        content_hash(raw)


def test_annotations_are_told_by_their_names() -> None:
    names = ["@odata.type", "members@odata.nextLink", "#microsoft.graph.x"]
    assert all(is_annotation(name) for name in names)
    assert not any(is_annotation(name) for name in ["odata", "mail@contoso", "a#b", "", "@removed"])


def test_where_a_type_says_what_no_member_does_it_counts() -> None:
    nobody = b'{"join":{"who":{"@odata.type":"#none"}},"list":[{"@odata.type":"#a"}]}'
    everybody = nobody.replace(b"#none", b"#all")
    assert content_hash(nobody) == content_hash(everybody)
    assert content_hash(nobody, kinds=("join.who",)) != content_hash(everybody, kinds=("join.who",))
    other = nobody.replace(b"#a", b"#b")
    assert content_hash(nobody, kinds=("list",)) != content_hash(other, kinds=("list",))


def test_of_what_is_named_one_member_alone_counts() -> None:
    one = b'{"in":{"id":"1","title":"old"},"list":[{"who":{"id":"2","title":"old"}}]}'
    retitled, other = one.replace(b"old", b"new"), one.replace(b'"2"', b'"3"')
    named = {"in": "id", "list.who": "id"}
    assert content_hash(one) != content_hash(retitled)
    assert content_hash(one, named=named) == content_hash(retitled, named=named)
    assert content_hash(one, named=named) != content_hash(other, named=named)

"""Slicing JSON changes nothing but line breaks between tokens, and takes nothing that is not whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.graph.origin import Origin
from shared.adapters.graph.pages import slice_page
from shared.domain.errors import ForeignLink
from shared.engines import rawjson
from shared.engines.rawjson import BrokenBody

ORIGIN = Origin.configured("https://graph.microsoft.com")
PATH = "/v1.0/users"

_NAMES = st.one_of(st.sampled_from(["value", "@odata.nextLink", "id", "error", ""]), st.text(max_size=8))
_NUMBERS = st.sampled_from(
    ["0", "-0", "1.0", "1.50", "1e5", "1E+05", "-2.5e-300", "123456789012345678901234567890", "1e99999"]
)
_SPACES = st.text(alphabet=" \t\r\n", max_size=3)
_CHARACTERS = st.characters(codec=None)  # lone surrogates too


@st.composite
def _string(draw: st.DrawFn) -> str:
    text = draw(st.text(alphabet=_CHARACTERS, max_size=10))
    if any(0xD800 <= ord(c) <= 0xDFFF for c in text):
        return json.dumps(text)  # can only be escaped
    return json.dumps(text, ensure_ascii=draw(st.booleans())).replace("/", draw(st.sampled_from(["/", "\\/"])))


@st.composite
def _json_text(draw: st.DrawFn, depth: int = 3) -> str:
    """The text of any JSON value, in any spelling."""
    kind = draw(st.sampled_from(["word", "number", "string", "list", "object"][: 5 if depth else 3]))
    if kind == "word":
        return draw(st.sampled_from(["true", "false", "null"]))
    if kind == "number":
        return draw(_NUMBERS)
    if kind == "string":
        return draw(_string())
    space = draw(_SPACES)
    inner = draw(st.lists(_json_text(depth=depth - 1), max_size=4))
    if kind == "list":
        return "[" + space + f"{space},{space}".join(inner) + space + "]"
    members = [f"{json.dumps(draw(_NAMES))}{space}:{space}{value}" for value in inner]
    return "{" + space + f"{space},{space}".join(members) + space + "}"


@given(items=st.lists(_json_text(), max_size=6), space=_SPACES, extra=_json_text(), before=st.booleans())
def test_items_are_the_slices_that_were_sent(items: list[str], space: str, extra: str, before: bool) -> None:
    value = f'"value":{space}[{space}' + f"{space},{space}".join(items) + f"{space}]"
    other = f'"@odata.context"{space}:{space}{extra}'
    body = f"{space}{{{space}" + ",".join([other, value] if before else [value, other]) + f"{space}}}{space}"
    page = slice_page(body.encode(), path=PATH, origin=ORIGIN)
    assert page.items == tuple(item.replace("\r", " ").replace("\n", " ").encode() for item in items)
    assert all(b"\n" not in item and b"\r" not in item for item in page.items)
    assert page.next_link is None


@given(text=_json_text(), data=st.data())
def test_a_body_cut_anywhere_is_broken(text: str, data: st.DataObject) -> None:
    body = f'{{"value":[{text}],"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=1"}}'.encode()
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(BrokenBody):
        slice_page(body[:cut], path=PATH, origin=ORIGIN)


@given(text=_json_text())
def test_members_and_elements_agree_with_a_parser(text: str) -> None:
    body = f'{{"a":{text},"b":[{text}, {text}]}}'.encode()
    members = rawjson.members(body)
    assert members["a"].decode() == text
    assert [element.decode() for element in rawjson.elements(members["b"])] == [text, text]
    rawjson.check(body)


@pytest.mark.parametrize("half", ["\\ud83d", "\\ud83dx", "\\ude00", "\\uD83D\\u0041"])
def test_half_an_emoji_costs_neither_the_page_nor_a_byte(half: str) -> None:
    item = f'{{"displayName":"cut {half}","n":1.50}}'
    link = "https://graph.microsoft.com/v1.0/users?$skiptoken=2"
    body = f'{{"value":[{item}, {{"id":"b"}}],"@odata.nextLink":"{link}"}}'.encode()
    page = slice_page(body, path=PATH, origin=ORIGIN)
    assert page.items == (item.encode(), b'{"id":"b"}')
    assert page.next_link == "/v1.0/users?$skiptoken=2"
    rawjson.check(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"value":null}',
        b'{"value":{}}',
        b'{"value":[]} {"value":[]}',
        b'{"value":[{"a":1}],"error":{"code":"x"}}',
        b'{"error":{"code":"x"}}',
        b'{"value":[{"a":"line\nbreak"}]}',
        b'{"value":[{"a":NaN}]}',
        b'{"value":[{"a":"\\ud83d","b":NaN}]}',
        b'{"value":[{"a":"\\ud83d"},]}',
        b'{"value":[{"a":"\xff"}]}',
        b'{"value":[],"@odata.nextLink":null}',
        b'{"value":[],"@odata.nextLink":""}',
        b'{"value":[],"@odata.nextLink":17}',
        b'{"value":[],"@odata.deltaLink":{}}',
        b'{"value":[' + b"[" * 200_000 + b"]" * 200_000 + b"]}",
        b'{"value":["\\ud83d",' + b"[" * 200_000 + b"]" * 200_000 + b"]}",
        b'{"value":[],"@odata.nextLink":"https://graph.microsoft.com/v1.0/users"}',  # to itself, for ever
    ],
)
def test_what_could_hide_the_rest_of_a_listing_is_broken(body: bytes) -> None:
    with pytest.raises(BrokenBody):
        slice_page(body, path=PATH, origin=ORIGIN)


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("https://graph.microsoft.com/v1.0/users?$skiptoken=a%2Fb'c", "/v1.0/users?$skiptoken=a%2Fb'c"),
        ("https://GRAPH.microsoft.com:443/v1.0/users?$skiptoken=1#x", "/v1.0/users?$skiptoken=1"),
        ("/v1.0/users?$skiptoken=1", "/v1.0/users?$skiptoken=1"),
        ("?$skiptoken=1", "/v1.0/users?$skiptoken=1"),
    ],
)
def test_links_keep_path_and_query_only(link: str, path: str) -> None:
    body = json.dumps({"value": [], "@odata.nextLink": link, "@odata.deltaLink": link}).encode()
    page = slice_page(body, path=PATH, origin=ORIGIN)
    assert (page.next_link, page.delta_link) == (path, path)


FOREIGN: list[Any] = [
    "https://evil.example/v1.0/users?$skiptoken=1",
    "http://graph.microsoft.com/v1.0/users",
    "https://graph.microsoft.com:8443/v1.0/users",
    "https://graph.microsoft.com@evil.example/v1.0/users",
    "https://user@graph.microsoft.com/v1.0/users",
    "https://graph.microsoft.com.evil.example/v1.0/users",
    "https://graph.microsoft.us/v1.0/users",
    "//evil.example/v1.0/users",
    "https:\\\\evil.example/v1.0/users",
    "https://graph.microsoft.com\\@evil.example/",
    "ftp://graph.microsoft.com/v1.0/users",
    "https://graph.microsoft.com:port/v1.0/users",
    "https://[::1/v1.0/users",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("link", FOREIGN)
@pytest.mark.parametrize("name", ["@odata.nextLink", "@odata.deltaLink"])
def test_a_link_elsewhere_is_refused(link: str, name: str) -> None:
    with pytest.raises(ForeignLink):
        slice_page(json.dumps({"value": [], name: link}).encode(), path=PATH, origin=ORIGIN)

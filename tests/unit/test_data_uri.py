"""A file as one text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import data_uri
from shared.domain.errors import Unusable


@given(st.binary(max_size=200))
def test_bytes_come_out_as_they_went_in(content: bytes) -> None:
    text = data_uri.encode("image/png", content)
    assert data_uri.is_one(text)
    assert data_uri.decode(text) == ("image/png", content)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("image/PNG", "image/png"),
        ("text/css; charset=utf-8", "text/css"),
        ("image/*", "image/*"),
        ("", data_uri.UNKNOWN),
        ("image/png,x;base64", data_uri.UNKNOWN),
        ("a/b\r\nX-Header: 1", data_uri.UNKNOWN),
    ],
)
def test_a_media_type_is_one_or_unknown(told: str, kept: str) -> None:
    assert data_uri.decode(data_uri.encode(told, b"1")) == (kept, b"1")


@pytest.mark.parametrize(
    "text",
    ["", "image.png", "data:image/png,abc", "data:;base64,YQ==", "data:a/b\n;base64,YQ==", "data:a/b;base64,Y"],
)
def test_what_is_no_file_is_unusable(text: str) -> None:
    with pytest.raises(Unusable):
        data_uri.decode(text)

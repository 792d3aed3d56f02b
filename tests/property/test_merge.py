"""A merge of two sorted readings pairs what two dictionaries would pair, whatever the batches are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import IntegrityError
from shared.domain.objects import Link
from shared.engines.merge import link_key, merge
from shared.engines.stream import Stream

_KEYS = st.tuples(st.sampled_from("abcdeé"), st.sampled_from("xyz\U0001f600"))
_CUTS = st.lists(st.integers(0, 4), max_size=20)


def _stream(links: Sequence[Link], cuts: list[int]) -> Stream[Link]:
    """In batches of these sizes, empty ones too."""

    async def batches() -> AsyncIterator[Sequence[Link]]:
        at = 0
        for size in cuts:
            yield links[at : at + size]
            at += size
        yield links[at:]

    return Stream(batches())


def _links(keys: set[tuple[str, str]], kind: str) -> list[Link]:
    return [Link(*key, kind) for key in sorted(keys)]


@given(st.sets(_KEYS), st.sets(_KEYS), _CUTS, _CUTS)
def test_pairs_are_those_of_two_dictionaries(
    left: set[tuple[str, str]], right: set[tuple[str, str]], left_cuts: list[int], right_cuts: list[int]
) -> None:
    async def merged() -> list[tuple[Link | None, Link | None]]:
        streams = _stream(_links(left, "l"), left_cuts), _stream(_links(right, "r"), right_cuts)
        return [pair async for pair in merge(*streams, link_key)]

    expected = [
        (Link(*key, "l") if key in left else None, Link(*key, "r") if key in right else None)
        for key in sorted(left | right)
    ]
    assert asyncio.run(merged()) == expected


@given(st.sets(_KEYS, min_size=2), _CUTS, st.data())
def test_two_out_of_order_are_an_error_wherever_a_batch_ends(
    keys: set[tuple[str, str]], cuts: list[int], data: st.DataObject
) -> None:
    links = _links(keys, "")
    at = data.draw(st.integers(0, len(links) - 2))
    if data.draw(st.booleans()):
        links[at], links[at + 1] = links[at + 1], links[at]
    else:
        links[at + 1] = links[at]

    async def merged() -> None:
        async for _ in merge(_stream(links, cuts), _stream([], []), link_key):
            pass

    with pytest.raises(IntegrityError):
        asyncio.run(merged())

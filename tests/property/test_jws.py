"""Properties of signatures, over any payload and any damage."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.keys import LocalSigner
from shared.domain.errors import Refused
from shared.engines.jws import Purpose, sign, verify

SIGNER = LocalSigner.generate()
TOKEN = asyncio.run(sign(SIGNER, Purpose.APPROVAL, b'{"plan":"p","digest":"d"}'))


@given(st.binary(max_size=300), st.sampled_from(Purpose))
def test_what_was_signed_verifies(payload: bytes, purpose: Purpose) -> None:
    token = asyncio.run(sign(SIGNER, purpose, payload))
    assert verify(token, purpose, SIGNER.public_keys) == payload


@given(st.binary(max_size=400))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(Refused):
        verify(noise, Purpose.APPROVAL, SIGNER.public_keys)


@given(st.integers(0, len(TOKEN) - 1), st.integers(0, len(TOKEN)), st.binary(max_size=8))
def test_a_token_with_any_part_replaced_is_refused(start: int, length: int, new: bytes) -> None:
    damaged = TOKEN[:start] + new + TOKEN[start + length :]
    if damaged != TOKEN:
        with pytest.raises(Refused):
            verify(damaged, Purpose.APPROVAL, SIGNER.public_keys)


@given(st.lists(st.sampled_from(TOKEN.split(b".")), max_size=5))
def test_parts_put_together_anew_are_refused(parts: list[bytes]) -> None:
    token = b".".join(parts)
    if token != TOKEN:
        with pytest.raises(Refused):
            verify(token, Purpose.APPROVAL, SIGNER.public_keys)

"""Signatures: what verifies, and everything that must not."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.adapters.keys import LocalSigner
from shared.domain.errors import Refused, Unusable
from shared.engines.jws import (
    Purpose,
    from_jwk,
    jwk_set,
    load_public_keys,
    same_payload,
    sign,
    thumbprint,
    to_jwk,
    verify,
    verify_signed,
)

SIGNER = LocalSigner.generate()
KEYS = SIGNER.public_keys
TYP = Purpose.SNAPSHOT


def b64(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def unb64(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


async def forged(header: Any, payload: bytes = b"payload", *, raw_header: bytes | None = None) -> bytes:
    """A token with any header, correctly signed over it."""
    text = json.dumps(header).encode() if raw_header is None else raw_header
    signing_input = b64(text) + b"." + b64(payload)
    return signing_input + b"." + b64(await SIGNER.sign(signing_input))


def header(**changes: Any) -> dict[str, Any]:
    base = {"alg": "ES256", "kid": SIGNER.key_id, "typ": str(TYP), **changes}
    return {name: value for name, value in base.items() if value is not None}


async def test_a_token_verifies_and_gives_its_payload_and_key() -> None:
    for payload in (b"", b"{}", bytes(range(256)) * 100):
        token = await sign(SIGNER, TYP, payload)
        assert verify(token, TYP, KEYS) == payload
        assert verify_signed(token, TYP, KEYS) == (payload, SIGNER.key_id)


async def test_the_token_is_a_plain_compact_jws() -> None:
    first, second, third = (await sign(SIGNER, TYP, b"payload")).split(b".")
    assert json.loads(unb64(first)) == header()
    assert unb64(second) == b"payload"
    assert len(unb64(third)) == 64


async def test_the_published_example_verifies() -> None:
    """RFC 7515 appendix A.3: its key, and its signature, under the header that we demand."""
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }
    private = int.from_bytes(unb64(b"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"), "big")
    signer = LocalSigner(ec.derive_private_key(private, ec.SECP256R1()))
    key = from_jwk(jwk)
    assert to_jwk(key)["x"] == jwk["x"]
    assert to_jwk(key)["y"] == jwk["y"]
    token = await sign(signer, TYP, b"x")
    assert verify(token, TYP, {thumbprint(key): key}) == b"x"


def test_a_thumbprint_is_that_of_rfc_7638() -> None:
    """SHA-256 over the required members in their fixed order, computed here by hand."""
    import hashlib

    numbers = SIGNER.public_key.public_numbers()
    x, y = (b64(number.to_bytes(32, "big")).decode() for number in (numbers.x, numbers.y))
    text = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'
    assert thumbprint(SIGNER.public_key) == b64(hashlib.sha256(text.encode()).digest()).decode()


@pytest.mark.parametrize("purpose", list(Purpose))
async def test_a_signature_is_good_for_its_own_purpose_only(purpose: Purpose) -> None:
    token = await sign(SIGNER, purpose, b"x")
    for other in Purpose:
        if other is purpose:
            assert verify(token, other, KEYS) == b"x"
        else:
            with pytest.raises(Refused, match="another purpose"):
                verify(token, other, KEYS)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (header(alg="none"), "not ES256"),
        (header(alg="HS256"), "not ES256"),
        (header(alg="es256"), "not ES256"),
        (header(alg=["ES256"]), "not ES256"),
        (header(typ="JWT"), "another purpose"),
        (header(typ=None), "other members"),
        (header(alg=None), "other members"),
        (header(kid=None), "other members"),
        (header(kid=1), "not text"),
        (header(kid="somebody"), "unknown key"),
        (header(crit=["exp"]), "other members"),
        (header(jwk=to_jwk(SIGNER.public_key)), "other members"),
        (header(jku="https://example.org"), "other members"),
        (header(x5c=[]), "other members"),
        (header(b64=False), "other members"),
        (header(cty="x" * 2000), "too long"),
        ([], "other members"),
        ("ES256", "other members"),
        (None, "other members"),
    ],
)
async def test_a_header_says_what_ours_say_and_nothing_else(changed: Any, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        verify(await forged(changed), TYP, KEYS)


async def test_a_header_that_is_no_json_is_refused() -> None:
    for raw in (b"{", b"\xff\xfe", b"{'alg':'ES256'}"):
        with pytest.raises(Refused, match="not JSON"):
            verify(await forged(None, raw_header=raw), TYP, KEYS)


async def test_a_changed_byte_anywhere_is_refused() -> None:
    token = await sign(SIGNER, TYP, b'{"digest":"abc"}')
    for at in range(len(token)):
        for other in (b"A", b"B", b".", b"=", b" "):
            changed = token[:at] + other + token[at + 1 :]
            if changed != token:
                with pytest.raises(Refused):
                    verify(changed, TYP, KEYS)


async def test_every_other_shape_is_refused() -> None:
    token = await sign(SIGNER, TYP, b"payload")
    one, two, three = token.split(b".")
    shapes = [
        b"", b".", b"..", b"...", one, one + b"." + two, token + b".", b"." + token, token + b"." + three,
        token + b"\n", b" " + token, one + b".." + three, one + b"." + two + b".", token + b"=",
        one + b"." + two + b"=." + three, json.dumps({"payload": two.decode()}).encode(),
    ]  # fmt: skip
    for shape in shapes:
        with pytest.raises(Refused):
            verify(shape, TYP, KEYS)


async def test_a_signature_of_another_length_or_form_is_refused() -> None:
    token = await sign(SIGNER, TYP, b"payload")
    signing_input, _, text = token.rpartition(b".")
    signature = unb64(text)
    from cryptography.hazmat.primitives.asymmetric import utils

    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    der = utils.encode_dss_signature(r, s)
    wrong = [signature[:63], signature + b"\0", b"\0" + signature, der, b"\0" * 64, b"\xff" * 64, b"x"]
    for octets in wrong:
        with pytest.raises(Refused):
            verify(signing_input + b"." + b64(octets), TYP, KEYS)


async def test_another_spelling_of_the_same_signature_bytes_is_refused() -> None:
    """The last character of base64url carries unused bits: only zeros there are ours."""
    token = await sign(SIGNER, TYP, b"payload")
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    place = alphabet.index(token[-1:])
    respelled = token[:-1] + alphabet[place + 1 : place + 2]
    assert unb64(respelled.rpartition(b".")[2]) == unb64(token.rpartition(b".")[2])
    with pytest.raises(Refused, match="base64url"):
        verify(respelled, TYP, KEYS)


async def test_a_key_that_is_not_given_or_that_only_bears_the_name_verifies_nothing() -> None:
    token = await sign(SIGNER, TYP, b"x")
    other = LocalSigner.generate()
    for keys in ({}, other.public_keys):
        with pytest.raises(Refused, match=f"signed by key {SIGNER.key_id}, which is not in your list"):
            verify(token, TYP, keys)
    with pytest.raises(Refused, match="does not fit"):
        verify(token, TYP, {SIGNER.key_id: other.public_key})
    p384 = ec.generate_private_key(ec.SECP384R1()).public_key()
    with pytest.raises(Refused, match="P-256"):
        verify(token, TYP, {SIGNER.key_id: p384})


async def test_a_signer_that_gives_something_else_makes_no_token() -> None:
    class Broken:
        key_id = "k"

        async def sign(self, signing_input: bytes) -> bytes:
            return b"x" * 70

    with pytest.raises(Refused, match="wrong length"):
        await sign(Broken(), TYP, b"x")


async def test_two_tokens_of_one_payload_differ_and_are_the_same_payload() -> None:
    one, two = [await sign(SIGNER, TYP, b"x") for _ in range(2)]
    assert one != two
    assert same_payload(one, two, TYP, KEYS)
    assert not same_payload(one, await sign(SIGNER, TYP, b"y"), TYP, KEYS)
    assert not same_payload(one, await sign(SIGNER, Purpose.PLAN, b"x"), TYP, KEYS)
    assert not same_payload(one, await sign(LocalSigner.generate(), TYP, b"x"), TYP, KEYS)
    assert not same_payload(b"x", b"x", TYP, KEYS)


# --- public keys -----------------------------------------------------------------------------------------


def pem(key: Any) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_keys_are_read_from_a_set_from_one_jwk_and_from_pem() -> None:
    other = LocalSigner.generate()
    both = {**KEYS, **other.public_keys}
    spellings = [jwk_set(both), pem(SIGNER.public_key) + b"\n" + pem(other.public_key)]
    for text in spellings:
        loaded = load_public_keys(text)
        assert {key_id: to_jwk(key) for key_id, key in loaded.items()} == {
            key_id: to_jwk(key) for key_id, key in both.items()
        }
    assert list(load_public_keys(json.dumps(to_jwk(SIGNER.public_key)).encode())) == [SIGNER.key_id]


def jwk(**changes: Any) -> bytes:
    return json.dumps({"keys": [{**to_jwk(SIGNER.public_key), **changes}]}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys":[]}',
        b'{"keys":{}}',
        b'{"keys":[1]}',
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        b"-----BEGIN PUBLIC KEY-----\n",
        pem(ec.generate_private_key(ec.SECP384R1()).public_key()),
        jwk(crv="P-384"),
        jwk(kty="oct"),
        jwk(kid="another"),
        jwk(x="AAAA"),
        jwk(x="A" * 43),
        jwk(x=None),
        jwk(x="é"),
    ],
    ids=lambda data: ascii(data)[:40],
)
def test_what_is_no_public_key_on_p256_is_unusable(data: bytes) -> None:
    with pytest.raises(Unusable):
        load_public_keys(data)


def test_a_private_key_is_refused_where_a_public_one_is_asked_for() -> None:
    with pytest.raises(Unusable, match="private"):
        load_public_keys(jwk(d="AAAA"))
    private = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(Unusable):
        load_public_keys(private)

"""Signatures: compact JWS (RFC 7515), ES256 only (RFC 7518 §3.4), one `typ` per purpose.

A token is checked before anything in its payload is looked at. The header may hold `alg`, `kid` and `typ` and
nothing else, so that no token can bring its own key, algorithm or critical extension. A key is known by its
RFC 7638 thumbprint. ES256 is randomised: two tokens of one payload differ, and `same_payload` is how a
repeated write is told from a foreign one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from shared.domain.errors import Refused, Unusable
from shared.domain.ports import Signer
from shared.engines.wire import dump, parse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

_PARTS = re.compile(rb"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]+)")
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_MAX_HEADER = 1024
_SIGNATURE = 64  # bytes r‖s


class Purpose(StrEnum):
    """What a signature is good for: the JWS `typ`. A key signs for its own purposes only."""

    SNAPSHOT = "holdfast-snapshot+jws"
    CHAIN = "holdfast-chain+jws"  # signed with the snapshot key
    PLAN = "holdfast-plan+jws"
    EVIDENCE = "holdfast-evidence+jws"
    EXECUTION = "holdfast-execution+jws"
    APPROVAL = "holdfast-approval+jws"
    ERASURE = "holdfast-erasure+jws"  # an approver's word on the erasure list


# A key by its name, and what it may sign for.
KEY_PURPOSES: Mapping[str, tuple[Purpose, ...]] = {
    "snapshot": (Purpose.SNAPSHOT, Purpose.CHAIN),
    "plan": (Purpose.PLAN,),
    "evidence": (Purpose.EVIDENCE,),
    "execution": (Purpose.EXECUTION,),
}


async def sign(signer: Signer, typ: str, payload: bytes) -> bytes:
    """A token over `payload` for one purpose."""
    header = dump({"alg": "ES256", "kid": signer.key_id, "typ": str(typ)})
    signing_input = _encode(header) + b"." + _encode(payload)
    signature = await signer.sign(signing_input)
    if len(signature) != _SIGNATURE:
        raise Refused("the signer gave a signature of the wrong length")
    return signing_input + b"." + _encode(signature)


def verify(token: bytes, typ: str, keys: Mapping[str, EllipticCurvePublicKey]) -> bytes:
    """The payload of a token that one of `keys` signed for this purpose. Raises `Refused` with the reason."""
    return verify_signed(token, typ, keys)[0]


def verify_signed(token: bytes, typ: str, keys: Mapping[str, EllipticCurvePublicKey]) -> tuple[bytes, str]:
    """Like `verify`, with the id of the key that signed."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    shape = _PARTS.fullmatch(token)
    if shape is None:
        raise Refused("not a compact JWS")
    key_id = _check_header(_decode(shape[1]), typ)
    key = keys.get(key_id)
    if key is None:
        # What names itself otherwise than our keys do is not repeated: it is untrusted text.
        who = f"key {key_id}, which is not in your list" if _KEY_ID.fullmatch(key_id) else "an unknown key"
        raise Refused(f"signed by {who}", hint="give the public keys that you trust, those before a rotation, too")
    if not isinstance(key.curve, ec.SECP256R1):
        raise Refused("the key is not on P-256")
    signature = _decode(shape[3])
    if len(signature) != _SIGNATURE:
        raise Refused("the signature has the wrong length")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    signing_input = token[: shape.end(2)]
    try:
        key.verify(utils.encode_dss_signature(r, s), signing_input, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Refused("the signature does not fit") from None
    return _decode(shape[2]), key_id


def same_payload(held: bytes, ours: bytes, typ: str, keys: Mapping[str, EllipticCurvePublicKey]) -> bool:
    """Whether both carry one payload with valid signatures: then an earlier attempt of ours wrote `held`."""
    try:
        return verify(held, typ, keys) == verify(ours, typ, keys)
    except Refused:
        return False


# --- public keys ---------------------------------------------------------------------------------------


def thumbprint(key: EllipticCurvePublicKey) -> str:
    """RFC 7638: the key's id."""
    return _encode(hashlib.sha256(dump(_required(key))).digest()).decode("ascii")


def to_jwk(key: EllipticCurvePublicKey) -> dict[str, str]:
    """The public key as JWK, with its thumbprint as `kid`."""
    return {**_required(key), "alg": "ES256", "kid": thumbprint(key), "use": "sig"}


def from_jwk(jwk: Mapping[str, Any]) -> EllipticCurvePublicKey:
    """A P-256 public key. Raises `Unusable`; a private key is refused, it has no business here."""
    from cryptography.hazmat.primitives.asymmetric import ec

    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
        raise Unusable("not a P-256 public key")
    if "d" in jwk:
        raise Unusable("this is a private key; give the public one")
    try:
        x, y = _coordinate(jwk.get("x")), _coordinate(jwk.get("y"))
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except (Refused, ValueError):
        raise Unusable("not a point on P-256") from None
    if "kid" in jwk and jwk["kid"] != thumbprint(key):
        raise Unusable("the key's kid is not its thumbprint")
    return key


def jwk_set(keys: Mapping[str, EllipticCurvePublicKey]) -> bytes:
    """A JWK set (RFC 7517) as text, in the order of the key ids."""
    return dump({"keys": [to_jwk(keys[key_id]) for key_id in sorted(keys)]})


def load_public_keys(data: bytes) -> dict[str, EllipticCurvePublicKey]:
    """Key id → key, from a JWK set, one JWK, or any number of public keys in PEM. Raises `Unusable`."""
    if data.lstrip().startswith(b"-----"):
        keys = _from_pem(data)
    else:
        document = parse(data)
        if not isinstance(document, dict):
            raise Unusable("neither a PEM public key nor a JWK set")
        listed = document.get("keys", [document])
        if not isinstance(listed, list) or not all(isinstance(jwk, dict) for jwk in listed):
            raise Unusable("not a JWK set")
        keys = [from_jwk(jwk) for jwk in listed]
    if not keys:
        raise Unusable("there is no public key in it")
    return {thumbprint(key): key for key in keys}


def keys_by_purpose(documents: Mapping[str, bytes]) -> dict[Purpose, Mapping[str, EllipticCurvePublicKey]]:
    """Purpose → key id → key, from documents by key name (`KEY_PURPOSES`); no key where there is no document."""
    keys: dict[Purpose, Mapping[str, EllipticCurvePublicKey]] = {}
    for name, purposes in KEY_PURPOSES.items():
        loaded = load_public_keys(documents[name]) if name in documents else {}
        keys.update(dict.fromkeys(purposes, loaded))
    return keys


def _from_pem(data: bytes) -> list[EllipticCurvePublicKey]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    keys = []
    for block in re.findall(rb"-----BEGIN [^-]+-----.*?-----END [^-]+-----", data, re.DOTALL):
        try:
            key = serialization.load_pem_public_key(block)
        except ValueError:
            raise Unusable("not a public key in PEM") from None
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise Unusable("not a P-256 public key")
        keys.append(key)
    return keys


def _required(key: EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    x, y = (_encode(number.to_bytes(32, "big")).decode("ascii") for number in (numbers.x, numbers.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def _coordinate(text: Any) -> int:
    if not isinstance(text, str) or not text.isascii():
        raise Refused("not base64url")
    octets = _decode(text.encode("ascii"))
    if len(octets) != 32:
        raise Refused("a coordinate has 32 bytes")
    return int.from_bytes(octets, "big")


# --- parts of a token ----------------------------------------------------------------------------------


def _check_header(header: bytes, typ: str) -> str:
    """The key id of a header that says exactly what ours say."""
    if len(header) > _MAX_HEADER:
        raise Refused("the header is too long")
    try:
        members = parse(header)
    except Unusable:
        raise Refused("the header is not JSON") from None
    if not isinstance(members, dict) or set(members) != {"alg", "kid", "typ"}:
        raise Refused("the header holds other members than alg, kid and typ")
    if members["alg"] != "ES256":
        raise Refused("the algorithm is not ES256")
    if members["typ"] != str(typ):
        raise Refused("signed for another purpose")
    if not isinstance(members["kid"], str):
        raise Refused("the key id is not text")
    return members["kid"]


def _encode(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def _decode(text: bytes) -> bytes:
    """Strict base64url: one text for one value, so that a token can't be respelled."""
    try:
        octets = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Refused("not base64url") from None
    if _encode(octets) != text:
        raise Refused("not base64url")
    return octets

"""Signing keys in local files: for emulators, laptops and approvers. In Azure keys stay in Key Vault.

A private key is a PKCS #8 PEM file that only its owner can read. Creating never replaces a key: what it once
signed would become unverifiable.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from shared.domain.errors import Unusable
from shared.engines.jws import jwk_set, thumbprint

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey


class LocalSigner:
    """A `Signer` with a private key in memory."""

    def __init__(self, key: EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key()
        self.key_id = thumbprint(self.public_key)

    @classmethod
    def generate(cls) -> LocalSigner:
        return cls(_new_key())

    @property
    def public_keys(self) -> dict[str, EllipticCurvePublicKey]:
        """For `engines.jws.verify`."""
        return {self.key_id: self.public_key}

    def public_jwks(self) -> bytes:
        """The public key as a JWK set."""
        return jwk_set(self.public_keys)

    async def sign(self, signing_input: bytes) -> bytes:
        return await asyncio.to_thread(self._sign, signing_input)

    def _sign(self, signing_input: bytes) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        r, s = utils.decode_dss_signature(self._key.sign(signing_input, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class LocalFileSigner(LocalSigner):
    """A `Signer` with the key of a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(_load(path))


def create_key(path: Path) -> LocalFileSigner:
    """The key in `path`, made if there is none."""
    from cryptography.hazmat.primitives import serialization

    if not path.exists():
        pem = _new_key().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A link appears whole or not at all, and never in the place of another process's key.
        waiting = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
        descriptor = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another process was first; its key counts
                os.link(waiting, path)
        finally:
            waiting.unlink()
    return LocalFileSigner(path)


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _load(path: Path) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        pem = path.read_bytes()
        mode = path.stat().st_mode
    except OSError as error:
        raise Unusable(f"the key file {path} can't be read: {error.strerror}") from None
    if os.name == "posix" and mode & 0o077:
        raise Unusable(f"the key file {path} can be read by others", hint=f"chmod 600 {path}")
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise Unusable(f"{path} holds no unencrypted private key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Unusable(f"{path} holds no P-256 key")
    return key

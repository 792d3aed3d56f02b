"""`Signer` and `SecretStore` in Azure Key Vault.

A private key never leaves the vault: only a digest goes there and a signature comes back. A key's version is known
by the thumbprint of its public part, and one version is used for the whole life of a signer, so that a rotation in
between can't put one key's id over another key's signature. The newest version that readers trust signs: a key that
the vault rotated by itself doesn't sign what nobody could verify yet.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared.adapters.azure_connection import check_account_url
from shared.adapters.azure_errors import error_code, translated
from shared.adapters.limits import check_secret_name
from shared.domain.errors import StorageDenied, Unusable
from shared.domain.ports import Clock
from shared.engines.jws import thumbprint

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.keyvault.keys import KeyProperties, KeyVaultKey
    from azure.keyvault.keys.aio import KeyClient
    from azure.keyvault.keys.crypto.aio import CryptographyClient
    from azure.keyvault.secrets.aio import SecretClient
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

_OPTIONS: dict[str, Any] = {
    "retry_total": 4,
    "retry_backoff_factor": 0.8,
    "connection_timeout": 20,
    "read_timeout": 60,
}


class KeyVaultSigner:
    """ES256 with a P-256 key of the vault. Made by `open`."""

    def __init__(self, client: CryptographyClient, public_key: EllipticCurvePublicKey) -> None:
        self._client = client
        self.public_key = public_key
        self.key_id = thumbprint(public_key)

    @classmethod
    async def open(
        cls,
        key_url: str,
        credential: AsyncTokenCredential,
        *,
        trusted: Collection[str] = (),
        **options: Any,
    ) -> KeyVaultSigner:
        """`key_url`: `https://<vault>/keys/<name>`, or with `/<version>` for that one. `trusted`: ids of the keys
        that readers trust; the newest enabled version among them signs, the newest of all where there is none."""
        from azure.keyvault.keys.crypto.aio import CryptographyClient

        vault, name, version = _parts(key_url)
        async with _key_client(vault, credential, options) as client:
            key = await _get_key(client, name, version)
            if version is None and trusted and thumbprint(_public_key(key)) not in trusted:
                async for older in _versions(client, name):
                    if thumbprint(_public_key(older)) in trusted:
                        key = older
                        break
        return cls(CryptographyClient(key, credential, **{**_OPTIONS, **options}), _public_key(key))

    async def close(self) -> None:
        await self._client.close()

    @property
    def public_keys(self) -> dict[str, EllipticCurvePublicKey]:
        """For `engines.jws.verify`."""
        return {self.key_id: self.public_key}

    async def sign(self, signing_input: bytes) -> bytes:
        from azure.keyvault.keys.crypto import SignatureAlgorithm

        digest = hashlib.sha256(signing_input).digest()
        with translated("signing with the key vault"):
            result = await self._client.sign(SignatureAlgorithm.es256, digest)
        return result.signature


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """An enabled version of a key in the vault, with its public part."""

    name: str
    version: str
    public_key: EllipticCurvePublicKey


async def key_versions(
    vault_url: str, names: Collection[str], credential: AsyncTokenCredential, **options: Any
) -> list[KeyVersion]:
    """Every enabled version of these keys, for each name the newest first: what they signed is to verify.
    `vault_url`: `https://<vault>`. Raises `StorageDenied` for a key that isn't there or is not on P-256, `Unusable`
    for one without an enabled version."""
    found = []
    async with _key_client(check_account_url(vault_url).rstrip("/"), credential, options) as client:
        for name in names:
            enabled = [
                KeyVersion(name, str(one.properties.version), _public_key(one))
                async for one in _versions(client, name)
            ]
            if not enabled:
                raise Unusable(
                    f"the key {name} in the key vault has no enabled version",
                    hint="enable its newest version, or make one",
                )
            found += enabled
    return found


class KeyVaultSecretStore:
    """Initial passwords, each put being a new version of its secret with a date of expiry.

    The service gives expired secrets back all the same ("About Azure Key Vault secrets": date-time controlled
    operations), so that the date is looked at here. Nothing is deleted: that is a right which the app hasn't got.
    """

    def __init__(
        self, vault_url: str, credential: AsyncTokenCredential, clock: Clock, lifetime: timedelta, **options: Any
    ) -> None:
        from azure.keyvault.secrets.aio import SecretClient

        check_account_url(vault_url)
        self._clock = clock
        self._lifetime = lifetime
        self._client: SecretClient = SecretClient(vault_url, credential, **{**_OPTIONS, **options})

    async def close(self) -> None:
        await self._client.close()

    async def put(self, name: str, value: str) -> str:
        check_secret_name(name)
        with translated(f"storing the secret {name} in the key vault"):
            stored = await self._client.set_secret(name, value, expires_on=self._clock.now() + self._lifetime)
        return str(stored.id)

    async def get(self, name: str) -> str | None:
        from azure.core.exceptions import ResourceNotFoundError

        check_secret_name(name)
        with translated(f"reading the secret {name} from the key vault"):
            try:
                held = await self._client.get_secret(name)
            except ResourceNotFoundError as error:
                if error_code(error) in ("", "SecretNotFound"):
                    return None
                raise
        until = held.properties.expires_on
        return held.value if until is None or self._clock.now() < until else None


def _parts(key_url: str) -> tuple[str, str, str | None]:
    parts = urlsplit(check_account_url(key_url))
    folder, *names = parts.path.strip("/").split("/")
    if folder != "keys" or not 1 <= len(names) <= 2 or not all(names):
        raise Unusable("a key's address is https://<vault>/keys/<name>, perhaps with a version")
    return f"https://{parts.netloc}", names[0], names[1] if len(names) == 2 else None


def _key_client(vault: str, credential: AsyncTokenCredential, options: dict[str, Any]) -> KeyClient:
    from azure.keyvault.keys.aio import KeyClient

    return KeyClient(vault, credential, **{**_OPTIONS, **options})


async def _get_key(client: KeyClient, name: str, version: str | None) -> KeyVaultKey:
    with translated(f"reading the public key {name} from the key vault"):
        return await client.get_key(name, version)


async def _versions(client: KeyClient, name: str) -> AsyncIterator[KeyVaultKey]:
    """Enabled ones, the newest first. The service lists them in no order that it promises."""
    with translated(f"listing the versions of the key {name} in the key vault"):
        listed = [one async for one in client.list_properties_of_key_versions(name)]
    for one in sorted(listed, key=_age, reverse=True):
        # A disabled key's public part can't be read: "Azure Key Vault keys: key attributes".
        if one.enabled:
            yield await _get_key(client, name, one.version)


def _age(properties: KeyProperties) -> tuple[float, str]:
    return properties.created_on.timestamp() if properties.created_on else 0.0, str(properties.version)


def _public_key(key: KeyVaultKey) -> EllipticCurvePublicKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    jwk: Any = key.key  # its members are set from the answer
    curve = getattr(jwk.crv, "value", jwk.crv)
    if curve != "P-256" or not jwk.x or not jwk.y:
        raise StorageDenied(f"the key {key.name} in the key vault is not on P-256")
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(jwk.x, "big"), int.from_bytes(jwk.y, "big"), ec.SECP256R1()
    )
    return numbers.public_key()

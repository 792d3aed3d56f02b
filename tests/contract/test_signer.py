"""The `Signer` contract: a key in memory, in a file, and in Key Vault (the real SDK against a local server)."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils

from shared.adapters.key_vault import KeyVaultSigner, key_versions
from shared.adapters.keys import LocalFileSigner, LocalSigner, create_key
from shared.domain.errors import StorageDenied, StorageDown, Unusable
from shared.domain.ports import Signer
from shared.engines.jws import Purpose, load_public_keys, sign, thumbprint, verify
from tests.contract.key_vault import VAULT, Credential, KeyVault
from tests.contract.suite import Suite

SUITE = Suite(Signer, {"memory": LocalSigner, "file": LocalFileSigner, "key vault": KeyVaultSigner})

NO_RETRIES = {"retry_total": 0}


@dataclass
class Case:
    signer: Signer
    public_keys: Mapping[str, ec.EllipticCurvePublicKey]


@pytest.fixture(params=SUITE.params())
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    if request.param == "memory":
        local = LocalSigner.generate()
        yield Case(SUITE.made("memory", local), local.public_keys)
    elif request.param == "file":
        file = create_key(tmp_path / "keys" / "snapshot.pem")
        yield Case(SUITE.made("file", file), file.public_keys)
    else:
        async with KeyVault() as vault:
            signer = await KeyVaultSigner.open(f"{VAULT}/keys/signing", Credential(), transport=vault.transport)
            yield Case(SUITE.made("key vault", signer), signer.public_keys)
            await signer.close()


@pytest.mark.parametrize("signing_input", [b"", b"a.b", b"x" * 1_000_000], ids=len)
async def test_the_signature_is_64_bytes_that_the_public_key_verifies(case: Case, signing_input: bytes) -> None:
    signature = await case.signer.sign(signing_input)
    assert len(signature) == 64
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key = case.public_keys[case.signer.key_id]
    key.verify(utils.encode_dss_signature(r, s), signing_input, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        key.verify(utils.encode_dss_signature(r, s), signing_input + b"x", ec.ECDSA(hashes.SHA256()))


async def test_the_key_id_is_the_thumbprint_of_the_one_public_key(case: Case) -> None:
    assert list(case.public_keys) == [case.signer.key_id]
    assert thumbprint(case.public_keys[case.signer.key_id]) == case.signer.key_id


async def test_a_token_of_it_verifies(case: Case) -> None:
    token = await sign(case.signer, Purpose.SNAPSHOT, b"payload")
    assert verify(token, Purpose.SNAPSHOT, case.public_keys) == b"payload"


# --- files -----------------------------------------------------------------------------------------------


def test_a_key_file_is_its_owners_only_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "snapshot.pem"
    first = create_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    pem = path.read_bytes()
    assert create_key(path).key_id == first.key_id == LocalFileSigner(path).key_id
    assert path.read_bytes() == pem
    assert list(path.parent.iterdir()) == [path]
    assert list(load_public_keys(first.public_jwks())) == [first.key_id]


def test_creating_one_key_at_the_same_time_makes_one_key(tmp_path: Path) -> None:
    paths = [tmp_path / "snapshot.pem"] * 8
    with ThreadPoolExecutor(8) as pool:
        keys = {signer.key_id for signer in pool.map(create_key, paths)}
    assert len(keys) == 1


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.pem"
    create_key(path)
    path.chmod(0o640)
    with pytest.raises(Unusable, match="read by others"):
        LocalFileSigner(path)


def test_what_is_no_p256_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    keys = [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)]
    contents = [
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        _pem(ec.generate_private_key(ec.SECP256R1()), serialization.BestAvailableEncryption(b"secret")),
        *(_pem(key, serialization.NoEncryption()) for key in keys),
    ]
    with pytest.raises(Unusable):
        LocalFileSigner(path)
    for content in contents:
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(Unusable):
            LocalFileSigner(path)


def _pem(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, encryption: serialization.KeySerializationEncryption
) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


# --- Key Vault -------------------------------------------------------------------------------------------


async def test_a_rotation_in_between_does_not_change_the_key_a_signer_uses() -> None:
    async with KeyVault() as vault:
        signer = await KeyVaultSigner.open(f"{VAULT}/keys/signing", Credential(), transport=vault.transport)
        try:
            await signer.sign(b"x")
        finally:
            await signer.close()
        first = vault.version
        assert vault.signed == [f"/keys/signing/{first}/sign"]
        newest = vault.rotate()
        later = await KeyVaultSigner.open(f"{VAULT}/keys/signing", Credential(), transport=vault.transport)
        assert later.key_id != signer.key_id
        again = await KeyVaultSigner.open(f"{VAULT}/keys/signing/{first}", Credential(), transport=vault.transport)
        assert again.key_id == signer.key_id
        for one in (later, again):
            await one.sign(b"x")
            await one.close()
        assert vault.signed[1:] == [f"/keys/signing/{newest}/sign", f"/keys/signing/{first}/sign"]


async def test_the_newest_version_that_readers_trust_signs() -> None:
    """A vault that rotates by itself must not sign what nobody can verify yet."""
    async with KeyVault() as vault:

        async def opened(trusted: set[str]) -> str:
            signer = await KeyVaultSigner.open(
                f"{VAULT}/keys/signing", Credential(), trusted=trusted, transport=vault.transport
            )
            await signer.close()
            return signer.key_id

        versions = [vault.version, *(vault.rotate() for _ in range(3))]
        ids = [thumbprint(vault.keys[version].public_key()) for version in versions]
        assert await opened({ids[0], ids[1]}) == ids[1]
        assert await opened(set(ids)) == ids[3]
        assert await opened(set()) == ids[3]
        assert await opened({"of another key"}) == ids[3], "nothing is hidden: readers will say whose it is"
        vault.disabled.add(versions[1])
        assert await opened({ids[0], ids[1]}) == ids[0]


async def test_every_enabled_version_of_each_key_is_listed_the_newest_first() -> None:
    async with KeyVault() as vault:
        first, second, third = vault.version, vault.rotate(), vault.rotate()
        plan = vault.rotate("plan")
        vault.disabled.add(second)

        async def listed(*names: str) -> list[tuple[str, str]]:
            found = await key_versions(f"{VAULT}/", names, Credential(), transport=vault.transport)
            for one in found:
                assert one.public_key == vault.keys[one.version].public_key()
            return [(one.name, one.version) for one in found]

        assert await listed("signing", "plan") == [("signing", third), ("signing", first), ("plan", plan)]
        with pytest.raises(StorageDenied):
            await listed("plan", "evidence")
        vault.disabled.add(plan)
        with pytest.raises(Unusable, match="plan in the key vault has no enabled version"):
            await listed("signing", "plan")


async def test_a_key_on_another_curve_is_refused() -> None:
    async with KeyVault() as vault:
        vault.curve = "P-384"
        with pytest.raises(StorageDenied, match="P-256"):
            await KeyVaultSigner.open(f"{VAULT}/keys/signing", Credential(), transport=vault.transport)


@pytest.mark.parametrize(
    ("status", "error"), [(403, StorageDenied), (404, StorageDenied), (429, StorageDown), (503, StorageDown)]
)
async def test_a_vault_that_does_not_sign_raises_and_gives_no_signature(
    status: int, error: type[Exception]
) -> None:
    async with KeyVault() as vault:
        options = {"transport": vault.transport, **NO_RETRIES}
        signer = await KeyVaultSigner.open(f"{VAULT}/keys/signing", Credential(), **options)
        vault.status = status
        try:
            with pytest.raises(error):
                await signer.sign(b"x")
            with pytest.raises(error):
                await KeyVaultSigner.open(f"{VAULT}/keys/signing", Credential(), **options)
        finally:
            await signer.close()


@pytest.mark.parametrize(
    "url", ["http://v.vault.azure.net/keys/a", f"{VAULT}/secrets/a", f"{VAULT}/keys", f"{VAULT}/keys/a/b/c", ""]
)
async def test_an_address_that_is_no_key_is_refused(url: str) -> None:
    with pytest.raises(Unusable):
        await KeyVaultSigner.open(url, Credential())

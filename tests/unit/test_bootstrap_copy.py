"""Who the copier is to each of the two accounts."""

from __future__ import annotations

import json

import pytest
from azure.identity.aio import ClientAssertionCredential, ManagedIdentityCredential

from shared.adapters.keys import LocalSigner
from shared.bootstrap import open_copy
from shared.domain.errors import Unusable
from shared.engines.jws import to_jwk
from shared.settings import load_settings
from tests.unit.test_settings import COPY

KEYS = json.dumps({"snapshot": {"keys": [to_jwk(LocalSigner.generate().public_key)]}})
AZURE = {
    **COPY,
    "HOLDFAST_PUBLIC_KEYS": KEYS,
    "VaultStorage__clientId": "aaaaaaaa-0000-4000-8000-000000000001",
    "CopyStorage__clientId": "aaaaaaaa-0000-4000-8000-000000000001",
}
ABROAD = {
    "HOLDFAST_VAULT_TENANT_ID": "bbbbbbbb-0000-4000-8000-000000000001",
    "HOLDFAST_CLIENT_ID": "cccccccc-0000-4000-8000-000000000001",
    "HOLDFAST_IDENTITY_CLIENT_ID": "aaaaaaaa-0000-4000-8000-000000000001",
}


async def _credentials(**more: str) -> tuple[object, object]:
    async with open_copy(load_settings({**AZURE, **more})) as copy:
        first, second = copy.ports.source.chain, copy.ports.copies["chain"]
        return first._client.credential, second._client.credential  # type: ignore[attr-defined]


async def test_in_one_tenant_the_managed_identity_reads_here_and_adds_there() -> None:
    first, second = await _credentials()
    assert isinstance(first, ManagedIdentityCredential)
    assert first is second


async def test_the_vault_of_another_tenant_is_read_by_an_app_registration_that_it_knows() -> None:
    first, second = await _credentials(**ABROAD)
    assert isinstance(first, ClientAssertionCredential)
    assert isinstance(second, ManagedIdentityCredential)


async def test_without_the_key_of_snapshots_nothing_is_opened() -> None:
    for keys in ("{}", KEYS.replace('"snapshot"', '"plan"')):
        with pytest.raises(Unusable, match="no public key for snapshots"):
            async with open_copy(load_settings({**AZURE, "HOLDFAST_PUBLIC_KEYS": keys})):
                pass

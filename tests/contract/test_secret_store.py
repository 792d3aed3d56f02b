"""The `SecretStore` contract: in memory, in a folder, and in Key Vault (the real SDK against a local server)."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.adapters.files import FileSecretStore
from shared.adapters.key_vault import KeyVaultSecretStore
from shared.adapters.memory import ManualClock, MemorySecretStore
from shared.domain.errors import StorageDenied, StorageDown, Unusable
from shared.domain.ports import SecretStore
from tests.contract.key_vault import VAULT, Credential, KeyVault
from tests.contract.suite import Suite

SUITE = Suite(
    SecretStore, {"memory": MemorySecretStore, "folder": FileSecretStore, "key vault": KeyVaultSecretStore}
)


WEEK = timedelta(days=7)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=SUITE.params())
async def secrets(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[SecretStore]:
    if request.param == "memory":
        yield SUITE.made("memory", MemorySecretStore(clock, WEEK))
    elif request.param == "folder":
        yield SUITE.made("folder", FileSecretStore(tmp_path / "secrets", clock, WEEK))
    else:
        async with KeyVault() as vault:
            store = KeyVaultSecretStore(VAULT, Credential(), clock, WEEK, transport=vault.transport)
            yield SUITE.made("key vault", store)
            await store.close()


@pytest.mark.parametrize("value", ["x", "Kg7Y_C5sEQF@RsDKPBX@PZv8", "é\n\"'<&> ", " "], ids=ascii)
async def test_a_value_comes_back_as_it_was(secrets: SecretStore, value: str) -> None:
    await secrets.put("hf-initial-1", value)
    assert await secrets.get("hf-initial-1") == value


async def test_a_secret_that_was_never_put_is_none(secrets: SecretStore) -> None:
    assert await secrets.get("a") is None
    await secrets.put("a", "x")
    assert await secrets.get("a-b") is None
    assert await secrets.get("b") is None


async def test_the_newest_version_counts_and_each_has_a_place_of_its_own(secrets: SecretStore) -> None:
    places = [await secrets.put("a", f"version-{number}") for number in range(12)]
    assert await secrets.get("a") == "version-11"
    assert len(set(places)) == 12


async def test_a_secret_is_given_back_until_it_expires_and_then_as_if_it_never_was(
    secrets: SecretStore, clock: ManualClock
) -> None:
    await secrets.put("a", "old")
    clock.advance(WEEK.total_seconds() - 60)
    assert await secrets.get("a") == "old"
    await secrets.put("b", "later")
    clock.advance(60)
    assert await secrets.get("a") is None
    assert await secrets.get("b") == "later"
    await secrets.put("a", "new")
    assert await secrets.get("a") == "new"
    clock.advance(WEEK.total_seconds())
    assert [await secrets.get(name) for name in "ab"] == [None, None]


async def test_each_version_has_its_own_time(secrets: SecretStore, clock: ManualClock) -> None:
    await secrets.put("a", "first")
    clock.advance(WEEK.total_seconds() / 2)
    await secrets.put("a", "second")
    clock.advance(WEEK.total_seconds() / 2)
    assert await secrets.get("a") == "second"
    clock.advance(WEEK.total_seconds() / 2)
    assert await secrets.get("a") is None, "an older version never takes the place of an expired one"


async def test_the_place_never_tells_the_value(secrets: SecretStore) -> None:
    value = "do-not-show-me"
    assert value not in await secrets.put("a", value)


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "../a", "a b", "é", "a_b", "x" * 128, "a\n"], ids=ascii)
async def test_a_name_that_key_vault_would_not_take_is_refused(secrets: SecretStore, name: str) -> None:
    with pytest.raises(Unusable):
        await secrets.put(name, "x")
    with pytest.raises(Unusable):
        await secrets.get(name)


# --- one implementation only -----------------------------------------------------------------------------


async def test_files_are_their_owners_only_and_no_version_is_lost(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    store = FileSecretStore(folder, ManualClock(), WEEK)
    first = Path(await store.put("a", "one"))
    second = Path(await store.put("a", "two"))
    assert [path.read_text() for path in (first, second)] == ["one", "two"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert sorted(folder.iterdir()) == [first, second]
    assert await FileSecretStore(folder, ManualClock(), WEEK).get("a") == "two"


async def test_an_expired_file_is_removed_when_the_folder_is_looked_into(
    tmp_path: Path, clock: ManualClock
) -> None:
    folder = tmp_path / "secrets"
    store = FileSecretStore(folder, clock, WEEK)
    place = Path(await store.put("a", "do-not-keep-me"))
    assert place.name == "a.1.until-20261129T000000Z", "a person sees until when"
    (folder / "notes.txt").write_text("not ours")
    clock.advance(WEEK.total_seconds())
    assert await store.get("b") is None
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


async def test_key_vault_is_told_the_date_and_an_undated_secret_is_not_withheld(clock: ManualClock) -> None:
    async with KeyVault() as vault:
        store = KeyVaultSecretStore(VAULT, Credential(), clock, WEEK, transport=vault.transport)
        try:
            await store.put("a", "x")
            assert vault.secrets["a"][0][1]["exp"] == int((clock.now() + WEEK).timestamp())
            vault.secrets["by-hand"] = [("y", {"enabled": True})]
            assert await store.get("by-hand") == "y"
        finally:
            await store.close()


async def test_a_folder_that_others_can_read_takes_no_secret(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    with pytest.raises(Unusable, match="read by others"):
        await FileSecretStore(folder, ManualClock(), WEEK).put("a", "x")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("status", "error"), [(403, StorageDenied), (429, StorageDown), (503, StorageDown)])
async def test_a_vault_that_refuses_is_never_taken_for_an_absent_secret(
    status: int, error: type[Exception]
) -> None:
    async with KeyVault() as vault:
        store = KeyVaultSecretStore(
            VAULT, Credential(), ManualClock(), WEEK, transport=vault.transport, retry_total=0
        )
        await store.put("a", "do-not-show-me")
        vault.status = status
        try:
            with pytest.raises(error):
                await store.get("a")
            with pytest.raises(error) as raised:
                await store.put("a", "do-not-show-me-either")
        finally:
            await store.close()
        assert "show-me" not in str(raised.value)

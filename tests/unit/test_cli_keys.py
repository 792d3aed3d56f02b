"""First keys: made once, private, never overwritten; an approvers' document that means what it says."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.key_vault import KeyVersion, key_versions
from shared.adapters.keys import LocalFileSigner
from shared.bootstrap import public_keys
from shared.engines.approvals import read_approvers
from shared.engines.jws import KEY_PURPOSES, Purpose, load_public_keys, thumbprint
from shared.settings import Settings
from tests.contract.key_vault import VAULT, Credential, KeyVault
from tests.unit.cli_runner import run


def test_keys_are_made_for_every_purpose_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    ran = run("keys", "create", str(folder), "--json")
    assert ran.code == 0, ran.err
    made = ran.document["keys"]
    assert [key["name"] for key in made] == ["snapshot", "plan", "evidence", "execution"]
    for key in made:
        private, public = Path(key["privateKey"]), Path(key["publicKey"])
        assert stat.S_IMODE(private.stat().st_mode) == 0o600
        assert LocalFileSigner(private).key_id == key["keyId"]
        assert list(load_public_keys(public.read_bytes())) == [key["keyId"]]
    assert "PRIVATE" not in ran.out


def test_existing_key_is_never_overwritten(tmp_path: Path) -> None:
    assert run("keys", "create", str(tmp_path), "--approver", "maria").code == 0
    before = (tmp_path / "maria.pem").read_bytes()
    ran = run("keys", "create", str(tmp_path), "--approver", "tomas", "--approver", "maria")
    assert ran.code == 3
    assert "never overwritten" in ran.err
    assert (tmp_path / "maria.pem").read_bytes() == before
    assert not (tmp_path / "tomas.pem").exists(), "all or nothing"


@pytest.mark.parametrize("name", ["../maria", "", ".hidden", "a/b", "a\nb", "-x"])
def test_key_names_stay_inside_the_folder(tmp_path: Path, name: str) -> None:
    ran = run("keys", "create", str(tmp_path / "keys"), f"--approver={name}")
    assert ran.code == 2
    assert not (tmp_path / "keys").exists()


def test_passphrase_needs_a_terminal(tmp_path: Path) -> None:
    ran = run("keys", "create", str(tmp_path / "keys"), "--approver", "maria", "--passphrase")
    assert ran.code == 2
    assert "no terminal" in ran.err
    assert not (tmp_path / "keys").exists()


def _approvers(tmp_path: Path, *names: str) -> list[str]:
    for name in names:
        assert run("keys", "create", str(tmp_path), "--approver", name).code == 0
    return [str(tmp_path / f"{name}.pub") for name in names]


def test_approvers_document_is_what_the_apps_read(tmp_path: Path) -> None:
    keys = _approvers(tmp_path, "maria", "tomas", "zoe")
    file = tmp_path / "approvers.json"
    ran = run("approvers", "create", str(file), *keys, "--needed", "2", "--json")
    assert ran.code == 0, ran.err
    data = file.read_bytes()
    known = read_approvers(data)
    assert known.needed == 2
    assert sorted(known.persons.values()) == ["maria", "tomas", "zoe"]
    assert ran.document["sha256"] == hashlib.sha256(data).hexdigest()
    assert json.loads(data)["needed"] == ran.document["needed"]
    shown = run("approvers", "create", str(tmp_path / "again.json"), *keys)
    assert f"HOLDFAST_APPROVERS_SHA256={ran.document['sha256']}" in shown.out, "the same input, the same digest"


def test_one_key_or_one_person_counts_once(tmp_path: Path) -> None:
    keys = _approvers(tmp_path, "maria", "tomas")
    copy = tmp_path / "copy.pub"
    copy.write_bytes(Path(keys[0]).read_bytes())
    file = tmp_path / "approvers.json"
    assert run("approvers", "create", str(file), keys[0], str(copy)).code == 3
    other = tmp_path / "other"
    other.mkdir()
    same_name = _approvers(other, "maria")
    assert run("approvers", "create", str(file), keys[0], *same_name).code == 3
    assert not file.exists()


def test_impossible_quorum_and_wrong_files_are_unusable(tmp_path: Path) -> None:
    keys = _approvers(tmp_path, "maria", "tomas")
    file = tmp_path / "approvers.json"
    assert run("approvers", "create", str(file), *keys, "--needed", "3").code == 2
    assert run("approvers", "create", str(file), *keys, "--needed", "0").code == 2
    private = keys[0].removesuffix(".pub") + ".pem"
    assert run("approvers", "create", str(file), private, keys[1]).code == 2
    assert run("approvers", "create", str(file), str(tmp_path / "none.pub"), keys[1]).code == 2
    assert not file.exists()


# --- public keys -------------------------------------------------------------------------------------------


def _trusted(setting: str) -> dict[Purpose, set[str]]:
    """What an app makes of the setting: purpose → key ids."""
    read = public_keys(Settings.model_construct(public_keys=setting, keys_dir=""))
    return {purpose: set(keys) for purpose, keys in read.items()}


def test_public_keys_of_a_folder_are_the_setting_and_only_that_is_on_standard_output(tmp_path: Path) -> None:
    made = run("keys", "create", str(tmp_path), "--json").document["keys"]
    rotated = run("keys", "rotate", str(tmp_path), "--key", "snapshot", "--json").document["keys"][0]
    ran = run("keys", "public", str(tmp_path))
    assert ran.code == 0, ran.err
    wanted: dict[str, set[str]] = {key["name"]: {key["keyId"]} for key in made}
    wanted["snapshot"].add(rotated["keyId"])
    assert _trusted(ran.out) == {one: wanted[name] for name, purposes in KEY_PURPOSES.items() for one in purposes}
    assert f"snapshot: key {rotated['keyId']} is {tmp_path / 'snapshot.pub'}" in ran.err
    alone = run("keys", "public", str(tmp_path), "--key", "snapshot", "--json").document
    assert {key["keyId"] for key in alone["keys"]} == wanted["snapshot"]
    assert set(alone["publicKeys"]) == {"snapshot"}


def test_public_keys_of_a_key_vault_lead_from_a_signature_to_its_version() -> None:
    versions: dict[str, str] = {}  # key id → version

    async def read(url: str, names: Collection[str], **options: Any) -> list[KeyVersion]:
        async with KeyVault() as vault:
            for name in names:
                vault.rotate(name)
            older = vault.newest["snapshot"]
            vault.rotate("snapshot")
            vault.disabled.add(vault.rotate("plan"))
            enabled = set(vault.names) - vault.disabled - {vault.version}
            versions.update({thumbprint(vault.keys[one].public_key()): one for one in enabled})
            assert older in versions.values()
            return await key_versions(url, names, Credential(), transport=vault.transport)

    ran = run("keys", "public", "--vault", VAULT, read_keys=read)
    assert ran.code == 0, ran.err
    trusted = _trusted(ran.out)
    assert len(trusted[Purpose.SNAPSHOT]) == 2
    assert len(trusted[Purpose.PLAN]) == 1, "a disabled version is no longer trusted"
    assert set().union(*trusted.values()) == set(versions)
    for key_id, version in versions.items():
        assert f"key {key_id} is version {version}" in ran.err


def test_public_keys_come_from_one_named_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOLDFAST_KEY_VAULT_URL", raising=False)
    for arguments, why in (
        ((), "neither a folder nor a key vault"),
        ((str(tmp_path), "--vault", VAULT), "not both"),
        ((str(tmp_path),), "there is no public key in"),
        ((str(tmp_path), "--key", "maria"), "not a key of the apps"),
        (("--vault", "http://vault.example"), "https"),
    ):
        ran = run("keys", "public", *arguments)
        assert ran.code == 2
        assert why in ran.err
        assert ran.out == ""

"""Keys change: the new one signs, what the old one signed still verifies, and a key that was dropped is named."""

from __future__ import annotations

import asyncio
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.files import FolderBlobStore
from shared.adapters.keys import LocalFileSigner, LocalSigner
from shared.adapters.memory import ManualClock, MemoryBlobStore
from shared.bootstrap import public_keys
from shared.domain.errors import IntegrityError, Refused
from shared.engines.chain import Chain
from shared.engines.evidence import TrustedKeys
from shared.engines.jws import KEY_PURPOSES, Purpose, jwk_set, keys_by_purpose, load_public_keys, sign, verify
from shared.engines.seal import seal_run
from shared.settings import Settings
from shared.standalone import holdfast_verify
from tests import restore_world
from tests.backup import Backup, small_tenant
from tests.faults import Faults, crash_points, run_until_crash
from tests.unit.cli_runner import run as run_cli
from tests.unit.test_chain import TENANT, draft
from tests.unit.test_seal import Finished, finished
from tests.unit.test_tampering import Check, Copy, check

__all__ = ["check", "finished"]

OLD, NEW = LocalSigner.generate(), LocalSigner.generate()
BOTH = {**OLD.public_keys, **NEW.public_keys}


@dataclass
class Rotated(Backup):
    """`ring`: the public keys that readers trust."""

    ring: dict[str, Any] = field(default_factory=lambda: dict(BOTH))

    @property
    def keys(self) -> Mapping[str, Any]:
        return self.ring


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A folder copy of three snapshots: the old key, the old key, then the new one."""
    return asyncio.run(_made(tmp_path_factory.mktemp("vault")))


async def _made(root: Path) -> Copy:
    clock = ManualClock()
    clock.advance((datetime.now(UTC) - clock.now() - timedelta(days=5)).total_seconds())
    backup = Rotated(
        clock=clock,
        vault=FolderBlobStore(root / "vault-35d"),  # type: ignore[arg-type]
        chain=FolderBlobStore(root / "chain"),  # type: ignore[arg-type]
        signer=OLD,
    )
    small_tenant(backup.directory, users=3, members=3)
    snapshots = []
    for signer in (OLD, OLD, NEW):
        backup.signer = signer
        snapshots.append((await backup.back_up()).snapshot)
        clock.advance(86400)
    return Copy(root, backup, snapshots)


def _trust(copy: Copy, ring: dict[str, Any]) -> Copy:
    copy.key.write_bytes(jwk_set(ring))
    return Copy(copy.root, replace(copy.backup, ring=ring), copy.snapshots)  # type: ignore[call-arg]


async def test_old_and_new_snapshots_verify_by_product_and_script(original: Copy, check: Check) -> None:
    assert await check(_trust(original, BOTH)) == []


async def test_a_dropped_key_is_named_by_product_and_script(original: Copy, check: Check) -> None:
    found = await check(_trust(original, NEW.public_keys))
    assert any(OLD.key_id in one and "not in your list" in one for one in found)
    assert not any(NEW.key_id in one for one in found)


def test_the_script_reads_every_key_of_a_pub_file(original: Copy, tmp_path: Path) -> None:
    assert run_cli("keys", "create", str(tmp_path)).code == 0
    assert run_cli("keys", "rotate", str(tmp_path), "--key", "snapshot").code == 0
    data = (tmp_path / "snapshot.pub").read_bytes()
    assert sorted(holdfast_verify.load_keys(tmp_path / "snapshot.pub")) == sorted(load_public_keys(data))
    assert len(load_public_keys(data)) == 2


async def test_a_hostile_key_id_is_not_repeated_as_it_came() -> None:
    liar = LocalSigner.generate()
    liar.key_id = "\x1b[2Jkey\n"
    token = await sign(liar, Purpose.CHAIN, b"{}")
    with pytest.raises(Refused) as by_product:
        verify(token, Purpose.CHAIN, BOTH)
    with pytest.raises(holdfast_verify.Bad) as by_script:
        holdfast_verify.payload_of(token, Purpose.CHAIN, BOTH)
    for raised in (by_product, by_script):
        assert str(raised.value).isprintable()


# --- two at once


async def test_two_sealers_with_different_versions_number_one_chain() -> None:
    store = MemoryBlobStore("chain")
    signers = [OLD, NEW] * 5
    made = await asyncio.gather(
        *(Chain(store, TENANT, BOTH).append(signer, draft(day)) for day, signer in enumerate(signers))
    )
    assert sorted(one.entry.seq for one in made) == list(range(1, 11))
    chain = Chain(store, TENANT, BOTH)
    entries = [await chain.load(seq) for seq in await chain.numbers()]
    assert [one.entry.previous for one in entries] == ["", *(one.sha256 for one in entries[:-1])]
    assert {one.entry.snapshot for one in entries} == {draft(day).snapshot for day in range(10)}


async def test_two_sealers_of_one_snapshot_with_different_versions_commit_it_once(finished: Finished) -> None:
    one, other = (replace(finished.backup.seal_ports(), signer=signer, keys=BOTH) for signer in (OLD, NEW))
    done = await asyncio.gather(*(seal_run(ports, finished.work) for ports in (one, other, one, other)))
    assert len({committed.sha256 for committed in done}) == 1
    assert await Chain(finished.backup.chain, done[0].entry.tenant, BOTH).numbers() == [1]


async def test_a_seal_that_died_with_the_old_key_is_finished_with_the_new_one(finished: Finished) -> None:
    for rule in crash_points(8):
        if finished.backup.chain.blobs:
            finished.unseal()
        before = replace(finished.backup.seal_ports(Faults(rule)), signer=OLD, keys=BOTH)
        await run_until_crash(seal_run(before, finished.work))
        after = replace(finished.backup.seal_ports(), signer=NEW, keys=BOTH)
        assert (await seal_run(after, finished.work)).entry.seq == 1


# --- a restore under way


async def test_a_key_that_changes_during_a_restore_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one = await restore_world.world()
    await restore_world.start(one)
    (message,) = one.steps.receive(visibility=30.0)
    await one.process().serve(message)
    old = restore_world.EXECUTION_KEY
    both = TrustedKeys(
        restore_world.PLAN_KEY.public_keys,
        {**old.public_keys, **NEW.public_keys},
        restore_world.EVIDENCE_KEY.public_keys,
    )
    monkeypatch.setattr(restore_world, "EXECUTION_KEY", NEW)
    monkeypatch.setattr(restore_world, "KEYS", both)
    await one.process().drain()
    assert set((await one.ends()).values()) <= {"done", "alreadyAsWanted"}
    monkeypatch.setattr(restore_world, "KEYS", replace(both, execution=NEW.public_keys))
    with pytest.raises(IntegrityError, match=f"{old.key_id}, which is not in your list"):
        await one.ends()


# --- purposes


async def test_a_key_of_one_purpose_signs_for_no_other() -> None:
    signers = {name: LocalSigner.generate() for name in KEY_PURPOSES}
    keys = keys_by_purpose({name: one.public_jwks() for name, one in signers.items()})
    for (name, signer), typ in product(signers.items(), Purpose):
        token = await sign(signer, typ, b"x")
        if typ in KEY_PURPOSES[name]:
            assert verify(token, typ, keys[typ]) == b"x"
        else:
            with pytest.raises(Refused):
                verify(token, typ, keys.get(typ, {}))
        for other in set(Purpose) - {typ}:
            with pytest.raises(Refused, match="another purpose"):
                verify(token, other, {signer.key_id: signer.public_key})


# --- files


def _ids(folder: Path) -> tuple[str, list[str]]:
    signer = LocalFileSigner(folder / "snapshot.pem")
    return signer.key_id, list(load_public_keys((folder / "snapshot.pub").read_bytes()))


def test_rotate_makes_new_keys_and_keeps_what_the_old_ones_verify(tmp_path: Path) -> None:
    assert run_cli("keys", "create", str(tmp_path)).code == 0
    first, _ = _ids(tmp_path)
    second, third = (run_cli("keys", "rotate", str(tmp_path), "--json").document["keys"][0] for _ in range(2))
    assert (second["oldKeyId"], third["oldKeyId"]) == (first, second["keyId"])
    assert _ids(tmp_path) == (third["keyId"], [third["keyId"], second["keyId"], first])
    for one in (second, third):
        kept = Path(one["oldPrivateKey"])
        assert LocalFileSigner(kept).key_id == one["oldKeyId"]
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    settings = Settings.model_construct(public_keys="", keys_dir=str(tmp_path))
    assert set(public_keys(settings)[Purpose.CHAIN]) == {first, second["keyId"], third["keyId"]}
    assert not list(tmp_path.glob("*.next.pem"))
    assert "PRIVATE" not in run_cli("keys", "rotate", str(tmp_path)).out


@pytest.mark.parametrize("dies", ["link", "replace pub", "replace pem"])
def test_a_rotation_that_dies_goes_on_and_never_signs_with_an_unlisted_key(
    tmp_path: Path, dies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_cli("keys", "create", str(tmp_path)).code == 0
    first, _ = _ids(tmp_path)

    class Died(BaseException):
        pass

    with monkeypatch.context() as patched:
        if dies == "link":
            patched.setattr("shared.cli.first_keys.os.link", _raising(Died))
        else:
            real, suffix = Path.replace, dies.split()[1]

            def move(path: Path, target: Path) -> Path:
                if str(target).endswith(suffix):
                    raise Died
                return real(path, target)

            patched.setattr(Path, "replace", move)
        with pytest.raises(Died):
            run_cli("keys", "rotate", str(tmp_path), "--key", "snapshot")
    signs, listed = _ids(tmp_path)
    assert signs == first
    assert signs in listed
    assert run_cli("keys", "rotate", str(tmp_path), "--key", "snapshot").code == 0
    signs, listed = _ids(tmp_path)
    assert listed == [signs, first]


def _raising(error: type[BaseException]) -> Any:
    def call(*_: object, **__: object) -> None:
        raise error

    return call


def test_rotate_touches_the_keys_of_the_apps_only(tmp_path: Path) -> None:
    assert run_cli("keys", "rotate", str(tmp_path)).code == 2
    assert run_cli("keys", "create", str(tmp_path)).code == 0
    shutil.copyfile(tmp_path / "plan.pem", tmp_path / "maria.pem")
    assert run_cli("keys", "rotate", str(tmp_path), "--key", "maria").code == 2
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert run_cli("keys", "rotate", str(tmp_path), "--key", "snapshot").code == 0
    changed = {name for name, data in before.items() if (tmp_path / name).read_bytes() != data}
    assert changed == {"snapshot.pem", "snapshot.pub"}

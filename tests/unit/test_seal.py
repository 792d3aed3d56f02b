"""Sealing: from receipts to a committed snapshot, once, signed or not at all."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import zstandard

from shared.adapters.keys import LocalSigner
from shared.domain.errors import Fault, IntegrityError, Retryable, StorageDown, Unusable
from shared.domain.snapshot import Manifest, Run, State
from shared.engines import paths
from shared.engines.chain import Committed
from shared.engines.export import Work, run_item
from shared.engines.jws import Purpose, sign, verify
from shared.engines.packs import merkle_root, pack, sha256, unpack
from shared.engines.seal import SealPorts, seal_run
from shared.engines.wire import decode, encode
from tests.backup import TENANT, Backup, small_tenant


class Finished:
    """A backup whose items are all read, and that waits for its seal."""

    def __init__(self, backup: Backup, run: Run) -> None:
        self.backup = backup
        self.folder = paths.folder(TENANT, run.snapshot)
        self.work = Work(TENANT, "vault-35d", run.snapshot)
        self.blobs = backup.vault.blobs

    async def seal(self, ports: SealPorts | None = None) -> Committed:
        return await seal_run(ports or self.backup.seal_ports(), self.work)

    def name(self, inside: str) -> str:
        return self.folder + inside

    def index(self, key: str) -> str:
        """The only blob of an index."""
        (name,) = (name for name in self.blobs if f"/index/{key}/" in name)
        return name

    def unseal(self) -> None:
        """As it was before the manifest was written."""
        for gone in (paths.MANIFEST, paths.COMMIT):
            del self.blobs[self.name(gone)]
        self.backup.chain.blobs.clear()


@pytest.fixture
async def finished() -> Finished:
    backup = Backup()
    small_tenant(backup.directory)
    run = await backup.start()
    for item in run.items:
        await run_item(backup.ports(), Work(TENANT, "vault-35d", run.snapshot, item.id), backup.limits)
    return Finished(backup, run)


def _signer(backup: Backup, signer: object) -> SealPorts:
    ports = backup.seal_ports()
    return SealPorts(ports.vault, ports.chain, signer, ports.keys, ports.catalog)  # type: ignore[arg-type]


async def test_the_manifest_lists_every_blob_with_its_hash_and_the_tree_over_them(finished: Finished) -> None:
    committed = await finished.seal()
    manifest = decode(Manifest, finished.blobs[finished.name(paths.MANIFEST)])
    for blob in manifest.blobs:
        data = finished.blobs[finished.name(blob.name)]
        assert (len(data), sha256(data)) == (blob.length, blob.sha256)
    named = {blob.name for blob in manifest.blobs} | {paths.MANIFEST, paths.COMMIT} | set(manifest.orphans)
    assert {finished.name(name) for name in named} == set(finished.blobs)
    assert manifest.merkle_root == merkle_root(manifest.blobs)
    assert committed.entry.manifest_sha256 == sha256(finished.blobs[finished.name(paths.MANIFEST)])
    assert manifest.ended_at == max(entry.as_of for entry in manifest.types.values() if entry.as_of)


async def test_what_is_left_over_from_retries_is_listed_and_means_nothing(finished: Finished) -> None:
    finished.blobs[finished.name("objects/users/00009-0123456789abcdef.jsonl.zst")] = b"left over"
    await finished.seal()
    snapshot = await finished.backup.repository().open()
    assert "objects/users/00009-0123456789abcdef.jsonl.zst" in snapshot.manifest.orphans
    assert (await finished.backup.verify()).good


async def test_sealing_again_after_a_crash_at_any_point_gives_the_same_manifest(finished: Finished) -> None:
    await finished.seal()
    sealed = dict(finished.blobs)
    chain = dict(finished.backup.chain.blobs)
    removable = [finished.name(paths.COMMIT), finished.name(paths.MANIFEST)]
    removable += [name for name in sealed if "/index/" in name]
    for count in range(1, len(removable) + 1):
        for name in removable[:count]:
            finished.blobs.pop(name, None)
        finished.backup.chain.blobs.clear()
        await finished.seal()
        for name, data in sealed.items():
            if not name.endswith(paths.COMMIT):  # ES256 signatures are randomised
                assert finished.blobs[name] == data
    assert len(chain) == len(finished.backup.chain.blobs) == 1


async def test_leftovers_that_come_between_two_seals_change_nothing(finished: Finished) -> None:
    await finished.seal()
    manifest = finished.blobs[finished.name(paths.MANIFEST)]
    del finished.blobs[finished.name(paths.COMMIT)]
    finished.backup.chain.blobs.clear()
    finished.blobs[finished.name("objects/users/00009-0123456789abcdef.jsonl.zst")] = b"late"
    await finished.seal()
    assert finished.blobs[finished.name(paths.MANIFEST)] == manifest
    assert (await finished.backup.verify()).good


@pytest.mark.parametrize("error", [Fault("key vault says no"), Retryable("busy", after=7.0), StorageDown("away")])
async def test_a_failing_signer_leaves_the_commit_pending_and_nothing_readable(
    finished: Finished, error: Exception
) -> None:
    class Failing:
        key_id = finished.backup.signer.key_id

        async def sign(self, signing_input: bytes) -> bytes:
            raise error

    with pytest.raises(Retryable, match="commit pending"):
        await finished.seal(_signer(finished.backup, Failing()))
    assert finished.name(paths.COMMIT) not in finished.blobs
    assert finished.backup.chain.blobs == {}
    with pytest.raises(Unusable):
        await finished.backup.repository().open()
    await finished.seal()
    assert (await finished.backup.verify()).good


async def test_a_chain_that_cannot_be_signed_leaves_the_commit_pending_too(finished: Finished) -> None:
    class Once:
        key_id = finished.backup.signer.key_id
        calls = itertools.count()

        async def sign(self, signing_input: bytes) -> bytes:
            if next(self.calls):
                raise Fault("no more")
            return await finished.backup.signer.sign(signing_input)

    with pytest.raises(Retryable, match="commit pending"):
        await finished.seal(_signer(finished.backup, Once()))
    commit = finished.blobs[finished.name(paths.COMMIT)]
    await finished.seal()
    assert finished.blobs[finished.name(paths.COMMIT)] == commit


async def test_a_signature_that_readers_could_not_verify_is_never_written(finished: Finished) -> None:
    with pytest.raises(Retryable, match="commit pending"):
        await finished.seal(_signer(finished.backup, LocalSigner.generate()))
    assert finished.name(paths.COMMIT) not in finished.blobs


async def test_a_commit_that_somebody_else_left_is_an_integrity_error(finished: Finished) -> None:
    stranger = LocalSigner.generate()
    finished.blobs[finished.name(paths.COMMIT)] = await sign(stranger, Purpose.SNAPSHOT, b"{}")
    with pytest.raises(IntegrityError):
        await finished.seal()
    assert finished.backup.chain.blobs == {}


async def test_a_manifest_that_differs_is_an_integrity_error(finished: Finished) -> None:
    await finished.seal()
    name = finished.name(paths.MANIFEST)
    del finished.blobs[finished.name(paths.COMMIT)]
    finished.backup.chain.blobs.clear()
    finished.blobs[name] = finished.blobs[name].replace(b'"region":"westeurope"', b'"region":"eastus"')
    with pytest.raises(IntegrityError):
        await finished.seal()
    assert finished.name(paths.COMMIT) not in finished.blobs


async def test_a_pack_that_changed_since_its_receipt_is_never_sealed(finished: Finished) -> None:
    name = next(name for name in finished.blobs if "/objects/users/" in name)
    finished.blobs[name] = finished.blobs[name][:-1] + b"\0"
    with pytest.raises(IntegrityError):
        await finished.seal()
    assert finished.name(paths.MANIFEST) not in finished.blobs


async def test_an_index_written_by_another_compressor_is_kept_if_its_lines_are_the_same(finished: Finished) -> None:
    await finished.seal()
    name = finished.index("users")
    text = unpack(finished.blobs[name])
    other = zstandard.ZstdCompressor(level=1, write_checksum=True).compress(text)
    assert other != finished.blobs[name]
    finished.unseal()
    finished.blobs[name] = other
    await finished.seal()
    assert finished.blobs[name] == other
    assert (await finished.backup.verify()).good


async def test_an_index_with_other_lines_is_an_integrity_error(finished: Finished) -> None:
    await finished.seal()
    finished.unseal()
    finished.blobs[finished.index("users")] = pack([b'{"id":"forged"}'])
    with pytest.raises(IntegrityError):
        await finished.seal()


async def test_a_long_index_is_several_blobs_that_read_as_one(finished: Finished) -> None:
    ports = replace(finished.backup.seal_ports(), index_bytes=300)
    await seal_run(ports, finished.work)
    snapshot = await finished.backup.repository().open()
    entry = snapshot.manifest.types["users"]
    assert len(entry.index) > 2
    ids = [one.id async for one in snapshot.index("users")]
    assert ids == sorted(set(finished.backup.directory.objects["users"]))
    links = [link async for link in snapshot.links("groups", "members")]
    assert len(links) == snapshot.manifest.relationships["groups.members"].count > 0
    assert (await finished.backup.verify()).good


async def test_sealing_what_is_sealed_reads_the_chain_only(finished: Finished) -> None:
    first = await finished.seal()
    packs = {name for name in finished.blobs if "/objects/" in name}
    for name in packs:
        del finished.blobs[name]
    assert await finished.seal() == first


async def test_the_commit_is_over_the_manifest_as_stored(finished: Finished) -> None:
    await finished.seal()
    manifest = finished.blobs[finished.name(paths.MANIFEST)]
    payload = verify(finished.blobs[finished.name(paths.COMMIT)], Purpose.SNAPSHOT, finished.backup.keys)
    assert sha256(manifest).encode() in payload
    assert encode(decode(Manifest, manifest)) == manifest


async def test_a_type_that_was_not_read_has_no_index(finished: Finished) -> None:
    backup = Backup()
    small_tenant(backup.directory)
    backup.directory.granted = frozenset({"User.Read.All"})
    await backup.back_up()
    manifest = (await backup.repository().open()).manifest
    assert manifest.types["users"].index != ()
    assert manifest.types["groups"].completeness.state is State.NOT_PERMITTED
    assert manifest.types["groups"].index == ()
    assert (await backup.verify()).good


@pytest.mark.parametrize(
    "work", [Work(TENANT, "other", "20261122T000000Z-full"), Work(TENANT, "vault-35d", "20261122T000001Z-x")]
)
async def test_a_forged_seal_message_finds_nothing_to_do(finished: Finished, work: Work) -> None:
    stored = dict(finished.blobs)
    with pytest.raises(Unusable):
        await seal_run(finished.backup.seal_ports(), work)
    assert finished.blobs == stored

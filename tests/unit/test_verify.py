"""Verifying: every kind of tampering is found and named, none is raised."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from shared.adapters.keys import LocalSigner
from shared.adapters.memory import MemoryBlobStore
from shared.catalog.registry import Catalog
from shared.domain.errors import StorageDown, Unusable
from shared.domain.snapshot import ChainEntry, Commit, Completeness, Manifest, Receipt, State, TypeEntry
from shared.engines import paths, sampling
from shared.engines.jws import Purpose, sign, verify
from shared.engines.packs import compress, joined, merkle_root, pack, ref, sha256, split, unpack
from shared.engines.verify import Kind, Report, verify_chain
from shared.engines.wire import decode, encode
from tests.backup import TENANT, Backup, small_tenant


class Attacker:
    """Somebody who can write everywhere and, if `forge` is called, even holds the signing key."""

    def __init__(self, backup: Backup, snapshot: str) -> None:
        self.backup = backup
        self.folder = paths.folder(TENANT, snapshot)
        self.blobs = backup.vault.blobs

    def names(self, part: str) -> list[str]:
        return [name for name in self.blobs if part in name]

    def manifest(self) -> Manifest:
        return decode(Manifest, self.blobs[self.folder + paths.MANIFEST])

    async def forge(self, change: Callable[[Manifest], Manifest], *, changed: Iterable[str] = ()) -> None:
        """A changed manifest, signed and put into the chain by the true key. `changed` blobs are listed anew."""
        manifest = change(self.manifest())
        listed = {blob.name: blob for blob in manifest.blobs}
        listed |= {name: ref(name, self.blobs[self.folder + name]) for name in changed}
        manifest = replace(manifest, blobs=tuple(listed[name] for name in sorted(listed)))
        if manifest.merkle_root == self.manifest().merkle_root:
            manifest = replace(manifest, merkle_root=merkle_root(manifest.blobs))
        data = encode(manifest)
        payload = Commit(1, TENANT, manifest.snapshot, sha256(data), manifest.merkle_root)
        commit = await sign(self.backup.signer, Purpose.SNAPSHOT, encode(payload))
        self.blobs[self.folder + paths.MANIFEST] = data
        self.blobs[self.folder + paths.COMMIT] = commit
        name = paths.chain_entry(TENANT, 1)
        entry = decode(ChainEntry, verify(self.backup.chain.blobs[name], Purpose.CHAIN, self.backup.keys))
        entry = replace(entry, manifest_sha256=sha256(data), commit_sha256=sha256(commit))
        self.backup.chain.blobs[name] = await sign(self.backup.signer, Purpose.CHAIN, encode(entry))


@pytest.fixture
async def attacker() -> Attacker:
    backup = Backup()
    small_tenant(backup.directory)
    run = await backup.back_up()
    return Attacker(backup, run.snapshot)


def kinds(report: Report) -> set[Kind]:
    return {finding.kind for finding in report.findings}


async def test_an_untouched_snapshot_has_no_findings(attacker: Attacker) -> None:
    report = await attacker.backup.verify()
    assert report.findings == []
    assert report.notes == []
    assert report.good
    assert report.blobs == len(attacker.manifest().blobs)
    assert report.bytes == sum(blob.length for blob in attacker.manifest().blobs)
    assert report.head == await attacker.backup.repository().head()


async def test_every_blob_that_is_changed_or_missing_is_named(attacker: Attacker) -> None:
    manifest = attacker.manifest()
    for blob in manifest.blobs[::4]:  # there are two for each type and relationship
        held = attacker.blobs[attacker.folder + blob.name]
        for bad in (None, b"", held + b"x", held[:-1] + bytes([held[-1] ^ 1])):
            if bad is None:
                del attacker.blobs[attacker.folder + blob.name]
            else:
                attacker.blobs[attacker.folder + blob.name] = bad
            report = await attacker.backup.verify()
            assert [(one.kind, one.name) for one in report.findings] == [(Kind.BLOB, blob.name)]
        attacker.blobs[attacker.folder + blob.name] = held


@pytest.mark.parametrize("name", [paths.MANIFEST, paths.COMMIT])
async def test_a_touched_manifest_or_commit_is_found(attacker: Attacker, name: str) -> None:
    held = attacker.blobs[attacker.folder + name]
    for bad in (None, b"", held[:-3] + b"xyz"):
        if bad is None:
            del attacker.blobs[attacker.folder + name]
        else:
            attacker.blobs[attacker.folder + name] = bad
        assert kinds(await attacker.backup.verify()) == {Kind.COMMIT}


async def test_with_another_key_every_entry_is_a_finding(attacker: Attacker) -> None:
    attacker.backup.signer = LocalSigner.generate()
    assert kinds(await attacker.backup.verify()) == {Kind.CHAIN}


async def test_an_index_that_the_packs_do_not_give_is_found_even_if_it_is_signed(
    attacker: Attacker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "DRAWN", 500)  # packs are small here: nothing is left to chance
    (index,) = attacker.manifest().types["users"].index
    lines = split(unpack(attacker.blobs[attacker.folder + index.name]))
    for forged, named in (
        (lines[1:], False),
        (lines[:-1], True),
        ([*lines, lines[-1]], False),
        ([lines[0].replace(b"User 0", b"User X"), *lines[1:]], False),
    ):
        text = joined(forged)
        name = paths.objects_index("users", 0, sha256(text))
        attacker.blobs[attacker.folder + name] = compress(text)
        users = replace(attacker.manifest().types["users"], index=(ref(name, compress(text)),), count=len(forged))

        def point(manifest: Manifest, users: TypeEntry = users) -> Manifest:
            return replace(manifest, types={**manifest.types, "users": users})

        await attacker.forge(point, changed=[name])
        report = await attacker.backup.verify()
        assert [(one.kind, one.name) for one in report.findings] == [(Kind.INDEX, "users" if named else name)]
        assert kinds(await attacker.backup.verify(quick=True)) == {Kind.INDEX}


async def test_dangling_references_that_the_packs_do_not_give_are_found(attacker: Attacker) -> None:
    count = attacker.manifest().dangling_count
    await attacker.forge(lambda one: replace(one, dangling=one.dangling[1:], dangling_count=count - 1))
    report = await attacker.backup.verify()
    assert [(one.kind, one.name) for one in report.findings] == [(Kind.INDEX, paths.MANIFEST)]


async def test_an_index_blob_under_a_name_that_its_lines_do_not_give_is_found(attacker: Attacker) -> None:
    (index,) = attacker.manifest().types["users"].index
    data = attacker.blobs[attacker.folder + index.name]
    name = paths.objects_index("users", 0, "0" * 64)
    attacker.blobs[attacker.folder + name] = data
    users = replace(attacker.manifest().types["users"], index=(ref(name, data),))
    await attacker.forge(lambda one: replace(one, types={**one.types, "users": users}), changed=[name])
    report = await attacker.backup.verify()
    assert [(one.kind, one.name) for one in report.findings] == [(Kind.INDEX, name)]


async def test_a_receipt_that_says_something_else_is_found_even_if_it_is_signed(attacker: Attacker) -> None:
    name = paths.receipt("users")
    receipt = decode(Receipt, attacker.blobs[attacker.folder + name])
    for forged in (
        replace(receipt, completeness=Completeness(State.PARTIAL, "moving")),
        replace(receipt, packs=()),
        replace(receipt, snapshot="20261122T000000Z-other"),
    ):
        attacker.blobs[attacker.folder + name] = encode(forged)
        await attacker.forge(lambda manifest: manifest, changed=[name])
        report = await attacker.backup.verify()
        assert (Kind.RECEIPT, name) in {(one.kind, one.name) for one in report.findings}


async def test_a_completeness_made_better_than_its_receipt_is_found(attacker: Attacker) -> None:
    def better(manifest: Manifest) -> Manifest:
        users = replace(manifest.types["users"], completeness=Completeness(State.PARTIAL, "moving"))
        return replace(manifest, types={**manifest.types, "users": users})

    await attacker.forge(better)
    assert kinds(await attacker.backup.verify()) == {Kind.RECEIPT}


async def test_a_type_that_names_a_blob_in_another_way_than_the_list_is_found(attacker: Attacker) -> None:
    def bend(manifest: Manifest) -> Manifest:
        entry = manifest.types["appRoleAssignments"]
        packs = (replace(entry.packs[0], sha256="0" * 64), *entry.packs[1:])
        return replace(manifest, types={**manifest.types, "appRoleAssignments": replace(entry, packs=packs)})

    await attacker.forge(bend)
    assert kinds(await attacker.backup.verify()) == {Kind.COMMIT}


async def test_a_merkle_root_that_is_not_of_the_blobs_is_found(attacker: Attacker) -> None:
    await attacker.forge(lambda manifest: replace(manifest, merkle_root="0" * 64))
    assert kinds(await attacker.backup.verify()) == {Kind.MERKLE}


async def test_names_that_lead_out_of_the_folder_are_not_followed(attacker: Attacker) -> None:
    def escape(manifest: Manifest) -> Manifest:
        return replace(manifest, blobs=(*manifest.blobs, ref("../../../secret", b"x")))

    await attacker.forge(escape)
    assert Kind.BLOB in kinds(await attacker.backup.verify())


async def test_a_pack_that_holds_no_lines_of_ours_is_found_and_not_raised(attacker: Attacker) -> None:
    manifest = attacker.manifest()
    blob = manifest.types["users"].packs[0]
    for bad in (b"no zstd", pack([b"no json"]), pack([b'{"noid":1}'])):
        attacker.blobs[attacker.folder + blob.name] = bad
        name = paths.receipt("users")
        receipt = decode(Receipt, attacker.blobs[attacker.folder + name])
        packs = (ref(blob.name, bad), *receipt.packs[1:])
        attacker.blobs[attacker.folder + name] = encode(replace(receipt, packs=packs))

        def point(manifest: Manifest, packs: Any = packs) -> Manifest:
            return replace(
                manifest, types={**manifest.types, "users": replace(manifest.types["users"], packs=packs)}
            )

        await attacker.forge(point, changed=[name, blob.name])
        assert kinds(await attacker.backup.verify()) == {Kind.INDEX}


async def test_indexes_of_another_catalog_are_not_judged_and_that_is_noted(attacker: Attacker) -> None:
    spec = attacker.backup.catalog.get("users")
    types = [replace(one, title="Other") if one is spec else one for one in attacker.backup.catalog.types]
    attacker.backup.catalog = Catalog(tuple(types))
    report = await attacker.backup.verify()
    assert report.good
    assert len(report.notes) == 1


async def test_a_snapshot_that_expired_is_noted_and_its_missing_blobs_are_no_tampering(attacker: Attacker) -> None:
    attacker.blobs.clear()
    attacker.backup.clock.advance(36 * 86400)
    report = await attacker.backup.verify()
    assert report.good
    assert "expired" in report.notes[0]


async def test_an_unknown_snapshot_is_a_finding_and_nonsense_is_refused(attacker: Attacker) -> None:
    assert kinds(await attacker.backup.verify("20261122T000000Z-none")) == {Kind.CHAIN}
    with pytest.raises(Unusable):
        await attacker.backup.verify("../nonsense")
    with pytest.raises(Unusable):
        await Backup().verify()


async def test_storage_that_is_down_is_no_finding(attacker: Attacker) -> None:
    class Down(MemoryBlobStore):
        async def get(self, name: str) -> bytes:
            raise StorageDown("away")

    down = Down("vault-35d")
    attacker.backup.vault = down
    with pytest.raises(StorageDown):
        await attacker.backup.verify()


# --- chain ---------------------------------------------------------------------------------------------------


async def chain_of(length: int) -> Backup:
    backup = Backup()
    backup.directory.put("users", id="u", displayName="U")
    for _ in range(length):
        await backup.back_up()
        backup.clock.advance(86400)
    return backup


async def test_a_sound_chain_has_no_findings_and_its_head_is_the_expected_one() -> None:
    backup = await chain_of(3)
    head = await backup.repository().head()
    report, entries = await verify_chain(backup.chain, TENANT, backup.keys, backup.clock, expected_head=head)
    assert report.good
    assert (report.entries, report.head) == (3, head)
    assert len(entries) == 3


async def test_a_removed_newest_entry_is_found_by_the_expected_head() -> None:
    backup = await chain_of(3)
    head = await backup.repository().head()
    removed = backup.chain.blobs.pop(paths.chain_entry(TENANT, 3))
    report, _ = await verify_chain(backup.chain, TENANT, backup.keys, backup.clock)
    assert report.good  # without the expected head nobody can know
    report, _ = await verify_chain(backup.chain, TENANT, backup.keys, backup.clock, expected_head=head)
    assert "missing" in report.findings[0].why
    backup.chain.blobs[paths.chain_entry(TENANT, 3)] = removed.replace(removed[-10:], b"AAAAAAAAAA")
    report, _ = await verify_chain(backup.chain, TENANT, backup.keys, backup.clock, expected_head=head)
    assert any("replaced" in finding.why for finding in report.findings)


@pytest.mark.parametrize("seq", [1, 2])
async def test_a_removed_entry_leaves_a_gap(seq: int) -> None:
    backup = await chain_of(3)
    del backup.chain.blobs[paths.chain_entry(TENANT, seq)]
    report, _ = await verify_chain(backup.chain, TENANT, backup.keys, backup.clock)
    assert "missing" in report.findings[0].why


@pytest.mark.parametrize("gone", [(1,), (1, 2), (2,), (2, 3), (1, 3)])
async def test_entries_are_missing_until_the_time_that_they_were_to_stay_is_over(gone: tuple[int, ...]) -> None:
    backup = await chain_of(4)  # a day apart; each stays 400 days
    head = f"{gone[-1]}:{sha256(backup.chain.blobs[paths.chain_entry(TENANT, gone[-1])])}"
    for seq in gone:
        del backup.chain.blobs[paths.chain_entry(TENANT, seq)]
    backup.clock.advance((400 - 4 + gone[-1] - 1) * 86400 - 60)
    report, _ = await verify_chain(backup.chain, TENANT, backup.keys, backup.clock, expected_head=head)
    assert {one.why for one in report.findings} >= {"the entry that was the newest is missing"}
    assert any("are missing" in one.why for one in report.findings)
    backup.clock.advance(120)
    report, entries = await verify_chain(backup.chain, TENANT, backup.keys, backup.clock, expected_head=head)
    assert report.findings == []
    assert len(report.notes) == len([seq for seq in gone if seq + 1 not in gone]) + 1
    assert [one.entry.seq for one in entries] == [seq for seq in range(1, 5) if seq not in gone]


async def test_a_gap_before_an_entry_that_does_not_verify_is_never_excused() -> None:
    backup = await chain_of(3)
    del backup.chain.blobs[paths.chain_entry(TENANT, 1)]
    name = paths.chain_entry(TENANT, 2)
    backup.chain.blobs[name] = backup.chain.blobs[name][:-10] + b"AAAAAAAAAA"
    backup.clock.advance(10_000 * 86400)
    report, _ = await verify_chain(backup.chain, TENANT, backup.keys, backup.clock)
    assert any("entries 1 to 1 are missing" in one.why for one in report.findings)


async def test_entries_that_changed_places_are_found() -> None:
    backup = await chain_of(3)
    blobs = backup.chain.blobs
    two, three = paths.chain_entry(TENANT, 2), paths.chain_entry(TENANT, 3)
    blobs[two], blobs[three] = blobs[three], blobs[two]
    report, _ = await verify_chain(backup.chain, TENANT, backup.keys, backup.clock)
    assert {finding.name for finding in report.findings} >= {two, three}


async def test_an_entry_signed_anew_breaks_the_hash_of_the_next_one() -> None:
    backup = await chain_of(3)
    name = paths.chain_entry(TENANT, 2)
    payload = verify(backup.chain.blobs[name], Purpose.CHAIN, backup.keys)
    backup.chain.blobs[name] = await sign(backup.signer, Purpose.CHAIN, payload)
    report, _ = await verify_chain(backup.chain, TENANT, backup.keys, backup.clock)
    assert [finding.name for finding in report.findings] == [paths.chain_entry(TENANT, 3)]


@pytest.mark.parametrize("head", ["", "x", "3", "3:abc", "-1:" + "0" * 64, "³:" + "0" * 64])
async def test_an_expected_head_of_another_shape_is_refused(head: str) -> None:
    backup = await chain_of(1)
    if not head:
        assert (await verify_chain(backup.chain, TENANT, backup.keys, backup.clock, expected_head=head))[0].good
        return
    with pytest.raises(Unusable):
        await verify_chain(backup.chain, TENANT, backup.keys, backup.clock, expected_head=head)

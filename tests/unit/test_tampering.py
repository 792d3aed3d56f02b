"""Whatever is done to a copy is found and named, by the product and by the script that knows nothing of it.

The attacker can write everywhere; where a test says so, even with the signing key. The public key is the user's.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import shutil
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.adapters.files import FolderBlobStore
from shared.adapters.keys import LocalSigner
from shared.adapters.memory import ManualClock
from shared.domain.errors import HoldfastError
from shared.domain.snapshot import BlobRef, ChainEntry, Commit, Manifest
from shared.engines import paths
from shared.engines.jws import Purpose, _encode, jwk_set, sign, verify
from shared.engines.packs import compress, joined, merkle_root, ref, sha256, split, unpack
from shared.engines.verify import verify_chain, verify_snapshot
from shared.engines.wire import decode, dump, encode
from shared.standalone import holdfast_verify
from tests.backup import TENANT, Backup, small_tenant

Check = Callable[..., Awaitable[list[str]]]


class Copy:
    """A folder copy of the containers, with three snapshots, and its attacker."""

    def __init__(self, root: Path, backup: Backup, snapshots: list[str]) -> None:
        self.root = root
        self.backup = backup
        self.snapshots = snapshots
        self.key = root / "snapshot.pub"

    def at(self, root: Path) -> Copy:
        """Another copy of it."""
        shutil.copytree(self.root, root)
        return Copy(root, self.backup, self.snapshots)

    def folder(self, number: int = -1) -> Path:
        return self.root / "vault-35d" / paths.folder(TENANT, self.snapshots[number])

    def entry(self, seq: int) -> Path:
        return self.root / "chain" / paths.chain_entry(TENANT, seq)

    def manifest(self) -> Manifest:
        return decode(Manifest, (self.folder() / paths.MANIFEST).read_bytes())

    def head(self) -> str:
        seq = len(self.snapshots)
        return f"{seq}:{sha256(self.entry(seq).read_bytes())}"

    async def forge(
        self,
        change: Callable[[Manifest], Manifest] = lambda manifest: manifest,
        *,
        blobs: Iterable[BlobRef] = (),
        signer: LocalSigner | None = None,
    ) -> None:
        """The newest manifest changed, with these blobs listed, signed and put into the chain anew."""
        signer = signer or self.backup.signer
        manifest = change(self.manifest())
        listed = {blob.name: blob for blob in (*manifest.blobs, *blobs)}
        ordered = tuple(listed[name] for name in sorted(listed))
        manifest = replace(manifest, blobs=ordered, merkle_root=merkle_root(ordered))
        data = encode(manifest)
        payload = encode(Commit(1, TENANT, manifest.snapshot, sha256(data), manifest.merkle_root))
        commit = await sign(signer, Purpose.SNAPSHOT, payload)
        (self.folder() / paths.MANIFEST).write_bytes(data)
        (self.folder() / paths.COMMIT).write_bytes(commit)
        file = self.entry(len(self.snapshots))
        entry = decode(ChainEntry, verify(file.read_bytes(), Purpose.CHAIN, self.backup.keys))
        entry = replace(entry, manifest_sha256=sha256(data), commit_sha256=sha256(commit))
        file.write_bytes(await sign(signer, Purpose.CHAIN, encode(entry)))

    def put(self, name: str, data: bytes) -> BlobRef:
        path = self.folder() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return ref(name, data)

    async def put_index(self, lines: list[bytes], *, count: int | None = None) -> str:
        """Another index of users, signed. Returns its name."""
        text = joined(lines)
        blob = self.put(paths.objects_index("users", 0, sha256(text)), compress(text))

        def point(manifest: Manifest) -> Manifest:
            users = manifest.types["users"]
            entry = replace(users, index=(blob,), count=users.count if count is None else count)
            return replace(manifest, types={**manifest.types, "users": entry})

        await self.forge(point, blobs=[blob])
        return blob.name

    def index_lines(self) -> list[bytes]:
        (blob,) = self.manifest().types["users"].index
        return split(unpack((self.folder() / blob.name).read_bytes()))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return asyncio.run(_backed_up(tmp_path_factory.mktemp("vault")))


async def _backed_up(root: Path) -> Copy:
    clock = ManualClock()
    clock.advance((datetime.now(UTC) - clock.now() - timedelta(days=5)).total_seconds())
    backup = Backup(
        clock=clock,
        vault=FolderBlobStore(root / "vault-35d"),  # type: ignore[arg-type]
        chain=FolderBlobStore(root / "chain"),  # type: ignore[arg-type]
    )
    small_tenant(backup.directory)
    snapshots = []
    for _ in range(3):
        snapshots.append((await backup.back_up()).snapshot)
        clock.advance(86400)
    (root / "snapshot.pub").write_bytes(jwk_set(backup.keys))
    return Copy(root, backup, snapshots)


@pytest.fixture
def copy(original: Copy, tmp_path: Path) -> Copy:
    return original.at(tmp_path / "copy")


async def by_product(copy: Copy, expected_head: str = "", only: str = "") -> list[str]:
    """Names and reasons, of the chain and of every snapshot."""
    vaults, chain = {"vault-35d": FolderBlobStore(copy.root / "vault-35d")}, FolderBlobStore(copy.root / "chain")
    keys, clock = copy.backup.keys, copy.backup.clock
    report, good = await verify_chain(chain, TENANT, keys, clock, expected_head=expected_head)
    found = [(one.name, one.why) for one in report.findings]
    for committed in good:
        if only not in ("", committed.entry.snapshot):
            continue
        report = await verify_snapshot(
            vaults, chain, TENANT, keys, copy.backup.catalog, clock, committed.entry.snapshot
        )
        found += [(one.name, one.why) for one in report.findings]
    return [f"{name}: {why}" for name, why in dict.fromkeys(found)]


async def by_script(copy: Copy, expected_head: str = "", only: str = "") -> list[str]:
    out = io.StringIO()
    arguments = [str(copy.root), "--key", str(copy.key), "--expect-head", expected_head, "--snapshot", only]
    with contextlib.redirect_stdout(out):
        code = holdfast_verify.main(arguments)
    found = [line.removeprefix("FOUND ") for line in out.getvalue().splitlines() if line.startswith("FOUND ")]
    assert code == (3 if found else 0)
    return found


@pytest.fixture(params=[by_product, by_script], ids=["product", "script"])
def check(request: pytest.FixtureRequest) -> Check:
    made: Check = request.param
    return made


async def test_an_untouched_copy_has_no_findings(copy: Copy, check: Check) -> None:
    assert await check(copy, copy.head()) == []


async def test_every_blob_that_is_cut_changed_or_gone_is_named(copy: Copy, check: Check) -> None:
    # In each of the three ways; every fifth, because there are two for each type and relationship.
    for number, blob in list(enumerate(copy.manifest().blobs))[::5]:
        path = copy.folder() / blob.name
        data = path.read_bytes()
        if number % 3 == 0:
            path.unlink()
        else:
            path.write_bytes(data[:-1] if number % 3 == 1 else data[:-1] + bytes([data[-1] ^ 1]))
        found = await check(copy, only=copy.snapshots[-1])
        path.write_bytes(data)
        assert [one.partition(":")[0] for one in found] == [blob.name]


@pytest.mark.parametrize("which", ["product", "script"])
def test_a_flipped_bit_anywhere_is_found(original: Copy, which: str) -> None:
    check = by_product if which == "product" else by_script
    orphans = set(original.manifest().orphans)  # leftovers, which mean nothing
    assert all(name.startswith("parts/") for name in orphans)
    files = sorted(
        path
        for path in original.root.rglob("*")
        if path.is_file() and path != original.key and f"parts/{path.name}" not in orphans
    )

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def flip(data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(files), "file")
        held = path.read_bytes()
        at, bit = data.draw(st.integers(0, len(held) - 1), "byte"), data.draw(st.integers(0, 7), "bit")
        path.write_bytes(held[:at] + bytes([held[at] ^ 1 << bit]) + held[at + 1 :])
        try:
            found = asyncio.run(check(original))
        finally:
            path.write_bytes(held)
        assert found
        assert any(path.name in one or path.parent.name in one for one in found)

    flip()


async def test_quick_finds_the_same_but_for_what_it_draws_by_chance(copy: Copy) -> None:
    async def quick() -> list[str]:
        vaults = {"vault-35d": FolderBlobStore(copy.root / "vault-35d")}
        backup, chain = copy.backup, FolderBlobStore(copy.root / "chain")
        report = await verify_snapshot(
            vaults, chain, TENANT, backup.keys, backup.catalog, backup.clock, copy.snapshots[-1], quick=True
        )
        assert "lines of packs were compared with the indexes" in report.notes[-1]
        return [one.name for one in report.findings]

    assert await quick() == []
    broken = copy.put("index/users/00000-0123456789abcdef.idx.zst", b"no frame")
    await copy.forge(blobs=[broken])
    assert await quick() == [broken.name]
    (copy.folder() / broken.name).unlink()
    assert await quick() == [broken.name]


async def test_two_packs_that_changed_places_are_named(copy: Copy, check: Check) -> None:
    one, other = (copy.folder(number) for number in (0, 1))
    name = copy.manifest().types["users"].packs[0].name
    data = (one / name).read_bytes()
    assert data == (other / name).read_bytes()  # the same users: content-named packs may be swapped unharmed
    groups = copy.manifest().types["groups"].packs[0].name
    (copy.folder() / name).write_bytes((copy.folder() / groups).read_bytes())
    (copy.folder() / groups).write_bytes(data)
    assert {found.partition(":")[0] for found in await check(copy)} == {name, groups}


async def test_a_removed_snapshot_is_found_and_the_newest_by_the_expected_head(copy: Copy, check: Check) -> None:
    head = copy.head()
    copy.entry(2).unlink()
    assert any("entries 2 to 2 are missing" in one for one in await check(copy))
    copy.entry(3).unlink()
    assert not any("newest" in one for one in await check(copy))
    assert any("newest" in one for one in await check(copy, head))


async def test_a_removed_folder_of_a_snapshot_is_found(copy: Copy, check: Check) -> None:
    shutil.rmtree(copy.folder(1))
    assert any("commit.jws" in one and "missing" in one for one in await check(copy))


async def test_a_manifest_signed_with_another_key_is_found(copy: Copy, check: Check) -> None:
    await copy.forge(signer=LocalSigner.generate())
    (found,) = await check(copy)
    assert "0000000003.jws" in found
    assert "key" in found


async def test_a_commit_of_an_older_snapshot_put_back_is_found(copy: Copy, check: Check) -> None:
    for name in (paths.COMMIT, paths.MANIFEST):
        shutil.copy(copy.folder(0) / name, copy.folder(2) / name)
    assert any("commit.jws is not the one in the chain" in one for one in await check(copy))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"typ": "holdfast-snapshot+jws"},
        {"jwk": {"kty": "EC"}},
        {"crit": ["b64"], "b64": False},
    ],
    ids=lambda header: "+".join(header),
)
async def test_another_algorithm_or_header_is_found(copy: Copy, check: Check, header: dict[str, Any]) -> None:
    file = copy.entry(3)
    first, payload, signature = file.read_bytes().split(b".")
    honest = {"alg": "ES256", "kid": copy.backup.signer.key_id, "typ": "holdfast-chain+jws"}
    assert _encode(dump(honest)) == first
    signature = b"" if header.get("alg") == "none" else signature
    file.write_bytes(b".".join([_encode(dump(honest | header)), payload, signature]))
    (found,) = await check(copy)
    assert "0000000003.jws" in found


async def test_an_index_that_is_cut_or_changed_is_found_even_if_it_is_signed(copy: Copy, check: Check) -> None:
    lines = copy.index_lines()
    name = await copy.put_index(lines[:-1])
    assert any("users" in one for one in await check(copy))
    name = await copy.put_index(lines[1:], count=len(lines) - 1)
    assert [one for one in await check(copy) if name in one]
    moved = [line.replace(b'"line":0', b'"line":1') for line in lines]
    name = await copy.put_index(moved)
    assert [one for one in await check(copy) if name in one]


async def test_a_bomb_is_not_unpacked_even_if_it_is_signed(copy: Copy, check: Check) -> None:
    bomb = zstandard.ZstdCompressor().compress(b"\n" * 100_000_000)
    blob = copy.put("index/users/00000-0123456789abcdef.idx.zst", bomb)
    assert blob.length < 200_000

    def point(manifest: Manifest) -> Manifest:
        users = replace(manifest.types["users"], index=(blob,))
        return replace(manifest, types={**manifest.types, "users": users})

    await copy.forge(point, blobs=[blob])
    assert any("unpacks to more" in one or "more bytes than any pack" in one for one in await check(copy))


@pytest.mark.parametrize(
    "name", ["../../../../../secret", "/etc/hostname", "objects/../run.json", "a//b", "a\\..\\b"]
)
async def test_a_name_that_leads_elsewhere_is_refused_even_if_it_is_signed(
    copy: Copy, check: Check, name: str
) -> None:
    (copy.root / "secret").write_bytes(b"secret")
    await copy.forge(blobs=[ref(name, b"secret")])
    assert any("name" in one for one in await check(copy))


async def test_a_link_in_the_copy_is_not_followed(copy: Copy, check: Check) -> None:
    blob = copy.manifest().types["users"].packs[0]
    path = copy.folder() / blob.name
    aside = copy.root / "aside"
    path.rename(aside)
    path.symlink_to(aside)
    found = await check(copy)
    assert any(blob.name in one for one in found)


async def test_another_end_of_retention_is_found_even_if_it_is_signed(copy: Copy, check: Check) -> None:
    await copy.forge(lambda one: replace(one, retain_until=one.retain_until + timedelta(days=1)))
    assert any("retention" in one for one in await check(copy))


async def test_the_script_says_what_keeps_it_from_beginning(
    copy: Copy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = ["--key", str(copy.key)]
    private = tmp_path / "private.pem"
    private.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    for arguments in (
        [str(tmp_path / "none"), *good],
        [str(copy.root), "--key", str(private)],
        [str(copy.root), "--key", str(tmp_path / "none")],
        [str(copy.root), *good, "--expect-head", "3:abc"],
        [str(copy.root)],
    ):
        with pytest.raises(SystemExit) as ended:
            holdfast_verify.main(arguments)
        assert ended.value.code == 2
        assert "error:" in capsys.readouterr().err


def test_the_script_is_short_and_stands_alone() -> None:
    text = Path(holdfast_verify.__file__).read_text(encoding="utf-8")
    assert len(text.splitlines()) < 400
    assert "shared" not in text.replace("shared/", "")


async def test_a_snapshot_of_a_later_format_is_no_finding(copy: Copy) -> None:
    await copy.forge(lambda one: replace(one, format=2))
    with pytest.raises((HoldfastError, SystemExit)):
        await by_script(copy)
    assert json.loads((copy.folder() / paths.MANIFEST).read_bytes())["format"] == 2

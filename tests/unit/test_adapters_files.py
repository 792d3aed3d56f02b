"""The folder as a container: no path leaves it, and nothing half-written is ever seen."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shared.adapters.files import FolderBlobStore
from shared.domain.errors import BlobExists, BlobMissing, StorageDenied, Unusable

ROOT = Path(__file__).parents[2]


async def names(store: FolderBlobStore, prefix: str = "") -> list[str]:
    return [stat.name async for stat in store.list(prefix)]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_bytes(b"secret")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "vault"


async def test_a_link_to_a_folder_outside_is_not_followed(root: Path, outside: Path) -> None:
    store = FolderBlobStore(root)
    os.symlink(outside, root / "a")
    with pytest.raises(StorageDenied):
        await store.get("a/secret")
    with pytest.raises(StorageDenied):
        await store.put_new("a/b", b"x")
    with pytest.raises(StorageDenied, match="symbolic link"):
        await names(store)
    assert os.listdir(outside) == ["secret"]


async def test_a_link_in_the_place_of_a_file_is_not_followed(root: Path, outside: Path) -> None:
    store = FolderBlobStore(root)
    os.symlink(outside / "secret", root / "a")
    os.symlink(outside / "new", root / "b")
    with pytest.raises(StorageDenied):
        await store.get("a")
    for name in ("a", "b"):
        with pytest.raises(BlobExists):
            await store.put_new(name, b"x")
    assert os.listdir(outside) == ["secret"]


async def test_a_link_in_the_place_of_the_folder_for_writing_is_not_followed(root: Path, outside: Path) -> None:
    store = FolderBlobStore(root)
    os.symlink(outside, root / ".incoming")
    with pytest.raises(StorageDenied):
        await store.put_new("a", b"x")
    assert os.listdir(outside) == ["secret"]


async def test_the_root_may_be_a_link(root: Path, outside: Path) -> None:
    os.symlink(outside, root)
    assert await FolderBlobStore(root).get("secret") == b"secret"


async def test_a_pipe_is_no_blob_and_does_not_hang_the_reader(root: Path) -> None:
    store = FolderBlobStore(root)
    os.mkfifo(root / "a")
    with pytest.raises(BlobMissing):
        await asyncio.wait_for(store.get("a"), 30)
    with pytest.raises(StorageDenied):
        await names(store)


async def test_a_file_that_can_be_no_blob_fails_the_listing_and_hidden_ones_do_not(root: Path) -> None:
    store = FolderBlobStore(root)
    await store.put_new("a", b"x")
    (root / ".DS_Store").touch()
    assert await names(store) == ["a"]
    (root / "Copy of a").touch()
    with pytest.raises(Unusable):
        await names(store)


async def test_a_blob_where_a_folder_is_needed_is_refused_and_stays(root: Path) -> None:
    store = FolderBlobStore(root)
    await store.put_new("a", b"x")
    with pytest.raises(StorageDenied):
        await store.put_new("a/b", b"y")
    assert await store.get("a") == b"x"
    assert await names(store) == ["a"]


def test_files_are_their_owners_only(root: Path) -> None:
    asyncio.run(FolderBlobStore(root).put_new("a/b", b"x"))
    modes = {path.name: path.stat().st_mode & 0o777 for path in [root, *root.rglob("*")]}
    assert modes == {"vault": 0o700, ".incoming": 0o700, "a": 0o700, "b": 0o600}


async def test_nothing_is_left_aside_after_writing_or_being_refused(root: Path) -> None:
    store = FolderBlobStore(root)
    await store.put_new("a", b"x")
    with pytest.raises(BlobExists):
        await store.put_new("a", b"x")
    assert os.listdir(root / ".incoming") == []


async def test_a_listing_by_prefix_opens_only_folders_on_the_way(root: Path) -> None:
    store = FolderBlobStore(root)
    await store.put_new("a/b/c", b"x")
    await store.put_new("z/y", b"x")
    os.symlink("/", root / "z" / "link")
    assert await names(store, "a/b") == ["a/b/c"]


def test_a_writer_that_is_killed_leaves_whole_blobs_only(root: Path) -> None:
    """A real SIGKILL while blobs are being written: what is listed afterwards is complete."""
    script = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom shared.adapters.files import FolderBlobStore\n"
        "async def write():\n"
        "    store = FolderBlobStore(Path(sys.argv[1]))\n"
        "    for number in range(100000):\n"
        "        await store.put_new(f'b/{number:06}', bytes([number % 256]) * 300_000)\n"
        "        print(number, flush=True)\n"
        "asyncio.run(write())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(root)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if line.strip() == "20":
                break
        writer.send_signal(signal.SIGKILL)
    written = asyncio.run(names(FolderBlobStore(root, create=False)))
    assert len(written) >= 21
    for number, name in enumerate(written):
        assert name == f"b/{number:06}"
        assert (root / name).read_bytes() == bytes([number % 256]) * 300_000

"""Storage that is full or away while a tenant is backed up: every write that fails is tried again, nothing half
written stands under a name, and with storage back the run ends complete.

The disk is the operating system as the folder adapter sees it: it takes so many bytes, part of the last write, and
then says ENOSPC, as a file system does. The sorter's disk is SQLite's own limit of pages.
"""

from __future__ import annotations

import errno
import os
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from shared.adapters import files
from shared.adapters.files import FolderBlobStore, FolderTableStore
from shared.domain.errors import StorageDown
from shared.domain.ports import Row
from shared.engines import index
from tests.backup import Backup, content, small_tenant, with_limits
from tests.fakes import FakeDirectory
from tests.faults import Call, Fault, Faults

LIMITS = with_limits(pack_bytes=2000)


class FullDisk:
    """`os`, on a disk with `room` bytes left. A new file or folder takes `BLOCK`."""

    BLOCK = 512

    def __init__(self, room: int) -> None:
        self.room = room
        self.refused = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def take(self, size: int) -> int:
        """How much of `size` there is room for."""
        taken = min(size, self.room)
        self.room -= taken
        return taken

    def full(self) -> OSError:
        self.refused += 1
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fsync(self, descriptor: int) -> None:
        """No power is cut here."""

    def mkdir(self, name: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        if not self._there(name, dir_fd) and self.take(self.BLOCK) < self.BLOCK:
            raise self.full()
        os.mkdir(name, mode, dir_fd=dir_fd)

    def open(self, name: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_CREAT and self.take(self.BLOCK) < self.BLOCK:
            raise self.full()
        return os.open(name, flags, mode, dir_fd=dir_fd)

    def unlink(self, name: str, *, dir_fd: int) -> None:
        found = os.stat(name, dir_fd=dir_fd)
        os.unlink(name, dir_fd=dir_fd)
        if found.st_nlink == 1:
            self.room += found.st_size + self.BLOCK

    def fdopen(self, descriptor: int, mode: str) -> Any:
        file = os.fdopen(descriptor, mode, buffering=0)
        return _Writing(file, self) if "w" in mode else file

    def _there(self, name: str, dir_fd: int | None) -> bool:
        try:
            os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True


class _Writing:
    """A file that is cut where the disk is full."""

    def __init__(self, file: Any, disk: FullDisk) -> None:
        self._file = file
        self._disk = disk

    def __enter__(self) -> _Writing:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, data: bytes) -> None:
        taken = self._disk.take(len(data))
        self._file.write(data[:taken])
        if taken < len(data):
            raise self._disk.full()

    def flush(self) -> None:
        self._file.flush()


def _directory() -> FakeDirectory:
    directory = FakeDirectory()
    small_tenant(directory, users=30)
    return directory


def _backup(root: Path) -> Backup:
    """A backup into folders."""
    return Backup(
        directory=_directory(),
        vault=FolderBlobStore(root / "vault-35d"),  # type: ignore[arg-type]
        chain=FolderBlobStore(root / "chain"),  # type: ignore[arg-type]
        limits=LIMITS,
    )


def _blobs(root: Path) -> dict[str, bytes]:
    """What is visible under a name."""
    found = [path for path in root.rglob("*") if path.is_file() and ".incoming" not in path.parts]
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


@pytest.fixture
async def expected() -> dict[str, Any]:
    """The contents of a backup that nothing disturbs."""
    backup = Backup(directory=_directory(), limits=LIMITS)
    await backup.back_up()
    return await content(await backup.repository().open())


async def test_a_full_disk_puts_the_run_off_and_leaves_no_half_blob(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: dict[str, Any]
) -> None:
    """What is seen under a name while the disk is full is there at the end, byte for byte, and verifies."""
    most = 140_000  # bytes: the manifest needs three quarters of it
    chance = random.Random(5)
    backup = _backup(tmp_path / "full")
    disk = FullDisk(room=0)
    monkeypatch.setattr(files, "os", disk)
    seen: dict[str, bytes] = {}
    refused = 0

    def looking(_: Backup) -> None:
        """Between two messages somebody makes room, but never much."""
        nonlocal refused
        if disk.refused > refused:
            refused = disk.refused
            seen.update(_blobs(tmp_path / "full"))
            disk.room = chance.randrange(most)

    with pytest.raises(StorageDown):
        await backup.start()
    disk.room = 30_000  # enough for the record of the run, and little more
    run = await backup.start()
    await backup.deliver(looking=looking, limit=600)
    assert refused >= 10
    at_the_end = _blobs(tmp_path / "full")
    assert {name: at_the_end.get(name) for name in seen} == seen
    snapshot = await backup.repository().open(run.snapshot)
    assert all(entry.completeness.is_complete for entry in snapshot.manifest.types.values())
    assert await content(snapshot) == expected
    assert (await backup.verify()).good
    assert os.listdir(tmp_path / "full" / "vault-35d" / ".incoming") == []


async def test_the_rest_of_a_blob_that_found_no_room_is_seen_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderBlobStore(tmp_path / "vault")
    data = b"0123456789" * 500
    for room in (0, 511, 512, 1024, 1536, 2048, 5000):
        disk = FullDisk(room)
        monkeypatch.setattr(files, "os", disk)
        with pytest.raises(StorageDown, match="No space left"):
            await store.put_new("a/b/c", data)
        assert [stat async for stat in store.list()] == []
    monkeypatch.setattr(files, "os", os)
    await store.put_new("a/b/c", data)
    assert await store.get("a/b/c") == data


async def test_rows_wait_for_room_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = FolderTableStore(tmp_path / "state" / "rows.sqlite", "t")

    def full(self: Path, *_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "mkdir", full)
        with pytest.raises(StorageDown):
            await rows.insert(Row("p", "k", {"a": 1}))
    assert await rows.insert(Row("p", "k", {"a": 1}))


async def test_a_seal_whose_sorter_finds_no_room_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, expected: dict[str, Any]
) -> None:
    backup = Backup(directory=_directory(), limits=LIMITS)
    seals = 0
    connect = sqlite3.connect

    def small(*given: Any, **more: Any) -> sqlite3.Connection:
        nonlocal seals
        seals += 1
        database = connect(*given, **more)
        if seals <= 3:
            database.execute("PRAGMA max_page_count = 5")
        return database

    monkeypatch.setattr(index.sqlite3, "connect", small)
    await backup.back_up(limit=500)
    assert seals == 4
    assert await content(await backup.repository().open()) == expected


@pytest.mark.parametrize("before", [True, False], ids=["refused", "answer lost"])
async def test_storage_that_is_away_sixty_times_costs_no_object(before: bool, expected: dict[str, Any]) -> None:
    backup = Backup(directory=_directory(), limits=LIMITS)
    chance = random.Random(11)
    fired = 0

    def away(call: Call) -> Fault | None:
        nonlocal fired
        if call.port != "blob" or fired == 60 or chance.random() >= 0.1:
            return None
        fired += 1
        return Fault(lambda: StorageDown("storage is away"), before)

    run = await backup.start()
    await backup.deliver(faults=Faults(away), limit=600)
    assert fired == 60
    snapshot = await backup.repository().open(run.snapshot)
    assert await content(snapshot) == expected
    assert (await backup.verify()).good

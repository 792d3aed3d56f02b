"""Blobs, rows and secrets in a folder: for laptops, for `--local`, and for a copy of the containers.

A blob appears whole or not at all: it is written aside, synced, and linked to its name, which fails where the
name is taken. No path leaves the root: names are checked, and no symbolic link is followed below it. Nothing
here makes a folder immutable; a folder is never called protected.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
import secrets
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from shared.adapters.limits import (
    accepted_values,
    check_blob,
    check_blob_name,
    check_key,
    check_prefix,
    check_secret_name,
)
from shared.domain.errors import (
    BlobExists,
    BlobLinked,
    BlobMissing,
    RowChanged,
    StorageDenied,
    StorageDown,
    Unusable,
)
from shared.domain.ports import BlobStat, Clock, Row
from shared.engines.wire import time_text, time_value

T = TypeVar("T")

_ASIDE = ".incoming"
_UNTIL = "%Y%m%dT%H%M%SZ"
_SECRET_FILE = re.compile(r"([0-9A-Za-z-]+)\.(\d+)\.until-(\d{8}T\d{6}Z)", re.ASCII)
_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_BUSY = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EINTR, errno.EAGAIN})
_SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL})
_LINKED = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EMLINK})  # what O_NOFOLLOW says of a symbolic link


class FolderBlobStore:
    """A folder as one container."""

    def __init__(self, root: Path, *, create: bool = True) -> None:
        """`create=False` is for reading: a folder that isn't there is then an error, not an empty container, and
        nothing is written to one that is."""
        self._root = root
        self._read_only = not create
        self.container = root.name
        if create:
            with _translated(f"creating the folder {root}"):
                root.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def put_new(self, name: str, data: bytes) -> None:
        parts = check_blob(name, data)
        if self._read_only:
            raise StorageDenied(f"{self.container} was opened for reading; {name} was not written")
        await asyncio.to_thread(self._put_new, name, parts, data)

    async def get(self, name: str) -> bytes:
        parts = check_blob_name(name)
        return await asyncio.to_thread(self._get, name, parts)

    async def list(self, prefix: str = "") -> AsyncIterator[BlobStat]:
        check_prefix(prefix)
        waiting = [""]  # names still to come, the next one last; folders end in "/"
        while waiting:
            path = waiting.pop()
            if path and not path.endswith("/"):
                length = await asyncio.to_thread(self._length, path)
                yield BlobStat(path, length)
                continue
            entries = await asyncio.to_thread(self._entries, path)
            # "a/" sorts as "a" with its separator, so that "a-b" comes before "a/b" as in a flat list of names.
            waiting += [entry for entry in reversed(entries) if _may_hold(entry, prefix)]

    def _put_new(self, name: str, parts: tuple[str, ...], data: bytes) -> None:
        with _translated(f"writing {name}"), self._open_root() as root:
            aside = _make_directory(_ASIDE, root)
            try:
                folder = _walk(root, parts[:-1], create=True)
                try:
                    _write_and_link(data, aside, folder, parts[-1])
                finally:
                    os.close(folder)
            finally:
                os.close(aside)

    def _get(self, name: str, parts: tuple[str, ...]) -> bytes:
        with _translated(f"reading {name}"), self._open_root() as root:
            try:
                folder = _walk(root, parts[:-1], create=False)
            except FileNotFoundError:
                raise BlobMissing(f"there is no {name} in {self.container}") from None
            try:
                descriptor = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            except FileNotFoundError:
                raise BlobMissing(f"there is no {name} in {self.container}") from None
            finally:
                os.close(folder)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise BlobMissing(f"{name} in {self.container} is not a file")
            with os.fdopen(descriptor, "rb") as file:
                return file.read()

    def _entries(self, path: str) -> tuple[str, ...]:
        """Full names in a folder (`path` ends in "/" or is empty), sorted as names are."""
        with _translated(f"listing {self.container}"), self._open_root() as root:
            folder = _walk(root, tuple(part for part in path.split("/") if part), create=False)
            try:
                with os.scandir(folder) as found:
                    names = [path + _entry_name(entry) for entry in found if entry.name[0] != "."]
            finally:
                os.close(folder)
        return tuple(sorted(names))

    def _length(self, name: str) -> int:
        with _translated(f"listing {self.container}"), self._open_root() as root:
            *folders, last = name.split("/")
            folder = _walk(root, tuple(folders), create=False)
            try:
                return os.stat(last, dir_fd=folder, follow_symlinks=False).st_size
            finally:
                os.close(folder)

    @contextmanager
    def _open_root(self) -> Iterator[int]:
        try:
            # The root itself may be a link: where the container lies is the owner's choice.
            descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            raise StorageDenied(f"there is no folder {self._root}") from None
        except NotADirectoryError:
            raise StorageDenied(f"{self._root} is not a folder") from None
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _entry_name(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        raise StorageDenied("the folder holds a symbolic link", hint="a container has plain files only")
    check_blob_name(entry.name)
    if entry.is_dir(follow_symlinks=False):
        return entry.name + "/"
    if not entry.is_file(follow_symlinks=False):
        raise StorageDenied("the folder holds something that is neither a file nor a folder")
    return entry.name


def _may_hold(entry: str, prefix: str) -> bool:
    return entry.startswith(prefix) or (entry.endswith("/") and prefix.startswith(entry))


def _walk(root: int, parts: tuple[str, ...], *, create: bool) -> int:
    """A descriptor of the folder below `root`, link by link, so that nothing can be swapped on the way."""
    here = os.dup(root)
    try:
        for part in parts:
            deeper = _make_directory(part, here) if create else _open_directory(part, here)
            os.close(here)
            here = deeper
    except BaseException:
        os.close(here)
        raise
    return here


def _open_directory(name: str, parent: int) -> int:
    try:
        return os.open(name, _DIRECTORY, dir_fd=parent)
    except NotADirectoryError:
        if stat.S_ISREG(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            raise FileNotFoundError(f"{name} is a file, so nothing lies below it") from None
        raise


def _make_directory(name: str, parent: int) -> int:
    try:
        os.mkdir(name, 0o700, dir_fd=parent)
        os.fsync(parent)
    except FileExistsError:
        pass  # opening it says whether it is a folder
    return os.open(name, _DIRECTORY, dir_fd=parent)


def _write_and_link(data: bytes, aside: int, folder: int, name: str) -> None:
    waiting = secrets.token_hex(12)
    descriptor = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=aside)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        try:
            os.link(waiting, name, src_dir_fd=aside, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            raise BlobExists(f"{name} exists") from None
        os.fsync(folder)
    finally:
        os.unlink(waiting, dir_fd=aside)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Our errors for the operating system's."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        if error.errno in _BUSY:
            raise StorageDown(f"{what} failed: {reason}") from error
        if error.errno in _LINKED:
            raise BlobLinked(f"{what}: a link or a file stands where a folder is expected") from error
        raise StorageDenied(f"{what} failed: {reason}") from error


# --- rows ----------------------------------------------------------------------------------------------


class FolderTableStore:
    """One table in an SQLite file, safe for several processes."""

    def __init__(self, path: Path, table: str) -> None:
        self._path = path
        self._table = table

    async def get(self, partition: str, key: str) -> Row | None:
        check_key(partition)
        check_key(key)
        found = await self._run(
            lambda database: database.execute(
                'SELECT key, "values", etag FROM rows WHERE "table" = ? AND partition = ? AND key = ?',
                (self._table, partition, key),
            ).fetchone()
        )
        return None if found is None else _row(partition, found)

    async def insert(self, row: Row) -> bool:
        record = self._record(row)
        created: int = await self._run(
            lambda database: (
                database.execute("INSERT OR IGNORE INTO rows VALUES (?, ?, ?, ?, ?)", (*record, _etag())).rowcount
            )
        )
        return created == 1

    async def replace(self, row: Row) -> Row:
        record, etag = self._record(row), _etag()

        def change(database: sqlite3.Connection) -> int:
            if not row.etag:
                return database.execute(
                    "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?)", (*record, etag)
                ).rowcount
            return database.execute(
                'UPDATE rows SET "values" = ?, etag = ?'
                ' WHERE "table" = ? AND partition = ? AND key = ? AND etag = ?',
                (record[3], etag, *record[:3], row.etag),
            ).rowcount

        if await self._run(change) != 1:
            raise RowChanged("the row was changed or removed meanwhile")
        return replace(row, values=accepted_values(row.values), etag=etag)

    async def query(self, partition: str) -> AsyncIterator[Row]:
        check_key(partition)
        after = ""
        while True:
            found = await self._run(partial(self._page, partition=partition, after=after))
            for record in found:
                yield _row(partition, record)
            if not found:
                return
            after = found[-1][0]

    def _page(self, database: sqlite3.Connection, partition: str, after: str) -> list[tuple[str, str, str]]:
        return database.execute(
            'SELECT key, "values", etag FROM rows WHERE "table" = ? AND partition = ? AND key > ?'
            " ORDER BY key LIMIT 500",
            (self._table, partition, after),
        ).fetchall()

    def _record(self, row: Row) -> tuple[str, str, str, str]:
        check_key(row.partition)
        check_key(row.key)
        values = {
            name: {"time": time_text(value)} if isinstance(value, datetime) else value
            for name, value in accepted_values(row.values).items()
        }
        return self._table, row.partition, row.key, json.dumps(values)

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.to_thread(self._work, work)

    def _work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with closing(sqlite3.connect(self._path, timeout=30)) as database, database:
                database.execute(
                    'CREATE TABLE IF NOT EXISTS rows ("table" TEXT, partition TEXT, key TEXT, "values" TEXT,'
                    ' etag TEXT, PRIMARY KEY ("table", partition, key)) WITHOUT ROWID'
                )
                return work(database)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _SQLITE_BUSY:
                raise StorageDown(f"the state file is busy: {error}") from error
            raise StorageDenied(f"the state file can't be used: {error}") from error
        except OSError as error:
            kind = StorageDown if error.errno in _BUSY else StorageDenied
            raise kind(f"the state file can't be used: {error.strerror}") from error


def _etag() -> str:
    return secrets.token_hex(8)


def _row(partition: str, record: tuple[str, str, str]) -> Row:
    values: dict[str, Any] = {
        name: time_value(value["time"]) if isinstance(value, dict) else value
        for name, value in json.loads(record[1]).items()
    }
    return Row(partition, record[0], values, record[2])


# --- secrets -------------------------------------------------------------------------------------------


class FileSecretStore:
    """One file for each version of a secret, readable by its owner only, its name saying until when it is good.
    Versions are never replaced: which of them was used last may be unknown after a crash. Expired ones are removed
    whenever the folder is looked into."""

    def __init__(self, folder: Path, clock: Clock, lifetime: timedelta) -> None:
        self._folder = folder
        self._clock = clock
        self._lifetime = lifetime

    async def put(self, name: str, value: str) -> str:
        check_secret_name(name)
        return await asyncio.to_thread(self._put, name, value)

    async def get(self, name: str) -> str | None:
        check_secret_name(name)
        return await asyncio.to_thread(self._get, name)

    def _put(self, name: str, value: str) -> str:
        with _translated("writing a secret"):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._check_private()
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                number = max((number for number, _ in self._versions(name)), default=0)
                until = (self._clock.now() + self._lifetime).strftime(_UNTIL)
                while True:
                    number += 1
                    file = f"{name}.{number}.until-{until}"
                    try:
                        _write_and_link(value.encode("utf-8"), folder, folder, file)
                    except BlobExists:
                        continue  # another process was first
                    return str(self._folder / file)
            finally:
                os.close(folder)

    def _get(self, name: str) -> str | None:
        with _translated("reading a secret"):
            if not self._folder.is_dir():
                return None
            self._check_private()
            versions = self._versions(name)
            return max(versions)[1].read_text("utf-8") if versions else None

    def _versions(self, name: str) -> list[tuple[int, Path]]:
        """Numbers and files of the versions that have not expired. Removes what has, of other names, too."""
        now, found = self._clock.now(), []
        for path in self._folder.iterdir():
            match = _SECRET_FILE.fullmatch(path.name)
            if match is None:
                continue
            if datetime.strptime(match[3], _UNTIL).replace(tzinfo=UTC) <= now:
                path.unlink(missing_ok=True)
            elif match[1] == name:
                found.append((int(match[2]), path))
        return found

    def _check_private(self) -> None:
        if stat.S_IMODE(self._folder.stat().st_mode) & 0o077:
            raise Unusable(f"the folder for secrets can be read by others: {self._folder}", hint="chmod 700")

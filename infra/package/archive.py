"""The zip itself: files in the order of their names, with one date, one mode and no trace of who built it where.

`holdfast-package.json` inside lists every other file with its SHA-256; the SHA-256 of that list is the package's
digest, which the app reports and which doesn't depend on how the zip was compressed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LIBRARIES = ".python_packages/lib/site-packages"
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
_MODE = 0o100644


@dataclass(frozen=True, slots=True)
class Written:
    """`digest` is the package's, `sha256` the file's."""

    path: Path
    digest: str
    sha256: str
    files: int
    bytes: int
    unpacked: int


def write(path: Path, files: Mapping[str, Path], *, version: str, listing: str) -> Written:
    """Writes the package. `files`: name inside → file. `listing` is the name of the list of contents."""
    held = {name: source.read_bytes() for name, source in sorted(files.items())}
    document = {
        "version": version,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in held.items()},
    }
    contents = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in sorted({**held, listing: contents}.items()):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.external_attr = _MODE << 16
            entry.create_system = 3  # Unix, wherever this runs
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED, 9)
    whole = path.read_bytes()
    return Written(
        path,
        digest=hashlib.sha256(contents).hexdigest(),
        sha256=hashlib.sha256(whole).hexdigest(),
        files=len(held) + 1,
        bytes=len(whole),
        unpacked=sum(map(len, held.values())) + len(contents),
    )


def unpack(package: Path, folder: Path) -> None:
    """The package's files as `folder`, and nothing that stood there before."""
    if folder.exists():
        shutil.rmtree(folder)
    with zipfile.ZipFile(package) as packed:
        packed.extractall(folder)

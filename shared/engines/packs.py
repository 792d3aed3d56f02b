"""Packs: JSON lines in one zstd frame, one blob each, named after their content.

What must stay true: the same lines give the same bytes (fixed level, no time in the frame), so that repeated
work writes the same names; nothing read back is used before its length and hash are right; unpacking never
takes more memory than its cap, whatever the bytes say.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import zstandard

from shared.domain.errors import IntegrityError
from shared.domain.ports import BlobStore
from shared.domain.snapshot import BlobRef
from shared.engines import paths
from shared.engines.create import create_once

PACK_BYTES: Final = 16 * 1024 * 1024  # before compression
INDEX_BYTES: Final = 4 * 1024 * 1024  # before compression, of one blob of an index
MAX_PACK_BYTES: Final = 64 * 1024 * 1024  # cap of a reader: a pack may exceed PACK_BYTES by one huge object
_LEVEL: Final = 6


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def ref(name: str, data: bytes) -> BlobRef:
    return BlobRef(name, len(data), sha256(data))


def merkle_root(blobs: Iterable[BlobRef]) -> str:
    """One hash over blobs by name and SHA-256: the hash tree of RFC 6962 §2.1.

    Leaves are sorted by name in UTF-8; a leaf's hash is SHA-256(0x00 ‖ name ‖ 0x00 ‖ the blob's 32 bytes), a
    node's SHA-256(0x01 ‖ left ‖ right), where the left side holds the largest power of two smaller than the
    number of leaves. The root of no leaves is SHA-256 of nothing.
    """
    return _tree(
        [
            hashlib.sha256(b"\x00" + name + b"\x00" + bytes.fromhex(digest)).digest()
            for name, digest in sorted((blob.name.encode(), blob.sha256) for blob in blobs)
        ]
    ).hex()


def _tree(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + _tree(leaves[:left]) + _tree(leaves[left:])).digest()


def pack(lines: Sequence[bytes]) -> bytes:
    """One zstd frame with a newline after each line."""
    return compress(joined(lines))


def joined(lines: Sequence[bytes]) -> bytes:
    """The text of lines, with a newline after each."""
    return b"\n".join(lines) + b"\n" if lines else b""


def compress(text: bytes) -> bytes:
    """One zstd frame that declares its length."""
    return zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True).compress(text)


def unpack(data: bytes, *, limit: int = MAX_PACK_BYTES) -> bytes:
    """The text of a pack. Raises `IntegrityError` for anything but one whole frame that declares how long it is,
    at most `limit` bytes, before any of it is unpacked. A frame of another length than it declares is an error
    to zstd (RFC 8878 §3.1.1.1.4)."""
    try:
        declared = zstandard.get_frame_parameters(data).content_size
        if declared == zstandard.CONTENTSIZE_UNKNOWN:
            raise IntegrityError("a pack doesn't declare how long it is")
        if declared > limit:
            raise IntegrityError("a pack declares more bytes than any pack holds")
        text = zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
    except zstandard.ZstdError:
        raise IntegrityError("not a zstd frame, or a damaged one") from None
    if text and not text.endswith(b"\n"):
        raise IntegrityError("a pack ends in the middle of a line")
    return text


def split(text: bytes) -> list[bytes]:
    """The lines of an unpacked pack."""
    return text[:-1].split(b"\n") if text else []


def texts(lines: Iterable[bytes], limit: int) -> Iterator[tuple[bytes, int]]:
    """Lines joined to texts of at least `limit` bytes each (the last one may be shorter), with how many lines
    each holds. The same lines give the same texts."""
    held: list[bytes] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line) + 1
        if size >= limit:
            yield joined(held), len(held)
            held, size = [], 0
    if held:
        yield joined(held), len(held)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a pack holds: objects of a type or, with a relationship, links."""

    type: str
    relationship: str = ""


# --- stored packs ----------------------------------------------------------------------------------------


async def put_pack(
    store: BlobStore, folder: paths.Folder, kind: Kind, number: int, lines: Sequence[bytes]
) -> BlobRef:
    """Writes one pack under the name of its content; a repeat finds it there."""
    data = pack(lines)
    digest = sha256(data)
    if kind.relationship:
        name = paths.links_pack(kind.type, kind.relationship, number, digest)
    else:
        name = paths.objects_pack(kind.type, number, digest)
    await create_once(store, folder.path(name), data)
    return BlobRef(name, len(data), digest)


async def read_ref(store: BlobStore, folder: paths.Folder, blob: BlobRef) -> bytes:
    """A blob of a snapshot as stored. Raises `IntegrityError` unless length and hash are as recorded."""
    data = await store.get(folder.path(blob.name))
    if len(data) != blob.length or sha256(data) != blob.sha256:
        raise IntegrityError(f"{blob.name} is not the blob that was recorded", hint="verify the snapshot")
    return data


class PackCache:
    """The few packs read last, unpacked: neighbours in an index are often neighbours in a pack."""

    def __init__(self, store: BlobStore, folder: paths.Folder, size: int = 4) -> None:
        self._store = store
        self._folder = folder
        self._size = size
        self._held: OrderedDict[str, list[bytes]] = OrderedDict()

    async def lines(self, blob: BlobRef) -> list[bytes]:
        held = self._held.get(blob.name)
        if held is None:
            held = split(unpack(await read_ref(self._store, self._folder, blob)))
            self._held[blob.name] = held
            while len(self._held) > self._size:
                self._held.popitem(last=False)
        self._held.move_to_end(blob.name)
        return held

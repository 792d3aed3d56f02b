"""Names of blobs. Owns the layout of repository format v1 and who may stand in a name.

Every part that comes from outside (tenant, snapshot id, item, type) is checked here before it becomes part of
a name, so that no id can point out of its snapshot's folder. All names use lower-case letters, digits and a
few marks that every store and file system takes.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from shared.domain.errors import Unusable
from shared.domain.snapshot import Item

_TENANT = re.compile(r"[0-9a-z](?:[0-9a-z-]{0,62}[0-9a-z])?", re.ASCII)
_SNAPSHOT = re.compile(r"(\d{8})T(\d{6})Z-([0-9a-z]{1,20})", re.ASCII)
_SUFFIX = re.compile(r"[0-9a-z]{1,20}", re.ASCII)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]{0,79}", re.ASCII)
_ITEM = re.compile(r"[A-Za-z][A-Za-z0-9]{0,79}(?:\.[A-Za-z][A-Za-z0-9]{0,79})?", re.ASCII)
_CHAIN = re.compile(r"v1/[0-9a-z-]+/(\d{10})\.jws", re.ASCII)

RUN: Final = "run.json"
MANIFEST: Final = "manifest.json"
COMMIT: Final = "commit.jws"


# --- snapshot ids --------------------------------------------------------------------------------------


def snapshot_id(at: datetime, suffix: str) -> str:
    """`20261122T013000Z-full`: sorts by time. `suffix` tells runs of one second apart."""
    if at.tzinfo is None:
        raise Unusable("a snapshot's time needs a zone")
    if not _SUFFIX.fullmatch(suffix):
        raise Unusable("a snapshot's suffix has 1 to 20 lower-case letters and digits")
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{suffix}"


def slot(at: datetime) -> datetime:
    """The minute a timer fired for: the same for a timer that fires twice."""
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def request_suffix(request_id: str) -> str:
    """The suffix of a run asked for by a request: a repeated request names the same run."""
    return "r" + hashlib.sha256(request_id.encode("utf-8", "surrogatepass")).hexdigest()[:15]


def snapshot_time(snapshot: str) -> datetime:
    """When the snapshot's run was started, from its id. Raises `Unusable` for anything that isn't an id."""
    match = _SNAPSHOT.fullmatch(snapshot)
    if match is None:
        raise Unusable("not a snapshot id", hint="ids look like 20261122T013000Z-full")
    try:
        return datetime.strptime(match[1] + match[2], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise Unusable("not a snapshot id", hint="ids look like 20261122T013000Z-full") from None


def snapshot_suffix(snapshot: str) -> str:
    snapshot_time(snapshot)
    return snapshot.rpartition("-")[2]


# --- folders -------------------------------------------------------------------------------------------


def tenant_folder(tenant: str) -> str:
    if not _TENANT.fullmatch(tenant):
        raise Unusable("not a tenant id")
    return f"v1/{tenant}/"


def day_folder(tenant: str, day: date) -> str:
    """Where the snapshots started on one day (UTC) are."""
    return f"{tenant_folder(tenant)}{day:%Y/%m/%d}/"


def folder(tenant: str, snapshot: str) -> str:
    """A snapshot's folder inside its container, with a slash at the end."""
    return f"{day_folder(tenant, snapshot_time(snapshot))}{snapshot}/"


@dataclass(frozen=True, slots=True)
class Folder:
    """A snapshot's folder. `path` turns names of the manifest into names of blobs."""

    prefix: str

    def path(self, name: str) -> str:
        """Raises `Unusable` for a name that would lead elsewhere."""
        parts = name.split("/")
        if not name or any(part in ("", ".", "..") for part in parts) or "\\" in name or "\x00" in name:
            raise Unusable("not a name inside a snapshot")
        return self.prefix + name


def folder_of(tenant: str, snapshot: str) -> Folder:
    return Folder(folder(tenant, snapshot))


def snapshot_in(tenant: str, blob: str) -> str | None:
    """The snapshot whose `run.json` this blob is, None for any other blob."""
    tail = f"/{RUN}"
    if not blob.endswith(tail):
        return None
    snapshot = blob[: -len(tail)].rpartition("/")[2]
    if not _SNAPSHOT.fullmatch(snapshot):
        return None
    return snapshot if blob == folder(tenant, snapshot) + RUN else None


# --- names inside a snapshot -----------------------------------------------------------------------------


def check_item(item: str) -> str:
    """An item's id, or `Unusable`."""
    if not _ITEM.fullmatch(item):
        raise Unusable("not a work item")
    return item


def item_id(type_name: str, relationship: str = "") -> str:
    return check_item(f"{type_name}.{relationship}" if relationship else type_name)


def make_item(type_name: str, relationship: str = "") -> Item:
    return Item(item_id(type_name, relationship), type_name, relationship)


def receipt(item: str) -> str:
    return f"parts/{check_item(item)}.json"


def checkpoint(item: str, number: int) -> str:
    return f"parts/{check_item(item)}.{number:04d}.json"


def checkpoint_number(item: str, name: str) -> int | None:
    """Which checkpoint of this item the name is, None for any other name."""
    match = re.fullmatch(rf"parts/{re.escape(check_item(item))}\.(\d{{4,}})\.json", name, re.ASCII)
    return int(match[1]) if match else None


def objects_pack(type_name: str, number: int, sha256: str) -> str:
    return f"objects/{_word(type_name)}/{number:05d}-{sha256[:16]}.jsonl.zst"


def links_pack(type_name: str, relationship: str, number: int, sha256: str) -> str:
    return f"links/{item_id(_word(type_name), _word(relationship))}/{number:05d}-{sha256[:16]}.jsonl.zst"


def objects_index(type_name: str, number: int, sha256: str) -> str:
    return f"index/{_word(type_name)}/{number:05d}-{sha256[:16]}.idx.zst"


def links_index(type_name: str, relationship: str, number: int, sha256: str) -> str:
    return f"index/{item_id(_word(type_name), _word(relationship))}/{number:05d}-{sha256[:16]}.links.zst"


def _word(name: str) -> str:
    if not _WORD.fullmatch(name):
        raise Unusable("not a name of the catalog")
    return name


# --- chain ---------------------------------------------------------------------------------------------


def chain_entry(tenant: str, seq: int) -> str:
    if not 1 <= seq <= 9_999_999_999:
        raise Unusable("not a sequence number of the chain")
    return f"{tenant_folder(tenant)}{seq:010d}.jws"


def chain_seq(name: str) -> int | None:
    """The sequence number in the name of a chain entry, None for any other name."""
    match = _CHAIN.fullmatch(name)
    return int(match[1]) if match and int(match[1]) > 0 else None

"""A folder copy of the containers, as any copying tool makes one: `chain/`, `vault-35d/`, …, `evidence-400d/`.

It is only read: an exported copy that changed would no longer be what was exported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.adapters.files import FolderBlobStore
from shared.domain.errors import Unusable
from shared.domain.ports import BlobStore
from shared.domain.vault import CHAIN_CONTAINER, HOLD_CONTAINER

_VAULT = re.compile(r"vault-\d+d", re.ASCII)
_EVIDENCE = re.compile(r"evidence-\d+d", re.ASCII)


@dataclass(frozen=True, slots=True)
class FolderCopy:
    """`evidence` and `hold` are None where no such container was copied."""

    folder: Path
    tenant: str
    vaults: Mapping[str, BlobStore]
    chain: BlobStore
    evidence: BlobStore | None
    hold: BlobStore | None = None

    @classmethod
    def open(cls, folder: Path, tenant: str = "") -> FolderCopy:
        """`tenant`: whose copy it is, if it holds several. Raises `Unusable` for a folder that is none."""
        if not (folder / CHAIN_CONTAINER).is_dir():
            raise Unusable(
                f"{folder} is not a copy of the containers: it holds no folder {CHAIN_CONTAINER}",
                hint="copy the containers into one folder each: chain, vault-35d, evidence-400d",
            )
        names = sorted(path.name for path in folder.iterdir() if path.is_dir())
        evidence = next((name for name in names if _EVIDENCE.fullmatch(name)), "")
        return cls(
            folder=folder,
            tenant=tenant.lower() or _only_tenant(folder),
            vaults={name: _read_only(folder / name) for name in names if _VAULT.fullmatch(name)},
            chain=_read_only(folder / CHAIN_CONTAINER),
            evidence=_read_only(folder / evidence) if evidence else None,
            hold=_read_only(folder / HOLD_CONTAINER) if HOLD_CONTAINER in names else None,
        )


def _read_only(folder: Path) -> FolderBlobStore:
    return FolderBlobStore(folder, create=False)


def _only_tenant(folder: Path) -> str:
    held = sorted(path.name for path in (folder / CHAIN_CONTAINER / "v1").glob("*") if path.is_dir())
    if len(held) != 1:
        raise Unusable(
            f"the copy holds the chains of {len(held)} tenants",
            hint="say which one: set HOLDFAST_TENANT_ID",
        )
    return held[0]

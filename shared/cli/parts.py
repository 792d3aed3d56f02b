"""Opens what a command needs: an operator's parts of the deployment, or a folder copy of the containers.

A folder copy holds one folder per container, as any copying tool makes them: `chain/`, `vault-35d/`, …,
`evidence-400d/`. Reading one needs no sign-in and no deployment, only the public keys, which come from the
user and never from the copy.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from shared.domain.errors import Unusable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    from shared.bootstrap import Parts as Operator
    from shared.catalog.registry import Catalog
    from shared.domain.ports import BlobStore, Clock
    from shared.engines.evidence import Evidence
    from shared.engines.jws import Purpose
    from shared.engines.repository import Repository

    Keys: TypeAlias = Mapping[Purpose, Mapping[str, EllipticCurvePublicKey]]

_CHAIN = "chain"
_VAULT = re.compile(r"vault-\d+d", re.ASCII)
_EVIDENCE = re.compile(r"evidence-\d+d", re.ASCII)
_PURPOSES = ("snapshot", "plan", "evidence", "execution")


@dataclass(frozen=True, slots=True)
class Source:
    """Where to read: the deployment that the settings name, or a folder copy. `keys`: public keys, a file or
    a folder of `.pub` files; None: as the settings say."""

    folder: Path | None = None
    keys: Path | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """What commands work with. `operator` is None for a folder copy: nothing can be asked for there."""

    tenant: str
    catalog: Catalog
    clock: Clock
    repository: Repository
    vaults: Mapping[str, BlobStore]
    chain: BlobStore
    evidence: Evidence
    keys: Keys
    operator: Operator | None

    def deployment(self, what: str) -> Operator:
        if self.operator is None:
            raise Unusable(
                f"{what} needs the deployment; a folder copy can only be read",
                hint="run it without --local, with the settings of the deployment",
            )
        return self.operator


@asynccontextmanager
async def open_parts(source: Source) -> AsyncIterator[Parts]:
    if source.folder is not None:
        yield _folder_parts(source.folder, source.keys)
        return
    from shared.bootstrap import open_operator
    from shared.settings import load_settings

    async with open_operator(load_settings()) as operator:
        keys = operator.keys if source.keys is None else trusted_keys(source.keys)
        yield from_operator(operator, keys)


def from_operator(operator: Operator, keys: Keys) -> Parts:
    return Parts(
        tenant=operator.settings.tenant_id,
        catalog=operator.catalog,
        clock=operator.clock,
        repository=operator.repository,
        vaults=operator.vaults,
        chain=operator.chain,
        evidence=_evidence(operator.evidence, operator.settings.tenant_id, keys),
        keys=keys,
        operator=operator,
    )


def _folder_parts(folder: Path, keys_at: Path | None) -> Parts:
    from shared.adapters.clock import SystemClock
    from shared.adapters.files import FolderBlobStore
    from shared.catalog.registry import CATALOG
    from shared.engines.jws import Purpose
    from shared.engines.repository import Repository

    if not (folder / _CHAIN).is_dir():
        raise Unusable(
            f"{folder} is not a copy of the containers: it holds no folder {_CHAIN}",
            hint="copy the containers into one folder each: chain, vault-35d, evidence-400d",
        )
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    stores: dict[str, BlobStore] = {
        name: FolderBlobStore(folder / name, create=False) for name in names if _VAULT.fullmatch(name)
    }
    chain = FolderBlobStore(folder / _CHAIN, create=False)
    evidence = next((name for name in names if _EVIDENCE.fullmatch(name)), "evidence-0d")
    keys = trusted_keys(keys_at) if keys_at is not None else _keys_of_environment()
    tenant = _tenant_of(folder)
    clock = SystemClock()
    return Parts(
        tenant=tenant,
        catalog=CATALOG,
        clock=clock,
        repository=Repository(stores, chain, tenant, keys.get(Purpose.SNAPSHOT, {}), clock),
        vaults=stores,
        chain=chain,
        evidence=_evidence(FolderBlobStore(folder / evidence, create=False), tenant, keys),
        keys=keys,
        operator=None,
    )


def _evidence(store: BlobStore, tenant: str, keys: Keys) -> Evidence:
    from shared.engines.evidence import Evidence, TrustedKeys
    from shared.engines.jws import Purpose

    trusted = TrustedKeys(
        plan=keys.get(Purpose.PLAN, {}),
        execution=keys.get(Purpose.EXECUTION, {}),
        evidence=keys.get(Purpose.EVIDENCE, {}),
    )
    return Evidence(store, tenant, trusted)


def _tenant_of(folder: Path) -> str:
    """The tenant whose copy this is: the one named in the settings, or the only one there."""
    named = os.environ.get("HOLDFAST_TENANT_ID", "")
    held = sorted(path.name for path in (folder / _CHAIN / "v1").glob("*") if path.is_dir())
    if named:
        return named.lower()
    if len(held) != 1:
        raise Unusable(
            f"the copy holds the chains of {len(held)} tenants",
            hint="say which one: set HOLDFAST_TENANT_ID",
        )
    return held[0]


# --- public keys -------------------------------------------------------------------------------------------


def trusted_keys(path: Path) -> Keys:
    """Public keys by purpose. A folder: `snapshot.pub` and so on. A file: a JSON object of purpose → JWK set,
    or keys without a purpose, which are then trusted for snapshots and their chain only."""
    from shared.engines.wire import parse

    if path.is_dir():
        found = {name: path / f"{name}.pub" for name in _PURPOSES}
        documents = {name: _read(file) for name, file in found.items() if file.exists()}
        if not documents:
            raise Unusable(f"there is no public key in {path}", hint="it should hold snapshot.pub")
        return _by_purpose(documents)
    data = _read(path)
    if data.lstrip().startswith(b"{"):
        document = parse(data)
        if isinstance(document, dict) and document and set(document) <= set(_PURPOSES):
            return _from_json(document)
    return _by_purpose({"snapshot": data})


def _keys_of_environment() -> Keys:
    from shared.engines.wire import parse

    if given := os.environ.get("HOLDFAST_PUBLIC_KEYS", ""):
        document = parse(given)
        if not isinstance(document, dict):
            raise Unusable("HOLDFAST_PUBLIC_KEYS is not a JSON object of purpose and JWK set")
        return _from_json(document)
    if folder := os.environ.get("HOLDFAST_KEYS_DIR", ""):
        return trusted_keys(Path(folder))
    raise Unusable(
        "no public key is given: a copy can't vouch for itself",
        hint="give --key FILE, the public key of snapshots that you trust",
    )


def _from_json(document: Mapping[str, object]) -> Keys:
    from shared.engines.wire import dump

    return _by_purpose({name: dump(value) for name, value in document.items() if name in _PURPOSES})


def _by_purpose(documents: Mapping[str, bytes]) -> Keys:
    from shared.engines.jws import keys_by_purpose

    return keys_by_purpose(documents)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unusable(f"the public key can't be read: {error.strerror}: {path}") from None

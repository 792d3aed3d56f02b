"""The live tenant, read the same way as a snapshot.

The same readers fill a scratch store; nothing is signed and nothing is kept. It is one reading, without delta
replay and without a second look, so it is a picture of minutes and not of a moment: who acts on it reads each
object again before writing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from shared.catalog.registry import Catalog
from shared.domain.ports import BlobStore, Clock, Directory
from shared.domain.snapshot import FORMAT_VERSION, Run
from shared.engines import paths
from shared.engines.export import items_of
from shared.engines.item import Limits, Place, Progress, read_item
from shared.engines.licences import tenant_plans
from shared.engines.seal import compose, write_indexes
from shared.engines.view import PackedView


class LiveView(PackedView):
    """What the tenant held while it was read. `as_of` is the end of the reading."""


async def read_live(
    directory: Directory,
    catalog: Catalog,
    store: BlobStore,
    clock: Clock,
    *,
    tenant: str,
    types: Sequence[str] = (),
    opt_in: Sequence[str] = (),
    limits: Limits | None = None,
    scratch: Path | None = None,
    progress: Progress | None = None,
) -> LiveView:
    """Reads types with their relationships and contained children (empty: the whole catalog) into `store`, a
    scratch store; of what is off by itself only what `opt_in` names. Errors propagate: a view is whole, or says per
    type what it lacks, or doesn't come to be."""
    started = clock.now()
    items, not_read = items_of(catalog, tuple(types), tuple(opt_in))
    items = tuple(item for item in items if catalog.get(item.type).series is None)
    not_read |= {spec.name: "a series of events has no state" for spec in catalog.types if spec.series is not None}
    run = Run(
        format=FORMAT_VERSION,
        snapshot=paths.snapshot_id(started, "live"),
        tenant=tenant,
        started_at=started,
        retain_until=started + timedelta(days=1),
        retention_days=0,
        chain_until=started + timedelta(days=1),
        region="",
        trigger="live",
        tool="",
        catalog_version=catalog.version,
        items=items,
        delta_links={},
        not_read=not_read,
        plans=await tenant_plans(directory, catalog),
        protected=False,
        unprotected_why="a live reading",
    )
    place = Place(store, await _fresh_folder(store, paths.folder(tenant, run.snapshot)), durable=False)
    receipts = []
    for item in items:
        receipt = await read_item(
            directory, catalog, clock, place, run, item, limits or Limits(), cut=False, progress=progress
        )
        assert receipt is not None  # only durable readings run out of time
        receipts.append(receipt)
    indexed = await write_indexes(place, catalog, receipts, scratch=scratch)
    manifest = compose(run, receipts, catalog, indexed, (), ())
    return LiveView(store, place.folder, replace(manifest, ended_at=clock.now()), "live")


async def _fresh_folder(store: BlobStore, base: str) -> paths.Folder:
    """A folder that no earlier reading of the same second has used."""
    number = 0
    while True:
        prefix = f"{base}{number}/"
        async for _ in store.list(prefix):
            break
        else:
            return paths.Folder(prefix)
        number += 1

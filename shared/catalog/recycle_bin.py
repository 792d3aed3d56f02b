"""What the recycle bins hold, as an inventory: one type for each declared bin, made from its declaration."""

from __future__ import annotations

from collections.abc import Iterable

from shared.catalog.spec import Drill, ObjectType, Quirk, WaveNumber


def bins_of(types: Iterable[ObjectType]) -> tuple[ObjectType, ...]:
    """The inventory of each type's bin."""
    return tuple(_bin_of(spec) for spec in types if spec.bin is not None)


def _bin_of(spec: ObjectType) -> ObjectType:
    assert spec.bin is not None
    return ObjectType(
        name=f"deleted{spec.name[0].upper()}{spec.name[1:]}",
        title=f"{spec.title} in the recycle bin",
        path=spec.bin.list,
        odata_type=spec.odata_type,
        bin_of=spec.name,
        wave=WaveNumber.REST,
        needs_to_read=spec.needs_to_read,
        needs_to_write=(),
        made_by_service="deletions of the last 30 days",
        version=spec.bin.version,
        select=spec.select,
        page_size=spec.page_size,
        throttle=spec.throttle,
        batchable=spec.batchable,
        name_property=spec.name_property,
        volatile=spec.volatile,
        sets=spec.sets,
        licence=spec.licence,
        drill=Drill.NONE,
        no_drill="what is in a bin comes back as what it was, which has its own drill",
        quirks=(
            Quirk(
                "What was deleted stays here for 30 days, or until somebody purges it.",
                "Microsoft Graph: List deletedItems",
            ),
        ),
    )

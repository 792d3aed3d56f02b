"""Which object a person means who gives an id, a name or a key such as a user principal name."""

from __future__ import annotations

from collections.abc import Mapping

from shared.catalog.spec import ObjectType
from shared.domain.erasure import Erased
from shared.domain.snapshot import IndexEntry
from shared.engines.conditions import member_at
from shared.engines.opening import each, read_objects
from shared.engines.survey import unique_keys
from shared.engines.view import PackedView


async def find_named(snapshot: PackedView, spec: ObjectType, text: str) -> list[IndexEntry]:
    """Objects of a snapshot with this id or display name; where there are none, with this in a unique key."""
    wanted = text.casefold()
    found = [one async for one in snapshot.index(spec.name) if wanted in (one.id.casefold(), one.name.casefold())]
    members = {name for key in unique_keys(spec) for name in key.properties}
    if found or not members:
        return found
    # Few lines hold the text at all; only those are read into values.
    needle = text.encode("utf-8", "surrogatepass").lower()
    near = {
        (pack, line)
        async for pack, lines in snapshot.lines(spec.name)
        for line, raw in enumerate(lines)
        if needle in raw.lower()
    }
    candidates = [one async for one in snapshot.index(spec.name) if (one.pack, one.line) in near]
    return [
        one
        async for one, item in read_objects(snapshot, spec.name, each(candidates))
        if any(str(member_at(item, member) or "").casefold() == wanted for member in members)
    ]


def all_ids(object_id: str, known: Mapping[str, str]) -> tuple[str, ...]:
    """The object's ids: the one given, and those that restores gave to it or replaced (`known`: old → new)."""
    reached = Erased.of([object_id]).through(known)
    return tuple(sorted({object_id, *(one for pair in known.items() for one in pair if one in reached)}))

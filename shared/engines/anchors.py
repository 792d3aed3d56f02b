"""Create anchors: telling an object of ours from none, and from somebody else's, when an answer was lost.

A marker is ours by its text. A key is only a name that anybody can take: an object that holds it is ours only
if it was made after our claim and reads as we wrote it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.catalog.spec import ObjectType, Strength
from shared.domain.errors import Fault
from shared.domain.objects import Json, JsonObject
from shared.domain.plan import AnchorKind, Operation
from shared.engines.compare import Form, differing
from shared.engines.markers import Bindings, resolve, resolve_path
from shared.engines.targets import Targets, object_path

SKEW = timedelta(seconds=60)  # between our clock and the directory's


@dataclass(frozen=True, slots=True)
class Holders:
    """Objects that hold an operation's anchor. `parent_gone`: the list that would show them isn't there."""

    live: tuple[JsonObject, ...]
    binned: tuple[JsonObject, ...]
    parent_gone: bool = False

    @property
    def none(self) -> bool:
        return not self.live and not self.binned


async def find_holders(
    targets: Targets, spec: ObjectType, operations: Sequence[tuple[Operation, Bindings]]
) -> list[Holders]:
    """Who holds each operation's anchor now, live and in the bin."""
    asked: list[tuple[str, str]] = []
    for operation, bindings in operations:
        anchor = operation.anchor
        if anchor is None:
            raise Fault(f"operation {operation.id} creates without an anchor", object_type=operation.type)
        binned = resolve_path(anchor.bin_lookup, bindings) if anchor.bin_lookup else ""
        asked.append((resolve_path(anchor.lookup, bindings), binned))
    # Lists that are read whole serve all operations at once.
    paths = sorted({path for pair in asked for path in pair if path})
    answers = dict(zip(paths, await targets.lookups(spec, paths), strict=True))
    form = Form(spec)
    found = []
    for (operation, bindings), (path, bin_path) in zip(operations, asked, strict=True):
        anchor = operation.anchor
        assert anchor is not None
        live = answers[path]
        binned_items = answers[bin_path] if bin_path else []
        wanted = _wanted(spec, operation, bindings)
        exact = anchor.kind is AnchorKind.MARKER
        found.append(
            Holders(
                # Nothing else can stand where a singleton does, whatever its key.
                tuple(item for item in live or [] if spec.singleton or _holds(form, item, wanted, exact)),
                tuple(item for item in binned_items or [] if _holds(form, item, wanted, exact)),
                live is None and not spec.singleton,  # then it is merely not there
            )
        )
    return found


def the_one(operation: Operation, holders: Sequence[JsonObject]) -> JsonObject:
    """The only holder of a marker. Two of them mean that something went wrong that a person must look at."""
    if len(holders) > 1:
        ids = ", ".join(str(holder.get("id")) for holder in holders)
        raise Fault(
            f"operation {operation.id} has left more than one object: {ids}",
            object_type=operation.type,
            object_id=operation.target,
            saved="everything; nothing more is created",
            hint="remove the surplus one, then resume",
        )
    return holders[0]


async def whole(targets: Targets, spec: ObjectType, holder: JsonObject, sent: JsonObject) -> JsonObject | None:
    """A holder with all members that its creation sent; lookups of some types answer with a few only."""
    if spec.parent or spec.singleton or not spec.batchable:
        return holder
    select = spec.selectable({"id", "createdDateTime", *sent})
    (found,) = await targets.objects(spec, [object_path(spec, str(holder.get("id")), select)])
    return found.body


def is_ours(spec: ObjectType, holder: JsonObject, sent: JsonObject, claimed_at: datetime) -> str:
    """ "" if a key's holder can only be what we sent; otherwise why it isn't taken for ours."""
    created = holder.get("createdDateTime")
    if isinstance(created, str):
        moment = _moment(created)
        if moment is None or moment < claimed_at - SKEW:
            return "it was there before this operation was sent"
    if other := differing(spec, holder, sent):
        return f"it differs from what was sent in {', '.join(sorted(other))}"
    return ""


def _wanted(spec: ObjectType, operation: Operation, bindings: Bindings) -> dict[str, Json]:
    """The properties that together make the anchor: those of the unique key that it belongs to."""
    anchor = operation.anchor
    assert anchor is not None
    wanted: dict[str, Json] = {anchor.property: resolve(anchor.value, bindings)}
    if anchor.kind is AnchorKind.KEY:
        body = operation.request.body
        said = body if isinstance(body, dict) else operation.wanted  # what is awaited has no body
        for key in spec.match_keys:
            if key.strength is Strength.UNIQUE and anchor.property in key.properties:
                for name in key.properties:
                    if name in said and name not in wanted:
                        wanted[name] = resolve(said[name], bindings)
    return wanted


def _holds(form: Form, item: JsonObject, wanted: dict[str, Json], exact: bool) -> bool:
    for name, value in wanted.items():
        held = form.bare(name, item.get(name))
        if not exact and isinstance(held, str) and isinstance(value, str):
            # The directory's unique keys don't tell upper from lower case.
            held, value = held.casefold(), value.casefold()
        if held != value:
            return False
    return True


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None

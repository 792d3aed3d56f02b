"""Putting a snapshot under a legal hold, and releasing it.

The service knows holds by container: while one tag is set, nothing in the hold container can be deleted. Setting
writes copy → record → tag, so that a death leaves either nothing that counts, or a record whose tag is missing,
which is told and which a repeat completes; a tag never stands without its record. Releasing writes the record,
then clears the tag. A container has ten tags at most, and a tag is used once.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.errors import IntegrityError, Refused
from shared.domain.holds import MAX_TAGS, Hold, Release
from shared.domain.ports import VaultControl
from shared.domain.vault import ContainerState
from shared.engines.chain import Committed
from shared.engines.copying import CopyState, Source, copy_snapshot
from shared.engines.create import create_or_adopt
from shared.engines.holds import Holds, Standing, record_name, release_name
from shared.engines.item import Progress
from shared.engines.verify import Report, verify_stored
from shared.engines.wire import encode


@dataclass(frozen=True, slots=True)
class HoldPorts:
    """`source`: what is held, and by which keys it is believed; `control`: of the account that has `holds`."""

    source: Source
    holds: Holds
    control: VaultControl

    async def container(self) -> ContainerState:
        return await self.control.container(self.holds.store.container)


def check_hold(container: ContainerState, under_tag: list[Standing], tag: str) -> None:
    """Raises `Refused` where a hold under this tag can't be set. `under_tag`: the holds that have it."""
    tags = {one.tag for one in container.holds}
    if any(not one.active for one in under_tag):
        raise Refused(f"the tag {tag} was released: a tag is not used twice", hint="give the hold another tag")
    if tag in tags and not under_tag:
        raise Refused(
            f"{container.name} has the tag {tag} already, and no record says why", hint="give the hold another tag"
        )
    if tag not in tags and len(tags) >= MAX_TAGS:
        raise Refused(
            f"{container.name} has {len(tags)} tags, which is all that a container can have",
            hint="release a hold, or put the snapshot under a tag that is there",
        )


async def set_hold(
    ports: HoldPorts, committed: Committed, wanted: Hold, progress: Progress | None = None
) -> Standing:
    """Copies the snapshot, records the hold and sets its tag. Safe to repeat: the same hold is set once; one that
    says something else of the same snapshot and tag (another review date) is a further record.

    Raises `Refused` where the snapshot is expired or damaged or the tag can't be used, `IntegrityError` where the
    copy isn't what was committed."""
    holds, tag = ports.holds, wanted.tag
    if committed.entry.base:
        raise Refused("a segment can't be held by itself", object_id=committed.entry.snapshot, hint="hold its base")
    check_hold(await ports.container(), await holds.all(tag), tag)
    await _copied(ports, committed, progress)
    standing = await _recorded(holds, wanted)
    await ports.control.hold(holds.store.container, tag)
    if any(not one.active for one in await holds.all(tag)):
        # Its release came in between and cleared the tag, perhaps before it was set here.
        await ports.control.release(holds.store.container, tag)
        raise Refused(f"the tag {tag} was released meanwhile", hint="give the hold another tag")
    await _read_back(ports, tag, present=True)
    return standing


async def release_hold(ports: HoldPorts, release: Release) -> list[Standing]:
    """Records that the case of a tag is over and clears the tag. Returns what was held under it. Snapshots that
    another hold has, too, stay readable. Safe to repeat; the first release's reason is the one that is kept."""
    holds, tag = ports.holds, release.tag
    if not await holds.all(tag):
        raise Refused(f"there is no hold with the tag {tag}", hint="holdfast vault holds")
    await create_or_adopt(holds.store, release_name(holds.tenant, tag), encode(release))
    await ports.control.release(holds.store.container, tag)
    await _read_back(ports, tag, present=False)
    return await holds.all(tag)


async def _copied(ports: HoldPorts, committed: Committed, progress: Progress | None) -> None:
    """All of the snapshot is in the hold container, as it was committed: read back and checked there."""
    into = ports.holds.store
    if (await _checked(ports, committed, progress)).good:
        return
    copy = await copy_snapshot(ports.source, into, committed, progress)
    if copy.state is not CopyState.COPIED:
        why: dict[CopyState, str] = {
            CopyState.EXPIRED: f"it expired on {committed.entry.retain_until:%Y-%m-%d}",
            CopyState.DAMAGED: "it is not as it was committed",
            CopyState.TAKEN: f"{into.container} has something else under one of its names",
            CopyState.NOT_AT_HAND: f"its container {committed.entry.container} is not at hand",
        }
        raise Refused(
            f"the snapshot can't be held: {why[copy.state]}",
            object_id=committed.entry.snapshot,
            saved="nothing; no hold was set",
            hint=f"holdfast verify {committed.entry.snapshot}",
        )
    found = (await _checked(ports, committed, progress)).findings
    if found:
        raise IntegrityError(
            f"the copy in {into.container} is not what was committed: {found[0].name} {found[0].why}",
            object_id=committed.entry.snapshot,
            saved="the copy, as far as it is; no hold was set",
            hint="find out who wrote there",
        )


async def _checked(ports: HoldPorts, committed: Committed, progress: Progress | None) -> Report:
    source = ports.source
    return await verify_stored(
        ports.holds.store, source.keys, source.catalog, committed, scratch=source.scratch, progress=progress
    )


async def _recorded(holds: Holds, wanted: Hold) -> Standing:
    """The record that says this; one that is there already, or the next number."""
    while True:
        held = {one.hold.snapshot: one for one in await holds.all(wanted.tag)}.get(wanted.snapshot)
        if held is not None and held.hold.same_as(wanted):
            return held
        number = held.number + 1 if held is not None else 1
        name = record_name(holds.tenant, wanted.tag, wanted.snapshot, number)
        winner = holds.hold_of(
            await create_or_adopt(holds.store, name, encode(wanted)), wanted.tag, wanted.snapshot
        )
        if winner.same_as(wanted):
            return Standing(winner, number, None)


async def _read_back(ports: HoldPorts, tag: str, *, present: bool) -> None:
    """What a change answered is not what is believed."""
    if any(one.tag == tag for one in (await ports.container()).holds) is not present:
        raise Refused(
            f"the tag {tag} is {'not set' if present else 'still set'}",
            saved="the copy and the record",
            hint="repeat the command",
        )

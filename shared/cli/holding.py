"""`holdfast vault hold|holds|release`: snapshots that have to stay beyond their promise."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.cli.asking import confirmed
from shared.cli.parts import Parts
from shared.cli.screen import Answer, Progress, Screen
from shared.cli.session import Json, with_parts
from shared.domain.errors import BlobMissing, ContainerMissing, Refused, StorageDenied, Unusable
from shared.pages.text import count, size

if TYPE_CHECKING:
    from shared.bootstrap import Parts as Operator
    from shared.domain.vault import ContainerState
    from shared.engines.holding import HoldPorts
    from shared.engines.holds import Holds, Standing

Tag = Annotated[str, typer.Argument(metavar="TAG", help="3 to 23 small letters and digits, one for each case.")]
Again = Annotated[str, typer.Option("--confirm", metavar="TAG", help="The tag again, instead of typing it.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in a sentence. No names of persons.")]
By = Annotated[str, typer.Option("--by", metavar="WHO", help="Who decides it; by default the local account.")]
_TEXT = 500  # characters of a reason or a case


def register(group: typer.Typer) -> None:
    group.command("hold")(hold)
    group.command("holds")(holds)
    group.command("release")(release)


def hold(
    ctx: typer.Context,
    snapshot: Annotated[str, typer.Argument(metavar="SNAPSHOT", help="A snapshot's id, or latest.")],
    tag: Tag,
    case: Annotated[str, typer.Option("--case", metavar="TEXT", help="The case's number or name.")],
    reason: Reason,
    review: Annotated[
        datetime,
        typer.Option("--review", formats=["%Y-%m-%d"], help="The day to ask again whether it is still needed."),
    ],
    by: By = "",
    confirm: Again = "",
    as_json: Json = False,
) -> int:
    """Put a snapshot under a legal hold.

    It is verified, copied into the hold container and kept there until the hold is released, even after its own
    promise ends. Repeating the command completes an interrupted hold; another --review notes a new date.

    Example: holdfast vault hold latest case2026031 --case 31/2026 --reason "court order" --review 2027-05-31
    """

    async def work(parts: Parts, screen: Screen) -> Answer:
        from shared.domain.holds import HOLD_FORMAT, Hold, check_tag
        from shared.engines.holding import check_hold, set_hold

        ports = _ports(parts)
        check_tag(tag)
        until = review.replace(tzinfo=UTC)
        if until <= parts.clock.now():
            raise Unusable("the review date is over", hint="give a day to come")
        opened = await parts.repository.open(snapshot)
        state = await _container(ports)
        under_tag = await ports.holds.all(tag)
        check_hold(state, under_tag, tag)
        wanted = Hold(
            HOLD_FORMAT,
            parts.tenant,
            opened.id,
            opened.manifest_sha256,
            tag,
            _text(case, "--case"),
            _text(reason, "--reason"),
            _text(by or getpass.getuser(), "--by"),
            parts.clock.now(),
            until,
        )
        blobs = opened.manifest.blobs
        screen.note(f"Holding {opened.id} under {tag}:")
        screen.note(
            f"  {count(len(blobs), 'blob')}, {size(sum(one.length for one in blobs))}, are copied to {state.name};"
        )
        screen.note(
            f"  nothing in {state.name} can be deleted while it has a tag, other cases' snapshots included,"
        )
        screen.note("  also where a person asks for erasure: that has to wait, and be answered so;")
        screen.note("  a hold has no end: on the review date it is told as overdue, and nothing else happens.")
        confirmed(tag, confirm, "the tag")
        with screen.progress(f"Holding {opened.id}") as progress:
            done = await set_hold(ports, opened.committed, wanted, _telling(progress) if screen.live else None)
        return _hold_answer(done, state.name)

    return with_parts(ctx, as_json, work)


def holds(ctx: typer.Context, as_json: Json = False) -> int:
    """List the legal holds with their review dates.

    Ends with 3 if one is overdue, or not as its record says.

    Example: holdfast vault holds
    """

    async def work(parts: Parts, screen: Screen) -> Answer:
        ports = _ports(parts)
        return _holds_answer(await _container(ports), await ports.holds.all(), parts.clock.now())

    return with_parts(ctx, as_json, work)


def release(
    ctx: typer.Context, tag: Tag, reason: Reason, by: By = "", confirm: Again = "", as_json: Json = False
) -> int:
    """Release a legal hold, with all snapshots under its tag.

    They are no longer offered once their own promise is over, unless another hold has them, too. Their copies can
    be deleted when the container has no tag left.

    Example: holdfast vault release case2026031 --reason "case closed"
    """

    async def work(parts: Parts, screen: Screen) -> Answer:
        from shared.domain.holds import HOLD_FORMAT, Release, check_tag
        from shared.engines.holding import release_hold

        ports = _ports(parts)
        check_tag(tag)
        state = await _container(ports)
        every = await ports.holds.all()
        under_tag = [one for one in every if one.hold.tag == tag]
        if not under_tag:
            raise Refused(f"there is no hold with the tag {tag}", hint="holdfast vault holds")
        others = sorted({one.tag for one in state.holds} - {tag})
        screen.note(f"Releasing {tag} can't be taken back under this tag:")
        for one in under_tag:
            still = [each.hold.tag for each in every if each.active and each.hold.snapshot == one.hold.snapshot]
            left = ", ".join(sorted(set(still) - {tag}))
            screen.note(f"  {one.hold.snapshot}: {f'stays held by {left}' if left else 'is held by nothing else'};")
        screen.note(
            f"  {state.name} keeps its blobs for {', '.join(others)}."
            if others
            else f"  {state.name} has no tag left: what is in it can be deleted."
        )
        confirmed(tag, confirm, "the tag")
        given = Release(
            HOLD_FORMAT,
            parts.tenant,
            tag,
            _text(reason, "--reason"),
            _text(by or getpass.getuser(), "--by"),
            parts.clock.now(),
        )
        return _release_answer(await release_hold(ports, given), tag, others, state.name)

    return with_parts(ctx, as_json, work)


async def readable_holds(parts: Parts, screen: Screen) -> Holds | None:
    """For commands that read: the holds, or None where there are none to be read, which is told."""
    if parts.holds is None:
        return None
    try:
        await parts.holds.all()
    except ContainerMissing:
        return None
    except StorageDenied as denied:
        screen.note(f"legal holds can't be read ({denied.what}): expired snapshots are not looked for there")
        return None
    return parts.holds


# --- what the commands work with ----------------------------------------------------------------------------------


def _ports(parts: Parts) -> HoldPorts:
    from shared.engines.copying import Source
    from shared.engines.holding import HoldPorts
    from shared.engines.jws import Purpose

    operator: Operator = parts.deployment("a legal hold")
    if operator.control is None:
        raise Unusable(
            "nobody said which storage account the vault is",
            hint="set HOLDFAST_VAULT_RESOURCE_ID to the account's resource id; an emulator has no holds",
        )
    assert parts.holds is not None  # a deployment has them
    keys = parts.keys.get(Purpose.SNAPSHOT, {})
    source = Source(parts.vaults, parts.chain, parts.tenant, keys, parts.catalog, parts.clock)
    return HoldPorts(source, parts.holds, operator.control)


async def _container(ports: HoldPorts) -> ContainerState:
    try:
        return await ports.container()
    except BlobMissing:
        name = ports.holds.store.container
        raise Refused(f"there is no container {name}", hint=f"deploy {name}, with a role of its own") from None


def _text(text: str, option: str) -> str:
    if not text.strip() or len(text) > _TEXT:
        raise Unusable(f"{option} needs 1 to {_TEXT} characters")
    return text.strip()


def _telling(progress: Progress) -> Any:
    return lambda name, number: progress.tell(f"{name}: {number:,}")


# --- answers ------------------------------------------------------------------------------------------------------


def hold_document(one: Standing, now: datetime, tags: dict[str, datetime | None]) -> dict[str, Any]:
    """`state`: inForce, notInForce (its tag is missing), released, releaseUnfinished (its tag is still set)."""
    hold, is_set = one.hold, one.hold.tag in tags
    state = (
        ("inForce" if is_set else "notInForce") if one.active else ("releaseUnfinished" if is_set else "released")
    )
    return {
        "snapshot": hold.snapshot,
        "tag": hold.tag,
        "state": state,
        "case": hold.case,
        "reason": hold.reason,
        "by": hold.by,
        "setAt": hold.set_at,
        "inForceSince": tags.get(hold.tag),
        "review": f"{hold.review:%Y-%m-%d}",
        "overdue": one.overdue(now),
        "released": one.release.released_at if one.release is not None else None,
    }


def _hold_answer(done: Standing, container: str) -> Answer:
    from shared.cli.render import line

    hold = done.hold
    document = {
        "snapshot": hold.snapshot,
        "tag": hold.tag,
        "container": container,
        "review": f"{hold.review:%Y-%m-%d}",
        "record": done.number,
    }
    return Answer(
        document, (line(f"{hold.snapshot} is held under {hold.tag}; to be reviewed by {hold.review:%Y-%m-%d}."),)
    )


def _holds_answer(state: ContainerState, found: list[Standing], now: datetime) -> Answer:
    from shared.cli.render import facts, line, table
    from shared.domain.holds import MAX_TAGS
    from shared.engines.holds import hold_shortfalls

    tags = {one.tag: one.since for one in state.holds}
    rows = [hold_document(one, now, tags) for one in found]
    wrong = [one.what for one in hold_shortfalls(state, found, now)]
    document = {"container": state.name, "holds": rows, "tags": sorted(tags), "shortfalls": wrong}
    view = [
        table(
            ("Tag", "Snapshot", "State", "Case", "Reason", "By", "Review"),
            [
                (
                    row["tag"],
                    row["snapshot"],
                    row["state"],
                    row["case"],
                    row["reason"],
                    row["by"],
                    row["review"] + (" OVERDUE" if row["overdue"] else ""),
                )
                for row in rows
            ],
        ),
        facts([("Container", state.name), ("Tags in use", f"{len(tags)} of {MAX_TAGS}")]),
    ]
    view += [line(f"! {what}", style="bold red") for what in wrong]
    return Answer(document, tuple(view), 3 if wrong else 0)


def _release_answer(found: list[Standing], tag: str, others: list[str], container: str) -> Answer:
    from shared.cli.render import line

    snapshots = [one.hold.snapshot for one in found]
    document = {"tag": tag, "snapshots": snapshots, "container": container, "tagsLeft": others}
    return Answer(document, (line(f"{tag} is released: {count(len(snapshots), 'snapshot')}."),))

"""`holdfast emergency`: where things stand in a bad night, and which plan to begin with. Nothing is changed.

Two questions are asked at most, and may be left open; the rest is read: from the vault or an exported folder, which
needs no sign-in, and with `--live` from the tenant, as far as it lets itself be read.
"""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.cli.comparing import LIVE, later
from shared.cli.parts import Parts, Source
from shared.cli.screen import Answer, Screen, wire_document
from shared.cli.session import Json, TrustedKey, with_parts
from shared.domain.errors import HoldfastError, Unusable

if TYPE_CHECKING:
    from shared.catalog.registry import Catalog
    from shared.domain.plan import Leaving
    from shared.engines.actors import Deed
    from shared.engines.view import View

ANSWERS = ("yes", "no", "unknown")
_POLICIES = "conditionalAccessPolicies"
_SOON = timedelta(hours=72)
_SHOWN = 15
_PAGES = 20  # of the live log: a thousand events each at most


def register(app: typer.Typer) -> None:
    app.command("emergency")(emergency)


def emergency(
    ctx: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="A folder copy; the deployment's vault if left out.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Read the tenant as it is now, too; takes minutes.")] = False,
    sign_in: Annotated[
        str, typer.Option("--sign-in", metavar="yes|no|unknown", help="Can an administrator still sign in?")
    ] = "",
    intruder: Annotated[
        str, typer.Option("--intruder", metavar="yes|no|unknown", help="May somebody still be inside?")
    ] = "",
    key: TrustedKey = None,
    as_json: Json = False,
) -> int:
    """Show where things stand in a bad night, and which plan to begin with.

    Who is Global Administrator, what differs between the last two readings, who did it, what recycle bins purge
    soonest, and one command to begin with. On a terminal it asks whether somebody can sign in and whether an
    intruder may still be inside, unless the options say it. Nothing is changed.

    Example: holdfast emergency copy --key snapshot.pub
    """
    if live and folder is not None:
        raise Unusable("--live needs the deployment; a folder is read without the tenant")
    can, inside = (
        _asked("--sign-in", sign_in, "Can an administrator still sign in"),
        _asked("--intruder", intruder, "May somebody still be inside who shouldn't be"),
    )

    async def work(parts: Parts, screen: Screen) -> Answer:
        with screen.progress("Reading") as progress:
            async with _readings(parts, screen, live) as (before, after, why_not_live):
                progress.tell("Comparing")
                found = await _findings(parts, before, after)
        found.why_not_live = why_not_live
        flags, why = first_plan(
            found.changed, parts.catalog, soon=found.soon(parts.clock.now()), sign_in=can, intruder=inside
        )
        given = {"--local": folder, "--key": key}
        more = "".join(f" {name} {shlex.quote(str(path))}" for name, path in given.items() if path is not None)
        command = f"holdfast plan {found.before} {flags}{more}" if flags else ""
        return _answer(found, can, command, why)

    return with_parts(ctx, as_json, work, Source(folder, key))


def _asked(option: str, given: str, question: str) -> str:
    if not given and sys.stdin.isatty():
        given = typer.prompt(f"{question}? yes, no or unknown", default="unknown", err=True)
    given = given or "unknown"
    if given not in ANSWERS:
        raise Unusable(f"{option} is yes, no or unknown")
    return given


# --- reading -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Findings:
    """`before` and `after`: labels of the readings. `changed`: type or relationship → kind → how many."""

    before: str
    after: str
    as_of: datetime
    administrators: list[tuple[str, str, str]]  # type, name, id
    administrators_why: str
    changed: Mapping[str, Mapping[str, int]]
    untold: list[str]
    deeds: list[Deed]
    deeds_why: str
    leaving: list[Leaving]
    why_not_live: str = ""

    def soon(self, now: datetime) -> bool:
        return any(one.at < now + _SOON for one in self.leaving)


@asynccontextmanager
async def _readings(parts: Parts, screen: Screen, live: bool) -> AsyncIterator[tuple[View, View, str]]:
    """Two readings to compare: the last two snapshots, or the last one and the tenant."""
    offered = [one.entry.snapshot for one in await parts.repository.entries() if not one.expired]
    if not offered:
        raise Unusable("there is no snapshot that is offered", hint="holdfast snapshots")
    newest = await parts.repository.open(offered[-1])
    earlier = await parts.repository.open(offered[-2]) if len(offered) > 1 else newest
    if not live:
        yield earlier, newest, ""
        return
    with tempfile.TemporaryDirectory(prefix="holdfast-") as scratch:
        try:
            now = await later(parts, screen, LIVE, (), Path(scratch))
        except HoldfastError as error:
            yield earlier, newest, error.what
        else:
            yield newest, now, ""


async def _findings(parts: Parts, before: View, after: View) -> Findings:
    from shared.cli.diff_view import collect
    from shared.engines.diff import diff as compare

    collected = await collect(await compare(before, after, parts.catalog), limit=0)
    deeds, why = await _deeds(parts, before, after)
    completeness = after.completeness("roleAssignments")
    return Findings(
        before=before.label,
        after=after.label,
        as_of=after.as_of,
        administrators=await _administrators(after),
        administrators_why="" if completeness.is_complete else completeness.reason or completeness.state.value,
        changed=collected.summary.counts,
        untold=[f"{gap.name}: {gap.why}" for gap in collected.gaps],
        deeds=deeds,
        deeds_why=why,
        leaving=await _leaving(parts.catalog, after, parts.clock.now()),
    )


async def _administrators(view: View) -> list[tuple[str, str, str]]:
    from shared.engines.lockout.accounts import GLOBAL_ADMINISTRATOR
    from shared.engines.opening import read_objects

    held = set()
    async for _, item in read_objects(view, "roleAssignments", view.index("roleAssignments")):
        if item.get("roleDefinitionId") == GLOBAL_ADMINISTRATOR and item.get("directoryScopeId", "/") == "/":
            held.add(str(item.get("principalId")))
    found = []
    for type_name in ("users", "groups", "servicePrincipals"):
        async for entry in view.index(type_name):
            if entry.id in held:
                found.append((type_name, entry.name, entry.id))
    known = {key for *_, key in found}
    return [*found, *(("", "not in the snapshot", key) for key in sorted(held - known))]


async def _deeds(parts: Parts, before: View, after: View) -> tuple[list[Deed], str]:
    """From the snapshot's own series, or from the live log where the tenant was read."""
    from shared.engines.actors import deeds
    from shared.engines.opening import read_objects

    events: list[Mapping[str, Any]] = []
    cut = ""
    for spec in parts.catalog.types:
        if spec.series is None:
            continue
        if after.label == LIVE:
            try:
                found, whole = await _live_events(parts, spec.path, before.as_of)
            except HoldfastError as error:
                return [], f"the live log can't be read: {error.what}"
            events += found
            cut = cut if whole else f"the live log has more than the {len(found):,} events that were read"
            continue
        told = after.completeness(spec.name)
        if not told.is_complete:
            return [], f"the snapshot's log: {told.reason or told.state.value}"
        async for _, item in read_objects(after, spec.name, after.index(spec.name)):
            events.append(item)
    return deeds(events, before.as_of), cut


async def _live_events(parts: Parts, path: str, since: datetime) -> tuple[list[Mapping[str, Any]], bool]:
    """Events since then, and whether these are all: the log of a bad night may be longer than anybody waits for."""
    from shared.domain.ports import GraphRequest
    from shared.engines.wire import parse, time_text

    operator = parts.deployment("reading the live log")
    events: list[Mapping[str, Any]] = []
    link: str | None = f"/v1.0{path}?$filter=activityDateTime ge {time_text(since)}"
    for _ in range(_PAGES):
        if link is None:
            break
        page = await operator.directory.page(GraphRequest("GET", link, throttle="audit"))
        events += [parse(raw) for raw in page.items]
        link = page.next_link
    return events, link is None


async def _leaving(catalog: Catalog, view: View, now: datetime) -> list[Leaving]:
    """What recycle bins held when it was read and are still to purge, soonest first."""
    from shared.domain.plan import Leaving
    from shared.engines.opening import read_objects
    from shared.engines.wire import time_value

    found = []
    for spec in catalog.types:
        bin_ = catalog.get(spec.bin_of).bin if spec.bin_of else None
        if bin_ is None:
            continue
        async for entry, item in read_objects(view, spec.name, view.index(spec.name)):
            deleted = item.get("deletedDateTime")
            if isinstance(deleted, str):
                found.append(
                    Leaving(spec.bin_of, entry.id, entry.name, time_value(deleted) + timedelta(days=bin_.days))
                )
    return sorted((one for one in found if one.at > now), key=lambda one: (one.at, one.type, one.target))


# --- the first plan --------------------------------------------------------------------------------------------


def first_plan(
    changed: Mapping[str, Mapping[str, int]], catalog: Catalog, *, soon: bool, sign_in: str, intruder: str
) -> tuple[str, str]:
    """Options of `holdfast plan`, and why those first. Both "" and a reason where nothing is to be planned.

    The order: whoever restores has to get in; an intruder who is still inside undoes everything; what a bin purges
    is lost for good; then what changed most."""
    types: dict[str, int] = {}
    for group, kinds in changed.items():
        name = group.partition(".")[0]
        types[name] = types.get(name, 0) + sum(kinds.values())
    if sign_in == "no" and _POLICIES in types:
        return f"--type {_POLICIES}", "nobody gets in, and conditional access changed"
    gained = sorted(
        group
        for group, kinds in changed.items()
        if catalog.get(group.partition(".")[0]).contain is not None
        and any(number for kind, number in kinds.items() if kind in ("added", "changed", "linkAdded"))
    )
    if intruder == "yes":
        return "--contain", "an intruder who is still inside undoes every restore"
    if intruder == "unknown" and gained:
        return "--contain", f"somebody may still be inside, and what gives access changed: {', '.join(gained[:5])}"
    if soon:
        return "--rescue", "recycle bins purge within three days what comes back whole from there only"
    restorable = {name: number for name, number in types.items() if number and catalog.get(name).mechanisms}
    if not restorable:
        return "", "nothing that can be restored differs"
    most = min(restorable, key=lambda name: (-restorable[name], name))
    return f"--type {most}", f"most of what changed: {restorable[most]:,} of {sum(types.values()):,}"


# --- words -----------------------------------------------------------------------------------------------------

GUIDANCE = {
    "yes": ("Keep a second session open until you have seen that signing in still works.",),
    "no": (
        "Try the break-glass accounts first, from a network and device that no policy knows.",
        "Without one: holdfast plan|approve|restore --local FOLDER works with the certificate of the restore "
        "application (HOLDFAST_CLIENT_CERTIFICATE), which conditional access for users doesn't touch.",
        "If that application is gone, too, only Microsoft's support can let you in: call now, it takes long.",
    ),
    "unknown": ("Find out first: sign in with a break-glass account in a private window.",),
}


def _who_did_it(found: Findings) -> str:
    if not found.deeds_why:
        return "4. Who did it"
    return f"4. Who did it: {'not all is known' if found.deeds else 'not known'}, {found.deeds_why}"


def _answer(found: Findings, can: str, command: str, why: str) -> Answer:
    from shared.cli.render import facts, heading, line, listing, table
    from shared.pages.text import moment

    changes = sorted(
        (
            (group, kind, number)
            for group, kinds in found.changed.items()
            for kind, number in kinds.items()
            if number
        ),
        key=lambda row: (-row[2], row[0], row[1]),
    )
    document = {
        "before": found.before,
        "after": found.after,
        "asOf": found.as_of,
        "whyNotLive": found.why_not_live,
        "signIn": {"answer": can, "guidance": list(GUIDANCE[can])},
        "globalAdministrators": [
            {"type": kind, "name": name, "id": key} for kind, name, key in found.administrators
        ],
        "globalAdministratorsIncomplete": found.administrators_why,
        "changed": {group: dict(kinds) for group, kinds in sorted(found.changed.items())},
        "untold": found.untold,
        "deeds": [wire_document(one) for one in found.deeds],
        "deedsUnknown": found.deeds_why,
        "leaving": [wire_document(one) for one in found.leaving],
        "next": command,
        "why": why,
    }
    view = [
        facts(
            [
                ("Compared", f"{found.before} with {found.after}, as of {moment(found.as_of)}"),
                ("Not read live", found.why_not_live),
            ]
        ),
        listing("1. Can somebody sign in?", GUIDANCE[can]),
        listing(
            f"2. Global Administrators in {found.after}",
            [f"{kind} {name} ({key})" for kind, name, key in found.administrators]
            + ([f"NOT COMPLETE: {found.administrators_why}"] if found.administrators_why else []),
        ),
        table(
            ("Type or relationship", "What", "How many"),
            [(group, kind, f"{number:,}") for group, kind, number in changes[:_SHOWN]],
            title="3. What differs" if changes else "3. Nothing differs",
            numbers=("How many",),
        ),
        table(
            ("Who", "What", "Times", "Last"),
            [(one.actor, one.what, f"{one.times:,}", one.last) for one in found.deeds[:_SHOWN]],
            title=_who_did_it(found),
            numbers=("Times",),
        ),
        table(
            ("Purged for good", "Type", "Object"),
            [(moment(one.at), one.type, f"{one.name} ({one.target})") for one in found.leaving[:_SHOWN]],
            title="5. What recycle bins purge soonest" if found.leaving else "5. Nothing is in the recycle bins",
        ),
        heading(f"Begin with: {why}"),
    ]
    if found.untold:
        view.insert(4, listing("Not everything can be told", found.untold, limit=5))
    if command:
        view.append(line(command))
    return Answer(document, tuple(view))

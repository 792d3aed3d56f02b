"""`holdfast subject`: every place that holds a person, and until when."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.cli.parts import Parts, Source
from shared.cli.screen import Answer, Screen
from shared.cli.session import Json, Local, TrustedKey, with_parts
from shared.domain.errors import BlobMissing, ContainerMissing, IntegrityError, StorageDenied, StorageDown, Unusable

if TYPE_CHECKING:
    from shared.domain.vault import AccountState, ContainerState
    from shared.engines.subject import Trace

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Who = Annotated[
    str, typer.Argument(metavar="USER", help="Object id, display name, or user principal name (of a snapshot).")
]
TypeName = Annotated[str, typer.Option("--type", metavar="TYPE", help="The type to look a name up in.")]

ELSEWHERE = (
    "other copies: run this there, too (holdfast subject USER --local FOLDER)",
    "the secret store: an initial password lies under a name with the object id, and expires by itself",
    "logs of the apps and of the storage account: object ids and blob names, as long as they are kept",
    "pages and documents that people wrote with --html and --json",
    "texts about the person without the id, in names of other objects",
)


def register(app: typer.Typer) -> None:
    app.command("subject")(subject)


def subject(
    ctx: typer.Context,
    who: Who,
    type_: TypeName = "users",
    local: Local = None,
    key: TrustedKey = None,
    as_json: Json = False,
) -> int:
    """List what holds a person, and the last day on which it can still be there.

    Reads every blob of every container: snapshots, unfinished runs, plans, journals, reports. Ends with 4 if
    something could not be read.

    Example: holdfast subject maria@contoso.example
    """

    async def work(parts: Parts, screen: Screen) -> Answer:
        object_id = await resolve(parts, who, type_)
        with screen.progress(f"Reading every blob for {object_id}") as progress:
            found = await _search(parts, object_id, progress.tell)
        return await _answer(parts, object_id, found)

    return with_parts(ctx, as_json, work, Source(local, key))


async def resolve(parts: Parts, who: str, type_name: str) -> str:
    """The object id. A name is looked up in readable snapshots, the newest first."""
    if _GUID.fullmatch(who.lower()):
        return who.lower()
    from shared.engines.named import find_named

    spec = parts.catalog.get(type_name)
    for listed in reversed(await parts.repository.entries()):
        if listed.expired:
            continue
        try:
            snapshot = await parts.repository.open(listed.entry.snapshot)
            found = await find_named(snapshot, spec, who)
        except (IntegrityError, Unusable):
            continue  # a damaged snapshot, or one not at hand: an older one may know the name
        if len(found) > 1:
            ids = ", ".join(entry.id for entry in found[:5])
            raise Unusable(f"{len(found)} {type_name} are called so", hint=f"give the object id: {ids}")
        if found:
            return found[0].id
    raise Unusable("no readable snapshot holds this name", object_type=type_name, hint="give the object id")


@dataclass(slots=True)
class _Found:
    ids: tuple[str, ...]
    traces: list[Trace] = field(default_factory=list)
    not_read: list[str] = field(default_factory=list)


async def _search(parts: Parts, object_id: str, tell: Any) -> _Found:
    from shared.engines.known_ids import known_ids
    from shared.engines.named import all_ids
    from shared.engines.subject import in_evidence, in_vault

    found = _Found((object_id,))
    try:
        found.ids = all_ids(object_id, await known_ids(parts.evidence))
    except (IntegrityError, StorageDenied, StorageDown) as trouble:
        found.not_read.append(f"ids that restores gave: {trouble.what}")
    entries = {one.entry.folder: one.entry for one in await parts.repository.entries()}
    vaults = [*parts.vaults.values(), *([parts.holds.store] if parts.holds is not None else [])]
    sources: list[tuple[str, AsyncIterator[Trace]]] = [
        (store.container, in_vault(store, parts.tenant, found.ids, entries, parts.clock.now())) for store in vaults
    ]
    evidence = parts.evidence.store
    sources.append((evidence.container, in_evidence(evidence, parts.tenant, found.ids)))
    for container, traces in sources:
        tell(f"Reading {container}")
        try:
            async for trace in traces:
                found.traces.append(trace)
        except (StorageDenied, StorageDown) as trouble:
            if isinstance(trouble, ContainerMissing) and parts.holds and container == parts.holds.store.container:
                continue  # nothing was ever held
            found.not_read.append(f"{container}: {trouble.what}")
    return found


async def _answer(parts: Parts, object_id: str, found: _Found) -> Answer:
    from shared.cli.render import facts, line, listing, table
    from shared.engines.erasure import Erasures
    from shared.engines.subject import deletion
    from shared.pages.text import moment

    account, states = await _states(parts, {trace.container for trace in found.traces})
    rows: list[dict[str, Any]] = []
    for trace in found.traces:
        end = deletion(trace.written_by, states.get(trace.container), account, trace.container)
        rows.append(
            {
                "kind": trace.kind,
                "container": trace.container,
                "name": trace.name,
                "holds": dict(sorted(trace.holds.items())),
                "unread": trace.unread,
                "readableUntil": trace.promised,
                "lastDeletion": end.latest,
                "why": end.why,
            }
        )
    try:
        barred = any([(await Erasures(parts.evidence).of(one))[0].barred for one in found.ids])
    except (StorageDenied, StorageDown):
        barred = False  # the container is among those that were not read
    dates = [row["lastDeletion"] for row in rows]
    last = max(dates) if dates and all(dates) and not found.not_read else None
    document = {
        "id": object_id,
        "ids": list(found.ids),
        "onErasureList": barred,
        "places": rows,
        "lastDeletion": last,
        "notRead": found.not_read,
        "elsewhere": list(ELSEWHERE),
    }
    shown = [
        (
            row["kind"],
            row["container"],
            row["name"],
            ", ".join(f"{what} {lines:,}" for what, lines in row["holds"].items())
            + (f"; {len(row['unread'])} blobs unreadable, may hold it" if row["unread"] else ""),
            moment(row["readableUntil"]),
            moment(row["lastDeletion"]) or f"no date: {row['why']}",
        )
        for row in rows
    ]
    columns = ("What", "Container", "Which", "Lines or documents", "Readable until", "Gone at the latest")
    view = [
        facts(
            [
                ("Object", ", ".join(found.ids)),
                ("On the erasure list", "yes" if barred else "no: a restore would bring it back"),
                ("Gone everywhere", moment(last) or ("no date can be given" if rows else "")),
            ]
        ),
        table(columns, shown) if rows else line("Nothing here holds it."),
        listing("Also ask, which this can't see", ELSEWHERE),
    ]
    if found.not_read:
        view.append(listing("NOT READ", found.not_read))
    partial = bool(found.not_read or any(row["unread"] for row in rows))
    return Answer(document, tuple(view), 4 if partial else 0)


async def _states(parts: Parts, containers: set[str]) -> tuple[AccountState | None, dict[str, ContainerState]]:
    """What the management plane says, as far as it says anything: without it there are no dates."""
    control = parts.operator.control if parts.operator is not None else None
    states: dict[str, ContainerState] = {}
    if control is None:
        return None, states
    try:
        account = await control.account()
        for name in sorted(containers):
            states[name] = await control.container(name)
    except (BlobMissing, StorageDenied, StorageDown):
        return None, {}
    return account, states

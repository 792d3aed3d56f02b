"""`holdfast erase`: whom no restore brings back. Nothing is deleted by it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.cli.approving import approver_signer
from shared.cli.parts import Parts, Source
from shared.cli.screen import Answer, Screen
from shared.cli.session import Json, Local, Minutes, TrustedKey, session_of, with_parts
from shared.cli.subjects import TypeName, Who, resolve
from shared.cli.waiting import wait_for
from shared.domain import queues
from shared.domain.erasure import ErasureAction

if TYPE_CHECKING:
    from datetime import datetime

    from shared.bootstrap import Parts as Operator
    from shared.domain.erasure import ErasureEntry, ErasureWord
    from shared.engines.erasure import Standing

_RECORDED_WITHIN = timedelta(days=2)
Key = Annotated[Path, typer.Option("--key", metavar="FILE", help="Your private approver key, in PEM.")]
Reason = Annotated[
    str,
    typer.Option(
        "--reason",
        metavar="REFERENCE",
        help="Where the decision is written down, such as a ticket's number. Never a name: it can't be deleted.",
    ),
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The erasure list: whom no restore brings back. Nothing is deleted by it.")
    group.command("add")(add)
    group.command("lift")(lift)
    group.command("list")(show)
    app.add_typer(group, name="erase")


def add(
    ctx: typer.Context,
    who: Who,
    reason: Reason,
    key: Key,
    type_: TypeName = "users",
    minutes: Minutes = 2.0,
    as_json: Json = False,
) -> int:
    """Put a person on the list: no restore re-creates them without an approved override.

    One approver may do so. The entry holds the object id and the reference, nothing else.

    Example: holdfast erase add maria@contoso.example --reason DSR-2026-118 --key ~/holdfast-key/tomas.pem
    """
    return _say(ctx, ErasureAction.ADD, who, reason, key, type_, minutes, as_json)


def lift(
    ctx: typer.Context,
    who: Who,
    reason: Reason,
    key: Key,
    type_: TypeName = "users",
    minutes: Minutes = 2.0,
    as_json: Json = False,
) -> int:
    """Take a person off the list. It takes as many approvers as a plan does; each says so.

    Example: holdfast erase lift maria@contoso.example --reason DSR-2026-131 --key ~/holdfast-key/tomas.pem
    """
    return _say(ctx, ErasureAction.LIFT, who, reason, key, type_, minutes, as_json)


def show(ctx: typer.Context, local: Local = None, key: TrustedKey = None, as_json: Json = False) -> int:
    """Show the list, with who said what.

    Example: holdfast erase list
    """

    async def work(parts: Parts, screen: Screen) -> Answer:
        from shared.engines.erasure import Erasures

        earlier = parts.operator.earlier if parts.operator is not None else ()
        lists = [Erasures(one) for one in (parts.evidence, *earlier)]
        return _list_answer([_row(standing) for one in lists async for standing in one.standings()])

    return with_parts(ctx, as_json, work, Source(local, key))


def _say(
    ctx: typer.Context,
    action: ErasureAction,
    who: str,
    reason: str,
    key: Path,
    type_name: str,
    minutes: float,
    as_json: bool,
) -> int:
    signer = approver_signer(key)
    pause = session_of(ctx).pause

    async def work(parts: Parts, screen: Screen) -> Answer:
        from shared.domain.erasure import ErasureWord
        from shared.engines import jws
        from shared.engines.erasure import Erasures, check_word
        from shared.engines.restore_requests import erasure_message
        from shared.engines.wire import encode

        operator = parts.deployment("the erasure list")
        object_id = await resolve(parts, who, type_name)
        expires = parts.clock.now() + _RECORDED_WITHIN
        word = ErasureWord(parts.tenant, object_id, action, reason, expires, operator.ids.new())
        check_word(word)
        token = await jws.sign(signer, jws.Purpose.ERASURE, encode(word))
        await operator.queues[queues.RESTORE_CONTROL].send(erasure_message(token))

        async def look() -> tuple[Standing, ErasureEntry] | None:
            standing, _ = await Erasures(parts.evidence).of(object_id)
            held = next((one for one in standing.entries if one.said == word), None)
            return None if held is None else (standing, held)

        with screen.progress("Handed in; waiting until the backup app has recorded it"):
            standing, entry = await wait_for(
                look,
                pause=pause,
                minutes=minutes,
                what="the recorded entry",
                hint="holdfast erase list; an entry of a key that is no approver's is never recorded",
            )
        return await _said_answer(parts, operator, standing, entry, word)

    return with_parts(ctx, as_json, work)


async def _said_answer(
    parts: Parts, operator: Operator, standing: Standing, entry: ErasureEntry, word: ErasureWord
) -> Answer:
    from shared.cli.render import facts, line
    from shared.pages.text import moment

    kept = entry.at + timedelta(days=operator.settings.evidence_days)
    needed = max((one.entry.retain_until for one in await parts.repository.entries()), default=entry.at)
    document = {**_row(standing), "said": word.action, "recordedAt": entry.at, "keptUntil": kept}
    view = [
        facts(
            [
                ("Object", word.object_id),
                ("On the list", "yes" if standing.barred else "no"),
                ("Lifted by", _lifted(standing, entry)),
                ("Entry kept at least until", moment(kept)),
                ("Last snapshot readable until", moment(needed)),
            ]
        )
    ]
    if standing.barred and kept < needed:
        view.append(
            line(f"add it again before {moment(kept)}: the entry may be gone before the last snapshot", "yellow")
        )
    if word.action is ErasureAction.ADD:
        view.append(line(f"next: holdfast subject {word.object_id}; delete the live object and what its bin holds"))
    return Answer(document, tuple(view))


def _lifted(standing: Standing, entry: ErasureEntry) -> str:
    return f"{len(standing.lifted_by)} of {entry.needed} approvers" if standing.lifted_by else ""


def _row(standing: Standing) -> dict[str, Any]:
    return {
        "object": standing.entries[0].said.object_id if standing.entries else None,
        "name": standing.name,
        "barred": standing.barred,
        "entries": [
            {"action": one.said.action, "at": one.at, "keyId": one.key_id, "reference": one.said.reference}
            for one in standing.entries
        ],
        "notVerified": standing.odd,
    }


def _list_answer(rows: list[dict[str, Any]]) -> Answer:
    from shared.cli.render import line, listing, table
    from shared.pages.text import moment

    barred = sum(row["barred"] for row in rows)
    document = {"barred": barred, "objects": rows}
    if not rows:
        return Answer(document, (line("Nobody is on the list, and nobody ever was."),))
    shown = []
    for row in rows:
        last = row["entries"][-1] if row["entries"] else None
        at: datetime | None = last["at"] if last else None
        state = "yes" if row["barred"] else "no"
        reference = last["reference"] if last else ""
        shown.append((row["object"] or f"hash {row['name']}", state, reference, moment(at)))
    view = [table(("Object", "Barred", "Reference", "Last entry"), shown)]
    odd = [blob for row in rows for blob in row["notVerified"]]
    if odd:
        view.append(
            listing("Blobs that don't verify, and bar all the same (find out who wrote them)", odd),
        )
    return Answer(document, tuple(view), 3 if odd else 0)

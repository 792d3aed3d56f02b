"""`holdfast evidence`: asks the backup app for a signed evidence document, or checks one offline."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.parts import Parts, keys_for
from shared.cli.screen import Answer, Screen, wire_document
from shared.cli.session import Json, Minutes, TrustedKey, read_file, screen_of, session_of, with_parts
from shared.domain import queues
from shared.domain.errors import Unusable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from shared.domain.evidence import EvidenceDocument
    from shared.engines.evidence_desk import Made

_MONTHS_BACK = "the month before this one"


def register(app: typer.Typer) -> None:
    app.command("evidence")(evidence)


def evidence(
    ctx: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="Where the files go; the current folder if left out.")
    ] = None,
    first: Annotated[
        str, typer.Option("--from", metavar="DAY", help=f"First day, YYYY-MM-DD; if left out, {_MONTHS_BACK}.")
    ] = "",
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="Last day, included.")] = "",
    check: Annotated[
        Path | None,
        typer.Option("--check", metavar="PATH", help="Check stored evidence offline: its folder, or a file in it."),
    ] = None,
    key: TrustedKey = None,
    request_id: Annotated[
        str,
        typer.Option(
            "--request-id", metavar="ID", help="An earlier request, or monthly-YYYY-MM for what the timer made."
        ),
    ] = "",
    minutes: Minutes = 60.0,
    as_json: Json = False,
) -> int:
    """Make the evidence of a period, signed, as JSON and as a page.

    Ends with 3 if a control is not met. With --check: verifies the signature of evidence that was stored, and that
    document and page are what was signed.

    Example: holdfast evidence ./october --from 2026-10-01 --to 2026-10-31
    """
    if check is not None:
        if first or last or request_id or folder is not None:
            raise Unusable("--check reads what is there: no period, request or folder goes with it")
        return screen_of(ctx, as_json).answer(_checked(check, key))
    pause = session_of(ctx).pause

    async def work(parts: Parts, screen: Screen) -> Answer:
        from shared.cli.waiting import wait_for
        from shared.engines.evidence_desk import find_evidence, period_of
        from shared.engines.messages import decode_evidence_request, encode_evidence_request

        operator = parts.deployment("evidence")
        days = _days(first, last, parts.clock.now().date())
        period = period_of(*days)
        if period.start >= parts.clock.now():
            raise Unusable("the period has not begun")
        into = _into(folder)
        asked = request_id or operator.ids.new()
        body = encode_evidence_request(asked, *days)
        decode_evidence_request(body.encode())  # an id that the app would refuse is refused here
        await operator.queues[queues.EVIDENCE_REQUESTS].send(body)
        screen.note(f"asked for evidence, request {asked}")

        async def there() -> Made | None:
            return await find_evidence(parts.evidence, period, asked)

        again = f"holdfast evidence --from {days[0]} --to {days[1]} --request-id {asked}"
        with screen.progress("Waiting for the evidence, for which a snapshot is verified"):
            made = await wait_for(there, pause=pause, minutes=minutes, what="the evidence", hint=again)
        for name in await _write(parts, made, into):
            screen.note(f"written: {into / name}")
        return _answer(made.document, asked, made.folder)

    return with_parts(ctx, as_json, work)


def _days(first: str, last: str, today: date) -> tuple[date, date]:
    if bool(first) != bool(last):
        raise Unusable("--from and --to go together")
    if not first:
        from shared.engines.evidence_desk import month_before

        return month_before(today)
    try:
        return date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        raise Unusable("a day is written as 2026-10-31") from None


def _into(folder: Path | None) -> Path:
    from shared.engines.evidence_desk import SIGNED

    into = folder or Path()
    try:
        into.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unusable(f"{into} can't be made: {error.strerror}") from None
    if (into / SIGNED).exists():
        raise Unusable(f"{into} holds evidence already", hint="give another folder")
    return into


async def _write(parts: Parts, made: Made, into: Path) -> list[str]:
    """Copies the stored files, the signed one last. Raises `Unusable` where one can't be written."""
    from shared.engines.evidence_desk import DOCUMENT, SIGNED
    from shared.pages.page import write

    names = [made.page, DOCUMENT, SIGNED]
    for name in names:
        data = await parts.evidence.store.get(made.folder + name)
        write(into / name, [data.decode()])
    return names


# --- what is shown -----------------------------------------------------------------------------------------


def _answer(document: EvidenceDocument, request_id: str, folder: str) -> Answer:
    from shared.domain.evidence import Status

    not_met = any(row.status is Status.NOT_MET for row in document.rows)
    told = {"requestId": request_id, "folder": folder, "document": wire_document(document)}
    return Answer(told, tuple(_view(document)), 3 if not_met else 0)


def _view(document: EvidenceDocument) -> list[RenderableType]:
    from shared.cli.render import facts, line, table
    from shared.domain.evidence import Status
    from shared.pages.evidence_page import STATUS_WORDS
    from shared.pages.text import moment

    period = document.facts.period
    tally = [(STATUS_WORDS[one], sum(row.status is one for row in document.rows)) for one in Status]
    return [
        facts(
            [
                ("Tenant", document.facts.tenant),
                ("Period", f"{period.start:%Y-%m-%d} to {period.last:%Y-%m-%d}"),
                ("Gathered", moment(document.facts.made_at)),
                ("Head of the chain", document.facts.head),
            ]
        ),
        table(
            ("Rule", "Control", "Status", "Rests on"),
            [
                (
                    row.rule,
                    row.control,
                    STATUS_WORDS[row.status],
                    ", ".join(row.rests_on) or "nothing a program shows",
                )
                for row in document.rows
            ],
            title="Controls",
        ),
        facts([(words, f"{number}") for words, number in tally]),
        *(line(f"source unavailable: {topic}: {why}") for topic, why in document.facts.away.items()),
    ]


def _checked(path: Path, key: Path | None) -> Answer:
    from shared.cli.render import facts, line, listing
    from shared.engines.evidence_desk import DOCUMENT, SIGNED, check_evidence
    from shared.engines.jws import Purpose

    if not path.exists():
        raise Unusable(f"there is nothing at {path}")
    folder = path if path.is_dir() else path.parent
    token = read_file(folder / SIGNED, "signed evidence")
    copy = folder / DOCUMENT
    pages = sorted(folder.glob("page-*.html"))
    if len(pages) > 1:
        raise Unusable(f"{folder} holds more than one page", hint="check the files of one folder at a time")
    checked = check_evidence(
        token,
        read_file(copy, "document") if copy.exists() else None,
        read_file(pages[0], "page") if pages else None,
        keys_for(Purpose.EVIDENCE, key),
    )
    facts_of = checked.document.facts
    period = f"{facts_of.period.start:%Y-%m-%d} to {facts_of.period.last:%Y-%m-%d}"
    document = {
        "tenant": facts_of.tenant,
        "period": wire_document(facts_of.period),
        "head": facts_of.head,
        "key": checked.key,
        "findings": list(checked.findings),
    }
    shown = facts(
        [
            ("Tenant", facts_of.tenant),
            ("Period", period),
            ("Head of the chain", facts_of.head),
            ("Key", checked.key),
        ]
    )
    if checked.findings:
        return Answer(document, (shown, listing("Not as it was signed", checked.findings)), 3)
    return Answer(document, (shown, line("document and page are as they were signed")))

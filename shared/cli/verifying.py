"""`holdfast verify`: is what is stored what was committed?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.cli.holding import readable_holds
from shared.cli.parts import Parts, Source
from shared.cli.screen import Answer, Progress, Screen
from shared.cli.session import Json, TrustedKey, with_parts
from shared.domain.errors import Unusable
from shared.pages.text import count, size

if TYPE_CHECKING:
    from shared.engines.chain import Committed
    from shared.engines.verify import Report

ALL, SAMPLE = "all", "sample"
_DRAWN = 3


def register(app: typer.Typer) -> None:
    app.command("verify")(verify)


def verify(
    ctx: typer.Context,
    snapshot: Annotated[
        str,
        typer.Argument(
            metavar="[SNAPSHOT|all|sample]",
            help="A snapshot's id, latest, all, or sample: the newest, the oldest and three drawn by chance.",
        ),
    ] = "latest",
    folder: Annotated[
        Path | None,
        typer.Option("--folder", "--local", metavar="DIR", help="Verify a folder copy of the containers, offline."),
    ] = None,
    key: TrustedKey = None,
    expect_head: Annotated[
        str,
        typer.Option(
            "--expect-head",
            metavar="SEQ:HASH",
            help="The head printed by an earlier report: finds out removed newest entries.",
        ),
    ] = "",
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Build all indexes from the packs again: 30 times as long."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Verify that all is as it was committed.

    Checks the chain, signatures, every blob's hash and that it unpacks whole, receipts, the days of retention, and
    by a sample that the indexes are what the packs give. Ends with 3 if anything is not as it was committed.

    Example: holdfast verify all --folder ./copy --key snapshot.pub --expect-head 12:9f…
    """

    async def work(parts: Parts, screen: Screen) -> Answer:
        return _answer(await _reports(parts, screen, snapshot, expect_head, quick=not deep))

    return with_parts(ctx, as_json, work, Source(folder, key))


async def _reports(parts: Parts, screen: Screen, snapshot: str, expect_head: str, *, quick: bool) -> list[Report]:
    """The chain's report, and one for each snapshot asked for."""
    from shared.engines.jws import Purpose
    from shared.engines.verify import verify_chain, verify_committed, verify_snapshot

    keys = parts.keys.get(Purpose.SNAPSHOT, {})
    holds = await readable_holds(parts, screen)
    if snapshot not in (ALL, SAMPLE):
        with screen.progress(f"Verifying {snapshot}") as progress:
            return [
                await verify_snapshot(
                    parts.vaults,
                    parts.chain,
                    parts.tenant,
                    keys,
                    parts.catalog,
                    parts.clock,
                    snapshot,
                    expected_head=expect_head,
                    quick=quick,
                    progress=_telling(progress, snapshot) if screen.live else None,
                    holds=holds,
                )
            ]
    chain, good = await verify_chain(parts.chain, parts.tenant, keys, parts.clock, expected_head=expect_head)
    if not good and not chain.findings:
        raise Unusable("there is no snapshot yet", hint="holdfast backup")
    reports = [chain]
    for committed in _sampled(good, parts) if snapshot == SAMPLE else good:
        name = committed.entry.snapshot
        with screen.progress(f"Verifying {name}") as progress:
            telling = _telling(progress, name) if screen.live else None
            reports.append(
                await verify_committed(
                    parts.vaults,
                    keys,
                    parts.catalog,
                    parts.clock,
                    committed,
                    quick=quick,
                    progress=telling,
                    holds=holds,
                )
            )
    return reports


def _sampled(good: list[Committed], parts: Parts) -> list[Committed]:
    """The newest and the oldest that haven't expired, and a few drawn by chance, so that nobody knows which."""
    import secrets

    readable = [one for one in good if not one.entry.over(parts.clock.now())]
    middle = readable[1:-1]
    drawn = secrets.SystemRandom().sample(middle, min(_DRAWN, len(middle)))
    return [one for one in readable if one in (readable[0], readable[-1], *drawn)]


def _telling(progress: Progress, name: str) -> Callable[[str, int], None]:
    return lambda _, number: progress.tell(f"Verifying {name}: {number:,} blobs")


def _answer(reports: list[Report]) -> Answer:
    from shared.cli.render import facts, line, table

    # The chain is checked with every snapshot; what is wrong with it is said once.
    findings: dict[tuple[str, str, str], dict[str, Any]] = {}
    for report in reports:
        for finding in report.findings:
            found = {"snapshot": report.snapshot, "kind": finding.kind, "name": finding.name, "why": finding.why}
            findings.setdefault((finding.kind.value, finding.name, finding.why), found)
    head = max((report.head for report in reports), key=_seq, default="")
    document = {
        "good": not findings,
        "head": head,
        "findings": list(findings.values()),
        "snapshots": [
            {
                "snapshot": report.snapshot,
                "good": report.good,
                "blobs": report.blobs,
                "bytes": report.bytes,
                "notes": report.notes,
            }
            for report in reports
            if report.snapshot
        ],
    }
    view = [
        table(
            ("Snapshot", "Blobs", "Size", "Verdict", "Notes"),
            [
                (
                    report.snapshot,
                    f"{report.blobs:,}",
                    size(report.bytes),
                    "as committed" if report.good else count(len(report.findings), "finding"),
                    "; ".join(report.notes),
                )
                for report in reports
                if report.snapshot
            ],
            numbers=("Blobs", "Size"),
        )
    ]
    if findings:
        view.append(
            table(
                ("What", "Where", "Why"),
                [(found["kind"].value, found["name"], found["why"]) for found in findings.values()],
                title="Findings",
            )
        )
    view.append(
        facts(
            [
                ("Chain", count(max((report.entries for report in reports), default=0), "entry", "entries")),
                ("Expected head", head),
            ]
        )
    )
    view.append(
        line("NOT as committed: do not restore from it before this is explained", style="bold red")
        if findings
        else line("Everything checked is as it was committed.")
    )
    return Answer(document, tuple(view), 3 if findings else 0)


def _seq(head: str) -> int:
    number = head.partition(":")[0]
    return int(number) if number.isdecimal() else -1

"""`holdfast export`: the way out. A folder that is whole without Azure and without Holdfast."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.holding import readable_holds
from shared.cli.parts import Parts, Source
from shared.cli.screen import Answer, Progress, Screen
from shared.cli.session import Json, Local, TrustedKey, with_parts
from shared.domain.errors import Unusable
from shared.pages.text import count, size

if TYPE_CHECKING:
    from shared.engines.copying import CopyReport
    from shared.engines.holds import Holds

SUMS = "SHA256SUMS"
SCRIPT = "holdfast_verify.py"
ALL = "all"
_README = """A copy of Holdfast's containers, one folder each. Nothing in it needs Holdfast or Azure to be read:
zstd-compressed JSON lines and JSON documents, as shared/DESIGN.md of the product describes them under "Repository
format".

  sha256sum -c SHA256SUMS
      the files are those that were exported
  python -m pip install cryptography zstandard
  python holdfast_verify.py . --key snapshot.pub --expect-head SEQ:HASH
      they are what was committed. Key and head come from whom you trust, not from this folder: they are not in it
  holdfast snapshots|show|diff|verify --local . --key snapshot.pub
      the same questions as to the deployment
  holdfast plan|approve|restore --local .
      brings the tenant back from this folder, without the deployment; nothing in it is changed
"""


def register(app: typer.Typer) -> None:
    app.command("export")(export)


def export(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the copy goes; made if it isn't there.")],
    snapshot: Annotated[str, typer.Argument(metavar="[SNAPSHOT|all]", help="One snapshot, or all.")] = ALL,
    local: Local = None,
    key: TrustedKey = None,
    as_json: Json = False,
) -> int:
    """Copy snapshots and evidence out, with checksums.

    Each snapshot is verified before it is copied. The folder is then read with --local, without Azure; repeating
    the command adds what is new. It holds personal data of the whole tenant: keep it as you keep the vault.

    Example: holdfast export ./copy && holdfast verify all --folder ./copy --key snapshot.pub
    """

    async def work(parts: Parts, screen: Screen) -> Answer:
        with screen.progress(f"Exporting to {folder}") as progress:
            holds = await readable_holds(parts, screen)
            report, evidence = await _copied(parts, folder, snapshot, holds, progress if screen.live else None)
        files = _sums(folder)
        return _answer(report, evidence, files, folder)

    return with_parts(ctx, as_json, work, Source(local, key))


async def _copied(
    parts: Parts, folder: Path, snapshot: str, holds: Holds | None, progress: Progress | None
) -> tuple[CopyReport, int]:
    from shared.adapters.files import FolderBlobStore
    from shared.engines.copying import Source as Copied
    from shared.engines.copying import copy_blobs, copy_vault
    from shared.engines.jws import Purpose

    def tell(name: str, number: int) -> None:
        if progress is not None:
            progress.tell(f"{name}: {number:,}")

    chosen: tuple[str, ...] = ()
    if snapshot != ALL:
        chosen = ((await parts.repository.open(snapshot)).id,)
    source = Copied(
        parts.vaults,
        parts.chain,
        parts.tenant,
        parts.keys.get(Purpose.SNAPSHOT, {}),
        parts.catalog,
        parts.clock,
        holds=holds,
    )
    report = await copy_vault(source, lambda name: FolderBlobStore(folder / name), snapshots=chosen, progress=tell)
    if not report.snapshots and not report.findings:
        raise Unusable("there is no snapshot yet", hint="holdfast backup")
    store = parts.evidence.store
    evidence = await copy_blobs(store, FolderBlobStore(folder / store.container), tell)
    report.findings += evidence.findings
    return report, evidence.held


def _sums(folder: Path) -> int:
    """Writes what goes beside the containers, the checksums last. Returns how many files they cover."""
    from shared.standalone import holdfast_verify

    shutil.copyfile(holdfast_verify.__file__, folder / SCRIPT)
    (folder / "README.txt").write_text(_README, encoding="utf-8")
    lines = []
    for path in sorted(one for one in folder.rglob("*") if one.is_file() and one.name not in (SUMS, f"{SUMS}.new")):
        with path.open("rb") as file:
            lines.append(
                f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.relative_to(folder).as_posix()}\n"
            )
    (folder / f"{SUMS}.new").write_text("".join(lines), encoding="utf-8")
    os.replace(folder / f"{SUMS}.new", folder / SUMS)
    return len(lines)


def _answer(report: CopyReport, evidence: int, files: int, folder: Path) -> Answer:
    from shared.cli.render import facts, line, table

    document = {
        "folder": str(folder),
        "good": report.good,
        "head": report.head,
        "files": files,
        "evidence": evidence,
        "snapshots": [
            {
                "snapshot": one.snapshot,
                "state": one.state,
                "blobs": one.blobs,
                "bytes": one.bytes,
                "findings": [{"kind": each.kind, "name": each.name, "why": each.why} for each in one.findings],
            }
            for one in report.snapshots
        ],
        "findings": [{"kind": one.kind, "name": one.name, "why": one.why} for one in report.findings],
    }
    view = [
        table(
            ("Snapshot", "State", "Blobs", "Size"),
            [(one.snapshot, one.state.value, f"{one.blobs:,}", size(one.bytes)) for one in report.snapshots],
            numbers=("Blobs", "Size"),
        )
    ]
    findings = [*report.findings, *(found for one in report.snapshots for found in one.findings)]
    if findings:
        rows = [(one.kind.value, one.name, one.why) for one in findings]
        view.append(table(("What", "Where", "Why"), rows, title="Not as committed, and not copied"))
    view.append(
        facts(
            [
                ("Folder", str(folder)),
                ("Evidence", count(evidence, "document")),
                ("Files", f"{files:,}, with their checksums in {SUMS}"),
                ("Expected head", report.head),
            ]
        )
    )
    view.append(line(f"Next: holdfast verify all --folder {folder} --key snapshot.pub --expect-head {report.head}"))
    return Answer(document, tuple(view), 0 if report.good else 3)

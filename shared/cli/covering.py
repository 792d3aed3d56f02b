"""`holdfast catalog --coverage`: what Graph declares of the tenant that Holdfast neither reads nor excludes.

Ends with 3 where the metadata holds something that the ledger doesn't know, neither as an exclusion nor as a gap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from shared.cli.screen import Answer, Screen
from shared.cli.session import screen_of, with_parts
from shared.domain.errors import Unusable

if TYPE_CHECKING:
    from shared.cli.parts import Parts
    from shared.engines.coverage import Coverage, Finding
    from shared.engines.csdl import Metadata

_FINDING: Final = 3
_PIECE: Final = 1 << 16


def show_coverage(ctx: typer.Context, file: str, as_json: bool) -> int:
    """`file`: metadata as Graph answered it, also packed by gzip; empty: Graph is asked."""
    if file:
        from shared.engines.csdl import read_metadata

        return screen_of(ctx, as_json).answer(_answer(read_metadata(_pieces(Path(file)))))

    async def ask(parts: Parts, screen: Screen) -> Answer:
        from shared.engines.csdl import ask_metadata

        directory = parts.deployment("asking Graph for its metadata").directory
        with screen.progress("reading Graph's metadata"):
            return _answer(await ask_metadata(directory))

    return with_parts(ctx, as_json, ask)


def _pieces(path: Path) -> Iterator[bytes]:
    import gzip
    import zlib

    try:
        with path.open("rb") as plain:
            packed = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as source:
            while piece := source.read(_PIECE):
                yield piece
    except (OSError, EOFError, zlib.error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "damaged, or cut short"
        raise Unusable(
            f"the metadata can't be read: {why}: {path}",
            hint="give a file that holds Graph's answer to GET /v1.0/$metadata, or none to ask Graph",
        ) from None


def _answer(metadata: Metadata) -> Answer:
    from shared.catalog.ledger import LEDGER
    from shared.catalog.registry import CATALOG
    from shared.cli.render import facts, line, listing, table
    from shared.engines.coverage import compare

    coverage = compare(CATALOG.types, metadata, LEDGER)
    excluded = Counter(exclusion.at.partition("/")[0] for exclusion in coverage.excluded)
    gaps = Counter(finding.at.partition("/")[0] for finding in (*coverage.gaps, *coverage.unknown))
    view = [
        table(
            ("Type", "Members read", "Excluded", "Not read yet"),
            [
                (name, str(read), str(excluded[name] or ""), str(gaps[name] or ""))
                for name, read in coverage.read.items()
            ],
            title=f"Coverage of catalog {CATALOG.version}",
            numbers=("Members read", "Excluded", "Not read yet"),
        ),
        facts([(f"Excluded: {why.value}", f"{number:,}") for why, number in coverage.by_reason.items() if number]),
        facts(
            [(f"Not read yet: {kind.value}", f"{number:,}") for kind, number in coverage.by_kind.items() if number]
        ),
        *(
            listing(title, [_spell(finding) for finding in found], limit=len(found))
            for title, found in (
                ("Not read yet, and known", coverage.gaps),
                ("Not known to the ledger", coverage.unknown),
            )
            if found
        ),
        *(
            listing(title, names, limit=len(names))
            for title, names in (
                ("Declared, and not in this metadata", coverage.absent),
                ("In the ledger, and not in this metadata", coverage.stale),
            )
            if names
        ),
        line(_verdict(coverage)),
    ]
    return Answer(_document(coverage, CATALOG.version), tuple(view), _FINDING if coverage.unknown else 0)


def _spell(finding: Finding) -> str:
    return f"{finding.at} ({finding.kind.value}, {finding.path})"


def _verdict(coverage: Coverage) -> str:
    if not coverage.unknown:
        return (
            "Everything that this metadata declares of the tenant is read, excluded, or known not to be read yet."
        )
    return (
        f"{len(coverage.unknown):,} not known to the ledger: Graph declares it, and this release neither reads nor "
        "excludes it. Look for a newer release; whatever Graph shows of it within an object is stored all the same."
    )


def _document(coverage: Coverage, version: str) -> dict[str, Any]:
    return {
        "catalogVersion": version,
        "read": dict(coverage.read),
        "excludedByReason": {why.value: number for why, number in coverage.by_reason.items()},
        "gapsByKind": {kind.value: number for kind, number in coverage.by_kind.items()},
        "unknown": [_member(finding) for finding in coverage.unknown],
        "gaps": [_member(finding) for finding in coverage.gaps],
        "excluded": [
            {"at": exclusion.at, "why": exclusion.why.value, "source": exclusion.source}
            for exclusion in coverage.excluded
        ],
        "absent": list(coverage.absent),
        "stale": list(coverage.stale),
    }


def _member(finding: Finding) -> dict[str, str]:
    return {"at": finding.at, "kind": finding.kind.value, "path": finding.path}

"""A snapshot in words: how complete it is, what it holds, whether it is protected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shared.cli.render import facts, line, listing, table
from shared.domain.snapshot import Manifest, State, TypeEntry
from shared.pages.text import count, moment, size

if TYPE_CHECKING:
    from rich.console import RenderableType


def is_whole(manifest: Manifest) -> bool:
    """Whether nothing that the run set out to read is partial, not permitted or not licensed."""
    return not incomplete(manifest)


def incomplete(manifest: Manifest) -> list[str]:
    """Types and relationships that are not complete, each with the reason. What was left out on purpose
    (`notRead`) is no failure of the run."""
    return [
        f"{name}: {entry.completeness}"
        for name, entry in _entries(manifest)
        if entry.completeness.state not in (State.COMPLETE, State.NOT_READ)
    ]


def summary(manifest: Manifest) -> str:
    """`14 complete`, `12 complete, 2 partial`."""
    tally = Counter(entry.completeness.state for _, entry in _entries(manifest))
    tally[State.NOT_READ] += len(manifest.not_read)
    return ", ".join(f"{tally[state]} {state.value}" for state in State if tally[state])


def completeness_table(manifest: Manifest) -> RenderableType:
    rows = [
        (
            name,
            f"{entry.count:,}",
            entry.completeness.state.value,
            entry.completeness.reason,
            _as_of(entry),
        )
        for name, entry in _entries(manifest)
    ]
    rows += [(name, "", State.NOT_READ.value, why, "") for name, why in sorted(manifest.not_read.items())]
    return table(("Type, relationship or members", "Count", "State", "Why", "As of"), rows, numbers=("Count",))


def _as_of(entry: TypeEntry) -> str:
    if entry.since is not None:
        return f"{moment(entry.since)} on"
    parts = f", parts {moment(min(entry.ages))}" if len(set(entry.ages)) > 1 else ""
    return moment(entry.as_of) + parts


def warnings(manifest: Manifest) -> list[RenderableType]:
    """What a reader must not overlook."""
    found: list[RenderableType] = []
    if not manifest.protected:
        found.append(
            line(
                f"UNPROTECTED: nothing stops these blobs from being deleted ({manifest.unprotected_why})",
                style="bold yellow",
            )
        )
    found += undeclared(manifest)
    if reasons := incomplete(manifest):
        found.append(listing("Not complete", reasons))
    return found


def undeclared(manifest: Manifest) -> list[RenderableType]:
    """What Graph declared when the run began and this release didn't know, or why that isn't known."""
    if manifest.undeclared_count:
        title = f"Declared by Graph and unknown to this release, {manifest.undeclared_count:,} in all"
        return [listing(title, list(manifest.undeclared))]
    if manifest.metadata_unread:
        return [line(f"Graph's metadata was not compared with the catalog: {manifest.metadata_unread}")]
    return []


def undeclared_document(manifest: Manifest) -> dict[str, Any]:
    return {
        "undeclared": list(manifest.undeclared),
        "undeclaredCount": manifest.undeclared_count,
        "metadataUnread": manifest.metadata_unread or None,
    }


def manifest_view(manifest: Manifest) -> list[RenderableType]:
    parts: list[RenderableType] = [
        facts(
            [
                ("Snapshot", manifest.snapshot),
                ("Tenant", manifest.tenant),
                ("Interval", f"{moment(manifest.started_at)} to {moment(manifest.ended_at)}"),
                ("Readable until", moment(manifest.retain_until)),
                ("Region", f"{manifest.region}, in {manifest.residency.place}"),
                ("Started by", manifest.trigger),
                ("Tool", f"{manifest.tool}, catalog {manifest.catalog_version}"),
                ("Blobs", f"{len(manifest.blobs):,}, {size(sum(blob.length for blob in manifest.blobs))}"),
                ("Merkle root", manifest.merkle_root),
                ("Orphans", count(len(manifest.orphans), "blob") if manifest.orphans else ""),
            ]
        ),
        completeness_table(manifest),
    ]
    if manifest.dangling_count:
        parts.append(
            listing(
                f"References that lead out of the snapshot, {manifest.dangling_count:,} in all; first ones",
                [
                    f"{one.source_type} {one.source} {one.relationship} → {one.target}: {one.reason}"
                    for one in manifest.dangling
                ],
                limit=10,
            )
        )
    return parts + warnings(manifest)


def manifest_document(manifest: Manifest) -> dict[str, Any]:
    """The manifest without its list of blobs, which is for the verifier."""
    return {
        "snapshot": manifest.snapshot,
        "tenant": manifest.tenant,
        "startedAt": manifest.started_at,
        "endedAt": manifest.ended_at,
        "retainUntil": manifest.retain_until,
        "retentionDays": manifest.retention_days,
        "region": manifest.region,
        "residency": manifest.residency,
        "trigger": manifest.trigger,
        "tool": manifest.tool,
        "catalogVersion": manifest.catalog_version,
        "protected": manifest.protected,
        "unprotectedWhy": manifest.unprotected_why,
        "complete": is_whole(manifest),
        "types": completeness_document(manifest.types),
        "relationships": completeness_document(manifest.relationships),
        "groups": completeness_document(manifest.groups),
        "notRead": dict(manifest.not_read),
        **undeclared_document(manifest),
        "danglingCount": manifest.dangling_count,
        "orphans": len(manifest.orphans),
        "blobs": len(manifest.blobs),
        "bytes": sum(blob.length for blob in manifest.blobs),
        "merkleRoot": manifest.merkle_root,
    }


def completeness_document(entries: dict[str, TypeEntry]) -> dict[str, Any]:
    return {
        name: {
            "state": entry.completeness.state,
            "reason": entry.completeness.reason,
            "count": entry.count,
            "asOf": entry.as_of,
            **({"oldestPart": min(entry.ages)} if entry.ages else {}),
            **({"since": entry.since} if entry.since is not None else {}),
        }
        for name, entry in sorted(entries.items())
    }


def _entries(manifest: Manifest) -> Sequence[tuple[str, TypeEntry]]:
    return sorted({**manifest.types, **manifest.relationships, **manifest.groups}.items())

"""A change set in words, for the terminal and the HTML page. Holds a bounded number of changes of each group,
however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from shared.domain.change import Change, ChangeKind, ChangeSet, PropertyChange, Summary
from shared.domain.objects import Json
from shared.pages.page import MAX_ROWS, members, render
from shared.pages.text import count, legible, shorten

if TYPE_CHECKING:
    from rich.console import RenderableType

    from shared.engines.view import View

KINDS = {
    ChangeKind.REMOVED: "removed",
    ChangeKind.ADDED: "added",
    ChangeKind.CHANGED: "changed",
    ChangeKind.LINK_REMOVED: "links removed",
    ChangeKind.LINK_ADDED: "links added",
}
_TONES = {
    ChangeKind.REMOVED: "cut",
    ChangeKind.LINK_REMOVED: "cut",
    ChangeKind.ADDED: "add",
    ChangeKind.LINK_ADDED: "add",
    ChangeKind.CHANGED: "warn",
}
_TERMINAL_ROWS = 12
_TARGETS = 4


@dataclass(slots=True)
class Collected:
    """The first changes of each group, and how many there are. `names`: what targets of links are called."""

    before: str
    after: str
    gaps: tuple[Any, ...]
    summary: Summary
    groups: dict[str, dict[ChangeKind, list[Change]]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


def group_name(change: Change) -> str:
    return f"{change.type}.{change.relationship}" if change.relationship else change.type


async def collect(changes: ChangeSet, keep_all: list[Change] | None = None, limit: int = MAX_ROWS) -> Collected:
    """Reads the change set once. `keep_all` takes every change, for the JSON document."""
    groups: dict[str, dict[ChangeKind, list[Change]]] = {}
    async for change in changes:
        if keep_all is not None:
            keep_all.append(change)
        rows = groups.setdefault(group_name(change), {}).setdefault(change.kind, [])
        if len(rows) < limit:
            rows.append(change)
    return Collected(changes.before, changes.after, changes.gaps, await changes.summary(), groups)


async def name_targets(collected: Collected, views: Sequence[View]) -> None:
    """Looks up the names of what the shown links lead to: ids alone tell a person nothing."""
    wanted: dict[str, set[str]] = {}
    for kinds in collected.groups.values():
        for rows in kinds.values():
            for change in rows:
                if change.target and change.target_type:
                    wanted.setdefault(change.target_type, set()).add(change.target)
    for type_name, ids in sorted(wanted.items()):
        for view in views:
            if missing := ids - collected.names.keys():
                async for entry in view.index(type_name):
                    if entry.id in missing:
                        collected.names[entry.id] = entry.name


def within(change: PropertyChange) -> list[tuple[str, Json, Json]]:
    """Where a change lies inside a large member: path, before, after; the whole member if that isn't told."""
    found = []
    for path in change.paths:
        steps = path.removeprefix(change.name).strip(".").split(".")
        one, other = _step_into(change.before, steps), _step_into(change.after, steps)
        if one is _ABSENT and other is _ABSENT:
            return [(change.name, change.before, change.after)]
        found.append((path, None if one is _ABSENT else one, None if other is _ABSENT else other))
    return found or [(change.name, change.before, change.after)]


_ABSENT: Any = object()


def _step_into(value: Json, steps: Sequence[str]) -> Any:
    for step in steps:
        if not isinstance(value, dict) or step not in value:
            return _ABSENT
        value = value[step]
    return value


def short(value: Json) -> str:
    """A value on one line of a terminal."""
    import json

    return shorten(json.dumps(legible(value), ensure_ascii=False), 80)


# --- terminal --------------------------------------------------------------------------------------------


def diff_view(collected: Collected) -> list[RenderableType]:
    from shared.cli.render import facts, line, listing, table

    kinds = [kind for kind in ChangeKind if collected.summary.of(kind)]
    parts: list[RenderableType] = [
        facts(
            [
                ("From", collected.before),
                ("To", collected.after),
                ("Changes", f"{collected.summary.total:,}"),
            ]
        )
    ]
    if not collected.summary.total:
        parts.append(line("Nothing differs." if not collected.gaps else "Nothing differs in what can be told."))
    else:
        parts.append(
            table(
                ("Type or relationship", *(KINDS[kind] for kind in kinds)),
                [
                    (name, *(f"{counts.get(kind.value, 0) or '':}" for kind in kinds))
                    for name, counts in collected.summary.counts.items()
                ],
                numbers=[KINDS[kind] for kind in kinds],
            )
        )
    for name, groups in collected.groups.items():
        for kind, rows in groups.items():
            total = collected.summary.counts[name][kind.value]
            parts.append(_terminal_group(f"{name}: {KINDS[kind]}", total, rows, collected.names))
    if collected.gaps:
        parts.append(
            listing(
                "Can't be told, because a listing is not complete",
                [f"{gap.name}, {KINDS[gap.kind]}: {gap.why}" for gap in collected.gaps],
            )
        )
    return parts


def _terminal_group(title: str, total: int, rows: Sequence[Change], names: Mapping[str, str]) -> RenderableType:
    from rich.console import Group
    from rich.padding import Padding

    from shared.cli.render import heading, line

    lines: list[RenderableType] = []
    shown = 0
    for text, details, covers in _entries(rows, names):
        if len(lines) >= _TERMINAL_ROWS:
            break
        lines.append(line("- " + text))
        lines += [Padding(line(detail), (0, 0, 0, 4)) for detail in details]
        shown += covers
    if total > shown:
        lines.append(line(f"… and {total - shown:,} more (--json or --html FILE shows them)"))
    return Group(heading(f"{title} ({total:,})"), Padding(Group(*lines), (0, 0, 1, 2)))


def _entries(rows: Sequence[Change], names: Mapping[str, str]) -> Iterable[tuple[str, list[str], int]]:
    """Headline, details, and how many changes they stand for: links of one source make one entry."""
    for _, together in groupby(rows, key=lambda change: (change.id, bool(change.target))):
        changes = list(together)
        if len(changes) == 1 or not changes[0].target:
            for change in changes:
                yield headline(change, names), list(_details(change)), 1
            continue
        first = changes[0]
        targets = [names.get(change.target) or change.target for change in changes[:_TARGETS]]
        more = f" and {len(changes) - _TARGETS:,} more" if len(changes) > _TARGETS else ""
        source = f"{first.name} ({first.id})" if first.name else first.id
        yield f"{source} → {len(changes):,}: {', '.join(targets)}{more}", [], len(changes)


def headline(change: Change, names: Mapping[str, str]) -> str:
    what = f"{change.name} ({change.id})" if change.name else change.id
    if change.target:
        target = names.get(change.target, "")
        return f"{what} → {change.target_type} " + (f"{target} ({change.target})" if target else change.target)
    return what + (f" of {change.parent}" if change.parent else "")


def _details(change: Change) -> Iterable[str]:
    for one in change.properties:
        for path, before, after in within(one):
            yield f"{path}: {short(before)} → {short(after)}"
    for credential in change.credentials:
        yield (
            f"{credential.member}: {'ADDED' if credential.added else 'removed'} key {credential.key_id}"
            + (f" ({credential.name})" if credential.name else "")
        )


# --- page ------------------------------------------------------------------------------------------------


def diff_page(collected: Collected, made_at: datetime) -> Iterable[str]:
    summary = collected.summary
    kinds = [kind for kind in ChangeKind if summary.of(kind)]
    where = f"holdfast diff {collected.before} {collected.after} --json"
    groups = []
    for number, (name, by_kind) in enumerate(collected.groups.items(), 1):
        sections = []
        for kind, rows in by_kind.items():
            total = summary.counts[name][kind.value]
            sections.append(
                {
                    "title": KINDS[kind],
                    "tone": _TONES[kind],
                    "count": f"{total:,}",
                    "is_link": kind in (ChangeKind.LINK_ADDED, ChangeKind.LINK_REMOVED),
                    "is_change": kind is ChangeKind.CHANGED,
                    "rows": [_page_row(change, collected.names) for change in rows],
                    "left_out": total - len(rows),
                    "left_out_text": f"{total - len(rows):,}",
                    "where": where,
                }
            )
        groups.append(
            {
                "anchor": f"g{number}",
                "name": name,
                "count": count(sum(summary.counts[name].values()), "change"),
                "sections": sections,
            }
        )
    context = {
        "facts": [("From", collected.before), ("To", collected.after), ("Changes", f"{summary.total:,}")],
        "kinds": [KINDS[kind] for kind in kinds],
        "table": [
            {
                "anchor": f"g{number}",
                "name": name,
                "numbers": [f"{counts[kind.value]:,}" if kind.value in counts else "" for kind in kinds],
            }
            for number, (name, counts) in enumerate(_in_order(collected), 1)
        ],
        "totals": [f"{summary.of(kind):,}" for kind in kinds],
        "gaps": [{"name": gap.name, "kind": KINDS[gap.kind], "why": gap.why} for gap in collected.gaps],
        "groups": groups,
    }
    return render("diff.html.j2", f"Changes from {collected.before} to {collected.after}", made_at, context)


def _in_order(collected: Collected) -> Iterable[tuple[str, dict[str, int]]]:
    for name in collected.groups:
        yield name, collected.summary.counts[name]


def _page_row(change: Change, names: Mapping[str, str]) -> dict[str, Any]:
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for one in change.properties:
        for path, old, new in within(one):
            before[path], after[path] = old, new
    return {
        "name": change.name,
        "id": change.id,
        "parent": change.parent,
        "target": change.target,
        "target_name": names.get(change.target, ""),
        "target_type": change.target_type,
        "member_count": count(len(before) + len(change.credentials), "member"),
        "members": members(before, after),
        "credentials": [
            {
                "member": credential.member,
                "key_id": credential.key_id,
                "name": credential.name,
                "what": "added" if credential.added else "removed",
                "tone": "cut" if credential.added else "warn",
            }
            for credential in change.credentials
        ],
    }

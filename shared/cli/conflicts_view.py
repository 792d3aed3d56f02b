"""A plan's conflicts in words: who is in the way, what may be said of it, and the command that plans anew."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any

from shared.domain.plan import Choice, Chosen, Conflict, ConflictKind, RestorePlan, Word

WORDS = {
    Word.SKIP: "leave it as it is",
    Word.KEEP: "the live object keeps what it holds",
    Word.TAKE: "write what the snapshot says",
    Word.ADOPT: "the live object is what became of it",
    Word.RENAME: "the live object gets another name first",
}
KINDS = {
    ConflictKind.NAME_HELD: "a live object holds the name of one that is missing",
    ConflictKind.VALUE_HELD: "a live object holds a value that another had",
    ConflictKind.PAIR_SPLIT: "one part of a pair is in the recycle bin, the other is gone",
    ConflictKind.CHANGED_SINCE: "changed since an earlier plan saw it",
}

_HELD = (ConflictKind.NAME_HELD, ConflictKind.VALUE_HELD)


def option(conflict: Conflict, word: Word) -> str:
    """What `holdfast plan` takes for it."""
    if word is Word.ADOPT:
        return f"--adopt {shlex.quote(f'{conflict.target}={conflict.live}')}"
    return f"--choose {shlex.quote(f'{conflict.type}/{conflict.target}={word.value}')}"


def again_command(plan: RestorePlan) -> str:
    """The command that plans the same anew, with the words that were heard; others are added behind it."""
    scope = plan.scope
    refused = {(one.type, one.target) for one in plan.chosen if not one.done and not one.by}
    parts = ["holdfast plan", shlex.quote(plan.snapshot)]
    for name, values in (
        ("--type", scope.types),
        ("--id", scope.ids),
        ("--member", scope.members),
        ("--domain-map", scope.domains),
    ):
        parts += [f"{name} {shlex.quote(one)}" for one in values]
    for name, asked in (
        ("--with-dependencies", scope.dependencies),
        ("--prune", scope.prune),
        ("--contain", scope.contain),
        ("--rescue", scope.rescue),
    ):
        parts += [name] if asked else []
    parts += [f"--despite-erasure {shlex.quote(one)}" for one in plan.despite_erasure]
    parts += [f"--adopt {shlex.quote(pair)}" for pair in scope.adopt]
    parts += [_said(one) for one in scope.choices if not _was_refused(one, refused)]
    return " ".join(parts)


def _was_refused(choice: Choice, refused: set[tuple[str, str]]) -> bool:
    return not choice.of and any(
        choice.id == target and choice.type in ("", type_name) for type_name, target in refused
    )


def _said(choice: Choice) -> str:
    if choice.of:
        return f"--choose-all {shlex.quote(f'{choice.of}={choice.word.value}')}"
    if choice.live:
        return f"--adopt {shlex.quote(f'{choice.id}={choice.live}')}"
    return f"--choose {shlex.quote(f'{choice.type}/{choice.id}={choice.word.value}')}"


def in_the_way(one: Conflict | Chosen) -> str:
    """`Anna (0123…), made at 2026-11-20T…, created by …`."""
    name = f"{one.live_name} ({one.live})" if one.live_name else one.live
    made = f", made at {one.live_created_at}" if one.live_created_at else ""
    return f"{name}{made}, created by {one.created_by or 'unknown (not in the audit log)'}"


def about(conflict: Conflict) -> str:
    """What it is, on one line."""
    what = f"{conflict.type} {conflict.name} ({conflict.target})"
    held = f"{conflict.key} is held by {in_the_way(conflict)}; " if conflict.kind in _HELD else ""
    return f"{what}: {held}{conflict.why}"


def conflict_lines(conflicts: Iterable[Conflict]) -> list[str]:
    return [
        f"{one.kind.value}: {about(one)}; "
        f"may be chosen: {', '.join(option(one, word) for word in one.words) or 'nothing'}"
        for one in conflicts
    ]


def chosen_lines(chosen: Iterable[Chosen]) -> list[str]:
    return [
        f"{one.word.value}{f' of all {one.by}' if one.by else ''}, {' '.join(_about(one))}: "
        f"{'' if one.done else 'NOT DONE: '}{one.why}{_of_whom(one)}"
        for one in chosen
    ]


def _of_whom(one: Chosen) -> str:
    return f"; live is {in_the_way(one)}" if one.done and one.live else ""


def _about(one: Chosen) -> list[str]:
    return [part for part in (one.type, one.name, f"({one.target})" if one.target else one.by) if part]


def options_document(plan: RestorePlan, flags: str) -> dict[str, Any]:
    """The command that plans anew, and what is added to it for each word on each open conflict."""
    open_ones = [
        {
            "type": one.type,
            "target": one.target,
            "kind": one.kind.value,
            "live": one.live,
            "options": {word.value: option(one, word) for word in one.words},
            "closed": dict(one.closed),
        }
        for one in plan.conflicts
    ]
    return {"again": again_command(plan) + flags, "open": open_ones}


# --- page


def conflict_box(conflict: Conflict, again: str, where: str) -> dict[str, Any]:
    """`where`: where to read on, if more stays out because of it than a page takes."""
    from shared.pages.page import cut

    held = conflict.kind in _HELD
    return {
        "name": conflict.name or conflict.target,
        "type": conflict.type,
        "facts": [
            ("In the snapshot", conflict.target),
            ("Live", f"{conflict.live_name} {conflict.live}".strip() if conflict.live != conflict.target else ""),
            ("Key that both hold" if held else "What it is about", conflict.key),
            ("What it is", f"{KINDS[conflict.kind]} ({conflict.kind.value})"),
            ("Why", conflict.why),
            ("The live one was created by", conflict.created_by or ("not found in the audit log" if held else "")),
            ("The live one was made at", conflict.live_created_at),
        ],
        "affects": cut(conflict.affects, where),
        "affects_count": f"{len(conflict.affects):,}",
        "words": [
            {"word": word.value, "what": WORDS[word], "command": f"{again} {option(conflict, word)}"}
            for word in conflict.words
        ],
        "closed": [{"word": word, "why": why} for word, why in sorted(conflict.closed.items())],
    }


def chosen_row(one: Chosen) -> dict[str, Any]:
    return {
        "word": one.word.value,
        "by": one.by,
        "type": one.type,
        "name": one.name or one.target,
        "target": one.target,
        "live": one.live,
        "done": one.done,
        "why": f"{one.why}{_of_whom(one)}",
    }

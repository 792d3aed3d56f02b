"""The report of a restore in words: is the tenant as it was, and if not, what differs and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.cli.after_care_view import by_owner
from shared.cli.conflicts_view import about
from shared.cli.plan_view import MECHANISMS, REASONS, before_and_after, tone
from shared.domain.plan import Operation, OutcomeState, Reason, RestorePlan
from shared.engines.report import AfterCare, Kind, LeftOff, Listed, NotDone, Report, Verdict
from shared.pages.page import cut, render
from shared.pages.text import count, duration, moment

if TYPE_CHECKING:
    from rich.console import RenderableType

VERDICTS = {
    Verdict.EQUAL: "the tenant equals the snapshot in every restorable property",
    Verdict.EQUAL_EXCEPT_LISTED: "the tenant equals the snapshot but for what is listed, each with its reason",
    Verdict.DIFFERS: "the tenant DIFFERS from the snapshot in ways that nothing explains",
}
_TONES = {Verdict.EQUAL: "good", Verdict.EQUAL_EXCEPT_LISTED: "warn", Verdict.DIFFERS: "bad"}
_KINDS = {
    Kind.MISSING: "is missing",
    Kind.CHANGED: "is not as in the snapshot",
    Kind.ADDED: "was added since",
    Kind.LINK_MISSING: "lacks the link to",
    Kind.LINK_ADDED: "has gained the link to",
    Kind.OLD_REFERENCE: "refers to the old id",
    Kind.NOT_COMPARED: "could not be compared",
}
_STATES = {
    OutcomeState.DONE.value: "done",
    OutcomeState.ALREADY.value: "already as wanted",
    OutcomeState.CHANGED.value: "changed since the plan, not written",
    OutcomeState.REFUSED.value: "refused by Graph",
    OutcomeState.GUARD.value: "left off by the lock-out guard",
    OutcomeState.ERASED.value: "on the erasure list since, not written",
    OutcomeState.NOT_APPROVED.value: "not approved by name, not written",
    OutcomeState.BLOCKED.value: "not sent: what it depends on was not done",
    OutcomeState.UNKNOWN.value: "unknown",
    OutcomeState.WAITING.value: "waiting",
    "notReadBack": "written, but not read back",
}

_DECISIONS = frozenset(one.value for one in (OutcomeState.GUARD, OutcomeState.ERASED, OutcomeState.NOT_APPROVED))


def exit_code(report: Report) -> int:
    """0 equal but for what is listed; 3 something unexplained; 4 operations that did not end well. What the guard,
    the erasure list or the approvers left out is a decision and no failure."""
    if report.verdict is Verdict.DIFFERS:
        return 3
    failed = any(one.state not in _DECISIONS for one in report.not_done)
    return 4 if failed else 0


def in_words(reason: str) -> str:
    """A reason or a state, spelled out."""
    if reason in _STATES:
        return _STATES[reason]
    return REASONS[Reason(reason)] if reason in set(Reason) else reason or "nothing explains it"


def listed_line(one: Listed) -> str:
    what = f"{one.type} {one.name} ({one.target})" if one.name else f"{one.type} {one.target}"
    if one.live and one.live != one.target:
        what += f", now {one.live},"
    more = " ".join(part for part in (one.member, one.other) if part)
    return f"{what} {_KINDS[one.kind]}" + (f" {more}" if more else "") + (f": {one.why}" if one.why else "")


def _guarded_line(one: LeftOff) -> str:
    return f"{one.type} {one.name} ({one.target}): {one.why}"


def _guarded_row(one: LeftOff) -> dict[str, str]:
    return {"type": one.type, "name": one.name, "target": one.target, "why": one.why}


def by_reason(listed: Iterable[Listed]) -> list[tuple[str, list[Listed]]]:
    groups: defaultdict[str, list[Listed]] = defaultdict(list)
    for one in listed:
        groups[one.reason].append(one)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


# --- terminal --------------------------------------------------------------------------------------------


def report_view(report: Report) -> list[RenderableType]:
    from shared.cli.render import facts, heading, line, listing, table

    style = {"good": "bold green", "warn": "bold yellow", "bad": "bold red"}[_TONES[report.verdict]]
    view: list[RenderableType] = [
        line(f"Verdict: {report.verdict.value}: {VERDICTS[report.verdict]}", style=style),
        facts(
            [
                ("Plan", report.plan),
                ("Digest", report.digest),
                ("Snapshot", report.snapshot),
                ("Live as of", moment(report.live_as_of)),
                ("Compared", ", ".join(f"{number:,} {name}" for name, number in sorted(report.counts.items()))),
                (
                    "Operations",
                    ", ".join(f"{number:,} {in_words(name)}" for name, number in report.outcomes.items()),
                ),
                ("Journal", f"{count(report.journal_blobs, 'blob')}, root {report.journal_root}"),
            ]
        ),
        table(
            ("Wave", "What", "Operations", "Attempts", "Time", "Forecast"),
            [
                (
                    str(wave.number),
                    wave.title,
                    f"{wave.operations:,}",
                    f"{wave.attempts:,}",
                    duration(wave.seconds),
                    duration(wave.forecast.seconds),
                )
                for wave in report.waves
            ],
            numbers=("Wave", "Operations", "Attempts", "Time", "Forecast"),
        ),
    ]
    if report.unexpected_count:
        view.append(
            listing(
                f"UNEXPLAINED, {report.unexpected_count:,} in all; first ones",
                [listed_line(one) for one in report.unexpected],
            )
        )
    if report.new_ids:
        view.append(
            listing(
                "New ids", [f"{one.type} {one.name}: {one.old} → {one.new}" for one in report.new_ids], limit=15
            )
        )
    if report.conflicts:
        view.append(
            listing(
                "Conflicts: nothing was done with these",
                [about(one) for one in report.conflicts],
            )
        )
    if report.left_off:
        view.append(
            listing(
                "Left off, not turned on",
                [_guarded_line(one) for one in report.left_off],
            )
        )
    if report.alone:
        view.append(
            listing(
                "Turned on by the lock-out guard's word alone",
                [_guarded_line(one) for one in report.alone],
            )
        )
    if report.untold:
        view.append(listing("Not known while it ran", list(report.untold)))
    if report.not_done:
        view.append(
            listing(
                "Operations that did not end well",
                [
                    f"{one.type} {one.name} ({one.target}), {one.mechanism}: {in_words(one.state)}: {one.why}"
                    for one in report.not_done
                ],
                limit=15,
            )
        )
    if report.by_reason:
        view.append(
            table(
                ("Not as in the snapshot, because", "How many"),
                [
                    (in_words(reason), f"{number:,}")
                    for reason, number in sorted(report.by_reason.items(), key=lambda pair: -pair[1])
                ],
                numbers=("How many",),
            )
        )
    if report.after_care:
        view.append(heading(f"What is left for people to do ({len(report.after_care):,})"))
        view.append(
            table(
                ("Whom to ask", "What", "How many", "For example", "Where"),
                [
                    (owner, what, f"{len(group):,}", f"{group[0].type} {group[0].name}", group[0].where)
                    for owner, cared in by_owner(report.after_care)
                    for what, group in _by_what(cared)
                ],
                numbers=("How many",),
            )
        )
    return view


def _by_what(cared: Iterable[AfterCare]) -> list[tuple[str, list[AfterCare]]]:
    groups: defaultdict[str, list[AfterCare]] = defaultdict(list)
    for one in cared:
        groups[one.what].append(one)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


# --- page ------------------------------------------------------------------------------------------------


def report_page(report: Report, made_at: datetime, plan: RestorePlan | None = None) -> Iterable[str]:
    """`plan`: the one that ran; with it the page shows before and after of all that was written."""
    where = f"holdfast status {report.plan} --json"
    context = {
        "tone": _TONES[report.verdict],
        "verdict": VERDICTS[report.verdict],
        "facts": [
            ("Plan", report.plan),
            ("Digest", report.digest),
            ("Snapshot", report.snapshot),
            ("Verified at", moment(report.made_at)),
            ("Live as of", moment(report.live_as_of)),
            ("Journal", f"{count(report.journal_blobs, 'blob')}, root {report.journal_root}"),
        ],
        "counts": [(name, f"{number:,}") for name, number in sorted(report.counts.items())],
        "outcomes": [(in_words(name), f"{number:,}") for name, number in report.outcomes.items()],
        "waves": [
            {
                "number": wave.number,
                "title": wave.title,
                "operations": f"{wave.operations:,}",
                "attempts": f"{wave.attempts:,}",
                "time": duration(wave.seconds),
                "forecast": duration(wave.forecast.seconds),
                "approvers": ", ".join(wave.approvers) + (" BY OVERRIDE" if wave.override else ""),
            }
            for wave in report.waves
        ],
        "unexpected_count": f"{report.unexpected_count:,}" if report.unexpected_count else "",
        "unexpected": cut(_rows(report.unexpected), where),
        "new_ids": cut(
            [{"type": one.type, "name": one.name, "old": one.old, "new": one.new} for one in report.new_ids], where
        ),
        "conflicts": cut(
            [
                {
                    "type": one.type,
                    "name": one.name,
                    "target": one.target,
                    "live": one.live,
                    "key": one.key,
                    "why": one.why,
                    "created_by": one.created_by or "not found in the audit log",
                }
                for one in report.conflicts
            ],
            where,
        ),
        "left_off": cut([_guarded_row(one) for one in report.left_off], where),
        "untold": list(report.untold),
        "alone": cut([_guarded_row(one) for one in report.alone], where),
        "not_done": cut(
            [
                {
                    "type": one.type,
                    "name": one.name,
                    "target": one.target,
                    "mechanism": one.mechanism,
                    "state": in_words(one.state),
                    "why": one.why,
                }
                for one in report.not_done
            ],
            where,
        ),
        "changes": _changes(plan, report, where) if plan is not None else [],
        "listed": [
            {
                "title": in_words(reason),
                "count": f"{report.by_reason.get(reason, len(group)):,}",
                **cut(_rows(group), where),
            }
            for reason, group in by_reason(report.listed)
        ],
        "after_care": [
            {
                "title": owner,
                "count": f"{len(cared):,}",
                **cut(
                    [
                        {"what": one.what, "type": one.type, "name": one.name, "live": one.live, "where": one.where}
                        for _, group in _by_what(cared)
                        for one in group
                    ],
                    where,
                ),
            }
            for owner, cared in by_owner(report.after_care)
        ],
    }
    return render("report.html.j2", f"Report of restore {report.plan}", made_at, context, searched=True)


def _changes(plan: RestorePlan, report: Report, where: str) -> list[dict[str, Any]]:
    """All operations by type, each with what became of it."""
    names = {operation.target: operation.name for operation in plan.operations}
    not_done = {one.operation: one for one in report.not_done}
    new = {one.old: one.new for one in report.new_ids}
    groups: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in plan.operations:
        groups[operation.type].append(operation)
    shown = []
    for type_name, operations in sorted(groups.items()):
        part = cut(operations, where)
        rows = [_change(one, names, not_done.get(one.id), new.get(one.target, "")) for one in part["rows"]]
        shown.append({"title": type_name, "count": f"{len(operations):,}", **part, "rows": rows})
    return shown


def _change(operation: Operation, names: dict[str, str], failed: NotDone | None, live: str) -> dict[str, Any]:
    return {
        "mechanism": MECHANISMS[operation.mechanism],
        "tone": tone(operation.mechanism),
        "name": operation.name or operation.target,
        "type": operation.type,
        "target": operation.target,
        "live": live,
        "state": in_words(failed.state) if failed is not None else "",
        "why": failed.why if failed is not None else operation.why,
        "members": before_and_after(operation, names),
    }


def _rows(listed: Sequence[Listed]) -> list[dict[str, str]]:
    return [
        {
            "type": one.type,
            "name": one.name,
            "target": one.target,
            "live": one.live if one.live != one.target else "",
            "what": _KINDS[one.kind],
            "member": one.member,
            "other": one.other,
            "why": one.why,
        }
        for one in listed
    ]

"""The page of an evidence document, for an auditor: a function of the document and of nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final, TypeVar

from markupsafe import Markup

from shared.domain.evidence import (
    RESTORE_APP,
    Armed,
    EvidenceDocument,
    Facts,
    Row,
    SnapshotFact,
    Snapshots,
    Status,
    Topic,
)
from shared.domain.snapshot import State
from shared.domain.vault import EXTENSIONS
from shared.pages.charts import Frame, Point, area, drawing, level, marks, nice, strip
from shared.pages.page import cut, render, show
from shared.pages.text import count, duration, moment, size

T = TypeVar("T")
STATUS_WORDS: Final[Mapping[Status, str]] = {
    Status.NOT_MET: "not met",
    Status.UNAVAILABLE: "source unavailable",
    Status.DUTY: "customer's duty",
    Status.SUPPORTS: "supports",
}
_TONES: Final[Mapping[Status, str]] = {
    Status.NOT_MET: "cut",
    Status.UNAVAILABLE: "warn",
    Status.DUTY: "duty",
    Status.SUPPORTS: "add",
}
_TITLES: Final[Mapping[Topic, str]] = {
    Topic.SNAPSHOTS: "Snapshots",
    Topic.COMPLETENESS: "Completeness",
    Topic.RETENTION: "Retention",
    Topic.RESIDENCY: "Regions",
    Topic.SEGREGATION: "Segregation",
    Topic.ACCESS: "Access",
    Topic.READS: "Reads",
    Topic.VERIFICATION: "Verification",
    Topic.RESTORES: "Restores",
    Topic.ARMING: "Arming",
    Topic.DRILLS: "Drills",
    Topic.TARGETS: "Recovery targets",
    Topic.KEYS: "Keys",
    Topic.PACKAGE: "Package",
}
# Columns of our own few words and days, which are never broken.
_SHORT: Final = frozenset(
    {
        *(
            "By",
            "Kept until",
            "State",
            "Promised",
            "Policy",
            "Lock",
            "Extensions",
            "Set on",
            "Trusted",
            "In use now",
        ),
        *("Purpose", "Since", "Recovery point", "Recovery time"),
    }
)
_WHERE: Final = "evidence.json"
_HOUR: Final = 3600.0


def evidence_page(document: EvidenceDocument) -> bytes:
    """UTF-8; the same document always gives the same bytes."""
    facts = document.facts
    drawn = facts.snapshots is not None and bool(facts.snapshots.taken)
    context = {
        "facts": [
            ("Tenant", facts.tenant),
            ("Period", f"{_day(facts.period.start)} to {_day(facts.period.last)} (UTC, both included)"),
            ("Gathered", moment(facts.made_at)),
            ("By", facts.tool),
            ("Head of the chain", facts.head or "none"),
            ("Signed in", "evidence.jws beside this page"),
        ],
        "tally": [
            {"count": f"{_with(document.rows, status)}", "name": words, "tone": _TONES[status]}
            for status, words in STATUS_WORDS.items()
        ],
        "charts": _charts(facts) if drawn else [],
        "types": _types(facts) if drawn else {},
        "nothing": facts.away.get(Topic.SNAPSHOTS, "no snapshot was taken in the period"),
        "rules": [
            {"rule": rule, "rows": [_control(one) for one in rows]}
            for rule, rows in groupby(document.rows, key=lambda row: row.rule)
        ],
        "not_mapped": document.not_mapped,
        "sections": [_section(topic, facts) for topic in Topic],
    }
    title = f"Evidence of backup and recovery, {_day(facts.period.start)} to {_day(facts.period.last)}"
    return "".join(render("evidence.html.j2", title, facts.made_at, context)).encode()


def _with(rows: Sequence[Row], status: Status) -> int:
    return sum(row.status is status for row in rows)


def _control(row: Row) -> dict[str, Any]:
    return {
        "control": row.control,
        "asks": row.asks,
        "status": STATUS_WORDS[row.status],
        "tone": _TONES[row.status],
        "why": [
            {"anchor": topic.value, "topic": _TITLES[topic], "text": why}
            for topic, why in zip(row.rests_on, row.why, strict=True)
        ],
        "duty": row.duty,
    }


# --- charts ----------------------------------------------------------------------------------------------


def _charts(facts: Facts) -> list[dict[str, Any]]:
    of = _held(facts.snapshots)
    start, end = facts.period.start, min(facts.period.end, facts.made_at)
    middle = start + (end - start) / 2
    axis = {"left": _day(start), "middle": _day(middle), "right": _day(end - timedelta(seconds=1))}
    return [{**_age_chart(facts, of, start, end), **axis}, {**_objects_chart(of, start, end), **axis}]


def _age_chart(facts: Facts, of: Snapshots, start: datetime, end: datetime) -> dict[str, Any]:
    ages = ages_over_time(of, start, end)
    worst = max((age for _, age in ages), default=0.0)
    goal = min((one.rpo_hours for one in facts.targets.set), default=None) if facts.targets is not None else None
    top = nice(max(worst, (goal or 0.0) * _HOUR) / _HOUR)
    frame = Frame(start.timestamp(), end.timestamp(), top * _HOUR)
    told = f"at most {duration(worst)}"
    told += f"; target {goal:g} h (dashed)" if goal is not None else ""
    told += f"; {count(len(of.missed), 'missed backup')} (upright lines)" if of.missed else ""
    parts = [marks(frame, [at.timestamp() for at in of.missed]), area(frame, ages)]
    if goal is not None:
        parts.append(level(frame, goal * _HOUR))
    return {
        "title": "Age of the newest backup",
        "told": told,
        "top": f"{top:g} h",
        "drawing": drawing(f"Age of the newest backup over the period: {told}", *parts),
    }


def ages_over_time(of: Snapshots, start: datetime, end: datetime) -> list[Point]:
    """Seconds since the start of the newest finished snapshot: grows, and falls when one is finished. Points are
    (seconds since 1970, age)."""
    points: list[Point] = []
    newest = of.before
    if newest is not None:
        points.append((start.timestamp(), (start - newest).total_seconds()))
    for one in sorted(of.taken, key=lambda fact: fact.ended_at):
        if newest is not None:
            points.append((one.ended_at.timestamp(), (one.ended_at - newest).total_seconds()))
        newest = max(one.started_at, newest or one.started_at)
        points.append((one.ended_at.timestamp(), (one.ended_at - newest).total_seconds()))
    if newest is not None:
        points.append((end.timestamp(), (end - newest).total_seconds()))
    return points


def _objects_chart(of: Snapshots, start: datetime, end: datetime) -> dict[str, Any]:
    totals = [
        (one.started_at.timestamp(), float(sum(one.objects.values())))
        for one in of.taken
        if one.objects is not None
    ]
    most = max((total for _, total in totals), default=0.0)
    frame = Frame(start.timestamp(), end.timestamp(), nice(most))
    told = f"{totals[0][1]:,.0f} at first, {totals[-1][1]:,.0f} at last" if totals else "none could be read"
    return {
        "title": "Objects in each snapshot",
        "told": told,
        "top": f"{frame.top:,.0f}",
        "drawing": drawing(f"Objects in each snapshot over the period: {told}", area(frame, totals)),
    }


def _types(facts: Facts) -> dict[str, Any]:
    """One line a type or relationship: how many, and how complete, over the period."""
    of = _held(facts.snapshots)
    read = [one for one in of.taken if one.gaps is not None]
    named = sorted({name for one in read for name in (*(one.objects or {}), *(one.gaps or {}))})
    rows = []
    for name in named:
        counts = [
            (one.started_at.timestamp(), float(one.objects[name]))
            for one in read
            if one.objects is not None and name in one.objects
        ]
        whole = sum(name not in (one.gaps or {}) for one in read)
        tones = [_tone(one, name) for one in of.taken]
        rows.append(
            [
                of.names.get(name, name),
                Markup('<div class="spark">{}</div>').format(_spark(counts)) if len(counts) > 1 else "",
                f"{counts[-1][1]:,.0f}" if counts else "",
                Markup('<div class="strip">{}</div>').format(
                    strip(f"complete in {whole} of {len(of.taken)} snapshots", tones)
                ),
                f"{whole} of {len(of.taken)}",
            ]
        )
    columns = ("Type", "Objects over time", "At last", "Completeness over time", "Complete in")
    return _grid("", columns, rows, "No snapshot of the period could be read.", ("At last", "Complete in"))


def _spark(points: list[Point]) -> Markup:
    frame = Frame(points[0][0], points[-1][0], max(value for _, value in points) * 1.15)
    return drawing(f"from {points[0][1]:,.0f} to {points[-1][1]:,.0f}", area(frame, points))


def _tone(one: SnapshotFact, name: str) -> str:
    if one.gaps is None:
        return "away"
    gap = one.gaps.get(name)
    if gap is None:
        return "whole"
    return "part" if gap.state is State.PARTIAL else "none"


# --- what was read, topic by topic --------------------------------------------------------------------------


def _section(topic: Topic, facts: Facts) -> dict[str, Any]:
    section: dict[str, Any] = {
        "anchor": topic.value,
        "title": _TITLES[topic],
        "away": "",
        "facts": [],
        "tables": [],
    }
    if topic in facts.away:
        return {**section, "away": facts.away[topic]}
    pairs, tables = _SECTIONS[topic](facts)
    return {**section, "facts": pairs, "tables": tables}


def _snapshots(facts: Facts) -> Any:
    of = _held(facts.snapshots)
    pairs = [
        ("Schedule", f"{of.schedule} (UTC), {count(of.expected, 'firing')} in the period"),
        ("Taken", f"{len(of.taken):,}"),
        ("Missed", f"{len(of.missed):,}"),
        ("Failed", f"{sum(run.failed for run in of.open):,}"),
        ("Damaged chain entries", "; ".join(of.damaged)),
    ]
    taken = [
        [
            _id(one.snapshot),
            one.trigger,
            moment(one.started_at),
            duration((one.ended_at - one.started_at).total_seconds()),
            f"{sum(one.objects.values()):,}" if one.objects is not None else "not read",
            one.unread or ("yes" if one.protected else f"no: {one.unprotected_why}"),
            _day(one.retain_until),
        ]
        for one in of.taken
    ]
    columns = ("Snapshot", "By", "Started", "Took", "Objects", "Protected", "Kept until")
    gone = [
        [
            _id(run.snapshot),
            moment(run.started_at),
            "failed" if run.failed else "under way",
            f"{len(run.missing):,} of {run.items:,} items missing",
            "; ".join(f"{item}: {why}" for item, why in run.why.items()) or "no reason on record",
        ]
        for run in of.open
    ]
    return pairs, [
        _grid("Taken", columns, taken, "None.", ("Took", "Objects")),
        _grid("Missed", ("Scheduled for",), [[moment(at)] for at in of.missed], "None."),
        _grid("Not committed", ("Run", "Started", "State", "Read", "Why (rows: only hints)"), gone, "None."),
    ]


def _completeness(facts: Facts) -> Any:
    of = _held(facts.snapshots)
    found: dict[tuple[str, str, str], list[SnapshotFact]] = {}
    for one in of.taken:
        for name, gap in (one.gaps or {}).items():
            found.setdefault((name, gap.state.value, gap.reason), []).append(one)
    rows = [
        [of.names.get(name, name), _words(state), reason, f"{len(ones):,}", _id(ones[-1].snapshot)]
        for (name, state, reason), ones in sorted(found.items())
    ]
    columns = ("Type or relationship", "State", "Why", "Snapshots", "Last")
    return [], [
        _grid("", columns, rows, "Every type and relationship is complete in every snapshot.", ("Snapshots",))
    ]


def _retention(facts: Facts) -> Any:
    rows = [
        [
            one.name,
            count(one.promised_days, "day"),
            count(one.days, "day") if one.days else "no policy",
            "locked" if one.locked else "not locked",
            f"{one.extended} of {EXTENSIONS}",
            ", ".join(f"{tag} since {_day(since)}" for tag, since in one.holds.items()) or "none",
            "; ".join((*one.breaks, *one.remarks)) or "nothing",
        ]
        for one in _held(facts.retention).containers
    ]
    columns = ("Container", "Promised", "Policy", "Lock", "Extensions", "Legal holds", "Found")
    return [], [_grid("", columns, rows, "No container.")]


def _residency(facts: Facts) -> Any:
    of = _held(facts.residency)
    return [
        ("Region as set", of.configured),
        ("Primary location as read", of.primary or "unknown"),
        ("Secondary location as read", of.secondary or "none"),
        ("Promised", of.place),
        ("Outside it", ", ".join(of.outside) or "none"),
    ], []


def _segregation(facts: Facts) -> Any:
    of = _held(facts.segregation)
    return [
        ("Tenant that guards the vault", _id(of.vault_tenant)),
        ("Protected tenant", _id(of.protected_tenant)),
        ("Apart", "yes" if of.apart else "no"),
    ], []


def _access(facts: Facts) -> Any:
    of = _held(facts.access)
    columns = ("Role", "Holder", "Given at", "Condition", "Since", "Change")
    rows = [
        [
            one.role,
            Markup("{} {}").format(show(one.principal_type), _id(one.principal)),
            _id(one.scope),
            one.condition or "none",
            _day(one.created_at),
            change,
        ]
        for ones, change in ((of.assignments, ""), (of.gone, "gone"))
        for one in ones
        for change in (change or ("made or altered in the period" if one.id in of.changed else ""),)
    ]
    pairs = [("Compared with", _id(of.compared_with) if of.compared_with else "no earlier evidence")]
    return pairs, [_grid("", columns, rows, "No role assignment reaches the vault.")]


def _reads(facts: Facts) -> Any:
    of = _held(facts.reads)
    rows = [
        [
            _id(one.identity or "not named"),
            one.authentication,
            one.operation,
            f"{one.count:,}",
            f"{one.refused:,}",
            moment(one.first),
            moment(one.last),
        ]
        for one in of.counts
    ]
    columns = ("Identity", "Signed in by", "Operation", "Times", "Refused", "First", "Last")
    pairs = [("Left out here", f"{count(of.more, 'line')} of less frequent reads")] if of.more else []
    return pairs, [_grid("", columns, rows, "The log holds no read.", ("Times", "Refused"))]


def _verification(facts: Facts) -> Any:
    of = _held(facts.verification)
    return [
        ("Verified", moment(of.at)),
        ("Snapshot", _id(of.snapshot or "none")),
        ("Chain entries", f"{of.entries:,}"),
        ("Blobs", f"{of.blobs:,} ({size(of.bytes)})"),
        ("Notes", "; ".join(of.notes)),
    ], [_grid("Findings", ("Finding",), [[one] for one in of.findings], "None: everything is as it was committed.")]


def _restores(facts: Facts) -> Any:
    of = _held(facts.restores)
    rows = [
        [
            _id(one.plan),
            _id(one.snapshot),
            _people(wave.approvers for wave in one.waves)
            + (Markup("<br>by override") if any(wave.override for wave in one.waves) else ""),
            f"{moment(one.waves[0].started_at)} ({count(len(one.waves), 'wave')})",
            duration(one.seconds) if one.seconds is not None else "",
            _words(one.verdict) if one.verdict else ("cancelled" if one.cancelled else "not compared yet"),
            _differences(one.differences, one.unexplained, one.not_done, one.left_off),
        ]
        for one in of.run
    ]
    columns = ("Plan", "Snapshot", "Approved by", "Began", "Took", "Compared with the snapshot", "Differences")
    damaged = [[_id(plan), why] for plan, why in of.damaged.items()]
    pairs = [("Approvals needed for each wave", f"{of.needed}" if of.needed else of.unapproved)]
    tables = [_grid("", columns, rows, "No restore was run.")]
    if damaged:
        tables.append(_grid("Evidence that is not as it was signed", ("Plan", "Why"), damaged, ""))
    return pairs, tables


def _people(waves: Iterable[Mapping[str, str]]) -> Markup:
    found = {key: person for wave in waves for key, person in wave.items()}
    return Markup("<br>").join(
        Markup("{} {}").format(show(person), _id(key)) for key, person in sorted(found.items())
    )


def _differences(listed: Mapping[str, int], unexplained: int, not_done: int, left_off: int) -> str:
    parts = [f"{number:,} {_words(reason)}" for reason, number in sorted(listed.items())]
    parts += [f"{number:,} {what}" for number, what in ((not_done, "not done"), (left_off, "left off")) if number]
    parts.append(f"{unexplained:,} unexplained")
    return ", ".join(parts)


def _arming(facts: Facts) -> Any:
    of = _held(facts.arming)
    rows = [
        [
            Markup("{}<br>{}").format(show(of.principals.get(one.principal, "")), _id(one.principal)),
            moment(one.on_at) if one.on_at is not None else "before what was read",
            one.on_by,
            moment(one.off_at) if one.off_at is not None else "still on",
            one.off_by,
            _span(one.on_at, one.off_at),
            _begun(facts, one),
        ]
        for one in of.spans
    ]
    columns = ("Service principal", "Switched on", "On by", "Switched off", "Off by", "For", "Waves begun")
    pairs = [("Audit log read until", moment(of.until) if of.until is not None else "not read")]
    tables = [_grid("", columns, rows, "None was switched.", ("For", "Waves begun"))]
    if of.holes:
        holes = [[moment(one.start), moment(one.end)] for one in of.holes]
        tables.append(_grid("Times of which no part of the audit log was read", ("From", "To"), holes, ""))
    if of.unread:
        unread = [[_id(name), why] for name, why in of.unread.items()]
        tables.append(_grid("Snapshots whose part of the log is not whole", ("Snapshot", "Why"), unread, ""))
    return pairs, tables


def _span(start: datetime | None, end: datetime | None) -> str:
    return duration((end - start).total_seconds()) if start is not None and end is not None else ""


def _begun(facts: Facts, one: Armed) -> str:
    """How many waves of restores began while the restore app was on."""
    if _held(facts.arming).principals.get(one.principal) != RESTORE_APP:
        return ""
    if facts.restores is None:
        return "not read"
    began = [wave.started_at for plan in facts.restores.run for wave in plan.waves]
    inside = [
        at for at in began if (one.on_at is None or one.on_at <= at) and (one.off_at is None or at < one.off_at)
    ]
    return f"{len(inside):,}"


def _drills(facts: Facts) -> Any:
    of = _held(facts.drills)
    return [("Drills", ", ".join(of.run) or "none run")], []


def _targets(facts: Facts) -> Any:
    of = _held(facts.targets)
    rows = [[one.function, f"{one.rpo_hours:g} h", f"{one.rto_hours:g} h", one.owner, one.set_on] for one in of.set]
    age = duration(of.oldest_age) if of.oldest_age is not None else "no snapshot"
    longest = duration(of.longest_restore) if of.longest_restore is not None else "no restore was run"
    columns = ("Function", "Recovery point", "Recovery time", "Owner", "Set on")
    return [("Oldest that the newest backup was", age), ("Longest restore", longest)], [
        _grid("", columns, rows, "No target is set.")
    ]


def _keys(facts: Facts) -> Any:
    rows = [
        [
            one.purpose,
            _id(one.key),
            "yes" if one.trusted else "no",
            "yes" if one.current else "no",
            f"{one.used:,}" if one.purpose == "snapshot" else "",
            f"{_day(one.first)} to {_day(one.last)}" if one.first is not None else "",
        ]
        for one in _held(facts.keys).keys
    ]
    columns = ("Purpose", "Key", "Trusted", "In use now", "Chain entries", "Of snapshots from")
    return [], [_grid("", columns, rows, "No key.", ("Chain entries",))]


def _package(facts: Facts) -> Any:
    of = _held(facts.package)
    return [("Program", of.tool), ("SHA-256 of the package", _id(of.sha256))], []


_SECTIONS: Final = {
    Topic.SNAPSHOTS: _snapshots,
    Topic.COMPLETENESS: _completeness,
    Topic.RETENTION: _retention,
    Topic.RESIDENCY: _residency,
    Topic.SEGREGATION: _segregation,
    Topic.ACCESS: _access,
    Topic.READS: _reads,
    Topic.VERIFICATION: _verification,
    Topic.RESTORES: _restores,
    Topic.ARMING: _arming,
    Topic.DRILLS: _drills,
    Topic.TARGETS: _targets,
    Topic.KEYS: _keys,
    Topic.PACKAGE: _package,
}


# --- small things ------------------------------------------------------------------------------------------


def _grid(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], none: str, numbers: Sequence[str] = ()
) -> dict[str, Any]:
    kinds = ["n" if one in numbers else "s" if one in _SHORT else "" for one in columns]
    return {"title": title, "columns": columns, "kinds": kinds, "none": none, **cut(rows, _WHERE)}


def _id(text: str) -> Markup:
    return Markup('<span class="id">{}</span>').format(show(text))


def _words(name: str) -> str:
    """`equalExceptListed` → `equal except listed`."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d}" if at is not None else "unknown"


def _held(value: T | None) -> T:
    assert value is not None  # what is not away was read
    return value

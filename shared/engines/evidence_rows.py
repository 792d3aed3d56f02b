"""What the facts mean for each control: pure, by rule, one judgement for each topic.

A control has the worst status of the topics it rests on. *Supports* means that what was read speaks for it, no
more; what a program can't show is the customer's duty; a fact that speaks against a control makes it *not met*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from shared.domain.controls import CONTROLS, NOT_MAPPED, Control
from shared.domain.evidence import EVIDENCE_FORMAT, RESTORE_APP, EvidenceDocument, Facts, Row, Status, Topic

T = TypeVar("T")
_ORDER: Final = tuple(Status)  # worst first
_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Judged:
    """What one topic comes to, in one line."""

    status: Status
    why: str


def document_of(facts: Facts) -> EvidenceDocument:
    """The document: the same facts always make the same."""
    return EvidenceDocument(EVIDENCE_FORMAT, facts, rows(facts), NOT_MAPPED)


def rows(facts: Facts) -> tuple[Row, ...]:
    judged = {topic: judge(topic, facts) for topic in Topic}
    last_day = facts.period.start.date()
    return tuple(_row(one, judged) for one in CONTROLS if one.until is None or last_day <= one.until)


def _row(control: Control, judged: Mapping[Topic, Judged]) -> Row:
    rests = [judged[topic] for topic in control.shows]
    return Row(
        rule=control.rule,
        control=control.control,
        asks=control.asks,
        status=min((one.status for one in rests), key=_ORDER.index, default=Status.DUTY),
        rests_on=control.shows,
        why=tuple(one.why for one in rests),
        duty=control.duty,
    )


def judge(topic: Topic, facts: Facts) -> Judged:
    """The status of one topic. What could not be read is said to be so, with the reason."""
    if topic in facts.away:
        return Judged(Status.UNAVAILABLE, f"source unavailable: {facts.away[topic]}")
    return _JUDGES[topic](facts)


def _against(topic_is_bad: bool, bad: str, good: str) -> Judged:
    return Judged(Status.NOT_MET, bad) if topic_is_bad else Judged(Status.SUPPORTS, good)


def _snapshots(facts: Facts) -> Judged:
    of = _held(facts.snapshots)
    failed = sum(run.failed for run in of.open)
    unprotected = sum(not one.protected for one in of.taken if not one.unread)
    unread = sum(bool(one.unread) for one in of.taken)
    told = (
        f"snapshots taken: {len(of.taken)}; scheduled ones missed: {len(of.missed)} of {of.expected}; failed runs: "
        f"{failed}; unprotected: {unprotected}; manifest not read: {unread}; damaged chain entries: "
        f"{len(of.damaged)}"
    )
    bad = bool(of.missed or failed or unprotected or of.damaged or not of.taken)
    return _against(bad, told, told)


def _completeness(facts: Facts) -> Judged:
    of = _held(facts.snapshots)
    read = [one for one in of.taken if one.gaps is not None]
    if not read:
        return Judged(Status.NOT_MET, "no snapshot of the period could be read")
    gaps = sorted({name for one in read for name in one.gaps or {}})
    off = sorted({name for one in read for name in one.off})
    whole = sum(not one.gaps for one in read)
    told = f"{whole} of {len(read)} snapshots are complete in every type and relationship"
    told += f"; left off on purpose: {', '.join(off)}" if off else ""
    undeclared = sorted({name for one in read for name in one.undeclared})
    told += f"; declared by Graph and unknown to the release: {', '.join(undeclared)}" if undeclared else ""
    return _against(bool(gaps), f"{told}; not always complete: {', '.join(gaps)}", told)


def _retention(facts: Facts) -> Judged:
    of = _held(facts.retention)
    broken = [f"{one.name}: {'; '.join(one.breaks)}" for one in of.containers if one.breaks]
    good = ", ".join(f"{one.name} locked for {one.days} days" for one in of.containers)
    return _against(bool(broken), " · ".join(broken), good)


def _residency(facts: Facts) -> Judged:
    of = _held(facts.residency)
    told = f"set {of.configured}, primary {of.primary or 'unknown'}, secondary {of.secondary or 'none'}"
    bad = bool(of.outside) or not of.primary
    return _against(bad, f"{told}; outside {of.place} or unknown: {', '.join(of.outside) or 'primary'}", told)


def _segregation(facts: Facts) -> Judged:
    of = _held(facts.segregation)
    return _against(
        not of.apart,
        "the vault's subscription is guarded by the protected tenant itself: who holds the tenant reaches the "
        "vault's roles",
        "the vault's subscription is guarded by another tenant than the protected one",
    )


def _access(facts: Facts) -> Judged:
    of = _held(facts.access)
    compared = f"gone since: {len(of.gone)}" if of.compared_with else "no earlier evidence to compare with"
    return Judged(
        Status.SUPPORTS,
        f"role assignments that reach the vault: {len(of.assignments)}; made or altered in the period: "
        f"{len(of.changed)}; {compared}",
    )


def _reads(facts: Facts) -> Judged:
    of = _held(facts.reads)
    total = sum(one.count for one in of.counts)
    identities = len({one.identity for one in of.counts})
    return Judged(Status.SUPPORTS, f"on record: {total:,}, by identities: {identities}")


def _verification(facts: Facts) -> Judged:
    of = _held(facts.verification)
    told = f"the chain ({of.entries} entries) and {of.snapshot or 'no snapshot'} ({of.blobs:,} blobs) were verified"
    return _against(bool(of.findings), f"{told}; findings: {len(of.findings)}", f"{told}, nothing found")


def _restores(facts: Facts) -> Judged:
    of = _held(facts.restores)
    if of.damaged:
        return Judged(Status.NOT_MET, f"plans whose evidence is not as it was signed: {len(of.damaged)}")
    differing = [one for one in of.run if one.unexplained or one.verdict == "differs"]
    open_ = [one for one in of.run if not one.verdict and not one.cancelled]
    if differing or open_:
        return Judged(
            Status.NOT_MET,
            f"restores: {len(of.run)}; with unexplained differences: {len(differing)}; not compared with their "
            f"snapshot: {len(open_)}",
        )
    if not of.needed:
        return Judged(Status.DUTY, f"no restore can run: {of.unapproved}")
    if of.needed == 1:
        return Judged(Status.NOT_MET, "one approval lets a restore run; two people are asked for")
    if overridden := [one for one in of.run if any(wave.override for wave in one.waves)]:
        return Judged(
            Status.NOT_MET,
            f"restores that an override let run with fewer than {of.needed} approvals: {len(overridden)}",
        )
    done = f"restores, each compared with its snapshot: {len(of.run)}" if of.run else "no restore was run"
    return Judged(Status.SUPPORTS, f"{of.needed} approvals are needed for each wave; {done}")


def _arming(facts: Facts) -> Judged:
    of = _held(facts.arming)
    still = sum(one.off_at is None for one in of.spans)
    told = f"times that a service principal of Holdfast's was switched on: {len(of.spans)}; still on: {still}"
    if RESTORE_APP not in of.principals.values():
        return Judged(Status.UNAVAILABLE, "no snapshot of the period holds the restore app's service principal")
    if of.holes:
        return Judged(
            Status.UNAVAILABLE, f"{told}; times of which no part of the audit log was read: {len(of.holes)}"
        )
    return Judged(Status.SUPPORTS, f"{told}; each with who did it")


def _drills(facts: Facts) -> Judged:
    of = _held(facts.drills)
    if of.run:
        return Judged(Status.SUPPORTS, f"drills run: {len(of.run)}")
    return Judged(Status.DUTY, "none run")


def _targets(facts: Facts) -> Judged:
    of = _held(facts.targets)
    if not of.set:
        return Judged(Status.DUTY, "no recovery targets are set (HOLDFAST_RECOVERY_TARGETS)")
    missed, unmeasured = [], []
    for one in of.set:
        for what, measured, hours in (
            ("recovery point", of.oldest_age, one.rpo_hours),
            ("recovery time", of.longest_restore, one.rto_hours),
        ):
            if measured is None:
                unmeasured.append(what)
            elif measured > hours * _HOUR:
                missed.append(f"{one.function}: {what} {measured / _HOUR:.1f} h, {hours:g} h are the target")
    if missed:
        return Judged(Status.NOT_MET, "; ".join(missed))
    if unmeasured:
        return Judged(Status.DUTY, f"not measured in the period: {', '.join(dict.fromkeys(unmeasured))}")
    return Judged(Status.SUPPORTS, f"targets set: {len(of.set)}, all kept")


def _keys(facts: Facts) -> Judged:
    of = _held(facts.keys)
    strange = [one for one in of.keys if not one.trusted]
    told = f"known: {len(of.keys)}, in use now: {sum(one.current for one in of.keys)}"
    return _against(bool(strange), f"{told}; not among the trusted ones: {len(strange)}", told)


def _package(facts: Facts) -> Judged:
    of = _held(facts.package)
    return Judged(Status.SUPPORTS, f"{of.tool}, SHA-256 {of.sha256}")


_JUDGES: Final[Mapping[Topic, Callable[[Facts], Judged]]] = {
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


def _held(value: T | None) -> T:
    assert value is not None  # what is not away was read
    return value

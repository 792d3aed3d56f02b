"""The controls that evidence is mapped to, as a declaration: what each asks in short, and what Holdfast can show
for it.

As of November 2026, in our own words; the legal texts decide. Sources: Directive (EU) 2022/2555; Implementing
Regulation (EU) 2024/2690, Annex; Regulation (EU) 2016/679; Regulation (EU) 2022/2554 and Delegated Regulation (EU)
2024/1774; ISO/IEC 27001:2022, Annex A; AICPA Trust Services Criteria (2017, points of focus 2022); BaFin circulars.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.domain.evidence import Topic

_BACKUP: Final = (Topic.SNAPSHOTS, Topic.COMPLETENESS)


@dataclass(frozen=True, slots=True)
class Control:
    """`shows` empty: nothing that a program can show, the customer's duty alone. `duty`: what stays with the
    customer beside it. `until`: the last day on which the rule applies, None for no end."""

    rule: str
    control: str
    asks: str
    shows: tuple[Topic, ...]
    duty: str = ""
    until: date | None = None


_NIS2: Final = "NIS2 · Directive (EU) 2022/2555"
_IMPLEMENTING: Final = "NIS2 · Implementing Regulation (EU) 2024/2690, Annex"
_GDPR: Final = "GDPR · Regulation (EU) 2016/679"
_DORA: Final = "DORA · Regulation (EU) 2022/2554"
_ISO: Final = "ISO/IEC 27001:2022"
_SOC2: Final = "SOC 2 · Availability"

CONTROLS: Final = (
    Control(
        _NIS2,
        "Art. 21(2)(c)",
        "Business continuity: backups are managed, recovery after a disaster is possible, crises are managed. For "
        "German operators of critical infrastructure the same through § 30 BSIG.",
        (*_BACKUP, Topic.RETENTION, Topic.RESTORES),
        "The crisis plan, its roles and its exercises.",
    ),
    Control(
        _IMPLEMENTING,
        "4.2.2 (a)",
        "Backup plans state how long recovery takes.",
        (Topic.TARGETS,),
        "Setting the targets, each with an owner.",
    ),
    Control(
        _IMPLEMENTING,
        "4.2.2 (b)",
        "Copies are complete and accurate, configuration and cloud data included.",
        (*_BACKUP, Topic.VERIFICATION),
        "Backups of everything that is not in the directory.",
    ),
    Control(
        _IMPLEMENTING,
        "4.2.2 (c)",
        "Copies lie in a safe place, away from the network of the system, far enough to escape its disaster.",
        (Topic.SEGREGATION, Topic.RESIDENCY),
    ),
    Control(
        _IMPLEMENTING,
        "4.2.2 (d)",
        "Access to copies is controlled, physically and logically, by what they are worth.",
        (Topic.ACCESS, Topic.RETENTION),
        "Reviewing who holds the roles that are listed.",
    ),
    Control(
        _IMPLEMENTING,
        "4.2.2 (e)",
        "Data is restored by a process with approvals.",
        (Topic.RESTORES,),
        "Naming approvers and keeping their keys apart.",
    ),
    Control(_IMPLEMENTING, "4.2.2 (f)", "Copies are kept as long as was decided.", (Topic.RETENTION,)),
    Control(_IMPLEMENTING, "4.2.3", "The integrity of copies is checked regularly.", (Topic.VERIFICATION,)),
    Control(
        _IMPLEMENTING,
        "4.2.6",
        "Recovery is tested regularly, results are written down, shortcomings are corrected.",
        (Topic.DRILLS,),
        "Running drills and correcting what they show.",
    ),
    Control(
        _GDPR,
        "Art. 32(1)(b)",
        "Confidentiality, integrity, availability and resilience of processing last.",
        (Topic.RETENTION, Topic.ACCESS, Topic.READS),
    ),
    Control(
        _GDPR,
        "Art. 32(1)(c)",
        "Availability and access come back in time after an incident.",
        (Topic.SNAPSHOTS, Topic.RESTORES, Topic.TARGETS),
    ),
    Control(
        _GDPR,
        "Art. 32(1)(d)",
        "The measures are tested, assessed and evaluated regularly.",
        (Topic.VERIFICATION, Topic.DRILLS),
    ),
    Control(
        _GDPR,
        "Art. 5(1)(e)",
        "Personal data is kept no longer than its purpose needs.",
        (Topic.RETENTION,),
        "Deciding on the days of retention, and why.",
    ),
    Control(
        _GDPR,
        "Art. 28, 30",
        "Processors are bound by contract; processing is on record.",
        (Topic.RESIDENCY, Topic.PACKAGE),
        "The record of processing; the contract with the cloud provider. Holdfast runs in the customer's own "
        "subscription and adds no processor.",
    ),
    Control(
        _GDPR,
        "Art. 17(3), 18",
        "Erasure, its limits, and restriction of processing.",
        (),
        "Each decision on a request for erasure or restriction.",
    ),
    Control(
        _DORA,
        "Art. 11(6)",
        "Continuity and recovery plans are tested at least once a year.",
        (Topic.DRILLS,),
        "The plans, and the tests that go beyond the directory.",
    ),
    Control(
        _DORA,
        "Art. 12(1)",
        "Scope and least frequency of backups are written down, by criticality.",
        _BACKUP,
        "The written policy.",
    ),
    Control(
        _DORA,
        "Art. 12(2)",
        "Methods of restoring are set up; using them endangers neither security nor data; they are tested.",
        (Topic.RESTORES, Topic.ACCESS, Topic.DRILLS),
    ),
    Control(
        _DORA,
        "Art. 12(3)",
        "Systems that restore are apart from the source, physically and logically, and guarded from unauthorised "
        "access.",
        (Topic.SEGREGATION, Topic.RETENTION, Topic.ACCESS),
    ),
    Control(
        _DORA,
        "Art. 12(6)",
        "Recovery time and recovery point are set for each function and kept.",
        (Topic.TARGETS,),
        "Setting the targets, each with an owner.",
    ),
    Control(
        _DORA,
        "Art. 12(7)",
        "After recovery, checks and reconciliations show that data is whole.",
        (Topic.RESTORES, Topic.VERIFICATION),
    ),
    Control(
        _DORA,
        "Art. 28; Delegated Regulation (EU) 2024/1774",
        "Risk from third parties; tools of ICT risk management in detail.",
        (Topic.PACKAGE, Topic.KEYS),
        "The register of contracts with the cloud provider.",
    ),
    Control(
        _ISO,
        "A.8.13",
        "Information is backed up and copies are tested.",
        (*_BACKUP, Topic.VERIFICATION, Topic.RETENTION),
    ),
    Control(_ISO, "A.5.30", "ICT is ready for continuity, by objectives.", (Topic.TARGETS, Topic.DRILLS)),
    Control(
        _ISO,
        "A.5.33",
        "Records are protected from loss, destruction, falsification and unauthorised access.",
        (Topic.RETENTION, Topic.KEYS, Topic.ACCESS),
    ),
    Control(
        _ISO,
        "A.8.15",
        "Activities are logged; logs are kept, protected and looked at.",
        (Topic.READS, Topic.ACCESS, Topic.ARMING),
        "Looking at the logs, and asking about each time that the restore app was on.",
    ),
    Control(
        _SOC2,
        "A1.2",
        "Backup processes and recovery infrastructure are run and watched.",
        (*_BACKUP, Topic.RETENTION),
    ),
    Control(_SOC2, "A1.3", "Recovery is tested.", (Topic.DRILLS,), "Running drills."),
    Control(
        "BAIT · transitional, until the end of 2026",
        "Chapter 8",
        "Data is backed up and restoring is tested, for institutions that are not under DORA; for those that are, "
        "BAIT ended with 16 January 2025.",
        (*_BACKUP, Topic.VERIFICATION, Topic.DRILLS),
        until=date(2026, 12, 31),
    ),
)

NOT_MAPPED: Final = (
    "VAIT, KAIT and ZAIT were repealed with the end of 16 January 2025; DORA stands in their place.",
)

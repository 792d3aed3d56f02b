"""Evidence documents for tests of rows and pages; `name` stands wherever text comes from outside."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.domain.evidence import (
    Access,
    Armed,
    Arming,
    ContainerFact,
    Drills,
    EvidenceDocument,
    Facts,
    Hole,
    KeyFact,
    Keys,
    OpenRun,
    Package,
    Period,
    RecoveryTarget,
    Residency,
    RestoreFact,
    Restores,
    Retention,
    Segregation,
    SnapshotFact,
    Snapshots,
    Targets,
    Topic,
    Verification,
    WaveFact,
)
from shared.domain.snapshot import Completeness, State
from shared.domain.vault import ReadCount, RoleAssignment, VaultReads
from shared.engines.evidence_rows import document_of

START = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2026, 11, 1, tzinfo=UTC)
MADE = datetime(2026, 11, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
TENANT = "11111111-2222-3333-4444-555555555555"
KEY = "u0dGy9gZkyqNR1VXhLrJPLyhJ8CrhVbLZkLcdK4nVvM"


def snapshot(day: int, **changes: Any) -> SnapshotFact:
    started = datetime(2026, 10, day, 1, tzinfo=UTC)
    made = SnapshotFact(
        snapshot=f"202610{day:02d}T010000Z-full",
        seq=day,
        container="vault-35d",
        started_at=started,
        ended_at=started + timedelta(minutes=18 + day % 7),
        retain_until=started + timedelta(days=35),
        key=KEY,
        trigger="timer",
        region="westeurope",
        protected=True,
        objects={"users": 980 + 4 * day, "groups": 210 + day // 3, "conditionalAccessPolicies": 34},
        gaps={},
    )
    return replace(made, **changes)


def snapshots(*taken: SnapshotFact, **changes: Any) -> Snapshots:
    made = Snapshots(
        schedule="0 0 1 * * *",
        expected=31,
        taken=taken or tuple(snapshot(day) for day in range(1, 32)),
        missed=(),
        open=(),
        damaged=(),
        before=START - 23 * HOUR,
        oldest_age=int((24 * HOUR + timedelta(minutes=22)).total_seconds()),
        names={"users": "Users", "groups": "Groups", "conditionalAccessPolicies": "Conditional access policies"},
    )
    return replace(made, **changes)


def container(name: str = "vault-35d", days: int = 35, **changes: Any) -> ContainerFact:
    return replace(ContainerFact(name, days, days + 7, True, False, 1, False, {}, (), ()), **changes)


def assignment(number: int = 1, name: str = "Storage Blob Data Reader") -> RoleAssignment:
    return RoleAssignment(
        id=f"/subscriptions/s/providers/microsoft.authorization/roleassignments/{number}",
        principal=f"99999999-0000-4000-8000-{number:012d}",
        principal_type="ServicePrincipal",
        role=name,
        scope="/subscriptions/s/resourceGroups/holdfast-vault",
        condition="",
        created_at=START - timedelta(days=90),
        created_by="99999999-0000-4000-8000-00000000000f",
        updated_at=None,
    )


def restore(**changes: Any) -> RestoreFact:
    began = datetime(2026, 10, 14, 9, 30, tzinfo=UTC)
    made = RestoreFact(
        plan="p0123456789abcdef",
        digest="cd" * 32,
        snapshot="20261013T010000Z-full",
        requested_by="",
        waves=(WaveFact(1, began, {KEY: "maria", KEY[::-1]: "tomas"}), WaveFact(2, began + HOUR, {KEY: "maria"})),
        cancelled=False,
        verdict="equalExceptListed",
        compared_at=began + 3 * HOUR,
        seconds=3 * 3600,
        differences={"newId": 2, "secretNeverReadable": 1},
        unexplained=0,
        not_done=0,
        left_off=1,
        journal_root="ab" * 32,
        report="v1/t/plans/p0123456789abcdef/report.jws",
    )
    return replace(made, **changes)


def arming(name: str = "maria@contoso.example", **changes: Any) -> Arming:
    on = datetime(2026, 10, 14, 9, tzinfo=UTC)
    spans = (Armed("sp-restore", on, name, on + 4 * HOUR, name),)
    return replace(Arming({"sp-restore": "restore app"}, spans, {}, (), END + HOUR), **changes)


TARGET = RecoveryTarget("Sign-in", 26.0, 8.0, "Head of IT", "2026-01-15")


def facts(**changes: Any) -> Facts:
    """A month in which all is well and everything could be read."""
    known = snapshots()
    made = Facts(
        tenant=TENANT,
        period=Period(START, END),
        made_at=MADE,
        tool="holdfast/0.1.0",
        head=f"31:{'9f' * 32}",
        away={},
        snapshots=known,
        retention=Retention((container("chain", 400), container("evidence-400d", 400), container())),
        residency=Residency("the EU", "westeurope", "westeurope", "northeurope", ()),
        segregation=Segregation("99999999-2222-3333-4444-555555555555", TENANT),
        access=Access((assignment(1), assignment(2)), (), (), ""),
        reads=VaultReads(
            (ReadCount("99999999-0000-4000-8000-000000000001", "OAuth", "GetBlob", 1200, 3, START, END),)
        ),
        verification=Verification("20261031T010000Z-full", MADE, 31, 64, 4_200_000, (), ()),
        restores=Restores(2, (restore(),), {}),
        drills=Drills(),
        targets=Targets((TARGET,), known.oldest_age, 3 * 3600),
        keys=Keys(
            (KeyFact("snapshot", KEY, True, True, 31, START, END), KeyFact("plan", "k2", True, True, 0, None, None))
        ),
        package=Package("holdfast/0.1.0", "ef" * 32),
        arming=arming(),
    )
    return replace(made, **changes)


def troubled(name: str = "anna") -> Facts:
    """A month with something of everything, and `name` wherever text comes from outside."""
    gaps = {
        "groups.members": Completeness(State.PARTIAL, "moving"),
        "groupSettings": Completeness(State.NOT_PERMITTED, ""),
    }
    taken = [snapshot(day) for day in (1, 2, 3, 4, 5, 8, 9, *range(11, 32))]
    taken[4] = replace(taken[4], gaps=gaps)
    taken[5] = replace(
        taken[5], gaps={"groups.members": gaps["groups.members"]}, protected=False, unprotected_why=name
    )
    taken[9] = replace(taken[9], gaps=None, objects=None, unread=f"manifest.json is missing {name}")
    missed = tuple(datetime(2026, 10, day, 1, tzinfo=UTC) for day in (6, 7, 10))
    run = OpenRun(
        "20261006T010000Z-full", missed[0], "timer", 30, ("users",), True, {"users": f"GraphDown: {name}"}
    )
    return facts(
        snapshots=snapshots(*taken, missed=missed, open=(run,), oldest_age=73 * 3600),
        retention=Retention((container(), container("chain", 400, locked=False, breaks=(f"not locked {name}",)))),
        residency=Residency("the EU", "westeurope", "westeurope", "uksouth", ("uksouth",)),
        access=Access(
            (assignment(1, name), replace(assignment(2), condition=name, principal=name)),
            (assignment(2).id,),
            (assignment(3, name),),
            "v1/t/evidence/20260901-20260930-0123456789abcdef/",
        ),
        reads=VaultReads((ReadCount(name, name, name, 7, 1, START, END),), more=3),
        verification=Verification(taken[-1].snapshot, MADE, 28, 64, 42, (f"objects/users/x: {name}",), (name,)),
        restores=Restores(
            2,
            (
                restore(waves=(WaveFact(1, START, {KEY: name}),), differences={name: 1}),
                restore(verdict="", seconds=None),
            ),
            {"p9": name},
        ),
        targets=Targets((replace(TARGET, function=name, owner=name),), 73 * 3600, 3 * 3600),
        arming=arming(
            name,
            spans=(Armed(name, None, "", START + HOUR, name), Armed("sp-restore", END - HOUR, name, None, "")),
            unread={taken[0].snapshot: name},
            holes=(Hole(START, START + HOUR),),
        ),
        package=None,
        away={Topic.PACKAGE: f"nobody said {name}"},
    )


def document(made: Facts | None = None) -> EvidenceDocument:
    return document_of(made or facts())

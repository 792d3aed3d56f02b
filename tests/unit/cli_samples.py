"""Plans with hostile text, for the tests of the command line and of the pages."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.cli.diff_view import Collected
from shared.domain.change import Change, ChangeKind, CredentialChange, Gap, PropertyChange, Summary
from shared.domain.plan import (
    PLAN_FORMAT,
    Chosen,
    Conflict,
    Exclusion,
    ExpectedId,
    Forecast,
    Mechanism,
    Operation,
    Reason,
    Request,
    RestorePlan,
    Scope,
    Step,
    Wave,
    Word,
)
from shared.engines.report import (
    REPORT_FORMAT,
    AfterCare,
    Kind,
    LeftOff,
    Listed,
    NewId,
    NotDone,
    Report,
    Verdict,
    WaveMeasured,
)

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
# A tag, both quotes, a line separator, a right-to-left override, an escape sequence, a lone surrogate.
HOSTILE = "<script>alert(1)</script> \"'& \u2028 \u202etxt.exe \x1b[31m \ud800 [red]x[/red] {{ 7*7 }}"


def forecast(operations: int = 1) -> Forecast:
    return Forecast(operations=operations, requests=operations, resource_units=operations * 2, seconds=operations)


def operation(number: int, *, name: str = "anna", mechanism: Mechanism = Mechanism.PATCH) -> Operation:
    return Operation(
        id=f"op{number}",
        type="users",
        target=f"user-{number}",
        name=name,
        mechanism=mechanism,
        why=f"{name} is not as in the snapshot",
        request=Request(
            method="PATCH",
            path={"$join": ["/v1.0/users/", {"$id": f"user-{number}"}]},
            body={"department": "Sales"},
            throttle="directory",
        ),
        read="/v1.0/users/x",
        before={"department": name, "city": None},
        wanted={"department": "Sales", "note": name},
        expected_id=ExpectedId.NEW if mechanism is Mechanism.CREATE else ExpectedId.KEPT,
    )


def plan(*, name: str = "anna", operations: int = 2) -> RestorePlan:
    step = Step(
        id="s1",
        wave=4,
        title=f"users, e.g. {name}",
        depends_on=("s0",),
        operations=tuple(operation(number, name=name) for number in range(operations)),
    )
    return RestorePlan(
        format=PLAN_FORMAT,
        id="p0001",
        tenant="11111111-1111-4111-8111-111111111111",
        snapshot="20261122T013000Z-full",
        manifest_sha256="ab" * 32,
        created_at=NOW,
        live_as_of=NOW,
        catalog_version="0123456789abcdef",
        scope=Scope(types=("users",)),
        break_glass_ids=(),
        waves=(Wave(number=4, title="users, groups, memberships", forecast=forecast(operations)),),
        steps=(Step(id="s0", wave=4, title="gate", depends_on=(), operations=()), step),
        conflicts=(
            Conflict(
                type="users",
                target="old-user",
                name=name,
                live="new-user",
                key="userPrincipalName",
                why="the address is held by another account",
                created_by=name,
                affects=(f"membership of {name}",),
                live_name=name,
                live_created_at=name,
                words=(Word.SKIP, Word.RENAME),
                closed={"adopt": name},
            ),
        ),
        exclusions=(
            Exclusion("users", "u1", name, "assignedLicenses", Reason.NEEDS_ACTION, "licences"),
            Exclusion("users", "u2", name, "", Reason.SYNCED, name),
            Exclusion("users", "u3", name, "assignedLicenses", Reason.NEEDS_ACTION, "licences"),
        ),
        new_ids={"user-1": "users"},
        forecast=forecast(operations),
        chosen=(Chosen(Word.TAKE, "users", "other", name, name, "nameHeld", False, name, name),),
    )


def collected(*, name: str = "anna", rows: int = 1, total: int = 1) -> Collected:
    """A change set as it was read: every kind of change once, `rows` removed users of `total`."""
    changed = Change(
        ChangeKind.CHANGED,
        "conditionalAccessPolicies",
        "policy-1",
        name,
        properties=(
            PropertyChange(
                "conditions",
                {"users": {"includeUsers": [name], "excludeUsers": []}},
                {"users": {"includeUsers": ["All"], "excludeUsers": []}},
                ("conditions.users.includeUsers",),
            ),
            PropertyChange(name, None, name),
        ),
        credentials=(CredentialChange("keyCredentials", "key-1", name, True),),
    )
    removed = [Change(ChangeKind.REMOVED, "users", f"user-{number}", name) for number in range(rows)]
    added = Change(ChangeKind.ADDED, "federatedIdentityCredentials", "f1", name, parent="app-1")
    link = Change(
        ChangeKind.LINK_REMOVED,
        "groups",
        "group-1",
        name,
        relationship="members",
        target="user-9",
        target_type="users",
    )
    groups = {
        "conditionalAccessPolicies": {ChangeKind.CHANGED: [changed]},
        "users": {ChangeKind.REMOVED: removed},
        "federatedIdentityCredentials": {ChangeKind.ADDED: [added]},
        "groups.members": {ChangeKind.LINK_REMOVED: [link]},
    }
    counts = {group: {kind.value: len(rows) for kind, rows in kinds.items()} for group, kinds in groups.items()}
    counts["users"][ChangeKind.REMOVED.value] = total
    return Collected(
        "20261122T013000Z-full",
        "live",
        (Gap("groups.owners", ChangeKind.LINK_REMOVED, name),),
        Summary(counts, 3 + total),
        groups,
        {"user-9": name},
    )


def report(
    *,
    name: str = "anna",
    verdict: Verdict = Verdict.EQUAL_EXCEPT_LISTED,
    states: tuple[str, ...] = ("leftOffByGuard",),
    unexpected: int = 0,
) -> Report:
    made = plan(name=name)
    difference = Listed(Kind.CHANGED, "users", "user-1", "user-1b", name, "department", "", "", name)
    return Report(
        format=REPORT_FORMAT,
        plan=made.id,
        digest="cd" * 32,
        tenant=made.tenant,
        snapshot=made.snapshot,
        manifest_sha256=made.manifest_sha256,
        made_at=NOW,
        live_as_of=NOW,
        verdict=verdict,
        counts={"users": 8},
        outcomes={"done": 2},
        by_reason={"needsAnActionNotSupported": 1, "newId": 1, "leftOffByGuard": 1},
        unexpected_count=unexpected,
        unexpected=(difference,) * unexpected,
        listed=(
            Listed(
                Kind.LINK_MISSING, "groups", "g1", "g1", name, "members", "u9", "needsAnActionNotSupported", name
            ),
        ),
        new_ids=(NewId("users", name, "user-1", "user-1b"),),
        conflicts=made.conflicts,
        exclusions=made.exclusions,
        not_done=tuple(NotDone("op1", "users", "user-0", name, "patch", state, name) for state in states),
        left_off=(LeftOff("conditionalAccessPolicies", "policy-1", name, name),),
        after_care=(AfterCare("users", "user-1", "user-1b", name, "hand over the initial password", name),),
        waves=(WaveMeasured(4, name, forecast(), 2, 1, 3, ("key-1",)),),
        journal_root="ef" * 32,
        journal_blobs=4,
    )

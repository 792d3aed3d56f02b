"""Plan, approve, restore, status: what is posted, what is shown, how commands end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.domain.plan import (
    REMOVES,
    Access,
    AccessKind,
    BlastRadius,
    Flag,
    LicenceUnits,
    OutcomeState,
    RestorePlan,
    TierZeroGrant,
)
from shared.domain.ports import Row
from shared.engines.evidence import approval_blob, plan_folder
from shared.engines.journal import Journal, OperationEnd, StepDone
from shared.engines.jws import Purpose
from shared.engines.report import Report, Verdict
from tests.backup import TENANT
from tests.unit.cli_samples import HOSTILE, plan, report
from tests.unit.cli_world import (
    APPROVERS,
    EVIDENCE_KEY,
    EXECUTION_KEY,
    PLAN_KEY,
    STRANGER,
    Cli,
    write_key,
)


@pytest.fixture
def cli() -> Cli:
    return Cli.with_approvers()


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    signers = {**APPROVERS, "stranger": STRANGER}
    return {name: str(write_key(tmp_path / f"{name}.pem", signer)) for name, signer in signers.items()}


def bodies(cli: Cli, queue: str) -> list[dict[str, Any]]:
    return [json.loads(body) for body in cli.world.queues[queue].bodies]


# --- plan --------------------------------------------------------------------------------------------------


def test_plan_waits_for_the_stored_plan_and_prints_the_next_command(cli: Cli, tmp_path: Path) -> None:
    snapshot = cli.back_up()
    page = tmp_path / "plan.html"
    ran = cli("plan", "latest", "--type", "users", "--html", str(page), "--json")
    assert ran.code == 0, ran.err
    document = ran.document
    assert document["snapshot"] == snapshot
    assert document["document"]["scope"] == {
        "ids": [],
        "types": ["users"],
        "members": [],
        "dependencies": False,
        "prune": False,
        "contain": False,
        "rescue": False,
        "adopt": [],
        "choices": [],
        "into": "",
        "domains": [],
    }
    assert document["next"] == f"holdfast approve {document['plan']} --key FILE --waves 4"
    assert document["excludedByReason"] == {"needsAnActionNotSupported": 2, "ownedByOnPremisesSync": 1}
    assert document["digest"] in page.read_text()


def test_plan_on_the_terminal_shows_conflicts_exclusions_and_forecast(cli: Cli) -> None:
    cli.world.plan = plan(name=HOSTILE)
    cli.back_up()
    ran = cli("plan", "latest")
    assert ran.code == 0, ran.err
    for text in (
        "Conflicts",
        "userPrincipalName",
        "needs an action",
        "Forecast",
        "‹U+202E›",
        "next: holdfast approve",
    ):
        assert text in ran.out, text
    assert "\x1b" not in ran.out


def test_words_on_conflicts_are_sent_as_ids_and_classes_and_those_that_are_none_are_not(cli: Cli) -> None:
    cli.back_up()
    words = ("--adopt", "old=new", "--choose", "users/u1=rename", "--choose-all", "groups=skip")
    ran = cli("plan", "latest", *words, "--json")
    assert ran.code == 0, ran.err
    asked = [
        {"word": "adopt", "type": "", "id": "old", "live": "new", "of": ""},
        {"word": "rename", "type": "users", "id": "u1", "live": "", "of": ""},
        {"word": "skip", "type": "", "id": "", "live": "", "of": "groups"},
    ]
    assert ran.document["document"]["scope"]["choices"] == asked
    assert ran.document["conflicts"]["again"].endswith(" ".join(words))
    (conflict,) = ran.document["conflicts"]["open"]
    assert conflict["options"]["rename"] == "--choose users/old-user=rename"
    for wrong, why in (
        (("--choose", "users/u1=delete"), "can't be chosen"),
        (("--choose", "nothings/u1=skip"), "no object type"),
        (("--choose-all", "nothings=skip"), "no class of conflicts"),
        (("--choose", "users/u1=skip", "--choose", "users/u1=keep"), "two words"),
        (("--adopt", "old"), "names no pair"),
        (("--choose", "users/u1=take", "--rescue"), "a rescue takes"),
    ):
        ran = cli("plan", "latest", *wrong)
        assert (ran.code, why in ran.err) == (2, True), (wrong, ran.err)
    assert bodies(cli, "restore-requests") == []


def test_latest_is_settled_before_anything_is_asked(cli: Cli) -> None:
    snapshot = cli.back_up()
    cli.world.serving = False
    ran = cli("plan", "latest", "--timeout", "0")
    assert ran.code == 1
    (message,) = bodies(cli, "restore-requests")
    assert message["snapshot"] == snapshot


def test_unknown_snapshot_or_type_asks_for_nothing(cli: Cli) -> None:
    cli.back_up()
    assert cli("plan", "20200101T000000Z-full").code == 2
    assert cli("plan", "latest", "--type", "nothings").code == 2
    assert cli("plan", "latest", "--request-id", "x y").code == 2
    assert bodies(cli, "restore-requests") == []


def test_objects_are_named_by_what_people_call_them_and_only_ids_are_sent(cli: Cli) -> None:
    cli.back_up()
    ran = cli("plan", "latest", "--name", "group 1", "--type", "groups", "--with-dependencies", "--json")
    assert ran.code == 0, ran.err
    assert ran.document["document"]["scope"] == {
        "ids": ["group-1"],
        "types": ["groups"],
        "members": [],
        "dependencies": True,
        "prune": False,
        "contain": False,
        "rescue": False,
        "adopt": [],
        "choices": [],
        "into": "",
        "domains": [],
    }


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--name", "Nobody at all"], "nothing in the snapshot"),
        (["--name", "Contoso", "--type", "users"], "nothing in the snapshot"),
        (["--name", "App"], "2 objects are called"),
        (["--member", "users"], "is no member"),
        (["--member", "users.nothing"], "has no nothing"),
        (["--with-dependencies"], "only named objects"),
    ],
)
def test_a_scope_that_can_not_be_meant_asks_for_nothing(cli: Cli, arguments: list[str], why: str) -> None:
    cli.back_up()
    ran = cli("plan", "latest", *arguments)
    assert ran.code == 2
    assert why in ran.err
    assert bodies(cli, "restore-requests") == []


def test_refused_request_ends_the_wait_with_its_reason(cli: Cli) -> None:
    cli.back_up()
    first = cli("plan", "latest", "--request-id", "request-0001")
    assert first.code == 0
    ran = cli("plan", "latest", "--request-id", "request-0001", "--type", "users")
    assert ran.code == 3
    assert "another plan" in ran.err


def test_fault_of_the_app_ends_the_wait(cli: Cli) -> None:
    cli.back_up()
    cli.world.serving = False

    async def fail() -> None:
        (message,) = bodies(cli, "restore-requests")
        await cli.world.rows.replace(
            Row("requests", message["requestId"], {"answer": "failed", "why": "Graph is not there", "kind": "plan"})
        )

    cli.world.while_waiting = fail
    ran = cli("plan", "latest")
    assert ran.code == 3
    assert "Graph is not there" in ran.err


def test_an_undo_names_a_plan_that_is_there(cli: Cli) -> None:
    cli.back_up()
    ran = cli("undo", "p0009")
    assert ran.code == 2
    assert "there is no plan p0009" in ran.err
    assert bodies(cli, "restore-requests") == []


# --- approve -----------------------------------------------------------------------------------------------


def test_two_approvers_make_the_quorum_and_the_digest_is_shown_before_signing(
    cli: Cli, keys: dict[str, str]
) -> None:
    stored = cli.do(cli.world.store_plan())
    first = cli("approve", "p0001", "--key", keys["maria"], "--json")
    assert first.code == 0, first.err
    assert stored.digest in first.err
    assert first.document["quorum"] == [
        {
            "wave": 4,
            "approvals": 1,
            "needed": 2,
            "reached": False,
            "rejectedBy": [],
            "tierZero": [],
            "override": None,
        }
    ]
    second = cli("approve", "p0001", "--key", keys["tomas"], "--waves", "4", "--expires", "45m")
    assert second.code == 0, second.err
    assert f"next: holdfast restore p0001 --digest {stored.digest}" in second.out


def test_a_wave_that_takes_away_is_approved_by_name_only(cli: Cli, keys: dict[str, str]) -> None:
    made = plan()
    waves = (*made.waves, replace(made.waves[0], number=6, title="What was added goes", asks=(REMOVES,)))
    cli.world.plan = replace(made, waves=waves)
    cli.do(cli.world.store_plan())
    assert cli("approve", "p0001", "--key", keys["maria"], "--json").document["waves"] == [4]
    refused = cli("approve", "p0001", "--key", keys["tomas"], "--waves", "4,6")
    assert refused.code == 3
    assert "--acknowledge removes" in refused.err
    ran = cli("approve", "p0001", "--key", keys["tomas"], "--acknowledge", "removes", "--json")
    assert ran.document["waves"] == [4, 6]
    assert [(one["wave"], one["approvals"]) for one in ran.document["quorum"]] == [(4, 2), (6, 1)]


def test_one_approver_twice_is_one_approval(cli: Cli, keys: dict[str, str]) -> None:
    cli.do(cli.world.store_plan())
    cli("approve", "p0001", "--key", keys["maria"])
    ran = cli("approve", "p0001", "--key", keys["maria"], "--json")
    assert ran.code == 0
    assert ran.document["quorum"][0]["approvals"] == 1
    assert ran.document["quorum"][0]["reached"] is False


def test_stranger_is_told_before_anything_is_sent(cli: Cli, keys: dict[str, str]) -> None:
    cli.do(cli.world.store_plan())
    ran = cli("approve", "p0001", "--key", keys["stranger"])
    assert ran.code == 3
    assert f"key {STRANGER.key_id}, which is not in your list" in ran.err
    assert bodies(cli, "restore-control") == []


def test_asker_of_the_plan_cannot_approve_it(cli: Cli, keys: dict[str, str]) -> None:
    cli.do(cli.world.view().store_plan(replace(plan(), tenant=TENANT), PLAN_KEY, APPROVERS["maria"].key_id))
    ran = cli("approve", "p0001", "--key", keys["maria"])
    assert ran.code == 3
    assert "asked for the plan" in ran.err
    assert bodies(cli, "restore-control") == []


def test_rejection_stops_the_plan(cli: Cli, keys: dict[str, str]) -> None:
    cli.do(cli.world.store_plan())
    cli("approve", "p0001", "--key", keys["maria"])
    ran = cli("approve", "p0001", "--key", keys["tomas"], "--reject", "--json")
    assert ran.code == 0
    assert ran.document["decision"] == "reject"
    assert ran.document["quorum"][0]["rejectedBy"] == [APPROVERS["tomas"].key_id]
    assert ran.document["quorum"][0]["reached"] is False


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("--waves", "7"), 2, "no wave 7"),
        (("--waves", "a"), 2, "wave numbers"),
        (("--expires", "soon"), 2, "span of time"),
        (("--expires", "0h"), 2, "span of time"),
        (("--digest", "ab" * 32), 3, "not the one given"),
    ],
)
def test_what_does_not_fit_is_never_signed(
    cli: Cli, keys: dict[str, str], arguments: tuple[str, ...], code: int, why: str
) -> None:
    cli.do(cli.world.store_plan())
    ran = cli("approve", "p0001", "--key", keys["maria"], *arguments)
    assert ran.code == code
    assert why in ran.err
    assert bodies(cli, "restore-control") == []


def test_unusable_key_files(cli: Cli, keys: dict[str, str], tmp_path: Path) -> None:
    cli.do(cli.world.store_plan())
    noise = tmp_path / "noise.pem"
    noise.write_text("noise")
    noise.chmod(0o600)
    open_to_all = tmp_path / "open.pem"
    open_to_all.write_bytes(Path(keys["maria"]).read_bytes())
    open_to_all.chmod(0o644)
    for path in (noise, open_to_all, tmp_path / "none.pem"):
        assert cli("approve", "p0001", "--key", str(path)).code == 2


def test_approval_that_nobody_records_is_no_success(cli: Cli, keys: dict[str, str]) -> None:
    cli.do(cli.world.store_plan())
    cli.world.serving = False
    ran = cli("approve", "p0001", "--key", keys["maria"], "--timeout", "0", "--json")
    assert ran.code == 1
    assert ran.document["recorded"] is False
    assert not any("approvals/" in name for name in cli.world.evidence.blobs)
    (message,) = bodies(cli, "restore-control")
    assert set(message) == {"jws", "kind", "v"}


def test_plan_that_was_changed_in_the_store_is_never_shown_as_good(cli: Cli, keys: dict[str, str]) -> None:
    cli.do(cli.world.store_plan())
    (name,) = [name for name in cli.world.evidence.blobs if name.endswith("plan.json")]
    cli.world.evidence.blobs[name] = cli.world.evidence.blobs[name].replace(b"Sales", b"Purge")
    for command in (("approve", "p0001", "--key", keys["maria"]), ("status", "p0001")):
        ran = cli(*command)
        assert ran.code == 1
        assert "digest differs" in ran.err
    assert bodies(cli, "restore-control") == []


# --- restore -----------------------------------------------------------------------------------------------


def test_restore_needs_the_digest_of_the_plan_that_was_looked_at(cli: Cli) -> None:
    cli.do(cli.world.store_plan())
    assert cli("restore", "p0001").code == 2
    ran = cli("restore", "p0001", "--digest", "ab" * 32)
    assert ran.code == 3
    assert "nothing was started" in ran.err
    assert cli("restore", "p9999", "--digest", "ab" * 32).code == 2
    assert bodies(cli, "restore-requests") == []


def test_unapproved_plan_does_not_run_and_says_what_is_missing(cli: Cli, keys: dict[str, str]) -> None:
    stored = cli.do(cli.world.store_plan())
    cli("approve", "p0001", "--key", keys["maria"])
    ran = cli("restore", "p0001", "--digest", stored.digest)
    assert ran.code == 3
    assert "1 of 2 approvals" in ran.err + ran.out
    assert bodies(cli, "restore-steps") == []


def test_cancel_goes_by_the_control_queue_and_stops_the_plan(cli: Cli) -> None:
    stored = cli.do(cli.world.store_plan())
    ran = cli("restore", "p0001", "--cancel", "--json")
    assert ran.code == 0, ran.err
    assert ran.document == {"plan": "p0001", "cancelled": True}
    assert bodies(cli, "restore-requests") == []
    after = cli("restore", "p0001", "--digest", stored.digest)
    assert after.code == 3
    assert "cancelled" in after.err + after.out


def test_no_wait_posts_and_returns(cli: Cli) -> None:
    stored = cli.do(cli.world.store_plan())
    ran = cli("restore", "p0001", "--digest", stored.digest, "--no-wait", "--json")
    assert ran.code == 0
    (message,) = bodies(cli, "restore-requests")
    assert (message["kind"], message["plan"], message["digest"]) == ("apply", "p0001", stored.digest)
    assert cli("restore", "p0001", "--resume", "--no-wait").code == 0
    assert bodies(cli, "restore-requests")[1]["kind"] == "resume"


def report_appears(cli: Cli, made: Report) -> None:
    """The apps' side: steps end while the command waits, then the report is signed and stored."""

    async def confirm() -> None:
        view = cli.world.view()
        stored = await view.load_plan("p0001")
        value = replace(made, tenant=TENANT, digest=stored.digest)
        name = f"{plan_folder(TENANT, 'p0001')}report.jws"
        await view.write_signed(name, Purpose.EVIDENCE, EVIDENCE_KEY, value)

    cli.world.while_waiting = confirm


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (report(verdict=Verdict.EQUAL, states=()), 0),
        (report(), 0),
        (report(states=("leftOffByGuard", "refusedByGraph")), 4),
        (report(verdict=Verdict.DIFFERS, unexpected=1), 3),
    ],
    ids=["equal", "equalExceptListed", "partial", "differs"],
)
def test_restore_follows_to_the_report_and_ends_with_its_verdict(
    cli: Cli, keys: dict[str, str], tmp_path: Path, made: Report, code: int
) -> None:
    stored = cli.do(cli.world.store_plan())
    for name in ("maria", "tomas"):
        cli("approve", "p0001", "--key", keys[name])
    report_appears(cli, made)
    page = tmp_path / "report.html"
    ran = cli("restore", "p0001", "--digest", stored.digest, "--html", str(page))
    assert ran.code == code, ran.err
    assert f"Verdict: {made.verdict.value}" in ran.out
    assert "user-1 → user-1b" in ran.out
    assert "hand over the initial password" in ran.out
    assert made.verdict.value == cli("status", "p0001", "--json").document["report"]["verdict"]
    assert "Report of restore p0001" in page.read_text()


def test_report_by_a_foreign_key_is_never_shown(cli: Cli, keys: dict[str, str]) -> None:
    stored = cli.do(cli.world.store_plan())

    async def forge() -> None:
        name = f"{plan_folder(TENANT, 'p0001')}report.jws"
        value = replace(report(verdict=Verdict.EQUAL), tenant=TENANT)
        await cli.world.view().write_signed(name, Purpose.EVIDENCE, STRANGER, value)

    cli.world.while_waiting = forge
    ran = cli("restore", "p0001", "--digest", stored.digest)
    assert ran.code == 1
    assert "Verdict" not in ran.out


def test_wave_that_nobody_approved_ends_the_wait_as_partial(cli: Cli, keys: dict[str, str]) -> None:
    two = plan()
    late = replace(two.steps[1], id="s2", wave=5, depends_on=("s1",), operations=())
    made = replace(two, waves=(*two.waves, replace(two.waves[0], number=5)), steps=(*two.steps, late))
    stored = cli.do(cli.world.store_plan(made))
    for name in ("maria", "tomas"):
        cli("approve", "p0001", "--key", keys[name], "--waves", "4")

    async def first_wave_ends() -> None:
        journal = Journal(cli.world.view(), EXECUTION_KEY)
        await cli.world.desk().start_wave(stored, 4, EXECUTION_KEY)
        for step in stored.plan.steps[:2]:
            ends = tuple(
                OperationEnd(one.id, OutcomeState.DONE, True, "", {}, stored.plan.created_at)
                for one in step.operations
            )
            await journal.finish(StepDone("p0001", stored.digest, step.id, stored.plan.created_at, ends, ""))

    cli.world.while_waiting = first_wave_ends
    ran = cli("restore", "p0001", "--digest", stored.digest, "--json")
    assert ran.code == 4, ran.err
    assert "wave 5 has 0 of 2 approvals" in ran.document["why"]
    assert ran.document["operations"] == {"done": 2}
    assert "2 of 3 steps done; wave 4: 2/2, wave 5: 0/1" in ran.err


# --- status ------------------------------------------------------------------------------------------------


def test_status_says_that_rows_are_hints(cli: Cli) -> None:
    cli.back_up()
    cli("plan", "latest")
    ran = cli("status")
    assert ran.code == 0, ran.err
    assert "only a hint" in ran.out
    assert "awaitingApproval" in ran.out
    document = cli("status", "--json").document
    assert document["rowsAreHints"] is True
    assert document["runs"] == []


def test_status_of_a_plan_counts_approvals_from_the_evidence(cli: Cli, keys: dict[str, str]) -> None:
    stored = cli.do(cli.world.store_plan())
    cli("approve", "p0001", "--key", keys["maria"])
    # A forged row and a forged approval blob change nothing that is shown.
    cli.do(cli.world.rows.replace(Row("plans", "p0001", {"state": "done", "digest": "00"})))
    cli.world.evidence.blobs[approval_blob(TENANT, "p0001", "forged-nonce")] = b"a.b.c"
    ran = cli("status", "p0001", "--json")
    assert ran.code == 0, ran.err
    (wave,) = ran.document["waves"]
    assert wave["approvals"] == [APPROVERS["maria"].key_id]
    assert (wave["approved"], wave["started"], wave["stepsDone"]) == (False, False, 0)
    assert ran.document["digest"] == stored.digest
    assert ran.document["report"] is None


def test_status_of_a_run_under_way_and_of_a_committed_one(cli: Cli) -> None:
    run = cli.do(cli.world.backup.start())
    ran = cli("status", run.snapshot, "--json")
    assert ran.document["committed"] is False
    assert ran.document["done"] == 0
    assert run.snapshot in cli("status").out
    cli.do(cli.world.backup.deliver())
    assert cli("status", run.snapshot, "--json").document["committed"] is True
    assert cli("status", "20200101T000000Z-full").code == 2


# --- what an approval has to name --------------------------------------------------------------------------


def _powerful() -> RestorePlan:
    made = plan()
    one = made.operations[0]
    grant = TierZeroGrant("abcd1234", one.id, 4, one.type, one.target, HOSTILE, "who-1", HOSTILE, "a place")
    flag = Flag("manyObjects", "600 objects change; more than 500")
    waves = tuple(replace(wave, asks=("manyObjects",)) for wave in made.waves)
    many = tuple(f"id-{number:02}" for number in range(30))
    access = (
        Access(AccessKind.GROUPS, "groups", "g-1", HOSTILE, many, ("id-99",), 30, 1),
        Access(AccessKind.POLICIES, "conditionalAccessPolicies", "c-1", "block", all_lose=True, spared=("id-99",)),
    )
    reached = BlastRadius(30, 1, access, {"id-00": HOSTILE, "id-99": "zoe"})
    named = replace(made, tier_zero=(grant,), flags=(flag,), untold=("roles were not read",))
    return replace(named, waves=waves, blast_radius=reached, licences=(LicenceUnits("sku", "E5", 12, 5, 1),))


def test_a_plan_shows_its_flags_and_its_grants_of_power_with_their_keys(cli: Cli, tmp_path: Path) -> None:
    cli.world.plan = _powerful()
    cli.back_up()
    page = tmp_path / "plan.html"
    ran = cli("plan", "latest", "--html", str(page))
    assert ran.code == 0, ran.err
    for text in ("--acknowledge manyObjects: 600 objects change", "abcd1234", "who-1", "roles were not read"):
        assert text in ran.out
    assert "--acknowledge manyObjects --tier-zero KEY" in ran.out.replace("\n", " ")
    assert "Licences: too few of 1 kind" in ran.out
    assert [line.split() for line in ran.out.splitlines() if line.startswith("E5")] == [["E5", "12", "1", "5", "8"]]
    for text in ("30 principals gain something, 1 lose", "and 20 more", "everybody but zoe"):
        assert text in " ".join(ran.out.split())
    written = page.read_text()
    assert "abcd1234" in written
    assert "600 objects change" in written
    assert "and 20 more" in written
    assert "everybody but zoe" in written
    assert '<td data-l="Short of" class="n"><span class="tag warn">8</span></td>' in written
    assert "<img" not in written
    assert cli("plan", "latest", "--json").document["document"]["tierZero"][0]["key"] == "abcd1234"


def test_an_approval_without_the_flag_is_refused_with_its_reason_and_one_without_a_key_says_so(
    cli: Cli, keys: dict[str, str]
) -> None:
    cli.world.plan = _powerful()
    cli.do(cli.world.store_plan())
    refused = cli("approve", "p0001", "--key", keys["maria"])
    assert refused.code == 3
    assert "manyObjects: 600 objects change; more than 500" in refused.err
    assert "--acknowledge manyObjects" in refused.err
    assert not bodies(cli, "restore-control")
    ran = cli("approve", "p0001", "--key", keys["maria"], "--acknowledge", "manyObjects", "--json")
    assert ran.code == 0, ran.err
    assert "1 of 1 tier-0 grants are not named here" in ran.err
    assert ran.document["quorum"][0]["tierZero"] == []
    said = ("--acknowledge", "manyObjects", "--tier-zero")
    wrong = cli("approve", "p0001", "--key", keys["tomas"], *said, "ffff0000")
    assert (wrong.code, "no tier-0 grant ffff0000" in wrong.err) == (2, True)
    for name in ("maria", "tomas"):
        ran = cli("approve", "p0001", "--key", keys[name], *said, "abcd1234", "--json")
        assert "LETS THROUGH abcd1234" in ran.err
    assert ran.document["quorum"][0]["tierZero"] == ["abcd1234"]


# --- overrides ---------------------------------------------------------------------------------------------


def test_an_override_opens_a_wait_that_status_shows_and_an_approver_ends(cli: Cli, keys: dict[str, str]) -> None:
    stored = cli.do(cli.world.store_plan())
    ran = cli("approve", "p0001", "--key", keys["maria"], "--override", "--json")
    assert ran.code == 0, ran.err
    (first, *_) = ran.document["quorum"]
    assert (ran.document["decision"], first["reached"], first["override"]["holds"]) == ("override", False, False)
    assert "an override by" in cli("status", "p0001").out
    assert cli("restore", "p0001", "--digest", stored.digest).code == 3
    cli.world.backup.clock.advance(86_400)
    (wave, *_) = cli("status", "p0001", "--json").document["waves"]
    assert (wave["approved"], wave["override"]["holds"]) == (True, True)
    ended = cli("approve", "p0001", "--key", keys["tomas"], "--withdraw-override", "--json")
    assert ended.code == 0, ended.err
    ran = cli("restore", "p0001", "--digest", stored.digest)
    assert ran.code == 3
    assert "withdrawn" in ran.err
    assert cli("approve", "p0001", "--key", keys["tomas"], "--override", "--reject").code == 2


def test_an_override_shows_the_grants_that_it_lets_through_as_an_approval_does(
    cli: Cli, keys: dict[str, str]
) -> None:
    cli.world.plan = _powerful()
    cli.do(cli.world.store_plan())
    said = ("--override", "--acknowledge", "manyObjects")
    ran = cli("approve", "p0001", "--key", keys["maria"], *said)
    assert "1 of 1 tier-0 grants are not named here" in ran.err
    ran = cli("approve", "p0001", "--key", keys["maria"], *said, "--tier-zero", "abcd1234")
    assert "LETS THROUGH abcd1234" in ran.err


def test_who_records_an_override_is_told_to_shout(cli: Cli, keys: dict[str, str]) -> None:
    cli.do(cli.world.store_plan())
    cli.world.serving = False
    for words, shouts in ((("--override",), True), ((), False)):
        cli("approve", "p0001", "--key", keys["maria"], *words, "--timeout", "0")
        (*_, body) = cli.world.queues["restore-control"].bodies
        handled = cli.do(cli.world.restore_desk().handle_control(body.encode()))
        assert (handled.answer, handled.override) == ("recorded", shouts)

"""`holdfast evidence`: asks the backup app, writes what it stored, and checks files offline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.engines.evidence_desk import DOCUMENT, SIGNED, EvidenceDesk, check_evidence, period_of
from shared.engines.jws import jwk_set
from shared.engines.messages import decode_evidence_request
from shared.pages.evidence_page import evidence_page
from tests.unit.cli_runner import run
from tests.unit.cli_world import EVIDENCE_KEY, PLAN_KEY, Cli
from tests.unit.evidence_world import World

PERIOD = ("--from", "2026-11-01", "--to", "2026-11-22")


@pytest.fixture
def cli() -> Cli:
    world = World()

    async def make(body: bytes) -> None:
        request, first, last = decode_evidence_request(body)
        await EvidenceDesk(world.sources(), EVIDENCE_KEY, evidence_page).make(period_of(first, last), request)

    world.deployment.make_evidence = make
    return Cli(world.deployment)


@pytest.fixture
def key(tmp_path: Path) -> str:
    path = tmp_path / "evidence.pub"
    path.write_bytes(jwk_set(EVIDENCE_KEY.public_keys))
    return str(path)


def test_document_page_and_signature_are_written_and_hold_together(cli: Cli, tmp_path: Path) -> None:
    into = tmp_path / "october"
    ran = cli("evidence", str(into), *PERIOD)
    assert ran.code == 3, "nothing was backed up in that time"
    assert "not met" in ran.out
    assert "source unavailable: verification: there is no snapshot yet" in ran.out
    (page,) = into.glob("page-*.html")
    assert sorted(path.name for path in into.iterdir()) == sorted([DOCUMENT, SIGNED, page.name])
    checked = check_evidence(
        (into / SIGNED).read_bytes(), (into / DOCUMENT).read_bytes(), page.read_bytes(), EVIDENCE_KEY.public_keys
    )
    assert checked.findings == ()
    assert all(path.stat().st_mode & 0o077 == 0 for path in into.iterdir())


def test_in_json_it_is_one_document(cli: Cli, tmp_path: Path) -> None:
    cli.back_up()
    ran = cli("evidence", str(tmp_path / "e"), *PERIOD, "--json")
    assert ran.code == 0
    told = ran.document
    assert told["document"] == json.loads((tmp_path / "e" / DOCUMENT).read_text())
    assert told["folder"].startswith("v1/")
    assert {row["status"] for row in told["document"]["rows"]} <= {
        "supports",
        "notMet",
        "customersDuty",
        "sourceUnavailable",
    }


def test_a_request_again_names_the_same_document(cli: Cli, tmp_path: Path) -> None:
    first = cli("evidence", str(tmp_path / "a"), *PERIOD, "--request-id", "monthly-2026-11", "--json").document
    cli.world.backup.clock.advance(3600)
    again = cli("evidence", str(tmp_path / "b"), *PERIOD, "--request-id", "monthly-2026-11", "--json").document
    assert again == first


def test_without_a_period_it_is_the_month_before(cli: Cli, tmp_path: Path) -> None:
    told = cli("evidence", str(tmp_path / "e"), "--json").document
    assert told["document"]["facts"]["period"] == {"start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", "2026-11-01"),
        ("--from", "1.11.2026", "--to", "2026-11-02"),
        ("--from", "2026-11-03", "--to", "2026-11-01"),
        ("--from", "2026-12-01", "--to", "2026-12-31"),
        (*PERIOD, "--request-id", "x"),
    ],
)
def test_what_the_app_would_refuse_is_refused_here(cli: Cli, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert cli("evidence", str(tmp_path / "e"), *arguments).code == 2
    assert cli.world.queues["evidence-requests"].bodies == []


def test_evidence_that_is_there_is_not_written_over(cli: Cli, tmp_path: Path) -> None:
    assert cli("evidence", str(tmp_path), *PERIOD).code == 3
    ran = cli("evidence", str(tmp_path), *PERIOD)
    assert (ran.code, "holds evidence already" in ran.err) == (2, True)


def test_files_are_checked_without_a_deployment(cli: Cli, tmp_path: Path, key: str) -> None:
    into = tmp_path / "e"
    cli("evidence", str(into), *PERIOD)
    for path in (into, into / SIGNED, into / DOCUMENT):
        ran = run("evidence", "--check", str(path), "--key", key, "--json")
        assert (ran.code, ran.document["findings"], ran.document["key"]) == (0, [], EVIDENCE_KEY.key_id)
    (page,) = into.glob("page-*.html")
    page.write_text(page.read_text().replace("not met", "supports"))
    ran = run("evidence", "--check", str(into), "--key", key)
    assert ran.code == 3
    assert f"{page.name} is not the page that was signed" in ran.out
    (into / DOCUMENT).unlink()
    assert f"{DOCUMENT} is missing" in run("evidence", "--check", str(into), "--key", key).out


def test_a_key_for_another_purpose_checks_nothing(cli: Cli, tmp_path: Path) -> None:
    into, keys = tmp_path / "e", tmp_path / "keys"
    cli("evidence", str(into), *PERIOD)
    keys.mkdir()
    (keys / "plan.pub").write_bytes(jwk_set(EVIDENCE_KEY.public_keys))
    (keys / "evidence.pub").write_bytes(jwk_set(PLAN_KEY.public_keys))
    assert run("evidence", "--check", str(into), "--key", str(keys)).code == 3
    by_purpose = tmp_path / "keys.json"
    by_purpose.write_text(json.dumps({"snapshot": json.loads(jwk_set(EVIDENCE_KEY.public_keys))}))
    assert run("evidence", "--check", str(into), "--key", str(by_purpose)).code == 3
    assert run("evidence", "--check", str(into / "none"), "--key", str(keys)).code == 2
    assert run("evidence", "--check", str(into), *PERIOD).code == 2

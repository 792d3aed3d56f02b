"""The demo's whole story with a small tenant, as a person would run it, and what its output claims."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from shared.adapters.memory import ManualClock
from tests.localrun.children import ROOT
from tests.localrun.demo import real_data
from tests.restore_story import state
from tests.restore_world import tenant
from tests.scenario.test_canaries import TOKEN, canaries

pytestmark = pytest.mark.azurite

EXPLAINED = {
    "addresses of a re-created user, which the mail system makes",
    "app role assignments of the impersonated user",
    "credentials of a re-created application, which nobody can read back",
    "links of the impersonated user",
    "policies left off by the lock-out guard",
    "the impersonated user, stopped as a conflict",
    "the impostor's account: adding is not undone unless asked",
    "the restore app as owner of what it created",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("story") / "kept"


@pytest.fixture(scope="module")
def told(folder: Path) -> str:
    """Everything the demo printed; it ended with 0."""
    command = [
        sys.executable,
        "-m",
        "tests.localrun.demo",
        "--users",
        "60",
        "--factor",
        "60",
        "--keep",
        str(folder),
    ]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    assert "Traceback" not in ended.stdout + ended.stderr
    return ended.stdout


def test_it_ends_well_and_says_so_last(told: str) -> None:
    assert (
        told.rstrip().splitlines()[-1].startswith("OK: the tenant equals the snapshot in every restorable property")
    )
    assert "UNEXPECTED" not in told


def test_the_commands_are_those_of_an_operator_in_their_order(told: str) -> None:
    commands = [line.split()[2] for line in told.splitlines() if line.startswith("$ holdfast ")]
    assert commands == ["backup", "verify", "diff", "plan", "approve", "approve", "restore"]


def test_the_incident_is_told_and_the_conflict_was_stopped_at(told: str) -> None:
    assert re.search(r"^  6 users deleted$", told, re.MULTILINE)
    assert re.search(r"^  15 memberships removed; the authorization policy loosened$", told, re.MULTILINE)
    assert "created by mallory@evil.example at " in " ".join(told.split())
    assert "Verdict: equalExceptListed" in told


def test_one_approval_was_not_enough_and_two_were(told: str) -> None:
    first, second = told.split("Signed by ")[1:]
    assert " no" in first.split("next:")[0]
    assert " yes" in second.split("next:")[0]
    assert " yes" not in first.split("next:")[0]


def test_the_second_opinion_explains_every_difference(told: str) -> None:
    opinion = told.split("7. A second opinion")[1].split("━━")[0]
    found = re.search(r"(\d+) objects compared through (\d+) new ids; (\d+) differences, as listed:", opinion)
    assert found is not None, opinion
    kinds = re.findall(r"^    (\d+) × (.+)$", opinion, re.MULTILINE)
    assert {kind for _, kind in kinds} <= EXPLAINED
    assert sum(int(number) for number, _ in kinds) == int(found[3])
    # Two policies, an application with its service principal and two credentials, at the least.
    assert int(found[2]) >= 6
    assert int(found[1]) > 100


def test_real_policies_are_used_where_they_are_and_their_absence_is_told(told: str) -> None:
    if real_data():
        assert "SKIPPED" not in told
        # The break-glass accounts meet each of them, or are not whom it is about.
        assert "left off by the lock-out guard" not in told
    else:
        assert "SKIPPED: the 36 real policies" in told


def test_the_pages_stand_alone_and_hold_no_markup_of_the_tenant(told: str, folder: Path) -> None:
    for name in ("diff.html", "plan.html", "report.html"):
        page = (folder / name).read_text(encoding="utf-8")
        assert str(folder / name) in told
        assert "<script>alert" not in page
        assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", page)
    assert "&lt;script&gt;alert" in (folder / "diff.html").read_text(encoding="utf-8")


def test_no_page_holds_a_token(told: str, folder: Path) -> None:
    """Passwords are `test_canaries.py`'s: this story makes no user anew."""
    pages = sorted(folder.glob("**/*.html"))
    assert len(pages) >= 3
    for path in pages:
        assert not TOKEN.search(path.read_text(encoding="utf-8")), path.name


def test_no_log_holds_anything_of_a_person(told: str, folder: Path) -> None:
    """By the same tenant, made again from its seed: the hosts', the gateway's and the store's logs, whole."""
    service = tenant(ManualClock(), "60+real" if real_data() else "60")
    known = canaries(state(service))
    assert len(known) > 200
    logs = sorted((folder / "stack").glob("*.log")) + sorted((folder / "stack").glob("*.jsonl"))
    assert len(logs) >= 6
    pages = (folder / "plan.html").read_text(encoding="utf-8")
    assert any(one in pages for one in known)  # the canaries are alive
    for path in logs:
        text = path.read_text(encoding="utf-8")
        assert sorted(one for one in known if one in text) == [], path.name


def test_what_it_took_is_told_and_nothing_is_left_running(told: str, folder: Path) -> None:
    assert re.search(r"backup: \d+ requests, \d+ operations, \d+ answers 429", told)
    assert re.search(r"plan, restore, confirm: \d+ requests, \d+ operations", told)
    assert "clock factor 60, shared by tenant and apps" in told
    assert "an emulator has no retention lock, so this snapshot is marked unprotected" in told
    left = [
        one.info["cmdline"] for one in psutil.process_iter(["cmdline"]) if str(folder) in str(one.info["cmdline"])
    ]
    assert left == []

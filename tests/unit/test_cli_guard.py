"""`holdfast guard` on a file: one document, exit codes, and what it says beside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit import lockout_cases as table
from tests.unit.cli_runner import Ran, run
from tests.unit.cli_world import Cli, Deployment


def ask(tmp_path: Path, content: Any, *options: str) -> Ran:
    file = tmp_path / "facts.json"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return run("guard", *options, str(file))


def blocked() -> dict[str, Any]:
    users = {"includeUsers": ["All"], "excludeUsers": [table.ONE]}
    return {**table.sound(), "conditionalAccessPolicies": [table.policy("block", users=users)]}


def test_a_pass_ends_with_nothing_and_says_what_was_checked(tmp_path: Path) -> None:
    ran = ask(tmp_path, table.sound(), "--json")
    assert ran.code == 0
    assert ran.document == {
        "verdict": "pass",
        "accounts": [{"id": account, "verdict": "pass", "findings": []} for account in (table.ONE, table.TWO)],
    }
    assert "checked against these scenarios: Azure portal" in ran.err
    assert "home realm discovery" in ran.err
    assert "cannot" not in ran.err + ran.out


def test_a_finding_ends_with_three_and_names_rule_policy_and_scenario(tmp_path: Path) -> None:
    ran = ask(tmp_path, blocked(), "--json")
    assert ran.code == 3
    assert ran.document["verdict"] == "fail"
    one, two = ran.document["accounts"]
    assert one == {"id": table.ONE, "verdict": "pass", "findings": []}
    assert [(found["rule"], found["policyId"]) for found in two["findings"]] == [("block", table.POLICY)]
    assert two["findings"][0].keys() == {"rule", "policyId", "scenario", "why"}


def test_people_get_tables(tmp_path: Path) -> None:
    ran = ask(tmp_path, blocked())
    assert ran.code == 3
    assert f"{table.ONE}: pass" in ran.out
    assert f"{table.TWO}: fail" in ran.out
    assert "Checked against these scenarios" in ran.out
    assert "can't be proved to get in" in ran.out
    assert ask(tmp_path, table.sound()).code == 0


def test_what_is_outside_is_named_with_its_policy(tmp_path: Path) -> None:
    file = {**table.sound(), "conditionalAccessPolicies": [table.on_applications("Office365")]}
    for options in (("--json",), ()):
        ran = ask(tmp_path, file, *options)
        assert ran.code == 0
        assert f"policy {table.POLICY} names Office 365" in ran.out + ran.err


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"breakGlassIds": [NaN]}',
        b"[" * 100_000,
        [],
        {},
        {"breakGlassIds": []},
        {**table.sound(), "users": "all"},
    ],
    ids=["empty", "cut short", "not text", "no number", "deep", "a list", "nothing", "nobody", "other shape"],
)
def test_what_cant_be_judged_ends_with_two(tmp_path: Path, content: Any) -> None:
    ran = ask(tmp_path, content, "--json")
    assert ran.code == 2
    assert ran.document["exitCode"] == 2
    assert "Traceback" not in ran.err
    assert ask(tmp_path, content).code == 2


def test_a_file_that_isnt_there_and_no_file_end_with_two(tmp_path: Path) -> None:
    assert run("guard", "--json", str(tmp_path / "no.json")).code == 2
    assert run("guard", "--json").code == 2


def test_hostile_text_reaches_the_screen_as_text(tmp_path: Path) -> None:
    file = table.sound()
    found = table.policy("mfa\x1b[31m[bold]")
    file["conditionalAccessPolicies"] = [found]
    ran = ask(tmp_path, file)
    assert ran.code == 3
    assert "\x1b" not in ran.out


# --- a snapshot, and the tenant as it is


@pytest.mark.parametrize("what", [("--snapshot", "latest"), ("--live",)], ids=" ".join)
def test_a_snapshot_and_the_live_tenant_are_judged(what: tuple[str, ...]) -> None:
    cli = Cli(Deployment(break_glass_ids=("user-000", "user-001")))
    cli.back_up()
    ran = cli("guard", "--json", *what)
    assert ran.code == 3, ran.err
    assert [one["id"] for one in ran.document["accounts"]] == ["user-000", "user-001"]
    rules = {finding["rule"] for one in ran.document["accounts"] for finding in one["findings"]}
    assert "domainNotManaged" in rules
    assert "unknownAccount" not in rules
    assert "checked against these scenarios" in ran.err
    (one,) = cli("guard", "--json", *what, "--account", "nobody").document["accounts"]
    assert one["id"] == "nobody"
    assert "unknownAccount" in {finding["rule"] for finding in one["findings"]}


def test_one_thing_is_judged_at_a_time_and_for_somebody() -> None:
    cli = Cli(Deployment())
    cli.back_up()
    for what in (("--live", "--snapshot", "latest"), ("file.json", "--live"), ()):
        assert cli("guard", "--json", *what).code == 2
    ran = cli("guard", "--json", "--snapshot", "latest")
    assert ran.code == 2
    assert "no break-glass accounts" in ran.document["error"]["what"]

"""`holdfast emergency`: what is read from two readings, and which plan it says to begin with."""

from __future__ import annotations

import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.catalog.registry import CATALOG
from shared.cli.emergency import first_plan
from shared.cli.main import app
from shared.domain.errors import GraphDown
from shared.domain.ports import GraphRequest
from shared.engines.actors import Deed, deeds
from shared.engines.lockout.accounts import GLOBAL_ADMINISTRATOR
from shared.engines.wire import time_text
from tests.unit.cli_runner import run
from tests.unit.cli_samples import HOSTILE, NOW
from tests.unit.cli_world import Cli, Deployment, copied


def event(key: str, what: str, at: str, **by: Any) -> dict[str, Any]:
    return {"id": key, "activityDisplayName": what, "activityDateTime": at, "initiatedBy": by}


def test_deeds_are_counted_once_each_by_who_did_them_since_then() -> None:
    mallory = {"user": {"userPrincipalName": "mallory@contoso.com"}}
    events = [
        event("1", "Delete user", "2026-11-22T11:00:00Z", **mallory),
        event("2", "Delete user", "2026-11-22T12:00:00.5Z", **mallory),
        event("2", "Delete user", "2026-11-22T12:00:00.5Z", **mallory),  # the windows overlap
        event("3", "Add owner", "2026-11-22T10:30:00Z", app={"displayName": "Sync"}),
        event("4", "Delete user", "2026-11-22T10:29:59Z", **mallory),  # before
        {"id": "5", "activityDateTime": "2026-11-22T13:00:00Z"},
    ]
    assert deeds(events, NOW) == [
        Deed("mallory@contoso.com", "Delete user", 2, "2026-11-22T12:00:00.5Z"),
        Deed("Sync", "Add owner", 1, "2026-11-22T10:30:00Z"),
        Deed("unknown", "", 1, "2026-11-22T13:00:00Z"),
    ]


POLICIES = {"conditionalAccessPolicies": {"changed": 2}}
DELETED = {"users": {"removed": 50}, "groups.members": {"linkRemoved": 9}}
GAINED = {"applications": {"changed": 1}, "users": {"removed": 50}}


@pytest.mark.parametrize(
    ("changed", "soon", "sign_in", "intruder", "flags"),
    [
        (POLICIES, True, "no", "yes", "--type conditionalAccessPolicies"),
        (POLICIES, False, "yes", "no", "--type conditionalAccessPolicies"),
        (DELETED, True, "no", "yes", "--contain"),
        (DELETED, True, "yes", "unknown", "--rescue"),
        (GAINED, True, "yes", "unknown", "--contain"),
        (GAINED, True, "yes", "no", "--rescue"),
        (DELETED, False, "unknown", "unknown", "--type users"),
        (GAINED, False, "unknown", "no", "--type users"),
        ({}, True, "unknown", "unknown", "--rescue"),
        ({}, False, "no", "no", ""),
        ({"devices": {"removed": 3}}, False, "yes", "no", ""),
    ],
)
def test_the_first_plan(
    changed: dict[str, dict[str, int]], soon: bool, sign_in: str, intruder: str, flags: str
) -> None:
    assert first_plan(changed, CATALOG, soon=soon, sign_in=sign_in, intruder=intruder)[0] == flags


@pytest.fixture
def cli() -> Cli:
    return Cli(Deployment())


def damaged(cli: Cli) -> tuple[str, str]:
    """Two snapshots. Between them mallory became Global Administrator and deleted a user."""
    directory, clock = cli.world.backup.directory, cli.world.backup.clock
    directory.put("users", id="mallory", displayName=f"Mallory {HOSTILE}")
    first = cli.back_up()
    clock.advance(timedelta(hours=1).total_seconds())
    now = time_text(clock.now().replace(microsecond=0))
    role = {"roleDefinitionId": GLOBAL_ADMINISTRATOR, "directoryScopeId": "/"}
    directory.put("roleAssignments", id="ra-m", principalId="mallory", **role)
    directory.put("roleAssignments", id="ra-x", principalId="nobody-knows", **role)
    directory.put("roleAssignments", id="ra-s", principalId="user-000", **{**role, "directoryScopeId": "/au"})
    directory.put("deletedUsers", id="gone", displayName="Gone", deletedDateTime=now)
    who = {"user": {"userPrincipalName": "mallory@contoso.com"}}
    directory.put("directoryAudits", **event("e1", "Delete user", now, **who))
    return first, cli.back_up()


def test_two_snapshots_tell_who_rules_what_differs_who_did_it_and_what_is_purged(cli: Cli) -> None:
    first, second = damaged(cli)
    before = dict(cli.world.backup.vault.blobs)
    ran = cli("emergency", "--intruder", "yes", "--json")
    assert ran.code == 0, ran.err
    told = ran.document
    assert (told["before"], told["after"]) == (first, second)
    assert [(one["type"], one["id"]) for one in told["globalAdministrators"]] == [
        ("users", "mallory"),
        ("", "nobody-knows"),
    ]
    assert told["changed"]["roleAssignments"]["added"] == 3
    assert [(one["actor"], one["what"], one["times"]) for one in told["deeds"]] == [
        ("mallory@contoso.com", "Delete user", 1)
    ]
    assert [one["target"] for one in told["leaving"]] == ["gone"]
    assert told["next"] == f"holdfast plan {first} --contain"
    assert cli.world.backup.vault.blobs == before
    shown = cli("emergency", "--sign-in", "no").out
    for text in ("break-glass", "‹U+202E›", "mallory@contoso.com", "1. Can somebody", "5. What recycle bins"):
        assert text in shown
    assert f"holdfast plan {first} --contain" in shown
    assert "\x1b" not in shown


def test_a_folder_needs_no_deployment_and_names_itself_in_the_command(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = damaged(cli)
    # By the machine's own clock, which a copy is read with, these snapshots would expire one day.
    monkeypatch.setattr("shared.adapters.clock.SystemClock", lambda: cli.world.backup.clock)
    monkeypatch.delenv("HOLDFAST_TENANT_ID", raising=False)
    folder = tmp_path / "my copy"
    key = copied(cli, folder)
    ran = run("emergency", str(folder), "--key", str(key), "--json")
    assert ran.code == 0, ran.err
    assert (ran.document["before"], ran.document["after"]) == (first, second)
    assert ran.document["deeds"][0]["actor"] == "mallory@contoso.com"
    assert ran.document["next"] == f"holdfast plan {first} --contain --local '{folder}' --key {key}"


def test_live_is_read_where_it_can_be_and_said_where_it_can_not(cli: Cli) -> None:
    first, second = damaged(cli)
    directory = cli.world.backup.directory
    directory.put("users", id="later", displayName="Later")
    told = cli("emergency", "--live", "--json").document
    assert (told["before"], told["after"], told["whyNotLive"]) == (second, "live", "")
    assert told["changed"]["users"]["added"] == 1
    assert told["deedsUnknown"] == ""

    def down(request: GraphRequest) -> None:
        raise GraphDown("Graph answered 503, 40 times")

    directory.before.append(down)
    told = cli("emergency", "--live", "--json").document
    assert (told["before"], told["after"]) == (first, second)
    assert "503" in told["whyNotLive"]
    assert told["deeds"]


def test_a_live_log_that_is_longer_than_is_read_is_not_told_as_the_whole(cli: Cli) -> None:
    damaged(cli)
    now = time_text(cli.world.backup.clock.now().replace(microsecond=0))
    for number in range(100):
        cli.world.backup.directory.put("directoryAudits", **event(f"more-{number}", "Delete user", now))
    told = cli("emergency", "--live", "--json").document
    assert 0 < sum(one["times"] for one in told["deeds"]) < 100
    assert "has more" in told["deedsUnknown"]
    assert "not all is known" in " ".join(cli("emergency", "--live").out.split())


def test_one_snapshot_has_nothing_to_be_compared_with_and_none_is_said(cli: Cli) -> None:
    assert cli("emergency").code == 2
    only = cli.back_up()
    told = cli("emergency", "--json").document
    assert (told["before"], told["after"], told["next"]) == (only, only, "")


@pytest.mark.parametrize("arguments", [("--sign-in", "maybe"), ("--intruder", "y"), ("copy", "--live")])
def test_what_can_not_be_meant_is_refused(cli: Cli, arguments: tuple[str, ...]) -> None:
    assert cli("emergency", *arguments).code == 2


@pytest.mark.parametrize("flags", ["--contain", "--rescue", "--type users"])
def test_what_it_says_to_run_is_a_command_that_exists(flags: str) -> None:
    from typer.main import get_command

    commands: Any = get_command(app)
    words = shlex.split(f"plan 20261122T013000Z-full {flags} --local 'my copy' --key snapshot.pub")
    context = commands.commands["plan"].make_context("plan", words[1:])
    assert context.params["local"] == Path("my copy")

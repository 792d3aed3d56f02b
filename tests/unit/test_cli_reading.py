"""Commands that read the vault: snapshots, show, diff, verify, backup's own waiting."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from shared.domain.errors import GraphDown
from shared.domain.ports import GraphRequest
from shared.domain.snapshot import State
from tests.backup import TENANT
from tests.fakes import forbidden, refuse
from tests.unit.cli_samples import HOSTILE
from tests.unit.cli_world import Cli, Deployment, copied


@pytest.fixture
def cli() -> Cli:
    return Cli(Deployment())


# --- backup ------------------------------------------------------------------------------------------------


def test_backup_waits_for_its_own_snapshot_and_prints_completeness(cli: Cli) -> None:
    other = cli.back_up()
    ran = cli("backup", "--json")
    assert ran.code == 0, ran.err
    assert ran.document["snapshot"] != other
    assert ran.document["complete"] is True
    assert ran.document["types"]["users"] == {
        "state": "complete",
        "reason": "",
        "count": 8,
        "asOf": ran.document["types"]["users"]["asOf"],
    }
    assert ran.document["head"].startswith("2:")
    assert "asked for a backup" in ran.err
    assert "requestId" in ran.document


def test_repeated_request_waits_for_the_same_snapshot(cli: Cli) -> None:
    first = cli("backup", "--request-id", "request-0001", "--json").document["snapshot"]
    again = cli("backup", "--request-id", "request-0001", "--json").document["snapshot"]
    assert again == first
    assert len(cli("snapshots", "--json").document["snapshots"]) == 1


def test_backup_and_status_tell_why_an_item_fails(cli: Cli) -> None:
    left = 3

    def down(request: GraphRequest) -> None:
        nonlocal left
        if request.path.startswith("/v1.0/groups?") and left:
            left -= 1
            raise GraphDown("Graph answered 503, 40 times")

    world = cli.world
    asyncio.run(world.backup.start())
    world.backup.directory.before.append(down)
    [work] = [one for one in world.backup.exports.receive(limit=99) if '"item":"groups"' in one.body]
    asyncio.run(world.backup.work(work.body))
    told = cli("status")
    assert "503" in told.out
    [run] = cli("status", "--json").document["runs"]
    assert [(one["item"], one["why"]) for one in run["failing"]] == [
        ("groups", "GraphDown: Graph answered 503, 40 times")
    ]


def test_partial_backup_ends_with_4_and_says_which_type(cli: Cli) -> None:
    cli.world.backup.directory.before.append(refuse("/groups", forbidden))
    ran = cli("backup")
    assert ran.code == 4
    assert "groups" in ran.out
    assert State.NOT_PERMITTED.value in ran.out


def test_no_wait_returns_at_once_with_the_request(cli: Cli) -> None:
    ran = cli("backup", "--no-wait", "--json")
    assert ran.code == 0
    assert ran.document["snapshot"] is None
    assert len(cli.world.queues["backup-requests"].bodies) == 1


def test_backup_that_nobody_serves_ends_with_a_fault_and_the_next_step(cli: Cli) -> None:
    cli.world.serving = False
    ran = cli("backup", "--timeout", "0")
    assert ran.code == 1
    assert "next:" in ran.err
    assert "--request-id" in ran.err
    assert "goes on without this terminal" in ran.err


def test_bad_request_id_is_refused_before_anything_is_sent(cli: Cli) -> None:
    ran = cli("backup", "--request-id", "x")
    assert ran.code == 2
    assert cli.world.queues["backup-requests"].bodies == []


# --- snapshots and show ------------------------------------------------------------------------------------


def test_snapshots_print_state_and_expected_head(cli: Cli) -> None:
    first = cli.back_up()
    cli.world.backup.inspector.locked = False
    second = cli.back_up()
    ran = cli("snapshots", "--json")
    assert ran.code == 0
    assert [(one["id"], one["state"]) for one in ran.document["snapshots"]] == [
        (first, "readable"),
        (second, "unprotected"),
    ]
    shown = cli("snapshots").out
    assert ran.document["head"] in shown
    assert "nothing stops these blobs" in shown


def test_expired_snapshot_is_listed_as_such_and_not_opened(cli: Cli) -> None:
    snapshot = cli.back_up()
    cli.world.backup.clock.advance(40 * 86400)
    (row,) = cli("snapshots", "--json").document["snapshots"]
    assert row["state"] == "expired"
    ran = cli("show", snapshot)
    assert ran.code == 2
    assert "expired" in ran.err


def test_no_snapshot_yet_is_no_fault(cli: Cli) -> None:
    ran = cli("snapshots")
    assert ran.code == 0
    assert "holdfast backup" in ran.out


def test_unknown_snapshot_names_the_nearest(cli: Cli) -> None:
    snapshot = cli.back_up()
    ran = cli("show", "20200101T000000Z-full")
    assert ran.code == 2
    assert snapshot in ran.err
    assert cli("show", "../../etc").code == 2


def test_show_lists_objects_and_finds_one_by_id_or_name(cli: Cli) -> None:
    cli.back_up()
    listed = cli("show", "latest", "groups", "--json").document
    assert [one["id"] for one in listed["objects"]] == ["group-0", "group-1", "group-2"]
    by_name = cli("show", "latest", "groups", "group 1", "--json").document
    assert by_name == cli("show", "latest", "groups", "group-1", "--json").document
    assert by_name["object"]["displayName"] == "Group 1"
    assert by_name["links"]["owners"] == [{"id": "user-003", "type": "users"}]


def test_show_keeps_what_json_can_hold(cli: Cli) -> None:
    cli.back_up()
    shown = cli("show", "latest", "users", "user-raw", "--json")
    assert shown.document["object"]["displayName"] == "Näme 😀"
    assert shown.out.isascii(), "nothing a tenant holds can drive a terminal"


def test_ambiguous_and_missing_names_are_unusable(cli: Cli) -> None:
    directory = cli.world.backup.directory
    directory.put("groups", id="group-8", displayName="Twins")
    directory.put("groups", id="group-9", displayName="twins")
    cli.back_up()
    ran = cli("show", "latest", "groups", "TWINS")
    assert ran.code == 2
    assert "group-8, group-9" in ran.err
    assert cli("show", "latest", "groups", "nobody").code == 2
    assert cli("show", "latest", "nothings").code == 2


def test_hostile_names_are_spelled_out_on_the_terminal(cli: Cli) -> None:
    cli.world.backup.directory.put("users", id="user-evil", displayName=HOSTILE.replace("\ud800", ""))
    cli.back_up()
    shown = cli("show", "latest", "users").out
    for character in ("\x1b", "\u202e", "\u2028"):
        assert character not in shown
    assert "‹U+202E›txt.exe" in shown
    assert "[red]x[/red]" in shown, "markup in a name is text"


# --- diff --------------------------------------------------------------------------------------------------


def test_diff_of_two_snapshots_shows_before_and_after(cli: Cli, tmp_path: Path) -> None:
    before = cli.back_up()
    directory = cli.world.backup.directory
    directory.put("users", id="user-001", displayName="User 1", accountEnabled=False)
    directory.put("users", id="user-new", displayName=HOSTILE.replace("\ud800", ""), accountEnabled=True)
    directory.unlink("groups", "owners", "group-1", "user-003")
    after = cli.back_up()
    page = tmp_path / "diff.html"
    ran = cli("diff", before, after, "--json", "--html", str(page))
    assert ran.code == 0, ran.err
    kinds = {(one["kind"], one["type"], one["id"]) for one in ran.document["changes"]}
    assert kinds == {
        ("changed", "users", "user-001"),
        ("added", "users", "user-new"),
        ("linkRemoved", "groups", "group-1"),
    }
    assert ran.document["summary"]["total"] == 3
    text = page.read_text()
    assert "<script" not in text
    assert "accountEnabled" in text
    assert "User 3" in text, "the target of a link is named"
    terminal = cli("diff", before, after).out
    assert "accountEnabled: true → false" in terminal
    assert "User 3 (user-003)" in terminal


def test_many_links_of_one_source_are_one_entry_on_the_terminal(cli: Cli) -> None:
    before = cli.back_up()
    directory = cli.world.backup.directory
    for number in range(6):
        directory.unlink("groups", "members", "group-0", f"user-{number:03d}")
    directory.unlink("groups", "owners", "group-1", "user-003")
    shown = cli("diff", before, cli.back_up()).out
    assert "Group 0 (group-0) → 6: User 0, User 1, User 2, User 3 and 2 more" in shown
    assert "groups.members: links removed (6)" in shown
    assert "more (--json" not in shown, "all six are told of"


def test_diff_with_live_reads_the_tenant_now(cli: Cli) -> None:
    cli.back_up()
    cli.world.backup.directory.put("users", id="user-002", displayName="Changed", accountEnabled=True)
    ran = cli("diff", "latest", "live", "--type", "users", "--json")
    assert ran.code == 0, ran.err
    assert [one["id"] for one in ran.document["changes"]] == ["user-002"]
    assert ran.document["after"] == "live"


def test_nothing_differs(cli: Cli) -> None:
    one, other = cli.back_up(), cli.back_up()
    ran = cli("diff", one, other)
    assert ran.code == 0
    assert "Nothing differs." in ran.out


def test_incomplete_listing_makes_a_diff_partial(cli: Cli) -> None:
    before = cli.back_up()
    cli.world.backup.directory.before.append(refuse("/groups", forbidden))
    after = cli.back_up()
    ran = cli("diff", before, after, "--json")
    assert ran.code == 4
    assert {"groups"} <= {gap["name"] for gap in ran.document["gaps"]}
    assert not any(one["type"] == "groups" for one in ran.document["changes"]), "not read is not deleted"


# --- verify, and a folder copy ---------------------------------------------------------------------------------


def test_verify_finds_nothing_in_what_was_committed(cli: Cli) -> None:
    cli.back_up()
    cli.back_up()
    ran = cli("verify", "all", "--json")
    assert ran.code == 0, ran.out
    assert ran.document["good"] is True
    assert len(ran.document["snapshots"]) == 2
    assert cli("verify", "all", "--expect-head", ran.document["head"]).code == 0


def test_folder_copy_is_listed_shown_and_verified_with_the_public_key_alone(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.unit.cli_runner import run

    monkeypatch.delenv("HOLDFAST_TENANT_ID", raising=False)
    snapshot = cli.back_up()
    folder = tmp_path / "copy"
    key = copied(cli, folder)
    common = ("--local", str(folder), "--key", str(key), "--json")
    ran = run("snapshots", *common)
    assert ran.code == 0, ran.err
    # The copy is read with the machine's own clock, by which this test's snapshot may have expired.
    assert [one["id"] for one in ran.document["snapshots"]] == [snapshot]
    shown = run("verify", snapshot, *common)
    assert shown.code == 0, shown.err + shown.out
    assert shown.document["good"] is True
    assert run("backup", "--local", str(folder)).code == 2
    assert TENANT in str(next((folder / "chain" / "v1").iterdir()))


def test_tampered_copy_is_found_out(cli: Cli, tmp_path: Path) -> None:
    from tests.unit.cli_runner import run

    cli.back_up()
    folder = tmp_path / "copy"
    key = copied(cli, folder)
    entry = next((folder / "chain").rglob("*.jws"))
    entry.write_bytes(entry.read_bytes()[:-4] + b"AAAA")
    ran = run("verify", "all", "--folder", str(folder), "--key", str(key), "--json")
    assert ran.code == 3
    assert ran.document["findings"][0]["kind"] == "chain"


def test_removed_newest_entry_is_found_by_the_expected_head(cli: Cli, tmp_path: Path) -> None:
    from tests.unit.cli_runner import run

    cli.back_up()
    cli.back_up()
    head = cli("snapshots", "--json").document["head"]
    folder = tmp_path / "copy"
    key = copied(cli, folder)
    newest = sorted((folder / "chain").rglob("*.jws"))[-1]
    newest.unlink()
    common = ("verify", "all", "--folder", str(folder), "--key", str(key))
    assert run(*common).code == 0, "alone the copy can't know"
    ran = run(*common, "--expect-head", head, "--json")
    assert ran.code == 3
    assert "missing" in ran.document["findings"][0]["why"]
    assert run(*common, "--expect-head", "nonsense").code == 2


def test_another_key_vouches_for_nothing(cli: Cli, tmp_path: Path) -> None:
    from shared.adapters.keys import LocalSigner
    from tests.unit.cli_runner import run

    cli.back_up()
    folder = tmp_path / "copy"
    copied(cli, folder)
    key = tmp_path / "other.pub"
    key.write_bytes(LocalSigner.generate().public_jwks())
    assert run("verify", "all", "--folder", str(folder), "--key", str(key)).code == 3
    assert run("snapshots", "--local", str(folder), "--key", str(key)).code == 1


def test_copy_needs_a_key_and_a_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    from tests.unit.cli_runner import run

    for name in ("HOLDFAST_PUBLIC_KEYS", "HOLDFAST_KEYS_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert run("verify", "--folder", str(tmp_path)).code == 2
    cli.back_up()
    copied(cli, tmp_path / "copy")
    ran = run("verify", "--folder", str(tmp_path / "copy"))
    assert ran.code == 2
    assert "can't vouch for itself" in ran.err


# --- the plumbing ----------------------------------------------------------------------------------------------


def test_errors_are_one_json_document_too(cli: Cli) -> None:
    ran = cli("show", "latest", "--json")
    assert ran.code == 2
    assert ran.document["exitCode"] == 2
    assert ran.document["error"]["kind"] == "Unusable"
    assert "error:" in ran.err
    assert json.loads(cli("shwo", "--json").out)["exitCode"] == 2


def test_bad_settings_are_reported_together(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.unit.cli_runner import run

    for name in list(os.environ):
        if name.startswith("HOLDFAST_") or name in ("VaultStorage", "BackupState", "RestoreState"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOLDFAST_TENANT_ID", "contoso")
    monkeypatch.setenv("HOLDFAST_REGION", "eastus")
    ran = run("snapshots", "--json")
    assert ran.code == 2
    assert "HOLDFAST_TENANT_ID" in ran.document["error"]["what"]
    assert "HOLDFAST_REGION" in ran.document["error"]["what"]


def test_a_sample_is_the_newest_the_oldest_and_a_few_between(cli: Cli) -> None:
    names = [cli.back_up() for _ in range(7)]
    document = cli("verify", "sample", "--json").document
    checked = [one["snapshot"] for one in document["snapshots"]]
    assert len(checked) == 5
    assert (checked[0], checked[-1]) == (names[0], names[-1])
    assert checked == [name for name in names if name in checked]
    assert document["good"] is True
    every = cli("verify", "all", "--json").document["snapshots"]
    assert [one["snapshot"] for one in every] == names
    assert all("lines of packs were compared with the indexes" in one["notes"][0] for one in every)
    deep = cli("verify", "all", "--deep", "--json").document["snapshots"]
    assert all(one["notes"] == [] for one in deep)


def test_every_command_has_help_with_an_example() -> None:
    import typer

    from shared.cli.main import app

    def leaves(group: typer.Typer) -> list[str]:
        found = [command.callback.__doc__ or "" for command in group.registered_commands if command.callback]
        for inner in group.registered_groups:
            assert inner.typer_instance is not None
            found += leaves(inner.typer_instance)
        return found

    texts = leaves(app)
    assert len(texts) >= 22
    for text in texts:
        assert "Example: holdfast " in text, text


def test_misuse_ends_with_2_and_points_to_the_help(cli: Cli) -> None:
    for arguments in (("nonsense",), ("show",), ("backup", "--nonsense"), ("plan", "latest", "--timeout", "x"), ()):
        ran = cli(*arguments)
        assert ran.code == 2, arguments
        assert ran.out == ""
    assert "--help" in cli("show").err

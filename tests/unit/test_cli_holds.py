"""`holdfast vault hold|holds|release` against the simulated management plane, through the real SDK."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.cli.exporting import SCRIPT
from shared.engines.jws import jwk_set
from tests.backup import TENANT
from tests.unit import cli_runner
from tests.unit.cli_runner import Ran
from tests.unit.test_cli_vault import Vault

DAY = 86_400.0
TAG = "case2026031"
WHY = ("--case", "31/2026", "--reason", "court order")


class Held:
    """A deployment with one snapshot and its management plane."""

    def __init__(self, start: datetime | None = None) -> None:
        self.vault = Vault()
        clock = self.vault.world.backup.clock
        clock.advance(0 if start is None else (start - clock.now()).total_seconds())
        self.vault.lock_all()
        self.snapshot = asyncio.run(self.vault.world.backup.back_up()).snapshot

    def __call__(self, *arguments: str) -> Ran:
        return self.vault(*arguments)

    def hold(self, *more: str, tag: str = TAG, review: str = "2027-05-31") -> Ran:
        return self("hold", "latest", tag, *WHY, "--review", review, *more)

    def read(self, *arguments: str) -> Ran:
        return cli_runner.run(*arguments, opener=self.vault.opener)

    @property
    def tags(self) -> list[str]:
        return list(self.vault.plane.containers["hold"].tags)

    def pass_days(self, days: float) -> None:
        self.vault.world.backup.clock.advance(days * DAY)


@pytest.fixture
def held() -> Held:
    return Held()


def test_holding_tells_what_it_means_and_asks_for_the_tag(held: Held) -> None:
    ran = held.hold()
    assert ran.code == 3
    assert "can be deleted while it has a tag" in ran.err
    assert "a hold has no end" in ran.err
    assert f"--confirm {TAG}" in ran.err
    assert (held.tags, held.vault.world.held.blobs) == ([], {})
    ran = held.hold("--confirm", TAG, "--by", "counsel", "--json")
    assert ran.code == 0, ran.err
    assert ran.document == {
        "snapshot": held.snapshot,
        "tag": TAG,
        "container": "hold",
        "review": "2027-05-31",
        "record": 1,
    }
    assert held.tags == [TAG]
    assert held.hold("--confirm", TAG).code == 0  # nothing left to do


def test_holds_are_listed_with_their_review_dates_and_overdue_ones_end_with_3(held: Held) -> None:
    assert held("holds", "--json").document == {"container": "hold", "holds": [], "tags": [], "shortfalls": []}
    held.hold("--confirm", TAG, "--by", "counsel")
    ran = held("holds", "--json")
    assert ran.code == 0
    (row,) = ran.document["holds"]
    assert (row["snapshot"], row["tag"], row["state"], row["case"]) == (held.snapshot, TAG, "inForce", "31/2026")
    assert (row["reason"], row["by"], row["review"]) == ("court order", "counsel", "2027-05-31")
    assert row["overdue"] is False
    assert row["inForceSince"]
    held.pass_days(200)
    ran = held("holds")
    assert ran.code == 3
    assert "OVERDUE" in ran.out
    assert "was to be reviewed by 2027-05-31" in ran.out
    assert held.hold("--confirm", TAG).code == 2  # that date is over, and latest has expired


def test_a_tag_that_somebody_cleared_is_told_as_not_protected(held: Held) -> None:
    held.hold("--confirm", TAG)
    held.vault.plane.containers["hold"].tags.clear()
    assert held("holds", "--json").document["holds"][0]["state"] == "notInForce"
    ran = held("status", "--json")
    assert ran.code == 3
    row = ran.document["containers"][-1]
    assert (row["container"], row["protected"]) == ("hold", False)
    assert "is not in force" in row["shortfalls"][0]["what"]
    assert held.hold("--confirm", TAG).code == 0
    assert held("status").code == 0


def test_the_status_shows_the_hold_container(held: Held) -> None:
    held.hold("--confirm", TAG)
    ran = held("status", "--json")
    assert ran.code == 0, ran.out
    row = ran.document["containers"][-1]
    assert (row["container"], row["promisedDays"], row["policy"]) == ("hold", None, None)
    assert [one["tag"] for one in row["holds"]] == [TAG]
    assert "while held" in held("status").out
    del held.vault.plane.containers["hold"]
    ran = held("status")
    assert ran.code == 0
    assert "no snapshot can be put under a legal hold" in ran.out
    assert "there is no container hold" in held.hold("--confirm", TAG).err


def test_releasing_tells_what_stays_and_asks_for_the_tag(held: Held) -> None:
    held.hold("--confirm", TAG)
    held.hold("--confirm", "other2026", tag="other2026")
    ran = held("release", TAG, "--reason", "closed")
    assert ran.code == 3
    assert f"{held.snapshot}: stays held by other2026" in ran.err
    assert "keeps its blobs for other2026" in ran.err
    assert held.tags == [TAG, "other2026"]
    ran = held("release", TAG, "--reason", "closed", "--confirm", TAG, "--json")
    assert ran.document == {
        "tag": TAG,
        "snapshots": [held.snapshot],
        "container": "hold",
        "tagsLeft": ["other2026"],
    }
    assert held.tags == ["other2026"]
    states = {row["tag"]: row["state"] for row in held("holds", "--json").document["holds"]}
    assert states == {TAG: "released", "other2026": "inForce"}
    ran = held("release", "other2026", "--reason", "closed", "--confirm", "other2026")
    assert "is held by nothing else" in ran.err
    assert "has no tag left" in ran.err
    assert held("release", "never", "--reason", "closed").code == 3


def test_reading_commands_find_what_is_held_after_its_class_has_expired(tmp_path: Path) -> None:
    today = datetime.now(UTC)  # a folder is judged by today's date
    held = Held(today - timedelta(days=40))
    held.hold("--confirm", TAG, review=f"{today + timedelta(days=90):%Y-%m-%d}")
    held.pass_days(40)
    held.vault.world.backup.vault.blobs.clear()
    (row,) = held.read("snapshots", "--json").document["snapshots"]
    assert row["state"] == "held"
    assert row["complete"]
    shown = held.read("show", held.snapshot, "users", "--json")
    assert shown.code == 0, shown.err
    assert len(shown.document["objects"]) == 8
    assert held.read("show", "latest").code == 2
    ran = held.read("verify", held.snapshot, "--json")
    assert ran.code == 0, ran.out
    assert ran.document["snapshots"][0]["blobs"] > 20
    folder = tmp_path / "copy"
    assert held.read("export", str(folder), "--json").document["snapshots"][0]["state"] == "copied"
    key = tmp_path / "snapshot.pub"
    key.write_bytes(jwk_set(held.vault.world.backup.keys))
    local = ("--local", str(folder), "--key", str(key), "--json")
    assert (folder / "hold" / "v1" / TENANT / "holds" / TAG).is_dir()
    document: Any = cli_runner.run("show", held.snapshot, "users", *local).document
    assert document["objects"] == shown.document["objects"]
    assert cli_runner.run("verify", "all", *local).document["snapshots"][0]["blobs"] > 20
    assert f"{held.snapshot}: as committed" in _script(folder, key, 0)
    pack = next((folder / "hold").rglob("objects/users/*"))
    pack.write_bytes(pack.read_bytes()[:-1])
    assert f"FOUND objects/users/{pack.name}" in _script(folder, key, 3)


def _script(folder: Path, key: Path, code: int) -> str:
    command = [sys.executable, "-I", str(folder / SCRIPT), str(folder), "--key", str(key)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("hold", "latest", "Case-1", *WHY, "--review", "2027-05-31"), "small letters and digits"),
        (("hold", "latest", TAG, *WHY, "--review", "2020-01-01"), "is over"),
        (("hold", "latest", TAG, "--case", " ", "--reason", "x", "--review", "2027-05-31"), "--case needs"),
        (("hold", "20200101T000000Z-full", TAG, *WHY, "--review", "2027-05-31"), "no such snapshot"),
        (("hold", "latest", TAG, *WHY, "--review", "soon"), "--review"),
        (("release", "Case-1", "--reason", "x"), "small letters and digits"),
    ],
)
def test_what_can_not_be_worked_with_is_said(held: Held, arguments: tuple[str, ...], said: str) -> None:
    ran = held(*arguments)
    assert ran.code == 2
    assert said in ran.err
    assert held.tags == []


def test_without_the_right_nothing_is_changed_that_counts(held: Held) -> None:
    held.vault.plane.actions = {"containers/read"}
    ran = held.hold("--confirm", TAG)
    assert ran.code == 1
    assert held.tags == []
    assert held("holds", "--json").document["holds"][0]["state"] == "notInForce"
    held.vault.plane.actions = {"*"}
    assert held.hold("--confirm", TAG).code == 0
    assert held("holds").code == 0
    held.vault.configured = False
    ran = held("holds")
    assert ran.code == 2
    assert "HOLDFAST_VAULT_RESOURCE_ID" in ran.err

"""`holdfast export`: a folder that needs neither Holdfast nor Azure."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.cli.exporting import SCRIPT, SUMS
from shared.engines.jws import jwk_set
from tests.unit import cli_runner
from tests.unit.cli_world import Cli, Deployment


@pytest.fixture
def cli() -> Cli:
    made = Cli(Deployment())
    clock = made.world.backup.clock
    # A folder is judged by today's date: these snapshots must not have expired.
    clock.advance((datetime.now(UTC) - clock.now() - timedelta(days=5)).total_seconds())
    for _ in range(2):
        made.back_up()
        clock.advance(86400)
    return made


@pytest.fixture
def key(cli: Cli, tmp_path: Path) -> Path:
    path = tmp_path / "snapshot.pub"
    path.write_bytes(jwk_set(cli.world.backup.keys))
    return path


def test_an_exported_folder_is_read_without_the_deployment(cli: Cli, key: Path, tmp_path: Path) -> None:
    cli.do(cli.world.evidence.put_new("v1/t/report.json", b"{}"))
    folder = tmp_path / "copy"
    ran = cli("export", str(folder), "--json")
    assert ran.code == 0, ran.err
    document = ran.document
    assert [one["state"] for one in document["snapshots"]] == ["copied", "copied"]
    assert document["evidence"] == 1
    local = ("--local", str(folder), "--key", str(key), "--json")
    listed = cli_runner.run("snapshots", *local).document
    assert listed["head"] == document["head"] == cli("snapshots", "--json").document["head"]
    assert len(listed["snapshots"]) == 2
    shown = cli_runner.run("show", "latest", "users", *local).document
    assert shown["objects"] == cli("show", "latest", "users", "--json").document["objects"]
    first, second = (one["snapshot"] for one in document["snapshots"])
    assert cli_runner.run("diff", first, second, *local).code == 0
    verified = cli_runner.run("verify", "all", *local, "--expect-head", document["head"])
    assert verified.code == 0, verified.err


def test_the_checksums_cover_every_file_and_a_repeat_adds_what_is_new(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    assert cli("export", str(folder)).code == 0
    cli.back_up()
    ran = cli("export", str(folder), "--json").document
    assert [one["state"] for one in ran["snapshots"]] == ["held", "held", "copied"]
    sums = dict(line.split("  ")[::-1] for line in (folder / SUMS).read_text().splitlines())
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {*sums, SUMS}
    assert len(sums) == ran["files"]
    for name, digest in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_the_script_in_the_folder_runs_alone_and_finds_what_was_touched(
    cli: Cli, key: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    head = cli("export", str(folder), "--json").document["head"]

    def script() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(folder / SCRIPT), ".", "--key", str(key), "--expect-head", head]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    ran = script()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"head {head}; findings: 0" in ran.stdout
    pack = next(folder.rglob("objects/users/*"))
    pack.write_bytes(pack.read_bytes()[:-1])
    ran = script()
    assert ran.returncode == 3
    assert f"FOUND objects/users/{pack.name}" in ran.stdout


def test_damage_is_told_and_left_out(cli: Cli, tmp_path: Path) -> None:
    blobs = cli.world.backup.vault.blobs
    name = max(one for one in blobs if "/objects/users/" in one)
    blobs[name] = b"damaged"
    ran = cli("export", str(tmp_path / "copy"), "--json")
    assert ran.code == 3
    states = [one["state"] for one in ran.document["snapshots"]]
    assert sorted(states) == ["copied", "damaged"]
    (found,) = next(one["findings"] for one in ran.document["snapshots"] if one["state"] == "damaged")
    assert found["kind"] == "blob"
    text = cli("export", str(tmp_path / "copy"))
    assert "Not as committed, and not copied" in text.out


def test_one_snapshot_and_an_empty_vault(cli: Cli, key: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    (only,) = cli("export", str(folder), "latest", "--json").document["snapshots"]
    assert cli_runner.run("verify", only["snapshot"], "--folder", str(folder), "--key", str(key)).code == 0
    assert Cli(Deployment())("export", str(tmp_path / "none")).code == 2

"""The demo's other story: the tenant restored into a second, blank one, as a person would run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.localrun.children import ROOT

pytestmark = [pytest.mark.azurite, pytest.mark.full]


def test_the_tenant_comes_to_a_blank_one_and_what_does_not_is_listed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.localrun.demo", "--cross-tenant", "--users", "12", "--factor", "30"]
    ended = subprocess.run(
        [*command, "--keep", str(tmp_path / "kept")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=900,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "UNEXPECTED" not in ended.stdout
    assert (
        ended.stdout.rstrip().splitlines()[-1].startswith("OK: the other tenant has all of the first that can move")
    )
    commands = [line.split()[2] for line in ended.stdout.splitlines() if line.startswith("$ holdfast ")]
    assert commands == ["backup", "export", "keys", "plan", *["approve", "approve", "restore"] * 2]
    assert "What can't move, or not as it is" in ended.stdout
    for reason in ("domainNotThere", "licenceNotThere", "activationIsNoAssignment", "ownedByAnotherTenantOrAzure"):
        assert f"× {reason}" in ended.stdout
    assert "policies there: 3 enabled, 1 enabledForReportingButNotEnforced" in ended.stdout

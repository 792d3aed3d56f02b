"""A test can't drop out of CI for a reason that nobody wrote down."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.skip_ledger import LEDGER, read_ledger

ROOT = Path(__file__).parents[2]
_CONFTEST = """
import os
from pathlib import Path
from tests.skip_ledger import SkipLedger, read_ledger

def pytest_configure(config):
    known = read_ledger(Path(__file__).with_name("skips.txt"))
    config.pluginmanager.register(SkipLedger(known, strict=os.environ["CI"] == "true"))
"""
_TESTS = """
import pytest

def test_runs(): pass

@pytest.mark.skipif(True, reason="no {thing}")
def test_marked(): pass

def test_inside(): pytest.skip("no {thing}")

@pytest.mark.xfail(reason="known to fail", strict=True)
def test_expected_to_fail(): raise AssertionError
"""


def _run(folder: Path, ledger: str, *options: str, ci: str = "true") -> tuple[int, str]:
    (folder / "conftest.py").write_text(_CONFTEST)
    (folder / "skips.txt").write_text(ledger)
    (folder / "pytest.ini").write_text("[pytest]\n")
    environment = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)}
    for name in [one for one in environment if one.startswith("PYTEST_")]:
        del environment[name]  # of the run that runs this one
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_known_skips_pass_in_ci(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(_TESTS.format(thing="moon"))
    code, said = _run(tmp_path, "# reasons\nno moon | test_other.py test_it.py\n")
    assert code == 0, said
    assert "2 skipped" in said
    assert "doesn't know" not in said


@pytest.mark.parametrize("ledger", ["no sun | test_it.py", "no moon | test_other.py", ""])
def test_another_reason_or_another_place_fails_in_ci_and_is_named(tmp_path: Path, ledger: str) -> None:
    (tmp_path / "test_it.py").write_text(_TESTS.format(thing="moon"))
    code, said = _run(tmp_path, ledger)
    assert code == 1, said
    assert "test_it.py::test_marked: no moon" in said
    assert "test_it.py::test_inside: no moon" in said
    assert "known to fail" not in said.split("doesn't know")[1]


def test_outside_ci_it_is_only_said(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(_TESTS.format(thing="moon"))
    code, said = _run(tmp_path, "", ci="")
    assert code == 0, said
    assert "tests/skips.txt doesn't know: fails in CI" in said


def test_a_whole_module_that_is_left_out_counts_too(tmp_path: Path) -> None:
    (tmp_path / "test_runs.py").write_text("def test_runs(): pass\n")
    (tmp_path / "test_it.py").write_text('import pytest\npytest.skip("no moon", allow_module_level=True)\n')
    assert _run(tmp_path, "no moon | test_it.py")[0] == 0
    code, said = _run(tmp_path, "")
    assert code == 1, said
    assert "test_it.py: no moon" in said


def test_skips_of_parallel_workers_count_too(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(_TESTS.format(thing="moon"))
    code, said = _run(tmp_path, "", "-n", "1")
    assert code == 1, said
    assert said.count("test_it.py::test_marked: no moon") == 1


def test_the_ledger_is_well_formed_and_names_files_that_exist() -> None:
    known = read_ledger(LEDGER)
    assert len({one.reason for one in known}) == len(known)
    for one in known:
        for file in one.files:
            assert (ROOT / file).is_file(), f"{one.reason}: {file}"


def test_a_line_without_a_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "skips.txt").write_text("no moon\n")
    with pytest.raises(ValueError, match="line 1"):
        read_ledger(tmp_path / "skips.txt")

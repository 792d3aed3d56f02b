"""Where a Python 3.13 is looked for, and what is installed beside the app for the platform's worker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.localrun import setup_platform
from tests.localrun.setup_platform import NO_PYTHON, NoPython, PlatformSetupFailed, find_python

ELSEWHERE = sys.version_info[:2] != (3, 13)


def _program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def _answering(path: Path, version: str) -> Path:
    """A stand-in for a Python that works: it says who it is, whatever it is asked."""
    return _program(path, f"echo {version} {path}")


def _shim(folder: Path) -> None:
    _program(folder / "python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")


@pytest.mark.skipif(not ELSEWHERE, reason="these tests run on Python 3.13 themselves")
def test_an_empty_shim_is_no_python_and_the_next_one_is_tried(tmp_path: Path) -> None:
    _shim(tmp_path / "shims")
    with pytest.raises(NoPython, match=NO_PYTHON):
        find_python({"PATH": str(tmp_path / "shims"), "HOME": str(tmp_path)})
    good = _answering(tmp_path / "later" / "python3.13", "3.13.4")
    found = find_python({"PATH": f"{tmp_path / 'shims'}:{tmp_path / 'later'}", "HOME": str(tmp_path)})
    assert found == (good, "3.13.4")


@pytest.mark.skipif(not ELSEWHERE, reason="these tests run on Python 3.13 themselves")
def test_pyenv_s_versions_are_looked_through(tmp_path: Path) -> None:
    _shim(tmp_path / ".pyenv" / "versions" / "3.13.9" / "bin")
    good = _answering(tmp_path / ".pyenv" / "versions" / "3.13.1" / "bin" / "python3.13", "3.13.1")
    assert find_python({"PATH": str(tmp_path / "none"), "HOME": str(tmp_path)}) == (good, "3.13.1")
    other = _answering(tmp_path / "root" / "versions" / "3.13.2" / "bin" / "python3.13", "3.13.2")
    environ = {"PATH": "", "HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path / "root")}
    assert find_python(environ) == (other, "3.13.2")


def test_what_the_setting_names_is_taken_or_is_an_error(tmp_path: Path) -> None:
    named = _answering(tmp_path / "mine", "3.13.0")
    assert find_python({"HOLDFAST_PYTHON313": str(named), "PATH": ""}) == (named, "3.13.0")
    good = _answering(tmp_path / "python3.13", "3.13.4")
    for wrong in (
        tmp_path / "absent",
        _answering(tmp_path / "old", "3.12.1"),
        _program(tmp_path / "bad", "exit 1"),
    ):
        with pytest.raises(PlatformSetupFailed, match="HOLDFAST_PYTHON313"):
            find_python({"HOLDFAST_PYTHON313": str(wrong), "PATH": str(good.parent)})


def test_without_one_the_set_up_says_skipped_and_is_no_failure(tmp_path: Path) -> None:
    if not ELSEWHERE:
        pytest.skip("these tests run on Python 3.13 themselves")
    done = subprocess.run(
        [sys.executable, "-m", "tests.localrun.setup_platform"],
        cwd=setup_platform.ROOT,
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "SKIPPED: no Python 3.13 found\n"), done.stderr


def test_the_host_s_own_needs_are_pinned_as_for_development() -> None:
    development = setup_platform.ROOT.joinpath("requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    app = setup_platform.ROOT.joinpath("requirements.txt").read_text(encoding="utf-8")
    own = [line for line in setup_platform.OWN.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    worker = [line for line in own if line.startswith("azure")]
    assert set(own) - set(worker) <= set(development)
    assert any(line.startswith("azure-functions-runtime==1.3.") for line in worker)
    # The platform brings its worker; an app that lists it would be deployed with a second one.
    assert "azure-functions-runtime" not in app

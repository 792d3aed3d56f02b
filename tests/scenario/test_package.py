"""The package that is deployed, run as the platform runs it: its own libraries, the platform's worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.package.archive import LIBRARIES
from shared.package import LISTING, digest
from tests.localrun import setup_platform
from tests.localrun.children import ROOT
from tests.localrun.setup_platform import NoPython
from tests.unit.test_settings import LOCAL

pytestmark = pytest.mark.full

_MIB = 2**20
_FLEX_STARTS = (
    60 * _MIB
)  # what is fetched and unpacked at each cold start; msgraph-sdk alone would be six times that


@pytest.fixture(scope="module")
def package() -> Path:
    command = [sys.executable, "-m", "infra.package"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=600)
    (found,) = (ROOT / ".build" / "package").glob("*.zip")
    return found


@pytest.fixture(scope="module")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("package")
    with zipfile.ZipFile(package) as packed:
        packed.extractall(target)
    return target


@pytest.fixture(scope="module")
def python() -> Path:
    """A Python 3.13 with the platform's worker and none of the app's libraries."""
    try:
        return setup_platform.ready(setup_platform.BARE)
    except NoPython as reason:
        pytest.skip(str(reason))


def _run(command: list[str], folder: Path, env: dict[str, str]) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    path = {"PYTHONPATH": str(folder / LIBRARIES)}
    done = subprocess.run(
        command, cwd=ROOT, env={**clean, **path, **env}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_it_is_small_and_lists_all_that_it_holds(package: Path, unpacked: Path) -> None:
    assert package.stat().st_size < _FLEX_STARTS
    held = {one.relative_to(unpacked).as_posix() for one in unpacked.rglob("*") if one.is_file()}
    assert held == {LISTING, *json.loads((unpacked / LISTING).read_text())["files"]}
    assert {one.split("/")[0] for one in held} == {
        ".python_packages",
        "function_app.py",
        "functions",
        "host.json",
        LISTING,
        "shared",
    }


def test_it_is_the_same_when_it_is_built_again(package: Path) -> None:
    first = package.read_bytes()
    subprocess.run([sys.executable, "-m", "infra.package"], cwd=ROOT, check=True, timeout=600)
    assert package.read_bytes() == first


@pytest.mark.parametrize("role", ["backup", "restore"])
def test_the_platform_s_worker_indexes_the_same_functions_as_in_the_checkout(
    python: Path, unpacked: Path, role: str
) -> None:
    env = {**LOCAL, "HOLDFAST_ROLE": role}

    def described(python: Path | str, app: Path, worker: str) -> object:
        command = [str(python), "-m", "tests.localrun.host", "--app", str(app), "--worker", worker, "--describe"]
        return json.loads(_run(command, unpacked if app == unpacked else app, env))

    assert described(python, unpacked, "platform") == described(sys.executable, ROOT, "local")


@pytest.mark.azurite
def test_the_whole_story_ends_the_same(package: Path, python: Path, unpacked: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.localrun.demo", "--package", str(package)]
    ended = subprocess.run(
        [*command, "--users", "60", "--factor", "60", "--keep", str(tmp_path / "kept")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    assert digest(unpacked) in ended.stdout
    assert (
        ended.stdout.rstrip().splitlines()[-1].startswith("OK: the tenant equals the snapshot in every restorable")
    )

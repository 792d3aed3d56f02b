"""Makes the environments in which the platform's worker runs: Python 3.13 in `.build/venv313`, and one without the
app's libraries for a package that brings them along.

`python -m tests.localrun.setup_platform` does it (part of `make test-full`), or the first test that needs it. What
must stay true: it holds the app's requirements.txt, the worker library and what the local host needs, but no
development tools, so that an app which leans on one of those fails here; it is made anew when a list or the Python
changes; one left half made never counts (the stamp is written last); two runs at once don't meet.

A `python3.13` on the path may be a shim with nothing behind it, so candidates are judged by running them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OWN = Path(__file__).resolve().parent / "platform" / "requirements.txt"
STAMP = ".installed"
SETTING = "HOLDFAST_PYTHON313"
NO_PYTHON = "no Python 3.13 found"
_INSTALL_SECONDS = 900
# ensurepip is missing where a distribution splits it off, and without it no environment can be made.
_PROBE = "import sys, ensurepip, venv; print('%d.%d.%d' % sys.version_info[:3], sys.executable)"


@dataclass(frozen=True, slots=True)
class Environment:
    """Where it is, and the lists of what is in it."""

    target: Path
    lists: tuple[Path, ...]

    @property
    def python(self) -> Path:
        return self.target / "bin" / "python"


WITH_APP = Environment(ROOT / ".build" / "venv313", (ROOT / "requirements.txt", OWN))
BARE = Environment(ROOT / ".build" / "venv313-bare", (OWN,))


class NoPython(RuntimeError):
    """There is no Python 3.13 on this machine."""


class PlatformSetupFailed(RuntimeError):
    """The environment can't be made; the message says what to do."""


def find_python(environ: Mapping[str, str] | None = None) -> tuple[Path, str]:
    """A Python 3.13 that works, and its version; raises `NoPython`.

    `HOLDFAST_PYTHON313` is taken at its word: if it doesn't work, that is an error and nothing else is tried.
    """
    environ = os.environ if environ is None else environ
    if named := environ.get(SETTING):
        found = _judge(Path(named), environ)
        if found is None:
            raise PlatformSetupFailed(f"{SETTING} names no working Python 3.13 with ensurepip: {named}")
        return found
    for candidate in _candidates(environ):
        if found := _judge(candidate, environ):
            return found
    raise NoPython(NO_PYTHON)


def ready(environment: Environment = WITH_APP) -> Path:
    """The environment's Python; makes the environment if it isn't up to date."""
    python, version = find_python()
    target = environment.target
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        digest = _digest(environment, python, version)
        if not _current(environment, digest):
            _make(environment, python)
            (target / STAMP).write_text(digest, encoding="utf-8")
    return environment.python


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    if sys.version_info[:2] == (3, 13):
        yield Path(sys.executable)
    for folder in environ.get("PATH", "").split(os.pathsep):
        if folder:
            yield Path(folder) / "python3.13"
    roots = [environ["PYENV_ROOT"]] if environ.get("PYENV_ROOT") else []
    roots += [str(Path(environ["HOME"]) / ".pyenv")] if environ.get("HOME") else []
    for root in roots:
        yield from sorted(Path(root).glob("versions/3.13*/bin/python3.13"), reverse=True)


def _judge(candidate: Path, environ: Mapping[str, str]) -> tuple[Path, str] | None:
    """What it says of itself, if it is 3.13 and can make environments. A shim gives the Python behind it."""
    if not candidate.is_file():
        return None
    try:
        said = subprocess.run(
            [str(candidate), "-c", _PROBE],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None  # something else that only bears the name
    version, _, executable = said.stdout.strip().partition(" ")
    if said.returncode != 0 or not version.startswith("3.13."):
        return None
    return Path(executable).resolve(), version


def _make(environment: Environment, python: Path) -> None:
    if environment.target.exists():
        shutil.rmtree(environment.target)
    _run([str(python), "-m", "venv", str(environment.target)], "the environment can't be made")
    install = [str(environment.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run(
        [*install, *(part for path in environment.lists for part in ("-r", str(path)))],
        "pip could not install the platform's worker; is the package registry reachable?",
    )


def _run(command: list[str], failed: str) -> None:
    # Settings of the environment that runs this one would lead into that one.
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PlatformSetupFailed(f"{failed} (not done after {_INSTALL_SECONDS} s)") from error
    if done.returncode != 0:
        raise PlatformSetupFailed(f"{failed} (exit {done.returncode})\n{done.stdout[-4000:]}")


def _digest(environment: Environment, python: Path, version: str) -> str:
    digest = hashlib.sha256(f"{python} {version}\n".encode())
    for path in environment.lists:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _current(environment: Environment, digest: str) -> bool:
    stamp = environment.target / STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == digest


def main() -> int:
    try:
        python = ready()
    except NoPython as reason:
        print(f"SKIPPED: {reason}")
        return 0
    except PlatformSetupFailed as error:
        print(f"platform worker: {error}", file=sys.stderr)
        return 1
    print(f"platform worker: ready in {python.parent.parent.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

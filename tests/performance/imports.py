"""Rows 4: how long a cold start waits for `function_app`, beside a Python that imports nothing: in the checkout,
and from the package under Python 3.13 where both are there."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from infra.package.archive import LIBRARIES
from tests.localrun import setup_platform
from tests.localrun.setup_platform import NoPython
from tests.performance.row import Row

_ROOT = Path(__file__).resolve().parents[2]
_BUDGET = 1.5
_SETTINGS = {
    "HOLDFAST_ROLE": "backup",
    "HOLDFAST_TENANT_ID": "11111111-2222-3333-4444-555555555555",
    "HOLDFAST_CLIENT_ID": "66666666-7777-8888-9999-000000000000",
    "HOLDFAST_IDENTITY_CLIENT_ID": "66666666-7777-8888-9999-000000000001",
    "HOLDFAST_KEY_VAULT_URL": "https://holdfast-bench.vault.azure.net",
    "VaultStorage__blobServiceUri": "https://holdfastbench.blob.core.windows.net",
    "BackupState__queueServiceUri": "https://holdfastbench.queue.core.windows.net",
    "BackupState__tableServiceUri": "https://holdfastbench.table.core.windows.net",
}
_COUNT = "import function_app as f; print(len(f.app.get_functions()))"


def rows(times: int) -> Iterator[Row]:
    yield _row("4", "function_app", sys.executable, _ROOT, {}, times)
    packages = sorted((_ROOT / ".build" / "package").glob("*.zip"))
    if not packages:
        print("SKIPPED row 4p: no package is built (make package)")
        return
    try:
        python = setup_platform.ready(setup_platform.BARE)
    except NoPython as reason:
        print(f"SKIPPED row 4p: {reason}")
        return
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(packages[-1]) as packed:
        packed.extractall(folder)
        libraries = {"PYTHONPATH": f"{Path(folder) / LIBRARIES}"}
        what = f"function_app from the package ({packages[-1].stat().st_size / 2**20:.1f} MiB), Python 3.13"
        yield _row("4p", what, str(python), Path(folder), libraries, times)


def _row(key: str, what: str, python: str, folder: Path, env: Mapping[str, str], times: int) -> Row:
    def run(code: str) -> tuple[float, str]:
        return _timed(python, folder, env, code)

    functions = int(run(_COUNT)[1])
    if functions < 5:
        raise RuntimeError("function_app took the settings for unusable: this is not the app that is deployed")
    ours = [run("import function_app")[0] for _ in range(times)]
    bare = [run("pass")[0] for _ in range(times)]
    mine, floor = statistics.median(ours), statistics.median(bare)
    return Row(
        key,
        f"importing {what} ({functions} functions), median of {times} processes, start of Python included",
        f"{mine:.2f} s (from {min(ours):.2f} to {max(ours):.2f})",
        f"{floor:.3f} s: python -c pass",
        f"{mine / floor:.0f}",
        f"≤ {_BUDGET:g} s",
        mine <= _BUDGET,
    )


def _timed(python: str, folder: Path, env: Mapping[str, str], code: str) -> tuple[float, str]:
    keep = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    start = time.perf_counter()
    done = subprocess.run(
        [python, "-c", code],
        cwd=folder,
        env={**keep, **_SETTINGS, **env},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"importing function_app failed: {done.stderr}")
    return time.perf_counter() - start, done.stdout

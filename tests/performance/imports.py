"""Row 4: how long a cold start waits for `function_app`, beside a Python that imports nothing."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

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


def row(times: int) -> Row:
    functions = int(_python(_COUNT)[1])
    if functions < 5:
        raise RuntimeError("function_app took the settings for unusable: this is not the app that is deployed")
    ours = [_python("import function_app")[0] for _ in range(times)]
    bare = [_python("pass")[0] for _ in range(times)]
    mine, floor = statistics.median(ours), statistics.median(bare)
    return Row(
        "4",
        f"importing function_app ({functions} functions), median of {times} processes, start of Python included",
        f"{mine:.2f} s (from {min(ours):.2f} to {max(ours):.2f})",
        f"{floor:.3f} s: python -c pass",
        f"{mine / floor:.0f}",
        f"≤ {_BUDGET:g} s",
        mine <= _BUDGET,
    )


def _python(code: str) -> tuple[float, str]:
    keep = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=_ROOT,
        env={**keep, **_SETTINGS},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"importing function_app failed: {done.stderr}")
    return time.perf_counter() - start, done.stdout

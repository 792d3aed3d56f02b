"""`python -m tests.scenario.alone`: the stand-alone verifier where nothing of Holdfast is, on two exported vaults.

A new virtual environment gets the two packages that the script names and no other. A tenant of the demo's size and
one of ten times that are backed up, exported by the command line, and checked by the script that lies in the
export. It prints for each what was checked, how long it took and the most memory that the script held.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.adapters.memory import ManualClock, MemoryBlobStore
from shared.catalog.registry import CATALOG
from shared.cli.exporting import SCRIPT
from shared.cli.main import run
from shared.cli.parts import Parts, Source
from shared.cli.screen import Screen
from shared.cli.session import Session
from shared.engines.evidence import Evidence, TrustedKeys
from shared.engines.item import Limits
from shared.engines.jws import Purpose, jwk_set
from tests.backup import SIGNER, TENANT, Backup
from tests.graph_inside import inside
from tests.restore_world import WRITER, lead
from tests.simulator.__main__ import build
from tests.simulator.control import issue_token

ROOT = Path(__file__).parents[2]
PACKAGES = ("cryptography", "zstandard")
DEMO, TIMES = 2_000, 10  # users of the demo's tenant
# Runs a script as if it had been called, and says at the end how much memory the process held at most.
_MEASURED = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    with open("/proc/self/status", encoding="ascii") as status:
        print(next(line for line in status if line.startswith("VmHWM")), file=sys.stderr)
"""


@dataclass(frozen=True, slots=True)
class Checked:
    """`peak` in bytes. `said`: what the script printed."""

    users: int
    objects: int
    links: int
    size: int
    code: int
    seconds: float
    peak: int
    said: str

    def __str__(self) -> str:
        return (
            f"{self.users:7,} users: {self.objects:8,} objects, {self.links:9,} links, {self.size / 1e6:6.1f} MB; "
            f"{self.seconds:6.1f} s, at most {self.peak / 2**20:4.0f} MiB; exit code {self.code}"
        )


def make_environment(folder: Path) -> Path:
    """The Python of a new virtual environment that holds the two packages and what they need."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    pinned = ("--constraint", str(ROOT / "requirements.txt"))
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run([*pip, *pinned, *PACKAGES], check=True)
    return python


def installed(python: Path) -> set[str]:
    """What the environment holds besides pip's own, by name."""
    listed = subprocess.run(
        [str(python), "-m", "pip", "list", "--format=json", "--disable-pip-version-check"],
        capture_output=True,
        check=True,
    )
    return {one["name"].lower() for one in json.loads(listed.stdout)} - {"pip", "setuptools", "wheel"}


def export(users: int, folder: Path) -> tuple[str, Backup]:
    """A tenant of that many users, backed up yesterday and exported. Returns the expected head, too."""
    clock = ManualClock(datetime.now(UTC) - timedelta(days=1))
    backup = asyncio.run(_back_up(users, clock))
    parts = Parts(
        tenant=TENANT,
        catalog=CATALOG,
        clock=clock,
        repository=backup.repository(),
        vaults={backup.vault.container: backup.vault},
        chain=backup.chain,
        evidence=Evidence(MemoryBlobStore("evidence-400d"), TENANT, TrustedKeys({}, {})),
        keys={Purpose.SNAPSHOT: backup.keys},
        operator=None,
    )

    @asynccontextmanager
    async def opener(source: Source) -> AsyncIterator[Parts]:
        yield parts

    out = io.StringIO()
    code = run(["export", str(folder), "--json"], Session(Screen(out=out), opener))
    document = json.loads(out.getvalue())
    if code:
        raise RuntimeError(f"the export ended with {code}: {document}")
    return str(document["head"]), backup


async def _back_up(users: int, clock: ManualClock) -> Backup:
    service = build(str(users))
    lead(service, clock)
    token = issue_token(service, {"roles": sorted(WRITER), "expiresIn": 1e7})["token"]
    async with inside(service, str(token), clock) as directory:
        limits = Limits(replication_wait=0.0, time_budget=1e9)
        backup = Backup(directory=directory, clock=clock, limits=limits)  # type: ignore[arg-type]
        await backup.back_up()
    return backup


def check(python: Path, users: int, folder: Path) -> Checked:
    """Exports a tenant of that many users and lets the script in the export check it."""
    head, backup = export(users, folder / "copy")
    (listed,) = asyncio.run(backup.repository().entries())
    manifest = asyncio.run(backup.repository().open(listed.committed.entry.snapshot)).manifest
    key = folder / "snapshot.pub"
    key.write_bytes(jwk_set(SIGNER.public_keys))
    start = time.perf_counter()
    ran = subprocess.run(
        [str(python), "-I", "-c", _MEASURED, SCRIPT, ".", "--key", str(key), "--expect-head", head],
        cwd=folder / "copy",
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start
    peak = re.search(r"VmHWM:\s+(\d+) kB", ran.stderr)
    return Checked(
        users,
        sum(entry.count for entry in manifest.types.values()),
        sum(entry.count for entry in manifest.relationships.values()),
        sum(map(len, backup.vault.blobs.values())),
        ran.returncode,
        seconds,
        int(peak[1]) * 1024 if peak else 0,
        ran.stdout + ran.stderr,
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.scenario.alone", description=__doc__)
    parser.add_argument("--users", type=int, default=DEMO, help="of the smaller tenant")
    users = parser.parse_args().users
    with tempfile.TemporaryDirectory(prefix="holdfast-alone-") as name:
        folder = Path(name)
        python = make_environment(folder / "environment")
        print("installed:", ", ".join(sorted(installed(python))), flush=True)
        found = []
        for size in (users, TIMES * users):
            (folder / str(size)).mkdir()
            found.append(check(python, size, folder / str(size)))
            print(found[-1], flush=True)
            if found[-1].code:
                print(found[-1].said)
    print(f"{TIMES} times the users: {found[1].peak / found[0].peak:.2f} times the memory")
    return max(one.code for one in found)


if __name__ == "__main__":
    sys.exit(main())

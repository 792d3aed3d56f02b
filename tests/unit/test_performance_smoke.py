"""`make bench` still runs and prints every row. What it measures is never asserted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.full
def test_the_bench_prints_every_row_with_a_verdict() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.performance", "--small"],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^\[(\w+)\]", done.stdout, re.MULTILINE) == [
        "1a",
        "1b",
        "1c",
        "2",
        "2b",
        "3",
        "4",
        "5a",
        "5b",
        "6",
        "7a",
        "7b",
        "8a",
        "8b",
        "9a",
        "9b",
        "10a",
        "10b",
        "10c",
    ]
    for name in ("measured", "peer", "ratio", "budget", "verdict"):
        assert len(re.findall(rf"^    {name} +\S", done.stdout, re.MULTILINE)) == 19, name

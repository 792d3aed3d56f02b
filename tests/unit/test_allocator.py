"""Blocks as large as a pack go back to the system, however many were freed before."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PACK = 16 * 2**20
# Freeing one large block is what would raise glibc's threshold; small ones above the next keep the heap's end busy.
_PROGRAM = f"""
import psutil
from shared.allocator import keep_no_large_blocks
known = keep_no_large_blocks()
first = b"x" * {_PACK}
del first
before = psutil.Process().memory_info().rss
large = [bytes([65 + number]) * {_PACK} for number in range(4)]
ends = [b"y" * 70_000 for _ in range(50)]
del large
print(known, psutil.Process().memory_info().rss - before)
"""


def test_freed_packs_are_not_kept() -> None:
    told = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True).stdout
    known, kept = told.split()
    if known == "False":
        pytest.skip("another C library than glibc")
    assert int(kept) < _PACK

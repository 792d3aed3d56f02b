"""Large blocks go back to the system when they are freed.

Packs are up to 16 MiB each. glibc hands such blocks out from a mapping of their own, until the first one is freed:
then it raises the size from which it does so (mallopt(3), "M_MMAP_THRESHOLD": the dynamic threshold), keeps them in
its heap, and the process grows with the number of packs it saw. Setting the size once ends that.
"""

from __future__ import annotations

import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3  # malloc.h of glibc
_BYTES: Final = 128 * 1024  # glibc's own default, kept


def keep_no_large_blocks() -> bool:
    """For this process, from now on. False where the C library knows no such thing (another than glibc)."""
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _BYTES))
    except (OSError, AttributeError, TypeError):
        return False

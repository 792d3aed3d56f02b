"""Which package this process runs from: the list of contents that `make package` puts beside the code."""

from __future__ import annotations

import hashlib
from pathlib import Path

LISTING = "holdfast-package.json"
_ROOT = Path(__file__).resolve().parents[1]


def digest(root: Path = _ROOT) -> str:
    """SHA-256 of the package's list of contents, in hexadecimal; "" where the code doesn't run from a package."""
    try:
        return hashlib.sha256((root / LISTING).read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""

"""The reference data, which some tests compare with: where `HOLDFAST_REFERENCE` says, else beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

ABSENT: Final = "the reference data is absent: set HOLDFAST_REFERENCE"


def reference(*parts: str) -> Path | None:
    """A file or folder of it; None where that is not there."""
    root = os.environ.get("HOLDFAST_REFERENCE") or Path(__file__).resolve().parents[2] / "shared"
    found = Path(root).joinpath(*parts)
    return found if found.exists() else None

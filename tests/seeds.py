"""The seed of the crash proofs: what is drawn by chance there is drawn from it, and a failure repeats with it.

HOLDFAST_TEST_SEED sets another one; the end of a test run shows which it was."""

from __future__ import annotations

import os
import random

VARIABLE = "HOLDFAST_TEST_SEED"


def current_seed() -> int:
    return int(os.environ.get(VARIABLE, "1"))


def chance(*names: object) -> random.Random:
    """A source of its own for each use, so that one more draw in one place changes nothing in another."""
    return random.Random(":".join(map(str, (current_seed(), *names))))

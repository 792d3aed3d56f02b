"""What an approver who has read a plan and means all of it gives the command line besides a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def reviewed(plan: Mapping[str, Any]) -> list[str]:
    """`plan`: what `holdfast plan --json` or `status PLAN --json` answered, or the plan document itself."""
    document = plan.get("document") or plan
    asks = sorted({name for wave in document["waves"] for name in wave.get("asks", ())})
    named = ",".join(grant["key"] for grant in document.get("tierZero", ()))
    said = [part for name in asks for part in ("--acknowledge", name)]
    return [*said, *(("--tier-zero", named) if named else ())]

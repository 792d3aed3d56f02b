"""`holdfast demo`: the whole story on this machine. It lives beside the tests, which are not deployed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import typer

from shared.domain.errors import Unusable

CHECKOUT = Path(__file__).parents[2]
_MODULE = "tests.localrun.demo"


def register(app: typer.Typer) -> None:
    app.command("demo", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(demo)


def demo(ctx: typer.Context) -> int:
    """Run the whole story on this machine.

    Backs up a simulated tenant, breaks it and brings it back, with no cloud account. Needs the source checkout,
    where `make demo` does the same after setting everything up. With --cross-tenant the tenant goes into a second,
    blank one instead, and what can't move is listed.

    Example: holdfast demo
    """
    if not (CHECKOUT / "tests" / "localrun" / "demo.py").is_file():
        raise Unusable(
            "the demo needs the source checkout: its simulated tenant and local host are not deployed",
            hint="clone the repository and run: make demo",
        )
    if str(CHECKOUT) not in sys.path:
        sys.path.insert(0, str(CHECKOUT))
    result = importlib.import_module(_MODULE).main(list(ctx.args))
    return result if isinstance(result, int) else 0

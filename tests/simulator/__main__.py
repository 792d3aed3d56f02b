"""`python -m tests.simulator --seed small|real|N[+real][+agents]`: one ready line on stdout, then serve."""

from __future__ import annotations

import argparse
import json
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn

from . import state
from .clock import SimClock
from .rendering import warm
from .seeds import plan_of, plant
from .seeds_apps import HOLDFAST_APPS
from .seeds_blank import BLANK, plant_blank
from .seeds_real import reference_folder
from .server import Application
from .service import Service


def build(
    seed: str,
    *,
    with_real: bool = False,
    clock_factor: float = 1.0,
    clock_epoch: float | None = None,
    lag: float = 0.0,
    reference: str | None = None,
    state_file: Path | None = None,
) -> Service:
    """A planted tenant, ready to serve; also used by tests that speak ASGI."""
    service = Service(SimClock(clock_factor, clock_epoch))
    service.info["holdfastApps"] = {role: app_id for role, (_, app_id) in HOLDFAST_APPS.items()}
    if state_file is not None and state_file.exists():
        state.load(service, state_file)
    elif seed == BLANK:
        plant_blank(service)
    else:
        plant(service, plan_of(seed, with_real=with_real), reference or reference_folder())
    warm()
    service.settings.lag = lag
    service.settings.audit_lag = lag
    return service


def ready_line(service: Service, url: str) -> dict[str, Any]:
    shown = {k: v for k, v in service.info.items() if k != "firstParty"}
    counts = {t: len(o) for t, o in service.store.tables.items() if o}
    return {
        "url": url,
        "control": f"{url}/_sim",
        **shown,
        "clockFactor": service.clock.factor,
        "clockEpoch": service.clock.epoch,
        "counts": counts,
    }


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument(
        "--seed", default="small", help="small, real, blank, a number of users, or e.g. 2000+agents"
    )
    parser.add_argument("--with-real", action="store_true", help="add the reference data to the seed")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--clock-factor", type=float, default=1.0)
    parser.add_argument("--clock-epoch", type=float, default=None, help="real time at which simulated time starts")
    parser.add_argument("--lag", type=float, default=0.0, help="replication lag in simulated seconds")
    parser.add_argument(
        "--state-file", type=Path, help="load the tenant from here if it exists, save it at the end"
    )
    parser.add_argument("--rng", type=int, default=0, help="seed of page sizes, replicas and new ids")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    asked = arguments(argv)
    try:
        service = build(
            asked.seed,
            with_real=asked.with_real,
            clock_factor=asked.clock_factor,
            clock_epoch=asked.clock_epoch,
            lag=asked.lag,
            state_file=asked.state_file,
        )
    except (ValueError, FileNotFoundError) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 2
    service.rng.seed(asked.rng)
    # With the protocol named, asyncio turns Nagle off; without it every answer waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", asked.port))
    listener.listen(128)  # before the ready line: a caller may connect at once
    service.origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(
        uvicorn.Config(
            Application(service),
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
            http="h11",
        )
    )
    print(json.dumps(ready_line(service, service.origin)), flush=True)
    try:
        server.run(sockets=[listener])
    finally:
        if asked.state_file is not None:
            state.save(service, asked.state_file)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = main(sys.argv[1:])
    except KeyboardInterrupt:
        code = 0
    sys.exit(code)

"""Sends again what a lost message would have left lying: the open items of backup runs.

A restore needs no sweeper: a step's message ends only after those of the steps it lets run were sent, and
`holdfast restore PLAN --resume` sends them again.
"""

from __future__ import annotations

import azure.functions as func

from functions.runtime import export_ports, parts, reported
from shared.engines.jws import Purpose
from shared.engines.sweeping import sweep
from shared.telemetry import event

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="%HOLDFAST_SWEEP_SCHEDULE%")
async def sweep_timer(timer: func.TimerRequest) -> None:
    async with reported("sweep_timer"):
        ready = await parts()
        settings, keys = ready.settings, ready.keys[Purpose.CHAIN]
        found = await sweep(export_ports(ready), ready.tables, settings.tenant_id, keys)
        for snapshot, sent in found.items():
            event("run.swept", snapshot=snapshot, count=sent)

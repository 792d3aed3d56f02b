"""Once a day: does the app still reach what it needs, with which permissions, and is the vault still locked."""

from __future__ import annotations

import azure.functions as func

from functions.runtime import parts, reported
from shared.bootstrap import Parts
from shared.domain.errors import HoldfastError
from shared.package import digest
from shared.settings import Role
from shared.telemetry import alarm, event

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="%HOLDFAST_STATUS_SCHEDULE%")
async def status_timer(timer: func.TimerRequest) -> None:
    async with reported("status_timer"):
        ready = await parts()
        role = ready.settings.role
        try:
            held = await ready.directory.roles()
        except HoldfastError as error:
            alarm("status.token", role=role, error=type(error).__name__)
            return
        write, opt_in = role is Role.RESTORE, ready.settings.opt_in
        missing = ready.catalog.lacking(held, write=write, opt_in=opt_in) if held is not None else ()
        if missing:
            alarm("status.permissions", role=role, count=len(missing), reason=" ".join(missing))
        # The restore app doesn't look after the vault, and isn't told which account it is.
        found = await _vault(ready) if role is not Role.RESTORE else 0
        event("status.checked", role=role, findings=len(missing) + found, package=digest())


async def _vault(ready: Parts) -> int:
    """Alarms what doesn't protect the containers, and what else isn't as it should be, once each. How many."""
    role, found = ready.settings.role, 0
    concerns: dict[str, list[str]] = {}
    for container, one in (await ready.inspector.protections(tuple(ready.settings.promised_days))).items():
        if not one.locked:
            found += 1
            alarm("status.unprotected", role=role, container=container, reason=one.why)
        for concern in one.concerns:
            concerns.setdefault(concern, []).append(container)
    for concern, containers in concerns.items():
        alarm("status.vault", role=role, container=" ".join(containers), reason=concern)
    return found + len(concerns)

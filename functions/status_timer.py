"""Once a day: does the app still reach what it needs, and with which permissions."""

from __future__ import annotations

import azure.functions as func

from functions.runtime import parts, reported
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
        missing = [
            "|".join(any_of)
            for any_of in ready.catalog.needs(write=role is Role.RESTORE)
            if held is not None and not held.intersection(any_of)
        ]
        if missing:
            alarm("status.permissions", role=role, count=len(missing), reason=" ".join(missing))
        unprotected = 0
        for container in ready.settings.promised_days:
            protection = await ready.inspector.protection(container)
            if not protection.locked:
                unprotected += 1
                alarm("status.unprotected", role=role, container=container, reason=protection.why)
        event("status.checked", role=role, findings=len(missing) + unprotected, package=digest())

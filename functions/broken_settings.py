"""What runs when the settings can't be used: one timer that says so until they are mended."""

from __future__ import annotations

import azure.functions as func

from shared.domain.errors import Unusable
from shared.telemetry import alarm


def broken_settings(error: Unusable) -> func.Blueprint:
    """A blueprint whose only function fails every quarter of an hour with the list of what is wrong."""
    bp = func.Blueprint()

    @bp.timer_trigger(arg_name="timer", schedule="0 */15 * * * *", run_on_startup=True)
    def settings_unusable(timer: func.TimerRequest) -> None:
        alarm("settings.unusable", reason=str(error))
        raise error

    return bp

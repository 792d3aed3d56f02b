"""Which functions an app has, by its role. The restore app gets its steps queue and nothing else to act on,
the copier two timers and no queue at all."""

from __future__ import annotations

import azure.functions as func

from functions import (
    backup_timer,
    control_queue,
    copy_timer,
    evidence_timer,
    export_queue,
    poison_queue,
    requests_queue,
    seal_queue,
    status_timer,
    steps_queue,
    sweep_timer,
    verify_queue,
)
from functions.broken_settings import broken_settings
from shared.catalog.registry import CATALOG
from shared.domain.errors import Unusable
from shared.settings import Role, load_settings
from shared.telemetry import configure

_BACKUP = (
    backup_timer.bp,
    export_queue.bp,
    seal_queue.bp,
    sweep_timer.bp,
    requests_queue.bp,
    control_queue.bp,
    verify_queue.bp,
    poison_queue.backup_bp,
    evidence_timer.bp,
    status_timer.bp,
)
_RESTORE = (steps_queue.bp, poison_queue.restore_bp, status_timer.bp)
_BY_ROLE = {
    Role.BACKUP: _BACKUP,
    Role.RESTORE: _RESTORE,
    Role.COPY: (copy_timer.bp,),
    Role.ALL: tuple(dict.fromkeys((*_BACKUP, *_RESTORE))),
}


def blueprints() -> tuple[func.Blueprint, ...]:
    """The blueprints of this app's role, or the one that reports why the settings can't be used."""
    configure()
    try:
        settings = load_settings()
        CATALOG.check_opt_in(settings.opt_in)
    except Unusable as error:
        return (broken_settings(error),)
    return _BY_ROLE[settings.role]

"""Thin triggers: decode the message, call one engine, report. Which ones exist depends on the role."""

from __future__ import annotations

import azure.functions as func

from shared.domain.errors import Unusable
from shared.settings import Role, load_settings
from shared.telemetry import configure


def blueprints() -> list[func.Blueprint]:
    """The blueprints of this app's role, or the one that reports why the settings can't be used."""
    configure()
    try:
        role = load_settings().role
    except Unusable as error:
        from functions.broken_settings import broken_settings

        return [broken_settings(error)]
    from functions import (
        backup_timer,
        control_queue,
        export_queue,
        poison_queue,
        requests_queue,
        seal_queue,
        status_timer,
        steps_queue,
        sweep_timer,
        verify_queue,
    )

    backup = [
        backup_timer.bp,
        export_queue.bp,
        seal_queue.bp,
        requests_queue.bp,
        control_queue.bp,
        verify_queue.bp,
        sweep_timer.bp,
        poison_queue.backup_bp,
    ]
    restore = [steps_queue.bp, poison_queue.restore_bp]
    by_role = {Role.BACKUP: backup, Role.RESTORE: restore, Role.ALL: [*backup, *restore]}
    return [*by_role[role], status_timer.bp]

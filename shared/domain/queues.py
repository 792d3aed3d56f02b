"""The queues: their names, the state account that holds them, and who serves them.

Beside each stands `{name}-poison`, where the platform moves a message after too many tries.
"""

from __future__ import annotations

from dataclasses import dataclass

BACKUP_REQUESTS = "backup-requests"
EVIDENCE_REQUESTS = "evidence-requests"
EXPORT = "export"
SEAL = "seal"
RESTORE_REQUESTS = "restore-requests"
RESTORE_CONTROL = "restore-control"
RESTORE_VERIFY = "restore-verify"
RESTORE_STEPS = "restore-steps"


@dataclass(frozen=True, slots=True)
class QueueSpec:
    name: str
    connection: str  # setting prefix of the account
    role: str  # who serves it


def poison(name: str) -> str:
    """The queue beside `name` that takes what can't be worked with."""
    return f"{name}-poison"


QUEUES = (
    QueueSpec(BACKUP_REQUESTS, "BackupState", "backup"),
    QueueSpec(EVIDENCE_REQUESTS, "BackupState", "backup"),
    QueueSpec(EXPORT, "BackupState", "backup"),
    QueueSpec(SEAL, "BackupState", "backup"),
    QueueSpec(RESTORE_REQUESTS, "BackupState", "backup"),
    QueueSpec(RESTORE_CONTROL, "BackupState", "backup"),
    QueueSpec(RESTORE_VERIFY, "BackupState", "backup"),
    QueueSpec(RESTORE_STEPS, "RestoreState", "restore"),
)

# Messages here are judged by us, not by counting tries: what is refused at once is copied to poison at once.
JUDGED = (RESTORE_REQUESTS, RESTORE_CONTROL)

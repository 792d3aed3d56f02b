"""What else restores a tenant, beside which this program doesn't run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.catalog.spec import Quirk, Throttle


@dataclass(frozen=True, slots=True)
class Rival:
    """Jobs of the service that write to the tenant. `path` (with version) lists them. One is over where `ended`
    says when, or `status` is one of `over`; those whose type is among `harmless` write nothing."""

    title: str
    path: str
    status: str
    over: tuple[str, ...]
    ended: str
    harmless: tuple[str, ...]
    needs_to_read: tuple[str, ...]  # any of
    throttle: Throttle = Throttle.DIRECTORY
    quirks: tuple[Quirk, ...] = ()


_SOURCE: Final = "Microsoft Graph: recoveryJobBase and recoveryJob resource types (entraRecoveryServices)"

RECOVERY_JOBS: Final = Rival(
    title="a job of Microsoft Entra Backup and Recovery",
    path="/v1.0/directory/recovery/jobs",
    status="status",
    over=("successful", "failed", "abandoned"),
    ended="jobCompletionDateTime",
    harmless=("#microsoft.graph.entraRecoveryServices.recoveryPreviewJob",),
    needs_to_read=("EntraBackup.Read.All",),
    quirks=(
        Quirk("A preview calculates what a job would change, and changes nothing.", _SOURCE),
        Quirk("A job that is cancelled is abandoned, and what it has changed stays.", _SOURCE),
        Quirk("The list holds jobs of both kinds, and says of each which it is.", _SOURCE, unverified=True),
    ),
)

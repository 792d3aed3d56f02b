"""Nothing is written to an account that lies outside what was promised."""

from __future__ import annotations

from shared.domain.errors import BlobMissing, Refused, Retryable, StorageDenied
from shared.domain.ports import VaultControl
from shared.domain.regions import Residency, outside


async def check_residence(control: VaultControl | None, residency: Residency) -> None:
    """Raises `Refused` where the account's primary or secondary location is known to lie outside.

    What can't be read is no reason to go without backups: the run that follows is marked unprotected, because the
    same source has to vouch for the lock.
    """
    if control is None:
        return
    try:
        account = await control.account()
    except (Retryable, StorageDenied, BlobMissing):
        return
    if told := list(outside(residency, account.primary, account.secondary)):
        raise Refused(
            "; ".join(told),
            saved="nothing was written there",
            hint="use an account that lies inside, or set HOLDFAST_RESIDENCY if the wider boundary was agreed",
        )

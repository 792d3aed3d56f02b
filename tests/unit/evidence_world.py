"""A deployment in memory with everything that evidence is gathered from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shared.domain.errors import HoldfastError
from shared.domain.evidence import Facts, Period
from shared.domain.regions import Residency
from shared.domain.vault import AccountState, ContainerState, LegalHold, RetentionPolicy, RoleAssignment, VaultReads
from shared.engines.evidence_desk import period_of
from shared.engines.evidence_facts import Declared, Earlier, Sources, gather
from shared.engines.jws import Purpose
from tests.backup import TENANT
from tests.unit.cli_world import Deployment
from tests.unit.evidence_samples import START

BACKUP_APP, RESTORE_APP = "99999999-0000-4000-8000-00000000000b", "99999999-0000-4000-8000-00000000000c"
NOVEMBER = period_of(datetime(2026, 11, 1, tzinfo=UTC).date(), datetime(2026, 11, 30, tzinfo=UTC).date())


class Plane:
    """A management plane that answers as told; raises `error` where there is one."""

    def __init__(self) -> None:
        self.error: HoldfastError | None = None
        self.policy: RetentionPolicy | None = RetentionPolicy(42, True, False, 2, "e")
        self.held: tuple[RoleAssignment, ...] = ()

    def _may(self) -> None:
        if self.error is not None:
            raise self.error

    async def account(self) -> AccountState:
        self._may()
        return AccountState("westeurope", "northeurope", False, False, False, 0, 0, ())

    async def container(self, name: str) -> ContainerState:
        self._may()
        return ContainerState(name, self.policy, (LegalHold("case20261", START),), False)

    async def home(self) -> str:
        self._may()
        return "99999999-2222-3333-4444-555555555555"

    async def assignments(self) -> tuple[RoleAssignment, ...]:
        self._may()
        return self.held

    async def reads(self, start: datetime, end: datetime) -> VaultReads:
        self._may()
        return VaultReads(())


class World:
    """A deployment in memory, and what gathering reads of it."""

    def __init__(self) -> None:
        self.deployment = Deployment()
        self.plane = Plane()

    def sources(self, **changes: Any) -> Sources:
        made = self.deployment
        plane: Any = self.plane
        signers = {Purpose.SNAPSHOT: made.backup.signer, Purpose.CHAIN: made.backup.signer}
        held = Sources(
            declared=Declared(
                TENANT,
                "holdfast/test",
                "westeurope",
                Residency.EU,
                "0 0 1 * * *",
                3600.0,
                {"vault-35d": 35, "chain": 42},
                backup_app=BACKUP_APP,
                restore_app=RESTORE_APP,
            ),
            vaults={made.backup.vault.container: made.backup.vault},
            chain=made.backup.chain,
            keys=made.keys,
            signers=signers,
            catalog=made.backup.catalog,
            evidence=made.view(),
            desk=made.desk(),
            rows=made.rows,
            control=plane,
            access=plane,
            log=plane,
            clock=made.backup.clock,
        )
        return replace(held, **changes)

    async def gather(self, period: Period = NOVEMBER, earlier: Earlier | None = None, **changes: Any) -> Facts:
        return await gather(self.sources(**changes), period, earlier)

    async def back_up(self, at: datetime) -> str:
        clock = self.deployment.backup.clock
        clock.advance((at - clock.now()).total_seconds())
        return (await self.deployment.backup.back_up()).snapshot

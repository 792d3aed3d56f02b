"""Tokens of the simulated tenant as an identity gets them: each with a short life, kept by the credential until its
end unless a challenge asks for a newer one, as those of `azure-identity` do.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.exceptions import ServiceRequestError

from shared.domain.ports import Clock
from tests.simulator.client import ControlClient


class SimulatedIdentity:
    """`life`: seconds of the tenant's clock that a token is good for. `said`: how long the token service says it
    will be; more than `life` is what a token looks like that is revoked, or a clock that runs behind. Every
    `silent`-th call gets no answer."""

    def __init__(
        self,
        tenant: ControlClient,
        roles: Sequence[str],
        clock: Clock,
        *,
        life: float,
        said: float | None = None,
        silent: int = 0,
    ) -> None:
        self._tenant = tenant
        self._roles = sorted(roles)
        self._clock = clock
        self._life = life
        self._said = life if said is None else said
        self._silent = silent
        self._calls = 0
        self._held = AccessToken("", 0)
        self.issued = 0

    async def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **_: Any,
    ) -> AccessToken:
        assert len(scopes) == 1
        assert not enable_cae
        self._calls += 1
        if self._silent and self._calls % self._silent == 0:
            raise ServiceRequestError("the token service gives no answer")
        now = self._clock.now().timestamp()
        if claims or now >= self._held.expires_on:
            token = self._tenant.token(self._roles, expires_in=self._life)
            self._held = AccessToken(token, int(now + self._said))
            self.issued += 1
        return self._held

    async def close(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> SimulatedIdentity:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self.close()

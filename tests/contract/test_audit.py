"""The `Audit` contract, on the Graph adapter and a simulated tenant that keeps its own log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from shared.adapters.graph.audit import GraphAudit
from shared.adapters.memory import ManualClock
from shared.domain.errors import GraphDown
from shared.domain.ports import Audit
from tests.contract.suite import Suite
from tests.graph_inside import InsideTenant, inside
from tests.simulator.__main__ import build

SUITE = Suite(Audit, {"graph": GraphAudit})
NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass
class Case:
    audit: Audit
    tenant: InsideTenant


@asynccontextmanager
async def _opened(*roles: str) -> AsyncIterator[Case]:
    tenant = InsideTenant(build("small"))
    tenant.settings(listEmptyPages=0.0)
    async with inside(tenant.service, tenant.token(list(roles)), ManualClock(), patience=60) as directory:
        yield Case(SUITE.made("graph", GraphAudit(directory)), tenant)


@pytest.fixture(params=SUITE.params())
async def case() -> AsyncIterator[Case]:
    async with _opened("AuditLog.Read.All") as opened:
        yield opened


def _create(tenant: InsideTenant, name: str) -> str:
    """An object's id that an administrator of that name made just now."""
    admin = tenant.objects("users")[0]["userPrincipalName"]
    body = {"displayName": name, "mailNickname": name, "mailEnabled": False, "securityEnabled": True}
    made = tenant.incident([{"method": "POST", "url": "/groups", "body": body}], upn=admin)
    assert made["failed"] == 0
    return next(str(one["id"]) for one in tenant.objects("groups") if one["displayName"] == name)


async def test_who_created_it_is_told_with_the_time(case: Case) -> None:
    key = _create(case.tenant, "audited")
    told = await case.audit.created_by(key)
    assert str(case.tenant.objects("users")[0]["userPrincipalName"]) in told
    assert " at 20" in told


async def test_of_what_the_log_does_not_know_nothing_is_told(case: Case) -> None:
    assert await case.audit.created_by(NOBODY) == ""


@pytest.mark.parametrize("object_id", ["", "x", f"{NOBODY}'", f"{NOBODY}/..", f"{NOBODY}\n"], ids=ascii)
async def test_of_what_is_no_id_of_the_log_nothing_is_told_or_asked(case: Case, object_id: str) -> None:
    """Ids of role assignments, of memberships for a time and the like: a conflict over one must not end a plan."""
    before = case.tenant.stats()["requests"]
    assert await case.audit.created_by(object_id) == ""
    assert case.tenant.stats()["requests"] == before


async def test_a_log_that_may_not_be_read_names_nobody_and_says_so() -> None:
    async with _opened("User.Read.All") as case:
        assert "could not be read" in await case.audit.created_by(_create(case.tenant, "unseen"))


async def test_a_log_that_is_away_is_an_error_and_not_nobody(case: Case) -> None:
    case.tenant.faults([{"match": {"pathRegex": "directoryAudits"}, "effect": {"status": 503}}])
    with pytest.raises(GraphDown):
        await case.audit.created_by(NOBODY)

"""Agents come back as what they are, or not at all: never as a plain application or service principal."""

from __future__ import annotations

from typing import Any

from shared.domain.plan import Mechanism, Reason
from tests.restore_planned import Planned, delete, planned, purge
from tests.simulator.rules.agents import BLUEPRINT, IDENTITY, PRINCIPAL
from tests.simulator.service import Service

SEED = "small+agents"
TABLES = {BLUEPRINT: "applications", PRINCIPAL: "servicePrincipals", IDENTITY: "servicePrincipals"}


def agents(service: Service, kind: str) -> list[str]:
    held = service.store.tables[TABLES[kind]]
    return sorted(key for key, one in held.items() if one.get("@odata.type") == kind)


def everything(service: Service) -> dict[str, dict[str, Any]]:
    return {key: one for table in set(TABLES.values()) for key, one in service.store.tables[table].items()}


def purge_all(service: Service) -> None:
    for kind in (IDENTITY, PRINCIPAL, BLUEPRINT):
        for key in agents(service, kind):
            purge(service, TABLES[kind], key)


def delete_all(service: Service) -> None:
    for kind in (IDENTITY, BLUEPRINT):  # a blueprint takes its principal along
        for key in agents(service, kind):
            delete(service, TABLES[kind], key)


def made(case: Planned) -> list[str]:
    operations = [one for step in case.world.plan.steps for one in step.operations]
    return [one.target for one in operations if one.mechanism is Mechanism.CREATE]


async def test_purged_agents_are_not_made_anew_and_the_plan_says_why() -> None:
    before: dict[str, dict[str, Any]] = {}
    case = await planned(purge_all, prepare=lambda service: before.update(everything(service)), seed=SEED)
    gone = {key: one for key, one in before.items() if one.get("@odata.type") in TABLES}
    assert len(gone) == 7
    assert not set(made(case)) & set(gone)
    told = {one.target: one for one in case.world.plan.exclusions if one.type in TABLES.values()}
    assert told.keys() >= gone.keys()
    for key in gone:
        assert told[key].reason is Reason.NEEDS_ACTION
        assert "agent" in told[key].why


async def test_deleted_agents_come_back_from_the_bin_as_what_they_were() -> None:
    before: dict[str, dict[str, Any]] = {}
    case = await planned(delete_all, prepare=lambda service: before.update(everything(service)), seed=SEED)
    await case.run()
    assert (await case.report()).not_done == ()
    assert everything(case.world.service) == before

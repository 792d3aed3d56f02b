"""Agents come back as what they are, or not at all: never as a plain application or service principal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.adapters.memory import ManualClock
from shared.catalog.registry import CATALOG
from shared.domain.plan import Mechanism, Reason
from shared.domain.snapshot import State
from tests.restore_planned import Planned, cloud_users, delete, planned, purge, read_as
from tests.restore_world import WRITER, tenant
from tests.simdirectory import scripted
from tests.simulator.rules.agents import BLUEPRINT, IDENTITY, PRINCIPAL
from tests.simulator.service import Service

SEED = "small+agents"
AGENT_SPONSORS = "servicePrincipals.agentSponsors"
OPT_IN = (AGENT_SPONSORS, "agentIdentities")
ASKING = WRITER | {name for group in CATALOG.needs(write=False, opt_in=OPT_IN) for name in group}
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


# --- sponsors


def sponsors(service: Service, kind: str) -> set[tuple[str, str]]:
    rel = f"{TABLES[kind]}.sponsors"
    return {(key, one) for key in agents(service, kind) for one in service.store.targets(rel, key)}


def address(service: Service, kind: str, key: str) -> str:
    return f"/v1.0/{TABLES[kind]}/{key}/{kind.removeprefix('#')}/sponsors"


async def test_sponsors_are_read_of_agents_only_and_those_of_identities_where_asked_for() -> None:
    clock = ManualClock()
    service = tenant(clock, SEED)
    plain = await read_as(service, clock, WRITER)
    asked = await read_as(service, clock, ASKING, (AGENT_SPONSORS,))
    for view, name, kind in (
        (plain, "applications.sponsors", BLUEPRINT),
        (plain, "servicePrincipals.sponsors", PRINCIPAL),
        (asked, AGENT_SPONSORS, IDENTITY),
    ):
        told = view.completeness(name)
        assert told.state is State.COMPLETE, (name, told)
        found = {(link.source, link.target) async for link in view.links(*name.split("."))}
        assert found == sponsors(service, kind) != set()
    assert plain.completeness(AGENT_SPONSORS).state is State.NOT_READ


@pytest.mark.parametrize("kind", [BLUEPRINT, PRINCIPAL])
async def test_sponsors_that_were_taken_away_come_back(kind: str) -> None:
    before: set[tuple[str, str]] = set()

    def cut(service: Service) -> None:
        for key, one in before:
            scripted(service, "DELETE", f"{address(service, kind, key)}/{one}/$ref")
        assert not sponsors(service, kind)

    case = await planned(cut, prepare=lambda service: before.update(sponsors(service, kind)), seed=SEED)
    await case.run()
    assert (await case.report()).not_done == ()
    assert sponsors(case.world.service, kind) == before != set()


async def test_an_agent_comes_back_from_the_bin_with_its_sponsors() -> None:
    before: set[tuple[str, str]] = set()

    def note(service: Service) -> None:
        for kind in TABLES:
            before.update(sponsors(service, kind))

    case = await planned(delete_all, prepare=note, seed=SEED)
    await case.run()
    after = {one for kind in TABLES for one in sponsors(case.world.service, kind)}
    assert after == before != set()


async def test_a_sponsor_who_is_made_anew_sponsors_again() -> None:
    boss = ""

    def appoint(service: Service) -> None:
        nonlocal boss
        boss = str(cloud_users(service)[0]["id"])
        for kind in (BLUEPRINT, PRINCIPAL):
            key = agents(service, kind)[0]
            if (key, boss) not in sponsors(service, kind):
                body = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{boss}"}
                scripted(service, "POST", f"{address(service, kind, key)}/$ref", body)

    case = await planned(lambda service: purge(service, "users", boss), prepare=appoint, seed=SEED)
    await case.run()
    report = await case.report()
    new = {one.old: one.new for one in report.new_ids}
    service = case.world.service
    for kind in (BLUEPRINT, PRINCIPAL):
        assert (agents(service, kind)[0], new[boss]) in sponsors(service, kind)


# --- what is recorded


async def test_what_is_inherited_is_kept_by_blueprint_and_where_an_identity_is_from_if_asked_for() -> None:
    clock = ManualClock()
    service = tenant(clock, SEED)
    view = await read_as(service, clock, ASKING, OPT_IN)
    for name in ("inheritablePermissions", "agentIdentities"):
        assert view.completeness(name).state is State.COMPLETE
    inherited = {entry.id: json.loads(raw) async for entry, raw in view.objects("inheritablePermissions")}
    assert sorted(inherited) == agents(service, BLUEPRINT)
    for key, one in inherited.items():
        held = service.store.tables["applications"][key]["inheritablePermissions"]
        assert one["inheritablePermissions"] == held != []
    identities = {entry.id: json.loads(raw) async for entry, raw in view.objects("agentIdentities")}
    assert sorted(identities) == agents(service, IDENTITY)
    for key, one in identities.items():
        truth = service.store.tables["servicePrincipals"][key]
        for member in ("agentIdentityBlueprintId", "createdDateTime"):
            assert one[member] == truth[member]


async def test_a_change_of_what_is_inherited_is_told() -> None:
    def widen(service: Service) -> None:
        key = agents(service, BLUEPRINT)[0]
        held = service.store.tables["applications"][key]
        with service.store.transaction("PATCH", "/applications", "somebody"):
            service.store.put("applications", key, {**held, "inheritablePermissions": []})

    case = await planned(widen, seed=SEED)
    key = agents(case.world.service, BLUEPRINT)[0]
    [told] = [one for one in case.world.plan.exclusions if one.type == "inheritablePermissions"]
    assert told.target == key

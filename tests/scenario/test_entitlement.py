"""Entitlement management: what comes back by requests, and what is told as not coming back."""

from __future__ import annotations

from typing import Any

from shared.domain.plan import Reason
from tests.restore_planned import planned, purge
from tests.simdirectory import scripted
from tests.simulator import entitlement, plain
from tests.simulator.service import Service

ASSIGNMENTS, RESOURCES = entitlement.ASSIGNMENTS.table, entitlement.RESOURCES.table
LONG_AGO, SITE = 1_700_000_000.0, "https://contoso-sim.example/sites/campaigns"
OVER, BY_RULE = "0f0b6f3e-7d1a-4c1e-9a55-0d8a4cf0c001", "0f0b6f3e-7d1a-4c1e-9a55-0d8a4cf0c002"
SITE_RESOURCE = "0f0b6f3e-7d1a-4c1e-9a55-0d8a4cf0c003"


def rows(service: Service, table: str) -> dict[str, dict[str, Any]]:
    return dict(service.store.tables[table])


def _policy(service: Service, name: str) -> dict[str, Any]:
    return next(one for one in rows(service, entitlement.POLICIES).values() if one["displayName"] == name)


def history_and_sites(service: Service) -> None:
    """An assignment that is over, one that a rule gave, and a site in a catalog that a package gives a role of."""
    users = list(rows(service, "users").values())
    with service.store.transaction("TEST", "/", "test"):
        for key, name, number in ((OVER, "By hand", 6), (BY_RULE, "By rule", 7)):
            held = entitlement.assignment(
                key, users[number], _policy(service, name), start=LONG_AGO, end="2024-01-01T00:00:00Z"
            )
            held |= {"state": "expired"} if key == OVER else {}
            plain.put(service, entitlement.ASSIGNMENTS, held)
        site = {"id": SITE, "displayName": "Campaigns"}
        catalog = plain.started(entitlement.CATALOGS, 1)
        made = entitlement.resource(SITE_RESOURCE, catalog, "SharePointOnline", site, {}, "2024-01-01T00:00:00Z")
        plain.put(service, entitlement.RESOURCES, made)
        package = plain.started(entitlement.PACKAGES, 0)
        plain.put(
            service,
            entitlement.ROLE_SCOPES,
            entitlement.role_scope(made, package, made["roles"][0], made["scopes"][0], "2024-01-01T00:00:00Z"),
        )


async def test_what_cannot_be_asked_for_is_told_with_its_reason() -> None:
    def damage(service: Service) -> None:
        for table, key in ((ASSIGNMENTS, OVER), (ASSIGNMENTS, BY_RULE), (RESOURCES, SITE_RESOURCE)):
            purge(service, table, key)

    case = await planned(damage, prepare=history_and_sites)
    told = {one.target: one.reason for one in case.world.plan.exclusions}
    assert OVER not in told  # nobody lost it
    assert told[BY_RULE] is Reason.NEEDS_ACTION
    assert told[SITE_RESOURCE] is Reason.NEEDS_ACTION
    assert [one.target for one in case.world.plan.operations] == []


async def test_assignments_come_back_until_when_they_were_given() -> None:
    held: dict[str, dict[str, Any]] = {}

    def damage(service: Service) -> None:
        held.update({key: one for key, one in rows(service, ASSIGNMENTS).items() if one["state"] == "delivered"})
        for key in held:
            purge(service, ASSIGNMENTS, key)

    case = await planned(damage)
    await case.run()
    now = {key: one for key, one in rows(case.world.service, ASSIGNMENTS).items() if one["state"] == "delivered"}
    ends = {one["target"]["objectId"]: one["schedule"]["expiration"]["endDateTime"] for one in held.values()}
    assert len(ends) > 1
    assert {one["target"]["objectId"]: one["schedule"]["expiration"]["endDateTime"] for one in now.values()} == ends
    assert not held.keys() & now.keys()


async def test_who_was_taken_a_package_away_gets_it_back() -> None:
    """An assignment that was removed is still in the list: as one that is over, like those of before."""

    def held(service: Service) -> list[tuple[str, str]]:
        found = rows(service, ASSIGNMENTS).values()
        force = [one for one in found if one["state"] == "delivered"]
        return sorted((one["target"]["objectId"], one["accessPackage"]["id"]) for one in force)

    def damage(service: Service) -> None:
        path = "/v1.0/identityGovernance/entitlementManagement/assignmentRequests"
        for key, one in rows(service, ASSIGNMENTS).items():
            if one["state"] == "delivered":
                scripted(service, "POST", path, {"requestType": "adminRemove", "assignment": {"id": key}})
        assert held(service) == []

    before: list[tuple[str, str]] = []
    case = await planned(damage, prepare=lambda service: before.extend(held(service)))
    await case.run()
    assert held(case.world.service) == before
    assert len(before) == 2


async def test_a_renamed_package_changes_nothing_that_names_it() -> None:
    """The whole package is shown within its policies and assignments; only its id is theirs."""

    def damage(service: Service) -> None:
        for key in rows(service, entitlement.PACKAGES):
            path = f"/v1.0/identityGovernance/entitlementManagement/accessPackages/{key}"
            scripted(service, "PATCH", path, {"displayName": f"Renamed {key}"})

    case = await planned(damage)
    assert {one.type for one in case.world.plan.operations} == {entitlement.PACKAGES}
    assert not [one for one in case.world.plan.exclusions if one.type.startswith("accessPackage")]

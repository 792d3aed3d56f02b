"""Requests of entitlement management in the simulated tenant: what they make, and what they are refused for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator import entitlement, plain
from tests.simulator.inprocess import InProcessTenant

ROOT = "/identityGovernance/entitlementManagement"
CATALOG, OTHER = plain.started(entitlement.CATALOGS, 1), plain.started(entitlement.CATALOGS, 0)
PACKAGE = plain.started(entitlement.PACKAGES, 0)
BY_HAND, ON_REQUEST, BY_RULE = (plain.started(entitlement.POLICIES, number) for number in range(3))


@pytest.fixture
def tenant() -> InProcessTenant:
    return InProcessTenant.planted("small").with_roles("EntitlementManagement.ReadWrite.All", "Group.ReadWrite.All")


def last(tenant: InProcessTenant, table: str) -> str:
    return list(tenant.service.store.tables[table])[-1]


def adding(system: str, origin: str, catalog: str = CATALOG) -> dict[str, Any]:
    resource = {"originId": origin, "originSystem": system}
    return {"requestType": "adminAdd", "catalog": {"id": catalog}, "resource": resource}


def assigning(user: str, policy: str = BY_HAND, package: str = PACKAGE, **more: Any) -> dict[str, Any]:
    asked = {"targetId": user, "assignmentPolicyId": policy, "accessPackageId": package}
    return {"requestType": "adminAdd", "assignment": asked, **more}


async def test_a_group_is_offered_once_and_its_roles_are_given_by_packages_of_its_catalog(
    tenant: InProcessTenant,
) -> None:
    group = last(tenant, "groups")
    assert (await tenant.post(f"{ROOT}/resourceRequests", adding("AadGroup", group, OTHER))).status_code == 201
    assert (await tenant.post(f"{ROOT}/resourceRequests", adding("AadGroup", group))).status_code == 201
    assert (await tenant.post(f"{ROOT}/resourceRequests", adding("AadGroup", group))).status_code == 400
    offered = await tenant.everything(f"{ROOT}/catalogs/{CATALOG}/resources?$expand=roles,scopes")
    held = next(one for one in offered if one["originId"] == group)
    assert [one["originId"] for one in held["roles"]] == [f"Member_{group}", f"Owner_{group}"]
    foreign = await tenant.everything(f"{ROOT}/catalogs/{OTHER}/resources")
    role = {"originId": f"Owner_{group}", "originSystem": "AadGroup"}
    scope = {"originId": group, "originSystem": "AadGroup"}
    path = f"{ROOT}/accessPackages/{PACKAGE}/resourceRoleScopes"

    def giving(resource: str) -> dict[str, Any]:
        return {"role": {**role, "resource": {"id": resource}}, "scope": scope}

    assert (await tenant.post(path, giving(foreign[0]["id"]))).status_code == 400
    assert (await tenant.post(path, {"role": role, "scope": scope})).status_code == 400
    assert (await tenant.post(path, giving(held["id"]))).status_code == 201
    assert (await tenant.post(path, giving(held["id"]))).status_code == 400
    shown = await tenant.everything(f"{path}?$expand=role($expand=resource),scope")
    assert held["id"] in {one["role"]["resource"]["id"] for one in shown}
    assert all("resource" not in one["role"] for one in await tenant.everything(f"{path}?$expand=role,scope"))


async def test_who_offers_something_must_be_able_to_change_it(tenant: InProcessTenant) -> None:
    site = adding("SharePointOnline", "https://contoso-sim.example/sites/a")
    role = adding("DirectoryRole", "62e90394-69f5-4237-9190-012177145e10")
    assert (await tenant.post(f"{ROOT}/resourceRequests", site)).status_code == 403
    assert (await tenant.post(f"{ROOT}/resourceRequests", role)).status_code == 403
    removal = adding("AadGroup", last(tenant, "groups")) | {"requestType": "userAdd"}
    assert (await tenant.post(f"{ROOT}/resourceRequests", removal)).status_code == 400


async def test_a_package_is_assigned_once_by_a_policy_of_its_own(tenant: InProcessTenant) -> None:
    user = last(tenant, "users")
    path = f"{ROOT}/assignmentRequests"
    other = plain.started(entitlement.PACKAGES, 1)
    assert (await tenant.post(path, assigning(user, package=other))).status_code == 400
    assert (await tenant.post(path, assigning(user, BY_RULE, other))).status_code == 400
    period = {"expiration": {"type": "afterDateTime", "endDateTime": "2031-01-01T00:00:00Z"}}
    assert (await tenant.post(path, assigning(user, ON_REQUEST, schedule=period))).status_code == 400
    assert (await tenant.post(path, assigning(user, schedule=period))).status_code == 201
    assert (await tenant.post(path, assigning(user))).status_code == 400
    query = f"$expand=target&$filter=target/objectId eq '{user}'"
    (made,) = await tenant.everything(f"{ROOT}/assignments?{query}")
    assert made["schedule"]["expiration"]["endDateTime"] == "2031-01-01T00:00:00Z"
    assert "assignmentPolicy" not in made


async def test_a_policy_stays_in_its_package_and_each_put_names_it(tenant: InProcessTenant) -> None:
    path = f"{ROOT}/assignmentPolicies/{BY_HAND}"
    named = {"displayName": "By hand", "accessPackage": {"id": PACKAGE}}
    assert (await tenant.call("PUT", path, {"displayName": "By hand"})).status_code == 400
    moved = {"id": plain.started(entitlement.PACKAGES, 1)}
    assert (await tenant.call("PUT", path, named | {"accessPackage": moved})).status_code == 400
    assert (await tenant.call("PUT", path, named)).status_code == 204
    body = {"displayName": "x", "catalog": {"id": OTHER}}
    assert (await tenant.patch(f"{ROOT}/accessPackages/{PACKAGE}", body)).status_code == 400


async def test_what_a_package_is_incompatible_with_is_named_by_its_collection(tenant: InProcessTenant) -> None:
    path = f"{ROOT}/accessPackages/{plain.started(entitlement.PACKAGES, 1)}/incompatibleAccessPackages/$ref"
    for place, status in (("directoryObjects", 400), (f"{ROOT[1:]}/accessPackages", 204)):
        address = f"https://graph.microsoft.com/v1.0/{place}/{PACKAGE}"
        assert (await tenant.post(path, {"@odata.id": address})).status_code == status

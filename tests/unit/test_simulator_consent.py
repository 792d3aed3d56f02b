"""Consent policies and app management of the simulated tenant: what is built in stays, and one policy is enough."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.inprocess import InProcessTenant

POLICIES = "/policies/permissionGrantPolicies"


@pytest.fixture
def tenant() -> InProcessTenant:
    return InProcessTenant.planted("small").with_roles(
        "Application.ReadWrite.All",
        "Application.Read.All",
        "Policy.Read.All",
        "Policy.ReadWrite.ApplicationConfiguration",
        "Policy.ReadWrite.PermissionGrant",
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {"id": "microsoft-ours", "displayName": "Ours"}),
        ("/microsoft-user-default-low/includes", {"permissionType": "delegated"}),
    ],
)
async def test_nothing_is_made_of_what_is_built_in(
    tenant: InProcessTenant, path: str, body: dict[str, Any]
) -> None:
    assert (await tenant.post(POLICIES + path, body)).status_code == 400


async def test_what_is_built_in_is_neither_changed_nor_deleted(tenant: InProcessTenant) -> None:
    path = f"{POLICIES}/microsoft-user-default-low"
    (held,) = await tenant.everything(f"{path}/includes")
    assert (await tenant.patch(path, {"displayName": "Ours"})).status_code == 400
    assert (await tenant.delete(path)).status_code == 400
    assert (await tenant.delete(f"{path}/includes/{held['id']}")).status_code == 400


async def test_a_permission_is_classified_once(tenant: InProcessTenant) -> None:
    (resource,) = [
        one
        for one in await tenant.everything("/servicePrincipals?$expand=delegatedPermissionClassifications")
        if one["delegatedPermissionClassifications"]
    ]
    held = resource["delegatedPermissionClassifications"][0]
    again = {name: held[name] for name in ("permissionId", "permissionName")}
    path = f"/servicePrincipals/{resource['id']}/delegatedPermissionClassifications"
    assert (await tenant.post(path, {**again, "classification": "high"})).status_code == 409


async def test_an_application_has_one_management_policy(tenant: InProcessTenant) -> None:
    first, second = await tenant.everything("/policies/appManagementPolicies")
    held = {
        one["id"]: await tenant.everything(f"/policies/appManagementPolicies/{one['id']}/appliesTo")
        for one in (first, second)
    }
    owner, other = (first, second) if held[first["id"]] else (second, first)
    application = next(one for one in held[owner["id"]] if one["@odata.type"] == "#microsoft.graph.application")
    address = f"https://graph.microsoft.com/v1.0/policies/appManagementPolicies/{other['id']}"
    path = f"/applications/{application['id']}/appManagementPolicies/$ref"
    assert (await tenant.post(path, {"@odata.id": address})).status_code == 400

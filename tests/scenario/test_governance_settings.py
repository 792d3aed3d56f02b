"""Identity governance where the tenant has the licence for it, and where it has not."""

from __future__ import annotations

from shared.adapters.memory import ManualClock
from shared.domain.snapshot import State
from tests.restore_planned import read
from tests.restore_world import tenant

LICENSED = (
    "entitlementManagementSettings",
    "lifecycleManagementSettings",
    "connectedOrganizations",
    "accessPackageCatalogs",
    "accessPackages",
    "accessPackageAssignmentPolicies",
    "accessPackageAssignments",
    "entitlementRoleAssignments",
    "entitlementEndUserSettings",
)


async def test_without_the_licence_the_manifest_says_so_of_each_type() -> None:
    clock = ManualClock()
    service = tenant(clock)
    view = await read(service, clock)
    assert {view.completeness(name).state for name in LICENSED} == {State.COMPLETE}
    service.settings.premium_p2 = False
    view = await read(service, clock)
    assert {view.completeness(name).state for name in LICENSED} == {State.NOT_LICENSED}
    assert view.completeness("users").state is State.COMPLETE

"""Every create whose answer is lost after Graph has committed it ends as one object, for every type created."""

from __future__ import annotations

import pytest

from tests.localrun import truth
from tests.localrun.world import World
from tests.reviewing import reviewed
from tests.scenario.wreckage import CREATED_TYPES, Restored, wreck

pytestmark = pytest.mark.azurite

CREATES = {
    "users": r"^/v1\.0/users$",
    "groups": r"^/v1\.0/groups$",
    "applications": r"^/v1\.0/applications$",
    "servicePrincipals": r"^/v1\.0/servicePrincipals$",
    "federatedIdentityCredentials": r"/federatedIdentityCredentials$",
    "appRoleAssignments": r"/appRoleAssignedTo$",
    "permissionGrantExcludes": r"/excludes$",
    "permissionGrantIncludes": r"/includes$",
    "conditionalAccessPolicies": r"/conditionalAccess/policies$",
    "namedLocations": r"/conditionalAccess/namedLocations$",
    "oauth2PermissionGrants": r"/oauth2PermissionGrants$",
}


@pytest.mark.full
def test_each_create_that_was_carried_out_and_never_answered_ends_as_one_object(world: World) -> None:
    assert set(CREATES) == set(CREATED_TYPES)
    tenant = world.simulator
    before = truth.take(tenant)
    world.start_host("backup")
    world.start_host("restore")
    world.holdfast("backup", "--timeout", "6")
    damage = wreck(world).damage
    plan = world.holdfast_json("plan", "latest")
    for name in ("maria", "jonas"):
        world.holdfast("approve", plan["plan"], "--key", world.approver_key(name), *reviewed(plan), "--yes")
    restorer = tenant.ready["holdfastApps"]["restore"]
    # Every first create of a type: committed, then the connection breaks.
    tenant.faults(
        [
            {
                "match": {"method": "POST", "pathRegex": path, "appid": restorer, "times": 1},
                "effect": {"dropConnectionAfterCommit": True},
            }
            for path in CREATES.values()
        ]
    )
    report = world.holdfast("restore", plan["plan"], "--digest", plan["digest"], "--timeout", "6")
    assert "equalExceptListed" in report
    fired = {fault["match"]["pathRegex"]: fault["fired"] for fault in tenant.fault_report()}
    assert fired == dict.fromkeys(CREATES.values(), 1)
    Restored.look(world, before, damage, plan).check()

"""The lock-out guard while a restore runs: what changed after the plan was made counts, and is told."""

from __future__ import annotations

from shared.domain.plan import Mechanism, Scope
from tests.restore_planned import planned, undo_of
from tests.restore_world import objects
from tests.simdirectory import scripted
from tests.simulator.service import Service

_POLICIES = "/v1.0/identity/conditionalAccess/policies"


def _group(service: Service, name: str, members: list[str]) -> str:
    body = {"displayName": name, "mailNickname": name, "mailEnabled": False, "securityEnabled": True}
    made = str(scripted(service, "POST", "/v1.0/groups", body)["id"])
    for member in members:
        _link(service, made, member)
    return made


def _link(service: Service, group: str, member: str) -> None:
    address = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{member}"}
    scripted(service, "POST", f"/v1.0/groups/{group}/members/$ref", address)


def _block_all_but(service: Service, group: str) -> None:
    policy = {
        "displayName": "Added since",
        "state": "enabled",
        "conditions": {
            "clientAppTypes": ["all"],
            "applications": {"includeApplications": ["All"]},
            "users": {"includeUsers": ["All"], "excludeGroups": [group]},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["block"]},
    }
    scripted(service, "POST", _POLICIES, policy)


def _of(service: Service, name: str) -> str:
    return next(str(one["id"]) for one in objects(service, "groups") if one["displayName"] == name)


async def test_a_member_that_a_policy_came_to_exclude_stays() -> None:
    def damage(service: Service) -> None:
        for account in service.info["breakGlassIds"]:
            _link(service, _of(service, "travellers"), account)

    case = await planned(
        damage, scope=Scope(prune=True), prepare=lambda service: _group(service, "travellers", []) and None
    )
    service = case.world.service
    accounts = service.info["breakGlassIds"]
    assert [one.guarded for one in case.world.plan.operations] == [True, True]
    _block_all_but(service, _of(service, "travellers"))
    case.world.clock.advance(3600)
    await case.run()
    assert set((await case.world.ends()).values()) == {"leftOffByGuard"}
    assert set(accounts) <= set(service.store.targets("groups.members", _of(service, "travellers")))
    left = (await case.report()).left_off
    assert {one.type for one in left} == {"groups"}
    assert all("it blocks" in one.why for one in left)


async def test_undoing_asks_as_doing_did() -> None:
    def damage(service: Service) -> None:
        for account in service.info["breakGlassIds"]:
            path = f"/v1.0/groups/{_of(service, 'travellers')}/members/{account}/$ref"
            scripted(service, "DELETE", path)

    case = await planned(
        damage,
        prepare=lambda service: _group(service, "travellers", service.info["breakGlassIds"]) and None,
    )
    service = case.world.service
    await case.run()
    accounts = set(service.info["breakGlassIds"])
    assert accounts <= set(service.store.targets("groups.members", _of(service, "travellers")))
    _block_all_but(service, _of(service, "travellers"))
    case.world.clock.advance(3600)
    plan = await undo_of(case)
    assert {(one.mechanism, one.guarded) for one in plan.operations} == {(Mechanism.UNLINK, True)}
    await case.go_on(plan)
    assert accounts <= set(service.store.targets("groups.members", _of(service, "travellers")))
    assert set((await case.world.ends()).values()) == {"leftOffByGuard"}

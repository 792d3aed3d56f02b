"""The lock-out guard while a restore runs: what changed after the plan was made counts, and is told."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from shared.domain.plan import Mechanism, Scope
from shared.domain.ports import GraphRequest, GraphResponse
from shared.engines.report import Report
from shared.engines.wire import decode, encode
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


async def test_a_policy_is_tried_and_switched_on_only_if_the_service_agrees() -> None:
    """The service comes to another answer than the guard: here because another group holds an account, and the
    evaluation is made to say that it counts."""
    enabled: list[str] = []

    def damage(service: Service) -> None:
        found = [one for one in objects(service, "conditionalAccessPolicies") if one["state"] == "enabled"][:2]
        for one in found:
            enabled.append(str(one["id"]))
            scripted(service, "PATCH", f"{_POLICIES}/{one['id']}".replace("v1.0", "beta"), {"state": "disabled"})

    case = await planned(damage)
    service = case.world.service
    tried = [one for one in case.world.plan.operations if one.wanted == {"state": _REPORT_ONLY}]
    assert {one.target for one in tried} == {*enabled}
    process = case.world.process()
    process.executor._guard = Disagreeing(process.executor._guard, enabled[0])
    await case.begin()
    await process.drain()
    states = {one: service.store.tables["conditionalAccessPolicies"][one]["state"] for one in enabled}
    assert states == {enabled[0]: _REPORT_ONLY, enabled[1]: "enabled"}
    (left,) = (await case.report()).left_off
    assert left.target == enabled[0]
    assert "the service's own evaluation" in left.why


async def test_where_nobody_can_be_asked_the_report_says_so() -> None:
    def damage(service: Service) -> None:
        on = next(one for one in objects(service, "conditionalAccessPolicies") if one["state"] == "enabled")
        scripted(service, "PATCH", f"{_POLICIES}/{on['id']}".replace("v1.0", "beta"), {"state": "disabled"})

    case = await planned(damage)
    process = case.world.process()
    process.executor._guard = Disagreeing(process.executor._guard, "", GraphResponse(404, b""))
    await case.begin()
    await process.drain()
    assert set((await case.world.ends()).values()) == {"done"}
    report = await case.report()
    (alone,) = report.alone
    assert alone.type == "conditionalAccessPolicies"
    assert "no evaluation here" in alone.why
    assert decode(Report, encode(report)) == report
    assert not report.left_off


_REPORT_ONLY = "enabledForReportingButNotEnforced"


class Disagreeing:
    """The guard over a directory whose evaluation says of one policy that it applies to everybody, or just this."""

    def __init__(self, guard: Any, policy: str, answer: GraphResponse | None = None) -> None:
        self._guard = guard
        self._guard._directory = _Applying(guard._directory, policy, answer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._guard, name)


class _Applying:
    def __init__(self, directory: Any, policy: str, answer: GraphResponse | None) -> None:
        self._directory = directory
        self._policy = policy
        self._answer = answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._directory, name)

    async def send(self, request: GraphRequest) -> GraphResponse:
        if request.path.endswith("/evaluate") and self._answer is not None:
            return self._answer
        answer: GraphResponse = await self._directory.send(request)
        if not request.path.endswith("/evaluate"):
            return answer
        value = json.loads(answer.body)
        for one in value["value"]:
            if one["id"] == self._policy:
                one.update(policyApplies=True, analysisReasons="notSet")
        return replace(answer, body=json.dumps(value).encode())

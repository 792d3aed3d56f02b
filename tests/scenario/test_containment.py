"""Containment: what was added and gives access goes, accounts are shut, and nothing else is touched."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from shared.catalog.spec import WaveNumber
from shared.domain.errors import Unusable
from shared.domain.plan import CONTAINS, Mechanism, Scope
from tests.faults import Faults, crash_at, run_until_crash
from tests.restore_planned import Planned, add_member, cloud_groups, cloud_users, make_plan, planned
from tests.restore_world import ORIGIN, World, objects
from tests.simdirectory import scripted
from tests.simulator.service import Service

RANGE = {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "198.51.100.0/24"}
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
EXCHANGE_ADMINISTRATOR = "29232cdf-9323-42fd-ade2-1d097af3e4de"
ROLES = "roleManagement/directory"


def _post(service: Service, path: str, body: dict[str, Any]) -> dict[str, Any]:
    return scripted(service, "POST", f"/v1.0/{path}", body)


def intrude(service: Service, left: dict[str, Any]) -> None:
    """A user who was taken over, one who was made, and every way of staying that containment knows."""
    users = cloud_users(service)
    app = objects(service, "applications")[0]
    principal = next(one for one in objects(service, "servicePrincipals") if one["appId"] == app["appId"])
    left["app"], left["principal"], left["taken"] = str(app["id"]), str(principal["id"]), str(users[0]["id"])
    domain = str(users[0]["userPrincipalName"]).partition("@")[2]
    made = _post(
        service,
        "users",
        {
            "accountEnabled": True,
            "displayName": "Helpdesk",
            "mailNickname": "helpdesk2",
            "userPrincipalName": f"helpdesk2@{domain}",
            "passwordProfile": {"password": "Attack3r!xyz"},
        },
    )
    left["made"] = str(made["id"])
    for kind in ("applications", "servicePrincipals"):
        key = left["app"] if kind == "applications" else left["principal"]
        secret = _post(service, f"{kind}/{key}/addPassword", {"passwordCredential": {"displayName": "backdoor"}})
        left[f"{kind}.secret"] = secret["keyId"]
        owner = {"@odata.id": f"{ORIGIN}/v1.0/directoryObjects/{left['made']}"}
        _post(service, f"{kind}/{key}/owners/$ref", owner)
    _post(
        service,
        f"applications/{left['app']}/federatedIdentityCredentials",
        {
            "name": "backdoor",
            "issuer": "https://token.example/",
            "subject": "repo:x",
            "audiences": ["api://AzureADTokenExchange"],
        },
    )
    held = {"principalId": left["made"], "roleDefinitionId": GLOBAL_ADMINISTRATOR, "directoryScopeId": "/"}
    left["role"] = _post(service, f"{ROLES}/roleAssignments", held)["id"]
    later = {
        **held,
        "roleDefinitionId": EXCHANGE_ADMINISTRATOR,
        "action": "adminAssign",
        "justification": "for later",
        "scheduleInfo": {"startDateTime": "2026-12-24T00:00:00Z", "expiration": {"type": "noExpiration"}},
    }
    left["later"] = _post(service, f"{ROLES}/roleAssignmentScheduleRequests", later)["targetScheduleId"]
    groups = cloud_groups(service)
    left["plain"] = str(groups[0]["id"])
    add_member(service, left["plain"], left["made"])
    left["guarding"] = service.info["breakGlassGroupId"]
    add_member(service, left["guarding"], left["made"])
    location = next(
        one for one in objects(service, "namedLocations") if str(one["@odata.type"]).endswith("ipNamedLocation")
    )
    left["location"], left["ranges"] = str(location["id"]), location["ipRanges"]
    path = f"/beta/identity/conditionalAccess/namedLocations/{left['location']}"
    wider = [*location["ipRanges"], RANGE]  # type: ignore[misc]
    scripted(service, "PATCH", path, {"@odata.type": location["@odata.type"], "ipRanges": wider})
    scripted(service, "PATCH", f"/v1.0/users/{left['taken']}", {"jobTitle": "Bent"})


async def contained(*, named: bool = True) -> tuple[Planned, dict[str, Any]]:
    left: dict[str, Any] = {}
    case = await planned(lambda service: intrude(service, left))
    service, clock = case.world.service, case.world.clock
    scope = Scope(contain=True, ids=(left["taken"],) if named else ())
    return await case.instead(await make_plan(service, case.snapshot, clock, scope=scope)), left


def shut_out(service: Service, left: dict[str, Any]) -> None:
    tables = service.store.tables
    for name in ("taken", "made"):
        assert tables["users"][left[name]]["accountEnabled"] is False
    for kind, key in (("applications", left["app"]), ("servicePrincipals", left["principal"])):
        held = {one["keyId"] for one in tables[kind][key]["passwordCredentials"]}
        assert left[f"{kind}.secret"] not in held
        assert left["made"] not in service.store.targets(f"{kind}.owners", key)
    path = f"/v1.0/applications/{left['app']}/federatedIdentityCredentials"
    assert "backdoor" not in {one["name"] for one in scripted(service, "GET", path)["value"]}
    assert left["role"] not in tables["roleAssignments"]
    assert left["later"] not in tables["roleAssignmentSchedules"]
    assert left["made"] not in service.store.targets("groups.members", left["guarding"])
    location = scripted(service, "GET", f"/beta/identity/conditionalAccess/namedLocations/{left['location']}")
    assert RANGE["cidrAddress"] not in {one["cidrAddress"] for one in location["ipRanges"]}


async def test_an_intruder_is_shut_out_and_nothing_else_is_touched() -> None:
    case, left = await contained()
    plan, service = case.world.plan, case.world.service
    # A named location goes back, too.
    assert [(one.number, one.asks) for one in plan.waves] == [(WaveNumber.CONTAIN, (CONTAINS, "conditionalAccess"))]
    told = " ".join(one.why for one in plan.operations)
    assert left["applications.secret"] in told
    assert left["servicePrincipals.secret"] in told
    sessions = service.store.tables["users"][left["taken"]]["signInSessionsValidFromDateTime"]
    await case.run()
    shut_out(service, left)
    assert service.store.tables["users"][left["taken"]]["signInSessionsValidFromDateTime"] > sessions
    assert service.store.tables["users"][left["taken"]]["jobTitle"] == "Bent"
    assert left["made"] in service.store.targets("groups.members", left["plain"])
    report = await case.report()
    assert not report.unexpected
    assert not report.not_done


async def test_accounts_that_were_not_named_and_not_added_stay_open() -> None:
    case, left = await contained(named=False)
    await case.run()
    users = case.world.service.store.tables["users"]
    assert users[left["taken"]]["accountEnabled"] is True
    assert users[left["made"]]["accountEnabled"] is False


async def test_nothing_of_ours_is_shut_or_loses_its_keys() -> None:
    left: dict[str, Any] = {}
    case = await planned(lambda service: intrude(service, left))
    service, clock = case.world.service, case.world.clock
    app_id = str(service.store.tables["applications"][left["app"]]["appId"])
    plan = await make_plan(service, case.snapshot, clock, scope=Scope(contain=True), own_apps=(app_id,))
    targets = {(one.mechanism, one.target) for one in plan.operations}
    assert (Mechanism.REVOKE, left["app"]) not in targets
    assert (Mechanism.REVOKE, left["principal"]) not in targets
    assert any("this program signs in by" in one.why and one.target == left["app"] for one in plan.exclusions)
    for account in (service.info["breakGlassIds"][0], left["principal"]):
        with pytest.raises(Unusable, match="must keep access"):
            await make_plan(
                service, case.snapshot, clock, scope=Scope(contain=True, ids=(account,)), own_apps=(app_id,)
            )


async def test_an_account_that_is_not_there_is_refused() -> None:
    left: dict[str, Any] = {}
    case = await planned(lambda service: intrude(service, left))
    for scope, why in (
        (Scope(contain=True, ids=("00000000-0000-0000-0000-00000000dead",)), "no live account"),
        (Scope(contain=True, prune=True), "a plan of its own"),
        (Scope(contain=True, types=("users",)), "a plan of its own"),
    ):
        with pytest.raises(Unusable, match=why):
            await make_plan(case.world.service, case.snapshot, case.world.clock, scope=scope)


def _again(one: World) -> World:
    return copy.deepcopy(one, {id(same): same for same in (one.plan,)})


@pytest.mark.full
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_killed_at_each_write_of_a_containment(before: bool) -> None:
    case, left = await contained()
    await case.begin()
    log = Faults()
    await _again(case.world).process(log).drain()
    for number in range(1, len(log.written) + 1):
        one = _again(case.world)
        assert await run_until_crash(one.process(Faults(crash_at(number, before=before))).drain()), number
        await one.process().drain(twice=True)
        shut_out(one.service, left)


@pytest.mark.parametrize("effect", ["dropConnectionAfterCommit", "dropConnectionBeforeCommit"])
async def test_every_answer_to_a_containment_is_lost_once(effect: str) -> None:
    case, left = await contained()
    await case.begin()
    service = case.world.service
    service.settings.lag = 40.0
    paths = {
        r"/removePassword$": "POST",
        r"/revokeSignInSessions$": "POST",
        r"^/v1.0/users/[^/]+$": "PATCH",
        r"/federatedIdentityCredentials/[^/]+$": "DELETE",
        r"/roleAssignments/[^/]+$": "DELETE",
        r"/owners/[^/]+/\$ref$": "DELETE",
        r"/members/[^/]+/\$ref$": "DELETE",
        r"/namedLocations/[^/]+$": "PATCH",
    }
    service.faults.install(
        [
            {"match": {"pathRegex": path, "method": [method], "times": 1}, "effect": {effect: True}}
            for path, method in paths.items()
        ]
    )
    await case.world.process().drain()
    assert [one["fired"] for one in service.faults.report()] == [1] * len(paths)
    shut_out(service, left)

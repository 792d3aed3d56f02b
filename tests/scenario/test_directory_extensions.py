"""Directory extensions: their values are read by names that only the tenant knows, and follow an application that
comes back under another appId."""

from __future__ import annotations

from typing import Any

import pytest

from shared.adapters.memory import ManualClock
from shared.catalog.registry import CATALOG
from shared.domain.plan import Reason, Scope
from shared.domain.snapshot import Completeness, State, Why
from shared.engines.known_ids import known_ids
from shared.engines.member_groups import choose
from tests.restore_planned import Planned, cloud_groups, cloud_users, delete, make_plan, planned
from tests.restore_world import WRITER, objects, tenant
from tests.scenario.test_governance_types import restored
from tests.simdirectory import SimDirectory, scripted
from tests.simulator import extension_properties
from tests.simulator.auth import Principal
from tests.simulator.service import Service

Obj = dict[str, Any]


class Extended:
    """An application with properties, and what holds values of them: users, a group, a rule, its own claims."""

    def __init__(self) -> None:
        self.app: Obj = {}
        self.names: dict[str, str] = {}
        self.people: list[str] = []
        self.group = self.ruled = ""

    def prepare(self, service: Service) -> None:
        self.app = scripted(service, "POST", "/v1.0/applications", {"displayName": "People data"})
        path = f"/v1.0/applications/{self.app['id']}"
        for name, kind, many, targets in (
            ("team", "String", False, ["User", "Group"]),
            ("badges", "Integer", True, ["User"]),
            ("team2", "Boolean", False, ["User"]),
        ):
            body = {"name": name, "dataType": kind, "isMultiValued": many, "targetObjects": targets}
            self.names[name] = scripted(service, "POST", f"{path}/extensionProperties", body)["name"]
        team, badges, team2 = (self.names[name] for name in ("team", "badges", "team2"))
        claims = {"idToken": [{"name": team, "source": "user", "essential": False, "additionalProperties": []}]}
        scripted(service, "PATCH", path, {"optionalClaims": {**claims, "accessToken": [], "saml2Token": []}})
        domain = cloud_users(service)[0]["userPrincipalName"].rpartition("@")[2]  # type: ignore[union-attr]
        self.people = [
            scripted(
                service,
                "POST",
                "/v1.0/users",
                {
                    "accountEnabled": True,
                    "displayName": f"Person {number}",
                    "mailNickname": f"person{number}",
                    "userPrincipalName": f"person{number}@{domain}",
                    "passwordProfile": {"password": "Pa55word!x"},
                },
            )["id"]
            for number in range(4)
        ]
        for number, key in enumerate(self.people):
            values = {team: f"Team {number}", badges: [number, 7], team2: bool(number % 2)}
            scripted(service, "PATCH", f"/v1.0/users/{key}", values)
        self.group = str(cloud_groups(service)[0]["id"])
        scripted(service, "PATCH", f"/v1.0/groups/{self.group}", {team: "Everyone"})
        rule = {
            "displayName": "Team 1",
            "mailEnabled": False,
            "mailNickname": "team1",
            "securityEnabled": True,
            "groupTypes": ["DynamicMembership"],
            "membershipRule": f'(user.{team} -eq "Team 1")',
            "membershipRuleProcessingState": "On",
        }
        self.ruled = scripted(service, "POST", "/v1.0/groups", rule)["id"]

    def values(self, service: Service, key: str, *, app: str = "") -> dict[str, Any]:
        """What Graph shows of an object's values, by short name."""
        prefix = f"extension_{(app or self.app['appId']).replace('-', '')}_"
        kind = "users" if key in service.store.tables["users"] else "groups"
        names = [prefix + name for name in self.names if kind == "users" or name == "team"]
        found = scripted(service, "GET", f"/v1.0/{kind}/{key}?$select={','.join(names)}")
        return {name.removeprefix(prefix): found[name] for name in names}


async def test_values_are_read_by_names_that_only_the_tenant_knows_and_go_back() -> None:
    extended = Extended()

    def damage(service: Service) -> None:
        first, second, third, _ = extended.people
        scripted(service, "PATCH", f"/v1.0/users/{first}", {extended.names["team"]: None})
        scripted(service, "PATCH", f"/v1.0/users/{second}", {extended.names["badges"]: [1, 2, 3]})
        scripted(service, "PATCH", f"/v1.0/groups/{extended.group}", {extended.names["team"]: "Nobody"})
        delete(service, "users", third, purge=True)

    case = await planned(damage, prepare=extended.prepare)
    assert case.snapshot.completeness("users.directoryExtensions").is_complete
    report = await restored(case)
    service = case.world.service
    assert report.not_done == ()
    assert not [one for one in report.listed if one.type in ("users", "groups", "extensionProperties")]
    third = next(one.new for one in report.new_ids if one.old == extended.people[2])
    assert [extended.values(service, key) for key in (*extended.people[:2], third, extended.group)] == [
        {"team": "Team 0", "badges": [0, 7], "team2": False},
        {"team": "Team 1", "badges": [1, 7], "team2": True},
        {"team": "Team 2", "badges": [2, 7], "team2": False},
        {"team": "Everyone"},
    ]


@pytest.mark.parametrize("lag", [0.0, pytest.param(40.0, marks=pytest.mark.full)])
async def test_values_rules_and_claims_follow_an_application_that_is_made_anew(lag: float) -> None:
    extended = Extended()

    def damage(service: Service) -> None:
        delete(service, "applications", extended.app["id"], purge=True)
        delete(service, "users", extended.people[0], purge=True)
        delete(service, "users", extended.people[1])

    case = await planned(damage, prepare=extended.prepare, lag=lag)
    report = await restored(case)
    assert report.not_done == (), report.not_done
    service = case.world.service
    service.settings.lag = 0
    ids = {one.old: one.new for one in report.new_ids}
    app = ids[extended.app["appId"]]
    for number, old in enumerate(extended.people):
        assert extended.values(service, ids.get(old, old), app=app) == {
            "team": f"Team {number}",
            "badges": [number, 7],
            "team2": bool(number % 2),
        }
    assert extended.values(service, extended.group, app=app) == {"team": "Everyone"}
    team = ids[extended.names["team"]]
    assert team == f"extension_{app.replace('-', '')}_team"
    ruled = service.store.get("groups", ids.get(extended.ruled, extended.ruled))
    assert ruled is not None
    assert ruled["membershipRule"] == f'(user.{team} -eq "Team 1")'
    (claim,) = scripted(service, "GET", f"/v1.0/applications/{ids[extended.app['id']]}")["optionalClaims"][
        "idToken"
    ]
    assert claim["name"] == team
    # A second plan from the same snapshot knows that all of it is there.
    assert (await again(case)).steps == ()


async def again(case: Planned) -> Any:
    return await make_plan(
        case.world.service,
        case.snapshot,
        case.world.clock,
        plan_id="pffff456789abcdef0123456",
        known_ids=await known_ids(case.world.view()),
    )


async def test_an_application_from_the_bin_brings_its_properties_and_their_values_back() -> None:
    extended = Extended()
    case = await planned(
        lambda service: delete(service, "applications", extended.app["id"]), prepare=extended.prepare
    )
    report = await restored(case)
    assert (report.not_done, report.new_ids) == ((), ())
    assert extended.values(case.world.service, extended.people[1])["team"] == "Team 1"


async def test_a_deleted_property_comes_back_under_its_name_and_shows_its_values_again() -> None:
    extended = Extended()

    def damage(service: Service) -> None:
        (key,) = (
            one["id"] for one in objects(service, "extensionProperties") if one["name"] == extended.names["team"]
        )
        scripted(service, "DELETE", f"/v1.0/applications/{extended.app['id']}/extensionProperties/{key}")

    case = await planned(damage, prepare=extended.prepare)
    report = await restored(case)
    assert report.not_done == ()
    assert extended.values(case.world.service, extended.people[1])["team"] == "Team 1"


async def test_values_without_the_property_that_declares_them_are_told_and_not_written() -> None:
    extended = Extended()

    def damage(service: Service) -> None:
        delete(service, "applications", extended.app["id"], purge=True)

    case = await planned(damage, prepare=extended.prepare, scope=Scope(("users", "groups")))
    told = {one.member for one in case.world.plan.exclusions if one.target == extended.people[0]}
    assert told == set(extended.names.values())
    assert {one.reason for one in case.world.plan.exclusions if one.member in told} == {Reason.OUT_OF_SCOPE}
    assert not [one for one in case.world.plan.operations if one.target in extended.people]


async def test_names_that_cannot_all_be_found_out_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a large tenant the call for other tenants' applications answers with nothing; a token may lack it."""
    clock = ManualClock()
    service = tenant(clock)
    extended = Extended()
    extended.prepare(service)
    foreign = {
        "id": "f0000000-0000-4000-8000-000000000001",
        "name": "extension_00000000000040008000000000000001_plan",
        "dataType": "String",
        "isMultiValued": False,
        "isSyncedFromOnPremises": False,
        "targetObjects": ["User"],
    }
    service.info["foreignExtensions"] = [foreign]
    users = CATALOG.get("users")

    async def asked(roles: frozenset[str] = WRITER) -> tuple[set[str], Completeness]:
        found = await choose(SimDirectory(service, clock, Principal("b", "b", roles)), CATALOG, users)
        return set(users.found_in(found.members)), found.groups["directoryExtensions"]

    own = set(extended.names.values())
    assert await asked() == (own | {foreign["name"]}, Completeness(State.COMPLETE))
    partly = Completeness(State.PARTIAL, f"{Why.MISSING_PERMISSION}:Directory.Read.All")
    assert await asked(frozenset(("User.Read.All", "Application.Read.All"))) == (own, partly)
    lacking = Completeness(State.NOT_PERMITTED, "Application.Read.All or Directory.Read.All")
    assert await asked(frozenset(("User.Read.All",))) == (set(), lacking)
    monkeypatch.setattr(extension_properties, "_LISTED_UP_TO", 1)
    assert await asked() == (own, Completeness(State.PARTIAL, Why.LEFT_OUT))

"""Registering against simulated tenants: complete after any accident, nothing twice, nothing beyond the lists."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import pytest

from infra.graph import lists
from infra.graph.__main__ import DONE, FINDING, main, run
from infra.graph.ids import APP_ROLES, GRAPH_APP_ID
from infra.graph.register import Registrar
from infra.graph.wanted import CREDENTIAL, Wanted, wanted
from shared.adapters.memory import ManualClock
from shared.domain.errors import AnswerLost, GraphError, GraphNotPermitted, Refused
from shared.domain.ports import Directory
from tests.faults import Faults, FaultyDirectory, crash_points, fail, run_until_crash
from tests.graph_inside import inside
from tests.seeds import chance
from tests.simdirectory import SimDirectory, TestTime, scripted
from tests.simulator.auth import Principal
from tests.simulator.control import issue_token
from tests.simulator.seeds import plan_of, plant
from tests.simulator.seeds_apps import _role
from tests.simulator.server import Application
from tests.simulator.service import Service

HOME, PROTECTED = "00000000-0000-4000-8000-0000000000aa", "00000000-0000-4000-8000-0000000000bb"
IDENTITIES = {
    "backup": "00000000-0000-4000-8000-000000000001",
    "restore": "00000000-0000-4000-8000-000000000002",
    "unlock": "00000000-0000-4000-8000-000000000003",
}
ADMIN = frozenset({"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"})
STORED = lists.stored()


class _Applications(dict[str, Any]):
    """First-party applications as the protected tenant sees them: those of the home tenant, too."""

    def __init__(self, known: dict[str, Any], home: Service) -> None:
        super().__init__(known)
        self._home = home

    def get(self, app_id: str, default: Any = None) -> Any:
        apps = self._home.store.tables["applications"].values()
        found = next((one for one in apps if one["appId"] == app_id), None)
        if found is None or found["signInAudience"] != "AzureADMultipleOrgs":
            return super().get(app_id, default)
        kept = {name: found[name] for name in ("appId", "displayName", "appRoles", "signInAudience")}
        return {**kept, "appDisplayName": found["displayName"], "appOwnerOrganizationId": HOME}


@dataclass
class World:
    """One tenant, or two, and a person who registers."""

    clock: ManualClock = field(default_factory=ManualClock)
    apart: bool = False
    granted: frozenset[str] = ADMIN
    lag: float = 0.0

    def __post_init__(self) -> None:
        self.protected = self._tenant()
        self.home = self._tenant() if self.apart else self.protected
        if self.apart:
            self.protected.info["firstParty"] = _Applications(self.protected.info["firstParty"], self.home)
        self.output: list[str] = []

    def _tenant(self) -> Service:
        service = Application(Service(TestTime(self.clock))).service
        plant(service, plan_of("10"))
        service.throttle.enabled = False
        service.settings.lag = self.lag
        table = service.store.tables["servicePrincipals"]
        graph = next(one for one in table.values() if one["appId"] == GRAPH_APP_ID)
        graph["appRoles"] = [_role(key, name) for name, key in APP_ROLES.items()]
        return service

    @property
    def wanted(self) -> Wanted:
        return wanted("holdfast", HOME if self.apart else PROTECTED, PROTECTED, IDENTITIES, STORED)

    def registrar(self, faults: Faults | None = None) -> Registrar:
        person = Principal("cli", "person", self.granted, upn="admin@contoso.example")

        def reached(service: Service) -> Directory:
            directory = SimDirectory(service, self.clock, person)
            return directory if faults is None else FaultyDirectory(directory, faults)

        protected = reached(self.protected)
        return Registrar(reached(self.home) if self.apart else protected, protected, self.clock)

    async def run(self, faults: Faults | None = None, *, prune: bool = False, agreed: bool = True) -> int:
        return await run(
            self.registrar(faults), self.wanted, prune=prune, agreed=lambda: agreed, show=self.output.append
        )

    def table(self, name: str, service: Service | None = None) -> list[dict[str, Any]]:
        return list((service or self.protected).store.tables[name].values())

    def ours(self) -> dict[str, dict[str, Any]]:
        """Our applications by the app they are for."""
        found = [one for one in self.table("applications", self.home) if one.get("uniqueName")]
        assert len({one["uniqueName"] for one in found}) == len(found)
        return {one["uniqueName"].split("-")[1]: one for one in found}

    def check(self) -> None:
        """All there, nothing twice, nothing more."""
        apps = self.ours()
        assert set(apps) == set(IDENTITIES)
        principals = self.table("servicePrincipals")
        graph = next(one["id"] for one in principals if one["appId"] == GRAPH_APP_ID)
        for key, app in apps.items():
            assert app["signInAudience"] == self.wanted.audience
            assert app["passwordCredentials"] == app["keyCredentials"] == []
            [trust] = self.trusts(app)
            assert (trust["issuer"], trust["subject"]) == (self.wanted.issuer, IDENTITIES[key])
            assert trust["audiences"] == ["api://AzureADTokenExchange"]
            [principal] = [one for one in principals if one["appId"] == app["appId"]]
            assert principal["accountEnabled"] is (key != "restore")
            held = [one for one in self.table("appRoleAssignments") if one["principalId"] == principal["id"]]
            assert {one["resourceId"] for one in held} == {graph}
            assert sorted(one["appRoleId"] for one in held) == sorted(one.app_role_id for one in STORED[key])

    def trusts(self, app: dict[str, Any]) -> list[dict[str, Any]]:
        keys = self.home.store.targets("applications.federatedIdentityCredentials", app["id"])
        return [self.home.store.tables["federatedIdentityCredentials"][key] for key in keys]

    def writes(self) -> int:
        return self.home.store.seq + (self.protected.store.seq if self.apart else 0)


@pytest.fixture(params=[False, True], ids=["one tenant", "vault in another tenant"])
def world(request: pytest.FixtureRequest) -> World:
    return World(apart=request.param)


async def test_all_is_made_and_a_second_run_has_nothing_to_do(world: World) -> None:
    assert await world.run() == DONE
    world.check()
    apps = world.ours()
    assert world.output[-3:] == [f"{key}ClientId={apps[key]['appId']}" for key in IDENTITIES]
    before, world.output = world.writes(), []
    assert await world.run() == DONE
    assert world.output[0] == "nothing to do"
    assert world.writes() == before


async def test_nothing_happens_before_the_person_agreed(world: World) -> None:
    before = world.writes()
    assert await world.run(agreed=False) == FINDING
    assert world.writes() == before
    assert sum(line.startswith("to do ") for line in world.output) == 9 + sum(map(len, STORED.values()))


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.full), 3])
async def test_killed_before_or_after_any_write_the_next_run_completes_it(every: int) -> None:
    clean = Faults()
    assert await World(apart=True).run(clean) == DONE
    count = len(clean.writes)
    assert count == 9 + sum(map(len, STORED.values()))
    for rule in islice(crash_points(count), chance("register", every).randrange(every), None, every):
        world = World(apart=True)
        assert await run_until_crash(world.run(Faults(rule)))
        assert await world.run() == DONE
        world.check()


async def test_a_lost_answer_to_any_write_makes_nothing_twice() -> None:
    for before in (True, False):
        world = World()
        faults = Faults()
        for part in ("PATCH", "POST /v1.0/applications", "POST /v1.0/servicePrincipals"):
            faults.add(fail(part, lambda: AnswerLost("lost"), before=before, times=2))
        faults.add(fail("appRoleAssignedTo", lambda: AnswerLost("lost"), before=before, times=3, skip=4))
        assert await world.run(faults) == DONE
        world.check()


async def test_replicas_that_lag_behind_are_waited_for(world: World) -> None:
    """404 after 201, 400 for an application that is not there yet, listings without what was written."""
    for replicas in ((1.0, 0.5, 0.1), (1.0,)):
        slow = World(apart=world.apart, lag=60.0)
        for service in (slow.home, slow.protected):
            service.settings.replicas = replicas
        assert await slow.run() == DONE
        slow.check()
    before, slow.output = slow.writes(), []
    assert await slow.run() == DONE
    assert slow.output[0] == "nothing to do"
    assert slow.writes() == before


async def test_a_sign_in_without_the_permission_changes_nothing(world: World) -> None:
    world.granted = frozenset({"Application.ReadWrite.All"})
    before = world.writes()
    with pytest.raises(Refused, match="protected tenant lacks AppRoleAssignment"):
        await world.run()
    assert world.writes() == before


async def test_a_refused_consent_says_what_is_done_and_the_next_run_completes_it(world: World) -> None:
    rule = {"match": {"pathRegex": "appRoleAssignedTo$", "method": "POST", "nth": 3}, "effect": {"status": 403}}
    world.protected.faults.install([rule])
    with pytest.raises(GraphNotPermitted) as refused:
        await world.run()
    assert "Privileged Role Administrator" in refused.value.hint
    done = sum(line.startswith("done") for line in world.output)
    assert f"{done} of " in refused.value.saved
    world.protected.faults.clear()
    assert await world.run() == DONE
    world.check()


async def test_what_is_too_much_is_told_and_taken_away_only_on_demand(world: World) -> None:
    assert await world.run() == DONE
    app = world.ours()["backup"]
    principals = world.table("servicePrincipals")
    mine = next(one["id"] for one in principals if one["appId"] == app["appId"])
    graph = next(one["id"] for one in principals if one["appId"] == GRAPH_APP_ID)
    role = APP_ROLES["User.ReadWrite.All"]
    body = {"principalId": mine, "resourceId": graph, "appRoleId": role}
    scripted(world.protected, "POST", f"/v1.0/servicePrincipals/{graph}/appRoleAssignedTo", body)
    trust = {
        "name": "x",
        "issuer": "https://evil.example",
        "subject": "s",
        "audiences": ["api://AzureADTokenExchange"],
    }
    scripted(world.home, "POST", f"/v1.0/applications/{app['id']}/federatedIdentityCredentials", trust)
    before, world.output = world.writes(), []
    assert await world.run() == FINDING
    assert world.writes() == before
    assert any("User.ReadWrite.All, which its list doesn't have" in line for line in world.output)
    assert any("not Holdfast's" in line for line in world.output)
    for faults in (Faults(fail("DELETE", lambda: AnswerLost("lost"), before=False)), None):
        assert await world.run(faults, prune=True) == DONE
        world.check()


async def test_a_secret_is_told_and_left_and_an_enabled_restore_app_stays_enabled(world: World) -> None:
    assert await world.run() == DONE
    app = world.ours()["restore"]
    scripted(world.home, "POST", f"/v1.0/applications/{app['id']}/addPassword", {"passwordCredential": {}})
    mine = next(one for one in world.table("servicePrincipals") if one["appId"] == app["appId"])
    scripted(world.protected, "PATCH", f"/v1.0/servicePrincipals/{mine['id']}", {"accountEnabled": True})
    before, world.output = world.writes(), []
    assert await world.run(prune=True) == FINDING
    assert world.writes() == before
    assert [line for line in world.output if line.startswith("note")] == [
        "note  restore: has 1 passwords or certificates; it needs none: remove them by hand",
        "note  restore: its service principal is enabled: right during a restore, and only then",
    ]


async def test_a_new_identity_takes_the_place_of_the_old_one(world: World) -> None:
    assert await world.run() == DONE
    other = "00000000-0000-4000-8000-0000000000ff"
    plan = wanted("holdfast", world.wanted.home, PROTECTED, {**IDENTITIES, "backup": other}, STORED)
    registrar = world.registrar()
    found = await registrar.plan(plan)
    [step] = found.steps
    assert step.text == f"backup: trust the managed identity {other} in place of {IDENTITIES['backup']}"
    await registrar.carry_out(found, world.output.append)
    [trust] = world.trusts(world.ours()["backup"])
    assert (trust["name"], trust["subject"]) == (CREDENTIAL, other)


async def test_registered_before_the_deployment_there_is_nothing_to_trust_yet(world: World) -> None:
    plan = replace(world.wanted, apps=tuple(replace(app, identity="") for app in world.wanted.apps))
    assert await run(world.registrar(), plan, prune=False, agreed=lambda: True, show=world.output.append) == DONE
    assert "--backup-identity PRINCIPAL-ID" in world.output[-1]
    assert await world.run() == DONE
    world.check()


async def test_two_deployments_do_not_meet(world: World) -> None:
    assert await world.run() == DONE
    other = wanted("second", world.wanted.home, PROTECTED, {"backup": IDENTITIES["backup"]}, STORED)
    assert (
        (await world.registrar().plan(other)).steps[0].text.startswith("backup: register the application second-")
    )


async def test_a_name_that_a_deleted_application_holds_is_explained(world: World) -> None:
    assert await world.run() == DONE
    app = world.ours()["backup"]
    scripted(world.home, "DELETE", f"/v1.0/applications/{app['id']}")
    with pytest.raises(GraphError) as refused:
        await world.run()
    assert "deleted within 30 days" in refused.value.hint


async def test_an_id_that_the_tenant_does_not_know_stops_everything(world: World) -> None:
    graph = next(one for one in world.table("servicePrincipals") if one["appId"] == GRAPH_APP_ID)
    graph["appRoles"] = [role for role in graph["appRoles"] if role["value"] != "Member.Read.Hidden"]
    before = world.writes()
    with pytest.raises(Refused, match=r"no app role Member\.Read\.Hidden"):
        await world.run()
    assert world.writes() == before


async def test_the_real_adapter_registers_too() -> None:
    """Headers, addresses by alternate key and answers without a body, through the client that is used in Azure."""
    world = World()
    asked = {"roles": sorted(ADMIN), "upn": world.table("users")[0]["userPrincipalName"], "expiresIn": 1e6}
    async with inside(world.protected, issue_token(world.protected, asked)["token"], world.clock) as directory:
        registrar = Registrar(directory, directory, world.clock)
        for first in ("to do ", "nothing to do"):
            world.output = []
            show = world.output.append
            assert await run(registrar, world.wanted, prune=False, agreed=lambda: True, show=show) == DONE
            assert world.output[0].startswith(first)
            world.check()


def test_a_fixed_token_goes_to_this_machine_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOLDFAST_GRAPH_TOKEN", "x")
    monkeypatch.delenv("HOLDFAST_GRAPH_URL", raising=False)
    assert main(["register", "--tenant", PROTECTED]) == 2
    assert "a fixed Graph token works only for a Graph URL on this machine" in capsys.readouterr().err

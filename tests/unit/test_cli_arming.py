"""`holdfast restore arm|disarm` against a simulated tenant and a simulated app that answers from its own token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from shared.adapters.app_switch import ArmAppSwitch
from shared.adapters.management import LoopbackToken
from shared.bootstrap import Armer
from shared.catalog.registry import CATALOG
from shared.cli.main import run as run_cli
from shared.cli.screen import Screen
from shared.cli.session import Session
from shared.desks import handle_step
from shared.domain.errors import AnswerLost, GraphUnauthorized, Unusable
from shared.engines.arming import Standing, read_standing, standing_blob, standing_message
from shared.engines.evidence import TrustedKeys
from shared.engines.jws import Purpose
from tests.faults import Crash, Faults, FaultyAppSwitch, FaultyDirectory, crash_points, fail
from tests.infra.test_graph_register import ADMIN
from tests.infra.test_graph_register import World as Registered
from tests.localrun.sites import APP_ID, SitePlane
from tests.simdirectory import SimDirectory
from tests.simulator.auth import Principal
from tests.unit.cli_runner import Ran
from tests.unit.cli_world import EXECUTION_KEY, STRANGER, Deployment


class AppsToken:
    """What the restore app sees of the tenant: its token, as its service principal stands now."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def roles(self) -> frozenset[str] | None:
        if not self._world.principal["accountEnabled"]:
            raise GraphUnauthorized("the token was refused", status=401)
        names = {role["id"]: role["value"] for role in self._world.graph["appRoles"]}
        return frozenset(
            names[one["appRoleId"]]
            for one in self._world.tenant.table("appRoleAssignments")
            if one["principalId"] == self._world.principal["id"]
        )


class AppParts:
    """Those of the restore app that answering takes."""

    def __init__(self, world: World) -> None:
        deployment = world.deployment
        self.settings = SimpleNamespace(tenant_id=deployment.view().tenant)
        self.keys = deployment.keys
        self.evidence = deployment.evidence
        self.clock = deployment.backup.clock
        self.directory = AppsToken(world)
        self.signers = {Purpose.EXECUTION: world.signer}


class World:
    """A deployment whose applications are registered; the app runs while somebody waits for it, if it is on."""

    def __init__(self, *, apart: bool = False) -> None:
        self.deployment = Deployment()
        self.clock: Any = self.deployment.backup.clock
        self.tenant = Registered(clock=self.clock, apart=apart)
        asyncio.run(self.tenant.run())
        self.plane = SitePlane()
        self.app = self.tenant.ours()["restore"]["appId"]
        self.signer = EXECUTION_KEY
        self.granted = ADMIN
        self.faults: Faults | None = None
        self.die_at = -1  # the pause at which somebody ends the command
        self.paused = 0

    @property
    def principal(self) -> dict[str, Any]:
        return next(one for one in self.tenant.table("servicePrincipals") if one["appId"] == self.app)

    @property
    def graph(self) -> dict[str, Any]:
        return next(
            one for one in self.tenant.table("servicePrincipals") if one["displayName"] == "Microsoft Graph"
        )

    @property
    def on(self) -> tuple[bool, bool]:
        """Service principal, app."""
        return self.principal["accountEnabled"], self.plane.running

    def __call__(self, *words: str) -> Ran:
        import io

        out, err = io.StringIO(), io.StringIO()
        self.paused = 0
        session = Session(
            screen=Screen(out=out, err=err, width=2000), opener=self._opener, pause=self._pause, armer=self._armer
        )
        return Ran(run_cli(["restore", *words, "--json"], session), out.getvalue(), err.getvalue())

    @asynccontextmanager
    async def _opener(self, source: Any) -> AsyncIterator[Any]:
        parts = self.deployment.parts()
        parts.deployment("").settings.restore_client_id = self.app  # type: ignore[misc]
        yield parts

    @asynccontextmanager
    async def _armer(self, sign_in_app: str, tell: Callable[[str], None]) -> AsyncIterator[Armer]:
        person = Principal("cli", "person", self.granted, upn="admin@contoso.example")
        directory: Any = SimDirectory(self.tenant.protected, self.clock, person)
        if self.faults is not None:
            directory = FaultyDirectory(directory, self.faults)
        async with self.plane:
            switch = ArmAppSwitch.open(APP_ID, LoopbackToken(), self.plane.url, retry_total=0)
            used: Any = switch if self.faults is None else FaultyAppSwitch(switch, self.faults)
            try:
                yield Armer(directory, used)
            finally:
                await switch.close()

    async def _pause(self, seconds: float) -> None:
        self.paused += 1
        if self.paused == self.die_at:
            raise KeyboardInterrupt
        await self.clock.sleep(seconds)
        if not self.plane.running:
            return
        queue = self.deployment.queues["restore-steps"]
        parts: Any = AppParts(self)
        for message in queue.receive():
            await handle_step(parts, message.body.encode())
            queue.delete(message)

    def records(self) -> list[str]:
        return [name for name in self.deployment.evidence.blobs if "/armed/" in name]


@pytest.fixture
def world() -> World:
    return World()


def _told(ran: Ran) -> dict[str, tuple[bool, bool]]:
    return {one["step"]: (one["changed"], one["ok"]) for one in ran.document["steps"]}


def test_arming_switches_both_on_and_disarming_both_off_each_once(world: World) -> None:
    assert world.on == (False, False)
    ran = world("arm")
    assert ran.code == 0, ran.err + ran.out
    assert ran.document["armed"] is True
    assert world.on == (True, True)
    assert _told(ran) == {
        "permissions": (False, True),
        "service principal": (True, True),
        "restore app": (True, True),
        "token": (False, True),
    }
    again = world("arm")
    assert again.code == 0
    assert {step: changed for step, (changed, _) in _told(again).items() if changed} == {}
    off = world("disarm")
    assert off.code == 0, off.err
    assert world.on == (False, False)
    assert _told(off) == {"restore app": (True, True), "service principal": (True, True)}
    once_more = world("disarm")
    assert (once_more.code, world.on) == (0, (False, False))
    assert not any(changed for changed, _ in _told(once_more).values())
    assert world.plane.acts == ["start", "stop"]


def test_the_apps_own_word_is_kept_under_its_key(world: World) -> None:
    assert world("arm").code == 0
    (name,) = world.records()
    said = asyncio.run(world.deployment.view().read_signed(Standing, name, Purpose.EXECUTION))[0]
    assert CATALOG.lacking(said.roles or (), write=True) == ()
    stranger = replace(TrustedKeys({}, STRANGER.public_keys))
    evidence = world.deployment.view()
    evidence.keys = stranger
    with pytest.raises(Exception, match="not what its place demands"):
        asyncio.run(evidence.read_signed(Standing, name, Purpose.EXECUTION))


def test_what_the_token_lacks_is_named_and_ends_it_with_3(world: World) -> None:
    table = world.tenant.protected.store.tables["appRoleAssignments"]
    names = {role["id"]: role["value"] for role in world.graph["appRoles"]}
    gone = next(
        key
        for key, one in table.items()
        if one["principalId"] == world.principal["id"] and names[one["appRoleId"]] == "User.ReadWrite.All"
    )
    del table[gone]
    ran = world("arm")
    assert ran.code == 3
    told = {one["step"]: one["told"] for one in ran.document["steps"]}
    assert "User.ReadWrite.All" in told["permissions"]
    assert "User.ReadWrite.All" in told["token"]
    assert world.on == (True, True)


def test_somebody_stopped_half_way_goes_on_and_is_told_what_was_done(world: World) -> None:
    world.die_at = 1
    ran = world("arm")
    assert ran.code == 130
    assert "disarm puts both back" in ran.err
    assert world.on == (True, False)
    world.die_at = -1
    ran = world("arm")
    assert (ran.code, world.on) == (0, (True, True))
    assert _told(ran)["service principal"] == (False, True)
    world.die_at = 1
    assert world("disarm").code == 130
    assert world.on == (True, False)
    world.die_at = -1
    assert world("disarm").code == 0
    assert world.on == (False, False)


def test_an_app_that_cannot_be_started_leaves_a_told_half_state(world: World) -> None:
    world.plane.denied = True
    ran = world("arm")
    assert ran.code == 1
    assert ran.document["error"]["saved"] == "changed so far: service principal"
    assert world.on == (True, False)


def test_lost_answers_and_late_effects_change_nothing(world: World) -> None:
    world.plane.late, world.plane.lose = 3, 1
    world.faults = Faults(fail("PATCH", lambda: AnswerLost("lost"), before=False))
    ran = world("arm")
    assert ran.code == 0, ran.err
    assert world.on == (True, True)
    world.plane.lose = 1
    world.faults = Faults(fail("PATCH", lambda: AnswerLost("lost"), before=False))
    assert world("disarm").code == 0
    assert world.on == (False, False)


def test_a_person_who_may_not_change_it_changes_nothing(world: World) -> None:
    world.granted = frozenset({"Application.Read.All"})
    ran = world("arm")
    assert ran.code == 1
    assert "Administrator" in ran.err
    assert world.on == (False, False)


def test_an_app_that_never_answers_is_told(world: World) -> None:
    world.signer = STRANGER
    ran = world("arm")
    assert ran.code != 0
    world.signer = EXECUTION_KEY
    world.plane.enabled = False
    ran = world("arm")
    assert ran.code == 3
    assert "restoreArmed" in {one["step"]: one["told"] for one in ran.document["steps"]}["restore app"]


def test_a_purged_service_principal_is_refused_with_what_makes_it_again(world: World) -> None:
    table = world.tenant.protected.store.tables["servicePrincipals"]
    del table[world.principal["id"]]
    ran = world("arm")
    assert ran.code == 3
    assert "infra.graph register" in ran.err
    assert world.plane.acts == []


def test_a_question_is_told_from_a_step_and_from_noise() -> None:
    question = read_standing(standing_message("0123456789ab").encode())
    assert question is not None
    assert question.nonce == "0123456789ab"
    assert read_standing(b'{"v":1,"plan":"p1","step":"s1"}') is None
    for noise in (b'{"v":2,"kind":"standing","nonce":"0123456789ab"}', b'{"v":1,"kind":"standing"}', b"{"):
        with pytest.raises(Unusable):
            read_standing(noise)
    for name in ("", "../../../x", "short", "a" * 65):
        with pytest.raises(Unusable):
            standing_blob("99999999-2222-3333-4444-555555555555", name)


@pytest.mark.parametrize(("word", "end"), [("arm", (True, True)), ("disarm", (False, False))])
def test_killed_before_or_after_any_write_the_next_one_completes_it(word: str, end: tuple[bool, bool]) -> None:
    for number, rule in enumerate(crash_points(2)):  # the service principal, and the app
        world = World()
        if word == "disarm":
            assert world("arm").code == 0
        world.faults = Faults(rule)
        with pytest.raises(Crash):
            world(word)
        world.faults = None
        assert (number, world(word).code, world.on) == (number, 0, end)

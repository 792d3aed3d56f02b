"""Who let the restore app sign in, and for how long: from the tenant's log in the snapshots, holes told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.catalog.registry import CATALOG
from shared.domain.evidence import Arming, Facts, Hole, Status, Topic
from shared.engines.evidence_arming import read_arming
from shared.engines.evidence_desk import period_of
from shared.engines.evidence_rows import judge
from tests.backup import Backup
from tests.fakes import forbidden, refuse
from tests.simdirectory import SimDirectory
from tests.simulator.auth import Principal
from tests.unit.evidence_world import BACKUP_APP, NOVEMBER, RESTORE_APP, World
from tests.unit.test_cli_arming import World as Armed

MARIA, TOMAS = "maria@contoso.example", "tomas@contoso.example"


@pytest.fixture
def world() -> World:
    made = World()
    directory = made.deployment.backup.directory
    directory.put("servicePrincipals", id="sp-restore", appId=RESTORE_APP.upper(), displayName="Holdfast restore")
    directory.put("servicePrincipals", id="sp-backup", appId=BACKUP_APP, displayName="Holdfast backup")
    return made


def at(day: int, hour: int = 1) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def log(world: World, moment: datetime, value: object, by: str = MARIA, **changes: Any) -> None:
    """An event as the service writes it (Microsoft Graph: directoryAudit, targetResource, modifiedProperty)."""
    target = {
        "id": changes.pop("target", "sp-restore"),
        "modifiedProperties": [{"displayName": changes.pop("member", "AccountEnabled"), "newValue": value}],
    }
    event = {
        "id": f"e-{moment:%d%H%M}-{target['id']}",
        "activityDisplayName": "Update service principal",
        "activityDateTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "result": "success",
        "initiatedBy": {"user": {"userPrincipalName": by}, "app": None},
        "targetResources": [target],
        **changes,
    }
    world.deployment.backup.directory.put("directoryAudits", **event)


async def gathered(world: World) -> tuple[Facts, Arming]:
    facts = await world.gather()
    assert facts.arming is not None, facts.away
    return facts, facts.arming


async def test_who_armed_and_who_disarmed_and_when_each_once(world: World) -> None:
    await world.back_up(at(20))
    log(world, at(20, 9), "[true]")
    log(world, at(20, 13), "[false]", TOMAS)
    await world.back_up(at(21))
    log(world, at(21, 9), "true", TOMAS)
    await world.back_up(at(22))
    facts, found = await gathered(world)
    assert [(one.principal, one.on_at, one.on_by, one.off_at, one.off_by) for one in found.spans] == [
        ("sp-restore", at(20, 9), MARIA, at(20, 13), TOMAS),
        ("sp-restore", at(21, 9), TOMAS, None, ""),
    ]
    assert found.principals == {"sp-backup": "backup app", "sp-restore": "restore app"}
    assert (found.holes, found.unread, found.until) == ((), {}, at(22))
    judged = judge(Topic.ARMING, facts)
    assert judged.status is Status.SUPPORTS
    assert "switched on: 2; still on: 1" in judged.why


async def test_what_is_no_switch_of_a_principal_of_ours_is_not_told(world: World) -> None:
    log(world, at(20, 2), "[true]", target="sp-1")
    log(world, at(20, 3), "[true]", result="failure")
    log(world, at(20, 4), "[true]", member="DisplayName")
    log(world, at(20, 5), "[perhaps]")
    log(world, at(20, 6), "[true]", targetResources=None)
    log(world, at(20, 7), "[true]", activityDateTime="yesterday")
    await world.back_up(at(21))
    assert (await gathered(world))[1].spans == ()


async def test_a_principal_that_was_on_before_the_log_begins_is_told_and_the_backup_apps_too(world: World) -> None:
    log(world, at(20, 9), "[false]")
    log(world, at(20, 10), "[false]", TOMAS)  # said again
    log(world, at(20, 11), "[false]", TOMAS, target="sp-backup")
    await world.back_up(at(21))
    _, found = await gathered(world)
    assert [(one.principal, one.on_at, one.off_at, one.off_by) for one in found.spans] == [
        ("sp-restore", None, at(20, 9), MARIA),
        ("sp-backup", None, at(20, 11), TOMAS),
    ]


async def test_what_ended_before_the_period_or_began_after_it_is_not_of_it(world: World) -> None:
    log(world, at(18, 9), "[true]")
    log(world, at(18, 10), "[false]")
    log(world, at(19, 22), "[true]")
    log(world, at(20, 2), "[false]")
    log(world, at(21, 9), "[true]")
    await world.back_up(at(20))
    await world.back_up(at(21, 12))
    facts = await world.gather(period_of(at(20).date(), at(20).date()))
    assert facts.arming is not None
    assert [one.on_at for one in facts.arming.spans] == [at(19, 22)]
    assert facts.arming.until == at(21, 12)


async def test_a_log_that_could_not_be_read_is_a_hole_until_a_later_snapshot_makes_it_good(world: World) -> None:
    directory = world.deployment.backup.directory
    await world.back_up(at(20))
    directory.before.append(refuse("/auditLogs/directoryAudits", forbidden))
    torn = await world.back_up(at(21))
    world.deployment.backup.clock.advance((datetime(2026, 12, 1, 1, tzinfo=UTC) - at(21)).total_seconds())
    facts, found = await gathered(world)
    assert list(found.unread) == [torn]
    assert [(one.start, one.end) for one in found.holes] == [(at(20), NOVEMBER.end)]
    judged = judge(Topic.ARMING, facts)
    assert judged.status is Status.UNAVAILABLE
    assert "no part of the audit log was read: 1" in judged.why
    directory.before.clear()
    again = World()
    again.deployment.backup.directory = directory
    await again.back_up(at(20))
    directory.before.append(refuse("/auditLogs/directoryAudits", forbidden))
    torn = await again.back_up(at(21))
    directory.before.clear()
    await again.back_up(at(22))
    _, found = await gathered(again)
    assert (list(found.unread), found.holes) == ([torn], ())


async def test_without_the_restore_apps_principal_in_any_snapshot_nothing_is_claimed(world: World) -> None:
    world.deployment.backup.directory.remove("servicePrincipals", "sp-restore")
    await world.back_up(at(20))
    facts, _ = await gathered(world)
    judged = judge(Topic.ARMING, facts)
    assert (judged.status, "restore app's service principal" in judged.why) == (Status.UNAVAILABLE, True)


def test_a_hole_in_the_log_is_no_support_for_a_control() -> None:
    from tests.unit.evidence_samples import END, START, arming, facts

    judged = judge(Topic.ARMING, facts(arming=arming(holes=(Hole(START, END),))))
    assert judged.status is Status.UNAVAILABLE


def test_the_commands_own_switches_are_told_with_who_ran_them() -> None:
    """`holdfast restore arm` and `disarm` against the simulated tenant, and that tenant's own log."""
    import asyncio

    armed = Armed()
    assert (armed("arm").code, armed("disarm").code) == (0, 0)
    asyncio.run(_as_logged(armed))


async def _as_logged(armed: Armed) -> None:
    clock = armed.clock
    clock.advance(3600)
    reader = Principal("reader", "reader", frozenset(one for group in CATALOG.needs(write=False) for one in group))
    directory: Any = SimDirectory(armed.tenant.protected, clock, reader)
    backup = Backup(directory=directory, clock=clock)
    request = replace(backup.request(), types=("organization", "servicePrincipals", "directoryAudits"))
    await backup.start(request)
    await backup.deliver()
    day = clock.now().date()
    period = period_of(day - timedelta(days=1), day)
    found = await read_arming(backup.repository(), CATALOG, {"restore app": armed.app}, period, clock.now())
    assert found.principals == {armed.principal["id"]: "restore app"}
    (span,) = found.spans
    assert (span.on_by, span.off_by) == ("admin@contoso.example", "admin@contoso.example")
    assert span.on_at is not None
    assert span.off_at is not None
    assert span.on_at <= span.off_at <= clock.now()

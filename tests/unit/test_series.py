"""What happened, kept longer than the service keeps it: windows without holes, and nothing that is compared."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from shared.adapters.memory import ManualClock
from shared.catalog.registry import CATALOG, Catalog
from shared.engines.diff import diff
from tests.backup import Backup
from tests.fakes import FakeDirectory, forbidden, refuse
from tests.restore_planned import cloud_users, directory, planned
from tests.restore_world import tenant
from tests.simdirectory import scripted
from tests.simulator.service import Service

AUDITS = "directoryAudits"
SERIES = CATALOG.get(AUDITS).series
assert SERIES is not None
OVERLAP = timedelta(hours=SERIES.overlap_hours)
FIRST = timedelta(days=SERIES.first_days)


async def _run(backup: Backup) -> Any:
    request = replace(backup.request(), types=("organization", AUDITS))
    await backup.start(request)
    await backup.deliver()
    return await backup.repository().open(request.snapshot)


def _backup() -> Backup:
    fake = FakeDirectory()
    fake.put("organization", id="org-1", displayName="Contoso")
    fake.put(AUDITS, id="event-1", activityDisplayName="Add user", activityDateTime="2026-03-01T00:00:00Z")
    return Backup(directory=fake)


def _window(backup: Backup) -> tuple[datetime, datetime]:
    """The last window that was asked for."""
    asked = unquote([path for path in backup.directory.requests if f"/{AUDITS}?" in path][-1])
    _, _, test = asked.partition("$filter=")
    words = test.partition("&")[0].split(" ")
    assert words[::4] == ["activityDateTime", "activityDateTime"]
    assert (words[1], words[5]) == ("ge", "le")
    begin, end = (datetime.strptime(word, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) for word in words[2::4])
    return begin, end


async def test_each_window_begins_before_the_last_one_ended() -> None:
    backup = _backup()
    first = await _run(backup)
    begun = first.manifest.started_at
    assert _window(backup) == (_whole(begun - FIRST), _whole(begun))
    assert first.manifest.types[AUDITS].since == begun - FIRST
    for _ in range(3):
        backup.clock.advance(86400)
        later = await _run(backup)
        assert _window(backup) == (_whole(begun - OVERLAP), _whole(later.manifest.started_at))
        begun = later.manifest.started_at


async def test_a_window_that_was_not_read_is_read_with_the_next_one() -> None:
    backup = _backup()
    first = await _run(backup)
    backup.clock.advance(86400)
    backup.directory.before.append(refuse(f"/{AUDITS}", forbidden))
    second = await _run(backup)
    assert not second.completeness(AUDITS).is_complete
    backup.directory.before.clear()
    backup.clock.advance(9 * 86400)
    third = await _run(backup)
    missed = first.manifest.started_at - OVERLAP
    assert _window(backup)[0] == _whole(missed)
    assert third.completeness(AUDITS).is_complete


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


async def test_events_are_in_the_snapshot_and_in_no_diff() -> None:
    backup = _backup()
    first = await _run(backup)
    backup.directory.put(AUDITS, id="event-2", activityDisplayName="Delete user")
    backup.clock.advance(86400)
    second = await _run(backup)
    assert [one.id async for one in second.index(AUDITS)] == ["event-1", "event-2"]
    changes = diff(first, second, CATALOG)
    assert not [one async for one in await changes]


async def test_a_plan_and_its_report_do_not_know_of_them() -> None:
    def damage(service: Service) -> None:
        user = cloud_users(service)[0]["id"]
        scripted(service, "PATCH", f"/v1.0/users/{user}", {"department": "Elsewhere"})

    case = await planned(damage)
    assert not [one for one in case.world.plan.exclusions if one.type == AUDITS]
    await case.run()
    assert not (await case.report()).unexpected


async def test_the_tenants_own_log_is_kept() -> None:
    clock = ManualClock()
    service = tenant(clock)
    user = cloud_users(service)[0]["id"]
    scripted(service, "PATCH", f"/v1.0/users/{user}", {"department": "Elsewhere"})
    clock.advance(3600)
    roles = frozenset({"AuditLog.Read.All", "Organization.Read.All"})
    reader = directory(service, clock, roles)
    backup = Backup(directory=reader, clock=clock)  # type: ignore[arg-type]
    snapshot = await _run(backup)
    held = [raw async for _, raw in snapshot.objects(AUDITS)]
    assert len([raw for raw in held if b'"Update user"' in raw and str(user).encode() in raw]) == 1


def test_a_series_has_nothing_but_its_events() -> None:
    spec = CATALOG.get(AUDITS)
    for wrong in ({"delta": True}, {"only_read": ""}):
        changed = replace(spec, **wrong)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=AUDITS):
            Catalog(tuple(changed if one.name == AUDITS else one for one in CATALOG.types))

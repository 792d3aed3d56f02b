"""Photos, where they are asked for: who is made anew gets the photo back, and nobody else's is touched."""

from __future__ import annotations

from typing import Any

import pytest

from shared.adapters.memory import ManualClock
from shared.domain.plan import Mechanism
from tests.restore_planned import Planned, Snapshot, delete, make_plan, purge, read_as, with_plan
from tests.restore_world import WRITER, tenant
from tests.simdirectory import scripted
from tests.simulator.rules.apart import PHOTO
from tests.simulator.service import Service

KINDS = {"users": "userPhotos", "groups": "groupPhotos"}


def pictured(service: Service, table: str) -> list[str]:
    """Objects of this tenant's own that have a photo."""
    rows = service.store.tables[table].items()
    others = ("onPremisesSyncEnabled", "externalUserState")
    return sorted(key for key, one in rows if PHOTO in one and not any(one.get(name) for name in others))


def photo(service: Service, table: str, key: str) -> Any:
    return service.store.tables[table][key].get(PHOTO)


async def planned(lag: float = 0.0) -> tuple[Planned, dict[str, tuple[str, Any]]]:
    """One user and one group with a photo are purged; another user goes to the bin, and a third gets another photo.
    Returns what the purged had, by old id."""
    clock = ManualClock()
    service = tenant(clock)
    clock.advance(60)
    snapshot = Snapshot.of(await read_as(service, clock, WRITER, tuple(KINDS.values())))
    clock.advance(3600)
    people, groups = pictured(service, "users"), pictured(service, "groups")
    gone = {people[0]: ("users", photo(service, "users", people[0]))}
    gone[groups[0]] = ("groups", photo(service, "groups", groups[0]))
    for key, (table, _) in gone.items():
        purge(service, table, key)
    delete(service, "users", people[1])
    scripted(service, "PUT", f"/v1.0/users/{people[2]}/photo/$value", "data:image/png;base64,TmV3")
    clock.advance(3600)
    world = await with_plan(clock, service, await make_plan(service, snapshot, clock))
    service.settings.lag = lag
    return Planned(world, snapshot), gone


@pytest.mark.parametrize("lag", [0.0, 40.0])
async def test_who_is_made_anew_gets_the_photo_back_and_nobody_else_is_touched(lag: float) -> None:
    case, gone = await planned(lag)
    service = case.world.service
    written = [one for one in case.world.plan.operations if one.type in KINDS.values()]
    assert {(one.target, one.mechanism) for one in written} == {(key, Mechanism.FINISH) for key in gone}
    untouched = {key: photo(service, "users", key) for key in pictured(service, "users")}
    await case.run()
    report = await case.report()
    assert (report.unexpected, report.not_done) == ((), ())
    ids = {one.old: one.new for one in report.new_ids}
    for key, (table, held) in gone.items():
        assert held is not None
        assert photo(service, table, ids[key]) == held
    assert {key: photo(service, "users", key) for key in untouched} == untouched


async def test_without_photos_in_the_snapshot_none_is_planned() -> None:
    case, _ = await planned()
    service, clock = case.world.service, case.world.clock
    without = Snapshot.of(await read_as(service, clock, WRITER))
    plan = await make_plan(service, without, clock)
    assert not [one for one in plan.operations if one.type in KINDS.values()]

"""What is asked of some parents a day: nothing is lost, nothing stays older than the roll, and the age is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.registry import CATALOG, Catalog
from shared.catalog.spec import ObjectType, Tier
from shared.domain.snapshot import State
from shared.engines import rolling
from shared.engines.export import Work, encode_work
from tests.backup import Backup, content, with_limits
from tests.fakes import FakeDirectory, forbidden
from tests.faults import Faults, crash_at, run_until_crash

DAYS = 4
PARENTS = 24
HOLDER, CHILD = "certificateBasedAuthConfigurations", "certificateAuthorities"
PART = f"{HOLDER}.{CHILD}"
LINKED = "connectedOrganizations.internalSponsors"
START = datetime(2026, 3, 1, 2, tzinfo=UTC)


def _rolling(spec: ObjectType) -> ObjectType:
    parts = {PART, LINKED}
    return replace(
        spec,
        relationships=tuple(
            replace(one, tier=Tier.ROLLING, rolling_days=DAYS) if f"{spec.name}.{one.name}" in parts else one
            for one in spec.relationships
        ),
    )


TYPES = (HOLDER, CHILD, "connectedOrganizations", "organization", "users", "groups")
ROLLING = Catalog(tuple(_rolling(spec) for spec in CATALOG.types))


def _authority(directory: FakeDirectory, parent: str, name: str, **more: Any) -> None:
    directory.link(HOLDER, CHILD, parent, name, displayName=name, **more)


def _parent(directory: FakeDirectory, name: str) -> None:
    directory.put(HOLDER, id=name, displayName=name)
    _authority(directory, name, f"{name}-root")


def _backup(parents: int = PARENTS) -> Backup:
    directory = FakeDirectory(ROLLING)
    backup = Backup(directory=directory, catalog=ROLLING)
    for number in range(parents):
        _parent(directory, f"pki-{number:02d}")
        directory.put("connectedOrganizations", id=f"org-{number:02d}", displayName="Partner")
        directory.link("connectedOrganizations", "internalSponsors", f"org-{number:02d}", f"user-{number}")
    return backup


async def _run(backup: Backup, **options: Any) -> Any:
    """A backup of the types in question; the snapshot."""
    request = replace(backup.request(), types=TYPES)
    await backup.start(request)
    await backup.deliver(**options)
    return await backup.repository().open(request.snapshot)


def _asked(directory: FakeDirectory) -> set[str]:
    """Parents whose authorities were asked for since the last call."""
    marks = [path.split("/") for path in directory.requests if f"/{CHILD}" in path]
    directory.requests.clear()
    return {parts[parts.index(HOLDER) + 1] for parts in marks}


def _tomorrow(backup: Backup, days: float = 1.0) -> None:
    backup.clock.advance(days * 86400)


async def _authorities(snapshot: Any) -> set[str]:
    return {one.id async for one in snapshot.index(CHILD)}


async def test_the_first_run_asks_every_parent_and_the_next_ones_a_part_of_them() -> None:
    backup = _backup()
    first = await _run(backup)
    assert len(_asked(backup.directory)) == PARENTS
    held = await content(first)
    seen: set[str] = set()
    for _ in range(DAYS):
        _tomorrow(backup)
        again = await _run(backup)
        asked = _asked(backup.directory)
        assert 0 < len(asked) < PARENTS / 1.5
        seen |= asked
        assert again.completeness(PART).is_complete
        assert {name: _values(held[name]) for name in (CHILD, PART, LINKED)} == {
            name: _values(value) for name, value in (await content(again)).items() if name in (CHILD, PART, LINKED)
        }
    assert len(seen) == PARENTS


def _values(held: Any) -> Any:
    return {key: (raw, parent) for key, (raw, _, parent) in held.items()} if isinstance(held, dict) else held


async def test_the_manifest_tells_how_old_each_slice_is() -> None:
    backup = _backup()
    first = await _run(backup)
    ages = first.manifest.relationships[PART].ages
    assert ages == (ages[0],) * DAYS
    _tomorrow(backup)
    second = await _run(backup)
    kept = [age for age in second.manifest.relationships[PART].ages if age in ages]
    assert len(kept) == DAYS - 1
    assert second.manifest.types[CHILD].ages == second.manifest.relationships[PART].ages
    assert second.manifest.relationships["groups.members"].ages == ()


async def test_a_change_shows_when_its_parent_is_asked_and_within_the_roll() -> None:
    backup = _backup()
    await _run(backup)
    for number in range(PARENTS):
        _authority(backup.directory, f"pki-{number:02d}", f"new-{number:02d}")
    wanted = {f"new-{number:02d}" for number in range(PARENTS)}
    for day in range(DAYS):
        _tomorrow(backup)
        _asked(backup.directory)
        snapshot = await _run(backup)
        asked = _asked(backup.directory)
        shown = wanted & await _authorities(snapshot)
        assert {f"new-{name[-2:]}" for name in asked} <= shown
        assert (shown == wanted) is (day == DAYS - 1)


async def test_a_new_parent_is_asked_at_once_and_one_that_is_gone_is_taken_over_no_more() -> None:
    backup = _backup()
    await _run(backup)
    _tomorrow(backup)
    _asked(backup.directory)
    fresh = [f"late-{number}" for number in range(8)]
    for name in fresh:
        _parent(backup.directory, name)
    for number in range(8):
        backup.directory.remove(HOLDER, f"pki-{number:02d}")
    found = await _authorities(await _run(backup))
    assert {f"{name}-root" for name in fresh} <= found
    assert not {f"pki-{number:02d}-root" for number in range(8)} & found
    assert set(fresh) <= _asked(backup.directory)


async def test_a_parent_that_was_listed_by_its_type_alone_is_no_parent_that_was_asked() -> None:
    """It came between the two readings of one run: the snapshot holds it, and knows nothing of what it has."""
    backup = _backup()

    request = replace(backup.request(), types=TYPES)
    run = await backup.start(request)
    await backup.work(encode_work(Work(run.tenant, backup.vault.container, run.snapshot, PART)))
    _parent(backup.directory, "late")
    await backup.deliver()
    snapshot = await backup.repository().open(request.snapshot)
    assert "late" in {one.id async for one in snapshot.index(HOLDER)}
    _tomorrow(backup)
    assert "late-root" in await _authorities(await _run(backup))


@pytest.mark.parametrize("what", ["pack", "catalog", "refused", "skipped"])
async def test_what_can_not_serve_is_not_taken_over(what: str) -> None:
    backup = _backup()
    if what == "refused":
        backup.directory.before.append(_refusing("pki-03"))
    first = await _run(backup)
    _tomorrow(backup, DAYS + 1 if what == "skipped" else 1)
    _asked(backup.directory)
    if what == "pack":
        entry = first.manifest.types[CHILD]
        for pack in entry.packs:
            backup.vault.blobs[f"{first.committed.entry.folder}{pack.name}"] = b"damaged"
    if what == "catalog":
        other = replace(CATALOG.get("organization"), title="Another")
        backup.catalog = Catalog(tuple(other if one.name == other.name else one for one in ROLLING.types))
    backup.directory.before.clear()
    again = await _run(backup)
    assert len(_asked(backup.directory)) == PARENTS
    assert again.completeness(PART).is_complete
    assert len(await _authorities(again)) == PARENTS
    assert len(set(again.manifest.relationships[PART].ages)) == 1


def _refusing(parent: str) -> Any:
    def hook(request: Any) -> None:
        if f"/{parent}/{CHILD}" in request.path:
            raise forbidden()

    return hook


async def test_without_an_earlier_snapshot_at_hand_everything_is_asked() -> None:
    backup = _backup()
    await _run(backup)
    _tomorrow(backup)
    _asked(backup.directory)
    backup.chain.blobs[next(iter(backup.chain.blobs))] = b"damaged"
    again = await backup.start(replace(backup.request(), types=TYPES))
    assert again.earlier == ""


async def test_a_run_that_dies_anywhere_takes_over_the_same() -> None:
    backup = _backup(9)
    backup.limits = with_limits(time_budget=0.001)
    await _run(backup)
    _tomorrow(backup)
    expected = _values((await content(await _run(backup.copy())))[CHILD])
    request = replace(backup.request(), types=TYPES)
    await backup.start(request)
    log = Faults()
    await backup.copy().deliver(faults=log)
    for point in range(1, len(log.writes) + 1, 3):
        one = backup.copy()

        async def process(one: Backup = one, point: int = point) -> None:
            await one.deliver(faults=Faults(crash_at(point, before=point % 2 == 0)))

        await run_until_crash(process())
        await one.deliver()
        snapshot = await one.repository().open(request.snapshot)
        assert _values((await content(snapshot))[CHILD]) == expected
        assert snapshot.completeness(PART).state is State.COMPLETE


@given(st.lists(st.floats(0.1, 3.0), min_size=1, max_size=30), st.integers(2, 14))
def test_no_slice_gets_older_than_the_roll_and_one_run(gaps: Sequence[float], days: int) -> None:
    now = START
    ages: tuple[datetime, ...] = ()
    for gap in gaps:
        asked = rolling.due(ages, now, days)
        assert asked
        ages = tuple(now if number in asked else ages[number] for number in range(days))
        assert all(now - age < timedelta(days=days) for age in ages)
        now += timedelta(days=gap)


def test_slices_are_about_equal() -> None:
    sizes = [0] * 7
    for number in range(7000):
        sizes[rolling.slice_of(f"parent-{number}", 7)] += 1
    assert all(850 < size < 1150 for size in sizes)
